//! The lockfiles of Python's package managers, and pip's requirements.

use super::{Once, Read, need, needs_of_keys, package, room};
use crate::deps::lockfile::{Lockfile, Need};
use crate::deps::node::{Node, Refused};

/// poetry.lock.
pub(super) fn poetry(node: &Node<'_>, into: &mut Lockfile) -> Read {
    for entry in node.list("package") {
        let mut found = package(entry.str("name"), entry.str("version"), line_of_name(entry));
        if entry.is_true("optional") {
            found.groups.push("optional".into());
        }
        let groups: Vec<&str> = entry.list("groups").iter().filter_map(Node::text).collect();
        if !groups.contains(&"main") {
            found.groups.extend(groups.iter().map(|group| group.to_string()));
        }
        if entry.str("category") == "dev" {
            found.groups.push("dev".into());
        }
        if let Some(source) = entry.get("source") {
            found.commit = Some(source.str("resolved_reference").to_string()).filter(|commit| !commit.is_empty());
            found.local = source.str("type") == "directory";
        }
        found.needs = needs_of_keys(entry, "dependencies");
        into.packages.push(found);
    }
    Ok(())
}

fn line_of_name(entry: &Node<'_>) -> u32 {
    entry.get("name").map_or(entry.line, |name| name.line)
}

/// pdm.lock.
pub(super) fn pdm(node: &Node<'_>, into: &mut Lockfile) -> Read {
    for entry in node.list("package") {
        let mut found = package(entry.str("name"), entry.str("version"), line_of_name(entry));
        let groups: Vec<&str> = entry.list("groups").iter().filter_map(Node::text).collect();
        if !groups.is_empty() && !groups.contains(&"default") {
            let mut names: Vec<String> =
                groups.iter().map(|&group| if group == "dev" { "dev" } else { "optional" }.to_string()).collect();
            names.dedup();
            found.groups = names;
        }
        found.commit = Some(entry.str("revision").to_string()).filter(|commit| !commit.is_empty());
        found.local = !entry.str("path").is_empty();
        let names = entry.list("dependencies").iter().filter_map(Node::text).map(requirement_name);
        found.needs = names.map(need).collect();
        into.packages.push(found);
    }
    Ok(())
}

fn requirement_name(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c))).unwrap_or(text.len());
    &text[..end]
}

/// Pipfile.lock.
pub(super) fn pipfile(node: &Node<'_>, into: &mut Lockfile) -> Read {
    let mut once = Once::default();
    for (section, group) in [("default", None), ("develop", Some("dev"))] {
        for (name, entry) in node.map(section) {
            let version = entry.str("version").trim_start_matches('=');
            if version.is_empty() {
                continue;
            }
            let mut found = package(name, version, entry.line);
            found.groups.extend(group.map(str::to_string));
            once.add(found, &mut into.packages);
        }
    }
    Ok(())
}

/// uv.lock. The project itself is left out; what only its extras and groups ask for says so.
pub(super) fn uv(node: &Node<'_>, into: &mut Lockfile) -> Read {
    let mut groups: std::collections::HashMap<String, Vec<String>> = std::collections::HashMap::new();
    let mut plain = std::collections::HashSet::new();
    let own = |entry: &Node<'_>| {
        let source = entry.get("source");
        source.is_some_and(|source| ["virtual", "editable"].iter().any(|kind| source.get(kind).is_some()))
    };
    for entry in node.list("package").iter().filter(|entry| own(entry)) {
        for item in entry.list("dependencies") {
            plain.insert(item.str("name").to_string());
        }
        for kind in ["optional-dependencies", "dev-dependencies"] {
            for (group, items) in entry.map(kind) {
                for item in items.items() {
                    let known = groups.entry(item.str("name").to_string()).or_default();
                    if known.len() < 100 && !known.iter().any(|name| name == group) {
                        known.push(group.to_string());
                    }
                }
            }
        }
        let names = entry.list("dependencies").iter().chain(
            ["optional-dependencies", "dev-dependencies"]
                .iter()
                .flat_map(|kind| entry.map(kind))
                .flat_map(|(_, items)| items.items()),
        );
        into.roots.extend(names.map(|item| need(item.str("name"))));
    }
    for entry in node.list("package").iter().filter(|entry| !own(entry)) {
        let name = entry.str("name");
        let mut found = package(name, entry.str("version"), line_of_name(entry));
        if let Some(source) = entry.get("source") {
            found.commit = source.str("git").rsplit_once('#').map(|(_, commit)| commit.to_string());
            found.local = source.get("directory").is_some() || source.get("path").is_some();
        }
        if !plain.contains(name) {
            found.groups = groups.get(name).cloned().unwrap_or_default();
        }
        let version = |item: &Node<'_>| Some(item.str("version").to_string()).filter(|version| !version.is_empty());
        let needs = entry.list("dependencies").iter();
        found.needs = needs.map(|item| Need { name: item.str("name").into(), version: version(item) }).collect();
        into.packages.push(found);
    }
    Ok(())
}

/// pylock.toml (PEP 751).
pub(super) fn pylock(node: &Node<'_>, into: &mut Lockfile) -> Read {
    for entry in node.list("packages") {
        let version = entry.str("version");
        // What lies in the project's own folder has no version to be judged by.
        if version.is_empty() {
            continue;
        }
        let mut found = package(entry.str("name"), version, line_of_name(entry));
        let commit = entry.get("vcs").map(|vcs| vcs.str("commit-id").to_string());
        found.commit = commit.filter(|commit| !commit.is_empty());
        found.local = entry.get("directory").is_some();
        found.needs = entry.list("dependencies").iter().map(|item| need(item.str("name"))).collect();
        into.packages.push(found);
    }
    Ok(())
}

/// requirements.txt (<https://pip.pypa.io/en/stable/reference/requirements-file-format/>). A version is the one that a
/// requirement pins or begins at; a line that names no package is left out.
pub(super) fn requirements(text: &str, into: &mut Lockfile) -> Read {
    let mut joined = String::new();
    let mut first = 0;
    for (index, line) in text.lines().enumerate() {
        room(into.packages.len(), index)?;
        let line = line.split_once(" #").map_or(line, |(before, _)| before);
        let line = if line.trim_start().starts_with('#') { "" } else { line };
        if joined.is_empty() {
            first = index as u32 + 1;
        }
        match line.trim_end().strip_suffix('\\') {
            Some(part) if joined.len() < 1 << 20 => {
                joined.push_str(part);
                joined.push(' ');
                continue;
            }
            _ => joined.push_str(line),
        }
        requirement(&std::mem::take(&mut joined), first, into)?;
    }
    requirement(&joined, first, into)
}

fn requirement(line: &str, number: u32, into: &mut Lockfile) -> Read {
    let line = line.trim();
    let options = [" --hash", " --global-option", " --config-settings", " -C"];
    let end = options.iter().filter_map(|option| line.find(option)).min().unwrap_or(line.len());
    let line = line[..end].split(';').next().unwrap_or_default().trim();
    if line.is_empty() || line.starts_with('-') || line.contains("://") || line.contains("${") || line.contains(" @ ") {
        return Ok(());
    }
    if line.len() > 10_000 {
        return Err(Refused { line: number, message: "a requirement has more than 10000 characters".into() });
    }
    let at = line.find(['=', '<', '>', '!', '~']);
    let (name, constraint) = at.map_or((line, ""), |at| line.split_at(at));
    let name = name.split('[').next().unwrap_or_default().trim();
    let named = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if !named {
        return Ok(());
    }
    let version = match constraint {
        "" => "",
        several if several.contains(',') => "",
        wildcard if wildcard.ends_with(".*") => "",
        other if other.starts_with("!=") => "",
        one => {
            let version = one.trim_start_matches(['=', '<', '>', '~']).trim();
            if version.is_empty() {
                return Ok(());
            }
            version
        }
    };
    into.packages.push(package(name, version, number));
    Ok(())
}
