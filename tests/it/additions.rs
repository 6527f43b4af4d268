//! The text that a change brings in, commit by commit.

use mainguard::change::{Addition, Head};
use mainguard::git::Limits;

use crate::support::repo::TestRepo;

/// `path:line` and the text of everything that HEAD adds to main.
fn added(repo: &TestRepo, head: Head) -> Vec<(String, String)> {
    let repository = repo.open();
    let base = repository.resolve("main").unwrap();
    let base = if head == Head::WorkingTree { repository.head().unwrap().unwrap() } else { base };
    let change = repository.change_set(Some(&base), &head, &Limits::default()).unwrap();
    let additions = repository.additions(&change, &Limits::default()).unwrap();
    assert!(additions.unread.is_empty());
    let shown = |addition: Addition| {
        (format!("{}:{}", addition.path, addition.first_line), String::from_utf8_lossy(&addition.text).into_owned())
    };
    additions.texts.into_iter().map(shown).collect()
}

fn tip(repo: &TestRepo) -> Head {
    Head::Commit(repo.open().head().unwrap().unwrap())
}

fn pair(place: &str, text: &str) -> (String, String) {
    (place.into(), text.into())
}

#[test]
fn what_one_commit_adds_and_the_next_removes_is_seen() {
    let repo = TestRepo::new();
    repo.write("a.txt", "one\ntwo\n").commit("base");
    repo.git(&["switch", "-qc", "topic"]);
    repo.write("a.txt", "one\nhidden\ntwo\n").commit("adds");
    repo.write("a.txt", "one\ntwo\nthree").commit("removes");
    assert_eq!(added(&repo, tip(&repo)), [pair("a.txt:2", "hidden\n"), pair("a.txt:3", "three")]);
}

#[test]
fn what_a_merge_slips_in_is_seen() {
    let repo = TestRepo::new();
    repo.write("a.txt", "one\n").commit("base");
    repo.git(&["switch", "-qc", "side"]);
    repo.write("b.txt", "side\n").commit("side");
    repo.git(&["switch", "-qc", "topic", "main"]);
    repo.write("c.txt", "topic\n").commit("topic");
    repo.git(&["merge", "-q", "--no-commit", "side"]);
    repo.write("d.txt", "slipped in\n").commit("merge");
    assert!(added(&repo, tip(&repo)).contains(&pair("d.txt:1", "slipped in\n")));
}

#[test]
fn what_an_attribute_calls_binary_is_read_and_what_is_binary_is_not() {
    let repo = TestRepo::new();
    repo.write(".gitattributes", "*.lock -diff\n").commit("base");
    repo.git(&["switch", "-qc", "topic"]);
    repo.write("a.lock", "one\ntwo\n").write("b.bin", b"\0\x01").commit("adds");
    assert_eq!(added(&repo, tip(&repo)), [pair("a.lock:1", "one\ntwo\n")]);
}

#[test]
fn what_lies_about_is_seen() {
    let repo = TestRepo::new();
    repo.write("a.txt", "one\n").commit("base");
    repo.write("a.txt", "one\ntwo\n").write("new.txt", "new\n");
    assert_eq!(added(&repo, Head::WorkingTree), [pair("a.txt:2", "two\n"), pair("new.txt:1", "new\n")]);
}
