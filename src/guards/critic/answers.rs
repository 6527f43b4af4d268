//! What a section answers: Yes or No, with a reason or without, and which percentage it states.

use std::sync::LazyLock;

use regex::Regex;

use super::sections::{Section, Statement};
use super::words;

/// A Yes or a No.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Whether it is Yes.
    pub(super) yes: bool,
    /// Whether a box says so; else words do.
    pub(super) ticked: bool,
    /// The line that says so.
    pub(super) line: usize,
}

impl Section {
    /// Whether the author said anything at all.
    pub(super) fn says_something(&self, code_counts: bool) -> bool {
        self.statements.iter().any(|statement| statement.says(code_counts))
    }

    /// The words, a line each. Boxes are not among them.
    pub(super) fn words(&self) -> String {
        self.said(|statement| &statement.words)
    }

    /// The words without links, a line each.
    pub(super) fn unlinked_words(&self) -> String {
        self.said(|statement| &statement.unlinked)
    }

    fn said<'a>(&'a self, part: impl Fn(&'a Statement) -> &'a String) -> String {
        let said: Vec<&str> = self.statements.iter().map(|statement| part(statement).as_str()).collect();
        said.into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join("\n")
    }

    /// Yes or No: the first group of boxes decides when exactly one side is ticked, else words do; `None` when neither
    /// answers.
    pub(super) fn answer(&self) -> Option<Answer> {
        let group = self.first_group();
        let ticked = |yes: bool| group.iter().find(|tick| tick.ticked && (tick.kind == "yes") == yes);
        match (ticked(true), ticked(false)) {
            (Some(tick), None) => return Some(Answer { yes: true, ticked: true, line: tick.line }),
            (None, Some(tick)) => return Some(Answer { yes: false, ticked: true, line: tick.line }),
            _ => {}
        }
        let words = self.words();
        if words.is_empty() {
            // A box that is no Yes and no No is something said all the same.
            let is_other = |statement: &&Statement| {
                statement.picture || statement.ticks.iter().any(|tick| tick.ticked && kind(&tick.label).is_none())
            };
            let line = self.statements.iter().find(is_other)?.line;
            return Some(Answer { yes: true, ticked: false, line });
        }
        let line = self.statements.iter().find(|statement| !statement.words.is_empty())?.line;
        Some(Answer { yes: !words::denies(words::without_label(&words)), ticked: false, line })
    }

    /// Whether the author says why the answer is No.
    pub(super) fn gives_reason(&self, answer: Answer) -> bool {
        let words = self.words();
        if !answer.ticked {
            return words::denial_gives_reason(words::without_label(&words));
        }
        let label = self.first_group().into_iter().find(|tick| tick.ticked).map(|tick| tick.label).unwrap_or_default();
        words::is_reason(&format!("{label}\n{words}"))
    }

    /// The first group of Yes/No boxes: those of one line, or of list items that follow each other.
    fn first_group(&self) -> Vec<Choice<'_>> {
        let mut group: Vec<Choice<'_>> = Vec::new();
        for statement in &self.statements {
            let choices = statement.ticks.iter().filter_map(|tick| {
                Some(Choice { kind: kind(&tick.label)?, label: &tick.label, ticked: tick.ticked, line: statement.line })
            });
            let choices: Vec<Choice<'_>> = choices.collect();
            match (group.is_empty(), choices.is_empty()) {
                (true, true) => {}
                (true, false) => {
                    group = choices;
                    if group.len() > 1 {
                        return group;
                    }
                }
                (false, true) if statement.blank || (statement.in_item && statement.ticks.is_empty()) => {}
                (false, true) => return group,
                (false, false) => {
                    // A second Yes belongs to a second question.
                    if choices.iter().any(|choice| group.iter().any(|other| other.kind == choice.kind)) {
                        return group;
                    }
                    group.extend(choices);
                }
            }
        }
        group
    }

    /// The line of a ticked box that claims tests, other than manual ones.
    pub(super) fn claims_tests(&self) -> Option<usize> {
        let claims = |statement: &&Statement| {
            statement.ticks.iter().filter(|tick| tick.ticked).any(|tick| match kind(&tick.label).as_deref() {
                Some("yes") => statement.question.is_empty() || is_tests_claim(&statement.question, true),
                Some(_) => false,
                None => is_tests_claim(&tick.label, false),
            })
        };
        self.statements.iter().find(claims).map(|statement| statement.line)
    }

    /// The last percentage that the section states, and its line. Lines about coverage go before others, text before
    /// code.
    pub(super) fn percentage(&self) -> Option<(f64, usize)> {
        let mut texts: Vec<(usize, &str)> = Vec::new();
        for statement in &self.statements {
            texts.push((statement.line, &statement.words));
            texts.extend(
                statement.ticks.iter().filter(|tick| tick.ticked).map(|tick| (statement.line, tick.label.as_str())),
            );
        }
        texts.extend(self.subheadings.iter().map(|(line, text)| (*line, text.as_str())));
        texts.sort_by_key(|(line, _)| *line);
        let code = self.statements.iter().filter_map(|statement| Some((statement.line, statement.code.as_deref()?)));
        let last = |texts: &mut dyn DoubleEndedIterator<Item = (usize, &str)>| {
            texts.rev().find_map(|(line, text)| Some((percentage(text)?, line)))
        };
        last(&mut texts.iter().copied().filter(|(_, text)| text.to_lowercase().contains("cover")))
            .or_else(|| last(&mut texts.iter().copied()))
            .or_else(|| last(&mut code.collect::<Vec<_>>().into_iter()))
    }
}

/// A box of a Yes/No group.
struct Choice<'a> {
    kind: String,
    label: &'a str,
    ticked: bool,
    line: usize,
}

/// `yes`, or the denial that a box stands for; `None` for any other box.
fn kind(label: &str) -> Option<String> {
    let first = words::first_word(label);
    match first.as_str() {
        "yes" => Some(first),
        _ => words::denies(label).then_some(first),
    }
}

/// Whether a ticked box says that the change brings tests: any kind of test that a program runs. What was only looked
/// at or run again is no such claim.
fn is_tests_claim(label: &str, must_name_tests: bool) -> bool {
    static MANUAL: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?i)\bmanual|\bby hand\b|\bexploratory\b").expect("a valid pattern"));
    static AUTOMATED: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?i)\bunit\b|\bintegration\b|\bautomated\b").expect("a valid pattern"));
    static OTHER: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)\b(?:existing|pass|passes|passed|passing|lint\w*|coverage|ran|run|verified|checked|tested|locally|staging|reviewed)\b")
            .expect("a valid pattern")
    });
    static BRINGS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)\badd(?:s|ed)?\b|\bnew\b|\bupdat|\bwr(?:ote|itten)\b").expect("a valid pattern")
    });
    if must_name_tests && !label.to_lowercase().contains("test") {
        return false;
    }
    if let Some(manual) = MANUAL.find(label) {
        return AUTOMATED.find(label).is_some_and(|automated| automated.start() < manual.start());
    }
    BRINGS.is_match(label) || !OTHER.is_match(label)
}

/// The percentage that a line states. `from 78 % to 83 %` states the last one; bounds, former values and differences
/// are not what is stated, unless there is nothing else.
fn percentage(text: &str) -> Option<f64> {
    static PERCENTAGE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"(?ix)
            (?: ( \b(?:from|was|were|before|previously|target|goal|minimum|min|threshold|required|at\s+least)\b [\s:=(]+
                | (?: ≥ | >= ) \s*
                | [\s(] [+\-−±] )
              | [^\d.,\w] )
            (\d{1,3}(?:[.,]\d+)?) \s* (?: [%％] | (?:percent|pct)\b )",
        )
        .expect("a valid pattern")
    });
    let mut fallback = None;
    let mut stated = None;
    // The pattern wants a character before the number.
    for captures in PERCENTAGE.captures_iter(&format!(" {text}")) {
        let Some(value) = captures.get(2).and_then(|number| number.as_str().replace(',', ".").parse::<f64>().ok())
        else {
            continue;
        };
        if value > 100.0 {
            continue;
        }
        match captures.get(1) {
            Some(_) => fallback = Some(value),
            None => stated = Some(value),
        }
    }
    stated.or(fallback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_percentage_is_the_stated_one() {
        for (text, value) in [
            ("Coverage: 91%", Some(91.0)),
            ("Diff coverage 93 %", Some(93.0)),
            ("Coverage 78% -> 83%", Some(83.0)),
            ("from 78% to 83%", Some(83.0)),
            ("Coverage: 64.5%", Some(64.5)),
            ("Coverage: 64,5 %", Some(64.5)),
            ("Coverage: 85% (was 78%)", Some(85.0)),
            ("85%, up from 78%", Some(85.0)),
            ("Coverage: 83% (+3%)", Some(83.0)),
            ("Coverage: 64% (target: 80%)", Some(64.0)),
            ("Coverage is at least 80%", Some(80.0)),
            ("Coverage: ≥80%", Some(80.0)),
            ("Coverage: 100%", Some(100.0)),
            ("Coverage:91%", Some(91.0)),
            ("91 percent", Some(91.0)),
            ("Coverage: __%", None),
            ("Coverage: %", None),
            ("Coverage: XX%", None),
            ("1000% better", None),
            ("v2%", None),
        ] {
            assert_eq!(percentage(text), value, "{text}");
        }
    }

    #[test]
    fn a_tests_claim_is_about_tests_that_run_by_themselves() {
        for label in [
            "Unit",
            "Integration tests added",
            "E2E tests",
            "End to end",
            "Property",
            "Unit + manual",
            "New tests pass",
        ] {
            assert!(is_tests_claim(label, false), "{label}");
        }
        for label in [
            "Manual only",
            "Manual testing completed",
            "Tested by hand",
            "Existing tests pass",
            "Coverage ≥ 80%",
            "Ran on staging",
        ] {
            assert!(!is_tests_claim(label, false), "{label}");
        }
    }
}
