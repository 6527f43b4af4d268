//! What the repository's workflow files say about the queue: who ticks it, with which token, and how CI is started.
//!
//! Files that are no workflows say nothing. They are the repository's own and are only read.

use serde_json::Value;

use super::{Found, Session, Surroundings};

/// How a workflow ticks the queue.
struct Ticking {
    /// With the workflow's own token, whose pushes start nothing.
    own_token: bool,
    /// The workflow that is dispatched.
    dispatch: Option<String>,
}

fn parsed(text: &str) -> Option<Value> {
    serde_yaml::from_str(text).ok()
}

/// The first step that uses the queue's action to tick.
fn ticking(workflow: &Value) -> Option<Ticking> {
    let steps = workflow["jobs"].as_object()?.values().filter_map(|job| job["steps"].as_array()).flatten();
    let ticks = |step: &&Value| {
        step["uses"].as_str().is_some_and(|uses| uses.contains("actions/queue@"))
            && !matches!(step["with"]["command"].as_str(), Some(other) if other != "tick")
    };
    let inputs = &steps.into_iter().find(ticks)?["with"];
    let input = |name: &str| inputs[name].as_str().map(str::trim).filter(|value| !value.is_empty());
    let is_own = |token: &str| token.contains("github.token") || token.contains("secrets.GITHUB_TOKEN");
    // What is pushed through a deploy key is not pushed by the token.
    let by_key = input("remote").is_some_and(|remote| !remote.starts_with("https://"));
    let own_token = input("github-token").is_none_or(is_own) && !by_key;
    Some(Ticking { own_token, dispatch: input("dispatch").map(str::to_string) })
}

/// How CI is started on integration branches, and whether it can be.
pub(super) fn starting_ci(session: &Session<'_>, around: Surroundings<'_>, found: &mut Found) {
    let there = around.workflows.iter().filter_map(|(_, text)| ticking(&parsed(text)?)).next();
    let own_token = around.workflow_token || there.as_ref().is_some_and(|there| there.own_token);
    let dispatch = session.dispatch.map(str::to_string).or(there.and_then(|there| there.dispatch));
    match (own_token, &dispatch) {
        (true, None) => found.bad(
            "starting CI",
            "a push with GITHUB_TOKEN starts no workflow: every build would wait for checks that never come".into(),
            "give the workflow that tests `on: workflow_dispatch` and name it with --dispatch, or use an app's token or \
             a deploy key",
        ),
        (_, Some(workflow)) => {
            if is_dispatchable(workflow, around, found) {
                found.good("starting CI", format!("by dispatching {workflow}"));
            }
        }
        (false, None) => found.good("starting CI", "by pushing integration branches".into()),
    }
    if own_token {
        found.hint(
            "workflow files",
            "GITHUB_TOKEN may not push changes of .github/workflows: such pull requests are sent away".into(),
            "use an app with `workflows: write`, or a deploy key",
        );
    }
}

/// Whether the workflow that is to be dispatched is there and can be. One that is named by its number is not looked at.
fn is_dispatchable(workflow: &str, around: Surroundings<'_>, found: &mut Found) -> bool {
    if around.workflows.is_empty() || workflow.bytes().all(|byte| byte.is_ascii_digit()) {
        return true;
    }
    let Some((_, text)) = around.workflows.iter().find(|(name, _)| name == workflow) else {
        found.bad(
            "starting CI",
            format!("{workflow} is to be dispatched, and there is no .github/workflows/{workflow}"),
            "name the file of the workflow that tests in `dispatch`",
        );
        return false;
    };
    if !text.contains("workflow_dispatch") {
        found.bad(
            "starting CI",
            format!("{workflow} is to be dispatched, and does not let itself be"),
            &format!("add `workflow_dispatch:` to `on:` of {workflow}"),
        );
        return false;
    }
    true
}

/// Who ticks.
pub(super) fn workflows(session: &Session<'_>, around: Surroundings<'_>, found: &mut Found) {
    let ticks = |text: &str| {
        text.contains("mainguard queue tick") || parsed(text).is_some_and(|workflow| ticking(&workflow).is_some())
    };
    let Some((name, tick)) = around.workflows.iter().find(|(_, text)| ticks(text)) else {
        return found.hint(
            "workflow",
            "none ticks the queue".into(),
            "copy examples/workflows/queue-tick.yml, or run `mainguard queue serve`",
        );
    };
    found.good("workflow", name.clone());
    if tick.contains("OWNER/mainguard") {
        found.bad(
            "workflow",
            format!("{name} still uses OWNER/mainguard, which does not exist"),
            "put the repository of mainguard and the commit of its release in its place",
        );
    }
    if !tick.contains("schedule:") {
        found.bad(
            "workflow",
            format!("{name} has no `schedule`: a lost event would stop the queue for ever"),
            "on.schedule: [{cron: '*/5 * * * *'}]; GitHub switches it off after 60 days without a commit",
        );
    }
    if !tick.contains("concurrency:") {
        found.hint(
            "workflow",
            format!("{name} has no concurrency group"),
            "concurrency: {group: mainguard-queue, cancel-in-progress: false}",
        );
    }
    awaited(name, tick, around, found);
    let tests =
        around.workflows.iter().any(|(_, text)| text.contains("mainguard/int") || text.contains("workflow_dispatch"));
    if !tests && session.dispatch.is_none() {
        found.bad(
            "workflow",
            "no workflow runs on integration branches".into(),
            "on.push.branches: ['mainguard/int/**'] in the workflow that tests",
        );
    }
}

/// A tick that waits for the end of a workflow that nobody is called waits for the clock instead.
fn awaited(name: &str, tick: &str, around: Surroundings<'_>, found: &mut Found) {
    let Some(workflow) = parsed(tick) else { return };
    let names: Vec<Value> =
        around.workflows.iter().filter_map(|(_, text)| Some(parsed(text)?["name"].clone())).collect();
    let waits_for = workflow["on"]["workflow_run"]["workflows"].as_array().into_iter().flatten();
    for missing in waits_for.filter(|wanted| !names.contains(wanted)).filter_map(Value::as_str) {
        found.hint(
            "workflow",
            format!("{name} waits for the end of `{missing}`, and no workflow has this `name`"),
            "write the names of the workflows that test into `on.workflow_run.workflows`",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{parsed, ticking};

    const HEAD: &str = "on: push\njobs:\n  tick:\n    steps:\n      - uses: a/b/actions/queue@v1\n        with:\n";

    #[test]
    fn what_a_tick_pushes_with_is_read_from_its_inputs() {
        let of = |inputs: &str| {
            let there = ticking(&parsed(&format!("{HEAD}{inputs}")).unwrap());
            there.map(|there| (there.own_token, there.dispatch))
        };
        assert_eq!(of("          dispatch: ci.yml\n"), Some((true, Some("ci.yml".into()))));
        assert_eq!(of("          github-token: ${{ secrets.GITHUB_TOKEN }}\n"), Some((true, None)));
        assert_eq!(of("          github-token: ${{ steps.app.outputs.token }}\n"), Some((false, None)));
        assert_eq!(of("          remote: git@github.com:a/b.git\n"), Some((false, None)));
        assert_eq!(of("          command: intake\n"), None);
        assert!(parsed("- {").is_none() && ticking(&parsed("a").unwrap()).is_none());
    }
}
