//! What is left to do on a pull request after it landed: GitHub should show it as merged, and its branch may go.
//!
//! GitHub sees by itself that a head is in the branch, mostly within seconds. It has been seen not to; then the pull
//! request stays open for ever and invites people to merge it again. Nothing here touches the branch with the queue.

use chrono::Duration;

use super::action::Telling;
use super::entry::{ExitReason, Phase};
use super::plan::Round;
use super::world::{PullNumber, PullState};

/// How long GitHub may take to see a merge before the pull request is closed by hand.
const GRACE: Duration = Duration::minutes(30);
/// After this it is not asked about any more.
const OVER: Duration = Duration::days(1);
/// When it is looked at for the first time after it landed.
const FIRST_LOOK: Duration = Duration::minutes(1);

impl Round<'_> {
    /// Looks at pull requests that landed and are not over with yet, once each.
    pub(super) fn see_off_the_landed(&mut self) {
        let world = self.world;
        let waiting: Vec<PullNumber> = self
            .state
            .entries
            .values()
            .filter(|entry| !entry.seen_off && matches!(entry.phase, Phase::Done(ExitReason::Landed { .. })))
            .map(|entry| entry.pull)
            .collect();
        for number in waiting {
            let Some(entry) = self.state.entries.get(&number) else { continue };
            let (head, landed_at) = (entry.head.clone(), entry.since);
            // In the tick that landed it, the merge is our own belief and not yet GitHub's word.
            let read = world.pulls.get(&number).filter(|_| self.now > landed_at);
            match read.map_or(PullState::Closed, |pull| pull.state) {
                _ if read.is_none() && self.now - landed_at < OVER => {
                    self.wake_by(landed_at + FIRST_LOOK);
                    continue;
                }
                PullState::Merged if self.config.delete_landed_branches => {
                    self.tell(format!("branch/{number}"), Telling::DeleteBranch { pull: number, head });
                }
                PullState::Merged | PullState::Closed => {}
                PullState::Open if read.is_some_and(|pull| pull.head != head) => {}
                PullState::Open if self.now - landed_at < GRACE => {
                    self.wake_by(landed_at + GRACE);
                    continue;
                }
                PullState::Open => self.tell(format!("close/{number}"), Telling::Close { pull: number, head }),
            }
            if let Some(entry) = self.state.entries.get_mut(&number) {
                entry.seen_off = true;
            }
        }
    }
}
