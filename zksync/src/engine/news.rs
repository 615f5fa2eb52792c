//! Acts on what the decisions report: logs conflicts, stores frozen paths, and follows settings.

use mesolith_zk::record::{Op, Txn};
use mesolith_zk::request::{ANY_VERSION, CreateMode, Request, Write};

use super::claim::Stage;
use super::driver::{Driver, Role};
use super::layout::create;
use crate::checkpoint::Checkpoint;
use crate::duplex::News;
use crate::identity::Identity;
use crate::pipeline::Notice;
use crate::routes::Routes;
use crate::settings::{Mode, Settings, Side};

impl Driver {
    pub(super) fn news(&mut self, news: Vec<News>, now: u64) {
        for one in news {
            match one {
                News::Of(from, notice) => self.noticed(from, notice, now),
                News::Conflict(conflict) => {
                    tracing::warn!(path = conflict.path, what = conflict.what, winner = ?conflict.winner, "conflict");
                    if let Err(error) = self.log.write(*conflict, now) {
                        tracing::error!(%error, "a conflict could not be logged");
                        self.errors += 1;
                    }
                }
                News::Frozen(path) => self.keep_frozen(&path),
            }
        }
    }

    fn noticed(&mut self, from: Side, notice: Notice, now: u64) {
        match notice {
            Notice::Applied { seen } => {
                if seen > 0 {
                    self.end_mut(from).lags.record(now.saturating_sub(seen), now);
                }
            }
            Notice::Answered { sent } => {
                let answer = now.saturating_sub(sent);
                self.end_mut(from.other()).answers.record(answer, now);
            }
            Notice::Moved { .. } | Notice::Overtaken { .. } => {}
            Notice::Unwritable { path, code } => {
                tracing::debug!(%from, %path, code, "a change was refused");
                self.errors += 1;
            }
            Notice::Narrowed { what } => {
                tracing::warn!(side = %from.other(), what, "the servers there do not know this; it is left out or made to fit");
            }
            Notice::Fenced { by } => {
                tracing::warn!(by, "another engine has taken over");
                self.role = Role::Standby;
                for side in [Side::A, Side::B] {
                    self.duplex.away_from_mut(side).stand_by();
                    self.end_mut(side).claim.lost();
                }
            }
            Notice::Disowned => self.disowned(from.other()),
        }
    }

    /// Stores a frozen path in the ensembles, so that it outlives this process.
    fn keep_frozen(&mut self, path: &str) {
        let node = create(
            &self.layout.frozen_path(path),
            path.as_bytes(),
            CreateMode::Persistent,
        );
        self.own(Side::B, node);
    }

    pub(super) fn forget_frozen(&mut self, path: &str) {
        let node = Write::Delete {
            path: self.layout.frozen_path(path).into(),
            version: ANY_VERSION,
        };
        self.own(Side::B, node);
    }

    /// Stores the settings where a standby finds them.
    pub(super) fn store_settings(&mut self) {
        let write = Write::SetData {
            path: self.layout.settings().into(),
            data: Some(serde_json::to_vec(&self.settings).unwrap_or_default().into()),
            version: ANY_VERSION,
        };
        self.own(Side::B, write);
    }

    /// Stores the identity of the source.
    pub(super) fn store_identity(&mut self) {
        let version = self.a.servers.borrow().version.clone().unwrap_or_default();
        let identity = Identity::of(Side::A, self.a.link.tree(), &version, self.duplex.routes());
        let write = Write::SetData {
            path: self.layout.identity().into(),
            data: Some(serde_json::to_vec(&identity).unwrap_or_default().into()),
            version: ANY_VERSION,
        };
        self.own(Side::B, write);
    }

    /// Gives the target its own member list, which a seed leaves empty.
    pub(super) fn store_members(&mut self) {
        const PATH: &str = "/zookeeper/config";
        let empty = |node: mesolith_zk::tree::Node<'_>| node.data().is_none_or(<[u8]>::is_empty);
        if self.b.link.tree().get(PATH).is_some_and(empty)
            && let Some(members) = self.b.link.members()
        {
            let write = Write::SetData {
                path: PATH.into(),
                data: Some(members.to_owned().into()),
                version: ANY_VERSION,
            };
            self.own(Side::B, write);
        }
    }

    /// Writes a node of the engine's own. Nobody waits for the answer.
    fn own(&mut self, side: Side, write: Write) {
        if self.end(side).claim.stage == Stage::Held {
            let request = self.end_mut(side).claim.send(Request::Single(write));
            self.send(side, request);
        }
    }

    /// Follows settings that another process of this engine has stored.
    pub(super) fn settings_changed(&mut self, side: Side, txn: &Txn) {
        let Op::SetData(set) = &txn.op else { return };
        if side == Side::B
            && *set.path == *self.layout.settings()
            && let Some(settings) = set
                .data
                .as_deref()
                .and_then(|data| serde_json::from_slice(data).ok())
        {
            self.adopt(settings);
        }
    }

    /// A client link has read a node of this engine: follows the checkpoint or the settings in it.
    pub(super) fn stored(&mut self, path: &str) {
        let tree = self.b.link.tree();
        if *path == self.layout.checkpoint {
            if let Some((checkpoint, _)) = Checkpoint::read(tree, path) {
                self.duplex.away_from_mut(Side::A).follow(&checkpoint);
            }
        } else if *path == self.layout.settings()
            && let Some(settings) = tree
                .get(path)
                .and_then(|node| serde_json::from_slice(node.data()?).ok())
        {
            self.adopt(settings);
        }
    }

    /// Follows settings if they are newer.
    pub(super) fn adopt(&mut self, settings: Settings) {
        if settings.generation <= self.settings.generation {
            return;
        }
        match Routes::new(&settings) {
            Ok(routes) => {
                let changed =
                    settings.routes != self.settings.routes || settings.exclude != self.settings.exclude;
                self.duplex.configure(&settings, routes);
                for side in [Side::A, Side::B] {
                    self.duplex
                        .away_from_mut(side)
                        .pause(settings.mode == Mode::Pause);
                }
                self.settings = settings;
                if changed {
                    self.duplex.begin_sessions(super::end::both(&self.a, &self.b));
                    self.look_again();
                }
            }
            Err(error) => tracing::error!(%error, "stored settings make no sense and are not followed"),
        }
    }
}
