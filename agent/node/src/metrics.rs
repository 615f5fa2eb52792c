//! Prometheus metrics of the node agent.

use mesolith_telemetry::Registry;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

/// A component of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Labels {
    pub(crate) cluster: String,
    pub(crate) component: String,
}

/// Shared by all supervisors.
#[derive(Clone, Default)]
pub(crate) struct Metrics {
    pub(crate) up: Family<Labels, Gauge>,
    pub(crate) memory: Family<Labels, Gauge>,
    pub(crate) starts: Family<Labels, Counter>,
    pub(crate) deaths: Family<Labels, Counter>,
    pub(crate) applied: Counter,
    pub(crate) refused: Counter,
}

impl Metrics {
    pub(crate) fn register(&self, registry: &Registry) {
        let mut registry = registry.lock().unwrap_or_else(|e| e.into_inner());
        registry.register("component_up", "1 while a component serves", self.up.clone());
        registry.register(
            "component_memory_bytes",
            "Memory a component's group uses",
            self.memory.clone(),
        );
        registry.register("component_starts", "Processes started", self.starts.clone());
        registry.register(
            "component_deaths",
            "Processes that ended unasked",
            self.deaths.clone(),
        );
        registry.register("applied_sets", "Desired sets stored", self.applied.clone());
        registry.register("refused_sets", "Desired sets refused", self.refused.clone());
    }

    pub(crate) fn forget(&self, labels: &Labels) {
        self.up.remove(labels);
        self.memory.remove(labels);
    }
}
