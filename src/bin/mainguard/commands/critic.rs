//! `mainguard critic`: judges descriptions of pull requests offline, and prints a template for them.

#![expect(clippy::disallowed_methods, reason = "reads the files that its flags name")]

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use mainguard::config::Config;
use mainguard::finding::Finding;
use mainguard::guards::critic::{self, Judgement, Rules};

use self::input::Case;

mod input;

/// Judge the descriptions of pull requests
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct CriticArgs {
    #[command(subcommand)]
    pub(crate) command: Option<CriticCommand>,

    /// Pull requests as JSON, one or many (`-`: standard input)
    ///
    /// Either GitHub's own objects with their `files`, or objects with `title`, `body`, `author`, `draft`, `labels` and
    /// `changed_files`.
    #[arg(long, value_name = "FILE")]
    pub(crate) pull_request: Option<PathBuf>,

    /// The template that descriptions are filled in from [default: the built-in one]
    #[arg(long, value_name = "FILE")]
    pub(crate) template: Option<PathBuf>,

    /// The configuration [default: the built-in one]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// How to print the judgements
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// What else `critic` can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum CriticCommand {
    /// Print a pull request template that passes once it is filled in
    Template {
        /// The configuration whose sections the template asks for [default: the built-in one]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// The forms of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// One object a line, in the order of the input
    Json,
}

/// Judges every pull request of the input. 0: all pass, 1: something blocks, 2 (an error): it could not be judged.
pub(crate) fn run(args: CriticArgs, out: &mut dyn Write) -> Result<ExitCode> {
    if let Some(CriticCommand::Template { config }) = args.command {
        let config = read_config(config.as_deref())?;
        out.write_all(critic::template(&config.critic).as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(path) = &args.pull_request else {
        anyhow::bail!("there is no pull request to judge: name a file with `--pull-request FILE`");
    };
    let config = read_config(args.config.as_deref())?;
    let template = args.template.as_deref().map(read_text).transpose()?;
    let defaults = compile(&config.critic, template.as_deref())?;
    let name = if path.as_os_str() == "-" { "standard input".into() } else { path.display().to_string() };
    let cases = input::parse(&read_text(path)?).with_context(|| format!("cannot judge {name}"))?;

    let mut all_pass = true;
    for case in &cases {
        let own = case
            .is_special()
            .then(|| compile(&case.config(&config.critic), case.template.as_deref().or(template.as_deref())));
        let own = own.transpose().with_context(|| format!("line {} of {name}", case.line))?;
        let rules = own.as_ref().unwrap_or(&defaults);
        let (judgement, findings) = critic::check(&case.pull_request, &case.change, case.coverage, rules);
        all_pass &= judgement.ok;
        match args.format {
            Format::Json => writeln!(out, "{}", serde_json::to_string(&judgement)?)?,
            Format::Text => print(case, &judgement, &findings, out)?,
        }
    }
    Ok(if all_pass { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn compile(config: &critic::Config, template: Option<&str>) -> Result<Rules> {
    Rules::compile(config, template).map_err(|(key, message)| anyhow::anyhow!("`{key}`: {message}"))
}

fn read_config(path: Option<&Path>) -> Result<Config> {
    let Some(path) = path else { return Ok(Config::default()) };
    let text = read_text(path)?;
    if text.trim().is_empty() {
        return Ok(Config::default());
    }
    serde_yaml::from_str(&text).with_context(|| format!("cannot use the configuration {}", path.display()))
}

/// More than any list of pull requests that a person has use for.
const MAX_BYTES: u64 = 256 << 20;

fn read_text(path: &Path) -> Result<String> {
    let source: Box<dyn Read> = match path.as_os_str() == "-" {
        true => Box::new(std::io::stdin().lock()),
        false => Box::new(std::fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?),
    };
    let mut text = String::new();
    let length = source.take(MAX_BYTES + 1).read_to_string(&mut text);
    let length = length.with_context(|| format!("cannot read {}", path.display()))?;
    anyhow::ensure!(length as u64 <= MAX_BYTES, "{} is larger than {} MiB", path.display(), MAX_BYTES >> 20);
    Ok(text)
}

fn print(case: &Case, judgement: &Judgement, findings: &[Finding], out: &mut dyn Write) -> Result<()> {
    use mainguard::finding::visible;

    let verdict = match (judgement.ok, judgement.skipped) {
        (false, _) => "blocked",
        (true, Some(critic::Skipped::Draft)) => "pass (a draft: nothing blocks)",
        (true, Some(critic::Skipped::Bot)) => "pass (a bot: its description is not judged)",
        (true, Some(critic::Skipped::Revert)) => "pass (a revert: its description is not judged)",
        (true, None) => "pass",
    };
    writeln!(out, "{}: {verdict}", visible(&case.pull_request.title))?;
    for finding in findings {
        writeln!(out, "  {}[{}]: {}", finding.level, finding.rule, visible(&finding.message))?;
        if let Some(location) = &finding.location
            && let (Some(span), Some(excerpt)) = (location.span, &location.excerpt)
            && let Some(line) = excerpt.lines.first()
        {
            writeln!(out, "    --> {}:{}:{}: {}", location.place, span.line, span.column, visible(line.trim()))?;
        }
        if let Some(help) = &finding.help {
            writeln!(out, "    help: {}", visible(help))?;
        }
    }
    Ok(())
}
