//! The view that is drawn again on a terminal, and printed change by change elsewhere.

use super::error::Error;
use super::lines;
use crate::output::{Format, print};
use jiff::Timestamp;
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_migration::{Estimator, State, View};
use mesolith_zksync::cli::Console;

/// What was shown last, and how fast counted work goes.
pub(super) struct Live {
    output: Format,
    console: Console,
    estimator: Estimator,
    last: Option<View>,
}

impl Live {
    pub(super) fn new(output: Format) -> Self {
        Self {
            output,
            console: Console::standard(),
            estimator: Estimator::default(),
            last: None,
        }
    }

    fn drawn(&self) -> bool {
        self.output == Format::Table && self.console.is_terminal()
    }

    /// Shows a change, and returns what is shown now.
    pub(super) fn show(&mut self, object: &ZkMigration) -> Result<Option<&View>, Error> {
        let now = Timestamp::now();
        let view = View::of(object);
        let eta = self.estimator.note(now, view.progress.as_ref());
        let view = view.with_eta(eta);
        if self.last.as_ref() != Some(&view) {
            self.last = Some(view);
            if self.drawn() {
                self.draw()?;
            } else {
                self.print(now)?;
            }
        }
        Ok(self.last.as_ref())
    }

    fn print(&self, now: Timestamp) -> Result<(), Error> {
        let Some(view) = &self.last else { return Ok(()) };
        if self.output == Format::Yaml {
            println!("---");
        }
        print(self.output, view, |view| lines::short(view, now) + "\n")
            .map_err(|error| Error::Print(error.to_string()))
    }

    /// Draws it again, since ages have changed; on a terminal only.
    pub(super) fn draw(&mut self) -> Result<(), Error> {
        if !self.drawn() {
            return Ok(());
        }
        let Some(view) = self.last.take() else {
            return Ok(());
        };
        let now = Timestamp::now();
        let eta = self.estimator.note(now, view.progress.as_ref());
        let view = view.with_eta(eta);
        self.console.draw(lines::whole(&view, now).trim_end());
        self.last = Some(view);
        Ok(())
    }

    /// Something beside the view.
    pub(super) fn note(&mut self, text: &str) {
        self.console.note(&format!("mesos-migrate: {text}"));
    }

    /// Leaves what was drawn last on the screen.
    pub(super) fn end(&mut self) {
        self.console.keep_live();
    }

    /// The state that was shown last.
    pub(super) fn state(&self) -> Option<State> {
        self.last.as_ref().map(|view| view.state)
    }
}
