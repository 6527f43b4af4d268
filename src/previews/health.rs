//! What a preview has to answer, and when it is asked again. Pure: an answer comes in, a reason comes out.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Url;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Surface, Values, template};
use crate::text::visible;

/// Of an answer's body this much is read; the rest is left on the wire.
pub const MOST_BODY_BYTES: usize = 1 << 20;

/// What has to come back. All of it has to hold at once.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "PreviewExpectation")]
pub struct Expect {
    /// The statuses that are right; 200 to 299 when empty. A redirect that is named here is not followed.
    pub status: Vec<u16>,
    /// Values in a JSON body, by JSON Pointer (RFC 6901): `/status: ok`. Texts may hold placeholders.
    pub json: BTreeMap<String, Value>,
    /// A text in the body. May hold placeholders.
    pub text: Option<String>,
    /// Headers and their values, for instance `x-commit: "{sha}"`: that *this* commit answers. `{sha7}` and longer
    /// beginnings of a commit are understood.
    pub header: BTreeMap<String, String>,
}

impl Expect {
    /// What is wrong with it, whatever the values.
    pub(super) fn problems(&self) -> impl Iterator<Item = String> {
        let status = self.status.iter().filter(|status| !(100..=599).contains(*status));
        let status = status.map(|status| format!("{status} is no HTTP status"));
        let pointers = self.json.keys().filter(|pointer| !pointer.is_empty() && !pointer.starts_with('/'));
        let pointers = pointers.map(|pointer| format!("`{}` is no JSON Pointer: begin it with `/`", visible(pointer)));
        let names = self.header.keys().filter(|name| http::HeaderName::from_bytes(name.as_bytes()).is_err());
        let names = names.map(|name| format!("`{}` is no header's name", visible(name)));
        let texts = self.text.iter().chain(self.header.values()).filter_map(|text| template::problem(text));
        status.chain(pointers).chain(names).chain(texts)
    }

    /// With its placeholders filled in.
    pub fn filled(&self, values: &Values) -> Result<Expect, String> {
        let fill = |text: &String| template::fill(text, values);
        let json = self.json.iter().map(|(pointer, value)| {
            let value = match value {
                // A text that is no template is meant as it stands.
                Value::String(text) if template::problem(text).is_none() => Value::String(fill(text)?),
                value => value.clone(),
            };
            Ok((pointer.clone(), value))
        });
        Ok(Expect {
            status: self.status.clone(),
            json: json.collect::<Result<_, String>>()?,
            text: self.text.as_ref().map(fill).transpose()?,
            header: self
                .header
                .iter()
                .map(|(name, value)| Ok((name.clone(), fill(value)?)))
                .collect::<Result<_, String>>()?,
        })
    }

    /// Whether a redirect is the answer rather than a way to it.
    pub fn wants_redirect(&self) -> bool {
        self.status.iter().any(|status| (300..400).contains(status))
    }

    /// Why this answer is not the right one; `None` when it is. Safe to print.
    pub fn unmet(&self, answer: &Answer) -> Option<String> {
        let right = match self.status.as_slice() {
            [] => (200..300).contains(&answer.status),
            listed => listed.contains(&answer.status),
        };
        if !right {
            let wanted = match self.status.as_slice() {
                [] => "200 to 299".to_string(),
                listed => listed.iter().map(u16::to_string).collect::<Vec<_>>().join(" or "),
            };
            return Some(format!("status {}, wanted {wanted}", answer.status));
        }
        let header = self.header.iter().find_map(|(name, wanted)| match answer.header(name) {
            None => Some(format!("there is no header `{name}`")),
            Some(found) if is_it(found, wanted) => None,
            Some(found) => Some(format!("the header `{name}` says `{}`, wanted `{}`", short(found), short(wanted))),
        });
        header.or_else(|| self.body_unmet(answer))
    }

    fn body_unmet(&self, answer: &Answer) -> Option<String> {
        let text = String::from_utf8_lossy(&answer.body);
        let within = if answer.cut { " in its first MiB" } else { "" };
        if let Some(wanted) = self.text.as_deref().filter(|wanted| !text.contains(wanted)) {
            return Some(format!("the text `{}` is not there{within}", short(wanted)));
        }
        if self.json.is_empty() {
            return None;
        }
        if answer.cut {
            return Some("the body is longer than 1 MiB, too long for JSON".into());
        }
        let Ok(found) = serde_json::from_slice::<Value>(&answer.body) else {
            return Some("the body is not JSON".into());
        };
        self.json.iter().find_map(|(pointer, wanted)| match found.pointer(pointer) {
            None => Some(format!("there is no `{}` in the JSON", short(pointer))),
            Some(value) if value == wanted => None,
            Some(Value::String(value)) if wanted.as_str().is_some_and(|wanted| is_it(value, wanted)) => None,
            Some(value) => Some(format!(
                "`{}` is `{}`, wanted `{}`",
                short(pointer),
                short(&value.to_string()),
                short(&wanted.to_string())
            )),
        })
    }
}

/// Equal, or both are beginnings of one commit.
fn is_it(found: &str, wanted: &str) -> bool {
    let (found, wanted) = (found.trim(), wanted.trim());
    let commit = |text: &str| (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let begins = |a: &str, b: &str| b.to_ascii_lowercase().starts_with(&a.to_ascii_lowercase());
    found == wanted || (commit(found) && commit(wanted) && (begins(found, wanted) || begins(wanted, found)))
}

fn short(text: &str) -> String {
    visible(text).chars().take(100).collect()
}

/// What came back, bounded.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Names in small letters, and values as far as they are text.
    pub headers: Vec<(String, String)>,
    /// At most [`MOST_BODY_BYTES`].
    pub body: Vec<u8>,
    /// Whether there was more.
    pub cut: bool,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// How long to wait before the next try: one second, then half as long again each time, at most fifteen; and up to a
/// quarter less, so that many who wait do not come at once. `seed` makes the part that is left to chance.
pub fn pause(attempt: u32, seed: &[u8]) -> Duration {
    let whole = (1_000.0 * 1.5_f64.powi(attempt.min(20) as i32)).min(15_000.0);
    let digest = Sha256::new().chain_update(seed).chain_update(attempt.to_be_bytes()).finalize();
    let chance = f64::from(u16::from_be_bytes([digest[0], digest[1]])) / f64::from(u16::MAX);
    Duration::from_millis((whole * (1.0 - chance / 4.0)) as u64)
}

/// How one path ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Probed {
    /// The path.
    pub path: String,
    /// What was asked first.
    pub url: Url,
    /// `None` when everything came back as expected; else the last reason, safe to print.
    pub failure: Option<String>,
    /// The last status, when there was an answer.
    pub status: Option<u16>,
    /// How often it was asked.
    pub tries: u32,
    /// How long the last answer took.
    pub answered_in: Duration,
    /// How long it took from the first try to the end.
    pub after: Duration,
}

/// How one surface ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// Which.
    pub surface: Surface,
    /// Its paths, in their order.
    pub probes: Vec<Probed>,
}

impl Checked {
    /// Whether everything came back as expected.
    pub fn is_healthy(&self) -> bool {
        !self.probes.is_empty() && self.probes.iter().all(|probe| probe.failure.is_none())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, headers: vec![("x-commit".into(), "ABCDEF0".into())], body: body.into(), cut: false }
    }

    #[test]
    fn by_default_a_status_is_enough() {
        let expect = Expect::default();
        assert_eq!(expect.unmet(&answer(204, "")), None);
        assert_eq!(expect.unmet(&answer(503, "")).unwrap(), "status 503, wanted 200 to 299");
    }

    #[test]
    fn everything_that_is_wanted_has_to_be_there() {
        let values = Values::new(7, &format!("abcdef0{}", "1".repeat(33)), "x", "");
        let expect = Expect {
            status: vec![200, 503],
            json: [("/status".into(), json!("ok")), ("/db/up".into(), json!(true))].into(),
            text: Some("{number}".into()),
            header: [("X-Commit".into(), "{sha}".into())].into(),
        };
        let expect = expect.filled(&values).unwrap();
        assert_eq!(expect.unmet(&answer(200, r#"{"status":"ok","db":{"up":true},"pr":7}"#)), None);
        for (status, body, reason) in [
            (500, "", "status 500, wanted 200 or 503"),
            (200, "no", "the text `7` is not there"),
            (200, "7x", "the body is not JSON"),
            (200, r#"{"status":"down","pr":7}"#, "there is no `/db/up` in the JSON"),
            (
                200,
                r#"{"status":"down\u202e","db":{"up":true},"pr":7}"#,
                r#"`/status` is `"down\u{202e}"`, wanted `"ok"`"#,
            ),
        ] {
            assert_eq!(expect.unmet(&answer(status, body)).unwrap(), reason);
        }
        let mut stale = answer(200, "7");
        stale.headers[0].1 = "1234567".into();
        assert!(expect.unmet(&stale).unwrap().starts_with("the header `X-Commit` says `1234567`, wanted `abcdef0"));
        stale.headers.clear();
        assert_eq!(expect.unmet(&stale).unwrap(), "there is no header `X-Commit`");
    }

    #[test]
    fn what_was_cut_off_is_not_taken_for_the_whole() {
        let cut = Answer { cut: true, ..answer(200, "{}") };
        let json = Expect { json: [("/a".into(), json!(1))].into(), ..Expect::default() };
        assert!(json.unmet(&cut).unwrap().contains("longer than 1 MiB"));
        let text = Expect { text: Some("x".into()), ..Expect::default() };
        assert!(text.unmet(&cut).unwrap().ends_with("in its first MiB"));
        assert_eq!(Expect::default().unmet(&cut), None);
    }

    #[test]
    fn waits_grow_and_end_at_fifteen_seconds() {
        let waits: Vec<u128> = (0..12).map(|attempt| pause(attempt, b"seed").as_millis()).collect();
        assert!(waits[0] >= 750 && waits[0] <= 1_000, "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= 15_000), "{waits:?}");
        assert!(waits[11] >= 11_250, "{waits:?}");
        assert_ne!(pause(3, b"one"), pause(3, b"two"));
        assert_eq!(pause(u32::MAX, b"one"), pause(u32::MAX, b"one"));
    }
}
