//! Deployments on GitHub: where a preview of a pull request stands, shown on its page and in the list of environments.
//!
//! What pulls on this file: a second run must write nothing new; GitHub switches off older deployments by itself only
//! where the environment is permanent, and ours is not; and what others deployed is theirs. So ours are found by the
//! environment's name, of each environment one deployment is current, and every other one of it is made inactive.
//! <https://docs.github.com/en/rest/deployments>

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::change::CommitId;
use crate::github::client::{Client, Repeat, Written};
use crate::github::{Error, Repository, clamp_characters, percent_encode};

/// GitHub's bound on a status' description.
const MOST_DESCRIPTION: usize = 140;
/// Deployments of one environment that are looked at; the newest come first.
const MOST: usize = 30;

/// How a deployment is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not yet known.
    InProgress,
    /// It can be used.
    Success,
    /// It cannot.
    Failure,
    /// It is gone, or another one took its place.
    Inactive,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            State::InProgress => "in_progress",
            State::Success => "success",
            State::Failure => "failure",
            State::Inactive => "inactive",
        }
    }
}

/// A deployment as it ought to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The environment, ours alone: see [`environment`].
    pub environment: String,
    /// What was deployed.
    pub commit: CommitId,
    /// How it is going.
    pub state: State,
    /// Where it stands.
    pub url: Option<String>,
    /// Where to read more: the workflow run.
    pub log_url: Option<String>,
    /// One line.
    pub description: String,
}

/// The environment of a pull request's surface: `preview/pr-7/app`.
pub fn environment(number: u64, surface: &str) -> String {
    format!("{}{surface}", prefix(number))
}

/// What the environments of a pull request's previews begin with.
pub fn prefix(number: u64) -> String {
    format!("preview/pr-{number}/")
}

/// Where a deployment stands, as somebody else told GitHub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployed {
    /// The environment's name.
    pub environment: String,
    /// The address.
    pub url: String,
}

#[derive(Deserialize)]
struct Deployment {
    id: u64,
    sha: String,
    environment: String,
}

#[derive(Deserialize)]
struct Status {
    state: String,
    #[serde(default)]
    environment_url: Option<String>,
}

/// Brings one environment up to date: what was written, in words.
pub fn reconcile(client: &Client, repository: &Repository, wanted: &Wanted) -> Result<Vec<&'static str>, Error> {
    let known = of_environment(client, repository, &wanted.environment)?;
    let mut done = Vec::new();
    let same = |deployment: &&Deployment| deployment.sha == wanted.commit.as_str();
    let (current, old) = (known.iter().find(same), known.iter().filter(|deployment| !same(deployment)));
    let id = match current {
        Some(deployment) => Some(deployment.id),
        None => {
            done.push("created");
            create(client, repository, wanted)?
        }
    };
    // A dry run has no number to speak about.
    if let Some(id) = id {
        let last = latest(client, repository, id)?;
        // Somebody who looks again at what stands already need not say that it is under way.
        let says = |status: &Status| {
            (status.state == wanted.state.as_str() || wanted.state == State::InProgress)
                && status.environment_url.as_deref().unwrap_or_default() == wanted.url.as_deref().unwrap_or_default()
        };
        if !last.as_ref().is_some_and(says) {
            set(client, repository, id, wanted)?;
            done.push(wanted.state.as_str());
        }
    }
    for deployment in old {
        if retire(client, repository, deployment.id)? {
            done.push("an older one: inactive");
        }
    }
    Ok(done)
}

/// Makes every preview of a pull request inactive; how many were not yet.
pub fn close(client: &Client, repository: &Repository, number: u64) -> Result<usize, Error> {
    let begin = prefix(number);
    // There is no search by the beginning of a name, so the newest deployments of the repository are looked through.
    let path = format!("/repos/{repository}/deployments?per_page=100");
    let all = client.get_pages::<Vec<Deployment>, _>(&path, |page| page)?;
    let mut closed = 0;
    for deployment in all.items.iter().filter(|deployment| deployment.environment.starts_with(&begin)) {
        closed += usize::from(retire(client, repository, deployment.id)?);
    }
    Ok(closed)
}

/// Where others say that the commit stands, newest last; ours are left out.
pub fn of_commit(client: &Client, repository: &Repository, commit: &CommitId) -> Result<Vec<Deployed>, Error> {
    let path = format!("/repos/{repository}/deployments?sha={commit}&per_page=100");
    let mut found: Vec<Deployment> = client.get(&path)?;
    found.retain(|deployment| !deployment.environment.starts_with("preview/pr-"));
    let mut deployed = Vec::new();
    for deployment in found.iter().take(MOST).rev() {
        let status = latest(client, repository, deployment.id)?.filter(|status| status.state == "success");
        if let Some(url) = status.and_then(|status| status.environment_url).filter(|url| !url.is_empty()) {
            deployed.push(Deployed { environment: deployment.environment.clone(), url });
        }
    }
    Ok(deployed)
}

fn of_environment(client: &Client, repository: &Repository, name: &str) -> Result<Vec<Deployment>, Error> {
    client.get(&format!("/repos/{repository}/deployments?environment={}&per_page={MOST}", percent_encode(name)))
}

fn latest(client: &Client, repository: &Repository, id: u64) -> Result<Option<Status>, Error> {
    let path = format!("/repos/{repository}/deployments/{id}/statuses?per_page=1");
    Ok(client.get::<Vec<Status>>(&path)?.into_iter().next())
}

fn create(client: &Client, repository: &Repository, wanted: &Wanted) -> Result<Option<u64>, Error> {
    let body = json!({
        "ref": wanted.commit.as_str(),
        "environment": wanted.environment,
        "description": clamp_characters(&wanted.description, MOST_DESCRIPTION),
        // Nothing is merged into the branch, and no check has to be green: what is deployed is deployed already.
        "auto_merge": false,
        "required_contexts": [],
        "transient_environment": true,
        "production_environment": false,
    });
    let path = format!("/repos/{repository}/deployments");
    match client.write(Method::POST, &path, Some(body), Repeat::Doubles)? {
        Written::Planned => Ok(None),
        Written::Answered(answer) => match answer.get("id").and_then(Value::as_u64) {
            Some(id) => Ok(Some(id)),
            None => Err(Error::Malformed { request: format!("POST {path}"), reason: "there is no `id`".into() }),
        },
    }
}

fn set(client: &Client, repository: &Repository, id: u64, wanted: &Wanted) -> Result<(), Error> {
    let mut body = json!({
        "state": wanted.state.as_str(),
        "description": clamp_characters(&wanted.description, MOST_DESCRIPTION),
        // Said by hand: GitHub does it for permanent environments only.
        "auto_inactive": false,
    });
    if let Some(url) = &wanted.url {
        body["environment_url"] = json!(url);
    }
    if let Some(url) = &wanted.log_url {
        body["log_url"] = json!(url);
    }
    write_status(client, repository, id, body)
}

/// True when it was not inactive yet.
fn retire(client: &Client, repository: &Repository, id: u64) -> Result<bool, Error> {
    let gone = latest(client, repository, id)?.is_some_and(|status| status.state == "inactive");
    if !gone {
        write_status(client, repository, id, json!({ "state": "inactive", "auto_inactive": false }))?;
    }
    Ok(!gone)
}

fn write_status(client: &Client, repository: &Repository, id: u64, body: Value) -> Result<(), Error> {
    // A status twice says the same as once.
    let path = format!("/repos/{repository}/deployments/{id}/statuses");
    client.write(Method::POST, &path, Some(body), Repeat::Harmless).map(drop)
}
