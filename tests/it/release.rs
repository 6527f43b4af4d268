//! A release is a commit whose tree names the bytes that were built from its parent.

#![cfg(unix)]

use std::path::Path;
use std::process::{Command, Output};

use crate::support::repo::{TestRepo, git_command};

const TARGETS: [&str; 5] = [
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
];

/// A tree with the script in it, its `origin`, and built archives.
fn story() -> TestRepo {
    let repo = TestRepo::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/tag-release");
    repo.write(".ci/tag-release", std::fs::read(script).unwrap());
    repo.write("Cargo.toml", "[package]\nname = \"mainguard\"\nversion = \"1.2.3\"\n");
    repo.write("actions/checksums.txt", "# a comment\nversion 1.2.2\n0  old\n");
    repo.commit("1.2.3");
    repo.git(&["init", "-q", "--bare", repo.beside("origin").to_str().unwrap()]);
    repo.git(&["remote", "add", "origin", repo.beside("origin").to_str().unwrap()]);
    std::fs::create_dir(repo.beside("archives")).unwrap();
    for target in TARGETS {
        std::fs::write(repo.beside("archives").join(format!("mainguard-1.2.3-{target}.tar.gz")), target).unwrap();
    }
    std::fs::write(repo.beside("archives/mainguard-1.2.3.cdx.json"), "{}").unwrap();
    repo
}

fn tag(repo: &TestRepo, version: &str) -> Output {
    // The environment of git's own commands: names, dates, and nothing of the machine's configuration.
    let mut command = Command::new("bash");
    for (name, value) in git_command(repo.path()).get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.current_dir(repo.path()).args([".ci/tag-release", version]).arg(repo.beside("archives")).output().unwrap()
}

#[test]
fn the_tag_names_the_bytes_that_its_parent_was_built_to() {
    let repo = story();
    let built = repo.git(&["rev-parse", "HEAD"]);
    let tagged = tag(&repo, "1.2.3");
    assert!(tagged.status.success(), "{}", String::from_utf8_lossy(&tagged.stderr));
    let at_origin = |name: &str| {
        let line = repo.git(&["ls-remote", "origin", name]);
        line.split_whitespace().next().unwrap_or_default().to_string()
    };
    let release = at_origin("refs/tags/v1.2.3");
    assert_eq!(at_origin("refs/tags/v1"), release, "the moving tag came along");
    assert_eq!(repo.git(&["rev-parse", &format!("{release}^")]), built);
    assert_eq!(repo.git(&["diff", "--name-only", &built, &release]), "actions/checksums.txt");
    let manifest = repo.git(&["show", &format!("{release}:actions/checksums.txt")]);
    assert!(manifest.starts_with("# a comment\nversion 1.2.3\n") && !manifest.contains("old"), "{manifest}");
    assert_eq!(manifest.lines().count(), 2 + TARGETS.len(), "{manifest}");

    let again = tag(&repo, "1.2.3");
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("released already"));
}

#[test]
fn a_release_that_is_not_whole_is_none() {
    let repo = story();
    let refused = |version: &str, why: &str| {
        let tagged = tag(&repo, version);
        assert_eq!(tagged.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&tagged.stderr).contains(why), "{tagged:?}");
        assert_eq!(repo.git(&["ls-remote", "--tags", "origin"]), "");
    };
    refused("1.2.4", "Cargo.toml says 1.2.3");
    std::fs::remove_file(repo.beside("archives/mainguard-1.2.3-x86_64-pc-windows-msvc.tar.gz")).unwrap();
    refused("1.2.3", "there is no archive for x86_64-pc-windows-msvc");
    refused("1.2.3", "not committed");
}
