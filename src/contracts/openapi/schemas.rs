//! What the comparator of schemas found, told in the places of operations.
//!
//! A fact belongs to a pair of schemas. Every operation that leads to the pair is walked once, and the fact is told once
//! with all of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::collect::{Collector, Found, Source, code};
use super::model::Model;
use super::operations::{Spot, Use};
use super::read::unreadable;
use super::{oasdiff, rules};
use crate::contracts::document::{Forest, Node};
use crate::contracts::schema::{ANY, Direction, Fact, Flow, Pair, Reached, Schemas, Step, Subject, Verb};
use crate::contracts::{Impact, Unreadable};

/// Steps of all walks for other tools' answers, which follow every path.
const MOST_STEPS: usize = 3_000_000;
/// Longer paths are not followed for them.
pub(super) const LONGEST_PATH: usize = 48;
/// Of one schema in one use, so many places are told: in a circle of schemas there is no end of them.
pub(super) const MOST_PLACES: usize = 16;

/// Compares the schemas of all uses; what is found is complete when the comparator has finished.
pub(super) fn compare(schemas: &mut Schemas<'_>, uses: &[Use]) -> Vec<Pair> {
    let compared = uses.iter().map(|one| {
        let term = |schemas: &mut Schemas<'_>, node: Option<Node>| node.map_or(ANY, |node| schemas.term(node));
        let (base, revision) = (term(schemas, one.base), term(schemas, one.revision));
        let direction = if one.to_server { Direction::Request } else { Direction::Response };
        schemas.compare(base, revision, direction)
    });
    compared.collect()
}

/// The names of the schemas that have one.
pub(super) struct Names {
    of: HashMap<Node, String>,
}

impl Names {
    /// Those of both sides.
    pub(super) fn new(forest: &Forest, models: [&Model; 2]) -> Self {
        let mut of = HashMap::new();
        for (name, node) in models.into_iter().flat_map(|model| &model.schemas) {
            of.entry(*node).or_insert_with(|| name.clone());
            // A schema that is put together is shown at its first part.
            let parts = forest.get(*node, "allOf").map(|parts| forest.items(parts)).unwrap_or_default();
            for part in parts.iter().filter(|part| forest.get(**part, "$ref").is_none()) {
                of.entry(*part).or_insert_with(|| name.clone());
            }
        }
        Names { of }
    }

    fn get(&self, schemas: &Schemas<'_>, pair: Pair) -> Option<&String> {
        let [base, revision] = schemas.shown(pair);
        let name = |node: Option<Node>| node.and_then(|node| self.of.get(&node));
        name(revision).or_else(|| name(base))
    }
}

/// One fact, and who meets it.
struct Cause {
    impact: Impact,
    place: &'static str,
    /// What it is about: `Pet.name`, or a place of an operation.
    thing: String,
    named: bool,
    /// Which way it flows there, where the thing alone does not say it.
    way: &'static str,
    users: BTreeSet<usize>,
}

/// Tells everything that was found, once each.
pub(super) fn tell(schemas: &Schemas<'_>, names: &Names, uses: &[Use], pairs: &[Pair], out: &mut Collector) {
    let mut roots: BTreeMap<Pair, Vec<usize>> = BTreeMap::new();
    for (index, pair) in pairs.iter().enumerate() {
        roots.entry(*pair).or_default().push(index);
    }
    // In the order of the first use, so that the place a cause is told for is the first one that has it.
    let mut ordered: Vec<(Pair, Vec<usize>)> = roots.into_iter().collect();
    ordered.sort_by_key(|(_, users)| users[0]);
    let mut causes: BTreeMap<(Pair, usize), Cause> = BTreeMap::new();
    for (root, users) in &ordered {
        if schemas.facts(*root).is_empty() && schemas.edges(*root).is_empty() {
            continue;
        }
        let reached = schemas.reach(*root);
        for (at, one) in reached.iter().enumerate() {
            for (number, fact) in schemas.facts(one.pair).iter().enumerate() {
                let impact = impact(one.flow, fact, &uses[users[0]]);
                let cause = causes.entry((one.pair, number)).or_insert_with(|| {
                    let (thing, named) = thing(schemas, names, &reached, at, &uses[users[0]]);
                    let inner = at > 0 || is_of_property(fact);
                    let first = &uses[users[0]];
                    Cause { impact, place: place(first, inner), thing, named, way: way(first), users: BTreeSet::new() }
                });
                cause.impact = cause.impact.max(impact);
                cause.users.extend(users);
            }
        }
    }
    for ((pair, number), cause) in causes {
        let fact = &schemas.facts(pair)[number];
        let found = found(fact, &cause, uses);
        for user in &cause.users {
            match uses[*user].operation.as_str() {
                "" => out.add(found.clone()),
                operation => out.reach(found.clone(), operation),
            }
        }
    }
}

/// How bad a fact is in a use.
fn impact(flow: Flow, fact: &Fact, one: &Use) -> Impact {
    let by_values = flow.impact(fact);
    match (fact.subject, fact.verb) {
        // Every value is taken as before, and leaving it out may mean something else.
        (Subject::Default, Verb::Changed | Verb::Removed) if one.to_server => by_values.max(Impact::Dangerous),
        _ => by_values,
    }
}

/// Whether a fact about an object is one about a property of it.
pub(super) fn is_of_property(fact: &Fact) -> bool {
    matches!(fact.subject, Subject::Property | Subject::RequiredProperty | Subject::Required)
}

/// Which way the data of a named schema flows.
fn way(one: &Use) -> &'static str {
    match (&one.spot, one.to_server) {
        (Spot::Schema(_), _) => "",
        (Spot::Body | Spot::Parameter(..), true) => " in requests",
        (Spot::Response(_) | Spot::Header(..), false) => " in responses",
        (_, true) => " in what is answered to the server",
        (_, false) => " in what the server sends",
    }
}

/// How rules call the place.
pub(super) fn place(one: &Use, inner: bool) -> &'static str {
    let places = match (&one.spot, one.to_server) {
        (Spot::Schema(_), _) => ["schema", "schema-property"],
        (Spot::Parameter(..), _) => ["request-parameter", "request-parameter-property"],
        (Spot::Header(..), _) => ["response-header", "response-header-property"],
        // A webhook's body comes from the server, and what answers it goes there.
        (Spot::Body | Spot::Response(_), true) => ["request-body", "request-property"],
        (Spot::Body | Spot::Response(_), false) => ["response-body", "response-property"],
    };
    places[usize::from(inner)]
}

/// What a fact is about, in the words of a caller, and whether it has a name of its own.
fn thing(schemas: &Schemas<'_>, names: &Names, reached: &[Reached], at: usize, one: &Use) -> (String, bool) {
    let (mut steps, mut here) = (Vec::new(), at);
    loop {
        if let Some(name) = names.get(schemas, reached[here].pair) {
            return (dotted(&schemas.forest, name.clone(), &steps), true);
        }
        match reached[here].from {
            Some((before, step)) => {
                steps.insert(0, step);
                here = before as usize;
            }
            None => break,
        }
    }
    let spot = match &one.spot {
        Spot::Body if one.to_server => "the request body".to_string(),
        Spot::Body => "the body".to_string(),
        Spot::Parameter(place, name) => format!("the {place} parameter {}", code(name)),
        Spot::Response(status) => format!("the response {}", code(status)),
        Spot::Header(name, status) => format!("the header {} of the response {}", code(name), code(status)),
        Spot::Schema(name) => return (dotted(&schemas.forest, name.clone(), &steps), true),
    };
    match steps.is_empty() {
        true => (spot, false),
        false => (
            format!("{} of {spot}", code(dotted(&schemas.forest, String::new(), &steps).trim_start_matches('.'))),
            false,
        ),
    }
}

/// `Pet.tags[].name`.
fn dotted(forest: &Forest, mut path: String, steps: &[Step]) -> String {
    for step in steps {
        match step {
            Step::Property(name) => {
                path.push('.');
                path.push_str(forest.str(*name));
            }
            Step::Items | Step::Contains => path.push_str("[]"),
            Step::Item(at) => path.push_str(&format!("[{at}]")),
            Step::AdditionalProperties => path.push_str(".*"),
            Step::PatternProperties(pattern) => path.push_str(&format!(".[{}]", forest.str(*pattern))),
            Step::PropertyNames => path.push_str(" (names)"),
            Step::Dependent(name) => path.push_str(&format!(" (with {})", forest.str(*name))),
            Step::OneOf(_) | Step::AnyOf(_) => path.push_str(" (an alternative)"),
            Step::Content => path.push_str(" (what it holds)"),
        }
    }
    crate::text::one_line(&path, 160)
}

fn found(fact: &Fact, cause: &Cause, uses: &[Use]) -> Found {
    let rule = rules::of_schema(cause.place, &ending(fact));
    let first = cause.users.first().map(|user| &uses[*user]);
    let operation = first.map_or("", |one| one.operation.as_str());
    let property = fact.name.as_deref().filter(|_| is_of_property(fact));
    let full = match property {
        Some(property) if cause.named => format!("{}.{property}", cause.thing),
        _ => cause.thing.clone(),
    };
    let named = if cause.named { full.clone() } else { operation.to_string() };
    let spoken = if cause.named { format!("{}{}", code(&cause.thing), cause.way) } else { cause.thing.clone() };
    let mut args = vec![full.clone()];
    for value in [&fact.name, &fact.before, &fact.after].into_iter().flatten() {
        if !args.contains(value) {
            args.push(value.clone());
        }
    }
    Found::new(rule, cause.impact, named)
        .shared(full)
        .at(fact.base, fact.revision)
        .sides_of(fact.before.clone(), fact.after.clone())
        .args(args)
        .say(format!("{spoken}: {}", phrase(fact)))
}

/// The end of the rule's name.
pub(super) fn ending(fact: &Fact) -> String {
    let exclusive = fact.exclusive[1] || (fact.exclusive[0] && fact.verb == Verb::Removed);
    let limit = match fact.subject {
        Subject::Minimum if exclusive => Some("exclusive-min"),
        Subject::Maximum if exclusive => Some("exclusive-max"),
        Subject::Minimum => Some("min"),
        Subject::Maximum => Some("max"),
        Subject::MinLength => Some("min-length"),
        Subject::MaxLength => Some("max-length"),
        Subject::MinItems => Some("min-items"),
        Subject::MaxItems => Some("max-items"),
        Subject::MinContains => Some("min-contains"),
        Subject::MaxContains => Some("max-contains"),
        Subject::MinProperties => Some("min-properties"),
        Subject::MaxProperties => Some("max-properties"),
        _ => None,
    };
    if let Some(limit) = limit {
        let is_least = limit.contains("min");
        let verb = match fact.verb {
            Verb::Added => "set",
            Verb::Removed => "unset",
            Verb::Increased => "increased",
            Verb::Decreased => "decreased",
            Verb::Widened => {
                if is_least {
                    "decreased"
                } else {
                    "increased"
                }
            }
            Verb::Narrowed | Verb::Changed => {
                if is_least {
                    "increased"
                } else {
                    "decreased"
                }
            }
        };
        return format!("{limit}-{verb}");
    }
    let verb = match fact.verb {
        Verb::Added => "added",
        Verb::Removed => "removed",
        Verb::Changed => "changed",
        Verb::Increased | Verb::Widened => "generalized",
        Verb::Decreased | Verb::Narrowed => "specialized",
    };
    let stem = match fact.subject {
        Subject::Type => "type",
        Subject::Nullable => {
            let gained = matches!(fact.verb, Verb::Added | Verb::Widened | Verb::Increased);
            return if gained { "became-nullable" } else { "became-not-nullable" }.into();
        }
        Subject::Enum => {
            let came = matches!(fact.verb, Verb::Added | Verb::Narrowed);
            return if came { "became-enum" } else { "enum-removed" }.into();
        }
        Subject::EnumValue => "enum-value",
        Subject::Const => "const",
        Subject::ExtensibleEnumValue => "x-extensible-enum-value",
        Subject::Format => "format",
        Subject::Pattern => "pattern",
        Subject::MultipleOf => "multiple-of",
        Subject::UniqueItems => "unique-items",
        Subject::Contains => "contains",
        Subject::PrefixItems => "prefix-items",
        Subject::Items => "items",
        Subject::UnevaluatedItems => "unevaluated-items",
        Subject::Property if fact.verb == Verb::Removed => return "removed".into(),
        Subject::Property => return "added".into(),
        Subject::RequiredProperty if fact.verb == Verb::Removed => return "removed-required".into(),
        Subject::RequiredProperty => return "added-required".into(),
        Subject::Required => {
            let came = matches!(fact.verb, Verb::Added | Verb::Narrowed);
            return if came { "became-required" } else { "became-optional" }.into();
        }
        Subject::AdditionalProperties => "additional-properties",
        Subject::PatternProperty => "pattern-property",
        Subject::PropertyNames => "property-names",
        Subject::UnevaluatedProperties => "unevaluated-properties",
        Subject::DependentRequired => "dependent-required",
        Subject::DependentSchema => "dependent-schema",
        Subject::OneOf => "one-of",
        Subject::AnyOf => "any-of",
        Subject::Not => "not",
        Subject::Condition => "condition",
        Subject::ContentEncoding => "content-encoding",
        Subject::ContentMediaType => "content-media-type",
        Subject::ContentSchema => "content-schema",
        Subject::Default => "default",
        Subject::ReadOnly => "read-only",
        Subject::WriteOnly => "write-only",
        Subject::Deprecated => return if fact.verb == Verb::Removed { "reactivated" } else { "deprecated" }.into(),
        Subject::Discriminator => "discriminator",
        Subject::DiscriminatorMapping => "discriminator-mapping",
        Subject::Schema => return verb.into(),
        _ => "schema",
    };
    format!("{stem}-{verb}")
}

/// The keyword that a subject is written with.
fn keyword(fact: &Fact) -> &'static str {
    match fact.subject {
        Subject::Format => "format",
        Subject::Pattern => "pattern",
        Subject::MinLength => "minLength",
        Subject::MaxLength => "maxLength",
        Subject::Minimum if fact.exclusive[1] => "exclusiveMinimum",
        Subject::Minimum => "minimum",
        Subject::Maximum if fact.exclusive[1] => "exclusiveMaximum",
        Subject::Maximum => "maximum",
        Subject::MultipleOf => "multipleOf",
        Subject::MinItems => "minItems",
        Subject::MaxItems => "maxItems",
        Subject::UniqueItems => "uniqueItems",
        Subject::Contains => "contains",
        Subject::MinContains => "minContains",
        Subject::MaxContains => "maxContains",
        Subject::PrefixItems => "prefixItems",
        Subject::Items => "items",
        Subject::UnevaluatedItems => "unevaluatedItems",
        Subject::AdditionalProperties => "additionalProperties",
        Subject::PatternProperty => "patternProperties",
        Subject::PropertyNames => "propertyNames",
        Subject::UnevaluatedProperties => "unevaluatedProperties",
        Subject::MinProperties => "minProperties",
        Subject::MaxProperties => "maxProperties",
        Subject::DependentRequired => "dependentRequired",
        Subject::DependentSchema => "dependentSchemas",
        Subject::OneOf => "oneOf",
        Subject::AnyOf => "anyOf",
        Subject::Not => "not",
        Subject::Condition => "if",
        Subject::ContentEncoding => "contentEncoding",
        Subject::ContentMediaType => "contentMediaType",
        Subject::ContentSchema => "contentSchema",
        Subject::Const => "const",
        Subject::Enum | Subject::EnumValue => "enum",
        Subject::ExtensibleEnumValue => "x-extensible-enum",
        Subject::Default => "default",
        Subject::ReadOnly => "readOnly",
        Subject::WriteOnly => "writeOnly",
        Subject::Deprecated => "deprecated",
        Subject::Discriminator => "discriminator",
        Subject::DiscriminatorMapping => "mapping",
        _ => "schema",
    }
}

/// What happened, with both sides.
fn phrase(fact: &Fact) -> String {
    let name = fact.name.as_deref().map(code).unwrap_or_default();
    let (before, after) = (fact.before.as_deref().map(code), fact.after.as_deref().map(code));
    let came = matches!(fact.verb, Verb::Added);
    let gone = matches!(fact.verb, Verb::Removed);
    let change = |what: &str| match (&before, &after) {
        (Some(before), Some(after)) => format!("{what} is {after} and was {before}"),
        (None, Some(after)) => format!("{what} is {after} and was not set"),
        (Some(before), None) => format!("{what} was {before} and is not set"),
        (None, None) => match fact.verb {
            Verb::Added => format!("{what} is new"),
            Verb::Removed => format!("{what} is gone"),
            _ => format!("{what} is another one"),
        },
    };
    match fact.subject {
        Subject::Property if gone => format!("the optional property {name} is gone"),
        Subject::Property => format!("the optional property {name} is new"),
        Subject::RequiredProperty if gone => format!("the required property {name} is gone"),
        Subject::RequiredProperty => format!("the required property {name} is new"),
        Subject::Required if ending(fact) == "became-required" => {
            format!("the property {name} is required and was optional")
        }
        Subject::Required => format!("the property {name} is optional and was required"),
        Subject::Type => change("the type"),
        Subject::Nullable if ending(fact) == "became-nullable" => "`null` is allowed and was not".into(),
        Subject::Nullable => "`null` is no longer allowed".into(),
        Subject::EnumValue | Subject::ExtensibleEnumValue if came => format!("the value {name} is new"),
        Subject::EnumValue | Subject::ExtensibleEnumValue => format!("the value {name} is gone"),
        Subject::Enum if ending(fact) == "became-enum" => match after {
            Some(after) => format!("only the values {after} are left"),
            None => "only listed values are left".into(),
        },
        Subject::Enum => "the values are no longer listed".into(),
        Subject::OneOf | Subject::AnyOf if came => format!("the alternative {name} is new"),
        Subject::OneOf | Subject::AnyOf if gone => format!("the alternative {name} is gone"),
        Subject::Deprecated if gone => "is no longer deprecated".into(),
        Subject::Deprecated => "is deprecated".into(),
        Subject::Schema => "its values are others in a way that no single keyword explains".into(),
        _ if !name.is_empty() => change(&format!("`{}` of {name}", keyword(fact))),
        _ => change(&format!("`{}`", keyword(fact))),
    }
}

/// Tells everything that was found for every path and operation, in oasdiff's words.
///
/// # Errors
/// When there are more paths than anybody follows: half an answer is none.
pub(super) fn unfold(
    schemas: &Schemas<'_>,
    uses: &[Use],
    pairs: &[Pair],
    out: &mut Collector,
) -> Result<(), Unreadable> {
    let mut steps = 0_usize;
    let mut flows: HashMap<Pair, HashMap<Pair, Flow>> = HashMap::new();
    for (one, root) in uses.iter().zip(pairs) {
        if schemas.facts(*root).is_empty() && schemas.edges(*root).is_empty() {
            continue;
        }
        let flows = flows
            .entry(*root)
            .or_insert_with(|| schemas.reach(*root).into_iter().map(|reached| (reached.pair, reached.flow)).collect());
        let mut met = HashMap::new();
        walk(schemas, one, &mut Vec::new(), &mut vec![*root], (flows, &mut met), &mut steps, out);
        if steps > MOST_STEPS || out.is_full() {
            let what = "these schemas lead to one another on more paths than can be told one by one".into();
            return Err(unreadable(&schemas.forest, one.holders[1], what));
        }
    }
    Ok(())
}

/// Tells the last pair of `above`, and goes on to what it leads to.
fn walk(
    schemas: &Schemas<'_>,
    one: &Use,
    path: &mut Vec<Step>,
    above: &mut Vec<Pair>,
    (flows, met): (&HashMap<Pair, Flow>, &mut HashMap<Pair, usize>),
    steps: &mut usize,
    out: &mut Collector,
) {
    let Some(pair) = above.last().copied() else { return };
    let times = met.entry(pair).or_default();
    *times += 1;
    *steps += 1;
    if *times > MOST_PLACES || *steps > MOST_STEPS || path.len() > LONGEST_PATH || out.is_full() {
        return;
    }
    let Some(flow) = flows.get(&pair).copied() else { return };
    for said in oasdiff::facts(schemas, one, pair, above, path) {
        let found = Found::new("schema-changed", impact(flow, said.fact, one), one.operation.clone());
        out.peer_of(one, &found.at(said.fact.base, said.fact.revision), said.names, Source::Values);
    }
    for edge in schemas.edges(pair) {
        if !above.contains(&edge.to) {
            path.push(edge.step);
            above.push(edge.to);
            walk(schemas, one, path, above, (flows, &mut *met), steps, out);
            above.pop();
            path.pop();
        }
    }
}
