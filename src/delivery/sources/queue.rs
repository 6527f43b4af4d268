//! What the merge queue did, as events. Pure.

use crate::delivery::event::{DeliveryEvent, EventKind, Facts, Subject};
use crate::queue::event::{Event, EventKind as Did};

/// The event of something that the queue did.
pub fn event(repository: &str, did: &Event) -> DeliveryEvent {
    let kind = match &did.kind {
        Did::QueueEntered => EventKind::QueueEntered,
        Did::CiPassed => EventKind::IntegrationCiPassed,
        Did::CiFailed => EventKind::IntegrationCiFailed,
        Did::QueueLeft { .. } => EventKind::QueueLeft,
        Did::BaseMoved => EventKind::BaseMoved,
        Did::Frozen { .. } => EventKind::Frozen,
        Did::Thawed => EventKind::Thawed,
    };
    let (reason, duration_s) = match &did.kind {
        Did::QueueLeft { exit, seconds } => (word_of(exit), Some(*seconds as f64)),
        Did::Frozen { reason } => (Some(reason.clone()), None),
        _ => (None, None),
    };
    let facts = Facts {
        pr: did.pull,
        sha: did.head.as_ref().map(ToString::to_string).unwrap_or_default(),
        branch: Some(did.branch.clone()),
        reason,
        duration_s,
        ..Facts::default()
    };
    // The queue's own id tells one round from the next.
    DeliveryEvent::new(kind, repository, Subject::of("queue", &did.id), 1, did.at, facts)
}

/// The reason's tag, as the queue's state writes it: a word and not a sentence, so that it can be counted.
fn word_of(exit: &impl serde::Serialize) -> Option<String> {
    serde_json::to_value(exit).ok()?.get("reason")?.as_str().map(str::to_string)
}
