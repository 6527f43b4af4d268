//! Which pairs a pair leads to, and what of their facts still matters on the way.
//!
//! Where a pair as a whole allows no less than before, nothing below it can narrow what flows through it, whatever it
//! does elsewhere: another branch may have taken the values in.

use super::{Direction, Fact, HashMap, Pair, Schemas, Step, Sure};
use crate::contracts::Impact;

/// What matters on a way, and how sure it is: narrowing, widening, both or neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Flow {
    /// Whether values that are no longer allowed matter.
    pub narrowing: Sure,
    /// Whether values that were not allowed matter.
    pub widening: Sure,
}

impl Flow {
    /// Neither: what is reached this way breaks nobody.
    pub const NOTHING: Flow = Flow { narrowing: Sure::No, widening: Sure::No };

    fn of(direction: Direction) -> Flow {
        let (narrowing, widening) = match direction {
            Direction::Request => (Sure::Yes, Sure::No),
            Direction::Response => (Sure::No, Sure::Yes),
            Direction::Both => (Sure::Yes, Sure::Yes),
        };
        Flow { narrowing, widening }
    }

    fn through(self, [narrows, widens]: [Sure; 2]) -> Flow {
        Flow { narrowing: self.narrowing.min(narrows), widening: self.widening.min(widens) }
    }

    fn or(self, other: Flow) -> Flow {
        Flow { narrowing: self.narrowing.max(other.narrowing), widening: self.widening.max(other.widening) }
    }

    /// How bad a fact is where this matters.
    pub fn impact(self, fact: &Fact) -> Impact {
        let level = |sure: Sure| match sure {
            Sure::No => Impact::Compatible,
            Sure::Maybe => Impact::Dangerous,
            Sure::Yes => Impact::Breaking,
        };
        let narrows = fact.impact(Direction::Request).min(level(self.narrowing));
        let widens = fact.impact(Direction::Response).min(level(self.widening));
        narrows.max(widens)
    }
}

/// A pair that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The pair.
    pub pair: Pair,
    /// What matters there.
    pub flow: Flow,
    /// The pair before it on a shortest way, by its place in the list, and the step from there.
    pub from: Option<(u32, Step)>,
}

impl Schemas<'_> {
    /// Every pair that a pair leads to, nearest first, itself included.
    pub fn reach(&self, root: Pair) -> Vec<Reached> {
        self.reach_from(&[root])
    }

    /// Every pair that one of several leads to, nearest first. They themselves come first, in their order.
    pub fn reach_from(&self, roots: &[Pair]) -> Vec<Reached> {
        let mut found: Vec<Reached> = Vec::new();
        let mut places = HashMap::default();
        for root in roots {
            let flow = Flow::of(self.terms(*root).2).through(self.verdict(*root));
            if !places.contains_key(root) {
                places.insert(*root, found.len());
            }
            found.push(Reached { pair: *root, flow, from: None });
        }
        let mut open: std::collections::VecDeque<usize> = (0..found.len()).collect();
        while let Some(at) = open.pop_front() {
            let here = found[at];
            for edge in self.edges(here.pair) {
                let flow = here.flow.through(self.verdict(edge.to));
                match places.get(&edge.to) {
                    None => {
                        places.insert(edge.to, found.len());
                        open.push_back(found.len());
                        found.push(Reached { pair: edge.to, flow, from: Some((at as u32, edge.step)) });
                    }
                    Some(known) => {
                        let more = found[*known].flow.or(flow);
                        if more != found[*known].flow {
                            found[*known].flow = more;
                            open.push_back(*known);
                        }
                    }
                }
            }
        }
        found
    }

    /// The steps from the first of a list to one of it.
    pub fn path(found: &[Reached], to: usize) -> Vec<Step> {
        let (mut steps, mut at) = (Vec::new(), to);
        while let Some((before, step)) = found.get(at).and_then(|reached| reached.from) {
            steps.push(step);
            at = before as usize;
        }
        steps.reverse();
        steps
    }
}
