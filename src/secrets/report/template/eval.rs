//! A template brought together with findings.

use std::collections::HashMap;
use std::rc::Rc;

use super::super::super::leak::Leak;
use super::parser::{Block, Command, Expr, ExprKind, Node, NodeKind, Pipe};
use super::value::Value;
use super::{Trouble, format, functions};

/// A report larger than this is a loop that somebody did not mean.
const MAX_OUTPUT: usize = 512 << 20;

/// Nodes and functions that may be evaluated.
const MAX_STEPS: usize = 200_000_000;

/// Blocks, templates and parentheses within each other.
const MAX_DEPTH: usize = 200;

pub(super) fn render(main: &[Node], named: &HashMap<String, Vec<Node>>, leaks: &[Leak]) -> Result<Vec<u8>, Trouble> {
    let dot = Value::List(leaks.iter().map(|leak| Value::Leak(Rc::new(leak.clone()))).collect());
    let mut run = Run { named, out: Vec::new(), variables: vec![(String::new(), dot.clone())], steps: 0, depth: 0 };
    run.nodes(main, &dot)?;
    Ok(run.out)
}

struct Run<'a> {
    named: &'a HashMap<String, Vec<Node>>,
    out: Vec<u8>,
    variables: Vec<(String, Value)>,
    steps: usize,
    depth: usize,
}

/// What a list of nodes ended with.
#[derive(PartialEq)]
enum Flow {
    On,
    Break,
    Continue,
}

impl Run<'_> {
    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow, Trouble> {
        let known = self.variables.len();
        for node in nodes {
            self.step(node.at)?;
            let flow = match &node.kind {
                NodeKind::Text(text) => self.write(node.at, text.as_bytes())?,
                NodeKind::Action(pipe) => {
                    let value = self.pipe(pipe, dot)?;
                    match (&value, pipe.variables.is_empty()) {
                        (_, false) => Flow::On,
                        (Value::Nil, true) => self.write(node.at, b"<no value>")?,
                        (Value::Text(text), true) => self.write(node.at, text)?,
                        (value, true) => {
                            let text = format::plain(value).map_err(|message| Trouble::new(node.at, message))?;
                            self.write(node.at, &text)?
                        }
                    }
                }
                NodeKind::Block { block: Block::Range, pipe, body, otherwise } => {
                    self.range(node.at, pipe, body, otherwise, dot)?
                }
                NodeKind::Block { block, pipe, body, otherwise } => {
                    let around = self.variables.len();
                    let value = self.pipe(pipe, dot)?;
                    let flow = match (value.is_true(), block) {
                        (true, Block::With) => self.deeper(node.at, |run| run.nodes(body, &value))?,
                        (true, _) => self.deeper(node.at, |run| run.nodes(body, dot))?,
                        (false, _) => self.deeper(node.at, |run| run.nodes(otherwise, dot))?,
                    };
                    self.variables.truncate(around);
                    flow
                }
                NodeKind::Template { name, pipe } => {
                    let value = match pipe {
                        Some(pipe) => self.pipe(pipe, dot)?,
                        None => Value::Nil,
                    };
                    let named = self.named;
                    let nodes = named.get(name).map_or(&[][..], Vec::as_slice);
                    // A template sees its own dot and no variable of its caller.
                    let around = std::mem::replace(&mut self.variables, vec![(String::new(), value.clone())]);
                    self.deeper(node.at, |run| run.nodes(nodes, &value))?;
                    self.variables = around;
                    Flow::On
                }
                NodeKind::Break => Flow::Break,
                NodeKind::Continue => Flow::Continue,
            };
            if flow != Flow::On {
                self.variables.truncate(known);
                return Ok(flow);
            }
        }
        self.variables.truncate(known);
        Ok(Flow::On)
    }

    fn range(
        &mut self,
        at: usize,
        pipe: &Pipe,
        body: &[Node],
        otherwise: &[Node],
        dot: &Value,
    ) -> Result<Flow, Trouble> {
        let known = self.variables.len();
        let value = self.commands(pipe, dot)?;
        let items: Vec<(Value, Value)> = match &value {
            Value::Nil => Vec::new(),
            Value::List(items) => (0..).map(Value::Int).zip(items.iter().cloned()).collect(),
            Value::Dict(entries) => {
                entries.borrow().iter().map(|(key, value)| (Value::text(key), value.clone())).collect()
            }
            Value::Int(number) => {
                let number = usize::try_from(*number).unwrap_or(0);
                if number > functions::MAX_ELEMENTS {
                    return Err(Trouble::new(at, format!("a range of more than {}", functions::MAX_ELEMENTS)));
                }
                (0..number as i64).map(|number| (Value::Int(number), Value::Int(number))).collect()
            }
            other => return Err(Trouble::new(at, format!("`range` cannot go through {}", other.what()))),
        };
        if items.is_empty() {
            let flow = self.deeper(at, |run| run.nodes(otherwise, dot))?;
            self.variables.truncate(known);
            return Ok(flow);
        }
        for (key, item) in items {
            self.step(at)?;
            match pipe.variables.as_slice() {
                [one] => self.set(pipe, [(one, item.clone())]),
                [one, two] => self.set(pipe, [(one, key), (two, item.clone())]),
                _ => {}
            }
            let flow = self.deeper(at, |run| run.nodes(body, &item))?;
            self.variables.truncate(known);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::On)
    }

    /// A pipeline, and the variable that takes its value.
    fn pipe(&mut self, pipe: &Pipe, dot: &Value) -> Result<Value, Trouble> {
        let value = self.commands(pipe, dot)?;
        if let Some(name) = pipe.variables.first() {
            self.set(pipe, [(name, value.clone())]);
        }
        Ok(value)
    }

    fn set<'v>(&mut self, pipe: &Pipe, values: impl IntoIterator<Item = (&'v String, Value)>) {
        for (name, value) in values {
            let known = self.variables.iter_mut().rev().find(|(known, _)| known == name);
            match known {
                Some((_, place)) if pipe.assign => *place = value,
                _ => self.variables.push((name.clone(), value)),
            }
        }
    }

    fn commands(&mut self, pipe: &Pipe, dot: &Value) -> Result<Value, Trouble> {
        let mut piped = None;
        for command in &pipe.commands {
            piped = Some(self.command(command, dot, piped)?);
        }
        Ok(piped.unwrap_or(Value::Nil))
    }

    fn command(&mut self, command: &Command, dot: &Value, piped: Option<Value>) -> Result<Value, Trouble> {
        let Some((first, rest)) = command.words.split_first() else { return Ok(Value::Nil) };
        let ExprKind::Function(name) = &first.kind else {
            return match rest.first() {
                None => self.value(first, dot),
                Some(extra) => Err(Trouble::new(extra.at, "only a function can take arguments")),
            };
        };
        self.step(first.at)?;
        if matches!(&**name, "and" | "or") {
            return self.until(name == "and", first.at, rest, dot, piped);
        }
        let mut arguments = Vec::with_capacity(rest.len() + 1);
        for word in rest {
            arguments.push(self.value(word, dot)?);
        }
        arguments.extend(piped);
        functions::call(name, &arguments).map_err(|message| Trouble::new(first.at, message))
    }

    /// `and` and `or` stop at the first value that decides.
    fn until(
        &mut self,
        all: bool,
        at: usize,
        words: &[Expr],
        dot: &Value,
        piped: Option<Value>,
    ) -> Result<Value, Trouble> {
        let mut last = None;
        for word in words {
            let value = self.value(word, dot)?;
            if value.is_true() != all {
                return Ok(value);
            }
            last = Some(value);
        }
        piped.or(last).ok_or_else(|| Trouble::new(at, "`and` and `or` need a value"))
    }

    fn value(&mut self, expr: &Expr, dot: &Value) -> Result<Value, Trouble> {
        let mut value = match &expr.kind {
            ExprKind::Dot => dot.clone(),
            ExprKind::Nil => Value::Nil,
            ExprKind::Literal(literal) => literal.value(),
            ExprKind::Variable(name) => {
                let known = self.variables.iter().rev().find(|(known, _)| known == name);
                known.map_or(Value::Nil, |(_, value)| value.clone())
            }
            ExprKind::Function(name) => {
                self.step(expr.at)?;
                functions::call(name, &[]).map_err(|message| Trouble::new(expr.at, message))?
            }
            ExprKind::Pipe(pipe) => self.deeper(expr.at, |run| run.pipe(pipe, dot))?,
        };
        for field in &expr.fields {
            value = value.field(field).map_err(|(message, hint)| Trouble::new(expr.at, message).hint(hint))?;
        }
        Ok(value)
    }

    fn step(&mut self, at: usize) -> Result<(), Trouble> {
        self.steps += 1;
        match self.steps > MAX_STEPS {
            true => Err(Trouble::new(at, "the template takes too many steps")),
            false => Ok(()),
        }
    }

    fn deeper<T>(&mut self, at: usize, inner: impl FnOnce(&mut Self) -> Result<T, Trouble>) -> Result<T, Trouble> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let hint = "does a template call itself without an end?";
            return Err(Trouble::new(at, format!("more than {MAX_DEPTH} levels")).hint(Some(hint.into())));
        }
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn write(&mut self, at: usize, text: &[u8]) -> Result<Flow, Trouble> {
        if self.out.len() + text.len() > MAX_OUTPUT {
            return Err(Trouble::new(at, format!("the report is larger than {} MiB", MAX_OUTPUT >> 20)));
        }
        self.out.extend_from_slice(text);
        Ok(Flow::On)
    }
}
