//! Programs die, two run at once, GitHub is away, people clean up by hand.

use http::Method;
use mainguard::queue::entry::{ExitReason, Phase};
use mainguard::queue_driver::state_ref;

use crate::support::hub::{Fault, Hub, minutes};

/// The same story with a machine that is lost after every tick, and a request that fails at each place in turn.
#[test]
fn s56_whatever_fails_the_end_is_the_same() {
    let requests = {
        let hub = Hub::new();
        hub.queue(7, &[("seven", "new\n")]);
        hub.settle();
        assert!(hub.has_landed(7));

        hub.facts().requests.len()
    };
    // Every place would take minutes; these are spread over all of them.
    for at in (0..requests).step_by((requests / 8).max(1)) {
        let hub = Hub::new();
        hub.queue(7, &[("seven", "new\n")]);
        let mut seen = 0;
        for round in 0..8 {
            // The fault hits somewhere else in each story: after so many requests everything fails until the tick ends.
            let before = hub.facts().requests.len();
            if round == at % 3 {
                hub.fail(Method::POST, "", if (at / 3) % 2 == 0 { Fault::DoneBut(502) } else { Fault::Status(401) });
            }
            let _ = hub.try_tick();
            hub.facts().faults.clear();
            hub.another_runner();
            hub.ci();
            seen += hub.facts().requests.len() - before;
        }
        assert!(seen > 0 && hub.has_landed(7), "fault {at}: {:?}", hub.phase(7));
        assert!(!hub.said(7).is_empty());
    }
}

#[test]
fn s57_two_runners_at_once_move_the_branch_once() {
    let hub = Hub::new();
    hub.queue(7, &[("seven", "new\n")]);
    hub.tick();
    let tested = hub.untested();
    hub.ci();
    let now = hub.now();
    let before = hub.git(&["rev-list", "--count", "main"]);
    std::thread::scope(|scope| {
        let hub = &hub;
        // Each has a clone of its own.
        let stores: Vec<_> =
            (0..2).map(|number| hub.store(&hub.folder().join(format!("racer-{number}.git")))).collect();
        let url = hub.url();
        let config = hub.config.borrow().clone();
        for store in stores {
            let (url, config) = (url.clone(), config.clone());
            scope.spawn(move || {
                let client = crate::support::hub::client_of(&url);
                let repository = mainguard::github::Repository::parse("octo/repo").unwrap();
                let session = mainguard::queue_driver::Session {
                    store: &store,
                    client: &client,
                    repository: &repository,
                    branch: "main",
                    config: &config,
                    dispatch: None,
                };
                mainguard::queue_driver::tick(&session, &[], now).unwrap()
            });
        }
    });
    assert_eq!(hub.main(), tested[0]);
    assert_eq!(before, "1");
    assert_eq!(hub.git(&["rev-list", "--count", "--first-parent", "main"]), "2");
    hub.tick();
    assert!(hub.has_landed(7));
    hub.said(7);
}

#[test]
fn s58_a_tick_that_was_skipped_loses_nothing() {
    let hub = Hub::new();
    hub.queue(7, &[("seven", "new\n")]);
    hub.tick();
    hub.ci();
    // Everything happens while no tick runs.
    hub.queue(8, &[("eight", "new\n")]);
    hub.pass(minutes(240));
    hub.settle();
    assert!(hub.has_landed(7) && hub.has_landed(8));
}

#[test]
fn s59_ticking_again_and_again_changes_nothing() {
    let hub = Hub::new();
    hub.queue(7, &[("seven", "new\n")]);
    for _ in 0..3 {
        hub.tick();
    }
    assert_eq!(hub.builds().len(), 1);
    hub.ci();
    for _ in 0..3 {
        hub.tick();
    }
    assert!(hub.has_landed(7));
    let names = hub.event_names();
    let count = |name: &str| names.iter().filter(|event| **event == name).count();
    assert_eq!((count("dev_integration_queue_entered"), count("dev_integration_ci_passed")), (1, 1), "{names:?}");
}

#[test]
fn s60_an_error_is_never_a_verdict() {
    let faults = [
        Fault::PrimaryLimit(3_000),
        Fault::SecondaryLimit(300),
        Fault::Status(500),
        Fault::Status(502),
        Fault::Status(503),
        Fault::Truncated,
    ];
    for fault in faults {
        let hub = Hub::new();
        hub.queue(7, &[("seven", "new\n")]);
        hub.tick();
        hub.ci();
        let before = hub.main();
        for _ in 0..4 {
            hub.fail(Method::POST, "graphql", fault);
        }
        let failed = hub.try_tick();
        let error = failed.err().unwrap_or_else(|| panic!("{fault:?} went unnoticed"));
        assert_eq!(hub.main(), before);
        if matches!(fault, Fault::PrimaryLimit(_) | Fault::SecondaryLimit(_)) {
            assert!(error.resumes_at().is_some_and(|at| at > hub.now()), "{error}");
        }
        hub.facts().faults.clear();
        hub.tick();
        assert!(hub.has_landed(7));
    }
}

#[test]
fn s61_a_write_that_succeeded_all_the_same_is_not_doubled() {
    let hub = Hub::new();
    hub.queue(7, &[("seven", "new\n")]);
    hub.fail(Method::POST, "/comments", Fault::DoneBut(502));
    hub.fail(Method::POST, "/check-runs", Fault::DoneBut(502));
    hub.settle();
    assert!(hub.has_landed(7));
    assert!(!hub.said(7).is_empty(), "one comment");
}

#[test]
fn s62_more_than_a_page_of_pull_requests() {
    let hub = Hub::new();
    hub.say(1, "ada", "/freeze count them");
    let head = hub.queue(1, &[("file", "new\n")]);
    let facts = hub.facts().pulls[&1].clone();
    for number in 2..=120 {
        hub.facts().pulls.insert(number, facts.clone());
    }
    hub.tick();
    assert_eq!(hub.state().entries.len(), 120);
    assert!(hub.state().entries.values().all(|entry| entry.head.as_str() == head));
}

#[test]
fn a_tick_over_a_hundred_pull_requests_asks_little() {
    let hub = Hub::new();
    hub.say(1, "ada", "/freeze count them");
    hub.queue(1, &[("file", "new\n")]);
    let facts = hub.facts().pulls[&1].clone();
    for number in 2..=100 {
        hub.facts().pulls.insert(number, facts.clone());
    }
    for _ in 0..10 {
        hub.tick();
    }
    hub.facts().requests.clear();
    hub.tick();
    let calls = hub.facts().requests.len();
    println!("a tick with 100 queued pull requests: {calls} calls");
    assert!(calls <= 15, "{calls}");
}

#[test]
fn s63_a_token_that_may_not_is_named_and_nobody_is_lost() {
    let hub = Hub::new();
    hub.queue(7, &[("seven", "new\n")]);
    hub.tick();
    hub.ci();
    hub.fail(Method::POST, "graphql", Fault::Status(401));
    let error = hub.try_tick().unwrap_err();
    assert!(error.to_string().contains("token") && !format!("{error:?}").contains("ghs_"), "{error}");
    assert!(error.hint().is_some());
    hub.tick();
    assert!(hub.has_landed(7));
}

#[test]
fn s64_landing_does_not_wait_for_comments() {
    let hub = Hub::new();
    hub.queue(7, &[("seven", "new\n")]);
    for _ in 0..12 {
        hub.fail(Method::GET, "/issues/7/comments", Fault::Status(503));
    }
    hub.tick();
    hub.ci();
    hub.tick();
    assert!(hub.has_landed(7));
    hub.facts().faults.clear();
    hub.tick();
    assert!(hub.said(7).contains("Landed on"), "{}", hub.said(7));
}

#[test]
fn s65_branches_of_failed_builds_stay_for_a_while() {
    let hub = Hub::new();
    hub.queue(7, &[("red", "new\n")]);
    hub.queue(8, &[("eight", "new\n")]);
    let main = hub.main();
    let foreign = hub.commit("refs/heads/mainguard/int/main/by-hand", Some(&main), &[("x", "x\n")]);
    hub.check(&foreign, "ci", Some("success"));
    hub.settle();
    let Some(ExitReason::Red { build, .. }) = hub.exit(7) else { panic!("{:?}", hub.phase(7)) };
    let name = format!("refs/heads/mainguard/int/main/{build}");
    assert!(hub.builds().contains_key(&name));
    hub.pass(minutes(8 * 24 * 60));
    hub.settle();
    assert_eq!(hub.builds().keys().map(String::as_str).collect::<Vec<_>>(), ["refs/heads/mainguard/int/main/by-hand"]);
}

#[test]
fn s67_github_does_not_notice_the_merge() {
    let hub = Hub::new();
    hub.facts().blind_to_merges = true;
    hub.queue(7, &[("seven", "new\n")]);
    hub.settle();
    assert!(hub.has_landed(7));
    let main = hub.main();
    assert_eq!(hub.facts().pulls[&7].state, "OPEN", "GitHub has its time");
    hub.pass(minutes(60));
    hub.settle();
    assert_eq!(hub.main(), main);
    assert!(matches!(hub.exit(7), Some(ExitReason::Landed { .. })));
    assert_eq!(hub.facts().pulls[&7].state, "CLOSED");
    assert!(hub.said(7).contains(&main), "{}", hub.said(7));
    // Somebody opens it again: it is not queued again, and not closed again.
    hub.change(7, |pull| pull.state = "OPEN");
    hub.pass(minutes(60));
    hub.settle();
    assert_eq!((hub.main(), hub.facts().pulls[&7].state), (main, "OPEN"));
}

#[test]
fn s66_the_branch_goes_only_where_nobody_needs_it() {
    let hub = Hub::new();
    hub.config.borrow_mut().delete_landed_branches = true;
    for number in [1, 2, 3, 4, 5] {
        hub.queue(number, &[(&format!("file-{number}"), "new\n")]);
    }
    // Of a fork; protected; the base of another; the branch of another.
    hub.change(2, |pull| pull.fork = true);
    hub.facts().protected.insert("pr-3".into());
    hub.open(14, &[("fourteen", "new\n")]);
    hub.change(14, |pull| pull.base = "pr-4".into());
    hub.open(15, &[("fifteen", "new\n")]);
    hub.change(15, |pull| pull.branch = "pr-5".into());
    hub.settle();
    let branches = || hub.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads/pr-*"]);
    assert!((1..=5).all(|number| hub.has_landed(number)));
    assert!(branches().contains("pr-1"), "GitHub has not been asked yet whether it shows a merge");
    hub.pass(minutes(2));
    hub.settle();
    let left: Vec<String> = branches().lines().map(str::to_string).collect();
    assert_eq!(left, ["pr-14", "pr-15", "pr-2", "pr-3", "pr-4", "pr-5"]);
}

#[test]
fn s66_a_commit_that_was_pushed_after_the_landing_is_not_lost() {
    let hub = Hub::new();
    hub.config.borrow_mut().delete_landed_branches = true;
    hub.queue(7, &[("seven", "new\n")]);
    hub.settle();
    // As after a merge: the branch moves on, the pull request stays as it was.
    let old = hub.facts().pulls[&7].head.clone();
    let later = hub.commit("refs/heads/pr-7", Some(&old), &[("more", "new\n")]);
    hub.pass(minutes(2));
    hub.settle();
    assert_eq!(hub.tip("pr-7"), later);
}

#[test]
fn s70_there_is_no_squash_and_github_shows_everything_as_merged() {
    let hub = Hub::new();
    hub.queue(7, &[("seven", "new\n")]);
    let second = hub.push(7, &[("seven", "newer\n")]);
    hub.settle();
    hub.label(7, "ada");
    hub.settle();
    assert!(hub.has_landed(7));
    // The very commits of the branch are in main, so its head never has to be moved.
    assert_eq!(hub.git(&["merge-base", &second, "main"]), second);
    assert_eq!(hub.facts().pulls[&7].state, "MERGED");
    assert_eq!(hub.tip("pr-7"), second);
    let refused = mainguard::config::parse(b"queue:\n  merge_method: squash\n", "mainguard.yml").unwrap_err();
    assert!(refused.to_string().contains("merge_method"), "{refused}");
}

#[test]
fn s68_landing_and_its_record_are_one_push() {
    let hub = Hub::new();
    hub.queue(7, &[("seven", "new\n")]);
    hub.tick();
    hub.ci();
    hub.say(7, "ada", "/freeze now");
    hub.tick();
    assert!(!hub.files().contains("seven") && hub.exit(7).is_none());
    hub.pass(minutes(1));
    hub.say(7, "ada", "/thaw");
    hub.settle();
    assert!(hub.has_landed(7));
    // The commit that moved main is named by the state that was written in the same push.
    let log = hub.git(&["log", "--format=%B", &state_ref("main")]);
    assert!(log.contains(&format!("Tested: {}", hub.main())), "{log}");
}

#[test]
fn s69_deleting_the_branch_and_labelling_again_works_at_any_time() {
    let hub = Hub::new();
    hub.queue(7, &[("seven", "new\n")]);
    hub.tick();
    let name = hub.builds().keys().next().unwrap().clone();
    hub.git(&["update-ref", "-d", &name]);
    hub.tick();
    assert!(matches!(hub.phase(7), Some(Phase::Building(_) | Phase::Waiting)), "{:?}", hub.phase(7));
    hub.unlabel(7);
    hub.pass(minutes(1));
    hub.label(7, "ada");
    hub.settle();
    assert!(hub.has_landed(7));
}

#[test]
fn a_damaged_state_stops_everything_and_says_where_the_old_ones_are() {
    let hub = Hub::new();
    hub.queue(7, &[("seven", "new\n")]);
    hub.tick();
    hub.ci();
    let good = hub.git(&["rev-parse", &state_ref("main")]);
    hub.commit(&state_ref("main"), Some(&good), &[("state.json", "{}")]);
    let before = hub.main();
    let error = hub.try_tick().unwrap_err();
    assert!(error.to_string().contains("damaged") && error.hint().unwrap().contains("git log"), "{error}");
    assert_eq!(hub.main(), before);
    // Lost altogether, it is rebuilt from the labels.
    hub.git(&["update-ref", "-d", &state_ref("main")]);
    hub.settle();
    assert!(hub.has_landed(7));
}
