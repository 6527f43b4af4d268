//! Pairs of terms: what changed in each, and the pairs inside it.

use super::equations::{Mode, Way};
use super::terms::Atom;
use super::{Compared, Direction, Edge, Fact, Pair, Schemas, Step, Subject, Sure, Term, Verb};
use crate::contracts::document::Node;

/// How sure it is that something is missing, by how sure it is that all of it is there.
pub(super) fn lacks(included: Sure) -> Sure {
    match included {
        Sure::Yes => Sure::No,
        Sure::Maybe => Sure::Maybe,
        Sure::No => Sure::Yes,
    }
}

impl Schemas<'_> {
    /// The pair of two terms, and where they are written.
    pub(super) fn pair(
        &mut self,
        base: Term,
        revision: Term,
        direction: Direction,
        written: [Option<Node>; 2],
    ) -> Pair {
        if let Some(pair) = self.by_terms.get(&(base, revision, direction)) {
            return *pair;
        }
        let pair = Pair(self.pairs.len() as u32);
        self.by_terms.insert((base, revision, direction), pair);
        self.pairs.push(Compared {
            base,
            revision,
            direction,
            written,
            narrows: Sure::No,
            widens: Sure::No,
            facts: Vec::new(),
            edges: Vec::new(),
        });
        self.open.push(pair);
        pair
    }

    /// Whether the base lacks nothing in the revision, and the other way round: how sure it is that it does.
    pub(super) fn difference(&mut self, base: Term, revision: Term, direction: Direction) -> [Sure; 2] {
        let forth = self.is_included(base, revision, Mode { way: Way::Forth, direction });
        let back = self.is_included(revision, base, Mode { way: Way::Back, direction });
        [lacks(forth), lacks(back)]
    }

    /// Fills in a pair.
    pub(super) fn look_at(&mut self, pair: Pair) {
        let (base, revision, direction) = self.terms(pair);
        if base == revision || !self.spend(1) || self.is_written_alike(base, revision) {
            return;
        }
        let [narrows, widens] = self.difference(base, revision, direction);
        let shown = self.shown(pair);
        let mut change = super::changes::Change {
            a: self.view(base),
            b: self.view(revision),
            direction,
            shown,
            narrows,
            widens,
            facts: Vec::new(),
            edges: Vec::new(),
        };
        self.collect(&mut change);
        let compared = &mut self.pairs[pair.0 as usize];
        (compared.narrows, compared.widens) = (narrows, widens);
        compared.facts = change.facts;
        compared.edges = change.edges;
    }

    /// Whether the same words stand on both sides, and behind every reference too.
    fn is_written_alike(&mut self, base: Term, revision: Term) -> bool {
        let list = |schemas: &Self, term: Term| {
            let all = schemas.atoms[term.0 as usize].iter().map(|atom| match atom {
                Atom::Schema(node) => (0, schemas.forest.hash(*node), Some(*node)),
                Atom::OneOf(node) => (1, schemas.forest.hash(*node), Some(*node)),
                Atom::AnyOf(node) => (2, schemas.forest.hash(*node), Some(*node)),
                Atom::Only(types) => (3, u64::from(types.0), None),
            });
            let mut all: Vec<(u8, u64, Option<Node>)> = all.collect();
            all.sort_unstable();
            all
        };
        let (left, right) = (list(self, base), list(self, revision));
        let alike = left.len() == right.len() && left.iter().zip(&right).all(|(a, b)| (a.0, a.1) == (b.0, b.1));
        alike
            && self.dialects[0].nullable == self.dialects[1].nullable
            && left.iter().zip(&right).all(|(a, b)| match (a.2, b.2) {
                (Some(a), Some(b)) => self.is_same(a, b),
                _ => true,
            })
    }

    /// Where inclusion says that something changed and no fact says what, a fact says at least that.
    pub(super) fn explain(&mut self) {
        let mut users: Vec<Vec<u32>> = vec![Vec::new(); self.pairs.len()];
        for (number, pair) in self.pairs.iter().enumerate() {
            for Edge { to, .. } in &pair.edges {
                users[to.0 as usize].push(number as u32);
            }
        }
        for least in [Sure::Yes, Sure::Maybe] {
            for narrowing in [true, false] {
                let of_pair = |pair: &Compared| if narrowing { pair.narrows } else { pair.widens };
                let of_fact = |fact: &Fact| if narrowing { fact.narrows } else { fact.widens };
                let mut explained = vec![false; self.pairs.len()];
                let mut open: Vec<u32> = (0..self.pairs.len() as u32)
                    .filter(|at| self.pairs[*at as usize].facts.iter().any(|fact| of_fact(fact) >= least))
                    .collect();
                let spread = |open: &mut Vec<u32>, explained: &mut Vec<bool>| {
                    while let Some(at) = open.pop() {
                        if !std::mem::replace(&mut explained[at as usize], true) {
                            open.extend_from_slice(&users[at as usize]);
                        }
                    }
                };
                spread(&mut open, &mut explained);
                for at in (0..self.pairs.len()).rev() {
                    if of_pair(&self.pairs[at]) < least || explained[at] {
                        continue;
                    }
                    let (narrows, widens) = match narrowing {
                        true => (self.pairs[at].narrows, Sure::No),
                        false => (Sure::No, self.pairs[at].widens),
                    };
                    self.blame(at, narrows, widens);
                    open.push(at as u32);
                    spread(&mut open, &mut explained);
                }
            }
        }
    }

    fn blame(&mut self, at: usize, narrows: Sure, widens: Sure) {
        let shown = self.shown(Pair(at as u32));
        let pair = &mut self.pairs[at];
        if let Some(fact) = pair.facts.iter_mut().find(|fact| fact.subject == Subject::Schema) {
            (fact.narrows, fact.widens) = (fact.narrows.max(narrows), fact.widens.max(widens));
            return;
        }
        pair.facts.push(Fact {
            subject: Subject::Schema,
            verb: Verb::Changed,
            narrows,
            widens,
            name: None,
            exclusive: [false; 2],
            before: None,
            after: None,
            base: shown[0],
            revision: shown[1],
        });
    }
}

/// An edge that is still to be drawn.
pub(super) struct Inside {
    pub(super) step: Step,
    pub(super) terms: [Term; 2],
    pub(super) shown: [Option<Node>; 2],
}
