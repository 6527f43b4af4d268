//! Loads what `check` needs: the event, the change, the policy at its base, what GitHub says about the pull request.

#![expect(clippy::disallowed_methods, reason = "reads the event's payload and the files that flags name")]

use std::fs;
use std::io::Read;
use std::path::Path;

use anyhow::Context as _;
use mainguard::change::{ChangeSet, CommitId, Head};
use mainguard::context::{Context, Loaded};
use mainguard::git::{Limits, Repository};
use mainguard::github::payload::{self, Event};
use mainguard::policy::Policy;
use mainguard::pull_request::PullRequest;
use mainguard::report::Subject;

use crate::args::{Judging, Selection};
use crate::console::{Console, Hinted};
use crate::environment::Environment;

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
        Some(guess) => {
            let name = format!("{} ({})", guess.name, guess.how);
            Ok(Ends { base: Some(guess.commit), head, name: Some(name), guessed: true })
        }
        None => alone(repository, commit.clone(), "", console),
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
        true => Err(Hinted::error("the file is larger than 32 MiB", "give the file that GitHub wrote")),
        false => Ok(bytes),
    }
}
