//! The rules for code: their files checked, their examples run.

#![expect(clippy::disallowed_methods, reason = "reads the rule files that are named")]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use mainguard::sast::{Examples, Pack, Rule, builtin_files, examples, parse};

use crate::console::Console;

/// A folder, or a file in YAML.
pub(crate) fn is_for_code(path: &Path) -> bool {
    path.is_dir() || path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml")
}

/// Reads, compiles and proves; 0 when all is well, 1 when something is wrong.
pub(crate) fn check(path: Option<&Path>, console: &Console) -> anyhow::Result<u8> {
    let files: Vec<(String, String)> = match path {
        None => builtin_files().iter().map(|(file, text)| (file.to_string(), text.to_string())).collect(),
        Some(path) => {
            let mut paths: Vec<PathBuf> = match path.is_dir() {
                false => vec![path.to_path_buf()],
                true => fs::read_dir(path)?
                    .flatten()
                    .map(|entry| entry.path())
                    .filter(|path| is_for_code(path) && path.is_file())
                    .collect(),
            };
            paths.sort();
            let read = |path: PathBuf| {
                let text = fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
                Ok((path.display().to_string(), text))
            };
            paths.into_iter().map(read).collect::<anyhow::Result<_>>()?
        }
    };
    let mut wrong: Vec<String> = Vec::new();
    let mut rules: Vec<Rule> = Vec::new();
    for (file, text) in &files {
        match parse(text, file, Examples::Read) {
            Ok(rule) if rules.iter().any(|other| other.id == rule.id) => {
                wrong.push(format!("{file}: the id `{}` is taken", rule.id))
            }
            Ok(rule) => rules.push(rule),
            Err(error) => wrong.push(error.to_string()),
        }
    }
    let pack = Pack::of(rules.clone());
    wrong.extend(pack.check().iter().map(ToString::to_string));
    wrong.extend(rules.iter().flat_map(|rule| examples::check(rule, &pack)));
    match wrong.as_slice() {
        [] if rules.is_empty() => anyhow::bail!("there is no rule file here"),
        [] => {
            console.answer(&format!("{} rules are sound, and their examples hold\n", rules.len()))?;
            Ok(0)
        }
        wrong => {
            console.answer(&wrong.join("\n"))?;
            Ok(1)
        }
    }
}

/// What a built-in rule is about; `None` when there is no rule of this id.
pub(crate) fn explain(id: &str) -> Option<String> {
    let pack = Pack::builtin();
    let rule = pack.rule(id.strip_prefix("sast/").unwrap_or(id))?;
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut text = format!(
        "sast/{} ({}, severity {})\n\n{}.\n\n{}\n",
        rule.id,
        rule.cwe,
        rule.severity,
        words(&rule.message),
        words(&rule.fix)
    );
    for page in &rule.references {
        let _ = write!(text, "\n{page}");
    }
    Some(text)
}
