//! Making the commit that is tested.

use mainguard::queue::entry::{ExitReason, Hold, Phase};

use crate::support::hub::{Hub, minutes};

#[test]
fn s27_a_conflict_names_its_files_and_costs_no_run() {
    let hub = Hub::new();
    hub.queue(7, &[("a", "mine\n")]);
    hub.queue(8, &[("eight", "new\n")]);
    let main = hub.main();
    let pushed = hub.commit("refs/heads/main", Some(&main), &[("a", "theirs\n")]);
    hub.check(&pushed, "ci", Some("success"));
    let runs = hub.settle();
    assert_eq!(hub.exit(7), Some(ExitReason::Conflict { files: vec!["a".into()], with: None }));
    assert!(hub.said(7).contains("`a`"), "{}", hub.said(7));
    assert!(hub.has_landed(8));
    assert_eq!(runs, 1);
}

#[test]
fn s28_a_conflict_with_somebody_ahead_waits_for_them() {
    let hub = Hub::new();
    hub.queue(7, &[("a", "seven\n")]);
    hub.queue(8, &[("a", "eight\n")]);
    hub.tick();
    assert!(matches!(hub.phase(8), Some(Phase::Held(Hold::ConflictAhead { with: 7, .. }))), "{:?}", hub.phase(8));
    hub.settle();
    assert!(hub.has_landed(7));
    assert!(matches!(hub.exit(8), Some(ExitReason::Conflict { .. })), "{:?}", hub.exit(8));
}

#[test]
fn s28_when_the_other_leaves_it_goes_on() {
    let hub = Hub::new();
    hub.queue(7, &[("a", "seven\n")]);
    hub.queue(8, &[("a", "eight\n")]);
    hub.tick();
    hub.pass(minutes(1));
    hub.unlabel(7);
    hub.settle();
    assert!(hub.has_landed(8));
}

#[test]
fn s29_a_missing_object_is_no_conflict() {
    let hub = Hub::new();
    hub.queue(7, &[("seven", "new\n")]);
    let main = hub.main();
    let blob = hub.git(&["rev-parse", &format!("{}:seven", hub.facts().pulls[&7].head)]);
    let tree = hub.git(&["rev-parse", &format!("{main}^{{tree}}")]);
    // The server lost the objects of the head's tree; it cannot send them.
    let head_tree = hub.git(&["rev-parse", &format!("{}^{{tree}}", hub.facts().pulls[&7].head)]);
    assert_ne!(tree, head_tree);
    let loose = |id: &str| hub.origin().join("objects").join(&id[..2]).join(&id[2..]);
    let packs = hub.origin().join("objects/pack");
    let unpacked = hub.folder().join("packs");
    if packs.is_dir() {
        std::fs::rename(&packs, &unpacked).unwrap();
        for entry in std::fs::read_dir(&unpacked).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "pack") {
                crate::support::repo::git_at(&hub.origin(), &["unpack-objects", "-q"], &std::fs::read(path).unwrap());
            }
        }
    }
    let _ = std::fs::remove_file(loose(&blob));
    let _ = std::fs::remove_file(loose(&head_tree));
    let _ = hub.try_tick();
    assert!(!matches!(hub.exit_if_any(7), Some(ExitReason::Conflict { .. })));
    assert!(hub.is_queued(7));
}

#[test]
fn s30_renames_and_modes_merge_as_git_merges() {
    let hub = Hub::new();
    hub.queue(7, &[("a", ""), ("moved/a", "a\n")]);
    hub.queue(8, &[("b", "b\nmore\n")]);
    hub.settle();
    assert!(hub.has_landed(7) && hub.has_landed(8));
    assert!(hub.files().contains("moved/a") && !hub.files().contains("a"));
}

/// Hosts are known to say "not authorized" in a bad minute and to mean nothing by it.
#[test]
fn s24_a_refusal_that_passes_is_tried_again_and_is_no_conflict() {
    let hub = Hub::new();
    let hook = hub.origin().join("hooks/update");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    let script = "#!/bin/sh\ncase $1 in refs/heads/mainguard/int/*)\n  test -e said-no && exit 0\n  touch said-no\n  \
                  echo 'error: 403 You are not authorized to push to this branch'; exit 1;;\nesac\nexit 0\n";
    std::fs::write(&hook, script).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    hub.queue(7, &[("seven", "new\n")]);
    hub.tick();
    assert!(hub.origin().join("said-no").exists() && hub.is_queued(7));
    hub.pass(minutes(5));
    hub.settle();
    assert!(hub.has_landed(7), "{:?}", hub.phase(7));
    assert!(!hub.said(7).contains("conflict"), "{}", hub.said(7));
}

#[test]
fn s31_workflow_files_that_the_token_may_not_push() {
    let hub = Hub::new();
    let hook = hub.origin().join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    let script = "#!/bin/sh\nwhile read old new name; do\n  git ls-tree -r --name-only $new | grep -q ^.github/workflows/ && \
                  echo 'refusing to allow a GitHub App to create or update workflow without `workflows` permission' && exit 1\n\
                  done\nexit 0\n";
    std::fs::write(&hook, script).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    hub.queue(7, &[(".github/workflows/ci.yml", "on: push\n")]);
    let runs = hub.settle();
    assert_eq!((hub.exit(7), runs), (Some(ExitReason::WorkflowFiles), 0));
    assert!(hub.said(7).contains("workflows: write"), "{}", hub.said(7));
}

#[test]
fn s32_the_same_inputs_give_the_same_commit() {
    let hub = Hub::new();
    let head = hub.queue(7, &[("seven", "new\n")]);
    let main = hub.main();
    hub.tick();
    let commit = hub.untested()[0].clone();
    assert_eq!(hub.git(&["log", "-1", "--format=%P|%an|%cn", &commit]), format!("{main} {head}|mainguard|mainguard"));
    let message = hub.git(&["log", "-1", "--format=%B", &commit]);
    assert!(
        message.contains(&format!("Mainguard-PR: #7@{head}")) && message.contains("Mainguard-Build: "),
        "{message}"
    );
    hub.settle();
    // Made again from its trailers alone it is the same commit.
    hub.assert_proven();
}

#[test]
fn s34_a_ref_of_somebody_else_stays() {
    let hub = Hub::new();
    hub.queue(7, &[("seven", "new\n")]);
    let foreseen = hub.foresee();
    let build = foreseen.state.builds.keys().next().unwrap().to_string();
    let name = format!("refs/heads/mainguard/int/main/{build}");
    let main = hub.main();
    let foreign = hub.commit(&name, Some(&main), &[("foreign", "x\n")]);
    for _ in 0..3 {
        hub.tick();
        for commit in hub.untested().into_iter().filter(|commit| *commit != foreign) {
            hub.pass(minutes(10));
            hub.check(&commit, "ci", Some("success"));
        }
    }
    assert!(hub.has_landed(7));
    assert_eq!(hub.git(&["rev-parse", &name]), foreign);
}

#[test]
fn s35_forty_at_once_in_their_order() {
    let hub = Hub::new();
    hub.config.borrow_mut().batch.max = 8;
    for number in 1..=40 {
        let file = format!("file-{number}");
        hub.queue(number, &[(&file, "new\n")]);
    }
    hub.tick();
    let state = hub.state();
    assert!(state.builds.values().all(|build| build.members.len() <= 8));
    let first = &state.builds[&state.train[0]];
    assert_eq!(first.pulls().next(), Some(1));
    hub.settle();
    assert!((1..=40).all(|number| hub.has_landed(number)));
    hub.assert_proven();
}
