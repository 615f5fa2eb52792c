//! The life of a task, as `mesos.v1.TaskState` names it.

use serde::{Deserialize, Serialize};

/// State of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TaskState {
    /// Accepted by the master, not yet started.
    #[serde(rename = "TASK_STAGING")]
    Staging,
    /// The executor has it.
    #[serde(rename = "TASK_STARTING")]
    Starting,
    /// It runs.
    #[serde(rename = "TASK_RUNNING")]
    Running,
    /// It was asked to stop and still runs.
    #[serde(rename = "TASK_KILLING")]
    Killing,
    /// Ended by itself, well.
    #[serde(rename = "TASK_FINISHED")]
    Finished,
    /// Ended by itself, badly.
    #[serde(rename = "TASK_FAILED")]
    Failed,
    /// Ended because someone asked.
    #[serde(rename = "TASK_KILLED")]
    Killed,
    /// Its description was refused.
    #[serde(rename = "TASK_ERROR")]
    Error,
    /// For frameworks without PARTITION_AWARE: any of the states below.
    #[serde(rename = "TASK_LOST")]
    Lost,
    /// It was never started.
    #[serde(rename = "TASK_DROPPED")]
    Dropped,
    /// Its agent cannot be reached; the task may be running, and may come back.
    #[serde(rename = "TASK_UNREACHABLE")]
    Unreachable,
    /// Its agent is back and does not have it.
    #[serde(rename = "TASK_GONE")]
    Gone,
    /// An operator said that its agent never comes back.
    #[serde(rename = "TASK_GONE_BY_OPERATOR")]
    GoneByOperator,
    /// The master does not know the task.
    #[serde(rename = "TASK_UNKNOWN")]
    Unknown,
}

/// A name that is not a task state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a task state")]
pub struct UnknownTaskState(pub String);

impl TaskState {
    /// Every state.
    pub const ALL: [Self; 14] = [
        Self::Staging,
        Self::Starting,
        Self::Running,
        Self::Killing,
        Self::Finished,
        Self::Failed,
        Self::Killed,
        Self::Error,
        Self::Lost,
        Self::Dropped,
        Self::Unreachable,
        Self::Gone,
        Self::GoneByOperator,
        Self::Unknown,
    ];

    /// Whether nothing can come after it. UNREACHABLE is not terminal: the task may be seen again. Neither is
    /// UNKNOWN: the master knows nothing, so it cannot know an end.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Finished
            | Self::Failed
            | Self::Killed
            | Self::Error
            | Self::Lost
            | Self::Dropped
            | Self::Gone
            | Self::GoneByOperator => true,
            Self::Staging
            | Self::Starting
            | Self::Running
            | Self::Killing
            | Self::Unreachable
            | Self::Unknown => false,
        }
    }

    /// Mesos' name of it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Staging => "TASK_STAGING",
            Self::Starting => "TASK_STARTING",
            Self::Running => "TASK_RUNNING",
            Self::Killing => "TASK_KILLING",
            Self::Finished => "TASK_FINISHED",
            Self::Failed => "TASK_FAILED",
            Self::Killed => "TASK_KILLED",
            Self::Error => "TASK_ERROR",
            Self::Lost => "TASK_LOST",
            Self::Dropped => "TASK_DROPPED",
            Self::Unreachable => "TASK_UNREACHABLE",
            Self::Gone => "TASK_GONE",
            Self::GoneByOperator => "TASK_GONE_BY_OPERATOR",
            Self::Unknown => "TASK_UNKNOWN",
        }
    }

    /// What a framework without PARTITION_AWARE is told instead.
    #[must_use]
    pub const fn without_partition_awareness(self) -> Self {
        match self {
            Self::Dropped | Self::Unreachable | Self::Gone | Self::GoneByOperator | Self::Unknown => {
                Self::Lost
            }
            other => other,
        }
    }
}

impl std::fmt::Display for TaskState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for TaskState {
    type Err = UnknownTaskState;

    fn from_str(name: &str) -> Result<Self, UnknownTaskState> {
        Self::ALL
            .into_iter()
            .find(|s| s.as_str() == name)
            .ok_or_else(|| UnknownTaskState(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::TaskState;

    #[test]
    fn names_round_trip() {
        for state in TaskState::ALL {
            assert_eq!(state.as_str().parse::<TaskState>().unwrap(), state);
        }
        assert!("RUNNING".parse::<TaskState>().is_err());
    }

    #[test]
    fn an_unreachable_task_may_come_back() {
        assert!(!TaskState::Unreachable.is_terminal());
        assert!(TaskState::Lost.is_terminal());
        assert_eq!(TaskState::ALL.iter().filter(|s| s.is_terminal()).count(), 8);
    }
}
