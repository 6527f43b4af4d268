//! Words, numbers, strings and marks of a Protobuf file, each with its place.
//!
//! <https://protobuf.dev/reference/protobuf/proto3-spec/#lexical_elements>. The lexer works on bytes: names are ASCII,
//! and what stands in comments and strings is nobody's business here.

/// Where something stands: offsets of its first byte and of the byte behind its last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    /// From the start of this to the end of that.
    pub(super) fn to(self, end: Span) -> Span {
        Span { start: self.start, end: end.end }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword: the language reserves none.
    Word,
    Integer,
    Float,
    /// With its quotes.
    Text,
    /// One byte of punctuation.
    Mark(u8),
    End,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

/// What is wrong, and where.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) at: Span,
    pub(super) what: String,
}

#[derive(Clone)]
pub(super) struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Lexer<'a> {
    /// The text is below 4 GiB: whoever reads it has a far lower limit.
    pub(super) fn new(text: &'a [u8]) -> Self {
        let at = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Self { text, at }
    }

    pub(super) fn next(&mut self) -> Result<Token, Mistake> {
        self.skip_blanks()?;
        let start = self.at;
        let Some(&first) = self.text.get(start) else { return Ok(self.token(Kind::End, start)) };
        let kind = match first {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                Kind::Word
            }
            b'0'..=b'9' => self.number(),
            b'.' if self.text.get(start + 1).is_some_and(u8::is_ascii_digit) => self.number(),
            b'"' | b'\'' => {
                self.string(first)?;
                Kind::Text
            }
            mark if mark.is_ascii_graphic() => {
                self.at += 1;
                Kind::Mark(mark)
            }
            _ => return Err(self.mistake(start, "this character means nothing here")),
        };
        Ok(self.token(kind, start))
    }

    fn token(&self, kind: Kind, start: usize) -> Token {
        Token { kind, span: span(start, self.at) }
    }

    fn mistake(&self, start: usize, what: &str) -> Mistake {
        Mistake { at: span(start, (start + 1).min(self.text.len())), what: what.into() }
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.text.get(self.at).is_some_and(|byte| wanted(*byte)) {
            self.at += 1;
        }
    }

    fn skip_blanks(&mut self) -> Result<(), Mistake> {
        loop {
            self.take_while(|byte| byte.is_ascii_whitespace() || byte == 0x0b);
            let rest = &self.text[self.at..];
            if rest.starts_with(b"//") {
                self.at = memchr::memchr(b'\n', rest).map_or(self.text.len(), |end| self.at + end + 1);
            } else if rest.starts_with(b"/*") {
                match memchr::memmem::find(&rest[2..], b"*/") {
                    Some(end) => self.at += end + 4,
                    None => return Err(self.mistake(self.at, "this comment has no end")),
                }
            } else {
                return Ok(());
            }
        }
    }

    /// Whether a number makes sense is asked by whoever needs its value.
    fn number(&mut self) -> Kind {
        let start = self.at;
        let hexadecimal = self.text[start] == b'0' && matches!(self.text.get(start + 1), Some(b'x' | b'X'));
        let mut float = false;
        while let Some(&byte) = self.text.get(self.at) {
            let exponent = !hexadecimal && matches!(self.text[self.at.max(1) - 1], b'e' | b'E') && self.at > start;
            match byte {
                b'.' => float = true,
                b'e' | b'E' if !hexadecimal => float = true,
                b'+' | b'-' if exponent => {}
                _ if byte.is_ascii_alphanumeric() || byte == b'_' => {}
                _ => break,
            }
            self.at += 1;
        }
        if float { Kind::Float } else { Kind::Integer }
    }

    fn string(&mut self, quote: u8) -> Result<(), Mistake> {
        let start = self.at;
        self.at += 1;
        loop {
            match memchr::memchr3(quote, b'\\', b'\n', &self.text[self.at..]) {
                Some(found) if self.text[self.at + found] == quote => {
                    self.at += found + 1;
                    return Ok(());
                }
                Some(found) if self.text[self.at + found] == b'\\' && self.at + found + 1 < self.text.len() => {
                    self.at += found + 2;
                }
                _ => return Err(self.mistake(start, "this string has no end on its line")),
            }
        }
    }
}

fn span(start: usize, end: usize) -> Span {
    Span { start: start as u32, end: end as u32 }
}

/// The bytes that a string stands for.
pub(super) fn unquoted(literal: &[u8]) -> Vec<u8> {
    let inner = literal.get(1..literal.len().saturating_sub(1)).unwrap_or_default();
    let mut bytes = Vec::with_capacity(inner.len());
    let mut at = 0;
    while let Some(&byte) = inner.get(at) {
        at += 1;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let Some(&kind) = inner.get(at) else { break };
        at += 1;
        let digits = |from: usize, most: usize, radix: u32| {
            let rest = inner[from..].iter().take(most);
            rest.take_while(|digit| (**digit as char).is_digit(radix)).count()
        };
        let value = |from: usize, count: usize, radix: u32| {
            let text = std::str::from_utf8(&inner[from..from + count]).unwrap_or_default();
            u32::from_str_radix(text, radix).unwrap_or_default()
        };
        match kind {
            b'a' => bytes.push(7),
            b'b' => bytes.push(8),
            b'f' => bytes.push(12),
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'v' => bytes.push(11),
            b'0'..=b'7' => {
                let count = 1 + digits(at, 2, 8);
                bytes.push(value(at - 1, count, 8) as u8);
                at += count - 1;
            }
            b'x' | b'X' => {
                let count = digits(at, 2, 16);
                bytes.push(value(at, count, 16) as u8);
                at += count;
            }
            b'u' | b'U' => {
                let count = digits(at, if kind == b'u' { 4 } else { 8 }, 16);
                let character = char::from_u32(value(at, count, 16)).unwrap_or(char::REPLACEMENT_CHARACTER);
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                at += count;
            }
            other => bytes.push(other),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(Kind, &str)> {
        let mut lexer = Lexer::new(text.as_bytes());
        let mut all = Vec::new();
        loop {
            let token = lexer.next().unwrap();
            if token.kind == Kind::End {
                return all;
            }
            all.push((token.kind, &text[token.span.start as usize..token.span.end as usize]));
        }
    }

    #[test]
    fn comments_and_blanks_part_words() {
        let found = kinds("\u{feff}a/* b */.c // d\n=-0x1F; 1.5e-3 .5 'x\\'y'");
        let texts: Vec<&str> = found.iter().map(|(_, text)| *text).collect();
        assert_eq!(texts, ["a", ".", "c", "=", "-", "0x1F", ";", "1.5e-3", ".5", "'x\\'y'"]);
        assert_eq!(found[7].0, Kind::Float);
        assert_eq!(found[5].0, Kind::Integer);
    }

    #[test]
    fn escapes_are_bytes() {
        assert_eq!(unquoted(br#""\101\x42\n\u00e9""#), "AB\né".as_bytes());
    }

    #[test]
    fn what_has_no_end_is_a_mistake() {
        for text in ["/* a", "\"a", "'a\n'", "\\"] {
            let mut lexer = Lexer::new(text.as_bytes());
            let first = lexer.next();
            assert!(first.is_err() || text == "\\", "{text}");
        }
    }
}
