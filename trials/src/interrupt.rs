//! Ends in order when told to: what was started is stopped, what was mounted is unmounted.

use anyhow::{Result, bail};
use tokio::signal::unix::{SignalKind, signal};

/// Runs until it is done, or until the process is asked to end; then the work is dropped, and with it its worlds.
///
/// # Errors
/// Those of the work, and that it was interrupted.
pub async fn interruptible<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    tokio::select! {
        done = work => done,
        _ = terminated.recv() => bail!("terminated"),
        _ = interrupted.recv() => bail!("interrupted"),
    }
}
