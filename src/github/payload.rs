//! What woke us: the webhook body that Actions writes to `GITHUB_EVENT_PATH`, read without GitHub. Pure.
//!
//! The same objects come from webhooks and from the REST API, so this file is the only parser of a pull request.
//! Everything in it is hostile: an unknown event yields what it has, a known one whose facts are missing or of another
//! type is an error that names the place. <https://docs.github.com/en/webhooks/webhook-events-and-payloads>

use serde_json::Value;

use crate::change::CommitId;
use crate::github::{Repository, clamp_characters};
use crate::pull_request::{Label, PullRequest, PushedHead};
use crate::text::visible;

/// GitHub caps a payload at 25 MB.
pub const MAX_BYTES: usize = 32 << 20;

/// What an event says about the change to judge.
#[derive(Clone, Debug, Default)]
pub struct Event {
    /// `GITHUB_EVENT_NAME`.
    pub name: String,
    /// For instance `opened` or `synchronize`.
    pub action: Option<String>,
    /// Where it happened; some events of an organisation have none.
    pub repository: Option<Repository>,
    /// The pull request, whole.
    pub pull: Option<Pull>,
    /// Its number, also when the event holds no more than that.
    pub pull_number: Option<u64>,
    /// What the change is compared with: the tip of the target branch, or what the branch was before a push. `None`
    /// for a new branch.
    pub base: Option<CommitId>,
    /// The newest commit of the change. `None` for a deleted branch and for events without a commit.
    pub head: Option<CommitId>,
    /// The full ref that was pushed, or that a merge group would enter.
    pub reference: Option<String>,
    /// The workflow run that this event is about.
    pub run: Option<Run>,
}

/// A workflow run, as another one is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// What had started it: `pull_request`, `push`.
    pub event: String,
    /// The branch that it ran for; a stranger's words.
    pub head_branch: Option<String>,
    /// Where that branch stands; `None` when that fork was deleted.
    pub head_repository: Option<Repository>,
}

/// A pull request with the commits that it lies between.
#[derive(Clone, Debug)]
pub struct Pull {
    /// What people say about it.
    pub pull_request: PullRequest,
    /// The tip of the target branch as the pull request knows it.
    pub base: CommitId,
    /// The tip of its branch.
    pub head: CommitId,
    /// Where its branch stands; `None` when that fork was deleted.
    pub head_repository: Option<Repository>,
    /// Whether it can still be merged.
    pub open: bool,
    /// Facts that could not be read, in words; empty for a pull request from a payload.
    pub notices: Vec<String>,
}

/// Why a payload cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Longer than [`MAX_BYTES`].
    #[error("the event payload is {0} bytes long; GitHub sends at most 25 MB")]
    TooLarge(usize),
    /// Not JSON.
    #[error("the event payload is not JSON: line {line}, column {column}")]
    NotJson {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// A fact is missing or of another type.
    #[error("in the `{event}` payload, `{field}` should be {expected}, and is {found}")]
    Field {
        /// The event's name, or `pull request` for an object of the REST API.
        event: String,
        /// Where, with dots between keys.
        field: String,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
}

impl Error {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(
            "GITHUB_EVENT_PATH and GITHUB_EVENT_NAME must belong together; without them, give the base as a flag"
                .into(),
        )
    }
}

/// Reads the payload of the event `name`.
pub fn parse(name: &str, bytes: &[u8]) -> Result<Event, Error> {
    if bytes.len() > MAX_BYTES {
        return Err(Error::TooLarge(bytes.len()));
    }
    let root: Value =
        serde_json::from_slice(bytes).map_err(|error| Error::NotJson { line: error.line(), column: error.column() })?;
    let shown = visible(clamp_characters(name, 60)).into_owned();
    let root = At { event: &shown, value: &root, path: String::new() };
    root.object()?;

    let mut event = Event {
        name: name.to_string(),
        action: root.maybe("action").map(|action| action.text()).transpose()?.map(str::to_string),
        repository: root.maybe("repository").map(|repository| repository.key("full_name")?.repository()).transpose()?,
        ..Event::default()
    };
    match name {
        "pull_request" | "pull_request_target" | "pull_request_review" | "pull_request_review_comment" => {
            let pull = read_pull(&root.key("pull_request")?)?;
            event.pull_number = Some(pull.pull_request.number);
            event.base = Some(pull.base.clone());
            event.head = Some(pull.head.clone());
            event.pull = Some(pull);
        }
        "merge_group" => {
            let group = root.key("merge_group")?;
            event.base = Some(group.key("base_sha")?.commit()?);
            event.head = Some(group.key("head_sha")?.commit()?);
            event.reference = group.maybe("base_ref").map(|at| at.text()).transpose()?.map(str::to_string);
        }
        "push" => {
            // All zeros stand for "no commit": before a new branch and after a deleted one.
            event.base = Some(root.key("before")?.commit()?).filter(|id| !id.is_null());
            event.head = Some(root.key("after")?.commit()?).filter(|id| !id.is_null());
            event.reference = Some(root.key("ref")?.text()?.to_string());
        }
        "workflow_run" => {
            let run = root.key("workflow_run")?;
            event.head = Some(run.key("head_sha")?.commit()?);
            event.run = Some(Run {
                event: run.maybe("event").map(|at| at.text()).transpose()?.unwrap_or_default().to_string(),
                head_branch: run.maybe("head_branch").map(|at| at.text()).transpose()?.map(str::to_string),
                head_repository: match run.maybe("head_repository") {
                    Some(repository) => Some(repository.key("full_name")?.repository()?),
                    None => None,
                },
            });
            // Empty for a fork. More than one and nobody knows which is meant.
            if let Some([only]) = run.maybe("pull_requests").map(|pulls| pulls.list()).transpose()?.as_deref() {
                event.pull_number = Some(only.key("number")?.number()?);
                event.base = Some(only.key("base")?.key("sha")?.commit()?);
            }
        }
        "deployment" | "deployment_status" => {
            event.head = Some(root.key("deployment")?.key("sha")?.commit()?);
        }
        "issue_comment" => {
            let issue = root.key("issue")?;
            if issue.maybe("pull_request").is_some() {
                event.pull_number = Some(issue.key("number")?.number()?);
            }
        }
        _ => {}
    }
    Ok(event)
}

/// Reads a pull request object of the REST API.
pub(crate) fn pull(value: &Value) -> Result<Pull, Error> {
    read_pull(&At { event: "pull request", value, path: String::new() })
}

fn read_pull(at: &At<'_>) -> Result<Pull, Error> {
    let (base, head) = (at.key("base")?, at.key("head")?);
    let repository = |side: &At<'_>| side.maybe("repo").map(|repo| repo.key("full_name")?.repository()).transpose();
    let (base_repository, head_repository) = (repository(&base)?, repository(&head)?);
    let labels = at.maybe("labels").map(|labels| labels.list()).transpose()?.unwrap_or_default();
    let head_id = head.key("sha")?.commit()?;
    Ok(Pull {
        pull_request: PullRequest {
            number: at.key("number")?.number()?,
            title: at.key("title")?.text()?.to_string(),
            body: at.maybe("body").map(|body| body.text()).transpose()?.map(str::to_string),
            // GitHub shows a deleted account as `ghost`.
            author: match at.maybe("user") {
                Some(user) => user.key("login")?.text()?.to_string(),
                None => "ghost".into(),
            },
            draft: at.maybe("draft").is_some_and(|draft| draft.value == &Value::Bool(true)),
            labels: labels
                .iter()
                .map(|label| Ok(Label::named(label.key("name")?.text()?)))
                .collect::<Result<_, Error>>()?,
            commit_trailers: Vec::new(),
            head: Some(PushedHead { id: head_id.clone(), pushed_at: None }),
            arrivals: Vec::new(),
            base_ref: base.key("ref")?.text()?.to_string(),
            head_ref: head.key("ref")?.text()?.to_string(),
            from_fork: head_repository.is_none() || head_repository != base_repository,
        },
        base: base.key("sha")?.commit()?,
        head: head_id,
        head_repository,
        open: at.maybe("state").is_none_or(|state| state.value == "open"),
        notices: Vec::new(),
    })
}

/// A place in the payload that knows its path, so that every error can name it.
struct At<'a> {
    event: &'a str,
    value: &'a Value,
    path: String,
}

impl<'a> At<'a> {
    /// The value of a key; null counts as absent.
    fn maybe(&self, key: &str) -> Option<At<'a>> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(At { event: self.event, value, path: self.path_of(key) })
    }

    fn key(&self, key: &str) -> Result<At<'a>, Error> {
        self.maybe(key).ok_or_else(|| Error::Field {
            event: self.event.to_string(),
            field: self.path_of(key),
            expected: "there",
            found: if self.value.get(key).is_some() { "null".into() } else { "missing".into() },
        })
    }

    fn object(&self) -> Result<(), Error> {
        if self.value.is_object() { Ok(()) } else { Err(self.wrong("an object")) }
    }

    fn text(&self) -> Result<&'a str, Error> {
        self.value.as_str().ok_or_else(|| self.wrong("a string"))
    }

    fn number(&self) -> Result<u64, Error> {
        self.value.as_u64().filter(|&number| number > 0).ok_or_else(|| self.wrong("a positive whole number"))
    }

    fn commit(&self) -> Result<CommitId, Error> {
        CommitId::parse(self.text()?).ok_or_else(|| self.wrong("a commit id of 40 or 64 hexadecimal digits"))
    }

    fn repository(&self) -> Result<Repository, Error> {
        Repository::parse(self.text()?).ok_or_else(|| self.wrong("a name like `owner/name`"))
    }

    fn list(&self) -> Result<Vec<At<'a>>, Error> {
        let items = self.value.as_array().ok_or_else(|| self.wrong("a list"))?;
        let place = |index| format!("{}[{index}]", self.path);
        Ok(items.iter().enumerate().map(|(index, value)| At { event: self.event, value, path: place(index) }).collect())
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_string() } else { format!("{}.{key}", self.path) }
    }

    fn wrong(&self, expected: &'static str) -> Error {
        let found = match self.value {
            Value::Null => "null".into(),
            Value::Bool(_) => "a boolean".into(),
            Value::Number(number) => format!("the number {number}"),
            Value::String(text) => format!("`{}`", visible(clamp_characters(text, 60))),
            Value::Array(_) => "a list".into(),
            Value::Object(_) => "an object".into(),
        };
        let field = if self.path.is_empty() { "the whole".into() } else { self.path.clone() };
        Error::Field { event: self.event.to_string(), field, expected, found }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "1111111111111111111111111111111111111111";
    const B: &str = "2222222222222222222222222222222222222222";
    const ZERO: &str = "0000000000000000000000000000000000000000";

    fn error(name: &str, payload: &str) -> String {
        parse(name, payload.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_new_branch_has_no_base_and_a_deleted_one_no_head() {
        let push = |before, after| {
            let payload = format!(r#"{{"ref":"refs/heads/x","before":"{before}","after":"{after}"}}"#);
            let event = parse("push", payload.as_bytes()).unwrap();
            (event.base.map(|id| id.to_string()), event.head.map(|id| id.to_string()))
        };
        assert_eq!(push(A, B), (Some(A.into()), Some(B.into())));
        assert_eq!(push(ZERO, B), (None, Some(B.into())));
        assert_eq!(push(A, ZERO), (Some(A.into()), None));
    }

    #[test]
    fn a_comment_on_a_pull_request_names_its_number() {
        let on_pull = r#"{"issue":{"number":7,"pull_request":{}}}"#;
        assert_eq!(parse("issue_comment", on_pull.as_bytes()).unwrap().pull_number, Some(7));
        let on_issue = r#"{"issue":{"number":7}}"#;
        assert_eq!(parse("issue_comment", on_issue.as_bytes()).unwrap().pull_number, None);
    }

    #[test]
    fn a_workflow_run_of_one_pull_request_knows_it() {
        let run = |pulls: &str| {
            let payload = format!(r#"{{"workflow_run":{{"head_sha":"{B}","pull_requests":[{pulls}]}}}}"#);
            let event = parse("workflow_run", payload.as_bytes()).unwrap();
            (event.pull_number, event.base.is_some(), event.head.is_some())
        };
        let one = format!(r#"{{"number":3,"base":{{"sha":"{A}"}}}}"#);
        assert_eq!(run(&one), (Some(3), true, true));
        assert_eq!(run(&format!("{one},{one}")), (None, false, true));
        assert_eq!(run(""), (None, false, true));
    }

    #[test]
    fn a_deployment_knows_its_commit() {
        let payload = format!(r#"{{"deployment_status":{{}},"deployment":{{"sha":"{A}"}}}}"#);
        let event = parse("deployment_status", payload.as_bytes()).unwrap();
        assert_eq!((event.head.unwrap().to_string(), event.pull_number), (A.into(), None));
    }

    #[test]
    fn a_deleted_fork_and_a_deleted_author_are_no_error() {
        let payload = format!(
            r#"{{"pull_request":{{"number":1,"title":"t","body":null,"user":null,
                 "base":{{"ref":"main","sha":"{A}","repo":{{"full_name":"o/r"}}}},
                 "head":{{"ref":"x","sha":"{B}","repo":null}}}}}}"#
        );
        let pull = parse("pull_request", payload.as_bytes()).unwrap().pull.unwrap();
        assert!(pull.pull_request.from_fork && pull.open);
        assert_eq!(pull.pull_request.author, "ghost");
    }

    #[test]
    fn odd_payloads_are_told_where_they_are_odd() {
        insta::assert_snapshot!(
            [
                error("push", ""),
                error("push", "[]"),
                error("push", r#"{"before":1}"#),
                error("push", &format!(r#"{{"before":"{A}","after":"HEAD\n::error::x"}}"#)),
                error("pull_request", "{}"),
                error("pull_request", r#"{"pull_request":null}"#),
                error("pull_request", r#"{"pull_request":{"base":{},"head":[]}}"#),
                error("merge_group", r#"{"merge_group":{"base_sha":true}}"#),
                error("ping", r#"{"repository":{"full_name":"../etc"}}"#),
                error("ping\u{202e}\n", r#"{"action":{}}"#),
            ]
            .join("\n"),
            @r"
            the event payload is not JSON: line 1, column 0
            in the `push` payload, `the whole` should be an object, and is a list
            in the `push` payload, `before` should be a string, and is the number 1
            in the `push` payload, `after` should be a commit id of 40 or 64 hexadecimal digits, and is `HEAD\n::error::x`
            in the `pull_request` payload, `pull_request` should be there, and is missing
            in the `pull_request` payload, `pull_request` should be there, and is null
            in the `pull_request` payload, `pull_request.head.sha` should be there, and is missing
            in the `merge_group` payload, `merge_group.base_sha` should be a string, and is a boolean
            in the `ping` payload, `repository.full_name` should be a name like `owner/name`, and is `../etc`
            in the `ping\u{202e}\n` payload, `action` should be a string, and is an object
            "
        );
    }

    #[test]
    fn depth_and_length_are_bounded() {
        assert!(parse("push", "[".repeat(100_000).as_bytes()).is_err());
        assert_eq!(parse("push", &vec![b' '; MAX_BYTES + 1]).unwrap_err(), Error::TooLarge(MAX_BYTES + 1));
    }
}
