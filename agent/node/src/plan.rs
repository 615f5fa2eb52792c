//! The next step for one component: desired x observed -> step. Pure.
//!
//! ```text
//!            absent/ended ──Start──► running ──(other digest: Stop)──► ended ──Start──► ...
//! goal Parked:                       running ──Stop──► ended ──Keep (a copy of its data is made)
//! goal Gone:                         running ──Stop──► ended ──Clear (archive or delete)──► Finished
//! goal Left (an agent):              running or ended ──Leave (its tasks end)──► goal Gone
//! ```

use std::time::Duration;

/// What should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal<'a> {
    /// A process with this configuration.
    Run { digest: &'a str },
    /// No process; its data stays, and there is a copy of it.
    Parked,
    /// Neither process nor data.
    Gone,
    /// Nothing of what it started; then neither process nor data.
    Left,
}

/// What is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen<'a> {
    /// No process (never started, stopped by us, or died and waiting).
    NoProcess { data: bool },
    /// A process started with this configuration.
    Process { digest: &'a str },
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// All as it should be: watch its health.
    Watch,
    Start,
    /// It died recently: wait.
    Wait(Duration),
    Stop,
    /// End what it started, whether it runs or not.
    Leave,
    /// Make the copy, unless it is there.
    Keep,
    /// Archive or delete the data.
    Clear,
    /// Nothing is left.
    Finished,
}

pub(crate) fn next(goal: Goal<'_>, seen: Seen<'_>, back_off: Duration) -> Step {
    match (goal, seen) {
        (Goal::Run { digest }, Seen::Process { digest: running }) if digest == running => Step::Watch,
        (Goal::Run { .. } | Goal::Parked | Goal::Gone, Seen::Process { .. }) => Step::Stop,
        (Goal::Parked, Seen::NoProcess { .. }) => Step::Keep,
        (Goal::Run { .. }, Seen::NoProcess { .. }) if back_off > Duration::ZERO => Step::Wait(back_off),
        (Goal::Run { .. }, Seen::NoProcess { .. }) => Step::Start,
        (Goal::Left, Seen::Process { .. } | Seen::NoProcess { data: true }) => Step::Leave,
        (Goal::Gone, Seen::NoProcess { data: true }) => Step::Clear,
        (Goal::Gone | Goal::Left, Seen::NoProcess { data: false }) => Step::Finished,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const RUN: Goal<'_> = Goal::Run { digest: "a" };
    const NONE: Seen<'_> = Seen::NoProcess { data: false };
    const DATA: Seen<'_> = Seen::NoProcess { data: true };

    #[rstest]
    #[case(Goal::Left, Seen::Process { digest: "a" }, 0, Step::Leave)]
    #[case(Goal::Left, DATA, 4, Step::Leave)]
    #[case(Goal::Left, NONE, 0, Step::Finished)]
    #[case(RUN, NONE, 0, Step::Start)]
    #[case(RUN, DATA, 0, Step::Start)]
    #[case(RUN, DATA, 4, Step::Wait(Duration::from_secs(4)))]
    #[case(RUN, Seen::Process { digest: "a" }, 0, Step::Watch)]
    #[case(RUN, Seen::Process { digest: "a" }, 4, Step::Watch)]
    #[case(RUN, Seen::Process { digest: "b" }, 0, Step::Stop)]
    #[case(Goal::Gone, Seen::Process { digest: "a" }, 0, Step::Stop)]
    #[case(Goal::Parked, Seen::Process { digest: "a" }, 0, Step::Stop)]
    #[case(Goal::Parked, DATA, 4, Step::Keep)]
    #[case(Goal::Parked, NONE, 0, Step::Keep)]
    #[case(Goal::Gone, DATA, 4, Step::Clear)]
    #[case(Goal::Gone, NONE, 4, Step::Finished)]
    fn next_step(#[case] goal: Goal<'_>, #[case] seen: Seen<'_>, #[case] wait: u64, #[case] expected: Step) {
        assert_eq!(next(goal, seen, Duration::from_secs(wait)), expected);
    }
}
