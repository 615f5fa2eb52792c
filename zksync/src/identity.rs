//! Recognises an ensemble, so that a stored position is never used on the wrong one. The identity is kept next to the
//! checkpoint.
//!
//! A position does not say which ensemble it belongs to, and servers before 3.6 offer no digest to check it. So a few
//! of the oldest nodes are remembered. No two ensembles have created the same node with the same zxid in the same
//! millisecond, unless one began with a copy of the other's data.

use serde::{Deserialize, Serialize};

use mesolith_zk::record::Zxid;
use mesolith_zk::tree::Tree;

use crate::settings::Side;
use crate::{Routes, seed};

/// Number of nodes that are remembered.
const SAMPLES: usize = 8;

/// A node by which ensembles are told apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Path of the node.
    pub path: String,
    /// The transaction that created it.
    pub czxid: i64,
    /// Time of its creation, in milliseconds since 1970.
    pub ctime: i64,
}

/// What is remembered of an ensemble.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Version of its leader, for people to read. An upgrade does not change the identity.
    pub version: String,
    /// The last position that was used. An ensemble never goes back behind it, unless it was restored.
    pub zxid: i64,
    /// Its oldest persistent nodes in scope.
    pub samples: Vec<Sample>,
}

/// Whether a tree fits an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is the same ensemble.
    Same,
    /// It is another ensemble, or an older state of it. The sentence says what was seen.
    Different(String),
    /// None of the remembered nodes is left, so it cannot be told.
    Unknown,
}

impl Identity {
    /// The identity of the ensemble that a tree comes from.
    pub fn of(side: Side, tree: &Tree, version: &str, routes: &Routes) -> Self {
        // The path is built only for nodes that are older than the youngest one kept so far.
        let mut oldest: Vec<(i64, Sample)> = Vec::with_capacity(SAMPLES + 1);
        for node in tree.nodes() {
            let stat = node.stored();
            let full = oldest.len() == SAMPLES;
            if stat.ephemeral_owner != 0
                || (full && oldest.last().is_some_and(|(last, _)| *last <= stat.czxid.0))
            {
                continue;
            }
            let path = node.path();
            if routes.locate(side, &path).is_none() {
                continue;
            }
            let at = oldest.partition_point(|(czxid, _)| *czxid <= stat.czxid.0);
            let (czxid, ctime) = (stat.czxid.0, stat.ctime);
            oldest.insert(at, (czxid, Sample { path, czxid, ctime }));
            oldest.truncate(SAMPLES);
        }
        Self {
            version: version.to_owned(),
            zxid: tree.last_zxid().0,
            samples: oldest.into_iter().map(|(_, sample)| sample).collect(),
        }
    }
}

/// Whether a tree comes from the remembered ensemble and has not gone back.
pub fn same(identity: &Identity, tree: &Tree) -> Verdict {
    let (stored, now) = (Zxid(identity.zxid), tree.last_zxid());
    let mut other = None;
    let mut agrees = false;
    for sample in &identity.samples {
        let Some(node) = tree.get(&sample.path) else {
            continue;
        };
        let stat = node.stored();
        if (stat.czxid.0, stat.ctime) == (sample.czxid, sample.ctime) {
            agrees = true;
        } else {
            other.get_or_insert((sample, stat.czxid));
        }
    }
    if now < stored {
        return Verdict::Different(format!(
            "the ensemble is at {now}, and was at {stored} before: it is another one, or its data went back (restored \
             from a backup, or started on other disks)"
        ));
    }
    match other {
        _ if agrees => Verdict::Same,
        Some((sample, czxid)) => Verdict::Different(format!(
            "{} was created by transaction {czxid} here, and by {} in the ensemble that was followed before: it is \
             another one",
            sample.path,
            Zxid(sample.czxid)
        )),
        None => Verdict::Unknown,
    }
}

/// Whether two trees are of the same ensemble. Before the call, a session was opened on A under an id that the engine
/// chose and does not mirror. Both trees must be newer than that.
pub fn same_ensemble(a: &Tree, b: &Tree, session_of_ours_on_a: i64) -> bool {
    let on = |tree: &Tree| tree.sessions().contains_key(&session_of_ours_on_a);
    // A target that was seeded while the session was open has it too, but its epoch is far ahead.
    let apart = a.last_zxid().epoch().abs_diff(b.last_zxid().epoch());
    on(a) && on(b) && apart < seed::EPOCHS_AHEAD
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use mesolith_zk::record::NodeStat;

    fn tree(nodes: &[(&str, i64)], at: i64) -> Tree {
        let mut tree = Tree::new();
        for (path, czxid) in nodes {
            let stat = NodeStat {
                czxid: Zxid(*czxid),
                ctime: czxid * 10,
                ephemeral_owner: i64::from(path.ends_with("-e")),
                ..NodeStat::default()
            };
            tree.insert(path, None, None, stat).unwrap();
        }
        tree.set_last_zxid(Zxid(at));
        tree
    }

    fn all() -> Routes {
        Routes::new(&Settings {
            exclude: vec!["/x".to_owned()],
            ..Settings::default()
        })
        .unwrap()
    }

    #[test]
    fn the_oldest_persistent_nodes_in_scope_are_remembered() {
        let names: Vec<String> = (0..20).map(|n| format!("/n{n}")).collect();
        let mut nodes: Vec<_> = names.iter().map(|name| (&**name, 50)).collect();
        nodes.extend([("/b", 9), ("/a", 7), ("/a/c-e", 3), ("/x", 2), ("/mesolith", 1)]);
        let identity = Identity::of(Side::A, &tree(&nodes, 60), "3.8.0", &all());
        let paths: Vec<_> = identity.samples.iter().map(|s| &*s.path).collect();
        assert_eq!(paths.len(), 8);
        assert_eq!(paths[..2], ["/a", "/b"]);
        assert!(paths[2].starts_with("/n"), "{paths:?}");
        let text = serde_json::to_string(&identity).unwrap();
        assert_eq!(serde_json::from_str::<Identity>(&text).unwrap(), identity);
    }

    #[test]
    fn verdicts() {
        let identity = Identity::of(Side::A, &tree(&[("/a", 7), ("/b", 9)], 60), "3.8.0", &all());
        for (nodes, at, expected) in [
            (&[("/a", 7), ("/b", 9)][..], 60, "same"),
            // One of the nodes was created again.
            (&[("/a", 7), ("/b", 70)], 80, "same"),
            (
                &[("/a", 70), ("/b", 71)],
                80,
                "/a was created by transaction 0x46",
            ),
            (&[("/b", 71)], 80, "/b was created by"),
            (&[("/c", 7)], 80, "unknown"),
            // The right ensemble, restored from a backup.
            (&[("/a", 7), ("/b", 9)], 59, "at 0x3b, and was at 0x3c"),
        ] {
            let said = match same(&identity, &tree(nodes, at)) {
                Verdict::Same => "same".to_owned(),
                Verdict::Unknown => "unknown".to_owned(),
                Verdict::Different(sentence) => sentence,
            };
            assert!(said.contains(expected), "{nodes:?}: {said}");
        }
        assert_eq!(same(&Identity::default(), &tree(&[], 1)), Verdict::Unknown);
    }

    #[test]
    fn one_ensemble_shows_a_session_on_both_sides() {
        let at = |epoch, sessions: &[i64]| {
            let mut tree = tree(&[], Zxid::new(epoch, 4).0);
            sessions.iter().for_each(|id| tree.set_session(*id, 1000));
            tree
        };
        let a = at(3, &[1, 7]);
        assert!(same_ensemble(&a, &at(3, &[1, 7]), 7));
        assert!(same_ensemble(&a, &at(4, &[7]), 7));
        assert!(!same_ensemble(&a, &at(3, &[1]), 7));
        assert!(!same_ensemble(&a, &at(3 + seed::EPOCHS_AHEAD + 1, &[1, 7]), 7));
        assert!(!same_ensemble(&at(3, &[]), &at(3, &[7]), 7));
    }
}
