//! What a plan asks for, done. Each action can be done twice: a ref that is there already is as good as pushed, a
//! comment is found again by its marker, and the branch moves only from exactly where it was believed to be.

use std::collections::BTreeMap;

use crate::change::CommitId;
use crate::git::integrate::{PushError, PushRefusal, RefUpdate};
use crate::github::{self, comments};
use crate::queue::action::{ActionKey, CheckConclusion, Land, Telling};
use crate::queue::checks::Tested;
use crate::queue::world::{Outcome, PullNumber, PullState, Refusal};
use crate::queue::{self, Action};

use super::merge::{self, Made};
use super::observe::results;
use super::{Proof, Run, write_state};

/// The name of the queue's check run on a pull request.
const CHECK: &str = "mainguard/queue";

/// What came of landing.
pub(super) enum Landed {
    /// The branch moved; this is to be done next.
    Moved(Vec<Action>),
    /// It did not.
    Not,
}

impl Run<'_, '_> {
    /// Commits, refs and CI. Whether anything is new.
    pub(super) fn build(&mut self, actions: &[Action]) -> bool {
        let mut recipes = Vec::new();
        let mut fresh = false;
        for action in actions {
            match action {
                Action::CreateCommit(recipe) => recipes.push(recipe.clone()),
                Action::PushRef { build, name, new } => {
                    let update = RefUpdate { name: name.clone(), old: None, new: Some(new.clone()) };
                    let key = ActionKey::PushRef(build.clone());
                    fresh |= self.push_ref(key, update);
                }
                Action::DeleteRef { build, name, old } => {
                    let update = RefUpdate { name: name.clone(), old: Some(old.clone()), new: None };
                    self.push_ref(ActionKey::DeleteRef(build.clone()), update);
                }
                Action::Dispatch { build, name, commit, attempt } => {
                    if let Err(error) = self.dispatch(name, commit, *attempt) {
                        let outcome = outcome_of(&error);
                        self.outcome(ActionKey::Dispatch(build.clone()), outcome);
                    } else {
                        self.ticked.done.push(format!("asked CI to test build {build}, attempt {attempt}"));
                    }
                }
                Action::CancelRun { commit, .. } => self.cancel(commit),
                Action::Land(_) | Action::Effect(_) | Action::WakeAt { .. } => {}
            }
        }
        merge::create_all(self.session.store, &self.remembered.state, &recipes, &mut self.world) || fresh
    }

    fn push_ref(&mut self, key: ActionKey, update: RefUpdate) -> bool {
        let pushed = match self.session.store.push(std::slice::from_ref(&update)) {
            Ok(()) => Outcome::Done,
            Err(PushError::Refused { why, message }) => {
                // Where it was pushed already, by a run that died, all is well.
                let there = self.session.store.remote_refs(std::slice::from_ref(&update.name));
                match there.map(|refs| refs.get(&update.name).cloned()) {
                    Ok(there) if there == update.new => Outcome::Done,
                    _ => Outcome::Refused { why: reason(why), message },
                }
            }
            Err(PushError::Unknown(error)) => Outcome::Later { message: error.to_string() },
        };
        let done = pushed == Outcome::Done;
        if done {
            let verb = if update.new.is_some() { "pushed" } else { "deleted" };
            self.ticked.done.push(format!("{verb} {}", update.name.trim_start_matches("refs/heads/")));
            if let Some(refs) = &mut self.world.refs {
                match update.new {
                    Some(new) => refs.insert(update.name, new),
                    None => refs.remove(&update.name),
                };
            }
        }
        self.outcome(key, pushed);
        done
    }

    fn dispatch(&self, name: &str, commit: &CommitId, attempt: u32) -> Result<(), github::Error> {
        let (client, repository) = (self.session.client, self.session.repository);
        if let Some(workflow) = self.session.dispatch {
            return github::queue::dispatch(client, repository, workflow, name.trim_start_matches("refs/heads/"));
        }
        if attempt > 1 {
            // The push started CI once; what it started is started again.
            for (run, ended) in github::queue::runs_on(client, repository, commit)? {
                if ended {
                    github::queue::rerun(client, repository, run)?;
                }
            }
        }
        Ok(())
    }

    /// Best effort: minutes are saved, nothing depends on it.
    fn cancel(&mut self, commit: &CommitId) {
        let (client, repository) = (self.session.client, self.session.repository);
        let cancelled = github::queue::runs_on(client, repository, commit).and_then(|runs| {
            runs.into_iter()
                .filter(|(_, ended)| !ended)
                .try_for_each(|(run, _)| github::queue::cancel(client, repository, run))
        });
        if let Err(error) = cancelled {
            self.ticked.troubles.push(format!("CI on {} could not be cancelled: {error}", commit.short()));
        }
    }

    /// Moves the branch, if the plan asks for it and everything still holds in this moment.
    pub(super) fn land(&mut self, actions: &[Action]) -> Option<Landed> {
        let land = actions.iter().find_map(|action| match action {
            Action::Land(land) => Some(land),
            _ => None,
        })?;
        let outcome = match self.try_to_land(land) {
            Ok(after) => return Some(Landed::Moved(after)),
            Err(outcome) => outcome,
        };
        self.outcome(ActionKey::Land(land.build().clone()), outcome);
        Some(Landed::Not)
    }

    fn try_to_land(&mut self, land: &Land) -> Result<Vec<Action>, Outcome> {
        self.heads_and_checks_still_hold(land)?;
        self.audit(land)?;
        let mut after = self.world.clone();
        after.base_tip = Some(land.new_tip().clone());
        after.in_base.insert(land.new_tip().clone());
        for recipe in land.stack() {
            after
                .in_base
                .extend(self.remembered.state.builds.get(&recipe.build).and_then(|build| build.commit.clone()));
            for member in &recipe.members {
                after.in_base.insert(member.head.clone());
                // A head that the branch contains is merged, whenever GitHub comes to see it.
                if let Some(pull) = after.pulls.get_mut(&member.pull) {
                    pull.state = PullState::Merged;
                }
            }
        }
        let (state, actions) = queue::plan(&self.remembered.state, &after, self.session.config, self.now);
        let proof = Proof {
            commit: land.new_tip().clone(),
            tree: land.tree().clone(),
            base: land.base_old().clone(),
            pulls: land.members().map(|member| (member.pull, member.head.clone())).collect(),
            checks: land.tested().green().to_vec(),
        };
        let message = proof_in_words(&proof);
        let later = |message: String| Outcome::Later { message };
        let commit = write_state(self.session, &state, &self.remembered, &message, self.now)
            .map_err(|error| later(error.to_string()))?;
        let base = RefUpdate {
            name: format!("refs/heads/{}", self.session.branch),
            old: Some(land.base_old().clone()),
            new: Some(land.new_tip().clone()),
        };
        // Landing and its record are one transaction. Deleting integration branches is not part of it: a rule that
        // forbids a deletion must not keep anything from landing.
        match self.session.store.push(&[base, self.state_update(&commit)]) {
            Ok(()) => {}
            Err(PushError::Refused { why, message }) => return Err(Outcome::Refused { why: reason(why), message }),
            Err(PushError::Unknown(error)) => return Err(later(error.to_string())),
        }
        self.world = after;
        self.remembered.state = state;
        self.remembered.commit = Some(commit);
        self.ticked.done.push(format!("{} is at {} now", self.session.branch, proof.commit.short()));
        self.ticked.landed.push(proof);
        Ok(actions)
    }

    /// GitHub is asked once more: a push, a label taken off, or a rerun that failed may be younger than the plan.
    fn heads_and_checks_still_hold(&self, land: &Land) -> Result<(), Outcome> {
        let refused = |why, message: String| Err(Outcome::Refused { why, message });
        let numbers: Vec<PullNumber> = land.members().map(|member| member.pull).collect();
        let tip = std::slice::from_ref(land.new_tip());
        let (pulls, checks) = github::queue::named(self.session.client, self.session.repository, &numbers, tip)
            .map_err(|error| Outcome::Later { message: error.to_string() })?;
        let pulls: BTreeMap<PullNumber, _> = pulls.into_iter().map(|pull| (pull.number, pull)).collect();
        for member in land.members() {
            let Some(pull) = pulls.get(&member.pull) else {
                return Err(Outcome::Later { message: format!("#{} cannot be read", member.pull) });
            };
            let wanted = self.remembered.state.entries.get(&member.pull).is_none_or(|entry| !entry.label_seen)
                || pull.labels.iter().any(|name| name.eq_ignore_ascii_case(&self.session.config.label));
            if pull.head != member.head || pull.state != "OPEN" || pull.draft || !wanted {
                return refused(Refusal::HeadChanged, format!("#{} is not what was tested any more", member.pull));
            }
        }
        // Answers of the API may be old. Refs are not.
        let names: Vec<String> = land.members().map(|member| head_ref(member.pull)).collect();
        let heads =
            self.session.store.remote_refs(&names).map_err(|error| Outcome::Later { message: error.to_string() })?;
        for member in land.members() {
            if heads.get(&head_ref(member.pull)).is_some_and(|head| *head != member.head) {
                return refused(Refusal::HeadChanged, format!("#{} has another head by now", member.pull));
            }
        }
        let read = checks.get(land.new_tip()).map(results);
        let proven = read.as_ref().map(|read| Tested::prove(land.new_tip(), read, self.session.config));
        match proven {
            Some(Ok(_)) => Ok(()),
            Some(Err(_)) => refused(Refusal::HeadChanged, "its checks are not all green any more".into()),
            None => Err(Outcome::Later { message: "its checks cannot be read".into() }),
        }
    }

    /// Everything between the branch and the new tip is made again from its recipe, and must come out the same; and the
    /// new tip must contain the branch.
    fn audit(&self, land: &Land) -> Result<(), Outcome> {
        let store = self.session.store;
        let later = |error: crate::git::integrate::IntegrateError| Outcome::Later { message: error.to_string() };
        let refused = |message: &str| Err(Outcome::Refused { why: Refusal::AuditFailed, message: message.into() });
        let mut needed: std::collections::BTreeSet<CommitId> =
            land.members().map(|member| member.head.clone()).collect();
        needed.extend([land.base_old().clone(), land.new_tip().clone()]);
        if !store.fetch(&needed).map_err(later)?.is_empty() {
            return Err(Outcome::Later { message: "not every commit could be fetched".into() });
        }
        if !store.is_ancestor(land.base_old(), land.new_tip()).map_err(later)? {
            return refused("the tested commit does not contain the tip of the branch");
        }
        let (mut onto, mut tree) = (land.base_old().clone(), None);
        for recipe in land.stack() {
            match merge::make(store, recipe, &onto).map_err(later)? {
                Made::Commit(commit, made) => (onto, tree) = (commit, Some(made)),
                Made::Conflict(..) => return refused("computed again, it does not merge"),
            }
        }
        let tested = store.tree(land.new_tip()).map_err(later)?;
        if onto != *land.new_tip() || tree.as_ref() != Some(land.tree()) || tested != *land.tree() {
            return refused("computed again, it is another commit than the one that was tested");
        }
        Ok(())
    }

    /// Comments, labels, check runs, events. Each is tried once per tick.
    pub(super) fn tell(&mut self, actions: &[Action]) -> bool {
        let mut told = false;
        for action in actions {
            let Action::Effect(effect) = action else { continue };
            if !self.told.insert(effect.id) {
                continue;
            }
            let outcome = match self.tell_one(&effect.what) {
                Ok(()) => Outcome::Done,
                Err(error) => outcome_of(&error),
            };
            told |= outcome == Outcome::Done;
            let outage = matches!(&outcome, Outcome::Later { .. });
            self.outcome(ActionKey::Effect(effect.id), outcome);
            if outage {
                // The rest would only wait for the same outage.
                break;
            }
        }
        told
    }

    fn tell_one(&mut self, what: &Telling) -> Result<(), github::Error> {
        let (client, repository) = (self.session.client, self.session.repository);
        match what {
            Telling::Event(event) => {
                self.ticked.events.push(event.clone());
                Ok(())
            }
            Telling::CheckRun { head, title, summary, conclusion, .. } => {
                let conclusion = conclusion.map(|conclusion| match conclusion {
                    CheckConclusion::Success => "success",
                    CheckConclusion::Failure => "failure",
                    CheckConclusion::Neutral => "neutral",
                });
                github::queue::set_check(client, repository, head, CHECK, (title, summary), conclusion)
            }
            Telling::Labels { pull, wanted } => {
                let present = github::labels::on(client, repository, *pull)?;
                for (name, there) in wanted {
                    let has = present.iter().any(|label| label.eq_ignore_ascii_case(name));
                    match (there, has) {
                        (true, false) => github::labels::add(client, repository, *pull, name)?,
                        (false, true) => github::labels::remove(client, repository, *pull, name)?,
                        _ => {}
                    }
                }
                Ok(())
            }
            Telling::DeleteBranch { pull, head } => self.delete_landed_branch(*pull, head),
            Telling::Close { pull, head } => {
                let told = github::queue::branch_of(client, repository, *pull)?;
                if told.is_open && told.head == *head {
                    github::queue::close(client, repository, *pull)?;
                    self.ticked.done.push(format!("closed #{pull}, which landed and was still shown as open"));
                }
                Ok(())
            }
            Telling::Comment { pull, marker, body } => {
                let marker = comments::marker(marker.trim_start_matches("mainguard:"));
                let mut body = format!("{marker}\n{body}");
                if let Some(proof) = self.ticked.landed.iter().find(|proof| body.contains(proof.commit.as_str())) {
                    body.push_str("\n\n");
                    body.push_str(&proof_in_markdown(proof));
                }
                let body = github::clamp_characters(&body, comments::MAX_CHARACTERS).to_string();
                self.comment(*pull, &marker, &body)
            }
        }
    }

    /// A branch that somebody may still need stays, without a word: it is a courtesy.
    fn delete_landed_branch(&mut self, pull: PullNumber, head: &CommitId) -> Result<(), github::Error> {
        let (client, repository) = (self.session.client, self.session.repository);
        let told = github::queue::branch_of(client, repository, pull)?;
        let queues =
            std::iter::once(self.session.branch).chain(self.session.config.branches.iter().map(String::as_str));
        let is_ours = told.is_here && told.is_merged && told.head == *head;
        if !is_ours || queues.into_iter().any(|name| name == told.branch) {
            return Ok(());
        }
        if github::queue::is_needed(client, repository, &told.branch)? {
            return Ok(());
        }
        // The lease: a commit that was pushed in the meantime is not lost.
        let name = format!("refs/heads/{}", told.branch);
        let update = RefUpdate { name, old: Some(head.clone()), new: None };
        let why = match self.session.store.push(std::slice::from_ref(&update)) {
            Ok(()) => {
                self.ticked.done.push(format!("deleted the branch of #{pull}"));
                return Ok(());
            }
            Err(PushError::Refused { message, .. }) => message,
            Err(PushError::Unknown(error)) => error.to_string(),
        };
        self.ticked.troubles.push(format!("the branch of #{pull} stays: {why}"));
        Ok(())
    }

    fn comment(&mut self, pull: PullNumber, marker: &str, body: &str) -> Result<(), github::Error> {
        let (client, repository) = (self.session.client, self.session.repository);
        let me = match &self.me {
            Some(me) => me.clone(),
            None => comments::me(client)?,
        };
        let candidates = comments::marked(client, repository, pull, marker)?;
        let plan = comments::plan(&candidates.items, &me, body, comments::Create::Always);
        self.me = Some(me);
        match plan.step {
            comments::Step::Create => comments::create(client, repository, pull, body)?,
            comments::Step::Update(id) => comments::update(client, repository, id, body)?,
            comments::Step::Keep | comments::Step::Nothing => {}
        }
        plan.surplus.into_iter().try_for_each(|id| comments::delete(client, repository, id))
    }
}

/// Where GitHub keeps the head of a pull request, of a fork's too.
fn head_ref(pull: PullNumber) -> String {
    format!("refs/pull/{pull}/head")
}

fn reason(why: PushRefusal) -> Refusal {
    match why {
        PushRefusal::Moved => Refusal::Moved,
        PushRefusal::Protected => Refusal::Protected,
        PushRefusal::Permission => Refusal::Permission,
        PushRefusal::WorkflowFiles => Refusal::WorkflowFiles,
        PushRefusal::Other => Refusal::Other,
    }
}

fn outcome_of(error: &github::Error) -> Outcome {
    let message = error.to_string();
    match error {
        github::Error::Forbidden { .. } => Outcome::Refused { why: Refusal::Permission, message },
        github::Error::NotFound { .. } | github::Error::Unprocessable { .. } => {
            Outcome::Refused { why: Refusal::Other, message }
        }
        _ => Outcome::Later { message },
    }
}

/// The message of the state's commit: the queue's log keeps the proof for as long as it keeps anything.
fn proof_in_words(proof: &Proof) -> String {
    let mut text = format!(
        "Landed {}\n\nTested: {}\nTree: {}\nOnto: {}\n",
        proof.commit.short(),
        proof.commit,
        proof.tree,
        proof.base
    );
    for (pull, head) in &proof.pulls {
        text.push_str(&format!("Mainguard-PR: #{pull}@{head}\n"));
    }
    for check in &proof.checks {
        let name = crate::text::visible(&check.required.name);
        text.push_str(&format!("Check: {name} {}\n", crate::text::visible(&check.urls.join(" "))));
    }
    text
}

fn proof_in_markdown(proof: &Proof) -> String {
    let plain = |text: &str| crate::text::visible(text).replace(['`', '|', '<', '>', '[', ']', '(', ')'], " ");
    let mut text = format!(
        "<details><summary>Proof: what landed is what was tested</summary>\n\n- tested and landed: {}\n- tree, computed \
         twice: {}\n- onto: {}\n",
        proof.commit, proof.tree, proof.base
    );
    for check in &proof.checks {
        let urls: Vec<String> =
            check.urls.iter().filter(|url| url.starts_with("https://")).take(5).map(|url| plain(url)).collect();
        text.push_str(&format!("- `{}`: green {}\n", plain(&check.required.name), urls.join(" ")));
    }
    text.push_str("\n`mainguard queue verify` checks it again in any clone.\n</details>");
    text
}
