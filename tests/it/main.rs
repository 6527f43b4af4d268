//! Tests through the front door: the real binary on real repositories.

mod reports;
