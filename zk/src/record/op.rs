//! The records of transactions, by type.

use bytes::Bytes;

use super::Acl;

/// The record of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// A node was created. A sequential create has its final name here.
    Create(Create),
    /// A node was deleted.
    Delete {
        /// Its path.
        path: Box<str>,
    },
    /// The leader removed an empty container or an expired TTL node.
    DeleteContainer {
        /// Its path.
        path: Box<str>,
    },
    /// Data was set.
    SetData(SetData),
    /// The ensemble's configuration was changed: a [`SetData`] on `/zookeeper/config`.
    Reconfig(SetData),
    /// The ACL was set.
    SetAcl {
        /// The node.
        path: Box<str>,
        /// The new list; `None` is null, which means open.
        acl: Option<Vec<Acl>>,
        /// The new aversion.
        version: i32,
    },
    /// A version was checked; only inside a multi. Changes nothing.
    Check {
        /// The node.
        path: Box<str>,
        /// The checked version plus one, as servers record it.
        version: i32,
    },
    /// A session began.
    CreateSession {
        /// Its timeout in milliseconds.
        timeout: i32,
    },
    /// A session ended, and its ephemeral nodes with it.
    CloseSession {
        /// Paths of the deleted nodes (3.6 and later). Before 3.6 only the server's own table knows them.
        paths: Option<Vec<Box<str>>>,
    },
    /// A request has failed at the leader. It uses up a zxid and changes nothing.
    Error {
        /// The client's error code, such as -101.
        code: i32,
    },
    /// Several operations at once, or none of them if it has failed: see [`Op::is_failed_multi`].
    Multi(Vec<Op>),
}

/// A new node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// Its path.
    pub path: Box<str>,
    /// Its data; null and empty differ.
    pub data: Option<Bytes>,
    /// Its list; `None` is null, which means open.
    pub acl: Option<Vec<Acl>>,
    /// The sort of node, and the request that has created it.
    pub kind: CreateKind,
    /// The parent's `cversion` after the create. Old logs lack it; then it rises by one.
    pub parent_cversion: Option<i32>,
}

/// Sorts of new nodes. Each is a transaction type of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateKind {
    /// By the request create.
    Plain {
        /// Owned by the header's session.
        ephemeral: bool,
    },
    /// By the request create2, which is answered with a stat.
    Plain2 {
        /// Owned by the header's session.
        ephemeral: bool,
    },
    /// Removed by the leader once its last child is gone (3.5+).
    Container,
    /// Removed by the leader when unchanged and without children for this long (3.5.3+).
    Ttl {
        /// Milliseconds.
        ttl: i64,
    },
}

/// New data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetData {
    /// The node.
    pub path: Box<str>,
    /// The data; null and empty differ.
    pub data: Option<Bytes>,
    /// The new version.
    pub version: i32,
}

impl Op {
    /// Whether it is a multi that failed: one part is an error, and nothing of it was applied.
    pub fn is_failed_multi(&self) -> bool {
        matches!(self, Self::Multi(ops) if ops.iter().any(|op| matches!(op, Self::Error { .. })))
    }
}
