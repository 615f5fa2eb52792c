//! The environment of a process: Mesos' variables, then the executor's or task's own, which win.

use std::collections::BTreeMap;

use mesolith_mesos::format_duration;
use mesolith_proto::mesos::v1::{CommandInfo, Environment};

use super::Job;
use crate::state::deadline;

/// PATH of commands, if the agent itself has none.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The environment of a process, which is a command or an executor.
pub(super) fn of_process(job: &Job, command: &CommandInfo) -> BTreeMap<String, String> {
    let launch = &job.launch;
    let sandbox = job.sandbox.display().to_string();
    let mut env: BTreeMap<String, String> = std::env::vars().filter(|(name, _)| inherited(name)).collect();
    let mut set = |name: &str, value: String| env.insert(name.to_owned(), value);
    if std::env::var_os("PATH").is_none() {
        set("PATH", PATH.to_owned());
    }
    set("MESOS_FRAMEWORK_ID", launch.framework_id().to_owned());
    set("MESOS_EXECUTOR_ID", launch.executor_id().to_owned());
    set("MESOS_DIRECTORY", sandbox.clone());
    set("MESOS_SANDBOX", sandbox);
    set("MESOS_SLAVE_ID", job.agent_id.clone());
    set("MESOS_SLAVE_PID", format!("slave(1)@{}", job.settings.endpoint));
    set("MESOS_AGENT_ENDPOINT", job.settings.endpoint.clone());
    set("MESOS_HTTP_COMMAND_EXECUTOR", "0".to_owned());
    set("MESOS_CONTAINER_ID", launch.container.clone());
    set("LIBPROCESS_PORT", "0".to_owned());
    if let Some(executor) = &launch.executor {
        let grace = format_duration(deadline::shutdown_grace(executor));
        set("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", grace);
        set(
            "MESOS_CHECKPOINT",
            u8::from(launch.framework.checkpoint()).to_string(),
        );
        if launch.framework.checkpoint() {
            set("MESOS_RECOVERY_TIMEOUT", "15mins".to_owned());
            set("MESOS_SUBSCRIPTION_BACKOFF_MAX", "2secs".to_owned());
        }
    } else {
        set("MESOS_TASK_ID", launch.task.task_id.value.clone());
    }
    env.extend(own(command.environment.as_ref()));
    env
}

/// As in Mesos, a process inherits the agent's environment, without the variables that configure the agent.
fn inherited(name: &str) -> bool {
    !["MESOS_", "MESOLITH_", "LIBPROCESS_", "OTEL_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

/// The environment of a Docker container.
pub(super) fn of_container(job: &Job) -> BTreeMap<String, String> {
    let mut env = BTreeMap::from([
        ("MESOS_SANDBOX".to_owned(), job.settings.sandbox_directory.clone()),
        (
            "MESOS_CONTAINER_NAME".to_owned(),
            super::docker::name_of(&job.launch.container),
        ),
        ("MESOS_TASK_ID".to_owned(), job.launch.task.task_id.value.clone()),
    ]);
    env.extend(own(job
        .launch
        .task
        .command
        .as_ref()
        .and_then(|c| c.environment.as_ref())));
    env
}

/// What the framework asks for.
pub(super) fn own(environment: Option<&Environment>) -> impl Iterator<Item = (String, String)> {
    let variables = environment.into_iter().flat_map(|e| &e.variables);
    variables.map(|v| (v.name.clone(), v.value.clone().unwrap_or_default()))
}
