//! A migration's text as statements, without knowing what they mean.
//!
//! Statements end at semicolons that stand outside of strings, comments, dollar quotes and the bodies of routines, at
//! `GO` on a line of its own, and at the delimiter that MySQL's client was told.

/// A token that is no comment and no space.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Words in upper case, everything else as it stands.
    pub(super) text: String,
    pub(super) start: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Quoted,
    String,
    Number,
    Sign,
}

/// One statement.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    /// Byte offsets into the text.
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) tokens: Vec<Token>,
}

impl Statement {
    /// The word at a place, or nothing if that is no word.
    pub(super) fn word(&self, number: usize) -> &str {
        self.tokens.get(number).filter(|token| token.kind == Kind::Word).map_or("", |token| &token.text)
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.tokens.iter().any(|token| token.kind == Kind::Word && token.text == word)
    }

    /// Whether these words follow each other somewhere.
    pub(super) fn has_all(&self, words: &[&str]) -> bool {
        self.tokens
            .windows(words.len().max(1))
            .any(|window| window.iter().zip(words).all(|(token, word)| token.kind == Kind::Word && token.text == *word))
    }
}

/// What a text is made of, as far as its marks say which part undoes the rest.
pub(super) struct Script {
    pub(super) statements: Vec<Statement>,
    /// It tells its tool to run it outside of a transaction.
    pub(super) without_transaction: bool,
}

/// Reads a text from its first to its last statement; parts marked as the way back are left out.
pub(super) fn split(text: &str) -> Script {
    let bytes = text.as_bytes();
    let mut script = Script { statements: Vec::new(), without_transaction: false };
    let mut tokens: Vec<Token> = Vec::new();
    let mut delimiter = ";".to_string();
    let (mut at, mut back, mut depth) = (0, false, 0usize);
    let mut line_start = true;
    while at < bytes.len() {
        let rest = &text[at..];
        let byte = bytes[at];
        if line_start {
            let line = rest.lines().next().unwrap_or_default();
            let trimmed = line.trim();
            let lower = trimmed.to_ascii_lowercase();
            if let Some(word) = lower.strip_prefix("delimiter ") {
                finish(&mut script, &mut tokens, at, back);
                delimiter = word.trim().to_string();
                if delimiter.is_empty() {
                    delimiter = ";".into();
                }
                at += line.len();
                continue;
            }
            if lower == "go" || (lower.starts_with('\\') && tokens.is_empty()) {
                finish(&mut script, &mut tokens, at, back);
                depth = 0;
                at += line.len();
                continue;
            }
        }
        match byte {
            b'\n' => {
                line_start = true;
                at += 1;
                continue;
            }
            _ if byte.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b'-' if rest.starts_with("--") => {
                let line = rest.lines().next().unwrap_or_default();
                match mark(line) {
                    Some(Mark::Back) => {
                        finish(&mut script, &mut tokens, at, back);
                        (back, depth) = (true, 0);
                    }
                    Some(Mark::Forth) => {
                        finish(&mut script, &mut tokens, at, back);
                        (back, depth) = (false, 0);
                    }
                    Some(Mark::NoTransaction) => script.without_transaction = true,
                    None => {}
                }
                at += line.len();
                continue;
            }
            b'#' if line_start => {
                at += rest.lines().next().map_or(rest.len(), str::len);
                continue;
            }
            b'/' if rest.starts_with("/*") && !rest.starts_with("/*!") => {
                at += comment(bytes, at);
                continue;
            }
            _ => {}
        }
        line_start = false;
        if depth == 0 && rest.starts_with(delimiter.as_str()) {
            finish(&mut script, &mut tokens, at, back);
            at += delimiter.len();
            continue;
        }
        let start = at;
        let kind;
        match byte {
            b'\'' => {
                let escapes = tokens.last().is_some_and(|token| token.text == "E" && token.start + 1 == start);
                at = quoted(bytes, at, b'\'', escapes);
                kind = Kind::String;
            }
            b'"' | b'`' => {
                at = quoted(bytes, at, byte, false);
                kind = Kind::Quoted;
            }
            b'[' if bracketed(rest).is_some()
                && !matches!(tokens.last(), Some(token) if token.kind != Kind::Sign && token.text == "ARRAY") =>
            {
                at += bracketed(rest).unwrap_or(1);
                kind = Kind::Quoted;
            }
            b'$' => match dollar(rest) {
                Some(length) => {
                    at += length;
                    kind = Kind::String;
                }
                None => {
                    at += 1;
                    kind = Kind::Sign;
                }
            },
            _ if byte.is_ascii_digit() => {
                while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'.') {
                    at += 1;
                }
                kind = Kind::Number;
            }
            _ if byte.is_ascii_alphabetic() || byte == b'_' || byte == b'@' || byte >= 0x80 => {
                while at < bytes.len()
                    && (bytes[at].is_ascii_alphanumeric()
                        || matches!(bytes[at], b'_' | b'@' | b'$')
                        || bytes[at] >= 0x80)
                {
                    at += 1;
                }
                kind = Kind::Word;
            }
            _ => {
                at += 1;
                kind = Kind::Sign;
            }
        }
        let raw = text.get(start..at).unwrap_or_default();
        let made = if kind == Kind::Word { raw.to_uppercase() } else { raw.to_string() };
        if kind == Kind::Word {
            depth = body_depth(&tokens, &made, depth);
        }
        tokens.push(Token { kind, text: made, start });
    }
    finish(&mut script, &mut tokens, bytes.len(), back);
    script
}

/// How deep in the body of a routine one stands: its semicolons end nothing.
fn body_depth(before: &[Token], word: &str, depth: usize) -> usize {
    let first = before.first().map_or("", |token| token.text.as_str());
    let routine = matches!(first, "CREATE" | "ALTER")
        && before.iter().take(12).any(|token| {
            token.kind == Kind::Word
                && matches!(token.text.as_str(), "FUNCTION" | "PROCEDURE" | "PROC" | "TRIGGER" | "EVENT")
        });
    if !routine {
        return depth;
    }
    let last = before.last().map_or("", |token| token.text.as_str());
    match word {
        "BEGIN" => depth + 1,
        "CASE" if depth > 0 && last != "END" => depth + 1,
        // `END IF` ends what was not counted: the word before took one too many.
        "IF" | "LOOP" | "WHILE" | "REPEAT" if last == "END" => depth + 1,
        "END" => depth.saturating_sub(1),
        _ => depth,
    }
}

fn finish(script: &mut Script, tokens: &mut Vec<Token>, end: usize, back: bool) {
    let tokens = std::mem::take(tokens);
    if let (Some(first), false) = (tokens.first(), back) {
        script.statements.push(Statement { start: first.start, end, tokens });
    }
}

enum Mark {
    Back,
    Forth,
    NoTransaction,
}

/// The comments by which tools tell the way there from the way back.
fn mark(line: &str) -> Option<Mark> {
    let words: Vec<String> =
        line.trim_start_matches(['-', '/', ' ']).split_whitespace().map(str::to_ascii_lowercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let joined = words.join(" ");
    if ["no-transaction", "no transaction", "transaction:false", "disable-transaction", "disable_ddl_transaction"]
        .iter()
        .any(|words| joined.contains(words))
    {
        return Some(Mark::NoTransaction);
    }
    match words.as_slice() {
        ["+goose" | "+migrate", "down", ..] | ["migrate:down", ..] | ["@undo", ..] | ["down", "migration"] => {
            Some(Mark::Back)
        }
        ["+goose" | "+migrate", "up", ..] | ["migrate:up", ..] | ["up", "migration"] => Some(Mark::Forth),
        ["changeset", ..] => Some(Mark::Forth),
        _ => None,
    }
}

fn comment(bytes: &[u8], at: usize) -> usize {
    let (mut depth, mut end) = (0usize, at);
    while end < bytes.len() {
        match &bytes[end..] {
            [b'/', b'*', ..] => {
                depth += 1;
                end += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                end += 2;
                if depth == 0 {
                    break;
                }
            }
            _ => end += 1,
        }
    }
    end - at
}

fn quoted(bytes: &[u8], at: usize, quote: u8, escapes: bool) -> usize {
    let mut end = at + 1;
    while end < bytes.len() {
        match bytes[end] {
            b'\\' if escapes => end += 1,
            byte if byte == quote && bytes.get(end + 1) == Some(&quote) => end += 1,
            byte if byte == quote => return end + 1,
            _ => {}
        }
        end += 1;
    }
    bytes.len()
}

/// The length of `[name]`, if one begins here.
fn bracketed(rest: &str) -> Option<usize> {
    const LONGEST: usize = 260;
    let end = rest.bytes().take(LONGEST).position(|byte| byte == b']')?;
    let first = rest[1..].chars().next()?;
    (first.is_alphabetic() || first == '_').then_some(end + 1)
}

/// The length of `$tag$…$tag$`, if one begins here.
fn dollar(rest: &str) -> Option<usize> {
    let end = rest[1..].find('$')? + 1;
    let tag = &rest[..=end];
    let named = tag[1..end].chars().all(|c| c.is_alphanumeric() || c == '_');
    if !named || tag[1..end].starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    Some(rest[tag.len()..].find(tag).map_or(rest.len(), |close| tag.len() + close + tag.len()))
}

/// The text as tokens and nothing else: what stays the same when it is laid out anew.
pub(super) fn essence(text: &str) -> Vec<String> {
    let script = split(text);
    script
        .statements
        .into_iter()
        .flat_map(|each| each.tokens.into_iter().map(|token| token.text).chain([";".into()]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(text: &str) -> Vec<String> {
        split(text).statements.iter().map(|each| text[each.start..each.end].trim().to_string()).collect()
    }

    #[test]
    fn a_semicolon_ends_a_statement_only_where_it_is_one() {
        assert_eq!(statements("a 'x;y'; b -- c;\n; /* d; */ e"), ["a 'x;y'", "b -- c;", "e"]);
        assert_eq!(statements("DO $x$ a; b $x$; c"), ["DO $x$ a; b $x$", "c"]);
        let routine = "CREATE PROCEDURE p() BEGIN a; IF b THEN c; END IF; END; d";
        assert_eq!(statements(routine).len(), 2);
        assert_eq!(statements("DELIMITER //\na; b//\nc//\nDELIMITER ;\nd;"), ["a; b", "c", "d"]);
        assert_eq!(statements("a\nGO\nb\ngo\n"), ["a", "b"]);
    }

    #[test]
    fn the_way_back_is_left_out() {
        assert_eq!(statements("-- +goose Up\na;\n-- +goose Down\nb;\n"), ["a"]);
        assert_eq!(statements("-- migrate:up\na;\n-- migrate:down\nb;\n"), ["a"]);
    }

    #[test]
    fn unclosed_things_end_with_the_text() {
        for text in ["'", "\"a", "$$", "$a$ b", "/* a", "[", "[a", "--", "é'é", "$é", "E'\\", "/*/", "a$"] {
            let _ = statements(text);
            let _ = essence(text);
        }
    }
}
