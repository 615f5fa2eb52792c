//! Turns a server's answer to a client into the transaction that it stands for. Pure.

use std::time::{SystemTime, UNIX_EPOCH};

use mesolith_zk::record::{NodeStat, Op, Txn, TxnHeader, Zxid};
use mesolith_zk::request::{Request, Write};
use mesolith_zk::tree::Tree;

use super::ahead::Ahead;

/// The result of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The request was done. It carries the stats that came back, one for each write.
    Done {
        stats: Vec<Option<NodeStat>>,
        /// Whether all of it is one transaction.
        at_once: bool,
    },
    /// It was refused.
    Refused {
        /// Index of the write that was refused; those after it were not tried.
        index: usize,
        /// The server's error code.
        code: i32,
        /// Whether the writes before it are done, since each was a request of its own.
        partly: bool,
    },
}

/// An answer that was not applied to the tree yet.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) session: i64,
    pub(super) cxid: i32,
    pub(super) request: Request,
    pub(super) outcome: Outcome,
}

impl Answer {
    /// Applies the answer to the tree, and returns the transaction.
    pub(super) fn apply(&self, tree: &mut Tree) -> Txn {
        let op = self.op(tree);
        let last = tree.last_zxid();
        let header = TxnHeader {
            session: self.session,
            cxid: self.cxid,
            zxid: self.zxid().unwrap_or(last),
            time: self.time(),
            kind: op.code(),
        };
        let txn = Txn {
            header,
            op,
            digest: None,
        };
        tree.apply(&txn);
        tree.set_last_zxid(last.max(txn.header.zxid));
        self.stats(tree);
        txn
    }

    fn writes(&self) -> &[Write] {
        match &self.request {
            Request::Single(write) => std::slice::from_ref(write),
            Request::Multi(writes) => writes,
            Request::OpenSession { .. } | Request::CloseSession => &[],
        }
    }

    fn known(&self) -> impl Iterator<Item = (&Write, Option<&NodeStat>)> {
        let stats = match &self.outcome {
            Outcome::Done { stats, .. } => stats.as_slice(),
            Outcome::Refused { .. } => &[],
        };
        self.writes()
            .iter()
            .enumerate()
            .map(|(index, write)| (write, stats.get(index).and_then(Option::as_ref)))
    }

    /// The modification time that the last write with a stat came back with.
    fn zxid(&self) -> Option<Zxid> {
        self.known()
            .filter_map(|(write, stat)| match write {
                Write::Create { .. } => Some(stat?.czxid),
                Write::SetData { .. } => Some(stat?.mzxid),
                _ => None,
            })
            .last()
    }

    fn time(&self) -> i64 {
        let told = self.known().filter_map(|(_, stat)| Some(stat?.mtime)).last();
        told.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
        })
    }

    fn op(&self, tree: &Tree) -> Op {
        match (&self.outcome, &self.request) {
            (Outcome::Refused { index, code, .. }, Request::Multi(writes)) => {
                let part = |at: usize| Op::Error {
                    code: match at.cmp(index) {
                        std::cmp::Ordering::Less => 0,
                        std::cmp::Ordering::Equal => *code,
                        std::cmp::Ordering::Greater => -2,
                    },
                };
                Op::Multi((0..writes.len()).map(part).collect())
            }
            (Outcome::Refused { code, .. }, _) => Op::Error { code: *code },
            (Outcome::Done { .. }, Request::OpenSession { timeout }) => {
                Op::CreateSession { timeout: *timeout }
            }
            (Outcome::Done { .. }, Request::CloseSession) => Op::CloseSession {
                paths: Some(
                    tree.ephemerals(self.session)
                        .map(|node| node.path().into())
                        .collect(),
                ),
            },
            (Outcome::Done { .. }, Request::Single(write)) => {
                let stat = self.known().next().and_then(|(_, stat)| stat);
                Ahead::new(tree).op(write, stat)
            }
            (Outcome::Done { .. }, Request::Multi(_)) => {
                let mut ahead = Ahead::new(tree);
                Op::Multi(self.known().map(|(write, stat)| ahead.op(write, stat)).collect())
            }
        }
    }

    /// Completes the changes with the returned stats, and drops those that no stat describes.
    fn stats(&self, tree: &mut Tree) {
        let Outcome::Done { at_once, .. } = self.outcome else {
            return;
        };
        let exact = at_once && self.zxid().is_some();
        for (write, stat) in self.known() {
            let path = write.path();
            let Some(node) = tree.get(path) else {
                continue;
            };
            let mut now = node.stored();
            match (write, stat) {
                (Write::Create { .. }, Some(stat)) => {
                    (now.czxid, now.ctime) = (stat.czxid, stat.ctime);
                    (now.mzxid, now.mtime) = (now.mzxid.max(stat.mzxid), now.mtime.max(stat.mtime));
                }
                // The next read of the node fills this in.
                (Write::Create { .. }, None) if !exact => {
                    (now.czxid, now.mzxid, now.pzxid) = (Zxid(0), Zxid(0), Zxid(0));
                }
                (Write::SetData { .. }, Some(stat)) => (now.mzxid, now.mtime) = (stat.mzxid, stat.mtime),
                _ => continue,
            }
            let (data, acl) = (node.data().map(<[u8]>::to_vec), node.acl().map(<[_]>::to_vec));
            // The node was found just above, so this cannot fail.
            let _ = tree.insert(path, data.as_deref(), acl.as_deref(), now);
        }
    }
}

#[cfg(test)]
mod tests {
    use mesolith_zk::request::CreateMode;

    use super::*;

    fn create(path: &str) -> Write {
        Write::Create {
            path: path.into(),
            data: None,
            acl: None,
            mode: CreateMode::Persistent,
        }
    }

    fn delete(path: &str) -> Write {
        Write::Delete {
            path: path.into(),
            version: -1,
        }
    }

    fn answer(request: Request, outcome: Outcome) -> Answer {
        Answer {
            session: 7,
            cxid: -3,
            request,
            outcome,
        }
    }

    fn done(stats: Vec<Option<NodeStat>>) -> Outcome {
        Outcome::Done { stats, at_once: true }
    }

    #[test]
    fn a_multi_counts_each_create_and_takes_its_position_from_a_set() {
        let mut tree = Tree::new();
        let before = tree.root().stored().cversion;
        let set = Write::SetData {
            path: "/a".into(),
            data: Some("x".into()),
            version: 0,
        };
        let writes = vec![create("/a"), create("/b"), delete("/b"), create("/b"), set];
        let stat = NodeStat {
            mzxid: Zxid(40),
            version: 1,
            mtime: 99,
            ..NodeStat::default()
        };
        let answer = answer(
            Request::Multi(writes),
            done(vec![None, None, None, None, Some(stat)]),
        );
        let txn = answer.apply(&mut tree);
        assert_eq!(
            (txn.header.session, txn.header.cxid, txn.header.zxid),
            (7, -3, Zxid(40))
        );
        assert_eq!(tree.root().stored().cversion, before + 3);
        assert_eq!(tree.get("/b").unwrap().stored().czxid, Zxid(40));
        let a = tree.get("/a").unwrap();
        assert_eq!(
            (a.data(), a.stored().version, a.stored().mtime),
            (Some(&b"x"[..]), 1, 99)
        );
        assert_eq!(tree.last_zxid(), Zxid(40));
    }

    #[test]
    fn what_was_read_already_counts_once() {
        let mut tree = Tree::new();
        let create = answer(Request::Single(create("/a")), done(vec![None]));
        create.apply(&mut tree);
        let counter = tree.root().stored().cversion;
        // The server did not say when, so the next read fills it in.
        assert_eq!(tree.get("/a").unwrap().stored().czxid, Zxid(0));
        create.apply(&mut tree);
        assert_eq!(tree.root().stored().cversion, counter);
    }

    #[test]
    fn a_refused_multi_names_the_part() {
        let mut tree = Tree::new();
        let refused = Outcome::Refused {
            index: 1,
            code: -103,
            partly: false,
        };
        let request = Request::Multi(vec![create("/a"), delete("/x"), create("/b")]);
        let txn = answer(request, refused.clone()).apply(&mut tree);
        let error = |code| Op::Error { code };
        assert_eq!(txn.op, Op::Multi(vec![error(0), error(-103), error(-2)]));
        assert!(txn.op.is_failed_multi() && tree.get("/a").is_none());
        let txn = answer(Request::Single(delete("/x")), refused).apply(&mut tree);
        assert_eq!(txn.op, error(-103));
    }
}
