//! The decision: every guard over one change, composed into one verdict. Pure.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::change::ChangeSet;
use crate::context::{Context, Loaded};
use crate::finding::Finding;
use crate::guards::{Guard, contracts, coverage, critic, dependencies, sast, secrets, size};
use crate::label::OwnedLabel;
use crate::policy::{self, Policy};
use crate::verdict::{Facts, GuardRun, RunStatus, Suppressed, Verdict};

/// Judges a change with the guards of `only`; with all of them when it is empty.
pub fn evaluate(change: &ChangeSet, context: &Context, policy: &Policy, only: &[Guard]) -> Verdict {
    let mut verdict = Verdict::default();
    for guard in Guard::ALL.into_iter().filter(|guard| only.is_empty() || only.contains(guard)) {
        // One guard's defect must not take the others' findings with it, and must not look like a pass.
        let judged = catch_unwind(AssertUnwindSafe(|| judge(guard, change, context, policy)));
        let judged = judged.unwrap_or_else(|_| Judged::from(RunStatus::Broken(DEFECT.into())));
        for finding in judged.findings {
            settle(finding, context, policy, &mut verdict);
        }
        let let_off = judged.let_off.into_iter();
        verdict.suppressed.extend(let_off.map(|(finding, reason)| Suppressed { finding, reason }));
        verdict.labels.extend(judged.label);
        verdict.runs.push(GuardRun { guard, status: judged.status });
    }
    verdict.sort();
    verdict
}

const DEFECT: &str = "the guard stopped in the middle: this is a defect of mainguard, please report it";

/// What one guard came to.
struct Judged {
    status: RunStatus,
    findings: Vec<Finding>,
    /// What the guard itself sets aside, with the reason.
    let_off: Vec<(Finding, String)>,
    label: Option<OwnedLabel>,
}

impl From<RunStatus> for Judged {
    fn from(status: RunStatus) -> Judged {
        Judged { status, findings: Vec::new(), let_off: Vec::new(), label: None }
    }
}

/// The one place that knows which facts each guard takes.
/// What a report says about the lines that the change added, in percent: a description that claims another figure is
/// contradicted by it.
fn measured_coverage(change: &ChangeSet, context: &Context, policy: &Policy) -> Option<f64> {
    let config = &policy.config.coverage;
    match &context.measured {
        Loaded::Present(facts) if config.enabled => {
            coverage::check(&change.files, facts, config).ok()?.measured.changed.percent()
        }
        _ => None,
    }
}

fn judge(guard: Guard, change: &ChangeSet, context: &Context, policy: &Policy) -> Judged {
    let pull_request = context.pull_request.present();
    match guard {
        Guard::Critic if !policy.config.critic.enabled => disabled(),
        Guard::Critic => match &context.pull_request {
            Loaded::Absent(why) => RunStatus::Skipped(why.clone()).into(),
            Loaded::Failed(why) => RunStatus::Broken(why.clone()).into(),
            Loaded::Present(pull_request) => {
                let measured = measured_coverage(change, context, policy);
                let known = context.coverage.or(measured);
                let (judgement, mut findings) = critic::check(pull_request, change, known, &policy.critic);
                if context.coverage.is_none() && measured.is_some() {
                    // The coverage guard says it, with the lines.
                    findings.retain(|finding| !finding.rule.as_str().starts_with("critic/coverage-below-"));
                }
                Judged { findings, ..RunStatus::Ran(Facts::Critic(judgement)).into() }
            }
        },
        Guard::Size if !policy.config.size.enabled => disabled(),
        Guard::Size => {
            let (measured, findings, label) =
                size::check(&change.files, pull_request, &policy.attributes, &policy.size);
            Judged { findings, label: Some(label), ..RunStatus::Ran(Facts::Size(measured)).into() }
        }
        Guard::Contracts if !policy.config.contracts.enabled => disabled(),
        Guard::Contracts => match &context.contracts {
            Loaded::Absent(why) => RunStatus::Skipped(why.clone()).into(),
            Loaded::Failed(why) => RunStatus::Broken(why.clone()).into(),
            Loaded::Present(observed) => {
                let today = context.now.date_naive();
                let asked = match pull_request {
                    Some(pull_request) => contracts::Asked::On(pull_request),
                    None if context.decided_elsewhere => contracts::Asked::Elsewhere,
                    None => contracts::Asked::Nobody,
                };
                let found = contracts::check(observed, &change.files, asked, &policy.contracts, today);
                let (findings, let_off) = (found.findings, found.let_off);
                Judged { findings, let_off, ..RunStatus::Ran(Facts::Contracts(Box::new(found.document))).into() }
            }
        },
        Guard::Secrets => match (&policy.secrets, &context.additions) {
            (None, _) => disabled(),
            (Some(_), Loaded::Absent(why)) => RunStatus::Skipped(why.clone()).into(),
            (Some(_), Loaded::Failed(why)) => RunStatus::Broken(why.clone()).into(),
            (Some(rules), Loaded::Present(additions)) => {
                let found = secrets::check(additions, &change.files, rules, context.now);
                let (findings, let_off) = (found.findings, found.let_off);
                let status = match found.unusable.is_empty() {
                    true => RunStatus::Ran(Facts::Secrets(found.scanned)),
                    false => RunStatus::Broken(format!(
                        "the patterns of these rules are too large to be used: {}",
                        found.unusable.join(", ")
                    )),
                };
                Judged { findings, let_off, ..status.into() }
            }
        },
        Guard::Dependencies => match &context.dependencies {
            _ if policy.config.dependencies.enabled == Some(false) => disabled(),
            Loaded::Absent(why) => RunStatus::Skipped(why.clone()).into(),
            Loaded::Failed(why) => RunStatus::Broken(why.clone()).into(),
            Loaded::Present(snapshot) => match dependencies::check(snapshot, &policy.dependencies, context.now) {
                Err(dependencies::Missing::Skipped(why)) => RunStatus::Skipped(why).into(),
                Err(dependencies::Missing::Broken(why)) => RunStatus::Broken(why).into(),
                Ok(judged) => {
                    let (findings, let_off) = (judged.findings, judged.let_off);
                    let status = match judged.incomplete {
                        None => RunStatus::Ran(Facts::Dependencies(judged.checked)),
                        Some(why) => RunStatus::Broken(why),
                    };
                    Judged { findings, let_off, ..status.into() }
                }
            },
        },
        Guard::Sast => match &context.sast {
            Loaded::Present(None) => disabled(),
            Loaded::Absent(why) => RunStatus::Skipped(why.clone()).into(),
            Loaded::Failed(why) => RunStatus::Broken(why.clone()).into(),
            Loaded::Present(Some(rules)) => {
                let found = sast::check(&change.files, rules, context.threads);
                Judged { findings: found.findings, let_off: found.let_off, ..RunStatus::Ran(Facts::None).into() }
            }
        },
        Guard::Coverage if !policy.config.coverage.enabled => disabled(),
        Guard::Coverage => match &context.measured {
            Loaded::Absent(why) => RunStatus::Skipped(why.clone()).into(),
            Loaded::Failed(why) => RunStatus::Broken(why.clone()).into(),
            Loaded::Present(facts) => match coverage::check(&change.files, facts, &policy.config.coverage) {
                Err(why) => RunStatus::Broken(why).into(),
                Ok(judged) => {
                    Judged { findings: judged.findings, ..RunStatus::Ran(Facts::Coverage(judged.measured)).into() }
                }
            },
        },
        Guard::Policy => {
            let findings = policy::check(change, policy);
            Judged { findings, ..RunStatus::Ran(Facts::None).into() }
        }
    }
}

fn disabled() -> Judged {
    RunStatus::Skipped("turned off in the policy".into()).into()
}

/// A finding counts, counts differently, or is set aside with the reason. The level decides before the ignores, so that
/// a rule that is off needs no reason.
fn settle(mut finding: Finding, context: &Context, policy: &Policy, verdict: &mut Verdict) {
    let Some(level) = policy.level_of(&finding.rule, finding.level) else {
        verdict.suppressed.push(Suppressed { finding, reason: "its rule is off in the policy".into() });
        return;
    };
    // A draft's findings were lowered by the guard; the policy may raise a rule, not make a draft block.
    let draft = context.pull_request.present().is_some_and(|pull_request| pull_request.draft);
    finding.level =
        if draft && finding.rule.guard() == Guard::Critic.name() { level.max(finding.level) } else { level };
    match policy.reason_to_ignore(&finding, context.now.date_naive()) {
        Some(reason) => verdict.suppressed.push(Suppressed { finding, reason }),
        None => verdict.findings.push(finding),
    }
}
