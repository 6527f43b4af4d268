//! Facts about a pull request that neither git nor the event payload holds: who put a label on and when, and when the
//! head arrived. Both by GitHub's clock, because an approval counts only for what its giver could see.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::change::CommitId;
use crate::github::client::{Client, Pages, request_line};
use crate::github::{Error, Repository, payload, percent_encode};
use crate::pull_request::{Applied, PushedHead};

pub use crate::github::payload::Pull;

/// The pull request with everything that is to be known about it. Of the secondary facts, those that could not be read
/// stay `None`, and [`Pull::notices`] says why.
pub fn load(client: &Client, repository: &Repository, number: u64) -> Result<Pull, Error> {
    let mut pull = get(client, repository, number)?;
    enrich(client, repository, &mut pull);
    Ok(pull)
}

/// The pull request as it is now: labels without who applied them, head without when it arrived.
pub fn get(client: &Client, repository: &Repository, number: u64) -> Result<Pull, Error> {
    let path = format!("/repos/{repository}/pulls/{number}");
    let value: Value = client.get(&path)?;
    payload::pull(&value).map_err(|error| malformed(&path, &error))
}

/// Adds who applied the labels and when the head arrived, to a pull request from a payload too. The labels themselves
/// stay as they are.
pub fn enrich(client: &Client, repository: &Repository, pull: &mut Pull) {
    let history = match history(client, repository, pull.pull_request.number) {
        Ok(history) => history,
        Err(error) => {
            pull.notices.push(format!("who applied the labels is not known: {error}"));
            if error.is_outage() {
                return;
            }
            History::default()
        }
    };
    if history.complete {
        for label in &mut pull.pull_request.labels {
            label.applied = history.applied(&label.name);
        }
    } else if !history.events.is_empty() {
        pull.notices.push("who applied the labels is not known: the pull request has too many events".into());
    }
    match arrivals(client, pull, &history) {
        Ok(arrivals) => {
            // A branch can come back to a commit; what counts is the last arrival.
            let last = arrivals.iter().filter(|one| one.id == pull.head).filter_map(|one| one.pushed_at).max();
            if let Some(head) = &mut pull.pull_request.head {
                head.pushed_at = last;
            }
            pull.pull_request.arrivals = arrivals;
        }
        Err(error) => pull.notices.push(format!("when the head arrived is not known: {error}")),
    }
}

/// What happened to a pull request, oldest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The events that matter here.
    pub events: Vec<HistoryEvent>,
    /// Whether these are all.
    pub complete: bool,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEvent {
    /// When, by GitHub's clock.
    pub at: DateTime<Utc>,
    /// By whom; `ghost` when the account is gone.
    pub by: String,
    /// What.
    pub what: Happened,
}

/// The kinds of event that matter here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// This label was put on.
    Labeled(String),
    /// This label was taken off.
    Unlabeled(String),
    /// The branch was moved to this commit by force.
    ForcePushed(CommitId),
}

impl History {
    /// Who put a label on the last time, unless it was taken off since. Names are compared without regard to case.
    pub fn applied(&self, label: &str) -> Option<Applied> {
        let wanted = label.to_lowercase();
        let last = self.events.iter().rev().find_map(|event| match &event.what {
            Happened::Labeled(name) if name.to_lowercase() == wanted => Some(Some(event)),
            Happened::Unlabeled(name) if name.to_lowercase() == wanted => Some(None),
            _ => None,
        })?;
        last.map(|event| Applied { by: event.by.clone(), at: event.at })
    }
}

/// Reads the events of a pull request.
/// <https://docs.github.com/en/rest/issues/events#list-issue-events>
pub fn history(client: &Client, repository: &Repository, number: u64) -> Result<History, Error> {
    #[derive(Deserialize)]
    struct Raw {
        event: String,
        actor: Option<Account>,
        created_at: DateTime<Utc>,
        commit_id: Option<String>,
        label: Option<Named>,
    }
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    let path = format!("/repos/{repository}/issues/{number}/events?per_page=100");
    let Pages { items, complete } = client.get_pages::<Vec<Raw>, _>(&path, |page| page)?;
    let mut events: Vec<HistoryEvent> = items
        .into_iter()
        .filter_map(|raw| {
            let what = match (raw.event.as_str(), raw.label, raw.commit_id) {
                ("labeled", Some(label), _) => Happened::Labeled(label.name),
                ("unlabeled", Some(label), _) => Happened::Unlabeled(label.name),
                ("head_ref_force_pushed", _, Some(id)) => Happened::ForcePushed(CommitId::parse(&id)?),
                _ => return None,
            };
            let by = raw.actor.map_or_else(|| "ghost".to_string(), |actor| actor.login);
            Some(HistoryEvent { at: raw.created_at, by, what })
        })
        .collect();
    // A stable sort: events of one second keep GitHub's order.
    events.sort_by_key(|event| event.at);
    Ok(History { events, complete })
}

/// Where the branch of a pull request stood and since when, oldest first; empty when GitHub does not say.
///
/// A commit's own dates are chosen by its author, the pull request's `updated_at` moves with every comment, and a check
/// suite dates the commit's first arrival anywhere in the repository, which may be long before it was pushed to *this*
/// branch. The repository's activity log dates each move of the branch. It is asked first; a force push is also an
/// event of the pull request, which is readable where a fork's log is not.
/// <https://docs.github.com/en/rest/repos/repos#list-repository-activities>
pub fn arrivals(client: &Client, pull: &Pull, history: &History) -> Result<Vec<PushedHead>, Error> {
    #[derive(Deserialize)]
    struct Move {
        after: String,
        timestamp: DateTime<Utc>,
    }
    let forced = history.events.iter().filter_map(|event| match &event.what {
        Happened::ForcePushed(id) => Some(PushedHead { id: id.clone(), pushed_at: Some(event.at) }),
        _ => None,
    });
    let mut arrivals: Vec<PushedHead> = forced.collect();
    if let Some(repository) = &pull.head_repository {
        let branch = percent_encode(&format!("refs/heads/{}", pull.pull_request.head_ref));
        let path = format!("/repos/{repository}/activity?ref={branch}&per_page=100");
        let moves: Vec<Move> = match client.get(&path) {
            Ok(moves) => moves,
            Err(Error::Forbidden { .. } | Error::NotFound { .. } | Error::Unprocessable { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        let moves = moves
            .iter()
            .filter_map(|one| Some(PushedHead { id: CommitId::parse(&one.after)?, pushed_at: Some(one.timestamp) }));
        arrivals.extend(moves);
    }
    arrivals.sort_by_key(|one| one.pushed_at);
    Ok(arrivals)
}

/// The open pull requests that hold this commit, for events that name only a commit.
pub fn of_commit(client: &Client, repository: &Repository, commit: &CommitId) -> Result<Vec<Pull>, Error> {
    let path = format!("/repos/{repository}/commits/{commit}/pulls?per_page=100");
    let pages = client.get_pages::<Vec<Value>, _>(&path, |page| page)?;
    let pulls = pages.items.iter().map(payload::pull).collect::<Result<Vec<Pull>, _>>();
    Ok(pulls.map_err(|error| malformed(&path, &error))?.into_iter().filter(|pull| pull.open).collect())
}

/// The open pull requests whose branch stands at exactly this commit, for a workflow run that only says where it ran.
///
/// The branch is asked for first: GitHub does not list a fork's commits under the repository that it was forked from.
/// `from` and `branch` are where the run says that its commit stands.
pub fn at_head(
    client: &Client,
    repository: &Repository,
    from: Option<&Repository>,
    branch: Option<&str>,
    head: &CommitId,
) -> Result<Vec<Pull>, Error> {
    let mut found = Vec::new();
    if let (Some(from), Some(branch)) = (from, branch) {
        let source = percent_encode(&format!("{}:{branch}", from.owner()));
        let path = format!("/repos/{repository}/pulls?state=open&head={source}&per_page=100");
        let pages = client.get_pages::<Vec<Value>, _>(&path, |page| page)?;
        let pulls = pages.items.iter().map(payload::pull).collect::<Result<Vec<Pull>, _>>();
        found = pulls.map_err(|error| malformed(&path, &error))?;
        found.retain(|pull| pull.head_repository.as_ref() == Some(from));
    }
    if found.is_empty() {
        found = of_commit(client, repository, head)?;
    }
    found.retain(|pull| pull.open && pull.head == *head);
    Ok(found)
}

/// The commit that a branch, a tag or an abbreviated id stands for at GitHub.
pub fn commit(client: &Client, repository: &Repository, reference: &str) -> Result<CommitId, Error> {
    #[derive(Deserialize)]
    struct Raw {
        sha: String,
    }
    let path = format!("/repos/{repository}/commits/{}", percent_encode(reference));
    let raw: Raw = client.get(&path)?;
    CommitId::parse(&raw.sha)
        .ok_or_else(|| Error::Malformed { request: format!("GET {path}"), reason: "`sha` is no commit id".into() })
}

/// Who did something.
#[derive(Deserialize)]
pub(super) struct Account {
    pub(super) login: String,
}

fn malformed(path: &str, error: &payload::Error) -> Error {
    Error::Malformed { request: request_line(&http::Method::GET, path), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(events: &[(i64, &str, Happened)]) -> History {
        let events = events
            .iter()
            .map(|(at, by, what)| HistoryEvent {
                at: DateTime::from_timestamp(*at, 0).unwrap(),
                by: by.to_string(),
                what: what.clone(),
            })
            .collect();
        History { events, complete: true }
    }

    #[test]
    fn the_last_one_who_labels_counts() {
        use Happened::{Labeled, Unlabeled};
        let story = history(&[
            (1, "ann", Labeled("ok".into())),
            (2, "bob", Unlabeled("ok".into())),
            (3, "eve", Labeled("OK".into())),
            (4, "ann", Labeled("other".into())),
        ]);
        assert_eq!(story.applied("Ok").unwrap().by, "eve");
        assert_eq!(story.applied("never"), None);
        assert_eq!(
            history(&story.events.iter().take(2).map(|e| (1, "x", e.what.clone())).collect::<Vec<_>>()).applied("ok"),
            None
        );
    }
}
