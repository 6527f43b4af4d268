//! `mainguard rules`: check rule files, list the rules, say what one of them looks for.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueHint};
use mainguard::secrets::builtin;

use crate::commands::secrets::{explain, rules_in_force};
use crate::console::Console;

mod code;

#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// Say everything that is wrong or odd in rule files, and run the examples of those for code
    Check {
        /// A rule file in gitleaks' format (TOML), a rule file for code (YAML) or a folder of those [default: the
        /// built-in rules for code]
        #[arg(value_hint = ValueHint::AnyPath)]
        file: Option<PathBuf>,
    },
    /// List the built-in rules, or those of a file
    List {
        /// The rule file
        #[arg(value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
    /// Say what a rule looks for, how a leak is revoked and how it leaves history
    Explain {
        /// The rule's id
        id: String,
    },
}

pub(crate) fn run(command: RulesCommand, console: &Console) -> anyhow::Result<u8> {
    match command {
        RulesCommand::Check { file: None } => return code::check(None, console),
        RulesCommand::Check { file: Some(file) } if code::is_for_code(&file) => {
            return code::check(Some(&file), console);
        }
        RulesCommand::Check { file: Some(file) } => {
            let rules = load(&file, console)?;
            console.answer(&format!("{} is sound: {} rules\n", file.display(), rules.rules.len()))?;
        }
        RulesCommand::List { file } => {
            let rules = match file {
                Some(file) => load(&file, console)?,
                None => builtin::rules(),
            };
            let width = rules.rules.iter().map(|rule| rule.id.len()).max().unwrap_or_default();
            let text = rules.rules.iter().fold(String::new(), |mut text, rule| {
                let _ = writeln!(text, "{:width$}  {}", rule.id, rule.description.lines().next().unwrap_or_default());
                text
            });
            console.answer(&text)?;
        }
        RulesCommand::Explain { id } if code::explain(&id).is_some() => {
            console.answer(&code::explain(&id).unwrap_or_default())?;
        }
        RulesCommand::Explain { id } => console.answer(&explain::explain(&id, &builtin::rules())?)?,
    }
    Ok(0)
}

fn load(file: &Path, console: &Console) -> anyhow::Result<mainguard::secrets::RuleSet> {
    let loaded = rules_in_force::load(&rules_in_force::read(file)?, &file.display().to_string())?;
    for warning in &loaded.warnings {
        console.warn(&warning.to_string());
    }
    Ok(loaded.rules)
}
