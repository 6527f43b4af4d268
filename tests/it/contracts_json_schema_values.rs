//! What is said about two schemas against single values: a value that was allowed and no longer is must not go unsaid.
//!
//! The judge of single values here is written for this test, reads the schema with another parser and shares nothing with
//! the comparison.

use std::cell::Cell;
use std::collections::BTreeMap;

use mainguard::contracts::Impact;
use mainguard::contracts::json_schema::{Options, diff};
use mainguard::contracts::schema::Direction;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Whether a value fulfils a schema of the keywords that [`schemas`] uses; `None` where references run in a circle
/// without meeting anything, which has no meaning.
fn valid(root: &Value, value: &Value) -> Option<bool> {
    let lost = Cell::new(false);
    let is = fulfils(root, root, value, 24, &lost);
    (!lost.get()).then_some(is)
}

fn fulfils(schema: &Value, root: &Value, value: &Value, depth: u32, lost: &Cell<bool>) -> bool {
    let Value::Object(schema) = schema else { return schema != &Value::Bool(false) };
    if depth == 0 {
        lost.set(true);
        return true;
    }
    let check = |schema: &Value, value: &Value| fulfils(schema, root, value, depth - 1, lost);
    schema.iter().all(|(key, wanted)| keyword(schema, root, key, wanted, value, &check))
}

fn keyword(
    schema: &Map<String, Value>,
    root: &Value,
    key: &str,
    wanted: &Value,
    value: &Value,
    check: &dyn Fn(&Value, &Value) -> bool,
) -> bool {
    let list = || wanted.as_array().into_iter().flatten();
    let object = value.as_object();
    let items = value.as_array();
    let number = value.as_f64();
    let limit = wanted.as_f64().unwrap_or_default();
    let length = value.as_str().map(|text| text.chars().count() as f64);
    let count = items.map(|items| items.len() as f64);
    let names = object.map(|object| object.len() as f64);
    let not_below = |measured: Option<f64>| measured.is_none_or(|measured| measured >= limit);
    let not_above = |measured: Option<f64>| measured.is_none_or(|measured| measured <= limit);
    match key {
        "$ref" => {
            let target = wanted.as_str().and_then(|text| root.pointer(text.trim_start_matches('#')));
            target.is_none_or(|target| check(target, value))
        }
        "type" => {
            let one = |name: &Value| match name.as_str().unwrap_or_default() {
                "null" => value.is_null(),
                "boolean" => value.is_boolean(),
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "integer" => number.is_some_and(|number| number.fract() == 0.0),
                _ => value.is_number(),
            };
            if wanted.is_array() { list().any(one) } else { one(wanted) }
        }
        "enum" => list().any(|one| one == value),
        "const" => wanted == value,
        "minimum" => not_below(number),
        "maximum" => not_above(number),
        "exclusiveMinimum" => number.is_none_or(|number| number > limit),
        "exclusiveMaximum" => number.is_none_or(|number| number < limit),
        "multipleOf" => number.is_none_or(|number| (number / limit).fract() == 0.0),
        "minLength" => not_below(length),
        "maxLength" => not_above(length),
        "minItems" => not_below(count),
        "maxItems" => not_above(count),
        "minProperties" => not_below(names),
        "maxProperties" => not_above(names),
        "uniqueItems" => {
            let items = items.map(Vec::as_slice).unwrap_or_default();
            wanted != &Value::Bool(true) || items.iter().enumerate().all(|(at, item)| !items[..at].contains(item))
        }
        "prefixItems" => {
            let pairs = items.into_iter().flatten().zip(list());
            pairs.into_iter().all(|(item, schema)| check(schema, item))
        }
        "items" => {
            let first = schema.get("prefixItems").and_then(Value::as_array).map_or(0, Vec::len);
            items.into_iter().flatten().skip(first).all(|item| check(wanted, item))
        }
        "contains" => {
            let Some(items) = items else { return true };
            let found = items.iter().filter(|item| check(wanted, item)).count() as f64;
            let bound = |key: &str, other: f64| schema.get(key).and_then(Value::as_f64).unwrap_or(other);
            found >= bound("minContains", 1.0) && found <= bound("maxContains", f64::INFINITY)
        }
        "required" => {
            object.is_none_or(|object| list().all(|name| object.contains_key(name.as_str().unwrap_or_default())))
        }
        "properties" => {
            let wanted = wanted.as_object().into_iter().flatten();
            object.is_none_or(|object| {
                wanted.into_iter().all(|(name, schema)| object.get(name).is_none_or(|v| check(schema, v)))
            })
        }
        "patternProperties" => {
            // Patterns here are `^` and a letter.
            let wanted: Vec<(&String, &Value)> = wanted.as_object().into_iter().flatten().collect();
            let meets = |name: &str, pattern: &str| name.starts_with(pattern.trim_start_matches('^'));
            object.is_none_or(|object| {
                object
                    .iter()
                    .all(|(name, v)| wanted.iter().all(|(pattern, schema)| !meets(name, pattern) || check(schema, v)))
            })
        }
        "additionalProperties" => {
            let declared = |name: &str| schema.get("properties").is_some_and(|all| all.get(name).is_some());
            let patterns = schema.get("patternProperties").and_then(Value::as_object);
            let met = |name: &str| {
                patterns.is_some_and(|all| all.keys().any(|p| name.starts_with(p.trim_start_matches('^'))))
            };
            object.is_none_or(|object| object.iter().all(|(name, v)| declared(name) || met(name) || check(wanted, v)))
        }
        "propertyNames" => object.is_none_or(|object| object.keys().all(|name| check(wanted, &json!(name)))),
        "dependentRequired" => {
            let wanted: Vec<(&String, &Value)> = wanted.as_object().into_iter().flatten().collect();
            object.is_none_or(|object| {
                wanted.iter().all(|(name, others)| {
                    let mut others = others.as_array().into_iter().flatten();
                    !object.contains_key(*name)
                        || others.all(|other| object.contains_key(other.as_str().unwrap_or_default()))
                })
            })
        }
        "dependentSchemas" => {
            let mut wanted = wanted.as_object().into_iter().flatten();
            object.is_none_or(|object| wanted.all(|(name, schema)| !object.contains_key(name) || check(schema, value)))
        }
        "allOf" => list().all(|one| check(one, value)),
        "anyOf" => list().any(|one| check(one, value)),
        "oneOf" => list().filter(|one| check(one, value)).count() == 1,
        "not" => !check(wanted, value),
        "if" => match check(wanted, value) {
            true => schema.get("then").is_none_or(|then| check(then, value)),
            false => schema.get("else").is_none_or(|other| check(other, value)),
        },
        _ => true,
    }
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "c"])
}

fn small() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-2..4_i64).prop_map(|number| json!(number)),
        prop::sample::select(vec![json!(0.5), json!(1.5)]),
        prop::sample::select(vec![json!(""), json!("a"), json!("bb"), json!("ccc")]),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    small().prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(name(), inner, 0..4).prop_map(|all| Value::Object(
                all.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
            )),
        ]
    })
}

fn kinds() -> impl Strategy<Value = Value> {
    let kind = || prop::sample::select(vec!["null", "boolean", "object", "array", "string", "integer", "number"]);
    prop_oneof![
        3 => kind().prop_map(|kind| json!(kind)),
        1 => prop::collection::btree_set(kind(), 1..4).prop_map(|kinds| json!(kinds)),
    ]
}

fn leaf_keywords() -> impl Strategy<Value = (String, Value)> {
    let number = || (-1..4_i64).prop_map(|number| json!(number));
    let count = || (0..4_u64).prop_map(|number| json!(number));
    let pair = |key: &'static str, value: BoxedStrategy<Value>| value.prop_map(move |value| (key.to_string(), value));
    prop_oneof![
        4 => pair("type", kinds().boxed()),
        1 => pair("enum", prop::collection::vec(small(), 1..4).prop_map(Value::Array).boxed()),
        1 => pair("const", small().boxed()),
        1 => pair("minimum", number().boxed()),
        1 => pair("maximum", number().boxed()),
        1 => pair("exclusiveMinimum", number().boxed()),
        1 => pair("exclusiveMaximum", number().boxed()),
        1 => pair("multipleOf", prop::sample::select(vec![json!(1), json!(2), json!(0.5)]).boxed()),
        1 => pair("minLength", count().boxed()),
        1 => pair("maxLength", count().boxed()),
        1 => pair("minItems", count().boxed()),
        1 => pair("maxItems", count().boxed()),
        1 => pair("minProperties", count().boxed()),
        1 => pair("maxProperties", count().boxed()),
        1 => pair("uniqueItems", any::<bool>().prop_map(Value::Bool).boxed()),
        2 => pair("required", prop::collection::btree_set(name(), 0..3).prop_map(|names| json!(names)).boxed()),
        1 => pair("dependentRequired", (name(), name()).prop_map(|(one, other)| json!({ one: [other] })).boxed()),
        1 => pair("$ref", prop::sample::select(vec![json!("#/$defs/x"), json!("#/$defs/y")]).boxed()),
    ]
}

fn object(pairs: Vec<(String, Value)>) -> Value {
    Value::Object(pairs.into_iter().collect())
}

/// Schemas of all keywords that can be judged, small enough that values meet their limits.
fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop::collection::vec(leaf_keywords(), 0..3).prop_map(object);
    leaf.prop_recursive(3, 24, 3, |inner| {
        let list = || prop::collection::vec(inner.clone(), 1..4).prop_map(Value::Array);
        let map = |keys: Vec<&'static str>| {
            prop::collection::btree_map(prop::sample::select(keys), inner.clone(), 1..3)
                .prop_map(|all| Value::Object(all.into_iter().map(|(name, value)| (name.to_string(), value)).collect()))
        };
        let either = || prop_oneof![1 => any::<bool>().prop_map(Value::Bool), 2 => inner.clone()];
        let pair = |key: &'static str, value: BoxedStrategy<Value>| {
            value.prop_map(move |value| vec![(key.to_string(), value)]).boxed()
        };
        let keyword = prop_oneof![
            4 => pair("properties", map(vec!["a", "b", "c"]).boxed()),
            1 => pair("patternProperties", map(vec!["^a", "^b"]).boxed()),
            2 => pair("additionalProperties", either().boxed()),
            1 => pair("propertyNames", inner.clone().boxed()),
            1 => pair("dependentSchemas", map(vec!["a", "b"]).boxed()),
            2 => pair("items", either().boxed()),
            1 => pair("prefixItems", list().boxed()),
            1 => (inner.clone(), 0..3_u64, 1..3_u64).prop_map(|(schema, least, most)| vec![
                ("contains".to_string(), schema),
                ("minContains".to_string(), json!(least)),
                ("maxContains".to_string(), json!(most)),
            ]),
            1 => pair("contains", inner.clone().boxed()),
            2 => pair("allOf", list().boxed()),
            2 => pair("anyOf", list().boxed()),
            2 => pair("oneOf", list().boxed()),
            1 => pair("not", inner.clone().boxed()),
            1 => (inner.clone(), inner.clone(), inner.clone()).prop_map(|(one, two, three)| vec![
                ("if".to_string(), one),
                ("then".to_string(), two),
                ("else".to_string(), three),
            ]),
        ];
        (prop::collection::vec(leaf_keywords(), 0..3), prop::collection::vec(keyword, 1..3))
            .prop_map(|(leaves, others)| object(leaves.into_iter().chain(others.into_iter().flatten()).collect()))
    })
}

/// A document with two definitions that may refer to each other.
fn documents() -> impl Strategy<Value = Value> {
    (schemas(), schemas(), schemas()).prop_map(|(mut root, x, y)| {
        root["$defs"] = json!({ "x": x, "y": y });
        root
    })
}

/// The same document with one part of it replaced, so that most of it is the same.
fn nearly(document: Value) -> impl Strategy<Value = (Value, Value)> {
    let changed =
        (Just(document.clone()), prop::collection::vec(any::<prop::sample::Index>(), 4), schemas(), leaf_keywords());
    changed.prop_map(move |(mut other, at, schema, (key, value))| {
        let mut here = &mut other;
        for index in at {
            let keys: Vec<String> = here.as_object().into_iter().flat_map(|all| all.keys().cloned()).collect();
            let Some(key) = (!keys.is_empty()).then(|| keys[index.index(keys.len())].clone()) else { break };
            if !here[&key].is_object() {
                break;
            }
            here = &mut here[&key];
        }
        match here.as_object_mut() {
            Some(all) if all.values().all(Value::is_object) && !all.is_empty() => {
                let first = all.keys().next().cloned().unwrap_or_default();
                all.insert(first, schema);
            }
            Some(all) => drop(all.insert(key, value)),
            None => {}
        }
        (document.clone(), other)
    })
}

/// The same schema in other words: a part of it wrapped, cut in two, moved to a definition, or spelled otherwise.
fn respelled(document: Value) -> impl Strategy<Value = (Value, Value)> {
    (Just(document.clone()), prop::collection::vec(any::<prop::sample::Index>(), 6), 0..5_u8).prop_map(
        move |(mut other, at, how)| {
            let mut moved = None;
            let mut here = &mut other;
            for two in at.chunks_exact(2) {
                let (index, inner) = (two[0], two[1]);
                let keys: Vec<String> = here.as_object().into_iter().flat_map(|all| all.keys().cloned()).collect();
                let inside = |key: &String| {
                    matches!(
                        key.as_str(),
                        "properties" | "items" | "additionalProperties" | "not" | "contains" | "$defs"
                    ) && here[key].is_object()
                };
                let keys: Vec<String> = keys.into_iter().filter(inside).collect();
                let Some(key) = (!keys.is_empty()).then(|| keys[index.index(keys.len())].clone()) else { break };
                let map = matches!(key.as_str(), "properties" | "$defs");
                here = &mut here[&key];
                if map {
                    let names: Vec<String> = here.as_object().into_iter().flat_map(|all| all.keys().cloned()).collect();
                    here = &mut here[&names[inner.index(names.len())]];
                }
            }
            // Not where a map of schemas stands, and not the document itself: others refer to what is in it.
            if here.get("$defs").is_some() || here.as_object().is_some_and(|all| all.contains_key("x")) {
                return (document.clone(), other);
            }
            let was = here.take();
            *here = match (how, &was) {
                (0, _) => json!({ "allOf": [was] }),
                (1, _) => {
                    moved = Some(was);
                    json!({ "$ref": "#/$defs/moved" })
                }
                (2, Value::Object(all))
                    if !all.contains_key("prefixItems")
                        && !all.contains_key("contains")
                        && !all.contains_key("if")
                        && !all.contains_key("additionalProperties") =>
                {
                    json!({ "allOf": all.iter().map(|(key, value)| json!({ key: value })).collect::<Vec<_>>() })
                }
                (3, _) => json!({ "anyOf": [was, false] }),
                (4, Value::Object(all)) if all.contains_key("const") && !all.contains_key("enum") => {
                    let mut all = all.clone();
                    let only = all.remove("const");
                    all.insert("enum".into(), json!([only]));
                    Value::Object(all)
                }
                _ => was,
            };
            if let Some(moved) = moved {
                other["$defs"]["moved"] = moved;
            }
            (document.clone(), other)
        },
    )
}

fn said(base: &Value, revision: &Value, direction: Direction) -> (Impact, String) {
    let file = |value: &Value| BTreeMap::from([("a.json".to_string(), value.to_string().into_bytes())]);
    let options = Options { direction, strict: true };
    let changes = diff(&file(base), Some("a.json"), &file(revision), Some("a.json"), &options).unwrap();
    let worst = changes.iter().map(|change| change.impact).max().unwrap_or(Impact::Compatible);
    let text = changes.iter().map(|change| format!("{:?} {}\n", change.impact, change.message)).collect();
    (worst, text)
}

fn judge(base: &Value, revision: &Value, values: &[Value]) -> Result<(), TestCaseError> {
    for value in values {
        let (Some(was), Some(is)) = (valid(base, value), valid(revision, value)) else { continue };
        let (direction, lost) = match (was, is) {
            (true, false) => (Direction::Request, "no longer allowed"),
            (false, true) => (Direction::Response, "newly allowed"),
            _ => continue,
        };
        let (worst, text) = said(base, revision, direction);
        prop_assert!(worst > Impact::Compatible, "{base}\n{revision}\n{value} is {lost}; said is:\n{text}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn a_value_that_is_lost_or_won_does_not_go_unsaid(
        (base, revision) in documents().prop_flat_map(nearly),
        values in prop::collection::vec(values(), 24),
    ) {
        judge(&base, &revision, &values)?;
    }

    #[test]
    fn two_schemas_that_have_nothing_to_do_with_each_other(
        base in documents(),
        revision in documents(),
        values in prop::collection::vec(values(), 24),
    ) {
        judge(&base, &revision, &values)?;
    }

    #[test]
    fn the_same_in_other_words_is_the_same((base, revision) in documents().prop_flat_map(respelled)) {
        for direction in [Direction::Request, Direction::Response] {
            let (worst, text) = said(&base, &revision, direction);
            prop_assert!(worst < Impact::Breaking, "{base}\n{revision}\n{text}");
        }
    }

    #[test]
    fn a_schema_is_itself(document in documents(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&document).unwrap() } else { document.to_string() };
        let file = |text: String| BTreeMap::from([("a.json".to_string(), text.into_bytes())]);
        for direction in [Direction::Both, Direction::Request] {
            let options = Options { direction, strict: direction == Direction::Both };
            let (one, other) = (file(document.to_string()), file(text.clone()));
            prop_assert_eq!(diff(&one, Some("a.json"), &other, Some("a.json"), &options).unwrap(), vec![]);
        }
    }
}

/// More of them on demand: `MAINGUARD_CASES=10000`.
fn cases() -> u32 {
    std::env::var("MAINGUARD_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(150)
}
