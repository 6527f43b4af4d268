//! In which direction values of each declared type flow, and through which exports a consumer meets it.
//!
//! What only functions of the tree return is read, what they only take is supplied. A type that no value leads to is
//! made for consumers to use as they like: both.

use std::collections::{BTreeMap, BTreeSet};

use super::compare::{Flow, names, names_of_signature};
use super::modules::{Side, Target};
use super::shape::{Class, Entity, Generic, Meaning, Members, Node, Signature, Type, Value, Visibility};
use crate::contracts::Impact;

const NONE: Flow = Flow { read: Impact::Compatible, supply: Impact::Compatible };

/// The deepest a type is walked for the names in it.
const MOST_DEPTH: usize = 80;

pub(super) struct Flows {
    flows: BTreeMap<String, Flow>,
    /// By declaration: which declarations refer to it.
    parents: BTreeMap<String, BTreeSet<String>>,
    /// By declaration: the names under which listed modules export it.
    exported: BTreeMap<String, BTreeSet<String>>,
}

impl Flows {
    pub(super) fn of(side: &Side, by_use: bool) -> Self {
        let mut exported: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for file in &side.listed {
            for (name, found) in side.exports(file).0 {
                match found.target {
                    Target::Entity(id) => {
                        exported.entry(id).or_default().insert(format!("{file}: {name}"));
                    }
                    Target::Module(inner) => {
                        for (member, deeper) in side.exports(&inner).0 {
                            if let Target::Entity(id) = deeper.target {
                                exported.entry(id).or_default().insert(format!("{file}: {name}.{member}"));
                            }
                        }
                    }
                    Target::Elsewhere(_) => {}
                }
            }
        }
        let namespaces: Vec<(String, BTreeSet<String>)> = exported
            .iter()
            .filter(|(id, _)| side.entity(id).is_some_and(|entity| entity.is_namespace))
            .map(|(id, by)| (id.clone(), by.clone()))
            .collect();
        for (id, by) in namespaces {
            for (inner, _) in side.entities.range(format!("{id}.")..) {
                let Some(rest) = inner.strip_prefix(&id).filter(|rest| rest.starts_with('.')) else { break };
                let more = by.iter().map(|name| format!("{name}{rest}"));
                exported.entry(inner.clone()).or_default().extend(more);
            }
        }
        let mut made = Self { flows: BTreeMap::new(), parents: BTreeMap::new(), exported };
        let roots: Vec<String> = made.exported.keys().cloned().collect();
        let mut walk = Walk { side, flows: &mut made.flows, parents: &mut made.parents, waiting: Vec::new() };
        for id in &roots {
            if let Some(entity) = side.entity(id) {
                walk.value(id, entity);
            }
        }
        walk.finish();
        for id in &roots {
            let unused = walk.flows.get(id).is_none_or(|flow| *flow == NONE);
            let is_value = side.entity(id).is_some_and(|entity| matches!(entity.value, Some(Value::Class(_))));
            if is_value {
                // A class hands out its instances; whoever makes a stand-in does so at their own risk.
                let flow = Flow { read: Impact::Breaking, supply: Impact::Dangerous };
                walk.meet(id, if by_use { flow } else { Flow::BOTH }, "");
            } else if unused || !by_use {
                walk.meet(id, Flow::BOTH, "");
            }
        }
        walk.finish();
        // Whoever can name a type can use it in the other direction as well.
        for id in &roots {
            let flow = made.flows.entry(id.clone()).or_insert(NONE);
            *flow = flow.or(Flow { read: Impact::Dangerous, supply: Impact::Dangerous });
        }
        made
    }

    pub(super) fn get(&self, id: &str) -> Flow {
        self.flows.get(id).copied().unwrap_or(Flow::BOTH)
    }

    /// The exports through which a declaration is met; empty if that is only its own in its own file.
    pub(super) fn reached_by(&self, id: &str, home: &str, name: &str) -> BTreeSet<String> {
        const MOST: usize = 500;
        if let Some(by) = self.exported.get(id) {
            let own = format!("{home}: {name}");
            return if by.len() == 1 && by.contains(&own) { BTreeSet::new() } else { by.clone() };
        }
        let mut seen = BTreeSet::from([id.to_string()]);
        let mut waiting = vec![id.to_string()];
        let mut found = BTreeSet::new();
        while let Some(next) = waiting.pop() {
            if let Some(by) = self.exported.get(&next) {
                found.extend(by.iter().cloned());
                continue;
            }
            for parent in self.parents.get(&next).into_iter().flatten() {
                if seen.len() < MOST && seen.insert(parent.clone()) {
                    waiting.push(parent.clone());
                }
            }
        }
        found
    }
}

struct Walk<'a> {
    side: &'a Side,
    flows: &'a mut BTreeMap<String, Flow>,
    parents: &'a mut BTreeMap<String, BTreeSet<String>>,
    waiting: Vec<String>,
}

impl Walk<'_> {
    /// Notes that values of a type flow like this; what the type refers to is walked later.
    fn meet(&mut self, id: &str, flow: Flow, from: &str) {
        let id = match self.side.entity(id) {
            Some(_) => id,
            None => match id.rsplit_once('.') {
                Some((owner, _)) if self.side.entity(owner).is_some() => owner,
                _ => return,
            },
        };
        if !from.is_empty() && from != id {
            self.parents.entry(id.to_string()).or_default().insert(from.to_string());
        }
        let known = self.flows.entry(id.to_string()).or_insert(NONE);
        let more = known.or(flow);
        if *known != more {
            *known = more;
            self.waiting.push(id.to_string());
        }
    }

    fn finish(&mut self) {
        while let Some(id) = self.waiting.pop() {
            let flow = self.flows.get(&id).copied().unwrap_or(NONE);
            if let Some(entity) = self.side.entity(&id) {
                self.meaning(&id, entity, flow);
            }
        }
    }

    /// What an exported value lets flow: out.
    fn value(&mut self, id: &str, entity: &Entity) {
        match &entity.value {
            Some(Value::Variable { ty, .. }) => self.node(ty, Flow::READ, id, 0),
            Some(Value::Function(signatures)) => {
                signatures.iter().for_each(|signature| self.signature(signature, Flow::READ, id, 0));
            }
            Some(Value::Class(class)) => self.constructors(class, id),
            Some(Value::Enum(_)) | None => {}
        }
    }

    fn constructors(&mut self, class: &Class, id: &str) {
        for signature in &class.constructors {
            for parameter in signature.parameters.iter().chain(signature.rest.as_deref()) {
                self.node(&parameter.ty, Flow::READ.turned(), id, 0);
            }
        }
        for property in class.members.properties.iter().filter(|property| property.fixed.of_class) {
            self.node(&property.ty, Flow::READ, id, 0);
        }
    }

    fn meaning(&mut self, id: &str, entity: &Entity, flow: Flow) {
        match &entity.meaning {
            Some(Meaning::Interface { generics, parents, members }) => {
                self.generics(generics, flow, id);
                parents.iter().for_each(|parent| self.node(parent, flow, id, 0));
                self.members(members, flow, id, 0);
            }
            Some(Meaning::Alias { generics, node }) => {
                self.generics(generics, flow, id);
                self.node(node, flow, id, 0);
            }
            None => {
                if let Some(Value::Class(class)) = &entity.value {
                    self.generics(&class.generics, flow, id);
                    class.parent.iter().chain(&class.interfaces).for_each(|parent| self.node(parent, flow, id, 0));
                    self.members(&class.members, flow, id, 0);
                }
            }
        }
    }

    fn generics(&mut self, generics: &[Generic], flow: Flow, id: &str) {
        for generic in generics {
            generic.constraint.iter().chain(&generic.default).for_each(|node| self.node(node, flow.turned(), id, 0));
        }
    }

    fn members(&mut self, members: &Members, flow: Flow, id: &str, depth: usize) {
        for property in members.properties.iter().filter(|each| each.visibility != Visibility::Private) {
            self.node(&property.ty, flow, id, depth);
        }
        for signature in members.calls.iter().chain(&members.constructs) {
            self.signature(signature, flow, id, depth);
        }
        members.indexes.iter().for_each(|index| self.node(&index.value, flow, id, depth));
    }

    fn signature(&mut self, signature: &Signature, flow: Flow, id: &str, depth: usize) {
        for parameter in signature.parameters.iter().chain(signature.rest.as_deref()) {
            self.node(&parameter.ty, flow.turned(), id, depth);
        }
        for generic in &signature.generics {
            generic.constraint.iter().for_each(|node| self.node(node, flow.turned(), id, depth));
        }
        self.node(&signature.result, flow, id, depth);
    }

    fn node(&mut self, node: &Node, flow: Flow, id: &str, depth: usize) {
        if depth > MOST_DEPTH {
            return;
        }
        let depth = depth + 1;
        match &node.ty {
            Type::Ref { name, args } => {
                self.meet(name, flow, id);
                // What a generic of ours does with its argument is not worked out; the standard library hands it on.
                let inner = if name.contains('#') { flow.or(flow.turned()) } else { flow };
                args.iter().for_each(|arg| self.node(arg, inner, id, depth));
            }
            Type::Opaque { names, .. } => {
                names.iter().for_each(|name| self.meet(name, flow.or(flow.turned()), id));
            }
            Type::Array { element, .. } => self.node(element, flow, id, depth),
            Type::Tuple { elements, .. } => {
                elements.iter().for_each(|element| self.node(&element.node, flow, id, depth));
            }
            Type::Union(nodes) | Type::Intersection(nodes) => {
                nodes.iter().for_each(|node| self.node(node, flow, id, depth));
            }
            Type::Object(members) => self.members(members, flow, id, depth),
            Type::Function(signatures) | Type::Constructor(signatures) => {
                signatures.iter().for_each(|signature| self.signature(signature, flow, id, depth));
            }
            _ => {}
        }
    }
}

/// The names in everything that an entity says.
pub(super) fn names_of(entity: &Entity) -> Vec<&str> {
    let mut out = Vec::new();
    match &entity.value {
        Some(Value::Variable { ty, .. }) => names(&ty.ty, &mut out),
        Some(Value::Function(signatures)) => signatures.iter().for_each(|each| names_of_signature(each, &mut out)),
        Some(Value::Class(class)) => {
            class.parent.iter().chain(&class.interfaces).for_each(|parent| names(&parent.ty, &mut out));
            for property in class.members.properties.iter().filter(|each| each.visibility != Visibility::Private) {
                names(&property.ty.ty, &mut out);
            }
            class.constructors.iter().for_each(|each| names_of_signature(each, &mut out));
        }
        Some(Value::Enum(_)) | None => {}
    }
    match &entity.meaning {
        Some(Meaning::Interface { parents, members, .. }) => {
            parents.iter().for_each(|parent| names(&parent.ty, &mut out));
            members.properties.iter().for_each(|property| names(&property.ty.ty, &mut out));
            members.calls.iter().chain(&members.constructs).for_each(|each| names_of_signature(each, &mut out));
            members.indexes.iter().for_each(|index| names(&index.value.ty, &mut out));
        }
        Some(Meaning::Alias { node, .. }) => names(&node.ty, &mut out),
        None => {}
    }
    out
}
