//! What it takes to launch a task.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use mesolith_proto::mesolith::session::v1::RunTasks;
use mesolith_proto::mesos::v1::{
    CommandInfo, ExecutorId, ExecutorInfo, FrameworkId, FrameworkInfo, TaskInfo, TaskState,
    task_status::Reason,
};

use super::kind::{Kind, kind_of};
use super::refusal::refusal;
use super::report::{NEVER_STARTED, Report, executor_exited};
use super::{Agent, Cx, Effect, Executor, ExecutorKey, KillCause, Task, TaskKey};

/// Everything a container needs to start.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Launch {
    /// Container id.
    pub(crate) container: String,
    /// Which containerizer.
    pub(crate) kind: Kind,
    /// Its framework.
    pub(crate) framework: FrameworkInfo,
    /// The task, or for an executor its first one.
    pub(crate) task: TaskInfo,
    /// The executor, if the container is one's.
    pub(crate) executor: Option<ExecutorInfo>,
    /// It was started by an earlier run of the agent.
    pub(crate) adopt: bool,
    /// The task was seen running: an adopted container that is gone has been lost.
    pub(crate) was_running: bool,
    /// Start of the container, since the epoch; none before. Time limit and grace of the health check count from here.
    pub(crate) started: Option<Duration>,
    /// Its health check has had a verdict.
    pub(crate) checked: bool,
    /// W3C trace context of the ACCEPT.
    pub(crate) trace: HashMap<String, String>,
}

impl Launch {
    /// The directory name Mesos gives the executor: the task's own id if it has none.
    pub(crate) fn executor_id(&self) -> &str {
        self.executor
            .as_ref()
            .map_or(&self.task.task_id.value, |e| &e.executor_id.value)
    }

    /// The command that runs in the container, or that its image is given.
    pub(crate) fn command(&self) -> Option<&CommandInfo> {
        match &self.executor {
            Some(executor) => executor.command.as_ref(),
            None => self.task.command.as_ref(),
        }
    }

    /// The user that it runs as; empty is the agent's own.
    pub(crate) fn user(&self) -> &str {
        let own = self.command().and_then(|c| c.user.as_deref());
        own.filter(|user| !user.is_empty())
            .unwrap_or(&self.framework.user)
    }

    /// The framework's id.
    pub(crate) fn framework_id(&self) -> &str {
        self.framework.id.as_ref().map_or("", |id| &id.value)
    }
}

impl Agent {
    pub(crate) fn run_tasks(&mut self, run: RunTasks, cx: &mut Cx<'_>) {
        let Some(framework) = run.framework.clone() else {
            return;
        };
        let Some(id) = framework.id.clone() else { return };
        if self.frameworks.get(&id.value) != Some(&framework) {
            self.frameworks.insert(id.value.clone(), framework.clone());
            cx.push(Effect::SaveFramework(id.value.clone()));
        }
        let executors = charged_executors(&id, &run);
        for task in run.tasks {
            let key = TaskKey::new(&id, &task.task_id);
            if self.tasks.contains_key(&key) {
                continue; // The master sends a launch once; this one is already on its way.
            }
            let refused = self
                .refusal_on_the_way_out(&id.value)
                .or_else(|| refusal(&task, run.group, &self.offers))
                .or_else(|| self.without_its_executor(&id, &task, &run.running_executors));
            self.admit(key.clone(), task, cx);
            match refused {
                Some((state, report)) => {
                    let report = Report {
                        source: Some(mesolith_proto::mesos::v1::task_status::Source::Agent),
                        ..report
                    };
                    self.report(&key, state, report, cx);
                }
                None => self.start(&key, &framework, &run.trace, cx),
            }
        }
        // The master has charged these executors: one that did not start must not stay charged.
        for key in executors {
            if !self.executors.contains_key(&key) {
                executor_exited(&key, NEVER_STARTED, cx);
            }
        }
    }

    /// Refuses a task whose executor is gone although the master took it to be running: it has not charged a new one.
    fn without_its_executor(
        &self,
        framework: &FrameworkId,
        task: &TaskInfo,
        running: &[ExecutorId],
    ) -> Option<(TaskState, Report)> {
        let id = &task.executor.as_ref()?.executor_id;
        let there = self.executors.contains_key(&ExecutorKey::new(framework, id));
        if there || !running.contains(id) {
            return None;
        }
        let state = self.dropped(&framework.value);
        let message = "No executor is expected to launch and there is no executor running";
        Some((state, Report::because(Reason::ExecutorTerminated, message)))
    }

    fn admit(&mut self, key: TaskKey, info: TaskInfo, cx: &mut Cx<'_>) {
        let executor = info.executor.as_ref().map(|e| e.executor_id.value.clone());
        let task = Task {
            executor,
            container: (cx.uuid)().to_string(),
            state: TaskState::TaskStaging,
            statuses: Vec::new(),
            kill: KillCause::None,
            deadline: None,
            silent: false,
            container_status: None,
            healthy: None,
            check: None,
            info,
        };
        self.tasks.insert(key, task);
    }

    fn start(
        &mut self,
        key: &TaskKey,
        framework: &FrameworkInfo,
        trace: &HashMap<String, String>,
        cx: &mut Cx<'_>,
    ) {
        let Some(task) = self.tasks.get_mut(key) else {
            return;
        };
        let Some(info) = task.info.executor.clone() else {
            let launch = launch_of_task(task, framework, trace.clone());
            cx.push(Effect::SaveTask(key.clone()));
            cx.push(Effect::Launch(Box::new(launch)));
            return;
        };
        let executor_key = ExecutorKey {
            framework: key.framework.clone(),
            executor: info.executor_id.value.clone(),
        };
        if let Some(executor) = self.executors.get_mut(&executor_key) {
            task.container = executor.container.clone();
            cx.push(Effect::SaveTask(key.clone()));
            cx.push(Effect::Resize(executor_key.clone()));
            if executor.subscribed {
                let info = task.info.clone();
                self.tell_launch(&executor_key, info, cx);
            } else {
                executor.queued.push(key.clone());
            }
            return;
        }
        let executor = Executor {
            info: info.clone(),
            container: task.container.clone(),
            subscribed: false,
            ending: None,
            queued: vec![key.clone()],
        };
        let launch = Launch {
            executor: Some(info),
            ..launch_of_task(task, framework, trace.clone())
        };
        self.executors.insert(executor_key.clone(), executor);
        cx.push(Effect::SaveTask(key.clone()));
        cx.push(Effect::SaveExecutor(executor_key));
        cx.push(Effect::Launch(Box::new(launch)));
    }
}

/// The launch of a task that has its own container.
pub(crate) fn launch_of_task(
    task: &Task,
    framework: &FrameworkInfo,
    trace: HashMap<String, String>,
) -> Launch {
    Launch {
        container: task.container.clone(),
        kind: kind_of(task.info.container.as_ref()),
        framework: framework.clone(),
        task: task.info.clone(),
        executor: None,
        adopt: false,
        was_running: false,
        started: started(task),
        checked: task.healthy.is_some(),
        trace,
    }
}

/// When a container started: its first STARTING. Later states may repeat, with later times.
fn started(task: &Task) -> Option<Duration> {
    let starting = task
        .statuses
        .iter()
        .find(|s| s.state() == TaskState::TaskStarting);
    Duration::try_from_secs_f64(starting?.timestamp?).ok()
}

/// Executors that are to start with this launch.
fn charged_executors(framework: &FrameworkId, run: &RunTasks) -> BTreeSet<ExecutorKey> {
    let of_tasks = run.tasks.iter().filter_map(|task| task.executor.as_ref());
    of_tasks
        .chain(&run.executor)
        .map(|info| &info.executor_id)
        .filter(|id| !run.running_executors.contains(id))
        .map(|id| ExecutorKey::new(framework, id))
        .collect()
}
