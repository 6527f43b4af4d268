//! What a comparison came to, in the forms that people and programs read.
//!
//! A reviewer wants the answer first, then the worst, each root cause on one line in the words of a caller; a program
//! wants everything, in a form that stays. So there is one owned document, [`Document`], which *is* the JSON, and
//! printers that read only that. Every word in it may be a stranger's: each printer escapes for its own grammar.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::compare::{Comparison, endpoint};
use super::{Format, Impact, Place, Side, text};
use crate::text::counted;

pub mod html;
pub mod markdown;
pub mod peers;
pub mod terminal;

/// The version of the document. It grows when a reader of the old one would be misled, not when a key is added.
pub const VERSION: u32 = 1;

/// Everything that a comparison came to.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[schemars(rename = "Contracts")]
pub struct Document {
    /// [`VERSION`].
    pub version: u32,
    /// What the base is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// What the head is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// How many changes there are of each kind, those that are not listed too.
    pub counts: Counts,
    /// What was compared.
    pub files: Vec<File>,
    /// Worst first.
    pub changes: Vec<Change>,
    /// How many more there are than are listed.
    #[serde(default)]
    pub left_out: u64,
    /// The lines of what was compared as text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<Text>,
    /// What could not be read, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
    /// The approval that the change needs, has, or does not need; absent where nobody asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// What was built and tested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verified: Vec<Verified>,
}

/// How many of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(rename = "ContractCounts")]
pub struct Counts {
    /// Callers fail.
    pub breaking: u64,
    /// It depends on the caller, or could not be judged.
    pub dangerous: u64,
    /// Nobody has to do anything.
    pub compatible: u64,
    /// Of all these, how many somebody accepted.
    pub accepted: u64,
}

/// A file that was compared.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(rename = "ContractFile")]
pub struct File {
    /// As what.
    pub format: Format,
    /// Its path at the base; absent for a new file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Its path at the head; absent for one that is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(rename = "ContractChange")]
pub struct Change {
    /// The rule's name within its format.
    pub id: String,
    /// The language it was found in.
    pub format: Format,
    /// `breaking`, `dangerous` or `compatible`.
    pub level: Impact,
    /// The method, where the change is about one operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The path of that operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What changed, where it is no operation: a type, a field, a message, a table, a file.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// One sentence with both sides in it.
    pub message: String,
    /// The values that the sentence names, in order.
    pub args: Vec<String>,
    /// The value before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The value after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Where it stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Place>,
    /// Where it stands, or where the surviving parent of what was removed does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Place>,
    /// Who breaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaks: Option<String>,
    /// The smallest change that keeps callers whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// The operations, messages or types through which callers meet it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reaches: Vec<String>,
    /// The lines it stood on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub base_lines: Vec<String>,
    /// The lines it stands on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revision_lines: Vec<String>,
    /// What the file of accepted changes calls it.
    pub fingerprint: String,
    /// Why it does not count, when somebody accepted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
}

/// A difference by lines.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(rename = "ContractText")]
pub struct Text {
    /// The path to call it by.
    pub file: String,
    /// Lines that came.
    pub added: u64,
    /// Lines that went.
    pub deleted: u64,
    /// The lines, as in a unified diff.
    pub lines: Vec<String>,
    /// How many more lines there are.
    #[serde(default)]
    pub left_out: u64,
}

/// The approval of a change of contracts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(rename = "ContractApproval")]
pub struct Approval {
    /// The label that says so.
    pub label: String,
    /// Whether it counts.
    pub given: bool,
    /// Who gave it, or why it does not count.
    pub why: String,
}

/// A command that was run on the contracts alone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(rename = "ContractVerified")]
pub struct Verified {
    /// What the configuration calls it.
    pub name: String,
    /// What became of it, in a few words: `passed in 3 s`.
    pub result: String,
    /// Whether it passed.
    pub passed: bool,
    /// The last lines that it printed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_lines: Vec<String>,
}

/// The document as JSON, indented, safe to show.
pub fn json(document: &Document) -> String {
    crate::text::json::printed(document)
}

/// The document, or an answer in other words, as YAML.
pub fn yaml(document: &impl Serialize) -> String {
    // Only keys that are no strings could fail, and no document here has one.
    serde_yaml::to_string(document).unwrap_or_default()
}

/// Which changes a reader asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// All of them.
    #[default]
    Everything,
    /// Those that break callers, or could.
    Breaking,
}

impl Document {
    /// The document of a comparison, with at most `most` changes in it.
    pub fn of(comparison: &Comparison, view: View, most: usize) -> Document {
        let count = |impact| comparison.count(impact) as u64;
        let wanted = |impact: Impact| view == View::Everything || impact > Impact::Compatible;
        let changes = || comparison.changes.iter().filter(|change| wanted(change.what.impact));
        Document {
            version: VERSION,
            counts: Counts {
                breaking: count(Impact::Breaking),
                dangerous: count(Impact::Dangerous),
                compatible: count(Impact::Compatible),
                accepted: 0,
            },
            files: comparison
                .files
                .iter()
                .map(|file| File {
                    format: file.format,
                    base: file.pair.base.clone(),
                    revision: file.pair.head.clone(),
                })
                .collect(),
            changes: changes().take(most).map(Change::of).collect(),
            left_out: changes().count().saturating_sub(most) as u64,
            texts: comparison.texts.iter().map(Text::of).collect(),
            unreadable: comparison.unreadable.iter().map(ToString::to_string).collect(),
            ..Document::default()
        }
    }

    /// The changes of one kind, those that somebody accepted left out.
    pub fn of_level(&self, level: Impact) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(move |change| change.level == level && change.accepted.is_none())
    }

    /// `2 breaking changes, 1 to look at, 14 compatible`; `no changes`.
    pub fn in_words(&self) -> String {
        let Counts { breaking, dangerous, compatible, .. } = self.counts;
        let parts = [
            (breaking > 0).then(|| counted(breaking as usize, "breaking change")),
            (dangerous > 0).then(|| format!("{dangerous} to look at")),
            (compatible > 0).then(|| format!("{compatible} compatible")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        match parts.is_empty() {
            true => "no changes".into(),
            false => parts.join(", "),
        }
    }

    /// Changes by what they are about, in the order in which each first appears.
    fn groups<'a>(changes: impl Iterator<Item = &'a Change>) -> Vec<(String, Vec<&'a Change>)> {
        let (mut order, mut groups) = (Vec::new(), BTreeMap::<String, Vec<&Change>>::new());
        for change in changes {
            let group = change.group();
            if !groups.contains_key(&group) {
                order.push(group.clone());
            }
            groups.entry(group).or_default().push(change);
        }
        order.into_iter().filter_map(|name| groups.remove_entry(&name)).collect()
    }
}

impl Change {
    /// A change as programs read it.
    pub fn of(change: &super::compare::Change) -> Change {
        let what = change.what.clone();
        let at = endpoint(&what.subject).map(|(method, path)| (method.to_string(), path.to_string()));
        let (operation, path) = at.unzip();
        Change {
            id: what.rule.into(),
            format: what.format,
            level: what.impact,
            subject: operation.is_none().then_some(what.subject),
            operation,
            path,
            message: what.message,
            args: what.args,
            before: what.before,
            after: what.after,
            base: what.base,
            revision: what.revision,
            breaks: what.breaks,
            fix: what.fix,
            reaches: what.reaches,
            base_lines: change.source.before.clone(),
            revision_lines: change.source.after.clone(),
            fingerprint: change.fingerprint.clone(),
            accepted: None,
        }
    }

    /// What it is about: an operation, or the type that a field belongs to.
    fn group(&self) -> String {
        match (&self.operation, &self.path, &self.subject) {
            (Some(operation), Some(path), _) => format!("{operation} {path}"),
            (_, _, Some(subject)) => subject.clone(),
            _ => String::new(),
        }
    }

    /// `file:line`, where it stands or, for what is gone, where it stood.
    fn place(&self) -> Option<(&Place, Side)> {
        let head = self.revision.as_ref().map(|place| (place, Side::Revision));
        head.or_else(|| self.base.as_ref().map(|place| (place, Side::Base)))
    }
}

impl Text {
    fn of(text: &text::TextDiff) -> Text {
        Text {
            file: text.head.as_ref().or(text.base.as_ref()).cloned().unwrap_or_default(),
            added: text.added as u64,
            deleted: text.deleted as u64,
            lines: text.lines.clone(),
            left_out: text.left_out as u64,
        }
    }
}

/// `breaking`, `dangerous`, `compatible`.
impl fmt::Display for Impact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Impact::Breaking => "breaking",
            Impact::Dangerous => "dangerous",
            Impact::Compatible => "compatible",
        })
    }
}

/// The word of configurations and rule ids: `openapi`, `json-schema`.
impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::OpenApi => "openapi",
            Format::Protobuf => "protobuf",
            Format::GraphQl => "graphql",
            Format::JsonSchema => "json-schema",
            Format::TypeScript => "typescript",
            Format::Sql => "sql",
            Format::Routes => "routes",
            Format::Text => "text",
        })
    }
}
