//! How long a comparison of schemas takes: many Protobuf files, one large GraphQL schema, a chain of JSON Schemas, and
//! what has no grammar.
//!
//! `cargo bench --bench contract_schemas`. The inputs are invented here, in the sizes of what people publish: 254
//! Protobuf files of 3.7 MB in which every file changes, a schema of 1.2 MB, and a text of 230,000 lines. The targets are
//! 0.2 s, 0.08 s and 0.3 s, and growth along a line. Where `buf` or `graphql-inspector` is on the path, it is given the same files.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "measures time, starts peers and prints")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use mainguard::contracts::{graphql, json_schema, protobuf, text};

type Files = BTreeMap<String, Vec<u8>>;

fn main() {
    println!("{:<34} {:>9} {:>9} {:>11} {:>11}", "", "MB", "changes", "fastest ms", "median ms");
    for files in [32, 64, 127, 254, 508] {
        let (base, revision) = (protos(files, false), protos(files, true));
        let paths: Vec<String> = base.keys().cloned().collect();
        let options = protobuf::Options::default();
        let name = format!("{files} Protobuf files, all changed");
        measure(&name, &revision, || {
            protobuf::diff(&base, &paths, &revision, &paths, &options).map(|changes| changes.len()).unwrap_or_default()
        });
        if files == 254 {
            let mut touched = base.clone();
            touched.insert(paths[0].clone(), revision[&paths[0]].clone());
            measure("254 Protobuf files, one changed", &touched, || {
                protobuf::diff(&base, &paths, &touched, &paths, &options)
                    .map(|changes| changes.len())
                    .unwrap_or_default()
            });
            peer("buf", &base, &revision, |base, revision| {
                let mut command = Command::new("buf");
                command.arg("breaking").arg(revision).arg("--against").arg(base);
                command
            });
        }
    }
    for types in [750, 1_500, 3_000, 6_000] {
        let (base, revision) = (sdl(types, false), sdl(types, true));
        let paths: Vec<String> = base.keys().cloned().collect();
        let options = graphql::Options::default();
        measure(&format!("GraphQL schema of {types} types"), &revision, || {
            graphql::diff(&base, &paths, &revision, &paths, &options).map(|changes| changes.len()).unwrap_or_default()
        });
        if types == 3_000 {
            peer("graphql-inspector", &base, &revision, |base, revision| {
                let mut command = Command::new("graphql-inspector");
                command.arg("diff").arg(base.join("schema.graphql")).arg(revision.join("schema.graphql"));
                command
            });
        }
    }
    for definitions in [2_000, 5_000, 10_000, 20_000, 40_000] {
        let (base, revision) = (chain(definitions, false), chain(definitions, true));
        let options = json_schema::Options::default();
        measure(&format!("chain of {definitions} definitions"), &revision, || {
            json_schema::diff(&base, Some(CHAIN), &revision, Some(CHAIN), &options)
                .map(|changes| changes.len())
                .unwrap_or_default()
        });
    }
    for count in [57_500, 115_000, 230_000] {
        let (base, revision) = (prose(count, false), prose(count, true));
        measure(&format!("text of {count} lines"), &revision, || {
            let side = |files: &Files| files["notes.txt"].clone();
            let found = text::diff(Some(("notes.txt", &side(&base))), Some(("notes.txt", &side(&revision))));
            found.map(|(_, lines)| lines.added).unwrap_or_default()
        });
    }
}

fn measure(name: &str, files: &Files, run: impl Fn() -> usize) {
    let mut changes = 0;
    let mut times: Vec<f64> = (0..11)
        .map(|_| {
            let begun = Instant::now();
            changes = black_box(run());
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let bytes: usize = files.values().map(Vec::len).sum();
    let megabytes = bytes as f64 / 1e6;
    println!("{name:<34} {megabytes:>9.2} {changes:>9} {:>11.2} {:>11.2}", times[0], times[5]);
}

/// The same files on disk, and another program over them, if there is one.
fn peer(name: &str, base: &Files, revision: &Files, command: impl Fn(&Path, &Path) -> Command) {
    let found = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_err() {
        println!("{name:<34} not installed");
        return;
    }
    let Ok(folder) = tempfile::tempdir() else { return };
    let sides = [("base", base), ("revision", revision)].map(|(side, files)| {
        let side = folder.path().join(side);
        for (path, text) in files {
            let path = side.join(path);
            let _ = path.parent().map(std::fs::create_dir_all);
            let _ = std::fs::write(path, text);
        }
        side
    });
    let begun = Instant::now();
    let _ = command(&sides[0], &sides[1]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    println!("{name:<34} {:>31.2}", begun.elapsed().as_secs_f64() * 1e3);
}

/// Files of 14 to 15 kB: a package each, messages that use those of the file before, a service.
fn protos(files: usize, changed: bool) -> Files {
    let file = |at: usize| {
        let mut text = format!("syntax = \"proto3\";\n\npackage acme.part{at}.v1;\n\n");
        if at > 0 {
            let _ = writeln!(text, "import \"acme/part{}/v1/part.proto\";", at - 1);
        }
        text.push_str("import \"google/protobuf/timestamp.proto\";\n\n");
        for message in 0..24 {
            let _ = writeln!(
                text,
                "// Message {message} of part {at}, with the words that people put before such a thing."
            );
            let _ = writeln!(text, "message Message{message} {{");
            for field in 1..=10 {
                let ty = match field % 5 {
                    0 => "google.protobuf.Timestamp".to_string(),
                    1 => "string".into(),
                    2 if at > 0 => format!("acme.part{}.v1.Message{message}", at - 1),
                    3 => "repeated int64".into(),
                    _ => "map<string, Kind>".into(),
                };
                let ty = if changed && message == at % 24 && field == 3 { "repeated string".into() } else { ty };
                let _ = writeln!(text, "  // What field {field} is about.\n  {ty} field_{field} = {field};");
            }
            text.push_str("}\n\n");
        }
        text.push_str("enum Kind {\n  KIND_UNSPECIFIED = 0;\n  KIND_GOOD = 1;\n}\n\nservice Service {\n");
        for method in 0..24 {
            let _ = writeln!(text, "  rpc Method{method}(Message{method}) returns (stream Message{method});");
        }
        text.push_str("}\n");
        (format!("acme/part{at}/v1/part.proto"), text.into_bytes())
    };
    (0..files).map(file).collect()
}

/// One file; 3,000 types are 1.2 MB.
fn sdl(types: usize, changed: bool) -> Files {
    let mut text = String::from("schema { query: Query }\n\ntype Query {\n");
    for at in 0..types / 10 {
        let _ = writeln!(text, "  find{at}(first: Int = 10, after: String): Type{}", at * 10);
    }
    text.push_str("}\n\ninterface Node { id: ID! }\n\n");
    for at in 0..types {
        let _ = writeln!(
            text,
            "\"\"\"\nWhat type {at} is, in a sentence that somebody wrote.\n\"\"\"\ntype Type{at} implements Node {{\n  id: ID!"
        );
        for field in 0..5 {
            let ty = match field {
                0 => "String".to_string(),
                1 => format!("[Type{}!]!", (at * 7 + 3) % types),
                2 if changed && at % 5 == 0 => "Int!".into(),
                _ => "Int".into(),
            };
            let _ = writeln!(text, "  \"What the field is about.\"\n  field{field}(first: Int): {ty}");
        }
        if !changed || at % 7 > 0 {
            text.push_str("  old: String @deprecated(reason: \"Ask for something else.\")\n");
        }
        text.push_str("}\n\n");
    }
    Files::from([("schema.graphql".to_string(), text.into_bytes())])
}

const CHAIN: &str = "chain.schema.json";

/// Definitions each of which refers to the next one.
fn chain(definitions: usize, changed: bool) -> Files {
    let mut text =
        String::from("{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\", \"$ref\": \"#/$defs/S0\"");
    text.push_str(", \"$defs\": {");
    for at in 0..definitions {
        let comma = if at == 0 { "" } else { "," };
        let most = if changed && at % 50 == 7 { 30 } else { 40 };
        let next = match at + 1 < definitions {
            true => format!(", \"next\": {{\"$ref\": \"#/$defs/S{}\"}}", at + 1),
            false => String::new(),
        };
        let _ = write!(
            text,
            "{comma}\n\"S{at}\": {{\"type\": \"object\", \"properties\": {{\"name\": {{\"type\": \"string\", \
             \"maxLength\": {most}}}{next}}}}}"
        );
    }
    text.push_str("}}\n");
    Files::from([(CHAIN.to_string(), text.into_bytes())])
}

/// Lines of which one in nine hundred is another one.
fn prose(lines: usize, changed: bool) -> Files {
    let mut text = String::new();
    for at in 0..lines {
        let word = if changed && at % 900 == 13 { "rewritten" } else { "plain" };
        let _ = writeln!(text, "line {at} is {word} and says {}", (at * 7_919) % 1_000_003);
    }
    Files::from([("notes.txt".to_string(), text.into_bytes())])
}
