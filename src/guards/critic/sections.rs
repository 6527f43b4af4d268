//! The sections of a description: which heading names which, how far each runs, and what its author said there.

use std::collections::HashSet;

use super::Rules;
use super::document::{BOLD, Document, Line};
use super::headings;
use super::words::{self, Tick};

/// The lines of a template, whitespace aside: what stands there was not said by an author.
#[derive(Clone, Debug, Default)]
pub(super) struct TemplateLines(HashSet<String>);

impl TemplateLines {
    /// Every line, with its comments and without them.
    pub(super) fn of(template: &str) -> TemplateLines {
        let document = Document::parse(template);
        let whole = document.source.lines().map(squashed);
        let visible = document.lines.iter().map(|line| squashed(&line.visible));
        TemplateLines(whole.chain(visible).filter(|line| !line.is_empty()).collect())
    }

    fn contains(&self, line: &str) -> bool {
        self.0.contains(&squashed(line))
    }
}

fn squashed(line: &str) -> String {
    line.chars().filter(|character| !character.is_whitespace()).collect()
}

/// A section that stands in the description, from all the places where it does.
#[derive(Debug)]
pub(super) struct Section {
    /// The line of its first heading.
    pub(super) heading: usize,
    /// Its lines in order, and the answers in its headings.
    pub(super) statements: Vec<Statement>,
    /// Headings inside that name no section: their line and text.
    pub(super) subheadings: Vec<(usize, String)>,
}

/// One line of a section, reduced to what its author said.
#[derive(Debug)]
pub(super) struct Statement {
    /// The line.
    pub(super) line: usize,
    /// Its boxes; none is ticked in a line of the template.
    pub(super) ticks: Vec<Tick>,
    /// What stands before its first box.
    pub(super) question: String,
    /// Its words, when it is neither boxes nor template nor placeholder.
    pub(super) words: String,
    /// The same without links.
    pub(super) unlinked: String,
    /// A line of code, not of the template.
    pub(super) code: Option<String>,
    /// Whether it shows an image of any kind.
    pub(super) image: bool,
    /// Whether it shows a picture (no badge).
    pub(super) picture: bool,
    /// Whether it belongs to a list item.
    pub(super) in_item: bool,
    /// Whether a reader sees nothing on it.
    pub(super) blank: bool,
}

impl Statement {
    fn of(line: &Line, index: usize, template: &TemplateLines) -> Statement {
        let mut statement = Statement::new(&line.text, &line.unlinked, index, template.contains(&line.visible));
        if !template.contains(&line.visible) {
            statement.code = line.code.then(|| line.visible.clone());
            statement.image = line.images > 0 || line.pictures > 0;
            statement.picture = line.pictures > 0;
        }
        statement.in_item = line.in_item;
        statement.blank = line.text.trim().is_empty() && !line.code;
        statement
    }

    fn new(text: &str, unlinked: &str, line: usize, from_template: bool) -> Statement {
        let mut ticks = words::boxes(text);
        ticks.iter_mut().for_each(|tick| tick.ticked &= !from_template);
        let question = match text.find('[') {
            Some(at) if !ticks.is_empty() => text[..at].trim().to_string(),
            _ => String::new(),
        };
        let says = ticks.is_empty() && !from_template;
        let words = if says { words::without_placeholders(text) } else { String::new() };
        let unlinked = if words.is_empty() { String::new() } else { words::without_placeholders(unlinked) };
        let blank = text.trim().is_empty();
        Statement {
            line,
            ticks,
            question,
            words,
            unlinked,
            code: None,
            image: false,
            picture: false,
            in_item: false,
            blank,
        }
    }

    /// Whether its author said something here; code counts only where asked for.
    pub(super) fn says(&self, code_counts: bool) -> bool {
        !self.words.is_empty()
            || self.image
            || (code_counts && self.code.is_some())
            || self.ticks.iter().any(|tick| tick.ticked)
    }
}

/// The sections of a document, in the order of the rules' sections; `None` where there is no heading.
pub(super) fn read(document: &Document, rules: &Rules) -> Vec<Option<Section>> {
    let mut sections: Vec<Option<Section>> = rules.sections.iter().map(|_| None).collect();
    let mut open: Option<(usize, u8)> = None;
    let mut next_heading = document.headings.iter().peekable();
    for (index, line) in document.lines.iter().enumerate() {
        while let Some(heading) = next_heading.next_if(|heading| heading.line == index) {
            debug_assert!((1..=BOLD).contains(&heading.level));
            let named = named_by(&heading.text, rules);
            if let Some((id, answer)) = named {
                open = Some((id, heading.level));
                let section = sections[id].get_or_insert_with(|| Section {
                    heading: index,
                    statements: Vec::new(),
                    subheadings: Vec::new(),
                });
                let from_template = rules.template.contains(&line.visible);
                section.statements.extend(answer.map(|text| Statement::new(&text, &text, index, from_template)));
            } else if let Some((id, level)) = open {
                if heading.level <= level {
                    open = None;
                } else if let Some(section) = &mut sections[id] {
                    section.subheadings.push((index, heading.text.clone()));
                }
            }
        }
        if let Some(section) = open.and_then(|(id, _)| sections[id].as_mut()) {
            section.statements.push(Statement::of(line, index, &rules.template));
        }
    }
    sections
}

/// The section that a heading names, and the answer that follows a colon in it.
fn named_by(heading: &str, rules: &Rules) -> Option<(usize, Option<String>)> {
    if let Some(&id) = rules.headings.get(&headings::normalized(heading)) {
        return Some((id, None));
    }
    headings::splits(heading).into_iter().find_map(|(name, answer)| {
        let &id = rules.headings.get(&headings::normalized(&name))?;
        Some((id, Some(answer).filter(|answer| !answer.is_empty())))
    })
}
