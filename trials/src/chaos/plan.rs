//! Plans which trials run in which worlds. Pure: the same request always gives the same trials.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::Request;
use crate::faults::{self, Fault};
use crate::version::Version;

/// Number of trials in one world. Starting a world takes longer than a trial.
const TRIALS_OF_A_WORLD: usize = 10;

/// A `jute.maxbuffer` that somebody has raised.
const RAISED: u32 = 2 << 20;

/// What a fault needs of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Each side in a network namespace of its own.
    Standard,
    /// A relay between the engine and B that delays by so many milliseconds.
    Slow(u64),
    /// B keeps its data on a small disk.
    SmallDisk,
    /// B's clock is wrong by this much.
    WrongClock(&'static str),
}

/// A trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// The seed that everything random in it comes from.
    pub seed: u64,
    /// The fault that happens.
    pub fault: Fault,
}

/// The trials of one world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorldPlan {
    /// The kind of world.
    pub kind: Kind,
    /// Versions of A and B.
    pub versions: [Version; 2],
    /// `jute.maxbuffer` of A and B, where it is not the default.
    pub buffers: [Option<u32>; 2],
    /// One after the other.
    pub trials: Vec<Trial>,
}

/// Plans each fault equally often, in worlds of random versions.
pub fn plan(request: &Request) -> Vec<WorldPlan> {
    let mut rng = StdRng::seed_from_u64(request.seed);
    let wanted = |fault: &Fault| {
        request
            .only
            .as_ref()
            .is_none_or(|only| fault.to_string().contains(only.as_str()))
    };
    let possible = |fault: &Fault| !request.itself || alone(*fault);
    let faults: Vec<_> = faults::ALL
        .into_iter()
        .filter(|fault| wanted(fault) && possible(fault))
        .collect();
    let mut plans: Vec<WorldPlan> = Vec::new();
    // A short run does not reach every fault, so each seed begins at another one.
    let first = rng.random_range(0..faults.len().max(1));
    for fault in faults
        .iter()
        .cycle()
        .skip(first)
        .take(request.trials.min(faults.len() * request.trials))
    {
        let trial = Trial {
            seed: rng.random(),
            fault: *fault,
        };
        let kind = kind(*fault, &mut rng);
        let fits = |plan: &&mut WorldPlan| {
            plan.trials.len() < TRIALS_OF_A_WORLD
                && std::mem::discriminant(&plan.kind) == std::mem::discriminant(&kind)
        };
        match plans.iter_mut().find(fits) {
            Some(plan) => plan.trials.push(trial),
            None => plans.push(WorldPlan {
                kind,
                versions: request
                    .versions
                    .unwrap_or_else(|| [(); 2].map(|()| Version::random(&mut rng))),
                buffers: buffers(kind, &mut rng),
                trials: vec![trial],
            }),
        }
    }
    plans
}

fn kind(fault: Fault, rng: &mut StdRng) -> Kind {
    match fault {
        Fault::SlowLink => Kind::Slow(*[1, 10, 50].choose(rng).unwrap_or(&10)),
        Fault::FullDisk => Kind::SmallDisk,
        Fault::WrongClock => Kind::WrongClock(["-2h", "+90m", "-3s"].choose(rng).unwrap_or(&"-2h")),
        _ => Kind::Standard,
    }
}

/// Limits that nobody has touched, or raised on both sides, or on one only.
fn buffers(kind: Kind, rng: &mut StdRng) -> [Option<u32>; 2] {
    if matches!(kind, Kind::SmallDisk) {
        return [None; 2];
    }
    let raised = Some(RAISED);
    let of_either = [[None, None], [raised, raised], [raised, None], [None, raised]];
    *of_either.choose(rng).unwrap_or(&[None; 2])
}

/// What is left out of the trial with a seed, of each side's part of it: children of a node with sequential ones.
pub(super) const LEFT_OUT: [&str; 2] = ["/queue/left-out", "/queue/left-out-too"];

/// The node that a trial's nodes are below.
pub(super) fn root(trial: &Trial) -> String {
    format!("/t{:x}", trial.seed)
}

/// Whether it can happen to an ensemble without an engine.
fn alone(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::Calm
            | Fault::KillMember(..)
            | Fault::PauseMember(..)
            | Fault::LoseQuorum(_)
            | Fault::RollingRestart(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_same_request_gives_the_same_trials_and_all_faults() {
        let request = Request {
            trials: 240,
            seed: 7,
            away: Duration::ZERO,
            both: false,
            itself: false,
            only: None,
            versions: None,
        };
        let plans = plan(&request);
        assert_eq!(plans, plan(&request));
        let trials: Vec<_> = plans.iter().flat_map(|plan| &plan.trials).collect();
        assert_eq!(trials.len(), 240);
        for fault in faults::ALL {
            assert!(trials.iter().any(|trial| trial.fault == fault), "{fault}");
        }
        let kinds: std::collections::BTreeSet<_> = plans.iter().map(|plan| plan.buffers).collect();
        assert_eq!(kinds.len(), 4, "{kinds:?}");
        let other = plan(&Request { seed: 8, ..request });
        assert_ne!(plans, other);
    }
}
