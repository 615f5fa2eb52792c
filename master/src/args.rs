//! Command line of this role.

/// Options of the master; names and defaults as in Apache Mesos.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {}
