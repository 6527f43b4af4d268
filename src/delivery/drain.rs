//! Sends what was written down, each sink at its own pace, within a budget of time.
//!
//! A sink is sent batches, oldest first. A batch that is refused is halved until the event is found that is not wanted;
//! it is set aside with the answer. But a sink that refuses everything is not about one event: then nothing is set
//! aside. Who asks to be left alone is left alone, within the budget or until the next drain; who fails is counted by
//! its [`breaker`]. Nothing here is an error of the caller: what is left is said in words.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use super::breaker::{self, Outcome};
use super::event::DeliveryEvent;
use super::outbox::{Claim, Outbox};
use super::sinks::{Answer, Destination, Setting, SinkName};
use super::store::Store;

/// A request that takes longer has failed, also where there is time left.
const REQUEST_SECONDS: u64 = 10;

/// So many events in a row that are refused alone, and none that was taken: it is not about the events.
const MOST_SUSPECTS: usize = 3;

/// What is left of the budget when a request was cut off because it is over.
const MOMENT: Duration = Duration::from_millis(50);

/// A peer that says nothing for so long does not answer, whoever hangs up first.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often one batch is tried when the sink does not answer.
const ATTEMPTS: usize = 2;

/// What became of an event at one sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The sink has it.
    Taken,
    /// The sink will never take it; what it said.
    Dead(String),
}

/// What came of a drain at one sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Who.
    pub sink: SinkName,
    /// Events that it took.
    pub taken: usize,
    /// Events that were set aside.
    pub dead: usize,
    /// Records that it threw away of requests that it took: it does not say which.
    pub rejected: u64,
    /// Events that it lacks.
    pub kept: usize,
    /// Why some are kept or set aside, in words.
    pub why: Option<String>,
}

/// Where the events stand and what is known of the sinks.
#[derive(Clone)]
pub enum Ledger {
    /// Files. The name is one that no other process has.
    Outbox(Outbox, Arc<Mutex<Claim>>, String),
    /// A database.
    Store(Store, String),
}

/// How a drain is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The sinks that are configured here.
    pub destinations: Vec<Destination>,
    /// What the words of an event depend on.
    pub setting: Setting,
    /// How long it may take.
    pub budget: Duration,
    /// What time it is as it begins.
    pub now: DateTime<Utc>,
}

/// Sends what is owed to every sink, all at the same time.
pub async fn drain(plan: &Plan, ledger: &Ledger) -> Vec<Drained> {
    let started = Instant::now();
    let mut running = JoinSet::new();
    let http = super::sinks::http_client();
    for destination in plan.destinations.clone() {
        let (plan, ledger) = (plan.clone(), ledger.clone());
        let http = http.clone();
        running.spawn(async move {
            let sink = destination.name();
            let mut one = One { plan, ledger, destination, started, drained: Drained::nothing(sink), took: false };
            match http {
                Ok(http) => one.run(&http).await,
                Err(error) => one.drained.why = Some(error),
            }
            one.drained.kept = one.ledger.owed(sink).await;
            one.drained
        });
    }
    let mut all: BTreeMap<SinkName, Drained> = BTreeMap::new();
    while let Some(done) = running.join_next().await {
        if let Ok(drained) = done {
            all.insert(drained.sink, drained);
        }
    }
    for sink in ledger.sinks().await {
        if let std::collections::btree_map::Entry::Vacant(entry) = all.entry(sink) {
            let kept = ledger.owed(sink).await;
            let why = Some(format!("{} is not configured here", sink.title()));
            entry.insert(Drained { kept, why, ..Drained::nothing(sink) });
        }
    }
    all.into_values().collect()
}

impl Drained {
    fn nothing(sink: SinkName) -> Drained {
        Drained { sink, taken: 0, dead: 0, rejected: 0, kept: 0, why: None }
    }

    /// One line for people; `None` when nothing is to be said.
    pub fn in_words(&self) -> Option<String> {
        let Drained { sink, dead, rejected, kept, why, .. } = self;
        let because = why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        let count = |many: usize| if many == 1 { "1 event".to_string() } else { format!("{many} events") };
        let title = sink.title();
        match (kept, dead) {
            (0, 0) if *rejected == 0 => None,
            (0, 0) => Some(format!("{title}: {rejected} record(s) rejected{because}")),
            (0, dead) => Some(format!("{title}: {} set aside{because}", count(*dead))),
            (kept, 0) => Some(format!("{title}: {} kept for later{because}", count(*kept))),
            (kept, dead) => Some(format!("{title}: {} kept for later, {dead} set aside{because}", count(*kept))),
        }
    }
}

/// One sink's drain.
struct One {
    plan: Plan,
    ledger: Ledger,
    destination: Destination,
    started: Instant,
    drained: Drained,
    /// Whether it took anything in this drain.
    took: bool,
}

/// What came of one batch.
#[derive(Default)]
struct Round {
    settled: Vec<(Uuid, Settled)>,
    stop: Option<String>,
}

impl One {
    async fn run(&mut self, http: &reqwest::Client) {
        let sink = self.destination.name();
        let mut health = self.ledger.health(sink).await;
        match self.ledger.begin(sink, self.now(), self.plan.budget).await {
            Ok(true) => {}
            Ok(false) => return self.drained.why = Some("another process is sending".into()),
            Err(error) => return self.drained.why = Some(error),
        }
        loop {
            let batch = match self.ledger.lacking(sink, sink.batch()).await {
                Ok(batch) if batch.is_empty() => break,
                Ok(batch) => batch,
                Err(error) => {
                    self.drained.why = Some(error);
                    break;
                }
            };
            let round = self.round(http, &batch, &mut health).await;
            let settled = self.ledger.settle(sink, &round.settled, self.now()).await;
            for (_, what) in &round.settled {
                match what {
                    Settled::Taken => self.drained.taken += 1,
                    Settled::Dead(answer) => {
                        self.drained.dead += 1;
                        self.drained.why = Some(answer.clone());
                    }
                }
            }
            if let Some(why) = round.stop.or(settled.err()) {
                self.drained.why = Some(why);
                break;
            }
        }
        self.ledger.remember(sink, health).await;
    }

    fn now(&self) -> DateTime<Utc> {
        self.plan.now + self.started.elapsed()
    }

    fn left(&self) -> Duration {
        self.plan.budget.saturating_sub(self.started.elapsed())
    }

    /// Sends one batch, in halves where it has to be.
    async fn round(
        &mut self,
        http: &reqwest::Client,
        batch: &[Arc<DeliveryEvent>],
        health: &mut breaker::State,
    ) -> Round {
        let mut round = Round::default();
        let mut suspects: Vec<(Uuid, String)> = Vec::new();
        let mut parts = vec![batch];
        let mut attempts = 0;
        while let Some(part) = parts.pop() {
            if self.left().is_zero() {
                round.stop = Some("no time is left".into());
                break;
            }
            if !breaker::allows(*health, self.now()) {
                round.stop = Some("it did not answer lately and is left alone for a minute".into());
                break;
            }
            *health = breaker::next(*health, self.now(), Outcome::Asked);
            let events: Vec<&DeliveryEvent> = part.iter().map(|event| &**event).collect();
            let timeout = self.left().min(Duration::from_secs(REQUEST_SECONDS));
            let asked = Instant::now();
            let answer = self.destination.send(http, &events, &self.plan.setting, timeout).await;
            let outcome = match answer {
                // We hung up early because our own time was over. What the peer would have said is not known.
                Answer::Failed(_) if self.left() < MOMENT && asked.elapsed() < PATIENCE => None,
                Answer::Later(..) | Answer::Failed(_) => Some(Outcome::Failed),
                _ => Some(Outcome::Answered),
            };
            if let Some(outcome) = outcome {
                *health = breaker::next(*health, self.now(), outcome);
            }
            match answer {
                Answer::Partly(rejected, said) if rejected >= part.len() as u64 => {
                    let all = part.iter().map(|event| (event.id, Settled::Dead(format!("rejected: {said}"))));
                    round.settled.extend(all);
                }
                Answer::Partly(rejected, said) => {
                    self.took = true;
                    attempts = 0;
                    self.drained.rejected += rejected;
                    self.drained.why = Some(said);
                    round.settled.extend(part.iter().map(|event| (event.id, Settled::Taken)));
                }
                Answer::Taken => {
                    self.took = true;
                    attempts = 0;
                    round.settled.extend(part.iter().map(|event| (event.id, Settled::Taken)));
                }
                Answer::Refused(said) | Answer::TooLarge(said) if part.len() == 1 => {
                    suspects.push((part[0].id, said.clone()));
                    if !self.took && suspects.len() >= MOST_SUSPECTS {
                        round.stop = Some(format!("it refuses every event: {said}"));
                        suspects.clear();
                        break;
                    }
                }
                Answer::Refused(_) | Answer::TooLarge(_) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                Answer::Denied(said) => {
                    round.stop = Some(format!("it lets us not in: {said}"));
                    break;
                }
                Answer::Later(after, said) => {
                    let wait = after.unwrap_or(Duration::from_millis(300));
                    attempts += 1;
                    if wait >= self.left() || (after.is_none() && attempts >= ATTEMPTS) {
                        round.stop = Some(said);
                        break;
                    }
                    tokio::time::sleep(wait).await;
                    // It said when, and that time has come: that is no failure of the peer.
                    *health = breaker::State::default();
                    parts.push(part);
                }
                Answer::Failed(said) => {
                    attempts += 1;
                    if attempts >= ATTEMPTS || self.left() < Duration::from_millis(200) {
                        round.stop = Some(said);
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    parts.push(part);
                }
            }
        }
        round.settled.extend(suspects.into_iter().map(|(id, said)| (id, Settled::Dead(said))));
        round
    }
}

impl Ledger {
    /// Whether this process may send to the sink now.
    async fn begin(&self, sink: SinkName, now: DateTime<Utc>, budget: Duration) -> Result<bool, String> {
        match self {
            // The files are ours already.
            Ledger::Outbox(..) => Ok(true),
            Ledger::Store(store, name) => store.lease(sink, name, now, budget).await.map_err(|error| error.to_string()),
        }
    }

    async fn lacking(&self, sink: SinkName, most: usize) -> Result<Vec<Arc<DeliveryEvent>>, String> {
        match self {
            Ledger::Outbox(_, claim, _) => Ok(locked(claim).lacking(sink, most)),
            Ledger::Store(store, _) => store.lacking(sink, most).await.map_err(|error| error.to_string()),
        }
    }

    async fn settle(&self, sink: SinkName, settled: &[(Uuid, Settled)], now: DateTime<Utc>) -> Result<(), String> {
        if settled.is_empty() {
            return Ok(());
        }
        match self {
            Ledger::Outbox(_, claim, _) => locked(claim).settle(sink, settled, now).map_err(|error| error.to_string()),
            Ledger::Store(store, _) => store.settle(sink, settled, now).await.map_err(|error| error.to_string()),
        }
    }

    async fn owed(&self, sink: SinkName) -> usize {
        match self {
            Ledger::Outbox(_, claim, _) => locked(claim).owed(sink),
            Ledger::Store(store, _) => store.owed(sink).await.unwrap_or_default(),
        }
    }

    /// The sinks that lack something.
    async fn sinks(&self) -> Vec<SinkName> {
        match self {
            Ledger::Outbox(_, claim, _) => locked(claim).sinks(),
            Ledger::Store(store, _) => store.sinks_owed().await.unwrap_or_default(),
        }
    }

    async fn health(&self, sink: SinkName) -> breaker::State {
        match self {
            Ledger::Outbox(outbox, ..) => outbox.breakers().remove(&sink).unwrap_or_default(),
            Ledger::Store(store, _) => store.health(sink).await.unwrap_or_default(),
        }
    }

    async fn remember(&self, sink: SinkName, state: breaker::State) {
        match self {
            Ledger::Outbox(outbox, _, name) => outbox.remember(sink, state, name),
            Ledger::Store(store, name) => store.release(sink, name, state).await.unwrap_or_default(),
        }
    }
}

/// Whoever panicked with the lock in hand left the claim as it was: it changes only after files have.
fn locked(claim: &Mutex<Claim>) -> std::sync::MutexGuard<'_, Claim> {
    claim.lock().unwrap_or_else(PoisonError::into_inner)
}
