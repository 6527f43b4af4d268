//! The content pattern of one rule: looked at from its sites, matched in full only where a site holds.
//!
//! Everything that costs time to make is made when it is first needed: most rules of a rule file never see a site.

use std::sync::OnceLock;

use grep_matcher::{Captures, Matcher};
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use regex_syntax::hir::Hir;

use super::atoms;
use super::dialect::{self, DialectError, Translated};
use super::gate::Gate;
use super::known;
use super::lazy::{Begins, Part, States, Whole, WholeStates};

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
    tree: OnceLock<Option<Box<Hir>>>,
    sites: OnceLock<Vec<Site>>,
    whole: Whole,
    matcher: OnceLock<Option<Box<RegexMatcher>>>,
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
    is: atoms::Site,
    /// What stands before the atom stands on its line.
    lead_is_local: bool,
    before: Part,
    whole: Part,
    /// Of what follows when lines around it are left out.
    relaxed: OnceLock<(Hir, Part)>,
}

/// The states that one thread has found for one site.
#[derive(Debug, Default)]
pub(super) struct SiteCache {
    before: States,
    whole: States,
    relaxed: States,
}

impl SiteCache {
    pub(super) fn bytes(&self) -> usize {
        self.before.bytes() + self.whole.bytes() + self.relaxed.bytes()
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

impl Look {
    const NO: Look = Look { found: None, walked: 0 };
}

impl Content {
    pub(super) fn new(pattern: &str) -> Result<Content, DialectError> {
        match known::anchors(pattern) {
            Some(anchors) => Ok(Content::with(Translated::later(pattern.into()), anchors)),
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
            tree: OnceLock::new(),
            sites: OnceLock::new(),
            whole: Whole::default(),
            matcher: OnceLock::new(),
        }
    }

    /// The gate of site `number`.
    pub(super) fn gate(&self, number: usize) -> Option<Gate> {
        let derived = || self.sites().get(number).map(|site| Gate::of(&site.is));
        known::gate(self.pattern.original(), number).or_else(derived)
    }

    /// Looks forward from the atom of site `number` at `start`, and back from it where a match is possible. For sites
    /// that their gate allows.
    pub(super) fn look(&self, number: usize, text: &[u8], start: usize, cache: &mut SiteCache) -> Look {
        let Some(site) = self.sites().get(number) else { return Look::NO };
        let walked = site.whole.walk(&site.is.rest, &mut cache.whole, text, start, false);
        let found = walked.reach.and_then(|reach| Some((site.earliest(text, start, &mut cache.before)?, reach)));
        Look { found, walked: walked.bytes }
    }

    /// Whether a match through the site is possible even when lines around it are left out. For sites that their gate
    /// may allow.
    pub(super) fn look_relaxed(&self, number: usize, text: &[u8], start: usize, cache: &mut SiteCache) -> Look {
        let Some(site) = self.sites().get(number) else { return Look::NO };
        let (rest, relaxed) = site.relaxed.get_or_init(|| (atoms::relaxed(&site.is.rest), Part::default()));
        let walked = relaxed.walk(rest, &mut cache.relaxed, text, start, true);
        let holds = |_: &usize| !site.lead_is_local || site.earliest(text, start, &mut cache.before).is_some();
        Look { found: walked.reach.filter(holds).map(|reach| (start, reach)), walked: walked.bytes }
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
        let (rest, relaxed) = site.relaxed.get()?;
        let walked = relaxed.walk(rest, &mut cache.relaxed, text, start, false);
        Some((walked.reach.unwrap_or(start), walked.bytes))
    }

    /// As [`Content::find`], for places where a match most likely starts: one start is far less to keep track of than
    /// all of them.
    pub(super) fn find_here(&self, text: &[u8], at: usize, cache: &mut WholeStates) -> Option<(usize, usize)> {
        match self.whole.end(|| self.tree(), cache, text, at) {
            Some(end) => Some((at, end)),
            None => self.find(text, at),
        }
    }

    /// The first match in `text` that starts at `at` or later.
    pub(super) fn find(&self, text: &[u8], at: usize) -> Option<(usize, usize)> {
        let found = self.matcher()?.find_at(text, at).ok()??;
        Some((found.start(), found.end()))
    }

    /// The secret in a match that is looked at alone: group `group`, or for 0 the first group that is not empty, or
    /// the whole match. A group that took no part is an empty secret.
    pub(super) fn secret(&self, matched: &[u8], group: usize, cache: &mut WholeStates) -> (usize, usize) {
        let whole = (0, matched.len());
        if let Some(slots) = self.whole.groups(|| self.tree(), cache, matched) {
            let groups = slots.iter().skip(1).map(|group| group.map(|group| (group.start, group.end)));
            return chosen(groups, group, whole);
        }
        let Some(matcher) = self.matcher() else { return whole };
        let Ok(mut captures) = matcher.new_captures() else { return whole };
        if captures.len() < 2 || !matches!(matcher.captures(matched, &mut captures), Ok(true)) {
            return whole;
        }
        let groups = (1..captures.len()).map(|group| captures.get(group).map(|group| (group.start(), group.end())));
        chosen(groups, group, whole)
    }

    /// False when the pattern could not be compiled after all.
    pub(super) fn is_usable(&self) -> bool {
        self.matcher.get().is_none_or(Option::is_some)
    }

    fn sites(&self) -> &[Site] {
        self.sites.get_or_init(|| {
            let sites = self.tree().and_then(atoms::sites);
            sites.unwrap_or_default().into_iter().map(Site::new).collect()
        })
    }

    fn tree(&self) -> Option<&Hir> {
        self.tree.get_or_init(|| dialect::tree(self.pattern.text()).ok().map(Box::new)).as_deref()
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
        self.matcher.get_or_init(|| compile().map(Box::new)).as_deref()
    }
}

impl Site {
    fn new(site: atoms::Site) -> Site {
        Site {
            lead_is_local: atoms::stays_on_line(&site.lead),
            is: site,
            before: Part::default(),
            whole: Part::default(),
            relaxed: OnceLock::new(),
        }
    }

    /// Where a match whose atom begins at `start` begins at the earliest; `None` where none can end in the atom.
    fn earliest(&self, text: &[u8], start: usize, states: &mut States) -> Option<usize> {
        let back = match self.is.back {
            Some(0) => return Some(start),
            Some(back) if back <= MOST_LEAD => back,
            back => return Some(start.saturating_sub(back.unwrap_or(usize::MAX))),
        };
        let least = start.saturating_sub(back);
        match self.before.begins(&self.is.lead, states, text, least, start) {
            Begins::At(earliest) => Some(earliest),
            Begins::Nowhere => None,
            Begins::Anywhere => Some(least),
        }
    }
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
        let secret = |matched: &[u8], group: usize| content.secret(matched, group, &mut WholeStates::default());
        assert_eq!(secret(b"key=bb", 0), (4, 6));
        assert_eq!(secret(b"key=bb", 1), (0, 0));
        assert_eq!(secret(b"other", 0), (0, 5));
    }
}
