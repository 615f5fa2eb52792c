//! MESSAGE: from a scheduler to an executor, without any guarantee.

use mesolith_mesos::FrameworkId;
use mesolith_proto::mesos::v1;
use mesolith_proto::session::v1 as session;
use v1::scheduler::call;

use crate::input::Effect;
use crate::state::State;

/// Passes a message on to the agent.
pub(crate) fn message(state: &State, framework: &FrameworkId, call: call::Message) -> Vec<Effect> {
    let session = state
        .agents
        .get(call.agent_id.value.as_str())
        .and_then(|agent| agent.session);
    let Some(session) = session else { return Vec::new() };
    let message = session::FrameworkMessage {
        framework_id: Some(v1::FrameworkId {
            value: framework.to_string(),
        }),
        executor_id: Some(call.executor_id),
        data: call.data,
    };
    vec![Effect::ToAgent {
        session,
        message: Box::new(session::from_master::Message::FrameworkMessage(message)),
    }]
}
