//! What `.gitattributes` says about a path, read at the base commit: `linguist-generated`, `linguist-vendored`, `diff`.

use crate::change::RepoPath;

/// The attributes of a tree.
#[derive(Clone, Debug, Default)]
pub struct Attributes {}

/// What the attributes say about one path. `None`: nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// `linguist-generated`
    pub generated: Option<bool>,
    /// `linguist-vendored`
    pub vendored: Option<bool>,
    /// `diff`; `Some(false)` for `-diff` and `binary`.
    pub diff: Option<bool>,
}

impl Attributes {
    /// What is said about `path`.
    pub fn of(&self, _path: &RepoPath) -> Marks {
        Marks::default()
    }
}
