//! The hub's answers: REST and GraphQL over the facts, as strict as the real one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::response::Response;
use chrono::{DateTime, Utc};
use http::{HeaderMap, Method, header};
use regex::Regex;
use serde_json::{Value, json};

use super::{Check, Comment, Facts, Fault, ME, Pull, TOKEN};
use crate::support::github::{Recorded, percent_decode};
use crate::support::repo::git_command;

struct Reply {
    status: u16,
    body: Value,
    next: Option<usize>,
}

fn reply(status: u16, body: Value) -> Reply {
    Reply { status, body, next: None }
}

fn refused(status: u16, message: &str) -> Reply {
    reply(status, json!({ "message": message, "documentation_url": "https://docs.github.com/rest" }))
}

pub(super) async fn serve(
    Shared((shared, address)): Shared<(Arc<Mutex<Facts>>, SocketAddr)>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 24).await.unwrap_or_default();
    let (path, query) = (parts.uri.path().to_string(), parts.uri.query().unwrap_or_default().to_string());
    let json: Option<Value> = serde_json::from_slice(&bytes).ok();
    let mut facts = shared.lock().unwrap();
    let graph = json.as_ref().and_then(|body| body["query"].as_str()).unwrap_or_default().to_string();
    let place = format!("{path}?{graph}");
    if let Some((_, happens)) = facts.meanwhile.take_if(|(part, _)| place.contains(part.as_str())) {
        happens(&mut facts);
    }
    let fault =
        facts.faults.iter().position(|(method, part, _)| *method == parts.method && place.contains(part.as_str()));
    let fault = fault.map(|at| facts.faults.remove(at).2);
    let acts = matches!(fault, None | Some(Fault::DoneBut(_) | Fault::Truncated));
    let answer = match acts {
        true => match authorized(&parts.headers) {
            true => route(&mut facts, &parts.method, &path, &query, json.as_ref()),
            false => refused(401, "Bad credentials"),
        },
        false => refused(500, "Server Error"),
    };
    let mut builder = Response::builder().header(header::CONTENT_TYPE, "application/json; charset=utf-8");
    let date = facts.now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    builder = builder.header(header::DATE, date);
    if let Some(next) = answer.next {
        let kept: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("page=")).collect();
        let link = format!(r#"<http://{address}{path}?{}&page={next}>; rel="next""#, kept.join("&"));
        builder = builder.header(header::LINK, link);
    }
    let (status, text) = match fault {
        Some(Fault::Status(status) | Fault::DoneBut(status)) => (status, r#"{"message":"Server Error"}"#.to_string()),
        Some(Fault::PrimaryLimit(seconds)) => {
            let reset = facts.now.timestamp() + seconds;
            builder = builder.header("x-ratelimit-remaining", "0").header("x-ratelimit-reset", reset.to_string());
            (403, r#"{"message":"API rate limit exceeded"}"#.to_string())
        }
        Some(Fault::SecondaryLimit(seconds)) => {
            builder = builder.header("retry-after", seconds.to_string());
            (429, r#"{"message":"You have exceeded a secondary rate limit"}"#.to_string())
        }
        Some(Fault::Truncated) => {
            let text = answer.body.to_string();
            (200, text[..text.len() / 2].to_string())
        }
        None if answer.body.is_null() => (answer.status, String::new()),
        None => (answer.status, answer.body.to_string()),
    };
    facts.requests.push(Recorded { method: parts.method, path, query, headers: parts.headers, body: json, status });
    builder.status(status).body(Body::from(text)).unwrap()
}

fn authorized(headers: &HeaderMap) -> bool {
    headers.get(header::AUTHORIZATION).is_some_and(|value| value == &format!("Bearer {TOKEN}"))
}

fn route(facts: &mut Facts, method: &Method, path: &str, query: &str, body: Option<&Value>) -> Reply {
    let segments: Vec<String> = path.trim_start_matches('/').split('/').map(percent_decode).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (method.as_str(), segments.as_slice()) {
        ("GET", ["user"]) => return refused(403, "Resource not accessible by integration"),
        ("POST", ["graphql"]) => return graphql(facts, body),
        _ => {}
    }
    let ["repos", "octo", "repo", rest @ ..] = segments.as_slice() else { return refused(404, "Not Found") };
    let parameter = |name: &str| {
        query
            .split('&')
            .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
            .map(|(_, value)| percent_decode(value))
    };
    match (method.as_str(), rest) {
        ("GET", []) => reply(
            200,
            json!({ "full_name": "octo/repo", "default_branch": "main", "permissions": { "push": true, "admin": false } }),
        ),
        ("GET", ["rules", "branches", ..]) => reply(200, facts.rules.clone()),
        ("GET", ["labels", name]) => match facts.labels.contains(*name) {
            true => reply(200, json!({ "name": name, "color": "ededed" })),
            false => refused(404, "Not Found"),
        },
        ("GET", ["collaborators", login, "permission"]) => {
            let permission = facts.permissions.get(*login).copied().unwrap_or("none");
            match permission {
                "none" => refused(404, "Not Found"),
                _ => {
                    reply(200, json!({ "permission": permission, "role_name": permission, "user": { "login": login } }))
                }
            }
        }
        ("GET", ["pulls"]) => {
            let (head, base) = (parameter("head"), parameter("base"));
            if parameter("state").as_deref() != Some("open") {
                return refused(422, "only open ones are kept here");
            }
            let pulls = facts
                .pulls
                .iter()
                .filter(|(_, pull)| pull.state == "OPEN")
                .filter(|(_, pull)| {
                    let owner = if pull.fork { "stranger" } else { "octo" };
                    head.as_ref().is_none_or(|head| *head == format!("{owner}:{}", pull.branch))
                })
                .filter(|(_, pull)| base.as_ref().is_none_or(|base| *base == pull.base))
                .map(|(number, pull)| rest_pull_json(*number, pull))
                .collect();
            page(facts, query, pulls)
        }
        ("GET", ["pulls", number]) => {
            let number = number.parse().unwrap_or(0);
            match facts.pulls.get(&number) {
                Some(pull) => reply(200, rest_pull_json(number, pull)),
                None => refused(404, "Not Found"),
            }
        }
        ("PATCH", ["pulls", number]) => {
            let state = body.and_then(|body| only(body, &["state"])?["state"].as_str());
            let now = facts.now;
            let (Some("closed"), Some(pull)) = (state, facts.pulls.get_mut(&number.parse().unwrap_or(0))) else {
                return refused(422, "Validation Failed");
            };
            (pull.state, pull.updated_at) = ("CLOSED", now);
            reply(200, rest_pull_json(number.parse().unwrap(), pull))
        }
        ("GET", ["branches", name]) => {
            let found = git_command(&facts.git)
                .args(["rev-parse", "-q", "--verify", &format!("refs/heads/{name}")])
                .output()
                .unwrap();
            match found.status.success() {
                true => reply(200, json!({ "name": name, "protected": facts.protected.contains(*name) })),
                false => refused(404, "Branch not found"),
            }
        }
        ("GET", ["issues", "comments"]) => {
            let since: DateTime<Utc> = parameter("since").and_then(|since| since.parse().ok()).unwrap_or_default();
            let comments =
                facts.comments.iter().filter(|comment| comment.updated_at >= since).map(comment_json).collect();
            page(facts, query, comments)
        }
        ("GET", ["issues", number, "comments"]) => {
            let comments = facts
                .comments
                .iter()
                .filter(|comment| comment.issue.to_string() == *number)
                .map(comment_json)
                .collect();
            page(facts, query, comments)
        }
        ("POST", ["issues", number, "comments"]) => {
            let Some(text) = body.and_then(|body| only(body, &["body"])?["body"].as_str()) else {
                return refused(422, "Validation Failed");
            };
            let (id, now) = (facts.next_id(), facts.now);
            facts.comments.push(Comment {
                id,
                issue: number.parse().unwrap(),
                author: ME.into(),
                body: text.into(),
                created_at: now,
                updated_at: now,
            });
            reply(201, comment_json(facts.comments.last().unwrap()))
        }
        ("PATCH", ["issues", "comments", id]) => {
            let now = facts.now;
            let text = body.and_then(|body| only(body, &["body"])?["body"].as_str());
            let comment =
                facts.comments.iter_mut().find(|comment| comment.id.to_string() == *id && comment.author == ME);
            let (Some(comment), Some(text)) = (comment, text) else { return refused(404, "Not Found") };
            comment.body = text.into();
            comment.updated_at = now;
            reply(200, comment_json(comment))
        }
        ("DELETE", ["issues", "comments", id]) => {
            facts.comments.retain(|comment| comment.id.to_string() != *id);
            reply(204, Value::Null)
        }
        ("GET", ["issues", number, "labels"]) => {
            let Some(pull) = facts.pulls.get(&number.parse().unwrap_or(0)) else { return refused(404, "Not Found") };
            reply(200, pull.labels.iter().map(|name| json!({ "name": name })).collect())
        }
        ("POST", ["issues", number, "labels"]) => {
            let names = body.and_then(|body| only(body, &["labels"])?["labels"].as_array().cloned());
            let now = facts.now;
            let (Some(names), Some(pull)) = (names, facts.pulls.get_mut(&number.parse().unwrap_or(0))) else {
                return refused(422, "Validation Failed");
            };
            for name in names.iter().filter_map(Value::as_str) {
                if !pull.labels.iter().any(|label| label == name) {
                    pull.labels.push(name.into());
                    pull.labeled.push((name.into(), ME.into(), now));
                    pull.updated_at = now;
                }
            }
            reply(200, pull.labels.iter().map(|name| json!({ "name": name })).collect())
        }
        ("DELETE", ["issues", number, "labels", name]) => {
            let now = facts.now;
            let Some(pull) = facts.pulls.get_mut(&number.parse().unwrap_or(0)) else {
                return refused(404, "Not Found");
            };
            let had = pull.labels.len();
            pull.labels.retain(|label| !label.eq_ignore_ascii_case(name));
            pull.updated_at = now;
            match pull.labels.len() < had {
                true => reply(200, json!([])),
                false => refused(404, "Label does not exist"),
            }
        }
        ("GET", ["commits", commit, "check-runs"]) => {
            let name = parameter("check_name");
            let checks = facts.checks.get(*commit).cloned().unwrap_or_default();
            let mut runs: Vec<Value> = checks
                .iter()
                .filter(|check| check.app.is_some() && name.as_ref().is_none_or(|name| check.name == *name))
                .map(|check| run_json(check, commit))
                .collect();
            let total = runs.len();
            if facts.loses_pages {
                runs.truncate(facts.page_size);
            }
            let mut answer = page(facts, query, runs);
            answer.body = json!({ "total_count": total, "check_runs": answer.body });
            answer
        }
        ("GET", ["commits", commit, "statuses"]) => {
            let checks = facts.checks.get(*commit).cloned().unwrap_or_default();
            let statuses = checks
                .iter()
                .filter(|check| check.app.is_none())
                .rev()
                .map(|check| {
                    json!({ "id": check.id, "context": check.name, "target_url": null,
                        "state": check.conclusion.as_deref().unwrap_or("pending"),
                        "created_at": check.started_at, "updated_at": check.completed_at.unwrap_or(check.started_at) })
                })
                .collect();
            page(facts, query, statuses)
        }
        ("POST", ["check-runs"]) => {
            let known = ["name", "head_sha", "external_id", "status", "conclusion", "output"];
            let Some(body) = body.and_then(|body| only(body, &known)) else { return refused(422, "Invalid request") };
            let (Some(name), Some(commit)) = (body["name"].as_str(), body["head_sha"].as_str()) else {
                return refused(422, "Invalid request");
            };
            let (id, now) = (facts.next_id(), facts.now);
            let check = Check {
                id,
                name: name.into(),
                app: Some("mainguard"),
                suite: 77,
                conclusion: body["conclusion"].as_str().map(str::to_string),
                started_at: now,
                completed_at: body["conclusion"].as_str().map(|_| now),
                external_id: body["external_id"].as_str().unwrap_or_default().into(),
                output: body["output"].clone(),
            };
            let answer = run_json(&check, commit);
            facts.checks.entry(commit.into()).or_default().push(check);
            reply(201, answer)
        }
        ("PATCH", ["check-runs", id]) => {
            let known = ["name", "external_id", "status", "conclusion", "output"];
            let Some(body) = body.and_then(|body| only(body, &known)) else { return refused(422, "Invalid request") };
            let now = facts.now;
            let found = facts.checks.values_mut().flatten().find(|check| check.id.to_string() == *id);
            let Some(check) = found else { return refused(404, "Not Found") };
            check.conclusion = body["conclusion"].as_str().map(str::to_string);
            check.completed_at = check.conclusion.as_ref().map(|_| now);
            check.output = body["output"].clone();
            reply(200, json!({ "id": check.id }))
        }
        ("GET", ["actions", "runs"]) => {
            let commit = parameter("head_sha").unwrap_or_default();
            let runs: Vec<Value> = facts
                .runs
                .iter()
                .filter(|run| run.commit == commit)
                .map(|run| json!({ "id": run.id, "status": run.status, "head_sha": run.commit }))
                .collect();
            reply(200, json!({ "total_count": runs.len(), "workflow_runs": runs }))
        }
        // CI is an oracle that needs no starting.
        ("POST", ["actions", "workflows", _, "dispatches"]) => reply(204, Value::Null),
        ("POST", ["actions", "runs", id, what @ ("cancel" | "rerun")]) => {
            let Some(run) = facts.runs.iter_mut().find(|run| run.id.to_string() == *id) else {
                return refused(404, "Not Found");
            };
            match *what {
                "cancel" if run.status == "completed" => {
                    return refused(409, "Cannot cancel a workflow run that is completed");
                }
                "cancel" => (run.status, run.reruns) = ("completed", run.reruns),
                _ => (run.status, run.reruns) = ("queued", run.reruns + 1),
            }
            reply(if *what == "cancel" { 202 } else { 201 }, json!({}))
        }
        _ => refused(404, "Not Found"),
    }
}

/// The body, when all of its fields are known.
fn only<'a>(body: &'a Value, known: &[&str]) -> Option<&'a Value> {
    body.as_object()?.keys().all(|key| known.contains(&key.as_str())).then_some(body)
}

fn comment_json(comment: &Comment) -> Value {
    json!({
        "id": comment.id, "user": { "login": comment.author }, "body": comment.body,
        "issue_url": format!("https://api.github.com/repos/octo/repo/issues/{}", comment.issue),
        "created_at": comment.created_at, "updated_at": comment.updated_at,
    })
}

fn rest_pull_json(number: u64, pull: &Pull) -> Value {
    let home = if pull.fork { "stranger/repo" } else { "octo/repo" };
    json!({
        "number": number, "state": if pull.state == "OPEN" { "open" } else { "closed" }, "merged": pull.state == "MERGED",
        "head": { "ref": pull.branch, "sha": pull.head, "repo": { "full_name": home } },
        "base": { "ref": pull.base },
    })
}

fn run_json(check: &Check, commit: &str) -> Value {
    json!({
        "id": check.id, "head_sha": commit, "name": check.name, "external_id": check.external_id,
        "status": if check.conclusion.is_some() { "completed" } else { "in_progress" }, "conclusion": check.conclusion,
        "started_at": check.started_at, "completed_at": check.completed_at,
        "html_url": format!("https://github.com/octo/repo/runs/{}", check.id),
        "app": { "slug": check.app }, "check_suite": { "id": check.suite }, "output": check.output,
    })
}

fn page(facts: &Facts, query: &str, items: Vec<Value>) -> Reply {
    let number = |name: &str| {
        query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name)?.1.parse::<usize>().ok())
    };
    let size = number("per_page").unwrap_or(30).clamp(1, 100).min(facts.page_size);
    let page = number("page").unwrap_or(1).max(1);
    let more = items.len() > page * size;
    let items: Vec<Value> = items.into_iter().skip((page - 1) * size).take(size).collect();
    Reply { next: more.then_some(page + 1), ..reply(200, json!(items)) }
}

/// Every word that a query may hold.
const WORDS: &str = "query Labeled Named owner String name labels after repository pullRequests states OPEN first \
    orderBy field CREATED_AT direction ASC pageInfo hasNextPage endCursor nodes P X C fragment on PullRequest number \
    state updatedAt headRefOid headRefName baseRefName isDraft isCrossRepository title body author login \
    latestOpinionatedReviews writersOnly true timelineItems last itemTypes LABELED_EVENT LabeledEvent createdAt actor \
    label commits commit Commit oid statusCheckRollup contexts StatusCheckRollupContextConnection __typename CheckRun \
    databaseId status conclusion startedAt completedAt detailsUrl checkSuite app slug StatusContext context targetUrl \
    pullRequest object viewer";

fn graphql(facts: &mut Facts, body: Option<&Value>) -> Reply {
    let Some(query) = body.and_then(|body| only(body, &["query", "variables"])?["query"].as_str()) else {
        return refused(400, "Problems parsing JSON");
    };
    if query.contains("viewer") {
        return reply(200, json!({ "data": { "viewer": { "login": ME } } }));
    }
    let known: BTreeSet<&str> = WORDS.split_whitespace().collect();
    let strings = Regex::new(r#""[^"]*""#).unwrap();
    let words = Regex::new(r"[A-Za-z_][A-Za-z_0-9]*").unwrap();
    let aliases = Regex::new(r"\b([pc]\d+):").unwrap();
    let bare = aliases.replace_all(&strings.replace_all(query, ""), "").into_owned();
    if let Some(odd) = words.find_iter(&bare).find(|word| !known.contains(word.as_str())) {
        return reply(200, json!({ "errors": [{ "message": format!("Field '{}' doesn't exist", odd.as_str()) }] }));
    }
    let variables = &body.unwrap()["variables"];
    let seen = facts.stale.clone().unwrap_or_else(|| facts.pulls.clone());
    if query.starts_with("query Labeled") {
        let label = variables["labels"][0].as_str().unwrap_or_default();
        let after: u64 = variables["after"].as_str().and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
        let mut matching: Vec<(&u64, &Pull)> = seen
            .iter()
            .filter(|(number, pull)| {
                **number > after
                    && pull.state == "OPEN"
                    && pull.labels.iter().any(|name| name.eq_ignore_ascii_case(label))
            })
            .collect();
        let size = facts.page_size.min(50);
        let more = matching.len() > size;
        matching.truncate(size);
        let cursor = matching.last().map(|(number, _)| number.to_string());
        let nodes: Vec<Value> = matching.into_iter().map(|(number, pull)| pull_json(facts, *number, pull)).collect();
        let info = json!({ "hasNextPage": more, "endCursor": cursor });
        return reply(
            200,
            json!({ "data": { "repository": { "pullRequests": { "pageInfo": info, "nodes": nodes } } } }),
        );
    }
    let mut found = serde_json::Map::new();
    for captured in Regex::new(r"(p\d+): pullRequest\(number: (\d+)\)").unwrap().captures_iter(query) {
        let number: u64 = captured[2].parse().unwrap();
        let pull = seen.get(&number).map(|pull| pull_json(facts, number, pull));
        found.insert(captured[1].into(), pull.unwrap_or(Value::Null));
    }
    for captured in Regex::new(r#"(c\d+): object\(oid: "([0-9a-f]+)"\)"#).unwrap().captures_iter(query) {
        let exists = git_command(&facts.git).args(["cat-file", "-e", &captured[2]]).status().unwrap().success();
        let commit = if exists { commit_json(facts, &captured[2]) } else { Value::Null };
        found.insert(captured[1].into(), commit);
    }
    reply(200, json!({ "data": { "repository": found } }))
}

fn pull_json(facts: &Facts, number: u64, pull: &Pull) -> Value {
    let labeled: Vec<Value> = pull
        .labeled
        .iter()
        .map(|(name, by, at)| json!({ "createdAt": at, "actor": { "login": by }, "label": { "name": name } }))
        .collect();
    json!({
        "number": number, "state": pull.state, "updatedAt": pull.updated_at, "headRefOid": pull.head,
        "headRefName": pull.branch, "baseRefName": pull.base, "isDraft": pull.draft, "isCrossRepository": pull.fork,
        "title": pull.title, "body": pull.body, "author": { "login": "bob" },
        "labels": { "nodes": pull.labels.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>() },
        "latestOpinionatedReviews": {
            "nodes": pull.reviews.iter().map(|state| json!({ "state": state })).collect::<Vec<_>>()
        },
        "timelineItems": { "nodes": labeled },
        "commits": { "nodes": [{ "commit": commit_json(facts, &pull.head) }] },
    })
}

/// As the rollup tells them: of each name and suite the newest.
fn commit_json(facts: &Facts, commit: &str) -> Value {
    let Some(checks) = facts.checks.get(commit).filter(|checks| !checks.is_empty()) else {
        return json!({ "oid": commit, "statusCheckRollup": null });
    };
    let mut newest: BTreeMap<(String, Option<&str>, u64), &Check> = BTreeMap::new();
    for check in checks {
        newest.insert((check.name.clone(), check.app, check.suite), check);
    }
    let mut checks: Vec<&&Check> = newest.values().collect();
    checks.sort_by_key(|check| check.id);
    let more = checks.len() > facts.page_size.min(100);
    let nodes: Vec<Value> =
        checks.into_iter().take(facts.page_size.min(100)).map(|check| context_json(check)).collect();
    json!({
        "oid": commit,
        "statusCheckRollup": { "contexts": { "pageInfo": { "hasNextPage": more, "endCursor": "x" }, "nodes": nodes } },
    })
}

fn context_json(check: &Check) -> Value {
    let url = format!("https://github.com/octo/repo/runs/{}", check.id);
    match check.app {
        Some(app) => json!({
            "__typename": "CheckRun", "databaseId": check.id, "name": check.name,
            "status": if check.conclusion.is_some() { "COMPLETED" } else { "IN_PROGRESS" },
            "conclusion": check.conclusion.as_ref().map(|word| word.to_uppercase()),
            "startedAt": check.started_at, "completedAt": check.completed_at, "detailsUrl": url,
            "checkSuite": { "databaseId": check.suite, "app": { "slug": app } },
        }),
        None => json!({
            "__typename": "StatusContext", "context": check.name, "createdAt": check.completed_at.unwrap_or(check.started_at),
            "state": check.conclusion.as_deref().unwrap_or("pending").to_uppercase(), "targetUrl": null,
        }),
    }
}
