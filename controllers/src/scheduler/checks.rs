//! Results of the health checks made here, applied to the model. Pure.

use jiff::Timestamp;
use mesolith_marathon::health::{self, Verdict};

use super::{
    decide::Effect,
    model::{LastFailure, Model},
    probe::ProbeResult,
};

/// Takes the result of one check over; a task that failed too often is to be killed.
pub(super) fn result(model: &mut Model, result: &ProbeResult, now: Timestamp) -> Option<Effect> {
    let (state, id) = model.find(&result.task.to_string())?;
    let instance = state.instances.get_mut(&id)?;
    let checks: Vec<_> = health::probed(&instance.checks).collect();
    let place = checks.iter().position(|(index, _)| *index == result.check)?;
    let records = state.records.entry(id.clone()).or_default();
    records.resize(checks.len(), health::Record::default());
    let started = instance.started.unwrap_or(instance.since);
    let verdict = records[place].result(checks[place].1, started, now, result.alive);
    instance.health = health::aggregate(records);
    if verdict != Verdict::Kill || instance.kill_sent.is_some() {
        return None;
    }
    tracing::info!(task = %id, "stopped: it failed its health check too often");
    instance.kill_sent = Some(now);
    let effect = Effect::Kill {
        task: id.to_string(),
        agent: instance.agent.id.clone(),
    };
    let failure = LastFailure {
        task: id.to_string(),
        state: "TASK_KILLED",
        problem: None,
        message: "it failed its health check too often".to_owned(),
        host: instance.agent.hostname.clone(),
        version: instance.version.clone(),
        at: now,
    };
    state.failed(failure, now);
    Some(effect)
}
