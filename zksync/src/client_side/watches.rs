//! Keeps the watches: one for each root, or one for each node and kind.
//!
//! Persistent watches are set anew with every connection, because the client loses them without a word when it
//! connects again. One-shot watches survive that: client and server keep them. Each is set by a read and used up by
//! its event. No watch is ever removed: servers of 3.4 cannot do that and close the connection.

use std::collections::HashSet;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::time::timeout;
use zookeeper_client::{AddWatchMode, Client, EventType, OneshotWatcher, PersistentWatcher, WatchedEvent};

use super::read::{Arm, Reading, Want};
use super::roots::Roots;
use crate::side::Capture;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Data,
    Children,
}

#[derive(Default)]
pub(super) struct Watches {
    recursive: Vec<PersistentWatcher>,
    one_shot: FuturesUnordered<BoxFuture<'static, (Kind, Box<str>, WatchedEvent)>>,
    data: HashSet<Box<str>>,
    children: HashSet<Box<str>>,
}

impl std::fmt::Debug for Watches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (recursive, data, children) = (self.recursive.len(), self.data.len(), self.children.len());
        write!(f, "Watches({recursive}, {data}, {children})")
    }
}

impl Watches {
    /// Sets the watches of a new connection.
    pub(super) async fn renew(
        &mut self,
        capture: Capture,
        client: &Client,
        roots: &Roots,
        limit: Duration,
    ) -> Result<(), String> {
        if capture != Capture::Recursive {
            return Ok(());
        }
        let mut new = Vec::new();
        for root in roots.paths() {
            let watch = client.watch(root, AddWatchMode::PersistentRecursive);
            match timeout(limit, watch).await {
                Ok(Ok(watcher)) => new.push(watcher),
                Ok(Err(error)) => return Err(error.to_string()),
                Err(_) => return Err(format!("no answer within {} s", limit.as_secs())),
            }
        }
        // The old watches are dropped after the new ones are set; otherwise the client would remove the watch on the
        // server.
        self.recursive = new;
        Ok(())
    }

    /// Which watches a read has to set.
    pub(super) fn arm(&self, capture: Capture, path: &str) -> Arm {
        let all = capture == Capture::OneShot;
        Arm {
            data: all && !self.data.contains(path),
            children: all && !self.children.contains(path),
        }
    }

    /// Children without a watch of their own, such as those that this link has created.
    pub(super) fn unwatched(&self, capture: Capture, path: &str, children: &[String]) -> Vec<String> {
        if capture != Capture::OneShot {
            return Vec::new();
        }
        let above = path.trim_end_matches('/');
        let paths = children.iter().map(|name| format!("{above}/{name}"));
        paths
            .filter(|child| !self.data.contains(child.as_str()))
            .collect()
    }

    /// Keeps the watches that a read has set.
    pub(super) fn keep(&mut self, reading: &mut Reading) {
        if let Some(watch) = reading.data_watch.take() {
            self.data.insert(reading.path.clone());
            self.wait(Kind::Data, reading.path.clone(), watch);
        }
        if let Some(watch) = reading.children_watch.take() {
            self.children.insert(reading.path.clone());
            self.wait(Kind::Children, reading.path.clone(), watch);
        }
    }

    fn wait(&mut self, kind: Kind, path: Box<str>, watch: OneshotWatcher) {
        self.one_shot
            .push(Box::pin(async move { (kind, path, watch.changed().await) }));
    }

    /// Waits for events, and returns the nodes that have to be read because of them.
    pub(super) async fn fired(&mut self) -> Vec<(Box<str>, Want)> {
        tokio::select! {
            event = recursive(&mut self.recursive) => match event {
                Some(event) => wanted(&event),
                // The session is over, and with it its watches.
                None => {
                    self.recursive.clear();
                    Vec::new()
                }
            },
            Some((kind, path, event)) = self.one_shot.next() => {
                let is_gone = event.event_type == EventType::NodeDeleted;
                let want = match kind {
                    Kind::Data => {
                        self.data.remove(&path);
                        if is_gone { Want::ALL } else { Want::DATA }
                    }
                    Kind::Children => {
                        self.children.remove(&path);
                        Want::CHILDREN
                    }
                };
                match event.event_type {
                    EventType::Session => Vec::new(),
                    _ => vec![(path, want)],
                }
            }
            else => std::future::pending().await,
        }
    }
}

/// The next event of any watcher; `None` when one of them has ended.
async fn recursive(watchers: &mut [PersistentWatcher]) -> Option<WatchedEvent> {
    poll_fn(|cx| {
        for watcher in &mut *watchers {
            if let Poll::Ready(event) = pin!(watcher.changed()).poll(cx) {
                let over = event.event_type == EventType::Session && event.session_state.is_terminated();
                return Poll::Ready((!over).then_some(event));
            }
        }
        Poll::Pending
    })
    .await
}

/// The nodes to read after an event. A create or a delete changes the parent's counter as well, of which no event tells.
fn wanted(event: &WatchedEvent) -> Vec<(Box<str>, Want)> {
    let path: Box<str> = event.path.as_str().into();
    match event.event_type {
        EventType::NodeDataChanged => vec![(path, Want::DATA)],
        EventType::NodeCreated | EventType::NodeDeleted => {
            let above: Box<str> = match path.rsplit_once('/') {
                Some(("", _)) | None => "/".into(),
                Some((above, _)) => above.into(),
            };
            // The parent's counter has to be read together with the child.
            vec![(path, Want::NODE), (above, Want::STAT)]
        }
        EventType::NodeChildrenChanged => vec![(path, Want::CHILDREN)],
        EventType::Session => Vec::new(),
    }
}
