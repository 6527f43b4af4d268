//! `mainguard critic`: judges descriptions of pull requests offline, and prints a template for them.

#![expect(clippy::disallowed_methods, reason = "reads the files that its flags name")]

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use mainguard::config::Config;
use mainguard::finding::Finding;
use mainguard::guards::Guard;
use mainguard::guards::critic::{self, Judgement, Rules};

use self::input::Case;
use crate::args::{CheckArgs, Judging, Printing, Selection};
use crate::console::Console;
use crate::environment::Environment;
use crate::gather;

pub(crate) mod input;

/// Judge the description of a pull request against its change
///
/// Without `--pull-request` it judges the pull request of the workflow run, as `mainguard check --only critic` does.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(crate) struct CriticArgs {
    #[command(subcommand)]
    pub(crate) command: Option<CriticCommand>,

    #[command(flatten)]
    pub(crate) selection: Selection,

    /// Pull requests as JSON, one or many (`-`: standard input), judged without a repository
    ///
    /// Either GitHub's own objects with their `files`, or objects with `title`, `body`, `author`, `draft`, `labels` and
    /// `changed_files`.
    #[arg(long, env = "MAINGUARD_PULL_REQUEST", value_name = "FILE")]
    pub(crate) pull_request: Option<PathBuf>,

    /// The template that descriptions are filled in from [default: the built-in one]
    #[arg(long, value_name = "FILE", requires = "pull_request")]
    pub(crate) template: Option<PathBuf>,

    /// The configuration [default: the one at the base; with --pull-request the built-in one]
    #[arg(long, env = "MAINGUARD_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// How to print the judgements
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

const EXAMPLES: &str = "\
Examples:
  mainguard critic template > .github/pull_request_template.md
  gh api repos/OWNER/NAME/pulls/12 | mainguard critic --pull-request - --format json";

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
pub(crate) fn run(args: CriticArgs, repo: &Path, environment: &Environment, console: &Console) -> Result<u8> {
    if args.command.is_none() && args.pull_request.is_none() {
        return check_pull_request(args, repo, environment, console);
    }
    let mut out = Vec::new();
    let code = judge_offline(args, &mut out)?;
    console.answer_bytes(&out)?;
    Ok(code)
}

/// `check` with this guard alone.
fn check_pull_request(args: CriticArgs, repo: &Path, environment: &Environment, console: &Console) -> Result<u8> {
    let format = match args.format {
        Format::Text => mainguard::report::Format::Text,
        Format::Json => mainguard::report::Format::Json,
    };
    let judging = Judging { config: args.config, ..Judging::default() };
    let printing = Printing { format, output: Vec::new() };
    let args = CheckArgs { selection: args.selection, judging, printing, ..CheckArgs::default() };
    super::check::only(Guard::Critic, args, repo, environment, console)
}

fn judge_offline(args: CriticArgs, out: &mut dyn Write) -> Result<u8> {
    if let Some(CriticCommand::Template { config }) = args.command {
        let config = read_config(config.as_deref())?;
        out.write_all(critic::template(&config.critic).as_bytes())?;
        return Ok(0);
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
    Ok(if all_pass { 0 } else { 1 })
}

fn compile(config: &critic::Config, template: Option<&str>) -> Result<Rules> {
    Rules::compile(config, template).map_err(|(key, message)| anyhow::anyhow!("`{key}`: {message}"))
}

fn read_config(path: Option<&Path>) -> Result<Config> {
    path.map_or_else(|| Ok(Config::default()), |path| Ok(gather::read_config(path)?.0))
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
    use mainguard::text::visible;

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
