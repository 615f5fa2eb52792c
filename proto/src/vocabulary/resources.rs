//! Resources. On the wire a reservation has two forms: the stack `reservations`, and the older `role` with
//! `reservation`. Both are read; which one is written depends on who reads.

use crate::mesos::v1;
use crate::mesos::v1::resource::reservation_info::Type as ReservationType;
use crate::mesos::v1::resource::{AllocationInfo, ReservationInfo};
use crate::mesos::v1::value::Type;
use mesolith_mesos::{
    DEFAULT_ROLE, Range, Ranges, Reservation, ReservationKind, Resource, Resources, Scalar, Value,
};

/// A resource that cannot be taken from the wire.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResourceError {
    /// The value its type promises is not there.
    #[error("Resource '{name}' has no value of its type")]
    MissingValue {
        /// The resource's name.
        name: String,
    },
    /// Persistent volumes, shared, revocable and provided resources, and labelled reservations are not handled.
    #[error("Resource '{name}' uses '{feature}', which this version does not support")]
    Unsupported {
        /// The resource's name.
        name: String,
        /// Which field.
        feature: &'static str,
    },
    /// A scalar below zero.
    #[error("Resource '{name}' is negative")]
    Negative {
        /// The resource's name.
        name: String,
    },
}

/// Resources from the wire.
///
/// # Errors
/// When one has no value, or is of a sort that arithmetic here does not know.
pub fn resources_from_v1(list: &[v1::Resource]) -> Result<Resources, ResourceError> {
    list.iter().map(one_from_v1).collect()
}

/// Resources for the wire, with `reservations` only: offers, launches, sessions.
#[must_use]
pub fn resources_to_v1(resources: &Resources) -> Vec<v1::Resource> {
    resources.iter().map(one_to_v1).collect()
}

/// Resources for operators' eyes: `role` (and for a single reservation `reservation`) written too, as GET_AGENTS does
/// for older clients.
#[must_use]
#[allow(deprecated, reason = "older clients read these fields")]
pub fn resources_to_v1_with_roles(resources: &Resources) -> Vec<v1::Resource> {
    let mut list = resources_to_v1(resources);
    for wire in &mut list {
        match wire.reservations.as_slice() {
            [] => wire.role = Some(DEFAULT_ROLE.to_owned()),
            [only] => {
                wire.role.clone_from(&only.role);
                if only.r#type() == ReservationType::Dynamic {
                    wire.reservation = Some(ReservationInfo {
                        r#type: None,
                        role: None,
                        ..only.clone()
                    });
                }
            }
            // A stack cannot be said in the older form.
            _ => {}
        }
    }
    list
}

#[allow(deprecated, reason = "older clients send these fields")]
fn one_from_v1(wire: &v1::Resource) -> Result<Resource, ResourceError> {
    let name = wire.name.clone();
    let features = [
        ("disk", wire.disk.is_some()),
        ("revocable", wire.revocable.is_some()),
        ("shared", wire.shared.is_some()),
        ("provider_id", wire.provider_id.is_some()),
        (
            "reservation.labels",
            wire.reservations
                .iter()
                .chain(&wire.reservation)
                .any(|r| r.labels.is_some()),
        ),
    ];
    if let Some((feature, _)) = features.into_iter().find(|(_, used)| *used) {
        return Err(ResourceError::Unsupported { name, feature });
    }
    let value = match wire.r#type() {
        Type::Scalar => wire.scalar.map(|v| Value::Scalar(Scalar::from(v.value))),
        Type::Ranges => wire.ranges.as_ref().map(|v| Value::Ranges(ranges_from_v1(v))),
        Type::Set => wire
            .set
            .as_ref()
            .map(|v| Value::Set(v.item.iter().cloned().collect())),
        Type::Text => None,
    };
    let Some(value) = value else {
        return Err(ResourceError::MissingValue { name });
    };
    if matches!(value, Value::Scalar(v) if v < Scalar::ZERO) {
        return Err(ResourceError::Negative { name });
    }
    let mut reservations: Vec<_> = wire.reservations.iter().map(reservation_from_v1).collect();
    if let Some(role) = wire
        .role
        .as_deref()
        .filter(|r| reservations.is_empty() && *r != DEFAULT_ROLE)
    {
        reservations.push(match &wire.reservation {
            Some(by) => Reservation {
                role: role.to_owned(),
                kind: ReservationKind::Dynamic,
                ..reservation_from_v1(by)
            },
            None => Reservation::fixed(role),
        });
    }
    let allocated_to = wire.allocation_info.as_ref().and_then(|a| a.role.clone());
    Ok(Resource {
        name,
        value,
        reservations,
        allocated_to,
    })
}

fn one_to_v1(resource: &Resource) -> v1::Resource {
    let mut wire = v1::Resource {
        name: resource.name.clone(),
        allocation_info: resource
            .allocated_to
            .clone()
            .map(|role| AllocationInfo { role: Some(role) }),
        reservations: resource.reservations.iter().map(reservation_to_v1).collect(),
        ..Default::default()
    };
    match &resource.value {
        Value::Scalar(v) => {
            wire.set_type(Type::Scalar);
            wire.scalar = Some(v1::value::Scalar { value: v.as_f64() });
        }
        Value::Ranges(v) => {
            wire.set_type(Type::Ranges);
            wire.ranges = Some(ranges_to_v1(v));
        }
        Value::Set(v) => {
            wire.set_type(Type::Set);
            wire.set = Some(v1::value::Set {
                item: v.iter().cloned().collect(),
            });
        }
        // Resources are never text: neither their parser nor the wire lets it in.
        Value::Text(_) => wire.set_type(Type::Text),
    }
    wire
}

fn reservation_from_v1(wire: &ReservationInfo) -> Reservation {
    let kind = match wire.r#type() {
        ReservationType::Static => ReservationKind::Static,
        ReservationType::Dynamic | ReservationType::Unknown => ReservationKind::Dynamic,
    };
    Reservation {
        kind,
        role: wire.role.clone().unwrap_or_default(),
        principal: wire.principal.clone(),
    }
}

fn reservation_to_v1(reservation: &Reservation) -> ReservationInfo {
    let kind = match reservation.kind {
        ReservationKind::Static => ReservationType::Static,
        ReservationKind::Dynamic => ReservationType::Dynamic,
    };
    ReservationInfo {
        r#type: Some(kind.into()),
        role: Some(reservation.role.clone()),
        principal: reservation.principal.clone(),
        labels: None,
    }
}

pub(super) fn ranges_from_v1(wire: &v1::value::Ranges) -> Ranges {
    wire.range
        .iter()
        .map(|r| Range {
            begin: r.begin,
            end: r.end,
        })
        .collect::<Vec<_>>()
        .into()
}

pub(super) fn ranges_to_v1(ranges: &Ranges) -> v1::value::Ranges {
    let range = ranges
        .as_slice()
        .iter()
        .map(|r| v1::value::Range {
            begin: r.begin,
            end: r.end,
        })
        .collect();
    v1::value::Ranges { range }
}
