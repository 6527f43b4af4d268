//! What an expression may hold: a constant, text put together from parts, something out of a request.
//!
//! Local names are followed a few steps; no call is looked into. A value that was held against a list of allowed ones
//! before (`if (!ALLOWED.has(next)) …`) counts as checked. Everything is bounded, because the text is a stranger's.

use std::sync::LazyLock;

use regex::Regex;

use super::facts::{Binding, Facts, Node, REQUEST_TYPE, Scope, field, is_number, nth};
use super::language::Language;
use super::names::Names;
use super::vocabulary::{checks, is_buffer, is_constant_name, is_harmless, is_source, keeps, only_numbers, passes};

/// Expressions in expressions.
const DEEPEST: usize = 24;
/// Names that are followed from one to the next.
const MOST_HOPS: usize = 3;
/// Parts of one expression that are looked at, all in all.
const MOST_PARTS: usize = 400;
/// Literal text that is kept of one expression.
const MOST_TEXT: usize = 4_096;

/// What is known of an expression.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Value {
    /// Nobody from outside has a say in it: a literal, a number, what a rule calls harmless.
    pub(super) constant: bool,
    /// Text that is put together from literals and something that is not constant.
    pub(super) built: bool,
    /// It holds something out of a request, unchecked.
    pub(super) request: bool,
    /// A literal text stands in it.
    pub(super) literal: bool,
    /// The literal parts, one behind another.
    pub(super) parts: String,
}

impl Value {
    fn constant() -> Value {
        Value { constant: true, ..Value::default() }
    }

    fn literal(text: &str) -> Value {
        let mut value = Value { constant: true, literal: true, ..Value::default() };
        value.add_text(text);
        value
    }

    fn add_text(&mut self, text: &str) {
        let room = MOST_TEXT.saturating_sub(self.parts.len());
        let end = (0..=text.len().min(room)).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        self.parts.push_str(&text[..end]);
    }

    /// Either of two.
    fn or(mut self, other: Value) -> Value {
        self.constant &= other.constant;
        self.built |= other.built;
        self.request |= other.request;
        self.literal |= other.literal;
        if !self.parts.is_empty() && !other.parts.is_empty() {
            self.add_text("\n");
        }
        self.add_text(&other.parts);
        self
    }

    /// One behind the other, as text.
    fn followed_by(mut self, other: Value) -> Value {
        self.built |= other.built;
        self.request |= other.request;
        self.literal |= other.literal;
        self.constant &= other.constant;
        self.built |= self.literal && !self.constant;
        self.add_text(&other.parts);
        self
    }
}

/// Looks at expressions of one file.
pub(super) struct Values<'f, 't> {
    facts: &'f Facts<'t>,
    /// Calls whose result is harmless to the rule that asks.
    harmless: &'f Names,
    left: usize,
}

impl<'f, 't> Values<'f, 't> {
    pub(super) fn new(facts: &'f Facts<'t>, harmless: &'f Names) -> Values<'f, 't> {
        Values { facts, harmless, left: MOST_PARTS }
    }

    /// What is known of the expression.
    pub(super) fn of(&mut self, node: Node<'t>, scope: Scope) -> Value {
        self.eval(node, scope, DEEPEST, MOST_HOPS)
    }

    fn eval(&mut self, node: Node<'t>, scope: Scope, depth: usize, hops: usize) -> Value {
        let Some(depth) = depth.checked_sub(1) else { return Value::default() };
        if self.left == 0 {
            return Value::default();
        }
        self.left -= 1;
        let text = self.facts.slice(node);
        let mut inner = |node: Option<Node<'t>>| match node {
            Some(node) => self.eval(node, scope, depth, hops),
            None => Value::default(),
        };
        match node.kind() {
            "string"
            | "string_literal"
            | "interpreted_string_literal"
            | "raw_string_literal"
            | "template_string"
            | "character_literal"
            | "char_literal"
            | "rune_literal"
            | "concatenated_string" => self.string(node, scope, depth, hops),
            "number"
            | "integer"
            | "float"
            | "true"
            | "false"
            | "null"
            | "none"
            | "None"
            | "undefined"
            | "int_literal"
            | "float_literal"
            | "integer_literal"
            | "boolean_literal"
            | "decimal_integer_literal"
            | "hex_integer_literal"
            | "decimal_floating_point_literal"
            | "null_literal"
            | "nil"
            | "iota"
            | "regex"
            | "class_literal"
            | "unit_expression"
            | "imaginary_literal"
            | "octal_integer_literal"
            | "binary_integer_literal" => Value::constant(),
            "identifier" | "shorthand_property_identifier" => self.name(node, scope, depth, hops),
            "parenthesized_expression"
            | "await_expression"
            | "await"
            | "try_expression"
            | "non_null_expression"
            | "as_expression"
            | "satisfies_expression"
            | "expression_statement"
            | "spread_element"
            | "list_splat"
            | "variadic_argument"
            | "jsx_expression"
            | "literal_element" => inner(nth(node, 0)),
            "expression_list"
            | "array"
            | "list"
            | "tuple"
            | "set"
            | "array_expression"
            | "tuple_expression"
            | "array_initializer"
            | "literal_value"
            | "composite_literal"
            | "array_creation_expression" => self.each(node, scope, depth, hops),
            "cast_expression" | "reference_expression" | "type_cast_expression" | "keyword_argument" => {
                inner(field(node, "value"))
            }
            "type_conversion_expression" => inner(field(node, "operand")),
            "unary_expression" | "unary_operator" | "not_operator" => match text.starts_with(['&', '*']) {
                true => inner(field(node, "operand").or_else(|| nth(node, 0))),
                false => Value::constant(),
            },
            "pointer_expression" => inner(field(node, "operand").or_else(|| nth(node, 0))),
            "binary_expression" | "binary_operator" => self.binary(node, scope, depth, hops),
            "boolean_operator" => {
                let left = inner(field(node, "left"));
                left.or(inner(field(node, "right")))
            }
            "comparison_operator" => Value::constant(),
            "ternary_expression" => {
                let branches = inner(field(node, "consequence")).or(inner(field(node, "alternative")));
                self.chosen(field(node, "condition"), branches)
            }
            "conditional_expression" => {
                let branches = inner(nth(node, 0)).or(inner(nth(node, 2)));
                self.chosen(nth(node, 1), branches)
            }
            "object" | "dictionary" => self.each(node, scope, depth, hops),
            "pair" | "keyed_element" => {
                let value = field(node, "value").or_else(|| nth(node, 1));
                inner(value)
            }
            "list_comprehension" | "generator_expression" | "set_comprehension" => inner(field(node, "body")),
            "member_expression"
            | "attribute"
            | "selector_expression"
            | "field_expression"
            | "field_access"
            | "subscript_expression"
            | "subscript"
            | "index_expression"
            | "array_access" => self.part(node, scope, depth, hops),
            "call_expression" | "call" | "method_invocation" | "new_expression" | "object_creation_expression" => {
                self.call(node, scope, depth, hops)
            }
            "macro_invocation" => self.macro_call(node, scope, depth, hops),
            _ => Value::default(),
        }
    }

    /// All elements: an array's, an object's.
    fn each(&mut self, node: Node<'t>, scope: Scope, depth: usize, hops: usize) -> Value {
        let node = field(node, "body").or_else(|| field(node, "value")).unwrap_or(node);
        let mut all = Value::constant();
        for index in 0..node.named_child_count().min(64) {
            let Some(child) = nth(node, index) else { continue };
            if child.kind().contains("comment") || child.kind().contains("type") {
                continue;
            }
            all = all.or(self.eval(child, scope, depth, hops));
        }
        all
    }

    fn string(&mut self, node: Node<'t>, scope: Scope, depth: usize, hops: usize) -> Value {
        let mut value = Value { constant: true, literal: true, ..Value::default() };
        let mut filled = false;
        for index in 0..node.named_child_count().min(128) {
            let Some(child) = nth(node, index) else { continue };
            match child.kind() {
                "template_substitution" | "interpolation" | "string_interpolation" => {
                    filled = true;
                    let inner = field(child, "expression").or_else(|| nth(child, 0));
                    let inner = inner.map_or_else(Value::default, |inner| self.eval(inner, scope, depth, hops));
                    value = value.followed_by(inner);
                }
                "string" => {
                    filled = true;
                    let inner = self.eval(child, scope, depth, hops);
                    value = value.followed_by(inner);
                }
                "string_start" | "string_end" => {}
                _ if filled || node.kind() == "template_string" || node.kind() == "string" => {
                    value.add_text(self.facts.slice(child))
                }
                _ => {}
            }
        }
        if value.parts.is_empty() && !filled {
            value.add_text(unquoted(self.facts.slice(node)));
        }
        value
    }

    fn binary(&mut self, node: Node<'t>, scope: Scope, depth: usize, hops: usize) -> Value {
        let operator = field(node, "operator").map(|operator| self.facts.slice(operator)).unwrap_or_default();
        let (Some(left), Some(right)) = (field(node, "left"), field(node, "right")) else { return Value::default() };
        match operator {
            "+" => self.sum(node, scope, depth, hops),
            "%" => {
                let left = self.eval(left, scope, depth, hops);
                if !left.literal {
                    return Value::constant();
                }
                if only_numbers(&left.parts) {
                    return left;
                }
                let right = self.eval(right, scope, depth, hops);
                left.followed_by(right)
            }
            "*" => {
                // `["?"] * n` holds what the list holds.
                let left = self.eval(left, scope, depth, hops);
                if left.literal { left } else { Value::constant() }
            }
            "||" | "??" | "or" | "|" => {
                let left = self.eval(left, scope, depth, hops);
                left.or(self.eval(right, scope, depth, hops))
            }
            "&&" => {
                let value = self.eval(right, scope, depth, hops);
                self.chosen(Some(left), value)
            }
            "/" if self.facts.language == Language::Python => {
                // pathlib: a path behind a path.
                let left = self.eval(left, scope, depth, hops);
                let right = self.eval(right, scope, depth, hops);
                Value { built: false, ..left.or(right) }
            }
            _ => Value::constant(),
        }
    }

    /// `a + b + c + …`: a tree that grows to the left by one level a part, and so is walked, not descended into.
    fn sum(&mut self, node: Node<'t>, scope: Scope, depth: usize, hops: usize) -> Value {
        let mut rest = Vec::new();
        let mut first = node;
        while matches!(first.kind(), "binary_expression" | "binary_operator")
            && field(first, "operator").is_some_and(|operator| self.facts.slice(operator) == "+")
            && rest.len() < MOST_PARTS
            && let (Some(left), Some(right)) = (field(first, "left"), field(first, "right"))
        {
            rest.push(right);
            first = left;
        }
        let mut sum = self.eval(first, scope, depth, hops);
        for right in rest.into_iter().rev() {
            let right = self.eval(right, scope, depth, hops);
            let is_number = |value: &Value| value.constant && !value.literal;
            // `i + 1` is a number unless text is in it.
            let is_text = [&sum, &right].iter().any(|value| value.literal || value.request);
            sum = match !is_text && (is_number(&sum) || is_number(&right)) {
                true => Value::constant(),
                false => sum.followed_by(right),
            };
        }
        sum
    }

    /// A choice that looks at what it chooses (`ALLOWED.has(x) ? x : "/"`) has checked it.
    fn chosen(&self, condition: Option<Node<'t>>, mut value: Value) -> Value {
        if value.request && condition.is_some_and(|condition| checks(self.facts.slice(condition))) {
            value.request = false;
        }
        value
    }

    fn name(&mut self, node: Node<'t>, scope: Scope, depth: usize, hops: usize) -> Value {
        let facts = self.facts;
        let name = facts.slice(node);
        let bindings = facts.values_of(name, scope, node.start_byte());
        if bindings.is_empty() {
            return match is_constant_name(name) {
                true => Value::constant(),
                false => Value { request: is_source(facts.language, name), ..Value::default() },
            };
        }
        let mut value = self.bound(name, &bindings, node, depth, hops);
        if (value.request || value.built || !value.constant) && is_checked(facts, name, scope, node.start_byte()) {
            value.request = false;
            if value.built {
                value.built = false;
            }
        }
        value
    }

    fn bound(&mut self, name: &str, bindings: &[&Binding<'t>], node: Node<'t>, depth: usize, hops: usize) -> Value {
        let mut value: Option<Value> = None;
        for binding in bindings {
            let kind = binding.kind.unwrap_or_default();
            let handler = self.facts.functions.get(binding.scope).is_some_and(|function| function.handler);
            let one = match binding.value {
                _ if is_number(kind) => Value::constant(),
                None if is_buffer(kind) => Value::constant(),
                None if kind == REQUEST_TYPE => Value { request: true, ..Value::default() },
                None => Value { request: handler && name != "self" && name != "request", ..Value::default() },
                // What stands behind the use, or holds it, says nothing about it.
                Some(bound)
                    if hops == 0 || bound.start_byte() <= node.start_byte() && node.end_byte() <= bound.end_byte() =>
                {
                    continue;
                }
                Some(bound) => {
                    let object = self.eval(bound, binding.scope, depth, hops - 1);
                    match binding.part {
                        Some(part) => {
                            let dotted =
                                self.facts.dotted(bound, binding.scope).map(|object| format!("{object}.{part}"));
                            let source = dotted.is_some_and(|dotted| is_source(self.facts.language, &dotted));
                            Value { request: object.request || source, constant: object.constant, ..Value::default() }
                        }
                        None => object,
                    }
                }
            };
            value = Some(match value {
                None => one,
                Some(before) if binding.grows => before.followed_by(one),
                Some(before) => before.or(one),
            });
        }
        value.unwrap_or_default()
    }

    /// A part of something: of a request, of a table of constants.
    fn part(&mut self, node: Node<'t>, scope: Scope, depth: usize, hops: usize) -> Value {
        if let Some(dotted) = self.facts.dotted(node, scope) {
            if is_source(self.facts.language, &dotted) {
                let text = self.facts.slice(node);
                let checked = is_checked(self.facts, text, scope, node.start_byte());
                return Value { request: !checked, ..Value::default() };
            }
            if dotted.rsplit('.').next().is_some_and(|last| last == "length" || is_constant_name(last)) {
                return Value::constant();
            }
        }
        let object = ["object", "value", "operand", "array"].into_iter().find_map(|key| field(node, key));
        let Some(object) = object else { return Value::default() };
        let object = self.eval(object, scope, depth, hops);
        Value { constant: object.constant, request: object.request, parts: String::new(), built: false, literal: false }
    }

    fn call(&mut self, node: Node<'t>, scope: Scope, depth: usize, hops: usize) -> Value {
        let facts = self.facts;
        let last = facts.last_name(node).unwrap_or_default();
        let name = facts.callee(node, scope).unwrap_or_default();
        // A function of the file's own has no name that rules speak of, but it may well clean what it is called after.
        let cleans = if name.is_empty() { last } else { &name };
        if self.harmless.contains(cleans) || is_harmless(&name, last) {
            return Value::constant();
        }
        if is_source(facts.language, &name) {
            return Value { request: true, ..Value::default() };
        }
        let receiver = receiver_of(node);
        let arguments = arguments_of(node);
        if arguments.as_ref().is_some_and(|arguments| arguments.kind() == "template_string") {
            // A tagged template is made by a function that knows which parts are whose.
            return Value::default();
        }
        let list: Vec<Node<'t>> = arguments.map(children).unwrap_or_default();
        match (last, receiver) {
            ("format" | "formatted", Some(receiver)) if is_text(receiver, facts) => {
                let text = self.eval(receiver, scope, depth, hops);
                list.iter().fold(text, |text, argument| text.followed_by(self.eval(*argument, scope, depth, hops)))
            }
            ("concat", Some(receiver)) => {
                let text = self.eval(receiver, scope, depth, hops);
                list.iter().fold(text, |text, argument| text.followed_by(self.eval(*argument, scope, depth, hops)))
            }
            ("join", Some(receiver)) if !name.contains("path") && last == "join" && !name.contains("filepath") => {
                // `", ".join(names)` in Python, `names.join(", ")` elsewhere.
                let (items, between) = match facts.language {
                    Language::Python => (list.first().copied(), Some(receiver)),
                    Language::Java if facts.slice(receiver) == "String" => {
                        (list.get(1).copied(), list.first().copied())
                    }
                    _ => (Some(receiver), list.first().copied()),
                };
                let items = items.map_or_else(Value::default, |items| self.eval(items, scope, depth, hops));
                let between = between.map_or_else(Value::default, |between| self.eval(between, scope, depth, hops));
                if items.constant && between.constant { items.or(between) } else { between.followed_by(items) }
            }
            ("map", Some(_)) => {
                let body = list.first().and_then(|function| field(*function, "body"));
                body.map_or_else(Value::default, |body| self.eval(body, scope, depth, hops))
            }
            ("Sprintf" | "Sprint" | "Sprintln" | "Appendf", Some(_)) => self.formatted(&list, scope, depth, hops),
            ("format", Some(receiver)) if matches!(facts.slice(receiver), "String" | "util" | "MessageFormat") => {
                self.formatted(&list, scope, depth, hops)
            }
            ("append", Some(receiver)) => {
                let before = self.eval(receiver, scope, depth, hops);
                list.iter().fold(before, |text, argument| text.followed_by(self.eval(*argument, scope, depth, hops)))
            }
            ("replace" | "replaceAll" | "sub" | "ReplaceAll", Some(receiver)) => {
                // Something was taken out or put in: what is left may be harmless, and only its author knows. Where
                // the text itself is fixed, it is a template, and what is put in counts.
                let text = self.eval(receiver, scope, depth, hops);
                match (text.constant && text.literal, list.get(1)) {
                    (true, Some(filling)) => text.followed_by(self.eval(*filling, scope, depth, hops)),
                    _ => Value { request: false, ..text },
                }
            }
            (last, Some(receiver)) if keeps(last) => self.eval(receiver, scope, depth, hops),
            (last, _) if passes(&name, last) => {
                let mut all = Value::constant();
                for argument in &list {
                    all = all.or(self.eval(*argument, scope, depth, hops));
                }
                if list.is_empty() { Value { literal: true, ..Value::constant() } } else { all }
            }
            _ => Value::default(),
        }
    }

    /// A format and what is put into it.
    fn formatted(&mut self, list: &[Node<'t>], scope: Scope, depth: usize, hops: usize) -> Value {
        let Some((first, rest)) = list.split_first() else { return Value::constant() };
        let format = self.eval(*first, scope, depth, hops);
        if format.constant && only_numbers(&format.parts) {
            return format;
        }
        rest.iter().fold(format, |text, argument| text.followed_by(self.eval(*argument, scope, depth, hops)))
    }

    /// `format!("… {name}")` and `concat!`: the arguments are tokens, not expressions.
    fn macro_call(&mut self, node: Node<'t>, scope: Scope, depth: usize, hops: usize) -> Value {
        static HOLE: LazyLock<Option<Regex>> =
            LazyLock::new(|| Regex::new(r"\{([A-Za-z_][A-Za-z0-9_]*)?(?:\.?[0-9]*)?(:[^}]*)?\}").ok());
        let text = self.facts.slice(node);
        let name = field(node, "macro").map(|name| self.facts.slice(name)).unwrap_or_default();
        match name.rsplit("::").next().unwrap_or(name) {
            "concat" | "stringify" | "include_str" | "env" | "line" | "file" => return Value::constant(),
            "format" | "format_args" | "write" | "writeln" | "println" => {}
            _ => return Value::default(),
        }
        let Some(start) = text.find('"') else { return Value::default() };
        let format = first_literal(&text[start..]);
        let value = Value::literal(format);
        let mut holes = HOLE.iter().flat_map(|hole| hole.captures_iter(format)).peekable();
        if holes.peek().is_none() {
            return value;
        }
        let names = holes.filter_map(|hole| hole.get(1).map(|name| name.as_str())).collect::<Vec<_>>();
        let rest =
            text.get(start + format.len() + 2..).unwrap_or_default().trim_end_matches([')', ']', '}', ' ', '\n']);
        let words = rest.split([',', ' ', '&', '=', '\n', '(']).map(str::trim).filter(|word| !word.is_empty());
        names.into_iter().chain(words).take(32).fold(value, |value, word| {
            let put_in = self.token(word, node, scope, depth, hops);
            value.followed_by(put_in)
        })
    }

    /// A word of a macro's arguments: `name`, `query.name`, `TABLE`, `"text"`.
    fn token(&mut self, word: &'t str, node: Node<'t>, scope: Scope, depth: usize, hops: usize) -> Value {
        if is_constant_name(word) || word.starts_with(|first: char| first.is_ascii_digit() || first == '"') {
            return Value::constant();
        }
        let facts = self.facts;
        let root = word.split(['.', ':', '?', ')']).next().unwrap_or(word);
        let bindings = facts.values_of(root, scope, node.start_byte());
        let held = match bindings.is_empty() {
            true => Value { request: is_source(facts.language, word), ..Value::default() },
            false => self.bound(root, &bindings, node, depth, hops),
        };
        // A field of something is another thing than the text that the whole holds.
        let held = if root == word { held } else { Value { parts: String::new(), built: false, ..held } };
        match is_checked(facts, root, scope, node.start_byte()) {
            true => Value { request: false, ..held },
            false => held,
        }
    }
}

/// The text up to the quote that closes the literal at the beginning, without quotes.
fn first_literal(text: &str) -> &str {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return &text[1..at],
            _ => at += 1,
        }
    }
    text.get(1..).unwrap_or_default()
}

/// The arguments of a call: a list, a template, a generator.
pub(super) fn arguments_of(call: Node<'_>) -> Option<Node<'_>> {
    field(call, "arguments").or_else(|| {
        (0..call.named_child_count()).filter_map(|index| nth(call, index)).find(|child| child.kind() == "token_tree")
    })
}

/// What a method is called on.
pub(super) fn receiver_of(call: Node<'_>) -> Option<Node<'_>> {
    if call.kind() == "method_invocation" {
        return field(call, "object");
    }
    let mut callee = field(call, "function")?;
    if callee.kind() == "generic_function" {
        callee = field(callee, "function")?;
    }
    ["object", "operand", "value"].into_iter().find_map(|key| field(callee, key))
}

/// Named children that are no comments; of a generator that stands for an argument list, itself.
pub(super) fn children(list: Node<'_>) -> Vec<Node<'_>> {
    if list.kind() == "generator_expression" {
        return vec![list];
    }
    let all = (0..list.named_child_count().min(64)).filter_map(|index| nth(list, index));
    all.filter(|child| !child.kind().contains("comment")).collect()
}

fn is_text(node: Node<'_>, facts: &Facts<'_>) -> bool {
    let kind = node.kind();
    kind.contains("string") || kind == "identifier" && !matches!(facts.slice(node), "String" | "util" | "MessageFormat")
}

/// The text between the quotes.
pub(super) fn unquoted(text: &str) -> &str {
    let text = text.trim_start_matches(|character: char| character.is_ascii_alphabetic() || character == '#');
    text.trim_end_matches('#').trim_matches(['"', '\'', '`'])
}

/// Whether `what` was checked in a condition before the use, in the same function or one around it.
fn is_checked(facts: &Facts<'_>, what: &str, scope: Scope, at: usize) -> bool {
    let scopes: Vec<Scope> = facts.outwards(scope).filter(|scope| *scope != 0).take(6).collect();
    facts.conditions.iter().filter(|(range, scope)| range.start < at && scopes.contains(scope)).any(|(range, _)| {
        let condition = facts.text.get(range.clone()).unwrap_or_default();
        condition.len() < 2_000 && holds_word(condition, what) && checks(condition)
    })
}

/// Whether a text holds a word, and not only as a part of another.
fn holds_word(text: &str, word: &str) -> bool {
    let is_part =
        |character: Option<char>| character.is_some_and(|character| character.is_alphanumeric() || character == '_');
    text.match_indices(word)
        .any(|(at, _)| !is_part(text[..at].chars().next_back()) && !is_part(text[at + word.len()..].chars().next()))
}
