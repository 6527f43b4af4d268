//! What a payload of GitHub says, as events. Pure.
//!
//! The times are those of the payload, so that the same payload is the same event whenever it is read. Everything in
//! it is hostile: a fact of another type is a fact that is not there, and where one is missing without which there is
//! no event, there is none. <https://docs.github.com/en/webhooks/webhook-events-and-payloads>

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::delivery::config::Config;
use crate::delivery::cost;
use crate::delivery::event::{DeliveryEvent, EventKind, Facts, Job, Run, Subject};

/// What a payload says. `name` is the webhook's (`GITHUB_EVENT_NAME`).
pub fn events(name: &str, payload: &Value, config: &Config) -> Vec<DeliveryEvent> {
    let event = match name {
        "pull_request" | "pull_request_target" => pull_request(payload),
        "pull_request_review" => review(payload),
        "workflow_run" => workflow_run(payload, config),
        "check_suite" => check_suite(payload),
        "deployment_status" => deployment_status(payload),
        "issues" => incident(payload),
        _ => None,
    };
    event.into_iter().collect()
}

/// What every event of a payload can be about, for events that the payload does not name itself: a pull request, its
/// head and branch, who did it, and the time of the newest fact.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Surroundings {
    /// `owner/name`.
    pub repository: Option<String>,
    /// What is known.
    pub facts: Facts,
    /// When the payload's subject was last changed.
    pub at: Option<DateTime<Utc>>,
}

/// What a payload is about.
pub fn surroundings(name: &str, payload: &Value) -> Surroundings {
    let mut around = Surroundings { repository: repository(payload), ..Surroundings::default() };
    if let Some(pull) = payload.get("pull_request").filter(|pull| pull.is_object()) {
        around.facts = pull_facts(payload, pull);
        around.at = time(&pull["updated_at"]);
        return around;
    }
    around.facts.actor = login(&payload["sender"]);
    match name {
        "workflow_run" => {
            let run = &payload["workflow_run"];
            around.facts = run_facts(payload, run);
            around.at = time(&run["run_started_at"]).or_else(|| time(&run["created_at"]));
        }
        "push" => {
            around.facts.sha = text(&payload["after"]).unwrap_or_default();
            around.facts.branch = text(&payload["ref"]).map(|name| name.trim_start_matches("refs/heads/").to_string());
            around.at = time(&payload["head_commit"]["timestamp"]);
        }
        "merge_group" => {
            let group = &payload["merge_group"];
            around.facts.sha = text(&group["head_sha"]).unwrap_or_default();
            around.facts.branch =
                text(&group["head_ref"]).map(|name| name.trim_start_matches("refs/heads/").to_string());
            around.at = time(&group["head_commit"]["timestamp"]);
        }
        "issue_comment" => {
            let issue = &payload["issue"];
            around.facts.pr = issue.get("pull_request").and_then(|_| issue["number"].as_u64());
            around.at = time(&payload["comment"]["created_at"]);
        }
        "deployment_status" | "deployment" => {
            let deployment = &payload["deployment"];
            around.facts = deployment_facts(payload, deployment);
            around.at = time(&payload["deployment_status"]["created_at"]).or_else(|| time(&deployment["created_at"]));
        }
        _ => {}
    }
    around
}

/// The jobs of a run, as the REST API lists them.
pub fn jobs(listed: &Value) -> Vec<Job> {
    let jobs = listed["jobs"].as_array().map(Vec::as_slice).unwrap_or_default();
    jobs.iter().filter_map(job).collect()
}

/// One job, from the API or from a `workflow_job` payload.
fn job(value: &Value) -> Option<Job> {
    let labels = value["labels"].as_array().map(Vec::as_slice).unwrap_or_default();
    Some(Job {
        id: value["id"].as_u64()?,
        name: text(&value["name"]).unwrap_or_default(),
        labels: labels.iter().filter_map(text).collect(),
        conclusion: text(&value["conclusion"]),
        started_at: time(&value["started_at"]),
        finished_at: time(&value["completed_at"]),
    })
}

fn pull_request(payload: &Value) -> Option<DeliveryEvent> {
    let pull = payload.get("pull_request")?;
    let action = payload["action"].as_str()?;
    let merged = pull["merged"] == true;
    let (kind, at) = match (action, merged) {
        ("opened", _) => (EventKind::PrOpened, time(&pull["created_at"])),
        ("closed", true) => (EventKind::PrMerged, time(&pull["merged_at"]).or_else(|| time(&pull["closed_at"]))),
        ("closed", false) => (EventKind::PrClosed, time(&pull["closed_at"])),
        _ => return None,
    };
    let mut facts = pull_facts(payload, pull);
    if kind == EventKind::PrMerged {
        facts.actor = login(&pull["merged_by"]).or(facts.actor);
        facts.duration_s = time(&pull["created_at"]).zip(at).map(|(from, to)| cost::seconds(from, to));
    } else if kind == EventKind::PrClosed {
        facts.actor = login(&payload["sender"]).or(facts.actor);
    }
    let subject = Subject::pull(facts.pr?);
    // Closed and opened again, it can be closed again: the time tells which closing it was.
    let subject = match kind {
        EventKind::PrClosed => Subject::of("pull", &format!("{}/{}", facts.pr?, at?.timestamp())),
        _ => subject,
    };
    Some(DeliveryEvent::new(kind, &repository(payload)?, subject, 1, at?, facts))
}

fn review(payload: &Value) -> Option<DeliveryEvent> {
    let review = payload.get("review")?;
    if payload["action"] != "submitted" || !review["state"].as_str()?.eq_ignore_ascii_case("approved") {
        return None;
    }
    let mut facts = pull_facts(payload, payload.get("pull_request")?);
    facts.actor = login(&review["user"]);
    facts.sha = text(&review["commit_id"]).unwrap_or(facts.sha);
    facts.url = text(&review["html_url"]).or(facts.url);
    let subject = Subject::of("review", &review["id"].as_u64()?.to_string());
    let at = time(&review["submitted_at"])?;
    Some(DeliveryEvent::new(EventKind::Approval, &repository(payload)?, subject, 1, at, facts))
}

fn workflow_run(payload: &Value, config: &Config) -> Option<DeliveryEvent> {
    let run = payload.get("workflow_run")?;
    let mut facts = run_facts(payload, run);
    let started = time(&run["run_started_at"]).or_else(|| time(&run["created_at"]))?;
    let (kind, at) = match payload["action"].as_str()? {
        "requested" | "in_progress" => (EventKind::CiStarted, started),
        "completed" => {
            let ended = time(&run["updated_at"])?;
            facts.ci_duration_s = Some(cost::seconds(started, ended));
            if let Some(one) = &mut facts.run {
                one.finished_at = Some(ended);
                facts.est_cost_usd =
                    cost::estimate(&one.jobs, &config.price_per_minute).filter(|_| !one.jobs.is_empty());
            }
            match run["conclusion"].as_str()? {
                "success" => (EventKind::CiPassed, ended),
                "failure" | "timed_out" | "startup_failure" => (EventKind::CiFailed, ended),
                // Cancelled, skipped, neutral, waiting for a person: neither passed nor failed.
                _ => return None,
            }
        }
        _ => return None,
    };
    let attempt = run["run_attempt"].as_u64().and_then(|attempt| u32::try_from(attempt).ok()).unwrap_or(1);
    let subject = Subject::run(run["id"].as_u64()?);
    Some(DeliveryEvent::new(kind, &repository(payload)?, subject, attempt, at, facts))
}

/// Checks of an app that is not Actions, whose own runs come as `workflow_run`.
fn check_suite(payload: &Value) -> Option<DeliveryEvent> {
    let suite = payload.get("check_suite")?;
    if payload["action"] != "completed" || suite["app"]["slug"] == "github-actions" {
        return None;
    }
    let kind = match suite["conclusion"].as_str()? {
        "success" => EventKind::CiPassed,
        "failure" | "timed_out" | "startup_failure" => EventKind::CiFailed,
        _ => return None,
    };
    let (started, ended) = (time(&suite["created_at"])?, time(&suite["updated_at"])?);
    let facts = Facts {
        pr: only_pull(&suite["pull_requests"]),
        sha: text(&suite["head_sha"])?,
        branch: text(&suite["head_branch"]),
        actor: login(&payload["sender"]),
        ci_duration_s: Some(cost::seconds(started, ended)),
        run: Some(Run {
            id: suite["id"].as_u64()?,
            name: text(&suite["app"]["name"]).unwrap_or_default(),
            started_at: Some(started),
            finished_at: Some(ended),
            jobs: Vec::new(),
        }),
        ..Facts::default()
    };
    let subject = Subject::of("suite", &suite["id"].as_u64()?.to_string());
    // A suite that is run again keeps its id and is updated again.
    let subject = Subject::of("suite", &format!("{}/{}", &subject.as_str()["suite/".len()..], ended.timestamp()));
    Some(DeliveryEvent::new(kind, &repository(payload)?, subject, 1, ended, facts))
}

fn deployment_status(payload: &Value) -> Option<DeliveryEvent> {
    let (status, deployment) = (payload.get("deployment_status")?, payload.get("deployment")?);
    let rollback = deployment["task"].as_str().is_some_and(|task| task.starts_with("rollback"));
    let kind = match status["state"].as_str()? {
        "success" if rollback => EventKind::RolledBack,
        "success" => EventKind::Deployed,
        "failure" | "error" => EventKind::DeployFailed,
        _ => return None,
    };
    let mut facts = deployment_facts(payload, deployment);
    facts.reason = text(&status["description"]).filter(|said| !said.is_empty());
    let links = ["environment_url", "log_url", "target_url"];
    facts.url = links.iter().find_map(|key| text(&status[*key]).filter(|url| !url.is_empty())).or(facts.url);
    let at = time(&status["created_at"])?;
    facts.duration_s = time(&deployment["created_at"]).map(|from| cost::seconds(from, at));
    let subject = Subject::of("deployment", &deployment["id"].as_u64()?.to_string());
    Some(DeliveryEvent::new(kind, &repository(payload)?, subject, 1, at, facts))
}

/// An issue with the label `incident`.
fn incident(payload: &Value) -> Option<DeliveryEvent> {
    let issue = payload.get("issue")?;
    let labels = issue["labels"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is = |label: &Value, name: &str| label["name"].as_str().is_some_and(|one| one.eq_ignore_ascii_case(name));
    if !labels.iter().any(|label| is(label, "incident")) {
        return None;
    }
    let labelled = payload["action"] == "labeled" && is(&payload["label"], "incident");
    let (kind, at) = match payload["action"].as_str()? {
        "opened" => (EventKind::IncidentOpened, time(&issue["created_at"])),
        _ if labelled => (EventKind::IncidentOpened, time(&issue["created_at"])),
        "closed" => (EventKind::IncidentResolved, time(&issue["closed_at"])),
        _ => return None,
    };
    let named = |start: &str| {
        let names = labels.iter().filter_map(|label| label["name"].as_str());
        names.into_iter().find_map(|name| name.strip_prefix(start)).map(|name| name.trim().to_string())
    };
    let facts = Facts {
        actor: login(&payload["sender"]),
        title: text(&issue["title"]),
        url: text(&issue["html_url"]),
        service: named("service:"),
        environment: named("environment:").or_else(|| Some("production".into())),
        duration_s: (kind == EventKind::IncidentResolved)
            .then(|| time(&issue["created_at"]).zip(at).map(|(from, to)| cost::seconds(from, to)))
            .flatten(),
        ..Facts::default()
    };
    let subject = Subject::of("incident", &issue["number"].as_u64()?.to_string());
    Some(DeliveryEvent::new(kind, &repository(payload)?, subject, 1, at?, facts))
}

fn pull_facts(payload: &Value, pull: &Value) -> Facts {
    Facts {
        pr: pull["number"].as_u64().or_else(|| payload["number"].as_u64()),
        sha: text(&pull["head"]["sha"]).unwrap_or_default(),
        branch: text(&pull["head"]["ref"]),
        actor: login(&pull["user"]),
        title: text(&pull["title"]),
        url: text(&pull["html_url"]),
        ..Facts::default()
    }
}

fn run_facts(payload: &Value, run: &Value) -> Facts {
    let name = [&run["name"], &payload["workflow"]["name"], &run["path"]];
    Facts {
        pr: only_pull(&run["pull_requests"]),
        sha: text(&run["head_sha"]).unwrap_or_default(),
        branch: text(&run["head_branch"]),
        actor: login(&run["triggering_actor"]).or_else(|| login(&run["actor"])).or_else(|| login(&payload["sender"])),
        url: text(&run["html_url"]),
        run: run["id"].as_u64().map(|id| Run {
            id,
            name: name.iter().find_map(|name| text(name).filter(|name| !name.is_empty())).unwrap_or_default(),
            started_at: time(&run["run_started_at"]).or_else(|| time(&run["created_at"])),
            finished_at: None,
            jobs: Vec::new(),
        }),
        ..Facts::default()
    }
}

fn deployment_facts(payload: &Value, deployment: &Value) -> Facts {
    // GitHub gives back a string where a string was stored.
    let said = match &deployment["payload"] {
        Value::String(text) => serde_json::from_str(text).unwrap_or(Value::Null),
        other => other.clone(),
    };
    Facts {
        sha: text(&deployment["sha"]).unwrap_or_default(),
        branch: text(&deployment["ref"]),
        actor: login(&deployment["creator"]).or_else(|| login(&payload["sender"])),
        environment: text(&deployment["environment"]),
        service: text(&said["service"]),
        artifact: text(&said["artifact"]),
        ..Facts::default()
    }
}

/// Empty for a fork. More than one and nobody knows which is meant.
fn only_pull(pulls: &Value) -> Option<u64> {
    match pulls.as_array()?.as_slice() {
        [only] => only["number"].as_u64(),
        _ => None,
    }
}

fn repository(payload: &Value) -> Option<String> {
    text(&payload["repository"]["full_name"])
}

fn login(user: &Value) -> Option<String> {
    text(&user["login"])
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_string)
}

/// RFC 3339; a push has seconds since 1970 in some places.
fn time(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::String(text) => DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc)),
        Value::Number(seconds) => DateTime::from_timestamp(seconds.as_i64()?, 0),
        _ => None,
    }
}
