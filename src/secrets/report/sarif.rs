//! SARIF as gitleaks writes it, for programs that compare. Its columns are gitleaks' own, 0 included, which some
//! readers refuse; our own SARIF report counts them rightly.

use super::super::leak::Leak;
use super::super::rules::RuleSet;
use super::json::{Html, Writer};

/// The report that `--report-format sarif` asks for. Lists every rule in force, in the order of the set.
pub fn report(leaks: &[Leak], rules: &RuleSet) -> Vec<u8> {
    let mut json = Writer::new(Some(" "), Html::Escaped);
    json.object(|json| {
        json.field("$schema", |json| json.string(b"https://json.schemastore.org/sarif-2.1.0.json"));
        json.field("version", |json| json.string(b"2.1.0"));
        json.field("runs", |json| json.list([()].iter(), |json, ()| run(json, leaks, rules)));
    });
    json.out.push(b'\n');
    json.out
}

fn run(json: &mut Writer, leaks: &[Leak], rules: &RuleSet) {
    json.object(|json| {
        json.field("tool", |json| {
            json.object(|json| {
                json.field("driver", |json| {
                    json.object(|json| {
                        json.field("name", |json| json.string(b"gitleaks"));
                        // A constant, whatever the version.
                        json.field("semanticVersion", |json| json.string(b"v8.0.0"));
                        json.field("informationUri", |json| json.string(b"https://github.com/gitleaks/gitleaks"));
                        json.field("rules", |json| {
                            json.list(rules.rules.iter(), |json, rule| {
                                json.object(|json| {
                                    json.field("id", |json| json.string(rule.id.as_bytes()));
                                    json.field("shortDescription", |json| text(json, rule.description.as_bytes()));
                                });
                            });
                        });
                    });
                });
            });
        });
        json.field("results", |json| json.list(leaks.iter(), result));
    });
}

fn result(json: &mut Writer, leak: &Leak) {
    let mut message = [leak.rule.as_bytes(), b" has detected secret for file ", &leak.file].concat();
    if let Some(commit) = leak.commit_id() {
        message.extend_from_slice(format!(" at commit {commit}").as_bytes());
    }
    message.push(b'.');
    let commit = leak.commit.as_deref();
    json.object(|json| {
        json.field("message", |json| text(json, &message));
        json.field("ruleId", |json| json.string(leak.rule.as_bytes()));
        json.field("locations", |json| json.list([leak].into_iter(), location));
        json.field("partialFingerprints", |json| {
            json.object(|json| {
                json.field("commitSha", |json| json.string(commit.map_or(b"", |commit| commit.id.as_bytes())));
                json.field("email", |json| json.string(commit.map_or(b"", |commit| &commit.email)));
                json.field("author", |json| json.string(commit.map_or(b"", |commit| &commit.author)));
                json.field("date", |json| json.string(commit.map_or(b"", |commit| commit.date.as_bytes())));
                json.field("commitMessage", |json| json.string(commit.map_or(b"", |commit| &commit.message)));
            });
        });
        json.field("properties", |json| {
            json.object(|json| {
                json.field("tags", |json| json.list(leak.tags.iter(), |json, tag| json.string(tag.as_bytes())));
            });
        });
    });
}

fn location(json: &mut Writer, leak: &Leak) {
    let uri = if leak.symlink.is_empty() { &leak.file } else { &leak.symlink };
    json.object(|json| {
        json.field("physicalLocation", |json| {
            json.object(|json| {
                json.field("artifactLocation", |json| json.object(|json| json.field("uri", |json| json.string(uri))));
                json.field("region", |json| {
                    json.object(|json| {
                        json.field("startLine", |json| json.raw(leak.start_line));
                        json.field("startColumn", |json| json.raw(leak.start_column));
                        json.field("endLine", |json| json.raw(leak.end_line));
                        json.field("endColumn", |json| json.raw(leak.end_column));
                        json.field("snippet", |json| text(json, &leak.secret));
                    });
                });
            });
        });
    });
}

fn text(json: &mut Writer, text: &[u8]) {
    json.object(|json| json.field("text", |json| json.string(text)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_through_a_link_is_reported_at_the_link() {
        let report = report(&super::super::samples(), &RuleSet::default());
        let read: serde_json::Value = serde_json::from_slice(&report).unwrap();
        let results = &read["runs"][0]["results"];
        assert_eq!(results[1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], " link");
        assert_eq!(results[1]["message"]["text"], "aws-mini has detected secret for file zé.txt at commit c0ffee.");
        assert_eq!(read["runs"][0]["tool"]["driver"]["rules"], serde_json::json!([]));
    }
}
