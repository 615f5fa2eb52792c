//! The tree that the target starts with.

use std::time::{SystemTime, UNIX_EPOCH};

use mesolith_zk::record::NodeStat;
use mesolith_zk::tree::Tree;

use crate::checkpoint;

/// Holds ZooKeeper's own member list (3.5 and later).
const MEMBERS: &str = "/zookeeper/config";

/// A node that the source does not have. Like everything that an engine writes for itself, it is open to everyone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnNode {
    /// Path of the node.
    pub path: String,
    /// Data of the node.
    pub data: Vec<u8>,
}

/// A copy of the source's tree, with the changes that the target needs.
pub(super) fn of(source: &Tree, own: &[OwnNode]) -> Tree {
    let mut tree = source.clone();
    tree.prune(checkpoint::ROOT);
    if let Some(members) = tree.get(MEMBERS) {
        let (stat, acl) = (members.stored(), members.acl().map(<[_]>::to_vec));
        // The node exists, so its parent does too, and this cannot fail.
        let _ = tree.insert(MEMBERS, Some(b""), acl.as_deref(), stat);
    }
    let zxid = tree.last_zxid();
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    for node in own {
        let stat = NodeStat {
            czxid: zxid,
            mzxid: zxid,
            pzxid: zxid,
            ctime: now,
            mtime: now,
            ..NodeStat::default()
        };
        if tree.insert(&node.path, Some(&node.data), None, stat).is_err() {
            tracing::warn!(
                path = node.path,
                "left out of the seed: it comes before its parent"
            );
        }
    }
    tree
}
