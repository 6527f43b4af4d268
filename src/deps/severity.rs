//! How bad an advisory is: from its vectors, else from its database's label, else unknown, which is said and never
//! taken for harmless.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::osv::{Record, Vector};

/// The qualitative scale of CVSS. The order is from mildest to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Rating {
    /// A score of 0.
    None,
    /// Up to 3.9.
    Low,
    /// Up to 6.9.
    Medium,
    /// Up to 8.9.
    High,
    /// From 9.0.
    Critical,
}

impl Rating {
    /// The rating of a score (<https://www.first.org/cvss/v4.0/specification-document#Qualitative-Severity-Rating-Scale>).
    pub fn of(score: f64) -> Rating {
        match score {
            score if score >= 9.0 => Rating::Critical,
            score if score >= 7.0 => Rating::High,
            score if score >= 4.0 => Rating::Medium,
            score if score > 0.0 => Rating::Low,
            _ => Rating::None,
        }
    }

    /// A database's own word for it.
    pub fn labelled(label: &str) -> Option<Rating> {
        Some(match label.to_ascii_lowercase().as_str() {
            "none" => Rating::None,
            "low" => Rating::Low,
            "moderate" | "medium" => Rating::Medium,
            "high" | "important" => Rating::High,
            "critical" => Rating::Critical,
            _ => return None,
        })
    }

    /// `none` … `critical`.
    pub fn as_str(self) -> &'static str {
        match self {
            Rating::None => "none",
            Rating::Low => "low",
            Rating::Medium => "medium",
            Rating::High => "high",
            Rating::Critical => "critical",
        }
    }
}

impl fmt::Display for Rating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A severity and where it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Severity {
    /// How bad.
    pub rating: Rating,
    /// The base score of a vector, 0 to 10.
    pub score: Option<f64>,
    /// In words: `CVSS_V3 of GHSA-…`, `label of GHSA-…`.
    pub source: String,
}

/// The base score of a vector; `None` when it is not one of CVSS 2 to 4.
pub fn score(vector: &Vector) -> Option<f64> {
    let text = vector.score.trim();
    let score = match text.starts_with("CVSS:") {
        true => text.parse::<cvss::Cvss>().ok()?.score(),
        false => text.parse::<cvss::v2::Vector>().ok()?.score().value(),
    };
    // Scores have one decimal; what arithmetic leaves behind it is noise.
    Some((score * 10.0).round() / 10.0)
}

/// The severity that a record itself tells.
pub fn of(record: &Record) -> Option<Severity> {
    if record.is_malicious() {
        let source = format!("{} is malware", record.id);
        return Some(Severity { rating: Rating::Critical, score: None, source });
    }
    let vectors = record.severity.iter().chain(record.affected.iter().flat_map(|affected| &affected.severity));
    let scored = vectors.filter_map(|vector| Some((score(vector)?, vector)));
    if let Some((score, vector)) = scored.max_by(|a, b| a.0.total_cmp(&b.0)) {
        let source = format!("{} of {}", vector.kind, record.id);
        return Some(Severity { rating: Rating::of(score), score: Some(score), source });
    }
    let rating = record.database_specific.severity.as_str().and_then(Rating::labelled)?;
    Some(Severity { rating, score: None, source: format!("label of {}", record.id) })
}

/// The worst of what records of one vulnerability tell.
pub fn worst<'a>(records: impl IntoIterator<Item = &'a Record>) -> Option<Severity> {
    let weight = |severity: &Severity| (severity.rating, severity.score.unwrap_or(0.0));
    records
        .into_iter()
        .filter_map(of)
        .max_by(|a, b| weight(a).partial_cmp(&weight(b)).unwrap_or(std::cmp::Ordering::Equal))
}
