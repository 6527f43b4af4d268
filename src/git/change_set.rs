//! Reads a [`ChangeSet`]: which files differ between two trees, where each came from, which lines differ.
//!
//! The order of work is dictated by cost. Comparing trees is cheap, since equal directories have equal ids. Sizes come
//! before contents, so that memory is bounded before it is spent. Every content is read once, by all cores, and serves
//! renames, lines and guards alike.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Mutex;

use gix::bstr::ByteSlice;
use gix::objs::tree::EntryKind;
use gix::prelude::FindExt;

use super::renames::{self, Origin};
use super::{GitError, Repository, first_line, lines, ours, parallel};
use crate::attributes::{self, Attributes};
use crate::change::{Blob, ChangeSet, CommitId, Diff, FileChange, Head, Hunk, Mode, RepoPath, Status};

/// How much of a change is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A larger file is not kept in [`Blob::data`]; its lines are compared all the same. In bytes.
    pub file_bytes: u64,
    /// When so much is kept, further files (by path) are not. In bytes.
    pub total_bytes: u64,
    /// A file of more bytes is not compared: its [`Diff`] is `Binary`, as git does above `core.bigFileThreshold`.
    pub compared_bytes: u64,
    /// The rename search stops at `rename_limit`² pairs of files, as git's `diff.renameLimit`; 0: no limit.
    pub rename_limit: usize,
    /// Whether copies of changed files are looked for, as by `git diff -C`.
    pub copies: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            file_bytes: 8 << 20,
            total_bytes: 256 << 20,
            compared_bytes: 64 << 20,
            rename_limit: 1000,
            copies: false,
        }
    }
}

/// A path that differs.
pub(super) struct Pair {
    pub(super) path: Vec<u8>,
    pub(super) base: Option<Entry>,
    pub(super) head: Option<Entry>,
}

/// One side of it.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) mode: Mode,
    pub(super) id: gix::ObjectId,
    /// The content of a file that is only on disk, as git would store it.
    pub(super) on_disk: Option<Vec<u8>>,
}

impl Entry {
    pub(super) fn stored(mode: Mode, id: gix::ObjectId) -> Entry {
        Entry { mode, id, on_disk: None }
    }

    fn same(&self, other: &Entry) -> bool {
        self.mode == other.mode && self.id == other.id
    }
}

impl Repository {
    /// What a commit holds, by path.
    pub(super) fn entries_of_commit(&self, commit: &CommitId) -> Result<Vec<(Vec<u8>, Entry)>, GitError> {
        Trees::new(self).flatten(Some(self.tree_of(commit)?))
    }

    /// What merging `head` into `base` would bring.
    ///
    /// `base` is the tip of the target branch (or any commit of it); the change is measured from the merge base, and its
    /// commits are those that `base` lacks. Without a base, everything is new. For the index and the working tree a base
    /// of `None` means what is checked out, and there are no commits.
    pub fn change_set(&self, base: Option<&CommitId>, head: &Head, limits: &Limits) -> Result<ChangeSet, GitError> {
        let head_commit = match head {
            Head::Commit(commit) => Some(commit.clone()),
            Head::Index | Head::WorkingTree => self.head()?,
        };
        let merge_base =
            match (base, &head_commit) {
                (Some(base), Some(head)) => Some(self.merge_base(base, head)?.ok_or_else(|| {
                    GitError::NoMergeBase { base: base.clone(), head: head.clone(), shallow: self.is_shallow() }
                })?),
                (Some(base), None) => Some(base.clone()),
                (None, _) if matches!(head, Head::Commit(_)) => None,
                (None, checked_out) => checked_out.clone(),
            };
        let base_tree = merge_base.as_ref().map(|base| self.tree_of(base)).transpose()?;
        let mut trees = Trees::new(self);
        let pairs = match head {
            Head::Commit(commit) => {
                trees.compare(base_tree, Some(self.tree_of(commit)?))?;
                std::mem::take(&mut trees.pairs)
            }
            Head::Index | Head::WorkingTree => {
                let base = trees.flatten(base_tree)?;
                let head = self.entries_of(head, limits)?;
                compare_lists(base, head)
            }
        };
        let commits = match head {
            Head::Commit(commit) => self.commits(base, commit)?,
            Head::Index | Head::WorkingTree => Vec::new(),
        };
        let attributes = trees.attributes(base_tree, &pairs)?;
        let files = Files::new(self, pairs, &attributes, limits)?.read()?;
        Ok(ChangeSet { base: merge_base, head: head.clone(), commits, files })
    }

    /// Every file of a commit, by path. Submodules are not among them.
    pub fn paths_at(&self, commit: &CommitId) -> Result<Vec<RepoPath>, GitError> {
        let entries = Trees::new(self).flatten(Some(self.tree_of(commit)?))?;
        Ok(entries.into_iter().map(|(path, _)| RepoPath::new(path)).collect())
    }

    fn tree_of(&self, commit: &CommitId) -> Result<gix::ObjectId, GitError> {
        let id = self.theirs(commit)?;
        let damaged = |error: gix::Error| self.damaged(commit, &error);
        Ok(self.gix().find_commit(id).map_err(damaged)?.tree_id().map_err(damaged)?.detach())
    }
}

/// Walks trees, and remembers where it saw `.gitattributes` on the base side.
struct Trees<'a> {
    repository: &'a Repository,
    pairs: Vec<Pair>,
    attributes: HashMap<Vec<u8>, gix::ObjectId>,
}

/// Trees nest in files; a deeper nesting is hostile.
const DEEPEST: usize = 2048;

impl<'a> Trees<'a> {
    fn new(repository: &'a Repository) -> Trees<'a> {
        Trees { repository, pairs: Vec::new(), attributes: HashMap::new() }
    }

    fn compare(&mut self, base: Option<gix::ObjectId>, head: Option<gix::ObjectId>) -> Result<(), GitError> {
        if base != head {
            self.compare_trees(&mut Vec::new(), base, head, 0)?;
            self.pairs.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        }
        Ok(())
    }

    fn compare_trees(
        &mut self,
        path: &mut Vec<u8>,
        base: Option<gix::ObjectId>,
        head: Option<gix::ObjectId>,
        depth: usize,
    ) -> Result<(), GitError> {
        if depth > DEEPEST {
            let id = head.or(base).unwrap_or(gix::ObjectId::null(self.repository.gix().object_hash()));
            return Err(self.repository.missing(id, "its directories nest too deeply"));
        }
        let (base, head) = (self.read(base)?, self.read(head)?);
        let (mut old, mut new) = (self.entries(&base).peekable(), self.entries(&head).peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                // A broken tree ends here with the error of its iterator.
                (Some(Err(_)), _) => Ordering::Less,
                (_, Some(Err(_))) => Ordering::Greater,
                (Some(Ok(old)), Some(Ok(new))) => tree_order(old, new),
            };
            let old = if order.is_le() { old.next().transpose()? } else { None };
            let new = if order.is_ge() { new.next().transpose()? } else { None };
            self.compare_entries(path, old, new, depth)?;
        }
    }

    fn compare_entries(
        &mut self,
        path: &mut Vec<u8>,
        old: Option<gix::objs::tree::EntryRef<'_>>,
        new: Option<gix::objs::tree::EntryRef<'_>>,
        depth: usize,
    ) -> Result<(), GitError> {
        let Some(any) = old.or(new) else { return Ok(()) };
        let length = path.len();
        if length > 0 {
            path.push(b'/');
        }
        path.extend_from_slice(any.filename);
        if let Some(old) = &old
            && old.filename == attributes::FILE_NAME
            && old.mode.is_blob()
        {
            self.attributes.insert(path.clone(), old.oid.to_owned());
        }
        let unchanged = matches!((&old, &new), (Some(old), Some(new)) if old.oid == new.oid && old.mode == new.mode);
        if !unchanged {
            let tree = |entry: &Option<gix::objs::tree::EntryRef<'_>>| {
                entry.filter(|entry| entry.mode.is_tree()).map(|entry| entry.oid.to_owned())
            };
            let (base, head) = (leaf(&old), leaf(&new));
            let same = matches!((&base, &head), (Some(base), Some(head)) if base.same(head));
            if (base.is_some() || head.is_some()) && !same {
                self.pairs.push(Pair { path: path.clone(), base, head });
            }
            let (base, head) = (tree(&old), tree(&new));
            if base.is_some() || head.is_some() {
                self.compare_trees(path, base, head, depth + 1)?;
            }
        }
        path.truncate(length);
        Ok(())
    }

    /// All entries below a tree, by path.
    fn flatten(&mut self, tree: Option<gix::ObjectId>) -> Result<Vec<(Vec<u8>, Entry)>, GitError> {
        self.compare(tree, None)?;
        let pairs = std::mem::take(&mut self.pairs);
        Ok(pairs.into_iter().filter_map(|pair| Some((pair.path, pair.base?))).collect())
    }

    /// The attributes of the base for the paths of `pairs`. Every directory that leads to a changed path was walked, so
    /// its `.gitattributes` was seen.
    fn attributes(&self, base: Option<gix::ObjectId>, pairs: &[Pair]) -> Result<Attributes, GitError> {
        if base.is_none() || pairs.is_empty() || self.attributes.is_empty() {
            return Ok(Attributes::default());
        }
        let mut files: Vec<(RepoPath, gix::ObjectId)> =
            self.attributes.iter().map(|(path, id)| (RepoPath::new(path.clone()), *id)).collect();
        // A directory before what is in it.
        files.sort_by(|(a, _), (b, _)| directory(a).cmp(directory(b)));
        let read = |(path, id): (RepoPath, gix::ObjectId)| {
            let content = match self.repository.header(id)? > attributes::LARGEST_FILE as u64 {
                true => Vec::new(),
                false => self.repository.blob(id)?,
            };
            Ok((path, content))
        };
        Ok(Attributes::from_files(files.into_iter().map(read).collect::<Result<Vec<_>, GitError>>()?))
    }

    fn read(&self, tree: Option<gix::ObjectId>) -> Result<(gix::ObjectId, Vec<u8>), GitError> {
        let mut buffer = Vec::new();
        let null = gix::ObjectId::null(self.repository.gix().object_hash());
        let Some(id) = tree else { return Ok((null, buffer)) };
        if !id.is_empty_tree() {
            let found = self.repository.gix().objects.find_tree_iter(&id, &mut buffer);
            found.map_err(|error| self.repository.missing(id, &first_line(error)))?;
        }
        Ok((id, buffer))
    }

    fn entries<'b>(
        &self,
        (id, data): &'b (gix::ObjectId, Vec<u8>),
    ) -> impl Iterator<Item = Result<gix::objs::tree::EntryRef<'b>, GitError>> + use<'a, 'b> {
        let (id, repository) = (*id, self.repository);
        gix::objs::TreeRefIter::from_bytes(data, repository.gix().object_hash())
            .map(move |entry| entry.map_err(|error| repository.missing(id, &first_line(error))))
    }
}

fn directory(path: &RepoPath) -> &[u8] {
    let bytes = path.as_bytes();
    bytes.rfind_byte(b'/').map_or(&[], |slash| &bytes[..slash])
}

/// git sorts a directory as if its name ended in a slash; a file and a directory of one name are two entries.
fn tree_order(a: &gix::objs::tree::EntryRef<'_>, b: &gix::objs::tree::EntryRef<'_>) -> Ordering {
    let end = |entry: &gix::objs::tree::EntryRef<'_>| entry.mode.is_tree().then_some(b'/');
    let bytes =
        |entry: &gix::objs::tree::EntryRef<'_>| entry.filename.iter().copied().chain(end(entry)).collect::<Vec<u8>>();
    let common = a.filename.len().min(b.filename.len());
    match a.filename[..common].cmp(&b.filename[..common]) {
        Ordering::Equal => bytes(a).cmp(&bytes(b)),
        order => order,
    }
}

fn leaf(entry: &Option<gix::objs::tree::EntryRef<'_>>) -> Option<Entry> {
    let entry = entry.as_ref()?;
    let mode = match entry.mode.kind() {
        EntryKind::Tree => return None,
        EntryKind::Blob => Mode::File,
        EntryKind::BlobExecutable => Mode::Executable,
        EntryKind::Link => Mode::Symlink,
        EntryKind::Commit => Mode::Submodule,
    };
    Some(Entry::stored(mode, entry.oid.to_owned()))
}

fn compare_lists(base: Vec<(Vec<u8>, Entry)>, head: Vec<(Vec<u8>, Entry)>) -> Vec<Pair> {
    let (mut base, mut head) = (base.into_iter().peekable(), head.into_iter().peekable());
    let mut pairs = Vec::new();
    loop {
        let order = match (base.peek(), head.peek()) {
            (None, None) => return pairs,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((old, _)), Some((new, _))) => old.cmp(new),
        };
        let old = if order.is_le() { base.next() } else { None };
        let new = if order.is_ge() { head.next() } else { None };
        let same = matches!((&old, &new), (Some((_, old)), Some((_, new))) if old.same(new));
        if !same {
            let path = old.as_ref().or(new.as_ref()).map(|(path, _)| path.clone()).unwrap_or_default();
            pairs.push(Pair { path, base: old.map(|(_, entry)| entry), head: new.map(|(_, entry)| entry) });
        }
    }
}

/// The contents of all pairs, and what becomes of them. Side `2 × pair` is the base, the next one the head.
struct Files<'a> {
    /// gix's own handles stay on one thread; this makes one for each.
    thread_safe: gix::ThreadSafeRepository,
    limits: &'a Limits,
    pairs: Vec<Pair>,
    /// `diff` of `.gitattributes`, by pair.
    text: Vec<Option<bool>>,
    sizes: Vec<u64>,
    contents: Vec<Option<Vec<u8>>>,
    failure: Mutex<Option<GitError>>,
}

impl<'a> Files<'a> {
    fn new(
        repository: &'a Repository,
        pairs: Vec<Pair>,
        attributes: &Attributes,
        limits: &'a Limits,
    ) -> Result<Files<'a>, GitError> {
        let thread_safe = repository.gix().clone().into_sync();
        let text = pairs.iter().map(|pair| attributes.of(&RepoPath::new(pair.path.clone())).diff).collect();
        let mut files = Files {
            thread_safe,
            limits,
            text,
            sizes: Vec::new(),
            contents: Vec::new(),
            failure: Mutex::new(None),
            pairs,
        };
        files.measure()?;
        files.load()?;
        Ok(files)
    }

    fn local(&self) -> Repository {
        /// In bytes. git's own (`core.deltaBaseCacheLimit`) has 96 MiB.
        const PACK_CACHE: usize = 48 << 20;
        let mut gix = self.thread_safe.to_thread_local();
        // A content is read once: remembering it would only copy it.
        gix.object_cache_size(None);
        gix.objects.set_pack_cache(|| Box::new(gix::odb::pack::cache::lru::MemoryCappedHashmap::new(PACK_CACHE)));
        Repository { gix, common_dir: Default::default() }
    }

    fn side(&self, side: usize) -> Option<&Entry> {
        let pair = &self.pairs[side / 2];
        if side.is_multiple_of(2) { pair.base.as_ref() } else { pair.head.as_ref() }
    }

    fn measure(&mut self) -> Result<(), GitError> {
        let sizes = parallel::map(
            self.pairs.len() * 2,
            || self.local(),
            |repository, side| match self.side(side) {
                None => Ok(0),
                Some(Entry { on_disk: Some(content), .. }) => Ok(content.len() as u64),
                Some(Entry { mode: Mode::Submodule, .. }) => Ok(0),
                Some(entry) => repository.header(entry.id),
            },
        );
        self.sizes = sizes.into_iter().collect::<Result<_, _>>()?;
        Ok(())
    }

    /// Reads what may be kept, each object once.
    fn load(&mut self) -> Result<(), GitError> {
        let mut left = self.limits.total_bytes;
        let mut wanted = Vec::new();
        let mut twins = Vec::new();
        let mut first: HashMap<gix::ObjectId, usize> = HashMap::new();
        for side in 0..self.sizes.len() {
            let Some(entry) = self.side(side).filter(|entry| entry.mode != Mode::Submodule) else { continue };
            let size = self.sizes[side];
            if size > self.limits.file_bytes || size > left {
                continue;
            }
            left -= size;
            match first.get(&entry.id) {
                Some(&twin) if entry.on_disk.is_none() => twins.push((side, twin)),
                _ => {
                    first.insert(entry.id, side);
                    wanted.push(side);
                }
            }
        }
        let read = parallel::map(
            wanted.len(),
            || self.local(),
            |repository, at| match self.side(wanted[at]) {
                Some(Entry { on_disk: Some(content), .. }) => Ok(content.clone()),
                Some(entry) => repository.blob(entry.id),
                None => Ok(Vec::new()),
            },
        );
        let mut contents: Vec<Option<Vec<u8>>> = vec![None; self.sizes.len()];
        for (side, content) in wanted.into_iter().zip(read) {
            contents[side] = Some(content?);
        }
        for (side, twin) in twins {
            contents[side] = contents[twin].clone();
        }
        self.contents = contents;
        Ok(())
    }

    /// The content as git compares it; `None` when it is too large for that.
    fn content(&self, side: usize) -> Option<Cow<'_, [u8]>> {
        let Some(entry) = self.side(side) else { return Some(Cow::Borrowed(&[])) };
        if entry.mode == Mode::Submodule {
            return Some(Cow::Owned(format!("Subproject commit {}\n", entry.id).into_bytes()));
        }
        if let Some(content) = &self.contents[side] {
            return Some(Cow::Borrowed(content));
        }
        if let Some(content) = &entry.on_disk {
            return Some(Cow::Borrowed(content));
        }
        if self.sizes[side] > self.limits.compared_bytes {
            return None;
        }
        match self.local().blob(entry.id) {
            Ok(content) => Some(Cow::Owned(content)),
            Err(error) => {
                self.failure.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get_or_insert(error);
                None
            }
        }
    }

    fn is_text(&self, side: usize, content: &[u8]) -> bool {
        let regular = self.side(side).is_some_and(|entry| matches!(entry.mode, Mode::File | Mode::Executable));
        match self.text[side / 2].filter(|_| regular) {
            Some(text) => text,
            None => !lines::is_binary(content),
        }
    }

    fn read(mut self) -> Result<Vec<FileChange>, GitError> {
        let origins = self.origins();
        // (base side, head side, origin)
        let mut moved = vec![false; self.pairs.len()];
        for (source, origin) in origins.iter().flatten() {
            if self.pairs[*source].head.is_none() && !origin.copy {
                moved[*source] = true;
            }
        }
        let mut plan: Vec<(usize, usize, Option<Origin>)> = Vec::new();
        for index in 0..self.pairs.len() {
            match (&origins[index], moved[index]) {
                (_, true) => {}
                (Some((source, origin)), _) => plan.push((source * 2, index * 2 + 1, Some(*origin))),
                (None, _) => plan.push((index * 2, index * 2 + 1, None)),
            }
        }
        let diffs = parallel::map(plan.len(), || (), |(), at| self.diff(plan[at].0, plan[at].1));
        if let Some(error) = self.failure.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take() {
            return Err(error);
        }
        // A base that served several heads is cloned, all else is moved out.
        let mut uses = vec![0u32; self.sizes.len()];
        for (base, head, _) in &plan {
            uses[*base] += 1;
            uses[*head] += 1;
        }
        let mut files = Vec::with_capacity(plan.len());
        for ((base, head, origin), diff) in plan.into_iter().zip(diffs) {
            let old_path = origin.map(|_| RepoPath::new(self.pairs[base / 2].path.clone()));
            let path = RepoPath::new(self.pairs[head / 2].path.clone());
            let (base, head) = (self.take(base, &mut uses), self.take(head, &mut uses));
            let status = status(base.as_ref(), head.as_ref(), origin);
            files.push(FileChange { path, old_path, status, base, head, diff });
        }
        Ok(files)
    }

    fn take(&mut self, side: usize, uses: &mut [u32]) -> Option<Blob> {
        let entry = self.side(side)?;
        let (mode, id) = (entry.mode, Some(ours(entry.id)));
        let size = self.sizes[side];
        uses[side] -= 1;
        let data = match uses[side] {
            0 => self.contents[side].take(),
            _ => self.contents[side].clone(),
        };
        Some(Blob { mode, id, size, data })
    }

    /// For each pair that was added: the pair it came from.
    fn origins(&self) -> Vec<Option<(usize, Origin)>> {
        let mut origins = vec![None; self.pairs.len()];
        let mut sources = Vec::new();
        let mut targets = Vec::new();
        for (index, pair) in self.pairs.iter().enumerate() {
            let file = |side: usize, entry: &'_ Entry, stays: bool| renames::File {
                // Lives as long as `self.pairs`.
                path: &self.pairs[side / 2].path,
                mode: entry.mode,
                id: &[],
                size: self.sizes[side],
                key: side,
                stays,
            };
            match (&pair.base, &pair.head) {
                (None, Some(head)) => targets.push(file(index * 2 + 1, head, false)),
                (Some(base), None) => sources.push(file(index * 2, base, false)),
                (Some(base), Some(_)) if self.limits.copies => sources.push(file(index * 2, base, true)),
                _ => {}
            }
        }
        for file in sources.iter_mut().chain(&mut targets) {
            file.id = self.side(file.key).map_or(&[], |entry| entry.id.as_slice());
        }
        let options = renames::Options { copies: self.limits.copies, limit: self.limits.rename_limit };
        let read = |side: usize| {
            let content = self.content(side)?;
            let is_text = self.is_text(side, &content);
            Some((content, is_text))
        };
        let found = renames::detect(&sources, &targets, options, &read);
        for (target, origin) in targets.iter().zip(found) {
            origins[target.key / 2] = origin.map(|origin| (sources[origin.source].key / 2, origin));
        }
        origins
    }

    fn diff(&self, base: usize, head: usize) -> Diff {
        let same = match (self.side(base), self.side(head)) {
            (Some(old), Some(new)) => old.id == new.id,
            _ => false,
        };
        let (Some(old), Some(new)) = (self.content(base), self.content(head)) else { return Diff::Binary };
        let binary = |side: usize, content: &[u8]| self.side(side).is_some() && !self.is_text(side, content);
        if binary(base, &old) || binary(head, &new) {
            return Diff::Binary;
        }
        match same {
            true => Diff::Lines(Vec::<Hunk>::new()),
            false => Diff::Lines(lines::diff(&old, &new)),
        }
    }
}

fn status(base: Option<&Blob>, head: Option<&Blob>, origin: Option<Origin>) -> Status {
    let family = |blob: &Blob| match blob.mode {
        Mode::File | Mode::Executable => 0,
        Mode::Symlink => 1,
        Mode::Submodule => 2,
    };
    match (base, head, origin) {
        (_, _, Some(origin)) => {
            let percent = (origin.score * 100 / renames::SAME) as u8;
            if origin.copy { Status::Copied(percent) } else { Status::Renamed(percent) }
        }
        (None, _, _) => Status::Added,
        (_, None, _) => Status::Deleted,
        (Some(base), Some(head), _) if family(base) != family(head) => Status::TypeChanged,
        _ => Status::Modified,
    }
}
