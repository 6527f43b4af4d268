//! Tests through the front door: the real binary on real repositories.

mod change_set;
mod support {
    pub(crate) mod repo;
}
