//! All lockfiles of a repository at the two ends of a change, and what is known about their packages.

use chrono::{DateTime, Utc};

use super::Lockfile;
use super::ignores::Entry;
use super::judge::Advisories;
use crate::change::RepoPath;

/// One lockfile where it stands.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Where.
    pub path: RepoPath,
    /// What it says.
    pub lockfile: Lockfile,
    /// Its text, to draw the line of a finding.
    pub text: String,
}

/// What a guard needs to judge dependencies.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// At the base.
    pub base: Vec<Placed>,
    /// At the head.
    pub head: Vec<Placed>,
    /// Lockfiles of the head that changed and could not be read: which, and why.
    pub unreadable: Vec<(RepoPath, String)>,
    /// `osv-scanner.toml` files at the base: the folder (empty: the top) and what it sets aside.
    pub ignores: Vec<(String, Vec<Entry>)>,
    /// What is known, or why nothing is.
    pub data: Data,
}

/// Advisory data, or the reason for which there is none.
#[derive(Clone, Debug)]
pub enum Data {
    /// What is known.
    Known {
        /// The records about the packages of the lockfiles.
        advisories: Advisories,
        /// How old and how large the data is, in words.
        age: String,
        /// When it was fetched.
        fetched: Option<DateTime<Utc>>,
        /// Lockfiles of ecosystems of which the data holds nothing.
        uncovered: Vec<String>,
    },
    /// There is no data at all: the reason, and what to do.
    None(String),
    /// There is data and it could not be used.
    Failed(String),
}

impl Default for Data {
    fn default() -> Data {
        Data::None("no advisory data was asked for".into())
    }
}

/// The folder of a path, without a slash at its end; empty at the top.
pub fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}
