//! The queue in an invented world: what a policy would cost and how long people would wait.
//!
//! The very [`plan`](super::plan) that serves a repository is driven here by dice and a clock that jumps. So its knobs
//! can be chosen by their results, and a policy can be compared with the ways in which others work, which are other
//! settings of the same knobs.

use std::fmt::Write as _;

use chrono::{DateTime, Duration, Utc};

use super::action::Action;
use super::config::{Batch, Config, RequiredCheck};
use super::entry::{ExitReason, Phase};
use super::state::State;
use super::world::{PullNumber, World};

pub mod invented;

use invented::{CHECK, Dice, Habits, Invented};

/// An invented repository in numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How many pull requests are queued.
    pub pulls: u64,
    /// How many arrive in an hour.
    pub per_hour: f64,
    /// The moments at which they arrive, in seconds from the first, in place of `pulls` and `per_hour`.
    pub arrivals: Option<Vec<f64>>,
    /// How long CI takes, in minutes, give or take 15 %.
    pub ci_minutes: f64,
    /// The share that is red.
    pub red: f64,
    /// The share that breaks the branch together with one of the twenty before it.
    pub conflicts: f64,
    /// The share of green runs that are red all the same.
    pub flake: f64,
    /// The share of runs that are cancelled by nobody, never begin or never end, a third each.
    pub faults: f64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            pulls: 1_000,
            per_hour: 4.0,
            arrivals: None,
            ci_minutes: 30.0,
            red: 0.05,
            conflicts: 0.0,
            flake: 0.0,
            faults: 0.0,
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Result {
    /// Pull requests that landed.
    pub landed: u64,
    /// Pull requests that were ejected.
    pub ejected: u64,
    /// Of those, how many were not to blame.
    pub ejected_good: u64,
    /// What CI cost per pull request that landed, in whole runs: one that was cancelled counts by the share that ran.
    pub cost_per_landed: f64,
    /// CI runs per pull request that landed, however long they ran.
    pub runs_per_landed: f64,
    /// Minutes from the label to the landing.
    pub mean_minutes: f64,
    /// Nineteen of twenty landed within these minutes.
    pub p95_minutes: f64,
    /// The line grew and grew.
    pub saturated: bool,
}

/// A way to run the queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// What it is called.
    pub name: String,
    /// As a configuration.
    pub config: Config,
}

/// The policy at hand and the ways in which others work.
pub fn policies(config: &Config) -> Vec<Policy> {
    let plain = Config {
        depth: 1,
        adaptive_depth: false,
        batch: Batch { max: 1, single_from_red: 1.0, wait_seconds: 0 },
        confirm: 0,
        optimistic: false,
        ..config.clone()
    };
    let policy = |name: &str, config: Config| Policy { name: name.into(), config };
    let one_lane = Batch { max: 8, ..plain.batch.clone() };
    vec![
        policy("this configuration", config.clone()),
        policy("serial", plain.clone()),
        policy("one lane, batches of 8", Config { batch: one_lane, ..plain.clone() }),
        policy("train of 5", Config { depth: 5, ..plain.clone() }),
        policy("train of 10", Config { depth: 10, ..plain }),
    ]
}

/// Runs the policy through the invented world; means over `seeds`.
pub fn simulate(settings: &Settings, config: &Config, seeds: &[u64]) -> Result {
    let runs: Vec<Result> = seeds.iter().map(|&seed| simulate_one(settings, config, seed)).collect();
    let count = runs.len().max(1) as f64;
    let mean = |value: fn(&Result) -> f64| runs.iter().map(value).sum::<f64>() / count;
    Result {
        landed: runs.iter().map(|run| run.landed).sum(),
        ejected: runs.iter().map(|run| run.ejected).sum(),
        ejected_good: runs.iter().map(|run| run.ejected_good).sum(),
        cost_per_landed: mean(|run| run.cost_per_landed),
        runs_per_landed: mean(|run| run.runs_per_landed),
        mean_minutes: mean(|run| run.mean_minutes),
        p95_minutes: mean(|run| run.p95_minutes),
        saturated: runs.iter().any(|run| run.saturated),
    }
}

fn epoch() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600, 0).unwrap_or_default()
}

fn simulate_one(settings: &Settings, config: &Config, seed: u64) -> Result {
    let config = Config {
        queue_checks: vec![RequiredCheck { name: CHECK.into(), app: None }],
        pr_checks: None,
        branches: vec!["main".into()],
        label: "ready-to-queue".into(),
        freeze: super::config::Freezes { after_ejections: 0, ..Default::default() },
        require_approval: false,
        ..config.clone()
    };
    let habits = Habits {
        ci_seconds: settings.ci_minutes * 60.0,
        flake: settings.flake,
        cancelled: settings.faults / 3.0,
        silent: settings.faults / 3.0,
        endless: settings.faults / 3.0,
    };
    let mut invented = Invented::new("main", seed, habits);
    let mut state = State::new("main");
    let mut dice = Dice::new(seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
    let arrivals = arrivals(settings, &mut dice);
    let mut upcoming = arrivals.iter().copied().zip(1..).peekable();
    let mut tally = Tally::default();
    let mut now = epoch();
    // A world that does not come to rest is cut off here.
    let last = now + Duration::seconds(arrivals.last().copied().unwrap_or_default() as i64) + Duration::days(200);
    let mut wake: Option<DateTime<Utc>> = None;
    while now < last {
        invented.advance(now);
        while let Some(&(_, number)) = upcoming.peek().filter(|(at, _)| *at <= now_seconds(now)) {
            upcoming.next();
            arrive(settings, &mut invented, &mut dice, number, now);
        }
        wake = settle(&mut state, &mut invented, &config, now, &mut tally);
        if upcoming.peek().is_none() && tally.backlog_at_end.is_none() {
            tally.backlog_at_end = Some(live(&state));
            let most = (arrivals.len() / 20).max(50);
            // What follows would only measure how long the line has become.
            if live(&state) > most {
                break;
            }
        }
        let arrival = upcoming.peek().map(|(at, _)| epoch() + Duration::milliseconds((at * 1000.0).ceil() as i64));
        let next = [arrival, invented.next_end(), wake.filter(|_| live(&state) > 0)].into_iter().flatten().min();
        let Some(next) = next.filter(|_| arrival.is_some() || live(&state) > 0) else { break };
        now = next.max(now + Duration::milliseconds(1));
    }
    let _ = wake;
    tally.result(&invented, arrivals.len(), settings.ci_minutes * 60.0)
}

fn now_seconds(now: DateTime<Utc>) -> f64 {
    (now - epoch()).num_milliseconds() as f64 / 1000.0
}

fn live(state: &State) -> usize {
    state.entries.values().filter(|entry| !matches!(entry.phase, Phase::Done(_))).count()
}

/// Moments in seconds; the pauses between them are distributed exponentially.
fn arrivals(settings: &Settings, dice: &mut Dice) -> Vec<f64> {
    if let Some(arrivals) = &settings.arrivals {
        return arrivals.clone();
    }
    let mut at = 0.0;
    (0..settings.pulls)
        .map(|_| {
            at += -(1.0 - dice.share()).ln() * 3600.0 / settings.per_hour.max(0.001);
            at
        })
        .collect()
}

fn arrive(settings: &Settings, invented: &mut Invented, dice: &mut Dice, number: PullNumber, now: DateTime<Utc>) {
    invented.open(number, dice.chance(settings.red), now);
    if dice.chance(settings.conflicts) && number > 1 {
        let other = number - 1 - dice.below(20.min(number - 1));
        invented.quarrel(number, other.max(1), true);
    }
}

/// Plans and acts until nothing more happens at this moment. When to look again.
fn settle(
    state: &mut State,
    invented: &mut Invented,
    config: &Config,
    now: DateTime<Utc>,
    tally: &mut Tally,
) -> Option<DateTime<Utc>> {
    const MOST_ROUNDS: usize = 50;
    let mut wake = None;
    let mut outcomes = Vec::new();
    for _ in 0..MOST_ROUNDS {
        let mut world: World = std::mem::take(&mut invented.world);
        world.outcomes = std::mem::take(&mut outcomes);
        world.budget.writes = u32::MAX;
        let (next, actions) = super::plan(state, &world, config, now);
        invented.world = world;
        tally.note(state, &next, invented, now);
        *state = next;
        let mut acted = false;
        wake = None;
        for action in &actions {
            match action {
                Action::WakeAt { at } => wake = Some(*at),
                Action::CreateCommit(_) | Action::PushRef { .. } | Action::Land(_) => acted = true,
                _ => {}
            }
            outcomes.extend(invented.perform(action, now));
        }
        if !acted && outcomes.is_empty() {
            break;
        }
    }
    wake
}

#[derive(Default)]
struct Tally {
    minutes: Vec<f64>,
    ejected: u64,
    ejected_good: u64,
    backlog_at_end: Option<usize>,
}

impl Tally {
    fn note(&mut self, before: &State, after: &State, invented: &Invented, now: DateTime<Utc>) {
        for (pull, entry) in &after.entries {
            let Phase::Done(exit) = &entry.phase else { continue };
            if before.entries.get(pull).is_some_and(|old| matches!(old.phase, Phase::Done(_))) {
                continue;
            }
            match exit {
                ExitReason::Landed { .. } => {
                    self.minutes.push((now - invented.truth[pull].queued_at).num_seconds() as f64 / 60.0);
                }
                _ => {
                    self.ejected += 1;
                    self.ejected_good += u64::from(!invented.is_bad_alone(*pull));
                }
            }
        }
    }

    fn result(mut self, invented: &Invented, pulls: usize, ci_seconds: f64) -> Result {
        self.minutes.sort_by(f64::total_cmp);
        let landed = self.minutes.len();
        let p95 = self.minutes.get((landed * 95 / 100).min(landed.saturating_sub(1))).copied().unwrap_or_default();
        Result {
            landed: landed as u64,
            ejected: self.ejected,
            ejected_good: self.ejected_good,
            cost_per_landed: invented.ran_seconds / ci_seconds.max(1.0) / landed.max(1) as f64,
            runs_per_landed: invented.runs as f64 / landed.max(1) as f64,
            mean_minutes: self.minutes.iter().sum::<f64>() / landed.max(1) as f64,
            p95_minutes: p95,
            saturated: self.backlog_at_end.unwrap_or_default() > (pulls / 20).max(50),
        }
    }
}

/// Results of policies, one per line, for people.
pub fn table(results: &[(String, Result)]) -> String {
    let width = results.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default().max(6);
    let mut text = format!(
        "{:width$}  {:>7}  {:>9}  {:>11}  {:>8}  {:>7}  {:>12}\n",
        "policy", "landed", "CI/landed", "runs/landed", "mean min", "p95 min", "good ejected"
    );
    for (name, result) in results {
        let good = result.ejected_good as f64 / (result.landed + result.ejected_good).max(1) as f64 * 100.0;
        let minutes = |minutes: f64| if result.saturated { "grows".into() } else { format!("{minutes:.0}") };
        let _ = writeln!(
            text,
            "{name:width$}  {:>7}  {:>9.2}  {:>11.2}  {:>8}  {:>7}  {good:>11.2}%",
            result.landed,
            result.cost_per_landed,
            result.runs_per_landed,
            minutes(result.mean_minutes),
            minutes(result.p95_minutes)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(per_hour: f64, red: f64) -> Settings {
        Settings { pulls: 300, per_hour, red, ..Settings::default() }
    }

    #[test]
    fn a_calm_day_is_served_at_the_pace_of_ci() {
        let result = simulate(&with(1.0, 0.05), &Config::default(), &[1, 2]);
        assert_eq!(result.landed + result.ejected, 600, "{result:?}");
        assert_eq!(result.ejected_good, 0);
        assert!(result.mean_minutes < 40.0 && result.runs_per_landed < 1.25, "{result:?}");
        assert!(!result.saturated);
    }

    /// Prints the table of the design; `MAINGUARD_QUEUE_TABLE=3000` for its full size.
    #[test]
    fn the_table() {
        let Some(pulls) = std::env::var("MAINGUARD_QUEUE_TABLE").ok().and_then(|pulls| pulls.parse().ok()) else {
            return;
        };
        for (per_hour, red, flake) in [
            (1.0, 0.05, 0.0),
            (4.0, 0.01, 0.0),
            (4.0, 0.05, 0.0),
            (4.0, 0.1, 0.0),
            (12.0, 0.01, 0.0),
            (12.0, 0.05, 0.0),
            (12.0, 0.1, 0.0),
            (4.0, 0.05, 0.02),
            (4.0, 0.05, 0.05),
        ] {
            let settings = Settings { pulls, per_hour, red, flake, ..Settings::default() };
            let more = [
                ("adaptive depth", Config { adaptive_depth: true, ..Config::default() }),
                ("depth 20", Config { depth: 20, ..Config::default() }),
            ];
            let more = more.map(|(name, config)| Policy { name: name.into(), config });
            let rows: Vec<(String, Result)> = policies(&Config::default())
                .into_iter()
                .chain(more)
                .map(|policy| (policy.name, simulate(&settings, &policy.config, &[1, 2, 3])))
                .collect();
            println!("{per_hour} an hour, {red} red, {flake} flake\n{}", table(&rows));
        }
    }
}
