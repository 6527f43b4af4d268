//! Dangerous code: rules, the reading of a file by them, and what of it a change brings in. Pure.
//!
//! What pulls on this room: rules must be short to write and general in what they find; a false alarm costs more than
//! a miss; a change of a few files is judged in milliseconds, so nothing is compiled or parsed that no file needs; and
//! every text is a stranger's.
//!
//! A file is read in one walk over its syntax tree (`facts`). Calls are known by a name in which imports and local
//! names are resolved (`names`), their arguments by what they may hold (`values`). Where that is not enough, a rule
//! brings a syntax rule of ast-grep, a pattern on lines (`lines`) or a place in a workflow (`workflow`).

mod builtin;
pub mod examples;
mod external;
mod facts;
mod filter;
pub mod fresh;
pub mod ignore_file;
mod language;
mod lines;
mod names;
mod pack;
mod pattern;
mod rule;
mod scan;
mod suppress;
mod values;
mod vocabulary;
mod workflow;

pub use builtin::{files as builtin_files, prepared as prepared_rules};
pub use external::External;
pub use language::Language;
pub use pack::Pack;
pub use rule::{Examples, Rule, RuleError, Severity, parse};
pub use scan::{Hit, MOST_BYTES, Parse, Scan, Task, Unread, may_apply, scan, scan_all};
pub use suppress::{Form, Suppression};
