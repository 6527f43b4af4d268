//! What people are told: one comment per pull request that is edited in place, the queue's labels, a check run on the
//! head, the message of integration commits. Once per transition, and never with a stranger's text unescaped.

use std::collections::BTreeMap;

use crate::change::CommitId;
use crate::text::visible;

use super::action::{Action, CheckConclusion, Effect, Telling};
use super::build::{Build, BuildPhase, Purpose};
use super::entry::{Entry, ExitReason, FailedCheck, Hold, Phase};
use super::event::EventKind;
use super::plan::Round;
use super::world::PullNumber;

/// Finds the queue's comment again.
pub const MARKER: &str = "mainguard:queue";
/// Finds the comment of `/try` again.
pub const TRY_MARKER: &str = "mainguard:try";

impl Round<'_> {
    /// Remembers that the world is to be told; what was to be told under the same key is outdated.
    pub(super) fn tell(&mut self, key: String, what: Telling) {
        let id = self.next_serial();
        self.state.effects.insert(key, Effect { id, at: self.now, refused: 0, what });
    }

    /// Asks for what is still to be told, as far as the budget goes. Events cost nothing there.
    pub(super) fn emit_effects(&mut self) {
        let mut effects: Vec<&Effect> = self.state.effects.values().collect();
        effects.sort_by_key(|effect| effect.id);
        let mut writes = self.world.budget.writes;
        let mut short = false;
        for effect in effects {
            let costs = !matches!(effect.what, Telling::Event(_));
            if costs && writes == 0 {
                short = true;
                continue;
            }
            writes -= u32::from(costs);
            self.actions.push(Action::Effect(effect.clone()));
        }
        if let Some(at) = self.world.budget.resets_at.filter(|_| short) {
            self.wake_by(at);
        }
    }

    /// Gives every entry its phase and tells about those that changed.
    pub(super) fn tell_transitions(&mut self) {
        let mut building: BTreeMap<PullNumber, Phase> = BTreeMap::new();
        // Who lands wins over who is built again in the meantime.
        for id in self.state.train.iter().chain(&self.state.aside) {
            let Some(build) = self.state.builds.get(id) else { continue };
            for pull in build.pulls() {
                let phase = Phase::Building(id.clone());
                building.entry(pull).or_insert(phase);
            }
        }
        let landing = self.state.builds.values().filter(|build| build.phase == BuildPhase::Landing);
        for build in landing {
            let mut next = Some(build);
            let mut links = self.state.builds.len();
            while let Some(link) = next.filter(|_| links > 0) {
                links -= 1;
                for pull in link.pulls() {
                    building.insert(pull, Phase::Landing(build.id.clone()));
                }
                next = match &link.onto {
                    super::build::Onto::Build(below) => {
                        self.state.builds.get(below).filter(|below| below.phase != BuildPhase::Landed)
                    }
                    super::build::Onto::Commit(_) => None,
                };
            }
        }
        let mut changed = Vec::new();
        for entry in self.state.entries.values_mut() {
            if matches!(entry.phase, Phase::Waiting | Phase::Building(_) | Phase::Landing(_)) {
                entry.phase = building.remove(&entry.pull).unwrap_or(Phase::Waiting);
            }
            let before = self.before.entries.get(&entry.pull);
            if before.is_none_or(|old| old.round != entry.round || !is_same_to_people(&old.phase, &entry.phase)) {
                entry.since = self.now;
                changed.push(entry.clone());
            }
        }
        for entry in changed {
            let was_there = self.before.entries.get(&entry.pull).is_some_and(|old| old.round == entry.round);
            // Who was refused at the door never entered.
            if !was_there && !matches!(entry.phase, Phase::Done(_)) {
                self.emit_event(EventKind::QueueEntered, Some(&entry), None, "");
            }
            self.tell_about(&entry);
        }
        self.tell_tries();
    }

    fn tell_about(&mut self, entry: &Entry) {
        let pull = entry.pull;
        // Nothing is left to say on a pull request that somebody closed or merged.
        let is_gone = matches!(entry.phase, Phase::Done(ExitReason::Closed | ExitReason::MergedElsewhere));
        if !is_gone {
            let body = comment(entry, &self.state.branch, self.config.label.as_str());
            self.tell(format!("comment/{pull}"), Telling::Comment { pull, marker: MARKER.into(), body });
        }
        let wanted = labels(entry, self.config);
        self.tell(format!("labels/{pull}"), Telling::Labels { pull, wanted });
        if !is_gone {
            let (title, conclusion) = headline(entry);
            let summary = comment(entry, &self.state.branch, self.config.label.as_str());
            let what = Telling::CheckRun { pull, head: entry.head.clone(), title, summary, conclusion };
            self.tell(format!("check/{pull}"), what);
        }
        if let Phase::Done(exit) = &entry.phase {
            let seconds = (self.now - entry.at).num_seconds();
            self.emit_event(EventKind::QueueLeft { exit: exit.clone(), seconds }, Some(entry), None, "");
        }
    }

    fn tell_tries(&mut self) {
        let over: Vec<Build> = self
            .state
            .builds
            .values()
            .filter(|build| build.purpose == Purpose::Try && !build.told)
            .filter(|build| {
                build.phase == BuildPhase::Green || build.phase.is_failure() || build.phase == BuildPhase::Superseded
            })
            .cloned()
            .collect();
        for build in over {
            let words = match &build.phase {
                BuildPhase::Green => "is green".into(),
                BuildPhase::Red { checks } => format!("is red: {}", check_list(checks)),
                BuildPhase::Timeout { .. } => "took too long".into(),
                _ => "could not be tested".into(),
            };
            for member in &build.members {
                let commit = build.commit.as_ref().map_or("(none)", CommitId::short);
                let body = format!("Tried {} merged into the branch as `{commit}`: it {words}.", member.head.short());
                let pull = member.pull;
                self.tell(format!("try/{pull}"), Telling::Comment { pull, marker: TRY_MARKER.into(), body });
            }
            if let Some(stored) = self.state.builds.get_mut(&build.id) {
                stored.told = true;
                if stored.phase == BuildPhase::Green {
                    stored.phase = BuildPhase::Superseded;
                }
            }
        }
    }
}

/// Whether people need not be told of the difference.
fn is_same_to_people(before: &Phase, after: &Phase) -> bool {
    use std::mem::discriminant;
    match (before, after) {
        (Phase::Building(_) | Phase::Landing(_), Phase::Building(_) | Phase::Landing(_)) => true,
        (Phase::Held(before), Phase::Held(after)) => discriminant(before) == discriminant(after),
        (before, after) => discriminant(before) == discriminant(after),
    }
}

/// The labels of the queue as they ought to be.
fn labels(entry: &Entry, config: &super::Config) -> BTreeMap<String, bool> {
    let mut wanted = BTreeMap::new();
    let mut want = |name: &str, there: bool| {
        if !name.trim().is_empty() {
            wanted.insert(name.to_string(), there);
        }
    };
    want(&config.testing_label, matches!(entry.phase, Phase::Building(_) | Phase::Landing(_)));
    let failed = matches!(&entry.phase, Phase::Done(exit) if exit.is_failure());
    want(&config.failed_label, failed);
    // A label that was taken off stays off without our help, and one that was put on again since must stay.
    if entry.phase != Phase::Done(ExitReason::Dequeued) || !entry.label_seen {
        want(&config.label, !matches!(entry.phase, Phase::Done(_)));
    }
    wanted
}

impl ExitReason {
    /// Whether the queue sent it away because something about it failed.
    pub fn is_failure(&self) -> bool {
        match self {
            ExitReason::PullChecksFailed { .. }
            | ExitReason::PullChecksMissing { .. }
            | ExitReason::Conflict { .. }
            | ExitReason::Red { .. }
            | ExitReason::Timeout { .. }
            | ExitReason::NeverReported { .. }
            | ExitReason::TooFast { .. }
            | ExitReason::Infra { .. }
            | ExitReason::WorkflowFiles => true,
            ExitReason::Landed { .. }
            | ExitReason::MergedElsewhere
            | ExitReason::Empty
            | ExitReason::Closed
            | ExitReason::Dequeued
            | ExitReason::HeadChanged { .. }
            | ExitReason::BaseChanged { .. }
            | ExitReason::UnmanagedBranch { .. }
            | ExitReason::Draft
            | ExitReason::NotAuthorised { .. } => false,
        }
    }
}

/// One line for the check run, and how it ended.
fn headline(entry: &Entry) -> (String, Option<CheckConclusion>) {
    match &entry.phase {
        Phase::Waiting => ("waiting for its turn".into(), None),
        Phase::Held(_) => ("held".into(), None),
        Phase::Building(_) | Phase::Landing(_) => ("being tested with the branch".into(), None),
        Phase::Done(ExitReason::Landed { commit, .. }) => {
            (format!("landed as {}", commit.short()), Some(CheckConclusion::Success))
        }
        Phase::Done(exit) if exit.is_failure() => ("left the queue: failed".into(), Some(CheckConclusion::Failure)),
        Phase::Done(_) => ("left the queue".into(), Some(CheckConclusion::Neutral)),
    }
}

/// The comment on the pull request, without its marker.
fn comment(entry: &Entry, branch: &str, label: &str) -> String {
    let head = entry.head.short();
    match &entry.phase {
        Phase::Waiting => {
            format!("Queued for {} at `{head}` by {}. It waits for its turn.", code(branch), code(&entry.by))
        }
        Phase::Held(hold) => format!("Queued for {} at `{head}`, but held: {}.", code(branch), hold_in_words(hold)),
        Phase::Building(build) | Phase::Landing(build) => {
            format!("`{head}` is being tested together with {} (build `{build}`).", code(branch))
        }
        Phase::Done(exit) => {
            let again = match exit {
                ExitReason::Landed { .. } | ExitReason::MergedElsewhere | ExitReason::Empty | ExitReason::Closed => {
                    String::new()
                }
                _ => format!("\n\nTo queue it again: set the label {} again, or comment `/retry`.", code(label)),
            };
            format!("{}.{again}", capitalised(&exit_in_words(exit, branch)))
        }
    }
}

/// Why it waits, as the end of a sentence. Markdown.
pub(super) fn hold_in_words(hold: &Hold) -> String {
    match hold {
        Hold::Checks { waiting_for } => format!("its own checks are not green yet ({})", names(waiting_for)),
        Hold::ActionRequired { check } => format!("the check {} waits for a person", code(check)),
        Hold::Draft => "it is a draft".into(),
        Hold::Approval => "it lacks an approval".into(),
        Hold::ChangesRequested => "a reviewer asks for changes".into(),
        Hold::Dependency { on } => format!("it depends on #{on}, which has not landed and is not queued"),
        Hold::DependencyCircle { through } => {
            let circle: Vec<String> = through.iter().map(|pull| format!("#{pull}")).collect();
            format!("these wait for each other: {}", circle.join(", "))
        }
        Hold::Stacked { on } => format!("it is stacked on #{on}, which must land first"),
        Hold::ConflictAhead { with, files } => {
            format!("it conflicts with #{with}, which is ahead of it ({})", names(files))
        }
        Hold::Unknown { reason } => code(reason),
    }
}

/// Why it left, as a sentence without its full stop. Markdown.
pub(super) fn exit_in_words(exit: &ExitReason, branch: &str) -> String {
    match exit {
        ExitReason::Landed { commit, build } => {
            format!(
                "landed on {} with the commit {commit}, which is the commit that build `{build}` tested",
                code(branch)
            )
        }
        ExitReason::MergedElsewhere => "it was merged without the queue".into(),
        ExitReason::Empty => format!("{} contains all of it already: there is nothing to land", code(branch)),
        ExitReason::Closed => "it was closed".into(),
        ExitReason::Dequeued => "it was taken out of the queue".into(),
        ExitReason::HeadChanged { from, to } => {
            format!("its head changed from `{}`, which was queued, to `{}`", from.short(), to.short())
        }
        ExitReason::BaseChanged { to } => format!("it would enter {} now, not {}", code(to), code(branch)),
        ExitReason::UnmanagedBranch { branch: other } => format!("the branch {} has no queue", code(other)),
        ExitReason::Draft => "it became a draft while it was tested".into(),
        ExitReason::NotAuthorised { by } => format!("{} may not queue it: that needs write permission", code(by)),
        ExitReason::PullChecksFailed { checks } => format!("its own checks failed: {}", names(checks)),
        ExitReason::PullChecksMissing { checks } => {
            format!("these checks never reported on its head, or never ended: {}", names(checks))
        }
        ExitReason::Conflict { files, with } => {
            let with = with.map(|with| format!(" since #{with} landed")).unwrap_or_default();
            format!("it conflicts with {}{with}: {}", code(branch), names(files))
        }
        ExitReason::Red { build, checks, landed_since } => {
            let since: Vec<String> = landed_since.iter().map(|pull| format!("#{pull}")).collect();
            let since = match since.is_empty() {
                true => String::new(),
                false => format!(
                    ". Since it was queued these landed, with which it may not go together: {}",
                    since.join(", ")
                ),
            };
            format!(
                "merged alone onto a green {} it is red: {} (build `{build}`){since}",
                code(branch),
                check_list(checks)
            )
        }
        ExitReason::Timeout { build, checks } => {
            format!("its build `{build}` took too long; these had not ended: {}", names(checks))
        }
        ExitReason::NeverReported { build, checks } => {
            format!("these checks never reported on its build `{build}`: {}", names(checks))
        }
        ExitReason::TooFast { build, seconds } => {
            format!("its build `{build}` was green after {seconds} s, too fast to be believed")
        }
        ExitReason::Infra { message } => {
            format!("CI did not do its work, which says nothing about the change: {}", code(message))
        }
        ExitReason::WorkflowFiles => {
            "it changes workflow files, which the queue's token may not push; the queue needs a \
                                      deploy key or an app with `workflows: write`"
                .into()
        }
    }
}

/// The message of an integration commit. The trailers are the last paragraph, into which no title reaches.
pub(super) fn commit_message(build: &Build) -> String {
    let numbers: Vec<String> = build.pulls().map(|pull| format!("#{pull}")).collect();
    let subject = match &*build.members {
        [] => "Test the branch itself".to_string(),
        [only] => format!("Merge #{}: {}", only.pull, only.title.trim()),
        _ => format!("Merge {}", numbers.join(", ")),
    };
    let mut message = format!("{}\n", visible(&subject));
    if build.members.len() > 1 {
        message.push('\n');
        for member in &build.members {
            message.push_str(&format!("- #{}: {}\n", member.pull, visible(member.title.trim())));
        }
    }
    message.push_str(&format!("\nMainguard-Build: {}\n", build.id));
    for member in &build.members {
        message.push_str(&format!("Mainguard-PR: #{}@{}\n", member.pull, member.head));
    }
    message
}

fn check_list(checks: &[FailedCheck]) -> String {
    let shown: Vec<String> = checks
        .iter()
        .take(10)
        .map(|check| match check.url.as_deref().filter(|url| is_plain_url(url)) {
            Some(url) => format!("[{}]({url})", code(&check.name)),
            None => code(&check.name),
        })
        .collect();
    if shown.is_empty() { "a check failed".into() } else { shown.join(", ") }
}

fn is_plain_url(url: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#&=%+@".contains(&byte);
    url.starts_with("https://") && url.len() < 2_000 && url.bytes().all(plain)
}

fn names(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(10).map(|name| code(name)).collect();
    let more = if names.len() > 10 { format!(" and {} more", names.len() - 10) } else { String::new() };
    if shown.is_empty() { "not known which".into() } else { format!("{}{more}", shown.join(", ")) }
}

/// A stranger's words as Markdown code, which nothing in them can end.
fn code(text: &str) -> String {
    let shown: String = visible(text).replace('`', "'").chars().take(200).collect();
    if shown.trim().is_empty() { "(empty)".into() } else { format!("`{shown}`") }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}
