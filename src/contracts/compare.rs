//! All contracts of two sides compared, each by the reader of its language, into one list: worst first, each root cause
//! once.

use std::collections::{BTreeMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Serialize;

use super::discover::{Job, Pair};
use super::text::TextDiff;
use super::{
    ContractChange, Format, Impact, Place, Side, Tree, Unreadable, accepted, graphql, json_schema, openapi, protobuf,
    routes, sql, text, typescript,
};

/// What is asked of the readers.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Of OpenAPI's and Swagger's.
    pub openapi: openapi::Options,
    /// Of Protobuf's.
    pub protobuf: protobuf::Options,
    /// Of GraphQL's.
    pub graphql: graphql::Options,
    /// Of JSON Schema's.
    pub json_schema: json_schema::Options,
    /// Of TypeScript's; which files moved is told by the job.
    pub typescript: typescript::Options,
    /// Of the migrations'.
    pub sql: sql::Options,
    /// Of the routes'.
    pub routes: routes::Options,
}

/// What a comparison came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Worst first, then by how much they reach, then by what they are about.
    pub changes: Vec<Change>,
    /// The lines of what was compared as text.
    pub texts: Vec<TextDiff>,
    /// What was compared, sorted.
    pub files: Vec<Compared>,
    /// What could not be read. A comparison that has some is no answer about them.
    pub unreadable: Vec<Unreadable>,
}

/// One change, with the name that it keeps in other runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What changed.
    pub what: ContractChange,
    /// See [`accepted::fingerprint`].
    pub fingerprint: String,
    /// The lines it stood on and stands on, for those changes that somebody will look at.
    pub source: Source,
}

/// Lines of both sides, bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// At the base.
    pub before: Vec<String>,
    /// At the head.
    pub after: Vec<String>,
}

/// A text and where its lines begin: a description may be hundreds of thousands of lines long.
struct Lines {
    text: String,
    starts: Vec<usize>,
}

/// Changes whose source is kept: more are not looked at one by one.
const MOST_SOURCES: usize = 50;
/// Lines of each side that are kept.
const SOURCE_LINES: usize = 8;
/// Characters of each line; a document on one line must not fill a screen.
const SOURCE_COLUMNS: usize = 160;

/// One file, or one pair of files, that was compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Compared {
    /// As what.
    pub format: Format,
    /// Its two sides.
    #[serde(flatten)]
    pub pair: Pair,
}

impl Comparison {
    /// How many changes have this impact.
    pub fn count(&self, impact: Impact) -> usize {
        self.changes.iter().filter(|change| change.what.impact == impact).count()
    }

    /// The contracts that differ, by the path to call them by, sorted. What a delivery measure calls
    /// `contracts_touched`.
    pub fn contracts_touched(&self) -> Vec<String> {
        let mut names: Vec<String> = self.files.iter().map(|file| file.pair.name().to_string()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The endpoints whose contract differs, as `GET /pets/{id}`, sorted. What a delivery measure calls
    /// `endpoints_touched`.
    pub fn endpoints_touched(&self) -> Vec<String> {
        let all =
            self.changes.iter().flat_map(|change| std::iter::once(&change.what.subject).chain(&change.what.reaches));
        let mut found: Vec<String> =
            all.filter_map(|name| endpoint(name).map(|(method, path)| format!("{method} {path}"))).collect();
        found.sort();
        found.dedup();
        found
    }

    fn quote(&mut self, base: &dyn Tree, head: &dyn Tree) {
        let mut read: BTreeMap<(Side, String), Option<Lines>> = BTreeMap::new();
        let mut lines = |tree: &dyn Tree, side: Side, place: &Option<Place>| -> Vec<String> {
            let Some(place) = place else { return Vec::new() };
            let known = read.entry((side, place.file.clone())).or_insert_with(|| {
                let text = String::from_utf8(tree.read(&place.file)?)
                    .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
                let newlines = memchr::memchr_iter(b'\n', text.as_bytes());
                let starts = std::iter::once(0).chain(newlines.map(|newline| newline + 1)).collect();
                Some(Lines { text, starts })
            });
            let Some(Lines { text, starts }) = known else { return Vec::new() };
            let count = (place.end_line.saturating_sub(place.line) as usize + 1).min(SOURCE_LINES);
            let start = starts.get(place.line.saturating_sub(1) as usize).copied().unwrap_or(text.len());
            let all = text[start..].lines().take(count);
            all.map(|line| line.chars().take(SOURCE_COLUMNS).collect()).collect()
        };
        let worth = self.changes.iter_mut().filter(|change| change.what.impact > Impact::Compatible);
        for change in worth.filter(|change| change.what.format != Format::Text).take(MOST_SOURCES) {
            change.source = Source {
                before: lines(base, Side::Base, &change.what.base),
                after: lines(head, Side::Revision, &change.what.revision),
            };
        }
    }

    fn arrange(&mut self) {
        self.changes.sort_by(|a, b| rank(&a.what).cmp(&rank(&b.what)));
        // A bundle beside its sources says everything twice.
        let mut seen = HashSet::new();
        self.changes.retain(|change| seen.insert((change.fingerprint.clone(), change.what.message.clone())));
        self.files.sort();
        self.files.dedup();
        self.texts.sort_by(|a, b| (&a.head, &a.base).cmp(&(&b.head, &b.base)));
        self.unreadable.sort_by(|a, b| (&a.file, a.side).cmp(&(&b.file, b.side)));
        self.unreadable.dedup();
    }
}

type Rank<'a> = (std::cmp::Reverse<Impact>, std::cmp::Reverse<usize>, &'a str, &'a str, &'a [String]);

fn rank(change: &ContractChange) -> Rank<'_> {
    let reach = std::cmp::Reverse(change.reaches.len());
    (std::cmp::Reverse(change.impact), reach, &change.subject, change.rule, &change.args)
}

/// The method and the path, where a subject is an operation.
pub fn endpoint(subject: &str) -> Option<(&str, &str)> {
    const METHODS: [&str; 9] = ["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE", "ANY"];
    let (method, rest) = subject.split_once(' ')?;
    let path = rest.split(' ').next()?;
    (METHODS.contains(&method) && (path.starts_with('/') || path.starts_with("webhook:"))).then_some((method, path))
}

/// Compares what [`discover::plan`](super::discover::plan) planned.
pub fn compare(base: &dyn Tree, head: &dyn Tree, jobs: &[Job], options: &Options) -> Comparison {
    let mut comparison = Comparison::default();
    for job in jobs {
        let compared = job.pairs.iter().map(|pair| Compared { format: job.format, pair: pair.clone() });
        comparison.files.extend(compared);
        // A defect of one reader must not take the others' findings with it, and must not look like silence.
        let read = catch_unwind(AssertUnwindSafe(|| run(base, head, job, options)));
        let read = read.unwrap_or_else(|_| {
            Err(Unreadable {
                side: Side::Revision,
                file: job.pairs.first().map(|pair| pair.name().to_string()).unwrap_or_default(),
                line: 1,
                column: 1,
                what: "its reader stopped in the middle: this is a defect of mainguard, please report it".into(),
            })
        });
        match read {
            Ok(Some(changes)) => comparison.changes.extend(changes.into_iter().map(named)),
            Ok(None) => as_text(base, head, job, &mut comparison),
            Err(unreadable) => {
                comparison.unreadable.push(unreadable);
                as_text(base, head, job, &mut comparison);
            }
        }
    }
    comparison.arrange();
    comparison.quote(base, head);
    comparison
}

fn named(what: ContractChange) -> Change {
    Change { fingerprint: accepted::fingerprint(&what), what, source: Source::default() }
}

/// What a reader says; `None` where there is none for the language.
fn run(
    base: &dyn Tree,
    head: &dyn Tree,
    job: &Job,
    options: &Options,
) -> Result<Option<Vec<ContractChange>>, Unreadable> {
    let (old, new) = (&job.base_paths, &job.head_paths);
    match job.format {
        Format::Protobuf => protobuf::diff(base, old, head, new, &options.protobuf).map(Some),
        Format::GraphQl => graphql::diff(base, old, head, new, &options.graphql).map(Some),
        Format::TypeScript => {
            let moved = job.pairs.iter().filter_map(|pair| Some((pair.base.clone()?, pair.head.clone()?)));
            let renames = moved.filter(|(from, to)| from != to).collect();
            let options = typescript::Options { renames, ..options.typescript.clone() };
            typescript::diff(base, old, head, new, &options).map(Some)
        }
        Format::Sql => sql::diff(base, old, head, new, &options.sql).map(Some),
        Format::Routes => routes::diff(base, old, head, new, &options.routes).map(Some),
        Format::OpenApi => {
            let mut changes = Vec::new();
            for Pair { base: old, head: new } in &job.pairs {
                let [old, new] = [old, new].map(|path| path.clone().into_iter().collect::<Vec<_>>());
                changes.extend(openapi::diff(base, &old, head, &new, &options.openapi)?);
            }
            Ok(Some(changes))
        }
        Format::JsonSchema => {
            let mut changes = Vec::new();
            for Pair { base: old, head: new } in &job.pairs {
                let (old, new) = (old.as_deref(), new.as_deref());
                changes.extend(json_schema::diff(base, old, head, new, &options.json_schema)?);
            }
            Ok(Some(changes))
        }
        Format::Text => Ok(None),
    }
}

/// What cannot be compared by meaning is compared by lines, and never passed over.
fn as_text(base: &dyn Tree, head: &dyn Tree, job: &Job, comparison: &mut Comparison) {
    for pair in &job.pairs {
        let content = |tree: &dyn Tree, path: &Option<String>| path.as_deref().and_then(|path| tree.read(path));
        let (old, new) = (content(base, &pair.base), content(head, &pair.head));
        let found = text::diff(pair.base.as_deref().zip(old.as_deref()), pair.head.as_deref().zip(new.as_deref()));
        let Some((change, lines)) = found else { continue };
        comparison.changes.push(named(change));
        comparison.texts.push(lines);
    }
}
