//! What waits to be written, and what is on its way.

use mesolith_zk::record::{Txn, Zxid};

use super::ops::{node_of, parts};
use crate::plan::Step;
use crate::routes::Routes;
use crate::settings::Side;

/// Where a unit of work comes from, so that it can be planned again.
#[derive(Debug)]
pub(super) enum Origin {
    Replay(Box<Txn>),
    Repair(Box<str>),
    /// Only the node's counter.
    Count(Box<str>),
    /// It turned out not to be wanted.
    Nothing,
}

/// What one transaction of the source, or one difference, asks for.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) number: u64,
    pub(super) zxid: Zxid,
    /// When it was seen, in microseconds of the caller's clock; 0 for what is not measured.
    pub(super) at: u64,
    pub(super) origin: Origin,
    /// Nodes of it that lost a conflict, by the target's names.
    pub(super) skip: Vec<Box<str>>,
    pub(super) steps: Vec<Step>,
    /// How many of them were sent.
    pub(super) sent: usize,
}

/// A request on its way.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) session: i64,
    pub(super) cxid: i32,
    /// Where its writes begin: unit, step.
    pub(super) first: (u64, usize),
    /// Units up to this one are done once it is answered.
    pub(super) through: u64,
    pub(super) what: What,
    pub(super) at: u64,
    /// From here to its answer, in a trace.
    pub(super) span: tracing::Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// Ends with the checkpoint.
    Multi,
    /// Sets the ACL of a node, which no multi takes.
    Acl,
    /// Opens a session.
    Open,
    /// Shuts out what was sent through the link before.
    Claim,
}

impl Unit {
    /// A transaction of the source is one of the target's too; a repair may come in parts.
    pub(super) fn is_atomic(&self) -> bool {
        matches!(self.origin, Origin::Replay(_))
    }

    /// Nodes of the target that it changes, planned or not, and whether they go.
    pub(super) fn nodes(&self, routes: &Routes, from: Side) -> Vec<(Box<str>, bool)> {
        match &self.origin {
            Origin::Replay(txn) => {
                let nodes = parts(&txn.op).iter().filter_map(node_of);
                nodes
                    .filter_map(|(path, goes)| Some((routes.carried(from, path)?.as_ref().into(), goes)))
                    .collect()
            }
            Origin::Repair(path) => vec![(path.clone(), false)],
            // What is to come of the node itself does not meet it.
            Origin::Count(_) | Origin::Nothing => Vec::new(),
        }
    }
}
