//! A description as its reader sees it: lines without markup and comments, and the headings among them.
//!
//! The Markdown is GitHub's, parsed by pulldown-cmark; what is ours is going back from its events to *lines*, because
//! people fill in a template line by line. Three things pull on this file: whatever GitHub would not show (comments,
//! struck-out text) must not count; whatever GitHub shows as text (code, quotes) must not act as a heading or a box;
//! and the text is hostile, so every loop moves forward and nothing is looked at twice.

use std::ops::Range;
use std::sync::LazyLock;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use regex::Regex;

use super::pictures;

/// GitHub allows 65,536 characters; a file may hold more. What lies behind this many bytes is not read.
const MAX_BYTES: usize = 2 << 20;

/// The level of a line that is nothing but bold text: below `<h6>`.
pub(super) const BOLD: u8 = 7;

/// A parsed description.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// What was parsed: the description with `\n` line ends.
    pub(super) source: String,
    /// Its lines, all of them.
    pub(super) lines: Vec<Line>,
    /// Its headings, first to last.
    pub(super) headings: Vec<Heading>,
}

/// One line of the source.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Where it stands in the source, without its line end.
    pub(super) range: Range<usize>,
    /// The source without comments.
    pub(super) visible: String,
    /// What a reader reads: no markup, no comments, nothing struck out, no alternative texts of images. Boxes appear as
    /// `[x]` and `[ ]`. Brackets and colons of inline code are replaced by lookalikes: code is never a box, a label or an
    /// address.
    pub(super) text: String,
    /// The same without links; a link to an issue appears as `#0`.
    pub(super) unlinked: String,
    /// Whether it is a line of a code block, and not blank.
    pub(super) code: bool,
    /// Whether it belongs to a list item.
    pub(super) in_item: bool,
    /// Images with a target, badges too.
    pub(super) images: usize,
    /// Images, videos and links to them; no badges.
    pub(super) pictures: usize,
    bold: bool,
    plain: bool,
    struck: bool,
    quoted: bool,
}

/// A heading.
#[derive(Debug)]
pub(super) struct Heading {
    /// 1 to 6, or [`BOLD`].
    pub(super) level: u8,
    /// Its text without markup.
    pub(super) text: String,
    /// The index of its first line.
    pub(super) line: usize,
}

impl Document {
    /// Reads a description. Takes any text; time and space grow with its length.
    pub(super) fn parse(text: &str) -> Document {
        let source = normalized(text);
        let mut reader = Reader::new(&source);
        let options = Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS | Options::ENABLE_STRIKETHROUGH;
        for (event, range) in Parser::new_ext(&source, options).into_offset_iter() {
            reader.read(event, range);
        }
        let (lines, headings) = reader.finish();
        Document { source, lines, headings }
    }
}

fn normalized(text: &str) -> String {
    let mut end = text.len().min(MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].replace("\r\n", "\n").replace('\r', "\n")
}

struct Reader<'a> {
    source: &'a str,
    lines: Vec<Line>,
    headings: Vec<Heading>,
    /// The heading whose text is being read.
    heading: Option<Heading>,
    /// Comments.
    hidden: Vec<Range<usize>>,
    /// Nothing before this offset is seen: the end of a comment that Markdown does not know to be one.
    hidden_until: usize,
    quotes: usize,
    items: usize,
    tables: usize,
    images: usize,
    links: usize,
    struck: usize,
    code_block: bool,
    /// Whether each open `**` closes on its own line.
    strong: Vec<bool>,
    html: HtmlState,
}

/// Tags that are open; forgotten at the end of the block, because nobody may strike out the rest of a description by
/// leaving a tag open.
#[derive(Default)]
struct HtmlState {
    struck: usize,
    bold: usize,
    links: usize,
    code: usize,
}

impl<'a> Reader<'a> {
    fn new(source: &'a str) -> Reader<'a> {
        let mut lines = Vec::new();
        let mut start = 0;
        for line in source.split('\n') {
            lines.push(Line { range: start..start + line.len(), ..Line::default() });
            start += line.len() + 1;
        }
        Reader {
            source,
            lines,
            headings: Vec::new(),
            heading: None,
            hidden: Vec::new(),
            hidden_until: 0,
            quotes: 0,
            items: 0,
            tables: 0,
            images: 0,
            links: 0,
            struck: 0,
            code_block: false,
            strong: Vec::new(),
            html: HtmlState::default(),
        }
    }

    fn read(&mut self, event: Event<'a>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(tag, range),
            Event::Text(text) if self.code_block => self.code(&text, range),
            Event::Text(text) => self.push(range.start, &text),
            Event::Code(text) => {
                let text: String = text
                    .chars()
                    .map(|character| match character {
                        '[' => '\u{27e6}',
                        ']' => '\u{27e7}',
                        ':' => '\u{2236}',
                        other => other,
                    })
                    .collect();
                self.push(range.start, &text);
            }
            Event::InlineHtml(_) => self.html(range, false),
            Event::TaskListMarker(ticked) => self.push(range.start, if ticked { "[x] " } else { "[ ] " }),
            Event::SoftBreak | Event::HardBreak => {
                if let Some(heading) = &mut self.heading {
                    heading.text.push(' ');
                }
            }
            // The HTML of a block is read as a whole when the block starts.
            Event::Html(_) | Event::Rule => {}
            Event::InlineMath(_) | Event::DisplayMath(_) | Event::FootnoteReference(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'a>, range: Range<usize>) {
        match tag {
            Tag::Heading { level, .. } => {
                let line = self.line_of(range.start);
                self.open_heading(level as u8, range.start, line);
            }
            Tag::BlockQuote(_) => {
                self.quotes += 1;
                self.mark(&range, |line| line.quoted = true);
            }
            Tag::Item => {
                self.items += 1;
                self.mark_outermost_item(&range);
            }
            Tag::CodeBlock(_) => self.code_block = true,
            Tag::HtmlBlock => {
                self.html(range, true);
                self.close_block();
            }
            Tag::Table(_) => self.tables += 1,
            Tag::Strikethrough => self.struck += 1,
            Tag::Strong => self.strong.push(!self.source[range].contains('\n')),
            Tag::Link { dest_url, .. } => {
                self.link(range.start, &dest_url);
                self.links += 1;
            }
            Tag::Image { dest_url, .. } => {
                self.picture(range.start, &dest_url);
                self.images += 1;
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd, range: Range<usize>) {
        match tag {
            TagEnd::Heading(_) => self.close_heading(),
            TagEnd::BlockQuote(_) => self.quotes = self.quotes.saturating_sub(1),
            TagEnd::Item => self.items = self.items.saturating_sub(1),
            TagEnd::CodeBlock => self.code_block = false,
            TagEnd::Table => self.tables = self.tables.saturating_sub(1),
            TagEnd::TableCell => self.push(range.start, " "),
            TagEnd::Strikethrough => self.struck = self.struck.saturating_sub(1),
            TagEnd::Strong => {
                self.strong.pop();
            }
            TagEnd::Link => self.links = self.links.saturating_sub(1),
            TagEnd::Image => self.images = self.images.saturating_sub(1),
            TagEnd::Paragraph => self.close_block(),
            _ => {}
        }
    }

    /// Marks the lines of a block, each line once however deep the nesting: only the outermost block of a kind does it.
    fn mark(&mut self, range: &Range<usize>, mark: impl Fn(&mut Line)) {
        if self.quotes == 1 {
            let lines = self.lines_of(range);
            self.lines[lines].iter_mut().for_each(mark);
        }
    }

    fn mark_outermost_item(&mut self, range: &Range<usize>) {
        if self.items == 1 {
            let lines = self.lines_of(range);
            self.lines[lines].iter_mut().for_each(|line| line.in_item = true);
        }
    }

    fn line_of(&self, offset: usize) -> usize {
        self.lines.partition_point(|line| line.range.start <= offset).saturating_sub(1)
    }

    fn lines_of(&self, range: &Range<usize>) -> Range<usize> {
        let first = self.line_of(range.start);
        first..(self.line_of(range.end.saturating_sub(1)).max(first) + 1)
    }

    fn code(&mut self, text: &str, range: Range<usize>) {
        if range.start < self.hidden_until || text.trim().is_empty() {
            return;
        }
        let lines = self.lines_of(&range);
        for line in &mut self.lines[lines] {
            line.code |= !self.source[line.range.clone()].trim().is_empty();
        }
    }

    fn push(&mut self, at: usize, text: &str) {
        if at < self.hidden_until || self.images > 0 {
            return;
        }
        if let Some(heading) = &mut self.heading {
            heading.text.push_str(text);
            return;
        }
        let struck = self.struck > 0 || self.html.struck > 0;
        let linked = self.links > 0 || self.html.links > 0;
        let bold = self.strong.last() == Some(&true) || self.html.bold > 0;
        let code = self.html.code > 0;
        let in_table = self.tables > 0;
        let index = self.line_of(at);
        let line = &mut self.lines[index];
        if struck {
            line.struck |= !text.trim().is_empty();
            return;
        }
        if code {
            line.code |= !text.trim().is_empty();
            return;
        }
        line.text.push_str(text);
        if !linked {
            line.unlinked.push_str(text);
        }
        // A colon and an emoji may stand beside the bold text of a heading.
        let says = text.chars().any(|c| !c.is_whitespace() && !matches!(c, ':' | '?') && !super::words::is_emoji(c));
        match bold && !in_table {
            true => line.bold |= says,
            false => line.plain |= says,
        }
    }

    fn link(&mut self, at: usize, target: &str) {
        if at < self.hidden_until || self.heading.is_some() {
            return;
        }
        let struck = self.struck > 0 || self.html.struck > 0;
        let index = self.line_of(at);
        let line = &mut self.lines[index];
        line.unlinked.push_str(if super::words::is_issue_address(target) { " #0 " } else { " " });
        if !struck && pictures::is_link_to_picture(target) {
            line.pictures += 1;
        }
    }

    fn picture(&mut self, at: usize, target: &str) {
        let struck = self.struck > 0 || self.html.struck > 0;
        if at < self.hidden_until || self.heading.is_some() || struck || self.images > 0 {
            return;
        }
        let index = self.line_of(at);
        let line = &mut self.lines[index];
        line.plain = true;
        line.images += usize::from(!target.trim().is_empty());
        line.pictures += usize::from(pictures::is_picture(target));
    }

    fn open_heading(&mut self, level: u8, at: usize, line: usize) {
        if self.heading.is_none() {
            // A heading in a quote or a comment swallows its text and is then dropped.
            let level = if self.quotes > 0 || at < self.hidden_until { 0 } else { level };
            self.heading = Some(Heading { level, text: String::new(), line });
        }
    }

    fn close_heading(&mut self) {
        if let Some(heading) = self.heading.take_if(|_| true)
            && heading.level > 0
        {
            self.headings.push(heading);
        }
        self.html = HtmlState::default();
    }

    fn close_block(&mut self) {
        self.close_heading();
    }

    /// Reads the tags, comments and text of an HTML block, or one tag inside a paragraph.
    fn html(&mut self, range: Range<usize>, block: bool) {
        let mut at = range.start.max(self.hidden_until);
        let (mut comments_end, mut ends) = (true, TagEnds { quoted: true, plain: true });
        while at < range.end {
            let rest = &self.source[at..range.end];
            let open = rest.find('<').unwrap_or(rest.len());
            self.html_text(at, &rest[..open]);
            at += open;
            let rest = &self.source[at..range.end];
            if rest.is_empty() {
                break;
            }
            if rest.starts_with("<!--") {
                if let Some(length) = comments_end.then(|| comment_length(rest)).flatten() {
                    self.hidden.push(at..at + length);
                    at += length;
                    continue;
                }
                comments_end = false;
                let line = self.line_of(at);
                let begins_line = block
                    && self.source[self.lines[line].range.start..at].trim_matches(LINE_BEGINNING).is_empty()
                    && at >= self.hidden_until;
                if begins_line {
                    let end = comment_length(&self.source[at..]).map_or(self.source.len(), |length| at + length);
                    self.hidden.push(at..end);
                    self.hidden_until = end;
                    return;
                }
            }
            let is_tag = rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
            let length = is_tag.then(|| tag_length(rest, &mut ends)).flatten();
            match length {
                Some(length) => {
                    self.tag(at, &rest[..length]);
                    at += length;
                }
                None => {
                    self.html_text(at, "<");
                    at += 1;
                }
            }
        }
    }

    fn html_text(&mut self, mut at: usize, text: &str) {
        for piece in text.split_inclusive('\n') {
            let decoded = piece.trim_end_matches('\n').replace("&amp;", "&").replace("&nbsp;", " ");
            if !decoded.is_empty() {
                self.push(at, &decoded);
            }
            if piece.ends_with('\n')
                && let Some(heading) = &mut self.heading
            {
                heading.text.push(' ');
            }
            at += piece.len();
        }
    }

    fn tag(&mut self, at: usize, tag: &str) {
        let closes = tag.starts_with("</");
        let name: String = tag.trim_start_matches(['<', '/']).chars().take_while(char::is_ascii_alphanumeric).collect();
        let count = |counter: &mut usize| match closes {
            true => *counter = counter.saturating_sub(1),
            false => *counter += 1,
        };
        match name.to_ascii_lowercase().as_str() {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => match closes {
                true => self.close_heading(),
                false => {
                    let line = self.line_of(at);
                    self.open_heading(name.as_bytes()[1] - b'0', at, line);
                }
            },
            "del" | "s" | "strike" => count(&mut self.html.struck),
            "b" | "strong" => count(&mut self.html.bold),
            "pre" => count(&mut self.html.code),
            "blockquote" => count(&mut self.quotes),
            "a" => {
                if !closes && let Some(target) = attribute(tag) {
                    self.link(at, target);
                }
                count(&mut self.html.links);
            }
            "img" | "video" | "source" => {
                if let Some(target) = attribute(tag) {
                    self.picture(at, target);
                }
            }
            "br" | "p" | "div" | "td" | "th" | "tr" | "li" | "summary" => self.push(at, " "),
            _ => {}
        }
    }

    fn finish(mut self) -> (Vec<Line>, Vec<Heading>) {
        self.hidden.sort_by_key(|range| range.start);
        let mut hidden = self.hidden.iter().peekable();
        let mut found = Vec::new();
        for (index, line) in self.lines.iter_mut().enumerate() {
            let mut at = line.range.start;
            while let Some(comment) = hidden.peek() {
                if comment.start >= line.range.end {
                    break;
                }
                line.visible.push_str(self.source.get(at..comment.start).unwrap_or_default());
                at = at.max(comment.end.min(line.range.end));
                if comment.end > line.range.end {
                    break;
                }
                hidden.next();
            }
            line.visible.push_str(&self.source[at..line.range.end]);

            // What is left beside struck-out text is an empty box, if anything.
            if line.struck && !line.text.replace("[x]", "").contains(char::is_alphanumeric) {
                line.text.clear();
                line.unlinked.clear();
            }
            line.pictures += pictures::in_text(&line.text);
            if line.bold && !line.plain && !line.quoted && !MARKER.is_match(&line.visible) {
                let text = std::mem::take(&mut line.text);
                line.unlinked.clear();
                found.push(Heading { level: BOLD, text, line: index });
            }
        }
        self.headings.append(&mut found);
        self.headings.sort_by_key(|heading| heading.line);
        (self.lines, self.headings)
    }
}

/// What may stand before a comment that "begins a line": the marks of lists and quotes.
const LINE_BEGINNING: [char; 6] = [' ', '\t', '-', '+', '*', '>'];

/// A line that begins a list item.
static MARKER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\s*(?:[-+*]|\d{1,9}[.)])\s").expect("a valid pattern"));

/// The attributes that name what a tag shows or leads to.
static ATTRIBUTE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)\s(?:src|srcset|href)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))"#).expect("a valid pattern")
});

fn attribute(tag: &str) -> Option<&str> {
    let captures = ATTRIBUTE.captures(tag)?;
    captures.iter().skip(1).flatten().next().map(|value| value.as_str())
}

/// The length of the comment that `text` begins with; `<!-->` and `<!--->` are whole ones.
fn comment_length(text: &str) -> Option<usize> {
    text.get(2..)?.find("-->").map(|at| at + 5)
}

/// Which searches for the end of a tag may still succeed. One that ran to the end in vain is not made again, so that a
/// block of nothing but `<` is read in linear time.
struct TagEnds {
    /// For a `>` outside of quotes.
    quoted: bool,
    /// For any `>`.
    plain: bool,
}

/// The length of the tag that `text` begins with. Once a quote was left open, the next `>` ends a tag.
fn tag_length(text: &str, ends: &mut TagEnds) -> Option<usize> {
    if ends.quoted {
        let mut open: Option<u8> = None;
        for (index, byte) in text.bytes().enumerate() {
            match (open, byte) {
                (None, b'>') => return Some(index + 1),
                (None, b'"' | b'\'') => open = Some(byte),
                (Some(quote), byte) if quote == byte => open = None,
                _ => {}
            }
        }
        ends.quoted = false;
    }
    let length = ends.plain.then(|| text.find('>')).flatten().map(|at| at + 1);
    ends.plain = length.is_some();
    length
}
