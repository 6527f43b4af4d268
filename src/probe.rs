//! Asks previews until they are healthy or time is up. An edge: it speaks HTTP with whatever a pull request put there.
//!
//! What pulls on this file: a fresh deployment needs its time, so asking goes on; it must end, so one deadline stands
//! over all of it; and the other side is a stranger. Names are resolved here, and an address that is not everybody's is
//! not connected to, whichever name or redirect led there. Redirects are followed by hand, so that each hop is held
//! against the same rules. Of a body one MiB is read and no more. No proxy is used: it would resolve names itself.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::LOCATION;
use reqwest::{Client, Url};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use crate::previews::health::{Answer, Checked, MOST_BODY_BYTES, Probed, pause};
use crate::previews::{Check, Config, Reach, Surface, address, refuse};
use crate::text::visible;

/// How long and how far.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For everything.
    pub deadline: Duration,
    /// For one request, redirects included.
    pub request: Duration,
    /// Redirects that are followed.
    pub redirects: u32,
    /// Which addresses may be asked.
    pub reach: Reach,
    /// Makes the part of the waits that is left to chance.
    pub seed: u64,
}

impl Limits {
    /// Those of the configuration, within bounds: an hour, a minute, twenty redirects.
    pub fn of(config: &Config, reach: Reach, seed: u64) -> Limits {
        Limits {
            deadline: Duration::from_secs(config.deadline_seconds.clamp(1, 3_600).into()),
            request: Duration::from_secs(config.request_seconds.clamp(1, 60).into()),
            redirects: config.max_redirects.min(20),
            reach,
            seed,
        }
    }
}

/// Why nothing could be asked.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The client could not be built.
    #[error("previews cannot be asked: {0}")]
    Setup(String),
    /// Cloudflare did not answer as it should.
    #[error("Cloudflare does not tell where the preview stands: {0}")]
    Cloudflare(String),
}

impl ProbeError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            ProbeError::Setup(_) => "the system's CA certificates must be installed".into(),
            ProbeError::Cloudflare(_) => {
                "set CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN; the token needs `Cloudflare Pages: Read`".into()
            }
        })
    }
}

/// Looks at all surfaces at once. Blocks until all are healthy or the deadline is over; do not call it from async code.
pub fn probe(surfaces: &[Surface], limits: &Limits) -> Result<Vec<Checked>, ProbeError> {
    let runtime = runtime()?;
    let client = client(limits)?;
    let checked = runtime.block_on(async {
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for (place, surface) in surfaces.iter().enumerate() {
            for (at, check) in surface.checks.iter().enumerate() {
                let (client, limits) = (client.clone(), *limits);
                let (base, check) = (surface.url.clone(), check.clone());
                tasks.spawn(async move { (place, at, until_healthy(&client, &base, &check, &limits, started).await) });
            }
        }
        let mut ended = tasks.join_all().await;
        ended.sort_by_key(|(place, at, _)| (*place, *at));
        let mut checked: Vec<Checked> =
            surfaces.iter().map(|surface| Checked { surface: surface.clone(), probes: Vec::new() }).collect();
        for (place, _, probed) in ended {
            checked[place].probes.push(probed);
        }
        checked
    });
    // A name that still is being resolved must not keep anybody waiting.
    runtime.shutdown_background();
    Ok(checked)
}

/// How Cloudflare's API is asked.
pub struct Cloudflare<'a> {
    /// `https://api.cloudflare.com/client/v4`, or what `CLOUDFLARE_API_BASE_URL` says, as for wrangler.
    pub base: &'a str,
    /// The account's id.
    pub account: &'a str,
    /// The API token.
    pub token: &'a str,
}

/// The newest preview deployments of a Pages project, as Cloudflare tells them.
pub fn cloudflare(api: &Cloudflare<'_>, project: &str) -> Result<Value, ProbeError> {
    let refused = |why: String| ProbeError::Cloudflare(why);
    let mut url = Url::parse(api.base).map_err(|_| refused("CLOUDFLARE_API_BASE_URL is no address".into()))?;
    {
        // Each part is one segment, whatever it holds.
        let mut path = url.path_segments_mut().map_err(|()| refused("its address has no path".into()))?;
        path.pop_if_empty().extend(["accounts", api.account, "pages", "projects", project, "deployments"]);
    }
    url.set_query(Some("env=preview&per_page=25"));
    let runtime = runtime()?;
    let client = builder().build().map_err(|error| ProbeError::Setup(innermost(&error)))?;
    let answer = runtime.block_on(async {
        let request = client.get(url).bearer_auth(api.token);
        let response = timeout(Duration::from_secs(20), request.send()).await;
        let response = response.map_err(|_| refused("no answer within 20 seconds".into()))?;
        let response = response.map_err(|error| refused(innermost(&error.without_url())))?;
        let answer = timeout(Duration::from_secs(20), read(response)).await;
        answer.map_err(|_| refused("its answer does not end".into()))?.map_err(refused)
    })?;
    serde_json::from_slice(&answer.body).map_err(|_| refused(format!("status {}, and no JSON", answer.status)))
}

fn runtime() -> Result<tokio::runtime::Runtime, ProbeError> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| ProbeError::Setup(error.to_string()))
}

fn builder() -> reqwest::ClientBuilder {
    Client::builder()
        .user_agent(concat!("mainguard/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .no_gzip()
}

fn client(limits: &Limits) -> Result<Client, ProbeError> {
    // A new connection for each try: an old one may lead to the deployment before this one.
    let builder = builder().pool_max_idle_per_host(0).dns_resolver(Arc::new(Resolver { reach: limits.reach }));
    builder.build().map_err(|error| ProbeError::Setup(innermost(&error)))
}

/// Asks one path again and again.
async fn until_healthy(client: &Client, base: &Url, check: &Check, limits: &Limits, started: Instant) -> Probed {
    let mut probed = Probed {
        path: check.path.clone(),
        url: base.clone(),
        failure: None,
        status: None,
        tries: 0,
        answered_in: Duration::ZERO,
        after: Duration::ZERO,
    };
    probed.url = match base.join(&check.path) {
        Ok(url) => url,
        Err(error) => {
            probed.failure = Some(format!("the path cannot be used: {error}"));
            return probed;
        }
    };
    let end = started + limits.deadline;
    let seed = [limits.seed.to_be_bytes().as_slice(), probed.url.as_str().as_bytes()].concat();
    loop {
        let asked = Instant::now();
        let tried = timeout_at(end.min(asked + limits.request), ask(client, &probed.url, check, limits)).await;
        probed.tries += 1;
        probed.answered_in = asked.elapsed();
        let last = match tried {
            Ok(Ok(answer)) => {
                probed.status = Some(answer.status);
                check.expect.unmet(&answer).map(Unhealthy::Yet)
            }
            Ok(Err(unhealthy)) => Some(unhealthy),
            Err(_) => Some(Unhealthy::Yet("no answer in time".into())),
        };
        probed.after = started.elapsed();
        let wait = pause(probed.tries - 1, &seed);
        match last {
            None => {
                probed.failure = None;
                return probed;
            }
            Some(Unhealthy::ForGood(why)) => {
                probed.failure = Some(why);
                return probed;
            }
            Some(Unhealthy::Yet(why)) => probed.failure = Some(why),
        }
        if Instant::now() + wait >= end {
            return probed;
        }
        tokio::time::sleep(wait).await;
    }
}

/// Why an answer does not count.
enum Unhealthy {
    /// The next one may.
    Yet(String),
    /// Asking again would not change it.
    ForGood(String),
}

async fn ask(client: &Client, url: &Url, check: &Check, limits: &Limits) -> Result<Answer, Unhealthy> {
    let mut url = url.clone();
    for _ in 0..=limits.redirects {
        if let Some(why) = refuse(&url, limits.reach) {
            return Err(Unhealthy::ForGood(format!("refused: {why}")));
        }
        let response = client.get(url.clone()).send().await.map_err(unanswered)?;
        let location = response.headers().get(LOCATION).filter(|_| {
            matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) && !check.expect.wants_redirect()
        });
        let Some(location) = location else {
            return read(response).await.map_err(Unhealthy::Yet);
        };
        let location = String::from_utf8_lossy(location.as_bytes()).into_owned();
        let next = url.join(&location);
        url = next.map_err(|_| Unhealthy::Yet("a redirect leads to no address".into()))?;
    }
    Err(Unhealthy::Yet(format!("more than {} redirects", limits.redirects)))
}

async fn read(mut response: reqwest::Response) -> Result<Answer, String> {
    let headers = response.headers().iter().take(200).filter_map(|(name, value)| {
        Some((name.as_str().to_string(), value.to_str().ok().filter(|value| value.len() <= 8_192)?.to_string()))
    });
    let mut answer = Answer { status: response.status().as_u16(), headers: headers.collect(), ..Answer::default() };
    while let Some(piece) = response.chunk().await.map_err(|error| innermost(&error.without_url()))? {
        let room = MOST_BODY_BYTES - answer.body.len();
        answer.body.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.len() > room {
            answer.cut = true;
            break;
        }
    }
    Ok(answer)
}

fn unanswered(error: reqwest::Error) -> Unhealthy {
    let error = error.without_url();
    let why = innermost(&error);
    match why.starts_with(REFUSED) {
        true => Unhealthy::ForGood(why),
        false if error.is_timeout() => Unhealthy::Yet("no answer in time".into()),
        false => Unhealthy::Yet(why),
    }
}

const REFUSED: &str = "refused:";

/// Resolves names as the system does, and leaves out the addresses that may not be asked.
struct Resolver {
    reach: Reach,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.reach;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.take(64).collect();
            let (allowed, private): (Vec<_>, Vec<_>) =
                found.into_iter().partition(|found| reach == Reach::Private || address::is_public(canonical(found)));
            match (allowed.is_empty(), private.first()) {
                (true, Some(private)) => Err(io::Error::other(format!(
                    "{REFUSED} {} leads to {}, an address of this machine or of a private network",
                    visible(name.as_str()),
                    private.ip()
                ))
                .into()),
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

fn canonical(address: &SocketAddr) -> IpAddr {
    address.ip().to_canonical()
}

/// The deepest cause, which is the one that says something.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    visible(&cause.to_string()).chars().take(200).collect()
}
