//! What a launched task consists of, as plain data; the scheduler writes it as a Mesos TaskInfo.

use std::{collections::BTreeMap, sync::Arc};

use uuid::Uuid;

use crate::{
    app::{App, Artifact, Container, HealthCheck, NetworkMode},
    environment,
    ids::{InstanceId, TaskId},
    offer::{Agent, Resource},
    placement::Placement,
    ports::{self, BoundPort},
};

/// Label with the object the task belongs to, `namespace/name`.
pub const LABEL_APP: &str = "mesolith.io/app";
/// Label with the version of the definition.
pub const LABEL_VERSION: &str = "mesolith.io/version";
/// Label with the instance id.
pub const LABEL_INSTANCE: &str = "mesolith.io/instance";
/// Label with the host ports in the order of the definition, which resource ranges do not keep.
pub const LABEL_PORTS: &str = "mesolith.io/ports";
/// Label with the health checks of the definition, as JSON; only where there are some. A scheduler that starts while
/// an update goes on knows the checks of the old instances from it.
pub const LABEL_CHECKS: &str = "mesolith.io/checks";

/// One task to launch.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskSpec {
    /// Mesos task id.
    pub id: TaskId,
    /// Mesos task name: the path backwards.
    pub name: String,
    /// Offer to accept.
    pub offer: String,
    /// Agent of the offer.
    pub agent: Agent,
    /// Parts of the offer.
    pub resources: Vec<Resource>,
    /// Shell line, if the app has one.
    pub cmd: Option<String>,
    /// Arguments of the image's entry point, or program and arguments.
    pub args: Vec<String>,
    /// User to run as.
    pub user: Option<String>,
    /// Environment.
    pub env: BTreeMap<String, String>,
    /// Files to fetch.
    pub fetch: Vec<Artifact>,
    /// Image and volumes.
    pub container: Option<Container>,
    /// Whether its container gets a terminal.
    pub tty: bool,
    /// How it is connected.
    pub network: NetworkMode,
    /// Name of a container network.
    pub network_name: Option<String>,
    /// Ports with the host port and the container port in force.
    pub ports: Vec<BoundPort>,
    /// The check carried out by the agent, if there is one.
    pub health_check: Option<HealthCheck>,
    /// Labels: the app's own, and ours.
    pub labels: BTreeMap<String, String>,
    /// Seconds between the request to stop and the force.
    pub kill_grace_seconds: Option<u32>,
}

/// Puts a placed instance together. `owner` is `namespace/name`, `app_version` the time of the last config
/// change as Marathon shows it.
#[must_use]
pub fn spec(app: &App, owner: &str, app_version: &str, placement: Placement, uuid: Uuid) -> TaskSpec {
    let definition = &app.definition;
    let id = TaskId::first(InstanceId::new(&app.id, uuid));
    let ports = ports::bind(ports::of(app), &placement.host_ports, uuid.as_u128());
    let host = &placement.agent.hostname;
    let env = environment::of(app, &id, host, app_version, &ports);
    let mut labels = definition.labels.clone();
    let numbers: Vec<String> = placement.host_ports.iter().map(u16::to_string).collect();
    for (key, value) in [
        (LABEL_APP, owner.to_owned()),
        (LABEL_VERSION, app.version.clone()),
        (LABEL_INSTANCE, id.instance().to_string()),
        (LABEL_PORTS, numbers.join(",")),
    ] {
        labels.insert(key.to_owned(), value);
    }
    match checks_label(&definition.health_checks) {
        Some(checks) => labels.insert(LABEL_CHECKS.to_owned(), checks),
        // A label of the user's by this name would be read as ours.
        None => labels.remove(LABEL_CHECKS),
    };
    TaskSpec {
        name: app.id.task_name(),
        offer: placement.offer,
        resources: placement.used,
        cmd: definition.cmd.clone(),
        args: definition.args.clone(),
        user: definition.user.clone(),
        fetch: definition.fetch.clone(),
        container: definition.container.clone(),
        tty: definition.tty,
        network: app.network_mode(),
        network_name: definition
            .networks
            .first()
            .and_then(|network| network.name.clone()),
        ports,
        health_check: definition
            .health_checks
            .iter()
            .find(|c| c.protocol.is_by_agent())
            .cloned(),
        kill_grace_seconds: definition.task_kill_grace_period_seconds,
        agent: placement.agent,
        env,
        labels,
        id,
    }
}

fn checks_label(checks: &[HealthCheck]) -> Option<String> {
    (!checks.is_empty())
        .then(|| serde_json::to_string(checks).ok())
        .flatten()
}

/// The health checks that a task's label carries; none when it has no such label or not one of ours.
#[must_use]
pub fn checks_of(label: Option<&str>) -> Arc<[HealthCheck]> {
    let checks: Option<Vec<HealthCheck>> = label.and_then(|json| serde_json::from_str(json).ok());
    checks.unwrap_or_default().into()
}
