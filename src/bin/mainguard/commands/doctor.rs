//! `mainguard doctor`: what would keep mainguard from working here, each with its fix.

#![expect(clippy::disallowed_methods, reason = "looks at hooks and workflows on disk")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use mainguard::git::Repository;
use mainguard::policy;
use serde::Serialize;

use crate::args::DoctorArgs;
use crate::console::Console;
use crate::environment::Environment;
use crate::gather;

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Good,
    /// Works, and could be better.
    Hint,
    /// Keeps mainguard from judging.
    Bad,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    state: State,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

pub(crate) fn run(args: DoctorArgs, repo: &Path, environment: &Environment, console: &Console) -> anyhow::Result<u8> {
    let checks = examine(repo, environment);
    let healthy = checks.iter().all(|check| check.state != State::Bad);
    match args.json {
        true => {
            let json = serde_json::json!({"version": 1, "healthy": healthy, "checks": checks});
            console.answer(&serde_json::to_string_pretty(&json)?)?;
        }
        false => console.answer(&render(&checks, console.color))?,
    }
    Ok(if healthy { 0 } else { 1 })
}

fn examine(repo: &Path, environment: &Environment) -> Vec<Check> {
    let mut checks = Checks(Vec::new());
    let repository = match Repository::discover(repo) {
        Ok(repository) => repository,
        Err(error) => {
            checks.bad("repository", error.to_string(), error.hint().unwrap_or_else(|| "run it in a clone".into()));
            return checks.0;
        }
    };
    checks.good("repository", format!("{}", repository.git_dir().display()));
    history(&repository, &mut checks);
    the_policy(&repository, &mut checks);
    template(&repository, &mut checks);
    hooks(&repository, &mut checks);
    workflows(&repository, &mut checks);
    actions(environment, &mut checks);
    checks.0
}

fn history(repository: &Repository, checks: &mut Checks) {
    match repository.is_shallow() {
        true => checks.bad(
            "history",
            "this clone is shallow: the base of a change may be missing".into(),
            "`git fetch --unshallow`, or `fetch-depth: 0` in actions/checkout".into(),
        ),
        false => checks.good("history", "complete".into()),
    }
    let head = match repository.head() {
        Ok(Some(head)) => head,
        Ok(None) => return checks.hint("base", "no commit yet".into(), "commit something first".into()),
        Err(error) => return checks.bad("base", error.to_string(), error.hint().unwrap_or_default()),
    };
    match repository.guess_base(&head) {
        Ok(Some(base)) => checks.good("base", format!("{}, {}", base.name, gather::describe(base.how))),
        Ok(None) => checks.hint(
            "base",
            "no upstream, no origin/HEAD, no main or master to compare with".into(),
            "pass --base, or `git remote set-head origin --auto`".into(),
        ),
        Err(error) => checks.bad("base", error.to_string(), error.hint().unwrap_or_default()),
    }
}

fn the_policy(repository: &Repository, checks: &mut Checks) {
    match gather::working_policy(repository) {
        Ok(policy) => match &policy.source {
            Some(source) => checks.good("policy", format!("{} is sound", source.path)),
            None => checks.hint("policy", "no configuration: the defaults hold".into(), "mainguard init".into()),
        },
        Err(error) => checks.bad("policy", format!("{error:#}"), "mainguard config check".into()),
    }
}

fn template(repository: &Repository, checks: &mut Checks) {
    let Some(top) = repository.work_dir() else { return };
    match policy::TEMPLATE_PATHS.iter().find(|path| top.join(path).is_file()) {
        Some(path) => checks.good("pull request template", path.to_string()),
        None => checks.hint(
            "pull request template",
            "none: authors do not see what the critic asks for".into(),
            "mainguard critic template > .github/pull_request_template.md".into(),
        ),
    }
}

fn hooks(repository: &Repository, checks: &mut Checks) {
    let hook = repository.hooks_dir().join("pre-push");
    match fs::read(&hook).map(|text| String::from_utf8_lossy(&text).contains("mainguard")) {
        Ok(true) => checks.good("pre-push hook", hook.display().to_string()),
        _ => checks.hint(
            "pre-push hook",
            "not installed: pushes are not judged here".into(),
            "mainguard hook install".into(),
        ),
    }
}

/// The two mistakes that make a workflow judge nothing: a checkout without history, and no event that re-judges after
/// a label or an edited description.
fn workflows(repository: &Repository, checks: &mut Checks) {
    let Some(folder) = repository.work_dir().map(|top| top.join(".github/workflows")) else { return };
    let mut found = false;
    for entry in fs::read_dir(&folder).into_iter().flatten().flatten().take(200) {
        let is_workflow = entry.path().extension().is_some_and(|ending| ending == "yml" || ending == "yaml");
        let Ok(text) = fs::read_to_string(entry.path()) else { continue };
        if !is_workflow || !judges(&text) {
            continue;
        }
        found = true;
        let name = format!(".github/workflows/{}", entry.file_name().to_string_lossy());
        if !text.contains("fetch-depth: 0") {
            checks.bad(
                "workflow",
                format!("{name} checks out without history"),
                "give actions/checkout `fetch-depth: 0`".into(),
            );
        } else if text.contains("pull_request") && !(text.contains("edited") && text.contains("labeled")) {
            checks.hint(
                "workflow",
                format!("{name} does not run when a description is edited or a label is set"),
                "on.pull_request.types: [opened, synchronize, reopened, edited, labeled, unlabeled, ready_for_review]"
                    .into(),
            );
        } else {
            checks.good("workflow", name);
        }
    }
    if !found {
        checks.hint("workflow", "no workflow calls mainguard".into(), "mainguard init".into());
    }
}

/// Whether a workflow has a step that judges: the command, or the action.
fn judges(workflow: &str) -> bool {
    workflow.lines().map(str::trim).any(|line| {
        let step = line.trim_start_matches("- ");
        let action = step.strip_prefix("uses:").map(str::trim).is_some_and(|uses| {
            let name = uses.split(['@', ' ']).next().unwrap_or_default();
            name.ends_with("/mainguard") || name.contains("/mainguard/actions/")
        });
        action || line.contains("mainguard check") || line.contains("mainguard critic")
    })
}

fn actions(environment: &Environment, checks: &mut Checks) {
    let Some(actions) = &environment.actions else { return };
    match &actions.event_path {
        Some(path) if path.is_file() => checks.good("event", actions.event_name.clone()),
        _ => checks.bad("event", "GITHUB_EVENT_PATH names no file".into(), "run it as a step of a workflow".into()),
    }
    match environment.token {
        Some(_) => checks.good("token", "present".into()),
        None => checks.hint(
            "token",
            "none: nothing can be published and who set a label is not known".into(),
            "pass `token` to the action, or GITHUB_TOKEN to the step".into(),
        ),
    }
}

struct Checks(Vec<Check>);

impl Checks {
    fn good(&mut self, name: &'static str, message: String) {
        self.0.push(Check { name, state: State::Good, message, fix: None });
    }

    fn hint(&mut self, name: &'static str, message: String, fix: String) {
        self.0.push(Check { name, state: State::Hint, message, fix: Some(fix) });
    }

    fn bad(&mut self, name: &'static str, message: String, fix: String) {
        self.0.push(Check { name, state: State::Bad, message, fix: Some(fix).filter(|fix| !fix.is_empty()) });
    }
}

fn render(checks: &[Check], color: bool) -> String {
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for check in checks {
        let (mark, style) = match check.state {
            State::Good => ("ok  ", "\x1b[32m"),
            State::Hint => ("hint", "\x1b[36m"),
            State::Bad => ("BAD ", "\x1b[1;31m"),
        };
        let message = crate::console::safe_lines(&check.message);
        let _ = match color {
            true => writeln!(text, "{style}{mark}\x1b[0m  {:width$}  {message}", check.name),
            false => writeln!(text, "{mark}  {:width$}  {message}", check.name),
        };
        if let Some(fix) = &check.fix {
            let _ = writeln!(text, "      {:width$}  fix: {fix}", "");
        }
    }
    let bad = checks.iter().filter(|check| check.state == State::Bad).count();
    let _ = match bad {
        0 => writeln!(text, "\nmainguard can judge changes here"),
        1 => writeln!(text, "\n1 thing keeps mainguard from judging changes here"),
        bad => writeln!(text, "\n{bad} things keep mainguard from judging changes here"),
    };
    text
}
