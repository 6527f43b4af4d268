//! The critic: reads what the author says about a change and holds it against the change.
//!
//! Two errors pull on it. A false alarm makes people stop reading, so headings, boxes and answers are understood in every
//! form in which people write them. A template left as it was must not pass, so whatever the author did not say (hints,
//! placeholders, unticked boxes) is set aside before anything is judged.
//!
//! The data flows through the files beside this one: [`document`](self) turns Markdown into lines and headings, `sections`
//! finds what was said where, `answers` reads it, `classes`, `agent` and `approvals` look at the change and the people,
//! and [`check`] compares.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use crate::change::{ChangeSet, RepoPath};
use crate::finding::{Finding, Fingerprint, Level, Location, Place, RuleId, Span};
use crate::pull_request::PullRequest;

mod agent;
mod answers;
mod approvals;
mod claims;
mod classes;
mod config;
mod document;
mod headings;
mod pictures;
mod rules;
mod sections;
mod words;

pub(crate) use approvals::lacking as approval_lacking;
use claims::Critic;
use classes::{Classes, Touched};
use config::{AGENT, ASSISTED, BUILT_IN, CONTRACTS};
pub use config::{ApprovalConfig, Config, Plainly, Required, SectionConfig, When};
use document::Document;
pub use rules::RULES;
use sections::TemplateLines;

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
