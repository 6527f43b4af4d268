//! What the parts of a schema are called: from the nearest thing that has a name.

use std::collections::BTreeSet;

use crate::contracts::document::{Forest, Node};
use crate::contracts::schema::{Reached, Schemas, Step};

/// The longest name of one step, in characters.
const LONGEST: usize = 80;

/// The name of a document: its title, or what its file is called.
pub(super) fn of_root(forest: &Forest, root: Node) -> String {
    let title = forest.get(root, "title").and_then(|title| forest.string(title)).unwrap_or_default();
    let title = crate::text::one_line(title, LONGEST);
    if !title.is_empty() {
        return title;
    }
    let file = forest.source(root).map_or("", |(_, file)| file);
    let name = file.rsplit('/').next().unwrap_or(file);
    let stem = name.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or(name);
    crate::text::one_line(stem, LONGEST)
}

/// A property as one step.
pub(super) fn property(name: &str) -> String {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '@'));
    let name = crate::text::one_line(name, LONGEST);
    if plain { format!(".{name}") } else { format!("[\"{name}\"]") }
}

/// The names of all that a pair leads to.
pub(super) struct Names {
    /// From the nearest definition.
    names: Vec<String>,
    /// The place in the list where the name of each begins.
    starts: Vec<usize>,
    /// What leads to each place where a name begins.
    users: Vec<BTreeSet<String>>,
}

impl Names {
    pub(super) fn of(schemas: &Schemas<'_>, found: &[Reached], roots: &[String]) -> Names {
        let places: std::collections::HashMap<_, usize> =
            found.iter().enumerate().map(|(at, reached)| (reached.pair, at)).collect();
        let mut names = Names { names: Vec::new(), starts: Vec::new(), users: vec![BTreeSet::new(); found.len()] };
        for (at, reached) in found.iter().enumerate() {
            let Some((before, step)) = reached.from else {
                names.names.push(roots.get(at).cloned().unwrap_or_default());
                names.starts.push(at);
                continue;
            };
            let before = before as usize;
            let (name, start) = match defined(schemas, reached) {
                Some(name) => (name, at),
                None => (format!("{}{}", names.names[before], stepped(schemas, step)), names.starts[before]),
            };
            names.names.push(name);
            names.starts.push(start);
        }
        for (at, reached) in found.iter().enumerate() {
            for edge in schemas.edges(reached.pair) {
                let Some(to) = places.get(&edge.to).copied().filter(|to| names.starts[*to] == *to && *to != 0) else {
                    continue;
                };
                names.users[to].insert(format!("{}{}", names.names[at], stepped(schemas, edge.step)));
            }
        }
        names
    }

    pub(super) fn name(&self, at: usize) -> &str {
        &self.names[at]
    }

    /// What leads to the definition that a part stands in, sorted; none for parts of the document itself.
    pub(super) fn reaches(&self, at: usize, most: usize) -> Vec<String> {
        self.users[self.starts[at]].iter().take(most).cloned().collect()
    }
}

/// The definition that a pair is, where it is one.
fn defined(schemas: &Schemas<'_>, reached: &Reached) -> Option<String> {
    let written = schemas.written(reached.pair);
    let reference = |node: Option<Node>| -> Option<String> {
        let text = schemas.forest.string(schemas.forest.get(node?, "$ref")?)?;
        let last = text.trim_end_matches(['#', '/']).rsplit(['/', '#']).next()?;
        let last = last.replace("~1", "/").replace("~0", "~");
        let name = crate::text::one_line(&last, LONGEST);
        (!name.is_empty()).then_some(name)
    };
    reference(written[1]).or_else(|| reference(written[0]))
}

fn stepped(schemas: &Schemas<'_>, step: Step) -> String {
    let text = |text| crate::text::one_line(schemas.forest.str(text), LONGEST);
    match step {
        Step::Property(name) => property(schemas.forest.str(name)),
        Step::Items => "[]".into(),
        Step::Item(place) => format!("[{place}]"),
        Step::Contains => "[contains]".into(),
        Step::AdditionalProperties => ".*".into(),
        Step::PatternProperties(pattern) => format!("./{}/", text(pattern)),
        Step::PropertyNames => "(names)".into(),
        Step::Dependent(name) => format!("(with {})", text(name)),
        Step::OneOf(branch) => format!("(oneOf {})", branch + 1),
        Step::AnyOf(branch) => format!("(anyOf {})", branch + 1),
        Step::Content => "(content)".into(),
    }
}
