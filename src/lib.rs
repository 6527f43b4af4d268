//! mainguard guards what enters `main`.
//!
//! One shape: load → decide → act. Facts are loaded at the edges ([`git`], [`github`], the binary), decided upon by
//! pure functions (the [`guards`], composed by [`evaluate`]), and acted upon at the edges again ([`report`] prints,
//! the binary publishes).
//!
//! Rooms in reading order: the nouns ([`change`], [`pull_request`], [`finding`]); the guards; what they are judged by
//! ([`config`], [`policy`], [`attributes`]) and with ([`context`]); the [`verdict`] and its reports; the edges.

#![cfg_attr(test, allow(clippy::disallowed_methods, clippy::print_stdout))]

pub mod advisories;
pub mod annotation;
pub mod attributes;
pub mod change;
pub mod config;
pub mod context;
pub mod contracts;
pub mod coverage;
pub mod delivery;
pub mod deps;
pub mod evaluate;
pub mod finding;
pub mod git;
pub mod github;
pub mod guards;
pub mod isolation;
pub mod label;
pub mod policy;
pub mod previews;
pub mod probe;
pub mod pull_request;
pub mod queue;
pub mod queue_driver;
pub mod report;
pub mod sast;
pub mod secrets;
pub mod semgrep;
pub mod sources;
pub mod text;
pub mod verdict;
pub mod verifier;
