//! How long one plan of the merge queue takes: entries that wait, a hundred builds that run.
//!
//! `cargo bench --bench queue_plan`. The target is 50 ms for 10,000 entries, and growth no faster than the line.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "measures time and prints it")]

use std::hint::black_box;
use std::time::Instant;

use chrono::{DateTime, Duration, Utc};
use mainguard::queue::config::{Batch, RequiredCheck};
use mainguard::queue::simulate::invented::{CHECK, Habits, Invented};
use mainguard::queue::{Action, Config, State, plan};

fn main() {
    let config = Config {
        queue_checks: vec![RequiredCheck { name: CHECK.into(), app: None }],
        depth: 100,
        adaptive_depth: false,
        batch: Batch { max: 4, single_from_red: 1.0, wait_seconds: 0 },
        ..Config::default()
    };
    println!("{:>8} {:>8} {:>12} {:>12}", "entries", "builds", "median ms", "slowest ms");
    for entries in [1_250, 2_500, 5_000, 10_000, 20_000] {
        let (state, world, now) = running(entries, &config);
        let running = state.builds.values().filter(|build| build.phase.is_active()).count();
        let mut times: Vec<f64> = (0..21)
            .map(|_| {
                let begun = Instant::now();
                black_box(plan(black_box(&state), black_box(&world.world), &config, now));
                begun.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("{entries:>8} {running:>8} {:>12.2} {:>12.2}", times[times.len() / 2], times[times.len() - 1]);
    }
}

/// A long line of which the first stand in a hundred running builds.
fn running(entries: u64, config: &Config) -> (State, Invented, DateTime<Utc>) {
    let start = DateTime::from_timestamp(1_767_225_600, 0).unwrap_or_default();
    let habits = Habits { ci_seconds: 1_800.0, flake: 0.0, cancelled: 0.0, silent: 0.0, endless: 0.0 };
    let mut invented = Invented::new("main", 1, habits);
    for number in 1..=entries {
        invented.open(number, false, start + Duration::seconds(number as i64));
    }
    let now = start + Duration::seconds(entries as i64 + 60);
    let mut state = State::new("main");
    let mut outcomes = Vec::new();
    for _ in 0..8 {
        invented.world.outcomes = std::mem::take(&mut outcomes);
        invented.world.budget.writes = u32::MAX;
        let (next, actions) = plan(&state, &invented.world, config, now);
        state = next;
        for action in actions.iter().filter(|action| !matches!(action, Action::WakeAt { .. })) {
            outcomes.extend(invented.perform(action, now));
        }
    }
    invented.world.outcomes = outcomes;
    (state, invented, now + Duration::minutes(1))
}
