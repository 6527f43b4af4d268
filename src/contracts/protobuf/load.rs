//! Which files a comparison needs, and where an import leads.
//!
//! A repository may hold thousands of files and a change touches three. A file is compared if it differs or if it sees
//! one that differs through its imports; what these import is read as well, for the names in it. Of all others only
//! the head is read: package and imports.
//!
//! An import names a file below some root that only a build knows. The tree is asked instead: of the files whose path
//! ends in the import, the one nearest to the importing file is meant.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::lexer::{Mistake, Span};
use super::model::{File, Import};
use super::parser;
use crate::contracts::{Side, Tree, Unreadable};

/// The largest file that is read. The largest ones that people write by hand or generate stay below 2 MiB.
const MOST_BYTES: usize = 8 << 20;

/// One side, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// Compared files first, then those that they import.
    pub(super) files: Vec<File>,
    /// How many of the files are compared.
    pub(super) compared: usize,
    /// For each file what it imports: indexes into `files`, and whether it passes them on.
    pub(super) imports: Vec<Vec<(usize, bool)>>,
    /// Imports that the tree does not hold, for each file.
    pub(super) missing: Vec<Vec<String>>,
    /// All contracts of the side by package, sorted, compared or not.
    pub(super) packages: BTreeMap<String, Vec<String>>,
    /// All contracts of the side.
    pub(super) paths: BTreeSet<String>,
}

/// Both sides, and what stood in the way without stopping the comparison.
pub(super) struct Both {
    pub(super) base: Loaded,
    pub(super) revision: Loaded,
    pub(super) not_judged: Vec<Unreadable>,
}

pub(super) fn both(
    base: &dyn Tree,
    base_paths: &[String],
    revision: &dyn Tree,
    revision_paths: &[String],
) -> Result<Both, Unreadable> {
    let mut base = Reader::new(Side::Base, base, base_paths);
    let mut revision = Reader::new(Side::Revision, revision, revision_paths);
    let mut changed = BTreeSet::new();
    let all: BTreeSet<&String> = base_paths.iter().chain(revision_paths).collect();
    for path in all {
        let sides = [base.contract(path), revision.contract(path)];
        if sides[0] == sides[1] {
            let head = sides[0].as_deref().map(head).unwrap_or_default();
            base.heads.insert(path.clone(), head.clone());
            revision.heads.insert(path.clone(), head);
        } else {
            for (reader, text) in [&mut base, &mut revision].into_iter().zip(sides) {
                if let Some(text) = text {
                    reader.heads.insert(path.clone(), head(&text));
                    reader.texts.insert(path.clone(), text);
                }
            }
            changed.insert(path.clone());
        }
    }
    let mut compared = changed.clone();
    for reader in [&mut base, &mut revision] {
        compared.extend(reader.importers(&changed));
    }
    revision.refuse_circles(&compared)?;
    let mut not_judged = Vec::new();
    let mut skipped = BTreeSet::new();
    let mut parsed = [BTreeMap::new(), BTreeMap::new()];
    let texts = [base.texts(&compared), revision.texts(&compared)];
    let [before, after] = parse_both(texts);
    for ((path, before), after) in compared.iter().zip(before).zip(after) {
        match (before, after) {
            (_, Some(Err(unreadable))) if changed.contains(path) => return Err(unreadable),
            // The base is as it is: a change that mends it must be able to pass.
            (Some(Err(unreadable)), _) | (_, Some(Err(unreadable))) => {
                skipped.insert(path.clone());
                not_judged.push(unreadable);
            }
            (before, after) => {
                for (side, file) in [before, after].into_iter().enumerate() {
                    if let Some(Ok(file)) = file {
                        parsed[side].insert(path.clone(), file);
                    }
                }
            }
        }
    }
    let [base_files, revision_files] = parsed;
    let base = base.finish(base_files, &skipped, &mut not_judged);
    let revision = revision.finish(revision_files, &skipped, &mut not_judged);
    not_judged.dedup_by(|one, other| one.file == other.file);
    Ok(Both { base, revision, not_judged })
}

type Texts = Vec<(String, Option<Vec<u8>>)>;
type Parsed = Vec<Option<Result<File, Unreadable>>>;

/// Each side at once: to read is most of the work, and the sides do not know of each other.
fn parse_both([base, revision]: [Texts; 2]) -> [Parsed; 2] {
    let all = |side: Side, texts: Texts| -> Parsed {
        texts.into_iter().map(|(path, text)| text.map(|text| parse(side, &path, text))).collect()
    };
    std::thread::scope(|scope| {
        let base = scope.spawn(move || all(Side::Base, base));
        let revision = all(Side::Revision, revision);
        match base.join() {
            Ok(base) => [base, revision],
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

#[derive(Clone, Debug, Default)]
struct Head {
    package: String,
    imports: Vec<Import>,
}

/// A file that has no head one can read is judged, or reported, when it is parsed.
fn head(text: &[u8]) -> Head {
    let (package, imports) =
        if text.len() > MOST_BYTES { Default::default() } else { parser::head(text).unwrap_or_default() };
    Head { package, imports }
}

struct Reader<'a> {
    side: Side,
    tree: &'a dyn Tree,
    contracts: BTreeSet<&'a str>,
    /// All files of the tree by the last part of their path.
    by_name: HashMap<String, Vec<String>>,
    heads: BTreeMap<String, Head>,
    texts: HashMap<String, Vec<u8>>,
}

impl<'a> Reader<'a> {
    fn new(side: Side, tree: &'a dyn Tree, contracts: &'a [String]) -> Self {
        let mut by_name: HashMap<String, Vec<String>> = HashMap::new();
        for path in tree.paths().into_iter().filter(|path| path.ends_with(".proto")) {
            by_name.entry(last_part(&path).into()).or_default().push(path);
        }
        let contracts = contracts.iter().map(String::as_str).collect();
        Self { side, tree, contracts, by_name, heads: BTreeMap::new(), texts: HashMap::new() }
    }

    fn contract(&self, path: &str) -> Option<Vec<u8>> {
        self.contracts.contains(path).then(|| self.tree.read(path)).flatten()
    }

    /// The file that `import` means in the file `from`.
    fn find(&self, from: &str, import: &str) -> Option<&str> {
        let candidates = self.by_name.get(last_part(import))?.iter().filter(|path| {
            let before = path.len().wrapping_sub(import.len() + 1);
            *path == import || (path.ends_with(import) && path.as_bytes().get(before) == Some(&b'/'))
        });
        let shared = |path: &str| {
            let parts = path.split('/').zip(from.split('/'));
            parts.take_while(|(one, other)| one == other).count()
        };
        candidates.min_by_key(|path| (usize::MAX - shared(path), path.len(), path.as_str())).map(String::as_str)
    }

    /// The contracts that see a changed file: by an import of their own, or through public imports.
    fn importers(&self, changed: &BTreeSet<String>) -> Vec<String> {
        let mut seen_through: HashMap<&str, Vec<&str>> = HashMap::new();
        let mut importers_of: HashMap<&str, Vec<&str>> = HashMap::new();
        for (path, head) in &self.heads {
            for import in &head.imports {
                let Some(target) = self.find(path, &import.path) else { continue };
                importers_of.entry(target).or_default().push(path);
                if import.public {
                    seen_through.entry(target).or_default().push(path);
                }
            }
        }
        let mut affected: HashSet<&str> = HashSet::new();
        let mut queue: Vec<&str> = changed.iter().map(String::as_str).collect();
        while let Some(path) = queue.pop() {
            if affected.insert(path) {
                queue.extend(seen_through.get(path).into_iter().flatten());
            }
        }
        let importers = affected.iter().filter_map(|path| importers_of.get(path)).flatten();
        importers.map(|path| path.to_string()).collect()
    }

    /// A file that imports itself through others has no meaning.
    fn refuse_circles(&self, from: &BTreeSet<String>) -> Result<(), Unreadable> {
        // Files on the current way are open, those behind it closed. A stack of our own: a way may be long.
        let mut closed: HashSet<&str> = HashSet::new();
        for start in from {
            let Some((start, head)) = self.heads.get_key_value(start) else { continue };
            let mut open: Vec<&str> = vec![start];
            let mut way: Vec<(&str, &Head, usize)> = vec![(start, head, 0)];
            let mut on_way: HashSet<&str> = open.iter().copied().collect();
            while let Some((path, head, next)) = way.last_mut() {
                let Some(import) = head.imports.get(*next) else {
                    closed.insert(path);
                    on_way.remove(*path);
                    open.pop();
                    way.pop();
                    continue;
                };
                *next += 1;
                let Some(target) = self.find(path, &import.path) else { continue };
                if on_way.contains(target) {
                    let from = open.iter().position(|path| *path == target).unwrap_or_default();
                    let shown: Vec<&str> = open[from..].iter().take(5).copied().chain([target]).collect();
                    let what = format!("the import goes in a circle: {}", shown.join(" → "));
                    let text = self.texts.get(*path).cloned().or_else(|| self.tree.read(path)).unwrap_or_default();
                    return Err(unreadable(self.side, path, &text, Mistake { at: import.span, what }));
                }
                if closed.contains(target) {
                    continue;
                }
                if let Some((target, head)) = self.heads.get_key_value(target) {
                    open.push(target);
                    on_way.insert(target);
                    way.push((target, head, 0));
                }
            }
        }
        Ok(())
    }

    /// The files that are compared, as far as this side has them.
    fn texts(&mut self, compared: &BTreeSet<String>) -> Vec<(String, Option<Vec<u8>>)> {
        let text = |path: &String| (path.clone(), self.texts.remove(path).or_else(|| self.contract(path)));
        compared.iter().map(text).collect()
    }

    /// Reads what the compared files import, and ties all together.
    fn finish(
        self,
        mut compared: BTreeMap<String, File>,
        skipped: &BTreeSet<String>,
        not_judged: &mut Vec<Unreadable>,
    ) -> Loaded {
        compared.retain(|path, _| !skipped.contains(path));
        let mut loaded = Loaded { compared: compared.len(), ..Loaded::default() };
        loaded.paths = self.contracts.iter().map(|path| path.to_string()).collect();
        for (path, head) in &self.heads {
            if self.contracts.contains(&**path) {
                loaded.packages.entry(head.package.clone()).or_default().push(path.clone());
            }
        }
        let mut index: HashMap<String, usize> = HashMap::new();
        for (path, file) in compared {
            index.insert(path, loaded.files.len());
            loaded.files.push(file);
        }
        let mut at = 0;
        while at < loaded.files.len() {
            let from = loaded.files[at].path.clone();
            let (mut found, mut missing) = (Vec::new(), Vec::new());
            // What an import imports matters only as far as it passes it on.
            let dependency = at >= loaded.compared;
            let wanted = loaded.files[at].imports.iter().filter(|import| !dependency || import.public);
            for import in wanted.cloned().collect::<Vec<_>>() {
                let Some(path) = self.find(&from, &import.path).filter(|path| !skipped.contains(*path)) else {
                    missing.push(import.path);
                    continue;
                };
                if let Some(known) = index.get(path) {
                    found.push((*known, import.public));
                    continue;
                }
                match parse(self.side, path, self.tree.read(path).unwrap_or_default()) {
                    Ok(file) => {
                        index.insert(path.into(), loaded.files.len());
                        found.push((loaded.files.len(), import.public));
                        loaded.files.push(file);
                    }
                    Err(unreadable) => {
                        missing.push(import.path);
                        not_judged.push(unreadable);
                    }
                }
            }
            loaded.imports.push(found);
            loaded.missing.push(missing);
            at += 1;
        }
        loaded
    }
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn parse(side: Side, path: &str, text: Vec<u8>) -> Result<File, Unreadable> {
    if text.len() > MOST_BYTES {
        let what = format!("the file has {} bytes, more than the {MOST_BYTES} that are read", text.len());
        return Err(unreadable(side, path, &text, Mistake { at: Span::default(), what }));
    }
    parser::parse(path, text).map_err(|(mistake, text)| unreadable(side, path, &text, mistake))
}

fn unreadable(side: Side, path: &str, text: &[u8], mistake: Mistake) -> Unreadable {
    let before = &text[..(mistake.at.start as usize).min(text.len())];
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    let line = memchr::memchr_iter(b'\n', before).count() as u32 + 1;
    let column = String::from_utf8_lossy(&before[line_start..]).chars().count() as u32 + 1;
    Unreadable { side, file: path.into(), line, column, what: mistake.what }
}
