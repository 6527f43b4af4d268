//! The process's surroundings, read once: environment variables, the terminal, the clock. Everything else in the
//! binary is told.

#![expect(clippy::disallowed_methods, reason = "this is where the environment and the clock are read")]

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;

use chrono::{DateTime, Utc};

use crate::args::When;

/// What mainguard was started in.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    /// The workflow run, when GitHub Actions started us.
    pub(crate) actions: Option<Actions>,
    /// The API's address: `GITHUB_API_URL`, else GitHub's own.
    pub(crate) api_url: String,
    /// What is said to the API; never printed.
    pub(crate) token: Option<mainguard::github::client::Token>,
    /// What the pre-commit framework says is being pushed: the remote's commit and ours. It reads git's lines itself.
    pub(crate) pre_commit_range: Option<(String, String)>,
    /// `GITLEAKS_CONFIG_TOML`: a rule file's content.
    pub(crate) gitleaks_config_toml: Option<String>,
    /// `CI`: nobody is watching.
    pub(crate) ci: bool,
    /// What programs that we start for the policy are given: where programs are and which language is spoken.
    pub(crate) for_children: Vec<(OsString, OsString)>,
    /// Where temporary folders go.
    pub(crate) temporary: PathBuf,
    /// The names of variables that look like secrets; their values are not kept.
    secrets: Vec<String>,
    /// Where what can be fetched again is kept: `mainguard` in the user's cache.
    pub(crate) cache: PathBuf,
    /// Where events go.
    pub(crate) sinks: Sinks,
    /// `WRANGLER_OUTPUT_FILE_DIRECTORY`: where wrangler of an earlier step wrote what it deployed.
    pub(crate) wrangler_output: Option<PathBuf>,
    /// Now.
    pub(crate) now: DateTime<Utc>,
    stdout: Stream,
    stderr: Stream,
    /// How wide the terminal is, where there is one.
    pub(crate) columns: Option<usize>,
}

/// A workflow run of GitHub Actions. Variables:
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/variables>.
#[derive(Clone, Debug)]
pub(crate) struct Actions {
    /// `GITHUB_EVENT_NAME`
    pub(crate) event_name: String,
    /// `GITHUB_EVENT_PATH`
    pub(crate) event_path: Option<PathBuf>,
    /// `GITHUB_REPOSITORY`: owner/name.
    pub(crate) repository: Option<String>,
    /// `GITHUB_SERVER_URL`
    pub(crate) server_url: String,
    /// `GITHUB_OUTPUT`
    pub(crate) output: Option<PathBuf>,
    /// `GITHUB_STEP_SUMMARY`
    pub(crate) step_summary: Option<PathBuf>,
    /// `GITHUB_RUN_ID`
    pub(crate) run_id: Option<u64>,
    /// `GITHUB_RUN_ATTEMPT`
    pub(crate) run_attempt: Option<u32>,
    /// `GITHUB_WORKFLOW`
    pub(crate) workflow: Option<String>,
    /// `GITHUB_SHA`
    pub(crate) sha: Option<String>,
    /// `GITHUB_HEAD_REF`, else `GITHUB_REF_NAME`.
    pub(crate) branch: Option<String>,
    /// `GITHUB_ACTOR`
    pub(crate) actor: Option<String>,
    /// `RUNNER_TEMP`
    pub(crate) temporary: Option<PathBuf>,
}

/// Addresses and keys of sinks, as the environment gives them; each with the name of its variable.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sinks {
    /// `MAINGUARD_POSTHOG_API_KEY`, `POSTHOG_API_KEY`
    pub(crate) posthog_key: Option<Given>,
    /// `MAINGUARD_POSTHOG_HOST`, `POSTHOG_HOST`
    pub(crate) posthog_host: Option<Given>,
    /// `MAINGUARD_POSTHOG_PLAIN`: bodies that are not compressed, for a proxy that looks into them.
    pub(crate) posthog_plain: bool,
    /// `MAINGUARD_SLACK_WEBHOOK_URL`, `SLACK_WEBHOOK_URL`
    pub(crate) slack_url: Option<Given>,
    /// `MAINGUARD_CDEVENTS_URL`
    pub(crate) cdevents_url: Option<Given>,
    /// `MAINGUARD_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_ENDPOINT`
    pub(crate) otlp_endpoint: Option<Given>,
    /// `OTEL_EXPORTER_OTLP_HEADERS`
    pub(crate) otlp_headers: Option<Given>,
    /// `MAINGUARD_DATABASE_URL`
    pub(crate) database: Option<Given>,
    /// `MAINGUARD_OUTBOX`
    pub(crate) outbox: Option<PathBuf>,
    /// `MAINGUARD_TELEMETRY`: `on` and `off` decide; otherwise `check` and `queue` tell only from a workflow.
    pub(crate) telemetry: Option<String>,
    /// The temporary folder of this machine.
    pub(crate) temporary: PathBuf,
}

/// A variable's value; it may be a key and is not printed.
#[derive(Clone)]
pub(crate) struct Given {
    pub(crate) variable: &'static str,
    pub(crate) value: String,
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}=***", self.variable)
    }
}

impl Sinks {
    fn read() -> Sinks {
        // The first that is set, were it to nothing: that is worth a word.
        let first = |names: &[&'static str]| {
            names.iter().find_map(|variable| {
                let value = std::env::var(variable).ok()?;
                Some(Given { variable, value })
            })
        };
        Sinks {
            posthog_key: first(&["MAINGUARD_POSTHOG_API_KEY", "POSTHOG_API_KEY"]),
            posthog_host: first(&["MAINGUARD_POSTHOG_HOST", "POSTHOG_HOST"]),
            posthog_plain: text("MAINGUARD_POSTHOG_PLAIN").is_some_and(|value| value != "0" && value != "false"),
            slack_url: first(&["MAINGUARD_SLACK_WEBHOOK_URL", "SLACK_WEBHOOK_URL"]),
            cdevents_url: first(&["MAINGUARD_CDEVENTS_URL"]),
            otlp_endpoint: first(&["MAINGUARD_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"]),
            otlp_headers: first(&["OTEL_EXPORTER_OTLP_HEADERS"]),
            database: first(&["MAINGUARD_DATABASE_URL"]),
            outbox: path("MAINGUARD_OUTBOX"),
            telemetry: text("MAINGUARD_TELEMETRY"),
            temporary: std::env::temp_dir(),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Stream {
    color: bool,
}

impl Environment {
    /// Reads everything.
    pub(crate) fn read() -> Environment {
        let actions = (text("GITHUB_ACTIONS").as_deref() == Some("true")).then(|| Actions {
            event_name: text("GITHUB_EVENT_NAME").unwrap_or_default(),
            event_path: path("GITHUB_EVENT_PATH"),
            repository: text("GITHUB_REPOSITORY"),
            server_url: text("GITHUB_SERVER_URL").unwrap_or_else(|| "https://github.com".into()),
            output: path("GITHUB_OUTPUT"),
            step_summary: path("GITHUB_STEP_SUMMARY"),
            run_id: text("GITHUB_RUN_ID").and_then(|id| id.parse().ok()),
            run_attempt: text("GITHUB_RUN_ATTEMPT").and_then(|attempt| attempt.parse().ok()),
            workflow: text("GITHUB_WORKFLOW"),
            sha: text("GITHUB_SHA"),
            branch: text("GITHUB_HEAD_REF").or_else(|| text("GITHUB_REF_NAME")),
            actor: text("GITHUB_ACTOR"),
            temporary: path("RUNNER_TEMP"),
        });
        let plain = text("NO_COLOR").is_some() || text("TERM").as_deref() == Some("dumb");
        let forced = text("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        let color = |terminal: bool| !plain && (terminal || forced);
        Environment {
            actions,
            pre_commit_range: text("PRE_COMMIT_FROM_REF").zip(text("PRE_COMMIT_TO_REF")),
            api_url: text("GITHUB_API_URL").unwrap_or_else(|| "https://api.github.com".into()),
            token: text("MAINGUARD_GITHUB_TOKEN")
                .or_else(|| text("GITHUB_TOKEN"))
                .and_then(|token| mainguard::github::client::Token::new(&token)),
            gitleaks_config_toml: text("GITLEAKS_CONFIG_TOML"),
            ci: text("CI").is_some_and(|value| value != "0" && !value.eq_ignore_ascii_case("false")),
            for_children: for_children(),
            temporary: std::env::temp_dir(),
            secrets: std::env::vars_os().filter_map(|(name, value)| secret_name(&name, &value)).collect(),
            cache: cache(),
            sinks: Sinks::read(),
            wrangler_output: path("WRANGLER_OUTPUT_FILE_DIRECTORY"),
            // Tests only: a clock that is wrong.
            now: text("MAINGUARD_TEST_NOW").and_then(|now| now.parse().ok()).unwrap_or_else(Utc::now),
            stdout: Stream { color: color(std::io::stdout().is_terminal()) },
            stderr: Stream { color: color(std::io::stderr().is_terminal()) },
            columns: text("COLUMNS").and_then(|columns| columns.parse().ok()),
        }
    }

    /// A variable that looks like a secret, by name.
    pub(crate) fn secret(&self) -> Option<&str> {
        self.secrets.first().map(String::as_str)
    }

    /// The address of this workflow run, for people.
    pub(crate) fn run_url(&self) -> Option<String> {
        let actions = self.actions.as_ref()?;
        let (server, id) = (actions.server_url.trim_end_matches('/'), actions.run_id?);
        Some(format!("{server}/{}/actions/runs/{id}", actions.repository.as_deref()?))
    }

    /// Whether stdout is to be coloured.
    pub(crate) fn color_stdout(&self, when: When) -> bool {
        decide(when, self.stdout)
    }

    /// Whether stderr is to be coloured.
    pub(crate) fn color_stderr(&self, when: When) -> bool {
        decide(when, self.stderr)
    }
}

fn decide(when: When, stream: Stream) -> bool {
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto => stream.color,
    }
}

/// Whether a variable is set to nothing, as a composite action does with an input that was left out.
pub(crate) fn is_blank(name: &std::ffi::OsStr) -> bool {
    std::env::var_os(name).is_some_and(|value| value.to_str().is_some_and(|text| text.trim().is_empty()))
}

/// Nothing in here lets anybody in anywhere.
fn for_children() -> Vec<(OsString, OsString)> {
    let names = ["PATH", "LANG", "LC_ALL", "TZ", "SYSTEMROOT", "COMSPEC", "PATHEXT", "JAVA_HOME", "GOROOT"];
    names.iter().filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?))).collect()
}

fn secret_name(name: &OsString, value: &OsString) -> Option<String> {
    let name = name.to_string_lossy();
    let upper = name.to_ascii_uppercase();
    let words = [
        "TOKEN",
        "SECRET",
        "PASSWORD",
        "PASSWD",
        "CREDENTIAL",
        "APIKEY",
        "API_KEY",
        "ACCESS_KEY",
        "PRIVATE_KEY",
        "AUTH",
    ];
    (!value.is_empty() && words.iter().any(|word| upper.contains(word))).then(|| name.into_owned())
}

fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn path(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from)
}

/// <https://specifications.freedesktop.org/basedir-spec/latest/>, and what Windows has in its place.
fn cache() -> PathBuf {
    let home = || path("HOME").map(|home| home.join(".cache"));
    let folder = path("XDG_CACHE_HOME").or_else(home).or_else(|| path("LOCALAPPDATA"));
    folder.unwrap_or_else(std::env::temp_dir).join("mainguard")
}

/// The path of this very program, for hooks that must find it again.
pub(crate) fn program() -> Option<PathBuf> {
    std::env::current_exe().ok()
}
