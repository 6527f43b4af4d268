//! What a call calls: a dotted name in which imports and local names are replaced by what they stand for, so that
//! `cp.exec`, `exec` and `require("child_process").exec` read alike.

use std::collections::{HashMap, HashSet};

use super::facts::{Facts, Node, Scope, field, nth};
use super::language::Language;

/// A chain of calls that is longer than this is cut.
const MOST_STEPS: usize = 24;

/// Local names that are followed from one to the next.
const MOST_HOPS: usize = 3;

impl<'t> Facts<'t> {
    /// The name of what a call node calls.
    pub(super) fn callee(&self, call: Node<'t>, scope: Scope) -> Option<String> {
        self.callee_within(call, scope, MOST_STEPS, MOST_HOPS)
    }

    /// The dotted name of an expression: `req.query.id`, `Runtime.getRuntime().exec`.
    pub(super) fn dotted(&self, node: Node<'t>, scope: Scope) -> Option<String> {
        self.name(node, scope, MOST_STEPS, MOST_HOPS)
    }

    /// The last part of the name of what a call calls, as it is written.
    pub(super) fn last_name(&self, call: Node<'t>) -> Option<&'t str> {
        let callee = match call.kind() {
            "method_invocation" => return field(call, "name").map(|name| self.slice(name)),
            "object_creation_expression" => field(call, "type")?,
            "new_expression" => field(call, "constructor")?,
            "macro_invocation" => field(call, "macro")?,
            _ => field(call, "function")?,
        };
        let last = match callee.kind() {
            "member_expression" => field(callee, "property")?,
            "attribute" => field(callee, "attribute")?,
            "selector_expression" | "field_expression" => field(callee, "field")?,
            "scoped_identifier" | "scoped_type_identifier" => {
                field(callee, "name").or_else(|| nth(callee, callee.named_child_count().checked_sub(1)?))?
            }
            "generic_function" => {
                let inner = field(callee, "function")?;
                ["field", "name"].into_iter().find_map(|key| field(inner, key)).unwrap_or(inner)
            }
            "generic_type" => nth(callee, 0)?,
            "subscript_expression" => {
                return field(callee, "index").map(|index| self.slice(index).trim_matches(['"', '\'']));
            }
            "parenthesized_expression" => {
                let inner = nth(callee, 0)?;
                let inner = last_of(inner);
                ["property", "attribute", "field"].into_iter().find_map(|key| field(inner, key)).unwrap_or(inner)
            }
            _ => callee,
        };
        let text = self.slice(last);
        Some(text.rsplit('.').next().unwrap_or(text))
    }

    fn callee_within(&self, call: Node<'t>, scope: Scope, steps: usize, hops: usize) -> Option<String> {
        let steps = steps.checked_sub(1)?;
        match call.kind() {
            "method_invocation" => {
                let name = self.slice(field(call, "name")?);
                match field(call, "object") {
                    Some(object) => Some(format!("{}.{name}", self.receiver(object, scope, steps, hops))),
                    None if self.defined.contains(name) => None,
                    None => Some(name.to_string()),
                }
            }
            "object_creation_expression" => Some(class_name(self.slice(field(call, "type")?))),
            "new_expression" => self.name(field(call, "constructor")?, scope, steps, hops),
            "macro_invocation" => Some(format!("{}!", self.slice(field(call, "macro")?).replace("::", "."))),
            _ => {
                let callee = field(call, "function")?;
                if callee.kind() == "identifier" {
                    let name = self.slice(callee);
                    // A function of the file's own is not the one that a rule means.
                    if !self.imports.contains_key(name) && self.defined.contains(name) {
                        return None;
                    }
                }
                self.name(callee, scope, steps, hops)
            }
        }
    }

    /// A receiver always has some name, so that `*.query` matches whatever `query` is called on.
    fn receiver(&self, node: Node<'t>, scope: Scope, steps: usize, hops: usize) -> String {
        self.name(node, scope, steps, hops).unwrap_or_else(|| "?".into())
    }

    fn name(&self, node: Node<'t>, scope: Scope, steps: usize, hops: usize) -> Option<String> {
        let steps = steps.checked_sub(1)?;
        let joined = |object: &str, last: &str| {
            let object = field(node, object)?;
            Some(format!("{}.{}", self.receiver(object, scope, steps, hops), self.slice(field(node, last)?)))
        };
        match node.kind() {
            "identifier" | "type_identifier" => self.identifier(node, scope, steps, hops),
            "this" | "self" | "super" => Some(self.slice(node).to_string()),
            "member_expression" => joined("object", "property"),
            "attribute" => joined("object", "attribute"),
            "selector_expression" => joined("operand", "field"),
            "field_expression" => joined("value", "field"),
            "field_access" => {
                let path = self.slice(node);
                match path.split('.').next().is_some_and(|first| first.starts_with(char::is_lowercase))
                    && path.split('.').any(|part| part.starts_with(char::is_uppercase))
                    && self.values_of(path.split('.').next().unwrap_or(path), scope, node.start_byte()).is_empty()
                {
                    // `java.util.Random`: the class, without its package.
                    true => Some(class_name(path)),
                    false => joined("object", "field"),
                }
            }
            "scoped_identifier" => {
                let path = self.slice(node);
                let (first, rest) = path.split_once("::")?;
                let first = self.imports.get(first).map_or(first, String::as_str);
                Some(without_type_arguments(&format!("{first}::{rest}")).replace("::", "."))
            }
            "scoped_type_identifier" | "generic_type" => Some(class_name(self.slice(node))),
            "subscript_expression" | "subscript" | "index_expression" => {
                let object = ["object", "value", "operand"].into_iter().find_map(|key| field(node, key))?;
                let index = ["index", "subscript"].into_iter().find_map(|key| field(node, key))?;
                let object = self.receiver(object, scope, steps, hops);
                let plain = self.slice(index).trim_matches(['"', '\'', '`']);
                match index.kind().contains("string") {
                    true => Some(format!("{object}.{plain}")),
                    false => Some(format!("{object}[]")),
                }
            }
            "call_expression"
            | "call"
            | "method_invocation"
            | "new_expression"
            | "object_creation_expression"
            | "macro_invocation" => match self.required(node) {
                Some(module) => Some(module),
                None => self.callee_within(node, scope, steps, hops).map(|name| format!("{name}()")),
            },
            "parenthesized_expression" | "await_expression" | "await" | "try_expression" | "non_null_expression" => {
                // `(0, fs.readFile)(…)` is what compilers make of an imported name.
                let inner = nth(node, 0)?;
                self.name(last_of(inner), scope, steps, hops)
            }
            "as_expression" | "satisfies_expression" | "type_assertion" | "generic_function" => {
                self.name(field(node, "function").or_else(|| nth(node, 0))?, scope, steps, hops)
            }
            "cast_expression" | "reference_expression" => self.name(field(node, "value")?, scope, steps, hops),
            "unary_expression" | "pointer_expression" => {
                self.name(field(node, "operand").or_else(|| nth(node, 0))?, scope, steps, hops)
            }
            "composite_literal" => self.name(field(node, "type")?, scope, steps, hops).map(|name| format!("{name}()")),
            "qualified_type" => {
                let (package, name) = self.slice(node).split_once('.')?;
                let package = self.imports.get(package).map_or(package, String::as_str);
                Some(format!("{package}.{name}"))
            }
            "class_literal" => Some(self.slice(node).to_string()),
            _ => None,
        }
    }

    fn identifier(&self, node: Node<'t>, scope: Scope, steps: usize, hops: usize) -> Option<String> {
        let name = self.slice(node);
        let bindings = self.values_of(name, scope, node.start_byte());
        if let Some(last) = bindings.iter().rev().find(|binding| !binding.grows)
            && hops > 0
        {
            if let Some(kind) = last.kind.filter(|kind| self.language == Language::Java && *kind != "var") {
                return Some(class_name(kind));
            }
            if let Some(value) =
                last.value.filter(|value| last.part.is_none() && value.start_byte() < node.start_byte())
                && let Some(module) =
                    self.imports.get(name).cloned().or_else(|| self.alias(value, last.scope, steps, hops - 1))
            {
                return Some(module);
            }
            if last.value.is_none() {
                return Some(name.to_string());
            }
            if let (Some(value), Some(part)) = (last.value, last.part)
                && let Some(object) = self.alias(value, last.scope, steps, hops - 1)
            {
                return Some(self.imports.get(name).cloned().unwrap_or_else(|| format!("{object}.{part}")));
            }
        }
        Some(self.imports.get(name).cloned().unwrap_or_else(|| name.to_string()))
    }

    /// A local name stands for another name, or for what a call gave.
    fn alias(&self, value: Node<'t>, scope: Scope, steps: usize, hops: usize) -> Option<String> {
        match value.kind() {
            "expression_list" => self.alias(nth(value, 0)?, scope, steps, hops),
            "identifier"
            | "member_expression"
            | "attribute"
            | "selector_expression"
            | "field_expression"
            | "field_access"
            | "call_expression"
            | "call"
            | "new_expression"
            | "method_invocation"
            | "object_creation_expression"
            | "await_expression"
            | "await"
            | "try_expression"
            | "scoped_identifier"
            | "composite_literal"
            | "unary_expression"
            | "reference_expression"
            | "subscript"
            | "subscript_expression" => self.name(value, scope, steps, hops),
            _ => None,
        }
    }
}

/// The last of several expressions, which is the value of them all.
fn last_of(node: Node<'_>) -> Node<'_> {
    let last = node.named_child_count().checked_sub(1).filter(|_| node.kind() == "sequence_expression");
    last.and_then(|last| nth(node, last)).unwrap_or(node)
}

/// A class without its package and type arguments: `java.util.List<String>` → `List`.
fn class_name(path: &str) -> String {
    let path = path.split('<').next().unwrap_or(path).trim();
    let mut parts = path.split('.').skip_while(|part| !part.starts_with(char::is_uppercase)).peekable();
    match parts.peek() {
        Some(_) => parts.collect::<Vec<_>>().join("."),
        None => path.to_string(),
    }
}

/// `Vec::<u8>::new` → `Vec::new`.
fn without_type_arguments(path: &str) -> String {
    let mut depth = 0_usize;
    let mut text = String::with_capacity(path.len());
    for character in path.chars() {
        match character {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            character if depth == 0 => text.push(character),
            _ => {}
        }
    }
    text.replace("::::", "::")
}

/// Names that a rule speaks of: `os.system`, `child_process.{exec,execSync}`, `*.query`.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    exact: HashSet<String>,
    /// By the last part: what stands before it does not matter.
    any: HashSet<String>,
    /// `a.*.b`: what begins with the first and ends with the second.
    within: Vec<(String, String)>,
    lasts: Vec<String>,
}

impl Names {
    /// Reads patterns; an error says which one cannot be used.
    pub(super) fn compile(patterns: &[String]) -> Result<Names, String> {
        let mut names = Names::default();
        let mut lasts = HashMap::new();
        for pattern in patterns {
            for name in expanded(pattern)? {
                let last = name.rsplit(['.', '/']).next().unwrap_or(&name).to_string();
                if last.is_empty() || last.contains('*') {
                    return Err(format!("`{pattern}` must end with a name"));
                }
                lasts.entry(last.clone()).or_insert(());
                match name.split_once('*') {
                    None => {
                        names.exact.insert(name);
                    }
                    Some(("", rest)) if rest.strip_prefix('.') == Some(last.as_str()) => {
                        names.any.insert(last);
                    }
                    Some((before, after)) => names.within.push((before.to_string(), after.to_string())),
                }
            }
        }
        names.lasts = lasts.into_keys().collect();
        names.lasts.sort();
        Ok(names)
    }

    /// The last parts of all names.
    pub(super) fn lasts(&self) -> &[String] {
        &self.lasts
    }

    /// For each name, words that a file which uses it must hold, all of them: the last part, and the longest of the
    /// others. Parts of a name are whole words of the file, except where a name leaves open how a word goes on.
    pub(super) fn words(&self) -> Vec<(Vec<String>, Whole)> {
        let exact = self.exact.iter().map(|name| (of_parts(name), Whole::Yes));
        let any = self.any.iter().map(|last| (vec![last.clone()], Whole::Yes));
        let within = self.within.iter().map(|(before, after)| (of_parts(&format!("{before}.{after}")), Whole::No));
        let mut words: Vec<(Vec<String>, Whole)> = exact.chain(any).chain(within).collect();
        words.sort();
        words.dedup();
        words
    }

    /// Whether this is one of them.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.exact.contains(name)
            || name.rsplit_once('.').is_some_and(|(_, last)| self.any.contains(last))
            || self.within.iter().any(|(before, after)| {
                name.len() >= before.len() + after.len()
                    && name.starts_with(before.as_str())
                    && name.ends_with(after.as_str())
            })
    }
}

/// Whether a word stands alone, with nothing before or behind it that would make it another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whole {
    Yes,
    No,
}

/// The last part of a name and the longest of the others.
fn of_parts(name: &str) -> Vec<String> {
    let parts = name.split(['.', '/', '(', ')', '[', ']', '*', '!']).filter(|part| !part.is_empty());
    let mut parts: Vec<&str> = parts.collect();
    let last = parts.pop();
    let longest = parts.into_iter().max_by_key(|part| part.len());
    longest.into_iter().chain(last).map(str::to_string).collect()
}

/// `a.{b,c}` → `a.b`, `a.c`.
fn expanded(pattern: &str) -> Result<Vec<String>, String> {
    let Some((before, rest)) = pattern.split_once('{') else {
        return match pattern.trim() {
            "" => Err("a name is empty".into()),
            name => Ok(vec![name.to_string()]),
        };
    };
    let (choices, after) = rest.split_once('}').ok_or_else(|| format!("`{pattern}` lacks a `}}`"))?;
    let mut names = Vec::new();
    for choice in choices.split(',') {
        names.extend(expanded(&format!("{before}{}{after}", choice.trim()))?);
        if names.len() > 500 {
            return Err(format!("`{pattern}` stands for too many names"));
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(patterns: &[&str]) -> Names {
        Names::compile(&patterns.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_name_may_leave_its_receiver_open() {
        let names = names(&["child_process.{exec,execSync}", "*.query", "Cipher.*.init"]);
        for name in
            ["child_process.exec", "child_process.execSync", "pool.query", "a.b().query", "Cipher.getInstance().init"]
        {
            assert!(names.contains(name), "{name}");
        }
        for name in ["exec", "query", "child_process.fork", "pool.queryRaw"] {
            assert!(!names.contains(name), "{name}");
        }
        assert_eq!(names.lasts(), ["exec", "execSync", "init", "query"]);
    }

    #[test]
    fn classes_lose_their_package() {
        assert_eq!(class_name("java.util.Random"), "Random");
        assert_eq!(class_name("Map.Entry<K, V>"), "Map.Entry");
        assert_eq!(without_type_arguments("Vec::<u8>::new"), "Vec::new");
    }
}
