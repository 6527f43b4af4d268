//! What changed in one pair of terms, keyword by keyword.

use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;

use super::equations::{Mode, Way};
use super::facts::{Inside, lacks};
use super::scalars::{concerns, format_included, is_multiple};
use super::view::{Limit, View};
use super::{ANY, Direction, Edge, Fact, Schemas, Step, Subject, Sure, Term, Types, Verb};
use crate::contracts::document::{Node, Text, Value};

/// The longest value that a fact shows, in characters.
const SHOWN: usize = 60;

/// A pair while it is looked at.
pub(super) struct Change {
    pub(super) a: Rc<View>,
    pub(super) b: Rc<View>,
    pub(super) direction: Direction,
    pub(super) shown: [Option<Node>; 2],
    pub(super) narrows: Sure,
    pub(super) widens: Sure,
    pub(super) facts: Vec<Fact>,
    pub(super) edges: Vec<Edge>,
}

impl Change {
    /// Says something, as bad as the pair as a whole makes it.
    pub(super) fn say(&mut self, subject: Subject, verb: Verb, [narrows, widens]: [Sure; 2]) -> &mut Fact {
        self.facts.push(Fact {
            subject,
            verb,
            narrows: narrows.min(self.narrows),
            widens: widens.min(self.widens),
            name: None,
            exclusive: [false; 2],
            before: None,
            after: None,
            base: self.shown[0],
            revision: self.shown[1],
        });
        let last = self.facts.len() - 1;
        &mut self.facts[last]
    }
}

impl Fact {
    pub(super) fn named(&mut self, name: impl Into<String>) -> &mut Fact {
        self.name = Some(name.into());
        self
    }

    pub(super) fn moving(&mut self, before: Option<String>, after: Option<String>) -> &mut Fact {
        (self.before, self.after) = (before, after);
        self
    }

    pub(super) fn at(&mut self, base: Option<Node>, revision: Option<Node>) -> &mut Fact {
        self.base = base.or(self.base);
        self.revision = revision.or(self.revision);
        self
    }
}

/// What came narrows, what went widens.
pub(super) const ADDED: [Sure; 2] = [Sure::Yes, Sure::No];
pub(super) const REMOVED: [Sure; 2] = [Sure::No, Sure::Yes];
const HARMLESS: [Sure; 2] = [Sure::No, Sure::No];

impl Schemas<'_> {
    /// All that changed in a pair.
    pub(super) fn collect(&mut self, change: &mut Change) {
        self.remarks(change);
        if !self.is_wrapped(change) {
            self.keywords_changed(change);
        }
        let keeps = |fact: &Fact| {
            use Subject::*;
            let remark = matches!(
                fact.subject,
                Property
                    | RequiredProperty
                    | Default
                    | ReadOnly
                    | WriteOnly
                    | Deprecated
                    | Discriminator
                    | DiscriminatorMapping
                    | ExtensibleEnumValue
            );
            remark || fact.narrows != Sure::No || fact.widens != Sure::No
        };
        change.facts.retain(keeps);
    }

    fn keywords_changed(&mut self, change: &mut Change) {
        let shared = self.type_changed(change);
        self.values_changed(change, shared);
        if shared.meets(Types::NUMBER) {
            self.numbers_changed(change);
        }
        if shared.meets(Types::STRING) {
            self.texts_changed(change);
        }
        self.formats_changed(change, shared);
        if shared.meets(Types::ARRAY) {
            self.lists_changed(change);
        }
        if shared.meets(Types::OBJECT) {
            self.objects_changed(change);
        }
        self.forbidden_changed(change);
        self.conditions_changed(change);
        self.groups_changed(change);
    }

    /// An edge to what stands inside, unless it is the same.
    pub(super) fn go(&mut self, change: &mut Change, inside: Inside) {
        let [base, revision] = inside.terms;
        if base == revision {
            return;
        }
        let shown = [inside.shown[0].or(change.shown[0]), inside.shown[1].or(change.shown[1])];
        let to = self.pair(base, revision, change.direction, shown);
        change.edges.push(Edge { step: inside.step, to });
    }

    pub(super) fn show(&self, node: Node) -> Option<String> {
        Some(self.forest.shown(node, SHOWN))
    }

    fn text(&self, text: Text) -> String {
        crate::text::one_line(self.forest.str(text), SHOWN)
    }

    /// The types that a schema speaks of: by `type`, by its values, or by its branches.
    fn spoken_types(&mut self, view: &View, other: &View) -> Types {
        let by_branches = !view.groups.is_empty() && other.groups.is_empty();
        if by_branches || view.type_key.is_none() && view.values.is_some() {
            return self.types_of(view.whole);
        }
        view.types
    }

    /// The types that both sides allow.
    fn type_changed(&mut self, change: &mut Change) -> Types {
        let (a, b) = (change.a.clone(), change.b.clone());
        let (old, new) = (self.spoken_types(&a, &b), self.spoken_types(&b, &a));
        let (lost, gained) = (old.but(new), new.but(old));
        let (lost_most, gained_most) = (lost.but(Types::NULL), gained.but(Types::NULL));
        let shown = (Some(old.names()), Some(new.names()));
        if !lost_most.is_empty() || !gained_most.is_empty() {
            let (narrows, widens) = (!lost_most.is_empty(), !gained_most.is_empty());
            let verb = match (narrows, widens) {
                (true, true) => Verb::Changed,
                (true, false) => Verb::Narrowed,
                _ => Verb::Widened,
            };
            let sure = |is: bool| if is { Sure::Yes } else { Sure::No };
            let fact = change.say(Subject::Type, verb, [sure(narrows), sure(widens)]);
            fact.moving(shown.0.clone(), shown.1.clone()).at(a.type_key, b.type_key);
        }
        let null_key = |view: &View, schemas: &Self| {
            let holder = schemas.anchor(view.whole)?;
            schemas.forest.key(holder, "nullable").or(schemas.forest.key(holder, "x-nullable")).or(view.type_key)
        };
        let places = (null_key(&a, self), null_key(&b, self));
        if lost.meets(Types::NULL) && lost_most.is_empty() {
            change.say(Subject::Nullable, Verb::Removed, ADDED).moving(shown.0, shown.1).at(places.0, places.1);
        } else if gained.meets(Types::NULL) && gained_most.is_empty() {
            change.say(Subject::Nullable, Verb::Added, REMOVED).moving(shown.0, shown.1).at(places.0, places.1);
        }
        old.and(new)
    }

    fn values_changed(&mut self, change: &mut Change, shared: Types) {
        let (a, b) = (change.a.clone(), change.b.clone());
        let listed = |view: &View, schemas: &Self| {
            let values = view.values.iter().flatten();
            let all: Vec<String> = values.take(20).map(|value| schemas.forest.shown(*value, SHOWN)).collect();
            crate::text::shorten(&all.join(", "), 2 * SHOWN).into_owned()
        };
        let subject = |view: &View| if view.is_const { Subject::Const } else { Subject::Enum };
        match (&a.values, &b.values) {
            (None, None) => {}
            (None, Some(_)) => {
                let after = Some(listed(&b, self));
                change.say(subject(&b), Verb::Added, ADDED).moving(None, after).at(None, b.values_key);
            }
            (Some(_), None) => {
                let before = Some(listed(&a, self));
                change.say(subject(&a), Verb::Removed, REMOVED).moving(before, None).at(a.values_key, None);
            }
            (Some(_), Some(_)) if a.is_const && b.is_const => {
                let (before, after) = (Some(listed(&a, self)), Some(listed(&b, self)));
                if before != after || change.narrows != Sure::No {
                    let fact = change.say(Subject::Const, Verb::Changed, [Sure::Yes, Sure::Yes]);
                    fact.moving(before, after).at(a.values_key, b.values_key);
                }
            }
            (Some(old), Some(new)) => {
                let hashes =
                    |values: &[Node]| values.iter().map(|one| self.forest.hash(*one)).collect::<HashSet<u64>>();
                let (had, has) = (hashes(old), hashes(new));
                let null = |node: Node| self.forest.value(node) == Value::Null && !shared.meets(Types::NULL);
                let lost = old.iter().filter(|one| !has.contains(&self.forest.hash(**one)) && !null(**one));
                let gained = new.iter().filter(|one| !had.contains(&self.forest.hash(**one)) && !null(**one));
                let (lost, gained): (Vec<Node>, Vec<Node>) = (lost.copied().collect(), gained.copied().collect());
                for value in lost {
                    let name = self.forest.shown(value, SHOWN);
                    let fact = change.say(Subject::EnumValue, Verb::Removed, ADDED).named(name.clone());
                    fact.moving(Some(name), None).at(Some(value), b.values_key);
                }
                for value in gained {
                    let name = self.forest.shown(value, SHOWN);
                    let fact = change.say(Subject::EnumValue, Verb::Added, REMOVED).named(name.clone());
                    fact.moving(None, Some(name)).at(a.values_key, Some(value));
                }
            }
        }
    }

    /// A limit that came, went or moved. A lower limit narrows when it grows, an upper one when it shrinks.
    fn limit_changed(&mut self, change: &mut Change, subject: Subject, limits: [Option<Limit>; 2], lower: bool) {
        let shown = |limit: Option<Limit>| limit.map(|limit| number(limit.at));
        let (verb, sure) = match limits {
            [None, None] => return,
            [None, Some(_)] => (Verb::Added, ADDED),
            [Some(_), None] => (Verb::Removed, REMOVED),
            [Some(old), Some(new)] if old.at == new.at && old.open == new.open => return,
            [Some(old), Some(new)] if old.at == new.at => (Verb::Changed, if new.open { ADDED } else { REMOVED }),
            [Some(old), Some(new)] => {
                let grows = new.at > old.at;
                (if grows { Verb::Increased } else { Verb::Decreased }, if grows == lower { ADDED } else { REMOVED })
            }
        };
        let fact = change.say(subject, verb, sure);
        fact.exclusive = limits.map(|limit| limit.is_some_and(|limit| limit.open));
        let keys = limits.map(|limit| limit.map(|limit| limit.key));
        fact.moving(shown(limits[0]), shown(limits[1])).at(keys[0], keys[1]);
    }

    fn numbers_changed(&mut self, change: &mut Change) {
        let (a, b) = (change.a.clone(), change.b.clone());
        self.limit_changed(change, Subject::Minimum, [a.least, b.least], true);
        self.limit_changed(change, Subject::Maximum, [a.most, b.most], false);
        let first = |view: &View| view.multiples.first().copied();
        let (old, new) = (first(&a), first(&b));
        let covered =
            |of: &[Limit], by: &[Limit]| of.iter().all(|one| by.iter().any(|two| is_multiple(two.at, one.at)));
        let narrows = if covered(&b.multiples, &a.multiples) { Sure::No } else { Sure::Yes };
        let widens = if covered(&a.multiples, &b.multiples) { Sure::No } else { Sure::Yes };
        let verb = match (old, new) {
            (None, None) => return,
            (None, Some(_)) => Verb::Added,
            (Some(_), None) => Verb::Removed,
            _ => Verb::Changed,
        };
        let shown = |limit: Option<Limit>| limit.map(|limit| number(limit.at));
        let fact = change.say(Subject::MultipleOf, verb, [narrows, widens]);
        fact.moving(shown(old), shown(new)).at(old.map(|limit| limit.key), new.map(|limit| limit.key));
    }

    fn texts_changed(&mut self, change: &mut Change) {
        let (a, b) = (change.a.clone(), change.b.clone());
        self.limit_changed(change, Subject::MinLength, [a.min_length, b.min_length], true);
        self.limit_changed(change, Subject::MaxLength, [a.max_length, b.max_length], false);
        let maybe = [Sure::Maybe, Sure::Maybe];
        self.words_changed(change, Subject::Pattern, [&a.patterns, &b.patterns], |_, _| maybe);
        let other = [Sure::Yes, Sure::Yes];
        self.words_changed(change, Subject::ContentEncoding, [&a.encodings, &b.encodings], |_, _| other);
        self.words_changed(change, Subject::ContentMediaType, [&a.media_types, &b.media_types], |_, _| other);
        match (&a.contents[..], &b.contents[..]) {
            ([], []) => {}
            ([], [new, ..]) => {
                change.say(Subject::ContentSchema, Verb::Added, ADDED).at(None, Some(*new));
            }
            ([old, ..], []) => {
                change.say(Subject::ContentSchema, Verb::Removed, REMOVED).at(Some(*old), None);
            }
            ([old, ..], [new, ..]) => {
                let shown = [Some(*old), Some(*new)];
                let terms = [self.together(&a.contents), self.together(&b.contents)];
                self.go(change, Inside { step: Step::Content, terms, shown });
            }
        }
    }

    fn formats_changed(&mut self, change: &mut Change, shared: Types) {
        let (a, b) = (change.a.clone(), change.b.clone());
        let speaks = |view: &View| -> Vec<(Text, Node)> {
            let all = view.formats.iter().filter(|(format, _)| concerns(self.forest.str(*format), shared));
            all.copied().collect()
        };
        let (old, new) = (speaks(&a), speaks(&b));
        self.words_changed(change, Subject::Format, [&old, &new], |old, new| {
            [lacks(format_included(old, new)), lacks(format_included(new, old))]
        });
    }

    /// Texts that are demanded: one that came, one that went, one that is another.
    fn words_changed(
        &mut self,
        change: &mut Change,
        subject: Subject,
        [old, new]: [&[(Text, Node)]; 2],
        judge: impl Fn(&str, &str) -> [Sure; 2],
    ) {
        let lost: Vec<_> = old.iter().filter(|(text, _)| !new.iter().any(|(other, _)| other == text)).collect();
        let gained: Vec<_> = new.iter().filter(|(text, _)| !old.iter().any(|(other, _)| other == text)).collect();
        for at in 0..lost.len().max(gained.len()) {
            let (lost, gained) = (lost.get(at), gained.get(at));
            let (verb, sure) = match (lost, gained) {
                (Some((old, _)), Some((new, _))) => {
                    (Verb::Changed, judge(self.forest.str(*old), self.forest.str(*new)))
                }
                (None, _) => (Verb::Added, [Sure::Yes, Sure::No]),
                (_, None) => (Verb::Removed, [Sure::No, Sure::Yes]),
            };
            let words = [lost, gained].map(|word| word.map(|(text, _)| self.text(*text)));
            let [before, after] = words;
            let fact = change.say(subject, verb, sure);
            fact.moving(before, after).at(lost.map(|(_, key)| *key), gained.map(|(_, key)| *key));
        }
    }

    fn lists_changed(&mut self, change: &mut Change) {
        let (a, b) = (change.a.clone(), change.b.clone());
        self.limit_changed(change, Subject::MinItems, [a.min_items, b.min_items], true);
        self.limit_changed(change, Subject::MaxItems, [a.max_items, b.max_items], false);
        match (a.unique, b.unique) {
            (None, Some(key)) => {
                change.say(Subject::UniqueItems, Verb::Added, ADDED).at(None, Some(key));
            }
            (Some(key), None) => {
                change.say(Subject::UniqueItems, Verb::Removed, REMOVED).at(Some(key), None);
            }
            _ => {}
        }
        let (old, new) = (Self::places(&a), Self::places(&b));
        let key = |view: &View| view.items.first().map(|items| items.key);
        for place in 0..old.max(new) {
            let terms = [self.item(&a, place), self.item(&b, place)];
            let node = |view: &View| view.items.iter().find_map(|items| items.first.get(place).copied().flatten());
            let shown = [node(&a), node(&b)];
            match (place < old, place < new) {
                (true, true) => self.go(change, Inside { step: Step::Item(place as u32), terms, shown }),
                (had, _) => {
                    let sure = self.difference(terms[0], terms[1], change.direction);
                    let verb = if had { Verb::Removed } else { Verb::Added };
                    let fact = change.say(Subject::PrefixItems, verb, sure).named(place.to_string());
                    fact.at(shown[0].or(key(&a)), shown[1].or(key(&b)));
                }
            }
        }
        let terms = [self.other_items(&a), self.other_items(&b)];
        let last = |view: &View| {
            let found = view.items.iter().find(|items| items.rest.is_some());
            found.map(|items| (items.rest, items.key, items.unevaluated))
        };
        let (old, new) = (last(&a), last(&b));
        let unevaluated = old.or(new).is_some_and(|(_, _, unevaluated)| unevaluated);
        let subject = if unevaluated { Subject::UnevaluatedItems } else { Subject::Items };
        let keys = (old.map(|(_, key, _)| key), new.map(|(_, key, _)| key));
        self.rest_changed(change, subject, Step::Items, terms, [old.and_then(|o| o.0), new.and_then(|n| n.0)], keys);
        self.contains_changed(change);
    }

    /// What holds for all that is not spoken of by name or place.
    fn rest_changed(
        &mut self,
        change: &mut Change,
        subject: Subject,
        step: Step,
        terms: [Term; 2],
        shown: [Option<Node>; 2],
        keys: (Option<Node>, Option<Node>),
    ) {
        let empty = terms.map(|term| self.is_empty(term));
        let verb = match (terms[0] == ANY, terms[1] == ANY) {
            (true, true) => return,
            (true, false) => Verb::Added,
            (false, true) => Verb::Removed,
            _ if empty[0] == empty[1] => return self.go(change, Inside { step, terms, shown }),
            _ if empty[0] => Verb::Widened,
            _ => Verb::Narrowed,
        };
        let [narrows, widens] = self.difference(terms[0], terms[1], change.direction);
        let values = shown.map(|node| node.and_then(|node| self.show(node)));
        let [before, after] = values;
        change.say(subject, verb, [narrows, widens]).moving(before, after).at(keys.0, keys.1);
    }

    fn contains_changed(&mut self, change: &mut Change) {
        let (a, b) = (change.a.clone(), change.b.clone());
        let key = |holder: Node, key: &str| self.forest.key(holder, key);
        match (&a.contains[..], &b.contains[..]) {
            ([], []) => {}
            ([], [new, ..]) => {
                let at = key(new.holder, "contains");
                change.say(Subject::Contains, Verb::Added, ADDED).at(None, at);
            }
            ([old, ..], []) => {
                let at = key(old.holder, "contains");
                change.say(Subject::Contains, Verb::Removed, REMOVED).at(at, None);
            }
            ([old, ..], [new, ..]) => {
                let limit = |holder: Node, name: &str, at: f64| Limit {
                    at,
                    open: false,
                    key: key(holder, name).or(key(holder, "contains")).unwrap_or(holder),
                };
                let least = [(old.holder, old.least), (new.holder, new.least)];
                let least = least.map(|(holder, at)| Some(limit(holder, "minContains", at)));
                let most = [(old.holder, old.most), (new.holder, new.most)];
                let most = most.map(|(holder, at)| at.map(|at| limit(holder, "maxContains", at)));
                let terms = [self.term(old.schema), self.term(new.schema)];
                let shown = [Some(old.schema), Some(new.schema)];
                self.limit_changed(change, Subject::MinContains, least, true);
                self.limit_changed(change, Subject::MaxContains, most, false);
                // With a highest number, what is asked for counts both ways.
                if terms[0] != terms[1] && (old.most.is_some() || new.most.is_some()) {
                    let strict = Mode { way: Way::Strict, direction: change.direction };
                    let same =
                        self.is_included(terms[0], terms[1], strict).min(self.is_included(terms[1], terms[0], strict));
                    change.say(Subject::Contains, Verb::Changed, [lacks(same); 2]).at(shown[0], shown[1]);
                } else {
                    self.go(change, Inside { step: Step::Contains, terms, shown });
                }
            }
        }
    }

    fn objects_changed(&mut self, change: &mut Change) {
        let (a, b) = (change.a.clone(), change.b.clone());
        self.limit_changed(change, Subject::MinProperties, [a.min_properties, b.min_properties], true);
        self.limit_changed(change, Subject::MaxProperties, [a.max_properties, b.max_properties], false);
        let names: BTreeSet<Text> = a
            .properties
            .keys()
            .chain(b.properties.keys())
            .chain(a.required.keys())
            .chain(b.required.keys())
            .copied()
            .collect();
        for name in names {
            self.property_changed(change, &a, &b, name);
        }
        let terms = [self.other_properties(&a), self.other_properties(&b)];
        let rest = |view: &View| {
            let found = view.others.iter().find(|others| others.rest.is_some());
            found.map(|others| (others.rest, others.key, others.unevaluated))
        };
        let (old, new) = (rest(&a), rest(&b));
        let unevaluated = old.or(new).is_some_and(|(_, _, unevaluated)| unevaluated);
        let subject = if unevaluated { Subject::UnevaluatedProperties } else { Subject::AdditionalProperties };
        let keys = (old.map(|(_, key, _)| key), new.map(|(_, key, _)| key));
        let shown = [old.and_then(|old| old.0), new.and_then(|new| new.0)];
        self.rest_changed(change, subject, Step::AdditionalProperties, terms, shown, keys);
        self.patterns_changed(change, terms);
        self.names_changed(change);
        self.dependents_changed(change);
    }

    fn property_changed(&mut self, change: &mut Change, a: &View, b: &View, name: Text) {
        let direction = change.direction;
        if a.required.contains_key(&name) == b.required.contains_key(&name) && self.is_declared_alike(a, b, name) {
            return;
        }
        let (had, has) = (a.properties.get(&name), b.properties.get(&name));
        let (seen, sees) = (self.is_visible(a, name, direction), self.is_visible(b, name, direction));
        let (asked, asks) = (a.required.get(&name).copied(), b.required.get(&name).copied());
        let (asked, asks) = (asked.filter(|_| seen), asks.filter(|_| sees));
        let terms = [self.property(a, name), self.property(b, name)];
        let first = |declared: Option<&Vec<(Node, Node)>>| declared.and_then(|all| all.first()).copied();
        let (old, new) = (first(had), first(has));
        let shown = [old.map(|(_, schema)| schema), new.map(|(_, schema)| schema)];
        let keys = (old.map(|(key, _)| key), new.map(|(key, _)| key));
        let text = self.text(name);
        let required = |change: &mut Change| {
            let (verb, sure) = match (asked, asks) {
                (None, Some(_)) => (Verb::Added, ADDED),
                (Some(_), None) => (Verb::Removed, REMOVED),
                _ => return,
            };
            change.say(Subject::Required, verb, sure).named(text.clone()).at(asked.or(keys.0), asks.or(keys.1));
        };
        let subject = |asked: Option<Node>| if asked.is_some() { Subject::RequiredProperty } else { Subject::Property };
        let strict = self.conventions.strict;
        match (had.is_some() && seen, has.is_some() && sees) {
            (true, true) => {
                required(change);
                self.go(change, Inside { step: Step::Property(name), terms, shown });
            }
            // It is still there, and no longer flows this way, or flows this way from now on.
            (true, false) if has.is_some() => {
                if asked.is_some() {
                    required(change);
                }
            }
            (false, true) if had.is_some() => {
                if asks.is_some() {
                    let fact = change.say(Subject::RequiredProperty, Verb::Added, ADDED).named(text);
                    fact.at(keys.0, keys.1);
                }
            }
            (false, false) => {
                if seen && sees {
                    required(change);
                }
            }
            (true, false) => {
                let closed = self.is_empty(terms[1]);
                let gone = asks.is_none() && asked.is_some();
                let sure = match () {
                    () if self.is_empty(terms[0]) => HARMLESS,
                    () if closed => [Sure::Yes, if gone { Sure::Yes } else { Sure::No }],
                    () if terms[1] == ANY && strict => {
                        let [_, widens] = self.difference(terms[0], ANY, direction);
                        [Sure::No, if gone { Sure::Yes } else { widens }]
                    }
                    () if terms[1] == ANY => [Sure::Maybe, if gone { Sure::Yes } else { Sure::Maybe }],
                    () => {
                        required(change);
                        return self.go(change, Inside { step: Step::Property(name), terms, shown });
                    }
                };
                change.say(subject(asked), Verb::Removed, sure).named(text).at(keys.0, None);
            }
            (false, true) => {
                let closed = self.is_empty(terms[0]);
                let new = asked.is_none() && asks.is_some();
                let demanded = if new { Sure::Yes } else { Sure::No };
                let sure = match () {
                    () if closed => [demanded, Sure::Yes],
                    () if self.is_empty(terms[1]) => ADDED,
                    () if terms[0] == ANY && strict => {
                        let [narrows, _] = self.difference(ANY, terms[1], direction);
                        [narrows.max(demanded), Sure::No]
                    }
                    () if terms[0] == ANY => [demanded, Sure::No],
                    () => {
                        required(change);
                        return self.go(change, Inside { step: Step::Property(name), terms, shown });
                    }
                };
                let subject = if new { Subject::RequiredProperty } else { Subject::Property };
                change.say(subject, Verb::Added, sure).named(text).at(None, keys.1);
            }
        }
    }

    fn patterns_changed(&mut self, change: &mut Change, rest: [Term; 2]) {
        let (a, b) = (change.a.clone(), change.b.clone());
        let (old, new) = (Self::patterns_of(&a), Self::patterns_of(&b));
        let all: BTreeSet<Text> = old.iter().chain(&new).copied().collect();
        for pattern in all {
            let node = |view: &View| {
                let mut all = view.others.iter().flat_map(|others| &others.patterns);
                all.find(|(text, _)| *text == pattern).map(|(_, schema)| *schema)
            };
            let shown = [node(&a), node(&b)];
            let (had, has) = (old.contains(&pattern), new.contains(&pattern));
            let terms = [
                if had { self.matching(&a, pattern) } else { rest[0] },
                if has { self.matching(&b, pattern) } else { rest[1] },
            ];
            if had && has {
                self.go(change, Inside { step: Step::PatternProperties(pattern), terms, shown });
                continue;
            }
            let verb = if had { Verb::Removed } else { Verb::Added };
            let [narrows, widens] = self.difference(terms[0], terms[1], change.direction);
            let name = self.text(pattern);
            change.say(Subject::PatternProperty, verb, [narrows, widens]).named(name).at(shown[0], shown[1]);
        }
    }

    fn names_changed(&mut self, change: &mut Change) {
        let (a, b) = (change.a.clone(), change.b.clone());
        match (&a.names[..], &b.names[..]) {
            ([], []) => {}
            ([], [(key, _), ..]) => {
                change.say(Subject::PropertyNames, Verb::Added, ADDED).at(None, Some(*key));
            }
            ([(key, _), ..], []) => {
                change.say(Subject::PropertyNames, Verb::Removed, REMOVED).at(Some(*key), None);
            }
            (old, new) => {
                let schemas = |all: &[(Node, Node)]| all.iter().map(|(_, schema)| *schema).collect::<Vec<Node>>();
                let (old, new) = (schemas(old), schemas(new));
                let shown = [old.first().copied(), new.first().copied()];
                let terms = [self.together(&old), self.together(&new)];
                self.go(change, Inside { step: Step::PropertyNames, terms, shown });
            }
        }
    }

    fn dependents_changed(&mut self, change: &mut Change) {
        let (a, b) = (change.a.clone(), change.b.clone());
        let pairs: BTreeSet<(Text, Text)> =
            a.dependent_required.keys().chain(b.dependent_required.keys()).copied().collect();
        for (name, other) in pairs {
            let (old, new) = (a.dependent_required.get(&(name, other)), b.dependent_required.get(&(name, other)));
            let (verb, sure) = match (old, new) {
                (None, Some(_)) => (Verb::Added, ADDED),
                (Some(_), None) => (Verb::Removed, REMOVED),
                _ => continue,
            };
            let (name, other) = (self.text(name), Some(self.text(other)));
            let shown = if verb == Verb::Added { (None, other) } else { (other, None) };
            let fact = change.say(Subject::DependentRequired, verb, sure).named(name);
            fact.moving(shown.0, shown.1).at(old.copied(), new.copied());
        }
        let names: BTreeSet<Text> = a.dependent_schemas.keys().chain(b.dependent_schemas.keys()).copied().collect();
        for name in names {
            let (old, new) = (a.dependent_schemas.get(&name), b.dependent_schemas.get(&name));
            let schemas = |all: Option<&Vec<(Node, Node)>>| -> Vec<Node> {
                all.into_iter().flatten().map(|(_, schema)| *schema).collect()
            };
            let (before, after) = (schemas(old), schemas(new));
            let shown = [before.first().copied(), after.first().copied()];
            let (verb, sure) = match (old, new) {
                (None, Some(_)) => (Verb::Added, ADDED),
                (Some(_), None) => (Verb::Removed, REMOVED),
                _ => {
                    let terms = [self.together(&before), self.together(&after)];
                    self.go(change, Inside { step: Step::Dependent(name), terms, shown });
                    continue;
                }
            };
            let text = self.text(name);
            change.say(Subject::DependentSchema, verb, sure).named(text).at(shown[0], shown[1]);
        }
    }

    fn forbidden_changed(&mut self, change: &mut Change) {
        let (a, b) = (change.a.clone(), change.b.clone());
        let strict = Mode { way: Way::Strict, direction: change.direction };
        let lost = self.unmatched(&a.nots, &b.nots);
        let gained = self.unmatched(&b.nots, &a.nots);
        for at in 0..lost.len().max(gained.len()) {
            let (old, new) = (lost.get(at).copied(), gained.get(at).copied());
            let (verb, sure) = match (old, new) {
                (Some((_, old)), Some((_, new))) => {
                    let (old, new) = (self.term(old), self.term(new));
                    let narrows = lacks(self.is_included(new, old, strict));
                    (Verb::Changed, [narrows, lacks(self.is_included(old, new, strict))])
                }
                // What it forbids may never have been allowed, so the pair as a whole says how bad it is.
                (None, _) => (Verb::Added, ADDED),
                (_, None) => (Verb::Removed, REMOVED),
            };
            let shown = [old, new].map(|node| node.and_then(|(_, schema)| self.show(schema)));
            let [before, after] = shown;
            let fact = change.say(Subject::Not, verb, sure);
            fact.moving(before, after).at(old.map(|(key, _)| key), new.map(|(key, _)| key));
        }
    }

    fn unmatched(&mut self, of: &[(Node, Node)], among: &[(Node, Node)]) -> Vec<(Node, Node)> {
        let mut left = Vec::new();
        for one in of {
            let mut found = false;
            for other in among {
                found = found || self.is_same(one.1, other.1);
            }
            if !found {
                left.push(*one);
            }
        }
        left
    }

    fn conditions_changed(&mut self, change: &mut Change) {
        let (a, b) = (change.a.clone(), change.b.clone());
        let verb = match (a.conditions.is_empty(), b.conditions.is_empty()) {
            (true, true) => return,
            (true, false) => Verb::Added,
            (false, true) => Verb::Removed,
            _ => {
                let mut same = a.conditions.len() == b.conditions.len();
                for (one, other) in a.conditions.iter().zip(&b.conditions) {
                    let pairs =
                        [(Some(one.when), Some(other.when)), (one.then, other.then), (one.otherwise, other.otherwise)];
                    for pair in pairs {
                        same = same
                            && match pair {
                                (Some(one), Some(other)) => self.is_same(one, other),
                                (one, other) => one.is_none() && other.is_none(),
                            };
                    }
                }
                if same {
                    return;
                }
                Verb::Changed
            }
        };
        let sure = match verb {
            Verb::Added => ADDED,
            Verb::Removed => REMOVED,
            _ => [Sure::Yes, Sure::Yes],
        };
        let at = |view: &View| view.conditions.first().map(|condition| condition.when);
        let places = (at(&a), at(&b));
        change.say(Subject::Condition, verb, sure).at(places.0, places.1);
    }

    /// What is said of a schema that allows and forbids nothing.
    fn remarks(&mut self, change: &mut Change) {
        let (a, b) = (change.a.clone(), change.b.clone());
        let flags = [
            (Subject::ReadOnly, a.read_only, b.read_only),
            (Subject::WriteOnly, a.write_only, b.write_only),
            (Subject::Deprecated, a.deprecated, b.deprecated),
        ];
        for (subject, old, new) in flags {
            match (old, new) {
                (None, Some(_)) => {
                    change.say(subject, Verb::Added, HARMLESS).at(old, new);
                }
                (Some(_), None) => {
                    change.say(subject, Verb::Removed, HARMLESS).at(old, new);
                }
                _ => {}
            }
        }
        let shown = |value: Option<(Node, Node)>| value.and_then(|(_, value)| self.show(value));
        let verb = match (a.default, b.default) {
            (None, Some(_)) => Some(Verb::Added),
            (Some(_), None) => Some(Verb::Removed),
            (Some((_, old)), Some((_, new))) if !self.forest.same(old, new) => Some(Verb::Changed),
            _ => None,
        };
        if let Some(verb) = verb {
            let (before, after) = (shown(a.default), shown(b.default));
            let fact = change.say(Subject::Default, verb, HARMLESS);
            fact.moving(before, after).at(a.default.map(|(key, _)| key), b.default.map(|(key, _)| key));
        }
        self.extensible_changed(change);
        self.discriminator_changed(change);
    }

    /// Values of an enumeration that is open: a new one is expected, one that is gone is missed by those who send it.
    fn extensible_changed(&mut self, change: &mut Change) {
        let (a, b) = (change.a.clone(), change.b.clone());
        let (Some((old_key, old)), Some((new_key, new))) = (&a.extensible, &b.extensible) else { return };
        let missing = |of: &[Node], from: &[Node]| -> Vec<Node> {
            of.iter().filter(|one| !from.iter().any(|other| self.forest.same(**one, *other))).copied().collect()
        };
        let (lost, gained) = (missing(old, new), missing(new, old));
        for value in lost {
            let name = self.forest.shown(value, SHOWN);
            let fact = change.say(Subject::ExtensibleEnumValue, Verb::Removed, ADDED).named(name);
            fact.at(Some(value), Some(*new_key));
        }
        for value in gained {
            let name = self.forest.shown(value, SHOWN);
            change.say(Subject::ExtensibleEnumValue, Verb::Added, HARMLESS).named(name).at(Some(*old_key), Some(value));
        }
    }

    fn discriminator_changed(&mut self, change: &mut Change) {
        let (a, b) = (change.a.clone(), change.b.clone());
        let ((old_key, old), (new_key, new)) = match (a.discriminator, b.discriminator) {
            (None, None) => return,
            (None, Some((key, _))) => {
                change.say(Subject::Discriminator, Verb::Added, HARMLESS).at(None, Some(key));
                return;
            }
            (Some((key, _)), None) => {
                change.say(Subject::Discriminator, Verb::Removed, HARMLESS).at(Some(key), None);
                return;
            }
            (Some(old), Some(new)) => (old, new),
        };
        let name = |node: Node| {
            let name = self.forest.get(node, "propertyName").and_then(|name| self.forest.string(name));
            name.or(self.forest.string(node)).map(str::to_string)
        };
        let (before, after) = (name(old), name(new));
        if before != after {
            let fact = change.say(Subject::Discriminator, Verb::Changed, HARMLESS);
            fact.moving(before, after).at(Some(old_key), Some(new_key));
        }
        let mapping = |node: Node| self.forest.get(node, "mapping").map(|all| self.forest.entries(all).to_vec());
        let (old, new) = (mapping(old).unwrap_or_default(), mapping(new).unwrap_or_default());
        for (name, key, value) in &old {
            let text = self.text(*name);
            match new.iter().find(|(other, _, _)| other == name) {
                None => {
                    change
                        .say(Subject::DiscriminatorMapping, Verb::Removed, HARMLESS)
                        .named(text)
                        .at(Some(*key), Some(new_key));
                }
                Some((_, other_key, other)) if !self.forest.same(*value, *other) => {
                    let (before, after) = (self.show(*value), self.show(*other));
                    let fact = change.say(Subject::DiscriminatorMapping, Verb::Changed, HARMLESS).named(text);
                    fact.moving(before, after).at(Some(*key), Some(*other_key));
                }
                Some(_) => {}
            }
        }
        for (name, key, _) in new.iter().filter(|(name, _, _)| !old.iter().any(|(other, _, _)| other == name)) {
            let text = self.text(*name);
            change.say(Subject::DiscriminatorMapping, Verb::Added, HARMLESS).named(text).at(Some(old_key), Some(*key));
        }
    }
}

fn number(number: f64) -> String {
    format!("{number}")
}
