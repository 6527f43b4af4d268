//! Whether a secret still opens anything, as its issuer answers: which request is made, and what the answer means.
//!
//! Each request reads, changes nothing, and carries the secret in a header and nowhere else. An answer that is none of
//! the documented ones is no answer: that nobody could tell must not look like a secret that is dead.

use std::fmt;

use serde_json::Value;

/// Who can be asked about a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provider {
    /// As it is called on the command line.
    pub name: &'static str,
    /// Where its API is; `None` where everybody has one of their own.
    pub address: Option<&'static str>,
    /// The rules whose secrets it knows.
    rules: &'static [&'static str],
    /// Asked for below the address.
    pub path: &'static str,
    /// How it is asked.
    pub method: Method,
    /// The header that carries the secret.
    pub header: Header,
    /// Headers that it wants beside that.
    pub others: &'static [(&'static str, &'static str)],
    /// What its statuses mean.
    meaning: Meaning,
}

/// How a provider is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// POST, without a body.
    Post,
}

/// The header that carries the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// `Authorization: Bearer SECRET`
    Bearer,
    /// `x-api-key: SECRET`
    ApiKey,
}

/// What an answer's status means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// 200: it is good; 401: it is not.
    Status,
    /// The same, and 403: it is good, and not allowed to do this.
    StatusOrForbidden,
    /// Slack: 200, and `ok` in the body.
    Slack,
}

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// It opens something.
    Active,
    /// Who was asked refuses it: it is revoked, past its time, or was never good there.
    Refused,
    /// Nobody could tell, for this reason.
    Unknown(String),
}

impl Liveness {
    /// In one word, for machines.
    pub fn tag(&self) -> &'static str {
        match self {
            Liveness::Active => "verified-active",
            Liveness::Refused => "verified-refused",
            Liveness::Unknown(_) => "verified-unknown",
        }
    }
}

impl fmt::Display for Liveness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Liveness::Active => f.write_str("active"),
            Liveness::Refused => f.write_str("refused"),
            Liveness::Unknown(why) => write!(f, "unknown: {why}"),
        }
    }
}

/// Everybody who can be asked.
///
/// Sources, in this order:
/// <https://docs.anthropic.com/en/api/models-list>,
/// <https://docs.digitalocean.com/reference/api/reference/account/>,
/// <https://docs.github.com/en/rest/rate-limit/rate-limit>,
/// <https://docs.gitlab.com/api/personal_access_tokens/>,
/// <https://huggingface.co/docs/hub/api>,
/// <https://docs.npmjs.com/cli/v11/commands/npm-whoami>,
/// <https://platform.openai.com/docs/api-reference/models/list>,
/// <https://www.twilio.com/docs/sendgrid/api-reference/api-key-permissions>,
/// <https://docs.slack.dev/reference/methods/auth.test>,
/// <https://docs.stripe.com/api/balance/balance_retrieve>.
pub const PROVIDERS: &[Provider] = &[
    Provider {
        name: "anthropic",
        address: Some("https://api.anthropic.com"),
        rules: &["anthropic-api-key"],
        path: "/v1/models",
        header: Header::ApiKey,
        others: &[("anthropic-version", "2023-06-01")],
        ..BEARER
    },
    Provider {
        name: "digitalocean",
        address: Some("https://api.digitalocean.com"),
        rules: &["digitalocean-access-token", "digitalocean-pat"],
        path: "/v2/account",
        // A token for parts of the account may not read it.
        meaning: Meaning::StatusOrForbidden,
        ..BEARER
    },
    Provider {
        name: "github",
        address: Some("https://api.github.com"),
        rules: &["github-app-token", "github-fine-grained-pat", "github-oauth", "github-pat"],
        // Every kind of token may ask for it, and it counts against no limit.
        path: "/rate_limit",
        ..BEARER
    },
    Provider {
        name: "gitlab",
        address: Some("https://gitlab.com"),
        rules: &["gitlab-pat", "gitlab-pat-routable"],
        path: "/api/v4/personal_access_tokens/self",
        ..BEARER
    },
    Provider {
        name: "huggingface",
        address: Some("https://huggingface.co"),
        rules: &["huggingface-access-token"],
        path: "/api/whoami-v2",
        ..BEARER
    },
    Provider { name: "npm", rules: &["npm-access-token"], path: "/-/whoami", ..BEARER },
    Provider {
        name: "openai",
        address: Some("https://api.openai.com"),
        rules: &["openai-api-key"],
        path: "/v1/models",
        ..BEARER
    },
    Provider {
        name: "sendgrid",
        address: Some("https://api.sendgrid.com"),
        rules: &["sendgrid-api-token"],
        path: "/v3/scopes",
        ..BEARER
    },
    Provider {
        name: "slack",
        address: Some("https://slack.com"),
        rules: &["slack-bot-token", "slack-legacy-bot-token", "slack-legacy-token", "slack-user-token"],
        path: "/api/auth.test",
        method: Method::Post,
        meaning: Meaning::Slack,
        ..BEARER
    },
    Provider {
        name: "stripe",
        address: Some("https://api.stripe.com"),
        rules: &["stripe-access-token"],
        path: "/v1/balance",
        // A restricted key may not read it.
        meaning: Meaning::StatusOrForbidden,
        ..BEARER
    },
];

/// What most have in common.
const BEARER: Provider = Provider {
    name: "",
    address: None,
    rules: &[],
    path: "",
    method: Method::Get,
    header: Header::Bearer,
    others: &[],
    meaning: Meaning::Status,
};

impl Provider {
    /// The one called `name`.
    pub fn named(name: &str) -> Option<&'static Provider> {
        PROVIDERS.iter().find(|provider| provider.name == name)
    }

    /// Whether it knows what `rule` finds.
    pub fn knows(&self, rule: &str) -> bool {
        self.rules.contains(&rule)
    }

    /// What an answer means.
    pub fn meaning(&self, status: u16, body: &[u8]) -> Liveness {
        match (status, self.meaning) {
            (200, Meaning::Slack) => slack(body),
            (200, _) => Liveness::Active,
            (403, Meaning::StatusOrForbidden) => Liveness::Active,
            (401, _) => Liveness::Refused,
            (300..=399, _) => Liveness::Unknown(format!("status {status}, and redirects are not followed")),
            (429, _) => Liveness::Unknown("asked too often (status 429)".into()),
            _ => Liveness::Unknown(format!("status {status}")),
        }
    }
}

/// Slack answers 200 whatever there is to say, and says it in `ok` and `error`.
fn slack(body: &[u8]) -> Liveness {
    let refusals = ["account_inactive", "invalid_auth", "token_expired", "token_revoked"];
    let Ok(answer) = serde_json::from_slice::<Value>(body) else { return Liveness::Unknown("no JSON".into()) };
    match (answer["ok"].as_bool(), answer["error"].as_str()) {
        (Some(true), _) => Liveness::Active,
        (Some(false), Some(error)) if refusals.contains(&error) => Liveness::Refused,
        (Some(false), Some(_)) => Liveness::Unknown("an error that says nothing about the token".into()),
        _ => Liveness::Unknown("an answer without `ok`".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(name: &str, status: u16, body: &str) -> Liveness {
        Provider::named(name).unwrap().meaning(status, body.as_bytes())
    }

    #[test]
    fn only_a_documented_answer_is_one() {
        assert_eq!(meaning("github", 200, ""), Liveness::Active);
        assert_eq!(meaning("github", 401, ""), Liveness::Refused);
        assert_eq!(meaning("stripe", 403, ""), Liveness::Active);
        for status in [0, 201, 204, 301, 302, 400, 403, 404, 407, 429, 500, 503] {
            let told = meaning("github", status, r#"{"ok":true}"#);
            assert!(matches!(told, Liveness::Unknown(_)), "{status}: {told}");
        }
    }

    #[test]
    fn slack_says_it_in_its_body() {
        assert_eq!(meaning("slack", 200, r#"{"ok":true,"team":"x"}"#), Liveness::Active);
        assert_eq!(meaning("slack", 200, r#"{"ok":false,"error":"token_revoked"}"#), Liveness::Refused);
        for body in ["", "[]", "{}", r#"{"ok":"true"}"#, r#"{"ok":false}"#, r#"{"ok":false,"error":"ratelimited"}"#] {
            let told = meaning("slack", 200, body);
            assert!(matches!(told, Liveness::Unknown(_)), "{body}: {told}");
        }
    }

    #[test]
    fn every_provider_knows_rules_that_are_there() {
        let rules = crate::secrets::builtin::rules();
        for provider in PROVIDERS {
            assert!(!provider.rules.is_empty() && provider.path.starts_with('/'), "{}", provider.name);
            assert!(provider.address.is_none_or(|address| address.starts_with("https://")), "{}", provider.name);
            for rule in provider.rules {
                assert!(rules.get(rule).is_some(), "{}: there is no rule {rule}", provider.name);
            }
        }
        assert!(PROVIDERS.is_sorted_by_key(|provider| provider.name));
    }
}
