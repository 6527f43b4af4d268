//! Asking GitHub: payloads as GitHub sends them, and a client that is patient within bounds.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;
use mainguard::change::CommitId;
use mainguard::github::client::{Client, Mode, Patience, Repeat};
use mainguard::github::{Error, Repository, Token, payload, pulls};
use serde_json::{Value, json};

use crate::support::github::{Access, FakeGitHub, Fault, REPOSITORY, TOKEN};

const BASE: &str = "1111111111111111111111111111111111111111";
const HEAD: &str = "2222222222222222222222222222222222222222";

fn shared() -> PathBuf {
    match std::env::var_os("MAINGUARD_SHARED") {
        Some(path) => path.into(),
        None => concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").into(),
    }
}

fn repository() -> Repository {
    Repository::parse(REPOSITORY).unwrap()
}

/// The waits a client asked for.
type Waits = Arc<Mutex<Vec<u64>>>;

/// Tries as often as in earnest, but does not wait.
fn patience(waits: &Waits) -> Patience {
    let waits = Arc::clone(waits);
    let sleep = Box::new(move |pause: Duration| waits.lock().unwrap().push(pause.as_secs()));
    Patience { sleep, ..Patience::default() }
}

fn client(github: &FakeGitHub) -> (Client, Waits) {
    let waits = Waits::default();
    let client = Client::new(&github.url(), Token::new(TOKEN).as_ref(), Mode::Live, patience(&waits)).unwrap();
    (client, waits)
}

fn waits(waits: &Waits) -> Vec<u64> {
    waits.lock().unwrap().clone()
}

/// A repository with one pull request, number 7.
fn github() -> FakeGitHub {
    let github = FakeGitHub::start();
    github.open_pull_request(7, BASE, HEAD);
    github
}

#[test]
fn every_payload_that_github_publishes_can_be_read() {
    let folder = shared().join("github-webhooks");
    let Ok(index) = std::fs::read(folder.join("index.json")) else {
        eprintln!("skipped: {} is absent", folder.display());
        return;
    };
    let index: Value = serde_json::from_slice(&index).unwrap();
    let mut facts = Vec::new();
    let mut files = 0;
    for entry in index.as_array().unwrap() {
        let (file, name) = (entry["file"].as_str().unwrap(), entry["event"].as_str().unwrap());
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let event = payload::parse(name, &bytes).unwrap_or_else(|error| panic!("{file}: {error}"));
        files += 1;
        if event.base.is_none() && event.head.is_none() && event.pull_number.is_none() {
            continue;
        }
        let short = |id: &Option<CommitId>| id.as_ref().map_or("none".to_string(), |id| id.short().to_string());
        let people = event.pull.as_ref().map(|pull| {
            let said = &pull.pull_request;
            let labels: Vec<&str> = said.labels.iter().map(|label| label.name.as_str()).collect();
            let open = if pull.open { "open" } else { "closed" };
            let draft = if said.draft { " draft" } else { "" };
            let fork = if said.from_fork { " fork" } else { "" };
            format!(
                " {:?} by {} {}<-{} {open}{draft}{fork} {labels:?}",
                said.title, said.author, said.base_ref, said.head_ref
            )
        });
        facts.push(format!(
            "{file}: {} #{} {}..{}{}{}",
            event.repository.map_or("none".into(), |repository| repository.to_string()),
            event.pull_number.unwrap_or(0),
            short(&event.base),
            short(&event.head),
            event.reference.map(|reference| format!(" {reference}")).unwrap_or_default(),
            people.unwrap_or_default(),
        ));
    }
    assert!(files >= 40, "only {files} payloads");
    insta::assert_snapshot!(facts.join("\n"));
}

#[test]
fn a_request_says_who_asks_and_for_which_version() {
    let github = github();
    let (client, _) = client(&github);
    pulls::get(&client, &repository(), 7).unwrap();
    let request = github.requests().remove(0);
    let header = |name: &str| {
        let all: Vec<&str> = request.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
        all.join(" + ")
    };
    assert_eq!(header("user-agent"), concat!("mainguard/", env!("CARGO_PKG_VERSION"), " + octocrab"));
    assert_eq!(header("x-github-api-version"), "2022-11-28");
    assert_eq!(header("accept"), "application/vnd.github+json");
    assert_eq!(header("authorization"), format!("Bearer {TOKEN}"));
}

#[test]
fn an_enterprise_server_lives_below_a_path() {
    let github = github();
    let base = format!("{}/api/v3/", github.url());
    let client = Client::new(&base, Token::new(TOKEN).as_ref(), Mode::Live, Patience::default()).unwrap();
    assert!(matches!(pulls::get(&client, &repository(), 7), Err(Error::NotFound { .. })));
    let _ = client.query("query { viewer { login } }");
    let paths: Vec<String> = github.requests().iter().map(|request| request.path.clone()).collect();
    assert_eq!(paths, ["/api/v3/repos/octo/repo/pulls/7", "/api/graphql"]);
}

#[test]
fn a_stumbling_server_is_asked_again() {
    let github = github();
    let (client, waited) = client(&github);
    for fault in [Fault::Status(502), Fault::Close, Fault::Status(500)] {
        github.fail(Method::GET, "/pulls/7", fault);
    }
    assert_eq!(pulls::get(&client, &repository(), 7).unwrap().head.as_str(), HEAD);
    assert_eq!(waits(&waited), [1, 3, 9]);
}

#[test]
fn a_server_that_stays_down_is_an_error_in_the_end() {
    let github = github();
    let (client, waited) = client(&github);
    for _ in 0..4 {
        github.fail(Method::GET, "/pulls/7", Fault::Status(503));
    }
    let error = pulls::get(&client, &repository(), 7).unwrap_err();
    assert_eq!(error.to_string(), "GitHub answers `GET /repos/octo/repo/pulls/7` with status 503");
    assert!(error.hint().unwrap().contains("githubstatus.com"));
    assert_eq!((github.requests().len(), waits(&waited)), (4, vec![1, 3, 9]));
}

#[test]
fn a_write_that_may_have_come_through_is_not_sent_again() {
    let github = github();
    let (client, waited) = client(&github);
    github.fail(Method::POST, "/comments", Fault::DoneBut(502));
    let path = "/repos/octo/repo/issues/7/comments";
    let error = client.write(Method::POST, path, Some(json!({ "body": "x" })), Repeat::Doubles).unwrap_err();
    assert!(error.is_ambiguous(), "{error}");
    assert_eq!((github.state().comments.len(), waits(&waited)), (1, vec![]));
}

#[test]
fn a_refused_write_is_sent_again_when_the_rate_allows() {
    let github = github();
    let (client, waited) = client(&github);
    github.fail(Method::POST, "/comments", Fault::SecondaryLimit(7));
    github.fail(Method::POST, "/comments", Fault::PrimaryLimit(20));
    let path = "/repos/octo/repo/issues/7/comments";
    client.write(Method::POST, path, Some(json!({ "body": "x" })), Repeat::Doubles).unwrap();
    assert_eq!(github.state().comments.len(), 1);
    let [secondary, primary] = waits(&waited)[..] else { panic!("{waited:?}") };
    // The reset has no fractions of a second, so a second may have begun in between.
    assert!(secondary == 7 && (19..=22).contains(&primary), "{secondary} {primary}");
}

#[test]
fn a_long_wait_is_refused_with_its_end() {
    let github = github();
    let (client, waited) = client(&github);
    github.fail(Method::GET, "/pulls/7", Fault::PrimaryLimit(3000));
    let error = pulls::get(&client, &repository(), 7).unwrap_err();
    assert!(matches!(error, Error::RateLimited { until: Some(_), .. }), "{error}");
    assert!(error.to_string().contains("; it resets at 2"), "{error}");
    assert_eq!(waits(&waited), [0; 0]);
}

#[test]
fn waiting_ends_with_the_budget() {
    let github = github();
    let waited = Waits::default();
    let patience = Patience { total: Duration::from_secs(10), ..patience(&waited) };
    let client = Client::new(&github.url(), Token::new(TOKEN).as_ref(), Mode::Live, patience).unwrap();
    for _ in 0..4 {
        github.fail(Method::GET, "/pulls/7", Fault::Status(500));
    }
    // One and three seconds fit into ten, nine more do not.
    assert!(matches!(pulls::get(&client, &repository(), 7), Err(Error::Server { .. })));
    assert_eq!(waits(&waited), [1, 3]);
}

#[test]
fn silence_is_not_waited_out() {
    let github = github();
    let waited = Waits::default();
    let patience = Patience { request_timeout: Duration::from_millis(200), backoff: Vec::new(), ..patience(&waited) };
    let client = Client::new(&github.url(), Token::new(TOKEN).as_ref(), Mode::Live, patience).unwrap();
    github.fail(Method::GET, "/pulls/7", Fault::Hang);
    let error = pulls::get(&client, &repository(), 7).unwrap_err();
    insta::assert_snapshot!(error, @"no answer from GitHub to `GET /repos/octo/repo/pulls/7`: nothing within 0.2 seconds");
}

#[test]
fn nobody_listening_is_a_network_error() {
    let url = github().url();
    let waited = Waits::default();
    let client = Client::new(&url, Token::new(TOKEN).as_ref(), Mode::Live, patience(&waited)).unwrap();
    let error = pulls::get(&client, &repository(), 7).unwrap_err();
    assert!(matches!(error, Error::Network { .. }) && error.is_outage(), "{error}");
    assert_eq!(waits(&waited), [1, 3, 9]);
}

#[test]
fn an_endless_answer_and_garbage_are_errors() {
    let github = github();
    github.comment(7, "ann", &"x".repeat(5_000));
    let waited = Waits::default();
    let patience = Patience { max_body_bytes: 1_000, ..patience(&waited) };
    let client = Client::new(&github.url(), Token::new(TOKEN).as_ref(), Mode::Live, patience).unwrap();
    let path = "/repos/octo/repo/issues/7/comments?per_page=100";
    let error = client.get::<Value>(path).unwrap_err();
    insta::assert_snapshot!(error, @"GitHub's answer to `GET /repos/octo/repo/issues/7/comments` is longer than 1000 bytes");
    github.fail(Method::GET, "/pulls/7", Fault::Garbage);
    let error = pulls::get(&client, &repository(), 7).unwrap_err();
    insta::assert_snapshot!(error, @"GitHub's answer to `GET /repos/octo/repo/pulls/7` cannot be read: expected value at line 1 column 1");
}

#[test]
fn lists_are_read_to_their_end_and_no_further_than_agreed() {
    let github = github();
    for number in 0..25 {
        github.comment(7, "ann", &format!("comment {number}"));
    }
    github.state().page_size = 10;
    let path = "/repos/octo/repo/issues/7/comments?per_page=100";
    let pages = client(&github).0.get_pages::<Vec<Value>, _>(path, |page| page).unwrap();
    assert_eq!((pages.items.len(), pages.complete), (25, true));
    let few = Patience { max_pages: 2, ..Patience::default() };
    let client = Client::new(&github.url(), Token::new(TOKEN).as_ref(), Mode::Live, few).unwrap();
    let pages = client.get_pages::<Vec<Value>, _>(path, |page| page).unwrap();
    assert_eq!((pages.items.len(), pages.complete), (20, false));
}

#[test]
fn what_did_not_change_is_not_sent_again() {
    let github = github();
    let (client, _) = client(&github);
    for _ in 0..2 {
        assert_eq!(pulls::get(&client, &repository(), 7).unwrap().pull_request.title, "Add refunds");
    }
    github.state().pulls.get_mut(&7).unwrap()["title"] = json!("Add all refunds");
    assert_eq!(pulls::get(&client, &repository(), 7).unwrap().pull_request.title, "Add all refunds");
    let statuses: Vec<u16> = github.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [200, 304, 200]);
}

#[test]
fn a_renamed_repository_is_found_and_another_server_gets_no_token() {
    let (here, there) = (github(), github());
    let renamed = Repository::parse("octo/old").unwrap();
    here.state().redirects.insert("/repos/octo/old/pulls/7".into(), format!("{}/repos/octo/repo/pulls/7", here.url()));
    assert_eq!(pulls::get(&client(&here).0, &renamed, 7).unwrap().pull_request.number, 7);

    here.state().redirects.insert("/repos/octo/old/pulls/8".into(), format!("{}/repos/octo/repo/pulls/7", there.url()));
    assert!(matches!(pulls::get(&client(&here).0, &renamed, 8), Err(Error::Unauthorized { .. })));
    let [request] = &there.requests()[..] else { panic!("one request follows") };
    assert_eq!(request.headers.get("authorization"), None);
}

#[test]
fn a_next_page_on_another_server_is_not_read() {
    let github = github();
    github.fail(Method::GET, "/comments", Fault::NextPageElsewhere);
    let path = "/repos/octo/repo/issues/7/comments?per_page=100";
    let error = client(&github).0.get_pages::<Vec<Value>, _>(path, |page| page).unwrap_err();
    insta::assert_snapshot!(error, @"GitHub's answer to `GET /repos/octo/repo/issues/7/comments` cannot be read: its next page is on another server");
}

#[test]
fn refusals_say_what_to_do() {
    let github = github();
    let (right, _) = client(&github);
    let url = github.url();
    let wrong = Client::new(&url, Token::new("ghp_wrong").as_ref(), Mode::Live, Patience::default()).unwrap();
    let anonymous = Client::new(&url, None, Mode::Live, Patience::default()).unwrap();
    github.state().access = Access::Read;
    let comment = |client: &Client, body: &str| {
        let path = "/repos/octo/repo/issues/7/comments";
        client.write(Method::POST, path, Some(json!({ "body": body })), Repeat::Doubles).unwrap_err()
    };
    let forbidden = comment(&right, "x");
    github.state().access = Access::Write;
    let errors = [
        pulls::get(&right, &repository(), 8).unwrap_err(),
        pulls::get(&wrong, &repository(), 7).unwrap_err(),
        pulls::get(&anonymous, &repository(), 7).unwrap_err(),
        forbidden,
        comment(&right, " "),
    ];
    let lines: Vec<String> =
        errors.iter().map(|error| format!("{error}\n  hint: {}", error.hint().unwrap_or_default())).collect();
    assert!(!lines.concat().contains("ghp_wrong") && !format!("{errors:?}").contains(TOKEN));
    insta::assert_snapshot!(lines.join("\n"), @r"
    GitHub does not find `GET /repos/octo/repo/pulls/8`
      hint: check the repository's name and number; a token without access to a private repository gets this answer too
    GitHub does not accept the token for `GET /repos/octo/repo/pulls/7`
      hint: set GITHUB_TOKEN; in a workflow: `${{ github.token }}`
    GitHub does not accept the token for `GET /repos/octo/repo/pulls/7`
      hint: set GITHUB_TOKEN; in a workflow: `${{ github.token }}`
    GitHub refuses `POST /repos/octo/repo/issues/7/comments`: Resource not accessible by integration
      hint: the workflow needs `permissions: pull-requests: write`; on a pull request from a fork the token can only read
    GitHub finds the content of `POST /repos/octo/repo/issues/7/comments` not valid: Validation Failed; body: invalid
      hint:
    ");
}

#[test]
fn who_approved_and_when_the_head_arrived() {
    let github = github();
    {
        let mut state = github.state();
        state.page_size = 2;
        state.issue_labels.insert(7, ["architect-approved", "size/M"].map(String::from).to_vec());
        let moved = |after: &str, at: &str| json!({ "ref": "refs/heads/refunds", "after": after, "timestamp": at });
        let moves = [
            moved(HEAD, "2026-03-01T10:00:00Z"),
            moved(BASE, "2026-03-01T09:00:00Z"),
            moved(HEAD, "2026-03-01T08:00:00Z"),
        ];
        state.activity.insert(REPOSITORY.into(), moves.to_vec());
    }
    github.label_event(7, "labeled", "architect-approved", "ann", "2026-03-01T07:00:00Z");
    github.label_event(7, "unlabeled", "architect-approved", "bob", "2026-03-01T08:00:00Z");
    github.label_event(7, "labeled", "Architect-Approved", "eve", "2026-03-01T11:00:00Z");
    let pull = pulls::load(&client(&github).0, &repository(), 7).unwrap();
    let label = pull.pull_request.label("architect-approved").unwrap();
    let applied = label.applied.as_ref().unwrap();
    assert_eq!((applied.by.as_str(), applied.at.to_rfc3339().as_str()), ("eve", "2026-03-01T11:00:00+00:00"));
    assert_eq!(pull.pull_request.label("size/M").unwrap().applied, None);
    let pushed_at = pull.pull_request.head.unwrap().pushed_at.unwrap();
    assert_eq!(pushed_at.to_rfc3339(), "2026-03-01T10:00:00+00:00");
    assert_eq!(pull.notices, [""; 0]);
}

#[test]
fn a_force_push_dates_the_head_where_the_log_is_closed() {
    let github = github();
    let pushed = json!({
        "id": 99, "event": "head_ref_force_pushed", "actor": { "login": "ann" },
        "created_at": "2026-03-01T12:00:00Z", "commit_id": HEAD,
    });
    github.state().events.insert(7, vec![pushed]);
    let pull = pulls::load(&client(&github).0, &repository(), 7).unwrap();
    let pushed_at = pull.pull_request.head.unwrap().pushed_at.unwrap();
    assert_eq!(pushed_at.to_rfc3339(), "2026-03-01T12:00:00+00:00");
}

#[test]
fn facts_that_cannot_be_read_are_told() {
    let github = github();
    github.state().issue_labels.insert(7, vec!["ok".into()]);
    github.fail(Method::GET, "/events", Fault::Status(404));
    let pull = pulls::load(&client(&github).0, &repository(), 7).unwrap();
    assert_eq!(pull.pull_request.labels[0].applied, None);
    insta::assert_snapshot!(
        pull.notices.join("\n"),
        @"who applied the labels is not known: GitHub does not find `GET /repos/octo/repo/issues/7/events`"
    );
}

#[test]
fn a_commit_leads_to_its_open_pull_requests() {
    let github = github();
    {
        let mut state = github.state();
        let open = state.pulls[&7].clone();
        let mut closed = open.clone();
        closed["number"] = json!(6);
        closed["state"] = json!("closed");
        state.pulls_of_commit.insert(HEAD.into(), vec![closed, open]);
    }
    let head = CommitId::parse(HEAD).unwrap();
    let pulls = pulls::of_commit(&client(&github).0, &repository(), &head).unwrap();
    assert_eq!(pulls.iter().map(|pull| pull.pull_request.number).collect::<Vec<_>>(), [7]);
}
