//! What words mean to the critic: denials, reasons, placeholders, labels, and whether anything was said at all.

use std::sync::LazyLock;

use regex::Regex;

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a valid pattern")
}

/// First words that deny.
const DENIALS: [&str; 8] = ["no", "none", "not", "n/a", "nothing", "nil", "never", "n.a"];

/// Denials only when they are the whole answer: as first words they begin sentences of other languages.
const BARE_DENIALS: [&str; 3] = ["na", "nope", "-"];

/// More words than this before a colon are a sentence, not a label.
const LABEL_WORDS: usize = 8;

/// A word: letters and digits, with hyphens, apostrophes and dots inside; `n/a` is one.
static WORD: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\bn/a\b|[\p{Alphabetic}\p{N}_]+(?:[-'’.][\p{Alphabetic}\p{N}_]+)*"));

static BOX: LazyLock<Regex> = LazyLock::new(|| pattern(r"\[[ \t\u{a0}]*([xX✓✔✅☑]\u{fe0f}?)?[ \t\u{a0}]*\]"));

/// Emoji, the marks that vary and join them, arrows and geometric signs.
pub(super) fn is_emoji(character: char) -> bool {
    matches!(character,
        '\u{1f000}'..='\u{1faff}' | '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{27bf}' | '\u{2900}'..='\u{297f}'
        | '\u{2b00}'..='\u{2bff}' | '\u{fe00}'..='\u{fe0f}' | '\u{200d}' | '\u{20e3}' | '\u{e0020}'..='\u{e007f}'
        | '\u{2122}' | '\u{2139}' | '\u{203c}' | '\u{2049}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
        | '\u{a9}' | '\u{ae}')
}

fn is_cjk(character: char) -> bool {
    matches!(character,
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3134f}')
}

/// Whether a link leads to an issue or a pull request.
pub(super) fn is_issue_address(address: &str) -> bool {
    static ISSUE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)^https?://\S+/(?:issues|pull|browse)/[\w-]*\d"));
    ISSUE.is_match(address)
}

/// The first word, in lower case; empty when there is none.
pub(super) fn first_word(text: &str) -> String {
    WORD.find(text).map(|word| word.as_str().to_lowercase()).unwrap_or_default()
}

/// Whether a text begins with a denial.
pub(super) fn denies(text: &str) -> bool {
    let trimmed = text.trim().trim_end_matches(['.', '!']).to_lowercase();
    DENIALS.contains(&first_word(text).as_str()) || BARE_DENIALS.contains(&trimmed.as_str())
}

/// The answer that a text gives, without a label before it: `No` of `UI changes: No`, when that is all the answer or a
/// reason follows. Anything else stays as it is: `Refund: no longer optional` denies nothing.
pub(super) fn without_label(text: &str) -> &str {
    static BARE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)^\W*(?:no|none|n/a|nothing|nil|never|n\.a|na|nope|not applicable)\W*(?:$|\n|[.,;:(–—!]|-\s|\s(?:because|since|only)\b)",
        )
    });
    if denies(text) {
        return text;
    }
    let line = text.lines().next().unwrap_or_default();
    let Some((at, mark)) = line.char_indices().find(|(_, c)| matches!(c, ':' | '?' | '：' | '？')) else {
        return text;
    };
    let answer = &text[at + mark.len_utf8()..];
    match words(&line[..at]) <= LABEL_WORDS && BARE.is_match(answer) {
        true => answer,
        false => text,
    }
}

/// The number of words.
pub(super) fn words(text: &str) -> usize {
    WORD.find_iter(text).count()
}

/// Whether `text`, which begins with a denial, goes on to say why: three words after the first break.
pub(super) fn denial_gives_reason(text: &str) -> bool {
    static BREAK: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(?i)[.,:;](?:\s|$)|[(–—;\n]|\s-\s|\b(?:because|since|only)\b"));
    let Some(denial) = WORD.find(text) else { return false };
    let rest = &text[denial.end()..];
    BREAK.find(rest).is_some_and(|found| is_reason(&rest[found.end()..]))
}

/// Three words that are not themselves denials; or six characters of a script that writes no spaces.
pub(super) fn is_reason(text: &str) -> bool {
    let meaningful = WORD.find_iter(text).filter(|word| !DENIALS.contains(&word.as_str().to_lowercase().as_str()));
    meaningful.take(3).count() == 3 || text.chars().filter(|&character| is_cjk(character)).take(6).count() == 6
}

/// Whether a text (without links) describes something: two words besides issue references with their verbs and "and",
/// or four CJK characters.
pub(super) fn describes(unlinked: &str) -> bool {
    static REFERENCE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?ix)
            (?: \b (?: close[sd]? | fix(?:e[sd])? | resolve[sd]? | refs? | references? | relate[sd]?\s+to ) \b \s* :? \s* )?
            (?: https?://\S+/(?:issues|pull|browse)/[\w-]*\d\S*
              | (?: [\w.-]+/[\w.-]+ )? \#\d+ \b
              | \b gh-\d+ \b
              | (?-i: \b [A-Z][A-Z0-9]{1,9}-\d+ \b ) )",
        )
    });
    static ADDRESS: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\bhttps?://\S+|\bwww\.\S+"));
    let text = REFERENCE.replace_all(unlinked, " ");
    let text = ADDRESS.replace_all(&text, " ");
    if denies(&text) && words(&text) == 1 {
        return false;
    }
    let said = WORD.find_iter(&text).filter(|word| !word.as_str().eq_ignore_ascii_case("and"));
    said.take(2).count() == 2 || text.chars().filter(|&character| is_cjk(character)).take(4).count() == 4
}

/// What a line says once placeholders are gone; empty for a label without a value.
pub(super) fn without_placeholders(text: &str) -> String {
    static FILL_IN: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)\[\s*(?:please\s+|briefly\s+)*describe\b[^\]\n]*\]|<\s*(?:please\s+|briefly\s+)*describe\b[^>\n]*>",
        )
    });
    static BLANK: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(^|[^\p{Alphabetic}\p{N}_])_+([^\p{Alphabetic}\p{N}_]|$)"));
    let text = FILL_IN.replace_all(text, " ");
    let text = BLANK.replace_all(&text, "$1$2");
    let text = text.trim();
    if is_nothing(text) {
        return String::new();
    }
    if let Some((at, mark)) = text.char_indices().find(|(_, c)| matches!(c, ':' | '：'))
        && words(&text[..at]) <= LABEL_WORDS
        && is_nothing(&text[at + mark.len_utf8()..])
    {
        return String::new();
    }
    text.to_string()
}

/// Whether a text is punctuation or one of the words that stand for text to come.
fn is_nothing(text: &str) -> bool {
    let inner = text
        .trim_matches(|c: char| c.is_ascii_punctuation() || c.is_whitespace() || matches!(c, '\u{2010}'..='\u{205f}'));
    inner.is_empty() || ["todo", "tbd", "wip", "no response"].contains(&inner.to_lowercase().as_str())
}

/// A box with what stands beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tick {
    /// Its words.
    pub(super) label: String,
    /// Whether it is ticked.
    pub(super) ticked: bool,
}

/// The boxes of a line, and whether it holds any: `Risk: [x] Low / [ ] High`.
pub(super) fn boxes(text: &str) -> Vec<Tick> {
    let found: Vec<_> = BOX
        .captures_iter(text)
        .filter_map(|captures| {
            let whole = captures.get(0)?;
            let before = text[..whole.start()].chars().next_back();
            let after = text[whole.end()..].chars().next();
            let stands_alone = before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, ']' | ')'))
                && after.is_none_or(|c| !matches!(c, '(' | '[' | ':'));
            stands_alone.then_some((whole.range(), captures.get(1).is_some()))
        })
        .collect();
    let mut ticks: Vec<Tick> = Vec::with_capacity(found.len());
    for (index, (range, ticked)) in found.iter().enumerate() {
        let end = found.get(index + 1).map_or(text.len(), |(next, _)| next.start);
        let label = text[range.end..end].trim().trim_end_matches(['/', '|', ',', ';', '·']).trim();
        ticks.push(Tick { label: label.to_string(), ticked: *ticked });
    }
    // In a table the box stands behind its words.
    if let ([tick], [(range, _)]) = (&mut ticks[..], &found[..])
        && tick.label.is_empty()
    {
        tick.label = text[..range.start].trim().trim_end_matches(':').to_string();
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_three_words_that_are_not_the_denial() {
        for text in [
            "No, only a comment was reworded",
            "None. Whitespace only, produced by the formatter.",
            "N/A: a prop is renamed, the rendered page is identical.",
            "None for users: a dead branch goes away.",
            "None\nA constant in a log call",
            "No (a comment was reworded)",
            "No – a comment was reworded",
            "No because the field stays optional",
            "Not since clients ignore it",
        ] {
            assert!(denies(text) && denial_gives_reason(text), "{text}");
        }
        for text in [
            "No contract changes.",
            "None of the contracts change",
            "No. No contract changes.",
            "None, trust me",
            "No packages/contracts/src/refund.ts changes in this pull request",
            "N/A",
            "N/A.",
            "Nothing",
        ] {
            assert!(denies(text) && !denial_gives_reason(text), "{text}");
        }
        for text in ["No-op refactor of the client", "Nobody reads it", "Notably faster", "Yes", "", "Na região"] {
            assert!(!denies(text), "{text}");
        }
    }

    #[test]
    fn a_label_before_the_answer_is_set_aside() {
        for text in ["UI changes: No", "Are contracts modified? No.", "AI used: none, I typed it"] {
            assert!(denies(without_label(text)), "{text}");
        }
        for text in ["Refund: no longer optional", "RefundRequest: not null", "Yes: no old client breaks"] {
            assert!(!denies(without_label(text)), "{text}");
        }
    }

    #[test]
    fn a_scope_needs_two_words_of_its_own() {
        for text in ["Bump serde", "Fixes login #12", "修复登录", "Round refunds. Fixes #481", "No crash anymore"] {
            assert!(describes(text), "{text}");
        }
        for text in [
            "Fixes #12",
            "Fixes #12, closes acme/shop#13 and resolves GH-4",
            "Related to: #4",
            "Fixes https://github.com/acme/shop/issues/4",
            "https://example.org/a b",
            "None",
            "N/A",
            "修复",
            "Bump",
            "Refs ABC-12",
        ] {
            assert!(!describes(text), "{text}");
        }
    }

    #[test]
    fn placeholders_and_bare_labels_say_nothing() {
        for text in [
            "TODO",
            "tbd.",
            "WIP",
            "...",
            "…",
            "No response",
            "[describe how you tested]",
            "<describe the plan, please>",
            "Rollout plan:",
            "Coverage: __%",
            "Coverage: ____ %",
            "Rollback plan: TBD",
            "___",
            "-",
            "Tool: ...",
            "[TODO]",
        ] {
            assert_eq!(without_placeholders(text), "", "{text}");
        }
        for text in ["Removes the TODO in the parser", "Coverage: 91%", "Rollback plan: revert.", "snake__case", "Low"]
        {
            assert_eq!(without_placeholders(text), text);
        }
    }

    #[test]
    fn boxes_are_found_in_lists_and_lines() {
        let ticked = |text: &str| boxes(text).into_iter().map(|tick| (tick.label, tick.ticked)).collect::<Vec<_>>();
        assert_eq!(ticked("AI-assisted: [ ] Yes / [x] No"), [("Yes".into(), false), ("No".into(), true)]);
        assert_eq!(
            ticked("[ x ] Yes [✓] No [X] Both"),
            [("Yes".into(), true), ("No".into(), true), ("Both".into(), true)]
        );
        assert_eq!(ticked("Unit [x]"), [("Unit".into(), true)]);
        assert!(boxes("takes lines[] and a[x](b) and [xx] and [x]: y").is_empty());
    }
}
