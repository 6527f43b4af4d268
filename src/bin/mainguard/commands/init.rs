//! `mainguard init`: the files with which a repository starts. Asks nothing, overwrites nothing without `--force`.

#![expect(clippy::disallowed_methods, reason = "writes the starting files")]

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Context as _;
use mainguard::git::Repository;
use mainguard::{config, guards::critic, policy};

use crate::args::InitArgs;
use crate::console::{Console, Hinted};

const CONFIG: &str = include_str!("init/mainguard.yml");
const WORKFLOW: &str = include_str!("../../../../examples/workflows/mainguard.yml");

pub(crate) fn run(args: InitArgs, repo: &Path, console: &Console) -> anyhow::Result<u8> {
    let repository = Repository::discover(repo)?;
    let Some(top) = repository.work_dir() else {
        return Err(Hinted::error("this repository is bare: it has no files to write", "run it in a clone"));
    };
    let standing_config = config::PATHS.iter().copied().find(|path| top.join(path).exists());
    let standing_template = policy::TEMPLATE_PATHS.iter().copied().find(|path| top.join(path).exists());
    let files = [
        (".github/mainguard.yml", CONFIG, standing_config),
        (".github/pull_request_template.md", critic::TEMPLATE, standing_template),
        (".github/workflows/mainguard.yml", WORKFLOW, None),
    ];
    let mut written = 0;
    for (path, text, elsewhere) in files {
        match elsewhere.filter(|elsewhere| *elsewhere != path) {
            Some(elsewhere) => console.answer(&format!("kept     {elsewhere}\n"))?,
            None => written += usize::from(write(top, path, text, args.force, console)?),
        }
    }
    if written > 0 {
        console.note("commit these files; the policy counts once it stands on the base branch");
    }
    Ok(0)
}

fn write(top: &Path, path: &str, text: &str, force: bool, console: &Console) -> anyhow::Result<bool> {
    let file = top.join(path);
    let context = || format!("could not write {}", file.display());
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(context)?;
    }
    let mut options = fs::OpenOptions::new();
    match force {
        true => options.write(true).create(true).truncate(true),
        // The file system decides, not a look beforehand: nothing that appears in between is lost.
        false => options.write(true).create_new(true),
    };
    match options.open(&file) {
        Ok(mut handle) => handle.write_all(text.as_bytes()).with_context(context)?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            console.answer(&format!("kept     {path} (there already; --force replaces it)\n"))?;
            return Ok(false);
        }
        Err(error) => return Err(error).with_context(context),
    }
    console.answer(&format!("wrote    {path}\n"))?;
    Ok(true)
}
