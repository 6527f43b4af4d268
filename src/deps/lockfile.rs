//! A lockfile's bytes become a list of packages.
//!
//! Our own small readers over plain trees: what a format says is read, what it does not say is left empty, and a text
//! that is not of the format is an error, never an empty list.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use super::ecosystem::Ecosystem;
use super::node::Refused;
use super::readers;

/// Larger than the lockfiles of the largest monorepos; what is over is refused unread.
pub const MAX_BYTES: usize = 32 * 1024 * 1024;
/// More packages than any lockfile lists.
pub(crate) const MAX_PACKAGES: usize = 200_000;
/// Packages of one way through the graph that are named.
const MOST_STEPS: usize = 50;

macro_rules! formats {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $ecosystem:ident, $fix:literal;)*) => {
        /// The formats, called by the name that their files usually bear.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Format {
            $($(#[$doc])* $variant,)*
        }

        impl Format {
            /// All of them.
            pub const ALL: &[Format] = &[$(Format::$variant),*];

            /// The canonical file name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Format::$variant => $name,)*
                }
            }

            /// Whose packages it lists.
            pub fn ecosystem(self) -> Ecosystem {
                match self {
                    $(Format::$variant => Ecosystem::$ecosystem,)*
                }
            }

            /// The command that raises one package; `{name}` and `{version}` stand for both.
            fn fix(self) -> &'static str {
                match self {
                    $(Format::$variant => $fix,)*
                }
            }
        }
    };
}

formats! {
    /// Bun's text lockfile.
    BunLock = "bun.lock", Npm, "bun add {name}@{version}";
    /// cabal's frozen constraints.
    CabalFreeze = "cabal.project.freeze", Hackage, "cabal update && cabal freeze --constraint='{name} >= {version}'";
    /// Cargo.
    CargoLock = "Cargo.lock", CratesIo, "cargo update -p {name} --precise {version}";
    /// Composer.
    ComposerLock = "composer.lock", Packagist, "composer update {name} --with-dependencies";
    /// Conan, versions 1 and 2.
    ConanLock = "conan.lock", ConanCenter, "conan lock create . --update";
    /// What a .NET build needs at run time.
    DepsJson = "deps.json", NuGet, "dotnet add package {name} --version {version}";
    /// Bundler.
    GemfileLock = "Gemfile.lock", RubyGems, "bundle update {name} --conservative";
    /// Go modules.
    GoMod = "go.mod", Go, "go get {name}@v{version} && go mod tidy";
    /// Gradle's locked configurations.
    GradleLockfile = "gradle.lockfile", Maven, "./gradlew dependencies --update-locks {name}";
    /// Gradle's version catalogue.
    VersionCatalog = "libs.versions.toml", Maven, "set the version of {name} to {version} in libs.versions.toml";
    /// Julia.
    ManifestToml = "Manifest.toml", Julia, "julia --project -e 'using Pkg; Pkg.add(name=\"{name}\", version=\"{version}\")'";
    /// Mix.
    MixLock = "mix.lock", Hex, "mix deps.update {name}";
    /// npm; npm-shrinkwrap.json is the same.
    PackageLock = "package-lock.json", Npm, "npm install {name}@{version}";
    /// Swift's package manager.
    PackageResolved = "Package.resolved", SwiftUrl, "swift package update";
    /// NuGet's oldest list.
    PackagesConfig = "packages.config", NuGet, "nuget update packages.config -Id {name} -Version {version}";
    /// NuGet's lockfile.
    PackagesLock = "packages.lock.json", NuGet, "dotnet add package {name} --version {version}";
    /// Paket.
    PaketLock = "paket.lock", NuGet, "dotnet paket update {name} --version {version}";
    /// PDM.
    PdmLock = "pdm.lock", PyPi, "pdm update {name}";
    /// Pipenv.
    PipfileLock = "Pipfile.lock", PyPi, "pipenv upgrade {name}=={version}";
    /// pnpm, versions 5 to 9.
    PnpmLock = "pnpm-lock.yaml", Npm, "pnpm update {name}@{version}";
    /// CocoaPods.
    PodfileLock = "Podfile.lock", CocoaPods, "pod update {name}";
    /// Poetry.
    PoetryLock = "poetry.lock", PyPi, "poetry update {name}";
    /// Maven's project file; dependencies without a version of their own are not resolved.
    PomXml = "pom.xml", Maven, "mvn versions:use-dep-version -Dincludes={name} -DdepVersion={version}";
    /// NuGet's resolved graph.
    ProjectAssets = "project.assets.json", NuGet, "dotnet add package {name} --version {version}";
    /// Dart.
    PubspecLock = "pubspec.lock", Pub, "dart pub upgrade {name}";
    /// PEP 751.
    Pylock = "pylock.toml", PyPi, "lock again with {name}>={version}";
    /// R.
    RenvLock = "renv.lock", Cran, "Rscript -e 'renv::install(\"{name}@{version}\"); renv::snapshot()'";
    /// pip.
    Requirements = "requirements.txt", PyPi, "set {name}=={version} in the requirements file";
    /// Stack.
    StackLock = "stack.yaml.lock", Hackage, "set {name}-{version} in stack.yaml";
    /// uv.
    UvLock = "uv.lock", PyPi, "uv lock --upgrade-package {name}=={version}";
    /// Gradle's checksums.
    VerificationMetadata = "verification-metadata.xml", Maven, "./gradlew --write-verification-metadata sha256 with {name}:{version}";
    /// Yarn 1 and later.
    YarnLock = "yarn.lock", Npm, "yarn up {name}@{version}";
}

impl Format {
    /// The format of a file by its name (the last component of its path).
    pub fn of(path: &str) -> Option<Format> {
        let mut parts = path.rsplit(['/', '\\']);
        let name = parts.next().unwrap_or_default();
        let folder = parts.next().unwrap_or_default();
        let format = Format::ALL.iter().copied().find(|format| format.name() == name);
        match format {
            // Gradle reads this name in this folder only.
            Some(Format::VerificationMetadata) => (folder == "gradle").then_some(Format::VerificationMetadata),
            Some(format) => Some(format),
            None => match name {
                "npm-shrinkwrap.json" => Some(Format::PackageLock),
                "gems.locked" => Some(Format::GemfileLock),
                "buildscript-gradle.lockfile" => Some(Format::GradleLockfile),
                _ if name.ends_with(".versions.toml") => Some(Format::VersionCatalog),
                _ if name.ends_with(".deps.json") => Some(Format::DepsJson),
                _ if name.starts_with("pylock.") && name.ends_with(".toml") => Some(Format::Pylock),
                _ if name.starts_with("requirements") && name.ends_with(".txt") => Some(Format::Requirements),
                _ => None,
            },
        }
    }

    /// The file that takes the place of this one when it stands beside it: npm prefers a shrinkwrap.
    pub fn shadow(path: &str) -> Option<String> {
        path.strip_suffix("package-lock.json").map(|before| format!("{before}npm-shrinkwrap.json"))
    }

    /// The format of this canonical name.
    pub fn named(name: &str) -> Option<Format> {
        Format::ALL.iter().copied().find(|format| format.name() == name)
    }

    /// One line that raises a package to a version. A name that is no plain word is not put into a command.
    pub fn fix_command(self, name: &str, version: &str) -> Option<String> {
        let plain = |text: &str| {
            !text.is_empty()
                && !text.starts_with('-')
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"@/._-+:~".contains(&byte))
        };
        let command = self.fix();
        (plain(name) && plain(version)).then(|| command.replace("{name}", name).replace("{version}", version))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One package that a lockfile names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package {
    /// Its name as the lockfile writes it.
    pub name: String,
    /// Its version; empty where the lockfile gives none.
    pub version: String,
    /// The commit to which it is pinned.
    pub commit: Option<String>,
    /// Dependency groups: `dev`, `optional`, …; empty for what is always needed.
    pub groups: Vec<String>,
    /// The line (from 1) on which it stands; 0 when unknown.
    pub line: u32,
    /// A path crate or workspace member: part of this repository, in no registry.
    pub local: bool,
    /// What it needs, where the lockfile says so.
    pub needs: Vec<Need>,
}

/// A dependency as a lockfile's graph names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The package's name.
    pub name: String,
    /// Its version, where the lockfile gives it.
    pub version: Option<String>,
}

/// What a lockfile says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lockfile {
    /// How it was read.
    pub format: Format,
    /// The packages in the file's order.
    pub packages: Vec<Package>,
    /// What the project itself asks for, where the lockfile says so.
    pub roots: Vec<Need>,
}

/// Why a lockfile has no list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is not of its format, or nests or holds more than any lockfile does.
    #[error("{file}:{line}: {message}")]
    Wrong {
        /// What the file is called.
        file: String,
        /// Counted from 1.
        line: u32,
        /// What is wrong.
        message: String,
    },
    /// It is not text.
    #[error("{file} is not UTF-8")]
    NotText {
        /// What the file is called.
        file: String,
    },
    /// It is larger than [`MAX_BYTES`].
    #[error("{file} has {bytes} bytes, more than the {MAX_BYTES} that are read")]
    TooLarge {
        /// What the file is called.
        file: String,
        /// How many.
        bytes: usize,
    },
}

impl ReadError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            ReadError::Wrong { .. } => "let the package manager write the file again".into(),
            ReadError::NotText { .. } => "a lockfile is UTF-8 text: save it as such".into(),
            ReadError::TooLarge { .. } => "leave the file out: `dependencies.ignore_paths` takes globs".into(),
        })
    }
}

impl Lockfile {
    /// Reads `bytes` as `format`; `file` is what errors call it.
    ///
    /// # Errors
    ///
    /// When the text is not of the format, or larger or deeper than any lockfile is.
    pub fn read(format: Format, bytes: &[u8], file: &str) -> Result<Lockfile, ReadError> {
        if bytes.len() > MAX_BYTES {
            return Err(ReadError::TooLarge { file: file.into(), bytes: bytes.len() });
        }
        let text = decode(bytes).ok_or_else(|| ReadError::NotText { file: file.into() })?;
        let mut lockfile = Lockfile { format, packages: Vec::new(), roots: Vec::new() };
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let read = readers::read(format, text, &mut lockfile);
        match read {
            Ok(()) if lockfile.packages.len() > MAX_PACKAGES => Err(ReadError::Wrong {
                file: file.into(),
                line: 1,
                message: format!("more than {MAX_PACKAGES} packages"),
            }),
            Ok(()) => Ok(lockfile),
            Err(Refused { line, message }) => Err(ReadError::Wrong { file: file.into(), line, message }),
        }
    }

    /// The shortest ways from what the project asks for to each package.
    pub fn paths(&self) -> Paths<'_> {
        Paths { lockfile: self, before: Graph::of(self).before() }
    }
}

/// The ways to the packages of a lockfile.
#[derive(Clone, Debug)]
pub struct Paths<'a> {
    lockfile: &'a Lockfile,
    before: Vec<Option<usize>>,
}

impl Paths<'_> {
    /// The shortest way from what the project asks for to the package of this index: names with versions, the package
    /// itself last. Empty where the lockfile holds no graph. Of a way that nobody would read, the end.
    pub fn to(&self, target: usize) -> Vec<String> {
        let mut path = Vec::new();
        let mut next = self.before.get(target).copied().flatten().map(|_| target);
        while let Some(at) = next.filter(|_| path.len() < MOST_STEPS) {
            path.push(self.lockfile.packages[at].to_string());
            next = self.before[at].filter(|before| *before != at);
        }
        path.reverse();
        path
    }
}

/// `name@version`.
impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

/// UTF-8, or what a declaration of ISO 8859-1 in an XML text means.
fn decode(bytes: &[u8]) -> Option<std::borrow::Cow<'_, str>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text.into()),
        Err(_) => {
            let head = String::from_utf8_lossy(&bytes[..bytes.len().min(120)]).to_lowercase();
            let latin = head.starts_with("<?xml") && head.contains("iso-8859-1");
            latin.then(|| bytes.iter().map(|&byte| byte as char).collect::<String>().into())
        }
    }
}

/// Who needs whom.
struct Graph {
    next: Vec<Vec<usize>>,
    roots: Vec<usize>,
}

impl Graph {
    fn of(lockfile: &Lockfile) -> Graph {
        let mut named: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, package) in lockfile.packages.iter().enumerate() {
            named.entry(&package.name).or_default().push(index);
        }
        let resolve = |need: &Need| -> Vec<usize> {
            let all = named.get(need.name.as_str()).map(Vec::as_slice).unwrap_or_default();
            let fits = |index: &&usize| match &need.version {
                Some(version) => lockfile.packages[**index].version == *version,
                None => true,
            };
            all.iter().filter(fits).copied().collect()
        };
        let needs = |package: &Package| package.needs.iter().flat_map(&resolve).collect::<Vec<_>>();
        let next: Vec<Vec<usize>> = lockfile.packages.iter().map(needs).collect();
        let mut roots: Vec<usize> = lockfile.roots.iter().flat_map(&resolve).collect();
        roots.extend((0..next.len()).filter(|&index| lockfile.packages[index].local));
        if roots.is_empty() && next.iter().any(|next| !next.is_empty()) {
            let mut needed = vec![false; next.len()];
            next.iter().flatten().for_each(|&index| needed[index] = true);
            roots.extend((0..next.len()).filter(|&index| !needed[index]));
        }
        Graph { next, roots }
    }

    /// Of each package that can be reached, the one before it on a shortest way; of a root, itself.
    fn before(&self) -> Vec<Option<usize>> {
        let mut before: Vec<Option<usize>> = vec![None; self.next.len()];
        self.roots.iter().for_each(|&root| before[root] = Some(root));
        let mut queue: VecDeque<usize> = self.roots.iter().copied().collect();
        while let Some(at) = queue.pop_front() {
            for &next in &self.next[at] {
                if before[next].is_none() {
                    before[next] = Some(at);
                    queue.push_back(next);
                }
            }
        }
        before
    }
}
