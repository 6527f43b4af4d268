//! An invented repository with its CI: it knows which pull requests are bad, and tells only what a real one would.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};

use crate::change::{CommitId, ObjectId};

use super::super::action::{Action, ActionKey, Land, Recipe, Telling};
use super::super::build::{BuildId, Onto};
use super::super::world::{
    CheckResult, CheckStatus, Checks, Conclusion, Mergeable, Merged, Outcome, Pull, PullNumber, PullState, QueueLabel,
    Refusal, Review, World,
};

/// The one check that the invented CI reports.
pub const CHECK: &str = "test";

/// Numbers that look random and are the same for the same seed (SplitMix64, Steele et al. 2014).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice that fall the same way for the same seed.
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// Any number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to 1.
    pub fn share(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True in this share of rolls.
    pub fn chance(&mut self, share: f64) -> bool {
        self.share() < share
    }

    /// A number below `bound`, or 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.roll() % bound }
    }
}

/// How the invented CI behaves.
#[derive(Clone, Debug)]
pub struct Habits {
    /// How long a run takes, in seconds, give or take 15 %.
    pub ci_seconds: f64,
    /// The share of green runs that are red all the same.
    pub flake: f64,
    /// The share of runs that are cancelled by nobody.
    pub cancelled: f64,
    /// The share of runs that never begin.
    pub silent: f64,
    /// The share of runs that never end.
    pub endless: f64,
}

/// What is true about a pull request, whoever knows it.
#[derive(Clone, Debug)]
pub struct Truth {
    /// The commit to which the rest applies.
    pub head: CommitId,
    /// It breaks the branch.
    pub bad: bool,
    /// Together with one of these it breaks the branch.
    pub breaks_with: BTreeSet<PullNumber>,
    /// It does not merge with one of these.
    pub conflicts_with: BTreeSet<PullNumber>,
    /// Its own checks are green.
    pub checked: bool,
    /// When it was queued.
    pub queued_at: DateTime<Utc>,
    /// At which position of the branch it landed.
    pub landed: Option<usize>,
}

#[derive(Clone, Debug)]
struct Commit {
    first_parent: Option<CommitId>,
    members: Vec<(PullNumber, CommitId)>,
    build: Option<BuildId>,
}

/// The invented repository.
#[derive(Clone, Debug)]
pub struct Invented {
    /// What can be observed now. `intake` and `outcomes` are left to the driver.
    pub world: World,
    /// What is true.
    pub truth: BTreeMap<PullNumber, Truth>,
    /// Every tip that the branch had, oldest first.
    pub branch: Vec<CommitId>,
    /// CI runs that were started.
    pub runs: u64,
    /// Seconds for which runs have run and that are over, ended or cancelled.
    pub ran_seconds: f64,
    /// Comments as they stand, and how often each was written.
    pub comments: BTreeMap<(PullNumber, String), (String, u32)>,
    /// Ids of events that were delivered.
    pub events: BTreeSet<String>,
    name: String,
    seed: u64,
    habits: Habits,
    commits: HashMap<CommitId, Commit>,
    places: HashMap<CommitId, usize>,
    /// Whether the branch is bad at each position.
    bad_at: Vec<bool>,
    /// When the runs end, and how.
    ends: BTreeSet<(DateTime<Utc>, CommitId, u64)>,
    ending: HashMap<(CommitId, u64), Conclusion>,
    /// When the runs began that never end.
    endless: HashMap<CommitId, Vec<DateTime<Utc>>>,
    next_id: u64,
}

fn id_of(parts: &[&str]) -> CommitId {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    let hex: String = hash.finalize().iter().take(20).map(|byte| format!("{byte:02x}")).collect();
    ObjectId::parse(&hex).unwrap_or_else(|| unreachable!("40 digits"))
}

impl Invented {
    /// A repository with one commit and no pull request.
    pub fn new(branch: &str, seed: u64, habits: Habits) -> Invented {
        let root = id_of(&["root", &seed.to_string()]);
        let world = World { base_tip: Some(root.clone()), refs: Some(BTreeMap::new()), ..World::default() };
        Invented {
            world,
            truth: BTreeMap::new(),
            branch: vec![root.clone()],
            runs: 0,
            ran_seconds: 0.0,
            comments: BTreeMap::new(),
            events: BTreeSet::new(),
            name: branch.into(),
            seed,
            habits,
            commits: HashMap::from([(root.clone(), Commit { first_parent: None, members: Vec::new(), build: None })]),
            places: HashMap::from([(root, 0)]),
            bad_at: vec![false],
            ends: BTreeSet::new(),
            ending: HashMap::new(),
            endless: HashMap::new(),
            next_id: 1,
        }
    }

    /// The tip of the branch.
    pub fn tip(&self) -> &CommitId {
        &self.branch[self.branch.len() - 1]
    }

    fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// A new pull request with the label.
    pub fn open(&mut self, number: PullNumber, bad: bool, now: DateTime<Utc>) {
        let head = id_of(&["head", &self.seed.to_string(), &number.to_string(), "1"]);
        let truth = Truth {
            head: head.clone(),
            bad,
            breaks_with: BTreeSet::new(),
            conflicts_with: BTreeSet::new(),
            checked: true,
            queued_at: now,
            landed: None,
        };
        self.truth.insert(number, truth);
        let pull = Pull {
            state: PullState::Open,
            updated_at: now,
            head: head.clone(),
            base_branch: self.name.clone(),
            stacked_on: None,
            draft: false,
            title: format!("Change {number}"),
            author: "author".into(),
            labels: Vec::new(),
            queued: Some(QueueLabel {
                by: "maintainer".into(),
                may_queue: Some(true),
                at: now,
                head: Some(head.clone()),
            }),
            review: Review::Approved,
            depends_on: Vec::new(),
            merges: Mergeable::Clean,
        };
        self.world.pulls.insert(number, pull);
        self.report(&head, Some(Conclusion::Success), now - Duration::minutes(20), now - Duration::minutes(10));
    }

    /// A check on a commit, ended or running.
    pub fn report(
        &mut self,
        commit: &CommitId,
        ended: Option<Conclusion>,
        started: DateTime<Utc>,
        at: DateTime<Utc>,
    ) -> u64 {
        let id = self.next_id();
        let result = CheckResult {
            name: CHECK.into(),
            app: Some("ci".into()),
            source: "ci.yml".into(),
            id,
            status: ended.clone().map_or(CheckStatus::Running, CheckStatus::Completed),
            started_at: Some(started),
            completed_at: ended.map(|_| at),
            url: None,
        };
        match self.world.checks.entry(commit.clone()).or_insert_with(|| Checks::Complete(Vec::new())) {
            Checks::Complete(results) => results.push(result),
            Checks::Unknown(_) => {}
        }
        id
    }

    /// Makes two pull requests break the branch together (`semantic`), or not merge.
    pub fn quarrel(&mut self, one: PullNumber, other: PullNumber, semantic: bool) {
        for (one, other) in [(one, other), (other, one)] {
            if let Some(truth) = self.truth.get_mut(&one) {
                let set = if semantic { &mut truth.breaks_with } else { &mut truth.conflicts_with };
                set.insert(other);
            }
        }
    }

    /// Somebody pushes to the pull request's branch.
    pub fn push_head(&mut self, number: PullNumber, now: DateTime<Utc>) {
        let nonce = self.next_id().to_string();
        let head = id_of(&["head", &self.seed.to_string(), &number.to_string(), &nonce]);
        if let Some(truth) = self.truth.get_mut(&number).filter(|truth| truth.landed.is_none()) {
            truth.head = head.clone();
            // What was pushed now was judged by nobody.
            truth.bad = true;
        }
        if let Some(pull) = self.world.pulls.get_mut(&number) {
            pull.head = head.clone();
            pull.updated_at = now;
        }
        self.report(&head, Some(Conclusion::Success), now, now);
    }

    /// Somebody pushes to the branch itself.
    pub fn push_branch(&mut self) {
        let nonce = self.next_id().to_string();
        let tip = id_of(&["direct", &nonce, self.tip().as_str()]);
        let commit = Commit { first_parent: Some(self.tip().clone()), members: Vec::new(), build: None };
        self.commits.insert(tip.clone(), commit);
        self.move_branch(tip, false);
    }

    fn move_branch(&mut self, tip: CommitId, bad: bool) {
        let place = self.branch.len();
        let was_bad = self.bad_at[place - 1];
        self.places.insert(tip.clone(), place);
        self.branch.push(tip.clone());
        self.bad_at.push(was_bad || bad);
        self.world.in_base.insert(tip.clone());
        self.world.base_tip = Some(tip);
    }

    /// What lies between the branch and a commit, lowest first, and where on the branch it stands.
    pub fn above_branch(&self, commit: &CommitId) -> Option<(usize, Vec<(PullNumber, CommitId)>)> {
        let mut members = Vec::new();
        let mut at = commit;
        loop {
            if let Some(&place) = self.places.get(at) {
                members.reverse();
                return Some((place, members));
            }
            let found = self.commits.get(at)?;
            members.extend(found.members.iter().rev().cloned());
            at = found.first_parent.as_ref()?;
        }
    }

    /// Whether the commit would break the branch, flakes aside.
    pub fn is_bad(&self, commit: &CommitId) -> bool {
        let Some((place, members)) = self.above_branch(commit) else { return true };
        if self.bad_at[place] {
            return true;
        }
        let here: BTreeSet<PullNumber> = members.iter().map(|(pull, _)| *pull).collect();
        members.iter().any(|(pull, head)| {
            let truth = &self.truth[pull];
            let meets =
                |other: &PullNumber| here.contains(other) || self.truth[other].landed.is_some_and(|at| at <= place);
            (truth.bad && truth.head == *head) || truth.breaks_with.iter().any(meets)
        })
    }

    /// Whether the pull request would break the branch as it is now, all by itself.
    pub fn is_bad_alone(&self, pull: PullNumber) -> bool {
        let truth = &self.truth[&pull];
        truth.bad
            || truth.breaks_with.iter().any(|other| self.truth[other].landed.is_some())
            || self.bad_at[self.bad_at.len() - 1]
    }

    /// When something happens next by itself.
    pub fn next_end(&self) -> Option<DateTime<Utc>> {
        self.ends.first().map(|(at, ..)| *at)
    }

    /// Lets runs end whose time has come.
    pub fn advance(&mut self, now: DateTime<Utc>) {
        while let Some((at, commit, id)) = self.ends.first().cloned().filter(|(at, ..)| *at <= now) {
            self.ends.remove(&(at, commit.clone(), id));
            let Some(conclusion) = self.ending.remove(&(commit.clone(), id)) else { continue };
            self.end(&commit, id, &conclusion, at);
        }
    }

    fn end(&mut self, commit: &CommitId, id: u64, conclusion: &Conclusion, at: DateTime<Utc>) {
        let Some(Checks::Complete(results)) = self.world.checks.get_mut(commit) else { return };
        for result in results.iter_mut().filter(|result| result.id == id) {
            result.status = CheckStatus::Completed(conclusion.clone());
            result.completed_at = Some(at);
            let ran = result.started_at.map_or(0, |started| (at - started).num_milliseconds());
            self.ran_seconds += ran.max(0) as f64 / 1000.0;
        }
    }

    /// Ends the newest run on a commit now, in this way.
    #[cfg(test)]
    pub(in super::super) fn end_run(&mut self, commit: &CommitId, conclusion: Conclusion, now: DateTime<Utc>) {
        self.ends.retain(|(_, other, _)| other != commit);
        if let Some(Checks::Complete(results)) = self.world.checks.get_mut(commit)
            && let Some(result) = results.iter_mut().max_by_key(|result| result.id)
        {
            result.status = CheckStatus::Completed(conclusion);
            result.completed_at = Some(now);
        }
    }

    /// Somebody breaks the branch itself.
    #[cfg(test)]
    pub(in super::super) fn break_branch(&mut self) {
        self.push_branch();
        let last = self.bad_at.len() - 1;
        self.bad_at[last] = true;
    }

    /// Does what is asked, and says under which name what came of it.
    pub fn perform(&mut self, action: &Action, now: DateTime<Utc>) -> Option<(ActionKey, Outcome)> {
        match action {
            Action::CreateCommit(recipe) => {
                let merged = self.merge(recipe);
                if let Some(merged) = merged {
                    self.world.merges.insert(recipe.build.clone(), merged);
                }
                None
            }
            Action::PushRef { build, name, new } => {
                // From now on GitHub can be asked about it, and answers that nothing ran.
                self.world.checks.entry(new.clone()).or_insert_with(|| Checks::Complete(Vec::new()));
                let refs = self.world.refs.get_or_insert_default();
                let there = refs.entry(name.clone()).or_insert_with(|| new.clone());
                let outcome = match there == new {
                    true => Outcome::Done,
                    false => Outcome::Refused { why: Refusal::Moved, message: "the ref exists".into() },
                };
                Some((ActionKey::PushRef(build.clone()), outcome))
            }
            Action::Dispatch { build, commit, attempt, .. } => {
                self.run(commit, *attempt, now);
                Some((ActionKey::Dispatch(build.clone()), Outcome::Done))
            }
            Action::CancelRun { commit, .. } => {
                self.cancel(commit, now);
                None
            }
            Action::Land(land) => Some((ActionKey::Land(land.build().clone()), self.land(land, now))),
            Action::DeleteRef { build, name, old } => {
                let refs = self.world.refs.get_or_insert_default();
                if refs.get(name) == Some(old) {
                    refs.remove(name);
                    self.world.merges.remove(build);
                    self.world.checks.remove(old);
                }
                Some((ActionKey::DeleteRef(build.clone()), Outcome::Done))
            }
            Action::Effect(effect) => {
                self.hear(&effect.what, now);
                Some((ActionKey::Effect(effect.id), Outcome::Done))
            }
            Action::WakeAt { .. } => None,
        }
    }

    fn merge(&mut self, recipe: &Recipe) -> Option<Merged> {
        let onto = match &recipe.onto {
            Onto::Commit(commit) => commit.clone(),
            Onto::Build(build) => match self.world.merges.get(build) {
                Some(Merged::Created { commit, .. }) => commit.clone(),
                _ => return None,
            },
        };
        let (place, below) = self.above_branch(&onto)?;
        let mut here: Vec<PullNumber> = below.iter().map(|(pull, _)| *pull).collect();
        for member in &recipe.members {
            let enemies = &self.truth[&member.pull].conflicts_with;
            let landed = enemies.iter().any(|other| self.truth[other].landed.is_some_and(|at| at <= place));
            let with: Vec<PullNumber> = here.iter().copied().filter(|other| enemies.contains(other)).collect();
            if landed || !with.is_empty() {
                let with = if landed { Vec::new() } else { with };
                return Some(Merged::Conflict { pull: member.pull, files: vec!["shared.txt".into()], with });
            }
            here.push(member.pull);
        }
        let at = recipe.at.to_rfc3339();
        let commit = id_of(&["commit", onto.as_str(), &recipe.message, &at]);
        let members = recipe.members.iter().map(|member| (member.pull, member.head.clone())).collect();
        let made = Commit { first_parent: Some(onto), members, build: Some(recipe.build.clone()) };
        self.commits.insert(commit.clone(), made);
        Some(Merged::Created { tree: id_of(&["tree", commit.as_str()]), commit })
    }

    fn run(&mut self, commit: &CommitId, attempt: u32, now: DateTime<Utc>) {
        self.runs += 1;
        let first_digits = u64::from_str_radix(&commit.as_str()[..16], 16).unwrap_or_default();
        let mut dice = Dice::new(self.seed ^ first_digits ^ (u64::from(attempt) << 56));
        if dice.chance(self.habits.silent) {
            return;
        }
        let conclusion = if dice.chance(self.habits.cancelled) {
            Conclusion::Cancelled
        } else if self.is_bad(commit) || dice.chance(self.habits.flake) {
            Conclusion::Failure
        } else {
            Conclusion::Success
        };
        let seconds = self.habits.ci_seconds * (0.85 + 0.3 * dice.share());
        let id = self.report(commit, None, now, now);
        if !dice.chance(self.habits.endless) {
            self.ends.insert((now + Duration::milliseconds((seconds * 1000.0) as i64), commit.clone(), id));
            self.ending.insert((commit.clone(), id), conclusion);
        } else {
            self.endless.entry(commit.clone()).or_default().push(now);
        }
    }

    fn cancel(&mut self, commit: &CommitId, now: DateTime<Utc>) {
        let running: Vec<(DateTime<Utc>, CommitId, u64)> =
            self.ends.iter().filter(|(_, other, _)| other == commit).cloned().collect();
        for (at, commit, id) in running {
            self.ends.remove(&(at, commit.clone(), id));
            self.ending.remove(&(commit.clone(), id));
            self.end(&commit, id, &Conclusion::Cancelled, now);
        }
        // What never ends does not hear that either, but whoever pays for it does.
        for started in self.endless.remove(commit).into_iter().flatten() {
            self.ran_seconds += (now - started).num_seconds().max(0) as f64;
        }
    }

    /// What the atomic push of the driver does: the branch must be where it was, and the new tip must stand on it.
    fn land(&mut self, land: &Land, now: DateTime<Utc>) -> Outcome {
        let refused = |message: &str| Outcome::Refused { why: Refusal::Moved, message: message.into() };
        if self.tip() != land.base_old() {
            return refused("the branch is elsewhere");
        }
        let Some((place, members)) = self.above_branch(land.new_tip()) else { return refused("no such commit") };
        if place + 1 != self.branch.len() || self.places.contains_key(land.new_tip()) {
            return refused("not a fast-forward");
        }
        let bad = self.is_bad(land.new_tip());
        let mut at = land.new_tip().clone();
        while let Some(commit) = self.commits.get(&at).filter(|_| !self.places.contains_key(&at)) {
            self.world.in_base.insert(at.clone());
            if let Some(parent) = &commit.first_parent {
                at = parent.clone();
            }
        }
        self.move_branch(land.new_tip().clone(), bad);
        for (pull, head) in members {
            let place = self.branch.len() - 1;
            if let Some(truth) = self.truth.get_mut(&pull) {
                truth.landed = Some(place);
            }
            self.world.in_base.insert(head);
            if let Some(pull) = self.world.pulls.get_mut(&pull) {
                pull.state = PullState::Merged;
                pull.updated_at = now;
            }
        }
        Outcome::Done
    }

    fn hear(&mut self, what: &Telling, now: DateTime<Utc>) {
        match what {
            Telling::Comment { pull, marker, body } => {
                let comment = self.comments.entry((*pull, marker.clone())).or_default();
                if comment.0 != *body {
                    *comment = (body.clone(), comment.1 + 1);
                }
            }
            Telling::Labels { pull, wanted } => {
                let Some(seen) = self.world.pulls.get_mut(pull) else { return };
                for (name, there) in wanted {
                    match (name.as_str(), there) {
                        ("ready-to-queue", false) if seen.queued.take().is_some() => seen.updated_at = now,
                        ("ready-to-queue", _) => {}
                        (name, true) if !seen.labels.iter().any(|label| label == name) => seen.labels.push(name.into()),
                        (name, false) => seen.labels.retain(|label| label != name),
                        (_, true) => {}
                    }
                }
                if seen.state == PullState::Merged && seen.queued.is_none() {
                    let head = seen.head.clone();
                    self.world.pulls.remove(pull);
                    self.world.checks.remove(&head);
                }
            }
            Telling::CheckRun { .. } | Telling::DeleteBranch { .. } | Telling::Close { .. } => {}
            Telling::Event(event) => {
                self.events.insert(event.id.clone());
            }
        }
    }

    /// The build that a commit was made for.
    pub fn build_of(&self, commit: &CommitId) -> Option<&BuildId> {
        self.commits.get(commit)?.build.as_ref()
    }
}
