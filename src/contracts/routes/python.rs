//! FastAPI: routers, their decorators, and where they are included.

use std::collections::BTreeMap;

use super::graph::{Declared, Facts, Mount};
use super::paths;
use super::tokens::{Language, Tokens};

const METHODS: [&str; 8] = ["get", "post", "put", "patch", "delete", "options", "head", "trace"];

/// Reads one file.
pub(super) fn facts(text: &str) -> Facts {
    let tokens = Tokens::of(text, Language::Python);
    let mut reader = Reader { text, tokens: &tokens, facts: Facts::default(), constants: BTreeMap::new() };
    reader.imports();
    reader.names();
    reader.calls();
    reader.facts
}

struct Reader<'t> {
    text: &'t str,
    tokens: &'t Tokens,
    facts: Facts,
    constants: BTreeMap<String, String>,
}

impl Reader<'_> {
    fn slice(&self, range: (usize, usize)) -> String {
        let (start, end) = self.tokens.span(range);
        let text = self.text.get(start as usize..end as usize).unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// A dotted name from a place on, and the place behind it.
    fn dotted(&self, mut at: usize) -> (String, usize) {
        let mut name = String::new();
        while let Some(word) = self.tokens.word(at) {
            name.push_str(word);
            at += 1;
            if self.tokens.sign(at, '.') && self.tokens.word(at + 1).is_some() {
                name.push('.');
                at += 1;
            } else {
                break;
            }
        }
        (name, at)
    }

    fn imports(&mut self) {
        let many = self.tokens.all.len();
        let mut at = 0;
        while at < many {
            let first = at == 0 || matches!(self.tokens.all[at - 1].token, super::tokens::Token::Line);
            if self.tokens.is_word(at, "import") && first {
                let (module, mut next) = self.dotted(at + 1);
                let mut local = module.clone();
                if self.tokens.is_word(next, "as") {
                    local = self.tokens.word(next + 1).unwrap_or_default().to_string();
                    next += 2;
                }
                self.facts.imports.insert(local, (module, "*".into()));
                at = next;
            } else if self.tokens.is_word(at, "from") && first {
                let mut next = at + 1;
                let mut source = String::new();
                while self.tokens.sign(next, '.') {
                    source.push('.');
                    next += 1;
                }
                if !self.tokens.is_word(next, "import") {
                    let (module, behind) = self.dotted(next);
                    source.push_str(&module);
                    next = behind;
                }
                next += 1;
                if self.tokens.sign(next, '(') {
                    next += 1;
                }
                while let Some(name) = self.tokens.word(next) {
                    let (name, mut local) = (name.to_string(), name.to_string());
                    next += 1;
                    if self.tokens.is_word(next, "as") {
                        local = self.tokens.word(next + 1).unwrap_or_default().to_string();
                        next += 2;
                    }
                    self.facts.imports.insert(local, (source.clone(), name));
                    if !self.tokens.sign(next, ',') {
                        break;
                    }
                    next += 1;
                }
                at = next;
            }
            at += 1;
        }
    }

    /// `NAME = "text"` and `NAME = APIRouter(…)`.
    fn names(&mut self) {
        for at in 0..self.tokens.all.len() {
            let Some(name) = self.tokens.word(at) else { continue };
            // `name: APIRouter = …` as well.
            let mut equals = at + 1;
            if self.tokens.sign(equals, ':') {
                equals = self.dotted(equals + 1).1;
            }
            if !self.tokens.sign(equals, '=') || self.tokens.sign(equals + 1, '=') {
                continue;
            }
            if let Some(text) = self.tokens.text((equals + 1, equals + 2)) {
                self.constants.insert(name.to_string(), text);
                continue;
            }
            let (made, open) = self.dotted(equals + 1);
            if !self.tokens.sign(open, '(') {
                continue;
            }
            let prefix = match made.rsplit('.').next().unwrap_or_default() {
                "APIRouter" => self.keyword(open, "prefix"),
                "FastAPI" => Some(Some(String::new())),
                _ => continue,
            };
            match prefix {
                Some(None) => {
                    let range = (at, self.tokens.all[open].close.map_or(open + 1, |close| close + 1));
                    self.facts.unclear.push((self.slice(range), self.tokens.span(range)));
                    self.facts.routers.insert(name.to_string(), String::new());
                }
                Some(Some(prefix)) => {
                    self.facts.routers.insert(name.to_string(), paths::from_fastapi(&prefix));
                }
                None => {
                    self.facts.routers.insert(name.to_string(), String::new());
                }
            }
        }
    }

    /// A keyword argument: nothing if it is not given, `Some(None)` if it is computed.
    fn keyword(&self, open: usize, wanted: &str) -> Option<Option<String>> {
        let given = self
            .tokens
            .arguments(open)
            .into_iter()
            .find(|(start, _)| self.tokens.is_word(*start, wanted) && self.tokens.sign(start + 1, '='))?;
        Some(self.string((given.0 + 2, given.1)))
    }

    fn string(&self, range: (usize, usize)) -> Option<String> {
        if let Some(text) = self.tokens.text(range) {
            return Some(text);
        }
        match (range.1 - range.0, self.tokens.word(range.0)) {
            (1, Some(name)) => self.constants.get(name).cloned(),
            _ => None,
        }
    }

    fn list(&self, open: usize, wanted: &str) -> Vec<String> {
        let given = self
            .tokens
            .arguments(open)
            .into_iter()
            .find(|(start, _)| self.tokens.is_word(*start, wanted) && self.tokens.sign(start + 1, '='));
        let Some((start, _)) = given else { return vec!["GET".into()] };
        let items = self.tokens.arguments(start + 2).into_iter().filter_map(|item| self.string(item));
        items.map(|item| item.to_uppercase()).collect()
    }

    fn calls(&mut self) {
        for open in 0..self.tokens.all.len() {
            if !self.tokens.sign(open, '(') || open < 3 || !self.tokens.sign(open - 2, '.') {
                continue;
            }
            let (Some(verb), Some(_)) = (self.tokens.word(open - 1), self.tokens.word(open - 3)) else { continue };
            let mut start = open - 3;
            while start >= 2 && self.tokens.sign(start - 1, '.') && self.tokens.word(start - 2).is_some() {
                start -= 2;
            }
            let router = self.dotted(start).0;
            let router = router.rsplit_once('.').map_or(router.clone(), |(router, _)| router.to_string());
            let decorates = start > 0 && self.tokens.sign(start - 1, '@');
            let first = router.split('.').next().unwrap_or_default();
            if !self.facts.routers.contains_key(&router) && !self.facts.imports.contains_key(first) {
                continue;
            }
            let verb = verb.to_string();
            self.call(&router, &verb, open, decorates);
        }
    }

    fn call(&mut self, router: &str, verb: &str, open: usize, decorates: bool) {
        let arguments = self.tokens.arguments(open);
        let positional =
            |number: usize| arguments.get(number).copied().filter(|(start, _)| !self.tokens.sign(start + 1, '='));
        let close = self.tokens.all[open].close.unwrap_or(open);
        let whole = (open - 1, close + 1);
        let path = || match positional(0) {
            Some(range) => Some(self.string(range)),
            None => self.keyword(open, "path"),
        };
        let methods = match verb {
            _ if METHODS.contains(&verb) && decorates => vec![verb.to_uppercase()],
            "api_route" if decorates => self.list(open, "methods"),
            "add_api_route" => self.list(open, "methods"),
            "websocket" if decorates => vec!["WEBSOCKET".into()],
            "include_router" | "mount" => {
                let at = usize::from(verb == "mount");
                let target = positional(at).map(|range| self.slice(range));
                let prefix = match verb {
                    "mount" => positional(0).map(|range| self.string(range)),
                    _ => self.keyword(open, "prefix"),
                };
                let (span, text) = (self.tokens.span(whole), self.slice(whole));
                match (target, prefix) {
                    (Some(target), None) => {
                        let (router, prefix) = (router.to_string(), String::new());
                        self.facts.mounts.push(Mount { router, prefix, target, text, at: span });
                    }
                    (Some(target), Some(Some(prefix))) => {
                        let (router, prefix) = (router.to_string(), paths::from_fastapi(&prefix));
                        self.facts.mounts.push(Mount { router, prefix, target, text, at: span });
                    }
                    _ => self.facts.unclear.push((text, span)),
                }
                return;
            }
            _ => return,
        };
        let span = self.tokens.span(whole);
        match path() {
            Some(Some(path)) => {
                let handler = match verb {
                    "add_api_route" => positional(1).map(|range| self.slice(range)),
                    _ => self.defined_behind(close),
                };
                let (router, path) = (router.to_string(), paths::from_fastapi(&path));
                self.facts.routes.push(Declared { router, methods, path, handler, at: span });
            }
            _ => self.facts.unclear.push((self.slice(whole), span)),
        }
    }

    /// The function that a decorator stands in front of.
    fn defined_behind(&self, close: usize) -> Option<String> {
        const MOST: usize = 400;
        let end = (close + MOST).min(self.tokens.all.len());
        let found = (close..end).find(|at| self.tokens.is_word(*at, "def"))?;
        self.tokens.word(found + 1).map(str::to_string)
    }
}
