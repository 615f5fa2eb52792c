//! Items that the task sends to the tree's owner, in order.

use std::collections::BTreeSet;

use mesolith_zk::tree::Tree;

use super::Error;
use super::answer::Answer;
use super::read::Node;
use super::work::Mark;

#[derive(Debug)]
pub(super) enum Item {
    /// All nodes were read.
    Snapshot {
        tree: Box<Tree>,
        /// Sessions that live on when they own no node.
        kept: BTreeSet<i64>,
    },
    UpToDate,
    /// Nodes as they were read; `None` means that the node is not there.
    Reads(Vec<(Box<str>, Option<Node>)>),
    /// Stats and lists, to compare with the tree.
    Looked(Vec<(Box<str>, Option<Node>)>),
    /// Asks for the paths of all nodes.
    List,
    Answer(Answer),
    /// A session has ended, and its nodes with it.
    Ended(i64),
    /// Everything that was asked for before this mark was read. Carries the number of asks that the task had received
    /// by then.
    Mark {
        mark: Mark,
        asked: u64,
    },
    Revalidated(i64, bool),
    Lost(String),
    Fail(Error),
}
