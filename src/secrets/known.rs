//! What is known of the built-in patterns before the program starts: that they are sound, and which atoms they have.
//!
//! Deriving that takes longer than scanning a commit, and it is the same every time. So it stands in a table beside the
//! rules, `rules/secrets/known.txt`, which a test derives anew and compares. A pattern is found in it by a hash, so the
//! table holds whatever the rules are called and wherever they stand; a pattern that is not in it is looked at as always.
//!
//! One line for each pattern: its hash, then `=` for a pattern without atoms of its own (a path, an allowlist, or a rule
//! that is asked of every fragment), else its atoms as `distance:plain:atom` with `*` for any distance and the atom in
//! hexadecimal digits.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::LazyLock;

use super::content::{Anchor, Content};
use super::dialect;
use super::rules::RuleSet;

static TABLE: LazyLock<HashMap<u64, &'static str>> =
    LazyLock::new(|| include_str!("../../rules/secrets/known.txt").lines().filter_map(line).collect());

fn line(line: &'static str) -> Option<(u64, &'static str)> {
    let (hash, facts) = line.split_once(' ')?;
    Some((u64::from_str_radix(hash, 16).ok()?, facts))
}

/// Whether the pattern is known to be one.
pub(super) fn is_sound(pattern: &str) -> bool {
    TABLE.contains_key(&hash(pattern))
}

/// The anchors of a known pattern; `Some(None)` for one that has none.
pub(super) fn anchors(pattern: &str) -> Option<Option<Vec<Anchor>>> {
    let facts = *TABLE.get(&hash(pattern))?;
    if facts == "=" {
        return Some(None);
    }
    facts.split(' ').map(anchor).collect::<Option<Vec<_>>>().map(Some)
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

/// The table for `rules`, derived anew. Of use to the test that keeps the file.
///
/// # Panics
/// A pattern cannot be used.
pub fn table(rules: &RuleSet) -> String {
    let mut lines = BTreeMap::new();
    let lists = rules.allowlists.iter().chain(rules.rules.iter().flat_map(|rule| &rule.allowlists));
    let joined = lists.flat_map(|list| [&list.paths, &list.regexes]).filter(|patterns| !patterns.is_empty());
    let paths = rules.rules.iter().filter_map(|rule| rule.path.clone());
    for pattern in joined.map(|patterns| dialect::join(patterns)).chain(paths) {
        lines.insert(hash(&pattern), "=".to_string());
    }
    for pattern in rules.rules.iter().filter_map(|rule| rule.regex.as_deref()) {
        let content = Content::derived(pattern).expect("the built-in rules are sound");
        let anchors = content.anchors.as_ref().map(|anchors| anchors.iter().map(written).collect::<Vec<_>>().join(" "));
        lines.insert(hash(pattern), anchors.unwrap_or_else(|| "=".into()));
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
