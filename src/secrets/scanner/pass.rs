//! One look over one text: a fragment as it stands, or what its encodings say.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use bstr::BString;

use super::super::allowlist::{Found, lower};
use super::super::content::Content;
use super::super::decode::Decoded;
use super::super::entropy;
use super::super::fragment::Fragment;
use super::super::gate::Gate;
use super::super::lazy::WholeStates;
use super::super::leak::Leak;
use super::super::rules::Required;
use super::cache::{Cache, Sighting, Window};
use super::{Gated, Ready, Scanner, SiteOf};

/// A line that says this is not reported.
const ALLOW_COMMENT: &[u8] = b"gitleaks:allow";

/// How much may be looked at from the sites of one rule before its pattern is matched everywhere instead: times the
/// length of the text, and in bytes.
const MOST_WALKS: usize = 8;
const FEW_WALKS: usize = 1 << 20;

/// How many sites wait at most until all atoms of a text are known; more are looked at as they come.
const MOST_PUT_OFF: usize = 1 << 16;

/// The lines that the leaks of one fragment keep in full. A fragment that is one line repeats it in every leak.
const MOST_LINE_BYTES: usize = 1 << 20;

/// What is kept of a line on each side of a match after that.
const LINE_MARGIN: usize = 100;

pub(super) struct Pass<'a> {
    pub(super) scanner: &'a Scanner,
    pub(super) fragment: &'a Fragment<'a>,
    /// What is matched.
    pub(super) text: &'a [u8],
    /// How it came out of the fragment's text.
    pub(super) decoded: Option<&'a Decoded>,
}

/// Whether so much of `text` was looked at from sites that another way is better.
pub(super) fn is_tired(text: &[u8], walked: usize) -> bool {
    walked > FEW_WALKS.max(text.len().saturating_mul(MOST_WALKS))
}

impl Scanner {
    /// What must hold at the site before it is looked at; `None` where there is no such site.
    pub(super) fn gated<'s>(&'s self, of: &'s SiteOf) -> Option<&'s Gated> {
        let gated = || {
            let gate = self.rules[of.rule as usize].content.as_ref()?.gate(of.number as usize)?;
            let number = |atom: &Vec<u8>| self.numbers.get(atom).copied();
            // Literals that nobody looks for say nothing.
            let later = gate.later.iter().filter_map(|spelt| spelt.iter().map(number).collect());
            let later: Vec<Vec<u32>> = later.collect();
            later.iter().flatten().for_each(|atom| self.atoms[*atom as usize].decides.store(true, Ordering::Relaxed));
            Some(Gated { later, gate })
        };
        of.gate.get_or_init(gated).as_ref()
    }

    /// Begins a pass: hands over the sites whose gate is open, and where their atoms begin. Those that need further
    /// literals come last, and only if these stand somewhere. Ends early when `look` says no.
    pub(super) fn each_site(
        &self,
        text: &[u8],
        cache: &mut Cache,
        is_open: impl Fn(&Gate, &[u8], usize, usize) -> bool,
        mut look: impl FnMut(u32, usize, &mut Cache) -> bool,
    ) {
        let mut hits = std::mem::take(&mut cache.hits);
        cache.begin();
        let mut goes_on = true;
        self.automaton.find(text, 0..text.len(), &mut hits, |hits| {
            for hit in hits {
                for atom in self.automaton.atoms(*hit) {
                    cache.seen[*atom as usize] = cache.pass;
                    let atom = &self.atoms[*atom as usize];
                    for site in &atom.sites {
                        let at = hit.end - atom.length;
                        let Some(gated) = self.gated(&self.sites[*site as usize]) else { continue };
                        if !is_open(&gated.gate, text, at, hit.end) {
                            continue;
                        }
                        match gated.later.is_empty() || cache.put_off.len() == MOST_PUT_OFF {
                            true => goes_on = look(*site, at, cache),
                            false => cache.put_off.push((*site, at)),
                        }
                        if !goes_on {
                            return false;
                        }
                    }
                }
            }
            true
        });
        cache.hits = hits;
        let mut put_off = std::mem::take(&mut cache.put_off);
        for (site, at) in put_off.drain(..) {
            if goes_on && self.is_complete(site, |atom| cache.seen[atom as usize] == cache.pass) {
                goes_on = look(site, at, cache);
            }
        }
        cache.put_off = put_off;
    }

    /// Whether all literals that a match through the site needs were seen.
    pub(super) fn is_complete(&self, site: u32, seen: impl Fn(u32) -> bool) -> bool {
        let later = self.gated(&self.sites[site as usize]).map_or(&[][..], |gated| &gated.later);
        later.iter().all(|spelt| spelt.iter().any(|atom| seen(*atom)))
    }

    /// Whether the text, lower-cased, contains a keyword of the rule.
    pub(super) fn has_keyword(&self, rule: &Ready, text: &[u8], cache: &mut Cache) -> bool {
        if rule.keywords.is_empty() || rule.keyword_atoms.iter().any(|atom| cache.seen[*atom as usize] == cache.pass) {
            return true;
        }
        let hidden = self.atoms.iter().rev().take_while(|atom| atom.hides_keywords).count();
        let hidden = cache.seen[cache.seen.len() - hidden..].contains(&cache.pass);
        if !hidden && !rule.odd_keywords {
            return false;
        }
        let lower = cache.lower.get_or_insert_with(|| lower(text));
        rule.keywords.iter().any(|word| memchr::memmem::find(lower, word.as_bytes()).is_some())
    }
}

impl Pass<'_> {
    /// Adds the leaks of every rule.
    pub(super) fn run(&self, cache: &mut Cache, leaks: &mut Vec<Leak>) {
        self.look_at_sites(cache);
        let mut rules: Vec<u32> = self.scanner.everywhere.iter().chain(&cache.touched).copied().collect();
        rules.sort_unstable();
        for number in rules {
            let rule = &self.scanner.rules[number as usize];
            if rule.content.is_none() || rule.skip_report {
                continue;
            }
            let seen = cache.sightings[number as usize].has_keyword;
            if !seen && !self.scanner.has_keyword(rule, self.text, cache) {
                continue;
            }
            let found = self.detect(number as usize, cache);
            leaks.extend(match rule.required.is_empty() || found.is_empty() {
                true => found,
                false => self.compose(rule, found, cache),
            });
        }
    }

    /// Fills the sightings.
    pub(super) fn look_at_sites(&self, cache: &mut Cache) {
        self.scanner.each_site(self.text, cache, Gate::allows, |site, at, cache| {
            self.look_at(site, at, cache);
            true
        });
    }

    /// Looks at a site whose gate is open.
    fn look_at(&self, site: u32, at: usize, cache: &mut Cache) {
        let of = &self.scanner.sites[site as usize];
        let Some(content) = &self.scanner.rules[of.rule as usize].content else { return };
        let sighting = &mut cache.sightings[of.rule as usize];
        if sighting.everywhere {
            return;
        }
        let look = content.look(of.number as usize, self.text, at, &mut cache.sites[site as usize]);
        if sighting.walked == 0 && sighting.windows.is_empty() {
            cache.touched.push(of.rule);
        }
        sighting.walked = sighting.walked.saturating_add(look.walked).max(1);
        sighting.everywhere = is_tired(self.text, sighting.walked);
        if let Some((start, reach)) = look.found {
            sighting.windows.push(Window { at, start, reach });
            sighting.has_keyword |= of.has_keyword;
        }
    }

    /// The leaks of one rule, whether it is reported or only required.
    pub(super) fn detect(&self, number: usize, cache: &mut Cache) -> Vec<Leak> {
        let rule = &self.scanner.rules[number];
        let origin = self.fragment.origin;
        let Some(content) = &rule.content else {
            return match self.decoded {
                None => rule.path_leak(origin).into_iter().collect(),
                Some(_) => Vec::new(),
            };
        };
        let mut sighting = std::mem::take(&mut cache.sightings[number]);
        let everywhere = sighting.everywhere || content.anchors.is_none();
        let mut leaks = Vec::new();
        let commit = origin.commit.as_ref().map_or("", |commit| &commit.id);
        if (everywhere || !sighting.windows.is_empty())
            && rule.path.as_ref().is_none_or(|path| path.is_match(&origin.path))
            && !rule.allowlists.iter().any(|list| list.allows_place(&origin.path, commit))
        {
            let mut pattern = std::mem::take(&mut cache.patterns[number]);
            let mut found = |start: usize, end: usize, pattern: &mut WholeStates| {
                leaks.extend(self.leak(rule, content, start, end, pattern, cache));
            };
            match everywhere {
                true => all_matches(content, self.text, &mut |start, end| found(start, end, &mut pattern)),
                false => matches_through(content, self.text, rule.back, &mut sighting, &mut pattern, &mut found),
            }
            cache.patterns[number] = pattern;
        }
        cache.sightings[number] = sighting;
        leaks
    }

    /// What a match comes to, if no allowlist and no threshold stands against it.
    fn leak(
        &self,
        rule: &Ready,
        content: &Content,
        start: usize,
        end: usize,
        pattern: &mut WholeStates,
        cache: &mut Cache,
    ) -> Option<Leak> {
        let (text, original, origin) = (self.text, self.fragment.text, self.fragment.origin);
        let is_newline = |byte: &u8| *byte == b'\n';
        let whole = &text[start..end];
        let leading = whole.iter().take_while(|byte| is_newline(byte)).count();
        let trailing = whole[leading..].iter().rev().take_while(|byte| is_newline(byte)).count();
        let matched = &whole[leading..whole.len() - trailing];

        // gitleaks shortens a match at its end by what it trims at both ends.
        let source = match self.decoded {
            Some(decoded) => Some(decoded.source(start, end)?),
            None => None,
        };
        let (first, last, truly) = match &source {
            Some(source) => (source.start, source.end.min(original.len()), source.start),
            None => (start, start + matched.len(), start + leading),
        };
        let (from, to) = content.secret(matched, rule.secret_group, pattern);
        let secret = &matched[from..to];
        let bits = entropy::shannon(secret);
        if rule.entropy != 0.0 && bits <= rule.entropy {
            return None;
        }
        let first = first.min(last);
        let place = cache.lines.place(original, first, last);
        let line = &original[place.line_start..place.line_end];
        if !self.scanner.options.ignore_allow_comments && memchr::memmem::find(line, ALLOW_COMMENT).is_some() {
            return None;
        }
        let commit = origin.commit.as_ref().map_or("", |commit| &commit.id);
        let decoded_line = source.as_ref().map(|source| &text[source.line.clone()]).filter(|line| !line.is_empty());
        let found = Found { secret, matched, line: decoded_line.unwrap_or(line), path: &origin.path, commit };
        if self.scanner.allowlists.iter().chain(&rule.allowlists).any(|list| list.allows(&found)) {
            return None;
        }
        let start_line = self.fragment.lines_before + 1 + place.start_line;
        let until = if source.is_some() { last } else { truly + matched.len() };
        let span = cache.lines.span(original, truly.min(until), until, self.fragment.lines_before);
        let line = self.kept(line, first - place.line_start.min(first), cache);
        let tags = rule.tags.iter().cloned().chain(source.into_iter().flat_map(|source| source.tags));
        Some(Leak {
            rule: rule.id.clone(),
            description: rule.description.clone(),
            start_line,
            end_line: self.fragment.lines_before + 1 + place.end_line,
            start_column: place.start_column,
            end_column: place.end_column,
            matched: matched.into(),
            secret: secret.into(),
            line,
            file: origin.path.clone(),
            symlink: origin.symlink.clone(),
            commit: origin.commit.clone(),
            link: String::new(),
            entropy: bits as f32,
            tags: tags.collect(),
            fingerprint: rule.fingerprint(origin, start_line),
            span,
        })
    }

    /// The line as the leak keeps it: whole, unless the leaks of this fragment hold too much already.
    fn kept(&self, line: &[u8], at: usize, cache: &mut Cache) -> BString {
        let line = match cache.line_bytes.saturating_add(line.len()) > MOST_LINE_BYTES {
            true => &line[at.saturating_sub(LINE_MARGIN)..line.len().min(at + LINE_MARGIN)],
            false => line,
        };
        cache.line_bytes += line.len();
        line.into()
    }

    /// Those of `found` near which every required rule has a match.
    fn compose(&self, rule: &Ready, found: Vec<Leak>, cache: &mut Cache) -> Vec<Leak> {
        let each: Vec<(&Required, Vec<Leak>)> =
            rule.required.iter().map(|(number, required)| (required, self.detect(*number, cache))).collect();
        let complete = |leak: &Leak| {
            each.iter().all(|(required, others)| others.iter().any(|other| is_near(leak, other, required)))
        };
        found.into_iter().filter(complete).collect()
    }
}

fn is_near(leak: &Leak, other: &Leak, required: &Required) -> bool {
    let within = |a: usize, b: usize, most: Option<u32>| most.is_none_or(|most| a.abs_diff(b) <= most as usize);
    within(leak.start_line, other.start_line, required.within_lines)
        && within(leak.start_column, other.start_column, required.within_columns)
}

/// Every match in `text`, one behind the other.
fn all_matches(content: &Content, text: &[u8], found: &mut impl FnMut(usize, usize)) {
    let mut at = 0;
    let mut last_end = None;
    while at <= text.len() {
        let Some((start, end)) = content.find(text, at) else { return };
        // As Go has it: no empty match where another one ended.
        if start != end || last_end != Some(start) {
            found(start, end);
        }
        last_end = Some(end);
        at = if end > start { end } else { next_character(text, end) };
    }
}

/// Every match in `text` that goes through a window, one behind the other: just those that a search of the whole text
/// would find, because every match goes through one.
fn matches_through(
    content: &Content,
    text: &[u8],
    back: usize,
    sighting: &mut Sighting,
    cache: &mut WholeStates,
    found: &mut impl FnMut(usize, usize, &mut WholeStates),
) {
    sighting.windows.sort_unstable();
    let windows = &sighting.windows;
    // The windows whose matches may start at or before the current one; the farthest reach of them stands in front.
    let mut farthest: VecDeque<Window> = VecDeque::new();
    // And the earliest start of them likewise.
    let mut earliest: VecDeque<Window> = VecDeque::new();
    let mut ahead = 0;
    // Behind the last match, and behind the starts that were tried already.
    let mut from = 0;
    let mut known: Option<(usize, Option<(usize, usize)>)> = None;
    for window in windows {
        while let Some(next) = windows.get(ahead).filter(|next| next.at.saturating_sub(back) <= window.at) {
            while farthest.back().is_some_and(|last| last.reach <= next.reach) {
                farthest.pop_back();
            }
            farthest.push_back(*next);
            while earliest.back().is_some_and(|last| last.start >= next.start) {
                earliest.pop_back();
            }
            earliest.push_back(*next);
            ahead += 1;
        }
        for first in [&mut farthest, &mut earliest] {
            while first.front().is_some_and(|first| first.at < window.at) {
                first.pop_front();
            }
        }
        // One byte more, for assertions at the end of a match.
        let reach = farthest.front().map_or(window.reach, |first| first.reach);
        let mut cut = (reach + 1).min(text.len());
        from = from.max(earliest.front().map_or(window.start, |first| first.start));
        while from <= window.at {
            let next = match known {
                Some((same_cut, next)) if same_cut == cut && next.is_none_or(|(start, _)| start >= from) => next,
                _ => content.find_here(&text[..cut], from, cache),
            };
            if let Some((_, end)) = next
                && end == cut
                && cut < text.len()
            {
                // An assertion held at our cut that may not hold in the text.
                cut = text.len();
                continue;
            }
            known = Some((cut, next));
            let Some((start, end)) = next.filter(|(start, _)| *start <= window.at) else { break };
            found(start, end, cache);
            from = if end > start { end } else { next_character(text, end) };
            known = None;
        }
        from = from.max(window.at + 1);
    }
}

/// Behind the character at `at`.
fn next_character(text: &[u8], at: usize) -> usize {
    (at + 1..text.len()).find(|next| text[*next] & 0xc0 != 0x80).unwrap_or(text.len().max(at + 1))
}
