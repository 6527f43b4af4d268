//! Inclusion on graphs that run in circles: each question is a variable, its answer an equation over other questions,
//! and the answer to all of them at once is the greatest solution.
//!
//! Everything is held to be included until an equation says otherwise, and answers only ever get worse, so the end does
//! not depend on the order of the work, each question is looked at as often as its answers change, and no recursion goes
//! as deep as a document.

use super::{Direction, Schemas, Sure, Term};
use crate::contracts::document::Node;

/// Which sides two terms stand on: what was there before matters to what is taken for granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Way {
    /// Is the base's included in the revision's?
    Forth,
    /// Is the revision's included in the base's?
    Back,
    /// To the letter, whatever the sides.
    Strict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Mode {
    pub(super) way: Way,
    pub(super) direction: Direction,
}

impl Mode {
    pub(super) fn strictly(self) -> Mode {
        Mode { way: Way::Strict, ..self }
    }
}

/// A question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Goal {
    /// Is the first term included in the second?
    Includes(Term, Term, Mode),
    /// Do two nodes say the same, what they refer to included?
    Same(Node, Node),
}

/// An answer in terms of other answers. Every form only gets worse when its parts do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Formula {
    Is(Sure),
    Goal(u32),
    All(Vec<Formula>),
    Any(Vec<Formula>),
    AtMost(Sure, Box<Formula>),
    AtLeast(Sure, Box<Formula>),
}

impl Formula {
    pub(super) const YES: Formula = Formula::Is(Sure::Yes);
    pub(super) const NO: Formula = Formula::Is(Sure::No);

    pub(super) fn all(mut parts: Vec<Formula>) -> Formula {
        parts.retain(|part| *part != Formula::YES);
        match parts.len() {
            0 => Formula::YES,
            _ if parts.contains(&Formula::NO) => Formula::NO,
            1 => parts.swap_remove(0),
            _ => Formula::All(parts),
        }
    }

    pub(super) fn any(mut parts: Vec<Formula>) -> Formula {
        parts.retain(|part| *part != Formula::NO);
        match parts.len() {
            0 => Formula::NO,
            _ if parts.contains(&Formula::YES) => Formula::YES,
            1 => parts.swap_remove(0),
            _ => Formula::Any(parts),
        }
    }

    pub(super) fn at_most(self, most: Sure) -> Formula {
        match (self, most) {
            (formula, Sure::Yes) => formula,
            (Formula::Is(sure), most) => Formula::Is(sure.min(most)),
            (formula, most) => Formula::AtMost(most, Box::new(formula)),
        }
    }

    pub(super) fn at_least(self, least: Sure) -> Formula {
        match (self, least) {
            (formula, Sure::No) => formula,
            (Formula::Is(sure), least) => Formula::Is(sure.max(least)),
            (formula, least) => Formula::AtLeast(least, Box::new(formula)),
        }
    }

    fn value(&self, equations: &[Equation]) -> Sure {
        match self {
            Formula::Is(sure) => *sure,
            Formula::Goal(goal) => equations[*goal as usize].value,
            Formula::All(parts) => parts.iter().map(|part| part.value(equations)).min().unwrap_or(Sure::Yes),
            Formula::Any(parts) => parts.iter().map(|part| part.value(equations)).max().unwrap_or(Sure::No),
            Formula::AtMost(most, part) => part.value(equations).min(*most),
            Formula::AtLeast(least, part) => part.value(equations).max(*least),
        }
    }

    fn goals(&self, out: &mut Vec<u32>) {
        match self {
            Formula::Is(_) => {}
            Formula::Goal(goal) => out.push(*goal),
            Formula::All(parts) | Formula::Any(parts) => parts.iter().for_each(|part| part.goals(out)),
            Formula::AtMost(_, part) | Formula::AtLeast(_, part) => part.goals(out),
        }
    }
}

/// A question with what is known of its answer.
pub(super) struct Equation {
    goal: Goal,
    formula: Formula,
    value: Sure,
    /// The questions whose answers hang on this one.
    users: Vec<u32>,
}

impl Schemas<'_> {
    /// The question as part of an answer. What is plain to see is answered at once.
    pub(super) fn includes(&mut self, sub: Term, sup: Term, mode: Mode) -> Formula {
        if sup == super::ANY || sub == sup {
            return Formula::YES;
        }
        let mode = if self.conventions.strict { mode.strictly() } else { mode };
        self.ask(Goal::Includes(sub, sup, mode))
    }

    /// Whether two nodes say the same, as part of an answer.
    pub(super) fn same(&mut self, one: Node, other: Node) -> Formula {
        match self.forest.same(one, other) {
            false => Formula::NO,
            true if one == other || !self.forest.refers(one) => Formula::YES,
            true => self.ask(Goal::Same(one, other)),
        }
    }

    fn ask(&mut self, goal: Goal) -> Formula {
        let next = self.equations.len() as u32;
        let number = *self.goals.entry(goal).or_insert(next);
        if number == next {
            self.equations.push(Equation { goal, formula: Formula::YES, value: Sure::Yes, users: Vec::new() });
        }
        let equation = &self.equations[number as usize];
        // What was answered before stands.
        if (number as usize) < self.solved { Formula::Is(equation.value) } else { Formula::Goal(number) }
    }

    /// Whether a term is included in another, now.
    pub(super) fn is_included(&mut self, sub: Term, sup: Term, mode: Mode) -> Sure {
        let formula = self.includes(sub, sup, mode);
        self.answer(&formula)
    }

    /// Whether two nodes say the same, now.
    pub(super) fn is_same(&mut self, one: Node, other: Node) -> bool {
        let formula = self.same(one, other);
        self.answer(&formula) == Sure::Yes
    }

    fn answer(&mut self, formula: &Formula) -> Sure {
        self.solve();
        formula.value(&self.equations)
    }

    /// Answers every open question.
    fn solve(&mut self) {
        let from = self.solved;
        let mut next = from;
        // An equation may ask further questions: they stand behind it.
        while next < self.equations.len() {
            let formula = match self.spend(1) {
                true => self.equation(self.equations[next].goal),
                false => Formula::Is(Sure::Maybe),
            };
            let mut asked = Vec::new();
            formula.goals(&mut asked);
            asked.sort_unstable();
            asked.dedup();
            self.spend(asked.len());
            for goal in asked {
                self.equations[goal as usize].users.push(next as u32);
            }
            self.equations[next].formula = formula;
            next += 1;
        }
        // From the last to the first, because answers mostly hang on later questions.
        let mut open: Vec<u32> = (from as u32..next as u32).collect();
        let mut waiting = vec![true; next - from];
        while let Some(number) = open.pop() {
            waiting[number as usize - from] = false;
            let value = self.equations[number as usize].formula.value(&self.equations);
            if value < self.equations[number as usize].value {
                self.equations[number as usize].value = value;
                for at in 0..self.equations[number as usize].users.len() {
                    let user = self.equations[number as usize].users[at];
                    if !std::mem::replace(&mut waiting[user as usize - from], true) {
                        open.push(user);
                    }
                }
            }
        }
        for equation in &mut self.equations[from..] {
            equation.formula = Formula::YES;
            equation.users = Vec::new();
        }
        self.solved = self.equations.len();
    }

    fn equation(&mut self, goal: Goal) -> Formula {
        match goal {
            Goal::Includes(sub, sup, mode) => self.inclusion(sub, sup, mode),
            Goal::Same(one, other) => {
                let (mut left, mut right) = (Vec::new(), Vec::new());
                self.references(one, &mut left);
                self.references(other, &mut right);
                if left.len() != right.len() {
                    return Formula::NO;
                }
                let mut all = Vec::new();
                for (one, other) in left.into_iter().zip(right) {
                    let (one, other) =
                        (self.refs.resolve(&mut self.forest, one), self.refs.resolve(&mut self.forest, other));
                    match (one, other) {
                        (Ok(Some(one)), Ok(Some(other))) => all.push(self.same(one, other)),
                        (Ok(None), Ok(None)) => {}
                        // Whoever reads the schema says what is wrong.
                        _ => return Formula::NO,
                    }
                }
                Formula::all(all)
            }
        }
    }

    /// The references below a node, in an order that does not depend on how its keys are ordered.
    fn references(&mut self, node: Node, out: &mut Vec<Node>) {
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            if !self.forest.refers(node) {
                continue;
            }
            self.spend(1);
            open.extend_from_slice(self.forest.items(node));
            let mut entries = self.forest.entries(node).to_vec();
            // The same text has the same number on both sides.
            entries.sort_unstable_by_key(|(name, _, _)| *name);
            for (name, _, value) in entries {
                let key = self.forest.str(name);
                if matches!(key, "$ref" | "$dynamicRef" | "$recursiveRef") && self.forest.string(value).is_some() {
                    out.push(value);
                } else {
                    open.push(value);
                }
            }
        }
    }
}
