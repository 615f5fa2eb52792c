//! Where the verbs print: data to stdout, the rest to stderr.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::error::Error;
use super::locate::Output;

/// The two streams, and a line that is drawn again on a terminal.
pub struct Console {
    out: Box<dyn Write + Send>,
    notes: Box<dyn Write + Send>,
    terminal: bool,
    live: Option<ProgressBar>,
}

/// The captured text of both streams.
#[derive(Clone, Default)]
pub struct Captured {
    /// On stdout.
    pub out: Buffer,
    /// On stderr.
    pub notes: Buffer,
}

/// Text that grows.
#[derive(Clone, Default)]
pub struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    /// All of it so far.
    #[must_use]
    pub fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(|e| e.into_inner());
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(|e| e.into_inner()).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Console {
    /// This process's own.
    #[must_use]
    pub fn standard() -> Self {
        Self {
            out: Box::new(io::stdout()),
            notes: Box::new(io::stderr()),
            terminal: io::stdout().is_terminal(),
            live: None,
        }
    }

    /// A console that keeps what is printed, for tests; it is no terminal.
    #[must_use]
    pub fn captured() -> (Self, Captured) {
        let captured = Captured::default();
        let console = Self {
            out: Box::new(captured.out.clone()),
            notes: Box::new(captured.notes.clone()),
            terminal: false,
            live: None,
        };
        (console, captured)
    }

    /// Whether stdout is a terminal.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// A line on stdout.
    ///
    /// # Errors
    /// When nobody reads it any more.
    pub fn line(&mut self, text: &str) -> Result<(), Error> {
        self.end_live();
        writeln!(self.out, "{text}")
            .and_then(|()| self.out.flush())
            .map_err(Error::Print)
    }

    /// A line on stderr.
    pub fn note(&mut self, text: &str) {
        self.end_live();
        // If nobody reads stderr, nobody misses the line.
        let _ = writeln!(self.notes, "{text}");
    }

    /// One object on a line of stdout.
    ///
    /// # Errors
    /// When nobody reads it any more.
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), Error> {
        let text = serde_json::to_string(value).unwrap_or_default();
        self.line(&text)
    }

    /// Draws a line over the one before; on a terminal only.
    pub fn draw(&mut self, text: &str) {
        if !self.terminal {
            return;
        }
        let live = self.live.get_or_insert_with(|| {
            let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout_with_hz(20));
            line.with_style(
                ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar()),
            )
        });
        live.set_message(text.to_owned());
        live.tick();
    }

    /// Ends the line that was drawn last, so that it stays visible.
    pub fn keep_live(&mut self) {
        if let Some(live) = self.live.take() {
            live.abandon();
        }
    }

    fn end_live(&mut self) {
        if let Some(live) = self.live.take() {
            live.finish_and_clear();
        }
    }

    /// An error: a sentence on stderr; where JSON is wanted, an object on stdout as well.
    pub(super) fn error(&mut self, error: &Error, output: Output) {
        self.note(&format!("mesos-migrate: {error}"));
        if output == Output::Json && !matches!(error, Error::Print(_)) {
            let object = serde_json::json!({
                "error": { "reason": error.reason(), "message": error.to_string() }
            });
            let _ = self.json(&object);
        }
    }
}
