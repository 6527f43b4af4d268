//! What the guards came to, together: findings, what ran, and the one word that becomes the exit code.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contracts::report::Document;
use crate::finding::{Finding, Level};
use crate::guards::{Guard, coverage, critic, dependencies, secrets, size};
use crate::label::OwnedLabel;

/// The whole answer about one change.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// One entry per guard, in the order of [`Guard::ALL`].
    pub runs: Vec<GuardRun>,
    /// Worst first, then by place.
    pub findings: Vec<Finding>,
    /// Findings that the policy silences, with its reason. Counted in every report.
    pub suppressed: Vec<Suppressed>,
    /// Labels that mainguard owns, as they ought to be.
    pub labels: Vec<OwnedLabel>,
}

/// What became of one guard.
#[derive(Clone, Debug)]
pub struct GuardRun {
    /// Which.
    pub guard: Guard,
    /// Whether it could judge.
    pub status: RunStatus,
}

/// Whether a guard could judge, and what it saw.
#[derive(Clone, Debug)]
pub enum RunStatus {
    /// It judged.
    Ran(Facts),
    /// It does not apply here: why. Says nothing about the change.
    Skipped(String),
    /// It applies and could not judge: why. Never green.
    Broken(String),
}

/// What a guard measured, for reports that show more than findings.
#[derive(Clone, Debug)]
pub enum Facts {
    /// The size of the change.
    Size(size::Measured),
    /// The critic's reading of the description.
    Critic(critic::Judgement),
    /// What the contracts came to.
    Contracts(Box<Document>),
    /// What was looked through for secrets.
    Secrets(secrets::Scanned),
    /// What was looked through for vulnerable dependencies.
    Dependencies(dependencies::Checked),
    /// How much the tests run through.
    Coverage(coverage::Measured),
    /// Nothing beyond its findings.
    None,
}

/// A finding that does not count, and why.
#[derive(Clone, Debug)]
pub struct Suppressed {
    /// What was found.
    pub finding: Finding,
    /// The reason that the policy, or the guard, gives.
    pub reason: String,
}

/// The verdict in one word. The order is from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Nothing blocks.
    Pass,
    /// A finding blocks.
    Blocked,
    /// A guard that applies could not judge: an incomplete verdict is no verdict.
    Broken,
}

impl Outcome {
    /// `pass`, `blocked`, `broken`.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Blocked => "blocked",
            Outcome::Broken => "broken",
        }
    }

    /// 0, 1, 2.
    pub fn exit_code(self) -> u8 {
        match self {
            Outcome::Pass => 0,
            Outcome::Blocked => 1,
            Outcome::Broken => 2,
        }
    }
}

impl Verdict {
    /// Broken before blocked before pass.
    pub fn outcome(&self) -> Outcome {
        if self.runs.iter().any(|run| matches!(run.status, RunStatus::Broken(_))) {
            Outcome::Broken
        } else if self.findings.iter().any(|finding| finding.level == Level::Error) {
            Outcome::Blocked
        } else {
            Outcome::Pass
        }
    }

    /// How many findings have this level.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// What the size guard measured, if it ran.
    pub fn size(&self) -> Option<&size::Measured> {
        self.runs.iter().find_map(|run| match &run.status {
            RunStatus::Ran(Facts::Size(measured)) => Some(measured),
            _ => None,
        })
    }

    /// What the critic judged, if it ran.
    pub fn critic(&self) -> Option<&critic::Judgement> {
        self.runs.iter().find_map(|run| match &run.status {
            RunStatus::Ran(Facts::Critic(judgement)) => Some(judgement),
            _ => None,
        })
    }

    /// Worst first, then by place, then by rule: the order of every report.
    pub fn sort(&mut self) {
        self.findings.sort_by(|a, b| {
            let place = |finding: &Finding| finding.location.as_ref().map(|at| (at.place.clone(), at.span));
            (a.level, place(a), &a.rule, &a.message).cmp(&(b.level, place(b), &b.rule, &b.message))
        });
    }
}
