//! `Gem::Version` (<https://docs.ruby-lang.org/en/master/Gem/Version.html>): numbers are later than words, and what is
//! missing counts as 0.

use std::cmp::Ordering;

use super::{digits, is_number};

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (segments(a), segments(b));
    for index in 0..a.len().max(b.len()) {
        let at = |segments: &[String]| segments.get(index).cloned().unwrap_or_else(|| "0".into());
        let (a, b) = (at(&a), at(&b));
        let order = match (is_number(&a), is_number(&b)) {
            (true, true) => digits(&a, &b),
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => a.cmp(&b),
        };
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

fn segments(version: &str) -> Vec<String> {
    let version = version.replace('-', ".pre.");
    let mut segments: Vec<String> = Vec::new();
    for part in version.split('.').filter(|part| !part.is_empty()) {
        let mut rest = part;
        while let Some(first) = rest.chars().next() {
            let digit = first.is_ascii_digit();
            let end = rest.find(|c: char| c.is_ascii_digit() != digit).unwrap_or(rest.len());
            segments.push(rest[..end].to_string());
            rest = &rest[end..];
        }
    }
    let zero = |segment: &String| is_number(segment) && segment.bytes().all(|byte| byte == b'0');
    // Zeros before the first word and at the end say nothing.
    let word = segments.iter().position(|segment| !is_number(segment)).unwrap_or(segments.len());
    let mut release = segments[..word].to_vec();
    let mut rest = segments[word..].to_vec();
    while release.last().is_some_and(zero) {
        release.pop();
    }
    while rest.last().is_some_and(zero) {
        rest.pop();
    }
    release.extend(rest);
    release
}
