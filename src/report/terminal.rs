//! The report for a terminal or a log, in rustc's manner: the code drawn, a mark, one message, one hint; then a line
//! for each guard, and the outcome as the last line, where the eye and `tail -1` find it.
//!
//! What pulls here: the text of strangers must not move the cursor, colour the screen, reorder a line or speak to the
//! runner that shows the log; and the mark must still stand under the right character when that text was escaped.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level as Heading, Origin, Renderer, Snippet};
use anstyle::{AnsiColor, Style};

use super::json::{Excerpt, Finding, GuardStatus, LeftOut, Location, Report, Span, Suppressed};
use super::{Tally, counted, ending, in_words, one_line, size_in_words, subject_in_words};
use crate::finding::Level;
use crate::guards::Guard;
use crate::text::is_deceptive;
use crate::verdict::Outcome;

/// A message is a sentence or two; what is longer quotes too much.
const MESSAGE_CHARS: usize = 1_000;
/// A handful of names, then a number.
const NAMES: usize = 4;
/// A document read back may name any number.
const MOST_GUARDS: usize = 50;

/// Draws the report. `width` is that of the terminal in columns.
pub fn render(report: &Report, color: bool, width: usize) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(width.clamp(40, 400));
    let mut text = String::new();
    for finding in &report.findings {
        text.push_str(&renderer.render(&[drawn(finding)]));
        text.push_str("\n\n");
    }
    text.push_str(&summary(report, &Paint { color }));
    text
}

fn drawn(finding: &Finding) -> Group<'static> {
    let heading = match finding.level {
        Level::Error => Heading::ERROR,
        Level::Warning => Heading::WARNING,
        Level::Note => Heading::NOTE,
    };
    let title = heading.primary_title(one_line(&finding.message, MESSAGE_CHARS)).id(one_line(&finding.rule, 100));
    let mut group = Group::with_title(title);
    if let Some(location) = &finding.location {
        group = match (location.span, &location.excerpt) {
            (Some(span), Some(excerpt)) if !excerpt.lines.is_empty() => group.element(code(location, span, excerpt)),
            (span, _) => group.element(arrow(location, span)),
        };
    }
    match &finding.help {
        Some(help) => group.element(Heading::HELP.message(one_line(help, MESSAGE_CHARS))),
        None => group,
    }
}

fn arrow(location: &Location, span: Option<Span>) -> Origin<'static> {
    let origin = Origin::path(location.place_name());
    match span {
        Some(span) => origin.line(span.line as usize).char_column(span.column as usize),
        None => origin,
    }
}

fn code(
    location: &Location,
    span: Span,
    excerpt: &Excerpt,
) -> Snippet<'static, annotate_snippets::Annotation<'static>> {
    let (source, mark) = source(span, excerpt);
    Snippet::source(source)
        .path(location.place_name())
        .line_start(excerpt.first_line.max(1) as usize)
        .annotation(AnnotationKind::Primary.span(mark))
}

/// The lines as they may be shown, and the bytes of them that the span marks.
fn source(span: Span, excerpt: &Excerpt) -> (String, Range<usize>) {
    let (mut source, mut start, mut end) = (String::new(), None, None);
    for (number, line) in excerpt.numbered() {
        let (shown, columns) = drawable(line);
        let offset = |column: u32| {
            let index = (column.max(1) as usize - 1).min(columns.len() - 1);
            source.len() + columns[index]
        };
        if number == span.line {
            start = Some(offset(span.column));
        }
        if number == span.end_line {
            end = Some(offset(span.end_column));
        }
        source.push_str(&shown);
        source.push('\n');
    }
    source.pop();
    // A span that ends behind the excerpt is marked to the end of it; one that begins elsewhere, from the beginning.
    let start = start.unwrap_or(0);
    let end = end.unwrap_or(source.len()).max(start);
    (source, start..end)
}

/// A line as [`visible`](super::visible) shows it, tabs kept for the renderer, and where each of its columns begins; the last entry is
/// the end of the line.
fn drawable(line: &str) -> (String, Vec<usize>) {
    let (mut shown, mut columns) = (String::with_capacity(line.len()), Vec::new());
    for (at, character) in line.char_indices() {
        columns.push(shown.len());
        match character {
            '\t' => shown.push('\t'),
            '#' if shown.ends_with('#') && line[at..].starts_with("#[") => shown.push_str("\\u{23}"),
            _ if is_deceptive(character) => shown.extend(character.escape_default()),
            _ => shown.push(character),
        }
    }
    columns.push(shown.len());
    (shown, columns)
}

fn summary(report: &Report, paint: &Paint) -> String {
    let mut text = String::new();
    let tallies = Tally::by_guard(&report.findings);
    let wide = report.guards.iter().map(|run| run.name.chars().count().min(20)).max().unwrap_or(0);
    for run in report.guards.iter().take(MOST_GUARDS) {
        let tally = tallies.get(run.name.as_str()).copied().unwrap_or_default();
        let reason = one_line(run.reason.as_deref().unwrap_or("no reason given"), MESSAGE_CHARS);
        let result = match (run.status, &report.size) {
            (GuardStatus::Ran, Some(size)) if run.name == Guard::Size.name() => {
                let label = one_line(&size.label, 50);
                let found = if tally == Tally::default() { String::new() } else { format!("; {tally}") };
                format!("{label} {}  {}{found}", one_line(&size.animal, 8), size_in_words(size))
            }
            (GuardStatus::Ran, _) => tally.to_string(),
            (GuardStatus::Skipped, _) => paint.dim(&format!("skipped: {reason}")),
            (GuardStatus::Broken, _) => paint.bad(&format!("could not judge: {reason}")),
        };
        text.push_str(&format!("{:>wide$}  {result}\n", guard_name(&run.name)));
        if let (Some(size), true) = (&report.size, run.name == Guard::Size.name()) {
            let margin = " ".repeat(wide + 2);
            if !size.left_out.is_empty() {
                text.push_str(&format!("{margin}{}\n", paint.dim(&format!("left out: {}", left_out(&size.left_out)))));
            }
        }
    }
    if !report.suppressed.is_empty() {
        let reasons = |suppressed: &Suppressed| {
            format!("{} ({})", one_line(&suppressed.finding.rule, 100), one_line(&suppressed.reason, 120))
        };
        let shown: Vec<String> = report.suppressed.iter().take(NAMES).map(reasons).collect();
        let (count, rest) = (report.suppressed.len(), report.suppressed.len() - shown.len());
        text.push_str(&format!("suppressed: {}: {}{}\n", counted(count, "finding"), shown.join(", "), and_more(rest)));
    }
    text.push_str(&paint.dim(&format!("judged: {}\n", judged(report))));
    text.push_str(&paint.outcome(report.outcome, &in_words(report)));
    text.push('\n');
    text
}

/// A name that begins a line must not be a command to the runner (`::error::`), and a document that was read back may
/// call a guard anything.
fn guard_name(name: &str) -> String {
    let fits = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    name.chars().take(20).map(|character| if fits(character) { character } else { '?' }).collect()
}

fn judged(report: &Report) -> String {
    let policy = match &report.subject.policy {
        Some(source) => format!("by {}", one_line(source, 120)),
        None => "by the default policy".into(),
    };
    format!("{}, {policy}", subject_in_words(&report.subject))
}

/// The files that weigh most, by name.
fn left_out(files: &[LeftOut]) -> String {
    let mut heaviest: Vec<&LeftOut> = files.iter().collect();
    heaviest.sort_by_key(|file| std::cmp::Reverse(file.added.saturating_add(file.deleted)));
    let shown = heaviest.iter().take(NAMES).map(|file| {
        let path = ending(&file.file.shown(), 80).into_owned();
        format!("{path} ({}, +{} −{})", one_line(&file.reason, 40), file.added, file.deleted)
    });
    format!("{}{}", shown.collect::<Vec<_>>().join(", "), and_more(files.len().saturating_sub(NAMES)))
}

fn and_more(count: usize) -> String {
    if count == 0 { String::new() } else { format!(" and {count} more") }
}

/// Colours for the few words that this file prints itself.
struct Paint {
    color: bool,
}

impl Paint {
    fn styled(&self, style: Style, text: &str) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.into() }
    }

    fn dim(&self, text: &str) -> String {
        self.styled(Style::new().dimmed(), text)
    }

    fn bad(&self, text: &str) -> String {
        self.styled(AnsiColor::BrightRed.on_default().bold(), text)
    }

    fn outcome(&self, outcome: Outcome, text: &str) -> String {
        match outcome {
            Outcome::Pass => self.styled(AnsiColor::BrightGreen.on_default().bold(), text),
            Outcome::Blocked | Outcome::Broken => self.bad(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stands_under_the_right_character_after_escaping() {
        let excerpt = Excerpt { first_line: 3, lines: vec!["\u{1b}a##[b\u{202e}c".into()] };
        let span = Span { line: 3, column: 6, end_line: 3, end_column: 7 };
        let (source, mark) = source(span, &excerpt);
        assert_eq!(source, "\\u{1b}a#\\u{23}[b\\u{202e}c");
        assert_eq!(&source[mark], "b");
    }

    #[test]
    fn a_span_outside_of_its_excerpt_is_clipped() {
        let excerpt = Excerpt { first_line: 3, lines: vec!["ab".into()] };
        for span in [
            Span { line: 0, column: 0, end_line: 0, end_column: 0 },
            Span { line: 3, column: 90, end_line: 9, end_column: 1 },
            Span { line: u32::MAX, column: u32::MAX, end_line: 3, end_column: u32::MAX },
        ] {
            let (source, mark) = source(span, &excerpt);
            assert!(mark.end <= source.len(), "{span:?}");
        }
    }
}
