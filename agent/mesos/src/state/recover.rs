//! The checkpoints, and the agent that is made from them after a restart.

use mesolith_proto::mesos::v1::{
    AgentInfo, CheckStatusInfo, ContainerStatus, ExecutorInfo, FrameworkInfo, TaskInfo, TaskState, TaskStatus,
};

use super::launch::launch_of_task;
use super::{
    Agent, Cx, Deadline, Effect, Executor, ExecutorKey, KillCause, Launch, Offers, Task, TaskKey, deadline,
    is_docker, is_terminal,
};

/// Checkpoint of a task.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TaskFile {
    /// As the framework described it.
    #[prost(message, required, tag = "1")]
    pub(crate) info: TaskInfo,
    /// Its framework.
    #[prost(string, tag = "2")]
    pub(crate) framework: String,
    /// The executor that runs it.
    #[prost(string, optional, tag = "3")]
    pub(crate) executor: Option<String>,
    /// Container id.
    #[prost(string, tag = "4")]
    pub(crate) container: String,
    /// Latest state.
    #[prost(enumeration = "TaskState", tag = "5")]
    pub(crate) state: i32,
    /// States it went through.
    #[prost(message, repeated, tag = "6")]
    pub(crate) statuses: Vec<TaskStatus>,
    /// Updates nobody acknowledged yet.
    #[prost(message, repeated, tag = "7")]
    pub(crate) pending: Vec<TaskStatus>,
    /// Why it is being killed.
    #[prost(enumeration = "KillCause", tag = "8")]
    pub(crate) kill: i32,
    /// Its framework is gone.
    #[prost(bool, tag = "9")]
    pub(crate) silent: bool,
    /// Address, pid and the like.
    #[prost(message, optional, tag = "10")]
    pub(crate) container_status: Option<ContainerStatus>,
    /// Verdict of its health check.
    #[prost(bool, optional, tag = "11")]
    pub(crate) healthy: Option<bool>,
    /// Latest result of its check.
    #[prost(message, optional, tag = "12")]
    pub(crate) check: Option<CheckStatusInfo>,
    /// It waits for its executor to subscribe.
    #[prost(bool, tag = "13")]
    pub(crate) queued: bool,
    /// When it is killed for certain.
    #[prost(message, optional, tag = "14")]
    pub(crate) deadline: Option<Deadline>,
}

/// Checkpoint of an executor.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ExecutorFile {
    /// As the framework described it.
    #[prost(message, required, tag = "1")]
    pub(crate) info: ExecutorInfo,
    /// Its framework.
    #[prost(string, tag = "2")]
    pub(crate) framework: String,
    /// Container id.
    #[prost(string, tag = "3")]
    pub(crate) container: String,
    /// Its end was asked for.
    #[prost(bool, tag = "4")]
    pub(crate) ending: bool,
    /// When it is killed for certain.
    #[prost(message, optional, tag = "5")]
    pub(crate) deadline: Option<Deadline>,
}

/// Everything a restarted agent finds.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Checkpoint {
    /// Who we were.
    pub(crate) agent: Option<AgentInfo>,
    /// Frameworks with something here.
    pub(crate) frameworks: Vec<FrameworkInfo>,
    /// Tasks.
    pub(crate) tasks: Vec<TaskFile>,
    /// Executors.
    pub(crate) executors: Vec<ExecutorFile>,
}

impl Checkpoint {
    /// Whether a task that has not ended is in a Docker container.
    pub(crate) fn needs_docker(&self) -> bool {
        self.tasks
            .iter()
            .any(|task| !is_terminal(task.state()) && is_docker(&task.info))
    }

    /// Leaves out the tasks in Docker containers that have not ended, as if another agent had them; returns how many.
    pub(crate) fn set_docker_aside(&mut self) -> usize {
        let before = self.tasks.len();
        self.tasks
            .retain(|task| is_terminal(task.state()) || !is_docker(&task.info));
        before - self.tasks.len()
    }
}

impl Agent {
    /// The checkpoint of a task.
    pub(crate) fn task_file(&self, key: &TaskKey) -> Option<TaskFile> {
        let task = self.tasks.get(key)?;
        let executor = task.executor.as_ref().and_then(|id| {
            self.executors.get(&ExecutorKey {
                framework: key.framework.clone(),
                executor: id.clone(),
            })
        });
        Some(TaskFile {
            info: task.info.clone(),
            framework: key.framework.clone(),
            executor: task.executor.clone(),
            container: task.container.clone(),
            state: task.state as i32,
            statuses: task.statuses.clone(),
            pending: self.updates.pending(key).cloned().collect(),
            kill: task.kill as i32,
            deadline: task.deadline,
            silent: task.silent,
            container_status: task.container_status.clone(),
            healthy: task.healthy,
            check: task.check,
            queued: executor.is_some_and(|e| e.queued.contains(key)),
        })
    }

    /// The checkpoint of an executor.
    pub(crate) fn executor_file(&self, key: &ExecutorKey) -> Option<ExecutorFile> {
        let executor = self.executors.get(key)?;
        Some(ExecutorFile {
            info: executor.info.clone(),
            framework: key.framework.clone(),
            container: executor.container.clone(),
            ending: executor.ending.is_some(),
            deadline: executor.ending,
        })
    }

    /// Rebuilds the agent from its checkpoints; the effects take up again what it was doing.
    pub(crate) fn recover(info: AgentInfo, offers: Offers, found: Checkpoint, cx: &mut Cx<'_>) -> Self {
        let mut agent = Self::new(info, offers);
        for framework in found.frameworks {
            let id = framework
                .id
                .as_ref()
                .map_or_else(String::new, |id| id.value.clone());
            agent.frameworks.insert(id, framework);
        }
        for file in found.executors {
            // Agents before this one did not write deadlines down.
            let grace = deadline::shutdown_grace(&file.info);
            let deadline = file.deadline.unwrap_or_else(|| Deadline::after(cx.now, grace));
            let key = ExecutorKey {
                framework: file.framework,
                executor: file.info.executor_id.value.clone(),
            };
            let executor = Executor {
                info: file.info,
                container: file.container,
                subscribed: false,
                ending: file.ending.then_some(deadline),
                queued: Vec::new(),
            };
            agent.executors.insert(key, executor);
        }
        for file in found.tasks {
            agent.recover_task(file, cx);
        }
        agent.relaunch(cx);
        agent
    }

    fn recover_task(&mut self, file: TaskFile, cx: &Cx<'_>) {
        let key = TaskKey {
            framework: file.framework.clone(),
            task: file.info.task_id.value.clone(),
        };
        if let Some(executor) = &file.executor
            && file.queued
            && let Some(executor) = self.executors.get_mut(&ExecutorKey {
                framework: file.framework.clone(),
                executor: executor.clone(),
            })
        {
            executor.queued.push(key.clone());
        }
        for status in &file.pending {
            self.updates.push(&key, status.clone(), cx.now);
        }
        let grace = deadline::grace(file.info.kill_policy.as_ref());
        let deadline = file.deadline.unwrap_or_else(|| Deadline::after(cx.now, grace));
        let task = Task {
            state: file.state(),
            kill: file.kill(),
            deadline: (file.kill() != KillCause::None).then_some(deadline),
            info: file.info,
            executor: file.executor,
            container: file.container,
            statuses: file.statuses,
            silent: file.silent,
            container_status: file.container_status,
            healthy: file.healthy,
            check: file.check,
        };
        self.tasks.insert(key, task);
    }

    /// Takes every container up again; what was being ended is ended again.
    fn relaunch(&self, cx: &mut Cx<'_>) {
        for (key, task) in self
            .tasks
            .iter()
            .filter(|(_, t)| t.executor.is_none() && !t.is_terminal())
        {
            let Some(framework) = self.frameworks.get(&key.framework) else {
                continue;
            };
            let was_running = task.container_status.is_some();
            let launch = Launch {
                adopt: true,
                was_running,
                ..launch_of_task(task, framework, Default::default())
            };
            cx.push(Effect::Launch(Box::new(launch)));
            if let Some(deadline) = task.deadline {
                cx.push(Effect::Kill {
                    container: task.container.clone(),
                    deadline,
                });
            }
        }
        for (key, executor) in &self.executors {
            let first = self
                .tasks
                .iter()
                .find(|(k, t)| k.framework == key.framework && t.executor.as_ref() == Some(&key.executor));
            let Some(framework) = self.frameworks.get(&key.framework) else {
                continue;
            };
            let task = first.map(|(_, t)| t.info.clone()).unwrap_or_default();
            let launch = Launch {
                container: executor.container.clone(),
                kind: super::Kind::Process,
                framework: framework.clone(),
                task,
                executor: Some(executor.info.clone()),
                adopt: true,
                was_running: true,
                started: None,
                checked: false,
                trace: Default::default(),
            };
            cx.push(Effect::Launch(Box::new(launch)));
            if let Some(deadline) = executor.ending {
                cx.push(Effect::Kill {
                    container: executor.container.clone(),
                    deadline,
                });
            }
        }
    }
}
