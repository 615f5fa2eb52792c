//! The probe: one small task on an agent of cluster B, which proves that its agents run tasks.
//!
//! It is a MarathonApp like any other, so that it takes the whole way from the object to the process. Cluster B's agents may
//! be on the same machines as cluster A's and have their attributes, so neither host name nor attribute tells them apart:
//! the app names agents by id (`@agent`). It belongs to the migration and goes with it.

use super::Error;
use super::machine::{Probe, wait};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Client, Resource, ResourceExt};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::{MarathonApp, MesosCluster, ZkMigration};
use serde_json::{Value, json};

/// Agents that are named, as many as a constraint has room for: one of them may go away.
const NAMED: usize = 5;
/// The label of what belongs to a migration, with its uid.
const LABEL: &str = "mesolith.io/migration";
/// Longest name of an object.
const LONGEST: usize = 253;

/// The app's name, in the namespace of the migration, to which it belongs.
fn name(object: &ZkMigration) -> String {
    const SUFFIX: &str = "-probe";
    let mut name = object.name_any();
    name.truncate(LONGEST - SUFFIX.len());
    name + SUFFIX
}

fn api(client: &Client, object: &ZkMigration) -> Api<MarathonApp> {
    Api::namespaced(client.clone(), &object.namespace().unwrap_or_default())
}

/// How the probe stands; `target` are the agents of cluster B. `None` when the API server does not say.
pub(super) async fn look(client: &Client, object: &ZkMigration, target: &[String]) -> Option<Probe> {
    let found = api(client, object).get_opt(&name(object)).await.ok()?;
    Some(stands(found.as_ref(), object, target))
}

fn stands(found: Option<&MarathonApp>, object: &ZkMigration, target: &[String]) -> Probe {
    let Some(app) = found else {
        return Probe::Absent;
    };
    if !is_ours(app, object) {
        return Probe::Blocked(wait(
            Reason::ProbeNameTaken,
            format!(
                "MarathonApp {} is in the way of the probe task: delete it, or give it another name",
                app.name_any()
            ),
        ));
    }
    if app.metadata.deletion_timestamp.is_some() {
        return Probe::Ends;
    }
    let status = app.status.clone().unwrap_or_default();
    let is_target = |id: &Option<String>| id.as_ref().is_some_and(|id| target.contains(id));
    let running = |state: &str| state == "TASK_RUNNING";
    if status
        .instance_list
        .iter()
        .any(|instance| running(&instance.state) && is_target(&instance.agent_id))
    {
        return Probe::Runs;
    }
    let pinned = pinned(app);
    if !pinned.iter().any(|id| target.contains(id)) {
        return Probe::Misplaced;
    }
    let failure = status.last_task_failure.as_ref();
    let (reason, why) = match (failure, &status.waiting) {
        (Some(failure), _) => (
            Reason::ProbeFailed,
            format!("its task failed: {}", failure.message),
        ),
        (None, Some(waiting)) => (
            Reason::WaitingForProbe,
            format!("{}: {}", waiting.reason, waiting.message),
        ),
        (None, None) => (Reason::WaitingForProbe, "it is being started".to_owned()),
    };
    Probe::Waits(wait(
        reason,
        format!(
            "the probe task (MarathonApp {}) does not run yet: {why}",
            app.name_any()
        ),
    ))
}

fn is_ours(app: &MarathonApp, object: &ZkMigration) -> bool {
    let owners = app.metadata.owner_references.iter().flatten();
    let uid = object.uid().unwrap_or_default();
    owners.into_iter().any(|owner| owner.uid == uid)
}

/// The agents that the app may run on.
fn pinned(app: &MarathonApp) -> Vec<String> {
    let constraint = app.spec.constraints.first();
    let expression = constraint
        .and_then(|parts| parts.get(2))
        .map_or("", String::as_str);
    expression.split('|').map(str::to_owned).collect()
}

/// Starts it on one of these agents, or moves it there.
pub(super) async fn start(
    client: &Client,
    object: &ZkMigration,
    cluster: &MesosCluster,
    agents: &[String],
) -> Result<(), Error> {
    let api = api(client, object);
    let wanted = app(object, cluster, agents);
    match api.get_opt(&name(object)).await.map_err(Error::WriteProbe)? {
        Some(found) if is_ours(&found, object) => {
            let patch = json!({"spec": {"constraints": wanted["spec"]["constraints"]}});
            let patched = api
                .patch(&name(object), &PatchParams::default(), &Patch::Merge(patch))
                .await;
            patched.map(drop).map_err(Error::WriteProbe)
        }
        Some(_) => Ok(()), // the next look says that the name is taken
        None => {
            let wanted = serde_json::from_value(wanted).map_err(kube::Error::SerdeError);
            let wanted: MarathonApp = wanted.map_err(Error::WriteProbe)?;
            tracing::info!(app = wanted.name_any(), "the probe task is started");
            let made = api.create(&PostParams::default(), &wanted).await;
            made.map(drop).map_err(Error::WriteProbe)
        }
    }
}

/// Ends it. Its finalizer keeps the object until the task has ended.
pub(super) async fn end(client: &Client, object: &ZkMigration) -> Result<(), Error> {
    let api = api(client, object);
    let found = api.get_opt(&name(object)).await.map_err(Error::WriteProbe)?;
    let Some(found) = found.filter(|found| is_ours(found, object)) else {
        return Ok(());
    };
    let only_this = DeleteParams {
        preconditions: Some(Preconditions {
            uid: found.uid(),
            resource_version: None,
        }),
        ..DeleteParams::background()
    };
    tracing::info!(app = found.name_any(), "the probe task is ended");
    match api.delete(&found.name_any(), &only_this).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(Error::WriteProbe(error)),
    }
}

fn app(object: &ZkMigration, cluster: &MesosCluster, agents: &[String]) -> Value {
    let named: Vec<&str> = agents.iter().take(NAMED).map(String::as_str).collect();
    let uid = object.uid().unwrap_or_default();
    let owner = object.controller_owner_ref(&());
    json!({
        "apiVersion": MarathonApp::api_version(&()), "kind": MarathonApp::kind(&()),
        "metadata": {
            "name": name(object), "namespace": object.namespace(),
            "labels": {LABEL: uid}, "ownerReferences": owner.into_iter().collect::<Vec<_>>(),
        },
        "spec": {
            "id": format!("/mesolith-probe/{uid}"),
            "clusterRef": {"name": cluster.name_any(), "namespace": cluster.namespace()},
            "cmd": "exec sleep 86400", "cpus": 0.01, "mem": 16, "portDefinitions": [],
            "constraints": [["@agent", "LIKE", named.join("|")]],
            "labels": {LABEL: uid},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesolith_crds::v1alpha1::marathon_app::{InstanceStatus, LastTaskFailure, WaitingStatus};
    use mesolith_crds::v1alpha1::{MesosClusterSpec, ZkMigrationSpec};

    fn migration() -> ZkMigration {
        let mut object = ZkMigration::new("move", ZkMigrationSpec::default());
        object.metadata.uid = Some("u-1".to_owned());
        object.metadata.namespace = Some("ops".to_owned());
        object
    }

    fn made(agents: &[&str]) -> MarathonApp {
        let agents: Vec<String> = agents.iter().map(|id| (*id).to_owned()).collect();
        let mut cluster = MesosCluster::new("prod", MesosClusterSpec::default());
        cluster.metadata.namespace = Some("mesos".to_owned());
        serde_json::from_value(app(&migration(), &cluster, &agents)).unwrap()
    }

    fn seen(app: Option<&MarathonApp>, target: &[&str]) -> Probe {
        let target: Vec<String> = target.iter().map(|id| (*id).to_owned()).collect();
        stands(app, &migration(), &target)
    }

    fn reason(probe: Probe) -> String {
        match probe {
            Probe::Waits(waiting) | Probe::Blocked(waiting) => waiting.reason,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn it_belongs_to_the_migration_and_names_its_cluster_and_agents() {
        let app = made(&["x-S1", "x-S2"]);
        assert_eq!(
            (app.name_any(), app.namespace().as_deref()),
            ("move-probe".to_owned(), Some("ops"))
        );
        assert!(is_ours(&app, &migration()));
        let cluster = app.spec.cluster_ref.as_ref().unwrap();
        assert_eq!(
            (cluster.name.as_str(), cluster.namespace.as_deref()),
            ("prod", Some("mesos"))
        );
        assert_eq!(
            app.spec.constraints,
            [["@agent", "LIKE", "x-S1|x-S2"].map(str::to_owned).to_vec()]
        );
        // Five ids of the longest kind fit into a constraint.
        let id = "ffffffff-ffff-ffff-ffff-ffffffffffff-S99999";
        assert!(made(&[id; 9]).spec.constraints[0][2].len() <= 256);
    }

    #[test]
    fn how_it_stands() {
        assert_eq!(seen(None, &["S1"]), Probe::Absent);
        let mut app = made(&["S1"]);
        assert_eq!(reason(seen(Some(&app), &["S1"])), "WaitingForProbe");
        assert_eq!(seen(Some(&app), &["S2"]), Probe::Misplaced, "its agent is gone");
        let running = |id: &str| InstanceStatus {
            state: "TASK_RUNNING".to_owned(),
            agent_id: Some(id.to_owned()),
            ..InstanceStatus::default()
        };
        app.status = Some(Default::default());
        let status = app.status.as_mut().unwrap();
        status.instance_list = vec![running("S1")];
        assert_eq!(seen(Some(&app), &["S1"]), Probe::Runs);
        assert_eq!(seen(Some(&app), &["S2"]), Probe::Misplaced);
        let status = app.status.as_mut().unwrap();
        status.instance_list[0].state = "TASK_STAGING".to_owned();
        status.waiting = Some(WaitingStatus {
            reason: "InsufficientResources".to_owned(),
            message: "no room".to_owned(),
            ..WaitingStatus::default()
        });
        let waits = seen(Some(&app), &["S1"]);
        assert!(
            matches!(&waits, Probe::Waits(waiting) if waiting.message.ends_with("InsufficientResources: no room"))
        );
        app.status.as_mut().unwrap().last_task_failure = Some(LastTaskFailure::default());
        assert_eq!(reason(seen(Some(&app), &["S1"])), "ProbeFailed");
        app.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
            jiff::Timestamp::UNIX_EPOCH,
        ));
        assert_eq!(seen(Some(&app), &["S1"]), Probe::Ends);
        let mut foreign = made(&["S1"]);
        foreign.metadata.owner_references = None;
        assert_eq!(reason(seen(Some(&foreign), &["S1"])), "ProbeNameTaken");
    }
}
