//! A piece of text that is scanned at once, and where it came from.

use std::sync::Arc;

use bstr::BString;

/// A piece of text that is scanned at once: a stretch of a file, or the added lines of one hunk.
#[derive(Clone, Debug)]
pub struct Fragment<'a> {
    /// The text. Not necessarily UTF-8.
    pub text: &'a [u8],
    /// Lines that stand before this text in its file: the first line of the text is `lines_before + 1`.
    pub lines_before: usize,
    /// Where it came from.
    pub origin: &'a Origin,
}

/// Where a fragment came from. One per file, shared by its fragments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The path as it is reported: with `/`; a file in an archive is `archive.zip!inner/name`.
    pub path: BString,
    /// The link that led to `path`; empty unless links are followed.
    pub symlink: BString,
    /// Set when the text comes from history.
    pub commit: Option<Arc<CommitInfo>>,
    /// Set when `path` rules and path allowlists were applied to this file already.
    pub paths_checked: bool,
}

/// What a report says about a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitInfo {
    /// Hex id. Empty for staged changes.
    pub id: String,
    /// Author's name.
    pub author: BString,
    /// Author's address.
    pub email: BString,
    /// Author's date in UTC, `2024-01-31T12:00:00Z`.
    pub date: String,
    /// The message.
    pub message: BString,
    /// Web address of the repository without a trailing slash; empty when reports carry no links.
    pub web: String,
}
