//! A task as the master knows it.

use mesolith_mesos::{AgentId, ExecutorId, FrameworkId, Resources, TaskId, TaskState};
use mesolith_proto::mesos::v1;

use crate::wire;

/// A task: the public description, and its resources in a form that can be computed with.
#[derive(Debug, Clone)]
pub struct Task {
    /// What operators and frameworks are shown.
    pub wire: v1::Task,
    /// What it uses, allocated to its role.
    pub resources: Resources,
}

impl Task {
    /// A task that is about to be launched.
    #[must_use]
    pub fn launched(
        framework: &FrameworkId,
        info: &v1::TaskInfo,
        resources: Resources,
        user: Option<String>,
    ) -> Self {
        let executor_id = info.executor.as_ref().map(|e| e.executor_id.clone());
        let wire = v1::Task {
            name: info.name.clone(),
            task_id: info.task_id.clone(),
            framework_id: v1::FrameworkId {
                value: framework.to_string(),
            },
            executor_id,
            agent_id: info.agent_id.clone(),
            state: v1::TaskState::TaskStaging as i32,
            resources: wire::from_resources(&resources),
            statuses: Vec::new(),
            status_update_state: None,
            status_update_uuid: None,
            labels: info.labels.clone(),
            discovery: info.discovery.clone(),
            container: info.container.clone(),
            health_check: info.health_check.clone(),
            kill_policy: info.kill_policy,
            user,
            limits: info.limits.clone(),
        };
        Self { wire, resources }
    }

    /// A task as an agent reports it.
    #[must_use]
    pub fn reported(wire: v1::Task) -> Self {
        let resources = wire::to_resources(&wire.resources);
        Self { wire, resources }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> TaskId {
        TaskId::from(self.wire.task_id.value.as_str())
    }

    /// Its framework.
    #[must_use]
    pub fn framework(&self) -> FrameworkId {
        FrameworkId::from(self.wire.framework_id.value.as_str())
    }

    /// Its agent.
    #[must_use]
    pub fn agent(&self) -> AgentId {
        AgentId::from(self.wire.agent_id.value.as_str())
    }

    /// Its executor, if the framework brought one.
    #[must_use]
    pub fn executor(&self) -> Option<ExecutorId> {
        self.wire
            .executor_id
            .as_ref()
            .map(|id| ExecutorId::from(id.value.as_str()))
    }

    /// The role whose resources it uses.
    #[must_use]
    pub fn role(&self) -> &str {
        let allocated = self.resources.iter().find_map(|r| r.allocated_to.as_deref());
        allocated.unwrap_or(mesolith_mesos::DEFAULT_ROLE)
    }

    /// Its latest known state.
    #[must_use]
    pub fn state(&self) -> TaskState {
        wire::to_state(self.wire.state)
    }

    /// Sets the latest known state.
    pub fn set_state(&mut self, state: TaskState) {
        self.wire.state = wire::from_state(state) as i32;
    }

    /// Whether the update with this uuid tells the framework its end.
    #[must_use]
    pub fn is_ended_by(&self, uuid: &[u8]) -> bool {
        let told = self.wire.status_update_state.map(wire::to_state);
        told.is_some_and(TaskState::is_terminal) && self.wire.status_update_uuid.as_deref() == Some(uuid)
    }

    /// Remembers a status; one of the same state replaces the last.
    pub fn record(&mut self, status: &v1::TaskStatus) {
        let mut status = status.clone();
        // Data is for the framework and can be large.
        status.data = None;
        match self.wire.statuses.last_mut() {
            Some(last) if last.state == status.state => *last = status,
            _ => self.wire.statuses.push(status),
        }
    }
}
