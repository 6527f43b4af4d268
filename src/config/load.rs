//! From the bytes of a configuration file to a [`Config`], or to every problem in it with its place. Pure.

use serde_json::Value as Json;

use super::tree::{self, Node, Value};
use super::{Config, ConfigError, ConfigErrors};
use crate::finding::Span;
use crate::guards::{self, Guard, contracts, critic, dependencies, size};
use crate::text::nearest;

/// A configuration is read by people; one that is larger is a mistake or an attack.
const MAX_BYTES: usize = 1 << 20;

/// Reads the configuration in `bytes`; `file` is what messages call it. Collects all problems that can be told apart.
pub fn parse(bytes: &[u8], file: &str) -> Result<Config, ConfigErrors> {
    let fail = |source: &str, problems: Vec<ConfigError>| {
        Err(ConfigErrors { file: file.to_string(), source: source.to_string(), problems })
    };
    if bytes.len() > MAX_BYTES {
        return fail(
            "",
            vec![ConfigError::at(None, format!("the file has {} bytes, more than {MAX_BYTES}", bytes.len()))],
        );
    }
    let source = match std::str::from_utf8(bytes) {
        Ok(source) => source.strip_prefix('\u{feff}').unwrap_or(source),
        Err(error) => {
            let line = bytes[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count() + 1;
            return fail("", vec![ConfigError::at(None, format!("line {line} is not UTF-8"))]);
        }
    };
    let root = match tree::parse(source) {
        Ok(None) => return Ok(Config::default()),
        Ok(Some(root)) => root,
        Err(refused) => {
            let mut problem = ConfigError::at(Some(refused.span), refused.message);
            problem.hint = refused.hint.map(str::to_string);
            return fail(source, vec![problem]);
        }
    };
    if root.text().is_some_and(|text| text.is_empty() || text == "~" || text == "null") {
        return Ok(Config::default());
    }
    let schema = super::schema();
    let mut problems = Vec::new();
    unknown_keys(&root, &schema, &schema, "", &mut problems);
    if !problems.is_empty() {
        return fail(source, problems);
    }
    let config: Config = match serde_yaml::from_str(source) {
        Ok(config) => config,
        Err(error) => return fail(source, vec![wrong_type(&error, &root)]),
    };
    problems.extend(meaning(&config, &root));
    match problems.is_empty() {
        true => Ok(config),
        false => fail(source, problems),
    }
}

/// Every key that the schema does not know, with the one that was probably meant.
fn unknown_keys(node: &Node, schema: &Json, root: &Json, path: &str, problems: &mut Vec<ConfigError>) {
    match &node.value {
        Value::Mapping(entries) => {
            let Some(schema) = object_schema(schema, root) else { return };
            let known = schema.get("properties").and_then(Json::as_object);
            let rest = schema.get("additionalProperties").filter(|rest| rest.is_object());
            for (key, value) in entries {
                let name = key.text().unwrap_or_default();
                let path = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
                match known.and_then(|known| known.get(name)).or(rest) {
                    Some(schema) => unknown_keys(value, schema, root, &path, problems),
                    None if schema.get("additionalProperties") == Some(&Json::Bool(false)) => {
                        let names: Vec<&str> = known.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
                        problems.push(unknown_key(key, name, &names));
                    }
                    None => {}
                }
            }
        }
        Value::Sequence(items) => {
            let Some(schema) = resolved(schema, root).get("items") else { return };
            items.iter().for_each(|item| unknown_keys(item, schema, root, path, problems));
        }
        Value::Scalar(_) | Value::Alias => {}
    }
}

fn unknown_key(key: &Node, name: &str, known: &[&str]) -> ConfigError {
    let mut problem = ConfigError::at(Some(key.span), format!("unknown key `{name}`"));
    let keys = format!("the keys here are: {}", known.join(", "));
    problem.hint = Some(match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? {keys}"),
        None => keys,
    });
    problem
}

/// Follows `$ref`, and of alternatives takes the one that is an object: `Option<T>` and `T or a word` read alike.
fn object_schema<'a>(schema: &'a Json, root: &'a Json) -> Option<&'a Json> {
    let schema = resolved(schema, root);
    if schema.get("properties").is_some() || schema.get("additionalProperties").is_some() {
        return Some(schema);
    }
    let alternatives = ["anyOf", "oneOf"].into_iter().filter_map(|key| schema.get(key)?.as_array()).flatten();
    alternatives.into_iter().find_map(|schema| object_schema(schema, root))
}

fn resolved<'a>(schema: &'a Json, root: &'a Json) -> &'a Json {
    let name = schema.get("$ref").and_then(Json::as_str).and_then(|reference| reference.strip_prefix("#/$defs/"));
    name.and_then(|name| root.get("$defs")?.get(name)).unwrap_or(schema)
}

fn wrong_type(error: &serde_yaml::Error, root: &Node) -> ConfigError {
    let text = error.to_string();
    // The location has a field of its own; the sentence need not repeat it.
    let text = text.split(" at line ").next().unwrap_or(&text);
    let span = match text.split_once(": ") {
        Some((path, _)) if !path.contains(' ') => Some(root.locate(path)),
        _ => error.location().map(|at| {
            let (line, column) = (at.line() as u32, at.column() as u32);
            Span { line, column, end_line: line, end_column: column + 1 }
        }),
    };
    ConfigError::at(span, text.to_string())
}

/// What types cannot say: rule ids, dates, globs, thresholds.
fn meaning(config: &Config, root: &Node) -> Vec<ConfigError> {
    let mut problems = Vec::new();
    for id in config.levels.keys() {
        problems.extend(unknown_rule(id).map(|problem| problem.moved(root.locate(&format!("levels.{id}")))));
    }
    for (index, ignore) in config.ignore.iter().enumerate() {
        let place = |field: &str| root.locate(&format!("ignore[{index}].{field}"));
        problems.extend(unknown_rule(&ignore.rule).map(|problem| problem.moved(place("rule"))));
        if ignore.reason.trim().is_empty() {
            problems.push(ConfigError::at(Some(place("reason")), "a finding is not ignored without a reason".into()));
        }
        if let Err((key, message)) = size::globs(&ignore.paths, &format!("ignore[{index}].paths")) {
            problems.push(ConfigError::at(Some(root.locate(&key)), format!("{key}: {message}")));
        }
    }
    // Who has no queue needs no checks for it.
    if config.queue != crate::queue::Config::default() {
        let place = root.locate("queue");
        problems.extend(config.queue.problems().into_iter().map(|words| ConfigError::at(Some(place), words)));
    }
    let place = root.locate("previews.surfaces");
    let previews = crate::previews::problems(&config.previews);
    problems.extend(previews.into_iter().map(|words| ConfigError::at(Some(place), words)));
    problems.extend(
        config
            .delivery
            .problems()
            .into_iter()
            .map(|(key, message)| ConfigError::at(Some(root.locate(&key)), format!("{key}: {message}"))),
    );
    let compiled = [
        size::Rules::compile(&config.size).err(),
        critic::Rules::compile(&config.critic, None).err(),
        contracts::Rules::compile(&config.contracts).err(),
        dependencies::Rules::compile(&config.dependencies).err(),
    ];
    for (key, message) in compiled.into_iter().flatten() {
        problems.push(ConfigError::at(Some(root.locate(&key)), format!("{key}: {message}")));
    }
    problems
}

/// A rule's id, or `<guard>/*`.
fn unknown_rule(id: &str) -> Option<ConfigError> {
    let family = id.strip_suffix("/*").is_some_and(|guard| Guard::named(guard).is_some());
    if family || guards::rule(id).is_some() {
        return None;
    }
    let mut problem = ConfigError::at(None, format!("there is no rule `{id}`"));
    let ids = Guard::ALL.into_iter().flat_map(Guard::rules).map(|rule| rule.id);
    problem.hint = Some(match nearest(id, ids) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`mainguard explain` lists the rules; `size/*` means all of a guard".into(),
    });
    Some(problem)
}
