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
            let readable = name != "cannot-be-judged" || !std::ptr::eq(side, &base);
            if readable && !compare(side, side).is_empty() {
                wrong += &format!("{name} fires against itself\n");
            }
        }
        for change in &changes {
            let says =
                change.impact == Impact::Compatible || change.breaks.is_some() || change.rule == "cannot-be-judged";
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

fn files(all: &[(&str, &str)]) -> Files {
    all.iter().map(|(path, text)| (path.to_string(), text.as_bytes().to_vec())).collect()
}

fn lines(base: &Files, revision: &Files, path: &str) -> Result<Vec<String>, String> {
    let changes =
        diff(base, Some(path), revision, Some(path), &Options::default()).map_err(|error| error.to_string())?;
    let line = |change: &ContractChange| {
        let at = change.revision.as_ref().map(|place| format!("{}:{}", place.file, place.line)).unwrap_or_default();
        format!("{at} {} [{}]", change.message, change.reaches.join(", "))
    };
    Ok(changes.iter().map(line).collect())
}

/// One definition in another file, used twice: said once, with what uses it.
#[test]
fn a_file_that_is_referred_to_is_part_of_the_schema() {
    let order = r##"{"title": "Order", "properties": {
        "billing": {"$ref": "../parts/address.json"}, "shipping": {"$ref": "../parts/address.json"},
        "tags": {"items": {"$ref": "#/$defs/a~1b%20c"}}, "self": {"$ref": "#"}}, "$defs": {"a/b c": {"type": "string"}}}"##;
    let address = |more: &str| format!("type: object\nproperties:\n  street: {{type: string{more}}}\n");
    let (old, new) = (address(""), address(", maxLength: 40"));
    let base = files(&[("api/order.json", order), ("parts/address.json", &old)]);
    let revision = files(&[("api/order.json", order), ("parts/address.json", &new)]);
    assert_eq!(
        lines(&base, &revision, "api/order.json").unwrap(),
        ["parts/address.json:3 `address.json.street`: its greatest length is `40`, and was not limited \
          [Order.billing, Order.shipping]"]
    );
    assert_eq!(lines(&base, &base, "api/order.json").unwrap(), [""; 0]);
}

#[test]
fn addresses_are_names_within_the_files_at_hand() {
    let root = r##"{"$id": "https://example.com/schemas/order.json", "properties": {
        "a": {"$ref": "money.json"}, "b": {"$ref": "https://example.com/schemas/money.json#amount"},
        "c": {"$ref": "#here"}, "d": {"$ref": "inner.json#/$defs/x"}},
        "$defs": {"h": {"$anchor": "here", "type": "string"},
                  "i": {"$id": "inner.json", "$ref": "#/$defs/x", "$defs": {"x": {"type": "integer"}}}}}"##;
    let money = |kind: &str| {
        format!(
            r#"{{"$id": "https://example.com/schemas/money.json", "type": "object",
                 "properties": {{"amount": {{"$anchor": "amount", "type": "{kind}"}}}}}}"#
        )
    };
    let side = |kind: &str| files(&[("order.json", root), ("lib/money.json", &money(kind))]);
    let told = lines(&side("integer"), &side("number"), "order.json").unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("is number, and was integer ["), "{told:?}");
}

#[test]
fn a_reference_that_leads_nowhere_is_an_error_with_its_place() {
    let good = files(&[("a.json", "{\"type\": \"string\"}")]);
    for (reference, said) in [
        (
            "https://example.com/x.json",
            "a.json:2:10: `$ref` leads to `https://example.com/x.json`, which is never fetched",
        ),
        ("../../etc/passwd", "leads out of the repository"),
        ("/etc/passwd", "which is never fetched"),
        ("file:///etc/passwd", "which is never fetched"),
        ("b.json", "there is no such file"),
        ("#/$defs/x", "leads to nothing: there is no `$defs`"),
        ("#x", "there is no such anchor"),
        ("#/%zz", "is not written as an address"),
    ] {
        let text = format!("{{\"type\": \"string\",\n \"$ref\": \"{reference}\"}}");
        let broken = files(&[("a.json", &text)]);
        let error = lines(&good, &broken, "a.json").unwrap_err();
        assert!(error.contains(said), "{error}");
        // What cannot be read at the base does not stop those who mend it.
        let told = lines(&broken, &good, "a.json").unwrap();
        assert!(told.len() == 1 && told[0].contains("cannot be read in the base"), "{told:?}");
    }
}

#[test]
fn what_is_no_schema_is_never_green() {
    let good = files(&[("a.json", "{\"type\": \"object\"}")]);
    for text in ["[]", "3", "{\"name\": \"x\"}", "{\"properties\": {\"a\": 3}}", "{\"type\": ", ""] {
        assert!(lines(&good, &files(&[("a.json", text)]), "a.json").is_err(), "{text}");
    }
}

#[test]
fn graphs_and_depths_that_a_stranger_sends_end() {
    let side = |text: String| files(&[("a.json", &text)]);
    // A reference to itself, in every form, allows what its neighbours allow.
    for circle in
        [r##"{"$ref": "#"}"##, r##"{"allOf": [{"$ref": "#"}], "anyOf": [{"$ref": "#"}, {"not": {"$ref": "#"}}]}"##]
    {
        let other = circle.replacen('{', "{\"maxLength\": 3, ", 1);
        assert!(lines(&side(circle.into()), &side(other), "a.json").is_ok());
    }
    // Everything refers to everything: one cause is said once.
    let graph = |least: u32| {
        let names: Vec<String> = (0..60).map(|at| format!("s{at}")).collect();
        let all: serde_json::Map<String, serde_json::Value> = names
            .iter()
            .map(|name| {
                let properties: serde_json::Map<_, _> = names
                    .iter()
                    .map(|to| (to.clone(), serde_json::json!({ "$ref": format!("#/$defs/{to}") })))
                    .chain([("v".to_string(), serde_json::json!({ "minimum": if name == "s7" { least } else { 1 } }))])
                    .collect();
                (name.clone(), serde_json::json!({ "properties": properties }))
            })
            .collect();
        side(serde_json::json!({ "$ref": "#/$defs/s0", "$defs": all }).to_string())
    };
    let told = lines(&graph(1), &graph(2), "a.json").unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told, lines(&graph(1), &graph(2), "a.json").unwrap());
    // A long chain.
    let chain = |end: &str| {
        let links: Vec<String> = (0..4_000)
            .map(|at| format!(r##""d{at}": {{"properties": {{"n": {{"$ref": "#/$defs/d{}"}}}}}}"##, at + 1))
            .collect();
        side(format!(r##"{{"$ref": "#/$defs/d0", "$defs": {{{}, "d4000": {{"type": "{end}"}}}}}}"##, links.join(", ")))
    };
    let told = lines(&chain("string"), &chain("integer"), "a.json").unwrap();
    assert_eq!(told.len(), 1, "{}", told.len());
    // Cases that multiply.
    let many: Vec<String> = (0..12)
        .map(|group| {
            let branches: Vec<String> = (0..12).map(|at| format!(r#"{{"required": ["p{group}_{at}"]}}"#)).collect();
            format!(r#"{{"anyOf": [{}]}}"#, branches.join(", "))
        })
        .collect();
    let product = |more: &str| side(format!(r#"{{"allOf": [{}]{more}}}"#, many.join(", ")));
    let told = lines(&product(""), &product(r#", "required": ["q"]"#), "a.json").unwrap();
    assert!(told.iter().any(|line| line.contains("`a.q` became required")), "{told:?}");
}
