//! What changes for the people who call us, said by meaning and not by lines.
//!
//! A contract is a description that somebody else relies on: an OpenAPI document, Protobuf files, a GraphQL schema, a
//! JSON Schema, exported TypeScript types, SQL migrations, the routes of a server. Each format has a file here with one
//! pure function from the two sides to a list of [`ContractChange`]. Reading the sides happens elsewhere: a side is a
//! [`Tree`].

pub mod accepted;
pub mod compare;
pub mod discover;
pub mod document;
mod ecmascript;
pub mod graphql;
pub mod json_schema;
mod lines;
pub mod openapi;
pub mod protobuf;
pub mod refs;
pub mod report;
pub mod routes;
pub mod schema;
pub mod sql;
pub mod text;
pub mod typescript;
pub mod versions;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a change means for somebody who calls us, from harmless to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Impact {
    /// Nobody who relied on the base has to do anything.
    Compatible,
    /// It depends on the caller, or it could not be judged.
    Dangerous,
    /// Somebody who relied on the base and did everything right fails at the head.
    Breaking,
}

/// The description language a change was found in; the first part of its rule's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "ContractFormat")]
pub enum Format {
    /// OpenAPI 3.0, 3.1 and Swagger 2.
    #[serde(rename = "openapi")]
    OpenApi,
    /// Protocol buffers: proto2, proto3 and editions.
    Protobuf,
    /// The schema definition language of GraphQL.
    #[serde(rename = "graphql")]
    GraphQl,
    /// JSON Schema, draft 4 to 2020-12.
    JsonSchema,
    /// Exported declarations of TypeScript modules.
    #[serde(rename = "typescript")]
    TypeScript,
    /// SQL migrations.
    Sql,
    /// Routes that a server's source files declare.
    Routes,
    /// Anything else: a readable difference of text.
    Text,
}

/// Where something stands on one side of the comparison.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[schemars(rename = "ContractPlace")]
pub struct Place {
    /// The file, below the root of its [`Tree`].
    pub file: String,
    /// First line, from 1.
    pub line: u32,
    /// First column in characters, from 1.
    pub column: u32,
    /// Last line, from 1.
    pub end_line: u32,
    /// Column behind the last character, from 1.
    pub end_column: u32,
}

/// A rule, and what helps whoever meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its id.
    pub id: &'static str,
    /// What happened.
    pub meaning: &'static str,
    /// Who breaks, when somebody does.
    pub breaks: &'static str,
    /// The smallest change that keeps them whole.
    pub fix: &'static str,
}

/// One line of a table of rules.
const fn rule(id: &'static str, meaning: &'static str, breaks: &'static str, fix: &'static str) -> Rule {
    Rule { id, meaning, breaks, fix }
}

/// One root cause. It is said once, with everything that it reaches.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ContractChange {
    /// Which language it was found in.
    pub format: Format,
    /// The rule, without the format: `response-property-removed`, `FIELD_NO_DELETE`, `FIELD_REMOVED`.
    pub rule: &'static str,
    /// How bad it is for callers.
    pub impact: Impact,
    /// The thing that changed, in the terms of a caller: `GET /pets/{id}`, `acme.v1.Pet.name`, `Query.pet(id:)`.
    pub subject: String,
    /// One sentence with both sides in it.
    pub message: String,
    /// The values the sentence names, in order: what scripts compare.
    pub args: Vec<String>,
    /// The value before, if there is a short one.
    pub before: Option<String>,
    /// The value after, if there is a short one.
    pub after: Option<String>,
    /// Where it stood. `None` when the base has nothing of the kind.
    pub base: Option<Place>,
    /// Where it stands. A thing that was removed is anchored on the surviving parent; `None` when that is gone too.
    pub revision: Option<Place>,
    /// Who breaks and when, in half a sentence: `clients that send no currency`. `None` when nobody does.
    pub breaks: Option<String>,
    /// The smallest change that keeps callers whole.
    pub fix: Option<String>,
    /// The operations, messages or types through which callers meet it, sorted. Empty when the subject is all of it.
    pub reaches: Vec<String>,
}

/// The files of one side, by their paths below a root: a folder, a git tree, a map in a test.
///
/// Readers ask for what they need and never see anything outside the root.
pub trait Tree {
    /// All paths, sorted, with `/` between folders.
    fn paths(&self) -> Vec<String>;

    /// The content of one file, or `None` if there is none of this name.
    fn read(&self, path: &str) -> Option<Vec<u8>>;

    /// At most so many bytes from the beginning of one file.
    fn beginning(&self, path: &str, most: usize) -> Option<Vec<u8>> {
        let mut content = self.read(path)?;
        content.truncate(most);
        Some(content)
    }
}

/// What was found out about the contracts of a change, before anybody judges it.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// What changed. Empty when the change touches no contract.
    pub comparison: compare::Comparison,
    /// Versions that stayed although their contract breaks; empty when nobody asks.
    pub unbumped: Vec<versions::Unbumped>,
    /// What the configured commands said.
    pub verified: Vec<Verified>,
    /// The breaking changes that stood in the change when the approval was given, by fingerprint; `None` when that is
    /// not known.
    pub approved: Option<Vec<String>>,
}

/// What became of one configured command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What the configuration calls it.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The last lines it printed.
    pub last_lines: Vec<String>,
}

/// How a configured command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeded, within so many seconds.
    Passed(u64),
    /// It succeeded before on the very same files.
    PassedBefore,
    /// It failed with this exit code.
    Failed(i32),
    /// It could not be run, or did not come to an end: why. Says nothing about the change.
    NotRun(String),
}

/// One of the two things that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// What callers rely on today.
    Base,
    /// What they will meet.
    Revision,
}

/// A file that could not be read as what it claims to be. A check that stumbles over it has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {what}")]
pub struct Unreadable {
    /// The side it stands on.
    pub side: Side,
    /// The file, below the root of its [`Tree`].
    pub file: String,
    /// Line of the mistake, from 1.
    pub line: u32,
    /// Column of the mistake in characters, from 1.
    pub column: u32,
    /// What is wrong, in half a sentence.
    pub what: String,
}

impl Unreadable {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self.side {
            Side::Base => "the base is what callers have today: mend it on the base branch first".into(),
            Side::Revision => "mend the file, or take it out of the contracts' paths".into(),
        })
    }
}

impl Tree for std::collections::BTreeMap<String, Vec<u8>> {
    fn paths(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.get(path).cloned()
    }
}
