//! What one thread remembers between fragments.

use std::sync::Arc;

use super::super::automaton::Hit;
use super::super::content::SiteCache;
use super::super::fragment::Origin;
use super::super::lazy::WholeStates;
use super::super::place::Lines;
use super::Scanner;
use super::sieve::Last;

/// All states of all automata that one thread keeps. They are found again quickly.
const MOST_BYTES: usize = 32 << 20;

/// How many fragments pass before the states are weighed.
const WEIGHED_EVERY: u32 = 256;

/// A candidate: a match may go through here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Window {
    /// Where the atom begins.
    pub(super) at: usize,
    /// Where a match through it begins at the earliest.
    pub(super) start: usize,
    /// Where the longest match through it ends.
    pub(super) reach: usize,
}

/// What was seen of one rule in one pass.
#[derive(Debug, Default)]
pub(super) struct Sighting {
    pub(super) windows: Vec<Window>,
    /// A window was found that contains a keyword of the rule.
    pub(super) has_keyword: bool,
    /// Bytes that were looked at from its sites.
    pub(super) walked: usize,
    /// Its sites were too many: the whole text is matched.
    pub(super) everywhere: bool,
}

impl Sighting {
    fn clear(&mut self) {
        self.windows.clear();
        self.windows.shrink_to(1 << 10);
        (self.has_keyword, self.walked, self.everywhere) = (false, 0, false);
    }
}

/// What one thread remembers between fragments: buffers and the states of automata. Bounded.
#[derive(Debug, Default)]
pub struct Cache {
    mark: Arc<()>,
    pub(super) hits: Vec<Hit>,
    /// By atom: the pass that saw it last.
    pub(super) seen: Vec<u32>,
    pub(super) pass: u32,
    /// Sites whose gate let them through, and where their atoms begin, until all atoms are known.
    pub(super) put_off: Vec<(u32, usize)>,
    /// By rule.
    pub(super) sightings: Vec<Sighting>,
    /// Rules with a sighting.
    pub(super) touched: Vec<u32>,
    /// By site.
    pub(super) sites: Vec<SiteCache>,
    /// By rule.
    pub(super) patterns: Vec<WholeStates>,
    pub(super) lines: Lines,
    /// What the sieve saw last.
    pub(super) last: Last,
    pub(super) last_origin: Option<(Origin, bool)>,
    /// The lower-cased text, where a keyword needs it.
    pub(super) lower: Option<Vec<u8>>,
    /// Bytes of lines that the leaks of this fragment hold.
    pub(super) line_bytes: usize,
    scans: u32,
}

impl Cache {
    /// Makes the cache one of `scanner`'s, if it is not.
    pub(super) fn belong_to(&mut self, scanner: &Scanner) {
        if !Arc::ptr_eq(&self.mark, &scanner.mark) {
            *self = Cache { mark: scanner.mark.clone(), ..Cache::default() };
            self.seen.resize(scanner.atoms.len(), 0);
            self.sightings.resize_with(scanner.rules.len(), Sighting::default);
            self.patterns.resize_with(scanner.rules.len(), WholeStates::default);
            self.sites.resize_with(scanner.sites.len(), SiteCache::default);
        }
        self.line_bytes = 0;
    }

    /// Begins a pass.
    pub(super) fn begin(&mut self) {
        for rule in self.touched.drain(..) {
            self.sightings[rule as usize].clear();
        }
        self.lower = None;
        self.pass = self.pass.wrapping_add(1);
        if self.pass == 0 {
            self.seen.fill(0);
            self.pass = 1;
        }
    }

    /// Keeps it bounded.
    pub(super) fn trim(&mut self) {
        self.scans += 1;
        self.hits.shrink_to(1 << 14);
        self.put_off.shrink_to(1 << 14);
        if self.scans >= WEIGHED_EVERY {
            self.scans = 0;
            let sites = self.sites.iter().map(SiteCache::bytes).sum::<usize>();
            if sites + self.patterns.iter().map(WholeStates::bytes).sum::<usize>() > MOST_BYTES {
                self.sites.iter_mut().for_each(|site| *site = SiteCache::default());
                self.patterns.iter_mut().for_each(|pattern| *pattern = WholeStates::default());
            }
        }
    }
}
