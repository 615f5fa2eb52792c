//! Task states.

use crate::mesos::v1;
use mesolith_mesos::TaskState;

/// The state that a number on the wire stands for; numbers that nobody knows are UNKNOWN.
#[must_use]
pub fn state_from_v1(number: i32) -> TaskState {
    let name = v1::TaskState::try_from(number).map(|s| s.as_str_name());
    name.ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(TaskState::Unknown)
}

/// The state as the wire's enum.
#[must_use]
pub fn state_to_v1(state: TaskState) -> v1::TaskState {
    v1::TaskState::from_str_name(state.as_str()).unwrap_or(v1::TaskState::TaskUnknown)
}

#[cfg(test)]
mod tests {
    use super::{state_from_v1, state_to_v1};
    use mesolith_mesos::TaskState;

    #[test]
    fn every_state_has_its_number() {
        for state in TaskState::ALL {
            assert_eq!(state_from_v1(state_to_v1(state).into()), state);
        }
        assert_eq!(state_from_v1(4711), TaskState::Unknown);
    }
}
