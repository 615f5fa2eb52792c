//! The maintenance schedule, and machines that go out of service and come back.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use mesolith_mesos::{AgentId, TaskState};
use mesolith_proto::json;
use mesolith_proto::mesos::v1;
use prost::Message;
use v1::maintenance::Schedule;
use v1::task_status::Reason;

use crate::agents::lost::{self, Removal};
use crate::input::{Answer, Effect};
use crate::offers;
use crate::operation::Change;
use crate::state::{Machine, Maintenance, State};
use crate::time::Time;

/// Longest schedule in bytes: it is one record in ZooKeeper, which takes 1 MiB with everything around it.
const LONGEST: usize = 960 << 10;

fn refuse<T>(why: impl Into<String>) -> Result<T, Answer> {
    Err(Answer::BadRequest(why.into()))
}

fn named(id: &v1::MachineId) -> String {
    format!("Machine '{}'", json::to_string(id))
}

/// Checks a machine, and that it was not seen before.
fn check(id: &v1::MachineId, seen: &mut BTreeSet<Machine>) -> Result<(), Answer> {
    if id.hostname().is_empty() && id.ip().is_empty() {
        return refuse("Both 'hostname' and 'ip' for a machine are empty");
    }
    if !id.ip().is_empty() && id.ip().parse::<Ipv4Addr>().is_err() {
        return refuse(format!("Failed to parse IPv4: {}", id.ip()));
    }
    if !seen.insert(Machine::of(id)) {
        return refuse(format!("{} appears more than once in the schedule", named(id)));
    }
    Ok(())
}

fn check_list(machines: &[v1::MachineId]) -> Result<(), Answer> {
    if machines.is_empty() {
        return refuse("List of machines is empty");
    }
    let mut seen = BTreeSet::new();
    machines.iter().try_for_each(|id| check(id, &mut seen))
}

fn changed(state: &State, to: Maintenance) -> Option<Change> {
    (to != *state.maintenance).then_some(Change::Maintenance(to))
}

pub(super) fn update(state: &State, schedule: &Schedule) -> Result<Option<Change>, Answer> {
    let mut seen = BTreeSet::new();
    for window in &schedule.windows {
        if window.machine_ids.is_empty() {
            return refuse("List of machines in the maintenance window is empty");
        }
        if window.unavailability.duration.is_some_and(|d| d.nanoseconds < 0) {
            return refuse("Unavailability 'duration' is negative");
        }
        window
            .machine_ids
            .iter()
            .try_for_each(|id| check(id, &mut seen))?;
    }
    let now = state.maintenance.as_ref();
    let known = now
        .schedule()
        .windows
        .iter()
        .flat_map(|window| &window.machine_ids);
    let removed = |id: &&v1::MachineId| now.is_down(&Machine::of(id)) && !seen.contains(&Machine::of(id));
    if let Some(id) = known.into_iter().find(removed) {
        return refuse(format!(
            "{} is deactivated and cannot be removed from the schedule",
            named(id)
        ));
    }
    let length = schedule.encoded_len();
    if length > LONGEST {
        return refuse(format!(
            "The schedule has {length} bytes, and the registry takes {LONGEST}: name fewer machines at a time"
        ));
    }
    Ok(changed(
        state,
        Maintenance::new(schedule.clone(), now.down().clone()),
    ))
}

pub(super) fn start(state: &State, machines: &[v1::MachineId]) -> Result<Option<Change>, Answer> {
    check_list(machines)?;
    for id in machines {
        known(state, id)?;
        let machine = Machine::of(id);
        let draining =
            state.maintenance.unavailability(&machine).is_some() && !state.maintenance.is_down(&machine);
        if !draining {
            return refuse(format!(
                "{} is not in DRAINING mode and cannot be brought down",
                named(id)
            ));
        }
    }
    Ok(changed(state, state.maintenance.with_down(machines)))
}

pub(super) fn stop(state: &State, machines: &[v1::MachineId]) -> Result<Option<Change>, Answer> {
    check_list(machines)?;
    for id in machines {
        known(state, id)?;
        if !state.maintenance.is_down(&Machine::of(id)) {
            return refuse(format!(
                "{} is not in DOWN mode and cannot be brought up",
                named(id)
            ));
        }
    }
    Ok(changed(state, state.maintenance.without(machines)))
}

/// A machine is known if it is scheduled or an agent is on it.
fn known(state: &State, id: &v1::MachineId) -> Result<(), Answer> {
    let machine = Machine::of(id);
    let scheduled = state.maintenance.unavailability(&machine).is_some();
    if scheduled || state.agents.values().any(|agent| agent.machine == machine) {
        return Ok(());
    }
    refuse(format!("{} is not part of a maintenance schedule", named(id)))
}

/// A change of the maintenance is in force. Frameworks hear of a changed unavailability at once: what was offered of such
/// an agent is withdrawn, and offered again with the new one.
pub(super) fn settle(state: &mut State, now: Time, maintenance: Maintenance) -> Vec<Effect> {
    let before = std::mem::replace(&mut state.maintenance, Arc::new(maintenance));
    let now_is = state.maintenance.clone();
    let mut effects = Vec::new();
    let of = |agents: &State, touched: &dyn Fn(&Machine) -> bool| -> Vec<AgentId> {
        let agents = agents.agents.values().filter(|agent| touched(&agent.machine));
        agents.map(|agent| agent.id.clone()).collect()
    };
    let went_down = |machine: &Machine| now_is.is_down(machine) && !before.is_down(machine);
    for agent in of(state, &went_down) {
        effects.extend(remove(state, now, &agent));
    }
    let moved = |machine: &Machine| now_is.unavailability(machine) != before.unavailability(machine);
    for agent in of(state, &moved) {
        effects.extend(offers::rescind_all(state, &agent));
        state.inverse_mut().forget_agent(&agent);
    }
    effects.extend(offers::allocate(state, now));
    effects
}

/// The machine of an agent is out of service. The agent may come back once it is in service again.
fn remove(state: &mut State, now: Time, agent: &AgentId) -> Vec<Effect> {
    let hostname = state.agents.get(agent).map(|agent| agent.info.hostname.clone());
    let message = format!("Agent {} removed: {DOWN}", hostname.unwrap_or_default());
    let removal = Removal {
        told: TaskState::Lost,
        reason: Reason::AgentRemoved,
        message: &message,
        shut_down: Some(DOWN),
    };
    lost::remove(state, now, agent, &removal)
}

const DOWN: &str = "Operator initiated 'Machine DOWN'";
/// What an agent on such a machine is told when it registers.
pub(crate) const IS_DOWN: &str = "Machine is `DOWN`";
