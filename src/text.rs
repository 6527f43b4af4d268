//! Words that strangers wrote, made safe to show, and words that were meant.

use std::borrow::Cow;

pub mod json;
pub mod markdown;
pub(crate) mod versions;

/// Characters that make text look like something else: control characters, bidirectional marks (Unicode TR #36,
/// CVE-2021-42574), invisible joiners and separators. Printers show them as escapes.
pub fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// One line of text that cannot move the cursor, colour the terminal or reorder its neighbours.
pub fn visible(text: &str) -> Cow<'_, str> {
    match text.chars().any(is_deceptive) {
        false => Cow::Borrowed(text),
        true => Cow::Owned(text.chars().fold(String::with_capacity(text.len()), |mut shown, character| {
            match is_deceptive(character) {
                true => shown.extend(character.escape_default()),
                false => shown.push(character),
            }
            shown
        })),
    }
}

/// Text on one line that can neither move a cursor nor reorder its neighbours, nor give a command to the runner that
/// reads the log: GitHub's still obeys the old `##[command]` wherever it stands in a line.
pub fn visible_in_logs(text: &str) -> Cow<'_, str> {
    match visible(text) {
        shown if shown.contains("##[") => Cow::Owned(shown.replace("##[", "#\\u{23}[")),
        shown => shown,
    }
}

/// Prose on one line: white space, line ends too, becomes single spaces. At most `max` characters of the input are
/// kept, cut between words.
pub fn one_line(text: &str, max: usize) -> String {
    let text = shorten(text, max);
    let words: Vec<&str> = text.split_whitespace().collect();
    visible_in_logs(&words.join(" ")).into_owned()
}

/// At most `max` characters, cut between words where that leaves most of them, with `…` where something was cut.
pub fn shorten(text: &str, max: usize) -> Cow<'_, str> {
    if text.char_indices().nth(max).is_none() {
        return Cow::Borrowed(text);
    }
    let end = text.char_indices().nth(max.saturating_sub(1)).map_or(0, |(at, _)| at);
    let kept = &text[..end];
    let border = kept.rfind(char::is_whitespace).filter(|&at| at >= end / 2);
    Cow::Owned(format!("{}…", kept[..border.unwrap_or(end)].trim_end()))
}

/// At most `max` characters of a path: its end says most.
pub fn ending(path: &str, max: usize) -> Cow<'_, str> {
    match path.char_indices().nth_back(max) {
        None => Cow::Borrowed(path),
        Some((at, _)) => Cow::Owned(format!("…{}", path[at..].chars().skip(2).collect::<String>())),
    }
}

/// `1 error`, `2 errors`.
pub fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// Percent-encodes what is not unreserved in a URI's path (RFC 3986, section 2.3), apart from `/`.
pub fn percent_encoded(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len()), |mut encoded, &byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => encoded.push(byte as char),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
        encoded
    })
}

/// The known word that is most like `word`, if it is like it at all.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let scored = known.map(|known| (strsim::damerau_levenshtein(&lower, &known.to_lowercase()), known));
    let (distance, best) = scored.min()?;
    (distance <= (word.chars().count().max(best.chars().count()) / 3).max(1)).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deceptive_text_becomes_visible() {
        assert_eq!(visible("a\u{202e}b\r\n"), "a\\u{202e}b\\r\\n");
    }

    #[test]
    fn a_slip_is_understood_and_another_word_is_not() {
        let known = || ["size", "critic", "levels"].into_iter();
        assert_eq!(nearest("Szie", known()), Some("size"));
        assert_eq!(nearest("queue", known()), None);
    }

    #[test]
    fn text_is_cut_between_words() {
        assert_eq!(shorten("one two three", 13), "one two three");
        assert_eq!(shorten("one two three", 12), "one two…");
        assert_eq!(shorten("äöüßäöüß", 4), "äöü…");
        assert_eq!(shorten("", 0), "");
    }

    #[test]
    fn a_path_is_cut_at_its_beginning() {
        assert_eq!(ending("src/a.rs", 8), "src/a.rs");
        assert_eq!(ending("src/a.rs", 5), "…a.rs");
        assert_eq!(ending("äöü", 2), "…ü");
    }

    #[test]
    fn a_log_command_is_broken_up() {
        assert_eq!(visible_in_logs("a ##[error]b"), "a #\\u{23}[error]b");
        assert_eq!(visible_in_logs("####[x"), "###\\u{23}[x");
    }

    #[test]
    fn a_path_becomes_a_uri() {
        assert_eq!(percent_encoded(b"a b/\xff#?.rs"), "a%20b/%FF%23%3F.rs");
    }
}
