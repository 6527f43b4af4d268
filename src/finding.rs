//! One thing a guard has to say: which rule, how bad, what, where, and what to do about it.
//!
//! The words are SARIF's (OASIS, SARIF 2.1.0): rule, level, location, fingerprint. A finding is owned, small and
//! final; printers escape it for their target and never change what it says.

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::change::RepoPath;

/// `<guard>/<rule>`, for instance `size/too-large` or `critic/section-missing`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(Cow<'static, str>);

impl RuleId {
    /// A rule that is known when the program is built.
    pub const fn new(id: &'static str) -> RuleId {
        RuleId(Cow::Borrowed(id))
    }

    /// A rule that is named by data: a configuration, a rule file.
    pub fn owned(id: impl Into<String>) -> RuleId {
        RuleId(Cow::Owned(id.into()))
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first slash.
    pub fn guard(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How bad it is. Only [`Level::Error`] blocks. The order is from worst to mildest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Blocks the change.
    Error,
    /// Worth a look; does not block.
    Warning,
    /// Good to know.
    Note,
}

impl Level {
    /// SARIF's word: `error`, `warning`, `note`.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "note",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a guard says about one place of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule that was broken.
    pub rule: RuleId,
    /// Whether it blocks.
    pub level: Level,
    /// One sentence or two, plain text, without markup. May quote hostile input: printers escape it.
    pub message: String,
    /// Where; `None` when it is about the change as a whole.
    pub location: Option<Location>,
    /// The same for the same finding in another run, even after lines moved.
    pub fingerprint: Fingerprint,
    /// What to do next, plain text.
    pub help: Option<String>,
}

/// A place that a person can go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// In what.
    pub place: Place,
    /// Which lines; `None` for the place as a whole.
    pub span: Option<Span>,
    /// The text of those lines, for reports that draw the code.
    pub excerpt: Option<Excerpt>,
}

impl Location {
    /// A file of the head as a whole.
    pub fn file(path: RepoPath) -> Location {
        Location { place: Place::File(path), span: None, excerpt: None }
    }

    /// The pull request's description as a whole.
    pub fn description() -> Location {
        Location { place: Place::Description, span: None, excerpt: None }
    }

    /// Lines of a text, with as much of them as a report may draw.
    pub fn within(place: Place, span: Span, text: &str) -> Location {
        Location { place, span: Some(span), excerpt: Some(Excerpt::of(text, span)) }
    }
}

/// What a location is in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// A file of the repository.
    File(RepoPath),
    /// The description (body) of the pull request.
    Description,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File(path) => path.fmt(f),
            Place::Description => f.write_str("pull request description"),
        }
    }
}

/// From the first marked character to behind the last one. Lines and columns count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// First line.
    pub line: u32,
    /// First column.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// The column behind the last marked character of the last line.
    pub end_column: u32,
}

impl Span {
    /// The span of the bytes `range` of `text`.
    pub fn of(text: &str, range: std::ops::Range<usize>) -> Span {
        let (line, column) = line_and_column(text, range.start);
        let (end_line, end_column) = line_and_column(text, range.end.max(range.start));
        Span { line, column, end_line, end_column }
    }
}

/// The 1-based line and column (in characters) of a byte offset; an offset inside a character counts as its start.
pub fn line_and_column(text: &str, offset: usize) -> (u32, u32) {
    let offset = (0..=offset.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let before = &text[..offset];
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|&byte| byte == b'\n').count() as u32 + 1;
    (line, before[start..].chars().count() as u32 + 1)
}

/// The lines of a span as they stand, at most [`Excerpt::MAX_LINES`] of [`Excerpt::MAX_COLUMNS`] characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The number of the first line, from 1.
    pub first_line: u32,
    /// The lines, without line ends.
    pub lines: Vec<String>,
}

impl Excerpt {
    /// More lines than a reader looks at.
    pub const MAX_LINES: usize = 12;
    /// A line of a minified file must not fill a screen.
    pub const MAX_COLUMNS: usize = 400;

    /// The lines of `text` that `span` touches.
    pub fn of(text: &str, span: Span) -> Excerpt {
        let count = (span.end_line.saturating_sub(span.line) as usize + 1).min(Excerpt::MAX_LINES);
        let lines = text
            .split('\n')
            .skip(span.line.saturating_sub(1) as usize)
            .take(count)
            .map(|line| line.strip_suffix('\r').unwrap_or(line).chars().take(Excerpt::MAX_COLUMNS).collect())
            .collect();
        Excerpt { first_line: span.line, lines }
    }
}

/// Tells whether two findings of two runs are the same: 32 hexadecimal digits of a SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Over the rule and whatever identifies the finding and does not move when lines do.
    pub fn of(rule: &RuleId, identity: &[&[u8]]) -> Fingerprint {
        let mut hash = Sha256::new();
        for part in std::iter::once(rule.as_str().as_bytes()).chain(identity.iter().copied()) {
            // Length first, so that ("ab", "c") and ("a", "bc") differ.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Fingerprint(hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a rule is, for `mainguard explain`, SARIF and the documentation.
#[derive(Clone, Copy, Debug)]
pub struct RuleInfo {
    /// `<guard>/<rule>`.
    pub id: &'static str,
    /// Its level unless the policy says otherwise.
    pub level: Level,
    /// One line.
    pub summary: &'static str,
    /// Why it exists, what to do, how to configure it; Markdown.
    pub help: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        assert_eq!(line_and_column("ä\nöß", 5), (2, 2));
        assert_eq!(line_and_column("abc", 99), (1, 4));
    }

    #[test]
    fn an_excerpt_is_bounded() {
        let text = format!("{}\nb\n", "x".repeat(10_000));
        let excerpt = Excerpt::of(&text, Span::of(&text, 0..text.len()));
        assert_eq!(excerpt.lines[0].len(), Excerpt::MAX_COLUMNS);
        assert_eq!(excerpt.lines[1], "b");
    }

    #[test]
    fn a_fingerprint_keeps_its_parts_apart() {
        let rule = RuleId::new("size/too-large");
        assert_ne!(Fingerprint::of(&rule, &[b"ab", b"c"]), Fingerprint::of(&rule, &[b"a", b"bc"]));
    }
}
