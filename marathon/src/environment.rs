//! The environment of an app's task.

use std::collections::BTreeMap;

use crate::{
    app::{App, ContainerType, EnvValue},
    ids::TaskId,
    ports::Port,
};

/// Mesos refuses nothing here, but shells and old consumers do: Marathon leaves longer labels out.
const LABEL_LIMIT: usize = 512;

/// Everything the task sees but for what the agent adds; the app's own variables win.
#[must_use]
pub fn of(
    app: &App,
    task: &TaskId,
    host: &str,
    app_version: &str,
    ports: &[Port],
    host_ports: &[u16],
) -> BTreeMap<String, String> {
    let definition = &app.definition;
    let mut env = BTreeMap::new();
    let mut set = |name: &str, value: String| env.insert(name.to_owned(), value);
    set("MARATHON_APP_ID", app.id.to_string());
    set("MARATHON_APP_VERSION", app_version.to_owned());
    set("MARATHON_APP_RESOURCE_CPUS", double(definition.cpus));
    set("MARATHON_APP_RESOURCE_MEM", double(definition.mem));
    set("MARATHON_APP_RESOURCE_DISK", double(definition.disk));
    set("MARATHON_APP_RESOURCE_GPUS", definition.gpus.to_string());
    set("MARATHON_APP_ENFORCE_GROUP_ROLE", "FALSE".to_owned());
    set("MESOS_TASK_ID", task.to_string());
    set("HOST", host.to_owned());
    if let Some(container) = &definition.container
        && container.kind == ContainerType::Docker
        && let Some(docker) = &container.docker
    {
        set("MARATHON_APP_DOCKER_IMAGE", docker.image.clone());
    }
    labels(&definition.labels, &mut env);
    port_variables(task, ports, host_ports, &mut env);
    for (name, value) in &definition.env {
        if let EnvValue::Plain(value) = value {
            env.insert(name.clone(), value.clone());
        }
    }
    env
}

fn labels(labels: &BTreeMap<String, String>, env: &mut BTreeMap<String, String>) {
    let mut names = Vec::new();
    for (key, value) in labels {
        let name = variable_name(key);
        if name.len() < LABEL_LIMIT && value.len() < LABEL_LIMIT {
            env.insert(format!("MARATHON_APP_LABEL_{name}"), value.clone());
            names.push(name);
        }
    }
    env.insert("MARATHON_APP_LABELS".to_owned(), names.join(" "));
}

/// Upper case; every run of other characters becomes one underscore.
fn variable_name(key: &str) -> String {
    let mut name = String::new();
    for c in key.chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            name.push(c.to_ascii_uppercase());
        } else if !name.ends_with('_') {
            name.push('_');
        }
    }
    name
}

fn port_variables(task: &TaskId, ports: &[Port], host_ports: &[u16], env: &mut BTreeMap<String, String>) {
    let mut reachable = Vec::new();
    let mut drawn = Vec::new();
    for (index, (port, host)) in ports.iter().zip(host_ports).enumerate() {
        let fixed_in_container = port.container.filter(|container| *container != 0);
        let effective = match (*host, fixed_in_container) {
            (0, Some(container)) => container,
            (0, None) => {
                let number = draw(task, index);
                drawn.push(number);
                number
            }
            (host, _) => {
                reachable.push(host);
                host
            }
        };
        env.insert(format!("PORT{index}"), effective.to_string());
        let named = if port.requested == 0 {
            effective
        } else {
            port.requested
        };
        env.insert(format!("PORT_{named}"), effective.to_string());
        if let Some(name) = &port.name {
            env.insert(
                format!("PORT_{}", name.to_ascii_uppercase()),
                effective.to_string(),
            );
        }
    }
    reachable.extend(drawn);
    if let Some(first) = reachable.first() {
        env.insert("PORT".to_owned(), first.to_string());
        let all: Vec<String> = reachable.iter().map(u16::to_string).collect();
        env.insert("PORTS".to_owned(), all.join(","));
    }
}

/// A port for a container on its own address that asks for any: 1025 and up, steady for the task.
fn draw(task: &TaskId, index: usize) -> u16 {
    let seed = task.instance().uuid().as_u128().wrapping_add(index as u128);
    1025 + u16::try_from(seed % 64000).unwrap_or(0)
}

/// Doubles as Java prints them: always with a fraction.
fn double(value: f64) -> String {
    format!("{value:?}")
}
