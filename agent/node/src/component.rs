//! Vocabulary: what the operator wants on this node, as the ledger keeps it.

pub(crate) mod sync_engine;

use std::collections::BTreeMap;

use mesolith_proto::live::Followed;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use sync_engine::SyncEngine;

/// A cluster, by its identity and by its name for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClusterRef {
    pub(crate) uid: String,
    pub(crate) name: String,
}

/// Everything one cluster has on this node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DesiredSet {
    pub(crate) cluster: ClusterRef,
    pub(crate) generation: u64,
    /// Sorted by id.
    pub(crate) components: Vec<Component>,
    /// Set once the cluster is being removed; `components` are then those that a later step removes.
    pub(crate) removing: Option<Removal>,
}

/// How a cluster leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Removal {
    /// Whether the data is archived; else it is deleted.
    pub(crate) archive: bool,
}

impl DesiredSet {
    pub(crate) fn component(&self, id: &str) -> Option<&Component> {
        self.components.iter().find(|c| c.id == id)
    }
}

/// One component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Component {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) cpus: Option<f64>,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) stop_grace_seconds: u32,
    pub(crate) restart_token: String,
    /// The sender's digest, shown unchanged.
    pub(crate) spec_digest: String,
    #[serde(default)]
    pub(crate) live: Live,
}

/// What a component follows while it runs: a change restarts nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Live {
    /// Whether a master may act as the leader; as it was sent.
    pub(crate) may_lead: Option<bool>,
    /// Whether a ZooKeeper server is stopped and its data kept.
    pub(crate) parked: bool,
    /// Generation of the set that brought these settings.
    pub(crate) generation: u64,
}

impl Live {
    /// Whether the other has the same settings, whatever brought them.
    pub(crate) fn says_the_same(self, other: Self) -> bool {
        (self.may_lead, self.parked) == (other.may_lead, other.parked)
    }

    /// As the component reads them.
    pub(crate) fn followed(self) -> Followed {
        Followed {
            generation: self.generation,
            may_lead: self.may_lead.unwrap_or(true),
        }
    }
}

impl Component {
    /// Digest of everything that a running process must be restarted for.
    pub(crate) fn config_digest(&self) -> String {
        let kind = match &self.kind {
            Kind::SyncEngine(engine) => &Kind::SyncEngine(Box::new(engine.without_settings())),
            kind => kind,
        };
        let content = (kind, self.cpus, self.memory_bytes, &self.restart_token);
        // Maps are sorted and floats are finite, so this is stable and cannot fail.
        let text = serde_json::to_vec(&content).unwrap_or_default();
        Sha256::digest(text)
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// What to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Kind {
    ZooKeeper(ZooKeeper),
    Master(Master),
    Agent(Agent),
    SyncEngine(Box<SyncEngine>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ZooKeeper {
    pub(crate) my_id: u32,
    pub(crate) bind_address: String,
    pub(crate) client_port: u16,
    pub(crate) peers: Vec<Peer>,
    pub(crate) heap_megabytes: u32,
    pub(crate) config: BTreeMap<String, String>,
    pub(crate) tick_time_ms: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Peer {
    pub(crate) id: u32,
    pub(crate) host: String,
    pub(crate) quorum_port: u16,
    pub(crate) election_port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Master {
    pub(crate) bind_address: String,
    pub(crate) port: u16,
    pub(crate) hostname: String,
    pub(crate) zookeeper: String,
    pub(crate) cluster_name: String,
    pub(crate) quorum: u32,
    pub(crate) flags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Agent {
    pub(crate) bind_address: String,
    pub(crate) port: u16,
    pub(crate) hostname: String,
    pub(crate) zookeeper: String,
    pub(crate) containerizers: Vec<String>,
    pub(crate) resources: String,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) flags: BTreeMap<String, String>,
}

#[cfg(test)]
pub(crate) mod fixtures {
    use super::*;

    pub(crate) fn zookeeper() -> Component {
        let kind = ZooKeeper {
            my_id: 1,
            bind_address: "127.0.0.11".into(),
            client_port: 2181,
            peers: vec![],
            heap_megabytes: 0,
            config: BTreeMap::new(),
            tick_time_ms: 0,
        };
        component("zookeeper", Kind::ZooKeeper(kind))
    }

    pub(crate) fn sync_engine() -> SyncEngine {
        use super::sync_engine::{Ensemble, Route, Settings};
        let ensemble = |servers: &str| Ensemble {
            servers: servers.into(),
            auth_files: vec![],
            sasl_file: None,
            quorum_sasl_file: None,
            tls: None,
            quorum_tls: None,
        };
        SyncEngine {
            name: "move".into(),
            a: ensemble("192.0.2.1:2181:2888"),
            b: ensemble("192.0.2.2:2181:2888"),
            bind_address: "127.0.0.12".into(),
            port: 7075,
            metrics_port: None,
            settings: Settings {
                generation: 3,
                routes: vec![Route {
                    root: "/mesos".into(),
                    target_root: "/mesos".into(),
                    direction: Default::default(),
                }],
                ..Settings::default()
            },
            session_grace_seconds: None,
            lease_timeout_ms: None,
            overwrite: false,
        }
    }

    pub(crate) fn component(id: &str, kind: Kind) -> Component {
        Component {
            id: id.into(),
            kind,
            cpus: None,
            memory_bytes: None,
            stop_grace_seconds: 0,
            restart_token: String::new(),
            spec_digest: "d1".into(),
            live: Live::default(),
        }
    }

    pub(crate) fn set(generation: u64, components: Vec<Component>) -> DesiredSet {
        let cluster = ClusterRef {
            uid: "u-1".into(),
            name: "default/prod".into(),
        };
        DesiredSet {
            cluster,
            generation,
            components,
            removing: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fixtures::zookeeper;
    use super::*;

    #[test]
    fn only_what_a_process_runs_with_counts_for_the_digest() {
        let plain = zookeeper();
        let digest = plain.config_digest();
        let same = Component {
            stop_grace_seconds: 9,
            spec_digest: "d2".into(),
            live: Live {
                may_lead: Some(false),
                parked: true,
                generation: 7,
            },
            ..plain.clone()
        };
        assert_eq!(same.config_digest(), digest);
        let limited = Component {
            cpus: Some(1.0),
            ..plain.clone()
        };
        let restarted = Component {
            restart_token: "again".into(),
            ..plain
        };
        assert_ne!(limited.config_digest(), digest);
        assert_ne!(restarted.config_digest(), digest);
    }

    #[test]
    fn what_an_earlier_version_wrote_has_no_live_settings() {
        let mut text = serde_json::to_value(zookeeper()).unwrap();
        text.as_object_mut().unwrap().remove("live");
        let read: Component = serde_json::from_value(text).unwrap();
        assert_eq!(read, zookeeper());
        assert!(read.live.followed().may_lead);
    }

    #[test]
    fn an_engine_is_not_restarted_for_its_settings() {
        let digest = |change: fn(&mut SyncEngine)| {
            let mut engine = fixtures::sync_engine();
            change(&mut engine);
            fixtures::component("sync", Kind::SyncEngine(Box::new(engine))).config_digest()
        };
        let plain = digest(|_| {});
        assert_eq!(digest(|engine| engine.settings.generation = 4), plain);
        assert_ne!(digest(|engine| engine.b.servers.push_str(",b2")), plain);
    }
}
