//! A Protobuf file as it was written: declarations with their places, before names and defaults are resolved.

use super::lexer::Span;

/// The language of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Syntax {
    Proto2,
    Proto3,
    /// By its year.
    Edition(u32),
}

#[derive(Debug)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: Vec<u8>,
    pub(super) syntax: Syntax,
    pub(super) syntax_span: Option<Span>,
    pub(super) package: String,
    pub(super) package_span: Option<Span>,
    pub(super) imports: Vec<Import>,
    pub(super) options: Vec<Opt>,
    pub(super) messages: Vec<Message>,
    pub(super) enums: Vec<Enum>,
    pub(super) services: Vec<Service>,
    pub(super) extensions: Vec<Field>,
}

#[derive(Clone, Debug)]
pub(super) struct Import {
    pub(super) path: String,
    /// Whoever imports this file sees that one too.
    pub(super) public: bool,
    pub(super) span: Span,
}

/// One option, or one field of an option that was written as a message: `features.field_presence`.
#[derive(Clone, Debug)]
pub(super) struct Opt {
    pub(super) name: String,
    /// The bytes of a string, or the value as it stands.
    pub(super) value: Vec<u8>,
    pub(super) span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    None,
    Optional,
    Required,
    Repeated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    String,
    Bytes,
}

impl Scalar {
    const ALL: [(&'static str, Scalar); 15] = [
        ("double", Scalar::Double),
        ("float", Scalar::Float),
        ("int32", Scalar::Int32),
        ("int64", Scalar::Int64),
        ("uint32", Scalar::Uint32),
        ("uint64", Scalar::Uint64),
        ("sint32", Scalar::Sint32),
        ("sint64", Scalar::Sint64),
        ("fixed32", Scalar::Fixed32),
        ("fixed64", Scalar::Fixed64),
        ("sfixed32", Scalar::Sfixed32),
        ("sfixed64", Scalar::Sfixed64),
        ("bool", Scalar::Bool),
        ("string", Scalar::String),
        ("bytes", Scalar::Bytes),
    ];

    pub(super) fn named(name: &[u8]) -> Option<Scalar> {
        Self::ALL.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, scalar)| *scalar)
    }

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, scalar)| *scalar == self).map_or("", |(name, _)| name)
    }

    pub(super) fn is_64_bit(self) -> bool {
        matches!(self, Scalar::Int64 | Scalar::Uint64 | Scalar::Sint64 | Scalar::Fixed64 | Scalar::Sfixed64)
    }
}

/// A field's type as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Scalar(Scalar),
    /// A name, with a leading dot if it is a full one.
    Named(String),
    /// A message of proto2 that is declared where it is used.
    Group(String),
    /// The name of the entry message that stands for `map<…>`.
    Map(String),
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) number: i64,
    pub(super) label: Label,
    pub(super) written: Written,
    /// The oneof it stands in, by its place in the message's list.
    pub(super) oneof: Option<usize>,
    pub(super) options: Vec<Opt>,
    /// What an extension extends, as it was written.
    pub(super) extendee: Option<String>,
    pub(super) span: Span,
    pub(super) name_span: Span,
    pub(super) type_span: Span,
}

#[derive(Debug)]
pub(super) struct Oneof {
    pub(super) name: String,
    pub(super) options: Vec<Opt>,
}

/// Numbers from first to last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Range {
    pub(super) first: i64,
    pub(super) last: i64,
}

#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) name: String,
    /// Stands for `map<…>`, and was written nowhere.
    pub(super) map_entry: bool,
    pub(super) fields: Vec<Field>,
    pub(super) oneofs: Vec<Oneof>,
    pub(super) messages: Vec<Message>,
    pub(super) enums: Vec<Enum>,
    pub(super) extensions: Vec<Field>,
    pub(super) extension_ranges: Vec<Range>,
    pub(super) reserved_ranges: Vec<Range>,
    pub(super) reserved_names: Vec<String>,
    pub(super) options: Vec<Opt>,
    pub(super) span: Span,
}

#[derive(Debug, Default)]
pub(super) struct Enum {
    pub(super) name: String,
    pub(super) values: Vec<EnumValue>,
    pub(super) reserved_ranges: Vec<Range>,
    pub(super) reserved_names: Vec<String>,
    pub(super) options: Vec<Opt>,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) struct EnumValue {
    pub(super) name: String,
    pub(super) number: i64,
    pub(super) number_span: Span,
}

#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) methods: Vec<Method>,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) struct Method {
    pub(super) name: String,
    pub(super) request: String,
    pub(super) response: String,
    pub(super) client_streams: bool,
    pub(super) server_streams: bool,
    pub(super) options: Vec<Opt>,
    pub(super) span: Span,
    pub(super) request_span: Span,
    pub(super) response_span: Span,
}

/// The last option of a name, as the language has it.
pub(super) fn option<'a>(options: &'a [Opt], name: &str) -> Option<&'a Opt> {
    options.iter().rev().find(|option| option.name == name)
}
