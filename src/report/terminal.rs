//! For people at a terminal: the code drawn, one message, what to do; then what every guard did, and the outcome.

use std::fmt::Write;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{FindingEntry, GuardStatus, LevelEntry, LocationEntry, Outcome, Report, SizeEntry, Style, plural};
use crate::finding::{is_deceptive, visible};

/// Files that are left out of the size and named one by one; more are counted.
const NAMED_FILES: usize = 6;
/// Findings that are drawn; more are counted. A terminal that scrolls for minutes tells nobody anything.
const DRAWN_FINDINGS: usize = 200;
/// A message longer than this was not written to be read.
const MESSAGE_CHARACTERS: usize = 2_000;

/// The report for a terminal.
pub fn render(report: &Report, style: Style) -> String {
    let renderer = if style.color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(style.columns.unwrap_or(100).max(40));
    let mut text = String::new();
    for finding in report.findings.iter().take(DRAWN_FINDINGS) {
        text.push_str(&draw(finding, &renderer));
        text.push_str("\n\n");
    }
    if report.findings.len() > DRAWN_FINDINGS {
        let more = plural(report.findings.len() - DRAWN_FINDINGS, "finding");
        let _ = writeln!(text, "and {more} more: `--format json` has them all\n");
    }
    summary(report, &mut text);
    let _ = writeln!(text, "{}", outcome(report, style.color));
    text
}

fn draw(finding: &FindingEntry, renderer: &Renderer) -> String {
    let level = match finding.level {
        LevelEntry::Error => Level::ERROR,
        LevelEntry::Warning => Level::WARNING,
        LevelEntry::Note => Level::NOTE,
    };
    let message = bounded(&finding.message, MESSAGE_CHARACTERS);
    let rule = visible(&finding.rule);
    let title = level.primary_title(message).id(&*rule);
    let mut group = Group::with_title(title);
    let name = finding.location.as_ref().map(LocationEntry::name);
    let source = finding.location.as_ref().map(source_of).unwrap_or_default();
    if let Some((location, name)) = finding.location.as_ref().zip(name.as_deref()) {
        group = match (location.span, source.is_empty()) {
            (Some(span), false) => {
                let marked =
                    marked(&source, span.column, span.end_column, span.end_line - span.line.min(span.end_line));
                let snippet = Snippet::source(&source).path(name).line_start(span.line.max(1) as usize);
                group.element(snippet.annotation(AnnotationKind::Primary.span(marked)))
            }
            (Some(span), true) => {
                let origin = Origin::path(name).line(span.line.max(1) as usize);
                group.element(origin.char_column(span.column.max(1) as usize))
            }
            (None, _) => group.element(Origin::path(name)),
        };
    }
    if let Some(help) = &finding.help {
        group = group.element(Level::HELP.message(bounded(help, MESSAGE_CHARACTERS)));
    }
    renderer.render(&[group])
}

/// The excerpt with a stand-in for each character that could move the cursor or hide, so that columns stay true.
fn source_of(location: &LocationEntry) -> String {
    let drawable = |character: char| match character {
        '\t' => '\t',
        character if is_deceptive(character) => '\u{fffd}',
        character => character,
    };
    let lines = location.excerpt.iter().map(|line| line.chars().map(drawable).collect::<String>());
    lines.collect::<Vec<_>>().join("\n")
}

/// The bytes of the marked part of the excerpt.
fn marked(source: &str, column: u32, end_column: u32, lines_down: u32) -> std::ops::Range<usize> {
    let offset = |line: u32, column: u32| {
        let start: usize = source.split_inclusive('\n').take(line as usize).map(str::len).sum();
        let rest = source[start..].split('\n').next().unwrap_or_default();
        let within = rest.char_indices().nth(column.saturating_sub(1) as usize).map_or(rest.len(), |(at, _)| at);
        start + within
    };
    let start = offset(0, column);
    start..offset(lines_down, end_column).max(start).min(source.len())
}

fn summary(report: &Report, text: &mut String) {
    let subject = &report.subject;
    let base = match (&subject.base, &subject.base_name) {
        (Some(base), Some(name)) if subject.base_guessed => format!("{} (guessed: {})", short(base), visible(name)),
        (Some(base), Some(name)) => format!("{} ({})", short(base), visible(name)),
        (Some(base), None) => short(base).to_string(),
        (None, _) => "the empty tree".into(),
    };
    let size_of_change = format!(
        "{}, {}, +{} \u{2212}{}",
        plural(subject.commits, "commit"),
        plural(subject.files, "file"),
        subject.added,
        subject.deleted
    );
    row(text, "change", &format!("{base}..{}  {size_of_change}", visible(subject.head_short())));
    row(text, "policy", &visible(&subject.policy));
    for guard in &report.guards {
        let reason = visible(guard.reason.as_deref().unwrap_or_default());
        let said = match (guard.status, guard.name.as_str()) {
            (GuardStatus::Skipped, _) => format!("skipped: {reason}"),
            (GuardStatus::Broken, _) => format!("COULD NOT JUDGE: {reason}"),
            (GuardStatus::Ran, "size") if report.size.is_some() => report.size.as_ref().map(size).unwrap_or_default(),
            // The row above has named the policy; without findings there is no more to say.
            (GuardStatus::Ran, "policy") => continue,
            (GuardStatus::Ran, name) => findings_of(report, name),
        };
        row(text, &guard.name, &said);
    }
    if !report.suppressed.is_empty() {
        let mut reasons: Vec<String> =
            report.suppressed.iter().map(|set_aside| bounded(&set_aside.reason, 100)).collect();
        reasons.sort();
        reasons.dedup();
        reasons.truncate(5);
        let count = plural(report.suppressed.len(), "finding");
        row(text, "set aside", &format!("{count} ({})", reasons.join("; ")));
    }
    text.push('\n');
}

fn row(text: &mut String, name: &str, said: &str) {
    let _ = writeln!(text, "{name:>10}  {said}");
}

fn findings_of(report: &Report, guard: &str) -> String {
    let of_guard = |finding: &&FindingEntry| finding.rule.split('/').next() == Some(guard);
    let count = |level| report.findings.iter().filter(of_guard).filter(|finding| finding.level == level).count();
    let words = [(LevelEntry::Error, "error"), (LevelEntry::Warning, "warning"), (LevelEntry::Note, "note")];
    let counts: Vec<String> = words
        .into_iter()
        .map(|(level, word)| (count(level), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| plural(count, word))
        .collect();
    let skipped = report.critic.as_ref().filter(|_| guard == "critic").and_then(|critic| critic.skipped.as_deref());
    let said = if counts.is_empty() { "ok".to_string() } else { counts.join(", ") };
    match skipped {
        Some("draft") => format!("{said} (a draft: nothing blocks)"),
        Some(why) => format!("{said} (a {why}: the description is not judged)"),
        None => said,
    }
}

fn size(size: &SizeEntry) -> String {
    let mut said = format!(
        "{} {}  {} in {} (+{} \u{2212}{})",
        visible(&size.label),
        // An emoji may be joined of several; what could deceive is still shown as an escape.
        visible(&size.animal),
        plural(size.lines as usize, "changed line"),
        plural(size.files, "file"),
        size.added,
        size.deleted
    );
    let mut more = Vec::new();
    if !size.left_out.is_empty() {
        let named = size
            .left_out
            .iter()
            .take(NAMED_FILES)
            .map(|file| format!("{} ({})", visible(&file.path), visible(&file.reason)));
        let rest = size.left_out.len().saturating_sub(NAMED_FILES);
        let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        more.push(format!("left out: {}{rest}", named.collect::<Vec<_>>().join(", ")));
    }
    if !size.binary.is_empty() {
        more.push(format!("{}, which count no lines", plural(size.binary.len(), "binary file")));
    }
    if size.moved > 0 {
        more.push(format!("{} only moved", plural(size.moved, "file")));
    }
    for line in more {
        let _ = write!(said, "\n{:12}{line}", "");
    }
    said
}

fn outcome(report: &Report, color: bool) -> String {
    let style = match report.outcome {
        Outcome::Pass => "\x1b[1;32m",
        Outcome::Blocked | Outcome::Broken => "\x1b[1;31m",
    };
    let said = visible(&report.headline()).into_owned();
    if color { format!("{style}{said}\x1b[0m") } else { said }
}

fn short(id: &str) -> &str {
    id.get(..7).unwrap_or(id)
}

/// One line, safe to print, of at most `limit` characters, cut between words where there are any.
pub(crate) fn bounded(text: &str, limit: usize) -> String {
    let text = visible(text);
    if text.chars().count() <= limit {
        return text.into_owned();
    }
    let kept: String = text.chars().take(limit).collect();
    let end = kept.rfind(' ').filter(|at| *at > kept.len() / 2).unwrap_or(kept.len());
    format!("{}\u{2026}", kept[..end].trim_end())
}
