//! What a merge queue has to know of GitHub, in as few calls as possible: two GraphQL queries tell everything about a
//! hundred pull requests and all running builds.
//!
//! What pulls on this file: limits are shared by a whole organisation; an answer that is not complete must be seen to
//! be so; and nothing that was asked for may be missing without a trace. Everything is told as GitHub tells it; what it
//! means is decided elsewhere. <https://docs.github.com/en/graphql/reference/objects#pullrequest>

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::change::CommitId;
use crate::github::client::{Client, Pages, Repeat, request_line};
use crate::github::{Error, Repository, percent_encode};

/// Check runs and statuses of one commit that are read at most.
const MOST_CHECKS: usize = 2_000;
/// Pull requests that are read at most.
const MOST_PULLS: usize = 1_000;
/// Commits and pull requests asked for in one query.
const AT_ONCE: usize = 50;

const PULL: &str = "fragment P on PullRequest { number state updatedAt headRefOid headRefName baseRefName isDraft \
                    isCrossRepository title body author { login } labels(first: 50) { nodes { name } } \
                    latestOpinionatedReviews(first: 50, writersOnly: true) { nodes { state } } \
                    timelineItems(last: 30, itemTypes: [LABELED_EVENT]) { nodes { ... on LabeledEvent { createdAt \
                    actor { login } label { name } } } } \
                    commits(last: 1) { nodes { commit { ...C } } } }";
const COMMIT: &str = "fragment C on Commit { oid statusCheckRollup { contexts(first: 100) { ...X } } }";
const CONTEXTS: &str = "fragment X on StatusCheckRollupContextConnection { pageInfo { hasNextPage endCursor } nodes { \
                        __typename ... on CheckRun { databaseId name status conclusion startedAt completedAt \
                        detailsUrl checkSuite { databaseId app { slug } } } ... on StatusContext { context state \
                        createdAt targetUrl } } }";

/// A pull request as GitHub tells it.
#[derive(Clone, Debug)]
pub struct QueuePull {
    /// Its number.
    pub number: u64,
    /// `OPEN`, `CLOSED` or `MERGED`.
    pub state: String,
    /// The last change, by GitHub's clock.
    pub updated_at: DateTime<Utc>,
    /// The tip of its branch.
    pub head: CommitId,
    /// Its branch.
    pub head_branch: String,
    /// The branch it would enter.
    pub base_branch: String,
    /// Whether its branch is in another repository.
    pub is_from_fork: bool,
    /// Whether it is a draft.
    pub draft: bool,
    /// Its title.
    pub title: String,
    /// Its description.
    pub body: String,
    /// Who wrote it; `ghost` when the account is gone.
    pub author: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// The newest opinion of each reviewer who may write: `APPROVED`, `CHANGES_REQUESTED`, `DISMISSED`.
    pub reviews: Vec<String>,
    /// Labels that were put on, oldest first: the name, by whom, when.
    pub labeled: Vec<(String, String, DateTime<Utc>)>,
    /// The checks of its head; `None` when GitHub told of another commit.
    pub checks: Option<CommitChecks>,
}

/// Check runs and statuses of a commit.
#[derive(Clone, Debug, Default)]
pub struct CommitChecks {
    /// As GitHub tells them.
    pub contexts: Vec<CheckContext>,
    /// Whether these are all.
    pub complete: bool,
}

/// A check run or a commit status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckContext {
    /// The name, or the context.
    pub name: String,
    /// The slug of the app; `None` for a status.
    pub app: Option<String>,
    /// The check suite; `status` for a status.
    pub source: String,
    /// Grows with time.
    pub id: u64,
    /// `None` until it ended. In small letters, as REST writes it.
    pub conclusion: Option<String>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
    /// Where people read about it.
    pub url: Option<String>,
}

/// A comment on an issue or pull request.
#[derive(Clone, Debug)]
pub struct IssueComment {
    /// GitHub's number.
    pub id: u64,
    /// Where.
    pub issue: u64,
    /// By whom.
    pub author: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Whether it was changed since.
    pub edited: bool,
    /// The Markdown.
    pub body: String,
}

/// All open pull requests that carry the label. With `false` when these are not all.
pub fn labeled(client: &Client, repository: &Repository, label: &str) -> Result<(Vec<QueuePull>, bool), Error> {
    let query = format!(
        "query Labeled($owner: String!, $name: String!, $labels: [String!], $after: String) {{ \
         repository(owner: $owner, name: $name) {{ pullRequests(states: OPEN, labels: $labels, first: 50, after: $after, \
         orderBy: {{ field: CREATED_AT, direction: ASC }}) {{ pageInfo {{ hasNextPage endCursor }} nodes {{ ...P }} }} }} }} \
         {PULL} {COMMIT} {CONTEXTS}"
    );
    let mut pulls: BTreeMap<u64, QueuePull> = BTreeMap::new();
    let mut after = Value::Null;
    loop {
        let variables =
            json!({"owner": repository.owner(), "name": repository.name(), "labels": [label], "after": after});
        let data = client.ask(&query, variables)?;
        let list = &data["repository"]["pullRequests"];
        let nodes = list["nodes"].as_array().ok_or_else(|| malformed("it has no list of pull requests"))?;
        for node in nodes.iter().filter(|node| !node.is_null()) {
            let pull = pull(node)?;
            pulls.insert(pull.number, pull);
        }
        match (list["pageInfo"]["hasNextPage"].as_bool(), list["pageInfo"]["endCursor"].as_str()) {
            (Some(false), _) => return Ok((complete_checks(client, repository, pulls.into_values().collect())?, true)),
            (Some(true), Some(cursor)) if pulls.len() < MOST_PULLS && after != cursor => after = json!(cursor),
            _ => return Ok((complete_checks(client, repository, pulls.into_values().collect())?, false)),
        }
    }
}

/// Pull requests by number and the checks of commits. What GitHub did not tell is not in the answer.
pub fn named(
    client: &Client,
    repository: &Repository,
    numbers: &[u64],
    commits: &[CommitId],
) -> Result<(Vec<QueuePull>, BTreeMap<CommitId, CommitChecks>), Error> {
    let mut pulls = Vec::new();
    let mut checks = BTreeMap::new();
    let mut numbers = numbers.chunks(AT_ONCE);
    let mut commits = commits.chunks(AT_ONCE);
    loop {
        let (some_numbers, some_commits) = (numbers.next().unwrap_or_default(), commits.next().unwrap_or_default());
        if some_numbers.is_empty() && some_commits.is_empty() {
            return Ok((complete_checks(client, repository, pulls)?, checks));
        }
        let mut query =
            String::from("query Named($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { ");
        for number in some_numbers {
            let _ = write!(query, "p{number}: pullRequest(number: {number}) {{ ...P }} ");
        }
        for (index, commit) in some_commits.iter().enumerate() {
            let _ = write!(query, "c{index}: object(oid: \"{commit}\") {{ ...C }} ");
        }
        // GraphQL refuses fragments that nothing uses.
        let _ = write!(query, "}} }} {} {COMMIT} {CONTEXTS}", if some_numbers.is_empty() { "" } else { PULL });
        let data = client.ask(&query, json!({"owner": repository.owner(), "name": repository.name()}))?;
        let found = &data["repository"];
        for number in some_numbers {
            let node = &found[format!("p{number}")];
            if !node.is_null() {
                pulls.push(pull(node)?);
            }
        }
        for (index, commit) in some_commits.iter().enumerate() {
            let node = &found[format!("c{index}")];
            // A commit that GitHub does not know yet is a commit whose checks are not known.
            if node["oid"].as_str() == Some(commit.as_str()) {
                let read = contexts(&node["statusCheckRollup"])?;
                checks.insert(commit.clone(), rest(client, repository, commit, read)?);
            }
        }
    }
}

fn complete_checks(
    client: &Client,
    repository: &Repository,
    mut pulls: Vec<QueuePull>,
) -> Result<Vec<QueuePull>, Error> {
    for pull in &mut pulls {
        if let Some(read) = pull.checks.take() {
            pull.checks = Some(rest(client, repository, &pull.head, read)?);
        }
    }
    Ok(pulls)
}

/// The further pages of a commit's checks, when there are some. Through REST, where the newest of each are told apart.
fn rest(
    client: &Client,
    repository: &Repository,
    commit: &CommitId,
    read: CommitChecks,
) -> Result<CommitChecks, Error> {
    if read.complete {
        return Ok(read);
    }
    #[derive(Deserialize)]
    struct Runs {
        total_count: usize,
        check_runs: Vec<Run>,
    }
    #[derive(Deserialize)]
    struct Run {
        id: u64,
        name: String,
        status: String,
        conclusion: Option<String>,
        started_at: Option<DateTime<Utc>>,
        completed_at: Option<DateTime<Utc>>,
        html_url: Option<String>,
        app: Option<App>,
        check_suite: Option<Suite>,
    }
    #[derive(Deserialize)]
    struct App {
        slug: String,
    }
    #[derive(Deserialize)]
    struct Suite {
        id: u64,
    }
    #[derive(Deserialize)]
    struct Status {
        id: u64,
        context: String,
        state: String,
        created_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
        target_url: Option<String>,
    }
    let total = std::cell::Cell::new(0);
    let path = format!("/repos/{repository}/commits/{commit}/check-runs?filter=latest&per_page=100");
    let runs: Pages<Run> = client.get_pages::<Runs, _>(&path, |page| {
        total.set(page.total_count);
        page.check_runs
    })?;
    let path = format!("/repos/{repository}/commits/{commit}/statuses?per_page=100");
    let statuses: Pages<Status> = client.get_pages::<Vec<Status>, _>(&path, |page| page)?;
    let complete = runs.complete && statuses.complete && runs.items.len() >= total.get();
    let mut contexts: Vec<CheckContext> = Vec::new();
    for run in runs.items {
        contexts.push(CheckContext {
            name: run.name,
            app: run.app.map(|app| app.slug),
            source: run.check_suite.map(|suite| suite.id.to_string()).unwrap_or_default(),
            id: run.id,
            conclusion: (run.status == "completed").then(|| run.conclusion.unwrap_or_default()),
            started_at: run.started_at,
            completed_at: run.completed_at,
            url: run.html_url,
        });
    }
    for status in statuses.items {
        let ended = status.state != "pending";
        contexts.push(CheckContext {
            name: status.context,
            app: None,
            source: "status".into(),
            id: status.id,
            conclusion: ended.then(|| if status.state == "error" { "failure".into() } else { status.state }),
            started_at: Some(status.created_at),
            completed_at: ended.then_some(status.updated_at),
            url: status.target_url,
        });
    }
    let complete = complete && contexts.len() <= MOST_CHECKS;
    Ok(CommitChecks { contexts, complete })
}

/// Whether a person may write to the repository, asked now.
/// <https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user>
pub fn may_write(client: &Client, repository: &Repository, login: &str) -> Result<bool, Error> {
    #[derive(Deserialize)]
    struct Answer {
        permission: String,
    }
    let path = format!("/repos/{repository}/collaborators/{}/permission", percent_encode(login));
    match client.get::<Answer>(&path) {
        Ok(answer) => Ok(matches!(&*answer.permission, "admin" | "write")),
        Err(Error::NotFound { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Comments of the whole repository that were written or changed since then, oldest first.
pub fn comments_since(
    client: &Client,
    repository: &Repository,
    since: DateTime<Utc>,
) -> Result<Pages<IssueComment>, Error> {
    #[derive(Deserialize)]
    struct Raw {
        id: u64,
        issue_url: String,
        user: Option<super::pulls::Account>,
        created_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
        body: Option<String>,
    }
    let since = percent_encode(&since.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    let path = format!("/repos/{repository}/issues/comments?since={since}&sort=created&direction=asc&per_page=100");
    let Pages { items, complete } = client.get_pages::<Vec<Raw>, _>(&path, |page| page)?;
    let items = items
        .into_iter()
        .filter_map(|raw| {
            Some(IssueComment {
                id: raw.id,
                issue: raw.issue_url.rsplit('/').next()?.parse().ok()?,
                author: raw.user?.login,
                created_at: raw.created_at,
                edited: raw.updated_at > raw.created_at,
                body: raw.body?,
            })
        })
        .collect();
    Ok(Pages { items, complete })
}

/// Where the head of a pull request lives.
#[derive(Clone, Debug)]
pub struct HeadBranch {
    /// The branch.
    pub branch: String,
    /// The tip of it, as the pull request knows it.
    pub head: CommitId,
    /// Whether it is in this repository, and not in a fork.
    pub is_here: bool,
    /// Whether the pull request is open.
    pub is_open: bool,
    /// Whether GitHub shows the pull request as merged.
    pub is_merged: bool,
}

/// Where the head of a pull request lives. <https://docs.github.com/en/rest/pulls/pulls#get-a-pull-request>
pub fn branch_of(client: &Client, repository: &Repository, pull: u64) -> Result<HeadBranch, Error> {
    #[derive(Deserialize)]
    struct Raw {
        state: String,
        merged: bool,
        head: Side,
    }
    #[derive(Deserialize)]
    struct Side {
        #[serde(rename = "ref")]
        branch: String,
        sha: String,
        repo: Option<Home>,
    }
    #[derive(Deserialize)]
    struct Home {
        full_name: String,
    }
    let path = format!("/repos/{repository}/pulls/{pull}");
    let raw: Raw = client.get(&path)?;
    let head = CommitId::parse(&raw.head.sha).ok_or_else(|| Error::Malformed {
        request: request_line(&Method::GET, &path),
        reason: "the head is no commit id".into(),
    })?;
    let is_here = raw.head.repo.is_some_and(|home| home.full_name.eq_ignore_ascii_case(&repository.to_string()));
    Ok(HeadBranch { branch: raw.head.branch, head, is_here, is_open: raw.state == "open", is_merged: raw.merged })
}

/// Whether a branch is protected, or an open pull request comes from it or would enter it. A branch that is gone is not
/// needed.
/// <https://docs.github.com/en/rest/branches/branches#get-a-branch>
pub fn is_needed(client: &Client, repository: &Repository, branch: &str) -> Result<bool, Error> {
    #[derive(Deserialize)]
    struct Raw {
        protected: bool,
    }
    let name = percent_encode(branch);
    match client.get::<Raw>(&format!("/repos/{repository}/branches/{name}")) {
        Ok(raw) if raw.protected => return Ok(true),
        Ok(_) => {}
        Err(Error::NotFound { .. }) => return Ok(false),
        Err(error) => return Err(error),
    }
    let owner = percent_encode(repository.to_string().split('/').next().unwrap_or_default());
    for asked in [format!("head={owner}:{name}"), format!("base={name}")] {
        let path = format!("/repos/{repository}/pulls?state=open&{asked}&per_page=1");
        if !client.get::<Vec<serde::de::IgnoredAny>>(&path)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Closes a pull request. <https://docs.github.com/en/rest/pulls/pulls#update-a-pull-request>
pub fn close(client: &Client, repository: &Repository, pull: u64) -> Result<(), Error> {
    let path = format!("/repos/{repository}/pulls/{pull}");
    client.write(Method::PATCH, &path, Some(json!({ "state": "closed" })), Repeat::Harmless).map(drop)
}

/// Asks a workflow to run on a branch. <https://docs.github.com/en/rest/actions/workflows#create-a-workflow-dispatch-event>
pub fn dispatch(client: &Client, repository: &Repository, workflow: &str, branch: &str) -> Result<(), Error> {
    let path = format!("/repos/{repository}/actions/workflows/{}/dispatches", percent_encode(workflow));
    client.write(Method::POST, &path, Some(json!({ "ref": branch })), Repeat::Doubles).map(drop)
}

/// Workflow runs on a commit: number and whether each has ended.
pub fn runs_on(client: &Client, repository: &Repository, commit: &CommitId) -> Result<Vec<(u64, bool)>, Error> {
    #[derive(Deserialize)]
    struct Page {
        workflow_runs: Vec<Run>,
    }
    #[derive(Deserialize)]
    struct Run {
        id: u64,
        status: Option<String>,
    }
    let path = format!("/repos/{repository}/actions/runs?head_sha={commit}&per_page=100");
    let pages = client.get_pages::<Page, _>(&path, |page| page.workflow_runs)?;
    Ok(pages.items.into_iter().map(|run| (run.id, run.status.as_deref() == Some("completed"))).collect())
}

/// Runs a workflow run once more.
pub fn rerun(client: &Client, repository: &Repository, run: u64) -> Result<(), Error> {
    let path = format!("/repos/{repository}/actions/runs/{run}/rerun");
    client.write(Method::POST, &path, None, Repeat::Doubles).map(drop)
}

/// Stops a workflow run; one that has ended meanwhile is no error.
pub fn cancel(client: &Client, repository: &Repository, run: u64) -> Result<(), Error> {
    let path = format!("/repos/{repository}/actions/runs/{run}/cancel");
    match client.write(Method::POST, &path, None, Repeat::Harmless) {
        Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
        Err(Error::Unexpected { status: 409, .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The check run of this name by us on a commit becomes this; without a conclusion it is in progress.
pub fn set_check(
    client: &Client,
    repository: &Repository,
    head: &CommitId,
    name: &str,
    (title, summary): (&str, &str),
    conclusion: Option<&str>,
) -> Result<(), Error> {
    const KEY: &str = "mainguard-queue";
    #[derive(Deserialize)]
    struct Page {
        check_runs: Vec<Run>,
    }
    #[derive(Deserialize)]
    struct Run {
        id: u64,
        external_id: Option<String>,
    }
    let title = super::clamp_characters(title, super::checks::MAX_TITLE);
    let summary = super::clamp_bytes(summary, super::checks::MAX_SUMMARY_BYTES);
    let path = format!(
        "/repos/{repository}/commits/{head}/check-runs?check_name={}&filter=all&per_page=100",
        percent_encode(name)
    );
    let runs = client.get_pages::<Page, _>(&path, |page| page.check_runs)?.items;
    let ours = runs.iter().filter(|run| run.external_id.as_deref() == Some(KEY)).map(|run| run.id).max();
    let mut body = json!({
        "name": name, "external_id": KEY, "status": "in_progress", "output": { "title": title, "summary": summary },
    });
    if let Some(conclusion) = conclusion {
        body["status"] = json!("completed");
        body["conclusion"] = json!(conclusion);
    }
    match ours {
        Some(id) => {
            let path = format!("/repos/{repository}/check-runs/{id}");
            client.write(Method::PATCH, &path, Some(body), Repeat::Harmless).map(drop)
        }
        None => {
            body["head_sha"] = json!(head.as_str());
            let path = format!("/repos/{repository}/check-runs");
            client.write(Method::POST, &path, Some(body), Repeat::Doubles).map(drop)
        }
    }
}

fn pull(node: &Value) -> Result<QueuePull, Error> {
    let text = |name: &str| node[name].as_str().map(str::to_string);
    let needed = |name: &'static str| text(name).ok_or_else(|| malformed(name));
    let login = |who: &Value| who["login"].as_str().unwrap_or("ghost").to_string();
    let head = CommitId::parse(&needed("headRefOid")?).ok_or_else(|| malformed("headRefOid"))?;
    let nodes = |list: &Value| list["nodes"].as_array().cloned().unwrap_or_default();
    let labeled = nodes(&node["timelineItems"])
        .iter()
        .filter_map(|event| {
            Some((event["label"]["name"].as_str()?.to_string(), login(&event["actor"]), time(&event["createdAt"])?))
        })
        .collect();
    let newest = &node["commits"]["nodes"][0]["commit"];
    let checks = match newest["oid"].as_str() == Some(head.as_str()) {
        true => Some(contexts(&newest["statusCheckRollup"])?),
        false => None,
    };
    Ok(QueuePull {
        number: node["number"].as_u64().ok_or_else(|| malformed("number"))?,
        state: needed("state")?,
        updated_at: time(&node["updatedAt"]).ok_or_else(|| malformed("updatedAt"))?,
        head,
        head_branch: text("headRefName").unwrap_or_default(),
        base_branch: needed("baseRefName")?,
        is_from_fork: node["isCrossRepository"].as_bool().unwrap_or(true),
        draft: node["isDraft"].as_bool().ok_or_else(|| malformed("isDraft"))?,
        title: text("title").unwrap_or_default(),
        body: text("body").unwrap_or_default(),
        author: login(&node["author"]),
        labels: nodes(&node["labels"]).iter().filter_map(|label| Some(label["name"].as_str()?.to_string())).collect(),
        reviews: nodes(&node["latestOpinionatedReviews"])
            .iter()
            .filter_map(|review| Some(review["state"].as_str()?.to_string()))
            .collect(),
        labeled,
        checks,
    })
}

/// No rollup means that nothing ever reported.
fn contexts(rollup: &Value) -> Result<CommitChecks, Error> {
    if rollup.is_null() {
        return Ok(CommitChecks { contexts: Vec::new(), complete: true });
    }
    let list = &rollup["contexts"];
    let nodes = list["nodes"].as_array().ok_or_else(|| malformed("contexts"))?;
    let mut complete = list["pageInfo"]["hasNextPage"] == Value::Bool(false);
    let mut contexts = Vec::new();
    for node in nodes {
        match node["__typename"].as_str() {
            Some("CheckRun") => {
                let ended = node["status"].as_str() == Some("COMPLETED");
                let conclusion = node["conclusion"].as_str().unwrap_or_default().to_lowercase();
                contexts.push(CheckContext {
                    name: node["name"].as_str().ok_or_else(|| malformed("name"))?.into(),
                    app: node["checkSuite"]["app"]["slug"].as_str().map(str::to_string),
                    source: node["checkSuite"]["databaseId"].as_u64().unwrap_or(0).to_string(),
                    id: node["databaseId"].as_u64().unwrap_or(0),
                    conclusion: ended.then_some(conclusion),
                    started_at: time(&node["startedAt"]),
                    completed_at: time(&node["completedAt"]),
                    url: node["detailsUrl"].as_str().map(str::to_string),
                });
            }
            Some("StatusContext") => {
                let state = node["state"].as_str().unwrap_or_default().to_lowercase();
                let at = time(&node["createdAt"]);
                let ended = !matches!(&*state, "pending" | "expected");
                let conclusion = if state == "error" { "failure".into() } else { state };
                contexts.push(CheckContext {
                    name: node["context"].as_str().ok_or_else(|| malformed("context"))?.into(),
                    app: None,
                    source: "status".into(),
                    id: at.and_then(|at| at.timestamp().try_into().ok()).unwrap_or(0),
                    conclusion: ended.then_some(conclusion),
                    started_at: at,
                    completed_at: at.filter(|_| ended),
                    url: node["targetUrl"].as_str().map(str::to_string),
                });
            }
            // Something that could not be told: then these are not all.
            _ => complete = false,
        }
    }
    Ok(CommitChecks { contexts, complete })
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    value.as_str()?.parse().ok()
}

fn malformed(what: &str) -> Error {
    Error::Malformed { request: request_line(&Method::POST, "/graphql"), reason: format!("`{what}` is missing or odd") }
}
