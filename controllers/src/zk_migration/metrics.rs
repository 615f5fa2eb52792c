//! What the operator exports about migrations, under the names that the dashboards have: `migration_*`.
//!
//! The controller hands over a migration's figures as plain data; a scrape shows the last ones. What is not known has no
//! sample, so that no alert fires on a guess. Every sample has the migration's `namespace/name` as `migration_id`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// Prefix of every name.
const PREFIX: &str = "migration";

/// The figures of one migration.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Figures {
    /// Number of the phase, 1 to 6; 0 before the first and after a rollback to the start.
    pub(crate) phase: u8,
    /// Time spent in each phase so far, by its number.
    pub(crate) phase_durations: BTreeMap<u8, Duration>,
    /// The phase takes longer than it may.
    pub(crate) stalled: bool,
    /// It goes back.
    pub(crate) rolling_back: bool,
    /// A sync engine runs for it.
    pub(crate) sync_engine: bool,
    /// Cluster A.
    pub(crate) a: ClusterFigures,
    /// Cluster B.
    pub(crate) b: ClusterFigures,
    /// A leading master is known.
    pub(crate) mesos_leader: Option<bool>,
    /// Changes of the leading master that no phase asked for.
    pub(crate) unexpected_leader_changes: u64,
    /// Masters that should run now.
    pub(crate) masters_expected: Option<u64>,
    /// Masters that answer.
    pub(crate) masters_up: Option<u64>,
    /// Tasks that failed or were lost since the start.
    pub(crate) tasks_failed: Option<u64>,
    /// Agents that should be registered now.
    pub(crate) agents_expected: Option<u64>,
    /// Those of them that are not.
    pub(crate) agents_missing: Option<u64>,
    /// Agents that went away since the start without being asked to.
    pub(crate) agents_lost: u64,
    /// Frameworks that the master knows and that are not connected.
    pub(crate) frameworks_disconnected: Option<u64>,
}

/// The figures of one side.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ClusterFigures {
    /// Running tasks.
    pub(crate) tasks: Option<u64>,
    /// Registered agents.
    pub(crate) agents: Option<u64>,
    /// Its ensemble has a quorum.
    pub(crate) zookeeper_quorum: Option<bool>,
    /// Used part of each resource, 0 to 1, by the resource's name.
    pub(crate) utilization: BTreeMap<String, f64>,
}

/// A metric: its name without the prefix (the name's end says the unit), and where its samples come from.
struct Family {
    name: &'static str,
    help: &'static str,
    kind: Kind,
    samples: fn(&Figures) -> Vec<Sample>,
}

#[derive(Clone, Copy)]
enum Kind {
    Gauge,
    /// Its name gets the ending `_total`.
    Counter,
}

/// Labels beside `migration_id`, and a value.
type Sample = (Vec<(&'static str, String)>, f64);

/// Everything that is exported.
const FAMILIES: [Family; 20] = [
    gauge(
        "phase_current",
        "Number of the phase, 1 to 6; 0 outside of them",
        |f| vec![(vec![], f64::from(f.phase))],
    ),
    gauge("phase_duration_seconds", "Time spent in the phase so far", |f| {
        let durations = f.phase_durations.iter();
        durations
            .map(|(phase, time)| (vec![("phase", phase.to_string())], time.as_secs_f64()))
            .collect()
    }),
    gauge("stalled", "1 while the phase takes longer than it may", |f| {
        flag(Some(f.stalled))
    }),
    gauge("rolling_back", "1 while it goes back", |f| {
        flag(Some(f.rolling_back))
    }),
    gauge("sync_engine", "1 while a sync engine runs for it", |f| {
        flag(Some(f.sync_engine))
    }),
    gauge("tasks_cluster_a", "Running tasks on agents of cluster A", |f| {
        number(f.a.tasks)
    }),
    gauge("tasks_cluster_b", "Running tasks on agents of cluster B", |f| {
        number(f.b.tasks)
    }),
    gauge("agents_cluster_a", "Registered agents of cluster A", |f| {
        number(f.a.agents)
    }),
    gauge("agents_cluster_b", "Registered agents of cluster B", |f| {
        number(f.b.agents)
    }),
    gauge(
        "zookeeper_quorum",
        "1 while the cluster's ensemble has a quorum",
        |f| of_both(f, |side| flag(side.zookeeper_quorum)),
    ),
    gauge(
        "utilization_ratio",
        "Used part of a cluster's resource, 0 to 1",
        |f| {
            of_both(f, |side| {
                let resources = side.utilization.iter();
                resources
                    .map(|(resource, used)| (vec![("resource", resource.clone())], *used))
                    .collect()
            })
        },
    ),
    gauge("mesos_leader", "1 while a leading master is known", |f| {
        flag(f.mesos_leader)
    }),
    counter(
        "unexpected_leader_changes",
        "Changes of the leading master that no phase asked for",
        |f| number(Some(f.unexpected_leader_changes)),
    ),
    gauge("masters_expected", "Masters that should run now", |f| {
        number(f.masters_expected)
    }),
    gauge("masters_up", "Masters that answer", |f| number(f.masters_up)),
    counter(
        "tasks_failed",
        "Tasks that failed or were lost since the start",
        |f| number(f.tasks_failed),
    ),
    gauge("agents_expected", "Agents that should be registered now", |f| {
        number(f.agents_expected)
    }),
    gauge(
        "agents_missing",
        "Agents that should be registered and are not",
        |f| number(f.agents_missing),
    ),
    counter(
        "agents_lost",
        "Agents that went away since the start without being asked to",
        |f| number(Some(f.agents_lost)),
    ),
    gauge(
        "frameworks_disconnected",
        "Frameworks that the master knows and that are not connected",
        |f| number(f.frameworks_disconnected),
    ),
];

const fn gauge(name: &'static str, help: &'static str, samples: fn(&Figures) -> Vec<Sample>) -> Family {
    Family {
        name,
        help,
        kind: Kind::Gauge,
        samples,
    }
}

const fn counter(name: &'static str, help: &'static str, samples: fn(&Figures) -> Vec<Sample>) -> Family {
    Family {
        name,
        help,
        kind: Kind::Counter,
        samples,
    }
}

fn number(value: Option<u64>) -> Vec<Sample> {
    value.into_iter().map(|value| (vec![], value as f64)).collect()
}

fn flag(holds: Option<bool>) -> Vec<Sample> {
    number(holds.map(u64::from))
}

/// The samples of both sides; `cluster` is A or B, as in the sync engine's metrics.
fn of_both(figures: &Figures, samples: fn(&ClusterFigures) -> Vec<Sample>) -> Vec<Sample> {
    let mut all = Vec::new();
    for (cluster, side) in [("A", &figures.a), ("B", &figures.b)] {
        for (mut labels, value) in samples(side) {
            labels.insert(0, ("cluster", cluster.to_owned()));
            all.push((labels, value));
        }
    }
    all
}

/// The figures of every migration, by `namespace/name`; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct MigrationMetrics(Arc<Mutex<BTreeMap<String, Figures>>>);

impl MigrationMetrics {
    /// Metrics that the registry, which must have no prefix, asks for at each scrape.
    pub(crate) fn register(registry: &mesolith_telemetry::Registry) -> Self {
        let metrics = Self::default();
        let mut registry = registry.lock().unwrap_or_else(PoisonError::into_inner);
        let registry = registry.sub_registry_with_prefix(PREFIX);
        registry.register_collector(Box::new(metrics.clone()));
        metrics
    }

    /// The present figures of a migration.
    pub(crate) fn set(&self, namespace: &str, name: &str, figures: Figures) {
        self.figures().insert(format!("{namespace}/{name}"), figures);
    }

    /// The migration is gone, and its samples with it.
    pub(crate) fn forget(&self, namespace: &str, name: &str) {
        self.figures().remove(&format!("{namespace}/{name}"));
    }

    /// Another replica leads: it exports them now.
    pub(crate) fn clear(&self) {
        self.figures().clear();
    }

    fn figures(&self) -> MutexGuard<'_, BTreeMap<String, Figures>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for MigrationMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let migrations = self.figures().clone();
        for family in &FAMILIES {
            let samples: Vec<(&String, Sample)> = migrations
                .iter()
                .flat_map(|(id, figures)| {
                    (family.samples)(figures)
                        .into_iter()
                        .map(move |sample| (id, sample))
                })
                .collect();
            if samples.is_empty() {
                continue;
            }
            let kind = match family.kind {
                Kind::Gauge => MetricType::Gauge,
                Kind::Counter => MetricType::Counter,
            };
            let mut metric = encoder.encode_descriptor(family.name, family.help, None, kind)?;
            for (id, (labels, value)) in samples {
                encode(&mut metric, family.kind, id, &labels, value)?;
            }
        }
        Ok(())
    }
}

fn encode(
    metric: &mut MetricEncoder<'_>,
    kind: Kind,
    id: &str,
    labels: &[(&'static str, String)],
    value: f64,
) -> fmt::Result {
    let mut all = vec![("migration_id", id)];
    all.extend(labels.iter().map(|(name, value)| (*name, value.as_str())));
    let mut sample = metric.encode_family(&all)?;
    match kind {
        Kind::Gauge => sample.encode_gauge(&value),
        Kind::Counter => sample.encode_counter::<NoLabelSet, _, u64>(&value, None),
    }
}

#[cfg(test)]
pub(crate) mod tests;
