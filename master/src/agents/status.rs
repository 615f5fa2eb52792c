//! A status update on its way from an agent to its framework.

use mesolith_mesos::AgentId;
use mesolith_proto::session::v1 as session;

use crate::calls::teardown::shut_down;
use crate::input::Effect;
use crate::state::State;
use crate::time::Time;
use crate::{updates, wire};

/// Passes an update on and remembers it. Only the framework acknowledges it. The agent keeps an update that is not
/// acknowledged, and sends it again.
pub(crate) fn update(
    state: &mut State,
    _now: Time,
    agent: &AgentId,
    update: session::StatusUpdate,
) -> Vec<Effect> {
    state.counters.status_updates += 1;
    let latest = update.latest_state();
    let (Some(framework), Some(mut status)) = (update.framework_id, update.status) else {
        return Vec::new();
    };
    let framework = framework.value;
    if state.completed.iter().any(|f| f.id.as_str() == framework) {
        let session = state.agents.get(agent).and_then(|a| a.session);
        return session
            .map(|session| shut_down(session, &framework.as_str().into()))
            .into_iter()
            .collect();
    }
    if status.agent_id.is_none() {
        status.agent_id = Some(mesolith_proto::mesos::v1::AgentId {
            value: agent.to_string(),
        });
    }
    let told = wire::to_state(status.state);
    // An unset field reads as STARTING too. No update comes before STARTING, so the status itself says as much.
    let unset = latest == mesolith_proto::mesos::v1::TaskState::TaskStarting;
    let latest = if unset || told.is_terminal() {
        told
    } else {
        wire::to_state(latest as i32)
    };
    let id = status.task_id.value.clone();
    state.move_task(&framework, &id, latest, |task| {
        task.wire.status_update_state = Some(status.state);
        task.wire.status_update_uuid.clone_from(&status.uuid);
        task.record(&status);
    });
    // Without a uuid nobody will acknowledge it: its end is final now.
    if told.is_terminal() && status.uuid.is_none() {
        crate::calls::acknowledge::complete(state, &framework.as_str().into(), &id);
    }
    updates::update(state, &framework, status).into_iter().collect()
}
