//! Versions in the order in which their ecosystem sees them. Every text has a place in the order: an advisory database
//! and a lockfile both hold versions that break their ecosystem's own rules.

use std::cmp::Ordering;

use super::Ecosystem;

mod distro;
mod maven;
mod packagist;
mod pypi;
mod rubygems;
mod semver;

/// A way to order versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Semantic Versioning 2.0.0, with any number of components and a `v` before them; build metadata does not count.
    SemVer,
    /// The same, and build metadata decides between otherwise equal versions.
    Pub,
    /// NuGet: four components, prereleases regardless of case.
    NuGet,
    /// PEP 440.
    Pep440,
    /// Maven's `ComparableVersion`.
    Maven,
    /// `Gem::Version`.
    RubyGems,
    /// Composer's normalisation, then PHP's `version_compare`.
    Packagist,
    /// Lists of numbers, of which the longer one is later: Hackage and CRAN.
    Numbers,
    /// Debian's `dpkg --compare-versions`.
    Debian,
    /// RPM's `rpmvercmp` with epoch and release.
    Rpm,
    /// Alpine's `apk version`.
    Alpine,
}

impl Order {
    /// How an ecosystem orders versions.
    pub fn of(ecosystem: Ecosystem) -> Order {
        match ecosystem {
            Ecosystem::CratesIo | Ecosystem::Npm | Ecosystem::Go | Ecosystem::Hex | Ecosystem::SwiftUrl => {
                Order::SemVer
            }
            Ecosystem::Julia | Ecosystem::ConanCenter => Order::SemVer,
            Ecosystem::CocoaPods | Ecosystem::RubyGems => Order::RubyGems,
            Ecosystem::Pub => Order::Pub,
            Ecosystem::NuGet => Order::NuGet,
            Ecosystem::PyPi => Order::Pep440,
            Ecosystem::Maven => Order::Maven,
            Ecosystem::Packagist => Order::Packagist,
            Ecosystem::Cran | Ecosystem::Hackage => Order::Numbers,
        }
    }

    /// Compares two versions.
    pub fn compare(self, a: &str, b: &str) -> Ordering {
        let (a, b) = (bounded(a.trim()), bounded(b.trim()));
        match self {
            Order::SemVer => semver::compare(a, b),
            Order::Pub => semver::compare(a, b).then_with(|| semver::compare_builds(a, b)),
            Order::NuGet => semver::compare_nuget(a, b),
            Order::Pep440 => pypi::compare(a, b),
            Order::Maven => maven::compare(a, b),
            Order::RubyGems => rubygems::compare(a, b),
            Order::Packagist => packagist::compare(a, b),
            Order::Numbers => numbers(a, b),
            Order::Debian => distro::debian(a, b),
            Order::Rpm => distro::rpm(a, b),
            Order::Alpine => distro::alpine(a, b),
        }
    }
}

/// The first number of a version: releases that share it are expected to be compatible.
pub fn major(version: &str) -> &str {
    let digits = version.trim_start_matches(['v', 'V', '=', ' ']);
    let end = digits.find(|character: char| !character.is_ascii_digit()).unwrap_or(digits.len());
    &digits[..end]
}

/// A version that is longer than any is compared by its beginning: a hostile one must not cost time.
fn bounded(version: &str) -> &str {
    let mut end = version.len().min(1_000);
    while !version.is_char_boundary(end) {
        end -= 1;
    }
    &version[..end]
}

/// Two runs of digits of any length.
fn digits(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn numbers(a: &str, b: &str) -> Ordering {
    let parts = |text: &str| -> Vec<String> { text.split(['.', '-']).map(str::to_string).collect() };
    let (a, b) = (parts(a), parts(b));
    for (a, b) in a.iter().zip(&b) {
        let order = if is_number(a) && is_number(b) { digits(a, b) } else { a.cmp(b) };
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}
