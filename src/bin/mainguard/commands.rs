//! What the binary can do, a command a file.

pub(crate) mod critic;
