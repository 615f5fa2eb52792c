//! Mesos agent: sessions with the master, containerizers, health checks, sandbox, recovery.

mod args;
mod checkpoint;
mod containers;
mod keys;
mod paths;
mod sandbox;
mod state;
mod trace;
mod updates;

pub use args::Args;

/// Runs the role until shutdown.
///
/// # Errors
/// When the role cannot start or must stop; the message says what to do.
pub async fn run(_args: Args, shutdown: mesolith_telemetry::Shutdown) -> anyhow::Result<()> {
    shutdown.wait().await;
    Ok(())
}
