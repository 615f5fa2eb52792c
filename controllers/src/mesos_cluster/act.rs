//! Carries out a decision: calls to nodes, in parallel, each with a time limit.

use super::decide::Effect;
use super::model::Kind;
use crate::context::Context;
use crate::nodes::{Error, Owner};
use futures::stream::{self, StreamExt};
use mesolith_proto::node::v1::{ApplyRequest, ClusterRef, RemoveRequest};

/// Calls at the same time; they are short.
const PARALLEL: usize = 64;

/// Does everything; one node's failure stops no other. Returns the first failure.
pub(crate) async fn act(cx: &Context, owner: &Owner, effects: Vec<Effect>) -> Result<(), Error> {
    let results: Vec<Result<(), Error>> = stream::iter(effects)
        .map(|effect| one(cx, owner, effect))
        .buffer_unordered(PARALLEL)
        .collect()
        .await;
    results.into_iter().collect()
}

async fn one(cx: &Context, owner: &Owner, effect: Effect) -> Result<(), Error> {
    match effect {
        Effect::Apply {
            node,
            generation,
            components,
        } => {
            let ids: Vec<&str> = components.iter().map(|c| c.id.as_str()).collect();
            tracing::info!(node, generation, components = ids.join(","), "component set sent");
            let request = ApplyRequest {
                cluster: Some(cluster(owner)),
                generation,
                components,
                known_ids: known_ids(),
            };
            cx.nodes.apply(&owner.uid, &node, request).await
        }
        Effect::Remove { node, generation } => {
            tracing::info!(node, generation, "removal sent");
            let request = RemoveRequest {
                cluster: Some(cluster(owner)),
                archive: true,
                generation,
                // The cluster goes on without this node: what a newer operator put there is its own.
                known_ids: known_ids(),
                keep: Vec::new(),
            };
            cx.nodes.remove(&owner.uid, &node, request).await
        }
    }
}

/// Asks a node to stop and archive (or delete) everything of a cluster that is deleted, but for these kinds. Without
/// kinds it takes also what this operator does not know.
pub(crate) async fn remove(
    cx: &Context,
    owner: &Owner,
    node: &str,
    generation: u64,
    archive: bool,
    keep: &[Kind],
) -> Result<(), Error> {
    let request = RemoveRequest {
        cluster: Some(cluster(owner)),
        archive,
        generation,
        keep: keep.iter().map(|kind| kind.id().to_owned()).collect(),
        known_ids: if keep.is_empty() { Vec::new() } else { known_ids() },
    };
    cx.nodes.remove(&owner.uid, node, request).await
}

/// Of another component on a node this operator does not decide.
fn known_ids() -> Vec<String> {
    Kind::ALL.map(|kind| kind.id().to_owned()).to_vec()
}

fn cluster(owner: &Owner) -> ClusterRef {
    ClusterRef {
        uid: owner.uid.clone(),
        name: format!("{}/{}", owner.object.namespace, owner.object.name),
    }
}
