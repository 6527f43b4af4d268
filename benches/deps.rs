//! `cargo bench --bench deps`: reading a lockfile, finding its advisories in the index, judging it.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark writes files, looks at the clock and prints"
)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use mainguard::advisories::{self, Index};
use mainguard::deps::{Format, Lockfile, judge};

/// As many as a large program of Rust has.
const PACKAGES: usize = 753;

fn main() {
    // `cargo test --benches` passes `--test`: then one run of each proves that it works.
    let runs = if std::env::args().any(|argument| argument == "--test") { 1 } else { 31 };
    let folder = tempfile::tempdir().expect("a temporary folder");
    archive(&folder.path().join("osv").join("crates.io"));
    let now = chrono::DateTime::UNIX_EPOCH;
    let index = folder.path().join("index");
    measure("write the index", runs.min(5), || {
        advisories::update(&folder.path().join("osv"), &index, now).expect("the index is written");
    });

    let text = cargo_lock();
    measure("read Cargo.lock", runs, || {
        Lockfile::read(Format::CargoLock, text.as_bytes(), "Cargo.lock").expect("it is one");
    });
    let lockfile = Lockfile::read(Format::CargoLock, text.as_bytes(), "Cargo.lock").expect("it is one");
    measure("look up its packages", runs, || {
        let mut index = Index::open(&index).expect("the index is there");
        index.about(advisories::names([&lockfile])).expect("it is whole");
    });
    let found = Index::open(&index).and_then(|mut index| index.about(advisories::names([&lockfile])));
    let known = found.expect("the index is whole");
    let vulnerable = judge::vulnerabilities(&lockfile, &known, false);
    measure(&format!("judge them: {} vulnerabilities", vulnerable.len()), runs, || {
        std::hint::black_box(judge::vulnerabilities(&lockfile, &known, false));
    });
    measure("the ways to them", runs, || {
        let paths = lockfile.paths();
        vulnerable.iter().for_each(|it| drop(std::hint::black_box(paths.to(it.index))));
    });
}

fn measure(what: &str, runs: usize, mut work: impl FnMut()) {
    let mut times: Vec<f64> = (0..=runs)
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed().as_secs_f64() * 1_000.0
        })
        .skip(1)
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{what:34} {:8.2} ms", times[times.len() / 2]);
}

fn cargo_lock() -> String {
    let mut text = "version = 4\n".to_string();
    for number in 0..PACKAGES {
        let needs = (1..4).map(|step| number + step).filter(|other| *other < PACKAGES);
        let needs: Vec<String> = needs.map(|other| format!("\"crate-{other}\"")).collect();
        let _ = writeln!(
            text,
            "\n[[package]]\nname = \"crate-{number}\"\nversion = \"1.{}.0\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\ndependencies = [{}]",
            number % 20,
            needs.join(", ")
        );
    }
    text
}

/// Three advisories about every fourth package, and about as many that nobody uses.
fn archive(folder: &Path) {
    std::fs::create_dir_all(folder).expect("a folder");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(folder.join("all.zip")).expect("a file"));
    for number in (0..PACKAGES * 4).step_by(4) {
        for (part, fixed) in ["0.9.0", "1.1.0", "1.2.0"].into_iter().enumerate() {
            let id = format!("RUSTSEC-2024-{:05}", number * 3 + part);
            let record = serde_json::json!({"id": id, "summary": "something", "affected": [
                {"package": {"ecosystem": "crates.io", "name": format!("crate-{number}")},
                 "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}]});
            let name = format!("{id}.json");
            zip.start_file(name, zip::write::SimpleFileOptions::default()).expect("an entry");
            zip.write_all(record.to_string().as_bytes()).expect("a record");
        }
    }
    zip.finish().expect("an archive");
}
