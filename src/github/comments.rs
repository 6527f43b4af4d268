//! The one comment that mainguard keeps up to date on a pull request.
//!
//! It is found again by a hidden marker at its start, and only among our own comments: a stranger who copies the
//! marker is ignored. What pulls on this file: write only when the text changed (people are notified of a new
//! comment), never leave two, and survive another job that does the same at this moment. Two at once may both create
//! one; the next run keeps the first and deletes the other.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use crate::github::client::{Client, Pages, Repeat};
use crate::github::{Error, Repository};

/// GitHub's bound on a comment.
pub const MAX_CHARACTERS: usize = 65_536;

/// The hidden first line of the comment that belongs to `key`: `<!-- mainguard:KEY -->`. Of the key, letters, digits,
/// `_` and `.` stay, at most 60 of them; anything else becomes `_`, so that the key cannot end the HTML comment.
pub fn marker(key: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "_.".contains(character);
    let key: String = key.chars().take(60).map(|character| if plain(character) { character } else { '_' }).collect();
    format!("<!-- mainguard:{key} -->")
}

/// How many characters a body may have beside the marker.
pub fn room(key: &str) -> usize {
    MAX_CHARACTERS - marker(key).chars().count() - 1
}

/// A comment on a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// GitHub's number for it; grows with time.
    pub id: u64,
    /// The login of its author; an app's ends in `[bot]`.
    pub author: String,
    /// The Markdown.
    pub body: String,
}

/// What is to be done about the comment. Pure: see [`plan`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// About the one that stays.
    pub step: Step,
    /// Ours that are too many.
    pub surplus: Vec<u64>,
}

/// What is to be done about the comment that stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is none, and one is wanted.
    Create,
    /// It says something else.
    Update(u64),
    /// It says that already.
    Keep,
    /// There is none, and none is wanted.
    Nothing,
}

/// Whether a comment may be created where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Create {
    /// Yes.
    Always,
    /// No: there is nothing to say, but an older comment must not keep saying something else.
    Never,
}

/// Decides what to do. `candidates` bear the marker; `me` is our login; `body` has the marker.
pub fn plan(candidates: &[Comment], me: &str, body: &str, create: Create) -> Plan {
    let mut ours: Vec<&Comment> = candidates.iter().filter(|comment| same_login(&comment.author, me)).collect();
    ours.sort_by_key(|comment| comment.id);
    let step = match (ours.first(), create) {
        (Some(first), _) if same_text(&first.body, body) => Step::Keep,
        (Some(first), _) => Step::Update(first.id),
        (None, Create::Always) => Step::Create,
        (None, Create::Never) => Step::Nothing,
    };
    Plan { step, surplus: ours.iter().skip(1).map(|comment| comment.id).collect() }
}

/// The comments of a pull request that begin with the marker, whoever wrote them.
pub fn marked(
    client: &Client,
    repository: &Repository,
    pull_request: u64,
    marker: &str,
) -> Result<Pages<Comment>, Error> {
    #[derive(Deserialize)]
    struct Raw {
        id: u64,
        user: Option<super::pulls::Account>,
        body: Option<String>,
    }
    let path = format!("/repos/{repository}/issues/{pull_request}/comments?per_page=100");
    let Pages { items, complete } = client.get_pages::<Vec<Raw>, _>(&path, |page| page)?;
    let items = items
        .into_iter()
        .filter_map(|raw| Some(Comment { id: raw.id, author: raw.user?.login, body: raw.body? }))
        .filter(|comment| comment.body.starts_with(marker))
        .collect();
    Ok(Pages { items, complete })
}

/// Our login. An app's token may not ask `/user`, but GraphQL tells it. A server that tells neither leaves the
/// workflow's own token as the best guess: `github-actions[bot]`.
pub fn me(client: &Client) -> Result<String, Error> {
    match client.get::<super::pulls::Account>("/user") {
        Ok(account) => return Ok(account.login),
        Err(Error::Forbidden { .. } | Error::NotFound { .. }) => {}
        Err(error) => return Err(error),
    }
    match client.query("query { viewer { login } }") {
        Ok(data) => Ok(data["viewer"]["login"].as_str().unwrap_or("github-actions[bot]").to_string()),
        Err(error) if error.is_outage() => Err(error),
        Err(_) => Ok("github-actions[bot]".into()),
    }
}

/// Writes a new comment.
pub fn create(client: &Client, repository: &Repository, pull_request: u64, body: &str) -> Result<(), Error> {
    let path = format!("/repos/{repository}/issues/{pull_request}/comments");
    client.write(Method::POST, &path, Some(json!({ "body": body })), Repeat::Doubles).map(drop)
}

/// Writes another text into a comment.
pub fn update(client: &Client, repository: &Repository, id: u64, body: &str) -> Result<(), Error> {
    let path = format!("/repos/{repository}/issues/comments/{id}");
    client.write(Method::PATCH, &path, Some(json!({ "body": body })), Repeat::Harmless).map(drop)
}

/// Deletes a comment; one that is gone already is no error.
pub fn delete(client: &Client, repository: &Repository, id: u64) -> Result<(), Error> {
    let path = format!("/repos/{repository}/issues/comments/{id}");
    match client.write(Method::DELETE, &path, None, Repeat::Harmless) {
        Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Logins ignore case. People cannot have brackets in theirs, so `x` is never taken for the app `x[bot]`.
fn same_login(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// GitHub may give back other line ends than it was given, and no white space at the end.
fn same_text(a: &str, b: &str) -> bool {
    a.trim_end().lines().eq(b.trim_end().lines())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comment(id: u64, author: &str, body: &str) -> Comment {
        Comment { id, author: author.into(), body: body.into() }
    }

    #[test]
    fn the_key_cannot_close_the_marker() {
        assert_eq!(marker("check"), "<!-- mainguard:check -->");
        assert_eq!(marker("a --> <b>\n"), "<!-- mainguard:a______b__ -->");
        assert_eq!(marker("check").chars().count() + 1 + room("check"), MAX_CHARACTERS);
    }

    #[test]
    fn a_strangers_marker_is_ignored() {
        let forged = [comment(1, "mallory", "x"), comment(2, "me", "x")];
        assert_eq!(plan(&forged, "me[bot]", "x", Create::Always), Plan { step: Step::Create, surplus: vec![] });
        assert_eq!(plan(&forged, "me[bot]", "x", Create::Never), Plan { step: Step::Nothing, surplus: vec![] });
    }

    #[test]
    fn the_first_of_ours_stays() {
        let ours = [comment(9, "me", "new"), comment(4, "Me", "old"), comment(7, "me", "new")];
        assert_eq!(plan(&ours, "me", "new", Create::Never), Plan { step: Step::Update(4), surplus: vec![7, 9] });
        assert_eq!(plan(&ours, "me", "old\r\n", Create::Never), Plan { step: Step::Keep, surplus: vec![7, 9] });
    }
}
