//! The decision: every guard over one change, composed into one verdict. Pure.

use crate::change::ChangeSet;
use crate::context::Context;
use crate::guards::{Guard, critic, size};
use crate::policy::{self, Policy};
use crate::verdict::{Facts, GuardRun, RunStatus, Verdict};

/// Judges a change.
pub fn evaluate(change: &ChangeSet, context: &Context, policy: &Policy) -> Verdict {
    let mut verdict = Verdict::default();
    for guard in Guard::ALL {
        let status = run(guard, change, context, policy, &mut verdict);
        verdict.runs.push(GuardRun { guard, status });
    }
    verdict.sort();
    verdict
}

fn run(guard: Guard, change: &ChangeSet, context: &Context, policy: &Policy, verdict: &mut Verdict) -> RunStatus {
    match guard {
        Guard::Size => {
            let pull_request = context.pull_request.as_ref();
            let (measured, findings, label) =
                size::check(&change.files, pull_request, &policy.attributes, &policy.size);
            verdict.findings.extend(findings);
            verdict.labels.push(label);
            RunStatus::Ran(Facts::Size(measured))
        }
        Guard::Critic => {
            let Some(pull_request) = &context.pull_request else {
                return RunStatus::Skipped("no pull request".into());
            };
            let (judgement, findings) = critic::check(pull_request, change, context.coverage, &policy.critic);
            verdict.findings.extend(findings);
            RunStatus::Ran(Facts::Critic(judgement))
        }
        Guard::Policy => {
            verdict.findings.extend(policy::check(change));
            RunStatus::Ran(Facts::None)
        }
    }
}
