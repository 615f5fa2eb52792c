//! Nodes written as ranges, turned into one table.

use std::collections::BTreeMap;

use super::{MesosClusterSpec, NodeSet};
use crate::ranges;

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
        /// The field of the spec.
        field: String,
        /// What is wrong with it.
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
        /// The field of the spec.
        field: String,
        /// Name of the node.
        name: String,
    },
    /// A role names the same node twice.
    #[error("{field}: {name:?} is named twice")]
    Repeated {
        /// The field of the spec.
        field: String,
        /// Name of the node.
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
            NodeTable::new(&[set("cp[1-3]", "192.0.2.1[1-3]:7070"), set("w1", "w1.dc1:7070")]).unwrap();
        assert_eq!(table.len(), 4);
        let nodes = table.select("spec.masters.nodes", "cp[2-3]").unwrap();
        assert_eq!(
            nodes.iter().map(|n| n.host()).collect::<Vec<_>>(),
            ["192.0.2.12", "192.0.2.13"]
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
}
