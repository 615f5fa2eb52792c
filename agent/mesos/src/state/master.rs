//! The agent's side of the session: who we are, and what the master asks for.

use mesolith_proto::mesolith::session::v1::{
    Pong, Register, Registered, Reregister, from_agent, from_master,
};
use mesolith_proto::mesos::v1::agent_info::{Capability, capability};
use mesolith_proto::mesos::v1::{
    ExecutorId, ExecutorInfo, FrameworkId, Task as WireTask, TaskId, executor as executor_api,
};

use super::{Agent, Cx, Effect, ExecutorKey, KillCause, Task, TaskKey, is_terminal};
use crate::updates::Acknowledged;

/// The Mesos version whose behaviour we follow, with our own behind it.
pub(crate) const VERSION: &str = "1.11.0";

/// What this agent can do that not every agent of Mesos can.
pub(crate) const CAPABILITIES: [capability::Type; 5] = [
    capability::Type::MultiRole,
    capability::Type::HierarchicalRole,
    capability::Type::ReservationRefinement,
    capability::Type::AgentDraining,
    capability::Type::TaskResourceLimits,
];

impl Agent {
    pub(crate) fn say_hello(&self, cx: &mut Cx<'_>) {
        let version = VERSION.to_owned();
        let capabilities = CAPABILITIES
            .map(|c| Capability {
                r#type: Some(c as i32),
            })
            .to_vec();
        if self.info.id.is_none() {
            cx.send(from_agent::Message::Register(Register {
                agent: Some(self.info.clone()),
                version,
                capabilities,
            }));
            return;
        }
        let executors = self.executors.iter().map(|(key, executor)| ExecutorInfo {
            framework_id: Some(FrameworkId {
                value: key.framework.clone(),
            }),
            ..executor.info.clone()
        });
        cx.send(from_agent::Message::Reregister(Reregister {
            agent: Some(self.info.clone()),
            version,
            tasks: self
                .tasks
                .iter()
                .filter(|(_, t)| !t.silent)
                .map(|(key, task)| self.wire_task(key, task))
                .collect(),
            frameworks: self.frameworks.values().cloned().collect(),
            executors: executors.collect(),
            capabilities,
        }));
    }

    /// A task as the master wants to see it.
    pub(crate) fn wire_task(&self, key: &TaskKey, task: &Task) -> WireTask {
        let out = self.updates.pending(key).next().or(task.statuses.last());
        let agent_id = self.info.id.clone().unwrap_or_default();
        WireTask {
            name: task.info.name.clone(),
            task_id: task.info.task_id.clone(),
            framework_id: FrameworkId {
                value: key.framework.clone(),
            },
            executor_id: task.executor.clone().map(|value| ExecutorId { value }),
            agent_id,
            state: task.state as i32,
            resources: task.info.resources.clone(),
            statuses: task.statuses.clone(),
            status_update_state: out.map(|s| s.state),
            status_update_uuid: out.and_then(|s| s.uuid.clone()),
            labels: task.info.labels.clone(),
            discovery: task.info.discovery.clone(),
            container: task.info.container.clone(),
            health_check: task.info.health_check.clone(),
            kill_policy: task.info.kill_policy,
            user: task.info.command.as_ref().and_then(|c| c.user.clone()),
            limits: task.info.limits.clone(),
        }
    }

    pub(crate) fn master_says(&mut self, message: from_master::Message, cx: &mut Cx<'_>) {
        use from_master::Message;
        match message {
            Message::Registered(registered) => self.registered(registered, cx),
            Message::RunTasks(run) => self.run_tasks(run, cx),
            Message::KillTask(kill) => {
                let key = task_key(kill.framework_id, kill.task_id);
                self.kill_task(&key, kill.kill_policy, cx);
            }
            Message::Acknowledge(ack) => {
                let key = task_key(ack.framework_id, ack.task_id);
                self.acknowledged(&key, &ack.uuid, cx);
            }
            Message::Ping(_) => cx.send(from_agent::Message::Pong(Pong {})),
            Message::ShutdownFramework(gone) => {
                self.shutdown_framework(&gone.framework_id.unwrap_or_default().value, cx);
            }
            Message::ShutdownExecutor(shutdown) => {
                let (framework, executor) = (shutdown.framework_id, shutdown.executor_id);
                let key = ExecutorKey::new(&framework.unwrap_or_default(), &executor.unwrap_or_default());
                self.shutdown_executor_of(&key, cx);
            }
            Message::Drain(drain) => self.drain(drain.config.unwrap_or_default(), cx),
            Message::ShutdownAgent(shutdown) => self.shutdown_agent(shutdown.message, cx),
            Message::UpdateFramework(update) => {
                self.update_framework(update.framework.unwrap_or_default(), cx)
            }
            Message::ReconcileTasks(reconcile) => {
                let framework = reconcile.framework_id.unwrap_or_default();
                for task in &reconcile.task_ids {
                    let key = TaskKey::new(&framework, task);
                    if !self.tasks.contains_key(&key) {
                        self.disown(&key, "Task is unknown to the agent", cx);
                    }
                }
            }
            Message::FrameworkMessage(message) => {
                let key = ExecutorKey::new(
                    &message.framework_id.unwrap_or_default(),
                    &message.executor_id.unwrap_or_default(),
                );
                let event = executor_api::Event {
                    r#type: Some(executor_api::event::Type::Message as i32),
                    message: Some(executor_api::event::Message { data: message.data }),
                    ..Default::default()
                };
                self.tell(&key, event, cx);
            }
        }
    }

    fn registered(&mut self, registered: Registered, cx: &mut Cx<'_>) {
        self.master = registered.master;
        if registered.agent_id.is_some() && self.info.id != registered.agent_id {
            self.info.id = registered.agent_id;
            cx.push(Effect::SaveAgent);
        }
        for (key, status) in self.updates.connected(cx.now) {
            self.send_update(&key, status, cx);
        }
    }

    fn kill_task(
        &mut self,
        key: &TaskKey,
        policy: Option<mesolith_proto::mesos::v1::KillPolicy>,
        cx: &mut Cx<'_>,
    ) {
        match self.tasks.get(key) {
            None => self.disown(key, "Attempted to kill an unknown task", cx),
            Some(task) if task.is_terminal() => {} // Its last update is on its way.
            Some(task) if task.executor.is_some() => self.kill_in_executor(key, policy, KillCause::Asked, cx),
            Some(_) => self.kill(key, policy, KillCause::Asked, cx),
        }
    }

    fn acknowledged(&mut self, key: &TaskKey, uuid: &[u8], cx: &mut Cx<'_>) {
        match self.updates.acknowledge(key, uuid, cx.now) {
            Acknowledged::Unexpected => {}
            Acknowledged::Next(next) => {
                cx.push(Effect::SaveTask(key.clone()));
                if let Some(status) = next {
                    self.send_update(key, *status, cx);
                }
            }
            Acknowledged::Drained => match self.tasks.get(key).map(|t| t.state) {
                Some(state) if is_terminal(state) => self.forget(key, cx),
                Some(_) => cx.push(Effect::SaveTask(key.clone())),
                None => {}
            },
        }
    }
}

fn task_key(framework: Option<FrameworkId>, task: Option<TaskId>) -> TaskKey {
    TaskKey::new(&framework.unwrap_or_default(), &task.unwrap_or_default())
}
