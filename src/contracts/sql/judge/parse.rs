//! From the words of a statement to its tree, in whatever dialect reads it.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use sqlparser::ast::Statement as Tree;
use sqlparser::dialect::{GenericDialect, MsSqlDialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;

use crate::contracts::sql::Dialect;
use crate::contracts::sql::split::{Kind as TokenKind, Statement, Token, split};

/// The largest statement that is parsed; data that is loaded can be larger and is only scanned.
const MOST_BYTES: usize = 256 << 10;

/// How deep an expression may be nested.
const MOST_DEPTH: usize = 48;

/// The trees of a statement, or nothing if no dialect reads it.
pub(super) fn parse(dialect: Dialect, text: &str) -> Option<Vec<Tree>> {
    if text.len() > MOST_BYTES {
        return None;
    }
    let with = |dialect: &dyn sqlparser::dialect::Dialect| {
        let read = || {
            let parser = Parser::new(dialect).with_recursion_limit(MOST_DEPTH);
            parser.try_with_sql(text).and_then(|mut parser| parser.parse_statements()).ok()
        };
        // A parser of a language this size may trip: then the statement is one that could not be read.
        catch_unwind(AssertUnwindSafe(read)).ok().flatten().filter(|trees| !trees.is_empty())
    };
    let first = match dialect {
        Dialect::Auto | Dialect::Postgres => with(&PostgreSqlDialect {}),
        Dialect::Mysql => with(&MySqlDialect {}),
        Dialect::Sqlite => with(&SQLiteDialect {}),
        Dialect::Mssql => with(&MsSqlDialect {}),
    };
    first.or_else(|| with(&GenericDialect {}))
}

/// The statement without words that the parser does not know and that do not change what it does.
pub(super) fn readable<'t>(statement: &Statement, text: &'t str) -> Cow<'t, str> {
    let word = statement.tokens.get(2).filter(|token| token.text == "CONCURRENTLY");
    match (statement.word(0), statement.word(1), word) {
        ("DROP", "INDEX", Some(word)) => {
            let start = word.start.saturating_sub(statement.start);
            let mut kept = text.get(..start).unwrap_or_default().to_string();
            kept.push_str(text.get(start + word.text.len()..).unwrap_or_default());
            kept.into()
        }
        _ => text.into(),
    }
}

/// The tokens of the code that stands in a statement's strings, and in the strings of that.
pub(super) fn inside(statement: &Statement) -> Vec<Token> {
    const MOST: usize = 100_000;
    let mut found: Vec<Token> = Vec::new();
    let mut layer: Vec<Token> = statement.tokens.clone();
    for _ in 0..3 {
        let strings = layer.iter().filter(|token| token.kind == TokenKind::String && token.text.len() > 6);
        let next: Vec<Token> = strings
            .flat_map(|token| {
                let inner = token.text.trim_matches('\'');
                let inner = match inner.strip_prefix('$').and_then(|rest| rest.split_once('$')) {
                    Some((_, body)) => body.rsplit_once('$').map_or(body, |(body, _)| body),
                    None => inner,
                };
                split(inner).statements.into_iter().flat_map(|statement| statement.tokens)
            })
            .take(MOST)
            .collect();
        found.extend(next.iter().cloned());
        layer = next;
    }
    found
}
