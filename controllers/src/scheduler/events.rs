//! Applying what the master says to the model. Pure; what must be answered comes out as [`Reply`].

#[cfg(test)]
mod tests;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use mesolith_marathon::instance::{Health, State};
use mesolith_mesos::LaunchProblem;
use mesolith_proto::mesos::v1::{self as mesos, TaskState};

use super::{
    model::{HeldOffer, LastFailure, Model},
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
    /// Stop a task that came back and that nobody waits for.
    Kill { agent: Option<String>, task: String },
    /// Read the master's list again, since a task is unknown here.
    Reread,
}

/// Takes offers in; an older one of the same agent stays until it is used or rescinded. Answers whether an agent is new.
pub(super) fn offers(model: &mut Model, offers: Vec<mesos::Offer>) -> bool {
    let mut new = false;
    for wire in offers {
        let left = wire::offer(&wire);
        let known = model.agents.insert(left.agent.id.clone(), left.agent.clone());
        new |= known.is_none();
        model.note(&left);
        model.offers.insert(left.id.clone(), HeldOffer { wire, left });
    }
    new
}

/// An agent is lost: its offers are void, and it no longer counts as evidence for a shortage.
pub(super) fn agent_lost(model: &mut Model, agent: &str) {
    model.latest.retain(|(of, _), _| of != agent);
    model.ports.remove(agent);
    model.offers.retain(|_, offer| offer.left.agent.id != agent);
}

/// Applies a status update.
pub(super) fn update(model: &mut Model, status: &mesos::TaskStatus, now: Timestamp) -> Vec<Reply> {
    let task = status.task_id.value.clone();
    let agent = status.agent_id.as_ref().map(|id| id.value.clone());
    let mut replies = Vec::new();
    let state = TaskState::try_from(status.state).unwrap_or(TaskState::TaskUnknown);
    // It will be acknowledged, so it must not be forgotten until its app is reconciled.
    if let Some((_, stray)) = model.strays.get_mut(&task)
        && let Some(next) = next(stray, state)
    {
        progress(stray, next, status, now);
    }
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
        if let Some(ended) = &mut model.ended {
            ended.insert(task.clone());
        }
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

/// Applies an update to its task; returns whether the task is known.
fn apply(model: &mut Model, status: &mesos::TaskStatus, state: TaskState, now: Timestamp) -> bool {
    let Some((app, id)) = model.find(&status.task_id.value) else {
        return false;
    };
    let current = app.desired.app.version.clone();
    let Some(instance) = app.instances.get_mut(&id) else {
        return false;
    };
    match next(instance, state) {
        Some(next) => {
            progress(instance, next, status, now);
            if next != State::Unreachable && instance.version == current {
                app.backoff.alive(now);
            }
        }
        None => {
            let expected = instance.is_stopping() && state != TaskState::TaskError;
            if is_failure(state, status) && !expected {
                let failure = failure(status, state, instance, now);
                app.failed(failure, now);
            }
            app.remove(&id);
        }
    }
    model.unconfirmed.remove(&id);
    true
}

/// Where an instance is after an update; `None` when it is over.
fn next(instance: &mesolith_marathon::Instance, state: TaskState) -> Option<State> {
    match state {
        TaskState::TaskStaging => Some(State::Staging),
        TaskState::TaskStarting => Some(State::Starting),
        TaskState::TaskRunning => Some(State::Running),
        TaskState::TaskKilling => Some(State::Killing),
        TaskState::TaskUnreachable | TaskState::TaskLost => Some(State::Unreachable),
        // The master may not know the agent yet. A task that never ran or was told to stop is over.
        TaskState::TaskUnknown if instance.is_stopping() || instance.state == State::Staging => None,
        TaskState::TaskUnknown => Some(State::Unreachable),
        TaskState::TaskFinished
        | TaskState::TaskFailed
        | TaskState::TaskKilled
        | TaskState::TaskError
        | TaskState::TaskDropped
        | TaskState::TaskGone
        | TaskState::TaskGoneByOperator => None,
    }
}

/// Takes over what an update of a living task says.
fn progress(
    instance: &mut mesolith_marathon::Instance,
    next: State,
    status: &mesos::TaskStatus,
    now: Timestamp,
) {
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
}

/// Whether nothing more is expected of a task in this state.
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

/// Whether the end delays the next launch. A task that ends by itself or by its own health check counts too.
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
        problem: problem(status),
        message: status.message.clone().unwrap_or_default(),
        host: instance.agent.hostname.clone(),
        version: instance.version.clone(),
        at: at(status.timestamp).unwrap_or(now),
    }
}

/// Why the launch failed, where the agent says it as data.
fn problem(status: &mesos::TaskStatus) -> Option<LaunchProblem> {
    let mut labels = status.labels.iter().flat_map(|labels| &labels.labels);
    let said = labels.find(|label| label.key == LaunchProblem::LABEL)?;
    LaunchProblem::parse(said.value())
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
