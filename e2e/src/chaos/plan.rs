//! Plans what happens in each trial. Pure: a seed always gives the same trials.

use std::fmt;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

/// The phases, in order.
pub const PHASES: [&str; 6] = [
    "DeployZk",
    "DeployMasters",
    "RetireMasters",
    "DeployAgents",
    "DrainAgents",
    "RemoveZk",
];
/// The moments of a phase in which something may happen.
pub const STAGES: [&str; 3] = ["Acting", "Verifying", "AwaitingApproval"];

/// What is hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The operator.
    Operator,
    /// One of the two sync engines.
    Engine,
    /// A ZooKeeper server of ensemble A.
    ServerOfA,
    /// A ZooKeeper server of ensemble B.
    ServerOfB,
    /// All servers of ensemble A: it has no quorum, or is cut off from everybody.
    EnsembleA,
    /// All servers of ensemble B.
    EnsembleB,
    /// The master that leads.
    LeadingMaster,
    /// A Mesos agent.
    MesosAgent,
    /// A node agent.
    NodeAgent,
}

/// All of them.
pub const TARGETS: [Target; 9] = [
    Target::Operator,
    Target::Engine,
    Target::ServerOfA,
    Target::ServerOfB,
    Target::EnsembleA,
    Target::EnsembleB,
    Target::LeadingMaster,
    Target::MesosAgent,
    Target::NodeAgent,
];

/// How it is hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// `kill -9`; whoever supervises it starts it again.
    Kill,
    /// Stopped by SIGSTOP for so many seconds.
    Pause(u64),
}

/// One trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// Number, from 1.
    pub number: usize,
    /// Index into [`PHASES`] of the phase in which it happens.
    pub phase: usize,
    /// Stage in which it happens.
    pub stage: &'static str,
    /// Whether it happens on the way back.
    pub back: bool,
    /// Index of the last phase that is made before the way back begins; never before `phase`.
    pub turn: usize,
    /// What is hit.
    pub target: Target,
    /// How.
    pub blow: Blow,
    /// Which of several, when there are some.
    pub choice: u32,
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blow = match self.blow {
            Blow::Kill => "killed".to_owned(),
            Blow::Pause(seconds) => format!("paused for {seconds} s"),
        };
        write!(
            f,
            "{}: {:?} {blow} in {} {}{}, back from {}",
            self.number,
            self.target,
            PHASES[self.phase],
            self.stage,
            if self.back { " on the way back" } else { "" },
            PHASES[self.turn]
        )
    }
}

/// Plans trials: targets and phases take turns, so that a short run meets all of them; the rest is random.
/// `last` is the index of the last phase that a trial goes to.
#[must_use]
pub fn plan(seed: u64, trials: usize, last: usize) -> Vec<Trial> {
    let mut rng = StdRng::seed_from_u64(seed);
    let first: usize = rng.random_range(0..TARGETS.len());
    let one = |number: usize| {
        let phase = (number - 1) % (last + 1);
        let turn = rng.random_range(phase..=last);
        let back = rng.random_bool(0.3);
        // A way back has two stages that last.
        let stages = if back { &STAGES[..2] } else { &STAGES[..] };
        let pause = rng.random_range(3..25);
        Trial {
            number,
            phase,
            stage: stages.choose(&mut rng).copied().unwrap_or("Acting"),
            back,
            turn,
            target: TARGETS[(first + number) % TARGETS.len()],
            blow: if rng.random_bool(0.5) {
                Blow::Kill
            } else {
                Blow::Pause(pause)
            },
            choice: rng.random(),
        }
    };
    (1..=trials).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_trials_and_a_short_run_meets_every_target_and_phase() {
        let trials = plan(7, 18, 4);
        assert_eq!(trials, plan(7, 18, 4));
        assert_ne!(trials, plan(8, 18, 4));
        for target in TARGETS {
            assert!(trials.iter().any(|trial| trial.target == target), "{target:?}");
        }
        for phase in 0..=4 {
            assert!(trials.iter().any(|trial| trial.phase == phase), "{phase}");
        }
        assert!(
            trials
                .iter()
                .all(|trial| trial.turn >= trial.phase && trial.turn <= 4)
        );
    }
}
