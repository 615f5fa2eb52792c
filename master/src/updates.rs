//! Status updates that the master itself makes, and events for frameworks.

use mesolith_mesos::TaskState;
use mesolith_proto::mesos::v1;
use v1::framework_info::capability::Type as Capability;
use v1::scheduler::{Event, event};
use v1::task_status::{Reason, Source};

use crate::input::Effect;
use crate::state::{Framework, State};
use crate::time::Time;
use crate::wire;

/// A status of the master's own: no uuid, so nobody acknowledges it and it is sent once.
#[must_use]
pub(crate) fn master_status(
    now: Time,
    task: &v1::TaskId,
    agent: Option<&str>,
    state: TaskState,
    reason: Reason,
    message: impl Into<String>,
) -> v1::TaskStatus {
    let mut status = v1::TaskStatus {
        task_id: task.clone(),
        state: wire::from_state(state) as i32,
        message: Some(message.into()),
        agent_id: agent.map(|id| v1::AgentId { value: id.to_owned() }),
        timestamp: Some(now.seconds()),
        ..Default::default()
    };
    status.set_source(Source::Master);
    status.set_reason(reason);
    status
}

/// The state that a framework is told: without PARTITION_AWARE it knows only LOST.
#[must_use]
pub(crate) fn told_state(framework: &Framework, state: TaskState) -> TaskState {
    if framework.can(Capability::PartitionAware) {
        state
    } else {
        state.without_partition_awareness()
    }
}

/// An UPDATE event, if the framework is there to hear it.
#[must_use]
pub(crate) fn update(state: &State, framework: &str, mut status: v1::TaskStatus) -> Option<Effect> {
    let framework = state.frameworks.get(framework)?;
    status.state = wire::from_state(told_state(framework, wire::to_state(status.state))) as i32;
    let mut event = Event {
        update: Some(event::Update { status }),
        ..Default::default()
    };
    event.set_type(event::Type::Update);
    to_framework(framework, event)
}

/// An event, if the framework is there to hear it.
#[must_use]
pub(crate) fn to_framework(framework: &Framework, event: Event) -> Option<Effect> {
    let stream = framework.stream.clone()?;
    Some(Effect::ToFramework {
        stream,
        event: Box::new(event),
    })
}

/// An event that says what went wrong with a subscription.
#[must_use]
pub(crate) fn error_event(message: impl Into<String>) -> Event {
    let mut event = Event {
        error: Some(event::Error {
            message: message.into(),
        }),
        ..Default::default()
    };
    event.set_type(event::Type::Error);
    event
}

/// A RESCIND event.
#[must_use]
pub(crate) fn rescind_event(offer: &str) -> Event {
    let offer_id = v1::OfferId {
        value: offer.to_owned(),
    };
    let mut event = Event {
        rescind: Some(event::Rescind { offer_id }),
        ..Default::default()
    };
    event.set_type(event::Type::Rescind);
    event
}

/// A FAILURE event: of an executor, or of an agent if there is none.
#[must_use]
pub(crate) fn failure_event(agent: &str, executor: Option<(&str, i32)>) -> Event {
    let failure = event::Failure {
        agent_id: Some(v1::AgentId {
            value: agent.to_owned(),
        }),
        executor_id: executor.map(|(id, _)| v1::ExecutorId { value: id.to_owned() }),
        status: executor.map(|(_, status)| status),
    };
    let mut event = Event {
        failure: Some(failure),
        ..Default::default()
    };
    event.set_type(event::Type::Failure);
    event
}
