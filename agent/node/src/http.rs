//! Metrics, liveness, readiness.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use mesolith_telemetry::Health;
use tokio::net::TcpListener;

use crate::node::Node;
use crate::precondition;

/// Pause between two looks at the disk.
const LOOK: Duration = Duration::from_secs(2);

/// Serves until shutdown.
pub(crate) async fn serve(listener: TcpListener, node: &Arc<Node>) -> anyhow::Result<()> {
    let registry = mesolith_telemetry::registry("mesolith_agent");
    node.metrics.register(&registry);
    let health = Health::default();
    health.set("state-dir", state_dir(node));
    let router = mesolith_telemetry::router(registry, health.clone());
    let looking = async {
        loop {
            tokio::time::sleep(LOOK).await;
            health.set("state-dir", state_dir(node));
        }
    };
    tokio::select! {
        served = mesolith_telemetry::serve_on(listener, router, node.shutdown.clone()) => {
            served.context("the metrics and health endpoint ended")
        }
        () = looking => Ok(()),
    }
}

/// Ready when a desired set could be stored and acted upon.
fn state_dir(node: &Node) -> Result<(), String> {
    let root = node.layout.root();
    match precondition::disk(root) {
        None if root.is_dir() => Ok(()),
        None => Err(format!("{} is gone", root.display())),
        Some(problem) => Err(problem.message),
    }
}
