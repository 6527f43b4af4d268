//! The modules of one side: read, followed through their imports and re-exports, every name made to say whose it is.
//!
//! After loading, a reference reads `file#Name` when the name is declared in the tree, `source#Name` when it is
//! imported from elsewhere, and `Name` when it is global. Shapes can then be compared wherever they came from.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use super::lower;
use super::packages::Packages;
use super::shape::{
    At, Class, Entity, Export, From, Generic, Import, Meaning, Members, Module, Node, Signature, Type, Value,
};
use crate::contracts::Tree;

/// How many modules one side may have; those beyond are not read.
const MOST_MODULES: usize = 20_000;

/// How long a chain of re-exports may be.
const MOST_HOPS: usize = 64;

/// How many types may be opened while two sides are compared. Types can double at every step.
const MOST_OPENED: u64 = 2_000_000;

/// One side, read.
pub(super) struct Side {
    pub(super) modules: BTreeMap<String, Module>,
    /// Every declared name, as `file#Name`.
    pub(super) entities: BTreeMap<String, Entity>,
    /// Files that were asked for and that others can import.
    pub(super) listed: BTreeSet<String>,
    /// What packages let others import.
    pub(super) packages: Packages,
    /// Files of this side by the names under which the other side knows them.
    other_names: BTreeMap<String, String>,
    left: Cell<u64>,
}

/// What an exported name leads to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Target {
    /// `file#Name`.
    Entity(String),
    /// All of a module of the tree.
    Module(String),
    /// Something that is not in the tree: `source#Name`.
    Elsewhere(String),
}

#[derive(Clone, Debug)]
pub(super) struct Exported {
    pub(super) target: Target,
    pub(super) type_only: bool,
    /// The statement that exports it from the module that was asked, if it is one.
    pub(super) at: At,
}

/// Whether a file can be read here.
pub(super) fn is_typescript(path: &str) -> bool {
    [".ts", ".tsx", ".mts", ".cts"].iter().any(|ending| path.ends_with(ending))
}

impl Side {
    /// Reads the files and all that they import from the tree. `contracts` are the files of both sides, `other_names`
    /// files of this side that the other side calls otherwise.
    pub(super) fn load(
        tree: &dyn Tree,
        paths: &[String],
        contracts: &BTreeSet<String>,
        other_names: BTreeMap<String, String>,
    ) -> Self {
        let known: BTreeSet<String> = tree.paths().into_iter().collect();
        let asked: BTreeSet<String> = paths.iter().filter(|path| is_typescript(path)).cloned().collect();
        let packages = Packages::of(tree, &known, contracts);
        let listed: BTreeSet<String> = asked.into_iter().filter(|path| packages.is_open(path)).collect();
        let mut waiting: Vec<String> = listed.iter().rev().cloned().collect();
        let mut modules: BTreeMap<String, Module> = BTreeMap::new();
        let mut sources: BTreeMap<(String, String), String> = BTreeMap::new();
        while let Some(path) = waiting.pop() {
            if modules.contains_key(&path) || modules.len() >= MOST_MODULES {
                continue;
            }
            let Some(bytes) = tree.read(&path) else { continue };
            let module = lower::module(&path, bytes);
            let named = module.exports.values().filter_map(|export| match &export.from {
                From::Other(import) => Some(&import.source),
                From::Local(_) => None,
            });
            let all = named.chain(module.imports.values().map(|import| &import.source));
            for source in all.chain(module.stars.iter().map(|(source, _)| source)) {
                if let Some(file) = find(&known, &path, source) {
                    sources.insert((path.clone(), source.clone()), file.clone());
                    waiting.push(file);
                }
            }
            modules.insert(path, module);
        }
        let entities = BTreeMap::new();
        let mut side = Self { modules, entities, listed, packages, other_names, left: Cell::new(MOST_OPENED) };
        side.settle(&sources);
        side
    }

    /// Takes from what may be opened; `None` when there is not enough left.
    pub(super) fn spend(&self, many: u64) -> Option<()> {
        self.left.set(self.left.get().saturating_sub(many));
        (self.left.get() > 0).then_some(())
    }

    /// Whether something was left open because there was too much of it.
    pub(super) fn is_exhausted(&self) -> bool {
        self.left.get() == 0
    }

    /// The file as the other side calls it.
    fn canonical<'a>(&'a self, file: &'a str) -> &'a str {
        self.other_names.get(file).map_or(file, String::as_str)
    }

    /// The file of this side that a canonical name means.
    pub(super) fn file_of<'a>(&'a self, canonical: &'a str) -> &'a str {
        self.other_names.iter().find(|(_, name)| *name == canonical).map_or(canonical, |(file, _)| file)
    }

    fn id(&self, file: &str, name: &str) -> String {
        format!("{}#{name}", self.canonical(file))
    }

    /// Makes sources of imports files, and names of types ids.
    fn settle(&mut self, sources: &BTreeMap<(String, String), String>) {
        let mut modules = std::mem::take(&mut self.modules);
        for (path, module) in &mut modules {
            let settle = |source: &mut String| {
                if let Some(file) = sources.get(&(path.clone(), source.clone())) {
                    *source = format!("/{file}");
                }
            };
            module.imports.values_mut().for_each(|import| settle(&mut import.source));
            module.stars.iter_mut().for_each(|(source, _)| settle(source));
            for export in module.exports.values_mut() {
                if let From::Other(import) = &mut export.from {
                    settle(&mut import.source);
                }
            }
        }
        self.modules = modules;
        let mut entities = BTreeMap::new();
        for (path, module) in &self.modules {
            for (name, entity) in &module.entities {
                let mut entity = entity.clone();
                let prefix = name.rsplit_once('.').map_or("", |(prefix, _)| prefix);
                each_name(&mut entity, &mut |written| self.qualify(path, prefix, written));
                entities.insert(self.id(path, name), entity);
            }
        }
        self.entities = entities;
        for module in self.modules.values_mut() {
            module.entities.values_mut().for_each(|entity| *entity = Entity::default());
        }
    }

    /// The id of a name as it is written in a file, within a namespace or not.
    fn qualify(&self, file: &str, prefix: &str, written: &str) -> String {
        let Some(module) = self.modules.get(file) else { return written.to_string() };
        let mut within = prefix;
        loop {
            let full = if within.is_empty() { written.to_string() } else { format!("{within}.{written}") };
            let head = full.rsplit_once('.').map_or("", |(head, _)| head);
            if module.entities.contains_key(&full) || (!head.is_empty() && module.entities.contains_key(head)) {
                return self.id(file, &full);
            }
            match within.rsplit_once('.') {
                Some((outer, _)) => within = outer,
                None if !within.is_empty() => within = "",
                None => break,
            }
        }
        let (first, rest) = written.split_once('.').map_or((written, ""), |(first, rest)| (first, rest));
        let Some(import) = module.imports.get(first) else { return written.to_string() };
        match self.follow(import, MOST_HOPS) {
            Target::Entity(id) if rest.is_empty() => id,
            Target::Entity(id) => format!("{id}.{rest}"),
            Target::Module(inner) => {
                let (member, deeper) = rest.split_once('.').map_or((rest, ""), |(member, deeper)| (member, deeper));
                match self.export_of(&inner, member, MOST_HOPS).map(|exported| exported.target) {
                    Some(Target::Entity(id)) if deeper.is_empty() => id,
                    Some(Target::Entity(id)) => format!("{id}.{deeper}"),
                    _ => format!("{inner}#{rest}"),
                }
            }
            Target::Elsewhere(id) if rest.is_empty() => id,
            Target::Elsewhere(id) => format!("{id}.{rest}"),
        }
    }

    fn follow(&self, import: &Import, hops: usize) -> Target {
        let elsewhere = || Target::Elsewhere(format!("{}#{}", import.source, import.name));
        let Some(file) = import.source.strip_prefix('/') else { return elsewhere() };
        if import.name == "*" {
            return Target::Module(file.to_string());
        }
        self.export_of(file, &import.name, hops).map_or_else(elsewhere, |exported| exported.target)
    }

    /// What a module exports under a name.
    pub(super) fn export_of(&self, file: &str, name: &str, hops: usize) -> Option<Exported> {
        let hops = hops.checked_sub(1)?;
        let module = self.modules.get(file)?;
        if let Some(export) = module.exports.get(name) {
            return Some(self.target(file, module, export, hops));
        }
        if name == "default" {
            return None;
        }
        for (source, at) in &module.stars {
            if let Some(inner) = source.strip_prefix('/')
                && let Some(found) = self.export_of(inner, name, hops)
            {
                return Some(Exported { at: *at, ..found });
            }
        }
        None
    }

    fn target(&self, file: &str, module: &Module, export: &Export, hops: usize) -> Exported {
        let target = match &export.from {
            From::Local(name) if module.entities.contains_key(name) => Target::Entity(self.id(file, name)),
            From::Local(name) => match module.imports.get(name) {
                Some(import) => self.follow(import, hops),
                None => Target::Elsewhere(format!("#{name}")),
            },
            From::Other(import) => self.follow(import, hops),
        };
        Exported { target, type_only: export.type_only, at: export.at }
    }

    /// All that a module exports, and the sources outside the tree of which it exports everything.
    pub(super) fn exports(&self, file: &str) -> (BTreeMap<String, Exported>, BTreeSet<String>) {
        let mut names = BTreeMap::new();
        let mut unknown = BTreeSet::new();
        self.collect(file, None, &mut names, &mut unknown, &mut BTreeSet::new());
        (names, unknown)
    }

    fn collect(
        &self,
        file: &str,
        star: Option<At>,
        names: &mut BTreeMap<String, Exported>,
        unknown: &mut BTreeSet<String>,
        seen: &mut BTreeSet<String>,
    ) {
        if seen.len() >= MOST_MODULES.min(4_000) || !seen.insert(file.to_string()) {
            return;
        }
        let Some(module) = self.modules.get(file) else { return };
        for (name, export) in &module.exports {
            if star.is_some() && name == "default" || names.contains_key(name) {
                continue;
            }
            let exported = self.target(file, module, export, MOST_HOPS);
            names.insert(name.clone(), Exported { at: star.unwrap_or(exported.at), ..exported });
        }
        for (source, at) in &module.stars {
            match source.strip_prefix('/') {
                Some(inner) if inner_depth(seen) => {
                    self.collect(inner, Some(star.unwrap_or(*at)), names, unknown, seen);
                }
                Some(_) => {}
                None => {
                    unknown.insert(source.clone());
                }
            }
        }
    }

    pub(super) fn entity(&self, id: &str) -> Option<&Entity> {
        self.entities.get(id)
    }

    /// The members of a namespace, by their names within it.
    pub(super) fn members_of(&self, id: &str) -> BTreeMap<String, String> {
        let start = format!("{id}.");
        let inside = self.entities.range(start.clone()..).take_while(|(key, _)| key.starts_with(&start));
        inside
            .filter(|(key, _)| !key[start.len()..].contains('.'))
            .map(|(key, _)| (key[start.len()..].to_string(), key.clone()))
            .collect()
    }
}

/// `export *` descends by calling itself; a chain is as long as the files it goes through.
fn inner_depth(seen: &BTreeSet<String>) -> bool {
    seen.len() < 2_000
}

/// The file of the tree that a relative source means.
pub(super) fn find(known: &BTreeSet<String>, from: &str, source: &str) -> Option<String> {
    if !(source == "." || source == ".." || source.starts_with("./") || source.starts_with("../")) {
        return None;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in source.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            other => parts.push(other),
        }
    }
    let path = parts.join("/");
    let swaps = [
        (".js", [".ts", ".tsx", ".d.ts"]),
        (".mjs", [".mts", ".d.mts", ".d.ts"]),
        (".cjs", [".cts", ".d.cts", ".d.ts"]),
    ];
    let swapped = swaps.iter().filter_map(|(js, ts)| Some((path.strip_suffix(js)?, ts)));
    let swapped = swapped.flat_map(|(stem, ts)| ts.iter().map(move |ending| format!("{stem}{ending}")));
    let endings = [".ts", ".tsx", ".mts", ".cts", ".d.ts", ".d.mts", ".d.cts"];
    let plain = endings.iter().map(|ending| format!("{path}{ending}"));
    let folder = if path.is_empty() { String::new() } else { format!("{path}/") };
    let index = endings.iter().map(|ending| format!("{folder}index{ending}"));
    std::iter::once(path.clone())
        .filter(|path| is_typescript(path))
        .chain(swapped)
        .chain(plain)
        .chain(index)
        .find(|candidate| known.contains(candidate))
}

/// Calls `make` on every name in an entity's types and puts what it returns in its place.
fn each_name(entity: &mut Entity, make: &mut dyn FnMut(&str) -> String) {
    match &mut entity.value {
        Some(Value::Variable { ty, .. }) => node(ty, make),
        Some(Value::Function(signatures)) => {
            signatures.iter_mut().for_each(|signature| self::signature(signature, make))
        }
        Some(Value::Class(class)) => {
            let Class { generics, parent, interfaces, members, constructors, .. } = &mut **class;
            generics.iter_mut().for_each(|generic| self::generic(generic, make));
            parent.iter_mut().chain(interfaces).for_each(|parent| node(parent, make));
            self::members(members, make);
            constructors.iter_mut().for_each(|signature| self::signature(signature, make));
        }
        Some(Value::Enum(_)) | None => {}
    }
    match &mut entity.meaning {
        Some(Meaning::Interface { generics, parents, members }) => {
            generics.iter_mut().for_each(|generic| self::generic(generic, make));
            parents.iter_mut().for_each(|parent| node(parent, make));
            self::members(members, make);
        }
        Some(Meaning::Alias { generics, node: aliased }) => {
            generics.iter_mut().for_each(|generic| self::generic(generic, make));
            node(aliased, make);
        }
        None => {}
    }
}

fn node(node: &mut Node, make: &mut dyn FnMut(&str) -> String) {
    match &mut node.ty {
        Type::Ref { name, args } => {
            *name = make(name);
            args.iter_mut().for_each(|arg| self::node(arg, make));
        }
        Type::Opaque { names, .. } => {
            let made: BTreeSet<String> = names.iter().map(|name| make(name)).collect();
            *names = made.into_iter().filter(|name| name.contains('#')).collect();
        }
        Type::Array { element, .. } => self::node(element, make),
        Type::Tuple { elements, .. } => elements.iter_mut().for_each(|element| self::node(&mut element.node, make)),
        Type::Union(nodes) | Type::Intersection(nodes) => nodes.iter_mut().for_each(|inner| self::node(inner, make)),
        Type::Object(members) => self::members(members, make),
        Type::Function(signatures) | Type::Constructor(signatures) => {
            signatures.iter_mut().for_each(|signature| self::signature(signature, make));
        }
        _ => {}
    }
}

fn members(members: &mut Members, make: &mut dyn FnMut(&str) -> String) {
    members.properties.iter_mut().for_each(|property| node(&mut property.ty, make));
    members.calls.iter_mut().chain(&mut members.constructs).for_each(|signature| self::signature(signature, make));
    for index in &mut members.indexes {
        node(&mut index.key, make);
        node(&mut index.value, make);
    }
}

fn signature(signature: &mut Signature, make: &mut dyn FnMut(&str) -> String) {
    signature.generics.iter_mut().for_each(|generic| self::generic(generic, make));
    signature.this.iter_mut().for_each(|this| node(this, make));
    signature.parameters.iter_mut().for_each(|parameter| node(&mut parameter.ty, make));
    signature.rest.iter_mut().for_each(|rest| node(&mut rest.ty, make));
    node(&mut signature.result, make);
}

fn generic(generic: &mut Generic, make: &mut dyn FnMut(&str) -> String) {
    generic.constraint.iter_mut().chain(&mut generic.default).for_each(|ty| node(ty, make));
}
