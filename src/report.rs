//! A verdict in the forms that people and programs read.
//!
//! [`Report`] is the verdict as plain data: versioned, written and read back as JSON, and the one input of every
//! printer. So internals can move without moving a format, and a report that was made elsewhere can be printed again.
//! Nothing in it is escaped; each printer escapes for the grammar it writes.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::change::{ChangeSet, CommitId, Head};
use crate::finding::{Finding, Level, Place};
use crate::guards::critic::Skipped;
use crate::verdict::{Facts, RunStatus, Verdict};

pub mod annotations;
pub mod junit;
pub mod markdown;
pub mod sarif;
pub mod terminal;

/// The form of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// For a terminal.
    #[default]
    Text,
    /// Our own: [`Report`].
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// For a comment or a step summary.
    Markdown,
    /// Workflow commands that put findings beside the code.
    Annotations,
    /// JUnit XML, for test reports.
    Junit,
}

impl Format {
    /// All of them, by name.
    pub const ALL: [(&'static str, Format); 6] = [
        ("text", Format::Text),
        ("json", Format::Json),
        ("sarif", Format::Sarif),
        ("markdown", Format::Markdown),
        ("annotations", Format::Annotations),
        ("junit", Format::Junit),
    ];
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Format, String> {
        let found = Format::ALL.into_iter().find(|(known, _)| *known == name.trim());
        found.map(|(_, format)| format).ok_or_else(|| {
            let names = Format::ALL.map(|(name, _)| name);
            match crate::config::nearest(name.trim(), names.into_iter()) {
                Some(near) => format!("there is no format of this name; did you mean `{near}`?"),
                None => format!("there is no format of this name; the formats are {}", names.join(", ")),
            }
        })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Format::ALL.into_iter().find(|(_, format)| format == self).map_or("text", |(name, _)| name);
        f.write_str(name)
    }
}

/// How to print.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Whether the terminal form may be coloured.
    pub color: bool,
    /// How many columns the terminal has.
    pub columns: Option<usize>,
}

/// The report in a form. Pure; nothing that the report quotes can leave its place in the form's grammar.
pub fn render(format: Format, report: &Report, style: Style) -> String {
    match format {
        Format::Text => terminal::render(report, style),
        Format::Json => json(report),
        Format::Sarif => sarif::render(report),
        Format::Markdown => markdown::render(report, markdown::COMMENT_BUDGET),
        Format::Annotations => annotations::render(report),
        Format::Junit => junit::render(report),
    }
}

/// What was judged, beyond what the change itself says.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// `owner/name`, where it is known.
    pub repository: Option<String>,
    /// Where the repository can be browsed, for instance `https://github.com/owner/name`.
    pub url: Option<String>,
    /// The pull request's number.
    pub pull_request: Option<u64>,
    /// The base in the words in which it was named or found.
    pub base_name: Option<String>,
    /// Whether the base was guessed.
    pub base_guessed: bool,
    /// Where the policy was read: `.github/mainguard.yml at 3f9c2ab`, `the defaults`.
    pub policy: String,
}

/// A verdict as plain data. `version` grows when a field changes its meaning or goes away, not when one is added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The version of this format: 1.
    pub version: u32,
    /// Who made it.
    pub tool: Tool,
    /// The verdict in one word.
    pub outcome: Outcome,
    /// What was judged.
    pub subject: SubjectEntry,
    /// What became of each guard.
    pub guards: Vec<GuardEntry>,
    /// Worst first, then by place.
    pub findings: Vec<FindingEntry>,
    /// Findings that the policy sets aside.
    pub suppressed: Vec<SuppressedEntry>,
    /// What the size guard measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<SizeEntry>,
    /// What the critic judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critic: Option<CriticEntry>,
    /// Labels that mainguard keeps on the pull request.
    pub labels: Vec<String>,
}

/// Who made a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// `mainguard`
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The verdict in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Nothing blocks.
    Pass,
    /// A finding blocks.
    Blocked,
    /// The change could not be judged.
    Broken,
}

/// What was judged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectEntry {
    /// `owner/name`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Where the repository can be browsed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The pull request's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<u64>,
    /// The merge base; absent when the change begins the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The base in the words in which it was named or found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_name: Option<String>,
    /// Whether the base was guessed.
    pub base_guessed: bool,
    /// The newest commit, or `index`, or `working tree`.
    pub head: String,
    /// How many commits enter history.
    pub commits: usize,
    /// How many files differ.
    pub files: usize,
    /// Added lines of all files.
    pub added: u64,
    /// Deleted lines of all files.
    pub deleted: u64,
    /// Where the policy was read.
    pub policy: String,
}

/// What became of one guard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GuardEntry {
    /// Its name.
    pub name: String,
    /// Whether it could judge.
    pub status: GuardStatus,
    /// Why it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Whether a guard could judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GuardStatus {
    /// It judged.
    Ran,
    /// It does not apply here.
    Skipped,
    /// It applies and could not judge.
    Broken,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FindingEntry {
    /// `<guard>/<rule>`
    pub rule: String,
    /// `error` blocks.
    pub level: LevelEntry,
    /// Plain text.
    pub message: String,
    /// Where; absent when it is about the change as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<LocationEntry>,
    /// The same in every run in which the finding is the same.
    pub fingerprint: String,
    /// What to do next, plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// SARIF's levels, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LevelEntry {
    /// Blocks.
    Error,
    /// Worth a look.
    Warning,
    /// Good to know.
    Note,
}

/// A place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LocationEntry {
    /// The file; absent for the pull request's description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The file's name byte for byte, in hexadecimal digits, when it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<String>,
    /// Which lines; absent for the place as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<SpanEntry>,
    /// The text of those lines, as far as a report draws it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excerpt: Vec<String>,
}

/// Lines and columns from 1, columns in characters; the end column is behind the last character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SpanEntry {
    /// First line.
    pub line: u32,
    /// First column.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// Behind the last column.
    pub end_column: u32,
}

/// A finding that does not count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SuppressedEntry {
    /// What was found.
    pub finding: FindingEntry,
    /// Why it does not count.
    pub reason: String,
}

/// What the size guard measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SizeEntry {
    /// `XS` … `XL`
    pub size: String,
    /// Its label.
    pub label: String,
    /// Its emoji.
    pub animal: String,
    /// The number that decides: added + deleted, weighted, of the files that count.
    pub lines: u64,
    /// Added lines of the files that count.
    pub added: u64,
    /// Deleted lines of the files that count.
    pub deleted: u64,
    /// How many files count.
    pub files: usize,
    /// Files that do not count.
    pub left_out: Vec<LeftOutEntry>,
    /// Binary files; they count no lines.
    pub binary: Vec<String>,
    /// How many files only moved; they count no lines.
    pub moved: usize,
}

/// A file that does not count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOutEntry {
    /// Which.
    pub path: String,
    /// Why.
    pub reason: String,
    /// Its added lines.
    pub added: u32,
    /// Its deleted lines.
    pub deleted: u32,
}

/// What the critic judged: ids of sections, labels and warnings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CriticEntry {
    /// Nothing below blocks.
    pub ok: bool,
    /// `bot`, `revert` or `draft`.
    pub skipped: Option<String>,
    /// Required sections without a heading.
    pub missing: Vec<String>,
    /// Required sections in which the author said nothing.
    pub empty: Vec<String>,
    /// Yes/No sections without an answer.
    pub unanswered: Vec<String>,
    /// Claims that the change contradicts.
    pub contradicted: Vec<String>,
    /// Labels that are lacking.
    pub approvals: Vec<String>,
    /// What does not block.
    pub warnings: Vec<String>,
}

impl Report {
    /// The verdict about a change as plain data.
    pub fn of(verdict: &Verdict, change: &ChangeSet, subject: &Subject) -> Report {
        let (mut size, mut critic) = (None, None);
        for run in &verdict.runs {
            match &run.status {
                RunStatus::Ran(Facts::Size(measured)) => size = Some(SizeEntry::of(measured)),
                RunStatus::Ran(Facts::Critic(judgement)) => critic = Some(CriticEntry::of(judgement)),
                RunStatus::Ran(Facts::None) | RunStatus::Skipped(_) | RunStatus::Broken(_) => {}
            }
        }
        Report {
            version: 1,
            tool: Tool { name: "mainguard".into(), version: env!("CARGO_PKG_VERSION").into() },
            outcome: match verdict.outcome() {
                crate::verdict::Outcome::Pass => Outcome::Pass,
                crate::verdict::Outcome::Blocked => Outcome::Blocked,
                crate::verdict::Outcome::Broken => Outcome::Broken,
            },
            subject: SubjectEntry::of(change, subject),
            guards: verdict.runs.iter().map(GuardEntry::of).collect(),
            findings: verdict.findings.iter().map(FindingEntry::of).collect(),
            suppressed: verdict
                .suppressed
                .iter()
                .map(|set_aside| SuppressedEntry {
                    finding: FindingEntry::of(&set_aside.finding),
                    reason: set_aside.reason.clone(),
                })
                .collect(),
            size,
            critic,
            labels: verdict.labels.iter().map(|label| label.wanted.name.clone()).collect(),
        }
    }

    /// How many findings have this level.
    pub fn count(&self, level: LevelEntry) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// The outcome and what led to it: `blocked: 2 errors, 1 warning`.
    pub fn headline(&self) -> String {
        let counts: Vec<String> =
            [(LevelEntry::Error, "error"), (LevelEntry::Warning, "warning"), (LevelEntry::Note, "note")]
                .into_iter()
                .map(|(level, word)| (self.count(level), word))
                .filter(|(count, _)| *count > 0)
                .map(|(count, word)| plural(count, word))
                .collect();
        let broken: Vec<&str> = self
            .guards
            .iter()
            .filter(|guard| guard.status == GuardStatus::Broken)
            .map(|guard| guard.name.as_str())
            .collect();
        match self.outcome {
            Outcome::Broken => format!("broken: {} could not judge this change", broken.join(" and ")),
            Outcome::Blocked => format!("blocked: {}", counts.join(", ")),
            Outcome::Pass if counts.is_empty() => "pass: nothing to object to".into(),
            Outcome::Pass => format!("pass: {}, nothing that blocks", counts.join(", ")),
        }
    }
}

/// `1 error`, `2 errors`.
pub(crate) fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// [`Report`] as JSON, indented.
fn json(report: &Report) -> String {
    // Only a map with keys that are no strings can fail to become JSON; there is none in here.
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}

/// The JSON Schema of [`Report`].
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Report).to_value()
}

impl SubjectEntry {
    fn of(change: &ChangeSet, subject: &Subject) -> SubjectEntry {
        let (added, deleted) = change.line_counts();
        SubjectEntry {
            repository: subject.repository.clone(),
            url: subject.url.clone(),
            pull_request: subject.pull_request,
            base: change.base.as_ref().map(CommitId::to_string),
            base_name: subject.base_name.clone(),
            base_guessed: subject.base_guessed,
            head: match &change.head {
                Head::Commit(commit) => commit.to_string(),
                Head::Index => "index".into(),
                Head::WorkingTree => "working tree".into(),
            },
            commits: change.commits.len(),
            files: change.files.len(),
            added,
            deleted,
            policy: subject.policy.clone(),
        }
    }

    /// The head as people quote it.
    pub(crate) fn head_short(&self) -> &str {
        match CommitId::parse(&self.head) {
            Some(_) => &self.head[..7],
            None => &self.head,
        }
    }
}

impl GuardEntry {
    fn of(run: &crate::verdict::GuardRun) -> GuardEntry {
        let (status, reason) = match &run.status {
            RunStatus::Ran(_) => (GuardStatus::Ran, None),
            RunStatus::Skipped(why) => (GuardStatus::Skipped, Some(why.clone())),
            RunStatus::Broken(why) => (GuardStatus::Broken, Some(why.clone())),
        };
        GuardEntry { name: run.guard.name().into(), status, reason }
    }
}

impl FindingEntry {
    fn of(finding: &Finding) -> FindingEntry {
        FindingEntry {
            rule: finding.rule.to_string(),
            level: match finding.level {
                Level::Error => LevelEntry::Error,
                Level::Warning => LevelEntry::Warning,
                Level::Note => LevelEntry::Note,
            },
            message: finding.message.clone(),
            location: finding.location.as_ref().map(LocationEntry::of),
            fingerprint: finding.fingerprint.as_str().into(),
            help: finding.help.clone(),
        }
    }
}

impl LevelEntry {
    /// `error`, `warning`, `note`.
    pub fn as_str(self) -> &'static str {
        match self {
            LevelEntry::Error => "error",
            LevelEntry::Warning => "warning",
            LevelEntry::Note => "note",
        }
    }
}

impl LocationEntry {
    fn of(location: &crate::finding::Location) -> LocationEntry {
        let (path, path_bytes) = match &location.place {
            Place::Description => (None, None),
            Place::File(path) => {
                let exact = std::str::from_utf8(path.as_bytes()).is_ok();
                let bytes = || path.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
                (Some(path.to_text().into_owned()), (!exact).then(bytes))
            }
        };
        LocationEntry {
            path,
            path_bytes,
            span: location.span.map(|span| SpanEntry {
                line: span.line,
                column: span.column,
                end_line: span.end_line,
                end_column: span.end_column,
            }),
            excerpt: location.excerpt.as_ref().map(|excerpt| excerpt.lines.clone()).unwrap_or_default(),
        }
    }

    /// The place in words that are safe to print: an escaped path, or what it is instead of a file.
    pub(crate) fn name(&self) -> String {
        match &self.path {
            Some(path) => crate::finding::visible(path).into_owned(),
            None => "pull request description".into(),
        }
    }
}

impl SizeEntry {
    fn of(measured: &crate::guards::size::Measured) -> SizeEntry {
        SizeEntry {
            size: measured.size.letters().into(),
            label: measured.label.name.clone(),
            animal: measured.animal.clone(),
            lines: measured.lines,
            added: measured.added,
            deleted: measured.deleted,
            files: measured.files,
            left_out: measured
                .left_out
                .iter()
                .map(|file| LeftOutEntry {
                    path: file.path.to_text().into_owned(),
                    reason: file.reason.into(),
                    added: file.added,
                    deleted: file.deleted,
                })
                .collect(),
            binary: measured.binary.iter().map(|path| path.to_text().into_owned()).collect(),
            moved: measured.moved,
        }
    }
}

impl CriticEntry {
    fn of(judgement: &crate::guards::critic::Judgement) -> CriticEntry {
        CriticEntry {
            ok: judgement.ok,
            skipped: judgement.skipped.map(|skipped| {
                match skipped {
                    Skipped::Bot => "bot",
                    Skipped::Revert => "revert",
                    Skipped::Draft => "draft",
                }
                .to_string()
            }),
            missing: judgement.missing.clone(),
            empty: judgement.empty.clone(),
            unanswered: judgement.unanswered.clone(),
            contradicted: judgement.contradicted.clone(),
            approvals: judgement.approvals.clone(),
            warnings: judgement.warnings.clone(),
        }
    }
}
