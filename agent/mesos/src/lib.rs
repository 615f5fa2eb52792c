//! Mesos agent: sessions with the master, containerizers, health checks, sandbox, recovery.
//!
//! ```text
//! session ──► agent (the only writer) ──► checkpoints, containers, session, executor streams
//!                 ▲        │ state: pure machine, (state, input) -> effects
//! containers ─────┘        └► http: readers
//! ```
//! Containers outlive this process. After a restart the machine is rebuilt from its checkpoints and every container is
//! taken up where it is.

mod agent;
mod args;
mod checkpoint;
mod clock;
mod collect;
mod containers;
mod depart;
mod http;
mod info;
mod keys;
mod owners;
mod paths;
mod sandbox;
mod session;
mod start;
mod state;
mod updates;

pub use args::Args;

/// Runs the role until shutdown. Tasks go on, unless it was told to leave the cluster (`--leave`, SIGUSR1).
///
/// # Errors
/// When the role cannot start or must stop; the message says what to do.
pub async fn run(args: Args, shutdown: mesolith_telemetry::Shutdown) -> anyhow::Result<()> {
    if args.leave {
        depart::run(args, shutdown).await
    } else {
        start::run(args, shutdown).await
    }
}
