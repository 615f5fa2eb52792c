//! Nodes written as ranges, turned into one table, and the small readings of a cluster's spec.

use std::{collections::BTreeMap, time::Duration};

use super::{ComponentLimits, Containerizer, MesosClusterSpec, NodeSet, SecuritySpec, ZooKeeperSpec};
use crate::{period::Period, ranges};

/// One node, ranges resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// `host:port` of its node agent.
    pub address: String,
    /// Attributes of agents on it.
    pub attributes: BTreeMap<String, String>,
}

impl Node {
    /// The host part of the address, without brackets: what components bind to and announce.
    #[must_use]
    pub fn host(&self) -> &str {
        let host = self
            .address
            .rsplit_once(':')
            .map_or(self.address.as_str(), |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']')
    }
}

/// Why the nodes of a spec make no sense. Each message names field and remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// A range expression is wrong.
    #[error("{field}: {source}")]
    Range {
        /// Where.
        field: String,
        /// What.
        #[source]
        source: ranges::Error,
    },
    /// Names and addresses of one entry do not pair up.
    #[error(
        "spec.nodes: {name:?} names {names} nodes but {address:?} gives {addresses} addresses; \
         use ranges of the same size"
    )]
    Unpaired {
        /// The entry's name.
        name: String,
        /// The entry's address.
        address: String,
        /// How many names.
        names: usize,
        /// How many addresses.
        addresses: usize,
    },
    /// Two entries give the same name.
    #[error("spec.nodes: {0:?} is named twice; every node has one entry")]
    Twice(String),
    /// Two nodes have the same address.
    #[error("spec.nodes: {1:?} and {2:?} have the same address {0}; every node has its own agent")]
    SameAddress(String, String, String),
    /// A role refers to a node that is not listed.
    #[error("{field}: {name:?} is not in spec.nodes; add it there or correct the name")]
    Unknown {
        /// Where.
        field: String,
        /// Which.
        name: String,
    },
    /// A role names the same node twice.
    #[error("{field}: {name:?} is named twice")]
    Repeated {
        /// Where.
        field: String,
        /// Which.
        name: String,
    },
}

/// All nodes of a cluster by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeTable(BTreeMap<String, Node>);

impl NodeTable {
    /// Resolves `spec.nodes`.
    ///
    /// # Errors
    /// When ranges are wrong, do not pair up, or overlap.
    pub fn new(sets: &[NodeSet]) -> Result<Self, SpecError> {
        let mut table = BTreeMap::new();
        let mut by_address: BTreeMap<String, String> = BTreeMap::new();
        let expand = |text: &str| {
            ranges::expand(text).map_err(|source| SpecError::Range {
                field: "spec.nodes".to_owned(),
                source,
            })
        };
        for set in sets {
            let (names, addresses) = (expand(&set.name)?, expand(&set.address)?);
            if names.len() != addresses.len() {
                return Err(SpecError::Unpaired {
                    name: set.name.clone(),
                    address: set.address.clone(),
                    names: names.len(),
                    addresses: addresses.len(),
                });
            }
            for (name, address) in names.into_iter().zip(addresses) {
                if let Some(other) = by_address.insert(address.clone(), name.clone()) {
                    return Err(SpecError::SameAddress(address, other, name));
                }
                let node = Node {
                    name: name.clone(),
                    address,
                    attributes: set.attributes.clone(),
                };
                if table.insert(name.clone(), node).is_some() {
                    return Err(SpecError::Twice(name));
                }
            }
        }
        Ok(Self(table))
    }

    /// The nodes an expression of the given field names, in its order.
    ///
    /// # Errors
    /// When the expression is wrong or names a node that is not in the table.
    pub fn select(&self, field: &str, expression: &str) -> Result<Vec<&Node>, SpecError> {
        let names = ranges::expand(expression).map_err(|source| SpecError::Range {
            field: field.to_owned(),
            source,
        })?;
        let mut nodes: Vec<&Node> = Vec::with_capacity(names.len());
        let mut seen = std::collections::BTreeSet::new();
        for name in names {
            let node = self.0.get(&name).ok_or_else(|| SpecError::Unknown {
                field: field.to_owned(),
                name: name.clone(),
            })?;
            if !seen.insert(name.clone()) {
                return Err(SpecError::Repeated {
                    field: field.to_owned(),
                    name,
                });
            }
            nodes.push(node);
        }
        Ok(nodes)
    }

    /// The node of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.0.get(name)
    }

    /// All nodes in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Node> {
        self.0.values()
    }

    /// How many nodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl MesosClusterSpec {
    /// The table of all nodes.
    ///
    /// # Errors
    /// See [`NodeTable::new`].
    pub fn node_table(&self) -> Result<NodeTable, SpecError> {
        NodeTable::new(&self.nodes)
    }
}

impl ZooKeeperSpec {
    /// Port for clients.
    #[must_use]
    pub fn client_port(&self) -> u16 {
        self.client_port.unwrap_or(2181)
    }

    /// Port on which followers connect to the leader.
    #[must_use]
    pub fn quorum_port(&self) -> u16 {
        self.quorum_port.unwrap_or(2888)
    }

    /// Port for elections.
    #[must_use]
    pub fn election_port(&self) -> u16 {
        self.election_port.unwrap_or(3888)
    }

    /// Path below which the masters elect their leader.
    #[must_use]
    pub fn path(&self) -> &str {
        self.path.as_deref().unwrap_or("/mesos")
    }

    /// Java heap in MiB.
    #[must_use]
    pub fn heap_megabytes(&self) -> u32 {
        let bytes = self.heap.as_deref().and_then(memory_bytes).unwrap_or(512 << 20);
        u32::try_from(bytes >> 20).unwrap_or(u32::MAX)
    }
}

impl super::MastersSpec {
    /// Port of the Mesos API.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(5050)
    }
}

impl super::AgentGroup {
    /// Port of the agent's API.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(5051)
    }

    /// Containerizers, docker first as Mesos orders them.
    #[must_use]
    pub fn containerizers(&self) -> Vec<Containerizer> {
        if self.containerizers.is_empty() {
            vec![Containerizer::Docker, Containerizer::Mesos]
        } else {
            self.containerizers.clone()
        }
    }

    /// Attributes of this group's agent on that node: the group's win.
    #[must_use]
    pub fn attributes_on(&self, node: &Node) -> BTreeMap<String, String> {
        let mut attributes = node.attributes.clone();
        attributes.extend(self.attributes.clone());
        attributes
    }
}

impl SecuritySpec {
    /// How long a node's certificate is valid.
    #[must_use]
    pub fn certificate_lifetime(&self) -> Duration {
        Period::duration_or(
            self.certificate_lifetime.as_ref(),
            Duration::from_secs(720 * 3600),
        )
    }
}

impl ComponentLimits {
    /// Memory in bytes; nothing means no limit.
    #[must_use]
    pub fn memory_bytes(&self) -> Option<u64> {
        self.memory.as_deref().and_then(memory_bytes)
    }
}

/// Bytes of a Kubernetes quantity such as `512Mi`.
fn memory_bytes(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()));
    let scale = match unit {
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        _ => return None,
    };
    let bytes = number.parse::<f64>().ok()? * scale;
    // Bounded by the field's pattern and length, so the cast cannot lose anything that matters.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, address: &str) -> NodeSet {
        NodeSet {
            name: name.to_owned(),
            address: address.to_owned(),
            attributes: BTreeMap::new(),
        }
    }

    #[test]
    fn ranges_pair_names_with_addresses() {
        let table =
            NodeTable::new(&[set("cp[1-3]", "10.0.1.1[1-3]:7070"), set("w1", "w1.dc1:7070")]).unwrap();
        assert_eq!(table.len(), 4);
        let nodes = table.select("spec.masters.nodes", "cp[2-3]").unwrap();
        assert_eq!(
            nodes.iter().map(|n| n.host()).collect::<Vec<_>>(),
            ["10.0.1.12", "10.0.1.13"]
        );
        let error = table.select("spec.masters.nodes", "cp[3-4]").unwrap_err();
        assert_eq!(
            error.to_string(),
            "spec.masters.nodes: \"cp4\" is not in spec.nodes; add it there or correct the name"
        );
        assert!(matches!(
            table.select("f", "w1,w1"),
            Err(SpecError::Repeated { .. })
        ));
    }

    #[test]
    fn slips_are_named() {
        assert!(matches!(
            NodeTable::new(&[set("cp[1-3]", "h:7070")]),
            Err(SpecError::Unpaired { .. })
        ));
        assert!(matches!(
            NodeTable::new(&[set("a", "h:1"), set("a", "h:2")]),
            Err(SpecError::Twice(_))
        ));
        assert!(matches!(
            NodeTable::new(&[set("a", "h:1"), set("b", "h:1")]),
            Err(SpecError::SameAddress(..))
        ));
    }

    #[test]
    fn quantities() {
        assert_eq!(memory_bytes("512Mi"), Some(512 << 20));
        assert_eq!(memory_bytes("1.5Gi"), Some(3 << 29));
        assert_eq!(memory_bytes("1G"), Some(1_000_000_000));
        assert_eq!(memory_bytes("1X"), None);
    }
}
