//! Reads JSON (RFC 8259) with places, in one pass.

use super::{DEEPEST, Forest, Mark, Node, Text, Value};

type Failure = (Mark, String);

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    line: u32,
    /// Where the line begins, moved on by the bytes that continue a character: columns count characters.
    begin: usize,
}

/// Most of a printed document is blank.
const INDENT: &[u8] = b"        ";

/// How many bytes at the beginning are ASCII, none of them a quote, a backslash or a control character. Eight at a
/// time: of those that are marked in a word, the lowest is marked rightly, whatever the borrow does above it.
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let below = |word: u64, least: u8| word.wrapping_sub(ONES * u64::from(least)) & !word;
    let is = |word: u64, byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let mut count = 0;
    let (words, _) = bytes.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word);
        let marked = (below(word, 0x20) | is(word, b'"') | is(word, b'\\') | word) & HIGH;
        if marked != 0 {
            return count + marked.trailing_zeros() as usize / 8;
        }
        count += 8;
    }
    let is_plain = |byte: &&u8| byte.is_ascii() && **byte >= 0x20 && **byte != b'"' && **byte != b'\\';
    count + bytes[count..].iter().take_while(is_plain).count()
}

enum Open {
    List(Mark, usize),
    Map(Mark, usize),
}

/// Reads one document.
pub(super) fn read(forest: &mut Forest, text: &str) -> Result<Node, Failure> {
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0, line: 1, begin: 0 };
    let (mut open, mut items, mut entries, mut keys) = (Vec::new(), Vec::new(), Vec::new(), Vec::<(Text, Node)>::new());
    loop {
        // One value, or the beginning of one.
        reader.blank();
        let from = reader.mark();
        let mut done = match reader.peek() {
            Some(b'[') => {
                reader.at += 1;
                open.push(Open::List(from, items.len()));
                reader.blank();
                if reader.peek() != Some(b']') {
                    reader.depth(&open)?;
                    continue;
                }
                None
            }
            Some(b'{') => {
                reader.at += 1;
                open.push(Open::Map(from, entries.len()));
                reader.blank();
                if reader.peek() != Some(b'}') {
                    reader.depth(&open)?;
                    keys.push(reader.key(forest)?);
                    continue;
                }
                None
            }
            Some(b'"') => {
                let text = reader.string(forest)?;
                Some(forest.leaf(Value::String(text), from, reader.mark())?)
            }
            _ => {
                let value = reader.word(forest)?;
                Some(forest.leaf(value, from, reader.mark())?)
            }
        };
        // Whatever it ends.
        loop {
            if let Some(node) = done.take() {
                match open.last() {
                    None => {
                        reader.blank();
                        return if reader.at == reader.bytes.len() {
                            Ok(node)
                        } else {
                            Err(reader.expected("the end"))
                        };
                    }
                    Some(Open::List(..)) => items.push(node),
                    Some(Open::Map(..)) => {
                        let (key, at) = keys.pop().expect("a value in an object follows its key");
                        entries.push((key, at, node));
                    }
                }
                reader.blank();
                if reader.peek() == Some(b',') {
                    reader.at += 1;
                    if let Some(Open::Map(..)) = open.last() {
                        reader.blank();
                        keys.push(reader.key(forest)?);
                    }
                    break;
                }
            }
            match (reader.peek(), open.pop()) {
                (Some(b']'), Some(Open::List(from, first))) => {
                    reader.at += 1;
                    done = Some(forest.list(&items[first..], from, reader.mark())?);
                    items.truncate(first);
                }
                (Some(b'}'), Some(Open::Map(from, first))) => {
                    reader.at += 1;
                    done = Some(forest.map(&entries[first..], from, reader.mark())?);
                    entries.truncate(first);
                }
                (_, Some(Open::List(..))) => return Err(reader.expected("`,` or `]`")),
                (_, _) => return Err(reader.expected("`,` or `}`")),
            }
        }
    }
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn mark(&self) -> Mark {
        Mark { line: self.line, column: (self.at - self.begin) as u32 + 1 }
    }

    fn expected(&self, what: &str) -> Failure {
        (self.mark(), format!("{what} is expected here"))
    }

    fn depth(&self, open: &[Open]) -> Result<(), Failure> {
        if open.len() > DEEPEST { Err((self.mark(), format!("nested more than {DEEPEST} deep"))) } else { Ok(()) }
    }

    fn blank(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' if self.bytes[self.at..].starts_with(INDENT) => {
                    self.at += INDENT.len();
                    continue;
                }
                b'\n' => {
                    self.line += 1;
                    self.begin = self.at + 1;
                }
                b' ' | b'\t' | b'\r' => {}
                _ => break,
            }
            self.at += 1;
        }
    }

    fn key(&mut self, forest: &mut Forest) -> Result<(Text, Node), Failure> {
        let from = self.mark();
        if self.peek() != Some(b'"') {
            return Err(self.expected("a key in quotes"));
        }
        let text = self.string(forest)?;
        let node = forest.leaf(Value::String(text), from, self.mark())?;
        self.blank();
        if self.peek() != Some(b':') {
            return Err(self.expected("`:`"));
        }
        self.at += 1;
        Ok((text, node))
    }

    fn string(&mut self, forest: &mut Forest) -> Result<Text, Failure> {
        self.at += 1;
        let start = self.at;
        let mut owned: Option<String> = None;
        let mut from = start;
        loop {
            self.at += plain(&self.bytes[self.at..]);
            match self.peek() {
                None => return Err(self.expected("a closing quote")),
                Some(b'"') => {
                    let last = &self.text[from..self.at];
                    self.at += 1;
                    return Ok(match owned {
                        Some(mut text) => {
                            text.push_str(last);
                            forest.text(&text)
                        }
                        None => forest.text(last),
                    });
                }
                Some(b'\\') => {
                    let text = owned.get_or_insert_default();
                    text.push_str(&self.text[from..self.at]);
                    let character = self.escape()?;
                    owned.get_or_insert_default().push(character);
                    from = self.at;
                }
                Some(byte) if byte < 0x20 => return Err((self.mark(), "a control character in a string".into())),
                Some(byte) => {
                    // Bytes that continue a character take no column.
                    self.begin += usize::from(byte & 0xc0 == 0x80);
                    self.at += 1;
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, Failure> {
        let mark = self.mark();
        let wrong = || (mark, "an escape that JSON does not know".to_string());
        let kind = self.bytes.get(self.at + 1).copied().ok_or_else(wrong)?;
        self.at += 2;
        Ok(match kind {
            b'"' | b'\\' | b'/' => kind as char,
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = self.hex().ok_or_else(wrong)?;
                if (0xd800..0xdc00).contains(&high) {
                    if self.bytes.get(self.at..self.at + 2) != Some(b"\\u") {
                        return Err(wrong());
                    }
                    self.at += 2;
                    let low = self.hex().filter(|low| (0xdc00..0xe000).contains(low)).ok_or_else(wrong)?;
                    char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)).ok_or_else(wrong)?
                } else {
                    char::from_u32(high).ok_or_else(wrong)?
                }
            }
            _ => return Err(wrong()),
        })
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.bytes.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.iter().try_fold(0, |sum, digit| Some(sum * 16 + (*digit as char).to_digit(16)?))
    }

    fn word(&mut self, forest: &mut Forest) -> Result<Value, Failure> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')) {
            self.at += 1;
        }
        let word = &self.text[start..self.at];
        Ok(match word {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ if is_number(word) => Value::Number(forest.text(word)),
            _ => {
                self.at = start;
                return Err(self.expected("a value"));
            }
        })
    }
}

/// Whether a word is a number as JSON writes them.
pub(super) fn is_number(word: &str) -> bool {
    let digits = |text: &str| -> usize { text.bytes().take_while(u8::is_ascii_digit).count() };
    let mut rest = word.strip_prefix('-').unwrap_or(word);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest.starts_with('0')) {
        return false;
    }
    rest = &rest[whole..];
    if let Some(after) = rest.strip_prefix('.') {
        let count = digits(after);
        if count == 0 {
            return false;
        }
        rest = &after[count..];
    }
    if let Some(after) = rest.strip_prefix(['e', 'E']) {
        let after = after.strip_prefix(['+', '-']).unwrap_or(after);
        let count = digits(after);
        return count > 0 && count == after.len();
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_text_is_plain_up_to_the_first_byte_that_is_not() {
        let odd = |byte: u8| !(0x20..0x80).contains(&byte) || byte == b'"' || byte == b'\\';
        for length in 0..20 {
            for at in 0..length {
                for byte in 0..=255 {
                    let mut bytes = vec![b' '; length];
                    bytes[at] = byte;
                    // What follows may be marked wrongly, and is never looked at.
                    if at + 1 < length {
                        bytes[at + 1] = 0x80;
                    }
                    let first = bytes.iter().position(|byte| odd(*byte)).unwrap_or(length);
                    assert_eq!(plain(&bytes), first, "{bytes:?}");
                }
            }
        }
    }
}
