//! `mainguard hook`: git hooks that call mainguard, and only those that are ours are ever touched.

#![expect(clippy::disallowed_methods, reason = "writes hook files")]

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use mainguard::git::Repository;

use crate::args::HookCommand;
use crate::console::{Console, Hinted};
use crate::environment;

/// The line by which our hooks are known.
const MARK: &str = "# mainguard hook";

const HOOKS: [(&str, &str); 2] = [("pre-push", r#"pre-push "$@""#), ("pre-commit", "check --staged")];

pub(crate) fn run(command: HookCommand, repo: &Path, console: &Console) -> anyhow::Result<u8> {
    let repository = Repository::discover(repo)?;
    let folder = repository.hooks_dir();
    match command {
        HookCommand::Install { pre_commit, force } => {
            for (name, call) in HOOKS.into_iter().filter(|(name, _)| *name == "pre-push" || pre_commit) {
                install(&folder, name, call, force, console)?;
            }
        }
        HookCommand::Uninstall => uninstall(&folder, console)?,
        HookCommand::Status => {
            for (name, _) in HOOKS {
                let state = match owner(&folder.join(name))? {
                    Owner::Nobody => "not installed",
                    Owner::Mainguard => "installed",
                    Owner::Other => "another program's",
                };
                console.answer(&format!("{name}: {state} ({})\n", folder.join(name).display()))?;
            }
        }
    }
    Ok(0)
}

#[derive(PartialEq)]
enum Owner {
    Nobody,
    Mainguard,
    Other,
}

fn owner(hook: &Path) -> anyhow::Result<Owner> {
    match fs::read(hook) {
        Ok(text) if String::from_utf8_lossy(&text).lines().any(|line| line == MARK) => Ok(Owner::Mainguard),
        Ok(_) => Ok(Owner::Other),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Owner::Nobody),
        Err(error) => Err(error).with_context(|| format!("could not read the hook {}", hook.display())),
    }
}

fn install(folder: &Path, name: &str, call: &str, force: bool, console: &Console) -> anyhow::Result<()> {
    let hook = folder.join(name);
    if owner(&hook)? == Owner::Other && !force {
        return Err(Hinted::error(
            format!("{} is there already and is not mainguard's", hook.display()),
            format!("add the line `mainguard {call} || exit 1` to it, or replace it with --force"),
        ));
    }
    fs::create_dir_all(folder).with_context(|| format!("could not create {}", folder.display()))?;
    write_executable(&hook, &script(call)).with_context(|| format!("could not write {}", hook.display()))?;
    console.answer(&format!("installed {}\n", hook.display()))?;
    Ok(())
}

/// The program on PATH comes first, so that an update needs no new hook; the one that wrote the hook is the fallback.
/// When neither is there the push stops: a check that could not run is never green.
fn script(call: &str) -> String {
    let fallback = environment::program().map(|path| quote(&path)).unwrap_or_else(|| "mainguard".into());
    format!(
        "#!/bin/sh\n{MARK}\n# Written by `mainguard hook install`; `mainguard hook uninstall` removes it.\n\
         program=mainguard\n\
         command -v \"$program\" >/dev/null 2>&1 || program={fallback}\n\
         command -v \"$program\" >/dev/null 2>&1 || {{\n  \
           echo 'error: mainguard was not found, so nothing was checked' >&2\n  \
           echo 'hint: put it on PATH, or go on without it: git ... --no-verify' >&2\n  \
           exit 2\n}}\n\
         exec \"$program\" {call}\n"
    )
}

/// One word for a POSIX shell.
fn quote(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\\', "/").replace('\'', r"'\''"))
}

fn uninstall(folder: &Path, console: &Console) -> anyhow::Result<()> {
    let ours: Vec<PathBuf> = HOOKS
        .iter()
        .map(|(name, _)| folder.join(name))
        .filter_map(|hook| match owner(&hook) {
            Ok(Owner::Mainguard) => Some(Ok(hook)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
        .collect::<anyhow::Result<_>>()?;
    if ours.is_empty() {
        console.note(&format!("no hook of mainguard's in {}", folder.display()));
    }
    for hook in ours {
        fs::remove_file(&hook).with_context(|| format!("could not remove {}", hook.display()))?;
        console.answer(&format!("removed {}\n", hook.display()))?;
    }
    Ok(())
}

#[cfg(unix)]
fn write_executable(hook: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::write(hook, text)?;
    fs::set_permissions(hook, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn write_executable(hook: &Path, text: &str) -> std::io::Result<()> {
    fs::write(hook, text)
}
