//! What a template computes with.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::rc::Rc;

use bstr::ByteSlice;

use super::super::super::leak::Leak;
use super::super::json::{self, Writer};

/// How deep lists and dictionaries may stand in each other.
const MAX_DEPTH: usize = 50;

/// The size of a text or list that a template may make, in bytes and elements.
pub(super) const MAX_SIZE: usize = 64 << 20;

/// The fields of a finding, as gitleaks names them.
pub(super) const FIELDS: [&str; 19] = [
    "RuleID",
    "Description",
    "StartLine",
    "EndLine",
    "StartColumn",
    "EndColumn",
    "Line",
    "Match",
    "Secret",
    "File",
    "SymlinkFile",
    "Commit",
    "Link",
    "Entropy",
    "Author",
    "Email",
    "Date",
    "Message",
    "Tags",
];

pub(super) type Dict = BTreeMap<Vec<u8>, Value>;

#[derive(Clone)]
pub(super) enum Value {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Rc<[u8]>),
    List(Rc<[Value]>),
    /// sprig changes dictionaries in place.
    Dict(Rc<RefCell<Dict>>),
    Leak(Rc<Leak>),
}

impl Value {
    pub(super) fn text(text: impl AsRef<[u8]>) -> Value {
        Value::Text(text.as_ref().into())
    }

    /// A list, unless it is nested too deep.
    pub(super) fn list(items: Vec<Value>) -> Result<Value, String> {
        items.iter().try_for_each(|item| item.shallower_than(MAX_DEPTH))?;
        Ok(Value::List(items.into()))
    }

    pub(super) fn texts<T: AsRef<[u8]>>(items: impl IntoIterator<Item = T>) -> Value {
        Value::List(items.into_iter().map(Value::text).collect())
    }

    pub(super) fn dict(entries: Dict) -> Result<Value, String> {
        entries.values().try_for_each(|item| item.shallower_than(MAX_DEPTH))?;
        Ok(Value::Dict(Rc::new(RefCell::new(entries))))
    }

    fn shallower_than(&self, depth: usize) -> Result<(), String> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(format!("more than {MAX_DEPTH} lists and dictionaries stand in each other"));
        };
        match self {
            Value::List(items) if items.iter().any(Value::holds) => {
                items.iter().try_for_each(|item| item.shallower_than(depth))
            }
            Value::Dict(entries) => entries.borrow().values().try_for_each(|item| item.shallower_than(depth)),
            _ => Ok(()),
        }
    }

    fn holds(&self) -> bool {
        matches!(self, Value::List(_) | Value::Dict(_))
    }

    /// A copy that shares nothing that can change. `budget` bounds the number of values that are copied.
    pub(super) fn copied(&self, budget: &mut usize) -> Result<Value, String> {
        *budget = budget.checked_sub(1).ok_or("a value grew too large")?;
        match self {
            Value::List(items) => Value::list(items.iter().map(|item| item.copied(budget)).collect::<Result<_, _>>()?),
            Value::Dict(entries) => {
                let entries = entries.borrow();
                let copies = entries.iter().map(|(key, value)| Ok((key.clone(), value.copied(budget)?)));
                Value::dict(copies.collect::<Result<_, String>>()?)
            }
            other => Ok(other.clone()),
        }
    }

    /// Go's word for the kind of value.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Nil => "invalid",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float64",
            Value::Text(_) => "string",
            Value::List(_) => "slice",
            Value::Dict(_) => "map",
            Value::Leak(_) => "struct",
        }
    }

    /// For a message.
    pub(super) fn what(&self) -> &'static str {
        match self {
            Value::Nil => "nil",
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "a number",
            Value::Float(_) => "a fraction",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Dict(_) => "a dictionary",
            Value::Leak(_) => "a finding",
        }
    }

    pub(super) fn is_true(&self) -> bool {
        match self {
            Value::Nil => false,
            Value::Bool(truth) => *truth,
            Value::Int(number) => *number != 0,
            Value::Float(number) => *number != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::List(items) => !items.is_empty(),
            Value::Dict(entries) => !entries.borrow().is_empty(),
            Value::Leak(_) => true,
        }
    }

    /// A field of a finding or an entry of a dictionary.
    pub(super) fn field(&self, name: &str) -> Result<Value, (String, Option<String>)> {
        match self {
            Value::Leak(leak) => of_leak(leak, name).ok_or_else(|| {
                let near = crate::text::nearest(name, FIELDS.iter().copied().chain(["Fingerprint"]));
                let hint = match near {
                    Some(near) => format!("did you mean `.{near}`?"),
                    None => format!("the fields are {}, Fingerprint", FIELDS.join(", ")),
                };
                (format!("a finding has no field `{name}`"), Some(hint))
            }),
            Value::Dict(entries) => Ok(entries.borrow().get(name.as_bytes()).cloned().unwrap_or(Value::Nil)),
            Value::List(_) => {
                let hint = "the dot is the list of findings: go through it with {{range .}}";
                Err((format!("a list has no field `{name}`"), Some(hint.into())))
            }
            other => Err((format!("{} has no field `{name}`", other.what()), None)),
        }
    }

    pub(super) fn equals(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Nil, Value::Nil) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a == b,
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(&**b).all(|(a, b)| a.equals(b)),
            (Value::Dict(a), Value::Dict(b)) => {
                let (a, b) = (a.borrow(), b.borrow());
                a.len() == b.len() && a.iter().zip(&*b).all(|((a, x), (b, y))| a == b && x.equals(y))
            }
            (Value::Leak(a), Value::Leak(b)) => a == b,
            _ => false,
        }
    }

    /// The order of values of one kind.
    pub(super) fn order(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
            (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
            (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    /// As JSON.
    pub(super) fn json(&self, json: &mut Writer) -> Result<(), String> {
        if json.out.len() > MAX_SIZE {
            return Err("a value grew too large".into());
        }
        let mut result = Ok(());
        match self {
            Value::Nil => json.raw("null"),
            Value::Bool(truth) => json.raw(truth),
            Value::Int(number) => json.raw(number),
            Value::Float(number) => json.float64(*number),
            Value::Text(text) => json.string(text),
            Value::Leak(leak) => json::finding(json, leak),
            Value::List(items) => json.list(items.iter(), |json, item| {
                if result.is_ok() {
                    result = item.json(json);
                }
            }),
            Value::Dict(entries) => json.object(|json| {
                for (key, value) in &*entries.borrow() {
                    if result.is_ok() {
                        json.field(&key.to_str_lossy(), |json| result = value.json(json));
                    }
                }
            }),
        }
        result
    }

    /// From JSON; numbers are fractions, as in Go.
    pub(super) fn from_json(json: serde_json::Value) -> Result<Value, String> {
        Ok(match json {
            serde_json::Value::Null => Value::Nil,
            serde_json::Value::Bool(truth) => Value::Bool(truth),
            serde_json::Value::Number(number) => Value::Float(number.as_f64().unwrap_or_default()),
            serde_json::Value::String(text) => Value::text(text),
            serde_json::Value::Array(items) => {
                Value::list(items.into_iter().map(Value::from_json).collect::<Result<_, _>>()?)?
            }
            serde_json::Value::Object(entries) => {
                let entries = entries.into_iter().map(|(key, value)| Ok((key.into_bytes(), Value::from_json(value)?)));
                Value::dict(entries.collect::<Result<_, String>>()?)?
            }
        })
    }
}

fn of_leak(leak: &Leak, name: &str) -> Option<Value> {
    let commit = leak.commit.as_deref();
    let count = |number: usize| Value::Int(number as i64);
    Some(match name {
        "RuleID" => Value::text(&leak.rule),
        "Description" => Value::text(&leak.description),
        "StartLine" => count(leak.start_line),
        "EndLine" => count(leak.end_line),
        "StartColumn" => count(leak.start_column),
        "EndColumn" => count(leak.end_column),
        "Line" => Value::text(&leak.line),
        "Match" => Value::text(&leak.matched),
        "Secret" => Value::text(&leak.secret),
        "File" => Value::text(&leak.file),
        "SymlinkFile" => Value::text(&leak.symlink),
        "Commit" => Value::text(commit.map_or("", |commit| &commit.id)),
        "Link" => Value::text(&leak.link),
        // By way of its digits: the fraction of 64 bits that is written the same.
        "Entropy" => Value::Float(leak.entropy.to_string().parse().unwrap_or_default()),
        "Author" => Value::text(commit.map_or(&b""[..], |commit| &commit.author)),
        "Email" => Value::text(commit.map_or(&b""[..], |commit| &commit.email)),
        "Date" => Value::text(commit.map_or("", |commit| &commit.date)),
        "Message" => Value::text(commit.map_or(&b""[..], |commit| &commit.message)),
        "Tags" => Value::texts(&leak.tags),
        "Fingerprint" => Value::text(&leak.fingerprint),
        _ => return None,
    })
}
