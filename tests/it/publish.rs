//! Publishing: whatever GitHub shows, in the end it shows what is desired, and then it is left alone.

use http::Method;
use mainguard::change::CommitId;
use mainguard::github::client::{Client, Mode, Patience};
use mainguard::github::comments::{self, Create};
use mainguard::github::publish::{
    Annotation, AnnotationLevel, CheckRun, Conclusion, Desired, Options, Published, publish,
};
use mainguard::github::{Repository, Token};
use mainguard::label::{LabelSpec, OwnedLabel};
use serde_json::{Value, json};

use crate::support::github::{Access, CheckRun as FakeRun, FakeGitHub, Fault, Label, REPOSITORY, Recorded, TOKEN};

const BASE: &str = "1111111111111111111111111111111111111111";
const HEAD: &str = "2222222222222222222222222222222222222222";

fn github() -> FakeGitHub {
    let github = FakeGitHub::start();
    github.open_pull_request(7, BASE, HEAD);
    github
}

fn client(github: &FakeGitHub, mode: Mode) -> Client {
    let patience = Patience { sleep: Box::new(|_| ()), ..Patience::default() };
    Client::new(&github.url(), Token::new(TOKEN).as_ref(), mode, patience).unwrap()
}

fn run(github: &FakeGitHub, desired: &Desired) -> Published {
    publish(&client(github, Mode::Live), &Repository::parse(REPOSITORY).unwrap(), desired, &Options::default())
}

fn size(name: &str) -> OwnedLabel {
    OwnedLabel {
        family: ["size/XS", "size/S", "size/M", "size/L", "size/XL"].map(String::from).to_vec(),
        wanted: LabelSpec { name: name.into(), color: "5ebf6b".into(), description: "🐰 200 to 499 lines".into() },
    }
}

fn annotation(line: u32) -> Annotation {
    Annotation {
        path: "src/refunds.rs".into(),
        start_line: line,
        end_line: line,
        start_column: Some(3),
        end_column: Some(9),
        level: AnnotationLevel::Failure,
        title: "contracts/required".into(),
        message: "`currency` became required\n@team ::error::%0A </details>".into(),
    }
}

fn desired() -> Desired {
    Desired {
        pull_request: Some(7),
        head: CommitId::parse(HEAD).unwrap(),
        comment: Some("**blocked**: one finding".into()),
        create_comment: Create::Always,
        labels: vec![size("size/M")],
        check: Some(CheckRun {
            name: "mainguard".into(),
            title: "blocked".into(),
            summary: "One finding blocks.".into(),
            conclusion: Conclusion::Failure,
            annotations: vec![annotation(4)],
        }),
    }
}

#[test]
fn the_first_run_writes_and_the_second_is_silent() {
    let github = github();
    let published = run(&github, &desired());
    insta::assert_snapshot!(published, @r"
    comment: created
    label `size/M`: added
    check `mainguard`: created
    ");
    insta::assert_snapshot!(github.writes().join("\n"), @r"
    POST /repos/octo/repo/issues/7/comments 201
    POST /repos/octo/repo/labels 201
    POST /repos/octo/repo/issues/7/labels 200
    POST /repos/octo/repo/check-runs 201
    ");
    github.forget_requests();
    let published = run(&github, &desired());
    insta::assert_snapshot!(published, @r"
    comment: unchanged
    label `size/M`: unchanged
    check `mainguard`: unchanged
    ");
    assert_eq!(github.writes(), [""; 0]);
    let state = github.state();
    assert_eq!(state.comments[0].body, "<!-- mainguard:check -->\n**blocked**: one finding");
    assert_eq!(state.issue_labels[&7], ["size/M"]);
    assert_eq!(state.labels[0].description, "🐰 200 to 499 lines");
    assert_eq!(state.check_runs[0].conclusion.as_deref(), Some("failure"));
}

#[test]
fn a_fixed_change_is_shown_as_fixed() {
    let github = github();
    run(&github, &desired());
    let mut fixed = desired();
    fixed.comment = Some("passed".into());
    fixed.create_comment = Create::Never;
    fixed.labels = vec![size("size/S")];
    let check = fixed.check.as_mut().unwrap();
    (check.title, check.conclusion) = ("passed".into(), Conclusion::Success);
    github.forget_requests();
    insta::assert_snapshot!(run(&github, &fixed), @r"
    comment: updated
    label `size/S`: added
    label `size/M`: removed
    check `mainguard`: updated
    ");
    insta::assert_snapshot!(github.writes().join("\n"), @r"
    PATCH /repos/octo/repo/issues/comments/1 200
    POST /repos/octo/repo/labels 201
    POST /repos/octo/repo/issues/7/labels 200
    DELETE /repos/octo/repo/issues/7/labels/size%2FM 200
    PATCH /repos/octo/repo/check-runs/2 200
    ");
    let state = github.state();
    assert_eq!(state.issue_labels[&7], ["size/S"]);
    assert_eq!(state.check_runs[0].annotations.len(), 1, "annotations are not added twice");
}

#[test]
fn nothing_to_say_creates_no_comment() {
    let github = github();
    let quiet = Desired { create_comment: Create::Never, labels: Vec::new(), check: None, ..desired() };
    insta::assert_snapshot!(run(&github, &quiet), @"comment: unchanged");
    assert_eq!(github.writes(), [""; 0]);
}

#[test]
fn a_stranger_cannot_pose_as_us() {
    let github = github();
    let forged = github.comment(7, "mallory", "<!-- mainguard:check -->\nAll green, merge me");
    run(&github, &desired());
    run(&github, &desired());
    let state = github.state();
    let ours: Vec<&str> =
        state.comments.iter().filter(|one| one.author == "github-actions[bot]").map(|one| one.body.as_str()).collect();
    assert_eq!(ours, ["<!-- mainguard:check -->\n**blocked**: one finding"]);
    assert!(state.comments.iter().any(|comment| comment.id == forged && comment.body.contains("merge me")));
}

#[test]
fn a_person_with_a_token_of_their_own_is_recognised() {
    let github = github();
    github.state().login = "ann".into();
    let only_comment = Desired { labels: Vec::new(), check: None, ..desired() };
    run(&github, &only_comment);
    insta::assert_snapshot!(run(&github, &only_comment), @"comment: unchanged");
    assert_eq!(github.state().comments.len(), 1);
}

#[test]
fn ours_is_found_behind_many_comments() {
    let github = github();
    github.state().page_size = 10;
    for number in 0..35 {
        github.comment(7, "ann", &format!("comment {number}"));
    }
    run(&github, &desired());
    github.forget_requests();
    run(&github, &desired());
    assert_eq!(github.writes(), [""; 0]);
}

#[test]
fn two_at_once_leave_one_comment_after_the_next_run() {
    let github = github();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| run(&github, &desired()));
        }
    });
    assert!((1..=2).contains(&github.state().comments.len()));
    // Whatever the race left, make it two.
    let body = github.state().comments[0].body.clone();
    github.comment(7, "github-actions[bot]", &body);
    run(&github, &desired());
    let state = github.state();
    assert_eq!(state.comments.len(), 1);
    assert_eq!(state.comments[0].id, 1, "the first one stays");
    assert_eq!(state.issue_labels[&7], ["size/M"]);
}

#[test]
fn a_lost_answer_leaves_no_second_comment_and_no_second_check() {
    let github = github();
    github.fail(Method::POST, "/comments", Fault::DoneBut(502));
    github.fail(Method::POST, "/check-runs", Fault::DoneButClose);
    github.fail(Method::POST, "/repo/labels", Fault::DoneButClose);
    let published = run(&github, &desired());
    assert!(published.is_complete(), "{published}");
    let state = github.state();
    assert_eq!((state.comments.len(), state.check_runs.len(), state.labels.len()), (1, 1, 1));
}

#[test]
fn a_refused_comment_is_tried_once_more() {
    let github = github();
    github.fail(Method::POST, "/comments", Fault::Status(502));
    assert!(run(&github, &desired()).is_complete());
    assert_eq!(github.state().comments.len(), 1);
}

#[test]
fn the_token_of_a_fork_can_only_read_and_says_so() {
    let github = github();
    github.state().access = Access::Read;
    let published = run(&github, &desired());
    assert!(!published.is_complete());
    insta::assert_snapshot!(published, @r"
    comment: not published: GitHub refuses `POST /repos/octo/repo/issues/7/comments`: Resource not accessible by integration
      hint: the workflow needs `permissions: pull-requests: write`; on a pull request from a fork the token can only read
    label `size/M`: not published: GitHub refuses `POST /repos/octo/repo/labels`: Resource not accessible by integration
      hint: the workflow needs `permissions: pull-requests: write`; on a pull request from a fork the token can only read
    check `mainguard`: not published: GitHub refuses `POST /repos/octo/repo/check-runs`: Resource not accessible by integration
      hint: the workflow needs `permissions: checks: write`; on a pull request from a fork the token can only read
    ");
}

#[test]
fn a_person_cannot_write_checks_and_the_rest_goes_on() {
    let github = github();
    github.state().login = "ann".into();
    insta::assert_snapshot!(run(&github, &desired()), @r"
    comment: created
    label `size/M`: added
    check `mainguard`: not published: GitHub refuses `POST /repos/octo/repo/check-runs`: You must authenticate via a GitHub App.
      hint: only an app may do this: in a workflow use `${{ github.token }}`, not a token of a person
    ");
}

#[test]
fn a_network_outage_is_not_tried_part_by_part() {
    let url = { github().url() };
    let patience = Patience { sleep: Box::new(|_| ()), ..Patience::default() };
    let client = Client::new(&url, Token::new(TOKEN).as_ref(), Mode::Live, patience).unwrap();
    let published = publish(&client, &Repository::parse(REPOSITORY).unwrap(), &desired(), &Options::default());
    let lines: Vec<String> = published.to_string().lines().map(str::to_string).collect();
    assert!(lines[0].starts_with("comment: not published: no answer from GitHub"), "{published}");
    assert_eq!(lines[2], "label `size/M`: not published: not tried, because GitHub could not be reached");
    assert_eq!(lines[3], "check `mainguard`: not published: not tried, because GitHub could not be reached");
}

#[test]
fn a_dry_run_shows_the_requests_and_sends_none() {
    let github = github();
    github.comment(7, "mallory", "<!-- mainguard:check -->");
    github.state().issue_labels.insert(7, vec!["size/XL".into()]);
    let mut desired = desired();
    desired.check.as_mut().unwrap().annotations = (1..=51).map(annotation).collect();
    let client = client(&github, Mode::DryRun);
    let published = publish(&client, &Repository::parse(REPOSITORY).unwrap(), &desired, &Options::default());
    assert!(published.is_complete(), "{published}");
    assert_eq!(github.writes(), [""; 0]);
    let planned = client.planned();
    let lines: Vec<String> = planned.iter().map(|one| format!("{} {}", one.method, one.path)).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    POST /repos/octo/repo/issues/7/comments
    POST /repos/octo/repo/labels
    POST /repos/octo/repo/issues/7/labels
    DELETE /repos/octo/repo/issues/7/labels/size%2FXL
    POST /repos/octo/repo/check-runs
    PATCH /repos/octo/repo/check-runs/{check_run_id}
    ");
    insta::assert_snapshot!(planned[1], @r#"
    POST /repos/octo/repo/labels
    {
      "name": "size/M",
      "color": "5ebf6b",
      "description": "🐰 200 to 499 lines"
    }
    "#);
}

#[test]
fn annotations_travel_in_batches_and_the_last_one_concludes() {
    let github = github();
    let mut many = desired();
    many.check.as_mut().unwrap().annotations = (1..=120).map(annotation).collect();
    run(&github, &many);
    let sent: Vec<(usize, Value, Value)> = github
        .requests()
        .iter()
        .filter(|request| request.is_write() && request.path.contains("check-runs"))
        .filter_map(|request| request.body.clone())
        .map(|body| {
            let count = body["output"]["annotations"].as_array().map_or(0, Vec::len);
            (count, body["status"].clone(), body["conclusion"].clone())
        })
        .collect();
    let (running, completed) = (json!("in_progress"), json!("completed"));
    assert_eq!(
        sent,
        [(50, running.clone(), Value::Null), (50, running, Value::Null), (20, completed, json!("failure"))]
    );
    github.forget_requests();
    run(&github, &many);
    assert_eq!(github.writes(), [""; 0]);
}

#[test]
fn a_half_published_check_is_never_taken_for_whole() {
    let github = github();
    let mut many = desired();
    many.check.as_mut().unwrap().annotations = (1..=60).map(annotation).collect();
    for _ in 0..2 {
        github.fail(Method::PATCH, "/check-runs/2", Fault::Status(500));
    }
    run(&github, &many);
    run(&github, &many);
    let state = github.state();
    let last = state.check_runs.last().unwrap();
    assert_eq!((last.status.as_str(), last.annotations.len()), ("completed", 60));
}

#[test]
fn a_job_of_the_same_name_is_left_alone() {
    let github = github();
    let job = FakeRun {
        id: 900,
        head_sha: HEAD.into(),
        name: "mainguard".into(),
        external_id: "b8f0c7de-job".into(),
        status: "in_progress".into(),
        conclusion: None,
        title: String::new(),
        summary: String::new(),
        annotations: Vec::new(),
        owner: "github-actions[bot]".into(),
    };
    github.state().check_runs.push(job.clone());
    run(&github, &desired());
    run(&github, &desired());
    let state = github.state();
    assert_eq!(state.check_runs.len(), 2);
    assert_eq!(state.check_runs[0], job);
}

#[test]
fn people_may_recolour_a_label() {
    let github = github();
    let recoloured = Label { name: "SIZE/m".into(), color: "ff0000".into(), description: "ours".into() };
    github.state().labels.push(recoloured.clone());
    run(&github, &desired());
    let state = github.state();
    assert_eq!(state.labels, [recoloured]);
    assert_eq!(state.issue_labels[&7], ["SIZE/m"]);
}

#[test]
fn a_label_created_by_another_at_this_moment_is_fine() {
    let github = github();
    github.state().labels.push(Label { name: "size/M".into(), color: "5ebf6b".into(), description: String::new() });
    github.fail(Method::GET, "/labels/size%2FM", Fault::Status(404));
    assert!(run(&github, &desired()).is_complete());
    assert!(github.writes().contains(&"POST /repos/octo/repo/labels 422".to_string()));
    assert_eq!(github.state().issue_labels[&7], ["size/M"]);
}

#[test]
fn hostile_text_is_bounded_or_passed_on_and_never_a_crash() {
    let github = github();
    let evil = "\u{202e}</details> @team ::error::%0A <!-- --> \u{0}\u{1b}[31m";
    let mut desired = desired();
    desired.comment = Some(format!("{evil}{}", "🐘".repeat(60_000)));
    desired.labels = vec![OwnedLabel {
        family: vec![evil.repeat(9)],
        wanted: LabelSpec {
            name: format!("?#/..%2f{}", "ä".repeat(99)),
            color: evil.into(),
            description: evil.repeat(99),
        },
    }];
    let check = desired.check.as_mut().unwrap();
    check.name = evil.repeat(99);
    check.title = evil.repeat(99);
    check.summary = evil.repeat(9_999);
    check.annotations = vec![Annotation { message: evil.repeat(9_999), title: evil.repeat(99), ..annotation(1) }];
    let published = run(&github, &desired);
    assert!(published.is_complete(), "{published}");
    assert!(!published.to_string().contains(['\u{202e}', '\u{1b}', '\0']));
    github.forget_requests();
    run(&github, &desired);
    assert_eq!(github.writes(), [""; 0]);
}

#[test]
fn a_comment_that_is_too_long_is_not_sent() {
    let github = github();
    let fits = Desired { comment: Some("x".repeat(comments::room("check"))), labels: vec![], check: None, ..desired() };
    assert!(run(&github, &fits).is_complete());
    let long = Desired { comment: Some("x".repeat(comments::room("check") + 3)), ..fits };
    insta::assert_snapshot!(run(&github, &long), @"comment: not published: it has 3 characters too many");
}

#[test]
fn every_write_obeys_githubs_own_description() {
    let Some(path) = std::env::var_os("MAINGUARD_GITHUB_OPENAPI") else {
        eprintln!("skipped: MAINGUARD_GITHUB_OPENAPI does not name GitHub's OpenAPI document");
        return;
    };
    let document: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let github = github();
    github.comment(7, "github-actions[bot]", "<!-- mainguard:check -->\nfirst");
    github.comment(7, "github-actions[bot]", "<!-- mainguard:check -->\nsecond");
    github.state().issue_labels.insert(7, vec!["size/XL".into()]);
    let mut many = desired();
    let annotations = &mut many.check.as_mut().unwrap().annotations;
    *annotations = (1..=120).map(annotation).collect();
    annotations.push(Annotation { end_line: 9, title: String::new(), ..annotation(3) });
    run(&github, &many);
    run(&github, &Desired { pull_request: None, comment: None, labels: vec![], ..desired() });
    let fresh = self::github();
    run(&fresh, &desired());
    run(
        &fresh,
        &Desired { check: desired().check.map(|check| CheckRun { title: "again".into(), ..check }), ..desired() },
    );
    let requests = [github.requests(), fresh.requests()].concat();
    let mut operations: Vec<String> = requests.iter().map(|request| obeys(&document, request).unwrap()).collect();
    operations.sort();
    operations.dedup();
    let is_check_run = |request: &&Recorded| request.is_write() && request.path.ends_with("/check-runs");
    referee_is_awake(&document, fresh.requests().iter().find(is_check_run).unwrap());
    insta::assert_snapshot!(operations.join("\n"), @r"
    delete /repos/{owner}/{repo}/issues/comments/{comment_id}
    delete /repos/{owner}/{repo}/issues/{issue_number}/labels/{name}
    get /repos/{owner}/{repo}/commits/{ref}/check-runs
    get /repos/{owner}/{repo}/issues/{issue_number}/comments
    get /repos/{owner}/{repo}/issues/{issue_number}/labels
    get /repos/{owner}/{repo}/labels/{name}
    get /user
    patch /repos/{owner}/{repo}/check-runs/{check_run_id}
    patch /repos/{owner}/{repo}/issues/comments/{comment_id}
    post /graphql (not part of the REST description)
    post /repos/{owner}/{repo}/check-runs
    post /repos/{owner}/{repo}/issues/{issue_number}/comments
    post /repos/{owner}/{repo}/issues/{issue_number}/labels
    post /repos/{owner}/{repo}/labels
    ");
}

/// The referee sees what it should: each of these changes to a good request is a foul.
fn referee_is_awake(document: &Value, check_run: &Recorded) {
    let foul = |change: &dyn Fn(&mut Recorded)| {
        let mut request = check_run.clone();
        change(&mut request);
        obeys(document, &request).unwrap_err()
    };
    let body = |request: &mut Recorded, pointer: &str, value: Value| {
        *request.body.as_mut().unwrap().pointer_mut(pointer).unwrap() = value;
    };
    foul(&|request| body(request, "/conclusion", json!("bad")));
    foul(&|request| body(request, "/output/annotations/0/start_line", json!("4")));
    foul(&|request| request.body.as_mut().unwrap()["colour"] = json!("red"));
    foul(&|request| request.body = None);
    foul(&|request| request.path.push('s'));
    foul(&|request| request.query = "page=1".into());
    foul(&|request| request.method = Method::DELETE);
}

/// The operation that the request belongs to, or how it disobeys its description.
pub(crate) fn obeys(document: &Value, request: &Recorded) -> Result<String, String> {
    let asked: Vec<&str> = request.path.split('/').collect();
    let method = request.method.as_str().to_lowercase();
    if request.path == "/graphql" {
        return Ok("post /graphql (not part of the REST description)".into());
    }
    let fits = |template: &str| {
        let parts: Vec<&str> = template.split('/').collect();
        let fits = |(part, asked): (&&str, &&str)| part.starts_with('{') || part == asked;
        parts.len() == asked.len() && parts.iter().zip(&asked).all(fits)
    };
    let literals = |template: &String| template.split('/').filter(|part| !part.starts_with('{')).count();
    let paths = document["paths"].as_object().unwrap();
    let template = paths.keys().filter(|template| fits(template)).max_by_key(|template| literals(template));
    let template = template.ok_or_else(|| format!("no such path: {}", request.line()))?;
    let operation = &paths[template][&method];
    let name = format!("{method} {template}");
    if !operation.is_object() {
        return Err(format!("no such operation: {name}"));
    }
    let parameters = operation["parameters"].as_array().into_iter().flatten().map(|one| follow(document, one));
    let parameters: Vec<&Value> = parameters.filter(|one| one["in"] == "query").map(|one| &one["name"]).collect();
    for pair in request.query.split('&').filter(|pair| !pair.is_empty()) {
        let parameter = pair.split('=').next().unwrap();
        if !parameters.iter().any(|known| *known == parameter) {
            return Err(format!("{name} has no query parameter `{parameter}`"));
        }
    }
    let described = follow(document, &operation["requestBody"]);
    let mut schema = described["content"]["application/json"]["schema"].clone();
    let Some(body) = &request.body else {
        return if described["required"] == true { Err(format!("{name} needs a body")) } else { Ok(name) };
    };
    if !schema.is_object() {
        return Err(format!("{name} takes no body"));
    }
    let mut known: Vec<&Value> = vec![&schema["properties"]];
    known.extend(schema["oneOf"].as_array().into_iter().flatten().map(|one| &one["properties"]));
    for key in body.as_object().unwrap().keys() {
        if !known.iter().any(|properties| properties.get(key).is_some()) {
            return Err(format!("{name} knows no `{key}`"));
        }
    }
    if mentions_reference(&schema) {
        // The document's definitions come along, so that references inside the schema lead somewhere.
        schema["components"] = document["components"].clone();
    }
    let validator = jsonschema::validator_for(&schema).unwrap();
    match validator
        .iter_errors(body)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .reduce(|a, b| a + "; " + &b)
    {
        Some(problems) => Err(format!("{name}: {problems}")),
        None => Ok(name),
    }
}

fn follow<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

fn mentions_reference(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.contains_key("$ref") || map.values().any(mentions_reference),
        Value::Array(items) => items.iter().any(mentions_reference),
        _ => false,
    }
}
