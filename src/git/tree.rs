//! One side of a change as a [`Tree`]: its paths at once, its contents when somebody asks.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::change_set::{Entry, Limits};
use super::{GitError, LARGEST_READ, Repository};
use crate::change::{Head, Mode, RepoPath};
use crate::contracts::Tree;

/// The files of a commit, the index or the working tree. Symlinks and submodules are not among them: what they hold is
/// a name, not a file.
pub struct Files<'a> {
    repository: &'a Repository,
    entries: BTreeMap<String, Entry>,
    read: RefCell<BTreeMap<String, Vec<u8>>>,
    failure: RefCell<Option<GitError>>,
}

impl Repository {
    /// What `head` holds; nothing when it is `None`.
    ///
    /// # Errors
    /// When the list of files cannot be read. A content that cannot be read is told by [`Files::failure`].
    pub fn files_at(&self, head: Option<&Head>) -> Result<Files<'_>, GitError> {
        let entries = match head {
            None => Vec::new(),
            Some(Head::Commit(commit)) => self.entries_of_commit(commit)?,
            Some(other) => self.entries_of(other, &Limits::default())?,
        };
        let files = entries.into_iter().filter(|(_, entry)| matches!(entry.mode, Mode::File | Mode::Executable));
        let named = files.map(|(path, entry)| (String::from_utf8_lossy(&path).into_owned(), entry));
        Ok(Files { repository: self, entries: named.collect(), read: RefCell::default(), failure: RefCell::default() })
    }
}

impl Files<'_> {
    /// The first content that could not be read: whatever was concluded without it does not count.
    pub fn failure(&self) -> Option<GitError> {
        self.failure.borrow_mut().take()
    }

    /// Whether a file may be executed.
    pub fn is_executable(&self, path: &str) -> bool {
        self.entries.get(path).is_some_and(|entry| entry.mode == Mode::Executable)
    }

    fn content(&self, path: &str, entry: &Entry) -> Result<Vec<u8>, GitError> {
        if let Some(content) = &entry.on_disk {
            return Ok(content.clone());
        }
        let size = self.repository.header(entry.id)?;
        if size > LARGEST_READ {
            return Err(GitError::TooLarge { path: RepoPath::from(path), commit: super::ours(entry.id), size });
        }
        self.repository.blob(entry.id)
    }
}

impl Tree for Files<'_> {
    fn paths(&self) -> Vec<String> {
        self.entries.keys().cloned().collect()
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        if let Some(content) = self.read.borrow().get(path) {
            return Some(content.clone());
        }
        let entry = self.entries.get(path)?;
        match self.content(path, entry) {
            Ok(content) => {
                self.read.borrow_mut().insert(path.to_string(), content.clone());
                Some(content)
            }
            Err(error) => {
                self.failure.borrow_mut().get_or_insert(error);
                None
            }
        }
    }
}
