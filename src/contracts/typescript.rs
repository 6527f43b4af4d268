//! Exported TypeScript: what a change means for those who import it.
//!
//! A module's exports are read as their declarations, followed through re-exports inside the tree, and compared as
//! shapes. What is judged is assignability in the direction in which a value flows: a consumer reads what a function
//! returns and supplies what it takes. Language: <https://www.typescriptlang.org/docs/handbook/>.

mod assign;
mod compare;
mod flows;
mod lower;
mod modules;
mod packages;
pub mod rules;
mod shape;

use std::collections::{BTreeMap, BTreeSet};

use super::lines::Lines;
use super::{ContractChange, Format, Impact, Place, Tree, Unreadable};
use compare::{Comparison, Found, kind};
use flows::Flows;
use modules::{Exported, Side, Target, is_typescript};
use shape::At;

/// What is asked of the comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Files that moved: path in the base to path in the revision. They are compared with each other, and that the old
    /// path is gone counts as one change.
    pub renames: BTreeMap<String, String>,
    /// A type that only functions of the same tree return is read and never made by a consumer, one that they only
    /// take is made and never read: what breaks the other direction is dangerous rather than breaking.
    pub directions_by_use: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { renames: BTreeMap::new(), directions_by_use: true }
    }
}

/// What changed between the exports of two sets of modules, in the order of files and places.
///
/// The paths are those of all contracts of a side; other files (no `.ts`, `.tsx`, `.mts` or `.cts`) are passed over.
/// What a module re-exports is read from the tree of the same side. An export whose type is not written down cannot be
/// judged: it is dangerous if its text changed.
///
/// # Errors
/// None at present: a module that is not TypeScript or goes beyond a limit is a dangerous change that says so.
pub fn diff(
    base: &dyn Tree,
    base_paths: &[String],
    revision: &dyn Tree,
    revision_paths: &[String],
    options: &Options,
) -> Result<Vec<ContractChange>, Unreadable> {
    let back =
        |renames: &BTreeMap<String, String>| renames.iter().map(|(from, to)| (to.clone(), from.clone())).collect();
    let (old_tree, new_tree) = (base, revision);
    let contracts: BTreeSet<String> = base_paths.iter().chain(revision_paths).cloned().collect();
    let base = Side::load(old_tree, base_paths, &contracts, BTreeMap::new());
    let mut revision = Side::load(new_tree, revision_paths, &contracts, back(&options.renames));
    let entries = base.packages.moved(&revision.packages);
    let mut renames = options.renames.clone();
    if !entries.is_empty() {
        renames.extend(entries.clone());
        let paths: Vec<String> = revision_paths.iter().chain(entries.values()).cloned().collect();
        revision = Side::load(new_tree, &paths, &contracts, back(&renames));
    }
    let flows = Flows::of(&base, options.directions_by_use);
    let mut report =
        Report { base: &base, revision: &revision, flows: &flows, entries, lines: BTreeMap::new(), out: Vec::new() };
    let mut pairs: BTreeSet<(String, String)> = BTreeSet::new();
    let mut gone: BTreeMap<String, Gone> = BTreeMap::new();
    for file in &base.listed {
        let other = renames.get(file).unwrap_or(file);
        report.modules(file, other, &mut pairs, &mut gone);
    }
    let old: BTreeSet<&String> = base.listed.iter().map(|file| renames.get(file).unwrap_or(file)).collect();
    for file in revision.listed.iter().filter(|file| !old.contains(file)) {
        report.module_added(file);
    }
    for (id, gone) in gone {
        report.export_removed(&id, gone);
    }
    report.pairs(pairs);
    let mut out = report.out;
    out.sort_by(|a, b| {
        let key = |change: &ContractChange| {
            let place = change.base.as_ref().or(change.revision.as_ref());
            place.map(|place| (place.file.clone(), place.line, place.column))
        };
        key(a).cmp(&key(b)).then_with(|| (a.rule, &a.subject, &a.message).cmp(&(b.rule, &b.subject, &b.message)))
    });
    out.dedup();
    Ok(out)
}

/// Whether [`diff`] reads files of this name.
pub fn reads(path: &str) -> bool {
    is_typescript(path)
}

/// One declaration that is no longer exported, and the names it was exported by.
struct Gone {
    file: String,
    at: At,
    other: String,
    names: BTreeSet<String>,
    by: BTreeSet<String>,
}

/// The most modules or names that one change lists.
const MOST_REACHED: usize = 50;

struct Report<'a> {
    base: &'a Side,
    revision: &'a Side,
    flows: &'a Flows,
    /// Modules that others import by an entry which leads to another file now: nobody notices.
    entries: BTreeMap<String, String>,
    lines: BTreeMap<(bool, String), Lines>,
    out: Vec<ContractChange>,
}

impl Report<'_> {
    fn place(&mut self, in_base: bool, file: &str, at: At) -> Option<Place> {
        let side = if in_base { self.base } else { self.revision };
        let text = &side.modules.get(file)?.text;
        let lines = self.lines.entry((in_base, file.to_string())).or_insert_with(|| Lines::of(text));
        Some(lines.place(file, text, at.start, at.end))
    }

    #[expect(clippy::too_many_arguments, reason = "what a change is made of, once")]
    fn say(
        &mut self,
        rule: &'static str,
        impact: Impact,
        subject: &str,
        message: String,
        (before, after): (Option<String>, Option<String>),
        (base, revision): (Option<Place>, Option<Place>),
        reaches: BTreeSet<String>,
    ) {
        let known = rules::find(rule);
        let args = [Some(subject.to_string()), before.clone(), after.clone()].into_iter().flatten().collect();
        let noticed = impact != Impact::Compatible;
        self.out.push(ContractChange {
            format: Format::TypeScript,
            rule,
            impact,
            subject: subject.to_string(),
            message,
            args,
            before,
            after,
            base,
            revision,
            breaks: known.filter(|_| noticed).map(|known| known.breaks.to_string()).filter(|text| !text.is_empty()),
            fix: known.filter(|_| noticed).map(|known| known.fix.to_string()).filter(|text| !text.is_empty()),
            reaches: reaches.into_iter().take(MOST_REACHED).collect(),
        });
    }

    /// The exports of a module on both sides.
    fn modules(
        &mut self,
        file: &str,
        other: &str,
        pairs: &mut BTreeSet<(String, String)>,
        gone: &mut BTreeMap<String, Gone>,
    ) {
        let Some(was) = self.base.modules.get(file) else { return };
        let start = At::default();
        let whole = |report: &mut Self| (report.place(true, file, start), report.place(false, other, start));
        let still = self.revision.modules.get(other).filter(|_| self.revision.packages.is_open(other));
        let Some(is) = still else {
            let names: BTreeSet<String> = self.base.exports(file).0.into_keys().collect();
            if names.is_empty() && was.problem.is_none() {
                return;
            }
            let message = format!("the module `{file}` was removed with {} exports", names.len());
            let at = (self.place(true, file, start), None);
            return self.say("module-removed", Impact::Breaking, file, message, (None, None), at, names);
        };
        for (problem, in_base) in [(&was.problem, true), (&is.problem, false)] {
            if let Some((what, offset)) = problem {
                if was.text != is.text || !in_base && was.problem.is_none() {
                    let here = At { start: *offset, end: *offset };
                    let at = match in_base {
                        true => (self.place(true, file, here), self.place(false, other, start)),
                        false => (self.place(true, file, start), self.place(false, other, here)),
                    };
                    let side = if in_base { "base" } else { "revision" };
                    let message = format!("`{file}` changed and is not judged: in the {side}, {}", self::plain(what));
                    self.say("module-not-judged", Impact::Dangerous, file, message, (None, None), at, BTreeSet::new());
                }
                return;
            }
        }
        if file != other && !self.entries.contains_key(file) {
            let at = whole(self);
            let message = format!("the module `{file}` is now `{other}`");
            let sides = (Some(file.to_string()), Some(other.to_string()));
            self.say("module-moved", Impact::Breaking, file, message, sides, at, BTreeSet::new());
        }
        let (before, unknown_before) = self.base.exports(file);
        let (after, unknown_after) = self.revision.exports(other);
        if unknown_before != unknown_after {
            let list = |sources: &BTreeSet<String>| sources.iter().cloned().collect::<Vec<_>>().join(", ");
            let (x, y) = (list(&unknown_before), list(&unknown_after));
            let at = whole(self);
            let message =
                format!("`{file}` exports everything of other packages: of `{x}` before, of `{y}` now; not judged");
            let sides = (Some(x), Some(y));
            self.say("reexport-not-judged", Impact::Dangerous, file, message, sides, at, BTreeSet::new());
        }
        for (name, exported) in &before {
            match after.get(name) {
                Some(still) => self.exported(file, other, name, exported, still, pairs),
                None => {
                    let id = match &exported.target {
                        Target::Entity(id) | Target::Elsewhere(id) => id.clone(),
                        Target::Module(module) => format!("{module}#*"),
                    };
                    let entry = gone.entry(id).or_insert_with(|| Gone {
                        file: file.to_string(),
                        at: exported.at,
                        other: other.to_string(),
                        names: BTreeSet::new(),
                        by: BTreeSet::new(),
                    });
                    entry.names.insert(name.clone());
                    entry.by.insert(file.to_string());
                }
            }
        }
        for (name, exported) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
            // What only passes through is said where it is declared, if that is looked at as well.
            let declared_here = match &exported.target {
                Target::Entity(id) => id.rsplit_once('#').is_none_or(|(home, _)| {
                    home == file || !self.revision.listed.contains(self.revision.file_of(home))
                }),
                _ => true,
            };
            if declared_here {
                let at = (self.place(true, file, start), self.place(false, other, exported.at));
                let message = format!("`{file}` exports `{name}`");
                let by = BTreeSet::new();
                self.say("export-added", Impact::Compatible, name, message, (None, None), at, by);
            }
        }
    }

    fn exported(
        &mut self,
        file: &str,
        other: &str,
        name: &str,
        was: &Exported,
        is: &Exported,
        pairs: &mut BTreeSet<(String, String)>,
    ) {
        let at = |report: &mut Self| (report.place(true, file, was.at), report.place(false, other, is.at));
        let has_value = |side: &Side, target: &Target| match target {
            Target::Entity(id) => side.entity(id).is_some_and(|entity| entity.value.is_some() || entity.is_namespace),
            _ => true,
        };
        if !was.type_only && is.type_only && has_value(self.base, &was.target) && has_value(self.revision, &is.target) {
            let at = at(self);
            let message = format!("`{name}` is exported as a type only: it cannot be used as a value any more");
            let by = BTreeSet::new();
            self.say("export-became-type-only", Impact::Breaking, name, message, (None, None), at, by);
        }
        match (&was.target, &is.target) {
            (Target::Entity(x), Target::Entity(y)) => {
                pairs.insert((x.clone(), y.clone()));
            }
            (Target::Module(x), Target::Module(y)) => {
                let (before, _) = self.base.exports(x);
                let (after, _) = self.revision.exports(y);
                for (member, inner) in &before {
                    match (after.get(member).map(|still| &still.target), &inner.target) {
                        (Some(Target::Entity(y)), Target::Entity(x)) => {
                            pairs.insert((x.clone(), y.clone()));
                        }
                        (Some(_), _) => {}
                        (None, _) if self.base.listed.contains(x) => {}
                        (None, _) => {
                            let at = at(self);
                            let subject = format!("{name}.{member}");
                            let message = format!("`{subject}` was removed");
                            let by = BTreeSet::new();
                            let rule = "namespace-member-removed";
                            self.say(rule, Impact::Breaking, &subject, message, (None, None), at, by);
                        }
                    }
                }
            }
            (x, y) if x == y => {}
            (x, y) => {
                let shown = |target: &Target| match target {
                    Target::Entity(id) | Target::Elsewhere(id) => id.clone(),
                    Target::Module(file) => file.clone(),
                };
                let (x, y) = (shown(x), shown(y));
                let at = at(self);
                let message = format!("`{name}` came from `{x}`, comes from `{y}`: what that means is not judged");
                let by = BTreeSet::new();
                self.say("reexport-source-changed", Impact::Dangerous, name, message, (Some(x), Some(y)), at, by);
            }
        }
    }

    fn module_added(&mut self, file: &str) {
        let Some(module) = self.revision.modules.get(file) else { return };
        let at = (None, self.place(false, file, At::default()));
        if let Some((what, _)) = &module.problem {
            let message = format!("`{file}` is new and cannot be read: {}", plain(what));
            let by = BTreeSet::new();
            return self.say("module-not-judged", Impact::Dangerous, file, message, (None, None), at, by);
        }
        let names: BTreeSet<String> = self.revision.exports(file).0.into_keys().collect();
        let message = format!("the module `{file}` is new with {} exports", names.len());
        self.say("module-added", Impact::Compatible, file, message, (None, None), at, names);
    }

    fn export_removed(&mut self, id: &str, gone: Gone) {
        let entity = self.base.entity(id);
        let home = id.rsplit_once('#').map_or(gone.file.as_str(), |(home, _)| home).to_string();
        let name = gone.names.iter().next().cloned().unwrap_or_default();
        let here = match entity {
            Some(entity) => self.place(true, &home, entity.at),
            None => self.place(true, &gone.file, gone.at),
        };
        let at = (here, self.place(false, &gone.other, At::default()));
        let reaches = if gone.by.len() == 1 && gone.by.contains(&home) { BTreeSet::new() } else { gone.by };
        let what = entity.map_or("export", kind);
        let (rule, subject, message) = match name.as_str() {
            "default" => (
                "default-export-removed",
                "default".to_string(),
                format!("`{}` has no default export any more", gone.file),
            ),
            _ => {
                let names = gone.names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                ("export-removed", name.clone(), format!("the {what} {names} is no longer exported"))
            }
        };
        self.say(rule, Impact::Breaking, &subject, message, (Some(what.to_string()), None), at, reaches);
    }

    /// Compares declarations, and those that they refer to, each pair once.
    fn pairs(&mut self, start: BTreeSet<(String, String)>) {
        let mut done: BTreeSet<(String, String)> = BTreeSet::new();
        let mut waiting = start;
        while let Some(pair) = waiting.pop_first() {
            if !done.insert(pair.clone()) {
                continue;
            }
            let (x, y) = &pair;
            let (Some(b), Some(h)) = (self.base.entity(x), self.revision.entity(y)) else { continue };
            let (home, name) = x.rsplit_once('#').unwrap_or(("", x));
            let other = y.rsplit_once('#').map_or("", |(other, _)| other);
            let other = self.revision.file_of(other).to_string();
            let flow = self.flows.get(x);
            let mut comparison = Comparison::new(self.base, self.revision);
            comparison.entities(name, b, h, flow);
            comparison.follow_entities(b, h);
            let Comparison { found, next, .. } = comparison;
            waiting.extend(next.into_iter().filter(|pair| !done.contains(pair)));
            if b.is_namespace || h.is_namespace {
                self.namespaces(x, y, home, &other, &mut waiting);
            }
            let reaches = self.flows.reached_by(x, home, name);
            self.found(found, home, &other, &reaches);
        }
        if self.base.is_exhausted() || self.revision.is_exhausted() {
            let message = "the types are too large to be opened in full: some are not judged".to_string();
            let by = BTreeSet::new();
            self.say("type-not-judged", Impact::Dangerous, "types", message, (None, None), (None, None), by);
        }
    }

    fn namespaces(&mut self, x: &str, y: &str, home: &str, other: &str, waiting: &mut BTreeSet<(String, String)>) {
        let (before, after) = (self.base.members_of(x), self.revision.members_of(y));
        let name = assign::short(x);
        for (member, id) in &before {
            match after.get(member) {
                Some(still) => {
                    waiting.insert((id.clone(), still.clone()));
                }
                None => {
                    let subject = format!("{name}.{member}");
                    let gone = self.base.entity(id).map(|entity| entity.at).unwrap_or_default();
                    let parent = self.revision.entity(y).map(|entity| entity.at).unwrap_or_default();
                    let at = (self.place(true, home, gone), self.place(false, other, parent));
                    let message = format!("`{subject}` was removed");
                    let by = BTreeSet::new();
                    let rule = "namespace-member-removed";
                    self.say(rule, Impact::Breaking, &subject, message, (None, None), at, by);
                }
            }
        }
        for (member, id) in after.iter().filter(|(member, _)| !before.contains_key(*member)) {
            let subject = format!("{name}.{member}");
            let parent = self.base.entity(x).map(|entity| entity.at).unwrap_or_default();
            let here = self.revision.entity(id).map(|entity| entity.at).unwrap_or_default();
            let at = (self.place(true, home, parent), self.place(false, other, here));
            let message = format!("`{subject}` is new");
            let by = BTreeSet::new();
            self.say("namespace-member-added", Impact::Compatible, &subject, message, (None, None), at, by);
        }
    }

    fn found(&mut self, found: Vec<Found>, home: &str, other: &str, reaches: &BTreeSet<String>) {
        let mut unwritten = false;
        for each in found {
            // A function without a single annotation is one thing that cannot be judged, not five.
            if each.rule == "export-not-judged" && std::mem::replace(&mut unwritten, true) {
                continue;
            }
            let base = each.base.and_then(|at| self.place(true, home, at));
            let revision = each.revision.and_then(|at| self.place(false, other, at));
            let sides = (each.before, each.after);
            self.say(each.rule, each.impact, &each.subject, each.message, sides, (base, revision), reaches.clone());
        }
    }
}

/// A parser's sentence within one of ours.
fn plain(what: &str) -> String {
    let mut rest = what.chars();
    let first: String = rest.next().map(|first| first.to_lowercase().collect()).unwrap_or_default();
    format!("{first}{}", rest.as_str()).trim_end_matches('.').to_string()
}
