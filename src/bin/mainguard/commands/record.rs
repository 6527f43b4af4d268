//! `mainguard record`: tells what happened. Read from the event's payload and the workflow's variables; flags say what
//! they cannot. Whatever goes wrong is said in a line: the exit code is 0, because telemetry never fails a build.

#![expect(clippy::disallowed_methods, reason = "reads reports and lists of events that flags name")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use mainguard::delivery::event::{Run, Tests};
use mainguard::delivery::outbox::Outbox;
use mainguard::delivery::sinks::{Destination, Request};
use mainguard::delivery::sources::github::{self as github_source, Surroundings};
use mainguard::delivery::sources::junit;
use mainguard::delivery::touched::Touched;
use mainguard::delivery::{Config, DeliveryEvent, EventKind, Subject, cost};
use mainguard::git::{Limits, Repository};
use mainguard::github::client::{Client, Mode, Patience};
use mainguard::guards::size::{self, SizeLabel};
use mainguard::policy::Policy;
use serde_json::Value;

use crate::console::Console;
use crate::environment::Environment;
use crate::telemetry::{self, Outlet};
use crate::{gather, observe};

pub(crate) const EXAMPLES: &str = "\
Examples:
  mainguard record event                     whatever the payload of this workflow says
  mainguard record ci --started              at the beginning of a job
  mainguard record ci --failed --junit 'out/*.xml'
  mainguard record deployed --environment production --service payments
  mainguard record incident opened --key PAY-3 --title 'Refunds fail'
  mainguard record ci --passed --dry-run     print each sink's exact request
  mainguard record status                    what is kept and why
  mainguard record resend                    send what is kept

Where events go is said by POSTHOG_API_KEY (and POSTHOG_HOST), SLACK_WEBHOOK_URL, MAINGUARD_CDEVENTS_URL,
OTEL_EXPORTER_OTLP_ENDPOINT and MAINGUARD_DATABASE_URL. What could not be sent is kept in MAINGUARD_OUTBOX.

Exit code: 0, also when nothing could be sent. 2 when the command itself is wrong.";

#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    about: About,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Sending")]
struct How {
    /// Print each sink's exact request and send nothing; keys are shown as stars
    #[arg(long, global = true, env = "MAINGUARD_DRY_RUN", value_parser = clap::builder::FalseyValueParser::new())]
    dry_run: bool,
    /// Write the events down and send nothing now
    #[arg(long, global = true, env = "MAINGUARD_KEEP", value_parser = clap::builder::FalseyValueParser::new())]
    keep: bool,
    /// The folder in which events wait [default: below RUNNER_TEMP]
    #[arg(long, global = true, env = "MAINGUARD_OUTBOX", value_name = "DIR")]
    outbox: Option<PathBuf>,
    /// How long all sinks together may hold up the job, in seconds [default: 2; resend: 60]
    #[arg(long, global = true, env = "MAINGUARD_DELIVERY_BUDGET", value_name = "SECONDS", value_parser = parse_seconds)]
    budget: Option<Duration>,
    /// Read the configuration from this file instead of from the working tree
    #[arg(long, global = true, env = "MAINGUARD_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What the payload would say.
#[derive(Debug, Args)]
#[command(next_help_heading = "The event")]
struct About {
    /// owner/name
    #[arg(long, global = true, env = "MAINGUARD_REPOSITORY", value_name = "NAME")]
    repository: Option<String>,
    /// The pull request
    #[arg(long, global = true, value_name = "NUMBER")]
    pr: Option<u64>,
    /// The commit
    #[arg(long, global = true, value_name = "SHA")]
    sha: Option<String>,
    /// The branch of the change
    #[arg(long, global = true, value_name = "NAME")]
    branch: Option<String>,
    /// Who did it
    #[arg(long, global = true, value_name = "LOGIN")]
    actor: Option<String>,
    /// When it happened (RFC 3339) [default: the payload's own time, never now]
    #[arg(long, global = true, value_name = "TIME")]
    at: Option<DateTime<Utc>>,
    /// Which time, from 1 [default: GITHUB_RUN_ATTEMPT]
    #[arg(long, global = true, value_name = "NUMBER")]
    attempt: Option<u32>,
    /// The size's letters [default: measured, as the size guard does]
    #[arg(long, global = true, value_name = "SIZE", value_parser = parse_size)]
    size: Option<SizeLabel>,
    /// Whether the change touches contracts [default: looked up in the change]
    #[arg(long, global = true, value_name = "BOOL")]
    contracts_touched: Option<bool>,
    /// Whether the change touches routes [default: looked up in the change]
    #[arg(long, global = true, value_name = "BOOL")]
    endpoints_touched: Option<bool>,
    /// Where to look
    #[arg(long, global = true, value_name = "URL")]
    url: Option<String>,
    /// Why, or a title
    #[arg(long, global = true, value_name = "TEXT")]
    title: Option<String>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Whatever the payload of this workflow says; nothing when it says nothing
    Event,
    /// A pull request was opened
    Opened,
    /// A pull request was approved
    Approval,
    /// A pull request was merged
    Merged,
    /// A pull request was closed without a merge
    Closed,
    /// A run of CI: started, passed or failed
    Ci(Ci),
    /// A deployment succeeded
    Deployed(Deployment),
    /// A deployment was rolled back
    RolledBack(Deployment),
    /// A deployment failed
    DeployFailed(Deployment),
    /// An incident was opened or resolved
    Incident {
        /// Which of the two
        #[arg(value_parser = ["opened", "resolved"])]
        state: String,
        /// What tells it from other incidents
        #[arg(long, value_name = "KEY")]
        key: String,
        #[command(flatten)]
        place: Deployment,
    },
    /// Events as JSON, one a line, as the outbox holds them; `-` reads stdin
    Events {
        /// The file
        file: PathBuf,
    },
    /// Send what is kept
    Resend {
        /// The folder of another job [default: the outbox]
        dir: Option<PathBuf>,
        /// Also try again what was set aside
        #[arg(long)]
        dead: bool,
    },
    /// Say what is kept
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct Ci {
    /// It started
    #[arg(long, conflicts_with_all = ["passed", "failed"])]
    started: bool,
    /// It passed
    #[arg(long, conflicts_with = "failed")]
    passed: bool,
    /// It failed
    #[arg(long)]
    failed: bool,
    /// A JUnit report; may be given several times, and `*` stands for a part of the file's name
    #[arg(long, value_name = "FILE")]
    junit: Vec<PathBuf>,
    /// When it started (RFC 3339) [default: GitHub is asked]
    #[arg(long, value_name = "TIME")]
    started_at: Option<DateTime<Utc>>,
    /// When it ended (RFC 3339) [default: GitHub is asked]
    #[arg(long, value_name = "TIME")]
    finished_at: Option<DateTime<Utc>>,
    /// The run's number [default: GITHUB_RUN_ID]
    #[arg(long, value_name = "NUMBER")]
    run_id: Option<u64>,
    /// The pipeline's name [default: GITHUB_WORKFLOW]
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
}

#[derive(Debug, Args)]
struct Deployment {
    /// Where
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// What
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// The artifact, as a package URL
    #[arg(long, value_name = "PURL")]
    artifact: Option<String>,
    /// What tells this deployment from others [default: the payload's, else environment and service]
    #[arg(long, value_name = "ID")]
    id: Option<String>,
}

/// Never an error: a line, and the exit code 0.
pub(crate) fn run(args: &RecordArgs, repo: &Path, environment: &Environment, console: &Console) -> u8 {
    telemetry::prepare(environment);
    let config = config(args, repo, console);
    let mut outlet = Outlet::of(environment, config, console);
    if let Some(outbox) = &args.how.outbox {
        outlet.outbox.clone_from(outbox);
    }
    if let Some(budget) = args.how.budget {
        outlet.budget = budget;
    }
    if args.how.keep {
        outlet.budget = Duration::ZERO;
    }
    match &args.what {
        What::Status { json } => status(&outlet, *json, console),
        What::Resend { dir, dead } => {
            if args.how.budget.is_none() {
                outlet.budget = Duration::from_secs(60);
            }
            if let Some(dir) = dir {
                outlet.outbox.clone_from(dir);
            }
            if *dead {
                let revived = Outbox::at(&outlet.outbox).revive(&telemetry::process_name(environment.now));
                revived.map(drop).unwrap_or_else(|error| console.warn(&error.to_string()));
            }
            outlet.deliver(&[], environment, console);
        }
        what => match events(what, args, repo, &outlet.setting.config, environment, console) {
            Ok(events) if args.how.dry_run => dry_run(&events, &outlet, console),
            Ok(events) if events.is_empty() => console.note("the payload says nothing that is recorded"),
            Ok(events) => outlet.deliver(&events, environment, console),
            Err(why) => console.warn(&format!("nothing was recorded: {why}")),
        },
    }
    0
}

/// The section `delivery` of the working tree. It holds no address and no key, so a pull request may have changed it.
fn config(args: &RecordArgs, repo: &Path, console: &Console) -> Config {
    let read = match &args.how.config {
        Some(file) => gather::read_config(file).map(|(config, _)| config),
        None => match Repository::discover(repo) {
            Ok(repository) => gather::working_policy(&repository).map(|policy| policy.config),
            Err(_) => return Config::default(),
        },
    };
    match read {
        Ok(config) => config.delivery,
        Err(error) => {
            console.warn(&format!("the configuration cannot be used, its defaults hold: {error:#}"));
            Config::default()
        }
    }
}

fn events(
    what: &What,
    args: &RecordArgs,
    repo: &Path,
    config: &Config,
    environment: &Environment,
    console: &Console,
) -> Result<Vec<DeliveryEvent>, String> {
    if let What::Events { file } = what {
        return read_events(file);
    }
    let around = telemetry::surroundings(environment);
    let wanted = match what {
        What::Event => None,
        What::Opened => Some(EventKind::PrOpened),
        What::Approval => Some(EventKind::Approval),
        What::Merged => Some(EventKind::PrMerged),
        What::Closed => Some(EventKind::PrClosed),
        What::Deployed(_) => Some(EventKind::Deployed),
        What::RolledBack(_) => Some(EventKind::RolledBack),
        What::DeployFailed(_) => Some(EventKind::DeployFailed),
        What::Incident { state, .. } if state == "opened" => Some(EventKind::IncidentOpened),
        What::Incident { .. } => Some(EventKind::IncidentResolved),
        What::Ci(ci) => match (ci.started, ci.passed, ci.failed) {
            (true, ..) => Some(EventKind::CiStarted),
            (_, true, _) => Some(EventKind::CiPassed),
            (.., true) => Some(EventKind::CiFailed),
            _ => None,
        },
        What::Events { .. } | What::Resend { .. } | What::Status { .. } => return Ok(Vec::new()),
    };
    let measured = measured(args, repo, environment, console);
    let name = environment.actions.as_ref().map(|actions| actions.event_name.as_str()).unwrap_or_default();
    let payload = telemetry::payload(environment).unwrap_or_default();
    let said = github_source::events(name, &payload, config);
    let named = said.into_iter().filter(|event| wanted.is_none_or(|kind| kind == event.kind));
    // Who names nothing beside it means the payload's own event, with its id and its time.
    let event = match (named.into_iter().next(), wanted) {
        (Some(event), _) => event,
        (None, None) => return Ok(Vec::new()),
        (None, Some(kind)) => made(kind, what, args, around, config, environment)?,
    };
    Ok(vec![completed(event, what, args, &measured, console)])
}

/// An event of which the payload does not speak: a step of a job says so.
fn made(
    kind: EventKind,
    what: &What,
    args: &RecordArgs,
    around: Surroundings,
    config: &Config,
    environment: &Environment,
) -> Result<DeliveryEvent, String> {
    let about = &args.about;
    let actions = environment.actions.as_ref();
    let repository = about.repository.clone().or(around.repository).ok_or("--repository OWNER/NAME is missing")?;
    let attempt = about.attempt.or_else(|| actions?.run_attempt).unwrap_or(1);
    let (mut facts, mut at) = (around.facts, about.at);
    let pull = |facts: &mainguard::delivery::Facts| about.pr.or(facts.pr).ok_or("--pr NUMBER is missing");
    let subject = match what {
        What::Ci(ci) => {
            let known = telemetry::this_run(environment);
            let id = ci.run_id.or(known.as_ref().map(|run| run.id)).ok_or("--run-id NUMBER is missing")?;
            let name = ci.workflow.clone().or(known.map(|run| run.name)).unwrap_or_default();
            let mut run = facts.run.take().filter(|run| run.id == id).unwrap_or(Run { id, name, ..Run::default() });
            ask_github(&mut run, &repository, attempt, environment);
            run.started_at = ci.started_at.or(run.started_at);
            run.finished_at = ci.finished_at.or(run.finished_at);
            if kind == EventKind::CiStarted {
                (run.finished_at, run.jobs) = (None, Vec::new());
                at = at.or(run.started_at);
            } else {
                at = at.or(run.finished_at);
                facts.ci_duration_s = run.started_at.zip(run.finished_at).map(|(from, to)| cost::seconds(from, to));
                facts.est_cost_usd =
                    cost::estimate(&run.jobs, &config.price_per_minute).filter(|_| !run.jobs.is_empty());
            }
            facts.run = Some(run);
            // The payload's link leads to the pull request.
            facts.url = None;
            Subject::run(id)
        }
        What::Deployed(place) | What::RolledBack(place) | What::DeployFailed(place) => {
            facts.run = telemetry::this_run(environment);
            let environment = place.environment.as_deref().unwrap_or_default();
            let known = format!("{environment}/{}", place.service.as_deref().unwrap_or_default());
            let run = facts.run.as_ref().map(|run| format!("{known}/{}", run.id));
            Subject::of("deployment", place.id.as_deref().unwrap_or(&run.unwrap_or(known)))
        }
        What::Incident { key, .. } => Subject::of("incident", key),
        _ => Subject::pull(pull(&facts)?),
    };
    facts.pr = about.pr.or(facts.pr);
    let at = at.or(around.at).ok_or("the time is not known, and now is not when it happened: --at TIME")?;
    if let Some(sha) = &about.sha {
        facts.sha.clone_from(sha);
    }
    Ok(DeliveryEvent::new(kind, &repository, subject, attempt, at, facts))
}

/// The flags' words and what was measured, over what the payload said. The id does not change by it.
fn completed(
    event: DeliveryEvent,
    what: &What,
    args: &RecordArgs,
    measured: &Measured,
    console: &Console,
) -> DeliveryEvent {
    let about = &args.about;
    let DeliveryEvent { kind, repository, subject, attempt, mut occurred_at, mut facts, .. } = event;
    facts.size = about.size.or(measured.size).or(facts.size);
    facts.contracts_touched = about.contracts_touched.or(measured.touched.map(|touched| touched.contracts));
    facts.endpoints_touched = about.endpoints_touched.or(measured.touched.map(|touched| touched.endpoints));
    facts.pr = about.pr.or(facts.pr);
    facts.branch = about.branch.clone().or(facts.branch);
    facts.actor = about.actor.clone().or(facts.actor);
    facts.url = about.url.clone().or(facts.url);
    facts.title = about.title.clone().or(facts.title);
    occurred_at = about.at.unwrap_or(occurred_at);
    let place = match what {
        What::Deployed(place) | What::RolledBack(place) | What::DeployFailed(place) => Some(place),
        What::Incident { place, .. } => Some(place),
        _ => None,
    };
    if let Some(place) = place {
        facts.environment = place.environment.clone().or(facts.environment);
        facts.service = place.service.clone().or(facts.service);
        facts.artifact = place.artifact.clone().or(facts.artifact);
    }
    if let What::Ci(ci) = what {
        facts.tests = tests(&ci.junit, console);
    }
    DeliveryEvent::new(kind, &repository, subject, attempt, occurred_at, facts)
}

/// What the change measures, where it is in this clone.
#[derive(Default)]
struct Measured {
    size: Option<SizeLabel>,
    touched: Option<Touched>,
}

fn measured(args: &RecordArgs, repo: &Path, environment: &Environment, console: &Console) -> Measured {
    let about = &args.about;
    if about.size.is_some() && about.contracts_touched.is_some() && about.endpoints_touched.is_some() {
        return Measured::default();
    }
    let Ok(Some(event)) = gather::event(environment) else { return Measured::default() };
    let measure = || -> anyhow::Result<Option<Measured>> {
        let (Some(base), Some(head)) = (&event.base, &event.head) else { return Ok(None) };
        let Ok(repository) = Repository::discover(repo) else { return Ok(None) };
        let (Ok(base), Ok(head)) = (repository.resolve(base.as_str()), repository.resolve(head.as_str())) else {
            return Ok(None);
        };
        let head = mainguard::change::Head::Commit(head);
        let change = repository.change_set(Some(&base), &head, &Limits::default())?;
        let paths = change.files.iter().map(|file| &file.path);
        let policy = Policy::resolve(None, Some(&base), paths, |path| repository.read_at(&base, path))?;
        let (measured, ..) = size::check(&change.files, None, &policy.attributes, &policy.size);
        let comparison = observe::comparison(&repository, &change, &policy.contracts, environment.now.date_naive());
        let touched = comparison.map(|comparison| Touched::of(&comparison));
        Ok(Some(Measured { size: Some(measured.size), touched }))
    };
    measure().map(Option::unwrap_or_default).unwrap_or_else(|error| {
        console.note(&format!("the change was not measured: {error:#}"));
        Measured::default()
    })
}

/// When the run started and what its jobs took, from GitHub, where there is a token and GitHub answers at once.
fn ask_github(run: &mut Run, repository: &str, attempt: u32, environment: &Environment) {
    let Some(token) = &environment.token else { return };
    let (Some(repository), patience) = (mainguard::github::Repository::parse(repository), brief()) else { return };
    let Ok(client) = Client::new(&environment.api_url, Some(token), Mode::Live, patience) else { return };
    let path = format!("/repos/{repository}/actions/runs/{}/attempts/{attempt}", run.id);
    if let Ok(said) = client.get::<Value>(&path) {
        let around = github_source::surroundings("workflow_run", &serde_json::json!({"workflow_run": said}));
        if let Some(told) = around.facts.run {
            run.started_at = told.started_at;
            run.name = if told.name.is_empty() { run.name.clone() } else { told.name };
        }
    }
    if let Ok(listed) = client.get::<Value>(&format!("{path}/jobs?per_page=100")) {
        run.jobs = github_source::jobs(&listed);
        // Our own job is still running; the run ends, as far as can be known now, with the last that has.
        run.finished_at = run.jobs.iter().filter_map(|job| job.finished_at).max().or(run.finished_at);
    }
}

fn brief() -> Patience {
    Patience {
        request_timeout: Duration::from_millis(700),
        total: Duration::from_millis(1_000),
        backoff: Vec::new(),
        ..Patience::default()
    }
}

/// The reports' cases, counted. A report that cannot be read is said and left out.
fn tests(files: &[PathBuf], console: &Console) -> Option<Tests> {
    let mut sum: Option<Tests> = None;
    for file in files.iter().flat_map(|pattern| matching(pattern)) {
        let shown = file.display().to_string();
        let read = gather::read_bounded(&file).map_err(|error| error.to_string());
        let counted =
            read.and_then(|bytes| junit::count(&String::from_utf8_lossy(&bytes)).map_err(|error| error.to_string()));
        match counted {
            Ok(tests) => {
                let so_far = sum.unwrap_or_default();
                sum = Some(Tests {
                    passed: so_far.passed + tests.passed,
                    failed: so_far.failed + tests.failed,
                    skipped: so_far.skipped + tests.skipped,
                });
            }
            Err(error) => console.warn(&format!("{shown} is not counted: {error}")),
        }
    }
    sum
}

/// The files that a pattern names: `*` in the last part stands for anything.
fn matching(pattern: &Path) -> Vec<PathBuf> {
    let name = pattern.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let Some((start, end)) = name.split_once('*') else { return vec![pattern.to_path_buf()] };
    let folder = pattern.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(10_000);
    let mut files: Vec<PathBuf> = entries
        .filter(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        })
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files
}

fn read_events(file: &Path) -> Result<Vec<DeliveryEvent>, String> {
    let bytes = gather::read_bounded(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let lines = bytes.split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    let read = lines.map(|(number, line)| {
        let event = serde_json::from_slice(line);
        event.map_err(|error| format!("{}:{}: this is no event: {error}", file.display(), number + 1))
    });
    read.collect()
}

fn dry_run(events: &[DeliveryEvent], outlet: &Outlet, console: &Console) {
    let events: Vec<&DeliveryEvent> = events.iter().collect();
    let mut text = String::new();
    for destination in &outlet.destinations {
        for request in destination.requests(&events, &outlet.setting) {
            text.push_str(&shown(destination, &request));
        }
    }
    if text.is_empty() {
        for event in &events {
            text.push_str(&format!("{:#}\n", serde_json::to_value(event).unwrap_or_default()));
        }
        console.note("no sink is configured: this is the event");
    }
    let _ = console.answer(&text);
}

fn shown(destination: &Destination, request: &Request) -> String {
    let mut text = format!("# {}\n{}", destination.name().title(), request.shown(destination));
    text.push('\n');
    text
}

fn status(outlet: &Outlet, json: bool, console: &Console) {
    let outbox = Outbox::at(&outlet.outbox);
    let status = match outbox.status() {
        Ok(status) => status,
        Err(error) => return console.warn(&error.to_string()),
    };
    if json {
        let value = serde_json::json!({"version": 1, "outbox": outlet.outbox.display().to_string(), "status": status});
        let _ = console.answer(&format!("{value:#}"));
        return;
    }
    let mut text = format!("{}: {}\n", outlet.outbox.display(), many(status.events, "event"));
    for (sink, owed) in &status.owed {
        text.push_str(&format!("  {}: {} to send\n", sink.title(), many(*owed, "event")));
    }
    for (sink, dead) in &status.dead {
        text.push_str(&format!("  {}: {} set aside\n", sink.title(), many(*dead, "event")));
    }
    for dead in outbox.dead().unwrap_or_default().iter().take(20) {
        let kind = dead.event.kind.name();
        text.push_str(&format!("    {} {kind} {}: {}\n", dead.sink.name(), dead.event.id, dead.answer));
    }
    if status.unreadable > 0 {
        text.push_str(&format!("  {} cannot be read\n", many(status.unreadable, "line")));
    }
    let _ = console.answer(&text);
}

fn many(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn parse_size(text: &str) -> Result<SizeLabel, String> {
    telemetry::size_label(text).ok_or_else(|| "a size is XS, S, M, L or XL".into())
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.trim().parse().map_err(|_| "write seconds, as in 2 or 0.5".to_string())?;
    match (0.0..=3_600.0).contains(&seconds) {
        true => Ok(Duration::from_secs_f64(seconds)),
        false => Err("from 0 to 3600 seconds".into()),
    }
}
