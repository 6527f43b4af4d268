//! Which rules a scan goes by, as gitleaks finds them: `--config`, `GITLEAKS_CONFIG` (clap reads it for the flag),
//! `GITLEAKS_CONFIG_TOML`, `.gitleaks.toml` in the target, the built-in ones.

#![expect(clippy::disallowed_methods, reason = "reads rule files")]

use std::fs;
use std::io::Read;
use std::path::Path;

use mainguard::secrets::rules::file::{self, Loaded, Outside};
use mainguard::secrets::{RuleSet, builtin, known};

use crate::console::{Console, Hinted};

/// Where the rules came from.
pub(crate) struct InForce {
    pub(crate) rules: RuleSet,
    /// For people: a file, a variable, `the built-in rules`.
    pub(crate) origin: String,
}

/// The rules for scanning `target`. `inline` is the content of `GITLEAKS_CONFIG_TOML`.
pub(crate) fn find(
    config: Option<&Path>,
    inline: Option<&str>,
    target: &Path,
    console: &Console,
) -> anyhow::Result<InForce> {
    let own = target.join(".gitleaks.toml");
    let (text, origin, path) = if let Some(path) = config {
        (read(path)?, path.display().to_string(), Some(path))
    } else if let Some(text) = inline {
        (text.to_owned(), "GITLEAKS_CONFIG_TOML".to_owned(), None)
    } else if target.is_dir() && own.exists() {
        (read(&own)?, own.display().to_string(), Some(own.as_path()))
    } else {
        return Ok(InForce { rules: builtin::rules(), origin: "the built-in rules".to_owned() });
    };
    let loaded = load(&text, &origin)?;
    for warning in &loaded.warnings {
        console.warn(&warning.to_string());
    }
    let mut rules = loaded.rules;
    rules.path = path.map(|path| path.display().to_string());
    Ok(InForce { rules, origin })
}

/// Reads a rule file's text, with everything that it extends.
pub(crate) fn load(text: &str, name: &str) -> anyhow::Result<Loaded> {
    let outside = Outside {
        read: &|path| read(Path::new(path)).map_err(|error| error.to_string()),
        builtin: &builtin::rules,
        groups: &|pattern| known::groups(pattern).map_err(|error| error.to_string()),
    };
    file::load(text, name, &outside).map_err(|error| {
        let hint = error.hint().unwrap_or_else(|| format!("`mainguard rules check {name}` says the same again"));
        Hinted::error(error.to_string(), hint)
    })
}

/// A rule file's text.
pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    let unreadable = |reason: String| {
        Hinted::error(format!("{} cannot be read: {reason}", path.display()), "give the path of a rule file in TOML")
    };
    let mut text = Vec::new();
    let opened = fs::File::open(path).map_err(|error| unreadable(error.to_string()))?;
    opened.take(file::MAX_BYTES as u64 + 1).read_to_end(&mut text).map_err(|error| unreadable(error.to_string()))?;
    if text.len() > file::MAX_BYTES {
        return Err(unreadable(format!("it is larger than {} MB", file::MAX_BYTES >> 20)));
    }
    String::from_utf8(text).map_err(|_| unreadable("it is not UTF-8".to_owned()))
}
