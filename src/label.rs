//! Labels that mainguard keeps on a pull request, as they ought to be.

/// A family of labels of which mainguard keeps at most one on the pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedLabel {
    /// Every name of the family.
    pub family: Vec<String>,
    /// The one that belongs there now.
    pub wanted: LabelSpec,
}

/// A label as it is created when the repository lacks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelSpec {
    /// Its name.
    pub name: String,
    /// Six hexadecimal digits, no `#`.
    pub color: String,
    /// At most 100 characters (GitHub's limit).
    pub description: String,
}
