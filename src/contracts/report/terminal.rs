//! A comparison for a terminal or a log: by what changed, worst first, a line each.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::{Change, Document};
use crate::contracts::Impact;
use crate::text::{counted, ending, one_line};

/// Longer than any sentence of ours, short enough for one with hostile values in it.
const MOST_CHARS: usize = 400;
/// More operations than anybody reads behind one change.
const MOST_REACHED: usize = 6;
/// Lines of a text that are shown.
const MOST_LINES: usize = 60;

/// Prints the document.
pub fn render(document: &Document, color: bool) -> String {
    let paint = Paint { color };
    let mut text = String::new();
    for (group, changes) in Document::groups(document.changes.iter()) {
        let _ = writeln!(text, "{}", paint.bold(&one_line(&group, 200)));
        changes.iter().for_each(|change| line(change, &paint, &mut text));
    }
    for difference in &document.texts {
        let _ = writeln!(text, "{}", paint.bold(&ending(&one_line(&difference.file, 1_000), 120)));
        for line in difference.lines.iter().take(MOST_LINES) {
            let _ = writeln!(text, "    {}", paint.diff(&crate::text::visible_in_logs(line)));
        }
        let rest = difference.left_out as usize + difference.lines.len().saturating_sub(MOST_LINES);
        if rest > 0 {
            let _ = writeln!(text, "    … and {}", counted(rest, "more line"));
        }
    }
    for problem in &document.unreadable {
        let _ = writeln!(
            text,
            "{} {}",
            paint.impact(Impact::Breaking, "could not be read:"),
            one_line(problem, MOST_CHARS)
        );
    }
    if document.left_out > 0 {
        let _ = writeln!(text, "… and {}", counted(document.left_out as usize, "more change"));
    }
    text.push_str(&verified(document, color));
    let _ = writeln!(text, "{}", summary(document));
    text
}

/// What the configured commands said.
pub fn verified(document: &Document, color: bool) -> String {
    let (paint, mut text) = (Paint { color }, String::new());
    for verified in &document.verified {
        let style = if verified.passed { Impact::Compatible } else { Impact::Breaking };
        let name = one_line(&verified.name, 80);
        let _ = writeln!(text, "{} {}", paint.impact(style, &format!("{name}:")), one_line(&verified.result, 200));
        for line in &verified.last_lines {
            // The bar keeps a line from being a command to the runner.
            let _ = writeln!(text, "    │ {}", crate::text::visible_in_logs(line));
        }
    }
    text
}

fn summary(document: &Document) -> String {
    let files = counted(document.files.len(), "contract");
    let approval = document.approval.as_ref().map(|approval| match approval.given {
        true => format!("; approved: {}", one_line(&approval.why, 200)),
        false => format!("; needs `{}`: {}", one_line(&approval.label, 60), one_line(&approval.why, 200)),
    });
    let accepted = match document.counts.accepted {
        0 => String::new(),
        count => format!(" ({count} accepted)"),
    };
    format!("{files} compared: {}{accepted}{}", document.in_words(), approval.unwrap_or_default())
}

fn line(change: &Change, paint: &Paint, text: &mut String) {
    let mark = match (&change.accepted, change.level) {
        (Some(_), _) => "accepted  ",
        (_, Impact::Breaking) => "breaking  ",
        (_, Impact::Dangerous) => "dangerous ",
        (_, Impact::Compatible) => "compatible",
    };
    let level = if change.accepted.is_some() { Impact::Compatible } else { change.level };
    let _ = writeln!(text, "  {} {}", paint.impact(level, mark), one_line(&change.message, MOST_CHARS));
    let margin = " ".repeat(13);
    if let (Some(before), Some(after)) = (&change.before, &change.after) {
        let _ = writeln!(text, "{margin}{} → {}", one_line(before, 120), one_line(after, 120));
    }
    if let Some((place, side)) = change.place() {
        let path = ending(&one_line(&place.file, 1_000), 120).into_owned();
        let at = if side == super::Side::Base { " (before)" } else { "" };
        let words = format!(
            "{path}:{}:{}{at}  {}/{}  {}",
            place.line, place.column, change.format, change.id, change.fingerprint
        );
        let _ = writeln!(text, "{margin}{}", paint.dim(&words));
    }
    if let Some(breaks) = &change.breaks {
        let _ = writeln!(text, "{margin}breaks: {}", one_line(breaks, MOST_CHARS));
    }
    if !change.reaches.is_empty() {
        let shown: Vec<String> = change.reaches.iter().take(MOST_REACHED).map(|name| one_line(name, 100)).collect();
        let rest = change.reaches.len().saturating_sub(MOST_REACHED);
        let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        let _ = writeln!(text, "{margin}reaches: {}{more}", shown.join(", "));
    }
    if let Some(fix) = change.fix.as_ref().filter(|_| change.level > Impact::Compatible) {
        let _ = writeln!(text, "{margin}fix: {}", one_line(fix, MOST_CHARS));
    }
    if let Some(reason) = &change.accepted {
        let _ = writeln!(text, "{margin}accepted: {}", one_line(reason, MOST_CHARS));
    }
}

struct Paint {
    color: bool,
}

impl Paint {
    fn styled(&self, style: Style, text: &str) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.into() }
    }

    fn bold(&self, text: &str) -> String {
        self.styled(Style::new().bold(), text)
    }

    fn dim(&self, text: &str) -> String {
        self.styled(Style::new().dimmed(), text)
    }

    fn impact(&self, impact: Impact, text: &str) -> String {
        let color = match impact {
            Impact::Breaking => AnsiColor::Red,
            Impact::Dangerous => AnsiColor::Yellow,
            Impact::Compatible => AnsiColor::Green,
        };
        self.styled(color.on_default(), text)
    }

    fn diff(&self, line: &str) -> String {
        match line.chars().next() {
            Some('+') => self.impact(Impact::Compatible, line),
            Some('-') => self.impact(Impact::Breaking, line),
            _ => line.into(),
        }
    }
}
