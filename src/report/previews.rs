//! What became of a pull request's previews: the comment, the log, and a document for programs.
//!
//! The addresses are links here, which no other report allows: they are what a reader came for. Only an address that
//! went through [`previews::target`](crate::previews::target) gets this far, and it is written so that it ends where it
//! ends. Everything that a server said stays words, as in [`crate::text::markdown`].

use std::fmt::Write as _;
use std::time::Duration;

use reqwest::Url;
use serde::Serialize;

use crate::previews::Source;
use crate::previews::health::{Checked, Probed};
use crate::text::markdown::{cell, prose};

/// What a comment about previews says beside the surfaces.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The pull request's number.
    pub number: u64,
    /// The commit that was previewed.
    pub sha: String,
}

/// As Markdown, for the comment and the step summary.
pub fn markdown(subject: &Subject, checked: &[Checked]) -> String {
    let sha7: String = subject.sha.chars().take(7).collect();
    let mut text = match all_healthy(checked) {
        true => format!("### ✅ The preview of `{sha7}` is healthy\n\n"),
        false => format!("### ❌ The preview of `{sha7}` is not healthy\n\n"),
    };
    text.push_str("| Surface | Address | Health | Ready after |\n| :-- | :-- | :-- | --: |\n");
    for surface in checked {
        let health: Vec<String> = surface.probes.iter().map(probed).collect();
        let shown = surface.surface.alias.as_ref().unwrap_or(&surface.surface.url);
        let after = surface.probes.iter().map(|probe| probe.after).max().unwrap_or_default();
        let tries = surface.probes.iter().map(|probe| probe.tries).max().unwrap_or_default();
        let tries = if tries == 1 { "1 try".to_string() } else { format!("{tries} tries") };
        let after = match surface.is_healthy() {
            true => format!("{}, {tries}", seconds(after)),
            false => format!("not after {}, {tries}", seconds(after)),
        };
        let name = &surface.surface.name;
        let _ = writeln!(text, "| {name} | {} | {} | {after} |", link(shown), health.join("<br>"));
    }
    text.push_str("\n<details><summary>Try it</summary>\n\n```sh\n");
    for surface in checked {
        for probe in &surface.probes {
            let _ = writeln!(text, "curl --fail --silent --show-error --include '{}'", quotable(&probe.url));
        }
    }
    text.push_str("```\n\n</details>\n\n");
    let _ = writeln!(text, "<sub>mainguard looked at commit {}.</sub>", subject.sha);
    text
}

/// What the comment becomes when the pull request is closed.
pub fn closed(number: u64) -> String {
    format!(
        "### The preview of this pull request is gone\n\nIt was closed, so nothing stands behind #{number} any more.\n"
    )
}

/// For a log: one line per path.
pub fn text(subject: &Subject, checked: &[Checked]) -> String {
    let mut text = String::new();
    for surface in checked {
        let (name, url, source) = (&surface.surface.name, &surface.surface.url, surface.surface.source);
        let _ = writeln!(text, "{name}  {url}  ({source})");
        for probe in &surface.probes {
            let (mark, what) = match &probe.failure {
                None => ("ok  ", format!("{} in {}", probe.status.unwrap_or_default(), seconds(probe.answered_in))),
                Some(why) => ("FAIL", why.clone()),
            };
            let _ =
                writeln!(text, "  {mark} {}  {what}  ({} tries, {})", probe.path, probe.tries, seconds(probe.after));
        }
    }
    let verdict = if all_healthy(checked) { "healthy" } else { "not healthy" };
    let _ = writeln!(text, "\nthe preview of #{} at {} is {verdict}", subject.number, subject.sha);
    text
}

/// For programs; `"version": 1`.
pub fn json(subject: &Subject, checked: &[Checked]) -> String {
    crate::text::json::printed(&Document {
        version: 1,
        healthy: all_healthy(checked),
        pull_request: subject.number,
        commit: &subject.sha,
        surfaces: checked.iter().map(Surface::from).collect(),
    })
}

/// Whether every surface is healthy; none is not all.
pub fn all_healthy(checked: &[Checked]) -> bool {
    !checked.is_empty() && checked.iter().all(Checked::is_healthy)
}

fn probed(probe: &Probed) -> String {
    let path = cell(&crate::text::markdown::code(&probe.path));
    match &probe.failure {
        None => format!("✅ {path} {} in {}", probe.status.unwrap_or_default(), seconds(probe.answered_in)),
        Some(why) => format!("❌ {path} {}", cell(&prose(why, 300))),
    }
}

/// An address as a link that ends where it ends: [`Url`] has escaped spaces and angle brackets already.
fn link(url: &Url) -> String {
    format!("<{}>", url.as_str().replace('|', "%7C").replace('\\', "%5C"))
}

/// An address between single quotes, in a fenced block.
fn quotable(url: &Url) -> String {
    url.as_str().replace('\'', "%27").replace('`', "%60")
}

fn seconds(time: Duration) -> String {
    match time.as_millis() {
        millis if millis < 1_000 => format!("{millis} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    healthy: bool,
    pull_request: u64,
    commit: &'a str,
    surfaces: Vec<Surface<'a>>,
}

#[derive(Serialize)]
struct Surface<'a> {
    name: &'a str,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    alias: Option<&'a str>,
    source: Source,
    healthy: bool,
    checks: Vec<Check<'a>>,
}

#[derive(Serialize)]
struct Check<'a> {
    path: &'a str,
    healthy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a str>,
    tries: u32,
    answered_in_ms: u64,
    after_ms: u64,
}

impl<'a> From<&'a Checked> for Surface<'a> {
    fn from(checked: &'a Checked) -> Surface<'a> {
        let surface = &checked.surface;
        Surface {
            name: &surface.name,
            url: surface.url.as_str(),
            alias: surface.alias.as_ref().map(Url::as_str),
            source: surface.source,
            healthy: checked.is_healthy(),
            checks: checked.probes.iter().map(Check::from).collect(),
        }
    }
}

impl<'a> From<&'a Probed> for Check<'a> {
    fn from(probe: &'a Probed) -> Check<'a> {
        Check {
            path: &probe.path,
            healthy: probe.failure.is_none(),
            status: probe.status,
            failure: probe.failure.as_deref(),
            tries: probe.tries,
            answered_in_ms: milliseconds(probe.answered_in),
            after_ms: milliseconds(probe.after),
        }
    }
}
