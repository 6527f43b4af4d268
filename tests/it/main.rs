//! Tests through the front door: the real binary on real repositories.

#![allow(clippy::disallowed_methods, clippy::print_stderr, reason = "tests are an edge")]

mod action;
mod critic;
mod examples;
mod github;
mod publish;
mod readme;
mod support;
