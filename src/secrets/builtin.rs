//! The rules that come with the program: `rules/secrets/*.toml`, compiled into it as text.

/// The rule files as name and text, in the order in which they are to be read. Together they make one rule set.
pub fn files() -> &'static [(&'static str, &'static str)] {
    FILES
}

macro_rules! embed {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../rules/secrets/", $name)))),*]
    };
}

static FILES: &[(&str, &str)] = embed![
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
