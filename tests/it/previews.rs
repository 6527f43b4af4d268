//! Previews as they go wrong: servers on loopback that start late, answer with yesterday's commit, run in circles, speak
//! no TLS, fall silent, never stop talking; and GitHub, which is told about each of them once.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::cli::{Answer, mainguard, run};
use crate::support::github::{Access, FakeGitHub, REPOSITORY, TOKEN};

const BASE: &str = "1111111111111111111111111111111111111111";
const HEAD: &str = "2222222222222222222222222222222222222222";

/// A server that hands each connection, with the number it has, to `answer`. Ends with the test's process.
struct Server {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Server {
    fn start(answer: impl Fn(usize, &str, TcpStream) + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let (counted, answer) = (asked.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (counted, answer) = (counted.clone(), answer.clone());
                std::thread::spawn(move || {
                    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                    let path = lines.next().unwrap_or_default().split(' ').nth(1).unwrap_or("/").to_string();
                    while lines.next().is_some_and(|line| !line.is_empty()) {}
                    answer(counted.fetch_add(1, Ordering::SeqCst), &path, stream);
                });
            }
        });
        Server { address, asked }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn say(mut stream: TcpStream, status: &str, headers: &[&str], body: &str) {
    let headers = headers.iter().map(|header| format!("{header}\r\n")).collect::<String>();
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}connection: close\r\n\r\n{body}", body.len());
    let _ = stream.write_all(head.as_bytes());
}

fn healthy() -> Server {
    Server::start(|_, _, stream| say(stream, "200 OK", &[&format!("x-commit: {HEAD}")], r#"{"status":"ok"}"#))
}

/// A folder with a configuration of one surface, `app`, whose checks are given.
struct Story {
    folder: tempfile::TempDir,
    github: FakeGitHub,
}

impl Story {
    fn new(checks: &str) -> Story {
        let folder = tempfile::tempdir().unwrap();
        let config = format!("previews:\n  request_seconds: 1\n  surfaces:\n    - name: app\n      checks: {checks}\n");
        std::fs::write(folder.path().join("mainguard.yml"), config).unwrap();
        let github = FakeGitHub::start();
        github.open_pull_request(7, BASE, HEAD);
        Story { folder, github }
    }

    /// `mainguard preview` of the surface at `url`, with a few seconds' patience.
    fn preview(&self, url: &str, more: &[&str]) -> std::process::Command {
        let mut command = mainguard(self.folder.path());
        command
            .args(["preview", "--config", "mainguard.yml", "--number", "7", "--sha", HEAD, "--deadline", "3"])
            .args(["--url", &format!("app={url}")])
            .args(more)
            .env("GITHUB_API_URL", self.github.url());
        command
    }

    fn look(&self, url: &str) -> Answer {
        run(&mut self.preview(url, &["--allow-private"]))
    }

    /// In a workflow run: everything is published.
    fn publish(&self, url: &str, event: &Value) -> Answer {
        std::fs::write(self.folder.path().join("event.json"), event.to_string()).unwrap();
        let flags = ["--allow-private", "--publish", "--deployments"];
        run(self
            .preview(url, &flags)
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_EVENT_NAME", "pull_request")
            .env("GITHUB_EVENT_PATH", self.folder.path().join("event.json"))
            .env("GITHUB_REPOSITORY", REPOSITORY)
            .env("GITHUB_RUN_ID", "99")
            .env("GITHUB_OUTPUT", self.folder.path().join("output"))
            .env("GITHUB_STEP_SUMMARY", self.folder.path().join("summary.md"))
            .env("GITHUB_TOKEN", TOKEN))
    }

    fn event(&self, action: &str) -> Value {
        let pull = self.github.state().pulls[&7].clone();
        json!({ "action": action, "number": 7, "pull_request": pull, "repository": { "full_name": REPOSITORY } })
    }

    fn deployments(&self) -> Vec<String> {
        self.github.state().deployments.iter().map(|deployment| deployment.story()).collect()
    }
}

const ROOT: &str = "[{path: /}]";

#[test]
fn a_healthy_preview_is_healthy() {
    let server = healthy();
    let checks =
        r#"[{path: /, expect: {header: {x-commit: "{sha7}"}}}, {path: /health, expect: {json: {/status: ok}}}]"#;
    let answer = Story::new(checks).look(&server.url());
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert!(answer.stdout.contains("ok   /health  200 in"), "{}", answer.stdout);
    assert!(answer.stdout.contains(&format!("the preview of #7 at {HEAD} is healthy")), "{}", answer.stdout);
}

#[test]
fn a_slow_start_and_a_few_503_are_waited_for() {
    let server = Server::start(|asked, _, stream| match asked {
        0 => drop(stream),
        1 => say(stream, "503 Service Unavailable", &[], ""),
        _ => say(stream, "200 OK", &[], ""),
    });
    let answer = Story::new(ROOT).look(&server.url());
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert_eq!(server.asked(), 3);
    assert!(answer.stdout.contains("(3 tries, "), "{}", answer.stdout);
}

#[test]
fn a_server_that_does_not_listen_yet_is_waited_for() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Bound and not listening: the port is nobody else's, and whoever knocks is refused.
    let socket = {
        let _inside = runtime.enter();
        tokio::net::TcpSocket::new_v4().unwrap()
    };
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(1_200));
        runtime.block_on(async {
            let listener = socket.listen(16).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let stream = stream.into_std().unwrap();
                stream.set_nonblocking(false).unwrap();
                say(stream, "200 OK", &[], "");
            }
        });
    });
    let answer = Story::new(ROOT).look(&format!("http://{address}"));
    assert_eq!(answer.code, 0, "{}", answer.text());
}

#[test]
fn yesterdays_commit_is_not_this_one() {
    let server = Server::start(|_, _, stream| say(stream, "200 OK", &["x-commit: 3333333"], ""));
    let answer = Story::new(r#"[{path: /, expect: {header: {x-commit: "{sha}"}}}]"#).look(&server.url());
    assert_eq!(answer.code, 1, "{}", answer.text());
    let said = format!("the header `x-commit` says `3333333`, wanted `{HEAD}`");
    assert!(answer.stdout.contains(&said), "{}", answer.stdout);
    assert!(server.asked() > 1, "it is asked again until time is up");
}

#[test]
fn redirects_are_followed_so_far_and_no_farther() {
    let server = Server::start(|_, path, stream| match path {
        "/" => say(stream, "302 Found", &["location: /there"], ""),
        "/there" => say(stream, "200 OK", &[], "welcome"),
        "/circle" => say(stream, "307 Temporary Redirect", &["location: /circle"], ""),
        _ => say(stream, "302 Found", &["location: file:///etc/passwd"], ""),
    });
    let answer = Story::new("[{path: /, expect: {text: welcome}}]").look(&server.url());
    assert_eq!(answer.code, 0, "{}", answer.text());
    let answer = Story::new("[{path: /, expect: {status: [302]}}]").look(&server.url());
    assert_eq!(answer.code, 0, "a redirect that is wanted is the answer: {}", answer.text());
    let answer = Story::new("[{path: /circle}]").look(&server.url());
    assert_eq!(answer.code, 1, "{}", answer.text());
    assert!(answer.stdout.contains("more than 5 redirects"), "{}", answer.stdout);
    let answer = Story::new("[{path: /file}]").look(&server.url());
    assert_eq!(answer.code, 1, "{}", answer.text());
    assert!(answer.stdout.contains("refused:"), "{}", answer.stdout);
}

#[test]
fn a_server_without_tls_is_no_https() {
    let server = healthy();
    let answer = Story::new(ROOT).look(&server.url().replace("http:", "https:"));
    assert_eq!(answer.code, 1, "{}", answer.text());
    assert!(answer.stdout.contains("FAIL /"), "{}", answer.stdout);
}

#[test]
fn a_server_that_falls_silent_ends_with_the_deadline() {
    let server = Server::start(|_, _, stream| {
        std::thread::sleep(Duration::from_secs(600));
        drop(stream);
    });
    let started = Instant::now();
    let answer = Story::new("[{path: /}, {path: /health}]").look(&server.url());
    assert_eq!(answer.code, 1, "{}", answer.text());
    assert!(answer.stdout.contains("no answer in time"), "{}", answer.stdout);
    assert!(started.elapsed() < Duration::from_secs(60), "all paths together have one deadline");
}

#[test]
fn a_body_without_end_is_cut_off() {
    let server = Server::start(|_, _, mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n");
        let piece = vec![b'x'; 1 << 16];
        while stream.write_all(&piece).is_ok() {}
    });
    let answer = Story::new(ROOT).look(&server.url());
    assert_eq!(answer.code, 0, "the status is right, and the rest was not read: {}", answer.text());
    let answer = Story::new("[{path: /, expect: {text: needle}}]").look(&server.url());
    assert_eq!(answer.code, 1, "{}", answer.text());
    assert!(answer.stdout.contains("the text `needle` is not there in its first MiB"), "{}", answer.stdout);
}

#[test]
fn a_private_address_is_not_connected_to() {
    let server = healthy();
    let story = Story::new(ROOT);
    let port = server.address.port();
    for (url, reason) in [
        (server.url(), "it is http, not https"),
        (format!("https://127.0.0.1:{port}"), "127.0.0.1 is an address of this machine"),
        (format!("https://[::ffff:127.0.0.1]:{port}"), "is an address of this machine"),
    ] {
        let answer = run(&mut story.preview(&url, &[]));
        assert_eq!(answer.code, 2, "{}", answer.text());
        assert!(answer.stderr.contains(reason), "{}", answer.stderr);
    }
    // A name that leads there is found out when it is resolved, and not tried again.
    let answer = run(&mut story.preview(&format!("https://localhost:{port}"), &[]));
    assert_eq!(answer.code, 1, "{}", answer.text());
    assert!(answer.stdout.contains("refused: localhost leads to"), "{}", answer.stdout);
    assert!(answer.stdout.contains("(1 tries"), "{}", answer.stdout);
    assert_eq!(server.asked(), 0);
}

#[test]
fn the_comment_and_the_deployments_tell_the_story_of_a_pull_request() {
    let server = healthy();
    let story = Story::new(ROOT);
    let answer = story.publish(&server.url(), &story.event("opened"));
    assert_eq!(answer.code, 0, "{}", answer.text());
    let body = story.github.state().comments[0].body.clone();
    for said in ["<!-- mainguard:preview -->", "✅ The preview of `2222222` is healthy", &server.url(), "curl --fail"]
    {
        assert!(body.contains(said), "{said}: {body}");
    }
    let first = format!("preview/pr-7/app: in_progress {0}/, success {0}/", server.url());
    assert_eq!(story.deployments(), std::slice::from_ref(&first));
    let output = std::fs::read_to_string(story.folder.path().join("output")).unwrap();
    assert!(output.contains("healthy") && output.contains("true") && output.contains(r#"{"app":"http"#), "{output}");

    // A push: the deployment before it is over, and there still is one comment.
    let next = "4".repeat(40);
    story.github.state().pulls.get_mut(&7).unwrap()["head"]["sha"] = json!(next);
    let mut event = story.event("synchronize");
    event["pull_request"]["head"]["sha"] = json!(next);
    let broken = Server::start(|_, _, stream| say(stream, "500 Internal Server Error", &[], ""));
    std::fs::write(story.folder.path().join("event.json"), event.to_string()).unwrap();
    let answer = run(mainguard(story.folder.path())
        .args(["preview", "--config", "mainguard.yml", "--deadline", "1", "--allow-private", "--publish"])
        .args(["--deployments", "--url", &format!("app={}", broken.url())])
        .env("GITHUB_API_URL", story.github.url())
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_EVENT_NAME", "pull_request")
        .env("GITHUB_EVENT_PATH", story.folder.path().join("event.json"))
        .env("GITHUB_TOKEN", TOKEN));
    assert_eq!(answer.code, 1, "{}", answer.text());
    assert_eq!(story.github.state().comments.len(), 1);
    let body = story.github.state().comments[0].body.clone();
    assert!(body.contains("❌ The preview of `4444444` is not healthy"), "{body}");
    assert!(body.contains("status 500, wanted 200 to 299"), "{body}");
    let second = format!("preview/pr-7/app: in_progress {0}/, failure {0}/", broken.url());
    assert_eq!(story.deployments(), [format!("{first}, inactive"), second.clone()]);

    // Closed: nothing is asked, nothing stays active, and the comment says so.
    let asked = broken.asked();
    for _ in 0..2 {
        let answer = story.publish(&broken.url(), &story.event("closed"));
        assert_eq!(answer.code, 0, "{}", answer.text());
    }
    assert_eq!(broken.asked(), asked);
    assert_eq!(story.deployments(), [format!("{first}, inactive"), format!("{second}, inactive")]);
    assert!(story.github.state().comments[0].body.contains("is gone"));
}

#[test]
fn looked_at_twice_it_is_written_once() {
    let server = healthy();
    let story = Story::new(ROOT);
    story.publish(&server.url(), &story.event("opened"));
    story.github.forget_requests();
    story.publish(&server.url(), &story.event("edited"));
    // Times differ from run to run, so the comment may.
    let writes = story.github.writes();
    assert!(writes.iter().all(|line| line.starts_with("PATCH /repos/octo/repo/issues/comments/")), "{writes:?}");
}

#[test]
fn a_token_that_cannot_write_changes_nothing_about_health() {
    let server = healthy();
    let story = Story::new(ROOT);
    story.github.state().access = Access::Read;
    let answer = story.publish(&server.url(), &story.event("opened"));
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert!(answer.stderr.contains("::notice title=mainguard::deployment"), "{}", answer.stderr);
    assert!(answer.stderr.contains("permissions: deployments: write"), "{}", answer.stderr);
    assert!(answer.stderr.contains("permissions: pull-requests: write"), "{}", answer.stderr);
}

#[test]
fn wrangler_and_deployments_know_where_it_stands() {
    let server = healthy();
    let story = Story::new(ROOT);
    let folder = story.folder.path().join("wrangler");
    std::fs::create_dir(&folder).unwrap();
    let line = |commit: &str| {
        json!({ "version": 1, "type": "pages-deploy-detailed", "pages_project": "app", "url": server.url(),
            "alias": "http://127.0.0.1/alias", "deployment_trigger": { "metadata": { "commit_hash": commit } } })
        .to_string()
    };
    let wrangler = || {
        let mut command = mainguard(story.folder.path());
        command
            .args(["preview", "--config", "mainguard.yml", "--number", "7", "--sha", HEAD, "--deadline", "3"])
            .args(["--allow-private", "--format", "json"])
            .env("WRANGLER_OUTPUT_FILE_DIRECTORY", &folder);
        command
    };
    let answer = run(&mut wrangler());
    assert_eq!(answer.code, 2, "nobody says where it stands: {}", answer.text());
    std::fs::write(folder.join("wrangler-output-2026-01-01.json"), line(HEAD)).unwrap();
    let answer = run(&mut wrangler());
    assert_eq!(answer.code, 0, "{}", answer.text());
    let document: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(document["surfaces"][0]["source"], "wrangler");
    assert_eq!(document["surfaces"][0]["alias"], "http://127.0.0.1/alias");
    assert_eq!((&document["version"], &document["healthy"]), (&json!(1), &json!(true)));

    // Output of an older run lies about: that is not this commit's preview.
    std::fs::write(folder.join("wrangler-output-2026-01-02.json"), line(BASE)).unwrap();
    let answer = run(&mut wrangler());
    assert_eq!(answer.code, 2, "{}", answer.text());
    assert!(answer.stderr.contains("was made of 1111111"), "{}", answer.stderr);
    std::fs::write(folder.join("wrangler-output-2026-01-02.json"), "not json").unwrap();
    let answer = run(&mut wrangler());
    assert_eq!(answer.code, 2, "{}", answer.text());
    assert!(answer.stderr.contains("line 1 of wrangler's output"), "{}", answer.stderr);

    story.github.state().deployments.push(crate::support::github::Deployment {
        id: 900,
        sha: HEAD.into(),
        environment: "app".into(),
        statuses: vec![json!({ "state": "success", "environment_url": server.url() })],
    });
    let answer = run(mainguard(story.folder.path())
        .args(["preview", "--config", "mainguard.yml", "--number", "7", "--sha", HEAD, "--deadline", "3"])
        .args(["--allow-private", "--from", "github"])
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_REPOSITORY", REPOSITORY)
        .env("GITHUB_API_URL", story.github.url())
        .env("GITHUB_TOKEN", TOKEN));
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert!(answer.stdout.contains("(a deployment)"), "{}", answer.stdout);
}

/// A host that deploys by itself tells GitHub, and GitHub tells us.
#[test]
fn a_deployment_of_somebody_else_wakes_us() {
    let server = healthy();
    let story = Story::new(ROOT);
    let woken = || {
        let event = json!({ "action": "created", "deployment_status": { "state": "success" }, "deployment": { "sha": HEAD },
            "repository": { "full_name": REPOSITORY } });
        std::fs::write(story.folder.path().join("event.json"), event.to_string()).unwrap();
        run(mainguard(story.folder.path())
            .args(["preview", "--config", "mainguard.yml", "--deadline", "3", "--allow-private"])
            .args(["--from", "github", "--publish"])
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_EVENT_NAME", "deployment_status")
            .env("GITHUB_EVENT_PATH", story.folder.path().join("event.json"))
            .env("GITHUB_API_URL", story.github.url())
            .env("GITHUB_TOKEN", TOKEN))
    };
    let answer = woken();
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert!(answer.stderr.contains("no open pull request stands at"), "{}", answer.stderr);
    {
        let mut state = story.github.state();
        let pull = state.pulls[&7].clone();
        state.pulls_of_commit.insert(HEAD.into(), vec![pull]);
        state.deployments.push(crate::support::github::Deployment {
            id: 900,
            sha: HEAD.into(),
            environment: "app".into(),
            statuses: vec![json!({ "state": "success", "environment_url": server.url() })],
        });
    }
    let answer = woken();
    assert_eq!(answer.code, 0, "{}", answer.text());
    let state = story.github.state();
    assert!(state.comments[0].issue == 7 && state.comments[0].body.contains("is healthy"), "{:?}", state.comments);
}

#[test]
fn cloudflare_is_asked_when_it_is_to_be() {
    let preview = healthy();
    let url = preview.url();
    let cloudflare = Server::start(move |_, path, stream| {
        assert_eq!(path, "/accounts/acc%2Fount/pages/projects/app/deployments?env=preview&per_page=25");
        let deployment =
            json!({ "url": url, "deployment_trigger": { "metadata": { "commit_hash": HEAD } }, "aliases": [] });
        say(stream, "200 OK", &[], &json!({ "success": true, "errors": [], "result": [deployment] }).to_string());
    });
    let story = Story::new(ROOT);
    let ask = || {
        let mut command = mainguard(story.folder.path());
        command
            .args(["preview", "--config", "mainguard.yml", "--number", "7", "--sha", HEAD, "--deadline", "3"])
            .args(["--allow-private", "--from", "cloudflare"])
            .env("CLOUDFLARE_API_BASE_URL", cloudflare.url())
            .env_remove("CLOUDFLARE_API_TOKEN")
            .env("CLOUDFLARE_ACCOUNT_ID", "acc/ount");
        command
    };
    let answer = run(&mut ask());
    assert_eq!(answer.code, 2, "{}", answer.text());
    assert!(answer.stderr.contains("CLOUDFLARE_API_TOKEN"), "{}", answer.stderr);
    let answer = run(ask().env("CLOUDFLARE_API_TOKEN", "very-secret"));
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert!(answer.stdout.contains("(Cloudflare)"), "{}", answer.stdout);
    assert!(!answer.text().contains("very-secret"));
}

/// What a server says stands in a comment as words, whatever they are.
#[test]
fn a_hostile_server_speaks_to_nobody() {
    let server = Server::start(|_, _, stream| {
        say(stream, "200 OK", &["x-commit: @team </table> ![x](https://evil.example) ::error::x |"], "");
    });
    let story = Story::new(r#"[{path: /, expect: {header: {x-commit: "{sha}"}}}]"#);
    let answer = run(&mut story.preview(&server.url(), &["--allow-private", "--format", "markdown"]));
    assert_eq!(answer.code, 1, "{}", answer.text());
    let outside_code: String = answer.stdout.split('`').step_by(2).collect();
    for markup in ["@team", "</table>", "![x]"] {
        assert!(!outside_code.contains(markup), "{markup}: {}", answer.stdout);
    }
}

#[test]
fn what_a_preview_came_to_is_told_like_every_event() {
    let story = Story::new(ROOT);
    let server = healthy();
    std::fs::write(story.folder.path().join("event.json"), story.event("synchronize").to_string()).unwrap();
    let sink = crate::support::sink::Sink::healthy();
    let look = |url: &str| {
        let mut command = story.preview(url, &["--allow-private"]);
        command
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_EVENT_NAME", "pull_request")
            .env("GITHUB_EVENT_PATH", story.folder.path().join("event.json"))
            .env("GITHUB_REPOSITORY", REPOSITORY)
            .env("MAINGUARD_CDEVENTS_URL", format!("{}/ce", sink.url))
            .env("MAINGUARD_OUTBOX", story.folder.path().join("outbox"));
        run(&mut command)
    };
    assert_eq!(look(&server.url()).code, 0);
    assert_eq!(look(&server.url()).code, 0, "looked at again");
    let told: Vec<Value> = sink.received.lock().unwrap().iter().map(crate::support::sink::Received::json).collect();
    assert_eq!(told.len(), 2);
    assert_eq!(told[0]["context"]["id"], told[1]["context"]["id"], "the same preview is the same event");
    let text = told[0].to_string();
    assert!(text.contains("environment.created") && text.contains(&server.url()), "{text}");
}
