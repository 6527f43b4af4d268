//! Lists: what their items may be, place by place.

use super::equations::{Formula, Mode};
use super::terms::Atom;
use super::view::{Items, View};
use super::{Schemas, Sure, Term, Types};
use crate::contracts::document::Node;

/// Places that are compared one by one.
const MOST_PLACES: usize = 1_000;

impl Schemas<'_> {
    /// What a schema says about items.
    pub(super) fn merge_items(&mut self, view: &mut View, node: Node) {
        let forest = &self.forest;
        let get = |key: &str| forest.get(node, key);
        let prefix = get("prefixItems").filter(|list| !forest.items(*list).is_empty());
        let items = get("items");
        let (first, rest, key) = match (prefix, items) {
            (Some(prefix), rest) => (forest.items(prefix), rest, Some("prefixItems")),
            (None, Some(list)) if !forest.items(list).is_empty() => {
                (forest.items(list), get("additionalItems"), Some("items"))
            }
            (None, rest) => (&[][..], rest, rest.map(|_| "items")),
        };
        if let Some(key) = key.and_then(|key| forest.key(node, key)) {
            let first = first.iter().map(|one| Some(*one)).collect();
            view.items.push(Items { first, rest, key, unevaluated: false });
        }
        let (Some(key), Some(rest)) = (forest.key(node, "unevaluatedItems"), get("unevaluatedItems")) else { return };
        if forest.is_true(rest) {
            return;
        }
        match self.evaluated(node, &["unevaluatedItems"]) {
            None => view.opaque.push(rest),
            Some(parts) => {
                let mut places = 0;
                for part in parts {
                    let forest = &self.forest;
                    let get = |key: &str| forest.get(part, key);
                    let prefix = get("prefixItems").map_or(0, |list| forest.items(list).len());
                    let items = get("items");
                    let listed = items.map_or(0, |list| forest.items(list).len());
                    // A schema for all the rest leaves nothing over; `contains` leaves over what it does not match.
                    if items.is_some() && listed == 0 || listed > 0 && get("additionalItems").is_some() {
                        return;
                    }
                    if get("contains").is_some() {
                        return view.opaque.push(rest);
                    }
                    places = places.max(prefix).max(listed);
                }
                view.items.push(Items { first: vec![None; places], rest: Some(rest), key, unevaluated: true });
            }
        }
    }

    /// The schemas whose keywords hold for the same value as this one's whatever the value is, references followed;
    /// `None` when which of them hold depends on the value.
    pub(super) fn evaluated(&mut self, node: Node, aside: &[&str]) -> Option<Vec<Node>> {
        let term = self.together(&[node]);
        let mut parts = Vec::new();
        for atom in self.atoms[term.0 as usize].iter().copied() {
            let Atom::Schema(part) = atom else { return None };
            const DEPEND: [&str; 5] = ["if", "dependentSchemas", "dependencies", "$dynamicRef", "$recursiveRef"];
            let depends = DEPEND.iter().any(|key| self.forest.get(part, key).is_some());
            let nested = part != node && aside.iter().any(|key| self.forest.get(part, key).is_some());
            if depends || nested || !self.forest.is_map(part) {
                return None;
            }
            parts.push(part);
        }
        Some(parts)
    }

    /// How many places at the beginning are spoken of.
    pub(super) fn places(view: &View) -> usize {
        view.items.iter().map(|items| items.first.len()).max().unwrap_or(0).min(MOST_PLACES)
    }

    /// What the item at a place must be.
    pub(super) fn item(&mut self, view: &View, place: usize) -> Term {
        let nodes: Vec<Node> =
            view.items.iter().filter_map(|items| items.first.get(place).copied().unwrap_or(items.rest)).collect();
        self.together(&nodes)
    }

    /// What the items behind all places that are spoken of must be.
    pub(super) fn other_items(&mut self, view: &View) -> Term {
        let nodes: Vec<Node> = view.items.iter().filter_map(|items| items.rest).collect();
        self.together(&nodes)
    }

    /// The most items that a list can have: because there is a limit, or because one of them cannot be anything.
    pub(super) fn longest(&mut self, view: &View) -> f64 {
        let most = view.max_items.map_or(f64::INFINITY, |limit| limit.at);
        for place in 0..Self::places(view) {
            if place as f64 >= most {
                return most;
            }
            let item = self.item(view, place);
            if self.is_empty(item) {
                return place as f64;
            }
        }
        let rest = self.other_items(view);
        if self.is_empty(rest) { most.min(Self::places(view) as f64) } else { most }
    }

    /// Lists of one schema as lists of another.
    pub(super) fn lists_included(&mut self, sub: &View, sup: &View, mode: Mode, all: &mut Vec<Formula>) {
        let longest = self.longest(sub);
        let least = sub.min_items.map_or(0.0, |limit| limit.at);
        if least > longest {
            return;
        }
        if sup.min_items.is_some_and(|limit| limit.at > least) {
            all.push(Formula::Is(Sure::No));
        }
        if sup.max_items.is_some_and(|limit| longest > limit.at) {
            all.push(Formula::Is(Sure::No));
        }
        if sup.unique.is_some() && sub.unique.is_none() && longest > 1.0 {
            all.push(Formula::Is(Sure::No));
        }
        let places = Self::places(sub).max(Self::places(sup));
        for place in 0..places {
            if (place as f64) < longest {
                let (a, b) = (self.item(sub, place), self.item(sup, place));
                all.push(self.includes(a, b, mode));
            }
        }
        if (places as f64) < longest {
            let (a, b) = (self.other_items(sub), self.other_items(sup));
            all.push(self.includes(a, b, mode));
        }
        for wanted in &sup.contains {
            let term = self.term(wanted.schema);
            if wanted.least > 0.0 {
                let mut any = vec![Formula::Is(Sure::No)];
                for had in &sub.contains {
                    if had.least >= wanted.least {
                        let had = self.term(had.schema);
                        any.push(self.includes(had, term, mode.strictly()));
                    }
                }
                if least >= wanted.least {
                    let mut every = Vec::new();
                    for place in 0..Self::places(sub) {
                        let item = self.item(sub, place);
                        every.push(self.includes(item, term, mode.strictly()));
                    }
                    let rest = self.other_items(sub);
                    every.push(self.includes(rest, term, mode.strictly()));
                    any.push(Formula::all(every));
                }
                all.push(Formula::any(any));
            }
            if let Some(most) = wanted.most.filter(|most| longest > *most) {
                let mut any = vec![Formula::Is(Sure::No)];
                for had in &sub.contains {
                    if had.most.is_some_and(|had| had <= most) {
                        let had = self.term(had.schema);
                        any.push(self.includes(term, had, mode.strictly()));
                    }
                }
                all.push(Formula::any(any));
            }
        }
    }

    /// Whether no value fulfils a term, as far as that is seen at once.
    pub(super) fn is_empty(&mut self, term: Term) -> bool {
        if let Some(known) = self.empty.get(&term) {
            return *known;
        }
        let empty = self.seems_empty(term, 3);
        self.empty.insert(term, empty);
        empty
    }

    fn is_empty_within(&mut self, term: Term, depth: u32) -> bool {
        // What is not seen with more steps is not seen with fewer.
        if self.empty.get(&term) == Some(&false) {
            return false;
        }
        if let Some(known) = self.empty_within.get(&(term, depth)) {
            return *known;
        }
        let empty = self.seems_empty(term, depth);
        self.empty_within.insert((term, depth), empty);
        empty
    }

    fn seems_empty(&mut self, term: Term, depth: u32) -> bool {
        let view = self.view(term);
        if view.is_nothing() {
            return true;
        }
        let mut left = view.types;
        let crossed = |low: Option<super::view::Limit>, high: Option<super::view::Limit>| {
            low.zip(high).is_some_and(|(low, high)| low.at > high.at || low.at == high.at && (low.open || high.open))
        };
        if crossed(view.least, view.most) {
            left = left.but(Types::NUMBER);
        }
        if crossed(view.min_length, view.max_length) {
            left = left.but(Types::STRING);
        }
        if crossed(view.min_items, view.max_items) {
            left = left.but(Types::ARRAY);
        }
        if crossed(view.min_properties, view.max_properties) {
            left = left.but(Types::OBJECT);
        }
        if depth > 0 && left.meets(Types::OBJECT) {
            for name in view.required.keys() {
                let property = self.property(&view, *name);
                if self.is_empty_within(property, depth - 1) {
                    left = left.but(Types::OBJECT);
                    break;
                }
            }
        }
        if left.is_empty() {
            return true;
        }
        // All the values that are left are of types that are gone.
        view.values.as_ref().is_some_and(|values| {
            let of = |value: &Node| super::values::type_of(&self.forest, *value);
            !view.or_null && !values.iter().any(|value| left.meets(of(value)))
        })
    }
}
