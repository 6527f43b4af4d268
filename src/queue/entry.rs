//! An entry: one pull request in the queue, at one head, by one person's wish; and every reason to wait or to leave.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::change::CommitId;

use super::build::BuildId;
use super::world::PullNumber;

/// One pull request in the queue.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Entry {
    /// Its number.
    pub pull: PullNumber,
    /// The head that was meant when it was queued. Nothing else of it may land.
    pub head: CommitId,
    /// The title at that time, safe to show, at most 200 characters.
    pub title: String,
    /// Who wrote it.
    pub author: String,
    /// Who queued it.
    pub by: String,
    /// When it was queued: its place in line.
    pub at: DateTime<Utc>,
    /// The time of the label or command that queued it; an older one does not queue it again.
    pub asked_at: DateTime<Utc>,
    /// Whether the label was seen since; only then can it be missed.
    pub label_seen: bool,
    /// Whether all its own checks were seen green.
    pub checks_passed: bool,
    /// Larger is earlier; one point is worth [`ageing_minutes`](super::Config) of waiting.
    pub priority: i32,
    /// Never in a batch with others.
    pub single: bool,
    /// Pull requests that must land first.
    pub depends_on: Vec<PullNumber>,
    /// How often it was queued; grows with each `/retry` or new label.
    pub round: u32,
    /// How often it was red as the only suspect on a green base.
    pub reds: u32,
    /// How often a younger entry of no higher priority landed before it.
    pub overtaken: u32,
    /// Whether nothing is left to be done on it after it landed; see [`Config::delete_landed_branches`](super::Config).
    #[serde(default)]
    pub seen_off: bool,
    /// The newest reading of the pull request; older ones are stale.
    pub read_as_of: DateTime<Utc>,
    /// Where it stands.
    pub phase: Phase,
    /// Since when it stands there.
    pub since: DateTime<Utc>,
}

/// Where an entry stands.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// For its turn.
    Waiting,
    /// For something else.
    Held(Hold),
    /// It is a member of this build.
    Building(BuildId),
    /// It is a member of this build, which was asked to land.
    Landing(BuildId),
    /// It has left.
    Done(ExitReason),
}

/// Why an entry is not built although it is its turn.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum Hold {
    /// Its own checks are not all green yet; the names of those that are missing or running.
    Checks {
        /// Names.
        waiting_for: Vec<String>,
    },
    /// A check waits for a person.
    ActionRequired {
        /// The check.
        check: String,
    },
    /// It is a draft.
    Draft,
    /// It lacks an approval.
    Approval,
    /// A reviewer asks for changes.
    ChangesRequested,
    /// Others must land first.
    Dependency {
        /// The first that has not.
        on: PullNumber,
    },
    /// It waits for a pull request that waits for it.
    DependencyCircle {
        /// The circle, beginning with the smallest number.
        through: Vec<PullNumber>,
    },
    /// Its branch would enter the branch of another pull request, which must land first.
    Stacked {
        /// That pull request.
        on: PullNumber,
    },
    /// It conflicts with a pull request that is ahead of it.
    ConflictAhead {
        /// That pull request.
        with: PullNumber,
        /// The files.
        files: Vec<String>,
    },
    /// It could not be read; in words, why.
    Unknown {
        /// Why.
        reason: String,
    },
}

/// Why an entry left the queue. Every entry that leaves has one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum ExitReason {
    /// It landed with this commit.
    Landed {
        /// The tested commit to which the branch was moved.
        commit: CommitId,
        /// The build that tested it.
        build: BuildId,
    },
    /// Somebody merged it without the queue.
    MergedElsewhere,
    /// Nothing would change.
    Empty,
    /// It was closed.
    Closed,
    /// The label was taken off, or `/dequeue`.
    Dequeued,
    /// Its head is no longer the one that was queued.
    HeadChanged {
        /// The pinned head.
        from: CommitId,
        /// The new one.
        to: CommitId,
    },
    /// It would enter another branch now.
    BaseChanged {
        /// That branch.
        to: String,
    },
    /// It was never about a branch with a queue.
    UnmanagedBranch {
        /// Its branch.
        branch: String,
    },
    /// It became a draft while it was built.
    Draft,
    /// Who queued it may not.
    NotAuthorised {
        /// Who.
        by: String,
    },
    /// A check on its own head failed.
    PullChecksFailed {
        /// The checks.
        checks: Vec<String>,
    },
    /// A check on its own head did not end, or never reported.
    PullChecksMissing {
        /// The checks.
        checks: Vec<String>,
    },
    /// It does not merge with the branch.
    Conflict {
        /// The files.
        files: Vec<String>,
        /// The pull request that landed and brought the conflict, when it is known.
        with: Option<PullNumber>,
    },
    /// It was red alone on a green base, and again when that was confirmed.
    Red {
        /// The build.
        build: BuildId,
        /// The checks that failed, with their addresses.
        checks: Vec<FailedCheck>,
        /// What landed while it waited and may not go together with it.
        landed_since: Vec<PullNumber>,
    },
    /// Its build took too long.
    Timeout {
        /// The build.
        build: BuildId,
        /// The checks that had not ended.
        checks: Vec<String>,
    },
    /// A required check never reported on its build.
    NeverReported {
        /// The build.
        build: BuildId,
        /// The checks.
        checks: Vec<String>,
    },
    /// Its build was green too fast to be believed.
    TooFast {
        /// The build.
        build: BuildId,
        /// How long it took, in seconds.
        seconds: u64,
    },
    /// CI did not do its work; says nothing about the pull request.
    Infra {
        /// In words.
        message: String,
    },
    /// It changes workflow files, which the queue's token may not push.
    WorkflowFiles,
}

/// A check that failed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct FailedCheck {
    /// Its name.
    pub name: String,
    /// Where people read about it.
    pub url: Option<String>,
}
