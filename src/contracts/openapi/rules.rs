//! What can be said about a change of an API description, who minds, and what would spare them.
//!
//! Rules about operations are written down one by one. Rules about schemas are a place and an ending: whatever can
//! happen to a schema can happen to it in every place, so no place has a hole.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::contracts::{Rule, rule};

const CALLERS: &str = "clients that call it";
const SENDERS: &str = "clients that send it";
const OMITTERS: &str = "clients that leave it out";
const READERS: &str = "clients that read it";
const DEPRECATE: &str = "keep it, mark it `deprecated` and announce its last day in `x-sunset`";
const OPTIONAL: &str = "make it optional";
const DAY: &str = "write the day as `x-sunset: 2027-01-31`";
const LATER: &str = "announce a later day";

/// All rules about anything but schemas.
pub const RULES: &[Rule] = &[
    rule("cannot-be-judged", "the base cannot be read", "", ""),
    rule("document-removed", "a whole description is gone", "clients of all its operations", "keep the description"),
    rule("document-added", "a description is new", "", ""),
    rule("server-removed", "an address of the API is gone", "clients that use the address", "keep the address named"),
    rule("server-added", "an address of the API is named", "", ""),
    rule("path-removed", "a path is gone that was never deprecated", CALLERS, DEPRECATE),
    rule("path-removed-after-deprecation", "a deprecated path is gone", CALLERS, "announce its last day in `x-sunset`"),
    rule("path-removed-after-sunset", "a path is gone, as announced", "", ""),
    rule("path-removed-before-sunset", "a path is gone before its last day", CALLERS, "keep it until that day"),
    rule("path-removed-sunset-unreadable", "a path is gone whose last day cannot be read", CALLERS, DAY),
    rule("operation-removed", "an operation is gone that was never deprecated", CALLERS, DEPRECATE),
    rule(
        "operation-removed-after-deprecation",
        "a deprecated operation is gone",
        CALLERS,
        "announce its last day in `x-sunset`",
    ),
    rule("operation-removed-after-sunset", "an operation is gone, as announced", "", ""),
    rule(
        "operation-removed-before-sunset",
        "an operation is gone before its last day",
        CALLERS,
        "keep it until that day",
    ),
    rule("operation-removed-sunset-unreadable", "an operation is gone whose last day cannot be read", CALLERS, DAY),
    rule("operation-added", "an operation is new", "", ""),
    rule("operation-deprecated", "an operation is deprecated", "", ""),
    rule("operation-deprecated-with-sunset", "an operation is deprecated and has a last day", "", ""),
    rule("operation-reactivated", "an operation is no longer deprecated", "", ""),
    rule("operation-sunset-missing", "an operation is deprecated without a last day", CALLERS, DAY),
    rule("operation-sunset-unreadable", "the last day of an operation cannot be read", CALLERS, DAY),
    rule("operation-sunset-spoilt", "the last day of an operation changed and cannot be compared", CALLERS, DAY),
    rule("operation-sunset-removed", "the last day of an operation is no longer said", CALLERS, DAY),
    rule("operation-sunset-too-soon", "the last day of an operation is too near", CALLERS, LATER),
    rule("operation-sunset-earlier", "the last day of an operation is earlier than announced", CALLERS, LATER),
    rule(
        "stability-unreadable",
        "the stability of an operation is no known word",
        "clients that wait for it to be stable",
        "write `draft`, `alpha`, `beta` or `stable`",
    ),
    rule("stability-decreased", "an operation is less stable than before", CALLERS, "keep what was promised"),
    rule("stability-increased", "an operation is more stable than before", "", ""),
    rule("operation-id-added", "an operation has a name", "", ""),
    rule(
        "operation-id-removed",
        "an operation lost its name",
        "generated clients, whose method it named",
        "keep the name",
    ),
    rule(
        "operation-id-changed",
        "an operation has another name",
        "generated clients, whose method it named",
        "keep the name",
    ),
    rule("operation-tag-added", "an operation has one more tag", "", ""),
    rule("operation-tag-removed", "an operation has one tag less", "", ""),
    rule("webhook-removed", "a webhook is gone", "receivers that wait for it", "keep calling it"),
    rule("webhook-added", "a webhook is new", "", ""),
    rule(
        "webhook-operation-removed",
        "a webhook no longer calls with a method",
        "receivers that wait for it",
        "keep calling it",
    ),
    rule("webhook-operation-added", "a webhook calls with one more method", "", ""),
    rule("callback-removed", "a callback is gone", "receivers that wait for it", "keep calling it"),
    rule("callback-added", "a callback is new", "", ""),
    rule(
        "schema-removed",
        "a named schema is gone",
        "whoever refers to it",
        "keep the name, as a reference to the new one",
    ),
    rule("request-path-parameter-added", "a path has one more parameter", CALLERS, "add a path beside the old one"),
    rule("request-parameter-added-required", "a required parameter is new", OMITTERS, OPTIONAL),
    rule(
        "request-parameter-added-required-to-path",
        "a required parameter is new for a whole path",
        OMITTERS,
        OPTIONAL,
    ),
    rule("request-parameter-added-optional", "an optional parameter is new", "", ""),
    rule("request-parameter-added-optional-to-path", "an optional parameter is new for a whole path", "", ""),
    rule("request-parameter-removed", "a parameter is gone", SENDERS, DEPRECATE),
    rule("request-parameter-removed-after-deprecation", "a deprecated parameter is gone", "", ""),
    rule("request-parameter-removed-after-sunset", "a parameter is gone, as announced", "", ""),
    rule(
        "request-parameter-removed-before-sunset",
        "a parameter is gone before its last day",
        SENDERS,
        "keep it until that day",
    ),
    rule(
        "request-parameter-removed-sunset-unreadable",
        "a parameter is gone whose last day cannot be read",
        SENDERS,
        DAY,
    ),
    rule("request-parameter-became-required", "a parameter is required", OMITTERS, OPTIONAL),
    rule("request-parameter-became-optional", "a parameter is optional", "", ""),
    rule(
        "request-parameter-style-changed",
        "a list or an object is written otherwise in a parameter",
        SENDERS,
        "keep the style, or add a parameter beside",
    ),
    rule(
        "request-parameter-reserved-characters",
        "whether reserved characters may stand in a parameter",
        "clients that send them as they are",
        "keep `allowReserved`",
    ),
    rule(
        "request-parameter-empty-value",
        "whether a parameter may stand without a value",
        "clients that send none",
        "keep `allowEmptyValue`",
    ),
    rule("request-parameter-deprecated", "a parameter is deprecated", "", ""),
    rule("request-parameter-deprecated-with-sunset", "a parameter is deprecated and has a last day", "", ""),
    rule("request-parameter-reactivated", "a parameter is no longer deprecated", "", ""),
    rule("request-parameter-sunset-missing", "a parameter is deprecated without a last day", SENDERS, DAY),
    rule("request-parameter-sunset-unreadable", "the last day of a parameter cannot be read", SENDERS, DAY),
    rule("request-parameter-sunset-spoilt", "the last day of a parameter changed and cannot be compared", SENDERS, DAY),
    rule("request-parameter-sunset-removed", "the last day of a parameter is no longer said", SENDERS, DAY),
    rule("request-parameter-sunset-too-soon", "the last day of a parameter is too near", SENDERS, LATER),
    rule("request-parameter-sunset-earlier", "the last day of a parameter is earlier than announced", SENDERS, LATER),
    rule("request-body-added-required", "a required body is new", OMITTERS, OPTIONAL),
    rule("request-body-added-optional", "an optional body is new", "", ""),
    rule("request-body-removed", "a body is no longer taken", SENDERS, "keep taking it, and ignore it"),
    rule("request-body-became-required", "a body is required", OMITTERS, OPTIONAL),
    rule("request-body-became-optional", "a body is optional", "", ""),
    rule("request-body-media-type-removed", "a body is no longer taken in a media type", SENDERS, "keep taking it"),
    rule("request-body-media-type-added", "a body is taken in one more media type", "", ""),
    rule(
        "request-body-media-type-name-generalized",
        "the media type of a body became a broader one",
        SENDERS,
        "keep the old name beside",
    ),
    rule(
        "request-body-media-type-name-specialized",
        "the media type of a body became a narrower one",
        SENDERS,
        "keep the old name beside",
    ),
    rule("response-media-type-removed", "a response is no longer given in a media type", READERS, "keep giving it"),
    rule("response-media-type-added", "a response is given in one more media type", "", ""),
    rule(
        "response-media-type-name-generalized",
        "the media type of a response became a broader one",
        READERS,
        "keep the old name",
    ),
    rule(
        "response-media-type-name-specialized",
        "the media type of a response became a narrower one",
        READERS,
        "keep the old name",
    ),
    rule(
        "response-success-status-removed",
        "a successful response is gone",
        "clients that wait for it",
        "keep the status",
    ),
    rule("response-default-removed", "the response to everything else is gone", READERS, "keep `default`"),
    rule("response-non-success-status-removed", "a response to a failure is gone", "", ""),
    rule("response-success-status-added", "a successful response is new", "", ""),
    rule("response-default-added", "a response to everything else is described", "", ""),
    rule("response-non-success-status-added", "a response to a failure is new", "", ""),
    rule("response-header-removed-required", "a promised header is gone", READERS, "keep sending it"),
    rule("response-header-removed-optional", "an optional header is gone", READERS, "keep sending it"),
    rule("response-header-added", "a header is new", "", ""),
    rule("response-header-became-required", "a header is promised", "", ""),
    rule("response-header-became-optional", "a header is no longer promised", READERS, "keep sending it"),
    rule(
        "security-added",
        "something more must be shown",
        "clients that show what was enough",
        "accept both for a while",
    ),
    rule(
        "security-removed",
        "something need no longer, or can no longer, be shown",
        "clients that show only that",
        "accept both for a while",
    ),
    rule(
        "security-scope-added",
        "one more scope is asked for",
        "clients whose tokens have not got it",
        "accept tokens without it for a while",
    ),
    rule("security-scope-removed", "a scope is no longer asked for", "", ""),
    rule(
        "security-changed",
        "who is let in is another question",
        "clients that show what was enough",
        "accept both for a while",
    ),
    rule("security-scheme-added", "a way to show who one is is new", "", ""),
    rule("security-scheme-removed", "a way to show who one is is gone", "", ""),
    rule(
        "security-scheme-type-changed",
        "a security scheme is of another type",
        "clients that use it",
        "add a scheme beside",
    ),
    rule(
        "security-scheme-moved",
        "what is shown is shown elsewhere or otherwise",
        "clients that use it",
        "add a scheme beside",
    ),
    rule("security-scheme-flow-removed", "a flow of OAuth is gone", "clients that use it", "keep the flow"),
    rule(
        "security-scheme-url-changed",
        "the address for consent is another one",
        "clients that have it built in",
        "keep the old address working",
    ),
    rule(
        "security-scheme-token-url-changed",
        "the address for tokens is another one",
        "clients that have it built in",
        "keep the old address working",
    ),
    rule("security-scheme-scope-added", "a scope is new", "", ""),
    rule("security-scheme-scope-removed", "a scope is gone", "clients that ask for it", "keep the scope"),
    rule("security-scheme-scope-changed", "a scope is described otherwise", "", ""),
];

/// Where a schema may stand, as rules call it.
pub(super) const PLACES: [&str; 10] = [
    "request-body",
    "request-property",
    "request-parameter",
    "request-parameter-property",
    "response-body",
    "response-property",
    "response-header",
    "response-header-property",
    "schema",
    "schema-property",
];

/// What can happen to a schema: the ending of the rule, what it means, what would spare callers.
const ENDINGS: &[(&str, &str, &str)] = &[
    ("added", "an optional property is new", "leave it out for readers that do not know it"),
    ("added-required", "a required property is new", OPTIONAL),
    ("removed", "an optional property is gone", DEPRECATE),
    ("removed-required", "a required property is gone", DEPRECATE),
    ("became-required", "it is required", OPTIONAL),
    ("became-optional", "it is optional", "keep it required"),
    ("type-changed", "it is of another type", "add a property of the new type beside"),
    ("type-generalized", "it is of more types", "keep the type"),
    ("type-specialized", "it is of fewer types", "keep the type"),
    ("became-nullable", "it may be `null`", "leave it out instead"),
    ("became-not-nullable", "it may no longer be `null`", "keep taking `null`"),
    ("became-enum", "only listed values are left", "take other values as well"),
    ("enum-removed", "values are no longer listed", "keep the list"),
    (
        "enum-value-added",
        "one more value is listed",
        "tell clients to expect values they do not know: `x-extensible-enum`",
    ),
    ("enum-value-removed", "a listed value is gone", "keep taking the value"),
    ("x-extensible-enum-value-added", "one more value of an open list", ""),
    ("x-extensible-enum-value-removed", "a value of an open list is gone", "keep taking the value"),
    ("const-added", "only one value is left", "take other values as well"),
    ("const-removed", "it is no longer one value", "keep the value"),
    ("const-changed", "it is another value", "take both values"),
    ("format-added", "it has a format", "keep taking what has another form"),
    ("format-removed", "it has no format", "keep the format"),
    ("format-changed", "it has another format", "add a property of the new format beside"),
    ("format-generalized", "it has a broader format", "keep the format"),
    ("format-specialized", "it has a narrower format", "keep the format"),
    ("pattern-added", "it must match a pattern", "keep taking what does not match"),
    ("pattern-removed", "it need not match a pattern", "keep the pattern"),
    ("pattern-changed", "it must match another pattern", "take what matches either"),
    ("pattern-generalized", "it matches a broader pattern", "keep the pattern"),
    ("pattern-specialized", "it must match a narrower pattern", "keep the pattern"),
    ("not-added", "something is forbidden", "keep taking it"),
    ("not-removed", "something is no longer forbidden", "keep it out"),
    ("not-changed", "something else is forbidden", "keep what was taken"),
    ("condition-added", "a condition holds", "keep taking what does not meet it"),
    ("condition-removed", "a condition holds no longer", "keep the condition"),
    ("condition-changed", "another condition holds", "keep taking what met the old one"),
    ("unique-items-added", "no item may stand twice", "keep taking duplicates"),
    ("unique-items-removed", "items may stand twice", "keep them unique"),
    ("unique-items-changed", "whether items may stand twice", "keep what was"),
    ("multiple-of-added", "it must be a multiple", "keep taking what is none"),
    ("multiple-of-removed", "it need not be a multiple", "keep it one"),
    ("multiple-of-changed", "it must be a multiple of something else", "keep taking what was one"),
    ("multiple-of-generalized", "it must be a multiple of less", "keep what was"),
    ("multiple-of-specialized", "it must be a multiple of more", "keep taking what was one"),
    ("contains-added", "an item must be of a kind", "keep taking lists without one"),
    ("contains-removed", "no item need be of a kind", "keep such an item"),
    ("contains-changed", "an item must be of another kind", "keep what was"),
    ("prefix-items-added", "an item at a place is described", "keep taking other items there"),
    ("prefix-items-removed", "an item at a place is described no longer", "keep it described"),
    ("prefix-items-changed", "an item at a place is another", "keep what was"),
    ("items-added", "items are described", "keep taking others"),
    ("items-removed", "items are described no longer", "keep them described"),
    ("items-changed", "other items are taken", "keep what was"),
    ("items-generalized", "more items are taken", "keep what was"),
    ("items-specialized", "fewer items are taken", "keep what was"),
    ("unevaluated-items-added", "other items are constrained", "keep taking them"),
    ("unevaluated-items-removed", "other items are no longer constrained", "keep them out"),
    ("unevaluated-items-changed", "other items are constrained otherwise", "keep what was"),
    ("additional-properties-added", "other properties are constrained", "keep taking them"),
    ("additional-properties-removed", "other properties are no longer constrained", "keep them out"),
    ("additional-properties-changed", "other properties are constrained otherwise", "keep what was"),
    ("additional-properties-generalized", "more other properties are taken", "keep them out"),
    ("additional-properties-specialized", "fewer other properties are taken", "keep taking them"),
    ("unevaluated-properties-added", "other properties are constrained", "keep taking them"),
    ("unevaluated-properties-removed", "other properties are no longer constrained", "keep them out"),
    ("unevaluated-properties-changed", "other properties are constrained otherwise", "keep what was"),
    ("pattern-property-added", "properties by the pattern of their name are constrained", "keep taking others"),
    ("pattern-property-removed", "properties by the pattern of their name are no longer constrained", "keep what was"),
    ("pattern-property-changed", "properties by the pattern of their name are constrained otherwise", "keep what was"),
    ("property-names-added", "names of properties are constrained", "keep taking others"),
    ("property-names-removed", "names of properties are no longer constrained", "keep what was"),
    ("property-names-changed", "names of properties are constrained otherwise", "keep what was"),
    ("dependent-required-added", "one property demands others", "keep taking it alone"),
    ("dependent-required-removed", "one property no longer demands others", "keep them together"),
    ("dependent-required-changed", "one property demands other ones", "keep what was"),
    ("dependent-schema-added", "one property demands a shape of the whole", "keep taking other shapes"),
    ("dependent-schema-removed", "one property no longer demands a shape of the whole", "keep the shape"),
    ("dependent-schema-changed", "one property demands another shape of the whole", "keep what was"),
    ("one-of-added", "one more alternative", "tell clients to expect alternatives they do not know"),
    ("one-of-removed", "an alternative is gone", "keep taking it"),
    ("one-of-changed", "other alternatives", "keep what was"),
    ("any-of-added", "one more alternative", "tell clients to expect alternatives they do not know"),
    ("any-of-removed", "an alternative is gone", "keep taking it"),
    ("any-of-changed", "other alternatives", "keep what was"),
    ("content-encoding-added", "the text holds something encoded", "keep taking what is not"),
    ("content-encoding-removed", "the text holds nothing encoded", "keep the encoding"),
    ("content-encoding-changed", "the text holds something encoded otherwise", "keep the encoding"),
    ("content-media-type-added", "the text holds another language", "keep taking what does not"),
    ("content-media-type-removed", "the text no longer holds another language", "keep it"),
    ("content-media-type-changed", "the text holds another language than before", "keep it"),
    ("content-schema-added", "what the text holds has a schema", "keep taking what has not"),
    ("content-schema-removed", "what the text holds has no schema", "keep the schema"),
    ("content-schema-changed", "what the text holds has another schema", "keep the schema"),
    ("default-added", "leaving it out means something", "keep what leaving it out meant"),
    ("default-removed", "leaving it out no longer means what was said", "keep the default"),
    ("default-changed", "leaving it out means something else", "keep the default"),
    ("read-only-added", "clients may no longer send it", "keep taking it"),
    ("read-only-removed", "clients may send it", ""),
    ("write-only-added", "clients no longer get it", "keep giving it"),
    ("write-only-removed", "clients get it", ""),
    ("deprecated", "it is deprecated", ""),
    ("reactivated", "it is no longer deprecated", ""),
    ("discriminator-added", "a property tells the alternatives apart", ""),
    ("discriminator-removed", "no property tells the alternatives apart", "keep the discriminator"),
    ("discriminator-changed", "another property tells the alternatives apart", "keep the discriminator"),
    ("discriminator-mapping-added", "a value names an alternative", ""),
    ("discriminator-mapping-removed", "a value no longer names an alternative", "keep the mapping"),
    ("discriminator-mapping-changed", "a value names another alternative", "keep the mapping"),
    ("changed", "other values are taken", "keep what was"),
    ("generalized", "more values are taken", "keep what was"),
    ("specialized", "fewer values are taken", "keep what was"),
    ("schema-added", "a schema is there where none was", "keep taking what it does not"),
    ("schema-removed", "no schema is there where one was", "keep the schema"),
    ("deprecated-with-sunset", "it is deprecated and has a last day", ""),
    ("sunset-missing", "it is deprecated without a last day", DAY),
    ("sunset-unreadable", "its last day cannot be read", DAY),
    ("sunset-spoilt", "its last day changed and cannot be compared", DAY),
    ("sunset-removed", "its last day is no longer said", DAY),
    ("sunset-too-soon", "its last day is too near", LATER),
    ("sunset-earlier", "its last day is earlier than announced", LATER),
    ("stability-decreased", "it is less stable than before", "keep what was promised"),
    ("stability-increased", "it is more stable than before", ""),
];

/// Limits: what is limited, by its name in rules.
const LIMITS: [&str; 12] = [
    "min",
    "max",
    "exclusive-min",
    "exclusive-max",
    "min-length",
    "max-length",
    "min-items",
    "max-items",
    "min-contains",
    "max-contains",
    "min-properties",
    "max-properties",
];

/// What leaves an answer without something that stood in it.
const MISSED: [&str; 4] = ["removed", "removed-required", "became-optional", "write-only-added"];

/// What becomes of a limit.
const OF_A_LIMIT: [(&str, &str, &str); 4] = [
    ("set", "a limit is set", "keep taking what is beyond it"),
    ("unset", "a limit is lifted", "keep the limit"),
    ("increased", "a limit is higher", "keep the limit"),
    ("decreased", "a limit is lower", "keep the limit"),
];

struct Composed {
    id: String,
    meaning: &'static str,
    breaks: &'static str,
    fix: &'static str,
}

static COMPOSED: LazyLock<BTreeMap<String, Composed>> = LazyLock::new(|| {
    let limits = LIMITS.iter().flat_map(|limit| {
        OF_A_LIMIT.iter().map(move |(ending, meaning, fix)| (format!("{limit}-{ending}"), *meaning, *fix))
    });
    let endings = ENDINGS.iter().map(|(ending, meaning, fix)| ((*ending).to_string(), *meaning, *fix));
    let mut all = BTreeMap::new();
    for (ending, meaning, fix) in endings.chain(limits) {
        for place in PLACES {
            let breaks = match (place.starts_with("request"), place.starts_with("response")) {
                (true, _) if ending.contains("required") => OMITTERS,
                (true, _) => "clients that send what was taken before",
                (_, true) if MISSED.contains(&ending.as_str()) => "clients that count on finding it",
                (_, true) => "clients that read only what they knew",
                _ => "whoever writes or reads it",
            };
            let id = format!("{place}-{ending}");
            all.insert(id.clone(), Composed { id, meaning, breaks, fix });
        }
    }
    all
});

/// The rule of an id.
pub(super) fn find(id: &str) -> Option<Rule> {
    if let Some(known) = RULES.iter().find(|rule| rule.id == id) {
        return Some(*known);
    }
    COMPOSED.get(id).map(|one| rule(&one.id, one.meaning, one.breaks, one.fix))
}

/// The name of the rule for what happened to a schema in a place.
pub(super) fn of_schema(place: &str, ending: &str) -> &'static str {
    COMPOSED.get(&format!("{place}-{ending}")).map_or("schema-changed", |one| &one.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_found() {
        let mut ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        ids.sort_unstable();
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
        assert_eq!(find("request-property-min-length-increased").map(|rule| rule.meaning), Some("a limit is higher"));
        assert_eq!(of_schema("schema", "changed"), "schema-changed");
        assert!(find("no-such-rule").is_none());
    }
}
