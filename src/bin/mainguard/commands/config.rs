//! `mainguard config`: check a configuration, show what is in force, print its schema.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Subcommand, ValueEnum, ValueHint};
use mainguard::config::{self, Config};
use mainguard::git::Repository;

use crate::console::Console;
use crate::gather;

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say everything that is wrong with a configuration
    Check {
        /// The file [default: the repository's own, with the template and ignore file that belong to it]
        #[arg(value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
    /// Print the whole configuration, defaults included
    Show {
        /// The file [default: the repository's own]
        #[arg(value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
        /// How to print it
        #[arg(long, value_enum, default_value_t = ShowFormat::Yaml)]
        format: ShowFormat,
    },
    /// Print the JSON Schema of the configuration, for editors, or of the JSON report, for programs
    Schema {
        /// Of what
        #[arg(value_enum, default_value_t = SchemaOf::Config)]
        of: SchemaOf,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SchemaOf {
    Config,
    Report,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ShowFormat {
    Yaml,
    Json,
}

pub(crate) fn run(command: ConfigCommand, repo: &Path, console: &Console) -> anyhow::Result<u8> {
    match command {
        ConfigCommand::Check { file } => {
            let (_, name) = load(file.as_deref(), repo)?;
            console.answer(&match name {
                Some(name) => format!("{name} is sound\n"),
                None => "there is no configuration, so the defaults hold\n".to_string(),
            })?;
        }
        ConfigCommand::Show { file, format } => {
            let (config, name) = load(file.as_deref(), repo)?;
            let text = match format {
                ShowFormat::Yaml => {
                    let origin = name.as_deref().unwrap_or("no file");
                    let origin = mainguard::text::visible(origin);
                    format!("# in force: {origin}, and the defaults\n{}", serde_yaml::to_string(&config)?)
                }
                ShowFormat::Json => serde_json::to_string_pretty(&config)?,
            };
            console.answer(&text)?;
        }
        ConfigCommand::Schema { of } => {
            let schema = match of {
                SchemaOf::Config => config::schema(),
                SchemaOf::Report => mainguard::report::json::schema(),
            };
            console.answer(&serde_json::to_string_pretty(&schema)?)?;
        }
    }
    Ok(0)
}

fn load(file: Option<&Path>, repo: &Path) -> anyhow::Result<(Config, Option<String>)> {
    if let Some(file) = file {
        let (config, source) = gather::read_config(file)?;
        return Ok((config, Some(source.path)));
    }
    let repository = Repository::discover(repo).context("no configuration was named")?;
    let policy = gather::working_policy(&repository)?;
    Ok((policy.config, policy.source.map(|source| source.path)))
}
