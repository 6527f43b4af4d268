//! What `mainguard queue` prints.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use mainguard::queue::action::Telling;
use mainguard::queue::entry::{Entry, Phase};
use mainguard::queue::{Action, Config, State, explain, line};
use mainguard::queue_driver::doctor::{Ailment, Degree};
use mainguard::queue_driver::verify::{Finding, Verified};
use mainguard::queue_driver::{Foreseen, Ticked};
use mainguard::text::visible;

pub(super) fn ticked(ticked: &Ticked) -> String {
    let mut text = String::new();
    for done in &ticked.done {
        let _ = writeln!(text, "{}", visible(done));
    }
    for event in &ticked.events {
        let pull = event.pull.map(|pull| format!(" #{pull}")).unwrap_or_default();
        let _ = writeln!(text, "event {}{pull}", event.kind.name());
    }
    for trouble in &ticked.troubles {
        let _ = writeln!(text, "trouble: {}", visible(trouble));
    }
    if text.is_empty() {
        text.push_str("nothing to do\n");
    }
    if let Some(at) = ticked.wake_at {
        let _ = writeln!(text, "again at {} at the latest", at.format("%Y-%m-%d %H:%M:%S UTC"));
    }
    text
}

/// What a tick would do and why.
pub(super) fn plan(foreseen: &Foreseen, config: &Config, now: DateTime<Utc>) -> String {
    let mut text = String::new();
    for action in &foreseen.actions {
        let sentence = match action {
            Action::CreateCommit(recipe) => {
                let pulls: Vec<String> = recipe.members.iter().map(|member| format!("#{}", member.pull)).collect();
                format!("merge {} for build {}", pulls.join(", "), recipe.build)
            }
            Action::PushRef { name, .. } => format!("push {}", name.trim_start_matches("refs/heads/")),
            Action::Dispatch { build, attempt, .. } => format!("ask CI to test build {build}, attempt {attempt}"),
            Action::CancelRun { build, .. } => format!("cancel CI of build {build}"),
            Action::Land(land) => {
                let pulls: Vec<String> = land.members().map(|member| format!("#{}", member.pull)).collect();
                let checks: Vec<&str> =
                    land.tested().green().iter().map(|check| check.required.name.as_str()).collect();
                format!(
                    "land {} as {}: {} green on exactly this commit",
                    pulls.join(", "),
                    land.new_tip().short(),
                    checks.join(", ")
                )
            }
            Action::DeleteRef { name, .. } => format!("delete {}", name.trim_start_matches("refs/heads/")),
            Action::Effect(effect) => match &effect.what {
                Telling::Comment { pull, .. } => format!("comment on #{pull}"),
                Telling::Labels { pull, .. } => format!("set the labels of #{pull}"),
                Telling::CheckRun { pull, title, .. } => format!("check run on #{pull}: {title}"),
                Telling::DeleteBranch { pull, .. } => format!("delete the branch of #{pull}, unless somebody needs it"),
                Telling::Close { pull, .. } => format!("close #{pull}, which landed"),
                Telling::Event(event) => format!("event {}", event.kind.name()),
            },
            Action::WakeAt { at } => format!("look again at {}", at.format("%H:%M:%S UTC")),
        };
        let _ = writeln!(text, "- {}", visible(&sentence));
    }
    if text.is_empty() {
        text.push_str("A tick would do nothing.\n");
    }
    for pull in line(&foreseen.state, config) {
        text.push('\n');
        for sentence in explain(&foreseen.state, &foreseen.world, config, pull, now) {
            let _ = writeln!(text, "{}", visible(&sentence));
        }
    }
    for trouble in &foreseen.troubles {
        let _ = writeln!(text, "\nnot seen: {}", visible(trouble));
    }
    text
}

fn standing(entry: &Entry) -> (&'static str, String) {
    match &entry.phase {
        Phase::Waiting => ("waiting", String::new()),
        Phase::Held(_) => ("held", String::new()),
        Phase::Building(build) => ("testing", build.to_string()),
        Phase::Landing(build) => ("landing", build.to_string()),
        Phase::Done(_) => ("left", String::new()),
    }
}

pub(super) fn table(state: &State, config: &Config, now: DateTime<Utc>) -> String {
    let mut text = String::new();
    if let Some(freeze) = &state.freeze {
        let _ = writeln!(text, "FROZEN: {}\n", visible(&freeze.reason));
    }
    let live = line(state, config);
    if live.is_empty() {
        let _ = writeln!(text, "The queue of {} is empty.", visible(&state.branch));
    }
    for pull in live {
        let Some(entry) = state.entries.get(&pull) else { continue };
        let (word, build) = standing(entry);
        let minutes = (now - entry.at).num_minutes().max(0);
        let title: String = visible(&entry.title).chars().take(50).collect();
        let _ = writeln!(text, "{word:8} #{pull:<6} {} {minutes:>5} min  {title}  {build}", entry.head.short());
    }
    let stats = &state.stats;
    let per = stats.runs as f64 / stats.landed.max(1) as f64;
    let _ = writeln!(
        text,
        "\n{} landed, {} ejected, {:.2} CI runs per landed pull request, {:.0} minutes of CI on average",
        stats.landed,
        stats.ejected,
        per,
        stats.ci_seconds / 60.0
    );
    text
}

pub(super) fn json(state: &State, config: &Config) -> anyhow::Result<String> {
    let entries: Vec<serde_json::Value> = line(state, config)
        .into_iter()
        .filter_map(|pull| state.entries.get(&pull))
        .map(|entry| {
            let (phase, build) = standing(entry);
            serde_json::json!({
                "pull": entry.pull, "head": entry.head, "title": entry.title, "by": entry.by, "at": entry.at,
                "phase": phase, "build": Some(build).filter(|build| !build.is_empty()), "priority": entry.priority,
            })
        })
        .collect();
    let left: Vec<serde_json::Value> = state
        .entries
        .values()
        .filter_map(|entry| match &entry.phase {
            Phase::Done(exit) => Some(serde_json::json!({ "pull": entry.pull, "at": entry.since, "exit": exit })),
            _ => None,
        })
        .collect();
    let answer = serde_json::json!({
        "version": 1, "branch": state.branch, "frozen": state.freeze, "queue": entries, "left": left,
        "stats": state.stats,
    });
    Ok(serde_json::to_string_pretty(&answer)?)
}

pub(super) fn ailments(found: &[Ailment]) -> String {
    let mut text = String::new();
    for ailment in found {
        let mark = match ailment.degree {
            Degree::Good => "ok  ",
            Degree::Hint => "hint",
            Degree::Bad => "BAD ",
        };
        let _ = writeln!(text, "{mark}  {:16}  {}", ailment.about, visible(&ailment.found));
        if let Some(fix) = &ailment.fix {
            let _ = writeln!(text, "      {:16}  fix: {fix}", "");
        }
    }
    text
}

pub(super) fn verified(verified: &[Verified]) -> String {
    let mut text = String::new();
    let (mut proven, mut forged) = (0, 0);
    for one in verified {
        let (word, rest) = match &one.finding {
            Finding::Proven { build, pulls } => {
                proven += 1;
                let pulls: Vec<String> = pulls.iter().map(|(pull, head)| format!("#{pull}@{}", head.short())).collect();
                ("proven", format!("build {build}: {}", pulls.join(", ")))
            }
            Finding::Foreign => ("foreign", one.subject.clone()),
            Finding::Forged { why } => {
                forged += 1;
                ("FORGED", format!("{why}: {}", one.subject))
            }
        };
        let _ = writeln!(text, "{word:8} {}  {}", one.commit.short(), visible(&rest));
    }
    let _ = writeln!(text, "\n{proven} proven, {} not by the queue, {forged} forged", verified.len() - proven - forged);
    text
}
