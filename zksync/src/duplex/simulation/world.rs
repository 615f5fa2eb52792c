//! A world of two model ensembles and the engine's decisions between them. Links, servers and clients do everything
//! that can happen.

use std::collections::VecDeque;

use mesolith_zk::record::{Txn, Zxid};
use mesolith_zk::request::{CreateMode, Request, Write};
use mesolith_zk::tree::Tree;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::server::Server;
use super::standby::Standby;
use crate::checkpoint::Checkpoint;
use crate::duplex::{Base, Both, Duplex, News, Rounds, Since};
use crate::pipeline::{Identity, Outgoing};
use crate::routes::Routes;
use crate::settings::{Settings, Side};

pub(super) const SIDES: [Side; 2] = [Side::A, Side::B];
/// Path of the checkpoint on either side.
pub(super) const PATH: &str = "/mesolith/zksync/x";
/// First byte of the numbers of the engines' requests.
pub(super) const TAG: u8 = 0x91;
/// The session that sets up an ensemble; it belongs to no client of the test.
pub(super) const ADMINISTRATOR: i64 = 99;

/// One ensemble and the engine's link to it.
#[derive(Debug)]
pub(super) struct Ensemble {
    pub(super) server: Server,
    /// The tree as the engine has seen it.
    pub(super) seen: Tree,
    /// Transactions that were committed and that the engine has not seen yet.
    pub(super) stream: VecDeque<Txn>,
    /// Requests on their way to the ensemble.
    pub(super) wire: VecDeque<Outgoing>,
    linked: bool,
    /// Sessions of the ensemble's clients. An id is never used twice.
    pub(super) clients: [i64; 3],
    /// Every transaction, for an engine that asks for history.
    pub(super) history: Vec<Txn>,
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
    /// Its walks, where a test lets it walk.
    pub(super) rounds: Rounds,
    /// A second engine that follows.
    pub(super) standby: Option<Standby>,
    pub(super) news: Vec<News>,
    pub(super) run: u64,
    cxid: i32,
    pub(super) now: u64,
    /// Number of the engine's present session, which it has on both sides.
    pub(super) session: u64,
    /// Each side's clients write only below their own node: `/a` for A, `/b` for B.
    pub(super) owned: bool,
}

impl World {
    pub(super) fn new(seed: u64, settings: Settings) -> Self {
        let mut world = Self {
            random: StdRng::seed_from_u64(seed),
            duplex: duplex(0, &settings),
            rounds: Rounds::default(),
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
        world.start(&[]);
        world
    }

    /// Makes a side's servers old: they know no containers and no addresses with a mask.
    pub(super) fn make_old(&mut self, side: Side) {
        self.ensemble(side).server.is_old = true;
    }

    /// The longest packet that a side's servers take from clients, as they and the engine know it.
    pub(super) fn limit(&mut self, side: Side, largest: usize) {
        self.ensemble(side).server.largest = largest;
        self.duplex.set_largest(side, largest, both(&self.a, &self.b));
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

    /// Only checkpoints are written, as the engine does from time to time.
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

    pub(super) fn saw(&mut self, side: Side, txn: Txn) {
        self.now += 10;
        let (now, trees) = (self.now, both(&self.a, &self.b));
        let news = self.duplex.committed(side, txn, trees, now);
        self.news.extend(news);
    }

    pub(super) fn deliver(&mut self, side: Side) {
        if let Some(out) = self.ensemble(side).wire.pop_front() {
            let txn = self.ensemble(side).submit(out.session, out.cxid, &out.request);
            if let Some(standby) = &mut self.standby {
                standby.committed(index(side), &txn);
            }
        }
    }

    pub(super) fn send(&mut self) {
        // The pauses after refusals are skipped; they are tested elsewhere.
        self.now += 2_000_000;
        let now = self.now;
        for side in SIDES {
            let requests = self.duplex.take(side, now);
            if self.ensemble(side).linked {
                self.ensemble(side).wire.extend(requests);
            }
        }
    }

    /// What was put off is due.
    pub(super) fn look_again(&mut self) {
        self.now += 200_000_000;
        let news = self.duplex.due(both(&self.a, &self.b), self.now);
        self.news.extend(news);
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

pub(super) fn engine(run: u64) -> i64 {
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

/// Where both sides were equal, as the checkpoints say that were claimed.
pub(super) fn base([of_b, of_a]: &[Checkpoint; 2], [own_a, own_b]: [Zxid; 2]) -> Option<Base> {
    let since = |of: &Checkpoint, own| Since {
        equal: of.equal(),
        own,
    };
    (of_a.position().0 > 0).then_some(Base {
        a: since(of_a, own_a),
        b: since(of_b, own_b),
    })
}
