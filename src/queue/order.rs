//! Who is first: priority, then time, in one number that never changes while an entry waits.

use chrono::{DateTime, Duration, Utc};

use super::entry::Entry;
use super::world::PullNumber;

/// Largest priority, and smallest with a minus sign.
pub(super) const STRONGEST: i32 = 10;

/// The place in line; smaller is earlier. A point of priority is worth `ageing` of waiting, so whoever comes later than
/// that stays behind, whatever their priority: nobody starves.
pub(super) fn place(entry: &Entry, ageing: Duration) -> (DateTime<Utc>, PullNumber) {
    let head_start = ageing.checked_mul(entry.priority.clamp(-STRONGEST, STRONGEST)).unwrap_or_default();
    (entry.at.checked_sub_signed(head_start).unwrap_or(entry.at), entry.pull)
}
