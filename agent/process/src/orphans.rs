//! Control groups that belong to no agent any more: finds them by their path, ends and removes them as a whole.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::Error;
use crate::cgroup::Group;

/// Killing, and the shims' own removal of the group that follows it.
const LIMIT: Duration = Duration::from_secs(30);

/// Names of the control groups directly below a path, in any hierarchy.
pub fn groups_below(path: &str) -> BTreeSet<String> {
    Group::open(path).map(|group| group.below()).unwrap_or_default()
}

/// Kills everything in a control group and removes it. One that is not there is fine.
///
/// # Errors
/// When something survives SIGKILL, or the group cannot be removed.
pub async fn destroy_group(path: &str) -> Result<(), Error> {
    let path = path.to_owned();
    let done = tokio::task::spawn_blocking(move || destroy(&path)).await;
    done.unwrap_or_else(|e| Err(refused(e)))
}

fn destroy(path: &str) -> Result<(), Error> {
    let Some(group) = Group::open(path) else {
        return Ok(());
    };
    let deadline = Instant::now() + LIMIT;
    loop {
        if !group.kill_all(LIMIT) {
            let pid = group
                .processes()
                .first()
                .map_or(0, |pid| pid.as_raw().unsigned_abs());
            return Err(Error::WillNotDie { pid });
        }
        // The shim removes it, too: whoever comes second finds nothing, which is what both want.
        let removed = group.remove();
        if !group.exists() {
            return Ok(());
        }
        if Instant::now() > deadline {
            return removed.map_err(refused);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn refused(message: impl ToString) -> Error {
    Error::Prepare {
        step: "remove a control group".into(),
        message: message.to_string(),
    }
}
