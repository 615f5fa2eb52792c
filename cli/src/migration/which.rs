//! Which migration a verb is about.

use super::connect::{Cluster, Where};
use super::error::Error;
use clap::Args;

/// A migration, and where it is.
#[derive(Debug, Clone, Args)]
pub(crate) struct Which {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    at: Where,
}

#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
struct Named {
    /// Name of the ZkMigration; NAMESPACE/NAME names one in another namespace.
    #[arg(long, value_name = "NAME")]
    migration_id: Option<String>,
    /// The same.
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

/// As [`Which`], where all may be meant.
#[derive(Debug, Clone, Args)]
pub(crate) struct WhichOrAll {
    /// Name of the ZkMigration; NAMESPACE/NAME names one in another namespace. Default: all are listed.
    #[arg(long, value_name = "NAME")]
    migration_id: Option<String>,
    /// The same.
    #[arg(value_name = "NAME", conflicts_with = "migration_id")]
    name: Option<String>,
    #[command(flatten)]
    at: Where,
}

impl Which {
    pub(super) async fn find(&self) -> Result<(Cluster, String), Error> {
        let named = self.named.migration_id.as_ref().or(self.named.name.as_ref());
        let cluster = self.at.connect().await?;
        Ok(split(cluster, named.map_or("", String::as_str)))
    }
}

impl WhichOrAll {
    pub(super) async fn find(&self) -> Result<(Cluster, Option<String>), Error> {
        let cluster = self.at.connect().await?;
        Ok(match self.migration_id.as_ref().or(self.name.as_ref()) {
            Some(named) => {
                let (cluster, name) = split(cluster, named);
                (cluster, Some(name))
            }
            None => (cluster, None),
        })
    }
}

pub(super) fn split(mut cluster: Cluster, named: &str) -> (Cluster, String) {
    match named.split_once('/') {
        Some((namespace, name)) => {
            namespace.clone_into(&mut cluster.namespace);
            (cluster, name.to_owned())
        }
        None => (cluster, named.to_owned()),
    }
}
