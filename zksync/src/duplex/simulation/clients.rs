//! What clients and administrators do on either side.

use mesolith_zk::record::{Acl, Id};
use mesolith_zk::request::{ANY_VERSION, CreateMode, Request, Write};
use rand::Rng;
use rand::seq::IndexedRandom;

use super::world::{ADMINISTRATOR, World, create};
use crate::settings::Side;

impl World {
    /// A client of a side makes a random change.
    pub(super) fn client(&mut self, side: Side) {
        let client = self.random.random_range(0..3);
        let session = self.ensemble(side).clients[client];
        let live = self.tree(side).sessions().contains_key(&session);
        let request = match self.random.random_range(0..20) {
            _ if !live => Request::OpenSession { timeout: 5000 },
            0 => {
                self.ensemble(side).clients[client] += 10;
                Request::CloseSession
            }
            1..4 => Request::Multi((0..3).map(|_| self.write(side, false)).collect()),
            _ => Request::Single(self.write(side, true)),
        };
        self.on(side, session, request);
    }

    /// An administrator creates a node.
    pub(super) fn create(&mut self, side: Side, path: &str) {
        let create = create(path, CreateMode::Persistent);
        self.on(side, ADMINISTRATOR, Request::Single(create));
    }

    /// An administrator deletes a node.
    pub(super) fn delete(&mut self, side: Side, path: &str) {
        let delete = Write::Delete {
            path: path.into(),
            version: ANY_VERSION,
        };
        self.on(side, ADMINISTRATOR, Request::Single(delete));
    }

    /// An administrator sets a node's data.
    pub(super) fn set(&mut self, side: Side, path: &str) {
        let set = Write::SetData {
            path: path.into(),
            data: Some("set".into()),
            version: ANY_VERSION,
        };
        self.on(side, ADMINISTRATOR, Request::Single(set));
    }

    /// An administrator sets a node's data to so many bytes, or makes the node with them.
    pub(super) fn fill(&mut self, side: Side, path: &str, bytes: usize) {
        let data = Some(vec![b'x'; bytes].into());
        let path: Box<str> = path.into();
        let write = match self.tree(side).get(&path) {
            Some(_) => Write::SetData {
                path,
                data,
                version: ANY_VERSION,
            },
            None => Write::Create {
                path,
                data,
                acl: None,
                mode: CreateMode::Persistent,
            },
        };
        self.on(side, ADMINISTRATOR, Request::Single(write));
    }

    /// A client begins a session and registers; gives the session.
    pub(super) fn register(&mut self, side: Side, path: &str) -> i64 {
        let session = self.ensemble(side).clients[0];
        self.on(side, session, Request::OpenSession { timeout: 5000 });
        self.on(
            side,
            session,
            Request::Single(create(path, CreateMode::Ephemeral)),
        );
        session
    }

    /// A server lets a session expire.
    pub(super) fn end_session(&mut self, side: Side, session: i64) {
        self.on(side, session, Request::CloseSession);
    }

    /// The engine's tree becomes what the side has, without a transaction. That is how a client link sees changes.
    pub(super) fn see_silently(&mut self, side: Side) {
        let ensemble = self.ensemble(side);
        while let Some(txn) = ensemble.stream.pop_front() {
            ensemble.seen.apply(&txn);
        }
    }

    fn write(&mut self, side: Side, acls: bool) -> Write {
        let names = match (self.owned, side) {
            (false, _) => ["/a", "/b", "/a/x", "/a/y", "/b/x", "/a/x/z"],
            (true, Side::A) => ["/a", "/a", "/a/x", "/a/y", "/a/y/z", "/a/x/z"],
            (true, Side::B) => ["/b", "/b", "/b/x", "/b/y", "/b/y/z", "/b/x/z"],
        };
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
                // The leader sees a sequential create under its final name.
                let above = if self.owned && side == Side::B { "/b" } else { "/a" };
                let parent = self.tree(side).get(above);
                let counter = parent.map_or(0, |node| node.stored().cversion);
                path = format!("{above}/n{counter:010}").into();
                create(&path, CreateMode::Ephemeral)
            }
            5 if acls => Write::SetAcl {
                path,
                acl: Some(self.list()),
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

    fn list(&mut self) -> Vec<Acl> {
        let entry = |perms, scheme: &str, id: &str| Acl {
            perms,
            id: Id {
                scheme: scheme.into(),
                id: id.into(),
            },
        };
        let mut list = vec![entry(self.random.random_range(24..32), "world", "anyone")];
        match self.random.random_range(0..6) {
            0 => list.push(entry(3, "ip", "192.0.2.0/24")),
            1 => list = vec![entry(3, "ip", "192.0.2.0/24")],
            _ => {}
        }
        list
    }
}
