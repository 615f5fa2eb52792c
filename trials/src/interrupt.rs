//! Ends in order when the process is told to end: started programs are stopped, and file systems unmounted.

use anyhow::{Result, bail};
use tokio::signal::unix::{SignalKind, signal};

/// Runs the work until it is done or the process is told to end. Then the work is dropped, and with it its worlds.
///
/// # Errors
/// The errors of the work, or that it was interrupted.
pub async fn interruptible<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    tokio::select! {
        done = work => done,
        _ = terminated.recv() => bail!("terminated"),
        _ = interrupted.recv() => bail!("interrupted"),
    }
}
