//! What may be said of a schema, who minds, and what would spare them.

/// Name, who breaks, the smallest fix. Those who mind nothing have empty words.
type Row = (&'static str, &'static str, &'static str);

const OLD_QUERIES: &str = "operations that ask for it";
const SENDERS: &str = "operations that send it";
const OMITTERS: &str = "operations that leave it out";
const EXHAUSTIVE: &str = "clients that handle only the cases they knew";
const DEPRECATE: &str = "keep it and mark it with `@deprecated`";
const OPTIONAL: &str = "make it nullable, or give it a default";

pub(super) const RULES: &[Row] = &[
    ("CANNOT_BE_JUDGED", "", ""),
    ("DIRECTIVE_ADDED", "", ""),
    ("DIRECTIVE_REMOVED", "operations that use the directive", DEPRECATE),
    ("DIRECTIVE_DESCRIPTION_CHANGED", "", ""),
    ("DIRECTIVE_LOCATION_ADDED", "", ""),
    ("DIRECTIVE_LOCATION_REMOVED", "operations that use the directive there", "keep the location"),
    ("DIRECTIVE_ARGUMENT_ADDED", "operations that use the directive without it", OPTIONAL),
    ("DIRECTIVE_ARGUMENT_REMOVED", "operations that use the directive with it", DEPRECATE),
    ("DIRECTIVE_ARGUMENT_DESCRIPTION_CHANGED", "", ""),
    ("DIRECTIVE_ARGUMENT_DEFAULT_VALUE_CHANGED", "operations that use the directive without it", "keep the default"),
    ("DIRECTIVE_ARGUMENT_TYPE_CHANGED", "operations that use the directive with it", "add an argument of the new type"),
    ("DIRECTIVE_REPEATABLE_ADDED", "", ""),
    ("DIRECTIVE_REPEATABLE_REMOVED", "operations that repeat the directive", "keep it repeatable"),
    ("DIRECTIVE_USAGE_ARGUMENT_ADDED", "", ""),
    ("DIRECTIVE_USAGE_ARGUMENT_REMOVED", "tools that read the directive", ""),
    ("ENUM_VALUE_ADDED", EXHAUSTIVE, "tell clients to expect values they do not know"),
    ("ENUM_VALUE_REMOVED", "operations that send the value, and clients that wait for it", DEPRECATE),
    ("ENUM_VALUE_DESCRIPTION_CHANGED", "", ""),
    ("ENUM_VALUE_DEPRECATION_REASON_ADDED", "", ""),
    ("ENUM_VALUE_DEPRECATION_REASON_CHANGED", "", ""),
    ("ENUM_VALUE_DEPRECATION_REASON_REMOVED", "", ""),
    ("FIELD_ADDED", "", ""),
    ("FIELD_REMOVED", OLD_QUERIES, DEPRECATE),
    ("FIELD_DESCRIPTION_ADDED", "", ""),
    ("FIELD_DESCRIPTION_CHANGED", "", ""),
    ("FIELD_DESCRIPTION_REMOVED", "", ""),
    ("FIELD_DEPRECATION_ADDED", "", ""),
    ("FIELD_DEPRECATION_REMOVED", "", ""),
    ("FIELD_DEPRECATION_REASON_ADDED", "", ""),
    ("FIELD_DEPRECATION_REASON_CHANGED", "", ""),
    ("FIELD_DEPRECATION_REASON_REMOVED", "", ""),
    ("FIELD_TYPE_CHANGED", OLD_QUERIES, "add a field of the new type beside it"),
    ("FIELD_ARGUMENT_ADDED", OMITTERS, OPTIONAL),
    ("FIELD_ARGUMENT_REMOVED", SENDERS, DEPRECATE),
    ("FIELD_ARGUMENT_DESCRIPTION_CHANGED", "", ""),
    ("FIELD_ARGUMENT_DEFAULT_CHANGED", OMITTERS, "keep the default"),
    ("FIELD_ARGUMENT_TYPE_CHANGED", SENDERS, "add an argument of the new type beside it"),
    ("INPUT_FIELD_ADDED", OMITTERS, OPTIONAL),
    ("INPUT_FIELD_REMOVED", SENDERS, DEPRECATE),
    ("INPUT_FIELD_DESCRIPTION_ADDED", "", ""),
    ("INPUT_FIELD_DESCRIPTION_CHANGED", "", ""),
    ("INPUT_FIELD_DESCRIPTION_REMOVED", "", ""),
    ("INPUT_FIELD_DEFAULT_VALUE_CHANGED", OMITTERS, "keep the default"),
    ("INPUT_FIELD_TYPE_CHANGED", SENDERS, "add a field of the new type beside it"),
    ("OBJECT_TYPE_INTERFACE_ADDED", EXHAUSTIVE, "tell clients to expect types they do not know"),
    ("OBJECT_TYPE_INTERFACE_REMOVED", "operations that spread a fragment on the interface", "keep the interface"),
    ("SCHEMA_QUERY_TYPE_CHANGED", "operations that name the root type", "keep the type's name"),
    ("SCHEMA_MUTATION_TYPE_CHANGED", "operations that name the root type", "keep the type's name"),
    ("SCHEMA_SUBSCRIPTION_TYPE_CHANGED", "operations that name the root type", "keep the type's name"),
    ("TYPE_ADDED", "", ""),
    ("TYPE_REMOVED", "operations that name the type", "keep the type until nothing names it"),
    ("TYPE_KIND_CHANGED", "operations that use the type as it was", "add a type of the new kind beside it"),
    ("TYPE_DESCRIPTION_ADDED", "", ""),
    ("TYPE_DESCRIPTION_CHANGED", "", ""),
    ("TYPE_DESCRIPTION_REMOVED", "", ""),
    ("UNION_MEMBER_ADDED", EXHAUSTIVE, "tell clients to expect types they do not know"),
    ("UNION_MEMBER_REMOVED", "operations that spread a fragment on the member", "keep the member"),
];

/// What a directive may stand on: its word in the names of rules, and in sentences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Argument,
    Enum,
    EnumValue,
    FieldDefinition,
    InputField,
    InputObject,
    Interface,
    Object,
    Scalar,
    Schema,
    Union,
}

impl Place {
    /// The rules for a directive that came, and for one that went.
    pub(super) fn rules(self) -> [&'static str; 2] {
        match self {
            Place::Argument => {
                ["DIRECTIVE_USAGE_ARGUMENT_DEFINITION_ADDED", "DIRECTIVE_USAGE_ARGUMENT_DEFINITION_REMOVED"]
            }
            Place::Enum => ["DIRECTIVE_USAGE_ENUM_ADDED", "DIRECTIVE_USAGE_ENUM_REMOVED"],
            Place::EnumValue => ["DIRECTIVE_USAGE_ENUM_VALUE_ADDED", "DIRECTIVE_USAGE_ENUM_VALUE_REMOVED"],
            Place::FieldDefinition => {
                ["DIRECTIVE_USAGE_FIELD_DEFINITION_ADDED", "DIRECTIVE_USAGE_FIELD_DEFINITION_REMOVED"]
            }
            Place::InputField => {
                ["DIRECTIVE_USAGE_INPUT_FIELD_DEFINITION_ADDED", "DIRECTIVE_USAGE_INPUT_FIELD_DEFINITION_REMOVED"]
            }
            Place::InputObject => ["DIRECTIVE_USAGE_INPUT_OBJECT_ADDED", "DIRECTIVE_USAGE_INPUT_OBJECT_REMOVED"],
            Place::Interface => ["DIRECTIVE_USAGE_INTERFACE_ADDED", "DIRECTIVE_USAGE_INTERFACE_REMOVED"],
            Place::Object => ["DIRECTIVE_USAGE_OBJECT_ADDED", "DIRECTIVE_USAGE_OBJECT_REMOVED"],
            Place::Scalar => ["DIRECTIVE_USAGE_SCALAR_ADDED", "DIRECTIVE_USAGE_SCALAR_REMOVED"],
            Place::Schema => ["DIRECTIVE_USAGE_SCHEMA_ADDED", "DIRECTIVE_USAGE_SCHEMA_REMOVED"],
            Place::Union => ["DIRECTIVE_USAGE_UNION_MEMBER_ADDED", "DIRECTIVE_USAGE_UNION_MEMBER_REMOVED"],
        }
    }
}

/// Who minds a change, and what would spare them.
pub(super) fn advice(rule: &str) -> (Option<String>, Option<String>) {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_string());
    match RULES.iter().find(|(name, ..)| *name == rule) {
        Some((_, breaks, fix)) => (some(breaks), some(fix)),
        None => (some("servers and clients that act on the directive"), None),
    }
}

/// Changes of words alone.
pub(super) fn is_description(rule: &str) -> bool {
    // A type's description that comes or goes is told all the same: the tool whose names these are does so too.
    rule.contains("DESCRIPTION") && !matches!(rule, "TYPE_DESCRIPTION_ADDED" | "TYPE_DESCRIPTION_REMOVED")
}

/// Changes that imply others at their path and directly below it, which then need not be told.
pub(super) fn implies(rule: &str) -> bool {
    let added = rule.ends_with("_ADDED") && rule != "DIRECTIVE_REPEATABLE_ADDED";
    added
        || matches!(
            rule,
            "FIELD_DEPRECATION_REMOVED" | "FIELD_DEPRECATION_REASON_CHANGED" | "ENUM_VALUE_DEPRECATION_REASON_CHANGED"
        )
}
