//! What the task gives to the tree's owner, in order.

use std::collections::BTreeSet;

use mesolith_zk::tree::Tree;

use super::Error;
use super::answer::Answer;
use super::read::Node;
use super::work::Mark;

#[derive(Debug)]
pub(super) enum Item {
    /// Everything was read.
    Snapshot {
        tree: Box<Tree>,
        /// Sessions that stay without nodes.
        kept: BTreeSet<i64>,
    },
    UpToDate,
    /// Nodes as they were read; `None` is not there.
    Reads(Vec<(Box<str>, Option<Node>)>),
    /// Stats and lists, to compare.
    Looked(Vec<(Box<str>, Option<Node>)>),
    /// Asks for all paths.
    List,
    Answer(Answer),
    /// A session has ended, and its nodes with it.
    Ended(i64),
    /// What was asked for before was read; the number of asks that were heard by then.
    Mark {
        mark: Mark,
        asked: u64,
    },
    Revalidated(i64, bool),
    Lost(String),
    Fail(Error),
}
