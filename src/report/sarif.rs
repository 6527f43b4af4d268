//! SARIF 2.1.0 (OASIS Standard, 27 March 2020), in the dialect that GitHub code scanning reads.
//!
//! GitHub shows a result only at a file. A finding about the change as a whole or about the pull request's description
//! has none, so it is placed at the policy that asks for it, first line: the one file that explains it and that every
//! judged repository has or could have. Its true place stands in `logicalLocations` and in the message.
//!
//! Limits: <https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::json::{Finding, GuardStatus, Location, Place, Report};
use super::{counted, in_words, percent_encoded, shorten};
use crate::config;
use crate::finding::{Level, RuleInfo};
use crate::guards;
use crate::text::json::printed;

/// GitHub takes no more results from one run.
pub const MOST_RESULTS: usize = 25_000;
/// Longer than any message worth reading, short enough that 25,000 of them stay an upload.
const MESSAGE_CHARS: usize = 4_000;

/// The log of one run, indented.
pub fn render(report: &Report) -> String {
    printed(&log(report))
}

fn log(report: &Report) -> Value {
    let rules = Rules::of(report);
    // Worst first, so that what is cut is what matters least.
    let shown = report.findings.iter().take(MOST_RESULTS);
    let mut results: Vec<Value> = shown.map(|finding| result(finding, report, &rules)).collect();
    let room = MOST_RESULTS - results.len();
    results.extend(report.suppressed.iter().take(room).map(|suppressed| {
        let mut result = result(&suppressed.finding, report, &rules);
        result["suppressions"] =
            json!([{ "kind": "external", "status": "accepted", "justification": bounded(&suppressed.reason) }]);
        result
    }));
    let mut driver = json!({ "name": "mainguard", "version": report.tool.version, "rules": rules.descriptors });
    if let Some(page) = option_env!("CARGO_PKG_REPOSITORY").filter(|page| !page.is_empty()) {
        driver["informationUri"] = json!(page);
    }
    let mut run = json!({
        "tool": { "driver": driver },
        "automationDetails": { "id": "mainguard/" },
        "invocations": [invocation(report, results.len())],
        "columnKind": "unicodeCodePoints",
        "results": results,
    });
    if let Some(provenance) = provenance(report) {
        run["versionControlProvenance"] = json!([provenance]);
    }
    json!({ "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run] })
}

/// The rules of the run, each with the index by which results refer to it.
struct Rules {
    descriptors: Vec<Value>,
    index: BTreeMap<String, usize>,
}

impl Rules {
    /// Those that have something to say, in the order in which they say it: a reader looks up no others.
    fn of(report: &Report) -> Rules {
        let mut rules = Rules { descriptors: Vec::new(), index: BTreeMap::new() };
        let suppressed = report.suppressed.iter().map(|suppressed| &suppressed.finding);
        for finding in report.findings.iter().chain(suppressed) {
            let id = rule_id(finding);
            rules.add(&id, || match guards::rule(&id) {
                Some(rule) => descriptor(rule),
                None => json!({
                    "id": id,
                    "shortDescription": { "text": id },
                    "defaultConfiguration": { "level": finding.level.as_str() },
                    "properties": { "tags": [shorten(finding.guard(), 100)] },
                }),
            });
        }
        rules
    }

    fn add(&mut self, id: &str, descriptor: impl FnOnce() -> Value) {
        if !self.index.contains_key(id) {
            self.index.insert(id.into(), self.descriptors.len());
            self.descriptors.push(descriptor());
        }
    }
}

fn descriptor(rule: &RuleInfo) -> Value {
    let guard = rule.id.split('/').next().unwrap_or_default();
    json!({
        "id": rule.id,
        "shortDescription": { "text": rule.summary },
        "fullDescription": { "text": rule.summary },
        "help": { "text": rule.help, "markdown": rule.help },
        "defaultConfiguration": { "level": rule.level.as_str() },
        "properties": { "tags": [guard] },
    })
}

fn result(finding: &Finding, report: &Report, rules: &Rules) -> Value {
    let id = rule_id(finding);
    json!({
        "ruleId": id,
        "ruleIndex": rules.index.get(id.as_ref()),
        "level": finding.level.as_str(),
        "message": { "text": message(finding) },
        "locations": [location(finding.location.as_ref(), report)],
        "partialFingerprints": { "mainguard/v1": finding.fingerprint },
    })
}

/// GitHub takes ids of up to 255 characters.
fn rule_id(finding: &Finding) -> Cow<'_, str> {
    shorten(&finding.rule, 255)
}

fn bounded(text: &str) -> Cow<'_, str> {
    shorten(text, MESSAGE_CHARS)
}

fn message(finding: &Finding) -> String {
    let mut text = bounded(&finding.message).into_owned();
    if let Some(Location { place: Place::Description, span, .. }) = &finding.location {
        text.push_str(&match span {
            Some(span) => format!(" (pull request description, line {})", span.line),
            None => " (pull request description)".into(),
        });
    }
    if let Some(help) = &finding.help {
        text.push_str(&format!("\nHelp: {}", bounded(help)));
    }
    literal(&text)
}

/// A plain text message may hold links, `[text](target)` (section 3.11.6). Ours never does, so brackets that would
/// make one are escaped, as the section asks.
fn literal(text: &str) -> String {
    match text.contains("](") {
        true => text.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]"),
        false => text.into(),
    }
}

fn location(location: Option<&Location>, report: &Report) -> Value {
    let Some((location, path)) = location.and_then(|location| Some((location, location.repo_path()?))) else {
        let name = if location.is_some() { "pull request description" } else { "the change as a whole" };
        let policy = report.subject.policy.as_deref().map_or(config::PATHS[0].into(), |source| shorten(source, 400));
        return json!({
            "physicalLocation": physical(policy.as_bytes(), json!({ "startLine": 1 })),
            "logicalLocations": [{ "name": name, "kind": "member" }],
        });
    };
    let region = location.span.map_or(json!({ "startLine": 1 }), |span| {
        let (line, column) = (span.line.max(1), span.column.max(1));
        let end_line = span.end_line.max(line);
        // On one line, the end may not stand before the start.
        let end_column = span.end_column.max(if end_line == line { column } else { 1 });
        let mut region = json!({
            "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column,
        });
        if let Some(excerpt) = &location.excerpt {
            let lines: Vec<&str> = excerpt.numbered().map(|(_, line)| line).collect();
            region["snippet"] = json!({ "text": lines.join("\n") });
        }
        region
    });
    json!({ "physicalLocation": physical(path.as_bytes(), region) })
}

fn physical(path: &[u8], region: Value) -> Value {
    json!({
        "artifactLocation": { "uri": percent_encoded(path), "uriBaseId": "%SRCROOT%" },
        "region": region,
    })
}

fn invocation(report: &Report, shown: usize) -> Value {
    let all = report.findings.len() + report.suppressed.len();
    let mut notifications: Vec<Value> = Vec::new();
    for run in &report.guards {
        let reason = bounded(run.reason.as_deref().unwrap_or("no reason given"));
        let (level, what) = match run.status {
            GuardStatus::Ran => continue,
            GuardStatus::Skipped => (Level::Note, "was skipped"),
            GuardStatus::Broken => (Level::Error, "could not judge"),
        };
        let text = literal(&format!("the guard {} {what}: {reason}", shorten(&run.name, 100)));
        notifications.push(json!({ "level": level.as_str(), "message": { "text": text } }));
    }
    if shown < all {
        let text = format!("{} left out: a run holds {MOST_RESULTS}", counted(all - shown, "result"));
        notifications.push(json!({ "level": "warning", "message": { "text": text } }));
    }
    let broken = report.broken().next().is_some();
    json!({
        "executionSuccessful": !broken,
        "exitCode": report.outcome.exit_code(),
        "exitCodeDescription": in_words(report),
        "toolExecutionNotifications": notifications,
    })
}

fn provenance(report: &Report) -> Option<Value> {
    let subject = &report.subject;
    let (server, repository) = (subject.server_url.as_deref()?, subject.repository.as_deref()?);
    let mut provenance = Map::new();
    let repository = percent_encoded(repository.as_bytes());
    provenance.insert("repositoryUri".into(), json!(format!("{server}/{repository}")));
    if let Some(commit) = &subject.head.commit {
        provenance.insert("revisionId".into(), json!(commit));
    }
    Some(Value::Object(provenance))
}
