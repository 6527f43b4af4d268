//! What was observed: git's and GitHub's answers, already in memory.
//!
//! What pulls on it: an answer may be missing, partial, stale or forged. So "not known" is a value of its own
//! everywhere, an absent key means "not read", and nothing in here is believed to be the latest: what must not be
//! stale at the moment of landing is compared again by the push itself.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::change::{CommitId, ObjectId};

use super::action::ActionKey;
use super::build::BuildId;

/// The number of a pull request.
pub type PullNumber = u64;

/// Everything that was observed for one branch with a queue.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The tip of the branch; `None` when it could not be read.
    pub base_tip: Option<CommitId>,
    /// Commits, of those that the state names (heads of entries, commits of builds), that are reachable from `base_tip`,
    /// as told by git.
    pub in_base: BTreeSet<CommitId>,
    /// Pull requests that were read: all that carry the label, and all that the state names. A pull request that is
    /// not in here was not read, which says nothing about it.
    pub pulls: BTreeMap<PullNumber, Pull>,
    /// Results per commit: the tip of the branch, heads of pull requests, commits of running builds.
    pub checks: BTreeMap<CommitId, Checks>,
    /// All refs under the prefix of integration branches, full name to commit; `None` when the list is not complete.
    pub refs: Option<BTreeMap<String, CommitId>>,
    /// What came of creating the commits of builds. The commit of a build is a function of its recipe, so this can be
    /// computed again at any time.
    pub merges: BTreeMap<BuildId, Merged>,
    /// What people asked for since the last time, oldest first. May repeat what was already taken in.
    pub intake: Vec<Intake>,
    /// What came of actions that earlier plans asked for. An action without an outcome may or may not have happened.
    pub outcomes: Vec<(ActionKey, Outcome)>,
    /// How much may be asked of GitHub until `resets_at`.
    pub budget: Budget,
}

impl World {
    /// Whether the branch is known to contain this commit, which the state names.
    pub fn contains(&self, commit: &CommitId) -> bool {
        self.base_tip.as_ref() == Some(commit) || self.in_base.contains(commit)
    }
}

/// A pull request as GitHub and git tell it. Strings were written by strangers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// Whether it is open.
    pub state: PullState,
    /// GitHub's own time of the last change; of two readings the one with the earlier time is stale.
    pub updated_at: DateTime<Utc>,
    /// The tip of its branch.
    pub head: CommitId,
    /// The branch it would enter, without `refs/heads/`.
    pub base_branch: String,
    /// The open pull request whose branch it would enter, when it is stacked on another.
    pub stacked_on: Option<PullNumber>,
    /// Whether it is a draft.
    pub draft: bool,
    /// Its title.
    pub title: String,
    /// Its author's login.
    pub author: String,
    /// Its labels, without the label of the queue.
    pub labels: Vec<String>,
    /// The label of the queue, when it is there, and who put it there.
    pub queued: Option<QueueLabel>,
    /// What the reviews come to.
    pub review: Review,
    /// Pull requests that must land first; see [`depends_on`](super::depends_on).
    pub depends_on: Vec<PullNumber>,
    /// Whether its head merges with the tip of the branch, as told by git, never by GitHub.
    pub merges: Mergeable,
}

/// Whether a pull request is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PullState {
    /// It is.
    Open,
    /// It was closed without a merge.
    Closed,
    /// GitHub shows it as merged.
    Merged,
}

/// The label of the queue on a pull request: the wish to land.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueLabel {
    /// The login of who put it there.
    pub by: String,
    /// Whether that person may write to the repository, asked now; `None` when it could not be asked.
    pub may_queue: Option<bool>,
    /// When it was put there, by GitHub's clock.
    pub at: DateTime<Utc>,
    /// The head at that time, when it is known.
    pub head: Option<CommitId>,
}

/// What the reviews come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Review {
    /// Nobody has approved or objected.
    None,
    /// Approved, and nobody objects.
    Approved,
    /// Somebody asks for changes.
    ChangesRequested,
    /// Not known.
    Unknown,
}

/// Whether a head merges with the tip of the branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mergeable {
    /// Without conflict.
    Clean,
    /// Nothing would change: no commit, no difference, or already contained.
    Empty,
    /// Not without a hand; the files, as text that is safe to show.
    Conflict(Vec<String>),
    /// Not computed, or git failed.
    Unknown,
}

/// The results of all checks and statuses on a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checks {
    /// Not read, or not to the last page. In words, why.
    Unknown(String),
    /// Every page was read.
    Complete(Vec<CheckResult>),
}

/// One check run or commit status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckResult {
    /// Its name, or the context of a commit status.
    pub name: String,
    /// The slug of the app; `None` for a commit status.
    pub app: Option<String>,
    /// What tells checks of the same name and app apart: the workflow, or the check suite. A rerun has the same one.
    pub source: String,
    /// GitHub's number: the larger one is the newer attempt.
    pub id: u64,
    /// Where it stands.
    pub status: CheckStatus,
    /// When it began, by GitHub's clock.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended, by GitHub's clock.
    pub completed_at: Option<DateTime<Utc>>,
    /// Where people read about it.
    pub url: Option<String>,
}

/// Where a check stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckStatus {
    /// Queued, waiting, requested, in progress.
    Running,
    /// It ended.
    Completed(Conclusion),
}

/// How a check ended, in GitHub's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// Green.
    Success,
    /// Red.
    Failure,
    /// Neither; see [`Config::neutral_is_green`](super::Config).
    Neutral,
    /// Did not run; see [`Config::skipped_is_green`](super::Config).
    Skipped,
    /// Somebody stopped it.
    Cancelled,
    /// It took longer than its own limit: red.
    TimedOut,
    /// It waits for a person.
    ActionRequired,
    /// GitHub gave it up.
    Stale,
    /// It could not begin.
    StartupFailure,
    /// A word that we do not know. Never green.
    Other(String),
}

impl Conclusion {
    /// From GitHub's word for the conclusion of a check run or the state of a commit status.
    pub fn parse(word: &str) -> Conclusion {
        match word {
            "success" => Conclusion::Success,
            "failure" => Conclusion::Failure,
            "neutral" => Conclusion::Neutral,
            "skipped" => Conclusion::Skipped,
            "cancelled" => Conclusion::Cancelled,
            "timed_out" => Conclusion::TimedOut,
            "action_required" => Conclusion::ActionRequired,
            "stale" => Conclusion::Stale,
            "startup_failure" => Conclusion::StartupFailure,
            other => Conclusion::Other(other.chars().take(100).collect()),
        }
    }
}

/// What came of creating the commit of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merged {
    /// It exists in the local repository.
    Created {
        /// The commit.
        commit: CommitId,
        /// Its tree.
        tree: ObjectId,
    },
    /// A member does not merge onto what stands before it.
    Conflict {
        /// The first such member.
        pull: PullNumber,
        /// The files, as text that is safe to show; at most 20.
        files: Vec<String>,
        /// The members before it (of this build and those below) with which it conflicts. Empty: it conflicts with the
        /// branch itself. When they could not be told apart: all of them.
        with: Vec<PullNumber>,
    },
    /// Git failed: an object is missing, the program was killed. Says nothing about the pull requests.
    Infra(String),
}

/// Something that a person asked for, recorded when it happened because it cannot be read again.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Intake {
    /// Unique: the id of the comment or of the command's invocation.
    pub id: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The login of who asked.
    pub by: String,
    /// Whether that person may write to the repository, asked now; `None` when it could not be asked.
    pub may: Option<bool>,
    /// The pull request it was asked on.
    pub pull: Option<PullNumber>,
    /// What was asked.
    pub command: Command,
}

/// What a person may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// `/queue`: as if the label were put on. The head that was meant, when it is known.
    Queue {
        /// The head at that time.
        head: Option<CommitId>,
    },
    /// `/dequeue`: as if the label were taken off.
    Dequeue,
    /// `/retry`: queue again, at the old place when it left as failed.
    Retry,
    /// `/priority n`: −10 to 10.
    Priority(i32),
    /// `/try`: build it with the branch, never land it.
    Try,
    /// `/freeze reason`.
    Freeze(String),
    /// `/thaw`.
    Thaw,
}

/// What came of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It happened.
    Done,
    /// It did not happen and will not by itself: git or GitHub said no.
    Refused {
        /// Why.
        why: Refusal,
        /// Their words, without secrets, safe to show.
        message: String,
    },
    /// Not known, or not now: an outage, a limit.
    Later {
        /// Their words, without secrets, safe to show.
        message: String,
    },
}

/// Why git or GitHub said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The branch is no longer where it was.
    Moved,
    /// A rule of the repository forbids it.
    Protected,
    /// The token may not do it.
    Permission,
    /// The pushed commits change workflow files and the token may not.
    WorkflowFiles,
    /// A head was no longer the one that was pinned.
    HeadChanged,
    /// What was computed again is not what was tested.
    AuditFailed,
    /// Something else.
    Other,
}

/// How much may be asked of GitHub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Writing calls (comments, labels, check runs, dispatches) in this round.
    pub writes: u32,
    /// When there will be more.
    pub resets_at: Option<DateTime<Utc>>,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { writes: 60, resets_at: None }
    }
}
