//! One run of a workflow from the outside: the event's payload, a checkout, a token, GitHub on loopback.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::cli::{Answer, mainguard, run};
use crate::support::github::{Access, FakeGitHub, REPOSITORY, TOKEN};
use crate::support::repo::TestRepo;

const BODY: &str = "## Scope\n\nRefunds are rounded half to even, as the ledger does.\n\n## Contracts touched\n\n- [x] No\n\n\
                    ## Endpoints added/changed\n\nNone\n\n## Tests added\n\n- [x] Unit\n\nCoverage: 91%\n\n\
                    ## Risk & rollout\n\nLow, a pure function.\n";

/// A pull request #7 that adds a source file and its test.
struct Story {
    repo: TestRepo,
    github: FakeGitHub,
    base: String,
    head: String,
    body: String,
    title: String,
}

impl Story {
    fn new(body: &str) -> Story {
        let repo = TestRepo::new();
        let base = repo.write("README.md", "hello\n").commit("first");
        repo.git(&["switch", "-qc", "topic"]);
        repo.write("src/rounding.rs", "fn round() {}\n").write("tests/rounding.rs", "#[test]\nfn half() {}\n");
        let head = repo.commit("round");
        let github = FakeGitHub::start();
        github.open_pull_request(7, &base, &head);
        let story = Story { repo, github, base, head, body: body.into(), title: "Round refunds".into() };
        story.tell_github();
        story
    }

    /// The fake's pull request says what the story says.
    fn tell_github(&self) {
        let mut state = self.github.state();
        let pull = state.pulls.get_mut(&7).unwrap();
        pull["title"] = self.title.clone().into();
        pull["body"] = self.body.clone().into();
    }

    fn payload(&self) -> Value {
        let pull = self.github.state().pulls[&7].clone();
        json!({"action": "opened", "number": 7, "pull_request": pull, "repository": {"full_name": REPOSITORY}})
    }

    fn file(&self, name: &str) -> PathBuf {
        self.repo.beside(name)
    }

    /// The step's environment as the runner sets it.
    fn step(&self, arguments: &[&str]) -> Command {
        std::fs::write(self.file("event.json"), self.payload().to_string()).unwrap();
        let mut command = mainguard(self.repo.path());
        command
            .arg("check")
            .args(arguments)
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_EVENT_NAME", "pull_request")
            .env("GITHUB_EVENT_PATH", self.file("event.json"))
            .env("GITHUB_REPOSITORY", REPOSITORY)
            .env("GITHUB_SERVER_URL", "https://github.com")
            .env("GITHUB_API_URL", self.github.url())
            .env("GITHUB_OUTPUT", self.file("output"))
            .env("GITHUB_STEP_SUMMARY", self.file("summary.md"));
        command
    }

    fn publish(&self) -> Answer {
        run(self.step(&["--publish"]).env("GITHUB_TOKEN", TOKEN))
    }

    fn comments(&self) -> Vec<String> {
        self.github.state().comments.iter().map(|comment| comment.body.clone()).collect()
    }
}

#[test]
fn a_pull_request_that_is_fine_gets_its_label_and_a_green_check_and_no_comment() {
    let story = Story::new(BODY);
    let answer = story.publish();
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert!(answer.stdout.contains("critic  no findings"), "{}", answer.stdout);
    {
        let state = story.github.state();
        assert_eq!(state.issue_labels[&7], ["size/XS"]);
        assert!(state.comments.is_empty());
        assert_eq!(state.check_runs[0].conclusion.as_deref(), Some("success"));
        assert_eq!(state.check_runs[0].head_sha, story.head);
    }
    let output = std::fs::read_to_string(story.file("output")).unwrap();
    assert!(output.contains("outcome") && output.contains("pass") && output.contains("XS"), "{output}");
    assert!(std::fs::read_to_string(story.file("summary.md")).unwrap().contains("mainguard"));
    assert!(!answer.text().contains(TOKEN));
}

#[test]
fn a_contradicted_claim_blocks_is_commented_on_once_and_then_left_alone() {
    let mut story = Story::new(BODY);
    story.repo.write("packages/contracts/refund.ts", "export type Refund = {}\n");
    story.head = story.repo.commit("contract");
    story.github.state().pulls.get_mut(&7).unwrap()["head"]["sha"] = story.head.clone().into();
    let answer = story.publish();
    assert_eq!(answer.code, 1, "{}", answer.text());
    for said in ["error[critic/claim-contradicted]", "error[critic/approval-missing]", "blocked: 2 errors"] {
        assert!(answer.stdout.contains(said), "{said}: {}", answer.stdout);
    }
    let comments = story.comments();
    assert_eq!(comments.len(), 1);
    assert!(comments[0].contains("critic/claim-contradicted"), "{}", comments[0]);
    let before = story.github.writes().len();
    assert_eq!(story.publish().code, 1);
    assert_eq!(story.github.writes().len(), before, "{:#?}", story.github.writes());

    // The author corrects the answer and a maintainer approves: the comment says so, nothing new is written beside it.
    story.body = BODY.replace("- [x] No", "- [x] Yes\n\n`Refund` is new.");
    story.tell_github();
    story.github.state().issue_labels.get_mut(&7).unwrap().push("architect-approved".into());
    story.github.state().pulls.get_mut(&7).unwrap()["labels"] =
        json!([{"name": "architect-approved"}, {"name": "size/XS"}]);
    let answer = story.publish();
    assert_eq!(answer.code, 0, "{}", answer.text());
    let comments = story.comments();
    assert_eq!(comments.len(), 1);
    assert!(comments[0].contains("pass"), "{}", comments[0]);
}

#[test]
fn a_fork_is_judged_all_the_same_and_told_what_was_not_possible() {
    let story = Story::new("");
    story.github.state().access = Access::Read;
    let answer = story.publish();
    assert_eq!(answer.code, 1, "{}", answer.text());
    assert!(answer.stdout.contains("critic/section-missing"), "{}", answer.stdout);
    assert!(answer.stderr.contains("permissions"), "{}", answer.stderr);
    assert!(answer.stdout.contains("::error "), "what cannot be published stands in the log: {}", answer.stdout);
}

#[test]
fn without_a_token_the_event_is_believed() {
    let story = Story::new(BODY);
    let answer = run(&mut story.step(&["--publish"]));
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert!(answer.stderr.contains("there is no token"), "{}", answer.stderr);
    assert!(story.github.requests().is_empty());
}

#[test]
fn a_dry_run_prints_the_requests_and_sends_none() {
    let story = Story::new("");
    let answer = run(story.step(&["--publish", "--dry-run"]).env("GITHUB_TOKEN", TOKEN));
    assert_eq!(answer.code, 1, "{}", answer.text());
    assert!(answer.stdout.contains("POST /repos/octo/repo/issues/7/comments"), "{}", answer.stdout);
    assert!(story.github.writes().is_empty(), "{:?}", story.github.writes());
}

#[test]
fn github_away_changes_no_verdict() {
    let story = Story::new(BODY);
    let answer = run(story.step(&["--publish"]).env("GITHUB_TOKEN", TOKEN).env("GITHUB_API_URL", "http://127.0.0.1:9"));
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert!(answer.stderr.contains("judged as the event describes it"), "{}", answer.stderr);
    assert!(answer.stderr.contains("the verdict is the same"), "{}", answer.stderr);
}

#[test]
fn a_checkout_without_history_names_the_line_to_add() {
    let story = Story::new(BODY);
    let shallow = story.file("shallow");
    let from = format!("file://{}", story.repo.path().display());
    story.repo.git(&["clone", "-q", "--depth", "1", "--branch", "topic", &from, shallow.to_str().unwrap()]);
    let answer = run(story.step(&[]).current_dir(&shallow));
    assert_eq!(answer.code, 2, "{}", answer.text());
    assert!(answer.stderr.contains("fetch-depth: 0") && answer.stderr.contains("base"), "{}", answer.stderr);
}

#[test]
fn a_merge_group_is_judged_without_a_description() {
    let story = Story::new(BODY);
    let payload = json!({
        "action": "checks_requested",
        "merge_group": {"base_sha": story.base, "head_sha": story.head, "base_ref": "refs/heads/main", "head_ref": "refs/heads/q"},
        "repository": {"full_name": REPOSITORY},
    });
    let mut step = story.step(&[]);
    std::fs::write(story.file("event.json"), payload.to_string()).unwrap();
    let answer = run(step.env("GITHUB_EVENT_NAME", "merge_group"));
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert!(answer.stdout.contains("skipped: a merge group"), "{}", answer.stdout);
}

/// Whatever an author writes, the log holds no command and no colour of theirs, and the files no markup.
#[test]
fn a_hostile_pull_request_speaks_to_nobody() {
    let nasty = "::error::pwned\r\n%0A::set-output name=x::y\r\n##[error]x\r\n\u{1b}[31mred \u{202e}rtl\0 </details> @team #1 <img src=x>";
    let mut story = Story::new(&format!("## Contracts touched: No\r\n\r\n{nasty}\r\n\r\n## {nasty}\r\n"));
    story.title = nasty.into();
    story.tell_github();
    let path = "packages/contracts/::error::\u{1b}[31m%0A`@team`</details>\n\u{202e}x.ts";
    story.repo.write(path, "x\n");
    story.head = story.repo.commit("::warning::x");
    story.github.state().pulls.get_mut(&7).unwrap()["head"]["sha"] = story.head.clone().into();
    for format in ["text", "json", "sarif", "markdown", "annotations", "junit"] {
        let answer = run(&mut story.step(&["--format", format]));
        assert_eq!(answer.code, 1, "{}", answer.text());
        for line in answer.text().lines() {
            let command = line.trim_start().strip_prefix("::").map(|rest| rest.split([' ', ':']).next().unwrap());
            assert!(matches!(command, None | Some("error" | "warning" | "notice")), "{format}: {line}");
            assert!(!line.contains("::pwned") || line.contains("title="), "{format}: {line}");
            assert!(!line.trim_start().starts_with("##["), "{format}: {line}");
        }
        for hidden in ['\u{1b}', '\0'] {
            assert!(!answer.text().contains(hidden), "{format} lets {hidden:?} through");
        }
        if format == "markdown" {
            for markup in ["@team", "<img", "\u{202e}"] {
                let outside_code = answer.stdout.split('`').step_by(2).any(|text| text.contains(markup));
                assert!(!outside_code, "{markup} in {}", answer.stdout);
            }
        }
    }
}
