//! What a module promises, as a tree of our own: small, owned, and equal when it says the same.

use std::collections::BTreeMap;
use std::fmt;

/// Where something stands in its file: byte offsets. Two shapes are equal wherever they stand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct At {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl PartialEq for At {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A name that is only shown. Two shapes are equal whatever they call it.
#[derive(Clone, Debug, Default)]
pub(super) struct Label(pub(super) String);

impl PartialEq for Label {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A type and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) ty: Type,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type {
    Any,
    Unknown,
    Never,
    Void,
    Undefined,
    Null,
    String,
    Number,
    Boolean,
    BigInt,
    Symbol,
    /// `object`: whatever is no primitive.
    NonPrimitive,
    This,
    /// A literal as one writes it: `"a"`, `1`, `true`, `1n`.
    Literal(String),
    /// A type parameter that is in scope, by its number from the outside in.
    Parameter(usize, Label),
    Ref {
        name: String,
        args: Vec<Node>,
    },
    Array {
        element: Box<Node>,
        readonly: bool,
    },
    Tuple {
        elements: Vec<Element>,
        readonly: bool,
    },
    Union(Vec<Node>),
    Intersection(Vec<Node>),
    Object(Members),
    /// One signature, or several overloads.
    Function(Vec<Signature>),
    Constructor(Vec<Signature>),
    /// Something that only a type checker can work out, by its text, with the names in it.
    Opaque {
        text: String,
        names: Vec<String>,
    },
    /// Nothing is written where a type could be; the text from which a compiler would infer it.
    Unwritten(String),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Element {
    pub(super) node: Node,
    pub(super) optional: bool,
    pub(super) rest: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Members {
    pub(super) properties: Vec<Property>,
    pub(super) calls: Vec<Signature>,
    pub(super) constructs: Vec<Signature>,
    pub(super) indexes: Vec<Index>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Visibility {
    Public,
    Protected,
    Private,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Property {
    pub(super) name: String,
    pub(super) at: At,
    pub(super) optional: bool,
    pub(super) readonly: bool,
    pub(super) visibility: Visibility,
    pub(super) fixed: Fixed,
    pub(super) ty: Node,
}

/// What a member of a class belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fixed {
    pub(super) of_class: bool,
    pub(super) is_abstract: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Index {
    pub(super) at: At,
    pub(super) key: Node,
    pub(super) value: Node,
    pub(super) readonly: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Signature {
    pub(super) at: At,
    pub(super) generics: Vec<Generic>,
    pub(super) this: Option<Box<Node>>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) rest: Option<Box<Parameter>>,
    pub(super) result: Box<Node>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parameter {
    pub(super) name: Label,
    pub(super) at: At,
    pub(super) optional: bool,
    pub(super) ty: Node,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Generic {
    pub(super) name: Label,
    pub(super) at: At,
    pub(super) constraint: Option<Node>,
    pub(super) default: Option<Node>,
}

/// All that one name of a module means. A name can be a value, a type and a namespace at once.
#[derive(Clone, Debug, Default)]
pub(super) struct Entity {
    pub(super) at: At,
    pub(super) value: Option<Value>,
    pub(super) meaning: Option<Meaning>,
    pub(super) is_namespace: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Variable { ty: Node, constant: bool },
    Function(Vec<Signature>),
    Class(Box<Class>),
    Enum(Enum),
}

/// What a name means where a type is expected, beside classes and enums.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Meaning {
    Interface { generics: Vec<Generic>, parents: Vec<Node>, members: Members },
    Alias { generics: Vec<Generic>, node: Node },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Class {
    pub(super) generics: Vec<Generic>,
    pub(super) parent: Option<Node>,
    pub(super) interfaces: Vec<Node>,
    pub(super) members: Members,
    pub(super) constructors: Vec<Signature>,
    pub(super) constructor: Visibility,
    pub(super) is_abstract: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Enum {
    pub(super) members: Vec<EnumMember>,
    pub(super) is_const: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct EnumMember {
    pub(super) name: String,
    pub(super) at: At,
    /// The value as a literal, or the text it is computed from.
    pub(super) value: String,
}

/// What a name comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Import {
    pub(super) source: String,
    /// The name there; `*` is all of it.
    pub(super) name: String,
}

#[derive(Clone, Debug)]
pub(super) struct Export {
    pub(super) at: At,
    pub(super) type_only: bool,
    pub(super) from: From,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum From {
    /// A name of this module.
    Local(String),
    /// A name of another module; `*` is all of it.
    Other(Import),
}

/// One file, read.
#[derive(Clone, Debug, Default)]
pub(super) struct Module {
    pub(super) text: String,
    /// By their names; what stands in a namespace has its name in front: `Shapes.Circle`.
    pub(super) entities: BTreeMap<String, Entity>,
    pub(super) imports: BTreeMap<String, Import>,
    pub(super) exports: BTreeMap<String, Export>,
    /// `export * from`: the sources, in order.
    pub(super) stars: Vec<(String, At)>,
    /// Why it could not be read, and where.
    pub(super) problem: Option<(String, u32)>,
}

impl Type {
    /// The members of a union, or the type itself; `boolean` is two.
    pub(super) fn branches(&self) -> Vec<&Type> {
        const TRUE_FALSE: [fn() -> &'static Type; 2] = [truth, falsehood];
        match self {
            Self::Union(nodes) => nodes.iter().flat_map(|node| node.ty.branches()).collect(),
            Self::Boolean => TRUE_FALSE.iter().map(|make| make()).collect(),
            other => vec![other],
        }
    }

    pub(super) fn is_object_like(&self) -> bool {
        matches!(
            self,
            Self::Array { .. }
                | Self::Tuple { .. }
                | Self::Object(_)
                | Self::Function(_)
                | Self::Constructor(_)
                | Self::NonPrimitive
        )
    }

    pub(super) fn is_primitive(&self) -> bool {
        matches!(
            self,
            Self::Void
                | Self::Undefined
                | Self::Null
                | Self::String
                | Self::Number
                | Self::Boolean
                | Self::BigInt
                | Self::Symbol
                | Self::Literal(_)
        )
    }

    /// The primitive that a literal belongs to.
    pub(super) fn widened(&self) -> Option<Type> {
        let Self::Literal(text) = self else { return None };
        Some(match text.as_bytes().first() {
            Some(b'"') => Self::String,
            _ if text == "true" || text == "false" => Self::Boolean,
            _ if text.ends_with('n') => Self::BigInt,
            _ => Self::Number,
        })
    }
}

fn truth() -> &'static Type {
    static TRUE: std::sync::LazyLock<Type> = std::sync::LazyLock::new(|| Type::Literal("true".into()));
    &TRUE
}

fn falsehood() -> &'static Type {
    static FALSE: std::sync::LazyLock<Type> = std::sync::LazyLock::new(|| Type::Literal("false".into()));
    &FALSE
}

/// The most characters of a type that a message shows.
const MOST_SHOWN: usize = 160;

/// The type as one would write it on a line, cut where it gets long.
pub(super) fn show(ty: &Type) -> String {
    let mut out = String::new();
    write(ty, &mut out, 0);
    match out.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", &out[..end]),
        None => out,
    }
}

fn list<T>(out: &mut String, items: &[T], between: &str, mut each: impl FnMut(&T, &mut String)) {
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            out.push_str(between);
        }
        each(item, out);
    }
}

fn write(ty: &Type, out: &mut String, depth: usize) {
    if depth > 12 || out.len() > 4 * MOST_SHOWN {
        out.push('…');
        return;
    }
    let inner = |node: &Node, out: &mut String| write(&node.ty, out, depth + 1);
    let word = match ty {
        Type::Any => "any",
        Type::Unknown => "unknown",
        Type::Never => "never",
        Type::Void => "void",
        Type::Undefined => "undefined",
        Type::Null => "null",
        Type::String => "string",
        Type::Number => "number",
        Type::Boolean => "boolean",
        Type::BigInt => "bigint",
        Type::Symbol => "symbol",
        Type::NonPrimitive => "object",
        Type::This => "this",
        Type::Literal(text) | Type::Opaque { text, .. } => text,
        Type::Parameter(_, label) => &label.0,
        Type::Unwritten(_) => "(not written)",
        Type::Ref { name, args } => {
            out.push_str(name.rsplit_once('#').map_or(name.as_str(), |(_, name)| name));
            if !args.is_empty() {
                out.push('<');
                list(out, args, ", ", inner);
                out.push('>');
            }
            return;
        }
        Type::Array { element, readonly } => {
            if *readonly {
                out.push_str("readonly ");
            }
            let wraps = matches!(element.ty, Type::Union(_) | Type::Intersection(_) | Type::Function(_));
            if wraps {
                out.push('(');
            }
            inner(element, out);
            if wraps {
                out.push(')');
            }
            out.push_str("[]");
            return;
        }
        Type::Tuple { elements, readonly } => {
            out.push_str(if *readonly { "readonly [" } else { "[" });
            list(out, elements, ", ", |element, out| {
                if element.rest {
                    out.push_str("...");
                }
                inner(&element.node, out);
                if element.optional {
                    out.push('?');
                }
            });
            out.push(']');
            return;
        }
        Type::Union(nodes) => return list(out, nodes, " | ", inner),
        Type::Intersection(nodes) => return list(out, nodes, " & ", inner),
        Type::Object(members) => return write_members(members, out, depth),
        Type::Function(signatures) | Type::Constructor(signatures) => {
            if matches!(ty, Type::Constructor(_)) {
                out.push_str("new ");
            }
            return list(out, signatures, " & ", |signature, out| write_signature(signature, out, " => ", depth));
        }
    };
    out.push_str(word);
}

fn write_members(members: &Members, out: &mut String, depth: usize) {
    out.push_str("{ ");
    let mut first = true;
    let mut next = |out: &mut String| {
        if !std::mem::take(&mut first) {
            out.push_str("; ");
        }
    };
    for property in &members.properties {
        next(out);
        if property.readonly {
            out.push_str("readonly ");
        }
        out.push_str(&property.name);
        out.push_str(if property.optional { "?: " } else { ": " });
        write(&property.ty.ty, out, depth + 1);
    }
    for signature in &members.calls {
        next(out);
        write_signature(signature, out, ": ", depth);
    }
    for signature in &members.constructs {
        next(out);
        out.push_str("new ");
        write_signature(signature, out, ": ", depth);
    }
    for index in &members.indexes {
        next(out);
        out.push('[');
        write(&index.key.ty, out, depth + 1);
        out.push_str("]: ");
        write(&index.value.ty, out, depth + 1);
    }
    out.push_str(" }");
}

/// The signature as one would write it on a line.
pub(super) fn show_signature(signature: &Signature) -> String {
    let mut out = String::new();
    write_signature(signature, &mut out, ": ", 0);
    match out.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", &out[..end]),
        None => out,
    }
}

fn write_signature(signature: &Signature, out: &mut String, arrow: &str, depth: usize) {
    if !signature.generics.is_empty() {
        out.push('<');
        list(out, &signature.generics, ", ", |generic, out| out.push_str(&generic.name.0));
        out.push('>');
    }
    out.push('(');
    list(out, &signature.parameters, ", ", |parameter, out| {
        out.push_str(&parameter.name.0);
        out.push_str(if parameter.optional { "?: " } else { ": " });
        write(&parameter.ty.ty, out, depth + 1);
    });
    if let Some(rest) = &signature.rest {
        out.push_str(if signature.parameters.is_empty() { "..." } else { ", ..." });
        out.push_str(&rest.name.0);
        out.push_str(": ");
        write(&rest.ty.ty, out, depth + 1);
    }
    out.push(')');
    out.push_str(arrow);
    write(&signature.result.ty, out, depth + 1);
}

impl fmt::Display for Visibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Protected => "protected",
            Self::Private => "private",
        })
    }
}
