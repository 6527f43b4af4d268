//! Classes, which are constructed and extended, and enums, which are named.

use super::super::assign;
use super::super::shape::{At, Class, Enum, Node, Signature, Type, Visibility};
use super::{Comparison, Flow, Sites, same_parents};
use crate::contracts::Impact;

impl Comparison<'_> {
    pub(super) fn classes(&mut self, name: &str, b: &Class, h: &Class, flow: Flow, sites: Sites) {
        let at = (Some(sites.0), Some(sites.1));
        self.generics(name, &b.generics, &h.generics, true, sites);
        match (b.is_abstract, h.is_abstract) {
            (false, true) => {
                let message = format!("`{name}` has become abstract: `new {name}()` no longer compiles");
                self.say("class-became-abstract", Impact::Breaking, name, message, None, None, at);
            }
            (true, false) => {
                let message = format!("`{name}` is no longer abstract");
                self.say("class-became-concrete", Impact::Compatible, name, message, None, None, at);
            }
            _ => {}
        }
        let made = format!("new {name}");
        if h.constructor > b.constructor {
            let message = format!("the constructor of `{name}` was {}, is {}", b.constructor, h.constructor);
            let (was, is) = (Some(b.constructor.to_string()), Some(h.constructor.to_string()));
            self.say("constructor-visibility-narrowed", Impact::Breaking, name, message, was, is, at);
        } else if h.constructor < b.constructor {
            let message = format!("the constructor of `{name}` was {}, is {}", b.constructor, h.constructor);
            let (was, is) = (Some(b.constructor.to_string()), Some(h.constructor.to_string()));
            self.say("constructor-visibility-widened", Impact::Compatible, name, message, was, is, at);
        } else if b.constructor != Visibility::Private {
            self.constructors(&made, b, h, sites);
        }
        let parents = |class: &Class| class.parent.iter().cloned().collect::<Vec<_>>();
        let (was, is) = (parents(b), parents(h));
        // What a subclass or a stand-in has to supply is not what an instance's reader meets.
        let seen = Flow { read: Impact::Breaking, supply: flow.supply.min(Impact::Dangerous) };
        if same_parents(&was, &is) {
            self.pair_parents(&was, &is);
            self.members(name, &b.members, &h.members, seen, sites);
        } else {
            match (assign::class_members(b, self.base, 0), assign::class_members(h, self.revision, 0)) {
                (Some(b), Some(h)) => self.members(name, &b, &h, seen, sites),
                _ => {
                    self.heritage("class-parent-changed", name, &was, &is, sites);
                    self.members(name, &b.members, &h.members, seen, sites);
                }
            }
        }
        let hides = |class: &Class| class.members.properties.iter().any(|each| each.visibility != Visibility::Public);
        if !hides(b)
            && let Some(first) = h.members.properties.iter().find(|each| each.visibility != Visibility::Public)
            && !b.members.properties.iter().any(|each| each.name == first.name)
        {
            let message = format!(
                "`{name}` has its first {} member, `{}`: objects of the same shape no longer stand in for it",
                first.visibility, first.name
            );
            let at = (Some(sites.0), Some(first.at));
            self.say("class-became-nominal", Impact::Dangerous, name, message, None, None, at);
        }
    }

    fn constructors(&mut self, made: &str, b: &Class, h: &Class, sites: Sites) {
        let empty = |at: At| Signature {
            at,
            generics: Vec::new(),
            this: None,
            parameters: Vec::new(),
            rest: None,
            result: Box::new(Node { at, ty: Type::This }),
        };
        let settle = |class: &Class, at: At| -> Vec<Signature> {
            if class.constructors.is_empty() {
                return vec![empty(at)];
            }
            let mut all = class.constructors.clone();
            all.iter_mut().for_each(|signature| signature.result.ty = Type::This);
            all
        };
        // Without a constructor of its own a class has its parent's.
        let inherits = |class: &Class| class.constructors.is_empty() && class.parent.is_some();
        if inherits(b) || inherits(h) {
            return;
        }
        let (was, is) = (settle(b, sites.0), settle(h, sites.1));
        self.overloads(made, &was, &is, Flow::READ, sites);
    }

    pub(super) fn enums(&mut self, name: &str, b: &Enum, h: &Enum, flow: Flow, sites: Sites) {
        match (b.is_const, h.is_const) {
            (false, true) => {
                let message = format!("`{name}` has become a const enum: nothing of it is left at run time");
                let at = (Some(sites.0), Some(sites.1));
                self.say("enum-became-const", Impact::Breaking, name, message, None, None, at);
            }
            (true, false) => {
                let message = format!("`{name}` is no longer a const enum");
                let at = (Some(sites.0), Some(sites.1));
                self.say("enum-lost-const", Impact::Compatible, name, message, None, None, at);
            }
            _ => {}
        }
        for was in &b.members {
            let each = format!("{name}.{}", was.name);
            match h.members.iter().find(|is| is.name == was.name) {
                Some(is) if is.value != was.value => {
                    let (x, y) = (was.value.clone(), is.value.clone());
                    self.differs("enum-value-changed", Impact::Breaking, &each, x, y, (was.at, is.at));
                }
                Some(_) => {}
                None => {
                    let message = format!("`{each}` was removed");
                    let (before, at) = (Some(was.value.clone()), (Some(was.at), Some(sites.1)));
                    self.say("enum-member-removed", Impact::Breaking, &each, message, before, None, at);
                }
            }
        }
        for is in h.members.iter().filter(|is| !b.members.iter().any(|was| was.name == is.name)) {
            let each = format!("{name}.{}", is.name);
            let message = format!("`{each}` is new: code that handles every member of `{name}` does not handle it");
            let at = (Some(sites.0), Some(is.at));
            self.say("enum-member-added", flow.read, &each, message, None, Some(is.value.clone()), at);
        }
    }
}
