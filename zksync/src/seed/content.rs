//! The tree that the target is born with.

use std::time::{SystemTime, UNIX_EPOCH};

use mesolith_zk::record::NodeStat;
use mesolith_zk::tree::Tree;

use crate::checkpoint;

/// Holds the ensemble's own member list (3.5+).
const MEMBERS: &str = "/zookeeper/config";

/// A node that the source does not have. It is open to everyone, as what an engine writes later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnNode {
    /// Where.
    pub path: String,
    /// What.
    pub data: Vec<u8>,
}

/// The source's tree with what has to be different.
pub(super) fn of(source: &Tree, own: &[OwnNode]) -> Tree {
    let mut tree = source.clone();
    tree.prune(checkpoint::ROOT);
    if let Some(members) = tree.get(MEMBERS) {
        let (stat, acl) = (members.stored(), members.acl().map(<[_]>::to_vec));
        // It is there, so it has its parent.
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
