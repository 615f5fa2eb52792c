//! Two model ensembles, the pipeline between them, and everything that can happen on the way.

use std::collections::VecDeque;

use mesolith_zk::record::{Acl, Id, Txn};
use mesolith_zk::request::{ANY_VERSION, CreateMode, Request, Write};
use mesolith_zk::tree::Tree;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::server::Server;
use crate::Scope;
use crate::checkpoint::Checkpoint;
use crate::pipeline::{Limits, Notice, Outgoing, Pipeline, Trees};
use crate::plan::differing;

/// A client session on the target, which no engine uses.
const STRANGER: i64 = 99;
const ENGINE: i64 = 1 << 56;

pub(super) struct World {
    pub(super) random: StdRng,
    pub(super) source: Server,
    pub(super) target: Server,
    /// What the engine has seen of either side.
    pub(super) seen: Tree,
    pub(super) held: Tree,
    /// Committed and not yet seen.
    from_source: VecDeque<Txn>,
    from_target: VecDeque<Txn>,
    /// On the way to the target.
    wire: VecDeque<Outgoing>,
    pub(super) pipeline: Pipeline,
    pub(super) notices: Vec<Notice>,
    linked: bool,
    run: u64,
    cxid: i32,
    /// Sessions of the source's clients; an id is never used again.
    clients: [i64; 3],
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut world = Self {
            random: StdRng::seed_from_u64(seed),
            source: Server::new(),
            target: Server::new(),
            seen: Tree::new(),
            held: Tree::new(),
            from_source: VecDeque::new(),
            from_target: VecDeque::new(),
            wire: VecDeque::new(),
            pipeline: pipeline(0),
            notices: Vec::new(),
            linked: false,
            run: 0,
            cxid: 0,
            clients: [10, 11, 12],
        };
        world.on_target(STRANGER, Request::OpenSession { timeout: 1000 });
        for path in ["/mesolith", "/mesolith/zksync", "/mesolith/zksync/x"] {
            world.on_target(STRANGER, Request::Single(create(path, CreateMode::Persistent)));
        }
        world.start();
        world
    }

    /// A new engine: claims the checkpoint, looks at both sides, and repairs what differs.
    pub(super) fn start(&mut self) {
        self.run += 1;
        self.wire.clear();
        self.on_target(ENGINE, Request::OpenSession { timeout: 30_000 });
        let before = Checkpoint::read(&self.target.tree, "/mesolith/zksync/x");
        let claim = Checkpoint {
            run: self.run.to_string(),
            unit: 0,
            ..before.map(|(checkpoint, _)| checkpoint).unwrap_or_default()
        };
        let claim = Write::SetData {
            path: "/mesolith/zksync/x".into(),
            data: Some(claim.bytes().into()),
            version: ANY_VERSION,
        };
        self.on_target(ENGINE, Request::Single(claim));
        // Nobody keeps them alive on the target, so they expire.
        let live = self.source.tree.sessions();
        let ended = |id: &i64| ![ENGINE, STRANGER].contains(id) && !live.contains_key(id);
        let ended: Vec<_> = self
            .target
            .tree
            .sessions()
            .keys()
            .copied()
            .filter(ended)
            .collect();
        for session in ended {
            self.on_target(session, Request::CloseSession);
        }
        self.from_source.clear();
        self.from_target.clear();
        self.seen = self.source.tree.clone();
        self.held = self.target.tree.clone();
        self.pipeline = pipeline(self.run);
        self.linked = true;
        let trees = Trees {
            source: &self.seen,
            target: &self.held,
        };
        self.pipeline.up(trees);
        self.pipeline.begin(trees, 0);
        while !self.settle() {}
    }

    /// Repairs what differs once; true if nothing does.
    pub(super) fn settle(&mut self) -> bool {
        self.drain();
        let trees = Trees {
            source: &self.seen,
            target: &self.held,
        };
        let paths = differing(&self.seen, &self.held, self.pipeline.scope());
        let nothing = paths.is_empty();
        for path in paths {
            self.pipeline.repair(path, trees, 0);
        }
        self.drain();
        nothing
    }

    fn on_target(&mut self, session: i64, request: Request) {
        self.cxid += 1;
        let txn = self.target.submit(session, self.cxid, &request);
        self.from_target.push_back(txn);
    }

    /// Somebody else writes on the target.
    pub(super) fn stranger(&mut self) {
        let write = self.write(false);
        self.on_target(STRANGER, Request::Single(write));
    }

    /// A client of the source does something.
    pub(super) fn client(&mut self) {
        let client = self.random.random_range(0..self.clients.len());
        let session = self.clients[client];
        let live = self.source.tree.sessions().contains_key(&session);
        let request = match self.random.random_range(0..20) {
            _ if !live => Request::OpenSession { timeout: 5000 },
            0 => {
                self.clients[client] += 10;
                Request::CloseSession
            }
            1..4 => Request::Multi((0..3).map(|_| self.write(false)).collect()),
            _ => Request::Single(self.write(true)),
        };
        self.cxid += 1;
        let txn = self.source.submit(session, self.cxid, &request);
        self.from_source.push_back(txn);
    }

    fn write(&mut self, acls: bool) -> Write {
        let names = ["/a", "/b", "/a/x", "/a/y", "/b/x", "/a/x/z"];
        let mut path: Box<str> = (*names.choose(&mut self.random).unwrap_or(&"/a")).into();
        let data = Some(self.random.random::<u32>().to_string().into());
        match self.random.random_range(0..12) {
            0..3 => {
                let mode = match self.random.random_range(0..4) {
                    0 => CreateMode::Ephemeral,
                    1 => CreateMode::Container,
                    _ => CreateMode::Persistent,
                };
                create(&path, mode)
            }
            3 | 4 => {
                // As a sequential create arrives.
                let counter = self
                    .source
                    .tree
                    .get("/a")
                    .map_or(0, |node| node.stored().cversion);
                path = format!("/a/n{counter:010}").into();
                create(&path, CreateMode::Ephemeral)
            }
            5 if acls => Write::SetAcl {
                path,
                acl: Some(vec![Acl {
                    perms: self.random.random_range(1..31),
                    id: Id {
                        scheme: "world".into(),
                        id: "anyone".into(),
                    },
                }]),
                version: ANY_VERSION,
            },
            6 | 7 => Write::Delete {
                path,
                version: ANY_VERSION,
            },
            _ => Write::SetData {
                path,
                data,
                version: ANY_VERSION,
            },
        }
    }

    /// One event reaches the engine or the target.
    pub(super) fn step(&mut self) {
        match self.random.random_range(0..3) {
            0 => self.see_source(),
            1 => self.see_target(),
            _ => self.deliver(),
        }
        self.send();
    }

    fn see_source(&mut self) {
        if let Some(txn) = self.from_source.pop_front() {
            self.seen.apply(&txn);
            let trees = Trees {
                source: &self.seen,
                target: &self.held,
            };
            self.pipeline.replay(txn, trees, 0);
        }
    }

    fn see_target(&mut self) {
        if self.linked
            && let Some(txn) = self.from_target.pop_front()
        {
            self.held.apply(&txn);
            let trees = Trees {
                source: &self.seen,
                target: &self.held,
            };
            let (notices, follow) = self.pipeline.target(&txn, trees);
            self.notices.extend(notices);
            self.wire.extend(follow);
        }
    }

    fn deliver(&mut self) {
        if let Some(Outgoing {
            session,
            cxid,
            request,
        }) = self.wire.pop_front()
        {
            let txn = self.target.submit(session, cxid, &request);
            self.from_target.push_back(txn);
        }
    }

    fn send(&mut self) {
        let requests = self.pipeline.take();
        if self.linked {
            self.wire.extend(requests);
        }
    }

    /// The link to the target breaks; of what is on the way some arrives, some of it late, and some never.
    pub(super) fn lose_link(&mut self) {
        self.linked = false;
        self.pipeline.down();
        let arrive = self.random.random_range(0..=self.wire.len());
        let late = self.random.random_range(0..=arrive);
        let mut lost = std::mem::take(&mut self.wire);
        lost.truncate(arrive);
        let after = lost.split_off(late);
        self.wire = lost;
        while !self.wire.is_empty() {
            self.deliver();
        }
        // A new link: the stream up to now, then the leader takes requests.
        self.linked = true;
        while !self.from_target.is_empty() {
            self.see_target();
        }
        let trees = Trees {
            source: &self.seen,
            target: &self.held,
        };
        let notices = self.pipeline.up(trees);
        self.notices.extend(notices);
        // Still in the leader's line from before.
        self.wire.extend(after);
        self.send();
    }

    /// Until nothing is on the way.
    pub(super) fn drain(&mut self) {
        for _ in 0..200_000 {
            while !self.from_source.is_empty() {
                self.see_source();
            }
            self.send();
            if self.wire.is_empty() && self.from_target.is_empty() {
                assert!(self.pipeline.is_idle(), "stuck: {:?}", self.pipeline);
                return;
            }
            self.deliver();
            self.see_target();
        }
        panic!("never done: {:?}", self.pipeline);
    }
}

fn pipeline(run: u64) -> Pipeline {
    let scope = Scope::new(&["/".into()], &[]).unwrap();
    let limits = Limits {
        batch: 3,
        ..Limits::default()
    };
    Pipeline::new(
        scope,
        limits,
        run.to_string(),
        ENGINE,
        "/mesolith/zksync/x".into(),
    )
}

fn create(path: &str, mode: CreateMode) -> Write {
    Write::Create {
        path: path.into(),
        data: Some("new".into()),
        acl: None,
        mode,
    }
}
