//! Why offers do not fit, and the one sentence that says it to a person.

use std::collections::BTreeMap;

use crate::{
    instance::Instance,
    offer::{Agent, Amount},
};

/// Why an instance does not fit one offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch {
    /// Too little of a scalar.
    Scalar {
        /// `cpus`, `mem`, `disk`, `gpus`.
        name: &'static str,
        /// Asked for.
        wanted: Amount,
        /// What the offer has.
        offered: Amount,
    },
    /// A fixed port is taken or outside the agent's range.
    Port(u16),
    /// A fixed port is taken by another instance of the same app.
    OwnPort(u16),
    /// Too few ports.
    Ports {
        /// Asked for.
        wanted: usize,
        /// What the offer has.
        free: usize,
    },
    /// A constraint says no.
    Constraint {
        /// As the user wrote it.
        constraint: String,
        /// The agent's value of the field.
        value: Option<String>,
    },
}

impl Mismatch {
    /// The same mismatch, or `OwnPort` where an instance of the app itself has the port on this agent.
    #[must_use]
    pub fn beside(self, agent: &Agent, instances: &[Instance]) -> Self {
        match self {
            Self::Port(port)
                if instances
                    .iter()
                    .any(|i| i.agent.id == agent.id && i.host_ports.contains(&port)) =>
            {
                Self::OwnPort(port)
            }
            other => other,
        }
    }
}

/// Kind of the shortage over all offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No offer has been seen.
    NoOffers,
    /// More resources or ports than any agent has left.
    Resources,
    /// Constraints refuse every agent that has the resources.
    Constraint,
    /// A fixed port that no agent has at all: nothing becomes free by waiting.
    NoSuchPort,
}

/// Why an instance waits, over all offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    /// What kind of thing is missing.
    pub kind: Kind,
    /// `no agent has 64 cpus (largest free: 12.5 on worker014)`.
    pub sentence: String,
}

/// Sums up what every agent's latest offer lacks. Where different agents lack different things, a constraint decides
/// the kind, since only agents with enough resources are asked about constraints. `role` is the app's.
#[must_use]
pub fn summarise<'a>(role: &str, mismatches: impl IntoIterator<Item = (&'a str, &'a Mismatch)>) -> Shortage {
    let mut kinds: BTreeMap<String, Group<'a>> = BTreeMap::new();
    for (host, mismatch) in mismatches {
        kinds
            .entry(key(mismatch))
            .or_insert_with(|| Group {
                first: mismatch,
                best: (host, mismatch),
                count: 0,
            })
            .add(host, mismatch);
    }
    let kind = match kinds
        .values()
        .map(|group| group.kind())
        .collect::<Vec<_>>()
        .as_slice()
    {
        [] => Kind::NoOffers,
        kinds if kinds.contains(&Kind::Constraint) => Kind::Constraint,
        _ => Kind::Resources,
    };
    let sentence = match kinds.len() {
        0 if role == mesolith_mesos::DEFAULT_ROLE => {
            "the master has not offered any agent's resources yet".to_owned()
        }
        0 => format!("the master has not offered any agent's resources to role {role} yet"),
        1 => kinds.values().map(Group::alone).collect(),
        _ => {
            let total: usize = kinds.values().map(|group| group.count).sum();
            let parts: Vec<String> = kinds.values().map(Group::among).collect();
            format!("no agent of {total} fits: {}", parts.join("; "))
        }
    };
    Shortage { kind, sentence }
}

/// Mismatches with the same key are reported together.
fn key(mismatch: &Mismatch) -> String {
    match mismatch {
        Mismatch::Scalar { name, .. } => format!("1{name}"),
        Mismatch::Port(port) => format!("2{port}"),
        Mismatch::OwnPort(port) => format!("2{port}own"),
        Mismatch::Ports { .. } => "3".to_owned(),
        Mismatch::Constraint { constraint, .. } => format!("4{constraint}"),
    }
}

struct Group<'a> {
    first: &'a Mismatch,
    /// The agent that comes closest.
    best: (&'a str, &'a Mismatch),
    count: usize,
}

impl<'a> Group<'a> {
    fn add(&mut self, host: &'a str, mismatch: &'a Mismatch) {
        self.count += 1;
        let closer = match (mismatch, self.best.1) {
            (Mismatch::Scalar { offered, .. }, Mismatch::Scalar { offered: best, .. }) => offered > best,
            (Mismatch::Ports { free, .. }, Mismatch::Ports { free: best, .. }) => free > best,
            _ => false,
        };
        if closer {
            self.best = (host, mismatch);
        }
    }

    fn kind(&self) -> Kind {
        match self.first {
            Mismatch::Constraint { .. } => Kind::Constraint,
            Mismatch::Scalar { .. } | Mismatch::Port(_) | Mismatch::OwnPort(_) | Mismatch::Ports { .. } => {
                Kind::Resources
            }
        }
    }

    fn alone(&self) -> String {
        let host = self.best.0;
        match self.best.1 {
            Mismatch::Scalar {
                name,
                wanted,
                offered,
            } => {
                let unit = unit(name);
                format!("no agent has {wanted}{unit} {name} (largest free: {offered}{unit} on {host})")
            }
            Mismatch::Port(port) => format!(
                "no agent offers port {port}: where it exists it is in use, or offered to another framework"
            ),
            Mismatch::OwnPort(port) => format!(
                "port {port} is in use by this app's own instance on {host}: an update waits for another agent, or stops \
                 that one first where upgradeStrategy.minimumHealthCapacity is below 1"
            ),
            Mismatch::Ports { wanted, free } => {
                format!("no agent has {wanted} free ports (most free: {free} on {host})")
            }
            Mismatch::Constraint { constraint, value } => {
                let seen = value
                    .as_ref()
                    .map_or_else(|| "no value".to_owned(), |v| format!("value {v}"));
                format!(
                    "no agent satisfies {constraint} ({} asked; {host} has {seen})",
                    agents(self.count)
                )
            }
        }
    }

    fn among(&self) -> String {
        let count = agents(self.count);
        let host = self.best.0;
        match self.best.1 {
            Mismatch::Scalar {
                name,
                wanted,
                offered,
            } => {
                let unit = unit(name);
                format!(
                    "{count} with less than {wanted}{unit} {name} free (largest: {offered}{unit} on {host})"
                )
            }
            Mismatch::Port(port) => format!("{count} without port {port}"),
            Mismatch::OwnPort(port) => format!("{count} where this app's own instance uses port {port}"),
            Mismatch::Ports { wanted, .. } => format!("{count} with fewer than {wanted} free ports"),
            Mismatch::Constraint { constraint, .. } => format!("{count} refused by {constraint}"),
        }
    }
}

fn unit(name: &str) -> &'static str {
    if matches!(name, "mem" | "disk") {
        " MiB"
    } else {
        ""
    }
}

fn agents(count: usize) -> String {
    if count == 1 {
        "1 agent".to_owned()
    } else {
        format!("{count} agents")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpus(offered: f64) -> Mismatch {
        Mismatch::Scalar {
            name: "cpus",
            wanted: Amount::new(64.0),
            offered: Amount::new(offered),
        }
    }

    fn unique() -> Mismatch {
        Mismatch::Constraint {
            constraint: "[hostname, UNIQUE]".into(),
            value: Some("worker3".into()),
        }
    }

    #[test]
    fn one_kind_names_the_closest_agent() {
        let (a, b) = (cpus(4.0), cpus(12.5));
        let shortage = summarise("*", [("worker001", &a), ("worker014", &b)]);
        assert_eq!(
            shortage.sentence,
            "no agent has 64 cpus (largest free: 12.5 on worker014)"
        );
        assert_eq!(shortage.kind, Kind::Resources);
    }

    #[test]
    fn several_kinds_are_counted() {
        let (a, b) = (cpus(4.0), unique());
        let shortage = summarise("*", [("worker1", &a), ("worker2", &a), ("worker3", &b)]);
        assert_eq!(
            shortage.sentence,
            "no agent of 3 fits: 2 agents with less than 64 cpus free (largest: 4 on worker1); \
             1 agent refused by [hostname, UNIQUE]"
        );
        assert_eq!(shortage.kind, Kind::Constraint);
    }

    #[test]
    fn nothing_offered() {
        let none = summarise("prod", []);
        assert_eq!(none.kind, Kind::NoOffers);
        assert_eq!(
            none.sentence,
            "the master has not offered any agent's resources to role prod yet"
        );
    }
}
