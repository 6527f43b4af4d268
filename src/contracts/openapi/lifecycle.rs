//! What is announced before it is gone: deprecation, the day of the end, stability.

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Options;
use super::model::Lifecycle;
use crate::contracts::document::{Forest, Node};

/// How much may be relied on, from least to most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ContractsStability")]
pub enum Stability {
    /// May change any day.
    Draft,
    /// Tried out.
    Alpha,
    /// About to be stable.
    #[default]
    Beta,
    /// Relied on.
    Stable,
}

impl Stability {
    /// By its name in small letters.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "draft" => Self::Draft,
            "alpha" => Self::Alpha,
            "beta" => Self::Beta,
            "stable" => Self::Stable,
            _ => return None,
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Alpha => "alpha",
            Self::Beta => "beta",
            Self::Stable => "stable",
        }
    }
}

/// What a thing says of its stability: nothing is stable; another word is an error.
pub(super) fn stability(forest: &Forest, lifecycle: Lifecycle) -> Result<Stability, String> {
    let Some(node) = lifecycle.stability else { return Ok(Stability::Stable) };
    let word = forest.scalar(node).unwrap_or("a list or an object");
    Stability::named(word).ok_or_else(|| word.to_string())
}

/// What became of a thing that stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Aging {
    Deprecated(Option<NaiveDate>),
    Reactivated,
    SunsetMissing,
    /// A new day that cannot be read: why.
    SunsetUnreadable(String),
    /// A day that was announced and one of which cannot be read, so that they cannot be compared: why.
    SunsetSpoilt(String),
    SunsetDeleted,
    /// The day, and how many days there must be.
    SunsetTooSoon(NaiveDate, u32),
    /// The day before, the day now, and how many days there must be.
    SunsetEarlier(NaiveDate, NaiveDate, u32),
}

/// Compares the announcements of a thing on both sides.
pub(super) fn aged(forest: &Forest, old: Lifecycle, new: Lifecycle, days: u32, options: &Options) -> Vec<Aging> {
    if !new.deprecated {
        return if old.deprecated { vec![Aging::Reactivated] } else { Vec::new() };
    }
    let left = |end: NaiveDate| options.today.map(|today| end.signed_duration_since(today).num_days());
    if !old.deprecated {
        return vec![match new.sunset.map(|node| day(forest, node)) {
            None if days > 0 => Aging::SunsetMissing,
            None => Aging::Deprecated(None),
            Some(Err(why)) => Aging::SunsetUnreadable(why),
            Some(Ok(end)) if left(end).is_some_and(|left| left < i64::from(days)) => Aging::SunsetTooSoon(end, days),
            Some(Ok(end)) => Aging::Deprecated(Some(end)),
        }];
    }
    let (before, after) = (old.sunset.map(|node| day(forest, node)), new.sunset.map(|node| day(forest, node)));
    let stayed = matches!((old.sunset, new.sunset), (Some(before), Some(after)) if forest.same(before, after));
    match (before, after) {
        _ if stayed => Vec::new(),
        (None, None) => Vec::new(),
        (Some(_), None) => vec![Aging::SunsetDeleted],
        (None, Some(Err(why))) => vec![Aging::SunsetUnreadable(why)],
        (Some(_), Some(Err(why))) | (Some(Err(why)), Some(Ok(_))) => vec![Aging::SunsetSpoilt(why)],
        (Some(Ok(before)), Some(Ok(after))) => {
            let soon = left(after).is_none_or(|left| left < i64::from(days));
            if after < before && soon { vec![Aging::SunsetEarlier(before, after, days)] } else { Vec::new() }
        }
        (None, Some(Ok(after))) => match left(after) {
            Some(left) if left < i64::from(days) => vec![Aging::SunsetTooSoon(after, days)],
            _ => Vec::new(),
        },
    }
}

/// How a thing that is gone was announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    /// Not at all.
    None,
    /// Deprecated, with no day.
    Announced,
    /// The day came.
    Due(NaiveDate),
    /// The day has not come.
    Early(NaiveDate),
    /// There is a day that cannot be read: why.
    Unreadable(String),
}

/// How a thing of the base was announced to go.
pub(super) fn farewell(forest: &Forest, old: Lifecycle, options: &Options) -> Farewell {
    match (old.deprecated, old.sunset.map(|node| day(forest, node))) {
        (false, _) => Farewell::None,
        (true, None) => Farewell::Announced,
        (true, Some(Err(why))) => Farewell::Unreadable(why),
        (true, Some(Ok(end))) if options.today.is_some_and(|today| today >= end) => Farewell::Due(end),
        (true, Some(Ok(end))) => Farewell::Early(end),
    }
}

/// The day that a node says, as RFC 3339 writes days and times.
pub(super) fn day(forest: &Forest, node: Node) -> Result<NaiveDate, String> {
    let Some(text) = forest.string(node) else { return Err("is no text".into()) };
    // What was JSON inside of a text is still a day.
    let text = text.trim_matches('"');
    let date = text.get(..10).and_then(|day| NaiveDate::parse_from_str(day, "%Y-%m-%d").ok());
    let rest = text.get(10..).unwrap_or_default();
    let is_time = rest.is_empty() || chrono::DateTime::parse_from_rfc3339(text).is_ok();
    date.filter(|_| is_time).ok_or_else(|| format!("is no day as RFC 3339 writes them: {text}"))
}
