//! Tests through the front door: the real binary on real repositories.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests make repositories and say what they compared"
)]

mod change_set;
mod support {
    pub(crate) mod repo;
}
