//! A change as `git diff --raw --numstat -z` prints it: for scripts, and for comparing ourselves with git.

use std::io::Write;

use crate::change::{Blob, ChangeSet, Diff, FileChange, Status};

/// The raw lines of all files, then their numbers, in git's `-z` form: NUL ends every field of the path.
pub fn render(change: &ChangeSet) -> Vec<u8> {
    let mut out = Vec::new();
    for file in &change.files {
        raw(&mut out, file);
    }
    for file in &change.files {
        numbers(&mut out, file);
    }
    out
}

fn raw(out: &mut Vec<u8>, file: &FileChange) {
    let digits = [&file.base, &file.head]
        .into_iter()
        .flatten()
        .find_map(|blob| blob.id.as_ref().map(|id| id.as_str().len()))
        .unwrap_or(40);
    let mode = |blob: &Option<Blob>| blob.as_ref().map_or("000000", |blob| blob.mode.octal());
    let id = |blob: &Option<Blob>| match blob.as_ref().and_then(|blob| blob.id.as_ref()) {
        Some(id) => id.as_str().to_string(),
        None => "0".repeat(digits),
    };
    let score = match file.status {
        Status::Renamed(percent) | Status::Copied(percent) => format!("{percent:03}"),
        _ => String::new(),
    };
    // Writing to memory does not fail.
    let _ = write!(
        out,
        ":{} {} {} {} {}{score}\0",
        mode(&file.base),
        mode(&file.head),
        id(&file.base),
        id(&file.head),
        file.status.letter(),
    );
    for path in file.old_path.iter().chain([&file.path]) {
        out.extend_from_slice(path.as_bytes());
        out.push(0);
    }
}

fn numbers(out: &mut Vec<u8>, file: &FileChange) {
    let _ = match &file.diff {
        Diff::Lines(_) => {
            let (added, deleted) = file.line_counts();
            write!(out, "{added}\t{deleted}\t")
        }
        Diff::Binary => write!(out, "-\t-\t"),
    };
    if let Some(old_path) = &file.old_path {
        out.push(0);
        out.extend_from_slice(old_path.as_bytes());
        out.push(0);
    }
    out.extend_from_slice(file.path.as_bytes());
    out.push(0);
}
