//! What a scan says on stderr.

use std::time::Duration;

use chrono::{DateTime, Utc};
use mainguard::secrets::Leak;
use mainguard::secrets::validity::{self, Validity};

use crate::console::Console;

/// More leaks than this are counted, not listed: a report is the place for them.
const MOST_LISTED: usize = 20;

/// Lines on stderr, by gitleaks' levels.
pub(crate) struct Said<'a> {
    console: &'a Console,
    level: Level,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl<'a> Said<'a> {
    pub(crate) fn new(console: &'a Console, level: &str) -> Said<'a> {
        let known = match level.to_ascii_lowercase().as_str() {
            "trace" | "debug" => Some(Level::Debug),
            "info" => Some(Level::Info),
            "warn" => Some(Level::Warn),
            "err" | "error" | "fatal" => Some(Level::Error),
            _ => None,
        };
        let said = Said { console, level: known.unwrap_or(Level::Info) };
        if known.is_none() {
            said.warn("the log level is none of trace, debug, info, warn, error, fatal: taken for info");
        }
        said
    }

    /// Whether people want to see how far it has come.
    pub(crate) fn draws(&self) -> bool {
        self.level <= Level::Info && !self.console.is_quiet()
    }

    pub(crate) fn debug(&self, text: &str) {
        self.at(Level::Debug, text);
    }

    pub(crate) fn info(&self, text: &str) {
        self.at(Level::Info, text);
    }

    pub(crate) fn warn(&self, text: &str) {
        self.at(Level::Warn, text);
    }

    /// What makes the exit code a bad one: said unless nothing is to be said at all.
    pub(crate) fn error(&self, text: &str) {
        self.at(Level::Error, text);
    }

    fn at(&self, level: Level, text: &str) {
        match level {
            _ if level < self.level => {}
            Level::Debug | Level::Info => self.console.note(text),
            Level::Warn | Level::Error => self.console.warn(text),
        }
    }

    pub(crate) fn info_lines(&self, lines: &[String]) {
        for line in lines {
            self.info(line);
        }
    }

    /// Where the leaks are and what they tell about themselves, for people who asked for no more than that. Never what
    /// they are.
    pub(crate) fn list(&self, leaks: &[Leak], told_elsewhere: bool, now: DateTime<Utc>) -> Vec<String> {
        if told_elsewhere {
            return Vec::new();
        }
        let mut lines: Vec<String> = leaks
            .iter()
            .take(MOST_LISTED)
            .map(|leak| {
                let commit = leak.commit.as_ref().map_or("", |commit| commit.id.as_str());
                let commit = commit.get(..12).map_or(String::new(), |id| format!(" in {id}"));
                let told = match validity::check(&leak.rule, &leak.secret, now) {
                    Validity::Unchecked => String::new(),
                    told => format!("; {told}"),
                };
                format!("{}:{}: {} {}{commit}{told}", leak.file, leak.span.start_line, leak.rule, leak.redacted())
            })
            .collect();
        if leaks.len() > MOST_LISTED {
            lines.push(format!("and {} more: `-f json -r FILE` writes them all", leaks.len() - MOST_LISTED));
        }
        lines
    }
}

/// `1.23 MB`, in powers of a thousand as gitleaks counts.
pub(crate) fn bytes(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "KB")];
    match units.into_iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => format!("{:.2} {unit}", bytes as f64 / size as f64),
        None => format!("{bytes} bytes"),
    }
}

/// `12 files`, `1 file`.
pub(crate) fn count(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// `1.23 s`.
pub(crate) fn duration(elapsed: Duration) -> String {
    match elapsed {
        short if short < Duration::from_secs(1) => format!("{} ms", short.as_millis()),
        long if long < Duration::from_secs(100) => format!("{:.1} s", long.as_secs_f64()),
        long => format!("{} s", long.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts() {
        assert_eq!(bytes(0), "0 bytes");
        assert_eq!(bytes(1_234_567), "1.23 MB");
        assert_eq!(count(1, "file"), "1 file");
        assert_eq!(duration(Duration::from_millis(1_260)), "1.3 s");
    }
}
