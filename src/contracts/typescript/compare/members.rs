//! Objects member by member.

use std::collections::BTreeMap;

use super::super::shape::{Members, Property, Type, Visibility, show, show_signature};
use super::{Comparison, Flow, Sites, Spot};
use crate::contracts::Impact;

impl Comparison<'_> {
    pub(super) fn members(&mut self, subject: &str, was: &Members, is: &Members, flow: Flow, sites: Sites) {
        let key = |property: &Property| (property.name.clone(), property.fixed.of_class);
        let before: BTreeMap<(String, bool), &Property> = was.properties.iter().map(|each| (key(each), each)).collect();
        let after: BTreeMap<(String, bool), &Property> = is.properties.iter().map(|each| (key(each), each)).collect();
        for b in &was.properties {
            if b.visibility == Visibility::Private {
                continue;
            }
            let each = format!("{subject}.{}", b.name);
            match after.get(&key(b)) {
                Some(h) => self.property(&each, b, h, flow),
                None => {
                    let at = (Some(b.at), Some(sites.1));
                    if let Some(moved) = after.get(&(b.name.clone(), !b.fixed.of_class)) {
                        let (from, to) = match b.fixed.of_class {
                            true => ("the class", "its instances"),
                            false => ("the instances", "the class"),
                        };
                        let message = format!("`{each}` belonged to {from}, belongs to {to}");
                        let at = (Some(b.at), Some(moved.at));
                        self.say("member-static-changed", Impact::Breaking, &each, message, None, None, at);
                    } else {
                        let rule =
                            if matches!(b.ty.ty, Type::Function(_)) { "method-removed" } else { "property-removed" };
                        let message = format!("`{each}` was removed");
                        self.say(rule, flow.worst(), &each, message, Some(show(&b.ty.ty)), None, at);
                    }
                }
            }
        }
        for h in &is.properties {
            let gone = before.contains_key(&key(h)) || before.contains_key(&(h.name.clone(), !h.fixed.of_class));
            if gone || h.visibility == Visibility::Private {
                continue;
            }
            let each = format!("{subject}.{}", h.name);
            let at = (Some(sites.0), Some(h.at));
            let shown = Some(show(&h.ty.ty));
            if h.fixed.is_abstract {
                let message = format!("`{each}` is new and abstract: every subclass has to have it");
                self.say("abstract-member-added", Impact::Breaking, &each, message, None, shown, at);
            } else if h.optional || flow.supply == Impact::Compatible || h.fixed.of_class {
                let message = format!("`{each}` is new");
                self.say("property-added", Impact::Compatible, &each, message, None, shown, at);
            } else {
                let message = format!("`{each}` is new and required");
                self.say("property-required-added", flow.supply, &each, message, None, shown, at);
            }
        }
        self.indexes(subject, was, is, flow, sites);
        let lists = [
            (&was.calls, &is.calls, "call-signature-removed", "call-signature-added", "called"),
            (
                &was.constructs,
                &is.constructs,
                "construct-signature-removed",
                "construct-signature-added",
                "constructed",
            ),
        ];
        for (b, h, removed, added, verb) in lists {
            match (b.is_empty(), h.is_empty()) {
                (false, false) => self.overloads(subject, b, h, flow, sites),
                (false, true) => {
                    let message = format!("`{subject}` can no longer be {verb}");
                    let at = (b.first().map(|each| each.at), Some(sites.1));
                    self.say(removed, flow.read, subject, message, b.first().map(show_signature), None, at);
                }
                (true, false) => {
                    let message = format!("`{subject}` can be {verb}");
                    let at = (Some(sites.0), h.first().map(|each| each.at));
                    self.say(added, flow.supply, subject, message, None, h.first().map(show_signature), at);
                }
                (true, true) => {}
            }
        }
    }

    fn indexes(&mut self, subject: &str, was: &Members, is: &Members, flow: Flow, sites: Sites) {
        for b in &was.indexes {
            let each = format!("{subject}[{}]", show(&b.key.ty));
            match is.indexes.iter().find(|h| h.key == b.key) {
                Some(h) => {
                    if !b.readonly && h.readonly {
                        let message = format!("`{each}` could be written, is readonly");
                        let at = (Some(b.at), Some(h.at));
                        self.say("property-became-readonly", flow.read, &each, message, None, None, at);
                    }
                    self.nodes(&each, &b.value, &h.value, flow, Spot::Index);
                }
                None => {
                    let message = format!("`{subject}` can no longer be indexed by `{}`", show(&b.key.ty));
                    let at = (Some(b.at), Some(sites.1));
                    let before = Some(show(&b.value.ty));
                    self.say("index-signature-removed", flow.worst(), &each, message, before, None, at);
                }
            }
        }
        for h in is.indexes.iter().filter(|h| !was.indexes.iter().any(|b| b.key == h.key)) {
            let each = format!("{subject}[{}]", show(&h.key.ty));
            let message = format!("`{subject}` can be indexed by `{}`", show(&h.key.ty));
            let at = (Some(sites.0), Some(h.at));
            self.say("index-signature-added", Impact::Compatible, &each, message, None, Some(show(&h.value.ty)), at);
        }
    }

    fn property(&mut self, each: &str, b: &Property, h: &Property, flow: Flow) {
        let at = (Some(b.at), Some(h.at));
        if b.visibility != h.visibility {
            let narrowed = h.visibility > b.visibility;
            let (rule, impact) = match narrowed {
                true => ("member-visibility-narrowed", Impact::Breaking),
                false => ("member-visibility-widened", Impact::Compatible),
            };
            let message = format!("`{each}` was {}, is {}", b.visibility, h.visibility);
            let (was, is) = (Some(b.visibility.to_string()), Some(h.visibility.to_string()));
            self.say(rule, impact, each, message, was, is, at);
            if h.visibility == Visibility::Private {
                return;
            }
        }
        match (b.optional, h.optional) {
            (false, true) => {
                let message = format!("`{each}` was required, is optional: it can be missing");
                self.say("property-became-optional", flow.read, each, message, None, None, at);
            }
            (true, false) => {
                let message = format!("`{each}` was optional, is required");
                self.say("property-became-required", flow.supply, each, message, None, None, at);
            }
            _ => {}
        }
        match (b.readonly, h.readonly) {
            (false, true) => {
                let message = format!("`{each}` could be written, is readonly");
                self.say("property-became-readonly", flow.read, each, message, None, None, at);
            }
            (true, false) => {
                let message = format!("`{each}` was readonly, can be written");
                self.say("property-became-mutable", Impact::Compatible, each, message, None, None, at);
            }
            _ => {}
        }
        if !b.fixed.is_abstract && h.fixed.is_abstract {
            let message = format!("`{each}` has become abstract: every subclass has to have it");
            self.say("member-became-abstract", Impact::Breaking, each, message, None, None, at);
        }
        self.nodes(each, &b.ty, &h.ty, flow, Spot::Property);
    }
}
