//! Rule files: one class of danger a file, in YAML. Read here, compiled in `pack`.
//!
//! The format is described in `docs/sast.md`. The examples stand last in a file, so that a scan need not read them.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::language::Language;

/// A rule file is written by people; a larger one is a mistake or an attack.
const MAX_BYTES: usize = 1 << 20;

/// How bad it is when the rule is right. The order is from worst to mildest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody outside gets in.
    High,
    /// A protection is missing or weak.
    Medium,
    /// Better done otherwise.
    Low,
}

impl Severity {
    /// `high`, `medium`, `low`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::High => "high",
            Severity::Medium => "medium",
            Severity::Low => "low",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One rule as it is written.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name in findings (behind `sast/`), ignores and suppressions.
    pub id: String,
    /// The class of danger; the id when absent.
    #[serde(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The weakness as <https://cwe.mitre.org> numbers it, as in `CWE-78`.
    pub cwe: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What to do instead.
    pub fix: String,
    /// Where to read more.
    #[serde(default)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// What to look for.
    #[serde(rename = "match")]
    pub(super) matchers: Vec<MatcherFile>,
    /// Code in which it must be found, by language or file name.
    #[serde(default, skip_serializing)]
    pub(super) invalid: BTreeMap<String, Vec<String>>,
    /// Code in which it must not be found.
    #[serde(default, skip_serializing)]
    pub(super) valid: BTreeMap<String, Vec<String>>,
}

impl Rule {
    /// The class of danger.
    pub fn class(&self) -> &str {
        self.class.as_deref().unwrap_or(&self.id)
    }
}

/// One way in which a rule finds what it looks for.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MatcherFile {
    /// The languages it is for. What is for JavaScript is for TypeScript too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) languages: Vec<Language>,
    /// Names of calls, imports resolved.
    #[serde(skip_serializing_if = "OneOrMany::is_empty")]
    pub(super) call: OneOrMany,
    /// What the arguments must be, by position, name, or both (`0|args`); `any`, `last`, `receiver`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) args: BTreeMap<String, TestFile>,
    /// A rule of ast-grep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) constraints: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) utils: Option<Json>,
    /// What the metavariables of `rule` must be.
    #[serde(rename = "where")]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) variables: BTreeMap<String, TestFile>,
    /// A pattern on logical lines of Dockerfiles, shell scripts, SQL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lines: Option<LinesFile>,
    /// A place in a GitHub Actions workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) workflow: Option<WorkflowFile>,
    /// The statement, or the name of its function, must match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) context: Option<String>,
    /// The statement and the name of its function must not match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unless_context: Option<String>,
    /// Something in the function matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) function: Option<String>,
    /// Nothing in the function matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unless_function: Option<String>,
    /// Nothing in the file matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unless_file: Option<String>,
    /// Something in the file matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<String>,
    /// A file without any of these words is not looked at.
    #[serde(skip_serializing_if = "OneOrMany::is_empty")]
    pub(super) needs: OneOrMany,
    /// Calls whose result is harmless here.
    #[serde(skip_serializing_if = "OneOrMany::is_empty")]
    pub(super) sanitizers: OneOrMany,
    /// Globs: only files whose path matches one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) paths: Vec<String>,
    /// Where a finding begins: at the call, or where what it is called on got its value.
    #[serde(skip_serializing_if = "Begins::is_usual")]
    pub(super) begins: Begins,
    /// A message for this way only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    /// A severity for this way only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) severity: Option<Severity>,
}

/// Where a finding of a call begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Begins {
    #[default]
    Call,
    Receiver,
}

impl Begins {
    fn is_usual(&self) -> bool {
        *self == Begins::Call
    }
}

/// A word or several.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub(super) struct OneOrMany(pub(super) Vec<String>);

impl OneOrMany {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<OneOrMany, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            One(String),
            Many(Vec<String>),
        }
        Ok(OneOrMany(match Form::deserialize(deserializer)? {
            Form::One(one) => vec![one],
            Form::Many(many) => many,
        }))
    }
}

/// What an expression must be.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum TestFile {
    Flag(bool),
    Number(i64),
    Word(String),
    Any(Vec<TestFile>),
    All(TestMap),
}

/// All of these.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TestMap {
    #[serde(skip_serializing_if = "OneOrMany::is_empty")]
    pub(super) is: OneOrMany,
    /// On its literal text, or on its source where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) matches: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) not: Option<String>,
    /// On its source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
}

/// A pattern on logical lines.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LinesFile {
    /// `shell`, `dockerfile`, `sql`: shell also means what Dockerfiles and workflows run.
    #[serde(rename = "in")]
    pub(super) kinds: Vec<LineKind>,
    pub(super) pattern: OneOrMany,
    #[serde(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unless: Option<String>,
    /// Only the last line that matches counts, and only if no later one matches `unless`.
    #[serde(default)]
    pub(super) last: bool,
}

/// What the lines are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LineKind {
    Shell,
    Dockerfile,
    Sql,
}

/// A place in a workflow.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkflowFile {
    /// Paths such as `jobs.*.steps.*.run`.
    pub(super) at: OneOrMany,
    /// On the text that stands there; any text when absent.
    #[serde(default)]
    pub(super) pattern: Option<String>,
    #[serde(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unless: Option<String>,
    /// Only where one of these events starts the workflow.
    #[serde(default)]
    #[serde(skip_serializing_if = "OneOrMany::is_empty")]
    pub(super) on: OneOrMany,
    /// Another entry of the same step that must match: its path within the step, and a pattern.
    #[serde(default)]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) beside: BTreeMap<String, String>,
}

/// What is wrong with a rule file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {message}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct RuleError {
    /// The file.
    pub file: String,
    /// Counted from 1, where it is known.
    pub line: Option<u32>,
    /// What is wrong.
    pub message: String,
}

impl RuleError {
    pub(super) fn new(file: &str, message: impl Into<String>) -> RuleError {
        RuleError { file: file.to_string(), line: None, message: message.into() }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some("`mainguard rules check FILE` shows what is wrong; docs/sast.md describes the format".into())
    }
}

/// Reads one rule file, without its examples when `examples` is false.
///
/// # Errors
/// [`RuleError`]: not YAML, an unknown key, a value of the wrong kind.
pub fn parse(text: &str, file: &str, examples: Examples) -> Result<Rule, RuleError> {
    if text.len() > MAX_BYTES {
        return Err(RuleError::new(file, format!("the file has {} bytes, more than {MAX_BYTES}", text.len())));
    }
    let text = match examples {
        Examples::Read => text,
        Examples::Leave => without_examples(text),
    };
    let rule: Rule = serde_yaml::from_str(text).map_err(|error| RuleError {
        file: file.to_string(),
        line: error.location().map(|at| at.line() as u32),
        message: error.to_string(),
    })?;
    let sound = |id: &str| {
        !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if !sound(&rule.id) {
        return Err(RuleError::new(file, format!("the id `{}` may hold small letters, digits and `-` only", rule.id)));
    }
    if rule.matchers.is_empty() {
        return Err(RuleError::new(file, "`match` is empty: the rule would find nothing"));
    }
    Ok(rule)
}

/// Whether a rule file's examples are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Examples {
    /// For `rules check` and tests.
    Read,
    /// For a scan, which has no use for them.
    Leave,
}

/// Everything before the first of the keys that hold examples.
fn without_examples(text: &str) -> &str {
    let ends = ["\ninvalid:", "\nvalid:"].into_iter().filter_map(|key| text.find(key));
    ends.min().map_or(text, |end| &text[..=end])
}
