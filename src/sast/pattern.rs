//! Regular expressions of rules, compiled when a text first needs it: most files of a change need few of them.
//!
//! What a match must hold is read off the expression itself ([`Needs`]): a text without it is turned away before
//! anything is compiled, and a file without it before anything is parsed. That is a necessary condition, never a
//! sufficient one, so it changes what is looked at and not what is found.

use std::ops::Range;
use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// A pattern that compiles to more is refused: rules may come from strangers.
const PATTERN_BYTES: usize = 4 << 20;
/// Longer texts are matched at once: looking for the needs in them costs as much.
const SHORT: usize = 4_096;
/// Texts of one group: with more of them, some file holds one anyhow.
const MOST_TEXTS: usize = 48;
/// Ways in which one run of characters may be spelled.
const MOST_SPELLINGS: usize = 16;
/// Groups of one expression.
const MOST_GROUPS: usize = 16;
/// Expressions in expressions; deeper ones need nothing.
const DEEPEST: usize = 64;

/// Texts in small letters. Whatever matches holds one of each group, without regard to ASCII case.
pub(super) type Needs = Vec<Vec<String>>;

/// A regular expression that is compiled when it is first asked.
#[derive(Debug)]
pub(super) struct Pattern {
    source: Box<str>,
    needs: OnceLock<Needs>,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// Reads nothing yet: see [`Pattern::check`].
    pub(super) fn new(source: &str) -> Pattern {
        Pattern { source: source.into(), needs: OnceLock::new(), compiled: OnceLock::new() }
    }

    /// Compiles it; an error says what is wrong with it.
    pub(super) fn check(&self) -> Result<(), String> {
        let compiled = compile(&self.source)?;
        self.compiled.get_or_init(|| Some(compiled));
        Ok(())
    }

    /// Whether it matches somewhere in the text. What cannot be compiled matches nothing; that was said by `check`.
    pub(super) fn is_match(&self, text: &str) -> bool {
        !self.turns_away(text) && self.regex().is_some_and(|regex| regex.is_match(text))
    }

    /// The first match.
    pub(super) fn find(&self, text: &str) -> Option<Range<usize>> {
        self.find_all(text).next()
    }

    /// Every match.
    pub(super) fn find_all(&self, text: &str) -> impl Iterator<Item = Range<usize>> {
        let asked = !self.turns_away(text);
        let regex = asked.then(|| self.regex()).flatten();
        regex.into_iter().flat_map(move |regex| regex.find_iter(text)).map(|found| found.range())
    }

    fn turns_away(&self, text: &str) -> bool {
        self.compiled.get().is_none() && text.len() <= SHORT && !self.may_match(text)
    }

    fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| compile(&self.source).ok()).as_ref()
    }

    /// What a text must hold to match.
    pub(super) fn needs(&self) -> &Needs {
        self.needs.get_or_init(|| needs_of(&self.source))
    }

    fn may_match(&self, text: &str) -> bool {
        !text.is_ascii() || self.needs().iter().all(|group| group.iter().any(|one| holds(text, one)))
    }
}

fn compile(source: &str) -> Result<Regex, String> {
    RegexBuilder::new(source).size_limit(PATTERN_BYTES).build().map_err(|error| {
        format!("the pattern `{source}` cannot be used: {}", error.to_string().lines().last().unwrap_or_default())
    })
}

/// Whether a text holds another, which is in small letters.
fn holds(text: &str, small: &str) -> bool {
    let (text, small) = (text.as_bytes(), small.as_bytes());
    let Some((first, rest)) = small.split_first() else { return true };
    let Some(last) = text.len().checked_sub(small.len()) else { return false };
    memchr::memchr2_iter(*first, first.to_ascii_uppercase(), &text[..=last])
        .any(|at| text[at + 1..at + small.len()].eq_ignore_ascii_case(rest))
}

/// What an expression needs. Beyond ASCII, letters have more cases than two: who asks must let such texts through.
fn needs_of(source: &str) -> Needs {
    // Without Unicode, classes are small and the tree is made in microseconds. What cannot be read so needs nothing.
    let parsed = ParserBuilder::new().unicode(false).utf8(false).build().parse(source);
    let mut needs = parsed.map(|tree| groups(&tree, 0)).unwrap_or_default();
    needs.truncate(MOST_GROUPS);
    needs
}

fn groups(tree: &Hir, depth: usize) -> Needs {
    if depth > DEEPEST {
        return Needs::new();
    }
    match tree.kind() {
        HirKind::Literal(_) | HirKind::Class(_) => spellings(tree).map(|group| vec![group]).unwrap_or_default(),
        HirKind::Capture(capture) => groups(&capture.sub, depth + 1),
        HirKind::Repetition(repetition) if repetition.min > 0 => groups(&repetition.sub, depth + 1),
        HirKind::Alternation(branches) => {
            let mut all = Vec::new();
            for branch in branches {
                // Where one branch needs nothing, the whole needs nothing.
                let Some(best) = best(groups(branch, depth + 1)) else { return Needs::new() };
                all.extend(best);
            }
            if all.len() > MOST_TEXTS { Needs::new() } else { vec![all] }
        }
        HirKind::Concat(parts) => {
            let mut found = Needs::new();
            let mut run = vec![String::new()];
            let close = |run: &mut Vec<String>, found: &mut Needs| {
                let done = std::mem::replace(run, vec![String::new()]);
                if !done.iter().any(String::is_empty) {
                    found.push(done);
                }
            };
            for part in parts {
                match spellings(part) {
                    Some(next) if next.len() * run.len() <= MOST_SPELLINGS => {
                        run = run.iter().flat_map(|one| next.iter().map(move |next| format!("{one}{next}"))).collect();
                    }
                    Some(next) => {
                        close(&mut run, &mut found);
                        run = next;
                    }
                    // An assertion takes no characters: what stands around it stands side by side.
                    None if matches!(part.kind(), HirKind::Look(_)) => {}
                    None => {
                        close(&mut run, &mut found);
                        found.extend(groups(part, depth + 1));
                    }
                }
            }
            close(&mut run, &mut found);
            found
        }
        _ => Needs::new(),
    }
}

/// The group that the fewest texts hold: the one whose shortest text is longest.
pub(super) fn best(needs: Needs) -> Option<Vec<String>> {
    needs.into_iter().max_by_key(|group| (group.iter().map(String::len).min(), std::cmp::Reverse(group.len())))
}

/// All that a literal, a small class or an alternation of literals matches, in small letters.
fn spellings(tree: &Hir) -> Option<Vec<String>> {
    let small = |bytes: &[u8]| Some(std::str::from_utf8(bytes).ok()?.to_ascii_lowercase());
    match tree.kind() {
        HirKind::Literal(literal) => Some(vec![small(&literal.0)?]),
        HirKind::Class(class) => {
            let mut all = Vec::new();
            let ranges: Vec<(u32, u32)> = match class {
                Class::Unicode(class) => {
                    class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect()
                }
                Class::Bytes(class) => {
                    class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect()
                }
            };
            for (first, last) in ranges {
                if last >= 0x80 || last - first > 4 {
                    return None;
                }
                let letters = (first..=last).filter_map(char::from_u32);
                all.extend(letters.map(|letter| letter.to_ascii_lowercase().to_string()));
            }
            all.sort();
            all.dedup();
            (!all.is_empty() && all.len() <= 4).then_some(all)
        }
        HirKind::Capture(capture) => spellings(&capture.sub),
        HirKind::Alternation(branches) => {
            let mut all = Vec::new();
            for branch in branches {
                all.extend(spellings(branch)?);
            }
            all.sort();
            all.dedup();
            (all.len() <= MOST_SPELLINGS && !all.iter().any(String::is_empty)).then_some(all)
        }
        HirKind::Concat(parts) => {
            let mut all = vec![String::new()];
            for part in parts {
                let next = spellings(part)?;
                if next.len() * all.len() > MOST_SPELLINGS {
                    return None;
                }
                all = all.iter().flat_map(|one| next.iter().map(move |next| format!("{one}{next}"))).collect();
            }
            Some(all)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(source: &str) -> String {
        needs_of(source).iter().map(|group| group.join("|")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_a_match_must_hold_is_read_off_the_pattern() {
        assert_eq!(shown(r"^(?:True|1)$"), "1|true");
        assert_eq!(
            shown(r#"Command\s*::\s*new\(\s*"(?:/[\w/]*/)?(?:(?:ba|z)?sh|cmd)""#),
            "command :: new( \" sh|cmd \""
        );
        assert_eq!(shown(r"(?i)none\b['x]y"), "none'y|nonexy");
        assert_eq!(shown(r"a*b?"), "");
        assert_eq!(shown(r"(?:ab|cd)e|fg"), "abe|cde|fg");
        assert_eq!(shown(r"\p{Greek}x"), "");
    }

    #[test]
    fn letters_beyond_ascii_have_more_cases() {
        // The long s and the sign of the kelvin are an s and a k to whom case does not matter.
        for text in ["\u{17f}hell", "\u{212a}ey", "SHELL", "key"] {
            assert!(Pattern::new("(?i)shell|key").is_match(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_text_that_matches_holds_what_is_needed(
            source in "((\\(\\?i\\))?([abkK]|\\(\\?:[ab]{1,2}\\|[kK]{1,2}\\)|[ab][+*?]|\\[ab\\]|\\[\\^a\\]|\\\\b|\\\\w|\\([aB]\\|b?\\)[+?]?)){1,6}",
            text in "[abABkK ]{0,12}",
        ) {
            let pattern = Pattern::new(&source);
            let expected = Regex::new(&source).is_ok_and(|regex| regex.is_match(&text));
            prop_assert_eq!(pattern.is_match(&text), expected, "{} on {:?} needs {:?}", source, text, pattern.needs());
        }
    }
}
