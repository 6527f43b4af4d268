//! The rules that come with the program: `rules/secrets/*.toml`, compiled into it as text.

use super::RuleSet;
use super::rules::file;

/// The rule files as name and text, in the order in which they are to be read. Together they make one rule set.
pub fn files() -> &'static [(&'static str, &'static str)] {
    FILES
}

/// All files behind one another: one rule file in gitleaks' format.
pub fn text() -> &'static str {
    TEXT
}

/// The rules, read.
pub fn rules() -> RuleSet {
    match file::load(text(), "built-in rules", &file::Outside::nothing()) {
        Ok(loaded) => loaded.rules,
        Err(_) => unreachable!("a test reads these files, and they do not change after that"),
    }
}

macro_rules! embed {
    ($($name:literal),* $(,)?) => {
        static FILES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../rules/secrets/", $name)))),*];
        static TEXT: &str = concat!($(include_str!(concat!("../../rules/secrets/", $name)), "\n"),*);
    };
}

embed![
    "global.toml",
    "ai.toml",
    "cloud.toml",
    "databases.toml",
    "generic.toml",
    "identity.toml",
    "messaging.toml",
    "observability.toml",
    "payments.toml",
    "private-keys.toml",
    "registries.toml",
    "scm.toml",
];
