//! Literals that every match of a pattern must contain: the sites at which a match is worth looking for.
//!
//! Keywords of rule files are promises of their authors; atoms are facts about the pattern. An atom comes with the
//! distance back to where the match may begin and with the rest of the pattern from the atom on, so that a site can be
//! judged by looking forward from it, and most are dismissed without the pattern itself ever being compiled.

use std::borrow::Cow;
use std::sync::Arc;

use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

/// Longer atoms are hardly rarer and make the automaton larger.
const LONGEST: usize = 10;

/// An atom of one letter stands everywhere.
const SHORTEST: usize = 2;

/// Sites that one pattern may have; more of them are slower than a scan behind the keywords.
const MOST_SITES: usize = 256;

/// Parts of patterns that are looked at before a pattern is given up.
const MOST_STEPS: usize = 50_000;

/// A literal of a pattern and what stands around it.
#[derive(Clone, Debug)]
pub(super) struct Site {
    /// ASCII in lower case is found in any case; other characters are found as they are.
    pub(super) atom: Vec<u8>,
    /// Whether ASCII lower-casing of the text would show the letters of the atom, as keywords want.
    pub(super) plain: bool,
    /// At most so many bytes of a match stand before the atom. `None`: any number.
    pub(super) back: Option<usize>,
    /// The pattern up to the atom, where `back` is bounded.
    pub(super) lead: Arc<Hir>,
    /// The pattern from the atom on, with what is asserted just before it.
    pub(super) rest: Arc<Hir>,
}

/// A part of a pattern: whole as it stands there, or a character of a literal.
type Part<'p> = Cow<'p, Hir>;

/// The sites of which every match has at least one, or `None` where the pattern has no literal that it cannot do without.
pub(super) fn sites(pattern: &Hir) -> Option<Vec<Site>> {
    let parts = flat(pattern);
    let around = Around { outer: None, lead: &[], after: &[], sizes: (0, 0) };
    let (rank, choice) = best(&parts, Some(0), &around, &mut 0)?;
    if rank.count > MOST_SITES {
        return None;
    }
    let mut sites = Vec::with_capacity(rank.count);
    choice.sites(&parts, Some(0), &around, &mut sites);
    Some(sites)
}

/// The pattern for text that may be cut out of other text, line by line: `^` and `$` hold at the ends of lines too.
pub(super) fn relaxed(pattern: &Hir) -> Hir {
    let all = |parts: &[Hir]| parts.iter().map(relaxed).collect::<Vec<_>>();
    match pattern.kind() {
        HirKind::Look(Look::Start) => Hir::look(Look::StartLF),
        HirKind::Look(look @ (Look::End | Look::EndLF)) => {
            Hir::alternation(vec![Hir::look(*look), Hir::look(Look::StartLF)])
        }
        HirKind::Concat(parts) => Hir::concat(all(parts)),
        HirKind::Alternation(parts) => Hir::alternation(all(parts)),
        HirKind::Capture(capture) => relaxed(&capture.sub),
        HirKind::Repetition(repetition) => Hir::repetition(repetition.with(relaxed(&repetition.sub))),
        _ => pattern.clone(),
    }
}

/// Whether no match of the pattern asks for an end of a line or goes over one.
pub(super) fn stays_on_line(pattern: &Hir) -> bool {
    match pattern.kind() {
        HirKind::Empty => true,
        HirKind::Look(look) => {
            !matches!(look, Look::Start | Look::End | Look::StartLF | Look::EndLF | Look::StartCRLF | Look::EndCRLF)
        }
        HirKind::Literal(literal) => !literal.0.contains(&b'\n'),
        HirKind::Class(Class::Bytes(class)) => {
            !class.iter().any(|range| (range.start()..=range.end()).contains(&b'\n'))
        }
        HirKind::Class(Class::Unicode(class)) => {
            !class.iter().any(|range| (range.start()..=range.end()).contains(&'\n'))
        }
        HirKind::Repetition(repetition) => stays_on_line(&repetition.sub),
        HirKind::Capture(capture) => stays_on_line(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().all(stays_on_line),
    }
}

/// What is asserted at the beginning of `pattern`.
pub(super) fn asserted(pattern: &Hir) -> Vec<Look> {
    let parts = flat(pattern);
    let look = |part: &Part<'_>| if let HirKind::Look(look) = part.kind() { Some(*look) } else { None };
    parts.iter().map_while(look).collect()
}

/// Literals that every match of `pattern` contains, each in all its spellings: those that stand in it openly and are
/// long enough to be rare.
pub(super) fn certain(pattern: &Hir) -> Vec<Vec<Vec<u8>>> {
    const LEAST: usize = 4;
    let letters: Vec<Option<Letter>> = flat(pattern).iter().map(|part| letter(part)).collect();
    let runs = letters.split(Option::is_none).map(|run| run.iter().copied().flatten().collect::<Vec<_>>());
    let runs = runs.filter(|run| run.len() >= LEAST);
    let spelt = |run: Vec<Letter>| spellings(&run).into_iter().map(|(atom, _)| atom).collect();
    runs.map(spelt).filter(|spelt: &Vec<_>| !spelt.is_empty()).collect()
}

/// What follows the first `letters` characters of `rest`.
pub(super) fn behind(rest: &Hir, letters: usize) -> Hir {
    let mut parts = flat(rest);
    let looks = parts.iter().take_while(|part| matches!(part.kind(), HirKind::Look(_))).count();
    let behind = parts.split_off((looks + letters).min(parts.len()));
    Hir::concat(behind.into_iter().map(Cow::into_owned).collect())
}

/// The parts of `pattern` one behind the other: groups opened, literals cut into characters.
fn flat(pattern: &Hir) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    flatten(pattern, &mut parts);
    parts
}

fn flatten<'p>(pattern: &'p Hir, parts: &mut Vec<Part<'p>>) {
    match pattern.kind() {
        HirKind::Empty => {}
        HirKind::Concat(inner) => inner.iter().for_each(|part| flatten(part, parts)),
        HirKind::Capture(capture) => flatten(&capture.sub, parts),
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(text) => {
                let char = |char: char| Hir::literal(char.encode_utf8(&mut [0; 4]).as_bytes());
                parts.extend(text.chars().map(char).map(Cow::Owned));
            }
            Err(_) => parts.push(Cow::Borrowed(pattern)),
        },
        _ => parts.push(Cow::Borrowed(pattern)),
    }
}

/// One letter of an atom: the ASCII character in lower case, and the other character that folds to it, if it may stand.
#[derive(Clone, Copy)]
struct Letter {
    ascii: u8,
    other: Option<char>,
}

/// The letter that `part` is, whatever its case.
fn letter(part: &Hir) -> Option<Letter> {
    let mut chars = Vec::new();
    match part.kind() {
        HirKind::Literal(literal) => chars.extend(std::str::from_utf8(&literal.0).ok()?.chars()),
        HirKind::Class(Class::Unicode(class)) => {
            for range in class.iter() {
                if chars.len() > 4 || u32::from(range.end()) - u32::from(range.start()) > 1 {
                    return None;
                }
                chars.extend(range.start()..=range.end());
            }
        }
        _ => return None,
    }
    if matches!(part.kind(), HirKind::Literal(_)) && chars.len() != 1 {
        return None;
    }
    let folded = |char: char| match char {
        '\u{212a}' => Some(b'k'),
        '\u{17f}' => Some(b's'),
        _ => char.is_ascii().then_some((char as u8).to_ascii_lowercase()),
    };
    let ascii = folded(*chars.first()?)?;
    let same = chars.iter().all(|char| folded(*char) == Some(ascii));
    same.then_some(Letter { ascii, other: chars.into_iter().find(|char| !char.is_ascii()) })
}

fn most(pattern: &Hir) -> Option<usize> {
    pattern.properties().maximum_len()
}

fn add(before: Option<usize>, length: Option<usize>) -> Option<usize> {
    before?.checked_add(length?)
}

/// What stands around some parts, from the nearest outwards.
struct Around<'p> {
    outer: Option<&'p Around<'p>>,
    lead: &'p [Part<'p>],
    after: &'p [Part<'p>],
    /// How many parts stand before and behind in all.
    sizes: (usize, usize),
}

impl<'p> Around<'p> {
    fn within(&'p self, lead: &'p [Part<'p>], after: &'p [Part<'p>]) -> Around<'p> {
        let (before, behind) = self.sizes;
        Around { outer: Some(self), lead, after, sizes: (before + lead.len(), behind + after.len()) }
    }

    /// All that stands before, and then `more`.
    fn before(&self, more: &[Part<'_>]) -> Hir {
        let mut nearest_first = vec![self.lead];
        let mut around = self;
        while let Some(outer) = around.outer {
            nearest_first.push(outer.lead);
            around = outer;
        }
        let parts = nearest_first.into_iter().rev().flatten().chain(more);
        Hir::concat(parts.map(|part| part.clone().into_owned()).collect())
    }

    /// `first`, and then all that stands behind.
    fn behind(&self, first: &[Part<'_>]) -> Hir {
        let mut parts: Vec<Hir> = first.iter().chain(self.after).map(|part| part.clone().into_owned()).collect();
        let mut around = self;
        while let Some(outer) = around.outer {
            parts.extend(outer.after.iter().map(|part| part.clone().into_owned()));
            around = outer;
        }
        Hir::concat(parts)
    }
}

/// Which sites of a pattern: told apart from the sites themselves, since most that are considered are not taken.
enum Choice {
    /// The atom of so many parts from this one on.
    Run(usize, usize),
    /// Of each branch of the alternation at this part.
    Branches(usize, Vec<Choice>),
    /// Of what is repeated at this part.
    Repeated(usize, Box<Choice>),
}

impl Choice {
    /// Adds the sites. `parts`, `before` and `around` as they were when [`best`] chose.
    fn sites(&self, parts: &[Part<'_>], before: Option<usize>, around: &Around<'_>, sites: &mut Vec<Site>) {
        let most_before = |at: usize| parts[..at].iter().fold(before, |before, part| add(before, most(part)));
        match self {
            Choice::Run(at, length) => {
                let run: Vec<Letter> = parts[*at..at + length].iter().map_while(|part| letter(part)).collect();
                // What is asserted just before the atom is judged at the site too.
                let looks =
                    parts[..*at].iter().rev().take_while(|part| matches!(part.kind(), HirKind::Look(_))).count();
                let (lead, rest) = (around.before(&parts[..*at]), around.behind(&parts[at - looks..]));
                let (lead, rest, back) = (Arc::new(lead), Arc::new(rest), most_before(*at));
                let site = |(atom, plain)| Site { atom, plain, back, lead: lead.clone(), rest: rest.clone() };
                sites.extend(spellings(&run).into_iter().map(site));
            }
            Choice::Branches(at, choices) => {
                let HirKind::Alternation(branches) = parts[*at].kind() else { return };
                let inner = around.within(&parts[..*at], &parts[at + 1..]);
                for (branch, choice) in branches.iter().zip(choices) {
                    choice.sites(&flat(branch), most_before(*at), &inner, sites);
                }
            }
            Choice::Repeated(at, choice) => {
                let HirKind::Repetition(repetition) = parts[*at].kind() else { return };
                let after = again(repetition, &parts[at + 1..]);
                let inner = around.within(&parts[..*at], &after);
                choice.sites(&flat(&repetition.sub), most_before(*at), &inner, sites);
            }
        }
    }
}

/// What follows the first turn of a repetition.
fn again<'p>(repetition: &Repetition, after: &[Part<'p>]) -> Vec<Part<'p>> {
    let again = Repetition { min: repetition.min - 1, max: repetition.max.map(|max| max - 1), ..repetition.clone() };
    std::iter::once(Cow::Owned(Hir::repetition(again))).chain(after.iter().cloned()).collect()
}

/// The rarest set of sites in `parts`, of which every match has one. `before`: the most bytes that stand before them.
fn best(parts: &[Part<'_>], before: Option<usize>, around: &Around<'_>, steps: &mut usize) -> Option<(Rank, Choice)> {
    let mut chosen: Option<(Rank, Choice)> = None;
    let mut consider = |rank: Rank, choice: Choice| {
        if rank.count > 0 && chosen.as_ref().is_none_or(|(best, _)| rank.score() > best.score()) {
            chosen = Some((rank, choice));
        }
    };
    let mut before = before;
    let mut at = 0;
    while at < parts.len() {
        *steps += 1 + around.sizes.0 + around.sizes.1;
        if *steps > MOST_STEPS {
            return None;
        }
        let run: Vec<Letter> = parts[at..].iter().map_while(|part| letter(part)).collect();
        if !run.is_empty() {
            if run.len() >= SHORTEST {
                consider(Rank::of(&spellings(&run), before), Choice::Run(at, run.len()));
            }
            for part in &parts[at..at + run.len()] {
                before = add(before, most(part));
            }
            at += run.len();
            continue;
        }
        match parts[at].kind() {
            HirKind::Alternation(branches) => {
                let inner = around.within(&parts[..at], &parts[at + 1..]);
                let each = branches.iter().map(|branch| best(&flat(branch), before, &inner, steps));
                if let Some(each) = each.collect::<Option<Vec<_>>>() {
                    let (ranks, choices): (Vec<_>, Vec<_>) = each.into_iter().unzip();
                    consider(ranks.into_iter().fold(Rank::NONE, Rank::and), Choice::Branches(at, choices));
                }
            }
            HirKind::Repetition(repetition) if repetition.min >= 1 => {
                let after = again(repetition, &parts[at + 1..]);
                let inner = around.within(&parts[..at], &after);
                if let Some((rank, choice)) = best(&flat(&repetition.sub), before, &inner, steps) {
                    consider(rank, Choice::Repeated(at, Box::new(choice)));
                }
            }
            _ => {}
        }
        before = add(before, most(&parts[at]));
        at += 1;
    }
    chosen
}

/// The atom of `run` in every spelling that the pattern takes, with U+212A for k and U+017F for s where it folds case,
/// and whether the spelling is plain. None where the run is too short.
fn spellings(run: &[Letter]) -> Vec<(Vec<u8>, bool)> {
    let mut others = 0;
    // Each further letter of that kind doubles the spellings.
    let run: Vec<Letter> = run
        .iter()
        .copied()
        .take(LONGEST)
        .take_while(|letter| {
            others += usize::from(letter.other.is_some());
            others <= 4
        })
        .collect();
    if run.len() < SHORTEST {
        return Vec::new();
    }
    let mut atoms = vec![(Vec::new(), true)];
    for letter in run {
        let other = letter.other.map(|other| {
            let mut spelt = atoms.clone();
            for (atom, plain) in &mut spelt {
                atom.extend(other.encode_utf8(&mut [0; 4]).bytes());
                *plain = false;
            }
            spelt
        });
        atoms.iter_mut().for_each(|(atom, _)| atom.push(letter.ascii));
        atoms.extend(other.into_iter().flatten());
    }
    atoms
}

/// How good a set of sites is.
#[derive(Clone, Copy)]
struct Rank {
    /// How rare the most common of the plain atoms is in source code.
    rarest: f64,
    /// Any number of bytes may stand before one of them.
    unbounded: bool,
    count: usize,
}

impl Rank {
    const NONE: Rank = Rank { rarest: f64::MAX, unbounded: false, count: 0 };

    fn of(atoms: &[(Vec<u8>, bool)], before: Option<usize>) -> Rank {
        let plain = atoms.iter().filter(|(_, plain)| *plain);
        let rarest = plain.map(|(atom, _)| rarity(atom)).fold(f64::MAX, f64::min);
        Rank { rarest, unbounded: before.is_none() && !atoms.is_empty(), count: atoms.len() }
    }

    fn and(self, other: Rank) -> Rank {
        Rank {
            rarest: self.rarest.min(other.rarest),
            unbounded: self.unbounded || other.unbounded,
            count: self.count + other.count,
        }
    }

    fn score(&self) -> f64 {
        self.rarest - if self.unbounded { 6.0 } else { 0.0 } - self.count as f64 * 0.02
    }
}

fn rarity(atom: &[u8]) -> f64 {
    let each = |byte: &u8| match byte {
        b' ' => 0.6,
        b'.' | b'/' | b'"' | b'_' | b'-' => 1.2,
        b'a'..=b'z' if b"etaoinsrlcdpum".contains(byte) => 1.0,
        b'a'..=b'z' | b'0'..=b'9' => 1.6,
        _ => 2.0,
    };
    atom.iter().map(each).sum()
}

#[cfg(test)]
mod tests {
    use super::super::dialect;
    use super::*;

    fn of(pattern: &str) -> Option<Vec<(String, Option<usize>)>> {
        let tree = dialect::tree(&dialect::translate(pattern).unwrap()).unwrap();
        let sites = sites(&tree)?;
        Some(sites.iter().map(|site| (String::from_utf8_lossy(&site.atom).into_owned(), site.back)).collect())
    }

    #[test]
    fn a_prefix_is_an_atom() {
        assert_eq!(of(r"\bghp_[0-9a-zA-Z]{36}"), Some(vec![("ghp_".into(), Some(0))]));
        assert_eq!(
            of(r"(A3T[A-Z0-9]|AKIA)[A-Z2-7]{16}"),
            Some(vec![("a3t".into(), Some(0)), ("akia".into(), Some(0))])
        );
    }

    #[test]
    fn words_are_found_behind_what_may_stand_before_them() {
        assert_eq!(of(r"[\w.-]{0,50}?(?:adafruit)(?:[ \t]{0,3})"), Some(vec![("adafruit".into(), Some(50))]));
        assert_eq!(of(r"[a-z]+@secret"), Some(vec![("@secret".into(), None)]));
    }

    #[test]
    fn letters_that_fold_to_ascii_are_spelt_out() {
        let atoms: Vec<String> = of("(?i)ok").unwrap().into_iter().map(|(atom, _)| atom).collect();
        assert_eq!(atoms, ["ok", "o\u{212a}"]);
    }

    #[test]
    fn some_patterns_have_none() {
        assert_eq!(of(r"\b[0-9a-f]{32}\b"), None);
        assert_eq!(of(r"(?:secret|[0-9]+)x"), None);
    }

    #[test]
    fn a_pattern_that_branches_without_end_is_given_up() {
        let nested = (0..80).fold("ab".to_string(), |inner, _| format!("(?:{inner}|cd[x-z]e|[0-9])ef?"));
        assert!(of(&nested).is_none_or(|sites| sites.len() <= MOST_SITES));
    }
}
