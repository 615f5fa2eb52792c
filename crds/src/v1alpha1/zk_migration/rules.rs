//! CEL rules of ZkMigration. Each message names the field and what to do.

use schemars::Schema;

use crate::schema::{self, Rules};

pub(super) fn spec(s: &mut Schema) {
    schema::spec(s);
    schema::rules(s, SPEC);
}

pub(super) fn source(s: &mut Schema) {
    schema::rules(s, SOURCE);
}

pub(super) fn sync(s: &mut Schema) {
    schema::rules(s, SYNC);
}

pub(super) fn target_agents(s: &mut Schema) {
    schema::rules(s, TARGET_AGENTS);
}

const SPEC: Rules = &[
    (
        "self.source == oldSelf.source",
        "spec.source is immutable: roll back and delete this ZkMigration, then make a new one",
    ),
    (
        "self.target == oldSelf.target",
        "spec.target is immutable: roll back and delete this ZkMigration, then make a new one",
    ),
    (
        "self.agentStrategy == oldSelf.agentStrategy",
        "spec.agentStrategy is immutable: roll back and delete this ZkMigration, then make a new one",
    ),
    (
        "(has(self.sync) && has(self.sync.paths) ? self.sync.paths : ['/']) == \
         (has(oldSelf.sync) && has(oldSelf.sync.paths) ? oldSelf.sync.paths : ['/'])",
        "spec.sync.paths is immutable: roll back and delete this ZkMigration, then make a new one",
    ),
    (
        "self.agentStrategy != 'Drain' || has(self.target.agents)",
        "spec.target.agents is required with agentStrategy Drain; with Repoint the agents of cluster A are kept",
    ),
    (
        "self.agentStrategy != 'Repoint' || !has(self.target.agents)",
        "spec.target.agents is not allowed with agentStrategy Repoint, which keeps the agents of cluster A: remove it \
         or choose Drain",
    ),
    (
        "has(self.source.clusterRef) || (has(self.target.nodes) && size(self.target.nodes) > 0)",
        "spec.target.nodes is required without source.clusterRef: it gives the names in target their addresses",
    ),
    (
        "!has(self.source.zookeeper) || !has(self.target.zookeeper.external) || \
         !self.target.zookeeper.external.startsWith('zk://' + self.source.zookeeper)",
        "spec.target.zookeeper.external is the ensemble of spec.source: name the new one",
    ),
];

const SOURCE: Rules = &[
    (
        "has(self.clusterRef) != has(self.zookeeper)",
        "source needs exactly one of clusterRef (a MesosCluster) and zookeeper (host:port,... of a cluster we do not \
         manage)",
    ),
    (
        "!has(self.clusterRef) || !(has(self.mesosMasters) || has(self.mesosAgents))",
        "source.mesosMasters and source.mesosAgents are read from the MesosCluster of clusterRef: remove them",
    ),
    (
        "!has(self.zookeeper) || (has(self.mesosMasters) && size(self.mesosMasters) > 0)",
        "source.mesosMasters is required with source.zookeeper: list host:port of every master",
    ),
];

const SYNC: Rules = &[
    (
        "!has(self.lagThreshold) || duration(self.lagThreshold) > duration('0s')",
        "sync.lagThreshold must be more than 0s; 100ms is the default",
    ),
    (
        "!has(self.paths) || size(self.paths) == 1 || !('/' in self.paths)",
        "sync.paths: / contains every other path; name it alone or leave it out",
    ),
];

const TARGET_AGENTS: Rules = &[(
    "!has(self.flags) || self.flags.all(k, !(k in ['master', 'ip', 'port', 'hostname', 'work_dir', \
     'containerizers', 'resources', 'attributes', 'pki_dir']) && !k.startsWith('-'))",
    "target.agents.flags must not set master, ip, port, hostname, work_dir, containerizers, resources, attributes or \
     pki_dir, which follow from other fields; write flags without dashes in front",
)];
