//! The machine of a migration: `Phase x Stage x Direction`.
//!
//! ```text
//! DeployZk -> DeployMasters -> RetireMasters -> DeployAgents -> DrainAgents -> RemoveZk
//! in each:    Preflight -> Acting -> Verifying -> AwaitingApproval -> Done
//! ```

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One of the six phases, in order.
#[derive(
    JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash,
)]
pub enum Phase {
    /// 1: the new ensemble runs and is kept equal.
    #[default]
    DeployZk,
    /// 2: the new masters have joined.
    DeployMasters,
    /// 3: the old masters are stopped, the leader is new.
    RetireMasters,
    /// 4: the new agents are registered.
    DeployAgents,
    /// 5: all tasks are on the new side.
    DrainAgents,
    /// 6: the old ensemble is stopped.
    RemoveZk,
}

impl Phase {
    /// All phases, in order.
    pub const ALL: [Self; 6] = [
        Self::DeployZk,
        Self::DeployMasters,
        Self::RetireMasters,
        Self::DeployAgents,
        Self::DrainAgents,
        Self::RemoveZk,
    ];

    /// Its number, counted from 1.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    /// Number and count, for the column: 2/6.
    #[must_use]
    pub fn step(self) -> String {
        format!("{}/{}", self.number(), Self::ALL.len())
    }

    /// The phase with that number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number.checked_sub(1)?)).copied()
    }

    /// The phase after it.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::from_number(self.number() + 1)
    }

    /// The phase before it.
    #[must_use]
    pub fn previous(self) -> Option<Self> {
        Self::from_number(self.number() - 1)
    }

    /// Its name, as in approvals.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeployZk => "DeployZk",
            Self::DeployMasters => "DeployMasters",
            Self::RetireMasters => "RetireMasters",
            Self::DeployAgents => "DeployAgents",
            Self::DrainAgents => "DrainAgents",
            Self::RemoveZk => "RemoveZk",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no phase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no phase: DeployZk, DeployMasters, RetireMasters, DeployAgents, DrainAgents or RemoveZk")]
pub struct UnknownPhase(String);

impl FromStr for Phase {
    type Err = UnknownPhase;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|p| p.as_str() == text)
            .ok_or_else(|| UnknownPhase(text.to_owned()))
    }
}

/// Where a phase stands.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Stage {
    /// May it start?
    #[default]
    Preflight,
    /// What is missing is being done.
    Acting,
    /// What was done is checked.
    Verifying,
    /// The evidence waits for a person.
    AwaitingApproval,
    /// The gate is open.
    Done,
}

/// Which way the migration goes.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Towards cluster B.
    #[default]
    Forward,
    /// Back to cluster A.
    Back,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_follow_each_other() {
        assert_eq!(Phase::DeployZk.previous(), None);
        assert_eq!(Phase::RemoveZk.next(), None);
        for (at, phase) in Phase::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(phase.number()), at + 1);
            assert_eq!(phase.as_str().parse(), Ok(phase));
            assert_eq!(phase.next().map_or(Some(phase), Phase::previous), Some(phase));
        }
        assert_eq!(Phase::DeployMasters.step(), "2/6");
        assert!("deployzk".parse::<Phase>().is_err());
    }
}
