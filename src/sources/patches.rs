//! Reads what `git log -p -U0` and `git diff -U0` print: for each commit, file and hunk the lines that were added.
//!
//! What pulls on this file: be exact to the byte, since positions, fingerprints and the meaning of `^` and `$` hang on
//! it; be quick, since whole histories pass through; and believe nothing, since messages, paths and contents are
//! written by strangers. A hunk is read by the numbers in its header, so that no line of it can pass for a header. A
//! message cannot either: git indents it. What the numbers do not bear out is an error, never a shorter scan.
//!
//! Memory is bounded: a hunk larger than [`Limits::hunk_bytes`] is handed out in pieces, see [`Patches::splits`].

use std::io::BufRead;
use std::sync::Arc;

use bstr::{BString, ByteSlice};

use crate::secrets::{CommitInfo, Fragment, Origin};

mod header;

/// How much of a patch is held in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A hunk of more added bytes is cut after a line; a line of twice as many anywhere. In bytes.
    pub hunk_bytes: usize,
    /// The longest header line, path included. More of a commit message is not kept. In bytes.
    pub header_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { hunk_bytes: 8 << 20, header_bytes: 1 << 20 }
    }
}

/// What gitleaks reports as the date of what is not committed yet.
const NO_DATE: &str = "0001-01-01T00:00:00Z";

/// Why a patch cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum PatchError {
    /// The stream broke.
    #[error("git's output cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// It ended in the middle of a hunk.
    #[error("git's output ends in the middle of a hunk (line {line})")]
    Truncated {
        /// Line of the stream, 1-based.
        line: u64,
    },
    /// It is no patch.
    #[error("git's output is no patch that we understand: {what} (line {line})")]
    Malformed {
        /// What is wrong.
        what: &'static str,
        /// Line of the stream, 1-based.
        line: u64,
    },
}

/// What a patch holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// The added lines of a hunk, or a piece of them.
    Added(Added),
    /// A file that is not text, added or changed.
    Binary(Arc<Origin>),
}

/// The added lines of one hunk. Empty when it only takes lines away: rules that judge paths alone look at it all the
/// same, as gitleaks does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// The file and the commit.
    pub origin: Arc<Origin>,
    /// Lines of the file before the first added one.
    pub lines_before: usize,
    /// The added lines with their ends.
    pub text: Vec<u8>,
}

impl Added {
    /// As the scanner wants it.
    pub fn fragment(&self) -> Fragment<'_> {
        Fragment { text: &self.text, lines_before: self.lines_before, origin: &self.origin }
    }
}

/// A patch, read item by item.
pub struct Patches<R> {
    input: R,
    limits: Limits,
    web: String,
    /// The number of the line that is being read.
    number: u64,
    line: Vec<u8>,
    /// The lines before the first file of a commit.
    preamble: Option<header::Preamble>,
    commit: Option<Arc<CommitInfo>>,
    file: Option<header::FileHeader>,
    hunk: Option<Hunk>,
    commits: u64,
    splits: u64,
}

/// A hunk that is being read.
struct Hunk {
    origin: Arc<Origin>,
    /// The file was deleted.
    gone: bool,
    /// Nothing was handed out yet.
    whole: bool,
    lines_before: usize,
    text: Vec<u8>,
    /// Lines still to come of each old side and of the new one.
    old_left: Vec<u64>,
    new_left: u64,
    /// What the line that is being read is; `None` at the beginning of one.
    inside: Option<Line>,
    last: Line,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Added,
    Other,
    /// `\ No newline at end of file`: about the line before it.
    Remark,
}

impl<R: BufRead> Patches<R> {
    /// Reads `input`. `web` is the repository's web address, for [`CommitInfo::web`]. What comes before the first
    /// commit, as all of `git diff` does, is said to be of a commit without id, at the time gitleaks gives it.
    pub fn new(input: R, web: &str, limits: Limits) -> Patches<R> {
        Patches {
            input,
            limits,
            web: web.into(),
            number: 0,
            line: Vec::new(),
            preamble: None,
            commit: Some(Arc::new(CommitInfo { date: NO_DATE.into(), ..CommitInfo::default() })),
            file: None,
            hunk: None,
            commits: 0,
            splits: 0,
        }
    }

    /// Commits seen so far, those without a file included.
    pub fn commits(&self) -> u64 {
        self.commits
    }

    /// How often a hunk was too large to be handed out whole. A secret across such a cut is not seen.
    pub fn splits(&self) -> u64 {
        self.splits
    }

    /// The next item; `None` at the end.
    #[expect(clippy::should_implement_trait, reason = "an iterator of results hides that errors end it")]
    pub fn next(&mut self) -> Result<Option<Item>, PatchError> {
        loop {
            if let Some(hunk) = self.hunk.take() {
                match self.read_hunk(hunk)? {
                    Some(added) => return Ok(Some(Item::Added(added))),
                    None => continue,
                }
            }
            if !self.read_line()? {
                return Ok(None);
            }
            if let Some(item) = self.header_line()? {
                return Ok(Some(item));
            }
        }
    }

    fn header_line(&mut self) -> Result<Option<Item>, PatchError> {
        let line = &self.line[..];
        if let Some(id) = header::commit_id(line) {
            self.commits += 1;
            self.preamble = Some(header::Preamble::new(id));
            (self.commit, self.file) = (None, None);
            return Ok(None);
        }
        if let Some(file) = header::FileHeader::begin(line) {
            if let Some(preamble) = self.preamble.take() {
                self.commit = Some(Arc::new(preamble.commit(&self.web)));
            }
            self.file = Some(file.ok_or_else(|| self.malformed("a file header without a name"))?);
            return Ok(None);
        }
        if let Some(preamble) = &mut self.preamble {
            preamble.push(line, self.limits.header_bytes);
            return Ok(None);
        }
        let Some(file) = &mut self.file else { return Ok(None) };
        if line.starts_with(b"@@") {
            let range = header::Range::parse(line).ok_or_else(|| self.malformed("the header of a hunk"))?;
            self.begin_hunk(range)?;
        } else if line.starts_with(b"Binary files ") || line == b"GIT binary patch" {
            if !file.deleted {
                return self.origin().map(|origin| Some(Item::Binary(origin)));
            }
        } else if !file.push(line) {
            return Err(self.malformed("a quoted path"));
        }
        Ok(None)
    }

    fn begin_hunk(&mut self, range: header::Range) -> Result<(), PatchError> {
        let origin = self.origin()?;
        // A hunk that adds nothing names the line before it.
        let lines_before = usize::try_from(range.new_start.saturating_sub(1)).unwrap_or(usize::MAX);
        self.hunk = Some(Hunk {
            origin,
            gone: self.file.as_ref().is_some_and(|file| file.deleted),
            whole: true,
            lines_before,
            text: Vec::new(),
            old_left: range.old_counts,
            new_left: range.new_count,
            inside: None,
            last: Line::Other,
        });
        Ok(())
    }

    fn origin(&mut self) -> Result<Arc<Origin>, PatchError> {
        let (number, commit) = (self.number, &self.commit);
        let file = self.file.as_mut().ok_or(PatchError::Malformed { what: "a hunk without a file", line: number })?;
        if let Some(origin) = &file.origin {
            return Ok(origin.clone());
        }
        let path = file.path().ok_or(PatchError::Malformed { what: "a file without a name", line: number })?;
        let origin = Origin { path: BString::from(path), commit: commit.clone(), ..Origin::default() };
        Ok(file.origin.insert(Arc::new(origin)).clone())
    }

    fn malformed(&self, what: &'static str) -> PatchError {
        PatchError::Malformed { what, line: self.number }
    }

    /// Reads a line into `self.line`, without its end; what goes beyond the limit is dropped. False at the end.
    fn read_line(&mut self) -> Result<bool, PatchError> {
        self.line.clear();
        let mut any = false;
        loop {
            let buffer = fill(&mut self.input)?;
            if buffer.is_empty() {
                break;
            }
            if !any {
                self.number += 1;
                any = true;
            }
            let end = buffer.find_byte(b'\n');
            let part = &buffer[..end.unwrap_or(buffer.len())];
            let room = self.limits.header_bytes.saturating_sub(self.line.len());
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            let used = part.len() + usize::from(end.is_some());
            let is_header = !self.line.starts_with(b" ") && self.preamble.is_none();
            if part.len() > room && is_header {
                return Err(self.malformed("a header line that is too long"));
            }
            self.input.consume(used);
            if end.is_some() {
                break;
            }
        }
        Ok(any)
    }

    /// The rest of the hunk, or a piece of it. `None` when nothing is left to say.
    fn read_hunk(&mut self, mut hunk: Hunk) -> Result<Option<Added>, PatchError> {
        loop {
            let buffer = fill(&mut self.input)?;
            let Some(&first) = buffer.first() else {
                return match hunk.is_complete() {
                    true => Ok(hunk.finish()),
                    false => Err(PatchError::Truncated { line: self.number }),
                };
            };
            let line = match hunk.inside {
                Some(line) => line,
                None if first != b'\\' && hunk.is_complete() => return Ok(hunk.finish()),
                None if first != b'\\' && hunk.text.len() >= self.limits.hunk_bytes => {
                    self.splits += 1;
                    let piece = hunk.cut();
                    self.hunk = Some(hunk);
                    return Ok(Some(piece));
                }
                None => {
                    self.number += 1;
                    let (line, columns) = match (first, hunk.old_left.len()) {
                        (b'\\', _) => (Line::Remark, 0),
                        (_, 1) => (hunk.step(&[first]), usize::from(first != b'\n')),
                        (_, columns) => {
                            let mut marks = vec![0; columns];
                            std::io::Read::read_exact(&mut self.input, &mut marks)
                                .map_err(|_| PatchError::Truncated { line: self.number })?;
                            (hunk.step(&marks), 0)
                        }
                    };
                    self.input.consume(columns);
                    hunk.inside = Some(line);
                    if hunk.is_overdrawn() {
                        return Err(self.malformed("a hunk with other lines than its header announces"));
                    }
                    continue;
                }
            };
            let end = buffer.find_byte(b'\n');
            let used = end.map_or(buffer.len(), |end| end + 1);
            // A file that is gone has nothing to say, in pieces neither.
            if line == Line::Added && !hunk.gone {
                hunk.text.extend_from_slice(&buffer[..used]);
            }
            self.input.consume(used);
            if end.is_some() {
                hunk.end_line(line);
            } else if line == Line::Added && hunk.text.len() >= self.limits.hunk_bytes.saturating_mul(2) {
                // In the middle of no other line: a remark takes back the end of the added one before it.
                self.splits += 1;
                let piece = hunk.cut();
                self.hunk = Some(hunk);
                return Ok(Some(piece));
            }
        }
    }
}

impl Hunk {
    fn is_complete(&self) -> bool {
        self.inside.is_none() && self.new_left == 0 && self.old_left.iter().all(|&left| left == 0)
    }

    fn is_overdrawn(&self) -> bool {
        self.new_left == u64::MAX || self.old_left.contains(&u64::MAX)
    }

    /// Counts a line by its marks, one for each old side. Too many lines leave `u64::MAX` behind.
    fn step(&mut self, marks: &[u8]) -> Line {
        let mut removed = false;
        let mut added = true;
        for (left, mark) in self.old_left.iter_mut().zip(marks) {
            match mark {
                b'+' => continue,
                // Some tools write an empty context line without its space.
                b' ' | b'\n' => added = false,
                b'-' => {
                    added = false;
                    removed = true;
                }
                _ => {
                    self.new_left = u64::MAX;
                    return Line::Other;
                }
            }
            *left = left.wrapping_sub(1);
        }
        if !removed {
            self.new_left = self.new_left.wrapping_sub(1);
        }
        if added { Line::Added } else { Line::Other }
    }

    fn end_line(&mut self, line: Line) {
        match line {
            Line::Remark => {
                if self.last == Line::Added && self.text.last() == Some(&b'\n') {
                    self.text.pop();
                }
            }
            line => self.last = line,
        }
        self.inside = None;
    }

    fn cut(&mut self) -> Added {
        let text = std::mem::take(&mut self.text);
        let lines_before = self.lines_before;
        self.lines_before = lines_before.saturating_add(text.iter().filter(|&&byte| byte == b'\n').count());
        self.whole = false;
        Added { origin: self.origin.clone(), lines_before, text }
    }

    /// What was not handed out yet.
    fn finish(mut self) -> Option<Added> {
        let worth = !self.gone && (self.whole || !self.text.is_empty());
        worth.then(|| self.cut())
    }
}

/// `fill_buf` that is not disturbed by signals.
fn fill<R: BufRead>(input: &mut R) -> std::io::Result<&[u8]> {
    loop {
        match input.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    input.fill_buf()
}
