//! Is every value of one term a value of another? One step of the answer, in terms of smaller questions.

use std::rc::Rc;

use super::equations::{Formula, Mode};
use super::view::{Condition, Group, View};
use super::{Schemas, Sure, Term, Types};
use crate::contracts::document::Node;

/// Cases into which the groups of one term may be taken apart; beyond, they are compared as they stand.
const MOST_CASES: usize = 512;

/// How many cases the groups of a schema make together.
fn cases(view: &View) -> usize {
    view.groups.iter().fold(1_usize, |cases, group| cases.saturating_mul(group.branches.len()))
}

impl Schemas<'_> {
    pub(super) fn inclusion(&mut self, sub: Term, sup: Term, mode: Mode) -> Formula {
        if self.is_literally_same(sub, sup) {
            return Formula::YES;
        }
        let (a, b) = (self.view(sub), self.view(sup));
        if self.is_empty(sub) || b.is_any() {
            return Formula::YES;
        }
        if a.groups.is_empty() && self.is_empty(sup) {
            return Formula::NO;
        }
        if let Some(values) = &a.values {
            return Formula::Is(self.values_included(sub, &a, values, sup));
        }
        if a.groups.is_empty() {
            return self.keywords_included(&a, &b, mode);
        }
        // What both say in the same words need not be taken apart.
        let shared = self.shared_groups(&a, &b);
        if shared.is_empty() {
            return self.cases_included(sub, sup, &a, &b, mode);
        }
        let (mut less, mut least, mut all) = (sub, sup, Vec::new());
        for (mine, other) in &shared {
            less = self.without(less, mine.atom, &[]);
            least = self.without(least, other.atom, &[]);
            all.push(self.same(mine.list, other.list));
        }
        all.push(self.includes(less, least, mode));
        let mut any = vec![Formula::all(all)];
        if cases(&a) <= MOST_CASES {
            any.push(self.cases_included(sub, sup, &a, &b, mode));
        }
        Formula::any(any)
    }

    /// One schema each, with the same words and no reference in them.
    fn is_literally_same(&self, sub: Term, sup: Term) -> bool {
        use super::terms::Atom;
        match (&*self.atoms[sub.0 as usize], &*self.atoms[sup.0 as usize]) {
            ([Atom::Schema(one)], [Atom::Schema(other)]) => self.is_same_schema(*one, *other),
            _ => false,
        }
    }

    /// Whether two schemas are the same words with no reference in them, read in the same way.
    pub(super) fn is_same_schema(&self, one: Node, other: Node) -> bool {
        self.forest.same(one, other)
            && !self.forest.refers(one)
            && self.dialect(one).nullable == self.dialect(other).nullable
    }

    fn shared_groups(&self, a: &View, b: &View) -> Vec<(Group, Group)> {
        let mut left: Vec<&Group> = b.groups.iter().collect();
        let mut shared = Vec::new();
        for mine in &a.groups {
            let twin = left.iter().position(|other| other.one == mine.one && self.forest.same(mine.list, other.list));
            if let Some(twin) = twin {
                shared.push((mine.clone(), left.remove(twin).clone()));
            }
        }
        shared
    }

    fn cases_included(&mut self, sub: Term, sup: Term, a: &Rc<View>, b: &Rc<View>, mode: Mode) -> Formula {
        if cases(a) > MOST_CASES {
            // As if the groups demanded nothing; each group of the other side needs a twin.
            let mut all = vec![self.keywords_of(a, b, mode).at_least(Sure::Maybe)];
            for wanted in &b.groups {
                let mut any = vec![Formula::Is(Sure::Maybe)];
                for had in &a.groups {
                    any.push(self.group_included(had, wanted, mode));
                }
                all.push(Formula::any(any));
            }
            return Formula::all(all);
        }
        let Some(group) = a.groups.first() else { return Formula::YES };
        let mut all = Vec::new();
        for branch in &group.branches {
            let branch = self.term(*branch);
            let case = self.without(sub, group.atom, &[branch]);
            all.push(self.includes(case, sup, mode));
        }
        // A value of two branches is none of the whole, so that what is lost with it may never have been there.
        let least = match group.one && self.is_exclusive(group) != Sure::Yes {
            true => Sure::Maybe,
            false => Sure::No,
        };
        Formula::all(all).at_least(least)
    }

    /// Each branch of a group in some branch of another one.
    fn group_included(&mut self, had: &Group, wanted: &Group, mode: Mode) -> Formula {
        let mut all = Vec::new();
        for one in &had.branches {
            let one = self.term(*one);
            let mut any = Vec::new();
            for other in &wanted.branches {
                let other = self.term(*other);
                any.push(self.includes(one, other, mode));
            }
            all.push(Formula::any(any));
        }
        let most = if wanted.one { self.is_exclusive(wanted) } else { Sure::Yes };
        Formula::all(all).at_most(most)
    }

    /// A term without groups in any other.
    fn keywords_included(&mut self, a: &Rc<View>, b: &Rc<View>, mode: Mode) -> Formula {
        let keywords = self.keywords_of(a, b, mode);
        if keywords == Formula::NO {
            return keywords;
        }
        let mut all = vec![keywords];
        for group in &b.groups {
            all.push(self.in_a_branch(a, group, mode));
        }
        Formula::all(all)
    }

    fn in_a_branch(&mut self, a: &Rc<View>, group: &Group, mode: Mode) -> Formula {
        let branches: Vec<Term> = group.branches.iter().map(|branch| self.term(*branch)).collect();
        let mut types = Vec::new();
        for branch in &branches {
            types.push(self.types_of(*branch));
        }
        let covered = types.iter().any(|types| a.types.but(*types).is_empty());
        let cases: Vec<Types> = if covered { vec![a.types] } else { a.types.each().collect() };
        let mut all = Vec::new();
        for case in cases {
            let sub = if covered { a.whole } else { self.only(a.whole, case) };
            let mut any = Vec::new();
            for (branch, types) in branches.iter().zip(&types) {
                if case.but(*types).is_empty() {
                    any.push(self.includes(sub, *branch, mode));
                }
            }
            // Two branches may together hold what neither holds alone: a range of numbers that is cut in two.
            let scalar = case.but(Types::OBJECT.or(Types::ARRAY).or(Types::NULL)).meets(Types::ANY);
            let least = if any.len() > 1 && scalar { Sure::Maybe } else { Sure::No };
            all.push(Formula::any(any).at_least(least));
        }
        let most = if group.one { self.is_exclusive(group) } else { Sure::Yes };
        Formula::all(all).at_most(most)
    }

    /// The types that a term allows, its groups taken into account.
    pub(super) fn types_of(&mut self, term: Term) -> Types {
        if let Some(known) = self.types.get(&term) {
            return *known;
        }
        let types = self.types_within(term, 4);
        self.types.insert(term, types);
        types
    }

    fn types_within(&mut self, term: Term, depth: u32) -> Types {
        if let Some(known) = self.types.get(&term) {
            return *known;
        }
        let view = self.view(term);
        let mut types = view.types;
        if !self.spend(1) {
            return types;
        }
        if let Some(values) = &view.values {
            let null = if view.or_null { Types::NULL } else { Types::NONE };
            let all = values.iter().fold(null, |all, value| all.or(super::values::type_of(&self.forest, *value)));
            types = types.and(all);
        }
        if depth > 0 {
            for group in &view.groups {
                let mut all = Types::NONE;
                for branch in &group.branches {
                    let branch = self.term(*branch);
                    all = all.or(self.types_within(branch, depth - 1));
                    if types.but(all).is_empty() {
                        break;
                    }
                }
                types = types.and(all);
            }
        }
        types
    }

    /// Keyword by keyword, groups aside on both sides.
    fn keywords_of(&mut self, a: &Rc<View>, b: &Rc<View>, mode: Mode) -> Formula {
        if !a.types.but(b.types).is_empty() {
            return Formula::NO;
        }
        if b.values.is_some() {
            // Only finitely many values are allowed there.
            return self.few_values_included(a, b);
        }
        let mut all = Vec::new();
        if a.types.meets(Types::NUMBER) {
            self.numbers_included(a, b, &mut all);
        }
        if a.types.meets(Types::STRING) {
            self.texts_included(a, b, mode, &mut all);
        }
        if all.contains(&Formula::NO) {
            return Formula::NO;
        }
        if a.types.meets(Types::OBJECT) {
            self.objects_included(a, b, mode, &mut all);
        }
        if a.types.meets(Types::ARRAY) {
            self.lists_included(a, b, mode, &mut all);
        }
        for (_, forbidden) in &b.nots {
            let forbidden_term = self.term(*forbidden);
            let mut any = vec![Formula::Is(self.are_apart(a.whole, forbidden_term))];
            for (_, other) in &a.nots {
                any.push(self.same(*other, *forbidden));
                let other = self.term(*other);
                any.push(self.includes(forbidden_term, other, mode.strictly()));
            }
            all.push(Formula::any(any));
        }
        for wanted in &b.conditions {
            all.push(self.condition_included(a, wanted, mode));
        }
        for wanted in &b.opaque {
            let twin = a.opaque.iter().any(|one| self.forest.same(*one, *wanted));
            all.push(Formula::Is(if twin { Sure::Yes } else { Sure::Maybe }));
        }
        Formula::all(all)
    }

    fn condition_included(&mut self, a: &View, wanted: &Condition, mode: Mode) -> Formula {
        let mode = mode.strictly();
        let branch = |schemas: &mut Self, node: Option<Node>| match node {
            Some(node) => schemas.term(node),
            None => super::ANY,
        };
        let (then, otherwise) = (branch(self, wanted.then), branch(self, wanted.otherwise));
        let when = self.term(wanted.when);
        let mut any = vec![Formula::Is(Sure::Maybe)];
        let both = vec![self.includes(a.whole, then, mode), self.includes(a.whole, otherwise, mode)];
        any.push(Formula::all(both));
        if self.are_apart(a.whole, when) == Sure::Yes {
            any.push(self.includes(a.whole, otherwise, mode));
        }
        let always = vec![self.includes(a.whole, when, mode), self.includes(a.whole, then, mode)];
        any.push(Formula::all(always));
        for had in &a.conditions {
            let (had_then, had_otherwise) = (branch(self, had.then), branch(self, had.otherwise));
            any.push(Formula::all(vec![
                self.same(had.when, wanted.when),
                self.includes(had_then, then, mode),
                self.includes(had_otherwise, otherwise, mode),
            ]));
        }
        // Where nothing was conditional, the condition demands something new.
        let least = if a.conditions.is_empty() { Sure::No } else { Sure::Maybe };
        if least == Sure::No {
            any.remove(0);
        }
        Formula::any(any).at_least(least)
    }
}
