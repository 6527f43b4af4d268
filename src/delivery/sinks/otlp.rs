//! OpenTelemetry: OTLP over HTTP in JSON. Each event is a log record; a run that ended is a span with one span a job.
//!
//! Ids are made from the run and its attempt, so that what is sent again replaces itself, and spans of several jobs
//! find each other without talking. <https://opentelemetry.io/docs/specs/otlp/#otlphttp>,
//! <https://opentelemetry.io/docs/specs/semconv/cicd/cicd-spans/>

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Key, Request, Setting, cdevents};
use crate::delivery::event::{DeliveryEvent, EventKind, Job, Run};

/// The semantic conventions that the attributes are named by.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.37.0";

pub(super) fn requests(
    endpoint: &Key,
    headers: &[(String, Key)],
    events: &[&DeliveryEvent],
    setting: &Setting,
) -> Vec<Request> {
    let base = endpoint.expose().trim_end_matches('/');
    let request = |path: &str, body: Value| {
        let mut all = vec![("content-type".to_string(), Key("application/json".into()))];
        all.extend(headers.iter().cloned());
        Request { url: Key(format!("{base}{path}")), headers: all, body: body.to_string().into_bytes() }
    };
    let mut requests = vec![request("/v1/logs", logs(events, setting))];
    if let Some(traces) = traces(events, setting) {
        requests.push(request("/v1/traces", traces));
    }
    requests
}

/// How many records the collector threw away of a request that it took, and why, by the body of its answer. A success
/// with `partialSuccess` must not be sent again. <https://opentelemetry.io/docs/specs/otlp/#partial-success-1>
pub(super) fn rejected(body: &[u8]) -> Option<(u64, String)> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let partial = answer.get("partialSuccess")?;
    // 64-bit numbers are strings in protobuf's JSON, and numbers are accepted too.
    let count = |name: &str| match &partial[name] {
        Value::String(digits) => digits.parse().ok(),
        other => other.as_u64(),
    };
    let many = ["rejectedLogRecords", "rejectedSpans"].into_iter().find_map(count).filter(|many| *many > 0)?;
    Some((many, partial["errorMessage"].as_str().unwrap_or("it does not say why").to_string()))
}

/// The log records of the events.
pub fn logs(events: &[&DeliveryEvent], setting: &Setting) -> Value {
    let scoped = events.iter().map(|event| {
        let failed = matches!(
            event.kind,
            EventKind::CiFailed | EventKind::IntegrationCiFailed | EventKind::DeployFailed | EventKind::PreviewFailed
        );
        let mut attributes = attributes(event, setting);
        attributes.push(text("mainguard.event.id", &event.id.to_string()));
        for (name, value) in event.properties() {
            attributes.extend(attribute(&format!("mainguard.{name}"), &value));
        }
        let (number, word) = if failed { (17, "ERROR") } else { (9, "INFO") };
        let mut record = json!({
            "timeUnixNano": nanos(event.occurred_at),
            "observedTimeUnixNano": nanos(event.occurred_at),
            "severityNumber": number,
            "severityText": word,
            "eventName": event.kind.name(),
            "body": {"stringValue": event.kind.words()},
            "attributes": attributes,
        });
        if let Some(run) = &event.facts.run {
            record["traceId"] = trace_id(event, run).into();
            record["spanId"] = span_id(event, run, 0).into();
        }
        (event.repository.as_str(), record)
    });
    json!({"resourceLogs": by_repository(scoped, setting, "scopeLogs", "logRecords")})
}

/// The spans of the runs that ended; `None` when none did.
pub fn traces(events: &[&DeliveryEvent], setting: &Setting) -> Option<Value> {
    let mut spans = Vec::new();
    for event in events {
        let (Some(run), Some(result)) = (&event.facts.run, result(event.kind)) else { continue };
        let (Some(start), end) = (run.started_at, run.finished_at.unwrap_or(event.occurred_at)) else { continue };
        spans.push((event.repository.as_str(), run_span(event, run, result, start, end, setting)));
        spans.extend(run.jobs.iter().filter_map(|job| Some((event.repository.as_str(), job_span(event, run, job)?))));
    }
    (!spans.is_empty())
        .then(|| json!({"resourceSpans": by_repository(spans.into_iter(), setting, "scopeSpans", "spans")}))
}

fn result(kind: EventKind) -> Option<&'static str> {
    match kind {
        EventKind::CiPassed | EventKind::IntegrationCiPassed => Some("success"),
        EventKind::CiFailed | EventKind::IntegrationCiFailed => Some("failure"),
        _ => None,
    }
}

fn run_span(
    event: &DeliveryEvent,
    run: &Run,
    result: &str,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    setting: &Setting,
) -> Value {
    let mut attributes = attributes(event, setting);
    attributes.push(text("cicd.pipeline.result", result));
    attributes.push(text("cicd.pipeline.action.name", "RUN"));
    if result != "success" {
        attributes.push(text("error.type", result));
    }
    json!({
        "traceId": trace_id(event, run),
        "spanId": span_id(event, run, 0),
        "name": format!("RUN {}", run.name),
        // SERVER
        "kind": 2,
        "startTimeUnixNano": nanos(start),
        "endTimeUnixNano": nanos(end.max(start)),
        "attributes": attributes,
        "status": {"code": if result == "success" { 1 } else { 2 }},
    })
}

fn job_span(event: &DeliveryEvent, run: &Run, job: &Job) -> Option<Value> {
    let (start, end) = (job.started_at?, job.finished_at?);
    let result = match job.conclusion.as_deref() {
        Some("success" | "neutral") => "success",
        Some("cancelled") => "cancellation",
        Some("skipped") => "skip",
        Some("timed_out") => "timeout",
        Some("startup_failure") => "error",
        _ => "failure",
    };
    let failed = matches!(result, "failure" | "timeout" | "error");
    let mut attributes = vec![
        text("cicd.pipeline.task.name", &job.name),
        text("cicd.pipeline.task.run.id", &job.id.to_string()),
        text("cicd.pipeline.task.run.result", result),
    ];
    if let Some(label) = job.labels.first() {
        attributes.push(text("cicd.worker.name", label));
    }
    if failed {
        attributes.push(text("error.type", result));
    }
    Some(json!({
        "traceId": trace_id(event, run),
        "spanId": span_id(event, run, job.id),
        "parentSpanId": span_id(event, run, 0),
        "name": format!("RUN {}", job.name),
        // INTERNAL
        "kind": 1,
        "startTimeUnixNano": nanos(start),
        "endTimeUnixNano": nanos(end.max(start)),
        "attributes": attributes,
        "status": {"code": if failed { 2 } else { 1 }},
    }))
}

/// What an event is about, in the words of the conventions.
fn attributes(event: &DeliveryEvent, setting: &Setting) -> Vec<Value> {
    let facts = &event.facts;
    let mut all = Vec::new();
    let mut put = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            all.push(text(name, value));
        }
    };
    let pr = facts.pr.map(|pr| pr.to_string());
    put("vcs.change.id", pr.as_deref());
    put(
        "vcs.change.state",
        match event.kind {
            EventKind::PrOpened => Some("open"),
            EventKind::PrMerged => Some("merged"),
            EventKind::PrClosed => Some("closed"),
            _ => None,
        },
    );
    put("vcs.change.title", facts.title.as_deref().filter(|_| facts.pr.is_some()));
    put("vcs.ref.head.name", facts.branch.as_deref());
    put("vcs.ref.head.revision", Some(&facts.sha));
    if let Some(run) = &facts.run {
        put("cicd.pipeline.name", Some(&run.name));
        put("cicd.pipeline.run.id", Some(&run.id.to_string()));
        put("cicd.pipeline.run.url.full", Some(&cdevents::uri(event, setting)));
    }
    put("deployment.environment.name", facts.environment.as_deref());
    put("service.name", facts.service.as_deref());
    all
}

/// Groups what belongs to one repository under one resource, in the order in which repositories are met.
fn by_repository<'a>(
    items: impl Iterator<Item = (&'a str, Value)>,
    setting: &Setting,
    scopes: &str,
    list: &str,
) -> Vec<Value> {
    let mut groups: Vec<(&str, Vec<Value>)> = Vec::new();
    for (repository, item) in items {
        match groups.iter_mut().find(|(name, _)| *name == repository) {
            Some((_, group)) => group.push(item),
            None => groups.push((repository, vec![item])),
        }
    }
    let resource = |repository: &str| {
        let (owner, name) = repository.split_once('/').unwrap_or(("", repository));
        let server = setting.server_url.trim_end_matches('/');
        json!({"attributes": [
            text("service.name", "mainguard"),
            text("vcs.provider.name", "github"),
            text("vcs.owner.name", owner),
            text("vcs.repository.name", name),
            text("vcs.repository.url.full", &format!("{server}/{repository}")),
        ]})
    };
    let scope = json!({"name": "mainguard", "version": env!("CARGO_PKG_VERSION")});
    groups
        .into_iter()
        .map(|(repository, group)| {
            json!({
                "resource": resource(repository),
                scopes: [{"scope": scope, list: group, "schemaUrl": SCHEMA_URL}],
                "schemaUrl": SCHEMA_URL,
            })
        })
        .collect()
}

fn text(name: &str, value: &str) -> Value {
    json!({"key": name, "value": {"stringValue": value}})
}

fn attribute(name: &str, value: &Value) -> Option<Value> {
    let value = match value {
        Value::String(text) => json!({"stringValue": text}),
        Value::Bool(is) => json!({"boolValue": is}),
        // JSON of protobuf: an int64 is a string.
        Value::Number(number) if number.is_u64() || number.is_i64() => json!({"intValue": number.to_string()}),
        Value::Number(number) => json!({"doubleValue": number}),
        Value::Array(items) => {
            let values: Vec<Value> =
                items.iter().filter_map(Value::as_str).map(|text| json!({"stringValue": text})).collect();
            json!({"arrayValue": {"values": values}})
        }
        Value::Null | Value::Object(_) => return None,
    };
    Some(json!({"key": name, "value": value}))
}

fn nanos(at: DateTime<Utc>) -> String {
    at.timestamp_nanos_opt().unwrap_or_default().max(0).to_string()
}

/// 16 bytes in hex, from repository, run and attempt.
fn trace_id(event: &DeliveryEvent, run: &Run) -> String {
    hex(&[b"trace", event.repository.as_bytes(), &run.id.to_be_bytes(), &event.attempt.to_be_bytes()], 16)
}

/// 8 bytes in hex; job 0 is the run itself.
fn span_id(event: &DeliveryEvent, run: &Run, job: u64) -> String {
    let (run, attempt) = (run.id.to_be_bytes(), event.attempt.to_be_bytes());
    hex(&[b"span", event.repository.as_bytes(), &run, &attempt, &job.to_be_bytes()], 8)
}

fn hex(parts: &[&[u8]], bytes: usize) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::rejected;

    #[test]
    fn what_a_collector_threw_away_is_read() {
        let of = |body: &str| rejected(body.as_bytes());
        assert_eq!(
            of(r#"{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"old"}}"#),
            Some((2, "old".into()))
        );
        assert!(of(r#"{"partialSuccess":{"rejectedSpans":1}}"#).is_some_and(|(many, _)| many == 1));
        // A warning, an empty answer, and something else.
        for nothing in [
            r#"{"partialSuccess":{"errorMessage":"slow down"}}"#,
            "{}",
            "",
            "ok",
            r#"{"partialSuccess":{"rejectedSpans":"-1"}}"#,
        ] {
            assert_eq!(of(nothing), None, "{nothing}");
        }
    }
}
