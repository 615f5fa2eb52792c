//! Everything that the machine knows: the goal, and what was seen. Facts that could not be had are absent.

use super::super::failures::Failures;
use crate::sync_engine::Lag;
use crate::zk_migration::measure::Measured;
use jiff::Timestamp;
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::mesos_cluster::{
    AgentDrain, ClusterForm, ClusterSide, FormRoot, FormSync, SideCounts, TargetCluster,
};
use mesolith_crds::v1alpha1::zk_migration::{AgentStrategy, Approval, Phase, Waiting};
use std::collections::BTreeMap;
use std::time::Duration;

/// What the migration is to bring about. It does not change while the migration runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Goal {
    /// `namespace/name` of the migration.
    pub(crate) migration: String,
    /// Its uid.
    pub(crate) uid: String,
    /// `namespace/name` of the cluster that moves.
    pub(crate) cluster: String,
    /// Cluster B.
    pub(crate) target: TargetCluster,
    /// Nodes with agents of cluster A, in the order in which they are drained.
    pub(crate) source_agents: Vec<String>,
    /// How tasks get to cluster B.
    pub(crate) strategy: AgentStrategy,
    /// How agents that leave are emptied.
    pub(crate) agent_drain: AgentDrain,
    /// `host:port` of ensemble A's servers.
    pub(crate) servers: Vec<String>,
    /// Subtrees that are kept equal besides that of the election.
    pub(crate) paths: Paths,
    /// The subtree of the masters' election, such as `/mesos`.
    pub(crate) election: String,
    /// The sync engine, without its roots.
    pub(crate) sync: FormSync,
    /// A lag (95th percentile) above this keeps the gate closed.
    pub(crate) lag_threshold: Duration,
    /// The leader must have been the same for so long.
    pub(crate) steady: Duration,
    /// Who opens a gate.
    pub(crate) approval: Approval,
    /// How long cluster A's data is kept after the last phase.
    pub(crate) retention: Duration,
}

/// Which subtrees are kept equal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Paths {
    /// Everything that there is on ensemble A, subtree by subtree: the election's subtree is switched on its own, so the
    /// tree cannot be kept equal as a whole.
    Whole,
    /// These.
    Named(Vec<String>),
}

impl Default for Paths {
    fn default() -> Self {
        Self::Named(Vec::new())
    }
}

/// What is seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct World {
    /// When it was seen.
    pub(crate) now: Timestamp,
    /// When the phase on record began, in whole seconds.
    pub(crate) began: Option<Timestamp>,
    /// What stands against the start: checks of the preflight that failed.
    pub(crate) preflight: Vec<Waiting>,
    /// The approval that a person gave.
    pub(crate) approval: Option<Approved>,
    /// What the cluster is to be now, as it is on record.
    pub(crate) form: Option<ClusterForm>,
    /// Both sides, once the cluster's controller has looked at this form.
    pub(crate) sides: Option<SeenSides>,
    /// The leading master.
    pub(crate) leader: Option<Leader>,
    /// The active sync engine.
    pub(crate) sync: Option<SyncSeen>,
    /// Contenders of the election as each ensemble shows them.
    pub(crate) contenders: Option<[usize; 2]>,
    /// What the leading master counts.
    pub(crate) counts: Option<Counts>,
    /// What it says in figures, for the record.
    pub(crate) measured: Option<Measured>,
    /// Whether the probe task exists, and whether it runs on cluster B.
    pub(crate) probe: Probe,
    /// Agents of cluster B that it may run on.
    pub(crate) probe_on: Vec<String>,
    /// Agents that are to leave and have not left, by node.
    pub(crate) drained: BTreeMap<String, Drained>,
    /// Agents that were to leave and stay, or have left, of which the master has not been told that yet.
    pub(crate) retracting: usize,
    /// Nodes whose agents may be drained next, within the room that cluster B has; absent while it is not known.
    pub(crate) next_batch: Option<Vec<String>>,
    /// Connections to ensemble A that are not ours, or why they are not known; absent when nobody has looked.
    pub(crate) clients: Option<Result<Vec<String>, String>>,
    /// The subtrees that are to be kept equal and that ensemble A has, without the election's; absent while they are not
    /// known.
    pub(crate) subtrees: Option<Vec<String>>,
    /// When the last phase was done first: since then cluster A's data is kept.
    pub(crate) kept_since: Option<Timestamp>,
    /// Whether the cluster's spec says what the form has made of it.
    pub(crate) adopted: bool,
}

/// Both sides of the cluster.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SeenSides {
    pub(crate) source: SideCounts,
    pub(crate) target: SideCounts,
}

/// The leading master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leader {
    pub(crate) side: ClusterSide,
    pub(crate) address: String,
    /// Since when it leads.
    pub(crate) since: Timestamp,
}

/// What the active engine says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SyncSeen {
    /// Whether B is equal but for the lag, with nothing refused.
    pub(crate) in_sync: bool,
    /// What it does or waits for, for people.
    pub(crate) doing: String,
    /// The roots that it follows now.
    pub(crate) roots: Vec<FormRoot>,
    /// Lag of the last minute, 95th percentile.
    pub(crate) lag_p95: Duration,
    /// Znodes of ensemble A.
    pub(crate) znodes: Option<u64>,
    /// Whether the servers' own digests agree with the engine's picture of both trees; absent where servers have none.
    pub(crate) digests_agree: Option<bool>,
    /// Conflicts so far.
    pub(crate) conflicts: u64,
    /// Changes that are refused.
    pub(crate) refused: u64,
    /// Refusals that were tried again, so far.
    pub(crate) errors: u64,
    /// Percentiles of the lag of the last minute.
    pub(crate) lag: Option<Lag>,
    /// Why it cannot go on.
    pub(crate) failed: Option<String>,
}

/// What the leading master counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) frameworks: usize,
    pub(crate) frameworks_connected: usize,
    pub(crate) agents: usize,
    /// Tasks that run, on both sides.
    pub(crate) tasks: [usize; 2],
    /// Tasks that failed or were lost since the migration began.
    pub(crate) failed: Option<usize>,
    /// How that was counted, for the record.
    pub(crate) failures: Option<Failures>,
}

/// The task that proves that cluster B's agents run tasks.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Probe {
    /// There is none.
    #[default]
    Absent,
    /// It has been asked for and does not run yet: why.
    Waits(Waiting),
    /// The agents that it may run on are none of cluster B's any more.
    Misplaced,
    /// Something of another kind has its name.
    Blocked(Waiting),
    /// It runs on an agent of cluster B.
    Runs,
    /// It is being ended.
    Ends,
}

/// How far an agent is drained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Drained {
    /// Tasks that have not ended; absent while the leader does not know the agent.
    pub(crate) tasks: Option<usize>,
    /// Whose they are, for people.
    pub(crate) frameworks: Vec<String>,
}

/// The annotation, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Approved {
    pub(crate) phase: Phase,
    pub(crate) hash: String,
    /// Who gave it.
    pub(crate) by: Option<String>,
}

impl World {
    /// Both sides, or why they are not known yet.
    pub(super) fn sides(&self) -> Result<&SeenSides, Waiting> {
        self.sides.as_ref().ok_or_else(|| {
            wait(
                Reason::WaitingForCluster,
                "the MesosCluster has not shown yet what it makes of the migration's last step",
            )
        })
    }
}

/// A wait with its sentence.
pub(crate) fn wait(reason: Reason, message: impl Into<String>) -> Waiting {
    Waiting {
        reason: reason.as_str().to_owned(),
        message: message.into(),
        command: None,
    }
}
