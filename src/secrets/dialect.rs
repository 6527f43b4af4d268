//! Go's regular expressions in Rust's words: what a rule file means by a pattern.
//!
//! Rule files are written for RE2. Most of it is Rust's syntax too, and where the same letters mean something else the
//! pattern is rewritten: `\w \d \s \b` are ASCII, `{` that counts nothing is a brace, `[`, `&` and `~` in a class are
//! themselves. Everything else stays in Unicode mode, because `.` and negated classes are code points in RE2 and
//! `(?i)` folds U+212A to `k`. What RE2 refuses is refused here, with its place.
//!
//! <https://github.com/google/re2/wiki/Syntax>

use std::sync::OnceLock;

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind};

/// RE2's limit of a counted repetition.
const MOST_REPEATS: u32 = 1_000;

/// Groups in groups; RE2 has a limit of the same size.
const DEEPEST: u32 = 250;

/// States that a pattern may need, roughly. The largest known rule needs a fiftieth of it.
const MOST_STATES: usize = 2_000_000;

/// A pattern that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}, at character {} of the pattern", offset + 1)]
pub struct DialectError {
    /// Where in the pattern, in characters from 0.
    pub offset: usize,
    /// What is wrong there.
    pub message: String,
}

/// How many groups a pattern of Go's dialect has.
///
/// # Errors
/// The pattern is not one that RE2 takes, or it would grow too large.
pub fn groups(pattern: &str) -> Result<usize, DialectError> {
    tree(&translate(pattern)?).map(|tree| tree.properties().explicit_captures_len())
}

/// The same pattern in the syntax of the Rust crates, for Unicode mode without the promise of UTF-8.
pub(super) fn translate(pattern: &str) -> Result<String, DialectError> {
    let pattern: Vec<char> = pattern.chars().collect();
    let mut reader = Reader { pattern: &pattern, at: 0, out: String::with_capacity(pattern.len() * 2) };
    reader.all()?;
    Ok(reader.out)
}

/// A pattern that is translated when it is first needed: most of a rule file never is.
#[derive(Debug)]
pub(super) struct Translated {
    pattern: String,
    translated: OnceLock<String>,
}

impl Translated {
    /// A pattern that is known to be sound.
    pub(super) fn later(pattern: String) -> Translated {
        Translated { pattern, translated: OnceLock::new() }
    }

    /// A pattern that is translated now, to find out whether it can be.
    pub(super) fn now(pattern: &str) -> Result<Translated, DialectError> {
        Ok(Translated { pattern: String::new(), translated: OnceLock::from(translate(pattern)?) })
    }

    /// As it was written; empty where that is of no use any more.
    pub(super) fn original(&self) -> &str {
        &self.pattern
    }

    pub(super) fn text(&self) -> &str {
        // One that is sound can be translated.
        self.translated.get_or_init(|| translate(&self.pattern).unwrap_or_default())
    }
}

/// Several patterns as the one that gitleaks makes of them. A flag such as `(?i)` therefore holds for all that follow
/// it in the list: that is what the rule files out there were tested with.
pub(super) fn join(patterns: &[String]) -> String {
    format!("(?:{})", patterns.join("|"))
}

/// The tree of a translated pattern, if it is one of a bearable size.
pub(super) fn tree(translated: &str) -> Result<Hir, DialectError> {
    let mut parser = ParserBuilder::new().unicode(true).utf8(false).nest_limit(DEEPEST).build();
    let tree = parser.parse(translated).map_err(|error| {
        let (offset, message) = match &error {
            regex_syntax::Error::Parse(error) => (error.span().start.offset, error.kind().to_string()),
            regex_syntax::Error::Translate(error) => (error.span().start.offset, error.kind().to_string()),
            _ => (0, "not a pattern".to_string()),
        };
        // The place is one of the translation, which is at most longer.
        let offset = translated.get(..offset).map_or(0, |before| before.chars().count());
        DialectError { offset, message }
    })?;
    match states(&tree) > MOST_STATES {
        true => Err(DialectError { offset: 0, message: "the pattern's repetitions multiply beyond measure".into() }),
        false => Ok(tree),
    }
}

/// Roughly the states of an automaton of `tree`.
fn states(tree: &Hir) -> usize {
    let all = |parts: &[Hir]| parts.iter().map(states).fold(0, usize::saturating_add);
    match tree.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(class) if class.is_utf8() && class.maximum_len().is_some_and(|most| most > 1) => 16,
        HirKind::Class(_) => 1,
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.saturating_add(1)).max(1) as usize;
            states(&repetition.sub).saturating_add(1).saturating_mul(times)
        }
        HirKind::Capture(capture) => states(&capture.sub).saturating_add(2),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => all(parts).saturating_add(1),
    }
}

/// What stands at one place of a class.
enum Item {
    Char(char),
    Set(&'static str),
    /// Already in Rust's words: `\pL`, `[:alpha:]`.
    Verbatim(String),
}

struct Reader<'a> {
    pattern: &'a [char],
    at: usize,
    out: String,
}

impl Reader<'_> {
    fn all(&mut self) -> Result<(), DialectError> {
        // RE2 refuses `a**`; Rust takes it.
        let mut repeated = false;
        while let Some(next) = self.peek(0) {
            let start = self.at;
            let repeats = match next {
                '*' | '+' | '?' => {
                    self.at += 1;
                    self.out.push(next);
                    true
                }
                '{' => self.counted()?,
                _ => false,
            };
            if repeats {
                if repeated {
                    return Err(self.wrong(start, "a repetition of a repetition"));
                }
                if self.peek(0) == Some('?') {
                    self.at += 1;
                    self.out.push('?');
                }
            } else if self.at == start {
                self.one(next)?;
            }
            repeated = repeats;
        }
        Ok(())
    }

    /// `{2}`, `{2,}`, `{2,5}`; any other brace is itself.
    fn counted(&mut self) -> Result<bool, DialectError> {
        let start = self.at;
        let body: String = self.pattern[start + 1..].iter().take_while(|c| c.is_ascii_digit() || **c == ',').collect();
        let closed = self.peek(body.len() + 1) == Some('}');
        let mut numbers = body.splitn(2, ',');
        let least = numbers.next().unwrap_or_default();
        let most = numbers.next();
        if !closed || least.is_empty() || most.is_some_and(|most| most.contains(',')) {
            self.literal('{');
            self.at += 1;
            return Ok(false);
        }
        for number in [Some(least), most.filter(|most| !most.is_empty())].into_iter().flatten() {
            if number.parse::<u32>().map_or(true, |number| number > MOST_REPEATS) {
                return Err(self.wrong(start, &format!("a repetition of more than {MOST_REPEATS}")));
            }
        }
        self.out.extend(&self.pattern[start..start + body.len() + 2]);
        self.at += body.len() + 2;
        Ok(true)
    }

    fn one(&mut self, next: char) -> Result<(), DialectError> {
        match next {
            '\\' => self.escape(),
            '[' => self.class(),
            '(' if self.peek(1) == Some('?') => self.flags(),
            '(' | ')' | '|' | '^' | '$' | '.' => {
                self.at += 1;
                self.out.push(next);
                Ok(())
            }
            _ => {
                self.at += 1;
                self.literal(next);
                Ok(())
            }
        }
    }

    /// `(?i)`, `(?s-m:`, `(?P<name>`: Go knows the flags `i`, `m`, `s` and `U` only.
    fn flags(&mut self) -> Result<(), DialectError> {
        let start = self.at;
        let rest = &self.pattern[start + 2..];
        if rest.first() == Some(&'<') || rest.starts_with(&['P', '<']) {
            let Some(end) = rest.iter().position(|c| *c == '>') else {
                return Err(self.wrong(start, "a group's name that does not end"));
            };
            if rest.get(1).is_some_and(|c| matches!(c, '=' | '!')) && rest[0] == '<' {
                return Err(self.wrong(start, "looking behind, which RE2 does not know"));
            }
            self.out.extend(&self.pattern[start..start + 3 + end]);
            self.at = start + 3 + end;
            return Ok(());
        }
        let Some(end) = rest.iter().position(|c| matches!(c, ')' | ':')) else {
            return Err(self.wrong(start, "a group that does not end"));
        };
        if let Some(odd) = rest[..end].iter().position(|c| !matches!(c, 'i' | 'm' | 's' | 'U' | '-')) {
            let message = match rest[odd] {
                '=' | '!' => "looking ahead or behind, which RE2 does not know",
                _ => "a flag that RE2 does not know",
            };
            return Err(self.wrong(start + 2 + odd, message));
        }
        self.out.extend(&self.pattern[start..start + 3 + end]);
        self.at = start + 3 + end;
        Ok(())
    }

    fn escape(&mut self) -> Result<(), DialectError> {
        match self.peek(1) {
            Some('b') => self.assertion(r"(?-u:\b)"),
            Some('B') => self.assertion(r"(?-u:\B)"),
            Some('A') => self.assertion(r"\A"),
            Some('z') => self.assertion(r"\z"),
            Some('Q') => {
                self.at += 2;
                while let Some(next) = self.peek(0) {
                    if next == '\\' && self.peek(1) == Some('E') {
                        self.at += 2;
                        break;
                    }
                    self.literal(next);
                    self.at += 1;
                }
            }
            Some('E') => self.at += 2,
            _ => match self.escaped()? {
                Item::Char(char) => self.literal(char),
                Item::Set(set) => self.out.push_str(set),
                Item::Verbatim(text) => self.out.push_str(&text),
            },
        }
        Ok(())
    }

    fn assertion(&mut self, text: &str) {
        self.out.push_str(text);
        self.at += 2;
    }

    /// An escape that may stand in a class too.
    fn escaped(&mut self) -> Result<Item, DialectError> {
        let start = self.at;
        let Some(letter) = self.peek(1) else {
            return Err(self.wrong(start, "a backslash at the end"));
        };
        self.at += 2;
        Ok(match letter {
            'w' => Item::Set("[0-9A-Za-z_]"),
            'd' => Item::Set("[0-9]"),
            's' => Item::Set(r"[\t\n\x0c\r ]"),
            'W' => Item::Set("[^0-9A-Za-z_]"),
            'D' => Item::Set("[^0-9]"),
            'S' => Item::Set(r"[^\t\n\x0c\r ]"),
            'a' => Item::Char('\x07'),
            'f' => Item::Char('\x0c'),
            't' => Item::Char('\t'),
            'n' => Item::Char('\n'),
            'r' => Item::Char('\r'),
            'v' => Item::Char('\x0b'),
            'x' => Item::Char(self.hexadecimal(start)?),
            '0'..='7' => {
                let more = self.pattern[self.at..].iter().take(2).take_while(|c| matches!(c, '0'..='7')).count();
                if letter != '0' && more == 0 {
                    return Err(self.wrong(start, "a reference to a group, which RE2 does not know"));
                }
                let digits: String = self.pattern[start + 1..self.at + more].iter().collect();
                self.at += more;
                Item::Char(u32::from_str_radix(&digits, 8).ok().and_then(char::from_u32).unwrap_or('\0'))
            }
            'p' | 'P' => {
                let length = match self.peek(0) {
                    Some('{') => self.pattern[self.at..].iter().position(|c| *c == '}').map(|end| end + 1),
                    Some(_) => Some(1),
                    None => None,
                };
                let Some(length) = length else {
                    return Err(self.wrong(start, "a Unicode class without a name"));
                };
                self.at += length;
                Item::Verbatim(self.pattern[start..self.at].iter().collect())
            }
            _ if letter.is_ascii_alphanumeric() || !letter.is_ascii() => {
                return Err(self.wrong(start, &format!("an escape that RE2 does not know, `\\{letter}`")));
            }
            _ => Item::Char(letter),
        })
    }

    /// The digits behind `\x`: two, or any number in braces.
    fn hexadecimal(&mut self, start: usize) -> Result<char, DialectError> {
        let rest = &self.pattern[self.at..];
        let (digits, length) = match rest.first() {
            Some('{') => {
                let end = rest.iter().position(|c| *c == '}').unwrap_or(0);
                (rest.get(1..end).unwrap_or_default(), end + 1)
            }
            _ => (rest.get(..2).unwrap_or_default(), 2),
        };
        let digits: String = digits.iter().collect();
        let number = u32::from_str_radix(&digits, 16).ok().filter(|_| !digits.starts_with('+'));
        match number.and_then(char::from_u32) {
            Some(char) => {
                self.at += length;
                Ok(char)
            }
            None => Err(self.wrong(start, "a code point that is none")),
        }
    }

    fn class(&mut self) -> Result<(), DialectError> {
        let start = self.at;
        self.at += 1;
        self.out.push('[');
        if self.peek(0) == Some('^') {
            self.at += 1;
            self.out.push('^');
        }
        let mut first = true;
        loop {
            match self.peek(0) {
                None => return Err(self.wrong(start, "a class that does not end")),
                Some(']') if !first => break,
                Some(_) => self.class_item()?,
            }
            first = false;
        }
        self.at += 1;
        self.out.push(']');
        Ok(())
    }

    fn class_item(&mut self) -> Result<(), DialectError> {
        let start = self.at;
        let low = match self.class_char()? {
            Item::Set(set) => {
                self.out.push_str(set);
                return Ok(());
            }
            Item::Verbatim(text) => {
                self.out.push_str(&text);
                return Ok(());
            }
            Item::Char(low) => low,
        };
        self.literal(low);
        if self.peek(0) == Some('-') && self.peek(1).is_some_and(|next| next != ']') {
            self.at += 1;
            match self.class_char()? {
                Item::Char(high) if low <= high => {
                    self.out.push('-');
                    self.literal(high);
                }
                _ => return Err(self.wrong(start, "a range that ends before it begins")),
            }
        }
        Ok(())
    }

    fn class_char(&mut self) -> Result<Item, DialectError> {
        match (self.peek(0), self.peek(1)) {
            (Some('['), Some(':')) => {
                let rest = &self.pattern[self.at..];
                if let Some(end) = rest.windows(2).skip(2).position(|pair| pair == [':', ']']) {
                    let name: String = rest[..end + 4].iter().collect();
                    self.at += end + 4;
                    return Ok(Item::Verbatim(name));
                }
                self.at += 1;
                Ok(Item::Char('['))
            }
            (Some('\\'), _) => self.escaped(),
            (Some(char), _) => {
                self.at += 1;
                Ok(Item::Char(char))
            }
            (None, _) => Err(self.wrong(self.at, "a class that does not end")),
        }
    }

    /// `char` as itself, wherever it stands.
    fn literal(&mut self, char: char) {
        match char.is_ascii() && !char.is_ascii_alphanumeric() {
            true => self.out.push_str(&format!("\\x{:02x}", u32::from(char))),
            false => self.out.push(char),
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.pattern.get(self.at + ahead).copied()
    }

    fn wrong(&self, offset: usize, message: &str) -> DialectError {
        DialectError { offset, message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched<'t>(pattern: &str, text: &'t str) -> Option<&'t str> {
        let translated = translate(pattern).unwrap();
        tree(&translated).unwrap();
        let found = regex::bytes::Regex::new(&translated).unwrap().find(text.as_bytes())?;
        text.get(found.range())
    }

    #[test]
    fn letters_that_mean_something_else_in_go() {
        assert_eq!(matched(r"D01[[]x[0-9]+", "D01[x77"), Some("D01[x77"));
        assert_eq!(matched(r"[\w&&]+!", "ab&&c!"), Some("ab&&c!"));
        assert_eq!(matched(r"[~~#]+!", "~#~!"), Some("~#~!"));
        assert_eq!(matched(r"[a\]b\[]+", "x]a[b"), Some("]a[b"));
        assert_eq!(matched(r"[]a]+", "]a"), Some("]a"));
        assert_eq!(matched(r"[^-a]{2}\-", "bc-"), Some("bc-"));
        assert_eq!(matched(r"x{,3}y", "x{,3}y"), Some("x{,3}y"));
        assert_eq!(matched(r"\$\{[A-Z]+}", "${AB}"), Some("${AB}"));
        assert_eq!(matched(r"^\$(?:\d+|{\d+})$", "${12}"), Some("${12}"));
        assert_eq!(matched(r"\Qa.b|\Ec", "a.b|c"), Some("a.b|c"));
        assert_eq!(matched(r"\_\-\<\>", "_-<>"), Some("_-<>"));
        assert_eq!(matched(r"\x60\x22?\t", "`\t"), Some("`\t"));
        assert_eq!(matched(r"\101\07", "A\u{7}"), Some("A\u{7}"));
    }

    #[test]
    fn classes_are_ascii_and_dots_are_code_points() {
        assert_eq!(matched(r"\w+", "é日a1_"), Some("a1_"));
        assert_eq!(matched(r"\d", "٣"), None);
        assert_eq!(matched(r"\s", "\u{a0}\u{b}"), None);
        assert_eq!(matched(r"k\b.", "ké"), Some("ké"));
        assert_eq!(matched(r"a.{2}b", "a日本b"), Some("a日本b"));
        assert_eq!(matched(r"(?i)token", "to\u{212a}en"), Some("to\u{212a}en"));
        assert_eq!(matched(r"\x{1F511}\pL", "🔑x"), Some("🔑x"));
        let dot = regex::bytes::Regex::new(&translate("a.").unwrap()).unwrap();
        assert!(!dot.is_match(b"a\xff"), "a byte that is no code point is no character");
    }

    #[test]
    fn a_flag_in_a_list_holds_for_those_that_follow() {
        let joined = join(&["(?i)^true".into(), "false".into(), "null$".into()]);
        assert_eq!(matched(&joined, "x FALSE y"), Some("FALSE"));
    }

    #[test]
    fn mistakes_have_a_place() {
        let mistake = |pattern: &str| groups(pattern).unwrap_err();
        assert_eq!(mistake("ab(?=c)").offset, 4);
        assert_eq!(mistake("(?x)a").offset, 2);
        assert_eq!(mistake("a{1001}").to_string(), "a repetition of more than 1000, at character 2 of the pattern");
        assert!(groups("a{1000}").is_ok());
        for pattern in
            ["a**", "a{2}{3}", r"\1", r"\Z", "[b-a]", "[a", "(a", "a)", r"a\", "*a", "(?<=a)b", r"\x{110000}", r"[\b]"]
        {
            assert!(groups(pattern).is_err(), "{pattern}");
        }
        assert!(mistake("((((a{1000}){1000}){1000}){1000})").message.contains("beyond measure"));
    }

    #[test]
    fn groups_are_counted() {
        assert_eq!(groups("(a)(?:b)(?P<n>c(d))"), Ok(3));
    }
}
