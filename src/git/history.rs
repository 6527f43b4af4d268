//! Which commits one history has and another lacks.
//!
//! The walk goes from new to old by date and keeps going for a while after the last commit of interest, so that wrong
//! dates do no harm. (`git rev-list` without a commit-graph is less patient, and then lists commits that both have.) It
//! ends where a shallow clone ends.

use std::collections::{BinaryHeap, HashMap, HashSet};

use gix::bstr::ByteSlice;

use super::{GitError, Repository, first_line, ours};
use crate::change::{Commit, CommitId, Person};

/// How many more commits of the other history are looked at after the last one of interest. git stops after 5.
const PATIENCE: u32 = 256;

impl Repository {
    /// The commits that `head` has and `base` lacks, in the order of `git rev-list --topo-order --reverse`: parents
    /// before their children.
    pub fn commits(&self, base: Option<&CommitId>, head: &CommitId) -> Result<Vec<Commit>, GitError> {
        let mut walk = Walk::new(self);
        walk.visit(self.theirs(head)?, true)?;
        if let Some(base) = base {
            walk.visit(self.theirs(base)?, false)?;
        }
        let new = walk.run()?;
        let commits = new.into_iter().map(|id| self.commit(id)).collect::<Result<_, _>>()?;
        Ok(oldest_first(commits))
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

struct Walk<'a> {
    repository: &'a Repository,
    /// Where a shallow clone ends.
    boundary: HashSet<gix::ObjectId>,
    seen: HashMap<gix::ObjectId, Seen>,
    /// By date, newest first.
    queue: BinaryHeap<(i64, gix::ObjectId)>,
    new_in_queue: usize,
}

impl<'a> Walk<'a> {
    fn new(repository: &'a Repository) -> Walk<'a> {
        let boundary = repository.gix().shallow_commits().ok().flatten();
        Walk {
            repository,
            boundary: boundary.iter().flat_map(|commits| commits.iter().copied()).collect(),
            seen: HashMap::new(),
            queue: BinaryHeap::new(),
            new_in_queue: 0,
        }
    }

    /// All commits that are new, in no order.
    fn run(mut self) -> Result<Vec<gix::ObjectId>, GitError> {
        let mut patience = PATIENCE;
        while let Some((_, id)) = self.queue.pop() {
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
        let damaged = |reason: String| self.repository.missing(id, &reason);
        let gix = self.repository.gix();
        let commit = gix.find_commit(id).map_err(|error| damaged(first_line(error.probable_cause())))?;
        let parents = match self.boundary.contains(&id) {
            true => Vec::new(),
            false => commit.parent_ids().map(|id| id.detach()).collect(),
        };
        // A damaged date is as good as a wrong one.
        let seconds = commit.time().map_or(0, |time| time.seconds);
        self.seen.insert(id, Seen { parents, new, queued: true });
        self.queue.push((seconds, id));
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
