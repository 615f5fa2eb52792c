//! What an action writes, or why it makes no sense now.

use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_crds::v1alpha1::zk_migration::{Phase, Stage};
use serde_json::Value;

/// What an action does to the object: nothing else is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// A JSON merge patch of the object; absent when it is so already.
    pub patch: Option<Value>,
    /// What happens now, for people.
    pub says: String,
}

/// The action makes no sense now. Each sentence says where the migration is and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The operator has not looked at it yet.
    #[error("{name} has no status yet; is the operator running? kubectl get zkmigration {name} -o wide")]
    NotSeen {
        /// The migration.
        name: String,
    },
    /// There is nothing to approve.
    #[error("{name} waits for no approval: {phase} is in stage {stage:?}{why}")]
    NothingWaits {
        /// The migration.
        name: String,
        /// Where it is.
        phase: Phase,
        /// Where it is.
        stage: Stage,
        /// What it waits for, with a colon before it.
        why: String,
    },
    /// It goes back, which needs no approval.
    #[error("{name} goes back, which needs no approval: it undoes {phase} (stage {stage:?})")]
    GoesBack {
        /// The migration.
        name: String,
        /// What it undoes.
        phase: Phase,
        /// How far that is.
        stage: Stage,
    },
    /// The phase that was named does not come next.
    #[error("{name} cannot begin {asked} ({}) now: {phase} waits for its approval, and {} comes after it", asked.number(), then(*next))]
    NotNext {
        /// The migration.
        name: String,
        /// What was asked for.
        asked: Phase,
        /// What waits.
        phase: Phase,
        /// What comes next, if anything.
        next: Option<Phase>,
    },
    /// The evidence that was seen is not the present one.
    #[error("{given} is not the evidence of {phase}: it is {shown} now. Look at it, then approve it")]
    StaleEvidence {
        /// The hash that was given.
        given: String,
        /// Whose evidence.
        phase: Phase,
        /// The present hash.
        shown: String,
    },
    /// The phase that is to stay has not been passed.
    #[error("{name} is not past {keep}: there is nothing to take back{so}")]
    NothingToGoBack {
        /// The migration.
        name: String,
        /// What was to stay.
        keep: Phase,
        /// What else can be done.
        so: String,
    },
    /// It goes back already, and somewhere else.
    #[error("{name} goes back to {} already, which cannot be changed on the way: wait for its end, then ask again", place(*to))]
    OtherRollback {
        /// The migration.
        name: String,
        /// The phase that stays, or none.
        to: Option<Phase>,
    },
    /// It has gone back, and stays there until it is told to go forward.
    #[error("{name} has gone back to {} and stays there: mesos-migrate resume goes forward again, then it can go back further", place(*to))]
    RollbackEnded {
        /// The migration.
        name: String,
        /// The phase that stays, or none.
        to: Option<Phase>,
    },
    /// It is being deleted.
    #[error(
        "{name} is being deleted: it goes on by itself, or stays as its finalizer says: kubectl describe zkmigration {name}"
    )]
    Deleted {
        /// The migration.
        name: String,
    },
}

impl Refused {
    /// One CamelCase word.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotSeen { .. } => "NotSeen",
            Self::NothingWaits { .. } => "NothingWaits",
            Self::GoesBack { .. } => "GoesBack",
            Self::NotNext { .. } => "NotNext",
            Self::StaleEvidence { .. } => "StaleEvidence",
            Self::NothingToGoBack { .. } => "NothingToGoBack",
            Self::OtherRollback { .. } => "OtherRollback",
            Self::RollbackEnded { .. } => "RollbackEnded",
            Self::Deleted { .. } => "Deleted",
        }
    }
}

fn then(next: Option<Phase>) -> String {
    next.map_or_else(
        || "nothing".to_owned(),
        |next| format!("{next} ({})", next.number()),
    )
}

/// Where a way back ends, for people.
pub(crate) fn place(keep: Option<Phase>) -> String {
    keep.map_or_else(|| "the start".to_owned(), |phase| phase.to_string())
}

/// Its name.
pub(crate) fn name(object: &ZkMigration) -> String {
    object.metadata.name.clone().unwrap_or_default()
}

/// An object that is being deleted takes no wishes any more.
pub(crate) fn alive(object: &ZkMigration) -> Result<(), Refused> {
    match &object.metadata.deletion_timestamp {
        Some(_) => Err(Refused::Deleted { name: name(object) }),
        None => Ok(()),
    }
}
