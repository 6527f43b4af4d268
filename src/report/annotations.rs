//! Findings beside the code: workflow commands for a log, and the same as data for a check run.
//!
//! Syntax: <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>. A message must not
//! be able to begin a command of its own, so line ends, `%` and, in properties, `:` and `,` are encoded.

use super::{FindingEntry, LevelEntry, Report, plural};
use crate::finding::visible;

/// GitHub shows ten annotations of each level a step.
const SHOWN_PER_LEVEL: usize = 10;
/// A workflow command is one line of a log; runners cut lines at 64 KiB.
const MESSAGE_CHARACTERS: usize = 4_000;

/// One annotation, not escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// The file, relative to the repository.
    pub path: String,
    /// From 1.
    pub start_line: u32,
    /// Not before `start_line`.
    pub end_line: u32,
    /// Columns from 1; only when it is about one line.
    pub columns: Option<(u32, u32)>,
    /// Its level.
    pub level: LevelEntry,
    /// The rule.
    pub title: String,
    /// What and, on a line of its own, what to do.
    pub message: String,
}

/// The findings that stand in a file, worst first, for a check run.
pub fn annotations(report: &Report) -> Vec<Annotation> {
    report.findings.iter().filter_map(annotation).collect()
}

fn annotation(finding: &FindingEntry) -> Option<Annotation> {
    let location = finding.location.as_ref()?;
    let path = location.path.clone()?;
    let (start_line, end_line) =
        location.span.map_or((1, 1), |span| (span.line.max(1), span.end_line.max(span.line).max(1)));
    let columns = location.span.filter(|_| start_line == end_line).map(|span| {
        let start = span.column.max(1);
        // GitHub's end column is the last one that is marked, ours is the one behind it.
        (start, span.end_column.saturating_sub(1).max(start))
    });
    Some(Annotation {
        path,
        start_line,
        end_line,
        columns,
        level: finding.level,
        title: visible(&finding.rule).into_owned(),
        message: message(finding),
    })
}

fn message(finding: &FindingEntry) -> String {
    let message = super::terminal::bounded(&finding.message, MESSAGE_CHARACTERS);
    match &finding.help {
        Some(help) => format!("{message}\nhelp: {}", super::terminal::bounded(help, MESSAGE_CHARACTERS)),
        None => message,
    }
}

/// Workflow commands, worst first. What GitHub would not show is said in the last one of its level.
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    for level in [LevelEntry::Error, LevelEntry::Warning, LevelEntry::Note] {
        let of_level: Vec<&FindingEntry> = report.findings.iter().filter(|finding| finding.level == level).collect();
        let hidden = of_level.len().saturating_sub(SHOWN_PER_LEVEL);
        for (index, finding) in of_level.iter().take(SHOWN_PER_LEVEL).enumerate() {
            let mut message = message(finding);
            if hidden > 0 && index + 1 == SHOWN_PER_LEVEL {
                message.push_str(&format!("\n({} more of this level not shown here)", plural(hidden, "finding")));
            }
            text.push_str(&command(level, finding, &message));
        }
    }
    text
}

fn command(level: LevelEntry, finding: &FindingEntry, message: &str) -> String {
    let name = match level {
        LevelEntry::Error => "error",
        LevelEntry::Warning => "warning",
        LevelEntry::Note => "notice",
    };
    let mut properties = Vec::new();
    if let Some(annotation) = annotation(finding) {
        properties.push(format!("file={}", property(&annotation.path)));
        if finding.location.as_ref().is_some_and(|location| location.span.is_some()) {
            properties.push(format!("line={},endLine={}", annotation.start_line, annotation.end_line));
            if let Some((start, end)) = annotation.columns {
                properties.push(format!("col={start},endColumn={end}"));
            }
        }
    }
    properties.push(format!("title={}", property(&finding.rule)));
    format!("::{name} {}::{}\n", properties.join(","), data(message))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    // A file name is compared with the repository's, so it is encoded and not shown as an escape; what a runner would
    // refuse in a line (NUL) becomes a stand-in.
    data(&text.replace('\0', "\u{fffd}")).replace(':', "%3A").replace(',', "%2C").replace('\u{1b}', "\u{fffd}")
}
