//! Death between any two steps, and a second runner between any two: not some of these moments, all of them.
//!
//! A short story is told once to learn its end and how many steps a runner takes. Then it is told again for each step at
//! which the runner dies, and for each pair of steps at which another one comes in and is left standing. The promises
//! are checked on the way as in every trial; here the end must be the same too.

use std::collections::BTreeMap;
use std::mem::Discriminant;
use std::rc::Rc;

use super::super::config::{Batch, Config};
use super::super::entry::{ExitReason, Phase};
use super::super::safety::Safety;
use super::super::state::State;
use super::super::world::PullNumber;
use super::{Runner, Trial, broken, config};

/// No story here takes as many steps.
const MOST_STEPS: usize = 5_000;

/// How everybody left.
type End = BTreeMap<PullNumber, Discriminant<ExitReason>>;

#[derive(Clone)]
struct Told {
    trial: Trial,
    /// What was remembered when the last tick began.
    last: Rc<State>,
}

impl Told {
    /// Two that are good, one that is bad, one that conflicts with the first, and one that waits for another.
    fn begin(config: &Config) -> Told {
        let mut trial = Trial::calm(Safety::ALL, config.clone());
        trial.runners = vec![Runner::default(), Runner::default()];
        for number in [1, 3, 4, 5] {
            trial.good(number);
        }
        trial.bad(2);
        trial.invented.quarrel(4, 1, false);
        trial.change(5, |pull| pull.depends_on = vec![3]);
        let last = Rc::clone(&trial.stored);
        Told { trial, last }
    }

    fn is_idle(&self, who: usize) -> bool {
        self.trial.runners[who].todo.is_empty() && self.trial.runners[who].seen.is_none()
    }

    fn is_over(&self) -> bool {
        let state = &self.trial.stored;
        let is_done = |number: PullNumber| matches!(self.trial.phase(number), Some(Phase::Done(_)));
        (1..=5).all(is_done) && state.effects.is_empty() && state.builds.values().all(|build| !build.phase.is_active())
    }

    /// One step of a runner: it looks, or plans and writes, or does one thing.
    fn step(&mut self, who: usize) -> Result<(), String> {
        if self.is_idle(who) {
            // Time passes between ticks, and only when the one before changed nothing.
            let serial = self.trial.stored.serial;
            if *self.trial.stored == (State { serial, ..State::clone(&self.last) }) {
                let end = self.trial.invented.next_end();
                self.trial.now = end.unwrap_or(self.trial.now + chrono::Duration::minutes(1)).max(self.trial.now);
                self.trial.invented.advance(self.trial.now);
            }
            self.last = Rc::clone(&self.trial.stored);
        }
        self.trial.advance_runner(who)
    }

    /// Steps until the runner has ended the tick in which it is.
    fn end_tick(&mut self, who: usize) -> Result<(), String> {
        while !self.is_idle(who) {
            self.step(who)?;
        }
        Ok(())
    }

    /// Steps until all is over; how many steps that took.
    fn finish(mut self) -> Result<(End, usize), String> {
        for steps in 0..MOST_STEPS {
            if self.is_idle(0) && self.is_over() {
                let exits =
                    (1..=5).filter_map(|number| Some((number, std::mem::discriminant(self.trial.exit(number)?))));
                return Ok((exits.collect(), steps));
            }
            self.step(0)?;
        }
        broken("I5", "the story does not end")?;
        Ok((End::new(), MOST_STEPS))
    }
}

fn configs() -> [(&'static str, Config); 2] {
    let single = Batch { max: 1, ..Batch::default() };
    [("a train", Config { depth: 3, batch: single, ..config() }), ("batches", Config { depth: 2, ..config() })]
}

#[test]
fn a_death_at_any_step_changes_no_end() {
    for (name, config) in configs() {
        let (end, steps) = Told::begin(&config).finish().unwrap();
        assert_eq!(end.len(), 5, "{name}");
        println!("{name}: {steps} steps, a death at each");
        let mut so_far = Told::begin(&config);
        for at in 0..steps {
            let mut told = so_far.clone();
            told.trial.runners[0] = Runner::default();
            so_far.step(0).unwrap();
            match told.finish() {
                Ok((other, _)) => assert_eq!(other, end, "{name}: another end after a death at step {at}"),
                Err(what) => panic!("{name}: after a death at step {at}: {what}"),
            }
        }
    }
}

#[test]
fn a_second_runner_at_any_pair_of_steps_changes_no_end() {
    for (name, config) in configs() {
        let (end, steps) = Told::begin(&config).finish().unwrap();
        let mut pairs = 0;
        let mut so_far = Told::begin(&config);
        for at in 0..steps {
            // The other one goes so far and is left standing, until the first has ended its tick.
            let mut other = so_far.clone();
            for far in 1.. {
                let ended = other.step(1).and_then(|()| {
                    let mut told = other.clone();
                    told.end_tick(0)?;
                    told.end_tick(1)?;
                    told.finish()
                });
                match ended {
                    Ok((other, _)) => assert_eq!(other, end, "{name}: another end with a runner at {at} for {far}"),
                    Err(what) => panic!("{name}: with a second runner at step {at} for {far} steps: {what}"),
                }
                pairs += 1;
                if other.is_idle(1) {
                    break;
                }
            }
            so_far.step(0).unwrap();
        }
        println!("{name}: {pairs} pairs of steps");
    }
}
