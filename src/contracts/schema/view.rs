//! A term as one schema: the keywords of all its atoms merged, so that two of them can be laid side by side.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::terms::Atom;
use super::{Schemas, Term, Types};
use crate::contracts::document::{Forest, Node, Text, Value};

/// A number that a keyword sets, and the keyword's place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Limit {
    pub(super) at: f64,
    /// The limit itself is not allowed.
    pub(super) open: bool,
    pub(super) key: Node,
}

/// A `oneOf` or an `anyOf`.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) one: bool,
    pub(super) atom: Atom,
    /// The schema that it stands in.
    pub(super) holder: Node,
    pub(super) list: Node,
    pub(super) branches: Vec<Node>,
}

/// What a schema says about the properties that it does not declare. Branches of an `allOf` know only their own.
#[derive(Clone, Debug)]
pub(super) struct Others {
    pub(super) names: Vec<Text>,
    pub(super) patterns: Vec<(Text, Node)>,
    pub(super) rest: Option<Node>,
    /// The keyword that says it.
    pub(super) key: Node,
    pub(super) unevaluated: bool,
}

/// What a schema says about the items of a list.
#[derive(Clone, Debug)]
pub(super) struct Items {
    pub(super) first: Vec<Option<Node>>,
    pub(super) rest: Option<Node>,
    pub(super) key: Node,
    pub(super) unevaluated: bool,
}

/// A `contains` with its limits.
#[derive(Clone, Debug)]
pub(super) struct Contains {
    pub(super) schema: Node,
    pub(super) least: f64,
    pub(super) most: Option<f64>,
    pub(super) holder: Node,
}

/// `if`, `then` and `else`.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) when: Node,
    pub(super) then: Option<Node>,
    pub(super) otherwise: Option<Node>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct View {
    /// The term that this is a view of.
    pub(super) whole: Term,
    pub(super) types: Types,
    /// The keyword `type` that says most about it.
    pub(super) type_key: Option<Node>,
    pub(super) values: Option<Vec<Node>>,
    pub(super) values_key: Option<Node>,
    /// The values were written as one `const`.
    pub(super) is_const: bool,
    /// A `nullable` beside an enumeration adds `null` to it.
    pub(super) or_null: bool,
    pub(super) least: Option<Limit>,
    pub(super) most: Option<Limit>,
    pub(super) multiples: Vec<Limit>,
    pub(super) min_length: Option<Limit>,
    pub(super) max_length: Option<Limit>,
    pub(super) patterns: Vec<(Text, Node)>,
    pub(super) formats: Vec<(Text, Node)>,
    pub(super) encodings: Vec<(Text, Node)>,
    pub(super) media_types: Vec<(Text, Node)>,
    pub(super) contents: Vec<Node>,
    pub(super) min_items: Option<Limit>,
    pub(super) max_items: Option<Limit>,
    pub(super) unique: Option<Node>,
    pub(super) items: Vec<Items>,
    pub(super) contains: Vec<Contains>,
    pub(super) min_properties: Option<Limit>,
    pub(super) max_properties: Option<Limit>,
    /// The entries that declare each property: key and schema.
    pub(super) properties: BTreeMap<Text, Vec<(Node, Node)>>,
    pub(super) others: Vec<Others>,
    pub(super) required: BTreeMap<Text, Node>,
    pub(super) names: Vec<(Node, Node)>,
    pub(super) dependent_required: BTreeMap<(Text, Text), Node>,
    pub(super) dependent_schemas: BTreeMap<Text, Vec<(Node, Node)>>,
    pub(super) nots: Vec<(Node, Node)>,
    pub(super) conditions: Vec<Condition>,
    pub(super) groups: Vec<Group>,
    /// What limits the values in a way that is compared by its words only.
    pub(super) opaque: Vec<Node>,
    pub(super) read_only: Option<Node>,
    pub(super) write_only: Option<Node>,
    pub(super) default: Option<(Node, Node)>,
    pub(super) deprecated: Option<Node>,
    pub(super) discriminator: Option<(Node, Node)>,
    pub(super) extensible: Option<(Node, Vec<Node>)>,
}

impl Default for Types {
    fn default() -> Self {
        Types::ANY
    }
}

impl View {
    /// Whether nothing is allowed, as far as the types tell.
    pub(super) fn is_nothing(&self) -> bool {
        self.types.is_empty() || self.values.as_ref().is_some_and(Vec::is_empty) && !self.or_null
    }

    /// Whether the keywords of this schema alone allow everything.
    pub(super) fn is_any(&self) -> bool {
        self.types == Types::ANY
            && self.values.is_none()
            && self.least.is_none()
            && self.most.is_none()
            && self.multiples.is_empty()
            && self.min_length.is_none()
            && self.max_length.is_none()
            && self.patterns.is_empty()
            && self.formats.is_empty()
            && self.encodings.is_empty()
            && self.media_types.is_empty()
            && self.contents.is_empty()
            && self.min_items.is_none()
            && self.max_items.is_none()
            && self.unique.is_none()
            && self.items.is_empty()
            && self.contains.is_empty()
            && self.min_properties.is_none()
            && self.max_properties.is_none()
            && self.properties.is_empty()
            && self.others.is_empty()
            && self.required.is_empty()
            && self.names.is_empty()
            && self.dependent_required.is_empty()
            && self.dependent_schemas.is_empty()
            && self.nots.is_empty()
            && self.conditions.is_empty()
            && self.groups.is_empty()
            && self.opaque.is_empty()
            && self.extensible.is_none()
    }
}

/// The higher of two lower limits, the lower of two upper ones.
fn tighter(slot: &mut Option<Limit>, new: Limit, lower: bool) {
    let wins = match slot {
        None => true,
        Some(old) if old.at == new.at => new.open && !old.open,
        Some(old) => (new.at > old.at) == lower,
    };
    if wins {
        *slot = Some(new);
    }
}

/// Keywords that are numbers.
const LIMITS: &[&str] = &[
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
];

/// The types that a `type` names, and whether it also names something else.
fn named_types(forest: &Forest, value: Node) -> (Types, bool) {
    let (mut types, mut odd) = (Types::NONE, false);
    let listed = forest.items(value);
    let all = if listed.is_empty() { std::slice::from_ref(&value) } else { listed };
    for one in all {
        match forest.string(*one) {
            Some("null") => types = types.or(Types::NULL),
            Some("boolean") => types = types.or(Types::BOOLEAN),
            Some("integer") => types = types.or(Types::INTEGER),
            Some("number") => types = types.or(Types::NUMBER),
            Some("string") => types = types.or(Types::STRING),
            Some("array") => types = types.or(Types::ARRAY),
            Some("object") => types = types.or(Types::OBJECT),
            _ => odd = true,
        }
    }
    (types, odd)
}

impl Schemas<'_> {
    /// The types of a schema that speaks of nothing else.
    fn only_types(&mut self, schema: Node) -> Option<Types> {
        let term = self.term(schema);
        let mut types = Types::ANY;
        for atom in &*self.atoms[term.0 as usize] {
            let Atom::Schema(node) = atom else { return None };
            let speaks = |name: Text| super::terms::means(self.forest.str(name));
            let means = self.forest.entries(*node).iter().filter(|(name, _, _)| speaks(*name)).count();
            let (named, odd) = named_types(&self.forest, self.forest.get(*node, "type")?);
            if odd || means > 1 {
                return None;
            }
            types = types.and(named);
        }
        (term != super::ANY).then_some(types)
    }

    /// A term as one schema.
    pub(super) fn view(&mut self, term: Term) -> Rc<View> {
        if let Some(view) = &self.views[term.0 as usize] {
            return view.clone();
        }
        let mut view = View { whole: term, ..View::default() };
        let atoms = self.atoms[term.0 as usize].clone();
        for atom in &*atoms {
            match *atom {
                Atom::Only(types) => view.types = view.types.and(types),
                Atom::OneOf(node) => view.groups.extend(self.group(node, true)),
                Atom::AnyOf(node) => view.groups.extend(self.group(node, false)),
                Atom::Schema(node) if self.forest.is_map(node) => self.merge(&mut view, node),
                Atom::Schema(node) => {
                    view.types = Types::NONE;
                    view.type_key.get_or_insert(node);
                }
            }
        }
        self.settle(&mut view);
        let view = Rc::new(view);
        self.views[term.0 as usize] = Some(view.clone());
        view
    }

    fn group(&self, holder: Node, one: bool) -> Option<Group> {
        let list = self.forest.get(holder, if one { "oneOf" } else { "anyOf" })?;
        let atom = if one { Atom::OneOf(holder) } else { Atom::AnyOf(holder) };
        Some(Group { one, atom, holder, list, branches: self.branches(list) })
    }

    fn merge(&mut self, view: &mut View, node: Node) {
        let entries = self.forest.entries(node).to_vec();
        let get = |forest: &Forest, key: &str| forest.get(node, key);
        let number = |forest: &Forest, key: &str| get(forest, key).and_then(|value| forest.number(value));
        let nullable = self.dialect(node).nullable
            && ["nullable", "x-nullable"]
                .iter()
                .any(|key| get(&self.forest, key).is_some_and(|is| self.forest.is_true(is)));
        self.spend(entries.len());
        for (name, key, value) in entries {
            let forest = &self.forest;
            let text = match forest.value(value) {
                Value::String(text) => Some(text),
                _ => None,
            };
            let limit = |open: bool| forest.number(value).map(|at| Limit { at, open, key });
            match forest.str(name) {
                "type" => {
                    let (mut types, odd) = named_types(forest, value);
                    if odd {
                        view.opaque.push(value);
                        continue;
                    }
                    if nullable {
                        types = types.or(Types::NULL);
                    }
                    view.types = view.types.and(types);
                    view.type_key = Some(key);
                }
                "enum" | "const" => {
                    let is_const = forest.str(name) == "const";
                    let mut values: Vec<Node> = if is_const { vec![value] } else { forest.items(value).to_vec() };
                    let mut seen = super::HashSet::default();
                    values.retain(|one| seen.insert(forest.hash(*one)));
                    let null = values.iter().any(|one| forest.value(*one) == Value::Null);
                    let or_null = nullable || null;
                    match &mut view.values {
                        None => (view.values, view.is_const, view.or_null) = (Some(values), is_const, or_null),
                        Some(old) => {
                            old.retain(|one| seen.contains(&forest.hash(*one)));
                            view.or_null &= or_null;
                        }
                    }
                    view.values_key = Some(key);
                }
                "x-extensible-enum" => view.extensible = Some((key, forest.items(value).to_vec())),
                "minimum" => {
                    let open = get(forest, "exclusiveMinimum").is_some_and(|is| forest.is_true(is));
                    limit(open).into_iter().for_each(|limit| tighter(&mut view.least, limit, true));
                }
                "maximum" => {
                    let open = get(forest, "exclusiveMaximum").is_some_and(|is| forest.is_true(is));
                    limit(open).into_iter().for_each(|limit| tighter(&mut view.most, limit, false));
                }
                "exclusiveMinimum" => {
                    limit(true).into_iter().for_each(|limit| tighter(&mut view.least, limit, true));
                }
                "exclusiveMaximum" => {
                    limit(true).into_iter().for_each(|limit| tighter(&mut view.most, limit, false));
                }
                "multipleOf" => view.multiples.extend(limit(false).filter(|limit| limit.at > 0.0)),
                "minLength" => limit(false).into_iter().for_each(|limit| tighter(&mut view.min_length, limit, true)),
                "maxLength" => limit(false).into_iter().for_each(|limit| tighter(&mut view.max_length, limit, false)),
                "minItems" => limit(false).into_iter().for_each(|limit| tighter(&mut view.min_items, limit, true)),
                "maxItems" => limit(false).into_iter().for_each(|limit| tighter(&mut view.max_items, limit, false)),
                "minProperties" => {
                    limit(false).into_iter().for_each(|limit| tighter(&mut view.min_properties, limit, true));
                }
                "maxProperties" => {
                    limit(false).into_iter().for_each(|limit| tighter(&mut view.max_properties, limit, false));
                }
                "pattern" => view.patterns.extend(text.map(|text| (text, key))),
                "format" => view.formats.extend(text.map(|text| (text, key))),
                "contentEncoding" => view.encodings.extend(text.map(|text| (text, key))),
                "contentMediaType" => view.media_types.extend(text.map(|text| (text, key))),
                "contentSchema" => view.contents.push(value),
                "uniqueItems" if forest.is_true(value) => view.unique = Some(key),
                "contains" => view.contains.push(Contains {
                    schema: value,
                    least: number(forest, "minContains").unwrap_or(1.0),
                    most: number(forest, "maxContains"),
                    holder: node,
                }),
                "properties" => {
                    for (name, key, value) in forest.entries(value) {
                        view.properties.entry(*name).or_default().push((*key, *value));
                    }
                }
                "required" => {
                    for item in forest.items(value) {
                        if let Value::String(name) = forest.value(*item) {
                            view.required.entry(name).or_insert(*item);
                        }
                    }
                }
                "propertyNames" => view.names.push((key, value)),
                "dependentRequired" | "dependencies" => {
                    for (name, key, value) in forest.entries(value).to_vec() {
                        if matches!(self.forest.value(value), Value::Map(..) | Value::Bool(_)) {
                            view.dependent_schemas.entry(name).or_default().push((key, value));
                        }
                        for item in self.forest.items(value).to_vec() {
                            if let Value::String(other) = self.forest.value(item) {
                                view.dependent_required.insert((name, other), item);
                            }
                        }
                    }
                }
                "dependentSchemas" => {
                    for (name, key, value) in forest.entries(value) {
                        view.dependent_schemas.entry(*name).or_default().push((*key, *value));
                    }
                }
                "not" => match self.only_types(value) {
                    Some(types) => {
                        view.types = view.types.but(types);
                        view.type_key.get_or_insert(key);
                    }
                    None => view.nots.push((key, value)),
                },
                "if" => {
                    let (then, otherwise) = (get(forest, "then"), get(forest, "else"));
                    if then.is_some() || otherwise.is_some() {
                        view.conditions.push(Condition { when: value, then, otherwise });
                    }
                }
                "readOnly" if forest.is_true(value) => view.read_only = Some(key),
                "writeOnly" if forest.is_true(value) => view.write_only = Some(key),
                "deprecated" if forest.is_true(value) => view.deprecated = Some(key),
                "default" => view.default = Some((key, value)),
                "discriminator" => view.discriminator = Some((key, value)),
                _ => {}
            }
            // What is written in a way that nobody reads is not passed over: it is compared by its words.
            let forest = &self.forest;
            let limits = LIMITS.contains(&forest.str(name));
            if limits && forest.number(value).is_none() && !matches!(forest.value(value), Value::Bool(_)) {
                view.opaque.push(value);
            }
        }
        self.merge_others(view, node);
        self.merge_items(view, node);
    }

    /// Numbers as they are meant: limits of whole numbers are whole, and what every value fulfils is no limit.
    fn settle(&mut self, view: &mut View) {
        if !view.types.meets(Types::FRACTION) {
            for (limit, up) in [(&mut view.least, true), (&mut view.most, false)] {
                let Some(limit) = limit else { continue };
                let whole = if up { limit.at.ceil() } else { limit.at.floor() };
                // `> 2.5` is `>= 3`, `> 3` is `>= 4`.
                let step = if up { 1.0 } else { -1.0 };
                limit.at = if limit.open && whole == limit.at { whole + step } else { whole };
                limit.open = false;
            }
        }
        for slot in [&mut view.min_length, &mut view.min_items, &mut view.min_properties] {
            *slot = slot.filter(|limit| limit.at > 0.0);
        }
        view.patterns.retain(|(text, _)| !super::scalars::matches_everything(self.forest.str(*text)));
        for list in [&mut view.patterns, &mut view.formats, &mut view.encodings, &mut view.media_types] {
            list.sort_unstable();
            list.dedup_by_key(|(text, _)| *text);
        }
        if let Some(values) = &mut view.values {
            let types = view.types;
            values.retain(|value| types.meets(super::values::type_of(&self.forest, *value)));
            view.or_null &= types.meets(Types::NULL);
            let null = values.iter().any(|value| self.forest.value(*value) == Value::Null);
            view.or_null &= !null;
        }
    }
}
