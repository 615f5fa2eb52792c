//! `/metrics/snapshot` under Mesos' names, and the same numbers for Prometheus.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use mesolith_mesos::{Resources, TaskState};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use serde_json::{Value, json};

use crate::event_loop::Handle;
use crate::gate::Gate;
use crate::state::{Counters, Snapshot};

type Values = BTreeMap<String, f64>;

/// Every metric by its Mesos name.
#[allow(clippy::cast_precision_loss)]
pub(super) fn values(snapshot: &Snapshot) -> Values {
    let mut all = Values::new();
    let mut put = |name: &str, value: f64| {
        all.insert(name.to_owned(), value);
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    put(
        "master/uptime_secs",
        now.saturating_sub(snapshot.config.started.0).as_secs_f64(),
    );
    put("master/elected", f64::from(u8::from(snapshot.elected.is_some())));
    let connected = snapshot.agents.values().filter(|a| a.is_connected()).count() as f64;
    let away = snapshot.agents.len() as f64 - connected;
    let active = snapshot.agents.values().filter(|a| snapshot.is_active(a)).count() as f64;
    put("master/slaves_active", active);
    put("master/slaves_connected", connected);
    put("master/slaves_disconnected", away);
    put("master/slaves_inactive", snapshot.agents.len() as f64 - active);
    put("master/slaves_unreachable", snapshot.unreachable as f64);
    let subscribed = snapshot.frameworks.values().filter(|f| f.is_connected()).count() as f64;
    let gone = snapshot.frameworks.len() as f64 - subscribed;
    put("master/frameworks_active", subscribed);
    put("master/frameworks_connected", subscribed);
    put("master/frameworks_disconnected", gone);
    put("master/frameworks_inactive", gone);
    put("master/outstanding_offers", snapshot.offers.len() as f64);
    tasks(snapshot, &mut put);
    resources(snapshot, &mut put);
    counters(&snapshot.counters, &mut put);
    for (name, value) in system() {
        put(name, value);
    }
    all
}

#[allow(clippy::cast_precision_loss)]
fn tasks(snapshot: &Snapshot, put: &mut impl FnMut(&str, f64)) {
    let mut alive: BTreeMap<TaskState, u64> = BTreeMap::new();
    for framework in snapshot.frameworks.values() {
        for task in framework
            .tasks
            .values()
            .chain(framework.unreachable_tasks.values())
        {
            *alive.entry(task.state()).or_default() += 1;
        }
    }
    for state in TaskState::ALL.into_iter().filter(|s| *s != TaskState::Unknown) {
        let name = state.as_str().trim_start_matches("TASK_").to_lowercase();
        let ended = snapshot
            .counters
            .tasks_ended
            .get(state.as_str())
            .copied()
            .unwrap_or_default();
        let n = if state.is_terminal() {
            ended
        } else {
            alive.get(&state).copied().unwrap_or_default()
        };
        put(&format!("master/tasks_{name}"), n as f64);
    }
}

fn resources(snapshot: &Snapshot, put: &mut impl FnMut(&str, f64)) {
    let total: Resources = snapshot.agents.values().map(|a| &a.total).sum();
    let used: Vec<Resources> = snapshot.agents.values().map(|a| a.used_total()).collect();
    let used: Resources = used.iter().sum();
    let offered: Resources = snapshot.agents.values().map(|a| &a.offered).sum();
    for name in ["cpus", "mem", "disk", "gpus"] {
        let (all, in_use) = (total.scalar(name).as_f64(), used.scalar(name).as_f64());
        put(&format!("master/{name}_total"), all);
        put(&format!("master/{name}_used"), in_use);
        put(
            &format!("master/{name}_percent"),
            if all > 0.0 { in_use / all } else { 0.0 },
        );
        for kind in ["total", "used", "percent"] {
            put(&format!("master/{name}_revocable_{kind}"), 0.0);
        }
        if name != "gpus" {
            put(&format!("allocator/mesos/resources/{name}/total"), all);
            let held = in_use + offered.scalar(name).as_f64();
            put(
                &format!("allocator/mesos/resources/{name}/offered_or_allocated"),
                held,
            );
        }
    }
}

#[allow(clippy::cast_precision_loss)]
fn counters(counters: &Counters, put: &mut impl FnMut(&str, f64)) {
    let calls = |name: &str| counters.calls.get(name).copied().unwrap_or_default() as f64;
    put("master/messages_register_framework", calls("SUBSCRIBE"));
    put("master/messages_unregister_framework", calls("TEARDOWN"));
    put("master/messages_launch_tasks", calls("ACCEPT"));
    put("master/messages_decline_offers", calls("DECLINE"));
    put("master/messages_revive_offers", calls("REVIVE"));
    put("master/messages_suppress_offers", calls("SUPPRESS"));
    put("master/messages_kill_task", calls("KILL"));
    put("master/messages_reconcile_tasks", calls("RECONCILE"));
    put("master/messages_framework_to_executor", calls("MESSAGE"));
    put("master/messages_resource_request", calls("REQUEST"));
    put("master/messages_status_update", counters.status_updates as f64);
    put(
        "master/messages_status_update_acknowledgement",
        counters.acknowledgements as f64,
    );
    put("master/valid_status_updates", counters.status_updates as f64);
    put(
        "master/valid_status_update_acknowledgements",
        counters.acknowledgements as f64,
    );
    put(
        "master/messages_register_slave",
        counters.agent_registrations as f64,
    );
    put(
        "master/messages_reregister_slave",
        counters.agent_reregistrations as f64,
    );
    put("master/slave_registrations", counters.agent_registrations as f64);
    put(
        "master/slave_reregistrations",
        counters.agent_reregistrations as f64,
    );
    put("master/slave_removals", counters.agent_removals as f64);
    put(
        "master/slave_unreachable_completed",
        counters.agents_unreachable as f64,
    );
    put("allocator/mesos/allocation_runs", counters.allocation_runs as f64);
}

/// Load and memory of the machine; what cannot be read is left out.
#[allow(clippy::cast_precision_loss)]
fn system() -> Vec<(&'static str, f64)> {
    let mut all = Vec::new();
    if let Ok(n) = std::thread::available_parallelism() {
        all.push(("system/cpus_total", n.get() as f64));
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let names = ["system/load_1min", "system/load_5min", "system/load_15min"];
    all.extend(
        names
            .into_iter()
            .zip(load.split(' ').filter_map(|v| v.parse().ok())),
    );
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes = |name: &str| {
        let line = memory.lines().find_map(|l| l.strip_prefix(name))?;
        line.trim().trim_end_matches(" kB").parse::<f64>().ok()
    };
    all.extend(kilobytes("MemTotal:").map(|v| ("system/mem_total_bytes", v * 1024.0)));
    all.extend(kilobytes("MemFree:").map(|v| ("system/mem_free_bytes", v * 1024.0)));
    all
}

/// `/system/stats.json`.
pub(super) fn system_json() -> Value {
    let named = |(name, value): (&str, f64)| {
        let name = name.trim_start_matches("system/").replace("load_", "avg_load_");
        (name, json!(value))
    };
    Value::Object(system().into_iter().map(named).collect())
}

/// The same numbers for Prometheus: `master/tasks_running` is `mesos_master_tasks_running`.
pub(crate) struct Exported {
    pub(crate) handle: Handle,
    pub(crate) gate: Gate,
}

impl fmt::Debug for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exported")
    }
}

impl Collector for Exported {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let leading = self.gate.is_open();
        for (name, value) in values(&self.handle.snapshot()) {
            let value = if name == "master/elected" {
                f64::from(u8::from(leading))
            } else {
                value
            };
            let gauge = ConstGauge::new(value);
            let name = name.replace('/', "_");
            let metric = encoder.encode_descriptor(
                &name,
                "The value of the same name in /metrics/snapshot",
                None,
                gauge.metric_type(),
            )?;
            gauge.encode(metric)?;
        }
        let may_lead = self.gate.watch().borrow().permission.may_lead;
        let gauge = ConstGauge::new(f64::from(u8::from(may_lead)));
        let metric = encoder.encode_descriptor(
            "master_may_lead",
            "Whether this master may act as the leader",
            None,
            gauge.metric_type(),
        )?;
        gauge.encode(metric)?;
        Ok(())
    }
}
