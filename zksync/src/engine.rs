//! The engine: a link to each side, the decisions of [`crate::duplex`], and what else a running engine needs.
//!
//! ```text
//! Connecting -> Standby (follows both sides) -> Active (writes) -> Stopped
//!                  ^                               |
//!                  +---- another one took over ----+
//! ```
//!
//! - `driver`: the task that takes events, asks for decisions and sends requests; `end`: its state of one side.
//! - `claim`, `claiming`, `layout`: how an engine becomes active, and what it stores in the ensembles.
//! - `join`: catches up with what happened between the checkpoint and now.
//! - `open`, `opening`, `seeding`: whether the engine may begin, what it answers until then, and a target that is filled
//!   by file.
//! - `walk`: compares and repairs both trees from time to time; `keep_alive`: sessions.
//! - `commands`, `report`, `lag`, `filling`, `conflict_log`: what others ask and see.
//! - `refusals`: describes what a side refuses; `largest`: finds the longest packet that a side takes.
//! - `phases`: the engine's phases as a trace.
//! - `watcher`: asks the servers about themselves and their clients.

mod claim;
mod claiming;
mod commands;
mod conflict_log;
mod driver;
mod end;
mod events;
mod filling;
mod join;
mod keep_alive;
mod lag;
mod largest;
mod layout;
mod news;
mod open;
mod opening;
mod phases;
mod refusals;
mod report;
mod seeding;
mod share;
mod walk;
mod watcher;

use std::sync::Arc;

use mesolith_zk::learner::Config;
use phases::Phases;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::Instrument;

use crate::handle::{Handle, Refused};
use crate::options::{EndpointOptions, Options};
use crate::routes;
use crate::settings::Side;
use crate::side;

/// An engine cannot start, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The paths cannot be used.
    #[error(transparent)]
    Routes(#[from] routes::Error),
    /// A side can no longer be followed.
    #[error("side {side}: {source}")]
    Link {
        /// The side.
        side: Side,
        /// The link's error.
        source: side::Error,
    },
    /// The folder for the engine's files cannot be used.
    #[error("--state-dir: cannot use {}: {source}", path.display())]
    StateDir {
        /// The folder or file.
        path: std::path::PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The engine must not begin.
    #[error("{message}")]
    Refused {
        /// CamelCase.
        reason: &'static str,
        /// What is wrong, and what to do.
        message: String,
    },
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self {
            reason: error.reason(),
            message: error.to_string(),
        }
    }
}

impl Error {
    /// Short name for conditions, events and metric labels.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Routes(error) => error.reason(),
            Self::Link { source, .. } => source.reason(),
            Self::StateDir { .. } => "StateDirUnusable",
            Self::Refused { reason, .. } => reason,
        }
    }
}

/// Starts an engine. It first checks whether it may begin, and writes nothing if it may not.
///
/// The engine ends when its settings say so, or when the last [`Handle`] is dropped. Then its place is free for a
/// standby at once.
///
/// # Errors
/// When the options make no sense, or the folder for its files cannot be used.
pub fn start(options: Options) -> Result<(Handle, JoinHandle<Result<(), Error>>), Error> {
    let (status, seen) = watch::channel(Arc::new(opening::first_status(&options)));
    let (commands, mut asked) = mpsc::channel(64);
    let routes = crate::Routes::new(&options.settings)?;
    let task = tokio::spawn(async move {
        let phases = Phases::new(&options.name);
        let opened = opening::opened(&options, &routes, &status, &mut asked);
        let Some(opened) = opened.instrument(phases.span()).await? else {
            return Ok(());
        };
        driver::Driver::new(options, routes, opened, phases, status)?
            .run(asked)
            .await
    });
    let handle = Handle {
        status: seen,
        commands,
    };
    Ok((handle, task))
}

/// The configuration of an observer. `offset` tells the observers of one process apart.
fn observer(endpoint: &EndpointOptions, options: &Options, side: Side, offset: i64) -> Config {
    let spool = options.state_dir.join("spool");
    let mut config = Config::new(endpoint.learner_servers(), spool);
    config.security = endpoint.security.connection();
    // Ids differ between processes, and are higher than any server's.
    let process = i64::from(std::process::id()) * 16;
    config.id = 0x4d_0000_0000 + process + if side == Side::A { 0 } else { 8 } + offset;
    config
}
