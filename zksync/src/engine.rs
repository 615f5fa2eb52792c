//! The engine: two links, the decisions of [`crate::duplex`] between them, and a few things on the side.
//!
//! ```text
//! Connecting -> Standby (follows both sides) -> Active (writes) -> Stopped
//!                  ^                               |
//!                  +---- another one took over ----+
//! ```
//!
//! - `driver`: one task that takes events, asks the decisions and sends what they say; `end`: one side of it.
//! - `claim`, `claiming`, `layout`: becoming the active one; what is kept in the ensembles.
//! - `join`: what happened between the checkpoint and now.
//! - `open`, `opening`, `seeding`: whether it may begin, and what it answers until then; a target filled by file.
//! - `walk`: both trees compared from time to time, and repaired; `keep_alive`: sessions.
//! - `commands`, `report`, `lag`, `filling`, `conflict_log`: what others ask and see.
//! - `refusals`: what a side does not take, in words; `largest`: how long a packet it takes.
//! - `phases`: what it is about, as a trace.
//! - `watcher`: what servers say of themselves, and where clients are connected.

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
    /// The paths make no sense.
    #[error(transparent)]
    Routes(#[from] routes::Error),
    /// A side cannot be followed.
    #[error("side {side}: {source}")]
    Link {
        /// Which.
        side: Side,
        /// Why not.
        source: side::Error,
    },
    /// The folder for files cannot be used.
    #[error("--state-dir: cannot use {}: {source}", path.display())]
    StateDir {
        /// The folder or file.
        path: std::path::PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It must not begin.
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

/// Starts an engine: first it is looked whether it may begin, and nothing is written if not. It ends when it is told to by its settings, or when the last [`Handle`] is gone: then its place is free at
/// once for a standby.
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

/// How to follow an ensemble as an observer. `offset` makes the ids of several links of one process different.
fn observer(endpoint: &EndpointOptions, options: &Options, side: Side, offset: i64) -> Config {
    let spool = options.state_dir.join("spool");
    let mut config = Config::new(endpoint.learner_servers(), spool);
    config.security = endpoint.security.connection();
    // Different for each process that joins, and above every server's.
    let process = i64::from(std::process::id()) * 16;
    config.id = 0x4d_0000_0000 + process + if side == Side::A { 0 } else { 8 } + offset;
    config
}
