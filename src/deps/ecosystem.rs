//! The ecosystems that lockfiles speak of, by the names that the OSV schema gives them
//! (<https://ossf.github.io/osv-schema/#defined-ecosystems>).

use std::fmt;

macro_rules! ecosystems {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Who publishes a package.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Ecosystem {
            $($(#[$doc])* $variant,)*
        }

        impl Ecosystem {
            /// All of them.
            pub const ALL: &[Ecosystem] = &[$(Ecosystem::$variant),*];

            /// The name in OSV records.
            pub fn name(self) -> &'static str {
                match self {
                    $(Ecosystem::$variant => $name,)*
                }
            }
        }
    };
}

ecosystems! {
    /// C and C++ by Conan.
    ConanCenter = "ConanCenter",
    /// R.
    Cran = "CRAN",
    /// Rust.
    CratesIo = "crates.io",
    /// Swift and Objective-C by CocoaPods.
    CocoaPods = "CocoaPods",
    /// Go modules; the toolchain is the package `stdlib`.
    Go = "Go",
    /// Haskell.
    Hackage = "Hackage",
    /// Erlang and Elixir.
    Hex = "Hex",
    /// Julia.
    Julia = "Julia",
    /// Java and its kin.
    Maven = "Maven",
    /// JavaScript.
    Npm = "npm",
    /// .NET.
    NuGet = "NuGet",
    /// PHP.
    Packagist = "Packagist",
    /// Dart.
    Pub = "Pub",
    /// Python.
    PyPi = "PyPI",
    /// Ruby.
    RubyGems = "RubyGems",
    /// Swift by the repository's address.
    SwiftUrl = "SwiftURL",
}

impl Ecosystem {
    /// The ecosystem of this name; what stands behind a colon, as in `Packagist:https://…`, is a part of it.
    pub fn named(name: &str) -> Option<Ecosystem> {
        let name = name.split(':').next().unwrap_or_default();
        Ecosystem::ALL.iter().copied().find(|ecosystem| ecosystem.name() == name)
    }

    /// The name under which advisories list a package: registries that see several spellings as one are folded.
    pub fn canonical(self, name: &str) -> String {
        match self {
            // PEP 503.
            Ecosystem::PyPi => {
                let mut folded = String::with_capacity(name.len());
                for character in name.chars() {
                    match character {
                        '-' | '_' | '.' if folded.ends_with('-') => {}
                        '-' | '_' | '.' => folded.push('-'),
                        other => folded.extend(other.to_lowercase()),
                    }
                }
                folded
            }
            Ecosystem::NuGet | Ecosystem::Packagist | Ecosystem::Hex | Ecosystem::SwiftUrl => name.to_lowercase(),
            _ => name.to_string(),
        }
    }
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
