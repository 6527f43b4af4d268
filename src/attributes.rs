//! What `.gitattributes` says about a path, read at the base commit: `linguist-generated`, `linguist-vendored`, `diff`.
//!
//! The format and its precedence are gitattributes(5): a file deeper in the tree wins over one above it, a later line
//! over an earlier one, and macros (`[attr]`) are defined at the root only. What only one clone knows
//! (`$GIT_DIR/info/attributes`, `core.attributesFile`) is left out, so that a change is judged alike everywhere.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use gix::attrs::StateRef;
use gix::attrs::search::{MetadataCollection, Outcome};
use gix::bstr::ByteSlice;
use gix::glob::pattern::Case;

use crate::change::RepoPath;

/// The name of the files.
pub const FILE_NAME: &str = ".gitattributes";

/// Larger files say nothing. (git's own bound is 100 MB.)
pub(crate) const LARGEST_FILE: usize = 1 << 20;
/// Longer lines say nothing, as in git.
const LONGEST_LINE: usize = 2048;

/// The attributes of a tree.
#[derive(Clone, Default)]
pub struct Attributes {
    rules: Option<Arc<Rules>>,
}

struct Rules {
    search: gix::attrs::Search,
    names: MetadataCollection,
}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = self.rules.as_ref().map_or(0, |rules| rules.search.num_pattern_lists().saturating_sub(1));
        f.debug_struct("Attributes").field("files", &files).finish()
    }
}

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
    /// Reads the `.gitattributes` beside and above each of `paths`. `read` gets a path and returns the file's content,
    /// `None` when there is none; its error ends the loading.
    pub fn load<'a, E>(
        paths: impl IntoIterator<Item = &'a RepoPath>,
        mut read: impl FnMut(&RepoPath) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Attributes, E> {
        // Sorted, a directory comes before what is in it, and the later file wins.
        let mut directories: BTreeSet<&[u8]> = BTreeSet::from([&b""[..]]);
        for path in paths {
            let mut rest = path.as_bytes();
            while let Some(slash) = rest.iter().rposition(|&byte| byte == b'/') {
                rest = &rest[..slash];
                if !directories.insert(rest) {
                    break;
                }
            }
        }
        let mut files = Vec::new();
        for directory in directories {
            let path = match directory {
                b"" => FILE_NAME.into(),
                directory => RepoPath::new([directory, b"/", FILE_NAME.as_bytes()].concat()),
            };
            if let Some(content) = read(&path)? {
                files.push((path, content));
            }
        }
        Ok(Attributes::from_files(files))
    }

    /// From files that are already read, those of a directory before those inside it.
    pub fn from_files(files: impl IntoIterator<Item = (RepoPath, Vec<u8>)>) -> Attributes {
        let mut rules = None;
        for (path, content) in files {
            let Rules { search, names } = rules.get_or_insert_with(Rules::built_in);
            let is_root = path.as_bytes() == FILE_NAME.as_bytes();
            let content = match content.len() > LARGEST_FILE {
                true => Vec::new(),
                false => without_long_lines(content),
            };
            // Both paths only have to agree with each other; nothing is opened.
            let Ok(source) = gix::path::from_bstr(path.as_bytes().as_bstr()) else { continue };
            let _ = search.add_patterns_buffer(
                &content,
                source.into_owned(),
                Some(std::path::Path::new("")),
                names,
                is_root,
            );
        }
        Attributes { rules: rules.map(Arc::new) }
    }

    /// What is said about `path`.
    pub fn of(&self, path: &RepoPath) -> Marks {
        let Some(rules) = &self.rules else { return Marks::default() };
        let mut outcome = Outcome::default();
        outcome.initialize_with_selection(&rules.names, ["linguist-generated", "linguist-vendored", "diff"]);
        rules.search.pattern_matching_relative_path(
            path.as_bytes().as_bstr(),
            Case::Sensitive,
            Some(false),
            &mut outcome,
        );
        let mut marks = Marks::default();
        for found in outcome.iter_selected() {
            let value = match found.assignment.state {
                StateRef::Set => Some(true),
                StateRef::Unset => Some(false),
                StateRef::Value(value) => Some(value.as_bstr() != "false"),
                StateRef::Unspecified => None,
            };
            match found.assignment.name.as_str() {
                "linguist-generated" => marks.generated = value,
                "linguist-vendored" => marks.vendored = value,
                // `diff=NAME` names a driver of the local configuration, which we do not know.
                _ if matches!(found.assignment.state, StateRef::Value(_)) => {}
                _ => marks.diff = value,
            }
        }
        marks
    }
}

impl Rules {
    fn built_in() -> Rules {
        let mut rules = Rules { search: gix::attrs::Search::default(), names: MetadataCollection::default() };
        let binary = b"[attr]binary -diff -merge -text";
        let _ = rules.search.add_patterns_buffer(binary, "[built in]".into(), None, &mut rules.names, true);
        rules
    }
}

fn without_long_lines(content: Vec<u8>) -> Vec<u8> {
    let lines = || content.split_inclusive(|&byte| byte == b'\n');
    match lines().any(|line| line.len() > LONGEST_LINE) {
        true => lines().filter(|line| line.len() <= LONGEST_LINE).collect::<Vec<_>>().concat(),
        false => content,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(files: &[(&str, &str)], path: &str) -> Marks {
        let path = RepoPath::from(path);
        let read = |wanted: &RepoPath| -> Result<Option<Vec<u8>>, ()> {
            let file = files.iter().find(|(name, _)| name.as_bytes() == wanted.as_bytes());
            Ok(file.map(|(_, content)| content.as_bytes().to_vec()))
        };
        Attributes::load([&path], read).unwrap().of(&path)
    }

    #[test]
    fn the_deeper_file_and_the_later_line_win() {
        let files = [
            (".gitattributes", "*.rs linguist-generated\n*.lock -diff\ndocs/** linguist-vendored\n"),
            (
                "src/.gitattributes",
                "*.rs -linguist-generated\na.rs linguist-generated=false\nb.rs !linguist-generated\n",
            ),
        ];
        assert_eq!(marks(&files, "x.rs").generated, Some(true));
        assert_eq!(marks(&files, "src/x.rs").generated, Some(false));
        assert_eq!(marks(&files, "src/a.rs").generated, Some(false));
        assert_eq!(marks(&files, "src/b.rs").generated, None);
        assert_eq!(marks(&files, "deep/Cargo.lock").diff, Some(false));
        assert_eq!(marks(&files, "docs/a/b").vendored, Some(true));
        assert_eq!(marks(&[], "x.rs"), Marks::default());
    }

    #[test]
    fn binary_is_a_macro_and_drivers_are_unknown() {
        let files = [(".gitattributes", "[attr]art binary\n*.png art\n*.svg diff\n*.md diff=markdown\n*.dat binary\n")];
        assert_eq!(marks(&files, "a.png").diff, Some(false));
        assert_eq!(marks(&files, "a.dat").diff, Some(false));
        assert_eq!(marks(&files, "a.svg").diff, Some(true));
        assert_eq!(marks(&files, "a.md").diff, None);
    }

    #[test]
    fn hostile_files_are_bounded() {
        let long = format!("{} -diff\n*.ok -diff\n", "x".repeat(5000));
        assert_eq!(marks(&[(".gitattributes", &long)], "a.ok").diff, Some(false));
        let large = "*.ok -diff\n".repeat(200_000);
        assert_eq!(marks(&[(".gitattributes", &large)], "a.ok").diff, None);
    }
}
