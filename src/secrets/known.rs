//! What is known of patterns before the program starts: that they are sound, how many groups they have, and which atoms.
//!
//! Deriving that takes longer than scanning a commit, and it is the same every time. So it stands in tables: for the
//! built-in rules in `rules/secrets/known.txt`, for those of gitleaks 8.30.1, which most rule files in use were copied
//! from, in `known-gitleaks.txt`. Tests derive them anew and compare. A pattern is found by its hash, so a table holds
//! whatever the rules are called and wherever they stand; a pattern that is in none is looked at as always.
//!
//! One line for each pattern, in order of the hashes: the hash, the number of groups, then `=` for a pattern without
//! atoms (it is asked of every text), else its atoms as
//! `distance:plain:atom` with `*` for any distance and the atom in hexadecimal digits.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::Write;

use memchr::{memchr, memrchr};

use super::content::{Anchor, Content};
use super::dialect::{self, DialectError};
use super::rules::RuleSet;

static TABLES: [&str; 2] =
    [include_str!("../../rules/secrets/known.txt"), include_str!("../../rules/secrets/known-gitleaks.txt")];

/// As [`dialect::groups`], looked up where the pattern is known.
///
/// # Errors
/// The pattern is not one that RE2 takes, or it would grow too large.
pub fn groups(pattern: &str) -> Result<usize, DialectError> {
    match facts(pattern).and_then(|(groups, _)| groups.parse().ok()) {
        Some(groups) => Ok(groups),
        None => dialect::groups(pattern),
    }
}

/// Whether the pattern is known to be one.
pub(super) fn is_sound(pattern: &str) -> bool {
    facts(pattern).is_some()
}

/// The anchors of a known pattern; `Some(None)` for one that has none.
pub(super) fn anchors(pattern: &str) -> Option<Option<Vec<Anchor>>> {
    match facts(pattern)?.1 {
        "=" => Some(None),
        anchors => anchors.split(' ').map(anchor).collect::<Option<Vec<_>>>().map(Some),
    }
}

/// The number of groups and the anchors, as they are written.
fn facts(pattern: &str) -> Option<(&'static str, &'static str)> {
    let hash = format!("{:016x}", hash(pattern));
    TABLES.iter().find_map(|table| find(table, &hash)?.split_once(' '))
}

/// What the table says behind `hash`. Halving it as text costs nothing at the start of the program.
fn find(mut table: &'static str, hash: &str) -> Option<&'static str> {
    while !table.is_empty() {
        let start = memrchr(b'\n', &table.as_bytes()[..table.len() / 2]).map_or(0, |newline| newline + 1);
        let length = memchr(b'\n', &table.as_bytes()[start..])?;
        let (at, facts) = table[start..start + length].split_at_checked(hash.len())?;
        match at.cmp(hash) {
            Ordering::Equal => return facts.strip_prefix(' '),
            Ordering::Greater => table = &table[..start],
            Ordering::Less => table = &table[start + length + 1..],
        }
    }
    None
}

fn anchor(text: &str) -> Option<Anchor> {
    let mut fields = text.split(':');
    let (back, plain, digits) = (fields.next()?, fields.next()?, fields.next()?);
    let back = if back == "*" { None } else { Some(back.parse().ok()?) };
    let digit = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let atom = (0..digits.len()).step_by(2).map(digit).collect::<Option<Vec<u8>>>()?;
    Some(Anchor { atom, plain: plain == "1", back })
}

/// FNV-1a: stable, and good enough where a collision could only be made by whoever writes the rules.
fn hash(pattern: &str) -> u64 {
    pattern.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The table for `rules`, derived anew. Of use to the tests that keep the files.
///
/// # Panics
/// A pattern cannot be used.
pub fn table(rules: &RuleSet) -> String {
    let mut lines = BTreeMap::new();
    let groups = |pattern: &str| dialect::groups(pattern).expect("the rules are sound");
    let lists = rules.allowlists.iter().chain(rules.rules.iter().flat_map(|rule| &rule.allowlists));
    // A list is checked one by one, and used as one.
    let listed = lists.flat_map(|list| [&list.paths, &list.regexes]).filter(|patterns| !patterns.is_empty());
    let listed = listed.flat_map(|patterns| patterns.iter().cloned().chain([dialect::join(patterns)]));
    let paths = rules.rules.iter().filter_map(|rule| rule.path.clone());
    for pattern in listed.chain(paths).chain(rules.rules.iter().filter_map(|rule| rule.regex.clone())) {
        let content = Content::derived(&pattern).expect("the rules are sound");
        let anchors = content.anchors.as_ref().map(|anchors| anchors.iter().map(written).collect::<Vec<_>>().join(" "));
        lines.insert(hash(&pattern), format!("{} {}", groups(&pattern), anchors.as_deref().unwrap_or("=")));
    }
    lines.iter().fold(String::new(), |mut text, (hash, facts)| {
        let _ = writeln!(text, "{hash:016x} {facts}");
        text
    })
}

fn written(anchor: &Anchor) -> String {
    let back = anchor.back.map_or("*".to_string(), |back| back.to_string());
    let digits: String = anchor.atom.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{back}:{}:{digits}", u8::from(anchor.plain))
}
