//! The files of a folder, or one file.
//!
//! What is passed over is passed over as gitleaks does it: empty files, links unless they are followed, archives
//! unless they are looked into, programs and documents by their first bytes, what is larger than asked for, what a
//! global allowlist names. Hidden files are scanned, and `.gitignore` is not asked. What could not be read is never
//! silent: it is a [`Problem`](super::content::Problem).
//!
//! One thread walks, in the order of names; the others read. Reading and scanning is all the work there is and files
//! do not depend on each other, so that a channel of portions is all the scheduling it takes: stealing work, as rayon
//! does, would gain nothing.

#![expect(clippy::disallowed_methods, reason = "reads files")]

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use bstr::BString;

use super::archives::Budget;
use super::content::{Content, Look, Place, Stats, Worker};
use super::paths;
use crate::secrets::Fragment;

/// Files that are handed over at once: enough to make handing over cheap, few enough that all threads get some.
const PORTION: usize = 32;

/// Folders in folders; deeper than any file system allows a path to be.
const DEEPEST: usize = 2_048;

/// What is looked at, and how.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// A folder or a file. Reported paths begin with it, save for `.`.
    pub root: &'a Path,
    /// Threads that read and scan; at least one.
    pub threads: usize,
    /// Look at files that links lead to. Links to folders are never followed.
    pub follow_links: bool,
    /// Larger files are passed over.
    pub most_bytes: Option<u64>,
    /// What is done with the content.
    pub look: Look<'a>,
}

/// Why nothing could be scanned.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be read: {reason}", path.display())]
pub struct FilesError {
    /// The folder or file that was asked for.
    pub path: PathBuf,
    /// Why.
    pub reason: io::Error,
}

impl FilesError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self.reason.kind() {
            io::ErrorKind::NotFound => Some("give the path of a folder or a file that exists".into()),
            io::ErrorKind::PermissionDenied => Some("run this as a user who may read it".into()),
            _ => None,
        }
    }
}

/// One file to look at.
struct Target {
    /// Where to open it.
    path: PathBuf,
    /// How it is reported.
    name: BString,
    /// The link that led to it, as reported.
    symlink: BString,
}

/// Gives every piece of every file to `each`, from many threads and in no order.
///
/// # Errors
/// Only if the root itself cannot be read. Everything else is in [`Stats::problems`].
pub fn for_each(options: &Options<'_>, each: &(dyn Fn(&Fragment<'_>) + Sync)) -> Result<Stats, FilesError> {
    let unreadable = |reason| FilesError { path: options.root.to_owned(), reason };
    // A link that was asked for by name is followed. gitleaks scans nothing and says so to nobody.
    let root = fs::metadata(options.root).map_err(unreadable)?;
    let mut walk = Walk { options, stats: Stats::default() };
    if !root.is_dir() {
        let mut worker = Worker::new(options.look, each);
        let name = paths::bytes(options.root);
        if !root.is_file() {
            worker.stats.skipped.special += 1;
        } else if walk.skips(&name) {
            worker.stats.skipped.allowed += 1;
        } else {
            worker.target(options, &Target { path: options.root.to_owned(), name, symlink: BString::default() });
        }
        return Ok(worker.stats);
    }
    fs::read_dir(options.root).map_err(unreadable)?;
    if options.threads <= 1 {
        let mut worker = Worker::new(options.look, each);
        walk.root(&mut |target| worker.target(options, &target));
        worker.stats.merge(walk.stats);
        return Ok(worker.stats);
    }

    let (sender, receiver) = mpsc::sync_channel::<Vec<Target>>(4 * options.threads);
    let receiver = Mutex::new(receiver);
    let work = || {
        let mut worker = Worker::new(options.look, each);
        loop {
            let portion = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(portion) = portion else { return worker.stats };
            for target in portion {
                worker.target(options, &target);
            }
        }
    };
    let mut stats = thread::scope(|scope| {
        let workers: Vec<_> = (0..options.threads).map(|_| scope.spawn(work)).collect();
        let mut portion = Vec::with_capacity(PORTION);
        walk.root(&mut |target| {
            portion.push(target);
            if portion.len() == PORTION {
                // Fails only when every worker is gone, by a panic that joining passes on.
                let _ = sender.send(std::mem::replace(&mut portion, Vec::with_capacity(PORTION)));
            }
        });
        let _ = sender.send(portion);
        drop(sender);
        let mut stats = Stats::default();
        for worker in workers {
            match worker.join() {
                Ok(theirs) => stats.merge(theirs),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        stats
    });
    stats.merge(walk.stats);
    Ok(stats)
}

/// Someone who goes through the folders.
struct Walk<'a, 'o> {
    options: &'o Options<'a>,
    stats: Stats,
}

impl Walk<'_, '_> {
    fn root(&mut self, give: &mut dyn FnMut(Target)) {
        let name = paths::clean(&paths::bytes(self.options.root));
        if self.skips(&name) {
            self.stats.skipped.allowed += 1;
            return;
        }
        self.folder(self.options.root, &name, 0, give);
    }

    fn skips(&self, name: &[u8]) -> bool {
        (self.options.look.skip)(name)
    }

    fn folder(&mut self, folder: &Path, name: &BString, depth: usize, give: &mut dyn FnMut(Target)) {
        if depth > DEEPEST {
            return self.stats.problem(name, "the folders are nested too deep");
        }
        let mut entries = Vec::new();
        match fs::read_dir(folder) {
            Ok(found) => {
                for entry in found {
                    match entry {
                        Ok(entry) => entries.push((entry.file_name(), entry.file_type())),
                        Err(error) => self.stats.problem(name, error),
                    }
                }
            }
            Err(error) => return self.stats.problem(name, error),
        }
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        for (file, kind) in entries {
            if self.options.look.is_cancelled() {
                return;
            }
            let path = folder.join(&file);
            let file = paths::bytes(Path::new(&file));
            let name = match name.as_slice() {
                b"." => file,
                b"/" => BString::from([b"/", file.as_slice()].concat()),
                name => BString::from([name, b"/", file.as_slice()].concat()),
            };
            match kind {
                Err(error) => self.stats.problem(&name, error),
                Ok(kind) if kind.is_symlink() && !self.options.follow_links => self.stats.skipped.links += 1,
                Ok(kind) if !(kind.is_dir() || kind.is_file() || kind.is_symlink()) => self.stats.skipped.special += 1,
                Ok(_) if self.skips(&name) => self.stats.skipped.allowed += 1,
                Ok(kind) if kind.is_dir() => self.folder(&path, &name, depth + 1, give),
                Ok(kind) if kind.is_symlink() => match linked(&path, name) {
                    Some(target) => give(target),
                    None => self.stats.skipped.links += 1,
                },
                Ok(_) => give(Target { path, name, symlink: BString::default() }),
            }
        }
    }
}

/// The file that a link leads to; `None` for a folder, a device or nothing at all.
fn linked(path: &Path, symlink: BString) -> Option<Target> {
    let path = paths::resolve(path).ok()?;
    fs::metadata(&path).is_ok_and(|metadata| metadata.is_file()).then(|| Target {
        name: paths::bytes(&path),
        path,
        symlink,
    })
}

/// A file that ends where it ended when it was opened: nobody has to ask whether there is more.
struct KnownSize {
    file: File,
    size: u64,
    at: u64,
}

impl Read for KnownSize {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(self.at)).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(0);
        }
        let most = buffer.len().min(left);
        let read = self.file.read(&mut buffer[..most])?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for KnownSize {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = self.file.seek(to)?;
        Ok(self.at)
    }
}

impl Worker<'_> {
    fn target(&mut self, options: &Options<'_>, target: &Target) {
        if self.look.is_cancelled() {
            return;
        }
        let opened = File::open(&target.path).and_then(|file| file.metadata().map(|metadata| (file, metadata)));
        let (file, metadata) = match opened {
            Ok(opened) => opened,
            // It was there a moment ago; someone tidied up.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return self.stats.problem(&target.name, error),
        };
        let size = metadata.len();
        if !metadata.is_file() {
            self.stats.skipped.special += 1;
        } else if size == 0 {
            self.stats.skipped.empty += 1;
        } else if options.most_bytes.is_some_and(|most| size > most) {
            self.stats.skipped.too_large += 1;
        } else {
            let place = Place { path: target.name.clone(), symlink: target.symlink.clone(), commit: None, depth: 0 };
            let budget = Budget::new(&self.look.limits, Some(size));
            let mut file = KnownSize { file, size, at: 0 };
            self.file(Content::Seekable(&mut file), &target.name, &place, &budget);
        }
    }
}
