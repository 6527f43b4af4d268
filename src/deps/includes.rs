//! What pip's requirements files include: `-r other.txt` brings more requirements, `-c limits.txt` versions for packages
//! that something else asks for. Only files of the same tree are followed; an address is not fetched.

use std::collections::{BTreeSet, VecDeque};

use super::{Ecosystem, Lockfile};

/// Files that one set of requirements includes, all in all; more are followed by nobody.
const MOST_FILES: usize = 500;
/// Includes of one file that are looked at.
const MOST_LINES: usize = 1_000;

/// A file that another one includes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Include {
    /// The including file.
    pub from: String,
    /// The line (from 1) on which it does.
    pub line: u32,
    /// The path as it is written.
    pub written: String,
    /// The path from where the including file's path begins; `None`: it leaves that.
    pub path: Option<String>,
    /// It gives versions, and asks for nothing itself.
    pub constraint: bool,
}

/// What was found by following includes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Path, content, and whether it only constrains.
    pub files: Vec<(String, Vec<u8>, bool)>,
    /// Includes of files that are not there.
    pub missing: Vec<Include>,
}

/// Every include of a text, in its order.
pub fn of(text: &str, file: &str) -> Vec<Include> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.split_once(" #").map_or(line, |(before, _)| before).trim();
        let Some((constraint, rest)) = option(line) else { continue };
        let written = rest.trim_start_matches('=').trim().trim_matches(['"', '\'']);
        if written.is_empty() || written.contains("://") || written.contains("${") {
            continue;
        }
        let path = resolve(file, written);
        let (from, written) = (file.to_string(), written.to_string());
        found.push(Include { from, line: index as u32 + 1, written, path, constraint });
        if found.len() == MOST_LINES {
            break;
        }
    }
    found
}

fn option(line: &str) -> Option<(bool, &str)> {
    let long = [("--requirement", false), ("--constraint", true)];
    let is_end = |rest: &str| rest.starts_with(['=', ' ', '\t']);
    let named = long.iter().find_map(|(name, constraint)| Some((*constraint, line.strip_prefix(name)?)));
    named
        .filter(|(_, rest)| is_end(rest))
        .or_else(|| line.strip_prefix("-r").map(|rest| (false, rest)))
        .or_else(|| line.strip_prefix("-c").map(|rest| (true, rest)))
}

/// A path that is written in `file`, from where the path of `file` itself begins.
fn resolve(file: &str, written: &str) -> Option<String> {
    let written = written.replace('\\', "/");
    if written.starts_with('/') || written.contains(':') {
        return None;
    }
    let mut parts: Vec<&str> = match file.rsplit_once('/') {
        Some((folder, _)) => folder.split('/').collect(),
        None => Vec::new(),
    };
    for part in written.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().filter(|part| !matches!(*part, "" | "." | ".."))?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Follows the includes of some requirements files. `read` gives the content at a path, `None` where there is none.
pub fn follow<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
    mut read: impl FnMut(&str) -> Option<Vec<u8>>,
) -> Followed {
    let mut followed = Followed::default();
    let mut known = BTreeSet::new();
    let mut open = VecDeque::new();
    for (path, text) in files {
        known.insert(path.to_string());
        open.extend(of(text, path));
    }
    while let Some(include) = open.pop_front() {
        let Some(path) = include.path.clone() else {
            followed.missing.push(include);
            continue;
        };
        if known.contains(&path) || followed.files.len() == MOST_FILES {
            continue;
        }
        let Some(content) = read(&path) else {
            followed.missing.push(include);
            continue;
        };
        known.insert(path.clone());
        for mut further in of(&String::from_utf8_lossy(&content), &path) {
            // What constraints include constrains too.
            further.constraint |= include.constraint;
            open.push_back(further);
        }
        followed.files.push((path, content, include.constraint));
    }
    followed
}

/// Leaves of a file of constraints what something else asks for.
pub fn constrain<'a>(constraints: &mut Lockfile, asked_for: impl IntoIterator<Item = &'a Lockfile>) {
    let canonical = |name: &str| Ecosystem::PyPi.canonical(name);
    let names: BTreeSet<String> =
        asked_for.into_iter().flat_map(|it| &it.packages).map(|package| canonical(&package.name)).collect();
    constraints.packages.retain(|package| names.contains(&canonical(&package.name)));
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::*;

    fn paths(text: &str, file: &str) -> Vec<Option<String>> {
        of(text, file).into_iter().map(|include| include.path).collect()
    }

    #[test]
    fn every_spelling_of_an_include() {
        let text = "-r base.txt\n-rdev.txt # for tests\n--requirement=./a/../b.txt\n--constraint \"limits.txt\"\n\
                    -c https://example.com/c.txt\n# -r no.txt\nrequests==1.0\n--require-hashes\n-r ../../up.txt\n-r /etc/x\n";
        let some = |path: &str| Some(path.to_string());
        let expected = [some("r/base.txt"), some("r/dev.txt"), some("r/b.txt"), some("r/limits.txt"), None, None];
        assert_eq!(paths(text, "r/requirements.txt"), expected);
        assert_eq!(of(text, "x").iter().filter(|include| include.constraint).count(), 1);
        assert_eq!(paths("-r ../x.txt", "../a/requirements.txt"), [some("../x.txt")]);
        assert_eq!(paths("-r ../../x.txt", "../a/requirements.txt"), [None]);
    }

    #[test]
    fn circles_end_and_what_is_missing_is_said() {
        let read = |path: &str| match path {
            "a.txt" => Some(b"-r b.txt\nx==1\n".to_vec()),
            "b.txt" => Some(b"-r a.txt\n-r requirements.txt\n-c c.txt\n-r gone.txt\n".to_vec()),
            "c.txt" => Some(b"-r d.txt\n".to_vec()),
            "d.txt" => Some(Vec::new()),
            _ => None,
        };
        let followed = follow([("requirements.txt", "-r a.txt\n")], read);
        let files: Vec<(&str, bool)> = followed.files.iter().map(|(path, _, only)| (path.as_str(), *only)).collect();
        assert_eq!(files, [("a.txt", false), ("b.txt", false), ("c.txt", true), ("d.txt", true)]);
        assert_eq!(followed.missing.len(), 1);
        assert_eq!((followed.missing[0].from.as_str(), followed.missing[0].line), ("b.txt", 4));
    }

    #[test]
    fn constraints_ask_for_nothing() {
        let read = |text: &str| Lockfile::read(Format::Requirements, text.as_bytes(), "x").unwrap();
        let mut constraints = read("Flask==1.0\ndjango==2.0\n");
        constrain(&mut constraints, [&read("flask\n")]);
        assert_eq!(constraints.packages.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["Flask"]);
    }
}
