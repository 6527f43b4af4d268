//! The critic: the shared corpus through the library and the binary, and a story for each sentence of its rules.

#![expect(clippy::disallowed_methods, reason = "reads the corpus and starts the binary")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says why")]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use mainguard::change::{Blob, ChangeSet, Diff, FileChange, Hunk, Mode, Status};
use mainguard::finding::{Finding, Level};
use mainguard::guards::critic::{self, ApprovalConfig, Config, Judgement, Rules};
use mainguard::pull_request::{Applied, Label, PullRequest, PushedHead};
use proptest::prelude::*;
use serde_json::{Value, json};

mod answers;
mod approvals;
mod people;
mod sections;

/// A pull request that passes, to be changed by each test in one thing.
struct Story {
    sections: Vec<(&'static str, String)>,
    /// Stands before the first section.
    preface: String,
    files: Vec<FileChange>,
    pull_request: PullRequest,
    coverage: Option<f64>,
    config: Config,
    template: Option<String>,
}

fn story() -> Story {
    let sections = [
        ("## Scope", "Refunds are rounded half to even."),
        ("## Contracts touched", "- [ ] Yes\n- [x] No"),
        ("## Endpoints added/changed", "None"),
        ("## Tests added", "- [x] Unit\n\nCoverage: 91%"),
        ("## Risk & rollout", "Low"),
    ];
    Story {
        sections: sections.map(|(heading, text)| (heading, text.to_string())).to_vec(),
        preface: String::new(),
        files: vec![file("src/rounding.ts"), file("src/rounding.test.ts")],
        pull_request: PullRequest { title: "Round refunds".into(), author: "mira".into(), ..PullRequest::default() },
        coverage: None,
        config: Config::default(),
        template: None,
    }
}

fn file(path: &str) -> FileChange {
    FileChange {
        path: path.into(),
        old_path: None,
        status: Status::Modified,
        base: None,
        head: None,
        diff: Diff::Lines(Vec::new()),
    }
}

fn file_with(path: &str, added: &str) -> FileChange {
    let head = Blob { mode: Mode::File, id: None, size: added.len() as u64, data: Some(added.into()) };
    let diff = Diff::Lines(vec![Hunk { base: 0..0, head: 0..added.lines().count() as u32 }]);
    FileChange { head: Some(head), diff, ..file(path) }
}

impl Story {
    /// Replaces what stands under the heading that contains `name`.
    fn with(mut self, name: &str, text: &str) -> Story {
        let section = self.sections.iter_mut().find(|(heading, _)| heading.contains(name));
        section.expect("a section of the story").1 = text.to_string();
        self
    }

    fn heading(mut self, name: &str, heading: &'static str) -> Story {
        let section = self.sections.iter_mut().find(|(heading, _)| heading.contains(name));
        section.expect("a section of the story").0 = heading;
        self
    }

    fn and(mut self, heading: &'static str, text: &str) -> Story {
        self.sections.push((heading, text.to_string()));
        self
    }

    fn without(mut self, name: &str) -> Story {
        self.sections.retain(|(heading, _)| !heading.contains(name));
        self
    }

    fn preface(mut self, text: &str) -> Story {
        self.preface = text.to_string();
        self
    }

    fn files(mut self, paths: &[&str]) -> Story {
        self.files = paths.iter().map(|path| file(path)).collect();
        self
    }

    fn changing(mut self, file: FileChange) -> Story {
        self.files.push(file);
        self
    }

    fn body(&self) -> String {
        let sections = self.sections.iter().map(|(heading, text)| format!("{heading}\n\n{text}\n\n"));
        sections.fold(self.preface.clone() + "\n\n", |body, section| body + &section)
    }

    fn judged(mut self) -> (Judgement, Vec<Finding>) {
        let rules = Rules::compile(&self.config, self.template.as_deref()).expect("a valid configuration");
        if self.pull_request.body.is_none() {
            self.pull_request.body = Some(self.body());
        }
        let change = ChangeSet { files: self.files, ..ChangeSet::default() };
        critic::check(&self.pull_request, &change, self.coverage, &rules)
    }

    /// The judgement in a line: `ok`, or what is wrong.
    fn verdict(self) -> String {
        in_a_line(&self.judged().0)
    }
}

fn in_a_line(judgement: &Judgement) -> String {
    let value = serde_json::to_value(judgement).expect("a judgement is JSON");
    let mut parts = vec![if judgement.ok { "ok".to_string() } else { "blocked".to_string() }];
    for (name, value) in value.as_object().expect("an object") {
        match value {
            Value::String(word) => parts.push(word.clone()),
            Value::Array(list) if !list.is_empty() => {
                let list: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
                parts.push(format!("{name}: {}", list.join(" ")));
            }
            _ => {}
        }
    }
    parts.join("; ")
}

fn corpus() -> Option<(String, String)> {
    let shared = std::env::var("MAINGUARD_SHARED").unwrap_or(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").into());
    let folder = PathBuf::from(shared).join("critic");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    let found = read("cases.jsonl").zip(read("template.md"));
    if found.is_none() {
        eprintln!("skipped: there is no corpus in {}", folder.display());
    }
    found
}

fn mainguard(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mainguard"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_string();
    // In a thread, because the answers begin before the input ends.
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).ok());
    let output = child.wait_with_output().expect("the binary ends");
    writer.join().expect("the writer ends");
    output
}

fn temporary(name: &str, text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("a temporary file");
    (folder, path.display().to_string())
}

/// Lists are sets.
fn sorted(mut judgement: Value) -> Value {
    for value in judgement.as_object_mut().expect("an object").values_mut() {
        if let Value::Array(list) = value {
            list.sort_by_key(Value::to_string);
        }
    }
    judgement
}

#[test]
fn the_corpus_comes_out_exactly_through_the_binary() {
    let Some((cases, template)) = corpus() else { return };
    let (_folder, template) = temporary("template.md", &template);
    let args = ["critic", "--pull-request", "-", "--template", &template, "--format", "json"];
    let output = mainguard(&args, &cases);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));

    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let judged: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let cases: Vec<Value> = cases.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(judged.len(), cases.len());
    for (case, judged) in cases.into_iter().zip(judged) {
        assert_eq!(sorted(judged), sorted(case["expected"].clone()), "{}", case["name"]);
    }
}

#[test]
fn the_corpus_comes_out_the_same_with_other_line_ends_and_comments() {
    let Some((cases, template)) = corpus() else { return };
    let rules = Rules::compile(&Config::default(), Some(&template)).unwrap();
    for line in cases.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        if case.get("config").is_some() || case.get("template").is_some() {
            continue;
        }
        let files = case["changed_files"].as_array().unwrap().iter();
        let files: Vec<FileChange> = files.filter_map(Value::as_str).map(file).collect();
        let change = ChangeSet { files, ..ChangeSet::default() };
        let Some(body) = case["body"].as_str() else { continue };
        let judge = |body: String| {
            let author = case["author"].as_str().unwrap().to_string();
            let title = case["title"].as_str().unwrap().to_string();
            let pull_request = PullRequest { title, author, body: Some(body), ..PullRequest::default() };
            critic::check(&pull_request, &change, None, &rules).0
        };
        let plain = judge(body.replace("\r\n", "\n"));
        assert_eq!(judge(body.replace("\r\n", "\n").replace('\n', "\r\n")), plain, "{}", case["name"]);
        assert_eq!(judge(format!("{body}\n\n<!-- ## Scope\nsaid here -->\n")), plain, "{}", case["name"]);
        assert_eq!(judge(format!("{body}\n\n<!-- left open\n## Scope\n")), plain, "{}", case["name"]);
    }
}

#[test]
fn the_binary_reads_a_pull_request_of_github() {
    let body = story().body();
    let pull_request = json!({
        "number": 482, "title": "Round refunds", "body": body, "draft": false,
        "user": {"login": "mira", "type": "User"},
        "labels": [{"id": 1, "name": "size/S"}],
        "changed_files": 1,
        "files": [{
            "filename": "src/size.rs", "status": "modified", "additions": 2,
            "patch": "@@ -1,0 +2,2 @@ mod tests\n+    #[test]\n+    fn parses_units() {"
        }],
    });
    for input in [serde_json::to_string(&pull_request).unwrap(), serde_json::to_string_pretty(&pull_request).unwrap()] {
        let output = mainguard(&["critic", "--pull-request", "-", "--format", "json"], &input);
        let printed = String::from_utf8(output.stdout).unwrap();
        let pass = r#"{"ok":true,"skipped":null,"missing":[],"empty":[],"unanswered":[],"contradicted":[],"approvals":[],"warnings":[]}"#;
        assert_eq!(printed.trim(), pass);
        assert_eq!(output.status.code(), Some(0));
    }
    let event = json!({"action": "opened", "pull_request": pull_request, "repository": {}});
    let output = mainguard(&["critic", "--pull-request", "-", "--format", "json"], &event.to_string());
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn people_get_words_with_the_line_and_the_next_step() {
    let body = story().with("Contracts", "- [ ] Yes\r\n- [x] No").with("Scope", "TODO").body();
    let input = json!({
        "title": "Refund\u{1b}[31m", "body": body, "author": "mira", "draft": false, "labels": [],
        "changed_files": ["packages/contracts/src/refund.ts", "src/a.test.ts"],
    });
    let output = mainguard(&["critic", "--pull-request", "-"], &input.to_string());
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap(), @r"
    Refund\u{1b}[31m: blocked
      error[critic/section-empty]: the section `Scope` is empty: nothing in it was said by the author
        --> pull request description:3:1: ## Scope
        help: say in a sentence what changes and why; issue references and links alone do not tell
      error[critic/claim-contradicted]: `Contracts touched` says No, but `packages/contracts/src/refund.ts` changed
        --> pull request description:10:1: - [x] No
        help: correct the answer, or say in three words or more why it is right all the same
      error[critic/approval-missing]: `packages/contracts/src/refund.ts` changed, which needs an approval: the label `architect-approved` is not set
        help: ask somebody who may to look at it and to set the label `architect-approved`
    ");
}

#[test]
fn input_that_cannot_be_judged_ends_in_2_and_names_the_line() {
    let good = json!({"title": "", "body": null, "author": "a", "labels": [], "changed_files": ["a.md"]}).to_string();
    for (second, what) in [
        ("{\"title\": ", "no JSON"),
        ("{\"title\": 3, \"changed_files\": []}", "line 2"),
        ("{\"title\": \"x\", \"changed_files\": 4}", "line 2"),
        ("{\"changed_files\": [{\"path\": \"a\", \"status\": \"vanished\"}]}", "vanished"),
        ("{\"changed_files\": [], \"template\": \"\", \"config\": {\"typo\": 1}}", "typo"),
        ("7", "line 2"),
    ] {
        let output = mainguard(&["critic", "--pull-request", "-", "--format", "json"], &format!("{good}\n{second}\n"));
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{second}: {error}");
        assert!(error.contains(what), "{second}: {error}");
        assert!(error.contains("line "), "{second}: {error}");
    }
    assert_eq!(mainguard(&["critic", "--pull-request", "-"], "").status.code(), Some(2));
    assert_eq!(mainguard(&["critic", "--pull-request", "/no/such/file"], "").status.code(), Some(2));
}

#[test]
fn the_printed_template_asks_and_passes_once_it_is_filled_in() {
    let template = String::from_utf8(mainguard(&["critic", "template"], "").stdout).unwrap();
    assert_eq!(template, critic::TEMPLATE);
    let judge = |body: &str| {
        let case = json!({"title": "t", "body": body, "author": "mira", "changed_files": ["src/a.rs", "tests/a.rs"]});
        let output = mainguard(&["critic", "--pull-request", "-", "--format", "json"], &case.to_string());
        String::from_utf8(output.stdout).unwrap()
    };
    insta::assert_snapshot!(judge(&template).trim(), @r#"{"ok":false,"skipped":null,"missing":[],"empty":["scope","endpoints","tests","risk"],"unanswered":["contracts"],"contradicted":[],"approvals":[],"warnings":[]}"#);

    let filled = template
        .replacen("necessary? -->", "necessary? -->\nSizes are parsed in binary units.", 1)
        .replacen("- [ ] No", "- [x] No", 1)
        .replacen("with what is new. -->", "with what is new. -->\nNone", 1)
        .replacen("[ ] Unit", "[x] Unit", 1)
        .replacen("__%", "93%", 1)
        .replacen("[ ] Low", "[x] Low", 1);
    insta::assert_snapshot!(judge(&filled).trim(), @r#"{"ok":true,"skipped":null,"missing":[],"empty":[],"unanswered":[],"contradicted":[],"approvals":[],"warnings":[]}"#);
}

#[test]
fn a_configuration_adds_sections_and_the_template_asks_for_them() {
    let config = "critic:\n  sections:\n    scope: {headings: [Alcance]}\n    rollback: {headings: [How to go back], required: {when: security}}\n    privacy: {headings: [Personal data], yes_no: true}\n    notes: {required: never}\n  minimum_coverage: 92.5\n";
    let (_folder, path) = temporary("mainguard.yml", config);
    let template = String::from_utf8(mainguard(&["critic", "template", "--config", &path], "").stdout).unwrap();
    assert!(template.ends_with("## Personal data\n\n- [ ] Yes\n- [ ] No\n\n## How to go back\n"), "{template}");

    let body = story().heading("Scope", "## Alcance").and("## Personal data", "- [ ] Yes\n- [ ] No").body();
    let case = json!({"title": "t", "body": body, "author": "mira", "labels": ["security-reviewed"],
        "changed_files": ["db/migrations/1.sql", "tests/a.rs"]});
    let output =
        mainguard(&["critic", "--pull-request", "-", "--config", &path, "--format", "json"], &case.to_string());
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap().trim(), @r#"{"ok":false,"skipped":null,"missing":["rollback"],"empty":[],"unanswered":["privacy"],"contradicted":[],"approvals":[],"warnings":["coverage-below-92.5"]}"#);
}

#[test]
fn a_configuration_that_cannot_be_is_refused_by_its_key() {
    for (config, key) in [
        ("sections: {scope: {yes_no: true}}", "critic.sections.scope.yes_no"),
        ("sections: {scope: {headings: ['🚀']}}", "critic.sections.scope.headings[0]"),
        ("sections: {risk: {required: {when: wether}}}", "critic.sections.risk.required.when"),
        ("classes: {contract: ['a{']}", "critic.classes.contract[0]"),
        ("approvals: [{label: x, classes: [contracts]}]", "critic.approvals[0].classes"),
        ("approvals: [{label: ' '}]", "critic.approvals[0].label"),
        ("minimum_coverage: 180", "critic.minimum_coverage"),
    ] {
        let config: Config = serde_yaml::from_str(config).expect("YAML of the right shape");
        assert_eq!(Rules::compile(&config, None).unwrap_err().0, key);
    }
    for config in ["sections: {scope: {required: sometimes}}", "typo: 1", "sections: {scope: {typo: 1}}"] {
        assert!(serde_yaml::from_str::<Config>(config).is_err(), "{config}");
    }
}

#[test]
fn every_rule_says_what_it_wants() {
    for rule in critic::RULES {
        assert!(rule.id.starts_with("critic/") && !rule.summary.is_empty() && rule.help.len() > 40, "{}", rule.id);
    }
}

#[test]
fn findings_point_at_the_line_and_keep_their_fingerprint_when_it_moves() {
    let findings = |story: Story| {
        let (_, findings) = story.files(&["packages/contracts/a.ts", "a.test.ts"]).judged();
        findings.into_iter().find(|finding| finding.rule.as_str() == "critic/claim-contradicted").unwrap()
    };
    let lf = findings(story());
    let mut story_with_crlf = story().preface("Hello\n\nthere");
    story_with_crlf.pull_request.body = Some(story_with_crlf.body().replace('\n', "\r\n"));
    let crlf = findings(story_with_crlf);
    assert_eq!(lf.fingerprint, crlf.fingerprint);

    let at = |finding: &Finding| finding.location.clone().unwrap();
    assert_eq!(at(&lf).excerpt.unwrap().lines, ["- [x] No"]);
    assert_eq!(at(&crlf).excerpt.unwrap().lines, ["- [x] No"]);
    assert_eq!(at(&crlf).span.unwrap().line, at(&lf).span.unwrap().line + 2);
    assert_eq!(at(&lf).span.unwrap().end_column, 9);
    assert_eq!(lf.message, "`Contracts touched` says No, but `packages/contracts/a.ts` changed");
}

#[test]
fn hostile_bodies_are_read_in_time_that_grows_with_their_length() {
    let rules = Rules::compile(&Config::default(), None).unwrap();
    let pieces = [
        "<!-- ",
        "<!--x-->",
        "<a href=\"",
        "<h2>",
        "<del>",
        "> ",
        "- ",
        "- [x] ",
        "**",
        "**Scope**\n",
        "[",
        "[x](",
        "`",
        "~~",
        "## Scope: a: b: c\n",
        "|a",
        "|a|\n|-|\n",
        "_",
        "None. ",
        "Fixes #1, ",
        "1",
        "<",
        "&",
        "\u{202e}",
        "\0",
        "a\n",
        "\r",
        "::",
        "([",
        "Co-authored-by: ",
        "<b>",
        "</h2>",
        "https://",
        "![",
        "* * ",
        "\t",
        "Generated by ",
        "[ ] Yes ",
    ];
    let mut bodies: Vec<String> = pieces.iter().map(|piece| piece.repeat((1 << 18) / piece.len())).collect();
    bodies.push(format!("{}\n{}", "|a".repeat(20_000), "|-".repeat(20_000)) + &"\n|x".repeat(20_000));
    bodies.push("<!--\n\n".repeat(40_000));
    bodies.push("x".repeat(1 << 20));
    bodies.push("## Tests\n".repeat(100_000));
    for body in bodies {
        for prefix in ["", "## Scope\n\n", "## Tests added\n\n- "] {
            let pull_request = PullRequest { body: Some(format!("{prefix}{body}")), ..PullRequest::default() };
            critic::check(&pull_request, &ChangeSet::default(), None, &rules);
        }
    }
}

/// Text that looks like a description.
fn description() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => prop::sample::select(vec![
            "## Scope\n", "## Contracts touched\n", "**Tests added**\n", "### Risk & rollout\n", "Endpoints\n---\n",
            "<h2>Screenshots</h2>\n", "## Agent metadata: No\n", "## Notes\n", "- [ ] Yes\n", "- [x] No\n", "- [x] Unit\n",
            "Coverage: 64%\n", "None\n", "None: one constant in a log call\n", "TODO\n", "<!-- a\nb -->\n", "~~gone~~\n",
            "> ## Scope\n", "    ## Scope\n", "![a](b.png)\n", "| a | b |\n|---|---|\n", "[ ] Yes / [x] No\n", "\n", "\n\n",
            "1. **Scope**\n", "<details>\n", "</details>\n", "Fixes #1\n", "🤖 Generated with Claude\n", "  - nested [x] box\n",
        ]).prop_map(str::to_string),
        1 => "[ -~\\n]{0,12}",
        1 => "\\PC{0,6}",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_body_has_one_verdict_whatever_its_line_ends(body in description()) {
        let body = body.replace('\r', "");
        let judge = |body: String| {
            let mut story = story().files(&["packages/types/a.ts", "web/a.tsx", "src/routes/a.ts"]);
            story.pull_request.body = Some(body);
            story.judged()
        };
        let (judgement, findings) = judge(body.clone());
        let (with_crlf, _) = judge(body.replace('\n', "\r\n"));
        prop_assert_eq!(&judgement, &with_crlf);
        prop_assert_eq!(judgement.ok, findings.iter().all(|finding| finding.level != Level::Error));

        // A fence or tag that is still open would make the comment part of itself.
        if !body.contains(['`', '<']) && !body.contains("~~~") {
            let (with_comment, _) = judge(format!("{body}\n\n<!-- ## Scope\n\nTests added -->\n"));
            prop_assert_eq!(&judgement, &with_comment);
        }
    }

    #[test]
    fn any_text_is_read(body in any::<String>(), title in any::<String>()) {
        let mut story = story();
        story.pull_request.title = title;
        story.pull_request.body = Some(body);
        story.judged();
    }
}
