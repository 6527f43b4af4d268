//! Telemetry: what is recorded arrives, once, whatever the network and the machine do, and no build notices.

mod crashes;
mod misbehaving;
mod payloads;
mod wire;

use std::path::Path;
use std::process::Command;

use chrono::{DateTime, Utc};
use mainguard::delivery::event::{Judged, Run, Tests};
use mainguard::delivery::{DeliveryEvent, EventKind, Facts, Subject};
use mainguard::guards::size::SizeLabel;

use crate::support::cli::mainguard;
use crate::support::sink::Sink;

/// Events of a queue that lands pull requests: what every sink takes.
fn landed(from: u64, many: u64) -> Vec<DeliveryEvent> {
    let start: DateTime<Utc> = "2026-03-01T10:00:00Z".parse().unwrap();
    let event = |number: u64| {
        let facts = Facts {
            pr: Some(number),
            sha: format!("{number:040x}"),
            branch: Some(format!("feature/{number}")),
            actor: Some("mona".into()),
            size: Some(SizeLabel::M),
            ..Facts::default()
        };
        let at = start + chrono::Duration::seconds(number as i64);
        DeliveryEvent::new(EventKind::IntegrationCiPassed, "octo/shop", Subject::pull(number), 1, at, facts)
    };
    (from..from + many).map(event).collect()
}

/// One of everything that can be known.
fn rich(kind: EventKind) -> DeliveryEvent {
    let start: DateTime<Utc> = "2026-03-01T10:00:00Z".parse().unwrap();
    let facts = Facts {
        pr: Some(7),
        sha: "5779607b49aab1200488439f02372c57b4f75444".into(),
        branch: Some("<!channel> `rm -rf` & *go*".into()),
        actor: Some("mona".into()),
        size: Some(SizeLabel::L),
        contracts_touched: Some(true),
        endpoints_touched: Some(false),
        ci_duration_s: Some(310.0),
        est_cost_usd: Some(0.048),
        run: Some(Run {
            id: 77,
            name: "ci".into(),
            started_at: Some(start),
            finished_at: Some(start + chrono::Duration::seconds(310)),
            jobs: Vec::new(),
        }),
        tests: Some(Tests { passed: 10, failed: 1, skipped: 2 }),
        verdict: Some(Judged {
            outcome: "blocked".into(),
            errors: 1,
            warnings: 0,
            rules: vec!["size/too-large".into()],
        }),
        environment: Some("production".into()),
        service: Some("shop".into()),
        title: Some("Refunds".into()),
        ..Facts::default()
    };
    DeliveryEvent::new(kind, "octo/shop", Subject::run(77), 2, start + chrono::Duration::seconds(310), facts)
}

fn write(path: &Path, events: &[DeliveryEvent]) {
    let lines: String = events.iter().map(|event| event.to_json() + "\n").collect();
    std::fs::write(path, lines).unwrap();
}

/// `mainguard record …` with PostHog and CDEvents at a server, its outbox below `home`.
fn record(home: &Path, sink: &Sink) -> Command {
    let mut command = mainguard(home);
    for name in ["POSTHOG_API_KEY", "POSTHOG_HOST", "SLACK_WEBHOOK_URL", "OTEL_EXPORTER_OTLP_ENDPOINT"] {
        command.env_remove(name);
    }
    command
        .arg("record")
        .env("MAINGUARD_OUTBOX", home.join("outbox"))
        .env("POSTHOG_API_KEY", "phc_thisisthekey")
        .env("POSTHOG_HOST", &sink.url)
        .env("MAINGUARD_CDEVENTS_URL", format!("{}/ce", sink.url));
    command
}

/// The same with all four sinks.
fn record_everywhere(home: &Path, sink: &Sink) -> Command {
    let mut command = record(home, sink);
    command.env("SLACK_WEBHOOK_URL", format!("{}/slack", sink.url)).env("OTEL_EXPORTER_OTLP_ENDPOINT", &sink.url);
    command
}

/// Every event came to this path, each with one content.
fn arrived(sink: &Sink, path: &str, expected: &[DeliveryEvent]) {
    let taken = sink.taken(path);
    let missing = expected.iter().filter(|event| !taken.contains_key(&event.id.to_string())).count();
    assert_eq!(missing, 0, "{path}: {missing} of {} events are missing", expected.len());
    assert_eq!(taken.len(), expected.len(), "{path}: there are events that nobody recorded");
    let changed = taken.iter().find(|(_, contents)| contents.len() > 1);
    assert!(changed.is_none(), "{path}: one event came with two contents: {changed:?}");
}
