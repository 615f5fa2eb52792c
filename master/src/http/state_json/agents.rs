//! Agents in `/state`, `/slaves` and `/state-summary`.

use std::collections::BTreeSet;

use mesolith_mesos::Resources;
use mesolith_proto::json::to_value;
use mesolith_proto::mesos::v1;
use serde_json::{Map, Value, json};

use super::count_states;
use crate::state::{Agent, Snapshot, drain_of};
use crate::wire;

/// As in `/state`.
pub(super) fn brief(snapshot: &Snapshot, agent: &Agent) -> Value {
    let reserved: Map<_, _> = agent
        .total
        .reserved()
        .into_iter()
        .map(|(role, r)| (role, Value::Object(r.summary())))
        .collect();
    let mut shown = json!({
        "id": agent.id,
        "hostname": agent.info.hostname,
        "port": agent.info.port(),
        "attributes": attributes(&agent.info.attributes),
        "pid": agent.pid(),
        "registered_time": agent.registered.seconds(),
        "resources": agent.total.summary(),
        "used_resources": agent.used_total().summary(),
        "offered_resources": agent.offered.summary(),
        "reserved_resources": reserved,
        "unreserved_resources": agent.total.unreserved().summary(),
        "active": snapshot.is_active(agent),
        "deactivated": snapshot.decisions.contains_key(&agent.id),
        "version": agent.version,
        "capabilities": capabilities(agent),
    });
    if let Some(drain) = drain_of(&snapshot.decisions, &agent.id) {
        shown["drain_info"] = to_value(&drain.info(Some(agent.tasks.len())));
        shown["estimated_drain_start_time_seconds"] = json!(drain.since.seconds());
    }
    if let Some(again) = agent.reregistered {
        shown["reregistered_time"] = json!(again.seconds());
    }
    if let Some(domain) = &agent.info.domain {
        shown["domain"] = to_value(domain);
    }
    shown
}

/// As in `/slaves`: with the resources in full.
pub(super) fn full(snapshot: &Snapshot, agent: &Agent) -> Value {
    let list = |resources: &Resources| -> Vec<Value> {
        wire::in_both_forms(resources).iter().map(to_value).collect()
    };
    let reserved: Map<_, _> = agent
        .total
        .reserved()
        .into_iter()
        .map(|(role, r)| (role, Value::Array(list(&r))))
        .collect();
    let mut shown = brief(snapshot, agent);
    shown["reserved_resources_full"] = Value::Object(reserved);
    shown["unreserved_resources_full"] = Value::Array(list(&agent.total.unreserved()));
    shown["used_resources_full"] = Value::Array(list(&agent.used_total()));
    shown["offered_resources_full"] = Value::Array(list(&agent.offered));
    shown
}

/// As in `/mesolith/agents`.
pub(super) fn numbers(snapshot: &Snapshot, agent: &Agent) -> Value {
    let mut shown = json!({
        "hostname": agent.info.hostname,
        "ip": agent.address.0,
        "port": agent.info.port(),
        "active": snapshot.is_active(agent),
        "deactivated": snapshot.decisions.contains_key(&agent.id),
        "tasks": agent.alive,
        "unacknowledged_tasks": agent.tasks.len() - agent.alive,
        "frameworks": agent.used.keys().collect::<Vec<_>>(),
        "resources": amounts(&agent.total),
        "used": amounts(&agent.used_total()),
    });
    if let Some(drain) = drain_of(&snapshot.decisions, &agent.id) {
        shown["drain_state"] = json!(drain.state(Some(agent.tasks.len())).as_str_name());
    }
    shown
}

/// What can be added up.
fn amounts(resources: &Resources) -> Value {
    let amount = |name: &str| resources.scalar(name).as_f64();
    json!({"cpus": amount("cpus"), "mem": amount("mem"), "disk": amount("disk"), "gpus": amount("gpus")})
}

/// As in `/state-summary`: with counts of tasks.
pub(super) fn counted(snapshot: &Snapshot, agent: &Agent) -> Value {
    let mut shown = brief(snapshot, agent);
    let tasks = agent
        .tasks
        .iter()
        .filter_map(|(f, id)| snapshot.frameworks.get(f)?.tasks.get(id))
        .map(AsRef::as_ref);
    if let Value::Object(members) = &mut shown {
        members.extend(count_states(tasks));
    }
    let frameworks: BTreeSet<_> = agent.tasks.iter().map(|(framework, _)| framework).collect();
    shown["framework_ids"] = json!(frameworks);
    shown
}

fn capabilities(agent: &Agent) -> Vec<&'static str> {
    let known = |number: &i32| v1::agent_info::capability::Type::try_from(*number).ok();
    let known = agent.capabilities.iter().filter_map(known);
    known.map(|capability| capability.as_str_name()).collect()
}

/// `{"rack":"a","speed":3.0}`.
fn attributes(attributes: &[v1::Attribute]) -> Map<String, Value> {
    attributes
        .iter()
        .map(|a| (a.name.clone(), attribute(a)))
        .collect()
}

fn attribute(attribute: &v1::Attribute) -> Value {
    if let Some(scalar) = &attribute.scalar {
        return json!(scalar.value);
    }
    if let Some(ranges) = &attribute.ranges {
        let parts: Vec<_> = ranges
            .range
            .iter()
            .map(|r| format!("{}-{}", r.begin, r.end))
            .collect();
        return json!(format!("[{}]", parts.join(", ")));
    }
    if let Some(set) = &attribute.set {
        return json!(format!("{{{}}}", set.item.join(", ")));
    }
    json!(
        attribute
            .text
            .as_ref()
            .map(|t| t.value.clone())
            .unwrap_or_default()
    )
}
