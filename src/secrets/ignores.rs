//! `.gitleaksignore`: findings that somebody looked at and accepted.
//!
//! One entry per line; `#` begins a comment line. Three forms:
//!
//! ```text
//! src/config.py:aws-access-token:12                          a rule at a line of a file, in the tree and in history
//! 0f3c…40 digits:src/config.py:aws-access-token:12           the same in one commit
//! sha256:9a1f…64 digits                                      this very secret, wherever it moves
//! ```
//!
//! The first two are gitleaks' own; it warns of the third and goes on. A content fingerprint is made by
//! [`ContentFingerprint`]. Entries that ignored nothing are told, so that a file does not fill with the forgotten.

use std::collections::HashMap;

use bstr::{BString, ByteSlice};

use super::leak::Leak;
use super::redact::ContentFingerprint;

/// Every entry of every ignore file in force.
#[derive(Clone, Debug, Default)]
pub struct Ignores {
    entries: Vec<Entry>,
    /// Where a fingerprint stands in `entries`; the first of its kind.
    positions: HashMap<BString, usize>,
    contents: HashMap<ContentFingerprint, usize>,
}

/// One line of an ignore file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The ignore file.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// As it is written, without the space around it. Not necessarily UTF-8.
    pub text: BString,
    /// Whether it ignored a leak.
    pub used: bool,
}

/// Why a line ignores nothing, or less than its writer thinks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}:{}: `{}` is {}", entry.file, entry.line, crate::text::visible(&entry.text.to_str_lossy()), oddity.words(before))]
pub struct Odd {
    /// The line.
    pub entry: Entry,
    /// What is odd about it.
    pub oddity: Oddity,
    /// Where the same entry stands already, as `file:line`.
    pub before: Option<String>,
}

/// What is odd about a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// It has none of the forms.
    NoFingerprint,
    /// The same stands before.
    Repeated,
}

impl Oddity {
    fn words(self, before: &Option<String>) -> String {
        match (self, before) {
            (Oddity::Repeated, Some(before)) => format!("ignored in {before} already"),
            (Oddity::Repeated, None) => "ignored already".into(),
            (Oddity::NoFingerprint, _) => "no fingerprint".into(),
        }
    }
}

impl Odd {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self.oddity {
            Oddity::NoFingerprint => {
                "write file:rule:line, commit:file:rule:line or sha256:… as a report shows it".into()
            }
            Oddity::Repeated => "remove the line".into(),
        })
    }
}

impl Ignores {
    /// Adds the lines of an ignore file; `file` is what messages call it. What is odd comes back and hinders nothing.
    pub fn add(&mut self, text: &[u8], file: &str) -> Vec<Odd> {
        let mut odd = Vec::new();
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let entry = Entry { file: file.into(), line: index + 1, text: line.into(), used: false };
            let mut tell = |oddity, before| odd.push(Odd { entry: entry.clone(), oddity, before });
            let position = self.entries.len();
            let before = match ContentFingerprint::parse(line) {
                Some(content) => *self.contents.entry(content).or_insert(position),
                None => {
                    let (normal, known_form) = normalized(line);
                    if !known_form {
                        tell(Oddity::NoFingerprint, None);
                    }
                    // A path may contain a colon: what has no known form is compared as it stands.
                    *self.positions.entry(normal).or_insert(position)
                }
            };
            match self.entries.get(before) {
                Some(first) => tell(Oddity::Repeated, Some(format!("{}:{}", first.file, first.line))),
                None => self.entries.push(entry),
            }
        }
        odd
    }

    /// Whether the leak is ignored. Remembers every entry that says so, for [`Ignores::unused`].
    pub fn covers(&mut self, leak: &Leak) -> bool {
        let place = place(leak);
        let in_commit = leak.commit_id().map(|commit| BString::from([commit.as_bytes(), b":", &place].concat()));
        let found = [
            self.positions.get(&place).copied(),
            in_commit.and_then(|place| self.positions.get(&place).copied()),
            // Hashing every secret is wasted where nobody ignores by content.
            (!self.contents.is_empty()).then(|| self.contents.get(&leak.content_fingerprint()).copied()).flatten(),
        ];
        for index in found.into_iter().flatten() {
            self.entries[index].used = true;
        }
        found.iter().any(Option::is_some)
    }

    /// Entries that ignored nothing so far. Worth telling only after everything was scanned.
    pub fn unused(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !entry.used)
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Leak {
    /// The commit's id, unless the leak stands in no commit.
    pub fn commit_id(&self) -> Option<&str> {
        self.commit.as_ref().map(|commit| commit.id.as_str()).filter(|id| !id.is_empty())
    }
}

/// `file:rule:line`.
fn place(leak: &Leak) -> BString {
    let line = leak.start_line.to_string();
    [leak.file.as_slice(), b":", leak.rule.as_bytes(), b":", line.as_bytes()].concat().into()
}

/// The entry with `/` in its path, and whether it has one of the two forms.
fn normalized(line: &[u8]) -> (BString, bool) {
    let parts: Vec<&[u8]> = line.split(|&byte| byte == b':').collect();
    let path = match parts.len() {
        3 => 0,
        4 => 1,
        _ => return (line.into(), false),
    };
    let mut normal = BString::default();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            normal.push(b':');
        }
        match index == path {
            true => normal.extend(part.iter().map(|&byte| if byte == b'\\' { b'/' } else { byte })),
            false => normal.extend_from_slice(part),
        }
    }
    (normal, true)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::fragment::CommitInfo;
    use super::*;

    fn leak(file: &str, line: usize, commit: Option<&str>) -> Leak {
        let commit = commit.map(|id| Arc::new(CommitInfo { id: id.into(), ..CommitInfo::default() }));
        Leak {
            file: file.into(),
            start_line: line,
            rule: "aws".into(),
            secret: "AKIA".into(),
            commit,
            ..Leak::default()
        }
    }

    fn ignores(text: &str) -> Ignores {
        let mut ignores = Ignores::default();
        assert_eq!(ignores.add(text.as_bytes(), ".gitleaksignore"), []);
        ignores
    }

    #[test]
    fn a_place_is_ignored_in_the_tree_and_in_history() {
        let mut ignores = ignores("\u{feff}# why\n\n  a\\b.txt:aws:3\r\n");
        assert!(ignores.covers(&leak("a/b.txt", 3, None)));
        assert!(ignores.covers(&leak("a/b.txt", 3, Some("c0ffee"))));
        assert!(ignores.covers(&leak("a/b.txt", 3, Some(""))), "staged changes have no id yet");
        assert!(!ignores.covers(&leak("a/b.txt", 4, None)));
    }

    #[test]
    fn a_place_in_a_commit_is_ignored_there_alone() {
        let mut ignores = ignores("c0ffee:a\\b.txt:aws:3");
        assert!(ignores.covers(&leak("a/b.txt", 3, Some("c0ffee"))));
        assert!(!ignores.covers(&leak("a/b.txt", 3, Some("decade"))));
        assert!(!ignores.covers(&leak("a/b.txt", 3, None)));
    }

    #[test]
    fn a_secret_is_ignored_wherever_it_moves_but_no_other_in_its_place() {
        let mut ignores = ignores(&ContentFingerprint::of("aws", b"AKIA").to_string());
        assert!(ignores.covers(&leak("a", 1, None)) && ignores.covers(&leak("z", 9, Some("c0ffee"))));
        assert!(!ignores.covers(&Leak { secret: "AKIB".into(), ..leak("a", 1, None) }));
        assert!(!ignores.covers(&Leak { rule: "other".into(), ..leak("a", 1, None) }));
    }

    #[test]
    fn lines_that_ignore_nothing_are_told() {
        let mut ignores = ignores("a:aws:1\nb:aws:2\n");
        ignores.covers(&leak("b", 2, None));
        assert_eq!(
            ignores.unused().map(|entry| (entry.line, entry.text.to_string())).collect::<Vec<_>>(),
            [(1, "a:aws:1".into())]
        );
        let odd = ignores.add(b"b:aws:2\njust words\nc:d:e:aws:1\n", "other");
        assert_eq!(
            odd.iter().map(Odd::to_string).collect::<Vec<_>>(),
            [
                "other:1: `b:aws:2` is ignored in .gitleaksignore:2 already",
                "other:2: `just words` is no fingerprint",
                "other:3: `c:d:e:aws:1` is no fingerprint",
            ]
        );
        assert!(ignores.covers(&leak("c:d:e", 1, None)), "a path may contain colons");
    }
}
