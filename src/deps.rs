//! What a repository depends on, as its lockfiles say, and which published advisories speak about it.
//!
//! Pure: a lockfile is read from its bytes ([`lockfile`]), versions are ordered as their ecosystem orders them
//! ([`version`]), a record is held against a package as the OSV schema says ([`osv`]), severities come from all names of
//! one advisory ([`severity`]), what is known and accepted is set aside ([`ignores`]), and head is compared with base
//! ([`judge`]). Where records come from is [`crate::advisories`]' matter.

pub mod ecosystem;
pub mod ignores;
pub mod includes;
pub mod judge;
pub mod lockfile;
mod node;
pub mod osv;
mod readers;
pub mod severity;
pub mod snapshot;
pub mod version;

pub use ecosystem::Ecosystem;
pub use lockfile::{Format, Lockfile, Package, ReadError};
