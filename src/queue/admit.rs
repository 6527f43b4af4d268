//! Who enters, who waits and for what, who leaves without having been built.
//!
//! What pulls on this file: a label and a command are two ways of one wish; a reading may be older than the last one;
//! a pull request that could not be read is neither well nor ill, so it keeps its place and does not move.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};

use crate::change::CommitId;
use crate::text::visible;

use super::build::BuildPhase;
use super::checks::{Verdict, judge};
use super::entry::{Entry, ExitReason, Hold, Phase};
use super::order::STRONGEST;
use super::plan::Round;
use super::state::FrozenBy;
use super::world::{Command, Intake, Mergeable, Pull, PullNumber, PullState, Review};

/// How many ids of intake are remembered.
const MOST_TAKEN: usize = 1_000;
/// The longest circle of dependencies that is named, and the longest chain that is followed.
const LONGEST_CIRCLE: usize = 64;
/// How many pull requests may wait to be tried.
const MOST_TRIES: usize = 100;

/// A wish to be queued.
struct Wish<'a> {
    by: &'a str,
    at: DateTime<Utc>,
    head: Option<&'a CommitId>,
    by_label: bool,
    /// An old place in line.
    place: Option<DateTime<Utc>>,
}

impl Round<'_> {
    pub(super) fn take_intake(&mut self) {
        let world = self.world;
        for intake in &world.intake {
            let key = (intake.at, intake.id.clone());
            if self.state.taken.contains(&key) {
                continue;
            }
            let taken = match intake.may {
                _ if !self.safety.authorised => self.obey(intake),
                Some(true) => self.obey(intake),
                Some(false) => true,
                None => false,
            };
            if taken {
                self.state.taken.insert(key);
                while self.state.taken.len() > MOST_TAKEN {
                    self.state.taken.pop_first();
                }
            }
        }
    }

    /// Whether the command was carried out, or never can be.
    fn obey(&mut self, intake: &Intake) -> bool {
        let world = self.world;
        match (&intake.command, intake.pull) {
            (Command::Freeze(reason), _) => {
                let reason = if reason.trim().is_empty() { "no reason was given" } else { reason };
                let by = visible(&intake.by).into_owned();
                self.freeze(FrozenBy::Person(by.clone()), format!("{reason} (frozen by {by})"));
                true
            }
            (Command::Thaw, _) => {
                self.thaw();
                self.state.stats.failed_in_a_row = 0;
                self.state.waived = world.base_tip.clone();
                true
            }
            (_, None) => true,
            (Command::Dequeue, Some(pull)) => {
                self.leave(pull, ExitReason::Dequeued);
                // The label is still there, and is ours to take off.
                if let Some(entry) = self.state.entries.get_mut(&pull) {
                    entry.label_seen = false;
                }
                true
            }
            (Command::Priority(priority), Some(pull)) => {
                if let Some(entry) = self.state.entries.get_mut(&pull) {
                    entry.priority = (*priority).clamp(-STRONGEST, STRONGEST);
                }
                true
            }
            (Command::Try, Some(pull)) => {
                let tries = &mut self.state.tries;
                if !tries.contains(&pull) && tries.len() < MOST_TRIES {
                    tries.push_back(pull);
                }
                true
            }
            (Command::Queue { .. } | Command::Retry, Some(number)) => {
                let Some(pull) = world.pulls.get(&number) else { return false };
                let head = match &intake.command {
                    Command::Queue { head } => head.as_ref(),
                    _ => None,
                };
                let place = (intake.command == Command::Retry).then(|| self.state.entries.get(&number)).flatten();
                let place = place.map(|entry| entry.at);
                self.enter(number, pull, &Wish { by: &intake.by, at: intake.at, head, by_label: false, place });
                true
            }
        }
    }

    /// Queues the pull request unless it is queued, was queued by this very wish, or is not to be.
    fn enter(&mut self, number: PullNumber, pull: &Pull, wish: &Wish<'_>) {
        let old = self.state.entries.get(&number);
        let is_queued = old.is_some_and(|old| !matches!(old.phase, Phase::Done(_)));
        let is_new = old.is_none_or(|old| old.asked_at < wish.at);
        // The label that was read as missing is there, unchanged: the reading was stale.
        let was_misread = old.is_some_and(|old| {
            let is_same = wish.by_label && old.label_seen && old.asked_at == wish.at;
            is_same && old.phase == Phase::Done(ExitReason::Dequeued)
        });
        let is_stale = old.is_some_and(|old| pull.updated_at < old.read_as_of) && self.safety.stale_readings;
        if is_queued && is_new && !is_stale {
            // Asked again while it is queued: that is the same wish, and must not become another one when it has landed.
            if let Some(old) = self.state.entries.get_mut(&number) {
                old.asked_at = wish.at;
            }
            return;
        }
        if is_stale || is_queued || !(is_new || was_misread) || pull.state != PullState::Open {
            return;
        }
        let place = wish.place.or(old.filter(|_| was_misread).map(|old| old.at));
        let entry = Entry {
            pull: number,
            head: wish.head.unwrap_or(&pull.head).clone(),
            title: visible(&pull.title).chars().take(200).collect(),
            author: visible(&pull.author).chars().take(100).collect(),
            by: visible(wish.by).chars().take(100).collect(),
            at: place.unwrap_or(wish.at.min(self.now)),
            asked_at: wish.at,
            label_seen: wish.by_label,
            checks_passed: false,
            priority: old.map_or(0, |old| old.priority),
            single: false,
            depends_on: Vec::new(),
            round: old.map_or(0, |old| old.round) + 1,
            reds: 0,
            overtaken: 0,
            seen_off: false,
            read_as_of: pull.updated_at,
            phase: Phase::Waiting,
            since: self.now,
        };
        self.state.entries.insert(number, entry);
    }

    pub(super) fn review_entries(&mut self) {
        let world = self.world;
        for (&number, pull) in &world.pulls {
            let is_ours = pull.base_branch == self.state.branch
                || pull.stacked_on.is_some()
                || !self.config.branches.contains(&pull.base_branch);
            let Some(label) = pull.queued.as_ref().filter(|_| is_ours) else { continue };
            if label.may_queue.is_none() && self.safety.authorised {
                continue;
            }
            let wish = Wish { by: &label.by, at: label.at, head: label.head.as_ref(), by_label: true, place: None };
            self.enter(number, pull, &wish);
        }
        let live: Vec<PullNumber> = self.live().collect();
        for number in live {
            self.review(number);
        }
        self.name_circles();
    }

    fn live(&self) -> impl Iterator<Item = PullNumber> {
        self.state.entries.values().filter(|entry| !matches!(entry.phase, Phase::Done(_))).map(|entry| entry.pull)
    }

    /// Looks at one entry as it was read now.
    fn review(&mut self, number: PullNumber) {
        let world = self.world;
        let Some(entry) = self.state.entries.get_mut(&number) else { return };
        let Some(pull) = world.pulls.get(&number) else { return };
        if pull.updated_at < entry.read_as_of && self.safety.stale_readings {
            return;
        }
        entry.read_as_of = pull.updated_at;
        entry.label_seen |= pull.queued.is_some();
        entry.single = pull.labels.iter().any(|label| self.config.single_labels.contains(label));
        entry.depends_on = pull.depends_on.iter().copied().filter(|&on| on != number).collect();
        // A push that may have succeeded is judged by the branch, not by what GitHub makes of it.
        if pull.state == PullState::Merged && matches!(entry.phase, Phase::Landing(_)) {
            return;
        }
        if let Some(reason) = self.reason_to_leave(number, pull) {
            self.leave(number, reason);
            return;
        }
        let hold = self.reason_to_hold(number, pull);
        let Some(entry) = self.state.entries.get_mut(&number) else { return };
        match hold {
            Err(reason) => self.leave(number, reason),
            Ok(Some(hold)) => entry.phase = Phase::Held(hold),
            Ok(None) => {
                if matches!(entry.phase, Phase::Held(_)) {
                    entry.phase = Phase::Waiting;
                }
                self.fresh.insert(number);
            }
        }
    }

    fn reason_to_leave(&self, number: PullNumber, pull: &Pull) -> Option<ExitReason> {
        let entry = self.state.entries.get(&number)?;
        let is_building = matches!(entry.phase, Phase::Building(_) | Phase::Landing(_));
        if self.safety.open_for_this_branch {
            match pull.state {
                PullState::Merged => return Some(ExitReason::MergedElsewhere),
                PullState::Closed => return Some(ExitReason::Closed),
                PullState::Open => {}
            }
            if pull.base_branch != self.state.branch && pull.stacked_on.is_none() {
                let is_new = !self.before.entries.contains_key(&number);
                let branch: String = visible(&pull.base_branch).chars().take(200).collect();
                return Some(match is_new {
                    true => ExitReason::UnmanagedBranch { branch },
                    false => ExitReason::BaseChanged { to: branch },
                });
            }
            if pull.draft && is_building {
                return Some(ExitReason::Draft);
            }
        }
        match &pull.queued {
            Some(label) if label.may_queue == Some(false) && label.at >= entry.asked_at && self.safety.authorised => {
                return Some(ExitReason::NotAuthorised { by: visible(&label.by).chars().take(100).collect() });
            }
            None if entry.label_seen && self.safety.label_wanted => return Some(ExitReason::Dequeued),
            _ => {}
        }
        if pull.head != entry.head && self.safety.pinned_head {
            return Some(ExitReason::HeadChanged { from: entry.head.clone(), to: pull.head.clone() });
        }
        match &pull.merges {
            Mergeable::Empty => Some(ExitReason::Empty),
            Mergeable::Conflict(files) => {
                let with = match &entry.phase {
                    Phase::Held(Hold::ConflictAhead { with, .. }) => Some(*with).filter(|&with| self.has_landed(with)),
                    _ => None,
                };
                Some(ExitReason::Conflict { files: files.clone(), with })
            }
            Mergeable::Clean | Mergeable::Unknown => None,
        }
    }

    /// Why it may not be built; or why it must leave because it waited for too long.
    fn reason_to_hold(&mut self, number: PullNumber, pull: &Pull) -> Result<Option<Hold>, ExitReason> {
        if let Some(hold) = self.checks_hold(number, pull)? {
            return Ok(Some(hold));
        }
        let Some(entry) = self.state.entries.get(&number) else { return Ok(None) };
        if pull.draft && self.safety.open_for_this_branch {
            return Ok(Some(Hold::Draft));
        }
        if let Some(on) = pull.stacked_on.filter(|_| pull.base_branch != self.state.branch) {
            return Ok(Some(Hold::Stacked { on }));
        }
        match pull.review {
            Review::ChangesRequested => return Ok(Some(Hold::ChangesRequested)),
            Review::None if self.config.require_approval => return Ok(Some(Hold::Approval)),
            Review::Unknown if self.config.require_approval => {
                return Ok(Some(Hold::Unknown { reason: "its reviews could not be read".into() }));
            }
            Review::None | Review::Unknown | Review::Approved => {}
        }
        let is_live =
            |on: &PullNumber| self.state.entries.get(on).is_some_and(|entry| !matches!(entry.phase, Phase::Done(_)));
        let blocking = entry.depends_on.iter().find(|on| !self.has_landed(**on) && !is_live(on));
        if let Some(&on) = blocking.filter(|_| self.safety.dependencies) {
            return Ok(Some(Hold::Dependency { on }));
        }
        if let Phase::Held(Hold::ConflictAhead { with, files }) = &entry.phase {
            let ahead = self.state.entries.get(with).map(|other| &other.phase);
            if matches!(ahead, Some(Phase::Waiting | Phase::Building(_) | Phase::Landing(_))) {
                return Ok(Some(Hold::ConflictAhead { with: *with, files: files.clone() }));
            }
        }
        Ok(None)
    }

    /// Its own checks, until they were seen green once; and red ones at any time before it is built.
    fn checks_hold(&mut self, number: PullNumber, pull: &Pull) -> Result<Option<Hold>, ExitReason> {
        if !self.safety.pull_checks {
            return Ok(None);
        }
        let Some(entry) = self.state.entries.get(&number) else { return Ok(None) };
        if entry.checks_passed && matches!(entry.phase, Phase::Building(_) | Phase::Landing(_)) {
            return Ok(None);
        }
        let unknown = |reason: &str| Ok(Some(Hold::Unknown { reason: reason.into() }));
        let Some(checks) = self.world.checks.get(&pull.head) else {
            return if entry.checks_passed { Ok(None) } else { unknown("its checks were not read yet") };
        };
        let deadline = entry.at.max(entry.asked_at) + Duration::minutes(self.config.never_reported_minutes.into());
        match judge(self.config.pull_checks(), checks, self.config, None, self.safety) {
            Verdict::Green { .. } => {
                if let Some(entry) = self.state.entries.get_mut(&number) {
                    entry.checks_passed = true;
                }
                Ok(None)
            }
            Verdict::Red(failed) => {
                Err(ExitReason::PullChecksFailed { checks: failed.into_iter().map(|check| check.name).collect() })
            }
            Verdict::Unknown(_) if entry.checks_passed => Ok(None),
            Verdict::Unknown(why) => unknown(&why),
            Verdict::ActionRequired(check) => Ok(Some(Hold::ActionRequired { check })),
            Verdict::Infra(checks) => self.wait_for_checks(checks, deadline),
            Verdict::Pending { missing, running } if running.is_empty() => self.wait_for_checks(missing, deadline),
            // What has begun may take as long as a build.
            Verdict::Pending { missing, running } => {
                self.wait_for_checks(running.into_iter().chain(missing).collect(), deadline + self.timeout())
            }
        }
    }

    fn wait_for_checks(&mut self, checks: Vec<String>, deadline: DateTime<Utc>) -> Result<Option<Hold>, ExitReason> {
        if self.now >= deadline {
            return Err(ExitReason::PullChecksMissing { checks });
        }
        self.wake_by(deadline);
        Ok(Some(Hold::Checks { waiting_for: checks }))
    }

    /// Entries that wait for each other wait for ever; they are told so.
    fn name_circles(&mut self) {
        let graph: BTreeMap<PullNumber, &[PullNumber]> = self
            .state
            .entries
            .values()
            .filter(|entry| !entry.depends_on.is_empty() && !matches!(entry.phase, Phase::Done(_)))
            .map(|entry| (entry.pull, &*entry.depends_on))
            .collect();
        let circles: Vec<(PullNumber, Vec<PullNumber>)> = graph
            .keys()
            .filter_map(|&start| {
                let mut reached = vec![start];
                let mut at = 0;
                while at < reached.len() && reached.len() < LONGEST_CIRCLE {
                    for &next in graph.get(&reached[at]).copied().unwrap_or_default() {
                        if next == start {
                            let mut through = reached.clone();
                            through.sort_unstable();
                            return Some((start, through));
                        }
                        if !reached.contains(&next) && graph.contains_key(&next) {
                            reached.push(next);
                        }
                    }
                    at += 1;
                }
                None
            })
            .collect();
        for (pull, through) in circles {
            if let Some(entry) = self.state.entries.get_mut(&pull).filter(|entry| entry.phase == Phase::Waiting) {
                entry.phase = Phase::Held(Hold::DependencyCircle { through });
                self.fresh.remove(&pull);
            }
        }
    }

    /// Whether the build's verdict is still awaited.
    pub(super) fn is_awaited(&self, phase: &BuildPhase) -> bool {
        phase.is_active() || matches!(phase, BuildPhase::Green | BuildPhase::Landing)
    }
}
