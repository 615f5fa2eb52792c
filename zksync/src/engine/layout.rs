//! The nodes that an engine stores in an ensemble.

use mesolith_zk::request::{CreateMode, Write};
use mesolith_zk::tree::Tree;

use crate::checkpoint::{Checkpoint, ROOT};

/// Paths of an engine's nodes.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// Path of the checkpoint. All other nodes are below it.
    pub(super) checkpoint: String,
}

impl Layout {
    pub(super) fn new(name: &str) -> Self {
        Self {
            checkpoint: Checkpoint::path(name),
        }
    }

    /// An ephemeral node that holds the active run.
    pub(super) fn active(&self) -> String {
        format!("{}/active", self.checkpoint)
    }

    /// Holds the settings.
    pub(super) fn settings(&self) -> String {
        format!("{}/settings", self.checkpoint)
    }

    /// Holds the identity of the source.
    pub(super) fn identity(&self) -> String {
        format!("{}/identity", self.checkpoint)
    }

    /// Parent of the nodes for frozen paths.
    pub(super) fn frozen(&self) -> String {
        format!("{}/frozen", self.checkpoint)
    }

    /// The node that marks a path as frozen. Its name is the path in hexadecimal digits, its data the path.
    pub(super) fn frozen_path(&self, path: &str) -> String {
        let name: String = path.bytes().map(|byte| format!("{byte:02x}")).collect();
        format!("{}/{name}", self.frozen())
    }

    /// The frozen paths that a tree holds.
    pub(super) fn frozen_in(&self, tree: &Tree) -> Vec<String> {
        let folder = tree.get(&self.frozen());
        let nodes = folder.into_iter().flat_map(|folder| folder.children());
        nodes
            .filter_map(|node| String::from_utf8(node.data()?.to_vec()).ok())
            .collect()
    }

    /// Creates for the nodes that are missing, parents first.
    pub(super) fn missing(&self, tree: &Tree) -> Vec<Write> {
        let zksync = format!("{ROOT}/zksync");
        let paths: [String; 6] = [
            ROOT.to_owned(),
            zksync,
            self.checkpoint.clone(),
            self.settings(),
            self.identity(),
            self.frozen(),
        ];
        paths
            .iter()
            .filter(|path| tree.get(path).is_none())
            .map(|path| create(path, b"", CreateMode::Persistent))
            .collect()
    }
}

pub(super) fn create(path: &str, data: &[u8], mode: CreateMode) -> Write {
    Write::Create {
        path: path.into(),
        data: Some(bytes::Bytes::copy_from_slice(data)),
        acl: None,
        mode,
    }
}
