//! Carries out a decision: calls to nodes, in parallel, each with a time limit.

use super::decide::Effect;
use crate::nodes::{Error, Nodes, Order, Owner};
use futures::stream::{self, StreamExt};

/// Calls at the same time; they are short.
const PARALLEL: usize = 64;

/// Does everything; one node's failure stops no other. Returns the first failure.
pub(super) async fn act(nodes: &Nodes, owner: &Owner, effects: Vec<Effect>) -> Result<(), Error> {
    let results: Vec<Result<(), Error>> = stream::iter(effects)
        .map(|effect| one(nodes, owner, effect))
        .buffer_unordered(PARALLEL)
        .collect()
        .await;
    results.into_iter().collect()
}

async fn one(nodes: &Nodes, owner: &Owner, Effect { node, order }: Effect) -> Result<(), Error> {
    match &order {
        Order::Apply {
            generation,
            components,
        } => {
            let ids: Vec<&str> = components.iter().map(|c| c.id.as_str()).collect();
            tracing::info!(node, generation, components = ids.join(","), "component set sent");
        }
        Order::Leave { generation } | Order::End { generation, .. } => {
            tracing::info!(node, generation, "removal sent");
        }
    }
    nodes.tell(owner, &node, order).await
}
