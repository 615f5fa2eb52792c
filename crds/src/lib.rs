//! The custom resources MesosCluster, MarathonApp and ZkMigration (mesolith.io/v1alpha1).
