//! `mainguard check`: gather, evaluate, print, publish.

#![expect(clippy::disallowed_methods, reason = "writes the report files that flags and the runner name")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use mainguard::delivery::touched::Touched;
use mainguard::evaluate::evaluate;
use mainguard::finding::Level;
use mainguard::git::Repository;
use mainguard::github::payload::Event;
use mainguard::github::workflow_files;
use mainguard::guards::Guard;
use mainguard::report::{self, Format, Options, Report};
use mainguard::verdict::{Outcome, Verdict};

use crate::args::{CheckArgs, Judging, Printing};
use crate::console::{Console, Hinted};
use crate::environment::{Actions, Environment};
use crate::gather::{self, Ends, Gathered};
use crate::observe;
use crate::publish;
use crate::telemetry::{self, Outlet};

pub(crate) fn run(args: &CheckArgs, repo: &Path, environment: &Environment, console: &Console) -> anyhow::Result<u8> {
    telemetry::prepare(environment);
    let repository = Repository::discover(repo)?;
    let event = gather::event(environment)?;
    let ends = gather::ends(&args.selection, event.as_ref(), &repository, console)?;
    let head = ends.head.clone();
    let (verdict, report, judged) =
        judge_whole(&repository, ends, event.as_ref(), &args.judging, environment, console)?;
    print(&report, &args.printing, console)?;
    let mut annotate = args.printing.format == Format::Text;
    if args.publishing.publish {
        let told = publish::publish(&verdict, &report, &head, event.as_ref(), &args.publishing, environment, console)?;
        annotate &= !told;
    }
    if let Some(actions) = &environment.actions {
        if annotate {
            console.answer(&report::render(Format::Annotations, &report, &Options::default()))?;
        }
        tell_runner(&report, &args.printing, actions, console);
    }
    if Outlet::speaks(environment) && args.judging.only.is_empty() {
        let touched = match judged.context.contracts.present() {
            Some(observed) => Some(Touched::of(&observed.comparison)),
            // The guard is off: what it would have seen is known all the same.
            None => {
                let today = environment.now.date_naive();
                observe::comparison(&repository, &judged.change, &judged.policy.contracts, today)
                    .map(|comparison| Touched::of(&comparison))
            }
        };
        let told = telemetry::verdict(&report, &judged.change, touched, environment, |level| level == Level::Error);
        let outlet = Outlet::of(environment, judged.policy.config.delivery, console);
        outlet.deliver(told.as_slice(), environment, console);
    }
    Ok(verdict.outcome().exit_code())
}

/// `check` with one guard.
pub(crate) fn only(
    guard: Guard,
    mut args: CheckArgs,
    repo: &Path,
    environment: &Environment,
    console: &Console,
) -> anyhow::Result<u8> {
    args.judging.only = vec![guard];
    run(&args, repo, environment, console)
}

/// Gathers and evaluates; the same for every place that mainguard runs in.
pub(crate) fn judge(
    repository: &Repository,
    ends: Ends,
    event: Option<&Event>,
    judging: &Judging,
    environment: &Environment,
    console: &Console,
) -> anyhow::Result<(Verdict, Report)> {
    judge_whole(repository, ends, event, judging, environment, console).map(|(verdict, report, _)| (verdict, report))
}

/// The same, with what it was judged from.
fn judge_whole(
    repository: &Repository,
    ends: Ends,
    event: Option<&Event>,
    judging: &Judging,
    environment: &Environment,
    console: &Console,
) -> anyhow::Result<(Verdict, Report, Gathered)> {
    let gathered = gather::gather(repository, ends, event, judging, environment, console)?;
    let verdict = evaluate(&gathered.change, &gathered.context, &gathered.policy, &judging.only);
    let report = Report::of(&verdict, &gathered.subject);
    Ok((verdict, report, gathered))
}

/// The report on stdout, and the other forms in the files that were asked for.
pub(crate) fn print(report: &Report, printing: &Printing, console: &Console) -> anyhow::Result<()> {
    write_files(report, printing)?;
    let defaults = Options::default();
    let options = Options { color: console.color, width: console.columns.unwrap_or(defaults.width), ..defaults };
    console.answer(&report::render(printing.format, report, &options))?;
    Ok(())
}

/// The reports that were asked for beside the answer.
pub(crate) fn write_files(report: &Report, printing: &Printing) -> anyhow::Result<()> {
    for (format, path) in printing.files() {
        let text = report::render(*format, report, &Options::default());
        write_report(path, &text).map_err(|error| {
            let hint = "the folder must exist and be writable";
            Hinted::error(format!("could not write the {format} report {}: {error}", path.display()), hint)
        })?;
    }
    Ok(())
}

fn write_report(path: &PathBuf, text: &str) -> std::io::Result<()> {
    match path.as_os_str() == "-" {
        true => std::io::stdout().lock().write_all(text.as_bytes()),
        false => fs::write(path, text),
    }
}

/// The step summary and the outputs of the step. Neither changes the verdict.
fn tell_runner(report: &Report, printing: &Printing, actions: &Actions, console: &Console) {
    if let Some(path) = &actions.step_summary {
        let markdown = report::markdown::render(report, report::markdown::SUMMARY_BYTES);
        let summary = workflow_files::step_summary(&markdown);
        append(path, &summary).unwrap_or_else(|error| console.warn(&format!("no step summary: {error}")));
    }
    if let Some(path) = &actions.output {
        let text = outputs(report, printing);
        append(path, &text).unwrap_or_else(|error| console.warn(&format!("no outputs: {error}")));
    }
}

fn outputs(report: &Report, printing: &Printing) -> String {
    let outcome = match report.outcome {
        Outcome::Pass => "pass",
        Outcome::Blocked => "blocked",
        Outcome::Broken => "broken",
    };
    let size = report.size.as_ref().map(|size| size.size.as_str()).unwrap_or_default();
    let [errors, warnings] = [Level::Error, Level::Warning].map(|level| report.count(level).to_string());
    let findings = report.findings.len().to_string();
    let mut pairs = vec![
        ("outcome", outcome),
        ("size", size),
        ("errors", errors.as_str()),
        ("warnings", warnings.as_str()),
        ("findings", findings.as_str()),
    ];
    let file = |wanted: Format| {
        let found = printing.files().find(|(format, _)| *format == wanted);
        found.map(|(_, path)| path.to_string_lossy().into_owned())
    };
    let (sarif, json) = (file(Format::Sarif), file(Format::Json));
    pairs.extend(sarif.as_deref().map(|path| ("sarif", path)));
    pairs.extend(json.as_deref().map(|path| ("json", path)));
    workflow_files::outputs(&pairs)
}

/// Adds to a file of the runner.
pub(crate) fn append(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path);
    let file = file.as_mut().map_err(|error| anyhow::anyhow!("{error}"))?;
    file.write_all(text.as_bytes()).with_context(|| format!("could not write {}", path.display()))
}
