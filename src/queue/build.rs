//! A build: pull requests merged onto a commit, tested together.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::change::{CommitId, ObjectId};

use super::entry::FailedCheck;
use super::world::PullNumber;

/// The name of a build: 16 hexadecimal digits made from its branch, what it stands on, its members and its number.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String")]
pub struct BuildId(String);

impl BuildId {
    /// Accepts exactly 16 lowercase hexadecimal digits.
    pub fn parse(text: &str) -> Option<BuildId> {
        let fits = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        fits.then(|| BuildId(text.into()))
    }

    /// The name of the build that merges `members` onto `onto`. `serial` is never used twice in one state.
    pub fn of(branch: &str, onto: &Onto, members: &[Member], serial: u64) -> BuildId {
        let mut hash = Sha256::new();
        let onto = match onto {
            Onto::Commit(commit) => commit.as_str(),
            Onto::Build(build) => build.as_str(),
        };
        hash.update(format!("{}\0{branch}\0{onto}\0{serial}", branch.len()));
        for member in members {
            hash.update(format!("\0{}@{}", member.pull, member.head));
        }
        BuildId(hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }

    /// All digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for BuildId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<BuildId, &'static str> {
        BuildId::parse(&text).ok_or("a build's name has 16 hexadecimal digits")
    }
}

impl fmt::Display for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Pull requests merged onto a commit, tested together.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Build {
    /// Its name.
    pub id: BuildId,
    /// What it is for.
    pub purpose: Purpose,
    /// What it stands on: its first parent.
    pub onto: Onto,
    /// It will probably be red, so nothing stands on it: its only member was red before.
    pub suspect: bool,
    /// Who is merged, in this order. Empty in a probe of the branch itself.
    pub members: Vec<Member>,
    /// The commit that it became.
    pub commit: Option<CommitId>,
    /// That commit's tree.
    pub tree: Option<ObjectId>,
    /// The commit's date.
    pub planned_at: DateTime<Utc>,
    /// When CI was last asked to run.
    pub started_at: Option<DateTime<Utc>>,
    /// How often CI was asked to run.
    pub starts: u32,
    /// When it reached a verdict or an end.
    pub ended_at: Option<DateTime<Utc>>,
    /// How often a push of it was refused, or git failed to make it, since it last went well.
    pub refused: u32,
    /// Whether its outcome was told, where nobody else tells it.
    pub told: bool,
    /// Where it stands.
    pub phase: BuildPhase,
}

/// What a build is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To land.
    Land,
    /// To know whether the branch itself is green. Has no members.
    Probe,
    /// Because somebody asked with `/try`. Never lands.
    Try,
}

/// What a build stands on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Onto {
    /// The tip of the branch.
    Commit(CommitId),
    /// The commit of another build: its place in the train is behind that one.
    Build(BuildId),
}

/// A pull request in a build, as it was when the build was planned.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Member {
    /// Its number.
    pub pull: PullNumber,
    /// Its pinned head.
    pub head: CommitId,
    /// Its title, frozen and safe to show.
    pub title: String,
}

/// Where a build stands.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", tag = "phase")]
pub enum BuildPhase {
    /// Its commit is not known yet.
    Planned,
    /// Its commit is known; its ref is not there yet.
    Created,
    /// CI was asked to run on it.
    Running,
    /// Every required check was green on its commit.
    Green,
    /// A required check failed.
    Red {
        /// Which.
        checks: Vec<FailedCheck>,
    },
    /// It took too long; the checks that had not ended.
    Timeout {
        /// Names.
        checks: Vec<String>,
    },
    /// A required check never reported.
    NeverReported {
        /// Names.
        checks: Vec<String>,
    },
    /// It was green too fast to be believed.
    TooFast {
        /// How long it took, in seconds.
        seconds: u64,
    },
    /// CI was cancelled or did not begin.
    Infra {
        /// In words.
        message: String,
    },
    /// It was asked to land.
    Landing,
    /// The branch contains it.
    Landed,
    /// What it assumed is not so any more. Its verdict is void.
    Superseded,
}

impl BuildPhase {
    /// It needs a place at CI, or will.
    pub fn is_active(&self) -> bool {
        matches!(self, BuildPhase::Planned | BuildPhase::Created | BuildPhase::Running)
    }

    /// It ended without a green verdict, by its own doing.
    pub fn is_failure(&self) -> bool {
        matches!(
            self,
            BuildPhase::Red { .. }
                | BuildPhase::Timeout { .. }
                | BuildPhase::NeverReported { .. }
                | BuildPhase::TooFast { .. }
                | BuildPhase::Infra { .. }
        )
    }

    /// Nothing will happen to it any more, except that its ref goes.
    pub fn is_over(&self) -> bool {
        matches!(self, BuildPhase::Landed | BuildPhase::Superseded) || self.is_failure()
    }
}

/// Where the integration branches of `branch` are: `refs/heads/mainguard/int/<branch>/`.
pub fn ref_prefix(branch: &str) -> String {
    format!("refs/heads/mainguard/int/{branch}/")
}

impl Build {
    /// The full name of its integration branch.
    pub fn ref_name(&self, branch: &str) -> String {
        format!("{}{}", ref_prefix(branch), self.id)
    }

    /// Whether the pull request is a member.
    pub fn has(&self, pull: PullNumber) -> bool {
        self.members.iter().any(|member| member.pull == pull)
    }

    /// The numbers of its members.
    pub fn pulls(&self) -> impl Iterator<Item = PullNumber> {
        self.members.iter().map(|member| member.pull)
    }
}
