//! What must be remembered to tell an alert from a moment: since when each cause lasts, and what was counted lately.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mesolith_crds::v1alpha1::zk_migration::ActiveAlert;

use super::causes::{Cause, Recent, Watched};

/// How far back counts are looked at.
const TASKS: Duration = Duration::from_secs(300);
const LEADERS: Duration = Duration::from_secs(900);
const CONFLICTS: Duration = Duration::from_secs(3600);
/// Counts are kept once in this time; an hour of them is 60.
const STEP: Duration = Duration::from_secs(60);

/// What is remembered of one migration.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Since when each cause lasts, by name.
    since: BTreeMap<String, Timestamp>,
    /// Counts of the last hour, the oldest first.
    samples: VecDeque<(Timestamp, Counts)>,
}

/// Numbers that only grow, unless what counts them starts again.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    tasks_failed: u64,
    leader_changes: u64,
    conflicts: u64,
}

impl Pending {
    /// What an operator before this one saw.
    pub(super) fn known(alerts: &[ActiveAlert]) -> Self {
        let since = alerts.iter().map(|alert| (alert.name.clone(), alert.since.0));
        Self {
            since: since.collect(),
            samples: VecDeque::new(),
        }
    }

    /// The causes that last long enough to be alerts, each with its beginning.
    pub(super) fn lasting(&mut self, causes: Vec<Cause>, now: Timestamp) -> Vec<(Cause, Timestamp)> {
        let began = |cause: &Cause| self.since.get(&cause.name()).copied().unwrap_or(now).min(now);
        let causes: Vec<(Cause, Timestamp)> = causes
            .into_iter()
            .map(|cause| {
                let since = began(&cause);
                (cause, since)
            })
            .collect();
        self.since = causes
            .iter()
            .map(|(cause, since)| (cause.name(), *since))
            .collect();
        let lasts = |(cause, since): &(Cause, Timestamp)| !within(*since, now, cause.lasts);
        causes.into_iter().filter(lasts).collect()
    }

    /// Takes the present counts and returns how much they grew lately. The first ones are where counting begins.
    pub(super) fn recent(&mut self, watched: &Watched, now: Timestamp) -> Recent {
        let last = self.samples.back().map(|(_, counts)| *counts).unwrap_or_default();
        let counts = Counts {
            tasks_failed: watched.figures.tasks_failed.unwrap_or(last.tasks_failed),
            leader_changes: watched.figures.unexpected_leader_changes,
            conflicts: watched.conflicts.unwrap_or(last.conflicts),
        };
        let newest_but_one = self
            .samples
            .len()
            .checked_sub(2)
            .and_then(|at| self.samples.get(at));
        if newest_but_one.is_some_and(|(time, _)| within(*time, now, STEP)) {
            self.samples.pop_back();
        }
        self.samples.push_back((now, counts));
        // One that is older than the hour is where the hour begins.
        while self
            .samples
            .get(1)
            .is_some_and(|(time, _)| !within(*time, now, CONFLICTS))
        {
            self.samples.pop_front();
        }
        Recent {
            tasks_failed: self.grown(now, TASKS, |counts| counts.tasks_failed),
            leader_changes: self.grown(now, LEADERS, |counts| counts.leader_changes),
            conflicts: self.grown(now, CONFLICTS, |counts| counts.conflicts),
        }
    }

    /// How much a count grew in the last `window`. One that became smaller began again.
    fn grown(&self, now: Timestamp, window: Duration, of: fn(&Counts) -> u64) -> u64 {
        let mut grown: u64 = 0;
        for (before, after) in self.samples.iter().zip(self.samples.iter().skip(1)) {
            if within(after.0, now, window) {
                let (before, after) = (of(&before.1), of(&after.1));
                grown = grown.saturating_add(after.checked_sub(before).unwrap_or(after));
            }
        }
        grown
    }
}

/// Whether less than `window` passed between the two times.
fn within(time: Timestamp, now: Timestamp, window: Duration) -> bool {
    let window = SignedDuration::try_from(window).unwrap_or(SignedDuration::MAX);
    now.duration_since(time) < window
}
