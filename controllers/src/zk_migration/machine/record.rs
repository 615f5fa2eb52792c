//! Where a migration stands: the part of the status that the machine moves.

use mesolith_crds::v1alpha1::zk_migration::{Direction, Phase, Stage};

/// Where a migration stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// The phase that is made or undone.
    pub(crate) phase: Phase,
    /// How far it is.
    pub(crate) stage: Stage,
    /// Whether it is made or undone.
    pub(crate) direction: Direction,
    /// Hash of the evidence that is shown; only while it waits for an approval, and after it was given.
    pub(crate) evidence: Option<String>,
}

impl Record {
    /// Before anything was done.
    pub(crate) const START: Self = Self {
        phase: Phase::DeployZk,
        stage: Stage::Preflight,
        direction: Direction::Forward,
        evidence: None,
    };

    /// In another stage.
    pub(crate) fn at(&self, stage: Stage) -> Self {
        Self {
            stage,
            evidence: None,
            ..self.clone()
        }
    }

    /// Whether nothing of the migration exists: never begun, or gone back all the way.
    pub(crate) fn is_clean(&self) -> bool {
        let begun = self.direction == Direction::Forward && self.stage != Stage::Preflight;
        let undone = self.direction == Direction::Back && self.stage == Stage::Done;
        self.phase == Phase::DeployZk && (undone || (self.direction == Direction::Forward && !begun))
    }

    /// Whether every phase is done.
    pub(crate) fn is_complete(&self) -> bool {
        self.phase == Phase::RemoveZk && self.stage == Stage::Done && self.direction == Direction::Forward
    }
}
