//! An agent with an id comes back: after a broken connection, after being unreachable, or after a master failover.
//!
//! The agent reports what runs, and the master takes that over. The master asks about tasks that the agent never got,
//! so that they end as TASK_DROPPED instead of staying in staging for ever.

use std::collections::BTreeSet;

use mesolith_mesos::{AgentId, FrameworkId, TaskId, TaskState};
use mesolith_proto::mesos::v1;
use mesolith_proto::session::v1 as session;
use v1::task_status::Reason;

use super::lost::turn_away;
use super::register::{About, capabilities, insert, machine, registered};
use crate::calls::teardown::shut_down;
use crate::input::{Effect, SessionId};
use crate::state::{Decision, Executor, Framework, State, Task};
use crate::time::Time;
use crate::updates::{master_status, update};
use crate::{offers, operator, wire};

/// Takes an agent back. An id that another master gave counts like one of ours.
pub(crate) fn reregister(
    state: &mut State,
    now: Time,
    from: SessionId,
    peer: &str,
    again: session::Reregister,
) -> Vec<Effect> {
    let Some(info) = again.agent else {
        return vec![Effect::EndSession { session: from }];
    };
    let Some(id) = info
        .id
        .as_ref()
        .map(|id| AgentId::from(id.value.as_str()))
        .filter(|id| !id.as_str().is_empty())
    else {
        return vec![Effect::EndSession { session: from }];
    };
    let gone = matches!(state.decisions.get(&id), Some(Decision::Gone(_)));
    if gone || state.left.contains_key(&id) {
        let message = if gone {
            operator::GONE
        } else {
            "Agent has been removed"
        };
        return turn_away(from, message);
    }
    if state.maintenance.is_down(&machine(&info, peer)) {
        return turn_away(from, operator::IS_DOWN);
    }
    let about = About {
        info,
        version: again.version,
        capabilities: capabilities(&again.capabilities),
    };
    state.counters.agent_reregistrations += 1;
    let was_unreachable = state.unreachable.contains_key(&id);
    let mut effects = Vec::new();
    if state.agents.contains_key(&id) {
        effects.extend(reconnect(state, now, from, peer, &id, about));
    } else {
        insert(state, now, from, peer, id.clone(), about);
        if let Some(agent) = state.agent_mut(id.as_str()) {
            agent.reregistered = Some(now);
        }
    }
    effects.push(registered(state, from, &id));
    recover_frameworks(state, now, &again.frameworks);
    effects.extend(end_removed(state, from, &again.frameworks));
    recover_executors(state, &id, again.executors);
    let reported: BTreeSet<_> = again
        .tasks
        .iter()
        .map(|t| {
            (
                FrameworkId::from(t.framework_id.value.as_str()),
                TaskId::from(t.task_id.value.as_str()),
            )
        })
        .collect();
    effects.extend(ask_about_lost(state, from, &id, &reported));
    for task in again.tasks {
        effects.extend(recover_task(state, now, task, was_unreachable));
    }
    forget_unreachable(state, &id);
    effects.extend(operator::drain_message(state, &id));
    effects.extend(tell_frameworks(state, from, &id));
    effects.extend(offers::allocate(state, now));
    effects
}

/// The same agent on a new connection; its resources may have changed with its flags.
fn reconnect(
    state: &mut State,
    now: Time,
    from: SessionId,
    peer: &str,
    id: &AgentId,
    about: About,
) -> Vec<Effect> {
    let next_ping = now + state.config.ping_interval;
    state.sessions.insert(from, id.clone());
    let Some(agent) = state.agent_mut(id.as_str()) else {
        return Vec::new();
    };
    let old = agent.session.replace(from);
    agent.address = super::register::address(&about.info, peer);
    agent.machine = machine(&about.info, peer);
    agent.total = wire::to_resources(&about.info.resources);
    (agent.info, agent.version, agent.capabilities) = (about.info, about.version, about.capabilities);
    (agent.seen, agent.next_ping, agent.reregistered) = (now, next_ping, Some(now));
    let mut effects = offers::rescind_all(state, id);
    if let Some(old) = old {
        state.sessions.remove(&old);
        effects.push(Effect::EndSession { session: old });
    }
    effects
}

/// Frameworks that have not subscribed to this master yet: shown as recovered, given time to come back.
fn recover_frameworks(state: &mut State, now: Time, infos: &[v1::FrameworkInfo]) {
    for info in infos {
        let Some(id) = info.id.as_ref().map(|id| FrameworkId::from(id.value.as_str())) else {
            continue;
        };
        if state.frameworks.contains_key(&id) || state.completed.iter().any(|f| f.id == id) {
            continue;
        }
        let mut framework = Framework::new(id.clone(), info.clone(), now);
        framework.recovered = true;
        // Nobody asked for its tasks to end, so after a failover it has at least as long to come back as agents have.
        framework.remove_at = Some(now + framework.failover_timeout().max(state.config.reregister_timeout));
        state.frameworks.insert(id, framework.into());
    }
}

/// Ends frameworks on the agent that were removed while it was away.
fn end_removed(state: &State, session: SessionId, infos: &[v1::FrameworkInfo]) -> Vec<Effect> {
    let ids = infos
        .iter()
        .filter_map(|info| info.id.as_ref())
        .map(|id| FrameworkId::from(id.value.as_str()));
    ids.filter(|id| state.completed.iter().any(|f| f.id == *id))
        .map(|id| shut_down(session, &id))
        .collect()
}

/// The agent's list is complete: an executor that it does not name has ended, or was never started.
fn recover_executors(state: &mut State, id: &AgentId, executors: Vec<v1::ExecutorInfo>) {
    let Some(agent) = state.agent_mut(id.as_str()) else {
        return;
    };
    let mut before = std::mem::take(&mut agent.executors);
    for info in executors {
        let Some(framework) = info
            .framework_id
            .as_ref()
            .map(|f| FrameworkId::from(f.value.as_str()))
        else {
            continue;
        };
        if !state.frameworks.contains_key(&framework) {
            continue;
        }
        let key = (framework.clone(), info.executor_id.value.as_str().into());
        let executor = before.remove(&key).unwrap_or_else(|| {
            let resources = wire::to_resources(&info.resources);
            state.charge(id, &framework, &resources);
            Executor { info, resources }
        });
        if let Some(agent) = state.agent_mut(id.as_str()) {
            agent.executors.insert(key, executor);
        }
    }
    for ((framework, _), ended) in before {
        state.release(id, &framework, &ended.resources);
    }
}

/// Asks the agent about tasks that it was sent and does not report: it answers with their end.
fn ask_about_lost(
    state: &State,
    session: SessionId,
    id: &AgentId,
    reported: &BTreeSet<(FrameworkId, TaskId)>,
) -> Vec<Effect> {
    let Some(agent) = state.agents.get(id) else {
        return Vec::new();
    };
    let mut missing: std::collections::BTreeMap<&FrameworkId, Vec<v1::TaskId>> =
        std::collections::BTreeMap::new();
    for key in agent.tasks.iter().filter(|key| !reported.contains(key)) {
        missing.entry(&key.0).or_default().push(v1::TaskId {
            value: key.1.to_string(),
        });
    }
    let ask = |(framework, task_ids): (&FrameworkId, _)| {
        let framework_id = Some(v1::FrameworkId {
            value: framework.to_string(),
        });
        let message = session::ReconcileTasks {
            framework_id,
            task_ids,
        };
        Effect::ToAgent {
            session,
            message: Box::new(session::from_master::Message::ReconcileTasks(message)),
        }
    };
    missing.into_iter().map(ask).collect()
}

fn recover_task(state: &mut State, now: Time, reported: v1::Task, was_unreachable: bool) -> Option<Effect> {
    let mut task = Task::reported(reported);
    let (framework, id) = (task.framework(), task.id());
    if let Some(known) = state.task(framework.as_str(), id.as_str()) {
        // Known and still there: only its state may have moved on while the connection was broken.
        if known.state() != task.state() {
            let latest = task.state();
            state.move_task(framework.as_str(), id.as_str(), latest, |_| {});
        }
        return None;
    }
    let owner = state.frameworks.get(&framework)?;
    let told = owner.unreachable_tasks.contains_key(&id) || was_unreachable;
    let (agent, latest) = (task.agent(), task.state());
    if let Some(before) = owner.unreachable_tasks.get(&id) {
        task.wire.statuses.clone_from(&before.wire.statuses);
    }
    let (wire_id, executor) = (task.wire.task_id.clone(), task.wire.executor_id.clone());
    state.put_task(task);
    if !told {
        return None;
    }
    let message = "Unreachable agent re-reregistered";
    let mut status = master_status(
        now,
        &wire_id,
        Some(agent.as_str()),
        latest,
        Reason::AgentReregistered,
        message,
    );
    status.executor_id = executor;
    update(state, framework.as_str(), status)
}

/// Forgets tasks that an agent does not report after being unreachable. RECONCILE answers GONE for them.
fn forget_unreachable(state: &mut State, id: &AgentId) {
    let limit = state.config.max_completed_tasks;
    let ids: Vec<_> = state.frameworks.keys().cloned().collect();
    for framework in ids {
        let stale = |f: &Framework| f.unreachable_tasks.values().any(|t| t.agent() == *id);
        if !state.frameworks.get(&framework).is_some_and(|f| stale(f)) {
            continue;
        }
        let Some(framework) = state.framework_mut(framework.as_str()) else {
            continue;
        };
        let (gone, stay) = std::mem::take(&mut framework.unreachable_tasks)
            .into_iter()
            .partition(|(_, task)| task.agent() == *id);
        framework.unreachable_tasks = stay;
        for task in std::collections::BTreeMap::into_values(gone) {
            let mut task = std::sync::Arc::unwrap_or_clone(task);
            task.set_state(TaskState::Gone);
            framework.complete(task, limit);
        }
    }
}

/// Names connected frameworks to the agent, so that it sends their unacknowledged updates now.
fn tell_frameworks(state: &State, session: SessionId, id: &AgentId) -> Vec<Effect> {
    let Some(agent) = state.agents.get(id) else {
        return Vec::new();
    };
    let owners: BTreeSet<_> = agent.tasks.iter().map(|(framework, _)| framework).collect();
    let connected = owners
        .into_iter()
        .filter_map(|id| state.frameworks.get(id))
        .filter(|f| f.is_connected());
    let tell = |framework: &std::sync::Arc<Framework>| {
        let update = session::UpdateFramework {
            framework: Some(framework.info.clone()),
        };
        Effect::ToAgent {
            session,
            message: Box::new(session::from_master::Message::UpdateFramework(update)),
        }
    };
    connected.map(tell).collect()
}
