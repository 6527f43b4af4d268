//! One plan, from what is remembered and observed to what to remember and to do. The steps stand in other files; here
//! is their order, and why it is this one.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};

use crate::change::CommitId;

use super::action::{Action, ActionKey, Recipe};
use super::build::{Build, BuildId, BuildPhase, Member, Onto, Purpose};
use super::config::Config;
use super::entry::{Entry, ExitReason, Phase};
use super::event::{Event, EventKind};
use super::freeze;
use super::safety::Safety;
use super::state::{Freeze, FrozenBy, Health, State, Unit};
use super::tell;
use super::world::{Outcome, PullNumber, Refusal, World};

/// How often an action is refused before people are asked.
const PATIENCE: u32 = 5;

/// What a plan works with while it is made.
pub(super) struct Round<'a> {
    pub(super) state: State,
    pub(super) world: &'a World,
    pub(super) config: &'a Config,
    pub(super) now: DateTime<Utc>,
    pub(super) safety: Safety,
    pub(super) actions: Vec<Action>,
    /// Entries that were read in this round and may be built and land.
    pub(super) fresh: BTreeSet<PullNumber>,
    /// What was remembered before this round.
    pub(super) before: &'a State,
    /// When to plan again at the latest.
    pub(super) wake: Option<DateTime<Utc>>,
}

pub(super) fn plan_with(
    state: &State,
    world: &World,
    config: &Config,
    now: DateTime<Utc>,
    safety: Safety,
) -> (State, Vec<Action>) {
    let mut round = Round {
        state: state.clone(),
        world,
        config,
        now,
        safety,
        actions: Vec::new(),
        fresh: BTreeSet::new(),
        before: state,
        wake: None,
    };
    let problems = config.problems();
    if !problems.is_empty() && safety.non_empty_set {
        round.freeze(FrozenBy::Config, problems.join("; "));
        round.emit_effects();
        return (round.state, round.actions);
    }
    round.take_outcomes();
    // First what landed, so that nobody who landed seems to have been merged by somebody else.
    let tip = round.read_base();
    round.take_intake();
    round.review_entries();
    if let Some(tip) = &tip {
        round.follow_builds();
        round.refreeze(tip);
        // What can land lands before anybody is blamed: it may absolve them.
        let landing = round.land(tip);
        if !landing {
            round.decide_failures(tip);
        }
        round.repair_train(tip);
        round.fill_train(tip);
        round.progress();
        round.tidy();
    }
    round.see_off_the_landed();
    round.tell_transitions();
    round.emit_effects();
    round.wake_up();
    (round.state, round.actions)
}

impl Round<'_> {
    pub(super) fn next_serial(&mut self) -> u64 {
        self.state.serial += 1;
        self.state.serial
    }

    pub(super) fn wake_by(&mut self, at: DateTime<Utc>) {
        if at > self.now {
            self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
        }
    }

    fn wake_up(&mut self) {
        if let Some(at) = self.wake {
            self.actions.push(Action::WakeAt { at });
        }
    }

    fn take_outcomes(&mut self) {
        let world = self.world;
        for (key, outcome) in &world.outcomes {
            match (key, outcome) {
                (ActionKey::Effect(id), Outcome::Done) => self.state.effects.retain(|_, effect| effect.id != *id),
                (ActionKey::Effect(id), Outcome::Refused { .. }) => self.state.effects.retain(|_, effect| {
                    effect.refused += u32::from(effect.id == *id);
                    effect.refused < PATIENCE
                }),
                (ActionKey::Land(build), Outcome::Refused { why, message }) => {
                    self.land_refused(build, *why, message);
                }
                (ActionKey::PushRef(build), Outcome::Refused { why, message }) => {
                    self.push_refused(build, *why, message);
                }
                (ActionKey::Dispatch(_), Outcome::Refused { message, .. }) => {
                    self.freeze(FrozenBy::Refused, format!("CI cannot be asked to run: {message}"));
                }
                (ActionKey::DeleteRef(_), Outcome::Refused { .. }) | (_, Outcome::Done | Outcome::Later { .. }) => {}
            }
        }
    }

    fn land_refused(&mut self, id: &BuildId, why: Refusal, message: &str) {
        let world = self.world;
        let Some(build) = self.state.builds.get_mut(id).filter(|build| build.phase == BuildPhase::Landing) else {
            return;
        };
        // Another runner was asked too, and was faster: it has landed, and not by a stranger's hand.
        if build.commit.as_ref().is_some_and(|commit| world.contains(commit)) {
            return;
        }
        build.phase = BuildPhase::Green;
        build.refused += 1;
        let patient = build.refused < PATIENCE;
        match why {
            // The next reading tells where the branch or the head is now.
            Refusal::Moved | Refusal::HeadChanged if patient => {}
            _ => self.freeze(FrozenBy::Refused, format!("the branch cannot be moved: {message}")),
        }
    }

    fn push_refused(&mut self, id: &BuildId, why: Refusal, message: &str) {
        let Some(build) = self.state.builds.get_mut(id).filter(|build| build.phase == BuildPhase::Created) else {
            return;
        };
        build.refused += 1;
        let patient = build.refused < PATIENCE;
        let pulls: Vec<PullNumber> = build.pulls().collect();
        match (why, &*pulls) {
            (Refusal::WorkflowFiles, [pull]) => self.leave(*pull, ExitReason::WorkflowFiles),
            (Refusal::WorkflowFiles, _) => {
                self.state.units.extend(pulls.iter().map(|&pull| Unit { pulls: vec![pull] }));
                self.supersede(id);
            }
            // Somebody else's ref stands in the way: the next build has another name.
            (Refusal::Moved | Refusal::Other, _) => self.supersede(id),
            // Hosts have bad minutes in which nobody may do anything.
            (Refusal::Permission, _) if patient => self.wake_by(self.now + Duration::minutes(1)),
            (Refusal::Protected | Refusal::Permission | Refusal::HeadChanged | Refusal::AuditFailed, _) => {
                self.freeze(FrozenBy::Refused, format!("integration branches cannot be pushed: {message}"));
            }
        }
    }

    /// Freezes unless something stronger did already.
    pub(super) fn freeze(&mut self, by: FrozenBy, reason: String) {
        let reason: String = crate::text::visible(&reason).chars().take(500).collect();
        let strength = |by: &FrozenBy| match by {
            FrozenBy::Schedule | FrozenBy::RedBase => 0,
            FrozenBy::Config | FrozenBy::Ejections | FrozenBy::Refused => 1,
            FrozenBy::Person(_) => 2,
        };
        if self.state.freeze.as_ref().is_some_and(|old| strength(&old.by) > strength(&by) || old.by == by) {
            return;
        }
        self.state.freeze = Some(Freeze { by, since: self.now, reason: reason.clone() });
        let serial = self.next_serial();
        self.emit_event(EventKind::Frozen { reason }, None, None, &serial.to_string());
    }

    pub(super) fn thaw(&mut self) {
        if self.state.freeze.take().is_some() {
            let serial = self.next_serial();
            self.emit_event(EventKind::Thawed, None, None, &serial.to_string());
        }
    }

    /// Freezes that come and go by themselves.
    fn refreeze(&mut self, tip: &CommitId) {
        let red = self.config.freeze.when_red
            && self.state.health == Some(Health { commit: tip.clone(), green: false })
            && self.state.waived.as_ref() != Some(tip);
        let scheduled = freeze::scheduled(&self.config.freeze, self.now).map(str::to_string);
        let over = match self.state.freeze.as_ref().map(|freeze| &freeze.by) {
            Some(FrozenBy::Config) => true,
            Some(FrozenBy::RedBase) => !red,
            Some(FrozenBy::Schedule) => scheduled.is_none(),
            Some(FrozenBy::Person(_) | FrozenBy::Ejections | FrozenBy::Refused) | None => false,
        };
        if over {
            self.thaw();
        }
        let limit = self.config.freeze.after_ejections;
        if limit > 0 && self.state.stats.failed_in_a_row >= limit {
            self.state.stats.failed_in_a_row = 0;
            self.freeze(
                FrozenBy::Ejections,
                format!("{limit} pull requests in a row failed and nothing landed: probably it is not their fault"),
            );
        } else if red {
            self.freeze(FrozenBy::RedBase, format!("the tip {} of `{}` is red", tip.short(), self.state.branch));
        } else if let Some(reason) = scheduled {
            self.freeze(FrozenBy::Schedule, reason);
            self.wake_by(self.now + Duration::minutes(15));
        }
    }

    /// Whether this pull request may be built and land now.
    pub(super) fn is_frozen_for(&self, pull: PullNumber) -> bool {
        let Some(freeze) = &self.state.freeze else { return false };
        let may_be_excepted = matches!(freeze.by, FrozenBy::Schedule | FrozenBy::RedBase);
        let labels = self.world.pulls.get(&pull).map(|pull| &*pull.labels).unwrap_or_default();
        let excepted = labels.iter().any(|label| self.config.freeze.except_labels.contains(label));
        !(may_be_excepted && excepted)
    }

    /// The builds from the branch up to this one, lowest first; `None` when it does not stand on the tip any more.
    pub(super) fn stack(&self, id: &BuildId, tip: &CommitId) -> Option<Vec<BuildId>> {
        let mut stack = vec![id.clone()];
        let mut build = self.state.builds.get(id)?;
        // A chain has no more links than there are builds, whatever a damaged state says.
        for _ in 0..self.state.builds.len() {
            match &build.onto {
                Onto::Commit(commit) if commit == tip => {
                    stack.reverse();
                    return Some(stack);
                }
                Onto::Commit(_) if self.safety.tested_base => return None,
                Onto::Commit(_) => {
                    stack.reverse();
                    return Some(stack);
                }
                Onto::Build(below) => {
                    build = self.state.builds.get(below)?;
                    if build.commit.as_ref() == Some(tip) {
                        stack.reverse();
                        return Some(stack);
                    }
                    if matches!(build.phase, BuildPhase::Superseded | BuildPhase::Landed) {
                        return None;
                    }
                    stack.push(below.clone());
                }
            }
        }
        None
    }

    /// Whether every member is still meant to land as it was built.
    pub(super) fn members_stand(&self, build: &Build) -> bool {
        build.members.iter().all(|member| {
            let entry = self.state.entries.get(&member.pull);
            entry.is_some_and(|entry| {
                (entry.head == member.head || !self.safety.pinned_head)
                    && !matches!(entry.phase, Phase::Done(_) | Phase::Held(_))
            })
        })
    }

    /// Whether all that must land before this pull request has landed or stands in `below`.
    pub(super) fn dependencies_stand(&self, entry: &Entry, below: &BTreeSet<PullNumber>) -> bool {
        !self.safety.dependencies || entry.depends_on.iter().all(|on| below.contains(on) || self.has_landed(*on))
    }

    pub(super) fn has_landed(&self, pull: PullNumber) -> bool {
        let done = self.state.entries.get(&pull).is_some_and(|entry| {
            matches!(entry.phase, Phase::Done(ExitReason::Landed { .. } | ExitReason::MergedElsewhere))
        });
        done || self.world.pulls.get(&pull).is_some_and(|pull| pull.state == super::world::PullState::Merged)
    }

    /// Makes a build's verdict void and stops its CI.
    pub(super) fn supersede(&mut self, id: &BuildId) {
        let now = self.now;
        let Some(build) = self.state.builds.get_mut(id) else { return };
        if build.phase == BuildPhase::Running
            && let Some(commit) = build.commit.clone()
        {
            self.actions.push(Action::CancelRun { build: id.clone(), commit });
        }
        build.phase = BuildPhase::Superseded;
        build.ended_at = build.ended_at.or(Some(now));
        self.state.train.retain(|other| other != id);
        self.state.aside.retain(|other| other != id);
    }

    pub(super) fn new_build(&mut self, purpose: Purpose, onto: Onto, members: Vec<Member>, suspect: bool) -> BuildId {
        let serial = self.next_serial();
        let id = BuildId::of(&self.state.branch, &onto, &members, serial);
        let build = Build {
            id: id.clone(),
            purpose,
            onto,
            suspect,
            members,
            commit: None,
            tree: None,
            planned_at: self.now,
            started_at: None,
            starts: 0,
            ended_at: None,
            refused: 0,
            told: false,
            phase: BuildPhase::Planned,
        };
        self.state.builds.insert(id.clone(), build);
        id
    }

    pub(super) fn recipe(&self, build: &Build) -> Recipe {
        // A commit that is known is named as such: the build that it came from may be forgotten by then.
        let known = match &build.onto {
            Onto::Build(below) => self.state.builds.get(below).and_then(|below| below.commit.clone()),
            Onto::Commit(_) => None,
        };
        Recipe {
            build: build.id.clone(),
            onto: known.map_or_else(|| build.onto.clone(), Onto::Commit),
            members: build.members.clone(),
            message: tell::commit_message(build),
            at: build.planned_at,
        }
    }

    /// The entry leaves; everything that hangs on it follows.
    pub(super) fn leave(&mut self, pull: PullNumber, reason: ExitReason) {
        let Some(entry) = self.state.entries.get_mut(&pull) else { return };
        if matches!(entry.phase, Phase::Done(_)) {
            return;
        }
        let landed = matches!(reason, ExitReason::Landed { .. });
        let stats = &mut self.state.stats;
        match &reason {
            ExitReason::Landed { .. } => {
                stats.landed += 1;
                stats.failed_in_a_row = 0;
                stats.last_landed = Some(self.now);
                stats.red += (0.0 - stats.red) * LEARNING;
            }
            ExitReason::Red { .. } | ExitReason::Timeout { .. } => {
                stats.ejected += 1;
                stats.failed_in_a_row += 1;
                stats.red += (1.0 - stats.red) * LEARNING;
            }
            ExitReason::NeverReported { .. } | ExitReason::TooFast { .. } | ExitReason::Infra { .. } => {
                stats.failed_in_a_row += 1;
            }
            _ => {}
        }
        entry.phase = Phase::Done(reason);
        entry.since = self.now;
        for unit in &mut self.state.units {
            unit.pulls.retain(|&other| other != pull);
        }
        self.state.units.retain(|unit| !unit.pulls.is_empty());
        self.fresh.remove(&pull);
        let mut flakes = 0;
        self.state.evidence.retain_mut(|red| {
            if !red.suspects.remove(&pull) {
                return true;
            }
            // Who left as the culprit explains it; who left otherwise may have been it.
            flakes += u32::from(landed && red.suspects.is_empty());
            landed && !red.suspects.is_empty()
        });
        self.state.stats.flake += (f64::from(flakes.min(1)) - self.state.stats.flake) * LEARNING / 5.0;
    }

    pub(super) fn emit_event(&mut self, kind: EventKind, entry: Option<&Entry>, build: Option<&BuildId>, nonce: &str) {
        let pull = entry.map(|entry| entry.pull);
        let subject = entry.map(|entry| format!("{}/{}/{}", entry.pull, entry.head, entry.round)).unwrap_or_default();
        let id = format!("{}/{}/{subject}/{nonce}", self.state.branch, kind.name());
        let event = Event {
            id: id.clone(),
            kind,
            branch: self.state.branch.clone(),
            pull,
            head: entry.map(|entry| entry.head.clone()),
            build: build.cloned(),
            at: self.now,
        };
        self.tell(format!("event/{id}"), super::action::Telling::Event(event));
    }
}

/// How much one outcome changes what was learned.
const LEARNING: f64 = 0.02;
