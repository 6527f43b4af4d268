//! Paths, operations and what hangs on them, compared; what they exchange is noted for the comparator of schemas.

use super::bodies;
use super::collect::{Collector, Found, code};
use super::lifecycle::{self, Aging, Farewell, Stability};
use super::model::{Model, Operation, PathItem};
use super::{Options, pair, parameters, security};
use crate::contracts::Impact;
use crate::contracts::document::{Forest, Node};

/// Where a schema stands for those who meet it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Spot {
    Body,
    Parameter(&'static str, String),
    /// The status.
    Response(String),
    /// The name, and the status.
    Header(String, String),
    /// A named schema that no operation exchanges, in a document that has none.
    Schema(String),
}

/// Two schemas that meet in one place of one operation.
#[derive(Clone, Debug)]
pub(super) struct Use {
    pub(super) spot: Spot,
    /// Whether what it describes flows to the server.
    pub(super) to_server: bool,
    pub(super) base: Option<Node>,
    pub(super) revision: Option<Node>,
    /// What has the schema: stands in for a side that has none.
    pub(super) holders: [Node; 2],
    pub(super) media: String,
    pub(super) operation: String,
}

impl Use {
    /// Whether it stands where requests do, whoever sends them.
    pub(super) fn is_request(&self) -> bool {
        matches!(self.spot, Spot::Body | Spot::Parameter(..) | Spot::Schema(_))
    }
}

/// What is needed everywhere.
pub(super) struct Context<'a> {
    pub(super) forest: &'a Forest,
    pub(super) models: [&'a Model; 2],
    pub(super) options: &'a Options,
    /// Whether the operations are called by the server, as webhooks and callbacks are.
    pub(super) inverted: bool,
}

/// Compares two documents, all but their schemas.
pub(super) fn compare(context: &Context<'_>, out: &mut Collector) -> Vec<Use> {
    let [base, revision] = context.models;
    let mut uses = Vec::new();
    servers(context, out);
    security::schemes(base, revision, out);
    items(context, &base.paths, &revision.paths, out, &mut uses);
    webhooks(context, out, &mut uses);
    named_schemas(context, out, &mut uses);
    uses
}

fn servers(context: &Context<'_>, out: &mut Collector) {
    let [base, revision] = context.models;
    let known = |url: &str| revision.servers.iter().any(|(other, _)| other == url);
    let now: Vec<&str> = revision.servers.iter().map(|(url, _)| url.as_str()).collect();
    let anchor = revision.servers.first().map_or(revision.root, |(_, node)| *node);
    for (url, node) in base.servers.iter().filter(|(url, _)| !known(url)) {
        let instead = if now.is_empty() { "none is named".to_string() } else { code(&now.join(", ")) };
        out.add(
            Found::new("server-removed", Impact::Dangerous, "servers")
                .at(Some(*node), Some(anchor))
                .sides(url, &now.join(", "))
                .args([url.clone()])
                .say(format!("the server {} is gone: {instead} now", code(url))),
        );
    }
    if base.servers.is_empty() && revision.servers.iter().any(|(url, _)| !url.is_empty()) {
        let (url, node) = &revision.servers[0];
        // Nothing said means beside the document; an address may be just where that is.
        out.add(
            Found::new("server-added", Impact::Compatible, "servers")
                .at(None, Some(*node))
                .args([url.clone()])
                .say(format!("the server {} is named, none was", code(url))),
        );
    }
}

fn items(context: &Context<'_>, base: &[PathItem], revision: &[PathItem], out: &mut Collector, uses: &mut Vec<Use>) {
    for (old, new) in pair::pairs(base, revision, context.options.include_path_params) {
        match (old.map(|index| &base[index]), new.map(|index| &revision[index])) {
            (Some(old), Some(new)) => item(context, old, new, out, uses),
            (Some(old), None) => path_removed(context, old, out),
            (None, Some(new)) => {
                for operation in &new.operations {
                    added(context, operation, new, out);
                }
            }
            (None, None) => {}
        }
    }
}

fn item(context: &Context<'_>, old: &PathItem, new: &PathItem, out: &mut Collector, uses: &mut Vec<Use>) {
    for before in &old.operations {
        match new.operations.iter().find(|after| after.method == before.method) {
            Some(after) => operation(context, (old, before), (new, after), out, uses),
            None => removed(context, "operation", before, old, Some(new.key), out),
        }
    }
    for after in &new.operations {
        if !old.operations.iter().any(|before| before.method == after.method) {
            added(context, after, new, out);
        }
    }
}

fn added(context: &Context<'_>, operation: &Operation, item: &PathItem, out: &mut Collector) {
    let name = operation.name(item);
    if stability(context, operation).is_ok_and(|level| level < context.options.stability_level) {
        return;
    }
    out.reach(
        Found::new("operation-added", Impact::Compatible, &name)
            .at(None, Some(operation.key))
            .say(format!("{} is new", code(&name))),
        &name,
    );
}

fn stability(context: &Context<'_>, operation: &Operation) -> Result<Stability, String> {
    lifecycle::stability(context.forest, operation.lifecycle)
}

fn path_removed(context: &Context<'_>, item: &PathItem, out: &mut Collector) {
    let [_, revision] = context.models;
    let anchor = context.forest.key(revision.root, "paths").unwrap_or(revision.root);
    for operation in &item.operations {
        removed(context, "path", operation, item, Some(anchor), out);
    }
}

fn removed(
    context: &Context<'_>,
    what: &str,
    operation: &Operation,
    item: &PathItem,
    anchor: Option<Node>,
    out: &mut Collector,
) {
    let name = operation.name(item);
    match stability(context, operation) {
        Ok(level) if level < context.options.stability_level => return,
        Ok(_) => {}
        Err(word) => invalid_stability(context, operation, &name, &word, out),
    }
    let whole = what == "path";
    let gone = if whole { format!("the path {}", code(&item.name)) } else { code(&name) };
    let pick = |path: &'static str, operation: &'static str| if whole { path } else { operation };
    let (rule, impact, args, message) = match lifecycle::farewell(context.forest, operation.lifecycle, context.options)
    {
        Farewell::None => (
            pick("path-removed", "operation-removed"),
            Impact::Breaking,
            None,
            format!("{gone} is gone and was never deprecated"),
        ),
        Farewell::Announced => (
            pick("path-removed-after-deprecation", "operation-removed-after-deprecation"),
            Impact::Dangerous,
            None,
            format!("{gone} is gone: it was deprecated, without a day"),
        ),
        Farewell::Due(end) => (
            pick("path-removed-after-sunset", "operation-removed-after-sunset"),
            Impact::Compatible,
            None,
            format!("{gone} is gone, as announced for {end}"),
        ),
        Farewell::Early(end) => (
            pick("path-removed-before-sunset", "operation-removed-before-sunset"),
            Impact::Breaking,
            Some(end.to_string()),
            format!("{gone} is gone before {end}, the day announced for it"),
        ),
        Farewell::Unreadable(why) => (
            pick("path-removed-sunset-unreadable", "operation-removed-sunset-unreadable"),
            Impact::Breaking,
            Some(why.clone()),
            format!("{gone} is gone, and the day announced for it cannot be read: it {why}"),
        ),
    };
    let (node, subject) = if whole { (item.key, item.name.clone()) } else { (operation.key, name.clone()) };
    let subject = if whole && item.operations.len() == 1 { name.clone() } else { subject };
    out.reach(Found::new(rule, impact, subject).at(Some(node), anchor).args(args).say(message), &name);
}

fn invalid_stability(context: &Context<'_>, operation: &Operation, name: &str, word: &str, out: &mut Collector) {
    let node = operation.lifecycle.stability;
    let base =
        node.filter(|node| context.forest.source(*node).is_some_and(|(side, _)| side == crate::contracts::Side::Base));
    let revision = if base.is_some() { None } else { node };
    out.reach(
        Found::new("stability-unreadable", Impact::Breaking, name)
            .at(base, revision)
            .args([word.to_string()])
            .say(format!("the stability {} is none of `draft`, `alpha`, `beta`, `stable`", code(word))),
        name,
    );
}

fn operation(
    context: &Context<'_>,
    (old_item, old): (&PathItem, &Operation),
    (new_item, new): (&PathItem, &Operation),
    out: &mut Collector,
    uses: &mut Vec<Use>,
) {
    let name = if context.options.unfolded { old.name(old_item) } else { new.name(new_item) };
    let (was, is) = (stability(context, old), stability(context, new));
    if let (Err(before), Err(after)) = (&was, &is)
        && before == after
    {
        // It was no promise before and is none now.
        return;
    }
    for (operation, level) in [(old, &was), (new, &is)] {
        if let Err(word) = level {
            invalid_stability(context, operation, &name, word, out);
        }
    }
    let (Ok(was), Ok(is)) = (was, is) else { return };
    let level = context.options.stability_level;
    if is != was {
        let (rule, impact, verb) = match is < was {
            true => ("stability-decreased", Impact::Breaking, "less"),
            false => ("stability-increased", Impact::Compatible, "more"),
        };
        if is > was || was >= level {
            let at = |operation: &Operation| Some(operation.lifecycle.stability.unwrap_or(operation.key));
            out.reach(
                Found::new(rule, impact, &name)
                    .at(at(old), at(new))
                    .sides(was.name(), is.name())
                    .args([was.name().to_string(), is.name().to_string()])
                    .say(format!("{} is {} and was {}: {verb} stable", code(&name), is.name(), was.name())),
                &name,
            );
        }
    }
    // What was never promised cannot be broken.
    if was < level || is < level {
        return;
    }
    let days = context.options.deprecation_days(was);
    for aging in lifecycle::aged(context.forest, old.lifecycle, new.lifecycle, days, context.options) {
        operation_aged(&aging, old, new, &name, out);
    }
    if !context.inverted {
        security::operation(context.models, old, new, &name, out);
    }
    names(context, old, new, &name, out);
    parameters::compare(context, (old_item, old), (new_item, new), &name, out, uses);
    bodies::request(context, old, new, &name, out, uses);
    bodies::responses(context, old, new, &name, out, uses);
    callbacks(context, old, new, &name, out, uses);
}

fn operation_aged(aging: &Aging, old: &Operation, new: &Operation, name: &str, out: &mut Collector) {
    let (rule, impact, args, message) = aged_words(aging, &code(name));
    let rule = match rule {
        "deprecated" => "operation-deprecated",
        "deprecated-with-sunset" => "operation-deprecated-with-sunset",
        "reactivated" => "operation-reactivated",
        "sunset-missing" => "operation-sunset-missing",
        "sunset-unreadable" => "operation-sunset-unreadable",
        "sunset-spoilt" => "operation-sunset-spoilt",
        "sunset-removed" => "operation-sunset-removed",
        "sunset-too-soon" => "operation-sunset-too-soon",
        _ => "operation-sunset-earlier",
    };
    let at = |operation: &Operation| Some(operation.lifecycle.sunset.unwrap_or(operation.key));
    out.reach(Found::new(rule, impact, name).at(at(old), at(new)).args(args).say(message), name);
}

/// The end of a rule's name, its impact, its values and a sentence about the thing.
pub(super) fn aged_words(aging: &Aging, thing: &str) -> (&'static str, Impact, Vec<String>, String) {
    use Impact::{Breaking, Compatible};
    match aging {
        Aging::Deprecated(None) => ("deprecated", Compatible, Vec::new(), format!("{thing} is deprecated")),
        Aging::Deprecated(Some(end)) => (
            "deprecated-with-sunset",
            Compatible,
            vec![end.to_string()],
            format!("{thing} is deprecated and ends on {end}"),
        ),
        Aging::Reactivated => ("reactivated", Compatible, Vec::new(), format!("{thing} is no longer deprecated")),
        Aging::SunsetMissing => {
            ("sunset-missing", Breaking, Vec::new(), format!("{thing} is deprecated without a day on which it ends"))
        }
        Aging::SunsetUnreadable(why) => {
            ("sunset-unreadable", Breaking, vec![why.clone()], format!("the day on which {thing} ends {why}"))
        }
        Aging::SunsetSpoilt(why) => (
            "sunset-spoilt",
            Breaking,
            vec![why.clone()],
            format!("the day on which {thing} ends changed and cannot be compared: it {why}"),
        ),
        Aging::SunsetDeleted => {
            ("sunset-removed", Breaking, Vec::new(), format!("the day on which {thing} ends is no longer said"))
        }
        Aging::SunsetTooSoon(end, days) => (
            "sunset-too-soon",
            Breaking,
            vec![end.to_string(), days.to_string()],
            format!("{thing} ends on {end}, in less than the {days} days that callers have"),
        ),
        Aging::SunsetEarlier(before, after, days) => (
            "sunset-earlier",
            Breaking,
            vec![before.to_string(), after.to_string(), before.to_string(), days.to_string()],
            format!("{thing} ends on {after} and not on {before}, as was announced"),
        ),
    }
}

/// Names that generators of clients use.
fn names(context: &Context<'_>, old: &Operation, new: &Operation, name: &str, out: &mut Collector) {
    let forest = context.forest;
    let word = |node: Option<Node>| node.and_then(|node| forest.scalar(node)).unwrap_or_default().to_string();
    let (was, is) = (word(old.id), word(new.id));
    if was != is {
        let rule = match was.is_empty() {
            true => "operation-id-added",
            false if is.is_empty() => "operation-id-removed",
            false => "operation-id-changed",
        };
        let impact = if was.is_empty() { Impact::Compatible } else { Impact::Dangerous };
        let at = |operation: &Operation| Some(operation.id.unwrap_or(operation.key));
        let args = [was.clone(), is.clone()].into_iter().filter(|word| !word.is_empty());
        let message = match rule {
            "operation-id-added" => format!("the name {} is new", code(&is)),
            "operation-id-removed" => format!("the name {} is gone", code(&was)),
            _ => format!("the name is {} and was {}", code(&is), code(&was)),
        };
        out.reach(Found::new(rule, impact, name).at(at(old), at(new)).sides(&was, &is).args(args).say(message), name);
    }
    let tags = |operation: &Operation| -> Vec<(String, Node)> {
        operation.tags.iter().filter_map(|tag| Some((forest.scalar(*tag)?.to_string(), *tag))).collect()
    };
    let (was, is) = (tags(old), tags(new));
    for (tag, node) in was.iter().filter(|(tag, _)| !is.iter().any(|(other, _)| other == tag)) {
        let message = format!("the tag {} is gone", code(tag));
        let found = Found::new("operation-tag-removed", Impact::Compatible, name).args([tag.clone()]).say(message);
        out.reach(found.at(Some(*node), Some(new.key)), name);
    }
    for (tag, node) in is.iter().filter(|(tag, _)| !was.iter().any(|(other, _)| other == tag)) {
        let message = format!("the tag {} is new", code(tag));
        let found = Found::new("operation-tag-added", Impact::Compatible, name).args([tag.clone()]).say(message);
        out.reach(found.at(Some(old.key), Some(*node)), name);
    }
}

fn webhooks(context: &Context<'_>, out: &mut Collector, uses: &mut Vec<Use>) {
    let [base, revision] = context.models;
    let context = Context { inverted: true, ..*context };
    let anchor = context.forest.key(revision.root, "webhooks").unwrap_or(revision.root);
    for old in &base.webhooks {
        match revision.webhooks.iter().find(|new| new.name == old.name) {
            Some(new) => called_back(&context, "webhook:", old, new, out, uses),
            None => out.add(
                Found::new("webhook-removed", Impact::Breaking, format!("webhook:{}", old.name))
                    .at(Some(old.key), Some(anchor))
                    .args([old.name.clone()])
                    .say(format!("the webhook {} is gone", code(&old.name))),
            ),
        }
    }
    for new in &revision.webhooks {
        if !base.webhooks.iter().any(|old| old.name == new.name) {
            out.add(
                Found::new("webhook-added", Impact::Compatible, format!("webhook:{}", new.name))
                    .at(None, Some(new.key))
                    .args([new.name.clone()])
                    .say(format!("the webhook {} is new", code(&new.name))),
            );
        }
    }
}

/// Operations that the server calls, under a name that says so.
fn called_back(
    context: &Context<'_>,
    prefix: &str,
    old: &PathItem,
    new: &PathItem,
    out: &mut Collector,
    uses: &mut Vec<Use>,
) {
    for before in &old.operations {
        let Some(after) = new.operations.iter().find(|after| after.method == before.method) else {
            out.add(
                Found::new(
                    "webhook-operation-removed",
                    Impact::Breaking,
                    format!("{} {prefix}{}", before.method, old.name),
                )
                .at(Some(before.key), Some(new.key))
                .args([before.method.clone(), old.name.clone()])
                .say(format!("{} is no longer called with {}", code(&old.name), before.method)),
            );
            continue;
        };
        let name = format!("{} {prefix}{}", after.method, new.name);
        bodies::request(context, before, after, &name, out, uses);
        bodies::responses(context, before, after, &name, out, uses);
    }
    for after in &new.operations {
        if !old.operations.iter().any(|before| before.method == after.method) {
            out.add(
                Found::new(
                    "webhook-operation-added",
                    Impact::Compatible,
                    format!("{} {prefix}{}", after.method, new.name),
                )
                .at(Some(old.key), Some(after.key))
                .args([after.method.clone(), new.name.clone()])
                .say(format!("{} is called with {} too", code(&new.name), after.method)),
            );
        }
    }
}

fn callbacks(
    context: &Context<'_>,
    old: &Operation,
    new: &Operation,
    name: &str,
    out: &mut Collector,
    uses: &mut Vec<Use>,
) {
    let context = Context { inverted: !context.inverted, ..*context };
    for (label, before) in &old.callbacks {
        let same = |(other, after): &&(String, PathItem)| other == label && after.name == before.name;
        match new.callbacks.iter().find(same) {
            Some((_, after)) => called_back(&context, &format!("{name} callback:{label}:"), before, after, out, uses),
            None => out.reach(
                Found::new("callback-removed", Impact::Breaking, name)
                    .at(Some(before.key), Some(new.key))
                    .args([label.clone(), before.name.clone()])
                    .say(format!("the callback {} to {} is gone", code(label), code(&before.name))),
                name,
            ),
        }
    }
    for (label, after) in &new.callbacks {
        if !old.callbacks.iter().any(|(other, before)| other == label && after.name == before.name) {
            out.reach(
                Found::new("callback-added", Impact::Compatible, name)
                    .at(Some(old.key), Some(after.key))
                    .args([label.clone(), after.name.clone()])
                    .say(format!("the callback {} to {} is new", code(label), code(&after.name))),
                name,
            );
        }
    }
}

/// Named schemas: what is gone is said; in a document without operations they are the contract.
fn named_schemas(context: &Context<'_>, out: &mut Collector, uses: &mut Vec<Use>) {
    let [base, revision] = context.models;
    let is_library = [base, revision].iter().all(|model| model.paths.is_empty() && model.webhooks.is_empty());
    let known: std::collections::HashMap<&str, Node> =
        revision.schemas.iter().map(|(name, node)| (name.as_str(), *node)).collect();
    for (name, old) in &base.schemas {
        match known.get(name.as_str()) {
            Some(new) if is_library => {
                for to_server in [true, false] {
                    uses.push(Use {
                        spot: Spot::Schema(name.clone()),
                        to_server,
                        base: Some(*old),
                        revision: Some(*new),
                        holders: [*old, *new],
                        media: String::new(),
                        operation: String::new(),
                    });
                }
            }
            Some(_) => {}
            None => {
                let impact = if is_library { Impact::Breaking } else { Impact::Compatible };
                let anchor = revision.schemas.first().map_or(revision.root, |(_, node)| *node);
                out.add(
                    Found::new("schema-removed", impact, name)
                        .at(Some(*old), Some(anchor))
                        .args([name.clone()])
                        .say(format!("the named schema {} is gone", code(name))),
                );
            }
        }
    }
}
