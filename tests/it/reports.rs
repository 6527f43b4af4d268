//! Every report of three verdicts, as people and programs get them; and every report of a hostile one.

mod grammar;
mod hostile;
mod verdicts;

use mainguard::report::{Format, Options, Report, markdown, render};

use self::verdicts::{blocked, broken, pass};

/// One snapshot for each format and verdict, in a file that its own viewer can open.
fn snapshots(name: &str, report: &Report) {
    for format in Format::ALL {
        let text = render(format, report, &Options::default());
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("reports__{name}__{format}"), text);
        });
    }
}

#[test]
fn a_change_that_passes() {
    snapshots("pass", &pass());
}

#[test]
fn a_change_that_is_blocked() {
    snapshots("blocked", &blocked());
}

#[test]
fn a_change_that_could_not_be_judged() {
    snapshots("broken", &broken());
}

#[test]
fn colour_is_there_only_when_asked_for() {
    let plain = render(Format::Text, &blocked(), &Options::default());
    let coloured = render(Format::Text, &blocked(), &Options { color: true, ..Options::default() });
    assert!(!plain.contains('\u{1b}'));
    assert!(coloured.contains("\u{1b}["));
}

#[test]
fn a_long_line_is_cut_around_its_mark() {
    let report = verdicts::minified();
    for width in [60, 100, 200] {
        let text = render(Format::Text, &report, &Options { width, ..Options::default() });
        let drawn: Vec<&str> = text.lines().filter(|line| line.contains(" | ")).collect();
        assert!(drawn[0].contains("eval(x)") && drawn[0].contains("..."), "{text}");
        assert!(drawn.iter().all(|line| line.chars().count() <= width + 8), "{text}");
        let column = drawn[0].find("eval(x)").unwrap();
        assert_eq!(drawn[1].find("^^^^^^^"), Some(column), "{text}");
    }
}

#[test]
fn a_report_that_is_written_and_read_back_is_the_same() {
    for report in [pass(), blocked(), broken()] {
        let text = render(Format::Json, &report, &Options::default());
        assert_eq!(mainguard::report::json::read(&text).unwrap(), report);
    }
}

#[test]
fn a_comment_keeps_its_budget_and_says_what_is_missing() {
    let report = verdicts::crowded(10_000);
    let comment = markdown::render(&report, markdown::COMMENT_BYTES);
    assert!(comment.len() <= markdown::COMMENT_BYTES && comment.len() > markdown::COMMENT_BYTES / 2);
    assert!(comment.contains(" more errors: the full report has all of them."), "{comment}");
    assert!(comment.contains("Not shown here for want of room: 3333 warnings, 3333 notes."), "{comment}");
}
