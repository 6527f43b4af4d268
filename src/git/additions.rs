//! The text that a change brings in, commit by commit.

use super::{GitError, Repository};
use crate::change::{Addition, Additions, ChangeSet, CommitId, Diff, FileChange, Head, Mode};

use super::change_set::Limits;

/// Commits rewrite each other's files, so this is more than one change set keeps. In bytes.
const MOST_TEXT: usize = 512 << 20;

impl Repository {
    /// What each commit of `change` added, compared with its first parent; what is not committed, compared with its
    /// base. A merge may add lines that none of the merged histories has: where there is one, everything counts that the
    /// whole change shows, so what a commit added may be in here twice.
    pub fn additions(&self, change: &ChangeSet, limits: &Limits) -> Result<Additions, GitError> {
        let mut additions = Collected::default();
        match change.commits.as_slice() {
            [] => additions.add(None, &change.files),
            [only] if only.parents.len() < 2 && only.parents.first() == change.base.as_ref() => {
                additions.add(Some(&only.id), &change.files);
            }
            commits => {
                for commit in commits.iter().filter(|commit| commit.parents.len() < 2) {
                    let head = Head::Commit(commit.id.clone());
                    let step = self.change_set(commit.parents.first(), &head, limits)?;
                    additions.add(Some(&commit.id), &step.files);
                }
                if let Some(merge) = commits.iter().rfind(|commit| commit.parents.len() > 1) {
                    additions.add(Some(&merge.id), &change.files);
                }
            }
        }
        Ok(additions.all)
    }
}

#[derive(Default)]
struct Collected {
    all: Additions,
    bytes: usize,
}

impl Collected {
    fn add(&mut self, commit: Option<&CommitId>, files: &[FileChange]) {
        for file in files {
            self.file(commit, file);
        }
    }

    fn file(&mut self, commit: Option<&CommitId>, file: &FileChange) {
        let Some(head) = file.head.as_ref().filter(|head| head.mode != Mode::Submodule) else { return };
        let Some(data) = &head.data else {
            if self.all.unread.last() != Some(&file.path) {
                self.all.unread.push(file.path.clone());
            }
            return;
        };
        let mut keep = |first_line: u32, text: &[u8]| {
            self.bytes += text.len();
            match self.bytes <= MOST_TEXT {
                true => self.all.texts.push(Addition {
                    commit: commit.cloned(),
                    path: file.path.clone(),
                    first_line,
                    text: text.to_vec(),
                }),
                false => self.all.unread.push(file.path.clone()),
            }
        };
        match &file.diff {
            Diff::Lines(hunks) => {
                let mut lines = data.split_inclusive(|&byte| byte == b'\n');
                let (mut line, mut at) = (0, 0);
                for range in hunks.iter().map(|hunk| hunk.head.clone()).filter(|range| !range.is_empty()) {
                    let mut skip = |to: u32| {
                        while line < to {
                            at += lines.next().map_or(0, <[u8]>::len);
                            line += 1;
                        }
                        at
                    };
                    let (start, end) = (skip(range.start), skip(range.end));
                    keep(range.start + 1, &data[start..end]);
                }
            }
            // Text that an attribute calls binary is read whole: `-diff` hides lines from people, not from us.
            Diff::Binary if !super::lines::is_binary(data) => keep(1, data),
            Diff::Binary => {}
        }
    }
}
