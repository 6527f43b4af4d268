//! GitHub's annotations: as workflow commands in a job's log, and as the raw values that a check run takes.
//!
//! A workflow command is a line `::error file=a.rs,line=3,title=…::message`. What would end a line or a property is
//! percent-encoded as the runner decodes it (`actions/toolkit`, `packages/core/src/command.ts`). GitHub shows ten
//! errors, ten warnings and ten notices of a step and drops the others silently, so the tenth says what is missing.

use super::json::{Finding, Location, Place, Report};
use super::{counted, one_line, shorten, visible};
use crate::annotation::{Annotation, AnnotationLevel};
use crate::finding::Level;

/// So many annotations of each level does GitHub show for a step.
pub const MOST_PER_LEVEL: usize = 10;
/// GitHub's limit for a title, in characters.
const TITLE_CHARS: usize = 255;
/// Of a message and of a help each: together, escaped, they stay far below a check run's 64 KiB.
const MESSAGE_CHARS: usize = 2_000;

/// The findings that stand at a file, worst first. The others are left to the check run's summary: an annotation
/// cannot be anywhere else.
pub fn check_run_annotations(report: &Report) -> Vec<Annotation> {
    report.findings.iter().filter_map(annotation).collect()
}

fn annotation(finding: &Finding) -> Option<Annotation> {
    let location = finding.location.as_ref()?;
    let path = location.repo_path()?;
    let lines = Lines::of(location);
    Some(Annotation {
        path: path.to_text().into_owned(),
        start_line: lines.first,
        end_line: lines.last,
        start_column: lines.columns.map(|(start, _)| start),
        end_column: lines.columns.map(|(_, end)| end),
        level: match finding.level {
            Level::Error => AnnotationLevel::Failure,
            Level::Warning => AnnotationLevel::Warning,
            Level::Note => AnnotationLevel::Notice,
        },
        title: shorten(&one_line(&finding.rule, 100), TITLE_CHARS).into_owned(),
        message: text(finding),
    })
}

/// The lines of a location as GitHub wants them: always some, in order, columns only within one line and inclusive.
struct Lines {
    first: u32,
    last: u32,
    columns: Option<(u32, u32)>,
}

impl Lines {
    fn of(location: &Location) -> Lines {
        let Some(span) = location.span else { return Lines { first: 1, last: 1, columns: None } };
        let first = span.line.max(1);
        let last = span.end_line.max(first);
        let start = span.column.max(1);
        let columns = (first == last).then(|| (start, span.end_column.saturating_sub(1).max(start)));
        Lines { first, last, columns }
    }
}

/// The commands, a line each.
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    let broken: Vec<Command> = report.broken().map(Command::of_broken).collect();
    for level in [Level::Error, Level::Warning, Level::Note] {
        let findings = report.findings.iter().filter(|finding| finding.level == level).map(Command::of_finding);
        let count = report.count(level);
        // A guard that could not judge is worse than anything that another one found.
        let (first, all) = match level {
            Level::Error => (&broken[..], count + broken.len()),
            Level::Warning | Level::Note => (&[][..], count),
        };
        let mut commands: Vec<Command> = first.iter().cloned().chain(findings).take(MOST_PER_LEVEL).collect();
        let missing = all - commands.len();
        if let (Some(last), 1..) = (commands.last_mut(), missing) {
            let more = counted(missing, &format!("more {level}"));
            let verb = if missing == 1 { "is" } else { "are" };
            last.message.push_str(&format!("\n…and {more} that {verb} not shown here: the job's log has all of them."));
        }
        for command in commands {
            text.push_str(&command.line());
        }
    }
    text
}

/// A workflow command before escaping.
#[derive(Clone)]
struct Command {
    name: &'static str,
    properties: Vec<(&'static str, String)>,
    message: String,
}

impl Command {
    fn of_broken(run: &super::json::GuardRun) -> Command {
        let reason = one_line(run.reason.as_deref().unwrap_or("no reason given"), MESSAGE_CHARS);
        let title = format!("the guard {} could not judge", one_line(&run.name, 40));
        Command { name: "error", properties: vec![("title", title)], message: reason }
    }

    fn of_finding(finding: &Finding) -> Command {
        let name = match finding.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "notice",
        };
        let mut properties = Vec::new();
        if let Some((location, path)) = finding.location.as_ref().and_then(|at| Some((at, at.repo_path()?))) {
            let lines = Lines::of(location);
            // The path with its escapes: a real line end or colour in it would be one in the log.
            properties.push(("file", path.to_string()));
            properties.push(("line", lines.first.to_string()));
            properties.push(("endLine", lines.last.to_string()));
            if let Some((start, end)) = lines.columns {
                properties.push(("col", start.to_string()));
                properties.push(("endColumn", end.to_string()));
            }
        }
        properties.push(("title", one_line(&finding.rule, 100)));
        Command { name, properties, message: text(finding) }
    }

    fn line(&self) -> String {
        let properties: Vec<String> =
            self.properties.iter().map(|(name, value)| format!("{name}={}", property(&visible(value)))).collect();
        format!("::{} {}::{}\n", self.name, properties.join(","), data(&self.message))
    }
}

/// Message and help on lines of their own, everything else made visible.
fn text(finding: &Finding) -> String {
    let message = one_line(&finding.message, MESSAGE_CHARS);
    let place = match &finding.location {
        Some(Location { place: Place::Description, span: Some(span), .. }) => {
            format!("In the pull request description, line {}: ", span.line)
        }
        Some(Location { place: Place::Description, span: None, .. }) => "In the pull request description: ".into(),
        _ => String::new(),
    };
    match &finding.help {
        Some(help) => format!("{place}{message}\nHelp: {}", one_line(help, MESSAGE_CHARS)),
        None => format!("{place}{message}"),
    }
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_runner_decodes_is_what_was_meant() {
        assert_eq!(data("100%0A\r\nx:,"), "100%250A%0D%0Ax:,");
        assert_eq!(property("a:b,c%"), "a%3Ab%2Cc%25");
    }
}
