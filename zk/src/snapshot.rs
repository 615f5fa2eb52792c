//! Snapshot files. A leader sends the same bytes to a learner.
//!
//! ```text
//! file: "ZKSN", version, dbid | body | seal | [zxid and digest | seal] (3.6+) | [last zxid | seal] (3.9+)
//! body: sessions, ACL table, nodes parents first, "/"          seal: Adler-32 of all before it, "/"
//! ```
//!
//! Servers write a snapshot while they go on serving, so it may hold effects of transactions after the zxid in its
//! name; the transactions that follow make it exact.

mod decode;
mod encode;
mod file;
mod seal;
#[cfg(test)]
pub(crate) mod tests;

use std::io;

pub use decode::Decoder;
pub use encode::{Trailers, write, write_with};
pub use file::{Snapshot, read};

use crate::{jute, tree};

/// A snapshot cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the snapshot")]
    Read(#[source] io::Error),
    /// The file cannot be written.
    #[error("cannot write the snapshot")]
    Write(#[source] io::Error),
    /// The file is not a snapshot.
    #[error("not a snapshot: it begins with {magic:#010x}, version {version}{hint}")]
    Magic {
        /// The first four bytes.
        magic: i32,
        /// The four bytes after.
        version: i32,
        /// What it may be instead.
        hint: &'static str,
    },
    /// A record cannot be decoded.
    #[error(transparent)]
    Record(#[from] jute::Error),
    /// The records do not make a tree.
    #[error(transparent)]
    Tree(#[from] tree::Error),
    /// The file was cut off or changed.
    #[error("the snapshot's checksum is {found:#x}, not {expected:#x} as its seal says")]
    Checksum {
        /// The checksum in the file.
        expected: i64,
        /// The checksum of its bytes.
        found: i64,
    },
    /// A record is longer than any that a server writes.
    #[error("a record of at least {0} bytes in the snapshot")]
    RecordTooLong(usize),
}

impl Error {
    /// Short name for conditions, events and metric labels.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Read(_) => "SnapshotUnreadable",
            Self::Write(_) => "SnapshotUnwritable",
            Self::Magic { .. } => "NotASnapshot",
            Self::Record(_) | Self::Tree(_) | Self::RecordTooLong(_) => "SnapshotInvalid",
            Self::Checksum { .. } => "SnapshotDamaged",
        }
    }
}
