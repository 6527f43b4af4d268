//! Composer's versions by PHP's `version_compare` (<https://www.php.net/manual/en/function.version-compare.php>).

use std::cmp::Ordering;

use super::{digits, is_number};

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (parts(a), parts(b));
    for (a, b) in a.iter().zip(&b) {
        let order = match (is_number(a), is_number(b)) {
            (true, true) => digits(a, b),
            (true, false) => rank("#").cmp(&rank(b)),
            (false, true) => rank(a).cmp(&rank("#")),
            (false, false) => rank(a).cmp(&rank(b)),
        };
        if order.is_ne() {
            return order;
        }
    }
    // What follows a common beginning is later when it is a number, and else as its word says.
    let (shorter, longer, order) = match a.len() <= b.len() {
        true => (a.len(), &b, Ordering::Less),
        false => (b.len(), &a, Ordering::Greater),
    };
    for next in &longer[shorter..] {
        match rank("#").cmp(&rank(next)) {
            _ if is_number(next) => return order,
            Ordering::Less => return order,
            Ordering::Equal => {}
            Ordering::Greater => return order.reverse(),
        }
    }
    Ordering::Equal
}

fn parts(version: &str) -> Vec<String> {
    let version = version.trim_start_matches(['v', 'V']);
    let mut parts: Vec<String> = Vec::new();
    for part in version.split(['.', '-', '_', '+']).filter(|part| !part.is_empty()) {
        let mut rest = part;
        while let Some(first) = rest.chars().next() {
            let digit = first.is_ascii_digit();
            let end = rest.find(|c: char| c.is_ascii_digit() != digit).unwrap_or(rest.len());
            parts.push(rest[..end].to_string());
            rest = &rest[end..];
        }
    }
    parts
}

/// Unknown words come before all others.
fn rank(word: &str) -> i8 {
    let forms = [
        ("dev", 0),
        ("alpha", 1),
        ("a", 1),
        ("beta", 2),
        ("b", 2),
        ("RC", 3),
        ("rc", 3),
        ("#", 4),
        ("pl", 5),
        ("p", 5),
    ];
    forms.iter().find(|(form, _)| word.starts_with(form)).map_or(-1, |(_, rank)| *rank)
}
