//! Semantic Versioning and its relatives (<https://semver.org/#spec-item-11>).

use std::cmp::Ordering;

use super::{digits, is_number};

struct Parts<'a> {
    numbers: Vec<&'a str>,
    prerelease: &'a str,
    build: &'a str,
}

fn parts(version: &str) -> Parts<'_> {
    let version = version.trim_start_matches(['v', 'V', '=']);
    let (version, build) = version.split_once('+').unwrap_or((version, ""));
    let end = version.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(version.len());
    let (core, rest) = version.split_at(end);
    let prerelease = rest.strip_prefix('-').unwrap_or(rest);
    Parts { numbers: core.split('.').filter(|part| !part.is_empty()).collect(), prerelease, build }
}

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (parts(a), parts(b));
    cores(&a.numbers, &b.numbers).then_with(|| prereleases(a.prerelease, b.prerelease, str::cmp))
}

pub(super) fn compare_nuget(a: &str, b: &str) -> Ordering {
    let (a, b) = (parts(a), parts(b));
    let folded = |a: &str, b: &str| a.to_lowercase().cmp(&b.to_lowercase());
    cores(&a.numbers, &b.numbers).then_with(|| prereleases(a.prerelease, b.prerelease, folded))
}

/// Build metadata as Dart's `pub` orders it: none first, then as prereleases are.
pub(super) fn compare_builds(a: &str, b: &str) -> Ordering {
    let (a, b) = (parts(a).build, parts(b).build);
    match (a.is_empty(), b.is_empty()) {
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        _ => prereleases(a, b, str::cmp),
    }
}

fn cores(a: &[&str], b: &[&str]) -> Ordering {
    let at = |numbers: &[&str], index: usize| numbers.get(index).map_or_else(|| "0".to_string(), |it| it.to_string());
    let longest = a.len().max(b.len());
    let orders = (0..longest).map(|index| digits(&at(a, index), &at(b, index)));
    orders.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn prereleases(a: &str, b: &str, texts: impl Fn(&str, &str) -> Ordering) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => match (is_number(a), is_number(b)) {
                (true, true) => digits(a, b),
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (false, false) => texts(a, b),
            },
        };
        if order.is_ne() {
            return order;
        }
    }
}
