//! The report as GitHub-flavoured Markdown: the pull request's comment and the job's summary.
//!
//! Three needs pull here. A reviewer wants the verdict in one glance and the rest folded away. GitHub refuses a body
//! over its limit, so what is worst must come first and what does not fit must be counted. And the words of strangers
//! must stay words: no mention, no link, no image, no heading, no `</details>`, whatever they contain.
//!
//! How they stay words: [`text::markdown`](crate::text::markdown).

use std::fmt::Write as _;

use super::json::{Excerpt, Finding, GuardStatus, LeftOut, Location, Report, Size, Subject};
use super::{
    Tally, counted, ending, in_words, judged_in_words, one_line, percent_encoded, shorten, size_in_words,
    subject_in_words, visible,
};
use crate::change::ObjectId;
use crate::contracts;
use crate::finding::Level;
use crate::guards::Guard;
use crate::text::markdown::{cell, code, longest_run, prose};
use crate::verdict::Outcome;

/// For a comment. GitHub takes 65,536 characters; bytes are never fewer than its characters however it counts them,
/// and the rest leaves room for a marker.
pub const COMMENT_BYTES: usize = 64_000;
/// For a job's summary: GitHub takes 1 MiB of one step.
pub const SUMMARY_BYTES: usize = 1_048_576 - 1_024;

const MESSAGE_CHARS: usize = 1_000;
const EXCERPT_COLUMNS: usize = 160;
const MOST_GUARDS: usize = 50;
const MOST_NAMES: usize = 100;
/// What naming the sections that found no room takes at most.
const RESERVE: usize = 400;

/// Prints the report in at most `budget` bytes.
pub fn render(report: &Report, budget: usize) -> String {
    let (head, foot) = (head(report), foot(report));
    if head.len() + foot.len() + 2 * RESERVE > budget {
        // So little room that only the verdict itself is worth it; and none at all for less.
        let verdict = headline(report);
        return if verdict.len() <= budget { verdict } else { String::new() };
    }
    let mut page = Page { text: head, room: budget - foot.len() - RESERVE, dropped: Vec::new() };
    if let Some(document) = &report.contracts {
        let link = |place: &contracts::Place, side: contracts::Side| {
            let commit = match side {
                contracts::Side::Base => report.subject.base.commit.as_deref(),
                contracts::Side::Revision => report.subject.head.commit.as_deref(),
            };
            blob(&report.subject, commit, place.file.as_bytes()).map(|url| format!("{url}#L{}", place.line))
        };
        // The other guards' findings keep half of the room.
        let section =
            contracts::report::markdown::render(document, &link, page.room.saturating_sub(page.text.len()) / 2);
        page.text.push_str(&section);
    }
    // What changed in a contract stands in that section.
    let told = |finding: &Finding| {
        report.contracts.is_some()
            && finding.rule.matches('/').count() == 2
            && finding.guard() == Guard::Contracts.name()
    };
    for (level, title) in [(Level::Error, "error"), (Level::Warning, "warning"), (Level::Note, "note")] {
        let findings: Vec<&Finding> =
            report.findings.iter().filter(|finding| finding.level == level && !told(finding)).collect();
        let count = findings.len();
        let fold = match level {
            // Behind the contracts' section they would seem to belong to it.
            Level::Error if report.contracts.is_some() => Fold::Titled,
            Level::Error => Fold::Open,
            _ => Fold::Closed,
        };
        let blocks = findings.into_iter().map(|finding| block(finding, &report.subject));
        page.section(&counted(count, title), count, fold, title, blocks);
    }
    let suppressed = report.suppressed.iter().map(|suppressed| {
        let reason = prose(&suppressed.reason, MESSAGE_CHARS);
        format!("{}Suppressed: {reason}\n\n", opening(&suppressed.finding, &report.subject))
    });
    let count = report.suppressed.len();
    page.section(&counted(count, "suppressed finding"), count, Fold::Closed, "suppressed finding", suppressed);
    if let Some(size) = &report.size {
        let count = size.left_out.len();
        let lines = size.left_out.iter().take(MOST_NAMES).map(left_out);
        page.section(&format!("{} left out of the size", counted(count, "file")), count, Fold::Closed, "file", lines);
    }
    if !page.dropped.is_empty() {
        let _ = write!(page.text, "Not shown here for want of room: {}.\n\n", page.dropped.join(", "));
    }
    page.text.push_str(&foot);
    page.text
}

/// Whether a section is unfolded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fold {
    Open,
    /// Open, below a heading of its own.
    Titled,
    Closed,
}

/// A text that grows by whole blocks and never over its room.
struct Page {
    text: String,
    room: usize,
    /// Sections of which not even the frame fitted.
    dropped: Vec<String>,
}

impl Page {
    /// Blocks under a title, as many of the `count` as fit, and a sentence about the others.
    fn section(&mut self, title: &str, count: usize, fold: Fold, noun: &str, blocks: impl Iterator<Item = String>) {
        if count == 0 {
            return;
        }
        let (open, close) = match fold {
            Fold::Open => (String::new(), ""),
            Fold::Titled => (format!("### {title}\n\n"), ""),
            Fold::Closed => (format!("<details><summary>{title}</summary>\n\n"), "</details>\n\n"),
        };
        let rest = |missing: usize| {
            let nouns = if missing == 1 { noun.to_owned() } else { format!("{noun}s") };
            format!("…and {missing} more {nouns}: the full report has all of them.\n\n")
        };
        // One more for the line end that a list lacks before what follows.
        let closing = rest(count).len() + close.len() + 1;
        if self.text.len() + open.len() + closing > self.room {
            self.dropped.push(title.into());
            return;
        }
        self.text.push_str(&open);
        let mut shown = 0;
        for block in blocks {
            if self.text.len() + block.len() + closing > self.room {
                break;
            }
            self.text.push_str(&block);
            shown += 1;
        }
        if !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
        if shown < count {
            self.text.push_str(&rest(count - shown));
        }
        self.text.push_str(close);
    }
}

/// What is there in any case, bounded: verdict, size, guards.
fn head(report: &Report) -> String {
    let mut text = headline(report);
    text.push_str("\n| Guard | Result |\n| :-- | :-- |\n");
    let tallies = Tally::by_guard(&report.findings);
    for run in report.guards.iter().take(MOST_GUARDS) {
        let tally = tallies.get(run.name.as_str()).copied().unwrap_or_default();
        let reason = || cell(&prose(run.reason.as_deref().unwrap_or("no reason given"), 300));
        let found = match &report.size {
            Some(size) if run.name == Guard::Size.name() => sized(size, tally),
            _ => judged_in_words(report, &run.name, tally),
        };
        let result = match run.status {
            GuardStatus::Ran if tally.errors > 0 => format!("❌ {found}"),
            GuardStatus::Ran if tally.warnings > 0 => format!("⚠️ {found}"),
            GuardStatus::Ran => format!("✅ {found}"),
            GuardStatus::Skipped => format!("➖ skipped: {}", reason()),
            GuardStatus::Broken => format!("💥 could not judge: {}", reason()),
        };
        let _ = writeln!(text, "| {} | {result} |", cell(&prose(&run.name, 40)));
    }
    text.push('\n');
    text
}

fn sized(size: &Size, tally: Tally) -> String {
    let (label, animal) = (code(&one_line(&size.label, 50)), prose(&size.animal, 8));
    let found = if tally == Tally::default() { String::new() } else { format!("; {tally}") };
    cell(&format!("{label} {animal} {}{found}", prose(&size_in_words(size), 200)))
}

fn headline(report: &Report) -> String {
    let icon = match report.outcome {
        Outcome::Pass => "✅",
        Outcome::Blocked => "⛔",
        Outcome::Broken => "💥",
    };
    format!("### {icon} mainguard · {}\n", prose(&in_words(report), 400))
}

fn foot(report: &Report) -> String {
    let policy = match &report.subject.policy {
        Some(source) => format!("by {}", code(&one_line(source, 120))),
        None => "by the default policy".into(),
    };
    let version = prose(&report.tool.version, 30);
    format!("<sub>mainguard {version} judged {} {policy}</sub>\n", prose(&subject_in_words(&report.subject), 400))
}

/// One finding: what and where, the code, what to do.
fn block(finding: &Finding, subject: &Subject) -> String {
    let mut text = opening(finding, subject);
    if let Some(excerpt) = finding.location.as_ref().and_then(|location| location.excerpt.as_ref()) {
        text.push_str(&fenced(excerpt));
    }
    if let Some(help) = &finding.help {
        let _ = write!(text, "> 💡 {}\n\n", prose(help, MESSAGE_CHARS));
    }
    text
}

fn fenced(excerpt: &Excerpt) -> String {
    let line = |line: &str| visible(&shorten(&line.replace('\t', "    "), EXCERPT_COLUMNS)).into_owned();
    let lines: Vec<(u32, String)> = excerpt.numbered().map(|(number, text)| (number, line(text))).collect();
    let longest = lines.iter().map(|(_, line)| longest_run(line)).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    let wide = lines.last().map_or(1, |(number, _)| number.to_string().len());
    let mut text = format!("{fence}\n");
    for (number, line) in &lines {
        // The number in front keeps a line from being a command to the runner, should this be shown in a log.
        let _ = writeln!(text, "{}", format!("{number:>wide$} │ {line}").trim_end());
    }
    let _ = write!(text, "{fence}\n\n");
    text
}

/// The message, and in small letters its place and rule.
fn opening(finding: &Finding, subject: &Subject) -> String {
    let icon = match finding.level {
        Level::Error => "❌",
        Level::Warning => "⚠️",
        Level::Note => "ℹ️",
    };
    let rule = code(&one_line(&finding.rule, 100));
    let place = finding.location.as_ref().map(|location| format!("{} · ", place(location, subject)));
    let message = prose(&finding.message, MESSAGE_CHARS);
    format!("{icon} {message}<br>\n<sub>{}{rule}</sub>\n\n", place.unwrap_or_default())
}

fn place(location: &Location, subject: &Subject) -> String {
    let name = location.place_name();
    let Some(path) = location.repo_path() else {
        return match location.span {
            Some(span) => prose(&format!("{}, line {}", shorten(&name, 100), span.line), 120),
            None => prose(&name, 100),
        };
    };
    let shown = match location.span {
        Some(span) => code(&format!("{}:{}", ending(&name, 160), span.line)),
        None => code(&ending(&name, 160)),
    };
    match blob(subject, subject.head.commit.as_deref(), path.as_bytes()) {
        Some(url) => {
            let lines = location.span.map(|span| match span.end_line > span.line {
                true => format!("#L{}-L{}", span.line, span.end_line),
                false => format!("#L{}", span.line),
            });
            format!("[{shown}]({url}{})", lines.unwrap_or_default())
        }
        None => shown,
    }
}

/// The address of a file at a commit, if everything in it is what it should be: a document that was read back may
/// hold anything.
fn blob(subject: &Subject, commit: Option<&str>, path: &[u8]) -> Option<String> {
    let (server, repository) = (subject.server_url.as_deref()?, subject.repository.as_deref()?);
    let host = server.strip_prefix("https://").or_else(|| server.strip_prefix("http://"))?;
    let host_fits = |byte: u8| byte.is_ascii_alphanumeric() || b".:-/_".contains(&byte);
    let name_fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let is_name = |part: &str| !part.is_empty() && part.bytes().all(name_fits) && part != "." && part != "..";
    let (owner, name) = repository.split_once('/')?;
    let commit = ObjectId::parse(commit?)?;
    // A browser would walk up such a path, to wherever its author likes.
    let walks = path.split(|&byte| byte == b'/').any(|part| matches!(part, b"" | b"." | b".."));
    let fits = !host.is_empty() && host.bytes().all(host_fits) && is_name(owner) && is_name(name) && !walks;
    let fits = fits && path.len() <= 1_000;
    fits.then(|| format!("{server}/{owner}/{name}/blob/{commit}/{}", percent_encoded(path)))
}

fn left_out(file: &LeftOut) -> String {
    let path = code(&ending(&file.file.shown(), 160));
    let why = format!("{}, +{} −{}", shorten(&file.reason, 60), file.added, file.deleted);
    format!("- {path} {}\n", prose(&why, 120))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_fenced_by_more_than_it_holds() {
        let excerpt = Excerpt { first_line: 9, lines: vec!["a".into(), "````".into()] };
        assert_eq!(fenced(&excerpt), "`````\n 9 │ a\n10 │ ````\n`````\n\n");
    }

    #[test]
    fn an_address_is_built_of_sound_parts_only() {
        let commit = "a".repeat(40);
        let subject = |server: &str, repository: &str| Subject {
            server_url: Some(server.into()),
            repository: Some(repository.into()),
            pull_request: None,
            base: super::super::json::Base { name: None, guessed: false, commit: None },
            head: super::super::json::Head { kind: super::super::json::HeadKind::Commit, commit: Some(commit.clone()) },
            commits: 0,
            files: 0,
            added: 0,
            deleted: 0,
            policy: None,
        };
        let sound = blob(&subject("https://github.com", "o/n"), Some(&commit), b"a b.rs").unwrap();
        assert_eq!(sound, format!("https://github.com/o/n/blob/{commit}/a%20b.rs"));
        for (server, repository, path) in [
            ("javascript:alert(1)", "o/n", "a"),
            ("https://a.b/) @team", "o/n", "a"),
            ("https://a.b", "o/../n", "a"),
            ("https://a.b", "../n", "a"),
            ("https://a.b", "o/n", "../../../evil/x"),
        ] {
            assert_eq!(blob(&subject(server, repository), Some(&commit), path.as_bytes()), None);
        }
    }
}
