//! Coverage reports of many tools as one: which lines can be covered, and which were. Pure.
//!
//! Readers stand in `xml`, `json` and `text`; each gives the same [`Report`]. What a report calls a file and what the
//! repository calls it differ: [`Report::by_repository`] brings the two together.
//!
//! A report comes out of the pull request's own build, so it is a stranger's text: sizes and depths are bounded, and a
//! document type that is named is not fetched.

use std::collections::BTreeMap;

mod json;
mod paths;
mod text;
mod xml;

pub use paths::{Located, Remap};

/// A larger report is refused.
pub const MOST_BYTES: usize = 256 << 20;
/// No file has more lines.
const MOST_LINES: u32 = 10_000_000;

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Per file, by the name that the report gives it.
    pub files: BTreeMap<String, File>,
    /// Folders that names may be relative to (Cobertura's `source`).
    pub sources: Vec<String>,
}

/// What was measured of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// Lines that can be covered, and whether they were. `None` when the report holds nothing but numbers.
    pub lines: Option<BTreeMap<u32, bool>>,
    /// The tool's own numbers, where they are not those of the lines: statements of Go, a summary.
    pub counted: Option<Count>,
}

/// How much of something was covered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Was covered.
    pub covered: u64,
    /// Could have been.
    pub coverable: u64,
}

impl Count {
    /// In percent; `None` when there was nothing to cover.
    pub fn percent(self) -> Option<f64> {
        (self.coverable > 0).then(|| self.covered as f64 * 100.0 / self.coverable as f64)
    }

    fn add(&mut self, other: Count) {
        self.covered = self.covered.saturating_add(other.covered);
        self.coverable = self.coverable.saturating_add(other.coverable);
    }
}

/// Which tool's format it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// lcov's tracefile: `SF:`, `DA:`.
    Lcov,
    /// Cobertura's XML.
    Cobertura,
    /// JaCoCo's XML.
    Jacoco,
    /// Istanbul's `coverage-final.json`.
    IstanbulFinal,
    /// Istanbul's `coverage-summary.json`.
    IstanbulSummary,
    /// coverage.py's JSON.
    CoveragePy,
    /// `llvm-cov export`.
    LlvmCov,
    /// `go test -coverprofile`.
    GoCover,
}

/// Why a report cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is no format that is known here.
    #[error("this is no coverage report that mainguard reads")]
    Unknown,
    /// It is too large.
    #[error("the report has {0} bytes, more than {MOST_BYTES}")]
    TooLarge(usize),
    /// It is damaged.
    #[error("the report ({format:?}) is damaged{}: {message}", line.map(|line| format!(" in line {line}")).unwrap_or_default())]
    Damaged {
        /// What it claims to be.
        format: Format,
        /// Counted from 1, where it is known.
        line: Option<usize>,
        /// What is wrong.
        message: String,
    },
}

impl ReadError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            ReadError::Unknown => Some(
                "the formats are lcov, Cobertura, JaCoCo, Istanbul's coverage-final.json and coverage-summary.json, \
                 coverage.py's JSON, llvm-cov export and Go's cover profile"
                    .into(),
            ),
            ReadError::TooLarge(_) => Some("leave out what is not the repository's own code when measuring".into()),
            ReadError::Damaged { .. } => Some("did the tests end before the report was written whole?".into()),
        }
    }
}

/// Reads a report of any of the formats.
///
/// # Errors
/// [`ReadError`].
pub fn read(bytes: &[u8]) -> Result<Report, ReadError> {
    if bytes.len() > MOST_BYTES {
        return Err(ReadError::TooLarge(bytes.len()));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let first = bytes.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(0);
    match &bytes[first..] {
        [b'<', ..] => xml::read(bytes),
        [b'{', ..] => json::read(bytes),
        rest if rest.starts_with(b"mode:") => text::go(bytes),
        rest if [&b"SF:"[..], b"TN:"].iter().any(|mark| rest.starts_with(mark)) || has_record(rest) => {
            text::lcov(bytes)
        }
        _ => Err(ReadError::Unknown),
    }
}

fn has_record(bytes: &[u8]) -> bool {
    bytes.split(|&byte| byte == b'\n').take(200).any(|line| line.starts_with(b"SF:"))
}

impl Report {
    /// This report, and another of other tests: a line that one of them covers is covered.
    pub fn merge(&mut self, other: Report) {
        for (name, file) in other.files {
            self.files.entry(name).or_default().merge(file);
        }
        self.sources.extend(other.sources);
        self.sources.sort();
        self.sources.dedup();
    }

    /// Over all files.
    pub fn total(&self) -> Count {
        self.files.values().fold(Count::default(), |mut total, file| {
            total.add(file.count());
            total
        })
    }

    fn file(&mut self, name: &str) -> &mut File {
        self.files.entry(name.to_string()).or_default()
    }
}

impl File {
    /// The tool's own numbers; else those of the lines.
    pub fn count(&self) -> Count {
        self.counted.unwrap_or_else(|| {
            let lines = self.lines.iter().flat_map(BTreeMap::values);
            lines.fold(Count::default(), |count, covered| Count {
                covered: count.covered + u64::from(*covered),
                coverable: count.coverable + 1,
            })
        })
    }

    /// Lines that could have been covered and were not.
    pub fn uncovered(&self) -> Vec<u32> {
        self.lines.iter().flatten().filter(|(_, covered)| !**covered).map(|(line, _)| *line).collect()
    }

    fn line(&mut self, line: u32, covered: bool) {
        if line == 0 || line > MOST_LINES {
            return;
        }
        *self.lines.get_or_insert_default().entry(line).or_default() |= covered;
    }

    fn merge(&mut self, other: File) {
        let measured_before = self.lines.is_some() || self.counted.is_some();
        for (line, covered) in other.lines.iter().flatten() {
            self.line(*line, *covered);
        }
        if other.lines.is_some() {
            self.lines.get_or_insert_default();
        }
        self.counted = match (self.counted, other.counted) {
            // Numbers of two runs over one file do not add up; lines do.
            _ if measured_before && self.lines.as_ref().is_some_and(|lines| !lines.is_empty()) => None,
            (Some(one), Some(two)) => Some(if one.covered >= two.covered { one } else { two }),
            (one, two) => one.or(two),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_one_of_two_reports_covers_is_covered() {
        let mut one = read(b"SF:a.js\nDA:1,0\nDA:2,1\nend_of_record\n").unwrap();
        one.merge(read(b"SF:a.js\nDA:1,3\nDA:3,0\nend_of_record\n").unwrap());
        assert_eq!(one.files["a.js"].uncovered(), [3]);
        assert_eq!(one.total(), Count { covered: 2, coverable: 3 });
    }

    #[test]
    fn nothing_to_cover_has_no_percentage() {
        assert_eq!(Count::default().percent(), None);
        assert_eq!(read(b"SF:a.js\nend_of_record\n").unwrap().total().percent(), None);
    }

    #[test]
    fn what_is_no_report_says_so() {
        assert_eq!(read(b"hello"), Err(ReadError::Unknown));
        assert_eq!(read(b""), Err(ReadError::Unknown));
        assert!(matches!(read(b"<html></html>"), Err(ReadError::Unknown)));
        assert!(matches!(read(b"{\"a\": 1}"), Err(ReadError::Unknown)));
        assert!(matches!(read(b"<coverage><packages>"), Err(ReadError::Damaged { .. })));
        assert!(matches!(read(b"{\"meta\": "), Err(ReadError::Unknown | ReadError::Damaged { .. })));
    }
}
