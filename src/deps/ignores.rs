//! What is known and accepted: `osv-scanner.toml` beside a lockfile
//! (<https://google.github.io/osv-scanner/configuration/>) and the section of our own configuration.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ecosystem::Ecosystem;
use super::lockfile::Package;
use super::node::{self, Node};

/// The name that osv-scanner looks for, in the folder of a lockfile.
pub const FILE: &str = "osv-scanner.toml";

/// An advisory that does not count, in our own configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "IgnoredAdvisory")]
pub struct IgnoredAdvisory {
    /// Its id, or any of its aliases.
    pub id: String,
    /// Only for this package; for every one when absent.
    #[serde(default)]
    pub package: Option<String>,
    /// Why; shown in the report.
    pub reason: String,
    /// The last day (YYYY-MM-DD, UTC) on which it holds; for ever when absent.
    #[serde(default)]
    pub until: Option<NaiveDate>,
}

/// One entry, wherever it was written.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Which file, for messages.
    pub file: String,
    /// Its line; 0 when unknown.
    pub line: u32,
    /// Why.
    pub reason: String,
    /// It holds before this moment.
    pub until: Option<DateTime<Utc>>,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Advisory { id: String, package: Option<String> },
    Package { name: Option<Name>, version: Option<String>, ecosystem: Option<String>, group: Option<String> },
}

#[derive(Clone, Debug)]
enum Name {
    Exact(String),
    Pattern(Regex),
}

/// Why an ignore file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct IgnoreError {
    /// What the file is called.
    pub file: String,
    /// Counted from 1.
    pub line: u32,
    /// What is wrong.
    pub message: String,
}

impl Entry {
    /// The entries of our own configuration; `file` is what it is called.
    pub fn of_config(ignores: &[IgnoredAdvisory], file: &str) -> Vec<Entry> {
        let entry = |ignore: &IgnoredAdvisory| Entry {
            file: file.into(),
            line: 0,
            reason: ignore.reason.clone(),
            until: ignore.until.and_then(|day| Some(day.succ_opt()?.and_hms_opt(0, 0, 0)?.and_utc())),
            what: What::Advisory { id: ignore.id.clone(), package: ignore.package.clone() },
        };
        ignores.iter().map(entry).collect()
    }

    /// Whether it holds at `now` for an advisory (any of `ids`) of a package.
    pub fn covers(&self, ecosystem: Ecosystem, package: &Package, ids: &[String], now: DateTime<Utc>) -> bool {
        if self.is_expired(now) {
            return false;
        }
        match &self.what {
            What::Advisory { id, package: only } => {
                let here =
                    only.as_ref().is_none_or(|only| ecosystem.canonical(only) == ecosystem.canonical(&package.name));
                here && ids.iter().any(|other| other.eq_ignore_ascii_case(id))
            }
            What::Package { name, version, ecosystem: of, group } => {
                let named = match name {
                    None => true,
                    Some(Name::Exact(name)) => ecosystem.canonical(name) == ecosystem.canonical(&package.name),
                    Some(Name::Pattern(pattern)) => pattern.is_match(&package.name),
                };
                named
                    && version.as_ref().is_none_or(|version| *version == package.version)
                    && of.as_ref().is_none_or(|of| of == ecosystem.name())
                    && group.as_ref().is_none_or(|group| package.groups.contains(group))
            }
        }
    }

    /// Whether its time is over.
    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        self.until.is_some_and(|until| now >= until)
    }

    /// What it speaks of, for the report of those that nothing uses.
    pub fn subject(&self) -> String {
        match &self.what {
            What::Advisory { id, .. } => id.clone(),
            What::Package { name, ecosystem, .. } => match name {
                Some(Name::Exact(name)) => name.clone(),
                Some(Name::Pattern(pattern)) => pattern.to_string(),
                None => ecosystem.clone().unwrap_or_else(|| "every package".into()),
            },
        }
    }
}

/// Reads an `osv-scanner.toml`; `file` is what messages call it.
///
/// # Errors
///
/// When it is no TOML, a date is none, or a pattern is none. Keys that say nothing about advisories are passed over.
pub fn osv_scanner(bytes: &[u8], file: &str) -> Result<Vec<Entry>, IgnoreError> {
    let wrong = |line: u32, message: String| IgnoreError { file: file.into(), line, message };
    if bytes.len() > 1 << 20 {
        return Err(wrong(1, "larger than 1 MiB".into()));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| wrong(1, "not UTF-8".into()))?;
    let tree = node::toml(text).map_err(|refused| wrong(refused.line, refused.message))?;
    let until = |entry: &Node<'_>, key: &str| match entry.str(key) {
        "" => Ok(None),
        text => match moment(text) {
            Some(moment) => Ok(Some(moment)),
            None => Err(wrong(entry.line, format!("`{key}` is not a date"))),
        },
    };
    let own = |text: &str| Some(text.to_string()).filter(|text| !text.is_empty());
    let mut entries = Vec::new();
    for entry in tree.list("IgnoredVulns") {
        entries.push(Entry {
            file: file.into(),
            line: entry.get("id").map_or(entry.line, |id| id.line),
            reason: entry.str("reason").into(),
            until: until(entry, "ignoreUntil")?,
            what: What::Advisory { id: entry.str("id").into(), package: None },
        });
    }
    for entry in tree.list("PackageOverrides") {
        let vulnerability = entry.get("vulnerability").is_some_and(|inner| inner.is_true("ignore"));
        if !entry.is_true("ignore") && !vulnerability {
            continue;
        }
        let name = match own(entry.str("name")) {
            Some(pattern) if entry.is_true("nameIsRegex") => {
                let pattern = regex::RegexBuilder::new(&pattern).size_limit(1 << 20).build();
                Some(Name::Pattern(pattern.map_err(|error| wrong(entry.line, error.to_string()))?))
            }
            name => name.map(Name::Exact),
        };
        entries.push(Entry {
            file: file.into(),
            line: entry.line,
            reason: entry.str("reason").into(),
            until: until(entry, "effectiveUntil")?,
            what: What::Package {
                name,
                version: own(entry.str("version")),
                ecosystem: own(entry.str("ecosystem")),
                group: own(entry.str("group")),
            },
        });
    }
    Ok(entries)
}

/// A TOML date, date with time, or moment; without a zone it is UTC.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    let zoned = || DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc));
    let local =
        || text.replace('T', " ").parse::<NaiveDateTime>().or_else(|_| text.parse()).ok().map(|at| at.and_utc());
    let day = || text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0).map(|at| at.and_utc());
    zoned().or_else(local).or_else(day)
}
