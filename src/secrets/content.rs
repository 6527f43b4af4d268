//! The content pattern of one rule: looked at from its sites, matched in full only where a site holds.
//!
//! Everything that costs time to make is made when it is first needed: most rules of a rule file never see a site.

use std::sync::OnceLock;

use grep_matcher::{Captures, Matcher};
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use regex_automata::hybrid::dfa::{Cache, Config, DFA};
use regex_automata::nfa::thompson;
use regex_automata::{Anchored, Input, MatchKind};
use regex_syntax::hir::{Hir, HirKind};

use super::atoms;
use super::dialect::{self, DialectError, Translated};
use super::known;

/// How much of a pattern is held against every site, in bytes.
const GLANCE: usize = 40;

/// The states that one automaton of one thread may keep.
const CACHE_BYTES: usize = 256 << 10;

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

/// One site's automata.
#[derive(Debug)]
struct Site {
    /// Bytes that may follow the atom; `None`: any, or none.
    follows: Option<Box<[bool; 256]>>,
    rest: Hir,
    glance: OnceLock<Option<DFA>>,
    whole: OnceLock<Option<DFA>>,
    relaxed: OnceLock<Option<DFA>>,
}

/// The states that one thread has found for one site.
#[derive(Debug, Default)]
pub(super) struct SiteCache {
    glance: Option<Cache>,
    whole: Option<Cache>,
    relaxed: Option<Cache>,
}

impl SiteCache {
    pub(super) fn bytes(&self) -> usize {
        [&self.glance, &self.whole, &self.relaxed].into_iter().flatten().map(Cache::memory_usage).sum()
    }
}

/// What was seen of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// How far a match through the site can reach, if one is possible.
    pub(super) reach: Option<usize>,
    /// Bytes that were looked at.
    pub(super) walked: usize,
}

impl Content {
    pub(super) fn new(pattern: &str) -> Result<Content, DialectError> {
        match known::anchors(pattern) {
            Some(anchors) => {
                let pattern = Translated::later(pattern);
                Ok(Content { pattern, anchors, sites: OnceLock::new(), matcher: OnceLock::new() })
            }
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
        Ok(Content { pattern, anchors, sites: OnceLock::new(), matcher: OnceLock::new() })
    }

    /// Looks forward from the atom of site `number` at `start..end`.
    pub(super) fn look(&self, number: usize, text: &[u8], start: usize, end: usize, cache: &mut SiteCache) -> Look {
        const NO: Look = Look { reach: None, walked: 0 };
        let Some(site) = self.sites().get(number) else { return NO };
        if !site.may_follow(text, end) {
            return NO;
        }
        let input = Input::new(text).span(start..text.len()).anchored(Anchored::Yes).earliest(true);
        if let Some(glance) = site.glance.get_or_init(|| automaton(&atoms::beginning(&site.rest, GLANCE))) {
            let cache = cache.glance.get_or_insert_with(|| glance.create_cache());
            if matches!(glance.try_search_fwd(cache, &input), Ok(None)) {
                return NO;
            }
        }
        walk(site.whole.get_or_init(|| automaton(&site.rest)), &mut cache.whole, &input, false)
    }

    /// Whether a match through the site is possible even when lines around it are left out.
    pub(super) fn look_relaxed(
        &self,
        number: usize,
        text: &[u8],
        start: usize,
        end: usize,
        cache: &mut SiteCache,
    ) -> Look {
        let Some(site) = self.sites().get(number) else { return Look { reach: None, walked: 0 } };
        if end < text.len() && !site.may_follow(text, end) {
            return Look { reach: None, walked: 0 };
        }
        let input = Input::new(text).span(start..text.len()).anchored(Anchored::Yes);
        let relaxed = site.relaxed.get_or_init(|| automaton(&atoms::relaxed(&site.rest)));
        walk(relaxed, &mut cache.relaxed, &input, true)
    }

    /// The first match in `text` that starts at `at` or later.
    pub(super) fn find(&self, text: &[u8], at: usize) -> Option<(usize, usize)> {
        let found = self.matcher()?.find_at(text, at).ok()??;
        Some((found.start(), found.end()))
    }

    /// The secret in a match that is looked at alone: group `group`, or for 0 the first group that is not empty, or
    /// the whole match. `None`: a group that took no part, which is an empty secret.
    pub(super) fn secret(&self, matched: &[u8], group: usize) -> (usize, usize) {
        let whole = (0, matched.len());
        let Some(matcher) = self.matcher() else { return whole };
        let Ok(mut captures) = matcher.new_captures() else { return whole };
        if captures.len() < 2 || !matches!(matcher.captures(matched, &mut captures), Ok(true)) {
            return whole;
        }
        if group > 0 {
            return captures.get(group).map_or((0, 0), |group| (group.start(), group.end()));
        }
        let groups = (1..captures.len()).filter_map(|group| captures.get(group));
        groups.into_iter().find(|group| !group.is_empty()).map_or(whole, |group| (group.start(), group.end()))
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
        let follows = atoms::first_bytes(&atoms::behind(&site.rest, letters)).map(Box::new);
        Site { follows, rest: site.rest, glance: OnceLock::new(), whole: OnceLock::new(), relaxed: OnceLock::new() }
    }

    fn may_follow(&self, text: &[u8], end: usize) -> bool {
        match &self.follows {
            Some(follows) => text.get(end).is_some_and(|byte| follows[usize::from(*byte)]),
            None => true,
        }
    }
}

/// An automaton that finds every match from where it starts. `None` where it would be too large.
fn automaton(pattern: &Hir) -> Option<DFA> {
    let config = thompson::Config::new()
        .utf8(false)
        .which_captures(thompson::WhichCaptures::None)
        .nfa_size_limit(Some(MATCHER_BYTES / 4));
    // An empty pattern holds everywhere: nothing to ask.
    if matches!(pattern.kind(), HirKind::Empty) {
        return None;
    }
    let nfa = thompson::NFA::compiler().configure(config).build_from_hir(pattern).ok()?;
    let config = Config::new()
        .match_kind(MatchKind::All)
        .cache_capacity(CACHE_BYTES)
        .skip_cache_capacity_check(true)
        .specialize_start_states(false);
    DFA::builder().configure(config).build_from_nfa(nfa).ok()
}

/// Follows the automaton until no match can grow any more. Where there is none, or it fails, everything is possible.
fn walk(automaton: &Option<DFA>, cache: &mut Option<Cache>, input: &Input<'_>, any: bool) -> Look {
    let text = input.haystack();
    let anything = Look { reach: Some(text.len()), walked: text.len() - input.start() };
    let Some(automaton) = automaton else { return anything };
    let cache = cache.get_or_insert_with(|| automaton.create_cache());
    let Ok(mut state) = automaton.start_state_forward(cache, input) else { return anything };
    let mut reach = None;
    for (offset, byte) in text[input.start()..].iter().enumerate() {
        let Ok(next) = automaton.next_state(cache, state, *byte) else { return anything };
        state = next;
        if state.is_tagged() {
            if state.is_match() {
                // Matches are told one byte late.
                reach = Some(input.start() + offset);
                if any {
                    return Look { reach, walked: offset };
                }
            } else if state.is_dead() {
                return Look { reach, walked: offset };
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
    Look { reach, walked: text.len() - input.start() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_tells_how_far_a_match_can_reach() {
        let content = Content::new(r"\btok_[a-z]{2,4}\b").unwrap();
        let mut cache = SiteCache::default();
        let mut look = |text: &[u8], start: usize| content.look(0, text, start, start + 4, &mut cache).reach;
        assert_eq!(look(b"tok_abc d", 0), Some(7));
        assert_eq!(look(b"tok_abc", 0), Some(7));
        assert_eq!(look(b"tok_abcde", 0), None);
        assert_eq!(look(b"xtok_abc", 1), None);
        assert_eq!(look(b"tok_", 0), None);
    }

    #[test]
    fn a_relaxed_look_knows_that_lines_may_be_cut_out() {
        let content = Content::new(r"^tok_[a-z]+$").unwrap();
        let mut cache = SiteCache::default();
        let text = b"a\ntok_b\nc";
        assert_eq!(content.look(0, text, 2, 6, &mut cache).reach, None);
        assert!(content.look_relaxed(0, text, 2, 6, &mut cache).reach.is_none(), "a newline stands before the end");
        let content = Content::new("^tok_[a-z]+\n$").unwrap();
        assert!(content.look_relaxed(0, text, 2, 6, &mut SiteCache::default()).reach.is_some());
    }

    #[test]
    fn the_secret_is_a_group_of_the_match_alone() {
        let content = Content::new(r"key=(?:(a+)|(b+))").unwrap();
        assert_eq!(content.secret(b"key=bb", 0), (4, 6));
        assert_eq!(content.secret(b"key=bb", 1), (0, 0));
        assert_eq!(content.secret(b"other", 0), (0, 5));
    }
}
