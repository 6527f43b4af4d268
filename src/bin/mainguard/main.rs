//! The `mainguard` command.

fn main() {}
