//! GraphQL schemas in their definition language: what a change means for those who send queries.
//!
//! A change's name is the one that graphql-inspector uses, so that people can move over. Language:
//! <https://spec.graphql.org/September2025/#sec-Type-System>.

mod compare;
mod model;
mod read;
mod rules;
mod strings;
mod values;

use std::collections::{BTreeSet, HashMap, HashSet};

use compare::Change;
use model::{At, Kind, Schema};

use super::{ContractChange, Format, Impact, Place, Tree, Unreadable};

/// What is asked of the comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Leaves out what a larger change implies: the fields of a type that is new.
    pub simplify: bool,
    /// What depends on the caller counts as breaking.
    pub dangerous_is_breaking: bool,
    /// To remove what was deprecated is dangerous rather than breaking. A type that is gone counts as well: what named
    /// it is reported by itself.
    pub deprecated_removal_is_dangerous: bool,
    /// What no operation could reach in the base breaks nobody.
    pub unreachable_is_safe: bool,
    /// Leaves out changes of words.
    pub ignore_descriptions: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            simplify: true,
            dangerous_is_breaking: false,
            deprecated_removal_is_dangerous: false,
            unreachable_is_safe: false,
            ignore_descriptions: false,
        }
    }
}

/// What changed between two schemas, each joined from all its files, in the order of files and places.
///
/// A change's subject is its path, `Type.field.argument.@directive`; what concerns the schema itself is called
/// `schema`. If the base cannot be read, one entry says so: a change that mends it must be able to pass.
///
/// # Errors
/// The first file of the revision, in the order of paths, that is not a schema, or that goes beyond a limit.
pub fn diff(
    base: &dyn Tree,
    base_paths: &[String],
    revision: &dyn Tree,
    revision_paths: &[String],
    options: &Options,
) -> Result<Vec<ContractChange>, Unreadable> {
    let texts = [read::texts(base, base_paths), read::texts(revision, revision_paths)];
    let [base, revision] = texts;
    if base == revision {
        return Ok(Vec::new());
    }
    let [before, after] = read::both(base, revision);
    let after = after?;
    let before = match before {
        Ok(before) => before,
        Err(unreadable) => return Ok(vec![not_judged(unreadable)]),
    };
    let mut changes = compare::compare(&before, &after);
    relevel(&mut changes, &before, &after, options);
    if options.simplify {
        simplify(&mut changes);
    }
    changes.retain(|change| !(options.ignore_descriptions && rules::is_description(change.rule)));
    let users = users(&before, &changes);
    let places = [Lines::new(&before), Lines::new(&after)];
    let mut changes: Vec<ContractChange> = changes.into_iter().map(|change| said(change, &users, &places)).collect();
    changes.sort_by_cached_key(|change| {
        let place = change.revision.as_ref().or(change.base.as_ref());
        let place = place.map(|place| (place.file.clone(), place.line, place.column));
        (place, change.subject.clone(), change.rule, change.message.clone())
    });
    Ok(changes)
}

/// Levels as the options have them.
fn relevel(changes: &mut [Change], before: &Schema, after: &Schema, options: &Options) {
    let reachable = if options.unreachable_is_safe { reachable(before) } else { HashSet::new() };
    for change in changes {
        let mut parts = change.path.split('.');
        let (owner, member) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if options.deprecated_removal_is_dangerous && change.impact == Impact::Breaking {
            let deprecated = match change.rule {
                "FIELD_REMOVED" | "ENUM_VALUE_REMOVED" | "INPUT_FIELD_REMOVED" => {
                    let members = before.type_named(owner).map(|one| &one.members[..]).unwrap_or_default();
                    members.iter().any(|one| one.name == member && one.is_deprecated())
                }
                "TYPE_REMOVED" => after.type_named(owner).is_none(),
                _ => false,
            };
            if deprecated {
                change.impact = Impact::Dangerous;
            }
        }
        let has_path = !change.path.is_empty();
        if options.unreachable_is_safe && change.impact == Impact::Breaking && has_path && !reachable.contains(owner) {
            change.impact = Impact::Compatible;
        }
        if options.dangerous_is_breaking && change.impact == Impact::Dangerous {
            change.impact = Impact::Breaking;
        }
    }
}

/// The types that an operation can meet.
fn reachable(schema: &Schema) -> HashSet<&str> {
    let mut implementations: HashMap<&str, Vec<&str>> = HashMap::new();
    for one in schema.types.iter().filter(|one| one.kind != Kind::Union) {
        for (interface, _) in &one.named {
            implementations.entry(interface).or_default().push(&one.name);
        }
    }
    let mut reached = HashSet::new();
    let mut queue: Vec<&str> = (0..3).filter_map(|operation| schema.root(operation)).collect();
    while let Some(name) = queue.pop() {
        if !reached.insert(name) {
            continue;
        }
        let Some(one) = schema.type_named(name) else { continue };
        if one.kind == Kind::Interface {
            queue.extend(implementations.get(name).into_iter().flatten());
        }
        if one.kind == Kind::Union {
            queue.extend(one.named.iter().map(|(name, _)| name.as_str()));
        }
        for member in &one.members {
            queue.push(&member.ty.name);
            queue.extend(member.arguments.iter().map(|argument| argument.ty.name.as_str()));
        }
    }
    reached
}

/// Drops what stands at, or directly below, a path of which a change was told that implies it.
fn simplify(changes: &mut Vec<Change>) {
    let mut told: HashSet<String> = HashSet::new();
    changes.retain(|change| {
        if change.path.is_empty() {
            return true;
        }
        let parent = change.path.rsplit_once('.').map_or(change.path.as_str(), |(parent, _)| parent);
        let implied = told.contains(parent) || told.contains(&change.path);
        if rules::implies(change.rule) {
            told.insert(change.path.clone());
        }
        !implied
    });
}

/// For every type of which something worse than harmless is told, the fields and arguments that have it.
fn users(schema: &Schema, changes: &[Change]) -> HashMap<String, BTreeSet<String>> {
    let told = changes.iter().filter(|change| change.impact > Impact::Compatible);
    let owner = |change: &Change| change.path.split('.').next().unwrap_or_default().to_string();
    let mut users: HashMap<String, BTreeSet<String>> = told.map(|change| (owner(change), BTreeSet::new())).collect();
    for one in &schema.types {
        for member in &one.members {
            for argument in &member.arguments {
                if let Some(users) = users.get_mut(&argument.ty.name) {
                    users.insert(format!("{}.{}({}:)", one.name, member.name, argument.name));
                }
            }
            if let Some(users) = users.get_mut(&member.ty.name) {
                users.insert(format!("{}.{}", one.name, member.name));
            }
        }
    }
    users
}

fn said(change: Change, users: &HashMap<String, BTreeSet<String>>, places: &[Lines; 2]) -> ContractChange {
    let harmless = change.impact == Impact::Compatible;
    let (breaks, fix) = if harmless { (None, None) } else { rules::advice(change.rule) };
    let owner = change.path.split('.').next().unwrap_or_default();
    let reaches = match harmless {
        true => Vec::new(),
        false => users.get(owner).into_iter().flatten().cloned().collect(),
    };
    let values = [&change.before, &change.after];
    let args = [change.path.clone()].into_iter().chain(values.into_iter().flatten().cloned()).collect();
    ContractChange {
        format: Format::GraphQl,
        rule: change.rule,
        impact: change.impact,
        subject: if change.path.is_empty() { "schema".into() } else { change.path },
        message: change.message,
        args,
        before: change.before,
        after: change.after,
        base: change.base.map(|at| places[0].place(at)),
        revision: change.revision.map(|at| places[1].place(at)),
        breaks,
        fix,
        reaches,
    }
}

fn not_judged(unreadable: Unreadable) -> ContractChange {
    let Unreadable { file, line, column, what, .. } = unreadable;
    ContractChange {
        format: Format::GraphQl,
        rule: "CANNOT_BE_JUDGED",
        impact: Impact::Dangerous,
        subject: "schema".into(),
        message: format!("`{file}` cannot be read in the base: {what}"),
        args: vec![what],
        before: None,
        after: None,
        base: Some(Place { file, line, column, end_line: line, end_column: column }),
        revision: None,
        breaks: None,
        fix: None,
        reaches: Vec::new(),
    }
}

/// Where the lines of the files of one side begin.
struct Lines<'a> {
    schema: &'a Schema,
    starts: Vec<Vec<u32>>,
}

impl<'a> Lines<'a> {
    fn new(schema: &'a Schema) -> Self {
        let starts = |text: &str| {
            let ends = memchr::memchr_iter(b'\n', text.as_bytes()).map(|end| end as u32 + 1);
            std::iter::once(0).chain(ends).collect()
        };
        Self { schema, starts: schema.files.iter().map(|file| starts(&file.text)).collect() }
    }

    fn place(&self, at: At) -> Place {
        let (file, starts) = (&self.schema.files[at.file as usize], &self.starts[at.file as usize]);
        let position = |offset: u32| {
            let line = starts.partition_point(|start| *start <= offset).max(1);
            let before = file.text.get(starts[line - 1] as usize..offset as usize).unwrap_or_default();
            // A line may be as long as its file; far to the right its column is counted in bytes.
            let column = if before.len() > 4096 { before.len() } else { before.chars().count() };
            (line as u32, column as u32 + 1)
        };
        let ((line, column), (end_line, end_column)) = (position(at.start), position(at.end));
        Place { file: file.path.clone(), line, column, end_line, end_column }
    }
}
