//! CDEvents 0.5.1 as CloudEvents over HTTP, one request an event, in the binary binding.
//!
//! The specification's schemas are closed: what has no place in an event's content stands in `customData`, under the
//! names that our users know. What has no event in the vocabulary is not sent.
//! <https://cdevents.dev/docs/>, <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md>

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Key, Request, Setting};
use crate::delivery::event::{DeliveryEvent, EventKind};

/// The version of the specification.
pub const SPEC_VERSION: &str = "0.5.1";

/// The event's type there; `None` when there is none.
pub fn type_of(kind: EventKind) -> Option<&'static str> {
    Some(match kind {
        EventKind::PrOpened => "dev.cdevents.change.created.0.4.0",
        EventKind::Approval => "dev.cdevents.change.reviewed.0.3.0",
        EventKind::PrMerged => "dev.cdevents.change.merged.0.3.0",
        EventKind::PrClosed => "dev.cdevents.change.abandoned.0.3.0",
        EventKind::CiStarted => "dev.cdevents.pipelinerun.started.0.3.0",
        EventKind::QueueEntered => "dev.cdevents.pipelinerun.queued.0.3.0",
        EventKind::CiPassed | EventKind::CiFailed | EventKind::IntegrationCiPassed | EventKind::IntegrationCiFailed => {
            "dev.cdevents.pipelinerun.finished.0.3.0"
        }
        EventKind::GuardVerdict | EventKind::DeployFailed | EventKind::PreviewFailed => {
            "dev.cdevents.taskrun.finished.0.3.0"
        }
        EventKind::PreviewReady => "dev.cdevents.environment.created.0.3.0",
        EventKind::Deployed => "dev.cdevents.service.deployed.0.3.0",
        EventKind::RolledBack => "dev.cdevents.service.rolledback.0.3.0",
        EventKind::IncidentOpened => "dev.cdevents.incident.detected.0.3.0",
        EventKind::IncidentResolved => "dev.cdevents.incident.resolved.0.3.0",
        EventKind::QueueLeft | EventKind::BaseMoved | EventKind::Frozen | EventKind::Thawed => return None,
    })
}

/// The document; `None` when the vocabulary has no such event.
pub fn document(event: &DeliveryEvent, setting: &Setting) -> Option<Value> {
    let kind = type_of(event.kind)?;
    let source = repository_url(event, setting);
    let mut context = json!({
        "specversion": SPEC_VERSION,
        "id": event.id,
        "source": source,
        "type": kind,
        "timestamp": event.occurred_at,
    });
    if let Some(pr) = event.facts.pr {
        // What belongs to one change is found together.
        let chain = format!("{}/pull/{pr}", event.repository);
        context["chainId"] = Uuid::new_v5(&Uuid::NAMESPACE_URL, chain.as_bytes()).to_string().into();
    }
    Some(json!({
        "context": context,
        "subject": {"id": event.subject.as_str(), "source": source, "content": content(event, setting)},
        "customData": {"event": event.kind.name(), "properties": event.properties()},
        "customDataContentType": "application/json",
    }))
}

pub(super) fn request(url: &Key, event: &DeliveryEvent, setting: &Setting) -> Option<Request> {
    let document = document(event, setting)?;
    let of = |place: &str| document.pointer(place).and_then(Value::as_str).unwrap_or_default().to_string();
    let headers = [
        ("content-type", "application/json".to_string()),
        ("ce-specversion", "1.0".into()),
        ("ce-id", of("/context/id")),
        ("ce-source", header_value(&of("/context/source"))),
        ("ce-type", of("/context/type")),
        ("ce-time", of("/context/timestamp")),
        ("ce-subject", header_value(&of("/subject/id"))),
    ];
    let headers = headers.into_iter().map(|(name, value)| (name.to_string(), Key(value))).collect();
    Some(Request { url: url.clone(), headers, body: document.to_string().into_bytes() })
}

fn content(event: &DeliveryEvent, setting: &Setting) -> Value {
    let facts = &event.facts;
    let mut content = Map::new();
    let repository = || json!({"id": event.repository, "source": setting.server_url});
    let environment =
        || json!({"id": facts.environment.as_deref().filter(|name| !name.is_empty()).unwrap_or("unknown")});
    let artifact = || match facts.artifact.as_deref().filter(|artifact| !artifact.is_empty()) {
        Some(artifact) => artifact.to_string(),
        // The commit is the artifact of who deploys from the repository. <https://github.com/package-url/purl-spec>
        None => format!("pkg:github/{}@{}", event.repository.to_lowercase(), facts.sha),
    };
    let outcome = |success: bool| if success { "success" } else { "failure" };
    let pipeline = facts.run.as_ref().map_or("merge queue", |run| run.name.as_str());
    match event.kind {
        EventKind::PrOpened => {
            if let Some(title) = facts.title.as_deref().filter(|title| !title.is_empty()) {
                content.insert("description".into(), title.into());
            }
            content.insert("repository".into(), repository());
        }
        EventKind::Approval | EventKind::PrMerged | EventKind::PrClosed => {
            content.insert("repository".into(), repository());
        }
        EventKind::CiStarted | EventKind::QueueEntered => {
            content.insert("pipelineName".into(), pipeline.into());
            content.insert("uri".into(), uri(event, setting).into());
        }
        EventKind::CiPassed | EventKind::CiFailed | EventKind::IntegrationCiPassed | EventKind::IntegrationCiFailed => {
            let success = matches!(event.kind, EventKind::CiPassed | EventKind::IntegrationCiPassed);
            content.insert("pipelineName".into(), pipeline.into());
            content.insert("uri".into(), uri(event, setting).into());
            content.insert("outcome".into(), outcome(success).into());
            if let Some(reason) = facts.reason.as_deref().filter(|_| !success) {
                content.insert("errors".into(), reason.into());
            }
        }
        EventKind::GuardVerdict | EventKind::DeployFailed | EventKind::PreviewFailed => {
            let name = match event.kind {
                EventKind::GuardVerdict => "guard",
                EventKind::DeployFailed => "deploy",
                _ => "preview",
            };
            let judged = facts.verdict.as_ref();
            let said = match judged.map(|judged| judged.outcome.as_str()) {
                Some("pass") => "success",
                Some("broken") => "error",
                _ => "failure",
            };
            content.insert("taskName".into(), name.into());
            content.insert("uri".into(), uri(event, setting).into());
            content.insert("outcome".into(), said.into());
            let errors = judged.map(|judged| judged.rules.join(", ")).or_else(|| facts.reason.clone());
            if let Some(errors) = errors.filter(|errors| !errors.is_empty()) {
                content.insert("errors".into(), errors.into());
            }
            if let Some(run) = &facts.run {
                content.insert("pipelineRun".into(), json!({"id": format!("run/{}", run.id)}));
            }
        }
        EventKind::PreviewReady => {
            content.insert("name".into(), facts.environment.as_deref().unwrap_or("preview").into());
            content.insert("uri".into(), uri(event, setting).into());
        }
        EventKind::Deployed | EventKind::RolledBack => {
            content.insert("environment".into(), environment());
            content.insert("artifactId".into(), artifact().into());
        }
        EventKind::IncidentOpened | EventKind::IncidentResolved => {
            if let Some(title) = facts.title.as_deref() {
                content.insert("description".into(), title.into());
            }
            content.insert("environment".into(), environment());
            if let Some(service) = facts.service.as_deref().filter(|service| !service.is_empty()) {
                content.insert("service".into(), json!({"id": service}));
            }
            if !facts.sha.is_empty() || facts.artifact.is_some() {
                content.insert("artifactId".into(), artifact().into());
            }
        }
        EventKind::QueueLeft | EventKind::BaseMoved | EventKind::Frozen | EventKind::Thawed => {}
    }
    Value::Object(content)
}

fn repository_url(event: &DeliveryEvent, setting: &Setting) -> String {
    format!("{}/{}", setting.server_url.trim_end_matches('/'), uri_part(&event.repository))
}

/// Where to look: the event's own link when it is one, else the run or the repository.
pub(super) fn uri(event: &DeliveryEvent, setting: &Setting) -> String {
    let is_uri = |url: &&str| {
        let safe = |character: char| character.is_ascii_graphic() && !"<>\"{}|\\^`".contains(character);
        (url.starts_with("https://") || url.starts_with("http://")) && url.len() > 8 && url.chars().all(safe)
    };
    if let Some(url) = event.facts.url.as_deref().filter(is_uri) {
        return url.to_string();
    }
    let repository = repository_url(event, setting);
    match (&event.facts.run, event.facts.pr) {
        (Some(run), _) => format!("{repository}/actions/runs/{}/attempts/{}", run.id, event.attempt),
        (None, Some(pr)) => format!("{repository}/pull/{pr}"),
        (None, None) => repository,
    }
}

/// Percent-encodes what may not stand in a path.
fn uri_part(text: &str) -> String {
    let safe = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(byte);
    text.bytes().map(|byte| if safe(&byte) { (byte as char).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// CloudEvents encodes in headers what is not printable ASCII, the quotation mark and the percent sign.
fn header_value(text: &str) -> String {
    let safe = |byte: &u8| (0x21..=0x7e).contains(byte) && !b"\"%".contains(byte);
    text.bytes().map(|byte| if safe(&byte) { (byte as char).to_string() } else { format!("%{byte:02X}") }).collect()
}
