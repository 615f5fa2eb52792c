//! What each transaction does to the tree: the servers' own rules.
//!
//! All of them can run twice and out of step with a snapshot that already holds later effects; counters and `pzxid`
//! of a parent therefore only rise. After the last transaction that such a snapshot overlaps, the tree is exact.

use super::Tree;
use super::arena::split;
use crate::record::{Create, CreateKind, NodeStat, Op, SetData, Txn, TxnDigest, TxnHeader};

/// How the tree compares with the digest of the transaction just applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestCheck {
    /// The transaction carries none: a server before 3.6, digests switched off, or a failed request.
    Absent,
    /// The tree is what the leader's was.
    Equal,
    /// It is not.
    Different {
        /// The leader's value.
        expected: u64,
        /// Our value.
        found: u64,
    },
}

impl Tree {
    /// Applies a committed transaction and compares the digest that it carries.
    pub fn apply(&mut self, txn: &Txn) -> DigestCheck {
        self.apply_op(&txn.header, &txn.op);
        self.last_zxid = txn.header.zxid;
        match txn.digest {
            Some(digest) if digest.version == TxnDigest::VERSION => {
                let (expected, found) = (digest.value, self.digest);
                if expected == found {
                    DigestCheck::Equal
                } else {
                    DigestCheck::Different { expected, found }
                }
            }
            _ => DigestCheck::Absent,
        }
    }

    fn apply_op(&mut self, header: &TxnHeader, op: &Op) {
        match op {
            Op::Create(create) => self.create(header, create),
            Op::Delete { path } | Op::DeleteContainer { path } => self.delete(header, path),
            Op::SetData(set) | Op::Reconfig(set) => self.set_data(header, set),
            Op::SetAcl { path, acl, version } => {
                if let Some(id) = self.arena.find(path) {
                    let acl = self.acls.take(acl.as_deref());
                    let old = std::mem::replace(&mut self.arena.slot_mut(id).acl, acl);
                    let mut stat = self.arena.stat(id);
                    stat.aversion = *version;
                    self.arena.set_stat(id, stat);
                    self.acls.release(old);
                    self.refresh_digest(id, path);
                }
            }
            Op::CreateSession { timeout } => self.set_session(header.session, *timeout),
            Op::CloseSession { paths } => {
                for path in paths.iter().flatten() {
                    self.delete(header, path);
                }
                let left: Vec<_> = self.ephemerals(header.session).map(|node| node.path()).collect();
                for path in left {
                    self.delete(header, &path);
                }
                self.sessions.remove(&header.session);
            }
            Op::Multi(ops) => {
                if !op.is_failed_multi() {
                    ops.iter().for_each(|op| self.apply_op(header, op));
                }
            }
            Op::Check { .. } | Op::Error { .. } => {}
        }
    }

    fn create(&mut self, header: &TxnHeader, create: &Create) {
        let path = &*create.path;
        let Some(parent) = split(path).and_then(|(above, _)| self.arena.find(above)) else {
            return;
        };
        let mut above = self.arena.stat(parent);
        let counter = create
            .parent_cversion
            .unwrap_or_else(|| above.cversion.wrapping_add(1));
        if counter > above.cversion {
            above.cversion = counter;
            above.pzxid = header.zxid;
            self.arena.set_stat(parent, above);
            self.refresh_parent_digest(parent, path);
        }
        if self.arena.find(path).is_some() {
            return;
        }
        let ephemeral_owner = match create.kind {
            CreateKind::Plain { ephemeral: true } | CreateKind::Plain2 { ephemeral: true } => header.session,
            CreateKind::Plain { .. } | CreateKind::Plain2 { .. } => 0,
            CreateKind::Container => NodeStat::CONTAINER,
            CreateKind::Ttl { ttl } => NodeStat::ttl_owner(ttl),
        };
        let stat = NodeStat {
            czxid: header.zxid,
            mzxid: header.zxid,
            pzxid: header.zxid,
            ctime: header.time,
            mtime: header.time,
            ephemeral_owner,
            ..NodeStat::default()
        };
        // The parent is there, so this cannot fail.
        let _ = self.insert(path, create.data.as_deref(), create.acl.as_deref(), stat);
    }

    fn delete(&mut self, header: &TxnHeader, path: &str) {
        let Some(parent) = split(path).and_then(|(above, _)| self.arena.find(above)) else {
            return;
        };
        let mut above = self.arena.stat(parent);
        if header.zxid > above.pzxid {
            above.pzxid = header.zxid;
            self.arena.set_stat(parent, above);
            self.refresh_parent_digest(parent, path);
        }
        if let Some(id) = self.arena.find(path) {
            self.remove(id);
        }
    }

    fn set_data(&mut self, header: &TxnHeader, set: &SetData) {
        let Some(id) = self.arena.find(&set.path) else {
            return;
        };
        self.arena.set_data(id, set.data.as_deref());
        self.arena.set_stat(
            id,
            NodeStat {
                version: set.version,
                mzxid: header.zxid,
                mtime: header.time,
                ..self.arena.stat(id)
            },
        );
        self.refresh_digest(id, &set.path);
    }
}
