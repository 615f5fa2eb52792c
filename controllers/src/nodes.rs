//! Connections to node agents.

/// Every node's connection, made on first use.
#[derive(Default)]
pub(crate) struct Nodes {}
