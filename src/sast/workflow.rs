//! GitHub Actions workflows: a YAML tree with its places, and matchers on paths of it.

use std::ops::Range;

use saphyr_parser::{Event, Parser};

use super::pattern::Pattern;
use super::rule::{MatcherFile, Rule, Severity};

/// No workflow nests deeper.
const DEEPEST: usize = 64;
/// Values of one file that are looked at.
const MOST_VALUES: usize = 100_000;

/// A place in a workflow that a rule speaks of.
pub(super) struct WorkflowMatcher {
    pub(super) rule: usize,
    pub(super) severity: Severity,
    pub(super) message: Option<String>,
    at: Vec<Vec<String>>,
    pattern: Option<Pattern>,
    unless: Option<Pattern>,
    on: Vec<String>,
    beside: Vec<(Vec<String>, Pattern)>,
}

/// A value and where it stands.
pub(super) struct Node {
    pub(super) range: Range<usize>,
    value: Value,
}

enum Value {
    Scalar(String),
    Sequence(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
}

impl Node {
    fn entry(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Mapping(entries) => {
                entries.iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// Every value at a path, with the nearest element of a list above it: the step.
    fn at<'n>(&'n self, path: &[String], step: Option<&'n Node>, found: &mut Vec<(&'n Node, Option<&'n Node>)>) {
        let Some((first, rest)) = path.split_first() else {
            found.push((self, step));
            return;
        };
        match &self.value {
            Value::Mapping(entries) => {
                for (_, value) in entries.iter().filter(|(name, _)| first == "*" || name.text() == Some(first)) {
                    value.at(rest, step, found);
                }
            }
            Value::Sequence(items) if first == "*" => items.iter().for_each(|item| item.at(rest, Some(item), found)),
            _ => {}
        }
    }

    /// The events that start a workflow.
    fn events(&self) -> Vec<&str> {
        match self.entry("on").map(|on| &on.value) {
            Some(Value::Scalar(text)) => vec![text],
            Some(Value::Sequence(items)) => items.iter().filter_map(Node::text).collect(),
            Some(Value::Mapping(entries)) => entries.iter().filter_map(|(name, _)| name.text()).collect(),
            None => Vec::new(),
        }
    }
}

/// Whether a path is one of a workflow or of a composite action.
pub(super) fn is_workflow(path: &str) -> bool {
    let is_yaml = path.ends_with(".yml") || path.ends_with(".yaml");
    let name = path.rsplit('/').next().unwrap_or(path);
    is_yaml && (path.starts_with(".github/workflows/") || path.contains("/.github/workflows/"))
        || matches!(name, "action.yml" | "action.yaml")
}

/// The shell scripts that a workflow runs: the ranges of the texts of `run`.
pub(super) fn scripts(root: &Node) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for path in ["jobs.*.steps.*.run", "runs.steps.*.run"] {
        let path: Vec<String> = path.split('.').map(str::to_string).collect();
        root.at(&path, None, &mut found);
    }
    found.into_iter().map(|(node, _)| node.range.clone()).collect()
}

/// The tree of the first document; an error says where the text is no YAML.
pub(super) fn parse(text: &str) -> Result<Option<Node>, (usize, String)> {
    struct Open {
        start: usize,
        mapping: bool,
        items: Vec<Node>,
    }
    // The parser counts characters.
    let is_ascii = text.is_ascii();
    let offsets: Vec<usize> = if is_ascii { Vec::new() } else { text.char_indices().map(|(at, _)| at).collect() };
    let byte = |index: usize| match is_ascii {
        true => index.min(text.len()),
        false => offsets.get(index).copied().unwrap_or(text.len()),
    };
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    let mut values = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| (error.marker().line(), error.info().to_string()))?;
        let range = byte(span.start.index())..byte(span.end.index());
        values += 1;
        if values > MOST_VALUES {
            return Err((span.start.line(), format!("more than {MOST_VALUES} values")));
        }
        let node = match event {
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if open.len() == DEEPEST {
                    return Err((span.start.line(), format!("nested deeper than {DEEPEST} levels")));
                }
                let mapping = matches!(event, Event::MappingStart(..));
                open.push(Open { start: range.start, mapping, items: Vec::new() });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(closed) = open.pop() else { continue };
                let value = match closed.mapping {
                    false => Value::Sequence(closed.items),
                    true => {
                        let mut entries = Vec::new();
                        let mut items = closed.items.into_iter();
                        while let (Some(key), Some(value)) = (items.next(), items.next()) {
                            entries.push((key, value));
                        }
                        Value::Mapping(entries)
                    }
                };
                Node { range: closed.start..range.end, value }
            }
            Event::Scalar(text, ..) => Node { range, value: Value::Scalar(text.into_owned()) },
            Event::Alias(_) => Node { range, value: Value::Scalar(String::new()) },
            Event::DocumentEnd if root.is_some() => break,
            _ => continue,
        };
        match open.last_mut() {
            Some(parent) => parent.items.push(node),
            None => root = Some(node),
        }
    }
    Ok(root)
}

impl WorkflowMatcher {
    pub(super) fn compile(index: usize, file: &MatcherFile, rule: &Rule) -> Result<Option<WorkflowMatcher>, String> {
        let Some(workflow) = &file.workflow else { return Ok(None) };
        if workflow.at.0.is_empty() {
            return Err("`workflow` needs `at`".into());
        }
        let segments = |path: &String| path.split('.').map(str::to_string).collect::<Vec<_>>();
        let beside = workflow.beside.iter().map(|(path, text)| (segments(path), Pattern::new(text)));
        Ok(Some(WorkflowMatcher {
            rule: index,
            severity: file.severity.unwrap_or(rule.severity),
            message: file.message.clone(),
            at: workflow.at.0.iter().map(segments).collect(),
            pattern: workflow.pattern.as_deref().map(Pattern::new),
            unless: workflow.unless.as_deref().map(Pattern::new),
            on: workflow.on.0.clone(),
            beside: beside.collect(),
        }))
    }

    /// The expressions of it.
    pub(super) fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.pattern.iter().chain(&self.unless).chain(self.beside.iter().map(|(_, pattern)| pattern))
    }

    /// The places in a workflow. Patterns look at the text as it stands in the file.
    pub(super) fn find(&self, text: &str, root: &Node) -> Vec<Range<usize>> {
        let events = root.events();
        if !self.on.is_empty() && !self.on.iter().any(|event| events.contains(&event.as_str())) {
            return Vec::new();
        }
        let mut nodes = Vec::new();
        for path in &self.at {
            root.at(path, None, &mut nodes);
        }
        let mut found = Vec::new();
        for (node, step) in nodes {
            let source = text.get(node.range.clone()).unwrap_or_default();
            let beside = self.beside.iter().all(|(path, pattern)| {
                let mut values = Vec::new();
                step.into_iter().for_each(|step| step.at(path, None, &mut values));
                values.iter().any(|(value, _)| value.text().is_some_and(|text| pattern.is_match(text)))
            });
            if !beside {
                continue;
            }
            let unless = |source: &str| self.unless.as_ref().is_some_and(|unless| unless.is_match(source));
            match &self.pattern {
                None if !unless(source) => found.push(node.range.clone()),
                None => {}
                Some(pattern) => {
                    let hits = pattern.find_all(source).filter(|hit| !unless(&source[hit.clone()])).take(100);
                    found.extend(hits.map(|hit| node.range.start + hit.start..node.range.start + hit.end));
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_text_keeps_its_place() {
        let text = "on: [push]\njobs:\n  a:\n    steps:\n      - name: ü\n        run: |\n          echo one\n          echo two\n";
        let root = parse(text).unwrap().unwrap();
        assert_eq!(root.events(), ["push"]);
        let scripts = scripts(&root);
        assert_eq!(scripts.len(), 1);
        assert!(text[scripts[0].clone()].contains("echo two"), "{:?}", &text[scripts[0].clone()]);
    }

    #[test]
    fn what_is_no_yaml_says_where() {
        assert!(parse("a: [\n").is_err());
        assert!(parse("").unwrap().is_none());
        assert!(parse(&"[".repeat(1_000)).is_err());
    }
}
