//! Reads all nodes: at the beginning, after a lost connection, and from time to time.

use std::time::Duration;

use mesolith_zk::record::NodeStat;
use mesolith_zk::tree::Tree;
use tokio::time::{Instant, timeout};

use super::super::item::Item;
use super::super::read::{Arm, Want, read};
use super::super::shadow::Shadow;
use super::super::{Error, work::Work};
use super::Driver;
use super::replies::Reply;

/// Pause before a tree that could not be read as a whole is read again.
const READ_AGAIN: Duration = Duration::from_secs(5);

impl Driver {
    /// Sets the watches and begins to read all nodes into a new tree.
    pub(super) async fn begin(&mut self) -> Result<(), String> {
        self.up = true;
        let (capture, limit) = (self.config.capture, self.config.call_limit);
        let renewed = self
            .watches
            .renew(capture, &self.client, &self.roots, limit)
            .await;
        if let Err(cause) = renewed {
            if super::is_up(self.client.state()) {
                self.give(Item::Fail(Error::Watch { cause: cause.clone() }));
            }
            return Err(format!("no watch for all nodes: {cause}"));
        }
        if let Some(session) = self.own.keys().next_back() {
            self.sessions.name(&self.client, *session);
        }
        self.walk();
        Ok(())
    }

    fn walk(&mut self) {
        let mut tree = Tree::unfilled();
        // The root is always there. Its data is taken for empty, since clients cannot tell null from empty.
        let _ = tree.insert("", Some(b""), None, NodeStat::default());
        for (session, timeout) in self.kept() {
            tree.set_session(session, timeout);
        }
        self.work = Work::default();
        self.denied.clear();
        self.building = Some(Shadow::building(tree, self.roots.clone()));
        self.read_roots(true);
    }

    fn kept(&self) -> Vec<(i64, i32)> {
        let own = self.own.iter().map(|(session, timeout)| (*session, *timeout));
        self.sessions.list().chain(own).collect()
    }

    fn read_roots(&mut self, walk: bool) {
        for root in self.roots.paths() {
            self.work.add("/", Want::ALL, walk);
            let names = root.match_indices('/').skip(1).map(|(at, _)| &root[..at]);
            for above in names.chain([root]) {
                self.work.add(above, Want::ALL, walk);
            }
        }
    }

    /// Hands over the new tree once it is whole.
    pub(super) fn finish_walk(&mut self) {
        if !self.up || !self.work.has_walked() {
            return;
        }
        let Some(shadow) = self.building.take() else {
            return;
        };
        self.denied_news = false;
        if !self.denied.is_empty() {
            let error = self.unreadable();
            self.give(Item::Fail(error));
            self.timer = Some(Instant::now() + READ_AGAIN);
            return;
        }
        let kept = self.kept().into_iter().map(|(session, _)| session).collect();
        self.give(Item::Snapshot {
            tree: Box::new(shadow.tree),
            kept,
        });
        self.give(Item::UpToDate);
        self.ready = true;
        self.gate.open(self.link, self.back.clone());
        self.timer = self.config.resync.map(|resync| Instant::now() + resync);
    }

    pub(super) fn on_timer(&mut self) {
        self.timer = None;
        if self.ready {
            self.give(Item::List);
        } else if self.up {
            self.walk();
        }
    }

    /// Reads every node's stat, to compare it with the tree.
    pub(super) fn begin_look(&mut self, paths: Vec<Box<str>>) {
        self.looks = paths.into();
        self.read_roots(false);
        let denied: Vec<_> = self.denied.keys().cloned().collect();
        for path in denied {
            self.work.add(&path, Want::ALL, false);
        }
        self.look_over();
    }

    pub(super) fn look(&mut self, path: Box<str>) {
        self.looking += 1;
        let read = read(self.client.clone(), path, Want::ACL, Arm::default());
        self.send(async move { Reply::Looked(read.await) });
    }

    pub(super) fn look_over(&mut self) {
        if self.looks.is_empty() && self.looking == 0 {
            self.timer = self.config.resync.map(|resync| Instant::now() + resync);
        }
    }

    /// Called after the connection was made again. Waits for what mirrored sessions may still be doing, or closes
    /// those sessions.
    pub(super) async fn settle(&mut self) {
        let Some(alone) = self.alone.take() else {
            return;
        };
        let session = self.alone_for.take();
        match timeout(self.config.call_limit, alone).await {
            Ok(Reply::Opened {
                session,
                timeout,
                client: Ok(client),
                ..
            }) => self.sessions.add(session, client, timeout),
            Ok(Reply::Wrote { outcome: Ok(_), .. }) => {}
            _ => {
                if let Some(session) = session {
                    drop(self.sessions.remove(session));
                }
            }
        }
    }
}
