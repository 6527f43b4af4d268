//! The orders of Linux distributions, in which records about their packages are written.

use std::cmp::Ordering;

use super::{digits, is_number};

/// deb-version(7): epoch, upstream version, revision.
pub(super) fn debian(a: &str, b: &str) -> Ordering {
    fn parts(version: &str) -> (&str, &str, &str) {
        let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
        (epoch, upstream, revision)
    }
    let (a, b) = (parts(a), parts(b));
    digits(a.0, b.0).then_with(|| debian_part(a.1, b.1)).then_with(|| debian_part(a.2, b.2))
}

/// Runs of other characters and of digits in turn; a tilde is before the end, a letter before anything else.
fn debian_part(mut a: &str, mut b: &str) -> Ordering {
    let weight = |character: Option<char>| match character {
        Some('~') => -1,
        None => 0,
        Some(letter) if letter.is_ascii_alphabetic() => letter as i32,
        Some(other) => other as i32 + 256,
    };
    while !a.is_empty() || !b.is_empty() {
        let (words_a, rest_a) = split(a, |c| !c.is_ascii_digit());
        let (words_b, rest_b) = split(b, |c| !c.is_ascii_digit());
        let (mut left, mut right) = (words_a.chars(), words_b.chars());
        loop {
            let (one, other) = (left.next(), right.next());
            let order = weight(one).cmp(&weight(other));
            if order.is_ne() {
                return order;
            }
            if one.is_none() && other.is_none() {
                break;
            }
        }
        let (numbers_a, after_a) = split(rest_a, |c| c.is_ascii_digit());
        let (numbers_b, after_b) = split(rest_b, |c| c.is_ascii_digit());
        let order = digits(numbers_a, numbers_b);
        if order.is_ne() {
            return order;
        }
        (a, b) = (after_a, after_b);
    }
    Ordering::Equal
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

/// `[epoch:]version[-release]` by rpmvercmp.
pub(super) fn rpm(a: &str, b: &str) -> Ordering {
    fn parts(version: &str) -> (&str, &str, Option<&str>) {
        let (epoch, rest) = match version.split_once(':') {
            Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => (epoch, rest),
            _ => ("0", version),
        };
        match rest.rsplit_once('-') {
            Some((version, release)) => (epoch, version, Some(release)),
            None => (epoch, rest, None),
        }
    }
    let (a, b) = (parts(a), parts(b));
    let releases = || match (a.2, b.2) {
        (Some(a), Some(b)) => rpm_part(a, b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    };
    digits(a.0, b.0).then_with(|| rpm_part(a.1, b.1)).then_with(releases)
}

fn rpm_part(mut a: &str, mut b: &str) -> Ordering {
    loop {
        let noise = |c: char| !(c.is_ascii_alphanumeric() || c == '~' || c == '^');
        (a, b) = (a.trim_start_matches(noise), b.trim_start_matches(noise));
        match (a.starts_with('~'), b.starts_with('~')) {
            (true, true) => {
                (a, b) = (&a[1..], &b[1..]);
                continue;
            }
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            (false, false) => {}
        }
        match (a.starts_with('^'), b.starts_with('^')) {
            (true, true) => {
                (a, b) = (&a[1..], &b[1..]);
                continue;
            }
            (true, false) => return if b.is_empty() { Ordering::Greater } else { Ordering::Less },
            (false, true) => return if a.is_empty() { Ordering::Less } else { Ordering::Greater },
            (false, false) => {}
        }
        if a.is_empty() || b.is_empty() {
            return (!a.is_empty()).cmp(&!b.is_empty());
        }
        let number = a.starts_with(|c: char| c.is_ascii_digit());
        let belongs = |c: char| if number { c.is_ascii_digit() } else { c.is_ascii_alphabetic() };
        let ((one, rest_a), (other, rest_b)) = (split(a, belongs), split(b, belongs));
        if other.is_empty() {
            return if number { Ordering::Greater } else { Ordering::Less };
        }
        let order = if number { digits(one, other) } else { one.cmp(other) };
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
}

/// apk: numbers, a letter, suffixes by `_`, a commit by `~`, a revision by `-r`.
pub(super) fn alpine(a: &str, b: &str) -> Ordering {
    let (a, b) = (Apk::of(a), Apk::of(b));
    for index in 0..a.numbers.len().max(b.numbers.len()) {
        let order = match (a.numbers.get(index), b.numbers.get(index)) {
            // A number that begins with zero is a fraction, but not the first one.
            (Some(a), Some(b)) if index > 0 && (a.starts_with('0') || b.starts_with('0')) => a.cmp(b),
            (Some(a), Some(b)) => digits(a, b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        };
        if order.is_ne() {
            return order;
        }
    }
    let mut order = a.letter.cmp(&b.letter);
    for index in 0..a.suffixes.len().max(b.suffixes.len()) {
        let one = a.suffixes.get(index).map_or((4, ""), |it| (it.0, it.1.as_str()));
        let other = b.suffixes.get(index).map_or((4, ""), |it| (it.0, it.1.as_str()));
        order = order.then_with(|| one.0.cmp(&other.0)).then_with(|| digits(one.1, other.1));
    }
    order.then_with(|| a.valid.cmp(&b.valid)).then_with(|| digits(&a.revision, &b.revision))
}

struct Apk {
    numbers: Vec<String>,
    letter: String,
    suffixes: Vec<(usize, String)>,
    revision: String,
    valid: bool,
}

impl Apk {
    fn of(version: &str) -> Apk {
        // What is no revision makes the version invalid, and earlier than the one without it.
        let (version, revision, valid) = match version.split_once("-r") {
            Some((version, revision)) => (version, revision, is_number(revision)),
            None => (version, "0", true),
        };
        let version = version.split('~').next().unwrap_or(version);
        let mut parts = version.split('_');
        let main = parts.next().unwrap_or_default();
        let end = main.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(main.len());
        let (core, letter) = main.split_at(end);
        let order = ["alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p"];
        let suffixes = parts.map(|part| {
            let (word, number) = split(part, |c| c.is_ascii_alphabetic());
            (order.iter().position(|known| *known == word).unwrap_or(4), number.to_string())
        });
        Apk {
            numbers: core.split('.').map(str::to_string).collect(),
            letter: letter.to_string(),
            suffixes: suffixes.collect(),
            revision: if valid { revision.to_string() } else { String::new() },
            valid,
        }
    }
}
