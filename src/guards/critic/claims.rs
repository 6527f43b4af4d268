//! The comparison: each section by itself, then what it claims against the change.

use super::classes::{self, Touched};
use super::config::{AGENT, ASSISTED, CONTRACTS, ENDPOINTS, Plainly, RISK, Required, SCOPE, SCREENSHOTS, TESTS, When};
use super::sections::{self, Section};
use super::{Report, Rules, SectionRule, Words, paths_in_words, rules, words};
use crate::finding::Level;

/// The description, the change, and the rules that hold one against the other.
pub(super) struct Critic<'a> {
    pub(super) rules: &'a Rules,
    pub(super) touched: &'a Touched<'a>,
    pub(super) coverage: Option<f64>,
    pub(super) sections: Vec<Option<Section>>,
    /// What shows that the change is AI-assisted.
    pub(super) sign: Option<String>,
}

impl Critic<'_> {
    /// Every question of the template, then every claim.
    pub(super) fn judge(&self, report: &mut Report<'_>) {
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

fn percentage(percent: f64) -> String {
    format!("{} %", (percent * 10.0).round() / 10.0)
}
