//! What happens to a pull request while it waits or is tested.

use mainguard::queue::entry::{ExitReason, Hold, Phase};

use crate::support::hub::{Hub, minutes};

/// 7 and 8 are tested together.
fn two_in_a_batch() -> Hub {
    let hub = Hub::new();
    hub.config.borrow_mut().depth = 1;
    hub.queue(7, &[("seven", "new\n")]);
    hub.queue(8, &[("eight", "new\n")]);
    hub.tick();
    assert_eq!(hub.builds().len(), 1);
    assert!(matches!((hub.phase(7), hub.phase(8)), (Some(Phase::Building(_)), Some(Phase::Building(_)))));
    hub.pass(minutes(1));
    hub
}

#[test]
fn s11_a_push_takes_it_out_of_the_line() {
    let hub = Hub::new();
    hub.say(1, "ada", "/freeze wait");
    let old = hub.queue(7, &[("seven", "new\n")]);
    hub.tick();
    hub.pass(minutes(1));
    let new = hub.push(7, &[("seven", "newer\n")]);
    hub.tick();
    assert!(matches!(hub.exit(7), Some(ExitReason::HeadChanged { .. })));
    let said = hub.said(7);
    assert!(said.contains(&old[..7]) && said.contains(&new[..7]), "{said}");
    assert!(!hub.is_queued(7));
    hub.pass(minutes(1));
    hub.label(7, "ada");
    hub.tick();
    assert_eq!(hub.state().entries[&7].head.as_str(), new);
}

#[test]
fn s12_a_push_during_the_build_makes_its_verdict_void() {
    let hub = two_in_a_batch();
    let old = hub.untested();
    hub.push(7, &[("seven", "newer\n")]);
    hub.tick();
    assert!(matches!(hub.exit(7), Some(ExitReason::HeadChanged { .. })));
    hub.check(&old[0], "ci", Some("success"));
    hub.settle();
    assert!(hub.has_landed(8) && !hub.has_landed(7));
    assert!(!hub.files().contains("seven"));
}

#[test]
fn s13_a_push_between_verdict_and_landing_is_seen() {
    let hub = Hub::new();
    hub.queue(7, &[("seven", "new\n")]);
    hub.tick();
    hub.ci();
    let before = hub.main();
    // The webhook is lost, and what the API tells is older than the push.
    let stale = hub.facts().pulls.clone();
    hub.push(7, &[("seven", "newer\n")]);
    hub.facts().stale = Some(stale);
    hub.tick();
    assert_eq!(hub.main(), before, "GitHub's answers are old, its refs are not");
    hub.facts().stale = None;
    hub.pass(minutes(1));
    hub.tick();
    assert_eq!(hub.main(), before);
    assert!(matches!(hub.exit(7), Some(ExitReason::HeadChanged { .. })));
}

#[test]
fn s14_without_its_label_it_never_lands() {
    let hub = two_in_a_batch();
    hub.unlabel(7);
    hub.ci();
    hub.settle();
    assert!(hub.has_landed(8) && !hub.has_landed(7));
    assert_eq!(hub.exit(7), Some(ExitReason::Dequeued));
}

#[test]
fn s15_closed_while_it_runs() {
    let hub = two_in_a_batch();
    hub.change(7, |pull| pull.state = "CLOSED");
    hub.settle();
    assert!(hub.has_landed(8) && !hub.has_landed(7));
    hub.change(7, |pull| pull.state = "OPEN");
    hub.unlabel(7);
    hub.settle();
    assert_eq!(hub.exit(7), Some(ExitReason::Closed));
}

#[test]
fn s16_a_human_merges_it_with_the_button() {
    let hub = two_in_a_batch();
    let head = hub.facts().pulls[&7].head.clone();
    hub.git(&["update-ref", "refs/heads/main", &head]);
    hub.change(7, |pull| pull.state = "MERGED");
    hub.settle();
    assert_eq!(hub.exit(7), Some(ExitReason::MergedElsewhere));
    assert!(hub.has_landed(8));
    hub.assert_proven();
}

#[test]
fn s17_a_draft_again_while_it_runs() {
    let hub = two_in_a_batch();
    hub.change(7, |pull| pull.draft = true);
    hub.settle();
    assert_eq!(hub.exit(7), Some(ExitReason::Draft));
    assert!(hub.has_landed(8));
}

#[test]
fn s18_retargeted_while_queued() {
    let hub = two_in_a_batch();
    hub.change(7, |pull| pull.base = "release".into());
    hub.settle();
    assert_eq!(hub.exit(7), Some(ExitReason::BaseChanged { to: "release".into() }));
    assert!(hub.has_landed(8) && !hub.files().contains("seven"));
}

#[test]
fn s19_changes_requested_hold_it_and_an_approval_frees_it() {
    let hub = Hub::new();
    hub.queue(7, &[("seven", "new\n")]);
    hub.change(7, |pull| pull.reviews = vec!["CHANGES_REQUESTED"]);
    hub.tick();
    assert_eq!(hub.phase(7), Some(Phase::Held(Hold::ChangesRequested)));
    let at = hub.state().entries[&7].at;
    hub.pass(minutes(1));
    hub.change(7, |pull| pull.reviews = vec!["APPROVED"]);
    hub.tick();
    assert_eq!(hub.state().entries[&7].at, at);
    hub.settle();
    assert!(hub.has_landed(7));
}

#[test]
fn s20_another_title_builds_nothing_anew() {
    let hub = two_in_a_batch();
    let before = hub.builds();
    hub.change(7, |pull| pull.title = "Something else\n\nMainguard-PR: #1@2".into());
    hub.tick();
    assert_eq!(hub.builds(), before);
    hub.settle();
    assert!(hub.has_landed(7));
    assert!(hub.git(&["log", "-1", "--format=%B", "main"]).contains("Change 7"));
}
