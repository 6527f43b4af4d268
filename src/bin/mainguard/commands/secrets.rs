//! `mainguard secrets`: gitleaks' commands over our sources, rules and reports.
//!
//! Everything that gitleaks writes to a report or to stdout is written as gitleaks does. What is said on stderr is
//! ours: what was scanned, what was not and should have been, ignore entries that ignored nothing.

#![expect(clippy::disallowed_methods, reason = "reads ignore files and baselines, writes reports, measures time")]

use std::fs;
use std::io::Write as _;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use mainguard::secrets::baseline::Baseline;
use mainguard::secrets::ignores::Ignores;
use mainguard::secrets::{Leak, RuleSet, report};
use mainguard::sources::platforms::Platform;

use crate::console::{Console, Hinted};
use crate::environment::Environment;

pub(crate) mod args;
pub(crate) mod explain;
pub(crate) mod rules_in_force;
mod said;
mod scan;
mod tokens;
mod write;

use args::{ScanArgs, SecretsArgs, SecretsCommand};
use rules_in_force::InForce;
use said::Said;
use scan::{Git, Job, Scanned};

/// What gitleaks exits with when it does not know a flag: "command invoked cannot execute".
const EXIT_UNKNOWN_FLAG: u8 = 126;
/// What gitleaks exits with when something else is wrong.
pub(crate) const EXIT_BROKEN: u8 = 1;

/// The exit code for arguments that clap refused; `None` unless they are for `mainguard secrets`.
pub(crate) fn exit_of_usage(error: &clap::Error, mut words: impl Iterator<Item = String>) -> Option<u8> {
    while let Some(word) = words.next() {
        match word.as_str() {
            "-C" | "--repo" | "--color" => drop(words.next()),
            "secrets" => {
                let unknown = error.kind() == clap::error::ErrorKind::UnknownArgument;
                return Some(if unknown { EXIT_UNKNOWN_FLAG } else { EXIT_BROKEN });
            }
            word if word.starts_with('-') => {}
            _ => return None,
        }
    }
    None
}

pub(crate) fn run(args: SecretsArgs, repo: &Path, environment: &Environment, console: &Console) -> anyhow::Result<u8> {
    let here = |source: Option<PathBuf>| match source {
        // Joined to `.`, paths would be reported with `./` before them.
        Some(source) if !source.as_os_str().is_empty() && repo == Path::new(".") => source,
        Some(source) if !source.as_os_str().is_empty() => repo.join(source),
        _ => repo.to_owned(),
    };
    let job = match args.command {
        SecretsCommand::Explain { what } => {
            let inline = environment.gitleaks_config_toml.as_deref();
            let InForce { rules, .. } = rules_in_force::find(args.scan.config.as_deref(), inline, repo, console)?;
            console.answer(&explain::explain(&what, &rules)?)?;
            return Ok(0);
        }
        SecretsCommand::Git(git) => {
            let scope = match (git.staged, git.pre_commit) {
                (true, _) => Git::Staged,
                (false, true) => Git::Unstaged,
                (false, false) => Git::Log { options: git.log_opts, platform: git.platform },
            };
            Job::Git { source: here(git.source), scope }
        }
        SecretsCommand::Dir(dir) => Job::Files { source: here(dir.source), follow_links: dir.follow_symlinks },
        SecretsCommand::Stdin => Job::Stdin,
        SecretsCommand::Detect(detect) => {
            let source = here(Some(detect.source));
            match (detect.no_git, detect.pipe) {
                (true, _) => Job::Files { source, follow_links: detect.follow_symlinks },
                (false, true) => Job::Stdin,
                (false, false) => {
                    Job::Git { source, scope: Git::Log { options: detect.log_opts, platform: detect.platform } }
                }
            }
        }
        SecretsCommand::Protect(protect) => {
            let scope = if protect.staged { Git::Staged } else { Git::Unstaged };
            Job::Git { source: here(Some(protect.source)), scope }
        }
    };
    scan_and_tell(&args.scan, &job, environment, console)
}

fn scan_and_tell(args: &ScanArgs, job: &Job, environment: &Environment, console: &Console) -> anyhow::Result<u8> {
    let started = Instant::now();
    let said = Said::new(console, &args.log_level);
    let source = job.source();
    if !source.exists() {
        return Err(Hinted::error(
            format!("{} does not exist", source.display()),
            "give the path of a folder or a file",
        ));
    }
    let inline = environment.gitleaks_config_toml.as_deref();
    let InForce { rules, origin } = rules_in_force::find(args.config.as_deref(), inline, source, console)?;
    // As the scanner that is made of them: not worth taking apart.
    let mut rules = ManuallyDrop::new(rules);
    said.debug(&format!("{} rules from {origin}", rules.rules.len()));
    if args.diagnostics.is_some() {
        said.warn("--diagnostics is accepted and does nothing: there are no diagnostics");
    }
    keep_enabled(&mut rules, &args.enable_rule)?;
    let asked = tokens::asked(args, environment.ci)?;
    let report = write::Report::planned(args)?;
    let mut ignores = ignores(args, source, &said)?;
    let baseline = args.baseline_path.as_deref().map(baseline).transpose()?;

    let cancel = Arc::new(AtomicBool::new(false));
    if args.timeout > 0 {
        let (cancel, timeout) = (Arc::clone(&cancel), Duration::from_secs(args.timeout));
        std::thread::spawn(move || {
            std::thread::sleep(timeout);
            cancel.store(true, Ordering::Relaxed);
        });
    }
    let Scanned { mut leaks, summary, problems, web } = scan::scan(args, job, &rules, &cancel, &said)?;

    let redact = args.redact.unwrap_or(0).min(100);
    leaks.retain(|leak| !ignores.covers(leak) && !baseline.as_ref().is_some_and(|known| known.knows(leak, redact > 0)));
    said.info_lines(&tokens::checked(&mut leaks, args.check_tokens, environment.now));
    report::sort(&mut leaks);
    let verified = tokens::verified(&mut leaks, &asked, args.check_tokens)?;
    if let Some((platform, web)) = &web {
        add_links(&mut leaks, *platform, web);
    }
    let fingerprints = said.list(&leaks, args.verbose || report.is_stdout(), environment.now);
    leaks.iter_mut().for_each(|leak| mainguard::secrets::redact::redact(leak, redact));
    if args.verbose {
        let coloured = console.color && !args.no_color;
        let mut stdout = std::io::stdout().lock();
        for leak in &leaks {
            stdout.write_all(write::verbose(leak, coloured).as_bytes())?;
        }
    }

    for problem in &problems {
        said.error(problem);
    }
    if summary.nothing {
        said.warn(&format!("nothing was scanned: {}", summary.text));
    } else {
        said.info(&format!("scanned {} in {}", summary.text, said::duration(started.elapsed())));
    }
    let timed_out = cancel.load(Ordering::Relaxed);
    if timed_out {
        said.error(&format!("the scan was stopped after {} s and is not complete", args.timeout));
    }
    if job.sees_everything() && !timed_out {
        for entry in ignores.unused() {
            said.info(&format!("{}:{} ignores nothing: {}", entry.file, entry.line, entry.text));
        }
    }
    match leaks.len() {
        0 => said.info("no leaks found"),
        count => said.warn(&format!("leaks found: {count}")),
    }
    said.info_lines(&fingerprints);
    said.info_lines(&verified);
    report.write(&leaks, &rules)?;

    let complete = problems.is_empty() && !timed_out;
    Ok(match (complete, leaks.is_empty()) {
        (false, _) => EXIT_BROKEN,
        (true, false) => args.exit_code,
        (true, true) => 0,
    })
}

/// `--enable-rule`: these and no others.
fn keep_enabled(rules: &mut RuleSet, enabled: &[String]) -> anyhow::Result<()> {
    if enabled.is_empty() {
        return Ok(());
    }
    if let Some(unknown) = enabled.iter().find(|id| rules.get(id).is_none()) {
        let hint = match mainguard::text::nearest(unknown, rules.rules.iter().map(|rule| rule.id.as_str())) {
            Some(known) => format!("did you mean `{known}`?"),
            None => "`mainguard rules list` lists the built-in rules".into(),
        };
        return Err(Hinted::error(format!("--enable-rule names `{unknown}`, which is no rule"), hint));
    }
    rules.rules.retain(|rule| enabled.contains(&rule.id));
    Ok(())
}

/// The ignore files in force: that of `-i` and the target's own.
fn ignores(args: &ScanArgs, source: &Path, said: &Said<'_>) -> anyhow::Result<Ignores> {
    let asked = &args.gitleaks_ignore_path;
    let mut files = vec![asked.clone(), asked.join(".gitleaksignore"), source.join(".gitleaksignore")];
    files.retain(|file| file.is_file());
    // The same file by two names would say everything twice.
    let mut seen = Vec::new();
    let mut ignores = Ignores::default();
    for file in files {
        let real = fs::canonicalize(&file).unwrap_or_else(|_| file.clone());
        if seen.contains(&real) {
            continue;
        }
        let text = fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        for odd in ignores.add(&text, &file.display().to_string()) {
            said.warn(&odd.to_string());
        }
        seen.push(real);
    }
    Ok(ignores)
}

fn baseline(path: &Path) -> anyhow::Result<Baseline> {
    let text = fs::read(path).with_context(|| format!("the baseline {} cannot be read", path.display()))?;
    Baseline::parse(&text, &path.display().to_string()).map_err(|error| {
        let hint = error.hint().unwrap_or_else(|| "write one with `-f json -r baseline.json`".into());
        Hinted::error(error.to_string(), hint)
    })
}

/// Web addresses of what was found in history.
fn add_links(leaks: &mut [Leak], platform: Platform, web: &str) {
    for leak in leaks.iter_mut() {
        let Some(commit) = leak.commit.clone().filter(|commit| !commit.id.is_empty()) else { continue };
        let path = String::from_utf8_lossy(&leak.file).into_owned();
        leak.link = platform.link(web, &commit.id, &path, leak.start_line, leak.end_line);
    }
}
