//! What people copy from `examples/` works: workflows name inputs that exist and ask for no more than they say, hooks
//! are shell and call commands that exist.

#![expect(clippy::disallowed_methods, reason = "reads the examples and runs the binary")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_yaml::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_in(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn yaml(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn names(value: &Value) -> Vec<&str> {
    value.as_mapping().into_iter().flat_map(|mapping| mapping.keys().filter_map(Value::as_str)).collect()
}

/// The workflows we give away and those we run ourselves, by the same measure.
#[test]
fn workflows_pin_what_they_use_and_begin_without_permissions() {
    for path in [files_in("examples/workflows"), files_in(".github/workflows")].concat() {
        judge(&path);
    }
}

#[test]
fn the_workflow_that_init_writes_is_no_worse() {
    let folder = tempfile::tempdir().unwrap();
    let git = Command::new("git").args(["init", "-q"]).current_dir(folder.path()).status().unwrap();
    assert!(git.success());
    let init = Command::new(env!("CARGO_BIN_EXE_mainguard")).arg("init").current_dir(folder.path()).output().unwrap();
    assert!(init.status.success(), "{}", String::from_utf8_lossy(&init.stderr));
    judge(&folder.path().join(".github/workflows/mainguard.yml"));
}

fn judge(path: &Path) {
    let (shown, workflow) = (path.display(), yaml(path));
    assert!(workflow["permissions"].as_mapping().is_some_and(|none| none.is_empty()), "{shown}: permissions: {{}}");
    assert!(workflow.get("concurrency").is_some(), "{shown}: concurrency");
    // Beside secrets only a branch of the repository itself is checked out, by its name.
    let names_its_branch = std::fs::read_to_string(path).unwrap().contains("ref: main\n");
    let beside_secrets = names(&workflow["on"]).contains(&"pull_request_target");
    assert!(!beside_secrets || names_its_branch, "{shown}: a stranger's files beside secrets");
    for (_, job) in workflow["jobs"].as_mapping().unwrap() {
        assert!(job.get("permissions").is_some() && job.get("timeout-minutes").is_some(), "{shown}: every job");
        for step in job["steps"].as_sequence().unwrap() {
            judge_step(step, &shown);
        }
    }
}

fn judge_step(step: &Value, shown: &dyn std::fmt::Display) {
    if let Some(run) = step["run"].as_str() {
        assert!(!run.contains("${{"), "{shown}: an expression in a shell line: {run}");
    }
    let Some(uses) = step["uses"].as_str() else { return };
    if uses != "./" {
        let commit = uses.split_once('@').unwrap().1;
        let pinned = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(pinned, "{shown}: {uses} is not pinned");
    }
    if uses.starts_with("actions/checkout@") {
        assert_eq!(step["with"]["persist-credentials"], false, "{shown}");
    }
    let ours = uses.strip_prefix("OWNER/mainguard").and_then(|rest| rest.split_once('@')).map(|(folder, _)| folder);
    if let Some(folder) = ours.or((uses == "./").then_some("")) {
        let action = yaml(&root().join(folder.trim_start_matches('/')).join("action.yml"));
        for input in names(&step["with"]) {
            assert!(action["inputs"].get(input).is_some(), "{shown}: the action has no input {input}");
        }
    }
}

#[test]
fn configurations_are_accepted() {
    for folder in files_in("examples/config") {
        let file = folder.join("mainguard.yml");
        let run = Command::new(env!("CARGO_BIN_EXE_mainguard")).args(["config", "check"]).arg(&file).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains("Copy to .github/mainguard.yml"), "{}: says where it belongs", file.display());
    }
}

/// The library in forty lines says of a commit what the binary says of it.
#[test]
fn the_library_example_judges() {
    let tests = std::env::current_exe().unwrap();
    let example = tests.parent().unwrap().parent().unwrap().join("examples/judge");
    if !example.exists() {
        println!("skipped: examples/judge is not built (`cargo build --examples`)");
        return;
    }
    let repo = crate::support::repo::TestRepo::new();
    repo.write("a.txt", "one\n").commit("first");
    repo.write("a.txt", "one\ntwo\n").commit("second");
    let run = Command::new(example).arg(repo.path()).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(text.contains("1 changed line (+1 −0) in 1 file"), "{text}");
}

#[test]
fn hooks_call_commands_that_exist() {
    let mut lines = Vec::new();
    for path in files_in("examples/hooks") {
        let text = fs::read_to_string(&path).unwrap();
        if path.extension().is_none() {
            let shell = Command::new("sh").arg("-n").arg(&path).output().unwrap();
            assert!(shell.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&shell.stderr));
        } else {
            yaml(&path);
        }
        lines.extend(text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned));
    }
    let ours = yaml(&root().join(".pre-commit-hooks.yaml"));
    lines.extend(ours.as_sequence().unwrap().iter().map(|hook| hook["entry"].as_str().unwrap().to_owned()));
    let called: Vec<Vec<&str>> = lines
        .iter()
        .filter_map(|line| line.split_once("mainguard "))
        .map(|(_, rest)| rest.split_whitespace().filter(|word| !word.starts_with(['"', '{'])).collect())
        .collect();
    assert!(called.len() >= 5, "{called:?}");
    for mut command in called {
        command.push("--help");
        let run = Command::new(env!("CARGO_BIN_EXE_mainguard")).args(&command).output().unwrap();
        assert!(run.status.success() && !run.stdout.is_empty(), "mainguard {command:?}");
    }
}

/// The ids in the example are those that we offer.
#[test]
fn the_pre_commit_example_names_our_hooks() {
    let offered = yaml(&root().join(".pre-commit-hooks.yaml"));
    let offered: Vec<&str> = offered.as_sequence().unwrap().iter().filter_map(|hook| hook["id"].as_str()).collect();
    let example = yaml(&root().join("examples/hooks/pre-commit-config.yaml"));
    for hook in example["repos"][0]["hooks"].as_sequence().unwrap() {
        assert!(offered.contains(&hook["id"].as_str().unwrap()), "{hook:?}");
    }
}
