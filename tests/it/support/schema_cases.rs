//! Cases of contracts with the answer of a public tool, where the corpus is at hand.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Files of one side by their paths.
pub(crate) type Side = BTreeMap<String, Vec<u8>>;

/// The folder `contracts/KIND` beside the repository, or `None` with a word about it.
pub(crate) fn folder(kind: &str) -> Option<PathBuf> {
    let shared = std::env::var("MAINGUARD_SHARED").unwrap_or(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").into());
    let folder = Path::new(&shared).join("contracts").join(kind);
    if !folder.is_dir() {
        println!("skipped: {} is not here", folder.display());
        return None;
    }
    Some(folder)
}

/// Every case of a folder: its name, its folder, its expectations.
pub(crate) fn cases(folder: &Path) -> Vec<(String, PathBuf, Value)> {
    let mut all: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let expected = fs::read_to_string(path.join("expected.json")).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, path, serde_json::from_str(&expected).unwrap())
        })
        .collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}

/// Everything below a folder.
pub(crate) fn side(folder: &Path) -> Side {
    let mut files = Side::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(&at).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().replace('\\', "/");
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// What one multiset has more often than the other: expected and not found, found and not expected.
pub(crate) fn difference(expected: &[String], found: &[String]) -> (Vec<String>, Vec<String>) {
    let mut counts: BTreeMap<&String, i64> = BTreeMap::new();
    for line in expected {
        *counts.entry(line).or_default() += 1;
    }
    for line in found {
        *counts.entry(line).or_default() -= 1;
    }
    let more = |sign: i64| {
        let lines = counts.iter().filter(|(_, count)| *count * sign > 0);
        lines.flat_map(|(line, count)| vec![line.to_string(); count.unsigned_abs() as usize]).collect()
    };
    (more(1), more(-1))
}
