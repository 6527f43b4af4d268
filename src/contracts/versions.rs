//! Whether a contract that breaks its callers says so in its version.
//!
//! An OpenAPI document has its own (`info.version`); everything else has that of the package it is published in, the
//! nearest `package.json`. Before 1.0.0 the second number says what the first one says later
//! (<https://semver.org/#spec-item-4>). A version that cannot be found or read is nobody's promise.

use std::collections::BTreeSet;

use super::compare::Comparison;
use super::{Format, Impact, Place, Tree};

/// A version that stayed while its contract broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unbumped {
    /// The contract that breaks.
    pub contract: String,
    /// The version at the base.
    pub base: String,
    /// The version at the head.
    pub head: String,
    /// Where it stands at the head.
    pub place: Place,
}

/// Versions that ought to have grown and did not, by place.
pub fn unbumped(base: &dyn Tree, head: &dyn Tree, comparison: &Comparison) -> Vec<Unbumped> {
    let broken: BTreeSet<&str> = comparison
        .changes
        .iter()
        .filter(|change| change.what.impact == Impact::Breaking)
        .flat_map(|change| [&change.what.base, &change.what.revision])
        .flatten()
        .map(|place| place.file.as_str())
        .collect();
    let mut found: Vec<Unbumped> = Vec::new();
    for file in &comparison.files {
        let (Some(old), Some(new)) = (&file.pair.base, &file.pair.head) else { continue };
        if !broken.contains(old.as_str()) && !broken.contains(new.as_str()) {
            continue;
        }
        let (before, after) = match file.format {
            Format::OpenApi => (in_document(base, old), in_document(head, new)),
            _ => (of_package(base, old), of_package(head, new)),
        };
        let (Some(before), Some((place, after))) = (before.map(|(_, version)| version), after) else { continue };
        let known = found.iter().any(|one| one.place == place);
        if !known && grew(&before, &after) == Some(false) {
            found.push(Unbumped { contract: new.clone(), base: before, head: after, place });
        }
    }
    found
}

/// Whether the number grew that says "this breaks"; `None` where one of the two is no such version.
fn grew(before: &str, after: &str) -> Option<bool> {
    let numbers = |version: &str| {
        let core = version.trim().trim_start_matches(['v', 'V']).split(['-', '+']).next()?.to_string();
        let mut parts = core.split('.').map(|part| part.parse::<u64>());
        let major = parts.next()?.ok()?;
        let minor = parts.next().map_or(Some(0), Result::ok)?;
        Some((major, minor))
    };
    let (before, after) = (numbers(before)?, numbers(after)?);
    Some(after.0 > before.0 || (before.0 == 0 && after > before))
}

/// `info.version` of a document, and where it stands.
fn in_document(tree: &dyn Tree, path: &str) -> Option<(Place, String)> {
    static INFO: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| {
        let pattern =
            r#"(?s)(?:^|\n|[{,]\s*)["']?info["']?\s*:\s*.{0,4096}?[\s{,]["']?version["']?\s*:\s*["']?([^"'\s,}]+)"#;
        regex::Regex::new(pattern).expect("a valid pattern")
    });
    located(tree, path, &INFO)
}

/// `version` of the nearest `package.json` at or above a file.
fn of_package(tree: &dyn Tree, path: &str) -> Option<(Place, String)> {
    static VERSION: std::sync::LazyLock<regex::Regex> =
        std::sync::LazyLock::new(|| regex::Regex::new(r#""version"\s*:\s*"([^"\n]+)""#).expect("a valid pattern"));
    let mut folder = path;
    while let Some((parent, _)) = folder.rsplit_once('/') {
        let manifest = format!("{parent}/package.json");
        if tree.read(&manifest).is_some() {
            return located(tree, &manifest, &VERSION);
        }
        folder = parent;
    }
    located(tree, "package.json", &VERSION)
}

fn located(tree: &dyn Tree, path: &str, pattern: &regex::Regex) -> Option<(Place, String)> {
    let content = tree.read(path)?;
    let text = String::from_utf8_lossy(&content);
    let found = pattern.captures(&text)?.get(1)?;
    let before = &text[..found.start()];
    let line = before.matches('\n').count() as u32 + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() as u32 + 1;
    let end_column = column + found.as_str().chars().count() as u32;
    let version: String = found.as_str().chars().take(80).collect();
    Some((Place { file: path.to_string(), line, column, end_line: line, end_column }, version))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_number_that_says_so_must_grow() {
        for (before, after, said) in [
            ("1.2.3", "2.0.0", Some(true)),
            ("1.2.3", "1.3.0", Some(false)),
            ("0.2.3", "0.3.0", Some(true)),
            ("0.2.3", "0.2.4", Some(false)),
            ("v1", "v2", Some(true)),
            ("2.0.0-rc.1", "2.0.0", Some(false)),
            ("latest", "2.0.0", None),
            ("1.0.0", "99999999999999999999999.0.0", None),
        ] {
            assert_eq!(grew(before, after), said, "{before} {after}");
        }
    }

    #[test]
    fn a_version_is_found_where_it_is_published() {
        let files = [
            ("api/x.yaml", "openapi: 3.0.0\ninfo:\n  title: Version: x\n  version: '1.4.0'\n"),
            ("api/x.json", r#"{"openapi":"3.0.0","info":{"title":"T","version":"2.0"}}"#),
            ("packages/types/package.json", "{\n  \"version\": \"0.3.1\"\n}\n"),
            ("packages/types/src/a.ts", "export {}\n"),
        ];
        let tree: BTreeMap<String, Vec<u8>> =
            files.iter().map(|(path, text)| (path.to_string(), text.as_bytes().to_vec())).collect();
        let (place, version) = in_document(&tree, "api/x.yaml").unwrap();
        assert_eq!((version.as_str(), place.line, place.column), ("1.4.0", 4, 13));
        assert_eq!(in_document(&tree, "api/x.json").unwrap().1, "2.0");
        assert_eq!(of_package(&tree, "packages/types/src/a.ts").unwrap().1, "0.3.1");
        assert_eq!(of_package(&tree, "other/a.ts"), None);
    }
}
