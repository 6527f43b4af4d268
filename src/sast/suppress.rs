//! Comments that let a finding off: `nosemgrep`, `nosemgrep: id`, and our own, which wants a reason:
//! `mainguard-ignore: id -- reason`. One stands on the line of the finding, or alone on the line above it.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::scan::Hit;

/// Comments of one file that are looked at.
const MOST: usize = 1_000;

/// A comment that lets something off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// Its line, from 1.
    pub line: u32,
    /// The rules it names; all when empty.
    pub rules: Vec<String>,
    /// The reason it gives.
    pub reason: Option<String>,
    /// Which comment it is.
    pub form: Form,
    /// Whether it stands alone on its line, and so holds for the next.
    pub alone: bool,
    /// How many findings it let off.
    pub used: usize,
}

/// Whose comment it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Semgrep's `nosemgrep`.
    Semgrep,
    /// Our own `mainguard-ignore`.
    Mainguard,
}

impl Suppression {
    /// Whether it counts: ours needs rules and a reason.
    pub fn holds(&self) -> bool {
        self.form == Form::Semgrep || !self.rules.is_empty() && self.reason.is_some()
    }

    /// Why a finding is let off, in words.
    pub fn words(&self) -> String {
        match (&self.reason, self.form) {
            (Some(reason), _) => reason.clone(),
            (None, Form::Semgrep) => "a comment says `nosemgrep`".into(),
            (None, Form::Mainguard) => "a comment says `mainguard-ignore`".into(),
        }
    }

    fn names(&self, hit: &Hit) -> bool {
        self.rules.is_empty() && self.form == Form::Semgrep
            || self.rules.iter().any(|id| {
                let id = id.strip_prefix("sast/").unwrap_or(id);
                id == hit.rule || id == hit.class || id == "*"
            })
    }
}

/// Whether a text may hold such a comment.
pub(super) fn may_hold(text: &str) -> bool {
    text.contains("nosem") || text.contains("mainguard-ignore")
}

/// Every such comment of a text whose comments are known by their ranges, in order. Documentation that speaks of
/// suppressions, and strings that hold one, are none.
pub(super) fn in_comments(text: &str, comments: &[Range<usize>]) -> Vec<Suppression> {
    find(text, |_, start, at| {
        let at = start + at;
        let before = comments.partition_point(|comment| comment.start <= at);
        before > 0 && at < comments[before - 1].end
    })
}

/// Every such comment of a text in which `#` begins a comment, or `--` in SQL, unless it stands in quotes.
pub(super) fn in_lines(text: &str, is_sql: bool) -> Vec<Suppression> {
    find(text, |line, _, at| {
        let mut quote = None;
        let mut before = None;
        for (index, character) in line.char_indices().take_while(|(index, _)| *index < at) {
            let rest = &line[index..];
            match quote {
                None if is_sql && (rest.starts_with("--") || rest.starts_with("/*")) => return true,
                None if !is_sql && character == '#' && before.is_none_or(char::is_whitespace) => return true,
                None if matches!(character, '\'' | '"')
                    && before.is_none_or(|before| !before.is_alphanumeric() && before != '\\') =>
                {
                    quote = Some(character);
                }
                Some(open) if character == open => quote = None,
                _ => {}
            }
            before = Some(character);
        }
        false
    })
}

/// `in_comment` is asked with the line, where it begins in the text, and where in the line the word stands.
fn find(text: &str, in_comment: impl Fn(&str, usize, usize) -> bool) -> Vec<Suppression> {
    static WORD: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?:^|[\s#/*;!-])(nosemgrep|nosem|mainguard-ignore)\b(?::[ \t]*([A-Za-z0-9_./*-]+(?:[ \t]*,[ \t]*[A-Za-z0-9_./*-]+)*))?(?:[ \t]+(?:--|\u{2014}|:)[ \t]*([^\n]*))?").ok()
    });
    if !may_hold(text) {
        return Vec::new();
    }
    let Some(word) = WORD.as_ref() else { return Vec::new() };
    let mut found = Vec::new();
    let mut next = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let start = next;
        next += line.len();
        if !may_hold(line) {
            continue;
        }
        let line = line.trim_end_matches(['\n', '\r']);
        let mut all = word.captures_iter(line).filter_map(|captures| Some((captures.get(1)?, captures)));
        let held = |at: usize, form: Form| {
            // In prose that only mentions ours, something else stands between it and the sign of the comment.
            let opens = line[..at].trim_end().ends_with(['#', '/', '*', '-', ';', '!']);
            (opens || form == Form::Semgrep) && in_comment(line, start, at)
        };
        let form = |word: &str| if word == "mainguard-ignore" { Form::Mainguard } else { Form::Semgrep };
        let Some((word, comment)) = all.find(|(word, _)| held(word.start(), form(word.as_str()))) else { continue };
        let rules = comment.get(2).map(|ids| ids.as_str()).unwrap_or_default();
        let rules = rules.split(',').map(|id| id.trim().trim_end_matches("-->").trim_end_matches("*/").to_string());
        let reason = comment.get(3).map(|reason| {
            let reason = reason.as_str().trim();
            reason.trim_end_matches("-->").trim_end_matches("*/").trim_end_matches("*/}").trim().to_string()
        });
        let before = line[..word.start()].trim_start();
        found.push(Suppression {
            line: index as u32 + 1,
            rules: rules.filter(|id| !id.is_empty()).collect(),
            reason: reason.filter(|reason| !reason.is_empty()),
            form: form(word.as_str()),
            alone: ["#", "//", "/*", "*", "--", "<!--", ";", "{/*"].iter().any(|sign| before.starts_with(sign)),
            used: 0,
        });
        if found.len() == MOST {
            break;
        }
    }
    found
}

/// Marks every hit that is let off, and every comment that let one off.
pub(super) fn apply(hits: &mut [Hit], suppressions: &mut [Suppression]) {
    for hit in hits {
        let covers = |suppression: &Suppression| {
            let here = suppression.line >= hit.line && suppression.line <= hit.end_line;
            let above = suppression.alone && suppression.line + 1 == hit.line;
            (here || above) && suppression.holds() && suppression.names(hit)
        };
        if let Some(index) = suppressions.iter().position(covers) {
            hit.suppressed = Some(index);
            suppressions[index].used += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_wants_a_rule_and_a_reason() {
        let text =
            "a # nosemgrep\nb # mainguard-ignore: weak-hash -- an ETag\n# mainguard-ignore: weak-hash\nnosemgrep\n";
        let found = in_lines(text, false);
        assert_eq!(found.len(), 3);
        assert!(found[0].holds() && found[0].rules.is_empty() && !found[0].alone);
        assert_eq!(found[1].rules, ["weak-hash"]);
        assert_eq!(found[1].reason.as_deref(), Some("an ETag"));
        assert!(found[2].alone && !found[2].holds());
    }

    #[test]
    fn ids_of_semgrep_are_kept_apart() {
        let found = in_lines("x() # nosemgrep: shell.lang.eval, weak-hash\n", false);
        assert_eq!(found[0].rules, ["shell.lang.eval", "weak-hash"]);
    }

    #[test]
    fn only_a_comment_lets_off() {
        let lines = |text: &str| in_lines(text, false).len();
        assert_eq!(lines("echo '# mainguard-ignore: x -- y'\n"), 0);
        assert_eq!(lines("echo it\\'s # mainguard-ignore: x -- y\n"), 1);
        assert_eq!(lines("# `mainguard-ignore: x -- y` lets x off, and so does `nosemgrep`\n"), 0);
        assert_eq!(lines("# say mainguard-ignore: x -- y\n"), 0);
        assert_eq!(lines("x # noqa # mainguard-ignore: x -- y\n"), 1);
        assert_eq!(in_lines("SELECT 1; -- mainguard-ignore: x -- y\n", true)[0].reason.as_deref(), Some("y"));

        let text = "a(\"// nosemgrep\"); // nosemgrep\n";
        let comment = text.rfind("//").unwrap_or_default()..text.len() - 1;
        assert_eq!(in_comments(text, std::slice::from_ref(&comment)).len(), 1);
        assert_eq!(in_comments(text, &[]), []);
    }
}
