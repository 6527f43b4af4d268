//! Where events go: what each sink is sent, and what its answers mean.
//!
//! A sink's file turns events into the bytes of a request and knows nothing of networks; [`Destination::send`] is the
//! one place that sends. An answer is sorted by what is to be done about it, not by its number.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::config::Config;
use super::event::DeliveryEvent;
use crate::text::visible;

pub mod cdevents;
pub mod otlp;
pub mod posthog;
pub mod slack;

/// A sink, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SinkName {
    /// PostHog.
    PostHog,
    /// A Slack channel, through an incoming webhook.
    Slack,
    /// Whoever takes CDEvents over HTTP.
    CdEvents,
    /// An OpenTelemetry collector.
    Otlp,
}

impl SinkName {
    /// All of them.
    pub const ALL: [SinkName; 4] = [SinkName::PostHog, SinkName::Slack, SinkName::CdEvents, SinkName::Otlp];

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            SinkName::PostHog => "posthog",
            SinkName::Slack => "slack",
            SinkName::CdEvents => "cdevents",
            SinkName::Otlp => "otlp",
        }
    }

    /// The sink of this name.
    pub fn named(name: &str) -> Option<SinkName> {
        SinkName::ALL.into_iter().find(|sink| sink.name() == name)
    }

    /// How people write it.
    pub fn title(self) -> &'static str {
        match self {
            SinkName::PostHog => "PostHog",
            SinkName::Slack => "Slack",
            SinkName::CdEvents => "CDEvents",
            SinkName::Otlp => "OTLP",
        }
    }

    /// So many events are taken from the outbox at once and acknowledged together. Slack has no ids by which it could
    /// tell a message that is sent again, so there each one is acknowledged by itself.
    pub fn batch(self) -> usize {
        match self {
            SinkName::PostHog | SinkName::Otlp => 100,
            SinkName::CdEvents => 20,
            SinkName::Slack => 1,
        }
    }
}

/// A key, or an address that is as good as one. It cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// `None` when it is blank.
    pub fn new(text: &str) -> Option<Key> {
        let text = text.trim();
        (!text.is_empty()).then(|| Key(text.to_string()))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

/// A sink with its address.
#[derive(Clone, Debug)]
pub enum Destination {
    /// PostHog.
    PostHog {
        /// For instance `https://eu.i.posthog.com`.
        host: String,
        /// The project's key.
        key: Key,
        /// Whether bodies are compressed.
        gzip: bool,
    },
    /// Slack.
    Slack {
        /// The incoming webhook's address, which is its key too.
        url: Key,
    },
    /// CDEvents over HTTP.
    CdEvents {
        /// The address; it may hold a token.
        url: Key,
    },
    /// OTLP over HTTP.
    Otlp {
        /// The base address; `/v1/traces` and `/v1/logs` come behind it.
        endpoint: Key,
        /// Headers, as `OTEL_EXPORTER_OTLP_HEADERS` gives them.
        headers: Vec<(String, Key)>,
    },
}

/// What the words of an event depend on beside the event.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The section `delivery`.
    pub config: Config,
    /// For instance `https://github.com`.
    pub server_url: String,
}

/// One request, ready to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Where; may hold a key.
    pub url: Key,
    /// Names in lower case.
    pub headers: Vec<(String, Key)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What a sink said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has them.
    Taken,
    /// It took the request and threw so many of its records away; it does not say which, and must not be asked again.
    Partly(u64, String),
    /// It will not take what was sent: one of several is wrong, or the only one.
    Refused(String),
    /// It is too much at once.
    TooLarge(String),
    /// Later; how long it asks to wait.
    Later(Option<Duration>, String),
    /// The key or the address is wrong: nothing will be taken until somebody corrects it.
    Denied(String),
    /// It did not answer.
    Failed(String),
}

impl Request {
    /// The request for people: keys are stars.
    pub fn shown(&self, to: &Destination) -> String {
        let clean = |text: &str| to.without_keys(text);
        let mut text = format!("POST {}\n", clean(self.url.expose()));
        for (name, value) in &self.headers {
            let secret = matches!(to, Destination::Otlp { .. }) && name != "content-type";
            let value = if secret { "***".to_string() } else { clean(value.expose()) };
            text.push_str(&format!("{name}: {}\n", visible(&value)));
        }
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let body = clean(&format!("{body:#}"));
        text.push('\n');
        for line in body.lines() {
            text.push_str(&visible(line));
            text.push('\n');
        }
        text
    }
}

impl Destination {
    /// Which sink.
    pub fn name(&self) -> SinkName {
        match self {
            Destination::PostHog { .. } => SinkName::PostHog,
            Destination::Slack { .. } => SinkName::Slack,
            Destination::CdEvents { .. } => SinkName::CdEvents,
            Destination::Otlp { .. } => SinkName::Otlp,
        }
    }

    /// What would be sent for these events, in order. PostHog's own client writes the real request; this is the same
    /// but for the order of keys, and a test holds the two together.
    pub fn requests(&self, events: &[&DeliveryEvent], setting: &Setting) -> Vec<Request> {
        match self {
            Destination::PostHog { host, key, .. } => vec![posthog::request(host, key, events)],
            Destination::Slack { url } => {
                events.iter().filter_map(|event| slack::request(url, event, setting)).collect()
            }
            Destination::CdEvents { url } => {
                events.iter().filter_map(|event| cdevents::request(url, event, setting)).collect()
            }
            Destination::Otlp { endpoint, headers } => otlp::requests(endpoint, headers, events, setting),
        }
    }

    /// Sends events; the answer is about all of them. `timeout` bounds the whole.
    pub async fn send(
        &self,
        http: &reqwest::Client,
        events: &[&DeliveryEvent],
        setting: &Setting,
        timeout: Duration,
    ) -> Answer {
        let answer = tokio::time::timeout(timeout, async {
            if let Destination::PostHog { host, key, gzip } = self {
                return posthog::send(http, host, key, *gzip, events, timeout).await;
            }
            let mut rejected: Option<(u64, String)> = None;
            for request in self.requests(events, setting) {
                let (answer, body) = post(http, request).await;
                match (answer, self) {
                    (Answer::Taken, Destination::Otlp { .. }) => {
                        if let Some((many, said)) = otlp::rejected(&body) {
                            let before = rejected.take().map_or(0, |(many, _)| many);
                            rejected = Some((before.saturating_add(many), said));
                        }
                    }
                    (Answer::Taken, _) => {}
                    (other, _) => return other,
                }
            }
            rejected.map_or(Answer::Taken, |(many, said)| Answer::Partly(many, said))
        });
        let answer = answer.await.unwrap_or_else(|_| Answer::Failed("no answer in time".into()));
        self.redacted(answer)
    }

    /// Text without our keys in it.
    fn without_keys(&self, text: &str) -> String {
        let mut keys: Vec<&str> = Vec::new();
        match self {
            Destination::PostHog { key, .. } => keys.push(key.expose()),
            Destination::Slack { url } | Destination::CdEvents { url } => keys.push(url.expose()),
            Destination::Otlp { endpoint, headers } => {
                keys.push(endpoint.expose());
                keys.extend(headers.iter().map(|(_, value)| value.expose()));
            }
        }
        // Also the part of an address that is the secret.
        let paths: Vec<&str> =
            keys.iter().filter_map(|key| key.split_once("://")?.1.split_once('/')).map(|(_, path)| path).collect();
        let all = paths.iter().chain(&keys).filter(|key| key.len() >= 6);
        all.fold(text.to_string(), |text, key| text.replace(key, "***"))
    }

    /// An answer without our keys in it: a server may send back what it was sent.
    fn redacted(&self, answer: Answer) -> Answer {
        let clean =
            |text: String| visible(&self.without_keys(&text).chars().take(500).collect::<String>()).into_owned();
        match answer {
            Answer::Taken => Answer::Taken,
            Answer::Partly(rejected, text) => Answer::Partly(rejected, clean(text)),
            Answer::Refused(text) => Answer::Refused(clean(text)),
            Answer::TooLarge(text) => Answer::TooLarge(clean(text)),
            Answer::Later(after, text) => Answer::Later(after, clean(text)),
            Answer::Denied(text) => Answer::Denied(clean(text)),
            Answer::Failed(text) => Answer::Failed(clean(text)),
        }
    }
}

/// Does what sending costs before the first byte: reads the certificates of the authorities and, for PostHog, what its
/// client tells about this machine. A job does it beside its real work, so that its end is not held up.
pub async fn prepare(posthog: bool) {
    if let Ok(http) = http_client()
        && posthog
    {
        posthog::prepare(&http).await;
    }
}

/// The client for all sinks, made once. No redirects: a key follows nobody.
pub fn http_client() -> Result<reqwest::Client, String> {
    static CLIENT: OnceLock<Result<reqwest::Client, String>> = OnceLock::new();
    CLIENT.get_or_init(new_client).clone()
}

fn new_client() -> Result<reqwest::Client, String> {
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(2))
        .user_agent(concat!("mainguard/", env!("CARGO_PKG_VERSION")));
    builder.build().map_err(|error| error.to_string())
}

/// A body is read so far; what comes behind is not looked at.
const MOST_ANSWER_BYTES: usize = 64 * 1024;

/// The answer, and what it said.
async fn post(http: &reqwest::Client, request: Request) -> (Answer, Vec<u8>) {
    let mut builder = http.post(request.url.expose()).body(request.body);
    for (name, value) in &request.headers {
        builder = builder.header(name, value.expose());
    }
    let mut response = match builder.send().await {
        Ok(response) => response,
        Err(error) => return (Answer::Failed(in_words(error)), Vec::new()),
    };
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_string);
    let after = header("retry-after").and_then(|after| retry_after(&after, header("date").as_deref()));
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() < MOST_ANSWER_BYTES => body.extend_from_slice(&chunk),
            Ok(_) => break,
            // The status has come, and it is what counts; but a success that broke off may not have been one.
            Err(error) if (200..300).contains(&status) => return (Answer::Failed(in_words(error)), Vec::new()),
            Err(_) => break,
        }
    }
    (judge(status, after, &String::from_utf8_lossy(&body)), body)
}

/// What an answer asks for.
pub(crate) fn judge(status: u16, after: Option<Duration>, body: &str) -> Answer {
    let said = body.split_whitespace().take(60).collect::<Vec<_>>().join(" ");
    let text = if said.is_empty() { format!("{status}") } else { format!("{status}: {said}") };
    match status {
        200..=299 => Answer::Taken,
        413 => Answer::TooLarge(text),
        401 | 402 | 403 | 404 | 405 | 410 => Answer::Denied(text),
        300..=399 => Answer::Denied(format!("{text} (redirects are not followed)")),
        408 | 425 | 429 => Answer::Later(after, text),
        503 => Answer::Later(after, text),
        500..=599 => Answer::Failed(text),
        _ => Answer::Refused(text),
    }
}

/// Seconds, or a date, which is compared with the server's own clock: ours may be off.
fn retry_after(text: &str, date: Option<&str>) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds.min(86_400)));
    }
    let parse = |text: &str| chrono::DateTime::parse_from_rfc2822(text.trim()).ok();
    let wait = parse(text)? - parse(date?)?;
    wait.to_std().ok().map(|wait| wait.min(Duration::from_secs(86_400)))
}

/// An error without its address, and with the cause that says what happened.
fn in_words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_sorted_by_what_is_to_be_done() {
        assert_eq!(judge(202, None, ""), Answer::Taken);
        assert!(matches!(judge(400, None, "bad"), Answer::Refused(said) if said == "400: bad"));
        assert!(matches!(judge(413, None, ""), Answer::TooLarge(_)));
        assert!(matches!(judge(401, None, ""), Answer::Denied(_)));
        assert!(matches!(judge(302, None, ""), Answer::Denied(_)));
        assert!(matches!(judge(500, None, ""), Answer::Failed(_)));
    }

    #[test]
    fn a_date_to_retry_after_is_read_by_the_servers_clock() {
        let date = Some("Sun, 01 Mar 2026 10:00:00 GMT");
        assert_eq!(retry_after("7", None), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sun, 01 Mar 2026 10:00:30 GMT", date), Some(Duration::from_secs(30)));
        assert_eq!(retry_after("Sun, 01 Mar 2026 09:00:00 GMT", date), None);
        assert_eq!(retry_after("soon", date), None);
    }

    #[test]
    fn keys_are_cut_out_of_answers() {
        let url = Key::new("https://hooks.example/services/T0/B0/secretsecret").unwrap();
        let slack = Destination::Slack { url };
        let answer = Answer::Refused("no_service: /services/T0/B0/secretsecret \u{1b}[31m".into());
        assert_eq!(slack.redacted(answer), Answer::Refused("no_service: /*** \\u{1b}[31m".into()));
        assert_eq!(format!("{slack:?}"), "Slack { url: Key(***) }");
        assert_eq!(Key::new("  \n"), None);
    }
}
