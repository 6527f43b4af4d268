//! Real repositories in temporary directories: fixed names and dates, so commits have the same ids everywhere, and
//! nothing of the machine's own git configuration.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mainguard::git::Repository;

/// `git` that sees no configuration but the repository's and no `GIT_*` of its surroundings.
pub(crate) fn git_command(directory: &Path) -> Command {
    let mut command = Command::new("git");
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("GIT_") || name.starts_with("GITHUB_") {
            command.env_remove(&*name);
        }
    }
    command
        .current_dir(directory)
        .envs([
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_AUTHOR_NAME", "Ada"),
            ("GIT_AUTHOR_EMAIL", "ada@example.org"),
            ("GIT_COMMITTER_NAME", "Ada"),
            ("GIT_COMMITTER_EMAIL", "ada@example.org"),
            ("LC_ALL", "C"),
            ("TZ", "UTC"),
        ])
        .args(["-c", "protocol.file.allow=always", "-c", "safe.directory=*"]);
    command
}

/// Runs git and returns what it printed; a failure is a failed test.
pub(crate) fn git_at(directory: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = git_command(directory);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("git starts");
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A repository with a working tree.
pub(crate) struct TestRepo {
    directory: tempfile::TempDir,
    root: PathBuf,
    clock: std::cell::Cell<u64>,
}

impl TestRepo {
    /// An empty one on branch `main`.
    pub(crate) fn new() -> TestRepo {
        TestRepo::with(&[])
    }

    /// `git init` with more arguments.
    pub(crate) fn with(arguments: &[&str]) -> TestRepo {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("repo");
        std::fs::create_dir(&root).unwrap();
        git_at(&root, &[&["init", "-q", "-b", "main"], arguments].concat(), b"");
        TestRepo { directory, root, clock: std::cell::Cell::new(1_700_000_000) }
    }

    /// The working tree.
    pub(crate) fn path(&self) -> &Path {
        &self.root
    }

    /// A path beside the repository.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs git, returns its trimmed output.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let date = format!("{} +0000", self.clock.get());
        self.clock.set(self.clock.get() + 60);
        let mut command = git_command(&self.root);
        let output =
            command.env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date).args(arguments).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_string()
    }

    /// Writes a file of the working tree.
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) -> &TestRepo {
        let path = self.root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    /// Commits everything, returns the id.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Opened by the code under test.
    pub(crate) fn open(&self) -> Repository {
        Repository::discover(&self.root).unwrap()
    }
}
