//! A contract in a language of which we have no reader: what changed, line by line.
//!
//! Whether callers notice cannot be judged here, so a change is [`Impact::Dangerous`] and its lines are shown. White
//! space at the end of lines and a byte order mark mean nothing to anybody.

use sha2::{Digest, Sha256};
use similar::{Algorithm, ChangeTag, DiffOp};

use super::{ContractChange, Format, Impact, Place};

/// From so many lines on, lines that stand once on each side are paired first: an order of magnitude faster.
const MANY_LINES: usize = 20_000;
/// Beyond so many lines nobody reads a diff, and pairing them takes longer than it is worth.
const MOST_LINES: usize = 1_000_000;
/// Unchanged lines around a change.
const CONTEXT: usize = 3;
/// The most that is kept of one difference.
const MOST_SHOWN: usize = 200;
/// The longest line that is kept, in characters.
const MOST_COLUMNS: usize = 200;

/// How two texts differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextDiff {
    /// The file at the base; `None` when it is new.
    pub base: Option<String>,
    /// The file at the head; `None` when it is gone.
    pub head: Option<String>,
    /// Lines that came.
    pub added: usize,
    /// Lines that went.
    pub deleted: usize,
    /// The changed lines with some around them, each with `+`, `-` or a space in front; `@@` lines between the runs.
    pub lines: Vec<String>,
    /// How many lines of the difference are not in `lines`.
    pub left_out: usize,
}

/// One side of a file: its path and its content.
pub type Version<'a> = Option<(&'a str, &'a [u8])>;

/// Compares two sides of one file. `None` when nothing differs that means anything.
pub fn diff(base: Version<'_>, head: Version<'_>) -> Option<(ContractChange, TextDiff)> {
    let (name, rule, impact) = match (base, head) {
        (None, None) => return None,
        (None, Some((name, _))) => (name, "text-added", Impact::Compatible),
        (Some((name, _)), None) => (name, "text-removed", Impact::Breaking),
        (Some(_), Some((name, _))) => (name, "text-changed", Impact::Dangerous),
    };
    let [old, new] = [base, head].map(|side| side.map_or_else(String::new, |(_, bytes)| normal(bytes)));
    if base.is_some() && head.is_some() && old == new {
        return None;
    }
    let found = lines(&old, &new);
    let difference = TextDiff {
        base: base.map(|(path, _)| path.to_string()),
        head: head.map(|(path, _)| path.to_string()),
        added: found.added,
        deleted: found.deleted,
        lines: found.lines,
        left_out: found.left_out,
    };
    let counts = format!("+{} \u{2212}{}", difference.added, difference.deleted);
    let message = match rule {
        "text-added" => format!("`{name}` is new ({counts} lines)"),
        "text-removed" => format!("`{name}` was removed ({counts} lines)"),
        _ => format!("`{name}` changed ({counts} lines); what it means for callers cannot be judged"),
    };
    let place = |path: &str, line: usize| Place {
        file: path.to_string(),
        line: line as u32,
        column: 1,
        end_line: line as u32,
        end_column: 1,
    };
    let change = ContractChange {
        format: Format::Text,
        rule,
        impact,
        subject: name.to_string(),
        message,
        args: vec![name.to_string(), difference.added.to_string(), difference.deleted.to_string(), digest(&new)],
        before: None,
        after: None,
        base: base.map(|(path, _)| place(path, found.first_base)),
        revision: head.map(|(path, _)| place(path, found.first_head)),
        breaks: match impact {
            Impact::Breaking => Some("whoever reads this file".into()),
            _ => None,
        },
        fix: match impact {
            Impact::Breaking => Some("keep the file until nobody reads it any more".into()),
            _ => None,
        },
        reaches: Vec::new(),
    };
    Some((change, difference))
}

/// Tells one new text from another, so that what was accepted is this text and no other.
fn digest(text: &str) -> String {
    Sha256::digest(text)[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn normal(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut normal = String::with_capacity(text.len());
    for line in text.lines() {
        normal.push_str(line.trim_end());
        normal.push('\n');
    }
    normal
}

struct Found {
    added: usize,
    deleted: usize,
    lines: Vec<String>,
    left_out: usize,
    first_base: usize,
    first_head: usize,
}

fn lines(old: &str, new: &str) -> Found {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let mut found = Found { added: 0, deleted: 0, lines: Vec::new(), left_out: 0, first_base: 1, first_head: 1 };
    // What both begin and end with is set aside first: most changes are small and most files are not.
    let before = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let after = old[before..].iter().rev().zip(new[before..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (old_mid, new_mid) = (&old[before..old.len() - after], &new[before..new.len() - after]);
    (found.first_base, found.first_head) =
        (before.min(old.len().saturating_sub(1)) + 1, before.min(new.len().saturating_sub(1)) + 1);
    let count = old_mid.len() + new_mid.len();
    if count > MOST_LINES {
        (found.added, found.deleted, found.left_out) = (new_mid.len(), old_mid.len(), count);
        return found;
    }
    // A little of what is equal is given back, as context.
    let lead = before.min(CONTEXT);
    let trail = after.min(CONTEXT);
    let (old, new) = (&old[before - lead..old.len() - after + trail], &new[before - lead..new.len() - after + trail]);
    let algorithm = if count > MANY_LINES { Algorithm::Patience } else { Algorithm::Myers };
    let difference = similar::TextDiff::configure().algorithm(algorithm).diff_slices(old, new);
    for group in difference.grouped_ops(CONTEXT) {
        found.keep(|| header(&group, before - lead));
        for change in group.iter().flat_map(|operation| difference.iter_changes(operation)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            found.added += usize::from(sign == '+');
            found.deleted += usize::from(sign == '-');
            found.keep(|| {
                let text: String = change.value().chars().take(MOST_COLUMNS).collect();
                format!("{sign}{text}")
            });
        }
    }
    found
}

impl Found {
    fn keep(&mut self, line: impl FnOnce() -> String) {
        match self.lines.len() < MOST_SHOWN {
            true => self.lines.push(line()),
            false => self.left_out += 1,
        }
    }
}

/// `@@ -3,4 +3,5 @@`, as in a unified diff.
fn header(group: &[DiffOp], offset: usize) -> String {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return String::new() };
    let (old, new) = (first.old_range().start..last.old_range().end, first.new_range().start..last.new_range().end);
    format!("@@ -{},{} +{},{} @@", offset + old.start + 1, old.len(), offset + new.start + 1, new.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(base: &str, head: &str) -> Option<(ContractChange, TextDiff)> {
        diff(Some(("a.thrift", base.as_bytes())), Some(("a.thrift", head.as_bytes())))
    }

    #[test]
    fn a_changed_line_is_shown_among_its_neighbours() {
        let (change, text) = of("a\nb\nc\nd\ne\nf\ng\nh\n", "a\nb\nc\nd\nE\nf\ng\nh\n").unwrap();
        assert_eq!(change.impact, Impact::Dangerous);
        assert_eq!(change.revision.unwrap().line, 5);
        assert_eq!(text.lines, ["@@ -2,7 +2,7 @@", " b", " c", " d", "-e", "+E", " f", " g", " h"]);
        assert_eq!((text.added, text.deleted), (1, 1));
    }

    #[test]
    fn line_ends_and_trailing_space_mean_nothing() {
        assert!(of("a\r\nb", "\u{feff}a  \nb\n").is_none());
    }

    #[test]
    fn a_file_that_is_gone_breaks_its_readers() {
        let (change, text) = diff(Some(("a", b"x\ny\n")), None).unwrap();
        assert_eq!((change.rule, change.impact, text.deleted), ("text-removed", Impact::Breaking, 2));
        assert!(change.revision.is_none());
        let (change, _) = diff(None, Some(("a", b"x\n"))).unwrap();
        assert_eq!((change.rule, change.impact), ("text-added", Impact::Compatible));
    }

    #[test]
    fn a_very_long_difference_is_counted_and_cut() {
        let new: String = (0..10_000).map(|n| format!("{n}\n")).collect();
        let (_, text) = of("", &new).unwrap();
        assert_eq!((text.added, text.lines.len(), text.left_out), (10_000, MOST_SHOWN, 10_001 - MOST_SHOWN));
    }
}
