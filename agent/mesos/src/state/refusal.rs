//! Launches that this agent refuses: it does not leave out silently what it cannot do.

use mesolith_mesos::LaunchProblem;
use mesolith_proto::mesos::v1::container_info::docker_info::Network;
use mesolith_proto::mesos::v1::{
    CommandInfo, ContainerInfo, ExecutorInfo, LinuxInfo, Resource, TaskInfo, TaskState, environment,
    executor_info, task_status::Reason,
};

use super::kind::{Kind, kind_of};
use super::report::Report;
use super::{Agent, Offers};
use crate::keys::id_problem;

impl Agent {
    /// Nothing is started by an agent that is about to end.
    pub(super) fn refusal_on_the_way_out(&self, framework: &str) -> Option<(TaskState, Report)> {
        let ends = self.leaving.is_some() || self.stopping.is_some();
        let report = || Report::because(Reason::AgentRemoved, "This agent leaves the cluster");
        ends.then(|| (self.dropped(framework), report()))
    }
}

/// The state and reason of a launch that this agent refuses; the message says what to do instead.
pub(super) fn refusal(task: &TaskInfo, group: bool, offers: &Offers) -> Option<(TaskState, Report)> {
    if group {
        let message = "LAUNCH_GROUP needs Mesos' default executor, which this agent does not have: \
                       launch the tasks one by one with LAUNCH";
        return Some((
            TaskState::TaskError,
            Report::because(Reason::TaskGroupInvalid, message),
        ));
    }
    if let Some(message) = invalid(task) {
        return Some((
            TaskState::TaskError,
            Report::because(Reason::TaskInvalid, message),
        ));
    }
    let (problem, message) = unavailable(task, offers)?;
    let report = Report {
        problem,
        ..Report::because(Reason::ContainerLaunchFailed, message)
    };
    Some((TaskState::TaskFailed, report))
}

/// Why no agent could run the task.
fn invalid(task: &TaskInfo) -> Option<String> {
    let executor = task.executor.as_ref();
    let ids = std::iter::once(task.task_id.value.as_str());
    let mut ids = ids.chain(executor.map(|e| e.executor_id.value.as_str()));
    if let Some(problem) = ids.find_map(id_problem) {
        return Some(problem);
    }
    match executor {
        Some(executor) => refused_executor(executor),
        None if kind_of(task.container.as_ref()) == Kind::Process && task.command.is_none() => {
            Some("Task has neither a command, an executor nor a container".into())
        }
        None => None,
    }
}

/// Why this agent, as it is set up, cannot run the task.
fn unavailable(task: &TaskInfo, offers: &Offers) -> Option<(Option<LaunchProblem>, String)> {
    let unable = |message: String| (None, message);
    if let Some(secret) = secret_variable(task) {
        return Some(unable(format!(
            "environment variable {secret} is a secret, and this agent has no secret resolver: pass a VALUE"
        )));
    }
    if task.executor.is_some() {
        return needs_mesos(offers).map(unable);
    }
    let volume = |r: &Resource| r.disk.as_ref().is_some_and(|d| d.persistence.is_some());
    if task.resources.iter().any(volume) {
        return Some(unable(
            "This agent has no persistent volumes: use a host_path volume".into(),
        ));
    }
    if task.check.is_some() {
        return Some(unable(
            "This agent carries out health checks and no other checks: use health_check instead of check"
                .into(),
        ));
    }
    if let Some(container) = &task.container
        && let Some(message) = linux_problem(container)
    {
        return Some(unable(message));
    }
    match kind_of(task.container.as_ref()) {
        Kind::Docker => match &offers.docker {
            Some(Ok(())) => task.container.as_ref().and_then(docker_problem).map(unable),
            Some(Err(why)) => Some((
                Some(LaunchProblem::DockerUnavailable),
                format!("This agent cannot run Docker containers: {why}"),
            )),
            None => Some(unable(
                "This agent cannot run Docker containers: its --containerizers does not contain docker"
                    .into(),
            )),
        },
        Kind::Process => {
            let problem = task.container.as_ref().and_then(process_problem);
            problem.or_else(|| needs_mesos(offers)).map(unable)
        }
    }
}

/// Refuses a network that the container would not be in: another one may lack the isolation that was asked for.
fn docker_problem(container: &ContainerInfo) -> Option<String> {
    let mode = match container.docker.as_ref()?.network() {
        Network::User => return None, // The engine knows its networks.
        Network::Host => "host",
        Network::Bridge => "bridge",
        Network::None => "none",
    };
    let mut names = container.network_infos.iter().filter_map(|n| n.name.as_deref());
    let name = names.find(|name| *name != mode)?;
    Some(format!(
        "network_infos asks for network '{name}' and docker.network for {mode}: set docker.network to USER"
    ))
}

/// Refuses what a plain process in a control group does not have.
fn process_problem(container: &ContainerInfo) -> Option<String> {
    if container.mesos.as_ref().is_some_and(|m| m.image.is_some()) {
        return Some(
            "The mesos containerizer of this agent runs no images: use a container of type DOCKER".into(),
        );
    }
    if !container.volumes.is_empty() {
        return Some(
            "The mesos containerizer of this agent mounts no volumes: use a container of type DOCKER".into(),
        );
    }
    let mut networks = container.network_infos.iter();
    if let Some(name) = networks.clone().find_map(|n| n.name.as_deref()) {
        // The first words are Mesos'.
        return Some(format!(
            "Unknown CNI network '{name}': the mesos containerizer of this agent has the host's network only; \
             use a container of type DOCKER"
        ));
    }
    if networks.any(|n| !n.port_mappings.is_empty()) {
        return Some(
            "The mesos containerizer of this agent has the host's network only, where nothing is mapped: \
             remove the port mappings, or use a container of type DOCKER"
                .into(),
        );
    }
    let missing = [
        (container.hostname.is_some(), "hostname"),
        (container.tty_info.is_some(), "tty_info"),
    ];
    let (_, field) = missing.into_iter().find(|(asked, _)| *asked)?;
    Some(format!(
        "The mesos containerizer of this agent does not support container.{field}: use a container of type DOCKER"
    ))
}

/// Refuses `linux_info`: neither kind of container does what it asks for.
fn linux_problem(container: &ContainerInfo) -> Option<String> {
    let info = container.linux_info.as_ref()?;
    // A wish to share is not refused: processes share namespaces and control groups anyway.
    let asked = LinuxInfo {
        share_pid_namespace: info.share_pid_namespace.filter(|shared| !shared),
        share_cgroups: None,
        ..info.clone()
    };
    (asked != LinuxInfo::default()).then(|| {
        "This agent does not support container.linux_info: with a container of type DOCKER use the Docker parameters \
         cap-add, cap-drop, security-opt, pid, ipc and shm-size"
            .to_owned()
    })
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

/// The first secret in the environment of a command that this agent would run.
fn secret_variable(task: &TaskInfo) -> Option<&str> {
    let own = task.command.as_ref();
    let executor = task.executor.as_ref().and_then(|e| e.command.as_ref());
    let check = task.health_check.as_ref().and_then(|h| h.command.as_ref());
    let commands = own.into_iter().chain(executor).chain(check);
    let environments = commands.filter_map(|command: &CommandInfo| command.environment.as_ref());
    let mut variables = environments.flat_map(|e| &e.variables);
    let secret = |v: &&environment::Variable| v.r#type == Some(environment::variable::Type::Secret as i32);
    variables.find(secret).map(|v| v.name.as_str())
}
