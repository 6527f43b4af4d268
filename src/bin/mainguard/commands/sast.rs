//! `mainguard sast`: whole files and folders held against the rules for code.

#![expect(clippy::disallowed_methods, reason = "reads the files and folders that are named")]

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueHint};
use mainguard::change::Head;
use mainguard::change::RepoPath;
use mainguard::guards::Guard;
use mainguard::guards::sast::{self, Config, Rules};
use mainguard::report::{Format, Report, Subject};
use mainguard::sast::ignore_file::{self, IgnoreFile};
use mainguard::sast::{self as code, MOST_BYTES, Parse, Scan, Task, scan_all};
use mainguard::verdict::{Facts, GuardRun, RunStatus, Suppressed, Verdict};
use serde::Serialize;

use crate::args::Printing;
use crate::commands::check;
use crate::console::{Console, Hinted};
use crate::gather;

const EXAMPLES: &str = "\
Examples:
  mainguard sast                         the whole working tree
  mainguard sast src api/server.py       these only
  mainguard sast --format sarif > code.sarif
  mainguard sast --rules ci/rules src    with rules of your own
  mainguard check --only sast            only what a change brings in

Exit codes: 0 nothing blocks, 1 a finding blocks, 2 the files could not be read.";

/// Folders in folders; deeper than any file system allows a path to be.
const DEEPEST: usize = 1_024;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SastArgs {
    /// Files and folders [default: the repository]
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    paths: Vec<PathBuf>,
    /// A rule file, or a folder of them, beside the built-in rules [default: `sast.rules`]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    rules: Option<PathBuf>,
    #[command(flatten)]
    printing: Printing,
}

/// A file that was read.
struct Source {
    path: RepoPath,
    content: Vec<u8>,
    parse: Parse,
}

pub(crate) fn run(args: &SastArgs, repo: &Path, console: &Console) -> anyhow::Result<u8> {
    let rules = rules(args, repo)?;
    let roots = if args.paths.is_empty() { vec![repo.to_path_buf()] } else { args.paths.clone() };
    let mut sources = Vec::new();
    for root in &roots {
        collect(root, &mut sources).with_context(|| format!("could not read {}", root.display()))?;
    }
    let tasks: Vec<Task<'_>> =
        sources.iter().map(|source| (source.path.as_bytes(), source.content.as_slice(), source.parse)).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let scans = scan_all(&rules.pack, &tasks, threads);
    let files: Vec<(RepoPath, &[u8], Scan)> = sources
        .iter()
        .zip(scans)
        .filter(|(_, scan)| scan.applies)
        .map(|(source, scan)| (source.path.clone(), source.content.as_slice(), scan))
        .collect();
    let found = sast::whole(&files, &rules);
    let mut verdict = Verdict {
        runs: vec![GuardRun { guard: Guard::Sast, status: RunStatus::Ran(Facts::None) }],
        findings: found.findings,
        suppressed: found.let_off.into_iter().map(|(finding, reason)| Suppressed { finding, reason }).collect(),
        labels: Vec::new(),
    };
    verdict.sort();
    let subject = Subject {
        head: Head::WorkingTree,
        files: files.len(),
        tool_version: env!("CARGO_PKG_VERSION").into(),
        ..Subject::default()
    };
    let report = Report::of(&verdict, &subject);
    match args.printing.format {
        Format::Json => console.answer(&json(&files))?,
        _ => check::print(&report, &args.printing, console)?,
    }
    Ok(verdict.outcome().exit_code())
}

/// The built-in rules, those of the working tree's configuration, and those of the command line.
fn rules(args: &SastArgs, repo: &Path) -> anyhow::Result<Rules> {
    let repository = mainguard::git::Repository::discover(repo).ok();
    let top = repository.as_ref().and_then(|repository| repository.work_dir().map(Path::to_path_buf));
    let mut config = match &repository {
        Some(repository) => gather::working_policy(repository)?.config.sast,
        None => Config::default(),
    };
    config.enabled = true;
    let top = match &args.rules {
        Some(path) => {
            config.rules = Some(path.display().to_string());
            PathBuf::new()
        }
        None => top.unwrap_or_default(),
    };
    let read = |path: &str| match fs::metadata(top.join(path)) {
        Ok(metadata) if metadata.is_file() => fs::read(top.join(path)).map(Some).map_err(anyhow::Error::from),
        _ => Ok(None),
    };
    let list = |folder: &str| -> Result<Vec<String>, Problem> {
        let Ok(entries) = fs::read_dir(top.join(folder)) else { return Ok(Vec::new()) };
        Ok(entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
    };
    let loaded = Rules::load(&config, |path| read(path).map_err(Problem), list);
    loaded.map_err(|problem| problem.0)?.context("the guard is turned off")
}

/// Whatever went wrong, with its advice.
struct Problem(anyhow::Error);

impl From<sast::RulesError> for Problem {
    fn from(error: sast::RulesError) -> Problem {
        Problem(Hinted::error(error.to_string(), error.hint().unwrap_or_default()))
    }
}

/// A file that is named is looked at whatever it is called; a folder without what its ignore files leave out.
fn collect(root: &Path, sources: &mut Vec<Source>) -> anyhow::Result<()> {
    let metadata = fs::metadata(root)?;
    if metadata.is_file() {
        sources.push(Source { path: shown(root), content: read(root)?, parse: Parse::Always });
        return Ok(());
    }
    let ignore = |folder: &Path, name: &str| {
        let text = fs::read_to_string(folder.join(name)).ok()?;
        Some(IgnoreFile::parse(&text, |file| fs::read_to_string(folder.join(file)).ok()))
    };
    let semgrep = ignore(root, ignore_file::NAME).unwrap_or_else(IgnoreFile::template);
    let mut ignores = vec![(String::new(), semgrep)];
    folder(root, "", 0, &mut ignores, &|folder| ignore(folder, ".gitignore"), sources)
}

/// One folder; `inside` is its path below the root, with a slash at the end.
fn folder(
    path: &Path,
    inside: &str,
    depth: usize,
    ignores: &mut Vec<(String, IgnoreFile)>,
    ignore: &dyn Fn(&Path) -> Option<IgnoreFile>,
    sources: &mut Vec<Source>,
) -> anyhow::Result<()> {
    anyhow::ensure!(depth < DEEPEST, "{} is nested too deep", path.display());
    let mine = ignore(path).map(|file| (inside.to_string(), file));
    let before = ignores.len();
    ignores.extend(mine);
    let mut entries: Vec<_> = fs::read_dir(path)?.flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let Ok(kind) = entry.file_type() else { continue };
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let below = format!("{inside}{name}");
        let left_out = ignores
            .iter()
            .any(|(at, file)| below.strip_prefix(at.as_str()).is_some_and(|rest| file.names(rest, kind.is_dir())));
        if left_out || name == ".git" {
            continue;
        }
        if kind.is_dir() {
            folder(&entry.path(), &format!("{below}/"), depth + 1, ignores, ignore, sources)?;
        } else if kind.is_file() && code::may_apply(below.as_bytes()) {
            let content = read(&entry.path()).with_context(|| format!("could not read {}", entry.path().display()))?;
            sources.push(Source { path: shown(&entry.path()), content, parse: Parse::IfNeeded });
        }
    }
    ignores.truncate(before);
    Ok(())
}

/// No more than is needed to see that a file is too large.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(MOST_BYTES as u64 + 1).read_to_end(&mut content)?;
    Ok(content)
}

fn shown(path: &Path) -> RepoPath {
    let path = path.strip_prefix(".").unwrap_or(path);
    RepoPath::new(path.as_os_str().as_encoded_bytes().to_vec())
}

/// The answer for scripts.
#[derive(Serialize)]
struct Answer<'a> {
    version: u32,
    findings: Vec<Line<'a>>,
    suppressed: Vec<Line<'a>>,
    not_checked: Vec<NotChecked<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    path: String,
    line: u32,
    end_line: u32,
    class: &'a str,
    rule: &'a str,
    severity: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Serialize)]
struct NotChecked<'a> {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    reason: &'a str,
}

fn json(files: &[(RepoPath, &[u8], Scan)]) -> String {
    let mut answer = Answer { version: 1, findings: Vec::new(), suppressed: Vec::new(), not_checked: Vec::new() };
    for (path, _, scan) in files {
        let path = || path.to_text().into_owned();
        for hit in &scan.hits {
            let suppression = hit.suppressed.and_then(|index| scan.suppressions.get(index));
            let line = Line {
                path: path(),
                line: hit.line,
                end_line: hit.end_line,
                class: &hit.class,
                rule: &hit.rule,
                severity: hit.severity.as_str(),
                message: &hit.message,
                reason: suppression.map(code::Suppression::words),
            };
            match suppression {
                Some(_) => answer.suppressed.push(line),
                None => answer.findings.push(line),
            }
        }
        let unread = scan.unread.iter();
        answer.not_checked.extend(unread.map(|unread| NotChecked {
            path: path(),
            line: unread.lines.map(|(line, _)| line),
            reason: &unread.reason,
        }));
    }
    serde_json::to_string_pretty(&answer).unwrap_or_default()
}
