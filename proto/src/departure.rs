//! What a Mesos agent that leaves its cluster for good tells its supervisor: a file in its work directory.
//!
//! The supervisor shows how many tasks are left, and knows from it how long to wait and when nothing is left.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file's content; replaced as a whole at every change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Departure {
    /// Tasks that have not ended, and executors without a task.
    pub tasks: u32,
    /// Unix seconds: the longest grace is over then.
    pub ends_by: i64,
    /// Nothing that the agent started is left, and it will not come back under its id.
    pub left: bool,
    /// Why tasks in Docker containers cannot be ended now, if they cannot.
    pub no_docker: Option<String>,
}

impl Departure {
    /// Where the file of an agent with this work directory is.
    #[must_use]
    pub fn path(work_dir: &Path) -> PathBuf {
        work_dir.join("departure.json")
    }

    /// What an agent has told so far. None while it has told nothing, or nothing that can be read.
    #[must_use]
    pub fn read(work_dir: &Path) -> Option<Self> {
        let text = std::fs::read(Self::path(work_dir)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Departure;

    #[test]
    fn what_was_told_is_read_and_damage_is_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Departure::read(dir.path()), None);
        let told = Departure {
            tasks: 3,
            ends_by: 1_700_000_000,
            ..Departure::default()
        };
        std::fs::write(Departure::path(dir.path()), told.text()).unwrap();
        assert_eq!(Departure::read(dir.path()), Some(told));
        std::fs::write(Departure::path(dir.path()), "{\"tasks\": ").unwrap();
        assert_eq!(Departure::read(dir.path()), None);
    }
}
