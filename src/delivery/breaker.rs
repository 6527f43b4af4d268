//! When to leave a peer alone: a circuit breaker as a function from state, time and outcome to state. Pure.
//!
//! Closed lets everything through. After [`FAILURES`] failures in a row it opens and lets nothing through for
//! [`COOL_DOWN_SECONDS`]. Then it is half-open and lets [`PROBES`] requests through: one success closes it, one failure
//! opens it again. The state is written beside the events, so that a job knows what the last one met.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

/// So many failures in a row open it.
pub const FAILURES: u32 = 5;

/// For so long it stays open.
pub const COOL_DOWN_SECONDS: i64 = 60;

/// So many requests may be on their way while it is half-open.
pub const PROBES: u32 = 1;

/// What is remembered of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum State {
    /// It answers.
    Closed {
        /// Failures since the last success.
        failures: u32,
    },
    /// It is left alone.
    Open {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// It is tried.
    HalfOpen {
        /// Requests that were let through and have not come back.
        probes: u32,
        /// When the last of them was let through.
        since: DateTime<Utc>,
    },
}

impl Default for State {
    fn default() -> State {
        State::Closed { failures: 0 }
    }
}

/// What happened between us and the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A request was let through.
    Asked,
    /// It was answered, be it with a refusal of what was sent.
    Answered,
    /// It was not answered, or the peer said that it cannot.
    Failed,
}

/// Whether a request may be sent now.
pub fn allows(state: State, now: DateTime<Utc>) -> bool {
    match state {
        State::Closed { .. } => true,
        State::Open { since } => is_over(since, now),
        // A probe whose sender died must not keep the door shut for ever.
        State::HalfOpen { probes, since } => probes < PROBES || is_over(since, now),
    }
}

/// The state after something happened.
pub fn next(state: State, now: DateTime<Utc>, outcome: Outcome) -> State {
    match (state, outcome) {
        (_, Outcome::Answered) => State::default(),
        (State::Closed { failures }, Outcome::Failed) if failures + 1 < FAILURES => {
            State::Closed { failures: failures + 1 }
        }
        (State::Closed { .. } | State::HalfOpen { .. }, Outcome::Failed) => State::Open { since: now },
        // Somebody else's request that was let through before it opened: the time does not begin anew.
        (State::Open { since }, Outcome::Failed) => State::Open { since: since.min(now) },
        (State::Closed { failures }, Outcome::Asked) => State::Closed { failures },
        (State::Open { since }, Outcome::Asked) if is_over(since, now) => State::HalfOpen { probes: 1, since: now },
        (State::Open { since }, Outcome::Asked) => State::Open { since },
        (State::HalfOpen { probes, since }, Outcome::Asked) if !is_over(since, now) => {
            State::HalfOpen { probes: probes.saturating_add(1), since: now }
        }
        (State::HalfOpen { .. }, Outcome::Asked) => State::HalfOpen { probes: 1, since: now },
    }
}

/// A clock that was set back must not keep the door shut until it has caught up.
fn is_over(since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - since >= Duration::seconds(COOL_DOWN_SECONDS) || now < since
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn five_failures_open_it_and_a_minute_later_one_probe_goes_through() {
        let mut state = State::default();
        for second in 0..4 {
            state = next(state, at(second), Outcome::Failed);
            assert!(allows(state, at(second)));
        }
        state = next(state, at(4), Outcome::Failed);
        assert_eq!(state, State::Open { since: at(4) });
        assert!(!allows(state, at(63)));
        assert!(allows(state, at(64)));
        state = next(state, at(64), Outcome::Asked);
        assert!(!allows(state, at(65)), "the probe is on its way");
        assert_eq!(next(state, at(66), Outcome::Failed), State::Open { since: at(66) });
        assert_eq!(next(state, at(66), Outcome::Answered), State::default());
    }

    #[test]
    fn a_success_forgets_failures() {
        let mut state = State::default();
        for second in 0..20 {
            let outcome = if second % 5 == 4 { Outcome::Answered } else { Outcome::Failed };
            state = next(state, at(second), outcome);
            assert!(allows(state, at(second)));
        }
    }

    #[test]
    fn a_prober_that_died_and_a_clock_that_was_set_back_do_not_shut_it_for_ever() {
        let half = State::HalfOpen { probes: PROBES, since: at(0) };
        assert!(!allows(half, at(59)) && allows(half, at(60)));
        assert!(allows(State::Open { since: at(10_800) }, at(0)));
    }

    proptest! {
        #[test]
        fn it_always_opens_again_within_a_minute_and_never_lets_a_crowd_through(
            steps in proptest::collection::vec((0i64..30, 0u8..3), 0..200)
        ) {
            let (mut state, mut now) = (State::default(), 0);
            for (seconds, what) in steps {
                now += seconds;
                let outcome = [Outcome::Asked, Outcome::Answered, Outcome::Failed][usize::from(what)];
                if outcome == Outcome::Asked && !allows(state, at(now)) {
                    continue;
                }
                state = next(state, at(now), outcome);
                if let State::HalfOpen { probes, .. } = state {
                    prop_assert!(probes <= PROBES);
                }
                prop_assert!(allows(state, at(now + COOL_DOWN_SECONDS)));
            }
        }
    }
}
