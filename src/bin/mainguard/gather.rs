//! Loads what `check` needs: the event, the change, the policy at its base, what GitHub says about the pull request.

#![expect(clippy::disallowed_methods, reason = "reads the event's payload and the files that flags name")]

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::Path;

use anyhow::Context as _;
use mainguard::change::{ChangeSet, CommitId, Head};
use mainguard::config::{self, Config};
use mainguard::context::{Context, Loaded};
use mainguard::git::{Guess, Limits, Repository};
use mainguard::github::client::{Client, Mode, Patience};
use mainguard::github::payload::{self, Event};
use mainguard::github::pulls;
use mainguard::guards::Guard;
use mainguard::policy::{Policy, Source};
use mainguard::pull_request::PullRequest;
use mainguard::report::Subject;

use crate::args::{Judging, Selection};
use crate::commands::critic::input;
use crate::console::{Console, Hinted};
use crate::dependencies;
use crate::environment::Environment;
use crate::observe;

mod code;
mod measured;

/// A payload or a pull request that is larger was not written by GitHub (its own limit for webhooks is 25 MB).
const MAX_INPUT_BYTES: u64 = 32 * 1024 * 1024;

/// Everything the decision needs, and what the reports say about where it came from.
pub(crate) struct Gathered {
    pub(crate) change: ChangeSet,
    pub(crate) context: Context,
    pub(crate) policy: Policy,
    pub(crate) subject: Subject,
}

/// The two ends of a change, and how the older one was found.
pub(crate) struct Ends {
    /// The tip that the change would enter; `None` when it begins the history.
    pub(crate) base: Option<CommitId>,
    pub(crate) head: Head,
    /// The base in the words in which it was named or found.
    pub(crate) name: Option<String>,
    pub(crate) guessed: bool,
}

/// The event that started this workflow run, when one did.
pub(crate) fn event(environment: &Environment) -> anyhow::Result<Option<Event>> {
    let Some(actions) = &environment.actions else { return Ok(None) };
    let Some(path) = &actions.event_path else { return Ok(None) };
    let bytes = read_bounded(path).with_context(|| format!("could not read the event payload {}", path.display()))?;
    let event = payload::parse(&actions.event_name, &bytes)
        .with_context(|| format!("could not understand the payload of the event `{}`", actions.event_name))?;
    Ok(Some(event))
}

/// Base: flag, event, upstream, `origin/HEAD`, main or master. Head: flag, event, HEAD.
pub(crate) fn ends(
    selection: &Selection,
    event: Option<&Event>,
    repository: &Repository,
    console: &Console,
) -> anyhow::Result<Ends> {
    let local = selection.staged || selection.working_tree;
    let newest = repository.head()?;
    let head = match (&selection.head, event.and_then(|event| event.head.clone()).filter(|_| !local)) {
        _ if selection.staged => Head::Index,
        _ if selection.working_tree => Head::WorkingTree,
        (Some(revision), _) => Head::Commit(repository.resolve(revision)?),
        (None, Some(commit)) => Head::Commit(present(repository, commit, "head")?),
        (None, None) => match &newest {
            Some(commit) => Head::Commit(commit.clone()),
            None => Head::WorkingTree,
        },
    };
    if let Some(revision) = &selection.base {
        let base = repository.resolve(revision)?;
        return Ok(Ends { base: Some(base), head, name: Some(revision.clone()), guessed: false });
    }
    if local {
        // What is not committed yet is compared with what is.
        return Ok(Ends { base: newest, head, name: Some("HEAD".into()), guessed: false });
    }
    if let Some(event) = event
        && let Some(base) = event.base.clone()
    {
        let base = present(repository, base, "base")?;
        return Ok(Ends { base: Some(base), head, name: event_base_name(event), guessed: false });
    }
    let Head::Commit(commit) = &head else {
        return Ok(Ends { base: None, head, name: None, guessed: false });
    };
    match repository.guess_base(commit)? {
        Some(guess) if guess.commit == *commit && selection.head.is_none() => {
            alone(repository, commit.clone(), &guess.name, console)
        }
        Some(guess) => Ok(Ends { base: Some(guess.commit), head, name: Some(guess.name), guessed: true }),
        None => alone(repository, commit.clone(), "", console),
    }
}

/// How a base was found, in words.
pub(crate) fn describe(how: Guess) -> &'static str {
    match how {
        Guess::Upstream => "the upstream of this branch",
        Guess::OriginHead => "the default branch of origin",
        Guess::UsualName => "by its usual name",
    }
}

/// HEAD is its own base. What is not committed is the change then; where nothing is, the newest commit.
fn alone(repository: &Repository, newest: CommitId, base: &str, console: &Console) -> anyhow::Result<Ends> {
    if repository.work_dir().is_some() {
        let change = repository.change_set(Some(&newest), &Head::WorkingTree, &Limits::default())?;
        if !change.files.is_empty() {
            console.note("nothing is committed beyond the base: judging the working tree");
            return Ok(Ends { base: Some(newest), head: Head::WorkingTree, name: Some("HEAD".into()), guessed: true });
        }
    }
    let parent = match repository.resolve(&format!("{newest}~1")) {
        Ok(parent) => Some(parent),
        // Where the history was cut off, a commit without a parent is not a first commit.
        Err(error) if repository.is_shallow() => return Err(error.into()),
        Err(_) => None,
    };
    console.note(&match base {
        "" => "no base was found: judging the newest commit".to_string(),
        base => format!("HEAD is {base}: judging the newest commit"),
    });
    let name = if parent.is_some() { "HEAD~1" } else { "the empty tree" };
    Ok(Ends { base: parent, head: Head::Commit(newest), name: Some(name.into()), guessed: true })
}

/// The target branch in the event's words.
fn event_base_name(event: &Event) -> Option<String> {
    let branch = event.pull.as_ref().map(|pull| pull.pull_request.base_ref.clone());
    branch.or_else(|| event.reference.as_ref().map(|name| name.trim_start_matches("refs/heads/").to_string()))
}

/// A commit that the event names, if this clone has it.
fn present(repository: &Repository, commit: CommitId, role: &str) -> anyhow::Result<CommitId> {
    let found = repository.resolve(commit.as_str());
    found.with_context(|| format!("the {role} of the change, {}, is not in this clone", commit.short()))
}

/// A bounded file, `-` for stdin.
pub(crate) fn read_bounded(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = match path == Path::new("-") {
        true => std::io::stdin().lock().take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes),
        false => fs::File::open(path)?.take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes),
    };
    read?;
    match bytes.len() as u64 > MAX_INPUT_BYTES {
        true => Err(Hinted::error(
            "the file is larger than 32 MiB",
            "nothing that is read here grows so large: see whether it is the right file",
        )),
        false => Ok(bytes),
    }
}

/// Reads the change between two ends, the policy at its base, and what is known about the pull request.
pub(crate) fn gather(
    repository: &Repository,
    ends: Ends,
    event: Option<&Event>,
    judging: &Judging,
    environment: &Environment,
    console: &Console,
) -> anyhow::Result<Gathered> {
    let change = repository.change_set(ends.base.as_ref(), &ends.head, &Limits::default())?;
    let policy = policy(repository, ends.base.as_ref(), &change, judging.config.as_deref())?;
    let pull_request = pull_request(event, judging, environment, console)?;
    let subject = subject(&change, &ends, event, &policy, environment);
    let additions = match &policy.secrets {
        None => Loaded::Absent("no guard asks for it".into()),
        Some(_) => match repository.additions(&change, &Limits::default()) {
            Ok(additions) => Loaded::Present(additions),
            Err(error) => Loaded::Failed(error.to_string()),
        },
    };
    let wants = |guard: Guard| judging.only.is_empty() || judging.only.contains(&guard);
    let contracts = match policy.config.contracts.enabled && wants(Guard::Contracts) {
        true => observe::contracts(repository, &change, &pull_request, &policy.contracts, environment),
        false => Loaded::default(),
    };
    let no_pull_request = event.is_some_and(|event| event.pull_number.is_none()) && judging.pull_request.is_none();
    let dependencies = match wants(Guard::Dependencies) && policy.config.dependencies.enabled != Some(false) {
        false => Loaded::Absent("no guard asks for it".into()),
        true => {
            let source =
                dependencies::Source::of(judging.advisories.as_deref().filter(|text| !text.is_empty()), environment);
            dependencies::snapshot(repository, &change, &policy, &source, environment)
        }
    };
    let sast = match wants(Guard::Sast) {
        true => code::load(repository, ends.base.as_ref(), &change, &policy.config.sast, console)?,
        false => Loaded::Absent("not asked for".into()),
    };
    let measured = match policy.config.coverage.enabled && wants(Guard::Coverage) {
        true => measured::load(repository, &change, &policy.config.coverage, &judging.coverage_report)?,
        false => Loaded::Absent("not asked for".into()),
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let context = Context {
        pull_request,
        additions,
        contracts,
        dependencies,
        sast,
        measured,
        decided_elsewhere: no_pull_request || judging.before_pull_request,
        coverage: judging.coverage,
        threads,
        now: environment.now,
    };
    Ok(Gathered { change, context, policy, subject })
}

/// The policy at the tip that the change would enter, which its author cannot choose; without one, the defaults.
pub(crate) fn policy(
    repository: &Repository,
    base: Option<&CommitId>,
    change: &ChangeSet,
    file: Option<&Path>,
) -> anyhow::Result<Policy> {
    let given = file.map(read_config).transpose()?;
    let paths = change.files.iter().map(|file| &file.path);
    let read = |path: &str| match base {
        Some(base) => repository.read_at(base, path),
        None => Ok(None),
    };
    Ok(Policy::resolve(given, base, paths, read)?)
}

/// A configuration that was named by hand.
pub(crate) fn read_config(path: &Path) -> anyhow::Result<(Config, Source)> {
    let name = path.display().to_string();
    let bytes = read_bounded(path).with_context(|| format!("could not read the configuration {name}"))?;
    Ok((config::parse(&bytes, &name)?, Source { path: name, commit: None }))
}

/// The policy as it stands in the working tree, for `doctor` and `config`: what would hold once it has landed.
pub(crate) fn working_policy(repository: &Repository) -> anyhow::Result<Policy> {
    let top = repository.work_dir();
    let head = repository.head()?;
    let read = |path: &str| match (top, &head) {
        (Some(top), _) => read_inside(top, path),
        (None, Some(head)) => repository.read_at(head, path).map_err(std::io::Error::other),
        (None, None) => Ok(None),
    };
    Ok(Policy::resolve(None, None, [], read)?)
}

/// A regular file below the top of the working tree: what a symlink points to is not the repository's.
fn read_inside(top: &Path, path: &str) -> std::io::Result<Option<Vec<u8>>> {
    let file = top.join(path);
    match fs::symlink_metadata(&file) {
        Ok(metadata) if metadata.is_file() => {
            let mut bytes = Vec::new();
            fs::File::open(&file)?.take(MAX_INPUT_BYTES).read_to_end(&mut bytes)?;
            Ok(Some(bytes))
        }
        Ok(_) => Ok(None),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Flag, then GitHub as it is now, then the event as it was. A label may have been set and a description edited since
/// the event, so with a token GitHub is asked; without an answer the event's words are used, and that is said.
fn pull_request(
    event: Option<&Event>,
    judging: &Judging,
    environment: &Environment,
    console: &Console,
) -> anyhow::Result<Loaded<PullRequest>> {
    if let Some(path) = &judging.pull_request {
        let name = path.display().to_string();
        let bytes = read_bounded(path).with_context(|| format!("could not read the pull request {name}"))?;
        let cases = input::parse(&String::from_utf8_lossy(&bytes)).with_context(|| format!("cannot use {name}"))?;
        let mut cases = cases.into_iter();
        return match (cases.next(), cases.next()) {
            (Some(case), None) => Ok(Loaded::Present(case.pull_request)),
            _ => Err(Hinted::error(
                format!("{name} does not hold exactly one pull request"),
                "one change has one description",
            )),
        };
    }
    let Some(event) = event else { return Ok(Loaded::Absent("no pull request".into())) };
    let Some(number) = event.pull_number else {
        let why = match event.name.as_str() {
            "merge_group" => "a merge group: descriptions are judged on the pull requests themselves",
            _ => "no pull request",
        };
        return Ok(Loaded::Absent(why.into()));
    };
    let from_event = event.pull.as_ref().map(|pull| pull.pull_request.clone());
    let live = live(event, number, environment);
    Ok(match (live, from_event) {
        (Ok(pull), _) => {
            pull.notices.iter().for_each(|notice| console.warn(notice));
            Loaded::Present(pull.pull_request)
        }
        (Err(why), Some(pull_request)) => {
            console.note(&format!("the pull request is judged as the event describes it: {why}"));
            Loaded::Present(pull_request)
        }
        (Err(why), None) => Loaded::Failed(format!("pull request #{number} could not be read: {why}")),
    })
}

fn live(event: &Event, number: u64, environment: &Environment) -> Result<pulls::Pull, String> {
    let repository = event.repository.as_ref().ok_or("the event names no repository")?;
    let token = environment.token.as_ref().ok_or("there is no token to ask GitHub with")?;
    let client = Client::new(&environment.api_url, Some(token), Mode::Live, Patience::default());
    let client = client.map_err(|error| error.to_string())?;
    pulls::load(&client, repository, number).map_err(|error| error.to_string())
}

fn subject(
    change: &ChangeSet,
    ends: &Ends,
    event: Option<&Event>,
    policy: &Policy,
    environment: &Environment,
) -> Subject {
    let actions = environment.actions.as_ref();
    let repository = event.and_then(|event| event.repository.as_ref()).map(ToString::to_string);
    Subject {
        repository: repository.or_else(|| actions.and_then(|actions| actions.repository.clone())),
        server_url: actions.map(|actions| actions.server_url.trim_end_matches('/').to_string()),
        pull_request: event.and_then(|event| event.pull_number),
        base_name: ends.name.clone(),
        base_guessed: ends.guessed,
        policy: policy.source.as_ref().map(|source| source.path.clone()),
        ..Subject::of(change)
    }
}
