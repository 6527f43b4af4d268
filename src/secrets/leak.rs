//! One secret that was found: everything that a report may say about it.

use std::fmt;
use std::sync::Arc;

use bstr::BString;

use super::fragment::CommitInfo;

/// One secret that was found.
///
/// Positions are gitleaks' own, oddities included, because fingerprints, baselines and its reports are made of them;
/// [`Leak::span`] holds the true ones for our own reports. Holds the secret in clear: redact before anything is
/// printed. `Debug` shows neither the secret nor the match nor the line.
#[derive(Clone, Default, PartialEq)]
pub struct Leak {
    /// Id of the rule.
    pub rule: String,
    /// The rule's description.
    pub description: String,
    /// As gitleaks counts: 1-based.
    pub start_line: usize,
    /// As gitleaks counts.
    pub end_line: usize,
    /// As gitleaks counts: bytes, one too many after a fragment's first line.
    pub start_column: usize,
    /// As gitleaks counts; 0 where it lost count.
    pub end_column: usize,
    /// The whole match.
    pub matched: BString,
    /// The secret in the match.
    pub secret: BString,
    /// The lines of the match as gitleaks sees them (with the newline before, after the first line).
    pub line: BString,
    /// Path as reported.
    pub file: BString,
    /// Link that led to `file`, or empty.
    pub symlink: BString,
    /// Set when found in history.
    pub commit: Option<Arc<CommitInfo>>,
    /// Web address of the place, or empty.
    pub link: String,
    /// Shannon entropy of the secret.
    pub entropy: f32,
    /// The rule's tags and how the secret was encoded.
    pub tags: Vec<String>,
    /// `file:rule:line`, with `commit:` before it in history.
    pub fingerprint: String,
    /// The true place of the secret's match.
    pub span: Span,
}

/// A true place in a file: 1-based lines, 1-based columns in Unicode code points, the end exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First line.
    pub start_line: usize,
    /// First column.
    pub start_column: usize,
    /// Last line.
    pub end_line: usize,
    /// Column behind the last character.
    pub end_column: usize,
}

impl fmt::Debug for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Leak({} {}:{}:{})", self.rule, self.file, self.start_line, self.start_column)
    }
}
