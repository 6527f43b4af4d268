//! The branch itself moves, refuses, or is red.

use mainguard::queue::entry::ExitReason;
use mainguard::queue::state::FrozenBy;

use crate::support::hub::{Hub, minutes};
use crate::support::repo::git_at;

#[test]
fn s21_somebody_pushes_to_main_during_ci() {
    let hub = Hub::new();
    hub.queue(7, &[("seven", "new\n")]);
    hub.tick();
    let old = hub.untested()[0].clone();
    let main = hub.main();
    hub.commit("refs/heads/main", Some(&main), &[("pushed", "by hand\n")]);
    hub.ci();
    hub.tick();
    assert_ne!(hub.main(), old);
    hub.settle();
    assert!(hub.has_landed(7) && hub.files().contains("pushed"));
    assert!(hub.event_names().contains(&"dev_integration_base_moved"));
    hub.assert_proven();
}

#[test]
fn s22_the_branch_moves_in_the_moment_of_the_push() {
    let hub = Hub::new();
    hub.queue(7, &[("seven", "new\n")]);
    hub.tick();
    hub.ci();
    let main = hub.main();
    let pushed = hub.commit("refs/heads/by-hand", Some(&main), &[("pushed", "by hand\n")]);
    hub.check(&pushed, "ci", Some("success"));
    let by_hand = pushed.clone();
    hub.at_the_last_look(move |facts| {
        git_at(&facts.git, &["update-ref", "refs/heads/main", &by_hand], b"");
    });
    let ticked = hub.tick();
    assert_eq!(hub.main(), pushed, "{ticked:?}");
    assert!(hub.exit(7).is_none() && hub.state().freeze.is_none());
    let at = hub.state().entries[&7].at;
    hub.tick();
    assert_eq!(hub.state().entries[&7].at, at, "its place");
    hub.settle();
    assert!(hub.has_landed(7));
    hub.assert_proven();
}

#[test]
fn s33_a_rule_for_signatures_is_named_before_anybody_waits() {
    let hub = Hub::new();
    let kinds = ["required_signatures", "required_linear_history", "pull_request", "merge_queue"];
    hub.facts().rules = kinds.iter().map(|kind| serde_json::json!({ "type": kind })).collect();
    let found = hub.with_session("main", |session| {
        mainguard::queue_driver::doctor::examine(session, mainguard::queue_driver::doctor::Surroundings::default())
    });
    let text = format!("{found:?}");
    for words in
        ["signed commits", "linear history", "requires a pull request", "own merge queue", "integration branches"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(
        found
            .iter()
            .filter(|one| one.degree != mainguard::queue_driver::doctor::Degree::Good)
            .all(|one| one.fix.is_some())
    );
}

#[test]
fn s23_a_rule_that_forbids_the_push_freezes_and_ejects_nobody() {
    let hub = Hub::new();
    hub.queue(7, &[("seven", "new\n")]);
    hub.tick();
    let hook = hub.origin().join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    let script = "#!/bin/sh\nwhile read old new name; do\n  [ $name = refs/heads/main ] && echo 'error: GH013: \
                  Repository rule violations found for refs/heads/main: Changes must be made through a pull request.' && exit 1\n\
                  done\nexit 0\n";
    std::fs::write(&hook, script).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    hub.ci();
    let before = hub.main();
    hub.tick();
    let freeze = hub.state().freeze.unwrap();
    assert!(freeze.by == FrozenBy::Refused && freeze.reason.contains("GH013"), "{freeze:?}");
    assert!(hub.exit(7).is_none() && hub.main() == before && hub.is_queued(7));
    std::fs::remove_file(&hook).unwrap();
    hub.pass(minutes(1));
    hub.say(7, "ada", "/thaw");
    hub.settle();
    assert!(hub.has_landed(7));
}

#[test]
fn s25_a_red_branch_blames_nobody() {
    let hub = Hub::new();
    let main = hub.main();
    let red = hub.commit("refs/heads/main", Some(&main), &[("red", "broken\n")]);
    hub.check(&red, "ci", Some("failure"));
    hub.queue(7, &[("seven", "new\n")]);
    hub.tick();
    assert_eq!(hub.state().freeze.unwrap().by, FrozenBy::RedBase);
    assert!(hub.exit(7).is_none());
    let fixed = hub.commit("refs/heads/main", Some(&red), &[("red", "")]);
    hub.check(&fixed, "ci", Some("success"));
    hub.settle();
    assert!(hub.has_landed(7));
}

#[test]
fn s26_two_branches_have_two_queues() {
    let hub = Hub::new();
    let main = hub.main();
    hub.git(&["update-ref", "refs/heads/release", &main]);
    hub.config.borrow_mut().branches = vec!["main".into(), "release".into()];
    hub.queue(7, &[("seven", "new\n")]);
    hub.queue(8, &[("eight", "new\n")]);
    hub.change(8, |pull| pull.base = "release".into());
    hub.settle();
    assert!(hub.has_landed(7) && hub.phase(8).is_none() && hub.is_queued(8));
    let now = hub.now();
    let tick = || hub.with_session("release", |session| mainguard::queue_driver::tick(session, &[], now).unwrap());
    tick();
    hub.ci();
    tick();
    assert!(hub.git(&["ls-tree", "-r", "--name-only", "refs/heads/release"]).contains("eight"));
    assert!(!hub.files().contains("eight"));
    assert!(!matches!(hub.exit(7), Some(ExitReason::Closed)));
}
