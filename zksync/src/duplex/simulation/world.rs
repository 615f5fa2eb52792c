//! Two model ensembles, the engine's decisions between them, and everything that can happen on the way.

use std::collections::VecDeque;

use mesolith_zk::record::{Op, Txn, Zxid};
use mesolith_zk::request::{ANY_VERSION, CreateMode, Request, Write};
use mesolith_zk::tree::Tree;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::server::Server;
use super::standby::Standby;
use crate::checkpoint::Checkpoint;
use crate::duplex::{Base, Both, Duplex, News, Since, Sweep};
use crate::pipeline::ops::{node_of, parts};
use crate::pipeline::{Identity, Notice, Outgoing};
use crate::routes::Routes;
use crate::settings::{Settings, Side};

pub(super) const SIDES: [Side; 2] = [Side::A, Side::B];
/// The checkpoint's node, on either side.
const PATH: &str = "/mesolith/zksync/x";
/// First byte of the numbers of the engines' requests.
const TAG: u8 = 0x91;
/// Which sets the ensemble up; no client of interest.
pub(super) const ADMINISTRATOR: i64 = 99;

/// One ensemble and the engine's link to it.
#[derive(Debug)]
pub(super) struct Ensemble {
    server: Server,
    /// What the engine has seen.
    pub(super) seen: Tree,
    /// Committed and not yet seen.
    pub(super) stream: VecDeque<Txn>,
    /// On the way to it.
    wire: VecDeque<Outgoing>,
    linked: bool,
    /// Sessions of its clients; an id is never used again.
    pub(super) clients: [i64; 3],
    /// Everything that was committed, for an engine that asks for history.
    history: Vec<Txn>,
}

impl Ensemble {
    fn new(first_client: i64) -> Self {
        Self {
            server: Server::new(),
            seen: Tree::new(),
            stream: VecDeque::new(),
            wire: VecDeque::new(),
            linked: true,
            clients: [first_client, first_client + 1, first_client + 2],
            history: Vec::new(),
        }
    }

    fn submit(&mut self, session: i64, cxid: i32, request: &Request) -> Txn {
        let txn = self.server.submit(session, cxid, request);
        self.history.push(txn.clone());
        self.stream.push_back(txn.clone());
        txn
    }
}

pub(super) struct World {
    pub(super) random: StdRng,
    pub(super) settings: Settings,
    pub(super) a: Ensemble,
    pub(super) b: Ensemble,
    pub(super) duplex: Duplex,
    /// A second engine that follows, if there is one.
    pub(super) standby: Option<Standby>,
    pub(super) news: Vec<News>,
    pub(super) run: u64,
    cxid: i32,
    pub(super) now: u64,
    /// The engine's own session, on either side.
    session: u64,
    /// Each side's clients write below a node of their own: A's `/a`, B's `/b`.
    pub(super) owned: bool,
}

impl World {
    pub(super) fn new(seed: u64, settings: Settings) -> Self {
        let mut world = Self {
            random: StdRng::seed_from_u64(seed),
            duplex: duplex(0, &settings),
            settings,
            a: Ensemble::new(10),
            b: Ensemble::new(1010),
            standby: None,
            news: Vec::new(),
            run: 0,
            cxid: 0,
            now: 1,
            session: 0,
            owned: false,
        };
        for side in SIDES {
            world.on(side, ADMINISTRATOR, Request::OpenSession { timeout: 1000 });
            for path in ["/mesolith", "/mesolith/zksync", PATH] {
                let create = create(path, CreateMode::Persistent);
                world.on(side, ADMINISTRATOR, Request::Single(create));
            }
        }
        world.start(false);
        world
    }

    /// Its servers know no containers and no addresses with a mask.
    pub(super) fn make_old(&mut self, side: Side) {
        self.ensemble(side).server.is_old = true;
    }

    pub(super) fn ensemble(&mut self, side: Side) -> &mut Ensemble {
        match side {
            Side::A => &mut self.a,
            Side::B => &mut self.b,
        }
    }

    pub(super) fn tree(&self, side: Side) -> &Tree {
        match side {
            Side::A => &self.a.server.tree,
            Side::B => &self.b.server.tree,
        }
    }

    pub(super) fn both(&self) -> Both<'_> {
        Both {
            a: &self.a.seen,
            b: &self.b.seen,
        }
    }

    /// A new engine after the old one was killed: claims the checkpoints, and either asks for what it missed or looks
    /// at both trees.
    pub(super) fn start(&mut self, with_history: bool) {
        let base = self.begin(with_history);
        self.settle(base);
    }

    /// The same without a look at the trees; what was equal once.
    pub(super) fn begin(&mut self, with_history: bool) -> Option<Base> {
        self.kill();
        self.run += 1;
        let [own_a, own_b] = SIDES.map(|side| {
            let checkpoint = self.tree(side).get(PATH);
            checkpoint.map_or(Zxid(0), |node| node.stored().mzxid)
        });
        let before = self.claim();
        for side in SIDES {
            // What comes after is seen as it comes; what came before only by history.
            let ensemble = self.ensemble(side);
            ensemble.stream.clear();
            ensemble.seen = ensemble.server.tree.clone();
        }
        self.duplex = duplex(self.run, &self.settings);
        self.duplex.sessions_mut().learn(both(&self.a, &self.b), born);
        if with_history {
            for side in SIDES {
                let since = before[usize::from(side == Side::A)];
                let missed: Vec<_> = self.ensemble(side).history.clone();
                self.duplex.away_from_mut(side).set_catching_up(true);
                for txn in missed.into_iter().filter(|txn| txn.header.zxid > since) {
                    self.saw(side, txn);
                }
                self.duplex.away_from_mut(side).set_catching_up(false);
            }
        }
        SIDES.into_iter().for_each(|side| self.activate(side));
        self.duplex.begin_sessions(both(&self.a, &self.b));
        let base = Base {
            a: Since {
                equal: before[1],
                own: own_a,
            },
            b: Since {
                equal: before[0],
                own: own_b,
            },
        };
        (before[1].0 > 0).then_some(base)
    }

    /// What is on the way from a killed engine arrives or not; its sessions and those it kept alive may end.
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

    /// Positions that the checkpoints say: of B's as written on A, of A's as written on B.
    pub(super) fn claim(&mut self) -> [Zxid; 2] {
        self.session += 1;
        SIDES.map(|side| self.claim_on(side))
    }

    fn claim_on(&mut self, side: Side) -> Zxid {
        let session = engine(self.session);
        self.on(side, session, Request::OpenSession { timeout: 30_000 });
        let before = Checkpoint::read(self.tree(side), PATH).unwrap_or_default().0;
        let position = before.position();
        let run = self.run.to_string();
        let unit = if before.run == run { before.unit } else { 0 };
        let claim = Checkpoint { run, unit, ..before };
        let claim = Write::SetData {
            path: PATH.into(),
            data: Some(claim.bytes().into()),
            version: ANY_VERSION,
        };
        self.on(side, session, Request::Single(claim));
        position
    }

    /// The link to a side breaks for longer than the engine's own session lives; what is on the way comes after its end.
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

    /// Looks at both trees until nothing differs.
    pub(super) fn settle(&mut self, base: Option<Base>) {
        for _ in 0..20 {
            self.drain();
            let (mut sweep, mut news) = (Sweep::new(base), Vec::new());
            let trees = both(&self.a, &self.b);
            assert!(sweep.step(&mut self.duplex, trees, usize::MAX, &mut news));
            self.news.extend(news);
            self.drain();
            if sweep.found == 0 {
                return;
            }
        }
        let (mut sweep, mut news) = (Sweep::new(base), Vec::new());
        sweep.step(&mut self.duplex, both(&self.a, &self.b), usize::MAX, &mut news);
        let lines = SIDES.map(|side| super::content(self.tree(side), true, self.duplex.common()));
        let only = |n: usize| {
            lines[n]
                .iter()
                .filter(|l| !lines[1 - n].contains(l))
                .cloned()
                .collect::<Vec<_>>()
        };
        panic!("never equal: A {:#?} B {:#?}, {news:?}", only(0), only(1));
    }

    pub(super) fn on(&mut self, side: Side, session: i64, request: Request) {
        self.cxid += 1;
        let cxid = self.cxid;
        let txn = self.ensemble(side).submit(session, cxid, &request);
        if let Some(standby) = &mut self.standby {
            standby.committed(index(side), &txn);
        }
    }

    /// One event reaches the engine or an ensemble.
    pub(super) fn step(&mut self) {
        let side = SIDES[self.random.random_range(0..2)];
        if self.random.random_range(0..3) == 0 {
            self.deliver(side);
        } else {
            self.see(side);
        }
        self.send();
        if self.random.random_range(0..10) == 0 {
            self.mark();
        }
        self.step_standby();
    }

    /// The checkpoints alone, as they are written from time to time.
    fn mark(&mut self) {
        let now = self.now;
        for side in SIDES {
            let mark = self.duplex.away_from_mut(side.other()).mark(now);
            if self.ensemble(side).linked {
                self.ensemble(side).wire.extend(mark);
            }
        }
    }

    pub(super) fn see(&mut self, side: Side) {
        let ensemble = self.ensemble(side);
        if ensemble.linked
            && let Some(txn) = ensemble.stream.pop_front()
        {
            ensemble.seen.apply(&txn);
            self.saw(side, txn);
        }
    }

    fn saw(&mut self, side: Side, txn: Txn) {
        self.now += 10;
        let (now, trees) = (self.now, both(&self.a, &self.b));
        let news = self.duplex.committed(side, txn, trees, now);
        self.news.extend(news);
    }

    fn deliver(&mut self, side: Side) {
        if let Some(out) = self.ensemble(side).wire.pop_front() {
            let txn = self.ensemble(side).submit(out.session, out.cxid, &out.request);
            if let Some(standby) = &mut self.standby {
                standby.committed(index(side), &txn);
            }
        }
    }

    pub(super) fn send(&mut self) {
        // Pauses after refusals are not what is tried here.
        self.now += 2_000_000;
        let now = self.now;
        for side in SIDES {
            let requests = self.duplex.take(side, now);
            if self.ensemble(side).linked {
                self.ensemble(side).wire.extend(requests);
            }
        }
    }

    /// The link to a side breaks; of what is on the way some arrives, some of it late, and some never.
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
        // A new link: the stream up to now, then the leader takes requests.
        while !self.ensemble(side).stream.is_empty() {
            self.see(side);
        }
        let trees = both(&self.a, &self.b);
        let news = self.duplex.up(side, trees);
        self.news.extend(news);
        // Still in the leader's line from before.
        self.ensemble(side).wire.extend(after);
        self.send();
    }

    /// Until nothing is on the way.
    pub(super) fn drain(&mut self) {
        for _ in 0..200_000 {
            self.send();
            let quiet = SIDES.map(|side| {
                let ensemble = self.ensemble(side);
                ensemble.wire.is_empty() && ensemble.stream.is_empty()
            });
            if quiet == [true, true] {
                assert!(self.duplex.is_idle(), "stuck: {:?}", self.duplex);
                return;
            }
            for side in SIDES {
                self.deliver(side);
                self.see(side);
            }
        }
        panic!("never done: {:?}", self.duplex);
    }

    /// A person decides every frozen path.
    pub(super) fn resolve_all(&mut self, keep: Side) {
        for path in self.duplex.frozen().clone() {
            let trees = both(&self.a, &self.b);
            assert!(self.duplex.resolve(&path, keep, trees));
        }
    }

    /// What the engine has changed where only the clients of that side write. It may raise versions and counters.
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

    pub(super) fn fenced(&self) -> bool {
        let fenced = |news: &News| matches!(news, News::Of(_, Notice::Fenced { .. }));
        self.news.iter().any(fenced)
    }
}

pub(super) fn both<'w>(a: &'w Ensemble, b: &'w Ensemble) -> Both<'w> {
    Both {
        a: &a.seen,
        b: &b.seen,
    }
}

pub(super) fn born(session: i64) -> Option<Side> {
    Some(if session < 1000 { Side::A } else { Side::B })
}

pub(super) fn index(side: Side) -> usize {
    usize::from(side == Side::B)
}

fn engine(run: u64) -> i64 {
    crate::duplex::sessions::ENGINE_PREFIX << 48 | i64::try_from(run).unwrap_or(0)
}

pub(super) fn duplex(run: u64, settings: &Settings) -> Duplex {
    let me = Identity {
        run: run.to_string(),
        session: engine(run),
        path: PATH.into(),
        tag: TAG,
    };
    let settings = Settings {
        batch_size: 3,
        ..settings.clone()
    };
    let routes = Routes::new(&settings).unwrap();
    Duplex::new(&settings, routes, me.clone(), me)
}

pub(super) fn create(path: &str, mode: CreateMode) -> Write {
    Write::Create {
        path: path.into(),
        data: Some("new".into()),
        acl: None,
        mode,
    }
}
