//! Which matchers can find anything in a file at all, by the words that it holds: one pass over its bytes, before any
//! tree is made.
//!
//! Everything here is a necessary condition. What a call is called, what its arguments must hold, what must stand
//! around it: all of it is text of the file, so where the text is not, neither is the finding. A test holds what is
//! found with the filter against what is found without it.

use std::collections::HashMap;

use aho_corasick::AhoCorasick;
use foldhash::fast::RandomState;

use super::language::Language;
use super::names::Whole;
use super::pack::{Alternative, Kind, Matcher, Place, Test};
use super::pattern::Needs;
use super::vocabulary::{built_words, source_words};

/// Letters beyond ASCII whose small or capital form is an ASCII letter: the long s, the sign of the kelvin.
const OTHER_CASES: [&str; 2] = ["\u{17f}", "\u{212a}"];

/// Of these, a file must hold all words of one.
pub(super) type Group = Vec<Vec<Word>>;

/// A piece of text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Word {
    /// A name: no letter or digit stands before or behind it.
    Whole(String),
    /// Wherever it stands.
    Part(String),
    /// Wherever it stands, in capitals or not. It is small itself.
    Folded(String),
}

impl Word {
    fn text(&self) -> &str {
        let (Word::Whole(text) | Word::Part(text) | Word::Folded(text)) = self;
        text
    }
}

/// The conditions of several matchers, asked together.
pub(super) struct Filter {
    /// Names by their text: the number of the word.
    wholes: HashMap<Vec<u8>, usize, RandomState>,
    /// Finds all other words, whether in capitals or not.
    automaton: Option<AhoCorasick>,
    /// By pattern of the automaton: the words that are spelled so.
    spelled: Vec<Vec<usize>>,
    words: Vec<Word>,
    /// By matcher: groups of choices of words.
    conditions: Vec<Vec<Vec<Vec<usize>>>>,
}

impl Filter {
    /// For each matcher its groups.
    pub(super) fn of(conditions: &[Vec<Group>]) -> Filter {
        let mut numbers: HashMap<&Word, usize, RandomState> = HashMap::default();
        let others = OTHER_CASES.map(|letter| Word::Part(letter.to_string()));
        let mut words: Vec<Word> = Vec::new();
        for word in others.iter().chain(conditions.iter().flatten().flatten().flatten()) {
            numbers.entry(word).or_insert_with(|| {
                words.push(word.clone());
                words.len() - 1
            });
        }
        let number = |choice: &Vec<Word>| choice.iter().filter_map(|word| numbers.get(word).copied()).collect();
        let numbered = |group: &Group| group.iter().map(number).collect();
        let conditions = conditions.iter().map(|groups| groups.iter().map(numbered).collect()).collect();
        let mut wholes: HashMap<Vec<u8>, usize, RandomState> = HashMap::default();
        let mut spellings: HashMap<String, usize, RandomState> = HashMap::default();
        let mut patterns: Vec<String> = Vec::new();
        let mut spelled: Vec<Vec<usize>> = Vec::new();
        for (number, word) in words.iter().enumerate() {
            if let Word::Whole(text) = word {
                wholes.insert(text.clone().into_bytes(), number);
                continue;
            }
            let text = word.text().to_ascii_lowercase();
            let pattern = *spellings.entry(text.clone()).or_insert_with(|| {
                patterns.push(text);
                spelled.push(Vec::new());
                patterns.len() - 1
            });
            spelled[pattern].push(number);
        }
        let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(&patterns).ok();
        Filter { wholes, automaton, spelled, words, conditions }
    }

    /// The matchers that may find something in this text.
    pub(super) fn active(&self, text: &str) -> Vec<usize> {
        let all = 0..self.conditions.len();
        let Some(automaton) = &self.automaton else { return all.collect() };
        let mut held = vec![false; self.words.len()];
        // What is beyond ASCII ends a name here, so that no name is overlooked.
        let ends = |byte: &u8| !byte.is_ascii_alphanumeric() && *byte != b'_';
        for name in text.as_bytes().split(ends).filter(|name| !name.is_empty()) {
            if let Some(number) = self.wholes.get(name) {
                held[*number] = true;
            }
        }
        let mut seen = vec![false; self.spelled.len()];
        // Words overlap, so all of them are reported.
        for found in automaton.find_overlapping_iter(text) {
            let pattern = found.pattern().as_usize();
            if seen[pattern] {
                continue;
            }
            let spelled = &text.as_bytes()[found.range()];
            seen[pattern] = true;
            for number in &self.spelled[pattern] {
                let word = &self.words[*number];
                held[*number] |= matches!(word, Word::Folded(_)) || word.text().as_bytes() == spelled;
                seen[pattern] &= held[*number];
            }
        }
        let unusual = (0..OTHER_CASES.len()).any(|number| held[number]);
        let is_held = |number: &usize| held[*number] || unusual && matches!(self.words[*number], Word::Folded(_));
        let holds = |group: &Vec<Vec<usize>>| group.iter().any(|choice| choice.iter().all(is_held));
        all.filter(|matcher| self.conditions[*matcher].iter().all(holds)).collect()
    }
}

/// What a file must hold if this matcher is to find anything in it. `needs` are the words that the rule names itself.
pub(super) fn conditions(matcher: &Matcher, needs: &[String], language: Language) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    if let Some(names) = &matcher.call {
        let choice = |(words, whole): (Vec<String>, Whole)| words.into_iter().map(|word| name(word, whole)).collect();
        groups.push(names.words().into_iter().map(choice).collect());
    }
    groups.extend((!needs.is_empty()).then(|| parts(needs.iter().cloned())));
    for pattern in [&matcher.context, &matcher.function, &matcher.file].into_iter().flatten() {
        groups.extend(pattern_groups(pattern.needs()));
    }
    for (places, test) in &matcher.args {
        if test.takes_absent() {
            continue;
        }
        groups.extend(named(places));
        groups.extend(of_test(test, language));
    }
    for (_, test) in matcher.variables.iter().filter(|(_, test)| !test.takes_absent()) {
        groups.extend(of_test(test, language));
    }
    groups
}

/// A part of a name as a word: what is no identifier may stand beside other letters.
fn name(text: String, whole: Whole) -> Word {
    match whole == Whole::Yes && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        true => Word::Whole(text),
        false => Word::Part(text),
    }
}

fn parts(words: impl IntoIterator<Item = String>) -> Group {
    words.into_iter().map(|text| vec![Word::Part(text)]).collect()
}

/// An argument that is known by its name only: the name stands in the file.
fn named(places: &[Place]) -> Option<Group> {
    let names = places.iter().map(|place| match place {
        Place::Name(name) => name.split('.').max_by_key(|part| part.len()).map(str::to_string),
        _ => None,
    });
    names.collect::<Option<Vec<_>>>().map(parts)
}

fn of_test(test: &Test, language: Language) -> Vec<Group> {
    match &test.0[..] {
        [only] => of_alternative(only, language),
        all => {
            // Of several alternatives, one is enough: what all of them together need is a word of any.
            let each = all.iter().map(|alternative| {
                let groups = of_alternative(alternative, language);
                groups.into_iter().max_by_key(|group| group.iter().flatten().map(|word| word.text().len()).min())
            });
            let all: Option<Vec<Group>> = each.collect();
            all.map(|groups| vec![groups.concat()]).unwrap_or_default()
        }
    }
}

fn of_alternative(alternative: &Alternative, language: Language) -> Vec<Group> {
    let mut groups = Vec::new();
    if let Some(text) = &alternative.text {
        groups.extend(pattern_groups(text.needs()));
    }
    let words = alternative.kinds.iter().map(|kind| match kind {
        Kind::Built => Some(built_words(language)),
        Kind::Request => Some(source_words(language).to_vec()),
        _ => None,
    });
    if let Some(words) = words.collect::<Option<Vec<_>>>().filter(|words| !words.is_empty()) {
        groups.push(parts(words.concat().into_iter().map(str::to_string)));
    }
    groups
}

/// What a pattern needs of the file whose text it looks at. A line's end may be ours: the name of a function and its
/// statement are put together with one.
fn pattern_groups(needs: &Needs) -> Vec<Group> {
    let tells = |group: &&Vec<String>| group.iter().all(|text| text.len() > 1 && !text.contains('\n'));
    let folded = |text: &String| vec![Word::Folded(text.clone())];
    needs.iter().filter(tells).map(|group| group.iter().map(folded).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::examples::file_name;
    use super::super::pack::Pack;
    use super::super::rule::{Examples, Rule, parse};
    use super::super::scan::{Parse, Scan, scan};
    use super::*;

    fn active(conditions: &[Vec<Group>], text: &str) -> Vec<usize> {
        Filter::of(conditions).active(text)
    }

    #[test]
    fn all_words_of_one_choice_are_enough() {
        let whole = |text: &str| Word::Whole(text.into());
        let group = vec![vec![whole("os"), whole("system")], vec![whole("popen")]];
        let conditions = [vec![group], vec![parts(["SELECT".into()])], Vec::new()];
        assert_eq!(active(&conditions, "os.system(x)"), [0, 2]);
        assert_eq!(active(&conditions, "pos.systems(x)"), [2]);
        assert_eq!(active(&conditions, "popen(selected)"), [0, 2]);
        assert_eq!(active(&conditions, "xSELECTx"), [1, 2]);
    }

    #[test]
    fn where_letters_have_other_cases_what_folds_is_let_through() {
        let conditions = [vec![vec![vec![Word::Folded("shell".into())]]]];
        assert_eq!(active(&conditions, "SheLL"), [0]);
        assert_eq!(active(&conditions, "hell"), [0; 0]);
        assert_eq!(active(&conditions, "\u{17f}hell"), [0]);
    }

    #[test]
    fn what_is_found_does_not_depend_on_the_filter() {
        let rules: Vec<Rule> = super::super::builtin_files()
            .iter()
            .map(|(file, text)| parse(text, file, Examples::Read).unwrap())
            .collect();
        let (with, without) = (Pack::of(rules.clone()), Pack::of(rules.clone()).unfiltered());
        let mut seen = 0;
        let mut whole: HashMap<String, String> = HashMap::new();
        let mut same = |path: &str, code: &str| {
            let of = |pack: &Pack, parse| -> Scan { scan(pack, path.as_bytes(), code.as_bytes(), parse) };
            let (expected, found) = (of(&without, Parse::Always), of(&with, Parse::Always));
            assert_eq!(found.hits, expected.hits, "{path}\n{code}");
            assert_eq!(found.unread, expected.unread, "{path}\n{code}");
            assert_eq!(of(&with, Parse::IfNeeded).hits, expected.hits, "{path}\n{code}");
            seen += expected.hits.len();
        };
        for (name, codes) in rules.iter().flat_map(|rule| rule.invalid.iter().chain(&rule.valid)) {
            for code in codes {
                same(&file_name(name), code);
                let all = whole.entry(file_name(name)).or_default();
                all.push_str(code);
                all.push('\n');
            }
        }
        whole.iter().for_each(|(path, code)| same(path, code));
        assert!(seen > 500, "{seen}");
    }
}
