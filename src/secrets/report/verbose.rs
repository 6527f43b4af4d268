//! The text that `--verbose` shows of each finding while the scan goes on.
//!
//! As gitleaks prints it, with one difference: control characters and marks that deceive the eye are shown as escapes,
//! because a secret comes from a stranger and this goes to a terminal.

use std::borrow::Cow;

use bstr::{BStr, ByteSlice};

use super::super::leak::Leak;
use crate::text::is_deceptive;

/// How the finding is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// `--no-color`: the match alone, no codes.
    Never,
    /// The match in its line, the secret bold: a pipe, or a terminal of few colours.
    Few,
    /// A terminal of 256 colours.
    Ansi256,
    /// A terminal of all colours.
    True,
}

impl Colour {
    /// Codes of the match and of the secret in it.
    fn codes(self) -> (&'static str, &'static str) {
        match self {
            Colour::Never => ("", ""),
            // gitleaks writes an empty colour here; terminals read it as bold and italic.
            Colour::Few => ("", "1;3;"),
            Colour::Ansi256 => ("38;5;221", "1;3;38;5;202"),
            Colour::True => ("38;2;245;211;69", "1;3;38;2;240;92;7"),
        }
    }
}

/// What is printed of one finding, with an empty line at its end.
pub fn finding(leak: &Leak, colour: Colour) -> String {
    let mut out = String::new();
    let mut say = |name: &str, value: &str| out.push_str(&format!("{name:<12} {value}\n"));
    let (matched, secret) = (leak.matched.trim().as_bstr(), leak.secret.trim().as_bstr());
    match drawn(leak.line.trim().as_bstr(), matched, secret, colour) {
        Some((line, secret)) => {
            say("Finding:", &line);
            say("Secret:", &secret);
        }
        None => {
            say("Finding:", &shown(matched));
            say("Secret:", &shown(secret));
        }
    }
    say("RuleID:", &leak.rule);
    say("Entropy:", &format!("{:.6}", leak.entropy));
    if !leak.file.is_empty() {
        if !leak.tags.is_empty() {
            say("Tags:", &shown(format!("[{}]", leak.tags.join(" ")).as_bytes()));
        }
        say("File:", &shown(&leak.file));
        say("Line:", &leak.start_line.to_string());
        let commit = leak.commit.as_deref().filter(|commit| !commit.id.is_empty());
        if let Some(commit) = commit {
            say("Commit:", &commit.id);
            say("Author:", &shown(&commit.author));
            say("Email:", &shown(&commit.email));
            say("Date:", &commit.date);
        }
        say("Fingerprint:", &shown(leak.fingerprint.as_bytes()));
        if commit.is_some() && !leak.link.is_empty() {
            say("Link:", &shown(leak.link.as_bytes()));
        }
    }
    out.push('\n');
    out
}

/// The match in its line, and the secret; `None` when only the match can be shown.
fn drawn(line: &BStr, matched: &BStr, secret: &BStr, colour: Colour) -> Option<(String, String)> {
    if colour == Colour::Never || matched.starts_with(b"file detected:") {
        return None;
    }
    let at = line.find(matched)?;
    let within = matched.find(secret)?;
    let (before, after) = (line[..at].as_bytes(), line[at + matched.len()..].as_bytes());
    let start = match at > 20 {
        true => [b"...".as_slice(), &before[at - 20..]].concat(),
        false => before.to_vec(),
    };
    let start = start.trim_start_with(|character| character == ' ');
    // A rest of a single character is lost in gitleaks.
    let after = if after.len() <= 1 { &b""[..] } else { after };
    let end = match after.len() > 20 {
        true => [&after[..20], b"..."].concat(),
        false => after.to_vec(),
    };
    let (of_match, of_secret) = colour.codes();
    let shortened = match secret.len() > 100 {
        true => styled(&[secret[..100].as_bytes(), b"..."].concat(), of_secret),
        false => styled(secret, of_secret),
    };
    let drawn = [
        shown(start.strip_prefix(b"\n").unwrap_or(start)).into_owned(),
        styled(&matched[..within], of_match),
        shortened.clone(),
        styled(&matched[within + secret.len()..], of_match),
        shown(&end).into_owned(),
    ];
    Some((drawn.concat(), shortened))
}

/// Every line in its colour, and filled with spaces to the length of the longest.
fn styled(text: &[u8], codes: &str) -> String {
    let text = shown(text);
    // Tabs and the carriage return at the end of a line count for nothing, as in gitleaks.
    let width = |line: &str| line.chars().filter(|character| !character.is_control()).count();
    let longest = text.split('\n').map(width).max().unwrap_or(0);
    let styled = text.split('\n').map(|line| {
        let fill = " ".repeat(longest - width(line));
        match codes.is_empty() {
            true => format!("{line}{fill}"),
            false => format!("\x1b[{codes}m{line}\x1b[0m{fill}"),
        }
    });
    styled.collect::<Vec<_>>().join("\n")
}

/// Text for a terminal. Ends of lines and tabs stay.
fn shown(text: &[u8]) -> Cow<'_, str> {
    let text = text.to_str_lossy();
    let odd = |character: char| is_deceptive(character) && !matches!(character, '\n' | '\t');
    if !text.contains(odd) {
        return text;
    }
    let mut shown = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match odd(character) && !(character == '\r' && characters.peek() == Some(&'\n')) {
            true => shown.extend(character.escape_default()),
            false => shown.push(character),
        }
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// gitleaks 8.30.1 prints exactly this.
    #[test]
    fn the_match_is_drawn_in_its_line() {
        let leak = Leak {
            rule: "key".into(),
            line: "\n  pre -----BEGIN aaa\nbb\ncccccc END----- trailing text that is quite long here".into(),
            matched: "-----BEGIN aaa\nbb\ncccccc END-----".into(),
            secret: "-----BEGIN aaa\nbb\ncccccc END-----".into(),
            ..Leak::default()
        };
        assert_eq!(
            finding(&leak, Colour::Few).split("RuleID").next().unwrap(),
            "Finding:     pre \x1b[1;3;m-----BEGIN aaa\x1b[0m \n\x1b[1;3;mbb\x1b[0m             \n\
             \x1b[1;3;mcccccc END-----\x1b[0m trailing text that ...\n\
             Secret:      \x1b[1;3;m-----BEGIN aaa\x1b[0m \n\x1b[1;3;mbb\x1b[0m             \n\
             \x1b[1;3;mcccccc END-----\x1b[0m\n"
        );
        let leak =
            Leak {
                line: "\nfoo k日本本本 zz".into(), matched: "k日本本本".into(), secret: "日本本本".into(), ..leak
            };
        assert_eq!(
            finding(&leak, Colour::True).lines().next().unwrap(),
            "Finding:     foo \x1b[38;2;245;211;69mk\x1b[0m\x1b[1;3;38;2;240;92;7m日本本本\x1b[0m\
             \x1b[38;2;245;211;69m\x1b[0m zz"
        );
    }

    #[test]
    fn a_secret_cannot_move_the_cursor() {
        let leak = &super::super::samples()[1];
        let text = finding(leak, Colour::Never);
        assert!(text.starts_with("Finding:     k=\\u{8}\\u{c}\\u{1}\\u{7f}\t<\u{fffd}>'\n"), "{text}");
        assert!(
            text.contains("Author:      Ann, \"A\"\nEmail:       ann@example.org\nDate:        2024-01-31T12:00:00Z\n")
        );
        assert!(text.ends_with("Link:        https://example.org/x/blob/c0ffee/z#L2\n\n"), "{text}");
    }

    proptest::proptest! {
        #[test]
        fn no_line_makes_it_panic(line in proptest::collection::vec(proptest::num::u8::ANY, 0..300), from in 0usize..300, to in 0usize..300) {
            let (from, to) = (from.min(line.len()), to.min(line.len()));
            let matched = &line[from.min(to)..to.max(from)];
            let leak = Leak { matched: matched.into(), secret: matched[matched.len() / 2..].into(), line: line.clone().into(), ..Leak::default() };
            finding(&leak, Colour::True);
        }
    }
}
