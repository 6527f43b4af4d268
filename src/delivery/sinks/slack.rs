//! Slack's incoming webhooks, with Block Kit.
//!
//! Titles and branches come from strangers. `&`, `<` and `>` are escaped, which disarms `<!channel>` and links, and
//! `verbatim` keeps Slack from finding mentions in plain words. <https://docs.slack.dev/messaging/formatting-message-text>

use serde_json::{Value, json};

use super::{Key, Request, Setting};
use crate::delivery::config::{Config, SlackRule};
use crate::delivery::event::{DeliveryEvent, EventKind};
use crate::text::visible;

/// Slack takes 3,000 characters in a section and 2,000 in a field.
const MOST_CHARACTERS: usize = 300;

pub(super) fn request(url: &Key, event: &DeliveryEvent, setting: &Setting) -> Option<Request> {
    let message = message(event, setting)?;
    Some(Request {
        url: url.clone(),
        headers: vec![("content-type".into(), Key("application/json".into()))],
        body: message.to_string().into_bytes(),
    })
}

/// What is posted; `None` when no rule asks for this event.
pub fn message(event: &DeliveryEvent, setting: &Setting) -> Option<Value> {
    if !setting.config.slack.iter().any(|rule| matches(rule, event, &setting.config)) {
        return None;
    }
    let headline = headline(event);
    let facts = &event.facts;
    let mut fields = Vec::new();
    let mut field = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            fields.push(text(&format!("*{name}*\n{value}")));
        }
    };
    field("Repository", Some(escaped(&event.repository)));
    field("Branch", facts.branch.as_deref().map(escaped));
    field("By", facts.actor.as_deref().map(escaped));
    field("Size", facts.size.map(|size| size.letters().to_string()));
    field("Environment", facts.environment.as_deref().map(escaped));
    field("Service", facts.service.as_deref().map(escaped));
    field("Duration", facts.ci_duration_s.or(facts.duration_s).map(duration));
    field("Tests", facts.tests.map(|tests| format!("{} passed, {} failed", tests.passed, tests.failed)));
    field(
        "Verdict",
        facts.verdict.as_ref().map(|judged| {
            let rules = judged.rules.iter().take(5).map(|rule| escaped(rule)).collect::<Vec<_>>().join(", ");
            let colon = if rules.is_empty() { "" } else { ": " };
            format!("{}{colon}{rules}", escaped(&judged.outcome))
        }),
    );
    let mut blocks = vec![json!({"type": "section", "text": text(&format!("{} {headline}", emoji(event)))})];
    if let Some(reason) = facts.reason.as_deref().or(facts.title.as_deref()) {
        blocks.push(json!({"type": "section", "text": text(&format!(">{}", escaped(reason)))}));
    }
    // Slack takes ten fields.
    blocks.push(json!({"type": "section", "fields": fields.into_iter().take(10).collect::<Vec<_>>()}));
    let when = event.occurred_at;
    let seen = format!("<!date^{}^{{date_short_pretty}} {{time}}|{}>", when.timestamp(), when.format("%F %H:%M UTC"));
    // An id of ours, so that what was posted can be found again.
    let id = event.id.to_string();
    blocks.push(
        json!({"type": "context", "block_id": id, "elements": [text(&format!("{seen} · {}", event.kind.name()))]}),
    );
    Some(json!({"text": headline, "blocks": blocks}))
}

fn matches(rule: &SlackRule, event: &DeliveryEvent, config: &Config) -> bool {
    let any = |wanted: &[String], is: Option<&str>| {
        wanted.is_empty() || is.is_some_and(|is| wanted.iter().any(|one| one == is))
    };
    let facts = &event.facts;
    (rule.events.is_empty() || rule.events.contains(&event.kind))
        && any(&rule.outcomes, facts.verdict.as_ref().map(|judged| judged.outcome.as_str()))
        && any(&rule.branches, facts.branch.as_deref())
        && (!rule.production_only || facts.environment.as_deref().is_some_and(|name| config.is_production(name)))
}

fn headline(event: &DeliveryEvent) -> String {
    let words = event.kind.words();
    let mut words: String = words.chars().take(1).flat_map(char::to_uppercase).chain(words.chars().skip(1)).collect();
    if let Some(pr) = event.facts.pr {
        words.push_str(&format!(": {}#{pr}", escaped(&event.repository)));
    }
    match event.facts.url.as_deref().filter(|url| is_plain_link(url)) {
        Some(url) => format!("<{url}|{words}>"),
        None => words,
    }
}

/// An address that cannot end the link it stands in.
fn is_plain_link(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://"))
        && url.chars().all(|character| character.is_ascii_graphic() && !"<>|&\"".contains(character))
}

fn emoji(event: &DeliveryEvent) -> &'static str {
    match event.kind {
        EventKind::CiFailed | EventKind::IntegrationCiFailed | EventKind::DeployFailed | EventKind::PreviewFailed => {
            ":x:"
        }
        EventKind::IncidentOpened => ":rotating_light:",
        EventKind::RolledBack => ":rewind:",
        EventKind::Deployed => ":rocket:",
        EventKind::GuardVerdict => match event.facts.verdict.as_ref().map(|judged| judged.outcome.as_str()) {
            Some("pass") => ":white_check_mark:",
            _ => ":no_entry:",
        },
        EventKind::CiPassed | EventKind::IntegrationCiPassed | EventKind::IncidentResolved => ":white_check_mark:",
        _ => ":small_blue_diamond:",
    }
}

fn text(words: &str) -> Value {
    json!({"type": "mrkdwn", "text": words, "verbatim": true})
}

/// Words of strangers: nothing in them is markup, a mention or a new line.
fn escaped(words: &str) -> String {
    let shown = visible(words);
    let mut text = String::new();
    for (count, character) in shown.chars().enumerate() {
        if count == MOST_CHARACTERS {
            text.push('…');
            break;
        }
        match character {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            // A joiner of no width, behind which they are letters.
            '*' | '_' | '~' | '`' | '@' | '#' => text.extend(['\u{2060}', character]),
            other => text.push(other),
        }
    }
    text
}

fn duration(seconds: f64) -> String {
    let whole = seconds as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}
