//! Waiting for the outside world, always with a limit.

use std::time::{Duration, Instant};

/// Polls until `check` is `Ok`, or fails after `limit` with what was waited for and the last answer.
///
/// # Errors
/// When the limit passes.
pub fn wait_until<T>(
    what: &str,
    limit: Duration,
    mut check: impl FnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let end = Instant::now() + limit;
    let mut pause = Duration::from_millis(20);
    loop {
        let last = match check() {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if Instant::now() >= end {
            return Err(last.context(format!("waited {} s for {what}", limit.as_secs())));
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(250));
    }
}
