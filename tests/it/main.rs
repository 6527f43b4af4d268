//! Tests through the front door: the real binary on real repositories.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests are an edge: they make repositories and say what they compared or skipped"
)]

mod action;
mod change_set;
mod check;
mod config;
mod critic;
mod examples;
mod fuzz;
mod github;
mod house;
mod publish;
mod queue;
mod readme;
mod reports;
mod support;
mod workflow_run;
