//! What the queue remembers between two plans: versioned JSON, and nothing that git or GitHub can tell again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::change::CommitId;

use super::action::Effect;
use super::build::{Build, BuildId};
use super::entry::Entry;
use super::world::PullNumber;

/// The version of [`State`] that this program writes.
pub const VERSION: u32 = 1;
/// The largest state that is read, in bytes.
pub const LARGEST: usize = 32 << 20;

/// What the queue of one branch remembers.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct State {
    /// [`VERSION`].
    pub version: u32,
    /// The branch, without `refs/heads/`.
    pub branch: String,
    /// Everybody in the queue, and who left lately.
    pub entries: BTreeMap<PullNumber, Entry>,
    /// Every build whose ref may still exist.
    pub builds: BTreeMap<BuildId, Build>,
    /// Builds that are to land, in this order. Each stands on the nearest one before it that has not failed.
    pub train: Vec<BuildId>,
    /// Builds that left the train when something below them failed, and whose verdict is awaited all the same: green
    /// would absolve what stands below.
    pub aside: Vec<BuildId>,
    /// Parts of red batches and single suspects, to be tested next, in this order.
    pub units: VecDeque<Unit>,
    /// Red batches that are not explained yet.
    pub evidence: Vec<Evidence>,
    /// Why nothing is built and nothing lands.
    pub freeze: Option<Freeze>,
    /// The tip of the branch when it was last read.
    pub tip: Option<CommitId>,
    /// The newest tip of the branch whose health is known.
    pub health: Option<Health>,
    /// The red tip for which a person has thawed the queue all the same.
    pub waived: Option<CommitId>,
    /// Pull requests that somebody wants to try without landing them.
    pub tries: VecDeque<PullNumber>,
    /// What is still to be told to the world. At most one effect per key: a newer one takes its place.
    pub effects: BTreeMap<String, Effect>,
    /// Ids of intake that was taken in; bounded.
    pub taken: BTreeSet<(DateTime<Utc>, String)>,
    /// What was learned.
    pub stats: Stats,
    /// Grows with everything that needs a number of its own.
    pub serial: u64,
}

/// Pull requests that are tested together because a batch that held them was red.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Unit {
    /// In their order.
    pub pulls: Vec<PullNumber>,
}

/// A red build on a green base: at least one of the suspects is the cause, or it was a flake.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Evidence {
    /// The build.
    pub build: BuildId,
    /// Its members that have neither landed nor left.
    pub suspects: BTreeSet<PullNumber>,
}

/// Why nothing is built and nothing lands.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Freeze {
    /// Who or what froze it.
    pub by: FrozenBy,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Shown to everybody who waits.
    pub reason: String,
}

/// Who or what froze the queue.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FrozenBy {
    /// A person, until a person thaws it.
    Person(String),
    /// The configuration's schedule, until it ends.
    Schedule,
    /// The tip of the branch is red, until it is not.
    RedBase,
    /// Too many left as failed in a row; until a person thaws it.
    Ejections,
    /// Git or GitHub refuses to do what landing needs; until a person thaws it.
    Refused,
    /// The configuration cannot be used, until it can.
    Config,
}

/// What is known about a tip of the branch.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Health {
    /// The tip.
    pub commit: CommitId,
    /// Whether a complete green verdict is known for it.
    pub green: bool,
}

/// What was learned from the queue's own builds: exponentially weighted means.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Stats {
    /// Share of pull requests that left as red.
    pub red: f64,
    /// Share of builds that were red although nobody was to blame.
    pub flake: f64,
    /// Seconds that a green build takes, and the mean deviation from it.
    pub ci_seconds: f64,
    /// See `ci_seconds`.
    pub ci_deviation: f64,
    /// How many green builds that was learned from.
    pub samples: u64,
    /// How many builds may run at once now.
    pub window: u32,
    /// Pull requests that landed.
    pub landed: u64,
    /// Pull requests that left as red.
    pub ejected: u64,
    /// CI runs that were asked for.
    pub runs: u64,
    /// Left as failed since the last landing.
    pub failed_in_a_row: u32,
    /// When something last landed.
    pub last_landed: Option<DateTime<Utc>>,
}

impl Default for Stats {
    fn default() -> Stats {
        Stats {
            red: 0.05,
            flake: 0.0,
            ci_seconds: 0.0,
            ci_deviation: 0.0,
            samples: 0,
            window: 0,
            landed: 0,
            ejected: 0,
            runs: 0,
            failed_in_a_row: 0,
            last_landed: None,
        }
    }
}

/// A state that cannot be read. Nothing lands from it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// It is not what this program writes.
    #[error("the queue's state is damaged: {0}")]
    Damaged(String),
    /// A newer program wrote it.
    #[error("the queue's state has version {0}, and this program knows only versions up to {VERSION}")]
    Newer(u32),
    /// It belongs to another branch.
    #[error("the queue's state is about the branch `{0}`")]
    OtherBranch(String),
}

impl StateError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            StateError::Newer(_) => Some("update mainguard everywhere the queue runs".into()),
            StateError::Damaged(_) | StateError::OtherBranch(_) => Some(
                "the history of the state's ref holds the last good one; without it the queue is rebuilt from the labels"
                    .into(),
            ),
        }
    }
}

impl State {
    /// An empty queue.
    pub fn new(branch: &str) -> State {
        State {
            version: VERSION,
            branch: branch.into(),
            entries: BTreeMap::new(),
            builds: BTreeMap::new(),
            train: Vec::new(),
            aside: Vec::new(),
            units: VecDeque::new(),
            evidence: Vec::new(),
            freeze: None,
            tip: None,
            health: None,
            waived: None,
            tries: VecDeque::new(),
            effects: BTreeMap::new(),
            taken: BTreeSet::new(),
            stats: Stats::default(),
            serial: 0,
        }
    }

    /// Reads what [`State::to_json`] wrote.
    pub fn from_json(bytes: &[u8], branch: &str) -> Result<State, StateError> {
        #[derive(Deserialize)]
        struct Envelope {
            version: u32,
        }
        if bytes.len() > LARGEST {
            return Err(StateError::Damaged(format!("it has {} bytes, more than {LARGEST}", bytes.len())));
        }
        let damaged = |error: serde_json::Error| StateError::Damaged(error.to_string());
        let envelope: Envelope = serde_json::from_slice(bytes).map_err(damaged)?;
        if envelope.version > VERSION {
            return Err(StateError::Newer(envelope.version));
        }
        let state: State = serde_json::from_slice(bytes).map_err(damaged)?;
        match state.branch == branch {
            true => Ok(state),
            false => Err(StateError::OtherBranch(state.branch)),
        }
    }

    /// JSON with a final line end, the same bytes for the same state.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}
