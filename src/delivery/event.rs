//! One thing that happened on the way of a change to production. Pure.
//!
//! An event is a fact, so it is the same however often it is told: its id is made from what happened, where, to what,
//! at which commit and in which attempt, and its time is the fact's own. A step that is run again writes the same
//! bytes, and whoever counts by id counts once.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::guards::size::SizeLabel;

/// The namespace of our ids: a random UUID, fixed for ever.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f1d_5a0e_9b0c_4c53_8a57_2d1f_7e64_b9c2);

/// A name or a branch that is longer was not written to be read. Git's own limit for a path component is 255 bytes.
pub const MOST_NAME_CHARACTERS: usize = 255;

/// A sentence that is longer is cut.
pub const MOST_TEXT_CHARACTERS: usize = 2_000;

/// An event that is larger when written down is set aside: no sink takes it.
pub const MOST_EVENT_BYTES: usize = 256 * 1024;

/// Declares the kinds once: variant, name in telemetry, what it says.
macro_rules! kinds {
    ($($variant:ident $name:literal $words:literal,)*) => {
        /// What happened. The name is what sinks see.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, schemars::JsonSchema)]
        pub enum EventKind {
            $(#[doc = $words] #[serde(rename = $name)] $variant,)*
        }

        impl EventKind {
            /// All kinds, in the order in which a change meets them.
            pub const ALL: &[EventKind] = &[$(EventKind::$variant,)*];

            /// Its name in telemetry.
            pub fn name(self) -> &'static str {
                match self { $(EventKind::$variant => $name,)* }
            }

            /// What it says, in words.
            pub fn words(self) -> &'static str {
                match self { $(EventKind::$variant => $words,)* }
            }
        }
    };
}

kinds! {
    PrOpened "dev_pr_opened" "a pull request was opened",
    CiStarted "dev_ci_started" "CI started",
    CiPassed "dev_ci_passed" "CI passed",
    CiFailed "dev_ci_failed" "CI failed",
    GuardVerdict "dev_guard_verdict" "the guards judged a change",
    Approval "dev_approval" "a pull request was approved",
    QueueEntered "dev_integration_queue_entered" "a pull request entered the merge queue",
    IntegrationCiPassed "dev_integration_ci_passed" "CI passed in the merge queue",
    IntegrationCiFailed "dev_integration_ci_failed" "CI failed in the merge queue",
    QueueLeft "dev_integration_queue_left" "a pull request left the merge queue",
    BaseMoved "dev_integration_base_moved" "the guarded branch was moved by somebody else",
    Frozen "dev_integration_frozen" "the merge queue was frozen",
    Thawed "dev_integration_thawed" "the merge queue goes on",
    PrMerged "dev_pr_merged" "a pull request was merged",
    PrClosed "dev_pr_closed" "a pull request was closed without a merge",
    PreviewReady "dev_preview_ready" "a preview is ready",
    PreviewFailed "dev_preview_failed" "a preview could not be made",
    Deployed "dev_deployed" "a deployment succeeded",
    RolledBack "dev_rolled_back" "a deployment was rolled back",
    DeployFailed "dev_deploy_failed" "a deployment failed",
    IncidentOpened "dev_incident_opened" "an incident was opened",
    IncidentResolved "dev_incident_resolved" "an incident was resolved",
}

impl EventKind {
    /// The kind of this name.
    pub fn named(name: &str) -> Option<EventKind> {
        EventKind::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// What an event is about, as in `pull/7`, `run/1589141559`, `deployment/42`, `incident/PAY-3`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Subject(String);

impl Subject {
    /// A pull request.
    pub fn pull(number: u64) -> Subject {
        Subject(format!("pull/{number}"))
    }

    /// A run of a pipeline.
    pub fn run(id: u64) -> Subject {
        Subject(format!("run/{id}"))
    }

    /// Anything else: a family and a name in it.
    pub fn of(family: &'static str, name: &str) -> Subject {
        Subject(format!("{family}/{}", clamped(name, MOST_NAME_CHARACTERS)))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What happened to what, where: everything that tells one event from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What happened.
    pub kind: EventKind,
    /// `owner/name`.
    pub repository: String,
    /// To what.
    pub subject: Subject,
    /// At which commit; empty where no commit belongs to it.
    pub sha: String,
    /// Which time, from 1: a run that is started again is another run.
    pub attempt: u32,
}

impl Identity {
    /// UUIDv5 over a JSON list, in which no name can run into the next. <https://www.rfc-editor.org/rfc/rfc9562#section-5.5>
    pub fn id(&self) -> Uuid {
        let parts = (self.kind.name(), &self.repository, self.subject.as_str(), &self.sha, self.attempt);
        Uuid::new_v5(&NAMESPACE, serde_json::to_string(&parts).unwrap_or_default().as_bytes())
    }
}

/// One thing that happened. Its JSON is what the outbox and the store keep.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct DeliveryEvent {
    /// Made by [`Identity::id`].
    pub id: Uuid,
    /// What happened.
    pub kind: EventKind,
    /// `owner/name`.
    pub repository: String,
    /// To what.
    pub subject: Subject,
    /// Which time, from 1.
    pub attempt: u32,
    /// When it happened, by the clock of whoever saw it.
    pub occurred_at: DateTime<Utc>,
    /// What is known about it.
    #[serde(flatten)]
    pub facts: Facts,
}

/// What is known about an event. What is not known is absent, never guessed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Facts {
    /// The pull request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pr: Option<u64>,
    /// The commit; empty where none belongs to it.
    pub sha: String,
    /// The branch of the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The size guard's label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<SizeLabel>,
    /// Whether the change touches what others rely on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contracts_touched: Option<bool>,
    /// Whether the change touches routes of the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoints_touched: Option<bool>,
    /// How long CI took, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ci_duration_s: Option<f64>,
    /// What CI cost by the configured prices, in US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub est_cost_usd: Option<f64>,
    /// The run of the pipeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// What the tests said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tests: Option<Tests>,
    /// What the guards said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Judged>,
    /// Where it was deployed, or where the incident is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// What was deployed, or what the incident is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The artifact that was deployed, as a package URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<String>,
    /// Why, in the words of whoever said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A title or a description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where to look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How long it took in seconds, where that is not CI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<f64>,
}

/// A run of a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Run {
    /// GitHub's number of the run.
    pub id: u64,
    /// The pipeline's name.
    pub name: String,
    /// When this attempt started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
    /// Its jobs, as far as they are known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<Job>,
}

/// A job of a run.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Job {
    /// GitHub's number of the job.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The labels of its runner.
    pub labels: Vec<String>,
    /// `success`, `failure`, `cancelled`, `skipped`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conclusion: Option<String>,
    /// When a runner took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
}

/// What tests said, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Tests {
    /// Those that passed.
    pub passed: u64,
    /// Those that failed, or broke.
    pub failed: u64,
    /// Those that were not run.
    pub skipped: u64,
}

/// What the guards said, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Judged {
    /// `pass`, `blocked` or `broken`.
    pub outcome: String,
    /// Findings that block.
    pub errors: u64,
    /// Findings that do not.
    pub warnings: u64,
    /// The rules that blocked, sorted, each once.
    pub rules: Vec<String>,
}

impl DeliveryEvent {
    /// An event, its names cut to what is read. Never longer than its facts.
    pub fn new(
        kind: EventKind,
        repository: &str,
        subject: Subject,
        attempt: u32,
        occurred_at: DateTime<Utc>,
        facts: Facts,
    ) -> DeliveryEvent {
        let facts = facts.bounded();
        let repository = clamped(repository, MOST_NAME_CHARACTERS).into_owned();
        let identity = Identity { kind, repository, subject, sha: facts.sha.clone(), attempt };
        let id = identity.id();
        let Identity { repository, subject, .. } = identity;
        DeliveryEvent { id, kind, repository, subject, attempt, occurred_at, facts }
    }

    /// Its line in the outbox and its body in the store, without a line end.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The properties that sinks of products show, in one order: the user's own first.
    pub fn properties(&self) -> serde_json::Map<String, serde_json::Value> {
        let facts = &self.facts;
        let mut all = serde_json::Map::new();
        let mut put = |name: &str, value: Option<serde_json::Value>| {
            if let Some(value) = value {
                all.insert(name.into(), value);
            }
        };
        put("pr", facts.pr.map(Into::into));
        put("sha", (!facts.sha.is_empty()).then(|| facts.sha.clone().into()));
        put("branch", facts.branch.clone().map(Into::into));
        put("actor", facts.actor.clone().map(Into::into));
        put("size", facts.size.map(|size| size.letters().into()));
        put("contracts_touched", facts.contracts_touched.map(Into::into));
        put("endpoints_touched", facts.endpoints_touched.map(Into::into));
        put("ci_duration_s", facts.ci_duration_s.map(Into::into));
        put("est_cost_usd", facts.est_cost_usd.map(Into::into));
        put("repository", Some(self.repository.clone().into()));
        put("attempt", Some(self.attempt.into()));
        if let Some(run) = &facts.run {
            put("run_id", Some(run.id.into()));
            put("pipeline", Some(run.name.clone().into()));
        }
        if let Some(tests) = &facts.tests {
            put("tests_passed", Some(tests.passed.into()));
            put("tests_failed", Some(tests.failed.into()));
            put("tests_skipped", Some(tests.skipped.into()));
        }
        if let Some(judged) = &facts.verdict {
            put("outcome", Some(judged.outcome.clone().into()));
            put("errors", Some(judged.errors.into()));
            put("warnings", Some(judged.warnings.into()));
            put("rules", Some(judged.rules.clone().into()));
        }
        put("environment", facts.environment.clone().map(Into::into));
        put("service", facts.service.clone().map(Into::into));
        put("artifact", facts.artifact.clone().map(Into::into));
        put("reason", facts.reason.clone().map(Into::into));
        put("title", facts.title.clone().map(Into::into));
        put("url", facts.url.clone().map(Into::into));
        put("duration_s", facts.duration_s.map(Into::into));
        all
    }
}

/// At most so many characters of a text.
fn clamped(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(text[..end].to_string()),
    }
}

impl Facts {
    /// Every word cut to what is read: what comes from a payload was written by strangers.
    fn bounded(mut self) -> Facts {
        let cut = |text: &mut String, most: usize| {
            if let Cow::Owned(short) = clamped(text, most) {
                *text = short;
            }
        };
        let names = [&mut self.branch, &mut self.actor, &mut self.environment, &mut self.service, &mut self.artifact];
        names.into_iter().flatten().for_each(|name| cut(name, MOST_NAME_CHARACTERS));
        [&mut self.reason, &mut self.title, &mut self.url].into_iter().flatten().for_each(|text| {
            cut(text, MOST_TEXT_CHARACTERS);
        });
        cut(&mut self.sha, 64);
        if let Some(run) = &mut self.run {
            cut(&mut run.name, MOST_NAME_CHARACTERS);
            run.jobs.truncate(200);
            for job in &mut run.jobs {
                cut(&mut job.name, MOST_NAME_CHARACTERS);
                job.labels.truncate(10);
                job.labels.iter_mut().for_each(|label| cut(label, MOST_NAME_CHARACTERS));
            }
        }
        if let Some(judged) = &mut self.verdict {
            judged.rules.truncate(100);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_same_fact_has_the_same_bytes() {
        let facts = || Facts { pr: Some(7), sha: "ab".repeat(20), branch: Some("x".into()), ..Facts::default() };
        let event = |kind, attempt| {
            DeliveryEvent::new(kind, "o/r", Subject::pull(7), attempt, at("2026-03-01T10:00:00Z"), facts())
        };
        let one = event(EventKind::PrOpened, 1);
        assert_eq!(one.to_json(), event(EventKind::PrOpened, 1).to_json());
        assert_ne!(one.id, event(EventKind::PrOpened, 2).id);
        assert_ne!(one.id, event(EventKind::PrMerged, 1).id);
        assert_eq!(one.id.get_version_num(), 5);
        let read: DeliveryEvent = serde_json::from_str(&one.to_json()).unwrap();
        assert_eq!(read, one);
    }

    #[test]
    fn an_id_does_not_move() {
        let identity = Identity {
            kind: EventKind::CiPassed,
            repository: "o/r".into(),
            subject: Subject::run(9),
            sha: "a".repeat(40),
            attempt: 2,
        };
        insta::assert_snapshot!(identity.id(), @"99112ada-b2cf-5d8f-9208-8f91588e1f58");
    }

    #[test]
    fn no_name_runs_into_the_next() {
        let id = |repository: &str, sha: &str| {
            let (kind, subject) = (EventKind::PrOpened, Subject::pull(1));
            Identity { kind, repository: repository.into(), subject, sha: sha.into(), attempt: 1 }.id()
        };
        assert_ne!(id("o/r\",\"x", ""), id("o/r", "x"));
        assert_ne!(id("o/rx", ""), id("o/r", "x"));
    }

    #[test]
    fn two_megabytes_become_a_name() {
        let facts = Facts { branch: Some("\u{1f980}".repeat(500_000)), ..Facts::default() };
        let event =
            DeliveryEvent::new(EventKind::PrOpened, "o/r", Subject::pull(1), 1, at("2026-03-01T10:00:00Z"), facts);
        assert!(event.to_json().len() < 2_000);
    }

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::named(kind.name()), Some(*kind));
            assert!(kind.name().starts_with("dev_"));
        }
    }
}
