//! What this controller works with, for one term as leader.

use super::frameworks::Frameworks;
use crate::report::Reporter;
use kube::Client;

/// Shared by the reconciles of one term.
pub(super) struct Context {
    /// Writes finalizers and framework ids.
    pub(super) client: Client,
    /// Writes statuses and events.
    pub(super) reporter: Reporter,
    /// Subscriptions of the Marathon framework, one per MesosCluster; they outlive the term.
    pub(super) frameworks: Frameworks,
    /// Name of this replica.
    pub(super) identity: String,
}
