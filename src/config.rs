//! The configuration file, exactly as people write it: `.github/mainguard.yml` or `mainguard.yml`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::finding::Level;
use crate::guards::{critic, size};

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
