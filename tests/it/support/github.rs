//! A GitHub on loopback: it remembers, it is as strict as the real one, and it fails on demand.
//!
//! `FakeGitHub::start()` serves the repository `octo/repo` until it is dropped. Tests arrange and look at
//! [`State`] through [`FakeGitHub::state`], and [`FakeGitHub::requests`] is everything that was asked. Unlike the real
//! one it refuses fields it does not know, because those are our mistakes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Map, Value, json};

/// The token that may do everything the state's [`Access`] allows.
pub(crate) const TOKEN: &str = "ghs_thisIsTheTokenOfTheFake";

/// The repository that exists.
pub(crate) const REPOSITORY: &str = "octo/repo";

/// A running server.
pub(crate) struct FakeGitHub {
    address: SocketAddr,
    shared: Arc<Mutex<State>>,
    runtime: Option<tokio::runtime::Runtime>,
}

/// What the server knows.
#[derive(Default)]
pub(crate) struct State {
    /// Whose token it is; an app's ends in `[bot]` and may not ask `/user`.
    pub(crate) login: String,
    pub(crate) access: Access,
    /// Never more than this in a page.
    pub(crate) page_size: usize,
    pub(crate) pulls: BTreeMap<u64, Value>,
    /// By repository.
    pub(crate) activity: BTreeMap<String, Vec<Value>>,
    /// By commit.
    pub(crate) pulls_of_commit: BTreeMap<String, Vec<Value>>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) labels: Vec<Label>,
    /// By issue: names as in `labels`.
    pub(crate) issue_labels: BTreeMap<u64, Vec<String>>,
    /// By issue, oldest first.
    pub(crate) events: BTreeMap<u64, Vec<Value>>,
    pub(crate) check_runs: Vec<CheckRun>,
    /// Oldest first.
    pub(crate) deployments: Vec<Deployment>,
    /// From a path to a whole URL, as for a repository that was renamed.
    pub(crate) redirects: BTreeMap<String, String>,
    /// Each is used once, by the first request that it fits.
    pub(crate) faults: Vec<(Method, &'static str, Fault)>,
    requests: Vec<Recorded>,
    last_id: u64,
}

/// What the token may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Access {
    #[default]
    Write,
    /// As on a pull request from a fork.
    Read,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) issue: u64,
    pub(crate) author: String,
    pub(crate) body: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Label {
    pub(crate) name: String,
    pub(crate) color: String,
    pub(crate) description: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CheckRun {
    pub(crate) id: u64,
    pub(crate) head_sha: String,
    pub(crate) name: String,
    pub(crate) external_id: String,
    pub(crate) status: String,
    pub(crate) conclusion: Option<String>,
    pub(crate) title: String,
    pub(crate) summary: String,
    pub(crate) annotations: Vec<Value>,
    /// Whose it is; others may not change it.
    pub(crate) owner: String,
}

/// A deployment with what was said about it, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Deployment {
    pub(crate) id: u64,
    pub(crate) sha: String,
    pub(crate) environment: String,
    pub(crate) statuses: Vec<Value>,
}

impl Deployment {
    /// `preview/pr-7/app: in_progress, success https://…`
    pub(crate) fn story(&self) -> String {
        let said = self.statuses.iter().map(|status| {
            let url = status["environment_url"].as_str().unwrap_or_default();
            format!("{} {url}", status["state"].as_str().unwrap()).trim_end().to_string()
        });
        format!("{}: {}", self.environment, said.collect::<Vec<_>>().join(", "))
    }
}

/// How a request goes wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Nothing is done, and this is the status.
    Status(u16),
    /// It is done, and this is the status all the same.
    DoneBut(u16),
    /// 403, nothing remains until so many seconds from now.
    PrimaryLimit(i64),
    /// 403 with `Retry-After`.
    SecondaryLimit(u64),
    /// No answer, ever.
    Hang,
    /// The connection breaks within the answer.
    Close,
    /// It is done, and then the connection breaks.
    DoneButClose,
    /// The answer is no JSON.
    Garbage,
    /// An empty list whose next page is on another server.
    NextPageElsewhere,
}

/// A request as it arrived, and how it was answered.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) method: Method,
    /// Percent-encoded, without query.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Value>,
    pub(crate) status: u16,
}

impl Recorded {
    pub(crate) fn is_write(&self) -> bool {
        self.method != Method::GET && self.path != "/graphql"
    }

    /// `POST /repos/octo/repo/labels 201`
    pub(crate) fn line(&self) -> String {
        format!("{} {} {}", self.method, self.path, self.status)
    }
}

impl FakeGitHub {
    pub(crate) fn start() -> FakeGitHub {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let shared =
            Arc::new(Mutex::new(State { login: "github-actions[bot]".into(), page_size: 100, ..State::default() }));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let app = axum::Router::new().fallback(serve).with_state((Arc::clone(&shared), address));
        runtime.spawn(async move { axum::serve(listener, app).await });
        FakeGitHub { address, shared, runtime: Some(runtime) }
    }

    /// What `GITHUB_API_URL` should be.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock().unwrap()
    }

    /// Everything that was asked, in order.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.state().requests.clone()
    }

    /// What was asked to be written, one line each.
    pub(crate) fn writes(&self) -> Vec<String> {
        self.requests().iter().filter(|request| request.is_write()).map(Recorded::line).collect()
    }

    pub(crate) fn forget_requests(&self) {
        self.state().requests.clear();
    }

    /// The next request of this method whose path ends so goes wrong.
    pub(crate) fn fail(&self, method: Method, path_end: &'static str, fault: Fault) {
        self.state().faults.push((method, path_end, fault));
    }

    /// An open pull request of a branch of the repository itself.
    pub(crate) fn open_pull_request(&self, number: u64, base: &str, head: &str) {
        let repo = json!({ "full_name": REPOSITORY });
        let pull = json!({
            "number": number, "state": "open", "title": "Add refunds", "body": null, "draft": false, "labels": [],
            "user": { "login": "ann" },
            "base": { "ref": "main", "sha": base, "repo": repo },
            "head": { "ref": "refunds", "sha": head, "repo": repo },
        });
        self.state().pulls.insert(number, pull);
    }

    /// A label of the pull request, put on by somebody at some second.
    pub(crate) fn label_event(&self, issue: u64, event: &str, label: &str, by: &str, at: &str) {
        let mut state = self.state();
        let id = state.next_id();
        let event = json!({
            "id": id, "event": event, "actor": { "login": by }, "created_at": at, "commit_id": null,
            "label": { "name": label, "color": "ededed" },
        });
        state.events.entry(issue).or_default().push(event);
    }

    /// A comment by somebody.
    pub(crate) fn comment(&self, issue: u64, author: &str, body: &str) -> u64 {
        let mut state = self.state();
        let id = state.next_id();
        state.comments.push(Comment { id, issue, author: author.into(), body: body.into() });
        id
    }
}

impl Drop for FakeGitHub {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl State {
    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn label_named(&self, name: &str) -> Option<&Label> {
        self.labels.iter().find(|label| label.name.to_lowercase() == name.to_lowercase())
    }
}

/// A refusal or an answer.
struct Reply {
    status: u16,
    body: Option<Value>,
    /// Of a list: whether there is a page after this one.
    next_page: Option<usize>,
    headers: Vec<(&'static str, String)>,
}

impl Reply {
    fn new(status: u16, body: Value) -> Reply {
        Reply { status, body: Some(body), next_page: None, headers: Vec::new() }
    }

    fn message(status: u16, message: &str) -> Reply {
        Reply::new(status, json!({ "message": message, "documentation_url": "https://docs.github.com/rest" }))
    }

    fn not_found() -> Reply {
        Reply::message(404, "Not Found")
    }

    fn invalid(resource: &str, field: &str, code: &str) -> Reply {
        let errors = json!([{ "resource": resource, "field": field, "code": code }]);
        Reply::new(422, json!({ "message": "Validation Failed", "errors": errors }))
    }
}

async fn serve(Shared((shared, address)): Shared<(Arc<Mutex<State>>, SocketAddr)>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 24).await.unwrap_or_default();
    let path = parts.uri.path().to_string();
    let query = parts.uri.query().unwrap_or_default().to_string();
    let json: Option<Value> = serde_json::from_slice(&bytes).ok();

    let fault = {
        let mut state = shared.lock().unwrap();
        let at = state.faults.iter().position(|(method, end, _)| *method == parts.method && path.ends_with(end));
        at.map(|at| state.faults.remove(at).2)
    };
    let moved_to = shared.lock().unwrap().redirects.get(&path).cloned();
    let acts = matches!(fault, None | Some(Fault::DoneBut(_) | Fault::DoneButClose));
    let reply = if let Some(location) = moved_to {
        let mut reply = Reply::message(if parts.method == Method::GET { 301 } else { 307 }, "Moved Permanently");
        reply.headers.push(("location", location));
        reply
    } else if acts {
        let mut state = shared.lock().unwrap();
        match authorize(&state, &parts.method, &path, &parts.headers) {
            Err(refusal) => refusal,
            Ok(()) => route(&mut state, &parts.method, &path, &query, json.as_ref()).unwrap_or_else(|refusal| refusal),
        }
    } else {
        Reply::message(500, "Server Error")
    };
    let response = respond(&reply, &parts.headers, address, &path, &query);
    let response = match fault {
        None => response,
        Some(Fault::Status(status) | Fault::DoneBut(status)) => {
            plain(status, r#"{"message":"Server Error"}"#, &[("content-type", "application/json".into())])
        }
        Some(Fault::PrimaryLimit(seconds)) => {
            let reset = (chrono::Utc::now().timestamp() + seconds).to_string();
            let headers = [("x-ratelimit-remaining", "0".to_string()), ("x-ratelimit-reset", reset)];
            plain(403, r#"{"message":"API rate limit exceeded for installation"}"#, &headers)
        }
        Some(Fault::SecondaryLimit(seconds)) => {
            let words = r#"{"message":"You have exceeded a secondary rate limit"}"#;
            plain(403, words, &[("retry-after", seconds.to_string())])
        }
        Some(Fault::NextPageElsewhere) => {
            // It begins like ours, which is what a careless comparison looks at.
            plain(200, "[]", &[("link", format!(r#"<http://{address}.elsewhere.invalid/page>; rel="next""#))])
        }
        Some(Fault::Garbage) => plain(200, "<html>", &[]),
        Some(Fault::Close | Fault::DoneButClose) => {
            // A body that fails before its promised length makes the server drop the connection.
            let broken = http_body_util::Limited::new(Body::from("[".repeat(100)), 1);
            Response::builder().header(header::CONTENT_LENGTH, "100").body(Body::new(broken)).unwrap()
        }
        Some(Fault::Hang) => Response::default(),
    };
    shared.lock().unwrap().requests.push(Recorded {
        method: parts.method,
        path,
        query,
        headers: parts.headers,
        body: json,
        status: response.status().as_u16(),
    });
    if matches!(fault, Some(Fault::Hang)) {
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
    response
}

fn plain(status: u16, body: &str, headers: &[(&str, String)]) -> Response {
    let builder =
        headers.iter().fold(Response::builder().status(status), |builder, (name, value)| builder.header(*name, value));
    builder.body(Body::from(body.to_string())).unwrap()
}

fn respond(reply: &Reply, asked: &HeaderMap, address: SocketAddr, path: &str, query: &str) -> Response {
    let body = reply.body.as_ref().map(Value::to_string).unwrap_or_default();
    let mut builder = Response::builder()
        .status(reply.status)
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
        .header("x-ratelimit-remaining", "4999");
    for (name, value) in &reply.headers {
        builder = builder.header(*name, value);
    }
    if let Some(next) = reply.next_page {
        let kept: String = query
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.starts_with("page="))
            .map(|p| format!("{p}&"))
            .collect();
        let link = format!(r#"<http://{address}{path}?{kept}page={next}>; rel="next""#);
        builder = builder.header(header::LINK, link);
    }
    if reply.status == 200 {
        let etag = format!("\"{:x}\"", hash(&body));
        if asked.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
            return builder.status(StatusCode::NOT_MODIFIED).body(Body::empty()).unwrap();
        }
        builder = builder.header(header::ETAG, etag);
    }
    builder.body(Body::from(body)).unwrap()
}

fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn authorize(state: &State, method: &Method, path: &str, headers: &HeaderMap) -> Result<(), Reply> {
    let is = |name: header::HeaderName, value: &str| headers.get(name).is_some_and(|header| header == value);
    if !headers.get(header::USER_AGENT).is_some_and(|agent| agent.to_str().unwrap().starts_with("mainguard/")) {
        return Err(Reply::message(403, "Request forbidden by administrative rules. Who are you?"));
    }
    if !is(header::AUTHORIZATION, &format!("Bearer {TOKEN}")) {
        return Err(Reply::message(401, "Bad credentials"));
    }
    let by_app = state.login.ends_with("[bot]");
    let needed = match (method, path) {
        (_, "/graphql") => None,
        (_, "/user") if by_app => Some("metadata=never"),
        (&Method::GET, _) => None,
        (_, path) if path.contains("/check-runs") && !by_app => {
            return Err(Reply::message(403, "You must authenticate via a GitHub App."));
        }
        (_, path) if path.contains("/check-runs") => Some("checks=write"),
        (_, path) if path.contains("/deployments") => Some("deployments=write"),
        _ => Some("issues=write; pull_requests=write"),
    };
    match needed {
        Some(permissions) if path == "/user" || state.access == Access::Read => {
            let mut refusal = Reply::message(403, "Resource not accessible by integration");
            refusal.headers.push(("x-accepted-github-permissions", permissions.into()));
            Err(refusal)
        }
        _ => Ok(()),
    }
}

fn route(state: &mut State, method: &Method, path: &str, query: &str, body: Option<&Value>) -> Result<Reply, Reply> {
    let segments: Vec<String> = path.trim_start_matches('/').split('/').map(percent_decode).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (method.as_str(), segments.as_slice()) {
        ("GET", ["user"]) => return Ok(Reply::new(200, json!({ "login": state.login, "type": "User" }))),
        ("POST", ["graphql"]) => return Ok(Reply::new(200, json!({ "data": { "viewer": { "login": state.login } } }))),
        ("GET", ["repos", owner, name, "activity"]) => {
            let wanted = parameter(query, "ref").unwrap_or_default();
            let moves = state.activity.get(&format!("{owner}/{name}")).ok_or_else(Reply::not_found)?;
            let moves = moves.iter().filter(|one| one["ref"] == wanted.as_str()).cloned().collect();
            return page(state, query, moves);
        }
        _ => {}
    }
    let ["repos", "octo", "repo", rest @ ..] = segments.as_slice() else {
        return Err(Reply::not_found());
    };
    match (method.as_str(), rest) {
        ("GET", ["pulls", number]) => {
            let number = number.parse().map_err(|_| Reply::not_found())?;
            let mut pull = state.pulls.get(&number).cloned().ok_or_else(Reply::not_found)?;
            let labels = state.issue_labels.get(&number).cloned().unwrap_or_default();
            pull["labels"] = labels.iter().map(|name| label_json(state, name)).collect();
            Ok(Reply::new(200, pull))
        }
        ("GET", ["pulls"]) => {
            let wanted = parameter(query, "head").unwrap_or_default();
            let (owner, branch) = wanted.split_once(':').ok_or_else(|| Reply::invalid("Pull", "head", "invalid"))?;
            let is_head = |pull: &&Value| {
                let from = pull["head"]["repo"]["full_name"].as_str().unwrap_or_default();
                pull["state"] == "open"
                    && pull["head"]["ref"] == branch
                    && from.split('/').next().is_some_and(|name| name.eq_ignore_ascii_case(owner))
            };
            let pulls = state.pulls.values().filter(is_head).cloned().collect();
            page(state, query, pulls)
        }
        ("GET", ["deployments"]) => {
            let fits = |name: &str, value: &str| parameter(query, name).is_none_or(|wanted| wanted == value);
            let found = state.deployments.iter().rev();
            let found = found.filter(|one| fits("environment", &one.environment) && fits("sha", &one.sha));
            page(state, query, found.map(deployment_json).collect())
        }
        ("POST", ["deployments"]) => create_deployment(state, fields(body)?),
        ("GET", ["deployments", id, "statuses"]) => {
            let statuses = deployment(state, id)?.statuses.iter().rev().cloned().collect();
            page(state, query, statuses)
        }
        ("POST", ["deployments", id, "statuses"]) => add_status(state, id, fields(body)?),
        ("GET", ["commits", commit, "pulls"]) => {
            let pulls = state.pulls_of_commit.get(*commit).cloned().unwrap_or_default();
            page(state, query, pulls)
        }
        ("GET", ["commits", head, "check-runs"]) => list_check_runs(state, head, query),
        ("POST", ["check-runs"]) => create_check_run(state, fields(body)?),
        ("PATCH", ["check-runs", id]) => update_check_run(state, id, fields(body)?),
        ("GET", ["issues", number, "events"]) => {
            let events = state.events.get(&issue(state, number)?).cloned().unwrap_or_default();
            page(state, query, events)
        }
        ("GET", ["issues", number, "comments"]) => {
            let number = issue(state, number)?;
            let comments = state.comments.iter().filter(|comment| comment.issue == number).map(comment_json).collect();
            page(state, query, comments)
        }
        ("POST", ["issues", number, "comments"]) => {
            let issue = issue(state, number)?;
            let body = comment_body(fields(body)?)?;
            let (id, author) = (state.next_id(), state.login.clone());
            state.comments.push(Comment { id, issue, author, body });
            Ok(Reply::new(201, comment_json(state.comments.last().unwrap())))
        }
        ("PATCH" | "DELETE", ["issues", "comments", id]) => {
            let at =
                state.comments.iter().position(|comment| comment.id.to_string() == *id).ok_or_else(Reply::not_found)?;
            if state.comments[at].author != state.login {
                return Err(Reply::message(403, "Resource not accessible by integration"));
            }
            if *method == Method::DELETE {
                state.comments.remove(at);
                return Ok(Reply { status: 204, body: None, next_page: None, headers: Vec::new() });
            }
            state.comments[at].body = comment_body(fields(body)?)?;
            Ok(Reply::new(200, comment_json(&state.comments[at])))
        }
        ("GET", ["labels", name]) => {
            let label = state.label_named(name).ok_or_else(Reply::not_found)?;
            Ok(Reply::new(200, label_json(state, &label.name)))
        }
        ("POST", ["labels"]) => create_label(state, fields(body)?),
        ("GET", ["issues", number, "labels"]) => {
            let names = state.issue_labels.get(&issue(state, number)?).cloned().unwrap_or_default();
            let labels = names.iter().map(|name| label_json(state, name)).collect();
            page(state, query, labels)
        }
        ("POST", ["issues", number, "labels"]) => add_labels(state, issue(state, number)?, fields(body)?),
        ("DELETE", ["issues", number, "labels", name]) => {
            let number = issue(state, number)?;
            let labels = state.issue_labels.entry(number).or_default();
            let at = labels.iter().position(|label| label.to_lowercase() == name.to_lowercase());
            labels.remove(at.ok_or_else(|| Reply::message(404, "Label does not exist"))?);
            let left = labels.clone();
            Ok(Reply::new(200, left.iter().map(|name| label_json(state, name)).collect()))
        }
        _ => Err(Reply::not_found()),
    }
}

fn issue(state: &State, number: &str) -> Result<u64, Reply> {
    number.parse().ok().filter(|number| state.pulls.contains_key(number)).ok_or_else(Reply::not_found)
}

fn comment_json(comment: &Comment) -> Value {
    json!({ "id": comment.id, "user": { "login": comment.author }, "body": comment.body })
}

fn comment_body(fields: &Map<String, Value>) -> Result<String, Reply> {
    only(fields, "IssueComment", &["body"])?;
    let body = text(fields, "IssueComment", "body")?.unwrap_or_default();
    match body.trim().is_empty() || body.chars().count() > 65_536 {
        true => Err(Reply::invalid("IssueComment", "body", "invalid")),
        false => Ok(body),
    }
}

fn label_json(state: &State, name: &str) -> Value {
    let label = state.label_named(name).cloned();
    let label = label.unwrap_or(Label { name: name.into(), color: "ededed".into(), description: String::new() });
    json!({ "name": label.name, "color": label.color, "description": label.description })
}

fn create_label(state: &mut State, fields: &Map<String, Value>) -> Result<Reply, Reply> {
    only(fields, "Label", &["name", "color", "description"])?;
    let name = text(fields, "Label", "name")?.unwrap_or_default();
    let color = text(fields, "Label", "color")?.unwrap_or_else(|| "ededed".into());
    let description = text(fields, "Label", "description")?.unwrap_or_default();
    if name.is_empty() || name.chars().count() > 50 {
        return Err(Reply::invalid("Label", "name", "invalid"));
    }
    if color.len() != 6 || !color.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Reply::invalid("Label", "color", "invalid"));
    }
    if description.chars().count() > 100 {
        return Err(Reply::invalid("Label", "description", "invalid"));
    }
    if state.label_named(&name).is_some() {
        return Err(Reply::invalid("Label", "name", "already_exists"));
    }
    state.labels.push(Label { name: name.clone(), color, description });
    Ok(Reply::new(201, label_json(state, &name)))
}

fn add_labels(state: &mut State, issue: u64, fields: &Map<String, Value>) -> Result<Reply, Reply> {
    only(fields, "Issue", &["labels"])?;
    let names = fields.get("labels").and_then(Value::as_array).filter(|names| !names.is_empty());
    for name in names.ok_or_else(|| Reply::invalid("Issue", "labels", "invalid"))? {
        let name = name.as_str().ok_or_else(|| Reply::invalid("Issue", "labels", "invalid"))?;
        if state.label_named(name).is_none() {
            // As the real one: a label that does not exist appears in grey.
            state.labels.push(Label { name: name.into(), color: "ededed".into(), description: String::new() });
        }
        let name = state.label_named(name).unwrap().name.clone();
        let labels = state.issue_labels.entry(issue).or_default();
        if !labels.contains(&name) {
            labels.push(name);
        }
    }
    let labels = state.issue_labels[&issue].clone();
    Ok(Reply::new(200, labels.iter().map(|name| label_json(state, name)).collect()))
}

fn list_check_runs(state: &State, head: &str, query: &str) -> Result<Reply, Reply> {
    let name = parameter(query, "check_name");
    let mut runs: Vec<&CheckRun> = state
        .check_runs
        .iter()
        .filter(|run| run.head_sha == head && name.as_ref().is_none_or(|name| run.name == *name))
        .collect();
    if parameter(query, "filter").as_deref() != Some("all") {
        let newest = runs.iter().map(|run| run.id).max();
        runs.retain(|run| Some(run.id) == newest);
    }
    let total = runs.len();
    let mut reply = page(state, query, runs.into_iter().map(check_run_json).collect())?;
    reply.body = Some(json!({ "total_count": total, "check_runs": reply.body }));
    Ok(reply)
}

fn check_run_json(run: &CheckRun) -> Value {
    json!({
        "id": run.id, "head_sha": run.head_sha, "name": run.name, "external_id": run.external_id,
        "status": run.status, "conclusion": run.conclusion,
        "output": { "title": run.title, "summary": run.summary, "annotations_count": run.annotations.len() },
    })
}

fn create_check_run(state: &mut State, fields: &Map<String, Value>) -> Result<Reply, Reply> {
    let name = text(fields, "CheckRun", "name")?.filter(|name| !name.is_empty());
    let head_sha = text(fields, "CheckRun", "head_sha")?.filter(|head| head.len() == 40);
    let run = CheckRun {
        id: state.next_id(),
        head_sha: head_sha.ok_or_else(|| Reply::invalid("CheckRun", "head_sha", "missing_field"))?,
        name: name.ok_or_else(|| Reply::invalid("CheckRun", "name", "missing_field"))?,
        external_id: String::new(),
        status: "queued".into(),
        conclusion: None,
        title: String::new(),
        summary: String::new(),
        annotations: Vec::new(),
        owner: state.login.clone(),
    };
    let mut rest = fields.clone();
    rest.remove("head_sha");
    let run = changed_check_run(run, &rest)?;
    state.check_runs.push(run);
    Ok(Reply::new(201, check_run_json(state.check_runs.last().unwrap())))
}

fn update_check_run(state: &mut State, id: &str, fields: &Map<String, Value>) -> Result<Reply, Reply> {
    let login = state.login.clone();
    let run = state.check_runs.iter_mut().find(|run| run.id.to_string() == id).ok_or_else(Reply::not_found)?;
    if run.owner != login {
        return Err(Reply::message(
            403,
            "Invalid app_id `1` - check run can only be modified by the GitHub App that created it.",
        ));
    }
    *run = changed_check_run(run.clone(), fields)?;
    Ok(Reply::new(200, check_run_json(run)))
}

fn changed_check_run(mut run: CheckRun, fields: &Map<String, Value>) -> Result<CheckRun, Reply> {
    const WHAT: &str = "CheckRun";
    only(fields, WHAT, &["name", "external_id", "status", "conclusion", "output"])?;
    run.name = text(fields, WHAT, "name")?.unwrap_or(run.name);
    run.external_id = text(fields, WHAT, "external_id")?.unwrap_or(run.external_id);
    run.status = text(fields, WHAT, "status")?.unwrap_or(run.status);
    run.conclusion = text(fields, WHAT, "conclusion")?.or(run.conclusion);
    let known = ["success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"];
    let concluded = run.conclusion.as_deref().is_some_and(|conclusion| known.contains(&conclusion));
    if !["queued", "in_progress", "completed"].contains(&run.status.as_str()) {
        return Err(Reply::invalid(WHAT, "status", "invalid"));
    }
    if (run.status == "completed") != concluded {
        return Err(Reply::invalid(WHAT, "conclusion", "invalid"));
    }
    let Some(output) = fields.get("output") else { return Ok(run) };
    let output = output.as_object().ok_or_else(|| Reply::invalid(WHAT, "output", "invalid"))?;
    only(output, WHAT, &["title", "summary", "text", "annotations"])?;
    run.title = text(output, WHAT, "title")?.ok_or_else(|| Reply::invalid(WHAT, "title", "missing_field"))?;
    run.summary = text(output, WHAT, "summary")?.ok_or_else(|| Reply::invalid(WHAT, "summary", "missing_field"))?;
    if run.summary.len() > 65_535 {
        return Err(Reply::invalid(WHAT, "summary", "invalid"));
    }
    let annotations = match output.get("annotations") {
        None => return Ok(run),
        Some(annotations) => annotations.as_array().filter(|list| list.len() <= 50),
    };
    for annotation in annotations.ok_or_else(|| Reply::invalid(WHAT, "annotations", "invalid"))? {
        check_annotation(annotation)?;
        run.annotations.push(annotation.clone());
    }
    Ok(run)
}

fn check_annotation(annotation: &Value) -> Result<(), Reply> {
    const WHAT: &str = "Annotation";
    let fields = annotation.as_object().ok_or_else(|| Reply::invalid(WHAT, "annotations", "invalid"))?;
    let numbers = ["start_line", "end_line", "start_column", "end_column"];
    only(fields, WHAT, &[&["path", "annotation_level", "message", "title"], numbers.as_slice()].concat())?;
    let path = text(fields, WHAT, "path")?.unwrap_or_default();
    let message = text(fields, WHAT, "message")?.unwrap_or_default();
    let title = text(fields, WHAT, "title")?.unwrap_or_default();
    let level = text(fields, WHAT, "annotation_level")?.unwrap_or_default();
    let number = |name: &str| fields.get(name).map(|value| value.as_u64().unwrap_or(0));
    let rules = [
        ("path", !path.is_empty() && !path.starts_with('/')),
        ("message", !message.is_empty() && message.len() <= 65_536),
        ("title", title.chars().count() <= 255),
        ("annotation_level", ["notice", "warning", "failure"].contains(&level.as_str())),
        ("start_line", number("start_line").is_some_and(|line| line > 0)),
        ("end_line", number("end_line") >= number("start_line")),
        (
            "start_column",
            number("start_column").is_none_or(|column| column > 0 && number("start_line") == number("end_line")),
        ),
        (
            "end_column",
            number("end_column").is_none_or(|column| column > 0 && number("start_line") == number("end_line")),
        ),
    ];
    match rules.iter().find(|(_, holds)| !holds) {
        Some((field, _)) => Err(Reply::invalid(WHAT, field, "invalid")),
        None => Ok(()),
    }
}

fn deployment_json(deployment: &Deployment) -> Value {
    json!({ "id": deployment.id, "sha": deployment.sha, "environment": deployment.environment, "ref": deployment.sha })
}

fn deployment<'a>(state: &'a mut State, id: &str) -> Result<&'a mut Deployment, Reply> {
    state.deployments.iter_mut().find(|deployment| deployment.id.to_string() == id).ok_or_else(Reply::not_found)
}

fn create_deployment(state: &mut State, fields: &Map<String, Value>) -> Result<Reply, Reply> {
    const WHAT: &str = "Deployment";
    let flags = ["auto_merge", "transient_environment", "production_environment"];
    only(fields, WHAT, &[&["ref", "environment", "description", "required_contexts"], flags.as_slice()].concat())?;
    let sha = text(fields, WHAT, "ref")?.ok_or_else(|| Reply::invalid(WHAT, "ref", "missing_field"))?;
    if fields.get("auto_merge") != Some(&Value::Bool(false)) || fields.get("required_contexts") != Some(&json!([])) {
        // The real one would merge the base into the branch, or wait for checks.
        return Err(Reply::message(409, "Conflict: Commit status checks failed for the ref."));
    }
    if text(fields, WHAT, "description")?.is_some_and(|words| words.chars().count() > 140) {
        return Err(Reply::invalid(WHAT, "description", "invalid"));
    }
    let environment = text(fields, WHAT, "environment")?.unwrap_or_else(|| "production".into());
    let made = Deployment { id: state.next_id(), sha, environment, statuses: Vec::new() };
    let json = deployment_json(&made);
    state.deployments.push(made);
    Ok(Reply::new(201, json))
}

fn add_status(state: &mut State, id: &str, fields: &Map<String, Value>) -> Result<Reply, Reply> {
    const WHAT: &str = "DeploymentStatus";
    only(fields, WHAT, &["state", "description", "environment_url", "log_url", "auto_inactive"])?;
    let known = ["error", "failure", "inactive", "in_progress", "queued", "pending", "success"];
    if !text(fields, WHAT, "state")?.is_some_and(|state| known.contains(&state.as_str())) {
        return Err(Reply::invalid(WHAT, "state", "invalid"));
    }
    for name in ["environment_url", "log_url"] {
        if text(fields, WHAT, name)?.is_some_and(|url| !url.starts_with("http")) {
            return Err(Reply::invalid(WHAT, name, "invalid"));
        }
    }
    let status = json!({
        "id": 0, "state": fields["state"], "environment_url": fields.get("environment_url").cloned().unwrap_or("".into()),
    });
    deployment(state, id)?.statuses.push(status.clone());
    Ok(Reply::new(201, status))
}

fn fields(body: Option<&Value>) -> Result<&Map<String, Value>, Reply> {
    body.and_then(Value::as_object).ok_or_else(|| Reply::message(400, "Problems parsing JSON"))
}

fn only(fields: &Map<String, Value>, what: &str, known: &[&str]) -> Result<(), Reply> {
    match fields.keys().find(|key| !known.contains(&key.as_str())) {
        Some(unknown) => Err(Reply::invalid(what, unknown, "unknown_field")),
        None => Ok(()),
    }
}

fn text(fields: &Map<String, Value>, what: &str, name: &str) -> Result<Option<String>, Reply> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Reply::invalid(what, name, "invalid")),
    }
}

fn page(state: &State, query: &str, items: Vec<Value>) -> Result<Reply, Reply> {
    let number = |name: &str| parameter(query, name).and_then(|value| value.parse::<usize>().ok());
    let size = number("per_page").unwrap_or(30).clamp(1, 100).min(state.page_size);
    let page = number("page").unwrap_or(1).max(1);
    let more = items.len() > page * size;
    let items = items.into_iter().skip((page - 1) * size).take(size).collect();
    Ok(Reply { next_page: more.then_some(page + 1), ..Reply::new(200, items) })
}

fn parameter(query: &str, name: &str) -> Option<String> {
    query
        .split('&')
        .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
        .map(|(_, value)| percent_decode(value))
}

pub(crate) fn percent_decode(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        let digit = |byte: Option<u8>| char::from(byte.unwrap_or(b'0')).to_digit(16).unwrap_or(0) as u8;
        decoded.push(if byte == b'%' { digit(bytes.next()) * 16 + digit(bytes.next()) } else { byte });
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
