//! One resource: a name, how much, and who it is kept for.

use std::mem::discriminant;

use serde::{Deserialize, Serialize};

use crate::value::Value;

/// How a reservation came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ReservationKind {
    /// In the agent's `--resources`; only a restart of the agent changes it.
    Static,
    /// By an operation; can be undone by one.
    Dynamic,
}

/// A reservation keeps a resource for a role. Reservations stack: the last one says who may use it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reservation {
    /// How it came to be.
    pub kind: ReservationKind,
    /// The role that it is reserved for.
    pub role: String,
    /// Who reserved it, for dynamic ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
}

impl Reservation {
    /// A reservation from the agent's flags.
    #[must_use]
    pub fn fixed(role: &str) -> Self {
        Self {
            kind: ReservationKind::Static,
            role: role.to_owned(),
            principal: None,
        }
    }

    /// A reservation made by an operation.
    #[must_use]
    pub fn dynamic(role: &str, principal: Option<&str>) -> Self {
        Self {
            kind: ReservationKind::Dynamic,
            role: role.to_owned(),
            principal: principal.map(str::to_owned),
        }
    }
}

/// One resource of an agent, an offer or a task.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Resource {
    /// `cpus`, `mem`, `disk`, `gpus`, `ports` or a name of the operator's.
    pub name: String,
    /// How much: never text.
    pub value: Value,
    /// The stack of reservations, outermost role last; empty when everyone may use it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reservations: Vec<Reservation>,
    /// The role that it is offered or given to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocated_to: Option<String>,
}

impl Resource {
    /// Unreserved and unallocated.
    #[must_use]
    pub fn new(name: &str, value: Value) -> Self {
        Self {
            name: name.to_owned(),
            value,
            reservations: Vec::new(),
            allocated_to: None,
        }
    }

    /// The same with one more reservation on top.
    #[must_use]
    pub fn reserved(mut self, reservation: Reservation) -> Self {
        self.reservations.push(reservation);
        self
    }

    /// The role that may use it; `None` when everyone may.
    #[must_use]
    pub fn reservation_role(&self) -> Option<&str> {
        self.reservations.last().map(|r| r.role.as_str())
    }

    /// Whether amounts of both may be added up.
    pub(crate) fn is_same_kind(&self, other: &Self) -> bool {
        self.name == other.name
            && discriminant(&self.value) == discriminant(&other.value)
            && self.reservations == other.reservations
            && self.allocated_to == other.allocated_to
    }
}

impl std::fmt::Display for Resource {
    /// Mesos' form: `cpus(allocated: *)(reservations: [(STATIC,ops)]):2`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        if let Some(role) = &self.allocated_to {
            write!(f, "(allocated: {role})")?;
        }
        if !self.reservations.is_empty() {
            let each: Vec<_> = self.reservations.iter().map(reservation_text).collect();
            write!(f, "(reservations: [{}])", each.join(","))?;
        }
        write!(f, ":{}", self.value)
    }
}

fn reservation_text(reservation: &Reservation) -> String {
    let kind = match reservation.kind {
        ReservationKind::Static => "STATIC",
        ReservationKind::Dynamic => "DYNAMIC",
    };
    let principal = reservation
        .principal
        .as_ref()
        .map(|p| format!(",{p}"))
        .unwrap_or_default();
    format!("({kind},{}{principal})", reservation.role)
}
