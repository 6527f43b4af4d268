//! One file held against the rules.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use ast_grep_core::AstGrep;
use ast_grep_core::matcher::MatcherExt as _;
use ast_grep_core::tree_sitter::StrDoc;
use regex::Regex;

use super::facts::{Facts, Node, Scope, field, nth};
use super::language::Language;
use super::pack::{Alternative, Compiled, Kind, Matcher, Pack, Place, Test};
use super::pattern::Pattern;
use super::rule::{Begins, LineKind, Severity};
use super::suppress::{self, Suppression};
use super::values::{Value, Values, arguments_of, children, receiver_of};
use super::{lines, workflow};

/// Larger files were not written by people: Semgrep's own limit.
pub const MOST_BYTES: usize = 1_000_000;
/// Findings of one file that are kept.
const MOST_HITS: usize = 1_000;

/// Something that a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The rule's id.
    pub rule: String,
    /// Its class.
    pub class: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// The bytes of the file, as it was read.
    pub range: Range<usize>,
    /// First line, from 1.
    pub line: u32,
    /// Last line.
    pub end_line: u32,
    /// The text without what does not matter: the same in another place, or with other blanks.
    pub text: String,
    /// The suppression that covers it: its number in [`Scan::suppressions`].
    pub suppressed: Option<usize>,
}

/// What became of one file.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// What was found, by place.
    pub hits: Vec<Hit>,
    /// What could not be looked at, and why. Empty for a file that was checked, or that no rule is for.
    pub unread: Vec<Unread>,
    /// Comments that let something off.
    pub suppressions: Vec<Suppression>,
    /// Whether some rule is for this kind of file.
    pub applies: bool,
}

/// A part of a file, or all of it, that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// First and last line; `None` for the whole file.
    pub lines: Option<(u32, u32)>,
    /// Why.
    pub reason: String,
}

/// Whether a file is parsed even where no rule could find anything in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parse {
    /// To be able to say that it could not be read.
    Always,
    /// Only if the words that some rule needs are there.
    IfNeeded,
}

/// Looks through one file. `path` is relative to the top of the repository.
pub fn scan(pack: &Pack, path: &[u8], content: &[u8], parse: Parse) -> Scan {
    let name = String::from_utf8_lossy(path).into_owned();
    let language = Language::of(path, content);
    let kind = line_kind(&name, language);
    let is_workflow = workflow::is_workflow(&name);
    let compiled = language.map(|language| (language, pack.compiled(language)));
    let compiled = compiled.filter(|(_, compiled)| !compiled.matchers.is_empty());
    let mut scan = Scan { applies: compiled.is_some() || kind.is_some() || is_workflow, ..Scan::default() };
    if !scan.applies {
        return scan;
    }
    let whole = |reason: &str| Unread { lines: None, reason: reason.to_string() };
    if content.len() > MOST_BYTES {
        scan.unread.push(whole(&format!("it has {} bytes, more than {MOST_BYTES}", content.len())));
        return scan;
    }
    if language == Some(Language::TypeScript) && content.first() == Some(&0x47) && content.get(188) == Some(&0x47) {
        // A film: MPEG transport streams have the same ending, and this byte before every packet.
        return Scan::default();
    }
    if memchr::memchr(0, content).is_some() {
        scan.unread.push(whole("it is not text"));
        return scan;
    }
    let text = String::from_utf8_lossy(content).into_owned();
    let mut found = Found { pack, text: &text, hits: Vec::new() };
    let has_tree = compiled.is_some();
    if let Some((language, compiled)) = compiled {
        match language.grammar() {
            None => scan.unread.push(whole(&format!("this build has no grammar for {}", language.name()))),
            Some(_) => syntax(&mut found, &mut scan, compiled, language, &name, parse),
        }
    }
    if let Some(kind) = kind {
        logical_lines(&mut found, kind, &name);
    }
    if is_workflow {
        match workflow::parse(&text) {
            Ok(Some(root)) => in_workflow(&mut found, &root),
            Ok(None) => {}
            Err((line, reason)) => {
                let line = line.max(1) as u32;
                scan.unread.push(Unread { lines: Some((line, line)), reason: format!("it is no YAML: {reason}") });
            }
        }
    }
    scan.hits = found.finish();
    if !has_tree {
        scan.suppressions = suppress::in_lines(&text, kind == Some(LineKind::Sql));
    }
    suppress::apply(&mut scan.hits, &mut scan.suppressions);
    scan
}

/// Whether a file may be one that rules are for, by its name alone: others need not be read.
pub fn may_apply(path: &[u8]) -> bool {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    let text = String::from_utf8_lossy(path);
    // Without an ending, the first line decides.
    !name.contains(&b'.') || Language::of(path, b"").is_some() || line_kind(&text, None).is_some()
}

/// One file to look through: its path, its content, and whether it is parsed anyhow.
pub type Task<'a> = (&'a [u8], &'a [u8], Parse);

/// Looks through files, on as many threads as are worth it. The answers stand in the order of the tasks.
pub fn scan_all(pack: &Pack, tasks: &[Task<'_>], threads: usize) -> Vec<Scan> {
    // A thread costs less than the first file of a language, whose rules are made ready with it.
    let threads = threads.min(tasks.len().div_ceil(2));
    if threads <= 1 {
        return tasks.iter().map(|(path, content, parse)| scan(pack, path, content, *parse)).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let index = next.fetch_add(1, Ordering::Relaxed)
            && let Some((path, content, parse)) = tasks.get(index)
        {
            done.push((index, scan(pack, path, content, *parse)));
        }
        done
    };
    let mut scans = vec![Scan::default(); tasks.len()];
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            match worker.join() {
                Ok(done) => done.into_iter().for_each(|(index, scan)| scans[index] = scan),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    scans
}

/// The kind of a file whose rules look at lines.
fn line_kind(path: &str, language: Option<Language>) -> Option<LineKind> {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let is_dockerfile = ["dockerfile", "containerfile"].iter().any(|file| {
        name == *file
            || name.strip_prefix(file).is_some_and(|rest| rest.starts_with(['.', '-']))
            || name.ends_with(&format!(".{file}"))
    });
    match language {
        Some(Language::Bash) => Some(LineKind::Shell),
        _ if is_dockerfile => Some(LineKind::Dockerfile),
        _ if name.ends_with(".sql") => Some(LineKind::Sql),
        None if name == "makefile" || name.ends_with(".mk") || name == "justfile" => Some(LineKind::Shell),
        _ => None,
    }
}

fn logical_lines(found: &mut Found<'_>, kind: LineKind, path: &str) {
    let (pack, text) = (found.pack, found.text);
    let mut run = |kind: LineKind, plain: &lines::Plain| {
        for matcher in pack.lines_of(kind) {
            if matcher.paths.as_ref().is_some_and(|paths| !paths.is_match(path)) {
                continue;
            }
            for range in matcher.find(plain) {
                found.add(matcher.rule, matcher.severity, matcher.message.as_deref(), range);
            }
        }
    };
    match kind {
        LineKind::Shell => run(LineKind::Shell, &lines::shell(text)),
        LineKind::Sql => run(LineKind::Sql, &lines::sql(text)),
        LineKind::Dockerfile => {
            let plain = lines::dockerfile(text);
            run(LineKind::Dockerfile, &plain);
            run(LineKind::Shell, &lines::dockerfile_shell(&plain));
        }
    }
}

fn in_workflow(found: &mut Found<'_>, root: &workflow::Node) {
    let pack = found.pack;
    for matcher in pack.workflow() {
        for range in matcher.find(found.text, root) {
            found.add(matcher.rule, matcher.severity, matcher.message.as_deref(), range);
        }
    }
    for script in workflow::scripts(root) {
        let Some(text) = found.text.get(script.clone()) else { continue };
        let plain = lines::shell(text);
        for matcher in pack.lines_of(LineKind::Shell) {
            for range in matcher.find(&plain) {
                let range = script.start + range.start..script.start + range.end;
                found.add(matcher.rule, matcher.severity, matcher.message.as_deref(), range);
            }
        }
    }
}

fn syntax(found: &mut Found<'_>, scan: &mut Scan, compiled: &Compiled, language: Language, path: &str, parse: Parse) {
    let text = found.text;
    let mut active = compiled.active(text);
    active.retain(|index| compiled.matchers[*index].paths.as_ref().is_none_or(|paths| paths.is_match(path)));
    // Where a comment may let something off, only the tree tells whether it is one.
    let asks = suppress::may_hold(text);
    if active.is_empty() && parse == Parse::IfNeeded && !asks {
        return;
    }
    let Ok(document) = StrDoc::try_new(text, language) else {
        scan.unread.push(Unread { lines: None, reason: "the parser gave up".into() });
        return;
    };
    let mut tree = AstGrep::doc(document);
    if let Some(readable) = readable(language, text, tree.root().get_inner_node()) {
        tree = readable;
    }
    let root = tree.root();
    let mut is_active = vec![false; compiled.matchers.len()];
    active.iter().for_each(|index| is_active[*index] = true);
    // Which syntax rules look at which kind of node.
    let mut by_kind: HashMap<u16, Vec<usize>> = HashMap::new();
    let mut at_any: Vec<usize> = Vec::new();
    for index in &active {
        match compiled.syntax(*index).map(|syntax| &syntax.kinds) {
            Some(Some(kinds)) => kinds.iter().for_each(|kind| by_kind.entry(*kind).or_default().push(*index)),
            Some(None) => at_any.push(*index),
            None => {}
        }
    }
    let facts =
        Facts::gather(root.get_inner_node(), text, language, &|kind| !at_any.is_empty() || by_kind.contains_key(&kind));
    if facts.too_deep {
        scan.unread.push(Unread { lines: None, reason: "it nests too deep".into() });
        return;
    }
    scan.suppressions = suppress::in_comments(text, &facts.comments);
    for error in &facts.errors {
        let (first, last) = (line_of(text, error.start), line_of(text, error.end.saturating_sub(1).max(error.start)));
        let reason = format!("it cannot be read as {}", language.name());
        let count = scan.unread.len();
        match scan.unread.last_mut() {
            Some(Unread { lines: Some((_, end)), .. }) if *end + 1 >= first => *end = (*end).max(last),
            _ if count < 20 => scan.unread.push(Unread { lines: Some((first, last)), reason }),
            _ => {}
        }
    }
    let at = |matcher: &Matcher, node: Node<'_>, scope: Scope| holds(matcher, &facts, node, scope);
    for (call, scope) in &facts.calls {
        let Some(last) = facts.last_name(*call) else { continue };
        let imported = renamed(&facts, last).filter(|full| *full != last);
        let candidates =
            [Some(last), imported].into_iter().flatten().filter_map(|last| compiled.by_last.get(last)).flatten();
        let mut name = None;
        for index in candidates.filter(|index| is_active[**index]) {
            let matcher = &compiled.matchers[*index];
            let Some(names) = &matcher.call else { continue };
            let name = name.get_or_insert_with(|| facts.callee(*call, *scope).unwrap_or_default());
            if names.contains(name) && arguments_pass(matcher, &facts, *call, *scope) && at(matcher, *call, *scope) {
                let mut range = call_range(*call);
                if matcher.begins == Begins::Receiver {
                    range.start = receiver_value(&facts, *call, *scope).map_or(range.start, |at| at.min(range.start));
                }
                found.add(matcher.rule, matcher.severity, matcher.message.as_deref(), range);
            }
        }
    }
    for (node, scope) in &facts.wanted {
        let indices = by_kind.get(&node.kind_id()).into_iter().flatten().chain(&at_any);
        for index in indices {
            let Some(syntax) = compiled.syntax(*index) else { continue };
            let matcher = &compiled.matchers[*index];
            let Some(matched) = syntax.rule.match_node(tree.adopt(*node)) else { continue };
            let mut values = Values::new(&facts, &matcher.harmless);
            let variables = matcher.variables.iter().all(|(name, test)| {
                let bound = matched.get_env().get_match(name).map(|node| node.get_inner_node());
                passes(test, bound, *scope, &facts, &mut values)
            });
            if variables && at(matcher, *node, *scope) {
                found.add(matcher.rule, matcher.severity, matcher.message.as_deref(), matched.range());
            }
        }
    }
}

/// A tree with fewer errors, where there are some that are the grammar's. Go's `new` takes values since 1.26, and the
/// grammar knows types only: read as any other function's, of the same length, the call is whole again. TypeScript's
/// `export type * from` it does not know: without the word, it is an export.
fn readable(language: Language, text: &str, root: Node<'_>) -> Option<AstGrep<StrDoc<Language>>> {
    static NEW: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"\bnew(\(\s*(?:[\x22\x60'0-9-]|(?:true|false|nil)\b|\w[\w.]*\s*[(+]|&|fmt\.))").ok()
    });
    static TYPES: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\b(export\s+)type(\s+\*)").ok());
    if !root.has_error() {
        return None;
    }
    let other = match language {
        Language::Go => NEW.as_ref()?.replace_all(text, "n_w$1"),
        Language::TypeScript | Language::Tsx => TYPES.as_ref()?.replace_all(text, "$1    $2"),
        _ => return None,
    };
    if other == text {
        return None;
    }
    // Its ranges fit the text as it was written, and only they are used.
    Some(AstGrep::doc(StrDoc::try_new(&other, language).ok()?))
}

/// The last part of the name that an imported function has where it comes from.
fn renamed<'f>(facts: &'f Facts<'_>, name: &str) -> Option<&'f str> {
    let full = facts.imports.get(name)?;
    Some(full.rsplit(['.', '/']).next().unwrap_or(full))
}

/// From the name that is called to the end of the arguments: a chain of calls stands in many lines.
fn call_range(call: Node<'_>) -> Range<usize> {
    let callee = field(call, "function").or_else(|| field(call, "name"));
    let last =
        callee.and_then(|callee| ["property", "attribute", "field"].into_iter().find_map(|key| field(callee, key)));
    let far = last.filter(|last| last.start_position().row > call.start_position().row);
    far.unwrap_or(call).start_byte()..call.end_byte()
}

/// Where what a method is called on got its value, if that is near.
fn receiver_value(facts: &Facts<'_>, call: Node<'_>, scope: Scope) -> Option<usize> {
    let receiver = receiver_of(call).filter(|receiver| receiver.kind() == "identifier")?;
    let bindings = facts.values_of(facts.slice(receiver), scope, call.start_byte());
    let value = bindings.last()?.value?;
    (call.start_position().row.saturating_sub(value.start_position().row) < 10).then(|| value.start_byte())
}

/// The conditions of a matcher on what stands around.
fn holds(matcher: &Matcher, facts: &Facts<'_>, node: Node<'_>, scope: Scope) -> bool {
    if matcher.file.as_ref().is_some_and(|file| !file.is_match(facts.text)) {
        return false;
    }
    if matcher.unless_file.as_ref().is_some_and(|unless| unless.is_match(facts.text)) {
        return false;
    }
    let function = facts.text.get(facts.functions[scope].range.clone()).unwrap_or_default();
    if matcher.function.as_ref().is_some_and(|pattern| !pattern.is_match(function))
        || matcher.unless_function.as_ref().is_some_and(|unless| unless.is_match(function))
    {
        return false;
    }
    if matcher.context.is_some() || matcher.unless_context.is_some() {
        let around = around(facts, node, scope);
        if matcher.context.as_ref().is_some_and(|context| !context.is_match(&around))
            || matcher.unless_context.as_ref().is_some_and(|unless| unless.is_match(&around))
        {
            return false;
        }
    }
    true
}

/// The name of the function and the statement.
fn around(facts: &Facts<'_>, node: Node<'_>, scope: Scope) -> String {
    let name = facts.outwards(scope).find_map(|scope| facts.functions[scope].name).unwrap_or_default();
    let mut statement = node;
    for _ in 0..12 {
        let kind = statement.kind();
        if kind.contains("statement")
            || kind.contains("declaration")
            || kind.contains("declarator")
            || kind.contains("assignment")
        {
            break;
        }
        match statement.parent() {
            Some(parent) if !parent.kind().contains("block") && parent.end_byte() - parent.start_byte() < 1_000 => {
                statement = parent
            }
            _ => break,
        }
    }
    let text = facts.slice(statement);
    let text: String = text.chars().take(600).collect();
    format!("{name}\n{text}")
}

fn arguments_pass<'t>(matcher: &Matcher, facts: &Facts<'t>, call: Node<'t>, scope: Scope) -> bool {
    if matcher.args.is_empty() {
        return true;
    }
    let mut values = Values::new(facts, &matcher.harmless);
    let list = arguments_of(call).map(children).unwrap_or_default();
    let positional: Vec<Node<'t>> =
        list.iter().copied().filter(|argument| argument.kind() != "keyword_argument").collect();
    matcher.args.iter().all(|(places, test)| {
        let mut nodes = Vec::new();
        for place in places {
            match place {
                Place::Position(index) => nodes.extend(positional.get(*index).copied()),
                Place::Last => nodes.extend(positional.last().copied()),
                Place::Any => nodes.extend(positional.iter().copied()),
                Place::Receiver => nodes.extend(receiver_of(call)),
                Place::Name(name) => nodes.extend(named_argument(facts, &list, name, scope)),
            }
        }
        match nodes.is_empty() {
            true => test.takes_absent(),
            false => nodes.iter().any(|node| passes(test, Some(*node), scope, facts, &mut values)),
        }
    })
}

/// `name=…` in Python, `{ name: … }` in JavaScript, also when the object stands in a local name.
fn named_argument<'t>(facts: &Facts<'t>, list: &[Node<'t>], name: &str, scope: Scope) -> Option<Node<'t>> {
    for argument in list {
        match argument.kind() {
            "keyword_argument" if field(*argument, "name").is_some_and(|key| facts.slice(key) == name) => {
                return field(*argument, "value");
            }
            "object" => {
                if let Some(value) = property(facts, *argument, name) {
                    return Some(value);
                }
            }
            "identifier" => {
                let bound = facts.values_of(facts.slice(*argument), scope, argument.start_byte());
                let object = bound.iter().find_map(|binding| binding.value.filter(|value| value.kind() == "object"));
                if let Some(value) = object.and_then(|object| property(facts, object, name)) {
                    return Some(value);
                }
            }
            "dictionary_splat" => {
                let inner = nth(*argument, 0)?;
                if inner.kind() == "dictionary"
                    && let Some(value) = property(facts, inner, name)
                {
                    return Some(value);
                }
                let bound = facts.values_of(facts.slice(inner), scope, inner.start_byte());
                let object =
                    bound.iter().find_map(|binding| binding.value.filter(|value| value.kind() == "dictionary"));
                if let Some(value) = object.and_then(|object| property(facts, object, name)) {
                    return Some(value);
                }
            }
            _ => {}
        }
    }
    None
}

/// A property of an object literal; `a.b` of an object in it.
fn property<'t>(facts: &Facts<'t>, object: Node<'t>, name: &str) -> Option<Node<'t>> {
    let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
    let found = children(object).into_iter().find_map(|child| match child.kind() {
        "pair" => {
            let key = field(child, "key")?;
            (facts.slice(key).trim_matches(['"', '\'']) == first).then(|| field(child, "value")).flatten()
        }
        "shorthand_property_identifier" => (facts.slice(child) == first).then_some(child),
        _ => None,
    })?;
    match rest {
        None => Some(found),
        Some(rest) if found.kind() == "object" => property(facts, found, rest),
        Some(_) => None,
    }
}

fn passes<'t>(
    test: &Test,
    node: Option<Node<'t>>,
    scope: Scope,
    facts: &Facts<'t>,
    values: &mut Values<'_, 't>,
) -> bool {
    let Some(node) = node else { return test.takes_absent() };
    let mut known: Option<Value> = None;
    test.0.iter().any(|alternative| {
        let text = facts.slice(node);
        let written = |pattern: &Pattern| {
            pattern.is_match(text) || only_value(facts, node, scope).is_some_and(|value| pattern.is_match(value))
        };
        if alternative.text.as_ref().is_some_and(|pattern| !written(pattern)) {
            return false;
        }
        let value = known.get_or_insert_with(|| values.of(node, scope));
        fits(alternative, value, text)
    })
}

/// What a local name stands for, where it gets one value only and all of it.
fn only_value<'t>(facts: &Facts<'t>, node: Node<'t>, scope: Scope) -> Option<&'t str> {
    let name = Some(node).filter(|node| node.kind() == "identifier")?;
    let [only] = facts.values_of(facts.slice(name), scope, node.start_byte())[..] else { return None };
    let value = only.value.filter(|_| only.part.is_none() && !only.grows)?;
    Some(facts.slice(value)).filter(|text| text.len() < 4_000)
}

fn fits(alternative: &Alternative, value: &Value, text: &str) -> bool {
    let kinds = alternative.kinds.is_empty()
        || alternative.kinds.iter().any(|kind| match kind {
            Kind::Built => value.built,
            Kind::Request => value.request,
            Kind::Constant => value.constant,
            Kind::Literal => value.constant && value.literal,
            Kind::Variable => !value.constant,
            Kind::Any => true,
            Kind::Absent => false,
        });
    let words = if value.parts.is_empty() { text } else { &value.parts };
    kinds
        && alternative.exact.as_ref().is_none_or(|exact| exact == text || value.constant && *exact == value.parts)
        && alternative.matches.as_ref().is_none_or(|pattern| pattern.is_match(words))
        && alternative.not.as_ref().is_none_or(|pattern| !pattern.is_match(words))
}

/// What was found in one file.
struct Found<'a> {
    pack: &'a Pack,
    text: &'a str,
    hits: Vec<Hit>,
}

impl Found<'_> {
    fn add(&mut self, rule: usize, severity: Severity, message: Option<&str>, range: Range<usize>) {
        if self.hits.len() >= MOST_HITS {
            return;
        }
        let rule = &self.pack.rules[rule];
        let source = self.text.get(range.clone()).unwrap_or_default();
        // A pattern may begin or end with blanks; the lines of a finding do not.
        let range = range.start + (source.len() - source.trim_start().len())
            ..range.end - (source.len() - source.trim_end().len());
        let source = source.trim();
        self.hits.push(Hit {
            rule: rule.id.clone(),
            class: rule.class().to_string(),
            severity,
            message: message.unwrap_or(&rule.message).trim().to_string(),
            line: line_of(self.text, range.start),
            end_line: line_of(self.text, range.end.max(range.start + 1) - 1),
            text: normalised(source),
            range,
            suppressed: None,
        });
    }

    /// By place; of several hits of one rule in one line, the first and worst.
    fn finish(mut self) -> Vec<Hit> {
        self.hits.sort_by(|a, b| {
            (a.line, &a.rule, a.severity, a.range.start).cmp(&(b.line, &b.rule, b.severity, b.range.start))
        });
        self.hits.dedup_by(|next, kept| next.line == kept.line && next.rule == kept.rule);
        self.hits
    }
}

fn line_of(text: &str, offset: usize) -> u32 {
    memchr::memchr_iter(b'\n', &text.as_bytes()[..offset.min(text.len())]).count() as u32 + 1
}

/// Blanks as one blank, and none at a bracket or a comma: how code is laid out does not change what it is.
fn normalised(text: &str) -> String {
    let mut plain = String::with_capacity(text.len().min(2_000));
    for word in text.split_whitespace() {
        let glued = plain.ends_with(['(', '[', '{', ',', '.']) || word.starts_with([')', ']', '}', ',', '.', ';']);
        if !plain.is_empty() && !glued {
            plain.push(' ');
        }
        plain.push_str(word);
        if plain.len() > 4_000 {
            break;
        }
    }
    plain
}
