//! A trial in which nothing happens by itself: for stories that are told step by step.

use super::*;

impl Trial {
    pub(super) fn calm(safety: Safety, config: Config) -> Trial {
        Trial::new(Story { seed: 1, pulls: 0, weather: CALM, config, safety })
    }

    /// A pull request that is good, queued.
    pub(super) fn good(&mut self, number: PullNumber) {
        self.invented.open(number, false, self.now);
        self.opened = self.opened.max(number);
    }

    pub(super) fn bad(&mut self, number: PullNumber) {
        self.invented.open(number, true, self.now);
        self.opened = self.opened.max(number);
    }

    /// Plans and acts until everything that can happen at this moment has happened.
    pub(super) fn settle(&mut self) -> Kept {
        for _ in 0..10 {
            let before = State::clone(&self.stored);
            self.advance_runner(0)?;
            self.advance_runner(0)?;
            while !self.runners[0].todo.is_empty() {
                self.advance_runner(0)?;
            }
            let serial = State { serial: 0, ..before };
            if serial == (State { serial: 0, ..State::clone(&self.stored) }) {
                break;
            }
        }
        Ok(())
    }

    /// Time passes, in steps of a minute.
    pub(super) fn wait(&mut self, minutes: i64) -> Kept {
        for _ in 0..minutes {
            self.now += Duration::minutes(1);
            self.invented.advance(self.now);
            self.settle()?;
        }
        Ok(())
    }

    /// Changes a pull request as a person would.
    pub(super) fn change(&mut self, number: PullNumber, change: impl FnOnce(&mut Pull)) {
        let now = self.now;
        if let Some(pull) = self.invented.world.pulls.get_mut(&number) {
            pull.updated_at = now.max(pull.updated_at + Duration::seconds(1));
            change(pull);
        }
    }

    /// The commit of the highest build in the train that has this pull request.
    pub(super) fn commit_with(&self, number: PullNumber) -> Option<CommitId> {
        let builds = self.stored.train.iter().map(|id| &self.stored.builds[id]);
        builds.filter(|build| build.has(number)).filter_map(|build| build.commit.clone()).next_back()
    }

    pub(super) fn phase(&self, number: PullNumber) -> Option<&Phase> {
        self.stored.entries.get(&number).map(|entry| &entry.phase)
    }

    pub(super) fn exit(&self, number: PullNumber) -> Option<&ExitReason> {
        match self.phase(number) {
            Some(Phase::Done(exit)) => Some(exit),
            _ => None,
        }
    }

    pub(super) fn has_landed(&self, number: PullNumber) -> bool {
        self.invented.truth[&number].landed.is_some()
    }

    pub(super) fn expect(&self, holds: bool, what: &str) -> Kept {
        let phases: Vec<_> = self.stored.entries.values().map(|entry| (entry.pull, &entry.phase)).collect();
        if holds {
            Ok(())
        } else {
            broken("story", format!("{what}; entries {phases:?}; freeze {:?}", self.stored.freeze))
        }
    }

    /// Everybody has landed.
    pub(super) fn expect_landed(&self, numbers: &[PullNumber]) -> Kept {
        numbers
            .iter()
            .try_for_each(|&number| self.expect(self.has_landed(number), &format!("#{number} should have landed")))
    }
}
