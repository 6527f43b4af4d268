//! `cargo bench`: the real binary as a whole process, and git beside it on the same repository in the same run.
//!
//! Repositories are made in a temporary folder. The two commands of a pair take turns, so that a machine whose speed
//! drifts slows both; the median is the figure to quote.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark runs programs, looks at the clock and prints"
)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const MAINGUARD: &str = env!("CARGO_BIN_EXE_mainguard");
const RUNS: usize = 21;

fn main() {
    // `cargo test --benches` passes `--test`: then one run of each proves that it works.
    let runs = if std::env::args().any(|argument| argument == "--test") { 1 } else { RUNS };
    let folder = tempfile::tempdir().expect("a temporary folder");

    let small = folder.path().join("small");
    history(&small, 3_000, 20);
    let large = folder.path().join("large");
    history(&large, 4_000, 2_000);

    println!("median of {runs} runs after one warm-up, wall time (minimum in brackets)\n");
    let start = measure(runs, &mut mainguard(&small, &["--version"]));
    report("start: mainguard --version", &start, Some(5.0));

    let check = measure(runs, &mut mainguard(&small, &["check", "--base", "HEAD~1"]));
    report("check: 20 files changed of 3,000", &check, Some(30.0));

    let (ours, theirs) = pair(
        runs,
        &mut mainguard(&large, &["change", "--base", "HEAD~1", "--format", "raw"]),
        &mut git(&large, &["diff", "--raw", "--numstat", "-M", "HEAD~1", "HEAD"]),
    );
    report("change set: 2,000 files of 4,000", &ours, None);
    report("  git diff --raw --numstat -M", &theirs, None);
    println!("  ratio {:.2} (target at most 1.00)", median(&ours).as_secs_f64() / median(&theirs).as_secs_f64());
}

/// A repository of `files` files and a second commit that changes `changed` of them.
fn history(folder: &Path, files: usize, changed: usize) {
    let mut init = Command::new("git");
    run(init.args(["init", "--quiet", "--initial-branch=main"]).arg(folder));
    let mut stream = String::new();
    for (number, message) in ["first", "second"].into_iter().enumerate() {
        stream.push_str(&format!(
            "commit refs/heads/main\nmark :{}\ncommitter A <a@example.com> {} +0000\ndata {}\n{message}\n",
            number + 1,
            1_700_000_000 + number,
            message.len()
        ));
        if number == 1 {
            stream.push_str("from :1\n");
        }
        for file in 0..if number == 0 { files } else { changed } {
            // Every changed file is at another place of the tree, as in a rename of a widely used function.
            let place = if number == 0 { file } else { file * files / changed };
            let text = content(place, number == 1);
            let path = format!("src/area{:02}/part{:03}/file{place:05}.rs", place % 37, place % 211);
            stream.push_str(&format!("M 100644 inline {path}\ndata {}\n{text}\n", text.len()));
        }
    }
    let mut import = Command::new("git")
        .args(["-C"])
        .arg(folder)
        .args(["fast-import", "--quiet", "--done"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("git fast-import");
    stream.push_str("done\n");
    import.stdin.take().expect("a pipe").write_all(stream.as_bytes()).expect("fast-import reads");
    assert!(import.wait().expect("git fast-import ends").success());
    run(git(folder, &["reset", "--quiet", "--hard", "main"]).stdin(Stdio::null()));
}

/// About 120 lines, of which the second version changes a few in three places.
fn content(seed: usize, second: bool) -> String {
    (0..120).fold(String::new(), |mut text, line| {
        let value = (seed * 7919 + line * 104_729) % 9973;
        match second && [10, 60, 61, 100].contains(&line) {
            true => text.push_str(&format!("    let renamed_{line} = compute_again({value});\n")),
            false => text.push_str(&format!("    let value_{line} = compute({value}); // {}\n", value % 13)),
        }
        text
    })
}

fn mainguard(repository: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(MAINGUARD);
    command.arg("-C").arg(repository).args(arguments);
    quiet(command)
}

fn git(repository: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(repository).args(arguments);
    quiet(command)
}

fn quiet(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GITHUB_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn run(command: &mut Command) {
    assert!(command.status().expect("the command starts").success(), "{command:?}");
}

fn timed(command: &mut Command) -> Duration {
    let start = Instant::now();
    let status = command.status().expect("the command starts");
    let spent = start.elapsed();
    assert!(matches!(status.code(), Some(0 | 1)), "{command:?} ended with {status}");
    spent
}

fn measure(runs: usize, command: &mut Command) -> Vec<Duration> {
    timed(command);
    (0..runs).map(|_| timed(command)).collect()
}

fn pair(runs: usize, ours: &mut Command, theirs: &mut Command) -> (Vec<Duration>, Vec<Duration>) {
    timed(ours);
    timed(theirs);
    (0..runs).map(|_| (timed(ours), timed(theirs))).unzip()
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2]
}

fn report(what: &str, times: &[Duration], target_ms: Option<f64>) {
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    let least = times.iter().copied().min().unwrap_or_default();
    let target = target_ms.map(|target| format!("  target at most {target} ms")).unwrap_or_default();
    println!("{what:36} {:8.2} ms ({:.2}){target}", milliseconds(median(times)), milliseconds(least));
}
