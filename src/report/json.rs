//! The report as a document: owned, plain, versioned. Its JSON is a promise; the types of the guards may move.
//!
//! Strings are exact, whatever strangers wrote: JSON's own escapes are enough to carry them. A path that is not UTF-8
//! cannot be a JSON string, so it comes twice: readable in `path`, exact in `path_hex`.
//!
//! The document can be read back ([`read`]), for instance from an artifact that a workflow without rights left for one
//! with rights. What was read is as hostile as a pull request, and the printers treat it so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Subject as Judged, ending, visible};
use crate::change::{Head as ChangeHead, RepoPath};
use crate::contracts::report as contracts;
use crate::finding::{self, Level, Place as FoundIn};
use crate::guards::{critic, size};
use crate::text::json::printed;
use crate::verdict::{Facts, Outcome, RunStatus, Verdict};

/// The version of the format. It grows when a reader of the old one would be misled, not when a key is added.
pub const VERSION: u32 = 1;

/// The whole document.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Report {
    /// The version of this format: 1.
    pub version: u32,
    /// What wrote it.
    pub tool: Tool,
    /// The verdict in one word: `pass`, `blocked`, `broken`.
    pub outcome: Outcome,
    /// What was judged.
    pub subject: Subject,
    /// What became of each guard.
    pub guards: Vec<GuardRun>,
    /// What was found, worst first.
    pub findings: Vec<Finding>,
    /// What was found and does not count.
    pub suppressed: Vec<Suppressed>,
    /// How large the change is; absent when the size guard did not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// What the critic came to; absent when it did not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critic: Option<Critic>,
    /// What the contracts came to, if the guard ran and one changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contracts: Option<contracts::Document>,
    /// What was looked through for secrets; absent when that guard did not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets: Option<Scanned>,
    /// What was looked through for vulnerable dependencies; absent when that guard did not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependencies: Option<Dependencies>,
    /// How much the tests run through; absent when nothing was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// Labels that mainguard owns, as they ought to be.
    pub labels: Vec<Label>,
}

/// What wrote a report.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Tool {
    /// `mainguard`
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What was judged.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Subject {
    /// `owner/name`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The server of the repository, without a slash at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_url: Option<String>,
    /// The pull request's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<u64>,
    /// Where the change left its target.
    pub base: Base,
    /// What was compared with the base.
    pub head: Head,
    /// How many commits would enter.
    pub commits: u64,
    /// How many files differ.
    pub files: u64,
    /// Added lines of all files.
    pub added: u64,
    /// Deleted lines of all files.
    pub deleted: u64,
    /// The policy's file; absent when the defaults hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

/// Where a change left its target.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Base {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether nobody named it.
    pub guessed: bool,
    /// The merge base; absent when the history starts in this change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// The newer side of a change.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Head {
    /// What it is.
    pub kind: HeadKind,
    /// The commit, for that kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// What the newer side of a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HeadKind {
    /// A commit.
    Commit,
    /// The staged changes.
    Index,
    /// The files on disk.
    WorkingTree,
}

/// What became of one guard.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct GuardRun {
    /// Which guard.
    pub name: String,
    /// Whether it could judge.
    pub status: GuardStatus,
    /// Why it could not, or did not have to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Whether a guard could judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GuardStatus {
    /// It judged.
    Ran,
    /// It does not apply here.
    Skipped,
    /// It applies and could not judge.
    Broken,
}

/// One thing a guard has to say.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Finding {
    /// `<guard>/<rule>`
    pub rule: String,
    /// `error` blocks; `warning` and `note` do not.
    pub level: Level,
    /// Plain text.
    pub message: String,
    /// Where; absent when it is about the change as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// The same for the same finding in another run.
    pub fingerprint: String,
    /// What to do next, plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Finding {
    /// The guard that said it: the part of the rule before the first slash.
    pub fn guard(&self) -> &str {
        self.rule.split('/').next().unwrap_or_default()
    }
}

/// A place that a person can go to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Location {
    /// In what.
    pub place: Place,
    /// Which file, for that place.
    #[serde(flatten)]
    pub file: Option<FilePath>,
    /// Which lines; absent for the place as a whole.
    #[serde(flatten)]
    pub span: Option<Span>,
    /// The text of those lines, cut to a bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<Excerpt>,
}

impl Location {
    /// What it is in, safe to print.
    pub(super) fn place_name(&self) -> String {
        match (self.place, &self.file) {
            (Place::File, Some(file)) => file.shown(),
            (Place::File, None) => "(unknown file)".into(),
            (Place::Description, _) => FoundIn::Description.to_string(),
        }
    }

    /// The file to show something at. No checkout holds a path over Linux's `PATH_MAX`, so nothing can be shown there.
    pub(super) fn repo_path(&self) -> Option<RepoPath> {
        let file = self.file.as_ref().filter(|_| self.place == Place::File)?;
        Some(file.repo_path()).filter(|path| path.as_bytes().len() <= 4_096)
    }
}

/// What a location is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// A file of the repository.
    File,
    /// The description of the pull request.
    Description,
}

/// A path in the repository.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct FilePath {
    /// With U+FFFD for what is not UTF-8.
    pub path: String,
    /// The exact bytes in hexadecimal; present only when they are not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_hex: Option<String>,
}

impl FilePath {
    /// The exact path; a `path_hex` that is no hexadecimal counts for nothing.
    pub fn repo_path(&self) -> RepoPath {
        let exact = self.path_hex.as_deref().and_then(from_hex);
        RepoPath::new(exact.unwrap_or_else(|| self.path.clone().into_bytes()))
    }

    /// The path as every report but the exact ones shows it: bounded, and without tricks.
    pub(super) fn shown(&self) -> String {
        visible(&ending(&self.repo_path().to_string(), 400)).into_owned()
    }
}

impl From<&RepoPath> for FilePath {
    fn from(path: &RepoPath) -> FilePath {
        let exact = std::str::from_utf8(path.as_bytes()).is_ok();
        let hex = || path.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        FilePath { path: path.to_text().into_owned(), path_hex: (!exact).then(hex) }
    }
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    let value = |digit: u8| (digit as char).to_digit(16).map(|value| value as u8);
    let pair = |pair: &[u8]| Some(value(pair[0])? << 4 | value(pair[1])?);
    digits.len().is_multiple_of(2).then(|| digits.chunks_exact(2).map(pair).collect::<Option<Vec<u8>>>())?
}

/// From the first marked character to behind the last one. Lines and columns count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Span {
    /// First line.
    pub line: u32,
    /// First column.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// The column behind the last marked character of the last line.
    pub end_column: u32,
}

/// Lines of a text.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Excerpt {
    /// The number of the first one, from 1.
    pub first_line: u32,
    /// The lines, without line ends.
    pub lines: Vec<String>,
}

impl Excerpt {
    /// The lines with their numbers, within the bounds that [`finding::Excerpt`] promises and a document need not keep.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (u32, &str)> {
        let bounded = |line| match str::char_indices(line).nth(finding::Excerpt::MAX_COLUMNS) {
            Some((end, _)) => &line[..end],
            None => line,
        };
        let lines = self.lines.iter().take(finding::Excerpt::MAX_LINES);
        lines.enumerate().map(move |(index, line)| (self.first_line.saturating_add(index as u32), bounded(line)))
    }
}

/// A finding that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Suppressed {
    /// What was found.
    pub finding: Finding,
    /// The policy's reason.
    pub reason: String,
}

/// How large a change is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Size {
    /// `XS`, `S`, `M`, `L` or `XL`.
    pub size: String,
    /// The name of its label.
    pub label: String,
    /// Its emoji.
    pub animal: String,
    /// The number that decides: added and deleted lines, weighted, of the files that count.
    pub lines: u64,
    /// Added lines of the files that count.
    pub added: u64,
    /// Deleted lines of the files that count.
    pub deleted: u64,
    /// How many files count.
    pub files: u64,
    /// Files that do not count.
    pub left_out: Vec<LeftOut>,
    /// Binary files: they count no lines.
    pub binary: Vec<FilePath>,
    /// Files that only moved: they count no lines.
    pub moved: u64,
}

/// A file that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct LeftOut {
    /// Which.
    #[serde(flatten)]
    pub file: FilePath,
    /// Why.
    pub reason: String,
    /// Its added lines.
    pub added: u64,
    /// Its deleted lines.
    pub deleted: u64,
}

/// What the critic came to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Critic {
    /// Nothing below blocks.
    pub ok: bool,
    /// Why the description is not judged in full: `bot`, `revert`, `draft`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// Required sections without a heading.
    pub missing: Vec<String>,
    /// Required sections where the author said nothing.
    pub empty: Vec<String>,
    /// Yes/No sections without an answer.
    pub unanswered: Vec<String>,
    /// Claims that the change contradicts.
    pub contradicted: Vec<String>,
    /// Approval labels that the change needs and the pull request lacks.
    pub approvals: Vec<String>,
    /// What does not block.
    pub warnings: Vec<String>,
}

/// What was looked through for secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Scanned {
    /// Commits that added text.
    pub commits: u64,
    /// Runs of added lines.
    pub texts: u64,
    /// Bytes of them.
    pub bytes: u64,
}

/// What was looked through for vulnerable dependencies.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Dependencies {
    /// Lockfiles at the head.
    pub lockfiles: u64,
    /// Packages in them.
    pub packages: u64,
    /// Vulnerabilities that were there before.
    pub carried: u64,
    /// How old and how large the advisory data is.
    pub data: String,
}

/// How much the tests run through.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Coverage {
    /// Of the lines that the change added.
    pub changed: Covered,
    /// Of the whole.
    pub total: Covered,
}

/// How much of something is covered.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Covered {
    /// Lines (or what else the report counts) that were run.
    pub covered: u64,
    /// Those that could have been.
    pub coverable: u64,
    /// In percent, cut off behind the first decimal; absent when there was nothing to cover.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
}

/// A family of labels of which at most one belongs on the pull request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Label {
    /// The one that belongs there now.
    pub name: String,
    /// Six hexadecimal digits.
    pub color: String,
    /// What it means.
    pub description: String,
    /// Every name of the family.
    pub family: Vec<String>,
}

impl Report {
    /// The document of a verdict.
    pub fn of(verdict: &Verdict, judged: &Judged) -> Report {
        let mut report = Report {
            version: VERSION,
            tool: Tool { name: "mainguard".into(), version: judged.tool_version.clone() },
            outcome: verdict.outcome(),
            subject: judged.into(),
            guards: Vec::new(),
            findings: verdict.findings.iter().map(Finding::from).collect(),
            suppressed: verdict
                .suppressed
                .iter()
                .map(|suppressed| Suppressed {
                    finding: (&suppressed.finding).into(),
                    reason: suppressed.reason.clone(),
                })
                .collect(),
            size: None,
            critic: None,
            contracts: None,
            secrets: None,
            dependencies: None,
            coverage: None,
            labels: verdict
                .labels
                .iter()
                .map(|label| Label {
                    name: label.wanted.name.clone(),
                    color: label.wanted.color.clone(),
                    description: label.wanted.description.clone(),
                    family: label.family.clone(),
                })
                .collect(),
        };
        for run in &verdict.runs {
            let (status, reason) = match &run.status {
                RunStatus::Ran(facts) => {
                    report.add(facts);
                    (GuardStatus::Ran, None)
                }
                RunStatus::Skipped(why) => (GuardStatus::Skipped, Some(why.clone())),
                RunStatus::Broken(why) => (GuardStatus::Broken, Some(why.clone())),
            };
            report.guards.push(GuardRun { name: run.guard.name().into(), status, reason });
        }
        report
    }

    fn add(&mut self, facts: &Facts) {
        match facts {
            Facts::Size(measured) => self.size = Some(measured.into()),
            Facts::Critic(judgement) => self.critic = Some(judgement.into()),
            // A change that touches no contract has nothing to show.
            Facts::Contracts(document) => {
                let concerned = !document.files.is_empty() || !document.verified.is_empty();
                self.contracts = concerned.then(|| (**document).clone());
            }
            Facts::Secrets(scanned) => {
                self.secrets = Some(Scanned {
                    commits: scanned.commits as u64,
                    texts: scanned.texts as u64,
                    bytes: scanned.bytes,
                });
            }
            Facts::Dependencies(checked) => {
                self.dependencies = Some(Dependencies {
                    lockfiles: checked.lockfiles as u64,
                    packages: checked.packages as u64,
                    carried: checked.carried as u64,
                    data: checked.data.clone(),
                });
            }
            Facts::Coverage(measured) => {
                let of = |count: crate::coverage::Count| Covered {
                    covered: count.covered,
                    coverable: count.coverable,
                    percent: count.percent().map(|percent| (percent * 10.0 + 1e-9).floor() / 10.0),
                };
                self.coverage = Some(Coverage { changed: of(measured.changed), total: of(measured.total) });
            }
            Facts::None => {}
        }
    }

    /// How many findings have this level.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// The guards that could not judge.
    pub fn broken(&self) -> impl Iterator<Item = &GuardRun> {
        self.guards.iter().filter(|run| run.status == GuardStatus::Broken)
    }
}

/// The document as text, indented.
pub fn render(report: &Report) -> String {
    printed(report)
}

/// The JSON Schema of the document.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Report).to_value();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("title".into(), "mainguard's report".into());
    }
    schema
}

/// A text that is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not JSON, or not this document.
    #[error("this is not a mainguard report: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Of another version.
    #[error("this mainguard report has version {found}; version {VERSION} is the one understood here")]
    Version {
        /// The version it says.
        found: u64,
    },
}

impl ReadError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            ReadError::Malformed(_) => Some("write one with `mainguard check --output json=report.json`".into()),
            ReadError::Version { .. } => Some("use the same release of mainguard on both sides".into()),
        }
    }
}

/// Reads a document back. It is hostile until its author is known: see the module's documentation.
pub fn read(text: &str) -> Result<Report, ReadError> {
    #[derive(Deserialize)]
    struct Version {
        version: u64,
    }
    // The version first: of another one, nothing else can be expected to fit.
    match serde_json::from_str::<Version>(text)?.version {
        found if found == u64::from(VERSION) => Ok(serde_json::from_str(text)?),
        found => Err(ReadError::Version { found }),
    }
}

impl From<&Judged> for Subject {
    fn from(judged: &Judged) -> Subject {
        let (kind, commit) = match &judged.head {
            ChangeHead::Commit(id) => (HeadKind::Commit, Some(id.to_string())),
            ChangeHead::Index => (HeadKind::Index, None),
            ChangeHead::WorkingTree => (HeadKind::WorkingTree, None),
        };
        Subject {
            repository: judged.repository.clone(),
            server_url: judged.server_url.clone(),
            pull_request: judged.pull_request,
            base: Base {
                name: judged.base_name.clone(),
                guessed: judged.base_guessed,
                commit: judged.base.as_ref().map(ToString::to_string),
            },
            head: Head { kind, commit },
            commits: judged.commits as u64,
            files: judged.files as u64,
            added: judged.added,
            deleted: judged.deleted,
            policy: judged.policy.clone(),
        }
    }
}

impl From<&finding::Finding> for Finding {
    fn from(finding: &finding::Finding) -> Finding {
        Finding {
            rule: finding.rule.to_string(),
            level: finding.level,
            message: finding.message.clone(),
            location: finding.location.as_ref().map(Location::from),
            fingerprint: finding.fingerprint.as_str().into(),
            help: finding.help.clone(),
        }
    }
}

impl From<&finding::Location> for Location {
    fn from(location: &finding::Location) -> Location {
        let (place, file) = match &location.place {
            FoundIn::File(path) => (Place::File, Some(path.into())),
            FoundIn::Description => (Place::Description, None),
        };
        let span = location.span.map(|finding::Span { line, column, end_line, end_column }| Span {
            line,
            column,
            end_line,
            end_column,
        });
        let excerpt = location
            .excerpt
            .as_ref()
            .map(|excerpt| Excerpt { first_line: excerpt.first_line, lines: excerpt.lines.clone() });
        Location { place, file, span, excerpt }
    }
}

impl From<&size::Measured> for Size {
    fn from(measured: &size::Measured) -> Size {
        let left_out = |file: &size::LeftOut| LeftOut {
            file: (&file.path).into(),
            reason: file.reason.into(),
            added: file.added.into(),
            deleted: file.deleted.into(),
        };
        Size {
            size: measured.size.letters().into(),
            label: measured.label.name.clone(),
            animal: measured.animal.clone(),
            lines: measured.lines,
            added: measured.added,
            deleted: measured.deleted,
            files: measured.files as u64,
            left_out: measured.left_out.iter().map(left_out).collect(),
            binary: measured.binary.iter().map(FilePath::from).collect(),
            moved: measured.moved as u64,
        }
    }
}

impl From<&critic::Judgement> for Critic {
    fn from(judgement: &critic::Judgement) -> Critic {
        // By name, so that a new field is asked for here.
        let critic::Judgement { ok, skipped, missing, empty, unanswered, contradicted, approvals, warnings } =
            judgement.clone();
        let skipped = skipped.map(|why| match why {
            critic::Skipped::Bot => "bot".into(),
            critic::Skipped::Revert => "revert".into(),
            critic::Skipped::Draft => "draft".into(),
        });
        Critic { ok, skipped, missing, empty, unanswered, contradicted, approvals, warnings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_survives_even_when_it_is_not_utf_8() {
        for bytes in [&b"src/a b.rs"[..], b"\xff/\x1b[31m", "ü\n".as_bytes()] {
            let path = RepoPath::new(bytes);
            assert_eq!(FilePath::from(&path).repo_path(), path);
        }
        let odd = FilePath { path: "a".into(), path_hex: Some("f".into()) };
        assert_eq!(odd.repo_path(), RepoPath::from("a"));
    }

    #[test]
    fn another_version_is_refused_before_anything_else_is_read() {
        let error = read(r#"{"version": 2, "everything": "else"}"#).unwrap_err();
        assert!(matches!(error, ReadError::Version { found: 2 }), "{error}");
        assert!(matches!(read("[]").unwrap_err(), ReadError::Malformed(_)));
    }
}
