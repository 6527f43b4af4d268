//! What GitHub really sends, as events.

use std::path::{Path, PathBuf};

use mainguard::delivery::{Config, sources::github};
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
