//! The rules that come with the program: `rules/sast/*.yml`, compiled into it as text, and once more without examples
//! as JSON, which is read ten times as fast: a scan of a few files is over before so much YAML is read.

use super::rule::{Examples, Rule, RuleError, parse};

/// `rules/sast.json`: what [`prepared`] makes of the files. A test holds it against them.
const PREPARED: &str = include_str!("../../rules/sast.json");

/// The rules, without their examples.
pub(super) fn rules() -> Vec<Rule> {
    match serde_json::from_str(PREPARED) {
        Ok(rules) => rules,
        Err(_) => unreachable!("a test reads this text, and it does not change after that"),
    }
}

/// All rule files as one text of JSON, a rule a line, without examples.
///
/// # Errors
/// [`RuleError`]: a file cannot be read.
pub fn prepared() -> Result<String, RuleError> {
    let mut lines = Vec::new();
    for (file, text) in FILES {
        let rule = parse(text, file, Examples::Leave)?;
        lines.push(serde_json::to_string(&rule).map_err(|error| RuleError::new(file, error.to_string()))?);
    }
    Ok(format!("[\n{}\n]\n", lines.join(",\n")))
}

/// The rule files as name and text.
pub fn files() -> &'static [(&'static str, &'static str)] {
    FILES
}

macro_rules! embed {
    ($($name:literal),* $(,)?) => {
        static FILES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../rules/sast/", $name)))),*];
    };
}

embed![
    "code-eval.yml",
    "command-injection.yml",
    "cors-wildcard.yml",
    "curl-pipe-shell.yml",
    "debug-enabled.yml",
    "docker-latest.yml",
    "docker-root.yml",
    "gha-broad-permissions.yml",
    "gha-script-injection.yml",
    "gha-unpinned-action.yml",
    "gha-untrusted-checkout.yml",
    "html-injection.yml",
    "insecure-cookie.yml",
    "insecure-random.yml",
    "insecure-temp-file.yml",
    "jwt-insecure.yml",
    "nosql-injection.yml",
    "open-redirect.yml",
    "path-traversal.yml",
    "prototype-pollution.yml",
    "redos.yml",
    "sql-hardening.yml",
    "sql-injection.yml",
    "ssrf.yml",
    "template-injection.yml",
    "tls-verify-off.yml",
    "unsafe-deserialization.yml",
    "weak-cipher.yml",
    "weak-hash.yml",
    "world-writable.yml",
    "xxe.yml",
];
