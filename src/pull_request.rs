//! What people say about a change: the pull request, its description, labels and who set them.

use chrono::{DateTime, Utc};

use crate::change::CommitId;

/// A pull request as GitHub tells it. Every string in it was written by strangers.
#[derive(Clone, Debug, Default)]
pub struct PullRequest {
    /// Its number in the repository; 0 when it is known only from a file.
    pub number: u64,
    /// The title.
    pub title: String,
    /// The description; `None` when the author left it out. Line ends may be CRLF.
    pub body: Option<String>,
    /// The login of the author, with `[bot]` for apps.
    pub author: String,
    /// Whether it is a draft.
    pub draft: bool,
    /// Its labels.
    pub labels: Vec<Label>,
    /// Trailer lines of its commits, for callers that have no commits.
    pub commit_trailers: Vec<String>,
    /// The tip of its branch, and when GitHub saw it arrive (`None`: not known).
    pub head: Option<PushedHead>,
    /// Where its branch stood and since when, oldest first, as far as GitHub tells; empty when it does not.
    pub arrivals: Vec<PushedHead>,
    /// The branch it would enter.
    pub base_ref: String,
    /// The branch it comes from.
    pub head_ref: String,
    /// Whether its branch stands in another repository than the one it would enter.
    pub from_fork: bool,
}

/// The newest commit of a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedHead {
    /// The commit.
    pub id: CommitId,
    /// When it arrived, by the server's clock; never the committer's own date, which the author chooses.
    pub pushed_at: Option<DateTime<Utc>>,
}

/// A label on the pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its name as written.
    pub name: String,
    /// Who put it there last, when the timeline was read.
    pub applied: Option<Applied>,
}

impl Label {
    /// A label of which only the name is known.
    pub fn named(name: impl Into<String>) -> Label {
        Label { name: name.into(), applied: None }
    }
}

/// The last time that a label was put on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The login of who did it.
    pub by: String,
    /// When, by the server's clock.
    pub at: DateTime<Utc>,
}

impl PullRequest {
    /// The commit that its branch stood on at a time: what somebody who looked at it then saw.
    pub fn head_at(&self, time: DateTime<Utc>) -> Option<&CommitId> {
        let arrived = |one: &&PushedHead| one.pushed_at.is_some_and(|at| at <= time);
        self.arrivals.iter().filter(arrived).max_by_key(|one| one.pushed_at).map(|one| &one.id)
    }

    /// The label of this name; GitHub compares names without regard to case.
    pub fn label(&self, name: &str) -> Option<&Label> {
        self.labels.iter().find(|label| label.name.to_lowercase() == name.to_lowercase())
    }
}
