//! JUnit XML as Jenkins, GitLab and test reporters read it: a suite per guard, a case per finding.
//!
//! There is no standard; this keeps to what all readers know: `testsuites`, `testsuite`, `testcase`, `failure`,
//! `error`, `skipped`, `system-out`.

use std::fmt::Write;

use super::{FindingEntry, GuardEntry, GuardStatus, LevelEntry, Report};

/// The report as JUnit XML 1.0, UTF-8.
pub fn render(report: &Report) -> String {
    let mut suites = String::new();
    let (mut tests, mut failures, mut errors, mut skipped) = (0, 0, 0, 0);
    for guard in &report.guards {
        let findings: Vec<&FindingEntry> =
            report.findings.iter().filter(|finding| finding.rule.split('/').next() == Some(&guard.name)).collect();
        let failing = findings.iter().filter(|finding| finding.level == LevelEntry::Error).count();
        let broken = usize::from(guard.status == GuardStatus::Broken);
        let absent = usize::from(guard.status == GuardStatus::Skipped);
        let cases = findings.len().max(1);
        let _ = writeln!(
            suites,
            "  <testsuite name=\"mainguard.{}\" tests=\"{cases}\" failures=\"{failing}\" errors=\"{broken}\" skipped=\"{absent}\">",
            attribute(&guard.name)
        );
        match findings.is_empty() {
            true => whole(guard, &mut suites),
            false => findings.iter().for_each(|finding| case(finding, &mut suites)),
        }
        suites.push_str("  </testsuite>\n");
        tests += cases;
        failures += failing;
        errors += broken;
        skipped += absent;
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"mainguard\" tests=\"{tests}\" \
         failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\">\n{suites}</testsuites>\n"
    )
}

/// A guard that has nothing to object to is one passing case.
fn whole(guard: &GuardEntry, xml: &mut String) {
    let name = attribute(&guard.name);
    let reason = attribute(guard.reason.as_deref().unwrap_or_default());
    let _ = match guard.status {
        GuardStatus::Ran => writeln!(xml, "    <testcase classname=\"mainguard.{name}\" name=\"{name}\"/>"),
        GuardStatus::Skipped => writeln!(
            xml,
            "    <testcase classname=\"mainguard.{name}\" name=\"{name}\"><skipped message=\"{reason}\"/></testcase>"
        ),
        GuardStatus::Broken => writeln!(
            xml,
            "    <testcase classname=\"mainguard.{name}\" name=\"{name}\"><error message=\"{reason}\"/></testcase>"
        ),
    };
}

fn case(finding: &FindingEntry, xml: &mut String) {
    let guard = finding.rule.split('/').next().unwrap_or_default();
    let place = finding.location.as_ref().map(|location| match location.span {
        Some(span) => format!("{}:{}:{}", location.name(), span.line, span.column),
        None => location.name(),
    });
    let name = match &place {
        Some(place) => format!("{} {place}", finding.rule),
        None => finding.rule.clone(),
    };
    let body = [place.as_deref().unwrap_or_default(), &finding.message, finding.help.as_deref().unwrap_or_default()];
    let body = body.iter().filter(|line| !line.is_empty()).copied().collect::<Vec<_>>().join("\n");
    let _ = match finding.level {
        LevelEntry::Error => writeln!(
            xml,
            "    <testcase classname=\"mainguard.{}\" name=\"{}\"><failure type=\"{}\" message=\"{}\">{}</failure></testcase>",
            attribute(guard),
            attribute(&name),
            attribute(&finding.rule),
            attribute(&finding.message),
            content(&body)
        ),
        // Only errors block, and only failures are red in a test report.
        LevelEntry::Warning | LevelEntry::Note => writeln!(
            xml,
            "    <testcase classname=\"mainguard.{}\" name=\"{}\"><system-out>{}: {}</system-out></testcase>",
            attribute(guard),
            attribute(&name),
            finding.level.as_str(),
            content(&body)
        ),
    };
}

/// XML 1.0 knows no other control characters than tab and line ends, not even as references (section 2.2).
fn legal(character: char) -> char {
    match character {
        '\t' | '\n' | '\r' => character,
        '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        character => character,
    }
}

fn content(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars().map(legal) {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            character => escaped.push(character),
        }
    }
    escaped
}

fn attribute(text: &str) -> String {
    // Attribute values are normalized by readers: line ends and tabs survive only as references.
    content(text).replace('"', "&quot;").replace('\n', "&#10;").replace('\r', "&#13;").replace('\t', "&#9;")
}
