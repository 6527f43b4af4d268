//! `mainguard pre-push`: what git is about to send, judged ref by ref.
//!
//! git writes one line per ref on stdin (githooks(5), pre-push). A deletion sends nothing and is not judged. The base
//! of a ref is what the remote has already: its old value when this clone has that commit, else where the branch left
//! the remote's main branch. The pre-commit framework keeps git's lines and sets variables instead.

use std::io::Read;
use std::path::Path;

use anyhow::Context as _;
use mainguard::change::{CommitId, Head};
use mainguard::git::pre_push::PushedRef;
use mainguard::git::{self, Repository};
use mainguard::report::Format;

use crate::args::{Judging, PrePushArgs, Printing, Selection};
use crate::commands::check;
use crate::console::Console;
use crate::environment::Environment;
use crate::gather::{self, Ends};

/// git has no limit of its own; nobody pushes this many refs by hand.
const MAX_STDIN_BYTES: u64 = 4 * 1024 * 1024;

/// Remote branches that are compared with; a remote with more has long shared its history through the first ones.
const MAX_TIPS: usize = 64;

pub(crate) fn run(args: &PrePushArgs, repo: &Path, environment: &Environment, console: &Console) -> anyhow::Result<u8> {
    let repository = Repository::discover(repo)?;
    let judging = Judging { before_pull_request: true, ..args.judging.clone() };
    let mut refs = Vec::new();
    if !std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        let mut text = Vec::new();
        let read = std::io::stdin().lock().take(MAX_STDIN_BYTES).read_to_end(&mut text);
        read.context("could not read what git writes on stdin")?;
        refs = git::pre_push::parse(&text)?;
    }
    let printing = Printing { format: Format::Text, output: Vec::new() };
    if refs.is_empty() && std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        console.note("run by hand: judging HEAD as a push would");
        let ends = gather::ends(&Selection::default(), None, &repository, console)?;
        let (verdict, report) = check::judge(&repository, ends, None, &judging, environment, console)?;
        check::print(&report, &printing, console)?;
        return Ok(verdict.outcome().exit_code());
    }
    if refs.is_empty()
        && let Some((from, to)) = &environment.pre_commit_range
    {
        let selection = Selection { base: Some(from.clone()), head: Some(to.clone()), ..Selection::default() };
        let ends = gather::ends(&selection, None, &repository, console)?;
        let (verdict, report) = check::judge(&repository, ends, None, &judging, environment, console)?;
        check::print(&report, &printing, console)?;
        return Ok(verdict.outcome().exit_code());
    }
    if refs.is_empty() {
        console.note("nothing is pushed, so nothing is judged");
    }
    let mut worst = 0;
    for pushed in &refs {
        // A deletion sends nothing.
        let Some(local_id) = pushed.local_id.clone() else { continue };
        let ends = ends(pushed, local_id, args, &repository)?;
        if ends.base.as_ref().map(|base| Head::Commit(base.clone())) == Some(ends.head.clone()) {
            continue;
        }
        let (verdict, report) = check::judge(&repository, ends, None, &judging, environment, console)?;
        check::print(&report, &printing, console)?;
        worst = worst.max(verdict.outcome().exit_code());
    }
    Ok(worst)
}

fn ends(pushed: &PushedRef, head: CommitId, args: &PrePushArgs, repository: &Repository) -> anyhow::Result<Ends> {
    let old = pushed.remote_id.as_ref().and_then(|id| repository.resolve(id.as_str()).ok());
    let (base, name) = match old {
        Some(old) => (Some(old), pushed.remote_ref.clone()),
        None => match newest_shared(repository, &head, args.remote.as_deref().unwrap_or("origin"))? {
            Some(shared) => (Some(shared), "what the remote has".into()),
            None => (None, "the empty tree".into()),
        },
    };
    Ok(Ends { base, head: Head::Commit(head), name: Some(name), guessed: true })
}

/// Of the commits that `head` shares with the remote's branches, the one that holds all others.
fn newest_shared(repository: &Repository, head: &CommitId, remote: &str) -> anyhow::Result<Option<CommitId>> {
    let mut newest: Option<CommitId> = None;
    for tip in repository.remote_tips(remote)?.iter().take(MAX_TIPS) {
        let Some(shared) = repository.merge_base(tip, head)? else { continue };
        newest = match newest {
            Some(known) if repository.merge_base(&known, &shared)?.as_ref() != Some(&known) => Some(known),
            _ => Some(shared),
        };
    }
    Ok(newest)
}
