//! Gathers what is found, one entry per cause, with the operations through which callers meet it.
//!
//! A parameter that many operations share is one node of the document, and so one cause: what is said twice about the
//! same two nodes is said once, and reaches both operations.

use std::collections::{BTreeSet, HashMap};

use super::operations::{Spot, Use};
use super::{oasdiff, rules};
use crate::contracts::document::{Forest, Node};
use crate::contracts::{ContractChange, Format, Impact};

/// Longer values are cut in messages.
const MOST_SHOWN: usize = 80;
/// More entries than this are no answer that anybody reads; unfolded ones for other tools count as well.
pub(super) const MOST_ENTRIES: usize = 400_000;

/// One thing that was found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) rule: &'static str,
    impact: Impact,
    subject: String,
    /// What it is called when several operations meet it.
    shared: Option<String>,
    base: Option<Node>,
    revision: Option<Node>,
    before: Option<String>,
    after: Option<String>,
    pub(super) args: Vec<String>,
    message: String,
    /// Whether it was written for the whole document.
    pub(super) global: bool,
}

impl Found {
    pub(super) fn new(rule: &'static str, impact: Impact, subject: impl Into<String>) -> Self {
        Self {
            rule,
            impact,
            subject: subject.into(),
            shared: None,
            base: None,
            revision: None,
            before: None,
            after: None,
            args: Vec::new(),
            message: String::new(),
            global: false,
        }
    }

    /// Where it stood, and where it or its surviving parent stands.
    pub(super) fn at(mut self, base: Option<Node>, revision: Option<Node>) -> Self {
        (self.base, self.revision) = (base, revision);
        self
    }

    /// The values before and after.
    pub(super) fn sides(mut self, before: &str, after: &str) -> Self {
        (self.before, self.after) = (Some(before.to_string()), Some(after.to_string()));
        self
    }

    pub(super) fn sides_of(mut self, before: Option<String>, after: Option<String>) -> Self {
        (self.before, self.after) = (before, after);
        self
    }

    pub(super) fn args(mut self, args: impl IntoIterator<Item = String>) -> Self {
        self.args = args.into_iter().collect();
        self
    }

    pub(super) fn say(mut self, message: String) -> Self {
        self.message = message;
        self
    }

    pub(super) fn shared(mut self, name: String) -> Self {
        self.shared = Some(name);
        self
    }

    pub(super) fn global(mut self, global: bool) -> Self {
        self.global = global;
        self
    }
}

/// What another tool's entry is about: its name, the operation, the place, the media type, the path, and the value where
/// there may be several.
type PeerKey = (&'static str, String, Spot, String, String, String);

/// Where an entry for another tool comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The values that schemas allow.
    Values,
    /// How schemas are written.
    Words,
}

type Key = (&'static str, Option<Node>, Option<Node>, Vec<String>);

/// All that is found.
pub(super) struct Collector {
    /// Whether every operation gets its own entry, in the words of oasdiff.
    unfolded: bool,
    entries: Vec<(Found, BTreeSet<String>)>,
    known: HashMap<Key, usize>,
    /// Their id, their values, the operation.
    peers: Vec<(&'static str, Vec<String>, Found, Option<String>)>,
    told: HashMap<PeerKey, [usize; 2]>,
    /// What values said in each use, by its path.
    worst: HashMap<(String, Spot, String), Vec<(String, Impact)>>,
}

impl Collector {
    pub(super) fn new(unfolded: bool) -> Self {
        Self {
            unfolded,
            entries: Vec::new(),
            known: HashMap::new(),
            peers: Vec::new(),
            told: HashMap::new(),
            worst: HashMap::new(),
        }
    }

    /// Whether nothing more fits.
    pub(super) fn is_full(&self) -> bool {
        self.entries.len().max(self.peers.len()) >= MOST_ENTRIES
    }

    /// What no operation is needed for to say it.
    pub(super) fn add(&mut self, found: Found) {
        self.put(found, None);
    }

    /// What callers of an operation meet.
    pub(super) fn reach(&mut self, found: Found, operation: &str) {
        self.put(found, Some(operation));
    }

    fn put(&mut self, found: Found, operation: Option<&str>) {
        if self.unfolded {
            if let Some(id) = oasdiff::id(&found) {
                let args = oasdiff::args(&found);
                self.peer(id, args, &found, operation);
            }
            return;
        }
        let key = (found.rule, found.base, found.revision, found.args.clone());
        let impact = found.impact;
        let at = *self.known.entry(key).or_insert_with(|| {
            self.entries.push((found, BTreeSet::new()));
            self.entries.len() - 1
        });
        // What is harmless one way may break the other.
        self.entries[at].0.impact = self.entries[at].0.impact.max(impact);
        if let Some(operation) = operation {
            self.entries[at].1.insert(operation.to_string());
        }
    }

    /// An entry in another tool's words.
    pub(super) fn peer(&mut self, id: &'static str, args: Vec<String>, found: &Found, operation: Option<&str>) {
        if !self.is_full() {
            self.peers.push((id, args, found.clone(), operation.map(str::to_string)));
        }
    }

    /// An entry about a schema in another tool's words. What values told is not told once more by words.
    pub(super) fn peer_of(&mut self, one: &Use, found: &Found, names: oasdiff::Names, source: Source) {
        let within = (one.operation.clone(), one.spot.clone(), one.media.clone());
        let worst = self.worst.entry(within).or_default();
        if source == Source::Values {
            worst.push((names.path.clone(), found.impact));
        }
        let Some(id) = names.id else { return };
        let mut found = found.clone();
        if source == Source::Words {
            found.impact = found.impact.max(meant(id, &names.path, worst));
        }
        let mut values = names.args.iter().filter(|value| !value.contains(&names.path) || names.path.is_empty());
        // Each of several values that went is an entry of its own.
        let value = match id.contains("-value-") || id.contains("dependent") || id.contains("items-") {
            true => values.by_ref().cloned().collect::<Vec<_>>().join(" "),
            false => String::new(),
        };
        let key = (id, one.operation.clone(), one.spot.clone(), one.media.clone(), names.path, value);
        let counts = self.told.entry(key).or_default();
        counts[source as usize] += 1;
        if source == Source::Values || counts[1] > counts[0] {
            let operation = Some(one.operation.as_str()).filter(|name| !name.is_empty());
            self.peer(id, names.args, &found, operation);
        }
    }

    /// The changes, in the order of places.
    pub(super) fn finish(self, forest: &Forest) -> Vec<ContractChange> {
        let mut changes: Vec<ContractChange> = Vec::new();
        for (id, args, found, operation) in self.peers {
            let mut change = said(forest, found, BTreeSet::new());
            change.subject = operation.unwrap_or(change.subject);
            // The entries of one operation differ in their values, not in words.
            change.message = format!("{id} {} {args:?}", change.subject);
            (change.rule, change.args) = (id, args);
            changes.push(change);
        }
        changes.extend(self.entries.into_iter().map(|(found, reaches)| said(forest, found, reaches)));
        changes.sort_by_cached_key(|change| {
            let place = change.revision.as_ref().or(change.base.as_ref());
            let place = place.map(|place| (place.file.clone(), place.line, place.column));
            (place, change.rule, change.subject.clone(), change.args.clone())
        });
        changes
    }
}

/// How bad what is written otherwise at a path is, by what the values there say; a schema that is put together
/// otherwise is as bad as the worst in it.
fn meant(id: &str, path: &str, values: &[(String, Impact)]) -> Impact {
    if ["default", "deprecated", "sunset", "stability"].iter().any(|word| id.contains(word)) {
        return Impact::Compatible;
    }
    let is_whole = ["all-of", "one-of", "any-of", "list-of-types", "type-changed"].iter().any(|word| id.contains(word));
    let concerns = |place: &str| {
        let below = place.strip_prefix(path).is_some_and(|rest| path.is_empty() || rest.starts_with('/'));
        place == path || is_whole && below
    };
    let worst = values.iter().filter(|(place, _)| concerns(place)).map(|(_, impact)| *impact).max();
    worst.unwrap_or(Impact::Compatible)
}

fn said(forest: &Forest, found: Found, reaches: BTreeSet<String>) -> ContractChange {
    let rule = rules::find(found.rule);
    let harmless = found.impact == Impact::Compatible;
    let advice = |text: Option<&str>| text.filter(|text| !harmless && !text.is_empty()).map(str::to_string);
    let mut reaches: Vec<String> = reaches.into_iter().collect();
    let mut subject = found.subject;
    if let (Some(shared), true) = (found.shared, reaches.len() > 1) {
        subject = shared;
    }
    if reaches.len() == 1 && reaches[0] == subject {
        reaches.clear();
    }
    ContractChange {
        format: Format::OpenApi,
        rule: found.rule,
        impact: found.impact,
        subject,
        message: found.message,
        args: found.args,
        before: found.before,
        after: found.after,
        base: found.base.and_then(|node| forest.place(node)),
        revision: found.revision.and_then(|node| forest.place(node)),
        breaks: advice(rule.map(|rule| rule.breaks)),
        fix: advice(rule.map(|rule| rule.fix)),
        reaches,
    }
}

/// A stranger's word as code, on one line and bounded.
pub(super) fn code(text: &str) -> String {
    format!("`{}`", crate::text::one_line(text, MOST_SHOWN).replace('`', "'"))
}
