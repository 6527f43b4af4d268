//! JUnit XML as Jenkins, GitLab and the test reporters of GitHub read it: a suite for each guard, a case for each
//! finding, or one case that passes when there is none.
//!
//! Only an error fails its case: a warning that turned a pipeline red would block after all. XML 1.0 has no way to
//! write most control characters (section 2.2), so they appear as the escapes that people know from code.

use std::collections::BTreeMap;

use super::json::{Finding, GuardStatus, Location, Place, Report};
use super::{one_line, visible};
use crate::finding::Level;

const MESSAGE_CHARS: usize = 4_000;

/// The document.
pub fn render(report: &Report) -> String {
    let suites = suites(report);
    let total = suites.iter().fold(Counts::default(), |total, suite| total.plus(suite.counts));
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml.push_str(&format!("<testsuites name=\"mainguard\"{total}>\n"));
    for suite in suites {
        xml.push_str(&format!("  <testsuite name=\"{}\"{}>\n", escaped(&suite.name), suite.counts));
        xml.push_str(&suite.cases);
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

#[derive(Default)]
struct Suite {
    name: String,
    counts: Counts,
    cases: String,
}

impl Suite {
    fn named(name: &str) -> Suite {
        Suite { name: one_line(name, 100), ..Suite::default() }
    }

    fn push(&mut self, counts: Counts, case: &str) {
        self.counts = self.counts.plus(counts);
        self.cases.push_str(case);
    }

    /// A case that says something about the guard itself.
    fn push_whole(&mut self, counts: Counts, inner: &str) {
        let name = escaped(&self.name);
        self.push(
            counts,
            &format!("    <testcase classname=\"mainguard.{name}\" name=\"{name}\">{inner}</testcase>\n"),
        );
    }
}

#[derive(Clone, Copy, Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Counts {
    const PASSED: Counts = Counts { tests: 1, failures: 0, errors: 0, skipped: 0 };
    const FAILED: Counts = Counts { failures: 1, ..Counts::PASSED };
    const BROKEN: Counts = Counts { errors: 1, ..Counts::PASSED };
    const SKIPPED: Counts = Counts { skipped: 1, ..Counts::PASSED };

    fn plus(self, other: Counts) -> Counts {
        Counts {
            tests: self.tests + other.tests,
            failures: self.failures + other.failures,
            errors: self.errors + other.errors,
            skipped: self.skipped + other.skipped,
        }
    }
}

/// As attributes.
impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Counts { tests, failures, errors, skipped } = self;
        write!(f, " tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\"")
    }
}

/// In the order of the guards; findings of anyone else make suites behind them.
fn suites(report: &Report) -> Vec<Suite> {
    let mut suites: Vec<Suite> = report.guards.iter().map(|run| Suite::named(&run.name)).collect();
    let mut index: BTreeMap<&str, usize> =
        report.guards.iter().enumerate().map(|(at, run)| (run.name.as_str(), at)).collect();
    let suppressed = report.suppressed.iter().map(|suppressed| (&suppressed.finding, Some(&suppressed.reason)));
    for (finding, reason) in report.findings.iter().map(|finding| (finding, None)).chain(suppressed) {
        let at = *index.entry(finding.guard()).or_insert_with(|| {
            suites.push(Suite::named(finding.guard()));
            suites.len() - 1
        });
        let (counts, case) = case(finding, reason.map(String::as_str));
        suites[at].push(counts, &case);
    }
    for (run, suite) in report.guards.iter().zip(&mut suites) {
        let reason = escaped(&one_line(run.reason.as_deref().unwrap_or("no reason given"), MESSAGE_CHARS));
        match run.status {
            GuardStatus::Ran if suite.counts.tests == 0 => suite.push_whole(Counts::PASSED, ""),
            GuardStatus::Ran => {}
            GuardStatus::Skipped => suite.push_whole(Counts::SKIPPED, &format!("<skipped message=\"{reason}\"/>")),
            GuardStatus::Broken => {
                suite.push_whole(Counts::BROKEN, &format!("<error type=\"broken\" message=\"{reason}\"/>"));
            }
        }
    }
    suites
}

fn case(finding: &Finding, suppressed: Option<&str>) -> (Counts, String) {
    let message = one_line(&finding.message, MESSAGE_CHARS);
    let rule = one_line(&finding.rule, 100);
    let place = finding.location.as_ref().map(place);
    let file = finding.location.as_ref().filter(|location| location.place == Place::File);
    let file = file.map(|location| {
        let line = location.span.map(|span| format!(" line=\"{}\"", span.line)).unwrap_or_default();
        format!(" file=\"{}\"{line}", escaped(&location.place_name()))
    });
    let name = match &place {
        Some(place) => format!("{rule} at {place}"),
        None => rule.clone(),
    };
    let body = body(finding, &message, place.as_deref());
    let attributes = format!("type=\"{}\" message=\"{}\"", escaped(&rule), escaped(&message));
    let (counts, inner) = match (suppressed, finding.level) {
        (Some(reason), _) => {
            let reason = escaped(&one_line(reason, MESSAGE_CHARS));
            (Counts::SKIPPED, format!("<skipped message=\"suppressed: {reason}\"/>"))
        }
        (None, Level::Error) => (Counts::FAILED, format!("<failure {attributes}>{}</failure>", escaped(&body))),
        (None, level @ (Level::Warning | Level::Note)) => {
            (Counts::PASSED, format!("<system-out>{level}: {}</system-out>", escaped(&body)))
        }
    };
    let guard = escaped(&one_line(finding.guard(), 100));
    let (name, file) = (escaped(&name), file.unwrap_or_default());
    (counts, format!("    <testcase classname=\"mainguard.{guard}\" name=\"{name}\"{file}>{inner}</testcase>\n"))
}

fn place(location: &Location) -> String {
    match location.span {
        Some(span) => format!("{}:{}:{}", location.place_name(), span.line, span.column),
        None => location.place_name(),
    }
}

fn body(finding: &Finding, message: &str, place: Option<&str>) -> String {
    let mut body = message.to_owned();
    if let Some(place) = place {
        body.push_str(&format!("\n  --> {place}"));
    }
    let excerpt = finding.location.as_ref().and_then(|location| location.excerpt.as_ref());
    for (number, line) in excerpt.iter().flat_map(|excerpt| excerpt.numbered()) {
        body.push_str(&format!("\n{number:>5} | {}", visible(&line.replace('\t', "    "))));
    }
    if let Some(help) = &finding.help {
        body.push_str(&format!("\nhelp: {}", one_line(help, MESSAGE_CHARS)));
    }
    body
}

/// For attributes and for text. A line end stays one: [`one_line`] has seen to those that attributes would lose.
fn escaped(text: &str) -> String {
    let text = text.split('\n').map(visible).collect::<Vec<_>>().join("\n");
    text.chars().fold(String::with_capacity(text.len()), |mut xml, character| {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\'' => xml.push_str("&apos;"),
            // Valid Unicode and yet no XML character.
            '\u{fffe}' | '\u{ffff}' => xml.push('\u{fffd}'),
            _ => xml.push(character),
        }
        xml
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_element() {
        assert_eq!(
            escaped("</failure>\"'&\u{0}\u{ffff}\n]]>"),
            "&lt;/failure&gt;&quot;&apos;&amp;\\u{0}\u{fffd}\n]]&gt;"
        );
    }
}
