//! The configuration from the outside: what is refused, where it is pointed at, what the schema says.

use serde_json::Value;

use crate::support::cli::{Answer, mainguard, run};

fn check(text: &[u8]) -> Answer {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.yml"), text).unwrap();
    run(mainguard(folder.path()).args(["config", "check", "policy.yml"]))
}

#[test]
fn an_unknown_key_is_pointed_at_with_the_one_that_was_meant() {
    let answer = check(b"size:\n  tresholds: {m: 100}\n  fail_at: L\ncritc: {}\n");
    assert_eq!((answer.code, answer.stdout.as_str()), (2, ""));
    insta::assert_snapshot!(answer.stderr, @r"
    error: unknown key `tresholds`
     --> policy.yml:2:3
      |
    2 |   tresholds: {m: 100}
      |   ^^^^^^^^^
      |
      = help: did you mean `thresholds`? the keys here are: enabled, thresholds, labels, ignore_defaults, ignore, weights, fail_at, override_label
    error: unknown key `critc`
     --> policy.yml:4:1
      |
    4 | critc: {}
      | ^^^^^
      |
      = help: did you mean `critic`? the keys here are: critic, size, contracts, secrets, dependencies, sast, coverage, queue, delivery, previews, levels, ignore
    ");
}

#[test]
fn what_is_wrong_is_said_where_it_stands() {
    for (text, line, said) in [
        ("size:\n  thresholds:\n    m: many\n", 3, "size.thresholds.m"),
        ("size:\n  thresholds: {s: 50, m: 40}\n", 2, "the sizes must grow"),
        ("size:\n  ignore:\n    - ok/**\n    - 'bad[/**'\n", 4, "size.ignore[1]"),
        ("size:\n  fail_at: XXL\n", 2, "XXL"),
        ("size:\n  labels:\n    M: {color: red}\n", 3, "six hexadecimal digits"),
        ("size:\n  weights:\n    - {paths: [a], weight: 11}\n", 3, "0 to 10"),
        ("levels:\n  size/to-large: off\n", 2, "did you mean `size/too-large`"),
        ("levels:\n  size/too-large: fatal\n", 2, "fatal"),
        ("ignore:\n  - rule: critic/*\n    reason: ' '\n", 3, "without a reason"),
        ("ignore:\n  - rule: nothing/here\n    reason: x\n", 2, "there is no rule"),
        ("ignore:\n  - {rule: critic/*, reason: x, until: tomorrow}\n", 2, "tomorrow"),
        ("critic:\n  approvals:\n    - {label: x, classes: [contrat]}\n", 3, "contrat"),
        ("size: {}\nlevels: {}\nsize: {}\n", 3, "stands here and in line 1"),
        ("size: {}\n---\nsize: {}\n", 2, "second document"),
        ("size:\n\tenabled: true\n", 2, "spaces"),
        ("size: [1, 2\n", 1, "not YAML"),
        ("- a\n- b\n", 1, "expected struct Config"),
    ] {
        let answer = check(text.as_bytes());
        assert_eq!(answer.code, 2, "{text:?}: {}", answer.text());
        assert!(answer.stderr.contains(said), "{text:?}: {}", answer.stderr);
        assert!(answer.stderr.contains(&format!("policy.yml:{line}:")), "{text:?}: {}", answer.stderr);
    }
}

#[test]
fn an_attack_on_the_reader_ends_in_a_sentence() {
    let aliases = (1..30).fold("a0: &a0 [x, x]\n".to_string(), |text, level| {
        format!("{text}a{level}: &a{level} [*a{0}, *a{0}, *a{0}, *a{0}]\n", level - 1)
    });
    for (name, text) in [
        ("alias bomb", format!("levels:\n  size/too-large: *a29\n{aliases}").into_bytes()),
        ("aliases first", aliases.into_bytes()),
        ("deep nest", "[".repeat(100_000).into_bytes()),
        ("deep mapping", (0..2_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect::<String>().into_bytes()),
        ("too large", vec![b'#'; (1 << 20) + 1]),
        ("not text", b"size:\n  ignore: [\"\xff\xfe\"]\n".to_vec()),
        ("NUL", b"size:\0\n".to_vec()),
        ("escape codes", b"\"\x1b[31msize\": 1\n\"\xe2\x80\xaesize\": 1\n".to_vec()),
    ] {
        let answer = check(&text);
        assert_eq!(answer.code, 2, "{name}: {}", answer.text());
        assert!(!answer.stderr.is_empty() && answer.stderr.len() < 10_000, "{name}: {}", answer.stderr.len());
        assert!(!answer.stderr.contains('\u{1b}') && !answer.stderr.contains('\u{202e}'), "{name}: {}", answer.stderr);
    }
}

#[test]
fn nothing_written_means_the_defaults() {
    for text in ["", "# only a comment\n", "---\n", "{}\n", "size:\n", "\u{feff}size: {}\n"] {
        assert_eq!(check(text.as_bytes()).code, 0, "{text:?}: {}", check(text.as_bytes()).text());
    }
}

#[test]
fn what_is_shown_can_be_written_back() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in.yml"), "size:\n  fail_at: XL\nlevels:\n  critic/*: note\n").unwrap();
    let shown = run(mainguard(folder.path()).args(["config", "show", "in.yml"]));
    assert_eq!(shown.code, 0, "{}", shown.text());
    std::fs::write(folder.path().join("out.yml"), &shown.stdout).unwrap();
    let again = run(mainguard(folder.path()).args(["config", "show", "out.yml"]));
    let values = |text: &str| text.lines().skip(1).map(str::to_string).collect::<Vec<_>>();
    assert_eq!(values(&shown.stdout), values(&again.stdout));
    assert!(shown.stdout.contains("fail_at: XL"), "{}", shown.stdout);
}

#[test]
fn the_schema_is_the_one_that_is_published() {
    let folder = tempfile::tempdir().unwrap();
    let printed = run(mainguard(folder.path()).args(["config", "schema"])).stdout;
    let published = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/mainguard.schema.json")).unwrap();
    assert!(printed == published, "the types have changed: cargo run -- config schema > mainguard.schema.json");
}

#[test]
fn the_schema_of_the_report_is_the_one_that_is_published() {
    let folder = tempfile::tempdir().unwrap();
    let printed = run(mainguard(folder.path()).args(["config", "schema", "report"])).stdout;
    let published = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/report.schema.json")).unwrap();
    assert!(
        printed == published,
        "the format has changed: cargo run -- config schema report > docs/report.schema.json"
    );
}

#[test]
fn the_schema_describes_every_key_and_accepts_the_defaults() {
    let schema = mainguard::config::schema();
    let mut bare = Vec::new();
    undescribed(&schema, "", &mut bare);
    assert!(bare.is_empty(), "keys without a description: {bare:?}");

    let validator = jsonschema::validator_for(&schema).unwrap();
    let defaults = serde_json::to_value(mainguard::config::Config::default()).unwrap();
    let errors: Vec<String> = validator.iter_errors(&defaults).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert!(!validator.is_valid(&serde_json::json!({"sise": {}})));
    assert!(!validator.is_valid(&serde_json::json!({"size": {"thresholds": {"m": "many"}}})));
}

fn undescribed(schema: &Value, path: &str, bare: &mut Vec<String>) {
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        if property.get("description").is_none() {
            bare.push(format!("{path}.{name}"));
        }
        undescribed(property, &format!("{path}.{name}"), bare);
    }
    for (name, definition) in schema.get("$defs").and_then(Value::as_object).into_iter().flatten() {
        undescribed(definition, name, bare);
    }
}
