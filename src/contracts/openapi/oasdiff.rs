//! Our rules in oasdiff's names, so that people can move over and answers can be compared.
//!
//! One table for what is said of operations. What is said of schemas is composed of a place and an ending there as well;
//! where the names differ, a second table has them, and a name that does not exist there is not said.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::collect::Found;
use super::operations::{Spot, Use};
use super::schemas::{ending, is_of_property};
use crate::contracts::document::{Forest, Node};
use crate::contracts::schema::{Fact, Pair, Schemas, Step, Subject, Verb};

/// Every name that there is, one on a line.
static NAMES: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| include_str!("oasdiff.txt").lines().collect());

/// Ours and theirs.
const OPERATIONS: &[(&str, &str)] = &[
    ("path-removed", "api-path-removed-without-deprecation"),
    ("path-removed-after-deprecation", "api-path-removed-with-deprecation"),
    ("path-removed-after-sunset", "api-path-removed-with-deprecation"),
    ("path-removed-before-sunset", "api-path-removed-before-sunset"),
    ("path-removed-sunset-unreadable", "api-path-sunset-parse"),
    ("operation-removed", "api-removed-without-deprecation"),
    ("operation-removed-after-deprecation", "api-removed-with-deprecation"),
    ("operation-removed-after-sunset", "api-removed-with-deprecation"),
    ("operation-removed-before-sunset", "api-removed-before-sunset"),
    ("operation-removed-sunset-unreadable", "api-path-sunset-parse"),
    ("operation-added", "endpoint-added"),
    ("operation-deprecated", "endpoint-deprecated"),
    ("operation-deprecated-with-sunset", "endpoint-deprecated-with-sunset"),
    ("operation-reactivated", "endpoint-reactivated"),
    ("operation-sunset-missing", "api-deprecated-sunset-missing"),
    ("operation-sunset-unreadable", "api-deprecated-sunset-parse"),
    ("operation-sunset-spoilt", "api-path-sunset-parse"),
    ("operation-sunset-removed", "sunset-deleted"),
    ("operation-sunset-too-soon", "api-sunset-date-too-small"),
    ("operation-sunset-earlier", "api-sunset-date-changed-too-small"),
    ("stability-unreadable", "api-invalid-stability-level"),
    ("stability-decreased", "api-stability-decreased"),
    ("stability-increased", "api-stability-increased"),
    ("operation-id-added", "api-operation-id-added"),
    ("operation-id-removed", "api-operation-id-removed"),
    ("operation-id-changed", "api-operation-id-removed"),
    ("operation-tag-added", "api-tag-added"),
    ("operation-tag-removed", "api-tag-removed"),
    ("webhook-removed", "webhook-removed"),
    ("webhook-added", "webhook-added"),
    ("schema-removed", "api-schema-removed"),
    ("request-path-parameter-added", "new-request-path-parameter"),
    ("request-parameter-added-required", "new-required-request-parameter"),
    ("request-parameter-added-required-to-path", "new-required-request-default-parameter-to-existing-path"),
    ("request-parameter-added-optional", "new-optional-request-parameter"),
    ("request-parameter-added-optional-to-path", "new-optional-request-default-parameter-to-existing-path"),
    ("request-parameter-removed", "request-parameter-removed"),
    ("request-parameter-removed-after-deprecation", "request-parameter-removed-with-deprecation"),
    ("request-parameter-removed-after-sunset", "request-parameter-removed-with-deprecation"),
    ("request-parameter-removed-before-sunset", "request-parameter-removed-before-sunset"),
    ("request-parameter-removed-sunset-unreadable", "request-parameter-sunset-parse"),
    ("request-parameter-became-required", "request-parameter-became-required"),
    ("request-parameter-became-optional", "request-parameter-became-optional"),
    ("request-parameter-deprecated", "request-parameter-deprecated"),
    ("request-parameter-deprecated-with-sunset", "request-parameter-deprecated"),
    ("request-parameter-reactivated", "request-parameter-reactivated"),
    ("request-parameter-sunset-missing", "request-parameter-deprecated-sunset-missing"),
    ("request-parameter-sunset-unreadable", "request-parameter-sunset-parse"),
    ("request-parameter-sunset-spoilt", "request-parameter-sunset-parse"),
    ("request-parameter-sunset-removed", "request-parameter-sunset-deleted"),
    ("request-parameter-sunset-too-soon", "request-parameter-sunset-date-too-small"),
    ("request-parameter-sunset-earlier", "request-parameter-sunset-date-changed-too-small"),
    ("request-body-added-required", "request-body-added-required"),
    ("request-body-added-optional", "request-body-added-optional"),
    ("request-body-removed", "request-body-removed"),
    ("request-body-became-required", "request-body-became-required"),
    ("request-body-became-optional", "request-body-became-optional"),
    ("request-body-media-type-removed", "request-body-media-type-removed"),
    ("request-body-media-type-added", "request-body-media-type-added"),
    ("response-media-type-removed", "response-media-type-removed"),
    ("response-media-type-added", "response-media-type-added"),
    ("response-media-type-name-generalized", "response-media-type-name-generalized"),
    ("response-media-type-name-specialized", "response-media-type-name-specialized"),
    ("response-success-status-removed", "response-success-status-removed"),
    ("response-non-success-status-removed", "response-non-success-status-removed"),
    ("response-success-status-added", "response-success-status-added"),
    ("response-non-success-status-added", "response-non-success-status-added"),
    ("response-header-removed-required", "required-response-header-removed"),
    ("response-header-removed-optional", "optional-response-header-removed"),
    ("response-header-added", "response-header-added"),
    ("response-header-became-optional", "response-header-became-optional"),
    ("security-added", "api-security-added"),
    ("security-removed", "api-security-removed"),
    ("security-scope-added", "api-security-scope-added"),
    ("security-scope-removed", "api-security-scope-removed"),
    ("security-scheme-added", "api-security-component-added"),
    ("security-scheme-removed", "api-security-component-removed"),
    ("security-scheme-type-changed", "api-security-component-type-changed"),
    ("security-scheme-url-changed", "api-security-component-oauth-url-changed"),
    ("security-scheme-token-url-changed", "api-security-component-oauth-token-url-changed"),
    ("security-scheme-scope-added", "api-security-component-oauth-scope-added"),
    ("security-scheme-scope-removed", "api-security-component-oauth-scope-removed"),
    ("security-scheme-scope-changed", "api-security-component-oauth-scope-changed"),
];

/// What concerns the whole document has other names there.
const GLOBAL: &[(&str, &str)] = &[
    ("security-added", "api-global-security-added"),
    ("security-removed", "api-global-security-removed"),
    ("security-scope-added", "api-global-security-scope-added"),
    ("security-scope-removed", "api-global-security-scope-removed"),
];

fn look_up(table: &'static [(&'static str, &'static str)], rule: &str) -> Option<&'static str> {
    table.iter().find(|(ours, _)| *ours == rule).map(|(_, theirs)| *theirs)
}

/// Their name for something that was found about an operation.
pub(super) fn id(found: &Found) -> Option<&'static str> {
    let global = if found.global { look_up(GLOBAL, found.rule) } else { None };
    global.or_else(|| look_up(OPERATIONS, found.rule))
}

/// The values that they name, in their order.
pub(super) fn args(found: &Found) -> Vec<String> {
    match found.rule {
        // The place of a parameter of a path says itself.
        "request-path-parameter-added" => found.args.iter().skip(1).cloned().collect(),
        "stability-unreadable" => {
            let word = found.args.first().map_or("", String::as_str);
            vec![format!("value is not one of draft, alpha, beta or stable: \"{word}\"")]
        }
        _ => found.args.clone(),
    }
}

/// One entry about a schema.
pub(super) struct Said<'a> {
    pub(super) names: Names,
    pub(super) fact: &'a Fact,
}

/// An entry's name and values; no name where there is none for it.
pub(super) struct Names {
    pub(super) id: Option<&'static str>,
    pub(super) args: Vec<String>,
    /// The path without what alternatives are called, by which two entries about one thing are known.
    pub(super) path: String,
}

impl Names {
    /// An entry that has a name of its own.
    pub(super) fn single(id: &'static str, args: Vec<String>) -> Self {
        Names { id: Some(id), args, path: String::new() }
    }
}

/// Where entries are told.
pub(super) struct Where {
    /// The beginnings of names, in the order they are tried.
    prefixes: Vec<&'static str>,
    /// Names of what surrounds a property: `request`, `response`.
    side: &'static str,
    request: bool,
    inner: bool,
    path: String,
    /// What comes before and after the values.
    before: Vec<String>,
    after: Vec<String>,
}

/// What they say of a pair at a path below a use.
pub(super) fn facts<'a>(
    schemas: &'a Schemas<'_>,
    one: &Use,
    pair: Pair,
    above: &[Pair],
    path: &[Step],
) -> Vec<Said<'a>> {
    let forest = &schemas.forest;
    let mut said: Vec<Said<'a>> = Vec::new();
    let mut say = |fact: &'a Fact, names: Names| said.push(Said { names, fact });
    let parent = above.len().checked_sub(2).map(|at| above[at]);
    let mut alternatives: Vec<(&'a Fact, Vec<String>)> = Vec::new();
    for fact in schemas.facts(pair) {
        let mut steps: Vec<String> = steps(forest, path);
        let of_property = is_of_property(fact);
        if of_property {
            steps.push(fact.name.clone().unwrap_or_default());
        }
        let open = !of_property && !matches!(path.last(), None | Some(Step::Property(_)));
        let text = steps.join("/") + if open { "/" } else { "" };
        let place = Where::at(one, of_property || !path.is_empty(), text);
        match fact.subject {
            Subject::OneOf | Subject::AnyOf => {
                // All alternatives that came, or went, are one entry there.
                let same =
                    |(other, _): &&mut (&Fact, Vec<String>)| (other.subject, other.verb) == (fact.subject, fact.verb);
                match alternatives.iter_mut().find(same) {
                    Some((_, names)) => names.extend(fact.name.clone()),
                    None => alternatives.push((fact, fact.name.iter().cloned().collect())),
                }
            }
            Subject::ReadOnly | Subject::WriteOnly => {
                let required = match (parent, path.last()) {
                    (Some(parent), Some(Step::Property(name))) => is_required(schemas, parent, forest.str(*name)),
                    _ => false,
                };
                let kind = if required { "required" } else { "optional" };
                let verb = if fact.verb == Verb::Removed { "became-not" } else { "became" };
                let what = if fact.subject == Subject::ReadOnly { "read-only" } else { "write-only" };
                let name = format!("={}-{kind}-property-{verb}-{what}", place.side);
                say(fact, place.named(&[name], Vec::new()));
            }
            Subject::Condition => {
                let verb = if fact.verb == Verb::Removed { "removed" } else { "added" };
                let node = if fact.verb == Verb::Removed { schemas.shown(pair)[0] } else { schemas.shown(pair)[1] };
                for word in ["if", "then", "else"] {
                    if fact.verb != Verb::Changed && node.is_some_and(|node| forest.get(node, word).is_some()) {
                        say(fact, place.named(&[format!("{word}-{verb}")], Vec::new()));
                    }
                }
            }
            Subject::Property | Subject::RequiredProperty | Subject::Required => {
                say(fact, place.property(forest, fact));
            }
            _ => {
                let values = [fact.name.clone(), fact.before.clone(), fact.after.clone()];
                say(fact, place.named(&endings(fact, &place), values.into_iter().flatten().collect()));
            }
        }
    }
    for (fact, mut names) in alternatives {
        names.sort();
        let text = steps(forest, path).join("/");
        let place = Where::at(one, !path.is_empty(), text);
        let (keyword, word) = if fact.subject == Subject::OneOf { ("one-of", "oneOf") } else { ("any-of", "anyOf") };
        let verb = if fact.verb == Verb::Removed { "removed" } else { "added" };
        say(fact, place.named(&[format!("{keyword}-{verb}")], vec![names.join(", "), word.into()]));
    }
    said
}

fn steps(forest: &Forest, path: &[Step]) -> Vec<String> {
    let one = |step: &Step| match step {
        Step::Property(name) | Step::Dependent(name) => forest.str(*name).to_string(),
        Step::Items | Step::Contains => "items".into(),
        Step::Item(at) => format!("prefixItems[{at}]"),
        Step::AdditionalProperties => "additionalProperties".into(),
        Step::PatternProperties(pattern) => format!("patternProperties[{}]", forest.str(*pattern)),
        Step::PropertyNames => "propertyNames".into(),
        Step::OneOf(at) => format!("oneOf[subschema #{}]", at + 1),
        Step::AnyOf(at) => format!("anyOf[subschema #{}]", at + 1),
        Step::Content => "contentSchema".into(),
    };
    path.iter().map(one).collect()
}

fn is_required(schemas: &Schemas<'_>, pair: Pair, name: &str) -> bool {
    let forest = &schemas.forest;
    let lists = |node: Option<Node>| {
        let list = node.and_then(|node| forest.get(node, "required"));
        list.is_some_and(|list| forest.items(list).iter().any(|item| forest.string(*item) == Some(name)))
    };
    schemas.shown(pair).into_iter().any(lists)
}

impl Where {
    /// A place by the steps to it.
    pub(super) fn of(one: &Use, path: &[String], inner: bool) -> Self {
        Where::at(one, inner, path.join("/"))
    }

    fn at(one: &Use, inner: bool, path: String) -> Self {
        let pick = |root: &'static str, below: &'static str| if inner { below } else { root };
        let (prefixes, before, after): (Vec<&'static str>, Vec<String>, Vec<String>) = match &one.spot {
            Spot::Body | Spot::Schema(_) => (vec![pick("request-body", "request-property")], Vec::new(), Vec::new()),
            Spot::Response(status) => {
                let places =
                    if inner { vec!["response-property"] } else { vec!["response-body", "response-mediatype"] };
                (places, Vec::new(), vec![status.clone()])
            }
            Spot::Header(name, status) => {
                // There is nothing below a header.
                let places = if inner { Vec::new() } else { vec!["response-header"] };
                (places, vec![name.clone()], vec![status.clone()])
            }
            Spot::Parameter(place, name) => {
                let places = match (inner, *place) {
                    (false, _) => vec!["request-parameter"],
                    // The items of a list are told as the parameter itself.
                    (true, _) if path.split('/').all(|step| step.is_empty() || step == "items") => {
                        vec!["request-parameter-property", "request-parameter"]
                    }
                    (true, "header") => vec!["request-parameter-property", "request-header-property"],
                    (true, _) => vec!["request-parameter-property"],
                };
                (places, vec![place.to_string(), name.clone()], Vec::new())
            }
        };
        let request = one.is_request();
        Where { prefixes, side: if request { "request" } else { "response" }, request, inner, path, before, after }
    }

    /// The first of several endings that has a name here; `=` begins a whole name.
    pub(super) fn named(&self, endings: &[String], values: Vec<String>) -> Names {
        let whole = |ending: &String| match ending.strip_prefix('=') {
            // What is said of properties of bodies there is not said of those of parameters and headers.
            Some(name) if self.before.is_empty() => vec![name.to_string()],
            Some("new-required-request-property") if self.prefixes.contains(&"request-header-property") => {
                vec!["new-required-request-header-property".to_string()]
            }
            Some(_) => Vec::new(),
            None => self.prefixes.iter().map(|prefix| format!("{prefix}-{ending}")).collect(),
        };
        let id = endings.iter().flat_map(whole).find_map(|name| NAMES.get(name.as_str()).copied());
        let path = self.inner.then(|| self.path.clone());
        let args = self.before.iter().cloned().chain(path).chain(values).chain(self.after.iter().cloned()).collect();
        Names { id, args, path: plain(&self.path) }
    }

    fn property(&self, forest: &Forest, fact: &Fact) -> Names {
        let node = if fact.verb == Verb::Removed { fact.base } else { fact.revision };
        let has_default = node.is_some_and(|node| forest.get(node, "default").is_some());
        let ending = ending(fact);
        let names: &[&str] = match (ending.as_str(), self.request) {
            ("added", true) => &["=new-optional-request-property"],
            ("added-required", true) if has_default => &["=new-required-request-property-with-default"],
            ("added-required", true) => &["=new-required-request-property"],
            ("removed" | "removed-required", true) => &["=request-property-removed"],
            ("became-required", true) if has_default => &["became-required-with-default", "became-required"],
            ("added", false) => &["=response-optional-property-added"],
            ("added-required", false) => &["=response-required-property-added"],
            ("removed", false) => &["=response-optional-property-removed"],
            ("removed-required", false) => &["=response-required-property-removed"],
            (ending, _) => &[ending],
        };
        let names: Vec<String> = names.iter().map(|name| (*name).to_string()).collect();
        self.named(&names, Vec::new())
    }
}

/// A path without the steps into what an `allOf` puts together, and without what alternatives are called.
fn plain(path: &str) -> String {
    let mut out = String::new();
    let mut depth = 0_usize;
    for character in path.chars() {
        match character {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 => out.push(character),
            _ => {}
        }
    }
    let steps = out.split('/').filter(|step| !step.is_empty() && *step != "allOf");
    steps.collect::<Vec<_>>().join("/")
}

/// Their endings for a fact, in the order they are tried.
fn endings(fact: &Fact, place: &Where) -> Vec<String> {
    let several = |value: &Option<String>| value.as_deref().is_some_and(|types| types.contains(", "));
    let own = ending(fact);
    let other: &[&str] = match (fact.subject, own.as_str()) {
        (Subject::Type, "type-generalized") if several(&fact.before) || several(&fact.after) => {
            &["list-of-types-widened", "type-generalized"]
        }
        (Subject::Type, "type-specialized") if several(&fact.before) || several(&fact.after) => {
            &["list-of-types-narrowed", "type-specialized", "type-changed"]
        }
        (Subject::Type, "type-specialized") => &["type-specialized", "type-changed"],
        (Subject::Format, "format-added" | "format-specialized") => &["type-specialized", "type-changed"],
        (Subject::Format, "format-removed") if !place.request => &["type-changed"],
        (Subject::Format, "format-removed" | "format-generalized") => &["type-generalized", "type-changed"],
        (Subject::Format, _) => &["type-changed"],
        (Subject::Default, "default-added") => &["default-value-added"],
        (Subject::Default, "default-removed") => &["default-value-removed"],
        (Subject::Default, _) => &["default-value-changed"],
        (Subject::ContentEncoding, _) => &["content-encoding-changed"],
        (Subject::ContentMediaType, _) => &["content-media-type-changed"],
        (Subject::Discriminator, "discriminator-changed") => &["discriminator-property-name-changed"],
        (Subject::DiscriminatorMapping, "discriminator-mapping-removed") => &["discriminator-mapping-deleted"],
        _ => &[],
    };
    other.iter().map(|ending| (*ending).to_string()).chain([own]).collect()
}
