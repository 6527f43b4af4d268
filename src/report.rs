//! A verdict in the forms that people and programs read.
//!
//! Three things pull on this room: people want few words and a drawn line of code; programs want everything, in a form
//! that stays; and every word in it may have been written by a stranger who would like to speak in our name. So there
//! is one conversion, [`Report::of`], from a [`Verdict`](crate::verdict::Verdict) to a plain owned document that *is* the JSON format, and five
//! printers that read only that document. Each printer knows one grammar and does the escaping for it.
//!
//! All of this is pure: everything goes in as a value, a `String` comes out.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::change::{ChangeSet, CommitId, Head};
use crate::finding::Level;
use crate::guards::Guard;
use crate::text::{counted, ending, nearest, one_line, percent_encoded, shorten, visible_in_logs as visible};
use crate::verdict::Outcome;

pub mod annotations;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod previews;
pub mod sarif;
pub mod terminal;

pub use json::Report;

/// The forms a report can take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// For a terminal or a log: the code drawn, a message, a hint.
    #[default]
    Text,
    /// Everything, for programs: [`json`].
    Json,
    /// For code scanning services: [`sarif`].
    Sarif,
    /// For pull request comments and job summaries: [`markdown`].
    Markdown,
    /// GitHub Actions' workflow commands: [`annotations`].
    Annotations,
    /// For test report viewers: [`junit`].
    Junit,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 6] =
        [Format::Text, Format::Json, Format::Sarif, Format::Markdown, Format::Annotations, Format::Junit];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Json => "json",
            Format::Sarif => "sarif",
            Format::Markdown => "markdown",
            Format::Annotations => "annotations",
            Format::Junit => "junit",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Format, UnknownFormat> {
        Format::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| UnknownFormat { name: name.into() })
    }
}

/// A name that is none of [`Format::ALL`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no report format `{}`", shorten(&visible(.name), 40))]
pub struct UnknownFormat {
    name: String,
}

impl UnknownFormat {
    /// The nearest name, and all names.
    pub fn hint(&self) -> Option<String> {
        let given = shorten(&self.name, 40).to_lowercase();
        let names = Format::ALL.map(Format::name);
        // What other tools call the same thing.
        let alias = match given.as_str() {
            "terminal" | "human" | "plain" | "txt" | "tty" => Some("text"),
            "md" | "gfm" | "comment" => Some("markdown"),
            "github" | "actions" | "gha" => Some("annotations"),
            "xml" => Some("junit"),
            _ => None,
        };
        let list = names.join(", ");
        Some(match alias.or_else(|| nearest(&given, names.into_iter())) {
            Some(name) => format!("did you mean `{name}`? The formats are: {list}"),
            None => format!("the formats are: {list}"),
        })
    }
}

/// What was judged, by what: the part of a report that the verdict does not hold.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// `owner/name`, when the repository is known to a server.
    pub repository: Option<String>,
    /// The address of that server without a slash at the end, for links: `https://github.com`.
    pub server_url: Option<String>,
    /// The pull request's number.
    pub pull_request: Option<u64>,
    /// What people call the base: `main`, `origin/main`, a commit.
    pub base_name: Option<String>,
    /// Whether nobody named the base and it was guessed.
    pub base_guessed: bool,
    /// The merge base; `None` when the history starts in this change.
    pub base: Option<CommitId>,
    /// What was compared with it.
    pub head: Head,
    /// How many commits would enter.
    pub commits: usize,
    /// How many files differ.
    pub files: usize,
    /// Added lines of all files, also of those that the size leaves out.
    pub added: u64,
    /// Deleted lines, likewise.
    pub deleted: u64,
    /// The path of the policy, for instance `.github/mainguard.yml`; `None` when the defaults hold.
    pub policy: Option<String>,
    /// mainguard's own version.
    pub tool_version: String,
}

impl Subject {
    /// The facts that the change itself knows.
    pub fn of(change: &ChangeSet) -> Subject {
        let (added, deleted) = change.line_counts();
        Subject {
            base: change.base.clone(),
            head: change.head.clone(),
            commits: change.commits.len(),
            files: change.files.len(),
            added,
            deleted,
            tool_version: env!("CARGO_PKG_VERSION").into(),
            ..Subject::default()
        }
    }
}

/// What a printer may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether text may be coloured (ANSI escapes).
    pub color: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// At most so many bytes of Markdown.
    pub markdown_bytes: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options { color: false, width: 100, markdown_bytes: markdown::SUMMARY_BYTES }
    }
}

/// Prints a report; every form ends with a line end.
pub fn render(format: Format, report: &Report, options: &Options) -> String {
    match format {
        Format::Text => terminal::render(report, options.color, options.width),
        Format::Json => json::render(report),
        Format::Sarif => sarif::render(report),
        Format::Markdown => markdown::render(report, options.markdown_bytes),
        Format::Annotations => annotations::render(report),
        Format::Junit => junit::render(report),
    }
}

/// `blocked: 2 errors, 1 warning`: the verdict in one line, safe to print anywhere.
pub fn in_words(report: &Report) -> String {
    let found = Tally::of(&report.findings).to_string();
    match report.outcome {
        Outcome::Pass if report.findings.is_empty() => "pass".into(),
        Outcome::Pass => format!("pass: {found}"),
        Outcome::Blocked => format!("blocked: {found}"),
        Outcome::Broken => {
            let guards: Vec<String> = report.broken().map(|run| one_line(&run.name, 40)).collect();
            let found = if report.findings.is_empty() { String::new() } else { format!("; {found}") };
            format!("broken: {} could not judge{found}", listed(&guards, 5))
        }
    }
}

/// `312 changed lines (+200 −112) in 9 files (1 binary, 2 moved)`
fn size_in_words(size: &json::Size) -> String {
    let (added, deleted) = (size.added, size.deleted);
    let lines = match size.lines == added.saturating_add(deleted) {
        true => counted(size.lines as usize, "changed line"),
        false => format!("{} after weighting", counted(size.lines as usize, "line")),
    };
    let binary = (!size.binary.is_empty()).then(|| format!("{} binary", size.binary.len()));
    let moved = (size.moved > 0).then(|| format!("{} moved", size.moved));
    let kinds: Vec<String> = binary.into_iter().chain(moved).collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    format!("{lines} (+{added} −{deleted}) in {}{kinds}", counted(size.files as usize, "file"))
}

/// `3 commits on main (guessed), 1234567..89abcde`: what was compared with what. Safe on a terminal.
fn subject_in_words(subject: &json::Subject) -> String {
    let short = |commit: &String| one_line(commit.get(..7).unwrap_or(commit), 12);
    if (&subject.base.commit, &subject.base.name, subject.head.kind) == (&None, &None, json::HeadKind::WorkingTree) {
        return "whole files of the working tree".into();
    }
    let base = subject.base.commit.as_ref().map_or("the empty tree".into(), short);
    let head = match subject.head.kind {
        json::HeadKind::Commit => subject.head.commit.as_ref().map_or("an unknown commit".into(), short),
        json::HeadKind::Index => "the index".into(),
        json::HeadKind::WorkingTree => "the working tree".into(),
    };
    let on = match &subject.base.name {
        Some(name) if subject.base.guessed => format!(" on {} (guessed)", one_line(name, 80)),
        Some(name) => format!(" on {}", one_line(name, 80)),
        None => String::new(),
    };
    let range = match subject.head.kind {
        json::HeadKind::Commit => format!("{base}..{head}"),
        json::HeadKind::Index | json::HeadKind::WorkingTree => format!("{base} to {head}"),
    };
    match subject.head.kind {
        json::HeadKind::Commit => format!("{}{on}, {range}", counted(subject.commits as usize, "commit")),
        json::HeadKind::Index | json::HeadKind::WorkingTree => format!("{range}{on}"),
    }
}

/// `no findings in 1.2 kB of 3 commits`: what a guard came to, and in what.
fn judged_in_words(report: &Report, guard: &str, tally: Tally) -> String {
    if guard == Guard::Contracts.name() {
        return contracts_in_words(report, tally);
    }
    match report.secrets {
        Some(scanned) if guard == Guard::Secrets.name() => {
            let of = match scanned.commits {
                0 => String::new(),
                commits => format!(" of {}", counted(commits as usize, "commit")),
            };
            format!("{tally} in {}{of}", bytes_in_words(scanned.bytes))
        }
        _ => match &report.dependencies {
            Some(checked) if guard == Guard::Dependencies.name() => {
                let packages = counted(checked.packages as usize, "package");
                let before = match checked.carried {
                    0 => String::new(),
                    carried => format!(", {carried} from before"),
                };
                format!("{tally} in {packages}{before}; {}", checked.data)
            }
            _ => match report.coverage {
                Some(coverage) if guard == Guard::Coverage.name() => {
                    let percent = |of: json::Covered| {
                        of.percent.map_or("nothing to cover".into(), |percent| format!("{percent} %"))
                    };
                    format!("{tally}; added lines: {}, all: {}", percent(coverage.changed), percent(coverage.total))
                }
                _ => tally.to_string(),
            },
        },
    }
}

/// `2 breaking changes, 14 compatible in 3 contracts`: what changed for callers, and what else the guard has to say.
fn contracts_in_words(report: &Report, tally: Tally) -> String {
    match &report.contracts {
        None if tally == Tally::default() => "no contract changed".into(),
        None => tally.to_string(),
        Some(document) => {
            let files = counted(document.files.len(), "contract");
            let accepted = match document.counts.accepted {
                0 => String::new(),
                count => format!(" ({count} let pass)"),
            };
            format!("{} in {files}{accepted}", document.in_words())
        }
    }
}

/// `812 bytes`, `1.2 kB`, `48 MB`
fn bytes_in_words(bytes: u64) -> String {
    let rounded = |unit: u64| match bytes < 10 * unit {
        true => format!("{:.1}", bytes as f64 / unit as f64),
        false => format!("{}", bytes / unit),
    };
    match bytes {
        0..1_000 => counted(bytes as usize, "byte"),
        1_000..1_000_000 => format!("{} kB", rounded(1_000)),
        _ => format!("{} MB", rounded(1_000_000)),
    }
}

/// How many findings of each level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    errors: usize,
    warnings: usize,
    notes: usize,
}

impl Tally {
    fn add(&mut self, level: Level) {
        match level {
            Level::Error => self.errors += 1,
            Level::Warning => self.warnings += 1,
            Level::Note => self.notes += 1,
        }
    }

    fn of(findings: &[json::Finding]) -> Tally {
        findings.iter().fold(Tally::default(), |mut tally, finding| {
            tally.add(finding.level);
            tally
        })
    }

    /// By guard, in one walk.
    fn by_guard(findings: &[json::Finding]) -> BTreeMap<&str, Tally> {
        findings.iter().fold(BTreeMap::new(), |mut tallies, finding| {
            tallies.entry(finding.guard()).or_insert_with(Tally::default).add(finding.level);
            tallies
        })
    }
}

/// `2 errors, 1 warning`; `no findings`.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [(self.errors, "error"), (self.warnings, "warning"), (self.notes, "note")];
        let parts: Vec<String> =
            parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, noun)| counted(count, noun)).collect();
        match parts.is_empty() {
            true => f.write_str("no findings"),
            false => f.write_str(&parts.join(", ")),
        }
    }
}

/// `a, b and c`; at most `max` of them, then `and 7 more`.
fn listed(items: &[String], max: usize) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] if items.len() <= max => format!("{} and {last}", first.join(", ")),
        _ => format!("{} and {} more", items[..max].join(", "), items.len() - max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_found_by_its_name_and_missed_with_advice() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
        }
        let advice = |name: &str| name.parse::<Format>().unwrap_err().hint().unwrap();
        assert!(advice("sarfi").starts_with("did you mean `sarif`?"));
        assert!(advice("md").starts_with("did you mean `markdown`?"));
        assert!(advice("pdf").starts_with("the formats are: text, json"));
    }
}
