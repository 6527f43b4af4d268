//! Rules made ready to match, language by language and only when a file of the language comes up: a change of six
//! files must not wait for grammars it does not need.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::filter::{self, Filter};
use super::language::Language;
use super::names::Names;
use super::pattern::Pattern;
use super::rule::{Begins, LineKind, MatcherFile, Rule, RuleError, Severity, TestFile};
use super::workflow::WorkflowMatcher;
use super::{builtin, lines};
use ast_grep_config::{DeserializeEnv, RuleCore, SerializableRuleCore};
use ast_grep_core::Matcher as _;
use globset::{Glob, GlobSet, GlobSetBuilder};

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
        Pack::of(builtin::rules())
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

    /// The same pack with every matcher asked of every file.
    #[cfg(test)]
    pub(super) fn unfiltered(self) -> Pack {
        for language in Language::ALL {
            let mut compiled = Compiled::of(&self.rules, language);
            compiled.filter = Filter::of(&vec![Vec::new(); compiled.matchers.len()]);
            self.languages[language as usize].get_or_init(|| compiled);
        }
        self
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
                if let Err(message) = outside_of_trees(matcher, rule) {
                    wrong(at(message));
                    continue;
                }
                match Matcher::compile(0, matcher, rule) {
                    Err(message) => wrong(at(message)),
                    Ok(compiled) => {
                        if let Some(message) = compiled.patterns().find_map(|pattern| pattern.check().err()) {
                            wrong(at(message));
                        }
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

/// What is wrong with a matcher on lines or on workflows.
fn outside_of_trees(file: &MatcherFile, rule: &Rule) -> Result<(), String> {
    let on_lines = lines::LineMatcher::compile(0, file, rule)?;
    on_lines.iter().flat_map(lines::LineMatcher::patterns).try_for_each(Pattern::check)?;
    let on_workflows = WorkflowMatcher::compile(0, file, rule)?;
    on_workflows.iter().flat_map(WorkflowMatcher::patterns).try_for_each(Pattern::check)
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
    filter: Filter,
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
            filter: Filter::of(&[]),
            syntax: Vec::new(),
            language,
        };
        let mut conditions = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            for file in &rule.matchers {
                if !file.languages.iter().any(|named| family(*named).contains(&language)) || file.lines.is_some() {
                    continue;
                }
                // What cannot be compiled was said when the rules were loaded.
                let Ok(matcher) = Matcher::compile(index, file, rule) else { continue };
                for last in matcher.call.iter().flat_map(Names::lasts) {
                    compiled.by_last.entry(last.clone()).or_default().push(compiled.matchers.len());
                }
                conditions.push(filter::conditions(&matcher, &file.needs.0, language));
                compiled.syntax.push(OnceLock::new());
                compiled.matchers.push(matcher);
            }
        }
        compiled.filter = Filter::of(&conditions);
        compiled
    }

    /// The matchers that may find something in this text, by the words that it holds.
    pub(super) fn active(&self, text: &str) -> Vec<usize> {
        self.filter.active(text)
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
    pub(super) context: Option<Pattern>,
    pub(super) unless_context: Option<Pattern>,
    pub(super) function: Option<Pattern>,
    pub(super) unless_function: Option<Pattern>,
    pub(super) unless_file: Option<Pattern>,
    pub(super) file: Option<Pattern>,
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
    pub(super) matches: Option<Pattern>,
    pub(super) not: Option<Pattern>,
    pub(super) text: Option<Pattern>,
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
        let pattern = |text: &Option<String>| text.as_deref().map(Pattern::new);
        Ok(Matcher {
            rule: index,
            severity: file.severity.unwrap_or(rule.severity),
            message: file.message.clone(),
            call,
            args,
            variables,
            begins: file.begins,
            harmless: Names::compile(&file.sanitizers.0)?,
            context: pattern(&file.context),
            unless_context: pattern(&file.unless_context),
            function: pattern(&file.function),
            unless_function: pattern(&file.unless_function),
            unless_file: pattern(&file.unless_file),
            file: pattern(&file.file),
            paths: paths(&file.paths)?,
            syntax,
        })
    }

    /// The expressions of it.
    fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        let around = [&self.context, &self.unless_context, &self.function, &self.unless_function];
        let around = around.into_iter().chain([&self.unless_file, &self.file]).flatten();
        let tests = self.args.iter().map(|(_, test)| test).chain(self.variables.iter().map(|(_, test)| test));
        around.chain(tests.flat_map(|test| &test.0).flat_map(Alternative::patterns))
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
            TestFile::Word(word) => vec![Alternative::word(word)],
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
                let compiled = |text: &Option<String>| text.as_deref().map(Pattern::new);
                vec![Alternative {
                    kinds: kinds.collect::<Result<_, _>>()?,
                    matches: compiled(&map.matches),
                    not: compiled(&map.not),
                    text: compiled(&map.text),
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
    fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        [&self.matches, &self.not, &self.text].into_iter().flatten()
    }

    fn word(word: &str) -> Alternative {
        if let Some(kind) = kind(word) {
            return Alternative { kinds: vec![kind], ..Alternative::default() };
        }
        match word.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
            Some(text) => Alternative { matches: Some(Pattern::new(text)), ..Alternative::default() },
            None => Alternative { exact: Some(word.to_string()), ..Alternative::default() },
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
