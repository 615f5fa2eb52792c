//! When something that was asked to end is killed. Absolute, so that neither asking again nor a restart of the agent
//! moves it.

use std::time::Duration;

use mesolith_proto::mesos::v1::{DurationInfo, ExecutorInfo, KillPolicy};

/// Mesos' default for a task without a kill policy.
const KILL_GRACE: Duration = Duration::from_secs(3);

/// Mesos' default `--executor_shutdown_grace_period`.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// A point in time by the machine's clock, for the checkpoint. A kill under way goes by a clock that nobody sets.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(crate) struct Deadline {
    /// Milliseconds since the epoch.
    #[prost(uint64, tag = "1")]
    at: u64,
    /// Milliseconds that were granted: more than that cannot be left, whatever the clock says.
    #[prost(uint64, tag = "2")]
    grace: u64,
}

impl Deadline {
    /// `now` is since the epoch.
    pub(crate) fn after(now: Duration, grace: Duration) -> Self {
        let grace = milliseconds(grace);
        Self {
            at: milliseconds(now).saturating_add(grace),
            grace,
        }
    }

    /// This one, if it comes before the one that is set already: a kill can only be shortened.
    pub(crate) fn before(self, set: Option<Self>) -> Option<Self> {
        set.is_none_or(|set| self.at < set.at).then_some(self)
    }

    /// The time that is left.
    pub(crate) fn remaining(self, now: Duration) -> Duration {
        let left = self.at.saturating_sub(milliseconds(now));
        Duration::from_millis(left.min(self.grace))
    }
}

/// How long a task may take to end.
pub(crate) fn grace(policy: Option<&KillPolicy>) -> Duration {
    let asked = policy.and_then(|p| p.grace_period.as_ref());
    asked.map_or(KILL_GRACE, duration)
}

/// How long an executor may take to end.
pub(crate) fn shutdown_grace(executor: &ExecutorInfo) -> Duration {
    let asked = executor.shutdown_grace_period.as_ref();
    asked.map_or(SHUTDOWN_GRACE, duration)
}

/// A negative duration counts as zero.
pub(crate) fn duration(info: &DurationInfo) -> Duration {
    Duration::from_nanos(info.nanoseconds.max(0).unsigned_abs())
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn only_an_earlier_one_counts() {
        let set = Deadline::after(seconds(1000), seconds(40));
        assert_eq!(set.before(None), Some(set));
        assert_eq!(
            Deadline::after(seconds(1030), seconds(40)).before(Some(set)),
            None
        );
        assert_eq!(set.before(Some(set)), None);
        let shorter = Deadline::after(seconds(1030), seconds(5));
        assert_eq!(shorter.before(Some(set)), Some(shorter));
    }

    #[test]
    fn what_is_left_is_never_more_than_was_granted() {
        let deadline = Deadline::after(seconds(1000), seconds(40));
        for (now, left) in [(1000, 40), (1030, 10), (1040, 0), (2000, 0), (1, 40)] {
            assert_eq!(deadline.remaining(seconds(now)), seconds(left), "at {now}");
        }
    }
}
