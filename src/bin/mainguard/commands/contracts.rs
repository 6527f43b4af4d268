//! `mainguard contracts`: two sides compared by meaning, a change judged by that, and what belongs to it.

use std::path::Path;

use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum};
use mainguard::change::Head;
use mainguard::context::Loaded;
use mainguard::contracts::compare::{self, Comparison};
use mainguard::contracts::discover::{self, Job, Pair, Which};
use mainguard::contracts::report::peers::{self, Peer};
use mainguard::contracts::report::{self, Document, View};
use mainguard::contracts::schema::Direction;
use mainguard::contracts::{Format, Impact, Observed, Outcome, openapi, protobuf, sql};
use mainguard::git::{Limits, Repository};
use mainguard::guards::{Guard, contracts as guard};
use mainguard::policy::Policy;
use mainguard::report::{Report, Subject};
use mainguard::verdict::{Facts, GuardRun, RunStatus, Verdict};

use crate::args::{CheckArgs, Selection};
use crate::commands::check;
use crate::console::{Console, Hinted};
use crate::environment::Environment;
use crate::gather;
use crate::observe;

mod sides;

use sides::Opened;

#[derive(Debug, Subcommand)]
pub(crate) enum ContractsCommand {
    /// Judge the contracts of a change, as `mainguard check` does
    Check(CheckArgs),
    /// Compare two sides: files, folders, revisions, or REV:PATH
    #[command(after_help = DIFF_EXAMPLES)]
    Diff(DiffArgs),
    /// Everything that changed for callers, for release notes; never fails because of what it finds
    #[command(after_help = CHANGELOG_EXAMPLES)]
    Changelog(DiffArgs),
    /// Only what breaks callers, or could
    Breaking(DiffArgs),
    /// Run the commands of `contracts.verify` that a change concerns, and judge nothing else; needs no token
    Verify(Selection),
}

const DIFF_EXAMPLES: &str = "\
Examples:
  mainguard contracts diff old.yaml new.yaml
  mainguard contracts diff origin/main:api/openapi.yaml api/openapi.yaml
  mainguard contracts diff v1.4.0 v1.5.0 --format markdown
  mainguard contracts diff main:proto proto --category wire-json
  mainguard contracts diff old.json new.json --format json --fail-on dangerous

Exit codes: 0 nothing as bad as --fail-on, 1 something is, 2 the sides could not be compared.";

const CHANGELOG_EXAMPLES: &str = "\
Examples:
  mainguard contracts changelog v1.4.0..v1.5.0 --format markdown
  mainguard contracts changelog old.graphql new.graphql --format html > changes.html";

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// What callers rely on today: a file, a folder, a revision, REV:PATH; or both sides as BASE..HEAD
    base: String,
    /// What they would meet [default: HEAD where BASE is a revision]
    head: Option<String>,
    /// What to print
    #[arg(long, env = "MAINGUARD_FORMAT", value_name = "FORMAT", default_value = "text", hide_default_value = true)]
    format: Form,
    /// The mildest change that makes the exit code 1
    #[arg(long, value_name = "LEVEL", default_value = "breaking", hide_default_value = true)]
    fail_on: FailOn,
    /// Whose names and words to use in JSON and YAML, so that answers can be compared
    #[arg(long, value_name = "TOOL", default_value = "ours", hide_default_value = true)]
    ids: Ids,
    /// The language of both sides [default: told by name and content]
    #[arg(long = "as", value_name = "LANGUAGE")]
    language: Option<Language>,
    /// Also compare what is no contract, as text
    #[arg(long)]
    text: bool,
    #[command(flatten)]
    options: OptionArgs,
}

/// What changes an answer.
#[derive(Debug, Args)]
#[command(next_help_heading = "What counts")]
struct OptionArgs {
    /// OpenAPI: the names of path parameters count when paths are paired
    #[arg(long)]
    include_path_params: bool,
    /// OpenAPI: the least number of days from deprecation to end of what is stable
    #[arg(long, value_name = "DAYS", default_value_t = 0, hide_default_value = true)]
    deprecation_days_stable: u32,
    /// OpenAPI: the same for what is beta
    #[arg(long, value_name = "DAYS", default_value_t = 0, hide_default_value = true)]
    deprecation_days_beta: u32,
    /// OpenAPI: what is less stable promises nothing [default: beta]
    #[arg(long, value_name = "LEVEL")]
    stability_level: Option<StabilityArg>,
    /// Protobuf: whom to keep whole (comma separated) [default: file]
    #[arg(long, value_name = "CATEGORY", value_delimiter = ',')]
    category: Vec<CategoryArg>,
    /// Protobuf: pass over packages such as acme.v1beta1
    #[arg(long)]
    ignore_unstable_packages: bool,
    /// Protobuf: files and folders of which nothing is reported (comma separated)
    #[arg(long, value_name = "PATH", value_delimiter = ',')]
    ignore: Vec<String>,
    /// GraphQL: leave out what a larger change implies
    #[arg(long)]
    simplify: bool,
    /// GraphQL: what depends on the caller counts as breaking
    #[arg(long)]
    dangerous_is_breaking: bool,
    /// GraphQL: to remove what was deprecated is dangerous rather than breaking
    #[arg(long)]
    deprecated_removal_is_dangerous: bool,
    /// GraphQL: what no operation could reach breaks nobody
    #[arg(long)]
    unreachable_is_safe: bool,
    /// GraphQL: leave out changes of descriptions
    #[arg(long)]
    ignore_descriptions: bool,
    /// JSON Schema: which way data flows [default: both]
    #[arg(long, value_name = "DIRECTION")]
    direction: Option<DirectionArg>,
    /// JSON Schema: judge values to the letter; a property that an open object declares narrows it
    #[arg(long)]
    strict: bool,
    /// SQL: the database [default: told by the statements]
    #[arg(long, value_name = "DATABASE")]
    dialect: Option<DialectArg>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Text,
    Json,
    Yaml,
    Markdown,
    Html,
    Sarif,
    Junit,
    Annotations,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Somebody who did everything right fails
    Breaking,
    /// It depends on the caller, or could not be judged
    Dangerous,
    /// Any change
    Compatible,
    /// Never
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Ids {
    Ours,
    Oasdiff,
    Buf,
    GraphqlInspector,
}

impl Ids {
    fn peer(self) -> Option<Peer> {
        match self {
            Ids::Ours => None,
            Ids::Oasdiff => Some(Peer::Oasdiff),
            Ids::Buf => Some(Peer::Buf),
            Ids::GraphqlInspector => Some(Peer::GraphqlInspector),
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Language {
    Openapi,
    Protobuf,
    Graphql,
    JsonSchema,
    Typescript,
    Sql,
    Routes,
    Text,
}

impl Language {
    fn format(self) -> Format {
        match self {
            Language::Openapi => Format::OpenApi,
            Language::Protobuf => Format::Protobuf,
            Language::Graphql => Format::GraphQl,
            Language::JsonSchema => Format::JsonSchema,
            Language::Typescript => Format::TypeScript,
            Language::Sql => Format::Sql,
            Language::Routes => Format::Routes,
            Language::Text => Format::Text,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum CategoryArg {
    File,
    Package,
    WireJson,
    Wire,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DirectionArg {
    /// To allow less breaks those who write
    Request,
    /// To allow more breaks those who read
    Response,
    /// Both do
    Both,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DialectArg {
    Postgres,
    Mysql,
    Sqlite,
    Mssql,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StabilityArg {
    Draft,
    Alpha,
    Beta,
    Stable,
}

impl OptionArgs {
    fn options(&self, ids: Ids, today: NaiveDate) -> compare::Options {
        let mut options = compare::Options {
            openapi: openapi::Options {
                include_path_params: self.include_path_params,
                deprecation_days_stable: self.deprecation_days_stable,
                deprecation_days_beta: self.deprecation_days_beta,
                stability_level: match self.stability_level {
                    Some(StabilityArg::Draft) => openapi::Stability::Draft,
                    Some(StabilityArg::Alpha) => openapi::Stability::Alpha,
                    None | Some(StabilityArg::Beta) => openapi::Stability::Beta,
                    Some(StabilityArg::Stable) => openapi::Stability::Stable,
                },
                today: Some(today),
                unfolded: ids == Ids::Oasdiff,
            },
            ..compare::Options::default()
        };
        if !self.category.is_empty() {
            options.protobuf.categories = self
                .category
                .iter()
                .map(|category| match category {
                    CategoryArg::File => protobuf::Category::File,
                    CategoryArg::Package => protobuf::Category::Package,
                    CategoryArg::WireJson => protobuf::Category::WireJson,
                    CategoryArg::Wire => protobuf::Category::Wire,
                })
                .collect();
        }
        options.protobuf.ignore_unstable_packages = self.ignore_unstable_packages;
        options.protobuf.ignore.clone_from(&self.ignore);
        options.protobuf.every_rule = ids == Ids::Buf;
        options.graphql.simplify = self.simplify;
        options.graphql.dangerous_is_breaking = self.dangerous_is_breaking;
        options.graphql.deprecated_removal_is_dangerous = self.deprecated_removal_is_dangerous;
        options.graphql.unreachable_is_safe = self.unreachable_is_safe;
        options.graphql.ignore_descriptions = self.ignore_descriptions;
        options.json_schema.direction = match self.direction {
            None | Some(DirectionArg::Both) => Direction::Both,
            Some(DirectionArg::Request) => Direction::Request,
            Some(DirectionArg::Response) => Direction::Response,
        };
        options.json_schema.strict = self.strict;
        options.sql.dialect = match self.dialect {
            None => sql::Dialect::Auto,
            Some(DialectArg::Postgres) => sql::Dialect::Postgres,
            Some(DialectArg::Mysql) => sql::Dialect::Mysql,
            Some(DialectArg::Sqlite) => sql::Dialect::Sqlite,
            Some(DialectArg::Mssql) => sql::Dialect::Mssql,
        };
        options
    }
}

pub(crate) fn run(
    command: ContractsCommand,
    repo: &Path,
    environment: &Environment,
    console: &Console,
) -> anyhow::Result<u8> {
    match command {
        ContractsCommand::Check(args) => check::only(Guard::Contracts, args, repo, environment, console),
        ContractsCommand::Diff(args) => diff(&args, View::Everything, args.fail_on, repo, environment, console),
        ContractsCommand::Breaking(args) => diff(&args, View::Breaking, args.fail_on, repo, environment, console),
        ContractsCommand::Changelog(args) => diff(&args, View::Everything, FailOn::Never, repo, environment, console),
        ContractsCommand::Verify(selection) => verify(&selection, repo, environment, console),
    }
}

/// 0 when everything passed, 1 when something failed, 2 when something could not be run.
fn verify(selection: &Selection, repo: &Path, environment: &Environment, console: &Console) -> anyhow::Result<u8> {
    let repository = Repository::discover(repo)?;
    let event = gather::event(environment)?;
    let ends = gather::ends(selection, event.as_ref(), &repository, console)?;
    let change = repository.change_set(ends.base.as_ref(), &ends.head, &Limits::default())?;
    let policy = gather::policy(&repository, ends.base.as_ref(), &change, None)?;
    // Whose code it is says the event; GitHub is not asked, so that no token is needed beside a stranger's code.
    let pull_request = match event.as_ref().map(|event| (event.pull_number, event.pull.as_ref())) {
        Some((_, Some(pull))) => Loaded::Present(pull.pull_request.clone()),
        Some((Some(_), None)) => Loaded::Failed("the event does not hold the pull request".into()),
        _ => Loaded::Absent("no pull request".into()),
    };
    let verified = observe::verify_only(&repository, &change, &pull_request, &policy.contracts, environment)?;
    if verified.is_empty() {
        console.note("no command of `contracts.verify` has one of the changed files among its paths");
    }
    let observed = Observed { verified, ..Observed::default() };
    let found = guard::check(&observed, &[], guard::Asked::Nobody, &policy.contracts, environment.now.date_naive());
    console.answer(&report::terminal::verified(&found.document, console.color))?;
    let worst = observed.verified.iter().map(|run| match run.outcome {
        Outcome::Passed(_) | Outcome::PassedBefore => 0,
        Outcome::Failed(_) => 1,
        Outcome::NotRun(_) => 2,
    });
    Ok(worst.max().unwrap_or(0))
}

fn diff(
    args: &DiffArgs,
    view: View,
    fail_on: FailOn,
    repo: &Path,
    environment: &Environment,
    console: &Console,
) -> anyhow::Result<u8> {
    let (base, head) = ends(args)?;
    let options = args.options.options(args.ids, environment.now.date_naive());
    let comparison = compared(args, &base, &head, &options, repo, console)?;
    let mut document = Document::of(&comparison, view, usize::MAX);
    (document.base, document.revision) = (Some(base), Some(head));
    print(args, &document, &comparison, view, console)?;
    if let Some(problem) = comparison.unreadable.first() {
        let hint = problem.hint().unwrap_or_default();
        return Err(Hinted::error(format!("this could not be compared by meaning: {problem}"), hint));
    }
    let fails = |impact: Impact| match fail_on {
        FailOn::Breaking => impact >= Impact::Breaking,
        FailOn::Dangerous => impact >= Impact::Dangerous,
        FailOn::Compatible => true,
        FailOn::Never => false,
    };
    Ok(u8::from(comparison.changes.iter().any(|change| fails(change.what.impact))))
}

/// `BASE HEAD`, `BASE..HEAD`, or a revision alone.
fn ends(args: &DiffArgs) -> anyhow::Result<(String, String)> {
    match (&args.head, args.base.split_once("..")) {
        (Some(head), _) => Ok((args.base.clone(), head.clone())),
        (None, Some((base, head))) if !base.is_empty() && !base.ends_with('/') && !head.starts_with('/') => {
            let head = head.trim_start_matches('.');
            Ok((base.into(), if head.is_empty() { "HEAD".into() } else { head.into() }))
        }
        (None, _) if !sides::is_on_disk(&args.base) && !args.base.contains(':') => {
            Ok((args.base.clone(), "HEAD".into()))
        }
        (None, _) => Err(Hinted::error(
            "there is nothing to compare it with",
            "name two sides, as in `mainguard contracts diff old.yaml new.yaml`",
        )),
    }
}

fn compared(
    args: &DiffArgs,
    base: &str,
    head: &str,
    options: &compare::Options,
    repo: &Path,
    console: &Console,
) -> anyhow::Result<Comparison> {
    let repository = Repository::discover(repo);
    if let Ok(repository) = &repository
        && sides::is_revision(base, repository)
        && sides::is_revision(head, repository)
    {
        return of_revisions(repository, base, head, options);
    }
    let repository = repository.as_ref().ok();
    let (base, head) = (sides::open(base, repository)?, sides::open(head, repository)?);
    let jobs = jobs(args, &base, &head, console)?;
    let comparison = compare::compare(&*base.tree, &*head.tree, &jobs, options);
    for side in [&base, &head] {
        side.failure()?;
    }
    Ok(comparison)
}

/// Two commits: which files are contracts says the policy at the base.
fn of_revisions(
    repository: &Repository,
    base: &str,
    head: &str,
    options: &compare::Options,
) -> anyhow::Result<Comparison> {
    let (base, head) = (repository.resolve(base)?, Head::Commit(repository.resolve(head)?));
    let change = repository.change_set(Some(&base), &head, &Limits::default())?;
    let policy = Policy::resolve(None, Some(&base), [], |path: &str| repository.read_at(&base, path))?;
    let (old, new) =
        (repository.files_at(change.base.clone().map(Head::Commit).as_ref())?, repository.files_at(Some(&head))?);
    let jobs = discover::plan(&old, &new, &observe::pairs(&change), policy.contracts.which());
    let comparison = compare::compare(&old, &new, &jobs, options);
    match old.failure().or_else(|| new.failure()) {
        Some(error) => Err(error.into()),
        None => Ok(comparison),
    }
}

fn jobs(args: &DiffArgs, base: &Opened<'_>, head: &Opened<'_>, console: &Console) -> anyhow::Result<Vec<Job>> {
    let named = args.language.map(Language::format);
    match (&base.file, &head.file) {
        (Some(old), Some(new)) => {
            let told =
                |side: &Opened<'_>, path: &str| discover::format_at(&*side.tree, path, false).unwrap_or(Format::Text);
            let first = told(base, old);
            let format = named.unwrap_or(if first == Format::Text { told(head, new) } else { first });
            let pair = Pair { base: Some(old.clone()), head: Some(new.clone()) };
            let mut job = Job::document(format, pair);
            if !discover::is_document(format) {
                (job.base_paths, job.head_paths) = (vec![old.clone()], vec![new.clone()]);
            }
            Ok(vec![job])
        }
        (None, None) => {
            let changed = discover::changed(&*base.tree, &*head.tree);
            let mut jobs = discover::plan(&*base.tree, &*head.tree, &changed, &Which::everything());
            let passed_over = jobs.iter().filter(|job| job.format == Format::Text).count();
            if !args.text && passed_over > 0 {
                jobs.retain(|job| job.format != Format::Text);
                console.note(&format!("{passed_over} files that are no contracts differ; --text compares them too"));
            }
            if let Some(format) = named {
                jobs.retain(|job| job.format == format);
            }
            let empty = base.tree.paths().is_empty() && head.tree.paths().is_empty();
            match empty {
                true => Err(Hinted::error("there are no files on either side", "are the folders right?")),
                false => Ok(jobs),
            }
        }
        _ => Err(Hinted::error("a file cannot be compared with a folder", "name two files or two folders")),
    }
}

fn print(
    args: &DiffArgs,
    document: &Document,
    comparison: &Comparison,
    view: View,
    console: &Console,
) -> anyhow::Result<()> {
    use mainguard::report::Format as Printed;
    let as_findings = |format: Printed| {
        let report = findings(comparison, view);
        mainguard::report::render(format, &report, &mainguard::report::Options::default())
    };
    let text = match args.format {
        Form::Text => report::terminal::render(document, console.color),
        Form::Json => match args.ids.peer() {
            Some(peer) => mainguard::text::json::printed(&peers::answers(comparison, peer)),
            None => report::json(document),
        },
        Form::Yaml => match args.ids.peer() {
            Some(peer) => report::yaml(&peers::answers(comparison, peer)),
            None => report::yaml(document),
        },
        Form::Markdown => report::markdown::render(document, &|_, _| None, mainguard::report::markdown::COMMENT_BYTES),
        Form::Html => report::html::render(document),
        Form::Sarif => as_findings(Printed::Sarif),
        Form::Junit => as_findings(Printed::Junit),
        Form::Annotations => as_findings(Printed::Annotations),
    };
    console.answer(&text)?;
    Ok(())
}

/// The comparison as `check` would report it, for the forms that other programs read.
fn findings(comparison: &Comparison, view: View) -> Report {
    let mut verdict = Verdict { findings: guard::findings(comparison, &[]), ..Verdict::default() };
    if view == View::Breaking {
        verdict.findings.retain(|finding| finding.level < mainguard::finding::Level::Note);
    }
    verdict.runs.push(GuardRun { guard: Guard::Contracts, status: RunStatus::Ran(Facts::None) });
    verdict.sort();
    Report::of(&verdict, &Subject { tool_version: env!("CARGO_PKG_VERSION").into(), ..Subject::default() })
}
