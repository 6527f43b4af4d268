//! What gitleaks 8.30 did, done again by the real binary: 64 small cases and the findings in one large corpus.
//!
//! The material is shared between the project's tools and not part of this repository; without it the tests say so
//! and pass. Reports are compared as multisets, in every field that the expected ones have.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::cli::{Answer, mainguard, run};

/// Where the shared material is; `None` where it is not.
fn shared() -> Option<PathBuf> {
    let path = match std::env::var_os("MAINGUARD_SHARED") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
    };
    let secrets = path.join("secrets");
    if secrets.join("cases/cases.json").is_file() {
        return Some(secrets);
    }
    println!("skipped: {} does not hold the cases of gitleaks", secrets.display());
    None
}

/// One entry of `cases.json`.
#[derive(serde::Deserialize)]
struct Case {
    name: String,
    cwd: String,
    args: Vec<String>,
    exit: i32,
    #[serde(default)]
    expected: Option<String>,
    #[serde(default)]
    setup: Option<String>,
    #[serde(default)]
    stdin: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

/// `mainguard secrets`, without anything of gitleaks in the environment.
fn secrets(directory: &Path) -> Command {
    let mut command = mainguard(directory);
    command.env_remove("GITLEAKS_CONFIG").env_remove("GITLEAKS_CONFIG_TOML").arg("secrets");
    command
}

/// Cases by our own rules, which find the same and describe it in their own words.
const OUR_RULES: [&str; 3] = ["config-default", "extend-default", "git-allow-commits"];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&entry.path(), &target);
        } else if kind.is_symlink() {
            #[cfg(unix)]
            std::os::unix::fs::symlink(fs::read_link(entry.path()).unwrap(), target).unwrap();
        } else {
            fs::write(target, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

fn findings(path: &Path) -> Vec<BTreeMap<String, Value>> {
    let text = fs::read(path).unwrap_or_else(|error| panic!("no report {}: {error}", path.display()));
    let found: Option<Vec<BTreeMap<String, Value>>> = serde_json::from_slice(&text).expect("a report is JSON");
    found.unwrap_or_default()
}

/// What one report has and the other lacks; empty when they agree.
fn differences(expected: &Path, actual: &Path, but: &[&str]) -> String {
    let (expected, actual) = (findings(expected), findings(actual));
    let fields: Vec<&String> =
        expected.first().or(actual.first()).map(|first| first.keys().collect()).unwrap_or_default();
    let fields: Vec<&String> =
        fields.into_iter().filter(|field| *field != "Entropy" && !but.contains(&field.as_str())).collect();
    let key = |finding: &BTreeMap<String, Value>| {
        let values = fields.iter().map(|field| match (field.as_str(), finding.get(*field)) {
            ("Tags", None | Some(Value::Null)) => "[]".to_owned(),
            ("Link", None | Some(Value::Null)) => "\"\"".to_owned(),
            (_, value) => value.map(Value::to_string).unwrap_or_default(),
        });
        values.collect::<Vec<_>>().join("\t")
    };
    let mut counts: BTreeMap<String, (i64, f64)> = BTreeMap::new();
    let entropy =
        |finding: &BTreeMap<String, Value>| finding.get("Entropy").and_then(Value::as_f64).unwrap_or_default();
    for finding in &expected {
        let count = counts.entry(key(finding)).or_default();
        *count = (count.0 - 1, count.1 - entropy(finding));
    }
    for finding in &actual {
        let count = counts.entry(key(finding)).or_default();
        *count = (count.0 + 1, count.1 + entropy(finding));
    }
    let mut lines: Vec<String> = counts
        .into_iter()
        .filter_map(|(key, (count, entropy))| match count {
            0 if entropy.abs() <= 1e-3 => None,
            0 => Some(format!("entropy differs by {entropy}: {key}")),
            1.. => Some(format!("{count} too many: {key}")),
            _ => Some(format!("{} missing: {key}", -count)),
        })
        .collect();
    let count = lines.len();
    lines.truncate(8);
    match count {
        0 => String::new(),
        _ => format!("{count} differences, the first of them:\n{}", lines.join("\n")),
    }
}

fn attempt(case: &Case, root: &Path, report: &Path, cases: &Path) -> Result<(), String> {
    let _ = fs::remove_dir_all(root.join("_w"));
    let _ = fs::remove_file(report);
    if let Some(setup) = &case.setup {
        let status =
            Command::new("bash").args(["-ec", setup]).current_dir(root).stderr(Stdio::null()).status().unwrap();
        assert!(status.success(), "{}: the setup fails", case.name);
    }
    let mut command = secrets(&root.join(&case.cwd));
    command.args(&case.args).args(["-f", "json", "-r"]).arg(report).envs(&case.env);
    if let Some(input) = &case.stdin {
        command.stdin(fs::File::open(root.join(input)).unwrap());
    }
    let Answer { code, stderr, .. } = run(&mut command);
    // 2 is a panic of gitleaks on a bad pattern; an error is what we owe.
    let wanted = if case.exit == 2 { 1 } else { case.exit };
    if code != wanted {
        return Err(format!("{}: exit {code} instead of {wanted}\n{stderr}", case.name));
    }
    let but: &[&str] = if OUR_RULES.contains(&case.name.as_str()) { &["Description", "Tags"] } else { &[] };
    match case.expected.as_ref().map(|expected| differences(&cases.join(expected), report, but)) {
        Some(differences) if !differences.is_empty() => Err(format!("{}: {differences}\n{stderr}", case.name)),
        _ => Ok(()),
    }
}

#[test]
fn every_case_of_gitleaks_ends_as_it_did_with_gitleaks() {
    let Some(shared) = shared() else { return };
    let cases = shared.join("cases");
    let list: Vec<Case> = serde_json::from_slice(&fs::read(cases.join("cases.json")).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (root, report) = (folder.path().join("cases"), folder.path().join("report.json"));
    copy(&cases, &root);
    // A link that did not survive the way here: what is left of it is its target, as text.
    #[cfg(unix)]
    {
        let link = root.join("sym/links/l.txt");
        if !link.is_symlink() {
            fs::remove_file(&link).unwrap();
            std::os::unix::fs::symlink("../real/t.txt", &link).unwrap();
        }
    }
    let failures: Vec<String> = list.iter().filter_map(|case| attempt(case, &root, &report, &cases).err()).collect();
    println!("{} of {} cases", list.len() - failures.len(), list.len());
    assert!(failures.is_empty(), "{} of {} cases fail:\n\n{}", failures.len(), list.len(), failures.join("\n\n"));
}

#[test]
fn the_corpus_has_the_findings_that_gitleaks_has() {
    let Some(shared) = shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let answer = run(secrets(&shared.join("parity"))
        .args(["dir", "corpus", "-c", "../gitleaks.toml", "-f", "json", "-r"])
        .arg(&report));
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    let differences = differences(&shared.join("parity/expected-gitleaks.json"), &report, &[]);
    assert!(differences.is_empty(), "{differences}");
}
