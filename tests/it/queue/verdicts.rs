//! What CI says, and what it does not say.

use mainguard::queue::config::RequiredCheck;
use mainguard::queue::entry::{ExitReason, Phase};

use crate::support::hub::{Hub, minutes};

/// 7 is tested; the commit under test.
fn one_running() -> (Hub, String) {
    let hub = Hub::new();
    hub.queue(7, &[("seven", "new\n")]);
    hub.tick();
    let commit = hub.untested()[0].clone();
    hub.pass(minutes(10));
    (hub, commit)
}

/// Whether 7 lands when its build gets this conclusion.
fn lands_with(conclusion: &str) -> (bool, Option<ExitReason>) {
    let (hub, commit) = one_running();
    hub.check(&commit, "ci", Some(conclusion));
    hub.tick();
    (hub.files().contains("seven"), hub.exit(7))
}

#[test]
fn s36_ci_that_never_starts_is_asked_again_and_then_named() {
    let (hub, _) = one_running();
    hub.pass(minutes(15));
    hub.tick();
    assert!(hub.exit(7).is_none(), "asked once more first");
    hub.pass(minutes(25));
    hub.tick();
    hub.pass(minutes(25));
    hub.tick();
    assert!(matches!(hub.exit(7), Some(ExitReason::NeverReported { .. })), "{:?}", hub.phase(7));
}

#[test]
fn s37_ci_that_takes_too_long() {
    let hub = Hub::new();
    hub.config.borrow_mut().timeout_minutes = Some(60);
    hub.queue(7, &[("seven", "new\n")]);
    for _ in 0..4 {
        hub.tick();
        for commit in hub.untested() {
            // Only the pull request's build hangs; the branch itself is proven.
            let hangs = hub.git(&["ls-tree", "-r", "--name-only", &commit]).contains("seven");
            hub.check(&commit, "ci", if hangs { None } else { Some("success") });
        }
        hub.pass(minutes(70));
    }
    hub.tick();
    assert!(matches!(hub.exit(7), Some(ExitReason::Timeout { .. })), "{:?}", hub.phase(7));
    assert!(!hub.files().contains("seven"));
}

#[test]
fn s38_only_what_is_green_is_green() {
    assert!(lands_with("success").0);
    assert!(lands_with("neutral").0);
    for conclusion in
        ["skipped", "cancelled", "stale", "startup_failure", "action_required", "timed_out", "failure", "purple"]
    {
        let (landed, exit) = lands_with(conclusion);
        assert!(!landed && exit.is_none(), "{conclusion}: {exit:?}");
    }
}

#[test]
fn s39_the_newest_attempt_counts() {
    let (hub, commit) = one_running();
    hub.check(&commit, "ci", Some("failure"));
    hub.pass(minutes(10));
    hub.check(&commit, "ci", Some("success"));
    hub.tick();
    assert!(hub.has_landed(7));
    let (hub, commit) = one_running();
    hub.check(&commit, "ci", Some("success"));
    hub.pass(minutes(1));
    hub.check(&commit, "ci", Some("failure"));
    hub.tick();
    assert!(!hub.files().contains("seven"));
}

#[test]
fn s40_checks_of_one_name_must_all_be_green() {
    let (hub, commit) = one_running();
    hub.config.borrow_mut().queue_checks = vec![RequiredCheck { name: "ci".into(), app: None }];
    hub.check_by(&commit, "ci", Some("github-actions"), 1, Some("success"));
    hub.check_by(&commit, "ci", Some("other-app"), 2, Some("failure"));
    hub.tick();
    assert!(!hub.files().contains("seven"));
    let (hub, commit) = one_running();
    hub.check_by(&commit, "ci", Some("other-app"), 2, Some("failure"));
    hub.check_by(&commit, "ci", Some("github-actions"), 1, Some("success"));
    hub.tick();
    assert!(hub.has_landed(7), "the app is pinned");
    let (hub, commit) = one_running();
    hub.check_by(&commit, "ci", Some("other-app"), 1, Some("success"));
    hub.tick();
    assert!(!hub.files().contains("seven"), "another app's check of this name is another check");
}

#[test]
fn s41_a_missing_check_is_not_green() {
    let (hub, commit) = one_running();
    hub.config.borrow_mut().queue_checks.push(RequiredCheck { name: "e2e".into(), app: None });
    hub.check(&commit, "ci", Some("success"));
    hub.check(&commit, "other", Some("success"));
    hub.tick();
    assert!(!hub.files().contains("seven"));
    hub.check(&commit, "e2e", Some("success"));
    hub.tick();
    assert!(hub.has_landed(7));
}

#[test]
fn s42_statuses_and_check_runs_are_both_read() {
    let (hub, commit) = one_running();
    hub.config.borrow_mut().queue_checks.push(RequiredCheck { name: "legacy".into(), app: None });
    hub.check(&commit, "ci", Some("success"));
    hub.check_by(&commit, "legacy", None, 0, Some("failure"));
    hub.pass(minutes(1));
    hub.check_by(&commit, "legacy", None, 0, Some("success"));
    hub.tick();
    assert!(hub.has_landed(7));
}

#[test]
fn s43_every_page_is_read_or_nothing_is_green() {
    let (hub, commit) = one_running();
    for number in 0..250 {
        hub.check(&commit, &format!("matrix-{number}"), Some("success"));
    }
    for number in 0..40 {
        hub.check_by(&commit, &format!("status-{number}"), None, 0, Some("success"));
    }
    // What is required is on the last page, and runs.
    hub.check(&commit, "ci", None);
    hub.tick();
    assert!(!hub.files().contains("seven"));
    hub.pass(minutes(1));
    hub.check(&commit, "ci", Some("success"));
    hub.tick();
    assert!(hub.has_landed(7));
}

#[test]
fn s43_a_page_that_is_lost_is_not_green() {
    let (hub, commit) = one_running();
    hub.check(&commit, "ci", Some("success"));
    for number in 0..150 {
        hub.check(&commit, &format!("matrix-{number}"), Some("success"));
    }
    // Another workflow has a check of the same name. It is red, and on the page that is lost.
    hub.check_by(&commit, "ci", Some("github-actions"), 99, Some("failure"));
    hub.facts().loses_pages = true;
    hub.tick();
    assert!(!hub.files().contains("seven") && hub.exit(7).is_none(), "{:?}", hub.phase(7));
    hub.facts().loses_pages = false;
    hub.pass(minutes(1));
    hub.tick();
    assert!(!hub.files().contains("seven"), "now the red one is seen");
}

#[test]
fn s44_a_late_workflow_is_waited_for() {
    let (hub, commit) = one_running();
    hub.config.borrow_mut().queue_checks.push(RequiredCheck { name: "late".into(), app: None });
    hub.check(&commit, "ci", Some("success"));
    hub.tick();
    assert!(!hub.files().contains("seven"));
    hub.pass(minutes(5));
    hub.check(&commit, "late", Some("failure"));
    hub.tick();
    assert!(!hub.files().contains("seven"));
}

#[test]
fn s45_green_in_no_time_is_not_believed() {
    let (hub, commit) = one_running();
    hub.check(&commit, "ci", Some("success"));
    for check in hub.facts().checks.get_mut(&commit).unwrap() {
        check.started_at = check.completed_at.unwrap() - chrono::TimeDelta::seconds(3);
    }
    hub.tick();
    assert!(!hub.files().contains("seven"));
}

#[test]
fn s46_the_verdict_of_a_build_that_was_given_up_is_void() {
    let (hub, commit) = one_running();
    hub.unlabel(7);
    hub.tick();
    let said = hub.said(7);
    hub.check(&commit, "ci", Some("success"));
    hub.tick();
    assert!(!hub.files().contains("seven"));
    assert_eq!(hub.said(7), said);
    assert!(matches!(hub.phase(7), Some(Phase::Done(ExitReason::Dequeued))));
}
