//! GraphQL: the answers of graphql-inspector's core on its own cases and on those written for us, and stories of our own.

use std::fs;

use mainguard::contracts::graphql::{Options, diff};
use mainguard::contracts::{ContractChange, Impact, Unreadable};

use crate::support::schema_cases::{Side, cases, difference, folder};

fn run(base: &Side, revision: &Side, options: &Options) -> Result<Vec<ContractChange>, Unreadable> {
    let paths = |side: &Side| side.keys().cloned().collect::<Vec<_>>();
    diff(base, &paths(base), revision, &paths(revision), options)
}

fn one(text: impl Into<Vec<u8>>) -> Side {
    Side::from([("schema.graphql".to_string(), text.into())])
}

/// Everything, as the tool says it by default.
fn plain() -> Options {
    Options { simplify: false, ..Options::default() }
}

/// Cases in which we say something else than graphql-inspector, and why.
const OTHERWISE: &[(&str, &str)] = &[];

#[test]
fn answers_are_those_of_graphql_inspector() {
    let Some(folder) = folder("graphql-cases") else { return };
    let (mut right, mut total, mut runs_right, mut runs) = (0_usize, 0_usize, 0, 0);
    let mut wrong = Vec::new();
    for (name, path, expected) in cases(&folder) {
        let side = |half: &str| one(fs::read(path.join(half)).unwrap());
        let (base, revision) = (side("base.graphql"), side("revision.graphql"));
        for expected in expected["runs"].as_array().unwrap() {
            runs += 1;
            let on = |option: &str| expected["options"][option] == true;
            let options = Options {
                simplify: on("simplify"),
                dangerous_is_breaking: on("dangerous_is_breaking"),
                deprecated_removal_is_dangerous: on("deprecated_removal_is_dangerous"),
                unreachable_is_safe: on("unreachable_is_safe"),
                ignore_descriptions: on("ignore_descriptions"),
            };
            let found = run(&base, &revision, &options).unwrap_or_else(|error| panic!("{name}: {error}"));
            let wanted: Vec<String> = expected["changes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|change| {
                    let text = |key: &str| change[key].as_str().unwrap_or("schema").to_string();
                    format!("{} {} {}", text("id"), text("level"), text("path"))
                })
                .collect();
            let said: Vec<String> = found
                .iter()
                .map(|change| {
                    let level = match change.impact {
                        Impact::Breaking => "error",
                        Impact::Dangerous => "warning",
                        Impact::Compatible => "info",
                    };
                    format!("{} {level} {}", change.rule, change.subject)
                })
                .collect();
            let (missed, surplus) = difference(&wanted, &said);
            total += wanted.len().max(said.len());
            right += wanted.len().max(said.len()) - missed.len().max(surplus.len());
            let same = missed.is_empty() && surplus.is_empty();
            runs_right += usize::from(same);
            if !same && !OTHERWISE.iter().any(|(case, _)| *case == name) {
                wrong.push(format!("{name} {}\n  missed {missed:#?}\n  surplus {surplus:#?}", expected["options"]));
            }
        }
    }
    for (case, why) in OTHERWISE {
        println!("otherwise: {case}: {why}");
    }
    println!("GraphQL: {right} of {total} changes, {runs_right} of {runs} runs exactly as graphql-inspector has them");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(right * 100 >= total * 99, "{right} of {total}");
}

#[test]
fn a_side_compared_with_itself_is_silent() {
    let Some(folder) = folder("graphql-cases") else { return };
    for (name, path, _) in cases(&folder) {
        for half in ["base.graphql", "revision.graphql"] {
            let text = fs::read(path.join(half)).unwrap();
            for options in [plain(), Options::default()] {
                let changes = run(&one(text.clone()), &one(text.clone()), &options).unwrap();
                assert!(changes.is_empty(), "{name}/{half}: {changes:#?}");
            }
        }
    }
}
