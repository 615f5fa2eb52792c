//! What others do on the target.

use mesolith_zk::record::{Op, Txn};

use super::{Notice, Origin, Pipeline, Trees};

/// A change of the target that the engine did not make, where the source alone writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The node.
    pub path: String,
    /// What happened to it.
    pub change: &'static str,
    /// What the source has, if it has the node.
    pub source: Option<Vec<u8>>,
    /// What the target had after the change, if it had the node.
    pub target: Option<Vec<u8>>,
    /// The session that did it.
    pub session: i64,
}

impl Pipeline {
    /// A transaction of somebody else on the target. The source wins: the node is made like the source's again.
    pub(super) fn foreign(&mut self, txn: &Txn, trees: Trees<'_>, notices: &mut Vec<Notice>) {
        // Our own, from before a lost link: negative numbers, which clients do not use.
        if txn.header.session == self.session
            || (txn.header.cxid < 0 && self.mirrored.contains_key(&txn.header.session))
        {
            return;
        }
        match &txn.op {
            Op::Multi(ops) if !txn.op.is_failed_multi() => {
                ops.iter().for_each(|op| self.foreign_op(op, txn, trees, notices));
            }
            op => self.foreign_op(op, txn, trees, notices),
        }
    }

    fn foreign_op(&mut self, op: &Op, txn: &Txn, trees: Trees<'_>, notices: &mut Vec<Notice>) {
        let session = txn.header.session;
        match op {
            Op::Create(new) => self.conflict(&new.path, "created", session, trees, notices),
            Op::SetData(new) => self.conflict(&new.path, "data set", session, trees, notices),
            Op::SetAcl { path, .. } => self.conflict(path, "ACL set", session, trees, notices),
            Op::Delete { path } => self.conflict(path, "deleted", session, trees, notices),
            Op::CloseSession { .. } if self.mirrored.contains_key(&session) => {
                self.reopen(session, trees);
            }
            // The target removes empty containers and expired TTL nodes by its own clock, a moment apart from the source.
            _ => {}
        }
    }

    fn conflict(
        &mut self,
        path: &str,
        change: &'static str,
        session: i64,
        trees: Trees<'_>,
        notices: &mut Vec<Notice>,
    ) {
        if !self.scope.contains(path) {
            return;
        }
        let (ours, theirs) = (trees.source.get(path), trees.target.get(path));
        // Clients of the target may register there: what is ephemeral and theirs collides with nothing.
        if ours.is_none() && theirs.is_none_or(|node| node.owner().is_some()) {
            return;
        }
        let data = |node: mesolith_zk::tree::Node<'_>| node.data().unwrap_or_default().to_vec();
        self.counters.conflicts += 1;
        notices.push(Notice::Conflict(Conflict {
            path: path.to_owned(),
            change,
            source: ours.map(data),
            target: theirs.map(data),
            session,
        }));
        self.repair_once(path, trees);
    }

    /// The target gave up a session that lives on the source: it begins again, with its nodes.
    pub(super) fn reopen(&mut self, session: i64, trees: Trees<'_>) {
        let Some(timeout) = trees.source.sessions().get(&session).copied() else {
            self.mirrored.remove(&session);
            return;
        };
        self.open(session, timeout, trees, 0);
        let nodes = trees.source.ephemerals(session).map(|node| node.path());
        let paths: Vec<_> = nodes.filter(|path| self.scope.contains(path)).collect();
        for path in paths {
            self.repair_once(&path, trees);
        }
    }

    pub(super) fn repair_once(&mut self, path: &str, trees: Trees<'_>) {
        self.add(Origin::Repair(path.into()), trees, 0);
    }
}
