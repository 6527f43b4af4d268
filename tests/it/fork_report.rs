//! The second half of the pair for forks: a report that a stranger could have written, published with rights that the
//! stranger lacks.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::cli::{Answer, mainguard, run};
use crate::support::github::{Access, FakeGitHub, REPOSITORY, TOKEN};
use crate::support::repo::TestRepo;

/// Pull request #7 of `mallory/repo`, judged by a run without rights.
struct Story {
    repo: TestRepo,
    github: FakeGitHub,
    head: String,
}

impl Story {
    fn new() -> Story {
        let repo = TestRepo::new();
        let base = repo.write("README.md", "hello\n").commit("first");
        repo.git(&["switch", "-qc", "topic"]);
        let head = repo.write("a.rs", "fn a() {}\n").commit("second");
        let github = FakeGitHub::start();
        github.open_pull_request(7, &base, &head);
        github.state().pulls.get_mut(&7).unwrap()["head"] =
            json!({ "ref": "topic", "sha": head, "repo": { "full_name": "mallory/repo" } });
        let story = Story { repo, github, head };
        std::fs::create_dir(story.file("artifact")).unwrap();
        let answer = run(mainguard(story.repo.path())
            .args(["check", "--base", &base, "--only", "size,policy"])
            .args(["--output", &format!("json={}", story.file("artifact/report.json").display())]));
        assert_eq!(answer.code, 0, "{}", answer.text());
        story
    }

    fn file(&self, name: &str) -> PathBuf {
        self.repo.beside(name)
    }

    fn report(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.file("artifact/report.json")).unwrap()).unwrap()
    }

    fn forge(&self, change: impl FnOnce(&mut Value)) {
        let mut report = self.report();
        change(&mut report);
        std::fs::write(self.file("artifact/report.json"), report.to_string()).unwrap();
    }

    fn event(&self) -> Value {
        json!({
            "action": "completed", "repository": { "full_name": REPOSITORY },
            "workflow_run": {
                "head_sha": self.head, "head_branch": "topic", "event": "pull_request", "pull_requests": [],
                "head_repository": { "full_name": "mallory/repo" },
            },
        })
    }

    fn publish(&self, artifact: &Path, more: &[&str]) -> Answer {
        self.publish_for(&self.event(), artifact, more)
    }

    fn publish_for(&self, event: &Value, artifact: &Path, more: &[&str]) -> Answer {
        std::fs::write(self.file("event.json"), event.to_string()).unwrap();
        run(mainguard(self.repo.path())
            .arg("report")
            .arg(artifact)
            .arg("--publish")
            .args(more)
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_EVENT_NAME", "workflow_run")
            .env("GITHUB_EVENT_PATH", self.file("event.json"))
            .env("GITHUB_REPOSITORY", REPOSITORY)
            .env("GITHUB_API_URL", self.github.url())
            .env("GITHUB_TOKEN", TOKEN))
    }
}

/// A finding, so that there is something to comment on.
fn warn(report: &mut Value, message: &str) {
    report["findings"] = json!([{ "rule": "size/x", "level": "warning", "message": message, "fingerprint": "x" }]);
}

#[test]
fn a_report_of_a_fork_lands_on_the_pull_request_of_its_commit() {
    let story = Story::new();
    story.forge(|report| {
        warn(report, "hello @team ![x](https://evil.example) <img src=x>");
        report["subject"]["pull_request"] = json!(1);
        report["subject"]["repository"] = json!("evil/place");
        report["subject"]["server_url"] = json!("https://evil.example");
        report["labels"] = json!([{ "name": "architect-approved", "color": "ffffff", "description": "",
            "family": ["architect-approved"] }]);
    });
    let answer = story.publish(&story.file("artifact"), &[]);
    assert_eq!(answer.code, 0, "{}", answer.text());
    let state = story.github.state();
    assert_eq!((state.comments.len(), state.comments[0].issue), (1, 7));
    let outside_code: String = state.comments[0].body.split('`').step_by(2).collect();
    for forged in ["@team", "![x]", "<img", "evil.example", "evil/place"] {
        assert!(!outside_code.contains(forged), "{forged}: {}", state.comments[0].body);
    }
    assert_eq!(state.issue_labels[&7], ["size/XS"], "the label is ours, whatever the report asks for");
    assert!(state.check_runs.is_empty(), "a verdict that can be forged is not a check");
}

#[test]
fn a_check_run_is_made_when_it_is_asked_for() {
    let story = Story::new();
    let answer = story.publish(&story.file("artifact/report.json"), &["--check-run"]);
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert_eq!(story.github.state().check_runs[0].head_sha, story.head);
}

#[test]
fn a_report_of_another_commit_is_refused() {
    let story = Story::new();
    for commit in [json!("5".repeat(40)), Value::Null, json!("::error::x\n")] {
        story.forge(|report| report["subject"]["head"]["commit"] = commit);
        let answer = story.publish(&story.file("artifact"), &[]);
        assert_eq!(answer.code, 2, "{}", answer.text());
        assert!(answer.stderr.contains("refused"), "{}", answer.stderr);
    }
    assert!(story.github.requests().is_empty(), "nothing was asked, so nothing was written");
}

#[test]
fn a_newer_push_has_a_run_of_its_own() {
    let story = Story::new();
    story.github.state().pulls.get_mut(&7).unwrap()["head"]["sha"] = json!("6".repeat(40));
    let answer = story.publish(&story.file("artifact"), &[]);
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert!(answer.stderr.contains("no open pull request stands at"), "{}", answer.stderr);
    assert!(story.github.writes().is_empty());
}

#[test]
fn somebody_elses_branch_of_the_same_name_is_not_meant() {
    let story = Story::new();
    story.github.state().pulls.get_mut(&7).unwrap()["head"]["repo"]["full_name"] = json!("other/repo");
    let answer = story.publish(&story.file("artifact"), &[]);
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert!(story.github.writes().is_empty(), "{:?}", story.github.writes());
}

#[test]
fn what_is_not_a_plain_small_report_is_refused() {
    let story = Story::new();
    let refused = |answer: Answer, why: &str| {
        assert_eq!(answer.code, 2, "{}", answer.text());
        assert!(answer.stderr.contains(why), "{why}: {}", answer.stderr);
    };
    refused(story.publish(&story.file("nowhere"), &[]), "could not read the report");
    #[cfg(unix)]
    {
        let link = story.file("link.json");
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        refused(story.publish(&link, &[]), "not a plain file");
        let folder = story.file("folder");
        std::fs::create_dir(&folder).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.join("report.json")).unwrap();
        refused(story.publish(&folder, &[]), "not a plain file");
    }
    std::fs::write(story.file("large.json"), vec![b' '; (8 << 20) + 1]).unwrap();
    refused(story.publish(&story.file("large.json"), &[]), "larger than 8 MiB");
    std::fs::write(story.file("other.json"), r#"{"version": 2}"#).unwrap();
    refused(story.publish(&story.file("other.json"), &[]), "has version 2");
    std::fs::write(story.file("other.json"), "[".repeat(100_000)).unwrap();
    refused(story.publish(&story.file("other.json"), &[]), "not a mainguard report");
    assert!(story.github.requests().is_empty());
}

#[test]
fn a_token_that_cannot_write_is_a_notice_with_the_fix() {
    let story = Story::new();
    story.forge(|report| warn(report, "something"));
    story.github.state().access = Access::Read;
    let answer = story.publish(&story.file("artifact"), &[]);
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert!(answer.stderr.contains("::notice title=mainguard::comment: not published"), "{}", answer.stderr);
    assert!(answer.stderr.contains("permissions: pull-requests: write"), "{}", answer.stderr);
}

#[test]
fn only_a_run_for_a_pull_request_is_published() {
    let story = Story::new();
    let mut push = story.event();
    push["workflow_run"]["event"] = json!("push");
    let answer = story.publish_for(&push, &story.file("artifact"), &[]);
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert!(story.github.requests().is_empty());
    // Outside of such a run there is nobody to believe about the commit.
    let answer = run(mainguard(story.repo.path()).arg("report").arg(story.file("artifact")).arg("--publish"));
    assert_eq!(answer.code, 2, "{}", answer.text());
    assert!(answer.stderr.contains("workflow_run"), "{}", answer.stderr);
}

#[test]
fn without_publish_it_is_a_printer() {
    let story = Story::new();
    let answer =
        run(mainguard(story.repo.path()).arg("report").arg(story.file("artifact")).args(["--format", "markdown"]));
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert!(answer.stdout.contains("| size | "), "{}", answer.stdout);
}
