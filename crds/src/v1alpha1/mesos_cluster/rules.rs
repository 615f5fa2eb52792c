//! CEL rules of MesosCluster. Each message names the field and what to do.

use kube::core::Rule;
use schemars::Schema;

use crate::schema::{self, Rules};

pub(super) fn spec(s: &mut Schema) {
    schema::spec(s);
    schema::rules(s, SPEC);
}

pub(super) fn zookeeper(s: &mut Schema) {
    schema::rules(s, ZOOKEEPER);
}

pub(super) fn masters(s: &mut Schema) {
    schema::rules(s, MASTERS);
}

pub(super) fn agent_group(s: &mut Schema) {
    schema::rules(s, AGENT_GROUP);
}

pub(super) fn security(s: &mut Schema) {
    schema::rules(s, SECURITY);
}

pub(super) fn agent_removal(s: &mut Schema) {
    schema::rules(s, AGENT_REMOVAL);
}

pub(super) fn agent_drain(s: &mut Schema) {
    schema::rules(s, AGENT_DRAIN);
}

const SPEC: Rules = &[(
    "has(self.clusterName) == has(oldSelf.clusterName) && \
         (!has(self.clusterName) || self.clusterName == oldSelf.clusterName)",
    "spec.clusterName is immutable: agents and frameworks know the cluster by it; make a new MesosCluster",
)];

/// A cluster that was moved may be of the other kind; its manifest says so.
pub(super) fn ensemble() -> Rule {
    Rule::new(
        "has(self.spec.zookeeper.nodes) == has(oldSelf.spec.zookeeper.nodes) || \
         (has(self.status) && has(self.status.manifestToApply))",
    )
    .message("spec.zookeeper cannot change between nodes and external: move the cluster with a ZkMigration")
}

/// Where the path was part of an external ensemble's URL, a moved cluster has it as a field.
pub(super) fn election_path() -> Rule {
    Rule::new(
        "(has(self.spec.zookeeper.path) == has(oldSelf.spec.zookeeper.path) && \
         (!has(self.spec.zookeeper.path) || self.spec.zookeeper.path == oldSelf.spec.zookeeper.path)) || \
         (has(self.status) && has(self.status.manifestToApply))",
    )
    .message("spec.zookeeper.path is immutable: masters and frameworks meet there; make a new MesosCluster")
}

const ZOOKEEPER: Rules = &[
    (
        "has(self.nodes) != has(self.external)",
        "zookeeper needs exactly one of nodes (servers on our nodes) and external (zk://host:port,.../path)",
    ),
    (
        "!has(self.external) || !(has(self.path) || has(self.clientPort) || has(self.quorumPort) || \
         has(self.electionPort) || has(self.heap) || has(self.config) || has(self.limits))",
        "zookeeper.external is not ours to configure: remove path, ports, heap, config and limits",
    ),
    (
        "(has(self.clientPort) ? self.clientPort : 2181) != (has(self.quorumPort) ? self.quorumPort : 2888) && \
         (has(self.clientPort) ? self.clientPort : 2181) != (has(self.electionPort) ? self.electionPort : 3888) && \
         (has(self.quorumPort) ? self.quorumPort : 2888) != (has(self.electionPort) ? self.electionPort : 3888)",
        "zookeeper.clientPort, quorumPort and electionPort must differ (defaults: 2181, 2888, 3888)",
    ),
    (
        "!has(self.config) || self.config.all(k, !(k in ['clientPort', 'clientPortAddress', 'dataDir', \
         'dataLogDir', 'dynamicConfigFile']) && !k.startsWith('server.'))",
        "zookeeper.config must not set clientPort, clientPortAddress, dataDir, dataLogDir, dynamicConfigFile or \
         server.*: they follow from nodes and ports",
    ),
];

const MASTERS: Rules = &[(
    "!has(self.flags) || self.flags.all(k, !(k in ['zk', 'ip', 'port', 'hostname', 'cluster', 'quorum', \
     'work_dir', 'pki_dir']) && !k.startsWith('-'))",
    "masters.flags must not set zk, ip, port, hostname, cluster, quorum, work_dir or pki_dir, which follow from other \
     fields; write flags without dashes in front",
)];

const AGENT_GROUP: Rules = &[(
    "!has(self.flags) || self.flags.all(k, !(k in ['master', 'ip', 'port', 'hostname', 'work_dir', \
     'containerizers', 'resources', 'attributes', 'pki_dir']) && !k.startsWith('-'))",
    "agents[].flags must not set master, ip, port, hostname, work_dir, containerizers, resources, attributes or \
     pki_dir, which follow from other fields; write flags without dashes in front",
)];

const SECURITY: Rules = &[(
    "!has(self.certificateLifetime) || duration(self.certificateLifetime) >= duration('30s')",
    "security.certificateLifetime must be at least 30s; 720h is the default",
)];

const AGENT_REMOVAL: Rules = &[(
    "!has(self.timeout) || duration(self.timeout) > duration('0s')",
    "agentRemoval.timeout must be more than 0s; to kill tasks at once set mode: Force",
)];

const AGENT_DRAIN: Rules = &[(
    "!has(self.timeout) || duration(self.timeout) > (has(self.notice) ? duration(self.notice) : duration('5m'))",
    "agentDrain.timeout must be longer than agentDrain.notice (default: 5m), in which nothing is killed",
)];
