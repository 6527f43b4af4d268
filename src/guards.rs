//! The guards: pure functions from (change, context, policy) to findings.
//!
//! There is no guard trait. Each guard takes exactly the facts it needs; [`Guard`] names them all, and the `match`es
//! over it are the list of what a new guard owes. A guard's file ends in three public things: `Config` (its section
//! of the configuration), `RULES` and `check`.

use std::fmt;

use crate::finding::RuleInfo;

pub mod contracts;
pub mod coverage;
pub mod critic;
pub mod dependencies;
pub mod policy;
pub mod sast;
pub mod secrets;
pub mod size;

/// Every guard, in the order in which reports show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Guard {
    /// The pull request's description: sections, claims, approvals.
    Critic,
    /// How large the change is.
    Size,
    /// What changes for the people who call us.
    Contracts,
    /// Secrets that the change brings into history.
    Secrets,
    /// Vulnerable dependencies that the change brings in.
    Dependencies,
    /// Dangerous code that the change brings in.
    Sast,
    /// How much of the change the tests run through.
    Coverage,
    /// The policy itself: a change of the configuration that judges changes.
    Policy,
}

impl Guard {
    /// All of them.
    pub const ALL: [Guard; 8] = [
        Guard::Critic,
        Guard::Size,
        Guard::Contracts,
        Guard::Secrets,
        Guard::Dependencies,
        Guard::Sast,
        Guard::Coverage,
        Guard::Policy,
    ];

    /// The name in rule ids, configuration and reports.
    pub fn name(self) -> &'static str {
        match self {
            Guard::Critic => "critic",
            Guard::Size => "size",
            Guard::Contracts => "contracts",
            Guard::Secrets => "secrets",
            Guard::Dependencies => "dependencies",
            Guard::Sast => "sast",
            Guard::Coverage => "coverage",
            Guard::Policy => "policy",
        }
    }

    /// The rules it can report.
    pub fn rules(self) -> &'static [RuleInfo] {
        match self {
            Guard::Critic => critic::RULES,
            Guard::Size => size::RULES,
            Guard::Contracts => contracts::RULES,
            Guard::Secrets => secrets::RULES,
            Guard::Dependencies => dependencies::RULES,
            Guard::Sast => sast::RULES,
            Guard::Coverage => coverage::RULES,
            Guard::Policy => policy::RULES,
        }
    }

    /// The guard of this name.
    pub fn named(name: &str) -> Option<Guard> {
        Guard::ALL.into_iter().find(|guard| guard.name() == name)
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The rule of this id, whichever guard it belongs to. A rule whose id ends in `/*` stands for those that come from
/// rule files.
pub fn rule(id: &str) -> Option<&'static RuleInfo> {
    let rules = || Guard::ALL.into_iter().flat_map(Guard::rules);
    let family = |rule: &&RuleInfo| rule.id.strip_suffix('*').is_some_and(|family| id.starts_with(family));
    rules().find(|rule| rule.id == id).or_else(|| rules().find(family))
}
