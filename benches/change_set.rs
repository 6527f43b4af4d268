//! Reading a change of 2,000 files, beside `git diff --numstat` on the same commits.
//!
//! `cargo bench --bench change_set` makes a repository; `MAINGUARD_BENCH_REPO`, `_BASE` and `_HEAD` name another one.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a bench measures and prints")]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mainguard::change::Head;
use mainguard::git::{Limits, Repository};

const ROUNDS: usize = 15;

fn main() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let variable = |name: &str| std::env::var(name).ok();
    let (repo, base, head) = match variable("MAINGUARD_BENCH_REPO") {
        Some(repo) => (
            PathBuf::from(repo),
            variable("MAINGUARD_BENCH_BASE").expect("MAINGUARD_BENCH_BASE"),
            variable("MAINGUARD_BENCH_HEAD").expect("MAINGUARD_BENCH_HEAD"),
        ),
        None => (made(directory.path()), "main~1".into(), "main".into()),
    };

    let repository = Repository::discover(&repo).expect("a repository");
    let (base_id, head_id) = (repository.resolve(&base).expect("base"), repository.resolve(&head).expect("head"));
    let files = repository
        .change_set(Some(&base_id), &Head::Commit(head_id.clone()), &Limits::default())
        .expect("a change")
        .files
        .len();
    println!("{files} files, {base}..{head}, best and median of {ROUNDS}");

    let (mut ours, mut gits) = (Vec::new(), Vec::new());
    let before = cpu();
    for _ in 0..ROUNDS {
        ours.push(time(|| {
            let repository = Repository::discover(&repo).expect("a repository");
            let head = Head::Commit(head_id.clone());
            let change = repository.change_set(Some(&base_id), &head, &Limits::default()).expect("a change");
            std::hint::black_box(change);
        }));
        gits.push(time(|| {
            let mut git = git(&repo);
            git.args(["diff", "--numstat", "-M", "--no-ext-diff", "--no-textconv", base_id.as_str(), head_id.as_str()]);
            assert!(git.stdout(Stdio::null()).status().expect("git").success());
        }));
    }
    let after = cpu();
    // git's numbers hold no history; ours do.
    let history = summary(
        (0..ROUNDS)
            .map(|_| {
                time(|| {
                    let repository = Repository::discover(&repo).expect("a repository");
                    std::hint::black_box(repository.commits(Some(&base_id), &head_id).expect("commits"));
                    std::hint::black_box(repository.merge_base(&base_id, &head_id).expect("a merge base"));
                })
            })
            .collect(),
    );
    let (ours, gits) = (summary(ours), summary(gits));
    println!("mainguard  best {:>7.1} ms  median {:>7.1} ms", ours.0, ours.1);
    println!("  of which history {:>4.1} ms  median {:>7.1} ms", history.0, history.1);
    println!("git        best {:>7.1} ms  median {:>7.1} ms", gits.0, gits.1);
    println!("ratio      best {:>7.2}     median {:>7.2}", ours.0 / gits.0, ours.1 / gits.1);
    if let (Some(before), Some(after)) = (before, after) {
        let (ours, gits) = (after.0 - before.0, after.1 - before.1);
        println!("processor time of all rounds: mainguard {ours} ticks, git {gits} ticks, ratio {:.2}", ours / gits);
    }
}

/// Processor time so far in clock ticks, of this process and of its children (proc(5), `/proc/self/stat`). On a busy
/// machine it says more than the clock on the wall.
fn cpu() -> Option<(f64, f64)> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<f64> = stat.rsplit(')').next()?.split_whitespace().skip(11).take(4).flat_map(str::parse).collect();
    Some((fields.first()? + fields.get(1)?, fields.get(2)? + fields.get(3)?))
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// (best, median) in milliseconds.
fn summary(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort();
    (times[0].as_secs_f64() * 1e3, times[times.len() / 2].as_secs_f64() * 1e3)
}

fn git(repo: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(repo).envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null")]);
    git
}

/// 3,000 files of 120 lines, of which the last commit edits 1,800, moves 100, adds 50 and deletes 50.
fn made(directory: &Path) -> PathBuf {
    let path = |index: usize| format!("src/room{:02}/file{index}.rs", index % 60);
    let text = |index: usize, edited: bool| {
        (0..120).fold(String::new(), |mut text, line| {
            let mark = if edited && line % 25 == index % 25 { " // edited" } else { "" };
            let _ = writeln!(text, "    let value_{line} = compute({index}, {}){mark};", line * index % 97);
            text
        })
    };
    let mut stream = String::new();
    for commit in 1..=2 {
        let from = if commit == 2 { "from :1\n" } else { "" };
        let _ = write!(
            stream,
            "commit refs/heads/main\nmark :{commit}\ncommitter Ada <ada@example.org> 1700000000 +0000\ndata 2\nc\n{from}deleteall\n"
        );
        for index in 0..3050 {
            let (name, text) = match (commit, index) {
                (1, 3000..) | (2, 2950..3000) => continue,
                (2, 0..1800) => (path(index), text(index, true)),
                (2, 1800..1900) => (format!("moved/{index}.rs"), text(index, index % 2 == 0)),
                _ => (path(index), text(index, false)),
            };
            let _ = write!(stream, "M 100644 inline {name}\ndata {}\n{text}\n", text.len());
        }
    }
    let repo = directory.join("repo");
    std::fs::create_dir(&repo).expect("a directory");
    let file = directory.join("stream");
    std::fs::write(&file, stream).expect("the stream");
    for arguments in [&["init", "-q", "--bare", "-b", "main"][..], &["fast-import", "--quiet"], &["repack", "-adq"]] {
        let mut git = git(&repo);
        git.args(arguments).stdin(std::fs::File::open(&file).expect("the stream"));
        assert!(git.status().expect("git").success());
    }
    repo
}
