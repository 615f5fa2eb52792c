//! MarathonApp: the Marathon scheduler.

use crate::context::Context;
use std::sync::Arc;

/// Subscriptions as framework `marathon`, one per MesosCluster.
#[derive(Default)]
pub(crate) struct Frameworks {}

/// Runs the controller until it is dropped.
pub(crate) async fn run(_cx: Arc<Context>) {
    std::future::pending::<()>().await;
}
