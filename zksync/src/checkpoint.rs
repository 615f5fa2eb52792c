//! How far the target is, kept in the target itself.
//!
//! Every multi that the engine sends ends with a write of this node, under the version that the node must have. So the
//! position is exact whatever happens to the engine, a multi that is sent twice applies once, a failed multi takes with
//! it all that were sent after it, and an engine that was replaced cannot write any more.

use serde::{Deserialize, Serialize};

use mesolith_zk::record::Zxid;
use mesolith_zk::tree::Tree;

/// Under which all engines keep what they know.
pub(crate) const ROOT: &str = "/mesolith";

/// What the node holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Last transaction of the source that the target has.
    pub zxid: i64,
    /// Which run of an engine wrote it.
    pub run: String,
    /// Number of the last unit of work of that run.
    pub unit: u64,
    /// Whether the target was filled: before that, what it lacks is still to come.
    #[serde(default)]
    pub complete: bool,
}

impl Checkpoint {
    /// Path of an engine's node.
    pub fn path(engine: &str) -> String {
        format!("{ROOT}/zksync/{engine}")
    }

    /// What a tree holds, with the node's version; `None` if there is no such node or it holds something else.
    pub fn read(tree: &Tree, path: &str) -> Option<(Self, i32)> {
        let node = tree.get(path)?;
        Some((Self::parse(node.data()?)?, node.stored().version))
    }

    /// What the node's data says, if it is a checkpoint.
    pub fn parse(data: &[u8]) -> Option<Self> {
        serde_json::from_slice(data).ok()
    }

    /// The bytes of the node.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The source's position.
    pub fn position(&self) -> Zxid {
        Zxid(self.zxid)
    }
}
