//! Reads YAML 1.2 with places, from the parser's events.
//!
//! The core schema decides what a plain word is: `no`, `on` and `y` are strings. An alias is the very node that its
//! anchor names; what it would weigh as a copy is counted and bounded. `<<` merges, and own keys win.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

use super::json::is_number;
use super::{DEEPEST, Forest, MOST_NODES, Mark, Node, Text, Value};

type Failure = (Mark, String);

enum Open {
    List {
        from: Mark,
        items: Vec<Node>,
        anchor: usize,
        before: usize,
    },
    Map {
        from: Mark,
        entries: Vec<(Text, Node, Node)>,
        merged: Vec<Node>,
        key: Option<(Text, Node)>,
        anchor: usize,
        before: usize,
    },
}

fn mark(at: Marker) -> Mark {
    Mark { line: at.line() as u32, column: at.col() as u32 + 1 }
}

/// Reads the first document of a file; more than one is refused.
pub(super) fn read(forest: &mut Forest, text: &str) -> Result<Node, Failure> {
    let mut open: Vec<Open> = Vec::new();
    let mut anchors: HashMap<usize, (Node, usize)> = HashMap::new();
    let (mut root, mut weight) = (None, 0_usize);
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| (mark(*error.marker()), format!("is not YAML: {}", error.info())))?;
        let (from, to) = (mark(span.start), mark(span.end));
        weight += 1;
        if open.len() > DEEPEST {
            return Err((from, format!("nested more than {DEEPEST} deep")));
        }
        let done = match event {
            Event::SequenceStart(anchor, _) => {
                open.push(Open::List { from, items: Vec::new(), anchor, before: weight });
                continue;
            }
            Event::MappingStart(anchor, _) => {
                let (entries, merged) = (Vec::new(), Vec::new());
                open.push(Open::Map { from, entries, merged, key: None, anchor, before: weight });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List { from, items, anchor, before }) => {
                    let node = forest.list(&items, from, to)?;
                    anchors.insert(anchor, (node, weight - before));
                    node
                }
                Some(Open::Map { from, mut entries, merged, anchor, before, .. }) => {
                    merge(forest, &mut entries, &merged)?;
                    let node = forest.map(&entries, from, to)?;
                    anchors.insert(anchor, (node, weight - before));
                    node
                }
                None => continue,
            },
            Event::Scalar(value, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && tag.as_ref().is_none_or(|tag| tag.suffix != "str");
                let value = if plain { word(forest, &value) } else { Value::String(forest.text(&value)) };
                let node = forest.leaf(value, from, to)?;
                anchors.insert(anchor, (node, 1));
                node
            }
            Event::Alias(anchor) => {
                let (node, copies) = *anchors
                    .get(&anchor)
                    .filter(|_| anchor != 0)
                    .ok_or_else(|| (from, "an alias inside of what it names".to_string()))?;
                weight = weight.saturating_add(copies);
                if weight > MOST_NODES {
                    return Err((
                        from,
                        format!("aliases here would make more than {MOST_NODES} values: an alias bomb?"),
                    ));
                }
                node
            }
            Event::DocumentStart(_) if root.is_some() => {
                return Err((from, "a second document begins: one file is one description".into()));
            }
            _ => continue,
        };
        match open.last_mut() {
            None => root = Some(done),
            Some(Open::List { items, .. }) => items.push(done),
            Some(Open::Map { entries, merged, key, .. }) => match key.take() {
                Some((name, _)) if forest.str(name) == "<<" => merged.push(done),
                Some((name, at)) => entries.push((name, at, done)),
                None => {
                    let name =
                        forest.scalar(done).ok_or_else(|| (from, "a key must be a word".to_string()))?.to_string();
                    *key = Some((forest.text(&name), done));
                }
            },
        }
    }
    match root {
        Some(root) => Ok(root),
        None => Err((Mark { line: 1, column: 1 }, "is empty".into())),
    }
}

fn merge(forest: &Forest, entries: &mut Vec<(Text, Node, Node)>, merged: &[Node]) -> Result<(), Failure> {
    for from in merged {
        let maps = if forest.is_map(*from) { std::slice::from_ref(from) } else { forest.items(*from) };
        for map in maps {
            for entry in forest.entries(*map) {
                if !entries.iter().any(|own| own.0 == entry.0) {
                    entries.push(*entry);
                }
            }
        }
    }
    Ok(())
}

/// What the core schema of YAML 1.2 says about a plain word.
fn word(forest: &mut Forest, text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ if is_number(text) => Value::Number(forest.text(text)),
        _ => {
            // `+1`, `.5`, `1.`: numbers that JSON would write otherwise.
            let bare = text.strip_prefix('+').unwrap_or(text);
            let number =
                bare.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'-' | b'+'))
                    && bare.bytes().any(|byte| byte.is_ascii_digit())
                    && bare.parse::<f64>().is_ok_and(f64::is_finite);
            if number { Value::Number(forest.text(bare)) } else { Value::String(forest.text(text)) }
        }
    }
}
