//! What components have on this machine, wanted or not: what a run before has left is seen here.

use mesolith_proto::node::v1 as pb;

use crate::layout::Layout;
use crate::node::Node;

/// Every component with a directory, by owner and id.
pub(crate) fn all(node: &Node) -> Vec<pb::Held> {
    on_disk(&node.layout, &node.board.state("").clusters)
}

/// `known` is what the ledger has.
fn on_disk(layout: &Layout, known: &[pb::ClusterState]) -> Vec<pb::Held> {
    let mut all = Vec::new();
    for uid in layout.owners_on_disk() {
        let owner = known
            .iter()
            .find(|state| state.cluster.as_ref().is_some_and(|owner| owner.uid == uid));
        let name = owner
            .and_then(|state| Some(state.cluster.as_ref()?.name.clone()))
            .unwrap_or_default();
        for id in layout.components_on_disk(&uid) {
            let home = layout.component(&uid, &id);
            // Something else that a person keeps below the state directory.
            if !home.run().is_dir() && !home.conf().is_dir() {
                continue;
            }
            let wanted = owner.is_some_and(|state| state.components.iter().any(|shown| shown.id == id));
            all.push(pb::Held {
                owner: Some(pb::ClusterRef {
                    uid: uid.clone(),
                    name: name.clone(),
                }),
                path: home.root().display().to_string(),
                wanted,
                id,
            });
        }
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_wants_any_more_is_still_seen() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path().into());
        for (uid, id) in [("u1", "zookeeper"), ("u1", "zookeeper2"), ("u2", "master")] {
            std::fs::create_dir_all(layout.component(uid, id).run()).unwrap();
        }
        for other in ["ledger", "backup/u1", "pki/old"] {
            std::fs::create_dir_all(dir.path().join(other)).unwrap();
        }
        let known = pb::ClusterState {
            cluster: Some(pb::ClusterRef {
                uid: "u1".into(),
                name: "default/prod".into(),
            }),
            components: vec![pb::ComponentState {
                id: "zookeeper".into(),
                ..pb::ComponentState::default()
            }],
            ..pb::ClusterState::default()
        };
        let seen: Vec<(String, String, bool)> = on_disk(&layout, &[known])
            .into_iter()
            .map(|held| (held.owner.unwrap().name, held.id, held.wanted))
            .collect();
        let expected = [
            ("default/prod", "zookeeper", true),
            ("default/prod", "zookeeper2", false),
            ("", "master", false),
        ];
        assert_eq!(
            seen,
            expected.map(|(name, id, wanted)| (name.to_owned(), id.to_owned(), wanted))
        );
    }
}
