//! Keeps what is known of the MesosClusters from a watch, so that a reconcile reads nothing from the API server, which may
//! be down.

use super::clusters;
use super::frameworks::Frameworks;
use crate::key::ObjectKey;
use futures::{StreamExt, TryStreamExt};
use kube::core::DeserializeGuard;
use kube::{Api, Client};
use kube_runtime::WatchStreamExt;
use kube_runtime::watcher::{self, Event};
use mesolith_crds::v1alpha1::MesosCluster;
use std::collections::BTreeMap;

/// Follows all MesosClusters; apps are triggered when something they depend on changes.
pub(super) async fn run(client: Client, frameworks: Frameworks) {
    let api: Api<DeserializeGuard<MesosCluster>> = Api::all(client);
    let mut fresh = BTreeMap::new();
    let mut events = watcher::watcher(api, watcher::Config::default())
        .default_backoff()
        .boxed();
    loop {
        match events.try_next().await {
            Ok(Some(Event::Init)) => fresh.clear(),
            Ok(Some(Event::InitApply(cluster))) => {
                if let Some(facts) = clusters::facts(&cluster) {
                    fresh.insert(facts.key.clone(), facts);
                }
            }
            Ok(Some(Event::InitDone)) => frameworks.set_clusters(std::mem::take(&mut fresh)),
            Ok(Some(Event::Apply(cluster))) => {
                if let Some(facts) = clusters::facts(&cluster) {
                    frameworks.set_cluster(facts);
                }
            }
            Ok(Some(Event::Delete(cluster))) => frameworks.remove_cluster(&ObjectKey::of(&cluster)),
            Ok(None) => return,
            Err(error) => tracing::warn!(
                error = crate::outcome::chain(&error),
                "failed to watch MesosClusters"
            ),
        }
    }
}
