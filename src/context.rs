//! The facts that neither the repository nor the policy holds. What is not known says why: a guard without its facts is
//! skipped when they do not exist, and broken when they could not be had.

use chrono::{DateTime, Utc};

use crate::change::Additions;
use crate::contracts::Observed;
use crate::deps::snapshot::Snapshot;
use crate::guards::{coverage, sast};
use crate::pull_request::PullRequest;

/// What the outside world says about a change.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The pull request, when there is one.
    pub pull_request: Loaded<PullRequest>,
    /// What the commits of the change add, for guards that look at history.
    pub additions: Loaded<Additions>,
    /// What was found out about the contracts of the change.
    pub contracts: Loaded<Observed>,
    /// Whether people decide about the change somewhere else: before there is a pull request, or on one that was judged
    /// already. What waits for an approval does not block there.
    pub decided_elsewhere: bool,
    /// Lockfiles and advisories, when the change touches a lockfile.
    pub dependencies: Loaded<Snapshot>,
    /// The rules for code, as of the base; `None` when that guard is turned off.
    pub sast: Loaded<Option<sast::Rules>>,
    /// What the tests ran through.
    pub measured: Loaded<coverage::Facts>,
    /// Measured line coverage of the change in percent.
    pub coverage: Option<f64>,
    /// Threads that a guard may use; 0 and 1 mean none but its own.
    pub threads: usize,
    /// The time at which the change is judged.
    pub now: DateTime<Utc>,
}

/// A fact that may not be there.
#[derive(Clone, Debug)]
pub enum Loaded<T> {
    /// Here it is.
    Present(T),
    /// It does not exist: why not.
    Absent(String),
    /// It exists and could not be had: why not.
    Failed(String),
}

impl<T> Default for Loaded<T> {
    fn default() -> Loaded<T> {
        Loaded::Absent("not asked for".into())
    }
}

impl<T> Loaded<T> {
    /// The fact, if it is there.
    pub fn present(&self) -> Option<&T> {
        match self {
            Loaded::Present(fact) => Some(fact),
            Loaded::Absent(_) | Loaded::Failed(_) => None,
        }
    }
}
