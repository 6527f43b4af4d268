//! Where two histories last were one, and which commits one has and another lacks.
//!
//! The walk goes from new to old by date and keeps going for a while after the last commit of interest, so that wrong
//! dates do no harm. (`git rev-list` without a commit-graph is less patient, and then lists commits that both have.) It
//! ends where a shallow clone ends.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use gix::bstr::ByteSlice;

use super::{GitError, Repository, first_line, ours};
use crate::change::{Commit, CommitId, Person};

/// How many more commits of the other history are looked at after the last one of interest. git stops after 5.
const PATIENCE: u32 = 256;

/// A commit on the line of first parents: what a merge or a push made the branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstParent {
    /// Its id.
    pub id: CommitId,
    /// Seconds since 1970-01-01T00:00:00Z at which it was committed.
    pub committed_at: i64,
    /// The whole message, U+FFFD where it is not UTF-8.
    pub message: String,
}

impl Repository {
    /// Where two histories last were one; of several such commits the one that `git merge-base` prints first. `None`:
    /// they have nothing in common, as far as this clone knows.
    pub fn merge_base(&self, a: &CommitId, b: &CommitId) -> Result<Option<CommitId>, GitError> {
        let (first, second) = (self.theirs(a)?, self.theirs(b)?);
        let commits = Commits::new(self);
        let mut bases = common(&commits, first, second)?;
        // Of two candidates, one may lead to the other when a date is wrong.
        let mut at = 0;
        while bases.len() > 1 && at < bases.len() {
            let candidate = bases[at].1;
            let mut redundant = false;
            for (_, other) in bases.iter().filter(|(_, other)| *other != candidate) {
                redundant = redundant || self.commits(Some(&ours(*other)), &ours(candidate))?.is_empty();
            }
            match redundant {
                true => drop(bases.remove(at)),
                false => at += 1,
            }
        }
        bases.sort_by_key(|(seconds, _)| Reverse(*seconds));
        Ok(bases.first().map(|(_, id)| ours(*id)))
    }

    /// The commits that `head` has and `base` lacks, in the order of `git rev-list --topo-order --reverse`: parents
    /// before their children.
    pub fn commits(&self, base: Option<&CommitId>, head: &CommitId) -> Result<Vec<Commit>, GitError> {
        let commits = Commits::new(self);
        let mut walk = Walk { commits: &commits, seen: HashMap::new(), queue: Queue::default(), new_in_queue: 0 };
        walk.visit(self.theirs(head)?, true)?;
        if let Some(base) = base {
            walk.visit(self.theirs(base)?, false)?;
        }
        let new = walk.run()?;
        let commits = new.into_iter().map(|id| self.commit(id)).collect::<Result<_, _>>()?;
        Ok(oldest_first(commits))
    }

    /// The branch as it grew: the commit and its first parents, newest first, at most so many. Ends where a shallow clone
    /// ends.
    pub fn first_parents(&self, head: &CommitId, most: usize) -> Result<Vec<FirstParent>, GitError> {
        let commits = Commits::new(self);
        let mut line = Vec::new();
        let mut next = Some(self.theirs(head)?);
        while let Some(id) = next.filter(|_| line.len() < most) {
            let damaged = |reason: String| self.missing(id, &reason);
            let object = self.gix().find_commit(id).map_err(|error| damaged(first_line(error.probable_cause())))?;
            let decoded = object.decode().map_err(|error| damaged(first_line(error)))?;
            next = decoded.parents().next().filter(|_| !commits.boundary.contains(&id));
            line.push(FirstParent {
                id: ours(id),
                committed_at: decoded.committer().ok().and_then(|by| by.time().ok()).map_or(0, |time| time.seconds),
                message: String::from_utf8_lossy(decoded.message).into_owned(),
            });
        }
        Ok(line)
    }

    fn commit(&self, id: gix::ObjectId) -> Result<Commit, GitError> {
        let damaged = |reason: String| self.missing(id, &reason);
        let object = self.gix().find_commit(id).map_err(|error| damaged(first_line(error.probable_cause())))?;
        let decoded = object.decode().map_err(|error| damaged(first_line(error)))?;
        // A damaged author line is no reason to judge nothing.
        let author = decoded.author().ok();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Commit {
            id: ours(id),
            parents: decoded.parents().map(ours).collect(),
            author: author.as_ref().map_or_else(Person::default, |author| Person {
                name: text(author.name.trim()),
                email: text(author.email.trim()),
            }),
            authored_at: author.and_then(|author| author.time().ok()).map_or(0, |time| time.seconds),
            message: text(decoded.message),
        })
    }
}

/// What is known of a commit that the walk has seen.
struct Seen {
    parents: Vec<gix::ObjectId>,
    /// Nothing that the other history has leads here, so far.
    new: bool,
    /// Still to be walked from.
    queued: bool,
}

/// Parents and dates of commits, as the walks need them.
struct Commits<'a> {
    repository: &'a Repository,
    /// Where a shallow clone ends.
    boundary: HashSet<gix::ObjectId>,
}

impl<'a> Commits<'a> {
    fn new(repository: &'a Repository) -> Commits<'a> {
        let boundary = repository.gix().shallow_commits().ok().flatten();
        Commits { repository, boundary: boundary.iter().flat_map(|commits| commits.iter().copied()).collect() }
    }

    fn read(&self, id: gix::ObjectId) -> Result<(Vec<gix::ObjectId>, i64), GitError> {
        let damaged = |reason: String| self.repository.missing(id, &reason);
        let commit = self.repository.gix().find_commit(id);
        let commit = commit.map_err(|error| damaged(first_line(error.probable_cause())))?;
        let parents = match self.boundary.contains(&id) {
            true => Vec::new(),
            false => commit.parent_ids().map(|id| id.detach()).collect(),
        };
        // A damaged date is as good as a wrong one.
        Ok((parents, commit.time().map_or(0, |time| time.seconds)))
    }
}

/// Newest first; of equally new ones the one that came first.
#[derive(Default)]
struct Queue {
    heap: BinaryHeap<(i64, Reverse<u64>, gix::ObjectId)>,
    pushed: u64,
}

impl Queue {
    fn push(&mut self, seconds: i64, id: gix::ObjectId) {
        self.pushed += 1;
        self.heap.push((seconds, Reverse(self.pushed), id));
    }

    fn pop(&mut self) -> Option<gix::ObjectId> {
        self.heap.pop().map(|(_, _, id)| id)
    }
}

/// The commits that both lead to and that are not known to follow from another such commit, with their dates. Both
/// histories are painted, each in its colour, from new to old, until nothing is left that has only one.
fn common(
    commits: &Commits<'_>,
    first: gix::ObjectId,
    second: gix::ObjectId,
) -> Result<Vec<(i64, gix::ObjectId)>, GitError> {
    const BOTH: u8 = 3;
    /// Follows from a common commit.
    const STALE: u8 = 4;
    const FOUND: u8 = 8;
    struct Painted {
        parents: Vec<gix::ObjectId>,
        seconds: i64,
        paint: u8,
        queued: bool,
    }
    let mut seen: HashMap<gix::ObjectId, Painted> = HashMap::new();
    let mut queue = Queue::default();
    let mut fresh_in_queue = 0usize;
    let mut found = Vec::new();
    let mut to_paint = vec![(first, 1), (second, 2)];
    loop {
        for (id, paint) in to_paint.drain(..) {
            let commit = match seen.entry(id) {
                std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::hash_map::Entry::Vacant(entry) => {
                    let (parents, seconds) = commits.read(id)?;
                    entry.insert(Painted { parents, seconds, paint: 0, queued: false })
                }
            };
            if commit.paint & paint == paint {
                continue;
            }
            let was_fresh = commit.queued && commit.paint & STALE == 0;
            commit.paint |= paint;
            let is_fresh = commit.paint & STALE == 0;
            fresh_in_queue = fresh_in_queue + usize::from(is_fresh) - usize::from(was_fresh);
            if !commit.queued {
                commit.queued = true;
                queue.push(commit.seconds, id);
            }
        }
        if fresh_in_queue == 0 {
            break;
        }
        let Some(id) = queue.pop() else { break };
        let Some(commit) = seen.get_mut(&id) else { continue };
        commit.queued = false;
        fresh_in_queue -= usize::from(commit.paint & STALE == 0);
        let mut paint = commit.paint & (BOTH | STALE);
        if paint == BOTH {
            if commit.paint & FOUND == 0 {
                commit.paint |= FOUND;
                found.push((commit.seconds, id));
            }
            paint |= STALE;
        }
        to_paint.extend(commit.parents.iter().map(|&parent| (parent, paint)));
    }
    found.retain(|(_, id)| seen[id].paint & STALE == 0);
    Ok(found)
}

struct Walk<'a> {
    commits: &'a Commits<'a>,
    seen: HashMap<gix::ObjectId, Seen>,
    queue: Queue,
    new_in_queue: usize,
}

impl Walk<'_> {
    /// All commits that are new, in no order.
    fn run(mut self) -> Result<Vec<gix::ObjectId>, GitError> {
        let mut patience = PATIENCE;
        while let Some(id) = self.queue.pop() {
            let Some(commit) = self.seen.get_mut(&id) else { continue };
            commit.queued = false;
            let new = commit.new;
            self.new_in_queue -= usize::from(new);
            for parent in commit.parents.clone() {
                self.visit(parent, new)?;
            }
            patience = match self.new_in_queue {
                0 => patience - 1,
                _ => PATIENCE,
            };
            if patience == 0 {
                break;
            }
        }
        Ok(self.seen.into_iter().filter(|(_, commit)| commit.new).map(|(id, _)| id).collect())
    }

    fn visit(&mut self, id: gix::ObjectId, new: bool) -> Result<(), GitError> {
        if self.seen.contains_key(&id) {
            if !new {
                self.forget(id);
            }
            return Ok(());
        }
        let (parents, seconds) = self.commits.read(id)?;
        self.seen.insert(id, Seen { parents, new, queued: true });
        self.queue.push(seconds, id);
        self.new_in_queue += usize::from(new);
        Ok(())
    }

    /// The other history has it after all, and with it all that is known to lead from it.
    fn forget(&mut self, id: gix::ObjectId) {
        let mut ids = vec![id];
        while let Some(id) = ids.pop() {
            let Some(commit) = self.seen.get_mut(&id).filter(|commit| commit.new) else { continue };
            commit.new = false;
            self.new_in_queue -= usize::from(commit.queued);
            ids.extend(&commit.parents);
        }
    }
}

/// git's own order, reversed: no parent before its children, and one line of history after the other.
fn oldest_first(commits: Vec<Commit>) -> Vec<Commit> {
    let index: HashMap<CommitId, usize> =
        commits.iter().enumerate().map(|(index, commit)| (commit.id.clone(), index)).collect();
    let parents: Vec<Vec<usize>> = commits
        .iter()
        .map(|commit| commit.parents.iter().filter_map(|parent| index.get(parent).copied()).collect())
        .collect();
    let mut children = vec![0u32; commits.len()];
    for &parent in parents.iter().flatten() {
        children[parent] += 1;
    }
    let mut ready: Vec<usize> = (0..commits.len()).filter(|&commit| children[commit] == 0).collect();
    let mut order = Vec::with_capacity(commits.len());
    while let Some(commit) = ready.pop() {
        order.push(commit);
        for &parent in &parents[commit] {
            children[parent] -= 1;
            if children[parent] == 0 {
                ready.push(parent);
            }
        }
    }
    let mut commits: Vec<Option<Commit>> = commits.into_iter().map(Some).collect();
    order.into_iter().rev().filter_map(|commit| commits[commit].take()).collect()
}
