//! JSON Schema: every rule has a folder that fires it and nothing else, and files are read as one contract.
//!
//! `tests/fixtures/contracts/json-schema/RULE/` holds `base.json` and `revision.json`, or one of them. A second folder of
//! a rule has `--` and a word behind its name; folders called `near-miss-…` must be silent.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use mainguard::contracts::json_schema::{Options, diff, rules};
use mainguard::contracts::{ContractChange, Impact};

type Files = BTreeMap<String, Vec<u8>>;

fn fixtures() -> Vec<(String, Files, Files)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/contracts/json-schema");
    let mut all: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| {
            let folder = entry.unwrap().path();
            let side = |name: &str| {
                let bytes = fs::read(folder.join(name)).ok();
                bytes.map(|bytes| ("order.schema.json".to_string(), bytes)).into_iter().collect::<Files>()
            };
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            (name, side("base.json"), side("revision.json"))
        })
        .collect();
    all.sort();
    all
}

fn compare(base: &Files, revision: &Files) -> Vec<ContractChange> {
    let path = |files: &Files| files.keys().next().cloned();
    let (old, new) = (path(base), path(revision));
    diff(base, old.as_deref(), revision, new.as_deref(), &Options::default()).unwrap()
}

#[test]
fn every_rule_fires_alone() {
    let (mut wrong, mut fired) = (String::new(), BTreeSet::new());
    for (name, base, revision) in fixtures() {
        let changes = compare(&base, &revision);
        let rule = (!name.starts_with("near-miss-")).then(|| name.split("--").next().unwrap_or_default().to_string());
        let found: BTreeSet<&str> = changes.iter().map(|change| change.rule).collect();
        let wanted: BTreeSet<&str> = rule.as_deref().into_iter().collect();
        if found != wanted || changes.len() != wanted.len() {
            wrong += &format!("{name} fires\n");
            for change in &changes {
                wrong += &format!("  {} {:?}: {}\n", change.rule, change.impact, change.message);
            }
        }
        fired.extend(rule);
        for side in [&base, &revision] {
            let readable = name != "schema-not-judged" || !std::ptr::eq(side, &base);
            if readable && !compare(side, side).is_empty() {
                wrong += &format!("{name} fires against itself\n");
            }
        }
        for change in &changes {
            let says =
                change.impact == Impact::Compatible || change.breaks.is_some() || change.rule == "schema-not-judged";
            let placed = change.base.is_some() || change.revision.is_some();
            if !says || !placed {
                wrong += &format!("{name}: who breaks, and where? {change:?}\n");
            }
        }
    }
    let table: BTreeSet<String> = rules::RULES.iter().map(|rule| rule.id.to_string()).collect();
    for rule in table.symmetric_difference(&fired) {
        wrong += &format!("{rule}: a folder without a rule, or a rule without a folder\n");
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// What the whole catalogue of sentences looks like to a reader.
#[test]
fn sentences_read_well() {
    let mut text = String::new();
    for (name, base, revision) in fixtures() {
        for change in compare(&base, &revision) {
            let impact = format!("{:?}", change.impact).to_lowercase();
            text += &format!("{name}\n    {impact}: {}\n", change.message);
        }
    }
    insta::assert_snapshot!(text);
}
