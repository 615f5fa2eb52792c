//! Which process a pid means: the kernel reuses pids sooner or later.

use procfs::process::Process;
use serde::{Deserialize, Serialize};

/// A process, told apart from every other that has or had the same pid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Process id.
    pub pid: u32,
    /// Start time in clock ticks since boot.
    pub start: u64,
    /// The boot it belongs to.
    pub boot_id: String,
}

impl Identity {
    /// The process that has this pid now; none without one, and for a zombie.
    pub fn of(pid: u32) -> Option<Self> {
        let stat = Process::new(i32::try_from(pid).ok()?).ok()?.stat().ok()?;
        // init may reap late, and a dead child of ours stays until its status is recorded.
        if matches!(stat.state, 'Z' | 'X' | 'x') {
            return None;
        }
        Some(Self {
            pid,
            start: stat.starttime,
            boot_id: boot_id(),
        })
    }

    /// Whether this very process still runs.
    pub fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }
}

/// This boot of the machine; empty where the kernel does not tell.
pub fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|s| s.trim().to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Identity;

    #[test]
    fn another_start_time_or_boot_is_another_process() {
        let me = Identity::of(std::process::id()).unwrap();
        assert!(me.is_alive());
        assert!(
            !Identity {
                start: me.start + 1,
                ..me.clone()
            }
            .is_alive()
        );
        assert!(
            !Identity {
                boot_id: "other".into(),
                ..me
            }
            .is_alive()
        );
    }
}
