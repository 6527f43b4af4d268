//! What is known of patterns before the program starts: that they are sound, how many groups they have, and which atoms.
//!
//! Deriving that takes longer than scanning a commit, and it is the same every time. So it stands in tables: for the
//! built-in rules in `rules/secrets/known.txt`, for those of gitleaks 8.30.1, which most rule files in use were copied
//! from, in `known-gitleaks.txt`. Tests derive them anew and compare. A pattern is found by its hash, so a table holds
//! whatever the rules are called and wherever they stand; a pattern that is in none is looked at as always.
//!
//! One line for each pattern, in order of the hashes: the hash, the number of groups, then `=` for a pattern without
//! atoms (it is asked of every text), else its atoms as `distance:plain:atom:gate`, with `*` for any distance and the
//! atom in hexadecimal digits, and its gates behind a bar.
//!
//! A gate says `w` or `-` for whether a word has to begin at the atom, then the sets of bytes that may stand at each
//! place behind it (`3x4.17`: set 3 at four places, then set 17), and behind a slash each the literals that follow
//! sometime, in their spellings. The sets follow the patterns, one a line, as the first and last bytes of ranges.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::LazyLock;

use memchr::{memchr, memrchr};

use super::ahead::Ahead;
use super::content::{Anchor, Content};
use super::dialect::{self, DialectError};
use super::gate::Gate;
use super::rules::RuleSet;

/// The first and last bytes of the ranges of a set.
type Ranges = Vec<(u8, u8)>;

static TABLES: LazyLock<[Table; 2]> = LazyLock::new(|| {
    [include_str!("../../rules/secrets/known.txt"), include_str!("../../rules/secrets/known-gitleaks.txt")]
        .map(Table::new)
});

/// What stands between the patterns and the sets.
const SETS: &str = "sets\n";

struct Table {
    /// A line for each pattern.
    patterns: &'static str,
    sets: Vec<&'static str>,
}

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
        facts => anchors_of(facts)?.map(anchor).collect::<Option<Vec<_>>>().map(Some),
    }
}

/// The gate of site `number` of a known pattern.
pub(super) fn gate(pattern: &str, number: usize) -> Option<Gate> {
    let hash = hash(pattern);
    let (table, facts) = TABLES.iter().find_map(|table| Some((table, table.find(hash)?)))?;
    let anchor = anchors_of(facts.split_once(' ')?.1)?.nth(number)?;
    let gate = facts.split_once(" | ")?.1.split(' ').nth(anchor.rsplit(':').next()?.parse().ok()?)?;
    let mut parts = gate.split('/');
    let places = parts.next()?;
    let mut sets: Vec<Ranges> = Vec::new();
    for place in places.get(1..)?.split('.').filter(|place| !place.is_empty()) {
        let (number, times) = place.split_once('x').unwrap_or((place, "1"));
        let set = ranges(table.sets.get(number.parse::<usize>().ok()?)?)?;
        sets.extend(std::iter::repeat_n(set, times.parse().ok()?));
    }
    Some(Gate {
        ahead: Ahead::of(sets.iter().map(Vec::as_slice)),
        begins_word: places.starts_with('w'),
        later: parts.map(|spelt| spelt.split(',').map(bytes).collect()).collect::<Option<_>>()?,
    })
}

/// The number of groups and the anchors, as they are written.
fn facts(pattern: &str) -> Option<(&'static str, &'static str)> {
    let hash = hash(pattern);
    TABLES.iter().find_map(|table| table.find(hash)?.split_once(' '))
}

/// The anchors, each as it is written.
fn anchors_of(facts: &str) -> Option<impl Iterator<Item = &str>> {
    Some(facts.split_once(" | ")?.0.split(' '))
}

impl Table {
    fn new(text: &'static str) -> Table {
        let (patterns, sets) = text.rsplit_once(SETS).unwrap_or((text, ""));
        Table { patterns, sets: sets.lines().collect() }
    }

    /// What stands behind `hash`. Hashes are spread evenly, so a line is not far from where it is to be expected: that takes
    /// fewer steps than halving does, and reading the whole table at the start of the program would take far more.
    fn find(&self, hash: u64) -> Option<&'static str> {
        let lines = self.patterns.as_bytes();
        // The lines in question, and the hashes between which theirs are.
        let (mut from, mut to, mut low, mut high) = (0, lines.len(), 0, u64::MAX);
        while from < to {
            let share = (hash - low) as f64 / (high - low).max(1) as f64;
            let expected = from + (((to - from) as f64 * share) as usize).min(to - from - 1);
            let start = memrchr(b'\n', &lines[from..expected]).map_or(from, |newline| from + newline + 1);
            let end = start + memchr(b'\n', &lines[start..to])?;
            let (key, facts) = self.patterns.get(start..end)?.split_once(' ')?;
            let at = u64::from_str_radix(key, 16).ok()?;
            match at.cmp(&hash) {
                Ordering::Equal => return Some(facts),
                Ordering::Greater => (to, high) = (start, at),
                Ordering::Less => (from, low) = (end + 1, at),
            }
        }
        None
    }
}

fn anchor(text: &str) -> Option<Anchor> {
    let mut fields = text.split(':');
    let (back, plain, atom) = (fields.next()?, fields.next()?, fields.next()?);
    let back = if back == "*" { None } else { Some(back.parse().ok()?) };
    Some(Anchor { atom: bytes(atom)?, plain: plain == "1", back })
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digit = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    (0..digits.len()).step_by(2).map(digit).collect()
}

fn ranges(digits: &str) -> Option<Ranges> {
    Some(bytes(digits)?.chunks_exact(2).map(|range| (range[0], range[1])).collect())
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
    let mut patterns = BTreeMap::new();
    let groups = |pattern: &str| dialect::groups(pattern).expect("the rules are sound");
    let lists = rules.allowlists.iter().chain(rules.rules.iter().flat_map(|rule| &rule.allowlists));
    // A list is checked one by one, and used as one.
    let listed = lists.flat_map(|list| [&list.paths, &list.regexes]).filter(|patterns| !patterns.is_empty());
    let listed = listed.flat_map(|patterns| patterns.iter().cloned().chain([dialect::join(patterns)]));
    let paths = rules.rules.iter().filter_map(|rule| rule.path.clone());
    for pattern in listed.chain(paths).chain(rules.rules.iter().filter_map(|rule| rule.regex.clone())) {
        let content = Content::derived(&pattern).expect("the rules are sound");
        patterns.insert(hash(&pattern), (groups(&pattern), content));
    }
    let mut table = String::new();
    let mut sets = Vec::new();
    for (hash, (groups, content)) in patterns {
        let facts = content.anchors.as_ref().map_or("=".into(), |anchors| sites(&content, anchors, &mut sets));
        let _ = writeln!(table, "{hash:016x} {groups} {facts}");
    }
    table.push_str(SETS);
    for set in &sets {
        let ends: Vec<u8> = set.iter().flat_map(|(first, last)| [*first, *last]).collect();
        let _ = writeln!(table, "{}", digits(&ends));
    }
    table
}

/// The anchors and the gates. Sets that are not among `sets` yet are added.
fn sites(content: &Content, anchors: &[Anchor], sets: &mut Vec<Ranges>) -> String {
    let mut gates: Vec<String> = Vec::new();
    let anchors: Vec<String> = anchors
        .iter()
        .enumerate()
        .map(|(site, anchor)| {
            let gate = written(&content.gate(site).expect("each anchor is a site's"), sets);
            let number = gates.iter().position(|other| *other == gate).unwrap_or_else(|| {
                gates.push(gate);
                gates.len() - 1
            });
            let back = anchor.back.map_or("*".to_string(), |back| back.to_string());
            format!("{back}:{}:{}:{number}", u8::from(anchor.plain), digits(&anchor.atom))
        })
        .collect();
    format!("{} | {}", anchors.join(" "), gates.join(" "))
}

fn written(gate: &Gate, sets: &mut Vec<Ranges>) -> String {
    let mut number = |set: Ranges| {
        sets.iter().position(|other| *other == set).unwrap_or_else(|| {
            sets.push(set);
            sets.len() - 1
        })
    };
    let places: Vec<usize> = gate.ahead.sets().into_iter().map(&mut number).collect();
    let places = places.chunk_by(|a, b| a == b).map(|same| match same.len() {
        1 => same[0].to_string(),
        times => format!("{}x{times}", same[0]),
    });
    let places = places.collect::<Vec<_>>().join(".");
    let later = gate.later.iter().map(|spelt| spelt.iter().map(|atom| digits(atom)).collect::<Vec<_>>().join(","));
    let later: String = later.map(|spelt| format!("/{spelt}")).collect();
    format!("{}{places}{later}", if gate.begins_word { "w" } else { "-" })
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::builtin;
    use super::*;

    #[test]
    fn what_the_tables_say_of_a_pattern_is_what_is_derived_from_it() {
        let rules = builtin::rules().rules;
        let mut sites = 0;
        for pattern in rules.iter().filter_map(|rule| rule.regex.as_deref()) {
            let derived = Content::derived(pattern).unwrap();
            assert!(is_sound(pattern) && groups(pattern) == dialect::groups(pattern), "{pattern}");
            let told = anchors(pattern).unwrap();
            assert_eq!(told.as_ref().map(Vec::len), derived.anchors.as_ref().map(Vec::len), "{pattern}");
            for (site, (told, anchor)) in told.iter().flatten().zip(derived.anchors.iter().flatten()).enumerate() {
                let is_same = (&told.atom, told.plain, told.back) == (&anchor.atom, anchor.plain, anchor.back);
                assert!(is_same, "{pattern} {site}");
                // Written the same, for sets of one's own.
                let write = |gate: Gate| {
                    let mut sets = Vec::new();
                    (written(&gate, &mut sets), sets)
                };
                assert_eq!(write(gate(pattern, site).unwrap()), write(derived.gate(site).unwrap()), "{pattern} {site}");
                sites += 1;
            }
            assert!(gate(pattern, derived.anchors.as_ref().map_or(0, Vec::len)).is_none());
        }
        assert!(sites > 400, "{sites}");
    }

    #[test]
    fn what_is_not_in_the_tables_is_not_known() {
        assert!(!is_sound("no rule's[0-9]{7}pattern") && anchors("").is_none() && gate("x", 0).is_none());
        assert_eq!(groups("(a)(b)"), Ok(2));
    }
}
