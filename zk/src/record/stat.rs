//! A node's stat: everything that ZooKeeper keeps of a node besides its data and children.

use super::Zxid;
use crate::jute::{Error, Reader, Writer};

/// The stat as servers store it. `cversion` counts creates below the node, and is the next sequential suffix.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NodeStat {
    /// Transaction that created the node.
    pub czxid: Zxid,
    /// Transaction that last set the data.
    pub mzxid: Zxid,
    /// Transaction that last added or removed a child.
    pub pzxid: Zxid,
    /// Time of creation, milliseconds since 1970.
    pub ctime: i64,
    /// Time of the last change of the data.
    pub mtime: i64,
    /// Number of times the data was set.
    pub version: i32,
    /// Number of children ever created.
    pub cversion: i32,
    /// Number of times the ACL was set.
    pub aversion: i32,
    /// The session that owns it, a mark of a container or TTL node, or 0.
    pub ephemeral_owner: i64,
}

/// The stat as a client sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stat {
    /// The stored part, with `cversion` and `ephemeral_owner` as clients see them.
    pub node: NodeStat,
    /// Length of the data.
    pub data_length: i32,
    /// Number of children.
    pub num_children: i32,
}

impl NodeStat {
    /// Marks a container node in `ephemeral_owner`.
    pub const CONTAINER: i64 = i64::MIN;

    /// Length in a snapshot.
    pub const LENGTH: usize = 60;

    /// The owner value of a TTL node.
    pub fn ttl_owner(ttl: i64) -> i64 {
        (0xff << 56) | ttl
    }

    /// Time to live in milliseconds, if the owner value is a TTL mark.
    pub fn ttl(&self) -> Option<i64> {
        (self.ephemeral_owner >> 56 == -1).then_some(self.ephemeral_owner & 0x00ff_ffff_ffff_ffff)
    }

    /// Reads a stat in the order of snapshots.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        reader.enter("StatPersisted");
        let [czxid, mzxid] = [reader.long()?, reader.long()?].map(Zxid);
        Ok(Self {
            czxid,
            mzxid,
            ctime: reader.long()?,
            mtime: reader.long()?,
            version: reader.int()?,
            cversion: reader.int()?,
            aversion: reader.int()?,
            ephemeral_owner: reader.long()?,
            pzxid: Zxid(reader.long()?),
        })
    }

    /// Writes the stat in the order of snapshots.
    pub fn write(&self, writer: &mut Writer) {
        writer.long(self.czxid.0);
        writer.long(self.mzxid.0);
        writer.long(self.ctime);
        writer.long(self.mtime);
        writer.int(self.version);
        writer.int(self.cversion);
        writer.int(self.aversion);
        writer.long(self.ephemeral_owner);
        writer.long(self.pzxid.0);
    }

    /// The stat in the order of the tree digest, which differs from that of files.
    pub(crate) fn digest_bytes(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        let longs = [self.czxid.0, self.mzxid.0, self.pzxid.0, self.ctime, self.mtime];
        for (chunk, long) in bytes.chunks_exact_mut(8).zip(longs) {
            chunk.copy_from_slice(&long.to_be_bytes());
        }
        let ints = [self.version, self.cversion, self.aversion];
        for (chunk, int) in bytes[40..52].chunks_exact_mut(4).zip(ints) {
            chunk.copy_from_slice(&int.to_be_bytes());
        }
        bytes[52..].copy_from_slice(&self.ephemeral_owner.to_be_bytes());
        bytes
    }
}
