//! Records that ZooKeeper stores and replicates: ACLs, stats, and every type of transaction.
//!
//! A transaction is a [`TxnHeader`], an [`Op`] by the header's type, and from 3.6 on a [`TxnDigest`]. The same bytes
//! come in a log entry, in a PROPOSAL and in an INFORM.

mod acl;
mod op;
mod op_codec;
mod stat;
mod txn;

pub use acl::{Acl, Id};
pub use op::{Create, CreateKind, Op, SetData};
pub use stat::{NodeStat, Stat};
pub use txn::{Txn, TxnDigest, TxnHeader, Zxid};

#[cfg(test)]
pub(crate) mod tests;
