//! Changes that somebody looked at and accepted, each with a reason and a last day.
//!
//! ```toml
//! [[accepted]]
//! fingerprint = "3f9a1c0b7d42"
//! reason = "the mobile app reads the new field since 4.2"
//! by = "ana"
//! expires = 2027-01-31
//! ```
//!
//! A fingerprint names what changed (the rule, the thing, the values before and after) and neither its wording nor its
//! file nor its line: a moved file or a better sentence does not void what was accepted, another value does.

use chrono::NaiveDate;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::ContractChange;

/// Where the file stands unless the configuration names another.
pub const FILE: &str = ".github/contracts-accepted.toml";

/// Nobody reads more than this.
const MOST_ENTRIES: usize = 10_000;
/// Long enough to be unique in a repository, short enough to be read aloud.
const DIGITS: usize = 12;

/// The name of a change that stays the same in another run.
pub fn fingerprint(change: &ContractChange) -> String {
    let mut hash = Sha256::new();
    let format = format!("{:?}", change.format);
    let values = [format.as_str(), change.rule, change.subject.as_str()].into_iter();
    let sides = [change.before.as_deref(), change.after.as_deref()].map(Option::unwrap_or_default);
    for part in values.chain(sides).chain(change.args.iter().map(String::as_str)) {
        // Length first, so that ("ab", "c") and ("a", "bc") differ.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>()[..DIGITS].to_string()
}

/// One accepted change.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// [`fingerprint`] of the change.
    pub fingerprint: String,
    /// Why it is accepted.
    pub reason: String,
    /// Who accepted it.
    #[serde(default)]
    pub by: Option<String>,
    /// The last day (UTC) on which it counts; for ever when absent.
    #[serde(default, deserialize_with = "day")]
    pub expires: Option<NaiveDate>,
}

/// All of them, as read at the base.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// In the order of the file.
    pub entries: Vec<Entry>,
}

/// A file of accepted changes that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AcceptedError {
    /// It is no TOML, or of another form.
    #[error("{file}: {message}")]
    Malformed {
        /// The file.
        file: String,
        /// What is wrong, on one line.
        message: String,
    },
    /// An entry lacks what it must have.
    #[error("{file}: entry {index}: {message}")]
    Entry {
        /// The file.
        file: String,
        /// Counted from 1.
        index: usize,
        /// What is wrong.
        message: &'static str,
    },
}

impl AcceptedError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some("each `[[accepted]]` has a `fingerprint`, a `reason`, and may have `by` and `expires = 2027-01-31`".into())
    }
}

impl Accepted {
    /// Reads the file.
    ///
    /// # Errors
    /// [`AcceptedError`] when it is not such a file, or an entry gives no reason.
    pub fn parse(bytes: &[u8], file: &str) -> Result<Accepted, AcceptedError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            #[serde(default)]
            accepted: Vec<Entry>,
        }
        let malformed = |message: String| AcceptedError::Malformed { file: file.to_string(), message };
        let text = std::str::from_utf8(bytes).map_err(|_| malformed("it is not UTF-8".into()))?;
        let read: File = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let place = line.map_or_else(String::new, |line| format!("line {line}: "));
            malformed(format!("{place}{}", error.message().lines().next().unwrap_or_default()))
        })?;
        if read.accepted.len() > MOST_ENTRIES {
            return Err(malformed(format!("it has more than {MOST_ENTRIES} entries")));
        }
        for (index, entry) in read.accepted.iter().enumerate() {
            let wrong = |message| AcceptedError::Entry { file: file.to_string(), index: index + 1, message };
            if entry.reason.trim().is_empty() {
                return Err(wrong("nothing is accepted without a reason"));
            }
            if entry.fingerprint.len() < DIGITS || !entry.fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(wrong("a fingerprint has 12 hexadecimal digits"));
            }
        }
        Ok(Accepted { entries: read.accepted })
    }

    /// The entry that covers a change today.
    pub fn covers(&self, fingerprint: &str, today: NaiveDate) -> Option<&Entry> {
        let holds = |entry: &&Entry| {
            entry.fingerprint.eq_ignore_ascii_case(fingerprint) && entry.expires.is_none_or(|last| today <= last)
        };
        self.entries.iter().find(holds)
    }

    /// Entries whose last day has passed.
    pub fn expired(&self, today: NaiveDate) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.expires.is_some_and(|last| last < today))
    }

    /// Entries that cover none of these changes.
    pub fn unused<'a>(&'a self, fingerprints: &'a [String]) -> impl Iterator<Item = &'a Entry> {
        let is_met = |entry: &Entry| fingerprints.iter().any(|one| one.eq_ignore_ascii_case(&entry.fingerprint));
        self.entries.iter().filter(move |entry| !is_met(entry))
    }
}

/// A date of TOML, or the same as a string.
fn day<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDate>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Day {
        Date(toml::value::Datetime),
        Text(String),
    }
    let text = match Day::deserialize(deserializer)? {
        Day::Date(date) => date.date.map(|date| date.to_string()).unwrap_or_default(),
        Day::Text(text) => text,
    };
    let wrong = |_| serde::de::Error::custom("`expires` is a day, as in 2027-01-31");
    text.trim().parse().map(Some).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::super::{Format, Impact};
    use super::*;

    fn change(after: &str) -> ContractChange {
        ContractChange {
            format: Format::OpenApi,
            rule: "request-parameter-became-required",
            impact: Impact::Breaking,
            subject: "GET /pets".into(),
            message: "words".into(),
            args: vec!["limit".into()],
            before: Some("optional".into()),
            after: Some(after.into()),
            base: None,
            revision: None,
            breaks: None,
            fix: None,
            reaches: Vec::new(),
        }
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn words_and_places_do_not_void_what_was_accepted() {
        let mut moved = change("required");
        moved.message = "other words".into();
        moved.reaches = vec!["GET /cats".into()];
        assert_eq!(fingerprint(&change("required")), fingerprint(&moved));
        assert_ne!(fingerprint(&change("required")), fingerprint(&change("forbidden")));
        assert_eq!(fingerprint(&moved).len(), DIGITS);
    }

    #[test]
    fn an_entry_counts_until_its_last_day() {
        let print = fingerprint(&change("required"));
        let text = format!(
            "[[accepted]]\nfingerprint = \"{print}\"\nreason = \"nobody sends it\"\nexpires = 2027-01-31\n\n\
             [[accepted]]\nfingerprint = \"000000000000\"\nreason = \"long ago\"\nexpires = \"2020-01-01\"\n"
        );
        let accepted = Accepted::parse(text.as_bytes(), FILE).unwrap();
        assert!(accepted.covers(&print, day("2027-01-31")).is_some());
        assert!(accepted.covers(&print, day("2027-02-01")).is_none());
        assert_eq!(accepted.expired(day("2027-01-31")).count(), 1);
        let unused: Vec<_> = accepted.unused(std::slice::from_ref(&print)).map(|entry| &*entry.reason).collect();
        assert_eq!(unused, ["long ago"]);
    }

    #[test]
    fn a_file_that_says_too_little_is_refused_with_its_line() {
        let refused = |text: &str| Accepted::parse(text.as_bytes(), "a.toml").unwrap_err().to_string();
        assert!(refused("[[accepted]]\nfingerprint = \"000000000000\"\nreason = \" \"\n").contains("entry 1"));
        assert!(refused("[[accepted]]\nfingerprint = \"zz\"\nreason = \"x\"\n").contains("hexadecimal"));
        assert!(refused("\n[[accepted]]\nfingerprint = \"000000000000\"\nreson = \"x\"\n").contains("line 4"));
        assert!(
            refused("[[accepted]]\nfingerprint = \"000000000000\"\nreason = \"x\"\nexpires = \"soon\"\n")
                .contains("expires")
        );
    }
}
