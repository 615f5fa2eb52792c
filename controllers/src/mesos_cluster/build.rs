//! Builds the component set of every node from the parsed spec. Pure and deterministic: equal specs give equal
//! digests.

use super::model::{Desired, quorum};
use super::sides::Side;
use crate::nodes::{Ids, Kind, Slot};
use mesolith_crds::v1alpha1::mesos_cluster::{ComponentLimits, Node};
use mesolith_proto::node::v1::{
    Component, Limits, MesosAgent, MesosMaster, ZooKeeperPeer, ZooKeeperServer, component,
};
use prost::Message;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};

/// ZooKeeper's own recommendation; sessions of masters and agents are multiples of it.
const TICK_TIME_MS: u32 = 2000;

/// The components that every node has to run for one side. Its agents look for the leader in `leader_in`.
pub(crate) fn build(side: &Side, leader_in: &str, ids: &Ids) -> Desired {
    let (spec, valid) = (&side.spec, &side.valid);
    let mut desired = Desired::new();
    let mut want = |node: &str, kind: Kind, limits: Option<&ComponentLimits>, what: component::Kind| {
        let slot = Slot::on(side.side, kind);
        let mut component = Component {
            id: ids.id(slot).to_owned(),
            limits: limits.map(|l| Limits {
                cpus: l.cpus.unwrap_or(0.0),
                memory_bytes: l.memory_bytes().unwrap_or(0),
            }),
            kind: Some(what),
            ..Component::default()
        };
        component.spec_digest = digest(&component);
        desired
            .entry(node.to_owned())
            .or_default()
            .insert(slot, component);
    };
    for name in &valid.zookeeper {
        let Some(node) = valid.nodes.get(name) else {
            continue;
        };
        let server = zookeeper(side, node);
        want(
            name,
            Kind::ZooKeeper,
            spec.zookeeper.limits.as_ref(),
            component::Kind::Zookeeper(server),
        );
    }
    for name in &valid.masters {
        let Some(node) = valid.nodes.get(name) else {
            continue;
        };
        let master = MesosMaster {
            bind_address: node.host().to_owned(),
            port: spec.masters.port().into(),
            hostname: node.host().to_owned(),
            zookeeper: valid.zookeeper_url.clone(),
            cluster_name: valid.cluster_name.clone(),
            quorum: u32::try_from(quorum(valid.masters.len())).unwrap_or(u32::MAX),
            flags: master_flags(&spec.masters.flags),
        };
        want(
            name,
            Kind::Master,
            spec.masters.limits.as_ref(),
            component::Kind::Master(master),
        );
    }
    for (name, index) in &valid.agents {
        let (Some(node), Some(group)) = (valid.nodes.get(name), spec.agents.get(*index)) else {
            continue;
        };
        let agent = MesosAgent {
            bind_address: node.host().to_owned(),
            port: group.port().into(),
            hostname: node.host().to_owned(),
            zookeeper: leader_in.to_owned(),
            containerizers: group
                .containerizers()
                .iter()
                .map(|c| c.as_str().to_owned())
                .collect(),
            resources: group.resources.clone().unwrap_or_default(),
            attributes: group.attributes_on(node).into_iter().collect(),
            flags: group.flags.clone().into_iter().collect(),
        };
        want(
            name,
            Kind::Agent,
            group.limits.as_ref(),
            component::Kind::Agent(agent),
        );
    }
    desired
}

fn zookeeper(side: &Side, node: &Node) -> ZooKeeperServer {
    let (spec, valid) = (&side.spec, &side.valid);
    let id_of = |name: &str| side.server_ids.get(name).copied().unwrap_or(0);
    let mut peers: Vec<ZooKeeperPeer> = valid
        .zookeeper
        .iter()
        .filter_map(|name| valid.nodes.get(name))
        .map(|peer| ZooKeeperPeer {
            id: id_of(&peer.name),
            host: peer.host().to_owned(),
            quorum_port: spec.zookeeper.quorum_port().into(),
            election_port: spec.zookeeper.election_port().into(),
        })
        .collect();
    // Sorted by id, so that another order in the list is no change.
    peers.sort_by_key(|peer| peer.id);
    ZooKeeperServer {
        my_id: id_of(&node.name),
        bind_address: node.host().to_owned(),
        client_port: spec.zookeeper.client_port().into(),
        peers,
        heap_megabytes: spec.zookeeper.heap_megabytes(),
        config: spec.zookeeper.config.clone().into_iter().collect(),
        tick_time_ms: TICK_TIME_MS,
    }
}

/// A digest of a component without its own digest and without what it follows while it runs. Maps are taken in the
/// order of their keys, since protobuf encodes them in any order.
fn digest(component: &Component) -> String {
    let mut plain = component.clone();
    plain.spec_digest.clear();
    plain.live = None;
    let mut maps: Vec<BTreeMap<String, String>> = Vec::new();
    let mut take = |map: &mut HashMap<String, String>| maps.push(std::mem::take(map).into_iter().collect());
    match &mut plain.kind {
        Some(component::Kind::Zookeeper(server)) => take(&mut server.config),
        Some(component::Kind::Master(master)) => take(&mut master.flags),
        Some(component::Kind::Agent(agent)) => {
            take(&mut agent.attributes);
            take(&mut agent.flags);
        }
        Some(component::Kind::Sync(_)) | None => {}
    }
    let mut hash = Sha256::new();
    hash.update(plain.encode_to_vec());
    for map in maps {
        for (key, value) in map {
            hash.update((key.len() as u64).to_be_bytes());
            hash.update(key);
            hash.update((value.len() as u64).to_be_bytes());
            hash.update(value);
        }
        hash.update([0xff]);
    }
    hash.finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The given flags, with a shorter ZooKeeper session than Mesos' 10 s. A dead leader is noticed when its session
/// ends, and the whole change of leaders has to fit into 10 s.
fn master_flags(given: &BTreeMap<String, String>) -> HashMap<String, String> {
    let mut flags: HashMap<_, _> = given.clone().into_iter().collect();
    flags
        .entry("zk_session_timeout".to_owned())
        .or_insert_with(|| "6secs".to_owned());
    flags
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;
    use mesolith_proto::node::v1::LiveSettings;
    use serde_json::json;

    fn digests(spec: serde_json::Value) -> Vec<(String, Kind, String)> {
        let desired = fixtures::desired(spec);
        let all = desired.into_iter().flat_map(|(node, set)| {
            set.into_iter()
                .map(move |(slot, c)| (node.clone(), slot.kind, c.spec_digest))
        });
        all.collect()
    }

    #[test]
    fn every_role_lands_on_its_node_with_peers_by_id() {
        let desired = fixtures::desired(fixtures::three_nodes());
        let ids: Vec<&str> = desired["cp2"].values().map(|c| c.id.as_str()).collect();
        assert_eq!(ids, ["zookeeper", "master"]);
        let Some(component::Kind::Zookeeper(server)) = &desired["cp2"][&Kind::ZooKeeper.into()].kind else {
            panic!()
        };
        assert_eq!((server.my_id, server.bind_address.as_str()), (2, "192.0.2.12"));
        assert_eq!(
            server
                .peers
                .iter()
                .map(|p| (p.id, p.host.as_str()))
                .collect::<Vec<_>>(),
            [(1, "192.0.2.11"), (2, "192.0.2.12"), (3, "192.0.2.13")]
        );
        let Some(component::Kind::Master(master)) = &desired["cp1"][&Kind::Master.into()].kind else {
            panic!()
        };
        assert_eq!(
            (master.quorum, master.zookeeper.as_str()),
            (2, "zk://192.0.2.11:2181,192.0.2.12:2181,192.0.2.13:2181/mesos")
        );
        let Some(component::Kind::Agent(agent)) = &desired["w1"][&Kind::Agent.into()].kind else {
            panic!()
        };
        assert_eq!((agent.port, agent.attributes["zone"].as_str()), (5051, "a"));
    }

    #[test]
    fn equal_specs_give_equal_digests_whatever_the_order_of_maps() {
        let mut spec = fixtures::three_nodes();
        let flags: serde_json::Map<String, serde_json::Value> = (0..40)
            .map(|i| (format!("flag_{i}"), json!(i.to_string())))
            .collect();
        spec["masters"]["flags"] = flags.into();
        assert_eq!(digests(spec.clone()), digests(spec));
    }

    #[test]
    fn what_a_component_follows_while_it_runs_changes_no_digest() {
        let mut component = fixtures::desired(fixtures::three_nodes())["cp1"][&Kind::Master.into()].clone();
        let before = digest(&component);
        component.live = Some(LiveSettings {
            may_lead: Some(false),
            ..LiveSettings::default()
        });
        assert_eq!(digest(&component), before);
    }

    #[test]
    fn a_change_changes_only_what_it_touches() {
        let before = digests(fixtures::three_nodes());
        let mut spec = fixtures::three_nodes();
        spec["masters"]["flags"] = json!({"offer_timeout": "5secs"});
        let after = digests(spec);
        for ((node, kind, old), (_, _, new)) in before.iter().zip(&after) {
            assert_eq!(old != new, *kind == Kind::Master, "{kind:?} of {node}");
        }
    }
}
