//! Verdicts become decisions: what lands, who is split, who is tested again, who leaves.
//!
//! What pulls on this file: red says something only when everything below it has landed; a red branch, a flake and a
//! bad neighbour all look like a red pull request; and whoever is green must not wait for those who are not.

use std::collections::BTreeSet;

use crate::change::CommitId;

use super::action::{Action, Land, Recipe};
use super::bisect;
use super::build::{BuildId, BuildPhase, Onto, Purpose};
use super::checks::Tested;
use super::entry::{ExitReason, Phase};
use super::event::EventKind;
use super::plan::Round;
use super::state::{Evidence, Health, Unit};
use super::world::{Checks, PullNumber};

impl Round<'_> {
    /// Asks for the longest green stack to land. Whether there was one.
    pub(super) fn land(&mut self, tip: &CommitId) -> bool {
        let candidates: Vec<BuildId> = self.state.train.iter().chain(&self.state.aside).cloned().collect();
        let mut best: Option<(usize, BuildId, Land)> = None;
        for id in candidates {
            let Some((members, land)) = self.landable(&id, tip) else { continue };
            if best.as_ref().is_none_or(|(most, ..)| members > *most) {
                best = Some((members, id, land));
            }
        }
        for build in self.state.builds.values_mut() {
            if build.phase == BuildPhase::Landing {
                build.phase = BuildPhase::Green;
            }
        }
        let Some((_, id, land)) = best else { return false };
        if let Some(build) = self.state.builds.get_mut(&id) {
            build.phase = BuildPhase::Landing;
        }
        self.actions.push(Action::Land(land));
        true
    }

    /// How many would land with this build, and the permission, if every condition holds at this moment.
    fn landable(&self, id: &BuildId, tip: &CommitId) -> Option<(usize, Land)> {
        let build = self.state.builds.get(id)?;
        let claims_green = matches!(build.phase, BuildPhase::Green | BuildPhase::Landing);
        if !claims_green || build.purpose != Purpose::Land {
            return None;
        }
        let stack = self.stack(id, tip)?;
        let mut below = BTreeSet::new();
        for link in &stack {
            let link = &self.state.builds[link];
            let green = matches!(link.phase, BuildPhase::Green | BuildPhase::Landing);
            if !green && !self.config.optimistic || self.safety.superseded_verdict && !self.members_stand(link) {
                return None;
            }
            for pull in link.pulls() {
                let entry = self.state.entries.get(&pull)?;
                let frozen = self.safety.freeze && self.is_frozen_for(pull);
                if frozen || !self.fresh.contains(&pull) || !self.dependencies_stand(entry, &below) {
                    return None;
                }
                below.insert(pull);
            }
        }
        let commit = build.commit.as_ref()?;
        let unread = Checks::Unknown("not read".into());
        let checks = self.world.checks.get(commit).unwrap_or(&unread);
        let tested = Tested::prove_with(commit, checks, self.config, self.safety).ok()?;
        let recipes: Vec<Recipe> = stack.iter().map(|link| self.recipe(&self.state.builds[link])).collect();
        Some((below.len(), Land::new(id.clone(), tested, tip.clone(), build.tree.clone()?, recipes)))
    }

    /// Decides about builds that failed and below which everything has landed.
    pub(super) fn decide_failures(&mut self, tip: &CommitId) {
        for id in self.state.train.clone() {
            let Some(build) = self.state.builds.get(&id).filter(|build| build.phase.is_failure()) else { continue };
            let is_lowest = self.stack(&id, tip).is_some_and(|stack| stack.len() == 1);
            if !is_lowest && self.safety.green_below || !self.members_stand(build) {
                continue;
            }
            let pulls: Vec<PullNumber> = build.pulls().collect();
            let decided = match (&build.phase, &*pulls) {
                (BuildPhase::Red { .. } | BuildPhase::Timeout { .. }, [pull]) => self.decide_single(&id, *pull, tip),
                (BuildPhase::Timeout { .. }, _) if !self.config.bisect_timeouts => self.test_one_by_one(&pulls),
                (BuildPhase::Red { .. } | BuildPhase::Timeout { .. }, _) => self.split(&id, &pulls),
                (_, [pull]) => self.send_away(&id, *pull),
                (..) => self.test_one_by_one(&pulls),
            };
            if decided {
                self.after_decision(&id, &pulls);
            }
        }
        self.follow_probe(tip);
    }

    fn after_decision(&mut self, id: &BuildId, pulls: &[PullNumber]) {
        self.state.train.retain(|other| other != id);
        let stats = &mut self.state.stats;
        stats.window = (stats.window / 2).max(2.min(self.config.depth));
        for pull in pulls {
            if let Some(entry) = self.state.entries.get(pull).cloned() {
                self.emit_event(EventKind::CiFailed, Some(&entry), Some(id), id.as_str());
            }
        }
    }

    /// It was alone on the branch and red. Once may be a flake; and the branch may be to blame.
    fn decide_single(&mut self, id: &BuildId, pull: PullNumber, tip: &CommitId) -> bool {
        let confirm = if self.safety.confirm { self.config.confirm } else { 0 };
        let is_known_red = bisect::is_known_red(&Unit { pulls: vec![pull] }, &self.state.evidence);
        let Some(entry) = self.state.entries.get_mut(&pull) else { return true };
        // It was red before, in a batch of which everybody else has landed.
        let reds = if is_known_red { entry.reds.max(1) } else { entry.reds };
        entry.reds = reds;
        if reds < confirm {
            entry.reds = reds + 1;
            self.state.units.push_back(Unit { pulls: vec![pull] });
            return true;
        }
        if self.safety.proven_base {
            match &self.state.health {
                _ if self.state.waived.as_ref() == Some(tip) => {}
                Some(health) if health.commit == *tip && health.green => {}
                Some(health) if health.commit == *tip => {
                    // The branch is red itself, and that freezes the queue. It is tested again when that is over.
                    self.state.units.push_back(Unit { pulls: vec![pull] });
                    return true;
                }
                _ => {
                    self.probe(tip);
                    return false;
                }
            }
        }
        self.send_away(id, pull)
    }

    fn send_away(&mut self, id: &BuildId, pull: PullNumber) -> bool {
        let Some(entry) = self.state.entries.get(&pull) else { return true };
        let Some(build) = self.state.builds.get(id) else { return true };
        let queued_at = entry.at;
        let landed_since = || {
            let landed = |other: &&super::entry::Entry| {
                other.since > queued_at && matches!(other.phase, Phase::Done(ExitReason::Landed { .. }))
            };
            self.state.entries.values().filter(landed).map(|other| other.pull).take(20).collect()
        };
        let reason = match build.phase.clone() {
            BuildPhase::Red { checks } => ExitReason::Red { build: id.clone(), checks, landed_since: landed_since() },
            BuildPhase::Timeout { checks } => ExitReason::Timeout { build: id.clone(), checks },
            BuildPhase::NeverReported { checks } => ExitReason::NeverReported { build: id.clone(), checks },
            BuildPhase::TooFast { seconds } => ExitReason::TooFast { build: id.clone(), seconds },
            BuildPhase::Infra { message } => ExitReason::Infra { message },
            _ => return false,
        };
        self.leave(pull, reason);
        true
    }

    fn split(&mut self, id: &BuildId, pulls: &[PullNumber]) -> bool {
        let suspects = pulls.iter().copied().collect();
        bisect::note(&mut self.state.evidence, Evidence { build: id.clone(), suspects });
        self.state.units.extend(bisect::split(pulls, self.config.bisect_ways));
        true
    }

    fn test_one_by_one(&mut self, pulls: &[PullNumber]) -> bool {
        self.state.units.extend(pulls.iter().map(|&pull| Unit { pulls: vec![pull] }));
        true
    }

    /// Tests the branch itself, once per tip.
    fn probe(&mut self, tip: &CommitId) {
        let onto = Onto::Commit(tip.clone());
        let is_probed = |build: &super::build::Build| {
            build.purpose == Purpose::Probe && build.onto == onto && build.phase.is_active()
        };
        // When every place is taken, the next free one is ours: this is asked before the train is filled.
        if !self.state.builds.values().any(is_probed) && self.running() < self.places() {
            self.new_build(Purpose::Probe, onto, Vec::new(), false);
        }
    }

    fn follow_probe(&mut self, tip: &CommitId) {
        let mut health = None;
        let mut over = Vec::new();
        for build in self.state.builds.values().filter(|build| build.purpose == Purpose::Probe) {
            let is_about_tip = build.onto == Onto::Commit(tip.clone());
            match &build.phase {
                BuildPhase::Green if is_about_tip => health = Some(true),
                // A branch that cannot be proven is not proven.
                phase if phase.is_failure() && is_about_tip => health = Some(false),
                phase if phase.is_active() && !is_about_tip => over.push(build.id.clone()),
                _ => {}
            }
            if build.phase == BuildPhase::Green {
                over.push(build.id.clone());
            }
        }
        for id in over {
            self.supersede(&id);
        }
        let is_known = self.state.health.as_ref().is_some_and(|known| known.commit == *tip);
        if let Some(green) = health.filter(|_| !is_known) {
            self.state.health = Some(Health { commit: tip.clone(), green });
        }
    }
}
