//! A comparison as GitHub-flavoured Markdown, for a pull request's comment and a job's summary.
//!
//! A reviewer wants the answer in the first line and the worst before the rest; the platform refuses a body over its
//! limit, so what is worst comes first and what does not fit is counted. The words of strangers stay words:
//! [`text::markdown`](crate::text::markdown).

use std::fmt::Write as _;

use super::{Change, Document, Side, Text};
use crate::contracts::{Impact, Place};
use crate::text::markdown::{cell, code, longest_run, prose};
use crate::text::{counted, ending, one_line, visible_in_logs};

/// Rows of the table of what a reviewer must look at; the others are folded.
const MOST_ROWS: usize = 20;
/// Names of what a change reaches, in a row.
const MOST_REACHED: usize = 3;
/// Lines of a text that are shown.
const MOST_LINES: usize = 60;
/// What a sentence about the rest takes, and the ends of what is folded.
const RESERVE: usize = 400;

/// Where a reader finds a place: an address, or nothing.
pub type Link<'a> = &'a dyn Fn(&Place, Side) -> Option<String>;

/// Prints the document as a section, in at most `budget` bytes; nothing when not even its heading fits.
pub fn render(document: &Document, link: Link<'_>, budget: usize) -> String {
    let mut text = headline(document);
    if text.len() + RESERVE > budget {
        return String::new();
    }
    let room = budget - RESERVE;
    let worth: Vec<&Change> = document.of_level(Impact::Breaking).chain(document.of_level(Impact::Dangerous)).collect();
    let mut shown = 0;
    if !worth.is_empty() {
        let header = "\n| | What | Where | Reaches |\n| :-: | :-- | :-- | :-- |\n";
        let ordered = Document::groups(worth.iter().copied()).into_iter().flat_map(|(_, changes)| changes);
        for change in ordered.take(MOST_ROWS) {
            let row = row(change, link);
            let first = if shown == 0 { header } else { "" };
            if text.len() + first.len() + row.len() > room {
                break;
            }
            text.push_str(first);
            text.push_str(&row);
            shown += 1;
        }
        text.push('\n');
        if shown < worth.len() {
            let _ = write!(text, "…and {} more to look at, in the full report.\n\n", worth.len() - shown);
        }
    }
    let details: Vec<String> = worth.iter().take(MOST_ROWS).filter_map(|change| detail(change)).collect();
    fold(&mut text, room, "before → after, who breaks, what to do", &details);
    let texts: Vec<String> = document.texts.iter().map(lines).collect();
    fold(&mut text, room, &format!("{} compared line by line", counted(texts.len(), "file")), &texts);
    let compatible: Vec<String> = Document::groups(document.of_level(Impact::Compatible))
        .into_iter()
        .flat_map(|(_, changes)| changes)
        .map(|change| format!("- {}{}\n", prose(&change.message, 300), at(change, link)))
        .collect();
    fold(&mut text, room, &counted(compatible.len(), "compatible change"), &compatible);
    let accepted: Vec<String> = document
        .changes
        .iter()
        .filter_map(|change| {
            let reason = change.accepted.as_ref()?;
            Some(format!("- {}: {}\n", prose(&change.message, 300), prose(reason, 200)))
        })
        .collect();
    fold(&mut text, room, &counted(accepted.len(), "accepted change"), &accepted);
    text
}

/// The answer in one line, and what is missing.
fn headline(document: &Document) -> String {
    let mut text = format!("### Contracts: {}\n", document.in_words());
    if let Some(approval) = &document.approval {
        let _ = match approval.given {
            true => writeln!(text, "\nApproved: {}.", prose(&approval.why, 200)),
            false => {
                let label = code(&one_line(&approval.label, 60));
                writeln!(text, "\n**Needs {label}**: {}.", prose(&approval.why, 200))
            }
        };
    }
    for problem in document.unreadable.iter().take(10) {
        let _ = writeln!(text, "\n💥 Could not be read: {}", prose(problem, 300));
    }
    for verified in document.verified.iter().take(20) {
        let icon = if verified.passed { "✅" } else { "❌" };
        let _ = writeln!(text, "\n{icon} {}: {}", prose(&verified.name, 80), prose(&verified.result, 200));
        if !verified.passed {
            text.push_str(&fenced("", &verified.last_lines, 12));
        }
    }
    if document.changes.is_empty() && document.unreadable.is_empty() && document.left_out == 0 {
        let names: Vec<String> = document
            .files
            .iter()
            .filter_map(|file| file.revision.as_ref().or(file.base.as_ref()))
            .take(5)
            .map(|path| code(&ending(&one_line(path, 1_000), 100)))
            .collect();
        let rest = document.files.len().saturating_sub(names.len());
        let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        let _ = writeln!(text, "\nNothing that callers could notice in {}{more}.", names.join(", "));
    }
    text
}

fn row(change: &Change, link: Link<'_>) -> String {
    let icon = if change.level == Impact::Breaking { "❌" } else { "⚠️" };
    let mut what = prose(&change.message, 300);
    if let (Some(before), Some(after)) = (&change.before, &change.after) {
        let _ = write!(what, "<br>{} → {}", code(&one_line(before, 80)), code(&one_line(after, 80)));
    }
    let place = change.place().map(|(place, side)| named(place, side, link)).unwrap_or_default();
    let mut reached: Vec<String> =
        change.reaches.iter().take(MOST_REACHED).map(|name| code(&one_line(name, 80))).collect();
    if change.reaches.len() > MOST_REACHED {
        reached.push(format!("{} more", change.reaches.len() - MOST_REACHED));
    }
    format!("| {icon} | {} | {} | {} |\n", cell(&what), cell(&place), cell(&reached.join(", ")))
}

fn at(change: &Change, link: Link<'_>) -> String {
    change.place().map(|(place, side)| format!(" ({})", named(place, side, link))).unwrap_or_default()
}

fn named(place: &Place, side: Side, link: Link<'_>) -> String {
    let before = if side == Side::Base { " (before)" } else { "" };
    let name = code(&format!("{}:{}", ending(&one_line(&place.file, 1_000), 100), place.line));
    match link(place, side) {
        Some(url) => format!("[{name}]({url}){before}"),
        None => format!("{name}{before}"),
    }
}

/// Who breaks and what to do; nothing when neither is known.
fn detail(change: &Change) -> Option<String> {
    let mut text = format!(
        "**{}** · {}\n",
        code(&one_line(&change.group(), 120)),
        code(&format!("{}/{}", change.format, one_line(&change.id, 80)))
    );
    let empty = text.len();
    if let Some(breaks) = &change.breaks {
        let _ = writeln!(text, "- breaks {}", prose(breaks, 300));
    }
    if let Some(fix) = &change.fix {
        let _ = writeln!(text, "- instead: {}", prose(fix, 300));
    }
    if change.level == Impact::Breaking {
        let _ = writeln!(text, "- to accept it: fingerprint {}", code(&one_line(&change.fingerprint, 40)));
    }
    text.push_str(&both(change));
    let said = text.len() > empty;
    text.push('\n');
    said.then_some(text)
}

/// The source before and now, where the two differ. The numbers keep a line from being a command to whoever shows it.
fn both(change: &Change) -> String {
    if change.base_lines == change.revision_lines {
        return String::new();
    }
    let side = |name: &str, place: &Option<Place>, lines: &[String]| {
        let first = place.as_ref().map_or(1, |place| place.line) as usize;
        let numbered = lines.iter().enumerate().map(move |(at, line)| format!("{:>4} │ {line}", first + at));
        let title = (!lines.is_empty()).then(|| name.to_string());
        title.into_iter().chain(numbered).collect::<Vec<_>>()
    };
    let before = side("before", &change.base, &change.base_lines);
    let now = side("now", &change.revision, &change.revision_lines);
    fenced("", &[before, now].concat(), 24)
}

fn lines(text: &Text) -> String {
    let name = code(&ending(&one_line(&text.file, 1_000), 100));
    let rest = text.left_out as usize + text.lines.len().saturating_sub(MOST_LINES);
    let more = if rest > 0 { format!("…and {}\n", counted(rest, "more line")) } else { String::new() };
    format!("{name} +{} −{}\n{}{more}\n", text.added, text.deleted, fenced("diff", &text.lines, MOST_LINES))
}

/// Lines as they stand, behind a fence longer than any in them.
fn fenced(language: &str, lines: &[String], most: usize) -> String {
    let shown: Vec<String> = lines.iter().take(most).map(|line| visible_in_logs(line).into_owned()).collect();
    let fence = "`".repeat((shown.iter().map(|line| longest_run(line)).max().unwrap_or(0) + 1).max(3));
    format!("\n{fence}{language}\n{}\n{fence}\n", shown.join("\n"))
}

/// Blocks under a title that unfolds; as many as fit.
fn fold(text: &mut String, room: usize, title: &str, blocks: &[String]) {
    let (open, close) = (format!("<details><summary>{title}</summary>\n\n"), "\n</details>\n\n");
    let rest = |missing: usize| format!("\n…and {missing} more.\n");
    if blocks.is_empty() || text.len() + open.len() + close.len() + rest(blocks.len()).len() > room {
        return;
    }
    text.push_str(&open);
    let mut shown = 0;
    for block in blocks {
        if text.len() + block.len() + close.len() + rest(blocks.len()).len() > room {
            break;
        }
        text.push_str(block);
        shown += 1;
    }
    if shown < blocks.len() {
        text.push_str(&rest(blocks.len() - shown));
    }
    text.push_str(close);
}

#[cfg(test)]
mod tests {
    use super::super::{Counts, File};
    use super::*;
    use crate::contracts::Format;

    fn change(number: usize, level: Impact) -> Change {
        let text = |words: &str| Some(format!("{words} {number} `|` @team </details>"));
        Change {
            id: "rule".into(),
            format: Format::OpenApi,
            level,
            operation: None,
            path: None,
            subject: text("Pet"),
            message: format!("the property `p{number}` is gone | <b>"),
            args: Vec::new(),
            before: text("string"),
            after: text("number"),
            base: None,
            revision: Some(Place { file: "api/a|b`.yaml".into(), line: 7, column: 1, end_line: 7, end_column: 9 }),
            breaks: text("clients"),
            fix: text("keep it"),
            reaches: (0..number % 9).map(|at| format!("GET /{at}")).collect(),
            base_lines: vec!["```` one".into()],
            revision_lines: vec!["two".into(); 8],
            fingerprint: "0123456789ab".into(),
            accepted: None,
        }
    }

    fn crowd(count: usize) -> Document {
        let levels = [Impact::Breaking, Impact::Dangerous, Impact::Compatible];
        let changes: Vec<Change> =
            levels.into_iter().flat_map(|level| (0..count).map(move |number| change(number, level))).collect();
        let count = count as u64;
        Document {
            counts: Counts { breaking: count, dangerous: count, compatible: count, accepted: 0 },
            files: vec![File { format: Format::OpenApi, base: None, revision: Some("api/a.yaml".into()) }],
            changes,
            ..Document::default()
        }
    }

    #[test]
    fn a_section_keeps_any_budget() {
        let document = crowd(2_000);
        for budget in [0, 300, 600, 1_000, 5_000, 20_000, 64_000] {
            let text = render(&document, &|_, _| Some("https://x.y/z".into()), budget);
            assert!(text.len() <= budget, "{} of {budget}", text.len());
            assert_eq!(text.matches("\n<details>").count(), text.matches("\n</details>\n\n").count());
        }
        let text = render(&document, &|_, _| None, 64_000);
        assert!(text.starts_with("### Contracts: 2000 breaking changes, 2000 to look at, 2000 compatible\n"), "{text}");
        assert!(text.contains("…and 3980 more to look at"), "{text}");
    }

    #[test]
    fn a_table_keeps_its_columns() {
        let text = render(&crowd(3), &|_, _| None, 64_000);
        for row in text.lines().filter(|line| line.starts_with("| ❌")) {
            assert_eq!(row.matches('|').count(), 5, "{row}");
        }
        assert!(text.contains("is gone `¦` `<b>`"), "{text}");
    }
}
