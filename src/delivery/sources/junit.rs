//! How many tests a JUnit report counts. Pure.
//!
//! Attributes of `testsuites` and `testsuite` are written by many tools in many ways; what is there in each is the
//! list of cases, so these are counted. <https://github.com/testmoapp/junitxml>

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::delivery::event::Tests;

/// A report that nests deeper was not written by a test runner.
const MOST_DEPTH: usize = 64;

/// Why a report cannot be counted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum JunitError {
    /// It is not XML.
    #[error("the JUnit report is not XML at byte {0}")]
    NotXml(u64),
    /// It holds no test suite.
    #[error("the JUnit report has no `testsuite`")]
    NoSuite,
    /// It nests too deep.
    #[error("the JUnit report nests deeper than {MOST_DEPTH} elements")]
    TooDeep,
}

/// Counts the cases of a report.
pub fn count(xml: &str) -> Result<Tests, JunitError> {
    let mut reader = Reader::from_str(xml);
    let (mut tests, mut suites, mut depth) = (Tests::default(), false, 0usize);
    // The case that is open: at which depth, and whether it failed or was skipped.
    let mut case: Option<(usize, bool, bool)> = None;
    loop {
        let event = reader.read_event().map_err(|_| JunitError::NotXml(reader.error_position()))?;
        let opened = matches!(event, Event::Start(_));
        match event {
            Event::Start(tag) | Event::Empty(tag) => {
                depth += 1;
                if depth > MOST_DEPTH {
                    return Err(JunitError::TooDeep);
                }
                match (tag.local_name().as_ref(), &mut case) {
                    ("testsuite" | "testsuites", _) => suites = true,
                    ("testcase", None) if opened => case = Some((depth, false, false)),
                    ("testcase", None) => tests.passed += 1,
                    ("failure" | "error", Some((_, failed, _))) => *failed = true,
                    ("skipped", Some((_, _, skipped))) => *skipped = true,
                    _ => {}
                }
                if !opened {
                    depth -= 1;
                }
            }
            Event::End(_) => {
                if let Some((at, failed, skipped)) = case
                    && at == depth
                {
                    match (failed, skipped) {
                        (true, _) => tests.failed += 1,
                        (false, true) => tests.skipped += 1,
                        (false, false) => tests.passed += 1,
                    }
                    case = None;
                }
                depth = depth.saturating_sub(1);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if suites { Ok(tests) } else { Err(JunitError::NoSuite) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_counted_whatever_the_attributes_say() {
        let xml = r#"<?xml version="1.0"?><testsuites tests="99"><testsuite name="a">
            <testcase name="1"/><testcase name="2"><system-out>x</system-out></testcase>
            <testcase name="3"><failure message="&lt;no&gt;">why</failure></testcase>
            <testsuite name="b"><testcase name="4"><error/></testcase><testcase name="5"><skipped/></testcase></testsuite>
        </testsuite></testsuites>"#;
        assert_eq!(count(xml), Ok(Tests { passed: 2, failed: 2, skipped: 1 }));
    }

    #[test]
    fn what_is_no_report_is_said_to_be_none() {
        assert_eq!(count("<html/>"), Err(JunitError::NoSuite));
        assert!(matches!(count("<testsuite><testcase></oops>"), Err(JunitError::NotXml(_))));
        assert_eq!(count(&"<a>".repeat(100)), Err(JunitError::TooDeep));
        assert_eq!(count(""), Err(JunitError::NoSuite));
    }
}
