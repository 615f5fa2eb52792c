//! What must be right before an engine begins: nothing is written before, and everything that is wrong is said at once.
//!
//! [`check`] is pure, over what [`probe`] and the observers' trees say.

mod content;
mod servers;
#[cfg(test)]
mod tests;

pub use servers::{Probe, probe};

use mesolith_zk::tree::Tree;
use serde::{Deserialize, Serialize};

use crate::estimate::Refusal;
use crate::identity::Verdict;
use crate::settings::Side;
use crate::{Routes, checkpoint};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// CamelCase, for programs.
    pub reason: String,
    /// What is wrong, and where.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl Problem {
    fn new(reason: &str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            reason: reason.to_owned(),
            message: message.into(),
            remedy: remedy.into(),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.message, self.remedy)
    }
}

/// A server as it was given, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// `host:port`.
    pub address: String,
    /// What it says.
    pub probe: Probe,
}

/// What is known. Whatever is not known yet is left out and not judged, so that [`check`] can be asked at every step.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// Name of the engine; its checkpoint is found by it.
    pub engine: &'a str,
    /// What is kept equal.
    pub routes: &'a Routes,
    /// Servers of A.
    pub source: &'a [Server],
    /// Servers of B.
    pub target: &'a [Server],
    /// A's tree.
    pub a: Option<&'a Tree>,
    /// B's tree.
    pub b: Option<&'a Tree>,
    /// Whether both were found to be one ensemble: see [`crate::identity::same_ensemble`].
    pub same_ensemble: bool,
    /// What the stored identity says of A.
    pub identity: Option<Verdict>,
    /// Whether the memory is too small.
    pub memory: Option<Refusal>,
    /// Where no observer can join, an ensemble is followed through its client ports.
    pub client_ports_will_do: bool,
    /// B is filled by file: it does not run yet, so its servers are not asked.
    pub seeded_by_file: bool,
    /// The user wants what the side that follows has in scope to be lost (`--overwrite`). Asked for with each start and never kept.
    pub overwrite: bool,
}

impl<'a> Facts<'a> {
    /// Nothing known.
    pub fn new(engine: &'a str, routes: &'a Routes) -> Self {
        Self {
            engine,
            routes,
            source: &[],
            target: &[],
            a: None,
            b: None,
            same_ensemble: false,
            identity: None,
            memory: None,
            client_ports_will_do: false,
            seeded_by_file: false,
            overwrite: false,
        }
    }
}

/// Everything that is wrong, in the order in which a person would mend it. None: the engine may begin.
pub fn check(facts: &Facts<'_>) -> Vec<Problem> {
    let mut problems = servers::check(Side::A, facts.source, facts.client_ports_will_do);
    if !facts.seeded_by_file {
        problems.extend(servers::check(Side::B, facts.target, facts.client_ports_will_do));
    }
    if facts.same_ensemble {
        problems.push(Problem::new(
            "SameEnsemble",
            "--source and --target are the same ensemble: a session that was opened on one is on the other.",
            "Name the servers of two different ensembles.",
        ));
        // What else differs is of no interest then.
        return problems;
    }
    if let Some(Verdict::Different(sentence)) = &facts.identity {
        problems.push(Problem::new(
            "SourceChanged",
            format!("--source is not what {} followed before: {sentence}.", facts.engine),
            format!(
                "Name the ensemble that was followed before; or, if this one is meant, delete {} on the target and start \
                 with --overwrite, which makes the target equal to it.",
                checkpoint::Checkpoint::path(facts.engine)
            ),
        ));
    }
    if let Some(refusal) = &facts.memory {
        problems.push(Problem::new(
            "NotEnoughMemory",
            format!("{refusal}."),
            "Both whole trees are held, whatever --paths says.",
        ));
    }
    problems.extend(content::check(facts));
    problems
}
