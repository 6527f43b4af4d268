//! What a repository may want of its descriptions, and what is wanted when it says nothing.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::classes;

/// The section `critic` of the configuration.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Critic")]
pub struct Config {
    /// Whether the guard runs.
    pub enabled: bool,
    /// The path of the pull request template; GitHub's usual places when absent.
    pub template: Option<String>,
    /// Sections by id: more headings for a built-in one (scope, contracts, endpoints, tests, screenshots, risk, agent),
    /// whether it is required, or a section of your own.
    pub sections: BTreeMap<String, SectionConfig>,
    /// Globs (on the whole path) of a class of files, in place of the built-in ones (test, document, contract, endpoint,
    /// ui, security), or of a class of your own.
    pub classes: BTreeMap<String, Vec<String>>,
    /// Labels that a change of certain files needs.
    pub approvals: Vec<ApprovalConfig>,
    /// The coverage of the change, in percent, below which there is a warning.
    pub minimum_coverage: f64,
    /// Logins of bots whose descriptions are not judged; approvals are asked of them all the same.
    pub bots: Vec<String>,
    /// Logins of coding agents: a change of theirs is AI-assisted.
    pub agents: Vec<String>,
    /// Names of tools that make a change AI-assisted when they stand as its co-author or generator.
    pub agent_tools: Vec<String>,
    /// The label that says that a change is AI-assisted; empty for none.
    pub assisted_label: String,
}

impl Default for Config {
    fn default() -> Config {
        let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        Config {
            enabled: true,
            template: None,
            sections: BTreeMap::new(),
            classes: BTreeMap::new(),
            approvals: vec![
                ApprovalConfig::of("architect-approved", classes::CONTRACT),
                ApprovalConfig::of("security-reviewed", classes::SECURITY),
            ],
            minimum_coverage: 80.0,
            bots: owned(&[
                "dependabot[bot]",
                "renovate[bot]",
                "github-actions[bot]",
                "pre-commit-ci[bot]",
                "release-please[bot]",
            ]),
            agents: owned(&[
                "Copilot",
                "devin-ai-integration[bot]",
                "cursor[bot]",
                "openai-codex[bot]",
                "google-labs-jules[bot]",
                "claude[bot]",
            ]),
            agent_tools: owned(&["Claude", "Copilot", "Cursor", "Codex", "Devin", "Gemini", "Aider"]),
            assisted_label: "ai-assisted".into(),
        }
    }
}

/// A section of the description.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SectionConfig {
    /// Headings that name it, besides the built-in ones. A section of your own is also named by its id.
    pub headings: Vec<String>,
    /// `always`, `never`, or `when: CLASS` (when a file of that class changed; `assisted`: when the change is
    /// AI-assisted). A section of your own is required `always` unless this says otherwise.
    pub required: Option<Required>,
    /// Whether it must be answered with Yes or No; for sections of your own.
    pub yes_no: bool,
}

/// When a section is required.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Required {
    /// In every description, or in none.
    Plainly(Plainly),
    /// When something holds.
    When(When),
}

/// Without a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Plainly {
    /// In every description.
    Always,
    /// In none; what stands there is still held against the change.
    Never,
}

/// With a condition.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// A class of files, or `assisted`.
    pub when: String,
}

/// A label that a change of certain files needs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalConfig {
    /// Its name; compared whole, without regard to case.
    pub label: String,
    /// Classes of files that need it.
    #[serde(default)]
    pub classes: Vec<String>,
    /// Globs (on the whole path) of more files that need it, tests and documents too.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Logins of those who may set it; everybody when empty.
    #[serde(default)]
    pub by: Vec<String>,
    /// Whether it does not count when the author of the pull request set it.
    #[serde(default)]
    pub not_author: bool,
    /// Whether it no longer counts once commits were pushed after it was set.
    #[serde(default)]
    pub fresh: bool,
}

impl ApprovalConfig {
    fn of(label: &str, class: &str) -> ApprovalConfig {
        ApprovalConfig {
            label: label.into(),
            classes: vec![class.into()],
            paths: Vec::new(),
            by: Vec::new(),
            not_author: false,
            fresh: false,
        }
    }
}

pub(super) const SCOPE: &str = "scope";
pub(super) const CONTRACTS: &str = "contracts";
pub(super) const ENDPOINTS: &str = "endpoints";
pub(super) const TESTS: &str = "tests";
pub(super) const SCREENSHOTS: &str = "screenshots";
pub(super) const RISK: &str = "risk";
pub(super) const AGENT: &str = "agent";

/// The condition of a section that AI-assisted changes need.
pub(super) const ASSISTED: &str = "assisted";

/// Per built-in section: its id, the condition under which it is required (`None`: always), and its headings, of which
/// the first is what a finding calls it.
pub(super) const BUILT_IN: [(&str, Option<&str>, &[&str]); 7] = [
    (
        SCOPE,
        None,
        &[
            "Scope",
            "scope description",
            "description",
            "summary",
            "what",
            "what changed",
            "what changed and why",
            "what and why",
            "overview",
        ],
    ),
    (CONTRACTS, None, &["Contracts touched", "contracts", "contract changes", "api contracts", "contracts and types"]),
    (
        ENDPOINTS,
        None,
        &[
            "Endpoints added/changed",
            "endpoints",
            "endpoint changes",
            "endpoints changed",
            "endpoints added",
            "api endpoints",
        ],
    ),
    (
        TESTS,
        None,
        &[
            "Tests added",
            "tests",
            "testing",
            "test plan",
            "tests and coverage",
            "tests added with coverage",
            "how was this tested",
            "how has this been tested",
        ],
    ),
    (
        SCREENSHOTS,
        Some(classes::UI),
        &[
            "Screenshots",
            "screenshots for ui changes",
            "screenshots videos",
            "screenshots or videos",
            "ui changes",
            "visual changes",
        ],
    ),
    (
        RISK,
        None,
        &[
            "Risk & rollout",
            "risk assessment",
            "risk assessment and rollout plan",
            "risk assessment and rollout",
            "risk",
            "risks",
            "rollout",
            "rollout plan",
        ],
    ),
    (AGENT, Some(ASSISTED), &["Agent metadata", "ai assistance", "ai disclosure", "ai usage", "ai assisted"]),
];
