//! One request at a time, with a bound on its time and on its answer. Octocrab brings connection, TLS and redirects.

use std::time::Duration;

use http::header::USER_AGENT;
use http::{Method, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;

use super::DataError;

/// A server and what is waited for.
pub(super) struct Http {
    octocrab: octocrab::Octocrab,
    runtime: tokio::runtime::Runtime,
    base: String,
    timeout: Duration,
    max_bytes: usize,
}

impl Http {
    /// For addresses below `base`, an `http(s)://HOST/PATH`.
    pub(super) fn new(base: &str, timeout: Duration, max_bytes: usize) -> Result<Http, DataError> {
        let base = base.trim().trim_end_matches('/');
        // Not quoted: what stands before an `@` may be a password.
        let wrong = |reason: String| DataError::Network { url: "the address".into(), reason };
        let uri: http::Uri = base.parse().map_err(|_| wrong("it is no URL".into()))?;
        let authority = uri.authority().map(|it| it.as_str()).unwrap_or_default();
        if !matches!(uri.scheme_str(), Some("https" | "http")) || authority.contains('@') || uri.query().is_some() {
            return Err(wrong("it must be https://HOST/PATH, without credentials or query".into()));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| wrong(error.to_string()))?;
        let octocrab = {
            // Octocrab starts its worker when it is built.
            let _inside = runtime.enter();
            let server = format!("{}://{authority}", uri.scheme_str().unwrap_or_default());
            let builder = octocrab::Octocrab::builder().base_uri(server);
            builder.and_then(|builder| builder.build()).map_err(|error| wrong(error.to_string()))?
        };
        Ok(Http { octocrab, runtime, base: base.into(), timeout, max_bytes })
    }

    /// The body of an answer; `None` when there is nothing at this address.
    pub(super) fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Option<Vec<u8>>, DataError> {
        let url = format!("{}/{path}", self.base);
        let failed = |reason: String| DataError::Network { url: url.clone(), reason };
        let work = async {
            let builder = http::Request::builder()
                .method(method)
                .uri(&url)
                .header(USER_AGENT, concat!("mainguard/", env!("CARGO_PKG_VERSION")));
            let request = self.octocrab.build_request(builder, body).map_err(|error| failed(error.to_string()))?;
            let response = self.octocrab.execute(request).await.map_err(|error| failed(causes(&error)))?;
            let status = response.status();
            let body = match Limited::new(response.into_body(), self.max_bytes).collect().await {
                Ok(collected) => collected.to_bytes().to_vec(),
                Err(error) if error.is::<LengthLimitError>() => {
                    return Err(failed(format!("the answer is larger than {} bytes", self.max_bytes)));
                }
                Err(error) => return Err(failed(error.to_string())),
            };
            match status {
                status if status.is_success() => Ok(Some(body)),
                StatusCode::NOT_FOUND => Ok(None),
                status => Err(failed(format!("the server answered {status}"))),
            }
        };
        let timed = async { tokio::time::timeout(self.timeout, work).await };
        self.runtime.block_on(timed).unwrap_or_else(|_| Err(failed(format!("no answer in {:?}", self.timeout))))
    }
}

/// The innermost cause says what happened; those around it say that something did.
fn causes(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}
