//! The code guard against its labelled snippets, and through the front door.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mainguard::sast::{Hit, Pack, Parse, scan};
use serde_json::Value;

fn corpus() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("MAINGUARD_SHARED").map_or_else(beside, PathBuf::from);
    let folder = shared.join("sast");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no labelled snippets at {}", folder.display());
    None
}

fn hits(folder: &Path, file: &str, pack: &Pack) -> Vec<Hit> {
    let text = fs::read(folder.join(file)).unwrap();
    let path = file.split_once('/').and_then(|(_, rest)| rest.split_once('/')).map_or(file, |(_, rest)| rest);
    let scan = scan(pack, path.as_bytes(), &text, Parse::Always);
    assert!(scan.unread.is_empty(), "{file}: {:?}", scan.unread);
    scan.hits
}

/// At least 66 of 75 lines with the right class, at most 1 of 27 harmless files.
#[test]
fn the_labelled_snippets() {
    let Some(folder) = corpus() else { return };
    let pack = Pack::builtin();
    let (mut lines, mut found, mut classes, mut safe, mut flagged) = (0, 0, 0, 0, 0);
    for row in fs::read_to_string(folder.join("cases.jsonl")).unwrap().lines() {
        let row: Value = serde_json::from_str(row).unwrap();
        let file = row["file"].as_str().unwrap();
        let hits = hits(&folder, file, &pack);
        if row["label"] == "safe" {
            safe += 1;
            if !hits.is_empty() {
                flagged += 1;
                println!("false alarm: {file}: {hits:?}");
            }
            continue;
        }
        for expected in row["expect"].as_array().unwrap() {
            let line = expected["line"].as_u64().unwrap() as u32;
            let class = expected["class"].as_str().unwrap();
            let here: Vec<&Hit> = hits.iter().filter(|hit| hit.line <= line && line <= hit.end_line).collect();
            let right = here.iter().any(|hit| hit.class == class);
            lines += 1;
            found += usize::from(!here.is_empty());
            classes += usize::from(right);
            if !right {
                println!("missed: {file}:{line}: {class}; there: {here:?}");
            }
        }
    }
    println!("{found} of {lines} lines, {classes} with the class; {flagged} of {safe} harmless files flagged");
    assert!(classes >= 66 && flagged <= 1);
}

/// Each rule is of one class, and each class of the snippets has its rule.
#[test]
fn every_class_has_a_rule() {
    let Some(folder) = corpus() else { return };
    let pack = Pack::builtin();
    let mut missing: BTreeMap<String, usize> = BTreeMap::new();
    for row in fs::read_to_string(folder.join("cases.jsonl")).unwrap().lines() {
        let row: Value = serde_json::from_str(row).unwrap();
        for class in row["expect"].as_array().unwrap().iter().map(|expected| expected["class"].as_str().unwrap()) {
            if pack.rules().iter().all(|rule| rule.class() != class) {
                *missing.entry(class.to_string()).or_default() += 1;
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}
