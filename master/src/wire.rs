//! Resources and states between the wire and the vocabulary, in the form that each reader understands.

use mesolith_mesos::{Resources, TaskState};
use mesolith_proto::mesos::v1;
use mesolith_proto::vocabulary;

/// Resources to compute with; what cannot be computed with is left out and logged.
#[must_use]
pub fn to_resources(wire: &[v1::Resource]) -> Resources {
    let mut all = Resources::default();
    for each in wire {
        match vocabulary::resources_from_v1(std::slice::from_ref(each)) {
            Ok(resources) => all += &resources,
            Err(problem) => tracing::warn!("left out: {problem}"),
        }
    }
    all
}

/// Resources to compute with.
///
/// # Errors
/// With the sentence about the one that cannot be computed with.
pub fn checked_resources(wire: &[v1::Resource]) -> Result<Resources, String> {
    vocabulary::resources_from_v1(wire).map_err(|problem| problem.to_string())
}

/// How resources are written for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// With `reservations` instead of one `role`.
    pub refinement: bool,
    /// With the role they are allocated to.
    pub allocation: bool,
}

/// Resources in the full form: between master and agents, and in descriptions of tasks.
#[must_use]
pub fn from_resources(resources: &Resources) -> Vec<v1::Resource> {
    vocabulary::resources_to_v1(resources)
}

/// Resources in the form that a client understands.
#[must_use]
pub fn in_form(resources: &Resources, form: Form) -> Vec<v1::Resource> {
    let mut wire = if form.refinement {
        from_resources(resources)
    } else {
        in_both_forms(resources)
    };
    for each in &mut wire {
        if !form.refinement {
            each.reservations.clear();
        }
        if !form.allocation {
            each.allocation_info = None;
        }
    }
    wire
}

/// Resources with both forms of reservation at once, as operator endpoints show them.
#[must_use]
pub fn in_both_forms(resources: &Resources) -> Vec<v1::Resource> {
    vocabulary::resources_to_v1_with_roles(resources)
}

/// A state number of the wire; an unknown one says nothing about the task.
#[must_use]
pub fn to_state(wire: i32) -> TaskState {
    vocabulary::state_from_v1(wire)
}

/// The wire's number of a state.
#[must_use]
pub fn from_state(state: TaskState) -> v1::TaskState {
    vocabulary::state_to_v1(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_reservation_mean_the_same() {
        let resources: Resources = "cpus(ops):2;cpus:1;ports:[31000-31005]".parse().unwrap();
        let given = resources.allocate("ops");
        let old = in_form(
            &given,
            Form {
                refinement: false,
                allocation: true,
            },
        );
        assert_eq!(old[0].role.as_deref(), Some("ops"));
        assert_eq!(old[1].role.as_deref(), Some("*"));
        assert!(old[0].reservations.is_empty());
        assert_eq!(to_resources(&old), given);
        assert_eq!(to_resources(&from_resources(&given)), given);
    }
}
