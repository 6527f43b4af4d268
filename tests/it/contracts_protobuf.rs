//! Protobuf: the answers of `buf breaking` on its own cases and on those written for us, and stories of our own.

use std::collections::BTreeMap;

use mainguard::contracts::protobuf::{Category, Options, diff};
use mainguard::contracts::{ContractChange, Impact, Unreadable};

use crate::support::schema_cases::{Side, cases, difference, folder, side};

fn run(base: &Side, revision: &Side, options: &Options) -> Result<Vec<ContractChange>, Unreadable> {
    let paths = |side: &Side| side.keys().filter(|path| path.ends_with(".proto")).cloned().collect::<Vec<_>>();
    diff(base, &paths(base), revision, &paths(revision), options)
}

fn every_rule() -> Options {
    Options {
        categories: vec![Category::File, Category::Package, Category::WireJson, Category::Wire],
        every_rule: true,
        ..Options::default()
    }
}

/// Cases in which we say something else than buf, and why.
const OTHERWISE: &[(&str, &str)] = &[(
    "rpc-same-values-reversed",
    "buf counts an import that nobody needs any more, google/protobuf/any.proto, as a file and a message that were \
     deleted. It never was a file of ours, and every compiler still brings it along.",
)];

/// Rule, file and line of every change, as buf has them with every rule switched on. Where buf names a file and points
/// at nothing in it, the file is what is compared: we point at what survived of the parent.
#[test]
fn answers_are_those_of_buf() {
    let Some(folder) = folder("proto-cases") else { return };
    let (mut right, mut total, mut cases_right, mut runs) = (0_usize, 0_usize, 0, 0);
    let mut wrong = Vec::new();
    for (name, path, expected) in cases(&folder) {
        let (base, revision) = (side(&path.join("base")), side(&path.join("revision")));
        for expected in expected["runs"].as_array().unwrap() {
            runs += 1;
            let mut options = every_rule();
            options.ignore_unstable_packages = expected["options"]["ignore_unstable_packages"] == true;
            let ignore = expected["options"]["ignore"].as_array();
            options.ignore = ignore.into_iter().flatten().map(|path| path.as_str().unwrap().to_string()).collect();
            let found = run(&base, &revision, &options).unwrap_or_else(|error| panic!("{name}: {error}"));
            let changes = expected["changes"].as_array().unwrap();
            let mut pointless = BTreeMap::new();
            let mut wanted = Vec::new();
            for change in changes {
                let (rule, file) = (change["id"].as_str().unwrap(), change["file"].as_str().unwrap_or("-"));
                match change["span"][0].as_u64() {
                    Some(line) => wanted.push(format!("{rule} {file}:{line}")),
                    None => {
                        wanted.push(format!("{rule} {file}"));
                        *pointless.entry((rule.to_string(), file.to_string())).or_insert(0) += 1;
                    }
                }
            }
            let said: Vec<String> = found
                .iter()
                .map(|change| {
                    let Some(place) = &change.revision else { return format!("{} -", change.rule) };
                    let key = (change.rule.to_string(), place.file.clone());
                    let line = format!("{} {}:{}", change.rule, place.file, place.line);
                    if !wanted.contains(&line) && pointless.get(&key).is_some_and(|left| *left > 0) {
                        *pointless.get_mut(&key).unwrap() -= 1;
                        return format!("{} {}", change.rule, place.file);
                    }
                    line
                })
                .collect();
            let (missed, surplus) = difference(&wanted, &said);
            total += wanted.len().max(said.len());
            right += wanted.len().max(said.len()) - missed.len().max(surplus.len());
            cases_right += usize::from(missed.is_empty() && surplus.is_empty());
            let explained = OTHERWISE.iter().any(|(case, _)| *case == name);
            if !explained && (!missed.is_empty() || !surplus.is_empty()) {
                wrong.push(format!("{name}\n  missed {missed:#?}\n  surplus {surplus:#?}"));
            }
        }
    }
    for (case, why) in OTHERWISE {
        println!("otherwise: {case}: {why}");
    }
    println!("Protobuf: {right} of {total} changes, {cases_right} of {runs} runs exactly as buf has them");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(right * 100 >= total * 99, "{right} of {total}");
}

#[test]
fn a_side_compared_with_itself_is_silent() {
    let Some(folder) = folder("proto-cases") else { return };
    for (name, path, _) in cases(&folder) {
        for half in ["base", "revision"] {
            let files = side(&path.join(half));
            // Bytes that differ make sure that files are read and compared rather than passed over.
            let touched =
                files.iter().map(|(path, text)| (path.clone(), [b"// touched\n", &text[..]].concat())).collect();
            for options in [Options::default(), every_rule()] {
                let changes = run(&files, &touched, &options).unwrap();
                assert!(changes.is_empty(), "{name}/{half}: {changes:#?}");
            }
        }
    }
}

fn files(files: &[(&str, &str)]) -> Side {
    files.iter().map(|(path, text)| (path.to_string(), text.as_bytes().to_vec())).collect()
}

/// Rule and subject of every change, and what it reaches.
fn told(base: &[(&str, &str)], revision: &[(&str, &str)]) -> Vec<String> {
    let changes = run(&files(base), &files(revision), &Options::default()).unwrap();
    let told = |change: &ContractChange| match change.reaches.is_empty() {
        true => format!("{} {}", change.rule, change.subject),
        false => format!("{} {} ({})", change.rule, change.subject, change.reaches.join(", ")),
    };
    changes.iter().map(told).collect()
}

#[test]
fn a_new_default_of_the_file_is_told_once() {
    let text = "edition = '2023';\npackage a;\noption features.utf8_validation = NONE;\n\
                message M { string x = 1; string y = 2; string z = 3 [features.utf8_validation = VERIFY]; }\n";
    let other = text.replace("= NONE", "= VERIFY");
    assert_eq!(
        told(&[("a.proto", text)], &[("a.proto", &other)]),
        ["FIELD_SAME_UTF8_VALIDATION a.M.x (a.M.y)"],
        "the field that sets the feature itself did not change"
    );
}

#[test]
fn a_renamed_file_says_where_its_messages_are() {
    let text = "syntax = 'proto3'; package a; message M {} enum E { Z = 0; }";
    let changes = run(&files(&[("a.proto", text)]), &files(&[("b.proto", text)]), &Options::default()).unwrap();
    assert_eq!(changes.len(), 1, "{changes:#?}");
    assert_eq!(changes[0].message, "the file `a.proto` is gone: what was in it is in `b.proto`");
    assert_eq!(changes[0].impact, Impact::Breaking);
    let package = Options { categories: vec![Category::Package], ..Options::default() };
    assert_eq!(run(&files(&[("a.proto", text)]), &files(&[("b.proto", text)]), &package).unwrap(), []);
}

#[test]
fn a_type_that_changed_elsewhere_is_met_where_it_is_used() {
    let user = ("proto/user.proto", "syntax = 'proto3'; package a; import 'kind.proto'; message M { Kind kind = 1; }");
    let lines = told(
        &[user, ("proto/kind.proto", "syntax = 'proto3'; package a; enum Kind { Z = 0; }")],
        &[user, ("proto/kind.proto", "syntax = 'proto3'; package a; message Kind {}")],
    );
    assert_eq!(lines, ["ENUM_NO_DELETE a.Kind", "FIELD_SAME_TYPE a.M.kind"]);
}

#[test]
fn an_import_means_the_nearest_file_of_its_name() {
    let kind = |what: &str| format!("syntax = 'proto3'; package k; {what}");
    let user = "syntax = 'proto3'; package a; import 'k/kind.proto'; message M { k.Kind kind = 1; }";
    let tree = |near: &str| {
        files(&[
            ("one/a.proto", user),
            ("one/k/kind.proto", &kind(near)),
            ("two/k/kind.proto", &kind("message Kind {}")),
        ])
    };
    let paths = ["one/a.proto".to_string(), "one/k/kind.proto".into()];
    let (base, revision) = (tree("enum Kind { Z = 0; }"), tree("enum Kind { Z = 0; Y = 1; }"));
    assert_eq!(diff(&base, &paths, &revision, &paths, &Options::default()).unwrap(), []);
}

/// Only what a change touches is read whole: an unchanged file may be anything.
#[test]
fn what_no_change_touches_is_not_read() {
    let broken = ("broken.proto", "message M {{{");
    let (base, revision) = (files(&[broken]), files(&[broken, ("new.proto", "syntax = 'proto3'; message N {}")]));
    assert_eq!(run(&base, &revision, &Options::default()).unwrap(), []);
}

#[test]
fn a_broken_base_can_be_mended_and_a_broken_revision_cannot_pass() {
    let (broken, whole) = (files(&[("a.proto", "message M {")]), files(&[("a.proto", "message M {}")]));
    let changes = run(&broken, &whole, &Options::default()).unwrap();
    assert_eq!((changes.len(), changes[0].rule, changes[0].impact), (1, "CANNOT_BE_JUDGED", Impact::Dangerous));
    let error = run(&whole, &broken, &Options::default()).unwrap_err();
    assert_eq!(error.to_string(), "a.proto:1:12: expected a name, found the end of the file");
    assert!(error.hint().is_some());
}

#[test]
fn imports_in_a_circle_are_refused() {
    let import = |of: &str| format!("syntax = 'proto3';\nimport '{of}';\nmessage M {{}}");
    let base = files(&[("a.proto", "message A {}"), ("b.proto", &import("c.proto"))]);
    let mut revision = base.clone();
    revision.insert("a.proto".into(), import("b.proto").into_bytes());
    revision.insert("c.proto".into(), import("a.proto").into_bytes());
    let error = run(&base, &revision, &Options::default()).unwrap_err();
    assert_eq!(error.what, "the import goes in a circle: a.proto → b.proto → c.proto → a.proto");
    assert_eq!((error.file.as_str(), error.line), ("c.proto", 2));
}

#[test]
fn hostile_files_end_in_an_error() {
    let base = files(&[("a.proto", "message A {}")]);
    let refused =
        |text: Vec<u8>| run(&base, &Side::from([("a.proto".into(), text)]), &Options::default()).unwrap_err().what;
    assert_eq!(refused("message M{".repeat(800_000).into_bytes()), "this is nested deeper than 64 levels");
    let deep = format!("option (x) = {{{}", "a {".repeat(1_000_000));
    assert_eq!(refused(deep.into_bytes()), "this is nested deeper than 64 levels");
    let huge = vec![b' '; 9 << 20];
    assert_eq!(refused(huge), "the file has 9437184 bytes, more than the 8388608 that are read");
    // A long way of imports is walked without a call per file.
    let mut chain = Side::new();
    for at in 0..20_000 {
        let text = format!("syntax = 'proto3'; import 'f{}.proto'; message M{at} {{}}", at + 1);
        chain.insert(format!("f{at}.proto"), text.into_bytes());
    }
    let paths = chain.keys().cloned().collect::<Vec<_>>();
    assert_eq!(diff(&Side::new(), &[], &chain, &paths, &Options::default()).unwrap(), []);
}
