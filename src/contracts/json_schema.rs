//! JSON Schema, draft 4 to 2020-12: which values are still allowed, and which are from now on.
//!
//! A schema that stands alone says nothing of the way its data flows, so by default both ways count: to allow less breaks
//! those who write, to allow more breaks those who read. Specification:
//! <https://json-schema.org/draft/2020-12/json-schema-core>.

mod paths;
pub mod rules;

use std::collections::{BTreeSet, HashMap};

use super::document::{Forest, Node};
use super::schema::{
    ANY, Conventions, Dialect, Direction, Fact, Flow, Pair, Reached, Schemas, Subject, Verb, is_keyword,
};
use super::{ContractChange, Format, Impact, Place, Side, Tree, Unreadable};
use paths::Names;

/// What is asked of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Which way data flows.
    pub direction: Direction,
    /// Values are judged to the letter: to declare a property of an open object narrows it, and the branches of a
    /// `oneOf` may overlap.
    pub strict: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { direction: Direction::Both, strict: false }
    }
}

/// How many of the places that lead to a definition are named.
const MOST_REACHED: usize = 50;
/// Keys of which a schema has at least one, unless it is empty or says something about values.
const KEYS: &[&str] = &[
    "$schema",
    "$id",
    "id",
    "$ref",
    "$defs",
    "definitions",
    "$anchor",
    "$comment",
    "allOf",
    "anyOf",
    "oneOf",
    "title",
    "description",
    "examples",
];

/// What changed between the two sides of one schema, in the order of places. A side without a path has no such schema.
///
/// If the base cannot be read, one entry says so: a change that mends it must be able to pass.
///
/// # Errors
/// When the revision is no schema, refers to something that is not there or outside its tree, or is too entangled.
pub fn diff(
    base: &dyn Tree,
    base_path: Option<&str>,
    revision: &dyn Tree,
    revision_path: Option<&str>,
    options: &Options,
) -> Result<Vec<ContractChange>, Unreadable> {
    let mut schemas = Schemas::new(base, revision, Conventions { strict: options.strict });
    let roots = [(Side::Base, base_path), (Side::Revision, revision_path)];
    let [old, new] = roots.map(|(side, path)| path.map(|path| root(&mut schemas, side, path)));
    let new = new.transpose()?;
    let old = match old.transpose() {
        Ok(old) => old,
        Err(unreadable) => return Ok(vec![not_judged(unreadable)]),
    };
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (None, Some(node)) => return Ok(vec![whole(&schemas.forest, "schema-added", node, Side::Revision)]),
        (Some(node), None) => return Ok(vec![whole(&schemas.forest, "schema-removed", node, Side::Base)]),
        (None, None) => return Ok(Vec::new()),
    };
    let mut comparison = Comparison { schemas, options: *options, out: Vec::new(), said: BTreeSet::new() };
    match comparison.run(old, new) {
        Ok(()) => {}
        Err(unreadable) if unreadable.side == Side::Base => return Ok(vec![not_judged(unreadable)]),
        Err(unreadable) => return Err(unreadable),
    }
    let mut changes = comparison.out;
    changes.sort_by_cached_key(|change| {
        let place = change.revision.as_ref().or(change.base.as_ref());
        let place = place.map(|place| (place.file.clone(), place.line, place.column));
        (place, change.subject.clone(), change.rule, change.message.clone())
    });
    Ok(changes)
}

/// Reads a schema and says in which dialect its side is written.
fn root(schemas: &mut Schemas<'_>, side: Side, path: &str) -> Result<Node, Unreadable> {
    let root = schemas.read(side, path)?;
    let forest = &schemas.forest;
    let is_word = matches!(forest.scalar(root), Some("true" | "false"));
    let empty = forest.is_map(root) && forest.entries(root).is_empty();
    let speaks = |key: &str| KEYS.contains(&key) || is_keyword(key);
    if !is_word && !empty && !forest.entries(root).iter().any(|(key, _, _)| speaks(forest.str(*key))) {
        return Err(Unreadable {
            side,
            file: path.into(),
            line: 1,
            column: 1,
            what: "is no JSON Schema: none of its keys is one of a schema's".into(),
        });
    }
    let dialect = dialect(forest, root);
    schemas.speak(side, dialect);
    Ok(root)
}

fn dialect(forest: &Forest, root: Node) -> Dialect {
    let named = forest.get(root, "$schema").and_then(|node| forest.string(node)).unwrap_or_default();
    let old = ["draft-03", "draft-04", "draft-05", "draft-06", "draft-07"];
    if old.iter().any(|draft| named.contains(draft)) { Dialect::DRAFT_7 } else { Dialect::MODERN }
}

struct Comparison<'a> {
    schemas: Schemas<'a>,
    options: Options,
    out: Vec<ContractChange>,
    said: BTreeSet<Pair>,
}

impl Comparison<'_> {
    fn run(&mut self, old: Node, new: Node) -> Result<(), Unreadable> {
        let direction = self.options.direction;
        let schemas = &mut self.schemas;
        let terms = (schemas.term(old), schemas.term(new));
        let mut roots = vec![(schemas.compare(terms.0, terms.1, direction), String::new())];
        let bundle = terms.0 == ANY;
        let (before, after) = (definitions(&schemas.forest, old), definitions(&schemas.forest, new));
        let by_name = |all: &[(String, Node)]| all.iter().cloned().collect::<HashMap<String, Node>>();
        let (had, has) = (by_name(&before), by_name(&after));
        let mut alone = Vec::new();
        for (name, node) in &before {
            match has.get(name) {
                Some(other) => {
                    let terms = (schemas.term(*node), schemas.term(*other));
                    roots.push((schemas.compare(terms.0, terms.1, direction), name.clone()));
                }
                None => alone.push(("definition-removed", name, *node)),
            }
        }
        for (name, node) in after.iter().filter(|(name, _)| !had.contains_key(name)) {
            let _ = schemas.term(*node);
            alone.push(("definition-added", name, *node));
        }
        schemas.finish()?;
        for (rule, name, node) in alone {
            // What the schema itself refers to is said where it is used.
            let own = self.schemas.refs.name(&self.schemas.forest, node).is_some();
            if !own || bundle {
                self.out.push(definition(&self.schemas.forest, rule, name, node, bundle));
            }
        }
        let versions = [old, new].map(|root| self.schemas.forest.get(root, "$schema"));
        if let [Some(one), Some(other)] = versions
            && !self.schemas.forest.same(one, other)
        {
            let forest = &self.schemas.forest;
            let name = paths::of_root(forest, new);
            let (before, after) = (forest.shown(one, 80), forest.shown(other, 80));
            let message = format!("`{name}` is written in `{after}` instead of `{before}`");
            let mut change = said("dialect-changed", Impact::Compatible, name, message);
            (change.base, change.revision) = (forest.place(one), forest.place(other));
            (change.before, change.after) = (Some(before), Some(after));
            self.out.push(change);
        }
        let name = paths::of_root(&self.schemas.forest, new);
        self.tell(&[roots[0].0], &[name]);
        // Definitions that the schema does not use are there for others.
        let left = roots.into_iter().skip(1).filter(|(pair, _)| !self.said.contains(pair));
        let (left, names): (Vec<Pair>, Vec<String>) = left.unzip();
        self.tell(&left, &names);
        Ok(())
    }

    /// Everything that some pairs lead to, each pair once.
    fn tell(&mut self, roots: &[Pair], names: &[String]) {
        let found = self.schemas.reach_from(roots);
        let names = Names::of(&self.schemas, &found, names);
        for (at, reached) in found.iter().enumerate() {
            if !self.said.insert(reached.pair) {
                continue;
            }
            let facts = self.schemas.facts(reached.pair);
            if facts.is_empty() {
                continue;
            }
            let shown = self.shown(&found, at);
            let reaches = names.reaches(at, MOST_REACHED);
            let new: Vec<ContractChange> =
                facts.iter().map(|fact| self.change(fact, reached, names.name(at), &shown, &reaches)).collect();
            self.out.extend(new);
        }
    }

    /// Where a pair can be shown: at itself, or at the nearest that leads to it.
    fn shown(&self, found: &[Reached], at: usize) -> [Option<Node>; 2] {
        let (mut shown, mut here) = ([None, None], Some(at));
        while let Some(reached) = here.and_then(|at| found.get(at)) {
            let [base, revision] = self.schemas.shown(reached.pair);
            shown = [shown[0].or(base), shown[1].or(revision)];
            here = reached.from.map(|(before, _)| before as usize).filter(|_| shown.contains(&None));
        }
        shown
    }

    fn change(
        &self,
        fact: &Fact,
        reached: &Reached,
        name: &str,
        shown: &[Option<Node>; 2],
        reaches: &[String],
    ) -> ContractChange {
        let forest = &self.schemas.forest;
        let flow: Flow = reached.flow;
        let is_property = matches!(fact.subject, Subject::Property | Subject::RequiredProperty | Subject::Required);
        let subject = match (&fact.name, is_property) {
            (Some(property), true) => format!("{name}{}", paths::property(property)),
            _ => name.to_string(),
        };
        let rule = rules::of(fact.subject, fact.verb).map_or("schema-changed", |rule| rule.id);
        let impact = flow.impact(fact);
        let message = fact.sentence(&subject);
        let mut change = said(rule, impact, subject, message);
        let known = [&fact.name, &fact.before, &fact.after].into_iter().flatten();
        change.args = known.cloned().collect();
        (change.before, change.after) = (fact.before.clone(), fact.after.clone());
        let place = |node: Option<Node>| node.and_then(|node| forest.place(node));
        change.base = match fact.verb {
            Verb::Added => None,
            _ => place(fact.base.or(shown[0])),
        };
        change.revision = place(fact.revision.or(shown[1]));
        change.reaches = reaches.to_vec();
        change
    }
}

/// The definitions of a schema, as written.
fn definitions(forest: &Forest, root: Node) -> Vec<(String, Node)> {
    let mut all = Vec::new();
    for key in ["$defs", "definitions"] {
        let Some(node) = forest.get(root, key) else { continue };
        let entries = forest.entries(node).iter();
        all.extend(entries.map(|(name, _, value)| (crate::text::one_line(forest.str(*name), 80), *value)));
    }
    all
}

fn definition(forest: &Forest, rule: &'static str, name: &str, node: Node, bundle: bool) -> ContractChange {
    let (impact, what) = match (rule, bundle) {
        ("definition-added", _) => (Impact::Compatible, "is a new definition"),
        (_, true) => (Impact::Breaking, "is gone: other files can no longer refer to it"),
        _ => (Impact::Dangerous, "is gone; the schema did not use it, other files may"),
    };
    let mut change = said(rule, impact, name.to_string(), format!("`{name}` {what}"));
    match rule {
        "definition-added" => change.revision = forest.place(node),
        _ => change.base = forest.place(node),
    }
    change
}

fn whole(forest: &Forest, rule: &'static str, node: Node, side: Side) -> ContractChange {
    let name = paths::of_root(forest, node);
    let (impact, what) = match side {
        Side::Revision => (Impact::Compatible, "is a new schema"),
        Side::Base => (Impact::Breaking, "is gone"),
    };
    let mut change = said(rule, impact, name.clone(), format!("`{name}` {what}"));
    let place = forest.place(node).map(|place| Place { end_line: place.line, end_column: place.column, ..place });
    match side {
        Side::Base => change.base = place,
        Side::Revision => change.revision = place,
    }
    change
}

fn said(rule: &'static str, impact: Impact, subject: String, message: String) -> ContractChange {
    let advice = rules::find(rule).filter(|_| impact > Impact::Compatible);
    let some = |text: &str| (!text.is_empty()).then(|| text.to_string());
    ContractChange {
        format: Format::JsonSchema,
        rule,
        impact,
        subject,
        message,
        args: Vec::new(),
        before: None,
        after: None,
        base: None,
        revision: None,
        breaks: advice.and_then(|rule| some(rule.breaks)),
        fix: advice.and_then(|rule| some(rule.fix)),
        reaches: Vec::new(),
    }
}

fn not_judged(unreadable: Unreadable) -> ContractChange {
    let Unreadable { file, line, column, what, .. } = unreadable;
    let message = format!("`{file}` cannot be read in the base: {what}");
    let mut change = said("cannot-be-judged", Impact::Dangerous, file.clone(), message);
    change.args = vec![what];
    change.base = Some(Place { file, line, column, end_line: line, end_column: column });
    change
}
