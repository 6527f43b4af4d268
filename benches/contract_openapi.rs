//! How long a comparison of API descriptions takes, and how it grows.
//!
//! `cargo bench --bench contract_openapi`. The descriptions are invented here: operations whose schemas refer to each
//! other in circles, one property in fifty changed. Growth should follow a line. With `MAINGUARD_OPENAPI_BASE` and
//! `MAINGUARD_OPENAPI_REVISION` two files of somebody's own are compared as well; the target for GitHub's description
//! (11.3 and 13.0 MB) is 0.4 s and 250 MB. Where `oasdiff` is on the path, it is given the same files.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "measures time, starts peers and prints")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::process::{Command, Stdio};
use std::time::Instant;

use mainguard::contracts::openapi::{Options, diff};

type Files = BTreeMap<String, Vec<u8>>;

const FILE: &str = "openapi.json";

fn main() {
    println!("{:<34} {:>9} {:>9} {:>11} {:>11}", "", "MB", "changes", "fastest ms", "median ms");
    for schemas in [250, 500, 1_000, 2_000, 4_000] {
        let (base, revision) = (description(schemas, false), description(schemas, true));
        measure(&format!("{schemas} schemas, {} operations", schemas / 2), &base, &revision);
        if schemas == 1_000 {
            peer(&base, &revision);
        }
    }
    let real = ["MAINGUARD_OPENAPI_BASE", "MAINGUARD_OPENAPI_REVISION"].map(|name| {
        let path = std::env::var(name).ok()?;
        std::fs::read(path).ok().map(|bytes| Files::from([(FILE.to_string(), bytes)]))
    });
    if let [Some(base), Some(revision)] = real {
        measure("the description that is named", &base, &revision);
        peer(&base, &revision);
    }
}

fn measure(name: &str, base: &Files, revision: &Files) {
    let paths = [FILE.to_string()];
    let mut changes = 0;
    let mut times: Vec<f64> = (0..11)
        .map(|_| {
            let begun = Instant::now();
            let found = diff(base, &paths, revision, &paths, &Options::default());
            changes = black_box(found).map(|changes| changes.len()).unwrap_or_default();
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let megabytes = revision.values().map(Vec::len).sum::<usize>() as f64 / 1e6;
    println!("{name:<34} {megabytes:>9.2} {changes:>9} {:>11.2} {:>11.2}", times[0], times[5]);
}

fn peer(base: &Files, revision: &Files) {
    let quiet = |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if quiet(Command::new("oasdiff").arg("--version")).is_err() {
        println!("{:<34} not installed", "oasdiff");
        return;
    }
    let Ok(folder) = tempfile::tempdir() else { return };
    let sides = [("base.json", base), ("revision.json", revision)].map(|(name, files)| {
        let path = folder.path().join(name);
        let _ = std::fs::write(&path, &files[FILE]);
        path
    });
    let begun = Instant::now();
    let _ = quiet(Command::new("oasdiff").arg("changelog").args(&sides));
    println!("{:<34} {:>31.2}", "oasdiff", begun.elapsed().as_secs_f64() * 1e3);
}

/// A description in which every schema leads to every other one.
fn description(schemas: usize, changed: bool) -> Files {
    let mut text =
        String::from("{\"openapi\": \"3.0.3\", \"info\": {\"title\": \"T\", \"version\": \"1.0.0\"}, \"paths\": {");
    for at in 0..schemas / 2 {
        let comma = if at == 0 { "" } else { "," };
        let body =
            format!("{{\"application/json\": {{\"schema\": {{\"$ref\": \"#/components/schemas/Thing{}\"}}}}}}", at * 2);
        let _ = write!(
            text,
            "{comma}\n\"/things{at}/{{id}}\": {{\"put\": {{\"operationId\": \"put{at}\", \"parameters\": [{{\"name\": \"id\", \
             \"in\": \"path\", \"required\": true, \"schema\": {{\"type\": \"string\"}}}}], \"requestBody\": {{\"content\": \
             {body}}}, \"responses\": {{\"200\": {{\"description\": \"What is answered.\", \"content\": {body}}}}}}}}}"
        );
    }
    text.push_str("}, \"components\": {\"schemas\": {");
    for at in 0..schemas {
        let comma = if at == 0 { "" } else { "," };
        let _ =
            write!(text, "{comma}\n\"Thing{at}\": {{\"type\": \"object\", \"required\": [\"id\"], \"properties\": {{");
        for property in 0..12 {
            let _ = write!(
                text,
                "\"property{property}\": {{\"type\": \"string\", \"description\": \"What property {property} is about.\", \
                 \"maxLength\": {}}}, ",
                if changed && at % 50 == 7 && property == 3 { 30 } else { 40 }
            );
        }
        let (next, other) = ((at + 1) % schemas, (at * 7 + 3) % schemas);
        let _ = write!(
            text,
            "\"id\": {{\"type\": \"integer\", \"format\": \"int64\"}}, \"next\": {{\"$ref\": \"#/components/schemas/Thing{next}\"}}, \
             \"others\": {{\"type\": \"array\", \"items\": {{\"$ref\": \"#/components/schemas/Thing{other}\"}}}}}}}}"
        );
    }
    text.push_str("}}}\n");
    Files::from([(FILE.to_string(), text.into_bytes())])
}
