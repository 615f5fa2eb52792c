//! Converts between the node API's messages and the types of this crate. Refuses what cannot be run, and names that
//! would lead out of a directory.

mod sync_engine;

pub(crate) use sync_engine::settings_to_wire;

use mesolith_proto::node::v1 as pb;
use mesolith_zk::learner::Server;

use crate::component::{Agent, ClusterRef, Component, DesiredSet, Kind, Live, Master, Peer, ZooKeeper};
use crate::desired::KnownIds;
use crate::kinds::zookeeper::OWNED_KEYS;
use crate::layout::RESERVED;

/// Ports in one question: every component of a node has some.
const MOST_PORTS: usize = 64;

/// A request that makes no sense (INVALID_ARGUMENT on the wire).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub(crate) struct Invalid {
    pub(crate) field: String,
    pub(crate) problem: String,
}

fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Invalid {
    Invalid {
        field: field.into(),
        problem: problem.into(),
    }
}

pub(crate) fn cluster(given: Option<pb::ClusterRef>) -> Result<ClusterRef, Invalid> {
    let given = given.ok_or_else(|| invalid("cluster", "is missing"))?;
    let plain = |text: &str| {
        let ok = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !text.is_empty() && text.len() <= 64 && !text.starts_with('-') && text.chars().all(ok)
    };
    if !plain(&given.uid) || RESERVED.contains(&given.uid.as_str()) {
        return Err(invalid(
            "cluster.uid",
            format!("{:?} is not a Kubernetes uid", given.uid),
        ));
    }
    Ok(ClusterRef {
        uid: given.uid,
        name: given.name,
    })
}

/// The set, and what its sender knows.
pub(crate) fn desired(request: pb::ApplyRequest) -> Result<(DesiredSet, KnownIds), Invalid> {
    let cluster = cluster(request.cluster)?;
    let components = request
        .components
        .into_iter()
        .map(component)
        .collect::<Result<Vec<_>, _>>()?;
    for (index, one) in components.iter().enumerate() {
        if components[..index].iter().any(|other| other.id == one.id) {
            return Err(invalid(format!("components[{}]", one.id), "appears twice"));
        }
        // It could never be taken away again.
        if !request.known_ids.is_empty() && !request.known_ids.contains(&one.id) {
            return Err(invalid(
                "knownIds",
                format!("{:?} is sent but not among them", one.id),
            ));
        }
    }
    let set = DesiredSet {
        cluster,
        generation: request.generation,
        components,
        removing: None,
    };
    Ok((set, KnownIds(request.known_ids)))
}

fn component(given: pb::Component) -> Result<Component, Invalid> {
    let id = given.id;
    // No dashes: the names of archives are taken apart at them.
    let plain =
        !id.is_empty() && id.len() <= 32 && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if !plain {
        return Err(invalid(
            "components[].id",
            format!("{id:?} must be lower case letters and digits"),
        ));
    }
    let at = |field: &str| format!("components[{id}].{field}");
    let kind = match given.kind {
        None => return Err(invalid(at("kind"), "is missing or not known to this version")),
        Some(pb::component::Kind::Zookeeper(k)) => Kind::ZooKeeper(zookeeper(k, &at)?),
        Some(pb::component::Kind::Master(k)) => Kind::Master(Master {
            port: port(k.port, at("port"))?,
            bind_address: present(k.bind_address, at("bindAddress"))?,
            hostname: k.hostname,
            zookeeper: present(k.zookeeper, at("zookeeper"))?,
            cluster_name: k.cluster_name,
            quorum: k.quorum.max(1),
            flags: k.flags.into_iter().collect(),
        }),
        Some(pb::component::Kind::Agent(k)) => Kind::Agent(Agent {
            port: port(k.port, at("port"))?,
            bind_address: present(k.bind_address, at("bindAddress"))?,
            hostname: k.hostname,
            zookeeper: present(k.zookeeper, at("zookeeper"))?,
            containerizers: k.containerizers,
            resources: k.resources,
            attributes: k.attributes.into_iter().collect(),
            flags: k.flags.into_iter().collect(),
        }),
        Some(pb::component::Kind::Sync(k)) => Kind::SyncEngine(Box::new(sync_engine::sync_engine(k, &at)?)),
    };
    let limits = given.limits.unwrap_or_default();
    if !limits.cpus.is_finite() || limits.cpus < 0.0 {
        return Err(invalid(
            at("limits.cpus"),
            format!("{} is not a number of cpus", limits.cpus),
        ));
    }
    let pb::LiveSettings { may_lead, parked } = given.live.unwrap_or_default();
    if may_lead.is_some() && !matches!(kind, Kind::Master(_)) {
        return Err(invalid(at("live.mayLead"), "only a master leads; remove it"));
    }
    let parked = parked.unwrap_or_default();
    if parked && !matches!(kind, Kind::ZooKeeper(_)) {
        return Err(invalid(
            at("live.parked"),
            "only a ZooKeeper server is parked; remove it",
        ));
    }
    Ok(Component {
        live: Live {
            may_lead,
            parked,
            ..Live::default()
        },
        kind,
        cpus: (limits.cpus > 0.0).then_some(limits.cpus),
        memory_bytes: (limits.memory_bytes > 0).then_some(limits.memory_bytes),
        stop_grace_seconds: given.stop_grace_seconds,
        restart_token: given.restart_token,
        spec_digest: given.spec_digest,
        id,
    })
}

fn zookeeper(given: pb::ZooKeeperServer, at: &impl Fn(&str) -> String) -> Result<ZooKeeper, Invalid> {
    let peers = given.peers.into_iter().map(|p| {
        Ok(Peer {
            id: p.id,
            host: present(p.host, at("peers[].host"))?,
            quorum_port: port(p.quorum_port, at("peers[].quorumPort"))?,
            election_port: port(p.election_port, at("peers[].electionPort"))?,
        })
    });
    let peers = peers.collect::<Result<Vec<_>, Invalid>>()?;
    if !(1..=255).contains(&given.my_id) {
        return Err(invalid(
            at("myId"),
            format!("{} is not between 1 and 255", given.my_id),
        ));
    }
    if !peers.is_empty() && !peers.iter().any(|p| p.id == given.my_id) {
        return Err(invalid(
            at("peers"),
            format!("server {} itself is missing", given.my_id),
        ));
    }
    if let Some(key) = given
        .config
        .keys()
        .find(|k| OWNED_KEYS.contains(&k.as_str()) || k.starts_with("server."))
    {
        return Err(invalid(
            at("config"),
            format!("{key} is set by Mesolith; remove it"),
        ));
    }
    let injected = given
        .config
        .iter()
        .any(|(k, v)| k.contains(['\n', '=']) || v.contains('\n'));
    if injected {
        return Err(invalid(at("config"), "keys and values are single lines"));
    }
    Ok(ZooKeeper {
        my_id: given.my_id,
        bind_address: present(given.bind_address, at("bindAddress"))?,
        client_port: port(given.client_port, at("clientPort"))?,
        peers,
        heap_megabytes: given.heap_megabytes,
        config: given.config.into_iter().collect(),
        tick_time_ms: given.tick_time_ms,
    })
}

/// Ports that are asked about in that field: address and port.
pub(crate) fn ports(field: &str, given: Vec<pb::Port>) -> Result<Vec<(String, u16)>, Invalid> {
    if given.len() > MOST_PORTS {
        return Err(invalid(field, format!("more than {MOST_PORTS}")));
    }
    let one = |asked: pb::Port| {
        let address = present(asked.address, format!("{field}[].address"))?;
        Ok((address, port(asked.port, format!("{field}[].port"))?))
    };
    given.into_iter().map(one).collect()
}

/// Servers of an ensemble: `host:port` or `host:port:quorum-port`, separated by commas.
pub(crate) fn servers(given: &str) -> Result<Vec<Server>, Invalid> {
    let server = |text: &str| {
        let parsed: Result<Server, _> = text.parse();
        parsed.map_err(|error| invalid("servers", error.to_string()))
    };
    given.split(',').map(server).collect()
}

fn port(given: u32, field: String) -> Result<u16, Invalid> {
    match u16::try_from(given) {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(invalid(field, format!("{given} is not a port"))),
    }
}

fn present(given: String, field: String) -> Result<String, Invalid> {
    if given.trim().is_empty() || given.contains('\n') {
        Err(invalid(field, "is missing"))
    } else {
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn request(change: impl FnOnce(&mut pb::ZooKeeperServer)) -> pb::ApplyRequest {
        let mut server = pb::ZooKeeperServer {
            my_id: 1,
            bind_address: "127.0.0.11".into(),
            client_port: 2181,
            peers: vec![pb::ZooKeeperPeer {
                id: 1,
                host: "a".into(),
                quorum_port: 2888,
                election_port: 3888,
            }],
            ..Default::default()
        };
        change(&mut server);
        let kind = Some(pb::component::Kind::Zookeeper(server));
        pb::ApplyRequest {
            cluster: Some(pb::ClusterRef {
                uid: "u-1".into(),
                name: "default/prod".into(),
            }),
            generation: 1,
            components: vec![pb::Component {
                id: "zookeeper".into(),
                kind,
                ..Default::default()
            }],
            known_ids: vec![],
        }
    }

    #[rstest]
    #[case(|s: &mut pb::ZooKeeperServer| s.client_port = 0, "components[zookeeper].clientPort: 0 is not a port")]
    #[case(|s: &mut pb::ZooKeeperServer| s.client_port = 70000, "components[zookeeper].clientPort: 70000 is not a port")]
    #[case(|s: &mut pb::ZooKeeperServer| s.my_id = 2, "components[zookeeper].peers: server 2 itself is missing")]
    #[case(|s: &mut pb::ZooKeeperServer| s.my_id = 0, "components[zookeeper].myId: 0 is not between 1 and 255")]
    #[case(|s: &mut pb::ZooKeeperServer| drop(s.config.insert("dataDir".into(), "/".into())),
           "components[zookeeper].config: dataDir is set by Mesolith; remove it")]
    #[case(|s: &mut pb::ZooKeeperServer| drop(s.config.insert("a".into(), "b\nserver.9=x".into())),
           "components[zookeeper].config: keys and values are single lines")]
    fn nonsense_is_refused_with_its_field(
        #[case] change: fn(&mut pb::ZooKeeperServer),
        #[case] message: &str,
    ) {
        assert_eq!(desired(request(change)).unwrap_err().to_string(), message);
    }

    #[test]
    fn nothing_leaves_its_directory() {
        assert!(desired(request(|_| {})).is_ok());
        for uid in ["", "..", "a/b", "ledger", "archive", "-x"] {
            let mut bad = request(|_| {});
            bad.cluster = Some(pb::ClusterRef {
                uid: uid.into(),
                name: String::new(),
            });
            assert_eq!(desired(bad).unwrap_err().field, "cluster.uid", "{uid}");
        }
        for id in ["", "..", "a/b", "a-b"] {
            let mut bad = request(|_| {});
            bad.components[0].id = id.into();
            assert_eq!(desired(bad).unwrap_err().field, "components[].id", "{id}");
        }
    }

    #[test]
    fn a_sender_knows_what_it_sends() {
        let with = |known: &[&str]| {
            let mut request = request(|_| {});
            request.known_ids = known.iter().map(ToString::to_string).collect();
            desired(request)
        };
        assert!(with(&["master", "zookeeper"]).is_ok());
        assert_eq!(
            with(&["master"]).unwrap_err().to_string(),
            "knownIds: \"zookeeper\" is sent but not among them"
        );
    }
}
