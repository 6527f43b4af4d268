//! npm's and Bun's lockfiles.

use super::{Once, Read, commit_of, need, needs_of_keys, package};
use crate::deps::lockfile::{Lockfile, Need, Package};
use crate::deps::node::{Node, Refused, Value};

/// package-lock.json and npm-shrinkwrap.json, versions 1 to 3
/// (<https://docs.npmjs.com/cli/configuring-npm/package-lock-json>).
pub(super) fn package_lock(node: &Node<'_>, into: &mut Lockfile) -> Read {
    let mut once = Once::default();
    if node.get("packages").is_some() {
        for (path, entry) in node.map("packages") {
            if path.is_empty() {
                into.roots = roots(entry);
                continue;
            }
            if entry.is_true("link") {
                continue;
            }
            let (folder, installed) = match path.rsplit_once("node_modules/") {
                Some((_, name)) => (false, name),
                // A workspace's own folder.
                None => (true, path.rsplit('/').next().unwrap_or(path)),
            };
            let name = Some(entry.str("name")).filter(|name| !name.is_empty()).unwrap_or(installed);
            let commit = commit_of(entry.str("resolved"));
            let mut found = package(name, entry.str("version"), entry.line);
            found.commit = commit;
            found.groups = groups(entry);
            found.local = folder;
            found.needs = roots(entry);
            once.add(found, &mut into.packages);
        }
    } else {
        let mut stack: Vec<&(std::borrow::Cow<'_, str>, Node<'_>)> = node.map("dependencies").iter().rev().collect();
        while let Some((name, entry)) = stack.pop() {
            stack.extend(entry.map("dependencies").iter().rev());
            // It comes inside its parent's archive and is raised by raising that.
            if entry.is_true("bundled") {
                continue;
            }
            let locked = entry.str("version");
            let (mut name, mut version, mut commit) = (name.as_ref(), locked, None);
            if let Some(alias) = locked.strip_prefix("npm:") {
                (name, version) = split_at_version(alias);
            } else if locked.starts_with("file:") {
                version = "";
            } else if locked.contains(':') {
                commit = commit_of(locked);
                version = "";
            }
            let mut found = package(name, version, entry.line);
            found.commit = commit;
            found.groups = groups(entry);
            found.needs = needs_of_keys(entry, "requires");
            once.add(found, &mut into.packages);
        }
    }
    Ok(())
}

fn roots(entry: &Node<'_>) -> Vec<Need> {
    let kinds = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];
    kinds.iter().flat_map(|kind| needs_of_keys(entry, kind)).collect()
}

fn groups(entry: &Node<'_>) -> Vec<String> {
    let flags = [("dev", "dev"), ("optional", "optional"), ("inBundle", "bundled")];
    let mut groups: Vec<String> =
        flags.iter().filter(|(flag, _)| entry.is_true(flag)).map(|(_, group)| group.to_string()).collect();
    if entry.is_true("devOptional") && groups.is_empty() {
        groups = vec!["dev".into(), "optional".into()];
    }
    groups
}

/// `name@version` of a name that may begin with `@`.
pub(super) fn split_at_version(text: &str) -> (&str, &str) {
    match text.char_indices().skip(1).find(|(_, character)| *character == '@') {
        Some((at, _)) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    }
}

/// bun.lock (<https://bun.sh/docs/install/lockfile>).
pub(super) fn bun(node: &Node<'_>, into: &mut Lockfile) -> Read {
    for (_, workspace) in node.map("workspaces") {
        into.roots.extend(roots(workspace));
    }
    let mut once = Once::default();
    for (key, entry) in node.map("packages") {
        let Some(Value::Text(locked)) = entry.items().first().map(|first| &first.value) else {
            return Err(Refused {
                line: entry.line,
                message: format!("the package `{key}` is not a list with its name"),
            });
        };
        let (name, version) = split_at_version(locked);
        let (mut plain, mut commit) = (version, None);
        if version.contains(':') || version.starts_with("git+") {
            plain = "";
            commit = commit_of(version);
        }
        let mut found: Package = package(name, plain, entry.line);
        found.commit = commit;
        found.local = version.starts_with("workspace:");
        if let Some(options) = entry.items().iter().find(|item| item.is_map()) {
            let kinds = ["dependencies", "optionalDependencies", "peerDependencies"];
            found.needs = kinds.iter().flat_map(|kind| options.map(kind)).map(|(name, _)| need(name)).collect();
        }
        once.add(found, &mut into.packages);
    }
    Ok(())
}
