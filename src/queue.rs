//! The merge queue, decided: what to build, what to land, whom to send away and why.
//!
//! What pulls on this room: nothing may land that was not tested as exactly this commit; nobody may be lost or blamed
//! without proof; CI is expensive and people are impatient; programs die between any two steps, two of them may run at
//! once, and every answer may be late, partial or forged. So [`plan`] is a function of what is remembered ([`State`])
//! and what is observed ([`World`]) and nothing else. It trusts no event, repeats itself when nothing changed, and asks
//! only for actions that may be carried out twice. The driver observes, plans, writes the new state by compare-and-swap,
//! and only then acts.
//!
//! Reading order: [`world`], [`entry`], [`build`], [`state`], [`action`] are the nouns. [`checks`] holds the proof
//! without which [`action::Land`] cannot be made.

use chrono::{DateTime, Utc};

pub mod action;
mod admit;
mod batch;
mod bisect;
pub mod build;
pub mod checks;
pub mod config;
pub mod entry;
pub mod event;
mod explain;
mod follow;
mod freeze;
mod landed;
mod order;
mod plan;
mod safety;
mod settle;
pub mod simulate;
pub mod state;
mod tell;
mod train;
#[cfg(test)]
mod trials;
pub mod world;

pub use action::Action;
pub use config::Config;
pub use explain::{explain, line};
pub use state::State;
pub use tell::{MARKER, TRY_MARKER};
pub use world::World;

/// What to remember and what to do, given what was remembered and what was observed. Total and deterministic.
pub fn plan(state: &State, world: &World, config: &Config, now: DateTime<Utc>) -> (State, Vec<Action>) {
    plan::plan_with(state, world, config, now, safety::Safety::ALL)
}

/// The pull requests that a description names in lines `Depends-On: #12, #13`; at most 32.
pub fn depends_on(body: &str) -> Vec<world::PullNumber> {
    const MOST: usize = 32;
    let mut pulls = Vec::new();
    for line in body.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        if !key.trim().eq_ignore_ascii_case("depends-on") {
            continue;
        }
        for word in value.split(|character: char| character == ',' || character.is_whitespace()) {
            let Some(number) = word.strip_prefix('#').and_then(|digits| digits.parse().ok()) else { continue };
            if number > 0 && !pulls.contains(&number) && pulls.len() < MOST {
                pulls.push(number);
            }
        }
    }
    pulls
}
