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
            };
            cx.nodes.apply(&owner.uid, &node, request).await
        }
        Effect::Remove { node, generation } => {
            tracing::info!(node, generation, "removal sent");
            remove(cx, owner, &node, generation, true, &[]).await
        }
    }
}

/// Asks a node to stop and archive (or delete) everything but these kinds.
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
    };
    cx.nodes.remove(&owner.uid, node, request).await
}

fn cluster(owner: &Owner) -> ClusterRef {
    ClusterRef {
        uid: owner.uid.clone(),
        name: format!("{}/{}", owner.object.namespace, owner.object.name),
    }
}
