//! Executors that a framework brought along: the v1 executor API as seen by the machine.

use std::time::Duration;

use mesolith_proto::mesolith::session::v1::{FrameworkMessage, from_agent};
use mesolith_proto::mesos::v1::executor::{Event, event};
use mesolith_proto::mesos::v1::{
    AgentInfo, ContainerId, DurationInfo, ExecutorId, FrameworkId, KillPolicy, TaskId, TaskInfo, TaskState,
    TaskStatus,
    task_status::{Reason, Source},
};

use super::report::{NEVER_STARTED, Report, executor_exited};
use super::{
    Agent, ContainerEvent, Cx, Deadline, Effect, ExecutorCall, ExecutorKey, Exit, KillCause, TaskKey,
    deadline,
};

impl Agent {
    pub(crate) fn executor_says(&mut self, key: &ExecutorKey, call: ExecutorCall, cx: &mut Cx<'_>) {
        match call {
            ExecutorCall::Subscribe(subscribe) => self.executor_subscribed(key, subscribe, cx),
            ExecutorCall::Disconnected => {
                if let Some(executor) = self.executors.get_mut(key) {
                    executor.subscribed = false;
                }
            }
            ExecutorCall::Update(status) => self.executor_update(key, *status, cx),
            ExecutorCall::Message(data) => cx.send(from_agent::Message::FrameworkMessage(FrameworkMessage {
                framework_id: Some(FrameworkId {
                    value: key.framework.clone(),
                }),
                executor_id: Some(ExecutorId {
                    value: key.executor.clone(),
                }),
                data,
            })),
        }
    }

    fn executor_subscribed(
        &mut self,
        key: &ExecutorKey,
        subscribe: mesolith_proto::mesos::v1::executor::call::Subscribe,
        cx: &mut Cx<'_>,
    ) {
        let Some(framework_info) = self.frameworks.get(&key.framework).cloned() else {
            return;
        };
        let agent_info = AgentInfo { ..self.info.clone() };
        let Some(executor) = self.executors.get_mut(key) else {
            return;
        };
        executor.subscribed = true;
        let queued = std::mem::take(&mut executor.queued);
        let subscribed = event::Subscribed {
            executor_info: executor.info.clone(),
            framework_info,
            agent_info,
            container_id: Some(ContainerId {
                value: executor.container.clone(),
                ..Default::default()
            }),
        };
        let ending = executor.ending.is_some();
        cx.push(Effect::SaveExecutor(key.clone()));
        self.tell(
            key,
            Event {
                subscribed: Some(subscribed),
                ..of(event::Type::Subscribed)
            },
            cx,
        );
        for update in subscribe.unacknowledged_updates {
            self.executor_update(key, update.status, cx);
        }
        for task in queued {
            let Some(info) = self
                .tasks
                .get(&task)
                .filter(|t| !t.is_terminal())
                .map(|t| t.info.clone())
            else {
                continue;
            };
            self.tell_launch(key, info, cx);
        }
        // The executor may have been disconnected when it was told of these kills.
        for kill in self.kills_of(key, cx.now) {
            self.tell(key, kill, cx);
        }
        if ending {
            self.tell(key, of(event::Type::Shutdown), cx);
        }
    }

    /// Hands a task to its executor.
    pub(crate) fn tell_launch(&mut self, key: &ExecutorKey, task: TaskInfo, cx: &mut Cx<'_>) {
        let launch = Event {
            launch: Some(event::Launch { task }),
            ..of(event::Type::Launch)
        };
        self.tell(key, launch, cx);
    }

    pub(crate) fn tell(&self, key: &ExecutorKey, event: Event, cx: &mut Cx<'_>) {
        if self.executors.get(key).is_some_and(|e| e.subscribed) {
            cx.push(Effect::Tell(key.clone(), Box::new(event)));
        }
    }

    fn executor_update(&mut self, key: &ExecutorKey, status: TaskStatus, cx: &mut Cx<'_>) {
        let task = TaskKey {
            framework: key.framework.clone(),
            task: status.task_id.value.clone(),
        };
        let acknowledged = event::Acknowledged {
            task_id: status.task_id.clone(),
            uuid: status.uuid.clone().unwrap_or_default(),
        };
        let seen = self
            .tasks
            .get(&task)
            .is_some_and(|t| t.statuses.iter().any(|s| s.uuid == status.uuid))
            || self.updates.pending(&task).any(|s| s.uuid == status.uuid);
        if !seen && let Ok(state) = TaskState::try_from(status.state) {
            let status = TaskStatus {
                executor_id: Some(ExecutorId {
                    value: key.executor.clone(),
                }),
                source: Some(Source::Executor as i32),
                ..status
            };
            let report = Report {
                of_executor: Some(Box::new(status)),
                ..Report::default()
            };
            self.report(&task, state, report, cx);
        }
        // The update is on disk or was dropped: either way the executor need not send it again.
        self.tell(
            key,
            Event {
                acknowledged: Some(acknowledged),
                ..of(event::Type::Acknowledged)
            },
            cx,
        );
    }

    pub(crate) fn kill_in_executor(
        &mut self,
        key: &TaskKey,
        policy: Option<KillPolicy>,
        cause: KillCause,
        cx: &mut Cx<'_>,
    ) {
        let Some(task) = self.tasks.get_mut(key) else {
            return;
        };
        let Some(executor) = task.executor.clone() else {
            return;
        };
        let executor_key = ExecutorKey {
            framework: key.framework.clone(),
            executor,
        };
        let grace = deadline::grace(policy.as_ref().or(task.info.kill_policy.as_ref()));
        let Some(deadline) = Deadline::after(cx.now, grace).before(task.deadline) else {
            return; // The executor knows an earlier deadline.
        };
        task.deadline = Some(deadline);
        if task.kill == KillCause::None {
            task.kill = cause;
        }
        let waiting = self.executors.get_mut(&executor_key).is_none_or(|e| {
            let waits = e.queued.contains(key);
            e.queued.retain(|k| k != key);
            waits
        });
        if waiting {
            let report = Report {
                source: Some(Source::Agent),
                ..Report::because(
                    Reason::TaskKilledDuringLaunch,
                    "Killed before delivery to the executor",
                )
            };
            self.report(key, TaskState::TaskKilled, report, cx);
            let idle = !self.tasks.iter().any(|(k, t)| {
                k.framework == executor_key.framework
                    && t.executor.as_ref() == Some(&executor_key.executor)
                    && !t.is_terminal()
            });
            if idle {
                self.shutdown_executor(&executor_key, cx);
            }
            return;
        }
        cx.push(Effect::SaveTask(key.clone()));
        self.tell(&executor_key, kill(key, policy), cx);
    }

    /// The kills of an executor's tasks that are under way, each with the grace that is left.
    fn kills_of(&self, key: &ExecutorKey, now: Duration) -> Vec<Event> {
        let mine = self.tasks.iter().filter(|(k, t)| {
            k.framework == key.framework && t.executor.as_ref() == Some(&key.executor) && !t.is_terminal()
        });
        let killed = mine.filter_map(|(key, task)| Some((key, task.deadline?.remaining(now))));
        killed
            .map(|(key, left)| {
                let nanoseconds = i64::try_from(left.as_nanos()).unwrap_or(i64::MAX);
                let grace_period = Some(DurationInfo { nanoseconds });
                kill(key, Some(KillPolicy { grace_period }))
            })
            .collect()
    }

    /// The scheduler wants an executor ended. One that is not here is reported gone: the master may still count it.
    pub(crate) fn shutdown_executor_of(&mut self, key: &ExecutorKey, cx: &mut Cx<'_>) {
        if !self.executors.contains_key(key) {
            executor_exited(key, NEVER_STARTED, cx);
            return;
        }
        for (id, task) in &mut self.tasks {
            let its = id.framework == key.framework && task.executor.as_ref() == Some(&key.executor);
            if its && task.kill == KillCause::None {
                task.kill = KillCause::Asked;
                cx.push(Effect::SaveTask(id.clone()));
            }
        }
        self.shutdown_executor(key, cx);
    }

    /// Asks an executor to end; its container is killed at the deadline.
    pub(crate) fn shutdown_executor(&mut self, key: &ExecutorKey, cx: &mut Cx<'_>) {
        let Some(executor) = self.executors.get_mut(key) else {
            return;
        };
        let grace = deadline::shutdown_grace(&executor.info);
        let Some(deadline) = Deadline::after(cx.now, grace).before(executor.ending) else {
            return;
        };
        executor.ending = Some(deadline);
        let container = executor.container.clone();
        cx.push(Effect::SaveExecutor(key.clone()));
        self.tell(key, of(event::Type::Shutdown), cx);
        cx.push(Effect::Kill { container, deadline });
    }

    pub(crate) fn executor_container_says(
        &mut self,
        key: &ExecutorKey,
        event: ContainerEvent,
        cx: &mut Cx<'_>,
    ) {
        let (reason, message, status) = match event {
            ContainerEvent::Prepared | ContainerEvent::Started(_) | ContainerEvent::Health { .. } => return,
            ContainerEvent::TooLong => return,
            ContainerEvent::LaunchFailed(why) => (Reason::ContainerLaunchFailed, why.message, -1),
            ContainerEvent::Exited(exit) => {
                let reason = match &exit {
                    Exit::OutOfMemory { .. } => Reason::ContainerLimitationMemory,
                    Exit::Code(_) | Exit::Signal(_) | Exit::BeforeStart | Exit::Unknown(_) => {
                        Reason::ExecutorTerminated
                    }
                };
                let message = match &exit {
                    Exit::OutOfMemory { .. } => super::container::describe("Executor", &exit),
                    _ => "Executor terminated".to_owned(),
                };
                (reason, message, wait_status(&exit))
            }
        };
        let Some(executor) = self.executors.remove(key) else {
            return;
        };
        cx.push(Effect::ForgetExecutor(key.clone(), Box::new(executor.clone())));
        cx.push(Effect::Cleanup(executor.container.clone()));
        self.completed.executor(key.clone(), executor);
        let mine = self.tasks.iter().filter(|(k, t)| {
            k.framework == key.framework && t.executor.as_ref() == Some(&key.executor) && !t.is_terminal()
        });
        let mine: Vec<TaskKey> = mine.map(|(k, _)| k.clone()).collect();
        for task in mine {
            let killed = self.tasks.get(&task).is_some_and(|t| t.kill != KillCause::None);
            let state = if killed {
                TaskState::TaskKilled
            } else {
                TaskState::TaskFailed
            };
            let report = Report {
                source: Some(Source::Agent),
                ..Report::because(reason, message.clone())
            };
            self.report(&task, state, report, cx);
        }
        executor_exited(key, status, cx);
        self.forget_framework_if_idle(&key.framework, cx);
    }
}

fn kill(key: &TaskKey, kill_policy: Option<KillPolicy>) -> Event {
    let task_id = TaskId {
        value: key.task.clone(),
    };
    Event {
        kill: Some(event::Kill { task_id, kill_policy }),
        ..of(event::Type::Kill)
    }
}

fn of(r#type: event::Type) -> Event {
    Event {
        r#type: Some(r#type as i32),
        ..Event::default()
    }
}

/// What wait(2) would have said, which is what Mesos passes on.
fn wait_status(exit: &Exit) -> i32 {
    match exit {
        Exit::Code(code) => code << 8,
        Exit::Signal(number) => *number,
        Exit::OutOfMemory { .. } => 9,
        Exit::BeforeStart | Exit::Unknown(_) => -1,
    }
}
