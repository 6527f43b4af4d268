//! `mainguard queue`: the merge queue from the command line. Each command opens one session and does one thing with it.

#![expect(
    clippy::disallowed_methods,
    reason = "reads workflow files and the event, hands the environment to git, and a server needs a clock"
)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};
use mainguard::change::CommitId;
use mainguard::git;
use mainguard::git::integrate::{Remote, Store};
use mainguard::github::client::{Mode, Patience};
use mainguard::github::{Client, Repository, comments};
use mainguard::queue::world::{Command as Asked, Intake};
use mainguard::queue_driver::doctor::{self, Degree, Surroundings};
use mainguard::queue_driver::{self, DriverError, RecordedLabel, Session, Ticked, verify};

use crate::console::{Console, Hinted};
use crate::environment::Environment;

mod page;
mod serve;
mod show;
mod simulate;

#[derive(Debug, Args)]
pub(crate) struct QueueArgs {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: QueueCommand,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "The queue")]
struct Place {
    /// The branch that the queue guards
    #[arg(long, global = true, env = "MAINGUARD_QUEUE_BRANCH", value_name = "BRANCH", default_value = "main")]
    branch: String,
    /// owner/name on GitHub [default: GITHUB_REPOSITORY, else that of origin]
    #[arg(long, global = true, env = "MAINGUARD_REPOSITORY", value_name = "NAME")]
    repository: Option<String>,
    /// Where git fetches and pushes [default: origin's URL]
    #[arg(long, global = true, env = "MAINGUARD_REMOTE", value_name = "URL")]
    remote: Option<String>,
    /// The workflow that tests integration branches, where a push does not start it
    #[arg(long, global = true, env = "MAINGUARD_DISPATCH", value_name = "WORKFLOW")]
    dispatch: Option<String>,
    /// Tests only: what time it is
    #[arg(long, global = true, hide = true, env = "MAINGUARD_TEST_NOW")]
    now: Option<DateTime<Utc>>,
}

#[derive(Debug, Subcommand)]
enum QueueCommand {
    /// Carry the queue as far as it goes now
    Tick,
    /// Say what a tick would do, and write nothing
    Plan,
    /// Show the queue
    Status {
        /// How
        #[arg(long, env = "MAINGUARD_QUEUE_FORMAT", default_value = "text")]
        format: StatusFormat,
    },
    /// Tell where a pull request stands and why
    Explain {
        /// Its number
        pull: u64,
    },
    /// Queue a pull request, as the label would
    Add {
        /// Its number
        pull: u64,
    },
    /// Take a pull request out of the queue
    Remove {
        /// Its number
        pull: u64,
    },
    /// Queue a pull request again that left as failed, at its old place
    Retry {
        /// Its number
        pull: u64,
    },
    /// Land nothing until `thaw`
    Freeze {
        /// Why; everybody who waits reads it
        reason: String,
    },
    /// End a freeze
    Thaw,
    /// Find out what would keep the queue from working
    Doctor {
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Also write and delete a ref
        #[arg(long)]
        write: bool,
    },
    /// Check the proof of what landed again, without a network: `main~20..main`, or one name
    Verify {
        /// The commits to look at
        range: String,
    },
    /// Record at which head the label was put on; for a workflow on `pull_request_target: labeled`
    Intake,
    /// Delete branches of failed builds whose time is over; a tick does the same
    Gc,
    /// Listen for webhooks and tick when something happened, and once a minute
    Serve {
        /// Where to listen
        #[arg(long, env = "MAINGUARD_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
        listen: std::net::SocketAddr,
        /// The webhook's secret
        #[arg(long, env = "MAINGUARD_WEBHOOK_SECRET", value_name = "SECRET", hide_env_values = true)]
        secret: String,
    },
    /// Try the configuration in an invented world, beside other ways to run a queue
    Simulate(simulate::SimulateArgs),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StatusFormat {
    Text,
    Json,
    Html,
}

/// Our own repository, GitHub, and the configuration as it stands on the branch.
struct Opened {
    store: Store,
    client: Client,
    repository: Repository,
    config: mainguard::queue::Config,
    delivery: mainguard::delivery::Config,
}

impl Opened {
    fn session<'a>(&'a self, place: &'a Place) -> Session<'a> {
        Session {
            store: &self.store,
            client: &self.client,
            repository: &self.repository,
            branch: &place.branch,
            config: &self.config,
            dispatch: place.dispatch.as_deref(),
        }
    }
}

pub(crate) fn run(args: &QueueArgs, repo: &Path, environment: &Environment, console: &Console) -> anyhow::Result<u8> {
    let place = &args.place;
    let now = place.now.unwrap_or(environment.now);
    match &args.command {
        QueueCommand::Verify { range } => return verify_range(range, repo, console),
        QueueCommand::Simulate(args) => return simulate::run(args, repo, console),
        _ => {}
    }
    if let QueueCommand::Serve { listen, secret } = &args.command {
        if secret.trim().is_empty() {
            return Err(Hinted::error("the webhook has no secret", "set MAINGUARD_WEBHOOK_SECRET"));
        }
        serve::serve(*listen, secret, || {
            // The configuration and the token's budget are looked at anew in each tick, as in a workflow.
            let ticked = open(place, repo, environment).and_then(|opened| {
                let ticked = queue_driver::tick(&opened.session(place), &[], place.now.unwrap_or_else(Utc::now));
                report(ticked, &opened, environment, console)
            });
            if let Err(error) = ticked {
                console.warn(&format!("{error:#}"));
            }
        })?;
        return Ok(0);
    }
    crate::telemetry::prepare(environment);
    let opened = open(place, repo, environment)?;
    let session = opened.session(place);
    let ask = |pull: Option<u64>, command: Asked| -> anyhow::Result<u8> {
        let by = comments::me(&opened.client)?;
        let may = mainguard::github::queue::may_write(&opened.client, &opened.repository, &by)?;
        if !may {
            return Err(Hinted::error(format!("{by} may not write to {}", opened.repository), "use a token that may"));
        }
        let id = format!("cli/{by}/{}", now.timestamp_micros());
        let intake = Intake { id, at: now, by, may: Some(true), pull, command };
        report(queue_driver::tick(&session, &[intake], now), &opened, environment, console)
    };
    match &args.command {
        QueueCommand::Tick | QueueCommand::Gc => {
            report(queue_driver::tick(&session, &[], now), &opened, environment, console)
        }
        QueueCommand::Plan => {
            let foreseen = queue_driver::foresee(&session, now)?;
            console.answer(&show::plan(&foreseen, &opened.config, now))?;
            Ok(0)
        }
        QueueCommand::Status { format } => {
            let state = queue_driver::remembered(&session)?;
            let text = match format {
                StatusFormat::Text => show::table(&state, &opened.config, now),
                StatusFormat::Json => show::json(&state, &opened.config)?,
                StatusFormat::Html => {
                    let server =
                        environment.actions.as_ref().map_or("https://github.com", |actions| &actions.server_url);
                    let home = format!("{}/{}", server.trim_end_matches('/'), opened.repository);
                    page::html(&state, &opened.config, &page::Home(&home), now)
                }
            };
            console.answer(&text)?;
            Ok(0)
        }
        QueueCommand::Explain { pull } => {
            let foreseen = queue_driver::foresee(&session, now)?;
            let lines = mainguard::queue::explain(&foreseen.before, &foreseen.world, &opened.config, *pull, now);
            console.answer(&lines.join("\n"))?;
            Ok(0)
        }
        QueueCommand::Add { pull } => ask(Some(*pull), Asked::Queue { head: None }),
        QueueCommand::Remove { pull } => ask(Some(*pull), Asked::Dequeue),
        QueueCommand::Retry { pull } => ask(Some(*pull), Asked::Retry),
        QueueCommand::Freeze { reason } => ask(None, Asked::Freeze(reason.clone())),
        QueueCommand::Thaw => ask(None, Asked::Thaw),
        QueueCommand::Doctor { json, write } => {
            let workflows = workflow_files(repo);
            let workflow_token = comments::me(&opened.client).is_ok_and(|me| me == "github-actions[bot]");
            let mut found = doctor::examine(&session, Surroundings { workflow_token, workflows: &workflows });
            if *write {
                found.push(doctor::try_writing(&session, now));
            }
            match json {
                true => console
                    .answer(&serde_json::to_string_pretty(&serde_json::json!({"version": 1, "checks": found}))?)?,
                false => console.answer(&show::ailments(&found))?,
            }
            Ok(u8::from(found.iter().any(|ailment| ailment.degree == Degree::Bad)))
        }
        QueueCommand::Intake => {
            let Some(label) = recorded(environment, &opened.config.label, now)? else {
                console.note("the event is not about the queue's label");
                return Ok(0);
            };
            queue_driver::record_label(&session, &label, now)?;
            console.note(&format!("recorded: the label on #{} at {}", label.pull, label.head.short()));
            Ok(0)
        }
        QueueCommand::Verify { .. } | QueueCommand::Simulate(_) | QueueCommand::Serve { .. } => Ok(0),
    }
}

fn report(
    ticked: Result<Ticked, DriverError>,
    opened: &Opened,
    environment: &Environment,
    console: &Console,
) -> anyhow::Result<u8> {
    match ticked {
        Ok(ticked) => {
            console.answer(&show::ticked(&ticked))?;
            let repository = opened.repository.to_string();
            crate::telemetry::queue(&ticked.events, &repository, &opened.delivery, environment, console);
            Ok(0)
        }
        Err(error) => match error.resumes_at() {
            // Nothing is wrong, it only goes on later: a red job would be noise.
            Some(at) => {
                console.warn(&format!("{error}"));
                console.answer(&format!("resumes at {}", at.format("%Y-%m-%d %H:%M UTC")))?;
                Ok(0)
            }
            None => Err(with_hint(error)),
        },
    }
}

fn with_hint(error: DriverError) -> anyhow::Error {
    match error.hint() {
        Some(hint) => Hinted::error(error.to_string(), hint),
        None => anyhow::Error::new(error),
    }
}

fn open(place: &Place, repo: &Path, environment: &Environment) -> anyhow::Result<Opened> {
    let clone = git::Repository::discover(repo)?;
    let url = place.remote.clone().or_else(|| clone.origin()).ok_or_else(|| {
        Hinted::error("it is not known where the repository is", "git remote add origin URL, or --remote URL")
    })?;
    let named = place.repository.clone().or_else(|| environment.actions.as_ref()?.repository.clone());
    let repository = named.or_else(|| full_name(&url)).as_deref().and_then(Repository::parse).ok_or_else(|| {
        Hinted::error("it is not known which repository on GitHub this is", "--repository OWNER/NAME")
    })?;
    let authorization = environment.token.as_ref().filter(|_| url.starts_with("https://")).map(|token| token.for_git());
    let directory: PathBuf = clone.git_dir().join("mainguard").join("queue.git");
    let lends = (!clone.is_shallow() && !clone.is_partial()).then(|| clone.git_dir().join("objects"));
    let lends = lends.filter(|objects| objects.is_dir()).map(|objects| objects.canonicalize().unwrap_or(objects));
    let remote = Remote { url, authorization };
    let store = Store::open(&directory, lends.as_deref(), remote, Duration::from_secs(600), std::env::vars_os())?;
    let client = Client::new(&environment.api_url, environment.token.as_ref(), Mode::Live, Patience::default())?;
    let (config, delivery) = config_on(&store, &place.branch)?;
    Ok(Opened { store, client, repository, config, delivery })
}

/// The sections `queue` and `delivery` as they stand at the tip of the branch: nobody queues by their own rules.
fn config_on(store: &Store, branch: &str) -> anyhow::Result<(mainguard::queue::Config, mainguard::delivery::Config)> {
    let name = format!("refs/heads/{branch}");
    let refs = store.remote_refs(std::slice::from_ref(&name))?;
    let tip = refs.get(&name).cloned().ok_or_else(|| with_hint(DriverError::NoBranch(branch.into())))?;
    store.fetch(&[tip.clone()].into())?;
    for path in mainguard::config::PATHS {
        if let Some(text) = store.read_file(&tip, path)? {
            let config = mainguard::config::parse(&text, path)?;
            return Ok((config.queue, config.delivery));
        }
    }
    Ok(Default::default())
}

/// `owner/name` of a URL.
fn full_name(url: &str) -> Option<String> {
    let path = url.trim_end_matches('/').trim_end_matches(".git");
    let mut parts = path.rsplit(['/', ':']);
    let (name, owner) = (parts.next()?, parts.next()?);
    Some(format!("{owner}/{name}"))
}

fn workflow_files(repo: &Path) -> Vec<(String, String)> {
    let Ok(clone) = git::Repository::discover(repo) else { return Vec::new() };
    let Some(folder) = clone.work_dir().map(|top| top.join(".github/workflows")) else { return Vec::new() };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(200);
    entries
        .filter_map(|entry| {
            Some((entry.file_name().to_string_lossy().into_owned(), std::fs::read_to_string(entry.path()).ok()?))
        })
        .collect()
}

/// The label of the event that started us, when it is the queue's.
fn recorded(environment: &Environment, label: &str, now: DateTime<Utc>) -> anyhow::Result<Option<RecordedLabel>> {
    let path = environment.actions.as_ref().and_then(|actions| actions.event_path.clone());
    let path =
        path.ok_or_else(|| Hinted::error("there is no event", "run it in a workflow on `pull_request_target`"))?;
    let event: serde_json::Value = serde_json::from_slice(&std::fs::read(path)?)?;
    let is_ours = event["action"] == "labeled"
        && event["label"]["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(label));
    let head = event["pull_request"]["head"]["sha"].as_str().and_then(CommitId::parse);
    let (Some(pull), Some(head), true) = (event["number"].as_u64(), head, is_ours) else { return Ok(None) };
    let by = event["sender"]["login"].as_str().unwrap_or("ghost").to_string();
    Ok(Some(RecordedLabel { pull, by, at: now, head }))
}

fn verify_range(range: &str, repo: &Path, console: &Console) -> anyhow::Result<u8> {
    let clone = git::Repository::discover(repo)?;
    let (from, to) = match range.split_once("..") {
        Some((from, to)) => (Some(clone.resolve(from)?), clone.resolve(if to.is_empty() { "HEAD" } else { to })?),
        None => (None, clone.resolve(range)?),
    };
    // Merging again writes objects; they go into a place of our own, not into the clone.
    let objects = clone.git_dir().join("objects");
    let objects = objects.canonicalize().unwrap_or(objects);
    let directory = clone.git_dir().join("mainguard").join("verify.git");
    let remote = Remote { url: ".".into(), authorization: None };
    let store = Store::open(&directory, Some(&objects), remote, Duration::from_secs(600), std::env::vars_os())?;
    let verified = verify::verify(&store, from.as_ref(), &to)?;
    console.answer(&show::verified(&verified))?;
    let forged = verified.iter().any(|one| matches!(one.finding, verify::Finding::Forged { .. }));
    Ok(u8::from(forged))
}
