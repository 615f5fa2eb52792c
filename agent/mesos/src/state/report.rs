//! The one place where statuses are made: recorded, queued, checkpointed, then sent.

use mesolith_mesos::LaunchProblem;
use mesolith_proto::mesolith::session::v1::{ExecutorExited, StatusUpdate, from_agent};
use mesolith_proto::mesos::v1::{
    ExecutorId, FrameworkId, Label, Labels, TaskId, TaskState, TaskStatus, framework_info::capability,
    task_status,
};
use prost::bytes::Bytes;

use super::{Agent, Cx, Effect, ExecutorKey, KillCause, TaskKey, is_terminal};

/// What a status says besides the state.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report {
    pub(crate) message: Option<String>,
    pub(crate) reason: Option<task_status::Reason>,
    /// The executor's own status, for tasks of a framework's executor.
    pub(crate) of_executor: Option<Box<TaskStatus>>,
    pub(crate) source: Option<task_status::Source>,
    /// Why it could not be started, for programs.
    pub(crate) problem: Option<LaunchProblem>,
}

impl Report {
    pub(crate) fn because(reason: task_status::Reason, message: impl Into<String>) -> Self {
        Self {
            reason: Some(reason),
            message: Some(message.into()),
            ..Self::default()
        }
    }

    pub(crate) fn saying(message: impl Into<String>) -> Self {
        Self {
            message: Some(message.into()),
            ..Self::default()
        }
    }
}

/// A task that ends because its agent is drained says so. Where the agent is gone after that, so is the task, for
/// frameworks that know the state.
fn drained(kill: KillCause, aware: bool, state: TaskState, report: Report) -> (TaskState, Report) {
    let gone = match kill {
        KillCause::Drained => false,
        KillCause::DrainedForGood => aware,
        KillCause::None | KillCause::Asked | KillCause::Unhealthy | KillCause::TooLong => {
            return (state, report);
        }
    };
    let state = match state {
        TaskState::TaskKilling => state,
        TaskState::TaskKilled if gone => TaskState::TaskGoneByOperator,
        TaskState::TaskKilled => state,
        _ => return (state, report),
    };
    let reason = Some(task_status::Reason::AgentDraining);
    (state, Report { reason, ..report })
}

fn label(problem: LaunchProblem) -> Labels {
    let label = Label {
        key: LaunchProblem::LABEL.to_owned(),
        value: Some(problem.as_str().to_owned()),
    };
    Labels { labels: vec![label] }
}

/// The exit status of an executor that was never started.
pub(super) const NEVER_STARTED: i32 = -1;

/// Tells the master that an executor is no more, so that its resources are free.
pub(super) fn executor_exited(key: &ExecutorKey, status: i32, cx: &mut Cx<'_>) {
    cx.send(from_agent::Message::ExecutorExited(ExecutorExited {
        framework_id: Some(FrameworkId {
            value: key.framework.clone(),
        }),
        executor_id: Some(ExecutorId {
            value: key.executor.clone(),
        }),
        status,
    }));
}

impl Agent {
    /// Moves a task to a state. A terminal state is final: whatever comes later is dropped.
    pub(crate) fn report(&mut self, key: &TaskKey, state: TaskState, report: Report, cx: &mut Cx<'_>) {
        let agent_id = self.info.id.clone();
        let aware = self.capable(&key.framework, capability::Type::PartitionAware);
        let Some(task) = self.tasks.get_mut(key) else {
            return;
        };
        if task.is_terminal() {
            return;
        }
        let (state, report) = drained(task.kill, aware, state, report);
        let source = report.source.unwrap_or(task_status::Source::Executor);
        let mut status = report.of_executor.map_or_else(
            || TaskStatus {
                task_id: task.info.task_id.clone(),
                executor_id: Some(ExecutorId {
                    value: task.executor_id().to_owned(),
                }),
                source: Some(source as i32),
                ..TaskStatus::default()
            },
            |status| *status,
        );
        status.state = state as i32;
        status.agent_id = agent_id;
        status.message = report.message.or(status.message);
        status.reason = report.reason.map(|r| r as i32).or(status.reason);
        status.labels = report.problem.map(label).or(status.labels);
        status.timestamp = status.timestamp.or(Some(cx.now.as_secs_f64()));
        status.uuid = status
            .uuid
            .or_else(|| Some(Bytes::copy_from_slice((cx.uuid)().as_bytes())));
        status.container_status = status.container_status.or_else(|| task.container_status.clone());
        status.healthy = status.healthy.or(task.healthy);
        status.check_status = status.check_status.or(task.check);
        task.state = state;
        match task.statuses.last_mut() {
            Some(last) if last.state == status.state => *last = status.clone(),
            _ => task.statuses.push(status.clone()),
        }
        let (silent, container) = (task.silent, task.container.clone());
        let own_container = task.executor.is_none();
        let out = if silent {
            None
        } else {
            self.updates.push(key, status, cx.now)
        };
        cx.push(Effect::SaveTask(key.clone()));
        if is_terminal(state) && own_container {
            cx.push(Effect::Cleanup(container));
        }
        if let Some(status) = out {
            self.send_update(key, status, cx);
        }
        if silent && is_terminal(state) {
            self.forget(key, cx);
        }
    }

    /// Sends an update that is already on disk.
    pub(crate) fn send_update(&self, key: &TaskKey, status: TaskStatus, cx: &mut Cx<'_>) {
        cx.send(from_agent::Message::StatusUpdate(StatusUpdate {
            framework_id: Some(FrameworkId {
                value: key.framework.clone(),
            }),
            latest_state: self.tasks.get(key).map_or(status.state, |t| t.state as i32),
            status: Some(status),
        }));
    }

    /// Forgets a task that needs no more updates: its checkpoint goes, a copy stays for people to look at.
    pub(crate) fn forget(&mut self, key: &TaskKey, cx: &mut Cx<'_>) {
        let Some(task) = self.tasks.remove(key) else {
            return;
        };
        self.updates.drop_stream(key);
        self.completed.task(key.clone(), task.clone());
        cx.push(Effect::ForgetTask(key.clone(), Box::new(task)));
        self.forget_framework_if_idle(&key.framework, cx);
    }

    /// A framework is known as long as it has something here.
    pub(crate) fn forget_framework_if_idle(&mut self, framework: &str, cx: &mut Cx<'_>) {
        let busy = self.tasks.keys().any(|k| k.framework == framework)
            || self.executors.keys().any(|k| k.framework == framework);
        if !busy && let Some(info) = self.frameworks.remove(framework) {
            self.completed.framework(framework.to_owned(), info);
            cx.push(Effect::ForgetFramework(framework.to_owned()));
        }
        if !busy {
            self.stop_if_told(cx);
        }
    }

    /// Ends an agent that its master told to go, once nothing runs. An agent that leaves ends in another way.
    pub(crate) fn stop_if_told(&self, cx: &mut Cx<'_>) {
        let idle = self.tasks.is_empty() && self.executors.is_empty();
        if let Some(message) = self.stopping.as_ref().filter(|_| idle && self.leaving.is_none()) {
            cx.push(Effect::Stop(message.clone()));
        }
    }

    /// Reports that a task which the master knows is not here.
    pub(crate) fn disown(&self, key: &TaskKey, message: &str, cx: &mut Cx<'_>) {
        let state = self.dropped(&key.framework);
        let status = TaskStatus {
            task_id: TaskId {
                value: key.task.clone(),
            },
            state: state as i32,
            source: Some(task_status::Source::Agent as i32),
            reason: Some(task_status::Reason::Reconciliation as i32),
            message: Some(message.to_owned()),
            agent_id: self.info.id.clone(),
            timestamp: Some(cx.now.as_secs_f64()),
            uuid: Some(Bytes::copy_from_slice((cx.uuid)().as_bytes())),
            ..TaskStatus::default()
        };
        self.send_update(key, status, cx);
    }

    /// The state of a task that never started: the one that its framework knows.
    pub(crate) fn dropped(&self, framework: &str) -> TaskState {
        if self.capable(framework, capability::Type::PartitionAware) {
            TaskState::TaskDropped
        } else {
            TaskState::TaskLost
        }
    }

    /// Whether a framework has a capability.
    pub(crate) fn capable(&self, framework: &str, what: capability::Type) -> bool {
        self.frameworks
            .get(framework)
            .is_some_and(|f| f.capabilities.iter().any(|c| c.r#type == Some(what as i32)))
    }
}
