//! A stop under way. It is on record in the runtime directory, so that a second request, also one of a later agent, can
//! only shorten it.

use std::path::Path;
use std::time::Duration;

use procfs::Current;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::record;

/// When the whole group of a process that was asked to end is killed. The shim reads it, too.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stop {
    /// Seconds since boot. Setting the machine's clock does not move it.
    deadline: f64,
    /// SIGTERM was sent.
    asked: bool,
}

impl Stop {
    /// Records that everything ends after the grace, or earlier where an earlier stop says so.
    pub(crate) fn within(dir: &Path, grace: Duration) -> Self {
        let new = Self {
            deadline: uptime() + grace.as_secs_f64(),
            asked: false,
        };
        let stop = match Self::read(dir) {
            Ok(Some(before)) => Self {
                deadline: new.deadline.min(before.deadline),
                ..before
            },
            Ok(None) | Err(_) => new,
        };
        stop.write(dir)
    }

    /// Records that SIGTERM was sent. A second one means something else to many programs. A deadline that somebody
    /// shortened meanwhile stays.
    pub(crate) fn asked(self, dir: &Path) -> Self {
        let recorded = Self::read(dir).ok().flatten();
        Self {
            deadline: recorded.map_or(self.deadline, |stop| stop.deadline.min(self.deadline)),
            asked: true,
        }
        .write(dir)
    }

    pub(crate) fn was_asked(self) -> bool {
        self.asked
    }

    /// Zero when it is time to kill.
    pub(crate) fn remaining(self) -> Duration {
        Duration::try_from_secs_f64(self.deadline - uptime()).unwrap_or_default()
    }

    pub(crate) fn read(dir: &Path) -> Result<Option<Self>, Error> {
        record::read(dir.join(record::STOP))
    }

    /// Ignores errors, as a full disk must not keep a process alive: then only the first process has the grace.
    fn write(self, dir: &Path) -> Self {
        let _ = record::write(&dir.join(record::STOP), &self);
        self
    }
}

/// Seconds since boot. Where the kernel does not tell, every deadline has passed.
fn uptime() -> f64 {
    procfs::Uptime::current().map_or(f64::MAX, |up| up.uptime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_stop_only_shortens() {
        let dir = tempfile::tempdir().unwrap();
        let first = Stop::within(dir.path(), Duration::from_secs(600)).asked(dir.path());
        assert_eq!(Stop::within(dir.path(), Duration::from_secs(6000)), first);
        let shorter = Stop::within(dir.path(), Duration::from_secs(60));
        assert!(shorter.deadline < first.deadline && shorter.was_asked());
        assert_eq!(Stop::read(dir.path()).unwrap(), Some(shorter));
        assert_eq!(
            Stop::within(dir.path(), Duration::ZERO).remaining(),
            Duration::ZERO
        );
    }

    #[test]
    fn a_signal_that_was_sent_does_not_undo_a_shorter_stop() {
        let dir = tempfile::tempdir().unwrap();
        let first = Stop::within(dir.path(), Duration::from_secs(600));
        let shorter = Stop::within(dir.path(), Duration::from_secs(60));
        let asked = first.asked(dir.path());
        assert!(asked.was_asked());
        assert_eq!(asked.deadline, shorter.deadline);
        assert_eq!(Stop::read(dir.path()).unwrap(), Some(asked));
    }

    #[test]
    fn a_record_that_cannot_be_written_does_not_matter() {
        let stop = Stop::within(Path::new("/no/such/directory"), Duration::from_secs(600));
        assert!(stop.remaining() > Duration::from_secs(500));
    }
}
