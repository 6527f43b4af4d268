//! pnpm-lock.yaml, versions 5 to 9 (<https://github.com/pnpm/spec/tree/master/lockfile>).

use super::node_js::split_at_version;
use super::{Once, Read, commit_of, need, package};
use crate::deps::lockfile::{Lockfile, Need};
use crate::deps::node::{Node, Refused, Value};

pub(super) fn read(node: &Node<'_>, into: &mut Lockfile) -> Read {
    if !matches!(node.value, Value::Map(_) | Value::Null) {
        return Err(Refused { line: node.line, message: "a mapping is expected at the top".into() });
    }
    let newer = node.str("lockfileVersion").split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0) >= 9;
    for importer in node.map("importers").iter().map(|(_, importer)| importer).chain([node]) {
        for kind in ["dependencies", "devDependencies", "optionalDependencies"] {
            into.roots.extend(importer.map(kind).iter().map(|(name, _)| need(name)));
        }
    }
    let mut graph: std::collections::HashMap<(String, String), Vec<Need>> = std::collections::HashMap::new();
    for (key, snapshot) in node.map("snapshots") {
        let (name, version) = split_at_version(without_peers(key));
        graph.entry((name.into(), version.into())).or_default().extend(needs(snapshot));
    }
    let mut once = Once::default();
    for (key, entry) in node.map("packages") {
        let (mut name, mut version) = match newer {
            true => split_at_version(without_peers(key)),
            false => of_path(key).ok_or_else(|| Refused {
                line: entry.line,
                message: format!("`{key}` is not the path of a package"),
            })?,
        };
        let graphed = graph.remove(&(name.to_string(), version.to_string()));
        for (given, field) in [(entry.str("name"), &mut name), (entry.str("version"), &mut version)] {
            if !given.is_empty() {
                *field = given;
            }
        }
        if name.is_empty() || version.is_empty() {
            continue;
        }
        let resolution = entry.get("resolution");
        let at = |key: &str| resolution.map(|resolution| resolution.str(key)).filter(|text| !text.is_empty());
        let mut found = package(name, version, entry.line);
        found.commit = at("commit").map(str::to_string).or_else(|| at("tarball").and_then(commit_of));
        found.local = at("type") == Some("directory");
        if entry.is_true("dev") {
            found.groups.push("dev".into());
        }
        found.needs = graphed.unwrap_or_else(|| needs(entry));
        once.add(found, &mut into.packages);
    }
    Ok(())
}

fn needs(entry: &Node<'_>) -> Vec<Need> {
    let kinds = ["dependencies", "optionalDependencies"];
    let entries = kinds.iter().flat_map(|kind| entry.map(kind));
    let plain = |text: &str| without_peers(text).split('_').next().unwrap_or_default().to_string();
    let versioned =
        |node: &Node<'_>| node.text().map(plain).filter(|text| text.starts_with(|c: char| c.is_ascii_digit()));
    entries.map(|(name, node)| Need { name: name.to_string(), version: versioned(node) }).collect()
}

fn without_peers(key: &str) -> &str {
    key.split('(').next().unwrap_or(key)
}

/// Name and version of a path of versions 5 and 6; both empty where it holds none. `None`: this is no path.
fn of_path(path: &str) -> Option<(&str, &str)> {
    if path.starts_with("file:") {
        return Some(("", ""));
    }
    let (_, rest) = path.split_once('/')?;
    let end = match rest.starts_with('@') {
        true => rest.match_indices('/').nth(1).map_or(rest.len(), |(at, _)| at),
        false => rest.find('/').unwrap_or(rest.len()),
    };
    let (mut name, mut version) = (&rest[..end], rest.get(end + 1..).unwrap_or_default());
    version = version.split('/').next().unwrap_or_default();
    // Version 6 writes name@version(peers); the peers of a scoped package hold slashes of their own.
    let joined = split_at_version(without_peers(rest));
    if !joined.1.is_empty() && (version.is_empty() || without_peers(rest).len() < rest.len() || name.contains('@')) {
        let inner = without_peers(rest);
        if !inner[..inner.len() - joined.1.len()].trim_start_matches('@').contains("_") {
            (name, version) = joined;
        }
    }
    if !version.starts_with(|first: char| first.is_ascii_digit()) {
        return Some(("", ""));
    }
    Some((name, version.split('_').next().unwrap_or(version)))
}
