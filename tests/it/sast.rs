//! The code guard against its labelled snippets, and through the front door.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mainguard::sast::{Hit, Pack, Parse, scan};
use serde_json::Value;

use crate::support::cli::{mainguard, run};
use crate::support::repo::TestRepo;

fn corpus() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("MAINGUARD_SHARED").map_or_else(beside, PathBuf::from);
    let folder = shared.join("sast");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no labelled snippets at {}", folder.display());
    None
}

fn hits(folder: &Path, file: &str, pack: &Pack) -> Vec<Hit> {
    let text = fs::read(folder.join(file)).unwrap();
    let path = file.split_once('/').and_then(|(_, rest)| rest.split_once('/')).map_or(file, |(_, rest)| rest);
    let scan = scan(pack, path.as_bytes(), &text, Parse::Always);
    assert!(scan.unread.is_empty(), "{file}: {:?}", scan.unread);
    scan.hits
}

/// At least 66 of 75 lines with the right class, at most 1 of 27 harmless files.
#[test]
fn the_labelled_snippets() {
    let Some(folder) = corpus() else { return };
    let pack = Pack::builtin();
    let (mut lines, mut found, mut classes, mut safe, mut flagged) = (0, 0, 0, 0, 0);
    for row in fs::read_to_string(folder.join("cases.jsonl")).unwrap().lines() {
        let row: Value = serde_json::from_str(row).unwrap();
        let file = row["file"].as_str().unwrap();
        let hits = hits(&folder, file, &pack);
        if row["label"] == "safe" {
            safe += 1;
            if !hits.is_empty() {
                flagged += 1;
                println!("false alarm: {file}: {hits:?}");
            }
            continue;
        }
        for expected in row["expect"].as_array().unwrap() {
            let line = expected["line"].as_u64().unwrap() as u32;
            let class = expected["class"].as_str().unwrap();
            let here: Vec<&Hit> = hits.iter().filter(|hit| hit.line <= line && line <= hit.end_line).collect();
            let right = here.iter().any(|hit| hit.class == class);
            lines += 1;
            found += usize::from(!here.is_empty());
            classes += usize::from(right);
            if !right {
                println!("missed: {file}:{line}: {class}; there: {here:?}");
            }
        }
    }
    println!("{found} of {lines} lines, {classes} with the class; {flagged} of {safe} harmless files flagged");
    assert!(classes >= 66 && flagged <= 1);
}

/// Each rule is of one class, and each class of the snippets has its rule.
#[test]
fn every_class_has_a_rule() {
    let Some(folder) = corpus() else { return };
    let pack = Pack::builtin();
    let mut missing: BTreeMap<String, usize> = BTreeMap::new();
    for row in fs::read_to_string(folder.join("cases.jsonl")).unwrap().lines() {
        let row: Value = serde_json::from_str(row).unwrap();
        for class in row["expect"].as_array().unwrap().iter().map(|expected| expected["class"].as_str().unwrap()) {
            if pack.rules().iter().all(|rule| rule.class() != class) {
                *missing.entry(class.to_string()).or_default() += 1;
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}

const DANGER: &str = "import os\n\n\ndef f(p):\n    os.system('rm -rf ' + p)\n";

fn judge(repo: &TestRepo, arguments: &[&str]) -> (i32, String) {
    let answer = run(mainguard(repo.path()).args(["check", "--only", "sast", "--base", "main"]).args(arguments));
    (answer.code, answer.text())
}

/// `main` holds something dangerous; a branch begins there.
fn repository() -> TestRepo {
    let repo = TestRepo::new();
    repo.write("src/a.py", DANGER).commit("first");
    repo.git(&["switch", "-qc", "topic"]);
    repo
}

#[test]
fn what_was_there_before_is_nobodys_fault() {
    let repo = repository();
    repo.write("src/a.py", format!("# more\n# lines\n{}", DANGER.replace("p)\n", "p)  # x\n"))).commit("lines above");
    let (code, text) = judge(&repo, &[]);
    assert!(code == 0 && text.contains("no findings"), "{text}");
    repo.git(&["mv", "src/a.py", "src/moved.py"]);
    repo.commit("renamed");
    let (code, text) = judge(&repo, &[]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn what_the_change_brings_in_blocks_and_says_what_to_do() {
    let repo = repository();
    repo.write("src/b.py", "from os import system as run\n\n\ndef g(q):\n    cmd = f'ls {q}'\n    run(cmd)\n")
        .commit("new");
    let (code, text) = judge(&repo, &[]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("error[sast/command-injection]") && text.contains("(CWE-78)"), "{text}");
    assert!(text.contains("src/b.py:6"), "{text}");
}

#[test]
fn a_second_one_like_the_old_one_is_new() {
    let repo = repository();
    repo.write("src/a.py", format!("{DANGER}\n\ndef g(p):\n    os.system('rm -rf ' + p)\n")).commit("again");
    let (code, text) = judge(&repo, &[]);
    assert!(code == 1 && text.contains("src/a.py:9"), "{text}");
}

#[test]
fn a_comment_with_a_reason_lets_off_and_is_counted() {
    let repo = repository();
    let line = "os.system('rm -rf ' + p)  # mainguard-ignore: command-injection -- p is ours\n";
    repo.write("src/b.py", format!("import os\n\n\ndef g(p):\n    {line}")).commit("let off");
    let (code, text) = judge(&repo, &[]);
    assert!(code == 0 && text.contains("1 suppressed") || text.contains("p is ours"), "{text}");
    repo.write("src/c.py", "x = 1  # mainguard-ignore: command-injection -- nothing here\n").commit("unused");
    let (code, text) = judge(&repo, &[]);
    assert!(code == 0 && text.contains("sast/unused-suppression"), "{text}");
    repo.write("src/c.py", "import os\nos.system('a' + b())  # mainguard-ignore: command-injection\n")
        .commit("no reason");
    let (code, text) = judge(&repo, &[]);
    assert!(code == 1 && text.contains("gives no reason"), "{text}");
}

#[test]
fn what_cannot_be_read_is_not_silence() {
    let repo = repository();
    repo.write("src/b.py", "def f(:\n    return (\n").commit("broken");
    let (code, text) = judge(&repo, &[]);
    assert!(code == 1 && text.contains("could not check") && text.contains("src/b.py"), "{text}");
}

#[test]
fn rules_of_the_repository_count_from_the_base_on() {
    let rule = "id: no-print\ncwe: CWE-532\nseverity: high\nmessage: print is for people\nfix: use a logger\nmatch:\n- languages: [python]\n  rule: { pattern: print($X) }\n";
    let repo = TestRepo::new();
    repo.write("ci/rules/no-print.yml", rule)
        .write(".github/mainguard.yml", "sast:\n  rules: ci/rules\n  off: [weak-hash]\n")
        .commit("rules");
    repo.git(&["switch", "-qc", "topic"]);
    repo.write("a.py", "import hashlib\nprint(hashlib.md5(b''))\n")
        .write("ci/rules/no-print.yml", "id: [\n")
        .commit("new");
    let (code, text) = judge(&repo, &[]);
    assert!(code == 1 && text.contains("sast/no-print") && !text.contains("weak-hash"), "{text}");
}

#[test]
fn whole_trees_are_listed_for_scripts() {
    let repo = repository();
    repo.write("node_modules/x.js", "eval(x)\n").write("src/ok.js", "const a = 1;\n").write("src/x.js", "eval(x)\n");
    let answer = run(mainguard(repo.path()).args(["sast", "src", "--format", "json"]));
    assert_eq!(answer.code, 1, "{}", answer.text());
    let document: Value = serde_json::from_str(&answer.stdout).unwrap();
    let lines: Vec<String> = document["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            format!(
                "{}:{}-{} {} {}",
                finding["path"], finding["line"], finding["end_line"], finding["class"], finding["severity"]
            )
        })
        .collect();
    assert_eq!(lines, ["\"src/a.py\":5-5 \"command-injection\" \"high\"", "\"src/x.js\":1-1 \"code-eval\" \"high\""]);
    let answer = run(mainguard(repo.path()).args(["sast"]));
    assert!(answer.code == 1 && !answer.stdout.contains("node_modules"), "{}", answer.text());
    let answer = run(mainguard(repo.path()).args(["sast", "missing"]));
    assert_eq!(answer.code, 2, "{}", answer.text());
}

#[test]
fn rule_files_are_proved_by_their_examples() {
    let repo = TestRepo::new();
    let answer = run(mainguard(repo.path()).args(["rules", "check"]));
    assert!(answer.code == 0 && answer.stdout.contains("rules are sound"), "{}", answer.text());
    let rule = "id: a\ncwe: CWE-1\nseverity: low\nmessage: m\nfix: f\nmatch:\n- {languages: [python], call: danger}\ninvalid:\n  python: ['safe()']\nvalid:\n  python: ['safe()']\n";
    repo.write("rules/a.yml", rule);
    let answer = run(mainguard(repo.path()).args(["rules", "check", "rules"]));
    assert!(
        answer.code == 1 && answer.stdout.contains("`a`: invalid.python[0]: nothing was found"),
        "{}",
        answer.text()
    );
    repo.write("rules/a.yml", "id: a\nunknown: 1\n");
    let answer = run(mainguard(repo.path()).args(["rules", "check", "rules/a.yml"]));
    assert!(answer.code == 1 && answer.stdout.contains("rules/a.yml:2"), "{}", answer.text());
}

/// A program that answers as Semgrep does stands in for it: what is tested is what we hand over and how we read.
#[cfg(unix)]
#[test]
fn what_semgrep_finds_counts_when_it_is_new() {
    use std::os::unix::fs::PermissionsExt;
    let repo = TestRepo::new();
    repo.write(".github/mainguard.yml", "sast:\n  external: [semgrep]\n").write("a.py", "old()\n").commit("first");
    repo.git(&["switch", "-qc", "topic"]);
    repo.write("a.py", "x = 1\nold()\nnew()\n").commit("new");
    let result = |side: &str, line: u32| {
        format!(
            r#"{{"ruleId":"r.calls","level":"error","message":{{"text":"a call"}},"locations":[{{"physicalLocation":{{"artifactLocation":{{"uri":"{side}/0/fa.py"}},"region":{{"startLine":{line},"endLine":{line}}}}}}}]}}"#
        )
    };
    let sarif =
        format!(r#"{{"runs":[{{"results":[{},{},{}]}}]}}"#, result("base", 1), result("head", 2), result("head", 3));
    repo.write("bin/answer.json", &sarif);
    let bin = repo.path().join("bin");
    let script =
        format!("#!/bin/sh\ntest -f head/0/fa.py || exit 7\ncat '{}/answer.json' > answer.sarif\n", bin.display());
    repo.write("bin/semgrep", &script);
    fs::set_permissions(bin.join("semgrep"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let judge = || run(mainguard(repo.path()).env("PATH", &path).args(["check", "--only", "sast", "--base", "main"]));
    let answer = judge();
    assert_eq!(answer.code, 1, "{}", answer.text());
    assert!(answer.stdout.contains("sast/semgrep/r.calls") && answer.stdout.contains("a.py:3"), "{}", answer.text());
    assert!(!answer.stdout.contains("a.py:2"), "{}", answer.text());
    repo.write("bin/semgrep", "#!/bin/sh\necho no rules >&2\nexit 7\n");
    let answer = judge();
    assert!(answer.code == 2 && answer.text().contains("Semgrep stopped with code 7: no rules"), "{}", answer.text());
}

/// A scan reads the rules from this text, so it must say what the rule files say.
#[test]
fn the_prepared_rules_are_those_of_the_files() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/sast.json");
    let prepared = mainguard::sast::prepared_rules().unwrap();
    if std::env::var_os("MAINGUARD_BLESS").is_some() {
        fs::write(&file, &prepared).unwrap();
    }
    assert!(
        fs::read_to_string(&file).unwrap() == prepared,
        "the rules have changed: MAINGUARD_BLESS=1 cargo test --test it the_prepared_rules"
    );
}
