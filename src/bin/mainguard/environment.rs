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
    /// `GITHUB_RUN_ID`
    pub(crate) run_id: Option<String>,
    /// `GITHUB_OUTPUT`
    pub(crate) output: Option<PathBuf>,
    /// `GITHUB_STEP_SUMMARY`
    pub(crate) step_summary: Option<PathBuf>,
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
            run_id: text("GITHUB_RUN_ID"),
            output: path("GITHUB_OUTPUT"),
            step_summary: path("GITHUB_STEP_SUMMARY"),
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
            wrangler_output: path("WRANGLER_OUTPUT_FILE_DIRECTORY"),
            now: Utc::now(),
            stdout: Stream { color: color(std::io::stdout().is_terminal()) },
            stderr: Stream { color: color(std::io::stderr().is_terminal()) },
            columns: text("COLUMNS").and_then(|columns| columns.parse().ok()),
        }
    }

    /// The address of this workflow run, for people.
    pub(crate) fn run_url(&self) -> Option<String> {
        let actions = self.actions.as_ref()?;
        let (server, id) = (actions.server_url.trim_end_matches('/'), actions.run_id.as_deref()?);
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

fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn path(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from)
}

/// The path of this very program, for hooks that must find it again.
pub(crate) fn program() -> Option<PathBuf> {
    std::env::current_exe().ok()
}
