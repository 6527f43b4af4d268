//! One request to GitHub, done patiently.
//!
//! What pulls on this file: answer soon (a job waits), do nothing twice (a repeated `POST` is a second comment), spare
//! the API (limits are shared by a whole organisation), and end in any case. So every try has a timeout, all tries and
//! waits together have a budget, only requests that do no harm twice are repeated after a lost answer, a refusal for
//! rate waits as long as GitHub says or not at all, and what was read before is asked for with its `ETag`, which
//! costs nothing when unchanged.
//! <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api>
//!
//! Octocrab brings connection, TLS and redirects. Its own cache and token are not used: the cache keeps bodies that
//! broke off half-way and does not look at the method, and the token is one header, which is marked sensitive here.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::header::{ACCEPT, AUTHORIZATION, DATE, ETAG, IF_NONE_MATCH, LINK, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::github::{Error, clamp_characters};
use crate::text::visible;

/// A credential. It has no `Display`, and its `Debug` shows stars.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Takes the text without surrounding white space; `None` when it is empty or cannot stand in a header.
    pub fn new(text: &str) -> Option<Token> {
        let text = text.trim();
        (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Token(text.to_string()))
    }

    /// The value of an `Authorization` header as git's HTTP transport wants it. As secret as the token.
    pub fn for_git(&self) -> String {
        format!("Basic {}", base64(format!("x-access-token:{}", self.0).as_bytes()))
    }

    fn header(&self) -> Result<HeaderValue, Error> {
        let mut header = HeaderValue::from_str(&format!("Bearer {}", self.0))
            .map_err(|_| Error::Setup("the token cannot stand in a header".into()))?;
        header.set_sensitive(true);
        Ok(header)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Token").field(&"***").finish()
    }
}

/// Whether writes reach GitHub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They do.
    Live,
    /// They are kept as [`PlannedRequest`]s; reads go through.
    DryRun,
}

/// How long to try.
pub struct Patience {
    /// For one try.
    pub request_timeout: Duration,
    /// For all tries and waits of a client together.
    pub total: Duration,
    /// The wait before each further try. Its length is the number of further tries.
    pub backoff: Vec<Duration>,
    /// How many pages of a list are read.
    pub max_pages: usize,
    /// How long an answer may be.
    pub max_body_bytes: usize,
    /// Waits. A parameter, so that a test can watch instead of waiting.
    pub sleep: Box<dyn Fn(Duration) + Send>,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            request_timeout: Duration::from_secs(10),
            total: Duration::from_secs(120),
            backoff: [1, 3, 9].map(Duration::from_secs).to_vec(),
            max_pages: 30,
            max_body_bytes: 16 << 20,
            sleep: Box::new(std::thread::sleep),
        }
    }
}

/// A write that a dry run would have made.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedRequest {
    /// For instance `POST`.
    pub method: Method,
    /// Below the API's base URL.
    pub path: String,
    /// JSON.
    pub body: Option<Value>,
}

impl fmt::Display for PlannedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        match &self.body {
            // `visible` line by line: JSON escapes control characters, but not bidirectional marks.
            Some(body) => format!("{body:#}").lines().try_for_each(|line| write!(f, "\n{}", visible(line))),
            None => Ok(()),
        }
    }
}

/// Whether a write may be sent again after its answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Twice is as good as once.
    Harmless,
    /// Twice leaves two.
    Doubles,
}

/// What became of a write.
#[derive(Clone, Debug, PartialEq)]
pub enum Written {
    /// GitHub's answer; null when it is empty.
    Answered(Value),
    /// Nothing was sent: see [`Client::planned`].
    Planned,
}

/// A list that came in pages.
#[derive(Clone, Debug)]
pub struct Pages<T> {
    /// In GitHub's order.
    pub items: Vec<T>,
    /// False when there were more pages than [`Patience::max_pages`].
    pub complete: bool,
}

/// A connection to one GitHub with one identity. Its methods block; do not call them from async code.
pub struct Client {
    octocrab: octocrab::Octocrab,
    base: String,
    authorization: Option<HeaderValue>,
    mode: Mode,
    patience: Patience,
    state: RefCell<State>,
    // Last, so that it is dropped after the connections that live on it.
    runtime: tokio::runtime::Runtime,
}

#[derive(Default)]
struct State {
    spent: Duration,
    known: HashMap<String, Answer>,
    planned: Vec<PlannedRequest>,
}

impl Client {
    /// A client of the API at `base`, which is `GITHUB_API_URL`: `https://api.github.com` or
    /// `https://HOST/api/v3`. Connects on first use.
    pub fn new(base: &str, token: Option<&Token>, mode: Mode, patience: Patience) -> Result<Client, Error> {
        let base = base.trim().trim_end_matches('/');
        let uri: http::Uri = base
            .parse()
            .map_err(|_| Error::Setup(format!("`{}` is not a URL", visible(clamp_characters(base, 200)))))?;
        let plain = uri.query().is_none() && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        if !matches!(uri.scheme_str(), Some("https" | "http")) || !plain {
            // Not quoted: what stands before an `@` may be a password.
            return Err(Error::Setup("the API's URL must be https://HOST/PATH, without credentials or query".into()));
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::Setup(error.to_string()))?;
        let octocrab = {
            // Octocrab starts its worker when it is built.
            let _inside = runtime.enter();
            // Only the server: octocrab would put a path before those that do not begin with it, such as GraphQL's.
            let server =
                format!("{}://{}", uri.scheme_str().unwrap_or_default(), uri.authority().map_or("", |at| at.as_str()));
            let builder = octocrab::Octocrab::builder().base_uri(server);
            builder.and_then(|builder| builder.build()).map_err(|error| Error::Setup(innermost(&error)))?
        };
        Ok(Client {
            octocrab,
            base: base.to_string(),
            authorization: token.map(Token::header).transpose()?,
            mode,
            patience,
            state: RefCell::default(),
            runtime,
        })
    }

    /// Reads one object. `path` begins with `/` and holds only what was percent-encoded.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.read(path)?.json(path)
    }

    /// Reads a list page by page. `items` takes the items out of a page; `path` has a query already.
    pub fn get_pages<P: DeserializeOwned, T>(
        &self,
        path: &str,
        items: impl Fn(P) -> Vec<T>,
    ) -> Result<Pages<T>, Error> {
        let mut all = Vec::new();
        let mut next = path.to_string();
        for _ in 0..self.patience.max_pages {
            let answer = self.read(&next)?;
            all.extend(items(answer.json(&next)?));
            match &answer.next {
                None => return Ok(Pages { items: all, complete: true }),
                // The token goes where the base is and nowhere else.
                Some(link) => match link.strip_prefix(self.base.as_str()).filter(|path| path.starts_with('/')) {
                    Some(path) => next = path.to_string(),
                    None => {
                        let reason = "its next page is on another server".to_string();
                        return Err(Error::Malformed { request: request_line(&Method::GET, &next), reason });
                    }
                },
            }
        }
        Ok(Pages { items: all, complete: false })
    }

    /// Asks the GraphQL API; the answer's `data`. Queries only: a dry run sends them too.
    pub fn query(&self, query: &'static str) -> Result<Value, Error> {
        self.ask(query, Value::Null)
    }

    /// As [`Client::query`], with variables. What strangers wrote belongs into these and never into the query.
    pub fn ask(&self, query: &str, variables: Value) -> Result<Value, Error> {
        // https://docs.github.com/en/graphql/guides/forming-calls-with-graphql: beside `v3`, not below it.
        let root = self.base.strip_suffix("/v3").unwrap_or(&self.base);
        let mut body = serde_json::json!({ "query": query });
        if !variables.is_null() {
            body["variables"] = variables;
        }
        let answer =
            self.patiently(&Method::POST, &format!("{root}/graphql"), "/graphql", Some(&body), Repeat::Harmless)?;
        let answer: Value = answer.json("/graphql")?;
        match answer.get("data").filter(|data| !data.is_null()) {
            Some(data) => Ok(data.clone()),
            None => Err(Error::Malformed { request: "POST /graphql".into(), reason: "it holds no data".into() }),
        }
    }

    /// Writes, or in a dry run notes what would be written.
    pub fn write(&self, method: Method, path: &str, body: Option<Value>, repeat: Repeat) -> Result<Written, Error> {
        if self.mode == Mode::DryRun {
            self.state.borrow_mut().planned.push(PlannedRequest { method, path: path.to_string(), body });
            return Ok(Written::Planned);
        }
        let answer = self.patiently(&method, &format!("{}{path}", self.base), path, body.as_ref(), repeat)?;
        match answer.body.is_empty() {
            true => Ok(Written::Answered(Value::Null)),
            false => Ok(Written::Answered(answer.json(path)?)),
        }
    }

    /// What a dry run would have written, in order.
    pub fn planned(&self) -> Vec<PlannedRequest> {
        self.state.borrow().planned.clone()
    }

    fn read(&self, path: &str) -> Result<Answer, Error> {
        self.patiently(&Method::GET, &format!("{}{path}", self.base), path, None, Repeat::Harmless)
    }

    fn patiently(
        &self,
        method: &Method,
        url: &str,
        path: &str,
        body: Option<&Value>,
        repeat: Repeat,
    ) -> Result<Answer, Error> {
        let request = request_line(method, path);
        for attempt in 0.. {
            let left = self.patience.total.saturating_sub(self.state.borrow().spent);
            if left.is_zero() {
                let reason = format!("{} seconds of waiting for GitHub are used up", self.patience.total.as_secs());
                return Err(Error::Network { request, reason });
            }
            let started = tokio::time::Instant::now();
            let timeout = left.min(self.patience.request_timeout);
            let tried = self.runtime.block_on(async {
                tokio::time::timeout(timeout, self.once(method, url, path, body)).await.unwrap_or(Err(Lost::Silence))
            });
            let left = self.spend(started.elapsed());
            let (error, wait) = match tried {
                Ok(answer) if answer.status.is_success() => return Ok(answer),
                Ok(answer) => answer.refusal(&request),
                Err(lost) => lost.refusal(&request, self.patience.max_body_bytes, timeout),
            };
            let pause = match (wait, self.patience.backoff.get(attempt)) {
                // GitHub refused before it did anything.
                (Wait::Exactly(pause), Some(_)) => pause,
                (Wait::Backoff, Some(&pause)) if repeat == Repeat::Harmless => pause,
                _ => return Err(error),
            };
            if pause > left {
                return Err(error);
            }
            (self.patience.sleep)(pause);
            self.spend(pause);
        }
        unreachable!("the loop ends when the list of waits does")
    }

    /// Counts time against the budget; what is left of it.
    fn spend(&self, time: Duration) -> Duration {
        let mut state = self.state.borrow_mut();
        state.spent += time;
        self.patience.total.saturating_sub(state.spent)
    }

    async fn once(&self, method: &Method, url: &str, path: &str, body: Option<&Value>) -> Result<Answer, Lost> {
        // Octocrab adds its own name to every request; ours stands first.
        let mut builder = http::Request::builder()
            .method(method.clone())
            .uri(url)
            .header(USER_AGENT, concat!("mainguard/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT, "application/vnd.github+json");
        if let Some(authorization) = &self.authorization {
            builder = builder.header(AUTHORIZATION, authorization);
        }
        let known = self.state.borrow().known.get(path).filter(|_| method == Method::GET).cloned();
        if let Some(etag) = known.as_ref().and_then(|known| known.etag.as_ref()) {
            builder = builder.header(IF_NONE_MATCH, etag);
        }
        let request = self.octocrab.build_request(builder, body).map_err(|error| Lost::Broken(innermost(&error)))?;
        let response = self.octocrab.execute(request).await.map_err(|error| Lost::Broken(innermost(&error)))?;
        let (parts, stream) = response.into_parts();
        if let (StatusCode::NOT_MODIFIED, Some(known)) = (parts.status, known) {
            return Ok(known);
        }
        let body = match Limited::new(stream, self.patience.max_body_bytes).collect().await {
            Ok(collected) => collected.to_bytes().to_vec(),
            Err(error) if error.is::<LengthLimitError>() => return Err(Lost::Endless),
            Err(error) => return Err(Lost::Broken(innermost(error.as_ref()))),
        };
        let answer = Answer::new(parts.status, &parts.headers, method, body);
        if answer.etag.is_some() && answer.body.len() <= KNOWN_BODY_BYTES {
            let known = &mut self.state.borrow_mut().known;
            if known.len() < KNOWN_ANSWERS {
                known.insert(path.to_string(), answer.clone());
            }
        }
        Ok(answer)
    }
}

// Together at most 64 MiB, and far more than one verdict reads.
const KNOWN_ANSWERS: usize = 64;
const KNOWN_BODY_BYTES: usize = 1 << 20;

/// What of a response the rest needs.
#[derive(Clone)]
struct Answer {
    method: Method,
    status: StatusCode,
    /// Only of a successful read.
    etag: Option<HeaderValue>,
    /// The URL of the next page.
    next: Option<String>,
    limit: Limit,
    permissions: Option<String>,
    body: Vec<u8>,
}

/// What the headers say about rates.
/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>
#[derive(Clone, Default)]
struct Limit {
    retry_after: Option<u64>,
    exhausted: bool,
    resets_at: Option<DateTime<Utc>>,
    /// GitHub's clock.
    now: Option<DateTime<Utc>>,
}

/// Why there is no answer.
enum Lost {
    Silence,
    Broken(String),
    Endless,
}

/// When a refused request may be tried again.
enum Wait {
    Never,
    Backoff,
    Exactly(Duration),
}

impl Answer {
    fn new(status: StatusCode, headers: &HeaderMap, method: &Method, body: Vec<u8>) -> Answer {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let etag = headers.get(ETAG).filter(|_| status == StatusCode::OK && method == Method::GET).cloned();
        Answer {
            method: method.clone(),
            status,
            etag,
            next: text(LINK.as_str()).and_then(next_link),
            limit: Limit {
                retry_after: text(RETRY_AFTER.as_str()).and_then(|seconds| seconds.trim().parse().ok()),
                exhausted: text("x-ratelimit-remaining") == Some("0"),
                resets_at: text("x-ratelimit-reset")
                    .and_then(|seconds| DateTime::from_timestamp(seconds.parse().ok()?, 0)),
                now: text(DATE.as_str())
                    .and_then(|date| DateTime::parse_from_rfc2822(date).ok())
                    .map(|date| date.with_timezone(&Utc)),
            },
            permissions: text("x-accepted-github-permissions").map(str::to_string),
            body,
        }
    }

    fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| Error::Malformed {
            request: request_line(&self.method, path),
            reason: visible(clamp_characters(&error.to_string(), 200)).into_owned(),
        })
    }

    /// What a status other than success means, and whether waiting helps.
    fn refusal(&self, request: &str) -> (Error, Wait) {
        let request = request.to_string();
        let (message, codes) = self.words();
        let status = self.status.as_u16();
        match status {
            403 | 429 if self.is_about_rate(&message) => {
                let (wait, until) = self.limit.wait();
                (Error::RateLimited { request, until }, Wait::Exactly(wait))
            }
            401 => (Error::Unauthorized { request }, Wait::Never),
            403 => {
                let permission = self.permissions.as_deref().and_then(as_workflow_permission);
                (Error::Forbidden { request, message, permission }, Wait::Never)
            }
            404 | 410 => (Error::NotFound { request }, Wait::Never),
            422 => (Error::Unprocessable { request, message, codes }, Wait::Never),
            500.. => (Error::Server { request, status }, Wait::Backoff),
            _ => (Error::Unexpected { request, status, message }, Wait::Never),
        }
    }

    fn is_about_rate(&self, message: &str) -> bool {
        let limit = &self.limit;
        self.status == StatusCode::TOO_MANY_REQUESTS
            || limit.exhausted
            || limit.retry_after.is_some()
            || message.to_ascii_lowercase().contains("rate limit")
    }

    /// The `message` and the `errors[].code`s of GitHub's error object, made safe to print.
    fn words(&self) -> (String, Vec<String>) {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let short = |value: &Value| value.as_str().map(|text| visible(clamp_characters(text, 300)).into_owned());
        let errors = body.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let details = errors.iter().take(5).filter_map(|error| {
            short(error).or_else(|| error.get("message").and_then(short)).or_else(|| {
                Some(format!("{}: {}", error.get("field").and_then(short)?, error.get("code").and_then(short)?))
            })
        });
        let message = body.get("message").and_then(short);
        let words: Vec<String> = message.into_iter().chain(details).collect();
        let codes = errors.iter().take(20).filter_map(|error| error.get("code").and_then(short)).collect();
        (if words.is_empty() { "no reason given".into() } else { words.join("; ") }, codes)
    }
}

impl Limit {
    /// GitHub's order: `Retry-After`, then the reset when nothing remains, else a minute.
    fn wait(&self) -> (Duration, Option<DateTime<Utc>>) {
        const MINUTE: u64 = 60;
        let reset = self.resets_at.filter(|_| self.exhausted);
        let until_reset = || {
            let seconds = (reset? - self.now?).num_seconds();
            // One more second, as the header has no fractions.
            Some(u64::try_from(seconds).unwrap_or(0) + 1)
        };
        let seconds = self.retry_after.or_else(until_reset).unwrap_or(MINUTE);
        let after =
            |now: DateTime<Utc>| now.checked_add_signed(chrono::TimeDelta::try_seconds(seconds.try_into().ok()?)?);
        (Duration::from_secs(seconds), self.now.and_then(after).or(reset))
    }
}

impl Lost {
    fn refusal(self, request: &str, limit: usize, timeout: Duration) -> (Error, Wait) {
        let request = request.to_string();
        match self {
            Lost::Silence => {
                let reason = format!("nothing within {} seconds", timeout.as_secs_f64());
                (Error::Network { request, reason }, Wait::Backoff)
            }
            Lost::Broken(reason) => (Error::Network { request, reason }, Wait::Backoff),
            Lost::Endless => (Error::TooLarge { request, limit }, Wait::Never),
        }
    }
}

/// How an error names a request: without the query, which says nothing to a reader.
pub(super) fn request_line(method: &Method, path: &str) -> String {
    format!("{method} {}", path.split('?').next().unwrap_or(path))
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0u32, |word, &byte| word << 8 | u32::from(byte)) << (8 * (3 - group.len()));
        for digit in 0..4 {
            match digit <= group.len() {
                true => text.push(char::from(DIGITS[(word >> (18 - 6 * digit)) as usize & 63])),
                false => text.push('='),
            }
        }
    }
    text
}

/// The URL with `rel="next"` of a `Link` header (RFC 8288).
fn next_link(header: &str) -> Option<String> {
    header.split(',').find_map(|link| {
        let (url, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        parameters.split(';').any(|parameter| parameter.trim() == r#"rel="next""#).then(|| url.to_string())
    })
}

/// `pull_requests=write; issues=write` is how GitHub spells what it would have accepted; workflows write
/// `pull-requests: write`. Of the alternatives, which are separated by `;`, the one for pull requests gives away least.
fn as_workflow_permission(accepted: &str) -> Option<String> {
    let mut alternatives = accepted.split(';').map(str::trim);
    let narrow = alternatives.clone().find(|one| one.starts_with("pull_requests="));
    let chosen = narrow.or_else(|| alternatives.next())?;
    let permissions: Option<Vec<String>> = chosen
        .split(',')
        .map(|one| {
            let (name, level) = one.trim().split_once('=')?;
            let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            (plain(name) && plain(level)).then(|| format!("{}: {level}", name.replace('_', "-")))
        })
        .collect();
    permissions.map(|all| all.join(", "))
}

/// The deepest cause, which is the one that says something.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    visible(clamp_characters(&cause.to_string(), 200)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_shows_stars() {
        let token = Token::new(" ghs_secret\n").unwrap();
        assert_eq!(format!("{token:?}"), r#"Token("***")"#);
        assert!(!format!("{:?}", token.header().unwrap()).contains("secret"));
        assert!(Token::new(" \n").is_none());
        assert!(Token::new("a\nb").is_none());
    }

    #[test]
    fn git_is_told_the_token_in_base64() {
        assert_eq!(
            ["", "f", "fo", "foo", "foob"].map(|text| base64(text.as_bytes())),
            ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]
        );
    }

    #[test]
    fn the_next_page_is_found_among_links() {
        let header =
            r#"<https://x/a?page=1>; rel="prev", <https://x/a?page=3>; rel="next", <https://x/a?page=9>; rel="last""#;
        assert_eq!(next_link(header).as_deref(), Some("https://x/a?page=3"));
        assert_eq!(next_link(r#"<https://x/a>; rel="last""#), None);
        assert_eq!(next_link("next"), None);
    }

    #[test]
    fn a_permission_is_spelled_as_in_a_workflow() {
        assert_eq!(as_workflow_permission("issues=write; pull_requests=write").unwrap(), "pull-requests: write");
        assert_eq!(as_workflow_permission("contents=read,checks=write").unwrap(), "contents: read, checks: write");
        assert_eq!(as_workflow_permission("::error::=x"), None);
        assert_eq!(as_workflow_permission(""), None);
    }

    #[test]
    fn the_wait_follows_githubs_clock() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0);
        let wait = |limit: Limit| limit.wait().0.as_secs();
        assert_eq!(wait(Limit { retry_after: Some(7), ..Limit::default() }), 7);
        assert_eq!(wait(Limit { exhausted: true, resets_at: at(130), now: at(100), ..Limit::default() }), 31);
        assert_eq!(wait(Limit { exhausted: true, resets_at: at(90), now: at(100), ..Limit::default() }), 1);
        assert_eq!(wait(Limit::default()), 60);
        assert_eq!(wait(Limit { retry_after: Some(u64::MAX), now: at(1), ..Limit::default() }), u64::MAX);
    }

    #[test]
    fn credentials_in_the_url_are_refused_and_not_repeated() {
        let refused = |base| match Client::new(base, None, Mode::Live, Patience::default()) {
            Ok(_) => panic!("accepted {base}"),
            Err(error) => error.to_string(),
        };
        assert!(!refused("https://user:hunter2@api.github.com").contains("hunter2"));
        refused("ftp://api.github.com");
        refused("api.github.com");
        refused("https://api.github.com?x=1");
    }
}
