//! What a path says about a file: test, document, contract, endpoint, UI, security, or a class of the policy's own.

use std::collections::BTreeMap;

use globset::GlobSet;

use crate::change::{ChangeSet, FileChange, RepoPath, Status};
use crate::guards::size::globs;

/// The classes that are built in, with their globs. A policy may replace the globs of each.
pub(super) const BUILT_IN: [(&str, &[&str]); 6] = [
    (
        TEST,
        &[
            "**/*.{test,spec}.*",
            "**/__tests__/**",
            "**/{tests,test,spec,e2e,cypress}/**",
            "**/*_test.{go,py,rs,rb,exs}",
            "**/test_*.py",
            "**/*{Test,Tests}.{java,kt,cs,php,swift}",
        ],
    ),
    (DOCUMENT, &["**/*.{md,mdx,rst,adoc,txt}", "docs/**", "LICENSE*"]),
    (
        CONTRACT,
        &[
            "packages/{contracts,types}/**",
            "**/openapi.{yaml,yml,json}",
            "**/*.openapi.{yaml,yml,json}",
            "**/*.{proto,graphql,graphqls}",
        ],
    ),
    (ENDPOINT, &["**/routes/**", "**/controllers/**", "**/{pages,app}/api/**"]),
    (UI, &["**/*.{tsx,jsx,vue,svelte,astro,css,scss,sass,less,html}"]),
    (SECURITY, &["**/{worker,workers}/**", "**/migrations/**", "**/wrangler.{toml,json,jsonc}"]),
];

/// Tests. A test file is in no other class.
pub(super) const TEST: &str = "test";
/// Documents. A document is in no other class.
pub(super) const DOCUMENT: &str = "document";
/// What others build on.
pub(super) const CONTRACT: &str = "contract";
/// What answers requests.
pub(super) const ENDPOINT: &str = "endpoint";
/// What users see.
pub(super) const UI: &str = "ui";
/// What a mistake in is dear.
pub(super) const SECURITY: &str = "security";

/// The globs of every class, compiled.
#[derive(Clone, Debug)]
pub(super) struct Classes {
    test: GlobSet,
    document: GlobSet,
    others: BTreeMap<String, GlobSet>,
}

impl Classes {
    /// The built-in classes with those of the policy in their place or beside them.
    pub(super) fn compile(own: &BTreeMap<String, Vec<String>>) -> Result<Classes, (String, String)> {
        let compile = |name: &str| match own.get(name) {
            Some(patterns) => globs(patterns, &format!("critic.classes.{name}")),
            None => {
                let patterns = BUILT_IN.iter().find(|(id, _)| *id == name).map_or(&[][..], |(_, patterns)| patterns);
                let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
                globs(&patterns, "critic (built in)")
            }
        };
        let names = BUILT_IN.iter().map(|(name, _)| *name).chain(own.keys().map(String::as_str));
        let others = names.filter(|name| ![TEST, DOCUMENT].contains(name));
        let others = others.map(|name| compile(name).map(|globs| (name.to_string(), globs)));
        Ok(Classes { test: compile(TEST)?, document: compile(DOCUMENT)?, others: others.collect::<Result<_, _>>()? })
    }

    /// Whether there is such a class.
    pub(super) fn contains(&self, name: &str) -> bool {
        [TEST, DOCUMENT].contains(&name) || self.others.contains_key(name)
    }

    fn is_code(&self, path: &str) -> bool {
        !self.test.is_match(path) && !self.document.is_match(path)
    }
}

/// What a change is made of.
#[derive(Debug)]
pub(super) struct Touched<'a> {
    /// Per class, the paths that changed; of a moved file both of its paths.
    pub(super) paths: BTreeMap<&'a str, Vec<&'a RepoPath>>,
    /// Whether a file that is neither test nor document changed.
    pub(super) code: bool,
    /// Whether it brings tests.
    pub(super) tests: bool,
}

impl<'a> Touched<'a> {
    /// Looks at every file once.
    pub(super) fn by(change: &'a ChangeSet, classes: &'a Classes) -> Touched<'a> {
        let mut touched = Touched { paths: BTreeMap::new(), code: false, tests: false };
        for file in &change.files {
            // A copy leaves its origin as it was.
            let moved = file.old_path.as_ref().filter(|_| !matches!(file.status, Status::Copied(_)));
            for path in std::iter::once(&file.path).chain(moved) {
                let text = path.to_text();
                if classes.is_code(&text) {
                    touched.code = true;
                    for (name, globs) in &classes.others {
                        if globs.is_match(text.as_ref()) {
                            touched.paths.entry(name).or_default().push(path);
                        }
                    }
                } else {
                    let name = if classes.test.is_match(text.as_ref()) { TEST } else { DOCUMENT };
                    touched.paths.entry(name).or_default().push(path);
                }
            }
            let remains = file.status != Status::Deleted;
            touched.tests |= remains && classes.test.is_match(file.path.to_text().as_ref());
            touched.tests |= remains && adds_a_test(file);
        }
        touched
    }

    /// The changed paths of a class.
    pub(super) fn of(&self, class: &str) -> &[&'a RepoPath] {
        self.paths.get(class).map_or(&[], Vec::as_slice)
    }
}

/// How a test begins, in languages that keep tests beside what they test.
const TEST_BEGINNINGS: [&str; 9] = [
    "#[test]",
    "#[tokio::test]",
    "#[tokio::test(",
    "def test_",
    "async def test_",
    "func Test",
    "it(",
    "test(",
    "describe(",
];

fn adds_a_test(file: &FileChange) -> bool {
    file.added_lines().iter().any(|(_, line)| {
        let line = line.trim_ascii_start();
        let annotated =
            line.strip_prefix(b"@Test").is_some_and(|rest| !rest.first().is_some_and(u8::is_ascii_alphanumeric));
        annotated || TEST_BEGINNINGS.iter().any(|beginning| line.starts_with(beginning.as_bytes()))
    })
}
