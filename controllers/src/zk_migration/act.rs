//! Does what the machine decided. Each effect may be done twice.

use super::machine::Effect;
use super::{Error, probe};
use crate::key::ObjectKey;
use crate::report::Stored;
use kube::Client;
use mesolith_crds::v1alpha1::{MesosCluster, MesosClusterStatus, ZkMigration};
use serde::Serialize;
use serde_json::Value;

/// Does it. The cluster's status is written at the version that was looked at: a decision about an older one is
/// refused with a conflict.
pub(super) async fn act(
    client: &Client,
    object: &ZkMigration,
    cluster: &MesosCluster,
    effect: Effect,
) -> Result<(), Error> {
    match effect {
        Effect::Shape(form) => {
            tracing::info!(
                generation = form.generation,
                phase = form.phase.as_str(),
                "the cluster's form changes"
            );
            write(client, cluster, |status| {
                status["form"] = json(&form)?;
                Ok(())
            })
            .await
        }
        Effect::Unshape => {
            tracing::info!("the cluster is its spec again");
            release(client, cluster).await
        }
        Effect::StartProbe(agents) => probe::start(client, object, cluster, &agents).await,
        Effect::EndProbe => probe::end(client, object).await,
    }
}

/// Fields of the status that go or change with the form.
const RELEASED: [&str; 8] = [
    "form",
    "sides",
    "observedForm",
    "secondComponents",
    "zookeeperIds",
    "targetZookeeperIds",
    "manifestToApply",
    "conditions",
];

/// Takes the form away; after a migration that is through, the cluster's own components are those of side B from now on.
async fn release(client: &Client, cluster: &MesosCluster) -> Result<(), Error> {
    write(client, cluster, |status| {
        let mut typed: MesosClusterStatus = serde_json::from_value(status.clone()).map_err(failed)?;
        typed.release();
        let after = json(&typed)?;
        for field in RELEASED {
            // Null takes the field away.
            status[field] = after.get(field).cloned().unwrap_or_default();
        }
        Ok(())
    })
    .await
}

/// Changes the cluster's status, unless form or spec have changed since they were looked at.
async fn write(
    client: &Client,
    cluster: &MesosCluster,
    change: impl FnOnce(&mut Value) -> Result<(), Error>,
) -> Result<(), Error> {
    let key = ObjectKey::of(cluster);
    let Some(stored) = Stored::read::<MesosCluster>(client, &key)
        .await
        .map_err(Error::ReadCluster)?
    else {
        return Ok(()); // the next look says that it is gone
    };
    let generation = |status: &Value| status.pointer("/form/generation").cloned();
    let same_form = generation(&stored.status) == generation(&json(&cluster.status)?);
    if !same_form || stored.generation != cluster.metadata.generation {
        return Ok(()); // decided on an older cluster; the next look decides again
    }
    let mut after = stored.status.clone();
    change(&mut after)?;
    stored.write(client, &after).await.map_err(Error::WriteForm)?;
    Ok(())
}

fn json(value: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(value).map_err(failed)
}

fn failed(error: serde_json::Error) -> Error {
    Error::WriteForm(kube::Error::SerdeError(error))
}
