//! What `start` prints while it waits: each side once it is connected and its leader is known, what the engine waits for, and how far the
//! target is filled.

use std::time::Duration;

use tokio::time::Instant;

use crate::cli::console::Console;
use crate::cli::error::Error;
use crate::cli::render;
use crate::settings::Side;
use crate::status::{State, Status};

/// Between two lines of progress where there is no terminal.
const LINE: Duration = Duration::from_secs(1);

/// What was printed already, so that no line appears twice.
#[derive(Default)]
pub(super) struct Shown {
    pub(super) last: Option<Status>,
    sides: Vec<Side>,
    waiting: Option<String>,
    line: Option<Instant>,
}

impl Shown {
    pub(super) fn show(
        &mut self,
        status: &Status,
        waits: bool,
        decided: bool,
        console: &mut Console,
    ) -> Result<(), Error> {
        for (side, seen) in &status.sides {
            // Servers that do not tell who leads must not keep the line back for ever.
            let complete = seen.leader.is_some() || decided;
            if seen.connected && complete && !self.sides.contains(side) {
                self.sides.push(*side);
                console.line(&render::side(*side, seen))?;
            }
        }
        let waiting = status
            .waiting_for
            .as_ref()
            .map(|w| format!("{}: {}", w.reason, w.message));
        if waiting != self.waiting {
            if let (Some(waiting), true) = (&waiting, waits) {
                console.note(&format!("waiting: {waiting}"));
            }
            self.waiting = waiting;
        }
        let Some(progress) = status
            .progress
            .as_ref()
            .filter(|_| status.state == State::Seeding)
        else {
            return Ok(());
        };
        let text = render::progress(progress);
        if console.is_terminal() {
            console.draw(&text);
        } else if self.line.is_none_or(|last| last.elapsed() >= LINE) {
            self.line = Some(Instant::now());
            console.line(&text)?;
        }
        Ok(())
    }
}
