//! The walls: which room may know which, and what a room may be called.
//!
//! The compiler keeps the library from naming a flag (the binary is another crate) and clippy keeps pure files from
//! touching the outside (`clippy.toml`). This test keeps the arrows between the rooms: no circle, no arrow upwards.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Each room and the rooms that it may name, lowest floor first. A room is a file of `src/` with the folder of its name.
const ARROWS: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("annotation", &[]),
    ("change", &["text"]),
    ("finding", &["change", "text"]),
    ("label", &[]),
    ("queue", &["text", "change", "label"]),
    ("pull_request", &["change"]),
    ("attributes", &["change"]),
    ("secrets", &["text"]),
    ("contracts", &["text"]),
    ("deps", &["change"]),
    ("advisories", &["deps"]),
    ("previews", &["text"]),
    ("probe", &["text", "previews"]),
    ("sast", &[]),
    ("coverage", &[]),
    (
        "guards",
        &[
            "text",
            "deps",
            "secrets",
            "contracts",
            "sast",
            "coverage",
            "change",
            "finding",
            "label",
            "pull_request",
            "attributes",
        ],
    ),
    ("context", &["change", "guards", "pull_request", "contracts", "deps"]),
    ("verdict", &["contracts", "finding", "guards", "label"]),
    ("delivery", &["text", "contracts", "change", "queue", "guards"]),
    ("config", &["text", "finding", "guards", "queue", "delivery", "previews"]),
    ("policy", &["text", "secrets", "attributes", "change", "config", "finding", "guards"]),
    ("evaluate", &["contracts", "change", "context", "finding", "guards", "label", "policy", "verdict"]),
    (
        "report",
        &[
            "annotation",
            "coverage",
            "text",
            "contracts",
            "change",
            "finding",
            "guards",
            "verdict",
            "config",
            "previews",
        ],
    ),
    ("git", &["attributes", "change", "text", "contracts"]),
    ("github", &["annotation", "change", "text", "label", "pull_request"]),
    ("isolation", &[]),
    ("sources", &["text", "change", "git", "secrets"]),
    ("semgrep", &["change", "sast"]),
    ("verifier", &["text", "secrets"]),
    ("queue_driver", &["text", "change", "queue", "git", "github"]),
];

/// Names behind which a missing noun hides.
const NO_ROOMS: [&str; 8] = ["utils", "util", "common", "helpers", "types", "misc", "manager", "handler"];

/// A file that outgrows a reader must be a table.
const MOST_LINES: usize = 1_000;

/// `file:line: what is wrong` for every mention of a room that this room may not know.
fn forbidden_arrows(file: &str, room: &str, text: &str) -> Vec<String> {
    let mention = Regex::new(r"\bcrate::(\{[^}]*\}|[a-z_]+)").unwrap();
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == room) else {
        return vec![format!("{file}: the room `{room}` stands in no table: add it to ARROWS in tests/it/house.rs")];
    };
    let mut wrong = Vec::new();
    for (number, line) in text.lines().enumerate() {
        // A comment may point anywhere: it is read by people.
        let code = line.split("//").next().unwrap_or_default();
        for found in mention.captures_iter(code) {
            for name in found[1].trim_matches(['{', '}']).split(',') {
                let name = name.trim().split("::").next().unwrap_or_default();
                let known = ARROWS.iter().any(|(room, _)| *room == name);
                if known && name != room && !allowed.contains(&name) {
                    let line = number + 1;
                    wrong.push(format!(
                        "{file}:{line}: `{room}` may not know `{name}`: pass a value instead, or move what they share to a lower room"
                    ));
                }
            }
        }
    }
    wrong
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(sources(&path)),
            false if path.extension().is_some_and(|ending| ending == "rs") => files.push(path),
            false => {}
        }
    }
    files.sort();
    files
}

fn library() -> Vec<(String, String, String)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let named = sources(&top).into_iter().map(|path| {
        let file = path.strip_prefix(&top).unwrap().to_string_lossy().replace('\\', "/");
        let room = file.split(['/', '.']).next().unwrap().to_string();
        (format!("src/{file}"), room, fs::read_to_string(path).unwrap())
    });
    named.filter(|(file, room, _)| room != "bin" && file != "src/lib.rs").collect()
}

#[test]
fn rooms_know_only_what_stands_below_them() {
    let wrong: Vec<String> =
        library().iter().flat_map(|(file, room, text)| forbidden_arrows(file, room, text)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_has_no_circle() {
    // Every arrow leads to a line above its own, so no walk along arrows ever returns.
    let floors: BTreeMap<&str, usize> = ARROWS.iter().enumerate().map(|(floor, (room, _))| (*room, floor)).collect();
    for (room, allowed) in ARROWS.iter().copied() {
        for below in allowed {
            assert!(floors[below] < floors[room], "`{room}` may know `{below}`, which stands below it in the table");
        }
    }
}

#[test]
fn a_forbidden_arrow_is_seen() {
    let text = "use crate::change::RepoPath;\nuse crate::{finding, policy};\nfn f() { crate::evaluate::evaluate() }\n// crate::report\n";
    let wrong = forbidden_arrows("src/guards/size.rs", "guards", text);
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    assert!(wrong[0].starts_with("src/guards/size.rs:2: `guards` may not know `policy`"), "{wrong:?}");
    assert!(wrong[1].contains(":3:"), "{wrong:?}");
    assert!(!forbidden_arrows("src/attic.rs", "attic", "").is_empty());
}

#[test]
fn files_are_called_what_they_are_and_end_where_a_reader_does() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for path in [root.join("src"), root.join("tests")].iter().flat_map(|folder| sources(folder)) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(name != "mod", "{}: a folder's file has the folder's name", path.display());
        assert!(!NO_ROOMS.contains(&&*name), "{}: which noun is missing?", path.display());
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= MOST_LINES, "{}: {lines} lines; split it along the data flow", path.display());
    }
}

/// Edges say so: whoever lifts the I/O wall for a file gives the reason.
#[test]
fn whoever_touches_the_outside_says_why() {
    for (file, _, text) in library() {
        for (number, line) in text.lines().enumerate() {
            let lifts = line.contains("clippy::disallowed_methods");
            let around = text.lines().skip(number).take(3).collect::<String>();
            assert!(!lifts || around.contains("reason"), "{file}:{}: no reason is given", number + 1);
        }
    }
}
