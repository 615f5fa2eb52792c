//! What the operator counts. Labels are bounded: controllers, reasons and kinds, never object names.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReconcileLabels {
    controller: &'static str,
    outcome: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ControllerLabels {
    controller: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WriteLabels {
    kind: String,
    verb: &'static str,
}

/// Prefix of the names, but for those of migrations, which the dashboards name.
const PREFIX: &str = "mesolith_operator";

/// The operator's metric families; cheap to clone.
#[derive(Clone)]
pub(crate) struct Metrics {
    reconciles: Family<ReconcileLabels, Counter>,
    duration: Family<ControllerLabels, Histogram>,
    writes: Family<WriteLabels, Counter>,
    leader: Gauge,
}

impl Metrics {
    /// Registers the families; the registry has no prefix of its own.
    pub(crate) fn register(registry: &mesolith_telemetry::Registry) -> Self {
        let metrics = Self {
            reconciles: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 4.0, 8))),
            writes: Family::default(),
            leader: Gauge::default(),
        };
        let mut registry = registry.lock().unwrap_or_else(|e| e.into_inner());
        let registry = registry.sub_registry_with_prefix(PREFIX);
        registry.register(
            "reconciles",
            "Reconciles by outcome and reason",
            metrics.reconciles.clone(),
        );
        registry.register(
            "reconcile_duration_seconds",
            "Duration of reconciles",
            metrics.duration.clone(),
        );
        registry.register(
            "api_writes",
            "Writes to the Kubernetes API by kind",
            metrics.writes.clone(),
        );
        registry.register(
            "leader",
            "1 on the replica that holds the lease",
            metrics.leader.clone(),
        );
        metrics
    }

    pub(crate) fn reconciled(
        &self,
        controller: &'static str,
        outcome: &'static str,
        reason: &'static str,
        took: Duration,
    ) {
        self.reconciles
            .get_or_create(&ReconcileLabels {
                controller,
                outcome,
                reason,
            })
            .inc();
        self.duration
            .get_or_create(&ControllerLabels { controller })
            .observe(took.as_secs_f64());
    }

    pub(crate) fn wrote(&self, kind: String, verb: &'static str) {
        self.writes.get_or_create(&WriteLabels { kind, verb }).inc();
    }

    pub(crate) fn leads(&self, leads: bool) {
        self.leader.set(leads.into());
    }
}
