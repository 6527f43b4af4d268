//! A schema as callers see it: all files joined, extensions folded into what they extend.

use std::collections::HashMap;

/// Where something stands: its file, by its place in the list, and bytes in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct At {
    pub(super) file: u32,
    pub(super) start: u32,
    pub(super) end: u32,
}

#[derive(Debug)]
pub(super) struct SourceFile {
    pub(super) path: String,
    pub(super) text: String,
}

#[derive(Debug, Default)]
pub(super) struct Schema {
    pub(super) files: Vec<SourceFile>,
    /// In the order in which they were first mentioned.
    pub(super) types: Vec<Type>,
    pub(super) by_name: HashMap<String, usize>,
    pub(super) directives: Vec<DirectiveDefinition>,
    pub(super) schema: SchemaDefinition,
}

#[derive(Debug, Default)]
pub(super) struct SchemaDefinition {
    /// Whether one was written, extensions apart.
    pub(super) written: bool,
    pub(super) at: Option<At>,
    pub(super) directives: Vec<Usage>,
    /// Names of the types at the root: query, mutation, subscription.
    pub(super) roots: [Option<(String, At)>; 3],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Scalar,
    Object,
    Interface,
    Union,
    Enum,
    Input,
}

impl Kind {
    /// The keyword.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Scalar => "scalar",
            Kind::Object => "type",
            Kind::Interface => "interface",
            Kind::Union => "union",
            Kind::Enum => "enum",
            Kind::Input => "input",
        }
    }
}

#[derive(Debug)]
pub(super) struct Type {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) description: Option<String>,
    /// Interfaces that it implements, or members of a union.
    pub(super) named: Vec<(String, At)>,
    /// Fields, input fields, or enum values.
    pub(super) members: Vec<Member>,
    pub(super) directives: Vec<Usage>,
    pub(super) at: At,
}

/// A field, an argument, an input field, or a value of an enum.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) description: Option<String>,
    /// Empty for a value of an enum.
    pub(super) ty: TypeRef,
    pub(super) arguments: Vec<Member>,
    pub(super) default: Option<Value>,
    pub(super) directives: Vec<Usage>,
    pub(super) at: At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrap {
    List,
    NonNull,
}

/// A type as it is used: its name, and what is around it from the outside in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TypeRef {
    pub(super) name: String,
    pub(super) around: Vec<Wrap>,
}

impl TypeRef {
    pub(super) fn is_required(&self) -> bool {
        self.around.first() == Some(&Wrap::NonNull)
    }
}

impl std::fmt::Display for TypeRef {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for _ in self.around.iter().filter(|wrap| **wrap == Wrap::List) {
            formatter.write_str("[")?;
        }
        formatter.write_str(&self.name)?;
        for wrap in self.around.iter().rev() {
            formatter.write_str(if *wrap == Wrap::List { "]" } else { "!" })?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// A number as it was written.
    Int(String),
    Float(String),
    Text(String),
    Enum(String),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

impl std::fmt::Display for Value {
    /// As deep as the reader let it be.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Null => formatter.write_str("null"),
            Value::Bool(value) => write!(formatter, "{value}"),
            Value::Int(text) | Value::Float(text) | Value::Enum(text) => formatter.write_str(text),
            Value::Text(text) => write!(formatter, "{text:?}"),
            Value::List(values) => {
                formatter.write_str("[")?;
                for (at, value) in values.iter().enumerate() {
                    write!(formatter, "{}{value}", if at > 0 { ", " } else { "" })?;
                }
                formatter.write_str("]")
            }
            Value::Object(fields) => {
                formatter.write_str("{")?;
                for (at, (name, value)) in fields.iter().enumerate() {
                    write!(formatter, "{}{name}: {value}", if at > 0 { ", " } else { "" })?;
                }
                formatter.write_str("}")
            }
        }
    }
}

/// A directive where it is used.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Usage {
    pub(super) name: String,
    pub(super) arguments: Vec<(String, Value)>,
    pub(super) at: At,
}

#[derive(Debug)]
pub(super) struct DirectiveDefinition {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) arguments: Vec<Member>,
    pub(super) repeatable: bool,
    pub(super) locations: Vec<String>,
    pub(super) at: At,
}

/// What a deprecation says that gives no reason.
pub(super) const NO_REASON: &str = "No longer supported";

impl Member {
    pub(super) fn is_deprecated(&self) -> bool {
        self.directives.iter().any(|usage| usage.name == "deprecated")
    }

    /// Why it is deprecated; `None` also when the reason is `null`.
    pub(super) fn deprecation(&self) -> Option<&str> {
        let usage = self.directives.iter().find(|usage| usage.name == "deprecated")?;
        match usage.arguments.iter().find(|(name, _)| name == "reason") {
            Some((_, Value::Text(reason))) => Some(reason),
            Some((_, Value::Null)) => None,
            _ => Some(NO_REASON),
        }
    }
}

impl Schema {
    pub(super) fn type_named(&self, name: &str) -> Option<&Type> {
        self.by_name.get(name).map(|at| &self.types[*at])
    }

    /// The type at a root: as the schema says, or by its usual name where no schema was written.
    pub(super) fn root(&self, operation: usize) -> Option<&str> {
        const USUAL: [&str; 3] = ["Query", "Mutation", "Subscription"];
        if !self.schema.written
            && let Some(usual) = self.type_named(USUAL[operation])
        {
            return Some(&usual.name);
        }
        self.schema.roots[operation].as_ref().map(|(name, _)| name.as_str())
    }
}
