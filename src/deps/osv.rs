//! Records in the OSV format (<https://ossf.github.io/osv-schema/>), as far as a decision needs them, and whether one
//! speaks about a version.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ecosystem::Ecosystem;
use super::version::{Order, major};

/// One advisory.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Record {
    /// For instance `RUSTSEC-2023-0034`.
    pub id: String,
    /// When it was last changed (RFC 3339).
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub modified: String,
    /// When it was taken back; such a record never matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<String>,
    /// Other ids of the same vulnerability.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub aliases: Vec<String>,
    /// One line.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub summary: String,
    /// Vectors.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub severity: Vec<Vector>,
    /// Whom it concerns.
    #[serde(deserialize_with = "or_default")]
    pub affected: Vec<Affected>,
    /// What the database says beside the schema.
    #[serde(skip_serializing_if = "Specific::is_empty", deserialize_with = "or_default")]
    pub database_specific: Specific,
}

/// A severity as the record writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Vector {
    /// `CVSS_V2`, `CVSS_V3`, `CVSS_V4`, or a database's own.
    #[serde(rename = "type")]
    pub kind: String,
    /// The vector.
    pub score: String,
}

/// The part of `database_specific` that tells a severity.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Specific {
    /// A label such as `MODERATE`; databases put other things here as well.
    #[serde(skip_serializing_if = "serde_json::Value::is_null")]
    pub severity: serde_json::Value,
}

impl Specific {
    fn is_empty(&self) -> bool {
        self.severity.is_null()
    }
}

/// One package of a record.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Affected {
    /// Which.
    #[serde(deserialize_with = "or_default")]
    pub package: PackageName,
    /// Severity for this package.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub severity: Vec<Vector>,
    /// From where to where.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub ranges: Vec<Range>,
    /// Affected versions by name.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub versions: Vec<String>,
}

/// A package as a record names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct PackageName {
    /// The ecosystem's name, perhaps with a part behind a colon.
    pub ecosystem: String,
    /// The package's name.
    pub name: String,
}

/// A range of versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Range {
    /// `SEMVER`, `ECOSYSTEM` or `GIT`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happens at which version: one key of `introduced`, `fixed`, `last_affected`, `limit` each.
    #[serde(deserialize_with = "or_default")]
    pub events: Vec<BTreeMap<String, String>>,
}

/// Databases write `null` where they have nothing.
fn or_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl Record {
    /// Whether the record speaks about this version of this package.
    pub fn affects(&self, ecosystem: Ecosystem, name: &str, version: &str) -> bool {
        if self.withdrawn.is_some() || version.is_empty() {
            return false;
        }
        let ranged = |range: &Range| match order(range, ecosystem) {
            Some(order) => in_range(range, order, version),
            None => false,
        };
        self.about(ecosystem, name)
            .any(|affected| affected.versions.iter().any(|it| it == version) || affected.ranges.iter().any(ranged))
    }

    /// The lowest fixed version above `version`, in the same major when there is one.
    pub fn fixed(&self, ecosystem: Ecosystem, name: &str, version: &str) -> Option<String> {
        let order = Order::of(ecosystem);
        let ranges = self.about(ecosystem, name).flat_map(|affected| &affected.ranges);
        let events = ranges.filter(|range| range.kind != "GIT").flat_map(|range| &range.events);
        let above = |fixed: &&String| order.compare(fixed, version) == Ordering::Greater;
        let fixed: Vec<&String> = events.filter_map(|event| event.get("fixed")).filter(above).collect();
        let lowest =
            |of: &mut dyn Iterator<Item = &&String>| of.min_by(|a, b| order.compare(a, b)).map(|it| it.to_string());
        lowest(&mut fixed.iter().filter(|fixed| major(fixed) == major(version))).or_else(|| lowest(&mut fixed.iter()))
    }

    /// The parts that speak about a package.
    pub fn about<'a>(&'a self, ecosystem: Ecosystem, name: &'a str) -> impl Iterator<Item = &'a Affected> {
        let wanted = ecosystem.canonical(name);
        self.affected.iter().filter(move |affected| {
            Ecosystem::named(&affected.package.ecosystem) == Some(ecosystem)
                && ecosystem.canonical(&affected.package.name) == wanted
        })
    }

    /// Whether the package itself is the attack.
    pub fn is_malicious(&self) -> bool {
        self.id.starts_with("MAL-")
    }

    /// The moment of the last change.
    pub fn modified_at(&self) -> Option<DateTime<Utc>> {
        DateTime::parse_from_rfc3339(&self.modified).ok().map(|at| at.with_timezone(&Utc))
    }
}

fn order(range: &Range, ecosystem: Ecosystem) -> Option<Order> {
    match range.kind.as_str() {
        "SEMVER" => Some(Order::SemVer),
        "ECOSYSTEM" => Some(Order::of(ecosystem)),
        _ => None,
    }
}

/// The schema's evaluation: events in the order of their versions, the last one that was reached decides.
fn in_range(range: &Range, order: Order, version: &str) -> bool {
    let mut events: Vec<(&str, &str)> =
        range.events.iter().flatten().map(|(kind, at)| (kind.as_str(), at.as_str())).collect();
    let compare = |a: &str, b: &str| match (a == "0", b == "0") {
        (true, true) => Ordering::Equal,
        // "0" is before every version.
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => order.compare(a, b),
    };
    let limits: Vec<&str> = events.iter().filter(|(kind, _)| *kind == "limit").map(|(_, at)| *at).collect();
    let limited = |limit: &&str| *limit == "*" || compare(version, limit) == Ordering::Less;
    if !limits.is_empty() && !limits.iter().any(limited) {
        return false;
    }
    events.sort_by(|a, b| compare(a.1, b.1));
    let mut affected = false;
    for (kind, at) in events {
        let reached = match (at, compare(version, at)) {
            ("0", _) => Ordering::Greater,
            (_, order) => order,
        };
        match kind {
            "introduced" if reached.is_ge() => affected = true,
            "fixed" if reached.is_ge() => affected = false,
            "last_affected" if reached.is_gt() => affected = false,
            _ => {}
        }
    }
    affected
}

#[cfg(test)]
mod tests {
    use super::*;

    fn affected(events: &str, version: &str) -> bool {
        let json = format!(
            r#"{{"id":"A","affected":[{{"package":{{"ecosystem":"npm","name":"p"}},"ranges":[{{"type":"SEMVER","events":{events}}}]}}]}}"#
        );
        let record: Record = serde_json::from_str(&json).unwrap();
        record.affects(Ecosystem::Npm, "p", version)
    }

    #[test]
    fn the_last_event_that_was_reached_decides() {
        let events = r#"[{"fixed":"2.0.0"},{"introduced":"0"},{"introduced":"3.0.0"},{"last_affected":"3.1.0"}]"#;
        for version in ["0.0.0-alpha", "1.9.9", "3.0.0", "3.1.0"] {
            assert!(affected(events, version), "{version}");
        }
        for version in ["2.0.0", "2.9.9", "3.1.1"] {
            assert!(!affected(events, version), "{version}");
        }
    }

    #[test]
    fn a_limit_ends_before_itself() {
        let events = r#"[{"introduced":"1.0.0"},{"limit":"2.0.0"}]"#;
        assert!(affected(events, "1.5.0"));
        assert!(!affected(events, "2.0.0"));
    }
}
