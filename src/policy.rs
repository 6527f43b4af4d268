//! The configuration compiled, with everything it points to, *as it stands at the base commit*: a change cannot loosen
//! the guard that judges it.

use crate::attributes::Attributes;
use crate::change::{ChangeSet, CommitId};
use crate::config::Config;
use crate::finding::{Finding, Level, RuleInfo};
use crate::guards::{critic, size};

/// The rules about the policy itself.
pub const RULES: &[RuleInfo] = &[RuleInfo {
    id: "policy/changed",
    level: Level::Note,
    summary: "the change touches the policy that changes are judged by",
    help: "The policy is read at the base commit, so the new one counts only after it has landed. Look at it closely.",
}];

/// What a change is judged by.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The configuration as written.
    pub config: Config,
    /// Where it was read; `None` when there is no file and the defaults hold.
    pub source: Option<Source>,
    /// `.gitattributes` of the base.
    pub attributes: Attributes,
    /// The size guard's part.
    pub size: size::Rules,
    /// The critic's part.
    pub critic: critic::Rules,
}

/// Where a policy was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file.
    pub path: String,
    /// The commit; `None` for a file on disk.
    pub commit: Option<CommitId>,
}

/// A change of the policy is itself worth a note.
pub fn check(_change: &ChangeSet) -> Vec<Finding> {
    Vec::new()
}
