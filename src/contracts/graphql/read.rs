//! From files to one schema. The syntax is apollo-parser's; this walks its tree once and keeps what callers meet.
//!
//! The parser goes down one call per bracket of a value, so brackets are counted before it starts.

use std::collections::{BTreeSet, HashMap, HashSet};

use apollo_parser::{Parser, SyntaxKind, SyntaxNode, SyntaxToken};

use super::model::{At, DirectiveDefinition, Kind, Member, Schema, SourceFile, Type, TypeRef, Usage, Value, Wrap};
use crate::contracts::{Side, Tree, Unreadable};

/// The largest file that is read. The largest schemas that are published stay below 10 MiB.
const MOST_BYTES: usize = 16 << 20;
/// Brackets within brackets. A schema needs five.
const MOST_DEEP: usize = 100;
const MOST_TOKENS: usize = 4_000_000;

/// The files of one side, sorted by path.
pub(super) type Texts = Vec<(String, Vec<u8>)>;

/// Reads both sides at once: to parse is most of the work, and the sides do not know of each other.
pub(super) fn both(base: Texts, revision: Texts) -> [Result<Schema, Unreadable>; 2] {
    std::thread::scope(|scope| {
        let base = scope.spawn(move || schema(Side::Base, base));
        let revision = schema(Side::Revision, revision);
        match base.join() {
            Ok(base) => [base, revision],
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

pub(super) fn texts(tree: &dyn Tree, paths: &[String]) -> Texts {
    let paths: BTreeSet<&String> = paths.iter().collect();
    paths.into_iter().filter_map(|path| Some((path.clone(), tree.read(path)?))).collect()
}

/// Reads and joins. Definitions stand in the order of paths; an extension may come before what it extends.
fn schema(side: Side, texts: Texts) -> Result<Schema, Unreadable> {
    let mut schema = Schema::default();
    for (path, bytes) in texts {
        let wrong = |line, column, what: String| Unreadable { side, file: path.clone(), line, column, what };
        if bytes.len() > MOST_BYTES {
            let what = format!("the file has {} bytes, more than the {MOST_BYTES} that are read", bytes.len());
            return Err(wrong(1, 1, what));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let (line, column) = position(&String::from_utf8_lossy(valid), valid.len());
            wrong(line, column, "this is not UTF-8".into())
        })?;
        if let Some(at) = too_deep(text.as_bytes()) {
            let (line, column) = position(&text, at);
            return Err(wrong(line, column, format!("this is nested deeper than {MOST_DEEP} levels")));
        }
        let tree = Parser::new(&text).recursion_limit(MOST_DEEP + 50).token_limit(MOST_TOKENS).parse();
        if let Some(error) = tree.errors().next() {
            let (line, column) = position(&text, error.index());
            return Err(wrong(line, column, error.message().chars().take(200).collect()));
        }
        let file = schema.files.len() as u32;
        let document = tree.document();
        let mut walker = Walker { text: &text, file, schema: &mut schema };
        walker.document(apollo_parser::cst::CstNode::syntax(&document));
        schema.files.push(SourceFile { path, text });
    }
    for one in &mut schema.types {
        distinct(&mut one.members);
        for member in &mut one.members {
            distinct(&mut member.arguments);
        }
        if one.named.len() > 1 {
            let mut seen = HashSet::new();
            one.named.retain(|(name, _)| seen.insert(name.clone()));
        }
    }
    Ok(schema)
}

/// Of two members of one name the first counts: published schemas have such, and servers differ in what they do.
fn distinct(members: &mut Vec<Member>) {
    // Hardly ever is there one to drop, and a few are compared faster than counted.
    let mut seen: HashSet<&str> = HashSet::new();
    let all_new = match members.len() {
        ..16 => (1..members.len()).all(|at| members[..at].iter().all(|other| other.name != members[at].name)),
        _ => members.iter().all(|member| seen.insert(&member.name)),
    };
    if !all_new {
        let mut seen: HashSet<String> = HashSet::with_capacity(members.len());
        members.retain(|member| seen.insert(member.name.clone()));
    }
}

/// Line and column in characters, both from 1.
pub(super) fn position(text: &str, at: usize) -> (u32, u32) {
    let before = &text.as_bytes()[..at.min(text.len())];
    let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    let line = memchr::memchr_iter(b'\n', before).count() as u32 + 1;
    (line, String::from_utf8_lossy(&before[start..]).chars().count() as u32 + 1)
}

/// The bracket that opens one level too many.
fn too_deep(text: &[u8]) -> Option<usize> {
    let mut deep = 0_usize;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'#' => at += memchr::memchr2(b'\n', b'\r', &text[at..]).unwrap_or(text.len() - at),
            b'"' if text[at..].starts_with(b"\"\"\"") => at += block_length(&text[at..]),
            b'"' => at += string_length(&text[at..]),
            b'{' | b'[' | b'(' => {
                deep += 1;
                if deep > MOST_DEEP {
                    return Some(at);
                }
                at += 1;
            }
            b'}' | b']' | b')' => {
                deep = deep.saturating_sub(1);
                at += 1;
            }
            _ => at += 1,
        }
    }
    None
}

fn block_length(text: &[u8]) -> usize {
    let mut at = 3;
    while let Some(found) = memchr::memmem::find(&text[at..], b"\"\"\"") {
        let escaped = text[at + found - 1] == b'\\';
        at += found + 3;
        if !escaped {
            return at;
        }
    }
    text.len()
}

fn string_length(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(found) = text.get(at..).and_then(|rest| memchr::memchr3(b'"', b'\\', b'\n', rest)) {
        at += found + 1;
        if text[at - 1] != b'\\' {
            return at;
        }
        at += 1;
    }
    text.len()
}

struct Walker<'a> {
    text: &'a str,
    file: u32,
    schema: &'a mut Schema,
}

impl<'a> Walker<'a> {
    fn document(&mut self, document: &SyntaxNode) {
        for node in document.children() {
            let (kind, extends) = match node.kind() {
                SyntaxKind::DIRECTIVE_DEFINITION => {
                    self.directive_definition(&node);
                    continue;
                }
                SyntaxKind::SCHEMA_DEFINITION | SyntaxKind::SCHEMA_EXTENSION => {
                    self.schema_definition(&node);
                    continue;
                }
                SyntaxKind::SCALAR_TYPE_DEFINITION => (Kind::Scalar, false),
                SyntaxKind::OBJECT_TYPE_DEFINITION => (Kind::Object, false),
                SyntaxKind::INTERFACE_TYPE_DEFINITION => (Kind::Interface, false),
                SyntaxKind::UNION_TYPE_DEFINITION => (Kind::Union, false),
                SyntaxKind::ENUM_TYPE_DEFINITION => (Kind::Enum, false),
                SyntaxKind::INPUT_OBJECT_TYPE_DEFINITION => (Kind::Input, false),
                SyntaxKind::SCALAR_TYPE_EXTENSION => (Kind::Scalar, true),
                SyntaxKind::OBJECT_TYPE_EXTENSION => (Kind::Object, true),
                SyntaxKind::INTERFACE_TYPE_EXTENSION => (Kind::Interface, true),
                SyntaxKind::UNION_TYPE_EXTENSION => (Kind::Union, true),
                SyntaxKind::ENUM_TYPE_EXTENSION => (Kind::Enum, true),
                SyntaxKind::INPUT_OBJECT_TYPE_EXTENSION => (Kind::Input, true),
                // Operations and fragments are not a schema's.
                _ => continue,
            };
            self.type_definition(&node, kind, extends);
        }
    }

    /// The name of a definition and its place, which stands for the whole.
    fn name(&self, name: &SyntaxNode) -> (String, At) {
        let token = name.first_token();
        let at = token.as_ref().map(|token| self.at(token)).unwrap_or_default();
        (self.slice(at).into(), at)
    }

    fn at(&self, token: &SyntaxToken) -> At {
        let range = token.text_range();
        At { file: self.file, start: range.start().into(), end: range.end().into() }
    }

    fn slice(&self, at: At) -> &'a str {
        self.text.get(at.start as usize..at.end as usize).unwrap_or_default()
    }

    fn description(&self, node: &SyntaxNode) -> Option<String> {
        let value = node.children().find(|child| child.kind() == SyntaxKind::STRING_VALUE)?;
        Some(self.string(&value))
    }

    fn string(&self, node: &SyntaxNode) -> String {
        match node.first_token().map(|token| self.slice(self.at(&token))) {
            // Most strings are plain, and their value is what stands between the quotes.
            Some(text) if !text.starts_with("\"\"\"") && !text.contains('\\') => text.trim_matches('"').into(),
            _ => match <apollo_parser::cst::StringValue as apollo_parser::cst::CstNode>::cast(node.clone()) {
                Some(value) => String::from(value),
                None => String::new(),
            },
        }
    }

    fn type_definition(&mut self, node: &SyntaxNode, kind: Kind, extends: bool) {
        let mut found = Type {
            name: String::new(),
            kind,
            description: None,
            named: Vec::new(),
            members: Vec::new(),
            directives: Vec::new(),
            at: At::default(),
        };
        for child in node.children() {
            match child.kind() {
                SyntaxKind::NAME => (found.name, found.at) = self.name(&child),
                SyntaxKind::DESCRIPTION => found.description = self.description(&child),
                SyntaxKind::DIRECTIVES => found.directives = self.usages(&child),
                SyntaxKind::IMPLEMENTS_INTERFACES | SyntaxKind::UNION_MEMBER_TYPES => {
                    found.named = child.children().map(|named| self.name(&named)).collect();
                }
                SyntaxKind::FIELDS_DEFINITION
                | SyntaxKind::INPUT_FIELDS_DEFINITION
                | SyntaxKind::ENUM_VALUES_DEFINITION => {
                    found.members = child.children().map(|member| self.member(&member)).collect();
                }
                _ => {}
            }
        }
        let Some(&known) = self.schema.by_name.get(&found.name) else {
            self.schema.by_name.insert(found.name.clone(), self.schema.types.len());
            self.schema.types.push(found);
            return;
        };
        let known = &mut self.schema.types[known];
        if !extends {
            known.kind = found.kind;
            known.at = found.at;
            known.description = found.description.or(known.description.take());
        }
        known.named.extend(found.named);
        known.members.extend(found.members);
        known.directives.extend(found.directives);
    }

    fn member(&self, node: &SyntaxNode) -> Member {
        let mut member = Member {
            name: String::new(),
            description: None,
            ty: TypeRef::default(),
            arguments: Vec::new(),
            default: None,
            directives: Vec::new(),
            at: At::default(),
        };
        for child in node.children() {
            match child.kind() {
                SyntaxKind::NAME | SyntaxKind::ENUM_VALUE => (member.name, member.at) = self.name(&child),
                SyntaxKind::DESCRIPTION => member.description = self.description(&child),
                SyntaxKind::ARGUMENTS_DEFINITION => {
                    member.arguments = child.children().map(|argument| self.member(&argument)).collect();
                }
                SyntaxKind::NAMED_TYPE | SyntaxKind::LIST_TYPE | SyntaxKind::NON_NULL_TYPE => {
                    member.ty = self.type_ref(child);
                }
                SyntaxKind::DEFAULT_VALUE => member.default = child.children().next().map(|value| self.value(&value)),
                SyntaxKind::DIRECTIVES => member.directives = self.usages(&child),
                _ => {}
            }
        }
        member
    }

    fn type_ref(&self, mut node: SyntaxNode) -> TypeRef {
        let mut ty = TypeRef::default();
        loop {
            match node.kind() {
                SyntaxKind::LIST_TYPE => ty.around.push(Wrap::List),
                SyntaxKind::NON_NULL_TYPE => ty.around.push(Wrap::NonNull),
                _ => {
                    ty.name = self.name(&node).0;
                    return ty;
                }
            }
            match node.children().next() {
                Some(inner) => node = inner,
                None => return ty,
            }
        }
    }

    fn usages(&self, node: &SyntaxNode) -> Vec<Usage> {
        let usage = |node: SyntaxNode| {
            let mut usage = Usage { name: String::new(), arguments: Vec::new(), at: At::default() };
            for child in node.children() {
                match child.kind() {
                    SyntaxKind::NAME => (usage.name, usage.at) = self.name(&child),
                    SyntaxKind::ARGUMENTS => {
                        usage.arguments = child.children().map(|argument| self.named_value(&argument)).collect();
                    }
                    _ => {}
                }
            }
            usage
        };
        node.children().map(usage).collect()
    }

    /// `name: value` of an argument or of a field of an object.
    fn named_value(&self, node: &SyntaxNode) -> (String, Value) {
        let (mut name, mut value) = (String::new(), Value::Null);
        for child in node.children() {
            match child.kind() {
                SyntaxKind::NAME => name = self.name(&child).0,
                _ => value = self.value(&child),
            }
        }
        (name, value)
    }

    fn value(&self, node: &SyntaxNode) -> Value {
        let text = || self.name(node).0;
        match node.kind() {
            SyntaxKind::STRING_VALUE => Value::Text(self.string(node)),
            SyntaxKind::INT_VALUE => Value::Int(text()),
            SyntaxKind::FLOAT_VALUE => Value::Float(text()),
            SyntaxKind::BOOLEAN_VALUE => Value::Bool(text() == "true"),
            SyntaxKind::NULL_VALUE => Value::Null,
            SyntaxKind::ENUM_VALUE => Value::Enum(text()),
            SyntaxKind::LIST_VALUE => Value::List(node.children().map(|value| self.value(&value)).collect()),
            SyntaxKind::OBJECT_VALUE => Value::Object(node.children().map(|field| self.named_value(&field)).collect()),
            _ => Value::Variable(node.children().next().map(|name| self.name(&name).0).unwrap_or_default()),
        }
    }

    fn directive_definition(&mut self, node: &SyntaxNode) {
        let mut found = DirectiveDefinition {
            name: String::new(),
            description: None,
            arguments: Vec::new(),
            repeatable: false,
            locations: Vec::new(),
            at: At::default(),
        };
        for child in node.children_with_tokens() {
            let Some(child) = child.as_node() else {
                found.repeatable |= child.kind() == SyntaxKind::repeatable_KW;
                continue;
            };
            match child.kind() {
                SyntaxKind::NAME => (found.name, found.at) = self.name(child),
                SyntaxKind::DESCRIPTION => found.description = self.description(child),
                SyntaxKind::ARGUMENTS_DEFINITION => {
                    found.arguments = child.children().map(|argument| self.member(&argument)).collect();
                }
                SyntaxKind::DIRECTIVE_LOCATIONS => {
                    found.locations = child.children().map(|location| self.name(&location).0).collect();
                }
                _ => {}
            }
        }
        distinct(&mut found.arguments);
        if !self.schema.directives.iter().any(|known| known.name == found.name) {
            self.schema.directives.push(found);
        }
    }

    fn schema_definition(&mut self, node: &SyntaxNode) {
        let at = node.first_token().map(|token| self.at(&token));
        self.schema.schema.written |= node.kind() == SyntaxKind::SCHEMA_DEFINITION;
        self.schema.schema.at = self.schema.schema.at.or(at);
        for child in node.children() {
            match child.kind() {
                SyntaxKind::DIRECTIVES => {
                    let usages = self.usages(&child);
                    self.schema.schema.directives.extend(usages);
                }
                SyntaxKind::ROOT_OPERATION_TYPE_DEFINITION => {
                    let mut parts: HashMap<SyntaxKind, (String, At)> =
                        child.children().map(|part| (part.kind(), self.name(&part))).collect();
                    let operation = parts.remove(&SyntaxKind::OPERATION_TYPE).map(|(name, _)| name);
                    let slot = match operation.as_deref() {
                        Some("query") => 0,
                        Some("mutation") => 1,
                        _ => 2,
                    };
                    self.schema.schema.roots[slot] = parts.remove(&SyntaxKind::NAMED_TYPE);
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)]) -> Result<Schema, Unreadable> {
        let tree: std::collections::BTreeMap<String, Vec<u8>> =
            files.iter().map(|(path, text)| (path.to_string(), text.as_bytes().to_vec())).collect();
        schema(Side::Base, texts(&tree, &tree.paths()))
    }

    #[test]
    fn files_are_joined_and_extensions_folded() {
        let schema = read(&[
            ("a.graphql", "extend type Query { b(x: [Int!]! = [1]): String @deprecated }"),
            ("b.graphql", "schema { query: Query }\n\"\"\"\n  Words\n\"\"\"\ntype Query implements A & B { a: Int }"),
        ])
        .unwrap();
        let query = schema.type_named("Query").unwrap();
        assert_eq!(query.description.as_deref(), Some("Words"));
        assert_eq!(query.members.len(), 2);
        assert_eq!(query.named.len(), 2);
        assert_eq!(schema.files[query.at.file as usize].path, "b.graphql");
        let argument = &query.members[0].arguments[0];
        assert_eq!(argument.ty.to_string(), "[Int!]!");
        assert_eq!(argument.default.as_ref().unwrap().to_string(), "[1]");
        assert_eq!(query.members[0].deprecation(), Some("No longer supported"));
        assert_eq!(schema.root(0), Some("Query"));
    }

    #[test]
    fn mistakes_have_a_place() {
        let error = read(&[("a.graphql", "type A {\n  é: \n}")]).unwrap_err();
        assert_eq!((error.line, error.column), (2, 3), "{error}");
        assert!(read(&[("a.graphql", "type A { a: \"\\u12\" }")]).is_err());
    }

    #[test]
    fn depth_has_an_end() {
        for open in ["directive @a(b: C = [[", "type A { a: [["] {
            let text = format!("{open}{}", "[".repeat(1_000_000));
            let error = read(&[("a.graphql", &text)]).unwrap_err();
            assert_eq!(error.what, "this is nested deeper than 100 levels");
        }
        let quoted = format!("\"\"\"{}\"\"\" scalar A # {}", "[".repeat(1000), "[".repeat(1000));
        assert!(read(&[("a.graphql", &quoted)]).is_ok());
    }
}
