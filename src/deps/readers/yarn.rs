//! yarn.lock of Yarn 1 and of its successors. Both are blocks: a heading of descriptors, then indented properties.

use super::node_js::split_at_version;
use super::{Once, Read, commit_of, need, package, room};
use crate::deps::lockfile::{Lockfile, Package};

pub(super) fn read(text: &str, into: &mut Lockfile) -> Read {
    let mut once = Once::default();
    let mut block: Option<Block<'_>> = None;
    for (index, line) in text.lines().enumerate() {
        room(into.packages.len(), index)?;
        let body = line.trim();
        if body.is_empty() || body.starts_with('#') {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        if indent == 0 {
            if let Some(package) = block.take().and_then(Block::package) {
                once.add(package, &mut into.packages);
            }
            let heading = body.strip_suffix(':').unwrap_or(body);
            block = (heading != "__metadata").then(|| Block { heading, line: index as u32 + 1, ..Block::default() });
            continue;
        }
        let Some(block) = &mut block else { continue };
        let (key, value) = property(body);
        match (indent, key) {
            (2, "version") => block.version = value,
            (2, "resolved") => block.resolved = value,
            (2, "resolution") => block.resolution = value,
            (2, "dependencies" | "optionalDependencies") => block.listing = true,
            (2, _) => block.listing = false,
            (_, name) if block.listing => block.needs.push(name),
            _ => {}
        }
    }
    if let Some(package) = block.and_then(Block::package) {
        once.add(package, &mut into.packages);
    }
    Ok(())
}

#[derive(Default)]
struct Block<'a> {
    heading: &'a str,
    line: u32,
    version: &'a str,
    resolved: &'a str,
    resolution: &'a str,
    listing: bool,
    needs: Vec<&'a str>,
}

impl Block<'_> {
    fn package(self) -> Option<Package> {
        let first = self.heading.split(", ").next().unwrap_or_default().trim_matches('"');
        let locator = if self.resolution.is_empty() { first } else { self.resolution };
        let (mut name, reference) = split_at_version(locator);
        if let Some(alias) = reference.strip_prefix("npm:").filter(|_| self.resolution.is_empty()) {
            let (target, version) = split_at_version(alias);
            if !version.is_empty() {
                name = target;
            }
        }
        // The project itself.
        if name.is_empty() || reference == "workspace:." {
            return None;
        }
        let mut found = package(name, self.version, self.line);
        let address = if self.resolution.is_empty() { self.resolved } else { self.resolution };
        found.commit = commit_of(address);
        found.local = reference.starts_with("workspace:") || reference.starts_with("link:");
        found.needs = self.needs.into_iter().map(need).collect();
        Some(found)
    }
}

/// `key value`, `key: value`, each with or without quotes.
fn property(body: &str) -> (&str, &str) {
    let (key, value) = match body.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
        Some((key, value)) => (key, value),
        None => body.split_once([' ', ':']).unwrap_or((body, "")),
    };
    (key, value.trim_start_matches(':').trim().trim_matches('"'))
}
