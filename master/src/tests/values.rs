//! Inputs made short, effects made readable.

use super::*;

pub(super) struct Scheduler {
    pub(super) id: FrameworkId,
    pub(super) stream: StreamId,
}

pub(super) struct Node {
    pub(super) id: AgentId,
    pub(super) session: SessionId,
}

pub(super) fn agent_info(resources: &str, id: Option<&str>) -> v1::AgentInfo {
    v1::AgentInfo {
        hostname: "h".into(),
        resources: wire::from_resources(&resources.parse().unwrap()),
        id: id.map(|id| v1::AgentId { value: id.into() }),
        ..Default::default()
    }
}

/// The capabilities of an agent that can be drained.
pub(super) fn draining() -> Vec<v1::agent_info::Capability> {
    let mut capability = v1::agent_info::Capability::default();
    capability.set_type(v1::agent_info::capability::Type::AgentDraining);
    vec![capability]
}

/// A framework that knows all there is.
pub(super) fn aware(roles: &[&str]) -> v1::FrameworkInfo {
    use v1::framework_info::capability::Type;
    let capability = |kind| {
        let mut capability = v1::framework_info::Capability::default();
        capability.set_type(kind);
        capability
    };
    v1::FrameworkInfo {
        user: "root".into(),
        name: "f".into(),
        roles: roles.iter().map(|r| (*r).to_owned()).collect(),
        failover_timeout: Some(60.0),
        capabilities: vec![
            capability(Type::MultiRole),
            capability(Type::PartitionAware),
            capability(Type::ReservationRefinement),
        ],
        ..Default::default()
    }
}

/// A framework of the first days.
pub(super) fn unaware() -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        user: "root".into(),
        name: "old".into(),
        failover_timeout: Some(60.0),
        ..Default::default()
    }
}

pub(super) fn task(id: &str, agent: &AgentId, resources: &str) -> v1::TaskInfo {
    v1::TaskInfo {
        name: id.into(),
        task_id: v1::TaskId { value: id.into() },
        agent_id: v1::AgentId {
            value: agent.to_string(),
        },
        resources: wire::from_resources(&resources.parse().unwrap()),
        command: Some(v1::CommandInfo::default()),
        ..Default::default()
    }
}

pub(super) fn events(effects: &[Effect], scheduler: &Scheduler) -> Vec<Event> {
    let sent = effects.iter().filter_map(|effect| match effect {
        Effect::ToFramework { stream, event } if *stream == scheduler.stream => Some(event.as_ref().clone()),
        _ => None,
    });
    sent.collect()
}

pub(super) fn kinds(effects: &[Effect], scheduler: &Scheduler) -> Vec<event::Type> {
    events(effects, scheduler).iter().map(Event::r#type).collect()
}

pub(super) fn offers(effects: &[Effect], scheduler: &Scheduler) -> Vec<v1::Offer> {
    events(effects, scheduler)
        .into_iter()
        .filter_map(|e| e.offers)
        .flat_map(|o| o.offers)
        .collect()
}

pub(super) fn statuses(effects: &[Effect], scheduler: &Scheduler) -> Vec<v1::TaskStatus> {
    events(effects, scheduler)
        .into_iter()
        .filter_map(|e| e.update)
        .map(|u| u.status)
        .collect()
}

pub(super) fn told(effects: &[Effect], scheduler: &Scheduler) -> Vec<(String, &'static str, String)> {
    let line = |s: v1::TaskStatus| {
        (
            s.task_id.value.clone(),
            s.state().as_str_name(),
            s.message.clone().unwrap_or_default(),
        )
    };
    statuses(effects, scheduler).into_iter().map(line).collect()
}

pub(super) fn to_agent(effects: &[Effect], node: &Node) -> Vec<session::from_master::Message> {
    let sent = effects.iter().filter_map(|effect| match effect {
        Effect::ToAgent { session, message } if *session == node.session => Some(message.as_ref().clone()),
        _ => None,
    });
    sent.collect()
}
