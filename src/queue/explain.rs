//! Where a pull request stands and why, in words.

use chrono::{DateTime, Duration, Utc};

use super::build::{Build, BuildPhase};
use super::config::Config;
use super::entry::{Entry, Phase};
use super::order;
use super::state::State;
use super::tell;
use super::world::{PullNumber, World};

/// Everybody who is still in the queue: first who is being built, in the order of the train, then who waits, in order.
pub fn line(state: &State, config: &Config) -> Vec<PullNumber> {
    let ageing = Duration::minutes(config.ageing_minutes.into());
    let built = |entry: &Entry| {
        let has = |id: &super::build::BuildId| state.builds.get(id).is_some_and(|build| build.has(entry.pull));
        state.train.iter().position(has).unwrap_or(usize::MAX)
    };
    let mut entries: Vec<&Entry> =
        state.entries.values().filter(|entry| !matches!(entry.phase, Phase::Done(_))).collect();
    entries.sort_by_cached_key(|entry| {
        let held = matches!(entry.phase, Phase::Held(_));
        (built(entry), held, order::place(entry, ageing))
    });
    entries.into_iter().map(|entry| entry.pull).collect()
}

/// Where the pull request stands and why: sentences in Markdown, one per line.
pub fn explain(state: &State, world: &World, config: &Config, pull: PullNumber, now: DateTime<Utc>) -> Vec<String> {
    let mut lines = Vec::new();
    for problem in config.problems() {
        lines.push(format!("The queue does nothing, because its configuration cannot be used: {problem}"));
    }
    let Some(entry) = state.entries.get(&pull) else {
        let words = match world.pulls.get(&pull) {
            Some(seen) if seen.queued.as_ref().is_some_and(|label| label.may_queue == Some(false)) => {
                "carries the label, but whoever set it may not queue it"
            }
            Some(seen) if seen.queued.is_some() => "carries the label and will be queued by the next plan",
            Some(_) => "is not in the queue: it does not carry the label",
            None => "is not in the queue",
        };
        lines.push(format!("#{pull} {words}."));
        return lines;
    };
    if let Some(freeze) = &state.freeze {
        lines.push(format!("The queue is frozen since {}: {}.", moment(freeze.since), freeze.reason));
    }
    let ahead = line(state, config).iter().take_while(|&&other| other != pull).count();
    match &entry.phase {
        Phase::Waiting => {
            lines.push(format!("#{pull} waits for its turn at `{}`; {ahead} are ahead of it.", entry.head.short()));
            if state.units.iter().any(|unit| unit.pulls.contains(&pull)) {
                lines.push(match entry.reds {
                    0 => "It was in a batch that was red, and is tested again in a smaller group.".into(),
                    reds => format!("It was red alone {reds} time(s), and is tested once more before it is blamed."),
                });
            }
            if let Some(dependency) = entry.depends_on.iter().find(|on| is_live(state, **on)) {
                lines.push(format!("It goes after #{dependency}, on which it depends."));
            }
        }
        Phase::Held(hold) => lines.push(format!("#{pull} is held: {}.", tell::hold_in_words(hold))),
        Phase::Building(id) | Phase::Landing(id) => {
            if let Some(build) = state.builds.get(id) {
                lines.extend(explain_build(state, build, now));
            }
        }
        Phase::Done(exit) => {
            lines.push(format!(
                "#{pull} left on {}: {}.",
                moment(entry.since),
                tell::exit_in_words(exit, &state.branch)
            ));
        }
    }
    let is_live = !matches!(entry.phase, Phase::Done(_));
    if is_live && state.stats.samples > 0 && state.freeze.is_none() {
        let depth = u64::from(config.depth.max(1));
        let rounds = 1.0 + (ahead as u64 / depth) as f64;
        let minutes = (state.stats.ci_seconds * rounds / 60.0).ceil();
        lines.push(format!(
            "A run takes about {:.0} minutes; at this pace it lands in about {minutes:.0}.",
            state.stats.ci_seconds / 60.0
        ));
    }
    if is_live && entry.overtaken > 0 {
        lines.push(format!("It was overtaken {} time(s).", entry.overtaken));
    }
    lines
}

fn is_live(state: &State, pull: PullNumber) -> bool {
    state.entries.get(&pull).is_some_and(|entry| !matches!(entry.phase, Phase::Done(_)))
}

fn explain_build(state: &State, build: &Build, now: DateTime<Utc>) -> Vec<String> {
    let members: Vec<String> = build.pulls().map(|pull| format!("#{pull}")).collect();
    let below = match &build.onto {
        super::build::Onto::Commit(commit) => format!("`{}` at `{}`", state.branch, commit.short()),
        super::build::Onto::Build(below) => {
            let carried: Vec<String> = state
                .builds
                .get(below)
                .map(|below| below.pulls().map(|pull| format!("#{pull}")).collect())
                .unwrap_or_default();
            format!("build `{below}` ({})", carried.join(", "))
        }
    };
    let standing = match &build.phase {
        BuildPhase::Planned => "its commit is being made".to_string(),
        BuildPhase::Created => "its branch is being pushed".to_string(),
        BuildPhase::Running => {
            let minutes = build.started_at.map_or(0, |started| (now - started).num_minutes().max(0));
            format!("its checks run since {minutes} minute(s)")
        }
        BuildPhase::Green => "it is green and waits for what is below it".to_string(),
        BuildPhase::Landing => "it is green and lands now".to_string(),
        BuildPhase::Red { .. } => "it is red; whose fault that is shows when what is below it has landed".to_string(),
        _ => "it failed; what that means shows when what is below it has landed".to_string(),
    };
    vec![format!("Build `{}` merges {} onto {below}: {standing}.", build.id, members.join(", "))]
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}
