//! GitHub's REST API, through octocrab: the facts that only GitHub knows, and making GitHub match a verdict.
//!
//! Reading order: [`payload`] (what woke us: pure), [`client`] (one request, done patiently), [`pulls`] (facts about a
//! pull request), then what is written: [`comments`], [`labels`] and [`checks`], composed by [`publish`].
//! [`workflow_files`] renders the files through which a workflow step speaks to its job.
//!
//! Calls block: a current-thread runtime lives inside [`client::Client`] and nothing async leaves this room. From
//! async code, call it on a blocking thread.

use std::fmt;

use chrono::{DateTime, Utc};

pub mod checks;
pub mod client;
pub mod comments;
pub mod deployments;
pub mod labels;
pub mod payload;
pub mod publish;
pub mod pulls;
pub mod queue;
pub mod workflow_files;

pub use client::{Client, Token};

/// A repository on GitHub: `owner/name`, safe to stand in a path.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository {
    owner: String,
    name: String,
}

impl Repository {
    /// Accepts `owner/name` in the characters that GitHub allows: letters, digits, `-`, `_` and `.`.
    pub fn parse(full_name: &str) -> Option<Repository> {
        let (owner, name) = full_name.split_once('/')?;
        let fits = |part: &str| {
            (1..=100).contains(&part.len())
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
                && !part.bytes().all(|byte| byte == b'.')
        };
        (fits(owner) && fits(name)).then(|| Repository { owner: owner.into(), name: name.into() })
    }

    /// The user or organisation.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The part behind the slash.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why GitHub did not do what it was asked. `request` is the method and path, which never hold a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 404 or 410: it does not exist, or the token may not know that it does.
    #[error("GitHub does not find `{request}`")]
    NotFound {
        /// The method and path.
        request: String,
    },
    /// 403: the token may not do this.
    #[error("GitHub refuses `{request}`: {message}")]
    Forbidden {
        /// The method and path.
        request: String,
        /// GitHub's words.
        message: String,
        /// The permission that would be enough, as a workflow spells it: `pull-requests: write`.
        permission: Option<String>,
    },
    /// 401: there is no token, or it is not valid.
    #[error("GitHub does not accept the token for `{request}`")]
    Unauthorized {
        /// The method and path.
        request: String,
    },
    /// 403 or 429 with a rate limit, and the wait is longer than our patience.
    #[error("GitHub's rate limit is used up at `{request}`{}", until.map(|at| format!("; it resets at {}", at.format("%Y-%m-%d %H:%M:%S UTC"))).unwrap_or_default())]
    RateLimited {
        /// The method and path.
        request: String,
        /// When it may be tried again, by GitHub's clock.
        until: Option<DateTime<Utc>>,
    },
    /// 422: GitHub understood and finds the content wrong.
    #[error("GitHub finds the content of `{request}` not valid: {message}")]
    Unprocessable {
        /// The method and path.
        request: String,
        /// GitHub's words.
        message: String,
        /// The codes of its `errors` list, for instance `already_exists`.
        codes: Vec<String>,
    },
    /// 5xx, after every try.
    #[error("GitHub answers `{request}` with status {status}")]
    Server {
        /// The method and path.
        request: String,
        /// The HTTP status.
        status: u16,
    },
    /// No answer: no connection, a broken one, or none in time, after every try.
    #[error("no answer from GitHub to `{request}`: {reason}")]
    Network {
        /// The method and path.
        request: String,
        /// What went wrong.
        reason: String,
    },
    /// The answer is longer than anything we ask for.
    #[error("GitHub's answer to `{request}` is longer than {limit} bytes")]
    TooLarge {
        /// The method and path.
        request: String,
        /// The bound.
        limit: usize,
    },
    /// A status that the documentation does not lead one to expect.
    #[error("GitHub answers `{request}` with the unexpected status {status}: {message}")]
    Unexpected {
        /// The method and path.
        request: String,
        /// The HTTP status.
        status: u16,
        /// GitHub's words.
        message: String,
    },
    /// The answer is not what the API promises.
    #[error("GitHub's answer to `{request}` cannot be read: {reason}")]
    Malformed {
        /// The method and path.
        request: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The client could not be built.
    #[error("the GitHub client cannot start: {0}")]
    Setup(String),
}

impl Error {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::NotFound { .. } => Some(
                "check the repository's name and number; a token without access to a private repository gets this answer too".into(),
            ),
            Error::Forbidden { permission: Some(permission), .. } => Some(format!(
                "the workflow needs `permissions: {permission}`; on a pull request from a fork the token can only read"
            )),
            Error::Forbidden { permission: None, message, .. } if message.contains("GitHub App") => Some(
                "only an app may do this: in a workflow use `${{ github.token }}`, not a token of a person".into(),
            ),
            Error::Forbidden { permission: None, .. } => {
                Some("give the token the permission; on a pull request from a fork it can only read".into())
            }
            Error::Unauthorized { .. } => Some("set GITHUB_TOKEN; in a workflow: `${{ github.token }}`".into()),
            Error::RateLimited { .. } => Some("run it again later, or with a token of its own".into()),
            Error::Server { .. } => Some("see https://www.githubstatus.com and run it again".into()),
            Error::Network { .. } => Some("check GITHUB_API_URL and the connection, then run it again".into()),
            Error::Setup(_) => Some("check GITHUB_API_URL; the system's CA certificates must be installed".into()),
            Error::Unprocessable { .. }
            | Error::TooLarge { .. }
            | Error::Unexpected { .. }
            | Error::Malformed { .. } => None,
        }
    }

    /// True when nothing else is worth trying now: the network is away, the token is bad or the limit is used up.
    pub fn is_outage(&self) -> bool {
        match self {
            Error::Network { .. } | Error::Unauthorized { .. } | Error::RateLimited { .. } | Error::Setup(_) => true,
            Error::NotFound { .. }
            | Error::Forbidden { .. }
            | Error::Unprocessable { .. }
            | Error::Server { .. }
            | Error::TooLarge { .. }
            | Error::Unexpected { .. }
            | Error::Malformed { .. } => false,
        }
    }

    /// True when a write may have been carried out although its answer was lost.
    pub fn is_ambiguous(&self) -> bool {
        match self {
            Error::Network { request, .. }
            | Error::Server { request, .. }
            | Error::Malformed { request, .. }
            | Error::TooLarge { request, .. } => !request.starts_with("GET "),
            Error::NotFound { .. }
            | Error::Forbidden { .. }
            | Error::Unauthorized { .. }
            | Error::RateLimited { .. }
            | Error::Unprocessable { .. }
            | Error::Unexpected { .. }
            | Error::Setup(_) => false,
        }
    }
}

/// At most `limit` characters of `text`.
pub(crate) fn clamp_characters(text: &str, limit: usize) -> &str {
    text.char_indices().nth(limit).map_or(text, |(end, _)| &text[..end])
}

/// At most `limit` bytes of `text`, whole characters only.
pub(crate) fn clamp_bytes(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    &text[..end]
}

/// `text` as one segment of a path or one value of a query (RFC 3986: all but the unreserved characters escaped).
pub(crate) fn percent_encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            true => encoded.push(char::from(byte)),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_two_plain_names() {
        assert_eq!(Repository::parse("octo-org/octo.repo").unwrap().to_string(), "octo-org/octo.repo");
        for hostile in
            ["", "a", "a/", "/b", "a/b/c", "a/..", "../b", "a/b?c", "a/b%2f", "a b/c", "a/\u{202e}b", "a/b\n"]
        {
            assert_eq!(Repository::parse(hostile), None, "{hostile:?}");
        }
    }

    #[test]
    fn clamping_keeps_characters_whole() {
        assert_eq!(clamp_characters("äöü", 2), "äö");
        assert_eq!(clamp_characters("ab", 2), "ab");
        assert_eq!(clamp_bytes("äöü", 3), "ä");
    }

    #[test]
    fn a_path_segment_holds_no_delimiter() {
        assert_eq!(percent_encode("size/XS 🐭?#"), "size%2FXS%20%F0%9F%90%AD%3F%23");
    }
}
