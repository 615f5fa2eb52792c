//! The schedulers, one for each MesosCluster with apps.
//!
//! They belong to the process, not to a term as leader: while the API server is down nobody can lead, but the apps must
//! go on. An operator that really takes over also takes the subscription.

use super::clusters::{self, ClusterFacts, ClusterKey, Resolution};
use super::error::Error;
use crate::report::Stored;
use crate::scheduler::{AppKey, Scheduler, Settings};
use kube::Client;
use mesolith_crds::v1alpha1::MesosCluster;
use mesolith_crds::v1alpha1::marathon_app::ClusterRef;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::mpsc;

/// Shared by all terms.
#[derive(Clone)]
pub(crate) struct Frameworks {
    inner: Arc<Mutex<Inner>>,
    triggers: mpsc::UnboundedSender<AppKey>,
    triggered: Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<AppKey>>>,
}

#[derive(Default)]
struct Inner {
    /// `None` until they have been read once.
    clusters: Option<BTreeMap<ClusterKey, ClusterFacts>>,
    running: BTreeMap<ClusterKey, Running>,
    apps: BTreeSet<AppKey>,
}

struct Running {
    uid: String,
    framework: String,
    scheduler: Arc<Scheduler>,
}

impl Default for Frameworks {
    fn default() -> Self {
        let (triggers, triggered) = mpsc::unbounded_channel();
        Self {
            inner: Arc::default(),
            triggers,
            triggered: Arc::new(tokio::sync::Mutex::new(triggered)),
        }
    }
}

impl Frameworks {
    /// Ends all schedulers and forgets what they were told: another operator leads, and its apps may be newer.
    pub(crate) fn end(&self) {
        let mut inner = self.lock();
        if !inner.running.is_empty() {
            tracing::info!("another replica leads: leaving its frameworks to it");
        }
        *inner = Inner::default();
    }

    /// The next app to reconcile.
    pub(super) async fn next_trigger(&self) -> Option<AppKey> {
        self.triggered.lock().await.recv().await
    }

    /// Which cluster an app means; from now on the app is told when clusters change.
    pub(super) fn resolve(
        &self,
        app: &AppKey,
        wanted: Option<&ClusterRef>,
        bound: Option<&str>,
    ) -> Resolution {
        let mut inner = self.lock();
        inner.apps.insert(app.clone());
        match &inner.clusters {
            Some(clusters) => clusters::resolve(clusters, &app.namespace, wanted, bound),
            None => Resolution::Unknown,
        }
    }

    /// Clusters on which a framework has been started, with its id.
    pub(super) fn with_framework(&self) -> Vec<(ClusterFacts, String)> {
        let inner = self.lock();
        let clusters = inner.clusters.iter().flat_map(BTreeMap::values);
        clusters
            .filter_map(|facts| Some((facts.clone(), facts.framework.clone()?)))
            .collect()
    }

    /// The framework id of a cluster. It is put on record before it is used, since tasks are found again through it.
    pub(super) async fn on_record(&self, client: &Client, cluster: &ClusterFacts) -> Result<String, Error> {
        let running = self
            .lock()
            .running
            .get(&cluster.key)
            .map(|r| (r.uid.clone(), r.framework.clone()));
        match (&cluster.framework, running) {
            (Some(id), _) => Ok(id.clone()),
            // The id was written a moment ago; the watch has not brought it yet.
            (None, Some((uid, id))) if uid == cluster.uid => Ok(id),
            (None, _) => write_id(client, cluster).await,
        }
    }

    /// Puts a new id on record after the master has refused the old one for ever.
    pub(super) async fn renew(&self, client: &Client, cluster: &ClusterFacts) -> Result<(), Error> {
        tracing::warn!(
            cluster = cluster.key.name,
            "the framework was removed: subscribing as a new one"
        );
        let id = write_id(client, cluster).await?;
        let mut inner = self.lock();
        inner.running.remove(&cluster.key);
        if let Some(facts) = inner
            .clusters
            .as_mut()
            .and_then(|clusters| clusters.get_mut(&cluster.key))
        {
            facts.framework = Some(id);
        }
        drop(inner);
        self.trigger_all();
        Ok(())
    }

    /// The scheduler of a cluster, started when there is none.
    pub(super) fn scheduler(
        &self,
        cluster: &ClusterFacts,
        framework: String,
        hostname: &str,
    ) -> Result<Arc<Scheduler>, reqwest::Error> {
        let mut inner = self.lock();
        let scheduler = match inner.running.get(&cluster.key) {
            Some(running) if running.uid == cluster.uid && running.framework == framework => {
                running.scheduler.clone()
            }
            _ => {
                let settings = Settings {
                    framework_id: framework.clone(),
                    hostname: hostname.to_owned(),
                };
                let scheduler = Arc::new(Scheduler::start(settings, self.triggers.clone())?);
                let running = Running {
                    uid: cluster.uid.clone(),
                    framework,
                    scheduler: scheduler.clone(),
                };
                inner.running.insert(cluster.key.clone(), running);
                scheduler
            }
        };
        scheduler.masters(cluster.masters.clone());
        scheduler.leaving(cluster.leaving.clone());
        scheduler.leaving_later(cluster.leaving_later.clone());
        Ok(scheduler)
    }

    /// The scheduler of a cluster, if it runs.
    pub(super) fn running(&self, cluster: &ClusterKey) -> Option<Arc<Scheduler>> {
        self.lock()
            .running
            .get(cluster)
            .map(|running| running.scheduler.clone())
    }

    /// Forgets an app whose object is gone.
    pub(super) fn forget(&self, app: &AppKey) {
        let mut inner = self.lock();
        inner.apps.remove(app);
        for running in inner.running.values() {
            running.scheduler.forget(app.clone());
        }
    }

    /// Takes in all clusters, as just read.
    pub(super) fn set_clusters(&self, clusters: BTreeMap<ClusterKey, ClusterFacts>) {
        let mut inner = self.lock();
        inner
            .running
            .retain(|key, running| clusters.get(key).is_some_and(|facts| facts.uid == running.uid));
        let changed = inner.clusters.as_ref() != Some(&clusters);
        inner.clusters = Some(clusters);
        drop(inner);
        if changed {
            self.trigger_all();
        }
    }

    /// Takes in a cluster that is new or has changed.
    pub(super) fn set_cluster(&self, facts: ClusterFacts) {
        let mut inner = self.lock();
        let before = inner
            .clusters
            .get_or_insert_default()
            .insert(facts.key.clone(), facts.clone());
        if let Some(running) = inner.running.get(&facts.key) {
            running.scheduler.masters(facts.masters.clone());
            running.scheduler.leaving(facts.leaving.clone());
            running.scheduler.leaving_later(facts.leaving_later.clone());
        }
        drop(inner);
        if before.as_ref() != Some(&facts) {
            self.trigger_all();
        }
    }

    /// Forgets a cluster that is gone, and ends its scheduler.
    pub(super) fn remove_cluster(&self, key: &ClusterKey) {
        let mut inner = self.lock();
        if let Some(clusters) = &mut inner.clusters {
            clusters.remove(key);
        }
        inner.running.remove(key);
        drop(inner);
        self.trigger_all();
    }

    fn trigger_all(&self) {
        let apps = self.lock().apps.clone();
        for app in apps {
            let _ = self.triggers.send(app);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// Puts a new framework id on record, unless another one than `cluster` knows of is there by now.
async fn write_id(client: &Client, cluster: &ClusterFacts) -> Result<String, Error> {
    let stored = Stored::read::<MesosCluster>(client, &cluster.key)
        .await
        .map_err(Error::WriteFrameworkId)?
        .filter(|stored| stored.uid.as_deref() == Some(&cluster.uid))
        .ok_or_else(|| Error::FindCluster(cluster.key.clone()))?;
    let present = stored.status.pointer("/marathon/frameworkId");
    match present.and_then(serde_json::Value::as_str) {
        Some(id) if cluster.framework.as_deref() != Some(id) => return Ok(id.to_owned()),
        Some(_) | None => {}
    }
    let id = format!("{}-marathon", uuid::Uuid::new_v4());
    let mut status = stored.status.clone();
    status["marathon"]["frameworkId"] = serde_json::json!(id);
    stored
        .write(client, &status)
        .await
        .map_err(Error::WriteFrameworkId)?;
    Ok(id)
}
