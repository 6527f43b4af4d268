//! Files of a commit by their names, without reading their contents.

use super::{GitError, Repository};
use crate::change::{CommitId, RepoPath};

/// Folders deeper than this hold nothing that a check looks for.
const MAX_DEPTH: usize = 64;

impl Repository {
    /// The paths of regular files at a commit that `wanted` admits, sorted as git sorts trees.
    ///
    /// # Errors
    ///
    /// When the commit or one of its trees is not there.
    pub fn files_named(&self, commit: &CommitId, wanted: impl Fn(&str) -> bool) -> Result<Vec<RepoPath>, GitError> {
        let id = self.theirs(commit)?;
        let damaged = |error: gix::Error| self.damaged(commit, &error);
        let root = self.gix.find_commit(id).map_err(damaged)?.tree_id().map_err(damaged)?.detach();
        let mut found = Vec::new();
        let mut open = vec![(root, Vec::new(), 0)];
        while let Some((id, prefix, depth)) = open.pop() {
            let tree = self.gix.find_tree(id).map_err(damaged)?;
            for entry in tree.iter() {
                let entry = entry.map_err(damaged)?;
                let mut path: Vec<u8> = prefix.clone();
                path.extend_from_slice(entry.filename());
                let mode = entry.mode();
                if mode.is_tree() && depth < MAX_DEPTH {
                    path.push(b'/');
                    open.push((entry.object_id(), path, depth + 1));
                } else if mode.is_blob() && wanted(&String::from_utf8_lossy(&path)) {
                    found.push(RepoPath::new(path));
                }
            }
        }
        found.sort();
        Ok(found)
    }
}
