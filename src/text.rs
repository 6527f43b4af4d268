//! Words that strangers wrote, made safe to show, and words that were meant.

use std::borrow::Cow;

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
}
