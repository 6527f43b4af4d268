//! For a comment on the pull request and for the step summary: what blocks first, the rest folded.
//!
//! Everything that the report quotes is hostile. Escaped text cannot become markup, a mention, a reference or a link:
//! ASCII punctuation becomes a character reference or an escape, so GitHub's renderer sees letters only. A finding is
//! written whole or not at all, so a budget never cuts a word, a tag or a fence.

use std::fmt::Write;

use super::{FindingEntry, GuardStatus, LevelEntry, LocationEntry, Outcome, Report, plural};
use crate::finding::visible;

/// GitHub takes 65,536 characters; what follows the report (a marker) needs room.
pub const COMMENT_BUDGET: usize = 65_000;
/// A step summary takes 1 MiB.
pub const SUMMARY_BUDGET: usize = 1_000_000;

/// A message longer than this was not written to be read.
const MESSAGE_CHARACTERS: usize = 1_000;
/// Lines of code shown per finding.
const EXCERPT_LINES: usize = 6;
/// Characters of each of those lines.
const EXCERPT_CHARACTERS: usize = 160;
/// Files that are named one by one.
const NAMED_FILES: usize = 30;

/// The report as GitHub-flavoured Markdown of at most `budget` bytes; GitHub counts characters, of which there are
/// never more.
pub fn render(report: &Report, budget: usize) -> String {
    let head = headline(report);
    let foot = footer(report);
    // The details are worth less than a finding, so they get what is left, and are left out whole.
    let details = details(report);
    let room = budget.saturating_sub(head.len() + foot.len());
    let findings = findings(report, room.saturating_sub(details.len().min(room / 4)));
    let fits = head.len() + findings.len() + details.len() + foot.len() <= budget;
    let details = if fits { details } else { String::new() };
    format!("{head}{findings}{details}{foot}")
}

fn headline(report: &Report) -> String {
    let sign = match report.outcome {
        Outcome::Pass => "\u{2705}",
        Outcome::Blocked => "\u{274c}",
        Outcome::Broken => "\u{26a0}\u{fe0f}",
    };
    let mut text = format!("### {sign} mainguard: {}\n\n", escape(&report.headline()));
    let mut facts = Vec::new();
    if let Some(size) = &report.size {
        facts.push(format!(
            "{} {} \u{b7} {} in {} (+{} \u{2212}{})",
            escape(&size.animal),
            code(&size.label),
            plural(size.lines as usize, "changed line"),
            plural(size.files, "file"),
            size.added,
            size.deleted
        ));
    }
    if let Some(skipped) = report.critic.as_ref().and_then(|critic| critic.skipped.as_deref()) {
        facts.push(match skipped {
            "draft" => "a draft: nothing blocks yet".into(),
            "bot" => "a bot's pull request: its description is not judged".into(),
            "revert" => "a revert: its description is not judged".into(),
            other => escape(other),
        });
    }
    if !facts.is_empty() {
        let _ = writeln!(text, "{}\n", facts.join(" \u{b7} "));
    }
    for guard in report.guards.iter().filter(|guard| guard.status == GuardStatus::Broken) {
        let why = clipped(guard.reason.as_deref().unwrap_or("it could not judge"), MESSAGE_CHARACTERS);
        let _ = writeln!(text, "- **{} could not judge:** {}\n", escape(&guard.name), escape(&why));
    }
    text
}

/// The findings as far as they fit, worst first.
fn findings(report: &Report, room: usize) -> String {
    // What says how many are missing, and what closes a fold, must always fit.
    const RESERVED: usize = 200;
    let room = room.saturating_sub(RESERVED);
    let mut text = String::new();
    let mut left_out = [(LevelEntry::Error, 0), (LevelEntry::Warning, 0), (LevelEntry::Note, 0)];
    let mut full = false;
    for (level, missing) in &mut left_out {
        let of_level: Vec<&FindingEntry> = report.findings.iter().filter(|finding| finding.level == *level).collect();
        if of_level.is_empty() {
            continue;
        }
        let (open, close) = match level {
            LevelEntry::Error => (String::new(), ""),
            LevelEntry::Warning => (fold(&plural(of_level.len(), "warning")), "</details>\n\n"),
            LevelEntry::Note => (fold(&plural(of_level.len(), "note")), "</details>\n\n"),
        };
        let mut section = open;
        let mut shown = 0;
        for finding in &of_level {
            let entry = entry(report, finding);
            full = full || text.len() + section.len() + entry.len() + close.len() > room;
            if full {
                break;
            }
            section.push_str(&entry);
            shown += 1;
        }
        *missing = of_level.len() - shown;
        if shown > 0 {
            text.push_str(&section);
            text.push('\n');
            text.push_str(close);
        }
    }
    let missing: Vec<String> =
        left_out.iter().filter(|(_, count)| *count > 0).map(|(level, count)| plural(*count, level.as_str())).collect();
    if !missing.is_empty() {
        let _ = writeln!(text, "\u{2026}and {} more: the log and the JSON report have them all.\n", missing.join(", "));
    }
    text
}

fn fold(summary: &str) -> String {
    format!("<details><summary>{summary}</summary>\n\n")
}

fn entry(report: &Report, finding: &FindingEntry) -> String {
    let sign = match finding.level {
        LevelEntry::Error => "\u{1f534}",
        LevelEntry::Warning => "\u{1f7e1}",
        LevelEntry::Note => "\u{1f535}",
    };
    let message = clipped(&finding.message, MESSAGE_CHARACTERS);
    let mut text = format!("- {sign} {}  \n  {}", prose(&message), code(&finding.rule));
    if let Some(location) = &finding.location {
        let _ = write!(text, " \u{b7} {}", place(report, location));
    }
    text.push('\n');
    if let Some(location) = finding.location.as_ref().filter(|location| !location.excerpt.is_empty()) {
        text.push_str(&excerpt(location));
    }
    if let Some(help) = &finding.help {
        let _ = writeln!(text, "\n  **Next:** {}\n", prose(&clipped(help, MESSAGE_CHARACTERS)));
    }
    text
}

/// Where it is, as a link to the lines when the repository can be browsed.
fn place(report: &Report, location: &LocationEntry) -> String {
    let Some(path) = &location.path else { return "the description".into() };
    let name = match location.span {
        Some(span) => code(&format!("{path}:{}", span.line)),
        None => code(path),
    };
    let head = crate::change::CommitId::parse(&report.subject.head);
    let url = report.subject.url.as_deref().filter(|url| is_plain_url(url));
    match (url, head, &location.path_bytes) {
        (Some(url), Some(head), None) => {
            let lines = match location.span {
                Some(span) if span.end_line > span.line => format!("#L{}-L{}", span.line, span.end_line),
                Some(span) => format!("#L{}", span.line),
                None => String::new(),
            };
            format!("[{name}]({url}/blob/{head}/{}{lines})", super::sarif::uri(path.as_bytes()))
        }
        _ => name,
    }
}

/// A report that was made elsewhere may claim any address; only a plain one becomes a link.
fn is_plain_url(url: &str) -> bool {
    url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/:".contains(&byte))
    })
}

/// The lines in a fence that is longer than any run of backticks in them, inside the list item.
fn excerpt(location: &LocationEntry) -> String {
    let lines: Vec<String> = location
        .excerpt
        .iter()
        .take(EXCERPT_LINES)
        .map(|line| line.replace('\t', "    ").chars().take(EXCERPT_CHARACTERS).collect::<String>())
        .map(|line| visible(&line).into_owned())
        .collect();
    let longest = lines.iter().map(|line| longest_run(line)).max().unwrap_or_default();
    let fence = "`".repeat((longest + 1).max(3));
    let mut text = format!("\n  {fence}text\n");
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
    let _ = writeln!(text, "  {fence}");
    text
}

fn longest_run(line: &str) -> usize {
    line.split(|character| character != '`').map(str::len).max().unwrap_or_default()
}

fn details(report: &Report) -> String {
    let mut lines = Vec::new();
    for guard in report.guards.iter().filter(|guard| guard.status == GuardStatus::Skipped) {
        let why = clipped(guard.reason.as_deref().unwrap_or_default(), 200);
        lines.push(format!("- {} was skipped: {}", escape(&guard.name), escape(&why)));
    }
    if let Some(size) = report.size.as_ref() {
        let named = size.left_out.iter().take(NAMED_FILES);
        lines.extend(named.map(|file| {
            format!(
                "- {} does not count: {} (+{} \u{2212}{})",
                code(&file.path),
                escape(&file.reason),
                file.added,
                file.deleted
            )
        }));
        if size.left_out.len() > NAMED_FILES {
            lines.push(format!("- {} more do not count", size.left_out.len() - NAMED_FILES));
        }
        if !size.binary.is_empty() {
            lines.push(format!("- {}, which count no lines", plural(size.binary.len(), "binary file")));
        }
        if size.moved > 0 {
            lines.push(format!("- {} only moved", plural(size.moved, "file")));
        }
    }
    for set_aside in report.suppressed.iter().take(NAMED_FILES) {
        let rule = code(&set_aside.finding.rule);
        lines.push(format!("- {rule} is set aside: {}", escape(&clipped(&set_aside.reason, 200))));
    }
    if report.suppressed.len() > NAMED_FILES {
        lines.push(format!("- {} more findings are set aside", report.suppressed.len() - NAMED_FILES));
    }
    match lines.is_empty() {
        true => String::new(),
        false => format!("<details><summary>Details</summary>\n\n{}\n\n</details>\n\n", lines.join("\n")),
    }
}

fn footer(report: &Report) -> String {
    let subject = &report.subject;
    let base = subject.base.as_deref().map_or("the empty tree".to_string(), |base| code(base.get(..7).unwrap_or(base)));
    format!(
        "<sub>{base} \u{2192} {} \u{b7} {}, {} \u{b7} policy: {} \u{b7} mainguard {}</sub>\n",
        code(subject.head_short()),
        plural(subject.commits, "commit"),
        plural(subject.files, "file"),
        escape(&clipped(&subject.policy, 120)),
        escape(&report.tool.version)
    )
}

/// Our own sentences quote names between backticks; those become code, the rest is escaped.
fn prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // An odd backtick belongs to a name, so nothing can be told apart: all of it is text.
    if parts.len().is_multiple_of(2) {
        return escape(text);
    }
    parts.iter().enumerate().fold(String::new(), |mut all, (index, part)| {
        match index % 2 {
            0 => all.push_str(&escape(part)),
            _ => all.push_str(&code(part)),
        }
        all
    })
}

/// Text as GitHub's renderer cannot misread it: no markup, HTML, mention (`@team`), reference (`#1`, `GH-1`, a commit's
/// id) or bare link. Characters that could begin one are written as references, which are text only.
fn escape(text: &str) -> String {
    let text = visible(text);
    let mut escaped = String::with_capacity(text.len());
    let mut digits = 0;
    for character in text.chars() {
        // Seven hexadecimal digits in a row are linked as a commit: the seventh is written as a reference.
        digits = if character.is_ascii_hexdigit() { digits + 1 } else { 0 };
        match character {
            ' ' | '.' | ',' | ';' | '(' | ')' | '?' | '\'' | '%' => escaped.push(character),
            character if character.is_ascii_punctuation() => {
                let _ = write!(escaped, "&#{};", character as u32);
            }
            character if digits == 7 => {
                let _ = write!(escaped, "&#{};", character as u32);
                digits = 0;
            }
            character => escaped.push(character),
        }
    }
    // `www.` begins a link in GitHub-flavoured Markdown without any punctuation that is escaped above.
    let folded = escaped.to_ascii_lowercase();
    match folded.contains("www.") {
        true => escaped.replace('.', "&#46;"),
        false => escaped,
    }
}

/// A code span that shows exactly this text, on one line.
fn code(text: &str) -> String {
    let text = visible(text);
    if text.trim().is_empty() {
        return "` `".into();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    // Inside a table a bar would end the cell; outside it is harmless to leave it as it is. The space keeps a leading
    // or trailing backtick apart from the fence and is taken away by the renderer.
    let pad = if text.starts_with('`') || text.ends_with('`') || text.starts_with(' ') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

fn clipped(text: &str, limit: usize) -> String {
    super::terminal::bounded(text, limit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag};

    use super::*;

    /// What a renderer would make of it besides text.
    fn markup(markdown: &str) -> Vec<String> {
        let events = Parser::new_ext(markdown, Options::all());
        let structure = events.filter_map(|event| match event {
            Event::Start(Tag::Paragraph) | Event::Start(Tag::Item) | Event::Start(Tag::List(_)) => None,
            Event::Start(tag) => Some(format!("{tag:?}")),
            Event::InlineHtml(html) | Event::Html(html) => Some(html.to_string()),
            _ => None,
        });
        structure.collect()
    }

    proptest! {
        #[test]
        fn escaped_text_is_nothing_but_text(text in "\\PC{0,80}|[-@#<>&|*_~`\\[\\]()!/.:\\\\ \t\na-fw0-9]{0,80}") {
            prop_assert_eq!(markup(&format!("x {}", escape(&text))), Vec::<String>::new());
        }

        #[test]
        fn a_code_span_stays_one(text in "[`| <>&@a-z\\\\ \n]{1,40}") {
            let markdown = format!("x {} y", code(&text));
            let events: Vec<Event> = Parser::new_ext(&markdown, Options::all()).collect();
            prop_assert_eq!(events.iter().filter(|event| matches!(event, Event::Code(_))).count(), 1);
        }
    }

    #[test]
    fn what_github_links_by_itself_is_written_as_references() {
        for hostile in
            ["@team", "#12", "GH-12", "https://x.y", "www.x.y", "a@b.c", "</details>", "![x](y)", "::error::"]
        {
            let escaped = escape(hostile);
            for trigger in ["@", "://", "www.", "<", "[", "::"] {
                assert!(!escaped.contains(trigger), "{hostile} became {escaped}");
            }
        }
        assert!(!escape("deadbeefcafe").contains("deadbee"));
    }
}
