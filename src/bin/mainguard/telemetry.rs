//! The way of every event out of this program: written down, then sent, within a budget of time. Nothing in here is an
//! error of the command that calls it: what goes wrong is said in a line, and the events are kept.

#![expect(
    clippy::disallowed_methods,
    reason = "time that is spent here is taken from the budget, and the summary is a file"
)]

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use mainguard::change::ChangeSet;
use mainguard::delivery::drain::{self, Drained, Ledger, Plan, Settled};
use mainguard::delivery::event::{Judged, Run};
use mainguard::delivery::outbox::{MOST_CLAIMED, Outbox};
use mainguard::delivery::sinks::{Destination, Key, Setting, SinkName};
use mainguard::delivery::sources::github::Surroundings;
use mainguard::delivery::store::Store;
use mainguard::delivery::touched::Touched;
use mainguard::delivery::{Config, DeliveryEvent, EventKind, Facts, Subject, sources};
use mainguard::finding::Level;
use mainguard::guards::size::SizeLabel;
use mainguard::report::Report;

use crate::console::Console;
use crate::environment::{Environment, Given};

/// The region in which PostHog's projects stand unless they say otherwise.
const POSTHOG_HOST: &str = "https://us.i.posthog.com";

/// How long all sinks together may hold up a job.
pub(crate) const BUDGET: Duration = Duration::from_millis(2_000);

/// Where events go from here.
pub(crate) struct Outlet {
    pub(crate) destinations: Vec<Destination>,
    pub(crate) database: Option<String>,
    pub(crate) outbox: PathBuf,
    pub(crate) budget: Duration,
    pub(crate) setting: Setting,
    started: Instant,
}

impl Outlet {
    /// What the environment says.
    pub(crate) fn of(environment: &Environment, config: Config, console: &Console) -> Outlet {
        let sinks = &environment.sinks;
        let key = |given: &Option<Given>| {
            let given = given.as_ref()?;
            let key = Key::new(&given.value);
            if key.is_none() {
                console.note(&format!("{} is blank: nothing is sent there", given.variable));
            }
            key
        };
        let mut destinations = Vec::new();
        if let Some(key) = key(&sinks.posthog_key) {
            let host = sinks.posthog_host.as_ref().map(|given| given.value.trim()).filter(|host| !host.is_empty());
            let host = host.unwrap_or(POSTHOG_HOST).to_string();
            destinations.push(Destination::PostHog { host, key, gzip: !sinks.posthog_plain });
        }
        destinations.extend(key(&sinks.slack_url).map(|url| Destination::Slack { url }));
        destinations.extend(key(&sinks.cdevents_url).map(|url| Destination::CdEvents { url }));
        destinations.extend(key(&sinks.otlp_endpoint).map(|endpoint| {
            let headers = sinks.otlp_headers.as_ref().map(|given| headers(&given.value)).unwrap_or_default();
            Destination::Otlp { endpoint, headers }
        }));
        let actions = environment.actions.as_ref();
        let outbox = sinks.outbox.clone().or_else(|| Some(actions?.temporary.as_ref()?.join("mainguard-outbox")));
        let server_url = actions.map_or("https://github.com", |actions| actions.server_url.trim_end_matches('/'));
        Outlet {
            destinations,
            database: sinks.database.as_ref().map(|given| given.value.trim().to_string()).filter(|url| !url.is_empty()),
            outbox: outbox.unwrap_or_else(|| sinks.temporary.join("mainguard-outbox")),
            budget: BUDGET,
            setting: Setting { config, server_url: server_url.into() },
            started: Instant::now(),
        }
    }

    /// Whether `check` and `queue` tell anybody: in a workflow, or where it was asked for. A key that lies about on a
    /// laptop belongs to something else.
    pub(crate) fn speaks(environment: &Environment) -> bool {
        match environment.sinks.telemetry.as_deref() {
            Some("off" | "0" | "false") => false,
            Some(_) => true,
            None => environment.actions.is_some(),
        }
    }

    /// Writes the events down and sends what is owed.
    pub(crate) fn deliver(&self, events: &[DeliveryEvent], environment: &Environment, console: &Console) {
        if !self.setting.config.enabled {
            return;
        }
        if self.destinations.is_empty() && self.database.is_none() {
            if !events.is_empty() {
                console.note("no sink is configured: nothing is recorded (docs/telemetry.md names the variables)");
            }
            return;
        }
        match self.run(events, environment.now, console) {
            Ok(drained) => self.tell(&drained, environment, console),
            Err(why) => console.warn(&format!("delivery events: {why}; the exit code is the same")),
        }
    }

    fn run(&self, events: &[DeliveryEvent], now: DateTime<Utc>, console: &Console) -> Result<Vec<Drained>, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let drained = runtime.block_on(self.deliver_async(events, now, console));
        // A name that is being looked up must not hold up the end of the process.
        runtime.shutdown_background();
        drained
    }

    async fn deliver_async(
        &self,
        events: &[DeliveryEvent],
        now: DateTime<Utc>,
        console: &Console,
    ) -> Result<Vec<Drained>, String> {
        let owed: Vec<SinkName> = self.destinations.iter().map(Destination::name).collect();
        let name = process_name(now);
        let outbox = Outbox::at(&self.outbox);
        if let Some(address) = &self.database {
            let written = tokio::time::timeout(self.left(), self.append_to_store(address, events, &owed, &outbox, now));
            match written.await.unwrap_or_else(|_| Err("the store does not answer".into())) {
                Ok(store) => {
                    let ledger = Ledger::Store(store, name);
                    return Ok(drain::drain(&self.plan(now), &ledger).await);
                }
                Err(why) => console.warn(&format!("{why}; the events are kept in {}", self.outbox.display())),
            }
        }
        outbox.writer(&owed, &name).append(events).map_err(|error| error.to_string())?;
        let claim = outbox.claim(MOST_CLAIMED).map_err(|error| error.to_string())?;
        let claim = Arc::new(Mutex::new(claim));
        let drained = drain::drain(&self.plan(now), &Ledger::Outbox(outbox, Arc::clone(&claim), name)).await;
        if let Some(claim) = Arc::into_inner(claim).and_then(|claim| claim.into_inner().ok()) {
            claim.finish();
        }
        Ok(drained)
    }

    /// Appends to the store, also what an earlier job could only leave in the outbox.
    async fn append_to_store(
        &self,
        address: &str,
        events: &[DeliveryEvent],
        owed: &[SinkName],
        outbox: &Outbox,
        now: DateTime<Utc>,
    ) -> Result<Store, String> {
        let store = Store::open(address).await.map_err(|error| error.to_string())?;
        store.migrate().await.map_err(|error| error.to_string())?;
        store.append(events, owed).await.map_err(|error| error.to_string())?;
        if let Ok(mut claim) = outbox.claim(MOST_CLAIMED) {
            let left = claim.all();
            if !left.is_empty() && store.append(&left, owed).await.is_ok() {
                let settled: Vec<_> = left.iter().map(|event| (event.id, Settled::Taken)).collect();
                for sink in claim.sinks() {
                    claim.settle(sink, &settled, now).map_err(|error| error.to_string())?;
                }
                claim.finish();
            }
        }
        Ok(store)
    }

    /// What came of it, in the log and in the step's summary.
    fn tell(&self, drained: &[Drained], environment: &Environment, console: &Console) {
        let lines: Vec<String> = drained.iter().filter_map(Drained::in_words).collect();
        lines.iter().for_each(|line| console.warn(line));
        let kept = drained.iter().map(|drained| drained.kept).max().unwrap_or_default();
        let summary = environment.actions.as_ref().and_then(|actions| actions.step_summary.as_ref());
        if let (Some(path), false) = (summary, lines.is_empty()) {
            let mut text = match kept {
                0 => "**Delivery events**\n\n".to_string(),
                1 => "**1 event kept for later**: `mainguard record resend`\n\n".into(),
                many => format!("**{many} events kept for later**: `mainguard record resend`\n\n"),
            };
            for line in &lines {
                let line: String = line.chars().map(|c| if "<>`*_[]|\\".contains(c) { ' ' } else { c }).collect();
                text.push_str(&format!("- {line}\n"));
            }
            let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
            let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
            written.unwrap_or_else(|error| console.warn(&format!("no step summary: {error}")));
        }
    }

    fn plan(&self, now: DateTime<Utc>) -> Plan {
        let now = now + self.started.elapsed();
        Plan { destinations: self.destinations.clone(), setting: self.setting.clone(), budget: self.left(), now }
    }

    fn left(&self) -> Duration {
        self.budget.saturating_sub(self.started.elapsed())
    }
}

/// A name that no other process has.
pub(crate) fn process_name(now: DateTime<Utc>) -> String {
    format!("{:020}-{}", now.timestamp_micros(), std::process::id())
}

/// `name=value,name=value`, percent-encoded. <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>
fn headers(text: &str) -> Vec<(String, Key)> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    let named =
        pairs.filter_map(|(name, value)| Some((name.trim().to_lowercase(), Key::new(&percent_decoded(value))?)));
    let is_token = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    named.filter(|(name, _)| is_token(name)).take(20).collect()
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| bytes[at] == b'%') {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// What the payload and the workflow run say that an event is about. The payload's words count; the run fills gaps.
pub(crate) fn surroundings(environment: &Environment) -> Surroundings {
    let Some(actions) = &environment.actions else { return Surroundings::default() };
    let payload = payload(environment).unwrap_or_default();
    let mut around = sources::github::surroundings(&actions.event_name, &payload);
    around.repository = around.repository.or_else(|| actions.repository.clone());
    let facts = &mut around.facts;
    if facts.sha.is_empty() {
        facts.sha = actions.sha.clone().unwrap_or_default();
    }
    facts.branch = facts.branch.take().or_else(|| actions.branch.clone());
    facts.actor = facts.actor.take().or_else(|| actions.actor.clone());
    around
}

/// The event's payload as JSON.
pub(crate) fn payload(environment: &Environment) -> Option<serde_json::Value> {
    let path = environment.actions.as_ref()?.event_path.as_ref()?;
    serde_json::from_slice(&crate::gather::read_bounded(path).ok()?).ok()
}

/// The run that we are a step of, as far as its variables tell.
pub(crate) fn this_run(environment: &Environment) -> Option<Run> {
    let actions = environment.actions.as_ref()?;
    Some(Run { id: actions.run_id?, name: actions.workflow.clone().unwrap_or_default(), ..Run::default() })
}

/// What `check` came to, as an event; `None` without a repository or a time that is the change's own.
pub(crate) fn verdict(
    report: &Report,
    change: &ChangeSet,
    touched: Option<Touched>,
    environment: &Environment,
    blocked: impl Fn(Level) -> bool,
) -> Option<DeliveryEvent> {
    let around = surroundings(environment);
    let newest = change.commits.last().and_then(|commit| DateTime::from_timestamp(commit.authored_at, 0));
    let mut facts = around.facts;
    if let Some(head) = report.subject.head.commit.clone() {
        facts.sha = head;
    }
    facts.pr = facts.pr.or(report.subject.pull_request);
    facts.size = report.size.as_ref().and_then(|size| size_label(&size.size));
    facts.contracts_touched = touched.map(|touched| touched.contracts);
    facts.endpoints_touched = touched.map(|touched| touched.endpoints);
    let mut rules: Vec<String> = report
        .findings
        .iter()
        .filter(|finding| blocked(finding.level))
        .map(|finding| finding.rule.to_string())
        .collect();
    rules.sort();
    rules.dedup();
    facts.verdict = Some(Judged {
        outcome: serde_json::to_value(report.outcome).ok()?.as_str()?.to_string(),
        errors: report.count(Level::Error) as u64,
        warnings: report.count(Level::Warning) as u64,
        rules,
    });
    facts.run = this_run(environment);
    let actions = environment.actions.as_ref();
    let subject = match (&facts.run, facts.pr) {
        (Some(run), _) => Subject::run(run.id),
        (None, Some(pr)) => Subject::pull(pr),
        (None, None) => Subject::of("commit", &facts.sha),
    };
    let attempt = actions.and_then(|actions| actions.run_attempt).unwrap_or(1);
    let repository = around.repository.or_else(|| report.subject.repository.clone())?;
    Some(DeliveryEvent::new(EventKind::GuardVerdict, &repository, subject, attempt, around.at.or(newest)?, facts))
}

/// Gets ready to tell, on a thread of its own, while the command does what it is there for.
pub(crate) fn prepare(environment: &Environment) {
    let sinks = &environment.sinks;
    let speaks = [&sinks.posthog_key, &sinks.slack_url, &sinks.cdevents_url, &sinks.otlp_endpoint];
    if !Outlet::speaks(environment) || speaks.iter().all(|given| given.is_none()) {
        return;
    }
    let posthog = sinks.posthog_key.is_some();
    // Where there is no thread to be had it is done later, by whoever needs it.
    let _ = std::thread::Builder::new().name("sinks".into()).spawn(move || {
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
            runtime.block_on(mainguard::delivery::sinks::prepare(posthog));
        }
    });
}

/// What the queue did, told.
pub(crate) fn queue(
    events: &[mainguard::queue::event::Event],
    repository: &str,
    config: &Config,
    environment: &Environment,
    console: &Console,
) {
    if Outlet::speaks(environment) && !events.is_empty() {
        let events: Vec<_> = events.iter().map(|event| sources::queue::event(repository, event)).collect();
        Outlet::of(environment, config.clone(), console).deliver(&events, environment, console);
    }
}

/// The pull request and the commit that previews are of.
pub(crate) struct Previewed<'a> {
    pub(crate) number: u64,
    pub(crate) sha: &'a str,
    pub(crate) branch: &'a str,
    /// Where the workflow does not name it.
    pub(crate) repository: Option<String>,
}

/// What previews came to, told: one event for each name, address and whether it is ready.
pub(crate) fn previews<'a>(
    of: &Previewed<'_>,
    seen: impl Iterator<Item = (&'a str, &'a str, bool)>,
    config: &Config,
    environment: &Environment,
    console: &Console,
) {
    if !Outlet::speaks(environment) {
        return;
    }
    let around = surroundings(environment);
    let Some(repository) = around.repository.or_else(|| of.repository.clone()) else { return };
    let attempt = environment.actions.as_ref().and_then(|actions| actions.run_attempt).unwrap_or(1);
    // The payload's time: a step that runs again writes the same bytes.
    let at = around.at.unwrap_or(environment.now);
    let event = |(name, url, ready): (&str, &str, bool)| {
        let facts = Facts {
            pr: Some(of.number),
            sha: of.sha.into(),
            branch: Some(of.branch.to_string()).filter(|branch| !branch.is_empty()),
            environment: Some(name.into()),
            url: Some(url.into()),
            ..around.facts.clone()
        };
        let kind = if ready { EventKind::PreviewReady } else { EventKind::PreviewFailed };
        DeliveryEvent::new(kind, &repository, Subject::of("preview", name), attempt, at, facts)
    };
    let events: Vec<DeliveryEvent> = seen.map(event).collect();
    if !events.is_empty() {
        Outlet::of(environment, config.clone(), console).deliver(&events, environment, console);
    }
}

/// The size of these letters.
pub(crate) fn size_label(letters: &str) -> Option<SizeLabel> {
    SizeLabel::ALL.into_iter().find(|size| size.letters().eq_ignore_ascii_case(letters.trim()))
}
