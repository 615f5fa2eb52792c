//! Pausing and going on.

use crate::action::{Change, Refused, alive, name, place};
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_crds::v1alpha1::zk_migration::{Direction, Stage};
use serde_json::json;

/// Starts nothing new from now on.
///
/// # Errors
/// When the object is being deleted.
pub fn pause(object: &ZkMigration) -> Result<Change, Refused> {
    alive(object)?;
    let name = name(object);
    Ok(if object.spec.paused {
        Change {
            patch: None,
            says: format!("{name} is paused already"),
        }
    } else {
        Change {
            patch: Some(json!({"spec": {"paused": true}})),
            says: format!(
                "{name}: paused: nothing new is started, synchronisation goes on; mesos-migrate resume goes on"
            ),
        }
    })
}

/// Goes on after a pause; after a rollback that has ended, goes forward again.
///
/// # Errors
/// When the object is being deleted.
pub fn resume(object: &ZkMigration) -> Result<Change, Refused> {
    alive(object)?;
    let name = name(object);
    let status = object.status.clone().unwrap_or_default();
    let ended = status.direction == Some(Direction::Back) && status.stage == Some(Stage::Done);
    Ok(match (&object.spec.rollback, object.spec.paused) {
        // Undoing one phase has ended; the one before it may be next.
        (Some(rollback), _) if ended && status.phase.and_then(|at| at.previous()) == rollback.to_phase => {
            Change {
                patch: Some(json!({"spec": {"rollback": null, "paused": false}})),
                says: format!(
                    "{name}: the way back has ended at {}; it goes forward again",
                    place(rollback.to_phase)
                ),
            }
        }
        (Some(rollback), true) => Change {
            patch: Some(json!({"spec": {"paused": false}})),
            says: format!("{name}: goes on going back to {}", place(rollback.to_phase)),
        },
        (None, true) => Change {
            patch: Some(json!({"spec": {"paused": false}})),
            says: format!("{name}: goes on"),
        },
        (_, false) => Change {
            patch: None,
            says: format!("{name} is not paused"),
        },
    })
}
