//! `mainguard deps` as people see it: one vulnerable package in each format, an advisory explained, and requirements that
//! stand in more than one file.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::cli::{Answer, mainguard, run};
use crate::support::repo::TestRepo;

fn record(ecosystem: &str, name: &str, id: &str, fixed: &str) -> Value {
    json!({
        "id": id, "aliases": [id.replace("GHSA", "CVE")], "summary": format!("{name} | runs <b>what</b> it is sent"),
        "database_specific": {"severity": "HIGH"},
        "affected": [{"package": {"ecosystem": ecosystem, "name": name},
                      "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}],
    })
}

/// Archives in the layout of osv.dev about `left` and `flask`.
fn data(folder: &Path) {
    let all = [
        ("npm", record("npm", "left", "GHSA-left-1", "2.0.0")),
        ("PyPI", record("PyPI", "flask", "GHSA-flask-1", "2.3")),
    ];
    for (ecosystem, record) in all {
        fs::create_dir_all(folder.join(ecosystem)).unwrap();
        let mut zip = zip::ZipWriter::new(fs::File::create(folder.join(ecosystem).join("all.zip")).unwrap());
        zip.start_file("a.json", zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(record.to_string().as_bytes()).unwrap();
        zip.finish().unwrap();
    }
}

/// A repository with a lockfile of npm in which `left` comes by way of `up`, and advisories beside it.
fn repository() -> TestRepo {
    let repo = TestRepo::new();
    let lock = json!({"lockfileVersion": 3, "packages": {
        "": {"dependencies": {"up": "^1"}},
        "node_modules/up": {"version": "1.0.0", "dependencies": {"left": "^1"}},
        "node_modules/left": {"version": "1.0.0"},
    }});
    repo.write("package-lock.json", format!("{lock:#}\n"));
    data(&repo.beside("osv"));
    repo
}

fn deps(repo: &TestRepo, arguments: &[&str]) -> Answer {
    run(mainguard(repo.path()).env("MAINGUARD_ADVISORIES", repo.beside("osv")).arg("deps").args(arguments))
}

/// The answer without the day on which it was given.
fn timeless(text: &str) -> String {
    let day = regex::Regex::new(r"of \d{4}-\d\d-\d\d").unwrap();
    day.replace_all(text, "of THE DAY").replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

#[test]
fn a_whole_lockfile_in_every_format() {
    let repo = repository();
    for format in ["text", "json", "sarif", "markdown", "annotations"] {
        let answer = deps(&repo, &["check", "--lockfile", "package-lock.json", "--format", format]);
        assert_eq!(answer.code, 1, "{format}: {}", answer.text());
        insta::assert_snapshot!(format!("lockfile-{format}"), timeless(&answer.stdout));
    }
    let mild =
        deps(&repo, &["check", "--lockfile", "package-lock.json", "--fail-on", "critical", "--format", "annotations"]);
    assert!(mild.code == 0 && mild.stdout.starts_with("::warning "), "{}", mild.text());
}

#[test]
fn an_advisory_is_explained() {
    let repo = repository();
    let by_alias = deps(&repo, &["explain", "cve-left-1"]);
    assert_eq!(by_alias.code, 0, "{}", by_alias.text());
    insta::assert_snapshot!(timeless(&by_alias.stdout), @r"
    GHSA-left-1
      left | runs <b>what</b> it is sent
      also CVE-left-1
      severity high (label of GHSA-left-1)
      npm left: introduced 0, fixed 2.0.0
      https://osv.dev/vulnerability/GHSA-left-1
    2 advisories of THE DAY, less than a day old
    ");
    let unknown = deps(&repo, &["explain", "GHSA-none"]);
    assert!(unknown.code == 2 && unknown.stderr.contains("no advisory is called GHSA-none"), "{}", unknown.text());
}

#[test]
fn requirements_in_several_files_are_one_list() {
    let repo = repository();
    repo.write("api/requirements.txt", "-r base.in\n-c ../limits.txt\nDjango==4.2\n")
        .write("api/base.in", "flask\n")
        .write("limits.txt", "# only versions\nflask==1.0\nnumpy==1.0\n");
    let answer = deps(&repo, &["check", "--lockfile", "api/requirements.txt"]);
    assert!(answer.code == 1 && answer.stdout.starts_with("limits.txt:2\n"), "{}", answer.text());
    assert!(answer.stdout.contains("1 vulnerability in 3 packages"), "numpy is not asked for: {}", answer.stdout);

    repo.write("api/requirements.txt", "-r gone.txt\n");
    let answer = deps(&repo, &["check", "--lockfile", "api/requirements.txt"]);
    assert!(
        answer.code == 2 && answer.stderr.contains("api/requirements.txt:1 includes gone.txt"),
        "{}",
        answer.text()
    );

    repo.write("api/requirements.txt", "-r ../../osv/secret.txt\n");
    fs::write(repo.beside("osv").join("secret.txt"), "flask==1.0\n").unwrap();
    let answer = deps(&repo, &["check", "--lockfile", "api/requirements.txt"]);
    assert!(answer.code == 2 && answer.stderr.contains("outside of the repository"), "{}", answer.text());
}

#[test]
fn a_change_of_an_included_file_is_a_change_of_the_requirements() {
    let repo = repository();
    repo.write("requirements.txt", "-r base.in\n")
        .write("base.in", "flask==2.3\n")
        .write("notes.txt", "x\n")
        .commit("first");
    repo.git(&["checkout", "-q", "-b", "change"]);
    repo.write("notes.txt", "y\n").commit("a note");
    let judge = || deps(&repo, &["check", "--base", "main"]);
    let answer = judge();
    assert!(answer.code == 0 && answer.text().contains("no lockfile changed"), "{}", answer.text());
    repo.write("base.in", "flask==1.0\n").commit("older");
    let answer = judge();
    assert!(answer.code == 1 && answer.text().contains("base.in:1"), "{}", answer.text());
    repo.write("base.in", "flask==2.3\n").write("requirements.txt", "-r base.in\n-r more.in\n").commit("gone");
    let answer = judge();
    assert!(
        answer.code == 2 && answer.text().contains("line 2 includes more.in, which is not there"),
        "{}",
        answer.text()
    );
}
