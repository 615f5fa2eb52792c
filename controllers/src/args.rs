//! Command line of this role.

/// Options of the operator.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {}
