//! axum: routers that are built call by call.

use std::collections::BTreeMap;

use super::graph::{Declared, Facts, Mount};
use super::paths;
use super::tokens::{Language, Token, Tokens};

const METHODS: [&str; 9] = ["get", "post", "put", "patch", "delete", "options", "head", "trace", "any"];

/// Reads one file.
pub(super) fn facts(text: &str) -> Facts {
    let tokens = Tokens::of(text, Language::Rust);
    let mut reader = Reader { text, tokens: &tokens, facts: Facts::default(), constants: BTreeMap::new() };
    reader.constants();
    reader.uses();
    reader.functions();
    reader.facts
}

struct Reader<'t> {
    text: &'t str,
    tokens: &'t Tokens,
    facts: Facts,
    constants: BTreeMap<String, String>,
}

/// One function: its name, its body, and the routers that variables of it hold.
struct Function {
    name: String,
    routers: Vec<String>,
    returns_router: bool,
}

impl Reader<'_> {
    fn slice(&self, range: (usize, usize)) -> String {
        let (start, end) = self.tokens.span(range);
        let text = self.text.get(start as usize..end as usize).unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// `const NAME: &str = "text";`
    fn constants(&mut self) {
        for at in 0..self.tokens.all.len() {
            if !(self.tokens.is_word(at, "const") || self.tokens.is_word(at, "static")) {
                continue;
            }
            let Some(name) = self.tokens.word(at + 1) else { continue };
            let equals = (at + 2..(at + 12).min(self.tokens.all.len())).find(|at| self.tokens.sign(*at, '='));
            if let Some(text) = equals.and_then(|equals| self.tokens.text((equals + 1, equals + 2))) {
                self.constants.insert(name.to_string(), text);
            }
        }
    }

    /// `use crate::users::{router as users, teams};`
    fn uses(&mut self) {
        let many = self.tokens.all.len();
        for at in (0..many).filter(|at| self.tokens.is_word(*at, "use")) {
            let end = (at..many).find(|end| self.tokens.sign(*end, ';')).unwrap_or(many);
            let mut stack: Vec<String> = Vec::new();
            let mut path = String::new();
            let mut local: Option<String> = None;
            let mut next = at + 1;
            let mut found: Vec<(String, Option<String>)> = Vec::new();
            while next < end {
                match &self.tokens.all[next].token {
                    Token::Word(word) if word == "as" => {
                        local = self.tokens.word(next + 1).map(str::to_string);
                        next += 1;
                    }
                    Token::Word(word) => {
                        if !path.is_empty() {
                            path.push_str("::");
                        }
                        path.push_str(word);
                    }
                    Token::Sign('{') => stack.push(path.clone()),
                    Token::Sign(',') => {
                        found.push((std::mem::take(&mut path), local.take()));
                        path = stack.last().cloned().unwrap_or_default();
                    }
                    Token::Sign('}') => {
                        found.push((std::mem::take(&mut path), local.take()));
                        stack.pop();
                        path = String::new();
                    }
                    _ => {}
                }
                next += 1;
            }
            found.push((path, local));
            for (path, local) in found {
                let Some((module, name)) = path.rsplit_once("::") else { continue };
                let local = local.unwrap_or_else(|| name.to_string());
                self.facts.imports.insert(local, (module.to_string(), name.to_string()));
            }
        }
    }

    fn functions(&mut self) {
        let mut at = 0;
        while at < self.tokens.all.len() {
            if self.tokens.is_word(at, "fn")
                && let Some(name) = self.tokens.word(at + 1)
            {
                let name = name.to_string();
                let many = self.tokens.all.len();
                let mut open = at + 2;
                while open < many && !self.tokens.sign(open, '{') && !self.tokens.sign(open, ';') {
                    open = match self.tokens.all[open].token {
                        Token::Sign('(' | '[') => self.tokens.all[open].close.unwrap_or(open) + 1,
                        _ => open + 1,
                    };
                }
                let close = self.tokens.all.get(open).and_then(|one| one.close);
                if let Some(close) = close.filter(|_| self.tokens.sign(open, '{')) {
                    let returns_router =
                        (at..open).any(|at| self.tokens.word(at).is_some_and(|word| word.ends_with("Router")));
                    let mut function = Function { name: name.clone(), routers: Vec::new(), returns_router };
                    self.body(&mut function, open + 1, close);
                    self.finish(function);
                    at = close;
                }
            }
            at += 1;
        }
    }

    /// A function that returns a router is the router that it builds.
    fn finish(&mut self, function: Function) {
        if !function.returns_router && !self.facts.routers.contains_key(&function.name) {
            return;
        }
        self.facts.routers.entry(function.name.clone()).or_default();
        let used: Vec<String> = self.facts.mounts.iter().map(|mount| mount.target.clone()).collect();
        for router in function.routers.iter().filter(|router| !used.contains(router)) {
            let (router, target) = (function.name.clone(), router.clone());
            let text = String::new();
            self.facts.mounts.push(Mount { router, prefix: String::new(), target, text, at: (0, 0) });
        }
    }

    fn body(&mut self, function: &mut Function, start: usize, end: usize) {
        let mut at = start;
        while at < end {
            match self.chain_start(function, at) {
                Some((router, behind)) => at = self.chain(function, &router, behind, end, 0),
                None => at += 1,
            }
        }
    }

    /// The router that a chain of calls begins with here, and the place of its first dot.
    fn chain_start(&mut self, function: &mut Function, at: usize) -> Option<(String, usize)> {
        let word = self.tokens.word(at)?;
        if at > 0 && (self.tokens.sign(at - 1, '.') || self.tokens.colons(at.saturating_sub(2)) && !self.names_axum(at))
        {
            return None;
        }
        if let Some(behind) = self.makes_router(at) {
            let owner = match self.bound_to(at) {
                Some(variable) => format!("{}/{variable}", function.name),
                None if function.returns_router => {
                    self.facts.routers.entry(function.name.clone()).or_default();
                    return Some((function.name.clone(), behind));
                }
                None => format!("{}/{}", function.name, self.tokens.all[at].span.0),
            };
            self.facts.routers.entry(owner.clone()).or_default();
            if !function.routers.contains(&owner) {
                function.routers.push(owner.clone());
            }
            return Some((owner, behind));
        }
        let variable = format!("{}/{word}", function.name);
        let known = self.facts.routers.contains_key(&variable) && self.tokens.sign(at + 1, '.');
        if !known {
            return None;
        }
        // `let b = a.route(…)`: b is a and more.
        if let Some(other) = self.bound_to(at).map(|other| format!("{}/{other}", function.name))
            && other != variable
        {
            self.facts.routers.entry(other.clone()).or_default();
            function.routers.push(other.clone());
            let (span, text) = (self.tokens.all[at].span, String::new());
            self.facts.mounts.push(Mount {
                router: other.clone(),
                prefix: String::new(),
                target: variable,
                text,
                at: span,
            });
            return Some((other, at + 1));
        }
        Some((variable, at + 1))
    }

    /// `axum::Router::new()`: what stands in front of the name is its path.
    fn names_axum(&self, at: usize) -> bool {
        at >= 3 && self.tokens.word(at - 3).is_some_and(|word| matches!(word, "axum" | "utoipa_axum" | "router"))
    }

    /// The place behind `Router::new()`, `Router::<S>::new()` or `OpenApiRouter::new()`.
    fn makes_router(&self, at: usize) -> Option<usize> {
        if !matches!(self.tokens.word(at)?, "Router" | "OpenApiRouter" | "ApiRouter") || !self.tokens.colons(at + 1) {
            return None;
        }
        let mut next = at + 3;
        if self.tokens.sign(next, '<') {
            while next < self.tokens.all.len() && !self.tokens.sign(next, '>') {
                next += 1;
            }
            next += 3;
        }
        let made = matches!(self.tokens.word(next), Some("new" | "default" | "with_openapi"));
        if !made || !self.tokens.sign(next + 1, '(') {
            return None;
        }
        self.tokens.all[next + 1].close.map(|close| close + 1)
    }

    /// The variable that is given what begins here: `let app =`, `app =`.
    fn bound_to(&self, at: usize) -> Option<String> {
        let mut start = at;
        // In front of the name its path: `axum::Router`.
        while start >= 3 && self.tokens.colons(start - 2) && self.tokens.word(start - 3).is_some() {
            start -= 3;
        }
        if start == 0 || !self.tokens.sign(start - 1, '=') {
            return None;
        }
        let mut back = start - 1;
        for _ in 0..16 {
            back = back.checked_sub(1)?;
            if self.tokens.is_word(back, "let") {
                let next = if self.tokens.is_word(back + 1, "mut") { back + 2 } else { back + 1 };
                return self.tokens.word(next).map(str::to_string);
            }
            if self.tokens.sign(back, ';') || self.tokens.sign(back, '{') || self.tokens.sign(back, '}') {
                return self.tokens.word(back + 1).map(str::to_string);
            }
        }
        None
    }

    /// The calls behind a router; returns the place behind the last.
    fn chain(&mut self, function: &mut Function, router: &str, mut at: usize, end: usize, depth: usize) -> usize {
        while at < end && self.tokens.sign(at, '.') {
            let Some(verb) = self.tokens.word(at + 1).map(str::to_string) else { break };
            let mut open = at + 2;
            if self.tokens.sign(open, '?') {
                break;
            }
            if self.tokens.colons(open) {
                while open < end && !self.tokens.sign(open, '(') {
                    open += 1;
                }
            }
            let Some(close) =
                self.tokens.all.get(open).and_then(|one| one.close).filter(|_| self.tokens.sign(open, '('))
            else {
                break;
            };
            self.call(function, router, &verb, (at + 1, open, close), depth);
            at = close + 1;
        }
        at.max(1)
    }

    fn string(&self, range: (usize, usize)) -> Option<String> {
        let start = range.0 + usize::from(self.tokens.sign(range.0, '&'));
        if let Some(text) = self.tokens.text((start, range.1)) {
            return Some(text);
        }
        match (range.1.saturating_sub(start), self.tokens.word(start)) {
            (1, Some(name)) => self.constants.get(name).cloned(),
            _ => None,
        }
    }

    fn call(
        &mut self,
        function: &mut Function,
        router: &str,
        verb: &str,
        (start, open, close): (usize, usize, usize),
        depth: usize,
    ) {
        let whole = (start, close + 1);
        let (span, text) = (self.tokens.span(whole), self.slice(whole));
        let arguments = self.tokens.arguments(open);
        match (verb, arguments.as_slice()) {
            ("route" | "route_service" | "api_route" | "typed_route", [path, rest @ ..]) => match self.string(*path) {
                Some(path) => {
                    let (methods, handler) = rest.first().map_or((Vec::new(), None), |range| self.methods(*range));
                    let methods = if methods.is_empty() { vec!["*".to_string()] } else { methods };
                    let (router, path) = (router.to_string(), strict(&path));
                    self.facts.routes.push(Declared { router, methods, path, handler, at: span });
                }
                None => self.facts.unclear.push((text, span)),
            },
            ("nest" | "nest_api_service", [prefix, inner]) => {
                match (self.string(*prefix), self.target(function, *inner, depth)) {
                    (Some(prefix), Some(target)) => {
                        let (router, prefix) = (router.to_string(), strict(&prefix));
                        self.facts.mounts.push(Mount { router, prefix, target, text, at: span });
                    }
                    _ => self.facts.unclear.push((text, span)),
                }
            }
            ("merge", [inner]) => match self.target(function, *inner, depth) {
                Some(target) => {
                    let (router, prefix) = (router.to_string(), String::new());
                    self.facts.mounts.push(Mount { router, prefix, target, text, at: span });
                }
                None => self.facts.unclear.push((text, span)),
            },
            ("nest_service", [prefix, _]) => match self.string(*prefix) {
                Some(prefix) => {
                    let (router, path) = (router.to_string(), format!("{}/{{*}}", strict(&prefix)));
                    self.facts.routes.push(Declared {
                        router,
                        methods: vec!["*".into()],
                        path,
                        handler: None,
                        at: span,
                    });
                }
                None => self.facts.unclear.push((text, span)),
            },
            _ => {}
        }
    }

    /// `get(list).post(create)`: the methods, and the first function that answers.
    fn methods(&self, (start, end): (usize, usize)) -> (Vec<String>, Option<String>) {
        let (mut methods, mut handler) = (Vec::new(), None);
        let mut at = start;
        while at < end {
            if let Some(word) = self.tokens.word(at)
                && self.tokens.sign(at + 1, '(')
            {
                let bare = word.strip_suffix("_service").or_else(|| word.strip_suffix("_with")).unwrap_or(word);
                if METHODS.contains(&bare) {
                    methods.push(if bare == "any" { "*".to_string() } else { bare.to_uppercase() });
                    let first = self.tokens.arguments(at + 1).into_iter().next();
                    handler = handler.or_else(|| first.map(|range| self.slice(range)).filter(|name| name.len() < 100));
                } else if bare == "on" {
                    let filter = self.tokens.arguments(at + 1).into_iter().next().map(|range| self.slice(range));
                    let filter = filter.unwrap_or_default();
                    let named = filter.split('|').filter_map(|part| part.rsplit("::").next());
                    methods.extend(named.map(|name| name.trim().to_uppercase()));
                }
            }
            at = self.tokens.all[at].close.map_or(at + 1, |close| close + 1);
        }
        (methods, handler)
    }

    /// What is mounted: a variable, a function of this file or another, or a router that is built on the spot.
    fn target(&mut self, function: &mut Function, (start, end): (usize, usize), depth: usize) -> Option<String> {
        const MOST_DEPTH: usize = 32;
        if depth > MOST_DEPTH {
            return None;
        }
        if let Some(first) = (start..end.min(start + 6)).find(|at| self.makes_router(*at).is_some()) {
            let behind = self.makes_router(first)?;
            let owner = format!("{}/{}", function.name, self.tokens.all[first].span.0);
            self.facts.routers.entry(owner.clone()).or_default();
            self.chain(function, &owner, behind, end, depth + 1);
            return Some(owner);
        }
        let mut at = start;
        let mut names: Vec<String> = Vec::new();
        while let Some(word) = self.tokens.word(at) {
            names.push(word.to_string());
            at += 1;
            if !self.tokens.colons(at) {
                break;
            }
            at += 2;
        }
        let name = names.pop()?;
        if names.is_empty() {
            let variable = format!("{}/{name}", function.name);
            if self.facts.routers.contains_key(&variable) {
                return Some(variable);
            }
            return Some(name);
        }
        // `users::router()`: a path of modules is an import on the spot.
        let source = match self
            .facts
            .imports
            .get(&names[0])
            .filter(|_| !matches!(names[0].as_str(), "crate" | "self" | "super"))
        {
            Some((module, there)) => {
                let mut parts = vec![module.clone(), there.clone()];
                parts.extend(names[1..].iter().cloned());
                parts.join("::")
            }
            None => names.join("::"),
        };
        let local = format!("{source}::{name}");
        self.facts.imports.insert(local.clone(), (source, name));
        Some(local)
    }
}

/// axum tells `/a` from `/a/`; older versions write `:id` and `*rest`.
fn strict(path: &str) -> String {
    let slash = path.len() > 1 && path.ends_with('/');
    let made = paths::from_colons(path);
    if slash { format!("{made}/") } else { made }
}
