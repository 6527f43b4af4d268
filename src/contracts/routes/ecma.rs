//! Express, Fastify, Hono and Next.js.

use oxc_ast::ast::{
    Argument, ArrowFunctionBody, BindingPattern, CallExpression, ClassElement, Declaration,
    ExportDefaultDeclarationKind, Expression, FormalParameters, FunctionBody, ImportDeclarationSpecifier,
    ObjectExpression, ObjectPropertyKind, Program, Statement, VariableDeclarator,
};
use oxc_span::GetSpan;
use std::collections::BTreeMap;

use super::graph::{Declared, Facts, Mount, Span};
use super::paths::{self, NextFile};
use crate::contracts::ecmascript;

const METHODS: [&str; 8] = ["get", "post", "put", "patch", "delete", "options", "head", "all"];

/// How deep functions are looked into.
const MOST_DEPTH: usize = 200;

/// Reads one file.
pub(super) fn facts(path: &str, text: &str) -> Facts {
    let read = ecmascript::parse(text, path, |_, program| {
        let mut reader = Reader { text, facts: Facts::default(), constants: BTreeMap::new(), depth: 0 };
        reader.constants(program);
        reader.statements(&program.body);
        if let Some(next) = paths::next(path) {
            reader.next(next, program);
        }
        reader.facts
    });
    read.unwrap_or_else(|problem| Facts { problem: Some(problem), ..Facts::default() })
}

struct Reader<'t> {
    text: &'t str,
    facts: Facts,
    constants: BTreeMap<String, String>,
    depth: usize,
}

fn span(node: &impl GetSpan) -> Span {
    (node.span().start, node.span().end)
}

/// Names under which plugins are given the server.
fn is_server_name(name: &str) -> bool {
    matches!(name, "app" | "router" | "server" | "fastify" | "instance" | "api" | "routes" | "f" | "hono" | "express")
}

impl Reader<'_> {
    fn slice(&self, at: Span) -> &str {
        self.text.get(at.0 as usize..at.1 as usize).unwrap_or_default()
    }

    /// Strings that have a name.
    fn constants(&mut self, program: &Program<'_>) {
        for statement in &program.body {
            let declaration = match statement {
                Statement::ExportDeclaration(export) => Some(&export.declaration),
                other => other.as_declaration(),
            };
            if let Some(Declaration::VariableDeclaration(variables)) = declaration {
                for variable in &variables.declarations {
                    if let (BindingPattern::BindingIdentifier(id), Some(init)) = (&variable.id, &variable.init)
                        && let Some(text) = self.string(init)
                    {
                        self.constants.insert(id.name.to_string(), text);
                    }
                }
            }
        }
    }

    /// A string that is known without running anything.
    fn string(&self, expression: &Expression<'_>) -> Option<String> {
        match expression.get_inner_expression() {
            Expression::StringLiteral(text) => Some(text.value.to_string()),
            Expression::TemplateLiteral(template) => {
                let mut out = String::new();
                for (number, quasi) in template.quasis.iter().enumerate() {
                    out.push_str(quasi.value.cooked.as_deref()?);
                    if let Some(inner) = template.expressions.get(number) {
                        let Expression::Identifier(name) = inner else { return None };
                        out.push_str(self.constants.get(name.name.as_str())?);
                    }
                }
                Some(out)
            }
            Expression::Identifier(name) => self.constants.get(name.name.as_str()).cloned(),
            Expression::BinaryExpression(sum) => {
                let (
                    Expression::StringLiteral(_) | Expression::Identifier(_),
                    Expression::StringLiteral(_) | Expression::Identifier(_),
                ) = (&sum.left, &sum.right)
                else {
                    return None;
                };
                (sum.operator.as_str() == "+")
                    .then(|| Some(self.string(&sum.left)? + &self.string(&sum.right)?))
                    .flatten()
            }
            _ => None,
        }
    }

    fn statements(&mut self, statements: &[Statement<'_>]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Statement<'_>) {
        if self.depth > MOST_DEPTH {
            return;
        }
        self.depth += 1;
        match statement {
            Statement::ExpressionStatement(one) => {
                self.assignment(&one.expression);
                self.expression(&one.expression);
            }
            Statement::ImportDeclaration(import) => {
                let source = import.source.value.to_string();
                for specifier in import.specifiers.iter().flatten() {
                    let (local, name) = match specifier {
                        ImportDeclarationSpecifier::ImportSpecifier(one) => {
                            (one.local.name.to_string(), one.imported.name().to_string())
                        }
                        ImportDeclarationSpecifier::ImportDefaultSpecifier(one) => {
                            (one.local.name.to_string(), "default".into())
                        }
                        ImportDeclarationSpecifier::ImportNamespaceSpecifier(one) => {
                            (one.local.name.to_string(), "*".into())
                        }
                    };
                    self.facts.imports.insert(local, (source.clone(), name));
                }
            }
            Statement::ExportDeclaration(export) => {
                self.declaration(&export.declaration, true);
            }
            Statement::ExportNamedDeclaration(export) => {
                for specifier in &export.specifiers {
                    let (local, name) = (specifier.local.name().to_string(), specifier.exported.name().to_string());
                    self.facts.exports.insert(name, local);
                }
            }
            Statement::ExportFromDeclaration(export) => {
                for specifier in &export.specifiers {
                    let name = specifier.exported.name().to_string();
                    let local = format!("export {name}");
                    let from = (export.source.value.to_string(), specifier.local.name().to_string());
                    self.facts.imports.insert(local.clone(), from);
                    self.facts.exports.insert(name, local);
                }
            }
            Statement::ExportDefaultDeclaration(export) => match &export.declaration {
                ExportDefaultDeclarationKind::FunctionDeclaration(function) => {
                    let name = function.id.as_ref().map_or("default", |id| id.name.as_str()).to_string();
                    self.facts.exports.insert("default".into(), name.clone());
                    self.function(Some(&name), &function.params, function.body.as_deref());
                }
                other => {
                    if let Some(expression) = other.as_expression() {
                        let local = self.named(expression, "default");
                        self.facts.exports.insert("default".into(), local);
                    }
                }
            },
            Statement::BlockStatement(block) => self.statements(&block.body),
            Statement::IfStatement(one) => {
                self.statement(&one.consequent);
                one.alternate.iter().for_each(|inner| self.statement(inner));
            }
            Statement::TryStatement(one) => {
                self.statements(&one.block.body);
                one.handler.iter().for_each(|handler| self.statements(&handler.body.body));
                one.finalizer.iter().for_each(|block| self.statements(&block.body));
            }
            Statement::ForOfStatement(one) => self.statement(&one.body),
            Statement::ForStatement(one) => self.statement(&one.body),
            Statement::ForInStatement(one) => self.statement(&one.body),
            Statement::WhileStatement(one) => self.statement(&one.body),
            Statement::ReturnStatement(one) => one.argument.iter().for_each(|value| {
                self.expression(value);
            }),
            other => {
                if let Some(declaration) = other.as_declaration() {
                    self.declaration(declaration, false);
                }
            }
        }
        self.depth -= 1;
    }

    /// What an expression is called, given a name if it has none of its own.
    fn named(&mut self, expression: &Expression<'_>, otherwise: &str) -> String {
        match expression.get_inner_expression() {
            Expression::Identifier(name) => name.name.to_string(),
            other => {
                self.bind(otherwise, other);
                otherwise.to_string()
            }
        }
    }

    fn declaration(&mut self, declaration: &Declaration<'_>, exported: bool) {
        match declaration {
            Declaration::VariableDeclaration(variables) => {
                for variable in &variables.declarations {
                    self.variable(variable, exported);
                }
            }
            Declaration::FunctionDeclaration(function) => {
                let name = function.id.as_ref().map(|id| id.name.to_string());
                if let (Some(name), true) = (&name, exported) {
                    self.facts.exports.insert(name.clone(), name.clone());
                }
                self.function(name.as_deref(), &function.params, function.body.as_deref());
            }
            Declaration::ClassDeclaration(class) => {
                for element in &class.body.body {
                    if let ClassElement::MethodDefinition(method) = element {
                        self.function(None, &method.value.params, method.value.body.as_deref());
                    }
                }
            }
            _ => {}
        }
    }

    fn variable(&mut self, variable: &VariableDeclarator<'_>, exported: bool) {
        let Some(init) = &variable.init else { return };
        match &variable.id {
            BindingPattern::BindingIdentifier(id) => {
                let name = id.name.to_string();
                if exported {
                    self.facts.exports.insert(name.clone(), name.clone());
                }
                if let Some(source) = required(init) {
                    self.facts.imports.insert(name, (source, "default".into()));
                } else {
                    self.bind(&name, init);
                }
            }
            BindingPattern::ObjectPattern(pattern) => {
                if let Some(source) = required(init) {
                    for property in &pattern.properties {
                        if let (Some(name), BindingPattern::BindingIdentifier(id)) =
                            (property.key.static_name(), &property.value)
                        {
                            self.facts.imports.insert(id.name.to_string(), (source.clone(), name.to_string()));
                        }
                    }
                }
            }
            _ => {}
        }
    }

    /// Gives a value a name: a router, a plugin, or something else.
    fn bind(&mut self, name: &str, value: &Expression<'_>) {
        match value.get_inner_expression() {
            Expression::ArrowFunctionExpression(function) => match &function.body {
                ArrowFunctionBody::FunctionBody(body) => self.function(Some(name), &function.params, Some(body)),
                other => {
                    if let Some(inner) = other.as_expression() {
                        self.expression(inner);
                    }
                }
            },
            Expression::FunctionExpression(function) => {
                self.function(Some(name), &function.params, function.body.as_deref());
            }
            Expression::AwaitExpression(inner) => self.bind(name, &inner.argument),
            other => {
                if let Some(prefix) = self.router(other) {
                    self.facts.routers.insert(name.to_string(), prefix);
                }
                self.chain(other, Some(name));
            }
        }
    }

    /// The prefix that a new router brings along, if the expression makes one.
    fn router(&self, expression: &Expression<'_>) -> Option<String> {
        match expression.get_inner_expression() {
            Expression::NewExpression(new) => {
                let name = last_name(&new.callee)?;
                let prefix = new
                    .arguments
                    .first()
                    .and_then(Argument::as_expression)
                    .and_then(|options| self.option(options, "prefix"));
                matches!(name.as_str(), "Hono" | "OpenAPIHono" | "Router" | "Express")
                    .then(|| convert(&prefix.unwrap_or_default()))
            }
            Expression::CallExpression(call) => match &call.callee {
                Expression::StaticMemberExpression(member) => match member.property.name.as_str() {
                    "Router" => Some(String::new()),
                    "basePath" => {
                        let inner = self.router(&member.object)?;
                        let prefix = call
                            .arguments
                            .first()
                            .and_then(Argument::as_expression)
                            .and_then(|path| self.string(path))?;
                        Some(paths::join(&inner, &convert(&prefix)))
                    }
                    // `new Hono().get(…).post(…)`, `fastify().withTypeProvider()`
                    _ => self.router(&member.object),
                },
                Expression::Identifier(name) => {
                    matches!(name.name.as_str(), "express" | "Router" | "fastify" | "Fastify" | "createRouter")
                        .then(String::new)
                }
                Expression::CallExpression(inner) => required_call(inner)
                    .filter(|source| matches!(source.as_str(), "express" | "fastify"))
                    .map(|_| String::new()),
                _ => None,
            },
            _ => None,
        }
    }

    /// A function whose parameter is a server is a router of its own: a plugin.
    fn function(&mut self, name: Option<&str>, parameters: &FormalParameters<'_>, body: Option<&FunctionBody<'_>>) {
        let Some(body) = body else { return };
        if self.depth > MOST_DEPTH {
            return;
        }
        self.depth += 1;
        let first = parameters.items.first().and_then(|first| match &first.pattern {
            BindingPattern::BindingIdentifier(id) => Some(id.name.to_string()),
            _ => None,
        });
        let server = first.filter(|first| name.is_some() && is_server_name(first));
        if let (Some(server), Some(name)) = (server, name) {
            // Its routes belong to the function: within it the parameter is another name for that.
            let outer = std::mem::take(&mut self.facts.routes);
            let mounts = std::mem::take(&mut self.facts.mounts);
            let known = self.facts.routers.insert(server.clone(), String::new());
            self.statements(&body.statements);
            let own = |router: &mut String| {
                if *router == server {
                    *router = name.to_string();
                }
            };
            self.facts.routes.iter_mut().for_each(|route| own(&mut route.router));
            self.facts.mounts.iter_mut().for_each(|mount| own(&mut mount.router));
            if !self.facts.routes.is_empty() || !self.facts.mounts.is_empty() {
                self.facts.routers.insert(name.to_string(), String::new());
            }
            match known {
                Some(prefix) => self.facts.routers.insert(server, prefix),
                None if server != name => self.facts.routers.remove(&server),
                None => None,
            };
            self.facts.routes.splice(..0, outer);
            self.facts.mounts.splice(..0, mounts);
        } else {
            self.statements(&body.statements);
        }
        self.depth -= 1;
    }

    /// `module.exports = router`, `exports.router = router`.
    fn assignment(&mut self, expression: &Expression<'_>) {
        let Expression::AssignmentExpression(assign) = expression else { return };
        let target = self.slice(span(&assign.left)).to_string();
        if target == "module.exports" || target == "exports" {
            let local = self.named(&assign.right, "module.exports");
            self.facts.exports.insert("default".into(), local);
        } else if let Some(name) = target.strip_prefix("module.exports.").or_else(|| target.strip_prefix("exports.")) {
            let local = self.named(&assign.right, name);
            self.facts.exports.insert(name.to_string(), local);
        }
    }

    fn expression(&mut self, expression: &Expression<'_>) {
        match expression.get_inner_expression() {
            Expression::CallExpression(_) => {
                self.chain(expression, None);
            }
            Expression::AwaitExpression(inner) => self.expression(&inner.argument),
            Expression::ArrowFunctionExpression(function) => match &function.body {
                ArrowFunctionBody::FunctionBody(body) => self.function(None, &function.params, Some(body)),
                other => {
                    if let Some(inner) = other.as_expression() {
                        self.expression(inner);
                    }
                }
            },
            Expression::FunctionExpression(function) => {
                self.function(None, &function.params, function.body.as_deref());
            }
            _ => {}
        }
    }

    /// Calls on a router, one behind the other. `made` is the name of what the whole chain makes.
    fn chain(&mut self, expression: &Expression<'_>, made: Option<&str>) -> Option<String> {
        let mut calls: Vec<(&CallExpression<'_>, &str)> = Vec::new();
        let mut at = expression.get_inner_expression();
        while let Expression::CallExpression(call) = at {
            match &call.callee {
                Expression::StaticMemberExpression(member) => {
                    calls.push((call, member.property.name.as_str()));
                    at = member.object.get_inner_expression();
                }
                _ => break,
            }
        }
        let receiver = match at {
            Expression::Identifier(name) => {
                let name = name.name.to_string();
                let known = self.facts.routers.contains_key(&name) || self.facts.imports.contains_key(&name);
                known.then_some(name)
            }
            other if made.is_some() && self.router(other).is_some() => made.map(str::to_string),
            _ => None,
        };
        // A call that is none on a router can still hold functions, or hand the router on: `setup(app)`.
        let Some(receiver) = receiver else {
            if let Expression::CallExpression(call) = at {
                self.handed_on(call);
            }
            for (call, _) in &calls {
                self.arguments(call);
            }
            return None;
        };
        let mut path: Option<String> = None;
        for (call, method) in calls.iter().rev() {
            path = self.call(&receiver, call, method, path);
        }
        Some(receiver)
    }

    fn arguments(&mut self, call: &CallExpression<'_>) {
        if self.depth > MOST_DEPTH {
            return;
        }
        self.depth += 1;
        for argument in &call.arguments {
            if let Some(inner) = argument.as_expression()
                && !matches!(inner, Expression::CallExpression(_))
            {
                self.expression(inner);
            }
        }
        self.depth -= 1;
    }

    /// `setup(app)`: what the function does to its parameter happens to the router.
    fn handed_on(&mut self, call: &CallExpression<'_>) {
        if let (Expression::Identifier(function), Some(Argument::Identifier(first))) =
            (&call.callee, call.arguments.first())
            && self.facts.routers.contains_key(first.name.as_str())
            && (self.facts.routers.contains_key(function.name.as_str())
                || self.facts.imports.contains_key(function.name.as_str()))
        {
            self.mount(first.name.to_string(), String::new(), function.name.to_string(), call);
        } else {
            self.arguments(call);
        }
    }

    fn mount(&mut self, router: String, prefix: String, target: String, call: &CallExpression<'_>) {
        let at = span(call);
        let text = on_one_line(self.slice(at));
        self.facts.mounts.push(Mount { router, prefix, target, text, at });
    }

    /// One call on a router; what it returns is the path that later calls of the chain are for.
    fn call(
        &mut self,
        receiver: &str,
        call: &CallExpression<'_>,
        method: &str,
        path: Option<String>,
    ) -> Option<String> {
        let first = call.arguments.first().and_then(Argument::as_expression);
        let at = span(call);
        let at = match &call.callee {
            Expression::StaticMemberExpression(member) => (member.property.span.start, at.1),
            _ => at,
        };
        if METHODS.contains(&method) || method == "del" {
            let methods = vec![match method {
                "all" => "*".to_string(),
                "del" => "DELETE".to_string(),
                other => other.to_uppercase(),
            }];
            if let Some(path) = path {
                self.declare(receiver, methods, path.clone(), handler(call), at);
                return Some(path);
            }
            // `app.get('setting')` asks for a setting; a route has a handler.
            if call.arguments.len() < 2 {
                return None;
            }
            self.with_path(receiver, methods, first, call, at);
            return None;
        }
        match method {
            "on" => {
                let methods = first.map(|first| self.list(first)).unwrap_or_default();
                let second = call.arguments.get(1).and_then(Argument::as_expression);
                if !methods.is_empty() && call.arguments.len() > 2 {
                    self.with_path(receiver, methods, second, call, at);
                }
                None
            }
            "route" => match first.map(Expression::get_inner_expression) {
                Some(Expression::ObjectExpression(options)) => {
                    self.fastify_route(receiver, options, at);
                    None
                }
                Some(first) if call.arguments.len() == 1 => self.string(first),
                Some(first) => {
                    let prefix = self.string(first);
                    self.mounts(receiver, prefix.as_deref(), call, 1);
                    None
                }
                None => None,
            },
            "use" => {
                let prefix = first.and_then(|first| self.string(first));
                let from = usize::from(prefix.is_some());
                self.mounts(receiver, prefix.as_deref().or(Some("")), call, from);
                None
            }
            "register" => {
                let options = call.arguments.get(1).and_then(Argument::as_expression);
                let prefix = options.and_then(|options| self.option(options, "prefix"));
                let dynamic = options.is_some_and(|options| has_key(options, "prefix")) && prefix.is_none();
                if dynamic {
                    self.facts.unclear.push((on_one_line(self.slice(at)), at));
                    return None;
                }
                self.mounts(receiver, Some(prefix.as_deref().unwrap_or("")), call, 0);
                None
            }
            _ => {
                self.arguments(call);
                None
            }
        }
    }

    fn declare(&mut self, receiver: &str, methods: Vec<String>, path: String, handler: Option<String>, at: Span) {
        let path = convert(&path);
        self.facts.routes.push(Declared { router: receiver.to_string(), methods, path, handler, at });
    }

    fn with_path(
        &mut self,
        receiver: &str,
        methods: Vec<String>,
        path: Option<&Expression<'_>>,
        call: &CallExpression<'_>,
        at: Span,
    ) {
        let Some(path) = path else { return };
        let many: Vec<Option<String>> = match path.get_inner_expression() {
            Expression::ArrayExpression(list) => {
                list.elements.iter().map(|element| element.as_expression().and_then(|one| self.string(one))).collect()
            }
            other => vec![self.string(other)],
        };
        for one in many {
            match one {
                Some(one) => self.declare(receiver, methods.clone(), one, handler(call), at),
                None => {
                    let methods = methods.join(",");
                    let text = format!("{methods} {}", on_one_line(self.slice(span(path))));
                    self.facts.unclear.push((text, at));
                }
            }
        }
    }

    fn fastify_route(&mut self, receiver: &str, options: &ObjectExpression<'_>, at: Span) {
        let value = |wanted: &str| {
            options.properties.iter().find_map(|property| match property {
                ObjectPropertyKind::ObjectProperty(one) if one.key.static_name().as_deref() == Some(wanted) => {
                    Some(&one.value)
                }
                _ => None,
            })
        };
        let methods = value("method").map(|methods| self.list(methods)).unwrap_or_default();
        let path = value("url").or_else(|| value("path")).and_then(|path| self.string(path));
        let handler = value("handler").and_then(|handler| match handler {
            Expression::Identifier(name) => Some(name.name.to_string()),
            _ => None,
        });
        match path {
            Some(path) if !methods.is_empty() => self.declare(receiver, methods, path, handler, at),
            _ => self.facts.unclear.push((on_one_line(self.slice(at)), at)),
        }
    }

    /// One method, or a list of them.
    fn list(&self, expression: &Expression<'_>) -> Vec<String> {
        match expression.get_inner_expression() {
            Expression::ArrayExpression(list) => {
                let each = list.elements.iter().filter_map(|element| element.as_expression());
                each.filter_map(|one| self.string(one)).map(|one| one.to_uppercase()).collect()
            }
            other => self.string(other).map(|one| one.to_uppercase()).into_iter().collect(),
        }
    }

    fn mounts(&mut self, receiver: &str, prefix: Option<&str>, call: &CallExpression<'_>, from: usize) {
        for argument in call.arguments.iter().skip(from) {
            let Some(inner) = argument.as_expression() else { continue };
            let target = match inner.get_inner_expression() {
                Expression::Identifier(name) => {
                    let name = name.name.to_string();
                    let known = self.facts.routers.contains_key(&name)
                        || self.facts.imports.get(&name).is_some_and(|(source, _)| source.starts_with('.'));
                    known.then_some(name)
                }
                Expression::StaticMemberExpression(member) => match &member.object {
                    Expression::Identifier(object) => {
                        let local = self
                            .facts
                            .imports
                            .get(object.name.as_str())
                            .is_some_and(|(source, _)| source.starts_with('.'));
                        local.then(|| format!("{}.{}", object.name, member.property.name))
                    }
                    _ => None,
                },
                Expression::CallExpression(inner) => required_call(inner)
                    .filter(|source| source.starts_with('.'))
                    .map(|source| format!("require({source})"))
                    .or_else(|| match &inner.callee {
                        Expression::Identifier(name) if self.facts.routers.contains_key(name.name.as_str()) => {
                            Some(name.name.to_string())
                        }
                        Expression::ImportExpression(_) => None,
                        _ => None,
                    }),
                Expression::ImportExpression(import) => self
                    .string(&import.source)
                    .filter(|source| source.starts_with('.'))
                    .map(|source| format!("require({source})")),
                plugin @ (Expression::ArrowFunctionExpression(_) | Expression::FunctionExpression(_)) => {
                    let name = format!("plugin at {}", plugin.span().start);
                    self.bind(&name, plugin);
                    self.facts.routers.contains_key(&name).then_some(name)
                }
                _ => None,
            };
            let Some(target) = target else { continue };
            match prefix {
                Some(prefix) => self.mount(receiver.to_string(), convert(prefix), target, call),
                None => {
                    let at = span(call);
                    let text = on_one_line(self.slice(at));
                    self.facts.unclear.push((text, at));
                }
            }
        }
    }

    fn option(&self, options: &Expression<'_>, wanted: &str) -> Option<String> {
        let Expression::ObjectExpression(options) = options.get_inner_expression() else { return None };
        options.properties.iter().find_map(|property| match property {
            ObjectPropertyKind::ObjectProperty(one) if one.key.static_name().as_deref() == Some(wanted) => {
                self.string(&one.value)
            }
            _ => None,
        })
    }

    /// What a file of Next.js answers by where it stands.
    fn next(&mut self, file: NextFile, program: &Program<'_>) {
        const NEXT: &str = "next";
        self.facts.routers.insert(NEXT.into(), String::new());
        let whole = (0, 0);
        let (methods, path, places): (Vec<String>, String, Vec<Span>) = match file {
            NextFile::Page(path) => (vec!["GET".into()], path, vec![whole]),
            NextFile::Api(path) => (vec!["*".into()], path, vec![whole]),
            NextFile::Handler(path) => {
                let exported = |name: &str| {
                    name.chars().all(|c| c.is_ascii_uppercase()) && METHODS.contains(&&*name.to_lowercase())
                };
                let mut found = Vec::new();
                for statement in &program.body {
                    match statement {
                        Statement::ExportDeclaration(export) => match &export.declaration {
                            Declaration::FunctionDeclaration(function) => {
                                found.extend(function.id.as_ref().map(|id| (id.name.to_string(), span(id))));
                            }
                            Declaration::VariableDeclaration(variables) => {
                                for variable in &variables.declarations {
                                    names_in(&variable.id, &mut found);
                                }
                            }
                            _ => {}
                        },
                        Statement::ExportNamedDeclaration(export) => {
                            found.extend(
                                export.specifiers.iter().map(|one| (one.exported.name().to_string(), span(one))),
                            );
                        }
                        Statement::ExportFromDeclaration(export) => {
                            found.extend(
                                export.specifiers.iter().map(|one| (one.exported.name().to_string(), span(one))),
                            );
                        }
                        _ => {}
                    }
                }
                found.retain(|(name, _)| exported(name));
                let (methods, places) = found.into_iter().unzip();
                (methods, path, places)
            }
        };
        for (method, at) in methods.into_iter().zip(places) {
            let (router, path) = (NEXT.to_string(), path.clone());
            self.facts.routes.push(Declared { router, methods: vec![method], path, handler: None, at });
        }
    }
}

fn names_in(pattern: &BindingPattern<'_>, found: &mut Vec<(String, Span)>) {
    match pattern {
        BindingPattern::BindingIdentifier(id) => found.push((id.name.to_string(), span(&**id))),
        BindingPattern::ObjectPattern(object) => {
            for property in &object.properties {
                if let BindingPattern::BindingIdentifier(id) = &property.value {
                    found.push((id.name.to_string(), span(&**id)));
                }
            }
        }
        _ => {}
    }
}

fn has_key(options: &Expression<'_>, wanted: &str) -> bool {
    let Expression::ObjectExpression(options) = options.get_inner_expression() else { return false };
    options.properties.iter().any(|property| match property {
        ObjectPropertyKind::ObjectProperty(one) => one.key.static_name().as_deref() == Some(wanted),
        ObjectPropertyKind::SpreadProperty(_) => false,
    })
}

/// The name of what handles a route, if it has one.
fn handler(call: &CallExpression<'_>) -> Option<String> {
    match call.arguments.last()?.as_expression()?.get_inner_expression() {
        Expression::Identifier(name) => Some(name.name.to_string()),
        Expression::StaticMemberExpression(member) => match &member.object {
            Expression::Identifier(object) => Some(format!("{}.{}", object.name, member.property.name)),
            _ => None,
        },
        _ => None,
    }
}

fn last_name(expression: &Expression<'_>) -> Option<String> {
    match expression {
        Expression::Identifier(name) => Some(name.name.to_string()),
        Expression::StaticMemberExpression(member) => Some(member.property.name.to_string()),
        _ => None,
    }
}

fn required(expression: &Expression<'_>) -> Option<String> {
    match expression.get_inner_expression() {
        Expression::CallExpression(call) => required_call(call),
        _ => None,
    }
}

fn required_call(call: &CallExpression<'_>) -> Option<String> {
    match (&call.callee, call.arguments.first()) {
        (Expression::Identifier(name), Some(Argument::StringLiteral(source))) if name.name == "require" => {
            Some(source.value.to_string())
        }
        _ => None,
    }
}

fn convert(path: &str) -> String {
    paths::from_colons(path)
}

/// The text without spaces: what stays the same when it is laid out anew.
fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
