//! The merge queue at work: observe, plan, remember by compare-and-swap, act; and again, until nothing is left to do.
//!
//! What pulls on this room: two runners may be at it at once, either may die between any two lines, GitHub may be away
//! or answer twice. So a plan is written down before it is acted upon, whoever loses the race for the state's ref does
//! nothing and looks again, and the branch moves in the same push as the record of it. What was decided stands in
//! [`queue`]; here is only how it is read and done.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};

use crate::change::{CommitId, ObjectId};
use crate::git::integrate::{IntegrateError, PushError, PushRefusal, RefUpdate, Store};
use crate::github::{self, Client, Repository};
use crate::queue::action::ActionKey;
use crate::queue::checks::GreenCheck;
use crate::queue::event::Event;
use crate::queue::state::StateError;
use crate::queue::world::{Intake, Outcome, PullNumber};
use crate::queue::{self, Action, Config, State, World};

pub mod commands;
pub mod doctor;
mod merge;
mod observe;
mod perform;
pub mod verify;

/// How often a tick begins anew because another runner was faster.
const MOST_RACES: usize = 5;
/// How often a tick plans before it leaves the rest to the next one.
const MOST_ROUNDS: usize = 40;

/// One queue and what it works with.
pub struct Session<'a> {
    /// Our own repository.
    pub store: &'a Store,
    /// GitHub.
    pub client: &'a Client,
    /// The repository there.
    pub repository: &'a Repository,
    /// The branch, without `refs/heads/`.
    pub branch: &'a str,
    /// The section `queue` as it stands on that branch.
    pub config: &'a Config,
    /// The workflow that is asked to test an integration branch; `None` where a push starts CI by itself.
    pub dispatch: Option<&'a str>,
}

/// What came of a tick.
#[derive(Clone, Debug, Default)]
pub struct Ticked {
    /// What was done, one line each.
    pub done: Vec<String>,
    /// What was not, one line each.
    pub troubles: Vec<String>,
    /// What landed.
    pub landed: Vec<Proof>,
    /// What happened, each once, for whoever measures.
    pub events: Vec<Event>,
    /// When to tick again at the latest.
    pub wake_at: Option<DateTime<Utc>>,
}

/// Why a commit could land.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Proof {
    /// What was tested and landed.
    pub commit: CommitId,
    /// Its tree, computed twice.
    pub tree: ObjectId,
    /// Where the branch was.
    pub base: CommitId,
    /// Who landed, at which head.
    pub pulls: Vec<(PullNumber, CommitId)>,
    /// Every required check, green on exactly this commit.
    pub checks: Vec<GreenCheck>,
}

/// Why a tick could not be done.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// Git.
    #[error(transparent)]
    Git(#[from] IntegrateError),
    /// GitHub.
    #[error(transparent)]
    GitHub(#[from] github::Error),
    /// What was remembered cannot be read: nothing is done, nothing is lost.
    #[error("the queue of `{branch}` stands still: {error}")]
    State {
        /// The branch.
        branch: String,
        /// What is wrong.
        error: StateError,
    },
    /// The state's ref cannot be written.
    #[error("the state of the queue cannot be written: {0}")]
    Refused(String),
    /// There is no such branch.
    #[error("there is no branch `{0}` on the server")]
    NoBranch(String),
    /// Another runner was faster, again and again.
    #[error("another runner moves this queue all the time; nothing was done by this one")]
    Races,
}

impl DriverError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            DriverError::Git(error) => error.hint(),
            DriverError::GitHub(error) => error.hint(),
            DriverError::State { branch, error } => Some(format!(
                "{}; `git log {}` shows the older ones",
                error.hint().unwrap_or_default(),
                state_ref(branch)
            )),
            DriverError::Refused(_) => Some("the token needs `contents: write`; `mainguard queue doctor` looks".into()),
            DriverError::NoBranch(_) => Some("name another with --base, or correct `queue.branches`".into()),
            DriverError::Races => Some("run it in a concurrency group, one per branch".into()),
        }
    }

    /// When it may be tried again, where GitHub said so.
    pub fn resumes_at(&self) -> Option<DateTime<Utc>> {
        match self {
            DriverError::GitHub(github::Error::RateLimited { until, .. }) => *until,
            _ => None,
        }
    }
}

/// The ref that holds the state of a branch's queue: outside `refs/heads`, so no workflow runs for it.
pub fn state_ref(branch: &str) -> String {
    format!("refs/mainguard/queue/{branch}")
}

/// What a state's ref holds.
#[derive(Clone, Debug)]
pub(crate) struct Remembered {
    pub(crate) state: State,
    /// The commit it was read from; `None` before the first.
    pub(crate) commit: Option<CommitId>,
    /// When it was written.
    pub(crate) at: Option<DateTime<Utc>>,
    /// Files beside it: what other workflows recorded.
    pub(crate) intake: BTreeMap<String, Vec<u8>>,
}

/// Carries the queue as far as it goes now. `asked` is what a person asks for with this very call.
pub fn tick(session: &Session<'_>, asked: &[Intake], now: DateTime<Utc>) -> Result<Ticked, DriverError> {
    let mut ticked = Ticked::default();
    for _ in 0..MOST_RACES {
        let (remembered, mut world) = observe::observe(session, now, &mut ticked.troubles)?;
        world.intake.extend(asked.iter().cloned());
        let mut run = Run { session, now, remembered, world, ticked, told: BTreeSet::new(), me: None };
        let end = run.rounds();
        ticked = run.ticked;
        match end? {
            End::Rest => return Ok(ticked),
            End::Lost => {}
        }
    }
    Err(DriverError::Races)
}

/// What a tick would do now, without writing anywhere: the state after it, its actions in order, and what was seen.
pub fn foresee(session: &Session<'_>, now: DateTime<Utc>) -> Result<Foreseen, DriverError> {
    let mut troubles = Vec::new();
    let (remembered, mut world) = observe::observe(session, now, &mut troubles)?;
    let mut state = remembered.state.clone();
    let mut actions = Vec::new();
    for _ in 0..MOST_ROUNDS {
        let (next, wanted) = queue::plan(&state, &world, session.config, now);
        world.outcomes.clear();
        let recipes: Vec<_> = wanted
            .iter()
            .filter_map(|action| match action {
                Action::CreateCommit(recipe) => Some(recipe.clone()),
                _ => None,
            })
            .collect();
        state = next;
        for action in wanted {
            if !actions.contains(&action) {
                actions.push(action);
            }
        }
        let fresh = merge::create_all(session.store, &state, &recipes, &mut world);
        if !fresh {
            break;
        }
    }
    Ok(Foreseen { before: remembered.state, state, actions, world, troubles })
}

/// What a tick would do.
#[derive(Clone, Debug)]
pub struct Foreseen {
    /// What is remembered now.
    pub before: State,
    /// What would be remembered then.
    pub state: State,
    /// What would be done, in order.
    pub actions: Vec<Action>,
    /// What was seen.
    pub world: World,
    /// What could not be seen.
    pub troubles: Vec<String>,
}

/// How a run ended.
enum End {
    /// Nothing is left to do now.
    Rest,
    /// Another runner was faster.
    Lost,
}

/// One run of a tick.
struct Run<'s, 'a> {
    session: &'s Session<'a>,
    now: DateTime<Utc>,
    remembered: Remembered,
    world: World,
    ticked: Ticked,
    /// Effects that were tried in this tick.
    told: BTreeSet<u64>,
    /// Our login.
    me: Option<String>,
}

impl Run<'_, '_> {
    fn rounds(&mut self) -> Result<End, DriverError> {
        // After a refusal the rest waits for a fresh look at the world.
        let mut refused = false;
        for _ in 0..MOST_ROUNDS {
            let (next, mut actions) = queue::plan(&self.remembered.state, &self.world, self.session.config, self.now);
            self.world.outcomes.clear();
            self.world.intake.clear();
            if !self.remember(next)? {
                return Ok(End::Lost);
            }
            self.wake(&actions);
            if refused {
                return Ok(End::Rest);
            }
            let mut moved = false;
            loop {
                moved |= self.build(&actions);
                match self.land(&actions) {
                    None => break,
                    Some(perform::Landed::Moved(after)) => {
                        moved = true;
                        self.wake(&after);
                        actions = after;
                    }
                    Some(perform::Landed::Not) => {
                        refused = true;
                        break;
                    }
                }
            }
            moved |= self.tell(&actions);
            if !moved && !refused && self.world.outcomes.is_empty() {
                return Ok(End::Rest);
            }
        }
        Ok(End::Rest)
    }

    fn wake(&mut self, actions: &[Action]) {
        let wanted = actions.iter().filter_map(|action| match action {
            Action::WakeAt { at } => Some(*at),
            _ => None,
        });
        self.ticked.wake_at = wanted.min();
    }

    /// Writes the state down, unless it is the same. False when another runner was faster.
    fn remember(&mut self, next: State) -> Result<bool, DriverError> {
        if next == self.remembered.state && self.remembered.commit.is_some() {
            return Ok(true);
        }
        let subject = subject(&next);
        let commit = write_state(self.session, &next, &self.remembered, &subject, self.now)?;
        let update = self.state_update(&commit);
        match self.session.store.push(std::slice::from_ref(&update)) {
            Ok(()) => {}
            Err(PushError::Refused { why: PushRefusal::Moved, .. }) => return Ok(false),
            Err(PushError::Refused { message, .. }) => return Err(DriverError::Refused(message)),
            // It may have come through all the same.
            Err(PushError::Unknown(error)) => {
                let there = self.session.store.remote_refs(std::slice::from_ref(&update.name))?;
                if there.get(&update.name) != Some(&commit) {
                    return Err(error.into());
                }
            }
        }
        self.remembered.state = next;
        self.remembered.commit = Some(commit);
        Ok(true)
    }

    fn state_update(&self, new: &CommitId) -> RefUpdate {
        RefUpdate { name: state_ref(self.session.branch), old: self.remembered.commit.clone(), new: Some(new.clone()) }
    }

    fn outcome(&mut self, key: ActionKey, outcome: Outcome) {
        if let Outcome::Refused { message, .. } | Outcome::Later { message } = &outcome {
            let what = match &key {
                ActionKey::Effect(_) => "telling".to_string(),
                ActionKey::Land(build) => format!("landing build {build}"),
                ActionKey::PushRef(build) => format!("pushing build {build}"),
                ActionKey::Dispatch(build) => format!("starting CI for build {build}"),
                ActionKey::DeleteRef(build) => format!("deleting the branch of build {build}"),
            };
            self.ticked.troubles.push(format!("{what}: {message}"));
        }
        self.world.outcomes.push((key, outcome));
    }
}

/// How long what was recorded beside the state is kept.
const INTAKE_KEPT: Duration = Duration::days(7);

fn write_state(
    session: &Session<'_>,
    state: &State,
    before: &Remembered,
    message: &str,
    now: DateTime<Utc>,
) -> Result<CommitId, DriverError> {
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (name, content) in &before.intake {
        let is_young = observe::recorded_label(content).is_some_and(|label| label.at + INTAKE_KEPT > now);
        if is_young {
            files.insert(name.clone(), content.clone());
        }
    }
    files.insert("state.json".into(), state.to_json());
    Ok(session.store.commit_files(&files, before.commit.as_ref(), message, now)?)
}

/// The history of the state's ref is the queue's log.
fn subject(state: &State) -> String {
    use crate::queue::entry::Phase;
    let live = state.entries.values().filter(|entry| !matches!(entry.phase, Phase::Done(_))).count();
    let running = state.builds.values().filter(|build| build.phase.is_active()).count();
    let frozen = if state.freeze.is_some() { ", frozen" } else { "" };
    format!("Queue of {}: {live} in it, {running} being tested{frozen}\n", state.branch)
}

/// Records who put the label on at which head, for a tick that comes later. Called by a workflow that sees the event.
pub fn record_label(
    session: &Session<'_>,
    label: &observe::RecordedLabel,
    now: DateTime<Utc>,
) -> Result<(), DriverError> {
    for _ in 0..MOST_RACES {
        let mut before = observe::remembered(session)?.0;
        let name = format!("intake/{}-{}.json", label.pull, label.at.timestamp());
        let content = serde_json::to_vec(label).unwrap_or_default();
        if before.intake.insert(name, content.clone()) == Some(content) {
            return Ok(());
        }
        let message = format!("The label on #{}\n", label.pull);
        let commit = write_state(session, &before.state, &before, &message, now)?;
        let update = RefUpdate { name: state_ref(session.branch), old: before.commit.clone(), new: Some(commit) };
        match session.store.push(&[update]) {
            Ok(()) => return Ok(()),
            Err(PushError::Refused { why: PushRefusal::Moved, .. }) => {}
            Err(PushError::Refused { message, .. }) => return Err(DriverError::Refused(message)),
            Err(PushError::Unknown(error)) => return Err(error.into()),
        }
    }
    Err(DriverError::Races)
}

pub use observe::RecordedLabel;

/// What is remembered now, without looking at GitHub.
pub fn remembered(session: &Session<'_>) -> Result<State, DriverError> {
    Ok(observe::remembered(session)?.0.state)
}
