//! One request at a time, with a bound on its time and on its answer. Octocrab brings connection, TLS and redirects.

use std::io::Write;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, USER_AGENT};
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
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
        let mut answer = Vec::new();
        let found = self.send_into(method, path, body, &mut answer)?;
        Ok(found.then_some(answer))
    }

    /// Writes the body of an answer as it comes; `false` when there is nothing at this address.
    pub(super) fn send_into(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        into: &mut dyn Write,
    ) -> Result<bool, DataError> {
        let url = format!("{}/{path}", self.base);
        let failed = |reason: String| DataError::Network { url: url.clone(), reason };
        let work = async {
            let builder = http::Request::builder()
                .method(method)
                .uri(&url)
                .header(USER_AGENT, concat!("mainguard/", env!("CARGO_PKG_VERSION")));
            let request = self.octocrab.build_request(builder, body).map_err(|error| failed(error.to_string()))?;
            let response = self.octocrab.execute(request).await.map_err(|error| failed(causes(&error)))?;
            match response.status() {
                status if status.is_success() => {}
                StatusCode::NOT_FOUND => return Ok(false),
                status => return Err(failed(format!("the server answered {status}"))),
            }
            let too_large = || failed(format!("the answer is larger than {} bytes", self.max_bytes));
            // What says itself that it is too large need not be fetched to be refused.
            let said = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
            if said.is_some_and(|length: u64| length > self.max_bytes as u64) {
                return Err(too_large());
            }
            let mut body = response.into_body();
            let mut left = self.max_bytes;
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| failed(format!("the answer broke off: {}", causes(&error))))?;
                let Ok(bytes) = frame.into_data() else { continue };
                left = left.checked_sub(bytes.len()).ok_or_else(too_large)?;
                into.write_all(&bytes).map_err(|error| failed(format!("it cannot be kept: {error}")))?;
            }
            Ok(true)
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

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::TcpListener;

    use super::*;

    /// Sends one answer to whoever asks, and then says nothing more and hangs up with the test.
    fn server(answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let open: Vec<_> = listener
                .incoming()
                .map_while(Result::ok)
                .map(|mut stream| {
                    let _ = stream.read(&mut [0; 4_096]);
                    let _ = stream.write_all(answer);
                    stream
                })
                .collect();
            drop(open);
        });
        url
    }

    fn refusal(answer: &'static [u8], max_bytes: usize) -> String {
        let http = Http::new(&server(answer), Duration::from_millis(300), max_bytes).unwrap();
        http.send(Method::GET, "x", None).unwrap_err().to_string()
    }

    #[test]
    fn silence_has_an_end() {
        assert!(refusal(b"", 100).contains("no answer in 300ms"));
        assert!(refusal(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", 100).contains("no answer in 300ms"));
    }

    #[test]
    fn an_answer_has_a_bound_whatever_it_says_of_itself() {
        let said = b"HTTP/1.1 200 OK\r\ncontent-length: 5000000000\r\n\r\n";
        assert!(refusal(said, 100).contains("larger than 100 bytes"));
        let chunks = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n12345678\r\n8\r\n12345678\r\n";
        assert!(refusal(chunks, 10).contains("larger than 10 bytes"));
    }
}
