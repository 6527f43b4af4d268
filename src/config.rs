//! The configuration file, exactly as people write it: `.github/mainguard.yml` or `mainguard.yml`.
//!
//! Here are its types, whose defaults make an absent file pleasant and whose comments become the descriptions of the
//! JSON Schema; `load` reads a file and says what is wrong with it.

use std::collections::BTreeMap;
use std::fmt;

use annotate_snippets::{AnnotationKind, Group, Level as Title, Renderer, Snippet};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::delivery;
use crate::finding::{Level, Span};
use crate::guards::{contracts, coverage, critic, dependencies, sast, secrets, size};
use crate::text::visible;
use crate::{previews, queue};

mod load;
mod tree;

pub use load::parse;

/// Where the file may stand, in the order in which it is looked for.
pub const PATHS: [&str; 4] = [".github/mainguard.yml", ".github/mainguard.yaml", "mainguard.yml", "mainguard.yaml"];

/// The whole file. Every key has a default, so an empty file and an absent one mean the same.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The pull request's description: sections, claims, approvals.
    pub critic: critic::Config,
    /// How large the change is.
    pub size: size::Config,
    /// What changes for the people who call us.
    pub contracts: contracts::Config,
    /// Secrets that the change brings into history.
    pub secrets: secrets::Config,
    /// Vulnerable dependencies that the change brings in.
    pub dependencies: dependencies::Config,
    /// Dangerous code that the change brings in.
    pub sast: sast::Config,
    /// How much of the change the tests run through.
    pub coverage: coverage::Config,
    /// The merge queue: what must be green before something lands.
    pub queue: queue::Config,
    /// What is told of the way to production, and to whom.
    pub delivery: delivery::Config,
    /// Previews of a pull request: where they stand, and when they are healthy.
    pub previews: previews::Config,
    /// Another level for a rule, or `off`, by rule id.
    pub levels: BTreeMap<String, LevelOverride>,
    /// Findings that do not count.
    pub ignore: Vec<Ignore>,
}

/// What a rule's findings become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LevelOverride {
    /// Blocks.
    Error,
    /// Is shown.
    Warning,
    /// Is mentioned.
    Note,
    /// Is not reported.
    Off,
}

impl LevelOverride {
    /// The level; `None` for `off`.
    pub fn level(self) -> Option<Level> {
        match self {
            LevelOverride::Error => Some(Level::Error),
            LevelOverride::Warning => Some(Level::Warning),
            LevelOverride::Note => Some(Level::Note),
            LevelOverride::Off => None,
        }
    }
}

/// Findings of a rule that do not count, in some paths or everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ignore {
    /// The rule's id, or `<guard>/*`.
    pub rule: String,
    /// Globs on the whole path; everywhere when absent.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Why; shown in the report.
    pub reason: String,
    /// The last day (YYYY-MM-DD, UTC) on which it holds; for ever when absent.
    #[serde(default)]
    pub until: Option<chrono::NaiveDate>,
}

/// The JSON Schema (draft 2020-12) of the file, for editors and for `check-jsonschema`.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Config).to_value();
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".into(), "The policy of mainguard: .github/mainguard.yml".into());
        // A file in which every key is left out, or commented out, is a null to a YAML reader.
        root.insert("type".into(), serde_json::json!(["object", "null"]));
    }
    schema
}

/// Everything that is wrong with a configuration file; at least one problem.
#[derive(Clone, Debug)]
pub struct ConfigErrors {
    /// What the file is called.
    pub file: String,
    /// Its text, to draw the lines; empty when it is not text.
    pub source: String,
    /// The problems in the order in which they were found.
    pub problems: Vec<ConfigError>,
}

/// One problem of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// What is wrong.
    pub message: String,
    /// Where; `None` for the file as a whole.
    pub span: Option<Span>,
    /// What to do.
    pub hint: Option<String>,
}

impl ConfigError {
    pub(crate) fn at(span: Option<Span>, message: String) -> ConfigError {
        ConfigError { message, span, hint: None }
    }

    fn moved(mut self, span: Span) -> ConfigError {
        self.span = Some(span);
        self
    }
}

/// One line per problem: `file:line:column: message`.
impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{}", visible(&self.file))?;
            if let Some(span) = problem.span {
                write!(f, ":{}:{}", span.line, span.column)?;
            }
            write!(f, ": {}", visible(&problem.message))?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

impl ConfigErrors {
    /// The problems as rustc would draw them.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        // What is drawn has the columns of the text, so each character that could deceive becomes exactly one.
        let source: String = self.source.chars().map(drawable).collect();
        let file = visible(&self.file);
        let mut text = String::new();
        for problem in &self.problems {
            let message = visible(&problem.message);
            let title = Title::ERROR.primary_title(&*message);
            let mut group = match problem.span.filter(|_| !source.is_empty()) {
                Some(span) => {
                    let snippet = Snippet::source(&source).path(&*file).fold(true);
                    title.element(snippet.annotation(AnnotationKind::Primary.span(bytes_of(&source, span))))
                }
                None => Group::with_title(title).element(annotate_snippets::Origin::path(&*file)),
            };
            if let Some(hint) = &problem.hint {
                group = group.element(Title::HELP.message(visible(hint).into_owned()));
            }
            text.push_str(&renderer.render(&[group]));
            text.push('\n');
        }
        text
    }
}

/// The character itself, or a stand-in for one that would move the cursor or hide.
fn drawable(character: char) -> char {
    match character {
        '\n' | '\t' => character,
        character if crate::text::is_deceptive(character) => '\u{fffd}',
        character => character,
    }
}

/// The bytes of a span; never beyond the end of the text.
fn bytes_of(text: &str, span: Span) -> std::ops::Range<usize> {
    let offset = |line: u32, column: u32| {
        let start = text.split_inclusive('\n').take(line.saturating_sub(1) as usize).map(str::len).sum::<usize>();
        let rest = text.get(start..).unwrap_or_default();
        let within = rest.char_indices().nth(column.saturating_sub(1) as usize).map_or(rest.len(), |(at, _)| at);
        (start + within).min(text.len())
    };
    let start = offset(span.line, span.column);
    start..offset(span.end_line, span.end_column).max(start)
}
