//! What this controller works with. It is made anew for each term as leader, and what it started ends with the term.

use crate::nodes::{Dials, Nodes};
use crate::report::Reporter;
use kube::Client;

/// Shared by the reconciles of one term.
pub(super) struct Context {
    /// Writes finalizers and reads apps.
    pub(super) client: Client,
    /// Writes statuses and events.
    pub(super) reporter: Reporter,
    /// Connections to node agents.
    pub(super) nodes: Nodes,
    /// Ways to reach the nodes of each cluster.
    pub(super) dials: Dials,
    /// Asks masters.
    pub(super) http: reqwest::Client,
}
