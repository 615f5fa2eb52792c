//! What must be right before an engine begins. Nothing is written before, and all problems are reported at once.
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

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A reason for programs, CamelCase.
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

/// What is wrong, a line each. A remedy that several problems share is said once, after the last of them.
pub fn sentences(problems: &[Problem]) -> String {
    let line = |(at, problem): (usize, &Problem)| {
        let said_later = problems[at + 1..]
            .iter()
            .any(|later| later.remedy == problem.remedy);
        if said_later {
            problem.message.clone()
        } else {
            problem.to_string()
        }
    };
    problems
        .iter()
        .enumerate()
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
}

/// A server and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// `host:port`.
    pub address: String,
    /// Its answer.
    pub probe: Probe,
}

/// What is known so far. Facts that are not known yet are left out and not judged, so [`check`] can be called at
/// every step.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// Name of the engine, by which its checkpoint is found.
    pub engine: &'a str,
    /// What is kept equal.
    pub routes: &'a Routes,
    /// Servers of A.
    pub source: &'a [Server],
    /// Servers of B.
    pub target: &'a [Server],
    /// A's tree, once it was read.
    pub a: Option<&'a Tree>,
    /// B's tree, once it was read.
    pub b: Option<&'a Tree>,
    /// Whether both sides were found to be the same ensemble, see [`crate::identity::same_ensemble`].
    pub same_ensemble: bool,
    /// Whether A is the ensemble that the stored identity describes.
    pub identity: Option<Verdict>,
    /// The refusal, if there is too little memory.
    pub memory: Option<Refusal>,
    /// Whether client ports are good enough. They are used where no observer can join.
    pub client_ports_will_do: bool,
    /// B is filled by file. It does not run yet, so its servers are not asked.
    pub seeded_by_file: bool,
    /// The user allows that data is lost on the side that follows (`--overwrite`). Has to be given at each start and
    /// is never stored.
    pub overwrite: bool,
}

impl<'a> Facts<'a> {
    /// Facts of an engine that knows nothing yet.
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

/// All problems, in the order in which a person would solve them. The engine may begin when there is none.
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
        // Other differences do not matter then.
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
