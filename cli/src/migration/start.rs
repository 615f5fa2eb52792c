//! `mesos-migrate start`: from migration.yaml to a ZkMigration.

use super::connect::{Cluster, Where};
use super::error::Error;
use super::{exit, table, watch};
use crate::output::{Format, print};
use clap::Args;
use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_migration::{Document, DocumentFile, Fate, Overrides, Planned};
use mesolith_telemetry::Shutdown;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// migration.yaml as in the product requirements (19.3), or a ZkMigration manifest; - for stdin.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Name of the migration; before that of the file.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Ensemble A, host:port,host:port; before that of the file.
    #[arg(long, value_name = "HOSTS", conflicts_with = "source_cluster")]
    source_zk: Option<String>,
    /// The MesosCluster that is cluster A; in place of its addresses.
    #[arg(long, value_name = "NAME")]
    source_cluster: Option<String>,
    /// Ensemble B, host:port,host:port; before that of the file.
    #[arg(long, value_name = "HOSTS")]
    target_zk: Option<String>,
    /// Ensemble B exists already and is only used.
    #[arg(long)]
    target_zk_exists: bool,
    /// Port of the node agents of cluster B. Default: 7070.
    #[arg(long, value_name = "PORT")]
    node_agent_port: Option<u16>,
    /// drain: tasks move to agents B; repoint: the agents of A change over and keep their tasks.
    #[arg(long, value_name = "STRATEGY")]
    agent_strategy: Option<String>,
    /// Show what would be made; the API server checks it and keeps nothing.
    #[arg(long)]
    dry_run: bool,
    /// Follow it until a person is waited for, or to its end.
    #[arg(long, short, conflicts_with = "dry_run")]
    watch: bool,
    #[command(flatten)]
    at: Where,
    /// Form of the answer.
    #[arg(long, short, value_enum, default_value_t)]
    pub(super) output: Format,
}

/// What was made.
#[derive(Debug, Serialize)]
struct Started {
    migration_id: String,
    namespace: String,
    dry_run: bool,
    /// What became of each field.
    fields: Vec<Fate>,
    /// The object.
    object: ZkMigration,
    message: String,
}

pub(super) async fn run(args: &StartArgs, shutdown: &Shutdown) -> Result<u8, Error> {
    let planned = plan(args)?;
    let cluster = args.at.connect().await?;
    let name = planned.object.metadata.name.clone().unwrap_or_default();
    let created = cluster
        .migrations()
        .create(&cluster.creation(args.dry_run), &planned.object)
        .await;
    let created = created.map_err(|error| Error::of(format!("make ZkMigration {name}"), &error))?;
    if let Some(secret) = planned.alert_secret(&created) {
        keep(&cluster, &secret, args.dry_run, &name).await?;
    }
    let started = Started {
        message: says(&name, &cluster.namespace, args.dry_run),
        migration_id: name.clone(),
        namespace: cluster.namespace.clone(),
        dry_run: args.dry_run,
        fields: planned.fates,
        object: planned.object,
    };
    print(args.output, &started, text).map_err(|error| Error::Print(error.to_string()))?;
    if args.watch {
        return watch::follow(&cluster, &name, args.output, shutdown, watch::needs_person).await;
    }
    Ok(exit::OK)
}

fn says(name: &str, namespace: &str, dry_run: bool) -> String {
    if dry_run {
        format!("{name}: the API server takes it; nothing was made (--dry-run)")
    } else {
        format!(
            "{name}: made; to follow it: mesos-migrate status --migration-id={name} -n {namespace} --watch"
        )
    }
}

fn text(started: &Started) -> String {
    let mut text = table::fates(&started.fields);
    if started.dry_run {
        text += "\n";
        text += &serde_saphyr::to_string(&started.object).unwrap_or_default();
    }
    text + &format!("{}\n", started.message)
}

/// The object that the arguments describe.
fn plan(args: &StartArgs) -> Result<Planned, Error> {
    let given = Overrides {
        name: args.name.clone(),
        source_cluster: args.source_cluster.clone(),
        source_zookeeper: args.source_zk.clone(),
        target_zookeeper: args.target_zk.clone(),
        target_exists: args.target_zk_exists,
        node_agent_port: args.node_agent_port,
        agent_strategy: args.agent_strategy.clone(),
    };
    let Some(path) = &args.config else {
        return Ok(Document::default().with(given).plan()?);
    };
    let unreadable = |problem: String| Error::ReadFile {
        path: path.clone(),
        problem,
    };
    let text = read(path).map_err(|error| unreadable(error.to_string()))?;
    let kind: Kind = serde_saphyr::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
    if kind.kind.as_deref() == Some("ZkMigration") {
        if given != Overrides::default() {
            return Err(Error::Usage(format!(
                "{} is a whole ZkMigration: change it there, flags beside it are not mixed in",
                path.display()
            )));
        }
        let object = serde_saphyr::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
        return Ok(Planned {
            object,
            secrets: BTreeMap::new(),
            fates: Vec::new(),
        });
    }
    let file: DocumentFile = serde_saphyr::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
    Ok(file.migration.with(given).plan()?)
}

/// Tells a manifest from a document.
#[derive(serde::Deserialize)]
struct Kind {
    kind: Option<String>,
}

fn read(path: &Path) -> std::io::Result<String> {
    if path == Path::new("-") {
        return std::io::read_to_string(std::io::stdin());
    }
    std::fs::read_to_string(path)
}

async fn keep(cluster: &Cluster, secret: &Secret, dry_run: bool, migration: &str) -> Result<(), Error> {
    let secrets: Api<Secret> = Api::namespaced(cluster.client.clone(), &cluster.namespace);
    let made = secrets.create(&cluster.creation(dry_run), secret).await;
    let name = secret.metadata.name.as_deref().unwrap_or_default();
    made.map_err(|error| {
        let done = if dry_run {
            ""
        } else {
            "; the migration was made, and its alerts reach nobody until that Secret is there"
        };
        Error::of(
            format!("keep the secrets of {migration} in Secret {name}{done}"),
            &error,
        )
    })?;
    Ok(())
}
