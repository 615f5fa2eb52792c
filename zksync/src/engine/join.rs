//! Finds the engine's place in the order of changes: reads what an engine has stored, and what has happened since its
//! checkpoints.

use std::collections::BTreeSet;

use mesolith_zk::learner::{Event, Learner};
use mesolith_zk::record::{Txn, Zxid};
use mesolith_zk::request::Request;
use mesolith_zk::tree::Tree;

use super::driver::{Driver, Role};
use super::end::both;
use super::{Error, observer, open};
use crate::checkpoint::Checkpoint;
use crate::duplex::{Base, Since};
use crate::identity::{self, Identity};
use crate::preflight::{self, Facts};
use crate::settings::{Mode, Settings, Side};
use crate::side::SideEvent;

/// Time limit for a leader to send what was missed. After that both trees are compared instead.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(60);
/// Time limit for servers to tell their numbers.
const ANSWER: std::time::Duration = std::time::Duration::from_secs(3);

impl Driver {
    /// Called when both links are up to date. Continues from what an engine of this name has left.
    ///
    /// # Errors
    /// When this engine must not begin with these two ensembles.
    pub(super) async fn join(&mut self) -> Result<(), Error> {
        self.learn_kinds();
        self.stored_settings();
        let same_ensemble = self.is_one_ensemble().await;
        self.may_begin(same_ensemble)?;
        self.know_servers().await;
        self.learn_sessions();
        self.see_from_now(Side::A);
        self.see_from_now(Side::B);
        let on_b = self.checkpoint(Side::B);
        let on_a = self.checkpoint(Side::A);
        if let Some((checkpoint, _)) = &on_b
            && checkpoint.position().0 > 0
        {
            self.missed(Side::A, checkpoint.position()).await;
            if let Some((on_a, _)) = &on_a
                && self.duplex.needs_a()
                && on_a.position().0 > 0
            {
                self.missed(Side::B, on_a.position()).await;
            }
            for (side, checkpoint) in [(Side::A, &on_b), (Side::B, &on_a)] {
                if let Some((checkpoint, _)) = checkpoint {
                    self.duplex.away_from_mut(side).follow(checkpoint);
                }
            }
        }
        self.role = Role::Standby;
        Ok(())
    }

    /// Asks the servers for their numbers, which tell where a session began. Before 3.5 the tree does not contain
    /// them.
    async fn know_servers(&self) {
        for side in [Side::A, Side::B] {
            let end = self.end(side);
            if server_ids(end.link.tree()).is_empty() {
                let mut servers = end.servers.clone();
                let said = servers.wait_for(|servers| !servers.ids.is_empty());
                let _ = tokio::time::timeout(ANSWER, said).await;
            }
        }
    }

    fn server_ids(&self, side: Side) -> BTreeSet<u64> {
        let end = self.end(side);
        let mut ids = server_ids(end.link.tree());
        ids.extend(&end.servers.borrow().ids);
        ids
    }

    /// Takes over the sessions that the trees show, at the beginning and after a gap in what was seen.
    pub(super) fn learn_sessions(&mut self) {
        let (a, b) = (self.server_ids(Side::A), self.server_ids(Side::B));
        let born = move |session: i64| {
            let server = session.cast_unsigned() >> 56;
            match (a.contains(&server), b.contains(&server)) {
                (true, false) => Some(Side::A),
                (false, true) => Some(Side::B),
                // Before 3.5 nothing in the tree names the servers of a side, and the servers need not tell their
                // numbers.
                (false, false) if !b.is_empty() => Some(Side::A),
                (false, false) if !a.is_empty() => Some(Side::B),
                (true, true) | (false, false) => None,
            }
        };
        self.duplex.sessions_mut().learn(both(&self.a, &self.b), born);
    }

    /// Opens a session on A. If it appears on B, both are the same ensemble. Nothing else is written, and the session
    /// is closed again.
    async fn is_one_ensemble(&mut self) -> bool {
        const LIMIT: std::time::Duration = std::time::Duration::from_secs(10);
        if !self.a.link.is_exact() || !self.b.link.is_exact() {
            return false;
        }
        let session = super::driver::new_session();
        let open = Request::OpenSession { timeout: 10_000 };
        if self.a.link.requests().send(session, -1, &open).is_err() {
            return false;
        }
        let looked = tokio::time::timeout(LIMIT, async {
            while !self.a.link.tree().sessions().contains_key(&session) {
                self.a.link.next().await.ok()?;
            }
            self.b.link.requests().sync(session, -2).ok()?;
            while !matches!(self.b.link.next().await.ok()?, SideEvent::Synced) {}
            Some(identity::same_ensemble(
                self.a.link.tree(),
                self.b.link.tree(),
                session,
            ))
        });
        let same = looked.await.ok().flatten().unwrap_or(false);
        let _ = self.a.link.requests().send(session, -3, &Request::CloseSession);
        same
    }

    fn may_begin(&self, same_ensemble: bool) -> Result<(), Error> {
        let (a, b) = (self.a.link.tree(), self.b.link.tree());
        let mut facts = Facts::new(&self.options.name, self.duplex.routes());
        facts.a = Some(a);
        facts.b = Some(b);
        facts.same_ensemble = same_ensemble;
        facts.overwrite = self.options.overwrite;
        facts.seeded_by_file = self.seeded.is_some();
        facts.identity = b
            .get(&self.layout.identity())
            .and_then(|node| serde_json::from_slice::<Identity>(node.data()?).ok())
            .map(|stored| identity::same(&stored, a));
        let problems = preflight::check(&facts);
        if problems.is_empty() {
            return Ok(());
        }
        Err(open::refuse(&problems))
    }

    /// Positions up to which both sides are equal, as the checkpoints say now.
    pub(super) fn base(&self) -> Option<Base> {
        let (on_b, mzxid) = self.checkpoint(Side::B)?;
        let on_a = self.checkpoint(Side::A);
        let b = Since {
            equal: on_a.map_or(mzxid, |(on_a, _)| on_a.equal()),
            own: self.b.claim.replaced,
        };
        let a = self.since(Side::A, on_b.equal());
        on_b.complete.then_some(Base { a, b })
    }

    /// The same positions, as this engine has seen both sides.
    pub(super) fn base_as_seen(&self) -> Base {
        let since = |side| self.since(side, self.duplex.away_from(side).passed());
        Base {
            a: since(Side::A),
            b: since(Side::B),
        }
    }

    fn since(&self, side: Side, equal: Zxid) -> Since {
        Since::new(equal, self.end(side).link.tree(), &self.layout.checkpoint)
    }

    fn checkpoint(&self, side: Side) -> Option<(Checkpoint, Zxid)> {
        let tree = self.end(side).link.tree();
        let (checkpoint, _) = Checkpoint::read(tree, &self.layout.checkpoint)?;
        let mzxid = tree.get(&self.layout.checkpoint)?.stored().mzxid;
        Some((checkpoint, mzxid))
    }

    /// Follows stored settings. Those of an engine that runs, or was killed, win over the ones this process was
    /// started with. Those of an engine that was stopped do not.
    fn stored_settings(&mut self) {
        let stored = self
            .b
            .link
            .tree()
            .get(&self.layout.settings())
            .and_then(|node| serde_json::from_slice::<Settings>(node.data()?).ok());
        let Some(stored) = stored else { return };
        if stored.mode == Mode::Stop {
            self.settings.generation = self.settings.generation.max(stored.generation + 1);
        } else if stored.generation >= self.settings.generation {
            if stored.routes != self.settings.routes {
                tracing::warn!(
                    "other paths are stored for this engine than it was started with; the stored ones are followed"
                );
            }
            self.settings.generation = 0;
            self.adopt(stored);
        }
    }

    /// From now on the writer of each transaction is known, if the link sees everything. Nothing is known about what
    /// the tree has already.
    pub(super) fn see_from_now(&mut self, side: Side) {
        let link = &self.end(side).link;
        if link.is_exact() {
            let position = link.tree().last_zxid();
            self.duplex.see_since(side, position);
        }
    }

    /// Handles the transactions of a side after a position as if they were committed now. Those that the leader does not have
    /// any more are a gap.
    async fn missed(&mut self, side: Side, since: Zxid) {
        let until = self.end(side).link.tree().last_zxid();
        if since >= until {
            return;
        }
        let seen = if self.end(side).link.is_exact() {
            tokio::time::timeout(LIMIT, self.history(side, since, until)).await
        } else {
            Ok(None)
        };
        match seen {
            Ok(Some(missed)) => {
                tracing::info!(%side, %since, transactions = missed.len(), "what was missed is replayed");
                self.duplex.see_since(side, since);
                self.duplex.away_from_mut(side).set_catching_up(true);
                for txn in missed {
                    let news = self.duplex.committed(side, txn, both(&self.a, &self.b), 0);
                    let now = self.now();
                    self.news(news, now);
                }
                self.duplex.away_from_mut(side).set_catching_up(false);
                return;
            }
            Ok(None) => {
                tracing::info!(%side, %since, "there is no history since then; both sides are compared")
            }
            Err(_) => {
                tracing::warn!(%side, "the leader did not send what was missed in time; both sides are compared")
            }
        }
        self.duplex.away_from_mut(side).missed(since, until);
    }

    /// Reads a leader's history through a link of its own.
    async fn history(&self, side: Side, since: Zxid, until: Zxid) -> Option<Vec<Txn>> {
        let endpoint = self.options.endpoint(side);
        let mut from = Tree::new();
        from.set_last_zxid(since);
        let mut learner = Learner::start(observer(endpoint, &self.options, side, 1), Some(from)).ok()?;
        let mut missed = Vec::new();
        loop {
            match learner.next().await.ok()? {
                Event::Committed { txn, .. } if txn.header.zxid <= until => missed.push(txn),
                Event::Committed { .. } | Event::UpToDate { .. } => return Some(missed),
                Event::Snapshot { .. } | Event::Truncated { .. } => return None,
                Event::Revalidated { .. } | Event::Synced | Event::LostLeader { .. } => {}
            }
        }
    }
}

/// Numbers of the servers that an ensemble's configuration names.
fn server_ids(tree: &Tree) -> BTreeSet<u64> {
    let data = tree.get("/zookeeper/config").and_then(|node| node.data());
    let text = String::from_utf8_lossy(data.unwrap_or_default()).into_owned();
    let ids = text.lines().filter_map(|line| {
        let (id, _) = line.trim().strip_prefix("server.")?.split_once('=')?;
        id.trim().parse().ok()
    });
    ids.collect()
}
