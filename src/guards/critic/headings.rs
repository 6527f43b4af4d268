//! When two headings are the same: markup, emoji, numbering, case and the rest of people's taste set aside.

use std::sync::LazyLock;

use regex::Regex;

use super::words::is_emoji;

/// The name that headings are compared by; empty when nothing is left.
pub(super) fn normalized(text: &str) -> String {
    static KEYCAP: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"[0-9#*]\u{fe0f}?\u{20e3}").expect("a valid pattern"));
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^(?:[#(]?\d+(?:\.\d+)*(?:[.):]+|\s*[-–—]\s|\s)|[ivxlc]+[.)]\s|\(?[a-z]\)\s|[a-z]\.\s)\s*")
            .expect("a valid pattern")
    });
    static PARENTHESIS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\s*[(（][^()（）]*[)）]$").expect("a valid pattern"));

    let text = without_shortcodes(text).to_lowercase();
    let text = KEYCAP.replace_all(&text, " ");
    let mut name = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => name.push_str(" and "),
            '/' | '-' | '‐' | '‑' => name.push(' '),
            character if is_emoji(character) => name.push(' '),
            character => name.push(character),
        }
    }
    // Numbers are recognised by the hyphen or space behind them, so they go before the spaces are evened out.
    let name = name.trim();
    let name = NUMBER.replace(name, "");
    let mut name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    loop {
        let shorter = name.trim_end_matches([':', '?', '：', '？', ' ']);
        let shorter = PARENTHESIS.replace(shorter, "");
        if shorter.len() == name.len() {
            return name;
        }
        name = shorter.into_owned();
    }
}

/// The places where a heading may end and an answer begin: `Contracts touched: No`. At most eight.
pub(super) fn splits(text: &str) -> Vec<(String, String)> {
    let text = without_shortcodes(text);
    let colons = text.char_indices().filter(|(_, character)| matches!(character, ':' | '：')).take(8);
    colons.map(|(at, colon)| (text[..at].to_string(), text[at + colon.len_utf8()..].trim().to_string())).collect()
}

fn without_shortcodes(text: &str) -> String {
    static SHORTCODE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(^|\s):[A-Za-z0-9_+-]+:(\s|$)").expect("a valid pattern"));
    // Twice, because two neighbours share the space between them.
    let text = SHORTCODE.replace_all(text, "$1 $2");
    SHORTCODE.replace_all(&text, "$1 $2").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_compared_without_decoration() {
        for (heading, name) in [
            ("🚀 Risk & Rollout", "risk and rollout"),
            ("1. :memo: Description", "description"),
            (":memo: 1. Description:", "description"),
            ("2) 🧪 How has this been tested?", "how has this been tested"),
            ("1.2 Endpoints added/changed", "endpoints added changed"),
            ("1️⃣ Scope", "scope"),
            ("(3) Scope", "scope"),
            ("IV. Scope", "scope"),
            ("b) Scope", "scope"),
            ("4 - Scope", "scope"),
            ("Screenshots (if any):", "screenshots"),
            ("Screenshots (if any) (optional) ?", "screenshots"),
            ("AI-assisted", "ai assisted"),
            ("Screenshots / videos", "screenshots videos"),
            ("TESTS:", "tests"),
            ("Version 2", "version 2"),
            ("(all of it)", ""),
            (":tada: :memo: Scope", "scope"),
        ] {
            assert_eq!(normalized(heading), name, "{heading}");
        }
    }

    #[test]
    fn an_answer_may_follow_a_colon() {
        assert_eq!(
            splits(":memo: Scope: cache: flags"),
            [("  Scope".to_string(), "cache: flags".to_string()), ("  Scope: cache".to_string(), "flags".to_string())]
        );
    }
}
