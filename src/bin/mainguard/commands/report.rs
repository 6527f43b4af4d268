//! `mainguard report`: prints a report that was written elsewhere, and publishes it with rights that its writer lacked.
//!
//! It is the second half of a pair of workflows. The first judges a pull request from a fork without any rights and
//! leaves `report.json` as an artifact; the second, started by `workflow_run` with the base's own workflow file, may
//! write. Everything in the artifact is the fork's word. So it says nothing about *where* it is published: the pull
//! request is looked up from the commit that GitHub says the run was for, and a report of another commit is refused.
//! Markdown is made here, from the document's fields. The label comes from our own policy. A check run is made only
//! when it is asked for: whoever can change the fork's workflow can write any verdict into the file.

#![expect(clippy::disallowed_methods, reason = "reads the report")]

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::builder::FalseyValueParser;
use clap::{Args, ValueHint};
use mainguard::change::CommitId;
use mainguard::config;
use mainguard::git;
use mainguard::github::client::{Client, Mode, Patience};
use mainguard::github::payload::Event;
use mainguard::github::publish::{self, Options};
use mainguard::github::{Repository, pulls};
use mainguard::guards::size::{self, SizeLabel};
use mainguard::label::OwnedLabel;
use mainguard::policy::Policy;
use mainguard::report::{Report, json};

use crate::args::{Printing, Publishing};
use crate::commands::check;
use crate::console::{Console, Hinted};
use crate::environment::Environment;
use crate::gather;

/// The artifact's file, where the argument names a folder.
const FILE: &str = "report.json";
/// The largest report that is read. A verdict over thousands of findings stays far below.
const MOST_BYTES: u64 = 8 << 20;

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The JSON report, or the folder that holds it as `report.json`
    #[arg(env = "MAINGUARD_REPORT", default_value = FILE, value_hint = ValueHint::AnyPath)]
    report: PathBuf,
    #[command(flatten)]
    printing: Printing,
    #[command(flatten)]
    publishing: Publishing,
    /// With --publish: also a check run. Its verdict is the report's, which a fork's author can forge
    #[arg(long, env = "MAINGUARD_CHECK_RUN", value_parser = FalseyValueParser::new(), help_heading = "GitHub")]
    check_run: bool,
}

pub(crate) fn run(args: &ReportArgs, repo: &Path, environment: &Environment, console: &Console) -> anyhow::Result<u8> {
    let text = read(&args.report)?;
    let mut report = json::read(&text)?;
    if args.publishing.publish {
        let event = gather::event(environment)?;
        let place = place(&report, event.as_ref(), args, environment, console)?;
        // Links lead where the run was, whatever the document says.
        let actions = environment.actions.as_ref();
        report.subject.server_url = actions.map(|actions| actions.server_url.trim_end_matches('/').to_string());
        if let Some((client, repository, number, head)) = place {
            report.subject.repository = Some(repository.to_string());
            report.subject.pull_request = Some(number);
            check::print(&report, &args.printing, console)?;
            let options = Options { key: args.publishing.key.clone(), ..Options::default() };
            let labels = label(&report, repo)?.into_iter().collect();
            let mut desired = crate::publish::desired(&report, &head, Some(number), labels, &options);
            if !args.check_run {
                desired.check = None;
            }
            let published = publish::publish(&client, &repository, &desired, &options);
            for request in client.planned() {
                console.answer(&format!("{request}\n"))?;
            }
            crate::publish::tell(&published, console);
            return Ok(0);
        }
    }
    check::print(&report, &args.printing, console)?;
    Ok(0)
}

/// The file's text: a plain file, bounded, and no link on the way to it from the folder that was named.
fn read(path: &Path) -> anyhow::Result<String> {
    let failed = || format!("could not read the report {}", path.display());
    let mut file = path.to_path_buf();
    if fs::symlink_metadata(&file).with_context(failed)?.is_dir() {
        file = file.join(FILE);
    }
    let metadata = fs::symlink_metadata(&file).with_context(failed)?;
    if !metadata.is_file() {
        return Err(Hinted::error(
            format!("the report {} is not a plain file", file.display()),
            "an artifact that holds a link is not followed",
        ));
    }
    let mut bytes = Vec::new();
    fs::File::open(&file).with_context(failed)?.take(MOST_BYTES + 1).read_to_end(&mut bytes).with_context(failed)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Hinted::error(
            format!("the report {} is larger than 8 MiB", file.display()),
            "this is not what `mainguard check --output json=report.json` writes",
        ));
    }
    String::from_utf8(bytes).map_err(|_| Hinted::error("the report is not UTF-8", "write it with `mainguard check`"))
}

type Place = (Client, Repository, u64, CommitId);

/// Where the report belongs; `None`, with the reason said, when there is nothing to publish to.
fn place(
    report: &Report,
    event: Option<&Event>,
    args: &ReportArgs,
    environment: &Environment,
    console: &Console,
) -> anyhow::Result<Option<Place>> {
    let refuse = |message: String, hint: &str| Err(Hinted::error(message, hint));
    let (Some(event), Some(run)) = (event, event.and_then(|event| event.run.as_ref())) else {
        return refuse(
            "a report is published from a workflow that `workflow_run` started".into(),
            "see examples/workflows/fork-publish.yml; without --publish the report is only printed",
        );
    };
    let (Some(repository), Some(head)) = (&event.repository, &event.head) else {
        return refuse("the event names no repository and commit".into(), "GITHUB_EVENT_PATH must be the runner's");
    };
    if !matches!(run.event.as_str(), "pull_request" | "pull_request_target") {
        console.note("the run was not for a pull request: nothing is published");
        return Ok(None);
    }
    let judged = report.subject.head.commit.as_deref().unwrap_or("no commit");
    if judged != head.as_str() {
        return refuse(
            format!(
                "the report is about {}, and the run was for {head}: refused",
                mainguard::text::visible(judged).chars().take(64).collect::<String>()
            ),
            "the artifact is not from this run, or it was forged; nothing was published",
        );
    }
    if environment.token.is_none() && !args.publishing.dry_run {
        console.notice("nothing was published: there is no token (set GITHUB_TOKEN, or `github-token` of the action)");
        return Ok(None);
    }
    let mode = if args.publishing.dry_run { Mode::DryRun } else { Mode::Live };
    let client = Client::new(&environment.api_url, environment.token.as_ref(), mode, Patience::default())?;
    let found = pulls::at_head(&client, repository, run.head_repository.as_ref(), run.head_branch.as_deref(), head)?;
    let numbers: Vec<u64> = found.iter().map(|pull| pull.pull_request.number).collect();
    // Among those that GitHub names, and only among them, the report may choose.
    let number = match numbers.as_slice() {
        [only] => *only,
        [] => {
            console.notice(&format!(
                "nothing was published: no open pull request stands at {head}; a newer push has a run of its own"
            ));
            return Ok(None);
        }
        several => match report.subject.pull_request.filter(|number| several.contains(number)) {
            Some(number) => number,
            None => {
                return refuse(
                    format!("{} open pull requests stand at {head}, and the report is about none", several.len()),
                    "close all but one of them",
                );
            }
        },
    };
    Ok(Some((client, repository.clone(), number, head.clone())))
}

/// The size's label as our policy names it: of the report only the letters count.
fn label(report: &Report, repo: &Path) -> anyhow::Result<Option<OwnedLabel>> {
    let Some(size) = &report.size else { return Ok(None) };
    let Some(size) = SizeLabel::ALL.into_iter().find(|known| known.letters() == size.size) else { return Ok(None) };
    // The commit that is checked out, not the files: the artifact may have been unpacked among them.
    let rules = match git::Repository::discover(repo).ok().and_then(|here| Some((here.head().ok()??, here))) {
        Some((head, here)) => Policy::resolve(None, Some(&head), [], |path| here.read_at(&head, path))?.size,
        None => size::Rules::compile(&config::Config::default().size)
            .map_err(|(key, message)| anyhow::anyhow!("{key}: {message}"))?,
    };
    Ok(Some(rules.owned_label(size)))
}
