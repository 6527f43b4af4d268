//! The index and the files on disk as lists of entries.

use super::change_set::{Entry, Limits};
use super::{GitError, Repository};
use crate::change::{Head, Mode, RepoPath};

impl Repository {
    /// What `head` (not a commit) holds, by path.
    pub(super) fn entries_of(&self, head: &Head, _limits: &Limits) -> Result<Vec<(Vec<u8>, Entry)>, GitError> {
        let index = self.gix().index_or_empty().map_err(|error| GitError::Io {
            what: "the index cannot be read".into(),
            reason: super::first_line(error.probable_cause()),
        })?;
        let mut entries = Vec::new();
        for entry in index.entries() {
            let path = entry.path(&index).to_vec();
            if entry.stage_raw() != 0 {
                return Err(GitError::Unmerged { path: RepoPath::new(path) });
            }
            let Some(mode) = mode_of(entry.mode) else { continue };
            if entry.flags.contains(gix::index::entry::Flags::INTENT_TO_ADD) {
                continue;
            }
            entries.push((path, Entry::stored(mode, entry.id)));
        }
        let _ = head;
        Ok(entries)
    }
}

fn mode_of(mode: gix::index::entry::Mode) -> Option<Mode> {
    use gix::index::entry::Mode as Index;
    match mode {
        Index::FILE => Some(Mode::File),
        Index::FILE_EXECUTABLE => Some(Mode::Executable),
        Index::SYMLINK => Some(Mode::Symlink),
        Index::COMMIT => Some(Mode::Submodule),
        _ => None,
    }
}
