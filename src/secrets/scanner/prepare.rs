//! From rules as data to rules that are ready.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::super::allowlist::{Allowed, Pattern};
use super::super::automaton::Automaton;
use super::super::content::Content;
use super::super::dialect::DialectError;
use super::super::rules::{Allowlist, Rule, RuleSet};
use super::{Atom, Options, Ready, RuleError, Scanner, SiteOf};

/// Characters outside ASCII that Go lower-cases to ASCII: a keyword written with them counts.
const HIDE_KEYWORDS: [&str; 2] = ["\u{212a}", "\u{130}"];

pub(super) fn scanner(rules: &RuleSet, options: Options) -> Result<Scanner, RuleError> {
    let mut atoms = Atoms::default();
    let mut sites = Vec::new();
    let mut ready = Vec::with_capacity(rules.rules.len());
    for (number, rule) in rules.rules.iter().enumerate() {
        ready.push(prepare(rule, number as u32, rules, &mut atoms, &mut sites)?);
    }
    for hiding in HIDE_KEYWORDS {
        let atom = atoms.of(hiding.as_bytes()).1;
        (atom.hides_keywords, atom.decides) = (true, true.into());
    }
    let everywhere = (0..ready.len() as u32).filter(|rule| is_everywhere(&ready[*rule as usize])).collect();
    Ok(Scanner {
        options,
        own_path: rules.path.clone(),
        allowlists: allowlists(&rules.allowlists, "the global allowlists")?,
        rules: ready,
        everywhere,
        automaton: Automaton::new(atoms.texts.iter().map(Vec::as_slice)),
        atoms: atoms.all,
        numbers: atoms.numbers,
        sites,
        mark: Default::default(),
    })
}

/// The atoms so far, each once.
#[derive(Default)]
struct Atoms {
    numbers: HashMap<Vec<u8>, u32>,
    texts: Vec<Vec<u8>>,
    all: Vec<Atom>,
}

impl Atoms {
    fn of(&mut self, text: &[u8]) -> (u32, &mut Atom) {
        let number = match self.numbers.get(text) {
            Some(number) => *number,
            None => {
                let number = self.all.len() as u32;
                self.numbers.insert(text.to_vec(), number);
                self.texts.push(text.to_vec());
                self.all.push(Atom { length: text.len(), ..Atom::default() });
                number
            }
        };
        (number, &mut self.all[number as usize])
    }
}

fn is_everywhere(rule: &Ready) -> bool {
    rule.content.as_ref().is_none_or(|content| content.anchors.is_none())
}

fn prepare(
    rule: &Rule,
    number: u32,
    rules: &RuleSet,
    atoms: &mut Atoms,
    sites: &mut Vec<SiteOf>,
) -> Result<Ready, RuleError> {
    let wrong = |what: &str, pattern: &str, error: DialectError| RuleError {
        what: format!("the {what} of rule `{}`", rule.id),
        pattern: pattern.into(),
        reason: error.to_string(),
    };
    let content = rule.regex.as_deref().filter(|regex| !regex.is_empty());
    let content = content.map(|regex| Content::new(regex).map_err(|error| wrong("regex", regex, error))).transpose()?;
    let path = rule.path.as_deref().filter(|path| !path.is_empty());
    let path = path.map(|path| Pattern::new(path).map_err(|error| wrong("path", path, error))).transpose()?;
    let keywords: Vec<String> = rule.keywords.iter().filter(|word| !word.is_empty()).cloned().collect();
    let mut back = 0;
    for (site, anchor) in content.iter().flat_map(|content| content.anchors.iter().flatten()).enumerate() {
        back = back.max(anchor.back.unwrap_or(usize::MAX));
        let has_keyword = keywords.is_empty()
            || anchor.plain
                && keywords.iter().any(|word| anchor.atom.windows(word.len()).any(|part| part == word.as_bytes()));
        atoms.of(&anchor.atom).1.sites.push(sites.len() as u32);
        sites.push(SiteOf { rule: number, number: site as u32, gate: OnceLock::new(), has_keyword });
    }
    let (plain, odd): (Vec<_>, Vec<_>) = keywords.iter().partition(|word| word.is_ascii());
    let asks = content.as_ref().is_some_and(|content| content.anchors.is_none());
    let keyword_atoms = plain.iter().map(|word| {
        let (number, atom) = atoms.of(word.to_ascii_lowercase().as_bytes());
        *atom.decides.get_mut() |= asks;
        number
    });
    let keyword_atoms = keyword_atoms.collect();
    let odd_keywords = !odd.is_empty();
    let required = rule.required.iter().map(|required| {
        let place = rules.rules.iter().position(|other| other.id == required.id);
        place.map(|place| (place, required.clone())).ok_or_else(|| RuleError {
            what: format!("rule `{}`", rule.id),
            pattern: String::new(),
            reason: format!("it requires the rule `{}`, which is not among the rules in use", required.id),
        })
    });
    Ok(Ready {
        id: rule.id.clone(),
        description: rule.description.clone(),
        tags: rule.tags.clone(),
        path,
        content,
        secret_group: rule.secret_group,
        entropy: rule.entropy,
        allowlists: allowlists(&rule.allowlists, &format!("the allowlists of rule `{}`", rule.id))?,
        required: required.collect::<Result<_, _>>()?,
        skip_report: rule.skip_report,
        keywords,
        keyword_atoms,
        odd_keywords,
        back,
    })
}

fn allowlists(lists: &[Allowlist], of: &str) -> Result<Vec<Allowed>, RuleError> {
    let wrong =
        |(pattern, error): (String, DialectError)| RuleError { what: of.into(), pattern, reason: error.to_string() };
    lists.iter().map(|list| Allowed::new(list).map_err(wrong)).collect()
}
