//! Text from history, beside what `git log -p` shows.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;

use mainguard::change::CommitId;
use mainguard::secrets::{CommitInfo, Origin};
use mainguard::sources::history::{self, HistoryError, Options, Scope, Sieve, Stats};
use mainguard::sources::patches::{Item, Limits, PatchError, Patches};

use crate::support::repo::TestRepo;

/// `id:path:lines_before text`, sorted.
fn fragments(directory: &Path, scope: &Scope) -> (Vec<String>, Stats) {
    let all = Mutex::new(Vec::new());
    let stats = history::for_each(scope, &Options { threads: 2, ..Options::new(directory) }, &|fragment| {
        let commit = fragment.origin.commit.as_ref().unwrap();
        let text = String::from_utf8_lossy(fragment.text).into_owned();
        let subject = commit.message.to_string();
        let subject = subject.lines().next().unwrap_or_default();
        all.lock().unwrap().push(format!("{subject}:{}:{} {text:?}", fragment.origin.path, fragment.lines_before));
    });
    let mut all = all.into_inner().unwrap();
    all.sort();
    (all, stats.unwrap())
}

#[test]
fn every_commit_says_what_it_added() {
    let repo = TestRepo::new();
    repo.write("a.txt", "one\ntwo\nthree\n").commit("first");
    repo.write("a.txt", "one\n2\nthree\nfour").write("b c.txt", "x\r\n").commit("second");
    repo.write("a.txt", "one\nthree\nfour\n").commit("third");
    repo.git(&["mv", "b c.txt", "é\t\"q\".txt"]);
    repo.commit("moved");
    repo.write("binary", b"a\0b").commit("binary");
    repo.git(&["rm", "-q", "a.txt"]);
    repo.commit("gone");
    repo.commit("diff --git a/x b/x\n\n--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+no");
    let (all, stats) = fragments(repo.path(), &Scope::All);
    assert_eq!(
        all,
        [
            "first:a.txt:0 \"one\\ntwo\\nthree\\n\"",
            "second:a.txt:1 \"2\\n\"",
            "second:a.txt:3 \"four\"",
            "second:b c.txt:0 \"x\\r\\n\"",
            "third:a.txt:0 \"\"",
            "third:a.txt:2 \"four\\n\"",
        ]
    );
    assert_eq!((stats.commits, stats.hunks, stats.splits), (5, 6, 0));
}

#[test]
fn a_secret_that_came_and_went_inside_a_range_counts() {
    let repo = TestRepo::new();
    let base = repo.write("a", "1\n").commit("base");
    repo.write("a", "1\nkey\n").commit("in");
    let head = repo.write("a", "1\n").commit("out");
    let id = |hex: &str| CommitId::parse(hex).unwrap();
    let (all, stats) = fragments(repo.path(), &Scope::Range { base: Some(id(&base)), head: id(&head) });
    assert_eq!(all, ["in:a:1 \"key\\n\"", "out:a:0 \"\""]);
    assert_eq!(stats.commits, 2);
    let (all, _) = fragments(repo.path(), &Scope::Range { base: None, head: id(&base) });
    assert_eq!(all, ["base:a:0 \"1\\n\""]);
}

#[test]
fn a_merge_counts_in_a_range_with_what_is_new_in_it() {
    let repo = TestRepo::new();
    let base = repo.write("a", "1\n2\n3\n").commit("base");
    repo.git(&["checkout", "-q", "-b", "side"]);
    repo.write("a", "1\nside\n3\n").commit("side");
    repo.git(&["checkout", "-q", "main"]);
    repo.write("a", "1\nmain\n3\n").commit("main");
    repo.git(&["merge", "-q", "--no-commit", "-s", "ours", "side"]);
    let head = repo.write("a", "1\nside\nmain\nevil\n3\n").commit("merge");
    let id = |hex: &str| CommitId::parse(hex).unwrap();
    let (all, _) = fragments(repo.path(), &Scope::Range { base: Some(id(&base)), head: id(&head) });
    assert_eq!(all, ["main:a:1 \"main\\n\"", "merge:a:1 \"evil\\n\"", "side:a:1 \"side\\n\""]);
    let (all, _) = fragments(repo.path(), &Scope::All);
    assert_eq!(all.len(), 3, "a full scan leaves merges out, as gitleaks does: {all:?}");
}

#[test]
fn staged_and_unstaged_lines() {
    let repo = TestRepo::new();
    repo.write("a", "1\n").commit("base");
    repo.write("a", "1\nstaged\n");
    repo.git(&["add", "a"]);
    repo.write("a", "1\nstaged\nunstaged\n").write("untracked", "x\n");
    assert_eq!(fragments(repo.path(), &Scope::Staged).0, [":a:1 \"staged\\n\""]);
    assert_eq!(fragments(repo.path(), &Scope::Unstaged).0, [":a:2 \"unstaged\\n\""]);
}

#[test]
fn commits_are_described_as_gitleaks_does() {
    let repo = TestRepo::new();
    repo.git(&["config", "log.showSignature", "true"]);
    repo.git(&["config", "format.pretty", "oneline"]);
    repo.git(&["config", "diff.noprefix", "true"]);
    repo.git(&["config", "color.ui", "always"]);
    repo.git(&["config", "log.date", "relative"]);
    repo.git(&["config", "diff.interHunkContext", "9"]);
    let id = repo.write("dir/a", "1\n2\n3\n").commit("one\ntwo\n\n  body\n\n\nmore\n");
    repo.write("dir/a", "x\n2\ny\n").commit("second");
    let seen = Mutex::new(Vec::new());
    let options = Options { web: "https://h/o/r", threads: 1, ..Options::new(repo.path()) };
    history::for_each(&Scope::All, &options, &|fragment| {
        let path = fragment.origin.path.to_string();
        seen.lock().unwrap().push((path, fragment.lines_before, fragment.origin.commit.clone().unwrap()));
    })
    .unwrap();
    let seen = seen.into_inner().unwrap();
    assert_eq!(
        seen.iter().map(|(path, before, _)| (&**path, *before)).collect::<Vec<_>>(),
        [("dir/a", 0), ("dir/a", 2), ("dir/a", 0)]
    );
    let commit = &seen[2].2;
    assert_eq!(commit.id, id);
    assert_eq!((commit.author.to_string(), commit.email.to_string()), ("Ada".into(), "ada@example.org".into()));
    let seconds = repo.git(&["rev-list", "-1", "--no-commit-header", "--format=%at", &id]);
    let date = chrono::DateTime::from_timestamp(seconds.parse().unwrap(), 0).unwrap();
    assert_eq!(commit.date, date.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    assert_eq!(commit.message, "one two\n\n  body\n\nmore");
    assert_eq!(commit.web, "https://h/o/r");
}

#[test]
fn no_program_of_the_repository_is_started() {
    let repo = TestRepo::new();
    repo.write("a", "1\n").write(".gitattributes", "* diff=own\n").commit("one");
    repo.write("a", "2\n").commit("two");
    repo.write("a", "3\n");
    for (key, program) in [
        ("diff.external", "touch external"),
        ("diff.own.command", "touch command"),
        ("diff.own.textconv", "touch textconv"),
        ("core.fsmonitor", "touch fsmonitor"),
        ("core.pager", "touch pager"),
        ("pager.log", "touch pager"),
        ("gpg.program", "touch gpg"),
    ] {
        repo.git(&["config", key, program]);
    }
    for hook in ["post-index-change", "fsmonitor-watchman"] {
        repo.write(&format!(".git/hooks/{hook}"), "#!/bin/sh\ntouch hook\n");
    }
    for scope in [Scope::All, Scope::Unstaged, Scope::Staged] {
        fragments(repo.path(), &scope);
    }
    let files: Vec<_> = std::fs::read_dir(repo.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files.len(), 3, "{files:?}");
}

#[test]
fn a_git_that_fails_is_an_error() {
    let nowhere = tempfile::tempdir().unwrap();
    for scope in [Scope::All, Scope::Staged, Scope::Unstaged] {
        let error = history::for_each(&scope, &Options::new(nowhere.path()), &|_| {}).unwrap_err();
        assert!(error.hint().unwrap().contains("inside a git repository"), "{error}");
        assert!(!error.to_string().contains("usage"), "{error}");
    }
    let repo = TestRepo::new();
    assert_eq!(fragments(repo.path(), &Scope::All).1, Stats::default(), "an empty repository is no error");
    repo.write("a", "1\n").commit("one");
    let blob = repo.git(&["rev-parse", "HEAD:a"]);
    std::fs::remove_file(repo.path().join(".git/objects").join(&blob[..2]).join(&blob[2..])).unwrap();
    let error = history::for_each(&Scope::All, &Options::new(repo.path()), &|_| {}).unwrap_err();
    assert!(matches!(error, HistoryError::Git { .. }), "{error}");
}

#[test]
fn log_options_are_split_and_judged() {
    assert_eq!(
        history::log_options("--all  --since=2020 -- a -s").unwrap(),
        ["--all", "--since=2020", "--", "a", "-s"]
    );
    assert_eq!(history::log_options("--oneline --format=%H HEAD").unwrap(), ["HEAD"]);
    for bad in ["--output=/tmp/x", "-s", "--graph", "--word-diff=plain", "--textconv"] {
        assert!(matches!(history::log_options(bad), Err(HistoryError::Option { .. })), "{bad}");
    }
    let repo = TestRepo::new();
    repo.write("a", "1\n").commit("one");
    repo.write("b", "1\n").commit("two");
    let scope = Scope::Log(history::log_options("--pretty=%B -1 HEAD").unwrap());
    assert_eq!(fragments(repo.path(), &scope).0, ["two:b:0 \"1\\n\""]);
    let scope = Scope::Log(history::log_options("nonsense").unwrap());
    let error = history::for_each(&scope, &Options::new(repo.path()), &|_| {}).unwrap_err();
    assert!(error.hint().unwrap().contains("spelling"), "{error}");
}

/// A panic in the scanner reaches the caller; it neither hangs nor is lost.
#[test]
fn a_panic_is_passed_on() {
    let repo = TestRepo::new();
    for number in 0..50 {
        repo.write("a", format!("{number}\n").repeat(10_000)).commit("x");
    }
    let directory = repo.path();
    let result = std::panic::catch_unwind(|| {
        let options = Options { threads: 2, ..Options::new(directory) };
        history::for_each(&Scope::All, &options, &|_| panic!("on purpose")).map(drop)
    });
    assert!(result.is_err());
}

fn patch(input: &[u8], limits: Limits) -> Result<(Vec<Item>, u64), PatchError> {
    let mut patches = Patches::new(std::io::BufReader::with_capacity(7, input), "", limits);
    let mut items = Vec::new();
    while let Some(item) = patches.next()? {
        items.push(item);
    }
    Ok((items, patches.splits()))
}

#[test]
fn a_hunk_larger_than_memory_comes_in_pieces() {
    let limits = Limits { hunk_bytes: 8, ..Limits::default() };
    let check = |body: &str, count: usize, expect: &[(usize, &str)]| {
        let text = format!("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -0,0 +5,{count} @@\n{body}");
        let (items, splits) = patch(text.as_bytes(), limits).unwrap();
        let pieces: Vec<(usize, &str)> = items
            .iter()
            .map(|item| match item {
                Item::Added(added) => (added.lines_before, std::str::from_utf8(&added.text).unwrap()),
                Item::Binary(_) => panic!("{item:?}"),
            })
            .collect();
        assert_eq!(pieces, expect);
        assert_eq!(splits as usize, expect.len() - 1);
    };
    check("+123\n+456\n+789\n", 3, &[(4, "123\n456\n"), (6, "789\n")]);
    check("+123\n+4567\n\\ No newline at end of file\n", 2, &[(4, "123\n4567")]);
    check("+123456789012345\n\\ No newline at end of file\n", 1, &[(4, "123456789012345")]);
    check("+12345678901234567890\n+x\n", 2, &[(4, "123456789012345678"), (4, "90\nx\n")]);
    // No git prints that: lines that come with a file's end are nobody's, in one piece or in several.
    let gone = "diff --git a/x b/x\ndeleted file mode 100644\n--- a/x\n+++ b/x\n@@ -1,0 +5,2 @@\n+12345678901\n+x\n";
    assert_eq!(patch(gone.as_bytes(), limits).unwrap(), (Vec::new(), 0));
    assert_eq!(patch(gone.as_bytes(), Limits::default()).unwrap(), (Vec::new(), 0));
}

#[test]
fn a_patch_that_lies_is_an_error() {
    let check = |body: &str| {
        let text = format!("diff --git a/x b/x\n--- a/x\n+++ b/x\n{body}");
        assert!(patch(text.as_bytes(), Limits::default()).is_err(), "{body}");
    };
    check("@@ -0,0 +1,2 @@\n+one\n");
    check("@@ -0,0 +1 @@\n-one\n");
    check("@@ -0,0 +1 @@\nxone\n");
    check("@@ nonsense @@\n");
    check("+++ \"b/x\n");
    assert!(patch(b"diff --git \"a/x b/x\n", Limits::default()).is_err());
    let short = Limits { header_bytes: 20, ..Limits::default() };
    assert!(patch(b"diff --git a/a_very_long_name b/a_very_long_name\n", short).is_err());
}

#[test]
fn scopes_do_not_leave_the_folder() {
    let repo = TestRepo::new();
    repo.write("in/a", "1\n").write("b", "1\n");
    repo.git(&["add", "-A"]);
    let paths: BTreeSet<String> = fragments(&repo.path().join("in"), &Scope::Staged).0.into_iter().collect();
    assert_eq!(paths, BTreeSet::from([":in/a:0 \"1\\n\"".to_string()]));
}

type Seen = (CommitInfo, String, usize, Vec<u8>);

/// How objects are looked at before git is asked.
#[derive(Clone, Copy, PartialEq)]
enum Sieved {
    Not,
    /// The sieve says which files are of interest.
    Whole,
    /// It says where, too.
    Places,
    /// It says nothing, and all files are such that more is asked of them.
    Narrow,
}

/// The lines that hold `needle`.
fn lines_with(text: &[u8], needle: &[u8]) -> Vec<Range<usize>> {
    let mut at = 0;
    let lines = text.split_inclusive(|byte| *byte == b'\n').map(|line| {
        at += line.len();
        (line, at - line.len()..at)
    });
    lines.filter(|(line, _)| memmem(line, needle)).map(|(_, range)| range).collect()
}

/// All fragments that hold `needle`, sorted.
fn holding(directory: &Path, needle: &[u8], sieved: Sieved) -> (Vec<Seen>, Stats) {
    let holds = |_: &[u8], text: &[u8]| memmem(text, needle);
    let places = |text: &[u8]| match sieved {
        Sieved::Narrow => Some(Vec::new()),
        Sieved::Places => Some(lines_with(text, needle)),
        _ => (!memmem(text, needle)).then(Vec::new),
    };
    let narrow = |_: &[u8]| sieved == Sieved::Narrow;
    let sieve = Sieve { text: &holds, places: &places, narrow: &narrow, path: &|path| path.ends_with(b".pem") };
    let sieve = (sieved != Sieved::Not).then_some(sieve);
    let options = Options { threads: 2, sieve, ..Options::new(directory) };
    let seen = Mutex::new(Vec::new());
    let stats = history::for_each(&Scope::All, &options, &|fragment| {
        if holds(b"", fragment.text) || fragment.origin.path.ends_with(b".pem") {
            let commit = fragment.origin.commit.as_deref().unwrap().clone();
            let path = fragment.origin.path.to_string();
            seen.lock().unwrap().push((commit, path, fragment.lines_before, fragment.text.to_vec()));
        }
    });
    let mut seen = seen.into_inner().unwrap();
    seen.sort_by(|a, b| (&a.0.id, &a.1, a.2, &a.3).cmp(&(&b.0.id, &b.1, b.2, &b.3)));
    (seen, stats.unwrap())
}

fn memmem(text: &[u8], needle: &[u8]) -> bool {
    bstr::ByteSlice::find(text, needle).is_some()
}

/// Returns how many fragments both ways agree on.
fn both_ways_agree(directory: &Path, needle: &[u8]) -> usize {
    let (by_git, plain) = holding(directory, needle, Sieved::Not);
    for sieved in [Sieved::Whole, Sieved::Places, Sieved::Narrow] {
        let (by_objects, sieved) = holding(directory, needle, sieved);
        assert_eq!(by_git.len(), by_objects.len(), "{}", directory.display());
        for (a, b) in by_git.iter().zip(&by_objects) {
            assert_eq!(a, b, "{}", directory.display());
        }
        assert!(sieved.hunks <= plain.hunks, "{sieved:?} {plain:?}");
    }
    by_git.len()
}

#[test]
fn looking_at_objects_first_leaves_nothing_out() {
    let cases = if cfg!(debug_assertions) { 8 } else { 64 };
    let config = proptest::test_runner::Config { cases, failure_persistence: None, ..Default::default() };
    let steps = proptest::collection::vec((0..14u8, 0..5usize, 0..5usize, 0..40usize), 4..24);
    let found = std::cell::Cell::new(0);
    proptest::proptest!(config, |(steps in steps)| {
        let repo = TestRepo::new();
        let names = ["a", "d/b", "d/e/c c", "f.pem", "é"];
        repo.write("a", "first\n").commit("first");
        for (number, &(step, file, other, line)) in steps.iter().enumerate() {
            let path = repo.path().join(names[file]);
            let text = std::fs::read(&path).unwrap_or_default();
            let mut lines: Vec<Vec<u8>> = text.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
            let at = line.min(lines.len());
            match step {
                0..=2 => lines.insert(at, format!("key{}\n", number % 3).into_bytes()),
                3 => lines.splice(at..at, (0..line * 9).map(|line| format!("line {}\n", line % 7).into_bytes())).for_each(drop),
                4 => drop(lines.drain(at..(at + other).min(lines.len()))),
                5 => lines.push(b"key at the end".to_vec()),
                6 => lines.insert(at, b"}\n\n{\n".to_vec()),
                7 => lines.insert(0, b"\0\n".to_vec()),
                _ => {}
            }
            match step {
                0..=7 => drop(repo.write(names[file], lines.concat())),
                8 if path.exists() && file != other => {
                    let to = repo.path().join(names[other]);
                    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
                    std::fs::rename(&path, to).unwrap();
                }
                9 if path.exists() => std::fs::remove_file(&path).unwrap(),
                10 => drop(repo.git(&["repack", "-q", "-a", "-d"])),
                11 => {
                    repo.git(&["checkout", "-q", "-b", &format!("side{number}"), "HEAD~0"]);
                }
                12 => drop(repo.write(".gitattributes", "a diff\nd/b -diff\n")),
                13 => {
                    repo.git(&["merge", "-q", "-s", "ours", "--no-edit", "main"]);
                }
                _ => {}
            }
            repo.commit(&format!("step {number} \n\ndiff --git a/x b/x"));
        }
        found.set(found.get() + both_ways_agree(repo.path(), b"key"));
    });
    println!("fragments compared: {}", found.get());
    assert!(found.get() > 0);
}

/// `MAINGUARD_HISTORIES` lists git directories, separated by colons.
#[test]
fn looking_at_objects_first_leaves_nothing_out_of_real_histories() {
    let Ok(histories) = std::env::var("MAINGUARD_HISTORIES") else {
        println!("skipped: MAINGUARD_HISTORIES is not set");
        return;
    };
    for directory in std::env::split_paths(&histories) {
        for needle in [&b"AKIA"[..], b"password =", b"token", b"return"] {
            let count = both_ways_agree(&directory, needle);
            println!("{}: {:?}: {count} fragments", directory.display(), bstr::BStr::new(needle));
        }
    }
}

#[test]
fn unusual_repositories_are_left_to_git() {
    let repo = TestRepo::new();
    let first = repo.write("a", "1\n").commit("one");
    repo.write("a", "1\nkey\n").commit("two");
    let third = repo.write("a", "1\nkey\nmore\n").commit("three");
    repo.git(&["replace", "--graft", &third, &first]);
    let (seen, stats) = holding(repo.path(), b"key", Sieved::Places);
    assert_eq!((seen.len(), stats.blobs), (2, 0), "the replaced commit adds the key once more: {seen:?}");

    let shallow = repo.beside("shallow");
    let from = format!("file://{}", repo.path().display());
    repo.git(&["clone", "-q", "--depth=1", "--no-local", &from, &shallow.to_string_lossy()]);
    assert_eq!(both_ways_agree(&shallow, b"key"), 1);

    let borrower = repo.beside("borrower");
    repo.git(&["clone", "-q", "--shared", &repo.path().to_string_lossy(), &borrower.to_string_lossy()]);
    assert_eq!(both_ways_agree(&borrower, b"key"), 1);

    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    let partial = repo.beside("partial");
    repo.git(&["clone", "-q", "--filter=blob:none", "--no-checkout", "--no-local", &from, &partial.to_string_lossy()]);
    let sieve = Sieve { text: &|_, _| true, places: &|_| None, narrow: &|_| false, path: &|_| false };
    let options = Options { sieve: Some(sieve), ..Options::new(&partial) };
    let error = history::for_each(&Scope::All, &options, &|_| {}).unwrap_err();
    assert!(error.hint().unwrap().contains("partial"), "{error}");
    let error = history::for_each(&Scope::All, &Options::new(&partial), &|_| {}).unwrap_err();
    assert!(error.hint().unwrap().contains("partial"), "{error}");
}

#[test]
fn a_damaged_object_is_an_error_either_way() {
    let repo = TestRepo::new();
    repo.write("a", "key\n").commit("one");
    repo.write("a", "other\n").commit("two");
    repo.git(&["repack", "-q", "-a", "-d"]);
    let pack = std::fs::read_dir(repo.path().join(".git/objects/pack")).unwrap();
    let pack =
        pack.map(|entry| entry.unwrap().path()).find(|path| path.extension().is_some_and(|e| e == "pack")).unwrap();
    let mut bytes = std::fs::read(&pack).unwrap();
    let middle = bytes.len() - 40;
    bytes[middle..middle + 8].fill(0x55);
    std::fs::remove_file(&pack).unwrap();
    std::fs::write(&pack, bytes).unwrap();
    let sieve = Sieve { text: &|_, _| true, places: &|_| None, narrow: &|_| false, path: &|_| false };
    for sieve in [None, Some(sieve)] {
        let options = Options { sieve, ..Options::new(repo.path()) };
        let error = history::for_each(&Scope::All, &options, &|_| {}).unwrap_err();
        assert!(matches!(error, HistoryError::Git { .. }), "{error}");
    }
}

#[test]
fn one_missing_file_costs_no_more_than_its_commits() {
    let repo = TestRepo::new();
    for number in 0..6 {
        repo.write("a", format!("key {number}\n")).write("b", format!("other {number}\n")).commit(&number.to_string());
    }
    let lost = repo.git(&["rev-parse", "HEAD~2:b"]);
    std::fs::remove_file(repo.path().join(".git/objects").join(&lost[..2]).join(&lost[2..])).unwrap();
    let seen = Mutex::new(0);
    let holds = |_: &[u8], text: &[u8]| memmem(text, b"key");
    let places = |text: &[u8]| Some(lines_with(text, b"key"));
    let sieve = Sieve { text: &holds, places: &places, narrow: &|_| false, path: &|_| false };
    let options = Options { sieve: Some(sieve), ..Options::new(repo.path()) };
    let error = history::for_each(&Scope::All, &options, &|fragment| {
        *seen.lock().unwrap() += usize::from(holds(b"", fragment.text))
    });
    let error = error.unwrap_err();
    assert!(
        matches!(&error, HistoryError::Incomplete { commits: 2, object, partial: false, .. } if *object == lost),
        "{error}"
    );
    assert_eq!(seen.into_inner().unwrap(), 4);
}

#[test]
fn a_second_scan_remembers_the_first() {
    let repo = TestRepo::new();
    repo.write("a", "1\nkey\n").commit("one");
    repo.write("a", "1\nkey\nmore\n").write("b", "nothing\n").commit("two");
    repo.git(&["repack", "-q", "-a", "-d"]);
    let scan = |key: &str| {
        let asked = Mutex::new(0);
        let text = |_: &[u8], text: &[u8]| {
            *asked.lock().unwrap() += 1;
            memmem(text, b"key")
        };
        let places = |text: &[u8]| {
            *asked.lock().unwrap() += 1;
            Some(lines_with(text, b"key"))
        };
        let sieve = Sieve { text: &text, places: &places, narrow: &|_| false, path: &|_| false };
        let options = Options { sieve: Some(sieve), memory: Some(key), ..Options::new(repo.path()) };
        let stats = history::for_each(&Scope::All, &options, &|_| {}).unwrap();
        (asked.into_inner().unwrap(), stats)
    };
    let (first, stats) = scan("0123456789abcdef");
    assert_eq!(
        (first, stats.blobs, stats.hunks),
        (3, 3, 1),
        "three files; the line that was added later is far from the key"
    );
    assert_eq!(scan("0123456789abcdef"), (0, stats));
    assert_eq!(scan("fedcba9876543210"), (3, stats), "other rules, other notes");
    repo.write("c", "key\n").commit("three");
    assert_eq!(scan("0123456789abcdef").0, 1, "what came since is looked at");
    assert_eq!(repo.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_binary_file_is_text_where_an_attribute_says_so() {
    let repo = TestRepo::new();
    repo.write("in/data.bin", b"\0\nkey\n").write("other.bin", b"\0\nkey\n").commit("one");
    assert_eq!(both_ways_agree(repo.path(), b"key"), 0);
    repo.write(".gitattributes", "data.bin diff\n");
    assert_eq!(both_ways_agree(repo.path(), b"key"), 1);
    assert_eq!(both_ways_agree(&repo.path().join("in"), b"key"), 1, "attributes are found from a folder too");
}

#[test]
fn repositories_of_every_kind() {
    let repo = TestRepo::with(&["--object-format=sha256"]);
    repo.write("a", "1\nkey\n").commit("one");
    let (seen, stats) = holding(repo.path(), b"key", Sieved::Places);
    assert_eq!((seen[0].0.id.len(), stats.blobs), (64, 1));
    let bare = repo.beside("bare");
    repo.git(&["clone", "-q", "--bare", &repo.path().to_string_lossy(), &bare.to_string_lossy()]);
    assert_eq!(both_ways_agree(&bare, b"key"), 1);
    let tree = repo.beside("tree");
    repo.git(&["worktree", "add", "-q", "-b", "other", &tree.to_string_lossy()]);
    std::fs::write(tree.join("b"), "key\n").unwrap();
    repo.git(&["-C", &tree.to_string_lossy(), "add", "b"]);
    repo.git(&["-C", &tree.to_string_lossy(), "commit", "-q", "-m", "two"]);
    repo.git(&["-C", &tree.to_string_lossy(), "checkout", "-q", "--detach"]);
    repo.git(&["branch", "-q", "-D", "other"]);
    assert_eq!(both_ways_agree(repo.path(), b"key"), 2, "what only another worktree has checked out counts");
    assert_eq!(both_ways_agree(&tree, b"key"), 2);
}

#[test]
fn archives_are_handed_out_whole() {
    let repo = TestRepo::new();
    repo.write("a.zip", b"PK\0one").write("a.png", b"\0").commit("one");
    repo.write("a.zip", b"PK\0two\n").commit("two");
    repo.write("a.zip", b"PK\0staged");
    repo.git(&["add", "-A"]);
    let seen = Mutex::new(Vec::new());
    let wants = |path: &[u8]| path.ends_with(b".zip");
    let read = |origin: &Origin, content: &mut dyn std::io::Read| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).unwrap();
        let commit = origin.commit.as_ref().unwrap().message.to_string();
        seen.lock().unwrap().push(format!("{commit}:{}:{}", origin.path, bytes.escape_ascii()));
    };
    let sieve = Sieve { text: &|_, _| false, places: &|_| Some(Vec::new()), narrow: &|_| false, path: &|_| false };
    let binaries = history::Binaries { wants: &wants, read: &read };
    let options = Options { binaries: Some(binaries), sieve: Some(sieve), ..Options::new(repo.path()) };
    history::for_each(&Scope::All, &options, &|_| {}).unwrap();
    history::for_each(&Scope::Staged, &options, &|_| {}).unwrap();
    let mut seen = seen.into_inner().unwrap();
    seen.sort();
    assert_eq!(seen, [":a.zip:PK\\x00staged", "one:a.zip:PK\\x00one", "two:a.zip:PK\\x00two\\n"]);
}
