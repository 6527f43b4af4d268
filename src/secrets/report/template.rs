//! Reports by a template of the user: Go's `text/template` with the functions of sprig that reports use.
//!
//! A template is written for gitleaks and works here: the list of findings is the dot, and its fields have gitleaks'
//! names. Left out are the functions that ask a clock, a random source, the network or the environment, because the
//! same leaks make the same report; using one is an error that names it.
//!
//! Templates come from a repository, so everything is bounded: steps, depth, the size of a value and of the report.
//!
//! <https://pkg.go.dev/text/template>, <https://masterminds.github.io/sprig/>

mod eval;
mod format;
mod functions;
mod lexer;
mod parser;
mod value;

use std::collections::HashMap;

use super::super::leak::Leak;
use parser::Node;

/// A template that was understood.
#[derive(Debug)]
pub struct Template {
    file: String,
    text: String,
    main: Vec<Node>,
    named: HashMap<String, Vec<Node>>,
}

/// What is wrong with a template, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct TemplateError {
    /// As the caller named it.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    hint: Option<String>,
}

impl TemplateError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}

impl Template {
    /// Reads a template; `file` is what messages call it.
    ///
    /// # Errors
    /// A syntax error, or a function or template that does not exist.
    pub fn parse(text: &str, file: &str) -> Result<Template, TemplateError> {
        let parsed = lexer::lex(text).and_then(parser::parse);
        let (main, named) = parsed.map_err(|trouble| trouble.at_place(text, file))?;
        Ok(Template { file: file.into(), text: text.into(), main, named })
    }

    /// Writes the report.
    ///
    /// # Errors
    /// A field that findings do not have, values that a function cannot take, `fail`, or a bound that was reached.
    pub fn render(&self, leaks: &[Leak]) -> Result<Vec<u8>, TemplateError> {
        eval::render(&self.main, &self.named, leaks).map_err(|trouble| trouble.at_place(&self.text, &self.file))
    }
}

/// An error before it knows lines.
#[derive(Debug)]
struct Trouble {
    at: usize,
    message: String,
    hint: Option<String>,
}

impl Trouble {
    fn new(at: usize, message: impl Into<String>) -> Trouble {
        Trouble { at, message: message.into(), hint: None }
    }

    fn hint(mut self, hint: Option<String>) -> Trouble {
        self.hint = hint;
        self
    }

    fn at_place(self, text: &str, file: &str) -> TemplateError {
        let before = text.get(..self.at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        TemplateError { file: file.into(), line, column, message: self.message, hint: self.hint }
    }
}

#[cfg(test)]
mod tests;
