//! `/monitor/statistics` and `/containers`: what each container uses.

use axum::extract::State;
use axum::response::Response;
use mesolith_process::Adopted;
use serde_json::{Map, Value, json};

use super::{App, AppState, answer, state_json};
use crate::clock::now;
use crate::containers::{Limits, name_of, records_below};
use crate::state::{Agent, is_docker};

/// A container as the monitor sees it.
struct Watched {
    container: String,
    framework: String,
    executor: String,
    name: String,
    limits: Limits,
    docker: bool,
    status: Value,
}

pub(super) async fn statistics(State(app): State<App>) -> Response {
    let all = all(&app.0, false).await;
    answer(&Value::Array(all))
}

pub(super) async fn containers(State(app): State<App>) -> Response {
    let all = all(&app.0, true).await;
    answer(&Value::Array(all))
}

async fn all(app: &AppState, with_status: bool) -> Vec<Value> {
    let (id, watched) = {
        let agent = app.agent.read();
        (agent.id().to_owned(), watched(&agent))
    };
    let mut shown = Vec::new();
    for one in watched {
        let mut all = Map::new();
        let mut set = |key: &str, value: Value| all.insert(key.to_owned(), value);
        if with_status {
            set("container_id", json!(one.container));
            set("status", one.status.clone());
        }
        set("executor_id", json!(one.executor));
        set("executor_name", json!(one.name));
        set("framework_id", json!(one.framework));
        set("source", json!(one.executor));
        set("statistics", usage(app, &id, &one).await);
        shown.push(Value::Object(all));
    }
    shown
}

fn watched(agent: &Agent) -> Vec<Watched> {
    let status = |s: Option<&mesolith_proto::mesos::v1::ContainerStatus>| {
        s.map_or(json!({}), state_json::container_status)
    };
    let tasks = agent
        .tasks
        .iter()
        .filter(|(_, t)| t.executor.is_none() && !t.is_terminal());
    let tasks = tasks.map(|(key, task)| Watched {
        container: task.container.clone(),
        framework: key.framework.clone(),
        executor: key.task.clone(),
        name: format!("Command Executor (Task: {})", key.task),
        limits: Limits::of(&task.info.resources, &task.info.limits),
        docker: is_docker(&task.info),
        status: status(task.container_status.as_ref()),
    });
    let executors = agent.executors.iter().map(|(key, executor)| Watched {
        container: executor.container.clone(),
        framework: key.framework.clone(),
        executor: key.executor.clone(),
        name: executor.info.name().to_owned(),
        limits: crate::agent::executor_limits(agent, key),
        docker: false,
        status: json!({ "container_id": { "value": executor.container } }),
    });
    tasks.chain(executors).collect()
}

async fn usage(app: &AppState, agent_id: &str, one: &Watched) -> Value {
    let mut all = Map::new();
    all.insert("timestamp".into(), json!(now().as_secs_f64()));
    all.insert("cpus_limit".into(), json!(one.limits.cpus));
    if let Some(memory) = one.limits.memory_hard() {
        all.insert("mem_limit_bytes".into(), json!(memory));
    }
    let used = if one.docker {
        match &app.engine {
            Some(engine) => engine.usage(&name_of(&one.container)).await,
            None => None,
        }
    } else {
        let run = app
            .paths
            .meta_run(agent_id, &one.framework, &one.executor, &one.container);
        match mesolith_process::adopt(&records_below(&run)).await {
            Ok(Adopted::Running(handle)) => {
                let stats = handle.stats();
                Some((stats.cpu_seconds, stats.rss_bytes, stats.memory_bytes))
            }
            Ok(Adopted::Exited(_) | Adopted::Unknown) | Err(_) => None,
        }
    };
    if let Some((cpu, rss, total)) = used {
        // Only the sum of user and system time is known for both kinds of containers.
        all.insert("cpus_user_time_secs".into(), json!(cpu));
        all.insert("cpus_system_time_secs".into(), json!(0.0));
        all.insert("mem_rss_bytes".into(), json!(rss));
        all.insert("mem_total_bytes".into(), json!(total));
    }
    Value::Object(all)
}
