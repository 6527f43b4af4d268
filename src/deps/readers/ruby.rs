//! Gemfile.lock: sections whose `specs` are told apart by their indentation.

use super::{Read, need, package, room};
use crate::deps::lockfile::Lockfile;

pub(super) fn gemfile(text: &str, into: &mut Lockfile) -> Read {
    let (mut section, mut commit, mut specs) = ("", None, false);
    for (index, line) in text.lines().enumerate() {
        room(into.packages.len(), index)?;
        let body = line.trim();
        let indent = line.len() - line.trim_start().len();
        if body.is_empty() {
            continue;
        }
        match indent {
            0 => (section, commit, specs) = (body, None, false),
            2 if section == "DEPENDENCIES" => into.roots.push(need(name_of(body))),
            2 => {
                specs = body == "specs:";
                if let Some(revision) = body.strip_prefix("revision: ") {
                    commit = Some(revision.to_string());
                }
            }
            4 if specs && ["GEM", "GIT", "PATH"].contains(&section) => {
                let Some((name, version)) = body.split_once(" (") else { continue };
                let version = version.trim_end_matches(')');
                // Behind a dash stands the platform.
                let version = version.split('-').next().unwrap_or(version);
                let mut found = package(name, version, index as u32 + 1);
                found.commit.clone_from(&commit);
                found.local = section == "PATH";
                into.packages.push(found);
            }
            6 if specs => {
                if let Some(last) = into.packages.last_mut() {
                    last.needs.push(need(name_of(body)));
                }
            }
            _ => {}
        }
    }
    // One gem for several platforms is one package.
    let mut seen = std::collections::HashSet::new();
    into.packages.retain(|package| seen.insert((package.name.clone(), package.version.clone())));
    Ok(())
}

fn name_of(body: &str) -> &str {
    body.split([' ', '!']).next().unwrap_or(body)
}
