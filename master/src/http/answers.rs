//! Answers of the operator API, from a snapshot.

use mesolith_proto::mesos::v1;
use v1::master::{Response, call, response};

use super::maintenance::cluster_status;
use super::metrics;
use super::reads::version_info;
use crate::inverse;
use crate::offers;
use crate::state::{Agent, Framework, Snapshot, drain_of};
use crate::time::Time;
use crate::wire;

/// The answer to a call that only reads; `None` for one that this master does not do.
pub(super) fn answer(snapshot: &Snapshot, kind: call::Type) -> Option<Response> {
    use response::Type;
    let mut response = Response::default();
    let answered = match kind {
        call::Type::GetHealth => {
            response.get_health = Some(response::GetHealth { healthy: true });
            Type::GetHealth
        }
        call::Type::GetVersion => {
            response.get_version = Some(response::GetVersion {
                version_info: version_info(),
            });
            Type::GetVersion
        }
        call::Type::GetFlags => {
            let flags = snapshot.config.flags.iter();
            let flags = flags.map(|(name, value)| v1::Flag {
                name: name.clone(),
                value: Some(value.clone()),
            });
            response.get_flags = Some(response::GetFlags {
                flags: flags.collect(),
            });
            Type::GetFlags
        }
        call::Type::GetMetrics => {
            let metrics = metrics::values(snapshot).into_iter();
            let metrics = metrics.map(|(name, value)| v1::Metric {
                name,
                value: Some(value),
            });
            response.get_metrics = Some(response::GetMetrics {
                metrics: metrics.collect(),
            });
            Type::GetMetrics
        }
        call::Type::GetMaster => {
            response.get_master = Some(response::GetMaster {
                master_info: Some(snapshot.config.master.clone()),
                start_time: Some(snapshot.config.started.seconds()),
                elected_time: snapshot.elected.map(Time::seconds),
            });
            Type::GetMaster
        }
        call::Type::GetAgents => {
            response.get_agents = Some(agents(snapshot));
            Type::GetAgents
        }
        call::Type::GetFrameworks => {
            response.get_frameworks = Some(frameworks(snapshot));
            Type::GetFrameworks
        }
        call::Type::GetExecutors => {
            response.get_executors = Some(executors(snapshot));
            Type::GetExecutors
        }
        call::Type::GetTasks => {
            response.get_tasks = Some(tasks(snapshot));
            Type::GetTasks
        }
        call::Type::GetState => {
            response.get_state = Some(response::GetState {
                get_tasks: Some(tasks(snapshot)),
                get_executors: Some(executors(snapshot)),
                get_frameworks: Some(frameworks(snapshot)),
                get_agents: Some(agents(snapshot)),
            });
            Type::GetState
        }
        call::Type::GetMaintenanceSchedule => {
            response.get_maintenance_schedule = Some(response::GetMaintenanceSchedule {
                schedule: snapshot.maintenance.schedule().clone(),
            });
            Type::GetMaintenanceSchedule
        }
        call::Type::GetMaintenanceStatus => {
            response.get_maintenance_status = Some(response::GetMaintenanceStatus {
                status: cluster_status(snapshot),
            });
            Type::GetMaintenanceStatus
        }
        call::Type::GetRoles => {
            response.get_roles = Some(roles(snapshot));
            Type::GetRoles
        }
        _ => return None,
    };
    response.set_type(answered);
    Some(response)
}

fn time(at: Time) -> v1::TimeInfo {
    v1::TimeInfo {
        nanoseconds: at.nanoseconds(),
    }
}

fn agents(snapshot: &Snapshot) -> response::GetAgents {
    let agents = snapshot
        .agents
        .values()
        .map(|agent| one_agent(snapshot, agent))
        .collect();
    response::GetAgents {
        agents,
        recovered_agents: Vec::new(),
    }
}

fn one_agent(snapshot: &Snapshot, agent: &Agent) -> response::get_agents::Agent {
    let drain = drain_of(&snapshot.decisions, &agent.id);
    let capabilities = agent.capabilities.iter();
    response::get_agents::Agent {
        agent_info: agent.info.clone(),
        active: snapshot.is_active(agent),
        deactivated: Some(snapshot.decisions.contains_key(&agent.id)),
        version: agent.version.clone(),
        pid: Some(agent.pid()),
        registered_time: Some(time(agent.registered)),
        reregistered_time: agent.reregistered.map(time),
        total_resources: wire::in_both_forms(&agent.total),
        allocated_resources: wire::in_both_forms(&agent.used_total()),
        offered_resources: wire::in_both_forms(&agent.offered),
        capabilities: capabilities
            .map(|number| v1::agent_info::Capability {
                r#type: Some(*number),
            })
            .collect(),
        drain_info: drain.map(|drain| drain.info(Some(agent.tasks.len()))),
        // Mesos shows whole seconds here.
        estimated_drain_start_time: drain.map(|drain| time(Time::from_secs(drain.since.0.as_secs()))),
        ..Default::default()
    }
}

fn frameworks(snapshot: &Snapshot) -> response::GetFrameworks {
    response::GetFrameworks {
        frameworks: snapshot
            .frameworks
            .values()
            .map(|f| one_framework(snapshot, f))
            .collect(),
        completed_frameworks: snapshot
            .completed
            .iter()
            .map(|f| one_framework(snapshot, f))
            .collect(),
        recovered_frameworks: Vec::new(),
    }
}

fn one_framework(snapshot: &Snapshot, framework: &Framework) -> response::get_frameworks::Framework {
    let used = snapshot
        .agents
        .values()
        .filter_map(|agent| agent.used.get(&framework.id))
        .sum();
    let offers: Vec<_> = framework
        .offers
        .iter()
        .filter_map(|id| snapshot.offers.get(id))
        .collect();
    let offered = offers.iter().map(|offer| &offer.resources).sum();
    let shown = offers.iter().filter_map(|offer| {
        Some(offers::to_wire(
            offer,
            framework,
            snapshot.agents.get(&offer.agent)?,
            &snapshot.maintenance,
        ))
    });
    let asked = snapshot.inverse.outstanding().iter();
    let asked = asked.filter(|(_, offer)| offer.framework == framework.id);
    let asked = asked.filter_map(|(id, offer)| {
        let agent = snapshot.agents.get(&offer.agent)?;
        inverse::to_wire(id, offer, agent, &snapshot.maintenance)
    });
    response::get_frameworks::Framework {
        framework_info: framework.info.clone(),
        active: framework.is_connected(),
        connected: framework.is_connected(),
        recovered: framework.recovered,
        registered_time: Some(time(framework.registered)),
        reregistered_time: Some(time(framework.reregistered.unwrap_or(framework.registered))),
        unregistered_time: framework.unregistered.map(time),
        offers: shown.collect(),
        inverse_offers: asked.collect(),
        allocated_resources: wire::in_both_forms(&used),
        offered_resources: wire::in_both_forms(&offered),
        offer_constraints: Some(v1::scheduler::OfferConstraints::default()),
    }
}

fn executors(snapshot: &Snapshot) -> response::GetExecutors {
    let of_agent = |agent: &std::sync::Arc<Agent>| {
        let agent_id = v1::AgentId {
            value: agent.id.to_string(),
        };
        let executors: Vec<_> = agent.executors.values().cloned().collect();
        executors
            .into_iter()
            .map(move |executor| response::get_executors::Executor {
                executor_info: executor.info,
                agent_id: agent_id.clone(),
            })
    };
    let executors = snapshot.agents.values().flat_map(of_agent).collect();
    response::GetExecutors {
        executors,
        orphan_executors: Vec::new(),
    }
}

fn tasks(snapshot: &Snapshot) -> response::GetTasks {
    let mut all = response::GetTasks::default();
    let frameworks = snapshot.frameworks.values().chain(&snapshot.completed);
    for framework in frameworks {
        // A task that has ended is shown as completed, acknowledged or not.
        for task in framework.tasks.values() {
            let list = if task.state().is_terminal() {
                &mut all.completed_tasks
            } else {
                &mut all.tasks
            };
            list.push(task.wire.clone());
        }
        all.unreachable_tasks
            .extend(framework.unreachable_tasks.values().map(|t| t.wire.clone()));
        all.completed_tasks
            .extend(framework.completed_tasks.iter().map(|t| t.wire.clone()));
    }
    all
}

fn roles(snapshot: &Snapshot) -> response::GetRoles {
    let role = |role: super::state_json::RoleView| v1::Role {
        name: role.name,
        weight: role.weight,
        frameworks: role
            .frameworks
            .into_iter()
            .map(|id| v1::FrameworkId { value: id })
            .collect(),
        resources: wire::from_resources(&role.allocated.flatten()),
    };
    response::GetRoles {
        roles: super::state_json::role_views(snapshot)
            .into_iter()
            .map(role)
            .collect(),
    }
}
