//! `mainguard deps`: judge dependencies alone, fetch advisories, explain one, list a lockfile's packages.

#![expect(clippy::disallowed_methods, reason = "looks whether files stand beside each other, and for lockfiles")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use mainguard::advisories::{self, ARCHIVES_URL, Index};
use mainguard::change::Head;
use mainguard::deps::judge::{self, Vulnerability};
use mainguard::deps::severity::Rating;
use mainguard::deps::snapshot::{Data, Placed};
use mainguard::deps::{Ecosystem, Format, ignores};
use mainguard::guards::dependencies::Checked;
use mainguard::guards::{self, Guard};
use mainguard::report::{Report, Subject};
use mainguard::text::visible;
use mainguard::verdict::{Facts, GuardRun, RunStatus, Verdict};
use serde_json::json;

use crate::args::CheckArgs;
use crate::commands::check;
use crate::console::{Console, Hinted};
use crate::dependencies::{self, Source};
use crate::environment::Environment;

const EXAMPLES: &str = "\
Examples:
  mainguard deps update                          fetch the advisories of osv.dev into the cache
  mainguard deps update --from ~/osv             build the index from archives that you have
  mainguard deps check                           what this branch does to the dependencies
  mainguard deps check --lockfile Cargo.lock     everything that is known about one lockfile
  mainguard deps check --advisories api          ask api.osv.dev instead of the index
  mainguard deps explain RUSTSEC-2023-0044       what an advisory says
  mainguard deps packages Cargo.lock             what a lockfile names

Exit codes: 0 nothing blocks, 1 a finding blocks, 2 it could not be checked.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DepsArgs {
    #[command(subcommand)]
    command: DepsCommand,
}

#[derive(Debug, Subcommand)]
enum DepsCommand {
    /// Judge what a change does to the dependencies, or all that one lockfile holds
    Check(Box<DepsCheck>),
    /// Fetch advisories and write the index that checks read
    Update(Update),
    /// Say what an advisory is about
    Explain {
        /// Its id, for instance `RUSTSEC-2023-0044`
        id: String,
        /// A folder with an index or archives
        #[arg(long, visible_alias = "db", value_name = "DIR", env = "MAINGUARD_ADVISORIES")]
        advisories: Option<String>,
    },
    /// List the packages that a lockfile names
    Packages {
        /// The lockfile
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Read it as this format, called by its usual file name
        #[arg(long = "as", value_name = "NAME", value_parser = parse_format)]
        format_of: Option<Format>,
        /// How to print
        #[arg(long, value_name = "FORMAT", default_value = "text", hide_default_value = true)]
        format: Plain,
    },
}

#[derive(Debug, Args)]
struct DepsCheck {
    /// Look at this lockfile as a whole instead of at a change; may be given several times
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    lockfile: Vec<PathBuf>,
    /// Read the lockfiles as this format, called by its usual file name
    #[arg(long = "as", value_name = "NAME", requires = "lockfile", value_parser = parse_format)]
    format_of: Option<Format>,
    /// The severity from which on a vulnerability of a lockfile makes the exit code 1
    #[arg(long, value_name = "SEVERITY", default_value = "high", requires = "lockfile", value_parser = parse_rating)]
    fail_on: Rating,
    #[command(flatten)]
    check: CheckArgs,
}

#[derive(Debug, Args)]
struct Update {
    /// A folder of archives (`<ecosystem>/all.zip`) or the URL below which they lie
    #[arg(long, value_name = "DIR|URL", default_value = ARCHIVES_URL)]
    from: String,
    /// Where the index is written [default: the user's cache]
    #[arg(long, visible_alias = "db", value_name = "DIR", env = "MAINGUARD_ADVISORIES")]
    advisories: Option<PathBuf>,
    /// Of a URL, only these ecosystems (comma separated, as OSV calls them) [default: those of the lockfiles here]
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = parse_ecosystem)]
    ecosystem: Vec<Ecosystem>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Plain {
    Text,
    Json,
}

fn parse_format(name: &str) -> Result<Format, String> {
    Format::named(name).or_else(|| Format::of(name)).ok_or_else(|| {
        let names: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
        format!("the formats are {}", names.join(", "))
    })
}

fn parse_rating(name: &str) -> Result<Rating, String> {
    Rating::labelled(name).ok_or_else(|| "a severity is one of none, low, medium, high, critical".into())
}

fn parse_ecosystem(name: &str) -> Result<Ecosystem, String> {
    Ecosystem::named(name.trim()).ok_or_else(|| {
        let names: Vec<&str> = Ecosystem::ALL.iter().map(|it| it.name()).collect();
        format!("the ecosystems are {}", names.join(", "))
    })
}

pub(crate) fn run(args: DepsArgs, repo: &Path, environment: &Environment, console: &Console) -> anyhow::Result<u8> {
    match args.command {
        DepsCommand::Check(args) if args.lockfile.is_empty() => {
            check::only(Guard::Dependencies, args.check, repo, environment, console)
        }
        DepsCommand::Check(args) => lockfiles(&args, repo, environment, console),
        DepsCommand::Update(args) => update(&args, repo, environment, console),
        DepsCommand::Explain { id, advisories } => explain(&id, advisories.as_deref(), environment, console),
        DepsCommand::Packages { file, format_of, format } => packages(&file, format_of, format, console),
    }
}

/// Everything that is known about lockfiles, whatever a change did.
fn lockfiles(args: &DepsCheck, repo: &Path, environment: &Environment, console: &Console) -> anyhow::Result<u8> {
    use mainguard::report::Format as Output;
    let mut placed = Vec::new();
    for path in &args.lockfile {
        let (read, shadow) = dependencies::read_file(path, args.format_of)?;
        match shadow.filter(|shadow| shadow.exists()) {
            Some(shadow) => {
                console.note(&format!("{} is not looked at: npm prefers {}", path.display(), shadow.display()))
            }
            None => placed.push(read),
        }
    }
    dependencies::include_files(&mut placed, repo)?;
    let source = Source::of(args.check.judging.advisories.as_deref(), environment);
    let all: Vec<_> = placed.iter().map(|it| &it.lockfile).collect();
    let (advisories, age, uncovered) = match dependencies::data(&all, &source, environment) {
        Data::Known { advisories, age, uncovered, .. } => (advisories, age, uncovered),
        Data::None(why) | Data::Failed(why) => {
            return Err(Hinted::error(
                format!("could not check: {why}"),
                "without data nothing is known to be harmless",
            ));
        }
    };
    let mut found: Vec<(&Placed, Vulnerability)> = Vec::new();
    let mut set_aside = 0;
    for it in &placed {
        let entries = ignore_entries(it)?;
        for vulnerability in judge::vulnerabilities(&it.lockfile, &advisories, false) {
            let covers = |entry: &ignores::Entry| {
                entry.covers(vulnerability.ecosystem, &vulnerability.package, &vulnerability.names, environment.now)
            };
            match entries.iter().any(covers) {
                true => set_aside += 1,
                false => found.push((it, vulnerability)),
            }
        }
    }
    let report = || {
        let checked = Checked {
            lockfiles: all.len(),
            packages: all.iter().map(|it| it.packages.len()).sum(),
            carried: 0,
            data: age.clone(),
        };
        let mut verdict = Verdict {
            runs: vec![GuardRun { guard: Guard::Dependencies, status: RunStatus::Ran(Facts::Dependencies(checked)) }],
            findings: guards::dependencies::whole(&found, args.fail_on, &age),
            suppressed: Vec::new(),
            labels: Vec::new(),
        };
        verdict.sort();
        let subject = Subject {
            head: Head::WorkingTree,
            files: all.len(),
            tool_version: env!("CARGO_PKG_VERSION").into(),
            ..Subject::default()
        };
        Report::of(&verdict, &subject)
    };
    let printing = &args.check.printing;
    match printing.format {
        Output::Json => console.answer(&as_json(&found, &age))?,
        Output::Text => console.answer(&as_text(&found, &all, &age))?,
        _ => check::print(&report(), printing, console)?,
    }
    if matches!(printing.format, Output::Json | Output::Text) {
        check::write_files(&report(), printing)?;
    }
    if set_aside > 0 {
        console.note(&format!("{set_aside} set aside by {}", ignores::FILE));
    }
    if !uncovered.is_empty() {
        let what = uncovered.join(", ");
        return Err(Hinted::error(
            format!("could not check {what}: the data holds nothing about its ecosystem"),
            "fetch it: `mainguard deps update --ecosystem NAME`",
        ));
    }
    // Unknown is not harmless.
    let counts = |it: &Vulnerability| it.severity.as_ref().is_none_or(|severity| severity.rating >= args.fail_on);
    Ok(u8::from(found.iter().any(|(_, it)| counts(it))))
}

/// `osv-scanner.toml` beside the lockfile.
fn ignore_entries(placed: &Placed) -> anyhow::Result<Vec<ignores::Entry>> {
    let name = placed.path.to_text();
    let beside = Path::new(&*name).with_file_name(ignores::FILE);
    if !beside.is_file() {
        return Ok(Vec::new());
    }
    let bytes = crate::gather::read_bounded(&beside)?;
    Ok(ignores::osv_scanner(&bytes, &beside.display().to_string())?)
}

fn as_json(found: &[(&Placed, Vulnerability)], age: &str) -> String {
    let ways = ways(found);
    let list: Vec<_> = found
        .iter()
        .zip(&ways)
        .flat_map(|((placed, it), way)| {
            it.ids.iter().map(move |id| {
                json!({
                    "package": it.package.name,
                    "version": it.package.version,
                    "ecosystem": it.ecosystem.name(),
                    "id": id,
                    "aliases": it.names.iter().filter(|name| *name != id).collect::<Vec<_>>(),
                    "severity": it.severity.as_ref().map_or("unknown", |severity| severity.rating.as_str()),
                    "score": it.severity.as_ref().and_then(|severity| severity.score),
                    "severity_source": it.severity.as_ref().map(|severity| &severity.source),
                    "fixed": it.fixed,
                    "path": way,
                    "file": placed.path.to_text(),
                    "line": it.package.line,
                })
            })
        })
        .collect();
    let report = json!({ "version": 1, "data": age, "vulnerabilities": list });
    format!("{report:#}\n")
}

/// The way to each package; a lockfile's graph is walked once.
fn ways(found: &[(&Placed, Vulnerability)]) -> Vec<Vec<String>> {
    let mut known = BTreeMap::new();
    let mut ways = Vec::new();
    for (placed, it) in found {
        let paths = known.entry(placed.path.to_text()).or_insert_with(|| placed.lockfile.paths());
        ways.push(paths.to(it.index));
    }
    ways
}

fn as_text(found: &[(&Placed, Vulnerability)], all: &[&mainguard::deps::Lockfile], age: &str) -> String {
    let mut text = String::new();
    for ((placed, it), way) in found.iter().zip(ways(found)) {
        let severity =
            it.severity.as_ref().map_or("unknown".to_string(), |it| format!("{} ({})", it.rating, it.source));
        let _ = writeln!(text, "{}:{}", visible(&placed.path.to_text()), it.package.line);
        let line = format!("{}: {} [{severity}] {}", it.package, it.id(), it.summary);
        let _ = writeln!(text, "  {}", visible(&line));
        if way.len() > 1 {
            let _ = writeln!(text, "  by {}", visible(&way.join(" → ")));
        }
        if let Some(fixed) = &it.fixed {
            let command = placed.lockfile.format.fix_command(&it.package.name, fixed).unwrap_or_default();
            let _ = writeln!(text, "  fixed in {}: {command}", visible(fixed));
        }
    }
    let packages: usize = all.iter().map(|it| it.packages.len()).sum();
    let vulnerabilities = match found.len() {
        1 => "1 vulnerability".to_string(),
        count => format!("{count} vulnerabilities"),
    };
    let _ = writeln!(text, "{vulnerabilities} in {packages} packages; {age}");
    text
}

fn update(args: &Update, repo: &Path, environment: &Environment, console: &Console) -> anyhow::Result<u8> {
    let into = args.advisories.clone().unwrap_or_else(|| environment.cache.join("advisories"));
    let hinted = |error: advisories::DataError| {
        let hint = error.hint().unwrap_or_else(|| "is the folder writable?".into());
        Hinted::error(error.to_string(), hint)
    };
    let remote = args.from.starts_with("https://") || args.from.starts_with("http://");
    let archives = match remote {
        false => PathBuf::from(&args.from),
        true => {
            let ecosystems = match args.ecosystem.is_empty() {
                true => used_here(repo)?,
                false => args.ecosystem.clone(),
            };
            let names: Vec<&str> = ecosystems.iter().map(|it| it.name()).collect();
            console.note(&format!("fetching the advisories of {}", names.join(", ")));
            let folder = environment.cache.join("archives");
            for lacking in advisories::download(&args.from, &ecosystems, &folder).map_err(hinted)? {
                console.warn(&format!("there are no advisories for {lacking} there"));
            }
            folder
        }
    };
    let about = advisories::update(&archives, &into, environment.now).map_err(hinted)?;
    for (ecosystem, records) in &about.ecosystems {
        console.answer(&format!("{ecosystem}: {records} advisories"))?;
    }
    console.answer(&format!("{} in {}", about.age(environment.now), into.display()))?;
    Ok(0)
}

/// The ecosystems of the lockfiles at HEAD.
fn used_here(repo: &Path) -> anyhow::Result<Vec<Ecosystem>> {
    let hint = "name them: `mainguard deps update --ecosystem npm,crates.io`";
    let repository = mainguard::git::Repository::discover(repo)?;
    let Some(head) = repository.head()? else { return Err(Hinted::error("there is no commit yet", hint)) };
    let files = repository.files_named(&head, |path| Format::of(path).is_some())?;
    let mut ecosystems: Vec<Ecosystem> =
        files.iter().filter_map(|path| Format::of(&path.to_text())).map(Format::ecosystem).collect();
    ecosystems.sort();
    ecosystems.dedup();
    match ecosystems.is_empty() {
        true => Err(Hinted::error("there is no lockfile in this repository", hint)),
        false => Ok(ecosystems),
    }
}

fn explain(id: &str, folder: Option<&str>, environment: &Environment, console: &Console) -> anyhow::Result<u8> {
    let Source::Folder(folder) = Source::of(folder, environment) else {
        return Err(Hinted::error("an advisory is explained from a folder", "run `mainguard deps update` first"));
    };
    let mut index = Index::open(&folder).map_err(|error| {
        let hint = error.hint().unwrap_or_default();
        Hinted::error(error.to_string(), hint)
    })?;
    let Some(record) = index.record(id)? else {
        return Err(Hinted::error(
            format!("no advisory is called {}", visible(id)),
            format!("https://osv.dev/vulnerability/{} may know it", visible(id)),
        ));
    };
    let mut text = format!("{}\n", record.id);
    let _ = writeln!(text, "  {}", visible(&record.summary));
    if !record.aliases.is_empty() {
        let _ = writeln!(text, "  also {}", visible(&record.aliases.join(", ")));
    }
    let severity = mainguard::deps::severity::of(&record);
    let severity = severity.map_or("unknown".to_string(), |it| match it.score {
        Some(score) => format!("{} ({score}, {})", it.rating, it.source),
        None => format!("{} ({})", it.rating, it.source),
    });
    let _ = writeln!(text, "  severity {}", visible(&severity));
    for affected in &record.affected {
        let mut ranges = Vec::new();
        for event in affected.ranges.iter().filter(|range| range.kind != "GIT").flat_map(|range| &range.events) {
            ranges.extend(event.iter().map(|(what, version)| format!("{what} {version}")));
        }
        let line = format!("{} {}: {}", affected.package.ecosystem, affected.package.name, ranges.join(", "));
        let _ = writeln!(text, "  {}", visible(&line));
    }
    let _ = writeln!(text, "  https://osv.dev/vulnerability/{}", visible(&record.id));
    let _ = writeln!(text, "{}", index.about_itself().age(environment.now));
    console.answer(&text)?;
    Ok(0)
}

fn packages(file: &Path, format_of: Option<Format>, format: Plain, console: &Console) -> anyhow::Result<u8> {
    let (placed, shadow) = dependencies::read_file(file, format_of)?;
    let mut packages = placed.lockfile.packages.as_slice();
    if let Some(shadow) = shadow.filter(|shadow| shadow.exists()) {
        console.note(&format!("npm prefers {}", shadow.display()));
        packages = &[];
    }
    let ecosystem = placed.lockfile.format.ecosystem().name();
    let text = match format {
        Plain::Json => {
            let package = |it: &mainguard::deps::Package| {
                let mut object = json!({ "ecosystem": ecosystem, "name": it.name, "version": it.version });
                if let (Some(commit), Some(object)) = (&it.commit, object.as_object_mut()) {
                    object.insert("commit".into(), json!(commit));
                }
                if let Some(object) = object.as_object_mut() {
                    object.insert("groups".into(), json!(it.groups));
                }
                object
            };
            format!("{:#}\n", serde_json::Value::from(packages.iter().map(package).collect::<Vec<_>>()))
        }
        Plain::Text => packages.iter().fold(String::new(), |mut text, it| {
            let groups = if it.groups.is_empty() { String::new() } else { format!(" ({})", it.groups.join(", ")) };
            let _ = writeln!(text, "{}{}", visible(&it.to_string()), visible(&groups));
            text
        }),
    };
    console.answer(&text)?;
    Ok(0)
}
