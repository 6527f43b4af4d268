//! Numbers and texts.

use super::equations::{Formula, Mode, Way};
use super::view::{Limit, View};
use super::{Schemas, Sure, Types};
use crate::contracts::document::Node;

/// Formats whose meaning is written down somewhere, so that another one is another set of values.
const KNOWN: &[&str] = &[
    "date",
    "date-time",
    "time",
    "duration",
    "email",
    "idn-email",
    "hostname",
    "idn-hostname",
    "ipv4",
    "ipv6",
    "uri",
    "uri-reference",
    "iri",
    "iri-reference",
    "uri-template",
    "uuid",
    "json-pointer",
    "relative-json-pointer",
    "regex",
    "byte",
    "binary",
    "int32",
    "int64",
    "float",
    "double",
];

/// What is a special case of what.
const SPECIAL: &[(&str, &str)] = &[
    ("int32", "int64"),
    ("int8", "int16"),
    ("int8", "int32"),
    ("int8", "int64"),
    ("int16", "int32"),
    ("int16", "int64"),
    ("uint8", "uint16"),
    ("uint8", "uint32"),
    ("uint16", "uint32"),
    ("int32", "double"),
    ("float", "double"),
    ("email", "idn-email"),
    ("hostname", "idn-hostname"),
    ("uri", "uri-reference"),
    ("uri", "iri"),
    ("uri", "iri-reference"),
    ("uri-reference", "iri-reference"),
    ("iri", "iri-reference"),
];

/// Formats that say something about numbers.
const NUMERIC: &[&str] =
    &["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float", "double", "decimal"];

/// A pattern that no text fails.
pub(super) fn matches_everything(pattern: &str) -> bool {
    matches!(pattern, "" | "^" | "$" | ".*" | "^.*" | ".*$" | "^.*$" | "(.*)" | "^(.*)$" | "[\\s\\S]*" | "^[\\s\\S]*$")
}

/// Whether every text of one format is one of the other. `Maybe` where nobody wrote down what a format means.
pub(super) fn format_included(sub: &str, sup: &str) -> Sure {
    let known = |format: &str| KNOWN.contains(&format);
    match () {
        () if sub == sup || SPECIAL.contains(&(sub, sup)) => Sure::Yes,
        () if known(sub) && known(sup) => Sure::No,
        () => Sure::Maybe,
    }
}

/// The whole numbers that a format allows.
fn range(format: &str) -> Option<(f64, f64)> {
    Some(match format {
        "int8" => (-128.0, 127.0),
        "int16" => (-32_768.0, 32_767.0),
        "int32" => (-2_147_483_648.0, 2_147_483_647.0),
        "uint8" => (0.0, 255.0),
        "uint16" => (0.0, 65_535.0),
        "uint32" => (0.0, 4_294_967_295.0),
        _ => return None,
    })
}

/// Whether a format says anything about values of these types.
pub(super) fn concerns(format: &str, types: Types) -> bool {
    match NUMERIC.contains(&format) {
        true => types.meets(Types::NUMBER),
        false if KNOWN.contains(&format) => types.meets(Types::STRING),
        false => types.meets(Types::STRING.or(Types::NUMBER)),
    }
}

fn below(limit: Option<Limit>, wanted: Limit) -> bool {
    limit.is_none_or(|had| had.at < wanted.at || had.at == wanted.at && wanted.open && !had.open)
}

fn above(limit: Option<Limit>, wanted: Limit) -> bool {
    limit.is_none_or(|had| had.at > wanted.at || had.at == wanted.at && wanted.open && !had.open)
}

/// Whether every multiple of one number is one of the other.
pub(super) fn is_multiple(of: f64, wanted: f64) -> bool {
    let times = of / wanted;
    times >= 1.0 - 1e-9 && (times - times.round()).abs() < 1e-9 * times.max(1.0)
}

impl Schemas<'_> {
    pub(super) fn numbers_included(&mut self, a: &View, b: &View, all: &mut Vec<Formula>) {
        if b.least.is_some_and(|wanted| below(a.least, wanted)) || b.most.is_some_and(|wanted| above(a.most, wanted)) {
            all.push(Formula::NO);
        }
        let whole = !a.types.meets(Types::FRACTION);
        for wanted in &b.multiples {
            let own = a.multiples.iter().any(|had| is_multiple(had.at, wanted.at));
            let always = own || whole && is_multiple(1.0, wanted.at);
            if !always {
                all.push(Formula::NO);
            }
        }
        for (wanted, _) in &b.formats {
            let wanted = self.forest.str(*wanted);
            if !concerns(wanted, a.types.and(Types::NUMBER)) {
                continue;
            }
            let within = range(wanted).is_some_and(|(low, high)| {
                whole && a.least.is_some_and(|limit| limit.at >= low) && a.most.is_some_and(|limit| limit.at <= high)
            });
            if !within {
                all.push(Formula::Is(self.formatted(a, wanted)));
            }
        }
    }

    /// Whether the formats of a schema are enough for one that is wanted.
    fn formatted(&self, a: &View, wanted: &str) -> Sure {
        let had = a.formats.iter().map(|(had, _)| format_included(self.forest.str(*had), wanted)).max();
        // Without a format there is more; how much more nobody knows of a format that nobody knows.
        had.unwrap_or(if KNOWN.contains(&wanted) || NUMERIC.contains(&wanted) { Sure::No } else { Sure::Maybe })
    }

    pub(super) fn texts_included(&mut self, a: &View, b: &View, mode: Mode, all: &mut Vec<Formula>) {
        if b.min_length.is_some_and(|wanted| below(a.min_length, wanted))
            || b.max_length.is_some_and(|wanted| above(a.max_length, wanted))
        {
            all.push(Formula::NO);
        }
        for (wanted, _) in &b.patterns {
            let same = a.patterns.iter().any(|(had, _)| had == wanted);
            let other = if a.patterns.is_empty() { Sure::No } else { Sure::Maybe };
            all.push(Formula::Is(if same { Sure::Yes } else { other }));
        }
        for (wanted, _) in &b.formats {
            let wanted = self.forest.str(*wanted);
            if concerns(wanted, a.types.and(Types::STRING)) && concerns(wanted, Types::STRING) {
                all.push(Formula::Is(self.formatted(a, wanted)));
            }
        }
        for (had, wanted) in [(&a.encodings, &b.encodings), (&a.media_types, &b.media_types)] {
            let twin = |wanted: &str| had.iter().any(|(one, _)| self.forest.str(*one).eq_ignore_ascii_case(wanted));
            if wanted.iter().any(|(wanted, _)| !twin(self.forest.str(*wanted))) {
                all.push(Formula::NO);
            }
        }
        // Values of an open enumeration that are gone: it does not forbid them, and nobody takes them any more.
        if let (Some((_, had)), Some((_, wanted)), Way::Forth) = (&a.extensible, &b.extensible, mode.way) {
            let takes = |value: &Node| wanted.iter().any(|other| self.forest.same(*value, *other));
            if !had.iter().all(takes) {
                all.push(Formula::NO);
            }
        }
        for wanted in &b.contents {
            let wanted = self.term(*wanted);
            let mut any = Vec::new();
            for had in &a.contents {
                let had = self.term(*had);
                any.push(self.includes(had, wanted, mode));
            }
            all.push(Formula::any(any));
        }
    }
}
