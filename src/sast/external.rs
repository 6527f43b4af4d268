//! What a scanner of somebody else found in a changed file.

use super::scan::Hit;

/// Findings of another scanner in one file, before and after.
#[derive(Clone, Debug, Default)]
pub struct External {
    /// The path at the head.
    pub path: Vec<u8>,
    /// What it found at the base.
    pub base: Vec<Hit>,
    /// What it found at the head.
    pub head: Vec<Hit>,
}
