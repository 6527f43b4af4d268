//! Literals that every match of a pattern must contain: the sites at which a match is worth looking for.
//!
//! Keywords of rule files are promises of their authors; atoms are facts about the pattern. An atom comes with the
//! distance back to where the match may begin and with the rest of the pattern from the atom on, so that a site can be
//! judged by looking forward from it, and most are dismissed without the pattern itself ever being compiled.

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
    pub(super) lead: Hir,
    /// The pattern from the atom on, with what is asserted just before it.
    pub(super) rest: Hir,
}

/// The sites of which every match has at least one, or `None` where the pattern has no literal that it cannot do without.
pub(super) fn sites(pattern: &Hir) -> Option<Vec<Site>> {
    let mut steps = 0;
    let mut parts = Vec::new();
    flatten(pattern, &mut parts);
    let found = best(&parts, Some(0), &[], &[], &mut steps)?;
    (found.len() <= MOST_SITES).then_some(found)
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
    let mut parts = Vec::new();
    flatten(pattern, &mut parts);
    let look = |part: &Hir| if let HirKind::Look(look) = part.kind() { Some(*look) } else { None };
    parts.iter().map_while(look).collect()
}

/// Literals that every match of `pattern` contains, each in all its spellings: those that stand in it openly and are
/// long enough to be rare.
pub(super) fn certain(pattern: &Hir) -> Vec<Vec<Vec<u8>>> {
    const LEAST: usize = 4;
    let mut parts = Vec::new();
    flatten(pattern, &mut parts);
    let letters: Vec<Option<Letter>> = parts.iter().map(letter).collect();
    let runs = letters.split(Option::is_none).map(|run| run.iter().copied().flatten().collect::<Vec<_>>());
    let runs = runs.filter(|run| run.len() >= LEAST);
    let nothing = Hir::empty();
    let spelt =
        |run: Vec<Letter>| spellings(&run, None, &nothing, &nothing).into_iter().map(|site| site.atom).collect();
    runs.map(spelt).filter(|spelt: &Vec<_>| !spelt.is_empty()).collect()
}

/// What follows the first `letters` characters of `rest`.
pub(super) fn behind(rest: &Hir, letters: usize) -> Hir {
    let mut parts = Vec::new();
    flatten(rest, &mut parts);
    let looks = parts.iter().take_while(|part| matches!(part.kind(), HirKind::Look(_))).count();
    Hir::concat(parts.split_off((looks + letters).min(parts.len())))
}

/// The parts of `pattern` one behind the other: groups opened, literals cut into characters.
fn flatten(pattern: &Hir, parts: &mut Vec<Hir>) {
    match pattern.kind() {
        HirKind::Empty => {}
        HirKind::Concat(inner) => inner.iter().for_each(|part| flatten(part, parts)),
        HirKind::Capture(capture) => flatten(&capture.sub, parts),
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(text) => parts.extend(text.chars().map(|char| Hir::literal(char.to_string().into_bytes()))),
            Err(_) => parts.push(pattern.clone()),
        },
        _ => parts.push(pattern.clone()),
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

/// The rarest set of sites in `parts`, of which every match has one. `lead`: what stands before them, and `before`: the
/// most bytes it takes; `after`: what follows them.
fn best(parts: &[Hir], before: Option<usize>, lead: &[Hir], after: &[Hir], steps: &mut usize) -> Option<Vec<Site>> {
    let mut chosen: Option<(f64, Vec<Site>)> = None;
    let mut consider = |sites: Vec<Site>| {
        let score = score(&sites);
        if !sites.is_empty() && chosen.as_ref().is_none_or(|(best, _)| score > *best) {
            chosen = Some((score, sites));
        }
    };
    let rest = |from: usize| -> Vec<Hir> { parts[from..].iter().chain(after).cloned().collect() };
    let so_far = |to: usize| -> Vec<Hir> { lead.iter().chain(&parts[..to]).cloned().collect() };
    let mut before = before;
    let mut at = 0;
    while at < parts.len() {
        *steps += 1 + after.len() + lead.len();
        if *steps > MOST_STEPS {
            return None;
        }
        let run: Vec<Letter> = parts[at..].iter().map_while(letter).collect();
        if !run.is_empty() {
            if run.len() >= SHORTEST {
                // What is asserted just before the atom is judged at the site too.
                let looks = parts[..at].iter().rev().take_while(|part| matches!(part.kind(), HirKind::Look(_))).count();
                consider(spellings(&run, before, &Hir::concat(so_far(at)), &Hir::concat(rest(at - looks))));
            }
            for part in &parts[at..at + run.len()] {
                before = add(before, most(part));
            }
            at += run.len();
            continue;
        }
        match parts[at].kind() {
            HirKind::Alternation(branches) => {
                let (lead, after) = (so_far(at), rest(at + 1));
                let each = branches.iter().map(|branch| {
                    let mut inner = Vec::new();
                    flatten(branch, &mut inner);
                    best(&inner, before, &lead, &after, steps)
                });
                if let Some(sites) = each.collect::<Option<Vec<_>>>() {
                    consider(sites.concat());
                }
            }
            HirKind::Repetition(repetition) if repetition.min >= 1 => {
                let mut inner = Vec::new();
                flatten(&repetition.sub, &mut inner);
                let again = Repetition {
                    min: repetition.min - 1,
                    max: repetition.max.map(|max| max - 1),
                    ..repetition.clone()
                };
                let after: Vec<Hir> = std::iter::once(Hir::repetition(again)).chain(rest(at + 1)).collect();
                if let Some(sites) = best(&inner, before, &so_far(at), &after, steps) {
                    consider(sites);
                }
            }
            _ => {}
        }
        before = add(before, most(&parts[at]));
        at += 1;
    }
    chosen.map(|(_, sites)| sites)
}

/// The atom of `run` in every spelling that the pattern takes: with U+212A for k and U+017F for s where it folds case.
fn spellings(run: &[Letter], before: Option<usize>, lead: &Hir, rest: &Hir) -> Vec<Site> {
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
    let site = |(atom, plain)| Site { atom, plain, back: before, lead: lead.clone(), rest: rest.clone() };
    atoms.into_iter().map(site).collect()
}

/// How rare the most common of the sites is in source code.
fn score(sites: &[Site]) -> f64 {
    let rarest = sites.iter().filter(|site| site.plain).map(|site| rarity(&site.atom)).fold(f64::MAX, f64::min);
    let unbounded = sites.iter().any(|site| site.back.is_none());
    rarest - if unbounded { 6.0 } else { 0.0 } - sites.len() as f64 * 0.02
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
