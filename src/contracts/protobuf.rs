//! Protocol buffers: which promise to which kind of client a change breaks.
//!
//! A description makes four promises, each to a kind of client: code generated per file, code generated per package,
//! messages as JSON, messages as bytes. A rule belongs to the promises that it guards ([`Category`]), and its name is
//! the one that `buf breaking` uses, so that people can move over.
//!
//! Language: <https://protobuf.dev/reference/protobuf/edition-2023-spec/>. Rules:
//! <https://buf.build/docs/breaking/rules/>.

mod compare;
mod features;
mod fields;
mod fold;
mod lexer;
mod link;
mod load;
mod model;
mod parser;
mod rules;
mod well_known;

use super::{ContractChange, Tree, Unreadable};

/// A kind of client, and thereby the rules that protect it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Category {
    /// Code generated per file: nothing may move to another file.
    File,
    /// Code generated per package: things may move within their package.
    Package,
    /// Clients that speak JSON as well as bytes: names count.
    WireJson,
    /// Clients that speak bytes: numbers and types count.
    Wire,
}

/// What is asked of the comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The promises to hold the change to.
    pub categories: Vec<Category>,
    /// Passes over packages that call themselves unstable: a last part such as `v1alpha1`, `v1beta2`, `v1test`.
    pub ignore_unstable_packages: bool,
    /// Files and folders, below the root of the tree, of which nothing is reported.
    pub ignore: Vec<String>,
    /// Says each rule that is broken, as `buf breaking` does, instead of one entry per root cause.
    pub every_rule: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            categories: vec![Category::File],
            ignore_unstable_packages: false,
            ignore: Vec::new(),
            every_rule: false,
        }
    }
}

/// What changed between two sets of files, in the order of files and places.
///
/// The paths are those of all contracts of a side; of these, the files that differ and the files that import them are
/// compared, and what they import is read from the same tree. Imports that the tree does not hold are taken as they
/// are named.
///
/// A file that could not be read in the base, and one that no change touches, is reported as not judged rather than
/// stopping everything: a change that mends it must be able to pass.
///
/// # Errors
/// The first changed file of the revision, in the order of paths, that is not a description, or that goes beyond a limit.
pub fn diff(
    base: &dyn Tree,
    base_paths: &[String],
    revision: &dyn Tree,
    revision_paths: &[String],
    options: &Options,
) -> Result<Vec<ContractChange>, Unreadable> {
    let both = load::both(base, base_paths, revision, revision_paths)?;
    let (base, revision) = (link::Linked::new(&both.base), link::Linked::new(&both.revision));
    let breaks = compare::compare(&base, &revision);
    let mut changes = fold::changes(breaks, &base, &revision, options);
    changes.extend(both.not_judged.into_iter().map(fold::not_judged));
    fold::sort(&mut changes);
    Ok(changes)
}
