//! The lines between the hunks: commits, files, ranges. Git's documentation of them is gitformat-diff(5) and the
//! section "Pretty formats" of git-log(1).

use std::sync::Arc;

use bstr::{BString, ByteSlice};

use crate::secrets::{CommitInfo, Origin};

/// The id in `commit ID`, which begins a commit. Marks before it (`-`, `<`, `>`) and names behind it are possible.
pub(super) fn commit_id(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"commit ")?;
    let is_id = |word: &&[u8]| matches!(word.len(), 40 | 64) && word.iter().all(u8::is_ascii_hexdigit);
    rest.split(|&byte| byte == b' ').take(2).find(is_id)
}

/// What stands before a commit's first file.
pub(super) struct Preamble {
    id: String,
    author: BString,
    email: BString,
    seconds: i64,
    /// The message, its lines still indented.
    lines: Vec<BString>,
    bytes: usize,
    in_message: bool,
}

impl Preamble {
    pub(super) fn new(id: &[u8]) -> Preamble {
        Preamble {
            id: id.to_str_lossy().to_ascii_lowercase(),
            author: BString::default(),
            email: BString::default(),
            seconds: 0,
            lines: Vec::new(),
            bytes: 0,
            in_message: false,
        }
    }

    /// One more line; a message is kept up to `limit` bytes.
    pub(super) fn push(&mut self, line: &[u8], limit: usize) {
        if self.in_message {
            if self.bytes <= limit {
                self.bytes += line.len() + 1;
                self.lines.push(line.into());
            }
        } else if line.trim().is_empty() {
            self.in_message = true;
        } else if let Some(author) = line.strip_prefix(b"Author:") {
            (self.author, self.email) = identity(author);
        } else if let Some(date) = line.strip_prefix(b"Date:") {
            let seconds = date.trim().split(|&byte| byte == b' ').next();
            self.seconds = seconds.and_then(|word| word.to_str().ok()?.parse().ok()).unwrap_or(0);
        }
    }

    pub(super) fn commit(self, web: &str) -> CommitInfo {
        CommitInfo {
            message: message(&self.lines),
            id: self.id,
            author: self.author,
            email: self.email,
            date: utc(self.seconds),
            web: web.into(),
        }
    }
}

/// `2024-01-31T12:00:00Z`.
fn utc(seconds: i64) -> String {
    let time = chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Name and address of `Name <address>`.
fn identity(text: &[u8]) -> (BString, BString) {
    let Some(open) = text.find_byte(b'<') else { return Default::default() };
    let email = &text[open + 1..];
    let email = &email[..email.find_byte(b'>').unwrap_or(email.len())];
    (text[..open].trim().into(), email.trim().into())
}

/// A message as gitleaks reports it: its first paragraph on one line, an empty line, and the rest without the
/// indentation, empty lines at its ends, and more than one empty line in between.
fn message(lines: &[BString]) -> BString {
    let mut lines = lines.iter();
    let mut title = BString::default();
    let mut indent: &[u8] = b"";
    for (number, line) in lines.by_ref().enumerate() {
        let text = line.trim();
        if text.is_empty() {
            break;
        }
        if number == 0 {
            indent = &line[..line.len() - line.trim_start().len()];
        } else {
            title.push(b' ');
        }
        title.extend_from_slice(text);
    }
    if title.is_empty() {
        return title;
    }
    let mut body = BString::default();
    let mut empty = false;
    for line in lines {
        let line = line.trim_end();
        let line = line.strip_prefix(indent).unwrap_or(line);
        if line.is_empty() {
            empty = true;
            continue;
        }
        if !body.is_empty() {
            body.extend_from_slice(if empty { b"\n\n" } else { b"\n" });
        }
        empty = false;
        body.extend_from_slice(line);
    }
    if !body.is_empty() {
        title.extend_from_slice(b"\n\n");
        title.extend_from_slice(&body);
    }
    title
}

/// What is known of a file before its hunks.
#[derive(Default)]
pub(super) struct FileHeader {
    /// From the first line, where it can be told.
    named: Option<Vec<u8>>,
    /// From `+++`, `rename to` or `copy to`.
    new: Option<Vec<u8>>,
    pub(super) deleted: bool,
    pub(super) origin: Option<Arc<Origin>>,
}

impl FileHeader {
    /// `None`: `line` begins no file. `Some(None)`: it does, but its names are broken.
    pub(super) fn begin(line: &[u8]) -> Option<Option<FileHeader>> {
        let named = if let Some(names) = line.strip_prefix(b"diff --git ") {
            both_names(names)
        } else {
            let combined = line.strip_prefix(b"diff --cc ").or_else(|| line.strip_prefix(b"diff --combined "));
            whole_name(combined?).map(Some)
        };
        Some(named.map(|named| FileHeader { named, ..FileHeader::default() }))
    }

    /// One more line of the header. False when it holds a path that cannot be read.
    pub(super) fn push(&mut self, line: &[u8]) -> bool {
        if line.starts_with(b"deleted file mode ") {
            self.deleted = true;
            return true;
        }
        let path = if let Some(name) = line.strip_prefix(b"+++ ") {
            // git ends a name that holds spaces with a tab.
            let name = name.strip_suffix(b"\t").unwrap_or(name);
            if name == b"/dev/null" {
                self.deleted = true;
                return true;
            }
            whole_name(name).map(|name| without_prefix(&name).to_vec())
        } else if let Some(name) = line.strip_prefix(b"rename to ").or_else(|| line.strip_prefix(b"copy to ")) {
            whole_name(name)
        } else {
            return true;
        };
        self.new = path;
        self.new.is_some()
    }

    /// The path after the change.
    pub(super) fn path(&self) -> Option<&[u8]> {
        self.new.as_deref().or(self.named.as_deref())
    }
}

/// The name in `a/NAME b/NAME`; `None` inside when the two differ, as for a rename, whose names come in later lines.
fn both_names(names: &[u8]) -> Option<Option<Vec<u8>>> {
    if names.contains(&b'"') {
        // At least one is quoted; the old one alone is when only its own characters ask for it.
        let (old, rest) = match names.first() {
            Some(b'"') => unquote(names)?,
            _ => {
                let space = names.find(b" \"")?;
                (names[..space].to_vec(), &names[space..])
            }
        };
        let rest = rest.strip_prefix(b" ")?;
        let new = whole_name(rest)?;
        let (old, new) = (without_prefix(&old), without_prefix(&new));
        return Some((old == new).then(|| new.to_vec()));
    }
    // Names may hold spaces, even ` b/`; equal ones are equally long.
    let middle = names.len() / 2;
    let (old, new) = names.split_at(middle);
    let new = new.strip_prefix(b" ").map(without_prefix);
    let old = without_prefix(old);
    Some(new.filter(|new| *new == old && !new.is_empty()).map(<[u8]>::to_vec))
}

/// Without `a/` or `b/`.
fn without_prefix(name: &[u8]) -> &[u8] {
    name.find_byte(b'/').map_or(name, |slash| &name[slash + 1..])
}

/// A name that fills the rest of a line, quoted or not.
fn whole_name(text: &[u8]) -> Option<Vec<u8>> {
    match text.first()? {
        b'"' => unquote(text).filter(|(_, rest)| rest.is_empty()).map(|(name, _)| name),
        _ => Some(text.to_vec()),
    }
}

/// A name in git's quotes, which are C's, and what follows it.
fn unquote(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = text.strip_prefix(b"\"")?;
    let mut name = Vec::new();
    loop {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        match byte {
            b'"' => return Some((name, rest)),
            b'\\' => {
                let (&escape, after) = rest.split_first()?;
                rest = after;
                name.push(match escape {
                    b'a' => 7,
                    b'b' => 8,
                    b't' => b'\t',
                    b'n' => b'\n',
                    b'v' => 11,
                    b'f' => 12,
                    b'r' => b'\r',
                    b'"' | b'\\' => escape,
                    b'0'..=b'3' => {
                        let (digits, after) = rest.split_at_checked(2)?;
                        rest = after;
                        let digit = |byte: u8| matches!(byte, b'0'..=b'7').then_some(byte - b'0');
                        (escape - b'0') << 6 | digit(digits[0])? << 3 | digit(digits[1])?
                    }
                    _ => return None,
                });
            }
            byte => name.push(byte),
        }
    }
}

/// The numbers in `@@ -1,2 +3,4 @@`, and in `@@@ -1,2 -1,2 +3,4 @@@` of a merge.
pub(super) struct Range {
    pub(super) old_counts: Vec<u64>,
    pub(super) new_start: u64,
    pub(super) new_count: u64,
}

impl Range {
    pub(super) fn parse(line: &[u8]) -> Option<Range> {
        let marks = line.iter().take_while(|&&byte| byte == b'@').count();
        let sides = marks.checked_sub(1).filter(|&sides| sides > 0)?;
        let mut words = line[marks..].strip_prefix(b" ")?.split(|&byte| byte == b' ');
        let old_counts = (0..sides).map(|_| pair(words.next()?.strip_prefix(b"-")?).map(|(_, count)| count));
        let old_counts = old_counts.collect::<Option<Vec<u64>>>()?;
        let (new_start, new_count) = pair(words.next()?.strip_prefix(b"+")?)?;
        let close = words.next()?;
        (close.len() == marks && close.iter().all(|&byte| byte == b'@')).then_some(())?;
        Some(Range { old_counts, new_start, new_count })
    }
}

/// `start,count`; a count of one is left out.
fn pair(text: &[u8]) -> Option<(u64, u64)> {
    /// More lines than any file has; keeps the sums below out of trouble.
    const MOST: u64 = 1 << 48;
    let number = |digits: &[u8]| digits.to_str().ok()?.parse::<u64>().ok().filter(|&number| number < MOST);
    match text.find_byte(b',') {
        Some(comma) => Some((number(&text[..comma])?, number(&text[comma + 1..])?)),
        None => Some((number(text)?, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_the_first_line() {
        let check = |line: &str, expect: Option<Option<&str>>| {
            let found = both_names(line.as_bytes());
            assert_eq!(found, expect.map(|name| name.map(|name| name.as_bytes().to_vec())), "{line}");
        };
        check("a/x b/x", Some(Some("x")));
        check("a/x b/x b/x b/x", Some(Some("x b/x")));
        check("a/old b/new", Some(None));
        check("\"a/\\303\\251\" \"b/\\303\\251\"", Some(Some("é")));
        check("\"a/\\t\" b/x", Some(None));
        check("a/x \"b/\\t\"", Some(None));
        check("\"a/x", None);
        check("\"a/\\9\" b/x", None);
    }

    #[test]
    fn numbers_of_a_hunk() {
        let numbers = |line: &str| {
            Range::parse(line.as_bytes()).map(|range| (range.old_counts, range.new_start, range.new_count))
        };
        assert_eq!(numbers("@@ -1,2 +3,4 @@ fn a() {"), Some((vec![2], 3, 4)));
        assert_eq!(numbers("@@ -0,0 +1 @@"), Some((vec![0], 1, 1)));
        assert_eq!(numbers("@@@ -1 -2,0 +3 @@@"), Some((vec![1, 0], 3, 1)));
        for broken in ["@@", "@ -1 +1 @", "@@ -1 +1", "@@ -1 +99999999999999999999 @@", "@@ 1 +1 @@", "@@@ -1 +1 @@@"] {
            assert_eq!(numbers(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_message_is_told_as_gitleaks_does() {
        let check = |text: &str, expect: &str| {
            let lines: Vec<BString> = text.lines().map(BString::from).collect();
            assert_eq!(message(&lines), expect);
        };
        check("    one\n    two\n    \n      three\n\n\n    four\n\n", "one two\n\n  three\n\nfour");
        check("", "");
        check("    one\n", "one");
    }

    #[test]
    fn who_wrote_it() {
        let check =
            |text: &str, name: &str, email: &str| assert_eq!(identity(text.as_bytes()), (name.into(), email.into()));
        check(" Ada <ada@example.org>", "Ada", "ada@example.org");
        check(" <>", "", "");
        check(" Ada <broken", "Ada", "broken");
        check(" nobody", "", "");
    }
}
