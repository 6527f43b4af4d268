//! The change as we read it beside the change as git reads it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use mainguard::change::{ChangeSet, Diff, Head, ObjectId, Status};
use mainguard::git::{GitError, Limits, Repository, pre_push, raw};

use crate::support::repo::{TestRepo, git_at, git_command};

/// What the two programs were asked for.
const GIT_DIFF: &[&str] = &["-M", "--no-ext-diff", "--no-textconv", "--no-color", "--no-abbrev"];
const SETTINGS: &[&str] = &[
    "-c",
    "diff.algorithm=myers",
    "-c",
    "diff.renames=true",
    "-c",
    "core.attributesFile=/dev/null",
    "-c",
    "core.quotePath=true",
];

fn git_raw(directory: &Path, base: &str, head: &str, copies: bool) -> Vec<u8> {
    let source = format!("--attr-source={base}");
    let mut arguments = vec![source.as_str()];
    arguments.extend(SETTINGS);
    arguments.extend(["diff", "--raw", "--numstat", "-z"]);
    arguments.extend(GIT_DIFF);
    if copies {
        arguments.push("-C");
    }
    arguments.extend([base, head]);
    git_at(directory, &arguments, b"")
}

fn git_can_read(directory: &Path, base: &str, head: &str) -> bool {
    let mut git = git_command(directory);
    git.args(["diff", "--numstat", "-M", base, head]).output().unwrap().status.success()
}

/// Per file of git's patch: (base start, base lines, head start, head lines), 0-based, without context.
fn git_hunks(directory: &Path, base: &str, head: &str) -> Vec<Vec<[u32; 4]>> {
    let source = format!("--attr-source={base}");
    let mut arguments = vec![source.as_str()];
    arguments.extend(SETTINGS);
    arguments.extend(["diff", "--patch", "-U1", "--submodule=short"]);
    arguments.extend(GIT_DIFF);
    arguments.extend([base, head]);
    let patch = git_at(directory, &arguments, b"");
    let mut files = Vec::new();
    let (mut old, mut new) = (0, 0);
    let (mut old_left, mut new_left) = (0, 0);
    let mut open: Option<[u32; 4]> = None;
    for line in patch.split(|&byte| byte == b'\n') {
        if old_left + new_left > 0 {
            let hunks: &mut Vec<[u32; 4]> = files.last_mut().unwrap();
            match line.first() {
                Some(b'-') | Some(b'+') => {
                    let hunk = open.get_or_insert([old, 0, new, 0]);
                    if line[0] == b'-' {
                        hunk[1] += 1;
                        (old, old_left) = (old + 1, old_left - 1);
                    } else {
                        hunk[3] += 1;
                        (new, new_left) = (new + 1, new_left - 1);
                    }
                }
                Some(b'\\') => continue,
                _ => {
                    hunks.extend(open.take());
                    (old, old_left, new, new_left) = (old + 1, old_left - 1, new + 1, new_left - 1);
                }
            }
            if old_left + new_left == 0 {
                hunks.extend(open.take());
            }
        } else if line.starts_with(b"diff --git ") {
            files.push(Vec::new());
        } else if let Some(header) = line.strip_prefix(b"@@ -") {
            let header = String::from_utf8_lossy(header);
            let mut ranges = header.split(" @@").next().unwrap().split(" +").map(|range| {
                let (start, count) = range.split_once(',').unwrap_or((range, "1"));
                let (start, count): (u32, u32) = (start.parse().unwrap(), count.parse().unwrap());
                (if count == 0 { start } else { start - 1 }, count)
            });
            ((old, old_left), (new, new_left)) = (ranges.next().unwrap(), ranges.next().unwrap());
        }
    }
    files
}

fn our_hunks(change: &ChangeSet) -> Vec<Vec<[u32; 4]>> {
    let hunks = |diff: &Diff| match diff {
        Diff::Binary => Vec::new(),
        Diff::Lines(hunks) => hunks
            .iter()
            .map(|hunk| [hunk.base.start, hunk.base.len() as u32, hunk.head.start, hunk.head.len() as u32])
            .collect(),
    };
    change.files.iter().map(|file| hunks(&file.diff)).collect()
}

fn printable(raw: &[u8]) -> String {
    String::from_utf8_lossy(raw).replace('\0', "\n")
}

/// The lines that only one of two outputs has.
fn difference(ours: &[u8], gits: &[u8]) -> String {
    let (ours, gits) = (printable(ours), printable(gits));
    let mut out = String::new();
    for line in ours.lines().filter(|line| !gits.lines().any(|other| other == *line)).take(8) {
        let _ = writeln!(out, "  ours {line}");
    }
    for line in gits.lines().filter(|line| !ours.lines().any(|other| other == *line)).take(8) {
        let _ = writeln!(out, "  git  {line}");
    }
    out
}

#[derive(Default)]
struct Tally {
    commits: usize,
    files: usize,
    renames: usize,
    copies: usize,
    /// Commits that git cannot read here either: objects are missing.
    unreadable: usize,
    wrong: Vec<String>,
    wrong_hunks: Vec<String>,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.commits += other.commits;
        self.files += other.files;
        self.renames += other.renames;
        self.copies += other.copies;
        self.unreadable += other.unreadable;
        self.wrong.extend(other.wrong);
        self.wrong_hunks.extend(other.wrong_hunks);
    }
}

fn empty_tree(directory: &Path) -> String {
    String::from_utf8(git_at(directory, &["hash-object", "-t", "tree", "--stdin"], b"")).unwrap().trim().into()
}

/// Compares every commit with its first parent, on two threads.
fn compare(directory: &Path, commits: &[(String, Option<String>)], with_copies: bool, with_hunks: bool) -> Tally {
    let empty = empty_tree(directory);
    let work = |part: usize| {
        let repository = Repository::discover(directory).unwrap();
        let mut tally = Tally::default();
        for (commit, parent) in commits.iter().skip(part).step_by(2) {
            let id = |hex: &str| ObjectId::parse(hex).unwrap();
            let base_name = parent.as_deref().unwrap_or(&empty);
            for copies in [false, true] {
                if copies && !with_copies {
                    continue;
                }
                let limits = Limits { copies, ..Limits::default() };
                let base = parent.as_deref().map(id);
                let change = repository.change_set(base.as_ref(), &Head::Commit(id(commit)), &limits);
                let change = match change {
                    Ok(change) => change,
                    Err(GitError::Object { .. }) if !git_can_read(directory, base_name, commit) => {
                        tally.unreadable += usize::from(!copies);
                        continue;
                    }
                    Err(error) => panic!("{commit}: {error}"),
                };
                let (ours, gits) = (raw::render(&change), git_raw(directory, base_name, commit, copies));
                if ours != gits {
                    tally.wrong.push(format!("{base_name}..{commit} copies={copies}\n{}", difference(&ours, &gits)));
                }
                tally.copies += change.files.iter().filter(|file| matches!(file.status, Status::Copied(_))).count();
                if copies {
                    continue;
                }
                tally.commits += 1;
                tally.files += change.files.len();
                tally.renames += change.files.iter().filter(|file| matches!(file.status, Status::Renamed(_))).count();
                // git splits the patch of a type change in two.
                let whole = change.files.iter().all(|file| file.status != Status::TypeChanged);
                if with_hunks && whole && our_hunks(&change) != git_hunks(directory, base_name, commit) {
                    tally.wrong_hunks.push(format!("{base_name}..{commit}"));
                }
            }
        }
        tally
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| work(1));
        let mut tally = work(0);
        tally.add(other.join().unwrap());
        tally
    })
}

fn commits_of(directory: &Path, most: usize) -> Vec<(String, Option<String>)> {
    let most = format!("--max-count={most}");
    let list = git_at(directory, &["rev-list", "--parents", "--all", &most], b"");
    let list = String::from_utf8(list).unwrap();
    list.lines()
        .map(|line| {
            let mut ids = line.split(' ').map(String::from);
            (ids.next().unwrap(), ids.next())
        })
        .collect()
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn check(name: &str, tally: &Tally) {
    println!(
        "{name}: {} commits, {} files, {} renames, {} copies; {} commits differ from git, {} in hunks only; {} are incomplete here",
        tally.commits,
        tally.files,
        tally.renames,
        tally.copies,
        tally.wrong.len(),
        tally.wrong_hunks.len(),
        tally.unreadable
    );
    for wrong in tally.wrong.iter().take(12) {
        println!("{wrong}");
    }
    for wrong in tally.wrong_hunks.iter().take(5) {
        println!("hunks differ: {wrong}");
    }
}

/// `MAINGUARD_DIFF_REPOS`: git directories, separated by colons; `MAINGUARD_DIFF_COMMITS`: how many commits of each.
#[test]
fn real_histories_read_as_git_reads_them() {
    let named = std::env::var("MAINGUARD_DIFF_REPOS").unwrap_or_default();
    let mut directories: Vec<PathBuf> = std::env::split_paths(&named).filter(|path| path != Path::new("")).collect();
    if directories.is_empty() {
        println!("MAINGUARD_DIFF_REPOS is not set: only this project's own history is compared");
        directories.push(env!("CARGO_MANIFEST_DIR").into());
    }
    let most = number("MAINGUARD_DIFF_COMMITS", 200);
    let copies = number("MAINGUARD_DIFF_COPIES", 1) == 1;
    let hunks = number("MAINGUARD_DIFF_HUNKS", 1) == 1;
    let mut all = Tally::default();
    for directory in directories {
        if Repository::discover(&directory).is_err() {
            println!("{}: not a repository, skipped", directory.display());
            continue;
        }
        let tally = compare(&directory, &commits_of(&directory, most), copies, hunks);
        check(&directory.display().to_string(), &tally);
        all.add(tally);
    }
    check("together", &all);
    assert!(all.wrong.is_empty() && all.wrong_hunks.is_empty());
}

/// `MAINGUARD_GENERATED`: how many commits; `MAINGUARD_SEED`: where the dice begin.
#[test]
fn generated_histories_read_as_git_reads_them() {
    let seed = number("MAINGUARD_SEED", 20_260_101) as u64;
    let count = number("MAINGUARD_GENERATED", 500);
    println!("seed {seed}, {count} commits (MAINGUARD_SEED, MAINGUARD_GENERATED)");
    let repo = TestRepo::new();
    generate(&repo, &mut Dice(seed), count, 40);
    let commits = commits_of(repo.path(), 1_000_000);
    assert!(commits.len() >= count);
    let tally = compare(repo.path(), &commits, true, true);
    check("generated", &tally);
    assert!(tally.wrong.is_empty() && tally.wrong_hunks.is_empty());
    assert!(tally.renames > 0 && tally.copies > 0);
    compare_graph(&repo, &commits, &mut Dice(seed));
}

/// Merge bases and `base..head` of random pairs. Some of the dates are wrong; with a commit-graph git is not misled by
/// that, and we have to manage without.
fn compare_graph(repo: &TestRepo, commits: &[(String, Option<String>)], dice: &mut Dice) {
    let repository = repo.open();
    let referee = repo.beside("with-commit-graph");
    git_at(repo.path(), &["clone", "-q", "--mirror", ".", referee.to_str().unwrap()], b"");
    git_at(&referee, &["commit-graph", "write", "--reachable"], b"");
    for _ in 0..60 {
        let (a, b) = (&commits[dice.below(commits.len())].0, &commits[dice.below(commits.len())].0);
        let (base, head) = (ObjectId::parse(a).unwrap(), ObjectId::parse(b).unwrap());
        let expect = git_at(&referee, &["rev-list", "--topo-order", "--reverse", &format!("{a}..{b}")], b"");
        let ours: Vec<String> =
            repository.commits(Some(&base), &head).unwrap().iter().map(|commit| commit.id.to_string()).collect();
        let expect: Vec<String> = String::from_utf8(expect).unwrap().lines().map(String::from).collect();
        let only = |a: &[String], b: &[String]| a.iter().filter(|id| !b.contains(id)).count();
        let extra = (only(&ours, &expect), only(&expect, &ours));
        assert_eq!(ours, expect, "{a}..{b}: (only ours, only git's) = {extra:?}");
        // Fails, silently, when there is none.
        let expect = git_command(&referee).args(["merge-base", a, b]).output().unwrap();
        let expect = String::from_utf8(expect.stdout).unwrap().trim().to_string();
        let ours = repository.merge_base(&base, &head).unwrap().map(|id| id.to_string()).unwrap_or_default();
        assert_eq!(ours, expect, "merge base of {a} and {b}");
    }
}

/// A small generator of numbers (splitmix64): the same everywhere for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.roll() % bound.max(1) as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

type Tree = BTreeMap<Vec<u8>, (&'static str, Vec<u8>)>;

/// Writes a history of `count` commits with everything that trees can hold, through `git fast-import`.
fn generate(repo: &TestRepo, dice: &mut Dice, count: usize, digits: usize) {
    let mut stream = Vec::new();
    let mut branches: Vec<(usize, Tree)> = Vec::new();
    for mark in 1..=count {
        // Now and then a history begins anew: a root commit.
        let (parents, mut tree) = match branches.is_empty() || dice.chance(1) {
            true => (Vec::new(), Tree::new()),
            false => {
                let mut parents = vec![dice.below(branches.len())];
                let others = if dice.chance(4) { 3 } else { usize::from(dice.chance(12)) };
                for _ in 0..others {
                    let other = dice.below(branches.len());
                    if !parents.contains(&other) {
                        parents.push(other);
                    }
                }
                let mut tree = branches[parents[0]].1.clone();
                for &other in &parents[1..] {
                    for (path, entry) in &branches[other].1 {
                        if dice.chance(30) {
                            insert(&mut tree, path.clone(), entry.clone());
                        }
                    }
                }
                (parents.iter().map(|&branch| branches[branch].0).collect(), tree)
            }
        };
        for _ in 0..1 + dice.below(8) {
            edit(dice, &mut tree, digits);
        }
        commit(&mut stream, mark, &parents, &tree, dice);
        match parents.first().and_then(|parent| branches.iter().position(|(tip, _)| tip == parent)) {
            Some(branch) if branches.len() > 5 || dice.chance(85) => branches[branch] = (mark, tree),
            _ if branches.len() < 8 => branches.push((mark, tree)),
            _ => branches[0] = (mark, tree),
        }
    }
    git_at(repo.path(), &["fast-import", "--quiet", "--force"], &stream);
}

fn commit(stream: &mut Vec<u8>, mark: usize, parents: &[usize], tree: &Tree, dice: &mut Dice) {
    // Clocks go wrong: some commits are older than their parents.
    let date = 1_600_000_000 + mark * 60 - if dice.chance(3) { 5000 } else { 0 };
    let quote = |path: &[u8]| path.iter().fold(String::new(), |out, byte| format!("{out}\\{byte:03o}"));
    let mut head = format!("commit refs/heads/b{mark}\nmark :{mark}\ncommitter Ada <ada@example.org> {date} +0000\n");
    let _ = write!(head, "data 2\nc\n");
    for (index, parent) in parents.iter().enumerate() {
        let _ = writeln!(head, "{} :{parent}", if index == 0 { "from" } else { "merge" });
    }
    stream.extend(head.as_bytes());
    stream.extend(b"deleteall\n");
    for (path, (mode, content)) in tree {
        match *mode {
            "160000" => {
                let id = String::from_utf8_lossy(content);
                stream.extend(format!("M 160000 {id} \"{}\"\n", quote(path)).as_bytes());
            }
            mode => {
                stream.extend(format!("M {mode} inline \"{}\"\ndata {}\n", quote(path), content.len()).as_bytes());
                stream.extend(content);
                stream.push(b'\n');
            }
        }
    }
    stream.push(b'\n');
}

/// A file takes the place of a directory of that name, and the other way round.
fn insert(tree: &mut Tree, path: Vec<u8>, entry: (&'static str, Vec<u8>)) {
    let inside = [&path[..], b"/"].concat();
    tree.retain(|other, _| !other.starts_with(&inside));
    for (at, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
        tree.remove(&path[..at]);
    }
    tree.insert(path, entry);
}

fn path(dice: &mut Dice) -> Vec<u8> {
    const NAMES: &[&[u8]] = &[
        b"a",
        b"b",
        b"lib.rs",
        b"mod.rs",
        b"main.rs",
        b"README.md",
        b"a.b",
        b"a-b",
        b"A",
        b"\xff\xfe",
        b"new\nline",
        b"quo\"te",
        b"tab\there",
        b"back\\slash",
        b"::error",
        b"space name",
        b"\xc3\xa9",
        b"\xe2\x80\xae.rs",
        b"x",
        b"y",
    ];
    let depth = if dice.chance(3) { 12 } else { dice.below(4) };
    let mut path = Vec::new();
    for _ in 0..depth {
        path.extend_from_slice(dice.pick(&[&b"src"[..], b"a", b"deep", b"a.b", b"x"]));
        path.push(b'/');
    }
    path.extend_from_slice(dice.pick(NAMES));
    path
}

fn text(dice: &mut Dice) -> Vec<u8> {
    const LINES: &[&str] =
        &["", "}", "    return 1;", "{", "\tx += 1;", "fn f() {", "// comment", "    }", "let y = 2;"];
    let end = if dice.chance(15) { "\r\n" } else { "\n" };
    let lines = match dice.below(10) {
        0 => 0,
        1 => 200 + dice.below(1200),
        _ => 1 + dice.below(60),
    };
    let mut text = String::new();
    for _ in 0..lines {
        match dice.chance(50) {
            true => text.push_str(dice.pick(LINES)),
            false => {
                let _ = write!(text, "line {} of {}", dice.below(400), "x".repeat(dice.below(90)));
            }
        }
        text.push_str(end);
    }
    if dice.chance(10) {
        text.push_str("no end");
    }
    text.into_bytes()
}

fn rewrite(dice: &mut Dice, content: &[u8]) -> Vec<u8> {
    let share = dice.pick(&[1, 3, 10, 30, 60]);
    let mut out = Vec::new();
    for line in content.split_inclusive(|&byte| byte == b'\n') {
        match dice.below(100) {
            roll if roll < share => out.extend(format!("edited {}\n", dice.below(50)).into_bytes()),
            roll if roll < share + 2 => {}
            roll if roll < share + 4 => {
                out.extend_from_slice(line);
                out.extend_from_slice(line);
            }
            _ => out.extend_from_slice(line),
        }
    }
    if dice.chance(20) {
        out.extend(text(dice));
    }
    if dice.chance(5) {
        out = String::from_utf8_lossy(&out).replace('\n', "\r\n").into_bytes();
    }
    out
}

fn edit(dice: &mut Dice, tree: &mut Tree, digits: usize) {
    let some: Option<Vec<u8>> = (!tree.is_empty()).then(|| tree.keys().nth(dice.below(tree.len())).unwrap().clone());
    let is_file = |tree: &Tree, path: &Vec<u8>| tree[path].0.starts_with("100");
    let roll = dice.below(100);
    match (roll, some) {
        (0..30, _) | (_, None) => {
            let content = if dice.chance(8) { Vec::new() } else { text(dice) };
            insert(tree, path(dice), ("100644", content));
        }
        (30..50, Some(old)) if is_file(tree, &old) => {
            let content = rewrite(dice, &tree[&old].1);
            tree.get_mut(&old).unwrap().1 = content;
        }
        (50..65, Some(old)) => {
            let (mode, content) = tree.remove(&old).unwrap();
            let content = if mode.starts_with("100") && dice.chance(60) { rewrite(dice, &content) } else { content };
            let mut new = path(dice);
            if dice.chance(40) {
                let name = old.rsplit(|&byte| byte == b'/').next().unwrap().to_vec();
                new = [&b"moved/"[..], &name].concat();
            }
            insert(tree, new, (mode, content));
        }
        (65..74, Some(old)) => {
            let (mode, content) = tree[&old].clone();
            let copy = if mode.starts_with("100") && dice.chance(50) { rewrite(dice, &content) } else { content };
            insert(tree, path(dice), (mode, copy));
            if dice.chance(60) && tree.contains_key(&old) && is_file(tree, &old) {
                let content = rewrite(dice, &tree[&old].1);
                tree.get_mut(&old).unwrap().1 = content;
            }
        }
        (74..80, Some(old)) => {
            tree.remove(&old);
        }
        (80..84, Some(old)) if is_file(tree, &old) => {
            let entry = tree.get_mut(&old).unwrap();
            entry.0 = if entry.0 == "100644" { "100755" } else { "100644" };
        }
        (84..88, Some(old)) => {
            let target = path(dice);
            let at = if dice.chance(50) { old } else { path(dice) };
            insert(tree, at, ("120000", target));
        }
        (88..91, Some(old)) => {
            let id = format!("{:0>digits$x}", dice.roll() | 1);
            let at = if dice.chance(50) { old } else { path(dice) };
            insert(tree, at, ("160000", id.into_bytes()));
        }
        (91..95, _) => {
            let bytes: Vec<u8> = (0..dice.below(6000)).map(|_| dice.roll() as u8 & 0x3f).collect();
            insert(tree, path(dice), ("100644", bytes));
        }
        _ => {
            let rules: &[&str] = &["*.rs -diff\n", "a diff\nb binary\n", "*.md diff=markdown\nx -text\n", ""];
            let at = if dice.chance(50) { &b".gitattributes"[..] } else { b"src/.gitattributes" };
            let content = dice.pick(rules).as_bytes().to_vec();
            insert(tree, at.to_vec(), ("100644", content));
        }
    }
}

fn id(hex: &str) -> ObjectId {
    ObjectId::parse(hex).unwrap()
}

fn statuses(change: &ChangeSet) -> Vec<String> {
    change.files.iter().map(|file| format!("{} {}", file.status.letter(), file.path)).collect()
}

#[test]
fn a_new_repository_has_no_head_and_everything_staged_is_new() {
    let repo = TestRepo::new();
    let repository = repo.open();
    assert_eq!(repository.head().unwrap(), None);
    repo.write("a", "1\n").git(&["add", "a"]);
    let change = repository.change_set(None, &Head::Index, &Limits::default()).unwrap();
    assert_eq!(statuses(&change), ["A a"]);
    let first = repo.commit("first");
    let change = repository.change_set(None, &Head::Commit(id(&first)), &Limits::default()).unwrap();
    assert_eq!((change.base, change.commits.len(), change.files.len()), (None, 1, 1));
}

#[test]
fn a_shallow_clone_without_the_base_names_the_way_out() {
    let repo = TestRepo::new();
    repo.write("a", "1\n").commit("first");
    repo.git(&["checkout", "-q", "-b", "topic"]);
    let topic = repo.write("b", "1\n").commit("topic");
    repo.git(&["checkout", "-q", "main"]);
    let main = repo.write("c", "1\n").commit("main");
    let clone = repo.beside("clone");
    let url = format!("file://{}", repo.path().display());
    repo.git(&["clone", "-q", "--depth=1", "--no-single-branch", &url, clone.to_str().unwrap()]);
    let repository = Repository::discover(&clone).unwrap();
    assert!(repository.is_shallow());
    let error = repository.change_set(Some(&id(&main)), &Head::Commit(id(&topic)), &Limits::default()).unwrap_err();
    assert!(matches!(error, GitError::NoMergeBase { shallow: true, .. }), "{error}");
    assert!(error.hint().unwrap().contains("fetch-depth: 0"));
    assert!(repository.resolve("main~5").unwrap_err().hint().unwrap().contains("fetch-depth: 0"));
}

#[test]
fn worktrees_bare_clones_and_detached_heads_are_repositories() {
    let repo = TestRepo::new();
    let first = repo.write("a", "1\n").commit("first");
    let second = repo.write("a", "2\n").commit("second");
    let worktree = repo.beside("worktree");
    repo.git(&["worktree", "add", "-q", "--detach", worktree.to_str().unwrap(), &first]);
    let bare = repo.beside("bare.git");
    repo.git(&["clone", "-q", "--bare", repo.path().to_str().unwrap(), bare.to_str().unwrap()]);
    repo.git(&["pack-refs", "--all"]);

    let repository = Repository::discover(&worktree).unwrap();
    assert_eq!(repository.head().unwrap(), Some(id(&first)));
    assert_eq!((repository.branch(), repository.work_dir()), (None, Some(worktree.as_path())));
    assert_eq!(repository.hooks_dir(), repo.path().join(".git/hooks").canonicalize().unwrap_or(repository.hooks_dir()));
    for repository in [repository, Repository::discover(&bare).unwrap()] {
        let change = repository.change_set(Some(&id(&first)), &Head::Commit(id(&second)), &Limits::default()).unwrap();
        assert_eq!((statuses(&change), change.line_counts()), (vec!["M a".to_string()], (1, 1)));
        assert_eq!(repository.read_at(&id(&first), "a").unwrap().unwrap(), b"1\n");
        assert_eq!(repository.read_at(&id(&first), "a/b").unwrap(), None);
    }
    let bare = Repository::discover(&bare).unwrap();
    assert!(matches!(bare.change_set(None, &Head::WorkingTree, &Limits::default()), Err(GitError::Bare(_))));
    assert!(matches!(Repository::discover(Path::new("/")), Err(GitError::NotFound { .. })));
}

#[test]
fn sha256_repositories_read_alike() {
    let repo = TestRepo::with(&["--object-format=sha256"]);
    generate(&repo, &mut Dice(7), 30, 64);
    let tally = compare(repo.path(), &commits_of(repo.path(), 100), true, true);
    check("sha256", &tally);
    assert!(tally.commits >= 30 && tally.wrong.is_empty() && tally.wrong_hunks.is_empty());
}

#[test]
fn a_reftable_is_refused_with_its_name() {
    let repo = TestRepo::with(&["--ref-format=reftable"]);
    let error = Repository::discover(repo.path()).err().unwrap();
    assert!(error.to_string().contains("reftable"), "{error}");
}

#[test]
fn the_base_is_guessed_from_upstream_then_origin_then_the_usual_names() {
    let repo = TestRepo::new();
    let first = repo.write("a", "1\n").commit("first");
    let clone = repo.beside("clone");
    repo.git(&["clone", "-q", repo.path().to_str().unwrap(), clone.to_str().unwrap()]);
    let repository = Repository::discover(&clone).unwrap();
    let guess = repository.guess_base(&id(&"1".repeat(40))).unwrap().unwrap();
    assert_eq!((guess.name.as_str(), guess.commit.as_str()), ("origin/main", first.as_str()));
    assert_eq!(guess.how, mainguard::git::Guess::Upstream);
    git_at(&clone, &["checkout", "-q", "--detach"], b"");
    let guess = Repository::discover(&clone).unwrap().guess_base(&id(&"1".repeat(40))).unwrap().unwrap();
    assert_eq!((guess.name.as_str(), guess.how), ("origin/HEAD", mainguard::git::Guess::OriginHead));
    let guess = repo.open().guess_base(&id(&"1".repeat(40))).unwrap().unwrap();
    assert_eq!((guess.name.as_str(), guess.how), ("main", mainguard::git::Guess::UsualName));
    assert_eq!(repository.remote_tips("origin").unwrap(), [id(&first)]);
}

#[test]
fn hostile_revisions_are_just_unknown() {
    let repo = TestRepo::new();
    repo.write("a", "1\n").commit("first");
    let repository = repo.open();
    for revision in
        ["", "--upload-pack=x", "-h", "a\0b", "main..main", "HEAD^{tree}", "\u{1b}[31m", &"x".repeat(10_000)]
    {
        let error = repository.resolve(revision).unwrap_err();
        assert!(matches!(error, GitError::UnknownRevision { .. }), "{error}");
        assert!(!error.to_string().contains('\u{1b}') && error.to_string().len() < 1000);
    }
}

#[test]
fn a_missing_object_is_an_error_and_not_a_panic() {
    let repo = TestRepo::new();
    let first = repo.write("a", "1\n").commit("first");
    let second = repo.write("a", "2\n").commit("second");
    let blob = repo.git(&["rev-parse", "HEAD:a"]);
    std::fs::remove_file(repo.path().join(format!(".git/objects/{}/{}", &blob[..2], &blob[2..]))).unwrap();
    let head = Head::Commit(id(&second));
    let error = repo.open().change_set(Some(&id(&first)), &head, &Limits::default()).unwrap_err();
    assert!(matches!(&error, GitError::Object { id, .. } if id.as_str() == blob), "{error}");
}

#[test]
fn contents_over_the_limit_are_not_kept_but_compared() {
    let repo = TestRepo::new();
    let first = repo.write("a", "1\n".repeat(1000)).commit("first");
    let second = repo.write("a", "2\n".repeat(1000)).commit("second");
    let change = |limits: Limits| {
        repo.open().change_set(Some(&id(&first)), &Head::Commit(id(&second)), &limits).unwrap().files.remove(0)
    };
    let file = change(Limits { file_bytes: 100, ..Limits::default() });
    assert_eq!((file.line_counts(), file.head.as_ref().unwrap().size), ((1000, 1000), 2000));
    assert!(file.head.unwrap().data.is_none() && file.base.unwrap().data.is_none());
    let file = change(Limits { file_bytes: 100, compared_bytes: 100, ..Limits::default() });
    assert_eq!(file.diff, Diff::Binary);
    let file = change(Limits { total_bytes: 3000, ..Limits::default() });
    assert!(file.base.unwrap().data.is_some() && file.head.unwrap().data.is_none());
}

#[test]
fn pushed_refs_resolve_to_changes() {
    let repo = TestRepo::new();
    let first = repo.write("a", "1\n").commit("first");
    let second = repo.write("a", "2\n").commit("second");
    let line = format!("refs/heads/main {second} refs/heads/main {first}\n");
    let pushed = pre_push::parse(line.as_bytes()).unwrap().remove(0);
    let head = Head::Commit(pushed.local_id.unwrap());
    let change = repo.open().change_set(pushed.remote_id.as_ref(), &head, &Limits::default()).unwrap();
    assert_eq!(change.commits[0].subject(), "second");
}

/// What `git add -A` would make of the working tree, compared with a commit: nothing of the real index is touched.
fn git_add_all_raw(repo: &TestRepo, base: &str) -> Vec<u8> {
    let index = repo.beside("index-copy");
    std::fs::copy(repo.path().join(".git/index"), &index).unwrap();
    let run = |arguments: &[&str]| {
        let mut git = git_command(repo.path());
        let output = git.env("GIT_INDEX_FILE", &index).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    run(&["-c", "core.safecrlf=false", "add", "-A"]);
    let source = format!("--attr-source={base}");
    run(&[&[&source, "diff", "--cached", "--raw", "--numstat", "-z"], GIT_DIFF, &[base]].concat())
}

#[test]
fn the_working_tree_reads_as_git_add_would_store_it() {
    let repo = TestRepo::new();
    repo.git(&["config", "core.autocrlf", "input"]);
    repo.write(".gitignore", "*.log\n").write(".gitattributes", "*.bin -text\n*.win text eol=crlf\n");
    repo.write("kept", "1\n").write("edited", "1\n2\n").write("gone", "x\n").write("flip", "#!/bin/sh\n");
    repo.write("old/name.rs", "a\nb\nc\nd\ne\nf\n").write("dos.win", "a\r\nb\r\n").write("turns", "text\n");
    repo.write("dir/inside", "1\n").write("link-later", "t\n");
    let first = repo.commit("first");

    repo.write("edited", "1\r\n2\r\n3\r\n").write("fresh/deep/file", "new\n").write("hidden.log", "no\n");
    repo.write("raw.bin", "a\r\nb\r\n").write("dos.win", "a\r\nB\r\n").write("::error\n.txt", "x\n");
    std::fs::remove_file(repo.path().join("gone")).unwrap();
    std::fs::remove_dir_all(repo.path().join("dir")).unwrap();
    repo.write("dir", "now a file\n");
    std::fs::create_dir(repo.path().join("new")).unwrap();
    std::fs::rename(repo.path().join("old/name.rs"), repo.path().join("new/name.rs")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::{PermissionsExt, symlink};
        std::fs::set_permissions(repo.path().join("flip"), PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::remove_file(repo.path().join("link-later")).unwrap();
        symlink("/etc/passwd", repo.path().join("link-later")).unwrap();
    }
    repo.write("staged", "s\n").git(&["add", "staged"]);
    repo.write("announced", "n\n").git(&["add", "-N", "announced"]);

    let change = repo.open().change_set(None, &Head::WorkingTree, &Limits::default()).unwrap();
    let (ours, gits) = (raw::render(&change), git_add_all_raw(&repo, &first));
    assert_eq!(printable(&ours), printable(&gits));
    assert!(change.commits.is_empty() && statuses(&change).contains(&"R new/name.rs".to_string()));

    let staged = repo.open().change_set(None, &Head::Index, &Limits::default()).unwrap();
    assert_eq!(statuses(&staged), ["A staged"]);
}

#[test]
fn clean_filters_are_not_started() {
    let repo = TestRepo::new();
    repo.write(".gitattributes", "*.big filter=trap\n").write("a.big", "1\n").commit("first");
    repo.git(&["config", "filter.trap.clean", "touch trapped; cat"]);
    repo.git(&["config", "filter.trap.process", "touch trapped"]);
    repo.git(&["config", "filter.trap.required", "true"]);
    repo.write("a.big", "22\n");
    let change = repo.open().change_set(None, &Head::WorkingTree, &Limits::default()).unwrap();
    assert_eq!(statuses(&change), ["M a.big"]);
    assert!(!repo.path().join("trapped").exists());
}

#[test]
fn a_half_done_merge_is_named() {
    let repo = TestRepo::new();
    repo.write("a", "1\n").commit("first");
    repo.git(&["checkout", "-q", "-b", "topic"]);
    repo.write("a", "2\n").commit("topic");
    repo.git(&["checkout", "-q", "main"]);
    repo.write("a", "3\n").commit("main");
    let merge = git_command(repo.path()).args(["merge", "-q", "topic"]).output().unwrap();
    assert!(!merge.status.success());
    for head in [Head::Index, Head::WorkingTree] {
        let error = repo.open().change_set(None, &head, &Limits::default()).unwrap_err();
        assert!(matches!(&error, GitError::Unmerged { path } if path.as_bytes() == b"a"), "{error}");
    }
}

#[test]
fn ten_thousand_files_are_read() {
    let repo = TestRepo::new();
    let mut stream = String::from("commit refs/heads/main\ncommitter Ada <a@b> 1700000000 +0000\ndata 0\n\n");
    for index in 0..10_000 {
        let _ =
            write!(stream, "M 100644 inline d{}/f{index}\ndata {}\n{index}\n", index % 100, index.to_string().len());
    }
    git_at(repo.path(), &["fast-import", "--quiet"], stream.as_bytes());
    let repository = repo.open();
    let head = repository.head().unwrap().unwrap();
    let change = repository.change_set(None, &Head::Commit(head), &Limits::default()).unwrap();
    assert_eq!((change.files.len(), change.line_counts()), (10_000, (10_000, 0)));
}

#[test]
fn alternates_and_replacements_are_followed() {
    let repo = TestRepo::new();
    let first = repo.write("a", "1\n").commit("first");
    let second = repo.write("a", "2\n").commit("second");
    let clone = repo.beside("clone");
    repo.git(&["clone", "-q", "--shared", repo.path().to_str().unwrap(), clone.to_str().unwrap()]);
    let head = Head::Commit(id(&second));
    let change = Repository::discover(&clone).unwrap().change_set(Some(&id(&first)), &head, &Limits::default());
    assert_eq!(statuses(&change.unwrap()), ["M a"]);

    let (one, two) =
        (repo.git(&["rev-parse", &format!("{first}:a")]), repo.git(&["rev-parse", &format!("{second}:a")]));
    repo.git(&["replace", &two, &one]);
    let change = repo.open().change_set(Some(&id(&first)), &head, &Limits::default()).unwrap();
    assert_eq!((statuses(&change), change.line_counts()), (vec!["M a".to_string()], (0, 0)));
}

#[test]
fn a_partial_clone_says_that_contents_are_missing() {
    let repo = TestRepo::new();
    let first = repo.write("a", "1\n").commit("first");
    let second = repo.write("a", "2\n").commit("second");
    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    let clone = repo.beside("clone");
    let url = format!("file://{}", repo.path().display());
    repo.git(&["clone", "-q", "--bare", "--filter=blob:none", &url, clone.to_str().unwrap()]);
    let repository = Repository::discover(&clone).unwrap();
    let head = Head::Commit(id(&second));
    let error = repository.change_set(Some(&id(&first)), &head, &Limits::default()).unwrap_err();
    assert!(matches!(error, GitError::Object { partial: true, .. }), "{error}");
    assert!(error.hint().unwrap().contains("partial"));
}
