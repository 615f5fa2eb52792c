//! Operator: reconcilers of the three resources and the Marathon scheduler.

mod args;

pub use args::Args;

/// Runs the role until shutdown.
///
/// # Errors
/// When the role cannot start or must stop; the message says what to do.
pub async fn run(_args: Args, shutdown: mesolith_telemetry::Shutdown) -> anyhow::Result<()> {
    shutdown.wait().await;
    Ok(())
}
