//! What packages let others import: a `package.json` with `exports` closes every module that it does not lead to.
//! <https://nodejs.org/api/packages.html#package-entry-points>
//!
//! Callers write the name of an entry and never the file behind it, so that the file may move. A package whose entries
//! are built first, and are not there to be read, is taken as open: closing it would be silence.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::modules::{find, is_typescript};
use crate::contracts::Tree;

/// Larger manifests are not read.
const MOST_BYTES: usize = 1 << 20;

/// Conditions within conditions.
const MOST_DEPTH: usize = 8;

/// The packages of one side that say what may be imported.
pub(super) struct Packages {
    /// By folder: the file behind each entry.
    closed: BTreeMap<String, BTreeMap<String, String>>,
    /// Every folder that is a package.
    all: BTreeSet<String>,
}

impl Packages {
    /// Those that hold some files.
    pub(super) fn of(tree: &dyn Tree, known: &BTreeSet<String>, files: &BTreeSet<String>) -> Packages {
        let all: BTreeSet<String> = known
            .iter()
            .filter_map(|path| path.strip_suffix("package.json"))
            .filter(is_folder)
            .map(str::to_string)
            .collect();
        let mut packages = Packages { closed: BTreeMap::new(), all };
        let folders: BTreeSet<String> =
            files.iter().filter_map(|file| packages.around(file)).map(str::to_string).collect();
        for folder in folders {
            let entries = tree
                .read(&format!("{folder}package.json"))
                .filter(|bytes| bytes.len() <= MOST_BYTES)
                .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
                .and_then(|manifest| entries(known, &folder, manifest.get("exports")?));
            if let Some(entries) = entries {
                packages.closed.insert(folder, entries);
            }
        }
        packages
    }

    /// The folder of the package that a file belongs to.
    fn around(&self, file: &str) -> Option<&str> {
        let mut folders = file.rmatch_indices('/').map(|(at, _)| &file[..=at]).chain([""]);
        folders.find_map(|folder| self.all.get(folder).map(String::as_str))
    }

    /// Whether a file can be imported by itself.
    pub(super) fn is_open(&self, file: &str) -> bool {
        let entries = self.around(file).and_then(|folder| self.closed.get(folder));
        entries.is_none_or(|entries| entries.values().any(|entry| entry == file))
    }

    /// Files behind entries that another file stands behind on the other side, by that file.
    pub(super) fn moved(&self, other: &Packages) -> BTreeMap<String, String> {
        let mut moved = BTreeMap::new();
        for (folder, entries) in &self.closed {
            let Some(others) = other.closed.get(folder) else { continue };
            let mut taken = BTreeSet::new();
            for (name, from) in entries {
                let Some(to) = others.get(name).filter(|to| *to != from) else { continue };
                // What can still be imported under another name is compared with itself.
                if !others.values().any(|still| still == from) && !moved.contains_key(from) && taken.insert(to) {
                    moved.insert(from.clone(), to.clone());
                }
            }
        }
        moved
    }
}

fn is_folder(path: &&str) -> bool {
    path.is_empty() || path.ends_with('/')
}

/// The entries of a package; `None` where one of them leads to code that is not there.
fn entries(known: &BTreeSet<String>, folder: &str, exports: &Value) -> Option<BTreeMap<String, String>> {
    let manifest = format!("{folder}package.json");
    let mut found = BTreeMap::new();
    let single = [(".".to_string(), exports.clone())];
    let all: Vec<(String, Value)> = match exports {
        Value::Object(map) if map.keys().all(|key| key.starts_with('.')) => {
            map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
        }
        _ => single.to_vec(),
    };
    for (name, value) in all {
        let mut targets = Vec::new();
        leaves(&value, 0, &mut targets);
        let code = |target: &&String| [".ts", "js", ".mts", ".cts", "*"].iter().any(|ending| target.ends_with(ending));
        let targets: Vec<&String> = targets.iter().filter(code).collect();
        if let Some(target) = targets.iter().find(|target| target.contains('*')) {
            starred(known, folder, &name, target, &mut found);
            continue;
        }
        match targets.iter().find_map(|target| find(known, &manifest, target)) {
            Some(file) => drop(found.insert(name, file)),
            None if targets.is_empty() => {}
            // What has no types promises none.
            None if targets.iter().any(|target| known.contains(&beside(folder, target))) => {}
            None => return None,
        }
    }
    (!found.is_empty()).then_some(found)
}

/// The files that a value leads to, types first.
fn leaves(value: &Value, depth: usize, out: &mut Vec<String>) {
    match value {
        _ if depth > MOST_DEPTH => {}
        Value::String(target) => out.push(target.clone()),
        Value::Array(all) => all.iter().for_each(|one| leaves(one, depth + 1, out)),
        Value::Object(map) => {
            let (types, rest): (Vec<_>, Vec<_>) = map.iter().partition(|(key, _)| key.starts_with("types"));
            types.into_iter().chain(rest).for_each(|(_, one)| leaves(one, depth + 1, out));
        }
        _ => {}
    }
}

fn beside(folder: &str, target: &str) -> String {
    format!("{folder}{}", target.trim_start_matches("./"))
}

/// An entry for each file that fits a pattern.
fn starred(known: &BTreeSet<String>, folder: &str, name: &str, target: &str, found: &mut BTreeMap<String, String>) {
    let target = beside(folder, target);
    let Some((before, after)) = target.split_once('*') else { return };
    let stem = |path: &str| {
        let endings = [".d.ts", ".d.mts", ".d.cts", ".ts", ".tsx", ".mts", ".cts", ".js", ".mjs", ".cjs"];
        endings.iter().find_map(|ending| path.strip_suffix(ending)).unwrap_or(path).to_string()
    };
    let after = stem(after);
    for file in known.range(before.to_string()..).take_while(|file| file.starts_with(before)) {
        let whole = stem(file);
        let Some(star) = whole.get(before.len()..).and_then(|rest| rest.strip_suffix(after.as_str())) else { continue };
        if is_typescript(file) {
            found.entry(name.replace('*', star)).or_insert_with(|| file.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(files: &[(&str, &str)]) -> Packages {
        let tree: BTreeMap<String, Vec<u8>> =
            files.iter().map(|(path, text)| (path.to_string(), text.as_bytes().to_vec())).collect();
        let known: BTreeSet<String> = tree.keys().cloned().collect();
        let listed = known.iter().filter(|path| is_typescript(path)).cloned().collect();
        Packages::of(&tree, &known, &listed)
    }

    #[test]
    fn a_package_closes_what_its_exports_do_not_lead_to() {
        let manifest =
            r#"{"exports": {".": {"import": "./b.js", "types": "./lib/index.d.ts"}, "./l/*": "./lib/l/*.js"}}"#;
        let side = packages(&[
            ("p/package.json", manifest),
            ("p/lib/index.d.ts", ""),
            ("p/lib/inner.d.ts", ""),
            ("p/lib/l/en.d.ts", ""),
            ("q/open.ts", ""),
        ]);
        let open = |file: &str| side.is_open(file);
        assert!(open("p/lib/index.d.ts") && open("p/lib/l/en.d.ts") && open("q/open.ts"));
        assert!(!open("p/lib/inner.d.ts"));
    }

    #[test]
    fn a_package_that_is_built_first_stays_open() {
        let side = packages(&[("package.json", r#"{"exports": "./dist/index.js"}"#), ("src/index.ts", "")]);
        assert!(side.is_open("src/index.ts"));
        let side = packages(&[("package.json", r#"{"main": "./a.js"}"#), ("src/index.ts", "")]);
        assert!(side.is_open("src/index.ts"));
    }

    #[test]
    fn an_entry_may_move() {
        let at = |file: &str| {
            packages(&[("package.json", &format!("{{\"exports\": {{\".\": \"./{file}\"}}}}")), (file, "")])
        };
        let moved = at("index.d.ts").moved(&at("dist/index.d.ts"));
        assert_eq!(moved.get("index.d.ts").map(String::as_str), Some("dist/index.d.ts"));
        assert!(at("index.d.ts").moved(&at("index.d.ts")).is_empty());
    }
}
