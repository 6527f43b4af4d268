//! Where a `$ref` leads: into the same file, into another file of the same side's tree, or nowhere.
//!
//! The text of a reference comes from a stranger. No address is ever fetched and nothing above the root of the tree is
//! ever read; what cannot be followed is an error with a place, because a comparison that passes over a part of a
//! document would call it unchanged. References may run in circles: this file takes one step at a time, and whoever
//! walks keeps count.
//!
//! Pointers: RFC 6901. `$id`, `$anchor`: <https://json-schema.org/draft/2020-12/json-schema-core#section-8.2>.

use super::document::{Forest, Node, Text, Value};
use super::{Side, Tree, Unreadable};

/// References that are followed one after the other before anything else is found.
const LONGEST_CHAIN: usize = 64;
/// Objects with more entries than this are indexed.
const MANY: usize = 32;
/// Files of a tree that are opened in search of an `$id`.
const MOST_SEARCHED: usize = 64;

/// Keys are mostly small numbers of our own; the seed is another one in every run.
type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::quality::RandomState>;

/// The references of both sides.
pub struct Refs<'a> {
    base: &'a dyn Tree,
    revision: &'a dyn Tree,
    found: HashMap<(Node, Node, Text), Result<Option<Node>, Unreadable>>,
    names: HashMap<Node, Text>,
    files: HashMap<Node, Index>,
    /// Whether a file is written in a draft in which `id` is an address.
    dated: HashMap<Node, bool>,
    identified: HashMap<(Side, String), Node>,
    /// The entries of large objects, by name.
    entries: HashMap<Node, HashMap<Text, Node>>,
}

/// What a file says about its own addresses.
#[derive(Default)]
struct Index {
    /// The resource that a node's references start from, where it is not the file itself.
    within: HashMap<Node, Node>,
    /// The address of each resource.
    addresses: HashMap<Node, String>,
    anchors: HashMap<(Node, String), Node>,
}

impl<'a> Refs<'a> {
    /// References within these trees.
    pub fn new(base: &'a dyn Tree, revision: &'a dyn Tree) -> Self {
        Refs {
            base,
            revision,
            found: HashMap::default(),
            names: HashMap::default(),
            files: HashMap::default(),
            dated: HashMap::default(),
            identified: HashMap::default(),
            entries: HashMap::default(),
        }
    }

    /// Reads a file of a side's tree into the forest and gives its root.
    ///
    /// # Errors
    /// When there is no such file, or it cannot be read.
    pub fn open(&mut self, forest: &mut Forest, side: Side, path: &str) -> Result<Node, Unreadable> {
        let tree = self.tree(side);
        let absent = || Unreadable { side, file: path.into(), line: 1, column: 1, what: "is not there".into() };
        let bytes = tree.read(path).ok_or_else(absent)?;
        forest.read(side, path, &bytes)
    }

    /// Where the reference whose text is `at` leads. `None` is a meta-schema of JSON Schema, which everybody knows and
    /// which never changes.
    ///
    /// # Errors
    /// When it leads to an address, above the root of the tree, or to nothing.
    pub fn resolve(&mut self, forest: &mut Forest, at: Node) -> Result<Option<Node>, Unreadable> {
        let Value::String(text) = forest.value(at) else {
            return Err(fail(forest, at, "`$ref` is not a text".into()));
        };
        let root = forest.root(at).unwrap_or(at);
        let start = self.within(forest, root, at);
        let key = (root, start, text);
        if let Some(found) = self.found.get(&key) {
            return found.clone();
        }
        let found = self.find(forest, at, root, start, text);
        if let Ok(Some(target)) = &found {
            self.names.entry(*target).or_insert(text);
        }
        self.found.insert(key, found.clone());
        found
    }

    /// The node behind a node's `$ref`, over any number of steps; the node itself when it has none.
    ///
    /// # Errors
    /// As [`Refs::resolve`], and when the references run in a circle without ever meeting anything.
    pub fn follow(&mut self, forest: &mut Forest, node: Node) -> Result<Node, Unreadable> {
        let mut here = node;
        for _ in 0..LONGEST_CHAIN {
            let Some(at) = forest.get(here, "$ref").filter(|at| forest.string(*at).is_some()) else { return Ok(here) };
            match self.resolve(forest, at)? {
                Some(next) => here = next,
                None => return Ok(here),
            }
        }
        Err(fail(forest, node, "`$ref` leads in a circle".into()))
    }

    /// The text by which a node was first referred to: `#/components/schemas/Pet`. `None` for what nothing refers to.
    pub fn name<'f>(&self, forest: &'f Forest, node: Node) -> Option<&'f str> {
        self.names.get(&node).map(|text| forest.str(*text))
    }

    fn tree(&self, side: Side) -> &'a dyn Tree {
        match side {
            Side::Base => self.base,
            Side::Revision => self.revision,
        }
    }

    /// The resource in which a reference stands: the file, unless something around it has an `$id` of its own.
    fn within(&mut self, forest: &Forest, root: Node, at: Node) -> Node {
        if !self.has_addresses(forest, root) {
            return root;
        }
        self.index(forest, root).within.get(&at).copied().unwrap_or(root)
    }

    /// Whether something in a file may have an address of its own. Most files have none, and are not searched for any.
    fn has_addresses(&mut self, forest: &Forest, root: Node) -> bool {
        forest.knows("$id") || forest.knows("id") && *self.dated.entry(root).or_insert_with(|| is_dated(forest, root))
    }

    fn index(&mut self, forest: &Forest, root: Node) -> &Index {
        if !self.files.contains_key(&root) {
            let index = Index::of(forest, root);
            let side = forest.source(root).map_or(Side::Base, |(side, _)| side);
            for (node, address) in &index.addresses {
                self.identified.entry((side, address.clone())).or_insert(*node);
            }
            self.files.insert(root, index);
        }
        &self.files[&root]
    }

    fn find(
        &mut self,
        forest: &mut Forest,
        at: Node,
        root: Node,
        start: Node,
        text: Text,
    ) -> Result<Option<Node>, Unreadable> {
        let text = forest.str(text).to_string();
        let (address, fragment) = text.split_once('#').unwrap_or((&text, ""));
        let resource = match address {
            "" => start,
            address => match self.resource(forest, at, root, start, address)? {
                Some(resource) => resource,
                None => return Ok(None),
            },
        };
        let Some(fragment) = decoded(fragment) else {
            return Err(fail(forest, at, format!("`$ref` to `{}` is not written as an address", short(&text))));
        };
        if fragment.is_empty() {
            return Ok(Some(resource));
        }
        if !fragment.starts_with('/') {
            let file = forest.root(resource).unwrap_or(resource);
            let anchor = (resource, fragment);
            let found = self.index(forest, file).anchors.get(&anchor).copied();
            let nothing = || fail(forest, at, format!("`$ref` to `{}`: there is no such anchor", short(&text)));
            return found.map(Some).ok_or_else(nothing);
        }
        self.pointer(forest, at, resource, &fragment, &text).map(Some)
    }

    fn pointer(
        &mut self,
        forest: &mut Forest,
        at: Node,
        start: Node,
        pointer: &str,
        text: &str,
    ) -> Result<Node, Unreadable> {
        let mut here = start;
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            let mut next = self.child(forest, here, &part);
            // A part of a document may itself stand elsewhere.
            let mut steps = 0;
            while next.is_none() && steps < LONGEST_CHAIN {
                let Some(reference) = forest.get(here, "$ref").filter(|node| *node != at) else { break };
                if forest.same(reference, at) {
                    break;
                }
                let other = forest.string(reference).map(str::to_string).unwrap_or_default();
                // Only plain pointers, so that a circle of pointers through each other ends.
                let Some(inner) = other.strip_prefix('#').filter(|inner| inner.starts_with('/')) else { break };
                let root = forest.root(here).unwrap_or(here);
                let Some(target) = decoded(inner).and_then(|inner| plain(forest, root, &inner)) else { break };
                here = target;
                next = self.child(forest, here, &part);
                steps += 1;
            }
            let nothing = || format!("`$ref` to `{}` leads to nothing: there is no `{}`", short(text), short(&part));
            here = next.ok_or_else(|| fail(forest, at, nothing()))?;
        }
        Ok(here)
    }

    /// One step of a pointer. Thousands of definitions in one object are looked up thousands of times.
    fn child(&mut self, forest: &Forest, node: Node, step: &str) -> Option<Node> {
        if forest.entries(node).len() < MANY {
            return forest.child(node, step);
        }
        let entries = self
            .entries
            .entry(node)
            .or_insert_with(|| forest.entries(node).iter().map(|(name, _, value)| (*name, *value)).collect());
        entries.get(&forest.known(step)?).copied()
    }

    /// The root of what an address names; `None` for a meta-schema.
    fn resource(
        &mut self,
        forest: &mut Forest,
        at: Node,
        root: Node,
        start: Node,
        address: &str,
    ) -> Result<Option<Node>, Unreadable> {
        let (side, file) = match forest.source(at) {
            Some((side, file)) => (side, file.to_string()),
            None => (Side::Base, String::new()),
        };
        let near = match self.has_addresses(forest, root) {
            true => self.index(forest, root).addresses.get(&start).cloned(),
            false => None,
        };
        let full = near.as_deref().map_or_else(|| address.to_string(), |near| joined(near, address));
        if let Some(node) = self.identified.get(&(side, full.clone())) {
            return Ok(Some(*node));
        }
        if is_meta_schema(&full) {
            return Ok(None);
        }
        let is_address = address.contains(':') || address.starts_with(['/', '\\']);
        if !is_address {
            let Some(path) = decoded(address).and_then(|address| beside(&file, &address)) else {
                let what = format!("`$ref` to `{}` leads out of the repository, which is never read", short(address));
                return Err(fail(forest, at, what));
            };
            if self.tree(side).read(&path).is_some() {
                return self.open(forest, side, &path).map(Some);
            }
        }
        if full.contains(':')
            && let Some(found) = self.search(forest, side, &full)?
        {
            return Ok(Some(found));
        }
        Err(fail(
            forest,
            at,
            match is_address {
                true => format!(
                    "`$ref` leads to `{}`, which is never fetched: keep the file in the repository and refer to it \
                     by its path",
                    short(address)
                ),
                false => format!("`$ref` to `{}` leads to nothing: there is no such file", short(address)),
            },
        ))
    }

    /// The file of the tree that calls itself by an address: it must also be named like it.
    fn search(&mut self, forest: &mut Forest, side: Side, address: &str) -> Result<Option<Node>, Unreadable> {
        let last = address.rsplit('/').next().unwrap_or_default();
        let stem = last.split('.').next().unwrap_or_default();
        if stem.is_empty() {
            return Ok(None);
        }
        let named = |path: &String| {
            let file = path.rsplit('/').next().unwrap_or_default();
            file.split('.').next() == Some(stem)
                && [".json", ".yaml", ".yml"].iter().any(|ending| file.ends_with(ending))
        };
        let paths: Vec<String> = self.tree(side).paths().into_iter().filter(named).take(MOST_SEARCHED).collect();
        for path in paths {
            let Ok(root) = self.open(forest, side, &path) else { continue };
            self.index(forest, root);
            if let Some(node) = self.identified.get(&(side, address.to_string())) {
                return Ok(Some(*node));
            }
        }
        Ok(None)
    }
}

impl Index {
    fn of(forest: &Forest, root: Node) -> Index {
        let mut index = Index::default();
        let old = is_dated(forest, root);
        let mut open = vec![(root, root)];
        while let Some((node, mut resource)) = open.pop() {
            let text = |key: &str| forest.get(node, key).and_then(|value| forest.string(value));
            let id = text("$id").or_else(|| text("id").filter(|_| old));
            if let Some(id) = id {
                let (address, anchor) = id.split_once('#').unwrap_or((id, ""));
                if !address.is_empty() {
                    let around = index.addresses.get(&resource).cloned().unwrap_or_default();
                    index.addresses.insert(node, joined(&around, address));
                    resource = node;
                }
                if !anchor.is_empty() {
                    index.anchors.insert((resource, anchor.to_string()), node);
                }
            }
            for key in ["$anchor", "$dynamicAnchor"] {
                if let Some(anchor) = text(key) {
                    index.anchors.insert((resource, anchor.to_string()), node);
                }
            }
            for (key, _, value) in forest.entries(node) {
                let key = forest.str(*key);
                // What is a value and no schema has no address.
                if matches!(key, "enum" | "const" | "default" | "example" | "examples") {
                    continue;
                }
                if resource != root && matches!(key, "$ref" | "$dynamicRef" | "$recursiveRef") {
                    index.within.insert(*value, resource);
                }
                open.push((*value, resource));
            }
            open.extend(forest.items(node).iter().map(|item| (*item, resource)));
        }
        index
    }
}

/// Whether a file says that it is written in a draft in which `id` is what `$id` is later.
fn is_dated(forest: &Forest, root: Node) -> bool {
    let schema = forest.get(root, "$schema").and_then(|node| forest.string(node));
    schema.is_some_and(|schema| schema.contains("draft-04") || schema.contains("draft-03"))
}

fn plain(forest: &Forest, root: Node, pointer: &str) -> Option<Node> {
    let parts = pointer.split('/').skip(1);
    parts.map(|part| part.replace("~1", "/").replace("~0", "~")).try_fold(root, |node, part| forest.child(node, &part))
}

fn fail(forest: &Forest, at: Node, what: String) -> Unreadable {
    let (side, file) = forest.source(at).unwrap_or((Side::Base, ""));
    let place = forest.place(at);
    let (line, column) = place.map_or((1, 1), |place| (place.line, place.column));
    Unreadable { side, file: file.into(), line, column, what }
}

fn short(text: &str) -> String {
    crate::text::one_line(text, 80)
}

/// `%7B` as `{`; `None` when what is behind a `%` is no byte, or all of it no UTF-8.
fn decoded(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_string());
    }
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while at < bytes.len() {
        if bytes[at] == b'%' {
            let hex = text.get(at + 1..at + 3)?;
            out.push(u8::from_str_radix(hex, 16).ok()?);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(out).ok()
}

/// A path as it is meant in a file; `None` when it leads above the root.
fn beside(file: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!path.contains(['\\', '\0'])).then(|| parts.join("/"))
}

/// An address as it is meant at another one. Addresses are names here, nothing more: they need to be equal or not.
fn joined(base: &str, address: &str) -> String {
    if address.contains(':') {
        return address.to_string();
    }
    let scheme = base.find("//").map_or(0, |at| at + 2);
    let host = base[scheme..].find('/').map_or(base.len(), |at| scheme + at);
    if address.starts_with('/') {
        return format!("{}{address}", &base[..host]);
    }
    let folder = base.rfind('/').filter(|at| *at >= host).map_or("", |at| &base[host..at]);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in address.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    match base.is_empty() {
        true => parts.join("/"),
        false => format!("{}/{}", &base[..host], parts.join("/")),
    }
}

fn is_meta_schema(address: &str) -> bool {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://")).unwrap_or_default();
    rest.starts_with("json-schema.org/draft") && !rest.contains("..")
}
