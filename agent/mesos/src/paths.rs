//! The layout of `--work_dir`, which is that of Mesos.
//!
//! ```text
//! work_dir/slaves/<agent>/frameworks/<framework>/executors/<executor>/runs/<container>      a sandbox
//! work_dir/slaves/<agent>/frameworks/<framework>/executors/<executor>/runs/latest           -> newest run
//! work_dir/meta/slaves/<agent>/agent.info                                                   who we are
//! work_dir/meta/slaves/<agent>/frameworks/<framework>/framework.info
//! work_dir/meta/slaves/<agent>/frameworks/<framework>/executors/<executor>/runs/<container>/...  checkpoints
//! work_dir/meta/slaves/latest                                                               -> <agent>
//! ```
//!
//! A task without an executor of its own lives in an executor directory named after the task, as in Mesos.

use std::path::{Path, PathBuf};

/// Paths of one agent id.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    work_dir: PathBuf,
}

impl Paths {
    /// Paths below this directory.
    pub(crate) fn new(work_dir: impl Into<PathBuf>) -> Self {
        Self {
            work_dir: work_dir.into(),
        }
    }

    /// The directory itself.
    pub(crate) fn work_dir(&self) -> &Path {
        &self.work_dir
    }

    /// Checkpoints of every agent id this directory has had.
    pub(crate) fn meta_slaves(&self) -> PathBuf {
        self.work_dir.join("meta/slaves")
    }

    /// Checkpoints of one agent id.
    pub(crate) fn meta(&self, agent: &str) -> PathBuf {
        self.meta_slaves().join(agent)
    }

    /// Checkpoints of one framework.
    pub(crate) fn meta_framework(&self, agent: &str, framework: &str) -> PathBuf {
        self.meta(agent).join("frameworks").join(framework)
    }

    /// Checkpoints of one container.
    pub(crate) fn meta_run(&self, agent: &str, framework: &str, executor: &str, container: &str) -> PathBuf {
        run(self.meta_framework(agent, framework), executor, container)
    }

    /// A container's sandbox.
    pub(crate) fn sandbox(&self, agent: &str, framework: &str, executor: &str, container: &str) -> PathBuf {
        run(
            self.work_dir
                .join("slaves")
                .join(agent)
                .join("frameworks")
                .join(framework),
            executor,
            container,
        )
    }
}

fn run(framework: PathBuf, executor: &str, container: &str) -> PathBuf {
    framework
        .join("executors")
        .join(executor)
        .join("runs")
        .join(container)
}

#[cfg(test)]
mod tests {
    use super::Paths;

    #[test]
    fn a_sandbox_is_where_mesos_puts_it() {
        let sandbox = Paths::new("/w").sandbox("S1", "F", "task-1", "C");
        assert_eq!(
            sandbox.to_str(),
            Some("/w/slaves/S1/frameworks/F/executors/task-1/runs/C")
        );
    }
}
