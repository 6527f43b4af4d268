//! Maven's `ComparableVersion` as its specification tells it
//! (<https://maven.apache.org/pom.html#Version_Order_Specification>).

use std::cmp::Ordering;

use super::{digits, is_number};

#[derive(Debug)]
struct Token {
    /// What stands before it: a dot, or a dash (also between a word and a number).
    dash: bool,
    text: String,
}

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (tokens(a), tokens(b));
    for index in 0..a.len().max(b.len()) {
        let order = match (a.get(index), b.get(index)) {
            (Some(a), Some(b)) => one(a, b),
            (Some(a), None) => one(a, &padding(a)),
            (None, Some(b)) => one(&padding(b), b),
            (None, None) => Ordering::Equal,
        };
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// What a missing token counts as, beside one that is there.
fn padding(token: &Token) -> Token {
    let number = is_number(&token.text);
    Token { dash: token.dash, text: if number { "0".into() } else { String::new() } }
}

fn one(a: &Token, b: &Token) -> Ordering {
    let kind = |token: &Token| match (is_number(&token.text), token.dash) {
        // A qualifier by a dot or a dash is a word; a number by a dash begins a list of its own.
        (false, _) => 0,
        (true, true) => 1,
        (true, false) => 2,
    };
    match (is_number(&a.text), is_number(&b.text)) {
        (true, true) if a.dash == b.dash => digits(&a.text, &b.text),
        (false, false) => words(&a.text, &b.text).then_with(|| a.dash.cmp(&b.dash)),
        _ => kind(a).cmp(&kind(b)),
    }
}

fn words(a: &str, b: &str) -> Ordering {
    let known = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];
    let rank = |word: &str| known.iter().position(|known| *known == word).unwrap_or(known.len());
    rank(a).cmp(&rank(b)).then_with(|| if rank(a) == known.len() { a.cmp(b) } else { Ordering::Equal })
}

fn tokens(version: &str) -> Vec<Token> {
    let version = version.to_lowercase();
    let mut tokens: Vec<Token> = Vec::new();
    let mut dash = false;
    let mut rest = version.as_str();
    let mut open = true;
    while let Some(first) = rest.chars().next() {
        if first == '.' || first == '-' {
            // Between two separators stands a zero.
            if open {
                tokens.push(Token { dash, text: "0".into() });
            }
            (dash, open) = (first != '.', true);
            rest = &rest[1..];
            continue;
        }
        let digit = first.is_ascii_digit();
        if !open {
            dash = true;
        }
        let separator = |c: char| c == '.' || c == '-';
        let end = rest.find(|c: char| c.is_ascii_digit() != digit || separator(c)).unwrap_or(rest.len());
        let word = &rest[..end];
        rest = &rest[end..];
        let before_digit = !digit && rest.starts_with(|c: char| c.is_ascii_digit());
        let text = match word {
            "a" if before_digit => "alpha",
            "b" if before_digit => "beta",
            "m" if before_digit => "milestone",
            "ga" | "final" | "release" => "",
            "cr" => "rc",
            word => word,
        };
        tokens.push(Token { dash, text: text.into() });
        open = false;
    }
    trim(&mut tokens);
    tokens
}

/// Takes away what says nothing: zeros and empty words at the end, and before each dash.
fn trim(tokens: &mut Vec<Token>) {
    let empty =
        |token: &Token| token.text.is_empty() || (is_number(&token.text) && token.text.bytes().all(|it| it == b'0'));
    let mut at = tokens.len();
    while at > 0 {
        let end = at == tokens.len() || tokens[at].dash;
        if end && empty(&tokens[at - 1]) && at > 1 {
            tokens.remove(at - 1);
        }
        at -= 1;
    }
}
