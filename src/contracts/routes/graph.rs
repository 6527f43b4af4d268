//! Routers, what they answer and where they are mounted; and, walked from the roots, the routes that clients see.

use std::collections::{BTreeMap, BTreeSet};

use super::paths;

/// The most routes one side may have; those beyond are not looked at.
const MOST_ROUTES: usize = 50_000;

/// How deep routers may be mounted in each other.
const MOST_DEPTH: usize = 16;

/// What one file says.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// Routers by their local names, with the prefix that they bring along.
    pub(super) routers: BTreeMap<String, String>,
    pub(super) routes: Vec<Declared>,
    pub(super) mounts: Vec<Mount>,
    /// Local names by the names under which other files know them.
    pub(super) exports: BTreeMap<String, String>,
    /// What local names mean: source and name there; `*` is all of it.
    pub(super) imports: BTreeMap<String, (String, String)>,
    /// What declares routes in a way that is not followed, by its text.
    pub(super) unclear: Vec<(String, Span)>,
    /// Why the file could not be read, and where.
    pub(super) problem: Option<(String, u32)>,
}

/// Byte offsets.
pub(super) type Span = (u32, u32);

#[derive(Clone, Debug)]
pub(super) struct Declared {
    pub(super) router: String,
    /// In capitals; `*` is any.
    pub(super) methods: Vec<String>,
    pub(super) path: String,
    pub(super) handler: Option<String>,
    pub(super) at: Span,
}

#[derive(Clone, Debug)]
pub(super) struct Mount {
    pub(super) router: String,
    pub(super) prefix: String,
    /// A name as the file writes it: `users`, `users.router`; or `require(…)` of a source.
    pub(super) target: String,
    pub(super) text: String,
    pub(super) at: Span,
}

/// One method of one path, as clients see it.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) method: String,
    /// With the names of its parameters.
    pub(super) shown: String,
    pub(super) file: String,
    pub(super) at: Span,
    pub(super) handler: Option<String>,
    /// What is in front of the router's own path.
    pub(super) prefix: String,
    /// The router's own path.
    pub(super) own: String,
}

/// All routes of a side, by path without parameter names and by method.
#[derive(Default)]
pub(super) struct Routes {
    pub(super) by_key: BTreeMap<(String, String), Route>,
    /// What could not be followed, with its file and place.
    pub(super) unclear: Vec<(String, String, Span)>,
}

/// Who a source means, and in which file.
pub(super) type Find<'a> = &'a dyn Fn(&str, &str) -> Option<String>;

type Id = (String, String);

/// Walks from the routers that nobody mounts.
pub(super) fn routes(files: &BTreeMap<String, Facts>, find: Find<'_>) -> Routes {
    let mut out = Routes::default();
    let mut mounted: BTreeSet<Id> = BTreeSet::new();
    let mut edges: BTreeMap<Id, Vec<(String, Id)>> = BTreeMap::new();
    for (file, facts) in files {
        for (text, at) in &facts.unclear {
            out.unclear.push((text.clone(), file.clone(), *at));
        }
        for mount in &facts.mounts {
            let Some(parent) = resolve(files, find, file, &mount.router, 0) else { continue };
            match resolve(files, find, file, &mount.target, 0) {
                Some(target) if target != parent => {
                    mounted.insert(target.clone());
                    edges.entry(parent).or_default().push((mount.prefix.clone(), target));
                }
                Some(_) => {}
                None => out.unclear.push((mount.text.clone(), file.clone(), mount.at)),
            }
        }
    }
    let mut declared: BTreeMap<Id, Vec<(&String, &Declared)>> = BTreeMap::new();
    for (file, facts) in files {
        for route in &facts.routes {
            let id = resolve(files, find, file, &route.router, 0).unwrap_or((file.clone(), route.router.clone()));
            declared.entry(id).or_default().push((file, route));
        }
    }
    let all: BTreeSet<Id> = files
        .iter()
        .flat_map(|(file, facts)| facts.routers.keys().map(move |name| (file.clone(), name.clone())))
        .chain(declared.keys().cloned())
        .collect();
    let mut walk = Walk { files, edges: &edges, declared: &declared, out, many: 0 };
    for id in all.iter().filter(|id| !mounted.contains(*id)) {
        walk.router(id, "", 0);
    }
    if walk.many > MOST_ROUTES
        && let Some((file, facts)) = files.iter().max_by_key(|(_, facts)| facts.routes.len() + facts.mounts.len())
    {
        // What lies beyond is not known: where anything differs, this does as well.
        let text = format!("more than {MOST_ROUTES} routes, of {} and {} here", facts.routes.len(), facts.mounts.len());
        walk.out.unclear.push((text, file.clone(), (0, 0)));
    }
    walk.out
}

struct Walk<'a> {
    files: &'a BTreeMap<String, Facts>,
    edges: &'a BTreeMap<Id, Vec<(String, Id)>>,
    declared: &'a BTreeMap<Id, Vec<(&'a String, &'a Declared)>>,
    out: Routes,
    many: usize,
}

impl Walk<'_> {
    fn router(&mut self, id: &Id, prefix: &str, depth: usize) {
        self.many += 1;
        if depth > MOST_DEPTH || self.many > MOST_ROUTES {
            return;
        }
        let own = self.files.get(&id.0).and_then(|facts| facts.routers.get(&id.1)).map_or("", String::as_str);
        let prefix = paths::join(prefix, own);
        for (file, route) in self.declared.get(id).into_iter().flatten() {
            let shown = paths::join(&prefix, &route.path);
            for method in &route.methods {
                self.many += 1;
                if self.many > MOST_ROUTES {
                    return;
                }
                let made = Route {
                    method: method.clone(),
                    shown: shown.clone(),
                    file: (*file).clone(),
                    at: route.at,
                    handler: route.handler.clone(),
                    prefix: prefix.clone(),
                    own: route.path.clone(),
                };
                // The first that fits answers.
                self.out.by_key.entry((paths::nameless(&shown), method.clone())).or_insert(made);
            }
        }
        for (inner, target) in self.edges.get(id).into_iter().flatten() {
            self.router(target, &paths::join(&prefix, inner), depth + 1);
        }
    }
}

/// The router that a name means in a file.
fn resolve(files: &BTreeMap<String, Facts>, find: Find<'_>, file: &str, name: &str, hops: usize) -> Option<Id> {
    if hops > MOST_DEPTH {
        return None;
    }
    let facts = files.get(file)?;
    if facts.routers.contains_key(name) {
        return Some((file.to_string(), name.to_string()));
    }
    if let Some(source) = name.strip_prefix("require(").and_then(|rest| rest.strip_suffix(')')) {
        return exported(files, find, &find(file, source)?, "default", hops);
    }
    let (first, rest) = name.split_once('.').map_or((name, ""), |(first, rest)| (first, rest));
    let (source, there) = facts.imports.get(first)?;
    match (there.as_str(), rest) {
        ("*", "") => exported(files, find, &find(file, source)?, "default", hops),
        ("*", member) => exported(files, find, &find(file, source)?, member, hops),
        (there, "") => exported(files, find, &find(file, source)?, there, hops),
        // `from . import users` and then `users.router`: the name is a module of its own.
        (there, member) => {
            let inner = [format!("{source}.{there}"), format!("{source}/{there}"), format!("{source}{there}")];
            let module = inner.iter().find_map(|inner| find(file, inner))?;
            exported(files, find, &module, member, hops)
        }
    }
}

fn exported(files: &BTreeMap<String, Facts>, find: Find<'_>, file: &str, name: &str, hops: usize) -> Option<Id> {
    let facts = files.get(file)?;
    let local = facts.exports.get(name).map_or(name, String::as_str);
    resolve(files, find, file, local, hops + 1)
}
