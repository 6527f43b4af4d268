//! A YAML text as a tree that remembers where everything stands, for messages that point at a line. Pure.
//!
//! Values come from serde; this tree only answers "where is `size.ignore[2]`?", "which keys are here?" and "does a key
//! stand twice?". An alias is a leaf: what it repeats was looked at where it stands.

use saphyr_parser::{Event, Parser, ScanError};

use crate::finding::Span;

/// Deeper than any configuration; a text that nests further is refused.
const MAX_DEPTH: usize = 64;

/// One value.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) value: Value,
}

/// What it is.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Scalar(String),
    Alias,
    Sequence(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
}

/// Why a text has no tree.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) message: String,
    pub(crate) span: Span,
    pub(crate) hint: Option<&'static str>,
}

impl Node {
    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// The entry of a mapping: its key and its value.
    pub(crate) fn entry(&self, key: &str) -> Option<&(Node, Node)> {
        match &self.value {
            Value::Mapping(entries) => entries.iter().find(|(name, _)| name.text() == Some(key)),
            _ => None,
        }
    }

    /// The nearest place for a key path such as `size.ignore[2]`: of a key that is not there, the innermost one that is.
    pub(crate) fn locate(&self, path: &str) -> Span {
        let mut at = (self.span, self);
        // A rule id holds `/` and never `.`, so a dot always separates.
        for step in path.split('.') {
            let (name, indices) = step.split_once('[').map_or((step, ""), |(name, rest)| (name, rest));
            let Some((key, value)) = at.1.entry(name) else { return at.0 };
            at = (key.span, value);
            for index in indices.split('[').filter_map(|index| index.trim_end_matches(']').parse::<usize>().ok()) {
                match &at.1.value {
                    Value::Sequence(items) if index < items.len() => at = (items[index].span, &items[index]),
                    _ => return at.0,
                }
            }
        }
        at.0
    }
}

/// The tree of the only document in `text`; `None` when there is nothing but comments.
pub(crate) fn parse(text: &str) -> Result<Option<Node>, Refused> {
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| refused(text, &error))?;
        let span = to_span(text, span);
        let node = match event {
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    let message = "there is a second document in this file".into();
                    return Err(Refused { message, span, hint: Some("keep one: take the line `---` out") });
                }
                continue;
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if open.len() == MAX_DEPTH {
                    let message = format!("nested deeper than {MAX_DEPTH} levels");
                    return Err(Refused { message, span, hint: None });
                }
                let mapping = matches!(event, Event::MappingStart(..));
                open.push(Open { span, mapping, items: Vec::new() });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(closed) => closed.close()?,
                None => continue,
            },
            Event::Scalar(text, ..) => Node { span, value: Value::Scalar(text.into_owned()) },
            Event::Alias(_) => Node { span, value: Value::Alias },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => continue,
        };
        match open.last_mut() {
            Some(parent) => parent.items.push(node),
            None => root = Some(node),
        }
    }
    Ok(root)
}

struct Open {
    span: Span,
    mapping: bool,
    items: Vec<Node>,
}

impl Open {
    fn close(self) -> Result<Node, Refused> {
        let span = self.items.first().map_or(self.span, |first| first.span);
        if !self.mapping {
            return Ok(Node { span, value: Value::Sequence(self.items) });
        }
        let mut entries = Vec::with_capacity(self.items.len() / 2);
        let mut seen = std::collections::HashMap::new();
        let mut items = self.items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            if let Some(text) = key.text()
                && let Some(first) = seen.insert(text.to_string(), key.span)
            {
                let message = format!("the key `{text}` stands here and in line {}", first.line);
                return Err(Refused { message, span: key.span, hint: Some("keep one of the two") });
            }
            entries.push((key, value));
        }
        Ok(Node { span, value: Value::Mapping(entries) })
    }
}

fn refused(text: &str, error: &ScanError) -> Refused {
    let (line, column) = (error.marker().line() as u32, error.marker().col() as u32 + 1);
    let span = Span { line: line.max(1), column, end_line: line.max(1), end_column: column + 1 };
    let tab = text.lines().nth(line.saturating_sub(1) as usize).is_some_and(|line| line.contains('\t'));
    Refused {
        message: format!("this is not YAML: {}", error.info()),
        span,
        hint: tab.then_some("indent with spaces: YAML has no tabs"),
    }
}

/// A value that spans lines is pointed at by its first line.
fn to_span(text: &str, span: saphyr_parser::Span) -> Span {
    let (line, column) = (span.start.line() as u32, span.start.col() as u32 + 1);
    let end_column = match span.end.line() == span.start.line() {
        true => span.end.col() as u32 + 1,
        false => {
            let length =
                text.lines().nth(span.start.line().saturating_sub(1)).map_or(0, |line| line.trim_end().chars().count());
            length as u32 + 1
        }
    };
    Span { line, column, end_line: line, end_column: end_column.max(column + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_path_has_a_place() {
        let tree = parse("size:\n  ignore:\n    - a\n    - 'b'\n").unwrap().unwrap();
        let place = |path: &str| (tree.locate(path).line, tree.locate(path).column);
        assert_eq!(place("size"), (1, 1));
        assert_eq!(place("size.ignore[1]"), (4, 7));
        assert_eq!(place("size.ignore[9]"), (2, 3));
        assert_eq!(place("size.nothing.here"), (1, 1));
    }

    #[test]
    fn a_key_twice_a_second_document_and_a_deep_nest_are_refused() {
        assert_eq!(parse("a: 1\nb: 2\na: 3\n").unwrap_err().span.line, 3);
        assert!(parse("a: 1\n---\nb: 2\n").unwrap_err().message.contains("second document"));
        assert!(parse(&"[".repeat(100)).unwrap_err().message.contains("nested"));
        assert!(parse("# nothing\n").unwrap().is_none());
    }

    #[test]
    fn a_tab_is_named() {
        assert!(parse("size:\n\tm: 1\n").unwrap_err().hint.unwrap().contains("tabs"));
    }
}
