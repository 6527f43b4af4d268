//! Which bytes may follow a site, place by place: dismisses most sites before an automaton is asked.
//!
//! A literal stands in source code far more often than anything that goes on as a pattern wants. What may stand at each
//! of the next places is the union over all matches, so it errs on the side of yes.

use regex_syntax::hir::{Class, Hir, HirKind};

/// How many places are known.
pub(super) const PLACES: usize = 16;

/// More steps through a pattern than this, and nothing is known of what follows.
const MOST_STEPS: usize = 4_096;

/// A set of places. The last bit stands for every place behind them.
type Places = u32;

const BEHIND: Places = 1 << PLACES;

/// What may follow.
#[derive(Clone, Debug)]
pub(super) struct Ahead {
    /// By byte: the places at which it may stand.
    places: Box<[u16; 256]>,
    /// How many of the places are never behind the end of a match.
    sure: usize,
}

impl Ahead {
    /// Of a pattern whose match begins at the first place.
    pub(super) fn new(pattern: &Hir) -> Ahead {
        let mut walk = Walk { places: Box::new([0; 256]), steps: 0 };
        let sure = match walk.through(pattern, 1) {
            Some(ends) => (ends.trailing_zeros() as usize).min(PLACES),
            None => 0,
        };
        Ahead { places: walk.places, sure }
    }

    /// What was told by [`Ahead::sets`].
    pub(super) fn of<'s>(sets: impl Iterator<Item = &'s [(u8, u8)]>) -> Ahead {
        let mut ahead = Ahead { places: Box::new([0; 256]), sure: 0 };
        for set in sets.take(PLACES) {
            for (first, last) in set {
                let bytes = &mut ahead.places[usize::from(*first)..=usize::from(*last)];
                bytes.iter_mut().for_each(|places| *places |= 1 << ahead.sure);
            }
            ahead.sure += 1;
        }
        ahead
    }

    /// The bytes that may stand at each of the places that are never behind the end of a match, as ranges.
    pub(super) fn sets(&self) -> Vec<Vec<(u8, u8)>> {
        let stands = |byte: u8, place: usize| self.places[usize::from(byte)] >> place & 1 == 1;
        let set = |place: usize| {
            let mut ranges: Vec<(u8, u8)> = Vec::new();
            for byte in (0..=u8::MAX).filter(|byte| stands(*byte, place)) {
                match ranges.last_mut() {
                    Some((_, last)) if *last + 1 == byte => *last = byte,
                    _ => ranges.push((byte, byte)),
                }
            }
            ranges
        };
        (0..self.sure).map(set).collect()
    }

    /// Whether a match may go on with `text`.
    pub(super) fn allows(&self, text: &[u8]) -> bool {
        let Some(text) = text.get(..self.sure) else { return false };
        text.iter().enumerate().all(|(place, byte)| self.places[usize::from(*byte)] >> place & 1 == 1)
    }

    /// As [`Ahead::allows`], where other text may follow than what stands behind the end of `text`.
    pub(super) fn may_allow(&self, text: &[u8]) -> bool {
        let text = &text[..text.len().min(self.sure)];
        text.iter().enumerate().all(|(place, byte)| self.places[usize::from(*byte)] >> place & 1 == 1)
    }
}

struct Walk {
    places: Box<[u16; 256]>,
    steps: usize,
}

impl Walk {
    /// Where `pattern` may end that may begin at `starts`; `None` when it is too large to be told.
    fn through(&mut self, pattern: &Hir, starts: Places) -> Option<Places> {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return None;
        }
        match pattern.kind() {
            HirKind::Empty | HirKind::Look(_) => Some(starts),
            HirKind::Capture(capture) => self.through(&capture.sub, starts),
            HirKind::Literal(literal) => Some(literal.0.iter().fold(starts, |at, byte| {
                self.mark(*byte, at);
                next(at)
            })),
            HirKind::Class(class) => Some(self.class(class, starts)),
            HirKind::Concat(parts) => parts.iter().try_fold(starts, |at, part| self.through(part, at)),
            HirKind::Alternation(branches) => {
                branches.iter().try_fold(0, |ends, branch| Some(ends | self.through(branch, starts)?))
            }
            HirKind::Repetition(repetition) => {
                let mut at = starts;
                for _ in 0..repetition.min.min(PLACES as u32 + 1) {
                    at = self.through(&repetition.sub, at)?;
                }
                let more = repetition.max.map_or(PLACES as u32 + 1, |max| max - repetition.min);
                let mut ends = at;
                for _ in 0..more {
                    at = self.through(&repetition.sub, at)?;
                    if ends | at == ends {
                        break;
                    }
                    ends |= at;
                }
                Some(ends)
            }
        }
    }

    fn class(&mut self, class: &Class, starts: Places) -> Places {
        let mut ends = 0;
        match class {
            Class::Bytes(class) => {
                for range in class.iter() {
                    (range.start()..=range.end()).for_each(|byte| self.mark(byte, starts));
                    ends = next(starts);
                }
            }
            Class::Unicode(class) => {
                for range in class.iter() {
                    let (first, last) = (u32::from(range.start()), u32::from(range.end()));
                    (first..=last.min(0x7f)).for_each(|byte| self.mark(byte as u8, starts));
                    if first <= 0x7f {
                        ends |= next(starts);
                    }
                    if last > 0x7f {
                        // Two to four bytes.
                        let (two, three) = (next(starts), next(next(starts)));
                        (0xc2..=0xf4).for_each(|byte| self.mark(byte, starts));
                        (0x80..=0xbf).for_each(|byte| self.mark(byte, two | three | next(three)));
                        ends |= three | next(three) | next(next(three));
                    }
                }
            }
        }
        ends
    }

    fn mark(&mut self, byte: u8, at: Places) {
        self.places[usize::from(byte)] |= at as u16;
    }
}

/// One place on.
fn next(at: Places) -> Places {
    let on = at << 1 | at & BEHIND;
    on & (BEHIND | (BEHIND - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ahead(pattern: &str) -> Ahead {
        Ahead::new(&regex_syntax::ParserBuilder::new().utf8(false).build().parse(pattern).unwrap())
    }

    #[test]
    fn what_cannot_follow_is_seen_at_each_place() {
        let digits = ahead("_[0-9]{4}");
        assert!(digits.allows(b"_1234") && digits.allows(b"_1234x"));
        assert!(!digits.allows(b"_123x") && !digits.allows(b"_123") && !digits.allows(b"1234_"));
        assert!(digits.may_allow(b"_123") && !digits.may_allow(b"_12x"));
    }

    #[test]
    fn what_may_end_early_asks_no_more_than_that() {
        let key = ahead(r#"[a-z]{0,3}(?:=|=>)["']?[a-z0-9]{2,}"#);
        assert!(key.allows(b"=ab") && key.allows(b"x=>'q1") && key.allows(b"abc=12"));
        assert!(!key.allows(b"(=ab") && !key.allows(b"=."));
        assert!(ahead("").allows(b"") && ahead("a*").allows(b"b"));
    }

    #[test]
    fn a_character_may_take_several_bytes() {
        let dot = ahead("(?s:.)=");
        assert!(dot.allows("é=".as_bytes()) && dot.allows("😀=".as_bytes()) && dot.allows(b"x="));
        assert!(!dot.allows(b"xy"));
    }

    #[test]
    fn a_pattern_without_end_is_given_up() {
        let nested = (0..10).fold("a".to_string(), |inner, _| format!("(?:{inner}b?){{2,9}}"));
        assert!(ahead(&nested).allows(b"zzzz"));
    }

    proptest! {
        #[test]
        fn a_match_is_never_dismissed(
            pattern in r"((a|b|\[ab\]|\[\^a\]|é)([?*+]|\{1,3\})?|\((ab|c|)\|b\[ac\]\)([?*+]|\{0,2\})?){1,4}",
            text in "[abcé]{0,8}",
        ) {
            let regex = regex::bytes::Regex::new(&format!("^(?:{pattern})")).unwrap();
            let ahead = ahead(&pattern);
            if regex.is_match(text.as_bytes()) {
                prop_assert!(ahead.allows(text.as_bytes()), "{} {}", pattern, text);
            }
            let again = Ahead::of(ahead.sets().iter().map(Vec::as_slice));
            prop_assert_eq!(again.allows(text.as_bytes()), ahead.allows(text.as_bytes()));
            prop_assert_eq!(again.may_allow(text.as_bytes()), ahead.may_allow(text.as_bytes()));
        }
    }
}
