//! Who enters the queue, who does not, and what they are told.

use chrono::TimeDelta;
use mainguard::queue::config::RequiredCheck;
use mainguard::queue::entry::{ExitReason, Hold, Phase};

use crate::support::hub::{Hub, minutes};

#[test]
fn a_labelled_pull_request_is_tested_and_lands_as_it_was_tested() {
    let hub = Hub::new();
    hub.queue(7, &[("feature", "new\n")]);
    let ticked = hub.tick();
    assert!(ticked.troubles.is_empty(), "{:?}", ticked.troubles);
    let untested = hub.untested();
    let [tested] = &*untested else { panic!("{untested:?}: {ticked:?}") };
    let before = hub.main();
    hub.ci();
    let ticked = hub.tick();
    assert!(ticked.troubles.is_empty(), "{:?}", ticked.troubles);
    assert_eq!(hub.main(), *tested, "{ticked:?}");
    assert_eq!(hub.git(&["rev-parse", "main^1"]), before);
    assert!(hub.has_landed(7));
    let said = hub.said(7);
    assert!(
        said.contains(tested.as_str()) && said.contains("tested and landed") && said.contains("`ci`: green"),
        "{said}"
    );
    assert!(!hub.is_queued(7));
    hub.assert_proven();
}

#[test]
fn s01_a_green_pull_request_is_queued_at_its_head() {
    let hub = Hub::new();
    let head = hub.queue(7, &[("feature", "new\n")]);
    hub.tick();
    hub.tick();
    let entry = &hub.state().entries[&7];
    assert_eq!((entry.head.as_str(), &*entry.by), (&*head, "ada"));
    assert!(hub.said(7).contains(&head[..7]), "{}", hub.said(7));
    assert_eq!(hub.event_names(), ["dev_integration_queue_entered"]);
}

#[test]
fn s02_its_own_checks_come_first() {
    let hub = Hub::new();
    for (number, conclusion) in [(1, None), (2, Some("failure"))] {
        let file = format!("feature-{number}");
        let head = hub.open_unchecked(number, &[(&file, "new\n")]);
        hub.check(&head, "ci", conclusion);
        hub.label(number, "ada");
    }
    hub.tick();
    assert!(matches!(hub.phase(1), Some(Phase::Held(Hold::Checks { .. }))), "{:?}", hub.phase(1));
    assert!(matches!(hub.exit(2), Some(ExitReason::PullChecksFailed { .. })));
    assert!(!hub.is_queued(2) && hub.is_queued(1));
    let head = hub.facts().pulls[&1].head.clone();
    hub.check(&head, "ci", Some("success"));
    hub.settle();
    assert!(hub.has_landed(1));
}

#[test]
fn s03_a_check_that_never_reports_is_named() {
    let hub = Hub::new();
    hub.open_unchecked(7, &[("feature", "new\n")]);
    hub.label(7, "ada");
    hub.tick();
    assert!(matches!(hub.phase(7), Some(Phase::Held(Hold::Checks { .. }))));
    hub.pass(minutes(21));
    hub.tick();
    assert_eq!(hub.exit(7), Some(ExitReason::PullChecksMissing { checks: vec!["ci".into()] }));
    assert!(hub.said(7).contains("never reported") && hub.said(7).contains("`ci`"), "{}", hub.said(7));
}

#[test]
fn s04_whoever_may_only_read_queues_nothing() {
    let hub = Hub::new();
    hub.open(7, &[("feature", "new\n")]);
    hub.label(7, "tri");
    hub.tick();
    hub.tick();
    assert_eq!(hub.exit(7), Some(ExitReason::NotAuthorised { by: "tri".into() }));
    assert!(!hub.is_queued(7) && hub.builds().is_empty());
    assert!(hub.said(7).contains("`tri`"), "{}", hub.said(7));
}

#[test]
fn s05_a_fork_is_fetched_by_its_number_and_lands_at_the_pin() {
    let hub = Hub::new();
    let head = hub.queue(7, &[("feature", "new\n")]);
    hub.change(7, |pull| pull.fork = true);
    // The branch is in another repository: here there is only `refs/pull/7/head`.
    hub.git(&["update-ref", "-d", "refs/heads/pr-7"]);
    hub.settle();
    assert!(hub.has_landed(7));
    assert_eq!(hub.git(&["rev-parse", "main^2"]), head);
}

#[test]
fn s06_a_draft_is_held_until_it_is_ready() {
    let hub = Hub::new();
    hub.queue(7, &[("feature", "new\n")]);
    hub.change(7, |pull| pull.draft = true);
    hub.tick();
    assert_eq!(hub.phase(7), Some(Phase::Held(Hold::Draft)));
    hub.pass(minutes(1));
    hub.change(7, |pull| pull.draft = false);
    hub.settle();
    assert!(hub.has_landed(7));
}

#[test]
fn s07_what_is_there_already_is_not_built() {
    let hub = Hub::new();
    let main = hub.main();
    hub.queue(7, &[("feature", "new\n")]);
    hub.git(&["update-ref", "refs/pull/7/head", &main]);
    hub.change(7, |pull| pull.head = main.clone());
    hub.tick();
    assert_eq!(hub.exit(7), Some(ExitReason::Empty));
    assert!(!hub.is_queued(7) && hub.builds().is_empty());
}

#[test]
fn s08_a_branch_without_a_queue_is_refused() {
    let hub = Hub::new();
    hub.queue(7, &[("feature", "new\n")]);
    hub.change(7, |pull| pull.base = "release".into());
    hub.tick();
    assert_eq!(hub.exit(7), Some(ExitReason::UnmanagedBranch { branch: "release".into() }));
    assert!(hub.said(7).contains("`release` has no queue"), "{}", hub.said(7));
}

#[test]
fn s09_a_late_label_on_a_closed_pull_request_is_nothing() {
    let hub = Hub::new();
    hub.queue(7, &[("feature", "new\n")]);
    hub.change(7, |pull| pull.state = "CLOSED");
    hub.tick();
    assert_eq!((hub.phase(7), hub.said(7)), (None, String::new()));
}

#[test]
fn s10_asked_twice_is_queued_once() {
    let hub = Hub::new();
    hub.queue(7, &[("feature", "new\n")]);
    hub.config.borrow_mut().depth = 1;
    hub.tick();
    let first = hub.state().entries[&7].clone();
    hub.pass(TimeDelta::seconds(30));
    hub.say(7, "ada", "/queue");
    hub.label(7, "ada");
    hub.tick();
    let entry = hub.state().entries[&7].clone();
    assert_eq!((entry.at, entry.round), (first.at, 1));
    assert_eq!(hub.event_names(), ["dev_integration_queue_entered"]);
}

#[test]
fn commands_are_obeyed_from_people_who_may_write() {
    let hub = Hub::new();
    hub.open(7, &[("feature", "new\n")]);
    hub.open(8, &[("other", "new\n")]);
    hub.say(7, "mallory", "/queue");
    hub.say(8, "ada", "Looks good.\n\n/queue");
    hub.tick();
    assert_eq!(hub.phase(7), None);
    assert!(hub.phase(8).is_some());
    hub.say(8, "tri", "/dequeue");
    hub.tick();
    assert!(hub.exit(8).is_none());
    hub.say(8, "ada", "/dequeue");
    hub.tick();
    assert_eq!(hub.exit(8), Some(ExitReason::Dequeued));
}

#[test]
fn without_a_required_check_there_is_no_queue() {
    let hub = Hub::new();
    hub.config.borrow_mut().queue_checks = Vec::<RequiredCheck>::new();
    hub.queue(7, &[("feature", "new\n")]);
    let before = hub.main();
    hub.tick();
    hub.ci();
    hub.tick();
    assert_eq!(hub.main(), before);
    assert!(hub.state().freeze.is_some_and(|freeze| freeze.reason.contains("queue_checks")));
}

#[test]
fn a_dependency_that_a_person_merged_holds_nobody() {
    let hub = Hub::new();
    // #5 never had the label; #6 does not exist on the first day.
    let five = hub.open(5, &[("five", "new\n")]);
    hub.queue(7, &[("seven", "new\n")]);
    hub.change(7, |pull| pull.body = "Needs the other one.\n\nDepends-On: #5, #6\n".into());
    hub.settle();
    assert_eq!(hub.phase(7), Some(Phase::Held(Hold::Dependency { on: 5 })));
    hub.git(&["update-ref", "refs/heads/main", &five]);
    hub.check(&five, "ci", Some("success"));
    hub.change(5, |pull| pull.state = "MERGED");
    hub.settle();
    assert_eq!(hub.phase(7), Some(Phase::Held(Hold::Dependency { on: 6 })));
    hub.queue(6, &[("six", "new\n")]);
    hub.settle();
    assert!(hub.has_landed(6) && hub.has_landed(7), "{:?}", hub.phase(7));
    hub.assert_proven();
}
