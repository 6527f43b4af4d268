//! Terms: what several schemas demand together, with every reference followed and every `allOf` opened.
//!
//! However a schema is cut into references and branches, the same demands are the same set of atoms. A set is a number,
//! so that two terms are compared by comparing two numbers, and a circle of references is a finite graph of them.

use std::rc::Rc;

use super::{ANY, HashSet, Schemas, Term, Types, unreadable};
use crate::contracts::document::{Node, Value};

/// One demand of a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Atom {
    /// The keywords of one schema, those that open other schemas of the same value aside; or the schema `false`.
    Schema(Node),
    /// The `oneOf` of a schema.
    OneOf(Node),
    /// The `anyOf` of a schema.
    AnyOf(Node),
    /// Only these types: one case of several that are looked at one by one.
    Only(Types),
}

/// A demand on the value itself, or something that is said about it. Everything else is prose.
pub(super) fn means(key: &str) -> bool {
    matches!(
        key,
        "type"
            | "enum"
            | "const"
            | "nullable"
            | "x-nullable"
            | "format"
            | "pattern"
            | "minLength"
            | "maxLength"
            | "minimum"
            | "maximum"
            | "exclusiveMinimum"
            | "exclusiveMaximum"
            | "multipleOf"
            | "minItems"
            | "maxItems"
            | "uniqueItems"
            | "items"
            | "prefixItems"
            | "additionalItems"
            | "unevaluatedItems"
            | "contains"
            | "minContains"
            | "maxContains"
            | "properties"
            | "required"
            | "additionalProperties"
            | "patternProperties"
            | "propertyNames"
            | "unevaluatedProperties"
            | "minProperties"
            | "maxProperties"
            | "dependentRequired"
            | "dependentSchemas"
            | "dependencies"
            | "not"
            | "if"
            | "then"
            | "else"
            | "contentEncoding"
            | "contentMediaType"
            | "contentSchema"
            | "readOnly"
            | "writeOnly"
            | "default"
            | "deprecated"
            | "discriminator"
            | "x-extensible-enum"
    )
}

impl Schemas<'_> {
    /// The term of one schema.
    pub fn term(&mut self, node: Node) -> Term {
        if let Some(term) = self.by_node.get(&node) {
            return *term;
        }
        let term = self.opened(&[node]);
        self.by_node.insert(node, term);
        term
    }

    /// The term of several schemas that hold together; of none, any value.
    pub fn together(&mut self, nodes: &[Node]) -> Term {
        match nodes {
            [] => ANY,
            [one] => self.term(*one),
            several => self.opened(several),
        }
    }

    /// The term of schemas that were never asked for in this company.
    fn opened(&mut self, nodes: &[Node]) -> Term {
        let mut atoms = Vec::new();
        let (mut seen, mut open) = (HashSet::default(), nodes.to_vec());
        while let Some(node) = open.pop() {
            if seen.insert(node) {
                self.open_schema(node, &mut atoms, &mut open);
            }
        }
        self.intern(atoms)
    }

    fn open_schema(&mut self, node: Node, atoms: &mut Vec<Atom>, open: &mut Vec<Node>) {
        match self.forest.value(node) {
            Value::Bool(false) => return atoms.push(Atom::Schema(node)),
            Value::Bool(true) | Value::Null => return,
            Value::Map(..) => {}
            _ => {
                let what = "a schema is an object, `true` or `false`".to_string();
                return self.fails(unreadable(&self.forest, node, what));
            }
        }
        if let Some(at) = self.forest.get(node, "$ref").filter(|at| self.forest.string(*at).is_some()) {
            self.open_reference(at, open);
            if !self.dialect(node).siblings {
                return;
            }
        }
        let mut own = false;
        for at in 0..self.forest.entries(node).len() {
            let (key, _, value) = self.forest.entries(node)[at];
            match self.forest.str(key) {
                "$dynamicRef" | "$recursiveRef" => self.open_reference(value, open),
                "allOf" => open.extend_from_slice(self.forest.items(value)),
                key @ ("oneOf" | "anyOf") => match (&self.branches(value)[..], key) {
                    ([], _) => {}
                    ([one], _) => open.push(*one),
                    (_, "oneOf") => atoms.push(Atom::OneOf(node)),
                    _ => atoms.push(Atom::AnyOf(node)),
                },
                key => own |= means(key),
            }
        }
        if own {
            atoms.push(Atom::Schema(node));
        }
    }

    /// The branches of a group that allow anything at all; if none does, one of them.
    pub(super) fn branches(&self, list: Node) -> Vec<Node> {
        let all = self.forest.items(list);
        let some = all.iter().filter(|branch| self.forest.value(**branch) != Value::Bool(false));
        let some: Vec<Node> = some.copied().collect();
        if some.is_empty() { all.first().copied().into_iter().collect() } else { some }
    }

    fn open_reference(&mut self, at: Node, open: &mut Vec<Node>) {
        match self.refs.resolve(&mut self.forest, at) {
            Ok(target) => open.extend(target),
            Err(error) => self.fails(error),
        }
    }

    /// The number of a set of atoms.
    pub(super) fn intern(&mut self, mut atoms: Vec<Atom>) -> Term {
        atoms.sort_unstable();
        atoms.dedup();
        if let Some(term) = self.by_atoms.get(&atoms[..]) {
            return *term;
        }
        let term = Term(self.atoms.len() as u32);
        let atoms: Rc<[Atom]> = atoms.into();
        self.atoms.push(atoms.clone());
        self.views.push(None);
        self.by_atoms.insert(atoms, term);
        term
    }

    /// A term with one atom less and other terms' atoms more.
    pub(super) fn without(&mut self, term: Term, atom: Atom, with: &[Term]) -> Term {
        let kept = self.atoms[term.0 as usize].iter().copied().filter(|one| *one != atom);
        let mut atoms: Vec<Atom> = kept.collect();
        for other in with {
            atoms.extend_from_slice(&self.atoms[other.0 as usize]);
        }
        self.intern(atoms)
    }

    /// The part of a term that has one of these types.
    pub(super) fn only(&mut self, term: Term, types: Types) -> Term {
        let mut atoms = self.atoms[term.0 as usize].to_vec();
        atoms.push(Atom::Only(types));
        self.intern(atoms)
    }

    /// The schema at which a term can be shown: the first of its own, in the order of the document.
    pub fn anchor(&self, term: Term) -> Option<Node> {
        let nodes = self.atoms[term.0 as usize].iter().filter_map(|atom| match atom {
            Atom::Schema(node) | Atom::OneOf(node) | Atom::AnyOf(node) => Some(*node),
            Atom::Only(_) => None,
        });
        nodes.min()
    }
}
