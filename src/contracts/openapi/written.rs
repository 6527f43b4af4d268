//! Schemas laid side by side as they are written, for what their values do not tell.
//!
//! The comparator judges the values that schemas allow. Two things it does not see: announcements about a property (its
//! last day, its stability), and, where another tool's answer is asked for, keywords that were rewritten and allow the
//! same values as before, which that tool reports by their names. Nothing here judges values.

use std::collections::BTreeSet;

use super::Options;
use super::collect::{Collector, Found, Source, code};
use super::lifecycle::{self, Stability};
use super::model::Lifecycle;
use super::oasdiff::{Names, Where};
use super::operations::{Use, aged_words};
use super::rules;
use super::schemas::place;
use crate::contracts::document::{Forest, Node};
use crate::contracts::schema::Schemas;
use crate::contracts::{Impact, Unreadable};

mod branches;
mod keywords;

/// Steps of all walks.
const MOST_STEPS: usize = 1_000_000;
/// Longer paths are not followed.
const LONGEST_PATH: usize = 48;

/// One walk through the schemas of one use.
struct Walk<'a, 's> {
    schemas: &'a mut Schemas<'s>,
    out: &'a mut Collector,
    options: &'a Options,
    one: &'a Use,
    /// Pairs on the way here.
    above: Vec<(Node, Node)>,
    /// Pairs that were done, when only announcements are looked for.
    done: BTreeSet<(Node, Node)>,
    steps: &'a mut usize,
}

/// Walks all uses.
///
/// # Errors
/// When a reference leads nowhere.
pub(super) fn tell(
    schemas: &mut Schemas<'_>,
    uses: &[Use],
    options: &Options,
    out: &mut Collector,
) -> Result<(), Unreadable> {
    let announces = ["x-sunset", "x-stability-level"].iter().any(|word| schemas.forest.knows(word));
    let days =
        options.deprecation_days_stable + options.deprecation_days_beta > 0 && schemas.forest.knows("deprecated");
    if !announces && !days && !options.unfolded {
        return Ok(());
    }
    let mut steps = 0;
    for one in uses {
        if options.unfolded && one.base.is_some() != one.revision.is_some() {
            let (verb, impact) =
                if one.base.is_some() { ("removed", one.to_server) } else { ("added", !one.to_server) };
            let place = Where::of(one, &[], false);
            let found = Found::new("schema-changed", compatible(impact), one.operation.clone());
            let found = found.at(Some(one.holders[0]), Some(one.holders[1]));
            out.peer_of(
                one,
                &found,
                place.named(&[format!("media-type-schema-{verb}")], vec![one.media.clone()]),
                Source::Words,
            );
        }
        let (Some(old), Some(new)) = (one.base, one.revision) else { continue };
        let mut walk = Walk { schemas, out, options, one, above: Vec::new(), done: BTreeSet::new(), steps: &mut steps };
        walk.pair(old, new, &mut Vec::new(), None)?;
    }
    Ok(())
}

fn compatible(is: bool) -> Impact {
    if is { Impact::Compatible } else { Impact::Dangerous }
}

impl Walk<'_, '_> {
    fn forest(&self) -> &Forest {
        &self.schemas.forest
    }

    fn pair(&mut self, old: Node, new: Node, path: &mut Vec<String>, required: Option<bool>) -> Result<(), Unreadable> {
        let (old, new) = (self.schemas.follow(old)?, self.schemas.follow(new)?);
        let forest = &self.schemas.forest;
        if forest.same(old, new) && !forest.refers(old) && !forest.refers(new) {
            return Ok(());
        }
        *self.steps += 1;
        let known = match self.options.unfolded {
            true => self.above.contains(&(old, new)),
            false => !self.done.insert((old, new)),
        };
        if known || *self.steps > MOST_STEPS || path.len() > LONGEST_PATH || self.out.is_full() {
            return Ok(());
        }
        self.above.push((old, new));
        if !path.is_empty() {
            self.announcements(old, new, path);
        }
        if self.options.unfolded {
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
