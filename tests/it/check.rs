//! `mainguard check` from the outside: every exit code, every way to name a change, the policy at the base.

use crate::support::cli::{Answer, mainguard, run, run_with_stdin};
use crate::support::repo::TestRepo;

/// A repository whose `main` has one commit and whose branch `topic` adds ten lines.
fn topic() -> TestRepo {
    let repo = TestRepo::new();
    repo.write("README.md", "hello\n").commit("first");
    repo.git(&["switch", "-qc", "topic"]);
    repo.write("src/new.rs", "fn a() {}\n".repeat(10)).commit("ten lines");
    repo
}

fn check(repo: &TestRepo, arguments: &[&str]) -> Answer {
    run(mainguard(repo.path()).arg("check").args(arguments))
}

#[test]
fn a_small_change_passes() {
    let answer = check(&topic(), &[]);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(answer.stdout, @r"
          critic  skipped: no pull request
            size  size/XS 🐭  10 changed lines (+10 −0) in 1 file
       contracts  no contract changed
         secrets  no findings in 100 bytes of 1 commit
    dependencies  skipped: no lockfile changed
            sast  no findings
        coverage  skipped: no report found at coverage/lcov.info, lcov.info, coverage.lcov or 10 more of the usual places
          policy  no findings
    judged: 1 commit on main (guessed), 39407cf..298c56f, by the default policy
    pass
    ");
}

#[test]
fn a_change_that_is_too_large_is_blocked_until_a_maintainer_lets_it_pass() {
    let repo = TestRepo::new();
    repo.write(".github/mainguard.yml", "size:\n  thresholds: {s: 2, m: 4, l: 6, xl: 8}\n  fail_at: XL\n")
        .commit("policy");
    repo.git(&["switch", "-qc", "topic"]);
    repo.write("a.txt", "line\n".repeat(9)).commit("nine lines");
    let answer = check(&repo, &[]);
    assert_eq!(answer.code, 1, "{}", answer.text());
    assert!(answer.stdout.contains("error[size/too-large]: the change is XL: 9 changed lines"), "{}", answer.stdout);
    assert!(answer.stdout.ends_with("blocked: 1 error\n"), "{}", answer.stdout);

    let pull_request = repo.beside("pull.json");
    std::fs::write(
        &pull_request,
        r#"{"title":"t","body":"b","author":"mira","draft":true,"labels":["Size-Approved"],"changed_files":[]}"#,
    )
    .unwrap();
    let answer = check(&repo, &["--only", "size", "--pull-request", pull_request.to_str().unwrap()]);
    assert_eq!(answer.code, 0, "{}", answer.text());
}

#[test]
fn a_change_cannot_loosen_the_policy_that_judges_it() {
    let repo = TestRepo::new();
    repo.write(".github/mainguard.yml", "size:\n  fail_at: S\n").commit("policy");
    repo.git(&["switch", "-qc", "topic"]);
    repo.write(".github/mainguard.yml", "size:\n  enabled: false\n").write("a.txt", "line\n".repeat(60)).commit("both");
    let answer = check(&repo, &[]);
    assert_eq!(answer.code, 1, "{}", answer.text());
    assert!(answer.stdout.contains("note[policy/changed]"), "{}", answer.stdout);
}

#[test]
fn a_change_that_would_break_the_policy_does_not_land() {
    let repo = topic();
    repo.write(".github/mainguard.yml", "sise:\n  fail_at: XL\n").commit("a typing error");
    let answer = check(&repo, &[]);
    assert_eq!(answer.code, 1, "{}", answer.text());
    assert!(answer.stdout.contains("error[policy/invalid]: unknown key `sise`"), "{}", answer.stdout);
    assert!(answer.stdout.contains("--> .github/mainguard.yml:1:1"), "{}", answer.stdout);
    assert!(answer.stdout.contains("did you mean `size`?"), "{}", answer.stdout);
}

#[test]
fn a_broken_policy_at_the_base_is_no_verdict() {
    let repo = TestRepo::new();
    repo.write("mainguard.yml", "size:\n  thresholds:\n    m: many\n").commit("policy");
    repo.git(&["switch", "-qc", "topic"]);
    repo.write("a.txt", "x\n").commit("x");
    let answer = check(&repo, &[]);
    assert_eq!((answer.code, answer.stdout.as_str()), (2, ""));
    assert!(answer.stderr.contains("size.thresholds.m"), "{}", answer.stderr);
    assert!(answer.stderr.contains(":3:"), "{}", answer.stderr);
}

#[test]
fn what_is_staged_and_what_lies_about_are_changes_too() {
    let repo = topic();
    repo.write("staged.txt", "one\ntwo\n");
    repo.git(&["add", "staged.txt"]);
    repo.write("untracked.txt", "three\n");
    let staged = run(mainguard(repo.path()).args(["change", "--staged"]));
    assert_eq!(
        staged.stdout.lines().map(|line| line.split_whitespace().last().unwrap()).collect::<Vec<_>>(),
        ["staged.txt"]
    );
    let working = run(mainguard(repo.path()).args(["change", "--working-tree"]));
    assert_eq!(working.stdout.lines().count(), 2, "{}", working.stdout);
}

#[test]
fn on_main_the_newest_commit_is_judged_and_that_is_said() {
    let repo = topic();
    repo.git(&["switch", "-q", "main"]);
    let answer = check(&repo, &[]);
    assert_eq!(answer.code, 0);
    assert!(answer.stderr.contains("judging the newest commit"), "{}", answer.stderr);
    assert!(answer.stdout.contains("the empty tree.."), "{}", answer.stdout);
}

#[test]
fn an_empty_repository_and_a_first_change_can_be_judged() {
    let repo = TestRepo::new();
    repo.write("a.txt", "x\n");
    let answer = check(&repo, &[]);
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert!(answer.stdout.contains("working tree"), "{}", answer.stdout);
}

#[test]
fn mistakes_are_told_apart_from_verdicts() {
    let repo = topic();
    for (arguments, said) in [
        (&["--base", "nowhere"][..], "the revision `nowhere` is not in this repository"),
        (&["--no-such-flag"][..], "--no-such-flag"),
        (&["--format", "jsom"][..], "did you mean `json`?"),
        (&["--only", "sizes"][..], "the guards are"),
        (&["--config", "missing.yml"][..], "missing.yml"),
        (&["--staged", "--working-tree"][..], "cannot be used with"),
        (&["--coverage", "140"][..], "0 to 100"),
        (&["--publish"][..], "it is not known to which repository"),
    ] {
        let answer = check(&repo, arguments);
        assert_eq!(answer.code, 2, "{arguments:?}: {}", answer.text());
        assert!(answer.stderr.contains(said), "{arguments:?}: {}", answer.stderr);
    }
    let nowhere = tempfile::tempdir().unwrap();
    let answer = run(mainguard(nowhere.path()).arg("check"));
    assert_eq!(answer.code, 2);
    assert!(answer.stderr.contains("no git repository"), "{}", answer.stderr);
}

#[test]
fn a_shallow_clone_is_told_what_to_do() {
    let repo = topic();
    let shallow = repo.beside("shallow");
    let from = format!("file://{}", repo.path().display());
    repo.git(&["clone", "-q", "--depth", "1", "--branch", "topic", &from, shallow.to_str().unwrap()]);
    let base = repo.git(&["rev-parse", "main"]);
    let answer = run(mainguard(&shallow).args(["check", "--base", &base]));
    assert_eq!(answer.code, 2);
    assert!(answer.stderr.contains("fetch-depth: 0"), "{}", answer.stderr);
}

#[test]
fn blank_variables_count_as_absent() {
    let repo = topic();
    let mut command = mainguard(repo.path());
    for name in [
        "MAINGUARD_BASE",
        "MAINGUARD_FORMAT",
        "MAINGUARD_ONLY",
        "MAINGUARD_CONFIG",
        "MAINGUARD_OUTPUT",
        "MAINGUARD_COLOR",
    ] {
        command.env(name, "");
    }
    let answer = run(command.arg("check"));
    assert_eq!(answer.code, 0, "{}", answer.text());
}

#[test]
fn reports_are_written_to_files_beside_the_answer() {
    let repo = topic();
    let (sarif, markdown) = (repo.beside("out.sarif"), repo.beside("out.md"));
    let outputs = format!("sarif={}\nmarkdown={}\n\n", sarif.display(), markdown.display());
    let answer = run(mainguard(repo.path()).args(["check", "--format", "json"]).env("MAINGUARD_OUTPUT", outputs));
    assert_eq!(answer.code, 0, "{}", answer.text());
    let json: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!((&json["version"], &json["outcome"], &json["size"]["size"]), (&1.into(), &"pass".into(), &"XS".into()));
    let sarif: serde_json::Value = serde_json::from_slice(&std::fs::read(sarif).unwrap()).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    assert!(std::fs::read_to_string(markdown).unwrap().contains("pass"));
}

#[test]
fn a_push_is_judged_by_what_the_remote_lacks() {
    let repo = topic();
    let bare = repo.beside("remote.git");
    repo.git(&["init", "-q", "--bare", bare.to_str().unwrap()]);
    repo.git(&["remote", "add", "origin", bare.to_str().unwrap()]);
    repo.git(&["push", "-q", "origin", "main"]);
    repo.git(&["fetch", "-q", "origin"]);
    let head = repo.git(&["rev-parse", "topic"]);
    let zero = "0".repeat(40);
    let line = format!("refs/heads/topic {head} refs/heads/topic {zero}\n");
    let answer = run_with_stdin(mainguard(repo.path()).args(["pre-push", "origin", "url"]), line.as_bytes());
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert!(answer.stdout.contains("10 changed lines (+10 −0) in 1 file"), "{}", answer.stdout);

    let deletion = format!("(delete) {zero} refs/heads/old {head}\n");
    let answer = run_with_stdin(mainguard(repo.path()).args(["pre-push", "origin", "url"]), deletion.as_bytes());
    assert_eq!((answer.code, answer.stdout.as_str()), (0, ""));

    // The pre-commit framework has read git's lines and says what it read in variables.
    let mut framework = mainguard(repo.path());
    framework.args(["pre-push"]).env("PRE_COMMIT_FROM_REF", "main").env("PRE_COMMIT_TO_REF", "topic");
    let answer = run_with_stdin(&mut framework, b"");
    assert!(answer.stdout.contains("10 changed lines (+10 −0) in 1 file"), "{}", answer.text());
    let answer = run_with_stdin(mainguard(repo.path()).args(["pre-push", "origin", "url"]), b"");
    assert_eq!((answer.code, answer.stderr.as_str()), (0, "note: nothing is pushed, so nothing is judged\n"));

    let answer = run_with_stdin(mainguard(repo.path()).args(["pre-push", "origin", "url"]), b"nonsense\n");
    assert_eq!(answer.code, 2, "{}", answer.text());
}

#[test]
fn a_hook_that_was_installed_stops_a_push() {
    let repo = TestRepo::new();
    repo.write("mainguard.yml", "size:\n  thresholds: {s: 2, m: 4, l: 6, xl: 8}\n  fail_at: XL\n").commit("policy");
    let bare = repo.beside("remote.git");
    repo.git(&["init", "-q", "--bare", bare.to_str().unwrap()]);
    repo.git(&["remote", "add", "origin", bare.to_str().unwrap()]);
    repo.git(&["push", "-q", "origin", "main"]);
    assert_eq!(run(mainguard(repo.path()).args(["hook", "install"])).code, 0);
    repo.git(&["switch", "-qc", "topic"]);
    repo.write("a.txt", "x\n".repeat(20)).commit("large");

    let mut push = crate::support::repo::git_command(repo.path());
    let output = push.args(["push", "origin", "topic"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("size/too-large"), "{said}");

    assert!(run(mainguard(repo.path()).args(["hook", "status"])).stdout.contains("pre-push: installed"));
    assert_eq!(run(mainguard(repo.path()).args(["hook", "uninstall"])).code, 0);
    repo.git(&["push", "-q", "origin", "topic"]);
}

#[test]
fn a_hook_of_somebody_else_is_left_alone() {
    let repo = topic();
    repo.write(".git/hooks/pre-push", "#!/bin/sh\nexit 0\n");
    let answer = run(mainguard(repo.path()).args(["hook", "install"]));
    assert_eq!(answer.code, 2);
    assert!(answer.stderr.contains("--force"), "{}", answer.stderr);
    run(mainguard(repo.path()).args(["hook", "uninstall"]));
    assert!(repo.path().join(".git/hooks/pre-push").exists());
}

#[test]
fn init_writes_what_check_accepts_and_keeps_what_is_there() {
    let repo = topic();
    let answer = run(mainguard(repo.path()).arg("init"));
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert_eq!(run(mainguard(repo.path()).args(["config", "check"])).code, 0);
    repo.write(".github/mainguard.yml", "size: {}\n");
    let again = run(mainguard(repo.path()).arg("init"));
    assert!(again.stdout.contains("kept     .github/mainguard.yml"), "{}", again.stdout);
    assert_eq!(std::fs::read_to_string(repo.path().join(".github/mainguard.yml")).unwrap(), "size: {}\n");
}

const SECTIONS: [&str; 9] =
    ["size:", "critic:", "contracts:", "secrets:", "dependencies:", "sast:", "coverage:", "levels:", "ignore:"];

/// Whoever takes the comment signs away has a configuration that works.
#[test]
fn every_example_in_the_initial_configuration_is_accepted() {
    let repo = topic();
    run(mainguard(repo.path()).arg("init"));
    let text = std::fs::read_to_string(repo.path().join(".github/mainguard.yml")).unwrap();
    let is_yaml = |line: &str| line.starts_with("  ") || SECTIONS.contains(&line);
    let lines = text.lines().filter_map(|line| line.strip_prefix("# ")).filter(|line| is_yaml(line));
    let uncommented = lines.collect::<Vec<_>>().join("\n");
    assert!(uncommented.contains("until: 2027-01-31"), "{uncommented}");
    repo.write(".github/mainguard.yml", uncommented);
    let answer = run(mainguard(repo.path()).args(["config", "check"]));
    assert_eq!(answer.code, 0, "{}", answer.text());
}

#[test]
fn doctor_names_what_is_wrong_and_its_fix() {
    let repo = topic();
    let healthy = run(mainguard(repo.path()).arg("doctor"));
    assert_eq!(healthy.code, 0, "{}", healthy.text());
    repo.write("mainguard.yml", "nonsense: 1\n");
    let ill = run(mainguard(repo.path()).args(["doctor", "--json"]));
    assert_eq!(ill.code, 1);
    let json: serde_json::Value = serde_json::from_str(&ill.stdout).unwrap();
    assert_eq!(json["healthy"], false);
}

#[test]
fn every_rule_is_explained() {
    let repo = topic();
    let list = run(mainguard(repo.path()).arg("explain")).stdout;
    assert!(list.lines().count() >= 10);
    for rule in list.lines().map(|line| line.split_whitespace().next().unwrap()) {
        let answer = run(mainguard(repo.path()).args(["explain", rule]));
        assert!(answer.code == 0 && answer.stdout.contains("levels:"), "{rule}: {}", answer.text());
    }
    let answer = run(mainguard(repo.path()).args(["explain", "size/to-large"]));
    assert!(answer.code == 2 && answer.stderr.contains("did you mean `size/too-large`?"), "{}", answer.stderr);
}
