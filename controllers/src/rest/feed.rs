//! One watch of all migrations, shared by every stream.

use futures::StreamExt;
use kube::api::Api;
use kube::{Client, ResourceExt};
use kube_runtime::WatchStreamExt;
use kube_runtime::watcher::{Config, Event, watcher};
use mesolith_crds::v1alpha1::ZkMigration;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::broadcast;

/// Changes that a slow stream may be behind before it is shown everything anew.
const BEHIND: usize = 256;

/// Namespace and name.
type Key = (String, String);

/// What happened to a migration.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// It is new, or another than before.
    Applied(Arc<ZkMigration>),
    /// It is gone; this is how it was last.
    Deleted(Arc<ZkMigration>),
}

impl Change {
    pub(super) fn object(&self) -> &Arc<ZkMigration> {
        match self {
            Self::Applied(object) | Self::Deleted(object) => object,
        }
    }
}

/// All migrations as they were seen last, and the changes that come.
#[derive(Clone)]
pub(super) struct Feed {
    known: Arc<Mutex<BTreeMap<Key, Arc<ZkMigration>>>>,
    changes: broadcast::Sender<Change>,
}

impl Feed {
    /// A feed, and what follows the API server for it until it is dropped.
    pub(super) fn new(client: Client) -> (Self, impl Future<Output = ()>) {
        let feed = Self {
            known: Arc::default(),
            changes: broadcast::channel(BEHIND).0,
        };
        let follow = follow(feed.clone(), client);
        (feed, follow)
    }

    /// Everything that is known, and what changes from then on.
    pub(super) fn subscribe(&self) -> (Vec<Arc<ZkMigration>>, broadcast::Receiver<Change>) {
        let known = self.known.lock();
        (known.values().cloned().collect(), self.changes.subscribe())
    }

    fn apply(&self, object: ZkMigration) {
        let mut known = self.known.lock();
        let (key, object) = (key(&object), Arc::new(object));
        let before = known.insert(key, object.clone());
        if before.is_none_or(|before| before.resource_version() != object.resource_version()) {
            // Nobody may be listening.
            let _ = self.changes.send(Change::Applied(object));
        }
    }

    fn delete(&self, key: &Key) {
        let mut known = self.known.lock();
        if let Some(object) = known.remove(key) {
            let _ = self.changes.send(Change::Deleted(object));
        }
    }

    /// What is not listed any more was deleted while the watch was lost.
    fn keep(&self, listed: &BTreeSet<Key>) {
        let known: Vec<Key> = self.known.lock().keys().cloned().collect();
        for key in known.iter().filter(|key| !listed.contains(*key)) {
            self.delete(key);
        }
    }
}

fn key(object: &ZkMigration) -> Key {
    (object.namespace().unwrap_or_default(), object.name_any())
}

async fn follow(feed: Feed, client: Client) {
    let events = watcher(Api::<ZkMigration>::all(client), Config::default()).default_backoff();
    let mut events = std::pin::pin!(events);
    let mut listed = BTreeSet::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => listed.clear(),
            Ok(Event::InitApply(object)) => {
                listed.insert(key(&object));
                feed.apply(object);
            }
            Ok(Event::InitDone) => feed.keep(&listed),
            Ok(Event::Apply(object)) => feed.apply(object),
            Ok(Event::Delete(object)) => feed.delete(&key(&object)),
            // It is tried again, with back-off.
            Err(error) => {
                tracing::warn!(
                    error = crate::outcome::chain(&error),
                    "the watch of migrations was lost"
                );
            }
        }
    }
}
