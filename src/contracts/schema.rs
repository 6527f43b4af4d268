//! Schemas of values, compared by the values they allow: the heart of OpenAPI and of JSON Schema.
//!
//! Five needs pull here. A change must be found however it is spelled, so schemas are compared as sets of values and the
//! keywords only explain the answer. A reader wants each cause once, so what changed is attached to the *pair* of schemas
//! where it happened, never to the many paths that lead there. Graphs of schemas run in circles, so inclusion is the
//! greatest solution of a system of equations over pairs, which does not depend on the order of the work. What cannot be
//! decided must be said. And what is read is hostile: the work is counted, and a limit that is hit is an error.
//!
//! ```text
//! node ─ term: $ref followed, allOf opened ─ view: keywords merged ─ equations: is one included in the other?
//!                                                      └─ pair of terms: facts of its own, edges to other pairs
//! ```
//!
//! Two conventions of the whole field are kept unless [`Conventions::strict`] is asked for: to declare an optional
//! property of an object that takes any others narrows nothing, and the branches of a `oneOf` of objects exclude each
//! other.

mod branches;
mod changes;
mod equations;
mod facts;
mod include;
mod lists;
mod objects;
mod reach;
mod scalars;
mod terms;
#[cfg(test)]
mod tests;
mod values;
mod view;
mod words;

use std::rc::Rc;

use regex::Regex;

use super::document::{Forest, Node, Text};
use super::refs::Refs;
use super::{Impact, Side, Tree, Unreadable};
use equations::{Equation, Goal};
use terms::Atom;
use view::View;

pub use reach::{Flow, Reached};

/// Keys are small numbers of our own: a hash against chosen collisions would be most of the price of a look.
type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
type HashSet<K> = std::collections::HashSet<K, foldhash::fast::RandomState>;

/// The most pairs of terms that are compared, and the most terms.
const MOST_PAIRS: usize = 2_000_000;
/// The most steps of the whole work.
const MOST_WORK: u64 = 100_000_000;

/// Whether a key of a schema says something about its values.
pub fn is_keyword(key: &str) -> bool {
    terms::means(key)
}

/// What several schemas demand together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Term(u32);

/// The term that allows any value.
pub const ANY: Term = Term(0);

/// What one language of schemas does its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Keywords beside a `$ref` count as well. They do not in Swagger 2, OpenAPI 3.0 and JSON Schema up to draft 7.
    pub siblings: bool,
    /// `nullable` and `x-nullable` allow `null`.
    pub nullable: bool,
}

impl Dialect {
    /// Swagger 2 and OpenAPI 3.0.
    pub const OPENAPI_30: Dialect = Dialect { siblings: false, nullable: true };
    /// OpenAPI 3.1 and later. `nullable` is gone from the language, not from what people write.
    pub const OPENAPI_31: Dialect = Dialect { siblings: true, nullable: true };
    /// JSON Schema up to draft 7.
    pub const DRAFT_7: Dialect = Dialect { siblings: false, nullable: false };
    /// JSON Schema from 2019-09 on.
    pub const MODERN: Dialect = Dialect { siblings: true, nullable: false };
}

/// Which way data flows through a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// From callers to us: to allow less breaks. `readOnly` properties do not exist.
    Request,
    /// From us to callers: to allow more breaks. `writeOnly` properties do not exist.
    Response,
    /// Both, or nobody knows.
    Both,
}

/// What is taken for granted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conventions {
    /// Nothing: values are judged to the letter.
    pub strict: bool,
}

/// How sure it is that something is so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sure {
    /// It is not.
    #[default]
    No,
    /// It cannot be decided.
    Maybe,
    /// It is.
    Yes,
}

/// A set of JSON's types. A number is either an integer or a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Types(u8);

impl Types {
    /// None.
    pub const NONE: Types = Types(0);
    /// `null`.
    pub const NULL: Types = Types(1);
    /// `true` and `false`.
    pub const BOOLEAN: Types = Types(2);
    /// Numbers without a fraction.
    pub const INTEGER: Types = Types(4);
    /// Numbers with one.
    pub const FRACTION: Types = Types(8);
    /// Numbers.
    pub const NUMBER: Types = Types(12);
    /// Texts.
    pub const STRING: Types = Types(16);
    /// Lists.
    pub const ARRAY: Types = Types(32);
    /// Objects.
    pub const OBJECT: Types = Types(64);
    /// All of them.
    pub const ANY: Types = Types(127);

    /// Those in both.
    pub fn and(self, other: Types) -> Types {
        Types(self.0 & other.0)
    }

    /// Those in either.
    pub fn or(self, other: Types) -> Types {
        Types(self.0 | other.0)
    }

    /// Those that the other has not.
    pub fn but(self, other: Types) -> Types {
        Types(self.0 & !other.0)
    }

    /// Whether they share one.
    pub fn meets(self, other: Types) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn each(self) -> impl Iterator<Item = Types> {
        (0..7).map(|bit| Types(1 << bit)).filter(move |one| self.meets(*one))
    }

    /// The names, in the order of the set: `integer, null`.
    pub fn names(self) -> String {
        let mut names = Vec::new();
        for (types, name) in [
            (Types::NULL, "null"),
            (Types::BOOLEAN, "boolean"),
            (Types::STRING, "string"),
            (Types::ARRAY, "array"),
            (Types::OBJECT, "object"),
        ] {
            if self.meets(types) {
                names.push(name);
            }
        }
        match (self.meets(Types::INTEGER), self.meets(Types::FRACTION)) {
            (_, true) => names.push("number"),
            (true, false) => names.push("integer"),
            _ => {}
        }
        match (self, names.is_empty()) {
            (Types::ANY, _) => "any".into(),
            (_, true) => "nothing".into(),
            _ => {
                names.sort_unstable();
                names.join(", ")
            }
        }
    }
}

/// The keyword, or the part of a schema, that a fact is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// The set of types, `null` aside.
    Type,
    /// Whether `null` is allowed.
    Nullable,
    /// That only some values are allowed.
    Enum,
    /// One of the values that are allowed.
    EnumValue,
    /// The only value.
    Const,
    /// One of `x-extensible-enum`.
    ExtensibleEnumValue,
    /// `format`.
    Format,
    /// `pattern`.
    Pattern,
    /// `minLength`.
    MinLength,
    /// `maxLength`.
    MaxLength,
    /// `minimum`, or `exclusiveMinimum`; see [`Fact::exclusive`].
    Minimum,
    /// `maximum`, or `exclusiveMaximum`; see [`Fact::exclusive`].
    Maximum,
    /// `multipleOf`.
    MultipleOf,
    /// `minItems`.
    MinItems,
    /// `maxItems`.
    MaxItems,
    /// `uniqueItems`.
    UniqueItems,
    /// `contains`.
    Contains,
    /// `minContains`.
    MinContains,
    /// `maxContains`.
    MaxContains,
    /// The items at fixed places.
    PrefixItems,
    /// The other items.
    Items,
    /// `unevaluatedItems`.
    UnevaluatedItems,
    /// A declared property that is optional.
    Property,
    /// A declared property that is required.
    RequiredProperty,
    /// That a property is required, declared before and after.
    Required,
    /// Whether other properties are allowed, and which.
    AdditionalProperties,
    /// `patternProperties`.
    PatternProperty,
    /// `propertyNames`.
    PropertyNames,
    /// `unevaluatedProperties`.
    UnevaluatedProperties,
    /// `minProperties`.
    MinProperties,
    /// `maxProperties`.
    MaxProperties,
    /// `dependentRequired`.
    DependentRequired,
    /// `dependentSchemas`.
    DependentSchema,
    /// A branch of a `oneOf`.
    OneOf,
    /// A branch of an `anyOf`.
    AnyOf,
    /// `not`.
    Not,
    /// `if`, `then` and `else`.
    Condition,
    /// `contentEncoding`.
    ContentEncoding,
    /// `contentMediaType`.
    ContentMediaType,
    /// `contentSchema`.
    ContentSchema,
    /// `default`.
    Default,
    /// `readOnly`.
    ReadOnly,
    /// `writeOnly`.
    WriteOnly,
    /// `deprecated`.
    Deprecated,
    /// The property by whose value branches are told apart.
    Discriminator,
    /// What a value of that property stands for.
    DiscriminatorMapping,
    /// The set of values as a whole, where no keyword alone explains how it changed.
    Schema,
}

/// What happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// It came.
    Added,
    /// It went.
    Removed,
    /// It is another one.
    Changed,
    /// It is a larger number.
    Increased,
    /// It is a smaller number.
    Decreased,
    /// It takes more.
    Widened,
    /// It takes less.
    Narrowed,
}

/// One thing that changed in a pair of terms, once, however many paths lead there.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// What it is about.
    pub subject: Subject,
    /// What happened.
    pub verb: Verb,
    /// Whether values that were allowed no longer are: what breaks callers who send.
    pub narrows: Sure,
    /// Whether values are allowed that were not: what breaks callers who read.
    pub widens: Sure,
    /// The property, value, pattern or branch that it is about.
    pub name: Option<String>,
    /// Whether a limit itself is no longer, or not yet, a value that is allowed: before and after.
    pub exclusive: [bool; 2],
    /// The value before, if there is a short one.
    pub before: Option<String>,
    /// The value after, if there is a short one.
    pub after: Option<String>,
    /// What it was; the schema around it when it was not there.
    pub base: Option<Node>,
    /// What it is; the schema around it when it is gone.
    pub revision: Option<Node>,
}

impl Fact {
    /// How bad it is where data flows this way.
    pub fn impact(&self, direction: Direction) -> Impact {
        let level = |sure: Sure| match sure {
            Sure::No => Impact::Compatible,
            Sure::Maybe => Impact::Dangerous,
            Sure::Yes => Impact::Breaking,
        };
        // Whoever reads an enumeration is told everywhere to expect values it does not know.
        let widens = match (self.subject, self.verb) {
            (Subject::EnumValue, Verb::Added) => self.widens.min(Sure::Maybe),
            _ => self.widens,
        };
        match direction {
            Direction::Request => level(self.narrows),
            Direction::Response => level(widens),
            Direction::Both => level(self.narrows.max(widens)),
        }
    }
}

/// One step from a schema to one inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// To a property.
    Property(Text),
    /// To the items of a list.
    Items,
    /// To the item at a place, from 0.
    Item(u32),
    /// To the items that `contains` asks for.
    Contains,
    /// To the properties that are not declared.
    AdditionalProperties,
    /// To the properties whose names match a pattern.
    PatternProperties(Text),
    /// To the names of properties.
    PropertyNames,
    /// To what holds when a property is there.
    Dependent(Text),
    /// To a branch of a `oneOf`.
    OneOf(u32),
    /// To a branch of an `anyOf`.
    AnyOf(u32),
    /// To what a text holds.
    Content,
}

/// A pair of terms that are compared, of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pair(u32);

/// From one pair to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// How.
    pub step: Step,
    /// Where to.
    pub to: Pair,
}

struct Compared {
    base: Term,
    revision: Term,
    direction: Direction,
    /// The schemas as they stand in the pair that first led here, references not followed.
    written: [Option<Node>; 2],
    narrows: Sure,
    widens: Sure,
    facts: Vec<Fact>,
    edges: Vec<Edge>,
}

/// The schemas of both sides, and all that was found out about them.
pub struct Schemas<'a> {
    /// The documents.
    pub forest: Forest,
    /// Where their references lead.
    pub refs: Refs<'a>,
    conventions: Conventions,
    dialects: [Dialect; 2],
    by_node: HashMap<Node, Term>,
    by_atoms: HashMap<Rc<[Atom]>, Term>,
    atoms: Vec<Rc<[Atom]>>,
    views: Vec<Option<Rc<View>>>,
    patterns: HashMap<Text, Option<Rc<Regex>>>,
    exclusive: HashMap<Node, Sure>,
    empty: HashMap<Term, bool>,
    /// What was found out with fewer steps left than a question of its own has.
    empty_within: HashMap<(Term, u32), bool>,
    types: HashMap<Term, Types>,
    /// Steps left for looking at one value.
    budget: u32,
    goals: HashMap<Goal, u32>,
    equations: Vec<Equation>,
    solved: usize,
    pairs: Vec<Compared>,
    by_terms: HashMap<(Term, Term, Direction), Pair>,
    open: Vec<Pair>,
    work: u64,
    failed: Option<Unreadable>,
}

impl<'a> Schemas<'a> {
    /// No schema yet.
    pub fn new(base: &'a dyn Tree, revision: &'a dyn Tree, conventions: Conventions) -> Self {
        let any: Rc<[Atom]> = Vec::new().into();
        Schemas {
            forest: Forest::default(),
            refs: Refs::new(base, revision),
            conventions,
            dialects: [Dialect::MODERN; 2],
            by_node: HashMap::default(),
            by_atoms: HashMap::from_iter([(any.clone(), ANY)]),
            atoms: vec![any],
            views: vec![None],
            patterns: HashMap::default(),
            exclusive: HashMap::default(),
            empty: HashMap::default(),
            empty_within: HashMap::default(),
            types: HashMap::default(),
            budget: 0,
            goals: HashMap::default(),
            equations: Vec::new(),
            solved: 0,
            pairs: Vec::new(),
            by_terms: HashMap::default(),
            open: Vec::new(),
            work: 0,
            failed: None,
        }
    }

    /// Reads a file of a side's tree.
    ///
    /// # Errors
    /// When there is no such file, or it cannot be read.
    pub fn read(&mut self, side: Side, path: &str) -> Result<Node, Unreadable> {
        self.refs.open(&mut self.forest, side, path)
    }

    /// The node behind a node's `$ref`: for what is no schema.
    ///
    /// # Errors
    /// When the reference leads nowhere, or in a circle.
    pub fn follow(&mut self, node: Node) -> Result<Node, Unreadable> {
        self.refs.follow(&mut self.forest, node)
    }

    /// Says in which dialect a side is written. Before anything of the side is compared.
    pub fn speak(&mut self, side: Side, dialect: Dialect) {
        self.dialects[side as usize] = dialect;
    }

    /// Compares two terms, the base's first. Whatever was compared before is not compared again.
    pub fn compare(&mut self, base: Term, revision: Term, direction: Direction) -> Pair {
        let pair = self.pair(base, revision, direction, [None, None]);
        while let Some(next) = self.open.pop() {
            self.look_at(next);
        }
        pair
    }

    /// The end of all comparing: from here on the facts are complete.
    ///
    /// # Errors
    /// The first reference that leads nowhere, or the limit that the work went beyond.
    pub fn finish(&mut self) -> Result<(), Unreadable> {
        self.explain();
        match self.failed.clone() {
            Some(failed) => Err(failed),
            None => Ok(()),
        }
    }

    /// What changed in this pair itself.
    pub fn facts(&self, pair: Pair) -> &[Fact] {
        &self.pairs[pair.0 as usize].facts
    }

    /// The pairs inside this one that are not the same on both sides.
    pub fn edges(&self, pair: Pair) -> &[Edge] {
        &self.pairs[pair.0 as usize].edges
    }

    /// The two terms of a pair, and its direction.
    pub fn terms(&self, pair: Pair) -> (Term, Term, Direction) {
        let compared = &self.pairs[pair.0 as usize];
        (compared.base, compared.revision, compared.direction)
    }

    /// The schemas of a pair as they stand in the pair that first led there, references not followed. `None` for a
    /// pair that was asked for.
    pub fn written(&self, pair: Pair) -> [Option<Node>; 2] {
        self.pairs[pair.0 as usize].written
    }

    /// Where a pair can be shown on each side: the first schema that says something, or where it is written.
    pub fn shown(&self, pair: Pair) -> [Option<Node>; 2] {
        let compared = &self.pairs[pair.0 as usize];
        let [base, revision] = compared.written;
        [self.anchor(compared.base).or(base), self.anchor(compared.revision).or(revision)]
    }

    /// The schemas that hold together in a term, in the order of the document, each once.
    pub fn nodes(&self, term: Term) -> Vec<Node> {
        let nodes = self.atoms[term.0 as usize].iter().filter_map(|atom| match atom {
            Atom::Schema(node) | Atom::OneOf(node) | Atom::AnyOf(node) => Some(*node),
            Atom::Only(_) => None,
        });
        let mut nodes: Vec<Node> = nodes.collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }

    /// Whether the base allows values that the revision does not, and whether the revision allows values that the base
    /// does not.
    pub fn verdict(&self, pair: Pair) -> [Sure; 2] {
        let compared = &self.pairs[pair.0 as usize];
        [compared.narrows, compared.widens]
    }

    fn dialect(&self, node: Node) -> Dialect {
        self.dialects[self.forest.source(node).map_or(0, |(side, _)| side as usize)]
    }

    fn fails(&mut self, error: Unreadable) {
        self.failed.get_or_insert(error);
    }

    /// Counts work; false when there was too much.
    fn spend(&mut self, steps: usize) -> bool {
        self.work += steps as u64;
        let within = self.work <= MOST_WORK && self.equations.len() <= MOST_PAIRS && self.pairs.len() <= MOST_PAIRS;
        if !within && self.failed.is_none() {
            let node = self.pairs.first().and_then(|pair| self.anchor(pair.revision).or(self.anchor(pair.base)));
            let what = "these schemas are too entangled to be compared: the work went beyond its limit".to_string();
            let error = node.map(|node| unreadable(&self.forest, node, what.clone()));
            self.fails(error.unwrap_or(Unreadable {
                side: Side::Revision,
                file: String::new(),
                line: 1,
                column: 1,
                what,
            }));
        }
        within
    }
}

fn unreadable(forest: &Forest, at: Node, what: String) -> Unreadable {
    let (side, file) = forest.source(at).unwrap_or((Side::Revision, ""));
    let (line, column) = forest.place(at).map_or((1, 1), |place| (place.line, place.column));
    Unreadable { side, file: file.into(), line, column, what }
}
