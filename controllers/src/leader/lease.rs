//! Decides what a replica does about a lease that it has read. Pure. The clocks of other machines are not trusted;
//! only the time counts for which this replica has seen the lease unchanged.

use std::time::Duration;

/// The facts of a stored lease that matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Stored {
    /// Empty when released.
    pub(crate) holder: String,
    /// The time that its holder has promised.
    pub(crate) duration: Duration,
    /// Changes of holder so far.
    pub(crate) transitions: i32,
}

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// There is no lease: create it.
    Create,
    /// It is free, silent for too long, or ours: take it with this transition count.
    Take {
        /// Value of `leaseTransitions` to write.
        transitions: i32,
    },
    /// Another replica leads.
    Wait,
}

/// Decides for the replica `me`; `unchanged` is how long this replica has seen the very same lease record.
pub(crate) fn step(stored: Option<&Stored>, me: &str, unchanged: Duration) -> Step {
    match stored {
        None => Step::Create,
        Some(lease) if lease.holder == me => Step::Take {
            transitions: lease.transitions,
        },
        Some(lease) if lease.holder.is_empty() || unchanged >= lease.duration => Step::Take {
            transitions: lease.transitions + 1,
        },
        Some(_) => Step::Wait,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn lease(holder: &str) -> Option<Stored> {
        Some(Stored {
            holder: holder.into(),
            duration: Duration::from_secs(15),
            transitions: 3,
        })
    }

    #[rstest]
    #[case::no_lease(None, 0, Step::Create)]
    #[case::released(lease(""), 0, Step::Take { transitions: 4 })]
    #[case::held_by_me_before_my_restart(lease("a"), 0, Step::Take { transitions: 3 })]
    #[case::held_and_fresh(lease("b"), 14, Step::Wait)]
    #[case::holder_went_silent(lease("b"), 15, Step::Take { transitions: 4 })]
    fn steps(#[case] stored: Option<Stored>, #[case] unchanged: u64, #[case] expected: Step) {
        assert_eq!(
            step(stored.as_ref(), "a", Duration::from_secs(unchanged)),
            expected
        );
    }
}
