//! The queue from the command line: the real binary in a clone, against the same GitHub.

use std::path::Path;
use std::process::Command;

use crate::support::cli::{Answer, mainguard, run};
use crate::support::hub::{Hub, TOKEN, minutes};
use crate::support::repo::git_command;

const CONFIG: &str = "queue:\n  queue_checks:\n    - name: ci\n      app: github-actions\n";

fn clone(hub: &Hub) -> std::path::PathBuf {
    let main = hub.main();
    let tip = hub.commit("refs/heads/main", Some(&main), &[(".github/mainguard.yml", CONFIG)]);
    hub.check(&tip, "ci", Some("success"));
    let clone = hub.folder().join("clone");
    let origin = hub.origin();
    let status = git_command(&hub.folder()).args(["clone", "-q"]).arg(&origin).arg(&clone).status().unwrap();
    assert!(status.success());
    clone
}

fn command(hub: &Hub, clone: &Path) -> Command {
    let mut command = mainguard(clone);
    command
        .env("GITHUB_API_URL", hub.url())
        .env("GITHUB_TOKEN", TOKEN)
        .env("MAINGUARD_REPOSITORY", "octo/repo")
        .env("MAINGUARD_TEST_NOW", hub.now().to_rfc3339());
    command.arg("queue");
    command
}

/// The simulator needs a clone, or not even that: no GitHub, no token.
#[test]
fn policies_are_tried_on_recorded_arrivals() {
    let hub = Hub::new();
    let clone = clone(&hub);
    let simulate = |arguments: &[&str]| run(mainguard(&clone).args(["queue", "simulate"]).args(arguments));
    let invented = simulate(&["--pulls", "40"]);
    assert_eq!(invented.code, 0, "{}", invented.text());
    let rows: Vec<&str> = invented.stdout.lines().map(|line| line.split("  ").next().unwrap()).collect();
    assert_eq!(rows, ["policy", "this configuration", "serial", "one lane, batches of 8", "train of 5", "train of 10"]);
    for number in 1..=3 {
        let main = hub.main();
        hub.commit("refs/heads/main", Some(&main), &[(&format!("file-{number}"), "x\n")]);
    }
    assert!(git_command(&clone).args(["pull", "-q"]).status().unwrap().success());
    let recorded = simulate(&["--history", "--red", "0", "--quiet"]);
    assert_eq!(recorded.code, 0, "{}", recorded.text());
    // Five commits, three seeds.
    let ours = recorded.stdout.lines().nth(1).unwrap();
    assert_eq!(ours.split_whitespace().nth(2), Some("15"), "{}", recorded.text());
    let refused = simulate(&["--red", "2"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("--red is 2"), "{}", refused.stderr);
    assert_eq!(simulate(&["--history", "no-such-branch"]).code, 2);
}

fn queue(hub: &Hub, clone: &Path, arguments: &[&str]) -> Answer {
    let answer = run(command(hub, clone).args(arguments));
    assert!(!answer.text().contains(TOKEN), "{}", answer.text());
    answer
}

#[test]
fn from_the_label_to_the_proof() {
    let hub = Hub::new();
    let clone = clone(&hub);
    hub.facts().permissions.insert("mainguard[bot]".into(), "write");
    hub.queue(7, &[("seven", "new\n")]);
    let plan = queue(&hub, &clone, &["plan"]);
    assert!(plan.code == 0 && plan.stdout.contains("merge #7 for build"), "{}", plan.text());
    assert!(hub.builds().is_empty(), "a plan writes nothing");
    let tick = queue(&hub, &clone, &["tick"]);
    assert!(tick.code == 0 && tick.stdout.contains("pushed mainguard/int/main/"), "{}", tick.text());
    let status = queue(&hub, &clone, &["status"]);
    assert!(status.stdout.contains("testing  #7"), "{}", status.text());
    let explain = queue(&hub, &clone, &["explain", "7"]);
    assert!(explain.stdout.contains("merges #7 onto"), "{}", explain.text());
    hub.ci();
    let tick = queue(&hub, &clone, &["tick"]);
    assert!(tick.stdout.contains("main is at"), "{}", tick.text());
    assert!(hub.has_landed(7));
    assert!(git_command(&clone).args(["pull", "-q"]).status().unwrap().success());
    let verify = queue(&hub, &clone, &["verify", "HEAD~1..HEAD"]);
    assert!(verify.code == 0 && verify.stdout.contains("1 proven, 0 not by the queue, 0 forged"), "{}", verify.text());
    let frozen = queue(&hub, &clone, &["freeze", "the release is cut"]);
    assert_eq!(frozen.code, 0, "{}", frozen.text());
    let html = queue(&hub, &clone, &["status", "--format", "html"]);
    let page = &html.stdout;
    assert!(page.contains("<strong>Frozen</strong> since") && page.contains("the release is cut"), "{page}");
    assert!(page.contains("<a href=\"https://github.com/octo/repo/pull/7\">#7</a>"), "{page}");
    assert_eq!(queue(&hub, &clone, &["thaw"]).code, 0);
    let json: serde_json::Value =
        serde_json::from_str(&queue(&hub, &clone, &["status", "--format", "json"]).stdout).unwrap();
    assert_eq!((json["version"].as_u64(), json["stats"]["landed"].as_u64()), (Some(1), Some(1)));
}

#[test]
fn a_forged_proof_is_seen() {
    let hub = Hub::new();
    let clone = clone(&hub);
    hub.queue(7, &[("seven", "new\n")]);
    hub.settle();
    let tip = hub.main();
    let message = hub.git(&["log", "-1", "--format=%B", &tip]);
    let tree = hub.git(&["rev-parse", "HEAD~1^{tree}"]);
    let (first, second) = (hub.git(&["rev-parse", "main^1"]), hub.git(&["rev-parse", "main^2"]));
    let forged = hub.git(&["commit-tree", &tree, "-p", &first, "-p", &second, "-m", &message]);
    hub.git(&["update-ref", "refs/heads/forged", &forged]);
    assert!(git_command(&clone).args(["fetch", "-q"]).status().unwrap().success());
    let verify = queue(&hub, &clone, &["verify", "origin/forged~1..origin/forged"]);
    assert!(verify.code == 1 && verify.stdout.contains("FORGED"), "{}", verify.text());
}

#[test]
fn hostile_words_stay_words_on_the_page() {
    let hub = Hub::new();
    let clone = clone(&hub);
    hub.open(7, &[("seven", "new\n")]);
    hub.change(7, |pull| pull.title = "<script>alert(1)</script>\u{202e}\n\nMainguard-PR: #1@2".into());
    hub.label(7, "ada");
    queue(&hub, &clone, &["tick"]);
    let html = queue(&hub, &clone, &["status", "--format", "html"]).stdout;
    assert!(html.contains("&lt;script&gt;") && !html.contains("<script>") && !html.contains('\u{202e}'), "{html}");
}

/// A morning with some of everything. `MAINGUARD_QUEUE_PAGE=file.html` keeps the page; `tests/tools/queue_page.sh` takes
/// its pictures.
#[test]
fn the_page_shows_who_is_tested_who_waits_and_who_left() {
    let hub = Hub::new();
    let clone = clone(&hub);
    let title = |number: u64, title: &str| hub.change(number, |pull| pull.title = title.into());
    hub.queue(479, &[("read", "new\n")]);
    title(479, "Read amounts with their currency");
    hub.queue(480, &[("red-1", "new\n")]);
    title(480, "Round half to even");
    hub.tick();
    hub.pass(minutes(31));
    hub.settle();
    assert!(hub.has_landed(479) && hub.exit(480).is_some());
    hub.pass(minutes(48));
    for (number, words) in [
        (482, "Refunds go back to the card that was charged"),
        (485, "Close the connection when the client has gone, and count those that had not"),
        (486, "Update serde from 1.0.227 to 1.0.228"),
        (487, "Say which currency was meant when there is none"),
        (490, "Speak of customers, not users"),
    ] {
        hub.queue(number, &[(&format!("file-{number}"), "new\n")]);
        title(number, words);
    }
    hub.change(486, |pull| pull.draft = true);
    hub.change(487, |pull| pull.body = "Depends-On: #471".into());
    hub.tick();
    hub.queue(491, &[("red-2", "new\n")]);
    title(491, "Migrate orders to the new table");
    hub.say(485, "ada", "/freeze the release is cut, see <#4>");
    hub.pass(minutes(12));
    hub.tick();
    let html = queue(&hub, &clone, &["status", "--format", "html"]).stdout;
    for expected in [
        "<strong>Frozen</strong>",
        "<h2>Being tested</h2>",
        "running for 12 min</span>",
        "see &lt;#4&gt;",
        "<span class=\"badge\">held</span>",
        "it depends on #471",
        "<span class=\"badge\">waiting</span>",
        "<span class=\"badge\">landed</span>",
        "<span class=\"badge\">failed</span>",
        "/octo/repo/pull/482\">#482</a> Refunds go back",
    ] {
        assert!(html.contains(expected), "{expected}: {html}");
    }
    for forbidden in ["<script", "http-equiv=\"refresh\"", "src=", "@import", "url("] {
        assert!(!html.contains(forbidden), "{forbidden}: {html}");
    }
    if let Some(path) = std::env::var_os("MAINGUARD_QUEUE_PAGE") {
        std::fs::write(path, html).unwrap();
    }
}

/// The way of docs/queue.md, each step as it stands there: what is missing is named, and when nothing is, it lands.
#[test]
fn from_nothing_to_the_first_landed_pull_request() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let hub = Hub::new();
    let clone = hub.folder().join("clone");
    let put = |files: &[(&str, &str)]| {
        let main = hub.main();
        let tip = hub.commit("refs/heads/main", Some(&main), files);
        hub.check(&tip, "ci", Some("success"));
        let (folder, origin) = (hub.folder(), hub.origin());
        match clone.exists() {
            true => assert!(git_command(&clone).args(["pull", "-q"]).status().unwrap().success()),
            false => {
                assert!(git_command(&folder).args(["clone", "-q"]).args([&origin, &clone]).status().unwrap().success());
            }
        }
    };
    let doctor = || queue(&hub, &clone, &["doctor"]);
    let ci = "name: ci\non:\n  pull_request:\njobs:\n  ci:\n    runs-on: ubuntu-latest\n";
    put(&[(".github/workflows/ci.yml", ci)]);
    let answer = doctor();
    assert!(answer.code == 1 && answer.stdout.contains("BAD   configuration"), "{}", answer.text());
    assert!(answer.stdout.contains("none ticks the queue"), "{}", answer.text());
    assert!(answer.stdout.contains("fix: gh label create ready-to-queue"), "{}", answer.text());

    put(&[(".github/mainguard.yml", CONFIG)]);
    hub.facts().labels.insert("ready-to-queue".into());
    let example = |name: &str| std::fs::read_to_string(root.join("examples/workflows").join(name)).unwrap();
    let (tick, intake) = (example("queue-tick.yml"), example("queue-intake.yml"));
    put(&[(".github/workflows/queue-tick.yml", &tick), (".github/workflows/queue-intake.yml", &intake)]);
    let answer = doctor();
    assert!(answer.code == 1 && answer.stdout.contains("still uses OWNER/mainguard"), "{}", answer.text());
    assert!(answer.stdout.contains("ci.yml is to be dispatched, and does not let itself be"), "{}", answer.text());

    let tick = tick.replace("OWNER/mainguard", "acme/mainguard");
    let renamed =
        tick.replace("workflows: [ci]", "workflows: [tests]").replace("dispatch: ci.yml", "dispatch: test.yml");
    put(&[(".github/workflows/queue-tick.yml", &renamed)]);
    let answer = doctor();
    assert!(answer.stdout.contains("waits for the end of `tests`"), "{}", answer.text());
    assert!(answer.stdout.contains("there is no .github/workflows/test.yml"), "{}", answer.text());

    let ci = ci.replace("  pull_request:\n", "  pull_request:\n  workflow_dispatch:\n");
    put(&[(".github/workflows/queue-tick.yml", &tick), (".github/workflows/ci.yml", &ci)]);
    let answer = doctor();
    assert!(answer.code == 0 && !answer.stdout.contains("BAD"), "{}", answer.text());
    assert!(answer.stdout.contains("by dispatching ci.yml"), "{}", answer.text());

    hub.queue(7, &[("seven", "new\n")]);
    assert!(queue(&hub, &clone, &["tick"]).stdout.contains("asked CI to test build"));
    assert!(queue(&hub, &clone, &["status"]).stdout.contains("#7"));
    assert!(queue(&hub, &clone, &["explain", "7"]).stdout.contains("its checks run"));
    hub.ci();
    assert!(queue(&hub, &clone, &["tick"]).stdout.contains("main is at"));
    assert!(hub.has_landed(7));
}
