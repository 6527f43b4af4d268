//! Vulnerable and malicious dependencies that a change brings in.
//!
//! What counts is the whole repository at both ends: a package and a vulnerability (by any of its names) that stand at
//! the head in some lockfile and at the base in none. What was there before is counted and does not block, what went
//! away is said. What could not be looked at is never taken for harmless.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use globset::GlobSet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::deps::ignores::{Entry, IgnoredAdvisory};
use crate::deps::judge::{self, Vulnerability};
use crate::deps::lockfile::Paths;
use crate::deps::severity::Rating;
use crate::deps::snapshot::{Data, Placed, Snapshot, folder};
use crate::finding::{Excerpt, Finding, Fingerprint, Level, Location, Place, RuleId, RuleInfo, Span};
use crate::guards::size;

const VULNERABLE: RuleId = RuleId::new("dependencies/vulnerable");
const MALICIOUS: RuleId = RuleId::new("dependencies/malicious");
const FIXED: RuleId = RuleId::new("dependencies/fixed");
const UNUSED_IGNORE: RuleId = RuleId::new("dependencies/unused-ignore");
const STALE: RuleId = RuleId::new("dependencies/stale-data");

/// The rules of this guard.
pub const RULES: &[RuleInfo] = &[
    RuleInfo {
        id: "dependencies/vulnerable",
        level: Level::Error,
        summary: "the change brings in a version of a dependency that has a published vulnerability",
        help: "Raise the dependency to the version that the finding names; its help holds the command. A vulnerability \
               below `dependencies.fail_on` is a warning. One whose advisory tells no severity counts as \
               `dependencies.unknown_severity` (high), and is said so.\n\nOne that does not concern you is set aside under \
               `dependencies.ignore` with its id, a reason and, better, a date; `osv-scanner.toml` beside the lockfile is \
               honoured too. Both are read at the base.",
    },
    RuleInfo {
        id: "dependencies/malicious",
        level: Level::Error,
        summary: "the change brings in a package that was published to do harm",
        help: "Take the package out. Where it was installed, its code may have run: treat what that machine could reach as \
               known to strangers.",
    },
    RuleInfo {
        id: "dependencies/fixed",
        level: Level::Note,
        summary: "the change takes a vulnerability away",
        help: "Nothing to do.",
    },
    RuleInfo {
        id: "dependencies/unused-ignore",
        level: Level::Note,
        summary: "an ignored advisory matches nothing, or its time is over",
        help: "Take the entry out, or correct its id. An entry whose time is over ignores nothing.",
    },
    RuleInfo {
        id: "dependencies/stale-data",
        level: Level::Warning,
        summary: "the advisory data is older than `dependencies.max_age_days`",
        help: "Run `mainguard deps update`. What was published since the data was fetched is not known to it.",
    },
];

/// The section `dependencies` of the configuration.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Dependencies")]
pub struct Config {
    /// Whether the guard runs. Absent: when advisory data is there; `true`: without data the check could not be made.
    pub enabled: Option<bool>,
    /// The severity from which on a vulnerability blocks; below it, it is a warning.
    pub fail_on: Rating,
    /// What a vulnerability counts as of which no advisory tells a severity.
    pub unknown_severity: Rating,
    /// Whether Go's own standard library is judged by the `go` line, which is a minimum.
    pub go_stdlib: bool,
    /// From how many days on old data is a warning.
    pub max_age_days: u32,
    /// Lockfiles to leave out (globs on the whole path).
    pub ignore_paths: Vec<String>,
    /// Advisories that do not count.
    pub ignore: Vec<IgnoredAdvisory>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            enabled: None,
            fail_on: Rating::High,
            unknown_severity: Rating::High,
            go_stdlib: false,
            max_age_days: 7,
            ignore_paths: Vec::new(),
            ignore: Vec::new(),
        }
    }
}

/// The configuration, compiled.
#[derive(Clone, Debug)]
pub struct Rules {
    /// As written.
    pub config: Config,
    /// Whether somebody asked for this guard: then missing data is an error.
    pub wanted: bool,
    ignored: GlobSet,
}

impl Rules {
    /// Compiles globs and checks what types cannot say. The error names the key.
    pub fn compile(config: &Config) -> Result<Rules, (String, String)> {
        for (index, ignore) in config.ignore.iter().enumerate() {
            if ignore.reason.trim().is_empty() {
                let key = format!("dependencies.ignore[{index}].reason");
                return Err((key, "an advisory is not ignored without a reason".into()));
            }
            if ignore.id.trim().is_empty() {
                return Err((format!("dependencies.ignore[{index}].id"), "the id of an advisory is missing".into()));
            }
        }
        Ok(Rules {
            wanted: *config != Config::default() && config.enabled != Some(false),
            ignored: size::globs(&config.ignore_paths, "dependencies.ignore_paths")?,
            config: config.clone(),
        })
    }

    /// Whether a lockfile is left out.
    pub fn leaves_out(&self, path: &str) -> bool {
        self.ignored.is_match(path)
    }
}

/// What was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Lockfiles at the head.
    pub lockfiles: usize,
    /// Packages in them.
    pub packages: usize,
    /// Vulnerabilities that were there before.
    pub carried: usize,
    /// How old and how large the data is, in words.
    pub data: String,
}

/// What the guard came to.
pub struct Judged {
    /// What it says.
    pub findings: Vec<Finding>,
    /// What is set aside, with the reason.
    pub let_off: Vec<(Finding, String)>,
    /// What was looked at.
    pub checked: Checked,
    /// Why the check is not complete; `None` when it is.
    pub incomplete: Option<String>,
}

/// Judges what a change does to the dependencies of a repository. `Err`: there is nothing to judge by, and why.
pub fn check(snapshot: &Snapshot, rules: &Rules, now: DateTime<Utc>) -> Result<Judged, Missing> {
    let (advisories, age, fetched, uncovered) = match &snapshot.data {
        Data::Known { advisories, age, fetched, uncovered } => (advisories, age, *fetched, uncovered),
        Data::None(why) if rules.wanted => return Err(Missing::Broken(format!("could not check: {why}"))),
        Data::None(why) => return Err(Missing::Skipped(format!("a lockfile changed and could not be checked: {why}"))),
        Data::Failed(why) => return Err(Missing::Broken(format!("could not check: {why}"))),
    };
    let known = |all: &[Placed]| -> Vec<(usize, Vulnerability)> {
        let of = |(index, it): (usize, &Placed)| {
            let found = judge::vulnerabilities(&it.lockfile, advisories, rules.config.go_stdlib);
            found.into_iter().map(move |vulnerability| (index, vulnerability)).collect::<Vec<_>>()
        };
        all.iter().enumerate().flat_map(of).collect()
    };
    let (base, head) = (known(&snapshot.base), known(&snapshot.head));
    let plain = |all: &[(usize, Vulnerability)]| all.iter().map(|(_, it)| it.clone()).collect::<Vec<_>>();
    let comparison = judge::compare(&plain(&base), &plain(&head));
    let own = Entry::of_config(&rules.config.ignore, "dependencies.ignore");
    let mut used: BTreeSet<(String, u32, String)> = BTreeSet::new();
    let (mut findings, mut let_off) = (Vec::new(), Vec::new());
    let before = versions_by_name(&snapshot.base);
    let entries = |place: &Placed| -> Vec<&Entry> {
        let path = place.path.to_text();
        let here = snapshot.ignores.iter().filter(|(at, _)| at == folder(&path));
        own.iter().chain(here.flat_map(|(_, entries)| entries)).collect()
    };
    // What is used is used whether the finding is new or not.
    for (index, vulnerability) in &head {
        for entry in entries(&snapshot.head[*index]) {
            if entry.covers(vulnerability.ecosystem, &vulnerability.package, &vulnerability.names, now) {
                used.insert((entry.file.clone(), entry.line, entry.subject()));
            }
        }
    }
    let mut paths: BTreeMap<usize, Paths<'_>> = BTreeMap::new();
    for at in comparison.introduced {
        let (index, vulnerability) = &head[at];
        let place = &snapshot.head[*index];
        let old = before.get(&(vulnerability.ecosystem.name(), vulnerability.package.name.as_str()));
        let path = paths.entry(*index).or_insert_with(|| place.lockfile.paths()).to(vulnerability.index);
        let finding = introduced(vulnerability, place, &path, old, &rules.config, age);
        let covering = entries(place)
            .into_iter()
            .find(|entry| entry.covers(vulnerability.ecosystem, &vulnerability.package, &vulnerability.names, now));
        match covering {
            Some(entry) if entry.reason.trim().is_empty() => let_off.push((finding, format!("{} says so", entry.file))),
            Some(entry) => let_off.push((finding, entry.reason.clone())),
            None => findings.push(finding),
        }
    }
    for at in comparison.fixed {
        let (index, vulnerability) = &base[at];
        findings.push(fixed(vulnerability, &snapshot.base[*index]));
    }
    findings.extend(unused(&own, snapshot, &used, now));
    if let Some(days) = fetched.map(|fetched| (now - fetched).num_days())
        && days > i64::from(rules.config.max_age_days)
    {
        findings.push(Finding {
            rule: STALE,
            level: Level::Warning,
            message: format!("the advisory data is {days} days old"),
            location: None,
            fingerprint: Fingerprint::of(&STALE, &[]),
            help: Some("fetch it again: mainguard deps update".into()),
        });
    }
    let mut incomplete: Vec<String> =
        snapshot.unreadable.iter().map(|(path, why)| format!("{path} could not be checked: {why}")).collect();
    incomplete
        .extend(uncovered.iter().map(|it| format!("could not check {it}: the data holds nothing about its ecosystem")));
    let checked = Checked {
        lockfiles: snapshot.head.len(),
        packages: snapshot.head.iter().map(|it| it.lockfile.packages.len()).sum(),
        carried: comparison.carried.len(),
        data: age.clone(),
    };
    let incomplete = (!incomplete.is_empty()).then(|| incomplete.join("; "));
    Ok(Judged { findings, let_off, checked, incomplete })
}

/// What is known about whole lockfiles, whatever a change did; `fail_on` is the severity from which on it blocks, and one
/// that nobody knows is no milder.
pub fn whole(found: &[(&Placed, Vulnerability)], fail_on: Rating, age: &str) -> Vec<Finding> {
    let config = Config { fail_on, unknown_severity: fail_on, ..Config::default() };
    let mut paths: BTreeMap<String, Paths<'_>> = BTreeMap::new();
    let mut findings = Vec::new();
    for (place, vulnerability) in found {
        let paths = paths.entry(place.path.to_text().into_owned()).or_insert_with(|| place.lockfile.paths());
        findings.push(introduced(vulnerability, place, &paths.to(vulnerability.index), None, &config, age));
    }
    findings
}

/// Why there is no judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Nobody asked for one; the reason is said all the same.
    Skipped(String),
    /// One was asked for.
    Broken(String),
}

type Versions<'a> = BTreeMap<(&'static str, &'a str), BTreeSet<&'a str>>;

fn versions_by_name(all: &[Placed]) -> Versions<'_> {
    let mut versions = Versions::new();
    for place in all {
        let ecosystem = place.lockfile.format.ecosystem().name();
        for package in &place.lockfile.packages {
            versions.entry((ecosystem, &package.name)).or_default().insert(&package.version);
        }
    }
    versions
}

fn introduced(
    vulnerability: &Vulnerability,
    place: &Placed,
    path: &[String],
    old: Option<&BTreeSet<&str>>,
    config: &Config,
    age: &str,
) -> Finding {
    let package = &vulnerability.package;
    let malicious = vulnerability.ids.iter().any(|id| id.starts_with("MAL-"));
    let rule = if malicious { MALICIOUS } else { VULNERABLE };
    let (rating, source) = match &vulnerability.severity {
        Some(severity) => (severity.rating, format!("{}, {}", severity.rating, severity.source)),
        None => {
            let counted = config.unknown_severity;
            (counted, format!("of unknown severity, counted as {counted}"))
        }
    };
    let others: BTreeSet<&str> = old.into_iter().flatten().copied().filter(|old| *old != package.version).collect();
    let from = match others.len() {
        0 => String::new(),
        _ => format!("{} → ", others.into_iter().take(3).collect::<Vec<_>>().join(", ")),
    };
    let others = vulnerability.names.iter().filter(|name| *name != vulnerability.id());
    let others: Vec<&str> = others.map(String::as_str).take(6).collect();
    let also = if others.is_empty() { String::new() } else { format!("also {}; ", others.join(", ")) };
    let summary = match vulnerability.summary.trim() {
        "" => String::new(),
        summary => format!(": {}", summary.chars().take(200).collect::<String>()),
    };
    let message =
        format!("{} {from}{} has {} ({also}{source}){summary}", package.name, package.version, vulnerability.id());
    let mut help = Vec::new();
    match (&vulnerability.fixed, malicious) {
        (_, true) => help.push("take the package out; no version of it is to be trusted".to_string()),
        (Some(version), _) => {
            let command = place.lockfile.format.fix_command(&package.name, version);
            help.push(match command {
                Some(command) => format!("fixed in {version}: {command}"),
                None => format!("fixed in {version}"),
            });
        }
        (None, _) => help.push("no fixed version is known".into()),
    }
    if path.len() > 1 {
        help.push(format!("it comes by {}", path.join(" → ")));
    }
    help.push(format!("https://osv.dev/vulnerability/{}", vulnerability.id()));
    help.push(format!("judged by {age}"));
    Finding {
        fingerprint: Fingerprint::of(
            &rule,
            &[package.name.as_bytes(), vulnerability.id().as_bytes(), vulnerability.ecosystem.name().as_bytes()],
        ),
        rule,
        level: if rating >= config.fail_on || malicious { Level::Error } else { Level::Warning },
        message,
        location: Some(location(place, package.line)),
        help: Some(help.join("; ")),
    }
}

fn location(place: &Placed, line: u32) -> Location {
    let file = Place::File(place.path.clone());
    if line == 0 {
        return Location { place: file, span: None, excerpt: None };
    }
    let text = place.text.split('\n').nth(line as usize - 1).unwrap_or_default();
    let start = text.chars().take_while(|character| character.is_whitespace()).count() as u32 + 1;
    let end = text.trim_end().chars().count() as u32 + 1;
    let span = Span { line, column: start, end_line: line, end_column: end.max(start + 1) };
    Location { place: file, span: Some(span), excerpt: Some(Excerpt::of(&place.text, span)) }
}

fn fixed(vulnerability: &Vulnerability, place: &Placed) -> Finding {
    let package = &vulnerability.package;
    Finding {
        fingerprint: Fingerprint::of(&FIXED, &[package.name.as_bytes(), vulnerability.id().as_bytes()]),
        rule: FIXED,
        level: Level::Note,
        message: format!("{} is gone: {} is no longer at {}", vulnerability.id(), package.name, package.version),
        location: Some(Location::file(place.path.clone())),
        help: None,
    }
}

fn unused(
    own: &[Entry],
    snapshot: &Snapshot,
    used: &BTreeSet<(String, u32, String)>,
    now: DateTime<Utc>,
) -> Vec<Finding> {
    let all = own.iter().chain(snapshot.ignores.iter().flat_map(|(_, entries)| entries));
    let idle = all.filter(|entry| !used.contains(&(entry.file.clone(), entry.line, entry.subject())));
    let finding = |entry: &Entry| {
        let why = if entry.is_expired(now) { "its time is over" } else { "nothing has it" };
        Finding {
            fingerprint: Fingerprint::of(&UNUSED_IGNORE, &[entry.file.as_bytes(), entry.subject().as_bytes()]),
            rule: UNUSED_IGNORE,
            level: Level::Note,
            message: format!("{} ignores {}, and {why}", entry.file, entry.subject()),
            location: None,
            help: Some("take the entry out".into()),
        }
    };
    idle.map(finding).collect()
}
