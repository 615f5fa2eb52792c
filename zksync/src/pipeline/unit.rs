//! Units of work that wait, and requests that are on their way.

use mesolith_zk::record::{Txn, Zxid};

use super::ops::{node_of, parts};
use crate::plan::Step;
use crate::routes::Routes;
use crate::settings::Side;

/// The origin of a unit, from which it can be planned again.
#[derive(Debug)]
pub(super) enum Origin {
    Replay(Box<Txn>),
    Repair(Box<str>),
    /// Only the node's counter.
    Count(Box<str>),
    /// It turned out not to be wanted.
    Nothing,
}

/// The work for one transaction of the source, or for one difference.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) number: u64,
    pub(super) zxid: Zxid,
    /// When it was seen, in microseconds of the caller's clock; 0 if it is not measured.
    pub(super) at: u64,
    pub(super) origin: Origin,
    /// Nodes that have lost a conflict, by the target's names.
    pub(super) skip: Vec<Box<str>>,
    pub(super) steps: Vec<Step>,
    /// How many of its steps were sent.
    pub(super) sent: usize,
}

/// A request that is on its way.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) session: i64,
    pub(super) cxid: i32,
    /// Where its writes begin: unit and step.
    pub(super) first: (u64, usize),
    /// Once it is answered, all units up to this one are done.
    pub(super) through: u64,
    pub(super) what: What,
    pub(super) at: u64,
    /// The span from here to its answer.
    pub(super) span: tracing::Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// It ends with the checkpoint.
    Multi,
    /// It sets the ACL of a node, which does not fit into a multi.
    Acl,
    /// It opens a session.
    Open,
    /// It shuts out requests that were sent through the link before.
    Claim,
}

impl Unit {
    /// Whether the unit must be one transaction: a transaction of the source is one on the target too, while a repair
    /// may come in parts.
    pub(super) fn is_atomic(&self) -> bool {
        matches!(self.origin, Origin::Replay(_))
    }

    /// Nodes of the target that it changes, planned or not, and whether it deletes them.
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
