//! From files to one schema. The words are apollo-parser's; the grammar of definitions is walked here, straight into
//! what callers meet, without a tree between.
//!
//! <https://spec.graphql.org/September2025/#sec-Type-System>. Operations and fragments are passed over: the same globs
//! often catch them.

use std::collections::{BTreeSet, HashSet};

use apollo_parser::{Lexer, TokenKind};

use super::model::{At, DirectiveDefinition, Kind, Member, Schema, SourceFile, Type, TypeRef, Usage, Value, Wrap};
use super::strings;
use crate::contracts::{Side, Tree, Unreadable};

/// The largest file that is read. The largest schemas that are published stay below 10 MiB.
const MOST_BYTES: usize = 16 << 20;
/// Brackets within brackets. A schema needs five.
const MOST_DEEP: usize = 100;
const MOST_TOKENS: usize = 8_000_000;

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
        let file = schema.files.len() as u32;
        let read = Reader::new(&text, file).and_then(|mut reader| reader.document(&mut schema));
        if let Err(mistake) = read {
            let (line, column) = position(&text, mistake.at);
            return Err(wrong(line, column, mistake.what));
        }
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

/// What is wrong, and at which byte.
struct Mistake {
    at: usize,
    what: String,
}

#[derive(Clone, Copy)]
struct Word<'a> {
    kind: TokenKind,
    text: &'a str,
    at: usize,
}

struct Reader<'a> {
    lexer: Lexer<'a>,
    length: usize,
    file: u32,
    ahead: Word<'a>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, file: u32) -> Result<Self, Mistake> {
        let end = Word { kind: TokenKind::Eof, text: "", at: text.len() };
        let lexer = Lexer::new(text).with_limit(MOST_TOKENS);
        let mut reader = Self { lexer, length: text.len(), file, ahead: end };
        reader.advance()?;
        Ok(reader)
    }

    fn advance(&mut self) -> Result<Word<'a>, Mistake> {
        let word = self.ahead;
        loop {
            match self.lexer.next() {
                Some(Ok(token)) => match token.kind() {
                    TokenKind::Whitespace | TokenKind::Comment | TokenKind::Comma => {}
                    kind => {
                        self.ahead = Word { kind, text: token.data(), at: token.index() };
                        return Ok(word);
                    }
                },
                Some(Err(error)) => {
                    let what = error.message().chars().take(200).collect();
                    return Err(Mistake { at: error.index(), what });
                }
                None => {
                    self.ahead = Word { kind: TokenKind::Eof, text: "", at: self.length };
                    return Ok(word);
                }
            }
        }
    }

    fn is(&self, kind: TokenKind) -> bool {
        self.ahead.kind == kind
    }

    fn is_word(&self, word: &str) -> bool {
        self.ahead.kind == TokenKind::Name && self.ahead.text == word
    }

    fn take(&mut self, kind: TokenKind) -> Result<bool, Mistake> {
        let there = self.is(kind);
        if there {
            self.advance()?;
        }
        Ok(there)
    }

    fn take_word(&mut self, word: &str) -> Result<bool, Mistake> {
        let there = self.is_word(word);
        if there {
            self.advance()?;
        }
        Ok(there)
    }

    fn unexpected(&self, wanted: &str) -> Mistake {
        let found = match self.ahead.kind {
            TokenKind::Eof => "the end of the file".into(),
            _ => format!("`{}`", self.ahead.text.chars().take(40).collect::<String>()),
        };
        Mistake { at: self.ahead.at, what: format!("expected {wanted}, found {found}") }
    }

    fn need(&mut self, kind: TokenKind, shown: &str) -> Result<(), Mistake> {
        match self.take(kind)? {
            true => Ok(()),
            false => Err(self.unexpected(shown)),
        }
    }

    /// A name and its place, which stands for the whole that it names.
    fn name(&mut self) -> Result<(String, At), Mistake> {
        if !self.is(TokenKind::Name) {
            return Err(self.unexpected("a name"));
        }
        let word = self.advance()?;
        let (start, end) = (word.at as u32, (word.at + word.text.len()) as u32);
        Ok((word.text.into(), At { file: self.file, start, end }))
    }

    fn document(&mut self, schema: &mut Schema) -> Result<(), Mistake> {
        while !self.is(TokenKind::Eof) {
            let description = self.description()?;
            let extends = description.is_none() && self.take_word("extend")?;
            let kind = match self.ahead.text {
                _ if self.is(TokenKind::LCurly) && !extends => {
                    self.operation()?;
                    continue;
                }
                _ if !self.is(TokenKind::Name) => return Err(self.unexpected("a definition")),
                "query" | "mutation" | "subscription" | "fragment" if !extends => {
                    self.operation()?;
                    continue;
                }
                "schema" => {
                    self.schema_definition(schema, extends)?;
                    continue;
                }
                "directive" if !extends => {
                    self.directive_definition(schema, description)?;
                    continue;
                }
                "scalar" => Kind::Scalar,
                "type" => Kind::Object,
                "interface" => Kind::Interface,
                "union" => Kind::Union,
                "enum" => Kind::Enum,
                "input" => Kind::Input,
                _ => return Err(self.unexpected("a definition such as `type`, `input` or `enum`")),
            };
            self.advance()?;
            let found = self.type_definition(kind, description)?;
            add(schema, found, extends);
        }
        Ok(())
    }

    /// Passes over an operation or a fragment: braces in parentheses belong to values.
    fn operation(&mut self) -> Result<(), Mistake> {
        let (mut braces, mut parentheses) = (0_usize, 0_usize);
        loop {
            match self.ahead.kind {
                TokenKind::LParen => parentheses += 1,
                TokenKind::RParen => parentheses = parentheses.saturating_sub(1),
                TokenKind::LCurly if parentheses == 0 => braces += 1,
                TokenKind::RCurly if parentheses == 0 => {
                    braces = braces.saturating_sub(1);
                    if braces == 0 {
                        self.advance()?;
                        return Ok(());
                    }
                }
                TokenKind::Eof => return Err(self.unexpected("`}`")),
                _ => {}
            }
            self.advance()?;
        }
    }

    fn description(&mut self) -> Result<Option<String>, Mistake> {
        match self.is(TokenKind::StringValue) {
            true => Ok(Some(strings::value(self.advance()?.text))),
            false => Ok(None),
        }
    }

    fn type_definition(&mut self, kind: Kind, description: Option<String>) -> Result<Type, Mistake> {
        let (name, at) = self.name()?;
        let mut named = Vec::new();
        if matches!(kind, Kind::Object | Kind::Interface) && self.take_word("implements")? {
            self.take(TokenKind::Amp)?;
            named.push(self.name()?);
            // Old schemas put nothing between the names.
            while self.take(TokenKind::Amp)? || self.is(TokenKind::Name) && !self.starts_definition() {
                named.push(self.name()?);
            }
        }
        let directives = self.usages()?;
        let mut members = Vec::new();
        if kind == Kind::Union {
            if self.take(TokenKind::Eq)? {
                self.take(TokenKind::Pipe)?;
                named.push(self.name()?);
                while self.take(TokenKind::Pipe)? {
                    named.push(self.name()?);
                }
            }
        } else if kind != Kind::Scalar && self.take(TokenKind::LCurly)? {
            while !self.take(TokenKind::RCurly)? {
                members.push(self.member(kind)?);
            }
        }
        Ok(Type { name, kind, description, named, members, directives, at })
    }

    /// A type without fields may be followed by the next definition.
    fn starts_definition(&self) -> bool {
        const WORDS: [&str; 9] =
            ["schema", "scalar", "type", "interface", "union", "enum", "input", "directive", "extend"];
        WORDS.contains(&self.ahead.text)
    }

    /// A field, an input field or a value of an enum, by the kind of its owner.
    fn member(&mut self, owner: Kind) -> Result<Member, Mistake> {
        let description = self.description()?;
        let (name, at) = self.name()?;
        let mut arguments = Vec::new();
        let (mut ty, mut default) = (TypeRef::default(), None);
        if owner != Kind::Enum {
            if owner != Kind::Input {
                arguments = self.arguments()?;
            }
            self.need(TokenKind::Colon, "`:`")?;
            ty = self.type_ref()?;
            if owner == Kind::Input && self.take(TokenKind::Eq)? {
                default = Some(self.value(0)?);
            }
        }
        let directives = self.usages()?;
        Ok(Member { name, description, ty, arguments, default, directives, at })
    }

    /// The arguments that a field or a directive takes.
    fn arguments(&mut self) -> Result<Vec<Member>, Mistake> {
        let mut arguments = Vec::new();
        if self.take(TokenKind::LParen)? {
            while !self.take(TokenKind::RParen)? {
                arguments.push(self.member(Kind::Input)?);
            }
        }
        Ok(arguments)
    }

    fn type_ref(&mut self) -> Result<TypeRef, Mistake> {
        // From the inside out, and turned round at the end: what is non-null is known only behind it.
        let mut lists = 0;
        while self.is(TokenKind::LBracket) {
            lists += 1;
            if lists > MOST_DEEP {
                return Err(self.too_deep());
            }
            self.advance()?;
        }
        let mut ty = TypeRef { name: self.name()?.0, around: Vec::new() };
        if self.take(TokenKind::Bang)? {
            ty.around.push(Wrap::NonNull);
        }
        for _ in 0..lists {
            self.need(TokenKind::RBracket, "`]`")?;
            ty.around.push(Wrap::List);
            if self.take(TokenKind::Bang)? {
                ty.around.push(Wrap::NonNull);
            }
        }
        ty.around.reverse();
        Ok(ty)
    }

    fn usages(&mut self) -> Result<Vec<Usage>, Mistake> {
        let mut usages = Vec::new();
        while self.take(TokenKind::At)? {
            let (name, at) = self.name()?;
            let mut arguments = Vec::new();
            if self.take(TokenKind::LParen)? {
                while !self.take(TokenKind::RParen)? {
                    arguments.push(self.named_value(0)?);
                }
            }
            usages.push(Usage { name, arguments, at });
        }
        Ok(usages)
    }

    /// `name: value` of an argument or of a field of an object.
    fn named_value(&mut self, depth: usize) -> Result<(String, Value), Mistake> {
        let name = self.name()?.0;
        self.need(TokenKind::Colon, "`:`")?;
        Ok((name, self.value(depth)?))
    }

    fn too_deep(&self) -> Mistake {
        Mistake { at: self.ahead.at, what: format!("this is nested deeper than {MOST_DEEP} levels") }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Mistake> {
        if depth > MOST_DEEP {
            return Err(self.too_deep());
        }
        let word = self.ahead;
        let value = match word.kind {
            TokenKind::LBracket => {
                self.advance()?;
                let mut values = Vec::new();
                while !self.take(TokenKind::RBracket)? {
                    values.push(self.value(depth + 1)?);
                }
                return Ok(Value::List(values));
            }
            TokenKind::LCurly => {
                self.advance()?;
                let mut fields = Vec::new();
                while !self.take(TokenKind::RCurly)? {
                    fields.push(self.named_value(depth + 1)?);
                }
                return Ok(Value::Object(fields));
            }
            TokenKind::StringValue => Value::Text(strings::value(word.text)),
            TokenKind::Int => Value::Int(word.text.into()),
            TokenKind::Float => Value::Float(word.text.into()),
            TokenKind::Name => match word.text {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" => Value::Null,
                name => Value::Enum(name.into()),
            },
            _ => return Err(self.unexpected("a value")),
        };
        self.advance()?;
        Ok(value)
    }

    fn directive_definition(&mut self, schema: &mut Schema, description: Option<String>) -> Result<(), Mistake> {
        self.advance()?;
        self.need(TokenKind::At, "`@`")?;
        let (name, at) = self.name()?;
        let mut arguments = self.arguments()?;
        distinct(&mut arguments);
        let repeatable = self.take_word("repeatable")?;
        if !self.take_word("on")? {
            return Err(self.unexpected("`on`"));
        }
        self.take(TokenKind::Pipe)?;
        let mut locations = vec![self.name()?.0];
        while self.take(TokenKind::Pipe)? {
            locations.push(self.name()?.0);
        }
        if !schema.directives.iter().any(|known| known.name == name) {
            schema.directives.push(DirectiveDefinition { name, description, arguments, repeatable, locations, at });
        }
        Ok(())
    }

    fn schema_definition(&mut self, schema: &mut Schema, extends: bool) -> Result<(), Mistake> {
        let word = self.advance()?;
        let (start, end) = (word.at as u32, (word.at + word.text.len()) as u32);
        schema.schema.written |= !extends;
        schema.schema.at = schema.schema.at.or(Some(At { file: self.file, start, end }));
        schema.schema.directives.extend(self.usages()?);
        if self.take(TokenKind::LCurly)? {
            while !self.take(TokenKind::RCurly)? {
                let slot = match self.ahead.text {
                    "query" => 0,
                    "mutation" => 1,
                    "subscription" => 2,
                    _ => return Err(self.unexpected("`query`, `mutation` or `subscription`")),
                };
                self.advance()?;
                self.need(TokenKind::Colon, "`:`")?;
                schema.schema.roots[slot] = Some(self.name()?);
            }
        }
        Ok(())
    }
}

/// Puts a type beside those that are known, or into the one of its name.
fn add(schema: &mut Schema, found: Type, extends: bool) {
    let Some(&known) = schema.by_name.get(&found.name) else {
        schema.by_name.insert(found.name.clone(), schema.types.len());
        schema.types.push(found);
        return;
    };
    let known = &mut schema.types[known];
    if !extends {
        known.kind = found.kind;
        known.at = found.at;
        known.description = found.description.or(known.description.take());
    }
    known.named.extend(found.named);
    known.members.extend(found.members);
    known.directives.extend(found.directives);
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
        let error = read(&[("a.graphql", "type A { a Int }")]).unwrap_err();
        assert_eq!(error.to_string(), "a.graphql:1:12: expected `:`, found `Int`");
        assert!(read(&[("a.graphql", "type A { a: \"\\u12\" }")]).is_err());
    }

    #[test]
    fn operations_are_passed_over() {
        let text =
            "query Q($a: A = {b: [1]}) @x(y: {z: 1}) { a { b } }\nfragment F on A { a }\n{ a }\ntype A { a: Int }";
        let schema = read(&[("a.graphql", text)]).unwrap();
        assert_eq!((schema.types.len(), schema.types[0].at.start), (1, text.find("A { a: Int").unwrap() as u32));
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
