//! What does not change while a master runs.

use std::collections::BTreeMap;
use std::time::Duration;

use mesolith_mesos::{Resources, Scalar};
use mesolith_proto::mesos::v1;

use crate::time::Time;

/// Least amounts by resource name, all of which must be there.
pub type Quantities = BTreeMap<String, Scalar>;

/// Settings of the state machine.
#[derive(Debug, Clone)]
pub struct Config {
    /// This master.
    pub master: v1::MasterInfo,
    /// Name of the cluster, shown in `/state`.
    pub cluster: Option<String>,
    /// When the process started.
    pub started: Time,
    /// Flags as `/flags` shows them.
    pub flags: BTreeMap<String, String>,
    /// How often resources are handed out.
    pub allocation_interval: Duration,
    /// How often an agent is asked whether it lives.
    pub ping_interval: Duration,
    /// An agent that is silent for this many intervals is unreachable.
    pub max_ping_timeouts: u32,
    /// How long agents and frameworks have to come back after a failover.
    pub reregister_timeout: Duration,
    /// An unused offer is withdrawn after this.
    pub offer_timeout: Option<Duration>,
    /// How often a scheduler hears from us at least.
    pub heartbeat_interval: Duration,
    /// Offers hold at least one of these.
    pub min_allocatable: Vec<Quantities>,
    /// Agents with GPUs are offered only to frameworks that want GPUs.
    pub filter_gpu_resources: bool,
    /// Share of a role in relation to others; 1 if not named.
    pub weights: BTreeMap<String, f64>,
    /// How many ended frameworks are remembered.
    pub max_completed_frameworks: usize,
    /// How many ended tasks are remembered, per framework.
    pub max_completed_tasks: usize,
    /// How many tasks on unreachable agents are remembered, per framework.
    pub max_unreachable_tasks: usize,
}

impl Config {
    /// Mesos' defaults, for the given master.
    #[must_use]
    pub fn new(master: v1::MasterInfo, started: Time) -> Self {
        Self {
            master,
            cluster: None,
            started,
            flags: BTreeMap::new(),
            allocation_interval: Duration::from_secs(1),
            ping_interval: Duration::from_secs(15),
            max_ping_timeouts: 5,
            reregister_timeout: Duration::from_secs(600),
            offer_timeout: None,
            heartbeat_interval: Duration::from_secs(15),
            min_allocatable: vec![
                Quantities::from([("cpus".into(), Scalar::from(0.01))]),
                Quantities::from([("mem".into(), Scalar::from(32.0))]),
            ],
            filter_gpu_resources: true,
            weights: BTreeMap::new(),
            max_completed_frameworks: 50,
            max_completed_tasks: 1000,
            max_unreachable_tasks: 1000,
        }
    }

    /// How long an agent may be silent.
    #[must_use]
    pub fn ping_limit(&self) -> Duration {
        self.ping_interval * self.max_ping_timeouts
    }

    /// Whether resources are worth an offer to a framework that names no least amounts.
    #[must_use]
    pub fn is_allocatable(&self, resources: &Resources) -> bool {
        is_enough(resources, &self.min_allocatable)
    }
}

/// Whether resources hold at least one of these. If there are none, any resources are enough that are not empty.
#[must_use]
pub fn is_enough(resources: &Resources, least: &[Quantities]) -> bool {
    let enough = |least: &Quantities| {
        least
            .iter()
            .all(|(name, amount)| resources.scalar(name) >= *amount)
    };
    !resources.is_empty() && (least.is_empty() || least.iter().any(enough))
}
