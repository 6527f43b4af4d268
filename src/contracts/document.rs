//! JSON and YAML files as one tree whose every node knows its place.
//!
//! Both sides of a comparison live in one [`Forest`]: nodes are numbers, equal texts are equal numbers, and a node
//! carries a fingerprint of all that stands below it, so that what did not change is recognised in one step.
//!
//! What is read is hostile: nesting, the copies that aliases ask for and the number of nodes are bounded, and a key that
//! stands twice is an error, because two readers would disagree about it.

mod json;
mod yaml;

use std::collections::HashMap;
use std::hash::BuildHasher;

use super::{Place, Side, Unreadable};

/// A node of a [`Forest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node(pub(crate) u32);

/// A text of a [`Forest`]: the same text is the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(u32);

/// What a node is. Numbers keep the text they were written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(Text),
    /// A string.
    String(Text),
    /// A list: the first of its items and how many.
    List(u32, u32),
    /// An object: the first of its entries and how many.
    Map(u32, u32),
}

/// Line and column, both from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

#[derive(Clone, Copy)]
struct Stored {
    value: Value,
    hash: u64,
    from: Mark,
    to: Mark,
    refers: bool,
}

/// Deeper nesting is refused: no description that people wrote comes near.
pub(crate) const DEEPEST: usize = 512;
/// More nodes than this are refused, those that aliases copy included.
pub(crate) const MOST_NODES: usize = 24_000_000;
/// Larger files are refused.
const MOST_BYTES: usize = 256 << 20;

struct File {
    side: Side,
    name: String,
    first: u32,
    root: Node,
}

/// The documents of both sides.
#[derive(Default)]
pub struct Forest {
    nodes: Vec<Stored>,
    items: Vec<Node>,
    entries: Vec<(Text, Node, Node)>,
    texts: String,
    spans: Vec<(u32, u32)>,
    known: HashMap<u64, Text, foldhash::fast::RandomState>,
    /// Strangers write the texts; its seed is another one in every run.
    state: foldhash::quality::RandomState,
    files: Vec<File>,
    reference: Option<Text>,
}

impl Forest {
    /// Reads one file: JSON when it begins like JSON, YAML otherwise. Asking twice for the same file reads it once.
    ///
    /// # Errors
    /// When it is neither, holds a key twice, or is larger or deeper than anything that people write.
    pub fn read(&mut self, side: Side, name: &str, bytes: &[u8]) -> Result<Node, Unreadable> {
        if let Some(file) = self.files.iter().find(|file| file.side == side && file.name == name) {
            return Ok(file.root);
        }
        let fail = |mark: Mark, what: String| {
            // A parser that misses something misses it behind the end.
            let last = bytes.iter().filter(|byte| **byte == b'\n').count() as u32 + 1;
            Unreadable { side, file: name.into(), line: mark.line.min(last), column: mark.column, what }
        };
        let start = Mark { line: 1, column: 1 };
        if bytes.len() > MOST_BYTES {
            return Err(fail(start, format!("holds more than {} MB", MOST_BYTES >> 20)));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let before = &bytes[..error.valid_up_to()];
            let line = before.iter().filter(|byte| **byte == b'\n').count() as u32 + 1;
            fail(Mark { line, column: 1 }, "is not UTF-8".into())
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if self.reference.is_none() {
            self.reference = Some(self.text("$ref"));
        }
        let first = self.nodes.len() as u32;
        let root = match text.trim_start().as_bytes().first() {
            Some(b'{' | b'[') => match json::read(self, text) {
                // YAML's flow style begins like JSON.
                Err((mark, what)) if !name.ends_with(".json") => yaml::read(self, text).map_err(|_| (mark, what)),
                read => read,
            },
            _ => yaml::read(self, text),
        };
        let root = root.map_err(|(mark, what)| fail(mark, what))?;
        self.files.push(File { side, name: name.into(), first, root });
        Ok(root)
    }

    /// What a node is.
    pub fn value(&self, node: Node) -> Value {
        self.nodes[node.0 as usize].value
    }

    /// A text by its number.
    pub fn str(&self, text: Text) -> &str {
        let (from, to) = self.spans[text.0 as usize];
        &self.texts[from as usize..to as usize]
    }

    /// The number of a text.
    pub fn text(&mut self, text: &str) -> Text {
        let mut key = self.state.hash_one(text);
        loop {
            match self.known.get(&key) {
                Some(found) if self.str(*found) == text => return *found,
                Some(_) => key = key.wrapping_add(0x9e37_79b9_7f4a_7c15),
                None => break,
            }
        }
        let from = self.texts.len() as u32;
        self.texts.push_str(text);
        let found = Text(self.spans.len() as u32);
        self.spans.push((from, self.texts.len() as u32));
        self.known.insert(key, found);
        found
    }

    /// The string that a node is, if it is one.
    pub fn string(&self, node: Node) -> Option<&str> {
        match self.value(node) {
            Value::String(text) => Some(self.str(text)),
            _ => None,
        }
    }

    /// A scalar as it was written.
    pub fn scalar(&self, node: Node) -> Option<&str> {
        match self.value(node) {
            Value::String(text) | Value::Number(text) => Some(self.str(text)),
            Value::Bool(true) => Some("true"),
            Value::Bool(false) => Some("false"),
            Value::Null => Some("null"),
            _ => None,
        }
    }

    /// The number that a node is, if it is one.
    pub fn number(&self, node: Node) -> Option<f64> {
        match self.value(node) {
            Value::Number(text) => self.str(text).parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        }
    }

    /// Whether a node is the word `true`.
    pub fn is_true(&self, node: Node) -> bool {
        self.value(node) == Value::Bool(true)
    }

    /// The items of a list; none of anything else.
    pub fn items(&self, node: Node) -> &[Node] {
        match self.value(node) {
            Value::List(first, count) => &self.items[first as usize..(first + count) as usize],
            _ => &[],
        }
    }

    /// Key, the key's node and the value of every entry of an object, as written; none of anything else.
    pub fn entries(&self, node: Node) -> &[(Text, Node, Node)] {
        match self.value(node) {
            Value::Map(first, count) => &self.entries[first as usize..(first + count) as usize],
            _ => &[],
        }
    }

    /// Whether a node is an object.
    pub fn is_map(&self, node: Node) -> bool {
        matches!(self.value(node), Value::Map(..))
    }

    /// The value below a key.
    pub fn get(&self, node: Node, key: &str) -> Option<Node> {
        self.entries(node).iter().find(|(name, _, _)| self.str(*name) == key).map(|(_, _, value)| *value)
    }

    /// The node of a key, whose place is the place of the entry.
    pub fn key(&self, node: Node, key: &str) -> Option<Node> {
        self.entries(node).iter().find(|(name, _, _)| self.str(*name) == key).map(|(_, at, _)| *at)
    }

    /// Whether two nodes hold the same, order of keys and spelling of numbers aside.
    pub fn same(&self, one: Node, other: Node) -> bool {
        one == other || self.nodes[one.0 as usize].hash == self.nodes[other.0 as usize].hash
    }

    /// A fingerprint of a node and all below it.
    pub fn hash(&self, node: Node) -> u64 {
        self.nodes[node.0 as usize].hash
    }

    /// Whether a `$ref` stands at a node or below it.
    pub fn refers(&self, node: Node) -> bool {
        self.nodes[node.0 as usize].refers
    }

    fn file(&self, node: Node) -> Option<&File> {
        let after = self.files.partition_point(|file| file.first <= node.0);
        after.checked_sub(1).map(|file| &self.files[file])
    }

    /// The root of the file that a node stands in.
    pub fn root(&self, node: Node) -> Option<Node> {
        self.file(node).map(|file| file.root)
    }

    /// The number of a text, if it stands in any file that was read.
    pub fn known(&self, text: &str) -> Option<Text> {
        let mut key = self.state.hash_one(text);
        while let Some(found) = self.known.get(&key) {
            if self.str(*found) == text {
                return Some(*found);
            }
            key = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
        }
        None
    }

    /// Whether a text stands in any file that was read.
    pub fn knows(&self, text: &str) -> bool {
        self.known(text).is_some()
    }

    /// The value below a key of an object, or at an index of a list: one step of a JSON pointer.
    pub fn child(&self, node: Node, step: &str) -> Option<Node> {
        match self.value(node) {
            Value::Map(..) => self.get(node, step),
            Value::List(..) => self.items(node).get(step.parse::<usize>().ok()?).copied(),
            _ => None,
        }
    }

    /// The file that a node stands in, and its side.
    pub fn source(&self, node: Node) -> Option<(Side, &str)> {
        self.file(node).map(|file| (file.side, &*file.name))
    }

    /// Where a node stands.
    pub fn place(&self, node: Node) -> Option<Place> {
        let stored = &self.nodes[node.0 as usize];
        Some(Place {
            file: self.file(node)?.name.clone(),
            line: stored.from.line,
            column: stored.from.column,
            end_line: stored.to.line,
            end_column: stored.to.column,
        })
    }

    /// A node in at most `most` characters.
    pub fn shown(&self, node: Node, most: usize) -> String {
        let mut out = String::new();
        self.show(node, most, &mut out);
        if out.chars().count() > most { out.chars().take(most.saturating_sub(1)).chain(['…']).collect() } else { out }
    }

    fn show(&self, node: Node, most: usize, out: &mut String) {
        if out.len() > most * 4 {
            return;
        }
        match self.value(node) {
            Value::String(text) => out.push_str(self.str(text)),
            Value::List(..) => {
                out.push('[');
                for (index, item) in self.items(node).iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    self.show(*item, most, out);
                }
                out.push(']');
            }
            Value::Map(..) => {
                out.push('{');
                for (index, (key, _, value)) in self.entries(node).iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    out.push_str(self.str(*key));
                    out.push_str(": ");
                    self.show(*value, most, out);
                }
                out.push('}');
            }
            _ => out.push_str(self.scalar(node).unwrap_or_default()),
        }
    }

    fn push(&mut self, value: Value, hash: u64, refers: bool, from: Mark, to: Mark) -> Result<Node, (Mark, String)> {
        if self.nodes.len() >= MOST_NODES || self.texts.len() > u32::MAX as usize - MOST_BYTES {
            return Err((from, format!("more than {MOST_NODES} values; aliases copy what they name")));
        }
        self.nodes.push(Stored { value, hash, from, to, refers });
        Ok(Node(self.nodes.len() as u32 - 1))
    }

    fn leaf(&mut self, value: Value, from: Mark, to: Mark) -> Result<Node, (Mark, String)> {
        let hash = match value {
            Value::Null => mix(1),
            Value::Bool(is) => mix(2 + u64::from(is)),
            Value::Number(text) => match self.str(text).parse::<f64>() {
                // `1` and `1.0` are one number.
                Ok(number) if number.abs() < 9e15 => mix((number + 0.0).to_bits() ^ 0x5eed),
                _ => mix(u64::from(text.0) ^ (5 << 40)),
            },
            Value::String(text) => mix(u64::from(text.0) ^ (6 << 40)),
            Value::List(..) | Value::Map(..) => mix(0),
        };
        self.push(value, hash, false, from, to)
    }

    fn list(&mut self, items: &[Node], from: Mark, to: Mark) -> Result<Node, (Mark, String)> {
        let first = self.items.len() as u32;
        self.items.extend_from_slice(items);
        let hash = items.iter().fold(mix(7), |hash, item| mix(hash.rotate_left(5) ^ self.hash(*item)));
        let refers = items.iter().any(|item| self.refers(*item));
        self.push(Value::List(first, items.len() as u32), hash, refers, from, to)
    }

    fn map(&mut self, entries: &[(Text, Node, Node)], from: Mark, to: Mark) -> Result<Node, (Mark, String)> {
        if let Some(twice) = self.twice(entries) {
            let at = self.nodes[twice.1.0 as usize].from;
            return Err((at, format!("`{}` stands here for the second time", shorten(self.str(twice.0)))));
        }
        let first = self.entries.len() as u32;
        self.entries.extend_from_slice(entries);
        let one = |(key, _, value): &(Text, Node, Node)| mix(mix(u64::from(key.0)) ^ self.hash(*value).rotate_left(17));
        let hash = mix(entries.iter().fold(8, |hash: u64, entry| hash.wrapping_add(one(entry))));
        let refers = entries.iter().any(|(key, _, value)| Some(*key) == self.reference || self.refers(*value));
        self.push(Value::Map(first, entries.len() as u32), hash, refers, from, to)
    }

    fn twice(&self, entries: &[(Text, Node, Node)]) -> Option<(Text, Node)> {
        if entries.len() <= 12 {
            let mut all = entries.iter().enumerate();
            return all
                .find(|(at, entry)| entries[..*at].iter().any(|other| other.0 == entry.0))
                .map(|(_, e)| (e.0, e.1));
        }
        let state = foldhash::fast::RandomState::default();
        let mut seen = std::collections::HashSet::with_capacity_and_hasher(entries.len(), state);
        entries.iter().find(|entry| !seen.insert(entry.0)).map(|entry| (entry.0, entry.1))
    }
}

fn shorten(text: &str) -> String {
    crate::text::one_line(text, 60)
}

fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<(Forest, Node), String> {
        let mut forest = Forest::default();
        let root = forest.read(Side::Base, name, text.as_bytes()).map_err(|error| error.to_string())?;
        Ok((forest, root))
    }

    #[test]
    fn json_and_yaml_become_one_tree() {
        let mut forest = Forest::default();
        let json = br#"{"a": [1, true, null, "x\u00e9\n"], "b": {"c": 1.50}}"#;
        let yaml = "# hi\nb: {c: 1.5}\na: [1.0, true, ~, \"xé\\n\"]\n";
        let one = forest.read(Side::Base, "a.json", json).unwrap();
        let other = forest.read(Side::Revision, "a.yaml", yaml.as_bytes()).unwrap();
        assert!(forest.same(one, other), "{} {}", forest.shown(one, 99), forest.shown(other, 99));
        let place = forest.place(forest.get(other, "a").unwrap()).unwrap();
        assert_eq!((&*place.file, place.line, place.column), ("a.yaml", 3, 4));
        let place = forest.place(forest.key(one, "b").unwrap()).unwrap();
        assert_eq!((place.line, place.column), (1, 37));
    }

    #[test]
    fn words_of_yaml_1_1_are_strings_and_merge_keys_merge() {
        let (forest, root) = read("a.yaml", "a: &x {no: on, 200: y}\nb:\n  <<: *x\n  no: off\n").unwrap();
        assert_eq!(forest.shown(root, 99), "{a: {no: on, 200: y}, b: {no: off, 200: y}}");
    }

    #[test]
    fn what_two_readers_would_read_differently_is_refused() {
        assert_eq!(
            read("a.json", "{\"a\": 1,\n \"a\": 2}").err().unwrap(),
            "a.json:2:2: `a` stands here for the second time"
        );
        assert!(read("a.yaml", "a: 1\na: 2\n").err().unwrap().contains("second time"));
        for broken in ["{\"a\": 01}", "{\"a\" 1}", "[1,]", "{} {}", "\"\\ud800\"", "[", "{\"a\": tru}"] {
            assert!(read("a.json", &format!("[{broken}]")).is_err(), "{broken}");
        }
    }

    #[test]
    fn bombs_end_in_a_sentence() {
        let deep = "[".repeat(1_000_000);
        assert!(read("a.json", &deep).err().unwrap().contains("nested"));
        assert!(read("a.yaml", &format!("a: {deep}")).is_err());
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let below = format!("*a{}, ", level - 1).repeat(9);
            bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        assert!(read("a.yaml", &bomb).err().unwrap().contains("alias"));
    }
}
