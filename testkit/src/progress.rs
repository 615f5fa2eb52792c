//! One line a step: what is done or waited for, and how long it took.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Prints to standard error, so that standard output stays data. Silent for tests.
#[derive(Debug)]
pub struct Progress {
    begun: Instant,
    silent: bool,
}

impl Progress {
    /// Prints each step.
    pub fn shown() -> Self {
        Self {
            begun: Instant::now(),
            silent: false,
        }
    }

    /// Prints nothing.
    pub fn silent() -> Self {
        Self {
            begun: Instant::now(),
            silent: true,
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

    /// Says what the present step waits for: in place on a terminal, nothing elsewhere.
    pub fn waiting(&self, name: &str, what: &str) {
        if !self.silent && std::io::stderr().is_terminal() {
            let text: String = format!("  ...   {name:<28} {what}").chars().take(110).collect();
            eprint!("\r\x1b[K{text}");
            std::io::stderr().flush().ok();
        }
    }

    fn line(&self, text: &str) {
        if self.silent {
            return;
        }
        let clear = if std::io::stderr().is_terminal() {
            "\r\x1b[K"
        } else {
            ""
        };
        eprintln!("{clear}{}", text.trim_end());
    }
}
