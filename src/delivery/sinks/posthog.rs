//! PostHog, through its own client.
//!
//! Only the call that sends at once and says what came of it: the background queue drops what it holds when a single
//! 503 meets it at the end of the process. An event is counted once by its uuid, timestamp, name and `distinct_id`,
//! and all four are the event's own. `$ignore_sent_at` keeps PostHog from moving the time of a fact by what it takes
//! for a wrong clock of the sender: the time is not from that clock.
//! <https://posthog.com/docs/data/timestamps>

use std::time::Duration;

use posthog_rs::{CaptureCompression, ClientOptionsBuilder, Error, Event};
use serde_json::{Map, Value, json};

use super::{Answer, Key, Request};
use crate::delivery::event::DeliveryEvent;

/// A request that takes longer has failed.
const TIMEOUT_SECONDS: u64 = 2;
/// The first and one more.
const ATTEMPTS: u32 = 2;
/// Between the two.
const PAUSE_MS: u64 = 100;

/// Who did it; an event of nobody belongs to the repository.
fn distinct_id(event: &DeliveryEvent) -> String {
    match &event.facts.actor {
        Some(actor) if !actor.trim().is_empty() => actor.clone(),
        _ => event.repository.clone(),
    }
}

fn properties(event: &DeliveryEvent) -> Map<String, Value> {
    let mut properties = event.properties();
    properties.insert("$ignore_sent_at".into(), true.into());
    // Nobody asked for profiles of developers.
    properties.insert("$process_person_profile".into(), false.into());
    properties.insert("$geoip_disable".into(), true.into());
    properties
}

/// The request as PostHog's client would write it, without what it adds about itself.
pub(super) fn request(host: &str, key: &Key, events: &[&DeliveryEvent]) -> Request {
    let batch: Vec<Value> = events
        .iter()
        .map(|event| {
            json!({
                "uuid": event.id,
                "event": event.kind.name(),
                "distinct_id": distinct_id(event),
                "properties": properties(event),
                "timestamp": event.occurred_at,
            })
        })
        .collect();
    let body = json!({"api_key": key.expose(), "historical_migration": false, "batch": batch});
    Request {
        url: Key(format!("{}/batch/", host.trim_end_matches('/'))),
        headers: vec![("content-type".into(), Key("application/json".into()))],
        body: body.to_string().into_bytes(),
    }
}

pub(super) async fn send(
    http: &reqwest::Client,
    host: &str,
    key: &Key,
    gzip: bool,
    events: &[&DeliveryEvent],
    budget: Duration,
) -> Answer {
    let mut options = ClientOptionsBuilder::default();
    options
        .api_key(key.expose().to_string())
        .host(host.to_string())
        .http_client(http.clone())
        .request_timeout_seconds(TIMEOUT_SECONDS)
        .max_capture_attempts(ATTEMPTS)
        .retry_initial_backoff_ms(PAUSE_MS)
        // It cuts a longer `Retry-After` down to this, so this is as long as we could wait at all: whoever is asked to
        // wait longer runs out of time instead of asking too early.
        .retry_max_backoff_ms(u64::try_from(budget.as_millis()).unwrap_or(u64::MAX).max(PAUSE_MS))
        .shutdown_timeout_ms(100)
        .disable_geoip(true)
        .is_server(false);
    if gzip {
        options.capture_compression(CaptureCompression::Gzip);
    }
    let options = match options.build() {
        Ok(options) => options,
        Err(error) => return Answer::Denied(format!("the client cannot be made: {error}")),
    };
    let client = posthog_rs::client(options).await;
    let events = match events.iter().map(|event| told(event)).collect::<Result<Vec<_>, _>>() {
        Ok(events) => events,
        Err(error) => return Answer::Refused(error.to_string()),
    };
    let many = events.len();
    match client.capture_batch_immediate(events, false).await {
        Ok(summary) if summary.submitted() == many && summary.all_persisted() => Answer::Taken,
        Ok(_) => Answer::Failed("the client did not send everything".into()),
        Err(error) => judged(error),
    }
}

/// Lets PostHog's client find out what it tells about this machine. It asks once in a process, and on many machines it
/// starts `lsb_release` for that. Nothing is sent.
pub(super) async fn prepare(http: &reqwest::Client) {
    let mut options = ClientOptionsBuilder::default();
    options.api_key("nobody".to_string()).host("http://127.0.0.1:9".to_string()).http_client(http.clone());
    options.before_send(|_| None);
    let Ok(options) = options.build() else { return };
    let client = posthog_rs::client(options).await;
    // The hook drops the event before there is a request.
    let _ = client.capture_batch_immediate(vec![Event::new("nothing", "nobody")], false).await;
}

fn told(event: &DeliveryEvent) -> Result<Event, Error> {
    let mut told = Event::new(event.kind.name().to_string(), distinct_id(event));
    told.set_uuid(event.id);
    told.set_timestamp(event.occurred_at)?;
    for (name, value) in properties(event) {
        told.insert_prop(name, value)?;
    }
    Ok(told)
}

fn judged(error: Error) -> Answer {
    match error {
        // The client does not tell 400 from 413; for both, less at once is the next thing to try.
        Error::BadRequest(said) => super::judge(400, None, &said),
        Error::Unauthorized => Answer::Denied("401: the key is not one of this host".into()),
        Error::BillingLimitExceeded(said) => super::judge(402, None, &said),
        Error::RateLimit => super::judge(429, None, ""),
        Error::ServerError { status, message } => super::judge(status, None, &message),
        Error::Connection(said) => match said.strip_prefix("Unexpected HTTP status ").and_then(|rest| {
            let (status, body) = rest.split_once(':')?;
            Some(super::judge(status.parse().ok()?, None, body.trim()))
        }) {
            Some(answer) => answer,
            None => Answer::Failed(without_address(&said)),
        },
        other => Answer::Refused(other.to_string()),
    }
}

/// reqwest puts the address into its errors.
fn without_address(said: &str) -> String {
    match (said.find(" for url ("), said.rfind(')')) {
        (Some(start), Some(end)) if start < end => format!("{}{}", &said[..start], &said[end + 1..]),
        _ => said.to_string(),
    }
}
