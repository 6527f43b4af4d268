//! The facts that neither the repository nor the policy holds. Each is optional: what is not known is `None`, and the
//! guard that needs it is skipped, with the reason in the report.

use chrono::{DateTime, Utc};

use crate::pull_request::PullRequest;

/// What the outside world says about a change.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The pull request, when there is one.
    pub pull_request: Option<PullRequest>,
    /// Measured line coverage of the change in percent.
    pub coverage: Option<f64>,
    /// The time at which the change is judged.
    pub now: DateTime<Utc>,
}
