//! Both sides of a document.

use super::DocumentError;
use super::fate::Fates;
use super::hosts::{self, Names};
use super::model::{Document, SourceSection, TargetSection};
use mesolith_crds::v1alpha1::marathon_app::ClusterRef;
use mesolith_crds::v1alpha1::mesos_cluster::{MastersSpec, ZooKeeperSpec};
use mesolith_crds::v1alpha1::zk_migration::{AgentStrategy, MigrationSource, MigrationTarget, TargetAgents};

/// Port of the node agent where none is given.
const NODE_AGENT_PORT: u16 = 7070;
/// Where the masters elect their leader where nothing is given (PRD 11.4: the same path as in cluster A).
const ELECTION: &str = "/mesos";
/// Ports that a spec does not name.
const DEFAULT_PORTS: [u16; 3] = [2181, 5050, 5051];

impl Document {
    /// How tasks get to cluster B.
    pub(super) fn agent_strategy(&self) -> Result<AgentStrategy, DocumentError> {
        match self
            .agent_strategy
            .as_deref()
            .map(str::to_ascii_lowercase)
            .as_deref()
        {
            None if self.target.mesos_agents.is_empty() => Ok(AgentStrategy::Repoint),
            None | Some("drain") => Ok(AgentStrategy::Drain),
            Some("repoint") => Ok(AgentStrategy::Repoint),
            Some(other) => Err(DocumentError::Wrong {
                field: "agent_strategy".to_owned(),
                value: other.to_owned(),
                problem: "is no strategy: drain or repoint".to_owned(),
            }),
        }
    }
}

/// What a strategy does, for people.
pub(super) fn strategy(strategy: AgentStrategy) -> &'static str {
    match strategy {
        AgentStrategy::Drain => "tasks move to the agents of B",
        AgentStrategy::Repoint => "the agents of A change to the masters of B and keep their tasks",
    }
}

pub(super) fn source(section: &SourceSection, fates: &mut Fates) -> Result<MigrationSource, DocumentError> {
    let zookeeper = section.zookeeper.as_deref();
    if let Some(cluster) = &section.cluster {
        fates.to(
            "source.cluster",
            cluster,
            format!("spec.source.clusterRef.name: {cluster}"),
        );
        let read = format!("nothing: read from the MesosCluster {cluster}");
        if let Some(zookeeper) = zookeeper {
            fates.none("source.zookeeper", zookeeper, &read);
        }
        for (field, list) in [
            ("source.mesos_masters", &section.mesos_masters),
            ("source.mesos_agents", &section.mesos_agents),
        ] {
            if !list.is_empty() {
                fates.none(field, list.join(", "), &read);
            }
        }
        return Ok(MigrationSource {
            cluster_ref: Some(ClusterRef {
                name: cluster.clone(),
                ..ClusterRef::default()
            }),
            ..MigrationSource::default()
        });
    }
    let zookeeper = zookeeper.ok_or(DocumentError::Missing {
        field: "source.zookeeper",
        remedy: "name the ensemble (host:port,host:port), or a MesosCluster with source.cluster (--source-cluster)",
    })?;
    if section.mesos_masters.is_empty() {
        return Err(DocumentError::Missing {
            field: "source.mesos_masters",
            remedy: "list host:port of every master, or name a MesosCluster with source.cluster (--source-cluster)",
        });
    }
    fates.to("source.zookeeper", zookeeper, "spec.source.zookeeper");
    fates.to(
        "source.mesos_masters",
        section.mesos_masters.join(", "),
        "spec.source.mesosMasters",
    );
    if !section.mesos_agents.is_empty() {
        fates.to(
            "source.mesos_agents",
            section.mesos_agents.join(", "),
            "spec.source.mesosAgents",
        );
    }
    Ok(MigrationSource {
        cluster_ref: None,
        zookeeper: Some(zookeeper.to_owned()),
        mesos_masters: section.mesos_masters.clone(),
        mesos_agents: section.mesos_agents.clone(),
    })
}

pub(super) fn target(
    section: &TargetSection,
    strategy: AgentStrategy,
    fates: &mut Fates,
) -> Result<MigrationTarget, DocumentError> {
    let mut names = Names::default();
    let port = section.node_agent_port.unwrap_or(NODE_AGENT_PORT);
    let zookeeper = zookeeper(section, &mut names, fates)?;
    if section.mesos_masters.is_empty() {
        return Err(DocumentError::Missing {
            field: "target.mesos_masters",
            remedy: "list host:port of every new master",
        });
    }
    let [_, master_port, agent_port] = DEFAULT_PORTS;
    let found = hosts::read("target.mesos_masters", &section.mesos_masters)?;
    let selected = names.give("master", &found);
    fates.to(
        "target.mesos_masters",
        section.mesos_masters.join(", "),
        format!("spec.target.masters: {{nodes: {selected}, port: {}}}", found.port),
    );
    let masters = MastersSpec {
        nodes: selected,
        port: unusual(found.port, master_port),
        ..MastersSpec::default()
    };
    let agents = match (strategy, section.mesos_agents.is_empty()) {
        (AgentStrategy::Drain, true) => {
            return Err(DocumentError::Missing {
                field: "target.mesos_agents",
                remedy: "list host:port of every new agent, or let the agents of A change over with repoint",
            });
        }
        (AgentStrategy::Drain, false) => {
            let found = hosts::read("target.mesos_agents", &section.mesos_agents)?;
            let selected = names.give("agent", &found);
            fates.to(
                "target.mesos_agents",
                section.mesos_agents.join(", "),
                format!("spec.target.agents: {{nodes: {selected}, port: {}}}", found.port),
            );
            Some(TargetAgents {
                nodes: selected,
                port: unusual(found.port, agent_port),
                ..TargetAgents::default()
            })
        }
        (AgentStrategy::Repoint, true) => None,
        (AgentStrategy::Repoint, false) => {
            fates.none(
                "target.mesos_agents",
                section.mesos_agents.join(", "),
                "nothing: with repoint the agents of A are kept",
            );
            None
        }
    };
    let nodes = names.nodes(port);
    let listed: Vec<String> = nodes
        .iter()
        .map(|set| format!("{} at {}", set.name, set.address))
        .collect();
    let given = section
        .node_agent_port
        .map_or("(not given)".to_owned(), |port| port.to_string());
    fates.to(
        "target.node_agent_port",
        given,
        format!(
            "spec.target.nodes, whose node agents start what is missing: {}",
            listed.join("; ")
        ),
    );
    Ok(MigrationTarget {
        nodes,
        zookeeper,
        masters,
        agents,
    })
}

fn zookeeper(
    section: &TargetSection,
    names: &mut Names,
    fates: &mut Fates,
) -> Result<ZooKeeperSpec, DocumentError> {
    let written = section.zookeeper.as_deref().ok_or(DocumentError::Missing {
        field: "target.zookeeper",
        remedy: "name the new ensemble (host:port,host:port)",
    })?;
    if section.zookeeper_exists {
        let external = format!("zk://{}{ELECTION}", written.trim_end_matches(ELECTION));
        fates.to(
            "target.zookeeper",
            written,
            format!("spec.target.zookeeper.external: {external}; it exists already and is only used"),
        );
        return Ok(ZooKeeperSpec {
            external: Some(external),
            ..ZooKeeperSpec::default()
        });
    }
    let addresses: Vec<String> = written.split(',').map(|part| part.trim().to_owned()).collect();
    let found = hosts::read("target.zookeeper", &addresses)?;
    let selected = names.give("zk", &found);
    fates.to(
        "target.zookeeper",
        written,
        format!(
            "spec.target.zookeeper: {{nodes: {selected}, clientPort: {}}}; phase 1 starts it there. One that exists \
             already: zookeeper_exists (--target-zk-exists)",
            found.port
        ),
    );
    let [client_port, ..] = DEFAULT_PORTS;
    Ok(ZooKeeperSpec {
        nodes: Some(selected),
        client_port: unusual(found.port, client_port),
        ..ZooKeeperSpec::default()
    })
}

fn unusual(port: u16, usual: u16) -> Option<u16> {
    (port != usual).then_some(port)
}
