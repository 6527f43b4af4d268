//! Previews of a pull request: where they stand, and what has to hold before anybody trusts them. Pure.
//!
//! Three needs pull on this room. A reviewer wants a link that shows *this* commit, not the one before it. A gate wants
//! one word, healthy or not, and never green because nobody looked. And everything that names an address may have been
//! written by a stranger: the branch's name, wrangler's output, a redirect. So addresses come from templates in the
//! policy first, whatever else names one is held against the same rules ([`target`]), and what a server answers is
//! judged here ([`health`]) by whoever did the asking.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use reqwest::Url;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::visible;

pub mod address;
pub mod cloudflare;
pub mod health;
pub mod template;
pub mod wrangler;

pub use health::Expect;
pub use template::Values;

/// The most surfaces that one pull request may have.
pub const MOST_SURFACES: usize = 20;
/// The most paths that are looked at on one surface.
pub const MOST_CHECKS: usize = 20;
/// An address that is longer is a mistake or an attack.
pub const MOST_URL_BYTES: usize = 2_000;

/// The section `previews` of the configuration.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Previews")]
pub struct Config {
    /// What a pull request is previewed as.
    pub surfaces: Vec<SurfaceConfig>,
    /// What `{subdomain}` stands for in an address: the account's name before `.workers.dev`.
    pub subdomain: String,
    /// How long all surfaces together may take to become healthy.
    pub deadline_seconds: u32,
    /// How long one request may take.
    pub request_seconds: u32,
    /// How many redirects are followed. Each is held against the same rules as the address it came from.
    pub max_redirects: u32,
}

impl Default for Config {
    fn default() -> Config {
        let surface = |name: &str, project: &str, host: &str| SurfaceConfig {
            name: name.into(),
            url: Some(format!("https://{project}.{host}")),
            project: Some(project.into()),
            ..SurfaceConfig::default()
        };
        Config {
            surfaces: vec![
                surface("app", "pravado-app-pr-{number}", "pages.dev"),
                surface("api", "pravado-api-pr-{number}", "workers.dev"),
            ],
            subdomain: String::new(),
            deadline_seconds: 300,
            request_seconds: 10,
            max_redirects: 5,
        }
    }
}

/// One address that a pull request answers at.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "PreviewSurface")]
pub struct SurfaceConfig {
    /// What people call it: `app`, `api`.
    pub name: String,
    /// Where it is, with `{number}`, `{sha}`, `{sha7}`, `{branch_slug}` and `{subdomain}` filled in. Without one, the
    /// address has to come from elsewhere: wrangler, a deployment, Cloudflare, a flag.
    pub url: Option<String>,
    /// The name of its Pages project or Worker, by which wrangler's output and Cloudflare know it. May hold
    /// placeholders. When absent: `name`.
    pub project: Option<String>,
    /// The name of its environment on GitHub, by which its deployments are known. May hold placeholders. When
    /// absent: `name`.
    pub environment: Option<String>,
    /// What is looked at; `/` and `/health` when absent.
    pub checks: Vec<Check>,
}

impl Default for SurfaceConfig {
    fn default() -> SurfaceConfig {
        SurfaceConfig { name: String::new(), url: None, project: None, environment: None, checks: usual_checks() }
    }
}

fn usual_checks() -> Vec<Check> {
    ["/", "/health"].map(|path| Check { path: path.into(), expect: Expect::default() }).to_vec()
}

/// One path, and what has to come back.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PreviewCheck")]
pub struct Check {
    /// Begins with `/`.
    pub path: String,
    /// What has to come back. When absent: a status from 200 to 299.
    #[serde(default)]
    pub expect: Expect,
}

/// Who said where a surface stands, most trusted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A flag.
    Flag,
    /// The output file of wrangler.
    Wrangler,
    /// A deployment on GitHub.
    Deployment,
    /// Cloudflare's API.
    Cloudflare,
    /// The template of the policy.
    Template,
}

/// Where somebody says that something of this pull request stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The project, the Worker, the environment, or the surface's own name.
    pub name: String,
    /// The address of exactly this deployment.
    pub url: String,
    /// An address that moves along with the pull request, for people.
    pub alias: Option<String>,
    /// The commit that it says it was made of.
    pub commit: Option<String>,
    /// Who says so.
    pub source: Source,
}

/// A surface that is about to be looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Surface {
    /// What people call it; letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// Where it is looked at.
    pub url: Url,
    /// Where people look; `None` when it is the same.
    pub alias: Option<Url>,
    /// Who said so.
    pub source: Source,
    /// What is looked at, placeholders filled in.
    pub checks: Vec<Check>,
}

/// Why there is nothing to look at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PreviewError {
    /// A template or a name of the configuration cannot be used.
    #[error("`previews.surfaces`: {0}")]
    Config(String),
    /// An address is none that is asked.
    #[error("the address of the preview `{name}` is refused: {why}")]
    Address {
        /// The surface.
        name: String,
        /// Why, safe to print.
        why: String,
    },
    /// A deployment is of another commit.
    #[error("the preview `{name}` was made of {found}, and this pull request is at {wanted}")]
    Stale {
        /// The surface.
        name: String,
        /// The commit it was made of.
        found: String,
        /// The commit that is to be previewed.
        wanted: String,
    },
    /// Nobody says where the surface stands.
    #[error("nobody says where the preview `{0}` stands")]
    Nowhere(String),
    /// No surface at all.
    #[error("there is no preview to look at")]
    Nothing,
    /// More than [`MOST_SURFACES`].
    #[error("there are {0} previews; at most {MOST_SURFACES} are looked at")]
    TooMany(usize),
}

impl PreviewError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            PreviewError::Config(_) => "see docs/previews.md for what may stand there".into(),
            PreviewError::Address { .. } => {
                "an address is https, names a host and holds no password; --allow-private lets http and addresses of \
                 this network through"
                    .into()
            }
            PreviewError::Stale { .. } => "deploy this commit first, and look at the output of that run".into(),
            PreviewError::Nowhere(_) => {
                "give the surface a `url`, or say where with --url, --wrangler-output or --from".into()
            }
            PreviewError::Nothing => "name one under `previews.surfaces`, or with --url NAME=URL".into(),
            PreviewError::TooMany(_) => "leave some out of `previews.surfaces`".into(),
        })
    }
}

/// Whether addresses of this machine and of private networks may be asked, and http.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Only https, and only addresses that belong to everybody.
    Public,
    /// Also http, and any address.
    Private,
}

/// The surfaces to look at: those of the configuration, each at the place that the most trusted claim names, and those
/// that only a claim knows. `commit` is what the pull request is at.
pub fn surfaces(
    config: &Config,
    claims: &[Claim],
    values: &Values,
    reach: Reach,
) -> Result<Vec<Surface>, PreviewError> {
    problems(config).into_iter().next().map_or(Ok(()), |problem| Err(PreviewError::Config(problem)))?;
    let mut found = Vec::new();
    let mut used = vec![false; claims.len()];
    for wanted in &config.surfaces {
        let name = plain_name(&wanted.name);
        let mut best: Option<&Claim> = None;
        for (index, claim) in claims.iter().enumerate() {
            if wanted.is_meant_by(claim, values) {
                used[index] = true;
                // Of equally trusted claims the later one was made later.
                best = match best {
                    Some(best) if best.source < claim.source => Some(best),
                    _ => Some(claim),
                };
            }
        }
        let template = || -> Result<Option<Claim>, PreviewError> {
            let Some(url) = &wanted.url else { return Ok(None) };
            let url = template::fill(url, values).map_err(PreviewError::Config)?;
            Ok(Some(Claim { name: name.clone(), url, alias: None, commit: None, source: Source::Template }))
        };
        let claim = match best {
            Some(claim) => claim.clone(),
            None => template()?.ok_or_else(|| PreviewError::Nowhere(name.clone()))?,
        };
        found.push(surface(name, &claim, &wanted.checks, values, reach)?);
    }
    for (claim, _) in claims.iter().zip(&used).filter(|(_, used)| !**used) {
        let name = plain_name(&claim.name);
        let new = surface(name, claim, &usual_checks(), values, reach)?;
        match found.iter_mut().find(|surface| surface.name == new.name) {
            Some(known) => *known = new,
            None => found.push(new),
        }
    }
    match found.len() {
        0 => Err(PreviewError::Nothing),
        count if count > MOST_SURFACES => Err(PreviewError::TooMany(count)),
        _ => Ok(found),
    }
}

/// Everything in the section that cannot be used, in words.
pub fn problems(config: &Config) -> Vec<String> {
    let mut problems = Vec::new();
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for surface in &config.surfaces {
        let shown = visible(&surface.name);
        if surface.name.is_empty() || plain_name(&surface.name) != surface.name {
            problems.push(format!("the name `{shown}` may hold letters, digits, `.`, `_` and `-`, at most 40"));
        }
        let times = names.entry(surface.name.to_lowercase()).or_default();
        *times += 1;
        if *times == 2 {
            problems.push(format!("there are two with the name `{shown}`"));
        }
        let templates = [("url", &surface.url), ("project", &surface.project), ("environment", &surface.environment)];
        for (key, template) in templates {
            if let Some(problem) = template.as_deref().and_then(template::problem) {
                problems.push(format!("the {key} of `{shown}`: {problem}"));
            }
        }
        if surface.checks.is_empty() || surface.checks.len() > MOST_CHECKS {
            problems.push(format!("`{shown}` needs 1 to {MOST_CHECKS} checks"));
        }
        for check in &surface.checks {
            let sound = check.path.starts_with('/') && !check.path.starts_with("//");
            if !sound || check.path.chars().any(|c| c.is_control() || c.is_whitespace()) {
                problems.push(format!("the path `{}` of `{shown}` has to begin with one `/`", visible(&check.path)));
            }
            problems.extend(check.expect.problems().map(|problem| format!("`{shown}`: {problem}")));
        }
    }
    problems
}

/// An address that may be asked: https (or http, where private addresses are allowed), a host, no password. Whether the
/// host's *addresses* may be asked is known only when it is asked: see [`address`].
pub fn target(text: &str, reach: Reach) -> Result<Url, String> {
    if text.len() > MOST_URL_BYTES {
        return Err(format!("it is longer than {MOST_URL_BYTES} bytes"));
    }
    let url = Url::parse(text).map_err(|error| format!("`{}` is no address: {error}", visible(text)))?;
    refuse(&url, reach).map_or(Ok(url), Err)
}

/// Why this address is not asked; `None` when it may be.
pub fn refuse(url: &Url, reach: Reach) -> Option<String> {
    if !url.username().is_empty() || url.password().is_some() {
        return Some("it holds a name or a password".into());
    }
    match (url.scheme(), reach) {
        ("https", _) | ("http", Reach::Private) => {}
        (scheme, _) => return Some(format!("it is {}, not https", visible(scheme))),
    }
    let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
        return Some("it names no host".into());
    };
    // `Url` has written every spelling of an address in the usual way.
    let literal: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    let private = literal.filter(|address| reach == Reach::Public && !address::is_public(*address));
    private.map(|address| format!("{address} is an address of this machine or of a private network"))
}

/// Letters, digits, `.`, `_` and `-`, at most 40; a claim's name may be a stranger's.
pub fn plain_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    name.chars().take(40).map(plain).collect()
}

impl SurfaceConfig {
    /// The name of its Pages project or Worker, placeholders filled in where they can be.
    pub fn project(&self, values: &Values) -> String {
        self.named(self.project.as_deref(), values)
    }

    fn is_meant_by(&self, claim: &Claim, values: &Values) -> bool {
        let other = match claim.source {
            Source::Wrangler | Source::Cloudflare => self.project.as_deref(),
            Source::Deployment => self.environment.as_deref(),
            Source::Flag | Source::Template => None,
        };
        claim.name == self.named(other, values)
    }

    fn named(&self, template: Option<&str>, values: &Values) -> String {
        template.and_then(|template| template::fill(template, values).ok()).unwrap_or_else(|| self.name.clone())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Flag => "a flag",
            Source::Wrangler => "wrangler",
            Source::Deployment => "a deployment",
            Source::Cloudflare => "Cloudflare",
            Source::Template => "the policy",
        })
    }
}

fn surface(
    name: String,
    claim: &Claim,
    checks: &[Check],
    values: &Values,
    reach: Reach,
) -> Result<Surface, PreviewError> {
    if let Some(commit) = claim.commit.as_deref()
        && !values.is_commit(commit)
    {
        let found = visible(commit).chars().take(40).collect();
        return Err(PreviewError::Stale { name, found, wanted: values.sha.clone() });
    }
    let url = target(&claim.url, reach).map_err(|why| PreviewError::Address { name: name.clone(), why })?;
    // An alias that is refused is not shown; nothing depends on it.
    let alias = claim.alias.as_deref().and_then(|alias| target(alias, reach).ok()).filter(|alias| *alias != url);
    let filled = |check: &Check| -> Result<Check, PreviewError> {
        Ok(Check { path: check.path.clone(), expect: check.expect.filled(values).map_err(PreviewError::Config)? })
    };
    let checks = checks.iter().take(MOST_CHECKS).map(filled).collect::<Result<_, _>>()?;
    Ok(Surface { name, url, alias, source: claim.source, checks })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values {
        Values::new(7, &"a".repeat(40), "feature/Refunds_2!", "acme")
    }

    fn claim(name: &str, url: &str, source: Source) -> Claim {
        Claim { name: name.into(), url: url.into(), alias: None, commit: None, source }
    }

    #[test]
    fn the_usual_addresses_need_no_configuration() {
        let found = surfaces(&Config::default(), &[], &values(), Reach::Public).unwrap();
        let urls: Vec<&str> = found.iter().map(|surface| surface.url.as_str()).collect();
        assert_eq!(urls, ["https://pravado-app-pr-7.pages.dev/", "https://pravado-api-pr-7.workers.dev/"]);
        assert_eq!(found[0].checks.iter().map(|check| check.path.as_str()).collect::<Vec<_>>(), ["/", "/health"]);
    }

    #[test]
    fn a_flag_counts_more_than_wrangler_and_wrangler_more_than_a_template() {
        let config = Config {
            surfaces: vec![SurfaceConfig {
                name: "app".into(),
                url: Some("https://template.example".into()),
                project: Some("shop".into()),
                ..SurfaceConfig::default()
            }],
            ..Config::default()
        };
        let claims = [
            claim("app", "https://flag.example", Source::Flag),
            claim("shop", "https://wrangler.example", Source::Wrangler),
            claim("docs", "https://docs.example", Source::Wrangler),
        ];
        let urls = |claims: &[Claim]| -> Vec<String> {
            let found = surfaces(&config, claims, &values(), Reach::Public).unwrap();
            found.iter().map(|surface| format!("{} {}", surface.name, surface.url)).collect()
        };
        assert_eq!(urls(&claims), ["app https://flag.example/", "docs https://docs.example/"]);
        assert_eq!(urls(&claims[1..2]), ["app https://wrangler.example/"]);
        assert_eq!(urls(&[]), ["app https://template.example/"]);
    }

    #[test]
    fn a_deployment_of_another_commit_is_no_preview_of_this_one() {
        let mut stale = claim("app", "https://x.example", Source::Wrangler);
        stale.commit = Some("b".repeat(40));
        let error = surfaces(&Config::default(), &[stale], &values(), Reach::Public).unwrap_err();
        assert!(matches!(error, PreviewError::Stale { .. }), "{error}");
    }

    #[test]
    fn only_addresses_of_everybody_are_asked() {
        for refused in [
            "http://x.example",
            "ftp://x.example",
            "https://user:pass@x.example",
            "https://127.0.0.1",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://0x7f.1/",
            "https://169.254.169.254/latest/meta-data",
            "javascript:alert(1)",
            "",
        ] {
            assert!(target(refused, Reach::Public).is_err(), "{refused}");
        }
        assert!(target("https://x.example/a?b", Reach::Public).is_ok());
        assert!(target("http://127.0.0.1:8080", Reach::Private).is_ok());
    }

    #[test]
    fn a_configuration_is_told_all_that_is_wrong_with_it() {
        let config = Config {
            surfaces: vec![
                SurfaceConfig { name: "a b".into(), url: Some("https://{nmber}.x".into()), ..SurfaceConfig::default() },
                SurfaceConfig {
                    name: "c".into(),
                    checks: vec![Check { path: "//evil".into(), expect: Expect::default() }],
                    ..SurfaceConfig::default()
                },
                SurfaceConfig { name: "C".into(), checks: Vec::new(), ..SurfaceConfig::default() },
            ],
            ..Config::default()
        };
        insta::assert_snapshot!(problems(&config).join("\n"), @r"
        the name `a b` may hold letters, digits, `.`, `_` and `-`, at most 40
        the url of `a b`: there is no `{nmber}`; did you mean `{number}`?
        the path `//evil` of `c` has to begin with one `/`
        there are two with the name `C`
        `C` needs 1 to 20 checks
        ");
    }
}
