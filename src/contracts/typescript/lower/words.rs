//! Names and literals as one writes them, and source text without what means nothing.

use oxc_ast::ast::{BindingPattern, Expression, TSLiteral, TSTypeName, UnaryOperator};

use crate::contracts::typescript::shape::Label;

pub(super) fn type_name(name: &TSTypeName<'_>) -> String {
    let mut parts = Vec::new();
    let mut at = name;
    loop {
        match at {
            TSTypeName::IdentifierReference(name) => {
                parts.push(name.name.to_string());
                break;
            }
            TSTypeName::QualifiedName(name) => {
                parts.push(name.right.name.to_string());
                at = &name.left;
            }
            TSTypeName::ThisExpression(_) => {
                parts.push("this".into());
                break;
            }
        }
    }
    parts.reverse();
    parts.join(".")
}

pub(super) fn expression_name(expression: &Expression<'_>) -> String {
    let mut parts = Vec::new();
    let mut at = expression;
    loop {
        match at {
            Expression::Identifier(name) => {
                parts.push(name.name.to_string());
                break;
            }
            Expression::StaticMemberExpression(member) => {
                parts.push(member.property.name.to_string());
                at = &member.object;
            }
            _ => {
                parts.push("(computed)".into());
                break;
            }
        }
    }
    parts.reverse();
    parts.join(".")
}

pub(super) fn pattern_name(pattern: &BindingPattern<'_>) -> Label {
    Label(match pattern {
        BindingPattern::BindingIdentifier(id) => id.name.to_string(),
        BindingPattern::ObjectPattern(_) => "{…}".into(),
        BindingPattern::ArrayPattern(_) => "[…]".into(),
        BindingPattern::AssignmentPattern(inner) => return pattern_name(&inner.left),
    })
}

/// A literal as one writes it, from an expression that is one.
pub(super) fn literal(expression: &Expression<'_>) -> Option<String> {
    Some(match expression {
        Expression::StringLiteral(text) => quote(&text.value),
        Expression::NumericLiteral(number) => number.value.to_string(),
        Expression::BooleanLiteral(truth) => truth.value.to_string(),
        Expression::BigIntLiteral(number) => format!("{}n", number.value),
        Expression::TemplateLiteral(template) if template.expressions.is_empty() => {
            quote(template.quasis.first()?.value.cooked.as_deref()?)
        }
        Expression::UnaryExpression(unary) if unary.operator == UnaryOperator::UnaryNegation => match &unary.argument {
            Expression::NumericLiteral(number) => (-number.value).to_string(),
            Expression::BigIntLiteral(number) => format!("-{}n", number.value),
            _ => return None,
        },
        _ => return None,
    })
}

pub(super) fn type_literal(literal: &TSLiteral<'_>) -> Option<String> {
    Some(match literal {
        TSLiteral::BooleanLiteral(truth) => truth.value.to_string(),
        TSLiteral::NumericLiteral(number) => number.value.to_string(),
        TSLiteral::BigIntLiteral(number) => format!("{}n", number.value),
        TSLiteral::StringLiteral(text) => quote(&text.value),
        TSLiteral::TemplateLiteral(template) if template.expressions.is_empty() => {
            quote(template.quasis.first()?.value.cooked.as_deref()?)
        }
        TSLiteral::UnaryExpression(unary) if unary.operator == UnaryOperator::UnaryNegation => match &unary.argument {
            Expression::NumericLiteral(number) => (-number.value).to_string(),
            Expression::BigIntLiteral(number) => format!("-{}n", number.value),
            _ => return None,
        },
        _ => return None,
    })
}

pub(super) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Source text without comments and without the spaces that mean nothing.
pub(super) fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut gap = false;
    while let Some(next) = rest.next() {
        match next {
            '/' if rest.peek() == Some(&'/') => {
                while rest.peek().is_some_and(|next| *next != '\n') {
                    rest.next();
                }
                gap = true;
            }
            '/' if rest.peek() == Some(&'*') => {
                rest.next();
                let mut star = false;
                for inside in rest.by_ref() {
                    if star && inside == '/' {
                        break;
                    }
                    star = inside == '*';
                }
                gap = true;
            }
            space if space.is_whitespace() => gap = true,
            other => {
                let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
                if std::mem::take(&mut gap) && word(other) && out.chars().next_back().is_some_and(word) {
                    out.push(' ');
                }
                out.push(other);
                if matches!(other, '"' | '\'' | '`') {
                    let mut escaped = false;
                    for inside in rest.by_ref() {
                        out.push(inside);
                        if !escaped && inside == other {
                            break;
                        }
                        escaped = !escaped && inside == '\\';
                    }
                }
            }
        }
    }
    while out.ends_with([';', ',']) {
        out.pop();
    }
    out
}

/// The words of a text that could be names of types.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut found: Vec<String> = text
        .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$' || c == '.'))
        .filter(|word| word.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '$'))
        .map(str::to_string)
        .collect();
    found.sort();
    found.dedup();
    found
}
