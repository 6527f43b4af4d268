//! `mainguard change`: a change as mainguard reads it, for people who wonder and for tests that compare.

use std::path::Path;

use mainguard::change::{ChangeSet, Diff, FileChange, Head};
use mainguard::git::{self, Limits, Repository};
use serde_json::{Value, json};

use crate::args::{ChangeArgs, ChangeFormat};
use crate::console::Console;
use crate::gather;

pub(crate) fn run(args: &ChangeArgs, repo: &Path, console: &Console) -> anyhow::Result<u8> {
    let repository = Repository::discover(repo)?;
    let ends = gather::ends(&args.selection, None, &repository, console)?;
    let limits = Limits { copies: args.copies, ..Limits::default() };
    let change = repository.change_set(ends.base.as_ref(), &ends.head, &limits)?;
    match args.format {
        ChangeFormat::Text => console.answer(&text(&change))?,
        ChangeFormat::Raw => console.answer_bytes(&git::raw::render(&change))?,
        ChangeFormat::Json => console.answer(&serde_json::to_string_pretty(&describe(&change))?)?,
    }
    Ok(0)
}

/// A line per file: its letter, its lines, its path.
fn text(change: &ChangeSet) -> String {
    let lines = change.files.iter().map(|file| {
        let (added, deleted) = file.line_counts();
        let lines = match file.diff {
            Diff::Lines(_) => format!("+{added} \u{2212}{deleted}"),
            Diff::Binary => "binary".into(),
        };
        match &file.old_path {
            Some(old) => format!("{}  {lines:>12}  {old} -> {}\n", file.status.letter(), file.path),
            None => format!("{}  {lines:>12}  {}\n", file.status.letter(), file.path),
        }
    });
    lines.collect()
}

fn describe(change: &ChangeSet) -> Value {
    json!({
        "version": 1,
        "base": change.base.as_ref().map(|id| id.as_str()),
        "head": match &change.head {
            Head::Commit(id) => id.as_str(),
            Head::Index => "index",
            Head::WorkingTree => "working tree",
        },
        "commits": change.commits.iter().map(|commit| json!({
            "id": commit.id.as_str(),
            "parents": commit.parents.iter().map(|id| id.as_str()).collect::<Vec<_>>(),
            "author": commit.author.name,
            "subject": commit.subject(),
        })).collect::<Vec<_>>(),
        "files": change.files.iter().map(describe_file).collect::<Vec<_>>(),
    })
}

fn describe_file(file: &FileChange) -> Value {
    let (added, deleted) = file.line_counts();
    json!({
        "path": file.path.to_text(),
        "old_path": file.old_path.as_ref().map(|path| path.to_text()),
        "status": file.status.letter().to_string(),
        "added": added,
        "deleted": deleted,
        "binary": file.diff == Diff::Binary,
        "hunks": match &file.diff {
            Diff::Lines(hunks) => hunks.iter().map(|hunk| json!({
                "base": {"start": hunk.base.start + 1, "lines": hunk.base.len()},
                "head": {"start": hunk.head.start + 1, "lines": hunk.head.len()},
            })).collect(),
            Diff::Binary => Vec::new(),
        },
    })
}
