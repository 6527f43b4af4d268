//! The rules that come with the program: `rules/secrets/*.toml`, compiled into it: as text for people, and as
//! the build script has read them.

use super::RuleSet;

/// The rule files as name and text, in the order in which they are to be read. Together they make one rule set.
pub fn files() -> &'static [(&'static str, &'static str)] {
    FILES
}

/// All files behind one another: one rule file in gitleaks' format.
pub fn text() -> &'static str {
    TEXT
}

/// The rules, as they were read when the program was built.
pub fn rules() -> RuleSet {
    serde_json::from_str(READ).expect("the build wrote it, and a test reads it")
}

static READ: &str = include_str!(concat!(env!("OUT_DIR"), "/secret-rules.json"));

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

#[cfg(test)]
mod tests {
    use super::super::rules::file;
    use super::*;

    #[test]
    fn the_rules_are_what_their_files_say() {
        let loaded = file::load(text(), "built-in rules", &file::Outside::nothing()).unwrap();
        assert!(loaded.rules == rules());
        assert_eq!(loaded.warnings, []);
    }
}
