//! Tasks that failed or were lost since the migration began. Pure.
//!
//! Masters count from their own start, and the leader changes in the middle of a migration. So the status keeps who
//! counts and what is to be added to that. What failed between the last look at a leader and its end is in nobody's count.

use mesolith_crds::v1alpha1::zk_migration::TaskCounts;

/// What is on record of failures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Failures {
    /// Since the migration began.
    pub(crate) total: i64,
    /// The leader that counts now.
    pub(crate) by: String,
    /// What is to be added to its count.
    pub(crate) before: i64,
}

/// Ends of tasks that nobody asked for, by the names of Mesos's metrics.
pub(super) const STATES: [&str; 5] = ["failed", "lost", "error", "dropped", "gone"];

/// The record after a leader was seen to count `now`.
pub(super) fn count(before: Option<&TaskCounts>, leader: &str, now: i64) -> Failures {
    let known = before.and_then(|counts| Some((counts.failed?, counts.counted_by.as_deref()?)));
    let Some((total, by)) = known else {
        // The migration begins: what this leader has counted so far was before it.
        return Failures {
            total: 0,
            by: leader.to_owned(),
            before: -now,
        };
    };
    let offset = before.and_then(|counts| counts.counted_before).unwrap_or(0);
    // A count that is lower than before is that of another process.
    let before = if by == leader && now + offset >= total {
        offset
    } else {
        total
    };
    Failures {
        total: now + before,
        by: leader.to_owned(),
        before,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_on_over_leaders_and_restarts() {
        let mut record: Option<TaskCounts> = None;
        let mut totals = Vec::new();
        for (leader, now) in [
            ("a1", 7),
            ("a1", 7),
            ("a1", 9),
            ("b1", 0),
            ("b1", 1),
            ("b1", 0),
            ("b1", 2),
            ("a1", 0),
            ("a1", 4),
        ] {
            let failures = count(record.as_ref(), leader, now);
            totals.push(failures.total);
            record = Some(TaskCounts {
                failed: Some(failures.total),
                counted_by: Some(failures.by),
                counted_before: Some(failures.before),
                ..TaskCounts::default()
            });
        }
        assert_eq!(totals, [0, 0, 2, 2, 3, 3, 5, 5, 9]);
    }
}
