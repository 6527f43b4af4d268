//! What the driver looks at once more between the plan and the push. Each of these checks has a story here that ends
//! otherwise without it; `tests/tools/queue_mutants.sh` takes them out in turn.

use mainguard::queue_driver::state_ref;

use crate::support::hub::{Hub, TOKEN, minutes};
use crate::support::repo::git_at;

/// #7 is tested and green; the next tick would land it.
fn about_to_land() -> Hub {
    let hub = Hub::new();
    hub.queue(7, &[("seven", "new\n")]);
    hub.tick();
    hub.ci();
    hub
}

/// Nothing moved, nobody is blamed, and nobody is frozen for it.
fn assert_not_landed(hub: &Hub, before: &str) {
    assert_eq!(hub.main(), before);
    assert!(!hub.files().contains("seven"));
    assert!(!matches!(hub.exit(7), Some(exit) if exit.is_failure()), "{:?}", hub.exit(7));
}

#[test]
fn a_label_taken_off_in_the_last_moment_keeps_it_out() {
    let hub = about_to_land();
    let before = hub.main();
    hub.at_the_last_look(|facts| {
        if let Some(pull) = facts.pulls.get_mut(&7) {
            pull.labels.clear();
            pull.updated_at = facts.now;
        }
    });
    hub.tick();
    assert_not_landed(&hub, &before);
}

#[test]
fn a_rerun_that_turns_red_in_the_last_moment_keeps_it_out() {
    let hub = about_to_land();
    let before = hub.main();
    hub.at_the_last_look(|facts| {
        let commits: Vec<String> = facts.checks.keys().cloned().collect();
        for commit in commits {
            let Some(check) = facts.checks.get(&commit).and_then(|checks| checks.last()).cloned() else { continue };
            let id = facts.next_id();
            let mut again = check;
            (again.id, again.conclusion) = (id, Some("failure".into()));
            facts.checks.entry(commit).or_default().push(again);
        }
    });
    hub.tick();
    assert_not_landed(&hub, &before);
}

#[test]
fn a_branch_that_was_moved_back_in_the_last_moment_stays_there() {
    let hub = Hub::new();
    let first = hub.main();
    let second = hub.commit("refs/heads/main", Some(&first), &[("mistake", "taken back\n")]);
    hub.check(&second, "ci", Some("success"));
    hub.queue(7, &[("seven", "new\n")]);
    hub.tick();
    hub.ci();
    let there = first.clone();
    // To git a push from there would be a fast-forward, and would bring back what was taken out.
    hub.at_the_last_look(move |facts| {
        git_at(&facts.git, &["update-ref", "refs/heads/main", &there], b"");
    });
    hub.tick();
    assert_not_landed(&hub, &first);
    assert!(!hub.files().contains("mistake"));
}

#[test]
fn the_branch_does_not_move_without_its_record() {
    let hub = about_to_land();
    let before = hub.main();
    // The server takes the branch and not the state.
    let hook = hub.origin().join("hooks/update");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    let script = "#!/bin/sh\ncase $1 in refs/mainguard/*) echo 'no room' >&2; exit 1;; esac\n";
    let written = hook.clone();
    hub.at_the_last_look(move |_| {
        std::fs::write(&written, script).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&written, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    });
    let _ = hub.try_tick();
    assert_not_landed(&hub, &before);
    std::fs::remove_file(&hook).unwrap();
    hub.pass(minutes(1));
    hub.say(7, "ada", "/thaw");
    hub.settle();
    assert!(hub.has_landed(7));
    hub.assert_proven();
}

/// Somebody who may write to the state says that another commit was tested, and CI is green on it.
fn forged(onto_branch: bool) -> (Hub, String) {
    let hub = about_to_land();
    let before = hub.main();
    let state = hub.state();
    let build = state.builds.values().next().unwrap();
    let (tested, name) = (build.commit.clone().unwrap(), build.ref_name("main"));
    let onto = onto_branch.then_some(before.as_str());
    let other = hub.commit("refs/heads/other", onto, &[("backdoor", "open\n")]);
    let json = String::from_utf8(state.to_json()).unwrap();
    let tree = hub.git(&["rev-parse", &format!("{other}^{{tree}}")]);
    let json = json.replace(tested.as_str(), &other).replace(build.tree.as_ref().unwrap().as_str(), &tree);
    assert!(json.contains(&other) && json.contains(&tree));
    // The state is one more commit on its ref, as the queue would write it.
    let blob = String::from_utf8(git_at(&hub.origin(), &["hash-object", "-w", "--stdin"], json.as_bytes())).unwrap();
    let listing = format!("100644 blob {}\tstate.json\n", blob.trim());
    let tree = String::from_utf8(git_at(&hub.origin(), &["mktree"], listing.as_bytes())).unwrap();
    let parent = state_ref("main");
    let commit = hub.git(&["commit-tree", tree.trim(), "-p", &parent, "-m", "forged"]);
    hub.git(&["update-ref", &parent, &commit]);
    hub.git(&["update-ref", &name, &other]);
    hub.check(&other, "ci", Some("success"));
    hub.pass(minutes(1));
    hub.tick();
    (hub, before)
}

#[test]
fn a_forged_commit_that_lacks_the_branch_is_refused_for_that() {
    let (hub, before) = forged(false);
    assert_not_landed(&hub, &before);
    let freeze = hub.state().freeze.unwrap();
    assert!(freeze.reason.contains("does not contain the tip of the branch"), "{freeze:?}");
    assert!(!freeze.reason.contains(TOKEN));
}

#[test]
fn a_forged_commit_is_not_what_its_recipe_makes() {
    let (hub, before) = forged(true);
    assert_not_landed(&hub, &before);
    assert!(!hub.files().contains("backdoor"));
    let freeze = hub.state().freeze.unwrap();
    assert!(freeze.reason.contains("another commit than the one that was tested"), "{freeze:?}");
}
