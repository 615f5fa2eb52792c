//! When messages are repeated and tried again.

use std::time::Duration;

/// When messages are repeated and tried again, and how much is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// An alert that lasts is told again after this long.
    pub repeat: Duration,
    /// An alert is over when it has not fired for this long. One that comes back earlier is the same one, so that a
    /// figure that swings around its threshold is told once.
    pub settle: Duration,
    /// Pause after a channel's first failure; it doubles with each further one.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// Alerts remembered at once. The worst and oldest ones stay.
    pub alerts: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            repeat: Duration::from_secs(4 * 3600),
            settle: Duration::from_secs(30),
            first_pause: Duration::from_secs(5),
            longest_pause: Duration::from_secs(600),
            alerts: 200,
        }
    }
}

impl Policy {
    /// The pause after so many failures in a row.
    pub(crate) fn pause(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        self.first_pause
            .saturating_mul(1 << doublings)
            .min(self.longest_pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let policy = Policy::default();
        let pauses = [1, 2, 3, 7, 8, 9, u32::MAX].map(|n| policy.pause(n).as_secs());
        assert_eq!(pauses, [5, 10, 20, 320, 600, 600, 600]);
    }
}
