//! What became of the branch and of the builds since the last plan.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};

use crate::change::CommitId;

use super::action::Action;
use super::build::{BuildId, BuildPhase, Onto, Purpose};
use super::checks::{Verdict, judge};
use super::entry::{ExitReason, Hold, Phase};
use super::event::EventKind;
use super::order;
use super::plan::Round;
use super::state::{FrozenBy, Health};
use super::world::{Checks, Merged, PullNumber};

/// How often git may fail to make a commit before people are asked.
const PATIENCE: u32 = 5;
/// Builds to learn from before the learned timeout is used.
const ENOUGH_SAMPLES: u64 = 5;

impl Round<'_> {
    /// Takes in where the branch is. What of ours it contains has landed.
    pub(super) fn read_base(&mut self) -> Option<CommitId> {
        let tip = self.world.base_tip.clone()?;
        let landed: Vec<BuildId> = self
            .state
            .builds
            .values()
            .filter(|build| build.purpose == Purpose::Land && build.phase != BuildPhase::Landed)
            .filter(|build| build.commit.as_ref().is_some_and(|commit| self.world.contains(commit)))
            .map(|build| build.id.clone())
            .collect();
        self.settle_landed(&landed);
        let ours = self
            .state
            .builds
            .values()
            .any(|build| build.phase == BuildPhase::Landed && build.commit.as_ref() == Some(&tip));
        if self.state.tip.as_ref().is_some_and(|old| *old != tip) && !ours {
            let nonce = tip.to_string();
            self.emit_event(EventKind::BaseMoved, None, None, &nonce);
        }
        self.state.tip = Some(tip.clone());
        self.read_health(&tip);
        Some(tip)
    }

    fn settle_landed(&mut self, contained: &[BuildId]) {
        // Whoever was asked to land says for whom: the commit that was tested.
        let landing: Vec<BuildId> =
            contained.iter().filter(|id| self.state.builds[*id].phase == BuildPhase::Landing).cloned().collect();
        for top in &landing {
            let mut pulls = Vec::new();
            let mut next = Some(top.clone());
            while let Some(build) = next.as_ref().and_then(|id| self.state.builds.get_mut(id)) {
                if build.phase == BuildPhase::Landed {
                    break;
                }
                build.phase = BuildPhase::Landed;
                build.ended_at = Some(self.now);
                pulls.extend(build.members.iter().rev().map(|member| member.pull));
                next = match &build.onto {
                    Onto::Build(below) => Some(below.clone()),
                    Onto::Commit(_) => None,
                };
            }
            pulls.reverse();
            let Some(commit) = self.state.builds[top].commit.clone() else { continue };
            self.state.health = Some(Health { commit: commit.clone(), green: true });
            let stats = &mut self.state.stats;
            stats.window = (stats.window + 1).min(self.config.depth);
            self.count_overtaken(&pulls);
            for pull in pulls {
                if let Some(entry) = self.state.entries.get(&pull).cloned() {
                    self.emit_event(EventKind::CiPassed, Some(&entry), Some(top), top.as_str());
                }
                self.leave(pull, ExitReason::Landed { commit: commit.clone(), build: top.clone() });
            }
        }
        // Somebody else moved the branch to a commit of ours.
        for id in contained {
            let Some(build) = self.state.builds.get_mut(id).filter(|build| build.phase != BuildPhase::Landed) else {
                continue;
            };
            let failed = build.phase.is_failure();
            let over = build.phase.is_over();
            if !failed {
                build.phase = BuildPhase::Landed;
                build.ended_at = Some(self.now);
            }
            let pulls: Vec<PullNumber> = if over { Vec::new() } else { build.pulls().collect() };
            for pull in pulls {
                self.leave(pull, ExitReason::MergedElsewhere);
            }
        }
        let builds = &self.state.builds;
        let is_live = |id: &BuildId| builds.get(id).is_some_and(|build| build.phase != BuildPhase::Landed);
        self.state.train.retain(is_live);
        self.state.aside.retain(is_live);
    }

    /// Fairness, in numbers: who was passed by somebody younger of no higher priority.
    fn count_overtaken(&mut self, landed: &[PullNumber]) {
        let ageing = Duration::minutes(self.config.ageing_minutes.into());
        let Some(youngest) = landed
            .iter()
            .filter_map(|pull| self.state.entries.get(pull))
            .map(|entry| (order::place(entry, ageing), entry.priority))
            .max()
        else {
            return;
        };
        let landed: BTreeSet<PullNumber> = landed.iter().copied().collect();
        for entry in self.state.entries.values_mut() {
            let waits = matches!(entry.phase, Phase::Waiting | Phase::Building(_)) && !landed.contains(&entry.pull);
            if waits && order::place(entry, ageing) < youngest.0 && entry.priority >= youngest.1 {
                entry.overtaken += 1;
            }
        }
    }

    fn read_health(&mut self, tip: &CommitId) {
        let verdict = self
            .world
            .checks
            .get(tip)
            .map(|checks| judge(&self.config.queue_checks, checks, self.config, None, self.safety));
        let green = match verdict {
            Some(Verdict::Green { .. }) => true,
            Some(Verdict::Red(_)) => false,
            _ => {
                if self.state.health.as_ref().is_some_and(|health| health.commit != *tip) {
                    self.state.health = None;
                }
                return;
            }
        };
        self.state.health = Some(Health { commit: tip.clone(), green });
    }

    pub(super) fn follow_builds(&mut self) {
        let ids: Vec<BuildId> = self
            .state
            .builds
            .values()
            .filter(|build| match build.purpose {
                // What was decided is not looked at again.
                Purpose::Land => self.state.train.contains(&build.id) || self.state.aside.contains(&build.id),
                Purpose::Probe | Purpose::Try => build.phase.is_active(),
            })
            .map(|build| build.id.clone())
            .collect();
        for id in ids {
            match self.state.builds[&id].phase {
                BuildPhase::Planned => self.follow_merge(&id),
                BuildPhase::Created => self.follow_push(&id),
                BuildPhase::Running | BuildPhase::Green | BuildPhase::Red { .. } | BuildPhase::Landing => {
                    self.follow_run(&id);
                }
                _ => {}
            }
        }
    }

    fn follow_merge(&mut self, id: &BuildId) {
        let world = self.world;
        let Some(build) = self.state.builds.get_mut(id) else { return };
        match world.merges.get(id) {
            None => {}
            Some(Merged::Created { commit, tree }) => {
                build.commit = Some(commit.clone());
                build.tree = Some(tree.clone());
                build.phase = BuildPhase::Created;
                build.refused = 0;
            }
            Some(Merged::Infra(message)) if self.safety.infra_is_no_conflict => {
                build.refused += 1;
                if build.refused >= PATIENCE {
                    build.refused = 0;
                    self.freeze(FrozenBy::Refused, format!("git cannot create integration commits: {message}"));
                }
                self.wake_by(self.now + Duration::minutes(1));
            }
            Some(Merged::Infra(_)) => {
                let pulls: Vec<PullNumber> = build.pulls().collect();
                for pull in pulls {
                    self.leave(pull, ExitReason::Conflict { files: Vec::new(), with: None });
                }
            }
            Some(Merged::Conflict { pull, files, with }) => {
                let pull = *pull;
                if !build.has(pull) {
                    return;
                }
                self.supersede_for_conflict(id, pull, files, with);
            }
        }
    }

    fn supersede_for_conflict(&mut self, id: &BuildId, pull: PullNumber, files: &[String], with: &[PullNumber]) {
        let files: Vec<String> = files.iter().take(20).cloned().collect();
        let ahead = with.iter().copied().find(|with| {
            let phase = self.state.entries.get(with).map(|entry| &entry.phase);
            matches!(phase, Some(Phase::Waiting | Phase::Building(_) | Phase::Landing(_)))
        });
        match ahead {
            Some(with) => {
                if let Some(entry) = self.state.entries.get_mut(&pull) {
                    entry.phase = Phase::Held(Hold::ConflictAhead { with, files });
                }
                self.fresh.remove(&pull);
            }
            None if with.is_empty() => self.leave(pull, ExitReason::Conflict { files, with: None }),
            // Those it conflicts with have left: the next build will not have them.
            None => {}
        }
        let Some(build) = self.state.builds.get(id) else { return };
        if build.purpose == Purpose::Land && self.members_stand(build) {
            self.supersede(id);
        }
    }

    fn follow_push(&mut self, id: &BuildId) {
        let Some(refs) = &self.world.refs else { return };
        let Some(build) = self.state.builds.get_mut(id) else { return };
        let name = build.ref_name(&self.state.branch);
        match (refs.get(&name), &build.commit) {
            (Some(there), Some(commit)) if there == commit || !self.safety.own_refs => {
                build.phase = BuildPhase::Running;
                build.refused = 0;
                let commit = commit.clone();
                self.start(id, name, commit);
            }
            // Somebody else's: it stays, and we take another name.
            (Some(_), _) => self.supersede(id),
            (None, _) => {}
        }
    }

    /// Asks CI to run.
    fn start(&mut self, id: &BuildId, name: String, commit: CommitId) {
        let now = self.now;
        let Some(build) = self.state.builds.get_mut(id) else { return };
        build.started_at = Some(now);
        build.starts += 1;
        let attempt = build.starts;
        self.state.stats.runs += 1;
        self.actions.push(Action::Dispatch { build: id.clone(), name, commit, attempt });
    }

    fn follow_run(&mut self, id: &BuildId) {
        let Some(build) = self.state.builds.get(id) else { return };
        let (Some(commit), Some(started)) = (build.commit.clone(), build.started_at) else { return };
        let name = build.ref_name(&self.state.branch);
        if !self.safety.dispatch_once && build.phase == BuildPhase::Running {
            self.actions.push(Action::Dispatch {
                build: id.clone(),
                name: name.clone(),
                commit: commit.clone(),
                attempt: build.starts,
            });
        }
        // Deleting the integration branch is how a person stops a build.
        let is_deleted = self.world.refs.as_ref().is_some_and(|refs| !refs.contains_key(&name));
        if is_deleted && build.phase != BuildPhase::Landing {
            self.supersede(id);
            return;
        }
        let Some(checks) = self.world.checks.get(&commit) else {
            self.wake_by(started + self.timeout());
            return;
        };
        let not_before = (build.starts > 1).then_some(started);
        let verdict = judge(&self.config.queue_checks, checks, self.config, not_before, self.safety);
        let phase = self.phase_after(id, verdict, checks, started);
        if phase == Some(BuildPhase::Running) && matches!(self.state.builds[id].phase, BuildPhase::Running) {
            return;
        }
        let Some(phase) = phase else {
            self.start(id, name, commit);
            return;
        };
        self.enter_phase(id, phase, commit);
    }

    fn enter_phase(&mut self, id: &BuildId, phase: BuildPhase, commit: CommitId) {
        let now = self.now;
        let Some(build) = self.state.builds.get_mut(id) else { return };
        if build.phase == BuildPhase::Landing && phase == BuildPhase::Green || build.phase == phase {
            return;
        }
        let is_first = build.ended_at.is_none();
        let stops =
            matches!(phase, BuildPhase::Timeout { .. } | BuildPhase::NeverReported { .. } | BuildPhase::Infra { .. });
        let green = phase == BuildPhase::Green;
        build.phase = phase;
        if is_first && !build.phase.is_active() {
            build.ended_at = Some(now);
            let seconds = build.started_at.map_or(0, |started| (now - started).num_seconds().max(0));
            if green {
                self.learn_duration(seconds as f64);
            }
        }
        if stops {
            self.actions.push(Action::CancelRun { build: id.clone(), commit });
        }
    }

    /// The phase that a verdict leads to; `None` when CI is to be asked once more.
    fn phase_after(
        &mut self,
        id: &BuildId,
        verdict: Verdict,
        checks: &Checks,
        started: DateTime<Utc>,
    ) -> Option<BuildPhase> {
        let build = &self.state.builds[id];
        let phase = build.phase.clone();
        let may_restart = build.starts <= self.config.infra_retries && !phase.is_failure();
        let heard = self.silent_since(checks, started);
        // Who runs a judged build again gives it another term.
        let begun = if phase == BuildPhase::Running { started } else { heard };
        let timeout = begun + self.timeout();
        let silent = heard + Duration::minutes(self.config.never_reported_minutes.into());
        match verdict {
            Verdict::Unknown(_) => Some(phase),
            Verdict::Green { took, .. } => {
                let seconds = took.map_or(self.now - started, |(begin, end)| end - begin).num_seconds().max(0) as u64;
                if seconds >= self.config.min_ci_seconds.into() || !self.safety.minimum_time {
                    Some(BuildPhase::Green)
                } else {
                    Some(BuildPhase::TooFast { seconds })
                }
            }
            Verdict::Red(checks) => Some(BuildPhase::Red { checks }),
            Verdict::Infra(_) if may_restart => None,
            Verdict::Infra(checks) => Some(BuildPhase::Infra {
                message: format!("CI gave up {}: cancelled, stale or not started", checks.join(", ")),
            }),
            Verdict::Pending { missing, running } if running.is_empty() && self.now >= silent => match may_restart {
                true => None,
                false => Some(BuildPhase::NeverReported { checks: missing }),
            },
            Verdict::Pending { missing, running } if self.now >= timeout => {
                Some(BuildPhase::Timeout { checks: running.into_iter().chain(missing).collect() })
            }
            Verdict::ActionRequired(check) if self.now >= timeout => Some(BuildPhase::Timeout { checks: vec![check] }),
            // It was judged, and somebody runs it once more: it keeps its place at CI to others, and cannot land.
            Verdict::Pending { .. } | Verdict::ActionRequired(_) if phase != BuildPhase::Running => Some(phase),
            Verdict::Pending { .. } | Verdict::ActionRequired(_) => {
                self.wake_by(timeout);
                self.wake_by(silent);
                Some(BuildPhase::Running)
            }
        }
    }

    /// Since when nothing was heard from a run.
    fn silent_since(&self, checks: &Checks, started: DateTime<Utc>) -> DateTime<Utc> {
        let Checks::Complete(results) = checks else { return started };
        let heard = results.iter().flat_map(|result| [result.started_at, result.completed_at]).flatten();
        heard.filter(|at| *at <= self.now).fold(started, DateTime::max)
    }

    /// How long a build may take.
    pub(super) fn timeout(&self) -> Duration {
        let stats = &self.state.stats;
        match self.config.timeout_minutes {
            Some(minutes) => Duration::minutes(minutes.into()),
            None if stats.samples < ENOUGH_SAMPLES => Duration::hours(2),
            None => {
                let seconds = stats.ci_seconds * 1.5 + stats.ci_deviation * 4.0;
                Duration::seconds(seconds.clamp(600.0, 21_600.0) as i64)
            }
        }
    }

    fn learn_duration(&mut self, seconds: f64) {
        let stats = &mut self.state.stats;
        let weight = if stats.samples == 0 { 1.0 } else { 0.1 };
        let off = (seconds - stats.ci_seconds).abs();
        stats.ci_seconds += (seconds - stats.ci_seconds) * weight;
        stats.ci_deviation += (if stats.samples == 0 { seconds / 4.0 } else { off } - stats.ci_deviation) * weight;
        stats.samples += 1;
    }
}
