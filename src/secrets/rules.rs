//! The rules as data: one to one what a gitleaks rule file can say, with inheritance resolved and nothing compiled.

pub mod file;

use serde::{Deserialize, Serialize};

/// Every rule in force and the allowlists that hold for all of them.
///
/// Ids are unique. The order is the file's own, or by id where a file extends another: as gitleaks lists them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RuleSet {
    /// The rules.
    pub rules: Vec<Rule>,
    /// Allowlists that hold for every rule. One with `targetRules` stands in those rules instead.
    pub allowlists: Vec<Allowlist>,
    /// The file the rules were read from, if they were read from one: it is never scanned itself.
    pub path: Option<String>,
}

impl RuleSet {
    /// The rule called `id`.
    pub fn get(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }
}

/// One `[[rules]]` table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rule {
    /// Unique, for instance `github-pat`.
    pub id: String,
    /// For people; goes into every report.
    pub description: String,
    /// Pattern of the content, in Go's RE2 dialect. `None`: the rule judges paths alone.
    pub regex: Option<String>,
    /// Pattern of the path, in Go's RE2 dialect.
    pub path: Option<String>,
    /// The group that holds the secret; 0 means the first group that is not empty, else the whole match.
    pub secret_group: usize,
    /// Secrets of this Shannon entropy or less are no findings; 0 means any.
    pub entropy: f64,
    /// In lower case. Unless empty, the rule is tried only on fragments that contain one of them.
    pub keywords: Vec<String>,
    /// Copied into every report.
    pub tags: Vec<String>,
    /// Used by composite rules only, never reported.
    pub skip_report: bool,
    /// When a match of this rule is none.
    pub allowlists: Vec<Allowlist>,
    /// What else must be found near a match.
    pub required: Vec<Required>,
    /// For people: where the format is published. Ours; gitleaks ignores the key `source`.
    pub source: Option<String>,
    /// For people: where such a secret is revoked. Ours; gitleaks ignores the key `revoke`.
    pub revoke: Option<String>,
}

/// One `[[allowlists]]` or `[[rules.allowlists]]` table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Allowlist {
    /// For people.
    pub description: String,
    /// Whether one check or all of them must hold.
    pub condition: Condition,
    /// Commit ids, in lower case.
    pub commits: Vec<String>,
    /// Patterns of paths, joined before they are compiled as gitleaks does.
    pub paths: Vec<String>,
    /// What `regexes` are held against.
    pub target: Target,
    /// Patterns, joined before they are compiled as gitleaks does.
    pub regexes: Vec<String>,
    /// In lower case; substrings of the secret.
    pub stopwords: Vec<String>,
}

/// How the checks of an allowlist combine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// One check is enough.
    #[default]
    Or,
    /// All checks that the allowlist has must hold.
    And,
}

/// The text that an allowlist's `regexes` are held against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// The secret.
    #[default]
    Secret,
    /// The whole match.
    Match,
    /// The lines of the match.
    Line,
}

/// One `[[rules.required]]` table: another rule that must match in the same fragment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Required {
    /// The other rule's id.
    pub id: String,
    /// At most so many lines away.
    pub within_lines: Option<u32>,
    /// At most so many columns away.
    pub within_columns: Option<u32>,
}
