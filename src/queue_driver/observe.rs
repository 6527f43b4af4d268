//! From git's and GitHub's answers to a [`World`]: one listing of refs, one fetch, two queries, and a question about
//! each person who asks for something new.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use crate::change::CommitId;
use crate::git::integrate::{MergedTree, Store};
use crate::github;
use crate::github::queue::{CheckContext, CommitChecks, QueuePull};
use crate::queue::build::{BuildPhase, ref_prefix};
use crate::queue::entry::{ExitReason, Phase};
use crate::queue::world::{
    CheckResult, CheckStatus, Checks, Conclusion, Intake, Mergeable, Pull, PullNumber, PullState, QueueLabel, Review,
};
use crate::queue::{State, World};

use super::{DriverError, Remembered, Session, commands, state_ref};

/// Comments are read again from this long before the last state, as clocks differ and answers are late.
const OVERLAP: Duration = Duration::minutes(15);
/// How far back comments are read when nothing is remembered.
const FIRST_LOOK: Duration = Duration::hours(1);
/// How many people are asked about in one tick.
const MOST_PEOPLE: usize = 20;
/// How many pull requests that others depend on are asked for in one tick.
const MOST_NEEDED: usize = 500;
/// A recorded label and GitHub's own time of it may differ by this much.
const SAME_MOMENT: Duration = Duration::seconds(90);

/// What a workflow recorded when somebody put the label on: at which head, which cannot be read again later.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct RecordedLabel {
    /// The pull request.
    pub pull: PullNumber,
    /// Who.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The head at that moment.
    pub head: CommitId,
}

pub(super) fn recorded_label(content: &[u8]) -> Option<RecordedLabel> {
    serde_json::from_slice(content).ok()
}

/// The state, and where the refs are.
pub(super) fn remembered(session: &Session<'_>) -> Result<(Remembered, BTreeMap<String, CommitId>), DriverError> {
    let store = session.store;
    let state_name = state_ref(session.branch);
    let patterns =
        [format!("refs/heads/{}", session.branch), state_name.clone(), format!("{}*", ref_prefix(session.branch))];
    let refs = store.remote_refs(&patterns)?;
    let Some(commit) = refs.get(&state_name).cloned() else {
        let remembered =
            Remembered { state: State::new(session.branch), commit: None, at: None, intake: BTreeMap::new() };
        return Ok((remembered, refs));
    };
    let damaged = |error| DriverError::State { branch: session.branch.into(), error };
    let lost = |words: &str| damaged(crate::queue::state::StateError::Damaged(words.into()));
    if !store.fetch(&BTreeSet::from([commit.clone()]))?.is_empty() {
        return Err(lost("its commit cannot be fetched"));
    }
    let bytes = store.read_file(&commit, "state.json")?.ok_or_else(|| lost("it has no file `state.json`"))?;
    let state = State::from_json(&bytes, session.branch).map_err(damaged)?;
    let mut intake = BTreeMap::new();
    for name in store.list_folder(&commit, "intake")?.into_iter().take(1_000) {
        if let Some(content) = store.read_file(&commit, &name)? {
            intake.insert(name, content);
        }
    }
    let (_, at, _) = store.read_commit(&commit)?;
    Ok((Remembered { state, commit: Some(commit), at: Some(at), intake }, refs))
}

/// Looks at everything.
pub(super) fn observe(
    session: &Session<'_>,
    now: DateTime<Utc>,
    troubles: &mut Vec<String>,
) -> Result<(Remembered, World), DriverError> {
    let (remembered, refs) = remembered(session)?;
    let state = &remembered.state;
    let tip = refs
        .get(&format!("refs/heads/{}", session.branch))
        .cloned()
        .ok_or_else(|| DriverError::NoBranch(session.branch.into()))?;
    let prefix = ref_prefix(session.branch);
    let ours: BTreeMap<String, CommitId> = refs.into_iter().filter(|(name, _)| name.starts_with(&prefix)).collect();

    let (client, repository) = (session.client, session.repository);
    let (mut told, all) = github::queue::labeled(client, repository, &session.config.label)?;
    if !all {
        troubles.push("not every pull request with the label could be read".into());
    }
    let known: BTreeSet<PullNumber> = told.iter().map(|pull| pull.number).collect();
    let comments = comments(session, &remembered, now, troubles)?;
    let live = state
        .entries
        .values()
        .filter(|entry| match &entry.phase {
            Phase::Done(ExitReason::Landed { .. }) => !entry.seen_off,
            Phase::Done(_) => false,
            _ => true,
        })
        .flat_map(|entry| [entry.pull].into_iter().chain(entry.depends_on.iter().copied()));
    let mut numbers: BTreeSet<PullNumber> = live.chain(state.tries.iter().copied()).collect();
    // What must land first may have been merged by a person, long ago or without ever having been queued.
    numbers.extend(told.iter().flat_map(|pull| crate::queue::depends_on(&pull.body)).take(MOST_NEEDED));
    numbers.extend(comments.iter().filter_map(|intake| intake.pull));
    let numbers: Vec<PullNumber> = numbers.difference(&known).copied().collect();
    let mut commits = BTreeSet::from([tip.clone()]);
    commits.extend(
        state.builds.values().filter(|build| is_watched(&build.phase)).filter_map(|build| build.commit.clone()),
    );
    let commits: Vec<CommitId> = commits.into_iter().collect();
    let (more, checks) = github::queue::named(client, repository, &numbers, &commits)?;
    told.extend(more);

    let mut world = World { base_tip: Some(tip.clone()), refs: Some(ours), ..World::default() };
    for (commit, read) in checks {
        world.checks.insert(commit, results(&read));
    }
    let git = Local::fetch(session.store, state, &tip, &told, troubles)?;
    world.in_base = git.in_base;
    let labels: Vec<RecordedLabel> = remembered.intake.values().filter_map(|content| recorded_label(content)).collect();
    let mut people = People { session, known: BTreeMap::new() };
    let branches: BTreeMap<&str, PullNumber> = told
        .iter()
        .filter(|pull| pull.state == "OPEN" && !pull.is_from_fork)
        .map(|pull| (pull.head_branch.as_str(), pull.number))
        .collect();
    for pull in &told {
        let seen = see(session, state, pull, &branches, &labels, &mut people, &git.merges)?;
        if let Some(checks) = &pull.checks {
            world.checks.insert(pull.head.clone(), results(checks));
        }
        world.pulls.insert(pull.number, seen);
    }
    for mut intake in comments {
        intake.may = people.may(&intake.by)?;
        world.intake.push(intake);
    }
    Ok((remembered, world))
}

fn is_watched(phase: &BuildPhase) -> bool {
    matches!(
        phase,
        BuildPhase::Created | BuildPhase::Running | BuildPhase::Green | BuildPhase::Landing | BuildPhase::Red { .. }
    )
}

/// Commands in comments that were not obeyed yet; nobody was asked whether they may.
fn comments(
    session: &Session<'_>,
    remembered: &Remembered,
    now: DateTime<Utc>,
    troubles: &mut Vec<String>,
) -> Result<Vec<Intake>, DriverError> {
    let since = remembered.at.map_or(now - FIRST_LOOK, |at| at - OVERLAP);
    let pages = match github::queue::comments_since(session.client, session.repository, since) {
        Ok(pages) => pages,
        Err(error) if error.is_outage() => return Err(error.into()),
        // Commands can wait; what is queued goes on.
        Err(error) => {
            troubles.push(format!("comments could not be read: {error}"));
            return Ok(Vec::new());
        }
    };
    if !pages.complete {
        troubles.push("not every comment could be read".into());
    }
    let mut intake = Vec::new();
    // A comment that was changed may say what its author never said.
    for comment in pages.items.into_iter().filter(|comment| !comment.edited) {
        for (index, command) in commands::parse(&comment.body).into_iter().enumerate() {
            let id = format!("comment/{}/{index}", comment.id);
            if remembered.state.taken.contains(&(comment.created_at, id.clone())) {
                continue;
            }
            let (at, by, pull) = (comment.created_at, comment.author.clone(), Some(comment.issue));
            intake.push(Intake { id, at, by, may: None, pull, command });
        }
    }
    Ok(intake)
}

/// Who may write, asked once per tick.
struct People<'s, 'a> {
    session: &'s Session<'a>,
    known: BTreeMap<String, Option<bool>>,
}

impl People<'_, '_> {
    fn may(&mut self, login: &str) -> Result<Option<bool>, DriverError> {
        if let Some(known) = self.known.get(login) {
            return Ok(*known);
        }
        if self.known.len() >= MOST_PEOPLE {
            return Ok(None);
        }
        let may = match github::queue::may_write(self.session.client, self.session.repository, login) {
            Ok(may) => Some(may),
            Err(error) if error.is_outage() => return Err(error.into()),
            Err(_) => None,
        };
        self.known.insert(login.into(), may);
        Ok(may)
    }
}

/// What git says.
struct Local {
    in_base: BTreeSet<CommitId>,
    merges: BTreeMap<PullNumber, Mergeable>,
}

impl Local {
    fn fetch(
        store: &Store,
        state: &State,
        tip: &CommitId,
        told: &[QueuePull],
        troubles: &mut Vec<String>,
    ) -> Result<Local, DriverError> {
        let mut named: BTreeSet<CommitId> = state.builds.values().filter_map(|build| build.commit.clone()).collect();
        named.extend(state.entries.values().map(|entry| entry.head.clone()));
        let heads = told.iter().filter(|pull| pull.state == "OPEN").map(|pull| pull.head.clone());
        let needed: BTreeSet<CommitId> = heads.chain([tip.clone()]).collect();
        let lost = store.fetch(&needed)?;
        if lost.contains(tip) {
            return Err(DriverError::NoBranch(state.branch.clone()));
        }
        if !lost.is_empty() {
            troubles.push(format!("{} head(s) could not be fetched", lost.len()));
        }
        // The commits of builds stay on the server; what is not here is not in the branch, of which everything is here.
        let in_base = store.reachable(&named.iter().chain(&needed).cloned().collect(), tip)?;
        let mut merges = BTreeMap::new();
        for pull in told.iter().filter(|pull| pull.state == "OPEN" && !lost.contains(&pull.head)) {
            let is_built = state
                .entries
                .get(&pull.number)
                .is_some_and(|entry| matches!(entry.phase, Phase::Building(_) | Phase::Landing(_)));
            if is_built {
                continue;
            }
            let mergeable = match store.merge_trees(tip, &pull.head) {
                _ if in_base.contains(&pull.head) => Mergeable::Empty,
                Ok(MergedTree::Clean(tree)) if store.tree(tip)? == tree => Mergeable::Empty,
                Ok(MergedTree::Clean(_)) => Mergeable::Clean,
                Ok(MergedTree::Conflict(files)) => Mergeable::Conflict(files),
                Err(error) => {
                    troubles.push(format!("whether #{} merges is not known: {error}", pull.number));
                    Mergeable::Unknown
                }
            };
            merges.insert(pull.number, mergeable);
        }
        Ok(Local { in_base, merges })
    }
}

fn see(
    session: &Session<'_>,
    state: &State,
    pull: &QueuePull,
    branches: &BTreeMap<&str, PullNumber>,
    labels: &[RecordedLabel],
    people: &mut People<'_, '_>,
    merges: &BTreeMap<PullNumber, Mergeable>,
) -> Result<Pull, DriverError> {
    let config = session.config;
    let is_queue_label = |name: &String| name.eq_ignore_ascii_case(&config.label);
    let mut queued = None;
    if pull.labels.iter().any(is_queue_label) {
        let last = pull.labeled.iter().rev().find(|(name, ..)| is_queue_label(name));
        let (by, at) = last.map_or(("ghost", pull.updated_at), |(_, by, at)| (by.as_str(), *at));
        let is_new = state.entries.get(&pull.number).is_none_or(|entry| entry.asked_at < at);
        let may_queue = match (last, is_new) {
            (Some(_), true) => people.may(by)?,
            _ => None,
        };
        let same_moment = |label: &&RecordedLabel| label.pull == pull.number && (label.at - at).abs() <= SAME_MOMENT;
        let head = labels.iter().filter(same_moment).max_by_key(|label| label.at).map(|label| label.head.clone());
        queued = Some(QueueLabel { by: by.into(), may_queue, at, head });
    }
    let review = match &pull.reviews {
        reviews if reviews.iter().any(|state| state == "CHANGES_REQUESTED") => Review::ChangesRequested,
        reviews if reviews.iter().any(|state| state == "APPROVED") => Review::Approved,
        _ => Review::None,
    };
    let is_managed = config.branches.contains(&pull.base_branch) || pull.base_branch == session.branch;
    Ok(Pull {
        state: match &*pull.state {
            "OPEN" => PullState::Open,
            "MERGED" => PullState::Merged,
            _ => PullState::Closed,
        },
        updated_at: pull.updated_at,
        head: pull.head.clone(),
        base_branch: pull.base_branch.clone(),
        stacked_on: branches.get(pull.base_branch.as_str()).copied().filter(|_| !is_managed),
        draft: pull.draft,
        title: pull.title.clone(),
        author: pull.author.clone(),
        labels: pull.labels.iter().filter(|name| !is_queue_label(name)).cloned().collect(),
        queued,
        review,
        depends_on: crate::queue::depends_on(&pull.body),
        merges: merges.get(&pull.number).cloned().unwrap_or(Mergeable::Unknown),
    })
}

/// GitHub's words about checks as the queue reads them.
pub(super) fn results(read: &CommitChecks) -> Checks {
    if !read.complete {
        return Checks::Unknown("not every page of its checks could be read".into());
    }
    Checks::Complete(read.contexts.iter().map(result).collect())
}

fn result(context: &CheckContext) -> CheckResult {
    CheckResult {
        name: context.name.clone(),
        app: context.app.clone(),
        source: context.source.clone(),
        id: context.id,
        status: match &context.conclusion {
            Some(word) => CheckStatus::Completed(Conclusion::parse(word)),
            None => CheckStatus::Running,
        },
        started_at: context.started_at,
        completed_at: context.completed_at,
        url: context.url.clone(),
    }
}
