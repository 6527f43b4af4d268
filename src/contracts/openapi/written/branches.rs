//! The schemas inside of two schemas, paired by what they are called.

use super::Walk;
use super::keywords::types_of;
use crate::contracts::Unreadable;
use crate::contracts::document::{Forest, Node};

/// Schemas that stand alone below a keyword.
const SINGLE: &[(&str, &str)] = &[
    ("items", "items"),
    ("additionalProperties", "additionalProperties"),
    ("contains", "contains"),
    ("propertyNames", "propertyNames"),
    ("contentSchema", "contentSchema"),
    ("unevaluatedItems", "unevaluatedItems"),
    ("unevaluatedProperties", "unevaluatedProperties"),
    ("not", "not"),
    ("if", "if"),
    ("then", "then"),
    ("else", "else"),
];

/// Walks on, and says which properties and alternatives came and went.
pub(super) fn walk(walk: &mut Walk<'_, '_>, old: Node, new: Node, path: &mut Vec<String>) -> Result<(), Unreadable> {
    properties(walk, old, new, path)?;
    for (key, step) in SINGLE {
        let both = (walk.forest().get(old, key), walk.forest().get(new, key));
        if let (Some(was), Some(is)) = both {
            down(walk, was, is, step, path, None)?;
        }
    }
    for (key, step) in [("patternProperties", "patternProperties"), ("dependentSchemas", "dependentSchemas")] {
        let forest = walk.forest();
        let (Some(was), Some(is)) = (forest.get(old, key), forest.get(new, key)) else { continue };
        let pairs: Vec<(String, Node, Node)> = forest
            .entries(was)
            .iter()
            .filter_map(|(name, _, value)| {
                let other = forest.entries(is).iter().find(|(other, ..)| other == name)?;
                Some((format!("{step}[{}]", forest.str(*name)), *value, other.2))
            })
            .collect();
        for (step, was, is) in pairs {
            down(walk, was, is, &step, path, None)?;
        }
    }
    let forest = walk.forest();
    let list = |node: Node| forest.get(node, "prefixItems").map(|list| forest.items(list).to_vec()).unwrap_or_default();
    let places: Vec<(Node, Node)> = list(old).into_iter().zip(list(new)).collect();
    for (at, (was, is)) in places.into_iter().enumerate() {
        down(walk, was, is, &format!("prefixItems[subschema #{}]", at + 1), path, None)?;
    }
    if walk.is_unfolding() && wrapped(walk, old, new) {
        walk.say([old, new], path, &["wrapped-in-one-of".into()], Vec::new());
        return Ok(());
    }
    for key in ["allOf", "oneOf", "anyOf"] {
        group(walk, old, new, key, path)?;
    }
    Ok(())
}

fn down(
    walk: &mut Walk<'_, '_>,
    was: Node,
    is: Node,
    step: &str,
    path: &mut Vec<String>,
    required: Option<bool>,
) -> Result<(), Unreadable> {
    if !walk.forest().is_map(was) || !walk.forest().is_map(is) {
        return Ok(());
    }
    path.push(step.to_string());
    let done = walk.pair(was, is, path, required);
    path.pop();
    done
}

fn is_required(forest: &Forest, node: Node, name: &str) -> bool {
    let list = forest.get(node, "required");
    list.is_some_and(|list| forest.items(list).iter().any(|one| forest.string(*one) == Some(name)))
}

/// The properties that a schema declares itself.
fn entries(forest: &Forest, node: Node) -> Vec<(String, Node)> {
    let map = forest.get(node, "properties").map(|map| forest.entries(map)).unwrap_or_default();
    map.iter().map(|(name, _, value)| (forest.str(*name).to_string(), *value)).collect()
}

fn properties(walk: &mut Walk<'_, '_>, old: Node, new: Node, path: &mut Vec<String>) -> Result<(), Unreadable> {
    let (was, is) = (entries(walk.forest(), old), entries(walk.forest(), new));
    let now: std::collections::HashMap<&str, Node> = is.iter().map(|(name, node)| (name.as_str(), *node)).collect();
    let before: std::collections::HashSet<&str> = was.iter().map(|(name, _)| name.as_str()).collect();
    for (name, node) in &was {
        let required = (is_required(walk.forest(), old, name), is_required(walk.forest(), new, name));
        match now.get(name.as_str()) {
            Some(other) => {
                if walk.is_unfolding() && required.0 != required.1 {
                    let has_default = has_default(walk, *other)?;
                    let names: Vec<String> = match required.1 {
                        true if has_default => vec!["became-required-with-default".into(), "became-required".into()],
                        true => vec!["became-required".into()],
                        false => vec!["became-optional".into()],
                    };
                    path.push(name.clone());
                    walk.say([*node, *other], path, &names, Vec::new());
                    path.pop();
                }
                down(walk, *node, *other, name, path, Some(required.0))?;
            }
            None if walk.is_unfolding() => {
                let hidden = is_hidden(walk, *node, "writeOnly")?;
                let id = match (walk.one.is_request(), required.0, hidden) {
                    (true, ..) => "=request-property-removed",
                    (false, true, false) => "=response-required-property-removed",
                    (false, false, false) => "=response-optional-property-removed",
                    (false, true, true) => "=response-required-write-only-property-removed",
                    (false, false, true) => "=response-optional-write-only-property-removed",
                };
                path.push(name.clone());
                walk.say([*node, new], path, &[id.to_string()], Vec::new());
                path.pop();
            }
            None => {}
        }
    }
    if !walk.is_unfolding() {
        return Ok(());
    }
    undeclared(walk, old, new, &now, path);
    for (name, node) in is.iter().filter(|(name, _)| !before.contains(name.as_str())) {
        let required = is_required(walk.forest(), new, name);
        let has_default = has_default(walk, *node)?;
        let id = match (walk.one.is_request(), required) {
            (true, true) if has_default => "=new-required-request-property-with-default",
            (true, true) if is_hidden(walk, *node, "readOnly")? => "=new-optional-request-property",
            (true, true) => "=new-required-request-property",
            (true, false) => "=new-optional-request-property",
            (false, true) => "=response-required-property-added",
            (false, false) => "=response-optional-property-added",
        };
        path.push(name.clone());
        walk.say([old, *node], path, &[id.to_string()], Vec::new());
        path.pop();
    }
    Ok(())
}

/// Properties that were demanded without being declared, and are now declared and not demanded.
fn undeclared(
    walk: &mut Walk<'_, '_>,
    old: Node,
    new: Node,
    now: &std::collections::HashMap<&str, Node>,
    path: &mut Vec<String>,
) {
    let forest = walk.forest();
    let list = forest.get(old, "required").map(|list| forest.items(list)).unwrap_or_default();
    let declared = |name: &str| forest.get(old, "properties").is_some_and(|map| forest.get(map, name).is_some());
    let names: Vec<(String, Node)> = list
        .iter()
        .filter_map(|one| forest.string(*one))
        .filter(|name| !declared(name) && !is_required(forest, new, name))
        .filter_map(|name| Some((name.to_string(), *now.get(name)?)))
        .collect();
    for (name, node) in names {
        path.push(name);
        walk.say([old, node], path, &["became-optional".into()], Vec::new());
        path.pop();
    }
}

fn has_default(walk: &mut Walk<'_, '_>, node: Node) -> Result<bool, Unreadable> {
    let node = walk.schemas.follow(node)?;
    Ok(walk.forest().get(node, "default").is_some())
}

fn is_hidden(walk: &mut Walk<'_, '_>, node: Node, key: &str) -> Result<bool, Unreadable> {
    let node = walk.schemas.follow(node)?;
    let forest = walk.forest();
    Ok(forest.get(node, key).is_some_and(|value| forest.is_true(value)))
}

/// Whether what was there is now one alternative of several.
fn wrapped(walk: &Walk<'_, '_>, old: Node, new: Node) -> bool {
    let forest = walk.forest();
    let groups = ["oneOf", "anyOf", "allOf"];
    if groups.iter().any(|key| forest.get(old, key).is_some()) || forest.get(new, "type").is_some() {
        return false;
    }
    let branches = forest.get(new, "oneOf").map(|list| forest.items(list).to_vec()).unwrap_or_default();
    forest.get(old, "properties").is_some() && branches.len() > 1 && forest.get(new, "properties").is_none()
}

/// What a branch is called; nothing for one without a name.
fn name(forest: &Forest, branch: Node) -> Option<String> {
    let word = |key: &str| forest.get(branch, key).and_then(|value| forest.string(value)).map(str::to_string);
    word("$ref").or_else(|| word("title"))
}

/// Whether a branch says no more than its type.
fn is_bare(forest: &Forest, branch: Node) -> bool {
    !types_of(forest, branch).is_empty()
        && forest.entries(branch).iter().all(|(key, ..)| {
            matches!(forest.str(*key), "type" | "format" | "description" | "title" | "nullable" | "example" | "enum")
        })
}

fn group(walk: &mut Walk<'_, '_>, old: Node, new: Node, key: &str, path: &mut Vec<String>) -> Result<(), Unreadable> {
    let forest = walk.forest();
    let list = |node: Node| forest.get(node, key).map(|list| forest.items(list).to_vec()).unwrap_or_default();
    let (was, is) = (list(old), list(new));
    if was.is_empty() && is.is_empty() {
        return Ok(());
    }
    let mut free: Vec<usize> = (0..is.len()).collect();
    let mut left: Vec<usize> = Vec::new();
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (at, branch) in was.iter().enumerate() {
        let called = name(forest, *branch);
        let same = |other: &usize| match &called {
            Some(_) => name(forest, is[*other]) == called,
            None => forest.same(is[*other], *branch),
        };
        match free.iter().position(same) {
            Some(found) => pairs.push((at, free.remove(found))),
            None => left.push(at),
        }
    }
    // One that is left on each side, and has no name, is the same one changed.
    if let ([one], [other]) = (&left[..], &free[..])
        && name(forest, was[*one]).is_none()
        && name(forest, is[*other]).is_none()
    {
        pairs.push((*one, *other));
        (left, free) = (Vec::new(), Vec::new());
    }
    let called = |list: &[Node], of: &[usize]| -> String {
        let names = of.iter().map(|at| name(forest, list[*at]).unwrap_or_else(|| format!("subschema #{}", at + 1)));
        names.collect::<Vec<_>>().join(", ")
    };
    let stem = match key {
        "allOf" => "all-of",
        "oneOf" => "one-of",
        _ => "any-of",
    };
    let mut told: Vec<(String, String)> = Vec::new();
    for (verb, list, of) in [("removed", &was, &left), ("added", &is, &free)] {
        if of.is_empty() {
            continue;
        }
        told.push((format!("{stem}-{verb}"), called(list, of)));
        if key != "allOf" && of.iter().all(|at| is_bare(forest, list[*at])) {
            let verb = if verb == "removed" { "narrowed" } else { "widened" };
            let types: Vec<String> = of.iter().flat_map(|at| types_of(forest, list[*at])).collect();
            told.push((format!("list-of-types-{verb}"), types.join(" and ")));
        }
    }
    let steps: Vec<(String, Node, Node)> = pairs
        .iter()
        .map(|(one, other)| {
            let step = name(forest, was[*one]).unwrap_or_else(|| format!("subschema #{}", one + 1));
            (format!("{key}[{step}]"), was[*one], is[*other])
        })
        .collect();
    if walk.is_unfolding() {
        for (ending, names) in told {
            walk.say([old, new], path, &[ending], vec![names, key.to_string()]);
        }
    }
    for (step, one, other) in steps {
        down(walk, one, other, &step, path, None)?;
    }
    Ok(())
}
