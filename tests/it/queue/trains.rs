//! Batches, bisection, trains and flakes.

use mainguard::queue::entry::{ExitReason, Phase};

use crate::support::hub::{Hub, minutes};

/// One batch of eight, of which these are red.
fn eight(culprits: &[u64]) -> (Hub, usize) {
    let hub = Hub::new();
    {
        let mut config = hub.config.borrow_mut();
        config.depth = 1;
        config.batch.max = 8;
    }
    for number in 1..=8 {
        let file = if culprits.contains(&number) { format!("red-{number}") } else { format!("file-{number}") };
        hub.queue(number, &[(&file, "new\n")]);
    }
    hub.tick();
    assert_eq!(hub.state().builds.values().next().unwrap().members.len(), 8);
    let runs = hub.settle();
    for number in 1..=8 {
        assert_eq!(hub.has_landed(number), !culprits.contains(&number), "#{number}: {:?}", hub.phase(number));
    }
    for culprit in culprits {
        let Some(ExitReason::Red { build, checks, .. }) = hub.exit(*culprit) else {
            panic!("{:?}", hub.exit(*culprit))
        };
        assert!(!checks.is_empty());
        assert!(hub.builds().keys().any(|name| name.ends_with(build.as_str())), "its branch is kept");
        assert!(hub.said(*culprit).contains(build.as_str()));
    }
    hub.assert_proven();
    (hub, runs)
}

#[test]
fn s47_one_culprit_of_eight() {
    let (_, runs) = eight(&[6]);
    assert!(runs <= 9, "{runs} runs");
}

#[test]
fn s48_two_culprits_of_eight() {
    eight(&[1, 2]);
    eight(&[3, 7]);
}

#[test]
fn s49_green_alone_and_red_together() {
    let hub = Hub::new();
    hub.queue(7, &[("half-1", "x\n")]);
    hub.queue(8, &[("half-2", "x\n")]);
    hub.settle();
    assert!(hub.has_landed(7));
    let Some(ExitReason::Red { landed_since, .. }) = hub.exit(8) else { panic!("{:?}", hub.phase(8)) };
    assert_eq!(landed_since, [7]);
    assert!(hub.said(8).contains("#7"), "{}", hub.said(8));
}

#[test]
fn s50_a_flake_ejects_nobody() {
    let hub = Hub::new();
    hub.queue(7, &[("seven", "new\n")]);
    hub.queue(8, &[("eight", "new\n")]);
    hub.config.borrow_mut().depth = 1;
    hub.tick();
    hub.pass(minutes(10));
    hub.check(&hub.untested()[0].clone(), "ci", Some("failure"));
    hub.settle();
    assert!(hub.has_landed(7) && hub.has_landed(8));
}

#[test]
fn s50_a_flake_on_a_single_is_confirmed_first() {
    let hub = Hub::new();
    hub.queue(7, &[("seven", "new\n")]);
    hub.tick();
    hub.pass(minutes(10));
    hub.check(&hub.untested()[0].clone(), "ci", Some("failure"));
    hub.settle();
    assert!(hub.has_landed(7));
}

#[test]
fn s51_red_twice_leaves_and_may_come_back() {
    let hub = Hub::new();
    hub.queue(7, &[("seven", "new\n")]);
    for _ in 0..6 {
        hub.tick();
        hub.pass(minutes(10));
        for commit in hub.untested() {
            let probe = !hub.git(&["ls-tree", "-r", "--name-only", &commit]).contains("seven");
            hub.check(&commit, "ci", Some(if probe { "success" } else { "failure" }));
        }
    }
    assert!(matches!(hub.exit(7), Some(ExitReason::Red { .. })), "{:?}", hub.phase(7));
    let at = hub.state().entries[&7].at;
    hub.say(7, "ada", "/retry");
    hub.tick();
    assert_eq!(hub.state().entries[&7].at, at, "its old place");
    hub.settle();
    assert!(hub.has_landed(7));
}

fn train_of(files: &[(u64, &str)]) -> (Hub, Vec<String>) {
    let hub = Hub::new();
    hub.config.borrow_mut().batch.max = 1;
    for (number, file) in files {
        hub.queue(*number, &[(file, "new\n")]);
    }
    hub.tick();
    hub.pass(minutes(10));
    let state = hub.state();
    let commits = state.train.iter().map(|id| state.builds[id].commit.as_ref().unwrap().to_string()).collect();
    (hub, commits)
}

#[test]
fn s52_whoever_stands_on_red_is_built_on_the_nearest_that_is_not() {
    let (hub, commits) = train_of(&[(1, "one"), (2, "red-2"), (3, "three")]);
    hub.check(&commits[1], "ci", Some("failure"));
    hub.tick();
    let rebuilt = hub.untested().into_iter().any(|commit| {
        let files = hub.git(&["ls-tree", "-r", "--name-only", &commit]);
        files.contains("three") && files.contains("one") && !files.contains("red-2")
    });
    assert!(rebuilt, "{:?}", hub.state().train);
    assert!(hub.exit(2).is_none(), "decided only after what is below it");
    hub.settle();
    assert!(hub.has_landed(1) && hub.has_landed(3) && matches!(hub.exit(2), Some(ExitReason::Red { .. })));
}

#[test]
fn s53_red_on_top_of_red_is_void() {
    let (hub, commits) = train_of(&[(1, "red-1"), (2, "two"), (3, "three")]);
    hub.check(&commits[2], "ci", Some("failure"));
    hub.tick();
    assert!(hub.exit(3).is_none());
    hub.settle();
    assert!(hub.has_landed(2) && hub.has_landed(3) && matches!(hub.exit(1), Some(ExitReason::Red { .. })));
}

#[test]
fn s54_a_green_build_carries_what_is_below_it() {
    let (hub, commits) = train_of(&[(1, "one"), (2, "two")]);
    hub.check(&commits[0], "ci", Some("failure"));
    hub.check(&commits[1], "ci", Some("success"));
    hub.tick();
    assert_eq!(hub.main(), commits[1]);
    assert!(hub.has_landed(1) && hub.has_landed(2));
    let (hub, commits) = train_of(&[(1, "one"), (2, "two")]);
    hub.config.borrow_mut().optimistic = false;
    hub.check(&commits[0], "ci", Some("failure"));
    hub.check(&commits[1], "ci", Some("success"));
    hub.tick();
    assert_ne!(hub.main(), commits[1]);
    hub.settle();
    assert!(hub.has_landed(1) && hub.has_landed(2));
}

#[test]
fn s55_priority_does_not_stop_what_runs() {
    let hub = Hub::new();
    {
        let mut config = hub.config.borrow_mut();
        config.depth = 1;
        config.batch.max = 1;
    }
    hub.queue(1, &[("one", "new\n")]);
    hub.tick();
    hub.queue(2, &[("two", "new\n")]);
    hub.queue(3, &[("three", "new\n")]);
    hub.tick();
    hub.say(3, "ada", "/priority 5");
    let running = hub.untested();
    hub.tick();
    assert_eq!(hub.untested(), running);
    hub.ci();
    hub.tick();
    assert!(hub.has_landed(1));
    assert!(matches!(hub.phase(3), Some(Phase::Building(_))), "{:?}", hub.phase(3));
    assert!(matches!(hub.phase(2), Some(Phase::Waiting)), "{:?}", hub.phase(2));
}
