//! How an engine becomes active. It opens a session of its own, and then writes the checkpoint under its own run, all
//! or nothing.
//!
//! ```text
//! Idle -> Opening (session, nodes) -> Claiming (one multi: the ephemeral node `active` and the checkpoint) -> Held
//!   ^                                     |
//!   +----------- refused: another one was faster, or something changed
//! ```

use bytes::Bytes;
use mesolith_zk::record::{Op, Txn, Zxid};
use mesolith_zk::request::{ANY_VERSION, CreateMode, Request, Write};
use mesolith_zk::tree::Tree;

use super::layout::{Layout, create};
use crate::checkpoint::Checkpoint;
use crate::pipeline::Outgoing;

/// How far the claim is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Idle,
    /// Waits for the answer with this number, which is the last one for the session and the nodes.
    Opening(i32),
    /// Waits for the answer to the multi.
    Claiming(i32),
    Held,
}

/// The claim to one side.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) stage: Stage,
    pub(super) session: i64,
    /// Position of the checkpoint that it has replaced, which is the last write of the engine before.
    pub(super) replaced: Zxid,
    run: String,
    layout: Layout,
    /// Session timeout in milliseconds.
    pub(super) timeout: i32,
    /// Whether the node `active` belongs to the claim, which is so in the target only.
    leads: bool,
    tag: u8,
    cxid: u32,
}

impl Claim {
    pub(super) fn new(run: String, layout: Layout, timeout: i32, leads: bool, tag: u8) -> Self {
        Self {
            stage: Stage::Idle,
            session: 0,
            replaced: Zxid(0),
            run,
            layout,
            timeout,
            leads,
            tag,
            cxid: 0,
        }
    }

    /// The run that is active, as a tree shows it.
    pub(super) fn holder(&self, tree: &Tree) -> Option<String> {
        let node = tree.get(&self.layout.active())?;
        Some(String::from_utf8_lossy(node.data().unwrap_or_default()).into_owned())
    }

    /// Starts the claim with a new session.
    pub(super) fn begin(&mut self, session: i64, tree: &Tree) -> Vec<Outgoing> {
        self.session = session;
        let open = Request::OpenSession {
            timeout: self.timeout,
        };
        let missing = self.layout.missing(tree).into_iter().map(Request::Single);
        let requests: Vec<_> = std::iter::once(open).chain(missing).collect();
        let requests: Vec<_> = requests.into_iter().map(|request| self.send(request)).collect();
        if let Some(last) = requests.last() {
            self.stage = Stage::Opening(last.cxid);
        }
        requests
    }

    /// A transaction of the engine's own session was committed and is in the tree.
    pub(super) fn answered(&mut self, txn: &Txn, tree: &Tree) -> Vec<Outgoing> {
        if txn.header.session != self.session {
            return Vec::new();
        }
        match self.stage {
            Stage::Opening(cxid) if cxid == txn.header.cxid => {
                let checkpoint = tree.get(&self.layout.checkpoint);
                self.replaced = checkpoint.map_or(Zxid(0), |node| node.stored().mzxid);
                let request = self.send(Request::Multi(self.writes(tree)));
                self.stage = Stage::Claiming(request.cxid);
                vec![request]
            }
            Stage::Claiming(cxid) if cxid == txn.header.cxid => {
                let refused = txn.op.is_failed_multi() || matches!(txn.op, Op::Error { .. });
                self.stage = if refused { Stage::Idle } else { Stage::Held };
                if refused {
                    let close = self.send(Request::CloseSession);
                    return vec![close];
                }
                Vec::new()
            }
            Stage::Idle | Stage::Opening(_) | Stage::Claiming(_) | Stage::Held => Vec::new(),
        }
    }

    fn writes(&self, tree: &Tree) -> Vec<Write> {
        let mut writes = Vec::new();
        if self.leads {
            let active = self.layout.active();
            // This engine's own node, which is left if it has only lost its session.
            if self.holder(tree).as_ref() == Some(&self.run) {
                writes.push(Write::Delete {
                    path: active.as_str().into(),
                    version: ANY_VERSION,
                });
            }
            writes.push(create(&active, self.run.as_bytes(), CreateMode::Ephemeral));
        }
        let path = self.layout.checkpoint.as_str();
        let before = Checkpoint::read(tree, path).unwrap_or_default().0;
        let version = tree.get(path).map_or(0, |node| node.stored().version);
        // Units are numbered within a run, so those of this run continue.
        let unit = if before.run == self.run { before.unit } else { 0 };
        let claim = Checkpoint {
            run: self.run.clone(),
            unit,
            ..before
        };
        writes.push(Write::SetData {
            path: path.into(),
            data: Some(Bytes::from(claim.bytes())),
            version,
        });
        writes
    }

    /// The session or the link to the leader is lost.
    pub(super) fn lost(&mut self) {
        self.stage = Stage::Idle;
    }

    /// A request in the engine's own session, outside the order of the pipelines.
    pub(super) fn send(&mut self, request: Request) -> Outgoing {
        // The pipeline numbers its requests in the lower half, the claim in the upper half.
        self.cxid = (self.cxid + 1) & 0x007f_ffff;
        let cxid = (u32::from(self.tag) << 24 | 0x0080_0000 | self.cxid).cast_signed();
        Outgoing {
            session: self.session,
            cxid,
            request,
            take_over: false,
        }
    }
}
