//! What becomes of a field.

use serde::Serialize;
use utoipa::ToSchema;

/// What becomes of a field of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fate {
    /// The field, with dots: `sync.lag_threshold_ms`.
    pub field: String,
    /// What it holds; secrets are not shown.
    pub value: String,
    /// The field of the ZkMigration with its value, or why there is none.
    pub becomes: String,
    /// Whether it has an effect.
    pub acts: bool,
}

/// Fates, as they come up.
#[derive(Default)]
pub(super) struct Fates(Vec<Fate>);

impl Fates {
    /// It acts.
    pub(super) fn to(&mut self, field: &str, value: impl ToString, becomes: impl Into<String>) {
        self.push(field, value, becomes, true);
    }

    /// It has no counterpart; the sentence says why.
    pub(super) fn none(&mut self, field: &str, value: impl ToString, why: impl Into<String>) {
        self.push(field, value, why, false);
    }

    fn push(&mut self, field: &str, value: impl ToString, becomes: impl Into<String>, acts: bool) {
        self.0.push(Fate {
            field: field.to_owned(),
            value: value.to_string(),
            becomes: becomes.into(),
            acts,
        });
    }

    pub(super) fn done(self) -> Vec<Fate> {
        self.0
    }
}
