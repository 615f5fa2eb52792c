//! Resources as the agent's flags write them: `cpus:2;mem(ops):1024;ports:[31000-32000]`, or a JSON list of
//! `mesos.v1.Resource`.

use std::str::FromStr;

use serde::Deserialize;

use super::Resources;
use crate::ranges::{Range, Ranges};
use crate::resource::{Reservation, ReservationKind, Resource};
use crate::role::{DEFAULT_ROLE, RoleError, validate_role};
use crate::scalar::Scalar;
use crate::value::Value;
use crate::value_error::ValueError;

/// Text that is not a list of resources.
#[derive(Debug, thiserror::Error)]
pub enum ResourcesError {
    /// No `name:value`.
    #[error("'{text}' is not a resource; write it as name:value, several separated by ';'")]
    MissingColon {
        /// What was given.
        text: String,
    },
    /// The value does not parse.
    #[error("resource '{name}': {source}")]
    ParseValue {
        /// The resource's name.
        name: String,
        /// What is wrong with its value.
        source: ValueError,
    },
    /// The value is text, or below zero.
    #[error("resource '{name}': '{value}' is not an amount; give a number, [ranges] or {{a,set}}")]
    NotAnAmount {
        /// The resource's name.
        name: String,
        /// What was given.
        value: String,
    },
    /// The role is not one.
    #[error("resource '{name}': {source}")]
    InvalidRole {
        /// The resource's name.
        name: String,
        /// What is wrong with its role.
        source: RoleError,
    },
    /// The JSON form does not parse.
    #[error("the resources look like JSON and do not parse: {0}")]
    ParseJson(#[source] serde_json::Error),
}

impl FromStr for Resources {
    type Err = ResourcesError;

    fn from_str(text: &str) -> Result<Self, ResourcesError> {
        if text.trim_start().starts_with('[') {
            let list: Vec<JsonResource> = serde_json::from_str(text).map_err(ResourcesError::ParseJson)?;
            return list.into_iter().map(JsonResource::into_resource).collect();
        }
        text.split([';', '\n'])
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(parse_part)
            .collect()
    }
}

fn parse_part(part: &str) -> Result<Resource, ResourcesError> {
    let bad = || ResourcesError::MissingColon {
        text: part.to_owned(),
    };
    let (key, value) = part.split_once(':').ok_or_else(bad)?;
    let (name, role) = match key.split_once('(') {
        Some((name, role)) => (
            name.trim(),
            role.trim_end().strip_suffix(')').ok_or_else(bad)?.trim(),
        ),
        None => (key.trim(), DEFAULT_ROLE),
    };
    if name.is_empty() {
        return Err(bad());
    }
    let value = value.parse().map_err(|source| ResourcesError::ParseValue {
        name: name.to_owned(),
        source,
    })?;
    checked(
        name,
        value,
        (role != DEFAULT_ROLE)
            .then(|| Reservation::fixed(role))
            .into_iter()
            .collect(),
    )
}

/// Checks a resource of either form.
fn checked(name: &str, value: Value, reservations: Vec<Reservation>) -> Result<Resource, ResourcesError> {
    if matches!(&value, Value::Text(_)) || matches!(&value, Value::Scalar(v) if *v < Scalar::ZERO) {
        return Err(ResourcesError::NotAnAmount {
            name: name.to_owned(),
            value: value.to_string(),
        });
    }
    for reservation in &reservations {
        validate_role(&reservation.role).map_err(|source| ResourcesError::InvalidRole {
            name: name.to_owned(),
            source,
        })?;
    }
    Ok(Resource {
        name: name.to_owned(),
        value,
        reservations,
        allocated_to: None,
    })
}

/// `mesos.v1.Resource`, as far as an agent's flag may use it.
#[derive(Deserialize)]
struct JsonResource {
    name: String,
    #[serde(default)]
    scalar: Option<JsonScalar>,
    #[serde(default)]
    ranges: Option<JsonRanges>,
    #[serde(default)]
    set: Option<JsonSet>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    reservation: Option<JsonReservation>,
    #[serde(default)]
    reservations: Vec<JsonReservation>,
}

#[derive(Deserialize)]
struct JsonScalar {
    value: Scalar,
}

#[derive(Deserialize)]
struct JsonRanges {
    #[serde(default)]
    range: Vec<Range>,
}

#[derive(Deserialize)]
struct JsonSet {
    #[serde(default)]
    item: Vec<String>,
}

#[derive(Deserialize)]
struct JsonReservation {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    principal: Option<String>,
}

impl JsonReservation {
    fn into_reservation(self) -> Reservation {
        let kind = match self.kind.as_deref() {
            Some("STATIC") => ReservationKind::Static,
            _ => ReservationKind::Dynamic,
        };
        Reservation {
            kind,
            role: self.role.unwrap_or_default(),
            principal: self.principal,
        }
    }
}

impl JsonResource {
    fn into_resource(self) -> Result<Resource, ResourcesError> {
        let value = match (self.scalar, self.ranges, self.set) {
            (Some(scalar), None, None) => Value::Scalar(scalar.value),
            (None, Some(ranges), None) => Value::Ranges(Ranges::from(ranges.range)),
            (None, None, Some(set)) => Value::Set(set.item.into_iter().collect()),
            _ => {
                return Err(ResourcesError::ParseValue {
                    name: self.name,
                    source: ValueError::Empty,
                });
            }
        };
        let mut reservations: Vec<_> = self
            .reservations
            .into_iter()
            .map(JsonReservation::into_reservation)
            .collect();
        // The older form: one role beside the resource, and perhaps who reserved it.
        if let Some(role) = self
            .role
            .filter(|role| reservations.is_empty() && role != DEFAULT_ROLE)
        {
            reservations.push(match self.reservation {
                Some(by) => Reservation::dynamic(&role, by.principal.as_deref()),
                None => Reservation::fixed(&role),
            });
        }
        checked(&self.name, value, reservations)
    }
}
