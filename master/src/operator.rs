//! What operators decide, one after the other: each decision is in the registry before it has effects.
//!
//! ```text
//! asked ─► waiting ─decide─┬─► refused, or true already ─► answered
//!                          └─► written to the registry ─commit─► effects, answered
//! ```
//!
//! While a change is being written the next decisions wait, so that each is made about what is in force.

mod agents;
mod maintenance;

pub(crate) use agents::{GONE, drain_message, left, tend};
pub(crate) use maintenance::IS_DOWN;

use crate::input::{Answer, Effect};
use crate::operation::{Change, Operation, Ticket};
use crate::state::{Request, State};
use crate::time::Time;

/// An operator asks for something.
pub(crate) fn ask(state: &mut State, now: Time, operation: Operation) -> Vec<Effect> {
    let ticket = Ticket(state.pending.next);
    state.pending.next += 1;
    state.pending.waiting.push_back(Request {
        operation,
        ticket: Some(ticket),
    });
    let mut effects = vec![Effect::Hold(ticket)];
    effects.extend(go_on(state, now));
    effects
}

/// The master itself decides something; once is enough.
fn ask_ourselves(state: &mut State, now: Time, operation: Operation) -> Vec<Effect> {
    if state.pending.has(&operation) {
        return Vec::new();
    }
    state.pending.waiting.push_back(Request {
        operation,
        ticket: None,
    });
    go_on(state, now)
}

/// The registry has the change, or cannot take it for this reason.
pub(crate) fn stored(state: &mut State, now: Time, outcome: Result<(), String>) -> Vec<Effect> {
    let Some((request, change)) = state.pending.writing.take() else {
        return Vec::new();
    };
    let (mut effects, answer) = match outcome {
        Ok(()) => (commit(state, now, change), Answer::Ok),
        Err(why) => {
            tracing::error!(operation = ?request.operation, "not in the registry, so it has no effect: {why}");
            (
                Vec::new(),
                Answer::Unavailable(format!("Failed to update the registry: {why}")),
            )
        }
    };
    effects.extend(request.ticket.map(|ticket| Effect::AnswerHeld(ticket, answer)));
    effects.extend(go_on(state, now));
    effects
}

fn go_on(state: &mut State, now: Time) -> Vec<Effect> {
    let mut effects = Vec::new();
    while state.pending.writing.is_none()
        && let Some(request) = state.pending.waiting.pop_front()
    {
        let answer = match decide(state, now, &request.operation) {
            Ok(Some(change)) => {
                state.pending.writing = Some((request, change.clone()));
                effects.push(Effect::Store(change));
                break;
            }
            Ok(None) => Answer::Ok,
            Err(refusal) => refusal,
        };
        effects.extend(request.ticket.map(|ticket| Effect::AnswerHeld(ticket, answer)));
    }
    effects
}

/// The change that an operation means now; none if what it wants is so already.
fn decide(state: &State, now: Time, operation: &Operation) -> Result<Option<Change>, Answer> {
    match operation {
        Operation::Drain { agent, config } => agents::drain(state, now, agent, *config).map(Some),
        Operation::Deactivate(agent) => agents::deactivate(state, agent),
        Operation::Reactivate(agent) => agents::reactivate(state, agent).map(Some),
        Operation::MarkGone(agent) => agents::mark_gone(state, now, agent),
        Operation::UpdateSchedule(schedule) => maintenance::update(state, schedule),
        Operation::StartMaintenance(machines) => maintenance::start(state, machines),
        Operation::StopMaintenance(machines) => maintenance::stop(state, machines),
        Operation::Forget(agent) => Ok(agents::forget(state, agent)),
    }
}

/// What a change that is in the registry does.
fn commit(state: &mut State, now: Time, change: Change) -> Vec<Effect> {
    match change {
        Change::Decision(agent, decision) => agents::settle(state, now, &agent, decision),
        Change::Maintenance(to) => maintenance::settle(state, now, to),
    }
}
