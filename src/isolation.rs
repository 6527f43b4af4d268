//! Commands in a clean folder that holds some files and nothing else.
//!
//! What is run here was written by whoever wrote the change. So it sees the files it asked for and no repository, no
//! variable that the caller did not name, a home of its own; it gets so much time and no more, and takes its children
//! with it when it ends; what it prints is read to the end and the last of it kept. This keeps honest commands honest and
//! the folder clean. It is no sandbox: the network and the machine's other files are in reach, and that is why nothing
//! is run at all where a stranger's code would stand beside secrets.
#![expect(clippy::disallowed_methods, reason = "writes a folder, starts a command in it and takes the folder away")]

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

/// Lines that are kept of what a command prints.
pub const LAST_LINES: usize = 20;
/// Characters that are kept of each.
const MOST_COLUMNS: usize = 400;
/// Bytes that are kept while it runs.
const KEPT: usize = 64 << 10;
/// How long what a command left behind may hold its output open after it ended.
const GRACE: Duration = Duration::from_secs(2);

/// A file as it is written into the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Whether it may be started.
    pub executable: bool,
}

/// The files of the folder, by their paths below it.
pub type Files = BTreeMap<String, Content>;

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; `None` when it was stopped by a signal.
    pub code: Option<i32>,
    /// Whether it was stopped because its time was up.
    pub timed_out: bool,
    /// How long it took.
    pub took: Duration,
    /// The last lines that it printed, on either stream.
    pub last_lines: Vec<String>,
}

/// Why a command could not be run.
#[derive(Debug, thiserror::Error)]
pub enum IsolationError {
    /// The folder could not be made.
    #[error("a clean folder could not be made: {0}")]
    Folder(#[source] io::Error),
    /// A file of it could not be written.
    #[error("`{path}` could not be written into the clean folder: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The command could not be started.
    #[error("the command could not be started: {0}")]
    Start(#[source] io::Error),
}

impl IsolationError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            IsolationError::Folder(_) => "TMPDIR names a folder that can be written to, with room in it".into(),
            IsolationError::File { .. } => "a path of the repository has no place on this file system".into(),
            IsolationError::Start(_) => "commands are run with `sh -c`: is there a shell on this machine?".into(),
        })
    }
}

/// Tells whether two runs would see the same: the command and every file, as a SHA-256 in hexadecimal.
pub fn identity(script: &str, files: &Files) -> String {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(script.as_bytes());
    for (path, content) in files {
        part(path.as_bytes());
        part(&[u8::from(content.executable)]);
        part(&content.bytes);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a script is read by. On Windows that is the one that comes with git, which has no `sh` on the PATH by default.
const SHELL: &str = if cfg!(windows) { "bash" } else { "sh" };

/// Runs `script` with `sh -c`, on Windows with git's `bash -c`, in a new folder below `parent` that holds `files`.
/// `environment` is all of its environment beside `HOME` and `TMPDIR`, which are folders of its own.
///
/// # Errors
/// [`IsolationError`] when it could not be started. A command that fails is an answer.
pub fn run(
    script: &str,
    files: &Files,
    timeout: Duration,
    environment: &[(OsString, OsString)],
    parent: &Path,
) -> Result<Ended, IsolationError> {
    let folder = Folder::below(parent).map_err(IsolationError::Folder)?;
    let (work, home) = (folder.0.join("work"), folder.0.join("home"));
    for path in [&work, &home] {
        std::fs::create_dir(path).map_err(IsolationError::Folder)?;
    }
    for (path, content) in files {
        write(&work, path, content).map_err(|source| IsolationError::File { path: path.clone(), source })?;
    }
    let mut command = Command::new(SHELL);
    command
        // mainguard-ignore: command-injection -- running the script that the maintainer wrote is what this is for
        .args(["-c", script])
        .current_dir(&work)
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .env("HOME", &home)
        .env("TMPDIR", &home)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // A group of its own, so that what it starts ends with it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let child = command.spawn().map_err(IsolationError::Start)?;
    Ok(follow(child, timeout))
}

fn follow(mut child: Child, timeout: Duration) -> Ended {
    let begun = Instant::now();
    let (sender, receiver) = mpsc::channel();
    let streams: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
        child.stderr.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
    ];
    for mut stream in streams.into_iter().flatten() {
        let sender = sender.clone();
        // Not joined: a process that was left behind may hold the stream open for ever.
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(read @ 1..) = stream.read(&mut buffer) {
                if sender.send(buffer[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
    }
    drop(sender);
    let mut kept = Tail::default();
    let mut step = Duration::from_millis(1);
    let (code, timed_out) = loop {
        while let Ok(bytes) = receiver.try_recv() {
            kept.add(&bytes);
        }
        match child.try_wait() {
            Ok(Some(status)) => break (status.code(), false),
            Ok(None) if begun.elapsed() >= timeout => {
                end(&mut child);
                break (None, true);
            }
            Ok(None) => std::thread::sleep(step),
            Err(_) => {
                end(&mut child);
                break (None, false);
            }
        }
        step = (step * 2).min(Duration::from_millis(50));
    };
    let took = begun.elapsed();
    // What it started in its group ends as well, so that nothing writes into a folder that is being taken away.
    end(&mut child);
    let patience = Instant::now() + GRACE;
    while let Ok(bytes) = receiver.recv_timeout(patience.saturating_duration_since(Instant::now())) {
        kept.add(&bytes);
    }
    Ended { code, timed_out, took, last_lines: kept.lines() }
}

/// Ends the command and its group. `kill` is asked because the standard library can end one process only.
fn end(child: &mut Child) {
    #[cfg(unix)]
    {
        let group = format!("-{}", child.id());
        let kill =
            Command::new("kill").args(["-KILL", "--", &group]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        drop(kill);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// The end of a stream.
#[derive(Default)]
struct Tail {
    bytes: VecDeque<u8>,
}

impl Tail {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        let over = self.bytes.len().saturating_sub(KEPT);
        self.bytes.drain(..over);
    }

    fn lines(&self) -> Vec<String> {
        let (front, back) = self.bytes.as_slices();
        let text = String::from_utf8_lossy(&[front, back].concat()).into_owned();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = lines.iter().skip(lines.len().saturating_sub(LAST_LINES));
        last.map(|line| line.chars().take(MOST_COLUMNS).collect()).collect()
    }
}

/// A folder that is taken away with everything in it.
struct Folder(PathBuf);

impl Folder {
    fn below(parent: &Path) -> io::Result<Folder> {
        let mut builder = std::fs::DirBuilder::new();
        // Nobody else on the machine looks in.
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        for attempt in 0..1_000_u32 {
            let path = parent.join(format!("mainguard-{}-{attempt}", std::process::id()));
            match builder.create(&path) {
                Ok(()) => return Ok(Folder(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("every name is taken"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn write(folder: &Path, path: &str, content: &Content) -> io::Result<()> {
    let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if !plain || path.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it leads out of the folder"));
    }
    let file = folder.join(path);
    if let Some(parent) = file.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(&file, &content.bytes)?;
    #[cfg(unix)]
    if content.executable {
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn files(all: &[(&str, &str)]) -> Files {
        let content = |text: &str| Content { bytes: text.as_bytes().to_vec(), executable: text.starts_with("#!") };
        all.iter().map(|(path, text)| (path.to_string(), content(text))).collect()
    }

    fn ran(script: &str, all: &[(&str, &str)]) -> Ended {
        let folder = tempfile::tempdir().unwrap();
        let path = std::env::var_os("PATH").unwrap();
        let ended = run(script, &files(all), Duration::from_secs(20), &[("PATH".into(), path)], folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the folder is taken away");
        ended
    }

    #[test]
    fn a_command_sees_its_files_and_nothing_else() {
        let ended = ran("find . -type f | sort; ./b.sh", &[("a/x.txt", "hi"), ("b.sh", "#!/bin/sh\ncat a/x.txt\n")]);
        assert_eq!((ended.code, ended.last_lines), (Some(0), vec!["./a/x.txt".into(), "./b.sh".into(), "hi".into()]));
    }

    #[test]
    fn a_command_has_no_variable_that_nobody_named() {
        let ended = ran("env | cut -d= -f1 | sort | tr '\\n' ' '", &[]);
        let known = ["HOME", "PATH", "PWD", "TMPDIR", "OLDPWD", "SHLVL", "_"];
        assert!(ended.last_lines[0].split_whitespace().all(|name| known.contains(&name)), "{:?}", ended.last_lines);
    }

    #[test]
    fn a_command_that_does_not_end_is_ended_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let path = std::env::var_os("PATH").unwrap();
        let environment = [("PATH".into(), path)];
        let script = "echo begun; sleep 600 & sleep 600";
        let ended = run(script, &Files::new(), Duration::from_millis(300), &environment, folder.path()).unwrap();
        assert!(ended.timed_out && ended.took < Duration::from_secs(60), "{ended:?}");
        assert_eq!(ended.last_lines, ["begun"]);
    }

    #[test]
    fn only_the_end_of_long_output_is_kept() {
        let ended = ran("i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); done; exit 3", &[]);
        assert_eq!((ended.code, ended.last_lines.len()), (Some(3), LAST_LINES));
        assert_eq!(ended.last_lines.last().unwrap(), "line 29999");
    }

    #[test]
    fn a_path_that_leads_out_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["../x", "/etc/x", "a/../../x", ""] {
            let refused = run("true", &files(&[(path, "x")]), Duration::from_secs(5), &[], folder.path());
            assert!(matches!(refused, Err(IsolationError::File { .. })), "{path}");
        }
    }

    #[test]
    fn the_same_files_and_command_are_the_same_run() {
        let one = files(&[("a", "1"), ("b", "2")]);
        assert_eq!(identity("x", &one), identity("x", &one.clone()));
        assert_ne!(identity("x", &one), identity("y", &one));
        assert_ne!(identity("x", &one), identity("x", &files(&[("a", "1"), ("b", "3")])));
        assert_ne!(identity("x", &files(&[("ab", "")])), identity("x", &files(&[("a", "b")])));
    }
}
