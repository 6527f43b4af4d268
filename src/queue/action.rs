//! What a plan asks for, as values. Every action may be carried out twice, or be found already done.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::change::{CommitId, ObjectId};

use super::build::{BuildId, Member, Onto};
use super::checks::Tested;
use super::event::Event;
use super::world::PullNumber;

/// Something to be done. In the order of the list.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum Action {
    /// Create the commit of a build in the local repository; what comes of it belongs into
    /// [`World::merges`](super::World).
    CreateCommit(Recipe),
    /// Make the ref of a build. It must not exist; one that is already at `new` is as good.
    PushRef {
        /// The build.
        build: BuildId,
        /// The full name.
        name: String,
        /// The build's commit.
        new: CommitId,
    },
    /// Ask CI to run on the commit. Where a push starts CI by itself, the first attempt needs nothing.
    Dispatch {
        /// The build.
        build: BuildId,
        /// The full name of its ref.
        name: String,
        /// Its commit.
        commit: CommitId,
        /// 1, or more when CI is asked again on the same commit.
        attempt: u32,
    },
    /// Stop CI of a build that nobody waits for; best effort.
    CancelRun {
        /// The build.
        build: BuildId,
        /// Its commit.
        commit: CommitId,
    },
    /// Move the branch.
    Land(Land),
    /// Delete a ref that we made, if it is still there at `old`.
    DeleteRef {
        /// The build.
        build: BuildId,
        /// The full name.
        name: String,
        /// Its commit.
        old: CommitId,
    },
    /// Tell the world. Its outcome belongs into [`World::outcomes`](super::World) under [`ActionKey::Effect`].
    Effect(Effect),
    /// Plan again at this time at the latest.
    WakeAt {
        /// When.
        at: DateTime<Utc>,
    },
}

/// The name of an action by which its outcome comes back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKey {
    /// [`Action::Effect`] with this id.
    Effect(u64),
    /// [`Action::Land`] of this build.
    Land(BuildId),
    /// [`Action::PushRef`] of this build.
    PushRef(BuildId),
    /// [`Action::Dispatch`] of this build.
    Dispatch(BuildId),
    /// [`Action::DeleteRef`] of this build.
    DeleteRef(BuildId),
}

/// How the commit of a build is made: a merge with the first parent `onto` and the heads of all members as further
/// parents, in their order; each head is merged onto the tree of what stands before it. The same recipe gives the same
/// commit id, whoever makes it and whenever.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Recipe {
    /// The build.
    pub build: BuildId,
    /// The first parent. A build is named here only when its own commit is created by an action before this one.
    pub onto: Onto,
    /// Who is merged. When nobody is, the commit has one parent and its tree.
    pub members: Vec<Member>,
    /// The whole commit message, trailers included.
    pub message: String,
    /// Author's and committer's date, whole seconds.
    pub at: DateTime<Utc>,
}

/// The permission to move the branch. Only its private constructor makes one, out of a proof.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Land {
    build: BuildId,
    tested: Tested,
    base_old: CommitId,
    tree: ObjectId,
    stack: Vec<Recipe>,
}

impl Land {
    /// `stack` is every build between `base_old` and the tested commit, lowest first; the last one is `build`.
    pub(super) fn new(build: BuildId, tested: Tested, base_old: CommitId, tree: ObjectId, stack: Vec<Recipe>) -> Land {
        Land { build, tested, base_old, tree, stack }
    }

    /// The build.
    pub fn build(&self) -> &BuildId {
        &self.build
    }

    /// Where the branch must be, exactly, in the moment of the push. It must also be an ancestor of [`Land::new_tip`].
    pub fn base_old(&self) -> &CommitId {
        &self.base_old
    }

    /// Where the branch goes: the commit that was tested.
    pub fn new_tip(&self) -> &CommitId {
        self.tested.commit()
    }

    /// The proof.
    pub fn tested(&self) -> &Tested {
        &self.tested
    }

    /// The tree that was tested; must be what [`Land::stack`] gives when it is computed again.
    pub fn tree(&self) -> &ObjectId {
        &self.tree
    }

    /// What lies between `base_old` and the new tip, lowest first.
    pub fn stack(&self) -> &[Recipe] {
        &self.stack
    }

    /// Every pull request that lands, with its pinned head, which must still be its head.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.stack.iter().flat_map(|recipe| &recipe.members)
    }
}

/// Something the world is told. Carrying it out twice is as good as once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Effect {
    /// Unique in this state; its outcome comes back under it.
    pub id: u64,
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// How often it was tried and refused.
    pub refused: u32,
    /// What.
    pub what: Telling,
}

/// What the world is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", tag = "tell")]
pub enum Telling {
    /// The one comment of the queue on a pull request becomes this.
    Comment {
        /// Where.
        pull: PullNumber,
        /// Stands in the comment, unseen, and finds it again.
        marker: String,
        /// Markdown without the marker.
        body: String,
    },
    /// The labels of the queue become these: `true` is there, `false` is not there.
    Labels {
        /// Where.
        pull: PullNumber,
        /// By name.
        wanted: BTreeMap<String, bool>,
    },
    /// The check run of the queue on a pull request's head becomes this.
    CheckRun {
        /// Where.
        pull: PullNumber,
        /// On this commit.
        head: CommitId,
        /// One line.
        title: String,
        /// Markdown.
        summary: String,
        /// How it ended; `None` while it has not.
        conclusion: Option<CheckConclusion>,
    },
    /// The branch of a pull request that landed goes, where nothing else needs it.
    DeleteBranch {
        /// Which.
        pull: PullNumber,
        /// The head that landed: where the branch must still be.
        head: CommitId,
    },
    /// A pull request that landed is closed, as GitHub does not see that it did.
    Close {
        /// Which.
        pull: PullNumber,
        /// The head that landed, which it must still have.
        head: CommitId,
    },
    /// Something happened.
    Event(Event),
}

/// How the check run of the queue ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckConclusion {
    /// It landed.
    Success,
    /// It left as failed.
    Failure,
    /// It left for another reason.
    Neutral,
}
