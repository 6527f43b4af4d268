//! What would keep the queue from working, each with its fix, found before anybody waits for it.

use serde_json::Value;

use crate::git::integrate::RefUpdate;
use crate::github::{self, percent_encode};

use super::Session;

mod workflows;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Degree {
    /// All is well.
    Good,
    /// It works, and will surprise somebody.
    Hint,
    /// Nothing will land.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Ailment {
    /// What was looked at.
    pub about: &'static str,
    /// How bad it is.
    pub degree: Degree,
    /// What was found.
    pub found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// What only the caller knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Surroundings<'a> {
    /// Whether the token is a workflow's own `GITHUB_TOKEN`.
    pub workflow_token: bool,
    /// The texts of the repository's workflow files, by name.
    pub workflows: &'a [(String, String)],
}

/// Looks at everything that can be looked at without writing.
pub fn examine(session: &Session<'_>, around: Surroundings<'_>) -> Vec<Ailment> {
    let mut found = Found(Vec::new());
    let config = session.config;
    match config.problems() {
        problems if problems.is_empty() => {
            let names: Vec<&str> = config.queue_checks.iter().map(|check| check.name.as_str()).collect();
            found.good("required checks", names.join(", "));
        }
        problems => {
            for problem in problems {
                found.bad("configuration", problem, "write it into the section `queue` of .github/mainguard.yml");
            }
        }
    }
    match super::remembered(session) {
        Ok(state) => match &state.freeze {
            Some(freeze) => found.hint("state", format!("frozen: {}", freeze.reason), "mainguard queue thaw"),
            None => found.good("state", format!("{} entries", state.entries.len())),
        },
        Err(error) => {
            let fix = error.hint().unwrap_or_default();
            found.bad("state", error.to_string(), &fix);
        }
    }
    permissions(session, &mut found);
    rules(session, &mut found);
    label(session, &mut found);
    workflows::starting_ci(session, around, &mut found);
    workflows::workflows(session, around, &mut found);
    found.0
}

fn permissions(session: &Session<'_>, found: &mut Found) {
    let repository = session.repository;
    match session.client.get::<Value>(&format!("/repos/{repository}")) {
        Ok(answer) if answer["permissions"]["push"] == Value::Bool(false) => found.bad(
            "token",
            "it cannot write to the repository".into(),
            "give it `contents: write`, `pull-requests: write`, `issues: write`, `checks: write` and `actions: write`",
        ),
        Ok(_) => found.good("token", "GitHub accepts it".into()),
        Err(error) => {
            let fix = error.hint().unwrap_or_default();
            found.bad("token", error.to_string(), &fix);
        }
    }
}

/// <https://docs.github.com/en/rest/repos/rules#get-rules-for-a-branch>
fn rules(session: &Session<'_>, found: &mut Found) {
    let of = |branch: &str| -> Result<Vec<Value>, github::Error> {
        let path = format!("/repos/{}/rules/branches/{}?per_page=100", session.repository, percent_encode(branch));
        Ok(session.client.get_pages::<Vec<Value>, _>(&path, |page| page)?.items)
    };
    let rules = match of(session.branch) {
        Ok(rules) => rules,
        Err(error) => {
            return found.hint("rules", format!("they cannot be read: {error}"), "give the token `metadata: read`");
        }
    };
    let before = found.0.len();
    for rule in &rules {
        match rule["type"].as_str().unwrap_or_default() {
            "required_linear_history" => found.bad(
                "rules",
                "the branch requires a linear history, and the queue lands merge commits".into(),
                "take the rule off, or let the queue's app or deploy key bypass it",
            ),
            "required_signatures" => found.bad(
                "rules",
                "the branch requires signed commits, and the queue's are not signed".into(),
                "let the queue's app or deploy key bypass the rule",
            ),
            "pull_request" => found.bad(
                "rules",
                "the branch requires a pull request, and the queue moves it directly".into(),
                "add the queue's app (or, where a user owns the repository, its deploy key) to the rule's bypass list, \
                 mode `always`",
            ),
            "merge_queue" => found.bad(
                "rules",
                "GitHub's own merge queue is on for the branch".into(),
                "switch one of the two queues off",
            ),
            "required_status_checks" if rule["parameters"]["strict_required_status_checks_policy"] == true => found
                .bad(
                    "rules",
                    "the branch requires pull requests to be up to date, which makes everybody update again and again"
                        .into(),
                    "switch `Require branches to be up to date before merging` off: the queue sees to it",
                ),
            _ => {}
        }
    }
    if let Ok(rules) = of(&format!("mainguard/int/{}/0000000000000000", session.branch))
        && !rules.is_empty()
    {
        let kinds: Vec<&str> = rules.iter().filter_map(|rule| rule["type"].as_str()).take(5).collect();
        found.bad(
            "rules",
            format!("rules match the integration branches mainguard/int/**: {}", kinds.join(", ")),
            "exclude `mainguard/int/**` from the ruleset",
        );
    }
    if found.0.len() == before {
        found.good("rules", "none is in the way".into());
    }
}

/// Nobody can put a label on that does not exist.
fn label(session: &Session<'_>, found: &mut Found) {
    let label = &session.config.label;
    match session.client.get::<Value>(&format!("/repos/{}/labels/{}", session.repository, percent_encode(label))) {
        Ok(_) => found.good("label", label.clone()),
        Err(github::Error::NotFound { .. }) => found.hint(
            "label",
            format!("there is no label `{label}` yet"),
            &format!("gh label create {label} --description 'mainguard lands it when it is green'"),
        ),
        Err(_) => {}
    }
}

/// Whether a ref outside of branches can be written, tried on one that is deleted at once.
pub fn try_writing(session: &Session<'_>, now: chrono::DateTime<chrono::Utc>) -> Ailment {
    let name = format!("refs/mainguard/doctor/{}", session.branch);
    let mut found = Found(Vec::new());
    let written = session
        .store
        .commit_files(&std::collections::BTreeMap::new(), None, "doctor\n", now)
        .map_err(|error| error.to_string())
        .and_then(|commit| {
            let push = |old, new| {
                let update = RefUpdate { name: name.clone(), old, new };
                session.store.push(&[update]).map_err(|error| format!("{error:?}"))
            };
            push(None, Some(commit.clone()))?;
            push(Some(commit), None)
        });
    match written {
        Ok(()) => found.good("writing", "a ref was written and deleted".into()),
        Err(error) => found.bad("writing", error, "the token or key needs `contents: write`"),
    }
    found.0.remove(0)
}

struct Found(Vec<Ailment>);

impl Found {
    fn good(&mut self, about: &'static str, found: String) {
        self.0.push(Ailment { about, degree: Degree::Good, found, fix: None });
    }

    fn hint(&mut self, about: &'static str, found: String, fix: &str) {
        self.0.push(Ailment { about, degree: Degree::Hint, found, fix: Some(fix.into()) });
    }

    fn bad(&mut self, about: &'static str, found: String, fix: &str) {
        self.0.push(Ailment { about, degree: Degree::Bad, found, fix: Some(fix.into()) });
    }
}
