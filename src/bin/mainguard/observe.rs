//! Finds out what a change does to contracts: compares both sides where it touches one, and runs what the policy wants
//! run on them.

#![expect(clippy::disallowed_methods, reason = "remembers which commands passed on which files")]

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;
use mainguard::change::{ChangeSet, Head, Status};
use mainguard::context::Loaded;
use mainguard::contracts::discover::{self, Pair};
use mainguard::contracts::{Impact, Observed, Outcome, Tree, Verified, compare, versions};
use mainguard::git::tree::Files;
use mainguard::git::{Limits, Repository};
use mainguard::guards::contracts::{Rules, VerifyConfig};
use mainguard::isolation::{self, Content};
use mainguard::pull_request::PullRequest;

use crate::environment::Environment;

/// What a command may be given to see, in bytes.
const MOST_BYTES: usize = 256 << 20;

/// Everything about the contracts of a change. Where it touches none, nothing is read.
pub(crate) fn contracts(
    repository: &Repository,
    change: &ChangeSet,
    pull_request: &Loaded<PullRequest>,
    rules: &Rules,
    environment: &Environment,
) -> Loaded<Observed> {
    let changed = pairs(change);
    let paths: Vec<&str> =
        changed.iter().flat_map(|pair| [pair.base.as_deref(), pair.head.as_deref()]).flatten().collect();
    let commands = rules.commands(&paths);
    let concerned = paths.iter().any(|path| rules.which().concerns(path) || could_be_referred_to(path));
    if !concerned && commands.is_empty() {
        return Loaded::Present(Observed::default());
    }
    match observe(repository, change, &changed, rules, environment.now.date_naive()) {
        Err(error) => Loaded::Failed(error.to_string()),
        Ok((base, head, comparison)) => {
            let unbumped = match rules.wants_versions() {
                true => versions::unbumped(&base, &head, &comparison),
                false => Vec::new(),
            };
            let verified = verified(&commands, &head, repository, pull_request, environment);
            let approved = approved(repository, change, pull_request, rules, environment.now.date_naive());
            match base.failure().or_else(|| head.failure()) {
                Some(error) => Loaded::Failed(error.to_string()),
                None => Loaded::Present(Observed { comparison, unbumped, verified, approved }),
            }
        }
    }
}

/// What broke when the label was set, by fingerprint, so that an approval outlives a push that changes no contract and
/// lapses with one that does. `None` when it is not known what the branch held then.
fn approved(
    repository: &Repository,
    change: &ChangeSet,
    pull_request: &Loaded<PullRequest>,
    rules: &Rules,
    today: NaiveDate,
) -> Option<Vec<String>> {
    let pull_request = pull_request.present()?;
    let applied = pull_request.label(rules.label()?)?.applied.as_ref()?;
    let then = Head::Commit(pull_request.head_at(applied.at)?.clone());
    let change = repository.change_set(change.base.as_ref(), &then, &Limits::default()).ok()?;
    let (.., comparison) = observe(repository, &change, &pairs(&change), rules, today).ok()?;
    let breaking = comparison.changes.into_iter().filter(|change| change.what.impact == Impact::Breaking);
    Some(breaking.map(|change| change.fingerprint).collect())
}

/// What the commands say that these paths concern, and nothing else about the change.
pub(crate) fn verify_only(
    repository: &Repository,
    change: &ChangeSet,
    pull_request: &Loaded<PullRequest>,
    rules: &Rules,
    environment: &Environment,
) -> anyhow::Result<Vec<Verified>> {
    let changed = pairs(change);
    let paths: Vec<&str> =
        changed.iter().flat_map(|pair| [pair.base.as_deref(), pair.head.as_deref()]).flatten().collect();
    let commands = rules.commands(&paths);
    let head = repository.files_at(Some(&change.head))?;
    let verified = verified(&commands, &head, repository, pull_request, environment);
    match head.failure() {
        Some(error) => Err(error.into()),
        None => Ok(verified),
    }
}

fn verified(
    commands: &[&(VerifyConfig, globset::GlobSet)],
    head: &Files<'_>,
    repository: &Repository,
    pull_request: &Loaded<PullRequest>,
    environment: &Environment,
) -> Vec<Verified> {
    let run = |(command, globs): &&(VerifyConfig, globset::GlobSet)| {
        let seen = head.paths().into_iter().filter(|path| globs.is_match(path)).collect();
        verify(command, seen, head, repository, pull_request, environment)
    };
    commands.iter().map(run).collect()
}

fn observe<'a>(
    repository: &'a Repository,
    change: &ChangeSet,
    changed: &[Pair],
    rules: &Rules,
    today: NaiveDate,
) -> Result<(Files<'a>, Files<'a>, compare::Comparison), mainguard::git::GitError> {
    let base = repository.files_at(change.base.clone().map(Head::Commit).as_ref())?;
    let head = repository.files_at(Some(&change.head))?;
    let jobs = discover::plan(&base, &head, changed, rules.which());
    let comparison = compare::compare(&base, &head, &jobs, &rules.options(today));
    match base.failure().or_else(|| head.failure()) {
        Some(error) => Err(error),
        None => Ok((base, head, comparison)),
    }
}

/// What the change does to contracts, and nothing about whether it may; `None` when a side cannot be read.
pub(crate) fn comparison(
    repository: &Repository,
    change: &ChangeSet,
    rules: &Rules,
    today: NaiveDate,
) -> Option<compare::Comparison> {
    let changed = pairs(change);
    let mut paths = changed.iter().flat_map(|pair| [pair.base.as_deref(), pair.head.as_deref()]).flatten();
    if !paths.any(|path| rules.which().concerns(path) || could_be_referred_to(path)) {
        return Some(compare::Comparison::default());
    }
    observe(repository, change, &changed, rules, today).ok().map(|(.., comparison)| comparison)
}

/// What git found to belong together.
pub(crate) fn pairs(change: &ChangeSet) -> Vec<Pair> {
    let pair = |file: &mainguard::change::FileChange| {
        let path = file.path.to_text().into_owned();
        let old = file.old_path.as_ref().map(|path| path.to_text().into_owned());
        match file.status {
            Status::Added | Status::Copied(_) => Pair { base: None, head: Some(path) },
            Status::Deleted => Pair { base: Some(path), head: None },
            Status::Renamed(_) => Pair { base: old, head: Some(path) },
            Status::Modified | Status::TypeChanged => Pair::same(path),
        }
    };
    change.files.iter().map(pair).collect()
}

/// A part of a document may stand anywhere; these never are one.
fn could_be_referred_to(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let tree = [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending));
    let of_tools = ["package.json", "package-lock.json", "composer.json", "composer.lock", "pnpm-lock.yaml"];
    tree && !path.starts_with(".github/") && !of_tools.contains(&name) && !name.starts_with("tsconfig")
}

fn verify(
    command: &VerifyConfig,
    seen: Vec<String>,
    head: &Files<'_>,
    repository: &Repository,
    pull_request: &Loaded<PullRequest>,
    environment: &Environment,
) -> Verified {
    let ended =
        |outcome: Outcome, last_lines: Vec<String>| Verified { name: command.name.clone(), outcome, last_lines };
    let not_run = |why: &str| ended(Outcome::NotRun(why.into()), Vec::new());
    // Whose code it is must be known before it is run beside secrets.
    let strange = match pull_request {
        Loaded::Present(pull_request) => pull_request.from_fork,
        Loaded::Failed(_) => true,
        Loaded::Absent(_) => false,
    };
    if strange {
        if let Some(name) = environment.secret() {
            return not_run(&format!("the code may come from a fork and the variable `{name}` looks like a secret"));
        }
        if repository.holds_credentials() {
            return not_run(
                "the code may come from a fork and the clone holds credentials (`persist-credentials: false`)",
            );
        }
    }
    let mut files = isolation::Files::new();
    let mut bytes = 0;
    for path in seen {
        let Some(content) = head.read(&path) else { return not_run(&format!("`{path}` could not be read")) };
        bytes += content.len();
        if bytes > MOST_BYTES {
            return not_run("its paths hold more than 256 MiB");
        }
        let executable = head.is_executable(&path);
        files.insert(path, Content { bytes: content, executable });
    }
    let known = known(repository, &isolation::identity(&command.run, &files));
    if known.exists() {
        return ended(Outcome::PassedBefore, Vec::new());
    }
    let timeout = Duration::from_secs(command.timeout);
    let run = isolation::run(&command.run, &files, timeout, &environment.for_children, &environment.temporary);
    match run {
        Err(error) => not_run(&error.to_string()),
        Ok(run) if run.timed_out => {
            ended(Outcome::NotRun(format!("it did not end within {} s", command.timeout)), run.last_lines)
        }
        Ok(run) => match run.code {
            Some(0) => {
                remember(&known);
                ended(Outcome::Passed(run.took.as_secs()), run.last_lines)
            }
            Some(code) => ended(Outcome::Failed(code), run.last_lines),
            None => ended(Outcome::NotRun("it was ended by a signal".into()), run.last_lines),
        },
    }
}

/// Only what passed is remembered: what failed may have failed for a reason outside.
fn known(repository: &Repository, identity: &str) -> PathBuf {
    repository.common_dir().join("mainguard").join("verified").join(identity)
}

fn remember(file: &PathBuf) {
    // A cache that cannot be written costs time, not truth.
    if let Some(folder) = file.parent()
        && fs::create_dir_all(folder).is_ok()
    {
        let _ = fs::write(file, b"");
    }
}
