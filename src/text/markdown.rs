//! The words of strangers in GitHub-flavoured Markdown, where they must stay words: no mention, no link, no image, no
//! heading, no `</details>`, whatever they contain.
//!
//! There is a single idea. A backslash or an entity is not enough: GitHub looks for `@team`, `#12` and commit ids in the
//! *rendered* text, where both are gone. Code is the one place in which neither Markdown nor GitHub looks for anything.
//! So a word that is not plainly a word is shown as code, behind a fence longer than any run of backticks in it: see
//! [`prose`] and [`code`].

use super::one_line;

/// Somebody's sentence. What stands in backticks is code, as people write it; of the rest, every word that is not
/// plainly a word is code too.
pub fn prose(text: &str, max: usize) -> String {
    let text = one_line(text, max);
    let mut shown = String::with_capacity(text.len() + 16);
    let mut rest = text.as_str();
    while let Some((start, length)) = quotation(rest) {
        let end = start + 1 + length;
        match rest[start + 1..end].trim().is_empty() {
            true => words(&rest[..=end], &mut shown),
            false => {
                words(&rest[..start], &mut shown);
                push_code(&mut shown, &rest[start + 1..end]);
            }
        }
        rest = &rest[end + 1..];
    }
    words(rest, &mut shown);
    shown
}

/// Where the next text in backticks begins, its first backtick included, and how long it is without them.
fn quotation(text: &str) -> Option<(usize, usize)> {
    let start = text.find('`')?;
    Some((start, text[start + 1..].find('`')?))
}

fn words(text: &str, shown: &mut String) {
    for (index, word) in text.split(' ').enumerate() {
        if index > 0 {
            shown.push(' ');
        }
        let core = word.trim_start_matches(['(', '"', '\'']);
        let (lead, core) = word.split_at(word.len() - core.len());
        let trimmed = core.trim_end_matches(['.', ',', ';', ':', '?', '!', ')', '"', '\'']);
        let (core, trail) = core.split_at(trimmed.len());
        shown.push_str(lead);
        match is_plain(core) {
            true => shown.push_str(core),
            false => push_code(shown, core),
        }
        shown.push_str(trail);
    }
}

/// Two codes that touch would be read as one run of backticks.
fn push_code(shown: &mut String, text: &str) {
    if shown.ends_with('`') {
        shown.push(' ');
    }
    shown.push_str(&code(text));
}

/// A word that no Markdown and no feature of GitHub takes for more than a word. Not plain: what could be a commit
/// (seven hexadecimal digits), a `www.` address, or a reference to a tracker (`GH-12`, or whatever the repository has
/// set up); and whatever holds a character with a meaning.
fn is_plain(word: &str) -> bool {
    let benign = |character: char| match character.is_ascii() {
        true => character.is_ascii_alphanumeric() || "'’-.,+%/()".contains(character),
        false => true,
    };
    let is_commit = |part: &str| part.len() >= 7 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let holds_commit = word.split(|character: char| !character.is_ascii_alphanumeric()).any(is_commit);
    let is_address = word.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www."));
    let is_reference = word.rsplit_once('-').is_some_and(|(key, number)| {
        key.starts_with(|c: char| c.is_ascii_alphabetic()) && number.starts_with(|c: char| c.is_ascii_digit())
    });
    word.chars().all(benign) && !holds_commit && !is_address && !is_reference
}

/// Text as code, exactly as it is, on one line.
pub fn code(text: &str) -> String {
    let fence = "`".repeat(longest_run(text) + 1);
    // One space on each side is taken off again; it keeps backticks and spaces at the ends where they are.
    let pad = text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) || text.is_empty();
    let pad = if pad { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// The length of the longest run of backticks.
pub fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}

/// For a table, whose cells are split before anything else is looked at, escapes inside of code included; renderers do
/// not agree on `\|` behind a backslash. A broken bar says the same to a reader.
pub fn cell(text: &str) -> String {
    text.replace('|', "¦")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words_and_everything_else_is_code() {
        for (text, shown) in [
            ("the change is large: 1200 lines", "the change is large: 1200 lines"),
            ("ask @team (or @me).", "ask `@team` (or `@me`)."),
            ("see #12, GH-12 and www.x.y", "see `#12`, `GH-12` and `www.x.y`"),
            ("at deadbeef or 1234567!", "at `deadbeef` or `1234567`!"),
            ("add the label `size-approved`", "add the label `size-approved`"),
            ("a lone ` backtick", "a lone `` ` `` backtick"),
            ("</details><!-- x -->", "`</details><!--` x `-->`"),
            ("a`b`c``d`e", "a`b` ``` c`` ``` ``d`e``"),
            ("and/or 80 % of it", "and/or 80 % of it"),
            ("a\nb\u{202e}", "a `b\\u{202e}`"),
        ] {
            assert_eq!(prose(text, 100), shown);
        }
    }

    #[test]
    fn code_is_fenced_by_more_than_it_holds() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("`a``"), "``` `a`` ```");
        assert_eq!(code(" "), "`   `");
    }
}
