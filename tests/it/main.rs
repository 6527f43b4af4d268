//! Tests through the front door: the real binary on real repositories.

#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod reports;
