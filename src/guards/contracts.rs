//! What a change does to those who call us.
//!
//! A breaking change is not forbidden, it is decided: by somebody who may, for what stood there when they looked. So a
//! break blocks until the label that says so was set by the right person, or the change is accepted by its fingerprint;
//! and an approval lapses when something else breaks afterwards. What could not be compared by meaning is never silent.

mod rules;

use chrono::NaiveDate;
use globset::GlobSet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::change::{FileChange, RepoPath};
use crate::contracts::accepted::{self, Accepted, AcceptedError};
use crate::contracts::compare::{self, Change};
use crate::contracts::discover::Which;
use crate::contracts::report::{self, Document, View};
use crate::contracts::schema::Direction;
use crate::contracts::versions::Unbumped;
use crate::contracts::{self, Format, Impact, Observed, Outcome, Side, Unreadable, openapi, protobuf, sql};
use crate::finding::{Finding, Fingerprint, Level, Location, Place, RuleId, Span};
use crate::guards::critic::{self, ApprovalConfig};
use crate::guards::size::globs;
use crate::pull_request::PullRequest;
use crate::text::counted;
pub use rules::RULES;
use rules::{
    ACCEPTED_EXPIRED, ACCEPTED_UNUSED, APPROVAL_MISSING, MORE, NOT_ANNOUNCED, NOT_VERIFIED, UNREADABLE, VERIFY_FAILED,
    VERSION_NOT_BUMPED,
};

/// More findings than anybody reads; the rest is counted.
const MOST_FINDINGS: usize = 100;
/// What a report keeps of the changes.
const MOST_LISTED: usize = 1_000;

/// The section `contracts` of the configuration.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "ContractsConfig")]
pub struct Config {
    /// Whether the guard runs.
    pub enabled: bool,
    /// Globs (on the whole path) of what others rely on: OpenAPI, Protobuf, GraphQL, JSON Schema, TypeScript, SQL. What
    /// is none of these is compared as text.
    pub paths: Vec<String>,
    /// Globs of source files that declare a server's routes.
    pub routes: Vec<String>,
    /// Globs of what is no contract although it matches.
    pub ignore: Vec<String>,
    /// The file of accepted changes, read at the base.
    pub accepted: String,
    /// Who lets a change of contracts pass.
    pub approval: Approval,
    /// How API descriptions are judged.
    pub openapi: OpenApiConfig,
    /// What Protobuf files promise.
    pub protobuf: ProtobufConfig,
    /// How GraphQL schemas are judged.
    pub graphql: GraphQlConfig,
    /// How JSON Schemas are judged.
    pub json_schema: JsonSchemaConfig,
    /// The database that migrations are written for.
    pub sql: SqlConfig,
    /// Whether a contract that breaks its callers must say so in its version.
    pub version_bump: bool,
    /// Commands that are run on the contracts alone.
    pub verify: Vec<VerifyConfig>,
}

impl Default for Config {
    fn default() -> Config {
        let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        Config {
            enabled: true,
            paths: owned(&[
                "packages/{contracts,types}/**",
                "**/{openapi,swagger}.{yaml,yml,json}",
                "**/*.openapi.{yaml,yml,json}",
                "**/*.{proto,graphql,graphqls}",
                "**/*.schema.json",
                "**/migrations/**/*.sql",
            ]),
            routes: owned(&[
                "**/{routes,controllers}/**/*.{ts,js,mjs,py,rs}",
                "**/{pages,app}/api/**/*.{ts,tsx,js}",
                "**/app/**/route.{ts,js}",
            ]),
            ignore: owned(&[
                "**/{node_modules,vendor,third_party,testdata,fixtures}/**",
                "**/*.{test,spec}.*",
                "**/__tests__/**",
                "packages/{contracts,types}/**/*.{md,lock}",
                "packages/{contracts,types}/**/{package,package-lock,tsconfig}*.json",
            ]),
            accepted: accepted::FILE.into(),
            approval: Approval::default(),
            openapi: OpenApiConfig::default(),
            protobuf: ProtobufConfig::default(),
            graphql: GraphQlConfig::default(),
            json_schema: JsonSchemaConfig::default(),
            sql: SqlConfig::default(),
            version_bump: false,
            verify: Vec::new(),
        }
    }
}

/// The label by which somebody lets a change of contracts pass.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "ContractsApproval")]
pub struct Approval {
    /// `always`: every change of a contract needs it; `breaking`: only one that breaks callers; `never`: it lets nothing
    /// pass.
    pub required: Required,
    /// Its name; compared whole, without regard to case.
    pub label: String,
    /// Logins of those who may set it; everybody who can when empty.
    pub by: Vec<String>,
    /// Whether it does not count when the author of the pull request set it.
    pub not_author: bool,
    /// Whether it counts only for what stood in the change when it was set.
    pub fresh: bool,
}

impl Default for Approval {
    fn default() -> Approval {
        Approval {
            required: Required::Breaking,
            label: "architect-approved".into(),
            by: Vec::new(),
            not_author: true,
            fresh: true,
        }
    }
}

/// Which changes need the approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ContractsApprovalRequired")]
pub enum Required {
    /// All of them.
    Always,
    /// Those that break callers.
    Breaking,
    /// None, and the label lets nothing pass.
    Never,
}

/// How API descriptions are judged: OpenAPI and Swagger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "ContractsOpenApi")]
pub struct OpenApiConfig {
    /// Whether `/pets/{id}` and `/pets/{petId}` are two paths.
    pub include_path_params: bool,
    /// The least number of days between the deprecation and the end (`x-sunset`) of what is stable.
    pub deprecation_days_stable: u32,
    /// The same for what is `beta`.
    pub deprecation_days_beta: u32,
    /// What is less stable by its `x-stability-level` promises nothing: `draft`, `alpha`, `beta` or `stable`.
    pub stability_level: openapi::Stability,
    /// Whether paths, operations and parameters may only go after they were deprecated and their last day (`x-sunset`)
    /// has come.
    pub deprecate_first: bool,
}

/// What Protobuf files promise.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "ContractsProtobuf")]
pub struct ProtobufConfig {
    /// To whom: `FILE` and `PACKAGE` (generated code), `WIRE_JSON`, `WIRE`.
    pub categories: Vec<Promise>,
    /// Whether packages such as `acme.v1beta1` may change freely.
    pub ignore_unstable_packages: bool,
}

impl Default for ProtobufConfig {
    fn default() -> ProtobufConfig {
        ProtobufConfig { categories: vec![Promise::File], ignore_unstable_packages: false }
    }
}

/// A kind of client of Protobuf files, in buf's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(rename = "ContractsProtobufCategory")]
pub enum Promise {
    /// Code generated per file.
    File,
    /// Code generated per package.
    Package,
    /// Messages as JSON.
    WireJson,
    /// Messages as bytes.
    Wire,
}

/// How GraphQL schemas are judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "ContractsGraphQl")]
pub struct GraphQlConfig {
    /// Whether to remove what was deprecated is dangerous rather than breaking.
    pub deprecated_removal_is_dangerous: bool,
    /// Whether what no operation could reach breaks nobody.
    pub unreachable_is_safe: bool,
}

/// How JSON Schemas are judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "ContractsJsonSchema")]
pub struct JsonSchemaConfig {
    /// `request`: to allow less breaks those who write; `response`: to allow more breaks those who read; `both`.
    pub direction: Flows,
    /// Whether values are judged to the letter: to declare a property of an open object narrows it, and the branches of
    /// a `oneOf` may overlap.
    pub strict: bool,
}

/// Which way the data that a schema describes flows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ContractsDirection")]
pub enum Flows {
    /// Both ways, or nobody knows.
    #[default]
    Both,
    /// From callers to us.
    Request,
    /// From us to callers.
    Response,
}

impl Flows {
    fn direction(self) -> Direction {
        match self {
            Flows::Both => Direction::Both,
            Flows::Request => Direction::Request,
            Flows::Response => Direction::Response,
        }
    }
}

/// How migrations are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "ContractsSql")]
pub struct SqlConfig {
    /// `postgres`, `mysql`, `sqlite`, `mssql`; `auto` looks at the statements.
    pub dialect: Database,
}

/// A database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ContractsSqlDialect")]
pub enum Database {
    /// By the words that are used.
    #[default]
    Auto,
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
    /// SQLite.
    Sqlite,
    /// Microsoft SQL Server.
    Mssql,
}

/// A command that is run on the contracts alone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ContractsVerify")]
pub struct VerifyConfig {
    /// What reports call it.
    pub name: String,
    /// The command, for the shell (`sh -c`).
    pub run: String,
    /// Globs of the files that it sees; it runs when one of them changed.
    pub paths: Vec<String>,
    /// How many seconds it may take.
    #[serde(default = "default_timeout")]
    #[schemars(range(min = 1, max = 3600))]
    pub timeout: u64,
}

fn default_timeout() -> u64 {
    300
}

/// The configuration, compiled.
#[derive(Clone, Debug)]
pub struct Rules {
    config: Config,
    which: Which,
    verify: Vec<(VerifyConfig, GlobSet)>,
    accepted: Accepted,
}

/// Why there is nothing to judge by.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// The file of accepted changes is wrong.
    #[error(transparent)]
    Accepted(#[from] AcceptedError),
}

impl RulesError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            RulesError::Accepted(error) => error.hint(),
        }
    }
}

impl Rules {
    /// Compiles the configuration, without accepted changes. The error names the key, as in `contracts.paths`.
    ///
    /// # Errors
    /// A key and what is wrong with it.
    pub fn compile(config: &Config) -> Result<Rules, (String, String)> {
        let which = Which {
            contracts: globs(&config.paths, "contracts.paths")?,
            routes: globs(&config.routes, "contracts.routes")?,
            ignored: globs(&config.ignore, "contracts.ignore")?,
        };
        let mut verify = Vec::new();
        for (index, command) in config.verify.iter().enumerate() {
            let key = |field: &str| format!("contracts.verify[{index}].{field}");
            if command.run.trim().is_empty() {
                return Err((key("run"), "there is nothing to run".into()));
            }
            if command.paths.is_empty() {
                return Err((key("paths"), "without paths it would see nothing".into()));
            }
            if !(1..=3600).contains(&command.timeout) {
                return Err((key("timeout"), "a command is given 1 to 3600 seconds".into()));
            }
            verify.push((command.clone(), globs(&command.paths, &key("paths"))?));
        }
        if config.approval.required != Required::Never && config.approval.label.trim().is_empty() {
            return Err(("contracts.approval.label".into(), "a label's name is not empty".into()));
        }
        Ok(Rules { config: config.clone(), which, verify, accepted: Accepted::default() })
    }

    /// The same with the accepted changes that stand at the base. `read` gives the content of a path, `None` where there
    /// is no such file.
    ///
    /// # Errors
    /// [`RulesError`], and whatever `read` fails with.
    pub fn with_accepted<E: From<RulesError>>(
        mut self,
        read: &mut impl FnMut(&str) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Rules, E> {
        if self.config.enabled
            && let Some(bytes) = read(&self.config.accepted)?
        {
            self.accepted = Accepted::parse(&bytes, &self.config.accepted).map_err(RulesError::from)?;
        }
        Ok(self)
    }

    /// Which files are contracts.
    pub fn which(&self) -> &Which {
        &self.which
    }

    /// What the readers are asked, on this day.
    pub fn options(&self, today: NaiveDate) -> compare::Options {
        let Config { openapi: api, protobuf: proto, graphql, json_schema, sql, .. } = &self.config;
        let mut options = compare::Options {
            openapi: openapi::Options {
                include_path_params: api.include_path_params,
                deprecation_days_stable: api.deprecation_days_stable,
                deprecation_days_beta: api.deprecation_days_beta,
                stability_level: api.stability_level,
                today: Some(today),
                unfolded: false,
            },
            ..compare::Options::default()
        };
        options.protobuf.categories = proto.categories.iter().map(|promise| promise.category()).collect();
        options.protobuf.ignore_unstable_packages = proto.ignore_unstable_packages;
        options.graphql.deprecated_removal_is_dangerous = graphql.deprecated_removal_is_dangerous;
        options.graphql.unreachable_is_safe = graphql.unreachable_is_safe;
        options.json_schema.direction = json_schema.direction.direction();
        options.json_schema.strict = json_schema.strict;
        options.sql.dialect = sql.dialect.dialect();
        options
    }

    /// The commands to run when these paths changed, each with the files that it sees.
    pub fn commands<'a>(&'a self, changed: &[&str]) -> Vec<&'a (VerifyConfig, GlobSet)> {
        self.verify.iter().filter(|(_, globs)| changed.iter().any(|path| globs.is_match(path))).collect()
    }

    /// Whether versions are looked at.
    pub fn wants_versions(&self) -> bool {
        self.config.version_bump
    }

    /// The label that is waited for; `None` when no label counts.
    pub fn label(&self) -> Option<&str> {
        (self.config.approval.required != Required::Never).then_some(self.config.approval.label.as_str())
    }
}

impl Promise {
    fn category(self) -> protobuf::Category {
        match self {
            Promise::File => protobuf::Category::File,
            Promise::Package => protobuf::Category::Package,
            Promise::WireJson => protobuf::Category::WireJson,
            Promise::Wire => protobuf::Category::Wire,
        }
    }
}

impl Database {
    fn dialect(self) -> sql::Dialect {
        match self {
            Database::Auto => sql::Dialect::Auto,
            Database::Postgres => sql::Dialect::Postgres,
            Database::Mysql => sql::Dialect::Mysql,
            Database::Sqlite => sql::Dialect::Sqlite,
            Database::Mssql => sql::Dialect::Mssql,
        }
    }
}

/// What the guard came to.
#[derive(Debug, Default)]
pub struct Found {
    /// What a reader wants to see of it.
    pub document: Document,
    /// What counts.
    pub findings: Vec<Finding>,
    /// What somebody accepted or approved, with the reason.
    pub let_off: Vec<(Finding, String)>,
}

/// Who can let a break pass.
#[derive(Clone, Copy, Debug)]
pub enum Asked<'a> {
    /// Those who look at this pull request.
    On(&'a PullRequest),
    /// Those who look at it somewhere else: what waits for them is a warning here.
    Elsewhere,
    /// Nobody: there is no pull request.
    Nobody,
}

/// Judges what was observed. `files` is the change as a reviewer sees it: it gives the lines that findings show.
pub fn check(observed: &Observed, files: &[FileChange], asked: Asked<'_>, rules: &Rules, today: NaiveDate) -> Found {
    let comparison = &observed.comparison;
    let mut found = Found { document: Document::of(comparison, View::Everything, MOST_LISTED), ..Found::default() };
    found.document.verified = observed.verified.iter().map(verified).collect();
    let pull_request = if let Asked::On(pull_request) = asked { Some(pull_request) } else { None };
    let approval = Approved::of(observed, pull_request, rules);
    let waits = matches!(asked, Asked::Elsewhere) && rules.config.approval.required != Required::Never;
    let mut over = [0_usize; 2];
    for (at, change) in comparison.changes.iter().enumerate() {
        let accepted = rules.accepted.covers(&change.fingerprint, today).map(|entry| match &entry.by {
            Some(by) => format!("accepted by {by}: {}", entry.reason.trim()),
            None => format!("accepted: {}", entry.reason.trim()),
        });
        let reason = accepted.or_else(|| approval.lets_pass(change));
        if let Some(reason) = &reason {
            found.document.counts.accepted += 1;
            if let Some(listed) = found.document.changes.get_mut(at) {
                listed.accepted = Some(reason.clone());
            }
        }
        if rules.config.openapi.deprecate_first
            && rules.accepted.covers(&change.fingerprint, today).is_none()
            && change.what.format == Format::OpenApi
            && openapi::is_unannounced(change.what.rule)
            && found.findings.len() < MOST_FINDINGS
        {
            found.findings.push(not_announced(change, files));
        }
        // What harms nobody is in the document, not among the findings.
        if change.what.impact == Impact::Compatible {
            continue;
        }
        match reason {
            _ if found.findings.len() + found.let_off.len() >= MOST_FINDINGS => {
                over[usize::from(reason.is_none() && change.what.impact == Impact::Breaking)] += 1;
            }
            Some(reason) => found.let_off.push((finding(change, files), reason)),
            None => found.findings.push(match waits {
                true => waiting(finding(change, files), &rules.config.approval.label),
                false => finding(change, files),
            }),
        }
    }
    found.findings.extend(more(over).map(|more| if waits { Finding { level: Level::Warning, ..more } } else { more }));
    found.findings.extend(comparison.unreadable.iter().map(unreadable));
    found.findings.extend(observed.unbumped.iter().map(|stayed| unbumped(stayed, files)));
    found.findings.extend(observed.verified.iter().filter_map(not_passed));
    if !comparison.files.is_empty() {
        found.findings.extend(stale(rules, comparison, today));
        found.findings.extend(approval.missing(comparison, rules));
        found.document.approval = approval.shown(comparison, rules);
    }
    found
}

/// The finding of a change; its identity is that of the change, so that it stays the same when words or lines do not.
pub fn finding(change: &Change, files: &[FileChange]) -> Finding {
    let what = &change.what;
    let rule = RuleId::owned(format!("contracts/{}/{}", what.format, what.rule));
    let breaks = what.breaks.as_ref().map(|who| format!("; breaks {who}")).unwrap_or_default();
    let reaches = match what.reaches.as_slice() {
        [] => String::new(),
        [only] => format!(" (reaches {only})"),
        [first, rest @ ..] => format!(" (reaches {first} and {} more)", rest.len()),
    };
    let help = match (&what.fix, what.impact) {
        (Some(fix), Impact::Breaking) => Some(format!("{fix}; or accept it by its fingerprint {}", change.fingerprint)),
        (Some(fix), _) => Some(fix.clone()),
        (None, Impact::Breaking) => {
            Some(format!("if it has to break, accept it by its fingerprint {}", change.fingerprint))
        }
        (None, _) => None,
    };
    Finding {
        level: level(what.impact),
        message: format!("{}{breaks}{reaches}", what.message),
        location: what.revision.as_ref().map(|place| location(place, files)),
        fingerprint: Fingerprint::of(&rule, &[change.fingerprint.as_bytes()]),
        help,
        rule,
    }
}

/// What somebody decides on the pull request.
fn waiting(mut finding: Finding, label: &str) -> Finding {
    if finding.level == Level::Error {
        finding.level = Level::Warning;
        let help = finding.help.map(|help| format!("{help}; ")).unwrap_or_default();
        finding.help = Some(format!("{help}on the pull request it needs the label `{label}`"));
    }
    finding
}

/// What an impact is worth where nobody says otherwise.
pub fn level(impact: Impact) -> Level {
    match impact {
        Impact::Breaking => Level::Error,
        Impact::Dangerous => Level::Warning,
        Impact::Compatible => Level::Note,
    }
}

fn location(place: &contracts::Place, files: &[FileChange]) -> Location {
    let path = RepoPath::from(place.file.as_str());
    let contracts::Place { line, column, end_line, end_column, .. } = *place;
    let span = Span { line, column, end_line: end_line.max(line), end_column };
    let file = files.iter().find(|file| file.path == path);
    let data = file.and_then(|file| file.head.as_ref()).and_then(|blob| blob.data.as_deref());
    match data {
        Some(data) => Location::within(Place::File(path), span, &String::from_utf8_lossy(data)),
        None => Location { place: Place::File(path), span: Some(span), excerpt: None },
    }
}

fn more([mild, bad]: [usize; 2]) -> Option<Finding> {
    let count = mild + bad;
    (count > 0).then(|| Finding {
        fingerprint: Fingerprint::of(&MORE, &[]),
        rule: MORE,
        level: if bad > 0 { Level::Error } else { Level::Warning },
        message: format!("{count} more changes of contracts are not listed here, {bad} of them breaking"),
        location: None,
        help: Some("`mainguard contracts check` lists all of them".into()),
    })
}

fn unreadable(problem: &Unreadable) -> Finding {
    let span = Span { line: problem.line, column: problem.column, end_line: problem.line, end_column: problem.column };
    let path = RepoPath::from(problem.file.as_str());
    let (level, side) = match problem.side {
        Side::Revision => (Level::Error, ""),
        // What callers have is what it is; the head is compared as text.
        Side::Base => (Level::Warning, " at the base"),
    };
    let here = (problem.side == Side::Revision).then(|| Location {
        place: Place::File(path.clone()),
        span: Some(span),
        excerpt: None,
    });
    Finding {
        fingerprint: Fingerprint::of(&UNREADABLE, &[path.as_bytes(), problem.what.as_bytes()]),
        rule: UNREADABLE,
        level,
        message: format!("`{}` cannot be read{side}: {}", problem.file, problem.what),
        location: here,
        help: problem.hint(),
    }
}

fn unbumped(stayed: &Unbumped, files: &[FileChange]) -> Finding {
    let Unbumped { contract, base, head, place } = stayed;
    let moved = if base == head { format!("stays {head}") } else { format!("goes from {base} to {head} only") };
    Finding {
        fingerprint: Fingerprint::of(&VERSION_NOT_BUMPED, &[place.file.as_bytes(), head.as_bytes()]),
        rule: VERSION_NOT_BUMPED,
        level: Level::Error,
        message: format!("`{contract}` breaks its callers and its version {moved}"),
        location: Some(location(place, files)),
        help: Some("let the first number grow (before 1.0.0 the second), or keep callers whole".into()),
    }
}

fn not_announced(change: &Change, files: &[FileChange]) -> Finding {
    let what = &change.what;
    Finding {
        fingerprint: Fingerprint::of(&NOT_ANNOUNCED, &[change.fingerprint.as_bytes()]),
        rule: NOT_ANNOUNCED,
        level: Level::Error,
        message: format!("{}: what goes has to be deprecated first, with a last day that has come", what.message),
        location: what.revision.as_ref().map(|place| location(place, files)),
        help: Some(
            "bring it back with `deprecated: true` and its last day in `x-sunset`, and let it go after that day; the \
             label does not let it pass"
                .into(),
        ),
    }
}

fn stale(rules: &Rules, comparison: &compare::Comparison, today: NaiveDate) -> Vec<Finding> {
    let met: Vec<String> = comparison.changes.iter().map(|change| change.fingerprint.clone()).collect();
    let at = |rule: RuleId, level: Level, message: String, print: &str| Finding {
        fingerprint: Fingerprint::of(&rule, &[print.as_bytes()]),
        rule,
        level,
        message,
        location: Some(Location::file(RepoPath::from(rules.config.accepted.as_str()))),
        help: None,
    };
    let expired = rules.accepted.expired(today).filter(|entry| met.contains(&entry.fingerprint)).map(|entry| {
        let day = entry.expires.map(|day| day.to_string()).unwrap_or_default();
        let message = format!("the change {} was accepted until {day}, which has passed", entry.fingerprint);
        at(ACCEPTED_EXPIRED, Level::Warning, message, &entry.fingerprint)
    });
    let unused = rules.accepted.unused(&met).map(|entry| {
        let message =
            format!("the accepted change {} ({}) is not in this change", entry.fingerprint, entry.reason.trim());
        at(ACCEPTED_UNUSED, Level::Note, message, &entry.fingerprint)
    });
    expired.chain(unused).take(MOST_FINDINGS).collect()
}

fn verified(run: &contracts::Verified) -> report::Verified {
    let result = match &run.outcome {
        Outcome::Passed(seconds) => format!("passed in {seconds} s"),
        Outcome::PassedBefore => "passed before on the very same files".into(),
        Outcome::Failed(code) => format!("failed with exit code {code}"),
        Outcome::NotRun(why) => format!("not run: {why}"),
    };
    let passed = matches!(run.outcome, Outcome::Passed(_) | Outcome::PassedBefore);
    report::Verified { name: run.name.clone(), result, passed, last_lines: run.last_lines.clone() }
}

fn not_passed(run: &contracts::Verified) -> Option<Finding> {
    let last = run.last_lines.last().map(|line| format!(": {line}")).unwrap_or_default();
    let (rule, message) = match &run.outcome {
        Outcome::Passed(_) | Outcome::PassedBefore => return None,
        Outcome::Failed(code) => (VERIFY_FAILED, format!("`{}` failed with exit code {code}{last}", run.name)),
        Outcome::NotRun(why) => (NOT_VERIFIED, format!("`{}` could not be run: {why}", run.name)),
    };
    Some(Finding {
        fingerprint: Fingerprint::of(&rule, &[run.name.as_bytes()]),
        rule,
        level: Level::Error,
        message,
        location: None,
        help: Some("the last lines that it printed stand in the report".into()),
    })
}

/// Whether somebody who may has approved, and what.
struct Approved {
    /// Who; or why nobody has. `None` without a pull request, or where no label counts.
    by: Option<Result<String, String>>,
    /// The fingerprints that stood there then; `None`: all.
    covers: Option<Vec<String>>,
}

impl Approved {
    fn of(observed: &Observed, pull_request: Option<&PullRequest>, rules: &Rules) -> Approved {
        let config = &rules.config.approval;
        let (Some(pull_request), true) = (pull_request, config.required != Required::Never) else {
            return Approved { by: None, covers: None };
        };
        // What was there then is known better than whether anything was pushed since.
        let known = observed.approved.is_some();
        let asked = ApprovalConfig {
            label: config.label.clone(),
            classes: Vec::new(),
            paths: Vec::new(),
            by: config.by.clone(),
            not_author: config.not_author,
            fresh: config.fresh && !known,
        };
        let by = match critic::approval_lacking(&asked, pull_request) {
            Some(why) => Err(why),
            None => Ok(pull_request
                .label(&config.label)
                .and_then(|label| label.applied.as_ref())
                .map_or_else(|| "somebody".to_string(), |applied| applied.by.clone())),
        };
        let covers = observed.approved.clone().filter(|_| config.fresh);
        Approved { by: Some(by), covers }
    }

    /// Why a change does not block, if the approval covers it.
    fn lets_pass(&self, change: &Change) -> Option<String> {
        let Some(Ok(by)) = &self.by else { return None };
        let covered = self.covers.as_ref().is_none_or(|prints| prints.contains(&change.fingerprint));
        (covered && change.what.impact == Impact::Breaking).then(|| format!("approved by `{by}`"))
    }

    /// Breaking changes that came after the approval.
    fn lapsed(&self, comparison: &compare::Comparison) -> usize {
        let breaking = comparison.changes.iter().filter(|change| change.what.impact == Impact::Breaking);
        match &self.covers {
            Some(prints) => breaking.filter(|change| !prints.contains(&change.fingerprint)).count(),
            None => 0,
        }
    }

    /// Only a policy that wants the label for every change has something to say beyond the breaking changes themselves.
    fn missing(&self, comparison: &compare::Comparison, rules: &Rules) -> Option<Finding> {
        let config = &rules.config.approval;
        let Some(Err(why)) = &self.by else { return None };
        if config.required != Required::Always {
            return None;
        }
        let files = comparison.contracts_touched();
        let named = match files.as_slice() {
            [only] => format!("`{only}` changed"),
            [first, rest @ ..] => format!("`{first}` and {} more contracts changed", rest.len()),
            [] => "contracts changed".into(),
        };
        Some(Finding {
            fingerprint: Fingerprint::of(&APPROVAL_MISSING, &[config.label.as_bytes()]),
            rule: APPROVAL_MISSING,
            level: Level::Error,
            message: format!("{named}, which needs an approval: {why}"),
            location: None,
            help: Some(format!("ask somebody who may to look at it and to set the label `{}`", config.label)),
        })
    }

    fn shown(&self, comparison: &compare::Comparison, rules: &Rules) -> Option<report::Approval> {
        let config = &rules.config.approval;
        let needed = match config.required {
            Required::Always => true,
            Required::Breaking => comparison.count(Impact::Breaking) > 0,
            Required::Never => false,
        };
        let by = self.by.as_ref().filter(|_| needed)?;
        let lapsed = self.lapsed(comparison);
        let (given, why) = match by {
            Ok(by) if lapsed == 0 => (true, format!("`{by}` set the label `{}`", config.label)),
            Ok(by) => (false, format!("{} came after `{by}` had set the label", counted(lapsed, "breaking change"))),
            Err(why) => (false, why.clone()),
        };
        Some(report::Approval { label: config.label.clone(), given, why })
    }
}

/// What a comparison that was asked for by hand reports as findings, harmless changes too.
pub fn findings(comparison: &compare::Comparison, files: &[FileChange]) -> Vec<Finding> {
    let changes = comparison.changes.iter().map(|change| finding(change, files));
    changes.chain(comparison.unreadable.iter().map(unreadable)).collect()
}

/// Whether a format has rules here; a new one is asked for by the compiler.
pub fn family(format: Format) -> &'static str {
    match format {
        Format::OpenApi => "contracts/openapi/*",
        Format::Protobuf => "contracts/protobuf/*",
        Format::GraphQl => "contracts/graphql/*",
        Format::JsonSchema => "contracts/json-schema/*",
        Format::TypeScript => "contracts/typescript/*",
        Format::Sql => "contracts/sql/*",
        Format::Routes => "contracts/routes/*",
        Format::Text => "contracts/text/*",
    }
}
