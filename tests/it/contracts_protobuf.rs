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
            if !(missed.is_empty() && surplus.is_empty()) && !OTHERWISE.iter().any(|(case, _)| *case == name) {
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
