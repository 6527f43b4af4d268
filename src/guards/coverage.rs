//! How much of what a change brings in the tests ran through.
//!
//! The report is made by the build; here it is held against the lines that the change added. What was not measured is
//! said to be so, and is no pass.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::change::{FileChange, RepoPath, Status};
use crate::coverage::{Count, File, Located, Remap, Report};
use crate::finding::{Finding, Fingerprint, Level, Location, Place, RuleId, RuleInfo, Span};

/// The rules of the guard.
pub const RULES: &[RuleInfo] = &[
    RuleInfo {
        id: "coverage/changed-lines",
        level: Level::Warning,
        summary: "the tests do not run through enough of the lines that the change adds",
        help: "Of the added lines that a test could run through, too few were run: `coverage.threshold` (80 %) makes a warning, \
               `coverage.fail_under` blocks. The lines are listed; add tests that run them, or take out what nothing needs.",
    },
    RuleInfo {
        id: "coverage/total",
        level: Level::Warning,
        summary: "the tests do not run through enough of the whole",
        help: "The whole of what was measured lies below `coverage.threshold`; `coverage.fail_under_total` makes this block.",
    },
    RuleInfo {
        id: "coverage/uncovered",
        level: Level::Note,
        summary: "lines that the change adds and no test runs through",
        help: "Shown when the change as a whole lies below the threshold.",
    },
    RuleInfo {
        id: "coverage/not-measured",
        level: Level::Note,
        summary: "a changed file is not in the report",
        help: "The report knows files of this kind and not this one: no test loads it, or the report leaves it out. Its lines \
               count neither as covered nor as uncovered.",
    },
];

const CHANGED: RuleId = RuleId::new("coverage/changed-lines");
const TOTAL: RuleId = RuleId::new("coverage/total");
const UNCOVERED: RuleId = RuleId::new("coverage/uncovered");
const NOT_MEASURED: RuleId = RuleId::new("coverage/not-measured");

/// Files that are listed one by one.
const MOST_FILES: usize = 20;

/// Where tools write their reports when nobody tells them otherwise.
pub const USUAL_PLACES: &[&str] = &[
    "coverage/lcov.info",
    "lcov.info",
    "coverage.lcov",
    "coverage/coverage-final.json",
    "coverage/coverage-summary.json",
    "coverage.xml",
    "cobertura.xml",
    "coverage/cobertura-coverage.xml",
    "coverage.json",
    "target/site/jacoco/jacoco.xml",
    "build/reports/jacoco/test/jacocoTestReport.xml",
    "coverage.out",
    "cover.out",
];

/// The section `coverage` of the configuration.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether the guard runs.
    pub enabled: bool,
    /// Where the reports stand; several are merged. Without it, the first that exists of the usual places.
    pub reports: Vec<String>,
    /// Below this, in percent, there is a warning.
    #[schemars(range(min = 0, max = 100))]
    pub threshold: f64,
    /// Below this, in percent of the added lines, the change is blocked.
    #[schemars(range(min = 0, max = 100))]
    pub fail_under: Option<f64>,
    /// Below this, in percent of the whole, the change is blocked.
    #[schemars(range(min = 0, max = 100))]
    pub fail_under_total: Option<f64>,
    /// How names of the report become paths of the repository, where their ends alone do not tell.
    pub paths: Vec<PathMap>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            enabled: true,
            reports: Vec::new(),
            threshold: 80.0,
            fail_under: None,
            fail_under_total: None,
            paths: Vec::new(),
        }
    }
}

/// A prefix and what takes its place.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PathMap {
    /// What names of the report begin with.
    pub from: String,
    /// What stands there in the repository.
    #[serde(default)]
    pub to: String,
}

/// A report, and the repository that it is about.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// What the tests ran through.
    pub report: Report,
    /// The files of the repository.
    pub paths: Vec<String>,
}

/// What was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Of everything that the report knows.
    pub total: Count,
    /// Of the lines that the change added.
    pub changed: Count,
}

/// What the guard came to.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// How much is covered.
    pub measured: Measured,
    /// What is to be said about it.
    pub findings: Vec<Finding>,
}

/// Holds a report against the lines that a change added.
///
/// # Errors
/// In words: the report is about other files than those of this repository.
pub fn check(files: &[FileChange], facts: &Facts, config: &Config) -> Result<Judged, String> {
    let remaps: Vec<Remap> =
        config.paths.iter().map(|map| Remap { from: map.from.clone(), to: map.to.clone() }).collect();
    let located = facts.report.by_repository(facts.paths.iter().map(String::as_str), &remaps);
    if located.files.is_empty() && !facts.report.files.is_empty() {
        let name = located.elsewhere.first().map(String::as_str).unwrap_or_default();
        return Err(format!(
            "no file of the report is one of this repository (it names `{name}`): set `coverage.paths`, with `from` and `to`"
        ));
    }
    let mut judged = Judged::default();
    judged.measured.total = facts.report.total();
    let mut uncovered: Vec<(&FileChange, Vec<u32>, usize)> = Vec::new();
    for file in files.iter().filter(|file| file.status != Status::Deleted) {
        let added: Vec<u32> = file.added_lines().iter().map(|(line, _)| *line).collect();
        if added.is_empty() {
            continue;
        }
        match located.files.get(file.path.to_text().as_ref()) {
            Some(File { lines: Some(lines), .. }) => {
                let coverable: Vec<(u32, bool)> =
                    added.iter().filter_map(|line| Some((*line, *lines.get(line)?))).collect();
                let missing: Vec<u32> =
                    coverable.iter().filter(|(_, covered)| !covered).map(|(line, _)| *line).collect();
                judged.measured.changed.coverable += coverable.len() as u64;
                judged.measured.changed.covered += (coverable.len() - missing.len()) as u64;
                if !missing.is_empty() {
                    uncovered.push((file, missing, coverable.len()));
                }
            }
            Some(File { lines: None, .. }) => {}
            None if is_measured(&file.path, &located) => judged.findings.push(not_measured(&file.path)),
            None => {}
        }
    }
    let below = thresholds(&mut judged, config);
    if below {
        uncovered.sort_by_key(|(_, missing, _)| std::cmp::Reverse(missing.len()));
        let listed = uncovered.iter().take(MOST_FILES);
        judged.findings.extend(listed.map(|(file, missing, coverable)| not_covered(file, missing, *coverable)));
    }
    Ok(judged)
}

/// What lies below the thresholds; whether the added lines do.
fn thresholds(judged: &mut Judged, config: &Config) -> bool {
    let mut below = false;
    let kinds = [
        (CHANGED, judged.measured.changed, config.fail_under, "of the added lines"),
        (TOTAL, judged.measured.total, config.fail_under_total, "of the whole"),
    ];
    for (rule, count, fail_under, of) in kinds {
        let Some(percent) = count.percent() else { continue };
        let (level, bound) = match fail_under {
            Some(bound) if percent < bound => (Level::Error, bound),
            _ if percent < config.threshold => (Level::Warning, config.threshold),
            _ => continue,
        };
        below |= rule == CHANGED;
        judged.findings.push(Finding {
            fingerprint: Fingerprint::of(&rule, &[b""]),
            level,
            message: format!(
                "tests run through {} % {of} ({} of {}), and {} % are wanted",
                shown(percent),
                count.covered,
                count.coverable,
                shown(bound)
            ),
            location: None,
            help: Some("add tests for what the report lists as not covered".into()),
            rule,
        });
    }
    below
}

/// One decimal, cut off rather than rounded: 79.96 is not 80.
fn shown(percent: f64) -> String {
    let tenths = (percent * 10.0 + 1e-9).floor() / 10.0;
    if tenths.fract() == 0.0 { format!("{tenths:.0}") } else { format!("{tenths:.1}") }
}

/// Whether the report knows files with this ending, so that one that is missing means something.
fn is_measured(path: &RepoPath, located: &Located<'_>) -> bool {
    let path = path.to_text();
    let ending = |path: &str| {
        path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending.to_string())
    };
    let is_test = ["test", "spec", "__tests__", "fixture", "mock"].iter().any(|word| path.contains(word));
    let wanted = ending(&path);
    !is_test && wanted.is_some() && located.files.keys().any(|known| ending(known) == wanted)
}

fn not_measured(path: &RepoPath) -> Finding {
    Finding {
        fingerprint: Fingerprint::of(&NOT_MEASURED, &[path.as_bytes()]),
        rule: NOT_MEASURED,
        level: Level::Note,
        message: format!("`{path}` is not in the coverage report"),
        location: Some(Location::file(path.clone())),
        help: None,
    }
}

fn not_covered(file: &FileChange, missing: &[u32], coverable: usize) -> Finding {
    let runs = runs(missing);
    let words: Vec<String> = runs
        .iter()
        .take(12)
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}\u{2013}{last}") })
        .collect();
    let more = if runs.len() > 12 { ", …" } else { "" };
    let (line, end_line) = runs.first().copied().unwrap_or((1, 1));
    let data = file.head.as_ref().and_then(|blob| blob.data.as_deref()).unwrap_or_default();
    let text = String::from_utf8_lossy(data);
    let width = text.lines().nth(end_line as usize - 1).map_or(0, |line| line.chars().count()) as u32;
    let span = Span { line, column: 1, end_line, end_column: width + 1 };
    Finding {
        fingerprint: Fingerprint::of(&UNCOVERED, &[file.path.as_bytes()]),
        rule: UNCOVERED,
        level: Level::Note,
        message: format!(
            "{} of {coverable} added lines of `{}` are not covered: {}{more}",
            missing.len(),
            file.path,
            words.join(", ")
        ),
        location: Some(Location::within(Place::File(file.path.clone()), span, &text)),
        help: None,
    }
}

/// Numbers behind one another as first and last.
fn runs(lines: &[u32]) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for line in lines {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *line => *last = *line,
            _ => runs.push((*line, *line)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_never_rounded_over_its_threshold() {
        assert_eq!(shown(79.96), "79.9");
        assert_eq!(shown(80.0), "80");
        assert_eq!(shown(100.0 * 2.0 / 3.0), "66.6");
    }

    #[test]
    fn lines_behind_one_another_are_one_run() {
        assert_eq!(runs(&[1, 2, 3, 5, 7, 8]), [(1, 3), (5, 5), (7, 8)]);
    }

    #[test]
    fn a_report_about_something_else_is_no_pass() {
        let report = crate::coverage::read(b"SF:/x/other.js\nDA:1,1\nend_of_record\n").unwrap();
        let facts = Facts { report, paths: vec!["a.js".into()] };
        assert!(check(&[], &facts, &Config::default()).unwrap_err().contains("/x/other.js"));
    }
}
