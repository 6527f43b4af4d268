//! PEP 440; what it does not admit comes before all that it does, in the order of the older setuptools.

use std::cmp::Ordering;
use std::str::FromStr;

use pep440_rs::Version;

use super::{digits, is_number};

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    match (Version::from_str(a), Version::from_str(b)) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        (a_parsed, b_parsed) => match (a_parsed.is_ok() || is_long(a), b_parsed.is_ok() || is_long(b)) {
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            // Numbers that fit no machine word.
            (true, true) => super::semver::compare(a, b),
            (false, false) => legacy(a).cmp(&legacy(b)),
        },
    }
}

fn is_long(version: &str) -> bool {
    version.split('.').all(is_number)
}

#[derive(PartialEq, Eq)]
struct Part(String);

impl Ord for Part {
    fn cmp(&self, other: &Part) -> Ordering {
        match (is_number(&self.0), is_number(&other.0)) {
            (true, true) => digits(&self.0, &other.0),
            _ => self.0.cmp(&other.0),
        }
    }
}

impl PartialOrd for Part {
    fn partial_cmp(&self, other: &Part) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// setuptools before PEP 440: words and numbers, `final` behind words that mean a prerelease.
fn legacy(version: &str) -> Vec<Part> {
    let version = version.to_lowercase();
    let mut parts: Vec<String> = Vec::new();
    let mut rest = version.as_str();
    let mut words = Vec::new();
    while let Some(first) = rest.chars().next() {
        let kind = |c: char| (c.is_ascii_digit(), c.is_ascii_lowercase());
        let end = rest.find(|c: char| kind(c) != kind(first) || c == '.' || c == '-').unwrap_or(rest.len());
        let end = if end == 0 { first.len_utf8() } else { end };
        words.push(&rest[..end]);
        rest = &rest[end..];
    }
    for word in words.into_iter().chain(["final"]) {
        let word = match word {
            "." => continue,
            "pre" | "preview" | "rc" => "c",
            "-" => "final-",
            "dev" => "@",
            word => word,
        };
        if is_number(word) {
            parts.push(format!("{word:0>8}"));
            continue;
        }
        let word = format!("*{word}");
        if word.as_str() < "*final" {
            while parts.last().is_some_and(|last| last == "*final-") {
                parts.pop();
            }
        }
        while parts.last().is_some_and(|last| last == "00000000") {
            parts.pop();
        }
        parts.push(word);
    }
    parts.into_iter().map(Part).collect()
}
