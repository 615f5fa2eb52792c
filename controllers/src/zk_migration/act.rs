//! Does what the machine decided. Each effect may be done twice.

use super::machine::Effect;
use super::{Error, probe};
use crate::key::ObjectKey;
use crate::report::Stored;
use kube::Client;
use mesolith_crds::v1alpha1::mesos_cluster::ClusterForm;
use mesolith_crds::v1alpha1::{MesosCluster, ZkMigration};
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
            shape(client, cluster, Some(&form)).await
        }
        Effect::Unshape => {
            tracing::info!("the cluster is its spec again");
            shape(client, cluster, None).await
        }
        Effect::StartProbe(agents) => probe::start(client, object, cluster, &agents).await,
        Effect::EndProbe => probe::end(client, object).await,
    }
}

async fn shape(client: &Client, cluster: &MesosCluster, form: Option<&ClusterForm>) -> Result<(), Error> {
    let key = ObjectKey::of(cluster);
    let Some(stored) = Stored::read::<MesosCluster>(client, &key)
        .await
        .map_err(Error::ReadCluster)?
    else {
        return Ok(()); // the next look says that it is gone
    };
    let generation = |status: &Value| status.pointer("/form/generation").cloned();
    if generation(&stored.status) != generation(&json(&cluster.status)?) {
        return Ok(()); // decided on an older form; the next look decides again
    }
    let mut after = stored.status.clone();
    // Null takes the field away.
    after["form"] = json(&form)?;
    stored.write(client, &after).await.map_err(Error::WriteForm)?;
    Ok(())
}

fn json(value: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(value).map_err(|error| Error::WriteForm(kube::Error::SerdeError(error)))
}
