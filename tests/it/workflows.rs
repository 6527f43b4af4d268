//! The actions and the example workflows as a runner carries them out: `act` runs them on this machine, with GitHub's own
//! example payloads, against a GitHub on loopback. Each file of `tests/actions` says at its top what happens and what is
//! wanted; the examples' stories stand in a table below.
//!
//! Needs `MAINGUARD_ACT`, which names act's binary, and the payloads of `../shared`; `.ci/run` brings the first. What
//! stands in for other people's actions and for wrangler is in `tests/actions/stubs`.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::support::cli::mainguard;
use crate::support::github::{Access, FakeGitHub, REPOSITORY, Recorded, TOKEN};
use crate::support::hub::{Hub, TOKEN as HUB_TOKEN};
use crate::support::repo::{TestRepo, git_command};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// A description that the critic takes.
const SOUND: &str = "## Scope\n\nRefunds are rounded half to even, as the ledger does.\n\n## Contracts touched\n\n- [x] No\n\n\
                     ## Endpoints added/changed\n\nNone\n\n## Tests added\n\n- [x] Unit\n\nCoverage: 91%\n\n\
                     ## Risk & rollout\n\nLow, a pure function.\n";

/// What a story says at its top, by key, in order.
#[derive(Clone, Default)]
struct Told(Vec<(String, String)>);

impl Told {
    fn at_the_top_of(workflow: &str) -> Told {
        let comments = workflow.lines().map_while(|line| line.strip_prefix('#'));
        let pairs = comments.filter_map(|line| line.trim().split_once(": "));
        Told(pairs.map(|(key, value)| (key.to_string(), value.to_string())).collect())
    }

    fn of(pairs: &[(&str, &str)]) -> Told {
        Told(pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect())
    }

    fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }
}

/// act, and the payloads; `None` with the reason said.
fn stage() -> Option<(PathBuf, PathBuf)> {
    let shared = std::env::var_os("MAINGUARD_SHARED").map_or_else(|| Path::new(ROOT).join("../shared"), PathBuf::from);
    let payloads = shared.join("github-webhooks");
    match std::env::var_os("MAINGUARD_ACT") {
        None => println!("skipped: MAINGUARD_ACT does not name act's binary (`.ci/run` installs it)"),
        Some(_) if !payloads.is_dir() => println!("skipped: {} is not there", payloads.display()),
        Some(act) => return Some((act.into(), payloads)),
    }
    None
}

/// A machine that runs one job: a repository with a change, homes of its own for act, a GitHub.
struct Runner {
    act: PathBuf,
    repo: TestRepo,
    environment: BTreeMap<&'static str, String>,
    token: Option<&'static str>,
}

/// How a job ended.
struct Ended {
    passed: bool,
    log: String,
}

impl Runner {
    fn new(act: PathBuf, change: &str) -> Runner {
        let repo = TestRepo::new();
        let checks = "[{path: /}]";
        repo.write("README.md", "hello\n");
        repo.write("previews.yml", format!("previews:\n  surfaces:\n    - name: app\n      checks: {checks}\n"));
        repo.commit("first");
        repo.git(&["remote", "add", "origin", &format!("https://github.com/{REPOSITORY}.git")]);
        repo.git(&["switch", "-qc", "topic"]);
        match change {
            "secret" => {
                // Made here, so that no scanner finds one in this file.
                let key = format!("AKIA{}", "Z3MHALF2TESTZ7QD");
                repo.write("deploy.sh", format!("export AWS_ACCESS_KEY_ID={key}\n"));
            }
            _ => {
                repo.write("src/rounding.rs", "fn round() {}\n");
                repo.write("tests/rounding.rs", "#[test]\nfn half() {}\n");
            }
        }
        repo.commit("second");
        let folder = |name: &str| repo.beside(name);
        for name in ["home", "config/act", "cache/act", "artifacts"] {
            fs::create_dir_all(folder(name)).unwrap();
        }
        fs::write(folder("config/act/actrc"), "").unwrap();
        // What somebody gets who uses the action: its tree, and none of what was built in it.
        let tree = folder("action");
        fs::create_dir(&tree).unwrap();
        let mut copy = Command::new("cp");
        copy.current_dir(ROOT).arg("-R").args(["action.yml", "actions", "Cargo.toml"]).arg(&tree);
        assert!(copy.status().unwrap().success());
        let path = format!("{ROOT}/tests/actions/stubs/bin:{}", std::env::var("PATH").unwrap());
        let environment = BTreeMap::from([
            ("PATH", path),
            ("MAINGUARD_BIN", env!("CARGO_BIN_EXE_mainguard").to_string()),
            ("STUB_REPOSITORY", repo.path().display().to_string()),
            ("STUB_ARTIFACTS", folder("artifacts").display().to_string()),
        ]);
        Runner { act, repo, environment, token: Some(TOKEN) }
    }

    fn head(&self) -> String {
        self.repo.git(&["rev-parse", "topic"])
    }

    fn base(&self) -> String {
        self.repo.git(&["rev-parse", "main"])
    }

    /// Carries out a workflow, given as text.
    fn run(&self, workflow: &str, event: &str, payload: &Value) -> Ended {
        let file = self.repo.beside("workflow.yml");
        // act's schema is older than this key, which GitHub and the linters know.
        let known = |line: &&str| !line.trim_start().starts_with("deployment: false");
        let lines: Vec<&str> = workflow.lines().filter(known).collect();
        fs::write(&file, lines.join("\n")).unwrap();
        fs::write(self.repo.beside("event.json"), payload.to_string()).unwrap();
        let mut act = Command::new(&self.act);
        act.current_dir(self.repo.path())
            .env_clear()
            .env("PATH", &self.environment["PATH"])
            .env("HOME", self.repo.beside("home"))
            .env("XDG_CONFIG_HOME", self.repo.beside("config"))
            .env("XDG_CACHE_HOME", self.repo.beside("cache"))
            .arg(event)
            .arg("-W")
            .arg(&file)
            .arg("-e")
            .arg(self.repo.beside("event.json"))
            .args(["-P", "ubuntu-latest=-self-hosted", "--pull=false", "--no-cache-server"])
            .args(["--artifact-server-addr", "127.0.0.1", "--action-offline-mode"]);
        for uses in uses(workflow) {
            let Some(local) = self.local(&uses) else { continue };
            act.arg("--local-repository").arg(format!("{}={}", local.0, local.1.display()));
        }
        for (name, value) in &self.environment {
            act.arg("--env").arg(format!("{name}={value}"));
        }
        if let Some(token) = self.token {
            act.arg("-s").arg(format!("GITHUB_TOKEN={token}"));
        }
        let output = act.output().expect("act starts");
        let log = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        for token in [TOKEN, HUB_TOKEN] {
            assert!(!log.contains(token), "the token is in the log");
        }
        Ended { passed: output.status.success(), log }
    }

    /// `owner/name@ref` and the folder that is taken in its place.
    fn local(&self, uses: &str) -> Option<(String, PathBuf)> {
        let (path, reference) = uses.split_once('@')?;
        let mut parts = path.splitn(3, '/');
        let (owner, name) = (parts.next()?, parts.next()?);
        let folder = match (owner, name) {
            ("OWNER", "mainguard") => self.repo.beside("action"),
            _ => Path::new(ROOT).join("tests/actions/stubs").join(format!("{owner}-{name}")),
        };
        assert!(folder.is_dir(), "{uses}: nothing in tests/actions/stubs stands in for it");
        Some((format!("{owner}/{name}@{reference}"), folder))
    }
}

fn uses(workflow: &str) -> Vec<String> {
    let lines = workflow.lines().map(|line| line.trim().trim_start_matches("- "));
    let mut found: Vec<String> = lines
        .filter_map(|line| line.strip_prefix("uses: "))
        .map(|rest| rest.split_whitespace().next().unwrap().to_string())
        .collect();
    found.sort();
    found.dedup();
    found
}

/// One of GitHub's own payloads, moved to our repository and our commits.
fn payload(payloads: &Path, name: &str, told: &Told, runner: &Runner) -> Value {
    let text = fs::read_to_string(payloads.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let text = ["Codertocat/Hello-World", "octo-org/octo-repo", "Octocoders/Hello-World", "github/hello-world"]
        .iter()
        .fold(text, |text, theirs| text.replace(theirs, REPOSITORY));
    let mut payload: Value = serde_json::from_str(&text).unwrap();
    payload["repository"]["full_name"] = json!(REPOSITORY);
    let (base, head) = (runner.base(), runner.head());
    if let Some(action) = told.get("action") {
        payload["action"] = json!(action);
    }
    if payload.get("pull_request").is_some() {
        let pull = &mut payload["pull_request"];
        pull["base"]["sha"] = json!(base);
        pull["base"]["ref"] = json!("main");
        pull["base"]["repo"]["full_name"] = json!(REPOSITORY);
        pull["head"]["sha"] = json!(head);
        pull["head"]["ref"] = json!("topic");
        let fork = told.get("fork") == Some("yes");
        pull["head"]["repo"]["full_name"] = json!(if fork { "mallory/repo" } else { REPOSITORY });
        pull["head"]["repo"]["fork"] = json!(fork);
        pull["title"] = json!("Round refunds");
        pull["body"] = json!(if told.get("description") == Some("empty") { "" } else { SOUND });
        pull["labels"] = json!([]);
    }
    if payload.get("merge_group").is_some() {
        payload["merge_group"]["base_sha"] = json!(base);
        payload["merge_group"]["head_sha"] = json!(head);
    }
    if payload.get("before").is_some() {
        payload["ref"] = json!("refs/heads/main");
        payload["before"] = json!(base);
        payload["after"] = json!(head);
    }
    if payload.get("workflow_run").is_some() {
        let run = &mut payload["workflow_run"];
        run["head_sha"] = json!(head);
        run["head_branch"] = json!("topic");
        run["event"] = json!("pull_request");
        run["pull_requests"] = json!([]);
        run["head_repository"]["full_name"] = json!("mallory/repo");
    }
    payload
}

/// A page that is up, for previews. Ends with the test's process.
fn page() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
        }
    });
    url
}

/// Why this binary cannot carry out the story yet.
fn lacks(need: &str) -> Option<String> {
    let works = match need.strip_prefix("command ") {
        Some(command) => mainguard(Path::new(ROOT)).args([command, "--help"]).output().unwrap().status.success(),
        None => mainguard::guards::Guard::named(need).is_some(),
    };
    (!works).then(|| format!("this binary has no {need}"))
}

/// Carries out a workflow and holds what happened against what was told.
fn carry_out(name: &str, workflow: &str, told: &Told, act: &Path, payloads: &Path) {
    if let Some(why) = told.all("needs").find_map(lacks) {
        println!("skipped: {name}: {why}");
        return;
    }
    let mut runner = Runner::new(act.to_path_buf(), told.get("change").unwrap_or_default());
    let event = told.get("event").expect("`# event:`");
    let payload = payload(payloads, told.get("payload").expect("`# payload:`"), told, &runner);
    let github = FakeGitHub::start();
    if let Some(number) = payload["number"].as_u64() {
        github.state().pulls.insert(number, payload["pull_request"].clone());
    }
    match told.get("token") {
        Some("read") => github.state().access = Access::Read,
        Some("none") => runner.token = None,
        _ => {}
    }
    runner.environment.insert("GITHUB_API_URL", github.url());
    runner.environment.insert("STUB_PREVIEW", page());
    let ended = runner.run(workflow, event, &payload);
    judge(name, told, &ended, &github);
    for file in told.all("artifact") {
        assert!(runner.repo.beside("artifacts").join(file).exists(), "{name}: {file} is not there\n{}", ended.log);
    }
}

fn judge(name: &str, told: &Told, ended: &Ended, github: &FakeGitHub) {
    let log = &ended.log;
    let wanted = match told.get("want") {
        Some("pass") => true,
        Some("fail") => false,
        other => panic!("{name}: `# want: pass` or `fail`, not {other:?}"),
    };
    assert_eq!(ended.passed, wanted, "{name}: passed on the left\n{log}");
    for said in told.all("says") {
        assert!(log.contains(said), "{name} does not say {said:?}\n{log}");
    }
    let writes = github.writes();
    for write in told.all("writes") {
        assert!(writes.iter().any(|line| line == write), "{name}: {write} is not among {writes:#?}\n{log}");
    }
    let state = github.state();
    if let Some(count) = told.get("comments") {
        assert_eq!(state.comments.len().to_string(), count, "{name}: comments\n{log}");
    }
    for said in told.all("comment") {
        let found = state.comments.iter().any(|comment| comment.body.contains(said));
        assert!(found, "{name}: no comment says {said:?}: {:?}\n{log}", state.comments);
    }
    for check in told.all("check") {
        assert!(state.check_runs.iter().any(|run| run.name == check), "{name}: no check run {check}\n{log}");
    }
    for said in told.all("deployment") {
        let found = state.deployments.iter().any(|deployment| deployment.story().contains(said));
        assert!(found, "{name}: no deployment says {said:?}: {:?}\n{log}", state.deployments);
    }
    drop(state);
    obeys_all(name, &github.requests());
}

/// Everything that was asked of GitHub is what GitHub describes.
fn obeys_all(name: &str, requests: &[Recorded]) {
    static DOCUMENT: OnceLock<Option<Value>> = OnceLock::new();
    let document = DOCUMENT.get_or_init(|| {
        let path = std::env::var_os("MAINGUARD_GITHUB_OPENAPI")?;
        Some(serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
    });
    let Some(document) = document else {
        println!("skipped: MAINGUARD_GITHUB_OPENAPI does not name GitHub's OpenAPI document");
        return;
    };
    for request in requests {
        if let Err(foul) = crate::publish::obeys(document, request) {
            panic!("{name}: {}: {foul}", request.line());
        }
    }
}

#[test]
fn every_action_does_what_its_story_tells() {
    let Some((act, payloads)) = stage() else { return };
    let mut files: Vec<PathBuf> =
        fs::read_dir(Path::new(ROOT).join("tests/actions")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "yml"));
    files.sort();
    let mut used = Vec::new();
    for file in files {
        let workflow = fs::read_to_string(&file).unwrap();
        used.extend(uses(&workflow));
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        carry_out(&name, &workflow, &Told::at_the_top_of(&workflow), &act, &payloads);
    }
    for entry in fs::read_dir(Path::new(ROOT).join("actions")).unwrap().map(Result::unwrap) {
        let action = format!("OWNER/mainguard/actions/{}@", entry.file_name().to_string_lossy());
        // These two are carried out below, as parts of the examples.
        let elsewhere = ["/queue@", "/report@"].iter().any(|end| action.ends_with(end));
        let is_action = entry.file_type().unwrap().is_dir() && !elsewhere;
        assert!(!is_action || used.iter().any(|uses| uses.starts_with(&action)), "no story uses {action}");
    }
}

const OPENED: [(&str, &str); 2] = [("event", "pull_request"), ("payload", "pull_request.opened.json")];

/// The examples that need no more than one GitHub: file, what is told.
fn examples() -> Vec<(&'static str, Told)> {
    let opened = |more: &[(&str, &str)]| Told::of(&[OPENED.as_slice(), more].concat());
    vec![
        (
            "mainguard.yml",
            opened(&[("want", "pass"), ("writes", "POST /repos/octo/repo/check-runs 201"), ("check", "mainguard")]),
        ),
        ("mainguard.yml", opened(&[("description", "empty"), ("want", "fail"), ("comments", "1")])),
        ("mainguard.yml", opened(&[("token", "read"), ("fork", "yes"), ("want", "pass"), ("comments", "0")])),
        ("read-only.yml", opened(&[("want", "pass"), ("comments", "0")])),
        ("read-only.yml", opened(&[("token", "none"), ("description", "empty"), ("want", "fail")])),
        ("sarif.yml", opened(&[("want", "pass"), ("artifact", "sarif/mainguard.sarif")])),
        ("contracts.yml", opened(&[("needs", "contracts"), ("want", "pass")])),
        (
            "security.yml",
            opened(&[
                ("needs", "dependencies"),
                ("needs", "sast"),
                ("want", "pass"),
                ("artifact", "sarif/mainguard-secrets.sarif"),
                ("artifact", "sarif/mainguard-security.sarif"),
            ]),
        ),
        ("fork-judge.yml", opened(&[("want", "pass"), ("artifact", "mainguard-report/report.json")])),
        (
            "telemetry.yml",
            Told::of(&[
                ("event", "pull_request"),
                ("payload", "pull_request.closed.json"),
                ("needs", "command record"),
                ("want", "pass"),
                ("comments", "0"),
            ]),
        ),
        ("preview.yml", opened(&[("fork", "yes"), ("token", "read"), ("want", "pass"), ("comments", "0")])),
        (
            "preview-closed.yml",
            Told::of(&[
                ("event", "pull_request"),
                ("payload", "pull_request.closed.json"),
                ("want", "pass"),
                ("artifact", "commands"),
            ]),
        ),
    ]
}

#[test]
fn the_examples_do_what_their_stories_tell() {
    let Some((act, payloads)) = stage() else { return };
    for (file, told) in examples() {
        let workflow = fs::read_to_string(Path::new(ROOT).join("examples/workflows").join(file)).unwrap();
        carry_out(file, &workflow, &told, &act, &payloads);
    }
}

#[test]
fn every_example_has_a_story() {
    let told: Vec<&str> = examples().iter().map(|(file, _)| *file).collect();
    let below = ["fork-publish.yml", "queue-intake.yml", "queue-tick.yml"];
    for entry in fs::read_dir(Path::new(ROOT).join("examples/workflows")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(told.contains(&&*name) || below.contains(&&*name), "{name} is never carried out");
    }
}

/// Both halves, one after the other, as two runs: the first with a token that can only read.
#[test]
fn a_fork_is_judged_by_one_workflow_and_told_by_the_other() {
    let Some((act, payloads)) = stage() else { return };
    let told = Told::of(&[("fork", "yes"), ("description", "empty")]);
    let mut runner = Runner::new(act, "");
    let github = FakeGitHub::start();
    runner.environment.insert("GITHUB_API_URL", github.url());
    let opened = payload(&payloads, "pull_request.opened.json", &told, &runner);
    github.state().pulls.insert(2, opened["pull_request"].clone());
    let example = |name: &str| fs::read_to_string(Path::new(ROOT).join("examples/workflows").join(name)).unwrap();

    github.state().access = Access::Read;
    let ended = runner.run(&example("fork-judge.yml"), "pull_request", &opened);
    assert!(!ended.passed, "the description is empty\n{}", ended.log);
    assert!(github.writes().is_empty(), "{:?}", github.writes());

    github.state().access = Access::Write;
    let completed = payload(&payloads, "workflow_run.completed.json", &told, &runner);
    let ended = runner.run(&example("fork-publish.yml"), "workflow_run", &completed);
    assert!(ended.passed, "{}", ended.log);
    {
        let state = github.state();
        assert_eq!((state.comments.len(), state.comments[0].issue), (1, 2), "{}", ended.log);
        assert!(state.comments[0].body.contains("critic/section-missing"), "{}", state.comments[0].body);
        assert_eq!(state.issue_labels[&2], ["size/XS"]);
    }
    obeys_all("fork-publish.yml", &github.requests());

    // Somebody exchanges the artifact for that of another commit.
    let artifact = runner.repo.beside("artifacts/mainguard-report/report.json");
    let forged = fs::read_to_string(&artifact).unwrap().replace(&runner.head(), &"5".repeat(40));
    fs::write(&artifact, forged).unwrap();
    github.forget_requests();
    let ended = runner.run(&example("fork-publish.yml"), "workflow_run", &completed);
    assert!(!ended.passed && ended.log.contains("refused"), "{}", ended.log);
    assert!(github.requests().is_empty(), "{:?}", github.writes());
}

/// Built by stubs, uploaded by a stub of wrangler, looked at for real.
#[test]
fn a_preview_is_uploaded_and_looked_at() {
    let Some((act, payloads)) = stage() else { return };
    let mut runner = Runner::new(act, "");
    let github = FakeGitHub::start();
    runner.environment.insert("GITHUB_API_URL", github.url());
    runner.environment.insert("STUB_PREVIEW", page());
    let opened = payload(&payloads, "pull_request.opened.json", &Told::default(), &runner);
    github.state().pulls.insert(2, opened["pull_request"].clone());
    let example = fs::read_to_string(Path::new(ROOT).join("examples/workflows/preview.yml")).unwrap();
    // The page is on this machine, which nobody is to reach whose workflow does not say so.
    let ended = runner.run(&example, "pull_request", &opened);
    assert!(!ended.passed && ended.log.contains("it is http, not https"), "{}", ended.log);
    let local = example
        .replace("          publish: \"true\"", "          allow-private: \"true\"\n          publish: \"true\"");
    let ended = runner.run(&local, "pull_request", &opened);
    assert!(ended.passed, "{}", ended.log);
    let state = github.state();
    assert!(state.comments[0].body.contains("is healthy"), "{}", state.comments[0].body);
    let environments: Vec<&str> = state.deployments.iter().map(|one| one.environment.as_str()).collect();
    assert_eq!(environments, ["preview/pr-2/app", "preview/pr-2/api"]);
    drop(state);
    obeys_all("preview.yml", &github.requests());
    let commands = fs::read_to_string(runner.repo.beside("artifacts/commands")).unwrap();
    assert!(commands.contains("npx wrangler deploy --name pravado-api-pr-2"), "{commands}");
}

/// The queue on Actions: the label is recorded, a tick tests, CI is green, the next tick lands what was tested.
#[test]
fn the_queue_carries_a_pull_request_from_its_label_to_main() {
    let Some((act, payloads)) = stage() else { return };
    let hub = Hub::new();
    let main = hub.main();
    let config = "queue:\n  queue_checks:\n    - name: ci\n      app: github-actions\n";
    let tip = hub.commit("refs/heads/main", Some(&main), &[(".github/mainguard.yml", config)]);
    hub.check(&tip, "ci", Some("success"));
    hub.facts().permissions.insert("mainguard[bot]".into(), "write");
    hub.queue(7, &[("seven", "new\n")]);

    let mut runner = Runner::new(act, "");
    runner.token = Some(HUB_TOKEN);
    runner.environment.insert("GITHUB_API_URL", hub.url());
    let origin = hub.origin().display().to_string();
    // The checkout is a clone of the hub's repository, as it would be of GitHub's.
    let clone = runner.repo.path();
    for arguments in
        [["fetch", "-q", origin.as_str(), "main"].as_slice(), &["checkout", "-q", "-B", "main", "FETCH_HEAD"]]
    {
        assert!(git_command(clone).args(arguments).status().unwrap().success());
    }
    let run = |runner: &mut Runner, file: &str, event: &str, payload: &Value| {
        runner.environment.insert("MAINGUARD_TEST_NOW", hub.now().to_rfc3339());
        let workflow = fs::read_to_string(Path::new(ROOT).join("examples/workflows").join(file)).unwrap();
        let input = |line: &str| format!("{line}\n          remote: {origin}");
        let workflow = ["          command: intake", "          dispatch: ci.yml"]
            .iter()
            .fold(workflow, |workflow, line| workflow.replace(line, &input(line)));
        let ended = runner.run(&workflow, event, payload);
        assert!(ended.passed, "{file}: {}", ended.log);
        ended.log
    };
    let mut labeled = payload(&payloads, "pull_request.labeled.json", &Told::default(), &runner);
    labeled["number"] = json!(7);
    labeled["pull_request"]["number"] = json!(7);
    labeled["pull_request"]["head"]["sha"] = json!(hub.facts().pulls[&7].head.clone());
    labeled["label"] = json!({ "name": "ready-to-queue" });
    labeled["sender"]["login"] = json!("ada");
    labeled["pull_request"]["updated_at"] = json!(hub.now().to_rfc3339());
    let log = run(&mut runner, "queue-intake.yml", "pull_request_target", &labeled);
    assert!(log.contains("recorded: the label on #7 at"), "{log}");
    hub.pass(chrono::TimeDelta::minutes(1));
    let log = run(&mut runner, "queue-tick.yml", "workflow_dispatch", &json!({}));
    assert!(log.contains("pushed mainguard/int/main/"), "{log}");
    hub.ci();
    let log = run(&mut runner, "queue-tick.yml", "workflow_dispatch", &json!({}));
    assert!(log.contains("main is at"), "{log}");
    assert!(hub.has_landed(7));
}
