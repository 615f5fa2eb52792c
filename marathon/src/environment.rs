//! The environment of an app's task.

use std::collections::BTreeMap;

use crate::{
    app::{App, ContainerType, EnvValue},
    ids::TaskId,
    ports::BoundPort,
};

/// Labels with a name or value of this many bytes or more are left out, as by Marathon: some shells refuse them.
const LABEL_LIMIT: usize = 512;

/// The task's environment without what the agent adds. The app's own variables win, as in Marathon; they are for the
/// process alone, so this program must not read values back from here.
#[must_use]
pub fn of(
    app: &App,
    task: &TaskId,
    host: &str,
    app_version: &str,
    ports: &[BoundPort],
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
    port_variables(ports, &mut env);
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

fn port_variables(ports: &[BoundPort], env: &mut BTreeMap<String, String>) {
    let mut mapped = Vec::new();
    let mut drawn = Vec::new();
    for (index, bound) in ports.iter().enumerate() {
        let number = bound.reachable();
        if bound.host != 0 {
            mapped.push(number);
        } else if bound.port.container == Some(0) {
            drawn.push(number);
        }
        env.insert(format!("PORT{index}"), number.to_string());
        let named = if bound.port.requested == 0 {
            number
        } else {
            bound.port.requested
        };
        env.insert(format!("PORT_{named}"), number.to_string());
        if let Some(name) = &bound.port.name {
            env.insert(format!("PORT_{}", name.to_ascii_uppercase()), number.to_string());
        }
    }
    mapped.extend(drawn);
    if let Some(first) = mapped.first() {
        env.insert("PORT".to_owned(), first.to_string());
        let all: Vec<String> = mapped.iter().map(u16::to_string).collect();
        env.insert("PORTS".to_owned(), all.join(","));
    }
}

/// Doubles as Java prints them: always with a fraction.
fn double(value: f64) -> String {
    format!("{value:?}")
}
