//! What GitHub really sends, as events.

use std::path::{Path, PathBuf};

use mainguard::delivery::{Config, EventKind, sources::github};
use serde_json::Value;

fn shared(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("MAINGUARD_SHARED").map(PathBuf::from);
    let root = root.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    let folder = root.join(folder);
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

pub(super) fn cdevents() -> Option<PathBuf> {
    shared("cdevents")
}

#[test]
fn real_payloads_are_the_events_that_they_tell_of() {
    let Some(folder) = shared("github-webhooks") else { return };
    let index: Vec<Value> = serde_json::from_slice(&std::fs::read(folder.join("index.json")).unwrap()).unwrap();
    let mut told = String::new();
    for entry in &index {
        let (file, name) = (entry["file"].as_str().unwrap(), entry["event"].as_str().unwrap());
        let payload: Value = serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap();
        for event in github::events(name, &payload, &Config::default()) {
            told.push_str(&format!("{file}: {}\n", event.to_json()));
        }
    }
    insta::assert_snapshot!("delivery__payloads", told);
}

#[test]
fn hostile_payloads_are_no_events_and_no_panics() {
    let Some(folder) = shared("github-webhooks") else { return };
    let index: Vec<Value> = serde_json::from_slice(&std::fs::read(folder.join("index.json")).unwrap()).unwrap();
    for entry in &index {
        let (file, name) = (entry["file"].as_str().unwrap(), entry["event"].as_str().unwrap());
        let payload: Value = serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap();
        for key in payload.as_object().unwrap().keys() {
            for odd in [Value::Null, Value::Bool(true), Value::from(-1), Value::from("\u{202e}"), Value::Array(vec![])]
            {
                let mut broken = payload.clone();
                broken[key] = odd;
                let _ = github::events(name, &broken, &Config::default());
                let _ = github::surroundings(name, &broken);
            }
        }
    }
}

/// PostHog shows nothing for a name that is written otherwise than ours, and says nothing about it.
#[test]
fn the_dashboard_asks_only_for_what_is_told() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/posthog-dashboard.json");
    let template: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for key in ["template_name", "dashboard_description", "dashboard_filters", "tags", "variables", "tiles"] {
        assert!(template.get(key).is_some(), "a template has {key}");
    }
    let tiles = template["tiles"].as_array().unwrap();
    assert!(tiles.len() > 5);
    for tile in tiles {
        assert!(tile["type"] == "INSIGHT" && tile["name"].is_string() && tile["layouts"].is_object(), "{tile}");
        assert_eq!(tile["query"]["kind"], "InsightVizNode");
        let source = &tile["query"]["source"];
        for series in source["series"].as_array().unwrap() {
            let kind: EventKind = serde_json::from_value(series["event"].clone()).unwrap();
            let mut told = super::rich(kind).properties();
            // What only some events know.
            told.extend(
                [("duration_s", 1.into()), ("outcome", 1.into())].map(|(name, value)| (name.to_string(), value)),
            );
            let asked = [series.get("math_property"), source["breakdownFilter"].get("breakdown")];
            for property in asked.into_iter().flatten().filter_map(serde_json::Value::as_str) {
                assert!(told.contains_key(property), "{}: {property} of {}", tile["name"], kind.name());
            }
        }
    }
}

/// The same words from the same function, whether the guard is on or off, in `check` and in `record`.
#[test]
fn what_a_change_touches_is_what_the_contracts_guard_compares() {
    let routes = |path: &str| format!("const app = express();\napp.get('/pets', list);\napp.post('{path}', add);\n");
    let messages = |number: u32| format!("syntax = \"proto3\";\nmessage Pet {{ string name = {number}; }}\n");
    let base_files = [
        ("src/routes/server.ts", routes("/pets")),
        ("api/pet.proto", messages(1)),
        ("src/routes/pets.txt", "a\n".into()),
    ];
    // Not even a path that looks like one makes an endpoint of a text.
    let stories = [
        (("src/routes/server.ts", routes("/animals")), "", (true, true)),
        (("src/routes/server.ts", routes("/animals")), "contracts: {enabled: false}\n", (true, true)),
        (("api/pet.proto", messages(2)), "", (true, false)),
        (("src/routes/pets.txt", "b\n".into()), "", (false, false)),
    ];
    for ((path, text), config, expected) in stories {
        let repo = crate::support::repo::TestRepo::new();
        for (path, text) in &base_files {
            repo.write(path, text);
        }
        let base = repo.write(".github/mainguard.yml", config).commit("base");
        let head = repo.write(path, text).commit("head");
        let whole = serde_json::json!({"full_name": "octo/shop"});
        let event = serde_json::json!({
            "action": "opened", "number": 7, "repository": whole,
            "pull_request": {
                "number": 7, "state": "open", "title": "t", "user": {"login": "ann"}, "draft": false, "labels": [],
                "body": "", "created_at": "2026-03-01T10:00:00Z", "updated_at": "2026-03-01T10:00:00Z",
                "base": {"ref": "main", "sha": base, "repo": whole}, "head": {"ref": "x", "sha": head, "repo": whole}
            }
        });
        std::fs::write(repo.beside("event.json"), event.to_string()).unwrap();
        for arguments in [&["check"][..], &["record", "event"]] {
            let sink = crate::support::sink::Sink::healthy();
            let mut command = crate::support::cli::mainguard(repo.path());
            command
                .args(arguments)
                .env("GITHUB_ACTIONS", "true")
                .env("GITHUB_EVENT_NAME", "pull_request")
                .env("GITHUB_EVENT_PATH", repo.beside("event.json"))
                .env("GITHUB_REPOSITORY", "octo/shop")
                .env("GITHUB_RUN_ID", "9")
                .env("POSTHOG_API_KEY", "phc_thisisthekey")
                .env("POSTHOG_HOST", &sink.url)
                .env("MAINGUARD_OUTBOX", repo.beside(arguments[0]));
            let answer = crate::support::cli::run(&mut command);
            let received = sink.received.lock().unwrap();
            let told = received.first().unwrap_or_else(|| panic!("{arguments:?}: {}", answer.text())).json();
            let properties = &told["batch"][0]["properties"];
            let touched = (&properties["contracts_touched"], &properties["endpoints_touched"]);
            assert_eq!(touched, (&expected.0.into(), &expected.1.into()), "{arguments:?} {config}: {told}");
        }
    }
}
