//! Schemas laid side by side as they are written, for what their values do not tell.
//!
//! The comparator judges the values that schemas allow. Two things it does not see: announcements about a property (its
//! last day, its stability), and, where another tool's answer is asked for, keywords that were rewritten and allow the
//! same values as before, which that tool reports by their names. Nothing here judges values.

use std::collections::{HashMap, HashSet};

use super::Options;
use super::collect::{Collector, Found, Source, code};
use super::lifecycle::{self, Stability};
use super::model::Lifecycle;
use super::oasdiff::{Names, Where};
use super::operations::{Use, aged_words};
use super::read::unreadable;
use super::rules;
use super::schemas::{LONGEST_PATH, MOST_PLACES, place};
use crate::contracts::document::{Forest, Node};
use crate::contracts::schema::Schemas;
use crate::contracts::{Impact, Unreadable};

mod branches;
mod keywords;

/// Steps of all walks.
const MOST_STEPS: usize = 4_000_000;

type Pair = (Node, Node);

/// What a first walk through everything found, so that the walks of the uses need only go where something is.
#[derive(Default)]
struct Survey {
    /// Which pairs lead to a pair.
    users: HashMap<Pair, Vec<Pair>>,
    /// Pairs with an announcement.
    found: Vec<Pair>,
}

impl Survey {
    /// Every pair that leads to an announcement, those with one included.
    fn fertile(self) -> HashSet<Pair> {
        let (mut all, mut open) = (HashSet::new(), self.found);
        while let Some(pair) = open.pop() {
            if all.insert(pair) {
                open.extend(self.users.get(&pair).into_iter().flatten());
            }
        }
        all
    }
}

/// Why a walk goes on.
enum Goal {
    /// To find out where announcements are; each pair once.
    Survey(Survey),
    /// To tell announcements, where there are some.
    Announcements(HashSet<Pair>),
    /// To tell everything, on every path.
    Everything,
}

/// A walk through the schemas of uses, one after the other.
struct Walk<'a, 's> {
    schemas: &'a mut Schemas<'s>,
    out: &'a mut Collector,
    options: &'a Options,
    one: &'a Use,
    goal: Goal,
    /// Pairs on the way here.
    above: Vec<Pair>,
    /// How often pairs were met, in one use or in all.
    done: HashMap<Pair, usize>,
    steps: usize,
}

/// Walks all uses.
///
/// # Errors
/// When a reference leads nowhere, or there are more paths than anybody follows.
pub(super) fn tell(
    schemas: &mut Schemas<'_>,
    uses: &[Use],
    options: &Options,
    out: &mut Collector,
) -> Result<(), Unreadable> {
    let announces = ["x-sunset", "x-stability-level"].iter().any(|word| schemas.forest.known(word).is_some());
    let days = options.deprecation_days_stable + options.deprecation_days_beta > 0
        && schemas.forest.known("deprecated").is_some();
    let Some(first) = uses.first().filter(|_| announces || days || options.unfolded) else { return Ok(()) };
    let goal = if options.unfolded { Goal::Everything } else { Goal::Survey(Survey::default()) };
    let (above, done) = (Vec::new(), HashMap::new());
    let mut walk = Walk { schemas, out, options, one: first, goal, above, done, steps: 0 };
    walk.all(uses)?;
    if let Goal::Survey(survey) = walk.goal {
        let fertile = survey.fertile();
        if !fertile.is_empty() {
            walk.goal = Goal::Announcements(fertile);
            walk.all(uses)?;
        }
    }
    Ok(())
}

fn compatible(is: bool) -> Impact {
    if is { Impact::Compatible } else { Impact::Dangerous }
}

impl<'a> Walk<'a, '_> {
    fn forest(&self) -> &Forest {
        &self.schemas.forest
    }

    fn is_unfolding(&self) -> bool {
        matches!(self.goal, Goal::Everything)
    }

    fn all(&mut self, uses: &'a [Use]) -> Result<(), Unreadable> {
        for one in uses {
            self.one = one;
            if self.is_unfolding() && one.base.is_some() != one.revision.is_some() {
                let (verb, gains) = if one.base.is_some() { ("removed", true) } else { ("added", false) };
                let found = Found::new("schema-changed", compatible(one.to_server == gains), one.operation.clone());
                let names =
                    Where::of(one, &[], false).named(&[format!("media-type-schema-{verb}")], vec![one.media.clone()]);
                self.out.peer_of(one, &found.at(Some(one.holders[0]), Some(one.holders[1])), names, Source::Words);
            }
            let (Some(old), Some(new)) = (one.base, one.revision) else { continue };
            if !matches!(self.goal, Goal::Survey(_)) {
                self.done.clear();
            }
            self.pair(old, new, &mut Vec::new(), None)?;
        }
        self.done.clear();
        Ok(())
    }

    fn pair(&mut self, old: Node, new: Node, path: &mut Vec<String>, required: Option<bool>) -> Result<(), Unreadable> {
        let (old, new) = (self.schemas.follow(old)?, self.schemas.follow(new)?);
        let forest = &self.schemas.forest;
        if forest.same(old, new) && !forest.refers(old) && !forest.refers(new) {
            return Ok(());
        }
        self.steps += 1;
        if self.steps > MOST_STEPS {
            let what = "these schemas lead to one another on more paths than can be followed".into();
            return Err(unreadable(&self.schemas.forest, new, what));
        }
        let pair = (old, new);
        if let (Goal::Survey(survey), Some(user)) = (&mut self.goal, self.above.last()) {
            survey.users.entry(pair).or_default().push(*user);
        }
        let met = self.done.entry(pair).or_default();
        *met += 1;
        let passed_over = match &self.goal {
            Goal::Everything => *met > MOST_PLACES || self.above.contains(&pair),
            Goal::Survey(_) => *met > 1,
            Goal::Announcements(fertile) => *met > 1 || !fertile.contains(&pair),
        };
        if passed_over || path.len() > LONGEST_PATH || self.out.is_full() {
            return Ok(());
        }
        self.above.push(pair);
        if !path.is_empty() {
            self.announcements(old, new, path);
        }
        if self.is_unfolding() {
            keywords::compare(self, old, new, path, required);
        }
        branches::walk(self, old, new, path)?;
        self.above.pop();
        Ok(())
    }

    /// An entry for the other tool, of the first of several names that it has.
    fn say(&mut self, nodes: [Node; 2], path: &[String], names: &[String], values: Vec<String>) {
        let found = Found::new("schema-changed", Impact::Compatible, self.one.operation.clone());
        let found = found.at(Some(nodes[0]), Some(nodes[1]));
        let said: Names = Where::of(self.one, path, !path.is_empty()).named(names, values);
        self.out.peer_of(self.one, &found, said, Source::Words);
    }

    fn announcements(&mut self, old: Node, new: Node, path: &[String]) {
        let forest = &self.schemas.forest;
        let of = |node: Node| Lifecycle {
            deprecated: forest.get(node, "deprecated").is_some_and(|value| forest.is_true(value)),
            sunset: forest.get(node, "x-sunset"),
            stability: forest.get(node, "x-stability-level"),
        };
        let (before, after) = (of(old), of(new));
        let thing = code(&path.join("."));
        let mut told: Vec<(&'static str, Impact, Vec<String>, String)> = Vec::new();
        let (was, is) = (lifecycle::stability(forest, before), lifecycle::stability(forest, after));
        match (&was, &is) {
            (Ok(was), Ok(is)) if was != is => {
                let (ending, impact) = match is < was {
                    true => ("stability-decreased", Impact::Breaking),
                    false => ("stability-increased", Impact::Compatible),
                };
                let args = vec![was.name().to_string(), is.name().to_string()];
                told.push((ending, impact, args, format!("{thing} is {} and was {}", is.name(), was.name())));
            }
            (was, is) if was != is => {
                let word = is.as_ref().err().or(was.as_ref().err()).cloned().unwrap_or_default();
                let message = format!("the stability {} of {thing} is no known word", code(&word));
                told.push(("stability-unreadable", Impact::Breaking, vec![word], message));
            }
            _ => {}
        }
        let days = self.options.deprecation_days(is.unwrap_or(Stability::Stable));
        for aging in lifecycle::aged(forest, before, after, days, self.options) {
            // That something is deprecated, and no more, says the comparator.
            if !matches!(aging, lifecycle::Aging::Deprecated(None) | lifecycle::Aging::Reactivated) {
                told.push(aged_words(&aging, &thing));
            }
        }
        if let (Goal::Survey(survey), false) = (&mut self.goal, told.is_empty()) {
            survey.found.push((old, new));
            return;
        }
        for (ending, impact, args, message) in told {
            if self.options.unfolded {
                let names = match ending {
                    "sunset-unreadable" | "sunset-spoilt" => vec!["deprecated-sunset-invalid".to_string()],
                    "sunset-missing" => vec!["deprecated-sunset-missing".into()],
                    "sunset-too-soon" => vec!["sunset-date-too-small".into()],
                    "stability-unreadable" => {
                        let found = Found::new("stability-unreadable", impact, self.one.operation.clone());
                        let said = Names::single("api-invalid-stability-level", args);
                        self.out.peer_of(self.one, &found.at(Some(old), Some(new)), said, Source::Words);
                        continue;
                    }
                    other => vec![other.to_string()],
                };
                let found = Found::new("schema-changed", impact, self.one.operation.clone());
                let said = Where::of(self.one, path, true).named(&names, args);
                self.out.peer_of(self.one, &found.at(Some(old), Some(new)), said, Source::Words);
            } else {
                let rule = rules::of_schema(place(self.one, true), ending);
                let args: Vec<String> = [path.join(".")].into_iter().chain(args).collect();
                let found = Found::new(rule, impact, self.one.operation.clone()).shared(path.join("."));
                self.out.reach(found.at(Some(old), Some(new)).args(args).say(message), &self.one.operation);
            }
        }
    }
}
