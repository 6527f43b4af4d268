//! Where a text could hold a leak, wherever its lines are cut: the cheap question that is asked of every version of every
//! file before a history is read. It errs on the side of more.
//!
//! Versions of a file differ in a few lines, and packs hand them out one behind the other. So the text that was looked at
//! last is remembered with all that its answer hung on, and of the next one only those lines are looked at that it does
//! not share with it. That is sound because
//!
//! - whether a leak is possible through a site hangs on the bytes from the beginning of its line to where the look from
//!   it ended. Nearly all looks end on the same line; those that do not are remembered, and repeated where what they
//!   read has changed;
//! - sites that need further literals are dismissed while one of those stands nowhere. A literal that the last text
//!   had nowhere, and everything is looked at again;
//! - encodings end with their line, all but `U+`: a text with those could hold a leak anywhere.

use std::ops::Range;
use std::sync::atomic::Ordering;

use super::super::decode::{self, Decoded};
use super::super::fragment::{Fragment, Origin};
use super::super::gate::Gate;
use super::cache::Cache;
use super::pass::{Pass, is_tired};
use super::{Options, Ready, Scanner};
use crate::text::versions::{changes, line_end, line_start};

/// How many looks are remembered at most.
const MOST_MARKS: usize = 4_096;

/// Texts of other lengths are not remembered: looking again is cheap, or keeping them is dear.
const REMEMBERED: Range<usize> = 1 << 10..8 << 20;

/// A look from a site that is remembered: it found a leak possible, or it read beyond its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Mark {
    at: usize,
    site: u32,
    /// Behind the last byte that was read. The end of the text is read like a byte.
    end: usize,
    holds: bool,
    /// That it holds is more than a guess.
    is_sure: bool,
}

/// A text that was looked at, and what the answer hung on.
#[derive(Debug, Default)]
pub(super) struct Last {
    text: Vec<u8>,
    /// The atoms that stand in it, in what its encodings say, in what theirs say, and so on.
    seen: Vec<Atoms>,
    /// In the order of the text.
    marks: Vec<Mark>,
    walked: usize,
    /// Whether all of the above was found out.
    is_known: bool,
}

/// A set of atoms.
#[derive(Clone, Debug, Default)]
struct Atoms(Vec<u64>);

impl Atoms {
    fn insert(&mut self, atom: u32) {
        self.0[atom as usize / 64] |= 1 << (atom % 64);
    }

    /// Those that the last pass saw.
    fn of(cache: &Cache) -> Atoms {
        let word = |atoms: &[u32]| {
            let bits = atoms.iter().zip(0..).filter(|(pass, _)| **pass == cache.pass);
            bits.fold(0, |word, (_, bit)| word | 1 << bit)
        };
        Atoms(cache.seen.chunks(64).map(word).collect())
    }

    fn has(&self, atom: u32) -> bool {
        self.0.get(atom as usize / 64).is_some_and(|word| word >> (atom % 64) & 1 == 1)
    }
}

/// Why a look ends early.
enum Stop {
    /// A leak is possible, and cannot be told where.
    Anywhere,
    /// What is new is no reason by itself, but the rest has to be looked at again.
    Again,
}

/// A look at one text for all sites.
struct Survey<'a> {
    scanner: &'a Scanner,
    text: &'a [u8],
    marks: Vec<Mark>,
    /// Not all looks that would have to be remembered are among the marks.
    is_full: bool,
    walked: usize,
    /// Whether rules are asked that are meant for files of certain paths only.
    narrow: bool,
}

impl Scanner {
    /// Whether `text`, or any part of it that is made of whole lines, could hold a leak. Rules that are meant for files of
    /// certain paths are asked if `narrow`.
    pub fn may_contain(&self, text: &[u8], narrow: bool, cache: &mut Cache) -> bool {
        cache.belong_to(self);
        let mut last = Last::default();
        let possible = match last.renew(self, text, narrow, cache) {
            Ok(()) => last.marks.iter().any(|mark| mark.holds),
            Err(_) => true,
        };
        cache.trim();
        possible
    }

    /// Whether there are rules that are asked of this file and not of most others.
    pub fn is_narrow(&self, path: &[u8]) -> bool {
        let narrow = |rule: &Ready| rule.content.is_some() && rule.path.as_ref().is_some_and(|own| own.is_match(path));
        self.rules.iter().any(narrow)
    }

    /// Where a leak could be in `text` or in any part of it that is made of whole lines: runs of whole lines, in order and
    /// apart. Every leak that any part holds goes through one of them, and the part holds all lines of that run. `None`
    /// where it cannot be told: then there could be one anywhere. Rules that are meant for files of certain paths are not
    /// asked: see [`Scanner::is_narrow`].
    ///
    /// Fast for texts that have most of their lines in common with the one before.
    pub fn places(&self, text: &[u8], cache: &mut Cache) -> Option<Vec<Range<usize>>> {
        cache.belong_to(self);
        if !REMEMBERED.contains(&text.len()) {
            let mut last = Last::default();
            let known = last.renew(self, text, false, cache);
            cache.trim();
            return known.ok().map(|()| places(text, &last.marks));
        }
        let mut last = std::mem::take(&mut cache.last);
        let known = match last.follow(self, text, cache) {
            Err(Stop::Again) => last.renew(self, text, false, cache),
            known => known,
        };
        last.is_known &= known.is_ok();
        let places = known.ok().map(|()| places(text, &last.marks));
        if last.is_known {
            last.text.clear();
            last.text.extend_from_slice(text);
        }
        cache.last = last;
        cache.trim();
        places
    }

    /// Whether a rule that is asked of every text wants to be asked of this one, as far as its pass has got.
    fn is_asked_anyway(&self, text: &[u8], cache: &mut Cache) -> bool {
        let everywhere = self.everywhere.iter().map(|rule| &self.rules[*rule as usize]);
        everywhere.filter(|rule| rule.content.is_some()).any(|rule| self.has_keyword(rule, text, cache))
    }

    /// Whether no rule reads more than lines: what [`Last::follow`] rests on.
    fn is_local(&self) -> bool {
        let everywhere = self.everywhere.iter().map(|rule| &self.rules[*rule as usize]);
        let mut asked = everywhere.filter(|rule| rule.content.is_some());
        asked.all(|rule| !rule.keywords.is_empty() && !rule.odd_keywords)
            && !self.numbers.keys().any(|atom| atom.contains(&b'\n'))
    }
}

/// The lines of the marks that hold.
fn places(text: &[u8], marks: &[Mark]) -> Vec<Range<usize>> {
    let mut places: Vec<Range<usize>> = Vec::new();
    for mark in marks.iter().filter(|mark| mark.holds) {
        let end = mark.end.min(text.len());
        match places.last_mut() {
            Some(last) if end <= last.end => {}
            Some(last) if mark.at < last.end => last.end = line_end(text, end - 1),
            _ => places.push(line_start(&text[..mark.at])..line_end(text, end.max(mark.at + 1) - 1)),
        }
    }
    places
}

impl Last {
    /// Looks at all of `text`.
    fn renew(&mut self, scanner: &Scanner, text: &[u8], narrow: bool, cache: &mut Cache) -> Result<(), Stop> {
        self.seen.clear();
        self.marks.clear();
        let mut survey = Survey::new(scanner, text, narrow);
        survey.all(cache)?;
        self.is_known = !narrow && !survey.is_full && scanner.is_local();
        if self.is_known {
            self.seen.push(Atoms::of(cache));
        }
        if is_encoded(scanner.options, text)? {
            let mut decoded = Decoded::default();
            for _ in 0..scanner.options.decode_depth {
                if !decoded.advance(text) {
                    break;
                }
                let mut layer = Survey::new(scanner, &decoded.text, narrow);
                layer.all(cache)?;
                self.is_known &= !layer.is_full;
                for mark in &layer.marks {
                    // What stands there as it did before is known from before.
                    let is_old = match mark.holds {
                        true => {
                            let reach = scanner.reach(mark.site, &decoded.text, mark.at, cache);
                            let reach = reach.map_or(decoded.text.len(), |(reach, _)| reach.max(mark.at + 1));
                            let lines = line_start(&decoded.text[..mark.at])..line_end(&decoded.text, reach - 1);
                            decoded.is_plain(lines.start, lines.end)
                        }
                        false => decoded.is_plain(mark.at.saturating_sub(1), mark.end),
                    };
                    if mark.holds && !is_old {
                        return Err(Stop::Anywhere);
                    }
                    // A mark in decoded text stands nowhere in the text itself.
                    self.is_known =
                        self.is_known && is_old && scanner.is_complete(mark.site, |atom| self.seen[0].has(atom));
                }
                if self.is_known {
                    self.seen.push(Atoms::of(cache));
                }
            }
        }
        survey.make_sure(cache);
        survey.marks.sort_unstable();
        (self.marks, self.walked) = (survey.marks, survey.walked);
        Ok(())
    }

    /// Looks at the lines of `text` that the last one did not have.
    fn follow(&mut self, scanner: &Scanner, text: &[u8], cache: &mut Cache) -> Result<(), Stop> {
        if !self.is_known {
            return Err(Stop::Again);
        }
        let changes = changes(&self.text, text);
        if changes.iter().map(|change| change.new.len()).sum::<usize>() > text.len() / 8 * 7 {
            return Err(Stop::Again);
        }
        let mut survey = Survey { walked: self.walked, ..Survey::new(scanner, text, false) };
        // Where the marks outside of the changes stand now, and which of them read something that changed.
        let mut again = Vec::new();
        let mut behind = 0;
        for mark in &self.marks {
            behind += changes[behind..].iter().take_while(|change| change.old.end <= mark.at).count();
            let moved = |at: usize| match changes[..behind].last() {
                Some(change) => at - change.old.end + change.new.end,
                None => at,
            };
            match changes.get(behind) {
                Some(change) if change.old.start <= mark.at => {}
                Some(change) if change.old.start < mark.end => again.push((mark.site, moved(mark.at))),
                _ => survey.marks.push(Mark { at: moved(mark.at), end: moved(mark.end), ..*mark }),
            }
        }
        for change in &changes {
            let range = change.new.clone();
            let marks = survey.marks.len();
            survey.part(range.clone(), &mut self.seen, cache)?;
            // These looks may read what the lines behind the changed ones say decoded.
            if self.seen.len() > 1 && (survey.marks.len() > marks || !again.is_empty()) {
                return Err(Stop::Again);
            }
            if !is_encoded(scanner.options, &text[range.clone()])? {
                continue;
            }
            let mut decoded = Decoded::default();
            for depth in 1..=scanner.options.decode_depth {
                if !decoded.advance(&text[range.clone()]) {
                    break;
                }
                // A look from a line before may read what these lines say decoded.
                if !again.is_empty() {
                    return Err(Stop::Again);
                }
                if self.seen.len() == depth {
                    self.seen.extend_from_within(depth - 1..);
                }
                let mut layer = Survey::new(scanner, &decoded.text, false);
                layer.part(0..decoded.text.len(), &mut self.seen[depth..], cache)?;
                if !layer.marks.is_empty() {
                    return Err(Stop::Again);
                }
            }
        }
        for (site, at) in again {
            survey.look(site, at, cache).map_err(|_| Stop::Again)?;
        }
        if survey.is_full || survey.marks.len() > MOST_MARKS {
            return Err(Stop::Again);
        }
        survey.make_sure(cache);
        survey.marks.sort_unstable();
        (self.marks, self.walked) = (survey.marks, survey.walked);
        Ok(())
    }
}

/// Whether there is anything to decode in `text`.
fn is_encoded(options: Options, text: &[u8]) -> Result<bool, Stop> {
    if options.decode_depth == 0 || !decode::is_worthwhile(text) {
        return Ok(false);
    }
    // Escapes of this form reach over line ends: what they say depends on where the text is cut.
    match memchr::memmem::find(text, b"U+") {
        Some(_) => Err(Stop::Anywhere),
        None => Ok(true),
    }
}

impl<'a> Survey<'a> {
    fn new(scanner: &'a Scanner, text: &'a [u8], narrow: bool) -> Survey<'a> {
        Survey { scanner, text, marks: Vec::new(), is_full: false, walked: 0, narrow }
    }

    /// Looks at all sites of the text.
    fn all(&mut self, cache: &mut Cache) -> Result<(), Stop> {
        let (scanner, text) = (self.scanner, self.text);
        let mut stop = Ok(());
        scanner.each_site(text, cache, Gate::may_allow, |site, at, cache| {
            stop = self.look(site, at, cache);
            stop.is_ok()
        });
        stop?;
        match scanner.is_asked_anyway(text, cache) {
            true => Err(Stop::Anywhere),
            false => Ok(()),
        }
    }

    /// Looks at the sites in `range` of a text all of whose other atoms are among the first of `seen`. What is not decoded
    /// any further stands in the deeper layers, too: they are behind the first.
    fn part(&mut self, range: Range<usize>, seen: &mut [Atoms], cache: &mut Cache) -> Result<(), Stop> {
        let (scanner, text) = (self.scanner, self.text);
        let mut hits = std::mem::take(&mut cache.hits);
        let mut stop = Ok(());
        scanner.automaton.find(text, range, &mut hits, |hits| {
            for hit in hits {
                for atom in scanner.automaton.atoms(*hit) {
                    let number = *atom;
                    let news = seen.iter().any(|layer| !layer.has(number));
                    let atom = &scanner.atoms[number as usize];
                    if atom.hides_keywords || news && atom.decides.load(Ordering::Relaxed) {
                        stop = Err(Stop::Again);
                        return false;
                    }
                    if news {
                        seen.iter_mut().for_each(|layer| layer.insert(number));
                    }
                    for site in &atom.sites {
                        let at = hit.end - atom.length;
                        let Some(gated) = scanner.gated(&scanner.sites[*site as usize]) else { continue };
                        if gated.gate.may_allow(text, at, hit.end)
                            && scanner.is_complete(*site, |atom| seen[0].has(atom))
                            && self.look(*site, at, cache).is_err()
                        {
                            stop = Err(Stop::Again);
                            return false;
                        }
                    }
                }
            }
            true
        });
        cache.hits = hits;
        stop
    }

    /// Looks at one site whose gate is open.
    fn look(&mut self, site: u32, at: usize, cache: &mut Cache) -> Result<(), Stop> {
        let of = &self.scanner.sites[site as usize];
        let rule = &self.scanner.rules[of.rule as usize];
        let Some(content) = rule.content.as_ref().filter(|_| self.narrow || rule.path.is_none()) else { return Ok(()) };
        let look = content.look_relaxed(of.number as usize, self.text, at, &mut cache.sites[site as usize]);
        self.walked = self.walked.saturating_add(look.walked);
        if is_tired(self.text, self.walked) {
            return Err(Stop::Anywhere);
        }
        let holds = look.found.is_some();
        let end = at + look.walked + 1;
        let read = &self.text[at..end.min(self.text.len())];
        if holds || end > self.text.len() || memchr::memchr(b'\n', read).is_some() {
            match self.marks.len() < MOST_MARKS {
                true => self.marks.push(Mark { at, site, end, holds, is_sure: false }),
                false if holds => return Err(Stop::Anywhere),
                false => self.is_full = true,
            }
        }
        Ok(())
    }

    /// Takes away what the rules themselves say is no leak: of the marks through which no match reaches beyond the line, since
    /// what they say of that line alone they say of it among others.
    fn make_sure(&mut self, cache: &mut Cache) {
        /// Longer lines are left as they are. In bytes.
        const LONGEST: usize = 4_096;
        let (scanner, text) = (self.scanner, self.text);
        let mut walked_so_far = self.walked;
        // What was found out about the line that begins there: by rule.
        let mut known: (usize, Vec<(u32, bool)>) = (usize::MAX, Vec::new());
        self.marks.retain_mut(|mark| {
            if !mark.holds || std::mem::replace(&mut mark.is_sure, true) {
                return true;
            }
            let of = &scanner.sites[mark.site as usize];
            let line = line_start(&text[..mark.at])..line_end(text, mark.at);
            let rule = &scanner.rules[of.rule as usize];
            let is_plain = of.has_keyword && rule.path.is_none() && rule.required.is_empty() && !rule.skip_report;
            if !is_plain || line.len() > LONGEST || is_tired(text, walked_so_far) {
                return true;
            }
            let reach = scanner.reach(mark.site, text, mark.at, cache);
            walked_so_far = walked_so_far.saturating_add(reach.map_or(0, |(_, walked)| walked));
            let Some((reach, walked)) = reach else { return true };
            if reach > line.end {
                // The longest match counts: what stands there decides.
                mark.end = mark.at + walked + 1;
                return true;
            }
            if known.0 != line.start {
                known = (line.start, Vec::new());
            }
            let found = known.1.iter().find(|(rule, _)| *rule == of.rule).map(|(_, found)| *found);
            let found = found.unwrap_or_else(|| {
                let found = scanner.finds_on_line(of.rule, &text[line.clone()], cache);
                known.1.push((of.rule, found));
                found
            });
            if !found {
                (mark.holds, mark.end) = (false, mark.at + walked + 1);
            }
            found || mark.end > line.end
        });
    }
}

impl Scanner {
    /// How far a match through the site can reach, and how many bytes say so.
    fn reach(&self, site: u32, text: &[u8], at: usize, cache: &mut Cache) -> Option<(usize, usize)> {
        let of = &self.sites[site as usize];
        let content = self.rules[of.rule as usize].content.as_ref()?;
        content.relaxed_reach(of.number as usize, text, at, &mut cache.sites[site as usize])
    }

    /// Whether a rule finds a leak on a line, behind another line, whether or not there is one behind it.
    fn finds_on_line(&self, rule: u32, line: &[u8], cache: &mut Cache) -> bool {
        let origin = Origin::default();
        let mut text = b"\n".to_vec();
        text.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
        let mut finds = |text: &[u8]| {
            let fragment = Fragment { text, lines_before: 0, origin: &origin };
            cache.lines.forget();
            let pass = Pass { scanner: self, fragment: &fragment, text, decoded: None };
            pass.look_at_sites(cache);
            !pass.detect(rule as usize, cache).is_empty()
        };
        finds(&text) || {
            text.push(b'\n');
            finds(&text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::rules::file::{self, Outside};
    use super::*;
    use proptest::prelude::*;

    const RULES: &str = r#"
[[rules]]
id = "token"
regex = 'tok_[0-9]{4}\b'
keywords = ["tok_"]
[[rules]]
id = "over-lines"
regex = 'key\s*=\s*"[a-z]{3}'
keywords = ["key"]
[[rules]]
id = "block"
regex = '-----BEGIN-----[\s\S]{1,60}?-----FINIS-----'
keywords = ["-----begin"]
[[rules]]
id = "file-end"
regex = 'last_[a-z]+$'
keywords = ["last_"]
"#;

    fn scanner() -> Scanner {
        let rules = file::load(RULES, "rules", &Outside::nothing()).unwrap().rules;
        Scanner::new(&rules, Options::default()).unwrap()
    }

    fn padding() -> Vec<String> {
        (0..60).map(|line| format!("nothing to be seen on line {line} of this")).collect()
    }

    #[test]
    fn places_are_the_lines_that_could_hold_a_leak() {
        let text = "a\ntok_1234 tok_4321\nb\nkey =\n \"abc\"\ntok_12345\nlast_word";
        let places = scanner().places(text.as_bytes(), &mut Cache::default()).unwrap();
        let lines: Vec<&str> = places.into_iter().map(|place| &text[place]).collect();
        assert_eq!(lines, ["tok_1234 tok_4321\n", "key =\n \"abc\"\n", "last_word"]);
    }

    #[test]
    fn encoded_leaks_could_be_anywhere() {
        // tok_1234 and some more, in base64
        let text = "one\ndG9rXzEyMzQgYW5kIHNvbWUgbW9yZQ==\ntwo\n";
        assert_eq!(scanner().places(text.as_bytes(), &mut Cache::default()), None);
    }

    #[test]
    fn what_follows_decides_about_a_line_that_did_not_change() {
        let mut lines = padding();
        lines.insert(30, "-----BEGIN-----".into());
        let scanner = scanner();
        let cache = &mut Cache::default();
        let mut places = |lines: &[String]| scanner.places((lines.join("\n") + "\n").as_bytes(), cache).unwrap().len();
        assert_eq!(places(&lines), 0);
        lines.insert(31, "-----FINIS-----".into());
        assert_eq!(places(&lines), 1, "a literal that was not there before");
        lines[31] = "-----FINIT-----".into();
        assert_eq!(places(&lines), 0);
        lines[31] = "key =".into();
        assert_eq!(places(&lines), 0);
        lines[32] = "\"abc\"".into();
        assert_eq!(places(&lines), 1, "the look from the line before went on to this one");
    }

    #[test]
    fn what_the_rules_dismiss_is_no_place() {
        const RULES: &str = r#"
[[rules]]
id = "key"
regex = 'key\s*=\s*"([a-z]{8})"'
entropy = 2.0
keywords = ["key"]
[[rules.allowlists]]
stopwords = ["example"]
[[rules]]
id = "named"
regex = 'pass=[a-z]+'
path = '\.rc$'
keywords = ["pass"]
"#;
        let rules = file::load(RULES, "rules", &Outside::nothing()).unwrap().rules;
        let scanner = Scanner::new(&rules, Options::default()).unwrap();
        let cache = &mut Cache::default();
        let mut lines = padding();
        lines.extend(
            ["key = \"aaaaaaaa\"", "key = \"examples\"", "key = \"abcdefgh\" // gitleaks:allow", "pass=word"]
                .map(String::from),
        );
        let mut places = |lines: &[String]| {
            let text = lines.join("\n") + "\n";
            let places = scanner.places(text.as_bytes(), cache).unwrap();
            places.into_iter().map(|place| text[place].to_string()).collect::<Vec<_>>()
        };
        assert_eq!(places(&lines), [""; 0]);
        lines.insert(3, "key = \"abcdefgh\"".into());
        lines.push("key =".into());
        assert_eq!(places(&lines), ["key = \"abcdefgh\"\n"]);
        lines.push("\"hgfedcba\"".into());
        assert_eq!(places(&lines).len(), 2);
        lines.pop();
        lines[3] = "key = \"aaaaaaaa\"".into();
        assert_eq!(places(&lines), [""; 0]);
        let text = b"pass=word\n";
        assert!(scanner.may_contain(text, true, cache) && !scanner.may_contain(text, false, cache));
        assert!(scanner.is_narrow(b"a/.rc") && !scanner.is_narrow(b"a/rc"));
    }

    fn line() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "tok_1234",
            "tok_12345 -----FINIS-----",
            "-----BEGIN-----",
            "-----FINIS-----",
            "key",
            "key =",
            " = \"abc",
            "\"abc\"",
            "last_word",
            "dG9rXzEyMzQgYW5kIHNvbWUgbW9yZQ==",
            "bm90aGluZyBoZXJlIGJ1dCB3b3Jkcw==",
            "dG9rX25vdGhpbmcgaGVyZSBidXQga2V5",
            "ImFiYyIgYW5kIHdoYXQgZm9sbG93cw==",
            "PSAiYWJjIiA9IC0tLS0tRklOSVMtLS0tLQ==",
            "key = abc",
            "key =    ",
            "U+0041",
            "",
        ])
    }

    proptest! {
        #[test]
        fn what_is_remembered_hides_nothing(
            edits in prop::collection::vec((0..64_usize, 0..5_u8, line(), any::<bool>()), 1..40),
        ) {
            let scanner = scanner();
            let cache = &mut Cache::default();
            let mut lines = padding();
            for (at, what, line, ended) in edits {
                let at = at.min(lines.len() - 1);
                match what {
                    0 => lines.insert(at, line.into()),
                    1 => lines[at] = line.into(),
                    2 => drop(lines.remove(at)),
                    _ => lines[at] = "nothing any more".into(),
                }
                let text = lines.join("\n") + if ended { "\n" } else { "" };
                let expected = scanner.places(text.as_bytes(), &mut Cache::default());
                let places = scanner.places(text.as_bytes(), cache);
                let hidden = |expected: &Range<usize>| {
                    let inside = |place: &Range<usize>| place.start <= expected.start && expected.end <= place.end;
                    places.as_ref().is_some_and(|places| !places.iter().any(inside))
                };
                match &expected {
                    None => prop_assert!(places.is_none(), "{:?} {}", places, text),
                    Some(expected) => prop_assert!(!expected.iter().any(hidden), "{:?} {:?} {}", expected, places, text),
                }
                let possible = expected.is_none_or(|places| !places.is_empty());
                prop_assert_eq!(possible, scanner.may_contain(text.as_bytes(), false, cache));
            }
        }
    }
}
