//! Machines that operators take out of service: which, when, and which are out now.

use std::collections::{BTreeMap, BTreeSet};

use mesolith_proto::mesos::v1;
use v1::maintenance::Schedule;

/// A machine. Two are the same if host name, in any case, and address are: as in Mesos, one that is scheduled without
/// its address is not the one that an agent is on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Machine {
    hostname: String,
    ip: String,
}

impl Machine {
    /// The machine with this host name and address.
    #[must_use]
    pub fn new(hostname: &str, ip: &str) -> Self {
        Self {
            hostname: hostname.to_lowercase(),
            ip: ip.to_owned(),
        }
    }

    /// The machine that a message names.
    #[must_use]
    pub fn of(id: &v1::MachineId) -> Self {
        Self::new(id.hostname(), id.ip())
    }
}

/// The schedule, and who is out of service.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Maintenance {
    schedule: Schedule,
    down: BTreeSet<Machine>,
    scheduled: BTreeMap<Machine, v1::Unavailability>,
}

impl Maintenance {
    /// From a schedule without repetitions. Machines that it does not name are not down.
    #[must_use]
    pub fn new(schedule: Schedule, down: BTreeSet<Machine>) -> Self {
        let of_window = |window: &v1::maintenance::Window| {
            let unavailability = window.unavailability;
            let machines = window.machine_ids.iter().map(Machine::of);
            machines
                .map(move |machine| (machine, unavailability))
                .collect::<Vec<_>>()
        };
        let scheduled: BTreeMap<_, _> = schedule.windows.iter().flat_map(of_window).collect();
        Self {
            down: down.into_iter().filter(|m| scheduled.contains_key(m)).collect(),
            schedule,
            scheduled,
        }
    }

    /// As the operator gave it.
    #[must_use]
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Machines that are out of service.
    #[must_use]
    pub fn down(&self) -> &BTreeSet<Machine> {
        &self.down
    }

    /// Whether no machine is scheduled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scheduled.is_empty()
    }

    /// When a machine is to be out of service; none if it stays.
    #[must_use]
    pub fn unavailability(&self, machine: &Machine) -> Option<v1::Unavailability> {
        self.scheduled.get(machine).copied()
    }

    /// Whether a machine is out of service.
    #[must_use]
    pub fn is_down(&self, machine: &Machine) -> bool {
        self.down.contains(machine)
    }

    /// The same with these machines out of service.
    #[must_use]
    pub fn with_down(&self, machines: &[v1::MachineId]) -> Self {
        let more = machines.iter().map(Machine::of);
        Self {
            down: self.down.iter().cloned().chain(more).collect(),
            ..self.clone()
        }
    }

    /// The same without these machines: they are in service again, and not scheduled any more.
    #[must_use]
    pub fn without(&self, machines: &[v1::MachineId]) -> Self {
        let back: BTreeSet<_> = machines.iter().map(Machine::of).collect();
        let mut schedule = self.schedule.clone();
        for window in &mut schedule.windows {
            window.machine_ids.retain(|id| !back.contains(&Machine::of(id)));
        }
        schedule.windows.retain(|window| !window.machine_ids.is_empty());
        Self::new(schedule, &self.down - &back)
    }
}
