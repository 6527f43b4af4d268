//! Looks behind encodings: percent, Unicode escapes, hexadecimal and base64.
//!
//! A pass replaces every encoded stretch that decodes to printable ASCII by what it says; the next pass looks at the
//! result. A match in decoded text is reported at the bounds of the encoded text it came from. Most text holds no
//! encoding, so a cheap test comes first.

/// The encodings by precedence, as gitleaks names them in tags.
const KINDS: [&str; 4] = ["percent", "unicode", "hex", "base64"];

/// The shortest stretch that is taken for base64, and for hexadecimal.
const BASE64_LEAST: usize = 16;
const HEX_LEAST: usize = 32;

/// A stretch of bytes, the end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    start: usize,
    end: usize,
}

impl Stretch {
    /// Touching is overlapping.
    fn overlaps(self, other: Stretch) -> bool {
        self.start <= other.end && self.end >= other.start
    }

    fn contains(self, other: Stretch) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    fn merge(self, other: Stretch) -> Stretch {
        Stretch { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// One stretch that was decoded.
#[derive(Clone, Debug)]
struct Segment {
    /// In the text that was scanned first.
    original: Stretch,
    /// In the text before this pass.
    encoded: Stretch,
    /// In the text after it.
    decoded: Stretch,
    /// One bit for each of [`KINDS`].
    kinds: u8,
}

/// The passes so far.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    /// The text after the last pass.
    pub(super) text: Vec<u8>,
    passes: Vec<Vec<Segment>>,
}

/// What is known of a match in decoded text.
#[derive(Debug)]
pub(super) struct Source {
    /// Bounds of the encoded text.
    pub(super) start: usize,
    /// Behind them.
    pub(super) end: usize,
    /// `decoded:…` and `decode-depth:…`.
    pub(super) tags: Vec<String>,
    /// The lines of the decoded text around it, as a range of [`Decoded::text`].
    pub(super) line: std::ops::Range<usize>,
}

impl Decoded {
    /// Decodes once more: `text` first, then the result of the last pass. Says whether there was anything to decode.
    pub(super) fn advance(&mut self, text: &[u8]) -> bool {
        let before = if self.passes.is_empty() { text.to_vec() } else { std::mem::take(&mut self.text) };
        let mut segments = Vec::new();
        let mut after = Vec::with_capacity(before.len());
        let mut copied = 0;
        for (stretch, kind) in encodings(&before) {
            let Some(value) = decode(&before[stretch.start..stretch.end], kind).filter(|value| !value.is_empty())
            else {
                continue;
            };
            after.extend_from_slice(&before[copied..stretch.start]);
            let start = after.len();
            after.extend_from_slice(&value);
            copied = stretch.end;
            let mut kinds = 1 << kind;
            if let Some(last) = self.passes.last() {
                overlapping(last, stretch).for_each(|segment| kinds |= segment.kinds);
            }
            let decoded = Stretch { start, end: after.len() };
            segments.push(Segment { original: original(&self.passes, stretch), encoded: stretch, decoded, kinds });
        }
        if segments.is_empty() {
            return false;
        }
        after.extend_from_slice(&before[copied..]);
        self.text = after;
        self.passes.push(segments);
        true
    }

    /// Whether no part of `start..end` of the decoded text was encoded in the last pass.
    pub(super) fn is_plain(&self, start: usize, end: usize) -> bool {
        let segments = self.passes.last().map_or(&[][..], Vec::as_slice);
        let mut segments = overlapping(segments, Stretch { start, end });
        !segments.any(|segment| segment.decoded.start < end && segment.decoded.end > start)
    }

    /// Where `start..end` of the decoded text came from; `None` when no part of it was encoded in the last pass.
    pub(super) fn source(&self, start: usize, end: usize) -> Option<Source> {
        let (last, earlier) = self.passes.split_last()?;
        let found = Stretch { start, end };
        let (mut merged, mut kinds) = (None, 0);
        for segment in overlapping(last, found) {
            kinds |= segment.kinds;
            merged = Some(merged.map_or(segment.decoded, |all: Stretch| all.merge(segment.decoded)));
        }
        let merged = merged?;
        let original = climb(last, earlier, found);
        let mut tags: Vec<String> = (0..KINDS.len())
            .filter(|kind| kinds & (1 << kind) != 0)
            .map(|kind| format!("decoded:{}", KINDS[kind]))
            .collect();
        tags.push(format!("decode-depth:{}", self.passes.len()));
        let text = &self.text;
        let before = &text[..(merged.start + 1).min(text.len())];
        let line_start = memchr::memrchr(b'\n', before).unwrap_or(0);
        let rest = &text[merged.end.min(text.len())..];
        let line_end = memchr::memchr(b'\n', rest).map_or(text.len(), |newline| merged.end + newline);
        Some(Source { start: original.start, end: original.end, tags, line: line_start..line_end })
    }
}

/// Whether a first pass over `text` could decode anything. Cheap, and rarely wrong where it says yes.
pub(super) fn is_worthwhile(text: &[u8]) -> bool {
    escapes(text) || memchr::memmem::find(text, b"U+").is_some() || runs(text)
}

/// Segments that overlap `stretch` after their pass. Segments stand in order and apart.
fn overlapping(segments: &[Segment], stretch: Stretch) -> impl Iterator<Item = &Segment> {
    let first = segments.partition_point(|segment| segment.decoded.end < stretch.start);
    segments[first..].iter().take_while(move |segment| segment.decoded.overlaps(stretch))
}

/// The stretch of the first text behind `stretch` of the text after `passes`.
fn original(passes: &[Vec<Segment>], stretch: Stretch) -> Stretch {
    match passes.split_last() {
        Some((last, earlier)) => climb(last, earlier, stretch),
        None => stretch,
    }
}

fn climb(last: &[Segment], earlier: &[Vec<Segment>], stretch: Stretch) -> Stretch {
    let mut encoded: Option<Stretch> = None;
    for segment in overlapping(last, stretch) {
        if segment.decoded.contains(stretch) {
            return segment.original;
        }
        // What sticks out of the decoded text sticks out of the encoded text by as much.
        let left = segment.decoded.start.saturating_sub(stretch.start);
        let right = stretch.end.saturating_sub(segment.decoded.end);
        let bounds = Stretch {
            start: segment.encoded.start.saturating_sub(left),
            end: segment.encoded.end.saturating_add(right),
        };
        encoded = Some(encoded.map_or(bounds, |all| all.merge(bounds)));
    }
    encoded.map_or(stretch, |encoded| original(earlier, encoded))
}

/// Every stretch that looks encoded, but those that touch one of higher precedence: they wait for the next pass.
fn encodings(text: &[u8]) -> Vec<(Stretch, usize)> {
    let all: Vec<(Stretch, usize)> = Encodings::new(text).collect();
    let gives_way = |number: usize, neighbour: Option<usize>| {
        let Some((stretch, kind)) = neighbour.and_then(|neighbour| all.get(neighbour)) else { return false };
        all[number].0.overlaps(*stretch) && *kind < all[number].1
    };
    (0..all.len())
        .filter(|number| !gives_way(*number, number.checked_sub(1)) && !gives_way(*number, Some(number + 1)))
        .map(|number| all[number])
        .collect()
}

/// Stretches that look encoded, one behind the other: at each place the first of [`KINDS`] that holds there.
///
/// The same as the pattern `%hh(.*%hh)?|(U+hhhh( |$))+|(\\{1,2}uhhhh)+|h{32,}|[0-9A-Za-z_/+-]{16,}={0,2}` with `h` for a
/// hexadecimal digit, at a tenth of its price: most text has neither marks nor long runs.
struct Encodings<'a> {
    text: &'a [u8],
    at: usize,
    /// The next `%`, `\` and `U+` at or behind `at`.
    marks: [usize; 3],
    /// The next run of base64's letters at or behind `at` that is long enough.
    run: usize,
    runs: Runs<'a>,
    /// The end of the line that was last looked at.
    line_end: usize,
}

impl<'a> Encodings<'a> {
    fn new(text: &'a [u8]) -> Encodings<'a> {
        let mut all = Encodings { text, at: 0, marks: [0; 3], run: 0, runs: Runs::new(text), line_end: 0 };
        all.go_to(0);
        all
    }

    /// Forgets what stands before `at`.
    fn go_to(&mut self, at: usize) {
        self.at = at;
        (0..3).for_each(|mark| self.find_mark(mark, at));
        if self.run < at || at == 0 {
            self.run = self.runs.next(at).unwrap_or(usize::MAX);
        }
    }

    fn find_mark(&mut self, mark: usize, from: usize) {
        if self.marks[mark] < from || from == 0 {
            let rest = self.text.get(from..).unwrap_or_default();
            let found = match mark {
                0 => memchr::memchr(b'%', rest),
                1 => memchr::memchr(b'\\', rest),
                _ => memchr::memmem::find(rest, b"U+"),
            };
            self.marks[mark] = found.map_or(usize::MAX, |found| from + found);
        }
    }

    fn percent_end(&mut self, start: usize) -> Option<usize> {
        let text = self.text;
        let escape =
            |at: usize| text.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        if !escape(start) {
            return None;
        }
        if self.line_end <= start {
            self.line_end = memchr::memchr(b'\n', &text[start..]).map_or(text.len(), |newline| start + newline);
        }
        // What stands between the first and the last must be text.
        let line = &text[start + 3..self.line_end.max(start + 3)];
        let line = line.utf8_chunks().next().map_or("", |chunk| chunk.valid()).as_bytes();
        let last = memchr::memrchr_iter(b'%', line).map(|at| start + 3 + at).find(|at| escape(*at));
        Some(last.unwrap_or(start) + 3)
    }

    fn backslash_end(&self, start: usize) -> Option<usize> {
        let one = |at: usize| {
            let slashes = self.text.get(at..)?.iter().take(2).take_while(|byte| **byte == b'\\').count();
            let letter = self.text.get(at + slashes).filter(|_| slashes > 0)?;
            let digits = self.text.get(at + slashes + 1..at + slashes + 5)?;
            (letter.eq_ignore_ascii_case(&b'u') && digits.iter().all(u8::is_ascii_hexdigit)).then_some(at + slashes + 5)
        };
        repeated(start, one)
    }

    fn plus_end(&self, start: usize) -> Option<usize> {
        let one = |at: usize| {
            let rest = self.text.get(at..)?.strip_prefix(b"U+")?;
            rest.get(..4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
            match rest.get(4) {
                None => Some(at + 6),
                Some(b'\t' | b'\n' | b'\x0c' | b'\r' | b' ') => Some(at + 7),
                Some(_) => None,
            }
        };
        repeated(start, one)
    }

    fn run_here(&self) -> (Stretch, usize) {
        let run = &self.text[self.run..];
        let digits = run.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if digits >= HEX_LEAST {
            return (Stretch { start: self.run, end: self.run + digits }, 2);
        }
        let letters = run.iter().take_while(|byte| LETTERS[usize::from(**byte)]).count();
        let padding = run[letters..].iter().take(2).take_while(|byte| **byte == b'=').count();
        (Stretch { start: self.run, end: self.run + letters + padding }, 3)
    }
}

/// The end of as many as there are, one behind the other.
fn repeated(start: usize, one: impl Fn(usize) -> Option<usize>) -> Option<usize> {
    let mut end = one(start)?;
    while let Some(next) = one(end) {
        end = next;
    }
    Some(end)
}

impl Iterator for Encodings<'_> {
    type Item = (Stretch, usize);

    fn next(&mut self) -> Option<(Stretch, usize)> {
        loop {
            let mark = (0..3).min_by_key(|mark| self.marks[*mark]).filter(|mark| self.marks[*mark] <= self.run);
            let Some((mark, start)) = mark.map(|mark| (mark, self.marks[mark])).filter(|(_, at)| *at < usize::MAX)
            else {
                if self.run == usize::MAX {
                    return None;
                }
                let found = self.run_here();
                self.go_to(found.0.end);
                return Some(found);
            };
            let (end, kind) = match mark {
                0 => (self.percent_end(start), 0),
                1 => (self.backslash_end(start), 1),
                _ => (self.plus_end(start), 1),
            };
            match end {
                Some(end) => {
                    self.go_to(end);
                    return Some((Stretch { start, end }, kind));
                }
                None => self.find_mark(mark, start + 1),
            }
        }
    }
}

/// Where runs of base64's letters begin that are long enough. Works on many bytes at once, in steps that a compiler can
/// make vectors of.
struct Runs<'a> {
    text: &'a [u8],
    /// Which part of the text is known.
    known: Stretch,
    /// 1 for each byte of that part at which a long enough run begins or goes on.
    begins: [u8; RUN_BLOCK],
}

const RUN_BLOCK: usize = 2_048;

impl<'a> Runs<'a> {
    fn new(text: &'a [u8]) -> Runs<'a> {
        Runs { text, known: Stretch { start: 0, end: 0 }, begins: [0; RUN_BLOCK] }
    }

    /// The first place at or behind `from` that is followed by enough letters.
    fn next(&mut self, mut from: usize) -> Option<usize> {
        while from + BASE64_LEAST <= self.text.len() {
            if from < self.known.start || from >= self.known.end {
                self.look(from);
            }
            let begins = &self.begins[from - self.known.start..self.known.end - self.known.start];
            match memchr::memchr(1, begins) {
                Some(offset) => return Some(from + offset),
                None => from = self.known.end,
            }
        }
        None
    }

    fn look(&mut self, from: usize) {
        const { assert!(BASE64_LEAST == 16) };
        let mut letters = [0_u8; RUN_BLOCK + BASE64_LEAST];
        let part = &self.text[from..self.text.len().min(from + RUN_BLOCK + BASE64_LEAST - 1)];
        for (letter, byte) in letters.iter_mut().zip(part) {
            let in_alphabet = (byte | 0x20).wrapping_sub(b'a') < 26 || byte.wrapping_sub(b'/') < 11;
            *letter = u8::from(in_alphabet | (*byte == b'_') | (*byte == b'+') | (*byte == b'-'));
        }
        // Runs of 2, 4, 8 and 16.
        and_next::<1>(&mut letters);
        and_next::<2>(&mut letters);
        and_next::<4>(&mut letters);
        and_next::<8>(&mut letters);
        self.begins.copy_from_slice(&letters[..RUN_BLOCK]);
        self.known = Stretch { start: from, end: (from + RUN_BLOCK).min(self.text.len()) };
    }
}

/// Each with the one `BY` behind it, the last ones left alone.
fn and_next<const BY: usize>(letters: &mut [u8; RUN_BLOCK + BASE64_LEAST]) {
    for at in 0..letters.len() - BY {
        letters[at] &= letters[at + BY];
    }
}

fn decode(encoded: &[u8], kind: usize) -> Option<Vec<u8>> {
    match kind {
        0 => percent(encoded),
        1 => unicode(encoded),
        2 => hexadecimal(encoded),
        _ => base64(encoded),
    }
}

fn is_printable(byte: u8) -> bool {
    (0x09..0x7f).contains(&byte)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// The byte that two hexadecimal digits spell.
fn byte(digits: &[u8]) -> Option<u8> {
    match digits {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    }
}

fn percent(encoded: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut at = 0;
    while at < encoded.len() {
        let escaped = (encoded[at] == b'%').then(|| encoded.get(at + 1..at + 3).and_then(byte)).flatten();
        at += if escaped.is_some() { 3 } else { 1 };
        match escaped {
            Some(byte) if !is_printable(byte) => return None,
            Some(byte) => decoded.push(byte),
            None => decoded.push(encoded[at - 1]),
        }
    }
    Some(decoded)
}

fn unicode(encoded: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < encoded.len() {
        // `U+0041`, `u+0041`, `\u0041`, `\\u0041`: the digits stand behind the `+` or the `u`.
        let digits = match &encoded[at..] {
            [b'u' | b'U', b'+', ..] | [b'\\', b'u' | b'U', ..] => encoded.get(at + 2..at + 6),
            _ => None,
        };
        let number =
            digits.and_then(|digits| Some(u32::from(byte(&digits[..2])?) << 8 | u32::from(byte(&digits[2..])?)));
        match number {
            Some(number) => {
                let char = char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER);
                decoded.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                at += 6;
            }
            None => at += 1,
        }
    }
    Some(decoded)
}

fn hexadecimal(encoded: &[u8]) -> Option<Vec<u8>> {
    // Letters alone are a word.
    if !encoded.len().is_multiple_of(2) || !encoded.iter().any(u8::is_ascii_digit) {
        return None;
    }
    encoded.chunks(2).map(|pair| byte(pair).filter(|byte| is_printable(*byte))).collect()
}

fn base64(encoded: &[u8]) -> Option<Vec<u8>> {
    let telling = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    if !encoded.iter().any(telling) {
        return None;
    }
    let padding = encoded.iter().rev().take_while(|byte| **byte == b'=').count();
    let body = &encoded[..encoded.len() - padding];
    let standard = || (encoded.len().is_multiple_of(4) && padding <= 2).then(|| sextets(body, b'+', b'/')).flatten();
    let url = || (padding == 0 && body.len() % 4 != 1).then(|| sextets(body, b'-', b'_')).flatten();
    standard().or_else(url)
}

/// Base64 without padding, if it says something printable.
fn sextets(body: &[u8], sixty_two: u8, sixty_three: u8) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    for group in body.chunks(4) {
        let mut bits = 0_u32;
        for byte in group {
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                _ if *byte == sixty_two => 62,
                _ if *byte == sixty_three => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        bits <<= 6 * (4 - group.len());
        if group.len() == 1 {
            return None;
        }
        for byte in &bits.to_be_bytes()[1..group.len()] {
            if !is_printable(*byte) {
                return None;
            }
            decoded.push(*byte);
        }
    }
    Some(decoded)
}

/// A `%41` that is printable, or a `\u0041`.
fn escapes(text: &[u8]) -> bool {
    memchr::memchr2_iter(b'%', b'\\', text).any(|at| match text[at] {
        b'%' => text.get(at + 1..at + 3).and_then(byte).is_some_and(is_printable),
        _ => {
            text.get(at + 1).is_some_and(|next| next.eq_ignore_ascii_case(&b'u'))
                && text.get(at + 2..at + 6).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        }
    })
}

/// Whether a run of base64's letters decodes.
fn runs(text: &[u8]) -> bool {
    let mut at = 0;
    let mut runs = Runs::new(text);
    while let Some(run) = runs.next(at) {
        let letters = text[run..].iter().take_while(|byte| LETTERS[usize::from(**byte)]).count();
        let end = run + letters;
        let padded = end + text[end..].iter().take(2).take_while(|byte| **byte == b'=').count();
        // Hexadecimal is taken out of the front of a run before base64 is looked for in the rest.
        let mut start = run;
        loop {
            let digits = text[start..end].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
            if digits < HEX_LEAST {
                break;
            }
            if hexadecimal(&text[start..start + digits]).is_some() {
                return true;
            }
            start += digits;
        }
        if end - start >= BASE64_LEAST && base64(&text[start..padded]).is_some() {
            return true;
        }
        at = end;
    }
    false
}

/// What base64 is written in, both kinds.
static LETTERS: [bool; 256] = letters();

const fn letters() -> [bool; 256] {
    let mut letters = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let char = byte as u8;
        letters[byte] = char.is_ascii_alphanumeric() || matches!(char, b'_' | b'/' | b'+' | b'-');
        byte += 1;
    }
    letters
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::bytes::Regex;

    use super::*;

    /// The pattern, for comparison.
    fn by_pattern(text: &[u8]) -> Vec<(usize, usize, usize)> {
        let pattern = Regex::new(concat!(
            r"((?-u)%[0-9A-Fa-f]{2}(?:(?u:.)*%[0-9A-Fa-f]{2})?)",
            r"|((?-u)(?:U\+[a-fA-F0-9]{4}(?:[\t\n\x0c\r ]|$))+|(?i:\\{1,2}u[a-f0-9]{4})+)",
            r"|((?-u)[0-9A-Fa-f]{32,})",
            r"|((?-u)[0-9A-Za-z_/+-]{16,}={0,2})",
        ))
        .unwrap();
        let named = |captures: regex::bytes::Captures<'_>| {
            let kind = (0..KINDS.len()).find(|kind| captures.get(kind + 1).is_some()).unwrap();
            let whole = captures.get(0).unwrap();
            (whole.start(), whole.end(), kind)
        };
        pattern.captures_iter(text).map(named).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn stretches_are_those_of_the_pattern(
            parts in proptest::collection::vec(
                prop_oneof![
                    "%[0-9a-fA-Fg]{0,3}", r"\\{1,3}[uU][0-9a-fg]{3,5}", r"U\+[0-9A-Fg]{3,5}[ \tx]?", "[0-9a-f]{28,36}",
                    "[0-9A-Za-z_/+-]{0,20}={0,3}", "[ \n.]", "\u{e9}", "[0-9a-f]{30,40}[g-z]{0,20}",
                ].prop_map(String::into_bytes).boxed().prop_union(Just(vec![0xff_u8]).boxed()),
                0..12,
            ),
        ) {
            let text = parts.concat();
            let found: Vec<_> = Encodings::new(&text).map(|(at, kind)| (at.start, at.end, kind)).collect();
            prop_assert_eq!(found, by_pattern(&text), "{}", String::from_utf8_lossy(&text));
        }
    }

    fn decoded(text: &str) -> Option<String> {
        let mut passes = Decoded::default();
        let worthwhile = is_worthwhile(text.as_bytes());
        passes.advance(text.as_bytes()).then(|| {
            assert!(worthwhile, "the cheap test must not dismiss what decodes: {text}");
            String::from_utf8_lossy(&passes.text).into_owned()
        })
    }

    #[test]
    fn each_encoding_is_read() {
        assert_eq!(decoded("a=%41b%43;").as_deref(), Some("a=AbC;"));
        assert_eq!(decoded(r"a=\u0041\\u0042;").as_deref(), Some("a=AB;"));
        assert_eq!(decoded("U+0041 U+0042 x").as_deref(), Some("ABx"));
        assert_eq!(
            decoded("k=48656c6c6f20776f726c6448656c6c6f20776f726c64").as_deref(),
            Some("k=Hello worldHello world")
        );
        assert_eq!(decoded("k=SGVsbG8gd29ybGQgMTIz").as_deref(), Some("k=Hello world 123"));
    }

    #[test]
    fn words_and_bytes_are_left_alone() {
        assert_eq!(decoded("averylongidentifierwithoutdigits"), None);
        assert_eq!(decoded("/usr/local/share/something/or/other1"), None);
        assert_eq!(decoded("100%"), None);
    }

    #[test]
    fn the_origin_of_decoded_text_is_known() {
        let text = b"key: SGVsbG8gd29ybGQgMTIz\n";
        let mut passes = Decoded::default();
        assert!(passes.advance(text));
        let source = passes.source(5, 10).unwrap();
        assert_eq!((source.start, source.end), (5, 25));
        assert_eq!(source.tags, ["decoded:base64", "decode-depth:1"]);
        assert!(passes.source(0, 3).is_none());
    }

    #[test]
    fn two_layers_take_two_passes() {
        let mut passes = Decoded::default();
        assert!(passes.advance(b"%53%47%56%73%62%47%38%67%64%32%39%79%62%47%51%67%4D%54%49%7A"));
        assert_eq!(passes.text, b"SGVsbG8gd29ybGQgMTIz");
        assert!(passes.advance(&[]));
        assert_eq!(passes.text, b"Hello world 123");
        let source = passes.source(0, 5).unwrap();
        assert_eq!((source.start, source.end), (0, 60));
        assert_eq!(source.tags, ["decoded:percent", "decoded:base64", "decode-depth:2"]);
    }
}
