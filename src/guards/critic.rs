//! The critic: reads what the author says about a change and holds it against the change.
//!
//! Two errors pull on it. A false alarm makes people stop reading, so headings, boxes and answers are understood in every
//! form in which people write them. A template left as it was must not pass, so whatever the author did not say (hints,
//! placeholders, unticked boxes) is set aside before anything is judged.
//!
//! The data flows through the files beside this one: [`document`](self) turns Markdown into lines and headings, `sections`
//! finds what was said where, `answers` reads it, `classes`, `agent` and `approvals` look at the change and the people,
//! and [`check`] compares.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::change::{ChangeSet, RepoPath};
use crate::finding::{Finding, Fingerprint, Level, Location, Place, RuleId, Span};
use crate::pull_request::PullRequest;

mod agent;
mod answers;
mod approvals;
mod classes;
mod document;
mod headings;
mod pictures;
mod rules;
mod sections;
mod words;

use classes::{Classes, Touched};
use document::Document;
pub use rules::RULES;
use sections::{Section, TemplateLines};

/// The template that is built in: a description that asks for every section.
pub const TEMPLATE: &str = include_str!("critic/template.md");

/// The built-in template, with the sections that a configuration adds.
pub fn template(config: &Config) -> String {
    let own = config.sections.iter().filter(|(id, _)| !BUILT_IN.iter().any(|(built_in, ..)| built_in == id));
    let own = own.filter(|(_, section)| section.required != Some(Required::Plainly(Plainly::Never)));
    own.fold(TEMPLATE.to_string(), |mut text, (id, section)| {
        text.push_str(&format!("\n## {}\n", section.headings.first().unwrap_or(id)));
        text.push_str(if section.yes_no { "\n- [ ] Yes\n- [ ] No\n" } else { "" });
        text
    })
}

/// The section `critic` of the configuration.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
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

const SCOPE: &str = "scope";
const CONTRACTS: &str = "contracts";
const ENDPOINTS: &str = "endpoints";
const TESTS: &str = "tests";
const SCREENSHOTS: &str = "screenshots";
const RISK: &str = "risk";
const AGENT: &str = "agent";

/// The condition of a section that AI-assisted changes need.
const ASSISTED: &str = "assisted";

/// Per built-in section: its id, the condition under which it is required (`None`: always), and its headings, of which
/// the first is what a finding calls it.
const BUILT_IN: [(&str, Option<&str>, &[&str]); 7] = [
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

/// The configuration, compiled.
#[derive(Clone, Debug)]
pub struct Rules {
    config: Config,
    sections: Vec<SectionRule>,
    /// From a normalized heading to the index of its section.
    headings: HashMap<String, usize>,
    classes: Classes,
    approvals: Vec<globset::GlobSet>,
    template: TemplateLines,
}

#[derive(Clone, Debug)]
struct SectionRule {
    id: String,
    /// What a finding calls it.
    name: String,
    required: Required,
    yes_no: bool,
}

impl Rules {
    /// Compiles the configuration for a template (the built-in one when absent). The error names the key, as in
    /// `critic.approvals[1].classes`.
    pub fn compile(config: &Config, template: Option<&str>) -> Result<Rules, (String, String)> {
        let classes = Classes::compile(&config.classes)?;
        let (mut sections, mut headings) = (Vec::new(), HashMap::new());
        for (id, condition, names) in BUILT_IN {
            let required = match condition {
                None => Required::Plainly(Plainly::Always),
                Some(when) => Required::When(When { when: when.into() }),
            };
            headings.extend(names.iter().map(|name| (headings::normalized(name), sections.len())));
            let yes_no = [CONTRACTS, AGENT].contains(&id);
            sections.push(SectionRule { id: id.into(), name: names[0].into(), required, yes_no });
        }
        for (id, own) in &config.sections {
            let key = |field: &str| format!("critic.sections.{id}.{field}");
            let index = match sections.iter().position(|section| section.id == *id) {
                Some(index) if own.yes_no && !sections[index].yes_no => {
                    return Err((key("yes_no"), format!("`{id}` is built in and is not answered with Yes or No")));
                }
                Some(index) => index,
                None => {
                    let name = own.headings.first().unwrap_or(id).clone();
                    let required = Required::Plainly(Plainly::Always);
                    sections.push(SectionRule { id: id.clone(), name, required, yes_no: own.yes_no });
                    headings.entry(headings::normalized(id)).or_insert(sections.len() - 1);
                    sections.len() - 1
                }
            };
            for (at, heading) in own.headings.iter().enumerate() {
                let name = headings::normalized(heading);
                if name.is_empty() {
                    return Err((
                        key(&format!("headings[{at}]")),
                        format!("nothing of the heading `{heading}` can be compared"),
                    ));
                }
                headings.insert(name, index);
            }
            if let Some(required) = &own.required {
                if let Required::When(When { when }) = required
                    && when != ASSISTED
                    && !classes.contains(when)
                {
                    return Err((key("required.when"), format!("there is no class `{when}` of files")));
                }
                sections[index].required = required.clone();
            }
        }
        let mut approvals = Vec::new();
        for (index, approval) in config.approvals.iter().enumerate() {
            let key = |field: &str| format!("critic.approvals[{index}].{field}");
            if approval.label.trim().is_empty() {
                return Err((key("label"), "a label's name is not empty".into()));
            }
            if let Some(class) = approval.classes.iter().find(|class| !classes.contains(class)) {
                return Err((key("classes"), format!("there is no class `{class}` of files")));
            }
            approvals.push(crate::guards::size::globs(&approval.paths, &key("paths"))?);
        }
        if !(0.0..=100.0).contains(&config.minimum_coverage) {
            return Err(("critic.minimum_coverage".into(), "a percentage is a number from 0 to 100".into()));
        }
        let template = TemplateLines::of(template.unwrap_or(TEMPLATE));
        Ok(Rules { config: config.clone(), sections, headings, classes, approvals, template })
    }

    fn index(&self, id: &str) -> usize {
        self.sections.iter().position(|section| section.id == id).expect("a built-in section")
    }
}

/// What the critic came to. The names are those of its JSON output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// Nothing below blocks.
    pub ok: bool,
    /// Why the template was not judged: `bot`, `revert`; or why nothing blocks: `draft`.
    pub skipped: Option<Skipped>,
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

/// Why a description is not judged in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Skipped {
    /// The author is a bot whose descriptions follow no template.
    Bot,
    /// The change takes another one back.
    Revert,
    /// Not ready: judged, nothing blocks.
    Draft,
}

/// Judges the description of a pull request against its change. `coverage` is the measured line coverage of the change in
/// percent.
pub fn check(
    pull_request: &PullRequest,
    change: &ChangeSet,
    coverage: Option<f64>,
    rules: &Rules,
) -> (Judgement, Vec<Finding>) {
    let body = Document::parse(pull_request.body.as_deref().unwrap_or_default());
    let touched = Touched::by(change, &rules.classes);
    let mut report = Report { judgement: Judgement::default(), findings: Vec::new(), body: &body };
    report.judgement.skipped = skipped(pull_request, &body, rules);
    if !matches!(report.judgement.skipped, Some(Skipped::Bot | Skipped::Revert)) {
        let critic = Critic {
            rules,
            touched: &touched,
            coverage,
            sections: sections::read(&body, rules),
            sign: agent::sign(pull_request, change, &body, rules),
        };
        critic.judge(&mut report);
    }
    approvals(pull_request, change, &touched, rules, &mut report);
    report.finish()
}

fn skipped(pull_request: &PullRequest, body: &Document, rules: &Rules) -> Option<Skipped> {
    if rules.config.bots.iter().any(|bot| bot.eq_ignore_ascii_case(&pull_request.author)) {
        Some(Skipped::Bot)
    } else if is_revert(pull_request, body) {
        Some(Skipped::Revert)
    } else {
        pull_request.draft.then_some(Skipped::Draft)
    }
}

/// GitHub's and git's own words for a revert, in title and body both.
fn is_revert(pull_request: &PullRequest, body: &Document) -> bool {
    static SAYS_SO: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| {
        regex::Regex::new(r"\bReverts\s+(?:[\w.-]+/[\w.-]+)?#\d+\b|\bThis reverts commit\s+[0-9a-fA-F]{7,64}\b")
            .expect("a valid pattern")
    });
    pull_request.title.starts_with("Revert \"")
        && body.lines.iter().any(|line| !line.code && SAYS_SO.is_match(&line.visible))
}

/// The description, the change, and the rules that hold one against the other.
struct Critic<'a> {
    rules: &'a Rules,
    touched: &'a Touched<'a>,
    coverage: Option<f64>,
    sections: Vec<Option<Section>>,
    /// What shows that the change is AI-assisted.
    sign: Option<String>,
}

impl Critic<'_> {
    fn judge(&self, report: &mut Report<'_>) {
        for (index, rule) in self.rules.sections.iter().enumerate() {
            if !self.is_required(rule) {
                continue;
            }
            match &self.sections[index] {
                None => self.missing(rule, report),
                Some(section) if rule.yes_no => {
                    if section.answer().is_none() {
                        self.unanswered(rule, section, report);
                    }
                }
                Some(section) => {
                    if let Some(why) = self.emptiness(&rule.id, section) {
                        self.empty(rule, section, &why, report);
                    }
                }
            }
        }
        self.denial(CONTRACTS, classes::CONTRACT, report);
        self.denial(ENDPOINTS, classes::ENDPOINT, report);
        self.tests(report);
        self.denial(SCREENSHOTS, classes::UI, report);
        self.agent(report);
        self.contracts_unchanged(report);
        self.stated_coverage(report);
    }

    fn section(&self, id: &str) -> Option<&Section> {
        self.sections[self.rules.index(id)].as_ref()
    }

    fn name(&self, id: &str) -> &str {
        &self.rules.sections[self.rules.index(id)].name
    }

    fn is_required(&self, rule: &SectionRule) -> bool {
        match &rule.required {
            Required::Plainly(plainly) => *plainly == Plainly::Always,
            Required::When(When { when }) if when == ASSISTED => self.is_assisted(),
            Required::When(When { when }) => !self.touched.of(when).is_empty(),
        }
    }

    fn is_assisted(&self) -> bool {
        let says_yes = || self.section(AGENT).and_then(Section::answer).is_some_and(|answer| answer.yes);
        self.sign.is_some() || says_yes()
    }

    /// Why a section counts as empty; `None` when it does not.
    fn emptiness(&self, id: &str, section: &Section) -> Option<String> {
        let code_counts = [TESTS, ENDPOINTS].contains(&id);
        if !section.says_something(code_counts) {
            return Some("nothing in it was said by the author".into());
        }
        match id {
            SCOPE if !words::describes(&section.unlinked_words()) => {
                Some("it does not say in words what changed".into())
            }
            TESTS | RISK if self.touched.code && is_bare_denial(section, code_counts) => {
                Some("code changed, so a denial needs a reason".into())
            }
            SCREENSHOTS if !self.touched.of(classes::UI).is_empty() => {
                let denied = section.answer().is_some_and(|answer| !answer.yes);
                let shown = section.statements.iter().any(|statement| statement.picture);
                (!denied && !shown).then(|| {
                    format!("{} changed, and it shows no picture", paths_in_words(self.touched.of(classes::UI)))
                })
            }
            _ => None,
        }
    }

    fn missing(&self, rule: &SectionRule, report: &mut Report<'_>) {
        let why = match &rule.required {
            Required::When(When { when }) if when == ASSISTED => {
                let sign = self.sign.as_deref().unwrap_or("the description");
                format!(": {sign} shows that the change is AI-assisted")
            }
            Required::When(When { when }) => format!(": {} changed", paths_in_words(self.touched.of(when))),
            Required::Plainly(_) => String::new(),
        };
        report.judgement.missing.push(rule.id.clone());
        let next = match rule.yes_no {
            true => "answer under it with Yes or No",
            false => "answer under it",
        };
        report.add(
            rules::SECTION_MISSING,
            Level::Error,
            &rule.id,
            None,
            Words {
                message: format!("the description has no section `{}`{why}", rule.name),
                help: format!(
                    "add a heading `## {}` and {next}; `mainguard critic template` prints all of them",
                    rule.name
                ),
            },
        );
    }

    fn empty(&self, rule: &SectionRule, section: &Section, why: &str, report: &mut Report<'_>) {
        report.judgement.empty.push(rule.id.clone());
        let help = match rule.id.as_str() {
            SCOPE => "say in a sentence what changes and why; issue references and links alone do not tell",
            TESTS => "tick what applies or say how it was tested; `None: …` with a reason is an answer",
            RISK => "say what can go wrong and how it is rolled out; `None: …` with a reason is an answer",
            ENDPOINTS => "list them, or write `None`",
            SCREENSHOTS => "add a picture, or write `None: …` with the reason why users see no difference",
            _ => "answer under the heading; placeholders, comments and unticked boxes do not count",
        };
        report.add(
            rules::SECTION_EMPTY,
            Level::Error,
            &rule.id,
            Some(section.heading),
            Words { message: format!("the section `{}` is empty: {why}", rule.name), help: help.into() },
        );
    }

    fn unanswered(&self, rule: &SectionRule, section: &Section, report: &mut Report<'_>) {
        report.judgement.unanswered.push(rule.id.clone());
        let ticked =
            section.statements.iter().flat_map(|statement| &statement.ticks).filter(|tick| tick.ticked).count();
        let how = if ticked > 1 { "Yes and No are both ticked" } else { "neither Yes nor No is ticked" };
        report.add(
            rules::SECTION_UNANSWERED,
            Level::Error,
            &rule.id,
            Some(section.heading),
            Words {
                message: format!("`{}` is not answered: {how}", rule.name),
                help: "tick one of the two, or answer in words".into(),
            },
        );
    }

    /// A No that files of a class contradict.
    fn denial(&self, id: &str, class: &str, report: &mut Report<'_>) {
        let paths = self.touched.of(class);
        let Some(section) = self.section(id) else { return };
        let Some(answer) = section.answer().filter(|answer| !answer.yes && !paths.is_empty()) else { return };
        let said = if answer.ticked || id == CONTRACTS { "No" } else { "None" };
        let message = format!("`{}` says {said}, but {} changed", self.name(id), paths_in_words(paths));
        if section.gives_reason(answer) {
            report.judgement.warnings.push(format!("explained:{id}"));
            report.add(
                rules::EXPLAINED,
                Level::Warning,
                id,
                Some(answer.line),
                Words {
                    message: format!("{message}; the author says why"),
                    help: "check that the reason holds".into(),
                },
            );
        } else {
            report.judgement.contradicted.push(id.into());
            report.add(
                rules::CLAIM_CONTRADICTED,
                Level::Error,
                id,
                Some(answer.line),
                Words {
                    message,
                    help: "correct the answer, or say in three words or more why it is right all the same".into(),
                },
            );
        }
    }

    fn tests(&self, report: &mut Report<'_>) {
        if self.touched.tests {
            return;
        }
        let name = self.name(TESTS);
        if let Some(line) = self.section(TESTS).and_then(Section::claims_tests) {
            report.judgement.contradicted.push(TESTS.into());
            report.add(
                rules::CLAIM_CONTRADICTED,
                Level::Error,
                TESTS,
                Some(line),
                Words {
                    message: format!("`{name}` says that there are tests, but the change adds or changes none"),
                    help: "add the tests to the change, or untick the box".into(),
                },
            );
        } else if self.touched.code {
            report.judgement.warnings.push("no-tests-changed".into());
            let heading = self.section(TESTS).map(|section| section.heading);
            report.add(
                rules::NO_TESTS,
                Level::Warning,
                "",
                heading,
                Words {
                    message: "code changed, and no test was added or changed".into(),
                    help: "add a test that fails without the change, or say why there is nothing to test".into(),
                },
            );
        }
    }

    fn agent(&self, report: &mut Report<'_>) {
        let (Some(sign), Some(section)) = (&self.sign, self.section(AGENT)) else { return };
        if let Some(answer) = section.answer().filter(|answer| !answer.yes) {
            report.judgement.contradicted.push(AGENT.into());
            report.add(
                rules::CLAIM_CONTRADICTED,
                Level::Error,
                AGENT,
                Some(answer.line),
                Words {
                    message: format!("`{}` says No, but {sign} says otherwise", self.name(AGENT)),
                    help: "answer Yes, and name the tool and what a person reviewed".into(),
                },
            );
        }
    }

    fn contracts_unchanged(&self, report: &mut Report<'_>) {
        let answer = self.section(CONTRACTS).and_then(Section::answer);
        if let Some(answer) = answer.filter(|answer| answer.yes && self.touched.of(classes::CONTRACT).is_empty()) {
            report.judgement.warnings.push("contracts-yes-but-unchanged".into());
            report.add(
                rules::CONTRACTS_UNCHANGED,
                Level::Warning,
                "",
                Some(answer.line),
                Words {
                    message: format!("`{}` says Yes, but no contract file changed", self.name(CONTRACTS)),
                    help: "answer No, or teach `critic.classes.contract` where this contract lives".into(),
                },
            );
        }
    }

    fn stated_coverage(&self, report: &mut Report<'_>) {
        let section = self.section(TESTS);
        let stated = section.and_then(Section::percentage);
        let measured = self.coverage.filter(|measured| measured.is_finite());
        let heading = section.map(|section| section.heading);
        let line = stated.map(|(_, line)| line).or(heading);
        let answered = section.is_some() && !report.judgement.empty.iter().any(|id| id == TESTS);
        if self.touched.code && answered && stated.is_none() && measured.is_none() {
            report.judgement.warnings.push("coverage-not-stated".into());
            report.add(
                rules::COVERAGE_NOT_STATED,
                Level::Warning,
                "",
                heading,
                Words {
                    message: format!("`{}` states no coverage, and none was measured", self.name(TESTS)),
                    help: "state how much of the change the tests cover, as in `Coverage: 91%`".into(),
                },
            );
        }
        let minimum = self.rules.config.minimum_coverage;
        let stated = stated.map(|(percent, _)| percent);
        if let Some(percent) = measured.or(stated).filter(|percent| *percent < minimum) {
            let how = if measured.is_some() { "measured" } else { "stated" };
            let warning = format!("coverage-below-{minimum}");
            let rule = if minimum == 80.0 { rules::COVERAGE_BELOW_80 } else { rules::COVERAGE_BELOW_MINIMUM };
            report.judgement.warnings.push(warning);
            report.add(
                rule,
                Level::Warning,
                "",
                line,
                Words {
                    message: format!("the {how} coverage of the change is {}, below {minimum} %", percentage(percent)),
                    help: "cover what is new, or say why it cannot be covered".into(),
                },
            );
        }
        if let (Some(stated), Some(measured)) = (stated, measured)
            // A hair more than a point, so that 92.3 and 91.3 do not differ by rounding.
            && (stated - measured).abs() > 1.0 + 1e-9
        {
            report.judgement.warnings.push("coverage-claim-differs".into());
            report.add(
                rules::COVERAGE_DIFFERS,
                Level::Warning,
                "",
                line,
                Words {
                    message: format!(
                        "`{}` states a coverage of {}, but {} was measured",
                        self.name(TESTS),
                        percentage(stated),
                        percentage(measured)
                    ),
                    help: "correct the number in the description".into(),
                },
            );
        }
    }
}

/// `None`, `N/A`, `No` and their like, without a reason and with nothing else said.
fn is_bare_denial(section: &Section, code_counts: bool) -> bool {
    let says_more = |statement: &sections::Statement| {
        let code = code_counts && statement.code.is_some();
        statement.image || code || statement.ticks.iter().any(|tick| tick.ticked)
    };
    let only_words = !section.statements.iter().any(says_more);
    only_words && section.answer().is_some_and(|answer| !answer.yes && !section.gives_reason(answer))
}

fn approvals(
    pull_request: &PullRequest,
    change: &ChangeSet,
    touched: &Touched<'_>,
    rules: &Rules,
    report: &mut Report<'_>,
) {
    for (approval, globs) in rules.config.approvals.iter().zip(&rules.approvals) {
        let by_glob = change.files.iter().flat_map(|file| std::iter::once(&file.path).chain(&file.old_path));
        let by_glob = by_glob.filter(|path| globs.is_match(path.to_text().as_ref()));
        let by_class = approval.classes.iter().flat_map(|class| touched.of(class).iter().copied());
        let paths: BTreeSet<&RepoPath> = by_class.chain(by_glob).collect();
        let paths: Vec<&RepoPath> = paths.into_iter().collect();
        if paths.is_empty() || report.judgement.approvals.contains(&approval.label) {
            continue;
        }
        if let Some(why) = approvals::lacking(approval, pull_request) {
            report.judgement.approvals.push(approval.label.clone());
            report.add(
                rules::APPROVAL_MISSING,
                Level::Error,
                &approval.label,
                None,
                Words {
                    message: format!("{} changed, which needs an approval: {why}", paths_in_words(&paths)),
                    help: format!("ask somebody who may to look at it and to set the label `{}`", approval.label),
                },
            );
        }
    }
}

/// One path, or one and how many more.
fn paths_in_words(paths: &[&RepoPath]) -> String {
    match paths {
        [] => "nothing".into(),
        [path] => format!("`{path}`"),
        [path, other] => format!("`{path}` and `{other}`"),
        [path, more @ ..] => format!("`{path}` and {} more files", more.len()),
    }
}

fn percentage(percent: f64) -> String {
    format!("{} %", (percent * 10.0).round() / 10.0)
}

/// What a finding says.
struct Words {
    message: String,
    help: String,
}

/// The judgement and its findings, grown together.
struct Report<'a> {
    judgement: Judgement,
    findings: Vec<Finding>,
    body: &'a Document,
}

impl Report<'_> {
    /// Adds a finding about a line of the description, or about the whole.
    fn add(&mut self, rule: RuleId, level: Level, identity: &str, line: Option<usize>, words: Words) {
        let location = match line.and_then(|line| self.body.lines.get(line)) {
            Some(line) => {
                let source = &self.body.source;
                let text = &source[line.range.clone()];
                let indent = text.len() - text.trim_start().len();
                let range = line.range.start + indent..line.range.start + text.trim_end().len().max(indent);
                Location::within(Place::Description, Span::of(source, range), source)
            }
            None => Location::description(),
        };
        let fingerprint = Fingerprint::of(&rule, &[identity.as_bytes()]);
        let Words { message, help } = words;
        self.findings.push(Finding { rule, level, message, location: Some(location), fingerprint, help: Some(help) });
    }

    fn finish(mut self) -> (Judgement, Vec<Finding>) {
        let draft = self.judgement.skipped == Some(Skipped::Draft);
        if draft {
            for finding in &mut self.findings {
                finding.level = finding.level.max(Level::Warning);
            }
        }
        self.judgement.ok = self.findings.iter().all(|finding| finding.level != Level::Error);
        (self.judgement, self.findings)
    }
}
