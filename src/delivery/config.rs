//! The section `delivery` of the configuration.
//!
//! No address and no key stands here. The file comes with the repository, and whoever could change an address in a
//! pull request would be sent the key that belongs to it. Both come from the environment of the workflow.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::EventKind;

/// The section `delivery` of the configuration.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Delivery")]
pub struct Config {
    /// Whether anything is recorded and sent.
    pub enabled: bool,
    /// Price of a minute in US dollars, by a label of the runner. A job costs its minutes, each begun one counted.
    pub price_per_minute: BTreeMap<String, f64>,
    /// The environments that count as production.
    pub production: Vec<String>,
    /// What is said in Slack: an event is posted when one of the rules matches it.
    pub slack: Vec<SlackRule>,
}

impl Default for Config {
    fn default() -> Config {
        let rule = |events: &[EventKind]| SlackRule { events: events.to_vec(), ..SlackRule::default() };
        Config {
            enabled: true,
            price_per_minute: BTreeMap::new(),
            production: vec!["production".into(), "prod".into()],
            slack: vec![
                rule(&[EventKind::IntegrationCiPassed, EventKind::IntegrationCiFailed]),
                SlackRule {
                    events: vec![EventKind::GuardVerdict],
                    outcomes: vec!["blocked".into(), "broken".into()],
                    ..SlackRule::default()
                },
                SlackRule {
                    events: vec![EventKind::Deployed, EventKind::RolledBack, EventKind::DeployFailed],
                    production_only: true,
                    ..SlackRule::default()
                },
                rule(&[EventKind::IncidentOpened, EventKind::IncidentResolved]),
            ],
        }
    }
}

/// Which events are posted in Slack. Everything that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SlackRule {
    /// The kinds of events; all when empty.
    pub events: Vec<EventKind>,
    /// The outcomes of a verdict: `pass`, `blocked`, `broken`; any when empty.
    pub outcomes: Vec<String>,
    /// The branches of the change; any when empty.
    pub branches: Vec<String>,
    /// Only what concerns an environment that counts as production.
    pub production_only: bool,
}

impl Config {
    /// What is wrong that types cannot say: where, and in words.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        for (label, price) in &self.price_per_minute {
            if !(price.is_finite() && (0.0..=1_000.0).contains(price)) {
                let place = format!("delivery.price_per_minute.{label}");
                problems.push((place, "a price is a number of dollars from 0 to 1000".into()));
            }
        }
        for (index, rule) in self.slack.iter().enumerate() {
            for outcome in &rule.outcomes {
                if !["pass", "blocked", "broken"].contains(&outcome.as_str()) {
                    let place = format!("delivery.slack[{index}].outcomes");
                    problems.push((place, format!("an outcome is pass, blocked or broken, not `{outcome}`")));
                }
            }
        }
        problems
    }

    /// Whether deployments to this environment count as production.
    pub fn is_production(&self, environment: &str) -> bool {
        self.production.iter().any(|name| name.eq_ignore_ascii_case(environment))
    }
}
