//! Asks providers whether secrets are still good. An edge: it speaks HTTP, and only when somebody asked for it by name.
//!
//! What pulls on this file: a secret is sent to whoever issued it and to nobody else, so redirects are not followed, and
//! plain HTTP goes to this machine only; nothing that is printed may hold it, so errors come without their address and
//! the header is marked; a provider that is slow or hostile must not hold anybody up, so every request has five seconds,
//! all of them two minutes, and of an answer 64 KiB are read.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use reqwest::{Client, Url};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use crate::secrets::liveness::{Header, Liveness, Method, Provider};
use crate::text::visible;

/// For one answer.
const REQUEST: Duration = Duration::from_secs(5);
/// For all answers.
const ALL: Duration = Duration::from_secs(120);
/// So many at a time.
const AT_ONCE: usize = 4;
/// About so many secrets anybody is asked.
const MOST: usize = 500;
/// Of an answer.
const MOST_BYTES: usize = 64 * 1024;

/// Whom to ask, and where.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Who.
    pub provider: &'static Provider,
    address: Url,
}

/// Why nobody can be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifierError {
    /// The address is none.
    #[error("`{0}` is no address that secrets can be sent to")]
    Address(String),
    /// The provider has no address of its own.
    #[error("nobody knows where `{0}` is")]
    NoAddress(&'static str),
    /// The client could not be built.
    #[error("nobody can be asked: {0}")]
    Setup(String),
}

impl VerifierError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            VerifierError::Address(_) => "give one that starts with https://".into(),
            VerifierError::NoAddress(name) => format!("give its address: {name}=https://…"),
            VerifierError::Setup(_) => "the system's CA certificates must be installed".into(),
        }
    }
}

impl Asked {
    /// `provider` at `address`, or at its own.
    ///
    /// # Errors
    /// [`VerifierError::NoAddress`] where it has none, [`VerifierError::Address`] for one that is not HTTPS, unless it is
    /// this machine's.
    pub fn new(provider: &'static Provider, address: Option<&str>) -> Result<Asked, VerifierError> {
        let text = address.or(provider.address).ok_or(VerifierError::NoAddress(provider.name))?;
        let wrong = || VerifierError::Address(visible(text).chars().take(200).collect());
        let url = Url::parse(text).map_err(|_| wrong())?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_here = host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let is_safe = url.scheme() == "https" || url.scheme() == "http" && is_here;
        let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if host.is_empty() || !is_safe || !is_plain {
            return Err(wrong());
        }
        // A trailing slash keeps what is joined below the address.
        let path = format!("{}{}", url.path().trim_end_matches('/'), provider.path);
        let mut address = url;
        address.set_path(&path);
        address.set_fragment(None);
        Ok(Asked { provider, address })
    }

    /// The host that is asked, for people.
    pub fn host(&self) -> &str {
        self.address.host_str().unwrap_or_default()
    }
}

/// Asks about each secret, and answers in their order. Blocks for at most two minutes; do not call it from async code.
///
/// # Errors
/// [`VerifierError::Setup`].
pub fn verify(secrets: &[(Asked, Vec<u8>)]) -> Result<Vec<Liveness>, VerifierError> {
    let setup = |error: String| VerifierError::Setup(error);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| setup(error.to_string()))?;
    let mut builder = Client::builder()
        .user_agent(concat!("mainguard/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(REQUEST);
    if secrets.iter().any(|(asked, _)| asked.address.scheme() == "http") {
        // A proxy only passes HTTPS on unread; what is meant for this machine must not leave it.
        builder = builder.no_proxy();
    }
    let client = builder.build().map_err(|error| setup(error.without_url().to_string()))?;
    let not_asked = |at| match at < MOST {
        true => Liveness::Unknown(format!("not asked within {} seconds", ALL.as_secs())),
        false => Liveness::Unknown(format!("not asked: more than {MOST} secrets")),
    };
    let mut told: Vec<Liveness> = (0..secrets.len()).map(not_asked).collect();
    runtime.block_on(async {
        let end = Instant::now() + ALL;
        let mut waiting = secrets.iter().enumerate().take(MOST);
        let mut tasks = JoinSet::new();
        loop {
            for (at, (asked, secret)) in waiting.by_ref().take(AT_ONCE - tasks.len()) {
                let (client, asked, secret) = (client.clone(), asked.clone(), secret.clone());
                tasks.spawn(async move {
                    let slow = || Liveness::Unknown(format!("no answer within {} seconds", REQUEST.as_secs()));
                    (at, timeout(REQUEST, ask(&client, &asked, &secret)).await.unwrap_or_else(|_| slow()))
                });
            }
            match timeout_at(end, tasks.join_next()).await {
                Ok(Some(Ok((at, liveness)))) => told[at] = liveness,
                Ok(Some(Err(_))) => {}
                Ok(None) | Err(_) => break,
            }
        }
    });
    // A name that still is being resolved must not keep anybody waiting.
    runtime.shutdown_background();
    Ok(told)
}

async fn ask(client: &Client, asked: &Asked, secret: &[u8]) -> Liveness {
    let (name, text) = match asked.provider.header {
        Header::Bearer => (AUTHORIZATION, [b"Bearer ", secret].concat()),
        Header::ApiKey => (HeaderName::from_static("x-api-key"), secret.to_vec()),
    };
    let Ok(mut value) = HeaderValue::from_bytes(&text) else {
        return Liveness::Unknown("it holds what no header can".into());
    };
    value.set_sensitive(true);
    let mut request = match asked.provider.method {
        Method::Get => client.get(asked.address.clone()),
        Method::Post => client.post(asked.address.clone()),
    };
    for (name, value) in asked.provider.others {
        request = request.header(*name, *value);
    }
    let mut response = match request.header(name, value).send().await {
        Ok(response) => response,
        Err(error) => return Liveness::Unknown(innermost(&error.without_url())),
    };
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() < MOST_BYTES => body.extend_from_slice(&chunk),
            Ok(_) => break,
            Err(error) => return Liveness::Unknown(innermost(&error.without_url())),
        }
    }
    asked.provider.meaning(response.status().as_u16(), &body)
}

/// The cause that says what happened.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    visible(&cause.to_string()).chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(name: &str, address: Option<&str>) -> Result<String, VerifierError> {
        Asked::new(Provider::named(name).unwrap(), address).map(|asked| asked.address.to_string())
    }

    #[test]
    fn secrets_go_to_https_or_stay_on_this_machine() {
        assert_eq!(address("github", None).unwrap(), "https://api.github.com/rate_limit");
        assert_eq!(
            address("github", Some("https://ghe.example/api/v3/")).unwrap(),
            "https://ghe.example/api/v3/rate_limit"
        );
        assert_eq!(
            address("gitlab", Some("http://127.0.0.1:8080")).unwrap(),
            "http://127.0.0.1:8080/api/v4/personal_access_tokens/self"
        );
        assert_eq!(address("npm", Some("http://[::1]:1")).unwrap(), "http://[::1]:1/-/whoami");
        assert_eq!(address("npm", None), Err(VerifierError::NoAddress("npm")));
        for wrong in [
            "http://example.org",
            "http://localhost.example.org",
            "http://127.0.0.1.example.org",
            "ftp://127.0.0.1",
            "file:///etc",
            "",
            "api.github.com",
            "https://a:b@example.org",
            "https://example.org/?to=",
        ] {
            assert!(matches!(address("github", Some(wrong)), Err(VerifierError::Address(_))), "{wrong}");
        }
    }
}
