//! Rules made ready to match, language by language and only when a file of the language comes up: a change of six
//! files must not wait for grammars it does not need.

use std::collections::HashMap;
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use ast_grep_config::{DeserializeEnv, RuleCore, SerializableRuleCore};
use ast_grep_core::Matcher as _;
use globset::{Glob, GlobSet, GlobSetBuilder};
use regex::{Regex, RegexBuilder};

use super::language::Language;
use super::names::Names;
use super::rule::{Begins, Examples, LineKind, MatcherFile, Rule, RuleError, Severity, TestFile, parse};
use super::values;
use super::workflow::WorkflowMatcher;
use super::{builtin, lines};

/// A pattern that compiles to more is refused: rules may come from strangers.
const PATTERN_BYTES: usize = 4 << 20;

/// Rules, ready to match.
pub struct Pack {
    pub(super) rules: Vec<Rule>,
    languages: [OnceLock<Compiled>; Language::ALL.len()],
    lines: OnceLock<Vec<lines::LineMatcher>>,
    workflow: OnceLock<Vec<WorkflowMatcher>>,
}

impl std::fmt::Debug for Pack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pack({} rules)", self.rules.len())
    }
}

impl Pack {
    /// The rules that come with the program.
    pub fn builtin() -> Pack {
        let rules = builtin::files().iter().map(|(file, text)| match parse(text, file, Examples::Leave) {
            Ok(rule) => rule,
            Err(_) => unreachable!("a test reads these files, and they do not change after that"),
        });
        Pack::of(rules.collect())
    }

    /// Rules that were read. They are compiled when they are needed: see [`Pack::check`].
    pub fn of(rules: Vec<Rule>) -> Pack {
        Pack {
            rules,
            languages: [const { OnceLock::new() }; Language::ALL.len()],
            lines: OnceLock::new(),
            workflow: OnceLock::new(),
        }
    }

    /// These rules, and more of them. A rule takes the place of one with the same id.
    pub fn with(mut self, more: Vec<Rule>) -> Pack {
        self.rules.retain(|rule| more.iter().all(|new| new.id != rule.id));
        self.rules.extend(more);
        Pack::of(self.rules)
    }

    /// Without the rules of these ids or classes.
    pub fn without(mut self, ids: &[String]) -> Pack {
        self.rules.retain(|rule| !ids.iter().any(|id| *id == rule.id || id == rule.class()));
        Pack::of(self.rules)
    }

    /// The rules.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule of this id.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// Compiles everything now and says what cannot be used.
    pub fn check(&self) -> Vec<RuleError> {
        let mut problems = Vec::new();
        for rule in &self.rules {
            let mut wrong = |message: String| problems.push(RuleError::new(&format!("rule `{}`", rule.id), message));
            for (index, matcher) in rule.matchers.iter().enumerate() {
                let at = |message: String| format!("match[{index}]: {message}");
                match Matcher::compile(0, matcher, rule) {
                    Err(message) => wrong(at(message)),
                    Ok(compiled) => {
                        for language in matcher.languages.iter().flat_map(|language| family(*language)) {
                            if language.grammar().is_none() {
                                continue;
                            }
                            if let Some(Err(message)) =
                                compiled.syntax.as_ref().map(|rule| compile_syntax(rule, language))
                            {
                                wrong(at(format!("{}: {message}", language.name())));
                            }
                        }
                    }
                }
            }
        }
        problems
    }

    pub(super) fn compiled(&self, language: Language) -> &Compiled {
        self.languages[language as usize].get_or_init(|| Compiled::of(&self.rules, language))
    }

    pub(super) fn lines(&self) -> &[lines::LineMatcher] {
        self.lines.get_or_init(|| {
            let all = self.rules.iter().enumerate().flat_map(|(index, rule)| {
                rule.matchers
                    .iter()
                    .filter_map(move |matcher| lines::LineMatcher::compile(index, matcher, rule).ok()?)
            });
            all.collect()
        })
    }

    pub(super) fn lines_of(&self, kind: LineKind) -> impl Iterator<Item = &lines::LineMatcher> {
        self.lines().iter().filter(move |matcher| matcher.kinds.contains(&kind))
    }

    pub(super) fn workflow(&self) -> &[WorkflowMatcher] {
        self.workflow.get_or_init(|| {
            let all = self.rules.iter().enumerate().flat_map(|(index, rule)| {
                rule.matchers.iter().filter_map(move |matcher| WorkflowMatcher::compile(index, matcher, rule).ok()?)
            });
            all.collect()
        })
    }
}

/// The languages that a name in a rule file stands for.
fn family(language: Language) -> Vec<Language> {
    match language {
        Language::JavaScript => vec![Language::JavaScript, Language::TypeScript, Language::Tsx],
        Language::TypeScript => vec![Language::TypeScript, Language::Tsx],
        language => vec![language],
    }
}

/// The rules of one language.
pub(super) struct Compiled {
    pub(super) matchers: Vec<Matcher>,
    /// Matchers of calls by the last part of the name that is called.
    pub(super) by_last: HashMap<String, Vec<usize>>,
    words: Option<AhoCorasick>,
    /// Per matcher: groups of words, of each of which a file must hold one.
    needs: Vec<Vec<Vec<usize>>>,
    syntax: Vec<OnceLock<Option<Syntax>>>,
    language: Language,
}

/// A syntax rule of ast-grep, and the kinds of nodes that it can match.
pub(super) struct Syntax {
    pub(super) rule: RuleCore,
    pub(super) kinds: Option<Vec<u16>>,
}

impl Compiled {
    fn of(rules: &[Rule], language: Language) -> Compiled {
        let mut compiled = Compiled {
            matchers: Vec::new(),
            by_last: HashMap::new(),
            words: None,
            needs: Vec::new(),
            syntax: Vec::new(),
            language,
        };
        let mut words: Vec<String> = Vec::new();
        let mut number = |word: &str| match words.iter().position(|known| known == word) {
            Some(number) => number,
            None => {
                words.push(word.to_string());
                words.len() - 1
            }
        };
        for (index, rule) in rules.iter().enumerate() {
            for file in &rule.matchers {
                if !file.languages.iter().any(|named| family(*named).contains(&language)) || file.lines.is_some() {
                    continue;
                }
                // What cannot be compiled was said when the rules were loaded.
                let Ok(matcher) = Matcher::compile(index, file, rule) else { continue };
                let mut groups: Vec<Vec<usize>> = Vec::new();
                if let Some(names) = &matcher.call {
                    groups.push(names.words().iter().map(|word| number(word)).collect());
                    for last in names.lasts() {
                        compiled.by_last.entry(last.clone()).or_default().push(compiled.matchers.len());
                    }
                }
                if !file.needs.0.is_empty() {
                    groups.push(file.needs.0.iter().map(|word| number(word)).collect());
                }
                if matcher.asks_for_request() {
                    groups.push(values::source_words(language).iter().map(|word| number(word)).collect());
                }
                compiled.needs.push(groups);
                compiled.syntax.push(OnceLock::new());
                compiled.matchers.push(matcher);
            }
        }
        // Words overlap, so all of them are reported.
        compiled.words = AhoCorasick::new(&words).ok();
        compiled
    }

    /// The matchers that may find something in this text, by the words that it holds.
    pub(super) fn active(&self, text: &str) -> Vec<usize> {
        let Some(words) = &self.words else { return (0..self.matchers.len()).collect() };
        let mut held = vec![false; words.patterns_len()];
        let mut left = held.len();
        for found in words.find_overlapping_iter(text) {
            let held = &mut held[found.pattern().as_usize()];
            if !*held {
                *held = true;
                left -= 1;
                if left == 0 {
                    break;
                }
            }
        }
        let is_active = |index: &usize| self.needs[*index].iter().all(|group| group.iter().any(|word| held[*word]));
        (0..self.matchers.len()).filter(is_active).collect()
    }

    /// The syntax rule of a matcher, compiled when a file first asks for it.
    pub(super) fn syntax(&self, index: usize) -> Option<&Syntax> {
        let source = self.matchers[index].syntax.as_ref()?;
        self.syntax[index].get_or_init(|| compile_syntax(source, self.language).ok()).as_ref()
    }
}

fn compile_syntax(source: &SerializableRuleCore, language: Language) -> Result<Syntax, String> {
    let chain = |error: &dyn std::error::Error| {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text} {error}");
            cause = error.source();
        }
        text
    };
    let rule = source.get_matcher(DeserializeEnv::new(language)).map_err(|error| chain(&error))?;
    let kinds = rule.potential_kinds().map(|kinds| kinds.iter().map(|kind| kind as u16).collect());
    Ok(Syntax { rule, kinds })
}

/// One way to find what a rule looks for, in one language.
pub(super) struct Matcher {
    /// The rule's number in the pack.
    pub(super) rule: usize,
    pub(super) severity: Severity,
    pub(super) message: Option<String>,
    pub(super) call: Option<Names>,
    pub(super) args: Vec<(Vec<Place>, Test)>,
    pub(super) variables: Vec<(String, Test)>,
    pub(super) harmless: Names,
    pub(super) begins: Begins,
    pub(super) context: Option<Regex>,
    pub(super) unless_context: Option<Regex>,
    pub(super) function: Option<Regex>,
    pub(super) unless_function: Option<Regex>,
    pub(super) unless_file: Option<Regex>,
    pub(super) file: Option<Regex>,
    pub(super) paths: Option<GlobSet>,
    syntax: Option<SerializableRuleCore>,
}

/// Which argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Position(usize),
    Name(String),
    Any,
    Last,
    Receiver,
}

/// What an expression must be: one of these.
#[derive(Debug)]
pub(super) struct Test(pub(super) Vec<Alternative>);

#[derive(Debug, Default)]
pub(super) struct Alternative {
    pub(super) kinds: Vec<Kind>,
    pub(super) matches: Option<Regex>,
    pub(super) not: Option<Regex>,
    pub(super) text: Option<Regex>,
    pub(super) exact: Option<String>,
}

/// What is known of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Built,
    Request,
    Constant,
    Literal,
    Variable,
    Any,
    Absent,
}

impl Matcher {
    fn compile(index: usize, file: &MatcherFile, rule: &Rule) -> Result<Matcher, String> {
        let ways = [!file.call.0.is_empty(), file.rule.is_some(), file.lines.is_some(), file.workflow.is_some()];
        if ways.iter().filter(|given| **given).count() != 1 {
            return Err("exactly one of `call`, `rule`, `lines` and `workflow` is needed".into());
        }
        if let Some(Err(message)) = file.lines.as_ref().map(|_| lines::LineMatcher::compile(index, file, rule)) {
            return Err(message);
        }
        if let Some(Err(message)) = file.workflow.as_ref().map(|_| WorkflowMatcher::compile(index, file, rule)) {
            return Err(message);
        }
        if (ways[0] || ways[1]) && file.languages.is_empty() {
            return Err("`languages` is missing".into());
        }
        let call = match file.call.0.is_empty() {
            true => None,
            false => Some(Names::compile(&file.call.0)?),
        };
        let mut args = Vec::new();
        for (places, test) in &file.args {
            args.push((places.split('|').map(place).collect::<Vec<_>>(), Test::compile(test)?));
        }
        let mut variables = Vec::new();
        for (name, test) in &file.variables {
            variables.push((name.trim_start_matches('$').to_string(), Test::compile(test)?));
        }
        let syntax = match &file.rule {
            None => None,
            Some(rule) => {
                let mut whole = serde_json::Map::new();
                whole.insert("rule".into(), rule.clone());
                whole.extend(file.constraints.clone().map(|constraints| ("constraints".into(), constraints)));
                whole.extend(file.utils.clone().map(|utils| ("utils".into(), utils)));
                Some(serde_json::from_value(whole.into()).map_err(|error| format!("`rule`: {error}"))?)
            }
        };
        let pattern = |text: &Option<String>| text.as_deref().map(pattern).transpose();
        Ok(Matcher {
            rule: index,
            severity: file.severity.unwrap_or(rule.severity),
            message: file.message.clone(),
            call,
            args,
            variables,
            begins: file.begins,
            harmless: Names::compile(&file.sanitizers.0)?,
            context: pattern(&file.context)?,
            unless_context: pattern(&file.unless_context)?,
            function: pattern(&file.function)?,
            unless_function: pattern(&file.unless_function)?,
            unless_file: pattern(&file.unless_file)?,
            file: pattern(&file.file)?,
            paths: paths(&file.paths)?,
            syntax,
        })
    }

    fn asks_for_request(&self) -> bool {
        let only = |test: &Test| {
            test.0.iter().all(|one| !one.kinds.is_empty() && one.kinds.iter().all(|kind| *kind == Kind::Request))
        };
        self.args.iter().any(|(_, test)| only(test)) || self.variables.iter().any(|(_, test)| only(test))
    }
}

fn place(text: &str) -> Place {
    match text.trim() {
        "any" => Place::Any,
        "last" => Place::Last,
        "receiver" => Place::Receiver,
        text => text.parse().map_or_else(|_| Place::Name(text.to_string()), Place::Position),
    }
}

impl Test {
    fn compile(file: &TestFile) -> Result<Test, String> {
        Ok(Test(match file {
            TestFile::Flag(flag) => vec![Alternative { exact: Some(flag.to_string()), ..Alternative::default() }],
            TestFile::Number(number) => vec![Alternative { exact: Some(number.to_string()), ..Alternative::default() }],
            TestFile::Word(word) => vec![Alternative::word(word)?],
            TestFile::Any(all) => {
                let mut alternatives = Vec::new();
                for test in all {
                    alternatives.extend(Test::compile(test)?.0);
                }
                alternatives
            }
            TestFile::All(map) => {
                let kinds =
                    map.is.0.iter().map(|word| kind(word).ok_or_else(|| format!("`{word}` is no kind of value")));
                let compiled = |text: &Option<String>| text.as_deref().map(pattern).transpose();
                vec![Alternative {
                    kinds: kinds.collect::<Result<_, _>>()?,
                    matches: compiled(&map.matches)?,
                    not: compiled(&map.not)?,
                    text: compiled(&map.text)?,
                    exact: None,
                }]
            }
        }))
    }

    /// Whether an argument that is not there passes.
    pub(super) fn takes_absent(&self) -> bool {
        self.0.iter().any(|alternative| alternative.kinds.contains(&Kind::Absent))
    }
}

impl Alternative {
    fn word(word: &str) -> Result<Alternative, String> {
        if let Some(kind) = kind(word) {
            return Ok(Alternative { kinds: vec![kind], ..Alternative::default() });
        }
        match word.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
            Some(text) => Ok(Alternative { matches: Some(pattern(text)?), ..Alternative::default() }),
            None => Ok(Alternative { exact: Some(word.to_string()), ..Alternative::default() }),
        }
    }
}

fn kind(word: &str) -> Option<Kind> {
    Some(match word {
        "built" => Kind::Built,
        "request" => Kind::Request,
        "constant" => Kind::Constant,
        "literal" => Kind::Literal,
        "variable" => Kind::Variable,
        "any" => Kind::Any,
        "absent" => Kind::Absent,
        _ => return None,
    })
}

pub(super) fn pattern(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(text).size_limit(PATTERN_BYTES).build().map_err(|error| {
        format!("the pattern `{text}` cannot be used: {}", error.to_string().lines().last().unwrap_or_default())
    })
}

pub(super) fn paths(globs: &[String]) -> Result<Option<GlobSet>, String> {
    if globs.is_empty() {
        return Ok(None);
    }
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        set.add(Glob::new(glob).map_err(|error| format!("the glob `{glob}` cannot be used: {}", error.kind()))?);
    }
    set.build().map(Some).map_err(|error| error.to_string())
}
