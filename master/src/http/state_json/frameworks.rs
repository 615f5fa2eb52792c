//! Frameworks in `/state`, `/frameworks` and `/state-summary`.

use std::collections::BTreeSet;

use mesolith_mesos::Resources;
use mesolith_proto::json::to_value;
use mesolith_proto::mesos::v1::framework_info::capability::Type as Capability;
use serde_json::{Value, json};

use super::{count_states, tasks};
use crate::state::{Framework, Snapshot};
use crate::time::Time;

/// What `/state-summary` shows, and `/state` begins with.
fn brief(snapshot: &Snapshot, framework: &Framework) -> Value {
    let capabilities: Vec<_> = framework
        .info
        .capabilities
        .iter()
        .map(|c| c.r#type().as_str_name())
        .collect();
    json!({
        "id": framework.id,
        "name": framework.info.name,
        "used_resources": used(snapshot, framework).summary(),
        "offered_resources": offered(snapshot, framework).summary(),
        "capabilities": capabilities,
        "hostname": framework.info.hostname.clone().unwrap_or_default(),
        "webui_url": framework.info.webui_url.clone().unwrap_or_default(),
        "active": framework.is_connected(),
        "connected": framework.is_connected(),
        "recovered": framework.recovered,
    })
}

fn used(snapshot: &Snapshot, framework: &Framework) -> Resources {
    snapshot
        .agents
        .values()
        .filter_map(|agent| agent.used.get(&framework.id))
        .sum()
}

fn offered(snapshot: &Snapshot, framework: &Framework) -> Resources {
    framework
        .offers
        .iter()
        .filter_map(|id| snapshot.offers.get(id))
        .map(|offer| &offer.resources)
        .sum()
}

/// As in `/state` and `/frameworks`.
pub(super) fn full(snapshot: &Snapshot, framework: &Framework) -> Value {
    let mut shown = brief(snapshot, framework);
    let all = used(snapshot, framework) + &offered(snapshot, framework);
    shown["user"] = json!(framework.info.user);
    shown["failover_timeout"] = json!(framework.info.failover_timeout.unwrap_or_default());
    shown["checkpoint"] = json!(framework.info.checkpoint.unwrap_or_default());
    shown["registered_time"] = json!(framework.registered.seconds());
    shown["unregistered_time"] = json!(framework.unregistered.map_or(0.0, Time::seconds));
    if let Some(principal) = &framework.info.principal {
        shown["principal"] = json!(principal);
    }
    shown["resources"] = json!(all.summary());
    if framework.can(Capability::MultiRole) {
        shown["roles"] = json!(framework.roles());
    } else {
        shown["role"] = json!(framework.roles().first());
    }
    // A task that has ended is shown as completed, acknowledged or not.
    let (ended, alive): (Vec<_>, Vec<_>) = framework.tasks.values().partition(|t| t.state().is_terminal());
    let list = |tasks: &[&std::sync::Arc<crate::state::Task>]| -> Vec<Value> {
        tasks.iter().map(|t| tasks::one(t)).collect()
    };
    shown["tasks"] = json!(list(&alive));
    shown["unreachable_tasks"] = json!(
        framework
            .unreachable_tasks
            .values()
            .map(|t| tasks::one(t))
            .collect::<Vec<_>>()
    );
    let completed = framework
        .completed_tasks
        .iter()
        .map(|t| tasks::one(t))
        .chain(list(&ended));
    shown["completed_tasks"] = json!(completed.collect::<Vec<_>>());
    shown["offers"] = json!(offers(snapshot, framework));
    shown["executors"] = json!(executors(snapshot, framework));
    shown["offer_constraints"] = json!({});
    if let Some(again) = framework.reregistered {
        shown["reregistered_time"] = json!(again.seconds());
    }
    if let Some(labels) = &framework.info.labels {
        shown["labels"] = to_value(labels)["labels"].take();
    }
    shown
}

fn offers(snapshot: &Snapshot, framework: &Framework) -> Vec<Value> {
    let known = framework.offers.iter().filter_map(|id| snapshot.offers.get(id));
    let show = |offer: &std::sync::Arc<crate::state::Offer>| {
        json!({
            "id": offer.id,
            "framework_id": offer.framework,
            "allocation_info": {"role": offer.role},
            "slave_id": offer.agent,
            "resources": offer.resources.summary(),
        })
    };
    known.map(show).collect()
}

fn executors(snapshot: &Snapshot, framework: &Framework) -> Vec<Value> {
    let mut shown = Vec::new();
    for agent in snapshot.agents.values() {
        for ((_, id), executor) in agent
            .executors
            .iter()
            .filter(|((owner, _), _)| *owner == framework.id)
        {
            shown.push(json!({
                "executor_id": id,
                "name": executor.info.name.clone().unwrap_or_default(),
                "framework_id": framework.id,
                "slave_id": agent.id,
                "resources": executor.resources.summary(),
            }));
        }
    }
    shown
}

/// As in `/state-summary`.
pub(super) fn counted(snapshot: &Snapshot, framework: &Framework) -> Value {
    let mut shown = brief(snapshot, framework);
    let all = framework
        .tasks
        .values()
        .chain(framework.unreachable_tasks.values())
        .chain(&framework.completed_tasks);
    if let Value::Object(members) = &mut shown {
        members.extend(count_states(all.map(AsRef::as_ref)));
    }
    let agents: BTreeSet<_> = framework.tasks.values().map(|t| t.agent()).collect();
    shown["slave_ids"] = json!(agents);
    shown
}
