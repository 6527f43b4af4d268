//! The critic: reads what the author says about a change and holds it against the change.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::change::ChangeSet;
use crate::finding::{Finding, RuleInfo};
use crate::pull_request::PullRequest;

/// The rules of this guard.
pub const RULES: &[RuleInfo] = &[];

/// The section `critic` of the configuration.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether the guard runs.
    pub enabled: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config { enabled: true }
    }
}

/// The configuration, compiled.
#[derive(Clone, Debug)]
pub struct Rules {}

/// What the critic came to. The names are those of its JSON output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// Nothing below blocks.
    pub ok: bool,
    /// Why the template was not judged: `bot`, `revert`; or why nothing blocks: `draft`.
    pub skipped: Option<Skipped>,
    /// Required sections without a heading.
    pub missing: Vec<String>,
    /// Required sections where the author said nothing.
    pub empty: Vec<String>,
    /// Yes/No sections without an answer.
    pub unanswered: Vec<String>,
    /// Claims that the change contradicts.
    pub contradicted: Vec<String>,
    /// Approval labels that the change needs and the pull request lacks.
    pub approvals: Vec<String>,
    /// What does not block.
    pub warnings: Vec<String>,
}

/// Why a description is not judged in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Skipped {
    /// The author is a bot whose descriptions follow no template.
    Bot,
    /// The change takes another one back.
    Revert,
    /// Not ready: judged, nothing blocks.
    Draft,
}

/// Judges the description of a pull request against its change.
pub fn check(
    _pull_request: &PullRequest,
    _change: &ChangeSet,
    _coverage: Option<f64>,
    _rules: &Rules,
) -> (Judgement, Vec<Finding>) {
    (Judgement { ok: true, ..Judgement::default() }, Vec::new())
}
