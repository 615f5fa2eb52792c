//! How far the target is, kept in the target itself.
//!
//! Every multi that the engine sends ends with a write of this node, and names the version that the node must have.
//! So the position is exact whatever happens to the engine: a multi that is sent twice applies once, a multi that
//! fails takes with it all that were sent after it, and an engine that was replaced can no longer write.

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
    /// The last transaction up to which the target has everything, where that is an earlier one: what came after it was not
    /// seen, and a comparison of both trees is not over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equal: Option<i64>,
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

    /// Up to where the target has everything.
    pub fn equal(&self) -> Zxid {
        Zxid(self.equal.unwrap_or(self.zxid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesolith_zk::request::Write;

    /// Servers read at least 1,024 bytes more from one another than from clients, and the transaction is longer than the
    /// request by less than 100.
    #[test]
    fn it_fits_on_top_of_what_a_client_may_send() {
        let longest = Checkpoint {
            zxid: i64::MIN,
            run: "h".repeat(64) + "-4194304-01234567",
            unit: u64::MAX,
            complete: false,
            equal: Some(i64::MIN),
        };
        let write = Write::SetData {
            path: Checkpoint::path(&"n".repeat(64)).into(),
            data: Some(longest.bytes().into()),
            version: i32::MIN,
        };
        assert!(write.size_in_multi() < 500, "{}", write.size_in_multi());
    }
}
