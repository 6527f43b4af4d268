//! Which pairs a pair leads to, and what of their facts still matters on the way.
//!
//! Where a pair as a whole allows no less than before, nothing below it can narrow what flows through it, whatever it
//! does elsewhere: another branch may have taken the values in.

use std::collections::HashMap;

use super::{Direction, Fact, Pair, Schemas, Step, Sure};
use crate::contracts::Impact;

/// What matters on a way: narrowing, widening, both or neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Flow(u8);

impl Flow {
    /// Neither: what is reached this way breaks nobody.
    pub const NOTHING: Flow = Flow(0);
    /// Values that are no longer allowed.
    pub const NARROWING: Flow = Flow(1);
    /// Values that were not allowed.
    pub const WIDENING: Flow = Flow(2);

    fn of(direction: Direction) -> Flow {
        Flow(match direction {
            Direction::Request => 1,
            Direction::Response => 2,
            Direction::Both => 3,
        })
    }

    /// How bad a fact is where this matters.
    pub fn impact(self, fact: &Fact) -> Impact {
        let narrows = if self.0 & 1 == 0 { Impact::Compatible } else { fact.impact(Direction::Request) };
        let widens = if self.0 & 2 == 0 { Impact::Compatible } else { fact.impact(Direction::Response) };
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
        let verdict = |pair: Pair| {
            let [narrows, widens] = self.verdict(pair);
            Flow(u8::from(narrows != Sure::No) | u8::from(widens != Sure::No) << 1)
        };
        let flow = Flow(Flow::of(self.terms(root).2).0 & verdict(root).0);
        let mut found = vec![Reached { pair: root, flow, from: None }];
        let mut places = HashMap::from([(root, 0_usize)]);
        let mut open = std::collections::VecDeque::from([0_usize]);
        while let Some(at) = open.pop_front() {
            let here = found[at];
            for edge in self.edges(here.pair) {
                let flow = Flow(here.flow.0 & verdict(edge.to).0);
                match places.get(&edge.to) {
                    None => {
                        places.insert(edge.to, found.len());
                        open.push_back(found.len());
                        found.push(Reached { pair: edge.to, flow, from: Some((at as u32, edge.step)) });
                    }
                    Some(known) => {
                        let more = Flow(found[*known].flow.0 | flow.0);
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
