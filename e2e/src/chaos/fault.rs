//! Hits one part of the world, and sets it right again.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::plan::{Blow, Target, Trial};
use crate::context::Context;
use crate::machine;

/// The operator and the node agents have nobody here who starts them again; an operator's machine has.
const RESTART_AFTER: Duration = Duration::from_secs(3);

/// A blow that was given.
#[derive(Debug)]
pub struct Given {
    pids: Vec<u32>,
    /// When it is over.
    until: Instant,
    after: After,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Nothing,
    Continue,
    StartOperator,
    StartNodes,
}

impl Given {
    /// How many processes were hit.
    #[must_use]
    pub fn hit(&self) -> usize {
        self.pids.len()
    }

    /// Whether it is time to set it right.
    #[must_use]
    pub fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Sets it right.
    ///
    /// # Errors
    /// When a part does not start again.
    pub fn end(self, cx: &Context) -> anyhow::Result<()> {
        match self.after {
            After::Nothing => {}
            After::Continue => {
                for pid in self.pids {
                    machine::signal(pid, "CONT").ok(); // it may have been ended meanwhile
                }
            }
            After::StartOperator => drop(cx.world.start_operator()?),
            After::StartNodes => {
                for node in cx.world.nodes() {
                    cx.world.start_node(node.options())?;
                }
            }
        }
        Ok(())
    }
}

/// Gives the blow of a trial; hits nothing when there is no such part now.
///
/// # Errors
/// When a process cannot be signalled.
pub fn give(cx: &Context, trial: &Trial) -> anyhow::Result<Given> {
    let pids = pids(cx, trial)?;
    let (signal, lasts) = match trial.blow {
        Blow::Kill => ("KILL", RESTART_AFTER),
        Blow::Pause(seconds) => ("STOP", Duration::from_secs(seconds)),
    };
    for pid in &pids {
        machine::signal(*pid, signal).ok(); // it may have ended by itself
    }
    Ok(Given {
        pids,
        until: Instant::now() + lasts,
        after: match (trial.blow, trial.target) {
            (Blow::Pause(_), _) => After::Continue,
            (Blow::Kill, Target::Operator) => After::StartOperator,
            (Blow::Kill, Target::NodeAgent) => After::StartNodes,
            (Blow::Kill, _) => After::Nothing,
        },
    })
}

fn pids(cx: &Context, trial: &Trial) -> anyhow::Result<Vec<u32>> {
    let one = |mut all: Vec<u32>| -> Vec<u32> {
        if all.is_empty() {
            return all;
        }
        let index = trial.choice as usize % all.len();
        vec![all.swap_remove(index)]
    };
    let agents = || (1..=3).flat_map(|n| machine::pids(&["mesos-agent", &format!("--ip={}", cx.ip(n))]));
    Ok(match trial.target {
        Target::Operator => cx
            .world
            .operator()
            .map(|process| process.pid())
            .into_iter()
            .collect(),
        Target::Engine => one(cx.engines()),
        Target::ServerOfA => one(cx.servers("zookeeper")),
        Target::ServerOfB => one(cx.servers("zookeeper2")),
        Target::EnsembleA => cx.servers("zookeeper"),
        Target::EnsembleB => cx.servers("zookeeper2"),
        Target::LeadingMaster => match cx.leader() {
            Ok(leader) => {
                let (ip, port) = leader.rsplit_once(':').context("the leader's address")?;
                machine::pids(&["master", &format!("--ip={ip}"), &format!("--port={port}")])
            }
            Err(_) => Vec::new(), // nobody leads just now
        },
        Target::MesosAgent => one(agents().collect()),
        Target::NodeAgent => {
            let running = cx.world.nodes().iter().filter_map(|node| node.process());
            one(running.map(|process| process.pid()).collect())
        }
    })
}
