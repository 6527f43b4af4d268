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
                // Bytes that differ make sure that both are read rather than passed over.
                let touched = [b"# touched\n", &text[..]].concat();
                let changes = run(&one(text.clone()), &one(touched), &options).unwrap();
                assert!(changes.is_empty(), "{name}/{half}: {changes:#?}");
            }
        }
    }
}

fn told(base: &str, revision: &str) -> Vec<String> {
    let changes = run(&one(base), &one(revision), &Options::default()).unwrap();
    changes.iter().map(|change| format!("{:?} {}: {}", change.impact, change.rule, change.message)).collect()
}

#[test]
fn a_new_type_is_told_once() {
    let base = "type Query { a: Int }";
    let revision = "type Query { a: Int }\n\"\"\"Words\"\"\"\ntype Pet @d { name(x: Int = 1): String! @deprecated }";
    assert_eq!(told(base, revision), ["Compatible TYPE_ADDED: the type `Pet` is new"]);
}

#[test]
fn who_breaks_and_what_reaches_them_is_said() {
    let base = "type Query { pet(id: ID): Pet pets(like: PetInput): [Pet!]! }\ntype Pet { name: String }\ninput PetInput { name: String }";
    let revision = base.replace("input PetInput { name: String }", "input PetInput { name: String, age: Int! }");
    let changes = run(&one(base), &one(revision), &Options::default()).unwrap();
    let change = &changes[0];
    assert_eq!((changes.len(), change.impact, change.subject.as_str()), (1, Impact::Breaking, "PetInput.age"));
    assert_eq!(change.message, "the input field `PetInput.age: Int!` is new and required");
    assert_eq!(change.breaks.as_deref(), Some("operations that leave it out"));
    assert_eq!(change.fix.as_deref(), Some("make it nullable, or give it a default"));
    assert_eq!(change.reaches, ["Query.pets(like:)"]);
    assert_eq!(change.revision.as_ref().map(|place| (place.line, place.column)), Some((3, 32)));
}

#[test]
fn where_a_definition_stands_does_not_matter() {
    let side = |files: &[(&str, &str)]| -> Side {
        files.iter().map(|(path, text)| (path.to_string(), text.as_bytes().to_vec())).collect()
    };
    let base = side(&[(
        "schema.graphql",
        "type Query { a: Int b: Pet }\ntype Pet implements Named { name: String }\ninterface Named { name: String }",
    )]);
    let revision = side(&[
        ("a.graphql", "extend type Query { b: Pet }\nextend type Pet implements Named"),
        ("b.graphql", "interface Named { name: String }\ntype Query { a: Int }"),
        ("c.graphql", "type Pet { name: String }"),
    ]);
    assert_eq!(run(&base, &revision, &plain()).unwrap(), []);
}

/// Published schemas define fields twice; the first one counts, on both sides.
#[test]
fn a_field_defined_twice_is_read() {
    let text = "type Query { a: Int a: String }";
    assert_eq!(told(text, "type Query { a: Int }"), [] as [String; 0]);
}

#[test]
fn a_broken_base_can_be_mended_and_a_broken_revision_cannot_pass() {
    let (broken, whole) = (one("type Query {"), one("type Query { a: Int }"));
    let changes = run(&broken, &whole, &Options::default()).unwrap();
    assert_eq!((changes.len(), changes[0].rule, changes[0].impact), (1, "CANNOT_BE_JUDGED", Impact::Dangerous));
    let error = run(&whole, &broken, &Options::default()).unwrap_err();
    assert_eq!((error.file.as_str(), error.line), ("schema.graphql", 1));
}

#[test]
fn hostile_schemas_end_in_an_error() {
    let base = one("type Query { a: Int }");
    let refused = |text: Vec<u8>| run(&base, &one(text), &Options::default()).unwrap_err().what;
    for open in ["[", "{a:"] {
        let deep = format!("directive @d(a: A = {}", open.repeat(1_000_000));
        assert_eq!(refused(deep.into_bytes()), "this is nested deeper than 100 levels");
    }
    assert!(!refused("type A { a: ".repeat(50).into_bytes()).is_empty());
    assert!(!refused("(".repeat(1_000_000).into_bytes()).is_empty());
    assert!(!refused("@".repeat(100_000).into_bytes()).is_empty());
    assert_eq!(refused(vec![0xff]), "this is not UTF-8");
    assert!(refused(vec![b' '; 17 << 20]).contains("more than the"));
}
