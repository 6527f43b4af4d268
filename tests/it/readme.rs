//! The README keeps its word: its console blocks are run, and what they show is what comes out.
//!
//! A block marked `<!-- runs in: FIXTURE -->` is run in a repository that this file makes. After a wanted change of the
//! output, `MAINGUARD_BLESS=1 cargo test --test it readme` writes the new one into the README.

#![expect(clippy::disallowed_methods, reason = "runs the binary in repositories of its own")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use mainguard::config::Config;
use regex::Regex;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const OPENING: &str = "<!-- runs in: ";

fn text_of(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(name)).unwrap()
}

#[test]
fn console_blocks_show_what_comes_out() {
    let readme = text_of("README.md");
    let mut blessed = String::new();
    let mut rest = readme.as_str();
    while let Some((before, marked)) = rest.split_once(OPENING) {
        let (fixture, block) = marked.split_once(" -->\n```console\n").expect("a console block follows its mark");
        let (block, after) = block.split_once("```\n").expect("the block ends");
        blessed += &format!("{before}{OPENING}{fixture} -->\n```console\n{}```\n", replay(fixture, block));
        rest = after;
    }
    blessed += rest;
    if std::env::var_os("MAINGUARD_BLESS").is_some() {
        fs::write(Path::new(ROOT).join("README.md"), &blessed).unwrap();
    } else {
        assert!(readme == blessed, "README.md shows other output than this:\n{blessed}");
    }
    assert!(readme.contains(OPENING), "the README shows at least one real run");
}

/// Runs the lines of `block` that begin with `$`, in one shell, and gives the block as it should be.
fn replay(fixture: &str, block: &str) -> String {
    const MARK: &str = "--8<-- next command";
    let folder = tempfile::tempdir().unwrap();
    make(fixture, folder.path());
    let commands: Vec<&str> = block.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    let script: String =
        commands.iter().map(|command| format!("{command}\nkeep=$?; echo '{MARK}'; (exit $keep)\n")).collect();
    let binary = Path::new(env!("CARGO_BIN_EXE_mainguard")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let run = Command::new("sh")
        .args(["-c", &format!("exec 2>&1\n{script}")])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", path)
        .env("HOME", folder.path())
        .output()
        .unwrap();
    let output = String::from_utf8(run.stdout).unwrap();
    let mark = format!("{MARK}\n");
    commands.iter().zip(output.split(&mark)).fold(String::new(), |block, (command, output)| {
        let lines: String = output.lines().map(|line| format!("{}\n", line.trim_end())).collect();
        format!("{block}$ {command}\n{lines}")
    })
}

fn make(fixture: &str, folder: &Path) {
    match fixture {
        "refunds" => fs::write(folder.join("refunds.json"), REFUNDS).unwrap(),
        other => panic!("the README names a fixture that readme.rs does not make: {other}"),
    }
}

/// Says that no contract is touched, and touches one.
const REFUNDS: &str = r###"{
  "title": "Add refunds",
  "author": "mira",
  "body": "## Scope\n\nCustomers can ask for their money back from the order page.\n\n## Contracts touched\n\n- [ ] Yes\n- [x] No\n\n## Endpoints added/changed\n\n`POST /refunds`\n\n## Tests added\n\n- [x] Unit\n\nCoverage: 91%\n\n## Risk & rollout\n\nRisk: [x] Low. Behind the flag `refunds`, off for now.\n",
  "changed_files": ["services/billing/openapi.yaml", "services/billing/src/refunds.ts", "services/billing/src/refunds.test.ts"],
  "labels": ["architect-approved"]
}
"###;

/// The two commands of the first minute cannot run inside a test: CI runs both, as they stand.
#[test]
fn the_first_two_commands_are_what_ci_runs() {
    let (readme, ci) = (text_of("README.md"), text_of(".ci/run"));
    assert!(readme.contains("\ncargo run --release -- check ") && ci.contains("cargo run --release --quiet -- check"));
    assert!(readme.contains("\ncargo test ") && ci.contains("\nstage \"cargo test\" cargo test\n"));
}

#[test]
fn the_rust_version_is_that_of_the_manifest() {
    let manifest = text_of("Cargo.toml");
    let version = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().trim_matches('"');
    for name in ["README.md", "CONTRIBUTING.md"] {
        assert!(text_of(name).contains(&format!("Rust {version} or newer")), "{name} promises another Rust");
    }
}

/// Every relative link in our Markdown leads to a file that is there.
#[test]
fn links_lead_somewhere() {
    for page in pages() {
        let text = text_of(&page);
        let folder = Path::new(ROOT).join(&page).parent().unwrap().to_path_buf();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap();
            assert!(
                target.is_empty() || target.starts_with("https://") || folder.join(target).exists(),
                "{page} links to {link}"
            );
        }
    }
}

/// A configuration that we show is one that we accept.
#[test]
fn configurations_in_the_documentation_are_accepted() {
    let mut shown = 0;
    for page in pages() {
        for block in text_of(&page).split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            let key = block.split(':').next().unwrap();
            if ["critic", "size", "contracts", "previews", "levels", "ignore"].contains(&key) {
                shown += 1;
                let read = serde_yaml::from_str::<Config>(block);
                assert!(read.is_ok(), "{page}: {}\n{block}", read.unwrap_err());
            }
        }
    }
    assert!(shown >= 4, "only {shown} found");
}

/// A command that the documentation names is one that the binary has, with the flags that stand beside it.
#[test]
fn commands_in_the_documentation_exist() {
    // A second word may be a subcommand (`hook install`) or an argument (`explain RULE`).
    let quoted = Regex::new("`mainguard ([a-z][a-z-]*(?: [a-z]+)?)([^`]*)`").unwrap();
    let typed = Regex::new("(?m)(?:^|[ |])mainguard ([a-z][a-z-]*(?: [a-z]+)?)([^#|\n]*)").unwrap();
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for page in pages() {
        // Odd pieces between fences are code, even ones prose.
        for (index, piece) in text_of(&page).split("```").enumerate() {
            let pattern = if index % 2 == 1 { &typed } else { &quoted };
            for command in pattern.captures_iter(piece) {
                let flags = command[2].split_whitespace().filter(|word| word.starts_with("--"));
                seen.entry(command[1].to_owned()).or_default().extend(flags.map(str::to_owned));
            }
        }
    }
    assert!(seen.contains_key("check") && seen.contains_key("pre-push"), "{seen:?}");
    let ask =
        |words: &[&str]| Command::new(env!("CARGO_BIN_EXE_mainguard")).args(words).arg("--help").output().unwrap();
    for (command, flags) in seen {
        let words: Vec<&str> = command.split(' ').collect();
        let help = Some(ask(&words)).filter(|help| help.status.success()).unwrap_or_else(|| ask(&words[..1]));
        assert!(help.status.success() && !help.stdout.is_empty(), "`mainguard {command}` is not a command");
        let help = String::from_utf8(help.stdout).unwrap();
        for flag in flags {
            assert!(help.contains(&flag), "mainguard {command} has no {flag}");
        }
    }
}

fn pages() -> Vec<String> {
    let top = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"].map(String::from);
    let docs = fs::read_dir(Path::new(ROOT).join("docs")).unwrap();
    let docs = docs.map(|entry| format!("docs/{}", entry.unwrap().file_name().to_str().unwrap()));
    top.into_iter().chain(docs.filter(|page| page.ends_with(".md"))).collect()
}
