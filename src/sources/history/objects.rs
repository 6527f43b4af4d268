//! Which commits of a whole history are worth asking git about, found without a patch.
//!
//! A line lives in many versions of its file, and `git log -p` inflates each of them twice. Here each stored content
//! is looked at once, in the order in which its pack unfolds most cheaply. Then the trees of each commit are compared
//! with those of its parent; only where something of interest came in are lines compared, by git's own rules.
//!
//! The answer errs to one side only: a commit may be named in vain, none is left out. Names, dates, attributes,
//! renames and the lines themselves are left to git, which is asked about the named commits afterwards. Whatever is
//! unusual (replaced or missing objects, grafts, packs that do not read) ends the survey with `None`: git then reads
//! everything, and fails if it cannot.

use std::cmp::Ordering as Order;
use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bstr::ByteSlice;
use gix::ObjectId;
use gix::objs::Kind;
use gix::objs::tree::{EntryKind, EntryRef};
use gix::odb::pack;

use super::memory::{Mark, Memory, Notes};
use super::outline::{Key, Outline};
use super::region;
use super::{HistoryError, Options, Running, Sieve, git};
use crate::change::Hunk;
use crate::git::{lines, parallel};

/// What the survey found.
pub(super) struct Survey {
    /// The commits of interest, newest first.
    pub(super) commits: Vec<ObjectId>,
    /// All commits that were looked at.
    pub(super) total: u64,
    /// Contents that were looked at.
    pub(super) blobs: u64,
    /// Their bytes.
    pub(super) bytes: u64,
    /// Commits of which not everything is there, and the first object that is not.
    pub(super) unreadable: Option<(u64, ObjectId)>,
}

/// A commit as the comparison needs it.
struct Commit {
    id: ObjectId,
    tree: ObjectId,
    /// The tree of its parent; `None` for a root.
    base: Option<ObjectId>,
}

/// Why a survey is given up.
enum GiveUp {
    /// Let git do it all.
    Unusual,
    /// A content is not there.
    Missing(ObjectId),
    Failed(HistoryError),
}

impl From<HistoryError> for GiveUp {
    fn from(error: HistoryError) -> GiveUp {
        GiveUp::Failed(error)
    }
}

/// `Ok(None)`: this repository is better read by git alone.
pub(super) fn survey(options: &Options<'_>, sieve: &Sieve<'_>) -> Result<Option<Survey>, HistoryError> {
    match try_survey(options, sieve) {
        Ok(survey) => Ok(Some(survey)),
        Err(GiveUp::Unusual) if options.is_cancelled() => Err(HistoryError::Cancelled),
        Err(GiveUp::Unusual | GiveUp::Missing(_)) => Ok(None),
        Err(GiveUp::Failed(error)) => Err(error),
    }
}

fn try_survey(options: &Options<'_>, sieve: &Sieve<'_>) -> Result<Survey, GiveUp> {
    let repository = open(options.directory)?;
    let (commits, total) = commits(options.directory, repository.object_hash())?;
    if commits.is_empty() {
        return Ok(Survey { commits: Vec::new(), total, blobs: 0, bytes: 0, unreadable: None });
    }
    let contents = Contents::read(&repository, options, sieve)?;
    let judge = Judge {
        thread_safe: repository.into_sync(),
        contents,
        options,
        sieve,
        commits,
        failed: AtomicBool::new(false),
    };
    judge.run(total)
}

/// The repository as git sees it from `directory`, environment included.
fn open(directory: &Path) -> Result<gix::Repository, GiveUp> {
    let output =
        git(directory).args(["rev-parse", "--absolute-git-dir"]).stdin(Stdio::null()).stderr(Stdio::null()).output();
    let output = output.map_err(|error| HistoryError::Start { reason: error.to_string() })?;
    let path = output.stdout.strip_suffix(b"\n").unwrap_or(&output.stdout);
    let path = path.to_path().ok().filter(|_| output.status.success()).ok_or(GiveUp::Unusual)?;
    let repository = gix::open(path).map_err(|_| GiveUp::Unusual)?;
    let grafted = std::fs::metadata(repository.common_dir().join("info/grafts")).is_ok();
    let replaced = repository
        .references()
        .is_ok_and(|all| all.prefixed("refs/replace/").is_ok_and(|mut references| references.next().is_some()));
    match grafted || replaced {
        true => Err(GiveUp::Unusual),
        false => Ok(repository),
    }
}

/// The commits that are compared with their parent, newest first, and how many there are with merges.
fn commits(directory: &Path, hash: gix::hash::Kind) -> Result<(Vec<Commit>, u64), GiveUp> {
    let mut command: Command = git(directory);
    // The set of a full scan. Shallow clones end where git says they do.
    command.args(["log", "--full-history", "--all", "--no-show-signature", "--no-color", "--format=tformat:%H %T %P"]);
    let mut running = Running::start(&mut command, "log", Vec::new())?;
    let mut reader = BufReader::with_capacity(1 << 16, running.stdout()?);
    let mut trees: HashMap<ObjectId, ObjectId> = HashMap::new();
    let mut waiting: Vec<(ObjectId, ObjectId, Option<ObjectId>)> = Vec::new();
    let mut total = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line).map_err(|_| GiveUp::Unusual)?;
        if read == 0 {
            break;
        }
        let ids = line.trim().split(|&byte| byte == b' ');
        let ids: Option<Vec<ObjectId>> =
            ids.map(|id| ObjectId::from_hex(id).ok().filter(|id| id.kind() == hash)).collect();
        let ids = ids.ok_or(GiveUp::Unusual)?;
        let [id, tree, parents @ ..] = &ids[..] else { return Err(GiveUp::Unusual) };
        total += 1;
        trees.insert(*id, *tree);
        if parents.len() < 2 {
            waiting.push((*id, *tree, parents.first().copied()));
        }
    }
    running.finish()?;
    let commits = waiting.into_iter().map(|(id, tree, parent)| {
        let base = parent.map(|parent| trees.get(&parent).copied().ok_or(GiveUp::Unusual)).transpose()?;
        Ok(Commit { id, tree, base })
    });
    Ok((commits.collect::<Result<_, GiveUp>>()?, total))
}

/// What is known of the stored contents.
struct Contents {
    indices: Vec<pack::index::File>,
    /// What outlines are made with.
    key: Key,
    /// Contents in these packs that are of interest.
    marked: HashMap<ObjectId, Arc<Mark>>,
    /// The same for contents outside of them, as they come up.
    loose: Mutex<HashMap<ObjectId, Option<Arc<Mark>>>>,
    blobs: AtomicU64,
    bytes: AtomicU64,
}

impl Contents {
    /// Looks at each content of each pack.
    fn read(repository: &gix::Repository, options: &Options<'_>, sieve: &Sieve<'_>) -> Result<Contents, GiveUp> {
        let memory = options.memory.and_then(|key| Memory::new(repository.common_dir(), key));
        let never = AtomicBool::new(false);
        let interrupt = options.cancel.unwrap_or(&never);
        let mut packs = Vec::new();
        for path in paths_of_packs(repository)? {
            let index = pack::index::File::at(&path, repository.object_hash()).map_err(|_| GiveUp::Unusual)?;
            if index.num_objects() > MOST_OBJECTS {
                return Err(GiveUp::Unusual);
            }
            let notes = memory.as_ref().and_then(|memory| memory.recall(&index.pack_checksum()));
            packs.push((path, index, notes));
        }
        // Outlines can be compared if they were made with the same key.
        let keys = packs.iter().find_map(|(_, _, notes)| Some(notes.as_ref()?.key));
        let key = keys.unwrap_or_else(Key::random);
        let (mut known_blobs, mut known_bytes) = (0, 0);
        let mut known = HashMap::new();
        let mut know = |notes: Notes| {
            known_blobs += notes.blobs;
            known_bytes += notes.bytes;
            let comparable = notes.key == key;
            known.extend(
                notes
                    .marked
                    .into_iter()
                    .map(|(id, mark)| (id, Arc::new(Mark { outline: mark.outline.filter(|_| comparable), ..mark }))),
            );
        };
        let mut indices = Vec::new();
        for (path, index, notes) in packs {
            let id = index.pack_checksum();
            if let Some(notes) = notes {
                know(notes);
                indices.push(index);
                continue;
            }
            let (blobs, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
            let marked = Mutex::new(Vec::new());
            let data = pack::data::File::at(path.with_extension("pack"), repository.object_hash());
            let data = data.map_err(|_| GiveUp::Unusual)?;
            let look = |kind: Kind, content: &[u8], entry: &pack::index::Entry, _: &dyn gix::Progress| {
                if kind == Kind::Blob {
                    blobs.fetch_add(1, Ordering::Relaxed);
                    bytes.fetch_add(content.len() as u64, Ordering::Relaxed);
                    if let Some(mark) = mark(content, sieve, key) {
                        marked.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push((entry.oid, mark));
                    }
                }
                Ok(())
            };
            let how = pack::index::traverse::with_index::Options {
                thread_limit: Some(options.threads.max(1)),
                check: pack::index::traverse::SafetyCheck::SkipFileAndObjectChecksumVerification,
                alloc_limit_bytes: Some(LARGEST_OBJECT),
            };
            let traversal = index.traverse_with_index(&data, look, &mut gix::progress::Discard, interrupt, how);
            traversal.map_err(|_| GiveUp::Unusual)?;
            indices.push(index);
            let marked = marked.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
            let mut notes = Notes { blobs: blobs.into_inner(), bytes: bytes.into_inner(), key, marked };
            notes.marked.sort_unstable_by_key(|(id, _)| *id);
            if let Some(memory) = &memory {
                memory.keep(&id, &notes);
            }
            know(notes);
        }
        Ok(Contents {
            indices,
            key,
            marked: known,
            loose: Mutex::default(),
            blobs: AtomicU64::new(known_blobs),
            bytes: AtomicU64::new(known_bytes),
        })
    }

    fn has(&self, id: &ObjectId, reader: &Reader) -> bool {
        self.indices.iter().any(|index| index.lookup(id).is_some()) || reader.repository.has_object(id)
    }

    /// What is of interest in a content, if anything.
    fn interest(
        &self,
        id: &ObjectId,
        repository: &gix::Repository,
        sieve: &Sieve<'_>,
    ) -> Result<Option<Arc<Mark>>, GiveUp> {
        if let Some(mark) = self.marked.get(id) {
            return Ok(Some(mark.clone()));
        }
        if self.indices.iter().any(|index| index.lookup(id).is_some()) {
            return Ok(None);
        }
        let known = self.loose.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get(id).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let content = blob(repository, id)?;
        self.blobs.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(content.len() as u64, Ordering::Relaxed);
        let interest = mark(&content, sieve, self.key).map(Arc::new);
        self.loose.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(*id, interest.clone());
        Ok(interest)
    }
}

/// What the sieve says of a content; `None` when nothing in it is of interest.
fn mark(content: &[u8], sieve: &Sieve<'_>, key: Key) -> Option<Mark> {
    let places = (sieve.places)(content);
    let of_interest = places.as_ref().is_none_or(|places| !places.is_empty());
    of_interest.then(|| Mark {
        is_text: !lines::is_binary(content),
        outline: places.map(|places| Outline::new(content, &places, key)),
    })
}

/// Beyond this many the table of a pack's objects is no longer small.
const MOST_OBJECTS: u32 = 8_000_000;
/// A larger object is git's to read. In bytes.
const LARGEST_OBJECT: usize = 512 << 20;

/// The index files of all packs, alternates included.
fn paths_of_packs(repository: &gix::Repository) -> Result<Vec<PathBuf>, GiveUp> {
    let store = repository.objects.store_ref();
    let mut folders = vec![store.path().to_owned()];
    folders.extend(store.alternate_db_paths().map_err(|_| GiveUp::Unusual)?);
    let mut packs = Vec::new();
    for folder in folders {
        // No folder: no packs.
        let Ok(entries) = std::fs::read_dir(folder.join("pack")) else { continue };
        let paths = entries.flatten().map(|entry| entry.path());
        packs.extend(paths.filter(|path| path.extension().is_some_and(|ending| ending == "idx")));
    }
    packs.sort();
    packs.dedup();
    Ok(packs)
}

fn blob(repository: &gix::Repository, id: &ObjectId) -> Result<Vec<u8>, GiveUp> {
    let header = repository.try_find_header(*id).map_err(|_| GiveUp::Unusual)?.ok_or(GiveUp::Missing(*id))?;
    if header.kind() != Kind::Blob || header.size() > LARGEST_OBJECT as u64 {
        return Err(GiveUp::Unusual);
    }
    Ok(repository.find_object(*id).map_err(|_| GiveUp::Unusual)?.detach().data)
}

/// Decides commit by commit.
struct Judge<'a> {
    thread_safe: gix::ThreadSafeRepository,
    contents: Contents,
    options: &'a Options<'a>,
    sieve: &'a Sieve<'a>,
    commits: Vec<Commit>,
    failed: AtomicBool,
}

/// What came of one commit.
enum Judgement {
    Nothing,
    /// Worth asking git.
    Interest,
    /// Worth it if an attribute turns one of these files into text.
    IfText(Vec<Vec<u8>>),
    /// git cannot show it whole: this object is not there.
    Unreadable(ObjectId),
}

impl Judge<'_> {
    fn run(self, total: u64) -> Result<Survey, GiveUp> {
        /// Neighbours share trees.
        const STRETCH: usize = 32;
        let stretches: Vec<&[Commit]> = self.commits.chunks(STRETCH).collect();
        let passed = AtomicU64::new(0);
        let judgements = parallel::map(
            stretches.len(),
            || Reader::new(&self.thread_safe),
            |reader, at| {
                let stretch = stretches[at];
                let judge = |commit: &Commit| {
                    if self.failed.load(Ordering::Relaxed) || self.options.is_cancelled() {
                        return Err(GiveUp::Unusual);
                    }
                    match self.commit(reader, commit).and_then(|judgement| self.readable(reader, commit, judgement)) {
                        Err(GiveUp::Missing(id)) => Ok(Judgement::Unreadable(id)),
                        other => other,
                    }
                };
                let result: Result<Vec<Judgement>, GiveUp> = stretch.iter().map(judge).collect();
                if result.is_err() {
                    self.failed.store(true, Ordering::Relaxed);
                }
                let passed = passed.fetch_add(stretch.len() as u64, Ordering::Relaxed);
                if let Some(progress) = self.options.progress {
                    progress(passed);
                }
                result
            },
        );
        let mut judged = Vec::with_capacity(self.commits.len());
        for judgements in judgements {
            judged.extend(judgements?);
        }
        let mut unreadable = judged.iter().filter_map(|judgement| match judgement {
            Judgement::Unreadable(id) => Some(*id),
            _ => None,
        });
        let unreadable = unreadable.next().map(|first| (1 + unreadable.count() as u64, first));
        let forced = self.forced(&judged)?;
        let commits = self.commits.iter().zip(judged).filter(|(_, judgement)| match judgement {
            Judgement::Nothing | Judgement::Unreadable(_) => false,
            Judgement::Interest => true,
            Judgement::IfText(paths) => paths.iter().any(|path| forced.contains(path)),
        });
        Ok(Survey {
            commits: commits.map(|(commit, _)| commit.id).collect(),
            total,
            blobs: self.contents.blobs.into_inner(),
            bytes: self.contents.bytes.into_inner(),
            unreadable,
        })
    }

    /// git reads all of a commit that it is asked about, and would stop at the first content that it lacks.
    fn readable(&self, reader: &mut Reader, commit: &Commit, judgement: Judgement) -> Result<Judgement, GiveUp> {
        if !matches!(judgement, Judgement::Nothing) {
            for (base, head) in [(commit.base, Some(commit.tree)), (Some(commit.tree), commit.base)] {
                let mut changes = Vec::new();
                reader.compare(&mut Vec::new(), base, head, 0, &mut changes)?;
                let files = changes.iter().filter(|change| change.kind != EntryKind::Commit);
                if let Some(missing) = files.map(|change| change.new).find(|id| !self.contents.has(id, reader)) {
                    return Err(GiveUp::Missing(missing));
                }
            }
        }
        Ok(judgement)
    }

    /// Of the files that look binary, those which attributes may declare to be text.
    fn forced(&self, judged: &[Judgement]) -> Result<HashSet<Vec<u8>>, GiveUp> {
        let paths = judged.iter().flat_map(|judgement| match judgement {
            Judgement::IfText(paths) => &paths[..],
            _ => &[],
        });
        let paths: HashSet<Vec<u8>> = paths.cloned().collect();
        if paths.is_empty() {
            return Ok(paths);
        }
        let mut input: Vec<u8> = Vec::new();
        for path in &paths {
            input.extend_from_slice(path);
            input.push(0);
        }
        // Paths are taken as seen from the folder.
        let top = self.thread_safe.to_thread_local().workdir().map(Path::to_owned);
        let mut command = git(top.as_deref().unwrap_or(self.options.directory));
        command.args(["check-attr", "--stdin", "-z", "diff"]);
        let mut running = Running::start(&mut command, "check-attr", input)?;
        let mut output = Vec::new();
        std::io::Read::read_to_end(&mut running.stdout()?, &mut output).map_err(|_| GiveUp::Unusual)?;
        let fields: Vec<&[u8]> = output.split(|&byte| byte == 0).collect();
        let answers = fields.chunks_exact(3);
        if running.finish().is_err() || answers.len() != paths.len() {
            return Ok(paths);
        }
        let forced = answers.filter(|field| !matches!(field[2], b"unspecified" | b"unset"));
        Ok(forced.map(|field| field[0].to_vec()).collect())
    }

    fn commit(&self, reader: &mut Reader, commit: &Commit) -> Result<Judgement, GiveUp> {
        let mut changes = Vec::new();
        if commit.base != Some(commit.tree) {
            reader.compare(&mut Vec::new(), commit.base, Some(commit.tree), 0, &mut changes)?;
        }
        let mut binary = Vec::new();
        for change in changes {
            if (self.sieve.path)(&change.path) {
                return Ok(Judgement::Interest);
            }
            if change.kind == EntryKind::Commit {
                if (self.sieve.text)(&change.path, format!("Subproject commit {}\n", change.new).as_bytes()) {
                    return Ok(Judgement::Interest);
                }
                continue;
            }
            if self.options.binaries.is_some_and(|binaries| (binaries.wants)(&change.path)) {
                return Ok(Judgement::Interest);
            }
            let mark = match (self.sieve.narrow)(&change.path) {
                false => self.contents.interest(&change.new, &reader.repository, self.sieve)?,
                true => self.narrow(reader, &change)?,
            };
            match mark {
                None => {}
                Some(mark) if !mark.is_text => binary.push(change.path),
                Some(mark) if self.adds(reader, &change, &mark)? => return Ok(Judgement::Interest),
                Some(_) => {}
            }
        }
        Ok(match binary.is_empty() {
            true => Judgement::Nothing,
            false => Judgement::IfText(binary),
        })
    }

    /// What is of interest in a file of which more is asked than of others.
    fn narrow(&self, reader: &mut Reader, change: &Change) -> Result<Option<Arc<Mark>>, GiveUp> {
        let text = reader.text(&change.new)?;
        let mark = || Arc::new(Mark { is_text: !lines::is_binary(&text), outline: None });
        Ok((self.sieve.text)(&change.path, &text).then(mark))
    }

    /// Whether what is of interest in the new content is among the lines that the old one lacks.
    fn adds(&self, reader: &mut Reader, change: &Change, new: &Mark) -> Result<bool, GiveUp> {
        let Some(old_id) = change.old else { return Ok(true) };
        if old_id == change.new {
            return Ok(false);
        }
        // The same change in another file may be judged otherwise if there was no outline.
        let outlines = match &new.outline {
            Some(outline) => Some((self.contents.interest(&old_id, &reader.repository, self.sieve)?, outline)),
            None => None,
        };
        match &outlines {
            // There was nothing before.
            Some((None, _)) => return Ok(true),
            // git compares texts.
            Some((Some(old), _)) if !old.is_text => return Ok(true),
            Some((Some(old), new)) if old.outline.as_ref().is_some_and(|old| new.adds_nothing_to(old)) => {
                return Ok(false);
            }
            _ => {}
        }
        let key = (old_id, change.new, (self.sieve.narrow)(&change.path));
        if let Some(known) = reader.compared.get(&key) {
            return Ok(*known);
        }
        let (old, new) = (reader.text(&old_id)?, reader.text(&change.new)?);
        let holds = |text: &[u8]| (self.sieve.text)(&change.path, text);
        let adds = lines::is_binary(&old) || holds(&new[region::touched(&old, &new)]) && added(&old, &new).any(holds);
        reader.compared.insert(key, adds);
        Ok(adds)
    }
}

/// The runs of lines that `git diff -U0` shows as added.
fn added<'a>(old: &[u8], new: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let (old, new) = without_common_tail(old, new);
    let hunks: Vec<Hunk> = lines::diff(old, new);
    let mut ends = new.find_iter(b"\n").map(|end| end + 1).chain([new.len()]);
    let (mut line, mut at) = (0u32, 0usize);
    hunks.into_iter().filter(|hunk| !hunk.head.is_empty()).map(move |hunk| {
        let mut forward = |to: u32| {
            if to > line {
                at = ends.nth((to - line - 1) as usize).unwrap_or(new.len());
                line = to;
            }
            at
        };
        let start = forward(hunk.head.start);
        let end = forward(hunk.head.end);
        &new[start..end]
    })
}

/// Without context lines, git cuts equal ends off before it compares, in blocks of this size, and gives back what is
/// left of the line at the cut. Groups of changed lines cannot slide beyond the cut, so it decides which lines are shown.
fn without_common_tail<'a, 'b>(old: &'a [u8], new: &'b [u8]) -> (&'a [u8], &'b [u8]) {
    const BLOCK: usize = 1024;
    let mut cut = 0;
    while old.len().min(new.len()) >= cut + BLOCK
        && old[old.len() - cut - BLOCK..old.len() - cut] == new[new.len() - cut - BLOCK..new.len() - cut]
    {
        cut += BLOCK;
    }
    let back = new[new.len() - cut..].find_byte(b'\n').map_or(cut, |end| end + 1);
    (&old[..old.len() - cut + back], &new[..new.len() - cut + back])
}

/// A file that is not what it was in the parent.
struct Change {
    path: Vec<u8>,
    old: Option<ObjectId>,
    new: ObjectId,
    kind: EntryKind,
}

/// One thread's view of the objects.
struct Reader {
    repository: gix::Repository,
    /// Neighbours share nearly all of them.
    trees: Recent,
    /// What is new in one commit is old in the next.
    texts: Recent,
    compared: HashMap<(ObjectId, ObjectId, bool), bool>,
}

/// Objects that were read of late, in two generations.
struct Recent {
    /// How many bytes make a generation.
    generation: usize,
    young: HashMap<ObjectId, Arc<Vec<u8>>>,
    old: HashMap<ObjectId, Arc<Vec<u8>>>,
    young_bytes: usize,
}

impl Recent {
    fn new(generation: usize) -> Recent {
        Recent { generation, young: HashMap::new(), old: HashMap::new(), young_bytes: 0 }
    }

    fn get(&mut self, id: ObjectId, read: impl FnOnce() -> Result<Vec<u8>, GiveUp>) -> Result<Arc<Vec<u8>>, GiveUp> {
        if let Some(content) = self.young.get(&id) {
            return Ok(content.clone());
        }
        let content = match self.old.remove(&id) {
            Some(content) => content,
            None => Arc::new(read()?),
        };
        if self.young_bytes > self.generation {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += content.len() + 64;
        self.young.insert(id, content.clone());
        Ok(content)
    }
}

impl Reader {
    fn new(thread_safe: &gix::ThreadSafeRepository) -> Reader {
        /// In bytes. Versions of a tree are stored as differences.
        const PACK_CACHE: usize = 24 << 20;
        /// In bytes, and as many again of what was read before.
        const TREES: usize = 8 << 20;
        const TEXTS: usize = 8 << 20;
        let mut repository = thread_safe.to_thread_local();
        repository.objects.set_pack_cache(|| Box::new(pack::cache::lru::MemoryCappedHashmap::new(PACK_CACHE)));
        Reader { repository, trees: Recent::new(TREES), texts: Recent::new(TEXTS), compared: HashMap::new() }
    }

    fn text(&mut self, id: &ObjectId) -> Result<Arc<Vec<u8>>, GiveUp> {
        self.texts.get(*id, || blob(&self.repository, id))
    }

    fn tree(&mut self, id: Option<ObjectId>) -> Result<Arc<Vec<u8>>, GiveUp> {
        let Some(id) = id.filter(|id| !id.is_empty_tree()) else { return Ok(Arc::default()) };
        self.trees.get(id, || {
            let object = self.repository.find_object(id).map_err(|_| GiveUp::Unusual)?;
            match object.kind {
                Kind::Tree => Ok(object.detach().data),
                _ => Err(GiveUp::Unusual),
            }
        })
    }

    fn compare(
        &mut self,
        path: &mut Vec<u8>,
        base: Option<ObjectId>,
        head: Option<ObjectId>,
        depth: usize,
        changes: &mut Vec<Change>,
    ) -> Result<(), GiveUp> {
        /// Trees nest in files; a deeper nesting is hostile.
        const DEEPEST: usize = 2048;
        if depth > DEEPEST {
            return Err(GiveUp::Unusual);
        }
        let (base, head) = (self.tree(base)?, self.tree(head)?);
        let hash = self.repository.object_hash();
        let mut old = gix::objs::TreeRefIter::from_bytes(&base, hash).peekable();
        for new in gix::objs::TreeRefIter::from_bytes(&head, hash) {
            let new = new.map_err(|_| GiveUp::Unusual)?;
            let mut twin = None;
            while let Some(entry) = old.peek() {
                let entry = entry.as_ref().map_err(|_| GiveUp::Unusual)?;
                match tree_order(entry, &new) {
                    Order::Less => drop(old.next()),
                    Order::Equal => {
                        twin = Some(*entry);
                        old.next();
                        break;
                    }
                    Order::Greater => break,
                }
            }
            if twin.is_some_and(|twin| twin.oid == new.oid && twin.mode == new.mode) {
                continue;
            }
            let length = path.len();
            if length > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(new.filename);
            let old_id =
                |is_tree: bool| twin.filter(|twin| twin.mode.is_tree() == is_tree).map(|twin| twin.oid.to_owned());
            match new.mode.kind() {
                EntryKind::Tree => {
                    self.compare(path, old_id(true), Some(new.oid.to_owned()), depth + 1, changes)?;
                }
                kind => changes.push(Change { path: path.clone(), old: old_id(false), new: new.oid.to_owned(), kind }),
            }
            path.truncate(length);
        }
        Ok(())
    }
}

/// git sorts a directory as if its name ended in a slash.
fn tree_order(a: &EntryRef<'_>, b: &EntryRef<'_>) -> Order {
    let common = a.filename.len().min(b.filename.len());
    a.filename[..common].cmp(&b.filename[..common]).then_with(|| {
        let end = |entry: &EntryRef<'_>| {
            let slash = entry.mode.is_tree().then_some(b'/');
            (entry.filename.get(common).copied().or(slash), entry.filename.len())
        };
        end(a).cmp(&end(b))
    })
}
