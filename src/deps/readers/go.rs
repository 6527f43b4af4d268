//! go.mod (<https://go.dev/ref/mod#go-mod-file>). Since Go 1.17 it lists all modules that are built.

use std::collections::HashMap;

use super::{Read, package, room};
use crate::deps::lockfile::Lockfile;

/// The name under which advisories speak about Go itself.
const TOOLCHAIN: &str = "stdlib";

pub(super) fn go_mod(text: &str, into: &mut Lockfile) -> Read {
    let mut required: Vec<(&str, &str, u32)> = Vec::new();
    let mut replaced: HashMap<(&str, Option<&str>), (&str, &str, u32)> = HashMap::new();
    let (mut go, mut toolchain) = (None, None);
    let mut block = "";
    for (index, line) in text.lines().enumerate() {
        room(required.len().max(replaced.len()), index)?;
        let number = index as u32 + 1;
        let line = line.split("//").next().unwrap_or_default().trim();
        let (verb, rest) = match block {
            "" => line.split_once([' ', '\t']).unwrap_or((line, "")),
            _ if line == ")" => {
                block = "";
                continue;
            }
            verb => (verb, line),
        };
        let rest = rest.trim();
        if rest == "(" {
            block = verb;
            continue;
        }
        let words: Vec<&str> = rest.split_whitespace().take(6).map(|word| word.trim_matches('"')).collect();
        let mut replace = |old, new| {
            replaced.insert(old, new);
        };
        match (verb, words.as_slice()) {
            ("require", [name, version, ..]) => required.push((name, version, number)),
            ("replace", [old, "=>", new]) => replace((old, None), (new, "", number)),
            ("replace", [old, "=>", new, version]) => replace((old, None), (new, version, number)),
            ("replace", [old, at, "=>", new]) => replace((old, Some(at)), (new, "", number)),
            ("replace", [old, at, "=>", new, version]) => replace((old, Some(at)), (new, version, number)),
            ("go", [version]) => go = Some((*version, number)),
            ("toolchain", [version]) => toolchain = version.strip_prefix("go").map(|version| (version, number)),
            _ => {}
        }
    }
    let mut seen = std::collections::HashSet::new();
    for (name, version, line) in required {
        let by = replaced.get(&(name, Some(version))).or_else(|| replaced.get(&(name, None)));
        let (name, version, line) = by.copied().unwrap_or((name, version, line));
        let mut found = package(name, version.strip_prefix('v').unwrap_or(version), line);
        found.local = version.is_empty();
        if seen.insert((found.name.clone(), found.version.clone())) {
            into.packages.push(found);
        }
    }
    if let Some((version, line)) = toolchain.or(go) {
        into.packages.push(package(TOOLCHAIN, version.split('-').next().unwrap_or(version), line));
    }
    Ok(())
}
