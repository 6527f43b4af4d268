//! The OSV API (<https://google.github.io/osv.dev/api/>): names and versions go out, ids come back, and each record is
//! read once as long as it does not change.
#![expect(clippy::disallowed_methods, reason = "keeps a cache of records")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::DataError;
use super::http::Http;
use crate::deps::Ecosystem;
use crate::deps::judge::Advisories;
use crate::deps::osv::Record;

/// The API's own limit.
const MOST_QUERIES: usize = 1_000;
/// Pages of one answer; more are no answer about one version.
const MOST_PAGES: usize = 50;
const TIMEOUT: Duration = Duration::from_secs(60);
const MAX_BODY_BYTES: usize = 64 << 20;

/// The API and the folder in which its records are kept.
pub struct Api {
    http: Http,
    url: String,
    cache: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Answers {
    #[serde(default)]
    results: Vec<Answer>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    vulns: Vec<Named>,
    next_page_token: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    id: String,
    modified: String,
}

impl Api {
    /// Where osv.dev answers.
    pub const URL: &str = "https://api.osv.dev";

    /// The API at a base URL, with a folder for records or none.
    ///
    /// # Errors
    ///
    /// When the URL is none.
    pub fn new(url: &str, cache: Option<PathBuf>) -> Result<Api, DataError> {
        Ok(Api { http: Http::new(url, TIMEOUT, MAX_BODY_BYTES)?, url: url.into(), cache })
    }

    /// The records about these packages (name and version).
    ///
    /// # Errors
    ///
    /// When the API gives no answer or one that cannot be understood.
    pub fn about(&self, packages: &[(Ecosystem, String, String)]) -> Result<Advisories, DataError> {
        let mut ids: BTreeMap<String, String> = BTreeMap::new();
        for part in packages.chunks(MOST_QUERIES) {
            let query = |(ecosystem, name, version): &(Ecosystem, String, String)| json!({"package": {"ecosystem": ecosystem.name(), "name": name}, "version": version});
            let mut open: Vec<Value> = part.iter().map(query).collect();
            for page in 0.. {
                if open.is_empty() {
                    break;
                }
                if page == MOST_PAGES {
                    return Err(self.wrong(format!("more than {MOST_PAGES} pages of answers")));
                }
                let body = json!({ "queries": open });
                let bytes = self.http.send(Method::POST, "v1/querybatch", Some(&body))?;
                let bytes = bytes.ok_or_else(|| self.wrong("there is no `v1/querybatch`"))?;
                let answers: Answers = serde_json::from_slice(&bytes).map_err(|error| self.wrong(error))?;
                if answers.results.len() != open.len() {
                    return Err(self.wrong("it gave another number of answers than there were questions"));
                }
                let mut further = Vec::new();
                for (mut query, answer) in open.into_iter().zip(answers.results) {
                    ids.extend(answer.vulns.into_iter().map(|named| (named.id, named.modified)));
                    if let Some(token) = answer.next_page_token.filter(|token| !token.is_empty()) {
                        query["page_token"] = Value::String(token);
                        further.push(query);
                    }
                }
                open = further;
            }
        }
        let mut advisories = Advisories::default();
        for (id, modified) in ids {
            advisories.add(self.record(&id, &modified)?, |_, _| true);
        }
        Ok(advisories)
    }

    fn record(&self, id: &str, modified: &str) -> Result<Record, DataError> {
        // An id becomes a path of an address and the name of a file.
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_:.+".contains(&byte));
        if id.is_empty()
            || id.len() > 200
            || modified.len() > 100
            || !plain(id)
            || !plain(modified)
            || id.contains("..")
        {
            return Err(self.wrong("it named an advisory in a way that no database does"));
        }
        let kept = self.cache.as_ref().map(|folder| folder.join(format!("{id}@{}.json", modified.replace(':', ""))));
        let known = kept.as_ref().and_then(|path| fs::read(path).ok());
        if let Some(record) = known.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            return Ok(record);
        }
        let bytes = self.http.send(Method::GET, &format!("v1/vulns/{id}"), None)?;
        let bytes = bytes.ok_or_else(|| self.wrong(format!("it named {id} and does not have it")))?;
        let record: Record = serde_json::from_slice(&bytes).map_err(|error| self.wrong(error))?;
        if let (Some(path), Some(folder)) = (kept, &self.cache) {
            // A cache that cannot be written costs time, not the answer.
            let json = serde_json::to_vec(&record).unwrap_or_default();
            let _ = fs::create_dir_all(folder).and_then(|()| fs::write(path, json));
        }
        Ok(record)
    }

    fn wrong(&self, reason: impl ToString) -> DataError {
        DataError::Network { url: self.url.clone(), reason: reason.to_string() }
    }
}
