use std::collections::BTreeMap;

use super::*;

type Files = BTreeMap<String, Vec<u8>>;

/// What is said about two schemas, one line each: path, subject, verb, narrows, widens.
fn said(base: &str, revision: &str, direction: Direction) -> Vec<String> {
    let file = |text: &str| Files::from([("a.yaml".to_string(), text.as_bytes().to_vec())]);
    let (old, new) = (file(base), file(revision));
    let mut schemas = Schemas::new(&old, &new, Conventions::default());
    let roots = [Side::Base, Side::Revision].map(|side| schemas.read(side, "a.yaml").unwrap());
    let terms = roots.map(|root| schemas.term(root));
    let pair = schemas.compare(terms[0], terms[1], direction);
    schemas.finish().unwrap();
    let found = schemas.reach(pair);
    let mut lines = Vec::new();
    for (at, reached) in found.iter().enumerate() {
        let steps = Schemas::path(&found, at);
        let path: Vec<String> = steps
            .iter()
            .map(|step| match step {
                Step::Property(name) => schemas.forest.str(*name).to_string(),
                step => format!("{step:?}"),
            })
            .collect();
        for fact in schemas.facts(reached.pair) {
            let name = fact.name.clone().unwrap_or_default();
            let (subject, verb, impact) = (fact.subject, fact.verb, reached.flow.impact(fact));
            lines.push(format!("{} {subject:?} {verb:?} {name} {impact:?}", path.join("/")));
        }
    }
    lines
}

#[track_caller]
fn check(base: &str, revision: &str, direction: Direction, wanted: &[&str]) {
    assert_eq!(said(base, revision, direction), wanted, "{base}\n→ {revision}");
}

use Direction::{Both, Request, Response};

#[test]
fn spelled_differently_is_the_same() {
    let pairs = [
        ("{const: a}", "{enum: [a]}"),
        ("{enum: [a, b]}", "{oneOf: [{const: a}, {const: b}]}"),
        ("{type: [string, 'null']}", "{anyOf: [{type: string}, {type: 'null'}]}"),
        (
            "{type: object, required: [a], properties: {a: {type: string}}}",
            "{allOf: [{type: object}, {required: [a]}, {properties: {a: {type: string}}}]}",
        ),
        ("{oneOf: [{type: string}, {type: integer}]}", "{anyOf: [{type: integer}, {type: string}]}"),
        ("{type: integer, minimum: 1}", "{type: integer, exclusiveMinimum: 0}"),
        ("{$ref: '#/$defs/a', $defs: {a: {type: string}}}", "{type: string}"),
        ("{type: string, pattern: '.*'}", "{type: string}"),
        ("{type: array, items: {}}", "{type: array}"),
        ("{type: array, items: {type: string}}", "{type: array, items: {type: string}, unevaluatedItems: false}"),
        ("{anyOf: [{type: string, maxLength: 3}]}", "{type: string, maxLength: 3}"),
        ("{not: {type: string}}", "{type: [object, array, number, boolean, 'null']}"),
    ];
    for (one, other) in pairs {
        check(one, other, Both, &[]);
        check(other, one, Both, &[]);
    }
}

#[test]
fn each_change_is_said_once_where_it_happened() {
    check(
        "{$ref: '#/$defs/a', $defs: {a: {type: object, properties: {next: {$ref: '#/$defs/a'}, v: {type: integer}}}}}",
        "{$ref: '#/$defs/a', $defs: {a: {type: object, required: [v], properties: {next: {$ref: '#/$defs/a'}, v: {type: integer}}}}}",
        Request,
        &[" Required Added v Breaking"],
    );
    check("{type: integer}", "{type: number}", Response, &[" Type Widened  Breaking"]);
    check("{type: integer}", "{type: number}", Request, &[" Type Widened  Compatible"]);
    check("{enum: [a]}", "{enum: [a, b]}", Response, &[" EnumValue Added b Dangerous"]);
    check("{type: string, pattern: a}", "{type: string, pattern: b}", Request, &[" Pattern Changed  Dangerous"]);
    check("{type: string}", "{oneOf: [{type: string}, {type: 'null'}]}", Response, &[" Nullable Added  Breaking"]);
    check(
        "{oneOf: [{title: A, type: string}, {title: B, type: integer}]}",
        "{oneOf: [{title: B, type: integer}]}",
        Request,
        &[" OneOf Removed A Breaking"],
    );
    check(
        "{oneOf: [{type: string}, {type: integer}, {type: boolean}]}",
        "{oneOf: [{type: integer}, {type: string}]}",
        Request,
        &[" OneOf Removed boolean Breaking"],
    );
    check(
        "{type: object, properties: {a: {type: string}}}",
        "{type: object}",
        Request,
        &[" Property Removed a Dangerous"],
    );
    check("{type: object}", "{type: object, properties: {a: {type: string}}}", Both, &[" Property Added a Compatible"]);
    check(
        "{type: object}",
        "{type: object, additionalProperties: false}",
        Request,
        &[" AdditionalProperties Added  Breaking"],
    );
    check(
        "{type: string, maxLength: 3}",
        "{type: string, maxLength: 2}",
        Response,
        &[" MaxLength Decreased  Compatible"],
    );
}
