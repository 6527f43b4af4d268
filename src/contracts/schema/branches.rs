//! `oneOf` and `anyOf`: which branch of one side is which of the other. The place in the list is never evidence.

use std::collections::HashMap;

use super::changes::{ADDED, Change, REMOVED};
use super::equations::{Mode, Way};
use super::facts::{Inside, lacks};
use super::view::Group;
use super::{Schemas, Step, Subject, Sure, Term, Types, Verb};
use crate::contracts::document::Node;

/// Branches that are compared each with each.
const MOST_TRIED: usize = 48;

fn subject(group: &Group) -> Subject {
    if group.one { Subject::OneOf } else { Subject::AnyOf }
}

fn step(group: &Group, branch: usize) -> Step {
    if group.one { Step::OneOf(branch as u32) } else { Step::AnyOf(branch as u32) }
}

impl Schemas<'_> {
    pub(super) fn groups_changed(&mut self, change: &mut Change) {
        let (a, b) = (change.a.clone(), change.b.clone());
        let mut left: Vec<&Group> = b.groups.iter().collect();
        let mut alone: Vec<&Group> = Vec::new();
        for group in &a.groups {
            let twin = match (a.groups.len(), b.groups.len()) {
                (1, 1) => Some(0),
                _ => self.twin(group, &left),
            };
            match twin {
                Some(at) => {
                    let other = left.remove(at);
                    self.branches_changed(change, group, other);
                }
                None => alone.push(group),
            }
        }
        for (groups, verb, sure) in [(&alone, Verb::Removed, REMOVED), (&left, Verb::Added, ADDED)] {
            for group in groups {
                let key = self.forest.key(group.holder, if group.one { "oneOf" } else { "anyOf" });
                let fact = change.say(subject(group), verb, sure);
                match verb {
                    Verb::Removed => fact.at(key, None),
                    _ => fact.at(None, key),
                };
            }
        }
    }

    /// The group that most of a group's branches are found in.
    fn twin(&mut self, group: &Group, among: &[&Group]) -> Option<usize> {
        let mut best = None;
        for (at, other) in among.iter().enumerate() {
            let mut shared = 0;
            for one in group.branches.iter().take(MOST_TRIED) {
                let key = self.key_of(*one);
                let found = other
                    .branches
                    .iter()
                    .take(MOST_TRIED)
                    .any(|two| self.forest.same(*one, *two) || key.is_some() && self.key_of(*two) == key);
                shared += usize::from(found);
            }
            if shared > 0 && best.is_none_or(|(most, _)| shared > most) {
                best = Some((shared, at));
            }
        }
        best.map(|(_, at)| at)
    }

    /// What a branch is called: by what it refers to, or by its title.
    pub(super) fn key_of(&self, branch: Node) -> Option<String> {
        let text = |key: &str| self.forest.get(branch, key).and_then(|value| self.forest.string(value));
        let reference = text("$ref").map(|text| text.rsplit(['/', '#']).next().unwrap_or(text));
        reference.or(text("title")).map(|name| crate::text::one_line(name, 60))
    }

    /// The one text that a property of an object must be: what tells branches apart.
    fn tag_of(&mut self, branch: Node) -> Option<(u64, u64)> {
        let term = self.term(branch);
        let view = self.view(term);
        let names: Vec<_> = view.required.keys().copied().collect();
        for name in names {
            let property = self.property(&view, name);
            let property = self.view(property);
            if let Some([only]) = property.values.as_deref() {
                let mut one = std::hash::DefaultHasher::new();
                std::hash::Hash::hash(&name, &mut one);
                return Some((std::hash::Hasher::finish(&one), self.forest.hash(*only)));
            }
        }
        None
    }

    /// Pairs of branches, by name, words, tag, values and types, in this order.
    fn matched(&mut self, old: &[Node], new: &[Node], change: &Change) -> Vec<(usize, usize)> {
        let mut left: Vec<usize> = (0..old.len()).collect();
        let mut right: Vec<usize> = (0..new.len()).collect();
        let mut pairs = Vec::new();
        let mut by = |left: &mut Vec<usize>, right: &mut Vec<usize>, keys: [Vec<Option<u64>>; 2]| {
            let mut at: HashMap<u64, Vec<usize>> = HashMap::new();
            for two in right.iter() {
                if let Some(key) = keys[1][*two] {
                    at.entry(key).or_default().push(*two);
                }
            }
            left.retain(|one| {
                let Some(found) = keys[0][*one].and_then(|key| at.get_mut(&key)) else { return true };
                if found.is_empty() {
                    return true;
                }
                let two = found.remove(0);
                right.retain(|other| *other != two);
                pairs.push((*one, two));
                false
            });
        };
        let hashed = |text: Option<String>| {
            text.map(|text| {
                let mut hash = std::hash::DefaultHasher::new();
                std::hash::Hash::hash(&text, &mut hash);
                std::hash::Hasher::finish(&hash)
            })
        };
        let names = [old, new].map(|all| all.iter().map(|one| hashed(self.key_of(*one))).collect());
        by(&mut left, &mut right, names);
        let words = [old, new].map(|all| all.iter().map(|one| Some(self.forest.hash(*one))).collect());
        by(&mut left, &mut right, words);
        let tags = [old, new].map(|all| {
            all.iter().map(|one| self.tag_of(*one).map(|(name, value)| name ^ value.rotate_left(32))).collect()
        });
        by(&mut left, &mut right, tags);
        if left.len() * right.len() <= MOST_TRIED * MOST_TRIED {
            for least in [2, 1] {
                let mut scores = Vec::new();
                for one in &left {
                    for two in &right {
                        let score = self.likeness(old[*one], new[*two], change);
                        if score >= least {
                            scores.push((score, *one, *two));
                        }
                    }
                }
                scores.sort_by_key(|(score, one, two)| (std::cmp::Reverse(*score), *one, *two));
                for (_, one, two) in scores {
                    if left.contains(&one) && right.contains(&two) {
                        left.retain(|other| *other != one);
                        right.retain(|other| *other != two);
                        pairs.push((one, two));
                    }
                }
            }
        }
        // The only one of its kind on each side.
        let types = [old, new].map(|all| -> Vec<Types> {
            all.iter()
                .map(|one| {
                    let term = self.term(*one);
                    self.types_of(term)
                })
                .collect()
        });
        let alone = |of: &[usize], types: &[Types], kind: Types| {
            let mut all = of.iter().filter(|one| types[**one] == kind);
            all.next().copied().filter(|_| all.next().is_none())
        };
        for one in left.clone() {
            let kind = types[0][one];
            if let (Some(_), Some(two)) = (alone(&left, &types[0], kind), alone(&right, &types[1], kind)) {
                left.retain(|other| *other != one);
                right.retain(|other| *other != two);
                pairs.push((one, two));
            }
        }
        pairs.sort_unstable();
        pairs
    }

    /// 2 for the same values, 1 for more or less of them.
    fn likeness(&mut self, old: Node, new: Node, change: &Change) -> u8 {
        let (old, new) = (self.term(old), self.term(new));
        if !self.types_of(old).meets(self.types_of(new)) {
            return 0;
        }
        let [narrows, widens] = self.difference(old, new, change.direction);
        u8::from(narrows == Sure::No) + u8::from(widens == Sure::No)
    }

    fn branches_changed(&mut self, change: &mut Change, old: &Group, new: &Group) {
        let pairs = self.matched(&old.branches, &new.branches, change);
        let changed = change.narrows != Sure::No || change.widens != Sure::No;
        for (one, two) in &pairs {
            // Where the whole is the same, its parts may be cut in another way.
            if !changed && self.likeness(old.branches[*one], new.branches[*two], change) < 2 {
                continue;
            }
            let shown = [Some(old.branches[*one]), Some(new.branches[*two])];
            let terms = [self.term(old.branches[*one]), self.term(new.branches[*two])];
            self.go(change, Inside { step: step(new, *two), terms, shown });
        }
        let is_free = |of: usize, which: usize| !pairs.iter().any(|pair| [pair.0, pair.1][which] == of);
        let mode = |way: Way| Mode { way, direction: change.direction };
        let (forth, back) = (mode(Way::Forth), mode(Way::Back));
        let (a, b) = (change.a.whole, change.b.whole);
        for (at, branch) in old.branches.iter().enumerate().filter(|(at, _)| is_free(*at, 0)) {
            let term = self.term(*branch);
            let case = self.without(a, old.atom, &[term]);
            let narrows = lacks(self.is_included(case, b, forth));
            self.branch_said(change, old, at, Verb::Removed, [narrows, Sure::No]);
        }
        for (at, branch) in new.branches.iter().enumerate().filter(|(at, _)| is_free(*at, 1)) {
            let term = self.term(*branch);
            let case = self.without(b, new.atom, &[term]);
            let widens = lacks(self.is_included(case, a, back));
            self.branch_said(change, new, at, Verb::Added, [Sure::No, widens]);
        }
    }

    fn branch_said(&mut self, change: &mut Change, group: &Group, at: usize, verb: Verb, sure: [Sure; 2]) {
        let branch = group.branches[at];
        let term = self.term(branch);
        let types = self.types_of(term);
        let name = self.key_of(branch).unwrap_or_else(|| types.names());
        let is_null = types == Types::NULL;
        let fact = match is_null {
            true => change.say(Subject::Nullable, verb, sure),
            false => change.say(subject(group), verb, sure).named(name.clone()),
        };
        match verb {
            Verb::Removed => fact.moving(Some(name), None).at(Some(branch), None),
            _ => fact.moving(None, Some(name)).at(None, Some(branch)),
        };
    }

    /// Whether one side is a branch of the other: a schema that was wrapped so that more may stand beside it.
    pub(super) fn is_wrapped(&mut self, change: &mut Change) -> bool {
        let (a, b) = (change.a.clone(), change.b.clone());
        let (plain, wrapped, added) = match (&a.groups[..], &b.groups[..]) {
            ([], [group]) if !a.is_any() => (a.whole, group.clone(), true),
            ([group], []) if !b.is_any() => (b.whole, group.clone(), false),
            _ => return false,
        };
        if wrapped.branches.len() > MOST_TRIED {
            return false;
        }
        let around = if added { b.whole } else { a.whole };
        let cases: Vec<Term> = wrapped
            .branches
            .clone()
            .into_iter()
            .map(|branch| {
                let term = self.term(branch);
                self.without(around, wrapped.atom, &[term])
            })
            .collect();
        let sides = |case: Term| if added { [plain, case] } else { [case, plain] };
        let mut best: Option<(u8, usize)> = None;
        for (at, case) in cases.iter().enumerate() {
            let [old, new] = sides(*case);
            if !self.types_of(old).meets(self.types_of(new)) {
                continue;
            }
            let [narrows, widens] = self.difference(old, new, change.direction);
            let score = u8::from(narrows == Sure::No) + u8::from(widens == Sure::No);
            if score > 0 && best.is_none_or(|(most, _)| score > most) {
                best = Some((score, at));
            }
        }
        let Some((score, at)) = best else { return false };
        if change.narrows == Sure::No && change.widens == Sure::No && score < 2 {
            return true;
        }
        let shown = if added {
            [change.shown[0], Some(wrapped.branches[at])]
        } else {
            [Some(wrapped.branches[at]), change.shown[1]]
        };
        let terms = sides(cases[at]);
        self.go(change, Inside { step: step(&wrapped, at), terms, shown });
        for (other, case) in cases.iter().enumerate().filter(|(other, _)| *other != at) {
            let [old, new] = sides(*case);
            let [narrows, widens] = self.difference(old, new, change.direction);
            let (verb, sure) = match added {
                true => (Verb::Added, [Sure::No, widens]),
                false => (Verb::Removed, [narrows, Sure::No]),
            };
            self.branch_said(change, &wrapped, other, verb, sure);
        }
        true
    }
}
