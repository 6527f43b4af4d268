//! Every flag and its environment variable. Groups are the headings of `--help`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use mainguard::report::Format;

use crate::commands::{
    config::ConfigCommand, contracts::ContractsCommand, critic::CriticArgs, deps::DepsArgs, preview::PreviewArgs,
    queue::QueueArgs, report::ReportArgs, rules::RulesCommand, sast::SastArgs, secrets::args::SecretsArgs,
};

const EXAMPLES: &str = "\
Examples:
  mainguard check                        judge this branch against where it left its base
  mainguard check --staged               judge what `git commit` would record
  mainguard check --format sarif         the same verdict for a code scanning upload
  mainguard hook install                 judge before every push
  mainguard init                         write the configuration, a template and a workflow
  mainguard explain size/too-large       what a rule means and what to do

Exit codes: 0 nothing blocks, 1 a finding blocks, 2 the change could not be judged.";

/// Guards what enters main: judges a change before it merges.
#[derive(Debug, Parser)]
#[command(name = "mainguard", version, about, after_help = EXAMPLES, max_term_width = 100, propagate_version = false)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The repository to work on: its folder, or one below it
    #[arg(short = 'C', long, global = true, env = "MAINGUARD_REPO", value_name = "DIR", default_value = ".", hide_default_value = true, value_hint = ValueHint::DirPath)]
    pub(crate) repo: PathBuf,
    /// When to colour the output; `NO_COLOR` is honoured
    #[arg(
        long,
        global = true,
        env = "MAINGUARD_COLOR",
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub(crate) color: When,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, env = "MAINGUARD_QUIET", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) quiet: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum When {
    /// On a terminal
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Judge a change with every guard that applies
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Judge a pull request's description against its change
    Critic(CriticArgs),
    /// Measure a change
    Size(CheckArgs),
    /// Compare contracts by meaning: what changes for the people who call us
    #[command(subcommand)]
    Contracts(Box<ContractsCommand>),
    /// Look for secrets in history, files or standard input, as gitleaks does
    Secrets(Box<SecretsArgs>),
    /// Look for dangerous code in files and folders
    Sast(SastArgs),
    /// Check, list and explain the rules for secrets and code
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Look for vulnerable dependencies, and keep the advisories by which they are judged
    Deps(Box<DepsArgs>),
    /// Judge what `git push` is about to send; git calls this from its pre-push hook
    PrePush(PrePushArgs),
    /// Look at a pull request's previews until they are healthy, and say so in one comment
    #[command(after_help = PREVIEW_EXAMPLES)]
    Preview(Box<PreviewArgs>),
    /// Print a JSON report in another form, or publish it with rights that its writer lacked
    #[command(after_help = REPORT_EXAMPLES)]
    Report(Box<ReportArgs>),
    /// Run the merge queue: the commit that was tested is the commit that lands
    Queue(QueueArgs),
    /// Tell what happened to PostHog, Slack, CDEvents and OpenTelemetry; never changes the exit code of a job
    #[command(after_help = crate::commands::record::EXAMPLES)]
    Record(Box<crate::commands::record::RecordArgs>),
    /// Look after the store of delivery events
    #[command(after_help = crate::commands::db::EXAMPLES)]
    Db(crate::commands::db::DbArgs),
    /// Install, remove or look at the git hooks
    #[command(subcommand)]
    Hook(HookCommand),
    /// Write a commented configuration, a pull request template and a workflow
    Init(InitArgs),
    /// Find out what would keep mainguard from working here
    Doctor(DoctorArgs),
    /// Say what a rule means and what to do about it; without RULE, list them all
    Explain(ExplainArgs),
    /// Look at the configuration: check it, show what is in force, print its schema
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a change as mainguard reads it
    Change(ChangeArgs),
    /// Print a completion script
    Completions {
        /// The shell to complete in
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

const CHECK_EXAMPLES: &str = "\
Examples:
  mainguard check --base origin/main
  mainguard check --base v1.4.0 --head v1.5.0
  mainguard check --working-tree --only size
  mainguard check --format json --output sarif=mainguard.sarif --output markdown=verdict.md
  mainguard check --publish --dry-run    print what would be sent to GitHub

Without --base, the base is taken from the event that GitHub Actions hands over, else from the
upstream of the current branch, else origin/HEAD, else main or master. A guessed base is named.";

const PREVIEW_EXAMPLES: &str = "\
Examples:
  mainguard preview --number 7 --sha $(git rev-parse HEAD)
  mainguard preview --number 7 --url app=https://pr-7.shop.pages.dev --deadline 60
  mainguard preview --publish --deployments    in a workflow: one comment, a deployment for each surface
  mainguard preview --publish --dry-run        print what would be sent to GitHub

Where a surface stands is taken from --url, else from wrangler's output, else from whom --from
names, else from `previews.surfaces` of the configuration.

Exit codes: 0 healthy, 1 not healthy in time, 2 there was nothing to look at.";

const REPORT_EXAMPLES: &str = "\
Examples:
  mainguard report report.json --format markdown
  mainguard report artifact/ --publish    in a workflow that `workflow_run` started

Exit codes: 0 printed, or published as far as the token may, 2 refused: not a report, or not of this run.";

/// Which change to look at.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "The change")]
pub(crate) struct Selection {
    /// The branch or commit that the change would enter
    #[arg(long, env = "MAINGUARD_BASE", value_name = "REV")]
    pub(crate) base: Option<String>,
    /// The newest commit of the change [default: HEAD]
    #[arg(long, env = "MAINGUARD_HEAD", value_name = "REV", conflicts_with_all = ["staged", "working_tree"])]
    pub(crate) head: Option<String>,
    /// Look at what `git commit` would record
    #[arg(long, env = "MAINGUARD_STAGED", conflicts_with = "working_tree", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) staged: bool,
    /// Look at the files on disk, untracked ones too
    #[arg(long, env = "MAINGUARD_WORKING_TREE", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) working_tree: bool,
}

#[derive(Debug, Default, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) selection: Selection,
    #[command(flatten)]
    pub(crate) judging: Judging,
    #[command(flatten)]
    pub(crate) printing: Printing,
    #[command(flatten)]
    pub(crate) publishing: Publishing,
}

/// What the change is judged by.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Judging")]
pub(crate) struct Judging {
    /// Run these guards only (comma separated)
    #[arg(long, env = "MAINGUARD_ONLY", value_name = "GUARD", value_delimiter = ',', value_parser = parse_guard)]
    pub(crate) only: Vec<mainguard::guards::Guard>,
    /// Read the configuration from this file instead of from the base commit
    #[arg(long, env = "MAINGUARD_CONFIG", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
    /// The pull request as JSON (a GitHub object); `-` reads stdin [default: the event's]
    #[arg(long, env = "MAINGUARD_PULL_REQUEST", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) pull_request: Option<PathBuf>,
    /// Measured line coverage of the change in percent
    #[arg(long, env = "MAINGUARD_COVERAGE", value_name = "PERCENT", value_parser = parse_percent)]
    pub(crate) coverage: Option<f64>,
    /// Whether a pull request, on which somebody could approve, is still to come.
    #[arg(skip)]
    pub(crate) before_pull_request: bool,
    /// Advisories: a folder with an index or archives, the URL of an OSV API, or `api` for osv.dev [default: the cache]
    #[arg(long, visible_alias = "db", env = "MAINGUARD_ADVISORIES", value_name = "DIR|URL")]
    pub(crate) advisories: Option<String>,
    /// A coverage report of the change's build; may be given several times [default: `coverage.reports`, else the usual places]
    #[arg(long, env = "MAINGUARD_COVERAGE_REPORT", value_name = "FILE", value_delimiter = ',', value_hint = ValueHint::FilePath)]
    pub(crate) coverage_report: Vec<PathBuf>,
}

/// What is printed where.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Printing {
    /// What to print on stdout: text, json, sarif, markdown, annotations, junit
    #[arg(long, env = "MAINGUARD_FORMAT", value_name = "FORMAT", default_value = "text", hide_default_value = true, value_parser = parse_format)]
    pub(crate) format: Format,
    /// Also write a report to a file, as in `sarif=out.sarif`; may be given several times
    #[arg(long, env = "MAINGUARD_OUTPUT", value_name = "FORMAT=FILE", value_parser = parse_outputs)]
    pub(crate) output: Vec<Outputs>,
}

impl Printing {
    /// The files to write, in the order in which they were asked for.
    pub(crate) fn files(&self) -> impl Iterator<Item = &(Format, PathBuf)> {
        self.output.iter().flat_map(|outputs| &outputs.0)
    }
}

/// One FORMAT=FILE per line: how a workflow writes several, blank lines at its end and all.
#[derive(Clone, Debug)]
pub(crate) struct Outputs(Vec<(Format, PathBuf)>);

fn parse_outputs(text: &str) -> Result<Outputs, String> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(parse_output).collect::<Result<_, _>>().map(Outputs)
}

/// What GitHub is told.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "GitHub")]
pub(crate) struct Publishing {
    /// Make GitHub match the verdict: one comment, the size label, a check run
    #[arg(long, env = "MAINGUARD_PUBLISH", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) publish: bool,
    /// With --publish: print the requests that would change something instead of sending them
    #[arg(long, env = "MAINGUARD_DRY_RUN", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) dry_run: bool,
    /// Tells this comment and check run from others of mainguard on the same pull request
    #[arg(long, env = "MAINGUARD_KEY", value_name = "KEY", default_value = "check", value_parser = parse_key)]
    pub(crate) key: String,
}

/// Letters, digits and `_`: it stands in a hidden marker and in the check run's name.
fn parse_key(key: &str) -> Result<String, String> {
    match (1..=40).contains(&key.len()) && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        true => Ok(key.to_string()),
        false => Err("a key is 1 to 40 letters, digits and `_`".into()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct PrePushArgs {
    /// The remote's name, as git passes it
    pub(crate) remote: Option<String>,
    /// The remote's address, as git passes it
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) judging: Judging,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum HookCommand {
    /// Install git hooks that call mainguard
    Install {
        /// Also judge the staged change before every commit
        #[arg(long)]
        pre_commit: bool,
        /// Replace a hook that is not mainguard's
        #[arg(long)]
        force: bool,
    },
    /// Remove the hooks that mainguard installed, and no others
    Uninstall,
    /// Say which hooks stand where
    Status,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct InitArgs {
    /// Replace files that are there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// For instance `critic/section-missing`
    pub(crate) rule: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// How: `text` for people, `raw` as `git diff --raw --numstat -z`, or `json`
    #[arg(long, value_name = "FORMAT", default_value = "text", hide_default_value = true, hide_possible_values = true)]
    pub(crate) format: ChangeFormat,
    /// Detect copies too, as `git diff -C` does
    #[arg(long)]
    pub(crate) copies: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ChangeFormat {
    Text,
    Raw,
    Json,
}

fn parse_guard(name: &str) -> Result<mainguard::guards::Guard, String> {
    use mainguard::guards::Guard;
    Guard::named(name.trim()).ok_or_else(|| {
        let names = Guard::ALL.map(Guard::name);
        format!("there is no guard of this name; the guards are {}", names.join(", "))
    })
}

fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim_end();
    match number.parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("a percentage is a number from 0 to 100".into()),
    }
}

fn parse_format(name: &str) -> Result<Format, String> {
    name.trim().parse::<Format>().map_err(|error| match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    })
}

fn parse_output(text: &str) -> Result<(Format, PathBuf), String> {
    let (format, file) = text.trim().split_once('=').ok_or("write FORMAT=FILE, as in sarif=out.sarif")?;
    match file {
        "" => Err("the file's name is missing behind `=`".into()),
        file => Ok((parse_format(format)?, PathBuf::from(file))),
    }
}
