//! Secrets in text: what a rule is, what a leak is, and how the two are brought together.
//!
//! Compatible with gitleaks 8.30: its rule files, its semantics, its reports. Everything in this room is pure. The
//! [`sources`](crate::sources) read files, archives and history and hand over [`Fragment`]s; the scanner turns a
//! fragment into [`Leak`]s; ignore files and baselines take known ones away; the reports print what is left.
//!
//! ```text
//! TOML ─ rules::file ─► RuleSet ─ scanner ─► Scanner ─┐
//! sources ─────────────────────────────► Fragment ────┴─► Vec<Leak> ─ ignores, baseline ─► report
//! ```

mod ahead;
mod allowlist;
mod atoms;
mod automaton;
pub mod baseline;
pub mod builtin;
mod content;
mod decode;
pub mod dialect;
mod entropy;
pub mod examples;
pub mod fragment;
mod gate;
pub mod ignores;
pub mod known;
mod lazy;
pub mod leak;
pub mod liveness;
mod place;
pub mod redact;
pub mod report;
pub mod rules;
pub mod scanner;
pub mod validity;

pub use fragment::{CommitInfo, Fragment, Origin};
pub use leak::{Leak, Span};
pub use rules::{Allowlist, Condition, Required, Rule, RuleSet, Target};
pub use scanner::{Cache, Options, RuleError, SIEVE, Scanner};
