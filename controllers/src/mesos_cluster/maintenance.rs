//! The maintenance schedule with the machines of agents that leave. Pure.
//!
//! The schedule is one for the whole cluster, and operators have windows of their own in it, which stay as they are.

use crate::fleet::FleetAgent;
use mesolith_proto::mesos::v1;
use mesolith_proto::mesos::v1::maintenance::{Schedule, Window};
use std::collections::{BTreeMap, BTreeSet};

/// Our windows are known by the last digits of their start: nobody else plans to the nanosecond.
const MARK: i64 = 890;

/// A machine in Mesos's eyes: host name, in lower case, and IP address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Machine {
    pub(super) hostname: String,
    pub(super) ip: String,
}

impl Machine {
    /// The machine that an agent is on.
    pub(super) fn of(agent: &FleetAgent) -> Self {
        Self {
            hostname: agent.hostname.to_lowercase(),
            ip: agent.ip.clone(),
        }
    }

    fn named(id: &v1::MachineId) -> Self {
        Self {
            hostname: id.hostname().to_lowercase(),
            ip: id.ip().to_owned(),
        }
    }
}

/// Our machines in a schedule, with the second from which each is to be out of service.
pub(super) fn ours(schedule: &Schedule) -> BTreeMap<Machine, i64> {
    let own = schedule.windows.iter().filter(|window| is_ours(window));
    own.flat_map(|window| {
        let start = window.unavailability.start.nanoseconds / 1_000_000_000;
        window
            .machine_ids
            .iter()
            .map(move |id| (Machine::named(id), start))
    })
    .collect()
}

/// The schedule with these machines of ours and no others; `None` if it is that already. A machine that somebody else has
/// scheduled is left to them.
pub(super) fn with(schedule: &Schedule, wanted: &BTreeMap<Machine, i64>) -> Option<Schedule> {
    let others: Vec<Window> = schedule
        .windows
        .iter()
        .filter(|window| !is_ours(window))
        .cloned()
        .collect();
    let taken: BTreeSet<Machine> = others
        .iter()
        .flat_map(|window| &window.machine_ids)
        .map(Machine::named)
        .collect();
    let mut wanted = wanted.clone();
    wanted.retain(|machine, _| !taken.contains(machine));
    if ours(schedule) == wanted {
        return None;
    }
    let mut by_start: BTreeMap<i64, Vec<v1::MachineId>> = BTreeMap::new();
    for (machine, start) in wanted {
        by_start.entry(start).or_default().push(v1::MachineId {
            hostname: Some(machine.hostname),
            ip: Some(machine.ip),
        });
    }
    let own = by_start.into_iter().map(|(start, machine_ids)| Window {
        machine_ids,
        unavailability: v1::Unavailability {
            start: v1::TimeInfo {
                nanoseconds: start * 1_000_000_000 + MARK,
            },
            duration: None,
        },
    });
    Some(Schedule {
        windows: others.into_iter().chain(own).collect(),
    })
}

fn is_ours(window: &Window) -> bool {
    window.unavailability.start.nanoseconds % 1_000 == MARK
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(name: &str) -> Machine {
        Machine {
            hostname: name.to_owned(),
            ip: "192.0.2.1".to_owned(),
        }
    }

    fn wanted(machines: &[(&str, i64)]) -> BTreeMap<Machine, i64> {
        machines
            .iter()
            .map(|(name, start)| (machine(name), *start))
            .collect()
    }

    fn of_an_operator(name: &str) -> Window {
        Window {
            machine_ids: vec![v1::MachineId {
                hostname: Some(name.to_uppercase()),
                ip: Some("192.0.2.1".to_owned()),
            }],
            unavailability: v1::Unavailability {
                start: v1::TimeInfo { nanoseconds: 5 },
                duration: None,
            },
        }
    }

    #[test]
    fn windows_of_operators_stay_and_ours_come_and_go() {
        let before = Schedule {
            windows: vec![of_an_operator("w9")],
        };
        assert_eq!(with(&before, &BTreeMap::new()), None);
        let two = with(&before, &wanted(&[("w1", 60), ("w2", 60), ("w3", 70)])).unwrap();
        assert_eq!(two.windows.len(), 3);
        assert_eq!(two.windows[0], of_an_operator("w9"));
        assert_eq!(ours(&two), wanted(&[("w1", 60), ("w2", 60), ("w3", 70)]));
        assert_eq!(with(&two, &ours(&two)), None, "nothing to say twice");
        assert_eq!(with(&two, &BTreeMap::new()), Some(before));
    }

    #[test]
    fn a_machine_that_an_operator_has_scheduled_is_theirs() {
        let before = Schedule {
            windows: vec![of_an_operator("w1")],
        };
        assert_eq!(with(&before, &wanted(&[("w1", 60)])), None);
    }
}
