//! The content pattern of one rule: looked at from its sites, matched in full only where a site holds.
//!
//! Everything that costs time to make is made when it is first needed: most rules of a rule file never see a site.

use std::sync::OnceLock;

use grep_matcher::{Captures, Matcher};
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use regex_automata::hybrid::dfa::{Cache, Config, DFA};
use regex_automata::nfa::thompson;
use regex_automata::nfa::thompson::backtrack::{self, BoundedBacktracker};
use regex_automata::util::captures::Captures as Slots;
use regex_automata::{Anchored, Input, MatchKind};
use regex_syntax::hir::{Hir, HirKind, Look as Assertion};

use super::ahead::{Ahead, PLACES};
use super::atoms;
use super::dialect::{self, DialectError, Translated};
use super::known;

/// The states that one automaton of one thread may keep.
const CACHE_BYTES: usize = 1 << 20;

/// Where a match begins is worked out if it is no farther before its atom than this, in bytes.
const MOST_LEAD: usize = 512;

/// What a full pattern may take when it is compiled. A tree that was let through stays below it.
const MATCHER_BYTES: usize = 256 << 20;

/// What a compiled pattern may keep for each thread that uses it.
const MATCHER_CACHE_BYTES: usize = 4 << 20;

/// A content pattern.
#[derive(Debug)]
pub(super) struct Content {
    pattern: Translated,
    /// Where matches are looked for; `None`: everywhere.
    pub(super) anchors: Option<Vec<Anchor>>,
    sites: OnceLock<Vec<Site>>,
    here: OnceLock<Option<DFA>>,
    groups: OnceLock<Option<BoundedBacktracker>>,
    matcher: OnceLock<Option<RegexMatcher>>,
}

/// What the automaton has to know of a site.
#[derive(Clone, Debug)]
pub(super) struct Anchor {
    pub(super) atom: Vec<u8>,
    /// The text around the atom contains it when lower-cased.
    pub(super) plain: bool,
    /// The most bytes of a match before the atom.
    pub(super) back: Option<usize>,
}

/// What the bytes around a site must be: asked millions of times, before anything else is.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    ahead: Ahead,
    /// A word must begin at the atom.
    begins_word: bool,
    /// Literals that every match holds behind the atom, each in all its spellings.
    pub(super) later: Vec<Vec<Vec<u8>>>,
}

impl Gate {
    /// Whether a match is possible through the atom at `start..end`.
    pub(super) fn allows(&self, text: &[u8], start: usize, end: usize) -> bool {
        self.may_begin(text, start) && self.ahead.allows(&text[end..])
    }

    /// As [`Gate::allows`], when lines around the atom's may be left out.
    pub(super) fn may_allow(&self, text: &[u8], start: usize, end: usize) -> bool {
        // What stands on the same line stands there in any case.
        let line = match text[..end].ends_with(b"\n") {
            true => &[],
            false => {
                let next = &text[end..text.len().min(end + PLACES)];
                &next[..memchr::memchr(b'\n', next).map_or(next.len(), |newline| newline + 1)]
            }
        };
        self.may_begin(text, start) && self.ahead.may_allow(line)
    }

    fn may_begin(&self, text: &[u8], start: usize) -> bool {
        let before = start.checked_sub(1).and_then(|before| text.get(before));
        !self.begins_word || !before.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    }
}

/// One site's automata.
#[derive(Debug)]
struct Site {
    gate: Gate,
    back: Option<usize>,
    lead: Hir,
    /// What stands before the atom stands on its line.
    lead_is_local: bool,
    rest: Hir,
    before: OnceLock<Option<DFA>>,
    whole: OnceLock<Option<DFA>>,
    relaxed: OnceLock<Option<DFA>>,
}

/// The states that one thread has found for one site.
#[derive(Debug, Default)]
pub(super) struct SiteCache {
    before: Option<Cache>,
    whole: Option<Cache>,
    relaxed: Option<Cache>,
}

impl SiteCache {
    pub(super) fn bytes(&self) -> usize {
        [&self.before, &self.whole, &self.relaxed].into_iter().flatten().map(Cache::memory_usage).sum()
    }
}

/// What was seen of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// Where a match through the site begins at the earliest and how far one can reach, if one is possible.
    pub(super) found: Option<(usize, usize)>,
    /// Bytes that were looked at.
    pub(super) walked: usize,
}

/// The states that one thread has found for one pattern.
#[derive(Debug, Default)]
pub(super) struct PatternCache {
    here: Option<Cache>,
    groups: Option<backtrack::Cache>,
}

impl PatternCache {
    pub(super) fn bytes(&self) -> usize {
        self.here.as_ref().map_or(0, Cache::memory_usage)
            + self.groups.as_ref().map_or(0, backtrack::Cache::memory_usage)
    }
}

impl Look {
    const NO: Look = Look { found: None, walked: 0 };
}

impl Content {
    pub(super) fn new(pattern: &str) -> Result<Content, DialectError> {
        match known::anchors(pattern) {
            Some(anchors) => Ok(Content::with(Translated::later(pattern), anchors)),
            None => Content::derived(pattern),
        }
    }

    /// As [`Content::new`], looking nothing up.
    pub(super) fn derived(pattern: &str) -> Result<Content, DialectError> {
        let pattern = Translated::now(pattern)?;
        let tree = dialect::tree(pattern.text())?;
        let sites = atoms::sites(&tree);
        let anchors = sites.as_ref().map(|sites| {
            sites.iter().map(|site| Anchor { atom: site.atom.clone(), plain: site.plain, back: site.back }).collect()
        });
        Ok(Content::with(pattern, anchors))
    }

    fn with(pattern: Translated, anchors: Option<Vec<Anchor>>) -> Content {
        Content {
            pattern,
            anchors,
            sites: OnceLock::new(),
            here: OnceLock::new(),
            groups: OnceLock::new(),
            matcher: OnceLock::new(),
        }
    }

    /// The gate of site `number`.
    pub(super) fn gate(&self, number: usize) -> Option<Gate> {
        self.sites().get(number).map(|site| site.gate.clone())
    }

    /// Looks forward from the atom of site `number` at `start`, and back from it where a match is possible. For sites
    /// that their gate allows.
    pub(super) fn look(&self, number: usize, text: &[u8], start: usize, cache: &mut SiteCache) -> Look {
        let Some(site) = self.sites().get(number) else { return Look::NO };
        let whole = site.whole.get_or_init(|| automaton(&site.rest, Direction::Forwards, MatchKind::All));
        let (reach, walked) = walk(whole, &mut cache.whole, text, start, false);
        let found = reach.and_then(|reach| Some((site.earliest(text, start, &mut cache.before)?, reach)));
        Look { found, walked }
    }

    /// Whether a match through the site is possible even when lines around it are left out. For sites that their gate
    /// may allow.
    pub(super) fn look_relaxed(&self, number: usize, text: &[u8], start: usize, cache: &mut SiteCache) -> Look {
        let Some(site) = self.sites().get(number) else { return Look::NO };
        let relaxed =
            site.relaxed.get_or_init(|| automaton(&atoms::relaxed(&site.rest), Direction::Forwards, MatchKind::All));
        let (reach, walked) = walk(relaxed, &mut cache.relaxed, text, start, true);
        let reach = reach.filter(|_| !site.lead_is_local || site.earliest(text, start, &mut cache.before).is_some());
        Look { found: reach.map(|reach| (start, reach)), walked }
    }

    /// How far a match through the site can reach even when lines around it are left out, and how many bytes say so. `None`
    /// where it cannot be told: a match may begin on a line before.
    pub(super) fn relaxed_reach(
        &self,
        number: usize,
        text: &[u8],
        start: usize,
        cache: &mut SiteCache,
    ) -> Option<(usize, usize)> {
        let site = self.sites().get(number).filter(|site| site.lead_is_local)?;
        let relaxed = site.relaxed.get()?;
        let (reach, walked) = walk(relaxed, &mut cache.relaxed, text, start, false);
        Some((reach.unwrap_or(start), walked))
    }

    /// As [`Content::find`], for places where a match most likely starts: one start is far less to keep track of than
    /// all of them.
    pub(super) fn find_here(&self, text: &[u8], at: usize, cache: &mut PatternCache) -> Option<(usize, usize)> {
        let here = self.here.get_or_init(|| {
            let tree = dialect::tree(self.pattern.text()).ok()?;
            automaton(&tree, Direction::Forwards, MatchKind::LeftmostFirst)
        });
        if let Some(here) = here {
            let cache = cache.here.get_or_insert_with(|| here.create_cache());
            let input = Input::new(text).span(at..text.len()).anchored(Anchored::Yes);
            if let Ok(Some(end)) = here.try_search_fwd(cache, &input) {
                return Some((at, end.offset()));
            }
        }
        self.find(text, at)
    }

    /// The first match in `text` that starts at `at` or later.
    pub(super) fn find(&self, text: &[u8], at: usize) -> Option<(usize, usize)> {
        let found = self.matcher()?.find_at(text, at).ok()??;
        Some((found.start(), found.end()))
    }

    /// The secret in a match that is looked at alone: group `group`, or for 0 the first group that is not empty, or
    /// the whole match. A group that took no part is an empty secret.
    pub(super) fn secret(&self, matched: &[u8], group: usize) -> (usize, usize) {
        let whole = (0, matched.len());
        let Some(matcher) = self.matcher() else { return whole };
        let Ok(mut captures) = matcher.new_captures() else { return whole };
        if captures.len() < 2 || !matches!(matcher.captures(matched, &mut captures), Ok(true)) {
            return whole;
        }
        let groups = (1..captures.len()).map(|group| captures.get(group).map(|group| (group.start(), group.end())));
        chosen(groups, group, whole)
    }

    /// As [`Content::secret`], at a fraction of its price where the match is short: for dismissing a match, not for
    /// reporting one.
    pub(super) fn likely_secret(&self, matched: &[u8], group: usize, cache: &mut PatternCache) -> (usize, usize) {
        let groups = self.groups.get_or_init(|| {
            let tree = dialect::tree(self.pattern.text()).ok()?;
            let config = thompson::Config::new().utf8(false).nfa_size_limit(Some(MATCHER_BYTES / 4));
            let nfa = thompson::NFA::compiler().configure(config).build_from_hir(&tree).ok()?;
            BoundedBacktracker::builder().build_from_nfa(nfa).ok()
        });
        let Some(groups) = groups.as_ref().filter(|groups| matched.len() <= groups.max_haystack_len()) else {
            return self.secret(matched, group);
        };
        let cache = cache.groups.get_or_insert_with(|| groups.create_cache());
        let mut slots = groups.create_captures();
        let input = Input::new(matched).anchored(Anchored::Yes);
        match groups.try_search(cache, &input, &mut slots) {
            Ok(()) if slots.is_match() => chosen(spans(&slots), group, (0, matched.len())),
            _ => self.secret(matched, group),
        }
    }

    /// False when the pattern could not be compiled after all.
    pub(super) fn is_usable(&self) -> bool {
        self.matcher.get().is_none_or(Option::is_some)
    }

    fn sites(&self) -> &[Site] {
        self.sites.get_or_init(|| {
            let Ok(tree) = dialect::tree(self.pattern.text()) else { return Vec::new() };
            atoms::sites(&tree).unwrap_or_default().into_iter().map(Site::new).collect()
        })
    }

    fn matcher(&self) -> Option<&RegexMatcher> {
        let compile = || {
            let mut builder = RegexMatcherBuilder::new();
            builder
                .unicode(true)
                .size_limit(MATCHER_BYTES)
                .dfa_size_limit(MATCHER_CACHE_BYTES)
                .build(self.pattern.text())
                .ok()
        };
        self.matcher.get_or_init(compile).as_ref()
    }
}

impl Site {
    fn new(site: atoms::Site) -> Site {
        let letters = String::from_utf8_lossy(&site.atom).chars().count();
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let begins_word =
            site.atom.first().is_some_and(is_word) && atoms::asserted(&site.rest).contains(&Assertion::WordAscii);
        let behind = atoms::behind(&site.rest, letters);
        Site {
            gate: Gate { ahead: Ahead::new(&behind), begins_word, later: atoms::certain(&behind) },
            back: site.back,
            lead_is_local: atoms::stays_on_line(&site.lead),
            lead: site.lead,
            rest: site.rest,
            before: OnceLock::new(),
            whole: OnceLock::new(),
            relaxed: OnceLock::new(),
        }
    }

    /// Where a match whose atom begins at `start` begins at the earliest; `None` where none can end in the atom.
    fn earliest(&self, text: &[u8], start: usize, cache: &mut Option<Cache>) -> Option<usize> {
        let back = match self.back {
            Some(0) => return Some(start),
            Some(back) if back <= MOST_LEAD => back,
            back => return Some(start.saturating_sub(back.unwrap_or(usize::MAX))),
        };
        let least = start.saturating_sub(back);
        let Some(before) = self.before.get_or_init(|| automaton(&self.lead, Direction::Backwards, MatchKind::All))
        else {
            return Some(least);
        };
        let cache = cache.get_or_insert_with(|| before.create_cache());
        let input = Input::new(text).span(least..start).anchored(Anchored::Yes);
        match before.try_search_rev(cache, &input) {
            Ok(found) => found.map(|found| found.offset()),
            Err(_) => Some(least),
        }
    }
}

/// The groups of a match behind the whole of it.
fn spans(slots: &Slots) -> impl Iterator<Item = Option<(usize, usize)>> {
    slots.iter().skip(1).map(|group| group.map(|group| (group.start, group.end)))
}

/// Which of the groups is the secret.
fn chosen(
    mut groups: impl Iterator<Item = Option<(usize, usize)>>,
    group: usize,
    whole: (usize, usize),
) -> (usize, usize) {
    match group.checked_sub(1) {
        // Of a pattern without groups the whole is the secret, whichever group is asked for.
        Some(group) => match groups.next() {
            None => whole,
            first => std::iter::once(first.flatten()).chain(groups).nth(group).flatten().unwrap_or((0, 0)),
        },
        None => groups.flatten().find(|(from, to)| from < to).unwrap_or(whole),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    Forwards,
    Backwards,
}

/// An automaton that finds matches from where it starts: every one, or the one that comes first. `None` where it would
/// be too large.
fn automaton(pattern: &Hir, direction: Direction, matches: MatchKind) -> Option<DFA> {
    let config = thompson::Config::new()
        .utf8(false)
        .reverse(direction == Direction::Backwards)
        .which_captures(thompson::WhichCaptures::None)
        .nfa_size_limit(Some(MATCHER_BYTES / 4));
    // An empty pattern holds everywhere: nothing to ask.
    if matches!(pattern.kind(), HirKind::Empty) {
        return None;
    }
    let nfa = thompson::NFA::compiler().configure(config).build_from_hir(pattern).ok()?;
    let config = Config::new()
        .match_kind(matches)
        .cache_capacity(CACHE_BYTES)
        .skip_cache_capacity_check(true)
        .specialize_start_states(false);
    DFA::builder().configure(config).build_from_nfa(nfa).ok()
}

/// Follows the automaton from `start` until no match can grow any more: how far one reaches, and how many bytes were
/// looked at. Where there is no automaton, or it fails, everything is possible.
fn walk(
    automaton: &Option<DFA>,
    cache: &mut Option<Cache>,
    text: &[u8],
    start: usize,
    any: bool,
) -> (Option<usize>, usize) {
    let anything = (Some(text.len()), text.len() - start);
    let Some(automaton) = automaton else { return anything };
    let cache = cache.get_or_insert_with(|| automaton.create_cache());
    let input = Input::new(text).span(start..text.len()).anchored(Anchored::Yes);
    let Ok(mut state) = automaton.start_state_forward(cache, &input) else { return anything };
    let mut reach = None;
    for (offset, byte) in text[start..].iter().enumerate() {
        let Ok(next) = automaton.next_state(cache, state, *byte) else { return anything };
        state = next;
        if state.is_tagged() {
            if state.is_match() {
                // Matches are told one byte late.
                reach = Some(start + offset);
                if any {
                    return (reach, offset);
                }
            } else if state.is_dead() {
                return (reach, offset);
            } else if state.is_quit() {
                return anything;
            }
        }
    }
    match automaton.next_eoi_state(cache, state) {
        Ok(state) if state.is_match() => reach = Some(text.len()),
        Ok(_) => {}
        Err(_) => return anything,
    }
    (reach, text.len() - start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_tells_how_far_a_match_can_reach() {
        let content = Content::new(r"\btok_[a-z]{2,4}\b").unwrap();
        let mut cache = SiteCache::default();
        let mut look = |text: &[u8], start: usize| content.look(0, text, start, &mut cache).found;
        assert_eq!(look(b"tok_abc d", 0), Some((0, 7)));
        assert_eq!(look(b"tok_abc", 0), Some((0, 7)));
        assert_eq!(look(b"tok_abcde", 0), None);
        assert_eq!(look(b"xtok_abc", 1), None);
        assert_eq!(look(b"tok_", 0), None);
    }

    #[test]
    fn a_relaxed_look_knows_that_lines_may_be_cut_out() {
        let content = Content::new(r"^tok_[a-z]+$").unwrap();
        let mut cache = SiteCache::default();
        let text = b"a\ntok_b\nc";
        assert_eq!(content.look(0, text, 2, &mut cache).found, None);
        assert!(content.look_relaxed(0, text, 2, &mut cache).found.is_none(), "a newline stands before the end");
        let content = Content::new("^tok_[a-z]+\n$").unwrap();
        assert!(content.look_relaxed(0, text, 2, &mut SiteCache::default()).found.is_some());
    }

    #[test]
    fn the_secret_is_a_group_of_the_match_alone() {
        let content = Content::new(r"key=(?:(a+)|(b+))").unwrap();
        assert_eq!(content.secret(b"key=bb", 0), (4, 6));
        assert_eq!(content.secret(b"key=bb", 1), (0, 0));
        assert_eq!(content.secret(b"other", 0), (0, 5));
    }
}
