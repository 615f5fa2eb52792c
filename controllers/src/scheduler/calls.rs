//! The calls of the v1 scheduler API.

use std::collections::BTreeSet;

use mesolith_proto::mesos::v1::{self as mesos, scheduler::Call, scheduler::call};

use super::{decide::Effect, events::Reply, wire};

/// Restarted operators find their tasks again for this long: Marathon's default.
const FAILOVER_TIMEOUT_SECONDS: f64 = 7.0 * 24.0 * 3600.0;

/// Who we are, with the roles of our apps.
fn framework_info(id: &str, hostname: &str, roles: &BTreeSet<String>) -> mesos::FrameworkInfo {
    use mesos::framework_info::{Capability, capability::Type};
    let capabilities = [
        Type::PartitionAware,
        Type::TaskKillingState,
        Type::MultiRole,
        Type::ReservationRefinement,
        Type::RegionAware,
    ];
    mesos::FrameworkInfo {
        user: "root".to_owned(),
        name: "marathon".to_owned(),
        id: Some(framework_id(id)),
        failover_timeout: Some(FAILOVER_TIMEOUT_SECONDS),
        checkpoint: Some(true),
        roles: roles.iter().cloned().collect(),
        hostname: Some(hostname.to_owned()),
        capabilities: capabilities
            .map(|kind| Capability {
                r#type: Some(kind.into()),
            })
            .to_vec(),
        ..mesos::FrameworkInfo::default()
    }
}

fn framework_id(id: &str) -> mesos::FrameworkId {
    mesos::FrameworkId { value: id.to_owned() }
}

fn call(framework: &str, kind: call::Type) -> Call {
    Call {
        framework_id: Some(framework_id(framework)),
        r#type: Some(kind.into()),
        ..Call::default()
    }
}

/// SUBSCRIBE.
pub(super) fn subscribe(framework: &str, hostname: &str, roles: &BTreeSet<String>) -> Call {
    let subscribe = call::Subscribe {
        framework_info: framework_info(framework, hostname, roles),
        ..call::Subscribe::default()
    };
    Call {
        subscribe: Some(subscribe),
        ..call(framework, call::Type::Subscribe)
    }
}

/// UPDATE_FRAMEWORK: an app brought a role that is not subscribed to yet.
pub(super) fn update_framework(framework: &str, hostname: &str, roles: &BTreeSet<String>) -> Call {
    let update = call::UpdateFramework {
        framework_info: framework_info(framework, hostname, roles),
        ..call::UpdateFramework::default()
    };
    Call {
        update_framework: Some(update),
        ..call(framework, call::Type::UpdateFramework)
    }
}

/// RECONCILE; no tasks means all that the master knows.
pub(super) fn reconcile(framework: &str, tasks: &[(String, String)]) -> Call {
    let tasks = tasks.iter().map(|(task, agent)| call::reconcile::Task {
        task_id: mesos::TaskId { value: task.clone() },
        agent_id: Some(mesos::AgentId { value: agent.clone() }),
    });
    let reconcile = call::Reconcile {
        tasks: tasks.collect(),
    };
    Call {
        reconcile: Some(reconcile),
        ..call(framework, call::Type::Reconcile)
    }
}

/// The call an effect stands for, with its trace.
pub(super) fn of_effect(framework: &str, effect: &Effect) -> (Call, Option<String>) {
    let offer_id = |id: &String| mesos::OfferId { value: id.clone() };
    let filters = |refuse: f64| {
        Some(mesos::Filters {
            refuse_seconds: Some(refuse),
        })
    };
    match effect {
        Effect::Launch {
            offer,
            tasks,
            refuse,
            trace,
            ..
        } => {
            let task_infos = tasks
                .iter()
                .map(|launch| wire::task_info(&launch.spec, &launch.offered))
                .collect();
            let operation = mesos::offer::Operation {
                r#type: Some(mesos::offer::operation::Type::Launch.into()),
                launch: Some(mesos::offer::operation::Launch { task_infos }),
                ..mesos::offer::Operation::default()
            };
            let accept = call::Accept {
                offer_ids: vec![offer_id(offer)],
                operations: vec![operation],
                filters: filters(*refuse),
            };
            (
                Call {
                    accept: Some(accept),
                    ..call(framework, call::Type::Accept)
                },
                trace.clone(),
            )
        }
        Effect::Decline { offers, refuse } => {
            let decline = call::Decline {
                offer_ids: offers.iter().map(offer_id).collect(),
                filters: filters(*refuse),
            };
            (
                Call {
                    decline: Some(decline),
                    ..call(framework, call::Type::Decline)
                },
                None,
            )
        }
        Effect::Kill { task, agent } => (kill(framework, task, Some(agent)), None),
        Effect::Revive => (call(framework, call::Type::Revive), None),
        Effect::Reconcile(tasks) => (reconcile(framework, tasks), None),
    }
}

/// The call a reply stands for.
pub(super) fn of_reply(framework: &str, reply: &Reply) -> Option<Call> {
    match reply {
        Reply::Acknowledge { agent, task, uuid } => {
            let acknowledge = call::Acknowledge {
                agent_id: mesos::AgentId { value: agent.clone() },
                task_id: mesos::TaskId { value: task.clone() },
                uuid: uuid.clone(),
            };
            Some(Call {
                acknowledge: Some(acknowledge),
                ..call(framework, call::Type::Acknowledge)
            })
        }
        Reply::Kill { agent, task } => Some(kill(framework, task, agent.as_ref())),
        Reply::Reread => None,
    }
}

/// Names no grace period: the task brought its own at the launch, and a newer definition says nothing about it.
fn kill(framework: &str, task: &str, agent: Option<&String>) -> Call {
    let kill = call::Kill {
        task_id: mesos::TaskId {
            value: task.to_owned(),
        },
        agent_id: agent
            .filter(|id| !id.is_empty())
            .map(|id| mesos::AgentId { value: id.clone() }),
        kill_policy: None,
    };
    Call {
        kill: Some(kill),
        ..call(framework, call::Type::Kill)
    }
}
