//! A template as text and words.

use super::Trouble;

/// Text between actions, or one action.
#[derive(Debug)]
pub(super) enum Piece {
    Text(String),
    Action { at: usize, words: Vec<Word> },
}

/// One word of an action.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) at: usize,
    /// Whether it stands at the word before it without a space: `.A.B` and not `.A .B`.
    pub(super) glued: bool,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A function or a keyword.
    Name(String),
    /// `.Name`
    Field(String),
    /// `$name`, without the sign.
    Variable(String),
    Dot,
    Int(i64),
    Float(f64),
    Text(Vec<u8>),
    Open,
    Close,
    Pipe,
    Comma,
    Assign,
    Declare,
}

const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

pub(super) fn lex(text: &str) -> Result<Vec<Piece>, Trouble> {
    let mut pieces = Vec::new();
    let mut at = 0;
    let mut trim = false;
    loop {
        let rest = &text[at..];
        let end = rest.find("{{").map_or(text.len(), |found| at + found);
        let mut between = &text[at..end];
        if trim {
            between = between.trim_start_matches(SPACE);
        }
        if end == text.len() {
            push(&mut pieces, between);
            return Ok(pieces);
        }
        let mut lexer = Lexer { text, at: end + 2 };
        // A minus trims only with a space behind it: `{{-3}}` is a number.
        if lexer.rest().starts_with('-') && lexer.rest()[1..].starts_with(SPACE) {
            lexer.at += 2;
            between = between.trim_end_matches(SPACE);
        }
        push(&mut pieces, between);
        let comment = lexer.rest().trim_start_matches(SPACE).starts_with("/*");
        trim = match comment {
            true => lexer.comment(end)?,
            false => {
                let (words, trim) = lexer.words(end)?;
                pieces.push(Piece::Action { at: end, words });
                trim
            }
        };
        at = lexer.at;
    }
}

fn push(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_string()));
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn comment(&mut self, from: usize) -> Result<bool, Trouble> {
        let unclosed = || Trouble::new(from, "this comment is not closed").hint(Some("it ends with */}}".into()));
        let end = self.rest().find("*/").ok_or_else(unclosed)?;
        self.at += end + 2;
        self.close().ok_or_else(unclosed)
    }

    /// Steps over the end of an action, if it is here; says whether the text behind it is trimmed.
    fn close(&mut self) -> Option<bool> {
        let rest = self.rest();
        let spaced = rest.trim_start_matches(SPACE);
        if spaced.len() < rest.len() && spaced.starts_with("-}}") {
            self.at += rest.len() - spaced.len() + 3;
            return Some(true);
        }
        if spaced.starts_with("}}") {
            self.at += rest.len() - spaced.len() + 2;
            return Some(false);
        }
        None
    }

    fn words(&mut self, from: usize) -> Result<(Vec<Word>, bool), Trouble> {
        let mut words = Vec::new();
        loop {
            if let Some(trim) = self.close() {
                return Ok((words, trim));
            }
            let before = self.at;
            self.at += self.rest().len() - self.rest().trim_start_matches(SPACE).len();
            let glued = before == self.at && !words.is_empty();
            let at = self.at;
            let Some(first) = self.rest().chars().next() else {
                return Err(Trouble::new(from, "this action is not closed").hint(Some("it ends with }}".into())));
            };
            let kind = self.word(first)?;
            words.push(Word { at, glued, kind });
        }
    }

    fn word(&mut self, first: char) -> Result<Kind, Trouble> {
        let at = self.at;
        let digit = |text: &str| text.starts_with(|character: char| character.is_ascii_digit());
        let one = |lexer: &mut Lexer<'_>, kind| {
            lexer.at += first.len_utf8();
            Ok(kind)
        };
        match first {
            '(' => one(self, Kind::Open),
            ')' => one(self, Kind::Close),
            '|' => one(self, Kind::Pipe),
            ',' => one(self, Kind::Comma),
            '=' => one(self, Kind::Assign),
            ':' if self.rest().starts_with(":=") => {
                self.at += 2;
                Ok(Kind::Declare)
            }
            '"' | '`' | '\'' => self.quoted(first),
            '$' => {
                self.at += 1;
                Ok(Kind::Variable(self.name()))
            }
            '.' if digit(&self.rest()[1..]) => self.number(),
            '.' => {
                self.at += 1;
                let name = self.name();
                Ok(if name.is_empty() { Kind::Dot } else { Kind::Field(name) })
            }
            '+' | '-' if digit(self.rest()[1..].trim_start_matches('.')) => self.number(),
            '0'..='9' => self.number(),
            _ if first.is_alphabetic() || first == '_' => Ok(Kind::Name(self.name())),
            _ => Err(Trouble::new(at, format!("`{}` is not expected here", first.escape_debug()))),
        }
    }

    fn name(&mut self) -> String {
        let rest = self.rest();
        let end = rest.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(rest.len());
        self.at += end;
        rest[..end].to_string()
    }

    fn number(&mut self) -> Result<Kind, Trouble> {
        let (at, rest) = (self.at, self.rest());
        let mut previous = ' ';
        let end = rest.find(|character: char| {
            let sign = matches!(character, '+' | '-') && matches!(previous, ' ' | 'e' | 'E');
            previous = character;
            !(character.is_alphanumeric() || matches!(character, '_' | '.') || sign)
        });
        let written = &rest[..end.unwrap_or(rest.len())];
        self.at += written.len();
        let plain = written.replace('_', "");
        let (negative, digits) = match plain.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
        };
        let lower = digits.to_ascii_lowercase();
        let whole = [("0x", 16), ("0o", 8), ("0b", 2)]
            .into_iter()
            .find_map(|(prefix, radix)| Some(i64::from_str_radix(lower.strip_prefix(prefix)?, radix)))
            .unwrap_or_else(|| {
                match digits.len() > 1 && digits.starts_with('0') && !digits.contains(['.', 'e', 'E']) {
                    true => i64::from_str_radix(digits, 8),
                    false => digits.parse(),
                }
            });
        match (whole, digits.parse::<f64>()) {
            (Ok(number), _) => Ok(Kind::Int(if negative { -number } else { number })),
            (Err(_), Ok(number)) if number.is_finite() => Ok(Kind::Float(if negative { -number } else { number })),
            _ => Err(Trouble::new(at, format!("`{written}` is no number"))),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<Kind, Trouble> {
        let from = self.at;
        let unclosed = || Trouble::new(from, "this string is not closed");
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            let at = self.at;
            let next = self.rest().chars().next().ok_or_else(unclosed)?;
            self.at += next.len_utf8();
            match next {
                _ if next == quote => break,
                '\n' if quote != '`' => return Err(unclosed()),
                '\\' if quote != '`' => self.escape(&mut bytes).ok_or(Trouble::new(at, "no such escape"))?,
                _ => bytes.extend_from_slice(next.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        if quote != '\'' {
            return Ok(Kind::Text(bytes));
        }
        // A character is a number in Go.
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (Some(one), None) => Ok(Kind::Int(i64::from(u32::from(one)))),
            _ => Err(Trouble::new(from, "single quotes hold one character").hint(Some("strings stand in \"\"".into()))),
        }
    }

    fn escape(&mut self, bytes: &mut Vec<u8>) -> Option<()> {
        let first = self.rest().chars().next()?;
        self.at += first.len_utf8();
        let simple = match first {
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'v' => 11,
            '\\' | '\'' | '"' => first as u8,
            'x' => self.digits(2, 16)? as u8,
            'u' | 'U' => {
                let character = char::from_u32(self.digits(if first == 'u' { 4 } else { 8 }, 16)?)?;
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                return Some(());
            }
            '0'..='7' => {
                self.at -= 1;
                u8::try_from(self.digits(3, 8)?).ok()?
            }
            _ => return None,
        };
        bytes.push(simple);
        Some(())
    }

    fn digits(&mut self, count: usize, radix: u32) -> Option<u32> {
        let digits = self.rest().get(..count).filter(|digits| digits.chars().all(|digit| digit.is_digit(radix)))?;
        self.at += count;
        u32::from_str_radix(digits, radix).ok()
    }
}
