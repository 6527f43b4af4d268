//! The file that wrangler writes where `WRANGLER_OUTPUT_FILE_DIRECTORY` points: one JSON object a line. Pure.
//!
//! It was written by a tool that ran a stranger's build, so it is read like one: bounded, unknown kinds are passed over,
//! and an address in it is only a claim. <https://github.com/cloudflare/workers-sdk/blob/main/packages/wrangler/src/output.ts>

use serde::Deserialize;

use super::{Claim, Source};

/// A file that is longer was not written by wrangler.
pub const MOST_BYTES: usize = 4 << 20;
/// Lines that are looked at.
const MOST_LINES: usize = 10_000;

/// A line that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of wrangler's output is not a JSON object with a `type`")]
pub struct NotWranglers {
    /// From 1.
    pub line: usize,
}

#[derive(Deserialize)]
struct Entry {
    r#type: String,
    #[serde(default)]
    worker_name: Option<String>,
    #[serde(default)]
    pages_project: Option<String>,
    #[serde(default)]
    targets: Option<Vec<String>>,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    alias: Option<String>,
    #[serde(default)]
    preview_url: Option<String>,
    #[serde(default)]
    preview_alias_url: Option<String>,
    #[serde(default)]
    deployment_trigger: Option<Trigger>,
}

#[derive(Deserialize)]
struct Trigger {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    commit_hash: Option<String>,
}

/// What the file says about where things stand, in its order. A later line about the same project counts more.
pub fn claims(text: &str) -> Result<Vec<Claim>, NotWranglers> {
    let mut claims: Vec<Claim> = Vec::new();
    for (index, line) in text.lines().enumerate().take(MOST_LINES).filter(|(_, line)| !line.trim().is_empty()) {
        let entry: Entry = serde_json::from_str(line).map_err(|_| NotWranglers { line: index + 1 })?;
        let Some(claim) = claim(entry) else { continue };
        // `pages-deploy` and `pages-deploy-detailed` tell of one deployment; the detailed one knows the commit.
        match claims.iter_mut().find(|known| known.name == claim.name && known.url == claim.url) {
            Some(known) => *known = Claim { commit: claim.commit.or(known.commit.take()), ..claim },
            None => claims.push(claim),
        }
    }
    Ok(claims)
}

fn claim(entry: Entry) -> Option<Claim> {
    let commit = entry.deployment_trigger.and_then(|trigger| trigger.metadata.commit_hash).filter(|id| !id.is_empty());
    let (name, url, alias) = match entry.r#type.as_str() {
        "pages-deploy" | "pages-deploy-detailed" => (entry.pages_project, entry.url, entry.alias),
        "version-upload" => (entry.worker_name, entry.preview_url, entry.preview_alias_url),
        // Routes and schedules stand beside addresses.
        "deploy" => {
            let mut targets = entry.targets.unwrap_or_default().into_iter();
            (
                entry.worker_name,
                targets.find(|target| target.starts_with("https://") || target.starts_with("http://")),
                None,
            )
        }
        _ => return None,
    };
    Some(Claim { name: name?, url: url?, alias, commit, source: Source::Wrangler })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrangler_deployed_is_found() {
        let text = r#"
{"version":1,"type":"wrangler-session","wrangler_version":"4.0.0","command_line_args":["pages","deploy"],"log_file_path":"/x"}
{"version":1,"type":"pages-deploy","pages_project":"shop","deployment_id":"1","url":"https://abc.shop.pages.dev"}
{"version":1,"type":"pages-deploy-detailed","pages_project":"shop","url":"https://abc.shop.pages.dev","alias":"https://pr-7.shop.pages.dev","environment":"preview","deployment_trigger":{"metadata":{"commit_hash":"abcdef0"}}}
{"version":1,"type":"version-upload","worker_name":"api","preview_url":"https://v1-api.acme.workers.dev"}
{"version":1,"type":"deploy","worker_name":"cron","targets":["schedule: * * * * *","https://cron.acme.workers.dev"]}
{"version":9,"type":"something-new"}
"#;
        let found: Vec<String> = claims(text)
            .unwrap()
            .into_iter()
            .map(|claim| format!("{} {} {:?} {:?}", claim.name, claim.url, claim.alias, claim.commit))
            .collect();
        assert_eq!(
            found,
            [
                r#"shop https://abc.shop.pages.dev Some("https://pr-7.shop.pages.dev") Some("abcdef0")"#,
                "api https://v1-api.acme.workers.dev None None",
                "cron https://cron.acme.workers.dev None None",
            ]
        );
    }

    #[test]
    fn another_file_is_named_by_its_line() {
        assert_eq!(claims("{\"type\":\"deploy\"}\n[1]\n"), Err(NotWranglers { line: 2 }));
        assert_eq!(claims(""), Ok(vec![]));
    }
}
