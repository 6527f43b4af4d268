//! JSON that is safe to show.

use serde::Serialize;

use super::is_deceptive;

/// Indented JSON in which nothing deceives a terminal or commands a runner that shows it. The escapes say the same to
/// a parser: outside of strings, JSON is ASCII without such characters.
pub fn printed(value: &impl Serialize) -> String {
    // Only a map with keys that are no strings could fail, and no document here has one.
    let json = serde_json::to_string_pretty(value).unwrap_or_default();
    let json = json.replace("##[", "#\\u0023[");
    let mut shown = String::with_capacity(json.len() + 1);
    for character in json.chars() {
        match character {
            '\n' => shown.push('\n'),
            _ if is_deceptive(character) => {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    shown.push_str(&format!("\\u{unit:04x}"));
                }
            }
            _ => shown.push(character),
        }
    }
    shown.push('\n');
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_json_says_the_same_and_shows_no_tricks() {
        let text = "\u{1b}[31m \u{202e} \u{e0001} ##[error] \u{7f}\n";
        let shown = printed(&text);
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
        assert!(!shown.trim_end().chars().any(is_deceptive), "{shown}");
        assert!(!shown.contains("##["), "{shown}");
    }
}
