//! The index and the files on disk as lists of entries.
//!
//! A file on disk is what `git add` would store: line ends, `ident` and encodings are converted as `.gitattributes` and
//! the configuration say. Programs that are configured as clean filters (Git LFS is one) are *not* run: a check must not
//! start what a repository names. A file that has such a filter and was touched shows with its content on disk.

use std::io::Read;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use gix::bstr::ByteSlice;
use gix::index::entry::{Flags, Mode as IndexMode, Stat};
use gix::prelude::Find;

use super::change_set::{Entry, Limits};
use super::{GitError, Repository, first_line};
use crate::change::{Head, Mode, RepoPath};

impl Repository {
    /// What `head` (not a commit) holds, by path.
    pub(super) fn entries_of(&self, head: &Head, limits: &Limits) -> Result<Vec<(Vec<u8>, Entry)>, GitError> {
        let on_disk = *head == Head::WorkingTree;
        if on_disk && self.work_dir().is_none() {
            return Err(GitError::Bare("working tree"));
        }
        let index = self.gix().index_or_empty().map_err(|error| GitError::Io {
            what: "the index cannot be read".into(),
            reason: first_line(error.probable_cause()),
        })?;
        if index.is_sparse() {
            return Err(GitError::Unreadable {
                directory: self.git_dir().into(),
                reason: "its index is sparse (`git sparse-checkout reapply --no-sparse-index` changes that)".into(),
            });
        }
        let mut disk = match (on_disk, self.work_dir()) {
            (true, Some(root)) => Some(Disk::new(self, root, &index, limits)?),
            _ => None,
        };
        let mut entries = Vec::new();
        for entry in index.entries() {
            let path = entry.path(&index);
            if entry.stage_raw() != 0 {
                return Err(GitError::Unmerged { path: RepoPath::new(path.to_vec()) });
            }
            let Some(mode) = mode_of(entry.mode) else { continue };
            let found = match &mut disk {
                Some(disk) => disk.tracked(path, mode, entry)?,
                // `git add --intent-to-add` announces a file; nothing of it is staged.
                None if entry.flags.contains(Flags::INTENT_TO_ADD) => None,
                None => Some(Entry::stored(mode, entry.id)),
            };
            entries.extend(found.map(|entry| (path.to_vec(), entry)));
        }
        if let Some(disk) = &mut disk {
            entries.extend(disk.untracked()?);
            entries.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        }
        Ok(entries)
    }
}

/// Files on disk, as git would store them.
struct Disk<'a> {
    repository: &'a Repository,
    root: &'a Path,
    index: &'a gix::index::File,
    filter: gix::filter::plumbing::Pipeline,
    attributes: gix::worktree::Stack,
    stat: gix::index::entry::stat::Options,
    executable_bit: bool,
    symlinks: bool,
    largest: u64,
}

impl<'a> Disk<'a> {
    fn new(
        repository: &'a Repository,
        root: &'a Path,
        index: &'a gix::index::File,
        limits: &Limits,
    ) -> Result<Disk<'a>, GitError> {
        let broken = |error: gix::Error| GitError::Io {
            what: "the working tree cannot be compared".into(),
            reason: first_line(error.probable_cause()),
        };
        let gix = repository.gix();
        let (mut filter, attributes) = gix.filter_pipeline(None).map_err(broken)?.0.into_parts();
        let options = filter.options_mut();
        options.drivers.clear();
        options.crlf_roundtrip_check = gix::filter::plumbing::pipeline::CrlfRoundTripCheck::Skip;
        let capabilities = gix.filesystem_options().map_err(broken)?;
        Ok(Disk {
            repository,
            root,
            index,
            filter,
            attributes,
            stat: gix.stat_options().map_err(broken)?,
            executable_bit: capabilities.executable_bit,
            symlinks: capabilities.symlink,
            largest: limits.compared_bytes,
        })
    }

    fn failed(path: &[u8], error: impl std::fmt::Display) -> GitError {
        GitError::Io { what: format!("`{}` cannot be read", RepoPath::new(path)), reason: first_line(error) }
    }

    /// A file that the index knows; `None` when it is gone.
    fn tracked(
        &mut self,
        path: &gix::bstr::BStr,
        mode: Mode,
        entry: &gix::index::Entry,
    ) -> Result<Option<Entry>, GitError> {
        let stored = Entry::stored(mode, entry.id);
        if entry.flags.intersects(Flags::SKIP_WORKTREE | Flags::ASSUME_VALID) {
            return Ok(Some(stored));
        }
        let full = self.root.join(gix::path::from_bstr(path).map_err(|error| Disk::failed(path, error))?);
        let Ok(metadata) = gix::index::fs::Metadata::from_path_no_follow(&full) else { return Ok(None) };
        // Through a symlink is outside the repository.
        if self.behind_a_symlink(path) {
            return Ok(None);
        }
        if metadata.is_dir() {
            return Ok((mode == Mode::Submodule).then(|| self.submodule(&full, entry.id)));
        }
        let Some(kind) = self.kind(&metadata, Some(mode)) else { return Ok(None) };
        let unchanged = kind == mode
            && !entry.flags.contains(Flags::INTENT_TO_ADD)
            && Stat::from_fs(&metadata).is_ok_and(|stat| entry.stat.matches(&stat, self.stat))
            && !entry.stat.is_racy(self.index.timestamp(), self.stat);
        match unchanged {
            true => Ok(Some(stored)),
            false => self.read(path, &full, kind, metadata.len()).map(Some),
        }
    }

    fn behind_a_symlink(&self, path: &[u8]) -> bool {
        path.iter().enumerate().filter(|(_, byte)| **byte == b'/').any(|(at, _)| {
            let Ok(directory) = gix::path::from_bstr(path[..at].as_bstr()) else { return true };
            gix::index::fs::Metadata::from_path_no_follow(&self.root.join(directory)).map_or(true, |at| !at.is_dir())
        })
    }

    fn submodule(&self, full: &Path, recorded: gix::ObjectId) -> Entry {
        let head = gix::open(full).ok().and_then(|submodule| submodule.head_id().ok().map(|id| id.detach()));
        Entry::stored(Mode::Submodule, head.unwrap_or(recorded))
    }

    fn kind(&self, metadata: &gix::index::fs::Metadata, recorded: Option<Mode>) -> Option<Mode> {
        match () {
            () if metadata.is_symlink() => Some(Mode::Symlink),
            () if !metadata.is_file() => None,
            () if !self.symlinks && recorded == Some(Mode::Symlink) => recorded,
            () if !self.executable_bit => recorded.filter(|mode| *mode == Mode::Executable).or(Some(Mode::File)),
            () if metadata.is_executable() => Some(Mode::Executable),
            () => Some(Mode::File),
        }
    }

    fn read(&mut self, path: &[u8], full: &Path, mode: Mode, size: u64) -> Result<Entry, GitError> {
        let failed = |error: std::io::Error| Disk::failed(path, error);
        let content = match mode {
            Mode::Symlink if self.symlinks => {
                let target = std::fs::read_link(full).map_err(failed)?;
                gix::path::into_bstr(target).map_err(|error| Disk::failed(path, error))?.into_owned().into()
            }
            _ if size > self.largest => {
                return Err(Disk::failed(path, format!("it has {size} bytes, more than are compared")));
            }
            Mode::Symlink => std::fs::read(full).map_err(failed)?,
            _ => {
                let file = std::fs::File::open(full).map_err(failed)?.take(self.largest);
                let relative = gix::path::from_bstr(path.as_bstr()).map_err(|error| Disk::failed(path, error))?;
                let (index, objects) = (self.index, &self.repository.gix().objects);
                let attributes = self
                    .attributes
                    .at_path(relative.as_ref(), None, objects)
                    .map_err(|error| Disk::failed(path, error))?;
                let mut converted = self
                    .filter
                    .convert_to_git(
                        file,
                        &relative,
                        &mut |_, outcome| {
                            attributes.matching_attributes(outcome);
                        },
                        // Line ends that are in the index already stay (`text=auto`).
                        &mut |buffer| {
                            let Some(entry) = index.entry_by_path(path.as_bstr()) else { return Ok(None) };
                            let found = objects.try_find(&entry.id, buffer)?;
                            Ok(found.filter(|object| object.kind == gix::objs::Kind::Blob).map(|_| ()))
                        },
                    )
                    .map_err(|error| Disk::failed(path, error.probable_cause()))?;
                let mut content = Vec::with_capacity(size as usize);
                converted.read_to_end(&mut content).map_err(failed)?;
                content
            }
        };
        let kind = self.repository.gix().object_hash();
        let id = gix::objs::compute_hash(kind, gix::objs::Kind::Blob, &content)
            .map_err(|error| Disk::failed(path, error.probable_cause()))?;
        Ok(Entry { mode, id, on_disk: Some(content) })
    }

    /// Files that the index does not know and `.gitignore` does not hide.
    fn untracked(&mut self) -> Result<Vec<(Vec<u8>, Entry)>, GitError> {
        let broken = |error: gix::Error| GitError::Io {
            what: "the working tree cannot be listed".into(),
            reason: first_line(error.probable_cause()),
        };
        let gix = self.repository.gix();
        let options = gix.dirwalk_options().map_err(broken)?.emit_untracked(gix::dir::walk::EmissionMode::Matching);
        let mut found = gix::dir::walk::delegate::Collect::default();
        let none: [&str; 0] = [];
        gix.dirwalk(self.index, none, &AtomicBool::new(false), options, &mut found).map_err(broken)?;
        let mut entries = Vec::new();
        for (entry, _) in found.into_entries_by_path() {
            let tracked = !matches!(entry.status, gix::dir::entry::Status::Untracked);
            let path = entry.rela_path.to_vec();
            if tracked || self.index.entry_by_path(path.as_bstr()).is_some() {
                continue;
            }
            let full =
                self.root.join(gix::path::from_bstr(path.as_bstr()).map_err(|error| Disk::failed(&path, error))?);
            let Ok(metadata) = gix::index::fs::Metadata::from_path_no_follow(&full) else { continue };
            if let Some(mode) = self.kind(&metadata, None) {
                let entry = self.read(&path, &full, mode, metadata.len())?;
                entries.push((path, entry));
            }
        }
        Ok(entries)
    }
}

fn mode_of(mode: IndexMode) -> Option<Mode> {
    match mode {
        IndexMode::FILE => Some(Mode::File),
        IndexMode::FILE_EXECUTABLE => Some(Mode::Executable),
        IndexMode::SYMLINK => Some(Mode::Symlink),
        IndexMode::COMMIT => Some(Mode::Submodule),
        _ => None,
    }
}
