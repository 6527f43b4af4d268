//! OpenAPI and Swagger: the answers of oasdiff and our own reading of the cases at hand, and stories of our own.

use std::collections::BTreeMap;
use std::fs;

use mainguard::contracts::openapi::{Options, Stability, diff};
use mainguard::contracts::{ContractChange, Impact, Unreadable};
use serde_json::Value;

use crate::support::cli::{mainguard, run as run_command};
use crate::support::repo::TestRepo;
use crate::support::schema_cases::{Side, cases, folder};

const FILE: &str = "openapi.yaml";

fn run(base: &Side, revision: &Side, options: &Options) -> Result<Vec<ContractChange>, Unreadable> {
    let path =
        |side: &Side| side.keys().find(|path| path.starts_with("openapi")).cloned().into_iter().collect::<Vec<_>>();
    diff(base, &path(base), revision, &path(revision), options)
}

fn one(text: impl Into<Vec<u8>>) -> Side {
    Side::from([(FILE.to_string(), text.into())])
}

fn files(all: &[(&str, &str)]) -> Side {
    all.iter().map(|(path, text)| (path.to_string(), text.as_bytes().to_vec())).collect()
}

fn on(day: &str) -> Options {
    Options { today: Some(day.parse().unwrap()), ..Options::default() }
}

fn today(expected: &Value) -> Options {
    on(expected["today"].as_str().unwrap_or("2026-11-21"))
}

/// What a run of oasdiff was asked that we can be asked too; `None` for questions that have no meaning here: `allOf` is
/// always read by its meaning, parameters of a path always belong to its operations, versions and spellings of
/// references never count.
fn options(expected: &Value, asked: &Value) -> Option<Options> {
    let mut options = Options { unfolded: true, ..today(expected) };
    for (key, value) in asked.as_object().unwrap() {
        match key.as_str() {
            "include_path_params" => options.include_path_params = value == true,
            "deprecation_days_stable" => options.deprecation_days_stable = value.as_u64().unwrap() as u32,
            "deprecation_days_beta" => options.deprecation_days_beta = value.as_u64().unwrap() as u32,
            "stability_level" => options.stability_level = Stability::named(value.as_str().unwrap()).unwrap(),
            _ => return None,
        }
    }
    Some(options)
}

/// Errors and warnings of oasdiff that we do not have: the case, its name there, and why.
const OTHERWISE: &[(&str, &str, &str)] = &[
    (
        "nullable-wrapping-narrowed-enum-still-reported-reversed",
        "request-property-list-of-types-narrowed",
        "that `null` is gone is told as such",
    ),
    (
        "response-body-type-narrow-with-breaking-format-still-breaking-reversed",
        "response-body-type-generalized",
        "told twice, as more types and as another format",
    ),
    (
        "response-property-any-of-modified",
        "response-property-type-changed",
        "alternatives are paired otherwise: one goes and one comes",
    ),
    (
        "response-property-any-of-modified-reversed",
        "response-property-type-changed",
        "alternatives are paired otherwise: one goes and one comes",
    ),
    (
        "w-op-parameter-lifted-to-path-level",
        "request-parameter-removed",
        "judged equal: a parameter of the path is one of each operation",
    ),
    (
        "w-op-version-30-to-31-equal",
        "request-property-became-not-nullable",
        "judged equal: both versions' way to say that `null` is allowed",
    ),
    (
        "w-query-object-parameter-all-of-split-equal-reversed",
        "request-parameter-property-type-specialized",
        "judged equal: the same demands in one schema or in two",
    ),
];

#[test]
fn what_oasdiff_reports_is_reported() {
    let Some(folder) = folder("openapi-cases") else { return };
    let mut of_id: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    let mut of_options: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    let (mut missed, mut by_words, mut skipped) = (Vec::new(), 0_usize, 0_usize);
    for (name, path, expected) in cases(&folder) {
        let side = |half: &str| one(fs::read(path.join(half)).unwrap());
        let (base, revision) = (side("base.yaml"), side("revision.yaml"));
        for asked in expected["runs"].as_array().unwrap() {
            let Some(options) = options(&expected, &asked["options"]).filter(|_| asked["error"] != true) else {
                skipped += 1;
                continue;
            };
            let default = asked["options"].as_object().unwrap().is_empty();
            let found = run(&base, &revision, &options);
            let mut found = found.unwrap_or_else(|error| {
                assert!(asked["changes"].as_array().unwrap().is_empty(), "{name}: {error}");
                Vec::new()
            });
            for wanted in asked["changes"].as_array().unwrap().iter().filter(|change| change["level"] != "info") {
                let text = |key: &str| wanted[key].as_str().unwrap_or_default();
                let at = format!("{} {}", text("operation"), text("path"));
                let same = |change: &ContractChange| {
                    change.rule == text("id") && (text("path").is_empty() || change.subject == at.trim())
                };
                // The worst one that fits, so that what values tell counts before what words tell.
                let best = (0..found.len()).filter(|at| same(&found[*at])).max_by_key(|at| found[*at].impact);
                let counts = match default {
                    true => of_id.entry(text("id").to_string()).or_default(),
                    false => of_options.entry(asked["options"].to_string()).or_default(),
                };
                counts[0] += 1;
                match best {
                    Some(at) => {
                        counts[1] += 1;
                        by_words += usize::from(default && found.swap_remove(at).impact == Impact::Compatible);
                    }
                    None => missed.push((name.clone(), text("id").to_string(), format!("{} {at}", asked["options"]))),
                }
            }
        }
    }
    let sum = |which: usize| of_id.values().map(|counts| counts[which]).sum::<usize>();
    let (total, hit) = (sum(0), sum(1));
    let each: f64 = of_id.values().map(|counts| counts[1] as f64 / counts[0] as f64).sum::<f64>() / of_id.len() as f64;
    let whole = of_id.values().filter(|counts| counts[0] == counts[1]).count();
    println!(
        "oasdiff: {hit} of {total} errors and warnings, {by_words} of them harmless here; mean of names {:.2} %",
        each * 100.0
    );
    println!("oasdiff: {whole} of {} names whole; runs without a meaning here: {skipped}", of_id.len());
    for (options, [total, hit]) in &of_options {
        println!("oasdiff with {options}: {hit} of {total}");
    }
    for (case, id, why) in OTHERWISE {
        println!("otherwise: {case}: {id}: {why}");
    }
    let unexplained: Vec<_> = missed
        .iter()
        .filter(|(case, id, _)| !OTHERWISE.iter().any(|(known, name, _)| known == case && name == id))
        .collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    let stale: Vec<_> = OTHERWISE
        .iter()
        .filter(|(case, id, _)| !missed.iter().any(|(missed, name, _)| missed == case && name == id))
        .collect();
    assert!(stale.is_empty(), "explained and no longer missed: {stale:#?}");
    assert!(hit * 100 >= total * 98, "{hit} of {total}");
    assert!(each >= 0.98, "{each}");
}

#[test]
fn what_breaks_is_not_passed_and_what_does_not_is_not_blocked() {
    let Some(folder) = folder("openapi-cases") else { return };
    let (mut passed, mut blocked, mut judged, mut harmless) = (Vec::new(), Vec::new(), 0_usize, 0_usize);
    let mut weaker = 0_usize;
    for (name, path, expected) in cases(&folder) {
        let Some(truth) = expected["judgement"]["truth"].as_str() else { continue };
        let side = |half: &str| one(fs::read(path.join(half)).unwrap());
        let changes = run(&side("base.yaml"), &side("revision.yaml"), &today(&expected)).unwrap();
        let worst = changes.iter().max_by_key(|change| change.impact);
        let impact = worst.map_or(Impact::Compatible, |change| change.impact);
        judged += 1;
        if truth == "breaking" {
            weaker += usize::from(impact == Impact::Dangerous);
            if impact == Impact::Compatible {
                passed.push(name);
            }
        } else {
            harmless += 1;
            if impact == Impact::Breaking {
                blocked.push((name, worst.map(|change| change.message.clone())));
            }
        }
    }
    println!(
        "judged: {judged}; breaking and passed: {}; breaking and only dangerous here: {weaker}; harmless and blocked: {} of {harmless}",
        passed.len(),
        blocked.len()
    );
    assert!(passed.is_empty(), "{passed:#?}");
    assert!(blocked.len() * 100 <= harmless, "{blocked:#?}");
}

#[test]
fn a_side_compared_with_itself_is_silent() {
    let Some(folder) = folder("openapi-cases") else { return };
    let mut unreadable = Vec::new();
    for (name, path, expected) in cases(&folder) {
        for half in ["base.yaml", "revision.yaml"] {
            let text = fs::read(path.join(half)).unwrap();
            let touched = [&text[..], b"\n# touched\n"].concat();
            match run(&one(text), &one(touched), &today(&expected)) {
                Ok(changes) => assert!(changes.is_empty(), "{name}/{half}: {changes:#?}"),
                Err(error) => unreadable.push((name.trim_end_matches("-reversed").to_string(), error.what)),
            }
        }
    }
    unreadable.dedup();
    // One pair holds schemas and says no version: it is no API description, whatever a tool makes of it.
    let what = "is not an API description: neither `openapi` nor `swagger` says its version";
    assert_eq!(unreadable, [("json-with-exclude-elements".to_string(), what.to_string())]);
}

#[test]
fn a_circle_of_schemas_has_one_cause_and_one_answer() {
    let Some(folder) = folder("stress") else { return };
    for (name, path, expected) in cases(&folder) {
        let side = |half: &str| one(fs::read(path.join(half)).unwrap());
        let (base, revision) = (side("base.json"), side("revision.json"));
        let first = run(&base, &revision, &Options::default()).unwrap();
        let judgement = &expected["judgement"];
        let worst = if judgement["truth"] == "breaking" { Impact::Breaking } else { Impact::Compatible };
        assert_eq!(first.len() as u64, judgement["root_changes"].as_u64().unwrap(), "{name}: {first:#?}");
        assert_eq!(first[0].impact, worst, "{name}");
        assert_eq!(first[0].reaches.len() as u64, judgement["operations_reached"].as_u64().unwrap(), "{name}");
        for _ in 0..20 {
            assert_eq!(format!("{:?}", run(&base, &revision, &Options::default()).unwrap()), format!("{first:?}"));
        }
    }
}

fn told(base: &str, revision: &str) -> Vec<String> {
    let changes = run(&one(base), &one(revision), &on("2026-11-21")).unwrap();
    changes.iter().map(|change| format!("{:?} {}: {}", change.impact, change.rule, change.message)).collect()
}

const ORDERS: &str = "\
openapi: 3.0.3
info: {title: Orders, version: 1.0.0}
paths:
  /orders:
    post:
      requestBody:
        required: true
        content:
          application/json: {schema: {$ref: '#/components/schemas/Order'}}
      responses:
        '201': {description: made, content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}}
  /orders/{id}:
    parameters:
    - {name: id, in: path, required: true, schema: {type: string}}
    put:
      requestBody:
        content:
          application/json: {schema: {$ref: '#/components/schemas/Order'}}
      responses:
        '204': {description: done}
components:
  schemas:
    Order:
      type: object
      required: [lines]
      properties:
        currency: {type: string}
        lines: {type: array, items: {type: string}}
";

#[test]
fn one_cause_is_told_once_with_all_that_it_reaches() {
    let revision = ORDERS.replace("required: [lines]", "required: [lines, currency]");
    let changes = run(&one(ORDERS), &one(revision), &Options::default()).unwrap();
    let breaking: Vec<_> = changes.iter().filter(|change| change.impact == Impact::Breaking).collect();
    assert_eq!(breaking.len(), 1, "{changes:#?}");
    let change = breaking[0];
    assert_eq!((change.rule, change.subject.as_str()), ("request-property-became-required", "Order.currency"));
    assert_eq!(change.message, "`Order` in requests: the property `currency` is required and was optional");
    assert_eq!(change.reaches, ["POST /orders", "PUT /orders/{id}"]);
    assert_eq!(change.breaks.as_deref(), Some("clients that leave it out"));
    assert_eq!(change.fix.as_deref(), Some("make it optional"));
    assert_eq!(change.revision.as_ref().map(|place| place.line), Some(25));
}

#[test]
fn the_name_of_a_path_parameter_is_nobodys_business() {
    let revision = ORDERS.replace("{id}", "{order}").replace("name: id", "name: order");
    assert_eq!(told(ORDERS, &revision), [] as [String; 0]);
    let options = Options { include_path_params: true, ..Options::default() };
    let changes = run(&one(ORDERS), &one(revision), &options).unwrap();
    let rules: Vec<_> = changes.iter().map(|change| change.rule).collect();
    assert_eq!(rules, ["path-removed", "operation-added"], "{changes:#?}");
}

#[test]
fn versions_and_files_are_spellings() {
    let swagger = "\
swagger: '2.0'
info: {title: Orders, version: 1.0.0}
paths:
  /orders:
    post:
      parameters:
      - {name: order, in: body, required: true, schema: {$ref: '#/definitions/Order'}}
      - {name: page, in: query, type: integer, maximum: 9}
      responses:
        '201': {description: made, schema: {$ref: '#/definitions/Order'}}
definitions:
  Order: {type: object, required: [a], properties: {a: {type: string, x-nullable: true}}}
";
    let root = "\
openapi: 3.1.0
info: {title: Orders, version: 1.0.0}
paths:
  /orders: {$ref: 'paths/orders.json'}
components:
  schemas:
    Order: {$ref: 'schemas/order.yaml#/Order'}
";
    let path = r#"{"post": {"parameters": [{"name": "page", "in": "query", "schema": {"type": "integer", "maximum": 9}}],
        "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "../schemas/order.yaml#/Order"}}}},
        "responses": {"201": {"description": "made", "content": {"application/json": {"schema": {"$ref": "../schemas/order.yaml#/Order"}}}}}}}"#;
    let order = "Order:\n  allOf:\n  - {type: object, required: [a]}\n  - properties: {a: {type: [string, 'null']}}\n";
    let revision = files(&[(FILE, root), ("paths/orders.json", path), ("schemas/order.yaml", order)]);
    assert_eq!(run(&one(swagger), &revision, &Options::default()).unwrap(), []);
    let mut narrowed = revision.clone();
    narrowed.insert("schemas/order.yaml".into(), order.replace("[string, 'null']", "string").into_bytes());
    let changes = run(&revision, &narrowed, &Options::default()).unwrap();
    let worst = changes.iter().max_by_key(|change| change.impact).unwrap();
    assert_eq!((worst.impact, worst.rule), (Impact::Breaking, "request-property-became-not-nullable"), "{changes:#?}");
    assert_eq!(worst.revision.as_ref().map(|place| place.file.as_str()), Some("schemas/order.yaml"));
    assert_eq!(worst.reaches, [] as [String; 0]);
}

#[test]
fn what_a_webhook_brings_flows_from_the_server() {
    let base = "\
openapi: 3.1.0
info: {title: T, version: 1.0.0}
webhooks:
  made:
    post:
      requestBody: {content: {application/json: {schema: {type: object, properties: {a: {type: string}}}}}}
      responses: {'200': {description: ok}}
";
    let required = base.replace("type: object,", "type: object, required: [a],");
    assert_eq!(
        told(base, &required),
        ["Compatible response-property-became-required: the body: the property `a` is required and was optional"]
    );
    assert_eq!(
        told(&required, base),
        ["Breaking response-property-became-optional: the body: the property `a` is optional and was required"]
    );
}

#[test]
fn who_is_let_in_is_compared_by_what_must_be_shown() {
    let base = "\
openapi: 3.0.3
info: {title: T, version: 1.0.0}
security: [{key: []}]
paths:
  /a: {get: {responses: {'200': {description: ok}}}}
  /b: {get: {security: [], responses: {'200': {description: ok}}}}
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Key}
    token: {type: oauth2, flows: {clientCredentials: {tokenUrl: 'https://a/t', scopes: {read: r, write: w}}}}
";
    let more = base.replace("[{key: []}]", "[{key: []}, {token: [read]}]");
    assert!(told(base, &more)[0].starts_with("Compatible security-added: `token` is asked for"));
    assert!(told(&more, base).iter().any(|line| line.starts_with("Breaking security-removed")));
    let both = base.replace("[{key: []}]", "[{key: [], token: [read]}]");
    assert!(told(base, &both)[0].starts_with("Breaking security-added"));
    let moved = base.replace("in: header", "in: query");
    assert!(told(base, &moved)[0].starts_with("Breaking security-scheme-moved"));
    let changes = run(&one(base), &one(both), &Options::default()).unwrap();
    assert_eq!((changes[0].subject.as_str(), &changes[0].reaches[..]), ("security", &["GET /a".to_string()][..]));
}

#[test]
fn an_end_that_was_announced_may_come() {
    let base = "\
openapi: 3.0.3
info: {title: T, version: 1.0.0}
paths:
  /a: {get: {responses: {'200': {description: ok}}}}
  /b: {get: {deprecated: true, x-sunset: '2026-12-01', responses: {'200': {description: ok}}}}
";
    let gone = base.lines().filter(|line| !line.contains("/b")).collect::<Vec<_>>().join("\n");
    let rule = |day: &str| {
        let changes = run(&one(base), &one(gone.clone()), &on(day)).unwrap();
        (changes[0].impact, changes[0].rule)
    };
    assert_eq!(rule("2026-11-30"), (Impact::Breaking, "path-removed-before-sunset"));
    assert_eq!(rule("2026-12-01"), (Impact::Compatible, "path-removed-after-sunset"));
    let options = Options { deprecation_days_stable: 90, ..on("2026-11-01") };
    let undated = base.replace("deprecated: true, x-sunset: '2026-12-01', ", "");
    let changes = run(&one(undated), &one(base), &options).unwrap();
    assert_eq!((changes[0].impact, changes[0].rule), (Impact::Breaking, "operation-sunset-too-soon"));
}

#[test]
fn media_types_are_compared_as_types() {
    let with = |names: &str| {
        format!(
            "openapi: 3.0.3\ninfo: {{title: T, version: 1.0.0}}\npaths:\n  /a:\n    post:\n      requestBody: {{content: {{{names}}}}}\n      responses: {{'200': {{description: ok}}}}\n"
        )
    };
    let json = with("application/json: {}");
    assert_eq!(told(&json, &with("'Application/JSON; charset=utf-8': {}")), [] as [String; 0]);
    assert!(told(&json, &with("'*/*': {}"))[0].starts_with("Compatible request-body-media-type-name-generalized"));
    assert!(told(&with("'*/*': {}"), &json)[0].starts_with("Breaking request-body-media-type-name-specialized"));
    assert!(told(&json, &with("text/plain: {}")).iter().any(|line| {
        line == "Breaking request-body-media-type-removed: a request can no longer be `application/json`"
    }));
}

#[test]
fn schemas_without_operations_are_a_contract_too() {
    let base = "openapi: 3.1.0\ninfo: {title: T, version: 1.0.0}\ncomponents:\n  schemas:\n    Pet: {type: object, properties: {a: {type: string}}}\n";
    let lines = told(base, &base.replace("a: {type: string}", "a: {type: integer}"));
    assert_eq!(lines, ["Breaking schema-property-type-changed: `Pet.a`: the type is `integer` and was `string`"]);
    assert!(told(base, &base.replace("Pet", "Animal"))[0].starts_with("Breaking schema-removed"));
}

#[test]
fn what_is_no_description_is_no_answer() {
    let whole = one(ORDERS);
    let refused = |text: &str| {
        let error = run(&whole, &one(text), &Options::default()).unwrap_err();
        format!("{}:{}: {}", error.line, error.column, error.what)
    };
    assert_eq!(refused("a: 1\n"), "1:1: is not an API description: neither `openapi` nor `swagger` says its version");
    assert_eq!(
        refused("openapi: 4.0.0\n"),
        "1:10: is written in version 4.0.0; known are Swagger 2, OpenAPI 3.0 and 3.1"
    );
    let remote = ORDERS.replace("'#/components/schemas/Order'", "'https://example.com/order.yaml'");
    assert!(refused(&remote).contains("never fetched"));
    let outside = ORDERS.replace("'#/components/schemas/Order'", "'../../etc/passwd'");
    assert!(refused(&outside).contains("leads out of the repository"));
    assert!(refused(&ORDERS.replace("schemas/Order'", "schemas/Odrer'")).contains("leads to nothing"));
    let deep = format!("openapi: 3.0.0\npaths: {}", "[".repeat(1_000_000));
    assert!(refused(&deep).contains("nested") || refused(&deep).contains("YAML"));
    let changes = run(&one("a: 1\n"), &whole, &Options::default()).unwrap();
    assert_eq!((changes.len(), changes[0].rule, changes[0].impact), (1, "cannot-be-judged", Impact::Dangerous));
}

#[test]
fn hostile_references_end() {
    // Path items and parameters that refer to themselves, and a schema that is nothing but itself.
    let circle = "openapi: 3.1.0\ninfo: {title: T, version: 1.0.0}\npaths:\n  /a: {$ref: '#/paths/~1a'}\n";
    assert!(run(&one(ORDERS), &one(circle), &Options::default()).unwrap_err().what.contains("circle"));
    let schema = |extra: &str| {
        format!(
            "openapi: 3.1.0\ninfo: {{title: T, version: 1.0.0}}\npaths:\n  /a: {{get: {{responses: {{'200': {{description: ok, content: {{application/json: {{schema: {{$ref: '#/components/schemas/A'}}}}}}}}}}}}}}\ncomponents:\n  schemas:\n    A: {{allOf: [{{$ref: '#/components/schemas/A'}}{extra}]}}\n"
        )
    };
    let changes = run(&one(schema("")), &one(schema(", {type: object}")), &Options::default()).unwrap();
    assert!(changes.iter().all(|change| change.impact == Impact::Compatible), "{changes:#?}");
    // A callback within a callback within itself.
    let nested = "openapi: 3.1.0\ninfo: {title: T, version: 1.0.0}\npaths:\n  /a: {post: {callbacks: {x: {$ref: '#/components/callbacks/X'}}, responses: {}}}\ncomponents:\n  callbacks:\n    X: {'{$url}': {post: {callbacks: {x: {$ref: '#/components/callbacks/X'}, y: {$ref: '#/components/callbacks/X'}}, responses: {}}}}\n";
    assert_eq!(run(&one(nested), &one(format!("{nested}# touched\n")), &Options::default()).unwrap(), []);
}

#[test]
fn a_reviewer_reads_the_worst_first() {
    let revision = ORDERS
        .replace("required: [lines]", "required: [lines, currency]")
        .replace(
            "'204': {description: done}",
            "'204': {description: done}\n    delete: {responses: {'204': {description: gone}}}",
        )
        .replace("items: {type: string}", "items: {type: string, maxLength: 40}");
    let repo = TestRepo::new();
    repo.write("old/openapi.yaml", ORDERS);
    repo.write("new/openapi.yaml", &revision);
    let answer = |arguments: &[&str]| {
        let sides = ["contracts", "diff", "old/openapi.yaml", "new/openapi.yaml"];
        run_command(mainguard(repo.path()).args(sides).args(arguments))
    };
    let text = answer(&[]);
    assert_eq!(text.code, 1, "{}", text.text());
    insta::assert_snapshot!("openapi-text", text.stdout);
    insta::assert_snapshot!("openapi-markdown", answer(&["--format", "markdown"]).stdout);
    insta::assert_snapshot!("openapi-oasdiff", answer(&["--format", "json", "--ids", "oasdiff"]).stdout);
}

#[test]
fn a_fragment_that_changed_is_judged_where_it_is_reached() {
    let root = "openapi: 3.0.3\ninfo: {title: T, version: 1.0.0}\npaths:\n  /a:\n    post:\n      requestBody: {content: {application/json: {schema: {$ref: 'order.yaml'}}}}\n      responses: {'200': {description: ok}}\n";
    let repo = TestRepo::new();
    for side in ["old", "new"] {
        repo.write(&format!("{side}/api/openapi.yaml"), root);
    }
    repo.write("old/api/order.yaml", "type: object\nproperties:\n  a: {type: string}\n");
    repo.write("new/api/order.yaml", "type: object\nproperties:\n  a: {type: integer}\n");
    let answer = run_command(mainguard(repo.path()).args(["contracts", "diff", "old", "new", "--format", "json"]));
    assert_eq!(answer.code, 1, "{}", answer.text());
    let document: Value = serde_json::from_str(&answer.stdout).unwrap();
    let changes = document["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{changes:#?}");
    assert_eq!(changes[0]["id"], "request-property-type-changed");
    assert_eq!((&changes[0]["operation"], &changes[0]["path"]), (&Value::from("POST"), &Value::from("/a")));
    assert_eq!(changes[0]["revision"]["file"], "api/order.yaml");
}
