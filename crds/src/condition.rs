//! Conditions in the standard Kubernetes shape, and the words that all resources share.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// Summary of long-running resources: everything asked for is there and works.
pub const READY: &str = "Ready";
/// kstatus: work towards the newest spec is under way.
pub const RECONCILING: &str = "Reconciling";
/// kstatus: no progress, and waiting alone will not help.
pub const STALLED: &str = "Stalled";
/// The object's `paused` field is honoured.
pub const PAUSED: &str = "Paused";
/// A cluster's spec is that of before its migration.
pub const SPEC_BEHIND: &str = "SpecBehind";
/// The operator keeps failing for the reason that the condition has.
pub const DEGRADED: &str = "Degraded";

/// A status that says which generation it is about, and has conditions.
pub trait Observed {
    /// Its conditions.
    fn conditions(&self) -> &[Condition];

    /// Replaces them, as they are for that `metadata.generation`.
    fn observe(&mut self, generation: Option<i64>, conditions: Vec<Condition>);
}

macro_rules! observed {
    ($($status:ty),*) => {$(
        impl Observed for $status {
            fn conditions(&self) -> &[Condition] {
                &self.conditions
            }

            fn observe(&mut self, generation: Option<i64>, conditions: Vec<Condition>) {
                self.observed_generation = generation;
                self.conditions = conditions;
            }
        }
    )*};
}

observed!(
    crate::v1alpha1::MesosClusterStatus,
    crate::v1alpha1::MarathonAppStatus,
    crate::v1alpha1::ZkMigrationStatus
);

/// The condition of that type.
#[must_use]
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.type_ == type_)
}

/// Whether the condition of that type is `True`.
#[must_use]
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|c| c.status == "True")
}
