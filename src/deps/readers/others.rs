//! Formats with a family of one.

use super::{Once, Read, need, needs_of_keys, package};
use crate::deps::lockfile::{Lockfile, Need};
use crate::deps::node::{Node, Refused};

/// Cargo.lock. A crate without a source is part of the workspace or lies at a path.
pub(super) fn cargo(node: &Node<'_>, into: &mut Lockfile) -> Read {
    for entry in node.list("package") {
        let line = entry.get("name").map_or(entry.line, |name| name.line);
        let mut found = package(entry.str("name"), entry.str("version"), line);
        found.local = entry.str("source").is_empty();
        // "name", "name version" where two are there, "name version (source)" in the first format.
        let needs = entry.list("dependencies").iter().filter_map(Node::text).map(|text| {
            let mut words = text.split(' ');
            Need { name: words.next().unwrap_or_default().into(), version: words.next().map(str::to_string) }
        });
        found.needs = needs.collect();
        into.packages.push(found);
    }
    Ok(())
}

/// composer.lock.
pub(super) fn composer(node: &Node<'_>, into: &mut Lockfile) -> Read {
    let mut once = Once::default();
    for (section, group) in [("packages", None), ("packages-dev", Some("dev"))] {
        for entry in node.list(section) {
            let line = entry.get("name").map_or(entry.line, |name| name.line);
            // Drupal's own versions stand beside those that Composer understands.
            let mut found = package(entry.str("name"), entry.str("version"), line);
            let reference = |key: &str| entry.get(key).map(|source| source.str("reference")).unwrap_or_default();
            let hex = |text: &&str| text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            found.commit =
                [reference("source"), reference("dist")].iter().find(|text| hex(text)).map(|it| it.to_string());
            found.groups.extend(group.map(str::to_string));
            found.needs = needs_of_keys(entry, "require");
            once.add(found, &mut into.packages);
        }
    }
    Ok(())
}

/// conan.lock of Conan 1 (a graph) and 2 (lists).
pub(super) fn conan(node: &Node<'_>, into: &mut Lockfile) -> Read {
    let mut once = Once::default();
    let mut add = |reference: &str, line: u32, group: Option<&str>, into: &mut Lockfile| {
        // name/version@user/channel#revision:package#revision%time
        let plain = reference.split(['@', '#', '%', ':']).next().unwrap_or_default();
        if let Some((name, version)) = plain.split_once('/') {
            let mut found = package(name, version, line);
            found.groups.extend(group.map(str::to_string));
            once.add(found, &mut into.packages);
        }
    };
    if let Some(graph) = node.get("graph_lock") {
        for (_, entry) in graph.map("nodes") {
            // The consumer itself has a path.
            if !entry.str("path").is_empty() {
                continue;
            }
            let reference = if entry.str("pref").is_empty() { entry.str("ref") } else { entry.str("pref") };
            add(reference, entry.line, None, into);
        }
    }
    for (section, group) in
        [("requires", "requires"), ("build_requires", "build-requires"), ("python_requires", "python-requires")]
    {
        for entry in node.list(section) {
            add(entry.text().unwrap_or_default(), entry.line, Some(group), into);
        }
    }
    Ok(())
}

/// cabal.project.freeze: `any.name ==version` of its constraints.
pub(super) fn cabal(text: &str, into: &mut Lockfile) -> Read {
    for (index, line) in text.lines().enumerate() {
        for part in line.split(',') {
            let part = part.trim();
            let part = part.strip_prefix("constraints:").unwrap_or(part).trim();
            let pinned = part.strip_prefix("any.").and_then(|part| part.split_once("=="));
            if let Some((name, version)) = pinned {
                into.packages.push(package(name.trim(), version.trim(), index as u32 + 1));
            }
        }
    }
    Ok(())
}

/// stack.yaml.lock: `hackage: name-version@sha256:…`.
pub(super) fn stack(node: &Node<'_>, into: &mut Lockfile) -> Read {
    for entry in node.list("packages") {
        let Some(completed) = entry.get("completed") else { continue };
        let hackage = completed.str("hackage").split('@').next().unwrap_or_default();
        if let Some((name, version)) = hackage.rsplit_once('-') {
            let line = completed.get("hackage").map_or(entry.line, |it| it.line);
            into.packages.push(package(name, version, line));
        }
    }
    Ok(())
}

/// Podfile.lock. A subspec belongs to the pod that it is of.
pub(super) fn podfile(node: &Node<'_>, into: &mut Lockfile) -> Read {
    let mut once = Once::default();
    let name = |text: &str| text.split([' ', '/']).next().unwrap_or_default().to_string();
    into.roots = node.list("DEPENDENCIES").iter().filter_map(Node::text).map(|text| need(&name(text))).collect();
    for entry in node.list("PODS") {
        let (text, needs) = match entry.entries().first() {
            Some((text, needs)) => (text.as_ref(), needs.items()),
            None => (entry.text().unwrap_or_default(), &[][..]),
        };
        let Some((_, version)) = text.split_once(" (") else { continue };
        let mut found = package(&name(text), version.trim_end_matches(')'), entry.line);
        found.needs = needs.iter().filter_map(Node::text).map(|text| need(&name(text))).collect();
        once.add(found, &mut into.packages);
    }
    Ok(())
}

/// pubspec.lock.
pub(super) fn pubspec(node: &Node<'_>, into: &mut Lockfile) -> Read {
    for (name, entry) in node.map("packages") {
        let mut found = package(name, entry.str("version"), entry.line);
        if let Some(description) = entry.get("description") {
            found.commit = Some(description.str("resolved-ref").to_string()).filter(|commit| !commit.is_empty());
        }
        if entry.str("dependency").ends_with("dev") {
            found.groups.push("dev".into());
        }
        found.local = matches!(entry.str("source"), "path" | "sdk");
        into.packages.push(found);
    }
    Ok(())
}

/// renv.lock: what does not come from CRAN has no advisories there.
pub(super) fn renv(node: &Node<'_>, into: &mut Lockfile) -> Read {
    for (_, entry) in node.map("Packages") {
        if entry.str("Repository") == "CRAN" {
            let mut found = package(entry.str("Package"), entry.str("Version"), entry.line);
            found.needs = entry.list("Requirements").iter().filter_map(Node::text).map(need).collect();
            into.packages.push(found);
        }
    }
    Ok(())
}

/// Manifest.toml of Julia, formats 1 and 2.
pub(super) fn julia(node: &Node<'_>, into: &mut Lockfile) -> Read {
    let entries = if node.get("deps").is_some() { node.map("deps") } else { node.entries() };
    for (name, versions) in entries {
        for entry in versions.items() {
            let version = entry.str("version");
            // Without a version it is of the standard library.
            if version.is_empty() {
                continue;
            }
            let mut found = package(name, version, entry.line);
            found.commit = Some(entry.str("git-tree-sha1").to_string()).filter(|tree| !tree.is_empty());
            found.needs = entry.list("deps").iter().filter_map(Node::text).map(need).collect();
            found.local = !entry.str("path").is_empty();
            into.packages.push(found);
        }
    }
    Ok(())
}

/// Package.resolved, versions 1 to 3.
pub(super) fn swift(node: &Node<'_>, into: &mut Lockfile) -> Read {
    let pins = match node.get("object") {
        Some(object) => object.list("pins"),
        None => node.list("pins"),
    };
    for pin in pins {
        let address = if pin.str("location").is_empty() { pin.str("repositoryURL") } else { pin.str("location") };
        let name = address.split_once("://").map_or(address, |(_, rest)| rest);
        let name = name.strip_suffix(".git").unwrap_or(name);
        let version = pin.get("state").map(|state| state.str("version")).unwrap_or_default();
        if !name.is_empty() && !version.is_empty() {
            into.packages.push(package(name, version, pin.line));
        }
    }
    Ok(())
}

/// mix.lock: one Elixir tuple a line.
pub(super) fn mix(text: &str, into: &mut Lockfile) -> Read {
    for (index, line) in text.lines().enumerate() {
        let number = index as u32 + 1;
        let Some((key, tuple)) = line.trim().strip_prefix('"').and_then(|rest| rest.split_once('"')) else { continue };
        let Some((_, tuple)) = tuple.split_once('{') else { continue };
        let mut words = tuple.splitn(5, ',').map(|word| word.trim().trim_matches(['"', ':']));
        let (kind, first, second, third) = (words.next(), words.next(), words.next(), words.next());
        if tuple.len() > 100_000 {
            return Err(Refused { line: number, message: "a line is longer than any that mix writes".into() });
        }
        let (Some(kind), Some(_), Some(second)) = (kind, first.filter(|first| !first.starts_with('}')), second) else {
            continue;
        };
        let (version, commit) = match kind {
            "git" => ("", Some(second)),
            _ => (second, third),
        };
        let mut found = package(key, version, number);
        found.commit = commit.filter(|commit| !commit.is_empty()).map(str::to_string);
        // [{:name, "~> 1.0", [hex: :name, …]}, …]
        for part in tuple.split("{:").skip(1).take(1_000) {
            found.needs.push(need(part.split(',').next().unwrap_or_default()));
        }
        into.packages.push(found);
    }
    Ok(())
}
