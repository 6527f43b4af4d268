//! `mainguard preview`: find where a pull request's previews stand, look until they are healthy, and say so on GitHub.

#![expect(clippy::disallowed_methods, reason = "reads wrangler's output files and writes the step's files")]

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum, ValueHint};
use mainguard::change::CommitId;
use mainguard::delivery;
use mainguard::git;
use mainguard::github::client::{Client, Mode, Patience};
use mainguard::github::comments::Create;
use mainguard::github::payload::Event;
use mainguard::github::publish::{self, Desired, Options};
use mainguard::github::{Repository, deployments, pulls, workflow_files};
use mainguard::policy::Policy;
use mainguard::previews::health::Checked;
use mainguard::previews::{self, Claim, Config, Reach, Source, Surface, Values, cloudflare, wrangler};
use mainguard::probe;
use mainguard::report::previews as report;

use crate::commands::check::append;
use crate::console::{Console, Hinted};
use crate::environment::Environment;
use crate::gather;
use crate::telemetry;

/// Tells this comment from the verdict's.
const KEY: &str = "preview";

#[derive(Debug, Args)]
pub(crate) struct PreviewArgs {
    /// The pull request's number [default: the event's]
    #[arg(long, env = "MAINGUARD_NUMBER", value_name = "NUMBER", help_heading = "The preview")]
    number: Option<u64>,
    /// The commit that is previewed [default: the event's, else HEAD]
    #[arg(long, env = "MAINGUARD_SHA", value_name = "SHA", help_heading = "The preview")]
    sha: Option<String>,
    /// The branch, for `{branch_slug}` [default: the event's]
    #[arg(long, env = "MAINGUARD_BRANCH", value_name = "BRANCH", help_heading = "The preview")]
    branch: Option<String>,
    /// Where a surface stands, as in `app=https://…`; may be given several times
    #[arg(long, env = "MAINGUARD_URL", value_name = "NAME=URL", value_parser = parse_urls, help_heading = "The preview")]
    url: Vec<Urls>,
    /// The folder of wrangler's output, or one file of it [default: WRANGLER_OUTPUT_FILE_DIRECTORY]
    #[arg(long, env = "MAINGUARD_WRANGLER_OUTPUT", value_name = "PATH", value_hint = ValueHint::AnyPath, help_heading = "The preview")]
    wrangler_output: Option<PathBuf>,
    /// Also ask who may know where the preview stands (comma separated)
    #[arg(long, env = "MAINGUARD_FROM", value_name = "WHO", value_delimiter = ',', help_heading = "The preview")]
    from: Vec<From>,
    /// Cloudflare's account, with --from cloudflare
    #[arg(long, env = "CLOUDFLARE_ACCOUNT_ID", value_name = "ID", help_heading = "The preview")]
    cloudflare_account: Option<String>,
    #[arg(long, env = "CLOUDFLARE_API_TOKEN", hide = true, hide_env_values = true)]
    cloudflare_token: Option<String>,
    #[arg(long, env = "CLOUDFLARE_API_BASE_URL", hide = true, default_value = "https://api.cloudflare.com/client/v4")]
    cloudflare_api: String,
    /// How long all of it may take to become healthy [default: that of the configuration]
    #[arg(long, env = "MAINGUARD_DEADLINE", value_name = "SECONDS", help_heading = "Health")]
    deadline: Option<u32>,
    /// Also ask http and addresses of this machine and of private networks
    #[arg(long, env = "MAINGUARD_ALLOW_PRIVATE", value_parser = FalseyValueParser::new(), help_heading = "Health")]
    allow_private: bool,
    /// Read the configuration from this file instead of from the base commit
    #[arg(long, env = "MAINGUARD_CONFIG", value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Health")]
    config: Option<PathBuf>,
    /// What to print on stdout
    #[arg(long, env = "MAINGUARD_FORMAT", value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    format: PreviewFormat,
    /// Keep one comment on the pull request
    #[arg(long, env = "MAINGUARD_PUBLISH", value_parser = FalseyValueParser::new(), help_heading = "GitHub")]
    publish: bool,
    /// Also keep a deployment for each surface (`deployments: write`)
    #[arg(long, env = "MAINGUARD_DEPLOYMENTS", value_parser = FalseyValueParser::new(), help_heading = "GitHub")]
    deployments: bool,
    /// Print the requests that would change something instead of sending them
    #[arg(long, env = "MAINGUARD_DRY_RUN", value_parser = FalseyValueParser::new(), help_heading = "GitHub")]
    dry_run: bool,
    /// The pull request is closed: look at nothing, say that the preview is gone [default: as the event says]
    #[arg(long, env = "MAINGUARD_CLOSED", value_parser = FalseyValueParser::new(), help_heading = "GitHub")]
    closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum From {
    /// The commit's deployments on GitHub
    Github,
    /// Cloudflare's API, for Pages projects
    Cloudflare,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PreviewFormat {
    Text,
    Json,
    Markdown,
}

/// One NAME=URL per line: how a workflow writes several.
#[derive(Clone, Debug)]
struct Urls(Vec<(String, String)>);

fn parse_urls(text: &str) -> Result<Urls, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let pair = |line: &str| match line.split_once('=') {
        Some((name, url)) if !name.is_empty() && !url.is_empty() => Ok((name.to_string(), url.to_string())),
        _ => Err("write NAME=URL, as in app=https://app.example"),
    };
    Ok(Urls(lines.map(pair).collect::<Result<_, _>>()?))
}

/// The pull request in question.
struct Pull {
    number: u64,
    sha: CommitId,
    branch: String,
    /// Where its policy stands; `None` where nobody says.
    base: Option<CommitId>,
    closed: bool,
}

pub(crate) fn run(args: &PreviewArgs, repo: &Path, environment: &Environment, console: &Console) -> anyhow::Result<u8> {
    telemetry::prepare(environment);
    let event = gather::event(environment)?;
    let hub = hub(args, event.as_ref(), environment, console)?;
    let Some(pull) = pull(args, repo, event.as_ref(), hub.as_ref(), console)? else { return Ok(0) };
    if pull.closed {
        close(&pull, args, hub.as_ref(), console)?;
        return Ok(0);
    }
    let (config, delivery) = config(args, repo, pull.base.as_ref())?;
    let reach = if args.allow_private { Reach::Private } else { Reach::Public };
    let values = Values::new(pull.number, pull.sha.as_str(), &pull.branch, &config.subdomain);
    let claims = claims(args, &config, &values, &pull, hub.as_ref(), environment, console)?;
    let surfaces = previews::surfaces(&config, &claims, &values, reach)?;
    for surface in &surfaces {
        console.note(&format!("looking at {} ({}): {}", surface.name, surface.source, surface.url));
    }
    let publishing = hub.as_ref().filter(|_| args.publish || args.dry_run);
    let deploying = hub.as_ref().filter(|_| args.deployments);
    deploy(deploying, &pull, environment, console, surfaces.iter().map(|surface| (surface, None)));

    let mut limits = probe::Limits::of(&config, reach, seed(environment));
    if let Some(seconds) = args.deadline {
        limits = probe::Limits::of(&Config { deadline_seconds: seconds, ..config }, reach, limits.seed);
    }
    let checked = probe::probe(&surfaces, &limits)?;

    let subject = report::Subject { number: pull.number, sha: pull.sha.to_string() };
    let markdown = report::markdown(&subject, &checked);
    console.answer(&match args.format {
        PreviewFormat::Text => report::text(&subject, &checked),
        PreviewFormat::Json => report::json(&subject, &checked),
        PreviewFormat::Markdown => markdown.clone(),
    })?;
    let ended = checked.iter().map(|checked| (&checked.surface, Some(checked.is_healthy())));
    deploy(deploying, &pull, environment, console, ended);
    if let Some(hub) = publishing {
        comment(hub, &pull, markdown.clone(), Create::Always, console);
    }
    if let Some(hub) = &hub {
        hub.show_plans(console)?;
    }
    tell_runner(&markdown, &checked, environment, console);
    if !args.dry_run {
        let repository = hub.as_ref().map(|hub| hub.repository.to_string());
        let (number, sha, branch) = (pull.number, pull.sha.as_str(), &*pull.branch);
        let of = telemetry::Previewed { number, sha, branch, repository };
        let seen = checked
            .iter()
            .map(|checked| (checked.surface.name.as_str(), checked.surface.url.as_str(), checked.is_healthy()));
        telemetry::previews(&of, seen, &delivery, environment, console);
    }
    Ok(if report::all_healthy(&checked) { 0 } else { 1 })
}

/// The pull request that the flags or the event name. An event about a commit alone, such as `deployment_status`, is
/// about the open pull request that stands there; `None` when none does.
fn pull(
    args: &PreviewArgs,
    repo: &Path,
    event: Option<&Event>,
    hub: Option<&Hub>,
    console: &Console,
) -> anyhow::Result<Option<Pull>> {
    let sha = match (&args.sha, event.and_then(|event| event.head.clone())) {
        (Some(sha), _) => CommitId::parse(sha)
            .ok_or_else(|| Hinted::error("--sha is no commit id", "give all of its hexadecimal digits"))?,
        (None, Some(head)) => head,
        (None, None) => git::Repository::discover(repo)?.resolve("HEAD")?,
    };
    let mut branch = event.and_then(|event| event.pull.as_ref()).map(|pull| pull.pull_request.head_ref.clone());
    let mut base = event.and_then(|event| event.base.clone());
    let mut number = args.number.or_else(|| event?.pull_number);
    if let (None, Some(_), Some(hub)) = (number, event, hub) {
        let found = pulls::at_head(&hub.client, &hub.repository, None, None, &sha)?;
        let Some(pull) = found.first() else {
            console.note(&format!("no open pull request stands at {sha}: there is nothing to look at"));
            return Ok(None);
        };
        (number, branch) = (Some(pull.pull_request.number), Some(pull.pull_request.head_ref.clone()));
        base = Some(pull.base.clone());
    }
    let Some(number) = number else {
        return Err(Hinted::error(
            "it is not known of which pull request the preview is",
            "run it on `pull_request`, or give --number",
        ));
    };
    let gone = |event: &&Event| event.pull.is_some() && event.action.as_deref() == Some("closed");
    let closed = args.closed || event.filter(gone).is_some();
    Ok(Some(Pull { number, sha, branch: args.branch.clone().or(branch).unwrap_or_default(), base, closed }))
}

/// The sections `previews` and `delivery` of the policy at the base; the defaults where there is no repository at all.
fn config(args: &PreviewArgs, repo: &Path, base: Option<&CommitId>) -> anyhow::Result<(Config, delivery::Config)> {
    if let Some(path) = &args.config {
        let config = gather::read_config(path)?.0;
        return Ok((config.previews, config.delivery));
    }
    let Ok(repository) = git::Repository::discover(repo) else { return Ok(Default::default()) };
    let policy = match base {
        Some(base) => {
            let base = repository.resolve(base.as_str());
            let base =
                base.with_context(|| "the base of the pull request, whose policy counts, is not in this clone")?;
            Policy::resolve(None, Some(&base), [], |path| repository.read_at(&base, path))?
        }
        None => gather::working_policy(&repository)?,
    };
    Ok((policy.config.previews, policy.config.delivery))
}

/// What the flags, wrangler, GitHub and Cloudflare say, the last of each counting most.
fn claims(
    args: &PreviewArgs,
    config: &Config,
    values: &Values,
    pull: &Pull,
    hub: Option<&Hub>,
    environment: &Environment,
    console: &Console,
) -> anyhow::Result<Vec<Claim>> {
    let mut claims = Vec::new();
    let named = args.wrangler_output.as_deref().map(|path| (path, true));
    let inherited = environment.wrangler_output.as_deref().map(|path| (path, false));
    if let Some((path, must_exist)) = named.or(inherited) {
        for text in wrangler_files(path, must_exist)? {
            claims.extend(wrangler::claims(&text).with_context(|| format!("cannot use {}", path.display()))?);
        }
    }
    if args.from.contains(&From::Github) {
        let hub = hub.ok_or_else(|| {
            Hinted::error("GitHub cannot be asked without a token", "set GITHUB_TOKEN, or `github-token` of the action")
        })?;
        for deployed in deployments::of_commit(&hub.client, &hub.repository, &pull.sha)? {
            let commit = Some(pull.sha.to_string());
            let (name, url) = (deployed.environment, deployed.url);
            claims.push(Claim { name, url, alias: None, commit, source: Source::Deployment });
        }
    }
    if args.from.contains(&From::Cloudflare) {
        let (Some(account), Some(token)) = (&args.cloudflare_account, &args.cloudflare_token) else {
            return Err(Hinted::error(
                "Cloudflare cannot be asked",
                "set CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN (`Cloudflare Pages: Read`)",
            ));
        };
        let api = probe::Cloudflare { base: &args.cloudflare_api, account, token };
        for surface in &config.surfaces {
            let project = surface.project(values);
            match cloudflare::claim(&project, &probe::cloudflare(&api, &project)?, values) {
                Ok(claim) => claims.push(claim),
                Err(why) => console.warn(&format!("Cloudflare and the project `{project}`: {why}")),
            }
        }
    }
    for (name, url) in args.url.iter().flat_map(|urls| &urls.0) {
        let (name, url) = (name.clone(), url.clone());
        claims.push(Claim { name, url, alias: None, commit: None, source: Source::Flag });
    }
    Ok(claims)
}

/// The files of one folder, oldest first, as their names say; or the one file.
fn wrangler_files(path: &Path, must_exist: bool) -> anyhow::Result<Vec<String>> {
    const MOST_FILES: usize = 50;
    let failed = || format!("could not read wrangler's output {}", path.display());
    let mut files = Vec::new();
    match fs::symlink_metadata(path) {
        Err(_) if !must_exist => return Ok(Vec::new()),
        Err(error) => return Err(anyhow::Error::new(error).context(failed())),
        Ok(metadata) if metadata.is_file() => files.push(path.to_path_buf()),
        Ok(_) => {
            for entry in fs::read_dir(path).with_context(failed)?.take(10_000) {
                let entry = entry.with_context(failed)?;
                let name = entry.file_name().to_string_lossy().into_owned();
                // What a link points to was not written by wrangler.
                let plain = entry.file_type().is_ok_and(|kind| kind.is_file());
                if plain && name.starts_with("wrangler-output-") && name.ends_with(".json") {
                    files.push(entry.path());
                }
            }
        }
    }
    files.sort();
    let newest = files.len().saturating_sub(MOST_FILES);
    files[newest..].iter().map(|file| read_text(file).with_context(failed)).collect()
}

fn read_text(file: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    fs::File::open(file)?.take(wrangler::MOST_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    anyhow::ensure!(bytes.len() <= wrangler::MOST_BYTES, "it is larger than 4 MiB");
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// GitHub, as far as it is to be spoken to.
struct Hub {
    client: Client,
    repository: Repository,
}

impl Hub {
    fn show_plans(&self, console: &Console) -> anyhow::Result<()> {
        for request in self.client.planned() {
            console.answer(&format!("{request}\n"))?;
        }
        Ok(())
    }
}

fn hub(
    args: &PreviewArgs,
    event: Option<&Event>,
    environment: &Environment,
    console: &Console,
) -> anyhow::Result<Option<Hub>> {
    if !(args.publish || args.dry_run || args.deployments || args.from.contains(&From::Github)) {
        return Ok(None);
    }
    let named = environment.actions.as_ref().and_then(|actions| Repository::parse(actions.repository.as_deref()?));
    let Some(repository) = event.and_then(|event| event.repository.clone()).or(named) else {
        return Err(Hinted::error(
            "it is not known to which repository on GitHub the preview belongs",
            "--publish works in a workflow run, where GITHUB_REPOSITORY and GITHUB_EVENT_PATH say so",
        ));
    };
    if environment.token.is_none() && !args.dry_run {
        console.notice("nothing is published: there is no token (set GITHUB_TOKEN, or `github-token` of the action)");
        return Ok(None);
    }
    let mode = if args.dry_run { Mode::DryRun } else { Mode::Live };
    let client = Client::new(&environment.api_url, environment.token.as_ref(), mode, Patience::default())?;
    Ok(Some(Hub { client, repository }))
}

/// Keeps the sticky comment. What could not be written is said and changes nothing else.
fn comment(hub: &Hub, pull: &Pull, markdown: String, create: Create, console: &Console) {
    let options = Options { key: KEY.into(), ..Options::default() };
    let desired = Desired {
        pull_request: Some(pull.number),
        head: pull.sha.clone(),
        comment: Some(markdown),
        create_comment: create,
        labels: Vec::new(),
        check: None,
    };
    crate::publish::tell(&publish::publish(&hub.client, &hub.repository, &desired, &options), console);
}

/// One deployment for each surface; `None` for one whose health is not known yet.
fn deploy<'a>(
    hub: Option<&Hub>,
    pull: &Pull,
    environment: &Environment,
    console: &Console,
    surfaces: impl Iterator<Item = (&'a Surface, Option<bool>)>,
) {
    let Some(hub) = hub else { return };
    for (surface, healthy) in surfaces {
        let (state, description) = match healthy {
            None => (deployments::State::InProgress, "mainguard is looking whether it is healthy"),
            Some(true) => (deployments::State::Success, "healthy"),
            Some(false) => (deployments::State::Failure, "not healthy"),
        };
        let wanted = deployments::Wanted {
            environment: deployments::environment(pull.number, &surface.name),
            commit: pull.sha.clone(),
            state,
            url: Some(surface.url.to_string()),
            log_url: environment.run_url(),
            description: description.into(),
        };
        match deployments::reconcile(&hub.client, &hub.repository, &wanted) {
            Ok(done) if done.is_empty() => console.note(&format!("deployment `{}`: unchanged", wanted.environment)),
            Ok(done) => console.note(&format!("deployment `{}`: {}", wanted.environment, done.join(", "))),
            Err(error) => {
                let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
                console.notice(&format!("deployment `{}`: not published: {error}{hint}", wanted.environment));
                if error.is_outage() {
                    return;
                }
            }
        }
    }
}

fn close(pull: &Pull, args: &PreviewArgs, hub: Option<&Hub>, console: &Console) -> anyhow::Result<()> {
    let Some(hub) = hub else {
        console.note("the pull request is closed; without --publish or --deployments there is nothing to do");
        return Ok(());
    };
    if args.deployments {
        match deployments::close(&hub.client, &hub.repository, pull.number) {
            Ok(count) => console.note(&format!("deployments made inactive: {count}")),
            Err(error) => {
                let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
                console.notice(&format!("the deployments could not be made inactive: {error}{hint}"));
            }
        }
    }
    if args.publish || args.dry_run {
        comment(hub, pull, report::closed(pull.number), Create::Never, console);
    }
    hub.show_plans(console)
}

/// The step summary and the outputs of the step.
fn tell_runner(markdown: &str, checked: &[Checked], environment: &Environment, console: &Console) {
    let Some(actions) = &environment.actions else { return };
    if let Some(path) = &actions.step_summary {
        let summary = workflow_files::step_summary(markdown);
        append(path, &summary).unwrap_or_else(|error| console.warn(&format!("no step summary: {error}")));
    }
    if let Some(path) = &actions.output {
        let url = |checked: &Checked| (checked.surface.name.clone(), checked.surface.url.as_str().into());
        let urls = serde_json::Value::Object(checked.iter().map(url).collect()).to_string();
        let healthy = report::all_healthy(checked).to_string();
        let text = workflow_files::outputs(&[("healthy", &healthy), ("urls", &urls)]);
        append(path, &text).unwrap_or_else(|error| console.warn(&format!("no outputs: {error}")));
    }
}

/// Waits of runs that start together are not to end together.
fn seed(environment: &Environment) -> u64 {
    u64::from(environment.now.timestamp_subsec_nanos()) ^ u64::from(std::process::id())
}
