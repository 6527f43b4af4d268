//! SARIF 2.1.0 (OASIS standard, 2020) for code scanning.
//!
//! GitHub shows a result only where it has a place in a file. A finding about the pull request's description has none,
//! so it is a result with a logical location; other viewers list it, GitHub counts it.
//! Limits: <https://docs.github.com/en/code-security/reference/code-scanning/sarif-support-for-code-scanning>

use serde_json::{Map, Value, json};

use super::{FindingEntry, GuardStatus, LevelEntry, LocationEntry, Outcome, Report};
use crate::finding::RuleInfo;
use crate::guards::{self, Guard};

/// GitHub takes at most 25,000 results a run.
const MAX_RESULTS: usize = 25_000;

/// The report as SARIF, indented.
pub fn render(report: &Report) -> String {
    let mut text = serde_json::to_string_pretty(&log(report)).unwrap_or_default();
    text.push('\n');
    text
}

fn log(report: &Report) -> Value {
    let ids = rule_ids(report);
    let index = |id: &str| ids.iter().position(|known| known == id);
    let found = report.findings.iter().map(|finding| result(finding, index(&finding.rule), None));
    let set_aside = report
        .suppressed
        .iter()
        .map(|set_aside| result(&set_aside.finding, index(&set_aside.finding.rule), Some(set_aside.reason.as_str())));
    let results: Vec<Value> = found.chain(set_aside).take(MAX_RESULTS).collect();
    let mut run = json!({
        "tool": {"driver": {
            "name": "mainguard",
            "semanticVersion": report.tool.version,
            "rules": ids.iter().map(|id| rule(id)).collect::<Vec<_>>(),
        }},
        "columnKind": "unicodeCodePoints",
        "invocations": [invocation(report)],
        "results": results,
    });
    if let (Some(url), Some(run)) = (&report.subject.url, run.as_object_mut()) {
        let mut provenance = json!({"repositoryUri": url});
        if let (Some(_), Some(provenance)) =
            (crate::change::CommitId::parse(&report.subject.head), provenance.as_object_mut())
        {
            provenance.insert("revisionId".into(), report.subject.head.clone().into());
        }
        run.insert("versionControlProvenance".into(), json!([provenance]));
    }
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    })
}

/// All rules that could have spoken, so that a viewer can tell "nothing found" from "not looked for", and those of a
/// report made elsewhere that are not known here.
fn rule_ids(report: &Report) -> Vec<String> {
    let known = Guard::ALL.into_iter().flat_map(Guard::rules).map(|rule| rule.id.to_string());
    let used = report.findings.iter().chain(report.suppressed.iter().map(|set_aside| &set_aside.finding));
    let mut ids: Vec<String> = known.chain(used.map(|finding| finding.rule.clone())).collect();
    ids.sort();
    ids.dedup();
    ids
}

fn rule(id: &str) -> Value {
    let Some(RuleInfo { level, summary, help, .. }) = guards::rule(id).copied() else {
        return json!({"id": id});
    };
    json!({
        "id": id,
        "shortDescription": {"text": summary},
        "fullDescription": {"text": summary},
        "help": {"text": help, "markdown": help},
        "defaultConfiguration": {"level": level.as_str()},
        "properties": {"tags": [id.split('/').next().unwrap_or_default()]},
    })
}

fn invocation(report: &Report) -> Value {
    let broken: Vec<Value> = report
        .guards
        .iter()
        .filter(|guard| guard.status == GuardStatus::Broken)
        .map(|guard| {
            let why = guard.reason.as_deref().unwrap_or("it could not judge");
            json!({"level": "error", "message": {"text": format!("{}: {why}", guard.name)}})
        })
        .collect();
    let code = match report.outcome {
        Outcome::Pass => 0,
        Outcome::Blocked => 1,
        Outcome::Broken => 2,
    };
    json!({
        "executionSuccessful": report.outcome != Outcome::Broken,
        "exitCode": code,
        "toolExecutionNotifications": broken,
    })
}

fn result(finding: &FindingEntry, rule_index: Option<usize>, suppressed: Option<&str>) -> Value {
    let mut result = Map::new();
    result.insert("ruleId".into(), finding.rule.clone().into());
    if let Some(index) = rule_index {
        result.insert("ruleIndex".into(), index.into());
    }
    let level = match finding.level {
        LevelEntry::Error => "error",
        LevelEntry::Warning => "warning",
        LevelEntry::Note => "note",
    };
    result.insert("level".into(), level.into());
    let text = match &finding.help {
        Some(help) => format!("{}\n\n{help}", finding.message),
        None => finding.message.clone(),
    };
    // In SARIF's plain text a bracket begins an embedded link (3.11.6): quoted text must not become one.
    let text = text.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]");
    result.insert("message".into(), json!({"text": text}));
    if let Some(location) = &finding.location {
        result.insert("locations".into(), json!([place(location)]));
    }
    result.insert("partialFingerprints".into(), json!({"mainguard/v1": finding.fingerprint}));
    if let Some(reason) = suppressed {
        result.insert("suppressions".into(), json!([{"kind": "external", "justification": reason}]));
    }
    Value::Object(result)
}

fn place(location: &LocationEntry) -> Value {
    let Some(path) = &location.path else {
        return json!({"logicalLocations": [{"name": "pull request description", "kind": "resource"}]});
    };
    let mut physical = Map::new();
    let uri = match &location.path_bytes {
        Some(hex) => uri(&bytes(hex)),
        None => uri(path.as_bytes()),
    };
    physical.insert("artifactLocation".into(), json!({"uri": uri, "uriBaseId": "%SRCROOT%"}));
    let region = match location.span {
        Some(span) => {
            let mut region = json!({
                "startLine": span.line.max(1),
                "startColumn": span.column.max(1),
                "endLine": span.end_line.max(span.line).max(1),
                "endColumn": span.end_column.max(1),
            });
            if let (false, Some(region)) = (location.excerpt.is_empty(), region.as_object_mut()) {
                region.insert("snippet".into(), json!({"text": location.excerpt.join("\n")}));
            }
            region
        }
        // GitHub wants a line; a finding about a whole file stands at its first.
        None => json!({"startLine": 1}),
    };
    physical.insert("region".into(), region);
    json!({"physicalLocation": physical})
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// A relative reference (RFC 3986, 3.3): everything but unreserved characters and `/` is percent-encoded.
pub(crate) fn uri(path: &[u8]) -> String {
    path.iter().fold(String::with_capacity(path.len()), |mut uri, &byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(byte as char),
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
        uri
    })
}
