//! One file, however it is reached: cut into pieces, or unpacked first. What files, archives and standard input share.

use std::fmt;
use std::io::{self, Cursor, Read, Seek};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bstr::BString;

use super::archives::{self, Budget, Limits};
use super::formats::{self, Packing};
use super::fragments::{Buffers, Fragments};
use crate::secrets::{CommitInfo, Fragment, Origin};

/// More problems than this are counted, not kept.
pub const MOST_PROBLEMS: usize = 100;

/// How many bytes of a file tell whether it is plain text.
const HEAD: usize = 512;

/// Gives every piece of one file to `each`, wherever the file comes from: an archive in history, for instance. Bounds
/// are those of an archive whose size nobody knows.
pub fn one(origin: &Origin, input: &mut dyn Read, look: &Look<'_>, each: &(dyn Fn(&Fragment<'_>) + Sync)) -> Stats {
    let mut worker = Worker::new(*look, each);
    let Origin { path, symlink, commit, .. } = origin.clone();
    let budget = Budget::new(&look.limits, None);
    worker.file(Content::Stream(input), &origin.path, &Place { path, symlink, commit, depth: 0 }, &budget);
    worker.stats
}

/// What is done with content.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// How many archives deep; 0 passes over archives.
    pub archive_depth: u32,
    /// Bounds of unpacking.
    pub limits: Limits,
    /// Whether a path is of no interest: the global allowlists.
    pub skip: &'a (dyn Fn(&[u8]) -> bool + Sync),
    /// Told about every file that was looked at.
    pub progress: Option<&'a Progress>,
    /// Once true, nothing more is looked at.
    pub cancel: Option<&'a AtomicBool>,
}

impl<'a> Look<'a> {
    /// At everything that is not packed.
    pub fn new(skip: &'a (dyn Fn(&[u8]) -> bool + Sync)) -> Look<'a> {
        Look { archive_depth: 0, limits: Limits::default(), skip, progress: None, cancel: None }
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed))
    }
}

/// How far a scan has come; read it from another thread.
#[derive(Debug, Default)]
pub struct Progress {
    /// Files that were looked at.
    pub files: AtomicU64,
    /// Bytes that were looked at.
    pub bytes: AtomicU64,
}

/// What was scanned, and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Files that were scanned, those in archives included.
    pub files: u64,
    /// Bytes that were scanned, unpacked.
    pub bytes: u64,
    /// What was passed over on purpose.
    pub skipped: Skipped,
    /// What could not be scanned and should have been; at most [`MOST_PROBLEMS`].
    pub problems: Vec<Problem>,
    /// How many problems there were.
    pub problem_count: u64,
}

/// Files that were passed over, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// A global allowlist names the path. A folder counts as one.
    pub allowed: u64,
    /// Packed, and archives are not looked into (so deep).
    pub archives: u64,
    /// Programs, documents, fonts and the like, told by their first bytes.
    pub binaries: u64,
    /// No content.
    pub empty: u64,
    /// Links, where they are not followed, lead to a folder or to nothing.
    pub links: u64,
    /// Devices, sockets, pipes.
    pub special: u64,
    /// Larger than asked for.
    pub too_large: u64,
}

/// Why something could not be scanned. The scan is not complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which file or folder.
    pub path: BString,
    /// For people: `permission denied`.
    pub reason: String,
}

impl Stats {
    /// Both together.
    pub fn merge(&mut self, other: Stats) {
        self.files += other.files;
        self.bytes += other.bytes;
        let (mine, theirs) = (&mut self.skipped, other.skipped);
        mine.allowed += theirs.allowed;
        mine.archives += theirs.archives;
        mine.binaries += theirs.binaries;
        mine.empty += theirs.empty;
        mine.links += theirs.links;
        mine.special += theirs.special;
        mine.too_large += theirs.too_large;
        self.problem_count += other.problem_count;
        self.problems.extend(other.problems);
        self.problems.sort_by(|a, b| a.path.cmp(&b.path));
        self.problems.truncate(MOST_PROBLEMS);
    }

    pub(super) fn problem(&mut self, path: &BString, reason: impl fmt::Display) {
        self.problem_count += 1;
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(Problem { path: path.clone(), reason: reason.to_string() });
        }
    }
}

/// Bytes, with a way back where there is one.
pub(super) enum Content<'a> {
    Stream(&'a mut dyn Read),
    Seekable(&'a mut dyn ReadSeek),
}

/// A file, or something like it.
pub(super) trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

/// Someone who looks at one file after the other.
pub(super) struct Worker<'a> {
    pub(super) look: Look<'a>,
    pub(super) each: &'a (dyn Fn(&Fragment<'_>) + Sync),
    pub(super) stats: Stats,
    buffers: Buffers,
}

/// Where a file is: its path, with the archives around it before it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) path: BString,
    pub(super) symlink: BString,
    pub(super) commit: Option<Arc<CommitInfo>>,
    pub(super) depth: u32,
}

impl<'a> Worker<'a> {
    pub(super) fn new(look: Look<'a>, each: &'a (dyn Fn(&Fragment<'_>) + Sync)) -> Worker<'a> {
        Worker { look, each, stats: Stats::default(), buffers: Buffers::default() }
    }

    /// Looks at a file. `name` is its own name, without the archives around it.
    pub(super) fn file(&mut self, mut content: Content<'_>, name: &[u8], place: &Place, budget: &Budget) {
        let Some(packing) = formats::packing(name) else {
            return self.stream(&mut content, place);
        };
        if place.depth >= self.look.archive_depth {
            self.stats.skipped.archives += 1;
            return;
        }
        // `notes.brief.txt` is called an archive by its name. gitleaks fails on it; it is scanned as the text it is.
        let head = match &mut content {
            Content::Seekable(file) => head(file).and_then(|head| file.rewind().map(|()| head)),
            Content::Stream(stream) => head(stream),
        };
        let head = match head {
            Ok(head) => head,
            Err(error) => return self.stats.problem(&place.path, error),
        };
        match content {
            Content::Seekable(mut file) if is_plain_text(&head) => self.text(&mut file, place),
            Content::Seekable(file) => self.packed(Content::Seekable(file), packing, place, budget),
            Content::Stream(stream) => {
                let mut whole = Cursor::new(&head[..]).chain(stream);
                match is_plain_text(&head) {
                    true => self.text(&mut whole, place),
                    false => self.packed(Content::Stream(&mut whole), packing, place, budget),
                }
            }
        }
    }

    fn packed(&mut self, content: Content<'_>, packing: Packing, place: &Place, budget: &Budget) {
        if let Err(error) = archives::unpack(self, content, packing, place, budget) {
            match budget.exceeded() {
                // Said once, by the outermost archive, which knows its own name best.
                Some(_) if place.depth > 0 => {}
                Some(bound) => self.stats.problem(&place.path, bound),
                None => self.stats.problem(&place.path, error),
            }
        }
    }

    fn stream(&mut self, content: &mut Content<'_>, place: &Place) {
        match content {
            Content::Stream(stream) => self.text(stream, place),
            Content::Seekable(file) => self.text(file, place),
        }
    }

    /// Cuts what is not packed.
    pub(super) fn text(&mut self, input: &mut dyn Read, place: &Place) {
        if let Err(error) = self.try_text(input, place) {
            self.stats.problem(&place.path, error);
        }
    }

    pub(super) fn try_text(&mut self, input: &mut dyn Read, place: &Place) -> io::Result<()> {
        let mut origin = Origin {
            path: place.path.clone(),
            symlink: place.symlink.clone(),
            commit: place.commit.clone(),
            paths_checked: false,
        };
        let mut fragments = Fragments::new(input, &mut self.buffers);
        let mut bytes = 0;
        while let Some(piece) = fragments.piece()? {
            if self.look.is_cancelled() {
                return Ok(());
            }
            // gitleaks asks again for every piece until the first newline.
            if piece.lines_before == 0 && formats::is_application(&piece.text[..piece.first_read]) {
                self.stats.skipped.binaries += u64::from(bytes == 0);
                break;
            }
            bytes += piece.text.len() as u64;
            (self.each)(&Fragment { text: piece.text, lines_before: piece.lines_before, origin: &origin });
            // Rules that judge the path alone have spoken; gitleaks lets them speak again for every piece.
            origin.paths_checked = true;
        }
        self.stats.bytes += bytes;
        self.stats.files += u64::from(bytes > 0);
        if let Some(progress) = self.look.progress {
            progress.files.fetch_add(1, Ordering::Relaxed);
            progress.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// The beginning of a file.
fn head(input: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    input.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// Whether no archive begins like this. All of them have bytes in their first 512 that no text has.
fn is_plain_text(head: &[u8]) -> bool {
    head.iter().all(|&byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~'))
}
