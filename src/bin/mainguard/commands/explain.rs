//! `mainguard explain`: what a rule means and what to do about it.

use std::fmt::Write;

use mainguard::guards::{self, Guard};

use crate::args::ExplainArgs;
use crate::console::{Console, Hinted};

pub(crate) fn run(args: &ExplainArgs, console: &Console) -> anyhow::Result<u8> {
    let text = match args.rule.as_deref() {
        None => list(),
        Some(id) => explain(id.trim())?,
    };
    console.answer(&text)?;
    Ok(0)
}

fn list() -> String {
    let rules: Vec<_> = Guard::ALL.into_iter().flat_map(Guard::rules).collect();
    let width = rules.iter().map(|rule| rule.id.len()).max().unwrap_or_default();
    rules.iter().fold(String::new(), |mut text, rule| {
        let _ = writeln!(text, "{:width$}  {:7}  {}", rule.id, rule.level.as_str(), rule.summary);
        text
    })
}

fn explain(id: &str) -> anyhow::Result<String> {
    let Some(rule) = guards::rule(id) else {
        let ids = Guard::ALL.into_iter().flat_map(Guard::rules).map(|rule| rule.id);
        let hint = match mainguard::text::nearest(id, ids) {
            Some(known) => format!("did you mean `{known}`?"),
            None => "`mainguard explain` lists all rules".into(),
        };
        return Err(Hinted::error(format!("there is no rule `{id}`"), hint));
    };
    Ok(format!(
        "{} ({})\n{}\n\n{}\n\nConfigure it in .github/mainguard.yml:\n\n  levels:\n    {}: error   # or warning, note, off\n",
        rule.id,
        rule.level,
        rule.summary,
        wrap(rule.help, 88),
        rule.id
    ))
}

/// Paragraphs broken at spaces; indented and list lines stay as they are.
fn wrap(text: &str, width: usize) -> String {
    let mut wrapped = Vec::new();
    for line in text.lines() {
        let mut current = String::new();
        for word in line.split(' ') {
            if !current.is_empty() && current.chars().count() + 1 + word.chars().count() > width {
                wrapped.push(std::mem::take(&mut current));
            } else if !current.is_empty() {
                current.push(' ');
            }
            current.push_str(word);
        }
        wrapped.push(current);
    }
    wrapped.join("\n")
}
