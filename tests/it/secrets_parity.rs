//! The scanner against what gitleaks 8.30.1 found in the same files, finding by finding.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mainguard::secrets::rules::file::{Outside, load};
use mainguard::secrets::{Cache, Fragment, Leak, Options, Origin, RuleSet, Scanner, dialect};

/// `../shared/secrets`, or `None` with a word about it.
fn shared() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared");
    let shared =
        std::env::var_os("MAINGUARD_SHARED").map_or_else(|| PathBuf::from(beside), PathBuf::from).join("secrets");
    if !shared.is_dir() {
        println!("skipped: {} is absent", shared.display());
        return None;
    }
    Some(shared)
}

fn rules(file: &Path) -> RuleSet {
    let groups = |pattern: &str| dialect::groups(pattern).map_err(|error| error.to_string());
    let outside = Outside { groups: &groups, ..Outside::nothing() };
    load(&fs::read_to_string(file).unwrap(), "rules", &outside).unwrap().rules
}

/// The stretches in which gitleaks reads a file.
fn fragments(data: &[u8]) -> Vec<(usize, usize)> {
    let blank = |byte: u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let mut all = Vec::new();
    let (mut at, mut buffered) = (0, 0);
    while at < data.len() {
        let rest = &data[at..];
        let read = if buffered > 0 { buffered } else { 100_000.min(rest.len()) };
        buffered -= read.min(buffered);
        let tail = rest[..read].iter().rev().take_while(|byte| blank(**byte));
        let mut end = read;
        if tail.filter(|byte| **byte == b'\n').count() < 2 {
            let mut newlines = 0;
            loop {
                match rest[end - 1] {
                    b'\n' => newlines += 1,
                    byte if !blank(byte) => newlines = 0,
                    _ => {}
                }
                if newlines >= 2 || end - read >= 25_000 || end >= rest.len() {
                    break;
                }
                if buffered == 0 {
                    buffered = 4096.min(rest.len() - end);
                }
                end += 1;
                buffered -= 1;
            }
        }
        all.push((at, at + end));
        at += end;
    }
    all
}

fn is_skipped(name: &str, data: &[u8]) -> bool {
    let archives =
        [".zip", ".tar", ".gz", ".7z", ".xz", ".bz2", ".zst", ".br", ".lz4", ".rar", ".sz", ".s2", ".zz", ".lz"];
    let magic: [&[u8]; 10] = [
        b"PK\x03\x04",
        b"\x7fELF",
        b"\x1f\x8b\x08",
        b"%PDF",
        b"SQLi",
        b"\0asm",
        b"MZ",
        b"{\\rtf",
        b"\xca\xfe\xba\xbe",
        b"\0\x01\0\0\0",
    ];
    let name = name.rsplit('/').next().unwrap().to_ascii_lowercase();
    archives.iter().any(|ending| name.contains(ending)) || magic.iter().any(|magic| data.starts_with(magic))
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()).collect();
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let kind = entry.file_type().unwrap();
        match kind.is_dir() {
            true => walk(&entry.path(), files),
            false if kind.is_file() => files.push(entry.path()),
            false => {}
        }
    }
}

fn scan(scanner: &Scanner, top: &Path, below: &str) -> Vec<Leak> {
    let mut files = Vec::new();
    walk(&top.join(below), &mut files);
    let mut cache = Cache::default();
    let mut leaks = Vec::new();
    for file in files {
        let path = file.strip_prefix(top).unwrap().to_str().unwrap().to_string();
        let data = fs::read(&file).unwrap();
        let pruned = path.match_indices('/').any(|(at, _)| scanner.prunes(&path.as_bytes()[..at]));
        if pruned || scanner.prunes(path.as_bytes()) || is_skipped(&path, &data) {
            continue;
        }
        let origin = Origin { path: path.into(), ..Origin::default() };
        let mut lines_before = 0;
        let mut found = 0;
        for (start, end) in fragments(&data) {
            let text = &data[start..end];
            let more = scanner.scan(&Fragment { text, lines_before, origin: &origin }, &mut cache);
            found += more.len();
            leaks.extend(more);
            lines_before += text.iter().filter(|byte| **byte == b'\n').count();
        }
        assert!(
            found == 0 || scanner.may_contain(&data, true, &mut cache) || data.is_empty() || only_paths(&leaks, found),
            "{}",
            origin.path
        );
    }
    leaks
}

fn only_paths(leaks: &[Leak], found: usize) -> bool {
    leaks[leaks.len() - found..].iter().all(|leak| leak.matched.starts_with(b"file detected: "))
}

/// A leak as the report has it, without its entropy.
fn shown(leak: &Leak) -> String {
    let (lines, columns) = ((leak.start_line, leak.end_line), (leak.start_column, leak.end_column));
    let (matched, secret) = (String::from_utf8_lossy(&leak.matched), String::from_utf8_lossy(&leak.secret));
    format!("{} {} {lines:?} {columns:?} {matched:?} {secret:?} {}", leak.file, leak.rule, leak.fingerprint)
}

fn expected(finding: &serde_json::Value) -> String {
    let text = |key: &str| finding[key].as_str().unwrap().to_string();
    let number = |key: &str| finding[key].as_u64().unwrap() as usize;
    let (lines, columns) = ((number("StartLine"), number("EndLine")), (number("StartColumn"), number("EndColumn")));
    let (matched, secret) = (text("Match"), text("Secret"));
    format!("{} {} {lines:?} {columns:?} {matched:?} {secret:?} {}", text("File"), text("RuleID"), text("Fingerprint"))
}

/// Lines that only one side has, with `-` for missing and `+` for extra ones.
fn differences(report: &Path, leaks: &[Leak]) -> Vec<String> {
    let report: Vec<serde_json::Value> = serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap();
    let mut balance = BTreeMap::<String, i64>::new();
    report.iter().for_each(|finding| *balance.entry(expected(finding)).or_default() -= 1);
    leaks.iter().for_each(|leak| *balance.entry(shown(leak)).or_default() += 1);
    let entropies = |finding: &serde_json::Value| (expected(finding), finding["Entropy"].as_f64().unwrap());
    let known: BTreeMap<String, f64> = report.iter().map(entropies).collect();
    let odd = leaks
        .iter()
        .filter(|leak| known.get(&shown(leak)).is_some_and(|bits| (bits - f64::from(leak.entropy)).abs() > 1e-3));
    let odd = odd.map(|leak| format!("entropy {}: {}", leak.entropy, shown(leak)));
    let sides = balance.iter().filter(|(_, count)| **count != 0);
    sides.map(|(line, count)| format!("{} {line}", if *count < 0 { "-" } else { "+" })).chain(odd).collect()
}

fn prove(differences: &[String], leaks: usize) {
    let shown = differences.iter().take(20).map(|line| format!("{line:.300}")).collect::<Vec<_>>();
    assert!(differences.is_empty(), "{} of {leaks} differ:\n{}", differences.len(), shown.join("\n"));
    println!("{leaks} leaks, all as gitleaks reports them");
}

#[test]
fn the_stock_rules_find_what_gitleaks_finds() {
    let Some(shared) = shared() else { return };
    let scanner = Scanner::new(&rules(&shared.join("gitleaks.toml")), Options::default()).unwrap();
    let leaks = scan(&scanner, &shared.join("parity"), "corpus");
    prove(&differences(&shared.join("parity/expected-gitleaks.json"), &leaks), leaks.len());
    assert!(scanner.unusable_rules().is_empty());
}

#[test]
fn other_rules_find_what_gitleaks_finds() {
    let Some(shared) = shared() else { return };
    for case in ["composite", "dialect", "trim"] {
        let folder = shared.join("cases").join(case);
        let name = if case == "trim" { "newline-trim" } else { case };
        let mut rules = rules(&folder.join("cfg.toml"));
        rules.path = Some("cfg.toml".into());
        let leaks = scan(&Scanner::new(&rules, Options::default()).unwrap(), &folder, "");
        prove(&differences(&shared.join(format!("cases/{name}.expected.json")), &leaks), leaks.len());
    }
    for depth in [0, 1, 2, 5] {
        let options = Options { decode_depth: depth, ..Options::default() };
        let scanner = Scanner::new(&rules(&shared.join("cases/default.toml")), options).unwrap();
        let leaks = scan(&scanner, &shared.join("cases/decode"), "");
        let report = shared.join(format!("cases/decode-{depth}.expected.json"));
        prove(&differences(&report, &leaks), leaks.len());
    }
}
