//! Resources of tasks and executors, before anything is computed with them: arithmetic would forgive overlapping ranges,
//! amounts that round to nothing and fields that contradict each other.

use std::collections::BTreeSet;

use mesolith_mesos::{DEFAULT_ROLE, Scalar, is_same_or_ancestor, validate_role};
use mesolith_proto::mesos::v1;
use v1::resource::ReservationInfo;
use v1::resource::reservation_info::Type as ReservationType;
use v1::value::Type;

/// Each resource by itself. Mesos checks this for a whole operation before it looks at any task.
///
/// # Errors
/// With Mesos' sentence about the first one.
pub(crate) fn well_formed(resources: &[v1::Resource]) -> Result<(), String> {
    for resource in resources {
        value(resource)
            .and_then(|()| reservations(resource))
            .map_err(|problem| format!("Resource '{}' is invalid: {problem}", shown(resource)))?;
    }
    Ok(())
}

fn value(resource: &v1::Resource) -> Result<(), String> {
    if resource.name.is_empty() {
        return Err("Empty resource name".into());
    }
    let (scalar, ranges, set) = (&resource.scalar, &resource.ranges, &resource.set);
    match (resource.r#type(), scalar, ranges, set) {
        (Type::Scalar, Some(scalar), None, None) => positive(scalar.value),
        (Type::Scalar, ..) => Err("Invalid scalar resource".into()),
        (Type::Ranges, None, Some(ranges), None) => disjoint(ranges),
        (Type::Ranges, ..) => Err("Invalid ranges resource".into()),
        (Type::Set, None, None, Some(set)) if repeats(&set.item) => {
            Err("Invalid set resource: duplicated elements".into())
        }
        (Type::Set, None, None, Some(_)) => Ok(()),
        (Type::Set, ..) => Err("Invalid set resource".into()),
        (Type::Text, ..) => Err("Unsupported resource type".into()),
    }
}

/// Zero counts as not named. An amount that rounds to zero is refused, since it would be given for nothing.
fn positive(value: f64) -> Result<(), String> {
    if value == 0.0 || Scalar::from(value).is_positive() {
        Ok(())
    } else {
        Err("Invalid scalar resource: value <= 0".into())
    }
}

fn disjoint(ranges: &v1::value::Ranges) -> Result<(), String> {
    let mut sorted = ranges.range.clone();
    sorted.sort_by_key(|range| range.begin);
    if sorted.iter().any(|range| range.begin > range.end) {
        return Err("Invalid ranges resource: begin > end".into());
    }
    if sorted.windows(2).any(|pair| pair[0].end >= pair[1].begin) {
        return Err("Invalid ranges resource: overlapping ranges".into());
    }
    Ok(())
}

fn repeats(items: &[String]) -> bool {
    items.iter().collect::<BTreeSet<_>>().len() < items.len()
}

#[allow(deprecated, reason = "older clients send these fields")]
fn reservations(resource: &v1::Resource) -> Result<(), String> {
    if resource.reservations.is_empty() {
        let role = resource.role.as_deref().unwrap_or(DEFAULT_ROLE);
        validate_role(role).map_err(|e| e.to_string())?;
        if role == DEFAULT_ROLE && resource.reservation.is_some() {
            return Err("Invalid reservation: role \"*\" cannot be dynamically reserved".into());
        }
        return Ok(());
    }
    for reservation in &resource.reservations {
        reservation_itself(reservation)?;
    }
    for pair in resource.reservations.windows(2) {
        refinement(&pair[0], &pair[1])?;
    }
    Ok(())
}

fn reservation_itself(reservation: &ReservationInfo) -> Result<(), String> {
    if reservation.r#type() == ReservationType::Unknown {
        return Err("Invalid reservation: 'Resource.ReservationInfo.type' field must be set.".into());
    }
    let Some(role) = reservation.role.as_deref() else {
        return Err("Invalid reservation: 'Resource.ReservationInfo.role' field must be set.".into());
    };
    validate_role(role).map_err(|e| e.to_string())?;
    if role == DEFAULT_ROLE {
        return Err("Invalid reservation: role \"*\" cannot be reserved".into());
    }
    Ok(())
}

fn refinement(below: &ReservationInfo, above: &ReservationInfo) -> Result<(), String> {
    if above.r#type() == ReservationType::Static {
        return Err("Invalid refined reservation: A refined reservation cannot be STATIC".into());
    }
    let (outer, inner) = (below.role(), above.role());
    if outer == inner || !is_same_or_ancestor(outer, inner) {
        return Err(format!(
            "Invalid refined reservation: role '{inner}' is not a refinement of '{outer}'"
        ));
    }
    Ok(())
}

/// Checks all resources of one task or executor together; `noun` names the owner in the sentence.
///
/// # Errors
/// With Mesos' sentence.
pub(super) fn of_one(noun: &str, resources: &[v1::Resource]) -> Result<(), String> {
    let fraction = |r: &&v1::Resource| r.name == "gpus" && r.scalar.is_some_and(|s| s.value.fract() != 0.0);
    if resources.iter().any(|r| fraction(&r)) {
        return Err(format!(
            "{noun} uses invalid resources: Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer"
        ));
    }
    let roles: BTreeSet<_> = resources
        .iter()
        .filter_map(|r| r.allocation_info.as_ref()?.role.as_deref())
        .collect();
    let mut roles = roles.into_iter();
    match (roles.next(), roles.next()) {
        (Some(one), Some(other)) => Err(format!(
            "Invalid {} resources: The resources have multiple allocation roles ('{one}' and '{other}') but only one \
             allocation role is allowed",
            noun.to_lowercase()
        )),
        _ => Ok(()),
    }
}

/// As Mesos writes a resource in its messages.
fn shown(resource: &v1::Resource) -> String {
    let each: Vec<_> = resource
        .reservations
        .iter()
        .map(|reservation| {
            let principal = reservation.principal.iter().map(|p| format!(",{p}"));
            let kind = reservation.r#type().as_str_name();
            format!("({kind},{}{})", reservation.role(), principal.collect::<String>())
        })
        .collect();
    let reserved = if each.is_empty() {
        String::new()
    } else {
        format!("(reservations: [{}])", each.join(","))
    };
    let value = match resource.r#type() {
        Type::Scalar => Scalar::from(resource.scalar.unwrap_or_default().value).to_string(),
        Type::Ranges => {
            let ranges = resource.ranges.iter().flat_map(|ranges| &ranges.range);
            let ranges: Vec<_> = ranges.map(|r| format!("{}-{}", r.begin, r.end)).collect();
            format!("[{}]", ranges.join(", "))
        }
        Type::Set => {
            let items: Vec<_> = resource.set.iter().flat_map(|set| set.item.clone()).collect();
            format!("{{{}}}", items.join(", "))
        }
        Type::Text => String::new(),
    };
    format!("{}{reserved}:{value}", resource.name)
}
