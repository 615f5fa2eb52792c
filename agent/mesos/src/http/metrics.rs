//! Metrics in Mesos' form (`/metrics/snapshot`) and for Prometheus (`/metrics`), from the same state.

use std::collections::BTreeMap;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use mesolith_proto::mesos::v1::TaskState;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use serde_json::{Map, Value, json};

use super::{App, AppState, answer, state_json};
use crate::info::from_wire;
use crate::state::Agent;

type Labels = Vec<(&'static str, String)>;

/// Gauges that each scrape sets from the state.
#[derive(Clone)]
pub(crate) struct Metrics {
    registry: mesolith_telemetry::Registry,
    tasks: Family<Labels, Gauge>,
    registered: Gauge,
    executors: Gauge,
    pending_updates: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let registry = mesolith_telemetry::registry("mesolith_mesos_agent");
        let (tasks, registered) = (Family::<Labels, Gauge>::default(), Gauge::default());
        let (executors, pending_updates) = (Gauge::default(), Gauge::default());
        {
            let mut all = registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            all.register("tasks", "Tasks of this agent by state", tasks.clone());
            all.register(
                "registered",
                "1 while a master knows this agent",
                registered.clone(),
            );
            all.register(
                "executors",
                "Executors that frameworks brought along",
                executors.clone(),
            );
            let help = "Tasks with status updates that are not acknowledged";
            all.register("tasks_with_pending_updates", help, pending_updates.clone());
        }
        Self {
            registry,
            tasks,
            registered,
            executors,
            pending_updates,
        }
    }

    pub(super) fn registry(&self) -> mesolith_telemetry::Registry {
        self.registry.clone()
    }

    fn set(&self, agent: &Agent) {
        self.tasks.clear();
        for task in agent.tasks.values() {
            self.tasks
                .get_or_create(&vec![("state", task.state.as_str_name().to_owned())])
                .inc();
        }
        self.registered.set(i64::from(agent.master.is_some()));
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        self.executors.set(count(agent.executors.len()));
        let pending = agent
            .tasks
            .keys()
            .filter(|key| agent.updates.pending(key).next().is_some())
            .count();
        self.pending_updates.set(count(pending));
    }
}

/// Sets the gauges from the state before Prometheus reads them.
pub(super) async fn refresh(State(app): State<App>, request: Request, next: Next) -> Response {
    app.0.metrics.set(&app.0.agent.read());
    next.run(request).await
}

pub(super) async fn snapshot(State(app): State<App>) -> Response {
    answer(&Value::Object(values(&app.0)))
}

fn values(app: &AppState) -> Map<String, Value> {
    let agent = app.agent.read();
    let mut all: BTreeMap<String, f64> = BTreeMap::new();
    let total = from_wire(&agent.info.resources);
    let used = from_wire(&state_json::used(&agent));
    let kinds = [
        ("cpus", total.cpus(), used.cpus()),
        ("mem", total.mem(), used.mem()),
        ("disk", total.disk(), used.disk()),
    ];
    for (name, total, used) in kinds {
        all.insert(format!("slave/{name}_total"), total);
        all.insert(format!("slave/{name}_used"), used);
        all.insert(
            format!("slave/{name}_percent"),
            if total > 0.0 { used / total } else { 0.0 },
        );
    }
    let states = [
        ("staging", TaskState::TaskStaging),
        ("starting", TaskState::TaskStarting),
        ("running", TaskState::TaskRunning),
        ("killing", TaskState::TaskKilling),
        ("finished", TaskState::TaskFinished),
        ("failed", TaskState::TaskFailed),
        ("killed", TaskState::TaskKilled),
        ("lost", TaskState::TaskLost),
        ("gone", TaskState::TaskGone),
    ];
    for (name, state) in states {
        let known = agent
            .tasks
            .values()
            .chain(agent.completed.tasks().map(|(_, t)| t));
        all.insert(
            format!("slave/tasks_{name}"),
            known.filter(|t| t.state == state).count() as f64,
        );
    }
    all.insert("slave/executors_running".into(), agent.containers().len() as f64);
    all.insert("slave/frameworks_active".into(), agent.frameworks.len() as f64);
    all.insert(
        "slave/registered".into(),
        f64::from(u8::from(agent.master.is_some())),
    );
    all.insert(
        "slave/uptime_secs".into(),
        app.started.elapsed().unwrap_or_default().as_secs_f64(),
    );
    all.into_iter()
        .map(|(name, value)| (name, json!(value)))
        .collect()
}
