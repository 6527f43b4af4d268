//! Patterns on logical lines, for languages in which a line is the unit: Dockerfiles, shell, SQL.
//!
//! A text is made plain before it is matched, byte for byte so that places stay: a line that is continued becomes one,
//! comments become blanks, and so does what a shell script only prints.

use std::collections::HashSet;
use std::ops::Range;

use globset::GlobSet;

use super::pack::paths;
use super::pattern::Pattern;
use super::rule::{LineKind, MatcherFile, Rule, Severity};

/// Lines of one file that are looked at.
const MOST_LINES: usize = 100_000;

/// A pattern on lines, ready to match.
pub(super) struct LineMatcher {
    pub(super) rule: usize,
    pub(super) severity: Severity,
    pub(super) message: Option<String>,
    pub(super) kinds: Vec<LineKind>,
    pub(super) paths: Option<GlobSet>,
    patterns: Vec<Pattern>,
    unless: Option<Pattern>,
    unless_file: Option<Pattern>,
    last: bool,
}

impl LineMatcher {
    pub(super) fn compile(index: usize, file: &MatcherFile, rule: &Rule) -> Result<Option<LineMatcher>, String> {
        let Some(lines) = &file.lines else { return Ok(None) };
        if lines.pattern.0.is_empty() || lines.kinds.is_empty() {
            return Err("`lines` needs `in` and `pattern`".into());
        }
        Ok(Some(LineMatcher {
            rule: index,
            severity: file.severity.unwrap_or(rule.severity),
            message: file.message.clone(),
            kinds: lines.kinds.clone(),
            paths: paths(&file.paths)?,
            patterns: lines.pattern.0.iter().map(|text| Pattern::new(text)).collect(),
            unless: lines.unless.as_deref().map(Pattern::new),
            unless_file: file.unless_file.as_deref().map(Pattern::new),
            last: lines.last,
        }))
    }

    /// The expressions of it.
    pub(super) fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.patterns.iter().chain(&self.unless).chain(&self.unless_file)
    }

    /// The places in a text made plain. Where only the last line counts, only the last stage of a Dockerfile does.
    pub(super) fn find(&self, plain: &Plain) -> Vec<Range<usize>> {
        let text = plain.text.as_str();
        let lines = if self.last { last_stage(plain) } else { plain.lines.as_slice() };
        if self.unless_file.as_ref().is_some_and(|unless| unless.is_match(text)) {
            return Vec::new();
        }
        let mut found: Vec<Range<usize>> = Vec::new();
        for line in lines {
            let Some(logical) = text.get(line.clone()) else { continue };
            let hit = self.patterns.iter().find_map(|pattern| pattern.find(logical));
            let unless = self.unless.as_ref().is_some_and(|unless| unless.is_match(logical));
            match hit {
                Some(hit) if self.last || !unless => {
                    if self.last {
                        found.clear();
                    }
                    found.push(line.start + hit.start..line.start + hit.end);
                }
                _ if self.last && unless => found.clear(),
                _ => {}
            }
        }
        found
    }
}

/// A text without what does not count, and its logical lines.
pub(super) struct Plain {
    pub(super) text: String,
    pub(super) lines: Vec<Range<usize>>,
}

/// A shell script, or what a workflow runs.
pub(super) fn shell(text: &str) -> Plain {
    let mut bytes = text.as_bytes().to_vec();
    join_continued(&mut bytes, b'\\');
    let mut until: Option<(String, bool)> = None;
    let mut at = 0;
    while at < bytes.len() {
        let end = bytes[at..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |length| at + length);
        if let Some((word, keep)) = &until {
            let line = String::from_utf8_lossy(&bytes[at..end]).trim().to_string();
            let ends = line == *word;
            if ends || !keep {
                blank(&mut bytes[at..end]);
            }
            if ends {
                until = None;
            }
        } else {
            comment(&mut bytes[at..end]);
            let line = String::from_utf8_lossy(&bytes[at..end]).into_owned();
            until = here_document(&line);
            printed(&mut bytes[at..end]);
        }
        at = end + 1;
    }
    plain(bytes)
}

/// A Dockerfile. A stage that is built on an earlier one names no image.
pub(super) fn dockerfile(text: &str) -> Plain {
    let mut bytes = text.as_bytes().to_vec();
    // A comment line inside a continued instruction is dropped before the instruction is read.
    for line in lines_of(&bytes) {
        let first = bytes[line.clone()].iter().position(|byte| !byte.is_ascii_whitespace());
        if first.is_some_and(|first| bytes[line.start + first] == b'#') {
            let continued = line.start > 1 && is_continued(&bytes[..line.start - 1], b'\\');
            blank(&mut bytes[line.clone()]);
            if continued && !line.is_empty() {
                bytes[line.end - 1] = b'\\';
            }
        }
    }
    join_continued(&mut bytes, b'\\');
    let mut stages: HashSet<String> = HashSet::new();
    for line in lines_of(&bytes) {
        let logical = String::from_utf8_lossy(&bytes[line.clone()]).to_lowercase();
        let mut words = logical.split_whitespace();
        if words.next() != Some("from") {
            continue;
        }
        let mut words = words.skip_while(|word| word.starts_with("--"));
        let image = words.next().unwrap_or_default().to_string();
        if stages.contains(&image) {
            // Its `FROM` stays visible: a stage begins here.
            let start = line.start + logical.find(&image).unwrap_or(0).min(line.len());
            blank(&mut bytes[start..line.end]);
        }
        if words.next() == Some("as") {
            stages.extend(words.next().map(str::to_string));
        }
    }
    plain(bytes)
}

/// What a Dockerfile runs in a shell: the same text with everything else blank.
pub(super) fn dockerfile_shell(plain_dockerfile: &Plain) -> Plain {
    let mut bytes = plain_dockerfile.text.as_bytes().to_vec();
    for line in lines_of(&bytes) {
        let logical = &bytes[line.clone()];
        let start = logical.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(0);
        let word: Vec<u8> =
            logical[start..].iter().take_while(|byte| byte.is_ascii_alphabetic()).map(u8::to_ascii_uppercase).collect();
        let length = word.len();
        let runs = matches!(word.as_slice(), b"RUN" | b"CMD" | b"ENTRYPOINT" | b"HEALTHCHECK" | b"ONBUILD");
        let end = if runs { line.start + start + length } else { line.end };
        blank(&mut bytes[line.start..end]);
    }
    for line in lines_of(&bytes) {
        comment(&mut bytes[line.clone()]);
        printed(&mut bytes[line]);
    }
    plain(bytes)
}

/// The part of a Dockerfile behind its last `FROM`, which is what runs.
pub(super) fn last_stage(plain: &Plain) -> &[Range<usize>] {
    let begins = plain.lines.iter().rposition(|line| {
        let text = plain.text.get(line.clone()).unwrap_or_default().trim_start();
        text.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("from ") || word.eq_ignore_ascii_case("from\t"))
    });
    &plain.lines[begins.unwrap_or(0)..]
}

/// SQL: a statement is a line; comments are blank.
pub(super) fn sql(text: &str) -> Plain {
    let mut bytes = text.as_bytes().to_vec();
    let mut lines = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'-' if bytes.get(at + 1) == Some(&b'-') => {
                let end = end_of(&bytes, at, b"\n");
                blank(&mut bytes[at..end]);
                at = end;
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                let end = end_of(&bytes, at + 2, b"*/");
                blank(&mut bytes[at..end]);
                at = end;
            }
            quote @ (b'\'' | b'"') => at = end_of(&bytes, at + 1, &[quote]) + 1,
            b';' => {
                lines.push(start..at);
                start = at + 1;
                at += 1;
            }
            _ => at += 1,
        }
    }
    lines.push(start.min(bytes.len())..bytes.len());
    lines.truncate(MOST_LINES);
    Plain { text: String::from_utf8_lossy(&bytes).into_owned(), lines }
}

fn end_of(bytes: &[u8], from: usize, end: &[u8]) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.windows(end.len()).position(|window| window == end).map_or(bytes.len(), |at| from + at)
}

fn plain(bytes: Vec<u8>) -> Plain {
    let lines = lines_of(&bytes).into_iter().take(MOST_LINES).collect();
    // Only whole ASCII characters were replaced, or whole texts: this cannot be lossy.
    Plain { text: String::from_utf8_lossy(&bytes).into_owned(), lines }
}

fn lines_of(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', bytes).chain(std::iter::once(bytes.len())) {
        lines.push(start..end);
        start = end + 1;
    }
    lines
}

fn blank(bytes: &mut [u8]) {
    bytes.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
}

fn is_continued(before: &[u8], escape: u8) -> bool {
    let line = before.strip_suffix(b"\r").unwrap_or(before);
    line.iter().rev().take_while(|byte| **byte == escape).count() % 2 == 1
}

/// `\` and a line end become two blanks.
fn join_continued(bytes: &mut [u8], escape: u8) {
    let ends: Vec<usize> = memchr::memchr_iter(b'\n', bytes).collect();
    for end in ends {
        if is_continued(&bytes[..end], escape) {
            let from = if bytes[end - 1] == b'\r' { end - 2 } else { end - 1 };
            bytes[from..=end].fill(b' ');
        }
    }
}

/// `# …` becomes blank, unless it stands in quotes or in a word.
fn comment(line: &mut [u8]) {
    let mut quote = None;
    for at in 0..line.len() {
        let byte = line[at];
        match (quote, byte) {
            (None, b'\'' | b'"') => quote = Some(byte),
            (Some(open), _) if byte == open => quote = None,
            (None, b'#') if at == 0 || line[at - 1].is_ascii_whitespace() || line[at - 1] == b';' => {
                blank(&mut line[at..]);
                return;
            }
            _ => {}
        }
    }
}

/// What `echo` prints is no command. A command substitution inside stays, and so does what is handed to a shell.
fn printed(line: &mut [u8]) {
    let text = String::from_utf8_lossy(line).into_owned();
    let first = text.split_whitespace().next().unwrap_or_default();
    let goes_on = text.contains("$(") || text.contains('`');
    if !matches!(first, "echo" | "printf" | "log" | "info" | "warn" | "error" | "die" | "fail" | "usage") || goes_on {
        return;
    }
    let mut quote = None;
    for byte in line.iter_mut() {
        match quote {
            None if matches!(*byte, b'\'' | b'"') => quote = Some(*byte),
            Some(open) if *byte == open => quote = None,
            Some(_) => *byte = b' ',
            None => {}
        }
    }
}

/// The word that ends the here-document that begins on this line, and whether a shell reads it.
fn here_document(line: &str) -> Option<(String, bool)> {
    let at = line.find("<<")?;
    let rest = line[at + 2..].trim_start_matches('-').trim_start();
    if rest.starts_with('<') {
        return None;
    }
    let word: String = rest
        .trim_start_matches(['\'', '"', '\\'])
        .chars()
        .take_while(|character| character.is_alphanumeric() || *character == '_')
        .collect();
    let is_shell =
        |word: &str| matches!(word.rsplit('/').next().unwrap_or(word), "sh" | "bash" | "zsh" | "dash" | "ssh" | "eval");
    let keep = line.split(|character: char| character.is_whitespace() || character == '|').any(is_shell);
    (!word.is_empty() && !word.starts_with(|first: char| first.is_ascii_digit())).then_some((word, keep))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_run_is_blank_and_places_stay() {
        let text = "# curl x | sh\necho \"curl x | sh\"\ncat <<EOF\ncurl x | sh\nEOF\ncurl x \\\n  | sh # go\n";
        let plain = shell(text);
        assert_eq!(plain.text.len(), text.len());
        assert_eq!(plain.text.matches("curl").count(), 1);
        let line = plain.lines.iter().find(|line| plain.text[(*line).clone()].contains("curl")).unwrap();
        assert!(plain.text[line.clone()].contains("| sh"));
        assert!(!plain.text.contains("go"));
    }

    #[test]
    fn a_stage_is_no_image() {
        let plain = dockerfile("FROM a:1 AS build\nFROM build\nUSER x\n");
        assert!(!plain.text[plain.lines[1].clone()].contains("build"));
        assert_eq!(last_stage(&plain).len(), 3);
    }

    #[test]
    fn a_statement_of_sql_is_a_line() {
        let plain = sql("SELECT ';' -- ; no\n; GRANT x;\n");
        assert_eq!(plain.lines.len(), 3);
        assert!(plain.text[plain.lines[1].clone()].contains("GRANT"));
    }
}
