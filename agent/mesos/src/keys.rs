//! Names of the things an agent runs, and which of them may become part of a path.

use std::fmt;

use mesolith_proto::mesos::v1::{ExecutorId, FrameworkId, TaskId};

/// A task: its id is unique within its framework only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TaskKey {
    /// Framework id.
    pub(crate) framework: String,
    /// Task id.
    pub(crate) task: String,
}

/// An executor that a framework brought along.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ExecutorKey {
    /// Framework id.
    pub(crate) framework: String,
    /// Executor id.
    pub(crate) executor: String,
}

impl TaskKey {
    /// The key of these two ids.
    pub(crate) fn new(framework: &FrameworkId, task: &TaskId) -> Self {
        Self {
            framework: framework.value.clone(),
            task: task.value.clone(),
        }
    }
}

impl ExecutorKey {
    /// The key of these two ids.
    pub(crate) fn new(framework: &FrameworkId, executor: &ExecutorId) -> Self {
        Self {
            framework: framework.value.clone(),
            executor: executor.value.clone(),
        }
    }
}

impl fmt::Display for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of framework {}", self.task, self.framework)
    }
}

impl fmt::Display for ExecutorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of framework {}", self.executor, self.framework)
    }
}

/// What is wrong with an id by Mesos' rule; ids become directory names.
pub(crate) fn id_problem(id: &str) -> Option<String> {
    if id.is_empty() {
        return Some("ID must not be empty".into());
    }
    if id == "." || id == ".." {
        return Some(format!("'{id}' is disallowed"));
    }
    if id.len() > 255 {
        return Some(format!(
            "ID must not be greater than 255 characters, this one has {}",
            id.len()
        ));
    }
    let bad = |c: char| c.is_control() || c == '/' || c == '\\' || c == ' ';
    id.chars()
        .any(bad)
        .then(|| format!("'{id}' contains invalid characters"))
}

#[cfg(test)]
mod tests {
    use super::id_problem;

    #[test]
    fn ids_cannot_leave_their_directory() {
        for good in ["a", "web.instance-1._app.1", "..."] {
            assert_eq!(id_problem(good), None, "{good}");
        }
        for bad in ["", ".", "..", "a/b", "../x", "a b", "a\n", "a\0"] {
            assert!(id_problem(bad).is_some(), "{bad:?}");
        }
    }
}
