//! The engine's life in a model world: its start and end, lost links and sessions, its walk through both trees, and
//! what it has changed.

use mesolith_zk::record::{Op, Zxid};
use mesolith_zk::request::{ANY_VERSION, Request, Write};
use mesolith_zk::tree::Tree;
use rand::Rng;

use super::world::{PATH, SIDES, TAG, World, base, born, both, duplex, engine};
use crate::checkpoint::Checkpoint;
use crate::duplex::{Base, News, Sweep};
use crate::pipeline::Notice;
use crate::pipeline::ops::{node_of, parts};
use crate::settings::Side;

impl World {
    /// Starts a new engine after the old one was killed. It claims the checkpoints, reads what it has missed on the
    /// sides that have history, and walks through both trees.
    pub(super) fn start(&mut self, with_history: &[Side]) {
        let base = self.begin(with_history);
        self.settle(base);
    }

    /// The same without the walk. Returns the positions at which both sides were equal.
    pub(super) fn begin(&mut self, with_history: &[Side]) -> Option<Base> {
        self.kill();
        self.run += 1;
        let own = self.own_writes();
        let claimed = self.claim();
        for side in SIDES {
            // Later transactions are seen as they come; earlier ones only through history.
            let ensemble = self.ensemble(side);
            ensemble.stream.clear();
            ensemble.seen = ensemble.server.tree.clone();
        }
        self.duplex = duplex(self.run, &self.settings);
        self.duplex.sessions_mut().learn(both(&self.a, &self.b), born);
        for side in SIDES {
            let largest = self.ensemble(side).server.largest;
            self.duplex.set_largest(side, largest, both(&self.a, &self.b));
        }
        for side in SIDES {
            let position = self.tree(side).last_zxid();
            self.duplex.see_since(side, position);
        }
        for side in SIDES {
            let since = claimed[usize::from(side == Side::A)].position();
            if !with_history.contains(&side) {
                let until = self.tree(side).last_zxid();
                self.duplex.away_from_mut(side).missed(since, until);
                continue;
            }
            let missed: Vec<_> = self.ensemble(side).history.clone();
            self.duplex.see_since(side, since);
            self.duplex.away_from_mut(side).set_catching_up(true);
            for txn in missed.into_iter().filter(|txn| txn.header.zxid > since) {
                self.saw(side, txn);
            }
            self.duplex.away_from_mut(side).set_catching_up(false);
        }
        SIDES.into_iter().for_each(|side| self.activate(side));
        self.duplex.begin_sessions(both(&self.a, &self.b));
        base(&claimed, own)
    }

    /// The last write of an engine on either side, which is its checkpoint's.
    pub(super) fn own_writes(&self) -> [Zxid; 2] {
        SIDES.map(|side| {
            let checkpoint = self.tree(side).get(PATH);
            checkpoint.map_or(Zxid(0), |node| node.stored().mzxid)
        })
    }

    /// Kills the engine. What it has sent may arrive or not; its own session and the sessions that it kept alive may
    /// end.
    pub(super) fn kill(&mut self) {
        for side in SIDES {
            let most = self.ensemble(side).wire.len();
            let arrive = self.random.random_range(0..=most);
            self.ensemble(side).wire.truncate(arrive);
            while !self.ensemble(side).wire.is_empty() {
                self.deliver(side);
            }
        }
    }

    /// Claims both checkpoints, and returns what they were: A's, which tells of B, and B's, which tells of A.
    pub(super) fn claim(&mut self) -> [Checkpoint; 2] {
        self.session += 1;
        SIDES.map(|side| self.claim_on(side))
    }

    fn claim_on(&mut self, side: Side) -> Checkpoint {
        let session = engine(self.session);
        self.on(side, session, Request::OpenSession { timeout: 30_000 });
        let before = Checkpoint::read(self.tree(side), PATH).unwrap_or_default().0;
        let run = self.run.to_string();
        let unit = if before.run == run { before.unit } else { 0 };
        let claim = Checkpoint {
            run,
            unit,
            ..before.clone()
        };
        let claim = Write::SetData {
            path: PATH.into(),
            data: Some(claim.bytes().into()),
            version: ANY_VERSION,
        };
        self.on(side, session, Request::Single(claim));
        before
    }

    /// The link to a side breaks for longer than the engine's session lives. What is on its way arrives after the
    /// session has ended.
    pub(super) fn lose_session(&mut self, side: Side) {
        self.duplex.down(side);
        self.on(side, engine(self.session), Request::CloseSession);
        let most = self.ensemble(side).wire.len();
        let arrive = self.random.random_range(0..=most);
        self.ensemble(side).wire.truncate(arrive);
        while !self.ensemble(side).wire.is_empty() {
            self.deliver(side);
        }
        self.session += 1;
        self.claim_on(side);
        while !self.ensemble(side).stream.is_empty() {
            self.see(side);
        }
        self.activate(side);
        self.send();
    }

    pub(super) fn activate(&mut self, side: Side) {
        if side == Side::B || self.duplex.needs_a() {
            let session = engine(self.session);
            let news = self.duplex.activate(side, session, both(&self.a, &self.b));
            self.news.extend(news);
        }
    }

    /// The link to a side breaks. Of what is on its way, some arrives, some arrives late, and some never.
    pub(super) fn lose_link(&mut self, side: Side) {
        self.duplex.down(side);
        let most = self.ensemble(side).wire.len();
        let arrive = self.random.random_range(0..=most);
        let late = self.random.random_range(0..=arrive);
        let ensemble = self.ensemble(side);
        let mut lost = std::mem::take(&mut ensemble.wire);
        lost.truncate(arrive);
        let after = lost.split_off(late);
        ensemble.wire = lost;
        while !self.ensemble(side).wire.is_empty() {
            self.deliver(side);
        }
        // A new link first brings the stream up to date, then the leader takes requests.
        while !self.ensemble(side).stream.is_empty() {
            self.see(side);
        }
        let trees = both(&self.a, &self.b);
        let news = self.duplex.up(side, trees);
        self.news.extend(news);
        // These still wait in the leader's queue from before.
        self.ensemble(side).wire.extend(after);
        self.send();
    }

    /// Walks through both trees until nothing differs.
    pub(super) fn settle(&mut self, base: Option<Base>) {
        for _ in 0..20 {
            self.drain();
            let (mut sweep, mut news) = (Sweep::new(base), Vec::new());
            let trees = both(&self.a, &self.b);
            assert!(sweep.step(&mut self.duplex, trees, usize::MAX, &mut news));
            self.news.extend(news);
            self.drain();
            if sweep.found == 0 {
                self.duplex.compared();
                return;
            }
        }
        let (mut sweep, mut news) = (Sweep::new(base), Vec::new());
        sweep.step(&mut self.duplex, both(&self.a, &self.b), usize::MAX, &mut news);
        let lines = SIDES.map(|side| super::content(self, side, true));
        let only = |n: usize| {
            lines[n]
                .iter()
                .filter(|l| !lines[1 - n].contains(l))
                .cloned()
                .collect::<Vec<_>>()
        };
        panic!("never equal: A {:#?} B {:#?}, {news:?}", only(0), only(1));
    }

    /// A person decides every frozen path.
    pub(super) fn resolve_all(&mut self, keep: Side) {
        for path in self.duplex.frozen().clone() {
            let trees = both(&self.a, &self.b);
            assert!(self.duplex.resolve(&path, keep, trees));
        }
    }

    /// Nodes that the engine has changed although only the clients of that side write there. Raised versions and
    /// counters are allowed.
    pub(super) fn changed_by_the_engine(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (ensemble, root) in [(&self.a, "/a"), (&self.b, "/b")] {
            let mut tree = Tree::new();
            for txn in &ensemble.history {
                let own = txn.header.cxid.to_be_bytes()[0] == TAG;
                let changed = |op: &&Op| {
                    let Some((path, _)) = node_of(op) else {
                        return false;
                    };
                    let node = tree.get(path);
                    let same = match op {
                        Op::SetData(set) => node.is_some_and(|node| node.data() == set.data.as_deref()),
                        Op::SetAcl { acl, .. } => node.is_some_and(|node| node.acl() == acl.as_deref()),
                        _ => path.ends_with("/.mesolith-counter"),
                    };
                    crate::routes::is_below(path, root) && !same
                };
                if own && parts(&txn.op).iter().any(|op| changed(&op)) {
                    found.push(format!("{txn:?}"));
                }
                tree.apply(txn);
            }
        }
        found
    }

    /// Conflicts that were logged.
    pub(super) fn conflicts(&self) -> Vec<String> {
        let say = |news: &News| match news {
            News::Conflict(conflict) => Some(format!("{}: {}", conflict.path, conflict.what)),
            _ => None,
        };
        self.news.iter().filter_map(say).collect()
    }

    pub(super) fn fenced(&self) -> bool {
        let fenced = |news: &News| matches!(news, News::Of(_, Notice::Fenced { .. }));
        self.news.iter().any(fenced)
    }
}
