//! Single values, and whether two terms have one in common.

use std::rc::Rc;

use super::view::{Group, View};
use super::{Schemas, Sure, Term, Types};
use crate::contracts::document::{Forest, Node, Value};

/// How deep a value is looked into, and how many schemas deep.
const DEEPEST: u32 = 24;
/// Steps that one question about values may take.
const MOST_STEPS: u32 = 20_000;
/// Branches of a `oneOf` that are compared with each other.
const MOST_BRANCHES: usize = 64;

/// The type of a value.
pub(super) fn type_of(forest: &Forest, value: Node) -> Types {
    match forest.value(value) {
        Value::Null => Types::NULL,
        Value::Bool(_) => Types::BOOLEAN,
        Value::Number(_) => match forest.number(value) {
            Some(number) if number.fract() == 0.0 => Types::INTEGER,
            _ => Types::FRACTION,
        },
        Value::String(_) => Types::STRING,
        Value::List(..) => Types::ARRAY,
        Value::Map(..) => Types::OBJECT,
    }
}

fn not(sure: Sure) -> Sure {
    match sure {
        Sure::No => Sure::Yes,
        Sure::Maybe => Sure::Maybe,
        Sure::Yes => Sure::No,
    }
}

impl Schemas<'_> {
    /// The values of a term that has finitely many, in another one.
    pub(super) fn values_included(&mut self, sub: Term, a: &View, values: &[Node], sup: Term) -> Sure {
        let mut worst = Sure::Yes;
        for value in values {
            if worst == Sure::No {
                return worst;
            }
            // A value that the term itself forbids is none of its values.
            match self.is_valid(*value, sub) {
                Sure::No => {}
                Sure::Yes => worst = worst.min(self.is_valid(*value, sup)),
                Sure::Maybe => worst = worst.min(self.is_valid(*value, sup).max(Sure::Maybe)),
            }
        }
        if a.or_null && !self.allows_null(sup) {
            worst = Sure::No;
        }
        worst
    }

    fn allows_null(&mut self, term: Term) -> bool {
        self.types_of(term).meets(Types::NULL)
    }

    /// A schema whose types have few values, or many, in an enumeration.
    pub(super) fn few_values_included(&mut self, a: &View, b: &View) -> super::equations::Formula {
        use super::equations::Formula;
        let (Some(wanted), true) = (&b.values, a.types.but(Types::NULL.or(Types::BOOLEAN)).is_empty()) else {
            return Formula::NO;
        };
        let has = |value: Value| wanted.iter().any(|one| self.forest.value(*one) == value);
        let null = !a.types.meets(Types::NULL) || b.or_null || has(Value::Null);
        let both = !a.types.meets(Types::BOOLEAN) || has(Value::Bool(true)) && has(Value::Bool(false));
        Formula::Is(if null && both { Sure::Yes } else { Sure::No })
    }

    /// Whether a value is one of a term's.
    pub(super) fn is_valid(&mut self, value: Node, term: Term) -> Sure {
        self.budget = MOST_STEPS;
        self.is_valid_within(value, term, DEEPEST)
    }

    fn is_valid_within(&mut self, value: Node, term: Term, depth: u32) -> Sure {
        self.budget = self.budget.saturating_sub(1);
        if depth == 0 || self.budget == 0 || !self.spend(1) {
            return Sure::Maybe;
        }
        let view = self.view(term);
        let kind = type_of(&self.forest, value);
        if !view.types.meets(kind) {
            return Sure::No;
        }
        if let Some(values) = &view.values {
            let listed = values.iter().any(|one| self.forest.same(*one, value));
            let allowed = listed || kind == Types::NULL && view.or_null;
            if !allowed {
                return Sure::No;
            }
        }
        let mut worst = match kind {
            Types::INTEGER | Types::FRACTION => self.valid_number(value, &view),
            Types::STRING => self.valid_text(value, &view),
            Types::ARRAY => self.valid_list(value, &view, depth),
            Types::OBJECT => self.valid_object(value, &view, depth),
            _ => Sure::Yes,
        };
        for (_, forbidden) in &view.nots {
            let forbidden = self.term(*forbidden);
            worst = worst.min(not(self.is_valid_within(value, forbidden, depth - 1)));
        }
        for condition in &view.conditions {
            let when = self.term(condition.when);
            let branch = match self.is_valid_within(value, when, depth - 1) {
                Sure::Yes => condition.then,
                Sure::No => condition.otherwise,
                Sure::Maybe => {
                    worst = worst.min(Sure::Maybe);
                    continue;
                }
            };
            if let Some(branch) = branch {
                let branch = self.term(branch);
                worst = worst.min(self.is_valid_within(value, branch, depth - 1));
            }
        }
        if !view.opaque.is_empty() {
            worst = worst.min(Sure::Maybe);
        }
        for group in &view.groups {
            if worst == Sure::No {
                return worst;
            }
            worst = worst.min(self.valid_in_group(value, group, depth));
        }
        worst
    }

    fn valid_in_group(&mut self, value: Node, group: &Group, depth: u32) -> Sure {
        let (mut yes, mut maybe) = (0, 0);
        for branch in &group.branches {
            let branch = self.term(*branch);
            match self.is_valid_within(value, branch, depth - 1) {
                Sure::Yes => yes += 1,
                Sure::Maybe => maybe += 1,
                Sure::No => {}
            }
        }
        match (group.one, yes, maybe) {
            (false, 1.., _) | (true, 1, 0) => Sure::Yes,
            (true, 2.., _) | (_, 0, 0) => Sure::No,
            _ => Sure::Maybe,
        }
    }

    fn valid_number(&mut self, value: Node, view: &View) -> Sure {
        let Some(number) = self.forest.number(value) else { return Sure::Maybe };
        let low = view.least.is_some_and(|limit| number < limit.at || limit.open && number == limit.at);
        let high = view.most.is_some_and(|limit| number > limit.at || limit.open && number == limit.at);
        let off =
            view.multiples.iter().any(|limit| number != 0.0 && !super::scalars::is_multiple(number.abs(), limit.at));
        match () {
            () if low || high || off => Sure::No,
            () if view.formats.is_empty() => Sure::Yes,
            () => self.format_of_number(number, view),
        }
    }

    fn format_of_number(&self, number: f64, view: &View) -> Sure {
        let each = view.formats.iter().map(|(format, _)| match self.forest.str(*format) {
            "int32" if number.fract() == 0.0 && number.abs() < 2_147_483_648.0 => Sure::Yes,
            "int64" if number.fract() == 0.0 && number.abs() < 9e15 => Sure::Yes,
            "float" | "double" => Sure::Yes,
            format if super::scalars::concerns(format, Types::NUMBER) => Sure::Maybe,
            _ => Sure::Yes,
        });
        each.min().unwrap_or(Sure::Yes)
    }

    fn valid_text(&mut self, value: Node, view: &View) -> Sure {
        let Value::String(text) = self.forest.value(value) else { return Sure::Maybe };
        let length = self.forest.str(text).chars().count() as f64;
        if view.min_length.is_some_and(|limit| length < limit.at)
            || view.max_length.is_some_and(|limit| length > limit.at)
        {
            return Sure::No;
        }
        let mut worst = Sure::Yes;
        for (pattern, _) in &view.patterns {
            worst = worst.min(self.matches(*pattern, text));
        }
        let speaks = |format: &str| super::scalars::concerns(format, Types::STRING);
        let formatted = view.formats.iter().any(|(format, _)| speaks(self.forest.str(*format)));
        let coded = !view.encodings.is_empty() || !view.media_types.is_empty() || !view.contents.is_empty();
        if formatted || coded { worst.min(Sure::Maybe) } else { worst }
    }

    fn valid_list(&mut self, value: Node, view: &View, depth: u32) -> Sure {
        let items = self.forest.items(value).to_vec();
        let count = items.len() as f64;
        let few = view.min_items.is_some_and(|limit| count < limit.at);
        let many = view.max_items.is_some_and(|limit| count > limit.at);
        let mut hashes: Vec<u64> = items.iter().map(|item| self.forest.hash(*item)).collect();
        hashes.sort_unstable();
        let twice = view.unique.is_some() && hashes.windows(2).any(|two| two[0] == two[1]);
        if few || many || twice {
            return Sure::No;
        }
        let mut worst = Sure::Yes;
        for (place, item) in items.iter().enumerate() {
            let term = self.item(view, place);
            worst = worst.min(self.is_valid_within(*item, term, depth - 1));
        }
        for contains in &view.contains {
            let term = self.term(contains.schema);
            let (mut yes, mut maybe) = (0.0, 0.0);
            for item in &items {
                match self.is_valid_within(*item, term, depth - 1) {
                    Sure::Yes => yes += 1.0,
                    Sure::Maybe => maybe += 1.0,
                    Sure::No => {}
                }
            }
            let most = contains.most.unwrap_or(f64::INFINITY);
            worst = worst.min(match () {
                () if yes + maybe < contains.least || yes > most => Sure::No,
                () if yes >= contains.least && yes + maybe <= most => Sure::Yes,
                () => Sure::Maybe,
            });
        }
        worst
    }

    fn valid_object(&mut self, value: Node, view: &View, depth: u32) -> Sure {
        let entries = self.forest.entries(value).to_vec();
        let count = entries.len() as f64;
        let has = |name: &crate::contracts::document::Text| entries.iter().any(|(one, _, _)| one == name);
        let few = view.min_properties.is_some_and(|limit| count < limit.at);
        let many = view.max_properties.is_some_and(|limit| count > limit.at);
        let lacks = view.required.keys().any(|name| !has(name))
            || view.dependent_required.keys().any(|(name, other)| has(name) && !has(other));
        if few || many || lacks {
            return Sure::No;
        }
        let mut worst = Sure::Yes;
        for (name, key, property) in &entries {
            let term = self.property(view, *name);
            worst = worst.min(self.is_valid_within(*property, term, depth - 1));
            for (_, names) in &view.names {
                let names = self.term(*names);
                worst = worst.min(self.is_valid_within(*key, names, depth - 1));
            }
            for (_, schema) in view.dependent_schemas.get(name).into_iter().flatten() {
                let schema = self.term(*schema);
                worst = worst.min(self.is_valid_within(value, schema, depth - 1));
            }
        }
        worst
    }

    /// Whether two terms have no value in common. `No` only where one is found.
    pub(super) fn are_apart(&mut self, one: Term, other: Term) -> Sure {
        self.budget = MOST_STEPS;
        self.apart_within(one, other, 4)
    }

    fn apart_within(&mut self, one: Term, other: Term, depth: u32) -> Sure {
        self.budget = self.budget.saturating_sub(1);
        if self.budget == 0 || !self.spend(1) {
            return Sure::Maybe;
        }
        let shared = self.types_of(one).and(self.types_of(other));
        if shared.is_empty() || self.is_empty(one) || self.is_empty(other) {
            return Sure::Yes;
        }
        let (a, b) = (self.view(one), self.view(other));
        for (view, term, against) in [(&a, one, other), (&b, other, one)] {
            let Some(values) = &view.values else { continue };
            let mut common = Sure::No;
            for value in values {
                let both =
                    self.is_valid_within(*value, term, DEEPEST).min(self.is_valid_within(*value, against, DEEPEST));
                common = common.max(both);
            }
            if view.or_null && self.allows_null(against) {
                common = Sure::Yes;
            }
            return not(common);
        }
        if depth > 0 {
            for (view, against) in [(&a, other), (&b, one)] {
                let small = view.groups.iter().filter(|group| group.branches.len() <= MOST_BRANCHES);
                for group in small {
                    let mut apart = Sure::Yes;
                    for branch in &group.branches {
                        let branch = self.term(*branch);
                        apart = apart.min(self.apart_within(branch, against, depth - 1));
                    }
                    if apart == Sure::Yes {
                        return Sure::Yes;
                    }
                }
            }
        }
        let mut apart = Sure::Yes;
        for kind in shared.each() {
            apart = apart.min(self.type_apart(&a, &b, kind, depth));
        }
        apart
    }

    fn type_apart(&mut self, a: &Rc<View>, b: &Rc<View>, kind: Types, depth: u32) -> Sure {
        use super::view::Limit;
        let crossed = |low: Option<Limit>, high: Option<Limit>| {
            low.zip(high).is_some_and(|(low, high)| low.at > high.at || low.at == high.at && (low.open || high.open))
        };
        let simple = |view: &View| {
            view.groups.is_empty()
                && view.nots.is_empty()
                && view.conditions.is_empty()
                && view.opaque.is_empty()
                && view.multiples.is_empty()
                && view.patterns.is_empty()
                && view.formats.is_empty()
        };
        let common = if simple(a) && simple(b) { Sure::No } else { Sure::Maybe };
        match kind {
            Types::INTEGER | Types::FRACTION if crossed(a.least, b.most) || crossed(b.least, a.most) => Sure::Yes,
            Types::STRING if crossed(a.min_length, b.max_length) || crossed(b.min_length, a.max_length) => Sure::Yes,
            Types::INTEGER | Types::NULL | Types::BOOLEAN | Types::STRING => common,
            Types::ARRAY if crossed(a.min_items, b.max_items) || crossed(b.min_items, a.max_items) => Sure::Yes,
            Types::OBJECT => {
                if crossed(a.min_properties, b.max_properties) || crossed(b.min_properties, a.max_properties) {
                    return Sure::Yes;
                }
                // A property that one of them demands and of which they think differently.
                let names: std::collections::BTreeSet<_> =
                    a.required.keys().chain(b.required.keys()).copied().collect();
                for name in names {
                    let (mine, other) = (self.property(a, name), self.property(b, name));
                    let apart = match depth {
                        0 => Sure::Maybe,
                        depth => self.apart_within(mine, other, depth - 1),
                    };
                    if apart == Sure::Yes {
                        return Sure::Yes;
                    }
                }
                Sure::Maybe
            }
            _ => Sure::Maybe,
        }
    }

    /// Whether no value fulfils two branches of a `oneOf`, so that it is the same as an `anyOf`.
    pub(super) fn is_exclusive(&mut self, group: &Group) -> Sure {
        if let Some(known) = self.exclusive.get(&group.list) {
            return *known;
        }
        let terms: Vec<Term> = group.branches.iter().map(|branch| self.term(*branch)).collect();
        let strict = self.conventions.strict;
        let mut sure = Sure::Yes;
        if terms.len() > MOST_BRANCHES {
            sure = if strict { Sure::Maybe } else { Sure::Yes };
        } else {
            for (at, one) in terms.iter().enumerate() {
                for other in &terms[..at] {
                    let shared = self.types_of(*one).and(self.types_of(*other));
                    // Whoever lists objects means one of them.
                    let meant = !strict && shared.but(Types::OBJECT).is_empty();
                    if sure == Sure::Yes && !meant && self.are_apart(*one, *other) != Sure::Yes {
                        sure = Sure::Maybe;
                    }
                }
            }
        }
        self.exclusive.insert(group.list, sure);
        sure
    }
}
