//! The train: builds in a row, each standing on the nearest one before it that has not failed.
//!
//! What pulls on this file: whoever stands behind a failure must go on without it at once; a running build is paid for
//! and thrown away only when its verdict would mean nothing; and whoever is probably red must not carry others.

use std::collections::BTreeSet;

use chrono::Duration;

use crate::change::CommitId;
use crate::text::visible;

use super::action::Action;
use super::build::{Build, BuildId, BuildPhase, Member, Onto, Purpose};
use super::entry::{Entry, Phase};
use super::plan::Round;
use super::state::Unit;
use super::world::{PullNumber, PullState};
use super::{batch, bisect, order};

/// Builds whose verdict is awaited only because it might absolve somebody.
const MOST_ASIDE: usize = 2;
/// How long a superseded build is remembered, so that a ref that another run was about to push is still known.
const REMEMBERED: Duration = Duration::hours(1);
/// How long, and how many, entries that left are remembered.
const REMEMBERED_EXIT: Duration = Duration::days(14);
const MOST_EXITS: usize = 500;

impl Round<'_> {
    /// Takes out of the train what is void, and puts in its place what goes on without it.
    pub(super) fn repair_train(&mut self, tip: &CommitId) {
        let train = std::mem::take(&mut self.state.train);
        let mut below: Option<BuildId> = None;
        let mut carried: BTreeSet<PullNumber> = BTreeSet::new();
        let mut repaired: Vec<BuildId> = Vec::new();
        for id in train {
            let Some(build) = self.state.builds.get(&id) else { continue };
            if matches!(build.phase, BuildPhase::Superseded | BuildPhase::Landed) {
                continue;
            }
            if !self.is_void(build, below.as_ref(), &repaired, &carried, tip) {
                if !build.phase.is_failure() && !build.suspect {
                    below = Some(id.clone());
                    carried.extend(build.pulls());
                }
                repaired.push(id);
                continue;
            }
            let (members, suspect) = (build.members.clone(), build.suspect);
            match self.may_absolve(&id, &repaired, tip) {
                true => self.state.aside.push(id),
                false => self.supersede(&id),
            }
            let group = self.startable(members.iter().map(|member| member.pull), &carried);
            if group.is_empty() || group.iter().any(|&pull| self.is_frozen_for(pull)) {
                continue;
            }
            if self.running() >= self.places() {
                self.state.units.push_front(Unit { pulls: group });
                continue;
            }
            let suspect = suspect && group.len() == members.len();
            let id = self.build_on(below.as_ref(), tip, &group, suspect);
            if !suspect {
                below = Some(id.clone());
                carried.extend(&group);
            }
            repaired.push(id);
        }
        self.state.train = repaired;
        self.repair_aside(tip);
    }

    /// Whether the build's verdict would mean nothing at this place of the train.
    fn is_void(
        &self,
        build: &Build,
        below: Option<&BuildId>,
        repaired: &[BuildId],
        carried: &BTreeSet<PullNumber>,
        tip: &CommitId,
    ) -> bool {
        if !self.safety.superseded_verdict {
            return false;
        }
        if !self.members_stand(build) {
            return true;
        }
        if build.phase.is_failure() {
            // It waits for what it stands on, which must still be there.
            let Some(stack) = self.stack(&build.id, tip) else { return true };
            return !stack.iter().all(|link| *link == build.id || repaired.contains(link));
        }
        let stands = match (&build.onto, below) {
            (Onto::Commit(commit), None) => commit == tip,
            (Onto::Build(other), Some(below)) => other == below,
            (Onto::Build(other), None) => {
                self.state.builds.get(other).is_some_and(|other| other.commit.as_ref() == Some(tip))
            }
            (Onto::Commit(_), Some(_)) => false,
        };
        let mut with = carried.clone();
        let depends = build.members.iter().all(|member| {
            let stands =
                self.state.entries.get(&member.pull).is_some_and(|entry| self.dependencies_stand(entry, &with));
            with.insert(member.pull);
            stands
        });
        !stands || !depends
    }

    /// Whether a running build is worth waiting for because green would absolve a failed one that it stands on.
    fn may_absolve(&self, id: &BuildId, repaired: &[BuildId], tip: &CommitId) -> bool {
        // It was asked to land in this very plan, with all that is below it.
        if self.state.builds.get(id).is_some_and(|build| build.phase == BuildPhase::Landing) {
            return true;
        }
        let is_running = self.state.builds.get(id).is_some_and(|build| build.phase == BuildPhase::Running);
        if !self.config.optimistic || !is_running || self.state.aside.len() >= MOST_ASIDE {
            return false;
        }
        let Some(stack) = self.stack(id, tip) else { return false };
        let failed = stack.iter().any(|link| self.state.builds[link].phase.is_failure());
        let stands = stack.iter().all(|link| self.members_stand(&self.state.builds[link]));
        let nobody_nearer = !self
            .state
            .aside
            .iter()
            .any(|other| self.state.builds.get(other).is_some_and(|other| self.shares_failure(other, &stack)));
        let _ = repaired;
        failed && stands && nobody_nearer && self.running() < self.places()
    }

    fn shares_failure(&self, other: &Build, stack: &[BuildId]) -> bool {
        let failed = stack.iter().filter(|link| self.state.builds[*link].phase.is_failure());
        let onto = match &other.onto {
            Onto::Build(onto) => Some(onto),
            Onto::Commit(_) => None,
        };
        failed.into_iter().any(|link| Some(link) == onto)
    }

    fn repair_aside(&mut self, tip: &CommitId) {
        for id in self.state.aside.clone() {
            let awaited = self.state.builds.get(&id).is_some_and(|build| self.is_awaited(&build.phase));
            let stack = self.stack(&id, tip);
            let stands =
                stack.is_some_and(|stack| stack.iter().all(|link| self.members_stand(&self.state.builds[link])));
            if !awaited || !stands {
                self.supersede(&id);
            }
        }
    }

    /// Builds that need a place at CI.
    pub(super) fn running(&self) -> usize {
        self.state.builds.values().filter(|build| build.phase.is_active()).count()
    }

    /// Places at CI.
    pub(super) fn places(&self) -> usize {
        match self.safety.depth {
            true => self.config.depth.min(super::config::DEEPEST) as usize,
            false => 3 * super::config::DEEPEST as usize,
        }
    }

    /// Those of the group that may be built on what is carried, in their order.
    fn startable(&self, pulls: impl Iterator<Item = PullNumber>, carried: &BTreeSet<PullNumber>) -> Vec<PullNumber> {
        let mut with = carried.clone();
        let mut group = Vec::new();
        for pull in pulls {
            let Some(entry) = self.state.entries.get(&pull) else { continue };
            let is_live = !matches!(entry.phase, Phase::Done(_) | Phase::Held(_));
            if is_live && self.fresh.contains(&pull) && self.dependencies_stand(entry, &with) {
                with.insert(pull);
                group.push(pull);
            }
        }
        group
    }

    fn build_on(&mut self, below: Option<&BuildId>, tip: &CommitId, group: &[PullNumber], suspect: bool) -> BuildId {
        // What is below may have landed already; the commit is the same.
        let onto = below.map_or_else(|| Onto::Commit(tip.clone()), |below| Onto::Build(below.clone()));
        let members = group.iter().filter_map(|pull| self.state.entries.get(pull)).map(member).collect();
        self.new_build(Purpose::Land, onto, members, suspect)
    }

    /// Starts builds while there are places at CI.
    pub(super) fn fill_train(&mut self, tip: &CommitId) {
        if self.state.stats.window == 0 {
            self.state.stats.window = self.config.depth;
        }
        let floor = 2.min(self.config.depth);
        let window = match self.config.adaptive_depth {
            true => self.state.stats.window.clamp(floor, self.config.depth) as usize,
            false => self.places(),
        };
        let places = if self.safety.depth { window.min(self.places()) } else { self.places() };
        let mut free = places.saturating_sub(self.running());
        if free == 0 {
            return;
        }
        let below = self
            .state
            .train
            .iter()
            .rev()
            .find(|id| self.state.builds.get(*id).is_some_and(|build| !build.phase.is_failure() && !build.suspect));
        let mut below = below.cloned();
        let mut carried: BTreeSet<PullNumber> = BTreeSet::new();
        if let Some(stack) = below.as_ref().and_then(|below| self.stack(below, tip)) {
            carried.extend(stack.iter().flat_map(|link| self.state.builds[link].pulls()));
        }
        let mut waiting = None;
        while free > 0 {
            let (group, suspect) = match self.next_unit(&carried) {
                Some(pulls) => {
                    let suspect = match *pulls {
                        [pull] => {
                            self.state.entries.get(&pull).is_some_and(|entry| entry.reds > 0)
                                || bisect::is_known_red(&Unit { pulls: pulls.clone() }, &self.state.evidence)
                        }
                        _ => false,
                    };
                    (pulls, suspect)
                }
                None => {
                    let waiting = waiting.get_or_insert_with(|| self.waiting());
                    let group = self.next_batch(waiting, &carried);
                    if group.is_empty() {
                        break;
                    }
                    (group, false)
                }
            };
            let id = self.build_on(below.as_ref(), tip, &group, suspect);
            self.state.train.push(id.clone());
            if !suspect {
                below = Some(id);
                carried.extend(group);
            }
            free -= 1;
        }
        while free > 0 && self.state.freeze.is_none() {
            let Some(pull) = self.state.tries.pop_front() else { break };
            free -= usize::from(self.try_out(pull, tip));
        }
    }

    fn try_out(&mut self, number: PullNumber, tip: &CommitId) -> bool {
        let Some(pull) = self.world.pulls.get(&number).filter(|pull| pull.state == PullState::Open) else {
            return false;
        };
        let title = visible(&pull.title).chars().take(200).collect();
        let member = Member { pull: number, head: pull.head.clone(), title };
        self.new_build(Purpose::Try, Onto::Commit(tip.clone()), vec![member], false);
        true
    }

    /// The first part of a red batch that is worth a run now.
    fn next_unit(&mut self, carried: &BTreeSet<PullNumber>) -> Option<Vec<PullNumber>> {
        let tested: BTreeSet<PullNumber> = self.in_train();
        let mut at = 0;
        while at < self.state.units.len() {
            let unit = self.state.units[at].clone();
            if unit.pulls.len() > 1 && bisect::is_known_red(&unit, &self.state.evidence) {
                // Its run would be red: it is split without one.
                let parts = bisect::split(&unit.pulls, self.config.bisect_ways);
                let _ = self.state.units.remove(at);
                for (offset, part) in parts.into_iter().enumerate() {
                    self.state.units.insert(at + offset, part);
                }
                continue;
            }
            let group = self.startable(unit.pulls.iter().copied(), carried);
            let frozen = group.iter().any(|&pull| self.is_frozen_for(pull));
            let waits = bisect::may_become_known(&unit, &self.state.evidence, |pull| tested.contains(&pull));
            if group.is_empty() || frozen || waits {
                at += 1;
                continue;
            }
            // Those who cannot be built now keep their place.
            let rest: Vec<PullNumber> = unit.pulls.iter().copied().filter(|pull| !group.contains(pull)).collect();
            match rest.is_empty() {
                true => {
                    let _ = self.state.units.remove(at);
                }
                false => self.state.units[at] = Unit { pulls: rest },
            }
            return Some(group);
        }
        None
    }

    fn in_train(&self) -> BTreeSet<PullNumber> {
        self.state.train.iter().filter_map(|id| self.state.builds.get(id)).flat_map(Build::pulls).collect()
    }

    /// Everybody who may start, the last in line first.
    fn waiting(&self) -> Vec<PullNumber> {
        let mut busy = self.in_train();
        busy.extend(self.state.units.iter().flat_map(|unit| unit.pulls.iter().copied()));
        let ageing = Duration::minutes(self.config.ageing_minutes.into());
        let mut waiting: Vec<&Entry> = self
            .state
            .entries
            .values()
            .filter(|entry| !matches!(entry.phase, Phase::Done(_) | Phase::Held(_)) && !busy.contains(&entry.pull))
            .filter(|entry| self.fresh.contains(&entry.pull) && !self.is_frozen_for(entry.pull))
            .collect();
        waiting.sort_by_cached_key(|entry| std::cmp::Reverse(order::place(entry, ageing)));
        waiting.into_iter().map(|entry| entry.pull).collect()
    }

    /// Takes the next batch from the end of `waiting`.
    fn next_batch(&mut self, waiting: &mut Vec<PullNumber>, carried: &BTreeSet<PullNumber>) -> Vec<PullNumber> {
        let size = batch::size(waiting.len(), self.config.depth, self.state.stats.red, &self.config.batch);
        let wait = Duration::seconds(self.config.batch.wait_seconds.into());
        let mut group: Vec<PullNumber> = Vec::new();
        let mut with = carried.clone();
        let mut passed = Vec::new();
        while group.len() < size {
            let Some(pull) = waiting.pop() else { break };
            let Some(entry) = self.state.entries.get(&pull) else { continue };
            if !self.dependencies_stand(entry, &with) {
                passed.push(pull);
                continue;
            }
            if entry.single && !group.is_empty() {
                passed.push(pull);
                break;
            }
            with.insert(pull);
            group.push(pull);
            if entry.single {
                break;
            }
        }
        let alone = group.len() == 1 && waiting.is_empty() && self.config.batch.max > 1;
        let since = group.first().and_then(|pull| self.state.entries.get(pull)).map(|entry| entry.since);
        if let Some(since) = since.filter(|since| alone && !wait.is_zero() && self.now < *since + wait) {
            self.wake_by(since + wait);
            group.clear();
        }
        // Those who were passed over are looked at again for the next batch, in their order.
        waiting.extend(passed.into_iter().rev());
        group
    }

    /// The next step of every build.
    pub(super) fn progress(&mut self) {
        let in_line: BTreeSet<&BuildId> = self.state.train.iter().chain(&self.state.aside).collect();
        let others = self.state.builds.values().filter(|build| build.purpose != Purpose::Land).map(|build| &build.id);
        let ordered: Vec<BuildId> = self
            .state
            .train
            .iter()
            .chain(&self.state.aside)
            .chain(others.filter(|id| !in_line.contains(id)))
            .cloned()
            .collect();
        for id in ordered {
            let Some(build) = self.state.builds.get(&id) else { continue };
            match (&build.phase, &build.commit) {
                (BuildPhase::Planned, _) => {
                    let recipe = self.recipe(build);
                    self.actions.push(Action::CreateCommit(recipe));
                }
                (BuildPhase::Created, Some(new)) => {
                    let name = build.ref_name(&self.state.branch);
                    let is_absent = self.world.refs.as_ref().is_some_and(|refs| !refs.contains_key(&name));
                    if is_absent {
                        self.actions.push(Action::PushRef { build: id.clone(), name, new: new.clone() });
                    }
                }
                _ => {}
            }
        }
    }

    /// Deletes refs that nobody needs and forgets what is over.
    pub(super) fn tidy(&mut self) {
        let world = self.world;
        let retained = Duration::days(self.config.retain_failed_days.into());
        let needed: BTreeSet<BuildId> = self
            .state
            .builds
            .values()
            .filter(|build| self.is_awaited(&build.phase) || self.state.train.contains(&build.id))
            .filter_map(|build| match &build.onto {
                Onto::Build(below) => Some(below.clone()),
                Onto::Commit(_) => None,
            })
            .collect();
        let mut forgotten = Vec::new();
        for build in self.state.builds.values() {
            let is_waited_for = self.state.train.contains(&build.id) || self.state.aside.contains(&build.id);
            if !build.phase.is_over() || is_waited_for {
                continue;
            }
            let ended = build.ended_at.unwrap_or(build.planned_at);
            if build.phase.is_failure() && self.now < ended + retained {
                continue;
            }
            let name = build.ref_name(&self.state.branch);
            let Some(refs) = &world.refs else { continue };
            match (refs.get(&name), &build.commit) {
                (Some(there), Some(commit)) if there == commit => {
                    self.actions.push(Action::DeleteRef { build: build.id.clone(), name, old: commit.clone() });
                }
                (Some(there), _) if !self.safety.own_refs => {
                    self.actions.push(Action::DeleteRef { build: build.id.clone(), name, old: there.clone() });
                }
                _ if self.now >= ended + REMEMBERED && !needed.contains(&build.id) => forgotten.push(build.id.clone()),
                _ => {}
            }
        }
        for id in forgotten {
            self.state.builds.remove(&id);
        }
        self.forget_exits();
    }

    fn forget_exits(&mut self) {
        let mut done: Vec<_> = self
            .state
            .entries
            .values()
            .filter(|entry| matches!(entry.phase, Phase::Done(_)))
            .filter(|entry| self.world.pulls.get(&entry.pull).is_none_or(|pull| pull.queued.is_none()))
            .map(|entry| (entry.since, entry.pull))
            .collect();
        done.sort_unstable();
        let surplus = done.len().saturating_sub(MOST_EXITS);
        for (index, (since, pull)) in done.into_iter().enumerate() {
            if index < surplus || self.now >= since + REMEMBERED_EXIT {
                self.state.entries.remove(&pull);
            }
        }
    }
}

fn member(entry: &Entry) -> Member {
    Member { pull: entry.pull, head: entry.head.clone(), title: entry.title.clone() }
}
