//! The routes that a server's source files declare: which requests it no longer answers.
//!
//! Express, Fastify, Hono and Next.js (app and pages), FastAPI and axum are read. Only the set of methods and paths is
//! compared, as a client sees them: where a route stands, and what its parameters are called, does not matter.

mod ecma;
mod graph;
mod paths;
mod python;
pub mod rules;
mod rust;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};

use super::lines::Lines;
use super::{ContractChange, Format, Impact, Place, Tree, Unreadable};
use graph::{Facts, Route, Routes, Span};

/// What is asked of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {}

/// What changed between the routes of two sets of source files, in the order of paths and methods.
///
/// The paths are those of all files of a side that may declare routes; a router that is mounted in one file and filled
/// in another is followed within the tree of its side. Files of other languages are passed over.
///
/// # Errors
/// None at present: a file that cannot be read, or a path that is computed, is a dangerous change that says so when
/// its text changed.
pub fn diff(
    base: &dyn Tree,
    base_paths: &[String],
    revision: &dyn Tree,
    revision_paths: &[String],
    options: &Options,
) -> Result<Vec<ContractChange>, Unreadable> {
    let Options {} = options;
    let (base, revision) = (Side::load(base, base_paths), Side::load(revision, revision_paths));
    let mut report = Report { base: &base, revision: &revision, out: Vec::new() };
    report.files();
    report.routes();
    report.unclear();
    let mut out = report.out;
    out.sort_by_cached_key(|change| (change.subject.clone(), change.rule, change.message.clone()));
    out.dedup();
    Ok(out)
}

/// Whether [`diff`] reads files of this name.
pub fn reads(path: &str) -> bool {
    language(path).is_some()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    Ecma,
    Python,
    Rust,
}

fn language(path: &str) -> Option<Language> {
    let (_, ending) = path.rsplit_once('.')?;
    match ending {
        "ts" | "tsx" | "mts" | "cts" | "js" | "jsx" | "mjs" | "cjs" if !path.ends_with(".d.ts") => Some(Language::Ecma),
        "py" => Some(Language::Python),
        "rs" => Some(Language::Rust),
        _ => None,
    }
}

/// The largest file that is read, in bytes.
const MOST_BYTES: usize = 4 << 20;

/// How many files one side may have; those beyond are not read.
const MOST_FILES: usize = 20_000;

struct Side {
    texts: BTreeMap<String, String>,
    lines: BTreeMap<String, Lines>,
    facts: BTreeMap<String, Facts>,
    routes: Routes,
}

impl Side {
    fn load(tree: &dyn Tree, paths: &[String]) -> Self {
        let known: BTreeSet<String> = tree.paths().into_iter().collect();
        let mut waiting: Vec<String> = paths.iter().filter(|path| reads(path)).rev().cloned().collect();
        let (mut texts, mut facts) = (BTreeMap::new(), BTreeMap::<String, Facts>::new());
        while let Some(path) = waiting.pop() {
            if facts.contains_key(&path) || facts.len() >= MOST_FILES {
                continue;
            }
            let Some(bytes) = tree.read(&path) else { continue };
            let problem = |what: &str| Facts { problem: Some((what.to_string(), 0)), ..Facts::default() };
            let (text, found) = match String::from_utf8(bytes) {
                Ok(text) if text.len() <= MOST_BYTES => {
                    let found = match language(&path) {
                        Some(Language::Ecma) => ecma::facts(&path, &text),
                        Some(Language::Python) => python::facts(&text),
                        Some(Language::Rust) => rust::facts(&text),
                        None => Facts::default(),
                    };
                    (text, found)
                }
                Ok(text) => (text, problem("it is too large")),
                Err(_) => (String::new(), problem("it is not UTF-8")),
            };
            // A router that is filled in another file is followed there.
            for mount in &found.mounts {
                let first = mount.target.split('.').next().unwrap_or_default();
                let required = mount.target.strip_prefix("require(").and_then(|rest| rest.strip_suffix(')'));
                let import = found.imports.get(&mount.target).or_else(|| found.imports.get(first));
                let sources = required.map(|source| vec![source.to_string()]).unwrap_or_else(|| {
                    import
                        .map(|(source, name)| {
                            vec![source.clone(), format!("{source}.{name}"), format!("{source}{name}")]
                        })
                        .unwrap_or_default()
                });
                waiting.extend(sources.iter().filter_map(|source| find(&known, &path, source)));
            }
            texts.insert(path.clone(), text);
            facts.insert(path, found);
        }
        let routes = graph::routes(&facts, &|file, source| find(&known, file, source));
        let lines = texts.iter().map(|(path, text)| (path.clone(), Lines::of(text))).collect();
        Self { texts, lines, facts, routes }
    }

    fn place(&self, file: &str, at: Span) -> Option<Place> {
        let text = self.texts.get(file)?;
        Some(self.lines.get(file)?.place(file, text, at.0, at.1))
    }
}

/// The file that a source means, in the language of the file that names it.
fn find(known: &BTreeSet<String>, file: &str, source: &str) -> Option<String> {
    let folder: Vec<&str> = file.split('/').rev().skip(1).collect::<Vec<_>>().into_iter().rev().collect();
    let pick = |candidates: Vec<String>| candidates.into_iter().find(|candidate| known.contains(candidate));
    match language(file)? {
        Language::Ecma => {
            if !source.starts_with('.') {
                return None;
            }
            let path = walk(&folder, source.split('/'))?;
            let mut candidates = vec![path.clone()];
            let stem =
                [".js", ".mjs", ".cjs", ".jsx"].iter().find_map(|ending| path.strip_suffix(ending)).unwrap_or(&path);
            for ending in ["ts", "tsx", "mts", "cts", "js", "jsx", "mjs", "cjs"] {
                candidates.push(format!("{stem}.{ending}"));
                candidates.push(format!("{path}/index.{ending}").trim_start_matches('/').to_string());
            }
            pick(candidates)
        }
        Language::Python => {
            let dots = source.len() - source.trim_start_matches('.').len();
            let parts: Vec<&str> = source[dots..].split('.').filter(|part| !part.is_empty()).collect();
            let files = |root: &[&str]| {
                let mut path: Vec<&str> = root.to_vec();
                path.extend(&parts);
                let path = path.join("/");
                vec![format!("{path}.py"), format!("{path}/__init__.py")]
            };
            if dots > 0 {
                return pick(files(folder.get(..(folder.len() + 1).checked_sub(dots)?)?));
            }
            (0..=folder.len()).rev().find_map(|end| pick(files(&folder[..end])))
        }
        Language::Rust => {
            let parts: Vec<&str> = source.split("::").collect();
            let stem = file.rsplit('/').next()?.strip_suffix(".rs")?;
            let mut own = folder.clone();
            if !matches!(stem, "main" | "lib" | "mod") {
                own.push(stem);
            }
            let top: Vec<&str> = match folder.iter().rposition(|part| *part == "src") {
                Some(at) => folder[..=at].to_vec(),
                None => folder.clone(),
            };
            let mut root = own.clone();
            let mut rest = parts.as_slice();
            while let Some((first, more)) = rest.split_first() {
                match *first {
                    "crate" => root = top.clone(),
                    "self" => {}
                    "super" => {
                        root.pop()?;
                    }
                    _ => break,
                }
                rest = more;
            }
            let files = |root: &[&str]| {
                let mut path: Vec<&str> = root.to_vec();
                path.extend(rest);
                let path = path.join("/");
                let mut files = vec![format!("{path}.rs"), format!("{path}/mod.rs")];
                if rest.is_empty() {
                    files.extend([format!("{path}/lib.rs"), format!("{path}/main.rs")]);
                }
                files
            };
            pick(files(&root)).or_else(|| pick(files(&top)))
        }
    }
}

fn walk<'a>(folder: &[&'a str], parts: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut path: Vec<&str> = folder.to_vec();
    for part in parts {
        match part {
            "" | "." => {}
            ".." => {
                path.pop()?;
            }
            other => path.push(other),
        }
    }
    Some(path.join("/"))
}

type Key = (String, String);

struct Report<'a> {
    base: &'a Side,
    revision: &'a Side,
    out: Vec<ContractChange>,
}

/// The most routes that one change lists.
const MOST_REACHED: usize = 100;

impl Report<'_> {
    #[expect(clippy::too_many_arguments, reason = "what a change is made of, once")]
    fn say(
        &mut self,
        rule: &'static str,
        impact: Impact,
        subject: String,
        message: String,
        (before, after): (Option<String>, Option<String>),
        (base, revision): (Option<Place>, Option<Place>),
        reaches: Vec<String>,
    ) {
        let known = rules::find(rule).filter(|_| impact != Impact::Compatible);
        self.out.push(ContractChange {
            format: Format::Routes,
            rule,
            impact,
            args: [Some(subject.clone()), before.clone(), after.clone()].into_iter().flatten().collect(),
            subject,
            message,
            before,
            after,
            base,
            revision,
            breaks: known.map(|known| known.breaks.to_string()),
            fix: known.map(|known| known.fix.to_string()),
            reaches,
        });
    }

    fn in_base(&self, route: &Route) -> Option<Place> {
        self.base.place(&route.file, route.at)
    }

    /// Where a route stands now, or else the file in which it stood.
    fn in_revision(&self, route: &Route) -> Option<Place> {
        self.revision.place(&route.file, route.at)
    }

    fn file_now(&self, route: &Route) -> Option<Place> {
        self.revision.place(&route.file, (0, 0))
    }

    fn files(&mut self) {
        for (file, is) in &self.revision.facts {
            let was = self.base.facts.get(file);
            let same = self.base.texts.get(file) == self.revision.texts.get(file);
            let (problem, side) = match (was.and_then(|was| was.problem.as_ref()), &is.problem) {
                (_, Some(problem)) => (problem, "revision"),
                (Some(problem), None) => (problem, "base"),
                (None, None) => continue,
            };
            if same {
                continue;
            }
            let message = format!("`{file}` changed and is not judged: in the {side}, {}", problem.0);
            let at = (self.base.place(file, (0, 0)), self.revision.place(file, (problem.1, problem.1)));
            self.say("file-not-judged", Impact::Dangerous, file.clone(), message, (None, None), at, Vec::new());
        }
    }

    /// What cannot be followed is compared as text, wherever it stands.
    fn unclear(&mut self) {
        let texts =
            |side: &Routes| -> BTreeSet<String> { side.unclear.iter().map(|(text, ..)| text.clone()).collect() };
        let (before, after) = (texts(&self.base.routes), texts(&self.revision.routes));
        // One that changed is one that went and one that came.
        let mut said: BTreeSet<&String> = BTreeSet::new();
        for (text, file, at) in &self.base.routes.unclear {
            if !after.contains(text) {
                said.insert(file);
                let message = format!("`{}` is gone or has changed; what it answered is not known", cut(text));
                let at = (self.base.place(file, *at), self.revision.place(file, (0, 0)));
                let sides = (Some(cut(text)), None);
                self.say("route-not-judged", Impact::Dangerous, file.clone(), message, sides, at, Vec::new());
            }
        }
        for (text, file, at) in &self.revision.routes.unclear {
            if !before.contains(text) && !said.contains(file) {
                let message = format!("`{}` is new or has changed; what it answers is not known", cut(text));
                let at = (self.base.place(file, (0, 0)), self.revision.place(file, *at));
                let sides = (None, Some(cut(text)));
                self.say("route-not-judged", Impact::Dangerous, file.clone(), message, sides, at, Vec::new());
            }
        }
    }

    fn routes(&mut self) {
        let (was, is) = (&self.base.routes.by_key, &self.revision.routes.by_key);
        // Of a file that cannot be read nothing is known; that has been said.
        let blind = |side: &Side, file: &str| side.facts.get(file).is_some_and(|facts| facts.problem.is_some());
        let mut gone: BTreeMap<Key, &Route> = BTreeMap::new();
        let mut new: BTreeMap<Key, &Route> = BTreeMap::new();
        for (key, route) in was {
            match is.get(key) {
                Some(still) => self.renamed(key, route, still),
                None if blind(self.revision, &route.file) => {}
                None => {
                    gone.insert(key.clone(), route);
                }
            }
        }
        for (key, route) in is.iter().filter(|(key, _)| !was.contains_key(*key)) {
            if !blind(self.base, &route.file) {
                new.insert(key.clone(), route);
            }
        }
        self.any_method(&mut gone, &mut new);
        self.prefixes(&mut gone, &mut new);
        self.parameters(&mut gone, &mut new);
        self.methods(&mut gone, &mut new);
        self.moved(&mut gone, &mut new);
        for route in gone.values() {
            let subject = format!("{} {}", route.method, route.shown);
            let message = format!("`{}` is no longer answered", subject_of(route));
            let at = (self.in_base(route), self.file_now(route));
            self.say("route-removed", Impact::Breaking, subject, message, (None, None), at, Vec::new());
        }
        for route in new.values() {
            let subject = format!("{} {}", route.method, route.shown);
            let message = format!("`{}` is answered", subject_of(route));
            let at = (None, self.in_revision(route));
            self.say("route-added", Impact::Compatible, subject, message, (None, None), at, Vec::new());
        }
    }

    /// Clients never see what a part of a path is called; generated ones do.
    fn renamed(&mut self, key: &Key, was: &Route, is: &Route) {
        if was.shown != is.shown {
            let subject = format!("{} {}", key.1, was.shown);
            let message = format!("`{subject}` is now written `{}`", is.shown);
            let at = (self.in_base(was), self.in_revision(is));
            let sides = (Some(was.shown.clone()), Some(is.shown.clone()));
            self.say("route-parameter-renamed", Impact::Compatible, subject, message, sides, at, Vec::new());
        }
    }

    fn any_method(&mut self, gone: &mut BTreeMap<Key, &Route>, new: &mut BTreeMap<Key, &Route>) {
        let any = "*".to_string();
        let paths: BTreeSet<String> = gone.keys().chain(new.keys()).map(|(path, _)| path.clone()).collect();
        for path in paths {
            let of = |map: &BTreeMap<Key, &Route>| at_path(map, &path).filter(|(_, method)| *method != any).count();
            let key = (path.clone(), any.clone());
            let all_is = |side: &Routes| side.by_key.contains_key(&key);
            if let Some(route) = gone.get(&key).copied() {
                let some: Vec<String> = of_path(&self.revision.routes, &path);
                if some.is_empty() {
                    continue;
                }
                let first = self.revision.routes.by_key.get(&(path.clone(), some[0].clone()));
                let subject = route.shown.clone();
                let message = format!("`{subject}` was answered for every method, is for {}", some.join(", "));
                let at = (self.in_base(route), first.and_then(|route| self.in_revision(route)));
                let sides = (Some("every method".into()), Some(some.join(", ")));
                self.say("route-methods-narrowed", Impact::Breaking, subject, message, sides, at, Vec::new());
                gone.remove(&key);
                leave(new, &path);
            } else if let Some(route) = new.get(&key).copied() {
                if of(gone) == 0 && of_path(&self.base.routes, &path).is_empty() {
                    continue;
                }
                let subject = route.shown.clone();
                let message = format!("`{subject}` is answered for every method");
                let at = (None, self.in_revision(route));
                let sides = (None, Some("every method".into()));
                self.say("route-methods-widened", Impact::Compatible, subject, message, sides, at, Vec::new());
                new.remove(&key);
                leave(gone, &path);
            } else if all_is(&self.revision.routes) {
                // One method less beside every method is nothing less.
                leave(gone, &path);
            } else if all_is(&self.base.routes) {
                leave(new, &path);
            }
        }
    }

    /// Routes of one router that moved together moved because of one line.
    fn prefixes(&mut self, gone: &mut BTreeMap<Key, &Route>, new: &mut BTreeMap<Key, &Route>) {
        let mut pairs: BTreeMap<(String, String), Vec<(Key, Key)>> = BTreeMap::new();
        let mut taken: BTreeSet<Key> = BTreeSet::new();
        let line = |route: &Route| (route.own.clone(), route.method.clone(), route.file.clone());
        let mut by_line: BTreeMap<_, Vec<&Key>> = BTreeMap::new();
        for (other, is) in new.iter() {
            by_line.entry(line(is)).or_default().push(other);
        }
        for (key, route) in gone.iter() {
            let candidates = by_line.get(&line(route)).into_iter().flatten().take(MOST_CANDIDATES);
            let mut free = candidates.filter(|other| new[**other].prefix != route.prefix && !taken.contains(**other));
            if let Some(other) = free.next() {
                taken.insert((*other).clone());
                let prefixes = (route.prefix.clone(), new[*other].prefix.clone());
                pairs.entry(prefixes).or_default().push((key.clone(), (*other).clone()));
            }
        }
        for ((was, is), moved) in pairs.into_iter().filter(|(_, moved)| moved.len() > 1) {
            let (first, last) = (gone[&moved[0].0], new[&moved[0].1]);
            let reaches: Vec<String> = moved
                .iter()
                .map(|(key, _)| format!("{} {}", gone[key].method, gone[key].shown))
                .take(MOST_REACHED)
                .collect();
            let subject = format!("{was}/…");
            let message = format!("{} routes below `{was}` are now below `{is}`", moved.len());
            let at = (self.in_base(first), self.in_revision(last));
            self.say("route-prefix-changed", Impact::Breaking, subject, message, (Some(was), Some(is)), at, reaches);
            for (key, other) in moved {
                gone.remove(&key);
                new.remove(&other);
            }
        }
    }

    /// The same path but for what its parts take.
    fn parameters(&mut self, gone: &mut BTreeMap<Key, &Route>, new: &mut BTreeMap<Key, &Route>) {
        let loose = |path: &str| paths::bare(path).replace("{*?}", "{}").replace("{?}", "{}").replace("{*}", "{}");
        let mut by_shape: BTreeMap<(String, String), Vec<Key>> = BTreeMap::new();
        for other in new.keys() {
            by_shape.entry((loose(&other.0), other.1.clone())).or_default().push(other.clone());
        }
        for (key, route) in gone.clone() {
            let found = by_shape.get_mut(&(loose(&key.0), key.1.clone())).and_then(Vec::pop);
            let Some(other) = found else { continue };
            let Some(is) = new.get(&other).copied() else { continue };
            let (rule, impact, what) = match (&key.0, &other.0) {
                (was, is) if paths::bare(was) == paths::bare(is) => {
                    let freed = paths::bare(is) == *is;
                    let impact = if freed { Impact::Compatible } else { Impact::Breaking };
                    ("route-pattern-changed", impact, "has to match something else in")
                }
                (was, is) if was.contains('*') && !is.contains('*') => {
                    ("route-catch-all-narrowed", Impact::Breaking, "takes one part where it took all in")
                }
                (was, is) if !was.contains('*') && is.contains('*') => {
                    ("route-catch-all-widened", Impact::Compatible, "takes all that follows in")
                }
                (was, _) if was.contains('?') => {
                    ("route-parameter-required", Impact::Breaking, "can no longer leave out a part of")
                }
                _ => ("route-parameter-optional", Impact::Compatible, "can leave out a part of"),
            };
            let subject = format!("{} {}", route.method, route.shown);
            let message = format!("`{subject}` {what} `{}`", is.shown);
            let at = (self.in_base(route), self.in_revision(is));
            let sides = (Some(route.shown.clone()), Some(is.shown.clone()));
            self.say(rule, impact, subject, message, sides, at, Vec::new());
            gone.remove(&key);
            new.remove(&other);
        }
    }

    /// One method went and one came at the same path.
    fn methods(&mut self, gone: &mut BTreeMap<Key, &Route>, new: &mut BTreeMap<Key, &Route>) {
        for (key, route) in gone.clone() {
            let all = |map: &BTreeMap<Key, &Route>| -> Vec<Key> { at_path(map, &key.0).cloned().collect() };
            let (left, right) = (all(gone), all(new));
            let ([_], [other]) = (left.as_slice(), right.as_slice()) else { continue };
            let is = new[other];
            let subject = format!("{} {}", route.method, route.shown);
            let message = format!("`{}` is answered for {} instead of {}", route.shown, is.method, route.method);
            let at = (self.in_base(route), self.in_revision(is));
            let sides = (Some(route.method.clone()), Some(is.method.clone()));
            self.say("route-method-changed", Impact::Breaking, subject, message, sides, at, Vec::new());
            gone.remove(&key);
            new.remove(other);
        }
    }

    /// The same function answers another path.
    fn moved(&mut self, gone: &mut BTreeMap<Key, &Route>, new: &mut BTreeMap<Key, &Route>) {
        let mut by_answer: BTreeMap<(String, String, bool, String), Vec<Key>> = BTreeMap::new();
        let answers = |route: &Route| {
            let (file, method) = (route.file.clone(), route.method.clone());
            let function = route.handler.clone().map(|handler| (file.clone(), method.clone(), true, handler));
            function.into_iter().chain([(file, method, false, route.own.clone())]).collect::<Vec<_>>()
        };
        for (other, is) in new.iter() {
            for answer in answers(is) {
                by_answer.entry(answer).or_default().push(other.clone());
            }
        }
        for (key, route) in gone.clone() {
            let same = answers(route).into_iter().flat_map(|answer| by_answer.get(&answer).into_iter().flatten());
            let same = same.take(MOST_CANDIDATES).filter(|other| new.contains_key(*other));
            let found: Vec<Key> = same.cloned().collect::<BTreeSet<_>>().into_iter().collect();
            let [other] = found.as_slice() else { continue };
            let is = new[other];
            let subject = format!("{} {}", route.method, route.shown);
            let message = format!("`{subject}` is answered at `{}`", is.shown);
            let at = (self.in_base(route), self.in_revision(is));
            let sides = (Some(route.shown.clone()), Some(is.shown.clone()));
            self.say("route-path-changed", Impact::Breaking, subject, message, sides, at, Vec::new());
            gone.remove(&key);
            new.remove(other);
        }
    }
}

/// How many routes are looked at for the one that another has become.
const MOST_CANDIDATES: usize = 64;

fn at_path<'m>(map: &'m BTreeMap<Key, &Route>, path: &'m str) -> impl Iterator<Item = &'m Key> {
    let from = (path.to_string(), String::new());
    map.range(from..).map(|(key, _)| key).take_while(move |(other, _)| other == path)
}

fn leave(map: &mut BTreeMap<Key, &Route>, path: &str) {
    let keys: Vec<Key> = at_path(map, path).cloned().collect();
    for key in keys {
        map.remove(&key);
    }
}

fn of_path(side: &Routes, path: &str) -> Vec<String> {
    let from = (path.to_string(), String::new());
    let all = side.by_key.range(from..).map(|(key, _)| key).take_while(|(other, _)| other == path);
    all.filter(|(_, method)| method != "*").map(|(_, method)| method.clone()).collect()
}

fn subject_of(route: &Route) -> String {
    match route.method.as_str() {
        "*" => format!("{} (every method)", route.shown),
        method => format!("{method} {}", route.shown),
    }
}

fn cut(text: &str) -> String {
    const MOST: usize = 160;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}
