//! Makes GitHub match the verdict: one comment, the owned labels, a check run. Never changes the exit code: a token
//! that may not write (a pull request from a fork) must not turn a verdict around.

use mainguard::change::{CommitId, Head};
use mainguard::finding::Level;
use mainguard::github::checks::{CheckRun, Conclusion};
use mainguard::github::client::{Client, Mode, Patience};
use mainguard::github::comments::Create;
use mainguard::github::payload::Event;
use mainguard::github::publish::{self, Desired, Failure, Options, Published};
use mainguard::github::{Repository, comments};
use mainguard::label::OwnedLabel;
use mainguard::report::{self, Report, annotations, markdown};
use mainguard::verdict::{Outcome, Verdict};

use crate::args::Publishing;
use crate::console::{Console, Hinted};
use crate::environment::Environment;

/// Publishes. True when the findings stand beside the code on GitHub now.
pub(crate) fn publish(
    verdict: &Verdict,
    report: &Report,
    head: &Head,
    event: Option<&Event>,
    publishing: &Publishing,
    environment: &Environment,
    console: &Console,
) -> anyhow::Result<bool> {
    let Head::Commit(head) = head else {
        return Err(Hinted::error(
            "what is not committed cannot be published",
            "leave --publish out, or name a commit",
        ));
    };
    let named = environment.actions.as_ref().and_then(|actions| Repository::parse(actions.repository.as_deref()?));
    let Some(repository) = event.and_then(|event| event.repository.clone()).or(named) else {
        return Err(Hinted::error(
            "it is not known to which repository on GitHub the verdict belongs",
            "--publish works in a workflow run, where GITHUB_REPOSITORY and GITHUB_EVENT_PATH say so",
        ));
    };
    if environment.token.is_none() && !publishing.dry_run {
        console.notice("nothing was published: there is no token (set GITHUB_TOKEN, or `github-token` of the action)");
        return Ok(false);
    }
    let mode = if publishing.dry_run { Mode::DryRun } else { Mode::Live };
    let client = Client::new(&environment.api_url, environment.token.as_ref(), mode, Patience::default())?;
    let options = Options { key: publishing.key.clone(), ..Options::default() };
    let pull_request = event.and_then(|event| event.pull_number);
    let desired = desired(report, head, pull_request, verdict.labels.clone(), &options);
    let published = publish::publish(&client, &repository, &desired, &options);
    for request in client.planned() {
        console.answer(&format!("{request}\n"))?;
    }
    tell(&published, console);
    let failed = published.failures().any(|(part, _)| part.contains("check"));
    Ok(!publishing.dry_run && !failed)
}

/// Says what became of each part. What could not be published is a notice and no more.
pub(crate) fn tell(published: &Published, console: &Console) {
    for line in published.to_string().lines() {
        console.note(line);
    }
    if published.is_complete() {
        return;
    }
    console.warn("not everything could be published; the verdict is the same");
    for (part, failure) in published.failures() {
        let hint = match failure {
            Failure::GitHub(error) => error.hint(),
            Failure::TooLong(_) | Failure::TooManyComments | Failure::NotTried => None,
        };
        let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
        console.notice(&format!("{part}: not published: {failure}{hint}"));
    }
}

/// What GitHub should show of a report.
pub(crate) fn desired(
    report: &Report,
    head: &CommitId,
    pull_request: Option<u64>,
    labels: Vec<OwnedLabel>,
    options: &Options,
) -> Desired {
    let budget = markdown::COMMENT_BYTES.min(comments::room(&options.key));
    // A comment that only says that all is well is noise; one that is there already is brought up to date.
    let quiet = report.outcome == Outcome::Pass && report.count(Level::Warning) == 0;
    Desired {
        pull_request,
        head: head.clone(),
        comment: Some(markdown::render(report, budget)),
        create_comment: if quiet { Create::Never } else { Create::Always },
        labels,
        check: Some(CheckRun {
            name: check_name(&options.key),
            title: report::in_words(report),
            summary: markdown::render(report, budget),
            conclusion: conclusion(report.outcome),
            annotations: annotations::check_run_annotations(report),
        }),
    }
}

/// `mainguard`, and for what runs beside it `mainguard/size`.
fn check_name(key: &str) -> String {
    match key {
        "check" => "mainguard".into(),
        key => format!("mainguard/{key}"),
    }
}

/// A verdict that could not be reached is not green, and grey would count as green.
fn conclusion(outcome: Outcome) -> Conclusion {
    match outcome {
        Outcome::Pass => Conclusion::Success,
        Outcome::Blocked | Outcome::Broken => Conclusion::Failure,
    }
}
