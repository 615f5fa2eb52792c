//! What the leading master says in figures, and what is counted of it over all masters that lead meanwhile. Pure.
//!
//! A master counts from its own election on and ends when it loses it, so a new leader begins at zero.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use mesolith_crds::v1alpha1::zk_migration::{Figures, Tally};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// Counters that are added up beside [`Tally::FAILED`], by their Mesos names.
const COUNTERS: [&str; 4] = [
    "tasks_killed",
    "tasks_finished",
    "slave_removals",
    "slave_unreachable_completed",
];
/// Tasks in these states have not ended.
const ALIVE: [&str; 5] = ["staging", "starting", "running", "killing", "unreachable"];

/// What the leading master says in `/metrics/snapshot`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Measured {
    /// `host:port` of the leader.
    leader: String,
    /// Tasks that have not ended.
    pub(super) tasks: Option<u64>,
    agents: Option<u64>,
    frameworks: Option<u64>,
    pub(super) frameworks_disconnected: Option<u64>,
    /// Used part of each resource, 0 to 1; resources that no agent has are left out.
    pub(super) utilization: BTreeMap<String, f64>,
    counters: BTreeMap<String, i64>,
    answer: Duration,
}

impl Measured {
    /// Reads the metrics; `answer` is how long the leader took for them.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // counts
    pub(super) fn read(leader: &str, metrics: &Value, answer: Duration) -> Self {
        let number = |name: &str| metrics.get(format!("master/{name}"))?.as_f64();
        let count = |name: &str| number(name).map(|n| n as u64);
        let alive: Vec<u64> = ALIVE
            .iter()
            .filter_map(|state| count(&format!("tasks_{state}")))
            .collect();
        let used = |name: &str| {
            number(&format!("{name}_total")).filter(|total| *total > 0.0)?;
            Some((name.to_owned(), number(&format!("{name}_percent"))?))
        };
        let counter = |name: &&str| Some(((*name).to_owned(), number(name)? as i64));
        Self {
            leader: leader.to_owned(),
            tasks: (!alive.is_empty()).then(|| alive.iter().sum()),
            agents: count("slaves_active"),
            frameworks: count("frameworks_connected"),
            frameworks_disconnected: count("frameworks_disconnected"),
            utilization: ["cpus", "mem", "disk", "gpus"]
                .into_iter()
                .filter_map(used)
                .collect(),
            counters: Tally::FAILED
                .iter()
                .chain(&COUNTERS)
                .filter_map(counter)
                .collect(),
            answer,
        }
    }

    /// As the status keeps them.
    pub(super) fn figures(&self, now: Timestamp) -> Figures {
        let number = |n: Option<u64>| n.and_then(|n| i64::try_from(n).ok());
        let tenths = |x: f64| (x * 10.0).round() / 10.0;
        Figures {
            time: Timestamp::from_second(now.as_second()).ok().map(Time),
            tasks: number(self.tasks),
            agents: number(self.agents),
            frameworks: number(self.frameworks),
            utilization: self
                .utilization
                .iter()
                .map(|(name, used)| (name.clone(), tenths(used * 100.0)))
                .collect(),
            leader_answer_ms: Some(tenths(self.answer.as_secs_f64() * 1e3)),
        }
    }

    /// Where counting begins.
    pub(super) fn begin(&self) -> Tally {
        Tally {
            leader: self.leader.clone(),
            seen: self.counters.clone(),
            total: self.counters.keys().map(|name| (name.clone(), 0)).collect(),
            ..Tally::default()
        }
    }

    /// With what was counted since the tally was put on record.
    pub(super) fn add_to(&self, known: &Tally) -> Tally {
        let same = known.leader == self.leader;
        let grown = |name: &String, now: i64| {
            let seen = known.seen.get(name).copied().unwrap_or(0);
            // One that became smaller is of a master that was started again.
            if same && now >= seen { now - seen } else { now }
        };
        let mut total = known.total.clone();
        for (name, now) in &self.counters {
            *total.entry(name.clone()).or_default() += grown(name, *now);
        }
        Tally {
            leader: self.leader.clone(),
            seen: self.counters.clone(),
            total,
            ..known.clone()
        }
    }
}

/// Agents that went away without being asked to.
pub(super) fn agents_lost(tally: &Tally) -> u64 {
    tally.counted("slave_unreachable_completed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn measured(leader: &str, failed: u64, lost: u64) -> Measured {
        let metrics = json!({
            "master/tasks_running": 5, "master/tasks_staging": 1, "master/slaves_active": 3,
            "master/frameworks_connected": 2, "master/frameworks_disconnected": 1,
            "master/cpus_total": 8.0, "master/cpus_percent": 0.123, "master/gpus_total": 0, "master/gpus_percent": 0,
            "master/tasks_failed": failed, "master/tasks_lost": lost
        });
        Measured::read(leader, &metrics, Duration::from_millis(12))
    }

    #[test]
    fn metrics_become_figures() {
        let figures = measured("a:5050", 0, 0).figures(Timestamp::UNIX_EPOCH);
        assert_eq!(
            (figures.tasks, figures.agents, figures.frameworks),
            (Some(6), Some(3), Some(2))
        );
        assert_eq!(figures.utilization, BTreeMap::from([("cpus".to_owned(), 12.3)]));
        assert_eq!(figures.leader_answer_ms, Some(12.0));
        let unknown = Measured::read("a:5050", &json!({}), Duration::ZERO).figures(Timestamp::UNIX_EPOCH);
        assert_eq!((unknown.tasks, unknown.agents), (None, None));
    }

    #[test]
    fn counting_goes_on_over_leaders_that_begin_at_zero() {
        let begun = measured("a:5050", 7, 1).begin();
        assert_eq!(begun.failed(), 0, "what failed before is not the migration's");
        let later = measured("a:5050", 9, 1).add_to(&begun);
        assert_eq!(later.failed(), 2);
        assert_eq!(measured("a:5050", 9, 1).add_to(&later).failed(), 2);
        let moved = measured("b:5050", 1, 0).add_to(&later);
        assert_eq!((moved.failed(), moved.leader.as_str()), (3, "b:5050"));
        let restarted = measured("b:5050", 0, 0).add_to(&moved);
        assert_eq!(measured("b:5050", 1, 0).add_to(&restarted).failed(), 4);
    }
}
