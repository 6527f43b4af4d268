//! What happened, for telemetry: one value per transition, with an id that is the same however often it is delivered.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::change::CommitId;

use super::build::BuildId;
use super::entry::ExitReason;
use super::world::PullNumber;

/// Something that happened once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Event {
    /// Made from branch, kind, subject and round: delivering it twice is delivering it once.
    pub id: String,
    /// What.
    pub kind: EventKind,
    /// The branch of the queue.
    pub branch: String,
    /// The pull request it is about.
    pub pull: Option<PullNumber>,
    /// Its pinned head.
    pub head: Option<CommitId>,
    /// The build it is about.
    pub build: Option<BuildId>,
    /// When it was decided.
    pub at: DateTime<Utc>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "name")]
pub enum EventKind {
    /// A pull request was queued.
    #[serde(rename = "dev_integration_queue_entered")]
    QueueEntered,
    /// A build with this pull request was green and landed.
    #[serde(rename = "dev_integration_ci_passed")]
    CiPassed,
    /// A build with this pull request failed.
    #[serde(rename = "dev_integration_ci_failed")]
    CiFailed,
    /// A pull request left.
    #[serde(rename = "dev_integration_queue_left")]
    QueueLeft {
        /// Why.
        exit: ExitReason,
        /// How long it was there, in seconds.
        seconds: i64,
    },
    /// The branch was moved by somebody else.
    #[serde(rename = "dev_integration_base_moved")]
    BaseMoved,
    /// The queue was frozen.
    #[serde(rename = "dev_integration_frozen")]
    Frozen {
        /// Why.
        reason: String,
    },
    /// The queue was thawed.
    #[serde(rename = "dev_integration_thawed")]
    Thawed,
}

impl EventKind {
    /// Its name in telemetry.
    pub fn name(&self) -> &'static str {
        match self {
            EventKind::QueueEntered => "dev_integration_queue_entered",
            EventKind::CiPassed => "dev_integration_ci_passed",
            EventKind::CiFailed => "dev_integration_ci_failed",
            EventKind::QueueLeft { .. } => "dev_integration_queue_left",
            EventKind::BaseMoved => "dev_integration_base_moved",
            EventKind::Frozen { .. } => "dev_integration_frozen",
            EventKind::Thawed => "dev_integration_thawed",
        }
    }
}
