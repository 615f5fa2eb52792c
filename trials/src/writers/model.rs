//! What a writer knows of its own nodes, and what it does next. Pure.

use std::collections::BTreeMap;

use rand::Rng;
use rand::seq::IndexedRandom;

use super::{LARGE_PARENT, Script};
use crate::checker::Expected;

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// A node below another one.
    Create { path: String, data: Vec<u8> },
    /// A sequential node; ephemeral or not.
    Sequential { prefix: String, ephemeral: bool },
    /// Gone with the session.
    Ephemeral { path: String },
    /// Gone once empty again.
    Container { path: String },
    /// Gone an hour after its last change.
    Ttl { path: String, data: Vec<u8> },
    /// New data.
    Set { path: String, data: Vec<u8> },
    /// New data of the node that all writers set.
    SetShared { data: Vec<u8> },
    /// Another ACL: 0 open, 1 closed to others, 2 with an address.
    SetAcl { path: String, kind: u8 },
    /// Gone.
    Delete { path: String },
    /// A new node, a change of it, and a check of another one, at once.
    Multi {
        path: String,
        check: String,
        data: Vec<u8>,
    },
    /// A multi whose last part cannot be done.
    FailingMulti { path: String },
    /// A write that cannot be done.
    Failing { path: String },
    /// A session that makes an ephemeral and is never heard of again.
    LoseSession { path: String },
    /// Data near a limit of either side: of a new node, or of one that is there.
    Large { path: String, size: usize },
    /// Two changes at once that are near the limit together.
    LargeMulti { paths: [String; 2], size: usize },
    /// Many children at once.
    Many { parent: String, count: usize },
    /// A node that is not carried, made or gone, beside sequential ones that are.
    LeftOut { path: String, made: bool },
}

/// Nodes with much data that a writer has.
const LARGE: usize = 3;

/// Its nodes.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// What each may hold.
    pub(super) expected: Expected,
    /// Those that are surely there and may have children, with how many they surely or maybe have.
    parents: BTreeMap<String, usize>,
    /// Ephemerals of its own session.
    pub(super) ephemerals: Vec<String>,
    count: u64,
    /// Bytes that may still be written in large nodes.
    bytes_left: usize,
    has_many: bool,
}

impl Model {
    /// With a node that is there.
    pub(super) fn new(home: &str, bytes: usize) -> Self {
        let mut this = Self {
            bytes_left: bytes,
            ..Self::default()
        };
        this.expected.insert(home.to_owned(), vec![Some(Vec::new())]);
        this.parents.insert(home.to_owned(), 1);
        this
    }

    /// The next step.
    pub(super) fn choose(&mut self, rng: &mut impl Rng, home: &str, script: &Script) -> Step {
        let (version, containers) = (script.version, script.containers);
        self.count += 1;
        if let Some(step) = self.choose_rare(rng, home, script) {
            return step;
        }
        let mut fresh = format!("n{}", self.count);
        if rng.random_bool(0.01) {
            fresh.push_str(&"-long".repeat(rng.random_range(50..600)));
        }
        let names: Vec<_> = self.parents.keys().cloned().collect();
        let any = names.choose(rng).map_or(home, String::as_str).to_owned();
        // Not too deep: the trees of real users are not.
        let parent = if any.matches('/').count() < 7 {
            any.clone()
        } else {
            home.to_owned()
        };
        let below = format!("{parent}/{fresh}");
        let size = if rng.random_bool(0.02) {
            20_000
        } else {
            rng.random_range(0..120)
        };
        let mut data = format!("{fresh} ").into_bytes();
        data.resize(data.len() + size, b'.');
        let leaves: Vec<_> = self
            .parents
            .iter()
            .filter(|(_, children)| **children == 0)
            .map(|(path, _)| path.clone())
            .collect();
        match rng.random_range(0..100) {
            0..20 => Step::Create { path: below, data },
            20..28 => {
                // A queue of all writers, or one of its own.
                let shared = home.rsplit_once('/').map(|(root, _)| format!("{root}/queue"));
                let queue = shared.filter(|_| rng.random_bool(0.5)).unwrap_or(parent);
                Step::Sequential {
                    prefix: format!("{queue}/s-"),
                    ephemeral: rng.random_bool(0.3),
                }
            }
            28..34 => Step::Ephemeral { path: below },
            34..37 if containers => Step::Container { path: below },
            37..41 if containers => Step::Ttl { path: below, data },
            41..64 => Step::Set { path: any, data },
            64..70 => Step::SetShared { data },
            70..75 => Step::SetAcl {
                path: any,
                kind: rng.random_range(0..3),
            },
            75..85 if !leaves.is_empty() => {
                let gone = self.ephemerals.choose(rng).filter(|_| rng.random_bool(0.3));
                Step::Delete {
                    path: gone.or(leaves.choose(rng)).cloned().unwrap_or(below),
                }
            }
            85..92 if !version.is_old() => Step::Multi {
                path: below,
                check: any,
                data,
            },
            92..94 => Step::FailingMulti { path: any },
            94..96 => Step::Failing {
                path: format!("{below}/none/none"),
            },
            96..98 => Step::LoseSession { path: below },
            _ => Step::Set { path: any, data },
        }
    }

    /// What few users do, and what limits are for.
    fn choose_rare(&mut self, rng: &mut impl Rng, home: &str, script: &Script) -> Option<Step> {
        match rng.random_range(0..100) {
            0..4 if self.bytes_left > 0 => {
                let path = format!("{home}/{LARGE_PARENT}/l{}", rng.random_range(0..LARGE));
                let is_new = !self.has(&path);
                if !is_new && rng.random_bool(0.2) {
                    return Some(Step::Delete { path });
                }
                let size = super::sizes::any(&path, is_new, script.limits, rng);
                self.bytes_left = self.bytes_left.saturating_sub(size);
                Some(Step::Large { path, size })
            }
            4 if self.bytes_left > 0 && !script.version.is_old() => {
                let paths = [0, 1].map(|n| format!("{home}/{LARGE_PARENT}/l{n}"));
                if !paths.iter().all(|path| self.has(path)) {
                    return None;
                }
                // With what is around each of the two, this is just below the limit or just above it.
                let limit = script.limits[usize::from(rng.random_bool(0.5))].min(script.limits[0]);
                let size = limit / 2 - paths[0].len() - rng.random_range(20..80);
                self.bytes_left = self.bytes_left.saturating_sub(2 * size);
                Some(Step::LargeMulti { paths, size })
            }
            5 if script.many && !self.has_many => {
                self.has_many = true;
                Some(Step::Many {
                    parent: format!("{home}/{LARGE_PARENT}"),
                    count: rng.random_range(1_000..3_000),
                })
            }
            6..9 => {
                let path = script.left_out.choose(rng)?;
                Some(Step::LeftOut {
                    path: format!("{}{path}", script.root),
                    made: rng.random_bool(0.6),
                })
            }
            _ => None,
        }
    }

    fn has(&self, path: &str) -> bool {
        let known = self.expected.get(path).and_then(|values| values.last());
        known.is_some_and(Option::is_some)
    }

    /// A node has been written, or may have been.
    pub(super) fn wrote(&mut self, path: &str, data: Option<Vec<u8>>, known: bool) {
        if !known {
            // The write may be done, or be done later, or never.
            let before = self.expected.entry(path.to_owned()).or_insert_with(|| vec![None]);
            before.push(data);
            self.parents.remove(path);
            self.parent_of(path);
            return;
        }
        let there = data.is_some();
        // A lost write may still arrive after this one: no earlier value is ruled out before it is known to be too old.
        let entry = self.expected.entry(path.to_owned()).or_default();
        if entry.len() > 1 {
            entry.push(data)
        } else {
            *entry = vec![data]
        }
        if !there {
            self.parents.remove(path);
            self.ephemerals.retain(|known| known != path);
        }
    }

    /// A node that is surely there can have children from now on.
    pub(super) fn grows(&mut self, path: &str) {
        self.parents.insert(path.to_owned(), 0);
    }

    /// A child was made, or may have been: its parent is not deleted any more.
    pub(super) fn parent_of(&mut self, path: &str) {
        if let Some((parent, _)) = path.rsplit_once('/')
            && let Some(children) = self.parents.get_mut(parent)
        {
            *children += 1;
        }
    }

    /// Nothing is known of an ephemeral any more.
    pub(super) fn lost_ephemerals(&mut self) {
        for path in std::mem::take(&mut self.ephemerals) {
            self.wrote(&path, None, false);
        }
    }
}
