//! What a person wants of a migration at this moment.

use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_crds::v1alpha1::zk_migration::Phase;

/// What a person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    /// To go on to cluster B.
    Advance,
    /// To go back; what phase `keep` has made stays, or nothing.
    GoBack {
        /// The last phase that stays.
        keep: Option<Phase>,
    },
    /// To stand still.
    Hold(Hold),
}

/// Why it stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    /// `spec.paused`.
    Paused,
}

impl Intent {
    /// Reads it from the spec. Pausing comes first, so that a person can stop a way back too.
    pub(crate) fn of(object: &ZkMigration) -> Self {
        match &object.spec.rollback {
            _ if object.spec.paused => Self::Hold(Hold::Paused),
            Some(rollback) => Self::GoBack {
                keep: rollback.to_phase,
            },
            None => Self::Advance,
        }
    }
}
