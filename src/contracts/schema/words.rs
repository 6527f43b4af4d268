//! A fact in a sentence, for people.

use super::{Fact, Subject, Verb};

impl Fact {
    /// What happened to a thing, which is named in the sentence: `` `Order.code` may have 5 characters instead of 10 ``.
    pub fn sentence(&self, thing: &str) -> String {
        let name = self.name.as_deref().unwrap_or_default();
        let before = self.before.as_deref().unwrap_or_default();
        let after = self.after.as_deref().unwrap_or_default();
        let thing = format!("`{thing}`");
        use Subject as S;
        match (self.subject, self.verb) {
            (S::Type, _) => format!("{thing} is {after}, and was {before}"),
            (S::Nullable, Verb::Added) => format!("{thing} can be null"),
            (S::Nullable, _) => format!("{thing} can no longer be null"),
            (S::Enum | S::Const, Verb::Added) => format!("{thing} must be {}, and could be more", listed(after)),
            (S::Enum | S::Const, Verb::Removed) => format!("{thing} need no longer be {}", listed(before)),
            (S::Const, _) => format!("{thing} must be `{after}` instead of `{before}`"),
            (S::EnumValue, Verb::Added) => format!("{thing} can also be `{name}`"),
            (S::Enum | S::EnumValue, _) => format!("{thing} can no longer be `{name}`"),
            (S::ExtensibleEnumValue, Verb::Added) => {
                format!("{thing} can also be `{name}`, in an enumeration that is open")
            }
            (S::ExtensibleEnumValue, _) => format!("{thing} can no longer be `{name}`, in an enumeration that is open"),
            (S::Property, Verb::Added) => format!("{thing} is new and optional"),
            (S::Property, _) => format!("{thing} is gone; it was optional"),
            (S::RequiredProperty, Verb::Added) => format!("{thing} is new and required"),
            (S::RequiredProperty, _) => format!("{thing} is gone; it was required"),
            (S::Required, Verb::Added) => format!("{thing} became required"),
            (S::Required, _) => format!("{thing} became optional"),
            (S::OneOf | S::AnyOf, Verb::Added) => format!("{thing} has one more branch{}", called(name)),
            (S::OneOf | S::AnyOf, _) => format!("{thing} has a branch less{}", called(name)),
            (S::PatternProperty, Verb::Added) => format!("{thing} restricts properties whose names match `{name}`"),
            (S::PatternProperty, _) => format!("{thing} no longer describes properties whose names match `{name}`"),
            (S::DependentRequired, Verb::Added) => format!("{thing} with `{name}` must also have `{after}`"),
            (S::DependentRequired, _) => format!("{thing} with `{name}` need no longer have `{before}`"),
            (S::DependentSchema, Verb::Added) => format!("{thing} with `{name}` must fulfil a schema"),
            (S::DependentSchema, _) => format!("{thing} with `{name}` need no longer fulfil a schema"),
            (S::PrefixItems, Verb::Added) => format!("{thing} describes the item at place {name}"),
            (S::PrefixItems, _) => format!("{thing} no longer describes the item at place {name}"),
            (S::ReadOnly | S::WriteOnly | S::Deprecated, verb) => {
                let word = match self.subject {
                    S::ReadOnly => "read-only",
                    S::WriteOnly => "write-only",
                    _ => "deprecated",
                };
                format!("{thing} is {}{word}", if verb == Verb::Added { "" } else { "no longer " })
            }
            (S::DiscriminatorMapping, verb) => {
                let what = match verb {
                    Verb::Added => "is a new name of a branch",
                    Verb::Removed => "no longer names a branch",
                    _ => "names another branch",
                };
                format!("{thing}: `{name}` {what}")
            }
            (S::Condition, Verb::Added) => format!("{thing} must fulfil something under a condition (`if`)"),
            (S::Condition, Verb::Removed) => format!("{thing} need no longer fulfil anything under a condition (`if`)"),
            (S::Condition, _) => format!("{thing}: its condition (`if`), or what it demands, is another"),
            (S::Contains, Verb::Added) => {
                format!("{thing} must contain something (`contains`) that it need not before")
            }
            (S::Contains, Verb::Removed) => format!("{thing} need no longer contain anything (`contains`)"),
            (S::Contains, _) => format!("{thing} must contain something else (`contains`)"),
            (S::UniqueItems, Verb::Added) => format!("{thing} must have unique items"),
            (S::UniqueItems, _) => format!("{thing} can have equal items"),
            (S::MultipleOf, Verb::Added) => format!("{thing} must be a multiple of `{after}`"),
            (S::MultipleOf, Verb::Removed) => format!("{thing} need no longer be a multiple of `{before}`"),
            (S::MultipleOf, _) => format!("{thing} must be a multiple of `{after}` instead of `{before}`"),
            (S::PropertyNames, Verb::Added) => {
                format!("{thing} no longer takes properties of any name (`propertyNames`)")
            }
            (S::PropertyNames, _) => format!("{thing} takes properties of any name"),
            (S::Not, Verb::Added) => format!("{thing} must not be `{after}`"),
            (S::Not, Verb::Removed) => format!("{thing} is no longer forbidden to be `{before}`"),
            (S::Not, _) => format!("{thing} must not be `{after}`; before, it must not be `{before}`"),
            (S::Default, Verb::Added) => format!("{thing} has a default: `{after}`"),
            (S::ContentSchema, Verb::Added) => format!("{thing} must hold what a schema describes"),
            (S::ContentSchema, _) => format!("{thing} need no longer hold what a schema describes"),
            (S::Items | S::UnevaluatedItems | S::AdditionalProperties | S::UnevaluatedProperties, verb) => {
                let what = match self.subject {
                    S::Items => "items",
                    S::UnevaluatedItems => "other items",
                    _ => "other properties",
                };
                match (verb, after, before) {
                    (Verb::Added | Verb::Narrowed, "false", _) => format!("{thing} no longer takes {what}"),
                    (Verb::Added, ..) => format!("{thing}: {what} must be `{after}`, and could be anything"),
                    (Verb::Removed, _, "false") => format!("{thing} takes {what}"),
                    (Verb::Removed, ..) => format!("{thing}: {what} can be anything, and had to be `{before}`"),
                    (Verb::Widened, ..) => format!("{thing} takes {what}: `{after}`"),
                    _ => format!("{thing} no longer takes {what}"),
                }
            }
            (S::Schema, _) => match self.narrows.max(self.widens) {
                super::Sure::Yes => format!("{thing} allows other values than before"),
                _ => format!("{thing} changed; whether it allows the same values cannot be judged"),
            },
            (subject, Verb::Added) if after.is_empty() => format!("{thing}: {} came", subject.word()),
            (subject, Verb::Added) => {
                format!("{thing}: {} is {}`{after}`, and was not limited", subject.word(), open(self.exclusive[1]))
            }
            (subject, Verb::Removed) if before.is_empty() => format!("{thing}: {} is gone", subject.word()),
            (subject, Verb::Removed) => {
                format!("{thing}: {} is gone; it was {}`{before}`", subject.word(), open(self.exclusive[0]))
            }
            (subject, verb) if before.is_empty() || after.is_empty() => {
                format!("{thing}: {} {}", subject.word(), happened(verb))
            }
            (subject, _) => {
                let [old, new] = self.exclusive.map(open);
                format!("{thing}: {} is {new}`{after}` instead of {old}`{before}`", subject.word())
            }
        }
    }
}

fn listed(values: &str) -> String {
    if values.contains(", ") { format!("one of `{values}`") } else { format!("`{values}`") }
}

fn called(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(": `{name}`") }
}

fn open(exclusive: bool) -> &'static str {
    if exclusive { "exclusive " } else { "" }
}

fn happened(verb: Verb) -> &'static str {
    match verb {
        Verb::Added => "came",
        Verb::Removed => "is gone",
        Verb::Changed => "changed",
        Verb::Increased => "is more",
        Verb::Decreased => "is less",
        Verb::Widened => "takes more",
        Verb::Narrowed => "takes less",
    }
}

impl Subject {
    /// What people call it.
    pub fn word(self) -> &'static str {
        match self {
            Subject::Type => "its type",
            Subject::Nullable => "whether it can be null",
            Subject::Enum | Subject::EnumValue | Subject::ExtensibleEnumValue => "its values",
            Subject::Const => "its value",
            Subject::Format => "its format",
            Subject::Pattern => "its pattern",
            Subject::MinLength => "its least length",
            Subject::MaxLength => "its greatest length",
            Subject::Minimum => "its minimum",
            Subject::Maximum => "its maximum",
            Subject::MultipleOf => "the number that it is a multiple of",
            Subject::MinItems => "its least number of items",
            Subject::MaxItems => "its greatest number of items",
            Subject::UniqueItems => "that its items are unique",
            Subject::Contains => "what it has to contain",
            Subject::MinContains => "the least number of items that match",
            Subject::MaxContains => "the greatest number of items that match",
            Subject::PrefixItems => "the item at a place",
            Subject::Items => "what its items must be",
            Subject::UnevaluatedItems => "what its other items must be",
            Subject::Property | Subject::RequiredProperty | Subject::Required => "the property",
            Subject::AdditionalProperties => "what its other properties must be",
            Subject::PatternProperty => "what properties by pattern must be",
            Subject::PropertyNames => "what names of properties must be",
            Subject::UnevaluatedProperties => "what properties that nothing speaks of must be",
            Subject::MinProperties => "its least number of properties",
            Subject::MaxProperties => "its greatest number of properties",
            Subject::DependentRequired | Subject::DependentSchema => "what a property demands",
            Subject::OneOf => "its `oneOf`",
            Subject::AnyOf => "its `anyOf`",
            Subject::Not => "what it must not be",
            Subject::Condition => "its condition",
            Subject::ContentEncoding => "its encoding",
            Subject::ContentMediaType => "its media type",
            Subject::ContentSchema => "what it holds",
            Subject::Default => "its default",
            Subject::ReadOnly => "whether it is read-only",
            Subject::WriteOnly => "whether it is write-only",
            Subject::Deprecated => "whether it is deprecated",
            Subject::Discriminator => "the property that tells its branches apart",
            Subject::DiscriminatorMapping => "the names of its branches",
            Subject::Schema => "its values",
        }
    }
}
