//! The rules that come with the program: `rules/sast/*.yml`, compiled into it as text.

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
