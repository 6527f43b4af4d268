//! stdout and stderr. The answer goes to stdout; everything that is said about getting there goes to stderr.

use std::fmt;
use std::io::{self, Write};

use crate::args::Global;
use crate::environment::Environment;

/// Where the program speaks.
pub(crate) struct Console {
    /// Whether the answer may be coloured.
    pub(crate) color: bool,
    /// How wide the answer may be.
    pub(crate) columns: Option<usize>,
    color_stderr: bool,
    quiet: bool,
    actions: bool,
}

impl Console {
    pub(crate) fn new(environment: &Environment, global: &Global) -> Console {
        Console {
            color: environment.color_stdout(global.color),
            columns: environment.columns,
            color_stderr: environment.color_stderr(global.color),
            quiet: global.quiet,
            actions: environment.actions.is_some(),
        }
    }

    /// Whether only errors are wanted.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// The answer.
    pub(crate) fn answer(&self, text: &str) -> io::Result<()> {
        self.answer_bytes(text.as_bytes())
    }

    /// The answer, where it need not be UTF-8.
    pub(crate) fn answer_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes)?;
        if !bytes.is_empty() && !bytes.ends_with(b"\n") {
            stdout.write_all(b"\n")?;
        }
        stdout.flush()
    }

    /// Good to know; left out with `--quiet`.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.say("note", "\x1b[1;32m", text);
        }
    }

    /// Something did not work that does not change the verdict.
    pub(crate) fn warn(&self, text: &str) {
        self.say("warning", "\x1b[1;33m", text);
    }

    /// Something that a person has to do, and that changes nothing by itself. In a workflow run it stands at the top.
    pub(crate) fn notice(&self, text: &str) {
        self.warn(text);
        if self.actions {
            let text = mainguard::text::visible(text).replace('%', "%25");
            let _ = io::stderr().write_all(format!("::notice title=mainguard::{text}\n").as_bytes());
        }
    }

    fn say(&self, word: &str, style: &str, text: &str) {
        let text = safe_lines(text);
        let line = match self.color_stderr {
            true => format!("{style}{word}\x1b[0m: {text}\n"),
            false => format!("{word}: {text}\n"),
        };
        // Nobody is left to tell when stderr is closed.
        let _ = io::stderr().write_all(line.as_bytes());
    }
}

/// Text for a log: no control characters but line ends, and no line that a workflow runner would take for a command
/// (`::error::…`, `##[group]…`).
pub(crate) fn safe_lines(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = mainguard::text::visible(line);
        match line.trim_start().starts_with("::") || line.trim_start().starts_with("##[") {
            true => format!("\u{2502} {line}"),
            false => line.into_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// An error with advice.
#[derive(Debug)]
pub(crate) struct Hinted {
    message: String,
    pub(crate) hint: String,
}

impl Hinted {
    /// For errors of the binary itself; the library's bring their own advice.
    pub(crate) fn error(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
        anyhow::Error::new(Hinted { message: message.into(), hint: hint.into() })
    }
}

impl fmt::Display for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Hinted {}
