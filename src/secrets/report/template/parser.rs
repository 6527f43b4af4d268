//! The words of a template as a tree.

use std::collections::HashMap;

use super::lexer::{Kind, Piece, Word};
use super::value::Value;
use super::{Trouble, functions};

/// How deep blocks and parentheses may stand in each other.
const MAX_DEPTH: usize = 60;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: usize,
    pub(super) kind: NodeKind,
}

#[derive(Debug)]
pub(super) enum NodeKind {
    Text(String),
    Action(Pipe),
    /// `if`, `with` and `range` differ only in what they do with the value.
    Block {
        block: Block,
        pipe: Pipe,
        body: Vec<Node>,
        otherwise: Vec<Node>,
    },
    Template {
        name: String,
        pipe: Option<Pipe>,
    },
    Break,
    Continue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Block {
    If,
    With,
    Range,
}

#[derive(Debug)]
pub(super) struct Pipe {
    /// Variables that take the value; one, or two for `range`.
    pub(super) variables: Vec<String>,
    /// `=` and not `:=`.
    pub(super) assign: bool,
    pub(super) commands: Vec<Command>,
}

/// A value, or a function and its arguments.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) words: Vec<Expr>,
}

#[derive(Debug)]
pub(super) struct Expr {
    pub(super) at: usize,
    pub(super) kind: ExprKind,
    /// Fields of it: `.A.B`.
    pub(super) fields: Vec<String>,
}

#[derive(Debug)]
pub(super) enum ExprKind {
    Dot,
    Nil,
    Literal(Literal),
    Variable(String),
    Function(String),
    Pipe(Box<Pipe>),
}

/// A constant. Values share memory in ways that a template, which may live anywhere, must not.
#[derive(Debug)]
pub(super) enum Literal {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Vec<u8>),
}

impl Literal {
    pub(super) fn value(&self) -> Value {
        match self {
            Literal::Bool(truth) => Value::Bool(*truth),
            Literal::Int(number) => Value::Int(*number),
            Literal::Float(number) => Value::Float(*number),
            Literal::Text(text) => Value::text(text.as_slice()),
        }
    }
}

type Named = HashMap<String, Vec<Node>>;

pub(super) fn parse(pieces: Vec<Piece>) -> Result<(Vec<Node>, Named), Trouble> {
    let mut parser =
        Parser { pieces: pieces.into_iter(), named: Named::new(), called: Vec::new(), ranges: 0, depth: 0 };
    let mut variables = vec![String::new()];
    let (main, end) = parser.nodes(&mut variables)?;
    if let Some(end) = end {
        return Err(Trouble::new(end.at, format!("there is nothing for `{}` to end", end.word)));
    }
    for (name, at) in &parser.called {
        if !parser.named.contains_key(name) {
            let near = crate::text::nearest(name, parser.named.keys().map(String::as_str));
            let hint = near.map(|near| format!("did you mean \"{near}\"?"));
            return Err(Trouble::new(*at, format!("there is no template \"{name}\"")).hint(hint));
        }
    }
    Ok((main, parser.named))
}

struct Parser {
    pieces: std::vec::IntoIter<Piece>,
    named: Named,
    called: Vec<(String, usize)>,
    /// How many `range`s are around.
    ranges: usize,
    depth: usize,
}

/// `end` or `else`, which closes a list of nodes.
struct End {
    at: usize,
    word: &'static str,
    /// What follows `else`.
    words: Vec<Word>,
}

impl Parser {
    /// Nodes up to `end` or `else`, or to the end of the text. Variables that are declared here end here.
    fn nodes(&mut self, variables: &mut Vec<String>) -> Result<(Vec<Node>, Option<End>), Trouble> {
        let known = variables.len();
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            let (at, mut words) = match piece {
                Piece::Text(text) => {
                    nodes.push(Node { at: 0, kind: NodeKind::Text(text) });
                    continue;
                }
                Piece::Action { at, words } => (at, words),
            };
            let keyword = match words.first() {
                Some(Word { kind: Kind::Name(name), .. }) => name.clone(),
                Some(_) => String::new(),
                None => return Err(Trouble::new(at, "this action is empty")),
            };
            let kind = match keyword.as_str() {
                "end" | "else" => {
                    words.remove(0);
                    variables.truncate(known);
                    let word = if keyword == "end" { "end" } else { "else" };
                    return Ok((nodes, Some(End { at, word, words })));
                }
                "if" | "with" | "range" => self.block(at, words, variables)?,
                "define" => {
                    let (name, rest) = named(at, &words)?;
                    nothing_left(rest)?;
                    self.define(at, name)?;
                    continue;
                }
                "block" => {
                    let (name, rest) = named(at, &words)?;
                    let pipe = Some(self.pipe(at, rest, variables)?);
                    self.define(at, name.clone())?;
                    NodeKind::Template { name, pipe }
                }
                "template" => {
                    let (name, rest) = named(at, &words)?;
                    self.called.push((name.clone(), words[1].at));
                    let pipe = if rest.is_empty() { None } else { Some(self.pipe(at, rest, variables)?) };
                    NodeKind::Template { name, pipe }
                }
                "break" | "continue" => {
                    nothing_left(&words[1..])?;
                    if self.ranges == 0 {
                        return Err(Trouble::new(at, format!("`{keyword}` stands in no `range`")));
                    }
                    if keyword == "break" { NodeKind::Break } else { NodeKind::Continue }
                }
                _ => NodeKind::Action(self.pipe(at, &words, variables)?),
            };
            nodes.push(Node { at, kind });
        }
        Ok((nodes, None))
    }

    fn define(&mut self, at: usize, name: String) -> Result<(), Trouble> {
        let around = std::mem::take(&mut self.ranges);
        self.deeper(at)?;
        let (body, end) = self.nodes(&mut vec![String::new()])?;
        self.depth -= 1;
        self.ranges = around;
        closed(at, "template", end)?;
        self.named.insert(name, body);
        Ok(())
    }

    fn block(&mut self, at: usize, words: Vec<Word>, variables: &mut Vec<String>) -> Result<NodeKind, Trouble> {
        let block = match &words[0].kind {
            Kind::Name(name) if name == "if" => Block::If,
            Kind::Name(name) if name == "with" => Block::With,
            _ => Block::Range,
        };
        self.deeper(at)?;
        let known = variables.len();
        let pipe = self.pipe(at, &words[1..], variables)?;
        if pipe.variables.len() > 1 && block != Block::Range {
            return Err(Trouble::new(at, "only `range` sets two variables"));
        }
        self.ranges += usize::from(block == Block::Range);
        let (body, end) = self.nodes(variables)?;
        self.ranges -= usize::from(block == Block::Range);
        let mut otherwise = Vec::new();
        match end {
            Some(End { word: "else", words, at: other, .. }) => match words.first().map(|word| &word.kind) {
                None => {
                    let (nodes, end) = self.nodes(variables)?;
                    closed(at, "block", end)?;
                    otherwise = nodes;
                }
                Some(Kind::Name(name)) if matches!(&**name, "if" | "with") && block != Block::Range => {
                    // `else if` has no `end` of its own.
                    let kind = self.block(other, words, variables)?;
                    otherwise = vec![Node { at: other, kind }];
                }
                Some(_) => return Err(Trouble::new(words[0].at, "this does not belong behind `else`")),
            },
            end => closed(at, "block", end)?,
        }
        variables.truncate(known);
        self.depth -= 1;
        Ok(NodeKind::Block { block, pipe, body, otherwise })
    }

    fn deeper(&mut self, at: usize) -> Result<(), Trouble> {
        self.depth += 1;
        match self.depth > MAX_DEPTH {
            true => Err(Trouble::new(at, format!("more than {MAX_DEPTH} levels stand in each other here"))),
            false => Ok(()),
        }
    }

    /// A whole pipeline, with its variables.
    fn pipe(&mut self, at: usize, words: &[Word], variables: &mut Vec<String>) -> Result<Pipe, Trouble> {
        let mut words = Words { words, next: 0, end: words.last().map_or(at, |word| word.at) };
        let pipe = self.pipeline(&mut words, variables)?;
        nothing_left(&words.words[words.next..])?;
        Ok(pipe)
    }

    fn pipeline(&mut self, words: &mut Words<'_>, variables: &mut Vec<String>) -> Result<Pipe, Trouble> {
        let (names, assign) = declared(words);
        let mut commands = Vec::new();
        loop {
            let command = self.command(words, variables)?;
            if command.words.is_empty() {
                return Err(Trouble::new(words.place(), "a value is missing here"));
            }
            if let Some(first) = command.words.first()
                && !commands.is_empty()
                && !matches!(first.kind, ExprKind::Function(_))
            {
                return Err(Trouble::new(first.at, "only a function can take what is piped into it"));
            }
            commands.push(command);
            match words.peek() {
                Some(Kind::Pipe) => words.next += 1,
                _ => break,
            }
        }
        if assign && let Some(missing) = names.iter().find(|name| !variables.contains(name)) {
            return Err(Trouble::new(words.words[0].at, format!("there is no variable `${missing}`"))
                .hint(Some("a variable is made with :=".into())));
        }
        if !assign {
            variables.extend(names.iter().cloned());
        }
        Ok(Pipe { variables: names, assign, commands })
    }

    fn command(&mut self, words: &mut Words<'_>, variables: &mut Vec<String>) -> Result<Command, Trouble> {
        let mut exprs: Vec<Expr> = Vec::new();
        while let Some(word) = words.words.get(words.next) {
            let at = word.at;
            if let (Kind::Field(name), true, Some(last)) = (&word.kind, word.glued, exprs.last_mut())
                && !matches!(last.kind, ExprKind::Literal(_) | ExprKind::Function(_) | ExprKind::Nil)
            {
                last.fields.push(name.clone());
                words.next += 1;
                continue;
            }
            let mut fields = Vec::new();
            let kind = match &word.kind {
                Kind::Pipe | Kind::Close => break,
                Kind::Dot => ExprKind::Dot,
                Kind::Field(name) => {
                    fields.push(name.clone());
                    ExprKind::Dot
                }
                Kind::Variable(name) if variables.contains(name) => ExprKind::Variable(name.clone()),
                Kind::Variable(name) => {
                    let near = crate::text::nearest(
                        name,
                        variables.iter().map(String::as_str).filter(|name| !name.is_empty()),
                    );
                    let hint = near.map(|near| format!("did you mean `${near}`?"));
                    return Err(Trouble::new(at, format!("there is no variable `${name}`")).hint(hint));
                }
                Kind::Int(number) => ExprKind::Literal(Literal::Int(*number)),
                Kind::Float(number) => ExprKind::Literal(Literal::Float(*number)),
                Kind::Text(text) => ExprKind::Literal(Literal::Text(text.clone())),
                Kind::Name(name) => match name.as_str() {
                    "true" | "false" => ExprKind::Literal(Literal::Bool(name == "true")),
                    "nil" => ExprKind::Nil,
                    _ => {
                        functions::known(name).map_err(|(message, hint)| Trouble::new(at, message).hint(hint))?;
                        ExprKind::Function(name.clone())
                    }
                },
                Kind::Open => {
                    words.next += 1;
                    self.deeper(at)?;
                    let inner = self.pipeline(words, variables)?;
                    self.depth -= 1;
                    if words.peek() != Some(&Kind::Close) {
                        return Err(Trouble::new(at, "this parenthesis is not closed"));
                    }
                    ExprKind::Pipe(Box::new(inner))
                }
                Kind::Comma | Kind::Assign | Kind::Declare => {
                    return Err(Trouble::new(at, "this sign does not belong here"));
                }
            };
            words.next += 1;
            exprs.push(Expr { at, kind, fields });
        }
        Ok(Command { words: exprs })
    }
}

struct Words<'a> {
    words: &'a [Word],
    next: usize,
    end: usize,
}

impl Words<'_> {
    fn peek(&self) -> Option<&Kind> {
        self.words.get(self.next).map(|word| &word.kind)
    }

    fn place(&self) -> usize {
        self.words.get(self.next).map_or(self.end, |word| word.at)
    }
}

/// `$a :=`, `$a =` or `$a, $b :=` at the beginning of a pipeline.
fn declared(words: &mut Words<'_>) -> (Vec<String>, bool) {
    let kind = |ahead: usize| words.words.get(words.next + ahead).map(|word| &word.kind);
    let (names, sign) = match (kind(0), kind(1), kind(2), kind(3)) {
        (Some(Kind::Variable(one)), Some(sign @ (Kind::Declare | Kind::Assign)), ..) => (vec![one.clone()], sign),
        (
            Some(Kind::Variable(one)),
            Some(Kind::Comma),
            Some(Kind::Variable(two)),
            Some(sign @ (Kind::Declare | Kind::Assign)),
        ) => (vec![one.clone(), two.clone()], sign),
        _ => return (Vec::new(), false),
    };
    let assign = *sign == Kind::Assign;
    words.next += 2 * names.len();
    (names, assign)
}

/// The name behind `define`, `block` or `template`, and what follows.
fn named(at: usize, words: &[Word]) -> Result<(String, &[Word]), Trouble> {
    match words.get(1).map(|word| &word.kind) {
        Some(Kind::Text(name)) => Ok((String::from_utf8_lossy(name).into_owned(), &words[2..])),
        _ => Err(Trouble::new(at, "a name in quotes is missing here")),
    }
}

fn nothing_left(words: &[Word]) -> Result<(), Trouble> {
    match words.first() {
        None => Ok(()),
        Some(word) => Err(Trouble::new(word.at, "this does not belong here")),
    }
}

fn closed(at: usize, what: &str, end: Option<End>) -> Result<(), Trouble> {
    match end {
        Some(End { word: "end", words, .. }) => nothing_left(&words),
        Some(End { at, .. }) => Err(Trouble::new(at, "a second `else`")),
        None => Err(Trouble::new(at, format!("this {what} is not closed")).hint(Some("it ends with {{end}}".into()))),
    }
}
