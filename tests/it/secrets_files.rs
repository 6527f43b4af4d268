//! Trees and archives as people, and enemies, have them.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::cli::{mainguard, run, run_with_stdin};
use crate::support::repo::TestRepo;

/// A folder with one rule, `KEY` and six digits.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".gitleaks.toml"), "[[rules]]\nid = 'key'\nregex = '''KEY[0-9]{6}'''\n").unwrap();
    folder
}

fn secrets(folder: &Path, words: &[&str]) -> Command {
    let mut command = mainguard(folder);
    command.env_remove("GITLEAKS_CONFIG").env_remove("GITLEAKS_CONFIG_TOML").arg("secrets").args(words);
    command
}

/// Paths of the findings, as the report has them.
fn files(stdout: &str) -> Vec<String> {
    let report: serde_json::Value = serde_json::from_str(stdout).expect(stdout);
    report.as_array().unwrap().iter().map(|finding| finding["File"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_text_that_is_called_an_archive_is_scanned_when_archives_are() {
    let folder = folder();
    fs::write(folder.path().join("my.brief.txt"), "KEY123456\n").unwrap();
    let answer = run(&mut secrets(folder.path(), &["dir", ".", "-f", "json", "-r", "-"]));
    assert_eq!((answer.code, answer.stdout.as_str()), (0, "[]\n"), "gitleaks takes it for brotli");
    let words = ["dir", ".", "--max-archive-depth", "1", "-f", "json", "-r", "-"];
    let answer = run(&mut secrets(folder.path(), &words));
    assert_eq!(files(&answer.stdout), ["my.brief.txt"], "{}", answer.stderr);
}

#[test]
fn a_broken_archive_is_said_and_the_rest_is_scanned() {
    let folder = folder();
    fs::write(folder.path().join("a.zip"), b"PK\x03\x04 and then nothing that makes sense").unwrap();
    fs::write(folder.path().join("b.txt"), "KEY123456\n").unwrap();
    let words = ["dir", ".", "--max-archive-depth", "1", "-f", "json", "-r", "-"];
    let answer = run(&mut secrets(folder.path(), &words));
    assert_eq!(answer.code, 1);
    assert_eq!(files(&answer.stdout), ["b.txt"]);
    assert!(answer.stderr.contains("a.zip: not scanned"), "{}", answer.stderr);
}

#[test]
fn what_a_broken_archive_holds_is_not_quoted() {
    let folder = folder();
    let mut content = b"KEY123456".to_vec();
    content.resize(100, 0);
    content.resize(2_000, 0xff);
    fs::write(folder.path().join("a.tar"), content).unwrap();
    // Even somebody who wants to hear of errors only hears why the scan has failed.
    let words = ["dir", ".", "--max-archive-depth", "1", "--log-level", "error"];
    let answer = run(&mut secrets(folder.path(), &words));
    assert_eq!(answer.code, 1);
    assert!(answer.stderr.contains("a.tar: not scanned: is damaged, or no tar"), "{}", answer.stderr);
    assert!(!answer.text().contains("123456"), "{}", answer.text());
}

#[cfg(unix)]
#[test]
fn links_in_a_circle_end() {
    let folder = folder();
    std::os::unix::fs::symlink("b", folder.path().join("a")).unwrap();
    std::os::unix::fs::symlink("a", folder.path().join("b")).unwrap();
    std::os::unix::fs::symlink(".", folder.path().join("here")).unwrap();
    fs::write(folder.path().join("c"), "KEY123456\n").unwrap();
    let words = ["dir", ".", "--follow-symlinks", "-f", "json", "-r", "-"];
    let answer = run(&mut secrets(folder.path(), &words));
    assert_eq!(files(&answer.stdout), ["c"], "{}", answer.stderr);
}

#[cfg(unix)]
#[test]
fn a_name_that_is_not_text_is_reported_all_the_same() {
    use std::os::unix::ffi::OsStrExt;
    let folder = folder();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.txt");
    fs::write(folder.path().join(name), "KEY123456\n").unwrap();
    let answer = run(&mut secrets(folder.path(), &["dir", ".", "-f", "json", "-r", "-"]));
    assert_eq!(files(&answer.stdout), ["caf\u{fffd}.txt"], "{}", answer.stderr);
}

#[test]
fn nothing_scanned_is_a_warning_and_stdin_is_a_source() {
    let folder = folder();
    fs::create_dir(folder.path().join("empty")).unwrap();
    let answer = run(&mut secrets(folder.path(), &["dir", "empty"]));
    assert_eq!(answer.code, 0);
    assert!(answer.stderr.contains("nothing was scanned"), "{}", answer.stderr);
    let answer = run_with_stdin(&mut secrets(folder.path(), &["stdin"]), b"KEY123456\n");
    assert_eq!(answer.code, 1);
    assert!(answer.stderr.contains("leaks found: 1") && !answer.text().contains("123456"), "{}", answer.text());
}

/// What an earlier scan found out about a pack is believed only by a scan with the same rules.
#[test]
fn a_second_look_at_a_history_is_short_and_says_the_same() {
    let repo = crate::support::repo::TestRepo::new();
    repo.write("a", "nothing\n").commit("one");
    repo.write("a", "KEY123456\n").write("b", "TOKEN99\n").commit("two");
    repo.git(&["repack", "-q", "-a", "-d"]);
    let rules = tempfile::tempdir().unwrap();
    let file = rules.path().join("rules.toml");
    fs::write(&file, "[[rules]]\nid = 'key'\nregex = '''KEY[0-9]{6}'''\n").unwrap();
    let scan = |more: &[&str]| {
        let config = file.display().to_string();
        let words = [&["git", ".", "-c", &config, "-f", "json", "-r", "-"], more].concat();
        files(&run(&mut secrets(repo.path(), &words)).stdout)
    };
    let notes = repo.path().join(".git/mainguard/history");
    assert_eq!(scan(&["--no-resume"]), ["a"]);
    assert!(!notes.exists());
    assert_eq!(scan(&[]), ["a"]);
    assert_eq!(fs::read_dir(&notes).unwrap().count(), 1);
    assert_eq!(scan(&[]), ["a"]);
    fs::write(&file, "[[rules]]\nid = 'token'\nregex = '''TOKEN[0-9]{2}'''\n").unwrap();
    assert_eq!(scan(&[]), ["b"], "other rules look for themselves");
    assert_eq!(fs::read_dir(&notes).unwrap().count(), 2);
    repo.write("c", "TOKEN11\n").commit("three");
    assert_eq!(scan(&[]), ["b", "c"]);
    assert_eq!(repo.git(&["status", "--porcelain"]), "");
}

/// The scanner gets ready while git prints staged lines: what is wrong with the rules is said all the same, and first.
#[test]
fn rules_that_cannot_be_used_together_stop_every_scan() {
    let repo = TestRepo::new();
    repo.write("a.txt", "tok_abcdefgh\n").git(&["add", "a.txt"]);
    let rules = tempfile::tempdir().unwrap();
    let rules = rules.path().join("rules.toml");
    let text = "[[rules]]\nid = 'one'\nregex = 'tok_[a-z]{8}'\n[[rules.required]]\nid = 'other'\n\
                [[rules]]\nid = 'other'\nregex = 'oth_[a-z]{8}'\n";
    fs::write(&rules, text).unwrap();
    for what in [&["git", "--staged"][..], &["dir"], &["git"]] {
        let scan = |more: &[&str]| {
            let mut command = secrets(repo.path(), what);
            run(command.args(["--exit-code", "7", "-c"]).arg(&rules).args(more))
        };
        let answer = scan(&["--enable-rule", "one"]);
        assert_eq!((answer.code, &*answer.stdout), (1, ""), "{}", answer.stderr);
        assert!(answer.stderr.contains("rule `one` cannot be used: it requires the rule `other`"), "{}", answer.stderr);
        assert!(answer.stderr.contains("hint: ") && !answer.stderr.contains("no leaks found"), "{}", answer.stderr);
        assert_eq!(scan(&[]).code, 0, "{what:?}");
    }
}
