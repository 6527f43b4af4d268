//! The real binary, in an environment that means the same on a laptop and in CI.

use std::path::Path;
use std::process::{Command, Stdio};

/// What the binary said.
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    /// Both streams, for assertions that do not care which.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// The binary, without anything in its environment that could change what it does.
pub(crate) fn mainguard(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mainguard"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let prefixes = ["GITHUB_", "MAINGUARD_", "RUNNER_", "GIT_", "CLICOLOR", "ACTIONS_", "PRE_COMMIT_"];
        if prefixes.iter().any(|prefix| text.starts_with(prefix))
            || ["CI", "NO_COLOR", "COLUMNS", "TERM"].contains(&&*text)
        {
            command.env_remove(&name);
        }
    }
    command
        .current_dir(directory)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", if cfg!(windows) { "NUL" } else { "/dev/null" })
        .stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub(crate) fn run(command: &mut Command) -> Answer {
    let output = command.output().expect("the binary starts");
    Answer {
        code: output.status.code().expect("the binary is not killed by a signal"),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs it with something on stdin.
pub(crate) fn run_with_stdin(command: &mut Command, input: &[u8]) -> Answer {
    use std::io::Write;
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    // A binary that does not read its input closes the pipe; that is its right.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    let output = child.wait_with_output().expect("the binary ends");
    Answer {
        code: output.status.code().expect("the binary is not killed by a signal"),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
