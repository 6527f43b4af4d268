//! Reports that the real tools wrote, and the guard through the front door.

use std::fs;
use std::path::{Path, PathBuf};

use mainguard::coverage::{self, Count};
use serde_json::Value;

use crate::support::cli::{mainguard, run};
use crate::support::repo::TestRepo;

fn corpus() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("MAINGUARD_SHARED").map_or_else(beside, PathBuf::from);
    let folder = shared.join("coverage");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no coverage reports at {}", folder.display());
    None
}

#[test]
fn reports_of_the_real_tools_are_read_exactly() {
    let Some(folder) = corpus() else { return };
    let expected: Value = serde_json::from_slice(&fs::read(folder.join("expected.json")).unwrap()).unwrap();
    let repository =
        ["app/size.py", "app/__init__.py", "lib/size.js", "size.c", "size.go", "src/app/Size.java", "README.md"];
    let mut read = 0;
    for (name, expected) in expected.as_object().unwrap() {
        let report = coverage::read(&fs::read(folder.join("reports").join(name)).unwrap()).unwrap();
        let located = report.by_repository(repository, &[]);
        assert!(located.elsewhere.is_empty(), "{name}: {:?}", located.elsewhere);
        let file =
            located.files.get(expected["file"].as_str().unwrap()).unwrap_or_else(|| panic!("{name}: {located:?}"));
        let number = |key: &str| expected[key].as_u64();
        let coverable = number("lines").or(number("statements")).unwrap();
        assert_eq!(file.count(), Count { covered: number("covered").unwrap(), coverable }, "{name}");
        assert_eq!(report.total(), file.count(), "{name}");
        if let Some(lines) = expected["uncovered"].as_array() {
            let lines: Vec<u32> = lines.iter().map(|line| line.as_u64().unwrap() as u32).collect();
            assert_eq!(file.uncovered(), lines, "{name}");
        }
        read += 1;
    }
    println!("{read} reports read as expected");
    assert!(read >= 15);
}

/// A change that adds ten lines, of which a report may know something.
fn change(policy: &str) -> TestRepo {
    let repo = TestRepo::new();
    repo.write("lib/a.js", "a();\n").write(".github/mainguard.yml", policy).commit("first");
    repo.git(&["switch", "-qc", "topic"]);
    repo.write("lib/a.js", format!("a();\n{}", "b();\n".repeat(10))).commit("ten lines");
    repo
}

fn lcov(covered: u32) -> String {
    let lines = (1..=11).map(|line| format!("DA:{line},{}\n", u32::from(line <= 1 + covered)));
    format!("SF:/builds/x/lib/a.js\n{}end_of_record\n", lines.collect::<String>())
}

fn check(repo: &TestRepo, arguments: &[&str]) -> (i32, String) {
    let answer = run(mainguard(repo.path()).args(["check", "--only", "coverage"]).args(arguments));
    (answer.code, answer.text())
}

#[test]
fn a_report_that_is_missing_is_no_pass_and_no_failure() {
    let (code, text) = check(&change(""), &[]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("skipped: no report found at coverage/lcov.info, lcov.info"), "{text}");
    let (code, text) = check(&change("coverage:\n  reports: [out/x.info]\n"), &[]);
    assert!(code == 0 && text.contains("no report found at out/x.info"), "{text}");
    let (code, text) = check(&change(""), &["--coverage-report", "missing.info"]);
    assert!(code == 2 && text.contains("no report found at missing.info"), "{text}");
}

#[test]
fn below_the_threshold_is_a_warning_and_blocks_where_the_policy_says_so() {
    let repo = change("");
    repo.write("lcov.info", lcov(7));
    let (code, text) = check(&repo, &[]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("tests run through 70 % of the added lines (7 of 10), and 80 % are wanted"), "{text}");
    assert!(text.contains("3 of 10 added lines of `lib/a.js` are not covered: 9\u{2013}11"), "{text}");

    let repo = change("coverage:\n  fail_under: 75\n");
    repo.write("lcov.info", lcov(7));
    let (code, text) = check(&repo, &[]);
    assert!(code == 1 && text.contains("and 75 % are wanted"), "{text}");

    let repo = change("");
    repo.write("lcov.info", lcov(8));
    let (code, text) = check(&repo, &[]);
    assert!(code == 0 && !text.contains("warning"), "{text}");
}

#[test]
fn a_report_that_cannot_be_used_is_never_green() {
    let repo = change("");
    repo.write("lcov.info", "SF:lib/a.js\nDA:x\n");
    let (code, text) = check(&repo, &[]);
    assert!(code == 2 && text.contains("damaged in line 2"), "{text}");
    repo.write("lcov.info", "SF:/elsewhere/other.js\nDA:1,1\nend_of_record\n");
    let (code, text) = check(&repo, &[]);
    assert!(code == 2 && text.contains("no file of the report is one of this repository"), "{text}");
}

#[test]
fn a_description_that_claims_more_than_was_measured_is_told_so() {
    let repo = change("");
    repo.write("lcov.info", lcov(6));
    let event = repo.beside("event.json");
    let claim = |figure: &str| {
        let body = format!("## Scope\n\nCalls b ten times.\n\n## Tests added\n\n- [x] Unit\n\nCoverage: {figure}\n");
        let pull_request = serde_json::json!({"number": 1, "state": "open", "title": "Ten lines", "body": body,
            "user": {"login": "ann"}, "draft": false, "labels": [],
            "base": {"ref": "main", "sha": repo.git(&["rev-parse", "main"]).trim(), "repo": {"full_name": "a/b"}},
            "head": {"ref": "topic", "sha": repo.git(&["rev-parse", "HEAD"]).trim(), "repo": {"full_name": "a/b"}}});
        let payload = serde_json::json!({"action": "opened", "number": 1, "repository": {"full_name": "a/b"},
            "pull_request": pull_request});
        fs::write(&event, payload.to_string()).unwrap();
        let mut command = mainguard(repo.path());
        command.env("GITHUB_ACTIONS", "true").env("GITHUB_EVENT_NAME", "pull_request").env("GITHUB_EVENT_PATH", &event);
        run(command.args(["check", "--format", "json"])).text()
    };
    let text = claim("97%");
    assert!(text.contains("states a coverage of 97") && text.contains("but 60"), "{text}");
    assert!(!text.contains("critic/coverage-below-80") && text.contains("coverage/changed-lines"), "{text}");
    assert!(!claim("60%").contains("critic/coverage-claim-differs"));
}
