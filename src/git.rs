//! Reading repositories, through gix: no child process, no network, nothing written.
//!
//! [`Repository`] answers the questions around a change: which commit a name means, where a branch left its target, what
//! a file said at the base. [`Repository::change_set`] reads the change itself. The algorithms are pure and stand
//! alone: [`lines`], [`renames`], [`pre_push`], [`raw`].
#![expect(clippy::disallowed_methods, reason = "reads repositories")]

use std::path::{Path, PathBuf};

use gix::bstr::ByteSlice;

use crate::change::{CommitId, ObjectId, RepoPath};

mod additions;
pub mod change_set;
mod history;
pub mod integrate;
pub mod lines;
mod named;
pub(crate) mod parallel;
pub mod pre_push;
pub mod raw;
pub mod renames;
pub mod tree;
mod working_tree;

pub use change_set::Limits;
pub use history::FirstParent;

/// The largest file that [`Repository::read_at`] returns, in bytes.
pub const LARGEST_READ: u64 = 16 << 20;

/// What can go wrong while reading a repository.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// No repository here or above.
    #[error("there is no git repository in {} or above it", .directory.display())]
    NotFound {
        /// Where the search began.
        directory: PathBuf,
    },
    /// There is one, but of a kind we cannot read.
    #[error("the repository {} cannot be read: {reason}", .directory.display())]
    Unreadable {
        /// Where it is.
        directory: PathBuf,
        /// Why.
        reason: String,
    },
    /// A name that means nothing here.
    #[error("the revision `{}` is not in this repository: {reason}", RepoPath::from(&**.revision))]
    UnknownRevision {
        /// The name.
        revision: String,
        /// Why.
        reason: String,
        /// Whether the history was cut off when cloning.
        shallow: bool,
    },
    /// The two histories have no commit in common, as far as this clone knows.
    #[error("{} and {} have no commit in common{}", .base.short(), .head.short(), if *.shallow { " in this shallow clone" } else { "" })]
    NoMergeBase {
        /// The target branch.
        base: CommitId,
        /// The change.
        head: CommitId,
        /// Whether the history was cut off when cloning.
        shallow: bool,
    },
    /// An object that should be there is missing or damaged.
    #[error("the object {id} is missing or damaged: {reason}")]
    Object {
        /// Its id.
        id: ObjectId,
        /// What happened.
        reason: String,
        /// Whether the history was cut off when cloning.
        shallow: bool,
        /// Whether contents were left out when cloning.
        partial: bool,
    },
    /// The index holds a merge that is not finished.
    #[error("`{path}` has an unresolved merge conflict")]
    Unmerged {
        /// The first such path.
        path: RepoPath,
    },
    /// The working tree or the index was asked for where there is none.
    #[error("a bare repository has no {0}")]
    Bare(&'static str),
    /// A file larger than we are willing to read whole.
    #[error("`{path}` has {size} bytes at {commit}, more than the {} that are read", LARGEST_READ)]
    TooLarge {
        /// Which.
        path: RepoPath,
        /// Where.
        commit: CommitId,
        /// Its size in bytes.
        size: u64,
    },
    /// A file of the working tree or of the repository itself.
    #[error("{what}: {reason}")]
    Io {
        /// What was tried.
        what: String,
        /// What happened.
        reason: String,
    },
}

impl GitError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        const DEEPEN: &str = "the clone is shallow: fetch the whole history, with `fetch-depth: 0` for actions/checkout \
                              or `git fetch --unshallow`";
        match self {
            GitError::NotFound { .. } => Some("run this inside a git repository".into()),
            GitError::UnknownRevision { shallow: true, .. }
            | GitError::NoMergeBase { shallow: true, .. }
            | GitError::Object { shallow: true, .. } => Some(DEEPEN.into()),
            GitError::UnknownRevision { .. } => Some("fetch it first, or check the spelling".into()),
            GitError::NoMergeBase { .. } => Some("the two histories are unrelated: name another base".into()),
            GitError::Object { partial: true, .. } => {
                Some("the clone is partial: fetch the contents first, for instance with `git fetch --refetch`".into())
            }
            GitError::Object { .. } => Some("`git fsck` says what else is missing; a fresh clone repairs it".into()),
            GitError::Unmerged { .. } => Some("resolve the conflict and `git add` the file".into()),
            GitError::Bare(_) => Some("compare two commits instead".into()),
            GitError::Unreadable { .. } | GitError::TooLarge { .. } | GitError::Io { .. } => None,
        }
    }
}

/// A repository on this machine.
pub struct Repository {
    gix: gix::Repository,
    common_dir: PathBuf,
}

/// A base that nobody named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuessedBase {
    /// The commit.
    pub commit: CommitId,
    /// The name it was found under, for instance `origin/main`.
    pub name: String,
    /// Why this one.
    pub how: Guess,
}

/// Why a base was guessed. In this order they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guess {
    /// It is the upstream of the current branch.
    Upstream,
    /// It is the default branch of `origin`.
    OriginHead,
    /// It has a usual name.
    UsualName,
}

impl Repository {
    /// The repository that `directory` is in. Worktrees, bare repositories and repositories of another owner (of those
    /// no configuration that could start programs is used) are welcome; `GIT_DIR` is not looked at.
    pub fn discover(directory: &Path) -> Result<Repository, GitError> {
        let found = gix::discover::upwards(directory);
        if found.is_err() {
            return Err(GitError::NotFound { directory: directory.into() });
        }
        let gix = gix::discover(directory).map_err(|error| GitError::Unreadable {
            directory: directory.into(),
            reason: format!("{}", error.probable_cause()),
        })?;
        let unreadable = |reason: &str| GitError::Unreadable { directory: directory.into(), reason: reason.into() };
        let storage = gix.config_snapshot().string("extensions.refStorage");
        if storage.is_some_and(|format| format.to_str_lossy() != "files") {
            return Err(unreadable("it keeps its refs in a reftable, which is not supported yet"));
        }
        Ok(Repository::from_gix(gix))
    }

    fn from_gix(mut gix: gix::Repository) -> Repository {
        // The merge base, the list of commits and their messages look at the same commits. In bytes.
        gix.object_cache_size_if_unset(16 << 20);
        // A worktree names it in steps upwards, which nobody wants to read.
        let common_dir = gix.common_dir().canonicalize().unwrap_or_else(|_| gix.common_dir().into());
        Repository { gix, common_dir }
    }

    /// The commit that a revision names (gitrevisions(7)); tags are followed.
    pub fn resolve(&self, revision: &str) -> Result<CommitId, GitError> {
        const LONGEST: usize = 4096;
        let unknown = |reason: String| GitError::UnknownRevision {
            revision: revision.chars().take(200).collect(),
            reason,
            shallow: self.is_shallow(),
        };
        if revision.is_empty() || revision.len() > LONGEST || revision.contains('\0') {
            return Err(unknown("it is not a name".into()));
        }
        let id = self.gix.rev_parse_single(revision).map_err(|error| unknown(first_line(error.probable_cause())))?;
        let object = id.object().map_err(|error| unknown(first_line(error.probable_cause())))?;
        let commit = object.peel_to_kind(gix::object::Kind::Commit);
        Ok(ours(commit.map_err(|_| unknown("it is not a commit".into()))?.id))
    }

    /// The commit that is checked out; `None` in a repository without commits.
    pub fn head(&self) -> Result<Option<CommitId>, GitError> {
        let io = |error: gix::Error| GitError::Io {
            what: "HEAD cannot be read".into(),
            reason: first_line(error.probable_cause()),
        };
        let mut head = self.gix.head().map_err(io)?;
        if head.is_unborn() {
            return Ok(None);
        }
        Ok(Some(ours(head.peel_to_commit().map_err(io)?.id)))
    }

    /// The branch that is checked out, in short (`main`); `None` for a detached head.
    pub fn branch(&self) -> Option<String> {
        Some(self.gix.head_name().ok()??.shorten().to_string())
    }

    /// The branch that `head` is probably meant for: the upstream of the current branch, the default branch of `origin`,
    /// `main` or `master`. A candidate that *is* `head`, as the upstream of a pushed branch, counts only when no other
    /// is left.
    pub fn guess_base(&self, head: &CommitId) -> Result<Option<GuessedBase>, GitError> {
        let mut candidates: Vec<(String, Guess)> = Vec::new();
        if let Ok(Some(branch)) = self.gix.head_name()
            && let Some(Ok(upstream)) =
                self.gix.branch_remote_tracking_ref_name(branch.as_ref(), gix::remote::Direction::Fetch)
        {
            candidates.push((upstream.as_bstr().to_string(), Guess::Upstream));
        }
        candidates.push(("refs/remotes/origin/HEAD".into(), Guess::OriginHead));
        for name in ["refs/remotes/origin/main", "refs/remotes/origin/master", "refs/heads/main", "refs/heads/master"] {
            candidates.push((name.into(), Guess::UsualName));
        }
        let mut same = None;
        for (name, how) in candidates {
            let Ok(Some(mut reference)) = self.gix.try_find_reference(name.as_str()) else { continue };
            let Ok(id) = reference.peel_to_id() else { continue };
            let short = name.trim_start_matches("refs/remotes/").trim_start_matches("refs/heads/").to_string();
            let guess = GuessedBase { commit: ours(id.detach()), name: short, how };
            match guess.commit == *head {
                true => same = same.or(Some(guess)),
                false => return Ok(Some(guess)),
            }
        }
        Ok(same)
    }

    /// The commits that a remote is known to have: its remote-tracking branches. For a pushed branch that is new there,
    /// the base is the merge base with these.
    pub fn remote_tips(&self, remote: &str) -> Result<Vec<CommitId>, GitError> {
        let io = |reason: String| GitError::Io { what: "the refs cannot be read".into(), reason };
        let platform = self.gix.references().map_err(|error| io(error.to_string()))?;
        let prefix = format!("refs/remotes/{remote}/");
        let Ok(references) = platform.prefixed(prefix.as_str()) else { return Ok(Vec::new()) };
        let mut tips: Vec<CommitId> = references
            .flatten()
            .filter_map(|mut reference| reference.peel_to_id().ok().map(|id| ours(id.detach())))
            .collect();
        tips.sort();
        tips.dedup();
        Ok(tips)
    }

    /// A file as it stood at a commit; `None` when there was no such file. Symlinks are not followed: what a symlink
    /// holds is a path, not a policy.
    pub fn read_at(&self, commit: &CommitId, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        let id = self.theirs(commit)?;
        let damaged = |error: gix::Error| self.damaged(commit, &error);
        let tree = self.gix.find_commit(id).map_err(damaged)?.tree().map_err(damaged)?;
        let entry = tree.lookup_entry(path.split('/')).map_err(damaged)?;
        let Some(entry) = entry.filter(|entry| entry.mode().is_blob()) else { return Ok(None) };
        let blob = entry.object_id();
        let size = self.header(blob)?;
        if size > LARGEST_READ {
            return Err(GitError::TooLarge { path: path.into(), commit: commit.clone(), size });
        }
        self.blob(blob).map(Some)
    }

    /// Whether the history was cut off when cloning.
    pub fn is_shallow(&self) -> bool {
        self.gix.is_shallow().unwrap_or(false)
    }

    /// Whether contents were left out when cloning (`--filter`).
    pub fn is_partial(&self) -> bool {
        let config = self.gix.config_snapshot();
        config.string("extensions.partialClone").is_some()
            || self
                .gix
                .remote_names()
                .iter()
                .any(|name| config.boolean(format!("remote.{name}.promisor").as_str()).unwrap_or(false))
    }

    /// Whether the clone's own configuration holds something that lets one in at a server: a header, or a password in a
    /// URL. A configuration that cannot be read is taken to hold some.
    pub fn holds_credentials(&self) -> bool {
        let text = match std::fs::read(self.common_dir.join("config")) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).to_ascii_lowercase(),
            Err(error) => return error.kind() != std::io::ErrorKind::NotFound,
        };
        let has_password = |line: &str| {
            let user = line.split_once("://").and_then(|(_, rest)| rest.split('/').next()?.rsplit_once('@'));
            user.is_some_and(|(user, _)| user.contains(':'))
        };
        text.contains("extraheader") || text.lines().any(has_password)
    }

    /// `.git`, or what stands for it in a worktree.
    pub fn git_dir(&self) -> &Path {
        self.gix.git_dir()
    }

    /// What all worktrees share.
    pub fn common_dir(&self) -> &Path {
        &self.common_dir
    }

    /// The checked-out files; `None` in a bare repository.
    pub fn work_dir(&self) -> Option<&Path> {
        self.gix.workdir()
    }

    /// Where git looks for hooks: `core.hooksPath`, else `hooks` in the common directory.
    pub fn hooks_dir(&self) -> PathBuf {
        let configured = self.gix.config_snapshot().trusted_path("core.hooksPath").ok().flatten();
        match configured {
            Some(path) if path.is_relative() => self.work_dir().unwrap_or(self.git_dir()).join(path),
            Some(path) => path,
            None => self.common_dir().join("hooks"),
        }
    }

    /// The address of `origin` without user name and password.
    pub fn origin(&self) -> Option<String> {
        let remote = self.gix.try_find_remote_without_url_rewrite("origin")?.ok()?;
        let mut url = remote.url(gix::remote::Direction::Fetch)?.clone();
        url.set_password(None);
        if !matches!(url.scheme, gix::url::Scheme::Ssh) {
            url.set_user(None);
        }
        Some(url.to_bstring().to_string())
    }

    pub(crate) fn gix(&self) -> &gix::Repository {
        &self.gix
    }

    /// The size of a blob in bytes, without reading all of it.
    fn header(&self, id: gix::ObjectId) -> Result<u64, GitError> {
        match self.gix.try_find_header(id) {
            Ok(Some(header)) => Ok(header.size()),
            Ok(None) => Err(self.missing(id, "it is not there")),
            Err(error) => Err(self.missing(id, &first_line(error.probable_cause()))),
        }
    }

    fn blob(&self, id: gix::ObjectId) -> Result<Vec<u8>, GitError> {
        let object = self.gix.find_object(id).map_err(|error| self.missing(id, &first_line(error.probable_cause())))?;
        match object.kind {
            gix::object::Kind::Blob => Ok(object.detach().data),
            kind => Err(self.missing(id, &format!("it is a {kind}, not a blob"))),
        }
    }

    fn missing(&self, id: gix::ObjectId, reason: &str) -> GitError {
        GitError::Object { id: ours(id), reason: reason.into(), shallow: self.is_shallow(), partial: self.is_partial() }
    }

    fn damaged(&self, near: &CommitId, error: &gix::Error) -> GitError {
        GitError::Object {
            id: near.clone(),
            reason: format!("it, or an object it leads to: {}", first_line(error.probable_cause())),
            shallow: self.is_shallow(),
            partial: self.is_partial(),
        }
    }

    fn theirs(&self, id: &ObjectId) -> Result<gix::ObjectId, GitError> {
        let unknown = |reason: &str| GitError::UnknownRevision {
            revision: id.to_string(),
            reason: reason.into(),
            shallow: self.is_shallow(),
        };
        let parsed = gix::ObjectId::from_hex(id.as_str().as_bytes()).map_err(|_| unknown("it is not an object id"))?;
        match parsed.kind() == self.gix.object_hash() {
            true => Ok(parsed),
            false => Err(unknown("this repository has object ids of another length")),
        }
    }
}

fn ours(id: gix::ObjectId) -> ObjectId {
    let hex = id.to_hex().to_string();
    ObjectId::parse(&hex).expect("gix writes 40 or 64 hexadecimal digits")
}

/// Messages of libraries can be long and quote input: one line, bounded.
fn first_line(error: impl std::fmt::Display) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(300).filter(|character| !character.is_control()).collect()
}
