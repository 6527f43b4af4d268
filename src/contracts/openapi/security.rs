//! Who is let in: schemes, and which of them an operation asks for.
//!
//! A caller who could call before can still call when one of the new alternatives asks for nothing beyond one that the
//! caller could meet.

use std::collections::{BTreeMap, BTreeSet};

use super::collect::{Collector, Found};
use super::model::{Flow, Model, Operation, Scheme, Security};
use crate::contracts::Impact;
use crate::contracts::document::{Forest, Node};

/// Reads one scheme.
pub(super) fn scheme(forest: &Forest, key: Node, node: Node) -> Scheme {
    let word = |key: &str| forest.get(node, key).and_then(|value| forest.scalar(value)).unwrap_or_default();
    let kind = match word("type") {
        // Swagger 2's name of HTTP's basic scheme.
        "basic" => "http",
        kind => kind,
    };
    let essence = match kind {
        // RFC 9110: names of headers know no case.
        "apiKey" if word("in") == "header" => format!("header {}", word("name").to_ascii_lowercase()),
        "apiKey" => format!("{} {}", word("in"), word("name")),
        "http" if word("type") == "basic" => "basic".into(),
        "http" => word("scheme").to_ascii_lowercase(),
        _ => String::new(),
    };
    let mut flows = BTreeMap::new();
    if let Some(flow) = forest.get(node, "flow").and_then(|flow| forest.scalar(flow)) {
        let name = match flow {
            "application" => "clientCredentials",
            "accessCode" => "authorizationCode",
            name => name,
        };
        flows.insert(name.to_string(), read_flow(forest, node));
    }
    if let Some(all) = forest.get(node, "flows") {
        for (name, _, flow) in forest.entries(all) {
            flows.insert(forest.str(*name).to_string(), read_flow(forest, *flow));
        }
    }
    Scheme { key, kind: kind.into(), essence, flows }
}

fn read_flow(forest: &Forest, node: Node) -> Flow {
    let word = |key: &str| forest.get(node, key).and_then(|value| forest.scalar(value)).map(str::to_string);
    let scopes = forest.get(node, "scopes").map(|scopes| forest.entries(scopes)).unwrap_or_default();
    let scopes = scopes
        .iter()
        .map(|(name, _, text)| (forest.str(*name).to_string(), forest.scalar(*text).unwrap_or_default().to_string()));
    Flow { authorization: word("authorizationUrl"), token: word("tokenUrl"), scopes: scopes.collect() }
}

/// Reads a list of alternatives.
pub(super) fn read(forest: &Forest, node: Option<Node>, inherited: bool) -> Security {
    let items = node.map(|node| forest.items(node)).unwrap_or_default();
    let alternative = |item: &Node| {
        let scopes = |node: Node| {
            let mut scopes: Vec<String> =
                forest.items(node).iter().filter_map(|one| forest.scalar(*one)).map(str::to_string).collect();
            scopes.sort();
            scopes.dedup();
            scopes
        };
        forest.entries(*item).iter().map(|(name, _, node)| (forest.str(*name).to_string(), scopes(*node))).collect()
    };
    Security { node, inherited, alternatives: items.iter().map(alternative).collect() }
}

/// Compares the schemes of two documents.
pub(super) fn schemes(base: &Model, revision: &Model, out: &mut Collector) {
    for (name, old) in &base.schemes {
        let Some(new) = revision.schemes.get(name) else {
            out.add(
                Found::new("security-scheme-removed", Impact::Compatible, name)
                    .at(Some(old.key), None)
                    .args([name.clone()])
                    .say(format!("the security scheme {} is gone", code(name))),
            );
            continue;
        };
        let found =
            |rule: &'static str, impact: Impact| Found::new(rule, impact, name).at(Some(old.key), Some(new.key));
        if old.kind != new.kind {
            out.add(
                found("security-scheme-type-changed", Impact::Breaking)
                    .sides(&old.kind, &new.kind)
                    .args([name.clone(), old.kind.clone(), new.kind.clone()])
                    .say(format!(
                        "the security scheme {} is {} and was {}",
                        code(name),
                        code(&new.kind),
                        code(&old.kind)
                    )),
            );
            continue;
        }
        if old.essence != new.essence {
            out.add(
                found("security-scheme-moved", Impact::Breaking)
                    .sides(&old.essence, &new.essence)
                    .args([name.clone(), old.essence.clone(), new.essence.clone()])
                    .say(format!(
                        "the security scheme {} is {} and was {}",
                        code(name),
                        code(&new.essence),
                        code(&old.essence)
                    )),
            );
        }
        flows(name, old, new, out);
    }
    for (name, new) in &revision.schemes {
        if !base.schemes.contains_key(name) {
            out.add(
                Found::new("security-scheme-added", Impact::Compatible, name)
                    .at(None, Some(new.key))
                    .args([name.clone()])
                    .say(format!("the security scheme {} is new", code(name))),
            );
        }
    }
}

fn flows(name: &str, old: &Scheme, new: &Scheme, out: &mut Collector) {
    let found = |rule: &'static str, impact: Impact| Found::new(rule, impact, name).at(Some(old.key), Some(new.key));
    for (flow, before) in &old.flows {
        let Some(after) = new.flows.get(flow) else {
            out.add(
                found("security-scheme-flow-removed", Impact::Breaking)
                    .args([name.to_string(), flow.clone()])
                    .say(format!("the flow {} of the security scheme {} is gone", code(flow), code(name))),
            );
            continue;
        };
        let urls = [
            ("security-scheme-url-changed", &before.authorization, &after.authorization),
            ("security-scheme-token-url-changed", &before.token, &after.token),
        ];
        for (rule, before, after) in urls {
            let (before, after) = (before.clone().unwrap_or_default(), after.clone().unwrap_or_default());
            if before != after {
                out.add(
                    found(rule, Impact::Dangerous)
                        .sides(&before, &after)
                        .args([name.to_string(), before.clone(), after.clone()])
                        .say(format!("the address of {} is {} and was {}", code(name), code(&after), code(&before))),
                );
            }
        }
        for (scope, text) in &before.scopes {
            let (rule, impact, verb) = match after.scopes.get(scope) {
                None => ("security-scheme-scope-removed", Impact::Dangerous, "is gone"),
                Some(now) if now != text => {
                    ("security-scheme-scope-changed", Impact::Compatible, "is described otherwise")
                }
                Some(_) => continue,
            };
            out.add(found(rule, impact).args([name.to_string(), scope.clone()]).say(format!(
                "the scope {} of {} {verb}",
                code(scope),
                code(name)
            )));
        }
        for scope in after.scopes.keys().filter(|scope| !before.scopes.contains_key(*scope)) {
            out.add(
                found("security-scheme-scope-added", Impact::Compatible)
                    .args([name.to_string(), scope.clone()])
                    .say(format!("the scope {} of {} is new", code(scope), code(name))),
            );
        }
    }
}

/// Compares what one operation asks for.
pub(super) fn operation(models: [&Model; 2], old: &Operation, new: &Operation, name: &str, out: &mut Collector) {
    let (before, after) = (&old.security, &new.security);
    if before.alternatives == after.alternatives {
        return;
    }
    let nothing = BTreeMap::new();
    let all = |security: &Security| match security.alternatives.is_empty() {
        true => vec![nothing.clone()],
        false => security.alternatives.clone(),
    };
    let (was, is) = (all(before), all(after));
    let enough = |have: &BTreeMap<String, Vec<String>>, asked: &BTreeMap<String, Vec<String>>| {
        asked.iter().all(|(scheme, scopes)| {
            have.iter().any(|(known, granted)| {
                same_scheme(models, known, scheme) && scopes.iter().all(|scope| granted.contains(scope))
            })
        })
    };
    let shut_out = was.iter().filter(|have| !is.iter().any(|asked| enough(have, asked))).count();
    let impact = if shut_out == 0 { Impact::Compatible } else { Impact::Breaking };
    let names = |all: &[BTreeMap<String, Vec<String>>]| -> BTreeSet<String> {
        all.iter().flat_map(|one| one.keys().cloned()).collect()
    };
    let global = (before.inherited || before.node.is_none()) && (after.inherited || after.node.is_none());
    let at = |security: &Security, operation: &Operation| Some(security.node.unwrap_or(operation.key));
    let places = match global {
        true => (before.node, after.node),
        false => (at(before, old), at(after, new)),
    };
    let (known, asked) = (names(&was), names(&is));
    let shown = [said(&was), said(&is)];
    let mut told: Vec<(&'static str, Vec<String>, String)> = Vec::new();
    for scheme in asked.difference(&known) {
        // One more way in shuts nobody out.
        let message = format!("{} is asked for: {} and was {}", code(scheme), shown[1], shown[0]);
        told.push(("security-added", vec![scheme.clone()], message));
    }
    for scheme in known.difference(&asked) {
        let message = format!("{} no longer lets anybody in: {} and was {}", code(scheme), shown[1], shown[0]);
        told.push(("security-removed", vec![scheme.clone()], message));
    }
    for scheme in known.intersection(&asked) {
        let scopes = |all: &[BTreeMap<String, Vec<String>>]| -> BTreeSet<String> {
            all.iter().filter_map(|one| one.get(scheme)).flatten().cloned().collect()
        };
        let (had, has) = (scopes(&was), scopes(&is));
        for scope in has.difference(&had) {
            let message = format!("the scope {} of {} is asked for", code(scope), code(scheme));
            told.push(("security-scope-added", vec![scope.clone(), scheme.clone()], message));
        }
        for scope in had.difference(&has) {
            let message = format!("the scope {} of {} is no longer asked for", code(scope), code(scheme));
            told.push(("security-scope-removed", vec![scope.clone(), scheme.clone()], message));
        }
    }
    if told.is_empty() {
        told.push(("security-changed", Vec::new(), format!("who is let in: {} and was {}", shown[1], shown[0])));
    }
    for (rule, args, message) in told {
        let subject = if global { "security" } else { name };
        let found = Found::new(rule, impact, subject).at(places.0, places.1).sides(&shown[0], &shown[1]);
        out.reach(found.args(args).say(message).global(global), name);
    }
}

/// A scheme by another name is the same when a caller does the same for it.
fn same_scheme(models: [&Model; 2], base: &str, revision: &str) -> bool {
    match (models[0].schemes.get(base), models[1].schemes.get(revision)) {
        (Some(old), Some(new)) if base != revision => {
            old.kind == new.kind && old.essence == new.essence && !old.essence.is_empty()
        }
        // A scheme that changed itself is told by itself.
        _ => base == revision,
    }
}

fn said(all: &[BTreeMap<String, Vec<String>>]) -> String {
    let one = |set: &BTreeMap<String, Vec<String>>| match set.is_empty() {
        true => "nothing".to_string(),
        false => {
            let names: Vec<String> = set
                .iter()
                .map(|(name, scopes)| match scopes.is_empty() {
                    true => code(name),
                    false => format!("{} ({})", code(name), scopes.join(", ")),
                })
                .collect();
            names.join(" and ")
        }
    };
    all.iter().map(one).collect::<Vec<_>>().join(", or ")
}

fn code(text: &str) -> String {
    super::collect::code(text)
}
