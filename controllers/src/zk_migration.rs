//! ZkMigration: validation and preflight.

use crate::context::Context;
use std::sync::Arc;

/// Runs the controller until it is dropped.
pub(crate) async fn run(_cx: Arc<Context>) {
    std::future::pending::<()>().await;
}
