//! Merging and pushing, through git itself: version 2.38 or newer, by argument vectors, never through a shell.
//!
//! What pulls on this file: the same inputs must give the same commit, on every machine and at any time; git that was
//! killed or lacks an object says nothing about a pull request; nothing that a repository or a stranger configures may
//! start a program; and a push must move all of its refs or none, each from exactly where it was believed to be. So
//! everything happens in a bare repository of our own, whose configuration nobody else writes. The user's clone lends
//! its objects and nothing else. <https://git-scm.com/docs/git-merge-tree>, <https://git-scm.com/docs/git-push>
#![expect(clippy::disallowed_methods, reason = "starts git, which is the only one that can push")]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::change::{CommitId, ObjectId, RepoPath};
use crate::text::visible;

/// The oldest git that can merge without a working tree.
pub const OLDEST_GIT: (u32, u32) = (2, 38);
/// The most that git may print before we stop listening, in bytes.
const MOST_OUTPUT: u64 = 256 << 20;
/// How many conflicting files are named.
const MOST_FILES: usize = 20;
/// Who makes integration commits. Part of the commit's id, so it never changes by itself.
const IDENTITY: (&str, &str) = ("mainguard", "mainguard@users.noreply.github.com");

/// Why git did not do what it was asked. Never holds a credential: those travel in the environment only.
#[derive(Debug, thiserror::Error)]
pub enum IntegrateError {
    /// There is no git.
    #[error("git cannot be started: {0}")]
    NoGit(String),
    /// It is too old.
    #[error("git {found} is too old: merging without a working tree needs {}.{}", OLDEST_GIT.0, OLDEST_GIT.1)]
    TooOld {
        /// What it says of itself.
        found: String,
    },
    /// It took too long and was stopped.
    #[error("`git {what}` did not end within {} seconds", after.as_secs())]
    Timeout {
        /// The subcommand.
        what: String,
        /// How long it was given.
        after: Duration,
    },
    /// It failed.
    #[error("`git {what}` failed: {message}")]
    Failed {
        /// The subcommand.
        what: String,
        /// Its words, safe to show.
        message: String,
    },
    /// It said something that we do not understand.
    #[error("`git {what}` said something unexpected: {message}")]
    Unexpected {
        /// The subcommand.
        what: String,
        /// What.
        message: String,
    },
    /// A file of our own repository.
    #[error("{what}: {reason}")]
    Io {
        /// What was tried.
        what: String,
        /// What happened.
        reason: String,
    },
}

impl IntegrateError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            IntegrateError::NoGit(_) | IntegrateError::TooOld { .. } => {
                Some(format!("install git {}.{} or newer", OLDEST_GIT.0, OLDEST_GIT.1))
            }
            IntegrateError::Timeout { .. } => Some("run it again; a complete clone nearby makes fetching quick".into()),
            IntegrateError::Failed { message, .. }
                if message.contains("could not read Username") || message.contains("Authentication failed") =>
            {
                Some("set GITHUB_TOKEN, or GIT_SSH_COMMAND for a deploy key".into())
            }
            IntegrateError::Failed { .. } | IntegrateError::Unexpected { .. } | IntegrateError::Io { .. } => None,
        }
    }
}

/// Where the repository on the server is, and what to say there.
#[derive(Clone)]
pub struct Remote {
    /// A URL or a path, without credentials.
    pub url: String,
    /// The value of an `Authorization` header for HTTP; never printed, never in an argument.
    pub authorization: Option<String>,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What came of a merge of trees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergedTree {
    /// Without conflict.
    Clean(ObjectId),
    /// These files conflict; as text that is safe to show, at most 20.
    Conflict(Vec<String>),
}

/// A ref as it is to be moved by a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefUpdate {
    /// The full name.
    pub name: String,
    /// Where it is now, exactly; `None`: it does not exist.
    pub old: Option<CommitId>,
    /// Where it goes; `None`: it is deleted.
    pub new: Option<CommitId>,
}

/// Why a push did not happen. Nothing was moved, unless it is [`PushError::Unknown`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushRefusal {
    /// A ref was not where it was believed to be.
    Moved,
    /// A rule of the server.
    Protected,
    /// The credential may not.
    Permission,
    /// The commits change workflow files, and the credential may not.
    WorkflowFiles,
    /// Something else that the server said.
    Other,
}

/// What came of a push that was not carried out.
#[derive(Debug)]
pub enum PushError {
    /// The server said no: nothing was moved.
    Refused {
        /// Why.
        why: PushRefusal,
        /// Its words, safe to show.
        message: String,
    },
    /// No answer: it may have happened or not.
    Unknown(IntegrateError),
}

/// A bare repository of our own.
pub struct Store {
    directory: PathBuf,
    remote: Remote,
    timeout: Duration,
    /// Variables that reach git.
    environment: Vec<(OsString, OsString)>,
}

/// What git printed.
struct Output {
    code: i32,
    stdout: Vec<u8>,
    stderr: String,
}

impl Store {
    /// Opens or makes the repository at `directory`. `lends` is the object folder of a complete clone whose objects need
    /// not be fetched. `environment` is what git may see of ours: `PATH`, `HOME`, proxies, `GIT_SSH_COMMAND`.
    pub fn open(
        directory: &Path,
        lends: Option<&Path>,
        remote: Remote,
        timeout: Duration,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Store, IntegrateError> {
        let environment = environment.into_iter().filter(|(name, _)| reaches_git(&name.to_string_lossy())).collect();
        let store = Store { directory: directory.into(), remote, timeout, environment };
        let io =
            |what: &str, error: std::io::Error| IntegrateError::Io { what: what.into(), reason: error.to_string() };
        std::fs::create_dir_all(directory).map_err(|error| io("the queue's own repository", error))?;
        store.check_version()?;
        if !directory.join("HEAD").is_file() {
            store.run("init", &["--bare", "--quiet", "--template=", "."], b"")?;
        }
        // Whatever stood there is ours, and whoever could write it could write anything: it is made anew every time.
        let format = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n";
        std::fs::write(directory.join("config"), format).map_err(|error| io("the queue's configuration", error))?;
        let info = directory.join("objects/info");
        std::fs::create_dir_all(&info).map_err(|error| io("the queue's own repository", error))?;
        let alternates = match lends {
            Some(objects) => format!("{}\n", objects.display()),
            None => String::new(),
        };
        std::fs::write(info.join("alternates"), alternates).map_err(|error| io("the lent objects", error))?;
        Ok(store)
    }

    fn check_version(&self) -> Result<(), IntegrateError> {
        let output = self.run("version", &[], b"")?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_string();
        let found = text.split_whitespace().nth(2).unwrap_or_default().to_string();
        match version(&found) {
            Some(version) if version >= OLDEST_GIT => Ok(()),
            _ => Err(IntegrateError::TooOld { found: visible(&found).into_owned() }),
        }
    }

    /// The refs of the server that match a pattern, full name to commit. A pattern is a full name, which may end in `*`.
    pub fn remote_refs(&self, patterns: &[String]) -> Result<BTreeMap<String, CommitId>, IntegrateError> {
        let mut arguments = vec!["--refs", "--quiet", "--", &self.remote.url];
        arguments.extend(patterns.iter().map(String::as_str));
        let output = self.succeed("ls-remote", &arguments, b"")?;
        let mut refs = BTreeMap::new();
        for line in output.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            let line = String::from_utf8_lossy(line);
            let Some((id, name)) = line.split_once('\t') else { continue };
            // `ls-remote main` also lists `x/main`: what was asked for is a whole name.
            let fits = patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => name == pattern,
            });
            if let Some(id) = CommitId::parse(id).filter(|_| fits) {
                refs.insert(name.to_string(), id);
            }
        }
        Ok(refs)
    }

    /// Which of these commits are not here.
    pub fn missing(&self, commits: &BTreeSet<CommitId>) -> Result<BTreeSet<CommitId>, IntegrateError> {
        if commits.is_empty() {
            return Ok(BTreeSet::new());
        }
        let asked: String = commits.iter().map(|commit| format!("{commit}^{{commit}}\n")).collect();
        let output = self.succeed("cat-file", &["--batch-check=%(objecttype)"], asked.as_bytes())?;
        let text = String::from_utf8_lossy(&output).into_owned();
        let missing = commits.iter().zip(text.lines()).filter(|(_, line)| line.trim() != "commit");
        Ok(missing.map(|(commit, _)| commit.clone()).collect())
    }

    /// Brings commits here, all of them or as many as the server has. Those that are here already cost nothing.
    pub fn fetch(&self, commits: &BTreeSet<CommitId>) -> Result<BTreeSet<CommitId>, IntegrateError> {
        let missing = self.missing(commits)?;
        if missing.is_empty() {
            return Ok(missing);
        }
        let wanted: Vec<&str> = missing.iter().map(CommitId::as_str).collect();
        if self.fetch_some(&wanted).is_err() {
            // One that the server does not give must not keep the others away.
            for commit in &wanted {
                if let Err(error @ (IntegrateError::NoGit(_) | IntegrateError::Timeout { .. })) =
                    self.fetch_some(std::slice::from_ref(commit))
                {
                    return Err(error);
                }
            }
        }
        self.missing(&missing)
    }

    fn fetch_some(&self, commits: &[&str]) -> Result<(), IntegrateError> {
        let mut arguments =
            vec!["--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance"];
        arguments.extend(["--", &*self.remote.url]);
        arguments.extend(commits);
        self.succeed("fetch", &arguments, b"").map(drop)
    }

    /// Of these commits, those that are reachable from `tip`. All of them must be here; those that are not are left out.
    pub fn reachable(
        &self,
        commits: &BTreeSet<CommitId>,
        tip: &CommitId,
    ) -> Result<BTreeSet<CommitId>, IntegrateError> {
        let missing = self.missing(commits)?;
        let here: BTreeSet<&CommitId> = commits.difference(&missing).collect();
        let mut asked: String = here.iter().map(|commit| format!("{commit}\n")).collect();
        asked.push_str(&format!("^{tip}\n"));
        let output = self.succeed("rev-list", &["--stdin"], asked.as_bytes())?;
        let text = String::from_utf8_lossy(&output);
        let outside: BTreeSet<&str> = text.lines().map(str::trim).collect();
        Ok(here.into_iter().filter(|commit| !outside.contains(commit.as_str())).cloned().collect())
    }

    /// Whether `old` is an ancestor of `new`, or the same.
    pub fn is_ancestor(&self, old: &CommitId, new: &CommitId) -> Result<bool, IntegrateError> {
        let output = self.run("merge-base", &["--is-ancestor", old.as_str(), new.as_str()], b"")?;
        match output.code {
            0 => Ok(true),
            1 => Ok(false),
            _ => Err(failed("merge-base", &output)),
        }
    }

    /// The tree of a commit.
    pub fn tree(&self, commit: &CommitId) -> Result<ObjectId, IntegrateError> {
        let output =
            self.succeed("rev-parse", &["--verify", "--end-of-options", &format!("{commit}^{{tree}}")], b"")?;
        object("rev-parse", &output)
    }

    /// Merges two commits as `git merge` would, without a working tree.
    pub fn merge_trees(&self, ours: &CommitId, theirs: &CommitId) -> Result<MergedTree, IntegrateError> {
        const WHAT: &str = "merge-tree";
        let arguments = ["--write-tree", "-z", "--name-only", "--no-messages", ours.as_str(), theirs.as_str()];
        let output = self.run(WHAT, &arguments, b"")?;
        let mut parts = output.stdout.split(|&byte| byte == 0);
        let tree = parts.next().and_then(|hex| ObjectId::parse(std::str::from_utf8(hex).ok()?));
        match (output.code, tree) {
            (0, Some(tree)) => Ok(MergedTree::Clean(tree)),
            // Git ends with 1 for a conflict and for some failures. Only a conflict names a tree and files.
            (1, Some(_)) => {
                let mut files: Vec<String> =
                    parts.filter(|path| !path.is_empty()).map(|path| RepoPath::new(path).to_string()).collect();
                files.dedup();
                files.truncate(MOST_FILES);
                match files.is_empty() {
                    true => Err(failed(WHAT, &output)),
                    false => Ok(MergedTree::Conflict(files)),
                }
            }
            _ if output.stderr.contains("unrelated histories") => {
                Ok(MergedTree::Conflict(vec!["(the histories have no commit in common)".into()]))
            }
            _ => Err(failed(WHAT, &output)),
        }
    }

    /// Makes a commit. The same arguments give the same id.
    pub fn commit(
        &self,
        tree: &ObjectId,
        parents: &[CommitId],
        message: &str,
        at: DateTime<Utc>,
    ) -> Result<CommitId, IntegrateError> {
        let mut arguments = vec![tree.as_str()];
        for parent in parents {
            arguments.extend(["-p", parent.as_str()]);
        }
        arguments.extend(["-F", "-"]);
        let date = format!("@{} +0000", at.timestamp());
        let (name, email) = IDENTITY;
        let identity = [
            ("GIT_AUTHOR_NAME", name),
            ("GIT_AUTHOR_EMAIL", email),
            ("GIT_AUTHOR_DATE", &date),
            ("GIT_COMMITTER_NAME", name),
            ("GIT_COMMITTER_EMAIL", email),
            ("GIT_COMMITTER_DATE", &date),
        ];
        let output = self.run_with("commit-tree", &arguments, message.as_bytes(), &identity)?;
        match output.code {
            0 => object("commit-tree", &output.stdout),
            _ => Err(failed("commit-tree", &output)),
        }
    }

    /// A commit's parents, its date and its message.
    pub fn read_commit(&self, commit: &CommitId) -> Result<(Vec<CommitId>, DateTime<Utc>, String), IntegrateError> {
        let output = self.succeed("cat-file", &["commit", commit.as_str()], b"")?;
        let text = String::from_utf8_lossy(&output).into_owned();
        let (head, message) = text.split_once("\n\n").unwrap_or((&text, ""));
        let field = |name: &'static str| head.lines().filter_map(move |line| line.strip_prefix(name));
        let parents = field("parent ").filter_map(CommitId::parse).collect();
        let seconds = field("committer ").next().and_then(|line| line.rsplit(' ').nth(1)?.parse().ok());
        let at = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0)).unwrap_or_default();
        Ok((parents, at, message.to_string()))
    }

    /// The first-parent history from `from` (not included) to `to`, newest first, at most `limit`.
    pub fn first_parents(&self, range: &[&str], limit: usize) -> Result<Vec<CommitId>, IntegrateError> {
        let limit = format!("--max-count={limit}");
        let mut arguments = vec!["--first-parent", &limit, "--end-of-options"];
        arguments.extend(range);
        let output = self.succeed("rev-list", &arguments, b"")?;
        Ok(String::from_utf8_lossy(&output).lines().filter_map(CommitId::parse).collect())
    }

    /// The files of a tree at one level with their contents, where each is at most `limit` bytes: of a state's commit.
    pub fn read_file(&self, commit: &CommitId, path: &str) -> Result<Option<Vec<u8>>, IntegrateError> {
        let output = self.run("cat-file", &["blob", &format!("{commit}:{path}")], b"")?;
        match output.code {
            0 => Ok(Some(output.stdout)),
            _ if output.stderr.contains("does not exist in") || output.stderr.contains("Not a valid object name") => {
                Ok(None)
            }
            _ => Err(failed("cat-file", &output)),
        }
    }

    /// The names in a folder of a commit's tree; none where there is no folder.
    pub fn list_folder(&self, commit: &CommitId, folder: &str) -> Result<Vec<String>, IntegrateError> {
        let output =
            self.succeed("ls-tree", &["-z", "--name-only", commit.as_str(), "--", &format!("{folder}/")], b"")?;
        let names = output.split(|&byte| byte == 0).filter(|name| !name.is_empty());
        Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
    }

    /// Makes a commit whose tree holds these files (`folder/name` or `name`), on top of `parent`.
    pub fn commit_files(
        &self,
        files: &BTreeMap<String, Vec<u8>>,
        parent: Option<&CommitId>,
        message: &str,
        at: DateTime<Utc>,
    ) -> Result<CommitId, IntegrateError> {
        let mut top: Vec<String> = Vec::new();
        let mut folders: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (path, content) in files {
            let blob = object("hash-object", &self.succeed("hash-object", &["-w", "--stdin"], content)?)?;
            match path.split_once('/') {
                Some((folder, name)) => {
                    folders.entry(folder).or_default().push(format!("100644 blob {blob}\t{name}\0"))
                }
                None => top.push(format!("100644 blob {blob}\t{path}\0")),
            }
        }
        for (folder, entries) in folders {
            let tree = object("mktree", &self.succeed("mktree", &["-z"], entries.concat().as_bytes())?)?;
            top.push(format!("040000 tree {tree}\t{folder}\0"));
        }
        let tree = object("mktree", &self.succeed("mktree", &["-z"], top.concat().as_bytes())?)?;
        self.commit(&tree, parent.map(std::slice::from_ref).unwrap_or_default(), message, at)
    }

    /// Moves all of these refs on the server, or none. Each must be where `old` says. A lease alone would also permit to
    /// move a branch backwards: who moves a branch asks [`Store::is_ancestor`] first.
    pub fn push(&self, updates: &[RefUpdate]) -> Result<(), PushError> {
        let mut arguments: Vec<String> =
            ["--atomic", "--porcelain", "--no-verify", "--no-signed"].map(String::from).into();
        let id = |id: &Option<CommitId>| id.as_ref().map(CommitId::to_string).unwrap_or_default();
        arguments
            .extend(updates.iter().map(|update| format!("--force-with-lease={}:{}", update.name, id(&update.old))));
        arguments.extend(["--".into(), self.remote.url.clone()]);
        arguments.extend(updates.iter().map(|update| format!("{}:{}", id(&update.new), update.name)));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = self.run("push", &arguments, b"").map_err(PushError::Unknown)?;
        if output.code == 0 {
            return Ok(());
        }
        let report = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = report.lines().filter(|line| line.starts_with('!')).collect::<Vec<_>>().join("\n");
        match refusal(&said, &output.stderr) {
            Some(why) => {
                let message = server_words(&said, &output.stderr);
                Err(PushError::Refused { why, message })
            }
            None => Err(PushError::Unknown(failed("push", &output))),
        }
    }

    fn succeed(&self, what: &str, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, IntegrateError> {
        let output = self.run(what, arguments, input)?;
        match output.code {
            0 => Ok(output.stdout),
            _ => Err(failed(what, &output)),
        }
    }

    fn run(&self, what: &str, arguments: &[&str], input: &[u8]) -> Result<Output, IntegrateError> {
        self.run_with(what, arguments, input, &[])
    }

    fn run_with(
        &self,
        what: &str,
        arguments: &[&str],
        input: &[u8],
        extra: &[(&str, &str)],
    ) -> Result<Output, IntegrateError> {
        let mut command = Command::new("git");
        command
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .envs([
                ("GIT_CONFIG_NOSYSTEM", "1"),
                ("GIT_CONFIG_GLOBAL", if cfg!(windows) { "NUL" } else { "/dev/null" }),
                ("GIT_ATTR_NOSYSTEM", "1"),
                ("GIT_TERMINAL_PROMPT", "0"),
                ("GIT_ASKPASS", ""),
                ("GIT_OPTIONAL_LOCKS", "0"),
                ("GIT_ADVICE", "0"),
                ("LC_ALL", "C"),
                ("TZ", "UTC"),
            ])
            .envs(extra.iter().copied())
            .args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.ext.allow=never"])
            .args(["-c", "gc.auto=0", "-c", "push.recurseSubmodules=no", "-c", "credential.helper="]);
        if what != "version" {
            command.env("GIT_DIR", ".").current_dir(&self.directory);
        }
        if let Some(authorization) = &self.remote.authorization {
            // Only for this server, and only in the environment: arguments can be read by everybody on the machine.
            command.envs([
                ("GIT_CONFIG_COUNT", "1"),
                ("GIT_CONFIG_KEY_0", &*format!("http.{}.extraHeader", self.remote.url)),
                ("GIT_CONFIG_VALUE_0", &*format!("Authorization: {authorization}")),
            ]);
        }
        command.arg(what).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().map_err(|error| IntegrateError::NoGit(error.to_string()))?;
        attend(child, what, input, self.timeout)
    }
}

/// Feeds and reads a child at once, and stops it when its time is up.
fn attend(mut child: Child, what: &str, input: &[u8], timeout: Duration) -> Result<Output, IntegrateError> {
    let io = |reason: String| IntegrateError::Failed { what: what.into(), message: reason };
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(io("it has no pipes".into()));
    };
    std::thread::scope(|scope| {
        // A git that does not read its input closes the pipe.
        scope.spawn(move || stdin.write_all(input));
        let out = scope.spawn(move || read_all(stdout));
        let err = scope.spawn(move || read_all(stderr));
        let mut waited = Duration::ZERO;
        let mut step = Duration::from_millis(1);
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if waited >= timeout => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(IntegrateError::Timeout { what: what.into(), after: timeout });
                }
                Ok(None) => {
                    std::thread::sleep(step);
                    waited += step;
                    step = (step * 2).min(Duration::from_millis(20));
                }
                Err(error) => return Err(io(error.to_string())),
            }
        };
        let stdout = out.join().unwrap_or_default();
        let stderr = err.join().unwrap_or_default();
        let Some(code) = status.code() else { return Err(io("it was killed".into())) };
        Ok(Output { code, stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() })
    })
}

fn read_all(pipe: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = pipe.take(MOST_OUTPUT).read_to_end(&mut bytes);
    bytes
}

/// Variables that git may see: how to reach the server, and nothing that changes what git does.
fn reaches_git(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    matches!(
        &*upper,
        "PATH"
            | "HOME"
            | "USERPROFILE"
            | "SYSTEMROOT"
            | "TMPDIR"
            | "TEMP"
            | "TMP"
            | "GIT_SSH_COMMAND"
            | "SSH_AUTH_SOCK"
            | "SSL_CERT_FILE"
            | "SSL_CERT_DIR"
            | "GIT_SSL_CAINFO"
    ) || upper.ends_with("_PROXY")
}

fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn object(what: &str, output: &[u8]) -> Result<ObjectId, IntegrateError> {
    let text = String::from_utf8_lossy(output);
    let text = text.trim();
    ObjectId::parse(text).ok_or_else(|| IntegrateError::Unexpected { what: what.into(), message: words(text) })
}

fn failed(what: &str, output: &Output) -> IntegrateError {
    let said = words(&output.stderr);
    let message = if said.is_empty() { format!("it ended with {}", output.code) } else { said };
    IntegrateError::Failed { what: what.into(), message }
}

/// The lines that say something, safe to show, bounded.
fn words(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("hint:"));
    let text: String = lines.take(4).collect::<Vec<_>>().join("; ");
    let shown = visible(&text).chars().take(400).collect::<String>();
    without_credentials(&shown)
}

/// `https://user:secret@host` without what stands before the `@`.
fn without_credentials(text: &str) -> String {
    text.split(' ')
        .map(|word| match (word.find("://"), word.find('@')) {
            (Some(scheme), Some(at)) if at > scheme => format!("{}{}", &word[..scheme + 3], &word[at + 1..]),
            _ => word.to_string(),
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// What the server's refusal is about; `None` when it said nothing of the kind.
fn refusal(report: &str, stderr: &str) -> Option<PushRefusal> {
    let all = format!("{report}\n{stderr}");
    let lower = all.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if says(&["refusing to allow"]) && says(&["workflow"]) {
        return Some(PushRefusal::WorkflowFiles);
    }
    if says(&["gh006", "gh013", "protected branch", "rule violations", "pre-receive hook declined"]) {
        return Some(PushRefusal::Protected);
    }
    if says(&["stale info", "fetch first", "non-fast-forward", "cannot lock ref", "reference already exists"]) {
        return Some(PushRefusal::Moved);
    }
    if says(&["permission to", "write access to repository not granted", "http 403", "error: 403", "deploy key"])
        || says(&["authentication failed", "could not read username", "invalid username or"])
    {
        return Some(PushRefusal::Permission);
    }
    report.contains("[remote rejected]").then_some(PushRefusal::Other)
}

/// The server's own lines, which name the rule.
fn server_words(report: &str, stderr: &str) -> String {
    let remote: Vec<&str> = stderr
        .lines()
        .filter_map(|line| line.trim().strip_prefix("remote:"))
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take(6)
        .collect();
    let told = match remote.is_empty() {
        false => remote.join("; "),
        true => report.lines().next().unwrap_or_default().replace('\t', " "),
    };
    let told = if told.trim().is_empty() { words(stderr) } else { told };
    without_credentials(&visible(&told).chars().take(500).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_all_makers_are_read() {
        assert_eq!(version("2.47.3"), Some((2, 47)));
        assert_eq!(version("2.39.5.windows.1"), Some((2, 39)));
        assert_eq!(version("of"), None);
    }

    #[test]
    fn a_refusal_is_told_from_an_outage() {
        let stale = "!\tabc:refs/heads/main\t[rejected] (stale info)";
        assert_eq!(refusal(stale, ""), Some(PushRefusal::Moved));
        let rule = "remote: error: GH013: Repository rule violations found for refs/heads/main.";
        assert_eq!(refusal("!\tx\t[remote rejected] (push declined)", rule), Some(PushRefusal::Protected));
        let flows = "refusing to allow a GitHub App to create or update workflow `.github/workflows/a.yml`";
        assert_eq!(refusal("!\tx\t[remote rejected]", flows), Some(PushRefusal::WorkflowFiles));
        assert_eq!(refusal("", "fatal: unable to access: Could not resolve host"), None);
    }

    #[test]
    fn no_credential_is_repeated() {
        assert_eq!(words("fatal: https://x:hunter2@host/a refused"), "fatal: https://host/a refused");
        let remote = Remote { url: "https://h/a".into(), authorization: Some("Basic hunter2".into()) };
        assert!(!format!("{remote:?}").contains("hunter2"));
    }
}
