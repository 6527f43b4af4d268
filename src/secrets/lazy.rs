//! Automata of patterns and of their parts, made when they are first needed.
//!
//! Of each there are two. Nearly all text is ASCII, and a pattern that need not know how other characters are encoded is
//! compiled in a fraction of the time: so one reads ASCII only, and is given up at any other byte. Only then the other
//! one is made, which reads everything.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use regex_automata::hybrid::dfa::{Cache, Config, DFA};
use regex_automata::nfa::thompson::backtrack::{self, BoundedBacktracker};
use regex_automata::nfa::thompson::{self, NFA};
use regex_automata::util::captures::Captures as Slots;
use regex_automata::{Anchored, Input, MatchKind};
use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, Hir, HirKind};

/// The states that one automaton of one thread may keep.
const CACHE_BYTES: usize = 1 << 20;

/// What an automaton may take before it has states. A tree that was let through stays below it.
const NFA_BYTES: usize = 64 << 20;

/// What an automaton can read.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reads {
    Ascii,
    Any,
}

impl Reads {
    /// What is enough for `text`.
    fn of(text: &[u8]) -> Reads {
        if text.is_ascii() { Reads::Ascii } else { Reads::Any }
    }
}

/// One thing for each of them. Most are never made, and take no room then.
#[derive(Debug)]
struct Both<T> {
    ascii: OnceLock<Option<Box<T>>>,
    any: OnceLock<Option<Box<T>>>,
}

impl<T> Default for Both<T> {
    fn default() -> Both<T> {
        Both { ascii: OnceLock::new(), any: OnceLock::new() }
    }
}

impl<T> Both<T> {
    fn get(&self, reads: Reads, make: impl FnOnce() -> Option<T>) -> Option<&T> {
        let made = match reads {
            Reads::Ascii => &self.ascii,
            Reads::Any => &self.any,
        };
        made.get_or_init(|| make().map(Box::new)).as_deref()
    }
}

/// The states that one thread has found.
#[derive(Debug, Default)]
pub(super) struct States {
    ascii: Option<Box<Cache>>,
    any: Option<Box<Cache>>,
}

impl States {
    pub(super) fn bytes(&self) -> usize {
        [&self.ascii, &self.any].into_iter().flatten().map(|cache| cache.memory_usage()).sum()
    }

    fn of(&mut self, reads: Reads, automaton: &DFA) -> &mut Cache {
        let states = match reads {
            Reads::Ascii => &mut self.ascii,
            Reads::Any => &mut self.any,
        };
        states.get_or_insert_with(|| Box::new(automaton.create_cache()))
    }
}

/// How far matches reach from where a walk starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Walked {
    /// Where the longest match ends; `None` where none is possible.
    pub(super) reach: Option<usize>,
    /// How many bytes were looked at.
    pub(super) bytes: usize,
}

/// Where a match that ends at a place begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begins {
    At(usize),
    Nowhere,
    /// It cannot be told.
    Anywhere,
}

/// The automata of a part of a pattern that find every match from where they start. It is up to the caller to always
/// ask with the same part.
#[derive(Debug, Default)]
pub(super) struct Part {
    automata: Both<DFA>,
}

impl Part {
    /// Follows `part` from `start` until no match can grow any more, or, if `any` will do, until there is one.
    pub(super) fn walk(&self, part: &Hir, states: &mut States, text: &[u8], start: usize, any: bool) -> Walked {
        let read = |reads: Reads, states: &mut States| {
            let automaton = self.automata.get(reads, || make(part, false, reads))?;
            walk(automaton, states.of(reads, automaton), text, start, any, reads)
        };
        let ascii = match text.get(start) {
            Some(byte) if !byte.is_ascii() => None,
            _ => read(Reads::Ascii, states),
        };
        let anything = Walked { reach: Some(text.len()), bytes: text.len() - start };
        ascii.or_else(|| read(Reads::Any, states)).unwrap_or(anything)
    }

    /// Where a match of `part` that ends at `end` begins at the earliest, but not before `least`. For parts that are
    /// asked backwards only.
    pub(super) fn begins(&self, part: &Hir, states: &mut States, text: &[u8], least: usize, end: usize) -> Begins {
        let input = Input::new(text).span(least..end).anchored(Anchored::Yes);
        let mut read = |reads: Reads| {
            let automaton = self.automata.get(reads, || make(part, true, reads))?;
            automaton.try_search_rev(states.of(reads, automaton), &input).ok()
        };
        match read(Reads::of(&text[least..end])) {
            Some(Some(found)) => Begins::At(found.offset()),
            Some(None) => Begins::Nowhere,
            None => Begins::Anywhere,
        }
    }
}

/// The automaton of a part. `None` where it would be too large.
fn make(part: &Hir, reverse: bool, reads: Reads) -> Option<DFA> {
    // An empty pattern holds everywhere: nothing to ask.
    if matches!(part.kind(), HirKind::Empty) {
        return None;
    }
    let config = thompson::Config::new().reverse(reverse).which_captures(thompson::WhichCaptures::None);
    lazy(nfa(part, config, reads)?, MatchKind::All)
}

/// A whole pattern, for a match whose place is known.
#[derive(Debug, Default)]
pub(super) struct Whole {
    nfa: Both<NFA>,
    here: Both<DFA>,
    groups: Both<BoundedBacktracker>,
}

/// The states that one thread has found for a whole pattern.
#[derive(Debug, Default)]
pub(super) struct WholeStates {
    here: States,
    groups_of_ascii: Option<Box<backtrack::Cache>>,
    groups: Option<Box<backtrack::Cache>>,
}

impl WholeStates {
    pub(super) fn bytes(&self) -> usize {
        let groups = [&self.groups_of_ascii, &self.groups].into_iter().flatten();
        self.here.bytes() + groups.map(|groups| groups.memory_usage()).sum::<usize>()
    }
}

impl Whole {
    /// Where the match ends that begins at `at`; `None` where there is none, or where it cannot be told.
    pub(super) fn end<'t>(
        &self,
        tree: impl Fn() -> Option<&'t Hir>,
        states: &mut WholeStates,
        text: &[u8],
        at: usize,
    ) -> Option<usize> {
        let mut read = |reads: Reads| {
            let make = || lazy(self.nfa(reads, &tree)?.clone(), MatchKind::LeftmostFirst);
            let here = self.here.get(reads, make)?;
            walk(here, states.here.of(reads, here), text, at, false, reads)
        };
        read(Reads::Ascii).or_else(|| read(Reads::Any))?.reach
    }

    /// What the groups of the pattern hold of `matched`, a match looked at alone. `None`: it cannot be told.
    pub(super) fn groups<'t>(
        &self,
        tree: impl Fn() -> Option<&'t Hir>,
        states: &mut WholeStates,
        matched: &[u8],
    ) -> Option<Slots> {
        let reads = Reads::of(matched);
        let make = || BoundedBacktracker::builder().build_from_nfa(self.nfa(reads, &tree)?.clone()).ok();
        let groups = self.groups.get(reads, make).filter(|groups| matched.len() <= groups.max_haystack_len())?;
        let cache = match reads {
            Reads::Ascii => &mut states.groups_of_ascii,
            Reads::Any => &mut states.groups,
        };
        let cache = cache.get_or_insert_with(|| Box::new(groups.create_cache()));
        let mut slots = groups.create_captures();
        let input = Input::new(matched).anchored(Anchored::Yes);
        groups.try_search(cache, &input, &mut slots).ok()?;
        slots.is_match().then_some(slots)
    }

    fn nfa<'t>(&self, reads: Reads, tree: impl Fn() -> Option<&'t Hir>) -> Option<&NFA> {
        self.nfa.get(reads, || nfa(tree()?, thompson::Config::new(), reads))
    }
}

/// A pattern that is looked for anywhere in a text and only says yes or no. Shared by all threads.
#[derive(Debug, Default)]
pub(super) struct Search {
    automata: Both<DFA>,
    states: Mutex<Vec<States>>,
}

impl Search {
    /// Whether anything was made yet.
    pub(super) fn is_made(&self) -> bool {
        self.automata.ascii.get().is_some() || self.automata.any.get().is_some()
    }

    /// `None`: it cannot tell.
    pub(super) fn is_match(&self, tree: impl Fn() -> Option<Hir>, text: &[u8]) -> Option<bool> {
        let reads = Reads::of(text);
        let make = || {
            let config = thompson::Config::new().which_captures(thompson::WhichCaptures::None);
            lazy(nfa(&tree()?, config, reads)?, MatchKind::LeftmostFirst)
        };
        let automaton = self.automata.get(reads, make)?;
        let mut states = locked(&self.states).pop().unwrap_or_default();
        let found = automaton.try_search_fwd(states.of(reads, automaton), &Input::new(text).earliest(true));
        locked(&self.states).push(states);
        Some(found.ok()?.is_some())
    }
}

/// A panic elsewhere leaves no state half made.
fn locked(states: &Mutex<Vec<States>>) -> MutexGuard<'_, Vec<States>> {
    states.lock().unwrap_or_else(PoisonError::into_inner)
}

fn nfa(pattern: &Hir, config: thompson::Config, reads: Reads) -> Option<NFA> {
    let config = config.utf8(false).nfa_size_limit(Some(NFA_BYTES));
    let compiler = &mut thompson::NFA::compiler();
    let compiler = compiler.configure(config);
    match reads {
        Reads::Ascii => compiler.build_from_hir(&ascii(pattern)).ok(),
        Reads::Any => compiler.build_from_hir(pattern).ok(),
    }
}

fn lazy(nfa: NFA, matches: MatchKind) -> Option<DFA> {
    // To have the automaton itself give up at some bytes would cost a transition for each of them in every state.
    let config = Config::new()
        .match_kind(matches)
        .cache_capacity(CACHE_BYTES)
        .skip_cache_capacity_check(true)
        .specialize_start_states(false);
    DFA::builder().configure(config).build_from_nfa(nfa).ok()
}

/// The pattern for an automaton that is given up at every byte that is not ASCII: until then, such a byte may always
/// come where another character may.
fn ascii(pattern: &Hir) -> Hir {
    let all = |parts: &[Hir]| parts.iter().map(ascii).collect::<Vec<_>>();
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => pattern.clone(),
        HirKind::Literal(literal) if literal.0.is_ascii() => pattern.clone(),
        HirKind::Literal(literal) => {
            let byte = |byte: &u8| match byte.is_ascii() {
                true => Hir::literal([*byte]),
                false => bytes([(0x80, 0xff)].into_iter()),
            };
            Hir::concat(literal.0.iter().map(byte).collect())
        }
        HirKind::Class(Class::Bytes(_)) => pattern.clone(),
        HirKind::Class(Class::Unicode(class)) => {
            let ranges = class.iter().map(|range| (u32::from(range.start()), u32::from(range.end())));
            let mut reads = Vec::new();
            for (first, last) in ranges {
                reads.extend((first < 0x80).then_some((first as u8, last.min(0x7f) as u8)));
                reads.extend((last >= 0x80).then_some((0x80, 0xff)));
            }
            bytes(reads.into_iter())
        }
        HirKind::Repetition(repetition) => Hir::repetition(repetition.with(ascii(&repetition.sub))),
        HirKind::Capture(capture) => Hir::capture(regex_syntax::hir::Capture {
            index: capture.index,
            name: capture.name.clone(),
            sub: Box::new(ascii(&capture.sub)),
        }),
        HirKind::Concat(parts) => Hir::concat(all(parts)),
        HirKind::Alternation(parts) => Hir::alternation(all(parts)),
    }
}

fn bytes(ranges: impl Iterator<Item = (u8, u8)>) -> Hir {
    let ranges = ranges.map(|(first, last)| ClassBytesRange::new(first, last));
    Hir::class(Class::Bytes(ClassBytes::new(ranges)))
}

/// `None` where the automaton fails, or cannot read the text.
fn walk(automaton: &DFA, cache: &mut Cache, text: &[u8], start: usize, any: bool, reads: Reads) -> Option<Walked> {
    let input = Input::new(text).span(start..text.len()).anchored(Anchored::Yes);
    let mut state = automaton.start_state_forward(cache, &input).ok()?;
    let mut reach = None;
    for (offset, byte) in text[start..].iter().enumerate() {
        if reads == Reads::Ascii && !byte.is_ascii() {
            return None;
        }
        state = automaton.next_state(cache, state, *byte).ok()?;
        if state.is_tagged() {
            if state.is_match() {
                // Matches are told one byte late.
                reach = Some(start + offset);
                if any {
                    return Some(Walked { reach, bytes: offset });
                }
            } else if state.is_dead() {
                return Some(Walked { reach, bytes: offset });
            } else if state.is_quit() {
                return None;
            }
        }
    }
    if automaton.next_eoi_state(cache, state).ok()?.is_match() {
        reach = Some(text.len());
    }
    Some(Walked { reach, bytes: text.len() - start })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::dialect;
    use super::*;

    fn tree(pattern: &str) -> Hir {
        dialect::tree(&dialect::translate(pattern).unwrap()).unwrap()
    }

    /// Both automata of one part.
    fn walks(pattern: &str, text: &[u8]) -> [Option<Walked>; 2] {
        [Reads::Ascii, Reads::Any].map(|reads| {
            let automaton = make(&tree(pattern), false, reads)?;
            walk(&automaton, &mut automaton.create_cache(), text, 0, false, reads)
        })
    }

    #[test]
    fn what_may_go_on_with_another_character_is_left_to_the_other_automaton() {
        assert_eq!(walks("(?i)ask", "a\u{17f}k".as_bytes()), [None, Some(Walked { reach: Some(4), bytes: 4 })]);
        assert_eq!(walks("a[é]", b"ab"), [Some(Walked { reach: None, bytes: 1 }); 2]);
        assert_eq!(walks("aé", "aé".as_bytes()), [None, Some(Walked { reach: Some(3), bytes: 3 })]);
        let walked = Part::default().walk(&tree("[^b]{3}"), &mut States::default(), "aéa".as_bytes(), 0, false);
        assert_eq!(walked.reach, Some(4));
    }

    #[test]
    fn a_whole_pattern_tells_its_groups_in_any_text() {
        for (pattern, text) in [("(a+)(é*)", "aaéé"), ("(a+)(é*)", "aa"), ("(?i)(s+)(k)", "sſ\u{212a}")] {
            let (whole, mut states) = (Whole::default(), WholeStates::default());
            let tree = tree(pattern);
            let of = || Some(&tree);
            assert_eq!(whole.end(of, &mut states, text.as_bytes(), 0), Some(text.len()));
            let slots = whole.groups(of, &mut states, text.as_bytes()).unwrap();
            let expected = regex::bytes::Regex::new(pattern).unwrap();
            let expected = expected.captures(text.as_bytes()).unwrap();
            for group in 0..3 {
                let span = slots.get_group(group).map(|span| span.range());
                assert_eq!(span, expected.get(group).map(|found| found.range()), "{pattern} {text} {group}");
            }
        }
    }

    #[test]
    fn a_search_reads_any_text() {
        let search = Search::default();
        let finds = |text: &str| search.is_match(|| Some(tree(r"(?:^|/)(?i:k)[^/]\.md$")), text.as_bytes());
        let texts = ["a/kb.md", "kb.mdx", "é/\u{212a}é.md", "é/kéé.md"];
        assert_eq!(texts.map(finds), [Some(true), Some(false), Some(true), Some(false)]);
    }

    proptest! {
        #[test]
        fn both_automata_say_the_same_of_ascii(
            pattern in r"(\(\?i\))?((a|k|\[as\]|\[\^a\]|é|[.]|\\b|\$)([?*+]|\{1,3\})?|\((as|k|é)\|b\[aé\]\)([?*+]|\{0,2\})?){1,4}",
            text in "[abks\n]{0,8}",
        ) {
            prop_assume!(dialect::translate(&pattern).is_ok());
            let [ascii, any] = walks(&pattern, text.as_bytes());
            prop_assert_eq!(ascii, any, "{} {:?}", pattern, text);
        }

        #[test]
        fn any_text_is_read_as_by_the_automaton_that_reads_everything(
            pattern in r"(\(\?i\))?((a|k|\[as\]|\[\^a\]|é|[.])([?*+]|\{1,3\})?|\((as|k|é)\|b\[aé\]\)([?*+]|\{0,2\})?){1,4}",
            text in "[abksé\u{17f}\u{212a}]{0,8}",
        ) {
            prop_assume!(dialect::translate(&pattern).is_ok());
            let any = walks(&pattern, text.as_bytes())[1];
            let both = Part::default().walk(&tree(&pattern), &mut States::default(), text.as_bytes(), 0, false);
            prop_assert_eq!(Some(both), any, "{} {:?}", pattern, text);
        }
    }
}
