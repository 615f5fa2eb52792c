//! Applying what the master says to the model. Pure; what must be answered comes out as [`Reply`].

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use mesolith_marathon::instance::{Health, State};
use mesolith_proto::mesos::v1::{self as mesos, TaskState, task_status::Reason};

use super::{
    model::{HeldOffer, Model},
    view::LastFailure,
    wire,
};

/// What an update asks of us once it is applied.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reply {
    /// Say that the update has arrived.
    Acknowledge {
        agent: String,
        task: String,
        uuid: Bytes,
    },
    /// A task nobody waits for came back.
    Kill { agent: Option<String>, task: String },
    /// A task is unknown here: read the master's list again.
    Reread,
}

/// Takes offers in; an older one of the same agent stays until it is used or rescinded.
pub(super) fn offers(model: &mut Model, offers: Vec<mesos::Offer>) {
    for wire in offers {
        let left = wire::offer(&wire);
        model.agents.insert(left.agent.id.clone(), left.agent.clone());
        model.latest.insert(left.agent.id.clone(), left.clone());
        model.offers.insert(left.id.clone(), HeldOffer { wire, left });
    }
}

/// An agent is lost: its offers no longer count as evidence.
pub(super) fn agent_lost(model: &mut Model, agent: &str) {
    model.latest.remove(agent);
    model.offers.retain(|_, offer| offer.left.agent.id != agent);
}

/// Applies a status update.
pub(super) fn update(model: &mut Model, status: &mesos::TaskStatus, now: Timestamp) -> Vec<Reply> {
    let task = status.task_id.value.clone();
    let agent = status.agent_id.as_ref().map(|id| id.value.clone());
    let mut replies = Vec::new();
    let state = TaskState::try_from(status.state).unwrap_or(TaskState::TaskUnknown);
    if !apply(model, status, state, now) && !is_over(state) {
        if model.expunged.contains(&task) {
            replies.push(Reply::Kill {
                agent: agent.clone(),
                task: task.clone(),
            });
        } else if !model.strays.contains_key(&task) && state != TaskState::TaskUnreachable {
            replies.push(Reply::Reread);
        }
    }
    if is_over(state) {
        model.expunged.remove(&task);
        model.strays.remove(&task);
    }
    if let (Some(uuid), Some(agent)) = (&status.uuid, agent)
        && !uuid.is_empty()
    {
        replies.push(Reply::Acknowledge {
            agent,
            task,
            uuid: uuid.clone(),
        });
    }
    replies
}

/// Whether the task was known.
fn apply(model: &mut Model, status: &mesos::TaskStatus, state: TaskState, now: Timestamp) -> bool {
    let Some((app, id)) = model.find(&status.task_id.value) else {
        return false;
    };
    let policy = app.desired.app.backoff_policy();
    let Some(instance) = app.instances.get_mut(&id) else {
        return false;
    };
    let next = match state {
        TaskState::TaskStaging => Some(State::Staging),
        TaskState::TaskStarting => Some(State::Starting),
        TaskState::TaskRunning => Some(State::Running),
        TaskState::TaskKilling => Some(State::Killing),
        TaskState::TaskUnreachable | TaskState::TaskLost => Some(State::Unreachable),
        // The master may not have heard of the agent yet; one that never runs or was to go is over.
        TaskState::TaskUnknown if instance.is_stopping() || instance.state == State::Staging => None,
        TaskState::TaskUnknown => Some(State::Unreachable),
        TaskState::TaskFinished
        | TaskState::TaskFailed
        | TaskState::TaskKilled
        | TaskState::TaskError
        | TaskState::TaskDropped
        | TaskState::TaskGone
        | TaskState::TaskGoneByOperator => None,
    };
    match next {
        Some(next) => {
            if instance.state != next {
                // A kill does not reach an agent that is away: decide again when it is back.
                if instance.state == State::Unreachable {
                    instance.kill_sent = None;
                }
                instance.state = next;
                instance.since = since(status, next, now);
            }
            if next == State::Running && instance.started.is_none() {
                instance.started = Some(at(status.timestamp).unwrap_or(now));
            }
            if let Some(healthy) = status.healthy {
                instance.health = if healthy {
                    Health::Healthy
                } else {
                    Health::Unhealthy
                };
            }
            if next != State::Unreachable {
                app.backoff.alive(now);
            }
        }
        None => {
            let expected = instance.is_stopping() && state != TaskState::TaskError;
            if is_failure(state, status) && !expected {
                app.backoff.failed(&policy, now);
                app.last_failure = Some(failure(status, state, instance, now));
            }
            app.remove(&id);
        }
    }
    model.unconfirmed.remove(&id);
    true
}

/// Terminal for us.
fn is_over(state: TaskState) -> bool {
    match state {
        TaskState::TaskStaging
        | TaskState::TaskStarting
        | TaskState::TaskRunning
        | TaskState::TaskKilling
        | TaskState::TaskUnreachable => false,
        TaskState::TaskLost
        | TaskState::TaskUnknown
        | TaskState::TaskFinished
        | TaskState::TaskFailed
        | TaskState::TaskKilled
        | TaskState::TaskError
        | TaskState::TaskDropped
        | TaskState::TaskGone
        | TaskState::TaskGoneByOperator => true,
    }
}

/// What delays the next launch: also an app that ends by itself, and one killed by its own health check.
fn is_failure(state: TaskState, status: &mesos::TaskStatus) -> bool {
    match state {
        TaskState::TaskDropped
        | TaskState::TaskError
        | TaskState::TaskFailed
        | TaskState::TaskGone
        | TaskState::TaskFinished => true,
        TaskState::TaskKilled => status.healthy == Some(false),
        _ => false,
    }
}

fn failure(
    status: &mesos::TaskStatus,
    state: TaskState,
    instance: &mesolith_marathon::Instance,
    now: Timestamp,
) -> LastFailure {
    LastFailure {
        task: status.task_id.value.clone(),
        state: state.as_str_name(),
        reason: status
            .reason
            .and_then(|reason| Reason::try_from(reason).ok())
            .map(|reason| reason.as_str_name()),
        message: status.message.clone().unwrap_or_default(),
        host: instance.agent.hostname.clone(),
        version: instance.version.clone(),
        at: at(status.timestamp).unwrap_or(now),
    }
}

fn since(status: &mesos::TaskStatus, state: State, now: Timestamp) -> Timestamp {
    let unreachable = status
        .unreachable_time
        .as_ref()
        .filter(|_| state == State::Unreachable);
    match unreachable {
        Some(time) => Timestamp::UNIX_EPOCH
            .checked_add(SignedDuration::from_nanos(time.nanoseconds))
            .unwrap_or(now),
        None => at(status.timestamp).unwrap_or(now).min(now),
    }
}

/// Seconds as a double, as Mesos writes time.
pub(super) fn at(seconds: Option<f64>) -> Option<Timestamp> {
    let since_epoch = SignedDuration::try_from_secs_f64(seconds?).ok()?;
    Timestamp::UNIX_EPOCH.checked_add(since_epoch).ok()
}
