//! Objects: what a property must be, whoever speaks of it, and what may be there beside those that are declared.

use std::rc::Rc;

use regex::{Regex, RegexBuilder};

use super::equations::{Formula, Mode, Way};
use super::view::{Others, View};
use super::{ANY, Direction, Schemas, Sure, Term};
use crate::contracts::document::{Node, Text};

/// The memory that one pattern may take, in bytes.
const PATTERN_BYTES: usize = 1 << 20;

impl Schemas<'_> {
    /// What a schema says about properties that it does not declare.
    pub(super) fn merge_others(&mut self, view: &mut View, node: Node) {
        let forest = &self.forest;
        let names = |node: Node| -> Vec<Text> {
            let declared = forest.get(node, "properties").map_or(&[][..], |all| forest.entries(all));
            declared.iter().map(|(name, _, _)| *name).collect()
        };
        let patterns = |node: Node| -> Vec<(Text, Node)> {
            let all = forest.get(node, "patternProperties").map_or(&[][..], |all| forest.entries(all));
            all.iter().map(|(name, _, value)| (*name, *value)).collect()
        };
        let rest = forest.get(node, "additionalProperties").filter(|rest| !forest.is_true(*rest));
        let own = patterns(node);
        if rest.is_some() || !own.is_empty() {
            let key = if rest.is_some() { "additionalProperties" } else { "patternProperties" };
            let key = forest.key(node, key).unwrap_or(node);
            view.others.push(Others { names: names(node), patterns: own, rest, key, unevaluated: false });
        }
        let unevaluated = forest.get(node, "unevaluatedProperties").filter(|rest| !forest.is_true(*rest));
        let Some(rest) = unevaluated else { return };
        let key = forest.key(node, "unevaluatedProperties").unwrap_or(node);
        let Some(parts) = self.evaluated(node, &["unevaluatedProperties"]) else { return view.opaque.push(rest) };
        let forest = &self.forest;
        let mut all = Others { names: Vec::new(), patterns: Vec::new(), rest: Some(rest), key, unevaluated: true };
        for part in parts {
            // Whoever speaks of all the others leaves none over.
            if forest.get(part, "additionalProperties").is_some() {
                return;
            }
            let declared = forest.get(part, "properties").map_or(&[][..], |all| forest.entries(all));
            all.names.extend(declared.iter().map(|(name, _, _)| *name));
            let matched = forest.get(part, "patternProperties").map_or(&[][..], |all| forest.entries(all));
            all.patterns.extend(matched.iter().map(|(name, _, value)| (*name, *value)));
        }
        view.others.push(all);
    }

    fn pattern(&mut self, pattern: Text) -> Option<Rc<Regex>> {
        if let Some(known) = self.patterns.get(&pattern) {
            return known.clone();
        }
        let built = RegexBuilder::new(self.forest.str(pattern)).size_limit(PATTERN_BYTES).build().ok().map(Rc::new);
        self.patterns.insert(pattern, built.clone());
        built
    }

    /// Whether a text matches a pattern; `Maybe` where the pattern is none that we read.
    pub(super) fn matches(&mut self, pattern: Text, text: Text) -> Sure {
        match self.pattern(pattern) {
            None => Sure::Maybe,
            Some(regex) if regex.is_match(self.forest.str(text)) => Sure::Yes,
            Some(_) => Sure::No,
        }
    }

    /// What the value of a property must be.
    pub(super) fn property(&mut self, view: &View, name: Text) -> Term {
        let declared = view.properties.get(&name).map(|all| all.iter().map(|(_, schema)| *schema).collect());
        let mut nodes: Vec<Node> = declared.unwrap_or_default();
        for others in &view.others {
            let mut matched = others.names.contains(&name);
            for (pattern, schema) in &others.patterns {
                if self.matches(*pattern, name) != Sure::No {
                    matched = true;
                    if !others.unevaluated {
                        nodes.push(*schema);
                    }
                }
            }
            if !matched {
                nodes.extend(others.rest);
            }
        }
        self.together(&nodes)
    }

    /// Whether a property is the same words on both sides, and nothing else speaks of it.
    pub(super) fn is_declared_alike(&self, a: &View, b: &View, name: Text) -> bool {
        let alone = |view: &View| match view.properties.get(&name).map(Vec::as_slice) {
            Some([(_, schema)]) if self.forest.is_map(*schema) => {
                let spoken = |others: &Others| others.patterns.is_empty() && others.names.contains(&name);
                view.others.iter().all(spoken).then_some(*schema)
            }
            _ => None,
        };
        matches!((alone(a), alone(b)), (Some(one), Some(other)) if self.is_same_schema(one, other))
    }

    /// What the value of a property must be that nothing speaks of by its name.
    pub(super) fn other_properties(&mut self, view: &View) -> Term {
        let nodes: Vec<Node> = view.others.iter().filter_map(|others| others.rest).collect();
        self.together(&nodes)
    }

    /// What the values of properties must be whose names match a pattern: every schema that says so by this very pattern.
    pub(super) fn matching(&mut self, view: &View, pattern: Text) -> Term {
        let mut nodes = Vec::new();
        for others in &view.others {
            let own = others.patterns.iter().find(|(one, _)| *one == pattern).map(|(_, schema)| *schema);
            match own {
                Some(schema) if !others.unevaluated => nodes.push(schema),
                Some(_) => {}
                None => nodes.extend(others.rest),
            }
        }
        self.together(&nodes)
    }

    /// Whether a schema speaks of names by patterns.
    pub(super) fn patterns_of(view: &View) -> Vec<Text> {
        let all = view.others.iter().filter(|others| !others.unevaluated);
        let mut patterns: Vec<Text> = all.flat_map(|others| others.patterns.iter().map(|(text, _)| *text)).collect();
        patterns.sort_unstable();
        patterns.dedup();
        patterns
    }

    /// Whether a declared property exists where data flows this way.
    pub(super) fn is_visible(&mut self, view: &View, name: Text, direction: Direction) -> bool {
        if direction == Direction::Both {
            return true;
        }
        let Some(declared) = view.properties.get(&name) else { return true };
        let schemas: Vec<Node> = declared.iter().map(|(_, schema)| *schema).collect();
        let term = self.together(&schemas);
        let property = self.view(term);
        match direction {
            Direction::Request => property.read_only.is_none(),
            Direction::Response => property.write_only.is_none(),
            Direction::Both => true,
        }
    }

    /// The names that a closed object can have; `None` when it takes others.
    fn all_names(&mut self, view: &View) -> Option<Vec<Text>> {
        let closed = self.other_properties(view);
        let closed = self.is_empty(closed) && Self::patterns_of(view).is_empty();
        closed.then(|| view.properties.keys().copied().collect())
    }

    /// Objects of one schema as objects of another.
    pub(super) fn objects_included(&mut self, sub: &View, sup: &View, mode: Mode, all: &mut Vec<Formula>) {
        for name in sup.required.keys() {
            if !sub.required.contains_key(name) && self.is_visible(sup, *name, mode.direction) {
                all.push(Formula::NO);
            }
        }
        let names: std::collections::BTreeSet<Text> =
            sub.properties.keys().chain(sup.properties.keys()).copied().collect();
        self.spend(names.len());
        let closed = self.all_names(sub);
        for name in &names {
            all.push(self.property_included(sub, sup, *name, mode));
        }
        let (sub_rest, sup_rest) = (self.other_properties(sub), self.other_properties(sup));
        all.push(self.includes(sub_rest, sup_rest, mode));
        let (sub_patterns, sup_patterns) = (Self::patterns_of(sub), Self::patterns_of(sup));
        for pattern in &sup_patterns {
            if sub_patterns.contains(pattern) {
                let (a, b) = (self.matching(sub, *pattern), self.matching(sup, *pattern));
                all.push(self.includes(a, b, mode));
            } else if closed.is_none() {
                let schema = self.matching(sup, *pattern);
                let rest = self.includes(sub_rest, schema, mode.strictly());
                // Other patterns may meet the same names, and may promise more.
                let least = if sub_patterns.is_empty() { Sure::No } else { Sure::Maybe };
                all.push(rest.at_least(least));
                for other in &sub_patterns {
                    let matching = self.matching(sub, *other);
                    all.push(self.includes(matching, schema, mode.strictly()).at_least(Sure::Maybe));
                }
            }
        }
        for pattern in sub_patterns.iter().filter(|pattern| !sup_patterns.contains(pattern)) {
            let matching = self.matching(sub, *pattern);
            let least = if sup_patterns.is_empty() { Sure::No } else { Sure::Maybe };
            all.push(self.includes(matching, sup_rest, mode.strictly()).at_least(least));
        }
        self.counts_included(sub, sup, closed.as_deref(), all);
        self.names_included(sub, sup, closed.as_deref(), mode, all);
        self.dependents_included(sub, sup, mode, all);
    }

    fn property_included(&mut self, sub: &View, sup: &View, name: Text, mode: Mode) -> Formula {
        if self.is_declared_alike(sub, sup, name) {
            return Formula::YES;
        }
        let (had, has) = (sub.properties.contains_key(&name), sup.properties.contains_key(&name));
        if !self.is_visible(sub, name, mode.direction) || !self.is_visible(sup, name, mode.direction) {
            return Formula::YES;
        }
        let (a, b) = (self.property(sub, name), self.property(sup, name));
        if self.is_empty(a) {
            return Formula::YES;
        }
        match (had, has, mode.way) {
            // It is new here and takes part in what nobody spoke of before.
            (false, true, Way::Forth) if a == ANY && !self.is_empty(b) => Formula::YES,
            // It is gone: nobody speaks of it any more.
            (true, false, Way::Forth) if b == ANY => Formula::Is(Sure::Maybe),
            (false, true, Way::Back) if a == ANY => Formula::Is(Sure::Maybe),
            _ => self.includes(a, b, mode),
        }
    }

    fn counts_included(&mut self, sub: &View, sup: &View, closed: Option<&[Text]>, all: &mut Vec<Formula>) {
        let least = sub.min_properties.map_or(0.0, |limit| limit.at).max(sub.required.len() as f64);
        let names = closed.map_or(f64::INFINITY, |names| names.len() as f64);
        let most = sub.max_properties.map_or(f64::INFINITY, |limit| limit.at).min(names);
        if sup.min_properties.is_some_and(|limit| limit.at > least)
            || sup.max_properties.is_some_and(|limit| limit.at < most)
        {
            all.push(Formula::NO);
        }
    }

    fn names_included(&mut self, sub: &View, sup: &View, closed: Option<&[Text]>, mode: Mode, all: &mut Vec<Formula>) {
        for (_, wanted) in &sup.names {
            let wanted = self.term(*wanted);
            let mut any = Vec::new();
            for (_, had) in &sub.names {
                let had = self.term(*had);
                any.push(self.includes(had, wanted, mode.strictly()));
            }
            if let Some(names) = closed {
                let mut worst = Sure::Yes;
                for name in names {
                    let key = sub.properties.get(name).and_then(|all| all.first()).map(|(key, _)| *key);
                    worst = worst.min(key.map_or(Sure::Maybe, |key| self.is_valid(key, wanted)));
                }
                any.push(Formula::Is(worst));
            }
            all.push(Formula::any(any));
        }
    }

    fn dependents_included(&mut self, sub: &View, sup: &View, mode: Mode, all: &mut Vec<Formula>) {
        for (name, other) in sup.dependent_required.keys() {
            let held = sub.required.contains_key(other) || sub.dependent_required.contains_key(&(*name, *other));
            if !held && name != other && !self.is_absent(sub, *name) {
                all.push(Formula::NO);
            }
        }
        for (name, schemas) in &sup.dependent_schemas {
            if self.is_absent(sub, *name) {
                continue;
            }
            for (_, schema) in schemas {
                let wanted = self.term(*schema);
                let mut any = vec![self.includes(sub.whole, wanted, mode.strictly())];
                for (_, had) in sub.dependent_schemas.get(name).into_iter().flatten() {
                    any.push(self.same(*had, *schema));
                    let had = self.term(*had);
                    any.push(self.includes(had, wanted, mode));
                }
                let least = if sub.dependent_schemas.contains_key(name) { Sure::Maybe } else { Sure::No };
                all.push(Formula::any(any).at_least(least));
            }
        }
    }

    /// Whether a property can never be there.
    fn is_absent(&mut self, view: &View, name: Text) -> bool {
        let property = self.property(view, name);
        self.is_empty(property)
    }
}
