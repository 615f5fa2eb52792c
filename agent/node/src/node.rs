//! What every part of the node agent shares.

use mesolith_telemetry::Shutdown;

use crate::board::Board;
use crate::kinds::Machine;
use crate::layout::Layout;
use crate::metrics::Metrics;
use crate::precondition::Tools;

/// Fixed for the life of the process.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) layout: Layout,
    pub(crate) machine: Machine,
    pub(crate) tools: Tools,
    pub(crate) board: Board,
    pub(crate) metrics: Metrics,
    pub(crate) http: reqwest::Client,
    pub(crate) shutdown: Shutdown,
}
