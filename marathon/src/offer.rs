//! What an agent offers, as placement sees it.

use std::collections::BTreeMap;

/// An agent: what constraints can ask about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Agent {
    /// Id given by the master.
    pub id: String,
    /// Host name as the agent reports it.
    pub hostname: String,
    /// Fault domain region.
    pub region: Option<String>,
    /// Fault domain zone.
    pub zone: Option<String>,
    /// Attributes in Mesos' text form: scalar `0.###`, range `[b-e,...]`, set `{a,b}`.
    pub attributes: BTreeMap<String, String>,
}

impl Agent {
    /// The value of a constraint field.
    #[must_use]
    pub fn field(&self, field: &str) -> Option<&str> {
        match field {
            "hostname" | "@hostname" => Some(&self.hostname),
            "@agent" => Some(&self.id),
            "@region" => self.region.as_deref(),
            "@zone" => self.zone.as_deref(),
            name => self.attributes.get(name).map(String::as_str),
        }
    }
}

/// An amount in thousandths, as Mesos compares scalars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Amount(i64);

impl Amount {
    /// Rounds to thousandths.
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        reason = "amounts of resources are far below 2^53"
    )]
    pub fn new(value: f64) -> Self {
        Self((value * 1000.0).round() as i64)
    }

    /// As a double again.
    #[must_use]
    #[allow(
        clippy::cast_precision_loss,
        reason = "amounts of resources are far below 2^53"
    )]
    pub fn get(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// Nothing at all.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The part that both have.
    #[must_use]
    pub fn at_most(self, other: Self) -> Self {
        self.min(other)
    }
}

impl std::ops::Sub for Amount {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl std::ops::Add for Amount {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl std::iter::Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self(0), |a, b| a + b)
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.get())
    }
}

/// The amount of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// cpus, mem, disk, gpus.
    Scalar(Amount),
    /// Inclusive ranges, such as ports.
    Ranges(Vec<(u16, u16)>),
}

/// One resource of an offer. Its place in the offer identifies it, since role and reservation must be
/// repeated exactly when it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Place in the offer as the master sent it.
    pub index: usize,
    /// `cpus`, `mem`, `disk`, `gpus`, `ports`.
    pub name: String,
    /// Role it is reserved for, `*` when it is not.
    pub role: String,
    /// How much of it is left.
    pub value: Value,
}

/// An offer and what is left of it while several launches are planned on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Id given by the master.
    pub id: String,
    /// The agent that has the resources.
    pub agent: Agent,
    /// The framework's role that it is made to; a task of another role cannot use it.
    pub role: String,
    /// What is left.
    pub resources: Vec<Resource>,
}

impl Offer {
    /// The sum of a scalar over the accepted roles (`None`: all).
    #[must_use]
    pub fn scalar(&self, name: &str, roles: Option<&[String]>) -> Amount {
        self.usable(name, roles)
            .map(|resource| match resource.value {
                Value::Scalar(amount) => amount,
                Value::Ranges(_) => Amount::default(),
            })
            .sum()
    }

    /// The resources of a name that may be used.
    pub(crate) fn usable<'a>(
        &'a self,
        name: &'a str,
        roles: Option<&'a [String]>,
    ) -> impl Iterator<Item = &'a Resource> {
        self.resources
            .iter()
            .filter(move |r| r.name == name && roles.is_none_or(|roles| roles.contains(&r.role)))
    }

    /// Takes away what a placement uses.
    pub fn take(&mut self, used: &[Resource]) {
        for resource in &mut self.resources {
            for part in used.iter().filter(|part| part.index == resource.index) {
                match (&mut resource.value, &part.value) {
                    (Value::Scalar(left), Value::Scalar(taken)) => *left = *left - *taken,
                    (Value::Ranges(left), Value::Ranges(taken)) => {
                        for port in taken.iter().flat_map(|(begin, end)| *begin..=*end) {
                            remove_port(left, port);
                        }
                    }
                    (Value::Scalar(_), Value::Ranges(_)) | (Value::Ranges(_), Value::Scalar(_)) => {}
                }
            }
        }
    }
}

/// Cuts one port out of the ranges.
fn remove_port(ranges: &mut Vec<(u16, u16)>, port: u16) {
    let Some(at) = ranges
        .iter()
        .position(|(begin, end)| (*begin..=*end).contains(&port))
    else {
        return;
    };
    let (begin, end) = ranges.remove(at);
    if port < end {
        ranges.insert(at, (port + 1, end));
    }
    if begin < port {
        ranges.insert(at, (begin, port - 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_cut_out_of_ranges() {
        let mut ranges = vec![(1, 3), (7, 7)];
        for port in [2, 7, 9] {
            remove_port(&mut ranges, port);
        }
        assert_eq!(ranges, [(1, 1), (3, 3)]);
    }

    #[test]
    fn thousandths_do_not_drift() {
        let sum: Amount = (0..10).map(|_| Amount::new(0.1)).sum();
        assert_eq!(sum, Amount::new(1.0));
    }
}
