//! Command line of this role.

/// Options of the node agent.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {}
