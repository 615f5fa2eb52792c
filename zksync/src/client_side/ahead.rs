//! What each write of one request does to the tree, one after the other. Pure.

use std::collections::HashMap;

use mesolith_zk::record::{Create, CreateKind, NodeStat, Op, SetData};
use mesolith_zk::request::{CreateMode, Write};
use mesolith_zk::tree::Tree;

/// The tree as it is in the middle of a request.
pub(super) struct Ahead<'a> {
    tree: &'a Tree,
    exists: HashMap<&'a str, bool>,
    counters: HashMap<&'a str, i32>,
}

impl<'a> Ahead<'a> {
    pub(super) fn new(tree: &'a Tree) -> Self {
        Self {
            tree,
            exists: HashMap::new(),
            counters: HashMap::new(),
        }
    }

    /// The change that a write made, and the stat that the server returned for it.
    pub(super) fn op(&mut self, write: &'a Write, stat: Option<&NodeStat>) -> Op {
        let path = write.path();
        match write {
            Write::Create { data, acl, mode, .. } => {
                let counter = self.create(path);
                Op::Create(Create {
                    path: path.into(),
                    data: data.clone(),
                    acl: acl.clone(),
                    kind: match mode {
                        CreateMode::Persistent => CreateKind::Plain { ephemeral: false },
                        CreateMode::Ephemeral => CreateKind::Plain { ephemeral: true },
                        CreateMode::Container => CreateKind::Container,
                        CreateMode::Ttl(ttl) => CreateKind::Ttl { ttl: *ttl },
                    },
                    parent_cversion: Some(counter),
                })
            }
            Write::SetData { data, .. } => Op::SetData(SetData {
                path: path.into(),
                data: data.clone(),
                version: stat.map_or_else(|| self.next(path, |stat| stat.version), |stat| stat.version),
            }),
            Write::Delete { .. } => {
                self.exists.insert(path, false);
                Op::Delete { path: path.into() }
            }
            Write::SetAcl { acl, .. } => Op::SetAcl {
                path: path.into(),
                acl: acl.clone(),
                version: stat.map_or_else(|| self.next(path, |stat| stat.aversion), |stat| stat.aversion),
            },
            Write::Check { version, .. } => Op::Check {
                path: path.into(),
                version: version.wrapping_add(1),
            },
        }
    }

    fn next(&self, path: &str, field: impl Fn(&NodeStat) -> i32) -> i32 {
        let now = self.tree.get(path).map_or(0, |node| field(&node.stored()));
        now.wrapping_add(1)
    }

    /// The parent's counter after a create. A child that the tree has already was counted when it was read.
    fn create(&mut self, path: &'a str) -> i32 {
        let parent = path.rsplit_once('/').map_or("", |(above, _)| above);
        let was_there = self.exists.insert(path, true);
        let read = was_there.unwrap_or_else(|| self.tree.get(path).is_some());
        let tree = self.tree;
        let counter = self
            .counters
            .entry(parent)
            .or_insert_with(|| tree.get(parent).map_or(0, |node| node.stored().cversion));
        *counter = counter.wrapping_add(i32::from(!read));
        *counter
    }
}
