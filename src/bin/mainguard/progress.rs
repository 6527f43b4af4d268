//! A line on the terminal that says how far a long scan has come. Nobody sees it who does not wait.

use std::io::{IsTerminal as _, Write as _};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Work that is done sooner says nothing.
const PATIENCE: Duration = Duration::from_millis(800);
/// How often the line is drawn.
const PACE: Duration = Duration::from_millis(150);

/// Draws until it is dropped, and leaves no trace.
pub(crate) struct Meter {
    running: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Meter {
    /// `says` gives the line. Nothing is drawn where stderr is no terminal, or where `wanted` is false.
    pub(crate) fn start(wanted: bool, says: impl Fn() -> String + Send + 'static) -> Meter {
        if !wanted || !std::io::stderr().is_terminal() {
            return Meter { running: None };
        }
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut wait = PATIENCE;
            let mut drawn = false;
            while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                // Cut to what fits on a narrow terminal: a line that wraps cannot be taken back.
                let text: String = mainguard::text::visible(&says()).chars().take(76).collect();
                let _ = write!(std::io::stderr(), "\r\x1b[K{text}");
                (wait, drawn) = (PACE, true);
            }
            if drawn {
                let _ = write!(std::io::stderr(), "\r\x1b[K");
            }
        });
        Meter { running: Some((stop, thread)) }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}
