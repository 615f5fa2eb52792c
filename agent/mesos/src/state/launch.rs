//! What it takes to launch a task, and which launches this agent refuses.

use std::collections::HashMap;
use std::time::Duration;

use mesolith_mesos::LaunchProblem;
use mesolith_proto::mesolith::session::v1::RunTasks;
use mesolith_proto::mesos::v1::{
    ContainerInfo, ExecutorInfo, FrameworkInfo, KillPolicy, Resource, TaskInfo, TaskState, container_info,
    environment, executor_info, task_status::Reason,
};

use super::report::Report;
use super::{Agent, Cx, Effect, Executor, ExecutorKey, KillCause, Offers, Task, TaskKey};
use crate::keys::id_problem;

/// Mesos' default for a task without a kill policy.
const KILL_GRACE: Duration = Duration::from_secs(3);

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
    /// W3C trace context of the ACCEPT.
    pub(crate) trace: HashMap<String, String>,
}

/// Containerizers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A process in its own cgroup.
    Process,
    /// A Docker container.
    Docker,
}

impl Launch {
    /// The directory name Mesos gives the executor: the task's own id if it has none.
    pub(crate) fn executor_id(&self) -> &str {
        self.executor
            .as_ref()
            .map_or(&self.task.task_id.value, |e| &e.executor_id.value)
    }

    /// The framework's id.
    pub(crate) fn framework_id(&self) -> &str {
        self.framework.id.as_ref().map_or("", |id| &id.value)
    }
}

impl Agent {
    pub(crate) fn run_tasks(&mut self, run: RunTasks, cx: &mut Cx<'_>) {
        let Some(framework) = run.framework else { return };
        let Some(id) = framework.id.clone() else { return };
        if self.frameworks.get(&id.value) != Some(&framework) {
            self.frameworks.insert(id.value.clone(), framework.clone());
            cx.push(Effect::SaveFramework(id.value.clone()));
        }
        for task in run.tasks {
            let key = TaskKey::new(&id, &task.task_id);
            if self.tasks.contains_key(&key) {
                continue; // The master sends a launch once; this one is already on its way.
            }
            let refused = refusal(&task, run.group, &self.offers);
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
    }

    fn admit(&mut self, key: TaskKey, info: TaskInfo, cx: &mut Cx<'_>) {
        let executor = info.executor.as_ref().map(|e| e.executor_id.value.clone());
        let task = Task {
            executor,
            container: (cx.uuid)().to_string(),
            state: TaskState::TaskStaging,
            statuses: Vec::new(),
            kill: KillCause::None,
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
            ending: false,
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
        trace,
    }
}

/// Whether Docker runs it.
pub(crate) fn is_docker(task: &TaskInfo) -> bool {
    task.executor.is_none() && kind_of(task.container.as_ref()) == Kind::Docker
}

fn kind_of(container: Option<&ContainerInfo>) -> Kind {
    match container {
        Some(c) if c.r#type == container_info::Type::Docker as i32 => Kind::Docker,
        _ => Kind::Process,
    }
}

/// How long a task may take to end.
pub(crate) fn grace(policy: Option<&KillPolicy>) -> Duration {
    let asked = policy.and_then(|p| p.grace_period.as_ref());
    asked.map_or(KILL_GRACE, |d| {
        Duration::from_nanos(d.nanoseconds.max(0).unsigned_abs())
    })
}

/// Why this agent does not even try: the state it reports, and what to do instead.
fn refusal(task: &TaskInfo, group: bool, offers: &Offers) -> Option<(TaskState, Report)> {
    let invalid = |message: String| {
        Some((
            TaskState::TaskError,
            Report::because(Reason::TaskInvalid, message),
        ))
    };
    let unable = |message: String| {
        Some((
            TaskState::TaskFailed,
            Report::because(Reason::ContainerLaunchFailed, message),
        ))
    };
    if group {
        let message = "LAUNCH_GROUP needs Mesos' default executor, which this agent does not have: \
                       launch the tasks one by one with LAUNCH";
        return Some((
            TaskState::TaskError,
            Report::because(Reason::TaskGroupInvalid, message),
        ));
    }
    let executor = task.executor.as_ref().map(|e| e.executor_id.value.as_str());
    for id in std::iter::once(task.task_id.value.as_str()).chain(executor) {
        if let Some(problem) = id_problem(id) {
            return invalid(problem);
        }
    }
    if let Some(executor) = &task.executor {
        return match refused_executor(executor) {
            Some(message) => invalid(message),
            None => needs_mesos(offers).and_then(unable),
        };
    }
    if let Some(secret) = secret_variable(task) {
        return unable(format!(
            "environment variable {secret} is a secret, and this agent has no secret resolver: pass a VALUE"
        ));
    }
    let volume = |r: &Resource| r.disk.as_ref().is_some_and(|d| d.persistence.is_some());
    if task.resources.iter().any(volume) {
        return unable("This agent has no persistent volumes: use a host_path volume".into());
    }
    match kind_of(task.container.as_ref()) {
        Kind::Docker => match &offers.docker {
            Some(Ok(())) => None,
            Some(Err(why)) => {
                let message = format!("This agent cannot run Docker containers: {why}");
                let report = Report {
                    problem: Some(LaunchProblem::DockerUnavailable),
                    ..Report::because(Reason::ContainerLaunchFailed, message)
                };
                Some((TaskState::TaskFailed, report))
            }
            None => unable(
                "This agent cannot run Docker containers: its --containerizers does not contain docker"
                    .into(),
            ),
        },
        Kind::Process => match &task.container {
            Some(container) if container.mesos.as_ref().is_some_and(|m| m.image.is_some()) => unable(
                "The mesos containerizer of this agent runs no images: use a container of type DOCKER".into(),
            ),
            Some(container) if !container.volumes.is_empty() => unable(
                "The mesos containerizer of this agent mounts no volumes: use a container of type DOCKER"
                    .into(),
            ),
            _ if task.command.is_none() => {
                invalid("Task has neither a command, an executor nor a container".into())
            }
            _ => needs_mesos(offers).and_then(unable),
        },
    }
}

fn needs_mesos(offers: &Offers) -> Option<String> {
    let message = "This agent cannot run processes: its --containerizers does not contain mesos";
    (!offers.mesos).then(|| message.to_owned())
}

fn refused_executor(executor: &ExecutorInfo) -> Option<String> {
    if executor.r#type == Some(executor_info::Type::Default as i32) {
        return Some(
            "Mesos' default executor is not built into this agent: launch without an executor, \
             or with one of your own"
                .into(),
        );
    }
    if executor.command.is_none() {
        return Some(format!("Executor {} has no command", executor.executor_id.value));
    }
    executor.container.is_some().then(|| {
        format!(
            "Executor {} asks for a container; this agent runs executors as plain processes",
            executor.executor_id.value
        )
    })
}

fn secret_variable(task: &TaskInfo) -> Option<&str> {
    let environment = task.command.as_ref()?.environment.as_ref()?;
    let secret = |v: &&environment::Variable| v.r#type == Some(environment::variable::Type::Secret as i32);
    environment.variables.iter().find(secret).map(|v| v.name.as_str())
}
