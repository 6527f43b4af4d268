//! The lockfiles of .NET.

use quick_xml::events::Event;

use super::jvm::{Xml, attribute};
use super::{Once, Read, need, needs_of_keys, package};
use crate::deps::lockfile::Lockfile;
use crate::deps::node::Node;

/// `*.deps.json`.
pub(super) fn deps_json(node: &Node<'_>, into: &mut Lockfile) -> Read {
    libraries(node, into);
    Ok(())
}

/// `project.assets.json`: what else the project references is in no registry.
pub(super) fn project_assets(node: &Node<'_>, into: &mut Lockfile) -> Read {
    libraries(node, into);
    into.packages.retain(|package| !package.local);
    Ok(())
}

fn libraries(node: &Node<'_>, into: &mut Lockfile) {
    let mut needs = std::collections::HashMap::new();
    for (_, target) in node.map("targets") {
        for (key, entry) in target.entries() {
            needs.entry(key.as_ref()).or_insert_with(|| needs_of_keys(entry, "dependencies"));
        }
    }
    for (key, entry) in node.map("libraries") {
        let Some((name, version)) = key.split_once('/') else { continue };
        let mut found = package(name, version, entry.line);
        found.local = entry.str("type") == "project";
        found.needs = needs.remove(key.as_ref()).unwrap_or_default();
        into.packages.push(found);
    }
}

/// `packages.lock.json`.
pub(super) fn packages_lock(node: &Node<'_>, into: &mut Lockfile) -> Read {
    let mut once = Once::default();
    for (_, framework) in node.map("dependencies") {
        for (name, entry) in framework.entries() {
            if entry.str("resolved").is_empty() {
                continue;
            }
            if entry.str("type") == "Direct" {
                into.roots.push(need(name));
            }
            let mut found = package(name, entry.str("resolved"), entry.line);
            found.needs = needs_of_keys(entry, "dependencies");
            once.add(found, &mut into.packages);
        }
    }
    Ok(())
}

/// `packages.config`.
pub(super) fn packages_config(text: &str, into: &mut Lockfile) -> Read {
    let mut xml = Xml::of(text);
    while let Some(event) = xml.next()? {
        let (Event::Start(tag) | Event::Empty(tag)) = &event else { continue };
        if tag.local_name().as_ref() != "package" {
            continue;
        }
        let (name, version) = (attribute(tag, "id"), attribute(tag, "version"));
        if !name.is_empty() && !version.is_empty() {
            into.packages.push(package(&name, &version, xml.line()));
        }
    }
    Ok(())
}

/// `paket.lock`: groups of sources; a package stands at four spaces, what it needs at six.
pub(super) fn paket(text: &str, into: &mut Lockfile) -> Read {
    for (index, line) in text.lines().enumerate() {
        let body = line.trim();
        match line.len() - line.trim_start().len() {
            4 => {
                let Some((name, rest)) = body.split_once(" (") else { continue };
                let Some((version, _)) = rest.split_once(')') else { continue };
                into.packages.push(package(name, version, index as u32 + 1));
            }
            6 => {
                if let (Some(last), Some((name, _))) = (into.packages.last_mut(), body.split_once(' ')) {
                    last.needs.push(need(name));
                }
            }
            _ => {}
        }
    }
    Ok(())
}
