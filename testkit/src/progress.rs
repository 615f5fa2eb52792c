//! Prints one line for each step: what is done or waited for, and how long it took.

use std::cell::Cell;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How long a log without a terminal may stay without a line.
const QUIET: Duration = Duration::from_secs(15);

/// Prints to standard error, so that standard output stays data. Silent for tests.
#[derive(Debug)]
pub struct Progress {
    begun: Instant,
    silent: bool,
    last_line: Cell<Instant>,
}

impl Progress {
    /// Prints each step.
    pub fn shown() -> Self {
        let now = Instant::now();
        Self {
            begun: now,
            silent: false,
            last_line: Cell::new(now),
        }
    }

    /// Prints nothing.
    pub fn silent() -> Self {
        Self {
            silent: true,
            ..Self::shown()
        }
    }

    /// Time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Runs one step; it returns what to say about its result, e.g. `already running`.
    ///
    /// # Errors
    /// The step's own, with its name in front.
    pub fn step<T>(
        &self,
        name: &str,
        run: impl FnOnce() -> anyhow::Result<(T, String)>,
    ) -> anyhow::Result<T> {
        let begun = Instant::now();
        self.waiting(name, "");
        match run() {
            Ok((value, note)) => {
                self.line(&format!(
                    "  ok    {name:<28} {:>6.1} s  {note}",
                    begun.elapsed().as_secs_f64()
                ));
                Ok(value)
            }
            Err(error) => {
                self.line(&format!(
                    "  FAIL  {name:<28} {:>6.1} s",
                    begun.elapsed().as_secs_f64()
                ));
                Err(error.context(name.to_owned()))
            }
        }
    }

    /// Says what the present step waits for: in place on a terminal, now and then a line elsewhere.
    pub fn waiting(&self, name: &str, what: &str) {
        if self.silent {
            return;
        }
        let text = format!("  ...   {name:<28} {what}");
        // A sentence may hold the last lines of a log; the first line is enough while waiting.
        let text: String = text
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(118)
            .collect();
        if std::io::stderr().is_terminal() {
            eprint!("\r\x1b[K{text}");
            std::io::stderr().flush().ok();
        } else if !what.is_empty() && self.last_line.get().elapsed() > QUIET {
            self.line(&text);
        }
    }

    fn line(&self, text: &str) {
        if self.silent {
            return;
        }
        self.last_line.set(Instant::now());
        let clear = if std::io::stderr().is_terminal() {
            "\r\x1b[K"
        } else {
            ""
        };
        eprintln!("{clear}{}", text.trim_end());
    }
}
