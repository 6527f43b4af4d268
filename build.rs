//! Reads the built-in secret rules while the program is built, so that it need not do so at every start.
//!
//! The files are read by the very reader that reads everybody's rule files. Out comes `secret-rules.json` in the build's
//! own folder, which `secrets::builtin` takes in; a test holds it against the files.

#![expect(clippy::disallowed_methods, reason = "a build script is made of reading and writing files")]

use std::path::Path;
use std::{env, fs};

#[path = "src/secrets"]
mod secrets {
    #[expect(dead_code, unreachable_pub, reason = "the program has more use for the reader, and shows it to others")]
    pub mod rules;
}

/// What the reader wants of the rest of the program.
mod text {
    /// "Did you mean": there is nobody here to be asked.
    pub(crate) fn nearest<'a>(_: &str, _: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        None
    }
}

use secrets::rules::{RuleSet, file};
use serde_json::Value;

const FOLDER: &str = "rules/secrets";

fn main() {
    println!("cargo::rerun-if-changed={FOLDER}");
    println!("cargo::rerun-if-changed=src/secrets/rules.rs");
    println!("cargo::rerun-if-changed=src/secrets/rules");
    let out = env::var_os("OUT_DIR").expect("cargo says where output goes");
    let rules = read(&files());
    let json = without_defaults(serde_json::to_value(&rules).expect("rules are plain data"));
    fs::write(Path::new(&out).join("secret-rules.json"), json.to_string()).expect("the output folder can be written");
}

/// It is read at every start of the program: what is not there need not be read.
fn without_defaults(value: Value) -> Value {
    let says = |value: &Value| match value {
        Value::Null => false,
        Value::Bool(is) => *is,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Array(all) => !all.is_empty(),
        Value::String(_) | Value::Object(_) => true,
    };
    match value {
        Value::Array(all) => all.into_iter().map(without_defaults).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(_, value)| says(value));
            Value::Object(fields.map(|(name, value)| (name, without_defaults(value))).collect())
        }
        value => value,
    }
}

/// The files in the order of their names, but what holds for all rules first: as `secrets::builtin` lists them.
fn files() -> Vec<String> {
    let entries = fs::read_dir(FOLDER).unwrap_or_else(|error| panic!("{FOLDER} cannot be read: {error}"));
    let names = entries.map(|entry| entry.expect("an entry of a folder").file_name().into_string().expect("a name"));
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".toml")).collect();
    names.sort_by_key(|name| (name != "global.toml", name.clone()));
    names
}

fn read(names: &[String]) -> RuleSet {
    let texts = names.iter().map(|name| {
        let path = Path::new(FOLDER).join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()))
    });
    let text = texts.collect::<Vec<_>>().join("\n");
    match file::load(&text, "the built-in rules", &file::Outside::nothing()) {
        Ok(loaded) => loaded.rules,
        Err(error) => panic!("{error}"),
    }
}
