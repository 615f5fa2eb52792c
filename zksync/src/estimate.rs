//! Estimates what an engine will need: memory for both trees, and disk space for a seed.

mod machine;

pub use machine::{Available, available};

use std::collections::BTreeMap;

/// Memory of a node in bytes, without its data but with its name and the allocator's share of both. 135 were measured
/// for names of 7 characters. A node with an owner, or with an ACL that was set, takes up to 165 more; no server says
/// how many such nodes there are.
const NODE: u64 = 144;

/// All other memory: the queues of both observers (64 MiB each before they go to disk), planned work, and the
/// program.
const REST: u64 = 256 << 20;

/// Bytes of a node in a snapshot, without its path and data: two lengths, the number of an ACL, a stat.
const STORED: u64 = 76;

/// The size of a tree, as a server reports it before the tree is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// Znodes.
    pub nodes: u64,
    /// Bytes of paths and data; `None` if the server did not say.
    pub bytes: Option<u64>,
}

impl Size {
    /// From what `mntr` says; `None` if it is not whitelisted or says something else.
    pub fn from_mntr(values: &BTreeMap<String, String>) -> Option<Self> {
        let number = |name: &str| values.get(name)?.trim().parse().ok();
        Some(Self {
            nodes: number("zk_znode_count")?,
            bytes: number("zk_approximate_data_size"),
        })
    }

    /// From what `srvr` says.
    pub fn from_nodes(nodes: u64) -> Self {
        Self { nodes, bytes: None }
    }

    /// Memory for the tree of the source and that of the target. Equal data is shared, but not from the start: a
    /// target that is full already is read before it is compared. So sharing does not reduce the estimate.
    pub fn memory(&self) -> u64 {
        2 * (self.nodes * NODE + self.data()) + REST
    }

    /// Length of a snapshot file, for [`crate::seed::check_dirs`].
    pub fn snapshot(&self) -> u64 {
        self.nodes * STORED + self.data()
    }

    /// Without a figure of the server, a hundred bytes a node is typical.
    fn data(&self) -> u64 {
        self.bytes.unwrap_or(self.nodes * 100)
    }
}

/// The memory is too small.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{nodes} znodes with {data} of paths and data need about {needed} of memory for both trees, and {available} are \
     available ({limit}); run the engine where there is more, or raise its limit"
)]
pub struct Refusal {
    nodes: u64,
    data: Amount,
    needed: Amount,
    available: Amount,
    limit: &'static str,
}

/// Refuses a tree that does not fit.
///
/// # Errors
/// With the figures, when it does not fit.
pub fn check(size: Size, available: &Available) -> Result<(), Refusal> {
    let needed = size.memory();
    if needed <= available.bytes {
        return Ok(());
    }
    Err(Refusal {
        nodes: size.nodes,
        data: Amount(size.data()),
        needed: Amount(needed),
        available: Amount(available.bytes),
        limit: available.limit,
    })
}

/// Displays a number of bytes with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Amount(u64);

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const MEBI: u64 = 1 << 20;
        const GIBI: u64 = 1 << 30;
        match self.0 {
            bytes if bytes >= 10 * GIBI => write!(f, "{} GiB", bytes / GIBI),
            bytes if bytes >= GIBI => {
                let tenths = bytes * 10 / GIBI;
                write!(f, "{}.{} GiB", tenths / 10, tenths % 10)
            }
            bytes => write!(f, "{} MiB", bytes / MEBI),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_that_does_not_fit_is_refused_with_the_figures() {
        let values = [
            ("zk_znode_count", "5000000"),
            ("zk_approximate_data_size", "1500000000"),
        ];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let size = Size::from_mntr(&values.into()).unwrap();
        let small = Available {
            bytes: 2 << 30,
            limit: "cgroup limit",
        };
        let refusal = check(size, &small).unwrap_err().to_string();
        assert!(
            refusal.starts_with(
                "5000000 znodes with 1.3 GiB of paths and data need about 4.3 GiB of memory for both trees, and 2.0 GiB \
                 are available (cgroup limit)"
            ),
            "{refusal}"
        );
        let large = Available {
            bytes: 8 << 30,
            ..small
        };
        assert_eq!(check(size, &large), Ok(()));
        assert_eq!(check(Size::from_nodes(5), &small), Ok(()));
        assert_eq!(Size::from_mntr(&BTreeMap::new()), None);
    }
}
