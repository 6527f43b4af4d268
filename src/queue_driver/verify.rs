//! The proof of what landed, checked again in any clone: the trailers name what was merged, and merging it again gives
//! the same commit. No network.

use crate::change::CommitId;
use crate::git::integrate::{IntegrateError, Store};
use crate::queue::action::Recipe;
use crate::queue::build::{BuildId, Member, Onto};
use crate::text::visible;

use super::merge::{self, Made};

/// How many commits are looked at.
const MOST_COMMITS: usize = 10_000;

/// What is to be said about one commit of the branch.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// The commit.
    pub commit: CommitId,
    /// The first line of its message, safe to show.
    pub subject: String,
    /// What came of it.
    pub finding: Finding,
}

/// What came of checking a commit.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "finding")]
pub enum Finding {
    /// Made again from its trailers, it is the same commit.
    Proven {
        /// The build that tested it, or that carried it.
        build: BuildId,
        /// Who is in it, at which head.
        pulls: Vec<(u64, CommitId)>,
    },
    /// It bears no trailers of the queue: somebody else put it there.
    Foreign,
    /// It bears trailers and is not what they say; in words.
    Forged {
        /// What does not fit.
        why: String,
    },
}

/// Checks every commit of the first-parent history of a range (`main~10..main`, or one name for all of its history).
pub fn verify(store: &Store, from: Option<&CommitId>, to: &CommitId) -> Result<Vec<Verified>, IntegrateError> {
    let excluded = from.map(|from| format!("^{from}"));
    let mut range = vec![to.as_str()];
    range.extend(excluded.as_deref());
    store.first_parents(&range, MOST_COMMITS)?.into_iter().map(|commit| verify_one(store, commit)).collect()
}

fn verify_one(store: &Store, commit: CommitId) -> Result<Verified, IntegrateError> {
    let (parents, at, message) = store.read_commit(&commit)?;
    let subject = visible(message.lines().next().unwrap_or_default()).chars().take(100).collect();
    let verified = |finding| Ok(Verified { commit: commit.clone(), subject, finding });
    let forged = |why: &str| Finding::Forged { why: why.into() };
    // Only the last paragraph holds trailers: titles stand above it.
    let last = message.trim_end().rsplit("\n\n").next().unwrap_or_default();
    let values = |key: &'static str| last.lines().filter_map(move |line| line.strip_prefix(key));
    let Some(build) = values("Mainguard-Build: ").next() else { return verified(Finding::Foreign) };
    let Some(build) = BuildId::parse(build) else { return verified(forged("the build's name is none")) };
    let pulls: Option<Vec<(u64, CommitId)>> = values("Mainguard-PR: #")
        .map(|value| {
            let (number, head) = value.split_once('@')?;
            Some((number.parse().ok()?, CommitId::parse(head)?))
        })
        .collect();
    let (Some(pulls), Some((onto, heads))) = (pulls, parents.split_first()) else {
        return verified(forged("a trailer cannot be read, or the commit has no parent"));
    };
    if !heads.iter().eq(pulls.iter().map(|(_, head)| head)) {
        return verified(forged("the trailers name other commits than were merged"));
    }
    let members =
        pulls.iter().map(|(pull, head)| Member { pull: *pull, head: head.clone(), title: String::new() }).collect();
    let recipe = Recipe { build: build.clone(), onto: Onto::Commit(onto.clone()), members, message, at };
    match merge::make(store, &recipe, onto)? {
        Made::Commit(made, _) if made == commit => verified(Finding::Proven { build, pulls }),
        Made::Commit(..) => verified(forged("merged again, it is another commit")),
        Made::Conflict(..) => verified(forged("merged again, it does not merge")),
    }
}
