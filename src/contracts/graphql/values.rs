//! Default values and types: when two spellings are one, and when a change is safe.

use std::collections::BTreeMap;

use super::model::{Kind, Schema, TypeRef, Value, Wrap};

/// A value as a server takes it.
#[derive(Debug, PartialEq)]
enum Taken<'a> {
    Null,
    Bool(bool),
    Number(f64),
    Text(&'a str),
    List(Vec<Taken<'a>>),
    Object(BTreeMap<&'a str, Taken<'a>>),
}

/// Whether two defaults mean the same for whoever leaves the value out: `1` and `[1]` for a list, `1` and `1.0` for a
/// float, fields of an object in any order. <https://spec.graphql.org/September2025/#sec-Input-Values>
pub(super) fn same_default(
    (old, old_type, old_schema): (Option<&Value>, &TypeRef, &Schema),
    (new, new_type, new_schema): (Option<&Value>, &TypeRef, &Schema),
) -> bool {
    if old.is_none() && new.is_none() {
        return true;
    }
    let take = |value: Option<&Value>, ty: &TypeRef, schema: &Schema| -> Option<String> {
        // Compared as text: the two sides borrow from different schemas.
        take(value?, &ty.around, &ty.name, schema).map(|taken| format!("{taken:?}"))
    };
    take(old, old_type, old_schema) == take(new, new_type, new_schema)
}

/// `None` for a value that does not fit its type. As deep as the reader let it be.
fn take<'a>(value: &'a Value, around: &[Wrap], name: &str, schema: &Schema) -> Option<Taken<'a>> {
    if let [Wrap::NonNull, inner @ ..] = around {
        return if *value == Value::Null { None } else { take(value, inner, name, schema) };
    }
    if *value == Value::Null {
        return Some(Taken::Null);
    }
    if let [Wrap::List, inner @ ..] = around {
        let Value::List(values) = value else { return Some(Taken::List(vec![take(value, inner, name, schema)?])) };
        return values.iter().map(|value| take(value, inner, name, schema)).collect::<Option<_>>().map(Taken::List);
    }
    match (name, value) {
        ("Int", Value::Int(text)) => text.parse::<i32>().ok().map(|number| Taken::Number(number.into())),
        ("Float", Value::Int(text) | Value::Float(text)) => text.parse().ok().map(Taken::Number),
        ("String", Value::Text(text)) | ("ID", Value::Text(text) | Value::Int(text)) => Some(Taken::Text(text)),
        ("Boolean", Value::Bool(value)) => Some(Taken::Bool(*value)),
        ("Int" | "Float" | "String" | "ID" | "Boolean", _) => None,
        _ => match schema.type_named(name).map(|one| (one.kind, one)) {
            Some((Kind::Enum, one)) => match value {
                Value::Enum(text) if one.members.iter().any(|member| member.name == *text) => Some(Taken::Text(text)),
                _ => None,
            },
            Some((Kind::Input, one)) => {
                let Value::Object(fields) = value else { return None };
                let mut taken = BTreeMap::new();
                for (name, value) in fields {
                    let field = one.members.iter().find(|member| member.name == *name)?;
                    taken.insert(name.as_str(), take(value, &field.ty.around, &field.ty.name, schema)?);
                }
                Some(Taken::Object(taken))
            }
            _ => untyped(value),
        },
    }
}

/// For a scalar of one's own nobody but the server knows what is what.
fn untyped(value: &Value) -> Option<Taken<'_>> {
    Some(match value {
        Value::Null => Taken::Null,
        Value::Bool(value) => Taken::Bool(*value),
        Value::Int(text) | Value::Float(text) => Taken::Number(text.parse().ok()?),
        Value::Text(text) | Value::Enum(text) => Taken::Text(text),
        Value::List(values) => Taken::List(values.iter().map(untyped).collect::<Option<_>>()?),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| Some((name.as_str(), untyped(value)?)));
            Taken::Object(fields.collect::<Option<_>>()?)
        }
    })
}

/// Whether whoever read the old type can read the new one: what could be null no longer is, and nothing else.
pub(super) fn safe_to_read(old: &TypeRef, new: &TypeRef) -> bool {
    narrower(&new.around, &old.around) && old.name == new.name
}

/// Whether whoever sent the old type can send it still: what could not be null now can, and nothing else.
pub(super) fn safe_to_send(old: &TypeRef, new: &TypeRef) -> bool {
    narrower(&old.around, &new.around) && old.name == new.name
}

/// Whether both are lists in the same places, and the first is non-null wherever the second is.
fn narrower(mut one: &[Wrap], mut other: &[Wrap]) -> bool {
    loop {
        (one, other) = match (one, other) {
            ([], []) => return true,
            ([Wrap::NonNull, one @ ..], [Wrap::NonNull, other @ ..]) => (one, other),
            ([Wrap::NonNull, one @ ..], other) => (one, other),
            ([Wrap::List, one @ ..], [Wrap::List, other @ ..]) => (one, other),
            _ => return false,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ty(name: &str, around: &[Wrap]) -> TypeRef {
        TypeRef { name: name.into(), around: around.to_vec() }
    }

    #[test]
    fn readers_want_more_and_senders_less() {
        use Wrap::{List, NonNull};
        let (plain, required) = (ty("Int", &[]), ty("Int", &[NonNull]));
        assert!(safe_to_read(&plain, &required) && !safe_to_read(&required, &plain));
        assert!(safe_to_send(&required, &plain) && !safe_to_send(&plain, &required));
        let (list, full) = (ty("Int", &[List]), ty("Int", &[NonNull, List, NonNull]));
        assert!(safe_to_read(&list, &full) && safe_to_send(&full, &list));
        assert!(!safe_to_read(&plain, &list) && !safe_to_send(&list, &plain));
        assert!(!safe_to_read(&plain, &ty("Float", &[])));
    }

    #[test]
    fn defaults_are_compared_by_what_they_mean() {
        let schema = Schema::default();
        let same =
            |old: &Value, new: &Value, ty: &TypeRef| same_default((Some(old), ty, &schema), (Some(new), ty, &schema));
        let one = Value::Int("1".into());
        assert!(same(&one, &Value::Float("1.0".into()), &ty("Float", &[])));
        assert!(same(&one, &Value::List(vec![one.clone()]), &ty("Int", &[Wrap::List])));
        assert!(!same(&one, &Value::Int("2".into()), &ty("Int", &[])));
        let object = |names: [&str; 2]| Value::Object(names.map(|name| (name.to_string(), one.clone())).to_vec());
        assert!(same(&object(["a", "b"]), &object(["b", "a"]), &ty("Json", &[])));
        assert!(!same_default((None, &ty("Int", &[]), &schema), (Some(&Value::Null), &ty("Int", &[]), &schema)));
    }
}
