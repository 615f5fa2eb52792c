//! Apps of a cluster that is being deleted: they are not deleted with it, so an event names them.

use crate::report::{Event, Reporter};
use kube::api::{Api, ListParams};
use kube::core::DeserializeGuard;
use kube::{Client, Resource, ResourceExt};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::{MarathonApp, MesosCluster};

/// Most apps that an event names.
const NAMED: usize = 5;

/// Publishes one event with the apps that still point to the cluster. If that fails, the deletion goes on.
pub(super) async fn say_who_is_left(cluster: &MesosCluster, client: &Client, reporter: &Reporter) {
    let api: Api<DeserializeGuard<MarathonApp>> = Api::all(client.clone());
    let all = match api.list(&ListParams::default()).await {
        Ok(all) => all,
        Err(error) => {
            tracing::warn!(
                error = crate::outcome::chain(&error),
                "failed to list MarathonApps"
            );
            return;
        }
    };
    let apps = all.items.iter().filter_map(|app| app.0.as_ref().ok());
    let names: Vec<String> = apps
        .filter(|app| points_to(app, cluster))
        .map(|app| format!("{}/{}", app.namespace().unwrap_or_default(), app.name_any()))
        .collect();
    if let Some(note) = sentence(&names) {
        let event = Event {
            related: None,
            reason: Reason::AppsWithoutCluster,
            action: "Delete",
            note: &note,
        };
        reporter.publish(&cluster.object_ref(&()), event).await;
    }
}

/// Whether an app runs on the cluster, or names it and runs nowhere. An app that is being deleted itself does not count.
fn points_to(app: &MarathonApp, cluster: &MesosCluster) -> bool {
    let here = (cluster.namespace().unwrap_or_default(), cluster.name_any());
    let named = app.spec.cluster_ref.as_ref().map(|wanted| {
        let namespace = wanted.namespace.clone().or_else(|| app.namespace());
        (namespace.unwrap_or_default(), wanted.name.clone())
    });
    let status = app.status.as_ref();
    let runs_on = status.and_then(|status| {
        let (namespace, name) = status.cluster.as_deref()?.split_once('/')?;
        Some((namespace.to_owned(), name.to_owned()))
    });
    app.metadata.deletion_timestamp.is_none() && runs_on.or(named) == Some(here)
}

fn sentence(names: &[String]) -> Option<String> {
    let first = names[..names.len().min(NAMED)].join(", ");
    let (subject, whose) = match names.len() {
        0 => return None,
        1 => (format!("MarathonApp {first} is"), "its"),
        n if n > NAMED => (
            format!("MarathonApps {first} and {} more are", n - NAMED),
            "their",
        ),
        _ => (format!("MarathonApps {first} are"), "their"),
    };
    Some(format!(
        "{subject} still on this cluster: {whose} tasks are stopped with it. To run on another cluster, delete the app \
         and make a new one."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::named(json!({"name": "prod"}), None, true)]
    #[case::named_elsewhere(json!({"name": "prod", "namespace": "b"}), None, false)]
    #[case::another(json!({"name": "test"}), Some("a/prod"), true)]
    #[case::named_but_runs_elsewhere(json!({"name": "prod"}), Some("a/test"), false)]
    #[case::runs_there(json!(null), Some("a/prod"), true)]
    #[case::runs_elsewhere(json!(null), Some("b/prod"), false)]
    #[case::nowhere(json!(null), None, false)]
    fn which_apps_are_told_of(
        #[case] wanted: serde_json::Value,
        #[case] runs_on: Option<&str>,
        #[case] told: bool,
    ) {
        let cluster = serde_json::from_value(json!({
            "apiVersion": "mesolith.io/v1alpha1", "kind": "MesosCluster",
            "metadata": {"name": "prod", "namespace": "a"},
            "spec": super::super::fixtures::three_nodes(),
        }));
        let app = serde_json::from_value(json!({
            "apiVersion": "mesolith.io/v1alpha1", "kind": "MarathonApp",
            "metadata": {"name": "web", "namespace": "a"},
            "spec": {"cmd": "true", "clusterRef": wanted}, "status": {"cluster": runs_on},
        }));
        assert_eq!(points_to(&app.unwrap(), &cluster.unwrap()), told);
    }

    #[test]
    fn a_sentence_names_some() {
        let names: Vec<String> = (1..=7).map(|n| format!("a/{n}")).collect();
        assert_eq!(sentence(&[]), None);
        assert!(
            sentence(&names[..1])
                .unwrap()
                .starts_with("MarathonApp a/1 is still")
        );
        let many = sentence(&names).unwrap();
        assert!(
            many.starts_with("MarathonApps a/1, a/2, a/3, a/4, a/5 and 2 more are still"),
            "{many}"
        );
    }
}
