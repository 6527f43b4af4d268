//! One tree for the structured texts in which lockfiles are written: JSON (strict, or with comments and trailing commas),
//! YAML and TOML. Every value knows its line, because a finding points at one.
//!
//! A lockfile may come from a stranger: depth and the number of values are bounded before memory is spent, and a YAML
//! alias is refused rather than followed.

use std::borrow::Cow;

use saphyr_parser::{Event, Parser};
use toml::de::{DeTable, DeValue};

/// Deeper than any lockfile nests.
const MAX_DEPTH: usize = 128;
/// More values than any lockfile holds; a value costs less than 100 bytes.
const MAX_NODES: usize = 2_000_000;
/// The same for TOML, whose trees take twice the room: tables, and a place for every key.
const MAX_TOML_NODES: usize = 1_000_000;

/// One value and the line (from 1) on which it begins.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) line: u32,
    pub(crate) value: Value<'a>,
}

/// What it is.
#[derive(Debug)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Number(Cow<'a, str>),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Map(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl<'a> Node<'a> {
    pub(crate) fn get(&self, key: &str) -> Option<&Node<'a>> {
        // Of a key that stands twice the last one counts, as in every JSON reader these files meet.
        self.entries().iter().rev().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// The text at a key; empty when there is none.
    pub(crate) fn str(&self, key: &str) -> &str {
        self.get(key).and_then(Node::text).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) | Value::Number(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn is_true(&self, key: &str) -> bool {
        matches!(self.get(key).map(|node| &node.value), Some(Value::Bool(true)))
    }

    pub(crate) fn entries(&self) -> &[(Cow<'a, str>, Node<'a>)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(crate) fn items(&self) -> &[Node<'a>] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The entries of the mapping at a key.
    pub(crate) fn map(&self, key: &str) -> &[(Cow<'a, str>, Node<'a>)] {
        self.get(key).map(Node::entries).unwrap_or_default()
    }

    /// The items of the list at a key.
    pub(crate) fn list(&self, key: &str) -> &[Node<'a>] {
        self.get(key).map(Node::items).unwrap_or_default()
    }

    pub(crate) fn is_map(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }
}

/// Why a text has no tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) line: u32,
    pub(crate) message: String,
}

type Tree<'a> = Result<Node<'a>, Refused>;

/// Which JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Json {
    /// RFC 8259.
    Strict,
    /// With comments and trailing commas.
    Relaxed,
}

/// Reads JSON.
pub(crate) fn json(text: &str, dialect: Json) -> Tree<'_> {
    let mut reader = JsonReader { text, bytes: text.as_bytes(), at: 0, line: 1, nodes: 0, dialect };
    let node = reader.value(0)?;
    reader.space()?;
    match reader.at == reader.bytes.len() {
        true => Ok(node),
        false => Err(reader.refuse("something follows the end of the JSON value")),
    }
}

struct JsonReader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    line: u32,
    nodes: usize,
    dialect: Json,
}

impl<'a> JsonReader<'a> {
    fn refuse(&self, message: impl Into<String>) -> Refused {
        Refused { line: self.line, message: message.into() }
    }

    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    fn space(&mut self) -> Result<(), Refused> {
        loop {
            match self.peek() {
                b'\n' => self.line += 1,
                b' ' | b'\t' | b'\r' => {}
                b'/' if self.dialect == Json::Relaxed => {
                    let rest = &self.bytes[self.at..];
                    let length = match rest.get(1) {
                        Some(b'/') => memchr::memchr(b'\n', rest).unwrap_or(rest.len()),
                        Some(b'*') => {
                            memchr::memmem::find(rest, b"*/").ok_or_else(|| self.refuse("a comment does not end"))? + 2
                        }
                        _ => return Err(self.refuse("this is not JSON")),
                    };
                    self.line += memchr::memchr_iter(b'\n', &rest[..length]).count() as u32;
                    self.at += length;
                    continue;
                }
                _ => return Ok(()),
            }
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Tree<'a> {
        self.space()?;
        self.nodes += 1;
        if depth > MAX_DEPTH {
            return Err(self.refuse(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        if self.nodes > MAX_NODES {
            return Err(self.refuse(format!("more than {MAX_NODES} values")));
        }
        let line = self.line;
        let value = match self.peek() {
            b'{' => {
                let mut entries = Vec::new();
                self.sequence(b'}', |reader| {
                    let key = reader.string()?;
                    reader.space()?;
                    reader.expect(b':')?;
                    entries.push((key, reader.value(depth + 1)?));
                    Ok(())
                })?;
                Value::Map(entries)
            }
            b'[' => {
                let mut items = Vec::new();
                self.sequence(b']', |reader| {
                    items.push(reader.value(depth + 1)?);
                    Ok(())
                })?;
                Value::List(items)
            }
            b'"' => Value::Text(self.string()?),
            b'-' | b'0'..=b'9' => {
                let rest = &self.text[self.at..];
                let number = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
                let length = rest.find(|c| !number(c)).unwrap_or(rest.len());
                self.at += length;
                Value::Number(Cow::Borrowed(&rest[..length]))
            }
            _ => {
                let words = [("null", Value::Null), ("true", Value::Bool(true)), ("false", Value::Bool(false))];
                let word = words.into_iter().find(|(word, _)| self.text[self.at..].starts_with(word));
                let (word, value) = word.ok_or_else(|| self.refuse("this is not JSON"))?;
                self.at += word.len();
                value
            }
        };
        Ok(Node { line, value })
    }

    /// From an opening bracket to its closing one, an item at a time.
    fn sequence(&mut self, end: u8, mut item: impl FnMut(&mut Self) -> Result<(), Refused>) -> Result<(), Refused> {
        self.at += 1;
        self.space()?;
        if self.peek() == end {
            self.at += 1;
            return Ok(());
        }
        loop {
            item(self)?;
            self.space()?;
            if self.peek() == b',' {
                self.at += 1;
                self.space()?;
                if !(self.dialect == Json::Relaxed && self.peek() == end) {
                    continue;
                }
            }
            return self.expect(end);
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Refused> {
        if self.peek() != byte || self.at >= self.bytes.len() {
            return Err(self.refuse(format!("this is not JSON: `{}` is missing", byte as char)));
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Refused> {
        self.expect(b'"')?;
        let start = self.at;
        let mut owned: Option<String> = None;
        loop {
            let rest = &self.bytes[self.at..];
            let stop = memchr::memchr3(b'"', b'\\', b'\n', rest).ok_or_else(|| self.refuse("a string does not end"))?;
            // Cut at ASCII bytes, so the ends are character boundaries.
            let part = &self.text[self.at..self.at + stop];
            self.at += stop + 1;
            match rest[stop] {
                b'"' => {
                    return Ok(match owned {
                        Some(text) => Cow::Owned(text + part),
                        None => Cow::Borrowed(&self.text[start..self.at - 1]),
                    });
                }
                b'\\' => {
                    let text = owned.get_or_insert_default();
                    text.push_str(part);
                    let escaped = self.escape()?;
                    owned.get_or_insert_default().push(escaped);
                }
                _ => return Err(self.refuse("a string does not end on its line")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Refused> {
        let byte = self.peek();
        self.at += 1;
        Ok(match byte {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'"' | b'\\' | b'/' => byte as char,
            b'u' => {
                let first = self.hex()?;
                let pair = (0xd800..0xdc00).contains(&first) && self.bytes[self.at..].starts_with(b"\\u");
                if pair {
                    self.at += 2;
                    let second = self.hex()?;
                    let code = 0x10000 + ((first - 0xd800) << 10) + (second.wrapping_sub(0xdc00) & 0x3ff);
                    char::from_u32(code).unwrap_or('\u{fffd}')
                } else {
                    char::from_u32(first).unwrap_or('\u{fffd}')
                }
            }
            _ => return Err(self.refuse("a string holds an unknown escape")),
        })
    }

    fn hex(&mut self) -> Result<u32, Refused> {
        let digits = self.text.get(self.at..self.at + 4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.at += 4;
        code.ok_or_else(|| self.refuse("a string holds an unknown escape"))
    }
}

/// Reads the first document of a YAML text; `Null` when there is nothing but comments.
pub(crate) fn yaml(text: &str) -> Tree<'_> {
    let refuse = |line: usize, message: String| Refused { line: line.max(1) as u32, message };
    let mut open: Vec<(u32, bool, Vec<Node<'_>>)> = Vec::new();
    let mut nodes = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let message = match error.info().contains("recursion limit") {
                true => "nested deeper than the reader goes".into(),
                false => format!("this is not YAML: {}", error.info()),
            };
            refuse(error.marker().line(), message)
        })?;
        let line = span.start.line() as u32;
        nodes += 1;
        if nodes > MAX_NODES {
            return Err(refuse(line as usize, format!("more than {MAX_NODES} values")));
        }
        let node = match event {
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if open.len() == MAX_DEPTH {
                    return Err(refuse(line as usize, format!("nested deeper than {MAX_DEPTH} levels")));
                }
                open.push((line, matches!(event, Event::MappingStart(..)), Vec::new()));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some((line, mapping, items)) = open.pop() else { continue };
                Node { line, value: if mapping { pairs(items) } else { Value::List(items) } }
            }
            Event::Scalar(text, style, ..) => {
                let plain = style == saphyr_parser::ScalarStyle::Plain;
                let value = match &*text {
                    "true" if plain => Value::Bool(true),
                    "false" if plain => Value::Bool(false),
                    "" | "~" | "null" if plain => Value::Null,
                    _ => Value::Text(text),
                };
                Node { line, value }
            }
            // What an alias stands for may stand for more aliases: no package manager writes one.
            Event::Alias(_) => return Err(refuse(line as usize, "YAML aliases are not followed in a lockfile".into())),
            Event::DocumentEnd => break,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => continue,
        };
        match open.last_mut() {
            Some((_, _, items)) => items.push(node),
            None => return Ok(node),
        }
    }
    Ok(Node { line: 1, value: Value::Null })
}

fn pairs(items: Vec<Node<'_>>) -> Value<'_> {
    let mut entries = Vec::with_capacity(items.len() / 2);
    let mut items = items.into_iter();
    while let (Some(key), Some(mut value)) = (items.next(), items.next()) {
        // The key's line is where a person looks.
        value.line = key.line;
        let key = match key.value {
            Value::Text(text) | Value::Number(text) => text,
            Value::Bool(word) => Cow::Borrowed(if word { "true" } else { "false" }),
            _ => Cow::Borrowed(""),
        };
        entries.push((key, value));
    }
    Value::Map(entries)
}

/// Reads TOML.
pub(crate) fn toml(text: &str) -> Tree<'_> {
    // The parser builds everything before we see it, so the number of values is bounded from the marks before each.
    if text.bytes().filter(|byte| matches!(byte, b',' | b'=' | b'[' | b'{')).count() > MAX_TOML_NODES {
        return Err(Refused { line: 1, message: format!("more than {MAX_TOML_NODES} values") });
    }
    let lines = Lines::of(text);
    let document = DeTable::parse(text).map_err(|error| Refused {
        line: error.span().map_or(1, |span| lines.at(span.start)),
        message: format!("this is not TOML: {}", error.message()),
    })?;
    let span = document.span();
    table(document.into_inner(), lines.at(span.start), &lines, 0)
}

fn table<'a>(table: DeTable<'a>, line: u32, lines: &Lines, depth: usize) -> Tree<'a> {
    if depth > MAX_DEPTH {
        return Err(Refused { line, message: format!("nested deeper than {MAX_DEPTH} levels") });
    }
    let mut entries = Vec::new();
    for (key, value) in table {
        let line = lines.at(key.span().start);
        let node = toml_value(value.into_inner(), line, lines, depth + 1)?;
        entries.push((key.into_inner(), node));
    }
    Ok(Node { line, value: Value::Map(entries) })
}

fn toml_value<'a>(value: DeValue<'a>, line: u32, lines: &Lines, depth: usize) -> Tree<'a> {
    let value = match value {
        DeValue::String(text) => Value::Text(text),
        DeValue::Boolean(value) => Value::Bool(value),
        DeValue::Integer(number) => Value::Number(Cow::Owned(number.to_string())),
        DeValue::Float(number) => Value::Number(Cow::Owned(number.to_string())),
        DeValue::Datetime(date) => Value::Text(Cow::Owned(date.to_string())),
        DeValue::Array(items) => {
            let mut list = Vec::new();
            for item in items {
                let line = lines.at(item.span().start);
                list.push(toml_value(item.into_inner(), line, lines, depth + 1)?);
            }
            Value::List(list)
        }
        DeValue::Table(inner) => return table(inner, line, lines, depth),
    };
    Ok(Node { line, value })
}

/// Where the lines of a text begin.
pub(crate) struct Lines(Vec<usize>);

impl Lines {
    pub(crate) fn of(text: &str) -> Lines {
        Lines(memchr::memchr_iter(b'\n', text.as_bytes()).collect())
    }

    /// The line of a byte.
    pub(crate) fn at(&self, offset: usize) -> u32 {
        self.0.partition_point(|&newline| newline < offset) as u32 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_knows_its_lines_and_its_escapes() {
        let tree = json("{\n \"a\": [1, \"x\\u00e4\\n\"],\n \"b\": {\"c\": true}}", Json::Strict).unwrap();
        assert_eq!(tree.list("a")[1].text(), Some("xä\n"));
        assert_eq!(tree.get("b").unwrap().line, 3);
        assert!(json("{\"a\": 1,}", Json::Strict).is_err());
        assert!(json("// x\n{\"a\": 1, /* y */}", Json::Relaxed).is_ok());
    }

    #[test]
    fn depth_and_aliases_are_refused() {
        assert!(json(&"[".repeat(1_000_000), Json::Strict).unwrap_err().message.contains("nested"));
        assert!(yaml(&"[".repeat(100_000)).unwrap_err().message.contains("nested"));
        assert!(toml(&format!("a = {}", "[".repeat(10_000))).is_err());
        assert!(yaml("a: &a [1]\nb: *a\n").unwrap_err().message.contains("aliases"));
    }
}
