//! What one walk over a syntax tree gathers: calls, names and where they get their values, imports, functions,
//! conditions, and what could not be read. Rules are matched against these facts.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use ast_grep_core::Doc;
use ast_grep_core::tree_sitter::StrDoc;

use super::language::{Language, Role};

/// A node of the parser's own tree.
pub(super) type Node<'t> = <StrDoc<Language> as Doc>::Node<'t>;

/// Nobody writes code that nests deeper; text that does is made to exhaust a stack.
pub(super) const DEEPEST: usize = 1_500;

/// Names of one pattern or parameter list that are looked at.
const MOST_NAMES: usize = 64;

/// Facts about one file.
pub(super) struct Facts<'t> {
    pub(super) language: Language,
    pub(super) text: &'t str,
    /// Every call, with the function it stands in.
    pub(super) calls: Vec<(Node<'t>, Scope)>,
    /// Where each name gets a value.
    pub(super) bindings: HashMap<&'t str, Vec<Binding<'t>>>,
    /// What a name means that was brought in: `cp` → `child_process`, `run` → `subprocess.run`.
    pub(super) imports: HashMap<&'t str, String>,
    /// Functions and methods that this file defines itself.
    pub(super) defined: HashSet<&'t str>,
    /// The file, then every function.
    pub(super) functions: Vec<Function<'t>>,
    /// Conditions of `if` and the like, with the function they stand in.
    pub(super) conditions: Vec<(Range<usize>, Scope)>,
    /// Where the text could not be read.
    pub(super) errors: Vec<Range<usize>>,
    /// Comments that are not documentation.
    pub(super) comments: Vec<Range<usize>>,
    /// Nodes that a syntax rule asked for by their kind.
    pub(super) wanted: Vec<(Node<'t>, Scope)>,
    /// The tree nests deeper than [`DEEPEST`]: these facts are not all.
    pub(super) too_deep: bool,
}

/// The function a node stands in: an index into [`Facts::functions`].
pub(super) type Scope = usize;

/// A function, or the file.
pub(super) struct Function<'t> {
    pub(super) range: Range<usize>,
    pub(super) parent: Scope,
    pub(super) name: Option<&'t str>,
    /// A framework calls it with what a request holds.
    pub(super) handler: bool,
}

/// One place in which a name gets a value.
#[derive(Clone)]
pub(super) struct Binding<'t> {
    pub(super) scope: Scope,
    pub(super) at: usize,
    /// `None` where the value is not known: a parameter.
    pub(super) value: Option<Node<'t>>,
    /// The value is added to what was there.
    pub(super) grows: bool,
    /// The name is this part of the value: `const { name } = req.query`.
    pub(super) part: Option<&'t str>,
    /// The declared type.
    pub(super) kind: Option<&'t str>,
}

impl<'t> Facts<'t> {
    /// Walks the tree once. `wanted` tells by kind which nodes syntax rules want to see.
    pub(super) fn gather(root: Node<'t>, text: &'t str, language: Language, wanted: &dyn Fn(u16) -> bool) -> Facts<'t> {
        let mut facts = Facts {
            language,
            text,
            calls: Vec::new(),
            bindings: HashMap::new(),
            imports: HashMap::new(),
            defined: HashSet::new(),
            functions: vec![Function { range: 0..text.len(), parent: 0, name: None, handler: false }],
            conditions: Vec::new(),
            errors: Vec::new(),
            comments: Vec::new(),
            wanted: Vec::new(),
            too_deep: false,
        };
        let roles = language.roles();
        let mut open: Vec<(usize, Scope)> = vec![(0, 0)];
        let mut cursor = root.walk();
        let mut depth = 0;
        loop {
            let node = cursor.node();
            let kind = node.kind_id();
            let scope = open.last().map_or(0, |(_, scope)| *scope);
            if node.is_missing() {
                facts.errors.push(node.start_byte()..node.end_byte());
            }
            if node.is_named() {
                if wanted(kind) {
                    facts.wanted.push((node, scope));
                }
                let role = match node.is_error() {
                    true => Role::Error,
                    false => roles.get(usize::from(kind)).copied().unwrap_or(Role::Other),
                };
                facts.see(role, node, scope);
                if role == Role::Function {
                    open.push((depth, facts.functions.len() - 1));
                }
            }
            if depth > DEEPEST {
                facts.too_deep = true;
                return facts;
            }
            if cursor.goto_first_child() {
                depth += 1;
                continue;
            }
            loop {
                if open.len() > 1 && open.last().is_some_and(|(at, _)| *at == depth) {
                    open.pop();
                }
                if cursor.goto_next_sibling() {
                    break;
                }
                if !cursor.goto_parent() {
                    return facts;
                }
                depth -= 1;
            }
        }
    }

    /// The text of a node.
    pub(super) fn slice(&self, node: Node<'_>) -> &'t str {
        self.text.get(node.start_byte()..node.end_byte()).unwrap_or_default()
    }

    /// The scopes from the innermost to the file.
    pub(super) fn outwards(&self, scope: Scope) -> impl Iterator<Item = Scope> {
        let mut next = Some(scope);
        std::iter::from_fn(move || {
            let scope = next?;
            next = (scope != 0).then(|| self.functions[scope].parent);
            Some(scope)
        })
    }

    /// Where a name that is used at `at` got its values: in the innermost function that gives it one.
    pub(super) fn values_of(&self, name: &str, scope: Scope, at: usize) -> Vec<&Binding<'t>> {
        let Some(all) = self.bindings.get(name) else { return Vec::new() };
        for scope_here in self.outwards(scope) {
            let here: Vec<&Binding<'t>> = all
                .iter()
                .filter(|binding| binding.scope == scope_here && (binding.at < at || scope_here != scope))
                .take(16)
                .collect();
            if !here.is_empty() {
                return here;
            }
        }
        Vec::new()
    }

    fn see(&mut self, role: Role, node: Node<'t>, scope: Scope) {
        match role {
            Role::Call => {
                self.calls.push((node, scope));
                self.added(node, scope);
            }
            Role::Macro => self.calls.push((node, scope)),
            Role::Binding => self.binding(node, scope),
            Role::Growth => {
                if let (Some(left), Some(right)) = (field(node, "left"), field(node, "right")) {
                    self.bind(left, Some(right), scope, true, None, None);
                }
            }
            Role::Parameter => self.parameter(node, scope),
            Role::Import => self.import(node),
            Role::Function => self.function(node, scope),
            Role::Condition => {
                let condition = field(node, "condition").unwrap_or(node);
                self.conditions.push((condition.start_byte()..condition.end_byte(), scope));
            }
            Role::Comment => {
                let text = self.slice(node);
                let is_documentation = ["///", "//!", "/**", "/*!"].iter().any(|opening| text.starts_with(opening));
                if !is_documentation {
                    self.comments.push(node.start_byte()..node.end_byte());
                }
            }
            Role::Error => self.errors.push(node.start_byte()..node.end_byte()),
            Role::Other => {}
        }
    }

    /// `sql.append(name)`, `sql.WriteString(name)`, `sql.push_str(name)`: the name holds more text than before.
    fn added(&mut self, call: Node<'t>, scope: Scope) {
        let method = match self.language {
            Language::Java => field(call, "name"),
            Language::Go | Language::Rust => field(call, "function").and_then(|callee| field(callee, "field")),
            _ => return,
        };
        let adds = |node: Node<'t>| matches!(self.slice(node), "append" | "WriteString" | "push_str");
        if !method.is_some_and(adds) {
            return;
        }
        let mut on = super::values::receiver_of(call);
        // `sql.append(a).append(b)`
        for _ in 0..64 {
            match on {
                Some(inner) if inner.kind() == "method_invocation" && field(inner, "name").is_some_and(adds) => {
                    on = field(inner, "object");
                }
                _ => break,
            }
        }
        let Some(name) = on.filter(|node| node.kind() == "identifier").map(|node| self.slice(node)) else { return };
        let Some(value) = field(call, "arguments").and_then(|list| nth(list, 0)) else { return };
        let at = value.start_byte();
        let binding = Binding { scope, at, value: Some(value), grows: true, part: None, kind: None };
        self.bindings.entry(name).or_default().push(binding);
    }

    fn function(&mut self, node: Node<'t>, parent: Scope) {
        let own = field(node, "name").map(|name| self.slice(name));
        let name = own.or_else(|| {
            let holder = node.parent()?;
            let name = ["name", "left", "key"].into_iter().find_map(|key| field(holder, key))?;
            Some(self.slice(name))
        });
        if let Some(own) = own.filter(|_| node.kind() != "method_definition") {
            self.defined.insert(own);
        }
        let above = node.parent().filter(|above| above.kind() == "decorated_definition");
        let handler = above.is_some_and(|above| {
            let head = self.text.get(above.start_byte()..node.start_byte()).unwrap_or_default();
            ["route(", ".get(", ".post(", ".put(", ".patch(", ".delete(", "api_view("]
                .iter()
                .any(|word| head.contains(word))
        });
        self.functions.push(Function { range: node.start_byte()..node.end_byte(), parent, name, handler });
        let scope = self.functions.len() - 1;
        for key in ["parameters", "parameter"] {
            let Some(list) = field(node, key) else { continue };
            let single = list.named_child_count() == 0;
            let all = (0..list.named_child_count().min(MOST_NAMES)).filter_map(|index| nth(list, index));
            for parameter in all.chain(single.then_some(list)) {
                // What has a type is bound with it, when the walk gets there.
                let is_typed = field(parameter, "type").is_some()
                    && self.language.roles().get(usize::from(parameter.kind_id())) == Some(&Role::Parameter);
                if !is_typed {
                    self.bind(parameter, None, scope, false, None, None);
                }
            }
        }
    }

    /// A parameter's type is worth knowing: what is a number cannot carry code.
    fn parameter(&mut self, node: Node<'t>, scope: Scope) {
        let Some(kind) = field(node, "type").map(|kind| self.slice(kind).trim_start_matches([':', ' '])) else {
            return;
        };
        // `a, b string` in Go has two names, and one type.
        let mut cursor = node.walk();
        let mut names: Vec<Node<'t>> = node.children_by_field_name("name", &mut cursor).take(MOST_NAMES).collect();
        if names.is_empty() {
            names.extend(field(node, "pattern").or_else(|| node.named_child(0)));
        }
        let whole = self.slice(node);
        let annotated = [
            "@RequestParam",
            "@PathVariable",
            "@RequestBody",
            "@RequestHeader",
            "@CookieValue",
            "@QueryParam",
            "@PathParam",
            "@FormParam",
            "@HeaderParam",
            "@MatrixParam",
        ];
        let extracted = matches!(self.language, Language::Rust)
            && ["Query<", "Path<", "Form<", "Json<", "web::Query", "web::Path", "web::Form", "web::Json"]
                .iter()
                .any(|extractor| kind.starts_with(extractor));
        // `Path<u32>` gives a number.
        let inner = kind.split_once('<').map(|(_, inner)| inner.trim_end_matches('>')).filter(|_| extracted);
        let kind = inner.filter(|inner| is_number(inner)).unwrap_or(kind);
        let kind = match extracted || annotated.iter().any(|word| whole.starts_with(word)) {
            true if !is_number(kind) => REQUEST_TYPE,
            _ => kind,
        };
        for name in names {
            self.bind(name, None, scope, false, None, Some(kind));
        }
    }

    fn binding(&mut self, node: Node<'t>, scope: Scope) {
        let get = |key| field(node, key);
        match node.kind() {
            "variable_declarator" => {
                let declared = node.parent().and_then(|parent| field(parent, "type")).map(|kind| self.slice(kind));
                let kind = match field(node, "type") {
                    Some(kind) => Some(self.slice(kind).trim_start_matches([':', ' '])),
                    None => declared,
                };
                if let Some(name) = get("name") {
                    let required = get("value").and_then(|value| self.required(value));
                    if let Some(module) = required {
                        self.import_pattern(name, &module);
                    }
                    self.bind(name, get("value"), scope, false, None, kind);
                }
            }
            "as_pattern" => {
                if let (Some(value), Some(alias)) = (node.named_child(0), get("alias")) {
                    self.bind(alias, Some(value), scope, false, None, None);
                }
            }
            "let_declaration" => {
                let kind = get("type").map(|kind| self.slice(kind));
                if let Some(pattern) = get("pattern") {
                    self.bind(pattern, get("value"), scope, false, None, kind);
                }
            }
            "range_clause"
            | "for_statement"
            | "for_in_statement"
            | "for_in_clause"
            | "for_expression"
            | "enhanced_for_statement" => {
                let name = ["left", "pattern", "name"].into_iter().find_map(get);
                let value = ["right", "value"].into_iter().find_map(get);
                if let (Some(name), Some(value)) = (name, value) {
                    self.bind(name, Some(value), scope, false, None, None);
                }
            }
            _ => {
                let left = ["left", "name"].into_iter().find_map(get);
                let right = ["right", "value"].into_iter().find_map(get);
                let grows = get("operator").is_some_and(|operator| self.slice(operator) == "+=");
                let Some(left) = left else { return };
                let lists =
                    |node: Node<'t>| matches!(node.kind(), "expression_list" | "pattern_list" | "tuple_pattern");
                match right {
                    Some(right)
                        if lists(left) && lists(right) && left.named_child_count() == right.named_child_count() =>
                    {
                        for index in 0..left.named_child_count().min(MOST_NAMES) {
                            if let (Some(name), Some(value)) = (nth(left, index), nth(right, index)) {
                                self.bind(name, Some(value), scope, grows, None, None);
                            }
                        }
                    }
                    Some(right) if lists(right) => self.bind(left, nth(right, 0), scope, grows, None, None),
                    right => self.bind(left, right, scope, grows, None, get("type").map(|kind| self.slice(kind))),
                }
            }
        }
    }

    /// Binds every name of a pattern.
    fn bind(
        &mut self,
        pattern: Node<'t>,
        value: Option<Node<'t>>,
        scope: Scope,
        grows: bool,
        part: Option<&'t str>,
        kind: Option<&'t str>,
    ) {
        let at = pattern.start_byte();
        let mut rest = vec![(pattern, part, 0)];
        let mut seen = 0;
        while let Some((node, part, depth)) = rest.pop() {
            seen += 1;
            if seen > MOST_NAMES {
                return;
            }
            match node.kind() {
                "identifier" | "shorthand_property_identifier_pattern" | "shorthand_field_identifier" => {
                    let name = self.slice(node);
                    let part = match node.kind() {
                        "identifier" => part,
                        _ => Some(name),
                    };
                    let binding = Binding { scope, at, value, grows, part, kind };
                    self.bindings.entry(name).or_default().push(binding);
                }
                // `a.b = …` and `a[b] = …` give no name a value.
                "member_expression"
                | "subscript_expression"
                | "attribute"
                | "subscript"
                | "selector_expression"
                | "index_expression"
                | "field_access"
                | "array_access"
                | "field_expression" => {}
                "pair_pattern" => {
                    let key = field(node, "key").map(|key| self.slice(key));
                    if let Some(inner) = field(node, "value") {
                        rest.push((inner, key, depth + 1));
                    }
                }
                "assignment_pattern" | "object_assignment_pattern" | "default_parameter" => {
                    rest.extend(
                        ["left", "name"]
                            .into_iter()
                            .find_map(|key| field(node, key))
                            .map(|left| (left, part, depth + 1)),
                    );
                }
                "type" | "type_annotation" | "type_identifier" | "generic_type" | "modifiers" | "decorator" => {}
                _ if depth < 8 => {
                    for index in 0..node.named_child_count().min(MOST_NAMES) {
                        rest.extend(nth(node, index).map(|child| (child, part, depth + 1)));
                    }
                }
                _ => {}
            }
        }
    }

    fn import(&mut self, node: Node<'t>) {
        match self.language {
            Language::Python => self.import_python(node),
            Language::Go => self.import_go(node),
            Language::Rust => {
                if let Some(argument) = field(node, "argument") {
                    self.import_rust(argument, String::new(), 0);
                }
            }
            language if language.is_script() => self.import_script(node),
            _ => {}
        }
    }

    fn import_python(&mut self, node: Node<'t>) {
        let module = field(node, "module_name").map(|module| self.slice(module));
        let mut cursor = node.walk();
        let names: Vec<Node<'t>> = node.children_by_field_name("name", &mut cursor).take(MOST_NAMES).collect();
        for name in names {
            let (path, alias) = match name.kind() {
                "aliased_import" => match (field(name, "name"), field(name, "alias")) {
                    (Some(path), Some(alias)) => (self.slice(path), Some(self.slice(alias))),
                    _ => continue,
                },
                _ => (self.slice(name), None),
            };
            match (module, alias) {
                (Some(module), alias) => {
                    self.imports.insert(alias.unwrap_or(path), format!("{module}.{path}"));
                }
                (None, Some(alias)) => {
                    self.imports.insert(alias, path.to_string());
                }
                // `import os.path` makes `os` known, under its own name.
                (None, None) => {
                    let root = path.split('.').next().unwrap_or(path);
                    self.imports.insert(root, root.to_string());
                }
            }
        }
    }

    fn import_go(&mut self, node: Node<'t>) {
        let Some(path) = field(node, "path").map(|path| self.slice(path).trim_matches(['"', '`'])) else { return };
        let mut segments = path.rsplit('/');
        let last = segments.next().unwrap_or(path);
        let is_version = last.strip_prefix('v').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let last = if is_version { segments.next().unwrap_or(last) } else { last };
        // `gopkg.in/yaml.v3` is called `yaml`.
        let last = last.split(".v").next().unwrap_or(last);
        let name = field(node, "name").map_or(last, |name| self.slice(name));
        self.imports.insert(name, path.to_string());
    }

    fn import_rust(&mut self, node: Node<'t>, prefix: String, depth: usize) {
        if depth > 8 || prefix.len() > 500 {
            return;
        }
        let join = |prefix: &str, path: &str| {
            let path = path.replace("::", ".");
            if prefix.is_empty() { path } else { format!("{prefix}.{path}") }
        };
        match node.kind() {
            "use_as_clause" => {
                if let (Some(path), Some(alias)) = (field(node, "path"), field(node, "alias")) {
                    let path = join(&prefix, self.slice(path));
                    self.imports.insert(self.slice(alias), path);
                }
            }
            "scoped_use_list" => {
                let prefix = field(node, "path").map_or(prefix.clone(), |path| join(&prefix, self.slice(path)));
                if let Some(list) = field(node, "list") {
                    self.import_rust(list, prefix, depth + 1);
                }
            }
            "use_list" => {
                for index in 0..node.named_child_count().min(MOST_NAMES) {
                    if let Some(child) = nth(node, index) {
                        self.import_rust(child, prefix.clone(), depth + 1);
                    }
                }
            }
            "self" => {
                // `use std::process::{self, …}`: the prefix under its own last name.
                let text = self.text;
                if let Some(name) = prefix.rsplit('.').next()
                    && let Some(at) = text.find(name)
                {
                    self.imports.insert(&text[at..at + name.len()], prefix);
                }
            }
            "identifier" | "scoped_identifier" => {
                let text = self.slice(node);
                let last = text.rsplit("::").next().unwrap_or(text);
                self.imports.insert(last, join(&prefix, text));
            }
            _ => {}
        }
    }

    fn import_script(&mut self, node: Node<'t>) {
        let Some(source) = field(node, "source").map(|source| module_name(self.slice(source))) else { return };
        let mut rest = vec![(node, 0)];
        let mut seen = 0;
        while let Some((node, depth)) = rest.pop() {
            seen += 1;
            if seen > 4 * MOST_NAMES {
                return;
            }
            match node.kind() {
                "import_specifier" => {
                    let Some(name) = field(node, "name").map(|name| self.slice(name)) else { continue };
                    let alias = field(node, "alias").map_or(name, |alias| self.slice(alias));
                    let path = if name == "default" { source.clone() } else { format!("{source}.{name}") };
                    self.imports.insert(alias, path);
                }
                "identifier" => {
                    self.imports.insert(self.slice(node), source.clone());
                }
                "string" => {}
                _ if depth < 4 => {
                    for index in 0..node.named_child_count().min(MOST_NAMES) {
                        rest.extend(nth(node, index).map(|child| (child, depth + 1)));
                    }
                }
                _ => {}
            }
        }
    }

    /// The module of `require("m")`, of `await import("m")`, and of a part of either: `require("m").x` is `m.x`.
    pub(super) fn required(&self, node: Node<'t>) -> Option<String> {
        if !self.language.is_script() {
            return None;
        }
        match node.kind() {
            "await_expression" | "parenthesized_expression" => self.required(node.named_child(0)?),
            "member_expression" => {
                let module = self.required(field(node, "object")?)?;
                let property = self.slice(field(node, "property")?);
                Some(if property == "default" { module } else { format!("{module}.{property}") })
            }
            "call_expression" => {
                let callee = self.slice(field(node, "function")?);
                let arguments = field(node, "arguments")?;
                match (callee, arguments.named_child_count(), nth(arguments, 0)?) {
                    ("require" | "import", 1, only) if only.kind() == "string" => Some(module_name(self.slice(only))),
                    // Wrappers of the language's own helpers: `__importStar(require("m"))`.
                    (_, 1, only) if callee.contains("__import") => self.required(only),
                    (_, 1, only) if callee.ends_with("promisify") => self.resolved(only),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn resolved(&self, node: Node<'t>) -> Option<String> {
        match node.kind() {
            "identifier" => self.imports.get(self.slice(node)).cloned(),
            "member_expression" => {
                let object = self.resolved(field(node, "object")?)?;
                Some(format!("{object}.{}", self.slice(field(node, "property")?)))
            }
            _ => self.required(node),
        }
    }

    fn import_pattern(&mut self, pattern: Node<'t>, module: &str) {
        match pattern.kind() {
            "identifier" => {
                self.imports.insert(self.slice(pattern), module.to_string());
            }
            "object_pattern" => {
                for index in 0..pattern.named_child_count().min(MOST_NAMES) {
                    let Some(child) = nth(pattern, index) else { continue };
                    match child.kind() {
                        "shorthand_property_identifier_pattern" => {
                            let name = self.slice(child);
                            self.imports.insert(name, format!("{module}.{name}"));
                        }
                        "pair_pattern" => {
                            if let (Some(key), Some(value)) = (field(child, "key"), field(child, "value")) {
                                self.imports.insert(self.slice(value), format!("{module}.{}", self.slice(key)));
                            }
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

/// Stands for the type of a parameter that a framework fills from a request.
pub(super) const REQUEST_TYPE: &str = "\0request";

/// Types whose values cannot carry text.
pub(super) fn is_number(kind: &str) -> bool {
    let kind = kind.trim().trim_start_matches('&').trim_start_matches("mut ");
    matches!(
        kind,
        "int"
            | "long"
            | "short"
            | "byte"
            | "float"
            | "double"
            | "boolean"
            | "bool"
            | "Integer"
            | "Long"
            | "Boolean"
            | "UUID"
            | "number"
            | "bigint"
            | "int8"
            | "int16"
            | "int32"
            | "int64"
            | "uint"
            | "uint8"
            | "uint16"
            | "uint32"
            | "uint64"
            | "float32"
            | "float64"
            | "i8"
            | "i16"
            | "i32"
            | "i64"
            | "i128"
            | "isize"
            | "u8"
            | "u16"
            | "u32"
            | "u64"
            | "u128"
            | "usize"
            | "f32"
            | "f64"
            | "Uuid"
            | "uuid.UUID"
            | "datetime"
            | "date"
            | "time.Time"
            | "time.Duration"
            | "Decimal"
            | "LocalDate"
            | "Instant"
    )
}

/// A field of a node.
pub(super) fn field<'t>(node: Node<'t>, name: &str) -> Option<Node<'t>> {
    node.child_by_field_name(name)
}

/// A named child by its number.
pub(super) fn nth(node: Node<'_>, index: usize) -> Option<Node<'_>> {
    node.named_child(index as u32)
}

/// The module as everybody calls it: without quotes, and without `node:`.
fn module_name(quoted: &str) -> String {
    let name = quoted.trim_matches(['"', '\'', '`']);
    name.strip_prefix("node:").unwrap_or(name).to_string()
}
