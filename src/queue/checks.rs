//! What checks say about a commit, and the proof that they are all green.
//!
//! What pulls on this file: no answer is not a green answer; a rerun replaces what it reran, but two workflows with a
//! check of the same name replace nothing of each other; and a word that GitHub invents tomorrow is not green either.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::change::CommitId;

use super::config::{Config, RequiredCheck};
use super::entry::FailedCheck;
use super::safety::Safety;
use super::world::{CheckResult, CheckStatus, Checks, Conclusion};

/// The proof that every required check is green on exactly this commit. Only [`Tested::prove`] makes one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tested {
    commit: CommitId,
    green: Vec<GreenCheck>,
}

/// A required check and the results that made it green.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GreenCheck {
    /// What was required.
    pub required: RequiredCheck,
    /// Addresses of the results, where there are any.
    pub urls: Vec<String>,
}

impl Tested {
    /// The proof, when `checks`, which were read for `commit`, hold a green result for every required check of the
    /// queue; else what is in the way.
    pub fn prove(commit: &CommitId, checks: &Checks, config: &Config) -> Result<Tested, Verdict> {
        Tested::prove_with(commit, checks, config, Safety::ALL)
    }

    pub(super) fn prove_with(
        commit: &CommitId,
        checks: &Checks,
        config: &Config,
        safety: Safety,
    ) -> Result<Tested, Verdict> {
        match judge(&config.queue_checks, checks, config, None, safety) {
            Verdict::Green { green, .. } => Ok(Tested { commit: commit.clone(), green }),
            other => Err(other),
        }
    }

    /// The commit.
    pub fn commit(&self) -> &CommitId {
        &self.commit
    }

    /// Every required check, in the configuration's order; never empty.
    pub fn green(&self) -> &[GreenCheck] {
        &self.green
    }
}

/// What checks come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every required check is there and green.
    Green {
        /// Each with its results.
        green: Vec<GreenCheck>,
        /// When the first began and the last ended, where both are known.
        took: Option<(DateTime<Utc>, DateTime<Utc>)>,
    },
    /// A required check failed. What is still running does not matter.
    Red(Vec<FailedCheck>),
    /// None failed; these were cancelled, could not begin, or say something unknown.
    Infra(Vec<String>),
    /// None failed; this one waits for a person.
    ActionRequired(String),
    /// None failed; some have not ended.
    Pending {
        /// Never heard of.
        missing: Vec<String>,
        /// Begun.
        running: Vec<String>,
    },
    /// The results are not known, or nothing is required: in words.
    Unknown(String),
}

/// What the newest results of one required check come to, worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Failed,
    ActionRequired,
    Infra,
    Running,
    Green,
}

/// What `checks` come to for `required`. Results that ended by `not_before` without being green belong to an
/// attempt that was given up: they count as not there.
pub fn verdict(
    required: &[RequiredCheck],
    checks: &Checks,
    config: &Config,
    not_before: Option<DateTime<Utc>>,
) -> Verdict {
    judge(required, checks, config, not_before, Safety::ALL)
}

pub(super) fn judge(
    required: &[RequiredCheck],
    checks: &Checks,
    config: &Config,
    not_before: Option<DateTime<Utc>>,
    safety: Safety,
) -> Verdict {
    let results = match checks {
        Checks::Unknown(why) if safety.complete_pages => return Verdict::Unknown(why.clone()),
        Checks::Unknown(_) => &Vec::new(),
        Checks::Complete(results) => results,
    };
    if required.is_empty() && safety.non_empty_set {
        return Verdict::Unknown("no check is required, so nothing can be green".into());
    }
    let mut failed = Vec::new();
    let mut infra = Vec::new();
    let mut action = None;
    let (mut missing, mut running) = (Vec::new(), Vec::new());
    let mut green = Vec::new();
    let (mut begin, mut end) = (None::<DateTime<Utc>>, None::<DateTime<Utc>>);
    for check in required {
        let newest = newest(check, results, safety);
        let standing = |result: &CheckResult| standing(result, config, not_before, safety);
        let name = || check.name.clone();
        let Some(worst) = newest.iter().filter_map(|result| standing(result)).min() else {
            missing.push(name());
            continue;
        };
        match worst {
            Standing::Failed => failed.extend(
                newest
                    .iter()
                    .filter(|result| standing(result) == Some(Standing::Failed))
                    .map(|result| FailedCheck { name: name(), url: result.url.clone() }),
            ),
            Standing::ActionRequired => action = action.or_else(|| Some(name())),
            Standing::Infra => infra.push(name()),
            Standing::Running => running.push(name()),
            Standing::Green => {
                for result in &newest {
                    begin = result.started_at.map(|at| begin.map_or(at, |begin| begin.min(at))).or(begin);
                    end = result.completed_at.map(|at| end.map_or(at, |end| end.max(at))).or(end);
                }
                let urls = newest.iter().filter_map(|result| result.url.clone()).collect();
                green.push(GreenCheck { required: check.clone(), urls });
            }
        }
    }
    match (failed.is_empty(), action, infra.is_empty(), missing.is_empty() && running.is_empty()) {
        (false, ..) => Verdict::Red(failed),
        (_, Some(check), ..) => Verdict::ActionRequired(check),
        (_, _, false, _) => Verdict::Infra(infra),
        (_, _, _, false) if safety.every_required_check || green.is_empty() && !required.is_empty() => {
            Verdict::Pending { missing, running }
        }
        _ => Verdict::Green { green, took: begin.zip(end) },
    }
}

/// The newest result of each source that reports this check.
fn newest<'a>(check: &RequiredCheck, results: &'a [CheckResult], safety: Safety) -> Vec<&'a CheckResult> {
    let mut newest: Vec<&CheckResult> = Vec::new();
    let ours = results.iter().filter(|result| {
        result.name == check.name && (check.app.is_none() || result.app == check.app || !safety.app_identity)
    });
    for result in ours {
        match newest.iter_mut().find(|other| other.app == result.app && other.source == result.source) {
            Some(other) if is_newer(result, other) == safety.newest_attempt => *other = result,
            Some(_) => {}
            None => newest.push(result),
        }
    }
    newest
}

/// Numbers grow with time; where two are the same, the later beginning decides.
fn is_newer(result: &CheckResult, other: &CheckResult) -> bool {
    (result.id, result.started_at) > (other.id, other.started_at)
}

fn standing(
    result: &CheckResult,
    config: &Config,
    not_before: Option<DateTime<Utc>>,
    safety: Safety,
) -> Option<Standing> {
    let standing = match &result.status {
        CheckStatus::Running => Standing::Running,
        CheckStatus::Completed(conclusion) => match conclusion {
            Conclusion::Success => Standing::Green,
            Conclusion::Neutral if config.neutral_is_green => Standing::Green,
            Conclusion::Skipped if config.skipped_is_green => Standing::Green,
            Conclusion::Failure | Conclusion::TimedOut | Conclusion::Neutral | Conclusion::Skipped => Standing::Failed,
            Conclusion::ActionRequired => Standing::ActionRequired,
            Conclusion::Other(_) if !safety.unknown_is_not_green => Standing::Green,
            Conclusion::Cancelled | Conclusion::Stale | Conclusion::StartupFailure | Conclusion::Other(_) => {
                Standing::Infra
            }
        },
    };
    let given_up = standing != Standing::Green
        && standing != Standing::Running
        && not_before.zip(result.completed_at).is_some_and(|(not_before, ended)| ended <= not_before);
    (!given_up).then_some(standing)
}
