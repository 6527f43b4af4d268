//! Declarations by their full names, with every type name resolved and every default inherited.
//!
//! Names: <https://protobuf.dev/programming-guides/proto3/#name-resolution>: the innermost scope that knows the whole
//! name wins. What a file does not import it does not see, unless nothing else is known of the name.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::features::{Feature, Features};
use super::lexer::Span;
use super::load::Loaded;
use super::model::{Enum, Field, File, Label, Message, Scalar, Service, Written, option};
use super::well_known;
use crate::contracts::Place;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Scalar(Scalar),
    Message,
    /// A message between two marks rather than behind its length.
    Group,
    Enum,
    /// Its name leads nowhere that was read.
    Unknown,
}

/// How many values a field takes, and whether none can be told from a default one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cardinality {
    Explicit,
    Implicit,
    Required,
    Repeated,
    Map,
}

impl Cardinality {
    pub(super) fn name(self) -> &'static str {
        match self {
            Cardinality::Explicit => "optional with explicit presence",
            Cardinality::Implicit => "optional with implicit presence",
            Cardinality::Required => "required",
            Cardinality::Repeated => "repeated",
            Cardinality::Map => "map",
        }
    }
}

pub(super) struct LinkedMessage<'a> {
    pub(super) file: usize,
    pub(super) full: Rc<str>,
    /// The name without the package.
    pub(super) nested: String,
    pub(super) message: &'a Message,
    pub(super) features: Features,
}

pub(super) struct LinkedEnum<'a> {
    pub(super) file: usize,
    pub(super) full: String,
    pub(super) nested: String,
    pub(super) all: &'a Enum,
    pub(super) features: Features,
}

pub(super) struct LinkedField<'a> {
    pub(super) file: usize,
    /// The message it is declared in; `None` for an extension.
    pub(super) parent: Option<usize>,
    /// What an extension extends.
    pub(super) extendee: Option<String>,
    /// What it is declared in: a message, or the package.
    pub(super) scope: Rc<str>,
    pub(super) field: &'a Field,
    pub(super) kind: Kind,
    /// Full name of the message or enum it holds, or empty.
    pub(super) type_name: Rc<str>,
    pub(super) cardinality: Cardinality,
    pub(super) features: Features,
}

impl LinkedField<'_> {
    pub(super) fn full(&self) -> String {
        joined(&self.scope, &self.field.name)
    }
}

/// The fields of a message in the order of their numbers.
pub(super) struct Fields<'a>(Vec<LinkedField<'a>>);

impl<'a> Fields<'a> {
    pub(super) fn iter(&self) -> impl Iterator<Item = &LinkedField<'a>> {
        self.0.iter()
    }

    pub(super) fn get(&self, number: i64) -> Option<&LinkedField<'a>> {
        self.0.binary_search_by_key(&number, |field| field.field.number).ok().map(|at| &self.0[at])
    }
}

pub(super) struct LinkedService<'a> {
    pub(super) file: usize,
    pub(super) full: String,
    pub(super) service: &'a Service,
}

/// Everything that the compared files of one side declare, in the order of files and declarations.
pub(super) struct Linked<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) messages: Vec<LinkedMessage<'a>>,
    pub(super) enums: Vec<LinkedEnum<'a>>,
    pub(super) services: Vec<LinkedService<'a>>,
    pub(super) extensions: Vec<LinkedField<'a>>,
    /// Their names without the package.
    pub(super) extension_names: Vec<String>,
    /// Every enum that was read, compared or not.
    all_enums: HashMap<String, &'a Enum>,
    /// By full name: the files that declare it, and whether it is an enum.
    symbols: HashMap<Rc<str>, Vec<(usize, bool)>>,
    visible: Vec<HashSet<usize>>,
    none: Rc<str>,
    lines: Vec<OnceCell<Vec<u32>>>,
}

impl<'a> Linked<'a> {
    pub(super) fn new(loaded: &'a Loaded) -> Self {
        let mut linked = Self {
            loaded,
            messages: Vec::new(),
            enums: Vec::new(),
            services: Vec::new(),
            extensions: Vec::new(),
            extension_names: Vec::new(),
            all_enums: HashMap::new(),
            symbols: HashMap::new(),
            none: "".into(),
            visible: (0..loaded.compared).map(|file| visible(loaded, file)).collect(),
            lines: loaded.files.iter().map(|_| OnceCell::new()).collect(),
        };
        for (at, file) in loaded.files.iter().enumerate() {
            linked.declare(at, file);
        }
        linked.link_extensions();
        linked
    }

    pub(super) fn file(&self, at: usize) -> &'a File {
        &self.loaded.files[at]
    }

    fn declare(&mut self, at: usize, file: &'a File) {
        let features = Features::of_file(file.syntax, &file.options);
        for one in &file.enums {
            self.declare_enum(at, &file.package, "", one, features);
        }
        for message in &file.messages {
            self.declare_message(at, &file.package, "", message, features);
        }
        for service in file.services.iter().filter(|_| at < self.loaded.compared) {
            self.services.push(LinkedService { file: at, full: joined(&file.package, &service.name), service });
        }
    }

    /// As deep as the parser let it be.
    fn declare_message(&mut self, at: usize, package: &str, outer: &str, message: &'a Message, above: Features) {
        let nested = joined(outer, &message.name);
        let full: Rc<str> = joined(package, &nested).into();
        let features = above.below(&message.options);
        self.symbols.entry(full.clone()).or_default().push((at, false));
        if at < self.loaded.compared {
            self.messages.push(LinkedMessage { file: at, full, nested: nested.clone(), message, features });
        }
        for one in &message.enums {
            self.declare_enum(at, package, &nested, one, features);
        }
        for inner in &message.messages {
            self.declare_message(at, package, &nested, inner, features);
        }
    }

    fn declare_enum(&mut self, at: usize, package: &str, outer: &str, all: &'a Enum, above: Features) {
        let nested = joined(outer, &all.name);
        let full = joined(package, &nested);
        self.symbols.entry(full.as_str().into()).or_default().push((at, true));
        self.all_enums.entry(full.clone()).or_insert(all);
        if at < self.loaded.compared {
            self.enums.push(LinkedEnum { file: at, full, nested, all, features: above.below(&all.options) });
        }
    }

    fn link_extensions(&mut self) {
        let mut found: Vec<LinkedField> = Vec::new();
        for at in 0..self.loaded.compared {
            let file = self.file(at);
            let features = Features::of_file(file.syntax, &file.options);
            let package: Rc<str> = file.package.as_str().into();
            found.extend(file.extensions.iter().map(|field| self.extension(at, &package, field, features)));
        }
        for message in &self.messages {
            let extensions = message.message.extensions.iter();
            found.extend(extensions.map(|field| self.extension(message.file, &message.full, field, message.features)));
        }
        let nested = |one: &LinkedField| {
            let full = one.full();
            let rest = full.strip_prefix(self.file(one.file).package.as_str()).unwrap_or(&full);
            rest.trim_start_matches('.').to_string()
        };
        self.extension_names = found.iter().map(nested).collect();
        self.extensions = found;
    }

    fn extension(&self, at: usize, scope: &Rc<str>, field: &'a Field, above: Features) -> LinkedField<'a> {
        let written = field.extendee.as_deref().unwrap_or_default();
        let extendee = self.resolve(at, scope, written).0;
        let mut linked = self.linked_field(at, scope, field, above);
        linked.extendee = Some(extendee.to_string());
        linked
    }

    /// The fields of a message. Of two with one number, the first counts.
    pub(super) fn fields(&self, at: usize) -> Fields<'a> {
        let message = &self.messages[at];
        let linked = |field: &'a Field| {
            let oneof = field.oneof.and_then(|oneof| message.message.oneofs.get(oneof));
            let above = oneof.map_or(message.features, |oneof| message.features.below(&oneof.options));
            let mut linked = self.linked_field(message.file, &message.full, field, above);
            linked.parent = Some(at);
            if message.message.map_entry && linked.kind == Kind::Group {
                linked.kind = Kind::Message;
            }
            linked
        };
        let mut fields: Vec<LinkedField> = message.message.fields.iter().map(linked).collect();
        fields.sort_by_key(|field| field.field.number);
        fields.dedup_by_key(|field| field.field.number);
        Fields(fields)
    }

    fn linked_field(&self, at: usize, scope: &Rc<str>, field: &'a Field, above: Features) -> LinkedField<'a> {
        let features = above.below(&field.options);
        let (kind, type_name) = match &field.written {
            Written::Scalar(scalar) => (Kind::Scalar(*scalar), self.none.clone()),
            Written::Map(entry) => (Kind::Message, joined(scope, entry).into()),
            Written::Group(name) => (Kind::Group, joined(scope, name).into()),
            Written::Named(name) => {
                let (full, kind) = self.resolve(at, scope, name);
                let delimited = features.get(Feature::MessageEncoding) == "DELIMITED";
                (if kind == Kind::Message && delimited { Kind::Group } else { kind }, full)
            }
        };
        let presence = features.get(Feature::FieldPresence);
        let cardinality = match (field.label, &field.written) {
            (_, Written::Map(_)) => Cardinality::Map,
            (Label::Repeated, _) => Cardinality::Repeated,
            (Label::Required, _) => Cardinality::Required,
            _ if presence == "LEGACY_REQUIRED" => Cardinality::Required,
            (label, _) => {
                let holds_message = matches!(kind, Kind::Message | Kind::Group);
                let told = label == Label::Optional || field.oneof.is_some() || field.extendee.is_some();
                match told || holds_message || presence == "EXPLICIT" {
                    true => Cardinality::Explicit,
                    false => Cardinality::Implicit,
                }
            }
        };
        let scope = scope.clone();
        LinkedField { file: at, parent: None, extendee: None, scope, field, kind, type_name, cardinality, features }
    }

    /// The full name behind a name, and what it is.
    pub(super) fn resolve(&self, at: usize, scope: &str, name: &str) -> (Rc<str>, Kind) {
        if let Some(full) = name.strip_prefix('.') {
            return self.find(at, full, false).unwrap_or_else(|| (full.into(), Kind::Unknown));
        }
        let mut full = String::with_capacity(scope.len() + 1 + name.len());
        for everything in [false, true] {
            let mut scope = scope;
            loop {
                full.clear();
                if !scope.is_empty() {
                    full.push_str(scope);
                    full.push('.');
                }
                full.push_str(name);
                if let Some(found) = self.find(at, &full, everything) {
                    return found;
                }
                if scope.is_empty() {
                    break;
                }
                scope = scope.rfind('.').map_or("", |dot| &scope[..dot]);
            }
        }
        (name.into(), Kind::Unknown)
    }

    /// What a full name stands for, among what a file sees or among everything.
    fn find(&self, at: usize, full: &str, everything: bool) -> Option<(Rc<str>, Kind)> {
        let kind = |is_enum: bool| if is_enum { Kind::Enum } else { Kind::Message };
        if let Some((full, places)) = self.symbols.get_key_value(full) {
            let sees = |file: &usize| everything || self.visible.get(at).is_some_and(|visible| visible.contains(file));
            if let Some((_, is_enum)) = places.iter().find(|(file, _)| sees(file)) {
                return Some((full.clone(), kind(*is_enum)));
            }
        }
        let (_, kind) = well_known::declaring(full, &self.loaded.missing[at])?;
        Some((full.into(), kind))
    }

    /// Names and numbers of an enum, wherever it was read.
    pub(super) fn enum_named(&self, full: &str) -> Option<&'a Enum> {
        self.all_enums.get(full).copied()
    }

    /// Where something stands, for people.
    pub(super) fn place(&self, at: usize, span: Span) -> Place {
        let file = self.file(at);
        let starts = self.lines[at].get_or_init(|| {
            let ends = memchr::memchr_iter(b'\n', &file.text).map(|end| end as u32 + 1);
            std::iter::once(0).chain(ends).collect()
        });
        let position = |offset: u32| {
            let line = starts.partition_point(|start| *start <= offset).max(1);
            let before = &file.text[starts[line - 1] as usize..(offset as usize).min(file.text.len())];
            // A line may be as long as its file; beyond a screen's width of widths its column is counted in bytes.
            let column =
                if before.len() > 4096 { before.len() } else { String::from_utf8_lossy(before).chars().count() };
            (line as u32, column as u32 + 1)
        };
        let ((line, column), (end_line, end_column)) = (position(span.start), position(span.end));
        Place { file: file.path.clone(), line, column, end_line, end_column }
    }

    /// The default of a field as its kind has it, explicit or not.
    pub(super) fn default_of(&self, field: &LinkedField) -> Worth {
        let written = option(&field.field.options, "default");
        let value = written.map(|option| &option.value[..]);
        let text = value.and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default();
        match field.kind {
            Kind::Scalar(Scalar::String | Scalar::Bytes) => Worth::Bytes(value.unwrap_or_default().to_vec()),
            Kind::Scalar(Scalar::Bool) => Worth::Whole(i128::from(text == "true")),
            Kind::Scalar(kind @ (Scalar::Double | Scalar::Float)) => {
                let number = match text {
                    "inf" => f64::INFINITY,
                    "-inf" => f64::NEG_INFINITY,
                    "nan" | "-nan" => f64::NAN,
                    "" => 0.0,
                    _ => text.trim_end_matches(['f', 'F']).parse().unwrap_or_default(),
                };
                match kind {
                    Scalar::Float => Worth::Single(number as f32),
                    _ => Worth::Double(number),
                }
            }
            Kind::Enum => {
                let values = self.enum_named(&field.type_name).map(|all| &all.values[..]).unwrap_or_default();
                let named = match written {
                    Some(_) => values.iter().find(|value| value.name == text),
                    None => values.first(),
                };
                Worth::Whole(named.map_or(0, |value| i128::from(value.number)))
            }
            _ => {
                let digits = text.trim_start_matches('-');
                let number = super::parser::whole(digits.as_bytes()).map_or(0, i128::from);
                Worth::Whole(if text.starts_with('-') { -number } else { number })
            }
        }
    }
}

/// A default value, comparable across the kinds that a field may change between.
#[derive(Clone, Debug)]
pub(super) enum Worth {
    Bytes(Vec<u8>),
    Whole(i128),
    Single(f32),
    Double(f64),
}

impl Worth {
    pub(super) fn is_zero(&self) -> bool {
        match self {
            Worth::Bytes(bytes) => bytes.is_empty(),
            Worth::Whole(number) => *number == 0,
            Worth::Single(number) => *number == 0.0 && number.is_sign_positive(),
            Worth::Double(number) => *number == 0.0 && number.is_sign_positive(),
        }
    }

    /// Text equals text, a number equals a number of any kind. Between single and double, the single counts.
    pub(super) fn same(&self, other: &Worth) -> bool {
        use Worth::{Bytes, Double, Single, Whole};
        match (self, other) {
            (Bytes(one), Bytes(other)) => one == other,
            (Bytes(_), _) | (_, Bytes(_)) => false,
            (Whole(one), Whole(other)) => one == other,
            (Single(single), Double(double)) | (Double(double), Single(single)) => {
                (single.is_nan() && double.is_nan()) || *single == *double as f32
            }
            (Single(one), Single(other)) => (one.is_nan() && other.is_nan()) || one == other,
            (Double(one), Double(other)) => (one.is_nan() && other.is_nan()) || one == other,
            (Whole(whole), Single(float)) | (Single(float), Whole(whole)) => is_whole(f64::from(*float), *whole),
            (Whole(whole), Double(float)) | (Double(float), Whole(whole)) => is_whole(*float, *whole),
        }
    }

    pub(super) fn shown(&self) -> String {
        match self {
            Worth::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Worth::Whole(number) => number.to_string(),
            Worth::Single(number) => number.to_string(),
            Worth::Double(number) => number.to_string(),
        }
    }
}

/// Every whole number that a field can hold is below 2^64, where this conversion is exact.
fn is_whole(float: f64, whole: i128) -> bool {
    float.fract() == 0.0 && float as i128 == whole
}

pub(super) fn joined(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.into() } else { format!("{scope}.{name}") }
}

/// The files whose names a file sees: its own, what it imports, and what these pass on.
fn visible(loaded: &Loaded, file: usize) -> HashSet<usize> {
    let mut seen = HashSet::from([file]);
    let mut queue: Vec<usize> = loaded.imports[file].iter().map(|(import, _)| *import).collect();
    while let Some(at) = queue.pop() {
        if seen.insert(at) {
            queue.extend(loaded.imports[at].iter().filter(|(_, public)| *public).map(|(import, _)| *import));
        }
    }
    seen
}
