//! Python and Rust as words, strings and brackets: enough to see calls, and nothing that could overflow.

use super::graph::Span;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Word(String),
    /// A string's value; `None` when it is put together while the program runs.
    Text(Option<String>),
    Sign(char),
    /// Only in Python: a line of code ends.
    Line,
}

#[derive(Clone, Debug)]
pub(super) struct At {
    pub(super) token: Token,
    pub(super) span: Span,
    /// Where the bracket that this token opens is closed, as an index.
    pub(super) close: Option<usize>,
}

/// The language of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Python,
    Rust,
}

pub(super) struct Tokens {
    pub(super) all: Vec<At>,
}

impl Tokens {
    pub(super) fn of(text: &str, language: Language) -> Self {
        let bytes = text.as_bytes();
        let mut all: Vec<At> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let start = at;
            let token = match rest[0] {
                b'\n' => {
                    at += 1;
                    if language == Language::Python && open.is_empty() {
                        Token::Line
                    } else {
                        continue;
                    }
                }
                byte if byte.is_ascii_whitespace() || byte == b'\\' => {
                    at += 1;
                    // A line that goes on.
                    if byte == b'\\' && bytes.get(at) == Some(&b'\n') {
                        at += 1;
                    }
                    continue;
                }
                b'#' if language == Language::Python => {
                    at += line(rest);
                    continue;
                }
                b'/' if language == Language::Rust && rest.starts_with(b"//") => {
                    at += line(rest);
                    continue;
                }
                b'/' if language == Language::Rust && rest.starts_with(b"/*") => {
                    at += block(rest);
                    continue;
                }
                _ => match string(text, at, language) {
                    Some((value, end)) => {
                        at = end;
                        Token::Text(value)
                    }
                    None if word(rest[0]) => {
                        at += rest.iter().take_while(|byte| word(**byte) || byte.is_ascii_digit()).count();
                        Token::Word(text.get(start..at).unwrap_or_default().to_string())
                    }
                    None => {
                        at += text[start..].chars().next().map_or(1, char::len_utf8);
                        Token::Sign(text[start..].chars().next().unwrap_or(' '))
                    }
                },
            };
            let here = all.len();
            match token {
                Token::Sign('(' | '[' | '{') => open.push(here),
                Token::Sign(')' | ']' | '}') => {
                    if let Some(opened) = open.pop() {
                        all[opened].close = Some(here);
                    }
                }
                _ => {}
            }
            let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            all.push(At { token, span: (offset(start), offset(at)), close: None });
        }
        Self { all }
    }

    pub(super) fn word(&self, at: usize) -> Option<&str> {
        match &self.all.get(at)?.token {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(super) fn is_word(&self, at: usize, wanted: &str) -> bool {
        self.word(at) == Some(wanted)
    }

    pub(super) fn sign(&self, at: usize, wanted: char) -> bool {
        self.all.get(at).is_some_and(|one| one.token == Token::Sign(wanted))
    }

    /// Whether `::` stands here.
    pub(super) fn colons(&self, at: usize) -> bool {
        self.sign(at, ':') && self.sign(at + 1, ':')
    }

    /// The arguments of a call whose bracket opens here: first and last token of each, the end excluded.
    pub(super) fn arguments(&self, open: usize) -> Vec<(usize, usize)> {
        let Some(close) = self.all.get(open).and_then(|one| one.close) else { return Vec::new() };
        let (mut found, mut start, mut at) = (Vec::new(), open + 1, open + 1);
        while at < close {
            if self.sign(at, ',') {
                if start < at {
                    found.push((start, at));
                }
                start = at + 1;
            }
            at = self.all[at].close.map_or(at + 1, |close| close + 1);
        }
        if start < close {
            found.push((start, close));
        }
        found
    }

    /// A string that stands alone between two tokens, perhaps in several pieces.
    pub(super) fn text(&self, (start, end): (usize, usize)) -> Option<String> {
        let mut out = String::new();
        if start >= end {
            return None;
        }
        for one in self.all.get(start..end)? {
            match &one.token {
                Token::Text(Some(text)) => out.push_str(text),
                _ => return None,
            }
        }
        Some(out)
    }

    pub(super) fn span(&self, (start, end): (usize, usize)) -> Span {
        let first = self.all.get(start).map_or(0, |one| one.span.0);
        let last = end.checked_sub(1).and_then(|last| self.all.get(last)).map_or(first, |one| one.span.1);
        (first, last.max(first))
    }
}

fn word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn line(rest: &[u8]) -> usize {
    memchr::memchr(b'\n', rest).unwrap_or(rest.len())
}

fn block(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    break;
                }
            }
            _ => at += 1,
        }
    }
    at.min(rest.len())
}

/// A string's value and its end, if one begins here.
fn string(text: &str, at: usize, language: Language) -> Option<(Option<String>, usize)> {
    let rest = &text[at..];
    match language {
        Language::Rust => rust(rest).map(|(value, length)| (value, at + length)),
        Language::Python => python(rest).map(|(value, length)| (value, at + length)),
    }
}

fn rust(rest: &str) -> Option<(Option<String>, usize)> {
    let bytes = rest.as_bytes();
    if bytes[0] == b'\'' {
        // A character or a lifetime.
        let mut chars = rest[1..].char_indices();
        let (_, first) = chars.next()?;
        let (second, next) = chars.next()?;
        if first == '\\' {
            let end = rest[1..].char_indices().skip(2).find(|(_, c)| *c == '\'').map(|(at, _)| at + 2)?;
            return Some((None, end));
        }
        return (next == '\'').then_some((None, second + 2));
    }
    let head = rest.trim_start_matches(['b', 'c']);
    let prefix = rest.len() - head.len();
    if prefix > 1 {
        return None;
    }
    if let Some(raw) = head.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let close = format!("\"{}", "#".repeat(hashes));
            let body = &raw[hashes + 1..];
            let end = body.find(&close).unwrap_or(body.len());
            let length = prefix + 1 + hashes + 1 + end + close.len();
            return Some((Some(body[..end].to_string()), length.min(rest.len())));
        }
        return None;
    }
    head.starts_with('"').then(|| {
        let (value, length) = plain(head, "\"");
        (Some(value), prefix + length)
    })
}

fn python(rest: &str) -> Option<(Option<String>, usize)> {
    let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
    if letters > 2 || !rest[..letters].chars().all(|c| "rRbBuUfF".contains(c)) {
        return None;
    }
    let head = &rest[letters..];
    let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| head.starts_with(quote))?;
    let (value, length) = plain(head, quote);
    let formatted = rest[..letters].contains(['f', 'F']) && value.contains('{');
    Some(((!formatted).then_some(value), letters + length))
}

/// A string with escapes, from its opening quote on.
fn plain(head: &str, quote: &str) -> (String, usize) {
    let mut out = String::new();
    let body = &head[quote.len()..];
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        if body[at..].starts_with(quote) {
            return (out, quote.len() + at + quote.len());
        }
        match c {
            '\\' => {
                if let Some((_, escaped)) = chars.next() {
                    // What is no path is no matter.
                    out.push(if escaped == 'n' { '\n' } else { escaped });
                }
            }
            '\n' if quote == "'" => return (out, quote.len() + at),
            other => out.push(other),
        }
    }
    (out, head.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_read_as_their_language_says() {
        let texts = |text: &str, language| -> Vec<Option<String>> {
            let all = Tokens::of(text, language).all;
            all.into_iter()
                .filter_map(|one| if let Token::Text(text) = one.token { Some(text) } else { None })
                .collect()
        };
        let some = |text: &str| Some(text.to_string());
        assert_eq!(texts("a('x', f'{y}', \"\"\"z\"\"\") # 'no'", Language::Python), [some("x"), None, some("z")]);
        assert_eq!(
            texts("a(\"x\", r#\"y\"#) // \"no\"\nfn f<'a>(b: &'a str) { 'c' }", Language::Rust),
            [some("x"), some("y"), None]
        );
    }

    #[test]
    fn nothing_is_too_broken_to_be_read() {
        for text in ["(", ")", "'", "\"", "'''", "r#\"", "/*", "b'", "'\\", "é", "f'{", "\\", "#", "'é'", "r", "b\"é"]
        {
            for language in [Language::Python, Language::Rust] {
                let tokens = Tokens::of(text, language);
                let _ = (tokens.arguments(0), tokens.text((0, 1)), tokens.span((0, 1)));
            }
        }
    }
}
