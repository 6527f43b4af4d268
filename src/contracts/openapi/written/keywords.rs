//! The keywords of two schemas, compared by their words, in another tool's names.

use super::super::operations::Spot;
use super::Walk;
use crate::contracts::document::{Forest, Node, Value};

/// Limits: the keyword, its name, and whether nothing said means zero.
const LIMITS: &[(&str, &str, bool)] = &[
    ("minimum", "min", false),
    ("maximum", "max", false),
    ("exclusiveMinimum", "exclusive-min", false),
    ("exclusiveMaximum", "exclusive-max", false),
    ("minLength", "min-length", true),
    ("maxLength", "max-length", false),
    ("minItems", "min-items", true),
    ("maxItems", "max-items", false),
    ("minContains", "min-contains", false),
    ("maxContains", "max-contains", false),
];

/// Keywords that are there or not.
const PRESENT: &[(&str, &str)] = &[
    ("contains", "contains"),
    ("propertyNames", "property-names"),
    ("unevaluatedItems", "unevaluated-items"),
    ("unevaluatedProperties", "unevaluated-properties"),
    ("contentSchema", "content-schema"),
    ("if", "if"),
    ("then", "then"),
    ("else", "else"),
];

/// Says what differs in the two schemas themselves.
pub(super) fn compare(walk: &mut Walk<'_, '_>, old: Node, new: Node, path: &[String], required: Option<bool>) {
    types(walk, old, new, path);
    nullable(walk, old, new, path);
    values(walk, old, new, path);
    let mut told: Vec<(String, Vec<String>)> = Vec::new();
    {
        let forest = walk.forest();
        for (key, name, from_zero) in LIMITS {
            // OpenAPI 3.0 and Swagger 2 say with a word that a limit itself is excluded.
            let flag = |node: Node| forest.get(node, key).map(|value| forest.is_true(value)).unwrap_or_default();
            match (flag(old), flag(new)) {
                (false, true) => told.push((format!("{name}-set"), vec!["true".into()])),
                (true, false) => told.push((format!("{name}-unset"), vec!["true".into()])),
                _ => {}
            }
            let shown = |node: Node| forest.get(node, key).and_then(|value| forest.number(value));
            let (was, is) = (shown(old), shown(new));
            let text = |number: Option<f64>| number.unwrap_or(0.0).to_string();
            match (was, is) {
                (Some(was), Some(is)) if was != is => {
                    let verb = if is > was { "increased" } else { "decreased" };
                    told.push((format!("{name}-{verb}"), vec![text(Some(was)), text(Some(is))]));
                }
                (None, Some(is)) => {
                    told.push((format!("{name}-set"), vec![text(Some(is))]));
                    if *from_zero && is > 0.0 {
                        told.push((format!("{name}-increased"), vec![text(None), text(Some(is))]));
                    }
                }
                (Some(was), None) => {
                    told.push((format!("{name}-unset"), vec![text(Some(was))]));
                    if *from_zero && was > 0.0 {
                        told.push((format!("{name}-decreased"), vec![text(Some(was)), text(None)]));
                    }
                }
                _ => {}
            }
        }
        for (key, name) in PRESENT {
            match (forest.get(old, key).is_some(), forest.get(new, key).is_some()) {
                (false, true) => told.push((format!("{name}-added"), Vec::new())),
                (true, false) => told.push((format!("{name}-removed"), Vec::new())),
                _ => {}
            }
        }
        words(forest, old, new, &mut told);
        maps(forest, old, new, &mut told);
        let places = |node: Node| forest.get(node, "prefixItems").map_or(0, |list| forest.items(list).len());
        for _ in places(old)..places(new) {
            told.push(("prefix-items-added".into(), Vec::new()));
        }
        for _ in places(new)..places(old) {
            told.push(("prefix-items-removed".into(), Vec::new()));
        }
    }
    for (ending, values) in told {
        walk.say([old, new], path, &[ending], values);
    }
    mutability(walk, old, new, path, required);
}

fn words(forest: &Forest, old: Node, new: Node, told: &mut Vec<(String, Vec<String>)>) {
    let word = |node: Node, key: &str| forest.get(node, key).map(|value| forest.shown(value, 60));
    for (key, name) in [("contentEncoding", "content-encoding"), ("contentMediaType", "content-media-type")] {
        let (was, is) = (word(old, key), word(new, key));
        if was != is {
            let values = [was, is].map(Option::unwrap_or_default);
            told.push((format!("{name}-changed"), values.to_vec()));
        }
    }
    match (word(old, "pattern"), word(new, "pattern")) {
        (None, Some(is)) => told.push(("pattern-added".into(), vec![is])),
        (Some(was), None) => told.push(("pattern-removed".into(), vec![was])),
        (Some(was), Some(is)) if was != is => {
            let verb = if is == ".*" { "generalized" } else { "changed" };
            told.push((format!("pattern-{verb}"), vec![was, is]));
        }
        _ => {}
    }
    match (word(old, "default"), word(new, "default")) {
        (None, Some(is)) => told.push(("default-value-added".into(), vec![is])),
        (Some(was), None) => told.push(("default-value-removed".into(), vec![was])),
        (Some(was), Some(is)) if was != is => told.push(("default-value-changed".into(), vec![was, is])),
        _ => {}
    }
}

fn maps(forest: &Forest, old: Node, new: Node, told: &mut Vec<(String, Vec<String>)>) {
    for (key, name) in [
        ("dependentRequired", "dependent-required"),
        ("dependentSchemas", "dependent-schema"),
        ("patternProperties", "pattern-property"),
    ] {
        let entries = |node: Node| forest.get(node, key).map(|map| forest.entries(map)).unwrap_or_default();
        let (was, is) = (entries(old), entries(new));
        for (word, _, value) in was {
            let word_text = forest.str(*word).to_string();
            match is.iter().find(|(other, ..)| other == word) {
                None => told.push((format!("{name}-removed"), vec![word_text])),
                Some((_, _, now)) if name == "dependent-required" && !forest.same(*value, *now) => {
                    for (one, other, verb) in [(*value, *now, "removed"), (*now, *value, "added")] {
                        for item in forest.items(one) {
                            if !forest.items(other).iter().any(|known| forest.same(*known, *item)) {
                                let values = vec![word_text.clone(), format!("{} {verb}", forest.shown(*item, 60))];
                                told.push((format!("{name}-changed"), values));
                            }
                        }
                    }
                }
                Some(_) => {}
            }
        }
        for (word, ..) in is.iter().filter(|(word, ..)| !was.iter().any(|(other, ..)| other == word)) {
            told.push((format!("{name}-added"), vec![forest.str(*word).to_string()]));
        }
    }
}

/// The types of a schema but `null`, sorted; none where none is said.
pub(super) fn types_of(forest: &Forest, node: Node) -> Vec<String> {
    let Some(types) = forest.get(node, "type") else { return Vec::new() };
    let one = [types];
    let list = if forest.items(types).is_empty() { &one[..] } else { forest.items(types) };
    let mut names: Vec<String> = list
        .iter()
        .filter_map(|node| forest.scalar(*node))
        .filter(|name| *name != "null")
        .map(str::to_string)
        .collect();
    names.sort();
    names
}

fn types(walk: &mut Walk<'_, '_>, old: Node, new: Node, path: &[String]) {
    let forest = walk.forest();
    let (was, is) = (types_of(forest, old), types_of(forest, new));
    let format = |node: Node| forest.get(node, "format").and_then(|value| forest.scalar(value)).map(str::to_string);
    let formats = (format(old), format(new));
    if was == is && formats.0 == formats.1 {
        return;
    }
    let contains = |wide: (&Vec<String>, &Option<String>), narrow: (&Vec<String>, &Option<String>)| {
        let types = wide.0.is_empty()
            || (!narrow.0.is_empty()
                && narrow
                    .0
                    .iter()
                    .all(|one| wide.0.contains(one) || (one == "integer" && wide.0.contains(&"number".into()))));
        let format = match (wide.1.as_deref(), narrow.1.as_deref()) {
            (None, _) => true,
            (Some(wide), Some(narrow)) => {
                wide == narrow
                    || matches!((wide, narrow), ("int64", "int32") | ("double", "float") | ("date-time", "date"))
            }
            (Some(_), None) => false,
        };
        types && format
    };
    let (before, after) = ((&was, &formats.0), (&is, &formats.1));
    let request = walk.one.is_request();
    let (wider, narrower) = (contains(after, before), contains(before, after));
    let of_parameter = matches!(walk.one.spot, Spot::Parameter(..)) && !path.is_empty();
    let names: &[&str] = match (request, wider, narrower) {
        (true, ..) if of_parameter && (was.is_empty() || is.is_empty()) => &["type-changed"],
        (false, true, false) if was == is => &["type-changed"],
        (true, true, _) => &["type-generalized", "type-changed"],
        // Texts are all there is in a parameter.
        (true, false, narrower) if narrower || was == ["string"] => &["type-specialized", "type-changed"],
        (true, ..) => &["type-changed"],
        (false, _, true) => &["type-specialized", "type-changed"],
        (false, true, false) if !is.is_empty() => &["type-generalized", "type-changed"],
        (false, ..) => &["type-changed"],
    };
    let names: Vec<String> = names.iter().map(|name| (*name).to_string()).collect();
    let kind = match (was != is, formats.0 != formats.1) {
        (true, false) => "type",
        (false, true) => "format",
        _ => "type/format",
    };
    let shown = |types: &[String]| if types.is_empty() { "any".to_string() } else { types.join(", ") };
    walk.say([old, new], path, &names, vec![kind.into(), shown(&was), shown(&is)]);
}

fn nullable(walk: &mut Walk<'_, '_>, old: Node, new: Node, path: &[String]) {
    let forest = walk.forest();
    let is_null = |node: Node| {
        let flag = |key: &str| forest.get(node, key).is_some_and(|value| forest.is_true(value));
        let types = forest.get(node, "type");
        let listed =
            types.is_some_and(|types| forest.items(types).iter().any(|one| forest.string(*one) == Some("null")));
        flag("nullable") || flag("x-nullable") || listed
    };
    let (was, is) = (is_null(old), is_null(new));
    if was != is {
        let name = if is { "became-nullable" } else { "became-not-nullable" };
        walk.say([old, new], path, &[name.into()], Vec::new());
    }
}

fn values(walk: &mut Walk<'_, '_>, old: Node, new: Node, path: &[String]) {
    let forest = walk.forest();
    let mut told: Vec<(String, Vec<String>)> = Vec::new();
    for (key, name) in [("enum", "enum-value"), ("x-extensible-enum", "x-extensible-enum-value")] {
        let list = |node: Node| forest.get(node, key).map(|list| forest.items(list).to_vec());
        let (was, is) = (list(old), list(new));
        if key == "enum" && was.is_none() && is.is_some() && walk.one.is_request() {
            told.push(("became-enum".into(), Vec::new()));
            continue;
        }
        let (was, is) = (was.unwrap_or_default(), is.unwrap_or_default());
        let apart = |one: &[Node], other: &[Node]| -> Vec<String> {
            let lacking = one.iter().filter(|value| !other.iter().any(|known| forest.same(*known, **value)));
            lacking.filter(|value| forest.value(**value) != Value::Null).map(|value| forest.shown(*value, 60)).collect()
        };
        told.extend(apart(&was, &is).into_iter().map(|value| (format!("{name}-removed"), vec![value])));
        told.extend(apart(&is, &was).into_iter().map(|value| (format!("{name}-added"), vec![value])));
    }
    let constant = |node: Node| forest.get(node, "const").map(|value| forest.shown(value, 60));
    match (constant(old), constant(new)) {
        (None, Some(is)) => told.push(("const-added".into(), vec![is])),
        (Some(was), None) => told.push(("const-removed".into(), vec![was])),
        (Some(was), Some(is)) if was != is => told.push(("const-changed".into(), vec![was, is])),
        _ => {}
    }
    for (ending, values) in told {
        walk.say([old, new], path, &[ending], values);
    }
}

fn mutability(walk: &mut Walk<'_, '_>, old: Node, new: Node, path: &[String], required: Option<bool>) {
    let Some(required) = required else { return };
    let side = if walk.one.is_request() { "request" } else { "response" };
    let kind = if required { "required" } else { "optional" };
    for (key, what) in [("readOnly", "read-only"), ("writeOnly", "write-only")] {
        let forest = walk.forest();
        let flag = |node: Node| forest.get(node, key).is_some_and(|value| forest.is_true(value));
        let (was, is) = (flag(old), flag(new));
        if was != is {
            let verb = if is { "became" } else { "became-not" };
            walk.say([old, new], path, &[format!("={side}-{kind}-property-{verb}-{what}")], Vec::new());
        }
    }
}
