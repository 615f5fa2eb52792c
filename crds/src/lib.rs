//! The custom resources MesosCluster, MarathonApp and ZkMigration (mesolith.io/v1alpha1).
//!
//! Types, bounds, CEL rules, printer columns and pure helpers; no client and no async, so that every tool may use
//! them. The YAML below `manifests/crds/` is generated from here (`cargo xtask codegen`) and is what the charts ship:
//! field docs become `kubectl explain` and `docs/crd-reference/`.
//!
//! Defaults follow one rule: a value the API server writes into an object must not look like drift to a GitOps tool.
//! So there are server-side defaults for plain fields only, never inside lists, whose entries such tools compare as a
//! whole; there the default is stated in the field's doc and applied by an accessor (`HealthCheck::interval_seconds`).

// Every printer column repeats `type_`; the lint takes these for one attribute given twice.
#![allow(clippy::duplicated_attributes)]

mod admission;
pub mod condition;
mod loose;
mod mistyped;
pub mod period;
pub mod ranges;
mod reason;
mod scalar;
mod schema;
pub mod v1alpha1;

pub use admission::policies;
pub use mistyped::mistyped;
pub use reason::{Reason, Severity};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt as _;

/// The API group of every resource.
pub const GROUP: &str = "mesolith.io";

/// The annotation by which a person approves a phase of a ZkMigration: `<phase>@<evidence hash>`.
pub const APPROVE_ANNOTATION: &str = "mesolith.io/approve";

/// The annotation that names who approved; stamped or checked by the admission policies of the chart.
pub const APPROVED_BY_ANNOTATION: &str = "mesolith.io/approved-by";

/// The annotation that names who last asked for a pause, its end, or a way back; stamped or checked like the other one.
pub const ASKED_BY_ANNOTATION: &str = "mesolith.io/asked-by";

/// The definitions of all resources as they are installed, in the order of their names: with numbers and booleans let
/// pass, so that the rules and the [`policies`] say what is wrong with them.
#[must_use]
pub fn definitions() -> Vec<CustomResourceDefinition> {
    typed().into_iter().map(loose::definition).collect()
}

/// The same with the type of every value: what people are to write.
#[must_use]
pub fn typed() -> Vec<CustomResourceDefinition> {
    vec![
        v1alpha1::MarathonApp::crd(),
        v1alpha1::MesosCluster::crd(),
        v1alpha1::ZkMigration::crd(),
    ]
}
