//! Ended tasks and executors, for `/state`. Bounded, and forgotten when the agent restarts.

use std::collections::{BTreeMap, VecDeque};

use mesolith_proto::mesos::v1::FrameworkInfo;

use super::{Executor, ExecutorKey, Task, TaskKey};

/// How many tasks, and how many executors, are kept.
const KEPT: usize = 150;

/// Ended tasks and executors, and whose they were.
#[derive(Debug, Default)]
pub(crate) struct Completed {
    tasks: VecDeque<(TaskKey, Task)>,
    executors: VecDeque<(ExecutorKey, Executor)>,
    frameworks: BTreeMap<String, FrameworkInfo>,
}

impl Completed {
    /// Oldest first.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = &(TaskKey, Task)> {
        self.tasks.iter()
    }

    /// Oldest first.
    pub(crate) fn executors(&self) -> impl Iterator<Item = &(ExecutorKey, Executor)> {
        self.executors.iter()
    }

    /// Frameworks that have nothing here any more.
    pub(crate) fn frameworks(&self) -> impl Iterator<Item = (&String, &FrameworkInfo)> {
        self.frameworks.iter()
    }

    pub(super) fn task(&mut self, key: TaskKey, task: Task) {
        push(&mut self.tasks, (key, task));
    }

    pub(super) fn executor(&mut self, key: ExecutorKey, executor: Executor) {
        push(&mut self.executors, (key, executor));
    }

    /// A framework is kept as long as anything that it had here.
    pub(super) fn framework(&mut self, id: String, info: FrameworkInfo) {
        self.frameworks.insert(id, info);
        let (tasks, executors) = (&self.tasks, &self.executors);
        self.frameworks.retain(|id, _| {
            tasks.iter().any(|(key, _)| key.framework == *id)
                || executors.iter().any(|(key, _)| key.framework == *id)
        });
    }
}

fn push<T>(all: &mut VecDeque<T>, one: T) {
    if all.len() >= KEPT {
        all.pop_front();
    }
    all.push_back(one);
}
