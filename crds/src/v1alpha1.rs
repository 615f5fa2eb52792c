//! Version v1alpha1 of the three resources.

pub mod marathon_app;
pub mod mesos_cluster;
pub mod zk_migration;

pub use marathon_app::{MarathonApp, MarathonAppSpec, MarathonAppStatus};
pub use mesos_cluster::{MesosCluster, MesosClusterSpec, MesosClusterStatus};
pub use zk_migration::{ZkMigration, ZkMigrationSpec, ZkMigrationStatus};
