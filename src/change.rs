//! What a change is, already in memory: commits, files, hunks and lines.
//!
//! [`ChangeSet`] is the first of the three inputs of [`evaluate`](crate::evaluate::evaluate). It is read from git by
//! [`git::change_set`](crate::git) and by nothing else; guards only look at it. All text in here was written by
//! strangers: paths, messages and contents are bytes until a printer, who knows its target's grammar, escapes them.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// The name of a git object: 40 (SHA-1) or 64 (SHA-256) lowercase hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String")]
pub struct ObjectId(String);

impl TryFrom<String> for ObjectId {
    type Error = &'static str;

    fn try_from(hex: String) -> Result<ObjectId, &'static str> {
        ObjectId::parse(&hex).ok_or("an object id has 40 or 64 hexadecimal digits")
    }
}

impl ObjectId {
    /// Accepts exactly 40 or 64 hexadecimal digits, in either case.
    pub fn parse(hex: &str) -> Option<ObjectId> {
        let fits = matches!(hex.len(), 40 | 64) && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        fits.then(|| ObjectId(hex.to_ascii_lowercase()))
    }

    /// All digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first seven digits, as people quote commits.
    pub fn short(&self) -> &str {
        &self.0[..7]
    }

    /// True for git's way of saying "no object": all digits are zero.
    pub fn is_null(&self) -> bool {
        self.0.bytes().all(|byte| byte == b'0')
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The object id of a commit.
pub type CommitId = ObjectId;

/// A path inside the repository as git stores it: bytes with `/` between components, no leading slash.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoPath(Vec<u8>);

impl RepoPath {
    /// Takes the bytes as they stand.
    pub fn new(bytes: impl Into<Vec<u8>>) -> RepoPath {
        RepoPath(bytes.into())
    }

    /// The exact bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The path as text, with U+FFFD where it is not UTF-8. Exact otherwise, so *not* safe to print: use `Display`.
    pub fn to_text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// The last component.
    pub fn file_name(&self) -> &[u8] {
        self.0.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
    }
}

impl From<&str> for RepoPath {
    fn from(text: &str) -> RepoPath {
        RepoPath(text.as_bytes().to_vec())
    }
}

/// Safe for terminals, logs and Markdown code: control characters, bidirectional and invisible marks, and bytes that
/// are not UTF-8 appear as escapes (`\n`, `\u{202e}`, `\xff`).
impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                match crate::text::is_deceptive(character) {
                    true => write!(f, "{}", character.escape_default())?,
                    false => fmt::Write::write_char(f, character)?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

/// Everything that would enter the target branch, and everything a reviewer would see.
#[derive(Clone, Debug, Default)]
pub struct ChangeSet {
    /// The merge base: where the change left its target branch. `None` when the history starts in this change.
    pub base: Option<CommitId>,
    /// What the base is compared with.
    pub head: Head,
    /// `base..head`, oldest first: what enters history. Empty for staged and working-tree changes.
    pub commits: Vec<Commit>,
    /// Base tree to head tree, sorted by path: what a reviewer sees.
    pub files: Vec<FileChange>,
}

impl ChangeSet {
    /// Changed lines over all files: (added, deleted).
    pub fn line_counts(&self) -> (u64, u64) {
        self.files.iter().fold((0, 0), |(added, deleted), file| {
            let (more, fewer) = file.line_counts();
            (added + u64::from(more), deleted + u64::from(fewer))
        })
    }
}

/// The newer side of a change.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Head {
    /// A commit.
    Commit(CommitId),
    /// What `git commit` would record now.
    #[default]
    Index,
    /// The files on disk: staged, unstaged and untracked (ignored ones left out).
    WorkingTree,
}

/// One commit that would enter the target branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: CommitId,
    /// Its parents; two or more make a merge, none a root.
    pub parents: Vec<CommitId>,
    /// The author's name and address as recorded.
    pub author: Person,
    /// Seconds since 1970-01-01T00:00:00Z at which it was authored.
    pub authored_at: i64,
    /// The whole message, U+FFFD where it is not UTF-8.
    pub message: String,
}

impl Commit {
    /// The first line of the message.
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }

    /// The trailer lines (`Key: value`) of the message's last paragraph, whole.
    ///
    /// Follows `git interpret-trailers`: a last paragraph, not the first, of which at least one line is a trailer.
    pub fn trailers(&self) -> Vec<&str> {
        let lines: Vec<&str> = self.message.trim_end().lines().collect();
        let start = lines.iter().rposition(|line| line.trim().is_empty()).map_or(lines.len(), |blank| blank + 1);
        lines[start..].iter().copied().filter(|line| is_trailer(line)).collect()
    }
}

fn is_trailer(line: &str) -> bool {
    line.split_once(':').is_some_and(|(key, value)| {
        !key.is_empty()
            && key.chars().all(|character| character.is_ascii_alphanumeric() || character == '-')
            && !value.trim().is_empty()
    })
}

/// A name and an e-mail address, as they stand in a commit.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Person {
    /// The display name.
    pub name: String,
    /// The address.
    pub email: String,
}

/// One file between base and head.
#[derive(Clone, Debug)]
pub struct FileChange {
    /// The path at the head; of a deleted file, at the base.
    pub path: RepoPath,
    /// Where a renamed or copied file came from.
    pub old_path: Option<RepoPath>,
    /// What happened to it.
    pub status: Status,
    /// The file at the base; `None` for an added one.
    pub base: Option<Blob>,
    /// The file at the head; `None` for a deleted one.
    pub head: Option<Blob>,
    /// The lines that differ.
    pub diff: Diff,
}

impl FileChange {
    /// Changed lines: (added, deleted), (0, 0) for binary files.
    pub fn line_counts(&self) -> (u32, u32) {
        match &self.diff {
            Diff::Lines(hunks) => hunks.iter().fold((0, 0), |(added, deleted), hunk| {
                (added + hunk.head.len() as u32, deleted + hunk.base.len() as u32)
            }),
            Diff::Binary => (0, 0),
        }
    }

    /// The lines this change added, with their 1-based number at the head, without line ends. Empty when the content
    /// was over the reader's limit: see [`Blob::data`].
    pub fn added_lines(&self) -> Vec<(u32, &[u8])> {
        let (Diff::Lines(hunks), Some(data)) = (&self.diff, self.head.as_ref().and_then(|blob| blob.data.as_deref()))
        else {
            return Vec::new();
        };
        let mut hunks = hunks.iter().map(|hunk| hunk.head.clone()).filter(|range| !range.is_empty()).peekable();
        let mut added = Vec::new();
        for (index, line) in data.split_inclusive(|&byte| byte == b'\n').enumerate() {
            let index = index as u32;
            while hunks.next_if(|range| range.end <= index).is_some() {}
            match hunks.peek() {
                None => break,
                Some(range) if range.contains(&index) => {
                    let line = line.strip_suffix(b"\n").unwrap_or(line);
                    added.push((index + 1, line.strip_suffix(b"\r").unwrap_or(line)));
                }
                Some(_) => {}
            }
        }
        added
    }
}

/// What happened to a file. The letters are those of `git diff --raw`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `A`: not at the base.
    Added,
    /// `M`: same path, other content or mode.
    Modified,
    /// `D`: not at the head.
    Deleted,
    /// `R`: moved; how much of it stayed the same, in percent.
    Renamed(u8),
    /// `C`: copied from a file that this change touches too; how much of it is the same, in percent.
    Copied(u8),
    /// `T`: file, symlink or submodule turned into another of the three.
    TypeChanged,
}

impl Status {
    /// git's letter.
    pub fn letter(self) -> char {
        match self {
            Status::Added => 'A',
            Status::Modified => 'M',
            Status::Deleted => 'D',
            Status::Renamed(_) => 'R',
            Status::Copied(_) => 'C',
            Status::TypeChanged => 'T',
        }
    }
}

/// One side of a changed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// What kind of entry it is.
    pub mode: Mode,
    /// Its object id; `None` for a file that only stands in the working tree.
    pub id: Option<ObjectId>,
    /// Its size in bytes (of a symlink, the length of its target; of a submodule, 0).
    pub size: u64,
    /// Its content; of a symlink, its target. `None` for a submodule and for content over the reader's limit.
    pub data: Option<Vec<u8>>,
}

/// The kinds of entries that a git tree holds beside trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `100644`
    File,
    /// `100755`
    Executable,
    /// `120000`
    Symlink,
    /// `160000`: a commit of another repository.
    Submodule,
}

impl Mode {
    /// As `git diff --raw` writes it.
    pub fn octal(self) -> &'static str {
        match self {
            Mode::File => "100644",
            Mode::Executable => "100755",
            Mode::Symlink => "120000",
            Mode::Submodule => "160000",
        }
    }
}

/// The difference between the two sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Diff {
    /// By lines, first to last. Empty when only the mode or the path changed.
    Lines(Vec<Hunk>),
    /// Not text: a NUL in the first 8,000 bytes of either side, or `-diff` in `.gitattributes`.
    Binary,
}

/// A run of lines replaced by another, without context. Line numbers are 0-based, half open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// The lines of the base that go.
    pub base: Range<u32>,
    /// The lines of the head that come.
    pub head: Range<u32>,
}

/// The text that a change brings in, commit by commit: what was added and taken away again inside the change counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Additions {
    /// Runs of added lines, in the order of commits, paths and lines.
    pub texts: Vec<Addition>,
    /// Files whose content was over the reader's limit.
    pub unread: Vec<RepoPath>,
}

/// A run of added lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// The commit that added it; `None` for what is not committed.
    pub commit: Option<CommitId>,
    /// The file at that commit.
    pub path: RepoPath,
    /// The number of the first line, from 1.
    pub first_line: u32,
    /// The lines, with their ends.
    pub text: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_prints_without_tricks() {
        let path = RepoPath::new(*b"a\n\x1b[31m\xff\xe2\x80\xaeb.rs");
        assert_eq!(path.to_string(), "a\\n\\u{1b}[31m\\xff\\u{202e}b.rs");
    }

    #[test]
    fn added_lines_carry_their_numbers() {
        let file = FileChange {
            path: "a".into(),
            old_path: None,
            status: Status::Modified,
            base: None,
            head: Some(Blob { mode: Mode::File, id: None, size: 9, data: Some(b"a\nb\r\nc\nd".to_vec()) }),
            diff: Diff::Lines(vec![
                Hunk { base: 0..1, head: 0..0 },
                Hunk { base: 2..2, head: 1..2 },
                Hunk { base: 3..3, head: 3..4 },
            ]),
        };
        assert_eq!(file.added_lines(), [(2, &b"b"[..]), (4, &b"d"[..])]);
        assert_eq!(file.line_counts(), (2, 1));
    }

    #[test]
    fn trailers_are_the_last_paragraph() {
        let commit = |message: &str| Commit {
            id: ObjectId::parse(&"a".repeat(40)).unwrap(),
            parents: vec![],
            author: Person::default(),
            authored_at: 0,
            message: message.into(),
        };
        assert_eq!(commit("Fix: it\n\nbody\n\nCo-authored-by: A <a@b>\nSigned-off-by: B <b@c>\n").trailers().len(), 2);
        assert!(commit("Fix: it\n").trailers().is_empty());
    }
}
