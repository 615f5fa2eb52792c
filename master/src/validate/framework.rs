//! What a framework says about itself, and what it may change of it.

use std::collections::BTreeSet;

use mesolith_mesos::{format_double, validate_id, validate_role};
use mesolith_proto::mesos::v1;
use v1::framework_info::capability::Type as Capability;

/// Mesos keeps durations as nanoseconds in 64 bits.
const LONGEST_DURATION_SECONDS: f64 = i64::MAX as f64 / 1e9;

/// A framework's description.
///
/// # Errors
/// With Mesos' sentence. An ERROR event answers a SUBSCRIBE with it, not an HTTP status.
pub(crate) fn framework_info(info: &v1::FrameworkInfo, suppressed: &[String]) -> Result<(), String> {
    let multi_role = info
        .capabilities
        .iter()
        .any(|c| c.r#type() == Capability::MultiRole);
    let roles = if multi_role {
        multiple_roles(info)?
    } else {
        single_role(info)?
    };
    if let Some(id) = info.id.as_ref().filter(|id| !id.value.is_empty()) {
        validate_id(&id.value).map_err(|e| e.to_string())?;
    }
    offer_filters(info)?;
    failover_timeout(info.failover_timeout.unwrap_or_default())?;
    match suppressed.iter().find(|role| !roles.contains(role)) {
        Some(role) => Err(format!(
            "Suppressed role '{role}' is not contained in the list of roles"
        )),
        None => Ok(()),
    }
}

fn multiple_roles(info: &v1::FrameworkInfo) -> Result<Vec<String>, String> {
    if info.role.is_some() {
        return Err("'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable".into());
    }
    let mut seen = BTreeSet::new();
    let twice: BTreeSet<_> = info
        .roles
        .iter()
        .filter(|role| !seen.insert(*role))
        .map(String::as_str)
        .collect();
    if !twice.is_empty() {
        let list: Vec<_> = twice.into_iter().collect();
        return Err(format!(
            "'FrameworkInfo.roles' contains duplicate items: {{ {} }}",
            list.join(", ")
        ));
    }
    for role in &info.roles {
        validate_role(role).map_err(|e| format!("'FrameworkInfo.roles' contains invalid role: {e}"))?;
    }
    Ok(info.roles.clone())
}

fn single_role(info: &v1::FrameworkInfo) -> Result<Vec<String>, String> {
    if !info.roles.is_empty() {
        return Err(
            "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable".into(),
        );
    }
    let role = info
        .role
        .clone()
        .unwrap_or_else(|| mesolith_mesos::DEFAULT_ROLE.to_owned());
    validate_role(&role).map_err(|e| format!("'FrameworkInfo.role' is not a valid role: {e}"))?;
    Ok(vec![role])
}

fn offer_filters(info: &v1::FrameworkInfo) -> Result<(), String> {
    let smallest = |filters: &v1::OfferFilters| filters.min_allocatable_resources.clone();
    let all = info.offer_filters.values().filter_map(smallest);
    for quantities in all.flat_map(|smallest| smallest.quantities) {
        for (name, quantity) in &quantities.quantities {
            if quantity.value < 0.0 {
                return Err(format!(
                    "Invalid resource quantity for '{name}': Negative values not supported"
                ));
            }
        }
    }
    Ok(())
}

/// A negative timeout counts as none; one that Mesos' durations cannot hold is refused.
fn failover_timeout(seconds: f64) -> Result<(), String> {
    if seconds.abs() <= LONGEST_DURATION_SECONDS {
        return Ok(());
    }
    Err(format!(
        "The framework failover_timeout ({}) is invalid",
        format_double(seconds)
    ))
}

/// What holds for every change of a framework that is known, whether by SUBSCRIBE or by UPDATE_FRAMEWORK.
///
/// # Errors
/// With Mesos' sentence, when the principal differs: only its own principal can take a framework over.
pub(crate) fn changed_principal(known: &v1::FrameworkInfo, new: &v1::FrameworkInfo) -> Result<(), String> {
    if known.principal == new.principal {
        return Ok(());
    }
    Err("Changing framework's principal is not allowed.".into())
}

/// What UPDATE_FRAMEWORK refuses to change. SUBSCRIBE keeps the old values of these fields without an error.
///
/// # Errors
/// With Mesos' sentence about the first field.
pub(crate) fn unsupported_update(old: &v1::FrameworkInfo, new: &v1::FrameworkInfo) -> Result<(), String> {
    let sentence = |field: &str, from: &str, to: &str| {
        format!(
            "Updating 'FrameworkInfo.{field}' is unsupported; attempted to update from '{from}' to '{to}'"
        )
    };
    if old.user != new.user {
        return Err(sentence("user", &old.user, &new.user));
    }
    let checkpoint = |info: &v1::FrameworkInfo| info.checkpoint.unwrap_or_default();
    if checkpoint(old) != checkpoint(new) {
        let (from, to) = (checkpoint(old).to_string(), checkpoint(new).to_string());
        return Err(sentence("checkpoint", &from, &to));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(change: impl FnOnce(&mut v1::FrameworkInfo)) -> v1::FrameworkInfo {
        let mut info = v1::FrameworkInfo {
            user: "root".into(),
            name: "f".into(),
            principal: Some("p".into()),
            ..Default::default()
        };
        change(&mut info);
        info
    }

    /// All sentences were read from a Mesos 1.11.0.
    #[test]
    fn timeouts_that_no_clock_can_hold_are_refused() {
        let told = |seconds| framework_info(&info(|i| i.failover_timeout = Some(seconds)), &[]);
        assert_eq!(told(-1.0), Ok(()));
        assert_eq!(told(9e9), Ok(()));
        for (seconds, shown) in [(1e10, "1e+10"), (1e300, "1e+300"), (f64::INFINITY, "inf")] {
            assert_eq!(
                told(seconds),
                Err(format!("The framework failover_timeout ({shown}) is invalid"))
            );
        }
    }

    #[test]
    fn negative_filters_are_refused() {
        let quantity = v1::value::Scalar { value: -1.0 };
        let mut quantities = v1::offer_filters::ResourceQuantities::default();
        quantities.quantities.insert("cpus".into(), quantity);
        let smallest = v1::offer_filters::MinAllocatableResources {
            quantities: vec![quantities],
        };
        let filters = v1::OfferFilters {
            min_allocatable_resources: Some(smallest),
        };
        let bad = info(|i| drop(i.offer_filters.insert("*".into(), filters)));
        assert_eq!(
            framework_info(&bad, &[]),
            Err("Invalid resource quantity for 'cpus': Negative values not supported".into())
        );
    }

    #[test]
    fn what_may_not_change() {
        let old = info(|_| {});
        let told = "Changing framework's principal is not allowed.";
        for principal in [Some("other".to_owned()), None] {
            let new = info(|i| i.principal = principal);
            assert_eq!(changed_principal(&old, &new), Err(told.into()));
        }
        let renamed = info(|i| i.name = "g".into());
        assert_eq!(changed_principal(&old, &renamed), Ok(()));
        assert_eq!(unsupported_update(&old, &renamed), Ok(()));
        assert_eq!(
            unsupported_update(&old, &info(|i| i.user = "nobody".into())),
            Err(
                "Updating 'FrameworkInfo.user' is unsupported; attempted to update from 'root' to 'nobody'"
                    .into()
            )
        );
        assert_eq!(
            unsupported_update(&old, &info(|i| i.checkpoint = Some(true))),
            Err("Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from 'false' to 'true'".into())
        );
    }
}
