//! The bytes that sinks see.

use std::collections::BTreeMap;

use mainguard::delivery::sinks::{Setting, cdevents, otlp, slack};
use mainguard::delivery::{Config, EventKind};
use serde_json::Value;

use super::{payloads, record_everywhere, rich, write};
use crate::support::cli::run;
use crate::support::sink::Sink;

fn setting() -> Setting {
    Setting { config: Config::default(), server_url: "https://github.com".into() }
}

/// PostHog's client sends properties in no order, and says things about itself and this machine.
fn steady(mut value: Value) -> Value {
    value["sent_at"] = "(now)".into();
    for event in value["batch"].as_array_mut().unwrap() {
        let properties: BTreeMap<String, Value> = event["properties"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| !name.starts_with("$lib") && !name.starts_with("$os"))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        event["properties"] = serde_json::to_value(properties).unwrap();
    }
    value
}

#[test]
fn posthog_is_sent_its_own_uuid_and_time_packed_and_plain() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("events.jsonl");
    write(&file, &[rich(EventKind::CiFailed)]);
    let mut bodies = Vec::new();
    for plain in ["0", "1"] {
        let sink = Sink::healthy();
        let outbox = home.path().join(plain);
        let mut command = record_everywhere(home.path(), &sink);
        run(command.arg("events").arg(&file).env("MAINGUARD_POSTHOG_PLAIN", plain).env("MAINGUARD_OUTBOX", outbox));
        let received = sink.received.lock().unwrap().clone();
        let request = received.iter().find(|request| request.path.starts_with("/batch/")).unwrap();
        assert_eq!(request.headers.contains_key("content-encoding"), plain == "0");
        bodies.push(steady(request.json()));
    }
    assert_eq!(bodies[0], bodies[1]);
    insta::assert_json_snapshot!("delivery__posthog", bodies[0]);
    // What `--dry-run` prints is what is sent, but for the key and what the client says about itself.
    let shown = run(record_everywhere(home.path(), &Sink::healthy()).args(["events", "--dry-run"]).arg(&file)).stdout;
    assert!(!shown.contains("thisisthekey"), "{shown}");
    let shown = shown.split_once("{\n").unwrap().1.split("\n\n# ").next().unwrap();
    let mut shown: Value = serde_json::from_str(&format!("{{\n{shown}")).unwrap();
    shown["api_key"] = "phc_thisisthekey".into();
    assert_eq!(steady(shown), bodies[0]);
}

#[test]
fn slack_shows_words_and_never_obeys_them() {
    let message = slack::message(&rich(EventKind::Deployed), &setting()).unwrap();
    let text = message.to_string();
    assert!(!text.contains("<!channel>"), "{text}");
    insta::assert_json_snapshot!("delivery__slack", message);
    assert_eq!(slack::message(&rich(EventKind::PrOpened), &setting()), None);
}

#[test]
fn otlp_has_spans_and_logs_with_pinned_names() {
    let event = rich(EventKind::CiFailed);
    insta::assert_json_snapshot!("delivery__otlp_logs", otlp::logs(&[&event], &setting()));
    insta::assert_json_snapshot!("delivery__otlp_traces", otlp::traces(&[&event], &setting()).unwrap());
}

#[test]
fn every_cdevent_is_valid_by_its_own_schema() {
    insta::assert_json_snapshot!(
        "delivery__cdevent",
        cdevents::document(&rich(EventKind::CiFailed), &setting()).unwrap()
    );
    let Some(folder) = payloads::cdevents() else { return };
    let mut checked = 0;
    for kind in EventKind::ALL {
        let mut bare = rich(*kind);
        bare.facts = mainguard::delivery::Facts { sha: "a".repeat(40), ..Default::default() };
        for event in [rich(*kind), bare] {
            let Some(document) = cdevents::document(&event, &setting()) else { continue };
            let kind = document["context"]["type"].as_str().unwrap();
            let mut parts = kind.split('.').skip(2);
            let file = format!("{}{}.json", parts.next().unwrap(), parts.next().unwrap());
            let text = std::fs::read(folder.join("schemas").join(&file)).unwrap();
            let mut schema: Value = serde_json::from_slice(&text).unwrap();
            // We send no links, and their schema stands in files of its own.
            schema["properties"]["context"]["properties"].as_object_mut().unwrap().remove("links");
            let validator = jsonschema::validator_for(&schema).unwrap();
            let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{kind}: {errors:?}\n{document:#}");
            checked += 1;
        }
    }
    println!("{checked} documents are valid");
}
