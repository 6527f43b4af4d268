//! The fuzz targets on random and on nearly right input: what they claim must hold, and they must keep compiling.

#[path = "../../fuzz/targets.rs"]
mod targets;

use proptest::prelude::*;

/// Bytes that are now and then what the reader hopes for.
fn nearly(words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        4 => prop::sample::select(words).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(word, 0..40).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn configurations(data in nearly(&["size", ":", " ", "\n", "\n  ", "- ", "thresholds", "{", "}", "s", "4", "critic", "levels", "off", "&a", "*a", "[", "]", "\"", "\t"])) {
        targets::config(&data);
    }

    #[test]
    fn descriptions(data in nearly(&["## Summary", "\n", "- [x] ", "- [ ] ", "No", "<!-- ", " -->", "```", "**Tests**", "> ", "| a | b |", "\r\n", "<details>", "n/a", "[x](", ")"])) {
        targets::critic(&data);
    }

    #[test]
    fn texts(data in nearly(&["a\n", "b\n", "\n", "    }\n", "\0", "c", "\r\n"])) {
        targets::lines(&data);
    }

    #[test]
    fn patches(data in nearly(&["commit 0123456789012345678901234567890123456789\n", "Author: a <b>\n", "Date:   1 +0000\n", "\n", "    text\n", "diff --git a/x b/x\n", "diff --cc x\n", "--- a/x\n", "+++ b/x\n", "@@ -1 +1 @@\n", "@@ -0,0 +1,2 @@\n+a\n+b\n", "@@@ -1 -1 +1,2 @@@\n", "+a\n", "+longer\n", "-a\n", "++a\n", "\\ No newline at end of file\n", "Binary files a/x and b/x differ\n", "rename to \"\\303\"\n"])) {
        targets::patches(&data);
    }

    #[test]
    fn payloads(data in nearly(&["{", "}", "\"pull_request\"", ":", ",", "\"number\"", "7", "null", "[", "]", "\"head\"", "\"sha\"", "\"0000000000000000000000000000000000000000\""])) {
        targets::payload(&data);
    }

    #[test]
    fn previews(data in nearly(&["{\"type\":\"pages-deploy\",", "\"pages_project\":\"app\",", "\"url\":\"", "https://", "http://", "127.0.0.1", "[::1]", "@", "a:b", "/", "\"}", "\n", "..", "?", "#", "\u{202e}", "{\"a\":1}"])) {
        targets::preview(&data);
    }

    #[test]
    fn refs(data in nearly(&["refs/heads/a", " ", "\n", "0000000000000000000000000000000000000000", "(delete)"])) {
        targets::pre_push(&data);
    }
}

proptest! {
    #[test]
    fn rule_files(data in nearly(&["[[rules]]\n", "id", "=", "'a'", "\n", "regex", "'''(?i)a{2,}'''", "[extend]\n", "useDefault = true", "[[rules.allowlists]]\n", "paths", "[", "]", "\"x\"", "secretGroup", "7", "# "])) {
        targets::rule_file(&data);
    }

    #[test]
    fn patterns(data in nearly(&["(", ")", "(?i)", "[", "]", "[^", "a", "\\w", "\\b", "{2,}", "{1001}", "*", "+?", "|", "^", "$", "\\z", "\\Q", "\\E", "(?P<n>", "\\pL", "."])) {
        targets::pattern(&data);
    }

    #[test]
    fn texts_to_scan(data in nearly(&["api_key = \"", "\"\n", "ghp_", "0123456789abcdefghijklmnopqrstuvwxyz", "Z3", "%41", "\\u0041", "U+0041 ", "gitleaks:allow", "-----BEGIN PRIVATE KEY-----\n", "aGVsbG8gd29ybGQgaGVsbG8=", "\n", "\u{212a}"])) {
        targets::scan(&data);
    }

    #[test]
    fn archives(data in nearly(&["PK\x03\x04", "PK\x01\x02", "PK\x05\x06", "\x1f", "BZh9", "7z", "ustar", "\0\0\0\0", "a.txt", "\x7f"])) {
        targets::archive(&data);
    }
}

/// A true report with something else in one place.
#[test]
fn reports() {
    let text = include_str!("snapshots/reports__blocked__json.snap");
    let document = text.splitn(3, "---\n").nth(2).expect("a snapshot has a head");
    targets::report(document.as_bytes());
    let mut runner = proptest::test_runner::TestRunner::default();
    let change = (0..document.len(), prop::collection::vec(any::<u8>(), 0..4));
    runner
        .run(&change, |(at, bytes)| {
            let mut data = document.as_bytes().to_vec();
            data.splice(at..(at + bytes.len()).min(document.len()), bytes);
            targets::report(&data);
            Ok(())
        })
        .unwrap();
}
