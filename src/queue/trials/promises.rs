//! What is promised, held against what is true: of a plan before it is carried out, of every exit, of the end.

use super::super::entry::Entry;
use super::*;

impl Trial {
    pub(super) fn check_plan(&self, before: &State, after: &State, actions: &[Action], world: &World) -> Kept {
        let active = after.builds.values().filter(|build| build.phase.is_active()).count();
        if active > self.story.config.depth as usize {
            let phases: Vec<_> = after
                .builds
                .values()
                .filter(|build| build.phase.is_active())
                .map(|build| {
                    (&build.id, build.purpose, &build.phase, before.builds.get(&build.id).map(|old| &old.phase))
                })
                .collect();
            return broken("I10", format!("{active} builds run at once: {phases:?}"));
        }
        let known = |id: &BuildId| after.builds.get(id);
        for action in actions {
            match action {
                Action::Land(land) => self.check_land(land, after, world)?,
                Action::DeleteRef { name, build, .. } => {
                    let failed = known(build).filter(|build| build.phase.is_failure());
                    let kept = Duration::days(self.story.config.retain_failed_days.into());
                    if failed.and_then(|build| build.ended_at).is_some_and(|ended| self.now < ended + kept) {
                        return broken("I13", format!("{name} failed and is deleted at once"));
                    }
                }
                _ => {}
            }
        }
        for (id, build) in &after.builds {
            let was = before.builds.get(id).map(|build| &build.phase);
            if was.is_some_and(BuildPhase::is_failure) && matches!(build.phase, BuildPhase::Landing) {
                return broken("I13", format!("{id} failed and lands"));
            }
        }
        for entry in after.entries.values() {
            if entry.overtaken > 64 {
                return broken("I6", format!("#{} was overtaken {} times", entry.pull, entry.overtaken));
            }
        }
        Ok(())
    }

    /// What a plan must have seen with its own eyes before it asks to land.
    pub(super) fn check_land(&self, land: &Land, state: &State, world: &World) -> Kept {
        if Some(land.base_old()) != world.base_tip.as_ref() {
            return broken("I1", "it would land on another tip than was read");
        }
        let mut onto = None;
        for recipe in land.stack() {
            let stands_on = match &recipe.onto {
                Onto::Commit(commit) => Some(commit),
                Onto::Build(build) => state.builds.get(build).and_then(|build| build.commit.as_ref()),
            };
            let expected = onto.unwrap_or(land.base_old());
            if stands_on != Some(expected) {
                return broken("I1", format!("build {} was tested on another commit", recipe.build));
            }
            onto = state.builds.get(&recipe.build).and_then(|build| build.commit.as_ref());
        }
        if onto != Some(land.new_tip()) {
            return broken("I1", "the tested commit is not the one that would land");
        }
        let mut below = BTreeSet::new();
        for member in land.members() {
            let number = member.pull;
            let Some(pull) = world.pulls.get(&number) else {
                return broken("I3", format!("#{number} would land unread"));
            };
            if pull.head != member.head {
                return broken("I3", format!("#{number} would land at another head"));
            }
            let label = pull.queued.as_ref();
            let may = label.and_then(|label| label.may_queue) == Some(true);
            if !may {
                return broken("I3", format!("#{number} would land unlabelled or unauthorised"));
            }
            if pull.state != PullState::Open || pull.draft || pull.review == Review::ChangesRequested {
                return broken("I3", format!("#{number} would land although it is closed, a draft or objected to"));
            }
            if !self.invented.truth[&number].checked && self.invented.truth[&number].head == member.head {
                return broken("I3", format!("#{number} would land although its own checks are not green"));
            }
            for on in &pull.depends_on {
                if !below.contains(on) && self.invented.truth[on].landed.is_none() {
                    return broken("I3", format!("#{number} would land before #{on}, on which it depends"));
                }
            }
            below.insert(number);
        }
        if state.freeze.is_some() {
            return broken("freeze", "something would land while frozen");
        }
        Ok(())
    }

    pub(super) fn note_exits(&mut self, before: &State, after: &State) -> Kept {
        for (number, entry) in &after.entries {
            let Phase::Done(exit) = &entry.phase else { continue };
            let was_done = before
                .entries
                .get(number)
                .is_some_and(|old| old.round == entry.round && matches!(old.phase, Phase::Done(_)));
            if was_done {
                continue;
            }
            self.exits += 1;
            let truth = &self.invented.truth[number];
            match exit {
                ExitReason::Landed { .. } if truth.landed.is_none() => {
                    return broken("I4", format!("#{number} is said to have landed"));
                }
                ExitReason::Red { .. } if !self.story.weather.flakes => {
                    if truth.head == entry.head && !self.invented.is_bad_alone(*number) {
                        return broken("I7", format!("#{number} is good and was ejected"));
                    }
                    if self.red_base {
                        return broken("I7", format!("#{number} was ejected for a red branch"));
                    }
                }
                ExitReason::Red { .. }
                    if truth.head == entry.head && !self.invented.is_bad_alone(*number) && entry.reds == 0 =>
                {
                    return broken("I7", format!("#{number} was ejected without being confirmed"));
                }
                ExitReason::Conflict { .. } => {
                    let enemies = &truth.conflicts_with;
                    if !enemies.iter().any(|other| self.invented.truth[other].landed.is_some()) {
                        return broken("I7", format!("#{number} does not conflict with the branch"));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Who should have landed or left by now.
    pub(super) fn unfinished(&self) -> Vec<PullNumber> {
        let waits = |entry: &&Entry| match &entry.phase {
            Phase::Done(_) | Phase::Held(Hold::Dependency { .. } | Hold::DependencyCircle { .. }) => false,
            Phase::Held(Hold::Checks { .. }) => true,
            Phase::Waiting => {
                // Its turn comes when those it depends on have landed; a held one never does.
                !entry.depends_on.iter().any(|on| {
                    self.stored.entries.get(on).is_some_and(|on| matches!(on.phase, Phase::Held(_) | Phase::Waiting))
                        && self.stored.builds.values().all(|build| !build.phase.is_active())
                })
            }
            _ => true,
        };
        self.stored.entries.values().filter(waits).map(|entry| entry.pull).collect()
    }

    pub(super) fn check_end(&self) -> Kept {
        for (number, truth) in &self.invented.truth {
            let entry = self.stored.entries.get(number);
            let seen = self.invented.world.pulls.get(number);
            let open = seen.is_some_and(|pull| pull.state == PullState::Open);
            let wanted =
                open && seen.and_then(|pull| pull.queued.as_ref()).is_some_and(|label| label.may_queue == Some(true));
            if truth.landed.is_none() && wanted && entry.is_none() {
                return broken("I5", format!("#{number} carries the label and was lost"));
            }
        }
        Ok(())
    }
}
